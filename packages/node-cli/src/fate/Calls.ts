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
import { BytecodeContractCallEncoder } from "@aeternity/aepp-calldata"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Aci from "../Aci.js"
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

const argument = (text: string): Effect.Effect<Json.Json> =>
  Effect.orElseSucceed(Json.parse(text), () => text)

/** `decode` only where the words are known. */
interface Encoder {
  readonly encode: Aci.Aci["encode"]
  readonly decode?: Aci.Aci["decode"]
}

const byByteCode = (code: Code): Encoder => {
  const encoder = new BytecodeContractCallEncoder(code.text as `cb_${string}`)
  return {
    encode: (name, args) => Aci.encoded(() => encoder.encodeCall(name, args.map(Aci.toNative)))
  }
}

const byInterface = (file: string) =>
  Effect.flatMap(readJson(file, "contract's interface"), (json) =>
    Effect.mapError(Aci.make(json, JSON.stringify(file)), ({ detail }) => new FateError({ detail }))
  )

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

const notEncoded = (name: string, { detail }: Aci.AciError): FateError =>
  new FateError({
    detail: `cannot call ${name} with these arguments: ${detail}. \`aechannel fate disasm\` shows what it takes.`
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
    const callData = yield* Effect.mapError(encoder.encode(called, values), (error) =>
      notEncoded(called, error)
    )
    const read = (result: Uint8Array): Json.Json | undefined =>
      Either.getOrUndefined(Either.try(() => encoder.decode?.(called, result)))
    return { name: called, callData, read } satisfies NamedCall
  })
