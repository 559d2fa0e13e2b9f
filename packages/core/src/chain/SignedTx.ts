/**
 * Signed transactions: a transaction and the set of signatures over its bytes.
 *
 * Specification: æternity serializations (signed_tx), æternity consensus "signatures", generalized accounts.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { CryptoService } from "../crypto/Crypto.js"
import * as Hash from "../crypto/Hash.js"
import type { KeyPair } from "../crypto/KeyPair.js"
import * as ApiEncoding from "../encoding/ApiEncoding.js"
import type { AccountAddress, TransactionText, TxHash } from "../encoding/ApiEncoding.js"
import * as Bytes from "../encoding/Bytes.js"
import * as DecodeError from "../encoding/DecodeError.js"
import * as Envelope from "./internal/envelope.js"
import { inside } from "./internal/fields.js"
import * as Protocol from "./Protocol.js"
import * as Transaction from "./Transaction.js"

/**
 * A transaction with its signatures (64 bytes each, ascending, distinct) and the canonical bytes they sign.
 *
 * @since 0.1.0
 * @category models
 */
export interface SignedTx {
  readonly signatures: ReadonlyArray<Uint8Array>
  readonly tx: Transaction.Transaction
  readonly txBytes: Uint8Array
}

/**
 * How a signature is made: over the hash of the transaction (from Lima on) or over the transaction itself (at
 * every protocol).
 *
 * @since 0.1.0
 * @category models
 */
export type SigningMode = "hash" | "raw"

/**
 * What verifying needs: the network's id, the signature implementation, and the protocol version (Ceres unless
 * given), on which it depends whether hash mode counts. `innerTx` is for the transaction inside a paying-for
 * transaction.
 *
 * @since 0.1.0
 * @category models
 */
export interface VerifyOptions {
  readonly networkId: string
  readonly crypto: CryptoService
  readonly protocol?: number
  readonly innerTx?: boolean
}

/**
 * How often a transaction is authenticated: by generalized accounts (distinct, outermost first) and by plain
 * signatures.
 *
 * @since 0.1.0
 * @category models
 */
export interface Authentications {
  readonly gaIds: ReadonlyArray<AccountAddress>
  readonly signatures: number
  readonly total: number
}

interface Derived {
  bytes: Uint8Array | undefined
  text: TransactionText | undefined
  hashBytes: Uint8Array | undefined
  bodyHash: Uint8Array | undefined
  inner: SignedTx | undefined
  /** Of its signatures, those whose signers are known. */
  proofs: ReadonlyArray<Proof>
}

const nothingDerived: Derived = {
  bytes: undefined,
  text: undefined,
  hashBytes: undefined,
  bodyHash: undefined,
  inner: undefined,
  proofs: []
}

/**
 * The values this module makes. Derived forms are made once per value and stay out of its properties, so that values
 * compare and print as data.
 */
class Value implements SignedTx {
  readonly #derived: Derived
  readonly signatures: ReadonlyArray<Uint8Array>
  readonly tx: Transaction.Transaction
  readonly txBytes: Uint8Array

  constructor(
    { signatures, tx, txBytes }: SignedTx,
    { bodyHash, proofs }: Pick<Derived, "bodyHash" | "proofs"> = nothingDerived
  ) {
    this.signatures = signatures
    this.tx = tx
    this.txBytes = txBytes
    this.#derived = { ...nothingDerived, bodyHash, proofs }
  }

  static derivedOf(signed: SignedTx): Derived | undefined {
    return #derived in signed ? signed.#derived : undefined
  }
}

/** For values that were made elsewhere. */
const derived = new WeakMap<SignedTx, Derived>()

const derivedOf = (signed: SignedTx): Derived => {
  const known = Value.derivedOf(signed) ?? derived.get(signed)
  if (known !== undefined) return known
  const fresh: Derived = { ...nothingDerived }
  derived.set(signed, fresh)
  return fresh
}

const hashOfBody = (signed: SignedTx): Uint8Array => {
  const known = derivedOf(signed)
  known.bodyHash ??= Hash.blake2b256(signed.txBytes)
  return known.bodyHash
}

/**
 * The hash of the transaction without signatures and without meta transactions around it, as `th_…`: it names what is
 * signed, whoever has signed, and in whatever way.
 *
 * @since 0.1.0
 * @category accessors
 */
