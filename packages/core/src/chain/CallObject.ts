/**
 * Contract calls, as they stand in the calls tree: what a call cost and gave back.
 *
 * Specification: æternity serializations (contract call).
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as ApiEncoding from "../encoding/ApiEncoding.js"
import type { AccountAddress, ContractId } from "../encoding/ApiEncoding.js"
import * as Bytes from "../encoding/Bytes.js"
import * as DecodeError from "../encoding/DecodeError.js"
import type { Json } from "../encoding/Json.js"
import {
  type Field,
  binary,
  clientInt,
  failure,
  fixed,
  id,
  int,
  list,
  objectCodec,
  readObjectOrThrow,
  record,
  safeInt,
  sortKeys,
  unexpectedObject
} from "./internal/fields.js"

/**
 * How a call ended: `ok`, `error` (the VM stopped, all gas of the failing frame is gone) or `revert` (the
 * contract aborted).
 *
 * @since 0.1.0
 * @category models
 */
export type ReturnType = "ok" | "error" | "revert"

/**
 * An event of a call: the 32 byte key of the contract, topics of 32 bytes each, and a payload.
 *
 * @since 0.1.0
 * @category models
 */
export interface LogEntry {
  readonly address: Uint8Array
  readonly topics: ReadonlyArray<Uint8Array>
  readonly data: Uint8Array
}

/**
 * A contract call. Off chain the caller's nonce and the height are both the round. `returnValue` is FATE or
 * AEVM data for `ok` and `revert`, an error text for `error`. `callKey` is there only where the contract was
 * called through a name (from Ceres on).
 *
 * @since 0.1.0
 * @category models
 */
export interface CallObject {
  readonly callerId: AccountAddress | ContractId
  readonly callerNonce: bigint
  readonly height: number
  readonly contractId: ContractId
  readonly callKey?: Uint8Array
  /** In aettos. */
  readonly gasPrice: bigint
  readonly gasUsed: bigint
  readonly returnValue: Uint8Array
  readonly returnType: ReturnType
  readonly log: ReadonlyArray<LogEntry>
}

const returnTypes: ReadonlyArray<ReturnType> = ["ok", "error", "revert"]

const returnType: Field<ReturnType> = {
  kind: "return_type",
  schema: Schema.Literal("ok", "error", "revert"),
  toRlp: (value) => safeInt.toRlp(returnTypes.indexOf(value)),
  fromRlpOrThrow: (item) => {
    const value = returnTypes[safeInt.fromRlpOrThrow(item)]
    if (value === undefined)
      throw failure("bad_return_type", "a return type is 0 (ok), 1 (error) or 2 (revert)")
    return value
  },
  toClient: (value) => value
}

const tag = 41
const contract = id("ct")

const before = { callerId: id("ak", "ct"), callerNonce: int, height: safeInt, contractId: contract }
const after = {
  gasPrice: int,
  gasUsed: int,
  returnValue: binary("cb"),
  returnType,
  log: list(record({ address: fixed(32), topics: list(fixed(32)), data: binary("cb") }))
}

const version2 = objectCodec(tag, 2, { ...before, ...after })
const version3 = objectCodec(tag, 3, { ...before, callKey: binary("ba"), ...after })

/**
 * The serialized call: version 3 where it was made through a name, else 2.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (call: CallObject): Uint8Array =>
  call.callKey === undefined ? version2.encode(call) : version3.encode({ ...call, callKey: call.callKey })

/**
 * Reads a serialized call; see `decode`. Throws `DecodeError`.
 *
 * @internal
 * @since 0.1.0
 * @category internal
 */
export const decodeOrThrow = (bytes: Uint8Array): CallObject =>
  readObjectOrThrow("contract call", bytes, (header): CallObject => {
    if (header.tag === tag && header.version === 2) return version2.fromItemsOrThrow(header.items)
    if (header.tag === tag && header.version === 3) return version3.fromItemsOrThrow(header.items)
    throw unexpectedObject(header, "contract call")
  })

/**
 * Reads a serialized call. Fails with `DecodeError`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (bytes: Uint8Array): Effect.Effect<CallObject, DecodeError.DecodeError> =>
  DecodeError.attempt(() => decodeOrThrow(bytes))

/**
 * The node's JSON for a call, keys in alphabetical order; the topics of events are integers.
 *
 * @since 0.1.0
 * @category encoding
 */
export const toClientForm = (call: CallObject): { readonly [key: string]: Json } =>
  sortKeys({
    ...version2.toClient(call),
    log: call.log.map(
      (entry): Json => ({
        address: ApiEncoding.encode("ct", entry.address),
        data: ApiEncoding.encode("cb", entry.data),
        topics: entry.topics.map((topic) => clientInt(Bytes.toBigInt(topic)))
      })
    )
  })
