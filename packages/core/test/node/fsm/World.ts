/**
 * Two linked state machines, a chain that does what it is told, and two clients that sign: the smallest world in which
 * a channel lives. Nothing happens by itself: messages wait in their link until they are delivered.
 */
import * as Redacted from "effect/Redacted"
import * as Account from "../../../src/chain/Account.js"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import type * as Transaction from "../../../src/chain/Transaction.js"
import * as Ids from "../../../src/chain/Ids.js"
import type { ChannelObject } from "../../../src/chain/ChannelObject.js"
import type { KeyPair } from "../../../src/crypto/KeyPair.js"
import * as Hash from "../../../src/crypto/Hash.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../../src/encoding/Bytes.js"
import type { Environment } from "../../../src/fate/Environment.js"
import type { ChainEvent, ChainView } from "../../../src/node/ChainView.js"
import * as ChannelFsm from "../../../src/node/ChannelFsm.js"
import type { FsmEffect, FsmEnvironment, FsmEvent } from "../../../src/node/FsmEvent.js"
import type { PeerMessage } from "../../../src/node/PeerMessage.js"
import type { Answer } from "../../../src/protocol/Codec.js"
import type { Report } from "../../../src/protocol/NodeMessage.js"
import type { OpenParameters, Role } from "../../../src/protocol/OpenParameters.js"
import type { Request } from "../../../src/protocol/Request.js"
import type { SignTag } from "../../../src/protocol/SignTag.js"
import * as Poi from "../../../src/state/Poi.js"
import * as Trees from "../../../src/state/Trees.js"
import { keyPairOf, native } from "../../support/TestCrypto.js"

export const initiator = keyPairOf("initiator")
export const responder = keyPairOf("responder")
export const outsider = keyPairOf("outsider")
export const keyPairs: Record<Role, KeyPair> = { initiator, responder }
export const roles: ReadonlyArray<Role> = ["initiator", "responder"]
export const other = (role: Role): Role => (role === "initiator" ? "responder" : "initiator")

export const networkId = "ae_test"
const blocks: Array<ApiEncoding.Encoded<"kh">> = []
const heights = new Map<string, number>()
/** The hash of the key block at a height. */
export const blockAt = (height: number): ApiEncoding.Encoded<"kh"> => {
  for (let next = blocks.length; next <= height; next++) {
    blocks[next] = ApiEncoding.encode("kh", Hash.blake2b256(Bytes.utf8(`block ${next}`)))
    heights.set(blocks[next] ?? "", next)
  }
  return blocks[height] ?? ApiEncoding.encode("kh", new Uint8Array(32))
}

export const amounts = { initiatorAmount: 1_000_000_000_000_000n, responderAmount: 2_000_000_000_000_000n }
export const total = amounts.initiatorAmount + amounts.responderAmount
export const reserve = 1_000n

/** What a chain must be told before it does it. */
export interface ChainDouble {
  height: number
  refuses: (signedTx: SignedTx.SignedTx) => boolean
  readonly pool: Array<SignedTx.SignedTx>
  readonly known: Map<
    string,
    "pending" | "in_vain" | { readonly height: number; readonly blockHash: ApiEncoding.BlockHash }
  >
  /** The highest nonce that is used. */
  nonce: bigint
  /** What every account holds. */
  balance: bigint
  channel: ChannelObject | undefined
  /** Whether it is young: the first forced round counts on, also when a call is forced on co-signed rounds after it. */
  young: boolean
  /** The channel's transactions that are in blocks. */
  readonly mined: Array<SignedTx.SignedTx>
}

