/**
 * Mutations of bytes: blind ones, and ones that know recursive length prefix encoding and so get past the framing
 * into the fields.
 */
import * as Bytes from "../src/encoding/Bytes.js"
import { DecodeError } from "../src/encoding/DecodeError.js"
import * as Rlp from "../src/encoding/Rlp.js"
import type { Rng } from "./Rng.js"

/** Hands out another input of the corpus, for splices. */
export type Other = () => Uint8Array

const spliceAt = (bytes: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array =>
  Bytes.concat(bytes.subarray(0, at), added, bytes.subarray(Math.min(bytes.length, at + removed)))

const withByte = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
  const copy = new Uint8Array(bytes)
  if (copy.length > 0) copy[at] = value
  return copy
}

const interestingBytes = [0, 1, 0x37, 0x38, 0x7f, 0x80, 0x81, 0xb7, 0xb8, 0xbf, 0xc0, 0xc1, 0xf7, 0xf8, 0xff]

type Operation = (rng: Rng, bytes: Uint8Array, other: Other) => Uint8Array

const flipBit: Operation = (rng, bytes) => {
  const at = rng.below(bytes.length)
  return withByte(bytes, at, (bytes[at] ?? 0) ^ (1 << rng.below(8)))
}

const blind: ReadonlyArray<Operation> = [
  flipBit,
  flipBit,
  (rng, bytes) => withByte(bytes, rng.below(bytes.length), rng.pick(interestingBytes)),
  (rng, bytes) => withByte(bytes, rng.below(bytes.length), rng.below(256)),
  (rng, bytes) => bytes.slice(0, rng.below(bytes.length)),
  (rng, bytes) => bytes.slice(rng.below(Math.min(bytes.length, 8))),
  (rng, bytes) => spliceAt(bytes, rng.below(bytes.length), 1 + rng.below(8), new Uint8Array(0)),
  (rng, bytes) => spliceAt(bytes, rng.below(bytes.length + 1), 0, rng.bytes(1 + rng.below(8))),
  (rng, bytes) => {
    const from = rng.below(bytes.length)
    return spliceAt(bytes, from, 0, bytes.subarray(from, from + 1 + rng.below(32)))
  },
  (rng, bytes, other) => {
    const second = other()
    const from = rng.below(second.length)
    return spliceAt(
      bytes,
      rng.below(bytes.length + 1),
      rng.below(16),
      second.subarray(from, from + rng.below(64))
    )
  },
  (rng, bytes, other) => {
    const second = other()
    return Bytes.concat(bytes.subarray(0, rng.below(bytes.length)), second.subarray(rng.below(second.length)))
  }
]

/** A few blind changes: flipped bits, cuts, insertions, splices of two inputs. */
export const anyBytes = (rng: Rng, input: Uint8Array, other: Other): Uint8Array => {
  let bytes = input
  for (let i = 1 + rng.below(3); i > 0; i--) bytes = rng.pick(blind)(rng, bytes, other)
  return bytes
}

/** Lists inside lists, `depth` of them around an empty byte string. */
export const nestedLists = (depth: number): Uint8Array => {
  const headers: Array<Uint8Array> = []
  let size = 1
  for (let i = 0; i < depth; i++) {
    const width = size <= 55 ? 0 : Bytes.uintToBytes(size).length
    const header =
      width === 0
        ? Uint8Array.of(0xc0 + size)
        : Bytes.concat(Uint8Array.of(0xf7 + width), Bytes.uintToBytes(size))
    headers.push(header)
    size += header.length
  }
  return Bytes.concat(...headers.reverse(), Uint8Array.of(0x80))
}

const filled = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value)

const interestingItems: ReadonlyArray<Uint8Array> = [
  new Uint8Array(0),
  Uint8Array.of(0),
  Uint8Array.of(1),
  Uint8Array.of(0, 1),
  Uint8Array.of(0x7f),
  Uint8Array.of(0x80),
  Bytes.uintToBytes(Number.MAX_SAFE_INTEGER),
  Bytes.uintToBytes(BigInt(Number.MAX_SAFE_INTEGER) + 1n),
  filled(4, 0xff),
  filled(8, 0xff),
  filled(32, 0),
  filled(32, 0xff),
  Bytes.concat(Uint8Array.of(1), filled(32, 0xff)),
  Bytes.concat(Uint8Array.of(5), filled(32, 1)),
  Bytes.concat(Uint8Array.of(7), filled(32, 1)),
  filled(64, 0),
  filled(64, 0xff)
]

