/**
 * Transactions: one way for all kinds, along the rows of the transaction table.
 *
 * @since 0.1.0
 */
import * as Fee from "@aechannel/core/chain/Fee"
import * as Ids from "@aechannel/core/chain/Ids"
import * as Protocol from "@aechannel/core/chain/Protocol"
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Transaction from "@aechannel/core/chain/Transaction"
import type { CryptoService } from "@aechannel/core/crypto/Crypto"
import * as Hash from "@aechannel/core/crypto/Hash"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import type { AccountAddress, StateHashText } from "@aechannel/core/encoding/ApiEncoding"
import * as Bytes from "@aechannel/core/encoding/Bytes"
import type { DecodeError } from "@aechannel/core/encoding/DecodeError"
import * as Effect from "effect/Effect"
import { noteOfBytes } from "./Binary.js"
import {
  type Explanation,
  type Fact,
  type Value,
  amount,
  count,
  fact,
  facts,
  flag,
  list,
  nested,
  nothing,
  said,
  text,
  unitsOf
} from "./Explanation.js"
import { noteOf, numberOf } from "./Numbers.js"
import { formatAmount, many } from "./Render.js"
import * as Signatures from "./Signatures.js"
import { explainPoi, explainTrees } from "./State.js"
import { updateValue } from "./Updates.js"
import { purposes, signerRules, signersNeeded } from "./Wording.js"

/**
 * What an explanation depends on beside the string.
 *
 * - `networkIds`: those a signature may be for
 * - `candidates`: accounts that may have signed, beside those the transaction names
 * - `outer`: the generalized accounts of the meta transactions around, whether a paying-for transaction is around, and
 *   how deep it is all nested
 *
 * @since 0.1.0
 * @category models
 */
export interface Context {
  readonly crypto: CryptoService
  readonly networkIds: ReadonlyArray<string>
  readonly candidates: ReadonlyArray<AccountAddress>
  readonly outer: {
    readonly gaIds: ReadonlyArray<AccountAddress>
    readonly paidFor: boolean
    readonly depth: number
  }
}

/** Solo transactions hold payloads that hold transactions; nobody needs more layers, and each one costs stack. */
const maximumDepth = 8

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const valueOfField = (tx: Transaction.Transaction, name: string): unknown =>
  (tx as { readonly [name: string]: unknown })[name]

/** A field, and the explanation of what it holds if that is a string with an explanation of its own. */
interface Shown {
  readonly value: Value
  readonly note?: string | undefined
  readonly inside?: Explanation
}

const insideOr = (
  input: string,
  explanation: Effect.Effect<Explanation, DecodeError>
): Effect.Effect<Shown> =>
  explanation.pipe(
    Effect.map((inside): Shown => ({ value: nested(inside), inside })),
    Effect.catchTag("DecodeError", (error) =>
      Effect.succeed<Shown>({ value: text(input), note: `not readable: ${error.message}` })
    )
  )

const showSignedTx = (bytes: Uint8Array, context: Context): Effect.Effect<Shown> => {
  const input = ApiEncoding.encode("tx", bytes)
  return context.outer.depth >= maximumDepth
    ? Effect.succeed({ value: text(input), note: "nested too deeply to be explained: inspect it by itself" })
    : insideOr(input, explainBytes(input, bytes, context))
}

/** How bytes are shown, by the kind of the field; all other kinds by the prefix of their text. */
const byKind: ReadonlyMap<string, (bytes: Uint8Array, context: Context) => Effect.Effect<Shown>> = new Map([
  [
    "payload",
    (bytes: Uint8Array, context: Context) =>
      bytes.length === 0
        ? Effect.succeed<Shown>({ value: nothing("empty: builds on the state the chain has") })
        : // A payload is authenticated by itself, whatever is around the transaction that holds it.
          showSignedTx(bytes, {
            ...context,
            outer: { gaIds: [], paidFor: false, depth: context.outer.depth }
          })
  ],
  ["signed_tx", showSignedTx],
  [
    "update",
    (bytes: Uint8Array, _context: Context) => Effect.map(updateValue(bytes), (value): Shown => ({ value }))
  ]
])

