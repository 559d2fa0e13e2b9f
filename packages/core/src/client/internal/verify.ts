/**
 * What must hold before we sign what changes the state or closes the channel together. Every function checks field by
 * field and stops at the first that is wrong.
 *
 * @internal
 */
import * as Fee from "../../chain/Fee.js"
import * as ContractObject from "../../chain/ContractObject.js"
import * as Ids from "../../chain/Ids.js"
import * as SignedTx from "../../chain/SignedTx.js"
import type * as Transaction from "../../chain/Transaction.js"
import type { AccountAddress, ChannelId } from "../../encoding/ApiEncoding.js"
import type { Environment } from "../../fate/Environment.js"
import { VerificationError } from "../../protocol/Errors.js"
import type { SignRequest } from "../../protocol/NodeMessage.js"
import type { OnChainOptions } from "../../protocol/Request.js"
import { type SignTag, signTagRow } from "../../protocol/SignTag.js"
import type { Exposure } from "../../services/ChannelStore.js"
import * as Apply from "../../state/Apply.js"
import * as Trees from "../../state/Trees.js"
import * as Update from "../../state/Update.js"
import type { CoSignedState } from "../ChannelEvent.js"
import {
  balancesOf,
  bodyOf,
  callChecks,
  type Check,
  type Context,
  feeChecks,
  firstWrong,
  hex,
  isByGeneralized,
  nonceCheck,
  onChainChecks,
  optionsOf,
  outcome,
  same,
  sameBytes,
  ttlCheck,
  typeCheck,
  type Verified,
  versionCheck,
  wrong,
  wrongType
} from "./checks.js"
import { signatureChecks } from "./coSigned.js"
import { callIn, contractsFor, nextTrees, runsCode, unexecutedBy, type Verdict } from "./execution.js"
import type { ClientConfig, Locks, OperationRequest } from "./model.js"
import { verifyForced } from "./verifyForced.js"
import { verifyCloseSolo, verifySettle, verifySlash, verifySnapshot } from "./verifySolo.js"

/** What an open channel is compared with. */
export interface Known {
  readonly latest: CoSignedState
  /** What both signed before the latest state, where that was forced. */
  readonly ground: CoSignedState | undefined
  readonly exposure: ReadonlyArray<Exposure>
  /** In which contracts run. */
  readonly environment: Environment
}

/** The first state's trees; empty for terms that no state can have, which the node refuses. */
export const initialTrees = ({ terms }: ClientConfig): Trees.Trees =>
  terms.initiatorAmount < terms.pushAmount || terms.responderAmount + terms.pushAmount < 0n
    ? Trees.empty
    : Trees.initial(terms)

/** Nobody has said anything about depth. */
export const unlocked: Locks = { own: false, peer: false }

// Opening.

/**
 * The channel that a create transaction opens. As long as a generalized initiator has not authenticated it nobody knows
 * that; then it is one that no channel has.
 */
const createdId = ({ signedTx }: SignRequest, tx: Transaction.ChannelCreateTx): ChannelId =>
  Ids.channelIdOf(signedTx) ?? Ids.channelId(tx.initiatorId, tx.nonce, tx.responderId)

function* createChecks(
  context: Context,
  request: SignRequest,
  tx: Transaction.ChannelCreateTx
): Generator<Check> {
  const { config } = context
  const { parameters, terms } = config
  const asked: OnChainOptions = config.role === "initiator" ? parameters : {}
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
  yield nonceCheck(tx.nonce, asked.nonce, isByGeneralized(context, request, tx.initiatorId))
  yield* feeChecks(context, tx, asked)
  yield sameBytes("stateHash", Trees.stateHash(initialTrees(config)), tx.stateHash)
  const id = createdId(request, tx)
  yield same("channelId", id, context.channelId ?? id)
  yield same("updates", 0, request.updates.length)
  yield* signatureChecks(context, request)
}

/** The create transaction has every term of our own open parameters. */
export const verifyCreate = (context: Context, request: SignRequest): Verified | VerificationError => {
  const tx = bodyOf(request)
  if (tx._tag !== "ChannelCreateTx") return wrongType(context, request)
  const error = firstWrong(context, createChecks(context, request, tx))
  return (
    error ?? {
      channelId: createdId(request, tx),
      round: 1,
      after: balancesOf(context.config, initialTrees(context.config))
    }
  )
}

// New states: transfers, contracts, deposits, withdrawals.

const updateInWords = (update: Update.Update): string =>
  update._tag === "OffChainMeta" ? `OffChainMeta ${update.data}` : update._tag