export const bodyHash = (signed: SignedTx): TxHash => ApiEncoding.encode("th", hashOfBody(innermost(signed)))

/**
 * A transaction without signatures.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unsigned = (tx: Transaction.Transaction): SignedTx =>
  new Value({ signatures: [], tx, txBytes: Transaction.encode(tx) })

/**
 * The canonical bytes. They are kept for the next time: do not write into them.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (signed: SignedTx): Uint8Array => {
  const known = derivedOf(signed)
  known.bytes ??= Envelope.encode(signed.signatures, signed.txBytes)
  return known.bytes
}

/** Reads bytes nobody will write into. */
const decodeOwnedOrThrow = (bytes: Uint8Array): SignedTx => {
  const envelope = Envelope.decodeOrThrow(bytes)
  let tx: Transaction.Transaction
  try {
    tx = Transaction.decodeOwnedOrThrow(envelope.txBytes)
  } catch (error) {
    throw inside(error, "tx")
  }
  const signed = new Value({ signatures: envelope.signatures, tx, txBytes: envelope.txBytes })
  if (envelope.canonical) derivedOf(signed).bytes = bytes
  return signed
}

/**
 * Reads a signed transaction; see `decode`. Throws `DecodeError`.
 *
 * @internal
 * @since 0.1.0
 * @category internal
 */
export const decodeOrThrow = (bytes: Uint8Array): SignedTx => decodeOwnedOrThrow(new Uint8Array(bytes))

/**
 * Reads a signed transaction. Signatures in another order are accepted and sorted, as the node does; everything
 * else is read strictly. Fails with `DecodeError`:
 *
 * - `not_a_signed_tx`: the bytes are something else, for example an unsigned transaction
 * - `bad_signature_length`: a signature has not 64 bytes
 * - `duplicate_signature`: the signatures are no set
 * - others, with a path that starts with `tx`: the transaction in it
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (bytes: Uint8Array): Effect.Effect<SignedTx, DecodeError.DecodeError> =>
  DecodeError.attempt(() => decodeOrThrow(bytes))

/**
 * The text form, `tx_…`.
 *
 * @since 0.1.0
 * @category encoding
 */
export const toText = (signed: SignedTx): TransactionText => {
  const known = derivedOf(signed)
  known.text ??= ApiEncoding.encode("tx", encode(signed))
  return known.text
}

/**
 * Reads the text form; see `fromText`. Throws `DecodeError`.
 *
 * @internal
 * @since 0.1.0
 * @category internal
 */
export const fromTextOrThrow = (text: string): SignedTx => {
  const bytes = ApiEncoding.decodeOrThrow("tx", text)
  const signed = decodeOwnedOrThrow(bytes)
  const known = derivedOf(signed)
  // Bytes have one text: where they were canonical, so was it.
  if (known.bytes === bytes) known.text = text as TransactionText
  return signed
}

/**
 * Reads the text form. A `DecodeError` with reason `invalid_prefix` or `invalid_encoding` is about the text; all
 * reasons of `decode` are about what the text holds.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromText = (text: string): Effect.Effect<SignedTx, DecodeError.DecodeError> =>
  DecodeError.attempt(() => fromTextOrThrow(text))

/**
 * The 32 byte transaction hash: of the signed transaction, signatures included.
 *
 * @since 0.1.0
 * @category accessors
 */
export const hashBytes = (signed: SignedTx): Uint8Array => {
  const known = derivedOf(signed)
  known.hashBytes ??= Hash.blake2b256(encode(signed))
  return known.hashBytes
}

/**
 * The transaction hash, `th_…`: of the signed transaction, signatures included.
 *
 * @since 0.1.0
 * @category accessors
 */
export const hash = (signed: SignedTx): TxHash => ApiEncoding.encode("th", hashBytes(signed))

const withSignatures = (signed: SignedTx, signatures: ReadonlyArray<Uint8Array>): SignedTx =>
  new Value({ signatures, tx: signed.tx, txBytes: signed.txBytes }, derivedOf(signed))

