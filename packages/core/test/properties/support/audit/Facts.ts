/** What is known of a run so far, and what is wrong with it. Every part of the judge writes into it. */
import type { ChannelId, TxHash } from "../../../../src/encoding/ApiEncoding.js"
import * as ApiEncoding from "../../../../src/encoding/ApiEncoding.js"
import * as Account from "../../../../src/chain/Account.js"
import type * as CallObject from "../../../../src/chain/CallObject.js"
import * as Ids from "../../../../src/chain/Ids.js"
import * as SignedTx from "../../../../src/chain/SignedTx.js"
import * as Hash from "../../../../src/crypto/Hash.js"
import * as Bytes from "../../../../src/encoding/Bytes.js"
import * as ValueCodec from "../../../../src/fate/ValueCodec.js"
import type { ChannelTerms, Role } from "../../../../src/protocol/OpenParameters.js"
import type { ChannelRecord } from "../../../../src/services/ChannelStore.js"
import type { SigningDetails } from "../../../../src/services/Signer.js"
import * as Trees from "../../../../src/state/Trees.js"
import * as Trie from "../../../../src/state/Trie.js"
import { networkId } from "../../../support/NodeUnderTest.js"
import * as TestCrypto from "../../../support/TestCrypto.js"
import { keyPairs, roles } from "../Doubles.js"
import type { Request } from "../Journal.js"
import { type Books, keyOf, type Outcome } from "./Contracts.js"

export type Invariant =
  | "I1"
  | "I2"
  | "I3"
  | "I4a"
  | "I4b"
  | "I5"
  | "I6"
  | "I8"
  | "I9"
  | "I12"
  | "I13"
  | "I14"
  | "I15"
  | "I16"
  | "I17"
  | "I20"

export interface Violation {
  readonly invariant: Invariant
  readonly detail: string
}

export type Balances = Readonly<Record<Role, bigint>>

/** A transaction's body, by the hash of its bytes. */
export type Body = string

/** What a body leads to. */
export interface Meaning {
  readonly round: number
  readonly balances: Balances
  /** What the channel holds then. */
  readonly total: bigint
  /** Contracts, and who else has coins in the channel. */
  readonly books: Books
  /** The state's hash, where it is more than the parties' balances. */
  readonly stateHash?: Uint8Array
  /** What came of the contract in it. */
  readonly outcome?: Outcome
  /** Whether one party has made it on chain. */
  readonly isForced?: true
}

/** One connection of a party, as the node sees it. */
export class Session {
  /** Ids of requests that have left on it, and of those the ones that have been answered. */
  readonly requests = new Set<string>()
  readonly answered = new Set<string>()
  isOver = false
  /** Whether somebody was closing the channel alone when it began. */
  beganClosing = false
  /** Whether it was being closed with an older state than the party's, and the node has not said so on it. */
  isOwedWarning = false
  /** Whether the node has shown a state on it. */
  hasShownState = false
  constructor(
    readonly role: Role,
    /** Whether the party came back with it. */
    readonly again: boolean
  ) {}
}

/** What is known of one party. */
export class PartyFacts {
  record: ChannelRecord | undefined
  /** Round and body of the latest state that the node has reported. */
  reported: { readonly round: number; readonly body: Body } | undefined
  /** What the node has told of forced states: who comes back is told again. */
  readonly toldForced = new Set<Body>()
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
  /** What the node said about depths: `own_deposit_locked` and so on are told right after the transaction they are of. */
  readonly assumed = new Set<TxHash>()
  /** What the node has shown of the chain, in reports and in its log. */
  readonly told = new Set<Body>()
  /** Records of co-signed states, by round. */
  readonly states = new Map<number, ChannelRecord>()
}

export const count = <K>(map: Map<K, number>, key: K): number => {
  const next = (map.get(key) ?? 0) + 1
  map.set(key, next)
  return next
}

export const bodyOf = ({ txBytes }: SignedTx.SignedTx): Body => Bytes.toHex(Hash.blake2b256(txBytes))

export const bytesText = (txHash: ApiEncoding.TxHash): Body => Bytes.toHex(ApiEncoding.bytesOf(txHash))

/** What contracts have, and those whom they have paid. */
export const heldByOthers = ({ balances, books }: Meaning): bigint =>
  [...books.contracts.values()].reduce((sum, { balance }) => sum + balance, 0n) +
  [...books.accounts.values()].reduce((sum, balance) => sum + balance, 0n) -
  balances.initiator -
  balances.responder

