/**
 * Which unit a number has, by the name of its field: the names of transactions, updates and objects are the same.
 *
 * @since 0.1.0
 */
import { unpackVersions } from "@aechannel/core/chain/ContractObject"
import type { Unit, Value } from "./Explanation.js"
import * as Explanation from "./Explanation.js"

const units: ReadonlyMap<string, Unit> = new Map<string, Unit>([
  ["amount", "aettos"],
  ["balance", "aettos"],
  ["channel_reserve", "aettos"],
  ["deposit", "aettos"],
  ["fee", "aettos"],
  ["initiator_amount", "aettos"],
  ["initiator_amount_final", "aettos"],
  ["responder_amount", "aettos"],
  ["responder_amount_final", "aettos"],
  ["gas_price", "aettos per gas"],
  ["gas", "gas"],
  ["gas_used", "gas"],
  ["lock_period", "blocks"],
  ["ttl", "key block height"]
])

/** Integers without bound that have no unit. */
const unbounded: ReadonlySet<string> = new Set(["nonce", "caller_nonce", "call_stack"])

const isUnbounded = (name: string): boolean => {
  const unit = units.get(name)
  return unbounded.has(name) || (unit !== undefined && unit !== "blocks" && unit !== "key block height")
}

/**
 * A number of a field; the name alone decides whether it is an `Amount` or a `Count`, so that its form in JSON does
 * not depend on its size.
 *
 * @since 0.1.0
 * @category constructors
 */
export const numberOf = (name: string, value: bigint | number): Value =>
  typeof value === "bigint" || isUnbounded(name)
    ? Explanation.amount(BigInt(value), units.get(name))
    : Explanation.count(value, units.get(name))

const notes: ReadonlyMap<string, (value: number) => string | undefined> = new Map<
  string,
  (value: number) => string | undefined
>([
  ["ttl", (value: number) => (value === 0 ? "no limit" : undefined)],
  [
    "ct_version",
    (value: number) => {
      const { abiVersion, vmVersion } = unpackVersions(value)
      return `virtual machine ${vmVersion}, ABI ${abiVersion}`
    }
  ]
])

/**
 * What a number means, where that is not plain.
 *
 * @since 0.1.0
 * @category formatting
 */
export const noteOf = (name: string, value: bigint | number): string | undefined =>
  typeof value === "number" ? notes.get(name)?.(value) : undefined
