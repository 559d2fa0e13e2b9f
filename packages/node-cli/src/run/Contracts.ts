/**
 * Contracts in scripts: their code and interface from files, calls by name or as data, and what came of them.
 *
 * @since 0.1.0
 */
import type { ContractCall, ContractEvent } from "@aechannel/core/client/ContractCall"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import type { ContractId } from "@aechannel/core/encoding/ApiEncoding"
import * as Json from "@aechannel/core/encoding/Json"
import * as Effect from "effect/Effect"
import type { Aci } from "../Aci.js"
import * as Events from "./Events.js"
import { ExpectationError, ImpossibleError } from "./Problems.js"
import type { Session } from "./Session.js"
import type { Outcome } from "./Step.js"
import * as Values from "./Values.js"
import { toJson } from "./Variables.js"

/** What a file of a contract has. @since 0.1.0 @category models */
interface Compiled {
  readonly code: Uint8Array | undefined
  readonly aci: Aci | undefined
}

const impossible = (detail: string) => new ImpossibleError({ detail })

const codeOf = (text: string, what: string): Effect.Effect<Uint8Array, ImpossibleError> =>
  Effect.mapError(ApiEncoding.decode("cb", text), ({ detail }) =>
    impossible(`${what} has no code that can be read: ${detail}; it begins with cb_`)
  )

const aciOf = (json: Json.Json, what: string): Effect.Effect<Aci, ImpossibleError> =>
  Effect.flatMap(
    // Loaded when it is needed: it is large.
    Effect.promise(() => import("../Aci.js")),
    ({ make }) => Effect.mapError(make(json, what), ({ detail }) => impossible(detail))
  )

/** Code as the compiler prints it, an interface, or an object with both under `code` (or `bytecode`) and `aci`. */
const readFile = (session: Session, file: string): Effect.Effect<Compiled, ImpossibleError> =>
  Effect.gen(function* () {
    const text = (yield* session.readText(file)).trim()
    const what = JSON.stringify(file)
    if (text.startsWith("cb_")) return { code: yield* codeOf(text, what), aci: undefined }
    const json = yield* Effect.mapError(Json.parse(text), () =>
      impossible(
        `${what} is no contract: expected code (cb_…), an interface, or JSON with both under code and aci`
      )
    )
    if (Json.isArray(json)) return { code: undefined, aci: yield* aciOf(json, what) }
    const code = Json.field(json, "code") ?? Json.field(json, "bytecode")
    const aci = Json.field(json, "aci")
    return {
      code: typeof code === "string" ? yield* codeOf(code, what) : undefined,
      aci: aci === undefined ? undefined : yield* aciOf(aci, what)
    }
  })

/** What steps say about a contract's code. @since 0.1.0 @category models */
export interface Source {
  readonly file?: string
  readonly code?: string
  readonly aci?: string
}

/**
 * A contract's code and interface. Fails with `ImpossibleError` where there is no code.
 *
 * @since 0.1.0
 * @category accessors
 */
export const compiled = (session: Session, { aci, code, file }: Source) =>
  Effect.gen(function* () {
    const found = file === undefined ? undefined : yield* readFile(session, file)
    const bytes = code === undefined ? found?.code : yield* codeOf(code, "the step")
    if (bytes === undefined)
      return yield* impossible(
        file === undefined ? "a contract needs its code: file or code" : `there is no code in ${file}`
      )
    return { code: bytes, aci: aci === undefined ? found?.aci : (yield* readFile(session, aci)).aci }
  })

/** What steps say about a call. @since 0.1.0 @category models */
export interface CallSource {
  readonly function?: string
  readonly arguments?: ReadonlyArray<unknown>
  readonly callData?: Uint8Array
}

/**
 * The data of a call, by name through the interface or as it is.
 *
 * @since 0.1.0
 * @category accessors
 */
export const callData = (
  aci: Aci | undefined,
  { arguments: args = [], callData: given, function: called }: CallSource
): Effect.Effect<Uint8Array, ImpossibleError> => {
  if (given !== undefined) return Effect.succeed(given)
  if (called === undefined) return impossible("a call needs a function or callData")
  if (aci === undefined)
    return impossible(
      `a call of ${called} by name needs the contract's interface: name its file with aci, or give callData`
    )
  if (called !== "init" && !aci.functions.includes(called))
    return impossible(
      `${aci.name} has no function ${Values.show(called)}; it has ${Values.orList(aci.functions)}`
    )
  return Effect.mapError(aci.encode(called, args.map(toJson)), ({ detail }) =>
    impossible(`${called} cannot be called with these arguments: ${detail}`)
  )
}

/**
 * A contract of the session and its interface: the one that is named, or the last one that was created.
 *
 * @since 0.1.0
 * @category accessors
 */
