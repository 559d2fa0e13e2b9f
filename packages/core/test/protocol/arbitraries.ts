/** Generators of everything that crosses the wire in the protocol's vocabulary. */
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import type { Prefix } from "../../src/encoding/ApiEncoding.js"
import type { Json } from "../../src/encoding/Json.js"
import * as JsonModule from "../../src/encoding/Json.js"
import { infoEvents, onChainInfos } from "../../src/protocol/NodeMessage.js"
import type { InfoEvent, ReplyValue, Report } from "../../src/protocol/NodeMessage.js"
import type { OpenParameters, ReconnectParameters } from "../../src/protocol/OpenParameters.js"
import type { HistoryTag, HistoryType, Request } from "../../src/protocol/Request.js"
import { signTags } from "../../src/protocol/SignTag.js"
import type { SignTag } from "../../src/protocol/SignTag.js"
import { anyUpdate } from "../state/support.js"

const fc = FastCheck

type Arbitrary<A> = FastCheck.Arbitrary<A>
type Of<U, T> = Extract<U, { readonly _tag: T }>

const encoded = <P extends Prefix>(prefix: P, options: FastCheck.IntArrayConstraints) =>
  fc.uint8Array(options).map((bytes) => ApiEncoding.encode(prefix, bytes))

const id32 = { minLength: 32, maxLength: 32 }

export const account = encoded("ak", id32)
export const contract = encoded("ct", id32)
export const channelId = encoded("ch", id32)
const txHash = encoded("th", id32)
const blockHash = fc.oneof(encoded("kh", id32), encoded("mh", id32))
export const fsmId = encoded("ba", id32).map((text) => Redacted.make(text))
const bytes = fc.uint8Array({ maxLength: 50 })
const text = fc.string({ unit: "binary", maxLength: 30 })

/** Also beyond the safe integers. */
export const amount = fc.oneof(fc.bigInt({ min: 0n, max: 100n }), fc.bigInt({ min: 0n, max: 1n << 80n }))
const small = fc.nat()

export const signTag = fc.constantFrom(...(Object.keys(signTags) as ReadonlyArray<SignTag>))

const round = fc.integer({ min: 1, max: 2 ** 40 })

/** Half-signed, co-signed or unsigned off-chain transactions. */
export const signedTx = fc
  .record({
    channelId,
    round,
    stateHash: fc.uint8Array(id32),
    signatures: fc.array(fc.uint8Array({ minLength: 64, maxLength: 64 }), { maxLength: 2 })
  })
  .map(({ signatures, ...body }) =>
    signatures.reduce(
      SignedTx.addSignature,
      SignedTx.unsigned({ _tag: "ChannelOffchainTx", version: 2, ...body })
    )
  )

const oneTag = <T extends string>(tag: T) => ({ _tag: fc.constant(tag) })

const record = <A>(model: { readonly [K in keyof A]: Arbitrary<A[K]> }): Arbitrary<A> =>
  fc.record<A>({ ...model })

/** Some of the members of `optional`, absent ones really absent. */
const withSome = <A extends object, B extends object>(
  base: Arbitrary<A>,
  optional: { readonly [K in keyof B]: Arbitrary<B[K]> }
): Arbitrary<A & Partial<B>> => {
  const members = Object.entries<Arbitrary<unknown>>(optional).map(([key, value]) =>
    fc.option(fc.tuple(fc.constant(key), value), { nil: undefined })
  )
  return fc
    .tuple(base, fc.tuple(...members))
    .map(([a, given]) =>
      Object.assign({ ...a }, Object.fromEntries(given.filter((one) => one !== undefined)) as Partial<B>)
    )
}

const onChain = { fee: amount, gasPrice: amount, nonce: amount }
const meta = fc.array(text, { maxLength: 2 })
const call = { contractId: contract, abiVersion: small, amount, callData: bytes }

const historyTypes = fc.constantFrom<HistoryType>("rpt", "rcv", "snd", "req")
const historyTags = fc.constantFrom<HistoryTag>(
  "info",
  "on_chain_tx",
  "conflict",
  "update",
  "leave",
  "error",
  "debug"
)

