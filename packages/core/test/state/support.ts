/**
 * Arbitraries and small helpers that the tests of this room share.
 */
import * as FastCheck from "effect/FastCheck"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Json from "../../src/encoding/Json.js"
import type { Update } from "../../src/state/Update.js"

const key = FastCheck.uint8Array({ minLength: 32, maxLength: 32 })

/** A random account address. */
export const address = key.map((bytes) => ApiEncoding.encode("ak", bytes))

/** A random contract id. */
export const contractId = key.map((bytes) => ApiEncoding.encode("ct", bytes))

/** An amount in aettos, small or beyond what a double can hold. */
export const amount = FastCheck.oneof(FastCheck.bigInt(0n, 300n), FastCheck.bigInt(0n, 10n ** 27n))

const version = FastCheck.integer({ min: 0, max: 0xffff })
const bytes = FastCheck.uint8Array({ maxLength: 70 })

/** Any update, contract updates included. */
export const anyUpdate: FastCheck.Arbitrary<Update> = FastCheck.oneof(
  FastCheck.record({
    _tag: FastCheck.constant("OffChainTransfer" as const),
    from: address,
    to: address,
    amount
  }),
  FastCheck.record({ _tag: FastCheck.constant("OffChainDeposit" as const), from: address, amount }),
  FastCheck.record({ _tag: FastCheck.constant("OffChainWithdrawal" as const), to: address, amount }),
  FastCheck.record({
    _tag: FastCheck.constant("OffChainNewContract" as const),
    owner: address,
    // What unpacks and packs to itself: an absent machine version stands for one equal to a small ABI version.
    ctVersion: FastCheck.oneof(
      FastCheck.integer({ min: 0, max: 2 }),
      FastCheck.tuple(FastCheck.integer({ min: 3, max: 0xffff }), version).map(
        ([vm, abi]) => vm * 0x10000 + abi
      )
    ),
    code: bytes,
    deposit: amount,
    callData: bytes
  }),
  FastCheck.record({
    _tag: FastCheck.constant("OffChainCallContract" as const),
    callerId: address,
    contractId,
    abiVersion: version,
    amount,
    gas: amount,
    gasPrice: amount,
    callData: bytes,
    callStack: FastCheck.array(amount, { maxLength: 3 })
  }),
  FastCheck.record({
    _tag: FastCheck.constant("OffChainMeta" as const),
    data: FastCheck.string({ unit: "binary" })
  })
)

/** JSON with every number written as a string, as the known answers have it. */
export const numbersAsText = (json: Json.Json): unknown => {
  if (typeof json === "number" || typeof json === "bigint") return String(json)
  if (Json.isArray(json)) return json.map(numbersAsText)
  if (Json.isObject(json)) {
    return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, numbersAsText(value)]))
  }
  return json
}
