/** Strings to inspect: from the known answers of core, and one transaction for each row of the transaction table. */
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Transaction from "@aechannel/core/chain/Transaction"
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import type { AccountAddress } from "@aechannel/core/encoding/ApiEncoding"
import * as Bytes from "@aechannel/core/encoding/Bytes"
import type { DecodeError } from "@aechannel/core/encoding/DecodeError"
import * as Json from "@aechannel/core/encoding/Json"
import * as Update from "@aechannel/core/state/Update"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import { Effect, Either } from "effect"
import { readFileSync } from "node:fs"
import { explainAll } from "../src/inspect/Explain.js"
import { type Explanation, toJson } from "../src/inspect/Explanation.js"
import { render } from "../src/inspect/Render.js"

const read = (path: string) => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"))

/** Known answers of core; the caller knows their shape. */
// oxlint-disable-next-line typescript/no-explicit-any
export const known = (name: string): any => read(`../../core/test/fixtures/${name}.json`)

/** A round of a channel with a contract, in which a call failed. */
export const contractRound: Record<
  "code" | "callData" | "stateHash" | "stateTrees" | "calls" | "poi",
  string
> & { readonly balances: Record<string, string> } = read("fixtures/contract-round.json")

export const crypto = NativeCrypto.make()

const keys = new Map(
  (known("ed25519").keys as ReadonlyArray<{ readonly name: string; readonly seed: string }>).map((key) => [
    key.name,
    KeyPair.fromSeed(crypto, Bytes.fromHex(key.seed))
  ])
)

const keyNamed = (name: string): KeyPair.KeyPair => {
  const key = keys.get(name)
  if (key === undefined) throw new Error(`no key named ${name}`)
  return key
}

export const alice = keyNamed("alice")
export const bob = keyNamed("bob")

export interface Options {
  readonly networkIds?: ReadonlyArray<string>
  readonly signers?: ReadonlyArray<AccountAddress>
}

export const explain = (
  inputs: ReadonlyArray<string>,
  options: Options = {}
): ReadonlyArray<Either.Either<Explanation, DecodeError>> =>
  Effect.runSync(explainAll(inputs, { crypto, networkIds: [], signers: [], ...options }))

export const explained = (input: string, options?: Options): Explanation => {
  const [result] = explain([input], options)
  if (result === undefined) throw new Error("nothing came back")
  return Either.getOrThrow(result)
}

export const textOf = (input: string, options?: Options): string => render(explained(input, options))

export const jsonOf = (input: string, options?: Options): Json.JsonObject => toJson(explained(input, options))

/** A part of JSON by its path. */
export const at = (
  json: Json.Json | undefined,
  ...path: ReadonlyArray<string | number>
): Json.Json | undefined =>
  path.reduce<Json.Json | undefined>(
    (part, step) =>
      typeof step === "number" ? (Json.isArray(part) ? part[step] : undefined) : Json.field(part, step),
    json
  )

const channelId = ApiEncoding.parseOrThrow("ch", known("tx").channelId)
const contractId = ApiEncoding.encode("ct", new Uint8Array(32).fill(7))
const networkId = "ae_dev"
const contractFields = {
  ctVersion: 8 * 65_536 + 3,
  fee: 200_000_000_000_000n,
  ttl: 1_000,
  gas: 1_000_000n,
  gasPrice: 1_000_000_000n,
  callData: Uint8Array.of(0x2b, 0x11, 0x44, 0xd6, 0x44, 0x1f, 0x3f)
}

const sign = (tx: Transaction.Transaction, ...by: ReadonlyArray<KeyPair.KeyPair>): SignedTx.SignedTx =>
  by.reduce((signed, keyPair) => SignedTx.sign(signed, keyPair, { networkId, crypto }), SignedTx.unsigned(tx))

const spend: Transaction.SpendTx = {
  _tag: "SpendTx",
  version: 1,
  senderId: alice.address,
  recipientId: bob.address,
  amount: 10n ** 18n,
  fee: 17_000_000_000_000n,
  ttl: 0,
  nonce: 9_007_199_254_740_993n,
  payload: Bytes.utf8("for the coffee ☕")
}

const offchain = (round: number): Transaction.ChannelOffchainTx => ({
  _tag: "ChannelOffchainTx",
  version: 2,
  channelId,
  round,
  stateHash: new Uint8Array(32).fill(3)
})

const meta = {
  gaId: alice.address,
  authData: Bytes.utf8("auth"),
  abiVersion: 3,
  fee: 100_000_000_000_000n,
  gas: 5_000n,
  gasPrice: 1_000_000_000n
}

