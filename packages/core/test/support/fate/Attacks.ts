/**
 * Contracts and call data made to hang, to crash or to fill the memory of whoever runs them: work that the gas rules of
 * the machine do not pay for, or pay for too late.
 */
import * as A from "../../fate/support/assembly.js"
import * as Bytecode from "../../../src/fate/Bytecode.js"
import * as SortedMap from "../../../src/fate/internal/sortedMap.js"
import type { Instruction } from "../../../src/fate/internal/machine.js"
import * as T from "../../../src/fate/Type.js"
import * as V from "../../../src/fate/Value.js"
import * as Rng from "../../../fuzz/Rng.js"
import * as Heavy from "./Heavy.js"
import * as Laboratory from "./Laboratory.js"

/** One attack: the functions of the contract (`go` is called) and of its helper, and the arguments. */
export interface Attack {
  readonly main: { readonly [name: string]: A.Body }
  readonly helper?: { readonly [name: string]: A.Body }
  readonly args?: ReadonlyArray<V.Value>
  readonly registers?: Laboratory.Registers
  readonly protocol?: number
}

const { argument: arg, immediate, op, variable: v } = A

const int = (n: number | bigint) => immediate(BigInt(n))
const text = (t: string) => immediate(V.text(t))
const id = (name: string) => immediate(V.string(Bytecode.functionId(name)))
const type = (t: T.Type) => immediate(V.typeRepresentation(t))
const helper = immediate(V.reference("contract", Laboratory.helper))

const filled = (size: number): Uint8Array => new Uint8Array(size).fill(0x41)
const times = <X>(count: number, make: (index: number) => X): Array<X> =>
  Array.from({ length: count }, (_, i) => make(i))

/** `go` with one block that returns nothing of interest. */
const once = (...steps: ReadonlyArray<Instruction>): Attack["main"] => ({
  go: [[T.any], T.any, [[...steps, op("RETURNR", int(0))]]]
})

/** `go` with an endless loop. */
const loop = (before: ReadonlyArray<Instruction>, ...steps: ReadonlyArray<Instruction>): Attack["main"] => ({
  go: [
    [T.any],
    T.any,
    [
      [...before, op("JUMP", int(1))],
      [...steps, op("JUMP", int(1))]
    ]
  ]
})

/** An endless loop of protected calls, which give the gas of their last instruction back. */
const guarded = (
  steps: ReadonlyArray<Instruction>,
  more: { readonly result?: T.Type; readonly parameter?: T.Type; readonly ends?: Instruction } = {}
): Pick<Attack, "main" | "helper"> => ({
  main: {
    go: [
      [T.any],
      T.any,
      [
        [op("JUMP", int(1))],
        [
          op("PUSH", arg(0)),
          op(
            "CALL_PGR",
            helper,
            id("victim"),
            type(T.tuple([T.any])),
            type(more.result ?? T.any),
            int(0),
            int(10n ** 9n),
            immediate(true)
          )
        ],
        [op("POP", v(9)), op("JUMP", int(1))]
      ]
    ]
  },
  helper: {
    victim: [[more.parameter ?? T.any], T.any, [[...steps, more.ends ?? op("RETURNR", int(0))]]]
  }
})

/** A tuple of itself twice, again and again: 2^n elements in the memory of n. */
const doubled = (n: number, to = v(0)): ReadonlyArray<Instruction> => [
  op("STORE", to, int(1)),
  ...times(n, () => [op("PUSH", to), op("PUSH", to), op("TUPLE", to, int(2))]).flat()
]

const integerOf = (bytes: number): bigint => (1n << BigInt(8 * bytes)) - 3n

const nested = (n: number): V.Value => {
  let value: V.Value = V.unit
  for (let i = 0; i < n; i++) value = V.tuple([value])
  return value
}

const numbers = (n: number): V.Value => V.list(times(n, BigInt))

const wide = T.tuple(times(255, () => T.tuple(times(255, () => T.integer))))

const storeMap = { 1: V.storeMap(1, SortedMap.empty) }
const long = V.string(filled(290_000))
const longBytes = V.bytes(filled(290_000))
const large = integerOf(290_000)

