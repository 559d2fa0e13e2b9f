/**
 * Judges a journal, entry by entry, by the numbered safety invariants. What a state must be is worked out here once
 * more from the terms and the updates, with additions and subtractions; the library's own idea of it is only compared.
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Ids from "../../../src/chain/Ids.js"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as Transaction from "../../../src/chain/Transaction.js"
import type { CoSignedState } from "../../../src/client/ChannelEvent.js"
import * as Hash from "../../../src/crypto/Hash.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../../src/encoding/Bytes.js"
import * as Json from "../../../src/encoding/Json.js"
import type { VerificationError } from "../../../src/protocol/Errors.js"
import type { ChannelTerms, Role } from "../../../src/protocol/OpenParameters.js"
import { type SignTag, signTags } from "../../../src/protocol/SignTag.js"
import type { ChannelRecord } from "../../../src/services/ChannelStore.js"
import type { SigningDetails } from "../../../src/services/Signer.js"
import * as Trees from "../../../src/state/Trees.js"
import type { Update } from "../../../src/state/Update.js"
import { networkId } from "../../support/NodeUnderTest.js"
import * as TestCrypto from "../../support/TestCrypto.js"
import { keyPairs, otherRole, roles } from "./Doubles.js"
import type { Entry, Request } from "./Journal.js"

export type Invariant = "I1" | "I2" | "I4a" | "I4b" | "I5" | "I6" | "I8" | "I9" | "I12" | "I13" | "I20"

export interface Violation {
  readonly invariant: Invariant
  readonly detail: string
}

export type Balances = Readonly<Record<Role, bigint>>

/** A transaction's body, by the hash of its bytes. */
type Body = string

/** What a body leads to. */
interface Meaning {
  readonly round: number
  readonly balances: Balances
}

/** What is known of one party. */
class Ledger {
  record: ChannelRecord | undefined
  /** Round and body of the latest state that the node has reported. */
  reported: { readonly round: number; readonly body: Body } | undefined
  readonly asked = new Set<string>()
  readonly proposals = new Map<Body, number>()
  readonly accepted = new Map<Body, number>()
  readonly shown = new Map<Body, SigningDetails>()
  readonly signerAsked = new Map<string, number>()
  readonly signerSigned = new Map<string, number>()
  readonly given = new Map<string, number>()
  readonly acknowledged = new Map<number, Body>()
  /** What left with a signature and is not overtaken by a higher round; a closing transaction never is. */
  readonly out = new Map<Body, SignedTx.SignedTx>()
  readonly called: Array<Request> = []
  readonly intents = new Set<Body>()
  readonly kept = new Set<string>()
  readonly coSigned = new Set<Body>()
}

const count = <K>(map: Map<K, number>, key: K): number => {
  const next = (map.get(key) ?? 0) + 1
  map.set(key, next)
  return next
}

export const bodyOf = ({ txBytes }: SignedTx.SignedTx): Body => Bytes.toHex(Hash.blake2b256(txBytes))

const bytesText = (txHash: ApiEncoding.TxHash): Body => Bytes.toHex(ApiEncoding.bytesOf(txHash))

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

const isTag = (name: string): name is SignTag => name in signTags

const text = (json: Json.Json | undefined, ...path: ReadonlyArray<string>): string | undefined => {
  const value = path.reduce<Json.Json | undefined>((here, key) => Json.field(here ?? null, key), json)
  return typeof value === "string" && value !== "" ? value : undefined
}

export class Auditor {
  readonly violations: Array<Violation> = []
  /** How often things happened, so that a run that shows nothing is noticed. */
  readonly tally = new Map<string, number>()
  /** Whose session is over. */
  readonly ended = new Set<Role>()
  private readonly parties: Readonly<Record<Role, Ledger>> = {
    initiator: new Ledger(),
    responder: new Ledger()
  }
  private readonly meanings = new Map<Body, Meaning>()
  private readonly hashes = new Map<string, Uint8Array>()
  private readonly transactions = new Map<string, SignedTx.SignedTx>()
  private readonly verified = new Set<string>()
  private channelId: ApiEncoding.ChannelId | undefined

  constructor(private readonly terms: ChannelTerms) {}

  /** The party's record as last written. */
  record(role: Role): ChannelRecord | undefined {
    return this.parties[role].record
  }

