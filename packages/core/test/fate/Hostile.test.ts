/**
 * What strangers may send to a machine: no program and no call data crash it, hang it or fill its memory, and every
 * run keeps the promises of a run.
 */
import { afterEach, describe, expect, it } from "@effect/vitest"
import * as Rng from "../../fuzz/Rng.js"
import * as ContractObject from "../../src/chain/ContractObject.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as DecodeError from "../../src/encoding/DecodeError.js"
import * as Bytecode from "../../src/fate/Bytecode.js"
import * as Contracts from "../../src/fate/Contracts.js"
import * as SortedMap from "../../src/fate/internal/sortedMap.js"
import * as Type from "../../src/fate/Type.js"
import * as Value from "../../src/fate/Value.js"
import * as ValueCodec from "../../src/fate/ValueCodec.js"
import * as Trees from "../../src/state/Trees.js"
import * as Trie from "../../src/state/Trie.js"
import type { OffChainNewContract } from "../../src/state/Update.js"
import { type Attack, attacks } from "../support/fate/Attacks.js"
import * as Heavy from "../support/fate/Heavy.js"
import * as Laboratory from "../support/fate/Laboratory.js"
import * as Programs from "../support/fate/Programs.js"
import { native } from "../support/TestCrypto.js"
import * as A from "./support/assembly.js"

// Whoever counts the tests must hear of them in between.
afterEach(() => new Promise<void>((resolve) => setImmediate(resolve)))

const times = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i)

/** The store of the called contract has a map, number 1, without entries. */
const withStoredMap = (trees: Trees.Trees): Trees.Trees => {
  const below = Bytes.concat(Laboratory.main, Trees.storeMark)
  const facts = ValueCodec.encode(Value.map(SortedMap.fromEntries([[1n, Value.tuple([1n, 1n, 0n])]])))
  let contracts = Trie.put(trees.contracts, Bytes.concat(below, Uint8Array.of(0, 0)), facts)
  contracts = Trie.put(contracts, Bytes.concat(below, Uint8Array.of(1, 0, 0, 0, 1)), Uint8Array.of(0))
  return { ...trees, contracts }
}

const refusal = "the contract asks for far more work than its gas pays for"

/** How the attacks end that do not run out of gas: none goes on for longer than its gas, or the work it notes, lets it. */
const ends: { readonly [name: string]: string } = {
  "shared value as a key": refusal,
  "two shared values as keys": refusal,
  "shared value in an error": "Bad arguments to add: [{tuple,{{tuple,...},{...}}},1]",
  "shared string hashed": refusal,
  "shared value returned under Lima": refusal,
  "shared value stored under Lima": refusal,
  "shared values compared under Lima": refusal,
  "shared value hashed under Lima": refusal,
  "gas out of nothing under Lima": "before Iris negative cells made gas out of nothing",
  "hashes of a long string": refusal,
  "signatures of long messages": refusal,
  "text of a large integer": "the text of the error shows an integer that is too long to be printed",
  "long keys of contracts": refusal,
  "long keys of a stored map": refusal,
  "small maps of a long list": refusal,
  "walks that run out of gas": refusal,
  "results of the wrong type": refusal,
  "stored results of the wrong type": refusal,
  "variants of many constructors": refusal,
  shifts: refusal,
  "products of points of the first group": refusal,
  "products of points of the second group": refusal,
  "powers in the target group": refusal,
  "powers in protected calls": refusal,
  "products modulo a large integer": refusal,
  "products that vanish": refusal,
  "steps of a large integer": refusal,
  "unions of large sets": refusal,
  "sums of large sets": refusal,
  "integers of long bytes": refusal,
  "upper case of a long string": refusal,
  "characters of a long string": refusal,
  "marks without end": refusal,
  "deep value hashed": "Finished",
  "deep type as an argument": "Type error on call: [{typerep,{tuple,[...]}}] is not of type [any]",
  "deep type in the code": "Finished",
  "deep type of a function": "Type error on call: [1] is not of type [{tuple,[{tuple,...}]}]",
  "deep value of the wrong type": "Type error on call: [{tuple,{{tuple,...}}}] is not of type [integer]",
  "deep keys": refusal,
  "texts of long addresses": refusal,
  "text of an address that is too long": "the text of an address that is far too long",
  "addresses of any length": "the text of an address that is far too long",
  "topics of any length": "a topic of an event is no key",
  "long names": refusal,
  "call data that no transaction has room for": "the call data are longer than any transaction can be"
}

