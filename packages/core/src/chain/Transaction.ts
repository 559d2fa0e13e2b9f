/**
 * Unsigned transactions: bytes, schema, the node's JSON, signers and legal protocols, all derived from the rows
 * of the transaction table.
 *
 * Specification: æternity serializations (the transactions).
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as ApiEncoding from "../encoding/ApiEncoding.js"
import type { AccountAddress } from "../encoding/ApiEncoding.js"
import * as DecodeError from "../encoding/DecodeError.js"
import type { Json } from "../encoding/Json.js"
import * as Envelope from "./internal/envelope.js"
import {
  type AnyField,
  about,
  failure,
  headerOrThrow,
  inside,
  sortKeys,
  unexpectedObject
} from "./internal/fields.js"
import { type Row, type Transaction, rows } from "./TransactionTable.js"

export {
  /**
   * @since 0.1.0
   * @category constants
   */
  rows,
  /**
   * @since 0.1.0
   * @category models
   */
  type Row,
  /**
   * @since 0.1.0
   * @category models
   */
  type SignerRule,
  /**
   * @since 0.1.0
   * @category models
   */
  type Transaction
} from "./TransactionTable.js"

/**
 * The `_tag`s of all transactions.
 *
 * @since 0.1.0
 * @category models
 */
export type Tag = Transaction["_tag"]

/**
 * The transactions of one kind, in all its versions.
 *
 * @since 0.1.0
 * @category models
 */
export type ByTag<T extends Tag> = Extract<Transaction, { readonly _tag: T }>

/**
 * Coins (aettos) from one account to another, to a contract, a name or an oracle.
 *
 * @since 0.1.0
 * @category models
 */
export type SpendTx = ByTag<"SpendTx">
/**
 * Creates a contract on chain.
 *
 * @since 0.1.0
 * @category models
 */
export type ContractCreateTx = ByTag<"ContractCreateTx">
/**
 * Calls a contract on chain.
 *
 * @since 0.1.0
 * @category models
 */
export type ContractCallTx = ByTag<"ContractCallTx">
/**
 * Opens a channel: version 1 up to Lima with one list of delegates, version 2 from Iris with one per side.
 *
 * @since 0.1.0
 * @category models
 */
export type ChannelCreateTx = ByTag<"ChannelCreateTx">
/**
 * Moves coins from an account into the channel.
 *
 * @since 0.1.0
 * @category models
 */
export type ChannelDepositTx = ByTag<"ChannelDepositTx">
/**
 * Moves coins from the channel to an account.
 *
 * @since 0.1.0
 * @category models
 */
export type ChannelWithdrawTx = ByTag<"ChannelWithdrawTx">
/**
 * Closes the channel with amounts both parties agree on; the fee comes out of the channel.
 *
 * @since 0.1.0
 * @category models
 */
export type ChannelCloseMutualTx = ByTag<"ChannelCloseMutualTx">
/**
 * Starts closing the channel with the word of one party.
 *
 * @since 0.1.0
 * @category models
 */
export type ChannelCloseSoloTx = ByTag<"ChannelCloseSoloTx">
/**
 * Answers a solo close with a newer co-signed state.
 *
 * @since 0.1.0
 * @category models
 */
export type ChannelSlashTx = ByTag<"ChannelSlashTx">
/**
 * Pays out a channel whose lock period after a solo close is over.
 *
 * @since 0.1.0
 * @category models
 */
export type ChannelSettleTx = ByTag<"ChannelSettleTx">
/**
 * One round of the off-chain state; never on chain by itself. Version 1 carries the updates, version 2 does not.
 *
 * @since 0.1.0
 * @category models
 */
export type ChannelOffchainTx = ByTag<"ChannelOffchainTx">
/**
 * Puts a co-signed state on chain without closing.
 *
 * @since 0.1.0
 * @category models
 */
export type ChannelSnapshotSoloTx = ByTag<"ChannelSnapshotSoloTx">
/**
 * Replaces the delegates of both sides.
 *
 * @since 0.1.0
 * @category models
 */
export type ChannelSetDelegatesTx = ByTag<"ChannelSetDelegatesTx">
/**
 * Makes the chain execute a contract call on the off-chain state.
 *
 * @since 0.1.0
 * @category models
 */
export type ChannelForceProgressTx = ByTag<"ChannelForceProgressTx">
/**
 * Turns an account into a generalized account.
 *
 * @since 0.1.0
 * @category models
 */
export type GaAttachTx = ByTag<"GaAttachTx">
/**
 * Authenticates the signed transaction inside it with the contract of a generalized account. Version 1 (Fortuna
 * and Lima) has a ttl, version 2 (from Iris) has none.
 *
 * @since 0.1.0
 * @category models
 */