export const known = (
  session: Session,
  options: { readonly contract?: ContractId; readonly aci?: string }
): Effect.Effect<{ readonly contractId: ContractId; readonly aci: Aci | undefined }, ImpossibleError> =>
  Effect.gen(function* () {
    const contractId = options.contract ?? [...session.contracts.keys()].at(-1)
    if (contractId === undefined)
      return yield* impossible("there is no contract yet: a contract step comes first, or name one")
    if (options.aci !== undefined)
      session.contracts.set(contractId, (yield* readFile(session, options.aci)).aci)
    return { contractId, aci: session.contracts.get(contractId) }
  })

/** A whole number that is not safe as text, so that it is the same in every language. */
const plain = (json: Json.Json): Json.Json => {
  if (typeof json === "bigint") return Number.isSafeInteger(Number(json)) ? Number(json) : json.toString()
  if (Json.isArray(json)) return json.map(plain)
  if (json !== null && Json.isObject(json))
    return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, plain(value)]))
  return json
}

/** What a call is to come to; nothing: it must not fail. @since 0.1.0 @category models */
export interface Expected {
  readonly returns?: unknown
  readonly reverts?: string
  readonly error?: string
  readonly events?: ReadonlyArray<unknown>
}

/** A value in words; parties have their names. */
const shown = (value: Json.Json, names: Session["names"]): string => {
  if (typeof value === "string") return names(value) === value ? JSON.stringify(value) : names(value)
  if (Json.isArray(value)) return `[${value.map((each) => shown(each, names)).join(", ")}]`
  if (value === null || !Json.isObject(value)) return String(value)
  const fields = Object.entries(value).map(([key, each]) => `${key}: ${shown(each, names)}`)
  return `{ ${fields.join(", ")} }`
}

/** What a call gave back, in the words of the interface; without one, its bytes. */
const valueOf = (aci: Aci | undefined, called: string | undefined, call: ContractCall): Json.Json => {
  const { returnType, returnValue, text } = call
  const bytes = ApiEncoding.encode("cb", returnValue)
  if (returnType !== "ok") return text ?? bytes
  try {
    return aci === undefined || called === undefined ? bytes : plain(aci.decode(called, returnValue))
  } catch {
    return bytes
  }
}

const ends = { ok: "returned", revert: "reverted:", error: "ended in an error:" } as const

/** Why a result is not the expected one. */
const unexpected = (
  value: Json.Json,
  { returnType }: ContractCall,
  expected: Expected,
  names: Session["names"]
): string | undefined => {
  const { error, returns, reverts } = expected
  if (reverts !== undefined)
    return returnType === "revert" && value === reverts
      ? undefined
      : `the call to revert with ${Values.show(reverts)}`
  if (error !== undefined)
    return returnType === "error" && String(value).includes(error)
      ? undefined
      : `the call to end in the error ${Values.show(error)}`
  if (returnType !== "ok") return "the call to return a value"
  return !("returns" in expected) || Events.holds(value, returns)
    ? undefined
    : `the call to return ${shown(toJson(returns), names)}`
}

/**
 * A call's result as JSON and in words, or why it is not the expected one.
 *
 * @since 0.1.0
 * @category formatting
 */
export const outcome = (
  { names }: Session,
  { aci, called }: { readonly aci: Aci | undefined; readonly called: string | undefined },
  call: ContractCall,
  expected: Expected
): Effect.Effect<Outcome, ExpectationError> =>
  Effect.gen(function* () {
    const { gasUsed, returnType, returnValue } = call
    const value = valueOf(aci, called, call)
    const events = call.events.map((event) => eventOf(aci, event))
    const said = `${ends[returnType]} ${returnType === "ok" ? shown(value, names) : String(value)} (${gasUsed} gas)`
    const wrong = unexpected(value, call, expected, names)
    if (wrong !== undefined) return yield* new ExpectationError({ expected: wrong, came: said })
    if (expected.events !== undefined && !Events.holds(events, expected.events))
      return yield* new ExpectationError({
        expected: `the events ${shown(toJson(expected.events), names)}`,
        came: shown(events, names)
      })
    const bytes = ApiEncoding.encode("cb", returnValue)
    return { result: { returnType, returnValue: bytes, value, gasUsed: Number(gasUsed), events }, said }
  })

/** An event in the words of the interface; another contract's is not in it. */
const eventOf = (aci: Aci | undefined, event: ContractEvent): Json.Json => {
  const { contractId, data, topics } = event
  try {
    if (aci !== undefined) return plain(aci.event(event))
  } catch {
    // Told as it is.
  }
  return { contractId, topics: topics.map(String), data: ApiEncoding.encode("cb", data) }
}
