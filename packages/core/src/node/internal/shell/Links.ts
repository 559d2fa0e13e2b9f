/** The links between machines: how an initiator finds its responder, and how events travel from one to the other. */
import type { ChannelId } from "../../../encoding/ApiEncoding.js"
import type { FsmEvent } from "../../FsmEvent.js"
import type { PeerMessage } from "../../PeerMessage.js"
import type { Jobs } from "./Jobs.js"
import type { Machine } from "./Machine.js"
import { Rendezvous } from "./Rendezvous.js"
import type { Timers } from "./Timers.js"

/** How long an initiator is left without an answer when nobody on its port is its peer, in milliseconds. */
const searchTime = 500

/** Whether a machine can hear that its peer is back. */
const waitsForPeer = ({ state, stopped }: Machine): boolean =>
  !stopped && !state.peerConnected && state.reestablish !== "none"

export class Links {
  private readonly rendezvous = new Rendezvous<Machine>()
  /** Ends of existing channels that look for each other. */
  private readonly returned = {
    initiator: new Map<ChannelId, Machine>(),
    responder: new Map<ChannelId, Machine>()
  }

  constructor(
    private readonly jobs: Jobs,
    private readonly timers: Timers,
    /** Milliseconds. */
    private readonly acceptDelay: number,
    /** Hands an event to a machine, now. */
    private readonly step: (machine: Machine, event: FsmEvent) => void
  ) {}

  /** A machine that has just been started. */
  enter(machine: Machine): void {
    if (machine.rejoins !== undefined) return this.enterAgain(machine, machine.rejoins)
    if (machine.role === "initiator") return this.jobs.enqueue(() => this.connect(machine))
    this.rendezvous.listen(machine)
    for (const initiator of this.rendezvous.waiting(machine.port))
      this.jobs.enqueue(() => {
        if (initiator.unheard !== undefined) this.meet(initiator)
        else this.connect(initiator)
      })
  }

  /** One end of an existing channel: it came back, or its peer went and may come back. */
  enterAgain(machine: Machine, channelId: ChannelId): void {
    machine.rejoins = channelId
    this.returned[machine.role].set(channelId, machine)
    this.jobs.enqueue(() => this.rejoin(channelId))
  }

  /** A machine that is over: its peer loses its link after everything that was said. */
  leave(machine: Machine): void {
    machine.inboundTimer.dispose()
    machine.fromPeer.dispose()
    machine.inbound.length = 0
    machine.unheard = undefined
    this.rendezvous.leave(machine)
    this.unlist(machine)
    const { peer } = machine
    machine.peer = undefined
    if (peer === undefined) return
    peer.peer = undefined
    this.send(peer, { _tag: "LinkDown" }, 0)
  }

  /** The link between a machine and its peer breaks: both learn of it after everything that was said. */
  cut(machine: Machine): void {
    const { peer } = machine
    if (peer === undefined) return
    machine.peer = undefined
    peer.peer = undefined
    for (const each of [machine, peer]) this.send(each, { _tag: "LinkDown" }, 0)
  }

  tell(machine: Machine, message: PeerMessage): void {
    const event: FsmEvent = { _tag: "PeerSaid", message }
    const delay = message._tag === "ChannelAccept" ? this.acceptDelay : 0
    if (machine.unheard !== undefined) machine.unheard.push(event)
    else if (machine.peer !== undefined) this.send(machine.peer, event, delay)
  }

  /** The delay of what is on its way to the machine has passed. */
  arrive(machine: Machine): void {
    machine.inboundDelayed = false
    const first = machine.inbound.shift()
    if (first !== undefined) this.post(machine, first.event)
    this.deliver(machine)
  }

  private post(machine: Machine, event: FsmEvent): void {
    this.jobs.enqueue(() => this.step(machine, event))
  }

  private send(to: Machine, event: FsmEvent, delay: number): void {
    const arrive = () => {
      to.inbound.push({ event, delay })
      this.deliver(to)
    }
    if (event._tag === "PeerSaid") to.fromPeer.send(arrive)
    else to.fromPeer.pass(arrive)
  }

  /** Posts what may be posted now; what is delayed, and what came after it, waits. */
  private deliver(machine: Machine): void {
    if (machine.inboundDelayed) return
    for (;;) {
      const first = machine.inbound[0]
      if (first === undefined) return
      if (first.delay > 0) {
        machine.inboundDelayed = true
        machine.inboundTimer.set(first.delay)
        return
      }
      machine.inbound.shift()
      this.post(machine, first.event)
    }
  }

  private unlist(machine: Machine): void {
    const { rejoins, role } = machine
    if (rejoins !== undefined && this.returned[role].get(rejoins) === machine)
      this.returned[role].delete(rejoins)
  }

  /**
   * Joins both ends of a channel when both are there. The initiator waits as it does when nobody listens on its port,
   * and its timer ends it.
   */
  private rejoin(channelId: ChannelId): void {
    const initiator = this.returned.initiator.get(channelId)
    const responder = this.returned.responder.get(channelId)
    if (initiator === undefined || responder === undefined || initiator.port !== responder.port) return
    if (!waitsForPeer(initiator) || !waitsForPeer(responder)) return
    this.unlist(initiator)
    this.unlist(responder)
    initiator.peer = responder
    responder.peer = initiator
    this.send(responder, { _tag: "LinkUp" }, 0)
    this.step(initiator, { _tag: "LinkUp" })
  }

  /** An initiator looks for its peer. While nobody listens, it waits. */
  private connect(initiator: Machine): void {
    if (initiator.stopped || initiator.peer !== undefined || initiator.unheard !== undefined) return
    this.rendezvous.wait(initiator)
    if (!this.rendezvous.isListening(initiator.port)) return
    initiator.unheard = []
    this.step(initiator, { _tag: "LinkUp" })
    if (initiator.stopped || this.meet(initiator)) return
    this.timers.after(searchTime, () =>
      this.jobs.dispatch(() => {
        if (initiator.stopped || initiator.unheard === undefined) return
        initiator.unheard = undefined
        this.rendezvous.leave(initiator)
        this.step(initiator, { _tag: "LinkDown" })
      })
    )
  }

  /** Joins an initiator whose link stands with its responder, if that one is there. */
  private meet(initiator: Machine): boolean {
    const responder = initiator.stopped ? undefined : this.rendezvous.match(initiator)
    if (responder === undefined) return false
    const said = initiator.unheard ?? []
    initiator.unheard = undefined
    this.rendezvous.leave(initiator)
    this.rendezvous.leave(responder)
    initiator.peer = responder
    responder.peer = initiator
    this.send(responder, { _tag: "LinkUp" }, 0)
    for (const event of said) this.send(responder, event, 0)
    return true
  }
}
