/**
 * What a transaction leads to: worked out from the party's last state and the updates, with additions and
 * subtractions.
 */
import * as Ids from "../../../../src/chain/Ids.js"
import * as SignedTx from "../../../../src/chain/SignedTx.js"
import * as Transaction from "../../../../src/chain/Transaction.js"
import * as Bytes from "../../../../src/encoding/Bytes.js"
import type { Role } from "../../../../src/protocol/OpenParameters.js"
import type { SignTag } from "../../../../src/protocol/SignTag.js"
import * as Poi from "../../../../src/state/Poi.js"
import * as Trees from "../../../../src/state/Trees.js"
import * as Updates from "../../../../src/state/Update.js"
import type { Update } from "../../../../src/state/Update.js"
import { keyPairs, roles } from "../Doubles.js"
import * as Contracts from "./Contracts.js"
import { type Balances, bodyOf, type Facts, heldByOthers, type Meaning } from "./Facts.js"

const roleOf = (account: string): Role | undefined => roles.find((role) => keyPairs[role].address === account)

/** A transfer of one party to the other; meta data moves nothing. */
const transferred = (
  facts: Facts,
  role: Role,
  before: Balances,
  updates: ReadonlyArray<Update>
): Balances => {
  const { channelReserve, initiatorId, responderId } = facts.terms
  let { initiator, responder } = before
  for (const update of updates) {
    if (update._tag === "OffChainMeta") continue
    const ours =
      update._tag === "OffChainTransfer" &&
      update.amount >= 0n &&
      ((update.from === initiatorId && update.to === responderId) ||
        (update.from === responderId && update.to === initiatorId))
    facts.check("I1", ours, () => `${role} is to sign ${update._tag}, which is no transfer between the two`)
    if (update._tag !== "OffChainTransfer") continue
    const sign = update.from === initiatorId ? -1n : 1n
    initiator += sign * update.amount
    responder -= sign * update.amount
    const left = update.from === initiatorId ? initiator : responder
    facts.check("I1", left >= channelReserve, () => `${role} is to sign a debit that leaves ${left}`)
  }
  return { initiator, responder }
}

type Runs = Extract<Update, { readonly _tag: "OffChainNewContract" | "OffChainCallContract" }>

const isRun = (update: Update | undefined): update is Runs =>
  update?._tag === "OffChainNewContract" || update?._tag === "OffChainCallContract"

/** A round with a contract: that, with meta data, and nothing else. */
const ran = (
  facts: Facts,
  role: Role,
  before: Meaning,
  round: number,
  update: Runs,
  others: ReadonlyArray<Update>
): Contracts.Ran | undefined => {
  const { channelReserve } = facts.terms
  facts.check(
    "I1",
    others.every(({ _tag }) => _tag === "OffChainMeta"),
    () => `${role} is to sign ${update._tag} and other updates`
  )
  const { books } = before
  const result =
    update._tag === "OffChainNewContract"
      ? Contracts.create(books, update, round, channelReserve)
      : Contracts.call(books, update, round, channelReserve)
  facts.check("I1", result !== undefined, () => `${role} is to sign ${update._tag}, which cannot be`)
  if (result !== undefined) facts.count(`to be signed, ${update._tag}, ${result.outcome.ends}`)
  return result
}

/** A call that one party has the chain run on a state. */
export const learnForced = (facts: Facts, role: Role, signedTx: SignedTx.SignedTx, before: Meaning): void => {
  const { tx } = signedTx
  if (tx._tag !== "ChannelForceProgressTx" || facts.meanings.has(bodyOf(signedTx))) return
  const update = Updates.decodeOrThrow(tx.update)
  const where = `${role} is to force`
  facts.check(
    "I6",
    update._tag === "OffChainCallContract" && update.callerId === tx.fromId,
    () => `${where} ${update._tag} of another`
  )
  facts.check("I5", tx.round === before.round + 1, () => `${where} round ${tx.round} after ${before.round}`)
  facts.check(
    "I6",
    Bytes.equals(Trees.stateHash(Trees.decodeOrThrow(tx.offchainTrees)), facts.hashOf(before)),
    () => `${where} a call on another state`
  )
  const result = isRun(update) ? ran(facts, role, before, tx.round, update, []) : undefined
  if (result === undefined) return
  const { books, outcome } = result
  facts.meanings.set(bodyOf(signedTx), {
    round: tx.round,
    balances: facts.balancesIn(books),
    total: before.total,
    books,
    outcome,
    stateHash: tx.stateHash,
    isForced: true
  })
}

type Movement = Transaction.ChannelDepositTx | Transaction.ChannelWithdrawTx

/** I3: a deposit or withdrawal moves its amount, of its account, and says the same in its update. */
const moved = (
  facts: Facts,
  role: Role,
  before: Balances,
  tx: Movement,
  updates: ReadonlyArray<Update>
): Balances => {
  const isDeposit = tx._tag === "ChannelDepositTx"
  const account = isDeposit ? tx.fromId : tx.toId
  const [first, ...others] = updates
  const says =
    (first?._tag === "OffChainDeposit" &&
      isDeposit &&
      first.from === account &&
      first.amount === tx.amount) ||
    (first?._tag === "OffChainWithdrawal" && !isDeposit && first.to === account && first.amount === tx.amount)
  facts.check(
    "I3",
    says && tx.amount > 0n && others.every(({ _tag }) => _tag === "OffChainMeta"),
    () => `${role} is to sign ${Transaction.typeName(tx)} of ${tx.amount} with other updates`
  )
  const whose = roleOf(account)
  facts.check("I3", whose !== undefined, () => `${role} is to sign ${Transaction.typeName(tx)} of ${account}`)
  if (whose === undefined) return before
  const left = before[whose] + (isDeposit ? tx.amount : -tx.amount)
  facts.check(
    "I1",
    left >= facts.terms.channelReserve,
    () => `${role} is to sign ${Transaction.typeName(tx)} that leaves ${left}`
  )
  return { ...before, [whose]: left }
}

