/**
 * What the commands read: code and JSON, from files, arguments and the standard input.
 *
 * @since 0.1.0
 */
import * as CodeObject from "@aechannel/core/chain/CodeObject"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Json from "@aechannel/core/encoding/Json"
import * as Bytecode from "@aechannel/core/fate/Bytecode"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Stdin from "../Stdin.js"
import { complaint, FateError } from "./Problem.js"

/** More than any transaction holds. */
const maximumInput = 16 * 1024 * 1024

const readFile = (file: string, what: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(file)).pipe(
    Effect.mapError(
      (error) =>
        new FateError({
          detail:
            error._tag === "SystemError" && error.reason === "NotFound"
              ? `there is no file ${JSON.stringify(file)} to read ${what} from.`
              : `cannot read ${what} from ${JSON.stringify(file)}: ${error.message}.`
        })
    )
  )

/**
 * A contract's code: as text, its bytes, and its program.
 *
 * @since 0.1.0
 * @category models
 */
export interface Code {
  readonly text: string
  readonly bytes: Uint8Array
  readonly payable: boolean
  readonly program: Bytecode.Program
}

/**
 * Reads code from what an argument names. Fails with `FateError`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const readCode = (given: string) =>
  Effect.gen(function* () {
    const text = (
      given === "-"
        ? yield* Stdin.read(maximumInput)
        : given.startsWith("cb_")
          ? given
          : yield* readFile(given, "a contract's code")
    ).trim()
    const bad = (what: string) =>
      new FateError({
        detail: `cannot read the contract's code: ${what}. It takes cb_… as the compiler prints it, or a file with that.`
      })
    const bytes = yield* Effect.mapError(ApiEncoding.decode("cb", text), (error) => bad(complaint(error)))
    const object = yield* Effect.mapError(CodeObject.decode(bytes), (error) =>
      bad(`${complaint(error)}; call data and values are no code`)
    )
    const program = yield* Effect.mapError(Bytecode.parse(object.byteCode), (error) =>
      bad(`${complaint(error)}; only FATE code can be read`)
    )
    return { text, bytes, payable: object.payable, program } satisfies Code
  })

/**
 * Reads a file of JSON. Fails with `FateError`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const readJson = (file: string, what: string) =>
  Effect.gen(function* () {
    const text = yield* readFile(file, what)
    return yield* Effect.mapError(
      Json.parse(text),
      (error) =>
        new FateError({ detail: `${JSON.stringify(file)} is no JSON, so no ${what}: ${complaint(error)}.` })
    )
  })
