/**
 * Calls by name: the types of arguments and results come from the contract's interface or from its byte code.
 *
 * @since 0.1.0
 */
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Json from "@aechannel/core/encoding/Json"
import * as Bytecode from "@aechannel/core/fate/Bytecode"
import * as CallData from "@aechannel/core/fate/CallData"
import * as Disassembly from "@aechannel/core/fate/Disassembly"
import { AciContractCallEncoder, BytecodeContractCallEncoder } from "@aeternity/aepp-calldata"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Arguments from "../Arguments.js"
import { type Code, readJson } from "./Input.js"
import { complaint, FateError } from "./Problem.js"

/**
 * A call to be made: its data, and how its result reads in the words of the interface, if there is one.
 *
 * @since 0.1.0
 * @category models
 */
export interface NamedCall {
  readonly name: string
  readonly callData: Uint8Array
  readonly read: (result: Uint8Array) => Json.Json | undefined
}

type Native =
  | string
  | number
  | boolean
  | bigint
  | null
  | ReadonlyArray<Native>
  | { readonly [key: string]: Native }

/** JSON as the encoder takes it: integers are `bigint`. */
const toNative = (json: Json.Json): Native => {
  if (typeof json === "number") return BigInt(json)
  if (json instanceof Json.JsonNumber) return json.lexeme
  if (Json.isArray(json)) return json.map(toNative)
  if (Json.isObject(json))
    return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, toNative(value)]))
  return json as Native
}

const argument = (text: string): Effect.Effect<Native> =>
  Effect.match(Json.parse(text), { onSuccess: toNative, onFailure: () => text })

/** What the encoder answers, as JSON: integers are `bigint`, maps lists of pairs. */
const toJson = (value: unknown): Json.Json => {
  if (typeof value === "bigint" || typeof value === "number") return BigInt(value)
  if (typeof value === "string" || typeof value === "boolean") return value
  if (value instanceof Uint8Array) return `#${Buffer.from(value).toString("hex")}`
  if (value instanceof Map) return Array.from(value, ([key, each]) => [toJson(key), toJson(each)])
  if (value instanceof Set || Array.isArray(value)) return Array.from(value, toJson)
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, toJson(each)]))
  return null
}

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, " ").replace(/\.$/, "")

interface Encoder {
  readonly encode: (name: string, args: Array<Native>) => string
  readonly decode?: (name: string, result: ApiEncoding.Encoded<"cb">) => unknown
}

const byByteCode = (code: Code): Encoder => {
  const encoder = new BytecodeContractCallEncoder(code.text as `cb_${string}`)
  return { encode: (name, args) => encoder.encodeCall(name, args) }
}

const mainContract = (aci: Json.Json): string | undefined => {
  const contracts = (Json.isArray(aci) ? aci : []).map((each) => Json.field(each, "contract"))
  const main = contracts.find((each) => Json.field(each, "kind") === "contract_main") ?? contracts.at(-1)
  const name = Json.field(main, "name")
  return typeof name === "string" ? name : undefined
}

const byInterface = (file: string) =>
  Effect.gen(function* () {
    const aci = yield* readJson(file, "contract's interface")
    const name = mainContract(aci)
    if (name === undefined)
      return yield* new FateError({
        detail: `${JSON.stringify(file)} is no contract's interface: expected a list with {"contract": {"name": …}}, as the compiler's --create_json_aci writes it.`
      })
    const encoder = new AciContractCallEncoder(JSON.parse(JSON.stringify(aci)))
    return {
      encode: (called, args) => encoder.encodeCall(name, called, args),
      decode: (called, result) => encoder.decodeResult(name, called, result)
    } satisfies Encoder
  })

const namesOf = ({ program }: Code): ReadonlyArray<string> =>
  [...program.functions.values()]
    .filter((each) => !each.private)
    .map(({ id }) => Disassembly.nameOf(program.symbols, id))

const unknownFunction = (name: string, code: Code): FateError => {
  const names = namesOf(code)
  const near = Arguments.nearest(name, names)
  return new FateError({
    detail: `the contract has no function ${JSON.stringify(name.slice(0, 64))}.${near === undefined ? "" : ` Did you mean “${near}”?`} It has ${names.join(", ") || "none that can be called"}.`
  })
}

const notEncoded = (name: string, error: unknown): FateError =>
  new FateError({
    detail: `cannot call ${name} with these arguments: ${messageOf(error)}. \`aechannel fate disasm\` shows what it takes.`
  })

const givenCall = (text: string, args: ReadonlyArray<string>, code: Code) =>
  Effect.gen(function* () {
    if (args.length > 0)
      return yield* new FateError({
        detail: "call data (cb_…) holds its arguments: give a function's name to call it with others."
      })
    const callData = yield* Effect.mapError(
      ApiEncoding.decode("cb", text),
      (error) =>
        new FateError({ detail: `cannot read the call data: ${complaint(error)}. Copy it again, whole.` })
    )
    const called = yield* Effect.option(CallData.decode(callData))
    const name =
      called._tag === "None" ? "call data" : Disassembly.nameOf(code.program.symbols, called.value.functionId)
    return { name, callData, read: () => undefined } satisfies NamedCall
  })

/**
 * The call that the arguments of the command line mean. Fails with `FateError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  code: Code,
  options: { readonly called: string; readonly args: ReadonlyArray<string>; readonly aci: string | undefined }
) =>
  Effect.gen(function* () {
    const { called } = options
    if (called.startsWith("cb_")) return yield* givenCall(called, options.args, code)
    const id = Buffer.from(Bytecode.functionId(called)).toString("hex")
    if (!code.program.functions.has(id)) return yield* unknownFunction(called, code)
    const values = yield* Effect.forEach(options.args, argument)
    const encoder: Encoder = options.aci === undefined ? byByteCode(code) : yield* byInterface(options.aci)
    const text = yield* Effect.try({
      try: () => encoder.encode(called, [...values]),
      catch: (error) => notEncoded(called, error)
    })
    const callData = yield* Effect.mapError(ApiEncoding.decode("cb", text), (error) =>
      notEncoded(called, error)
    )
    const read = (result: Uint8Array): Json.Json | undefined =>
      Either.getOrUndefined(
        Either.try(() => {
          const decoded = encoder.decode?.(called, ApiEncoding.encode("cb", result))
          return decoded === undefined ? undefined : toJson(decoded)
        })
      )
    return { name: called, callData, read } satisfies NamedCall
  })
