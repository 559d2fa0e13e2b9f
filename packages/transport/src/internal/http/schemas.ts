/** The forms of what the HTTP port takes and answers, as its API description has them. */
import type { Json, JsonObject } from "@aechannel/core/encoding/Json"

type Kind = "integer" | "number" | "string" | "boolean" | "object" | SchemaName | readonly [Kind]

const plain = new Set<string>(["integer", "number", "string", "boolean", "object"])

const of = (kind: Kind): JsonObject => {
  if (typeof kind !== "string") return { type: "array", items: of(kind[0]) }
  return plain.has(kind) ? { type: kind } : { $ref: `#/components/schemas/${kind}` }
}

/** Fields whose name ends with `?` may be missing. */
const object = (fields: { readonly [name: string]: Kind }): JsonObject => ({
  type: "object",
  required: Object.keys(fields).filter((name) => !name.endsWith("?")),
  properties: Object.fromEntries(
    Object.entries(fields).map(([name, kind]): [string, Json] => [name.replace("?", ""), of(kind)])
  )
})

export type SchemaName =
  | "Account"
  | "ApiDescription"
  | "AutomaticBlocks"
  | "Channel"
  | "ChannelEnds"
  | "ChannelEnd"
  | "Contract"
  | "Count"
  | "Currency"
  | "Disconnected"
  | "Disturbed"
  | "Dump"
  | "EncodedTx"
  | "Error"
  | "GasPrice"
  | "GasPrices"
  | "Generation"
  | "Hash"
  | "Height"
  | "KeyBlock"
  | "MicroBlock"
  | "Name"
  | "NextNonce"
  | "Oracle"
  | "Pubkey"
  | "Snapshot"
  | "Status"
  | "Transaction"
  | "TransactionHash"
  | "TransactionInfo"
  | "Transactions"

const position = { hash: "string", height: "integer", prev_hash: "string", prev_key_hash: "string" } as const

export const schemas: { readonly [Name in SchemaName]: JsonObject } = {
  Account: object({
    balance: "integer",
    "contract_id?": "string",
    id: "string",
    kind: "string",
    nonce: "integer",
    payable: "boolean"
  }),
  ApiDescription: { type: "object" },
  AutomaticBlocks: object({ auto: "boolean" }),
  Channel: object({
    channel_amount: "integer",
    channel_reserve: "integer",
    delegate_ids: "object",
    id: "string",
    initiator_amount: "integer",
    initiator_id: "string",
    lock_period: "integer",
    locked_until: "integer",
    responder_amount: "integer",
    responder_id: "string",
    round: "integer",
    solo_round: "integer",
    state_hash: "string"
  }),
  ChannelEnds: object({ channels: ["ChannelEnd"] }),
  ChannelEnd: object({
    "channel_id?": "string",
    client_connected: "boolean",
    fsm_state: "string",
    "initiator_balance?": "integer",
    "initiator_id?": "string",
    peer_connected: "boolean",
    port: "integer",
    "responder_balance?": "integer",
    responder_id: "string",
    role: "string",
    round: "integer",
    "state_hash?": "string"
  }),
  Contract: { type: "object" },
  Count: object({ count: "integer" }),
  Currency: object({
    name: "string",
    network_name: "string",
    primary_colour: "string",
    secondary_colour: "string",
    subunit: "string",
    subunits_per_unit: "integer",
    symbol: "string"
  }),
  Disconnected: object({ disconnected: "integer" }),
  Disturbed: object({ disturbed: "integer" }),
  Dump: object({ dump: "string" }),
  EncodedTx: object({ tx: "string" }),
  Error: object({ "error_code?": "string", "info?": "object", "parameter?": "string", reason: "string" }),
  GasPrice: object({ min_gas_price: "integer", minutes: "integer", utilization: "integer" }),
  GasPrices: { type: "array", items: of("GasPrice") },
  Generation: object({ key_block: "KeyBlock", micro_blocks: ["string"] }),
  Hash: object({ hash: "string" }),
  Height: object({ height: "integer" }),
  KeyBlock: object({
    beneficiary: "string",
    flags: "string",
    ...position,
    info: "string",
    miner: "string",
    state_hash: "string",
    target: "integer",
    time: "integer",
    version: "integer"
  }),
  MicroBlock: object({
    flags: "string",
    ...position,
    pof_hash: "string",
    signature: "string",
    state_hash: "string",
    time: "integer",
    txs_hash: "string",
    version: "integer"
  }),
  Name: { type: "object" },
  NextNonce: object({ next_nonce: "integer" }),
  Oracle: { type: "object" },
  Pubkey: object({ pubkey: "string" }),
  Snapshot: object({ snapshot: "integer" }),
  Status: object({
    difficulty: "integer",
    genesis_key_block_hash: "string",
    hashrate: "integer",
    listening: "boolean",
    network_id: "string",
    node_revision: "string",
    node_version: "string",
    peer_connections: "object",
    peer_count: "integer",
    peer_pubkey: "string",
    pending_transactions_count: "integer",
    protocols: ["object"],
    solutions: "integer",
    sync_progress: "number",
    syncing: "boolean",
    top_block_height: "integer",
    top_key_block_hash: "string",
    uptime: "string"
  }),
  Transaction: object({
    block_hash: "string",
    block_height: "integer",
    encoded_tx: "string",
    hash: "string",
    "signatures?": ["string"],
    tx: "object"
  }),
  TransactionHash: object({ tx_hash: "string" }),
  TransactionInfo: { type: "object" },
  Transactions: object({ transactions: ["Transaction"] })
}