const byPrefix: ReadonlyMap<string, (bytes: Uint8Array, input: string) => Effect.Effect<Shown>> = new Map(
  (
    [
      ["pi", explainPoi],
      ["ss", explainTrees]
    ] as const
  ).map(([prefix, explain]) => [
    prefix,
    (bytes: Uint8Array, input: string) =>
      insideOr(
        input,
        Effect.map(explain(bytes), (content) => ({
          input,
          prefix,
          kind: ApiEncoding.prefixes[prefix].meaning,
          ...content
        }))
      )
  ])
)

const showBytes = (
  field: Transaction.Row["fields"][string] | undefined,
  bytes: Uint8Array,
  context: Context
): Effect.Effect<Shown> => {
  const show = byKind.get(field?.kind ?? "")
  if (show !== undefined) return show(bytes, context)
  const client = field?.toClient(bytes)
  const input = typeof client === "string" ? client : Bytes.toHex(bytes)
  const explain = byPrefix.get(ApiEncoding.prefixOf(input) ?? "")
  if (explain !== undefined && bytes.length > 0) return explain(bytes, input)
  return Effect.succeed({
    value: text(input),
    note: field?.kind === "binary" ? noteOfBytes(bytes) : undefined
  })
}

const showField = (
  row: Transaction.Row,
  tx: Transaction.Transaction,
  name: string,
  context: Context
): Effect.Effect<Shown> => {
  const value = valueOfField(tx, name)
  const key = snakeCase(name)
  if (typeof value === "bigint" || typeof value === "number")
    return Effect.succeed({ value: numberOf(key, value), note: noteOf(key, value) })
  if (value instanceof Uint8Array) return showBytes(row.fields[name], value, context)
  if (Array.isArray(value))
    return Effect.map(
      Effect.forEach(value, (item) =>
        item instanceof Uint8Array ? updateValue(item) : Effect.succeed(text(String(item)))
      ),
      (items) => ({ value: list(items) })
    )
  return Effect.succeed({ value: text(String(value)) })
}

/** The accounts in the fields of a transaction, then those from elsewhere. */
const candidatesOf = (
  row: Transaction.Row,
  tx: Transaction.Transaction,
  context: Context
): ReadonlyArray<Signatures.Candidate> => {
  const candidates = new Map<AccountAddress, Signatures.Candidate>()
  const add = (account: AccountAddress, role: string | undefined) => {
    if (!candidates.has(account)) candidates.set(account, { account, role })
  }
  for (const name of Object.keys(row.fields))
    for (const value of [valueOfField(tx, name)].flat())
      if (ApiEncoding.is("ak", value)) add(value, snakeCase(name))
  for (const account of context.candidates) add(account, undefined)
  return [...candidates.values()]
}

const legalFact = (row: Transaction.Row, tx: Transaction.Transaction): Fact => {
  const legal = Protocol.all.filter((protocol) => Transaction.validAtProtocol(tx, protocol))
  const names = legal.map((protocol) => `${protocol} (${Protocol.name(protocol)})`).join(", ")
  return fact(
    "protocols",
    said(
      list(legal.map((protocol) => count(protocol))),
      legal.length > 0
        ? names
        : row.protocols === "never"
          ? "none: no chain accepts it"
          : "none: what it holds is not legal where it is"
    )
  )
}

/** The protocol whose rules for fees apply: the newest at which the transaction is legal. */
const protocolOf = (tx: Transaction.Transaction): number =>
  Protocol.all.findLast((protocol) => Transaction.validAtProtocol(tx, protocol)) ?? Protocol.latest

