/**
 * Judges a journal, entry by entry, by the numbered safety invariants. What a state must be is worked out here once
 * more from the terms and the updates, with additions and subtractions; the library's own idea of it is only compared.
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import type * as Ledger from "../../../src/node/Ledger.js"
import type { FlowError } from "../../../src/client/ChannelEvent.js"
import type { VerificationError } from "../../../src/protocol/Errors.js"
import type { ChannelTerms, Role } from "../../../src/protocol/OpenParameters.js"
import type { ContractCall } from "../../../src/client/ContractCall.js"
import type { OffChainCallContract } from "../../../src/state/Update.js"
import type { ChannelRecord } from "../../../src/services/ChannelStore.js"
import type { Proposal } from "../../../src/services/ProposalPolicy.js"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as Bodies from "./audit/Bodies.js"
import * as Contracts from "./audit/Contracts.js"
import { ChainAudit } from "./audit/Chain.js"
import {
  type Balances,
  type Body,
  bodyOf,
  bytesText,
  count,
  Facts,
  type Invariant,
  type Meaning,
  Session,
  type Violation
} from "./audit/Facts.js"
import * as Frames from "./audit/Frames.js"
import * as Records from "./audit/Records.js"
import { otherRole, roles } from "./Doubles.js"
import type { Entry } from "./Journal.js"

export { bodyOf, type Invariant, type Violation } from "./audit/Facts.js"

const flowErrors: ReadonlySet<string> = new Set([
  "ValidationError",
  "ConflictError",
  "TimeoutError",
  "AbortError",
  "UserDefinedError",
  "RejectedOnChainError",
  "ReservedCodeError",
  "RejectedError",
  "TransportError",
  "VerificationError",
  "StoreError",
  "SignerError",
  "DecodeError"
])

export class Auditor {
  private readonly facts: Facts
  private readonly chain: ChainAudit | undefined

  constructor(terms: ChannelTerms, ledger?: Ledger.Ledger) {
    this.facts = new Facts(terms)
    this.chain = ledger === undefined ? undefined : new ChainAudit(this.facts, ledger)
  }

  get violations(): Array<Violation> {
    return this.facts.violations
  }

  /** Whether a party has given its channel up. */
  get givenUp(): boolean {
    return this.facts.givenUp
  }

  /** Whether there is nothing more to be seen. */
  get isOver(): boolean {
    return this.facts.violations.length > 0 || this.facts.givenUp
  }

  /** How often things happened, so that a run that shows nothing is noticed. */
  get tally(): Map<string, number> {
    return this.facts.tally
  }

  /** Whose session is over. */
  get ended(): ReadonlySet<Role> {
    return this.facts.ended
  }

  get channelId(): ApiEncoding.ChannelId | undefined {
    return this.facts.channelId
  }

  /** The party's record as last written. */
  record(role: Role): ChannelRecord | undefined {
    return this.facts.parties[role].record
  }

  /** The party's records of co-signed states, by round. */
  states(role: Role): ReadonlyMap<number, ChannelRecord> {
    return this.facts.parties[role].states
  }

  /** The round and the body that the party's own node has reported last. */
  reported(role: Role): { readonly round: number; readonly body: Body } | undefined {
    return this.facts.parties[role].reported
  }

  /** Balances of the party's last written state. */
  balances(role: Role): Balances {
    return this.facts.latest(role).balances
  }

  /** Whether anybody took a transaction for deep enough. */
  get hasAssumed(): boolean {
    return roles.some((role) => this.facts.parties[role].assumed.size > 0)
  }

  /** What the party's last written state means. */
  latest(role: Role): Meaning {
    return this.facts.latest(role)
  }

  /** What a state of the party means. */
  meaning(signedTx: SignedTx.SignedTx): Meaning | undefined {
    return this.facts.meanings.get(bodyOf(signedTx))
  }

  /** Somebody forces a call on a state of long ago, past its node. */
  forces(role: Role, signedTx: SignedTx.SignedTx, before: Meaning): void {
    Bodies.learnForced(this.facts, role, signedTx, before)
  }

  /** The party was told what came of a call. */
  called(role: Role, call: ContractCall, signedTx: SignedTx.SignedTx): void {
    const outcome = this.meaning(signedTx)?.outcome
    const where = `${role}, told of a call in round ${call.round}`
    this.check(
      "I6",
      outcome?.contractId === call.contractId &&
        outcome.callerId === call.callerId &&
        outcome.round === call.round,
      () => `${where}: there was none`
    )
    if (outcome !== undefined) this.facts.checkOutcome(where, outcome, call)
  }

  /** The party was told what would come of a call, if nothing has happened since. */
  tried(role: Role, update: OffChainCallContract, call: ContractCall): void {
    const { books, isForced, round } = this.latest(role)
    if (call.round !== round + 1 || isForced === true) return
    const outcome = Contracts.call(books, update, round + 1, this.facts.terms.channelReserve)?.outcome
    const where = `${role}, told of a dry run in round ${call.round}`
    this.check("I6", outcome !== undefined, () => `${where}: it cannot be`)
    if (outcome !== undefined) this.facts.checkOutcome(where, outcome, call)
    this.count("dry runs looked at")
  }

  check(invariant: Invariant, holds: boolean, detail: () => string): void {
    this.facts.check(invariant, holds, detail)
  }

  count(what: string): void {
    this.facts.count(what)
  }

  /** The chain as it is now. */
  look(ledger: Ledger.Ledger): void {
    this.chain?.look(ledger)
  }

  /** Blocks are dropped. */
  forked(): void {
    this.chain?.forked()
  }

  /** Everybody rests. `watches`: whether a party is there and answers older states by itself. */
  rests(now: number, watches: (role: Role) => boolean): void {
    this.chain?.rests(now, watches)
  }

  see(entry: Entry): void {
    const { facts } = this
    switch (entry._tag) {
      case "Frame":
        return Frames.see(facts, entry)
      case "Connected": {
        const session = new Session(entry.role, entry.again)
        const { channelId } = facts
        session.beganClosing = channelId !== undefined && (facts.chain.lockedUntil(channelId) ?? 0) > 0
        session.isOwedWarning = entry.again && facts.isBehind(entry.role)
        facts.sessions.set(entry.session, session)
        facts.ended.delete(entry.role)
        if (entry.again) facts.count("came back")
        return
      }
      case "PolicyAsked":
        return this.policyAsked(entry.role, entry.proposal)
      case "PolicyDecided":
        if (entry.accepted) count(facts.parties[entry.role].accepted, bodyOf(entry.proposal.signedTx))
        return
      case "SignerAsked":
        return Frames.signerAsked(facts, entry.role, entry.details)
      case "SignerSigned":
        count(facts.parties[entry.role].signerSigned, SignedTx.toText(entry.signedTx))
        return
      case "Written":
        return Records.written(facts, entry.role, entry.record)
      case "Called":
        facts.parties[entry.role].called.push(entry.request)
        if (entry.request._tag === "Other" && entry.request.txHash !== undefined)
          facts.parties[entry.role].assumed.add(entry.request.txHash)
        return
      case "Returned":
        return this.returned(entry)
      case "Happened": {
        const { event, role } = entry
        if (event._tag === "CoSigned" || event._tag === "ProgressForced")
          Records.told(facts, role, event.state)
        if (event._tag === "Reconnected" && this.isBaseLost(role)) this.giveUp()
        if (event._tag === "OperationFailed") this.frozen(role, event.error)
        if (event._tag === "Ended" && entry.isCurrent) facts.ended.add(role)
        // Both parties and the node are honest, so that nobody may be taken for a liar.
        if (event._tag === "Undecodable") this.check("I6", false, () => `${role}: ${event.error.message}`)
        if (event._tag === "VerificationFailed") this.doubted(role, event.error)
        return
      }
      case "Disconnected": {
        const session = facts.sessions.get(entry.session)
        if (session !== undefined) session.isOver = true
        facts.count("disconnected")
      }
    }
  }

  private policyAsked(role: Role, proposal: Proposal): void {
    const { facts } = this
    const party = facts.parties[role]
    const body = bodyOf(proposal.signedTx)
    count(party.proposals, body)
    this.check(
      "I6",
      party.asked.has(`${proposal.tag}/${body}`),
      () => `${role}: its policy was shown a transaction that its node has not asked for: ${proposal.tag}`
    )
    Bodies.learn(facts, role, proposal.tag, proposal.signedTx, proposal.updates)
    const meaning = facts.meanings.get(body)
    this.check(
      "I6",
      meaning?.balances[role] === proposal.after.own &&
        meaning.balances[otherRole(role)] === proposal.after.peer,
      () =>
        `${role}: its policy was shown ${proposal.after.own}/${proposal.after.peer}, the transaction leads to ${meaning?.balances[role]}/${meaning?.balances[otherRole(role)]}`
    )
    const { outcome } = meaning ?? {}
    this.check(
      "I6",
      (outcome === undefined) === (proposal.call === undefined),
      () =>
        `${role}: its policy was shown ${proposal.call === undefined ? "nothing" : "something"} of a contract`
    )
    if (outcome !== undefined && proposal.call !== undefined)
      facts.checkOutcome(`${role}'s policy`, outcome, proposal.call)
    const worst = [...party.out.keys()]
      .flatMap((each) => facts.meanings.get(each)?.balances[role] ?? [])
      .reduce((a, b) => (b < a ? b : a), this.balances(role)[role])
    this.check(
      "I4b",
      proposal.worstOwnBalance <= worst,
      () => `${role}: its policy was shown ${proposal.worstOwnBalance} as the worst balance, it is ${worst}`
    )
  }

  /**
   * What an honest peer may be refused for: another body for a round of which this party has completed one, in vain,
   * because its signature crossed the end of the proposal; and a round that depends on a block, where blocks have come or
   * gone since it was made.
   */
  private doubted(role: Role, { expected, field, message, operation }: VerificationError): void {
    const latest = this.latest(role)
    if (operation === "force_progress" && field === "round" && this.isBaseLost(role)) return this.giveUp()
    // What was forced is not on chain any more: a node has nothing to show there.
    if (field === "payload" && latest.isForced === true)
      return this.count("forced states that the chain has lost")
    const { acknowledged, record } = this.facts.parties[role]
    const asked = field === "body" && ApiEncoding.is("th", expected) ? bytesText(expected) : ""
    // Its signature counts from when it was stored, which is before it is on its way.
    const stored = record?.exposure.filter(({ side }) => side === "acknowledger") ?? []
    const known =
      [...acknowledged.values()].includes(asked) || stored.some(({ signedTx }) => bodyOf(signedTx) === asked)
    if (known) this.count("second bodies for a round refused")
    this.check("I6", known, () => `${role}: a lie among honest parties: ${message}`)
  }

  /**
   * Whether the node shows what the peer has forced upon something that it has never shown to this party: a machine that
   * had seen it without a client is no more.
   */
  private isBaseLost(role: Role): boolean {
    const { record, reported, told } = this.facts.parties[role]
    if (record === undefined || reported === undefined || reported.round <= record.round + 1) return false
    if (this.facts.meanings.get(reported.body)?.isForced !== true) return false
    const { states } = this.facts.parties[otherRole(role)]
    for (let round = record.round + 1; round < reported.round; round++) {
      const base = states.get(round)?.coSigned
      if (base !== undefined && base.tx._tag !== "ChannelOffchainTx" && !told.has(bodyOf(base))) return true
    }
    return false
  }

  private frozen(role: Role, error: FlowError): void {
    if (error._tag !== "StoreError" || !error.detail.startsWith("progress was forced on chain up to")) return
    if (this.isBaseLost(role)) this.giveUp()
    else this.check("I12", this.givenUp, () => `${role}: ${error.detail}`)
  }

  /** Such a client does not find the way back: it signs nothing. */
  private giveUp(): void {
    if (!this.givenUp) this.count("given up, forced upon what nobody shows")
    this.facts.givenUp = true
  }

  private returned({ exit, request, role }: Extract<Entry, { readonly _tag: "Returned" }>): void {
    const name =
      "name" in request
        ? request.name
        : request._tag === "Move"
          ? request.operation
          : request._tag.toLowerCase()
    if (Exit.isSuccess(exit)) {
      this.count(`${name} succeeded`)
      if (exit.value !== undefined) Records.told(this.facts, role, exit.value)
      return
    }
    const { cause } = exit
    if (Cause.isInterruptedOnly(cause)) return this.count(`${name} interrupted`)
    const failures = [...Cause.failures(cause)]
    for (const { _tag } of failures) this.count(`${name} failed, ${_tag}`)
    for (const error of failures) this.frozen(role, error)
    this.check(
      "I13",
      failures.length > 0 &&
        [...Cause.defects(cause)].length === 0 &&
        failures.every(({ _tag }) => flowErrors.has(_tag)),
      () => `${role}: ${name} ended untyped: ${Cause.pretty(cause)}`
    )
  }
}
