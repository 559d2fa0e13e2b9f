/**
 * The shell of a node: the pure machines, the ledger and the watcher are values here, and their effects are carried
 * out. Everything is synchronous and goes through one queue: an event is worked on to its end before the next one,
 * and the same events in the same order have the same outcome.
 */
import * as Redacted from "effect/Redacted"
import * as SignedTx from "../../../chain/SignedTx.js"
import type { CryptoService } from "../../../crypto/Crypto.js"
import type { ChannelId } from "../../../encoding/ApiEncoding.js"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import { DecodeError } from "../../../encoding/DecodeError.js"
import type { Answer, CodecService } from "../../../protocol/Codec.js"
import type { FsmId, Refusal } from "../../../protocol/NodeMessage.js"
import * as ErrorCodes from "../../../protocol/ErrorCodes.js"
import * as OpenParameters from "../../../protocol/OpenParameters.js"
import * as ChannelFsm from "../../ChannelFsm.js"
import type { ChainEvent } from "../../ChainView.js"
import * as ChainWatcher from "../../ChainWatcher.js"
import type { CallId, FsmEffect, FsmEvent } from "../../FsmEvent.js"
import * as Ledger from "../../Ledger.js"
import { NodeStateError, type NodeStorageError } from "../../NodeStorage.js"
import * as StateCache from "../../StateCache.js"
import { type ChannelEnd, endOf, momentOf, type NodeMoment } from "./Ends.js"
import { Blocks, type BlocksOptions } from "./Blocks.js"
import { ChainLog } from "./ChainLog.js"
import { Conduit, type Disturbance } from "./Conduit.js"
import { Jobs } from "./Jobs.js"
import { Keeper } from "./Keeper.js"
import { Links } from "./Links.js"
import type { ClientLink, Machine, OpenFrame, Session } from "./Machine.js"
import { Observers } from "./Observers.js"
import { Outbox } from "./Outbox.js"
import { decodeStates, encodeStates, StateEntries } from "./StateEntries.js"
import type { Timers } from "./Timers.js"

/** Delays in milliseconds. */
export interface ShellOptions extends BlocksOptions {
  readonly acceptDelay: number
  readonly closeDelay: number
  readonly maxChannels: number
  readonly oldestPin: number
  readonly helpfulErrors: boolean
  readonly takesForcedAgain: boolean
}

/** The codecs of a node: of its own dialect, and of others that a URL can ask for. */
export interface Codecs {
  /** For a URL that names no protocol of the node, which is refused anyway. */
  readonly usual: CodecService
  readonly byProtocol: ReadonlyMap<OpenParameters.Protocol, CodecService>
}

/** The random ids of a machine, drawn before it is started. */
export interface MachineIds {
  readonly fsmId: FsmId
  readonly temporaryChannelId: string
}

/** What a node with a storage keeps there. */
export interface Durable {
  readonly chain: ChainLog
  readonly states: StateEntries
}

/** All of a node as bytes. */
export interface NodeDump {
  readonly chain: Uint8Array
  readonly states: Uint8Array
}

/** The refusal of what a real node fails at without saying so, and of an opening above the limit. */
const internalError: Refusal = { _tag: "Refusal", code: -32603, data: [] }

/** Whether two ids are the same. How long it takes does not tell where they differ. */
const isSameFsmId = (a: FsmId, b: FsmId): boolean => {
  const [left, right] = [a, b].map((id) => ApiEncoding.bytesOf(Redacted.value(id)))
  if (left === undefined || right === undefined || left.length !== right.length) return false
  let difference = 0
  for (const [index, byte] of left.entries()) difference |= byte ^ (right[index] ?? 0)
  return difference === 0
}

/** The close code of a server that is about to be there again: "service restart". */
const comeBackLater = 1012

const endKey = ({ registered, role }: Pick<Machine, "registered" | "role">): string => `${registered}.${role}`

const wayOf = (
  { fromPeer, peer, session }: Machine,
  way: "to_client" | "from_client" | "link"
): Conduit | undefined => {
  if (way === "link") return peer === undefined ? undefined : fromPeer
  return way === "to_client" ? session?.toClient : session?.fromClient
}

/** Whether a watch begins by telling what its machine knows. */
const isOldNews = (machine: Machine, event: ChainEvent): boolean => {
  const { alreadySeen } = machine
  if (alreadySeen === undefined || !("tx" in event)) return false
  machine.alreadySeen = undefined
  return event._tag === "ChannelChanged" && SignedTx.hash(event.tx) === alreadySeen
}