/** One generator per kind of request; all that a node takes. */
export const requests: { readonly [T in Request["_tag"]]: Arbitrary<Of<Request, T>> } = {
  Transfer: withSome(record({ ...oneTag("Transfer"), from: account, to: account, amount, meta }), {
    blockHash
  }),
  NewContract: withSome(
    record({
      ...oneTag("NewContract"),
      vmVersion: small,
      abiVersion: small,
      deposit: amount,
      code: bytes,
      callData: bytes,
      meta
    }),
    { blockHash }
  ),
  CallContract: withSome(record({ ...oneTag("CallContract"), ...call, meta }), { blockHash }),
  DryRunContract: withSome(record({ ...oneTag("DryRunContract"), ...call, meta }), { blockHash }),
  GetContractCall: record({
    ...oneTag("GetContractCall"),
    contractId: contract,
    callerId: account,
    round
  }),
  GetContract: record({ ...oneTag("GetContract"), contractId: contract }),
  CleanContractCalls: record(oneTag("CleanContractCalls")),
  ForceProgress: withSome(record({ ...oneTag("ForceProgress"), ...call, gas: amount, gasPrice: amount }), {
    nonce: amount
  }),
  Deposit: withSome(record({ ...oneTag("Deposit"), amount, meta }), { ...onChain, blockHash }),
  Withdraw: withSome(record({ ...oneTag("Withdraw"), amount, meta }), { ...onChain, blockHash }),
  Shutdown: withSome(record(oneTag("Shutdown")), onChain),
  Leave: record(oneTag("Leave")),
  SendMessage: withSome(record({ ...oneTag("SendMessage"), to: account, info: text }), { from: account }),
  Ping: record(oneTag("Ping")),
  Stop: record(oneTag("Stop")),
  AssumeMinimumDepth: record({ ...oneTag("AssumeMinimumDepth"), txHash }),
  GetBalances: record({ ...oneTag("GetBalances"), accounts: fc.array(account, { maxLength: 3 }) }),
  GetPoi: record({
    ...oneTag("GetPoi"),
    accounts: fc.array(account, { maxLength: 2 }),
    contracts: fc.array(contract, { maxLength: 2 })
  }),
  GetOffChainState: record(oneTag("GetOffChainState")),
  FetchHistory: withSome(record({ ...oneTag("FetchHistory"), n: fc.integer() }), {
    types: fc.array(historyTypes),
    tags: fc.array(historyTags)
  }),
  SnapshotSolo: withSome(record(oneTag("SnapshotSolo")), onChain),
  CloseSolo: withSome(record(oneTag("CloseSolo")), onChain),
  Slash: withSome(record(oneTag("Slash")), onChain),
  Settle: withSome(record(oneTag("Settle")), onChain),
  SigningReply: record({ ...oneTag("SigningReply"), tag: signTag, signedTx }),
  SigningError: record({ ...oneTag("SigningError"), tag: signTag, code: fc.integer({ min: 1, max: 65535 }) })
}

export const request: Arbitrary<Request> = fc.oneof(...Object.values<Arbitrary<Request>>(requests))

/** Any JSON, integers of any size and other numbers among it. */
export const json: Arbitrary<Json> = fc.letrec<{ json: Json; object: JsonModule.JsonObject }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    text,
    fc.integer(),
    fc.bigInt({ min: 1n << 60n, max: 1n << 300n }),
    fc.constantFrom("1.0", "1e3", "-0.5").map((lexeme) => new JsonModule.JsonNumber(lexeme)),
    fc.array(tie("json"), { maxLength: 4 }),
    tie("object")
  ),
  object: fc.dictionary(fc.oneof(text, fc.constantFrom("a", "b", "_tag")), tie("json"), {
    maxKeys: 4,
    noNullPrototype: true
  })
})).json

/** What may stand as the id of a request; undefined: none. */
export const requestId: Arbitrary<Json | undefined> = fc.oneof(
  fc.constant(undefined),
  fc.constant(null),
  fc.constant(-576460752303422895n),
  fc.nat(),
  json
)

const txEvents: ReadonlyArray<InfoEvent> = ["min_depth_achieved", "minimum_depth_achieved"]

/** One generator per kind of report. */
export const reports: { readonly [T in Report["_tag"]]: Arbitrary<Of<Report, T>> } = {
  Info: fc.oneof(
    withSome(
      record({
        ...oneTag("Info"),
        event: fc.constantFrom(...infoEvents.filter((event) => !txEvents.includes(event)))
      }),
      { fsmId }
    ),
    withSome(record({ ...oneTag("Info"), event: fc.constantFrom(...txEvents), txHash: text, txType: text }), {
      notice: text
    })
  ),
  OnChainTx: withSome(record({ ...oneTag("OnChainTx"), tx: signedTx }), {
    info: fc.constantFrom(...onChainInfos),
    type: text
  }),
  StateUpdate: record({ ...oneTag("StateUpdate"), state: signedTx }),
  LeaveReport: record({ ...oneTag("LeaveReport"), state: signedTx }),
  Conflict: withSome(record({ ...oneTag("Conflict"), round: small }), {
    errorCode: small,
    errorMessage: text
  }),
  MessageReport: record({ ...oneTag("MessageReport"), from: account, to: account, info: text }),
  ErrorReport: record({ ...oneTag("ErrorReport"), message: text }),
  DebugReport: record({
    ...oneTag("DebugReport"),
    data: fc.dictionary(text, json, { noNullPrototype: true })
  }),
  SignRequest: record({
    ...oneTag("SignRequest"),
    tag: signTag,
    signedTx,
    updates: fc.array(anyUpdate, { maxLength: 2 })
  }),
  UnknownReport: record({
    ...oneTag("UnknownReport"),
    method: fc.constantFrom("channels.sign.nope", "channels.news", "news", ""),
    data: json
  })
}