export type GaMetaTx = ByTag<"GaMetaTx">
/**
 * What an authentication function sees the hash of, from Ceres on; never sent.
 *
 * @since 0.1.0
 * @category models
 */
export type GaMetaAuthData = ByTag<"GaMetaAuthData">
/**
 * Pays the fee of the signed transaction inside it.
 *
 * @since 0.1.0
 * @category models
 */
export type PayingForTx = ByTag<"PayingForTx">
/**
 * Proof of identity for a reconnecting client; current nodes know no such transaction any more.
 *
 * @since 0.1.0
 * @category models
 */
export type ChannelClientReconnectTx = ByTag<"ChannelClientReconnectTx">

const what = "transaction"

// Versions are below 1000, so that tag and version make one key.
const key = (tag: number, version: number): number => tag * 1000 + version

const byTag: ReadonlyMap<number, Row> = new Map(
  rows.map((row): [number, Row] => [key(row.tag, row.version), row])
)

const byName: ReadonlyMap<string, ReadonlyArray<Row | undefined>> = rows.reduce((map, row) => {
  const versions = map.get(row.name) ?? []
  versions[row.version] = row
  return map.set(row.name, versions)
}, new Map<string, Array<Row | undefined>>())

/**
 * The table row of a transaction.
 *
 * @since 0.1.0
 * @category accessors
 */
export const rowOf = (tx: Transaction): Row => {
  const row = byName.get(tx._tag)?.[tx.version]
  if (row === undefined) throw new RangeError(`there is no ${tx._tag} of version ${tx.version}`)
  return row
}

/** A transaction as its row sees it: fields by name. */
const fieldsOf = (tx: Transaction): { readonly [name: string]: unknown } => tx

/** The canonical bytes of a transaction never change, so they are made once. */
const encoded = new WeakMap<Transaction, Uint8Array>()

/**
 * The canonical bytes of the unsigned transaction. They are kept for the next time: do not write into them.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (tx: Transaction): Uint8Array => {
  const known = encoded.get(tx)
  if (known !== undefined) return known
  const bytes = rowOf(tx).codec.encode(fieldsOf(tx))
  encoded.set(tx, bytes)
  return bytes
}

/** Transactions wrap transactions; nobody needs more layers than this, and each one costs stack. */
const maximumLayers = 32

const kindsOf = (row: Row): ReadonlyArray<readonly [name: string, field: AnyField]> =>
  Object.entries(row.fields)

const wrappedField = (row: Row): string | undefined =>
  kindsOf(row).find(([, field]) => field.kind === "signed_tx")?.[0]

const payloadField = (row: Row): string | undefined =>
  kindsOf(row).find(([, field]) => field.kind === "payload")?.[0]

const wrappedFields: ReadonlyMap<Row, string> = new Map(
  rows.flatMap((row: Row): Array<[Row, string]> => {
    const name = wrappedField(row)
    return name === undefined ? [] : [[row, name]]
  })
)

const payloadFields: ReadonlyMap<Row, string> = new Map(
  rows.flatMap((row: Row): Array<[Row, string]> => {
    const name = payloadField(row)
    return name === undefined ? [] : [[row, name]]
  })
)

const bytesField = (tx: Transaction, name: string): Uint8Array => {
  const value = fieldsOf(tx)[name]
  return value instanceof Uint8Array ? value : new Uint8Array()
}

/**
 * The serialized signed transaction inside a meta or paying-for transaction; `undefined` for all others.
 *
 * @since 0.1.0
 * @category accessors
 */
export const wrapped = (tx: Transaction): Uint8Array | undefined => {
  const name = wrappedFields.get(rowOf(tx))
  return name === undefined ? undefined : bytesField(tx, name)
}

/** What a wrapped signed transaction holds, for those that were decoded here. */
const innerOf = new WeakMap<Transaction, Transaction>()

/** Kinds nobody can pay for: the reference rejects their bytes, not only their effects. */
const cannotBePaidFor = (tx: Transaction): boolean => {
  if (tx._tag === "GaMetaTx") return cannotBePaidFor(innerTransactionOrThrow(tx))
  return (
    tx._tag === "PayingForTx" || tx._tag === "ChannelOffchainTx" || tx._tag === "ChannelClientReconnectTx"
  )
}

const readInner = (bytes: Uint8Array, depth: number): Transaction => {
  const { txBytes } = Envelope.decodeOrThrow(bytes)
  try {
    return read(txBytes, depth + 1)
  } catch (error) {
    throw inside(error, "tx")
  }
}