  /** The round and the body that the party's own node has reported last. */
  reported(role: Role): { readonly round: number; readonly body: Body } | undefined {
    return this.parties[role].reported
  }

  /** Balances of the party's last written state. */
  balances(role: Role): Balances {
    const coSigned = this.parties[role].record?.coSigned
    return (
      (coSigned === undefined ? undefined : this.meanings.get(bodyOf(coSigned))?.balances) ?? this.initial
    )
  }

  see(entry: Entry): void {
    switch (entry._tag) {
      case "Frame":
        return entry.direction === "in"
          ? this.nodeSaid(entry.role, entry.text)
          : this.clientSaid(entry.role, entry.text)
      case "PolicyAsked": {
        const { proposal, role } = entry
        const party = this.parties[role]
        const body = bodyOf(proposal.signedTx)
        count(party.proposals, body)
        this.check(
          "I6",
          party.asked.has(`${proposal.tag}/${body}`),
          () => `${role}: its policy was shown a transaction that its node has not asked for: ${proposal.tag}`
        )
        this.learn(role, proposal.tag, proposal.signedTx, proposal.updates)
        const meaning = this.meanings.get(body)
        this.check(
          "I6",
          meaning?.balances[role] === proposal.after.own &&
            meaning.balances[otherRole(role)] === proposal.after.peer,
          () =>
            `${role}: its policy was shown ${proposal.after.own}/${proposal.after.peer}, the transaction leads to ${meaning?.balances[role]}/${meaning?.balances[otherRole(role)]}`
        )
        const worst = [...party.out.keys()]
          .flatMap((each) => this.meanings.get(each)?.balances[role] ?? [])
          .reduce((a, b) => (b < a ? b : a), this.balances(role)[role])
        this.check(
          "I4b",
          proposal.worstOwnBalance <= worst,
          () =>
            `${role}: its policy was shown ${proposal.worstOwnBalance} as the worst balance, it is ${worst}`
        )
        return
      }
      case "PolicyDecided":
        if (entry.accepted) count(this.parties[entry.role].accepted, bodyOf(entry.proposal.signedTx))
        return
      case "SignerAsked":
        return this.signerAsked(entry.role, entry.details)
      case "SignerSigned":
        count(this.parties[entry.role].signerSigned, SignedTx.toText(entry.signedTx))
        return
      case "Written":
        return this.written(entry.role, entry.record)
      case "Called":
        this.parties[entry.role].called.push(entry.request)
        return
      case "Returned":
        return this.returned(entry)
      case "Happened": {
        const { event, role } = entry
        if (event._tag === "CoSigned") this.told(role, event.state)
        if (event._tag === "Ended") this.ended.add(role)
        // Both parties and the node are honest, so that nobody may be taken for a liar.
        if (event._tag === "Undecodable") this.check("I6", false, () => `${role}: ${event.error.message}`)
        if (event._tag === "VerificationFailed") this.doubted(role, event.error)
        return
      }
      case "Disconnected":
        count(this.tally, "disconnected")
    }
  }

  /**
   * The one thing that an honest peer may be refused for: another body for a round of which this party has completed
   * one, in vain, because its signature crossed the end of the proposal.
   */
  private doubted(role: Role, { expected, field, message }: VerificationError): void {
    const { acknowledged, record } = this.parties[role]
    const asked = field === "body" && ApiEncoding.is("th", expected) ? bytesText(expected) : ""
    // Its signature counts from when it was stored, which is before it is on its way.
    const stored = record?.exposure.filter(({ side }) => side === "acknowledger") ?? []
    const known =
      [...acknowledged.values()].includes(asked) || stored.some(({ signedTx }) => bodyOf(signedTx) === asked)
    if (known) count(this.tally, "second bodies for a round refused")
    this.check("I6", known, () => `${role}: a lie among honest parties: ${message}`)
  }

  check(invariant: Invariant, holds: boolean, detail: () => string): void {
    if (!holds) this.violations.push({ invariant, detail: detail() })
  }

  private get initial(): Balances {
    const { initiatorAmount, pushAmount, responderAmount } = this.terms
    return { initiator: initiatorAmount - pushAmount, responder: responderAmount + pushAmount }
  }