/** A change of the transaction inside all meta transactions, which have no signatures themselves. */
const insideOf = (signed: SignedTx, change: (innermost: SignedTx) => SignedTx): SignedTx => {
  const within = signed.tx._tag === "GaMetaTx" ? inner(signed) : undefined
  if (signed.tx._tag !== "GaMetaTx" || within === undefined) return change(signed)
  const changed = insideOf(within, change)
  return changed === within ? signed : unsigned({ ...signed.tx, tx: encode(changed) })
}

/**
 * The transaction with one more signature; the same transaction where it has that signature already. With meta
 * transactions around it, it is the one inside of all that is signed. A signature that has not 64 bytes is a defect.
 *
 * @since 0.1.0
 * @category combinators
 */
export const addSignature = (signed: SignedTx, signature: Uint8Array): SignedTx =>
  insideOf(signed, (each) => withSignature(each, signature))

const withSignature = (signed: SignedTx, signature: Uint8Array): SignedTx => {
  if (signature.length !== Envelope.signatureLength) {
    throw new RangeError(`a signature has ${Envelope.signatureLength} bytes, not ${signature.length}`)
  }
  let at = 0
  for (; at < signed.signatures.length; at++) {
    const order = Bytes.compare(signed.signatures[at] as Uint8Array, signature)
    if (order === 0) return signed
    if (order > 0) break
  }
  return withSignatures(signed, [
    ...signed.signatures.slice(0, at),
    signature,
    ...signed.signatures.slice(at)
  ])
}

/**
 * One transaction with the signatures of both; a `DecodeError` with reason `different_transactions` where the
 * two do not sign the same bytes.
 *
 * @since 0.1.0
 * @category combinators
 */
export const merge = (a: SignedTx, b: SignedTx): SignedTx | DecodeError.DecodeError => {
  if (!Bytes.equals(a.txBytes, b.txBytes))
    return DecodeError.make(
      "signed transaction",
      "different_transactions",
      `the signatures are for two different transactions (${a.tx._tag} and ${b.tx._tag}), not for one`
    )
  const merged = b.signatures.reduce(addSignature, a)
  for (const proof of derivedOf(b).proofs) keepProof(merged, proof)
  return merged
}

/**
 * The bytes a signature is made over: the network id, then the transaction's hash (`"hash"`) or the transaction
 * itself (`"raw"`). For the transaction inside a paying-for transaction (`innerTx`) `-inner_tx` stands between.
 *
 * @since 0.1.0
 * @category signing
 */
export const signingMessage = (
  txBytes: Uint8Array,
  networkId: string,
  mode: SigningMode,
  options?: { readonly innerTx?: boolean }
): Uint8Array =>
  message(mode === "hash" ? Hash.blake2b256(txBytes) : txBytes, networkId, options?.innerTx === true)

const message = (signed: Uint8Array, networkId: string, innerTx: boolean): Uint8Array =>
  Bytes.concat(Bytes.utf8(innerTx ? `${networkId}-inner_tx` : networkId), signed)

/** The same, with the hash made once per value. */
const messageOf = (signed: SignedTx, networkId: string, mode: SigningMode, innerTx: boolean): Uint8Array =>
  message(mode === "hash" ? hashOfBody(signed) : signed.txBytes, networkId, innerTx)

/**
 * Whose signature it is, where that is known here: it was made with the account's key, or verified before. Kept with
 * the value and those that are made of it, so that a signature is proven once by those who hand it on in one process.
 */
interface Proof {
  /** The very value, not one that looks alike. */
  readonly signature: Uint8Array
  /** A copy: the bytes of a signature may be written over by their owner. */
  readonly proven: Uint8Array
  readonly account: AccountAddress
  readonly txBytes: Uint8Array
  readonly networkId: string
  readonly innerTx: boolean
  readonly mode: SigningMode
}

const keepProof = (signed: SignedTx, proof: Proof): void => {
  const known = derivedOf(signed)
  known.proofs = [...known.proofs.filter(({ signature }) => signature !== proof.signature), proof]
}

const prove = (signed: SignedTx, facts: Omit<Proof, "proven">): void =>
  keepProof(signed, { ...facts, proven: new Uint8Array(facts.signature) })