describe("attacks", () => {
  // How long they take is what the fuzzer looks at: `npm run fuzz -- fate/run`.
  const attack = ({ args = [1n], helper, main, protocol, registers }: Attack): string => {
    const code = A.byteCode(main)
    const empty = Laboratory.world(code, helper === undefined ? code : A.byteCode(helper), registers ?? {})
    const trees = withStoredMap(empty)
    const callData = Laboratory.callData(Bytecode.functionId("go"), args)
    const outcome = Laboratory.run(trees, { callData, ...(protocol === undefined ? {} : { protocol }) })
    expect(Laboratory.complaint(trees, outcome)).toBeUndefined()
    return Laboratory.errorOf(outcome)
  }

  it.each(Object.entries(attacks))("%s", { timeout: 60_000 }, (name, each) => {
    expect(attack(each)).toBe(ends[name] ?? "Out of gas")
  })

  it("are known by name", () => {
    expect(Object.keys(ends).filter((name) => !(name in attacks))).toEqual([])
  })

  it.each(times(12))("heavy program %i ends", { timeout: 60_000 }, (i) => {
    const { callData, code, helper } = Heavy.make(Rng.make(`heavy ${i}`))
    const trees = Laboratory.world(code, helper)
    expect(Laboratory.complaint(trees, Laboratory.run(trees, { callData }))).toBeUndefined()
  })
})

describe("deep values and types", () => {
  const size = 290_000
  const reasonOf = (bytes: Uint8Array): string => {
    try {
      ValueCodec.decodeOrThrow(bytes)
      return "read"
    } catch (error) {
      return error instanceof DecodeError.DecodeError ? error.message : String(error)
    }
  }

  // Room for parts that are not there would be hundreds of megabytes.
  it("that promise more parts than there are bytes are not read to their end", () => {
    for (const start of [[0x37, 0xff], [0x87, 0xff], [0xfb], [0xf3]]) {
      const bytes = Uint8Array.from({ length: size }, (_, i) => start[i % start.length] ?? 0)
      const reason = reasonOf(bytes)
      expect(reason).toContain("there are more parts than bytes")
      expect(Number(/byte (\d+)/.exec(reason)?.[1])).toBeLessThanOrEqual(size / 7)
    }
  })

  it("whose parts are all there are read, and written as they were", () => {
    for (const [start, end] of [
      [[0x37, 0x01], [0x07]],
      [[0x27], [0x07]],
      [[0x67, 0x07], [0x07]],
      [[0x1b], [0x3f]],
      [[0x13], [0x03]],
      [[0x2f, 0x01, 0x00], [0x3f]],
      [[0xaf, 0x01, 0x00, 0x1b], [0x3f]]
    ] as const) {
      const depth = Math.floor(size / start.length)
      const bytes = Uint8Array.from([...times(depth).flatMap(() => start), ...end])
      expect(Bytes.equals(ValueCodec.encode(ValueCodec.decodeOrThrow(bytes)), bytes)).toBe(true)
    }
    // Full binary trees: every byte is a part.
    let tree = [0x3f]
    for (let i = 0; i < 12; i++) tree = [0x2b, ...tree, ...tree]
    expect(reasonOf(Uint8Array.from(tree))).toBe("read")
    let type = [0x07]
    for (let i = 0; i < 12; i++) type = [0x67, ...type, ...type]
    expect(reasonOf(Uint8Array.from(type))).toBe("read")
  })
})

