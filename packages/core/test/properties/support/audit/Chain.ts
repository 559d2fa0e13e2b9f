/**
 * The chain: where the coins are, who has to answer an older state and whether it does, and what is paid out. Balances
 * are worked out once more from the transactions.
 */
import * as SignedTx from "../../../../src/chain/SignedTx.js"
import * as Transaction from "../../../../src/chain/Transaction.js"
import type { ChannelId } from "../../../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../../../src/encoding/Bytes.js"
import * as Ledger from "../../../../src/node/Ledger.js"
import * as Trees from "../../../../src/state/Trees.js"
import type { Role } from "../../../../src/protocol/OpenParameters.js"
import { keyPairs, roles } from "../Doubles.js"
import { type Balances, type Facts } from "./Facts.js"

/** How long a client may take from the report of an older state to its own transaction, in milliseconds. */
const reaction = 50

/** Who has to slash: since when it is there, and the chain's tip when it had time enough. */
interface Duty {
  readonly closing: string
  readonly since: number
  readonly tip: string | undefined
}

/** What a transaction in a block does to what a party has on chain. */
const effectOf = (ledger: Ledger.Ledger, signedTx: SignedTx.SignedTx, role: Role): bigint => {
  const { tx } = SignedTx.innermost(signedTx)
  const { address } = keyPairs[role]
  const pays = (account: string): bigint => (account === address ? Transaction.fee(tx) : 0n)
  switch (tx._tag) {
    case "ChannelCreateTx":
      return -(role === "initiator" ? tx.initiatorAmount : tx.responderAmount) - pays(tx.initiatorId)
    case "ChannelDepositTx":
      return (tx.fromId === address ? -tx.amount : 0n) - pays(tx.fromId)
    case "ChannelWithdrawTx":
      return (tx.toId === address ? tx.amount : 0n) - pays(tx.toId)
    case "ChannelCloseMutualTx":
      return role === "initiator" ? tx.initiatorAmountFinal : tx.responderAmountFinal
    case "ChannelSettleTx":
      return (role === "initiator" ? tx.initiatorAmountFinal : tx.responderAmountFinal) - pays(tx.fromId)
    case "ChannelSnapshotSoloTx":
    case "ChannelCloseSoloTx":
    case "ChannelSlashTx":
      return -pays(tx.fromId)
    case "ChannelForceProgressTx": {
      if (tx.fromId !== address) return 0n
      const call = Ledger.contractCall(ledger, SignedTx.hash(signedTx))
      if (call === undefined) throw new Error("a forced call has left nothing on chain")
      return -(tx.fee + call.gasUsed * call.gasPrice)
    }
    default:
      throw new Error(`${tx._tag} has no business here`)
  }
}

/** The round of the newest state with both signatures that has come on chain. */
const coSignedOnChain = (ledger: Ledger.Ledger, id: ChannelId): number => {
  const rounds = Ledger.channelTransactions(ledger, id).flatMap(({ signedTx }): ReadonlyArray<number> => {
    const { tx } = SignedTx.innermost(signedTx)
    if (tx._tag === "ChannelDepositTx" || tx._tag === "ChannelWithdrawTx") return [tx.round]
    const isSolo =
      tx._tag === "ChannelSnapshotSoloTx" || tx._tag === "ChannelCloseSoloTx" || tx._tag === "ChannelSlashTx"
    if (!isSolo || tx.payload.length === 0) return []
    const payload = SignedTx.decodeOrThrow(tx.payload).tx
    return payload._tag === "ChannelOffchainTx" ? [payload.round] : []
  })
  return rounds.at(-1) ?? 1
}

/** The round of the state with both signatures that what is on chain was forced upon, if it was, and shows that. */
export const forcedUpon = (ledger: Ledger.Ledger, id: ChannelId): number => {
  let state: { readonly round: number; readonly stateHash: Uint8Array } | undefined = Ledger.channel(
    ledger,
    id
  )
  for (const { signedTx } of Ledger.channelTransactions(ledger, id).toReversed()) {
    const { tx } = SignedTx.innermost(signedTx)
    if (tx._tag !== "ChannelForceProgressTx" || tx.round !== state?.round) continue
    if (!Bytes.equals(tx.stateHash, state.stateHash)) continue
    if (tx.payload.length > 0) return tx.round - 1
    state = { round: tx.round - 1, stateHash: Trees.stateHash(Trees.decodeOrThrow(tx.offchainTrees)) }
  }
  return 0
}

/**
 * The round that a state with both signatures must be above to be newer than what is on chain: any of the same rounds
 * takes the place of forced ones, but not what those were forced upon.
 */
const beatenBy = (ledger: Ledger.Ledger, id: ChannelId): number | undefined => {
  const channel = Ledger.channel(ledger, id)
  if (channel === undefined || channel.soloRound === 0) return channel?.round
  // What was forced may be long ago.
  return Math.max(coSignedOnChain(ledger, id), forcedUpon(ledger, id), channel.soloRound - 1)
}

const wealth = (ledger: Ledger.Ledger): bigint => {
  const inAccounts = Ledger.accounts(ledger).reduce((sum, [, { balance }]) => sum + balance, 0n)
  const inChannels = Ledger.channels(ledger).reduce((sum, [, { channelAmount }]) => sum + channelAmount, 0n)
  return inAccounts + inChannels + Ledger.collectedFees(ledger)
}

export class ChainAudit {
  private ledger: Ledger.Ledger
  private readonly begun: { readonly wealth: bigint; readonly balances: Balances }
  private readonly duties = new Map<Role, Duty>()
  private seen = 0
  /** Up to which height the channel was locked when it was seen last. */
  private lockedUntil = 0
  /** The round on chain that was seen last. */
  private round = 0