  private get total(): bigint {
    return this.terms.initiatorAmount + this.terms.responderAmount
  }

  private parse(tx: string): SignedTx.SignedTx {
    const known = this.transactions.get(tx)
    if (known !== undefined) return known
    const signedTx = SignedTx.fromTextOrThrow(tx)
    this.transactions.set(tx, signedTx)
    return signedTx
  }

  /** The root hash of a state in which the parties have these balances and nothing else is. */
  private stateHash({ initiator, responder }: Balances): Uint8Array {
    if (initiator < 0n || responder < 0n) return new Uint8Array(0)
    const key = `${initiator}/${responder}`
    const known = this.hashes.get(key)
    if (known !== undefined) return known
    const { initiatorId, responderId } = this.terms
    const hash = Trees.stateHash(
      Trees.initial({
        initiatorId,
        responderId,
        initiatorAmount: initiator,
        responderAmount: responder,
        pushAmount: 0n
      })
    )
    this.hashes.set(key, hash)
    return hash
  }

  /** I1 for balances, wherever they come from. */
  private checkBalances(where: string, { initiator, responder }: Balances): void {
    const { channelReserve } = this.terms
    this.check(
      "I1",
      initiator + responder === this.total,
      () => `${where}: ${initiator} + ${responder} is not ${this.total}`
    )
    this.check(
      "I1",
      initiator >= channelReserve && responder >= channelReserve,
      () => `${where}: ${initiator} or ${responder} is below the reserve of ${channelReserve}`
    )
  }

  private checkTrees(where: string, trees: Trees.Trees): void {
    const [initiator, responder] = [this.terms.initiatorId, this.terms.responderId].map((id) =>
      Trees.balance(trees, id)
    )
    this.checkBalances(where, { initiator: initiator ?? -1n, responder: responder ?? -1n })
    this.check(
      "I1",
      Trees.totalBalance(trees) === this.total,
      () => `${where}: the trees hold ${Trees.totalBalance(trees)}`
    )
  }

  /** Signed over this network's id and exactly these bytes. */
  private isSignedBy({ signatures, txBytes }: SignedTx.SignedTx, role: Role): boolean {
    const message = Bytes.concat(Bytes.utf8(networkId), Hash.blake2b256(txBytes))
    return signatures.some((signature) =>
      TestCrypto.native.verify(signature, message, keyPairs[role].publicKey)
    )
  }

  private checkCoSigned(where: string, signedTx: SignedTx.SignedTx): void {
    const known = SignedTx.toText(signedTx)
    if (this.verified.has(known)) return
    this.verified.add(known)
    this.check(
      "I9",
      signedTx.signatures.length === 2 && roles.every((role) => this.isSignedBy(signedTx, role)),
      () => `${where}: not signed by both`
    )
  }

  /** What a body leads to, worked out from the party's last state and the updates. */
  private learn(role: Role, tag: SignTag, signedTx: SignedTx.SignedTx, updates: ReadonlyArray<Update>): void {
    const body = bodyOf(signedTx)
    if (this.meanings.has(body)) return
    const { tx } = signedTx
    const { channelReserve, initiatorId, responderId } = this.terms
    switch (tx._tag) {
      case "ChannelCreateTx":
        this.meanings.set(body, { round: 1, balances: this.initial })
        this.channelId = Ids.channelId(tx.initiatorId, tx.nonce, tx.responderId)
        return
      case "ChannelCloseMutualTx": {
        const balances = { initiator: tx.initiatorAmountFinal, responder: tx.responderAmountFinal }
        this.meanings.set(body, { round: this.parties[role].record?.round ?? 0, balances })
        const before = this.balances(role)
        this.check(
          "I1",
          balances.initiator + balances.responder + tx.fee === this.total &&
            balances.initiator <= before.initiator &&
            balances.responder <= before.responder,
          () => `${role}: closing pays ${balances.initiator} and ${balances.responder} for a fee of ${tx.fee}`
        )
        return
      }
      case "ChannelOffchainTx": {
        const before = this.balances(role)
        let { initiator, responder } = before
        for (const update of updates) {
          if (update._tag === "OffChainMeta") continue
          const ours =
            update._tag === "OffChainTransfer" &&
            update.amount >= 0n &&
            ((update.from === initiatorId && update.to === responderId) ||
              (update.from === responderId && update.to === initiatorId))
          this.check(
            "I1",
            ours,
            () => `${role} is to sign ${update._tag}, which is no transfer between the two`
          )
          if (update._tag !== "OffChainTransfer") continue
          const sign = update.from === initiatorId ? -1n : 1n
          initiator += sign * update.amount
          responder -= sign * update.amount
          const left = update.from === initiatorId ? initiator : responder
          this.check("I1", left >= channelReserve, () => `${role} is to sign a debit that leaves ${left}`)
        }
        const balances = { initiator, responder }
        this.meanings.set(body, { round: tx.round, balances })
        this.checkBalances(`${role}, round ${tx.round}`, balances)
        this.check(
          "I6",
          Bytes.equals(tx.stateHash, this.stateHash(balances)),
          () =>
            `${role}, ${tag} of round ${tx.round}: the state hash is not that of ${initiator}/${responder}`
        )
        return
      }
      default:
        this.check("I6", false, () => `${role} is to sign ${Transaction.typeName(tx)}`)
    }
  }

