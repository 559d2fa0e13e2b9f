/**
 * Work that gas does not pay for. The reference charges by the size of results, and after the work; a large operand with
 * a small result, or a charge that fails inside a protected call, costs next to nothing there. Here every operation on
 * large values is estimated before it is done, and a run that asks for far more of it than its gas would buy elsewhere is
 * refused. Contracts that mean well do not come near the limit.
 */
import type { Type } from "../../Type.js"
import { isCons, removed, type Value } from "../../Value.js"
import { type Machine, refuse } from "../machine.js"
import * as SortedMap from "../sortedMap.js"

/** Estimated nanoseconds of such work in one run. */
const limit = 500_000_000

/** Less than this is paid by the base gas of the operation. */
const free = 1000

const tooMuch = (): never => refuse("the contract asks for far more work than its gas pays for")

const done = new WeakMap<Machine, number>()

/** Notes work of about so many nanoseconds before it is done; the run ends when it is too much. */
export const work = (m: Machine, nanoseconds: number): void => {
  if (nanoseconds <= free) return
  const total = (done.get(m) ?? 0) + nanoseconds
  if (!(total <= limit)) tooMuch()
  done.set(m, total)
}

/**
 * Ends the run with `Out of gas` if `n` new cells cannot be paid whatever was created before. To be called where the
 * cells are charged only after the work.
 */
export const afford = (m: Machine, n: number): void => {
  // From 1024 cells on each costs more; the margin is for cells that were given back below zero.
  const least = n > 4096 ? n * (1 + Math.floor((n - 2048) / 1024)) : n
  if (least > m.gas) m.spend(m.gas + 1)
}

const wordLimit = 1n << 64n

/** Whether an integer has one word. */
export const isWord = (i: bigint): boolean => i < wordLimit && i > -wordLimit

// 2^(64 * 2^k), made as they are needed: comparing with them tells the size of an integer without copying it.
const powers: Array<bigint> = [wordLimit]

const power = (k: number): bigint => {
  for (let next = powers.length; next <= k; next++) powers.push(1n << BigInt(64 * 2 ** next))
  return powers[k] as bigint
}

const exponent = (magnitude: bigint): number => {
  let k = 0
  while (magnitude >= power(k + 1)) k++
  return k
}

const absolute = (i: bigint): bigint => (i < 0n ? -i : i)

/** The number of 64-bit words of the magnitude of an integer, at least 1. */
export const words = (i: bigint): number => {
  if (isWord(i)) return 1
  let rest = absolute(i)
  let count = 0
  for (let k = exponent(rest); k >= 0; k--) {
    if (rest < power(k)) continue
    count += 2 ** k
    rest >>= BigInt(64 * 2 ** k)
  }
  return count + 1
}

// Results of this size do not stay in the caches of a processor, and collecting them takes long.
const largeWords = 1024

/** Estimated nanoseconds to copy an integer of so many words. */
export const copyTime = (n: number): number => (n > largeWords ? 30 : 4) * n

/** Notes linear work on integers; they are small as a rule. */
export const linear = (m: Machine, a: bigint, b: bigint): void => {
  if (!isWord(a)) work(m, copyTime(words(a)))
  if (!isWord(b)) work(m, copyTime(words(b)))
}

/** Estimated nanoseconds to multiply integers of so many words (measured; below the schoolbook method for large ones). */
export const productTime = (n: number, m: number): number => {
  const small = Math.min(n, m)
  return Math.max(n, m) * Math.min(small, 34 + 4 * small ** 0.585)
}

// Above this divisors are taken in halves, which takes its time even for a quotient of one word.
const largeDivisor = 50

/** Estimated nanoseconds to divide integers of so many words (measured). */
export const quotientTime = (n: number, m: number): number =>
  n < m ? n : 4 * (n - m + 1) + 3 * productTime(n - m + 1, m) + (m < largeDivisor ? 0 : 64 * m)

const partSize = 8

// Values that share their parts many times over may be far larger than memory.
const mostBytes = 100_000_000

/** The size of a value in bytes, about; the run ends for one that nobody could go through. */
export const sizeOf = (value: Value): number => {
  if (typeof value === "boolean") return 1
  if (typeof value === "bigint") return isWord(value) ? partSize : 8 * words(value)
  if (value._tag === "string" || value._tag === "bytes") return value.bytes.length
  const pending: Array<Value> = [value]
  let total = 0
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    total += partSize
    if (total > mostBytes) return tooMuch()
    if (typeof next !== "object") {
      if (typeof next === "bigint" && !isWord(next)) total += 8 * words(next)
      continue
    }
    switch (next._tag) {
      case "bits":
        total += 8 * words(next.bits)
        break
      case "tuple":
        for (const element of next.elements) pending.push(element)
        break
      case "variant":
        total += next.arities.length
        for (const element of next.values) pending.push(element)
        break
      case "list":
        if (isCons(next)) pending.push(next.tail, next.head)
        break
      case "map":
        SortedMap.forEach(next.entries, (key, content) => pending.push(key, content))
        break
      case "store_map":
        SortedMap.forEach(next.cache, (key, content) => {
          pending.push(key)
          if (content !== removed) pending.push(content)
        })
        break
      case "typerep":
        total += typeSize(next.type)
        break
      default:
        total += next.bytes.length
    }
  }
  return total
}

const typeSizes = new WeakMap<Type, number>()

const typeSize = (type: Type): number => {
  const known = typeSizes.get(type)
  if (known !== undefined) return known
  let size = 0
  const pending: Array<Type> = [type]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    size += partSize
    if (next._tag === "list") pending.push(next.element)
    else if (next._tag === "map") pending.push(next.key, next.value)
    else if (next._tag === "tuple") for (const element of next.elements) pending.push(element)
    else if (next._tag === "variant") for (const one of next.constructors) pending.push(one)
  }
  typeSizes.set(type, size)
  return size
}

/** Nanoseconds to compare a byte. */
export const compareTime = 2

/** Nanoseconds to serialize a byte. */
export const writeTime = 10

/** Nanoseconds to look a byte of a key up in the store. */
const searchTime = 200

/** Notes a look-up in the store. */
export const searchWork = (m: Machine, key: Value): void => {
  if (typeof key === "object") work(m, sizeOf(key) * searchTime)
}

/** Notes the comparisons of a look-up in a map of so many entries. */
export const keyWork = (m: Machine, key: Value, size: number): void => {
  if (typeof key !== "object" && (typeof key === "boolean" || isWord(key))) return
  work(m, sizeOf(key) * compareTime * (1 + Math.log2(size + 1) / 4))
}
