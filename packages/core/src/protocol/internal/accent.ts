/**
 * Where the dialects differ. The tables of methods, reports and replies are the same for all.
 */
import * as SignedTx from "../../chain/SignedTx.js"
import * as Transaction from "../../chain/Transaction.js"
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import * as Bytes from "../../encoding/Bytes.js"
import * as DecodeError from "../../encoding/DecodeError.js"
import type { Dialect } from "../Codec.js"
import * as ErrorCodes from "../ErrorCodes.js"
import type { OnChainInfo, Refusal } from "../NodeMessage.js"
import type { Request } from "../Request.js"

/** A way to ask for a signature and to answer. */
export interface SigningForm {
  /** Member that holds what is to be signed, or was. */
  readonly name: string
  /**
   * Whether the node shows the transaction alone and the answer brings the signer's own signature alone: the node adds
   * it to those it has.
   */
  readonly bare: boolean
}

/** A dialect's own ways. */
export interface Accent {
  readonly dialect: Dialect
  readonly names: {
    /** Parameter that names a contract. */
    readonly contract: string
    /** Parameter that names a caller. */
    readonly caller: string
  }
  /** Second names under which requests hold the same parameter again. */
  readonly alsoNamed: { readonly [name: string]: string }
  /** The forms that are read; of these the first is written where a message does not say which. */
  readonly signing: readonly [SigningForm, ...ReadonlyArray<SigningForm>]
  /** Requests that a node of this dialect does not know. */
  readonly unknown: ReadonlySet<Request["_tag"]>
  /** Kinds of `on_chain_tx` that a node sends; the others it keeps to itself. Undefined: all of them, and named. */
  readonly onChain: ReadonlySet<OnChainInfo> | undefined
  /** Whether conflicts tell why. */
  readonly conflictReason: boolean
  /** Whether a refused opening is told. */
  readonly openRefusals: boolean
  /** Whether frames of 2018 are understood, too. */
  readonly readsOldest: boolean
  /** What a node says where the current one would say this. */
  readonly refusal: (refusal: Refusal) => Refusal
  readonly dataText: (code: number) => string
}

/** Whether a message in which the flag is `bare` is written in this form. */
const fits = (form: SigningForm, bare: boolean): boolean => form.bare === bare

/** The form in which a message is written. */
export const formOf = ({ signing }: Accent, bare: true | undefined): SigningForm =>
  signing.find((form) => fits(form, bare === true)) ?? signing[0]

/** The form in which a message was written; undefined: it holds nothing of that kind. */
export const formIn = (
  { signing }: Accent,
  members: { readonly [name: string]: unknown }
): SigningForm | undefined =>
  signing.find(({ name }) => Object.hasOwn(members, name) && members[name] !== undefined)

/** Reads what is to be signed; throws `DecodeError`. */
export const readToSign = ({ bare }: SigningForm, text: string): SignedTx.SignedTx => {
  if (!bare) return SignedTx.fromTextOrThrow(text)
  const bytes = ApiEncoding.decodeOrThrow("tx", text)
  const unsigned = SignedTx.unsigned(Transaction.decodeOrThrow(bytes))
  if (!Bytes.equals(unsigned.txBytes, bytes))
    throw DecodeError.make("transaction", "not_canonical", "the bytes are not those of the transaction")
  return unsigned
}

export const writeToSign = ({ bare }: SigningForm, signedTx: SignedTx.SignedTx): string =>
  bare ? ApiEncoding.encode("tx", signedTx.txBytes) : SignedTx.toText(signedTx)

const signedForm: SigningForm = { name: "signed_tx", bare: false }
const bareForm: SigningForm = { name: "tx", bare: true }

const sameRefusal = (refusal: Refusal): Refusal => refusal

/** Since July 2019: what is to be signed comes with the signatures made so far, and goes back with one more. */
export const signedTx: Accent = {
  dialect: "json-rpc-signed-tx",
  names: { contract: "contract_id", caller: "caller_id" },
  alsoNamed: {},
  signing: [signedForm],
  unknown: new Set<Request["_tag"]>(["NewContractFromOnChain"]),
  onChain: undefined,
  conflictReason: true,
  openRefusals: true,
  readsOldest: false,
  refusal: sameRefusal,
  dataText: ErrorCodes.dataText
}

/** October 2018 to July 2019: what is to be signed comes alone and goes back with the own signature alone. */
export const tx: Accent = {
  dialect: "json-rpc-tx",
  names: { contract: "contract", caller: "caller" },
  alsoNamed: {},
  signing: [bareForm],
  unknown: new Set(),
  onChain: new Set<OnChainInfo>([
    "funding_created",
    "funding_signed",
    "deposit_created",
    "deposit_signed",
    "withdraw_created",
    "withdraw_signed",
    "close_mutual"
  ]),
  conflictReason: false,
  openRefusals: false,
  readsOldest: true,
  refusal: ErrorCodes.oldRefusal,
  dataText: ErrorCodes.oldDataText
}

/** The older generation's names in another envelope. */
export const legacy: Accent = { ...tx, dialect: "legacy" }

/** Either of the two: each signing request says by itself which it is. */
export const either: Accent = {
  ...signedTx,
  dialect: "json-rpc",
  alsoNamed: { contract_id: "contract", caller_id: "caller" },
  signing: [signedForm, bareForm],
  unknown: new Set()
}