/** What we have asked for, field by field. */
function* mainUpdateChecks(
  context: Context,
  update: Update.Update | undefined,
  asked: OperationRequest
): Generator<Check> {
  const other = same("updates", mainOf[asked._tag] ?? asked._tag, update?._tag ?? "nothing")
  if (asked._tag === "Transfer" && update?._tag === "OffChainTransfer") {
    yield same("from", asked.from, update.from)
    yield same("to", asked.to, update.to)
    yield same("amount", asked.amount, update.amount)
  } else if (asked._tag === "Deposit" && update?._tag === "OffChainDeposit") {
    yield same("from", context.config.own, update.from)
    yield same("amount", asked.amount, update.amount)
  } else if (asked._tag === "Withdraw" && update?._tag === "OffChainWithdrawal") {
    yield same("to", context.config.own, update.to)
    yield same("amount", asked.amount, update.amount)
  } else if (asked._tag === "NewContract" && update?._tag === "OffChainNewContract") {
    yield same("owner", context.config.own, update.owner)
    yield same("ctVersion", ContractObject.packVersions(asked), update.ctVersion)
    yield same("deposit", asked.deposit, update.deposit)
    yield sameBytes("code", asked.code, update.code)
    yield sameBytes("callData", asked.callData, update.callData)
  } else if (asked._tag === "CallContract" && update?._tag === "OffChainCallContract") {
    yield* callChecks(context, update, asked, gasOffChain)
  } else yield other
}

/** What every call gets off chain, where nobody pays for it: units of gas, and the price that contracts see. */
const gasOffChain = { gas: 1_000_000n, gasPrice: 1n }

const mainOf: { readonly [T in OperationRequest["_tag"]]?: Update.Update["_tag"] } = {
  Transfer: "OffChainTransfer",
  NewContract: "OffChainNewContract",
  CallContract: "OffChainCallContract",
  Deposit: "OffChainDeposit",
  Withdraw: "OffChainWithdrawal"
}

/** Our own request, word for word. */
function* requestedUpdates(
  context: Context,
  [update, ...metas]: ReadonlyArray<Update.Update>,
  asked: OperationRequest
): Generator<Check> {
  const texts = "meta" in asked ? asked.meta : []
  yield same("updates", texts.length + 1, metas.length + (update === undefined ? 0 : 1))
  yield* mainUpdateChecks(context, update, asked)
  for (const [index, meta] of metas.entries())
    yield same("meta", `OffChainMeta ${texts[index]}`, updateInWords(meta))
}

/**
 * What a peer may propose: one transfer, a contract or a call of its own, or its own coins in or out, as the
 * transaction's kind says; then texts. Anything else would change what the channel holds, or take coins that are not the
 * peer's.
 */
function* proposedUpdates(
  { config: { peer } }: Context,
  [update, ...metas]: ReadonlyArray<Update.Update>,
  main: Update.Update["_tag"]
): Generator<Check> {
  const isOwnCode = main === "OffChainTransfer" && update !== undefined && runsCode(update)
  if (!isOwnCode) yield same("updates", main, update?._tag ?? "nothing")
  if (update?._tag === "OffChainNewContract") yield same("owner", peer, update.owner)
  if (update?._tag === "OffChainCallContract") {
    yield same("callerId", peer, update.callerId)
    // No node gives it more, and whoever checks it should not have to compute for longer.
    const { gas } = gasOffChain
    yield ["gas", update.gas <= gas, `at most ${gas}`, `${update.gas}`]
  }
  if (update?._tag === "OffChainDeposit") yield same("from", peer, update.from)
  if (update?._tag === "OffChainWithdrawal") yield same("to", peer, update.to)
  for (const meta of metas) yield same("updates", "OffChainMeta", meta._tag)
}

/** Transactions that commit to the next state. */
type StateTx = Transaction.ChannelOffchainTx | Transaction.ChannelDepositTx | Transaction.ChannelWithdrawTx

/** Who moves the coins on chain, and by which update off chain. */
interface Movement {
  readonly main: Update.Update["_tag"]
  readonly party: readonly [field: string, AccountAddress] | undefined
  readonly amount: bigint | undefined
}

const movementOf = (tx: StateTx): Movement => {
  switch (tx._tag) {
    case "ChannelOffchainTx":
      return { main: "OffChainTransfer", party: undefined, amount: undefined }
    case "ChannelDepositTx":
      return { main: "OffChainDeposit", party: ["fromId", tx.fromId], amount: tx.amount }
    case "ChannelWithdrawTx":
      return { main: "OffChainWithdrawal", party: ["toId", tx.toId], amount: tx.amount }
  }
}

const isStateTx = (tx: Transaction.Transaction): tx is StateTx =>
  tx._tag === "ChannelOffchainTx" || tx._tag === "ChannelDepositTx" || tx._tag === "ChannelWithdrawTx"

