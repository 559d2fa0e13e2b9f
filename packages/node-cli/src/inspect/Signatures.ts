/**
 * Whose signatures are on a transaction.
 *
 * @since 0.1.0
 */
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import type { CryptoService } from "@aechannel/core/crypto/Crypto"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import type { AccountAddress } from "@aechannel/core/encoding/ApiEncoding"
import { type Value, fact, facts, flag, nothing, said, text } from "./Explanation.js"

/**
 * The network ids that are tried where none is given.
 *
 * @since 0.1.0
 * @category constants
 */
export const usualNetworkIds: ReadonlyArray<string> = ["ae_mainnet", "ae_uat", "ae_dev"]

/** Nobody puts more on a transaction; a hostile one shall not keep us busy. */
const maximumSignatures = 16

/**
 * Somebody who may have signed, and what he is in the transaction, such as `initiator_id`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Candidate {
  readonly account: AccountAddress
  readonly role: string | undefined
}

interface Attempt {
  readonly networkId: string
  readonly mode: SignedTx.SigningMode
  readonly innerTx: boolean
  readonly message: Uint8Array
}

/** Every message a signature may be for, the likely ones first. */
const attemptsOf = (
  txBytes: Uint8Array,
  networkIds: ReadonlyArray<string>,
  paidFor: boolean
): ReadonlyArray<Attempt> =>
  [paidFor, !paidFor].flatMap((innerTx) =>
    networkIds.flatMap((networkId) =>
      (["hash", "raw"] as const).map((mode) => ({
        networkId,
        mode,
        innerTx,
        message: SignedTx.signingMessage(txBytes, networkId, mode, { innerTx })
      }))
    )
  )

/**
 * One signature and, as far as it can be told, its signer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Attribution {
  readonly signature: Uint8Array
  readonly signer: AccountAddress | undefined
  readonly value: Value
}

const describe = (candidate: Candidate, attempt: Attempt, paidFor: boolean): string => {
  const role = candidate.role === undefined ? "" : `, its ${candidate.role}`
  const mismatch =
    attempt.innerTx === paidFor
      ? ""
      : attempt.innerTx
        ? "; it only counts inside a paying_for transaction"
        : "; it does not count inside a paying_for transaction"
  return `valid signature of ${candidate.account} (${attempt.mode} mode, ${attempt.networkId}${attempt.innerTx ? ", to be paid for" : ""})${role}${mismatch}`
}

const byNone = (candidates: ReadonlyArray<Candidate>, networkIds: ReadonlyArray<string>): string =>
  candidates.length === 0
    ? "the transaction names nobody who could have made it: add addresses with --signer"
    : `by none of ${candidates.map(({ account }) => account).join(", ")} (hash and raw mode, ${networkIds.join(", ")}): add addresses with --signer, networks with --network-id`

const factsOf = (
  signature: Uint8Array,
  found: { readonly candidate: Candidate; readonly attempt: Attempt } | undefined,
  line: string
): Value => {
  const sg = ApiEncoding.encode("sg", signature)
  const or = <A>(value: A | undefined, show: (value: A) => Value) =>
    value === undefined ? nothing("unknown") : show(value)
  return said(
    facts([
      fact("signature", text(sg)),
      fact("signer", or(found?.candidate.account, text)),
      fact("role", or(found?.candidate.role, text)),
      fact("mode", or(found?.attempt.mode, text)),
      fact("network_id", or(found?.attempt.networkId, text)),
      fact("inner_tx", or(found?.attempt.innerTx, flag))
    ]),
    `${sg}: ${line}`
  )
}

/**
 * Tries every signature with every candidate, network id and mode. `paidFor` is for the transaction inside a paying-for
 * transaction, whose signatures are made for that.
 *
 * @since 0.1.0
 * @category explanations
 */
export const attribute = (
  signed: SignedTx.SignedTx,
  options: {
    readonly candidates: ReadonlyArray<Candidate>
    readonly networkIds: ReadonlyArray<string>
    readonly paidFor: boolean
    readonly crypto: CryptoService
  }
): ReadonlyArray<Attribution> => {
  const attempts = attemptsOf(signed.txBytes, options.networkIds, options.paidFor)
  const keys = options.candidates.map((candidate) => ({
    candidate,
    publicKey: ApiEncoding.bytesOf(candidate.account)
  }))
  return signed.signatures.map((signature, index): Attribution => {
    if (index >= maximumSignatures)
      return { signature, signer: undefined, value: factsOf(signature, undefined, "not tried: too many") }
    for (const attempt of attempts)
      for (const { candidate, publicKey } of keys)
        if (options.crypto.verify(signature, attempt.message, publicKey))
          return {
            signature,
            signer: candidate.account,
            value: factsOf(signature, { candidate, attempt }, describe(candidate, attempt, options.paidFor))
          }
    const line = byNone(options.candidates, options.networkIds)
    return { signature, signer: undefined, value: factsOf(signature, undefined, line) }
  })
}