const feeFacts = (tx: Transaction.Transaction): ReadonlyArray<Fact> => {
  if (!("fee" in tx) || Transaction.rowOf(tx).protocols === "never") return []
  const protocol = protocolOf(tx)
  const gas = Fee.gas(tx, protocol)
  const at = (gasPrice: bigint) => ({
    minimum: Fee.minimumFee(tx, gasPrice, protocol),
    covered: Transaction.fee(tx) >= gas * gasPrice
  })
  const miners = at(Fee.defaultMinerGasPrice)
  const consensus = at(Fee.consensusGasPrice(protocol))
  const verdict = miners.covered
    ? "the fee covers it"
    : consensus.covered
      ? `the fee is too low for nodes with default settings, though the chain takes it (from ${formatAmount(consensus.minimum)})`
      : "the fee is too low: no chain takes it"
  return [
    fact(
      "minimum_fee",
      said(
        facts([
          fact("gas", amount(gas, "gas")),
          fact("minimum", amount(miners.minimum, "aettos")),
          fact("covered", flag(miners.covered)),
          fact("consensus_minimum", amount(consensus.minimum, "aettos")),
          fact("consensus_covered", flag(consensus.covered))
        ]),
        `${formatAmount(miners.minimum)} for ${gas} gas; ${verdict}`
      )
    )
  ]
}

const signerFacts = (
  row: Transaction.Row,
  signed: SignedTx.SignedTx,
  attributions: ReadonlyArray<Signatures.Attribution>,
  context: Context
): ReadonlyArray<Fact> => {
  const needed = Transaction.signers(signed.tx)
  const done = new Set([
    ...attributions.flatMap(({ signer }) => (signer === undefined ? [] : [signer])),
    ...context.outer.gaIds
  ])
  const missing = needed?.filter((account) => !done.has(account))
  const line =
    missing === undefined || missing.length === 0
      ? signerRules[row.signers]
      : `${signerRules[row.signers]}; missing: ${missing.join(", ")}`
  const accounts = (ids: ReadonlyArray<AccountAddress> | undefined) =>
    ids === undefined ? nothing("the parties of the channel, whom it does not name") : list(ids.map(text))
  return [
    fact(
      "signers",
      said(
        facts([
          fact("rule", text(row.signers)),
          fact("accounts", accounts(needed)),
          fact("missing", accounts(missing))
        ]),
        line
      )
    ),
    fact("signatures", list(attributions.map(({ value }) => value)))
  ]
}

/** Inside meta transactions only a part of the authentications is to be seen, so they are counted outside. */
const authenticationFacts = (signed: SignedTx.SignedTx, context: Context): ReadonlyArray<Fact> => {
  if (context.outer.gaIds.length > 0) return []
  const { gaIds, signatures, total } = SignedTx.authentications(signed)
  const { signers } = Transaction.rowOf(SignedTx.innermost(signed).tx)
  const needed = signersNeeded[signers]
  return [
    fact(
      "authentications",
      said(
        facts([
          fact("generalized_accounts", list(gaIds.map(text))),
          fact("signatures", count(signatures)),
          fact("total", count(total)),
          fact("needed", count(needed))
        ]),
        `${total} (${many(gaIds.length, "generalized account")}, ${many(signatures, "signature")}); ${needed} needed`
      )
    )
  ]
}

const derivedFacts = (signed: SignedTx.SignedTx, context: Context): ReadonlyArray<Fact> => {
  const channelId = Ids.channelIdOf(signed)
  // Inside meta transactions it does not follow from what is seen here; the outermost one has it.
  if (channelId === undefined || context.outer.gaIds.length > 0) return []
  const isDecidedOutside =
    Transaction.nonce(SignedTx.innermost(signed).tx) === 0n && signed.tx._tag !== "GaMetaTx"
  return [
    fact(
      "channel_id",
      isDecidedOutside
        ? nothing("unknown: with nonce 0 it follows from the meta transaction that has to be around this one")
        : text(channelId)
    )
  ]
}

