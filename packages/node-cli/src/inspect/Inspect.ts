/**
 * `aechannel inspect`: explains encoded strings.
 *
 * @since 0.1.0
 */
import { Crypto } from "@aechannel/core/crypto/Crypto"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Json from "@aechannel/core/encoding/Json"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Stdin from "../Stdin.js"
import { explainAll } from "./Explain.js"
import { toJson } from "./Explanation.js"
import { NotExplained, problemToJson } from "./Problem.js"
import { render } from "./Render.js"

const strings = Args.text({ name: "string" }).pipe(
  Args.withDescription(
    "a transaction, id, hash, proof of inclusion, state trees …; - reads them from the standard input, one on each line"
  ),
  Args.atLeast(1)
)
const json = Options.boolean("json").pipe(
  Options.withDescription(
    "print one line of JSON for each string; integers without bound are decimal strings"
  )
)
const networkIds = Options.text("network-id").pipe(
  Options.repeated,
  Options.withDescription(
    "network a signature may be for, in place of ae_mainnet, ae_uat and ae_dev; may be repeated"
  )
)
const signers = Options.text("signer").pipe(
  Options.repeated,
  Options.withDescription(
    "account (ak_…) that may have signed, beside those the strings name; may be repeated"
  )
)

class NothingToInspect extends Data.TaggedError("NothingToInspect")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

/** More than any block holds. */
const maximumInput = 64 * 1024 * 1024

const readInputs = (given: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const misplaced = given.find((text) => /^--?[a-z]/.test(text))
    if (misplaced !== undefined)
      return yield* new NothingToInspect({
        detail: `there is no option “${misplaced.slice(0, 32)}” here, and no encoded string begins with a dash. See \`aechannel inspect --help\`; options stand before the strings.`
      })
    const fromStdin = given.includes("-")
      ? (yield* Stdin.read(maximumInput)).split(/\r?\n/).map((line) => line.trim())
      : []
    const inputs = given.flatMap((text) => (text === "-" ? fromStdin : [text.trim()]))
    const filled = inputs.filter((text) => text !== "")
    if (filled.length === 0)
      return yield* new NothingToInspect({
        detail:
          "there is nothing to inspect: the input is empty. Give a string such as ak_… or tx_…, or one on each line of the standard input."
      })
    return filled
  })

const readSigners = (texts: ReadonlyArray<string>) =>
  Effect.forEach(texts, (text) =>
    Effect.mapError(
      ApiEncoding.parse("ak", text),
      ({ detail, reason }) =>
        new NothingToInspect({ detail: `--signer takes an account address (ak_…): ${reason}: ${detail}.` })
    )
  )

const run = (options: {
  readonly strings: ReadonlyArray<string>
  readonly json: boolean
  readonly networkIds: ReadonlyArray<string>
  readonly signers: ReadonlyArray<string>
}) =>
  Effect.gen(function* () {
    const inputs = yield* readInputs(options.strings)
    const results = yield* explainAll(inputs, {
      crypto: yield* Crypto,
      networkIds: options.networkIds,
      signers: yield* readSigners(options.signers)
    })
    const problems: Array<NotExplained> = []
    let printed = 0
    for (const [index, result] of results.entries()) {
      if (Either.isRight(result)) {
        const { right } = result
        if (printed++ > 0 && !options.json) yield* Console.log("")
        yield* Console.log(options.json ? Json.stringify(toJson(right)) : render(right))
        continue
      }
      const problem = new NotExplained({
        position: index + 1,
        of: inputs.length,
        input: Redacted.make(inputs[index] ?? ""),
        error: result.left
      })
      problems.push(problem)
      if (options.json) yield* Console.log(Json.stringify(problemToJson(problem)))
    }
    if (problems.length > 0)
      return yield* Effect.failCause(
        problems.map((problem) => Cause.fail(problem)).reduce((all, one) => Cause.sequential(all, one))
      )
  }).pipe(Effect.provide(NativeCrypto.layer))

/**
 * @since 0.1.0
 * @category commands
 */
export const inspect = Command.make("inspect", { strings, json, networkIds, signers }, run).pipe(
  Command.withDescription(
    "Explain encoded strings: what they are, what they hold, their hashes, who signed, which fee is due. Several strings explain each other: accounts that one of them names are tried as signers of the others."
  )
)