/** The channel after what one party did alone. */
const afterSolo = (
  channel: ChannelObject,
  tx: Transaction.Transaction,
  { height, young }: ChainDouble
): ChannelObject => {
  const payload = "payload" in tx && tx.payload.length > 0 ? SignedTx.decodeOrThrow(tx.payload).tx : undefined
  const state =
    payload !== undefined && "round" in payload && "stateHash" in payload
      ? { round: payload.round, stateHash: payload.stateHash, soloRound: 0 }
      : {}
  if (tx._tag === "ChannelSnapshotSoloTx") return { ...channel, ...state }
  if (tx._tag === "ChannelForceProgressTx") {
    const { round, stateHash } = tx
    const startsAnew = channel.soloRound === 0 || (payload !== undefined && !young)
    // That the call itself moves coins is not looked at.
    const trees = Trees.decodeOrThrow(tx.offchainTrees)
    return {
      ...channel,
      round,
      stateHash,
      soloRound: startsAnew ? round : channel.soloRound,
      initiatorAmount: Trees.balance(trees, channel.initiatorId) ?? 0n,
      responderAmount: Trees.balance(trees, channel.responderId) ?? 0n,
      lockedUntil: channel.lockedUntil === 0 ? 0 : height + channel.lockPeriod
    }
  }
  if (tx._tag !== "ChannelCloseSoloTx" && tx._tag !== "ChannelSlashTx") return channel
  const poi = Poi.decodeOrThrow(tx.poi)
  return {
    ...channel,
    ...state,
    initiatorAmount: Poi.account(poi, channel.initiatorId)?.balance ?? 0n,
    responderAmount: Poi.account(poi, channel.responderId)?.balance ?? 0n,
    lockedUntil: height + channel.lockPeriod
  }
}

const environments = new Map<string, Environment>()

/** What contracts see that are pinned to the block at a height; of the chain itself they know nothing. */
export const environmentOf = (height: number, protocol: number): Environment => {
  const key = `${height} ${protocol}`
  const known = environments.get(key)
  if (known !== undefined) return known
  const made: Environment = {
    networkId,
    protocol,
    block: {
      _tag: "PinnedBlock",
      height,
      timestamp: 1_600_000_000_000 + height,
      beneficiary: new Uint8Array(32).fill(7),
      difficulty: 1n
    },
    gasLimit: 6_000_000,
    chain: {
      balance: () => undefined,
      blockHash: (at) => (at < height ? ApiEncoding.bytesOf(blockAt(at)) : undefined),
      isContract: () => false,
      isPayable: () => true,
      oracle: () => undefined,
      oracleQuery: () => undefined,
      name: () => undefined
    }
  }
  environments.set(key, made)
  return made
}

const viewOf = (chain: ChainDouble, protocol: number): ChainView => {
  const heightOf = (hash: ApiEncoding.BlockHash): number | undefined => {
    const height = heights.get(hash)
    return height === undefined || height > chain.height ? undefined : height
  }
  return {
    networkId,
    protocol,
    topHeight: chain.height,
    topHash: blockAt(chain.height),
    genesisHash: blockAt(0),
    minimumGasPrice: 1_000_000_000n,
    heightOf,
    isGeneralized: () => false,
    metaFault: () => undefined,
    environmentAt: (hash) => {
      const height = hash === undefined ? chain.height : heightOf(hash)
      return height === undefined ? undefined : environmentOf(height, protocol)
    },
    keyBlockAt: (height) => (height <= chain.height ? blockAt(height) : undefined),
    account: () => ({ ...Account.make({ balance: chain.balance }), nonce: chain.nonce }),
    channel: () => chain.channel,
    nextNonce: () => chain.nonce + 1n,
    hasUsed: (_, nonce) => nonce <= chain.nonce,
    admits: (signedTx) => (chain.refuses(signedTx) ? { refused: "nonce_too_high" } : "ok"),
    channelTransactions: () => [...chain.mined],
    locate: (hash) => chain.known.get(hash)
  }
}

type Parcel = PeerMessage | "down"

interface Side {
  state: ChannelFsm.FsmState
  /** Messages on their way to this side. */
  inbox: Array<Parcel>
  readonly log: Array<string>
  readonly reports: Array<Report>
  readonly answers: Map<number, Answer>
  /** How often the end of the lock period was ordered. */
  unlocks: number
  readonly watches: Array<{ readonly txHash: string; readonly depth: number }>
  timer: number | "infinity" | undefined
  lastSign: Extract<Report, { readonly _tag: "SignRequest" }> | undefined
  calls: number
}

export interface WorldOptions {
  readonly initiator?: Partial<OpenParameters>
  readonly responder?: Partial<OpenParameters>
  readonly anyInitiator?: boolean
  readonly helpfulErrors?: boolean
  readonly takesForcedAgain?: boolean
  readonly young?: boolean
  readonly protocol?: number
  readonly height?: number
}

