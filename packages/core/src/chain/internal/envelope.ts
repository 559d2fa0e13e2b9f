/**
 * The envelope of a signed transaction: a set of signatures and the bytes they sign. Transactions wrap other
 * signed transactions, so the envelope is known below both.
 *
 * @since 0.1.0
 */
import * as Bytes from "../../encoding/Bytes.js"
import * as Rlp from "../../encoding/Rlp.js"
import { about, failure, headerOrThrow, inside } from "./fields.js"

/** Tag and version of a signed transaction. */
export const tag = 11
export const version = 1

/** Bytes of a signature. */
export const signatureLength = 64

const head: ReadonlyArray<Uint8Array> = [Bytes.uintToBytes(tag), Bytes.uintToBytes(version)]

export interface Envelope {
  /** Ascending and distinct. */
  readonly signatures: ReadonlyArray<Uint8Array>
  /** The unsigned transaction, not looked at. */
  readonly txBytes: Uint8Array
  /** Whether the signatures were in ascending order, so that encoding gives the same bytes again. */
  readonly canonical: boolean
}

export const encode = (signatures: ReadonlyArray<Uint8Array>, txBytes: Uint8Array): Uint8Array =>
  Rlp.encode([...head, signatures, txBytes])

const what = "signed transaction"

const notSigned = (detail: string) => about(failure("not_a_signed_tx", detail), what)

/**
 * Reads an envelope. Throws `DecodeError`: `not_a_signed_tx` for anything that is none, `bad_signature_length`,
 * `duplicate_signature`.
 */
export const decodeOrThrow = (bytes: Uint8Array): Envelope => {
  let items: ReadonlyArray<Rlp.Rlp>
  try {
    const header = headerOrThrow(bytes)
    if (header.tag !== tag || header.version !== version) {
      throw failure(
        "not_a_signed_tx",
        `tag ${header.tag} version ${header.version} is no signed transaction; wrap an unsigned one in it`
      )
    }
    items = header.items
  } catch (error) {
    throw about(error, what, "not_a_signed_tx")
  }
  const [, , list, txBytes] = items
  if (items.length !== 4 || list === undefined || list instanceof Uint8Array) {
    throw notSigned("a signed transaction has a list of signatures and a transaction")
  }
  if (!(txBytes instanceof Uint8Array)) throw notSigned("the transaction is a list instead of bytes")
  const signatures: Array<Uint8Array> = []
  for (let i = 0; i < list.length; i++) {
    const signature = list[i]
    if (!(signature instanceof Uint8Array)) throw notSigned("a signature is a list instead of bytes")
    if (signature.length !== signatureLength) {
      const detail = `a signature has ${signatureLength} bytes, not ${signature.length}`
      throw inside(inside(about(failure("bad_signature_length", detail), what), i), "signatures")
    }
    signatures.push(signature)
  }
  let canonical = true
  for (let i = 1; i < signatures.length; i++) {
    if (Bytes.compare(signatures[i - 1] as Uint8Array, signatures[i] as Uint8Array) >= 0) canonical = false
  }
  if (!canonical) {
    signatures.sort(Bytes.compare)
    for (let i = 1; i < signatures.length; i++) {
      if (Bytes.equals(signatures[i - 1] as Uint8Array, signatures[i] as Uint8Array)) {
        throw inside(
          about(failure("duplicate_signature", "the same signature is there twice"), what),
          "signatures"
        )
      }
    }
  }
  return { signatures, txBytes, canonical }
}