export class Shell {
  readonly jobs: Jobs
  readonly blocks: Blocks
  private readonly links: Links
  private readonly machines = new Map<string, Machine>()
  /** The ends of channels that clients can come back to. There is one machine for each. */
  private readonly registered = {
    initiator: new Map<ChannelId, Machine>(),
    responder: new Map<ChannelId, Machine>()
  }
  private readonly keeper: Keeper
  private readonly outbox = new Outbox()
  private readonly calls = new Map<
    CallId,
    { readonly open: OpenFrame; readonly index: number; readonly session: Session }
  >()
  private readonly chainLog: ChainLog
  private moments: Array<NodeMoment> = []
  readonly observers: Observers
  private nextSession = 1
  private nextMachine = 1
  private nextCall: CallId = 1

  constructor(
    /** How clients are spoken to: by the protocol that their URL names. */
    private readonly codecs: Codecs,
    private readonly crypto: CryptoService,
    private readonly timers: Timers,
    ledger: Ledger.Ledger,
    private readonly options: ShellOptions,
    private readonly durable: Durable | undefined,
    /** The storage has failed: the node is over. */
    private readonly failed: (error: NodeStorageError) => void
  ) {
    this.jobs = durable === undefined ? new Jobs() : new Jobs(() => this.settle(durable))
    this.observers = new Observers(timers)
    this.keeper = new Keeper(durable?.states ?? StateEntries.inMemory(), durable !== undefined)
    this.chainLog = durable?.chain ?? ChainLog.inMemory(ledger)
    this.links = new Links(this.jobs, timers, options.acceptDelay, (machine, event) =>
      this.step(machine, event)
    )
    this.blocks = new Blocks(this.jobs, timers, crypto, ledger, options, {
      tell: (machineId, event) => {
        const machine = this.machines.get(machineId)
        if (machine === undefined || isOldNews(machine, event)) return
        this.jobs.enqueue(() => this.step(machine, { _tag: "ChainSaid", event }))
      },
      changed: (operation, after) => {
        this.chainLog.add(operation, after)
        if (operation._tag === "KeyBlock") this.forgetClosed(after)
      }
    })
    this.forgetClosed(ledger)
  }

  /** The states of all machines that run, for the next node on the same storage. */
  close(): void {
    this.jobs.dispatch(() => {
      for (const machine of this.machines.values()) this.keeper.ended(machine)
    })
    this.jobs.halt()
  }

  /** Breaks the links between all machines. */
  breakLinks(): void {
    this.jobs.dispatch(() => {
      for (const machine of this.machines.values()) this.links.cut(machine)
    })
  }

  /** All ends whose machines run, in the order in which they came. */
  ends(): ReadonlyArray<ChannelEnd> {
    return Array.from(this.machines.values(), endOf)
  }

  /** Cuts off the clients of a channel, or its link. How many ends that was. */
  cutOff(channelId: ChannelId, role: OpenParameters.Role | undefined, what: "client" | "link"): number {
    let count = 0
    this.jobs.dispatch(() => {
      for (const each of ["initiator", "responder"] as const) {
        const machine = role === undefined || role === each ? this.running(channelId, each) : undefined
        if (machine === undefined) continue
        if (what === "link" ? machine.peer === undefined : machine.session === undefined) continue
        count += 1
        if (what === "client") this.cutClient(machine)
        else this.links.cut(machine)
      }
    })
    return count
  }

  /** Disturbs the ways of a channel's frames or peer messages. How many ends had such a way. */
  disturb(
    channelId: ChannelId,
    role: OpenParameters.Role | undefined,
    way: "to_client" | "from_client" | "link",
    disturbance: Disturbance
  ): number {
    let count = 0
    for (const each of ["initiator", "responder"] as const) {
      const machine = role === undefined || role === each ? this.running(channelId, each) : undefined
      const conduit = machine && wayOf(machine, way)
      if (conduit === undefined) continue
      count += 1
      conduit.disturb(disturbance)
    }
    return count
  }

  /** It is so many milliseconds later, for blocks and for machines that wait. */
  travel(milliseconds: number): void {
    this.jobs.dispatch(() => this.timers.travel(milliseconds))
  }

  private cutClient(machine: Machine): void {
    machine.session?.link.terminate()
    if (machine.session !== undefined) this.detach(machine.session)
    this.step(machine, { _tag: "ClientGone" })
  }

  // ---------------------------------------------------------------- snapshots

