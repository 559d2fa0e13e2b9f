/**
 * Accounts, as they stand in the accounts tree on chain and off chain. Contracts have one too.
 *
 * Specification: æternity serializations (account).
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { ContractId } from "../encoding/ApiEncoding.js"
import * as DecodeError from "../encoding/DecodeError.js"
import {
  failure,
  fixed,
  id,
  int,
  objectCodec,
  readObjectOrThrow,
  safeInt,
  unexpectedObject
} from "./internal/fields.js"

/**
 * The contract and the hash (32 bytes) of the function that authenticate for a generalized account.
 *
 * @since 0.1.0
 * @category models
 */
export interface Authentication {
  readonly contract: ContractId
  readonly functionHash: Uint8Array
}

/**
 * An account: balance in aettos, the nonce of its last transaction, flags (bit 0: not payable) and, for a
 * generalized account, how it authenticates.
 *
 * @since 0.1.0
 * @category models
 */
export interface Account {
  readonly balance: bigint
  readonly nonce: bigint
  readonly flags: number
  readonly authentication?: Authentication
}

/**
 * An account with a balance (aettos); nonce and flags are 0 unless given.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (fields: Pick<Account, "balance"> & Partial<Account>): Account => ({
  nonce: 0n,
  flags: 0,
  ...fields
})

/**
 * Whether the account authenticates by a contract instead of a signature.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isGeneralized = (account: Account): boolean => account.authentication !== undefined

const tag = 10
const plain = objectCodec(tag, 1, { nonce: int, balance: int })
const generalized = objectCodec(tag, 2, {
  flags: safeInt,
  nonce: int,
  balance: int,
  gaContract: id("ct"),
  gaAuthFun: fixed(32)
})
const flagged = objectCodec(tag, 3, { flags: safeInt, nonce: int, balance: int })

/**
 * The serialized account: version 2 for a generalized account, 3 for one with flags, else 1.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (account: Account): Uint8Array => {
  const { authentication } = account
  if (authentication !== undefined) {
    return generalized.encode({
      ...account,
      gaContract: authentication.contract,
      gaAuthFun: authentication.functionHash
    })
  }
  return account.flags === 0 ? plain.encode(account) : flagged.encode(account)
}

/**
 * Reads a serialized account; see `decode`. Throws `DecodeError`.
 *
 * @internal
 * @since 0.1.0
 * @category internal
 */
export const decodeOrThrow = (bytes: Uint8Array): Account =>
  readObjectOrThrow("account", bytes, (header) => {
    if (header.tag !== tag) throw unexpectedObject(header, "account")
    switch (header.version) {
      case 1:
        return { ...plain.fromItemsOrThrow(header.items), flags: 0 }
      case 2: {
        const { gaContract, gaAuthFun, ...rest } = generalized.fromItemsOrThrow(header.items)
        return { ...rest, authentication: { contract: gaContract, functionHash: gaAuthFun } }
      }
      case 3: {
        const account = flagged.fromItemsOrThrow(header.items)
        if (account.flags === 0) {
          throw failure("non_canonical", "an account without flags is written in version 1")
        }
        return account
      }
      default:
        throw unexpectedObject(header, "account")
    }
  })

/**
 * Reads a serialized account. Fails with `DecodeError`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (bytes: Uint8Array): Effect.Effect<Account, DecodeError.DecodeError> =>
  DecodeError.attempt(() => decodeOrThrow(bytes))