  private nodeSaid(role: Role, frame: string): void {
    const json = Json.parseOrThrow(frame)
    const party = this.parties[role]
    const method = text(json, "method")?.replace("channels.", "")
    const asked = text(json, "params", "data", "signed_tx")
    if (method !== undefined && asked !== undefined && method.startsWith("sign.")) {
      party.asked.add(`${method.replace("sign.", "")}/${bodyOf(this.parse(asked))}`)
      return
    }
    const state = text(json, "params", "data", "state")
    if (method === "update" && state !== undefined) {
      const signedTx = this.parse(state)
      const body = bodyOf(signedTx)
      const round = this.meanings.get(body)?.round ?? 0
      this.check(
        "I12",
        this.meanings.has(body),
        () => `${role}'s node reports a state that nobody was asked to sign`
      )
      this.check(
        "I5",
        round === (party.reported?.round ?? 0) + 1,
        () => `${role}'s node goes from round ${party.reported?.round ?? 0} to ${round}`
      )
      this.checkCoSigned(`${role}'s node, round ${round}`, signedTx)
      party.reported = { round, body }
      count(this.tally, "co-signed rounds at a node")
      return
    }
    if (method === "conflict") {
      count(
        this.tally,
        `conflict ${Json.stringify(Json.field(Json.field(Json.field(json, "params") ?? null, "data") ?? null, "error_code") ?? null)}`
      )
      return
    }
    const trees = text(json, "result", "trees")
    if (trees === undefined) return
    const read = Trees.fromTextOrThrow(trees)
    this.checkTrees(`${role}'s node`, read)
    const latest = text(json, "result", "signed_tx")
    const tx = latest === undefined ? undefined : this.parse(latest).tx
    this.check(
      "I1",
      tx !== undefined && "stateHash" in tx && Bytes.equals(tx.stateHash, Trees.stateHash(read)),
      () => `${role}'s node: its trees are not those of its latest transaction`
    )
  }

