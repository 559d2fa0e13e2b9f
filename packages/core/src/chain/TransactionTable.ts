/**
 * The table of all transaction kinds: one row for each kind and version. Types, bytes, schema, JSON, fees,
 * signers and legal protocols are derived from the row; a new transaction is a new row.
 *
 * Specification: æternity serializations (the transactions), æternity consensus "transaction fees".
 *
 * @since 0.1.0
 */
import type { Json } from "../encoding/Json.js"
import {
  type Fields,
  type AnyObjectCodec,
  type Values,
  binary,
  fixed,
  id,
  int,
  list,
  objectCodec,
  payload,
  safeInt,
  signedTx,
  stateHash,
  update
} from "./internal/fields.js"
import { ceres, fortuna, iris, lima, minerva, roma } from "./Protocol.js"

/**
 * Who must sign a transaction.
 *
 * - `origin`: the account in the row's origin field
 * - `initiator_and_responder`: the two accounts the transaction itself names
 * - `channel_participants`: both parties of the channel it names, as the channel's state has them
 * - `nobody`: a meta transaction authenticates by its contract; others are never signed
 *
 * @since 0.1.0
 * @category models
 */
export type SignerRule = "origin" | "initiator_and_responder" | "channel_participants" | "nobody"

/**
 * Gas that does not depend on the size: a constant, or a rule over the protocol and the ABI version of the
 * transaction (0 where it has none).
 *
 * @since 0.1.0
 * @category models
 */
export type BaseGas = number | ((protocol: number, abiVersion: number) => number)

/**
 * Which bytes cost gas: all of the unsigned transaction, what it adds to the transaction it wraps, or none.
 *
 * @since 0.1.0
 * @category models
 */
export type SizeGas = "all" | "without_inner" | "none"

/**
 * One row: everything the library knows about a kind and version of transaction.
 *
 * - `name`: the `_tag` of its values; `clientName`: the `type` in the node's JSON
 * - `typeName`: the name the channel WebSocket API uses, such as `channel_create_tx`
 * - `tag`, `version`: of the serialized object
 * - `protocols`: the first and last protocol it is legal at, or `"never"` for what no chain accepts
 * - `fields`: in serialized order
 * - `origin`: the field of the account that holds nonce and pays the fee, if there is one
 *
 * @since 0.1.0
 * @category models
 */
export interface Row<N extends string = string, V extends number = number, F extends Fields = Fields> {
  readonly name: N
  readonly clientName: string
  readonly typeName: string
  readonly tag: number
  readonly version: V
  readonly protocols: readonly [first: number, last: number] | "never"
  readonly fields: F
  readonly signers: SignerRule
  readonly origin: string | undefined
  readonly baseGas: BaseGas
  readonly sizeGas: SizeGas
  /** Differences of the node's JSON from the plain snake case form of the fields. */
  readonly adjustClient: (form: { readonly [key: string]: Json }) => { readonly [key: string]: Json }
  /** @internal */
  readonly codec: AnyObjectCodec
}

/**
 * The transactions of a row.
 *
 * @since 0.1.0
 * @category models
 */
export type TransactionOf<R> =
  R extends Row<infer N, infer V, infer F>
    ? {
        readonly [K in "_tag" | "version" | keyof F]: K extends "_tag"
          ? N
          : K extends "version"
            ? V
            : Values<F>[K & keyof F]
      }
    : never

interface RowSpec<N extends string, V extends number, F extends Fields>
  extends Pick<Row<N, V, F>, "name" | "typeName" | "tag" | "version" | "protocols" | "fields" | "signers">,
    Partial<Pick<Row<N, V, F>, "clientName" | "baseGas" | "sizeGas" | "adjustClient">> {
  readonly origin?: keyof F & string
}

const row = <const N extends string, const V extends number, F extends Fields>(
  spec: RowSpec<N, V, F>
): Row<N, V, F> => ({
  clientName: spec.name,
  baseGas: 15_000,
  sizeGas: "all",
  adjustClient: (form) => form,
  ...spec,
  origin: spec.origin,
  codec: objectCodec(spec.tag, spec.version, spec.fields)
})

const account = id("ak")
const channel = id("ch")
const accounts = list(account)
const ttl = safeInt
const fee = int
const nonce = int

const from = (first: number): readonly [number, number] => [first, ceres]
const always = from(roma)

/** The node's JSON splits `ct_version` into the two versions it packs. */
const splitCtVersion = (form: { readonly [key: string]: Json }): { readonly [key: string]: Json } => {
  const { ct_version: packed, ...rest } = form
  const version = typeof packed === "number" ? packed : 0
  return { ...rest, vm_version: Math.floor(version / 0x10000), abi_version: version % 0x10000 }
}

/** From version 2 on a channel_create shows its two delegate lists as one object. */
const joinDelegates = (form: { readonly [key: string]: Json }): { readonly [key: string]: Json } => {
  const { initiator_delegate_ids: initiator = [], responder_delegate_ids: responder = [], ...rest } = form
  return { ...rest, delegate_ids: { initiator, responder } }
}