const describe = (report: Report, channelId: string | null): string => {
  const where = channelId === null ? " (no channel id)" : ""
  switch (report._tag) {
    case "Info":
      return `info ${report.event}${report.fsmId === undefined ? "" : " +fsm_id"}${where}`
    case "OnChainTx":
      return `on_chain_tx ${report.info}${where}`
    case "StateUpdate":
      return `update ${roundOf(report.state)}${where}`
    case "LeaveReport":
      return `leave ${roundOf(report.state)}${where}`
    case "Conflict":
      return `conflict ${report.errorCode} ${report.errorMessage} @${report.round}${where}`
    case "MessageReport":
      return `message ${report.info}${where}`
    case "SignRequest":
      return `sign.${report.tag}${where}`
    case "ErrorReport":
      return `error ${report.message}${where}`
    default:
      return report._tag
  }
}

/** The round of a state's transaction; the create transaction is round 1. */
export const roundOf = (signedTx: SignedTx.SignedTx): number =>
  "round" in signedTx.tx ? signedTx.tx.round : 1

const describeAnswer = (answer: Answer): string =>
  answer._tag === "NoReply"
    ? "ok"
    : answer._tag === "Refusal"
      ? `refused ${[answer.code, ...answer.data].join("/")}`
      : answer.value._tag

export class World {
  readonly sides: Record<Role, Side>
  readonly chain: ChainDouble
  readonly protocol: number
  readonly helpfulErrors: boolean
  readonly takesForcedAgain: boolean
  /** Whether what is forced leads elsewhere on chain than it says. */
  runsInVain = false
  now = 1_000

  constructor(options: WorldOptions = {}) {
    this.chain = {
      height: options.height ?? 100,
      refuses: () => false,
      pool: [],
      known: new Map(),
      nonce: 6n,
      balance: 10n ** 18n,
      channel: undefined,
      young: options.young ?? false,
      mined: []
    }
    this.protocol = options.protocol ?? 6
    this.helpfulErrors = options.helpfulErrors ?? false
    this.takesForcedAgain = options.takesForcedAgain ?? true
    const side = (role: Role): Side => ({
      state: ChannelFsm.initial({
        role,
        parameters: {
          role,
          port: 3333,
          initiatorId: initiator.address,
          responderId: responder.address,
          ...amounts,
          pushAmount: 0n,
          channelReserve: reserve,
          lockPeriod: 10,
          ...options[role]
        },
        fsmId: Redacted.make(ApiEncoding.encode("ba", new Uint8Array(32).fill(role === "initiator" ? 1 : 2))),
        temporaryChannelId: role === "initiator" ? "11".repeat(32) : "22".repeat(32),
        ownAddress: keyPairs[role].address,
        initiatorId:
          role === "responder" && options.anyInitiator === true
            ? "any"
            : (options[role]?.initiatorId ?? initiator.address)
      }),
      inbox: [],
      log: [],
      reports: [],
      answers: new Map(),
      watches: [],
      unlocks: 0,
      timer: undefined,
      lastSign: undefined,
      calls: 0
    })
    this.sides = { initiator: side("initiator"), responder: side("responder") }
  }

  state(role: Role): ChannelFsm.FsmState {
    return this.sides[role].state
  }

  name(role: Role): string {
    return this.state(role).isStopped ? "stopped" : this.state(role).name
  }

  names(): string {
    return `${this.name("initiator")} ${this.name("responder")}`
  }

  /** What a transition may look at now. */
  env(): FsmEnvironment {
    return {
      chain: viewOf(this.chain, this.protocol),
      crypto: native,
      now: this.now,
      helpfulErrors: this.helpfulErrors,
      takesForcedAgain: this.takesForcedAgain
    }
  }

  event(role: Role, event: FsmEvent): void {
    const side = this.sides[role]
    this.now += 1
    const { state, effects } = ChannelFsm.transition(side.state, event, this.env())
    // What a transition gave is never written into by a later one.
    side.state = Object.freeze(state)
    for (const effect of effects) this.perform(role, effect)
  }

  private perform(role: Role, effect: FsmEffect): void {
    const side = this.sides[role]
    switch (effect._tag) {
      case "Answer":
        if (side.answers.has(effect.callId)) throw new Error(`call ${effect.callId} is answered twice`)
        side.answers.set(effect.callId, effect.answer)
        side.log.push(describeAnswer(effect.answer))
        return
      case "Report":
        side.reports.push(effect.report)
        side.log.push(describe(effect.report, effect.channelId))
        if (effect.report._tag === "SignRequest") side.lastSign = effect.report
        return
      case "Tell":
        this.sides[other(role)].inbox.push(effect.message)
        return
      case "Submit":
        this.chain.pool.push(effect.signedTx)
        this.chain.known.set(SignedTx.hash(effect.signedTx), "pending")
        return
      case "WatchChannel":
        return
      case "WatchUnlock":
        side.unlocks += 1
        return
      case "WatchDepth":
        side.watches.push({ txHash: effect.txHash, depth: effect.depth })
        return
      case "SetTimer":
        side.timer = effect.milliseconds
        return
      case "Stopped":
        side.log.push("close")
        side.timer = undefined
        this.sides[other(role)].inbox.push("down")
    }
  }

