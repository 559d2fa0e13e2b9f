/**
 * Transactions of a recording and what stands for them here. Recorded clients signed with keys that nobody has: what
 * they did with a request is found out (signed, by whom, signed something else, bytes that are no transaction) and done
 * again with the node's own request and fresh keys.
 */
import * as SignedTx from "../../../chain/SignedTx.js"
import type * as Transaction from "../../../chain/Transaction.js"
import type { CryptoService } from "../../../crypto/Crypto.js"
import * as Hash from "../../../crypto/Hash.js"
import type { KeyPair } from "../../../crypto/KeyPair.js"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import * as Bytes from "../../../encoding/Bytes.js"
import * as Rlp from "../../../encoding/Rlp.js"
import * as TestCrypto from "../../TestCrypto.js"
import type { Names } from "./Names.js"

/** Networks whose sessions are known to have been recorded. */
const knownNetworks = [
  "ae_dev",
  "local_lima_testnet",
  "local_iris_testnet",
  "local_ceres_testnet",
  "ae_uat",
  "ae_mainnet"
]

/** A value, or `undefined` where its reader throws. */
export const attempt = <A>(f: () => A): A | undefined => {
  try {
    return f()
  } catch {
    return undefined
  }
}

/** The transaction inside and around it, as a text of the wire; `undefined` for what does not decode. */
export const decoded = (text: string): SignedTx.SignedTx | undefined =>
  attempt(() => SignedTx.fromTextOrThrow(text))

/** A transaction with the meta transaction of an account around it, as it was recorded of another one. */
export const wrapped = (
  signed: SignedTx.SignedTx,
  meta: Transaction.GaMetaTx,
  gaId: ApiEncoding.AccountAddress
): SignedTx.SignedTx => SignedTx.unsigned({ ...meta, gaId, tx: SignedTx.encode(signed) })

/** By the bytes, whatever is in them: a meta transaction is not what is inside. */
const idOf = ({ txBytes }: SignedTx.SignedTx): string => ApiEncoding.encode("th", Hash.blake2b256(txBytes))

/** Who signed: an account of the recording, or nobody that is known. */
type Signer = ApiEncoding.AccountAddress | "nobody"

export class Bodies {
  /** By the body of a recorded transaction: what the node here made of it, and the recorded one. */
  private readonly here = new Map<string, { recorded: SignedTx.SignedTx; actual: SignedTx.SignedTx }>()
  private readonly signersOf = new Map<string, ReadonlyArray<Signer>>()
  private networks = knownNetworks
  /** What each party was last asked to sign. */
  private readonly asked = new Map<string, { recorded: SignedTx.SignedTx; actual: SignedTx.SignedTx }>()

  constructor(
    private readonly names: Names,
    /** The keys that stand for the recorded accounts. */
    private readonly keys: ReadonlyMap<ApiEncoding.AccountAddress, KeyPair>,
    private readonly crypto: CryptoService,
    private readonly networkId: string
  ) {}

  /** The recorded accounts that have keys here. */
  get accounts(): ReadonlyArray<ApiEncoding.AccountAddress> {
    return [...this.keys.keys()]
  }

  /** The accounts of a recorded transaction's signatures, sorted. */
  recordedSigners(signed: SignedTx.SignedTx): ReadonlyArray<Signer> {
    return this.signers(signed, [...this.keys.keys()], true)
  }

  /** The same of a transaction of this session, in the names of the recording. */
  actualSigners(signed: SignedTx.SignedTx): ReadonlyArray<Signer> {
    const back = new Map([...this.keys].map(([recorded, { address }]) => [address, recorded] as const))
    return this.signers(signed, [...back.keys()], false)
      .map((signer) => (signer === "nobody" ? signer : (back.get(signer) ?? "nobody")))
      .sort()
  }

  private signers(
    signed: SignedTx.SignedTx,
    accounts: ReadonlyArray<ApiEncoding.AccountAddress>,
    recorded: boolean
  ): ReadonlyArray<Signer> {
    const key = ApiEncoding.encode("th", SignedTx.hashBytes(signed))
    const known = this.signersOf.get(key)
    if (known !== undefined) return known
    const found = signed.signatures
      .map((signature) => this.signer(signed, signature, accounts, recorded))
      .sort()
    this.signersOf.set(key, found)
    return found
  }