const isProven = (
  signature: Uint8Array,
  account: AccountAddress,
  signed: SignedTx,
  { innerTx = false, networkId, protocol = Protocol.latest }: VerifyOptions
): boolean => {
  const { txBytes } = signed
  const proof = derivedOf(signed).proofs.find((each) => each.signature === signature)
  return (
    proof !== undefined &&
    proof.account === account &&
    proof.networkId === networkId &&
    proof.innerTx === innerTx &&
    (proof.mode === "raw" || protocol >= Protocol.lima) &&
    (proof.txBytes === txBytes || Bytes.equals(proof.txBytes, txBytes)) &&
    Bytes.equals(proof.proven, signature)
  )
}

/**
 * The transaction with the key pair's signature, made over the hash. With meta transactions around it, it is the one
 * inside of all that is signed.
 *
 * @since 0.1.0
 * @category signing
 */
export const sign = (
  signed: SignedTx,
  keyPair: KeyPair,
  options: { readonly networkId: string; readonly crypto: CryptoService; readonly innerTx?: boolean }
): SignedTx => insideOf(signed, (each) => signedBy(each, keyPair, options))

const signedBy = (
  signed: SignedTx,
  keyPair: KeyPair,
  options: { readonly networkId: string; readonly crypto: CryptoService; readonly innerTx?: boolean }
): SignedTx => {
  const { crypto, innerTx = false, networkId } = options
  const { txBytes } = signed
  const signature = crypto.sign(messageOf(signed, networkId, "hash", innerTx), keyPair.secretKey)
  const next = withSignature(signed, signature)
  prove(next, { signature, account: keyPair.address, txBytes, networkId, innerTx, mode: "hash" })
  return next
}

/** The modes a signature may be made in, the usual one first. */
const modesAt = (protocol: number): ReadonlyArray<SigningMode> =>
  protocol >= Protocol.lima ? ["hash", "raw"] : ["raw"]

/** The index of a signature by the account among `candidates`, or -1. */
const findSignature = (
  candidates: ReadonlyArray<Uint8Array>,
  account: AccountAddress,
  signed: SignedTx,
  options: VerifyOptions
): number => {
  const proven = candidates.findIndex((signature) => isProven(signature, account, signed, options))
  if (proven >= 0) return proven
  const { crypto, innerTx = false, networkId, protocol = Protocol.latest } = options
  const { txBytes } = signed
  const publicKey = ApiEncoding.viewOf(account)
  for (const mode of modesAt(protocol)) {
    const message = messageOf(signed, networkId, mode, innerTx)
    const index = candidates.findIndex((signature) => crypto.verify(signature, message, publicKey))
    const signature = candidates[index]
    if (signature === undefined) continue
    prove(signed, { signature, account, txBytes, networkId, innerTx, mode })
    return index
  }
  return -1
}

/**
 * Whether one of the signatures is the account's, in either mode. Says nothing about the other signatures.
 *
 * @since 0.1.0
 * @category signing
 */
export const isSignedBy = (signed: SignedTx, account: AccountAddress, options: VerifyOptions): boolean =>
  findSignature(signed.signatures, account, signed, options) >= 0

/**
 * Whether each signer has exactly one signature, in either mode, and no signature is left over. For a
 * transaction inside meta transactions: verify `innermost`, with the signers that are no generalized accounts.
 *
 * @since 0.1.0
 * @category signing
 */
export const verify = (
  signed: SignedTx,
  signers: ReadonlyArray<AccountAddress>,
  options: VerifyOptions
): "ok" | "signature_check_failed" => verifyAll(signed.signatures, signed, signers, options)

/** Whether the signatures are those of the signers, one each. */
const verifyAll = (
  signatures: ReadonlyArray<Uint8Array>,
  signed: SignedTx,
  signers: ReadonlyArray<AccountAddress>,
  options: VerifyOptions
): "ok" | "signature_check_failed" => {
  if (signers.length !== signatures.length) return "signature_check_failed"
  const left = [...signatures]
  for (const signer of signers) {
    const index = findSignature(left, signer, signed, options)
    if (index < 0) return "signature_check_failed"
    left.splice(index, 1)
  }
  return "ok"
}

/**
 * Whether a transaction has the signatures of `known`, which is about the same bytes and was verified before, and
 * besides exactly one of each further signer, in either mode. What was verified is not verified again.
 *
 * @since 0.1.0
 * @category signing
 */