function* stateChecks(
  context: Context,
  latest: CoSignedState,
  request: SignRequest,
  tx: StateTx,
  asked: OperationRequest | undefined
): Generator<Check> {
  const { own, peer } = context.config
  const { updates } = request
  const { main, party, amount } = movementOf(tx)
  yield same("channelId", latest.channelId, tx.channelId)
  yield same("round", latest.round + 1, tx.round)
  yield* asked === undefined
    ? proposedUpdates(context, updates, main)
    : requestedUpdates(context, updates, asked)
  if (tx._tag === "ChannelOffchainTx") {
    yield versionCheck(context, tx)
    if (tx.version === 1) {
      const inside = tx.updates.map(hex).join(", ")
      yield same("updates", updates.map((update) => hex(Update.encode(update))).join(", "), inside)
    }
    return
  }
  const options = asked === undefined ? undefined : optionsOf(asked)
  if (party !== undefined) yield same(party[0], asked === undefined ? peer : own, party[1])
  const [moved] = updates
  // What moves on chain is what moves off chain, to the aetto.
  if (amount !== undefined && moved !== undefined && "amount" in moved)
    yield same("amount", moved.amount, amount)
  yield* onChainChecks(context, tx, options, request)
  yield* feeChecks(context, tx, options)
}

/** The next state follows from ours by the updates, which are the asked ones. */
const verifyState = (
  context: Context,
  { latest, environment, exposure }: Known,
  request: SignRequest,
  asked: OperationRequest | undefined
): Verdict => {
  const { config, crypto } = context
  const { updates } = request
  const tx = bodyOf(request)
  const [, isRightType] = typeCheck(request)
  if (!isRightType || !isStateTx(tx)) return wrongType(context, request)
  const early = firstWrong(context, stateChecks(context, latest, request, tx, asked))
  if (early !== undefined) return early
  const contracts = contractsFor(updates, environment, crypto)
  const trees = nextTrees(config, latest.trees, updates, tx.round, contracts)
  if (trees instanceof Apply.UpdateError)
    return (
      secondSignature(context, request, tx.round, exposure, unexecutedBy(trees)) ??
      wrong(context, "updates", "updates that can be applied", trees.reason)
    )
  const error =
    firstWrong(context, lateStateChecks(context, request, tx, trees)) ??
    secondBody(context, request, tx.round, exposure)
  if (error !== undefined) return error
  const { channelId } = latest
  const verified: Verified = { channelId, round: tx.round, after: balancesOf(config, trees) }
  if (contracts === undefined) return verified
  const call = callIn(trees, updates, tx.round)
  return { ...verified, trees, ...(call === undefined ? {} : { call }) }
}

/** What cannot be computed is looked at as far as that goes. */
const secondSignature = (
  context: Context,
  request: SignRequest,
  round: number,
  exposure: ReadonlyArray<Exposure>,
  unexecuted: Verdict | undefined
): Verdict | undefined =>
  unexecuted === undefined
    ? undefined
    : (firstWrong(context, signatureChecks(context, request)) ??
      secondBody(context, request, round, exposure) ??
      unexecuted)

function* lateStateChecks(
  context: Context,
  request: SignRequest,
  tx: StateTx,
  trees: Trees.Trees
): Generator<Check> {
  yield sameBytes("stateHash", Trees.stateHash(trees), tx.stateHash)
  yield* signatureChecks(context, request)
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

// Closing together.

function* closeChecks(
  context: Context,
  latest: CoSignedState,
  request: SignRequest,
  tx: Transaction.ChannelCloseMutualTx,
  asked: OperationRequest | undefined
): Generator<Check> {
  const { config } = context
  // Both pay for it.
  const options = optionsOf(asked)
  yield same("channelId", latest.channelId, tx.channelId)
  yield same("fromId", asked === undefined ? config.peer : config.own, tx.fromId)
  yield* onChainChecks(context, tx, options, request)
  yield* feeChecks(context, tx, options)
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
  yield* signatureChecks(context, request)
}

/** The closing transaction pays out the latest balances less the fee; `asked` when the closing is ours. */
const verifyClose = (
  context: Context,
  { latest }: Known,
  request: SignRequest,
  asked: OperationRequest | undefined
): Verified | VerificationError => {
  const tx = bodyOf(request)
  if (tx._tag !== "ChannelCloseMutualTx") return wrongType(context, request)
  return outcome(context, closeChecks(context, latest, request, tx, asked), {
    channelId: latest.channelId,
    round: latest.round,
    after: { initiator: tx.initiatorAmountFinal, responder: tx.responderAmountFinal }
  })
}

/** Checks a signing request in an open channel; `asked` is our own request, if it is ours. */
export type Verifier = (
  context: Context,
  known: Known,
  request: SignRequest,
  asked: OperationRequest | undefined
) => Verdict

/** The verification of every signature in an open channel; a tag that is missing here is not signed for. */
export const verifiers: { readonly [T in SignTag]?: Verifier } = {
  update: verifyState,
  update_ack: verifyState,
  deposit_tx: verifyState,
  deposit_ack: verifyState,
  withdraw_tx: verifyState,
  withdraw_ack: verifyState,
  shutdown_sign: verifyClose,
  shutdown_sign_ack: verifyClose,
  snapshot_solo_tx: verifySnapshot,
  close_solo_sign: verifyCloseSolo,
  slash_tx: verifySlash,
  settle_sign: verifySettle,
  force_progress_tx: verifyForced
}
