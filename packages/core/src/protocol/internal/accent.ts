/**
 * Where the JSON-RPC dialects differ. The tables of methods, reports and replies are the same for all.
 */
import * as SignedTx from "../../chain/SignedTx.js"
import type { Dialect } from "../Codec.js"
import * as Json from "../../encoding/Json.js"
import * as Update from "../../state/Update.js"

/** A dialect's own ways. */
export interface Accent {
  readonly dialect: Dialect
  readonly names: {
    /** Parameter that names a contract. */
    readonly contract: string
    /** Parameter that names a caller. */
    readonly caller: string
    /** Member that holds what is to be signed, or was. */
    readonly signed: string
  }
  /** Reads what is to be signed, or was; throws `DecodeError`. */
  readonly readSigned: (text: string) => SignedTx.SignedTx
  readonly writeSigned: (signedTx: SignedTx.SignedTx) => string
  /** Throws `DecodeError`. */
  readonly readUpdate: (json: Json.Json) => Update.Update
  readonly writeUpdate: (update: Update.Update) => Json.Json
}

/** Since July 2019: what is to be signed comes with the signatures made so far, and goes back with one more. */
export const signedTx: Accent = {
  dialect: "json-rpc-signed-tx",
  names: { contract: "contract_id", caller: "caller_id", signed: "signed_tx" },
  readSigned: SignedTx.fromTextOrThrow,
  writeSigned: SignedTx.toText,
  readUpdate: Update.fromJsonOrThrow,
  writeUpdate: Update.toJson
}
