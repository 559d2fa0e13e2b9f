/**
 * Register 0 of a contract's store: for every stored map the number under which its entries lie (which it inherits
 * when it is changed in place), how many references to it there are in the store, and how many entries it has.
 */
import * as Bytes from "../../encoding/Bytes.js"
import { map, tuple } from "../Value.js"
import type { Value } from "../Value.js"
import * as ValueCodec from "../ValueCodec.js"
import { crash } from "./machine.js"
import * as SortedMap from "./sortedMap.js"

export interface MapFacts {
  readonly rawId: number
  readonly references: number
  readonly size: number
}

/** By map id. */
export type Metadata = ReadonlyMap<number, MapFacts>

export const empty: Metadata = new Map()

export const encode = (metadata: Metadata): Uint8Array =>
  ValueCodec.encode(
    map(
      SortedMap.fromEntries(
        Array.from(metadata, ([id, facts]): readonly [Value, Value] => [
          BigInt(id),
          tuple([BigInt(facts.rawId), BigInt(facts.references), BigInt(facts.size)])
        ])
      )
    )
  )

export const encodedEmpty: Uint8Array = Uint8Array.of(0x2f, 0)

const number = (value: Value | undefined): number =>
  typeof value === "bigint" ? Number(value) : crash("the store's register 0 is not what the machine writes")

/** A value of the store. One that cannot be read was not written by the machine. */
export const stored = (bytes: Uint8Array): Value => {
  try {
    return ValueCodec.decodeOrThrow(bytes)
  } catch {
    return crash("a value of the store cannot be read")
  }
}

const known = new WeakMap<Uint8Array, Metadata>()

/** The same bytes are read in every run until a run changes them. */
export const decodeOrThrow = (bytes: Uint8Array): Metadata => {
  const read = known.get(bytes)
  if (read !== undefined) return read
  const metadata = parse(stored(bytes))
  known.set(bytes, metadata)
  return metadata
}

const parse = (value: Value): Metadata => {
  const result = new Map<number, MapFacts>()
  if (typeof value !== "object" || value._tag !== "map") return crash("the store's register 0 is no map")
  for (const [id, facts] of SortedMap.entries(value.entries)) {
    const [rawId, references, size] =
      typeof facts === "object" && facts._tag === "tuple" ? facts.elements : []
    result.set(number(id), { rawId: number(rawId), references: number(references), size: number(size) })
  }
  return result
}

const registerPrefix = Uint8Array.of(0)
const mapPrefix = Uint8Array.of(1)

const makeRegisterKey = (register: number): Uint8Array =>
  Bytes.concat(registerPrefix, Bytes.uintToBytes(register))

/** Of the registers that contracts have. */
const registerKeys: ReadonlyArray<Uint8Array> = Array.from({ length: 64 }, (_, i) => makeRegisterKey(i))

/** The store key of a register. */
export const registerKey = (register: number): Uint8Array =>
  registerKeys[register] ?? makeRegisterKey(register)

/** The store key of a map; that of an entry has the serialized key behind it. */
export const mapKey = (rawId: number): Uint8Array => Bytes.concat(mapPrefix, Bytes.uintToFixed(rawId, 4))
