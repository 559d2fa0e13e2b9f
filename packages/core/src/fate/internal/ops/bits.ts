import { bits, type BitsValue, type Value } from "../../Value.js"
import { arithmetic } from "../errorTexts.js"
import { fail, type Machine, type Operation, type Operations } from "../machine.js"
import { chargePosition } from "./arithmetic.js"
import { bad, binary, charge, unary } from "./common.js"
import { isWord, linear, work, words } from "./work.js"

const isBits = (value: Value): value is BitsValue => typeof value === "object" && value._tag === "bits"

/** The set without bits, and the one with all of them. */
const nothing = bits(0n)
const everything = bits(-1n)

/** An operation on a set and a position, whose cells are taken before the types are looked at. */
const atPosition =
  (name: string, f: (set: bigint, position: bigint) => Value): Operation =>
  (m, o) => {
    const set = m.read(o[1])
    const position = m.read(o[2])
    chargePosition(m, position)
    if (!isBits(set) || typeof position !== "bigint") return bad(name, set, position)
    if (position < 0n) return fail(arithmetic("negative_bit_position"))
    linear(m, set.bits, 0n)
    m.write(o[0], f(set.bits, position))
  }

const ofSets = (name: string, f: (a: bigint, b: bigint) => bigint): Operation =>
  binary((a, b, m) => {
    if (!isBits(a) || !isBits(b)) return bad(name, a, b)
    linear(m, a.bits, b.bits)
    return bits(f(a.bits, b.bits))
  })

/** The number of bits of each hexadecimal digit, by its character. */
const onesOf: ReadonlyMap<number, number> = new Map(
  Array.from({ length: 16 }, (_, digit) => [
    digit.toString(16).charCodeAt(0),
    (digit & 1) + ((digit >> 1) & 1) + ((digit >> 2) & 1) + (digit >> 3)
  ])
)
const onesByCode = Uint8Array.from({ length: 128 }, (_, code) => onesOf.get(code) ?? 0)

/** The number of bits of a finite set. */
const ones = (m: Machine, set: bigint): number => {
  if (!isWord(set)) work(m, 160 * words(set))
  const hex = set.toString(16)
  let count = 0
  for (let i = 0; i < hex.length; i++) count += onesByCode[hex.charCodeAt(i)] as number
  return count
}

/** Operations on sets of bits. */
export const bitsOperations: Operations = {
  BITS_NONEA: (m) => {
    m.cells(1)
    m.push(nothing)
  },
  BITS_NONE: (m, o) => charge(m, o[0], 1, nothing),
  BITS_ALLA: (m) => {
    m.cells(1)
    m.push(everything)
  },
  BITS_ALL: (m, o) => charge(m, o[0], 1, everything),
  BITS_ALL_N: (m, o) => {
    const count = m.read(o[1])
    chargePosition(m, count)
    if (typeof count !== "bigint") return bad("bits_all", count)
    // Fewer than no bits are all of them.
    m.write(o[0], count < 0n ? everything : bits((1n << count) - 1n))
  },
  BITS_SET: atPosition("bits_set", (set, position) => bits(set | (1n << position))),
  BITS_CLEAR: atPosition("bits_clear", (set, position) => bits(set & ~(1n << position))),
  BITS_TEST: atPosition("bits_test", (set, position) => ((set >> position) & 1n) === 1n),
  BITS_SUM: unary((set, m) => {
    if (!isBits(set)) return bad("bits_sum", set)
    return set.bits < 0n ? fail(arithmetic("bits_sum_on_infinite_set")) : BigInt(ones(m, set.bits))
  }),
  BITS_OR: ofSets("bits_union", (a, b) => a | b),
  BITS_AND: ofSets("bits_intersection", (a, b) => a & b),
  BITS_DIFF: ofSets("bits_difference", (a, b) => a & ~b)
}