  constructor(
    private readonly facts: Facts,
    ledger: Ledger.Ledger
  ) {
    this.ledger = ledger
    this.begun = {
      wealth: wealth(ledger),
      balances: {
        initiator: Ledger.balance(ledger, keyPairs.initiator.address),
        responder: Ledger.balance(ledger, keyPairs.responder.address)
      }
    }
    facts.chain = {
      depthOf: (txHash) => {
        const found = Ledger.transaction(this.ledger, txHash)
        return found?.blockHash === undefined ? undefined : this.ledger.top.height - found.height
      },
      lockedUntil: (id) => Ledger.channel(this.ledger, id)?.lockedUntil,
      round: (id) => beatenBy(this.ledger, id)
    }
  }

  /** The chain is another one, or still the same. */
  look(ledger: Ledger.Ledger): void {
    if (ledger === this.ledger) return
    this.ledger = ledger
    const { facts } = this
    const { channelId } = facts
    if (channelId === undefined) return
    const all = wealth(ledger)
    facts.check(
      "I17",
      all === this.begun.wealth,
      () => `the chain holds ${all} coins, not ${this.begun.wealth}`
    )
    const transactions = Ledger.channelTransactions(ledger, channelId)
    const channel = Ledger.channel(ledger, channelId)
    facts.check(
      "I16",
      channel === undefined || channel.round >= this.round,
      () => `round ${this.round} was on chain, and now it is round ${channel?.round}`
    )
    // A state with both signatures takes the place of what was forced, even in many rounds.
    this.round =
      channel === undefined ? this.round : channel.soloRound > 0 ? channel.soloRound : channel.round
    this.lockedUntil = channel?.lockedUntil ?? this.lockedUntil
    if (transactions.length === this.seen) return
    this.tallyNew(transactions)
    for (const role of roles) {
      const expected = transactions.reduce(
        (sum, { signedTx }) => sum + effectOf(ledger, signedTx, role),
        this.begun.balances[role]
      )
      const actual = Ledger.balance(ledger, keyPairs[role].address)
      facts.check(
        "I17",
        actual === expected,
        () => `the ${role} has ${actual} on chain, its transactions lead to ${expected}`
      )
    }
    const newest = transactions.at(-1)
    const last = newest === undefined ? undefined : SignedTx.innermost(newest.signedTx).tx
    if (last?._tag === "ChannelForceProgressTx" && channel !== undefined && channel.lockedUntil > 0) {
      const counts = channel.round === last.round && Bytes.equals(channel.stateHash, last.stateHash)
      const until = (newest?.height ?? 0) + channel.lockPeriod
      facts.check(
        "I16",
        !counts || channel.lockedUntil === until,
        () =>
          `forced while the channel is being closed, and it is locked until ${channel.lockedUntil}, not ${until}`
      )
    }
    if (last?._tag === "ChannelSettleTx") this.settled(last, newest?.height ?? 0)
  }

  private tallyNew(transactions: ReadonlyArray<Ledger.MinedTransaction>): void {
    for (const { signedTx } of transactions.slice(this.seen))
      this.facts.count(`on chain, ${Transaction.typeName(SignedTx.innermost(signedTx).tx)}`)
    this.seen = transactions.length
  }

  /**
   * I17: the channel was paid out. Who was there and had a newer state has put that on chain before (I16); an older one
   * is paid only where nobody could.
   */
  private settled(tx: Transaction.ChannelSettleTx, height: number): void {
    const { facts } = this
    facts.check(
      "I16",
      height >= this.lockedUntil,
      () => `paid out at height ${height}, and the channel was locked until ${this.lockedUntil}`
    )
    const paid = { initiator: tx.initiatorAmountFinal, responder: tx.responderAmountFinal }
    for (const role of roles) {
      const { balances, round } = facts.latest(role)
      if (roles.every((each) => balances[each] === paid[each]))
        facts.count("settled with a party's latest state")
      else {
        facts.count("settled with an older state, nobody was there")
        facts.check(
          "I17",
          this.duties.get(role)?.tip === undefined,
          () =>
            `the ${role} was there with round ${round}, and ${paid.initiator}/${paid.responder} was paid out, not ${balances.initiator}/${balances.responder}`
        )
      }
    }
  }

  /** Blocks are dropped: who had to answer has to do it anew. */
  forked(): void {
    this.duties.clear()
    this.round = 0
  }

  /**
   * I16, at moments when everybody rests. `watches`: whether a party is there and its client answers older states by
   * itself.
   */
  rests(now: number, watches: (role: Role) => boolean): void {
    const { channelId } = this.facts
    for (const role of roles) {
      const duty = channelId === undefined ? undefined : this.dutyOf(role, channelId)
      if (duty === undefined || !watches(role)) {
        this.duties.delete(role)
        continue
      }
      const before = this.duties.get(role)
      const tip = this.ledger.tip.hash
      if (before === undefined || before.closing !== duty) {
        this.facts.count("older states seen closing")
        this.duties.set(role, { closing: duty, since: now, tip: undefined })
      } else if (before.tip === undefined) {
        if (now - before.since >= reaction) this.duties.set(role, { ...before, tip })
      } else
        this.facts.check(
          "I16",
          tip === before.tip,
          () =>
            `the ${role} has seen the channel being closed with an older state (${duty}) than its round ${this.facts.latest(role).round}, and a block has come without an answer`
        )
    }
  }

  /** What closes the channel, if it is older than the party's latest state, which is not on chain by itself. */
  private dutyOf(role: Role, channelId: ChannelId): string | undefined {
    const channel = Ledger.channel(this.ledger, channelId)
    if (channel === undefined || channel.lockedUntil < this.ledger.top.height) return undefined
    return this.facts.isBehind(role) ? `round ${channel.round} until ${channel.lockedUntil}` : undefined
  }
}
