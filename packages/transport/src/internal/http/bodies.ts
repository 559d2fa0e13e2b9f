/**
 * The chain in the words of the node's HTTP API. Of what a chain without miners and peers does not have, the bodies
 * hold the value that says so: zero, empty, nobody.
 *
 * Specification: æternity node HTTP API.
 */
import type { Account } from "@aechannel/core/chain/Account"
import * as Protocol from "@aechannel/core/chain/Protocol"
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Transaction from "@aechannel/core/chain/Transaction"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import { type Json, JsonNumber, type JsonObject, isArray, isObject } from "@aechannel/core/encoding/Json"
import type { ChannelEnd } from "@aechannel/core/node/ChannelNode"
import * as Ledger from "@aechannel/core/node/Ledger"

/** The newest node whose behaviour is imitated; tools compare it with the versions they support. */
export const nodeVersion = "7.2.2"
const nobody = new Uint8Array(32)
export const peerKey = ApiEncoding.encode("pp", nobody)
const keyFlags = Uint8Array.of(0x80, 0, 0, 0)
const microFlags = new Uint8Array(4)

/** A key block. Its time is in milliseconds since the epoch. */
export const keyBlock = ({
  hash,
  height,
  prevHash,
  prevKeyHash,
  protocol,
  stateHash,
  timeMs
}: Ledger.KeyBlock): JsonObject => ({
  beneficiary: ApiEncoding.encode("ak", nobody),
  flags: ApiEncoding.encode("ba", keyFlags),
  hash,
  height,
  info: ApiEncoding.encode("cb", new Uint8Array()),
  miner: ApiEncoding.encode("ak", nobody),
  prev_hash: prevHash,
  prev_key_hash: prevKeyHash,
  state_hash: stateHash,
  target: Protocol.onDemandTarget,
  time: timeMs,
  version: protocol
})

/** The header of a micro block. */
export const microBlock = (block: Ledger.MicroBlock): JsonObject => ({
  flags: ApiEncoding.encode("ba", microFlags),
  hash: block.hash,
  height: block.height,
  pof_hash: "no_fraud",
  prev_hash: block.prevHash,
  prev_key_hash: block.prevKeyHash,
  signature: ApiEncoding.encode("sg", new Uint8Array(64)),
  state_hash: block.stateHash,
  time: block.timeMs,
  txs_hash: block.txsHash,
  version: block.protocol
})

/** A key block and the names of the micro blocks on it. */
export const generation = (key: Ledger.KeyBlock, micro: ReadonlyArray<Ledger.MicroBlock>): JsonObject => ({
  key_block: keyBlock(key),
  micro_blocks: micro.map(({ hash }) => hash)
})

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000]
] as const

/** Its two largest parts, such as `3m:12s`; below a minute seconds and milliseconds, `12s.345`. */
export const uptime = (millis: number): string => {
  const of = (unit: number, within = Infinity): number => Math.floor((millis % within) / unit)
  const index = units.findIndex(([, length], at) => millis >= length || at === units.length - 1)
  const [name, length] = units[index] ?? units[3]
  const next = units[index + 1]
  return next === undefined
    ? `${of(length)}${name}.${of(1, length)}`
    : `${of(length)}${name}:${of(next[1], length)}${next[0]}`
}

/** What tools ask first: which network, which versions, how high. */
export const status = (ledger: Ledger.Ledger, uptimeMillis: number): JsonObject => ({
  difficulty: Protocol.onDemandTarget * ledger.top.height,
  genesis_key_block_hash: ledger.genesis.hash,
  hashrate: 0,
  listening: true,
  network_id: ledger.networkId,
  node_revision: "aechannel",
  node_version: nodeVersion,
  peer_connections: { inbound: 0, outbound: 0 },
  peer_count: 0,
  peer_pubkey: peerKey,
  pending_transactions_count: Ledger.pending(ledger).length,
  protocols: [{ effective_at_height: 1, version: ledger.protocol }],
  solutions: 0,
  sync_progress: new JsonNumber("100.0"),
  syncing: false,
  top_block_height: ledger.top.height,
  top_key_block_hash: ledger.top.hash,
  uptime: uptime(uptimeMillis)
})

export const currency: JsonObject = {
  name: "Aeternity",
  network_name: "Aeternity",
  primary_colour: "#f5274e",
  secondary_colour: "#131820",
  subunit: "aetto",
  subunits_per_unit: 10n ** 18n,
  symbol: "AE"
}

const notPayable = 1

/** An account: balance in aettos, the nonce of its last transaction. */
export const account = (
  id: ApiEncoding.AccountAddress,
  { authentication, balance, flags, nonce }: Account
): JsonObject => ({
  balance,
  ...(authentication === undefined
    ? { kind: "basic" }
    : { kind: "generalized", contract_id: authentication.contract }),
  id,
  nonce,
  payable: (flags & notPayable) === 0
})

/** Blocks are never full here, so that the least possible price is always enough. */
export const gasPrices = (ledger: Ledger.Ledger): Json =>
  [1, 5, 15, 60].map((minutes) => ({ min_gas_price: ledger.minimumGasPrice, minutes, utilization: 0 }))

/** A transaction in a block, or in the mempool: then the height is -1 and the block is `none`. */
export const transaction = ({
  blockHash,
  height,
  signedTx,
  txHash
}: NonNullable<ReturnType<typeof Ledger.transaction>>): JsonObject => ({
  block_hash: blockHash ?? "none",
  block_height: height,
  encoded_tx: SignedTx.toText(signedTx),
  hash: txHash,
  ...(signedTx.tx._tag === "GaMetaTx"
    ? {}
    : { signatures: signedTx.signatures.map((signature) => ApiEncoding.encode("sg", signature)) }),
  tx: Transaction.toClientForm(signedTx.tx)
})

/** An end of a channel whose machine runs; what is not known yet is not there. */
export const channelEnd = (end: ChannelEnd): JsonObject =>
  withoutUndefined({
    channel_id: end.channelId,
    client_connected: end.clientConnected,
    fsm_state: end.fsmState,
    initiator_balance: end.initiatorBalance,
    initiator_id: end.initiatorId,
    peer_connected: end.peerConnected,
    port: end.port,
    responder_balance: end.responderBalance,
    responder_id: end.responderId,
    role: end.role,
    round: end.round,
    state_hash: end.stateHash
  })

const withoutUndefined = (fields: { readonly [name: string]: Json | undefined }): JsonObject => {
  const known: { [name: string]: Json } = {}
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) known[name] = value
  return known
}

/** The same with all integers as strings, which is what `int-as-string=true` asks for. */
export const integersAsStrings = (json: Json): Json => {
  if (typeof json === "number" || typeof json === "bigint") return String(json)
  if (isArray(json)) return json.map(integersAsStrings)
  return isObject(json)
    ? Object.fromEntries(Object.entries(json).map(([key, value]) => [key, integersAsStrings(value)]))
    : json
}