type Solo = Extract<Transaction.Transaction, { readonly payload: Uint8Array; readonly fromId: string }>

/** What one party alone puts on chain is its latest state, and nothing else. */
const learnSolo = (facts: Facts, role: Role, tx: Solo): void => {
  const latest = facts.latest(role)
  const coSigned = facts.parties[role].record?.coSigned
  const where = `${role} is to sign ${Transaction.typeName(tx)}`
  facts.check("I6", tx.fromId === keyPairs[role].address, () => `${where} of ${tx.fromId}`)
  facts.check("I6", tx.channelId === facts.channelId, () => `${where} of ${tx.channelId}`)
  if (tx.payload.length > 0) {
    const payload = SignedTx.decodeOrThrow(tx.payload)
    facts.checkCoSigned(where, payload)
    facts.check(
      "I6",
      coSigned !== undefined && bodyOf(payload) === bodyOf(coSigned),
      () => `${where} with another state than its latest`
    )
  }
  if (!("poi" in tx)) return
  const poi = Poi.decodeOrThrow(tx.poi)
  facts.check(
    "I6",
    Bytes.equals(Poi.stateHash(poi), facts.hashOf(latest)),
    () => `${where} with a proof of another state`
  )
  for (const each of roles)
    facts.check(
      "I6",
      Poi.account(poi, keyPairs[each].address)?.balance === latest.balances[each],
      () => `${where} with another balance of the ${each}`
    )
}

/** What a body leads to, worked out from the party's last state and the updates. */
export const learn = (
  facts: Facts,
  role: Role,
  tag: SignTag,
  signedTx: SignedTx.SignedTx,
  updates: ReadonlyArray<Update>
): void => {
  const body = bodyOf(signedTx)
  if (facts.meanings.has(body)) return
  const { tx } = signedTx
  const before = facts.latest(role)
  switch (tx._tag) {
    case "ChannelCreateTx":
      facts.meanings.set(body, facts.beginning)
      facts.channelId = Ids.channelId(tx.initiatorId, tx.nonce, tx.responderId)
      return
    case "ChannelCloseMutualTx": {
      const balances = { initiator: tx.initiatorAmountFinal, responder: tx.responderAmountFinal }
      const { total } = before
      const { books } = before
      facts.meanings.set(body, { round: facts.parties[role].record?.round ?? 0, balances, total, books })
      facts.check(
        "I1",
        // What contracts have stays behind.
        balances.initiator + balances.responder + tx.fee === total - heldByOthers(before) &&
          balances.initiator <= before.balances.initiator &&
          balances.responder <= before.balances.responder,
        () => `${role}: closing pays ${balances.initiator} and ${balances.responder} for a fee of ${tx.fee}`
      )
      return
    }
    case "ChannelSettleTx": {
      const balances = { initiator: tx.initiatorAmountFinal, responder: tx.responderAmountFinal }
      facts.meanings.set(body, { ...before, balances })
      facts.check(
        "I17",
        roles.every((each) => balances[each] === before.balances[each]),
        () => `${role}: settling pays ${balances.initiator} and ${balances.responder}`
      )
      return
    }
    case "ChannelForceProgressTx":
      learnForced(facts, role, signedTx, before)
      return learnSolo(facts, role, tx)
    case "ChannelSnapshotSoloTx":
    case "ChannelCloseSoloTx":
    case "ChannelSlashTx":
      facts.meanings.set(body, before)
      return learnSolo(facts, role, tx)
    case "ChannelDepositTx":
    case "ChannelWithdrawTx":
    case "ChannelOffchainTx": {
      const isOffChain = tx._tag === "ChannelOffchainTx"
      const [update, ...others] = updates
      const result =
        isOffChain && isRun(update) ? ran(facts, role, before, tx.round, update, others) : undefined
      const balances =
        result !== undefined
          ? facts.balancesIn(result.books)
          : isOffChain
            ? transferred(facts, role, before.balances, updates)
            : moved(facts, role, before.balances, tx, updates)
      const change = isOffChain ? 0n : tx._tag === "ChannelDepositTx" ? tx.amount : -tx.amount
      const total = before.total + change
      const meaning: Meaning = {
        round: tx.round,
        balances,
        total,
        books: result?.books ?? facts.withBalances(before.books, balances),
        // How much gas a call takes only the virtual machine can tell: what it led to is looked at in the trees.
        stateHash: result === undefined ? facts.hashWithBalances(role, before, balances) : tx.stateHash,
        ...(result === undefined ? {} : { outcome: result.outcome })
      }
      facts.meanings.set(body, meaning)
      facts.checkBalances(`${role}, round ${tx.round}`, balances, total, heldByOthers(meaning))
      facts.check(
        "I6",
        Bytes.equals(tx.stateHash, facts.hashOf(meaning)),
        () =>
          `${role}, ${tag} of round ${tx.round}: the state hash is not that of ${balances.initiator}/${balances.responder}`
      )
      return
    }
    default:
      facts.check("I6", false, () => `${role} is to sign ${Transaction.typeName(tx)}`)
  }
}