/** What the known answers of channel transactions do not have, with fixed values. */
const others: ReadonlyArray<Transaction.Transaction> = [
  spend,
  {
    _tag: "ContractCreateTx",
    version: 1,
    ownerId: alice.address,
    nonce: 3n,
    code: ApiEncoding.decodeOrThrow("cb", contractRound.code),
    deposit: 0n,
    amount: 5n,
    ...contractFields
  },
  {
    _tag: "ContractCallTx",
    version: 1,
    callerId: alice.address,
    nonce: 4n,
    contractId,
    abiVersion: 3,
    fee: contractFields.fee,
    ttl: 0,
    amount: 0n,
    gas: contractFields.gas,
    gasPrice: contractFields.gasPrice,
    callData: contractFields.callData
  },
  {
    _tag: "GaAttachTx",
    version: 1,
    ownerId: alice.address,
    nonce: 1n,
    code: ApiEncoding.decodeOrThrow("cb", contractRound.code),
    authFun: new Uint8Array(32).fill(5),
    ...contractFields
  },
  { _tag: "GaMetaTx", version: 1, ...meta, ttl: 0, tx: SignedTx.encode(sign(offchain(2), bob)) },
  { _tag: "GaMetaTx", version: 2, ...meta, tx: SignedTx.encode(sign(offchain(2), bob)) },
  {
    _tag: "PayingForTx",
    version: 1,
    payerId: bob.address,
    nonce: 2n,
    fee: 4_000_000_000_000n,
    tx: SignedTx.encode(SignedTx.sign(SignedTx.unsigned(spend), alice, { networkId, crypto, innerTx: true }))
  },
  {
    _tag: "ChannelClientReconnectTx",
    version: 1,
    channelId,
    round: 4,
    role: Bytes.utf8("initiator"),
    pubKey: alice.address
  },
  { _tag: "GaMetaAuthData", version: 1, fee: 5n, gasPrice: 6n, txHash: new Uint8Array(32).fill(8) }
]

interface KnownTransaction {
  readonly type: string
  readonly version: number
  readonly unsignedTx: string
  readonly signatures: Record<string, { readonly signedTx: string; readonly signedTxRawMode: string }>
}

/** Channel transactions with signatures of their signers, in both modes, for three networks. */
export const knownTransactions: ReadonlyArray<KnownTransaction> = known("tx").transactions

export interface Sample {
  readonly row: Transaction.Row
  readonly name: string
  readonly signed: string
  readonly bare: string
}

const signersOf = (row: Transaction.Row): ReadonlyArray<KeyPair.KeyPair> =>
  row.signers === "nobody"
    ? []
    : row.signers === "origin"
      ? [row.name === "PayingForTx" ? bob : alice]
      : [alice, bob]

/** One transaction for each row of the table, or several; fails where a row has none. */
export const samples: ReadonlyArray<Sample> = Transaction.rows.flatMap(
  (row: Transaction.Row): Array<Sample> => {
    const name = `${row.typeName} version ${row.version}`
    const fromKnown = knownTransactions.filter(
      ({ type, version }) => type === row.typeName && version === row.version
    )
    const other = others.filter(({ _tag, version }) => _tag === row.name && version === row.version)
    if (fromKnown.length + other.length === 0) throw new Error(`there is no sample of ${name}`)
    return [
      ...fromKnown.map(({ signatures, unsignedTx }, index) => ({
        row,
        name: index === 0 ? name : `${name}, ${index + 1}`,
        signed: signatures[networkId]?.signedTx ?? "",
        bare: unsignedTx
      })),
      ...other.map((tx) => ({
        row,
        name,
        signed: SignedTx.toText(sign(tx, ...signersOf(row))),
        bare: ApiEncoding.encode("tx", Transaction.encode(tx))
      }))
    ]
  }
)

/** One string of each prefix; those that hold objects hold proper ones. */
export const onePerPrefix: ReadonlyMap<ApiEncoding.Prefix, string> = new Map<ApiEncoding.Prefix, string>([
  ...(
    known("encoding").good as ReadonlyArray<{ readonly prefix: ApiEncoding.Prefix; readonly string: string }>
  )
    .toReversed()
    .map(({ prefix, string }): [ApiEncoding.Prefix, string] => [prefix, string]),
  ["tx", SignedTx.toText(sign(offchain(7), alice, bob))],
  ["ss", contractRound.stateTrees],
  ["cs", contractRound.calls],
  ["pi", contractRound.poi],
  ["cb", contractRound.code],
  ["ba", ApiEncoding.encode("ba", Update.encode({ _tag: "OffChainMeta", data: "invoice 17" }))]
])