describe("new contracts", () => {
  it("that no transaction has room for are refused before anybody looks at them", () => {
    const byteCode = A.byteCode({
      init: [[Type.any], Type.tuple([]), [[A.op("RETURNR", A.immediate(Value.unit))]]]
    })
    const padded = (size: number): Uint8Array =>
      Bytes.concat(Laboratory.codeOf(byteCode), new Uint8Array(size))
    const reasonOf = (code: Uint8Array, argument: number): string | undefined => {
      const update: OffChainNewContract = {
        _tag: "OffChainNewContract",
        owner: ApiEncoding.encode("ak", Laboratory.caller),
        ctVersion: ContractObject.packVersions({ vmVersion: 8, abiVersion: 3 }),
        code,
        deposit: 0n,
        callData: Laboratory.callData(Bytecode.functionId("init"), [Value.bytes(new Uint8Array(argument))])
      }
      const trees = Laboratory.world(byteCode)
      const round = { round: 5, channelReserve: 0n }
      const result = Contracts.dryRun(trees, update, round, Laboratory.environment(), native)
      return "reason" in result ? (result.detail ?? result.reason) : undefined
    }
    const tooLong = "the code and the call data are longer than any transaction can be"
    expect(reasonOf(Laboratory.codeOf(byteCode), 200_000)).toBeUndefined()
    expect(reasonOf(padded(100_000), 100_000)).toBe("bad_contract_code")
    expect(reasonOf(padded(100_000), 200_000)).toBe(tooLong)
    expect(reasonOf(padded(300_000), 1)).toBe(tooLong)
  })

  it("whose init ends with a long text are refused with a short reason", () => {
    const byteCode = A.byteCode({
      init: [[Type.string], Type.tuple([]), [[A.op("EXIT", A.argument(0))]]]
    })
    const update: OffChainNewContract = {
      _tag: "OffChainNewContract",
      owner: ApiEncoding.encode("ak", Laboratory.caller),
      ctVersion: ContractObject.packVersions({ vmVersion: 8, abiVersion: 3 }),
      code: Laboratory.codeOf(byteCode),
      deposit: 0n,
      callData: Laboratory.callData(Bytecode.functionId("init"), [
        Value.string(new Uint8Array(290_000).fill(65))
      ])
    }
    const result = Contracts.dryRun(
      Laboratory.world(byteCode),
      update,
      { round: 5, channelReserve: 0n },
      Laboratory.environment(),
      native
    )
    expect("reason" in result && [result.reason, (result.detail ?? "").length < 300]).toEqual([
      "contract_init_failed",
      true
    ])
  })
})

const gas = 1_000_000

interface Made {
  readonly trees: Trees.Trees
  readonly callData: Uint8Array
  readonly rng: Rng.Rng
}

const made = (seed: string, features: Programs.Features): Made => {
  const rng = Rng.make(seed)
  const code = Programs.program(rng, features)
  const helper = Programs.program(rng, { ...features, remote: false })
  return {
    rng,
    trees: Laboratory.world(code, helper, Programs.registers(rng)),
    callData: Programs.callData(rng)
  }
}

