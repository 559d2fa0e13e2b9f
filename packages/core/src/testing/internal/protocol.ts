/** Generators of everything that crosses the wire, in the protocol's vocabulary, and of the terms of a channel. */
import * as FastCheck from "effect/FastCheck"
import type { Json } from "../../encoding/Json.js"
import type { Answer } from "../../protocol/Codec.js"
import * as ErrorCodes from "../../protocol/ErrorCodes.js"
import type { InfoEvent, NodeMessage, Refusal, ReplyValue, Report } from "../../protocol/NodeMessage.js"
import { infoEvents, onChainInfos } from "../../protocol/NodeMessage.js"
import type { ChannelTerms, OpenParameters, ReconnectParameters } from "../../protocol/OpenParameters.js"
import type { HistoryTag, HistoryType, Request } from "../../protocol/Request.js"
import { type SignTag, signTags } from "../../protocol/SignTag.js"
import { offChainTx, signedTx as anySignedTx } from "./chain.js"
import { type Arbitrary, oneOf, oneTag, record, type Table, withSome } from "./combinators.js"
import {
  account,
  amount,
  blockHash,
  bytes,
  channelId,
  contractId,
  encoded,
  fsmId,
  json,
  text,
  txHash
} from "./encodings.js"
import { update } from "./state.js"

const fc = FastCheck

const small = fc.nat()
const round = fc.integer({ min: 1, max: 2 ** 40 })

// What passes most of the time, and everything else.
const signedTx = fc.oneof({ weight: 3, arbitrary: offChainTx }, { weight: 1, arbitrary: anySignedTx })

/** What a node asks signatures for. @since 0.1.0 @category protocol */
export const signTag: Arbitrary<SignTag> = fc.constantFrom(
  ...(Object.keys(signTags) as ReadonlyArray<SignTag>)
)

/** The code of a signing error, 1 to 65535. @since 0.1.0 @category error codes */
export const signingErrorCode: Arbitrary<number> = fc.oneof(
  fc.constantFrom(1, 2, 3, 4, 5, 127, 128, 65_535),
  fc.integer({ min: 1, max: 65_535 })
)

/**
 * A code with which a policy may decline and mean something: 1, 4, or 128 to 65535.
 *
 * @since 0.1.0
 * @category error codes
 */
export const declineCode: Arbitrary<number> = fc.oneof(
  fc.constantFrom(1, 4, 128, 65_535),
  fc.integer({ min: 128, max: 65_535 })
)

/** A refusal of the table of reasons. @since 0.1.0 @category error codes */
export const refusal: Arbitrary<Refusal> = fc.constantFrom(...Object.values<Refusal>(ErrorCodes.reasons))

const onChain = { fee: amount, gasPrice: amount, nonce: amount }
const meta = fc.array(text, { maxLength: 2 })
const call = { contractId, abiVersion: small, amount, callData: bytes }

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

/** One generator for each kind of request; all that a node takes. @since 0.1.0 @category protocol */
export const requests: Table<Request> = {
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
  NewContractFromOnChain: record({
    ...oneTag("NewContractFromOnChain"),
    contractId,
    deposit: amount,
    callData: bytes
  }),
  CallContract: withSome(record({ ...oneTag("CallContract"), ...call, meta }), { blockHash }),
  DryRunContract: withSome(record({ ...oneTag("DryRunContract"), ...call, meta }), { blockHash }),
  GetContractCall: record({ ...oneTag("GetContractCall"), contractId, callerId: account, round }),
  GetContract: record({ ...oneTag("GetContract"), contractId }),
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
    contracts: fc.array(contractId, { maxLength: 2 })
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
  SigningError: record({ ...oneTag("SigningError"), tag: signTag, code: signingErrorCode })
}

/** Any request of the current dialect, which lacks one of the older. @since 0.1.0 @category protocol */
export const request: Arbitrary<Request> = oneOf(requests).filter(
  ({ _tag }) => _tag !== "NewContractFromOnChain"
)

/** What may stand as the id of a request; undefined: none. @since 0.1.0 @category protocol */
export const requestId: Arbitrary<Json | undefined> = fc.oneof(
  fc.constant(undefined),
  fc.constant(null),
  fc.constant(-576460752303422895n),
  fc.nat(),
  json
)

const txEvents: ReadonlyArray<InfoEvent> = ["min_depth_achieved", "minimum_depth_achieved"]

/** One generator for each kind of report. @since 0.1.0 @category protocol */
export const reports: Table<Report> = {
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
    updates: fc.array(update, { maxLength: 2 })
  }),
  UnknownReport: record({
    ...oneTag("UnknownReport"),
    method: fc.constantFrom("channels.sign.nope", "channels.news", "news", ""),
    data: json
  })
}

