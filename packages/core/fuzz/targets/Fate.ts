/**
 * The machine that runs contracts: its values, types, call data and byte code, and whole runs of programs, well-formed,
 * mutated and thrown together.
 */
import * as CodeObject from "../../src/chain/CodeObject.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as Json from "../../src/encoding/Json.js"
import * as Rlp from "../../src/encoding/Rlp.js"
import * as Bytecode from "../../src/fate/Bytecode.js"
import * as CallData from "../../src/fate/CallData.js"
import * as Disassembly from "../../src/fate/Disassembly.js"
import { valueText } from "../../src/fate/internal/valueText.js"
import * as SortedMap from "../../src/fate/internal/sortedMap.js"
import * as Value from "../../src/fate/Value.js"
import * as ValueCodec from "../../src/fate/ValueCodec.js"
import * as Heavy from "../../test/support/fate/Heavy.js"
import * as Laboratory from "../../test/support/fate/Laboratory.js"
import * as Programs from "../../test/support/fate/Programs.js"
import { fixture } from "../../test/support/Shared.js"
import type { Rng } from "../Rng.js"
import * as MutateBytes from "../MutateBytes.js"
import * as Random from "../Rng.js"
import { ofBytes, promise, read, type Target } from "../Target.js"

/** Byte code and call data of the known answers, and of programs made for the purpose. */
interface Samples {
  readonly codes: ReadonlyArray<Uint8Array>
  readonly calls: ReadonlyArray<Uint8Array>
}

const fixtures = ["ops-basic", "ops-chain", "ops-store-errors"]
const perFixture = 60

const collect = (json: Json.Json, codes: Map<string, Uint8Array>, calls: Map<string, Uint8Array>): void => {
  if (Json.isArray(json)) for (const item of json) collect(item, codes, calls)
  else if (Json.isObject(json))
    for (const [name, value] of Object.entries(json)) {
      if (name === "code" && typeof value === "string")
        codes.set(value, CodeObject.decodeOrThrow(ApiEncoding.decodeOrThrow("cb", value)).byteCode)
      else if (name === "data" && typeof value === "string" && /^2b([0-9a-f]{2})+$/.test(value))
        calls.set(value, Bytes.fromHex(value))
      else collect(value, codes, calls)
    }
}

const samples = (): Samples => {
  const rng = Random.make("samples")
  const codes = Array.from({ length: 20 }, () => Programs.program(rng, Programs.wicked))
  const calls = Array.from({ length: 20 }, () => Programs.callData(rng))
  for (const name of fixtures) {
    const foundCodes = new Map<string, Uint8Array>()
    const foundCalls = new Map<string, Uint8Array>()
    collect(fixture(`fate/${name}`), foundCodes, foundCalls)
    codes.push(...[...foundCodes.values()].slice(0, perFixture))
    calls.push(...[...foundCalls.values()].slice(0, perFixture))
  }
  return { codes, calls }
}

const kinds = [..."ibsytlmpoakqrnwc"]

const values = (): ReadonlyArray<Uint8Array> => {
  const rng = Random.make("values")
  return Array.from({ length: 100 }, () => ValueCodec.encode(Programs.valueOf(rng.pick(kinds), rng)))
}

const deepValue = (rng: Rng, size = rng.below(200_000)): Uint8Array =>
  new Uint8Array(size).fill(rng.pick([0x13, 0x1b, 0x2f, 0xf3, 0xfb]))

const value: Target = ofBytes("fate/value", {
  seeds: values(),
  mutate: (rng, input, other) =>
    rng.chance(0.01) ? deepValue(rng) : MutateBytes.anyBytes(rng, input, other),
  check: (input) => {
    const found = read(() => ValueCodec.decodeOrThrow(input))
    if (found === undefined) return false
    const bytes = ValueCodec.encode(found)
    promise(Bytes.equals(ValueCodec.encode(ValueCodec.decodeOrThrow(bytes)), bytes), "the bytes change")
    promise(valueText(found).length > 0, "a value has no text")
    return true
  }
})

const callData = ({ calls }: Samples): Target =>
  ofBytes("fate/callData", {
    seeds: calls,
    mutate: MutateBytes.anyBytes,
    check: (input) => {
      const call = read(() => CallData.decodeOrThrow(input))
      if (call === undefined) return false
      const bytes = CallData.encode(call.functionId, call.args)
      promise(Bytes.equals(CallData.decodeOrThrow(bytes).functionId, call.functionId), "the function changes")
      return true
    }
  })

const byteCode = ({ codes }: Samples): Target =>
  ofBytes("fate/byteCode", {
    seeds: codes,
    mutate: MutateBytes.anyBytes,
    check: (input) => {
      const program = read(() => Bytecode.parseOrThrow(input))
      if (program === undefined) return false
      const bytes = Bytecode.encode(program)
      promise(Bytes.equals(Bytecode.encode(Bytecode.parseOrThrow(bytes)), bytes), "the byte code changes")
      promise(typeof Disassembly.text(program) === "string", "a program has no text")
      read(() => Bytecode.withoutInit(input))
      return true
    }
  })

/** A run as bytes: the code of two contracts, their registers, call data and gas. */
const encodeRun = (
  code: Uint8Array,
  helper: Uint8Array,
  registers: Laboratory.Registers,
  data: Uint8Array,
  gas: number
): Uint8Array => {
  const store = Object.entries(registers).map(([register, content]): readonly [Value.Value, Value.Value] => [
    BigInt(register),
    Value.string(ValueCodec.encode(content))
  ])
  return Rlp.encode([
    code,
    helper,
    ValueCodec.encode(Value.map(SortedMap.fromEntries(store))),
    data,
    Bytes.uintToBytes(gas)
  ])
}

