/**
 * The whole system in one simulation: two clients and the node they share, with everything between them that runs in a
 * real process except sockets.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Channel from "../../../src/client/Channel.js"
import type { CoSignedState, FlowError } from "../../../src/client/ChannelEvent.js"
import { Crypto } from "../../../src/crypto/Crypto.js"
import * as ChannelNode from "../../../src/node/ChannelNode.js"
import * as InMemoryTransport from "../../../src/node/InMemoryTransport.js"
import { Codec } from "../../../src/protocol/Codec.js"
import * as JsonRpcSignedTx from "../../../src/protocol/JsonRpcSignedTx.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import * as ChannelStore from "../../../src/services/ChannelStore.js"
import { ProposalPolicy } from "../../../src/services/ProposalPolicy.js"
import { Signer } from "../../../src/services/Signer.js"
import { Transport } from "../../../src/services/Transport.js"
import { options } from "../../client/support/Parties.js"
import { ledger } from "../../support/NodeUnderTest.js"
import * as TestCrypto from "../../support/TestCrypto.js"
import { Auditor } from "./Auditor.js"
import * as Doubles from "./Doubles.js"
import { type Entry, Journal, type Request } from "./Journal.js"
import { Simulation } from "../../../src/testing/SeededScheduler.js"
import { timeouts } from "./Steps.js"

/** Longer than any operation can take; shorter than the idle timer. */
export const horizon = 300_000

/** A call that a party has made. */
interface Call {
  readonly role: Role
  readonly number: number
  readonly request: Request
  readonly fiber: Fiber.RuntimeFiber<CoSignedState | undefined, FlowError>
}

class Party {
  readonly moods: Doubles.Moods = { signer: [], policy: [] }
  scope: Scope.CloseableScope | undefined
  store: ChannelStore.ChannelStoreService | undefined
  channel: Channel.Channel | undefined
  /** Whether it has ended its session itself, or was cut off. */
  gone = false
}

const absent = (what: string): never => {
  throw new Error(`there is no ${what} yet`)
}

/** See the module. */
export class System {
  readonly simulation: Simulation
  readonly journal = new Journal()
  readonly auditor = new Auditor(options("initiator"))
  readonly parties: Readonly<Record<Role, Party>> = { initiator: new Party(), responder: new Party() }
  /** Calls that have not returned, oldest first. */
  readonly pending = new Set<Call>()
  private node: Doubles.RecordedNode | undefined
  private readonly nodeScope: Scope.CloseableScope
  private calls = 0

  constructor(schedule: number) {
    this.simulation = new Simulation(schedule)
    const add = this.journal.add.bind(this.journal)
    this.journal.add = (entry: Entry) => {
      add(entry)
      this.auditor.see(entry)
    }
    this.nodeScope = this.simulation.run(Scope.make())
  }

  /** Starts the node and lets both clients connect; their openings are under way. */
  start(): this {
    const { journal, nodeScope, simulation } = this
    const crypto = TestCrypto.seededDouble("node")
    const node = simulation.run(
      ChannelNode.make({ ledger, mining: { keyBlocksAfter: 4 } }).pipe(
        Effect.provideService(Crypto, crypto),
        Effect.provideService(Codec, JsonRpcSignedTx.codec),
        Effect.provideService(Scope.Scope, nodeScope)
      )
    )
    this.node = Doubles.recorded(node, journal)
    const transport = simulation.run(
      Effect.provideService(InMemoryTransport.make, ChannelNode.ChannelNode, this.node.node)
    )
    const connect = Doubles.roles.map((role) => {
      const party = this.parties[role]
      const memory = simulation.run(ChannelStore.makeMemory)
      const scope = simulation.run(Scope.make())
      party.scope = scope
      party.store = memory
      const context = Context.empty().pipe(
        Context.add(Transport, transport),
        Context.add(Codec, JsonRpcSignedTx.codec),
        Context.add(Crypto, TestCrypto.native),
        Context.add(Signer, Doubles.signer(role, party.moods, journal)),
        Context.add(ProposalPolicy, Doubles.policy(role, party.moods, journal)),
        Context.add(ChannelStore.ChannelStore, Doubles.store(role, memory, simulation, journal)),
        Context.add(Scope.Scope, scope)
      )
      const opened = Effect.gen(function* () {
        const opening = yield* Channel.connect({ ...options(role), timeouts })
        yield* Effect.forkIn(
          Stream.runForEach(opening.events, (event) =>
            Effect.sync(() => journal.add({ _tag: "Happened", role, event }))
          ),
          scope
        )
        const channel = yield* opening.opened
        party.channel = channel
        return yield* channel.latest.get
      })
      return () => this.call(role, { _tag: "Open" }, Effect.provide(opened, context))
    })
    for (const begin of connect) begin()
    return this
  }

  /** Starts, and goes on until both channels are open. */
  open(): this {
    this.start()
    const { initiator, responder } = this.parties
    this.simulation.settle(horizon, () => initiator.channel !== undefined && responder.channel !== undefined)
    // Nothing of the opening is left under way.
    this.simulation.pass(100)
    return this
  }

  /** The party's channel, which must be open. */
  channel(role: Role): Channel.Channel {
    return this.parties[role].channel ?? absent("channel")
  }

  /** Calls something without waiting for it. */
  call(role: Role, request: Request, effect: Effect.Effect<CoSignedState | undefined, FlowError>): void {
    const { journal, pending, simulation } = this
    const number = ++this.calls
    journal.add({ _tag: "Called", role, call: number, request })
    const fiber = simulation.fork(effect)
    const call: Call = { role, number, request, fiber }
    pending.add(call)
    fiber.addObserver((exit) => {
      pending.delete(call)
      journal.add({ _tag: "Returned", role, call: number, request, exit })
    })
  }

  /** Calls something that has no value to be judged. */
  ask(role: Role, name: string, effect: Effect.Effect<unknown, FlowError>): void {
    this.call(role, { _tag: "Other", name }, Effect.as(effect, undefined))
  }

  transfer(role: Role, payer: Role, amount: bigint, meta: ReadonlyArray<string> = []): void {
    const from = Doubles.keyPairs[payer].address
    const to = Doubles.keyPairs[Doubles.otherRole(payer)].address
    const channel = this.channel(role)
    this.call(role, { _tag: "Transfer", payer, amount, meta }, channel.transfer({ from, to, amount, meta }))
  }

  /** Interrupts the party's oldest call. */
  interrupt(role: Role): void {
    for (const call of this.pending) {
      if (call.role !== role) continue
      call.fiber.unsafeInterruptAsFork(call.fiber.id())
      return
    }
  }

  /** Ends the party's session: its client closes, or its connection breaks. */
  disconnect(role: Role, how: "close" | "cut"): void {
    const party = this.parties[role]
    if (party.gone) return
    party.gone = true
    if (how === "close") this.simulation.fork(Scope.close(party.scope ?? absent("scope"), Exit.void))
    else this.simulation.fork((this.node ?? absent("node")).cut(role))
  }

  /** Closes everything, the clients' scopes and then the node's. */
  close(): void {
    for (const role of Doubles.roles) {
      const { scope } = this.parties[role]
      if (scope !== undefined) this.simulation.fork(Scope.close(scope, Exit.void))
    }
    this.simulation.settle(horizon)
  }

  closeNode(): void {
    this.simulation.exit(Scope.close(this.nodeScope, Exit.void))
    this.simulation.rest()
  }
}