/** Reads bytes that nobody else will write into. */
const read = (bytes: Uint8Array, depth: number): Transaction => {
  if (depth > maximumLayers) {
    throw failure("too_deep", `transactions are wrapped more than ${maximumLayers} times`)
  }
  const header = headerOrThrow(bytes)
  const row = byTag.get(key(header.tag, header.version))
  if (row === undefined || header.version >= 1000) throw unexpectedObject(header, "known transaction")
  const record: { [name: string]: unknown } = { _tag: row.name, version: row.version }
  row.codec.readOrThrow(header.items, 2, record)
  const tx = record as Transaction
  const wrappedName = wrappedFields.get(row)
  if (wrappedName !== undefined) {
    try {
      innerOf.set(tx, readInner(bytesField(tx, wrappedName), depth))
      if (tx._tag === "PayingForTx" && cannotBePaidFor(innerTransactionOrThrow(tx))) {
        throw failure("not_allowed_to_pay_for", "a transaction of this kind cannot be paid for by another")
      }
    } catch (error) {
      throw inside(error, wrappedName)
    }
  }
  return tx
}

/**
 * The transaction inside a meta or paying-for transaction, one layer down. Throws `DecodeError` where the
 * wrapped bytes are no signed transaction, and for transactions that wrap none.
 *
 * @internal
 * @since 0.1.0
 * @category internal
 */
export const innerTransactionOrThrow = (tx: Transaction): Transaction => {
  const known = innerOf.get(tx)
  if (known !== undefined) return known
  const bytes = wrapped(tx)
  if (bytes === undefined) {
    throw DecodeError.make(what, "nothing_wrapped", `a ${tx._tag} holds no other transaction`)
  }
  try {
    const inner = readInner(new Uint8Array(bytes), 0)
    innerOf.set(tx, inner)
    return inner
  } catch (error) {
    throw about(inside(error, "tx"), what)
  }
}

/**
 * Reads bytes the caller promises not to write into; used where they were copied already.
 *
 * @internal
 * @since 0.1.0
 * @category internal
 */
export const decodeOwnedOrThrow = (bytes: Uint8Array): Transaction => {
  try {
    return read(bytes, 0)
  } catch (error) {
    throw about(error, what)
  }
}

/**
 * Reads an unsigned transaction, strictly: whatever is accepted encodes to the same bytes again. Signed
 * transactions wrapped in it are read too. Throws `DecodeError`.
 *
 * @internal
 * @since 0.1.0
 * @category internal
 */
export const decodeOrThrow = (bytes: Uint8Array): Transaction => decodeOwnedOrThrow(new Uint8Array(bytes))

/**
 * Reads an unsigned transaction, strictly: whatever is accepted encodes to the same bytes again. Signed
 * transactions wrapped in it are read too. Fails with `DecodeError`, whose path names the field: `unknown_type`,
 * `wrong_field_count`, `leading_zero`, `wrong_id_type`, `wrong_length`, …
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (bytes: Uint8Array): Effect.Effect<Transaction, DecodeError.DecodeError> =>
  DecodeError.attempt(() => decodeOrThrow(bytes))

const rowSchema = (row: Row): Schema.Schema<Transaction> => {
  const literals: Schema.Schema.AnyNoContext = Schema.Struct({
    _tag: Schema.Literal(row.name),
    version: Schema.Literal(row.version)
  })
  return Schema.extend(literals, row.codec.schema)
}

/**
 * A schema that accepts exactly the transactions of one row.
 *
 * @since 0.1.0
 * @category schemas
 */
export const schemaOf = (row: Row): Schema.Schema<Transaction> => rowSchema(row)

/**
 * A schema for all transactions, as values: nothing is transformed.
 *
 * @since 0.1.0
 * @category schemas
 */
export const schema: Schema.Schema<Transaction> = Schema.Union(...rows.map(rowSchema))

/**
 * The name the channel WebSocket API gives the transaction's kind, such as `channel_create_tx`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const typeName = (tx: Transaction): string => rowOf(tx).typeName

/**
 * The account that holds nonce and pays the fee; `undefined` for off-chain transactions.
 *
 * @since 0.1.0
 * @category accessors
 */
export const origin = (tx: Transaction): AccountAddress | undefined => {
  const name = rowOf(tx).origin
  return name === undefined ? undefined : (fieldsOf(tx)[name] as AccountAddress)
}

/**
 * The nonce of the origin; `undefined` for off-chain transactions. Meta transactions have none and count as 0.
 *
 * @since 0.1.0
 * @category accessors
 */
export const nonce = (tx: Transaction): bigint | undefined =>
  "nonce" in tx ? tx.nonce : tx._tag === "GaMetaTx" ? 0n : undefined

