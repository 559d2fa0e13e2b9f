/**
 * What strangers may send to a machine: no program and no call data crash it, hang it or fill its memory, and every
 * run keeps the promises of a run.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Rng from "../../fuzz/Rng.js"
import * as ContractObject from "../../src/chain/ContractObject.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
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
import * as Laboratory from "../support/fate/Laboratory.js"
import * as Programs from "../support/fate/Programs.js"
import { native } from "../support/TestCrypto.js"
import * as A from "./support/assembly.js"

const limit = 1000

/** The store of the called contract has a map, number 1, without entries. */
const withStoredMap = (trees: Trees.Trees): Trees.Trees => {
  const below = Bytes.concat(Laboratory.main, Trees.storeMark)
  const facts = ValueCodec.encode(Value.map(SortedMap.fromEntries([[1n, Value.tuple([1n, 1n, 0n])]])))
  let contracts = Trie.put(trees.contracts, Bytes.concat(below, Uint8Array.of(0, 0)), facts)
  contracts = Trie.put(contracts, Bytes.concat(below, Uint8Array.of(1, 0, 0, 0, 1)), Uint8Array.of(0))
  return { ...trees, contracts }
}

describe("attacks", () => {
  let slowest = 0

  const attack = ({ args = [1n], helper, main, protocol, registers }: Attack): string => {
    const code = A.byteCode(main)
    const empty = Laboratory.world(code, helper === undefined ? code : A.byteCode(helper), registers ?? {})
    const trees = withStoredMap(empty)
    const callData = Laboratory.callData(Bytecode.functionId("go"), args)
    const given = { callData, ...(protocol === undefined ? {} : { protocol }) }
    let best = Number.POSITIVE_INFINITY
    let said = ""
    // What else the machine does is not the run's fault.
    for (let i = 0; i < 4 && best > limit / 2; i++) {
      const start = performance.now()
      const outcome = Laboratory.run(trees, given)
      best = Math.min(best, performance.now() - start)
      expect(Laboratory.complaint(trees, outcome)).toBeUndefined()
      said = Laboratory.errorOf(outcome)
    }
    slowest = Math.max(slowest, best)
    expect(best).toBeLessThan(2 * limit)
    return said
  }

  it.each(Object.entries(attacks))("%s", { timeout: 60_000 }, (_, each) => {
    expect(attack(each).length).toBeGreaterThan(0)
  })

  it("takes no longer than it should", () => {
    console.log(
      `${Object.keys(attacks).length} attacks of 1,000,000 gas, the slowest took ${slowest.toFixed(0)} ms`
    )
  })
})

describe("new contracts", () => {
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
