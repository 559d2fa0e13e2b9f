/**
 * What must hold before we sign, and before we believe that something is co-signed. Every function checks field by
 * field and stops at the first that is wrong.
 *
 * @internal
 */
import * as Fee from "../../chain/Fee.js"
import * as Ids from "../../chain/Ids.js"
import * as SignedTx from "../../chain/SignedTx.js"
import * as Transaction from "../../chain/Transaction.js"
import type { CryptoService } from "../../crypto/Crypto.js"
import type { AccountAddress, ChannelId } from "../../encoding/ApiEncoding.js"
import * as Bytes from "../../encoding/Bytes.js"
import { VerificationError } from "../../protocol/Errors.js"
import type { SignRequest } from "../../protocol/NodeMessage.js"
import type { OnChainOptions, Transfer } from "../../protocol/Request.js"
import { signTagRow } from "../../protocol/SignTag.js"
import type { Exposure } from "../../services/ChannelStore.js"
import * as Apply from "../../state/Apply.js"
import * as Trees from "../../state/Trees.js"
import * as Update from "../../state/Update.js"
import type { Balances, CoSignedState } from "../ChannelEvent.js"
import type { ClientConfig } from "./model.js"

/** What the checks look at. */
export interface Context {
  readonly config: ClientConfig
  readonly crypto: CryptoService
  readonly operation: string
  readonly channelId: ChannelId | null
}

/** What a verified transaction leads to. */
export interface Verified {
  readonly channelId: ChannelId
  readonly round: number
  readonly after: Balances
}

/** One check: the field's name, whether it holds, and both values in words. */
type Check = readonly [field: string, holds: boolean, expected: string, actual: string]

const same = (field: string, expected: bigint | number | string, actual: bigint | number | string): Check => [
  field,
  expected === actual,
  String(expected),
  String(actual)
]

const hex = (bytes: Uint8Array): string => Bytes.toHex(bytes)

const sameBytes = (field: string, expected: Uint8Array, actual: Uint8Array): Check => [
  field,
  Bytes.equals(expected, actual),
  hex(expected),
  hex(actual)
]

/** The error of a field. */
export const wrong = (context: Context, field: string, expected: string, actual: string): VerificationError =>
  new VerificationError({
    operation: context.operation,
    field,
    expected,
    actual,
    channelId: context.channelId
  })

const firstWrong = (context: Context, checks: Iterable<Check>): VerificationError | undefined => {
  for (const [field, holds, expected, actual] of checks) {
    if (!holds) return wrong(context, field, expected, actual)
  }
  return undefined
}

/** The parties' balances in trees; who is not there has nothing. */
export const balancesOf = (config: ClientConfig, trees: Trees.Trees): Balances => ({
  initiator: Trees.balance(trees, config.terms.initiatorId) ?? 0n,
  responder: Trees.balance(trees, config.terms.responderId) ?? 0n
})

/** The first state's trees; empty for terms that no state can have, which the node refuses. */
export const initialTrees = ({ terms }: ClientConfig): Trees.Trees =>
  terms.initiatorAmount < terms.pushAmount || terms.responderAmount + terms.pushAmount < 0n
    ? Trees.empty
    : Trees.initial(terms)

const typeCheck = (request: SignRequest): Check =>
  same("type", signTagRow(request.tag).transaction, Transaction.typeName(request.signedTx.tx))

const versionCheck = ({ config }: Context, tx: Transaction.Transaction): Check => [
  "version",
  Transaction.validAtProtocol(tx, config.protocol),
  `one that is legal at protocol ${config.protocol}`,
  `${tx.version}`
]

const verifyOptions = ({ config, crypto }: Context): SignedTx.VerifyOptions => ({
  networkId: config.networkId,
  crypto,
  protocol: config.protocol
})

/** The starter signs first, the acknowledger finds exactly the other's signature. */
function* signatureChecks(context: Context, request: SignRequest, other: AccountAddress): Generator<Check> {
  const acknowledger = signTagRow(request.tag).side === "acknowledger"
  yield same("signatures", acknowledger ? 1 : 0, request.signedTx.signatures.length)
  if (acknowledger)
    yield [
      "signature",
      SignedTx.isSignedBy(request.signedTx, other, verifyOptions(context)),
      `a signature of ${other} for network ${context.config.networkId}`,
      "another"
    ]
}