  /** The number of the moment, to come back to it. */
  snapshot(): number {
    return this.moments.push({
      chain: this.blocks.snapshot(),
      machines: Array.from(this.machines.values(), momentOf),
      states: this.keeper.snapshot(),
      position: this.chainLog.position
    })
  }

  /** Whether there is such a moment. All clients are sent away: they come back to what there was then. */
  revert(snapshot: number): boolean {
    const moment = this.moments[snapshot - 1]
    if (moment === undefined) return false
    this.jobs.dispatch(() => this.goBack(moment))
    return true
  }

  /** All machines are gone, and all clients are sent away. */
  private clear(): void {
    for (const machine of this.machines.values()) {
      machine.stopped = true
      machine.timer.dispose()
      this.links.leave(machine)
      const { session } = machine
      if (session === undefined) continue
      this.detach(session)
      session.link.close(comeBackLater)
    }
    this.machines.clear()
    this.registered.initiator.clear()
    this.registered.responder.clear()
  }

  private goBack({ chain, machines, position, states }: NodeMoment): void {
    const before = new Map(
      [...this.machines.values()].map((machine) => [endKey(machine), machine.state.options.fsmId])
    )
    this.clear()
    this.blocks.revert(chain)
    this.chainLog.add({ _tag: "Revert", position }, chain.ledger)

    const again = new Map<Machine, Machine>()
    for (const moment of machines) {
      const machine = this.machineOf(moment.state, moment.machine, moment.machine)
      const { alreadySeen, registered, rejoins, state, timer } = moment
      // Whoever came back since then knows only the id that it got then.
      const known = registered === undefined ? undefined : before.get(endKey({ ...machine, registered }))
      machine.formerFsmId =
        known === undefined || isSameFsmId(known, state.options.fsmId) ? moment.formerFsmId : known
      machine.alreadySeen = alreadySeen
      machine.rejoins = rejoins
      if (registered !== undefined) this.register(machine, registered)
      if (timer !== undefined) machine.timer.set(timer)
      this.machines.set(machine.id, machine)
      again.set(moment.machine, machine)
    }
    for (const { machine, peer } of machines) {
      const [restored, other] = [again.get(machine), peer && again.get(peer)]
      if (restored !== undefined) restored.peer = other
    }
    this.keeper.revert(states, again.values())
    for (const machine of again.values()) {
      if (machine.state.clientConnected) this.step(machine, { _tag: "ClientGone" })
      if (machine.stopped || machine.peer !== undefined) continue
      if (machine.rejoins !== undefined) this.links.enterAgain(machine, machine.rejoins)
    }
  }

  // ---------------------------------------------------------------- dumps

  /** The chain, and the states of all channels, sealed under the ids of their clients. */
  dump(): NodeDump {
    let states: Uint8Array = new Uint8Array()
    this.jobs.dispatch(() => {
      const before = this.keeper.snapshot()
      for (const machine of this.machines.values()) this.keeper.ended(machine)
      states = encodeStates(this.keeper.snapshot())
      this.keeper.revert(before, this.machines.values())
    })
    return { chain: this.chainLog.dump(), states }
  }

  /** The node goes on from a dump. Clients are sent away and come back to the channels that are in it. */
  load({ chain, states }: NodeDump): NodeStateError | undefined {
    const ledger = ChainLog.read(chain, this.blocks.ledger, this.crypto)
    if (ledger instanceof NodeStateError) return ledger
    const kept = decodeStates(states)
    if (kept instanceof NodeStateError) return kept
    this.jobs.dispatch(() => {
      this.clear()
      this.moments = []
      this.blocks.revert({ ledger, watcher: ChainWatcher.empty })
      this.chainLog.add({ _tag: "Load", dump: chain }, ledger)
      this.keeper.revert(kept, [])
    })
    return undefined
  }

  // ---------------------------------------------------------------- storage

  /** Makes durable what was done, and only then tells of it. */
  private settle({ chain, states }: Durable): void {
    // The chain first: a state must not count on a transaction that the chain has lost.
    const error = chain.commit() ?? states.commit()
    if (error === undefined) return this.outbox.release()
    // After a failed write nobody knows what the storage holds. A node that goes on would tell of what a restart takes
    // back; one that stops comes back with all that it has ever told.
    this.jobs.logs.push({ level: "error", message: `The node stops. ${error.message}` })
    this.jobs.halt()
    for (const machine of this.machines.values()) machine.timer.dispose()
    this.machines.clear()
    this.outbox.cut()
    this.failed(error)
  }