/**
 * The fee in aettos, `0n` for off-chain transactions.
 *
 * @since 0.1.0
 * @category accessors
 */
export const fee = (tx: Transaction): bigint => ("fee" in tx ? tx.fee : 0n)

/**
 * The last block height (in blocks) a transaction may be in; 0 is no limit. Transactions without an own ttl have
 * that of the transaction they wrap.
 *
 * @since 0.1.0
 * @category accessors
 */
export const ttl = (tx: Transaction): number => {
  if ("ttl" in tx) return tx.ttl
  if (wrapped(tx) === undefined) return 0
  try {
    return ttl(innerTransactionOrThrow(tx))
  } catch {
    return 0
  }
}

/**
 * The accounts whose signatures the transaction needs, in order, without regard to generalized accounts.
 * `participants` are initiator and responder of the channel in question; where they are needed and not given
 * the signers are unknown and the result is `undefined`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const signers = (
  tx: Transaction,
  participants?: readonly [initiator: AccountAddress, responder: AccountAddress]
): ReadonlyArray<AccountAddress> | undefined => {
  const row = rowOf(tx)
  switch (row.signers) {
    case "nobody":
      return []
    case "origin": {
      const account = origin(tx)
      return account === undefined ? undefined : [account]
    }
    case "initiator_and_responder":
      return tx._tag === "ChannelCreateTx" ? [tx.initiatorId, tx.responderId] : undefined
    case "channel_participants":
      return participants
  }
}

/** A payload is empty or a signed off-chain transaction, possibly inside meta transactions. */
const isOffchain = (tx: Transaction): boolean =>
  tx._tag === "ChannelOffchainTx" || (tx._tag === "GaMetaTx" && isOffchain(innerTransactionOrThrow(tx)))

/**
 * Whether the transaction is legal at a protocol version. So is what it wraps; a payload must be empty or a
 * signed off-chain transaction (possibly inside meta transactions) that is legal too. The node calls the
 * opposite `invalid_at_protocol`.
 *
 * @since 0.1.0
 * @category predicates
 */
export const validAtProtocol = (tx: Transaction, protocol: number): boolean => {
  const row = rowOf(tx)
  if (row.protocols === "never" || protocol < row.protocols[0] || protocol > row.protocols[1]) return false
  try {
    if (wrappedFields.has(row)) return validAtProtocol(innerTransactionOrThrow(tx), protocol)
    const name = payloadFields.get(row)
    const payload = name === undefined ? undefined : bytesField(tx, name)
    if (payload === undefined || payload.length === 0) return true
    const inner = readInner(new Uint8Array(payload), 0)
    return isOffchain(inner) && validAtProtocol(inner, protocol)
  } catch (error) {
    if (error instanceof DecodeError.DecodeError) return false
    throw error
  }
}

const wrappedClientForm = (bytes: Uint8Array, renderUpdate?: (update: Uint8Array) => Json): Json => {
  try {
    const { signatures } = Envelope.decodeOrThrow(bytes)
    const inner = readInner(bytes, 0)
    const tx = toClientForm(inner, renderUpdate)
    return inner._tag === "GaMetaTx"
      ? { tx }
      : { signatures: signatures.map((each) => ApiEncoding.encode("sg", each)), tx }
  } catch (error) {
    // Only a hand-made transaction can hold bytes that are no signed transaction.
    if (error instanceof DecodeError.DecodeError) return ApiEncoding.encode("tx", bytes)
    throw error
  }
}

/**
 * The node's JSON for a transaction: snake case keys in alphabetical order, ids and byte strings in their text
 * form, `type` and `version`; a `ttl` of 0 is left out. A wrapped transaction is shown as the node shows it,
 * with its signatures unless it is a meta transaction. `renderUpdate` turns the serialized update of a force
 * progress into its JSON; without it the bytes are shown as `ba_…`.
 *
 * @since 0.1.0
 * @category encoding
 */
export const toClientForm = (
  tx: Transaction,
  renderUpdate?: (update: Uint8Array) => Json
): { readonly [key: string]: Json } => {
  const row = rowOf(tx)
  const form: { [key: string]: Json } = {
    ...row.adjustClient(row.codec.toClient(fieldsOf(tx))),
    type: row.clientName,
    version: row.version
  }
  if (form["ttl"] === 0) delete form["ttl"]
  if (tx._tag === "ChannelForceProgressTx" && renderUpdate !== undefined)
    form["update"] = renderUpdate(tx.update)
  const inner = wrapped(tx)
  if (inner !== undefined) form["tx"] = wrappedClientForm(inner, renderUpdate)
  return sortKeys(form)
}
