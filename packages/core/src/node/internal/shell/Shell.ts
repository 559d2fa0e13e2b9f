/**
 * The shell of a node: the pure machines, the ledger and the watcher are values here, and their effects are carried
 * out. Everything is synchronous and goes through one queue: an event is worked on to its end before the next one,
 * and the same events in the same order have the same outcome.
 */
import * as Redacted from "effect/Redacted"
import type { CryptoService } from "../../../crypto/Crypto.js"
import type { ChannelId } from "../../../encoding/ApiEncoding.js"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import type { Answer, CodecService } from "../../../protocol/Codec.js"
import type { FsmId, Refusal } from "../../../protocol/NodeMessage.js"
import * as ErrorCodes from "../../../protocol/ErrorCodes.js"
import * as OpenParameters from "../../../protocol/OpenParameters.js"
import * as ChannelFsm from "../../ChannelFsm.js"
import type { CallId, FsmEffect, FsmEvent } from "../../FsmEvent.js"
import * as Ledger from "../../Ledger.js"
import { Blocks, type BlocksOptions } from "./Blocks.js"
import { Jobs } from "./Jobs.js"
import { Links } from "./Links.js"
import type { ClientLink, Machine, OpenFrame, Session } from "./Machine.js"
import type { Timers } from "./Timers.js"

/** Delays in milliseconds. */
export interface ShellOptions extends BlocksOptions {
  readonly acceptDelay: number
  readonly closeDelay: number
  readonly maxChannels: number
  readonly oldestPin: number
  readonly helpfulErrors: boolean
}

/** The random ids of a machine, drawn before it is started. */
export interface MachineIds {
  readonly fsmId: FsmId
  readonly temporaryChannelId: string
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

export class Shell {
  readonly jobs = new Jobs()
  readonly blocks: Blocks
  private readonly links: Links
  private readonly machines = new Map<string, Machine>()
  private readonly calls = new Map<
    CallId,
    { readonly open: OpenFrame; readonly index: number; readonly session: Session }
  >()
  private nextMachine = 1
  private nextCall: CallId = 1

  constructor(
    private readonly codec: CodecService,
    private readonly crypto: CryptoService,
    private readonly timers: Timers,
    ledger: Ledger.Ledger,
    private readonly options: ShellOptions
  ) {
    this.links = new Links(this.jobs, timers, options.acceptDelay, (machine, event) =>
      this.step(machine, event)
    )
    this.blocks = new Blocks(this.jobs, timers, crypto, ledger, options, (machineId, event) => {
      const machine = this.machines.get(machineId)
      if (machine !== undefined) this.jobs.enqueue(() => this.step(machine, { _tag: "ChainSaid", event }))
    })
  }

  // ---------------------------------------------------------------- clients

  /** A client's opening. The ids are for the machine, if it comes to one. */
  open(query: string, link: ClientLink, ids: MachineIds): Session {
    const session: Session = { link, machine: undefined, outlived: false, channelId: null, held: undefined }
    this.jobs.dispatch(() => this.admit(session, query, ids))
    return session
  }

  receive(session: Session, text: string): void {
    this.jobs.dispatch(() => this.frame(session, text))
  }

  closed(session: Session): void {
    this.jobs.dispatch(() => {
      const { machine } = session
      session.machine = undefined
      session.outlived = false
      this.forget(session)
      if (machine === undefined) return
      machine.session = undefined
      this.step(machine, { _tag: "ClientGone" })
    })
  }

  private admit(session: Session, query: string, ids: MachineIds): void {
    if (query === "") return session.link.close(1011)
    const outcome = OpenParameters.parseQuery(
      query,
      (id) => Ledger.account(this.blocks.ledger, id) !== undefined,
      (id, role) =>
        this.running(id, role) !== undefined || Ledger.channel(this.blocks.ledger, id) !== undefined
    )
    switch (outcome._tag) {
      case "Refused":
        return this.refuse(session, outcome.refusal)
      case "Reconnect":
        return this.comeBack(session, outcome)
      case "Closed":
        return session.link.close(1000)
      case "Crashed":
        return session.link.close(1011)
      case "Open":
        break
    }
    if ((outcome.dialect === "legacy") !== (this.codec.dialect === "legacy")) return session.link.close(1011)
    if (this.machines.size >= this.options.maxChannels) return this.refuse(session, internalError)
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
    const machine: Machine = {
      id: String(this.nextMachine++),
      role,
      port: parameters.port,
      initiatorId,
      responderId,
      timer: this.timers.timer(() => {
        this.jobs.dispatch(() => this.step(machine, { _tag: "TimerFired" }))
      }),
      inbound: [],
      inboundTimer: this.timers.timer(() => {
        this.jobs.dispatch(() => this.links.arrive(machine))
      }),
      state,
      session,
      peer: undefined,
      unheard: undefined,
      inboundDelayed: false,
      stopped: false
    }
    session.machine = machine
    this.machines.set(machine.id, machine)
    this.step(machine, { _tag: "Started" })
    if (!machine.stopped) this.links.enter(machine)
  }

  /** Coming back is not served yet: who has the right id is only let go without a word. */
  private comeBack(session: Session, { channelId, fsmId, role }: OpenParameters.ReconnectParameters): void {
    const machine = this.running(channelId, role)
    if (machine !== undefined && !isSameFsmId(machine.state.options.fsmId, fsmId))
      return this.refuse(session, ErrorCodes.reasons.invalid_fsm_id)
    session.link.close(1000)
  }

  /** The machine of one end of a channel. It is found from the moment at which it waits for the chain. */
  private running(channelId: ChannelId, role: OpenParameters.Role): Machine | undefined {
    for (const machine of this.machines.values()) {
      const { state } = machine
      if (machine.role === role && state.createTx !== undefined && state.channelId === channelId)
        return machine
    }
    return undefined
  }

  private refuse(session: Session, refusal: Refusal): void {
    const text = this.codec.encodeOpenRefusal(refusal)
    if (text !== undefined) session.link.send(text)
    this.closeLater(session)
  }

  /** Some clients lose frames that they have not worked on when the socket ends. */
  private closeLater(session: Session): void {
    this.timers.after(this.options.closeDelay, () => this.jobs.dispatch(() => session.link.close(1000)))
  }

  private frame(session: Session, text: string): void {
    const frame = this.codec.decodeClientFrame(text)
    if (frame._tag === "Dropped") {
      this.jobs.logs.push({
        level: "debug",
        message: `A client's frame was dropped: ${frame.reason.message}`
      })
      return
    }
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
    const text = this.codec.encodeAnswers(open.frame, answers, session.channelId)
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
        helpfulErrors: this.options.helpfulErrors
      })
      machine.state = state
      for (const effect of effects) this.interpret(machine, effect)
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
        const text = this.codec.encodeReport(effect.report, effect.channelId)
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
    this.blocks.unwatch(machine.id)
    if (machine.session !== undefined) {
      machine.session.machine = undefined
      machine.session.outlived = true
      this.forget(machine.session)
    }
    machine.session = undefined
    this.links.leave(machine)
  }
}