/** Any report. @since 0.1.0 @category protocol */
export const report: Arbitrary<Report> = oneOf(reports)

const nonEmpty = { minLength: 1, maxLength: 2 }

/** One generator for each kind of reply value. @since 0.1.0 @category protocol */
export const replyValues: Table<ReplyValue> = {
  Ok: record(oneTag("Ok")),
  Pong: record(oneTag("Pong")),
  CallsPruned: record(oneTag("CallsPruned")),
  EmptyList: record(oneTag("EmptyList")),
  Balances: record({
    ...oneTag("Balances"),
    balances: fc.array(record({ account, balance: amount }), nonEmpty)
  }),
  Poi: record({ ...oneTag("Poi"), poi: encoded("pi") }),
  OffChainState: record({
    ...oneTag("OffChainState"),
    trees: encoded("ss"),
    calls: encoded("cs"),
    signedTx: fc.option(signedTx, { nil: undefined }),
    halfSignedTx: fc.option(signedTx, { nil: undefined })
  }),
  ContractCallResult: record({
    ...oneTag("ContractCallResult"),
    call: record({
      callerId: account,
      callerNonce: amount,
      height: small,
      contractId,
      gasPrice: amount,
      gasUsed: amount,
      log: fc.array(
        record({
          address: contractId,
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

/** Any value of a reply. @since 0.1.0 @category protocol */
export const replyValue: Arbitrary<ReplyValue> = oneOf(replyValues)

/** What a node answers to one call: nothing, a value or a refusal. @since 0.1.0 @category protocol */
export const answer: Arbitrary<Answer> = fc.oneof(
  record(oneTag("NoReply")),
  record({ ...oneTag("Value"), value: replyValue }),
  refusal
)

const maybeChannel = fc.option(channelId)
const replyId = requestId.map((id): Json => id ?? null)

/** One generator for each kind of message that a node sends. @since 0.1.0 @category protocol */
export const nodeMessages: Table<NodeMessage> = {
  Reported: record({ ...oneTag("Reported"), channelId: maybeChannel, report }),
  Replied: record({ ...oneTag("Replied"), channelId: maybeChannel, id: replyId, value: replyValue }),
  Refused: fc.tuple(refusal, maybeChannel, replyId, json).map(([{ code, data }, channelId, id, request]) => ({
    _tag: "Refused",
    channelId,
    id,
    code,
    message: ErrorCodes.errorText(code),
    data: data.map((code) => ({ code, message: ErrorCodes.dataText(code) })),
    request
  }))
}

/** Any message that a node sends. @since 0.1.0 @category protocol */
export const nodeMessage: Arbitrary<NodeMessage> = oneOf(nodeMessages)

const integer = fc.integer({ min: 0, max: 2 ** 40 })

const large = amount.map((n) => n + (1n << 91n))

const parameters = {
  initiatorId: account,
  responderId: account,
  initiatorAmount: large,
  responderAmount: large,
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

/** Parameters that a node takes, apart from what the chain says to them. @since 0.1.0 @category openings */
export const openParameters: Arbitrary<OpenParameters> = fc.oneof(
  withSome(record({ ...parameters, role: fc.constant("responder" as const) }), options),
  withSome(
    record({ ...parameters, role: fc.constant("initiator" as const), host: fc.webAuthority() }),
    options
  )
)

/** What brings a client back to its channel. @since 0.1.0 @category openings */
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

/**
 * The amounts of a channel that two parties with `balance` aettos each can open: nobody is below the reserve after the
 * push, and something is left for fees on chain.
 *
 * @since 0.1.0
 * @category openings
 */
export const amounts = (
  balance: bigint
): Arbitrary<Pick<ChannelTerms, "initiatorAmount" | "responderAmount" | "pushAmount" | "channelReserve">> => {
  const fees = 10n ** 16n
  if (balance <= fees)
    throw new RangeError(`opening a channel takes more than ${fees} aettos, not ${balance}`)
  const share = fc.bigInt({ min: 0n, max: balance - fees })
  return fc
    .tuple(share, share)
    .chain(([initiatorAmount, responderAmount]) =>
      record({
        initiatorAmount: fc.constant(initiatorAmount),
        responderAmount: fc.constant(responderAmount),
        pushAmount: fc.bigInt({ min: 0n, max: initiatorAmount }),
        reserveShare: fc.bigInt({ min: 0n, max: 100n })
      })
    )
    .map(({ reserveShare, ...some }) => {
      const left = some.initiatorAmount - some.pushAmount
      const lower = left < some.responderAmount ? left : some.responderAmount
      return { ...some, channelReserve: (lower * reserveShare) / 100n }
    })
}