/** Limits of what an on-chain transaction may cost; `options` are what we asked for ourselves. */
function* feeChecks(
  { config }: Context,
  tx: Transaction.ChannelCreateTx | Transaction.ChannelCloseMutualTx,
  options: OnChainOptions
): Generator<Check> {
  const lowest = Fee.minimumFee(tx, Fee.consensusGasPrice(config.protocol), config.protocol)
  yield ["fee", tx.fee >= lowest, `at least ${lowest}`, `${tx.fee}`]
  const { fee, gasPrice } = options
  if (fee !== undefined && gasPrice === undefined) {
    yield same("fee", fee, tx.fee)
    return
  }
  const usual = 100n * Fee.minimumFee(tx, Fee.defaultMinerGasPrice, config.protocol)
  const byPrice = gasPrice === undefined ? usual : Fee.minimumFee(tx, gasPrice, config.protocol)
  const highest =
    gasPrice === undefined ? (config.maximumFee ?? usual) : fee !== undefined && fee > byPrice ? fee : byPrice
  yield ["fee", tx.fee <= highest, `at most ${highest}`, `${tx.fee}`]
}

/** No account counts further than 32 bytes, and channel ids are made of so many. */
const isNonce = (nonce: bigint): boolean => nonce > 0n && nonce < 1n << 256n

function* createChecks(
  context: Context,
  request: SignRequest,
  tx: Transaction.ChannelCreateTx
): Generator<Check> {
  const { config } = context
  const { parameters, terms } = config
  yield versionCheck(context, tx)
  yield same("initiatorId", terms.initiatorId, tx.initiatorId)
  yield same("responderId", terms.responderId, tx.responderId)
  yield same("initiatorAmount", terms.initiatorAmount, tx.initiatorAmount)
  yield same("responderAmount", terms.responderAmount, tx.responderAmount)
  yield same("channelReserve", terms.channelReserve, tx.channelReserve)
  yield same("lockPeriod", terms.lockPeriod, tx.lockPeriod)
  const delegates =
    tx.version === 1 ? tx.delegateIds : [...tx.initiatorDelegateIds, ...tx.responderDelegateIds]
  yield ["delegateIds", delegates.length === 0, "none", delegates.join(", ")]
  yield ttlCheck(context, tx.ttl)
  yield config.role === "initiator" && parameters.nonce !== undefined
    ? same("nonce", parameters.nonce, tx.nonce)
    : ["nonce", isNonce(tx.nonce), "at least 1, in 32 bytes", `${tx.nonce}`]
  yield* feeChecks(context, tx, config.role === "initiator" ? parameters : {})
  yield sameBytes("stateHash", Trees.stateHash(initialTrees(config)), tx.stateHash)
  const id = Ids.channelId(tx.initiatorId, tx.nonce, tx.responderId)
  yield same("channelId", id, context.channelId ?? id)
  yield same("updates", 0, request.updates.length)
  yield* signatureChecks(context, request, config.peer)
}

/** Some nodes put the default `ttl` of the open parameters into the transaction, others none. */
const ttlCheck = ({ config }: Context, ttl: number): Check => [
  "ttl",
  ttl === 0 || ttl === config.parameters.ttl,
  config.parameters.ttl === undefined ? "0" : `0 or ${config.parameters.ttl}`,
  `${ttl}`
]

/** The create transaction has every term of our own open parameters. */
export const verifyCreate = (context: Context, request: SignRequest): Verified | VerificationError => {
  const { tx } = request.signedTx
  if (tx._tag !== "ChannelCreateTx") return failed(context, typeCheck(request))
  const error = firstWrong(context, createChecks(context, request, tx))
  return (
    error ?? {
      channelId: Ids.channelId(tx.initiatorId, tx.nonce, tx.responderId),
      round: 1,
      after: balancesOf(context.config, initialTrees(context.config))
    }
  )
}

const failed = (context: Context, [field, , expected, actual]: Check): VerificationError =>
  wrong(context, field, expected, actual)

const updateInWords = (update: Update.Update): string =>
  update._tag === "OffChainMeta" ? `OffChainMeta ${update.data}` : update._tag

/** Our own request, word for word. */
function* requestedUpdates(updates: ReadonlyArray<Update.Update>, request: Transfer): Generator<Check> {
  const [transfer, ...metas] = updates
  yield same("updates", request.meta.length + 1, updates.length)
  if (transfer?._tag !== "OffChainTransfer") {
    yield same("updates", "OffChainTransfer", transfer?._tag ?? "nothing")
    return
  }
  yield same("from", request.from, transfer.from)
  yield same("to", request.to, transfer.to)
  yield same("amount", request.amount, transfer.amount)
  for (const [index, meta] of metas.entries())
    yield same("meta", `OffChainMeta ${request.meta[index]}`, updateInWords(meta))
}