/** Whether everything inside that has a state hash is about the same state. */
const sameStateFacts = (hashes: ReadonlyMap<string, StateHashText>): ReadonlyArray<Fact> => {
  if (hashes.size < 2) return []
  const same = new Set(hashes.values()).size === 1
  return [
    fact(
      "same_state",
      flag(same),
      `the state hashes of ${[...hashes.keys()].map((name) => name.replaceAll("_", " ")).join(" and ")} are ${same ? "equal" : "different"}`
    )
  ]
}

const sentenceOf = (tx: Transaction.Transaction, signed: boolean): string =>
  `${signed ? "signed" : "unsigned"} ${Transaction.typeName(tx)}, version ${tx.version}: ${purposes[tx._tag]}`

const explain = (
  input: string,
  signed: SignedTx.SignedTx,
  isSigned: boolean,
  context: Context
): Effect.Effect<Explanation> =>
  Effect.gen(function* () {
    const { tx } = signed
    const row = Transaction.rowOf(tx)
    const deeper: Context = {
      ...context,
      outer: {
        gaIds: tx._tag === "GaMetaTx" ? [...context.outer.gaIds, tx.gaId] : context.outer.gaIds,
        paidFor: context.outer.paidFor || tx._tag === "PayingForTx",
        depth: context.outer.depth + 1
      }
    }
    const fields: Array<Fact> = []
    const hashes = new Map<string, StateHashText>()
    for (const name of Object.keys(row.fields)) {
      const { inside, note, value } = yield* showField(row, tx, name, deeper)
      fields.push(fact(snakeCase(name), value, note))
      if (inside?.stateHash !== undefined) hashes.set(snakeCase(name), inside.stateHash)
    }
    const attributions = isSigned
      ? Signatures.attribute(signed, {
          candidates: candidatesOf(row, tx, context),
          networkIds: context.networkIds,
          paidFor: context.outer.paidFor,
          crypto: context.crypto
        })
      : []
    const wrapped = SignedTx.innermost(signed).tx
    const size = isSigned ? SignedTx.encode(signed).length : signed.txBytes.length
    return {
      input,
      prefix: "tx",
      kind: ApiEncoding.prefixes.tx.meaning,
      summary: sentenceOf(tx, isSigned),
      stateHash: "stateHash" in wrapped ? ApiEncoding.encode("st", wrapped.stateHash) : undefined,
      facts: [
        { ...fact("type", text(row.clientName)), jsonOnly: true },
        { ...fact("version", count(row.version)), jsonOnly: true },
        { ...fact("signed", flag(isSigned)), jsonOnly: true },
        fact("hash", isSigned ? text(SignedTx.hash(signed)) : nothing("none before it is signed")),
        fact("inner_hash", text(Bytes.toHex(Hash.blake2b256(signed.txBytes)))),
        fact(
          "size",
          count(size, "bytes"),
          isSigned ? `${signed.txBytes.length} without signatures` : undefined
        ),
        { ...fact("unsigned_size", count(signed.txBytes.length)), jsonOnly: true },
        legalFact(row, tx),
        ...derivedFacts(signed, context),
        fact("fields", facts(fields)),
        unitsOf(fields),
        ...sameStateFacts(hashes),
        ...feeFacts(tx),
        ...signerFacts(row, signed, attributions, context),
        ...(isSigned ? authenticationFacts(signed, context) : [])
      ]
    }
  })

/**
 * Explains the bytes of a transaction, signed or not.
 *
 * @since 0.1.0
 * @category explanations
 */
export const explainBytes = (
  input: string,
  bytes: Uint8Array,
  context: Context
): Effect.Effect<Explanation, DecodeError> =>
  SignedTx.decode(bytes).pipe(
    Effect.flatMap((signed) => explain(input, signed, true, context)),
    Effect.catchIf(
      ({ reason, where }) => where.length === 0 && reason === "not_a_signed_tx",
      () =>
        Effect.flatMap(Transaction.decode(bytes), (tx) =>
          explain(input, SignedTx.unsigned(tx), false, context)
        )
    )
  )