/** What the chain shows of the channel, now. */
export interface ChainFacts {
  /** Key blocks on the block that holds the transaction; undefined while it is in none. */
  readonly depthOf: (txHash: TxHash) => number | undefined
  /** Up to which height the channel is locked: 0, it is active; undefined: it is not there. */
  readonly lockedUntil: (channelId: ChannelId) => number | undefined
  /** The round that a state with both signatures must be above to take the place of the one on chain. */
  readonly round: (channelId: ChannelId) => number | undefined
}

const noChain: ChainFacts = {
  depthOf: () => undefined,
  lockedUntil: () => undefined,
  round: () => undefined
}

const noBooks: Books = { accounts: new Map(), contracts: new Map() }

export class Facts {
  readonly violations: Array<Violation> = []
  /** How often things happened, so that a run that shows nothing is noticed. */
  readonly tally = new Map<string, number>()
  /** Whose session is over. */
  readonly ended = new Set<Role>()
  readonly sessions = new Map<number, Session>()
  readonly parties: Readonly<Record<Role, PartyFacts>> = {
    initiator: new PartyFacts(),
    responder: new PartyFacts()
  }
  readonly meanings = new Map<Body, Meaning>()
  channelId: ChannelId | undefined
  /** Whether a party has given its channel up, which ends the run: what it should have done then is not known. */
  givenUp = false
  chain: ChainFacts = noChain
  private readonly hashes = new Map<string, Uint8Array>()
  private readonly transactions = new Map<string, SignedTx.SignedTx>()
  private readonly verified = new Set<string>()

  constructor(readonly terms: ChannelTerms) {}

  check(invariant: Invariant, holds: boolean, detail: () => string): void {
    if (!holds) this.violations.push({ invariant, detail: detail() })
  }

  count(what: string): void {
    count(this.tally, what)
  }

  private get initial(): Balances {
    const { initiatorAmount, pushAmount, responderAmount } = this.terms
    return { initiator: initiatorAmount - pushAmount, responder: responderAmount + pushAmount }
  }

  /** What the channel begins with. */
  get beginning(): Meaning {
    const { initial } = this
    const total = initial.initiator + initial.responder
    return { round: 1, balances: initial, total, books: this.withBalances(noBooks, initial) }
  }

  /** What the party's last written state means. */
  latest(role: Role): Meaning {
    const coSigned = this.parties[role].record?.coSigned
    return (coSigned === undefined ? undefined : this.meanings.get(bodyOf(coSigned))) ?? this.beginning
  }

  /** Whether the channel is being closed with an older state than the party's, which is not on chain by itself. */
  isBehind(role: Role): boolean {
    const { channelId } = this
    if (channelId === undefined || (this.chain.lockedUntil(channelId) ?? 0) === 0) return false
    if (this.parties[role].record?.coSigned?.tx._tag !== "ChannelOffchainTx") return false
    return this.latest(role).round > (this.chain.round(channelId) ?? Number.POSITIVE_INFINITY)
  }

  parse(tx: string): SignedTx.SignedTx {
    const known = this.transactions.get(tx)
    if (known !== undefined) return known
    const signedTx = SignedTx.fromTextOrThrow(tx)
    this.transactions.set(tx, signedTx)
    return signedTx
  }

