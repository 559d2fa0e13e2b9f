/**
 * Programs and call data that cost as much as can be had for the gas: endless loops of the operations that take long,
 * on numbers, points, texts, lists, maps and deep values as large as a transaction may be.
 */
import * as A from "../../fate/support/assembly.js"
import type { Rng } from "../../../fuzz/Rng.js"
import * as Bytes from "../../../src/encoding/Bytes.js"
import * as Bytecode from "../../../src/fate/Bytecode.js"
import * as Bls from "../../../src/fate/internal/bls12381.js"
import type { Instruction, Operand } from "../../../src/fate/internal/machine.js"
import * as SortedMap from "../../../src/fate/internal/sortedMap.js"
import * as T from "../../../src/fate/Type.js"
import * as V from "../../../src/fate/Value.js"
import * as ValueCodec from "../../../src/fate/ValueCodec.js"
import * as Laboratory from "./Laboratory.js"

const { argument, immediate, op, variable } = A

const times = <X>(count: number, make: (index: number) => X): Array<X> =>
  Array.from({ length: count }, (_, i) => make(i))

/** A number below a limit that has no pattern. */
const numberBelow = (rng: Rng, limit: bigint): bigint =>
  rng.chance(0.1) ? limit - 1n - BigInt(rng.below(3)) : BigInt(`0x${Bytes.toHex(rng.bytes(64))}`) % limit

const fieldNumber = (rng: Rng): V.Value => V.bytes(Bls.fp.toBytes(numberBelow(rng, Bls.fieldOrder)))
const pair = (rng: Rng): V.Value => V.tuple(times(2, () => fieldNumber(rng)))

/** Any numbers do for a point: whether it is on the curve is not asked. */
export const points = {
  g1: (rng: Rng): V.Value => V.tuple(times(3, () => fieldNumber(rng))),
  g2: (rng: Rng): V.Value => V.tuple(times(3, () => pair(rng))),
  gt: (rng: Rng): V.Value => V.tuple(times(12, () => fieldNumber(rng))),
  scalar: (rng: Rng): V.Value => V.bytes(Bls.fr.toBytes(numberBelow(rng, Bls.groupOrder - 1n)))
}

/** A value in others, as deep as it has bytes, about. */
export const deep = (rng: Rng, size: number): V.Value => {
  const wrap = rng.pick<(inner: V.Value) => V.Value>([
    (inner) => V.tuple([inner]),
    (inner) => V.tuple([inner, V.unit]),
    (inner) => V.list([inner]),
    (inner) => V.variant([0, 1], 1, [inner]),
    (inner) => V.map(SortedMap.fromEntries([[0n, inner]]))
  ])
  let value: V.Value = V.unit
  for (let left = size; left > 0; left -= ValueCodec.encode(wrap(V.unit)).length - 1) value = wrap(value)
  return value
}

/** A map in a map, again and again. */
export const deepMap = (n: number): V.Value => {
  let value: V.Value = V.unit
  for (let i = 0; i < n; i++) value = V.map(SortedMap.fromEntries([[0n, value]]))
  return value
}

/** A type in others; `wide` ones say that they have many parts more, which are not there. */
export const deepType = (rng: Rng, size: number, wide = false): Uint8Array => {
  const start = wide
    ? Uint8Array.of(rng.pick([0x37, 0x87]), 0xff)
    : rng.pick([Uint8Array.of(0x37, 1), Uint8Array.of(0x27), Uint8Array.of(0x67, 7)])
  const bytes = new Uint8Array(Math.floor(size / start.length) * start.length + 1).fill(7)
  for (let at = 0; at + start.length < bytes.length; at += start.length) bytes.set(start, at)
  return bytes
}

const filled = (rng: Rng, size: number): Uint8Array =>
  rng.chance(0.5) ? new Uint8Array(size).fill(rng.pick([0x41, 0, 0xff])) : rng.bytes(size)

/** Values by kind: of so many bytes, about, where they may be large. */
const makers: { readonly [kind: string]: (rng: Rng, size: number) => V.Value } = {
  g: points.g1,
  h: points.g2,
  t: points.gt,
  r: points.scalar,
  i: (rng, size) => BigInt(`0x1${Bytes.toHex(filled(rng, size))}`) * (rng.chance(0.2) ? -1n : 1n),
  n: (rng) => BigInt(rng.below(100_000)),
  s: (rng, size) => V.string(filled(rng, size)),
  u: (rng, size) => V.text(rng.pick(["é", "ß", "e\u0301", "日"]).repeat(size / 3)),
  y: (rng, size) => V.bytes(filled(rng, size)),
  f: (rng, size) => V.bits(BigInt(`0x1${Bytes.toHex(filled(rng, size))}`)),
  l: (_, size) => V.list(times(size / 3, BigInt)),
  k: (rng, size) => V.list(times(size / 4, (i) => V.tuple([BigInt(rng.below(i + 1)), 1n]))),
  c: (_, size) => V.list(times(size / 3, () => 0x301n)),
  m: (_, size) => V.map(SortedMap.fromEntries(times(size / 4, (i) => [BigInt(i), 1n] as const))),
  e: (rng, size) => V.tuple(times(size / 2, () => BigInt(rng.below(60)))),
  d: deep,
  a: (rng, size) => V.reference("address", rng.bytes(rng.chance(0.5) ? 32 : size))
}