/** What a peer may propose: one transfer, then texts. Anything else would change what the channel holds. */
function* proposedUpdates(updates: ReadonlyArray<Update.Update>): Generator<Check> {
  const [transfer, ...metas] = updates
  yield same("updates", "OffChainTransfer", transfer?._tag ?? "nothing")
  for (const meta of metas) yield same("updates", "OffChainMeta", meta._tag)
}

function* updateChecks(
  context: Context,
  latest: CoSignedState,
  request: SignRequest,
  tx: Transaction.ChannelOffchainTx,
  asked: Transfer | undefined
): Generator<Check> {
  yield versionCheck(context, tx)
  yield same("channelId", latest.channelId, tx.channelId)
  yield same("round", latest.round + 1, tx.round)
  yield* asked === undefined ? proposedUpdates(request.updates) : requestedUpdates(request.updates, asked)
  if (tx.version === 1) {
    const inside = tx.updates.map(hex).join(", ")
    yield same("updates", request.updates.map((update) => hex(Update.encode(update))).join(", "), inside)
  }
}

/** The next off-chain state follows from ours by the updates, which are the asked ones. */
export const verifyUpdate = (
  context: Context,
  latest: CoSignedState,
  request: SignRequest,
  asked: Transfer | undefined,
  exposure: ReadonlyArray<Exposure>
): Verified | VerificationError => {
  const { config } = context
  const { tx } = request.signedTx
  if (tx._tag !== "ChannelOffchainTx") return failed(context, typeCheck(request))
  const early = firstWrong(context, updateChecks(context, latest, request, tx, asked))
  if (early !== undefined) return early
  const trees = nextTrees(config, latest.trees, request.updates, tx.round)
  if (trees instanceof Apply.UpdateError)
    return wrong(context, "updates", "updates that can be applied", trees.reason)
  const error =
    firstWrong(context, lateUpdateChecks(context, request, tx, trees)) ??
    secondBody(context, request, tx.round, exposure)
  return error ?? { channelId: latest.channelId, round: tx.round, after: balancesOf(config, trees) }
}

function* lateUpdateChecks(
  context: Context,
  request: SignRequest,
  tx: Transaction.ChannelOffchainTx,
  trees: Trees.Trees
): Generator<Check> {
  yield sameBytes("stateHash", Trees.stateHash(trees), tx.stateHash)
  yield* signatureChecks(context, request, context.config.peer)
}

/**
 * Two bodies of one round with both signatures would be two truths. The peer may well be honest: our signature for the
 * first may have crossed the end of its proposal.
 */
const secondBody = (
  context: Context,
  request: SignRequest,
  round: number,
  exposure: ReadonlyArray<Exposure>
): VerificationError | undefined => {
  if (signTagRow(request.tag).side !== "acknowledger") return undefined
  const first = exposure.find((each) => each.side === "acknowledger" && each.round === round)
  const actual = SignedTx.bodyHash(request.signedTx)
  if (first === undefined || first.txHash === actual) return undefined
  return new VerificationError({
    operation: context.operation,
    field: "body",
    expected: first.txHash,
    actual,
    channelId: context.channelId,
    advice: `Another transaction for round ${round} has both signatures already, though its proposal ended before ours arrived. Let the peer propose that one again, or propose something yourself.`
  })
}

/** The trees of a round, or why the updates do not lead there. */
export const nextTrees = (
  { terms }: ClientConfig,
  trees: Trees.Trees,
  updates: ReadonlyArray<Update.Update>,
  round: number
): Trees.Trees | Apply.UpdateError =>
  Apply.applyUpdates(trees, updates, {
    round,
    channelReserve: terms.channelReserve,
    participants: [terms.initiatorId, terms.responderId]
  })

