/** The engine where known answers do not reach: depth, protected calls, gas that is held back, what it never does. */
import { describe, expect, it } from "@effect/vitest"
import * as Bytes from "../../src/encoding/Bytes.js"
import { unavailable } from "../../src/fate/Environment.js"
import type { Instruction } from "../../src/fate/internal/machine.js"
import * as Type from "../../src/fate/Type.js"
import * as Value from "../../src/fate/Value.js"
import * as Trees from "../../src/state/Trees.js"
import * as Trie from "../../src/state/Trie.js"
import { argument, type Body, immediate, op, stack, variable } from "./support/assembly.js"
import {
  callOf,
  type Contract,
  contract,
  execute,
  gasOf,
  id,
  main,
  number,
  said,
  treesOf,
  type as typeOf,
  types,
  values
} from "./support/calls.js"

const any = Type.any
const integer = Type.integer
const one = (blocks: Body[2], args: Body[0] = []): Contract => ({
  key: 1,
  functions: { main: [args, any, blocks] }
})
const two = (blocks: Body[2], other: Contract["functions"], args: Body[0] = []): ReadonlyArray<Contract> => [
  one(blocks, args),
  { key: 2, functions: other }
]
const run = (contracts: ReadonlyArray<Contract>, fields: Parameters<typeof callOf>[1] = {}) =>
  execute(callOf(treesOf(contracts), fields))

/** A protected call of a function of the contract 0x02, with what it returns as the result. */
const protectedCall = (name: string, cap = 100_000n): Instruction =>
  op("CALL_PGR", contract(2), id(name), types(), typeOf(any), number(0n), number(cap), immediate(true))

const none = "ok af820001003f"

describe("depth", () => {
  const depth = 100_000
  const nested = (byte: number): Uint8Array => {
    const args = new Uint8Array(depth + 1).fill(byte)
    args[depth] = 0x3f
    return Bytes.concat(Uint8Array.of(0x2b, 0x11), main, Uint8Array.of(0x1b), args)
  }
  const same: Body[2] = [[op("RETURNR", argument(0))]]
  const gas = 6_000_000

  it("of call data", () => {
    for (const byte of [0x1b, 0x13]) {
      const outcome = run([one(same, [any])], { callData: nested(byte), gas })
      expect(said(outcome)).toBe(`ok ${byte.toString(16).repeat(depth)}3f`)
    }
    const refused = run([one(same, [integer])], { callData: nested(0x13), gas })
    expect(said(refused)).toBe("error Type error on call: [[[[[[...]]]]]] is not of type [integer]")
  })

  it("of types", () => {
    let deep: Type.Type = integer
    for (let i = 0; i < depth; i++) deep = Type.list(deep)
    const functions: Contract["functions"] = { main: [[deep], deep, same] }
    expect(said(run([{ key: 1, functions }], { callData: values("main", Value.nil) }))).toBe("ok 03")
    const refused = run([{ key: 1, functions }], { callData: values("main", 1n) })
    expect(said(refused)).toBe("error Type error on call: [1] is not of type [{list,{list,{...}}}]")
  })

  /** Puts `unit` into tuples of one, 20,000 times. */
  const nest = (...then: Body[2]): Body[2] => [
    [
      op("STORE", variable(1), immediate(Value.unit)),
      op("STORE", variable(2), number(0n)),
      op("JUMP", number(1n))
    ],
    [
      op("PUSH", variable(1)),
      op("TUPLE", variable(1), number(1n)),
      op("INC", variable(2)),
      op("LT", stack, variable(2), number(20_000n)),
      op("JUMPIF", stack, number(1n))
    ],
    ...then
  ]

  it("of values", () => {
    const remote = op("CALL_R", contract(2), id("f"), types(any), typeOf(any), number(0n))
    const texts = [
      nest([op("EQ", stack, variable(1), variable(1)), op("RETURN")]),
      nest([op("STORE", variable(-1), variable(1)), op("RETURNR", immediate(true))]),
      nest([
        op("MAP_EMPTY", variable(3)),
        op("MAP_UPDATE", variable(3), variable(3), variable(1), number(1n)),
        op("MAP_MEMBER", stack, variable(3), variable(1)),
        op("RETURN")
      ]),
      nest([op("PUSH", variable(1)), remote], [op("EQ", stack, stack, variable(1)), op("RETURN")])
    ].map((blocks) => said(run(two(blocks, { f: [[any], any, same] }), { gas })))
    expect(texts).toEqual(["ok ff", "ok ff", "ok ff", "ok ff"])
  })

  it("of calls", () => {
    const call = op("CALL", id("main"))
    const endless = run([one([[call], [op("RETURN")]])], { gas })
    expect(said(endless)).toBe("error Out of gas")
    const counted: Body[2] = [
      [op("DEC", argument(0)), op("GT", stack, argument(0), number(0n)), op("JUMPIF", stack, number(2n))],
      [op("RETURNR", number(1n))],
      [op("PUSH", argument(0)), call],
      [op("RETURN")]
    ]
    const deep = run([one(counted, [integer])], { gas, callData: values("main", 20_000n) })
    expect(said(deep)).toBe("ok 02")
  })

  it("of values that share their parts", () => {
    const shared = (...then: ReadonlyArray<Instruction>): Body[2] => [
      [op("STORE", variable(1), number(3n)), op("STORE", variable(2), number(0n)), op("JUMP", number(1n))],
      [
        op("PUSH", variable(1)),
        op("PUSH", variable(1)),
        op("TUPLE", variable(1), number(2n)),
        op("INC", variable(2)),
        op("LT", stack, variable(2), number(60n)),
        op("JUMPIF", stack, number(1n))
      ],
      [...then]
    ]
    const texts = [
      shared(op("RETURNR", variable(1))),
      shared(op("STORE", variable(-1), variable(1)), op("RETURNR", number(1n))),
      shared(op("EQ", stack, variable(1), variable(1)), op("RETURN")),
      shared(op("ABORT", variable(1)))
    ].map((blocks) => said(run([one(blocks)], { gas })))
    expect(texts).toEqual([
      "error Out of gas",
      "error Out of gas",
      "error Out of gas",
      "error Type error on call: {tuple,{{tuple,{...}},{tuple,...}}} is not of type string"
    ])
  })
})

