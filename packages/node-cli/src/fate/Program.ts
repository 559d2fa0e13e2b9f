/**
 * What the commands below `fate` do.
 *
 * @since 0.1.0
 */
import type { LogEntry } from "@aechannel/core/chain/CallObject"
import { Crypto } from "@aechannel/core/crypto/Crypto"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Bytes from "@aechannel/core/encoding/Bytes"
import * as Json from "@aechannel/core/encoding/Json"
import * as Disassembly from "@aechannel/core/fate/Disassembly"
import type * as Engine from "@aechannel/core/fate/Engine"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { many, quote } from "../inspect/Render.js"
import * as Calls from "./Calls.js"
import { readCode } from "./Input.js"
import * as Play from "./Play.js"
import { complaint, FateError } from "./Problem.js"
import * as Store from "./Store.js"
import * as Words from "./Words.js"

/**
 * Prints byte code as text. Fails with `FateError`.
 *
 * @since 0.1.0
 * @category commands
 */
export const disassemble = (given: string) =>
  Effect.flatMap(readCode(given), ({ program }) => Console.log(Words.harmless(Disassembly.text(program))))

/** The options of `run`. @since 0.1.0 @category models */
export interface RunOptions {
  readonly code: string
  readonly called: string
  readonly args: ReadonlyArray<string>
  readonly aci: string | undefined
  readonly gas: number
  readonly amount: string
  readonly balance: string
  readonly caller: string | undefined
  readonly store: string | undefined
  readonly save: string | undefined
  readonly protocol: number
  readonly height: number
  readonly json: boolean
}

/** An account that nobody has the key of. */
const nobody = ApiEncoding.encode("ak", new Uint8Array(32).fill(1))

const readAettos = (option: string, text: string) =>
  /^\d{1,40}$/.test(text)
    ? Effect.succeed(BigInt(text))
    : new FateError({ detail: `--${option} takes a whole number of aettos, not ${quote(text)}.` })

const within = (option: string, value: number, from: number, to: number) =>
  value >= from && value <= to
    ? Effect.void
    : new FateError({ detail: `--${option} takes a number from ${from} to ${to}, not ${value}.` })

const readCaller = (text: string | undefined) =>
  text === undefined
    ? Effect.succeed(nobody)
    : Effect.mapError(
        ApiEncoding.parse("ak", text),
        (error) => new FateError({ detail: `--caller takes an account (ak_…): ${complaint(error)}.` })
      )

type Finished = Extract<Engine.Outcome, { readonly _tag: "Finished" }>

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1")

const resultText = ({ returnType, returnValue }: Finished): string =>
  returnType === "error" ? latin1(returnValue) : Words.ofValue(returnValue)

interface Report {
  readonly finished: Finished
  readonly gas: number
  readonly before: Store.Store
  readonly after: Store.Store
  /** The result in the words of the contract's interface. */
  readonly decoded: Json.Json | undefined
}

/** The oldest first, as they were made. */
const events = ({ log }: Finished): ReadonlyArray<LogEntry> => [...log].reverse()

const lines = ({ after, before, decoded, finished, gas }: Report): ReadonlyArray<string> => {
  const changed = Store.changes(before, after)
  const written = changed.filter(({ value }) => value !== undefined)
  const bytes = written.reduce(
    (sum, { key, value = new Uint8Array() }) => sum + key.length / 2 + value.length,
    0
  )
  const log = events(finished)
  return [
    `${finished.returnType.padEnd(9)} ${decoded === undefined ? resultText(finished) : Json.stringify(decoded)}`,
    `gas       ${finished.gasUsed} of ${gas}`,
    `log       ${log.length === 0 ? "nothing" : many(log.length, "event")}`,
    ...log.flatMap(({ data, topics }) => [
      `  ${Words.ofText(data)}`,
      ...topics.map((topic) => `    #${Bytes.toHex(topic)}`)
    ]),
    `store     ${many(after.size, "entry", "entries")}, ${many(Store.bytesOf(after), "byte")}; written ${
      written.length === 0 ? "nothing" : `${many(written.length, "entry", "entries")}, ${many(bytes, "byte")}`
    }${changed.length > written.length ? `; removed ${changed.length - written.length}` : ""}`,
    ...changed.map((change) => `  ${Store.describe(change)}`)
  ]
}