describe("random programs", () => {
  it("end well with exactly the gas that they use, and with one less they run out of it", () => {
    let exact = 0
    let reverted = 0
    const runs = 400
    for (let i = 0; i < runs; i++) {
      const { callData, trees } = made(`exact ${i}`, Programs.calm)
      const first = Laboratory.run(trees, { callData, gas })
      expect(Laboratory.complaint(trees, first, gas)).toBeUndefined()
      if (first._tag !== "Finished" || first.returnType === "error") continue
      const { gasUsed } = first
      expect(Laboratory.textOf(Laboratory.run(trees, { callData, gas: gasUsed }))).toBe(
        Laboratory.textOf(first)
      )
      const less = Laboratory.run(trees, { callData, gas: gasUsed - 1 })
      expect(Laboratory.errorOf(less)).toBe("Out of gas")
      if (less._tag === "Finished") expect([less.gasUsed, less.trees === trees]).toEqual([gasUsed - 1, true])
      if (first.returnType === "ok") exact++
      else reverted++
    }
    console.log(`exact gas and one less: ${exact} of ${runs} programs ended well, ${reverted} reverted`)
    expect(exact).toBeGreaterThan(runs / 2)
  }, 120_000)

  it("have the same outcome every time, keep all coins, and change nothing when they fail", () => {
    const ends = new Map<string, number>()
    const runs = 400
    for (let i = 0; i < runs; i++) {
      const { callData, rng, trees } = made(`wicked ${i}`, Programs.wicked)
      const given = { callData, gas: 1 + rng.below(gas), protocol: rng.pick([4, 5, 6, 6, 6]) }
      const before = Trees.stateHashText(trees)
      const outcome = Laboratory.run(trees, given)
      expect(Laboratory.complaint(trees, outcome, given.gas)).toBeUndefined()
      expect(Laboratory.textOf(Laboratory.run(trees, given))).toBe(Laboratory.textOf(outcome))
      expect(Trees.stateHashText({ ...trees })).toBe(before)
      const end = outcome._tag === "Finished" ? outcome.returnType : outcome._tag
      ends.set(end, (ends.get(end) ?? 0) + 1)
    }
    console.log(`random programs: ${Array.from(ends, ([end, count]) => `${count} ${end}`).join(", ")}`)
    expect(ends.get("ok")).toBeGreaterThan(50)
  }, 120_000)
})

describe("protected calls", () => {
  const { immediate, op, variable } = A

  /** Calls a function of the helper that does something and fails, and returns what the call gave. */
  const guard = (signature: (typeof Programs.signatures)[number], rng: Rng.Rng): Uint8Array =>
    A.byteCode({
      go: [
        [],
        Type.any,
        [
          [
            ...Array.from(Programs.argumentsOf(rng, signature))
              .reverse()
              .map((each) => op("PUSH", immediate(each))),
            op(
              "CALL_PGR",
              immediate(Value.reference("contract", Laboratory.helper)),
              immediate(Value.string(Bytecode.functionId(signature.name))),
              immediate(Value.typeRepresentation(Type.tuple(Array.from(signature.args, () => Type.any)))),
              immediate(Value.typeRepresentation(Type.any)),
              immediate(BigInt(rng.below(10))),
              immediate(10n ** 9n),
              immediate(true)
            )
          ],
          [op("POP", variable(0)), op("RETURNR", variable(0))]
        ]
      ]
    })

  it("leave nothing behind when they fail", () => {
    let failed = 0
    const runs = 300
    const callData = Laboratory.callData(Bytecode.functionId("go"), [])
    for (let i = 0; i < runs; i++) {
      const rng = Rng.make(`protected ${i}`)
      const helper = Programs.program(rng, { ...Programs.wicked, remote: false, faulty: 0.05 })
      const main = guard(rng.pick(Programs.signatures), rng)
      const trees = Laboratory.world(main, helper, Programs.registers(rng))
      const outcome = Laboratory.run(trees, { callData, gas })
      expect(Laboratory.complaint(trees, outcome, gas)).toBeUndefined()
      if (outcome._tag !== "Finished" || outcome.returnType !== "ok") continue
      const result = ValueCodec.decodeOrThrow(outcome.returnValue)
      if (typeof result !== "object" || result._tag !== "variant" || result.tag !== 0) continue
      failed++
      expect(Trees.stateHashText(outcome.trees)).toBe(Trees.stateHashText(trees))
    }
    console.log(`protected calls: ${failed} of ${runs} failed and left nothing`)
    expect(failed).toBeGreaterThan(runs / 4)
  }, 60_000)
})

describe("byte code", () => {
  it("of contracts that cannot be parsed ends in a crash", () => {
    const rng = Rng.make("byte code")
    for (let i = 0; i < 200; i++) {
      const trees = Laboratory.world(rng.bytes(rng.below(200)))
      const outcome = Laboratory.run(trees, { callData: Programs.callData(rng) })
      expect(Laboratory.complaint(trees, outcome)).toBeUndefined()
      expect(outcome._tag).toBe("Crashed")
    }
  })
})