  /** The root hash of a state in which the parties have these balances and nothing else is. */
  stateHash({ initiator, responder }: Balances): Uint8Array {
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

  /** The hash of the state that a transaction leads to. */
  hashOf({ balances, stateHash }: Meaning): Uint8Array {
    return stateHash ?? this.stateHash(balances)
  }

  /** Books with other balances of the two. */
  withBalances({ accounts, contracts }: Books, balances: Balances): Books {
    const { initiatorId, responderId } = this.terms
    const changed = new Map(accounts)
    changed.set(keyOf(initiatorId), balances.initiator).set(keyOf(responderId), balances.responder)
    return { accounts: changed, contracts }
  }

  /** What the two have by the books. */
  balancesIn({ accounts }: Books): Balances {
    const { initiatorId, responderId } = this.terms
    return {
      initiator: accounts.get(keyOf(initiatorId)) ?? 0n,
      responder: accounts.get(keyOf(responderId)) ?? 0n
    }
  }

  /**
   * The hash of a state after a round without contracts: the party's last trees without calls, and other balances of
   * the two.
   */
  hashWithBalances(role: Role, before: Meaning, balances: Balances): Uint8Array {
    const { contracts, accounts } = before.books
    const { record } = this.parties[role]
    if (record === undefined || (contracts.size === 0 && accounts.size === roles.length))
      return this.stateHash(balances)
    if (balances.initiator < 0n || balances.responder < 0n) return new Uint8Array(0)
    const { initiatorId, responderId } = this.terms
    let trees = Trees.withoutCalls(Trees.decodeOrThrow(record.trees))
    for (const [id, balance] of [
      [initiatorId, balances.initiator],
      [responderId, balances.responder]
    ] as const)
      trees = Trees.setAccount(trees, id, Account.make({ balance }))
    return Trees.stateHash(trees)
  }

  /** I1 for balances, wherever they come from; `held`: what neither of the two has. */
  checkBalances(where: string, { initiator, responder }: Balances, total: bigint, held = 0n): void {
    const { channelReserve } = this.terms
    this.check(
      "I1",
      initiator + responder + held === total,
      () => `${where}: ${initiator} + ${responder} (and ${held} of others) is not ${total}`
    )
    this.check(
      "I1",
      initiator >= channelReserve && responder >= channelReserve,
      () => `${where}: ${initiator} or ${responder} is below the reserve of ${channelReserve}`
    )
  }

  /** The trees are what the books say: the accounts of all, and what came of the contract. */
  checkTrees(where: string, trees: Trees.Trees, meaning: Meaning): void {
    const { balances, books, outcome, total } = meaning
    const [initiator, responder] = [this.terms.initiatorId, this.terms.responderId].map((id) =>
      Trees.balance(trees, id)
    )
    this.checkBalances(
      where,
      { initiator: initiator ?? -1n, responder: responder ?? -1n },
      total,
      heldByOthers(meaning)
    )
    this.check(
      "I1",
      initiator === balances.initiator && responder === balances.responder,
      () => `${where}: the trees give ${initiator} and ${responder}`
    )
    this.check(
      "I1",
      Trees.totalBalance(trees) === total,
      () => `${where}: the trees hold ${Trees.totalBalance(trees)}`
    )
    for (const [id, { balance }] of books.contracts)
      this.check(
        "I1",
        Trees.balance(trees, id) === balance,
        () => `${where}: a contract has ${Trees.balance(trees, id)} in the trees, and ${balance} by the books`
      )
    const calls = [...Trie.entries(trees.calls)]
    this.check(
      "I6",
      calls.length === (outcome === undefined ? 0 : 1),
      () => `${where}: the trees have ${calls.length} calls`
    )
    if (outcome !== undefined) this.checkCall(where, trees, outcome)
  }

  private checkCall(where: string, { calls }: Trees.Trees, outcome: Outcome): void {
    const { callerId, contractId, round } = outcome
    const call = Trees.call(calls, contractId, Ids.callId(callerId, round, contractId))
    this.check("I6", call !== undefined, () => `${where}: there is no trace of the contract`)
    if (call !== undefined) this.checkOutcome(where, outcome, call)
  }

  /** What came of a call is what the books say. */
  checkOutcome(
    where: string,
    { ends, value }: Outcome,
    call: Pick<CallObject.CallObject, "returnType" | "returnValue">
  ): void {
    const { returnType, returnValue } = call
    this.check(
      "I6",
      ends === returnType || (ends === "fails" && returnType !== "ok"),
      () => `${where}: the contract's call ends with ${returnType}, not ${ends}: ${Bytes.toHex(returnValue)}`
    )
    if (value === undefined || returnType !== "ok") return
    const expected = ValueCodec.encode(value)
    this.check(
      "I6",
      Bytes.equals(expected, returnValue),
      () => `${where}: the contract gives ${Bytes.toHex(returnValue)}, not ${Bytes.toHex(expected)}`
    )
  }

  /** Signed over this network's id and exactly these bytes. */
  isSignedBy({ signatures, txBytes }: SignedTx.SignedTx, role: Role): boolean {
    const message = Bytes.concat(Bytes.utf8(networkId), Hash.blake2b256(txBytes))
    return signatures.some((signature) =>
      TestCrypto.native.verify(signature, message, keyPairs[role].publicKey)
    )
  }

  checkCoSigned(where: string, signedTx: SignedTx.SignedTx): void {
    const known = SignedTx.toText(signedTx)
    if (this.verified.has(known)) return
    this.verified.add(known)
    const { signatures, tx } = signedTx
    // What one party has forced on chain has its signature only.
    const signers =
      tx._tag === "ChannelForceProgressTx"
        ? roles.filter((role) => keyPairs[role].address === tx.fromId)
        : roles
    this.check(
      "I9",
      signatures.length === signers.length &&
        signers.length > 0 &&
        signers.every((role) => this.isSignedBy(signedTx, role)),
      () => `${where}: not signed by ${signers.join(" and ")}`
    )
  }
}