const isBytes = (item: Rlp.Rlp): item is Uint8Array => item instanceof Uint8Array

/** The item that the bytes encode, or `undefined` if they encode none. */
export const readItem = (bytes: Uint8Array): Rlp.Rlp | undefined => {
  try {
    return Rlp.decodeOrThrow(bytes)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

const randomItem = (rng: Rng, other: Other): Rlp.Rlp => {
  switch (rng.below(5)) {
    case 0:
      return rng.bytes(rng.below(40))
    case 1: {
      const item = readItem(other())
      return item === undefined ? other() : isBytes(item) || item.length === 0 ? item : rng.pick(item)
    }
    case 2:
      return [rng.pick(interestingItems)]
    case 3:
      return rng.chance(0.02) ? filled(rng.below(rng.chance(0.1) ? 2_000_000 : 20_000), 0xff) : []
    default:
      return rng.pick(interestingItems)
  }
}

const changeLeaf = (rng: Rng, leaf: Uint8Array, other: Other): Rlp.Rlp => {
  // Objects are often written as bytes inside of objects.
  const inside = leaf.length > 2 ? readItem(leaf) : undefined
  if (inside !== undefined && !isBytes(inside) && rng.chance(0.75))
    return Rlp.encode(change(rng, inside, other))
  return rng.chance(0.5) && leaf.length > 0 ? anyBytes(rng, leaf, other) : randomItem(rng, other)
}

const changeList = (rng: Rng, list: ReadonlyArray<Rlp.Rlp>, other: Other): Rlp.Rlp => {
  const at = rng.below(list.length)
  switch (list.length === 0 ? 1 : rng.below(6)) {
    case 0:
      return list.toSpliced(at, 1)
    case 1:
      return list.toSpliced(at, 0, randomItem(rng, other))
    case 2:
      return list.toSpliced(at, 0, rng.pick(list))
    case 3:
      return list.with(at, rng.pick(list))
    case 4:
      return list.with(at, randomItem(rng, other))
    default:
      return list.toReversed()
  }
}

const change = (rng: Rng, item: Rlp.Rlp, other: Other): Rlp.Rlp => {
  if (isBytes(item)) return changeLeaf(rng, item, other)
  if (item.length === 0 || rng.chance(0.12)) return changeList(rng, item, other)
  const at = rng.below(item.length)
  return item.with(at, change(rng, item[at] ?? [], other))
}

/** A changed field, a missing or a doubled one, an integer that is too large: still well-formed encoding. */
export const items = (rng: Rng, input: Uint8Array, other: Other): Uint8Array => {
  let item = readItem(input)
  if (item === undefined) return anyBytes(rng, input, other)
  for (let i = 1 + rng.below(2); i > 0; i--) item = change(rng, item, other)
  return Rlp.encode(item)
}

const seldom = 0.05

/** The same items, here and there with a longer header than they need: what a strict reader refuses. */
const wordy = (rng: Rng, item: Rlp.Rlp): Uint8Array => {
  const body = isBytes(item) ? item : Bytes.concat(...item.map((part) => wordy(rng, part)))
  if (isBytes(item) && body.length === 1 && (body[0] ?? 0) < 0x80 && !rng.chance(seldom)) return body
  const base = isBytes(item) ? 0x80 : 0xc0
  if (body.length <= 55 && !rng.chance(seldom)) return Bytes.concat(Uint8Array.of(base + body.length), body)
  const size = Bytes.uintToBytes(body.length)
  const padded = rng.chance(seldom) ? Bytes.concat(Uint8Array.of(0), size) : size
  return Bytes.concat(Uint8Array.of(base + 55 + padded.length), padded, body)
}

/** Any of the mutations above; seldom a deep nest, a huge input or the input as it is. */
export const object = (rng: Rng, input: Uint8Array, other: Other): Uint8Array => {
  const choice = rng.below(1000)
  if (choice < 40) return input
  if (choice < 42) return nestedLists(500 + rng.below(100_000))
  if (choice < 44)
    return spliceAt(input, rng.below(input.length), 0, filled(rng.below(100_000), rng.below(256)))
  if (choice < 60) return wordy(rng, readItem(input) ?? input)
  return choice < 300 ? anyBytes(rng, input, other) : items(rng, input, other)
}