function* closeChecks(
  context: Context,
  latest: CoSignedState,
  request: SignRequest,
  tx: Transaction.ChannelCloseMutualTx,
  asked: OnChainOptions | undefined
): Generator<Check> {
  const { config } = context
  yield versionCheck(context, tx)
  yield same("channelId", latest.channelId, tx.channelId)
  yield same("fromId", asked === undefined ? config.peer : config.own, tx.fromId)
  yield ttlCheck(context, tx.ttl)
  yield asked?.nonce === undefined
    ? ["nonce", tx.nonce > 0n, "at least 1", `${tx.nonce}`]
    : same("nonce", asked.nonce, tx.nonce)
  yield* feeChecks(context, tx, asked ?? {})
  const split = Fee.closeMutualSplit({
    initiatorBalance: latest.balances.initiator,
    responderBalance: latest.balances.responder,
    fee: tx.fee
  })
  if (split instanceof Fee.InsufficientBalance) {
    yield ["fee", false, `at most ${split.balance}`, `${tx.fee}`]
    return
  }
  yield same("initiatorAmountFinal", split.initiatorAmountFinal, tx.initiatorAmountFinal)
  yield same("responderAmountFinal", split.responderAmountFinal, tx.responderAmountFinal)
  yield same("updates", 0, request.updates.length)
  yield* signatureChecks(context, request, config.peer)
}

/** The closing transaction pays out the latest balances less the fee; `asked` when the closing is ours. */
export const verifyClose = (
  context: Context,
  latest: CoSignedState,
  request: SignRequest,
  asked: OnChainOptions | undefined
): Verified | VerificationError => {
  const { tx } = request.signedTx
  if (tx._tag !== "ChannelCloseMutualTx") return failed(context, typeCheck(request))
  const error = firstWrong(context, closeChecks(context, latest, request, tx, asked))
  return (
    error ?? {
      channelId: latest.channelId,
      round: latest.round,
      after: { initiator: tx.initiatorAmountFinal, responder: tx.responderAmountFinal }
    }
  )
}

/**
 * Whether the transaction has exactly the signatures of both parties. What we have sent ourselves (`sent`: ours, and
 * the peer's if it came first) was verified then.
 */
export const isCoSigned = (
  context: Context,
  signedTx: SignedTx.SignedTx,
  sent?: SignedTx.SignedTx
): boolean => {
  const { own, peer } = context.config
  const options = verifyOptions(context)
  const missing = sent?.signatures.length === 1 ? [peer] : []
  if (sent !== undefined && SignedTx.verifyBeyond(sent, signedTx, missing, options) === "ok") return true
  // Ours may be there in the other mode.
  return SignedTx.verify(signedTx, [own, peer], options) === "ok"
}

/** Whether the signer did what it was asked: the same bytes, the given signatures, ours, and at most the peer's. */
export const isSignedAsAsked = (
  context: Context,
  asked: SignedTx.SignedTx,
  signed: SignedTx.SignedTx
): boolean => {
  const { own, peer } = context.config
  const further = signed.signatures.length - asked.signatures.length === 1 ? [own] : [own, peer]
  return SignedTx.verifyBeyond(asked, signed, further, verifyOptions(context)) === "ok"
}

function* coSignedChecks(
  context: Context,
  signedTx: SignedTx.SignedTx,
  expected: { readonly round: number; readonly stateHash: Uint8Array } | undefined
): Generator<Check> {
  const { tx } = signedTx
  if (tx._tag === "ChannelCreateTx") {
    yield ["nonce", isNonce(tx.nonce), "at least 1, in 32 bytes", `${tx.nonce}`]
    yield same(
      "channelId",
      context.channelId ?? "none yet",
      Ids.channelId(tx.initiatorId, tx.nonce, tx.responderId)
    )
    if (expected === undefined) return
    yield same("round", expected.round, 1)
    yield sameBytes("stateHash", expected.stateHash, tx.stateHash)
  } else if (tx._tag === "ChannelOffchainTx") {
    yield same("channelId", context.channelId ?? "none yet", tx.channelId)
    if (expected === undefined) return
    yield same("round", expected.round, tx.round)
    yield sameBytes("stateHash", expected.stateHash, tx.stateHash)
  } else yield same("type", "channel_offchain_tx", Transaction.typeName(tx))
}

/**
 * What is wrong with a reported state that is none we have signed: the first field that differs from `expected` (the
 * state that our signature is out for, if there is one), or that it was never signed by us.
 */
export const explainUnknownState = (
  context: Context,
  signedTx: SignedTx.SignedTx,
  expected: { readonly round: number; readonly stateHash: Uint8Array } | undefined
): VerificationError =>
  firstWrong(context, coSignedChecks(context, signedTx, expected)) ??
  wrong(context, "body", "a transaction that we have signed", SignedTx.bodyHash(signedTx))

/** The round of a state's transaction; a create transaction's is 1. */
export const roundOf = (tx: Transaction.Transaction): number | undefined =>
  tx._tag === "ChannelCreateTx" ? 1 : "round" in tx ? tx.round : undefined