export const verifyBeyond = (
  known: SignedTx,
  signed: SignedTx,
  furtherSigners: ReadonlyArray<AccountAddress>,
  options: VerifyOptions
): "ok" | "signature_check_failed" => {
  if (!Bytes.equals(known.txBytes, signed.txBytes)) return "signature_check_failed"
  const isKnown = (signature: Uint8Array) => known.signatures.some((each) => Bytes.equals(each, signature))
  const signatures = signed.signatures.filter((signature) => !isKnown(signature))
  // Signatures are distinct, so that the count tells whether all known ones are there.
  return signed.signatures.length - signatures.length === known.signatures.length
    ? verifyAll(signatures, signed, furtherSigners, options)
    : "signature_check_failed"
}

/**
 * The signed transaction one layer down, inside a meta or paying-for transaction; `undefined` for all others.
 *
 * @since 0.1.0
 * @category accessors
 */
export const inner = (signed: SignedTx): SignedTx | undefined => {
  const bytes = Transaction.wrapped(signed.tx)
  if (bytes === undefined) return undefined
  const known = derivedOf(signed)
  known.inner ??= decodeOrThrow(bytes)
  return known.inner
}

/**
 * The signed transaction inside all meta transactions; the transaction itself where there are none. Decoded
 * transactions always have one; for a hand-made meta transaction that wraps no signed transaction it is a defect.
 *
 * @since 0.1.0
 * @category accessors
 */
export const innermost = (signed: SignedTx): SignedTx => {
  let current = signed
  while (current.tx._tag === "GaMetaTx") {
    const next = inner(current)
    if (next === undefined) break
    current = next
  }
  return current
}

/**
 * The meta transactions around a transaction, outermost first.
 *
 * @since 0.1.0
 * @category accessors
 */
export const metaLayers = (signed: SignedTx): ReadonlyArray<Transaction.GaMetaTx> => {
  const layers: Array<Transaction.GaMetaTx> = []
  let current: SignedTx | undefined = signed
  while (current !== undefined && current.tx._tag === "GaMetaTx") {
    layers.push(current.tx)
    current = inner(current)
  }
  return layers
}

/**
 * How often the transaction is authenticated: distinct generalized accounts plus plain signatures. A co-signed
 * transaction has a total of 2.
 *
 * @since 0.1.0
 * @category accessors
 */
export const authentications = (signed: SignedTx): Authentications => {
  const gaIds = Array.from(new Set(metaLayers(signed).map((meta) => meta.gaId)))
  const signatures = innermost(signed).signatures.length
  return { gaIds, signatures, total: gaIds.length + signatures }
}

/**
 * Whether two signed transactions are about the same transaction, whatever their signatures and meta
 * transactions.
 *
 * @since 0.1.0
 * @category predicates
 */
export const sameTransaction = (a: SignedTx, b: SignedTx): boolean =>
  Bytes.equals(innermost(a).txBytes, innermost(b).txBytes)

/**
 * A signed transaction wrapped in a meta transaction of a generalized account; the outer one has no signatures.
 *
 * @since 0.1.0
 * @category constructors
 */
export const wrapMeta = (
  signed: SignedTx,
  meta: {
    readonly gaId: AccountAddress
    readonly authData: Uint8Array
    readonly abiVersion: number
    readonly fee: bigint
    readonly gas: bigint
    readonly gasPrice: bigint
  },
  protocol: number = Protocol.latest
): SignedTx =>
  unsigned(
    protocol >= Protocol.iris
      ? { _tag: "GaMetaTx", version: 2, ...meta, tx: encode(signed) }
      : { _tag: "GaMetaTx", version: 1, ...meta, ttl: 0, tx: encode(signed) }
  )

/**
 * What the authentication function of a generalized account is asked about, 32 bytes: up to Iris the hash of
 * network id and transaction, from Ceres on a hash that covers fee and gas price of the meta transaction too.
 *
 * @since 0.1.0
 * @category signing
 */
export const authTxHash = (
  txBytes: Uint8Array,
  meta: { readonly fee: bigint; readonly gasPrice: bigint },
  networkId: string,
  protocol: number = Protocol.latest
): Uint8Array => {
  const txHash = Hash.blake2b256(signingMessage(txBytes, networkId, "raw"))
  if (protocol < Protocol.ceres) return txHash
  const { fee, gasPrice } = meta
  return Hash.blake2b256(Transaction.encode({ _tag: "GaMetaAuthData", version: 1, fee, gasPrice, txHash }))
}