  private clientSaid(role: Role, frame: string): void {
    const json = Json.parseOrThrow(frame)
    const tag = text(json, "method")?.replace("channels.", "") ?? ""
    const signed = text(json, "params", "signed_tx")
    if (signed === undefined || !isTag(tag)) return
    const party = this.parties[role]
    const signedTx = this.parse(signed)
    const { tx } = signedTx
    const body = bodyOf(signedTx)
    const where = `${role}, ${tag}`
    const details = party.shown.get(body)
    const meaning = this.meanings.get(body)
    const acknowledges = signTags[tag].side === "acknowledger"
    count(this.tally, `signatures given, ${tag}`)

    this.check(
      "I6",
      party.asked.has(`${tag}/${body}`),
      () => `${where}: signed other bytes than the node asked for`
    )
    this.check(
      "I6",
      count(party.given, signed) <= (party.signerSigned.get(signed) ?? 0),
      () => `${where}: what left is not what the signer gave`
    )
    this.check(
      "I6",
      this.isSignedBy(signedTx, role),
      () => `${where}: no signature of its own for ${networkId}`
    )
    if (acknowledges && tx._tag !== "ChannelCloseMutualTx") {
      const round = "round" in tx ? tx.round : 1
      const before = party.acknowledged.get(round)
      this.check(
        "I4a",
        before === undefined || before === body,
        () => `${where}: a second body for round ${round}`
      )
      party.acknowledged.set(round, body)
    }
    party.out.set(body, signedTx)
    if (details === undefined || meaning === undefined || party.record === undefined) {
      this.check("I6", false, () => `${where}: signed what no signer was shown`)
      return
    }
    this.check(
      "I6",
      details.tag === tag && Bytes.equals(details.signedTx.txBytes, signedTx.txBytes),
      () => `${where}: signed other bytes than the signer was shown`
    )
    this.check("I6", details.networkId === networkId, () => `${where}: network ${details.networkId}`)
    const channelIds = [
      "channelId" in tx ? tx.channelId : this.channelId,
      details.channelId,
      party.record.channelId
    ]
    this.check(
      "I6",
      channelIds.every((id) => id === this.channelId),
      () => `${where}: channels ${channelIds.join(", ")} where ${this.channelId} was expected`
    )
    // A closing transaction has no round: the same one may close two rounds of equal balances.
    this.check(
      "I6",
      tx._tag === "ChannelCloseMutualTx" || details.round === meaning.round,
      () => `${where}: the signer was shown round ${details.round}, it is ${meaning.round}`
    )
    if ("round" in tx)
      this.check(
        "I6",
        tx.round === details.round,
        () => `${where}: the transaction's round is ${tx.round}, shown was ${details.round}`
      )
    if ("stateHash" in tx)
      this.check(
        "I6",
        Bytes.equals(tx.stateHash, this.stateHash(meaning.balances)),
        () => `${where}: wrong state hash`
      )

    // The policy is asked for the peer's proposals and for the opening.
    const decided = acknowledges || tx._tag === "ChannelCreateTx"
    const lowers = meaning.balances[role] < this.balances(role)[role]
    if (lowers) count(this.tally, "signatures that lower the own balance")
    const consent = decided
      ? party.accepted.has(body)
      : party.called.some((request) => this.isAskedFor(request, details))
    this.check(
      "I2",
      consent,
      () => `${where}: ${lowers ? "lowers the own balance, and " : ""}nobody has decided for it`
    )
    this.check("I2", party.intents.has(body), () => `${where}: no decision is recorded for it`)

    this.check(
      "I8",
      party.intents.has(body),
      () => `${where}: the intent of round ${meaning.round} was not written before`
    )
    this.check(
      "I8",
      party.kept.has(signed),
      () => `${where}: the signed transaction of round ${meaning.round} was not written before`
    )
  }

  private isAskedFor(request: Request, { operation, updates }: SigningDetails): boolean {
    if (request._tag === "Other") return request.name === operation
    if (request._tag === "Open") return operation === "open"
    const [transfer, ...metas] = updates
    const payee = otherRole(request.payer)
    return (
      transfer?._tag === "OffChainTransfer" &&
      transfer.from === keyPairs[request.payer].address &&
      transfer.to === keyPairs[payee].address &&
      transfer.amount === request.amount &&
      metas.length === request.meta.length &&
      metas.every((meta, index) => meta._tag === "OffChainMeta" && meta.data === request.meta[index])
    )
  }

  private signerAsked(role: Role, details: SigningDetails): void {
    const { round, signedTx, tag, updates } = details
    const party = this.parties[role]
    const body = bodyOf(signedTx)
    const asked = count(party.signerAsked, `${tag}/${body}`)
    this.learn(role, tag, signedTx, updates)
    party.shown.set(body, details)
    this.check(
      "I6",
      party.asked.has(`${tag}/${body}`),
      () => `${role}: its signer was shown what its node has not asked for`
    )
    this.check(
      "I8",
      party.intents.has(body),
      () => `${role}: its signer was asked before the intent of round ${round} was written`
    )
    if (signTags[tag].side === "acknowledger")
      this.check(
        "I2",
        asked <= (party.accepted.get(body) ?? 0),
        () =>
          `${role}: its signer was asked more often than its policy has accepted: ${tag} of round ${round}`
      )
    if (signedTx.tx._tag === "ChannelOffchainTx")
      this.check(
        "I9",
        (party.record?.round ?? 0) >= round - 1,
        () =>
          `${role}: its signer was asked for round ${round} when round ${party.record?.round} was the last written`
      )
  }