/** A type in types, with parts that are there. */
const nestedType = (n: number): T.Type => {
  let nest: T.Type = T.integer
  for (let i = 0; i < n; i++) nest = T.tuple([nest])
  return nest
}

const rng = Rng.make("points")
const { g1, g2, gt, scalar } = Heavy.points
const bls = (operation: string, ...operands: ReadonlyArray<V.Value>): Pick<Attack, "main" | "args"> => ({
  main: {
    go: [
      operands.map(() => T.any),
      T.any,
      [
        [op("JUMP", int(1))],
        [op(`BLS12_381_${operation}`, v(0), ...operands.map((_, i) => arg(i))), op("JUMP", int(1))]
      ]
    ]
  },
  args: operands
})

export const attacks: { readonly [name: string]: Attack } = {
  "shared value as a key": {
    main: once(...doubled(60), op("MAP_EMPTY", v(1)), op("MAP_UPDATE", v(1), v(1), v(0), int(1)))
  },
  "two shared values as keys": {
    main: once(
      ...doubled(60),
      ...doubled(60, v(2)),
      op("MAP_EMPTY", v(1)),
      op("MAP_UPDATE", v(1), v(1), v(0), int(1)),
      op("MAP_LOOKUPD", v(1), v(1), v(2), int(1))
    )
  },
  "shared values compared": { main: once(...doubled(60), ...doubled(60, v(2)), op("EQ", v(1), v(0), v(2))) },
  "shared value in an error": { main: once(...doubled(60), op("ADD", v(1), v(0), int(1))) },
  "shared value returned": { main: { go: [[T.any], T.any, [[...doubled(60), op("RETURNR", v(0))]]] } },
  "shared value stored": { main: once(...doubled(60), op("STORE", v(-1), v(0))) },
  "shared value stored, as large as gas allows": { main: once(...doubled(17), op("STORE", v(-1), v(0))) },
  "shared value hashed": {
    main: once(...doubled(18), op("STORE", v(1), arg(0)), ...doubled(18), op("SHA3", v(1), v(0)))
  },
  "shared string hashed": {
    main: once(
      op("STORE", v(0), arg(0)),
      ...times(17, () => [op("PUSH", v(0)), op("PUSH", v(0)), op("TUPLE", v(0), int(2))]).flat(),
      op("SHA3", v(1), v(0))
    ),
    args: [long]
  },
  "shared value returned under Lima": {
    main: { go: [[T.any], T.any, [[...doubled(60), op("RETURNR", v(0))]]] },
    protocol: 4
  },
  "shared value stored under Lima": { main: once(...doubled(60), op("STORE", v(-1), v(0))), protocol: 4 },
  "shared values compared under Lima": {
    main: once(...doubled(60), ...doubled(60, v(2)), op("EQ", v(1), v(0), v(2))),
    protocol: 4
  },
  "shared value hashed under Lima": { main: once(...doubled(60), op("SHA3", v(1), v(0))), protocol: 4 },
  "gas out of nothing under Lima": {
    main: loop([op("STORE", v(0), immediate(V.bits(0n)))], op("BITS_TEST", v(1), v(0), int(-1_000_000))),
    protocol: 4
  },
  "hashes of a long string": { main: loop([], op("BLAKE2B", v(0), arg(0))), args: [long] },
  "signatures of long messages": {
    main: loop(
      [],
      op(
        "VERIFY_SIG",
        v(0),
        arg(0),
        immediate(V.reference("address", Laboratory.caller)),
        immediate(V.bytes(filled(64)))
      )
    ),
    args: [longBytes]
  },
  "texts of a large integer": { ...guarded([op("ADD", v(0), arg(0), text("x"))]), args: [large] },
  "text of a large integer": { main: once(op("ADD", v(0), arg(0), text("x"))), args: [large] },
  "texts of a long list": {
    ...guarded([op("ADD", v(0), arg(0), text("x"))]),
    args: [V.list(times(100_000, () => 65n))]
  },
  "texts of a wide type": { ...guarded([], { parameter: wide }), args: [1n] },
  "long texts of errors": { ...guarded([], { ends: op("EXIT", arg(0)) }), args: [long] },
  "long texts of reverts": { ...guarded([], { ends: op("ABORT", arg(0)) }), args: [long] },
  "long names of functions": { ...guarded([], { ends: op("CALL", arg(0)) }), args: [long] },
  "long keys of contracts": {
    ...guarded([], { ends: op("CALL_R", arg(0), id("x"), type(T.tuple([])), type(T.any), int(0)) }),
    args: [V.reference("contract", filled(290_000))]
  },
  "long keys of a stored map": {
    main: loop(
      [op("STORE", v(1), v(-1))],
      op("BYTES_SPLIT", v(2), arg(0), int(100)),
      op("ELEMENT", arg(0), int(1), v(2)),
      op("MAP_LOOKUPD", v(0), v(1), arg(0), int(0))
    ),
    args: [longBytes],
    registers: storeMap
  },
  "lists of a large map": {
    ...guarded([op("MAP_TO_LIST", v(0), arg(0))]),
    args: [V.map(SortedMap.fromEntries(times(50_000, (i) => [BigInt(i), 1n] as const)))]
  },
  "small maps of a long list": {
    main: loop([], op("MAP_FROM_LIST", v(0), arg(0))),
    args: [V.list(times(90_000, (i) => V.tuple([BigInt(i % 10), 1n])))]
  },
  "walks that run out of gas": guarded([...doubled(60), op("EQ", v(0), v(0), v(0))]),
  "results of the wrong type": guarded([...doubled(16)], { result: T.integer, ends: op("RETURNR", v(0)) }),
  "stored results of the wrong type": {
    ...guarded([], { result: T.integer, ends: op("RETURNR", v(-1)) }),
    registers: { 1: numbers(100_000) }
  },
  "variants of many constructors": {
    ...guarded([]),
    args: [
      V.list(
        times(250, () =>
          V.variant(
            times(1000, () => 0),
            0,
            []
          )
        )
      )
    ]
  },
  "wide types compared": {
    main: loop(
      [
        op("STORE", v(0), type(wide)),
        ...times(16, () => [op("PUSH", v(0)), op("PUSH", v(0)), op("TUPLE", v(0), int(2))]).flat()
      ],
      op("EQ", v(1), v(0), v(0))
    )
  },
  "endless recursion": {
    main: { go: [[T.any], T.any, [[op("PUSH", arg(0)), op("CALL", id("go"))], [op("RETURN")]]] }
  },
  "endless recursion with far variables": {
    main: {
      go: [
        [T.any],
        T.any,
        [[op("STORE", v(255), int(1)), op("PUSH", arg(0)), op("CALL", id("go"))], [op("RETURN")]]
      ]
    }
  },
  "endless stack": { main: loop([], op("PUSH", arg(0))) },
  "endless writing": { main: loop([], op("STORE", v(-1), arg(0))) },
  "growing map": {
    main: loop(
      [op("MAP_EMPTY", v(0)), op("STORE", v(1), int(0))],
      op("INC", v(1)),
      op("MAP_UPDATE", v(0), v(0), v(1), int(1))
    )
  },
  "growing list": { main: loop([op("STORE", v(0), immediate(numbers(10)))], op("APPEND", v(0), v(0), v(0))) },
  "growing string": { main: loop([op("STORE", v(0), text("x"))], op("STR_JOIN", v(0), v(0), v(0))) },
  squares: { main: loop([op("STORE", v(0), int(3))], op("MUL", v(0), v(0), v(0))) },
  powers: { main: loop([], op("POW", v(0), int(3), int(1_000_000))) },
  shifts: { main: loop([op("STORE", v(0), int(1))], op("BSL", v(0), v(0), int(64))) },
  "products of points of the first group": bls("G1_MUL", scalar(rng), g1(rng)),
  "products of points of the second group": bls("G2_MUL", scalar(rng), g2(rng)),
  "powers in the target group": bls("GT_POW", gt(rng), scalar(rng)),
  "products in the target group": bls("GT_MUL", gt(rng), gt(rng)),
  "sums in the target group": bls("GT_ADD", gt(rng), gt(rng)),
  "normal forms of points": bls("G2_NORM", g2(rng)),
  pairings: bls("PAIRING", g1(rng), g2(rng)),
  "Miller loops": bls("MILLER_LOOP", g1(rng), g2(rng)),
  "final exponentiations": bls("FINAL_EXP", gt(rng)),
  "powers in protected calls": {
    ...guarded([
      op("BLS12_381_GT_POW", v(0), immediate(gt(rng)), immediate(scalar(rng))),
      op("BLS12_381_G2_MUL", v(0), immediate(scalar(rng)), immediate(g2(rng)))
    ])
  },
  "products modulo a large integer": {
    main: loop([], op("MULMOD", v(0), int(7), arg(0), arg(0))),
    args: [integerOf(90_000)]
  },
  "products that vanish": {
    main: loop([], op("MULMOD", v(0), arg(0), arg(0), int(7))),
    args: [integerOf(30_000)]
  },
  "steps of a large integer": { main: loop([], op("DEC", arg(0))), args: [large] },
  "unions of large sets": { main: loop([], op("BITS_OR", v(0), arg(0), arg(0))), args: [V.bits(large)] },
  "sums of large sets": { main: loop([], op("BITS_SUM", v(0), arg(0))), args: [V.bits(large)] },
  "integers of long bytes": { main: loop([], op("BYTES_TO_INT", v(0), arg(0))), args: [longBytes] },
  "upper case of a long string": { ...guarded([op("STR_TO_UPPER", v(0), arg(0))]), args: [long] },
  "characters of a long string": { ...guarded([op("STR_TO_LIST", v(0), arg(0))]), args: [long] },
  "marks without end": {
    ...guarded([op("STR_FROM_LIST", v(0), arg(0))]),
    args: [V.list(times(70_000, () => 0x301n))]
  },
  "long lists joined": { ...guarded([op("APPEND", v(0), arg(0), arg(0))]), args: [numbers(55_000)] },
  "wide tuples changed": {
    ...guarded([op("SETELEMENT", v(0), int(0), arg(0), int(1))]),
    args: [V.tuple(times(100_000, () => 1n))]
  },
  "deep value passed on": { ...guarded([], { ends: op("RETURNR", arg(0)) }), args: [nested(290_000)] },
  "deep value in an endless loop": { main: loop([], op("STORE", v(0), arg(0))), args: [nested(290_000)] },
  "deep value returned": {
    main: { go: [[T.any], T.any, [[op("RETURNR", arg(0))]]] },
    args: [nested(290_000)]
  },
  "deep value stored": { main: once(op("STORE", v(-1), arg(0))), args: [nested(290_000)] },
  "deep value hashed": { main: once(op("SHA3", v(0), arg(0))), args: [nested(290_000)] },
  "deep maps stored": {
    main: once(op("STORE", v(-1), arg(0))),
    args: [Heavy.deepMap(90_000)]
  },
  "deep type as an argument": { main: once(), args: [V.typeRepresentation(nestedType(140_000))] },
  "deep type in the code": { main: once(op("STORE", v(0), type(nestedType(140_000)))) },
  "deep type of a function": { main: { go: [[nestedType(140_000)], T.any, [[op("RETURN")]]] } },
  "deep value of the wrong type": {
    main: { go: [[T.integer], T.any, [[op("RETURN")]]] },
    args: [nested(290_000)]
  },
  "deep keys": {
    main: loop([op("MAP_EMPTY", v(0))], op("MAP_UPDATE", v(0), v(0), arg(0), int(1))),
    args: [nested(100_000)]
  },
  "texts of long addresses": {
    main: loop([], op("ADDR_TO_STR", v(0), arg(0))),
    args: [V.reference("address", filled(1024))]
  },
  "text of an address that is too long": {
    main: once(op("ADDR_TO_STR", v(0), arg(0))),
    args: [V.reference("address", filled(10_000))]
  },
  "addresses of any length": {
    main: loop([], op("ADDR_TO_STR", v(0), arg(0))),
    args: [V.reference("address", filled(100_000))]
  },
  "topics of any length": {
    main: once(op("LOG1", text("x"), arg(0))),
    args: [V.reference("address", filled(33))]
  },
  "long names": {
    main: loop([], op("AENS_LOOKUP", v(0), arg(0))),
    args: [V.text(`${"é".repeat(140_000)}.chain`)]
  },
  "call data that no transaction has room for": { main: once(), args: [V.string(filled(400_000))] }
}