  private forgetClosed(ledger: Ledger.Ledger): void {
    this.keeper.forgetClosed(ledger, ({ channelId, role }) => this.running(channelId, role) !== undefined)
  }

  // ---------------------------------------------------------------- clients

  /** A client's opening. The ids are for the machine, if it comes to one. */
  open(query: string, link: ClientLink, ids: MachineIds): Session {
    const protocol = OpenParameters.protocolOf(query)
    const [toClient, fromClient] = [this.conduit(), this.conduit()]
    const number = this.nextSession++
    const wired = this.observers.wire(number, toClient, link)
    this.observers.tell({ _tag: "Opened", socket: number, query })
    const session: Session = {
      number,
      codec: (protocol && this.codecs.byProtocol.get(protocol)) ?? this.codecs.usual,
      link: this.durable === undefined || this.jobs.halted ? wired : this.outbox.wrap(wired),
      toClient,
      fromClient,
      machine: undefined,
      outlived: false,
      spoken: false,
      channelId: null,
      held: undefined
    }
    if (this.jobs.halted) link.close(1011)
    this.jobs.dispatch(() => this.admit(session, query, ids))
    return session
  }

  receive(session: Session, text: string): void {
    this.observers.tell({ _tag: "Received", socket: session.number, text })
    session.fromClient.send(() => this.jobs.dispatch(() => this.frame(session, text)))
  }

  closed(session: Session): void {
    this.observers.tell({ _tag: "Closed", socket: session.number, code: undefined })
    session.toClient.dispose()
    session.fromClient.pass(() => this.jobs.dispatch(() => this.gone(session)))
  }

  private gone(session: Session): void {
    this.outbox.forget(session.link)
    const machine = this.detach(session)
    session.outlived = false
    if (machine !== undefined) this.step(machine, { _tag: "ClientGone" })
  }

  private conduit(): Conduit {
    return new Conduit(this.timers, (job) => this.jobs.dispatch(job))
  }

  /** Parts a client from its machine, which it gives. Nobody hears the answers of its calls any more. */
  private detach(session: Session): Machine | undefined {
    const { machine } = session
    session.machine = undefined
    this.forget(session)
    if (machine !== undefined) machine.session = undefined
    return machine
  }

  private admit(session: Session, query: string, ids: MachineIds): void {
    if (query === "") return session.link.close(1011)
    const outcome = OpenParameters.parseQuery(
      query,
      (id) => Ledger.account(this.blocks.ledger, id) !== undefined,
      (id, role) =>
        this.running(id, role) !== undefined || Ledger.channel(this.blocks.ledger, id) !== undefined,
      [...this.codecs.byProtocol.keys()]
    )
    switch (outcome._tag) {
      case "Refused":
        return this.refuse(session, outcome.refusal)
      case "Reconnect":
        return this.comeBack(session, outcome, ids)
      case "Closed":
        return session.link.close(1000)
      case "Crashed":
        return session.link.close(1011)
      case "Open":
        break
    }
    if (this.machines.size >= 2 * this.options.maxChannels) return this.refuse(session, internalError)
    const { parameters } = outcome
    const { initiatorId, responderId, role } = parameters
    const state = ChannelFsm.initial({
      ...ids,
      role,
      // A responder that takes anybody learns who it is from the first message.
      parameters: { ...parameters, initiatorId: initiatorId === "any" ? responderId : initiatorId },
      initiatorId,
      oldestPin: this.options.oldestPin,
      ownAddress: role === "responder" || initiatorId === "any" ? responderId : initiatorId
    })
    this.start(this.machineOf(state, { port: parameters.port, initiatorId, responderId }), session)
  }

  private machineOf(
    state: ChannelFsm.FsmState,
    { initiatorId, port, responderId }: Pick<Machine, "port" | "initiatorId" | "responderId">,
    /** The machine that it was, in a time that is undone. */
    before?: Machine
  ): Machine {
    const machine: Machine = {
      port,
      initiatorId,
      responderId,
      id: before?.id ?? String(this.nextMachine++),
      role: state.options.role,
      timer: this.timers.timer(() => {
        this.jobs.dispatch(() => this.step(machine, { _tag: "TimerFired" }))
      }),
      fromPeer: this.conduit(),
      inbound: [],
      inboundTimer: this.timers.timer(() => {
        this.jobs.dispatch(() => this.links.arrive(machine))
      }),
      state,
      session: undefined,
      peer: undefined,
      unheard: undefined,
      inboundDelayed: false,
      stopped: false,
      rejoins: undefined,
      registered: undefined,
      formerFsmId: undefined,
      alreadySeen: undefined,
      kept: undefined,
      seals: before?.seals ?? { count: 0 }
    }
    return machine
  }