  private written(role: Role, record: ChannelRecord): void {
    const party = this.parties[role]
    const before = party.record
    const where = `${role}'s store, round ${record.round}`
    const { coSigned, exposure, intents, round } = record
    if (before === undefined || !Bytes.equals(before.trees, record.trees))
      this.checkTrees(where, Trees.decodeOrThrow(record.trees))
    if (coSigned !== undefined) {
      const body = bodyOf(coSigned)
      const meaning = this.meanings.get(body)
      if (!party.coSigned.has(body)) {
        this.checkCoSigned(where, coSigned)
        const hash = Trees.stateHash(Trees.decodeOrThrow(record.trees))
        this.check(
          "I9",
          meaning?.round === round,
          () => `${where}: holds a transaction of round ${meaning?.round}`
        )
        this.check(
          "I9",
          meaning !== undefined && Bytes.equals(hash, this.stateHash(meaning.balances)),
          () => `${where}: the trees are not those of the transaction`
        )
      }
      const last = before?.coSigned === undefined ? undefined : bodyOf(before.coSigned)
      this.check(
        "I5",
        body === last || round === (before?.round ?? 0) + 1,
        () => `${where}: after round ${before?.round}`
      )
      party.coSigned.add(body)
    }
    for (const [body, { tx }] of party.out) {
      if (("round" in tx && tx.round <= round) || tx._tag === "ChannelCreateTx") party.out.delete(body)
      else
        this.check(
          "I4b",
          exposure.some((each) => bodyOf(each.signedTx) === body),
          () => `${where}: a signed ${Transaction.typeName(tx)} is forgotten`
        )
    }
    for (const each of exposure) {
      const signed = SignedTx.toText(each.signedTx)
      if (party.kept.has(signed)) continue
      party.kept.add(signed)
      const closes = each.signedTx.tx._tag === "ChannelCloseMutualTx"
      this.check(
        "I5",
        each.round === (closes ? round : round + 1),
        () => `${where}: signed round ${each.round}`
      )
    }
    for (const { round: next, tag } of intents) {
      const closes = signTags[tag].transaction === "channel_close_mutual_tx"
      this.check(
        "I5",
        next >= round && next <= round + (closes ? 0 : 1),
        () => `${where}: an intent for round ${next}`
      )
    }
    for (const { txHash } of intents) party.intents.add(bytesText(txHash))
    party.record = record
  }

  /** The party was told of a co-signed state. */
  private told(role: Role, state: CoSignedState): void {
    const body = bodyOf(state.signedTx)
    const meaning = this.meanings.get(body)
    const where = `${role}, round ${state.round}`
    this.check("I9", this.parties[role].coSigned.has(body), () => `${where}: told before it was written`)
    this.check(
      "I1",
      meaning?.balances.initiator === state.balances.initiator &&
        meaning.balances.responder === state.balances.responder,
      () => `${where}: told ${state.balances.initiator}/${state.balances.responder}`
    )
    this.check(
      "I5",
      meaning?.round === state.round,
      () => `${where}: the transaction is of round ${meaning?.round}`
    )
    this.checkBalances(where, state.balances)
    this.checkTrees(where, state.trees)
  }

  private returned({ exit, request, role }: Extract<Entry, { readonly _tag: "Returned" }>): void {
    const name = request._tag === "Other" ? request.name : request._tag.toLowerCase()
    if (Exit.isSuccess(exit)) {
      count(this.tally, `${name} succeeded`)
      if (exit.value !== undefined) this.told(role, exit.value)
      return
    }
    const { cause } = exit
    if (Cause.isInterruptedOnly(cause)) {
      count(this.tally, `${name} interrupted`)
      return
    }
    const failures = [...Cause.failures(cause)]
    for (const { _tag } of failures) count(this.tally, `${name} failed, ${_tag}`)
    this.check(
      "I13",
      failures.length > 0 &&
        [...Cause.defects(cause)].length === 0 &&
        failures.every(({ _tag }) => flowErrors.has(_tag)),
      () => `${role}: ${name} ended untyped: ${Cause.pretty(cause)}`
    )
  }
}