  private signer(
    signed: SignedTx.SignedTx,
    signature: Uint8Array,
    accounts: ReadonlyArray<ApiEncoding.AccountAddress>,
    recorded: boolean
  ): Signer {
    const alone = SignedTx.addSignature(SignedTx.unsigned(signed.tx), signature)
    for (const networkId of recorded ? this.networks : [this.networkId]) {
      const signer = accounts.find((account) =>
        SignedTx.isSignedBy(alone, account, { networkId, crypto: this.crypto })
      )
      if (signer === undefined) continue
      if (recorded) this.networks = [networkId]
      return signer
    }
    return "nobody"
  }

  /** From now on the second stands for the first. */
  learn(recorded: SignedTx.SignedTx, actual: SignedTx.SignedTx): void {
    this.here.set(idOf(recorded), { recorded, actual })
    this.names.learnTexts(SignedTx.hash(recorded), SignedTx.hash(actual))
  }

  ask(who: string, recorded: SignedTx.SignedTx, actual: SignedTx.SignedTx): void {
    this.asked.set(who, { recorded: SignedTx.innermost(recorded), actual: SignedTx.innermost(actual) })
  }

  /** What a party's client sends here in place of a recorded transaction. */
  text(who: string, recorded: string): string {
    const signed = decoded(recorded)
    if (signed !== undefined) return SignedTx.toText(this.again(who, signed))
    return this.odd(recorded) ?? recorded
  }

  private again(who: string, recorded: SignedTx.SignedTx): SignedTx.SignedTx {
    const inner = SignedTx.inner(recorded)
    const { tx } = recorded
    if (tx._tag === "GaMetaTx" && inner !== undefined) {
      const meta = { ...tx, authData: this.names.inBytes(tx.authData) }
      return wrapped(this.again(who, inner), meta, ApiEncoding.parseOrThrow("ak", this.names.text(tx.gaId)))
    }
    const body = this.body(who, recorded)
    return this.recordedSigners(recorded).reduce<SignedTx.SignedTx>((signed, signer, index) => {
      const keyPair = signer === "nobody" ? undefined : this.keys.get(signer)
      return SignedTx.sign(signed, keyPair ?? TestCrypto.keyPair(`nobody ${index}`), {
        networkId: this.networkId,
        crypto: this.crypto
      })
    }, body)
  }

  /** The transaction without signatures: the node's own, with what the recorded client had changed. */
  private body(who: string, recorded: SignedTx.SignedTx): SignedTx.SignedTx {
    const known = this.here.get(idOf(recorded))
    if (known !== undefined) return SignedTx.unsigned(known.actual.tx)
    const asked = this.asked.get(who)
    const like = asked?.recorded.tx._tag === recorded.tx._tag ? asked : undefined
    const changed: object = Object.fromEntries(
      Object.entries(recorded.tx)
        .filter(([key, value]) => like === undefined || !same(value, Reflect.get(like.recorded.tx, key)))
        .map(([key, value]) => [key, this.value(key, value)])
    )
    const made: Transaction.Transaction = { ...(like?.actual.tx ?? recorded.tx), ...changed }
    return attempt(() => SignedTx.unsigned(made)) ?? SignedTx.unsigned(recorded.tx)
  }

  private value(key: string, value: unknown): unknown {
    if (typeof value === "string") return this.names.text(value)
    if (!(value instanceof Uint8Array)) return value
    if (key === "payload" && value.length > 0) {
      const inside = attempt(() => SignedTx.decodeOrThrow(value))
      return inside === undefined ? value : SignedTx.encode(this.again("", inside))
    }
    const hex = value.length === 32 ? this.names.actual(Bytes.toHex(value)) : undefined
    return hex === undefined ? value : Bytes.fromHex(hex)
  }

  /** What is nearly a signed transaction: one without its wrapper, or with signatures that are none. */
  private odd(recorded: string): string | undefined {
    const bytes = attempt(() => ApiEncoding.decodeOrThrow("tx", recorded))
    if (bytes === undefined) return undefined
    const bare = this.here.get(ApiEncoding.encode("th", Hash.blake2b256(bytes)))
    if (bare !== undefined) return ApiEncoding.encode("tx", bare.actual.txBytes)
    const items = attempt(() => Rlp.decodeOrThrow(bytes))
    const inside = Array.isArray(items) ? items.at(-1) : undefined
    if (!Array.isArray(items) || !(inside instanceof Uint8Array)) return undefined
    const known = this.here.get(ApiEncoding.encode("th", Hash.blake2b256(inside)))
    return known && ApiEncoding.encode("tx", Rlp.encode([...items.slice(0, -1), known.actual.txBytes]))
  }
}

/** Whether two fields of transactions are equal. */
export const same = (a: unknown, b: unknown): boolean => {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Bytes.equals(a, b)
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => same(item, b[index]))
  return a === b
}