  private start(machine: Machine, session: Session): void {
    session.machine = machine
    machine.session = session
    this.machines.set(machine.id, machine)
    this.step(machine, { _tag: "Started" })
    if (!machine.stopped) this.links.enter(machine)
  }

  /**
   * A client comes back: to its machine if that runs, else with a new machine to the state that was kept. Without
   * either it is let go without a word.
   */
  private comeBack(
    session: Session,
    { channelId, fsmId, role }: OpenParameters.ReconnectParameters,
    ids: MachineIds
  ): void {
    const running = this.running(channelId, role)
    if (running !== undefined) return this.attach(running, session, fsmId)
    const cached = this.keeper.find({ channelId, role }, fsmId)
    if (cached instanceof StateCache.WrongFsmIdError)
      return this.refuse(session, ErrorCodes.reasons.invalid_fsm_id)
    if (cached === "missing") return session.link.close(1000)
    if (cached instanceof DecodeError) {
      this.jobs.logs.push({ level: "error", message: `A kept state cannot be read: ${cached.message}` })
      return session.link.close(1000)
    }
    const state = ChannelFsm.restored(cached, { ...ids, oldestPin: this.options.oldestPin })
    const { initiatorId, port, responderId } = cached.parameters
    const machine = this.machineOf(state, { port, initiatorId, responderId })
    machine.rejoins = channelId
    machine.formerFsmId = fsmId
    this.register(machine, channelId)
    this.keeper.handOver(machine, cached)
    this.start(machine, session)
  }

  /** A client comes back to its machine. It takes the place of one that is still there and has said something. */
  private attach(machine: Machine, session: Session, fsmId: FsmId): void {
    const { formerFsmId, state } = machine
    const isCurrent = isSameFsmId(state.options.fsmId, fsmId)
    const isFormer = formerFsmId !== undefined && isSameFsmId(formerFsmId, fsmId)
    if (!isCurrent && !isFormer) return this.refuse(session, ErrorCodes.reasons.invalid_fsm_id)
    const before = machine.session
    if (before !== undefined) {
      if (!before.spoken) return session.link.close(1000)
      this.detach(before)
      before.link.terminate()
      // The client is there all the time for a machine that would end without it.
      if (state.clientMayDisconnect) this.step(machine, { _tag: "ClientGone" })
    }
    session.machine = machine
    machine.session = session
    this.step(machine, { _tag: "ClientAttached", ...(isCurrent ? {} : { anew: true }) })
  }

  /** The machine of one end of a channel. It is found from the moment at which it waits for the chain. */
  private running(channelId: ChannelId, role: OpenParameters.Role): Machine | undefined {
    return this.registered[role].get(channelId)
  }

  /** An end of a channel belongs to the first machine that has it. */
  private register(machine: Machine, channelId: ChannelId): void {
    const machines = this.registered[machine.role]
    if (machines.has(channelId)) return
    machines.set(channelId, machine)
    machine.registered = channelId
  }

  private refuse(session: Session, refusal: Refusal): void {
    const text = session.codec.encodeOpenRefusal(refusal)
    if (text !== undefined) session.link.send(text)
    this.closeLater(session)
  }

  /** Some clients lose frames that they have not worked on when the socket ends. */
  private closeLater(session: Session): void {
    this.timers.after(this.options.closeDelay, () => this.jobs.dispatch(() => session.link.close(1000)))
  }

  private frame(session: Session, text: string): void {
    const frame = session.codec.decodeClientFrame(text)
    if (frame._tag === "Dropped") {
      this.jobs.logs.push({
        level: "debug",
        message: `A client's frame was dropped: ${frame.reason.message}`
      })
      return
    }
    session.spoken = true
    // Requests to a machine that is over get what a node answers where it fails without saying so: "ok" by id.
    if (session.machine === undefined && !session.outlived) return
    const open: OpenFrame = {
      frame,
      answers: frame.calls.map(() => undefined),
      missing: frame.calls.length
    }
    if (frame.batch) session.held = []
    frame.calls.forEach((call, index) => {
      const { request } = call
      if (request._tag === "Refusal") return this.answer(session, open, index, request)
      if (request._tag === "Swallowed")
        return this.answer(
          session,
          open,
          index,
          this.options.helpfulErrors ? internalError : { _tag: "NoReply" }
        )
      const { machine } = session
      if (machine === undefined) return this.answer(session, open, index, { _tag: "NoReply" })
      // Who asks for something has read the report that brings the machine's own id.
      if (request._tag !== "Ping") machine.formerFsmId = undefined
      const callId = this.nextCall++
      this.calls.set(callId, { open, index, session })
      this.step(machine, { _tag: "Called", callId, request })
    })
    const held = session.held ?? []
    session.held = undefined
    for (const report of held) session.link.send(report)
  }