const registersOf = (bytes: Uint8Array): Laboratory.Registers => {
  const table = ValueCodec.decodeOrThrow(bytes)
  const registers: { [register: number]: Value.Value } = {}
  if (typeof table === "object" && table._tag === "map")
    SortedMap.forEach(table.entries, (register, content) => {
      if (typeof content === "object" && content._tag === "string")
        registers[Number(register)] = ValueCodec.decodeOrThrow(content.bytes)
    })
  return registers
}

const mostGas = 1_000_000

/** Runs once. */
const checkOnce = (code: Uint8Array, helper: Uint8Array, callData: Uint8Array, gas: number) => {
  const trees = Laboratory.world(code, helper)
  const outcome = Laboratory.run(trees, { callData, gas })
  const complaint = Laboratory.complaint(trees, outcome, gas)
  promise(complaint === undefined, complaint ?? "")
  return outcome._tag === "Finished"
}

/** Runs twice: no exception, no broken promise, and the same outcome again. Accepted is what ends well. */
const checkRun = (input: Uint8Array): boolean => {
  const parts = Rlp.decodeOrThrow(input)
  const [code, helper, store, data, gasBytes] = parts instanceof Uint8Array ? [] : parts
  if (
    !(code instanceof Uint8Array) ||
    !(helper instanceof Uint8Array) ||
    !(store instanceof Uint8Array) ||
    !(data instanceof Uint8Array) ||
    !(gasBytes instanceof Uint8Array)
  )
    return false
  const trees = Laboratory.world(code, helper, registersOf(store))
  const given = { callData: data, gas: Number(`0x0${Bytes.toHex(gasBytes)}`) }
  const outcome = Laboratory.run(trees, given)
  const complaint = Laboratory.complaint(trees, outcome, given.gas)
  promise(complaint === undefined, complaint ?? "")
  const again = Laboratory.run(trees, given)
  promise(Laboratory.textOf(outcome) === Laboratory.textOf(again), "a second run has another outcome")
  return outcome._tag === "Finished" && outcome.returnType === "ok"
}

/** What costs most, with all the gas that a peer's call may have. A second is the promise. */
const heavy: Target = {
  name: "fate/run/heavy",
  seeds: 0,
  weight: 0.05,
  budget: 1000,
  make: (rng) => {
    const { callData, code, helper } = Heavy.make(rng)
    return Rlp.encode([code, helper, callData])
  },
  check: (input) => {
    const parts = input instanceof Uint8Array ? Rlp.decodeOrThrow(input) : input
    const [code, helper, data] = typeof parts === "string" || parts instanceof Uint8Array ? [] : parts
    return (
      code instanceof Uint8Array &&
      helper instanceof Uint8Array &&
      data instanceof Uint8Array &&
      checkOnce(code, helper, data, mostGas)
    )
  }
}

/** Values and types as deep as call data and code may be; the first byte says what is done with them. */
const deep: Target = {
  name: "fate/run/deep",
  seeds: 0,
  weight: 0.05,
  budget: 1000,
  make: (rng) => {
    const size = rng.pick([290_000, 290_000, rng.below(290_000)])
    const parts = [
      () => Heavy.deepType(rng, size, rng.chance(0.5)),
      () => deepValue(rng, size),
      () => ValueCodec.encode(Heavy.deep(rng, size))
    ]
    return Bytes.concat(rng.bytes(1), rng.pick(parts)())
  },
  check: (input) => {
    const use = input instanceof Uint8Array ? Heavy.uses[(input[0] ?? 0) % Heavy.uses.length] : undefined
    return (
      input instanceof Uint8Array &&
      use !== undefined &&
      checkOnce(use, use, Heavy.callDataOf(input.subarray(1)), mostGas)
    )
  }
}

const runs = (
  name: string,
  seeds: number,
  make: (rng: Rng) => readonly [Uint8Array, Uint8Array]
): Target => ({
  name: `fate/run/${name}`,
  seeds,
  // A run takes as long as its gas lets it.
  weight: 0.2,
  make: (rng) => {
    const [code, data] = make(rng)
    const helper = rng.chance(0.5)
      ? code
      : Programs.program(rng, { ...Programs.wicked, remote: rng.chance(0.2) })
    return encodeRun(code, helper, Programs.registers(rng), data, 1 + rng.below(mostGas))
  },
  check: (input) => input instanceof Uint8Array && checkRun(input)
})

export const make = (): ReadonlyArray<Target> => {
  const all = samples()
  const mutated = (rng: Rng, inputs: ReadonlyArray<Uint8Array>): Uint8Array =>
    MutateBytes.anyBytes(rng, rng.pick(inputs), () => rng.pick(inputs))
  return [
    value,
    callData(all),
    byteCode(all),
    heavy,
    deep,
    runs("programs", 0, (rng) => [Programs.program(rng, Programs.wicked), Programs.callData(rng)]),
    runs("instructions", 0, (rng) => [
      rng.chance(0.9) ? Programs.wildProgram(rng) : Programs.program(rng, Programs.calm),
      Programs.callData(rng)
    ]),
    runs("byteCode", all.codes.length, (rng) => {
      const start = rng.chance(0.3) ? rng.pick(all.codes) : Programs.program(rng, Programs.wicked)
      return [MutateBytes.anyBytes(rng, start, () => rng.pick(all.codes)), Programs.callData(rng)]
    }),
    runs("callData", all.calls.length, (rng) => [
      rng.chance(0.5) ? rng.pick(all.codes) : Programs.program(rng, Programs.wicked),
      rng.chance(0.5) ? mutated(rng, all.calls) : mutated(rng, [Programs.callData(rng)])
    ])
  ]
}