/** Operations and the kinds of what they take. */
const rows = `
BLS12_381_G1_MUL r g|BLS12_381_G2_MUL r h|BLS12_381_GT_POW t r|BLS12_381_GT_MUL t t|BLS12_381_GT_ADD t t
BLS12_381_PAIRING g h|BLS12_381_MILLER_LOOP g h|BLS12_381_FINAL_EXP t|BLS12_381_G1_NORM g|BLS12_381_G2_NORM h
BLS12_381_G1_ADD g g|BLS12_381_G2_ADD h h|BLS12_381_GT_INV t|BLS12_381_G2_VALID h|BLS12_381_GT_IS_ONE t
MULMOD n i i|MULMOD i i i|MULMOD i n n|MOD i i|DIV i n|MUL i i|POW n n|POW i n|INT_TO_STR i|BSL i n|BSR i n|ADD i i
BITS_OR f f|BITS_SUM f|BITS_SET f n|BYTES_TO_INT y|INT_TO_BYTES i n|SHA3 s|SHA3 d|BLAKE2B l|SHA256 m
EQ d d|EQ l l|EQ m m|LT e e|LT k k|STR_JOIN s s|STR_TO_LIST u|STR_FROM_LIST c|STR_TO_UPPER u|STR_LENGTH u
STR_REVERSE u|APPEND l l|MAP_FROM_LIST k|MAP_TO_LIST m|MAP_UPDATE m d n|MAP_UPDATE m n d|MAP_MEMBER l m
SETELEMENT 0 e n|BYTES_SPLIT y n|BYTES_CONCAT y y|ADDR_TO_STR a|BALANCE_OTHER a|STORE d|STORE m`
  .trim()
  .split(/[|\n]/)
  .map((row) => row.split(" "))

const most = 280_000

/** How many bytes of what there is; most often all or next to nothing. */
const sizeOf = (rng: Rng, room: number): number =>
  rng.pick([room, room, rng.below(room), Math.min(room, 10 ** rng.below(6))])

export interface Made {
  readonly code: Uint8Array
  readonly helper: Uint8Array
  readonly callData: Uint8Array
}

const protectedCall = (count: number): ReadonlyArray<Instruction> => [
  ...times(count, (i) => op("PUSH", argument(count - 1 - i))),
  op(
    "CALL_PGR",
    immediate(V.reference("contract", Laboratory.helper)),
    immediate(V.string(Bytecode.functionId("go"))),
    immediate(V.typeRepresentation(T.tuple(times(count, () => T.any)))),
    immediate(V.typeRepresentation(T.any)),
    immediate(0n),
    immediate(10n ** 9n),
    immediate(true)
  )
]

/** A contract, its helper, and call data for it. */
export const make = (rng: Rng): Made => {
  const chosen = times(1 + rng.below(3), () => rng.pick(rows))
  const room = Math.floor(most / chosen.reduce((sum, row) => sum + row.length - 1, 0))
  const args: Array<V.Value> = []
  const operand = (kind: string): Operand => {
    if (kind === "0") return immediate(0n)
    const maker = makers[kind]
    if (maker === undefined) throw new Error(`there is no kind ${kind}`)
    return argument(args.push(maker(rng, sizeOf(rng, room))) - 1)
  }
  const steps = chosen.map(([mnemonic = "NOP", ...kinds], i) =>
    op(mnemonic, rng.chance(0.1) ? variable(-1 - i) : variable(i), ...kinds.map(operand))
  )
  const types = times(args.length, () => T.any)
  const start = [op("JUMP", immediate(1n))]
  const loop: A.Body = [types, T.any, [start, [...steps, op("JUMP", immediate(1n))]]]
  const once: A.Body = [types, T.any, [[...steps, op("RETURNR", argument(rng.below(args.length)))]]]
  const guarded: A.Body = [
    types,
    T.any,
    [start, [...protectedCall(args.length)], [op("POP", variable(99)), op("JUMP", immediate(1n))]]
  ]
  return {
    code: A.byteCode({ go: rng.pick([loop, loop, once, guarded]) }),
    helper: A.byteCode({ go: once }),
    callData: Laboratory.callData(Bytecode.functionId("go"), args)
  }
}

/** Code whose `go` passes its argument on, keeps it, compares it or hashes it. */
export const uses: ReadonlyArray<Uint8Array> = [
  [op("RETURNR", argument(0))],
  [op("STORE", variable(-1), argument(0)), op("RETURNR", immediate(0n))],
  [op("EQ", variable(0), argument(0), argument(0)), op("RETURNR", variable(0))],
  [op("SHA3", variable(0), argument(0)), op("RETURNR", variable(0))],
  [op("ADD", variable(0), argument(0), argument(0)), op("RETURNR", variable(0))]
].map((steps) => A.byteCode({ go: [[T.any], T.any, [steps]] }))

/** Call data of `go` with one argument, whatever its bytes are. */
export const callDataOf = (argumentBytes: Uint8Array): Uint8Array =>
  Bytes.concat(
    ValueCodec.encode(V.tuple([V.string(Bytecode.functionId("go")), V.tuple([V.unit])])).slice(0, -1),
    argumentBytes
  )