  /** Delivers the oldest message on its way to this side; false if there is none. */
  deliver(role: Role): boolean {
    const parcel = this.sides[role].inbox.shift()
    if (parcel === undefined) return false
    this.event(role, parcel === "down" ? { _tag: "LinkDown" } : { _tag: "PeerSaid", message: parcel })
    return true
  }

  /** Delivers everything there is. */
  settle(): void {
    while (this.deliver("initiator") || this.deliver("responder"));
  }

  call(role: Role, request: Request): number {
    const side = this.sides[role]
    const callId = ++side.calls
    this.event(role, { _tag: "Called", callId, request })
    return callId
  }

  /** What was answered to a call, in words; `undefined` while it waits. */
  answer(role: Role, callId: number): string | undefined {
    const answer = this.sides[role].answers.get(callId)
    return answer === undefined ? undefined : describeAnswer(answer)
  }

  ask(role: Role, request: Request): string | undefined {
    return this.answer(role, this.call(role, request))
  }

  reply(role: Role, tag: SignTag, signedTx: SignedTx.SignedTx): void {
    this.call(role, { _tag: "SigningReply", tag, signedTx })
  }

  signed(role: Role, signedTx: SignedTx.SignedTx): SignedTx.SignedTx {
    return SignedTx.sign(signedTx, keyPairs[role], { networkId, crypto: native })
  }

  /** Signs what this side was asked to sign last. */
  sign(role: Role, tag?: SignTag): void {
    const request = this.sides[role].lastSign
    if (request === undefined) throw new Error(`${role} was not asked to sign`)
    if (tag !== undefined && request.tag !== tag) throw new Error(`${role} was asked to sign ${request.tag}`)
    this.reply(role, request.tag, this.signed(role, request.signedTx))
  }

  decline(role: Role, tag: SignTag, code: number): string | undefined {
    return this.ask(role, { _tag: "SigningError", tag, code })
  }

  transferRequest(amount: bigint, from: Role = "initiator", meta: ReadonlyArray<string> = []): Request {
    return {
      _tag: "Transfer",
      from: keyPairs[from].address,
      to: keyPairs[other(from)].address,
      amount,
      meta
    }
  }

  propose(role: Role, amount = 5n, from: Role = role): string | undefined {
    return this.ask(role, this.transferRequest(amount, from))
  }

  start(): this {
    for (const role of roles) this.event(role, { _tag: "Started" })
    return this
  }

  link(): this {
    for (const role of roles) this.event(role, { _tag: "LinkUp" })
    return this
  }

  /** Puts the deposits and withdrawals that wait into a block. */
  mineMoves(): void {
    const { pool } = this.chain
    const others = pool.filter(({ tx }) => tx._tag === "ChannelCloseMutualTx")
    pool.splice(0, pool.length, ...pool.filter((each) => !others.includes(each)))
    this.mine([])
    pool.push(...others)
  }

  /** What is in a block grows deep for a party. */
  reach(role: Role): void {
    const all = this.sides[role].watches.splice(0)
    const isMined = ({ txHash }: { readonly txHash: string }): boolean =>
      typeof this.chain.known.get(txHash) === "object"
    this.sides[role].watches.push(...all.filter((watch) => !isMined(watch)))
    for (const { txHash } of all.filter(isMined)) {
      this.event(role, {
        _tag: "ChainSaid",
        event: { _tag: "MinimumDepthReached", txHash: txHash as ApiEncoding.TxHash }
      })
    }
  }