/** Readers of JSON lose digits of integers beyond 2^53. */
const withoutIntegers = (json: Json.Json): Json.Json => {
  if (typeof json === "bigint") return json.toString()
  if (Json.isArray(json)) return json.map(withoutIntegers)
  if (!Json.isObject(json)) return json
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, withoutIntegers(value)]))
}

const toJson = ({ after, before, decoded, finished }: Report): Json.JsonObject => ({
  return_type: finished.returnType,
  return_value: ApiEncoding.encode("cb", finished.returnValue),
  text: resultText(finished),
  ...(decoded === undefined ? {} : { decoded: withoutIntegers(decoded) }),
  gas_used: finished.gasUsed,
  log: events(finished).map(({ address, data, topics }) => ({
    address: ApiEncoding.encode("ct", address),
    topics: topics.map((topic) => BigInt(`0x${Bytes.toHex(topic)}`).toString()),
    data: ApiEncoding.encode("cb", data)
  })),
  store: {
    entries: after.size,
    bytes: Store.bytesOf(after),
    changes: Store.changes(before, after).map((change) => ({
      key: change.key,
      value: change.value === undefined ? null : Bytes.toHex(change.value),
      text: Store.describe(change)
    }))
  }
})

const save = (file: string, store: Store.Store) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    fs.writeFileString(file, `${Json.stringify(Store.toJson(store))}\n`)
  ).pipe(
    Effect.mapError(
      (error) =>
        new FateError({ detail: `cannot write the store to ${JSON.stringify(file)}: ${error.message}.` })
    )
  )

const refused = (outcome: Exclude<Engine.Outcome, Finished>): FateError =>
  new FateError({
    detail:
      outcome._tag === "Crashed"
        ? `the call has no result: nodes break down on it, so that nobody can make it (${outcome.reason}). Before init has run, what the contract keeps is not there: run init with --save FILE, then this with --store FILE.`
        : `the call has no result: it asks for what this chain does not have (${outcome.read._tag}).`
  })

/**
 * Makes a call and prints what came of it. Fails with `FateError`, also where the call ends in an error or a revert.
 *
 * @since 0.1.0
 * @category commands
 */
export const call = (options: RunOptions) =>
  Effect.gen(function* () {
    yield* within("protocol", options.protocol, 4, 6)
    yield* within("gas", options.gas, 0, 1_000_000_000)
    yield* within("height", options.height, 0, Number.MAX_SAFE_INTEGER)
    const amount = yield* readAettos("amount", options.amount)
    const balance = yield* readAettos("balance", options.balance)
    const caller = yield* readCaller(options.caller)
    const code = yield* readCode(options.code)
    const named = yield* Calls.make(code, options)
    const store = options.store === undefined ? Store.first : yield* Store.read(options.store)
    const played = Play.play(
      {
        code: code.bytes,
        callData: named.callData,
        store,
        caller,
        gas: options.gas,
        amount,
        balance,
        protocol: options.protocol,
        height: options.height
      },
      yield* Crypto
    )
    const { outcome } = played
    if (outcome._tag !== "Finished") return yield* refused(outcome)
    const decoded = outcome.returnType === "ok" ? named.read(outcome.returnValue) : undefined
    const report: Report = {
      finished: outcome,
      gas: options.gas,
      before: store,
      after: played.store,
      decoded
    }
    yield* Console.log(
      options.json ? Json.stringify(toJson(report)) : Words.harmless(lines(report).join("\n"))
    )
    if (outcome.returnType !== "ok")
      return yield* new FateError({
        detail: `${named.name} ended in ${outcome.returnType === "error" ? "an error" : "a revert"}: ${outcome.returnType === "error" ? quote(resultText(outcome)) : Words.harmless(resultText(outcome))}. Nothing of it stays.`
      })
    if (options.save !== undefined) yield* save(options.save, played.store)
  }).pipe(Effect.provide(NativeCrypto.layer))