export const report: Arbitrary<Report> = fc.oneof(...Object.values<Arbitrary<Report>>(reports))

const nonEmpty = { minLength: 1, maxLength: 2 }

/** One generator per kind of reply value. */
export const replyValues: { readonly [T in ReplyValue["_tag"]]: Arbitrary<Of<ReplyValue, T>> } = {
  Ok: record(oneTag("Ok")),
  Pong: record(oneTag("Pong")),
  CallsPruned: record(oneTag("CallsPruned")),
  EmptyList: record(oneTag("EmptyList")),
  Balances: record({
    ...oneTag("Balances"),
    balances: fc.array(record({ account, balance: amount }), nonEmpty)
  }),
  Poi: record({ ...oneTag("Poi"), poi: encoded("pi", { maxLength: 50 }) }),
  OffChainState: record({
    ...oneTag("OffChainState"),
    trees: encoded("ss", { maxLength: 50 }),
    calls: encoded("cs", { maxLength: 50 }),
    signedTx: fc.option(signedTx, { nil: undefined }),
    halfSignedTx: fc.option(signedTx, { nil: undefined })
  }),
  ContractCallResult: record({
    ...oneTag("ContractCallResult"),
    call: record({
      callerId: account,
      callerNonce: amount,
      height: small,
      contractId: contract,
      gasPrice: amount,
      gasUsed: amount,
      log: fc.array(
        record({
          address: contract,
          topics: fc.array(fc.bigInt({ min: 0n, max: (1n << 256n) - 1n }), { maxLength: 4 }),
          data: bytes
        }),
        { maxLength: 2 }
      ),
      returnType: fc.constantFrom("ok" as const, "error" as const, "revert" as const),
      returnValue: bytes
    })
  }),
  Contract: record({ ...oneTag("Contract"), contract: json, store: json }),
  History: record({
    ...oneTag("History"),
    entries: fc.array(
      record({
        type: fc.constantFrom("report" as const, "receive" as const, "send" as const, "request" as const),
        tag: text,
        time: text,
        info: json
      }),
      nonEmpty
    )
  }),
  UnknownValue: record({
    ...oneTag("UnknownValue"),
    value: fc.constantFrom<Json>("no", 1, [1], { a: [null] })
  })
}

export const replyValue: Arbitrary<ReplyValue> = fc.oneof(
  ...Object.values<Arbitrary<ReplyValue>>(replyValues)
)

const integer = fc.integer({ min: 0, max: 2 ** 40 })

const terms = {
  initiatorId: account,
  responderId: account,
  initiatorAmount: amount.map((n) => n + (1n << 81n)),
  responderAmount: amount.map((n) => n + (1n << 81n)),
  pushAmount: amount,
  channelReserve: amount,
  lockPeriod: integer,
  port: fc.integer({ min: 0, max: 65535 })
}

const options = {
  minimumDepth: integer,
  minimumDepthStrategy: fc.constantFrom("txfee" as const, "plain" as const),
  ttl: integer,
  fee: amount,
  gasPrice: amount,
  nonce: amount,
  msgForwarding: fc.boolean(),
  keepRunning: fc.boolean(),
  logKeep: fc.integer(),
  slogan: text.filter((slogan) => !/[\ud800-\udfff]/u.test(slogan)),
  timeouts: fc.record({ idle: integer, sign: integer, awaiting_open: integer }, { requiredKeys: ["idle"] }),
  reports: fc.record({ info: fc.boolean(), on_chain_tx: fc.boolean() }, { requiredKeys: ["info"] }),
  blockHashDelta: record({ notOlderThan: integer, notNewerThan: integer, pick: integer })
}

/** Parameters that a node takes, apart from what the chain says to them. */
export const openParameters: Arbitrary<OpenParameters> = fc.oneof(
  withSome(record({ ...terms, role: fc.constant("responder" as const) }), options),
  withSome(record({ ...terms, role: fc.constant("initiator" as const), host: fc.webAuthority() }), options)
)

export const reconnectParameters: Arbitrary<ReconnectParameters> = fc.oneof(
  record({ role: fc.constant("responder" as const), channelId, fsmId, port: fc.nat({ max: 65535 }) }),
  record({
    role: fc.constant("initiator" as const),
    channelId,
    fsmId,
    port: fc.nat({ max: 65535 }),
    host: fc.webAuthority()
  })
)