  /** Puts what waits into a block and, if wanted, lets it grow deep for both. */
  mine(deep: ReadonlyArray<Role> = roles): void {
    this.chain.height += 1
    for (const tx of this.chain.pool.splice(0)) {
      this.chain.known.set(SignedTx.hash(tx), {
        height: this.chain.height,
        blockHash: blockAt(this.chain.height)
      })
      this.chain.mined.push(tx)
      const closed = tx.tx._tag === "ChannelCloseMutualTx" || tx.tx._tag === "ChannelSettleTx"
      if (tx.tx._tag === "ChannelCreateTx") this.chain.channel = this.channelObject(tx.tx.stateHash)
      if (tx.tx._tag === "ChannelDepositTx" || tx.tx._tag === "ChannelWithdrawTx") {
        const { round, stateHash } = tx.tx
        const change = { ...this.chain.channel, round, stateHash, soloRound: 0 }
        this.chain.channel = this.channelObject(stateHash, change)
      }
      if (this.chain.channel !== undefined) {
        const isVain = this.runsInVain && tx.tx._tag === "ChannelForceProgressTx"
        const after = isVain ? this.chain.channel : afterSolo(this.chain.channel, tx.tx, this.chain)
        this.chain.channel = closed ? undefined : after
      }
      for (const role of roles) this.tellOfChain(role, tx)
    }
    for (const role of deep) this.deepen(role)
  }

  /** Tells a side of a transaction, with the channel as it is now. */
  tellOfChain(role: Role, tx: SignedTx.SignedTx): void {
    const { channel } = this.chain
    const event: ChainEvent =
      channel === undefined
        ? { _tag: "ChannelClosed", tx }
        : { _tag: channel.lockedUntil === 0 ? "ChannelChanged" : "ChannelClosing", tx, channel }
    this.event(role, { _tag: "ChainSaid", event })
  }

  deepen(role: Role): void {
    for (const { txHash } of this.sides[role].watches.splice(0)) {
      this.event(role, {
        _tag: "ChainSaid",
        event: { _tag: "MinimumDepthReached", txHash: txHash as ApiEncoding.TxHash }
      })
    }
  }

  channelObject(stateHash: Uint8Array, change: Partial<ChannelObject> = {}): ChannelObject {
    return {
      version: 3,
      initiatorId: initiator.address,
      responderId: responder.address,
      channelAmount: total,
      ...amounts,
      channelReserve: reserve,
      stateHash,
      round: 1,
      soloRound: 0,
      lockPeriod: 10,
      lockedUntil: 0,
      initiatorAuth: new Uint8Array(0),
      responderAuth: new Uint8Array(0),
      initiatorDelegateIds: [],
      responderDelegateIds: [],
      ...change
    } as ChannelObject
  }

  /** An open channel with empty logs. */
  open(): this {
    this.start().link()
    this.settle()
    this.sign("initiator", "initiator_sign")
    this.settle()
    this.sign("responder", "responder_sign")
    this.settle()
    this.mine()
    this.settle()
    if (this.names() !== "open open") throw new Error(`not open: ${this.names()}`)
    return this.clear()
  }

  clear(): this {
    for (const role of roles) this.sides[role].log.length = 0
    return this
  }

  /** What a side's client saw since the last look. */
  seen(role: Role): ReadonlyArray<string> {
    return this.sides[role].log.splice(0)
  }

  /** Runs a whole transfer. */
  transfer(role: Role, amount = 5n): void {
    this.propose(role, amount)
    this.sign(role, "update")
    this.settle()
    this.sign(other(role), "update_ack")
    this.settle()
  }

  /** Asks for a deposit or withdrawal. */
  move(role: Role, operation: "deposit" | "withdraw", amount = 5n, options: object = {}): string | undefined {
    const _tag = operation === "deposit" ? "Deposit" : "Withdraw"
    return this.ask(role, { _tag, amount, meta: [], ...options })
  }

  /** Runs a deposit or withdrawal until it is co-signed and in the mempool. */
  moveUntilLocked(role: Role, operation: "deposit" | "withdraw", amount = 5n, options: object = {}): void {
    this.move(role, operation, amount, options)
    this.sign(role)
    this.settle()
    this.sign(other(role))
    this.settle()
  }

  balance(role: Role, of: Role): bigint {
    return Trees.balance(this.state(role).offChain.trees, keyPairs[of].address) ?? -1n
  }

  rounds(): ReadonlyArray<number> {
    return roles.map((role) => this.state(role).offChain.round)
  }

  fire(role: Role): void {
    this.event(role, { _tag: "TimerFired" })
  }

  channelId(): ApiEncoding.ChannelId {
    return Ids.channelId(initiator.address, 7n, responder.address)
  }
}

/** A new world with an open channel. */
export const openWorld = (options: WorldOptions = {}): World => new World(options).open()