describe("protected calls", () => {
  const returning = (...blocks: Body[2]): Body => [[], any, blocks]

  it("catch errors, aborts and even what breaks the machine on the way", () => {
    const others: Contract["functions"] = {
      fails: returning([op("EXIT", immediate(Value.text("no")))]),
      aborts: returning([op("ABORT", immediate(Value.text("no")))]),
      nothing: returning([op("RETURN")])
    }
    for (const name of ["fails", "aborts", "nothing", "missing"])
      expect([name, said(run(two([[protectedCall(name)], [op("RETURN")]], others)))]).toEqual([name, none])
  })

  it("do not catch a jump that leads nowhere", () => {
    const lost = { f: returning([op("JUMP", number(7n))]) }
    const outcome = run(two([[protectedCall("f", 10_000n)], [op("RETURN")]], lost))
    expect(said(outcome)).toBe("error Trying to jump to non existing bb: 7")
    // What the cap held back was not used.
    expect(gasOf(outcome)).toBeLessThan(11_000)
  })

  it("forget the code they loaded", () => {
    const twice = (name: string): Body[2] => [[protectedCall(name)], [protectedCall(name)], [op("RETURN")]]
    const others = { works: returning([op("RETURNR", number(1n))]) }
    const worked = gasOf(run(two(twice("works"), others)))
    expect(worked).toBeLessThan(2 * 4900)
    // The function is missing, which is only known once the code is there: nothing is paid.
    expect(gasOf(run(two(twice("missing"), others)))).toBeLessThan(1000)
  })

  it("put stores, coins and the contract that runs back", () => {
    const other: Body = returning([
      op("STORE", variable(-1), number(9n)),
      op("SPEND", immediate(Value.reference("address", new Uint8Array(32).fill(5))), number(50n)),
      op("EXIT", immediate(Value.text("no")))
    ])
    const blocks: Body[2] = [
      [op("STORE", variable(-1), number(3n)), protectedCall("f")],
      [op("POP", variable(0)), op("BALANCE", stack), op("ADD", stack, stack, variable(-1)), op("RETURN")]
    ]
    const outcome = run(two(blocks, { f: other }))
    expect(said(outcome)).toBe("ok 6f27")
    const accounts = (outcome._tag === "Finished" ? outcome.trees : Trees.empty).accounts
    expect(Trie.equals(accounts, treesOf(two(blocks, { f: other })).accounts)).toBe(true)
  })
})

describe("outcomes", () => {
  it("say which read of the chain is missing", () => {
    const call = callOf(treesOf([one([[op("TIMESTAMP", stack), op("RETURN")]])]))
    expect(execute(call, { block: unavailable({ _tag: "Block" }) })).toEqual({
      _tag: "MissingRead",
      read: { _tag: "Block" },
      gasUsed: 10
    })
  })

  it("are crashes for contracts that are not there or cannot be read", () => {
    const trees = treesOf([{ key: 1, functions: Bytes.fromHex("c0ffee") }])
    expect(execute(callOf(trees))._tag).toBe("Crashed")
    expect(execute(callOf(trees, { contract: new Uint8Array(32) }))._tag).toBe("Crashed")
  })

  it("use all gas where the call data is no call", () => {
    const outcome = run([one([[op("RETURNR", number(1n))]])], { callData: Uint8Array.of(0x02), gas: 777 })
    expect([said(outcome), gasOf(outcome)]).toEqual(["error bad_call_data", 777])
  })

  it("leave the trees of a call that fails as they are", () => {
    const call = callOf(
      treesOf([one([[op("STORE", variable(-1), number(3n)), op("ABORT", immediate(Value.text("x")))]])])
    )
    const outcome = execute(call)
    expect(outcome._tag === "Finished" && outcome.trees).toBe(call.trees)
  })
})

describe("speed", () => {
  const time = (times: number, f: () => void): number => {
    f()
    const start = performance.now()
    for (let i = 0; i < times; i++) f()
    return (performance.now() - start) / times
  }

  it("of a loop of 1,000,000 gas and of a small call", () => {
    const loop = callOf(
      treesOf([
        one([
          [op("STORE", variable(1), number(0n)), op("JUMP", number(1n))],
          [
            op("ADD", variable(1), variable(1), number(1n)),
            op("LT", stack, variable(1), number(1_000_000_000n)),
            op("JUMPIF", stack, number(1n))
          ]
        ])
      ])
    )
    const small = callOf(
      treesOf([
        {
          ...one(
            [[op("ADD", variable(-1), argument(0), variable(-1)), op("RETURNR", variable(-1))]],
            [integer]
          ),
          store: { "0001": "02" }
        }
      ]),
      { callData: values("main", 3n) }
    )
    const loopTime = time(5, () => execute(loop))
    const smallTime = time(1000, () => execute(small))
    expect(said(execute(loop))).toBe("error Out of gas")
    expect(said(execute(small))).toBe("ok 08")
    console.log(
      `FATE: 1,000,000 gas in ${loopTime.toFixed(1)} ms; ${Math.round(1000 / smallTime)} small calls a second`
    )
    // Far from what it is, for machines that are busy.
    expect(loopTime).toBeLessThan(500)
  })
})