  private answer(session: Session, open: OpenFrame, index: number, answer: Answer): void {
    if (open.answers[index] !== undefined) return
    open.answers[index] = answer
    open.missing -= 1
    if (open.missing > 0) return
    const answers = open.answers.filter((known) => known !== undefined)
    const text = session.codec.encodeAnswers(open.frame, answers, session.channelId)
    if (text !== undefined) session.link.send(text)
  }

  /** Calls whose answer nobody can hear any more. */
  private forget(session: Session): void {
    for (const [callId, call] of this.calls) if (call.session === session) this.calls.delete(callId)
  }

  // ---------------------------------------------------------------- machines

  private step(machine: Machine, event: FsmEvent): void {
    if (machine.stopped) return
    try {
      const { state, effects } = ChannelFsm.transition(machine.state, event, {
        chain: this.blocks.view,
        crypto: this.crypto,
        now: this.timers.now(),
        helpfulErrors: this.options.helpfulErrors,
        takesForcedAgain: this.options.takesForcedAgain
      })
      machine.state = state
      if (machine.registered === undefined && state.createTx !== undefined && state.channelId !== null)
        this.register(machine, state.channelId)
      this.keeper.advanced(machine)
      for (const effect of effects) this.interpret(machine, effect)
      // A machine that outlives its peer, which may come back.
      if (event._tag === "LinkDown" && !machine.stopped && machine.registered !== undefined)
        this.links.enterAgain(machine, machine.registered)
    } catch (cause) {
      this.jobs.logs.push({
        level: "error",
        message: `Machine ${machine.id} (${machine.role}) failed at ${event._tag} and was stopped`,
        cause
      })
      const { session } = machine
      this.retire(machine)
      session?.link.close(1011)
    }
  }

  private interpret(machine: Machine, effect: FsmEffect): void {
    switch (effect._tag) {
      case "Answer": {
        const call = this.calls.get(effect.callId)
        this.calls.delete(effect.callId)
        // The answer of a call whose socket is gone is for nobody.
        if (call !== undefined && call.session === machine.session)
          this.answer(call.session, call.open, call.index, effect.answer)
        return
      }
      case "Report": {
        const { session } = machine
        if (session === undefined) return
        if (effect.channelId !== null) session.channelId = effect.channelId
        const text = session.codec.encodeReport(effect.report, effect.channelId)
        if (text === undefined) return
        if (session.held !== undefined) session.held.push(text)
        else session.link.send(text)
        return
      }
      case "Tell":
        this.links.tell(machine, effect.message)
        return
      case "Submit":
        this.blocks.take(effect.signedTx)
        return
      case "WatchChannel":
        // A machine that comes back has looked at the chain itself.
        if (machine.rejoins !== undefined) machine.alreadySeen = machine.state.lastChannelChange
        this.blocks.watchChannel(machine.id, effect.channelId)
        return
      case "WatchDepth":
        this.blocks.watchDepth(machine.id, effect.txHash, effect.depth)
        return
      case "WatchUnlock":
        this.blocks.watchUnlock(machine.id, effect.channelId)
        return
      case "SetTimer":
        if (effect.milliseconds === "infinity") machine.timer.stop()
        else machine.timer.set(effect.milliseconds)
        return
      case "Stopped": {
        const { session } = machine
        this.retire(machine)
        if (session !== undefined) this.closeLater(session)
        return
      }
    }
  }

  /** Takes a machine out of everything; its client's socket is left to the caller. */
  private retire(machine: Machine): void {
    if (machine.stopped) return
    machine.stopped = true
    machine.timer.dispose()
    this.machines.delete(machine.id)
    this.keeper.ended(machine)
    if (machine.registered !== undefined) this.registered[machine.role].delete(machine.registered)
    this.blocks.unwatch(machine.id)
    if (machine.session !== undefined) {
      machine.session.outlived = true
      this.detach(machine.session)
    }
    this.links.leave(machine)
  }
}