const withoutUpdates = (form: { readonly [key: string]: Json }): { readonly [key: string]: Json } =>
  Object.fromEntries(Object.entries(form).filter(([key]) => key !== "updates"))

const soloFields = { channelId: channel, fromId: account, payload, poi: binary("pi"), ttl, fee, nonce }

const closeFields = {
  channelId: channel,
  fromId: account,
  initiatorAmountFinal: int,
  responderAmountFinal: int,
  ttl,
  fee,
  nonce
}

const fateAbi = 3

/**
 * All rows, ordered by tag and version.
 *
 * @since 0.1.0
 * @category constants
 */
export const rows = [
  row({
    name: "SpendTx",
    typeName: "spend_tx",
    tag: 12,
    version: 1,
    protocols: always,
    signers: "origin",
    origin: "senderId",
    fields: {
      senderId: account,
      recipientId: id("ak", "nm", "ok", "ct"),
      amount: int,
      fee,
      ttl,
      nonce,
      payload: binary("ba")
    }
  }),
  row({
    name: "ContractCreateTx",
    typeName: "contract_create_tx",
    tag: 42,
    version: 1,
    protocols: always,
    signers: "origin",
    origin: "ownerId",
    baseGas: 75_000,
    adjustClient: splitCtVersion,
    fields: {
      ownerId: account,
      nonce,
      code: binary("cb"),
      ctVersion: safeInt,
      fee,
      ttl,
      deposit: int,
      amount: int,
      gas: int,
      gasPrice: int,
      callData: binary("cb")
    }
  }),
  row({
    name: "ContractCallTx",
    typeName: "contract_call_tx",
    tag: 43,
    version: 1,
    protocols: always,
    signers: "origin",
    origin: "callerId",
    baseGas: (_protocol, abiVersion) => (abiVersion === fateAbi ? 180_000 : 450_000),
    fields: {
      callerId: account,
      nonce,
      contractId: id("ct", "nm"),
      abiVersion: safeInt,
      fee,
      ttl,
      amount: int,
      gas: int,
      gasPrice: int,
      callData: binary("cb")
    }
  }),
  row({
    name: "ChannelCreateTx",
    typeName: "channel_create_tx",
    tag: 50,
    version: 1,
    protocols: [roma, lima],
    signers: "initiator_and_responder",
    origin: "initiatorId",
    fields: {
      initiatorId: account,
      initiatorAmount: int,
      responderId: account,
      responderAmount: int,
      channelReserve: int,
      lockPeriod: safeInt,
      ttl,
      fee,
      delegateIds: accounts,
      stateHash,
      nonce
    }
  }),
  row({
    name: "ChannelCreateTx",
    typeName: "channel_create_tx",
    tag: 50,
    version: 2,
    protocols: from(iris),
    signers: "initiator_and_responder",
    origin: "initiatorId",
    adjustClient: joinDelegates,
    fields: {
      initiatorId: account,
      initiatorAmount: int,
      responderId: account,
      responderAmount: int,
      channelReserve: int,
      lockPeriod: safeInt,
      ttl,
      fee,
      initiatorDelegateIds: accounts,
      responderDelegateIds: accounts,
      stateHash,
      nonce
    }
  }),
  row({
    name: "ChannelDepositTx",
    typeName: "channel_deposit_tx",
    tag: 51,
    version: 1,
    protocols: always,
    signers: "channel_participants",
    origin: "fromId",
    fields: {
      channelId: channel,
      fromId: account,
      amount: int,
      ttl,
      fee,
      stateHash,
      round: safeInt,
      nonce
    }
  }),
  row({
    name: "ChannelWithdrawTx",
    typeName: "channel_withdraw_tx",
    tag: 52,
    version: 1,
    protocols: always,
    signers: "channel_participants",
    origin: "toId",
    fields: { channelId: channel, toId: account, amount: int, ttl, fee, stateHash, round: safeInt, nonce }
  }),
  row({
    name: "ChannelCloseMutualTx",
    typeName: "channel_close_mutual_tx",
    tag: 53,
    version: 1,
    protocols: always,
    signers: "channel_participants",
    origin: "fromId",
    fields: closeFields
  }),
  row({
    name: "ChannelCloseSoloTx",
    typeName: "channel_close_solo_tx",
    tag: 54,
    version: 1,
    protocols: always,
    signers: "origin",
    origin: "fromId",
    fields: soloFields
  }),
  row({
    name: "ChannelSlashTx",
    typeName: "channel_slash_tx",
    tag: 55,
    version: 1,
    protocols: always,
    signers: "origin",
    origin: "fromId",
    fields: soloFields
  }),
  row({
    name: "ChannelSettleTx",
    typeName: "channel_settle_tx",
    tag: 56,
    version: 1,
    protocols: always,
    signers: "origin",
    origin: "fromId",
    fields: closeFields
  }),
  row({
    name: "ChannelOffchainTx",
    typeName: "channel_offchain_tx",
    tag: 57,
    version: 1,
    protocols: [roma, fortuna],
    signers: "channel_participants",
    baseGas: 0,
    sizeGas: "none",
    // The node shows neither version's updates.
    adjustClient: withoutUpdates,
    fields: { channelId: channel, round: safeInt, updates: list(update), stateHash }
  }),
  row({
    name: "ChannelOffchainTx",
    typeName: "channel_offchain_tx",
    tag: 57,
    version: 2,
    protocols: from(fortuna),
    signers: "channel_participants",
    baseGas: 0,
    sizeGas: "none",
    fields: { channelId: channel, round: safeInt, stateHash }
  }),
  row({
    name: "ChannelSnapshotSoloTx",
    typeName: "channel_snapshot_solo_tx",
    tag: 59,
    version: 1,
    protocols: always,
    signers: "origin",
    origin: "fromId",
    fields: { channelId: channel, fromId: account, payload, ttl, fee, nonce }
  }),
  row({
    name: "GaAttachTx",
    clientName: "GAAttachTx",
    typeName: "ga_attach_tx",
    tag: 80,
    version: 1,
    protocols: from(fortuna),
    signers: "origin",
    origin: "ownerId",
    baseGas: 75_000,
    adjustClient: splitCtVersion,
    fields: {
      ownerId: account,
      nonce,
      code: binary("cb"),
      authFun: fixed(32),
      ctVersion: safeInt,
      fee,
      ttl,
      gas: int,
      gasPrice: int,
      callData: binary("cb")
    }
  }),
  row({
    name: "GaMetaTx",
    clientName: "GAMetaTx",
    typeName: "ga_meta_tx",
    tag: 81,
    version: 1,
    protocols: [fortuna, lima],
    signers: "nobody",
    origin: "gaId",
    baseGas: 75_000,
    sizeGas: "without_inner",
    fields: {
      gaId: account,
      authData: binary("cb"),
      abiVersion: safeInt,
      fee,
      gas: int,
      gasPrice: int,
      ttl,
      tx: signedTx
    }
  }),
  row({
    name: "GaMetaTx",
    clientName: "GAMetaTx",
    typeName: "ga_meta_tx",
    tag: 81,
    version: 2,
    protocols: from(iris),
    signers: "nobody",
    origin: "gaId",
    baseGas: 75_000,
    sizeGas: "without_inner",
    fields: {
      gaId: account,
      authData: binary("cb"),
      abiVersion: safeInt,
      fee,
      gas: int,
      gasPrice: int,
      tx: signedTx
    }
  }),
  row({
    name: "PayingForTx",
    typeName: "paying_for_tx",
    tag: 82,
    version: 1,
    protocols: from(iris),
    signers: "origin",
    origin: "payerId",
    baseGas: 3_000,
    sizeGas: "without_inner",
    fields: { payerId: account, nonce, fee, tx: signedTx }
  }),
  row({
    name: "ChannelSetDelegatesTx",
    typeName: "channel_set_delegates_tx",
    tag: 501,
    version: 1,
    protocols: from(iris),
    signers: "channel_participants",
    origin: "fromId",
    fields: {
      channelId: channel,
      fromId: account,
      initiatorDelegateIds: accounts,
      responderDelegateIds: accounts,
      payload,
      stateHash,
      round: safeInt,
      ttl,
      fee,
      nonce
    }
  }),
  row({
    name: "ChannelForceProgressTx",
    typeName: "channel_force_progress_tx",
    tag: 521,
    version: 1,
    protocols: always,
    signers: "origin",
    origin: "fromId",
    baseGas: (protocol) => (protocol <= minerva ? 15_000 : 450_000),
    fields: {
      channelId: channel,
      fromId: account,
      payload,
      round: safeInt,
      update,
      stateHash,
      offchainTrees: binary("ss"),
      ttl,
      fee,
      nonce
    }
  }),
  row({
    name: "ChannelClientReconnectTx",
    typeName: "channel_client_reconnect_tx",
    tag: 575,
    version: 1,
    protocols: "never",
    signers: "origin",
    origin: "pubKey",
    baseGas: 0,
    sizeGas: "none",
    fields: { channelId: channel, round: safeInt, role: binary("ba"), pubKey: account }
  }),
  row({
    name: "GaMetaAuthData",
    clientName: "GAMetaTxAuthData",
    typeName: "ga_meta_tx_auth_data",
    tag: 810,
    version: 1,
    protocols: "never",
    signers: "nobody",
    baseGas: 0,
    sizeGas: "none",
    fields: { fee, gasPrice: int, txHash: fixed(32) }
  })
] as const

/**
 * Any transaction: a union by `_tag` and, where a kind has several, `version`. Amounts, fees and gas prices
 * are bigints in aettos, gas and nonces are bigints; rounds, lock periods and ttls (blocks) are numbers.
 *
 * @since 0.1.0
 * @category models
 */
export type Transaction = TransactionOf<(typeof rows)[number]>
