/**
 * The whole system in one simulation: two clients and the node they share, with everything between them that runs in a
 * real process except sockets.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Runtime from "effect/Runtime"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Channel from "../../../src/client/Channel.js"
import type { CoSignedState, FlowError } from "../../../src/client/ChannelEvent.js"
import { Crypto } from "../../../src/crypto/Crypto.js"
import type { TxHash } from "../../../src/encoding/ApiEncoding.js"
import type { ContractCall } from "../../../src/client/ContractCall.js"
import * as CallData from "../../../src/fate/CallData.js"
import * as ContractObject from "../../../src/chain/ContractObject.js"
import * as Fee from "../../../src/chain/Fee.js"
import * as ChannelNode from "../../../src/node/ChannelNode.js"
import * as InMemoryTransport from "../../../src/node/InMemoryTransport.js"
import * as Ledger from "../../../src/node/Ledger.js"
import { Codec } from "../../../src/protocol/Codec.js"
import * as JsonRpcSignedTx from "../../../src/protocol/JsonRpcSignedTx.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import * as ChainReader from "../../../src/services/ChainReader.js"
import * as ChannelStore from "../../../src/services/ChannelStore.js"
import * as ChainReaders from "../../../src/testing/ChainReaders.js"
import type { BlockHash, ContractId } from "../../../src/encoding/ApiEncoding.js"
import type { OffChainCallContract, OffChainNewContract } from "../../../src/state/Update.js"
import { ProposalPolicy } from "../../../src/services/ProposalPolicy.js"
import { Signer } from "../../../src/services/Signer.js"
import { Transport } from "../../../src/services/Transport.js"
import { options } from "../../client/support/Parties.js"
import { ledger, networkId } from "../../support/NodeUnderTest.js"
import * as TestCrypto from "../../support/TestCrypto.js"
import { Auditor } from "./Auditor.js"
import * as Doubles from "./Doubles.js"
import { type Entry, Journal, type Request } from "./Journal.js"
import { Simulation } from "../../../src/testing/SeededScheduler.js"
import { chainTimeout, timeouts } from "./Steps.js"

/** Longer than any operation can take; shorter than the idle timer. */
export const horizon = 700_000

/** The depth at which the node takes a transaction as settled; no fork goes as deep. */
const minimumDepth = 3

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
  /** Everything its clients need but a scope. */
  context: Context.Context<Exclude<Channel.Requirements, Scope.Scope>> | undefined
  channel: Channel.Channel | undefined
  /** Whether it has ended its session itself, or was cut off and is not back. */
  gone = false
  /** Whether it is about to come back. */
  coming = false
  /** How many clients it has had. */
  clients = 0
}

/** A minute, and then no more. */
const reconnect = Schedule.intersect(Schedule.spaced("2 seconds"), Schedule.recurs(30))

const absent = (what: string): never => {
  throw new Error(`there is no ${what} yet`)
}

/** What the parties are like. */
export interface Options {
  /** Whether clients come back by themselves when their connection breaks. */
  readonly reconnects?: boolean | undefined
  /** Whose client does not answer older states on chain by itself. */
  readonly lazy?: Role | undefined
  /** Whose client cannot ask the chain what contracts ask for. */
  readonly blind?: Role | undefined
}

/** A call of a contract. */
export interface CallOptions {
  readonly contractId: ContractId
  readonly callData: Uint8Array
  readonly amount: bigint
  readonly blockHash?: BlockHash
}

const versions = { vmVersion: 8, abiVersion: 3 } as const

/** See the module. */
export class System {
  readonly simulation: Simulation
  readonly journal = new Journal(() => this.simulation.now)
  readonly auditor = new Auditor(options("initiator"), ledger)
  readonly parties: Readonly<Record<Role, Party>> = { initiator: new Party(), responder: new Party() }
  /** Calls that have not returned, oldest first. */
  readonly pending = new Set<Call>()
  private node: Doubles.RecordedNode | undefined
  private readonly nodeScope: Scope.CloseableScope
  private readonly runtime: Runtime.Runtime<never>
  private calls = 0
  /** The height that the chain has had at most. */
  private peak = 0

  constructor(
    schedule: number,
    private readonly how: Options = {}
  ) {
    this.simulation = new Simulation(schedule)
    // What the node takes for a failure of its own is none that it may have.
    const logger = Logger.make(({ cause, logLevel, message }) => {
      this.auditor.check(
        "I13",
        logLevel._tag !== "Error",
        () => `the node fails: ${String(message)} ${String(cause)}`
      )
    })
    this.runtime = Effect.runSync(
      Effect.provide(
        Effect.runtime<never>(),
        Logger.replace(Logger.defaultLogger, logger) as Layer.Layer<never>
      )
    )
    const add = this.journal.add.bind(this.journal)
    this.journal.add = (entry: Entry) => {
      add(entry)
      if (entry._tag === "Frame" && this.node !== undefined) this.auditor.look(this.ledger)
      this.auditor.see(entry)
    }
    this.nodeScope = this.simulation.run(Scope.make())
  }

  private run<A, E>(effect: Effect.Effect<A, E>): A {
    return Effect.runSync(this.simulation.exit(effect, this.runtime))
  }

  private fork<A, E>(effect: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> {
    return this.simulation.fork(effect, this.runtime)
  }

  private get world(): ChannelNode.ChannelNodeService {
    return (this.node ?? absent("node")).node
  }

  /** The chain as it is now. */
  get ledger(): Ledger.Ledger {
    return Effect.runSync(this.world.ledger)
  }

  /** Starts the node and lets both clients connect; their openings are under way. */
  start(): this {
    const { journal, nodeScope, simulation } = this
    const crypto = TestCrypto.seededDouble("node")
    const node = this.run(
      // Clients look for the block of a round among those that a node takes unless told otherwise.
      ChannelNode.make({ ledger, mining: { keyBlocksAfter: 4 }, oldestPin: 10 }).pipe(
        Effect.provideService(Crypto, crypto),
        Effect.provideService(Codec, JsonRpcSignedTx.codec),
        Effect.provideService(Scope.Scope, nodeScope)
      )
    )
    this.node = Doubles.recorded(node, journal, (role, closed) => {
      this.parties[role].gone = true
      this.fork(closed)
    })
    const transport = this.run(
      Effect.provideService(InMemoryTransport.make, ChannelNode.ChannelNode, this.node.node)
    )
    const reader = this.run(
      Effect.provide(
        ChainReader.ChainReader,
        Layer.provide(ChainReaders.ofNode, [
          Layer.succeed(ChannelNode.ChannelNode, this.node.node),
          Layer.succeed(Crypto, TestCrypto.native)
        ])
      )
    )
    for (const role of Doubles.roles) {
      const party = this.parties[role]
      const memory = this.run(ChannelStore.makeMemory)
      party.store = memory
      party.context = Context.empty().pipe(
        Context.add(Transport, transport),
        Context.add(Codec, JsonRpcSignedTx.codec),
        Context.add(Crypto, TestCrypto.native),
        Context.add(ChainReader.ChainReader, role === this.how.blind ? ChainReader.none : reader),
        Context.add(Signer, Doubles.signer(role, party.moods, journal)),
        Context.add(ProposalPolicy, Doubles.policy(role, party.moods, journal)),
        Context.add(ChannelStore.ChannelStore, Doubles.store(role, memory, simulation, journal))
      )
    }
    for (const role of Doubles.roles)
      this.connect(
        role,
        { _tag: "Open" },
        Channel.connect({ ...options(role), ...this.settings(role), timeouts })
      )
    return this
  }

  private settings(role: Role): Channel.ClientOptions {
    const number = this.parties[role].clients + 1
    return {
      chainTimeout,
      autoSlash: role !== this.how.lazy,
      // No id is used by two clients.
      firstRequestId: BigInt(number) * 1_000n,
      ...(this.how.reconnects === true ? { reconnect } : {})
    }
  }

  /** Gives the party a client. */
  private connect(
    role: Role,
    request: Request,
    connecting: Effect.Effect<
      Pick<Channel.OpeningChannel, "events" | "opened">,
      FlowError,
      Channel.Requirements
    >
  ): void {
    const { journal } = this
    const party = this.parties[role]
    // Nobody gets a turn by that.
    const scope = Effect.runSync(Scope.make())
    const number = ++party.clients
    const context = party.context ?? absent("context")
    party.scope = scope
    party.coming = true
    const opened = Effect.gen(function* () {
      const { events, opened } = yield* connecting
      yield* Effect.forkIn(
        Stream.runForEach(events, (event) =>
          Effect.sync(() => {
            const isCurrent = party.clients === number
            if (isCurrent && event._tag === "Reconnected") party.gone = false
            journal.add({ _tag: "Happened", role, event, isCurrent })
          })
        ),
        scope
      )
      const channel = yield* opened
      if (party.clients === number) party.channel = channel
      return yield* channel.latest.get
    })
    const fiber = this.call(role, request, Effect.provide(opened, Context.add(context, Scope.Scope, scope)))
    fiber.addObserver((exit) => {
      if (party.clients !== number) return
      party.coming = false
      party.gone = Exit.isFailure(exit)
    })
  }

  /** Starts, and goes on until both channels are open. */
  open(): this {
    this.start()
    const { initiator, responder } = this.parties
    this.simulation.settle(horizon, () => initiator.channel !== undefined && responder.channel !== undefined)
    // Nothing of the opening is left under way.
    this.simulation.pass(100)
    this.looks()
    return this
  }

  /** The party's channel, which must be open. */
  channel(role: Role): Channel.Channel {
    return this.parties[role].channel ?? absent("channel")
  }

  /** Whether the party's session is not over. */
  isHere(role: Role): boolean {
    const { coming, gone } = this.parties[role]
    return !gone && !coming && !this.auditor.ended.has(role)
  }

  /** Looks at the chain; `rested`: nobody has anything to do without time passing. */
  looks(rested = true): void {
    const { auditor, ledger: now } = this
    this.peak = Math.max(this.peak, now.top.height)
    auditor.look(now)
    if (rested)
      auditor.rests(
        this.simulation.now,
        (role) => this.isHere(role) && role !== this.how.lazy && this.parties[role].channel !== undefined
      )
  }

  /** Calls something without waiting for it. */
  call(
    role: Role,
    request: Request,
    effect: Effect.Effect<CoSignedState | undefined, FlowError>
  ): Fiber.RuntimeFiber<CoSignedState | undefined, FlowError> {
    const { journal, pending } = this
    const number = ++this.calls
    journal.add({ _tag: "Called", role, call: number, request })
    const fiber = this.fork(effect)
    const call: Call = { role, number, request, fiber }
    pending.add(call)
    fiber.addObserver((exit) => {
      pending.delete(call)
      journal.add({ _tag: "Returned", role, call: number, request, exit })
    })
    return fiber
  }

  /** Calls something that has no value to be judged. */
  ask(
    role: Role,
    name: string,
    effect: Effect.Effect<unknown, FlowError>,
    txHash?: TxHash
  ): Fiber.RuntimeFiber<unknown, FlowError> {
    const about = txHash === undefined ? {} : { txHash }
    return this.call(role, { _tag: "Other", name, ...about }, Effect.as(effect, undefined))
  }

  transfer(role: Role, payer: Role, amount: bigint, meta: ReadonlyArray<string> = []): void {
    const from = Doubles.keyPairs[payer].address
    const to = Doubles.keyPairs[Doubles.otherRole(payer)].address
    const channel = this.channel(role)
    this.call(role, { _tag: "Transfer", payer, amount, meta }, channel.transfer({ from, to, amount, meta }))
  }

  move(
    role: Role,
    operation: "deposit" | "withdraw",
    amount: bigint,
    more: Omit<Channel.DepositOptions, "amount"> = {}
  ): void {
    this.call(role, { _tag: "Move", operation, amount }, this.channel(role)[operation]({ amount, ...more }))
  }

  /** Creates a contract. */
  create(role: Role, code: Uint8Array, first: bigint, deposit: bigint): void {
    const update: OffChainNewContract = {
      _tag: "OffChainNewContract",
      owner: Doubles.keyPairs[role].address,
      ctVersion: ContractObject.packVersions(versions),
      code,
      deposit,
      callData: CallData.encode("init", [first])
    }
    this.createAs(role, update)
  }

  /** Creates a contract as an update has it. */
  createAs(role: Role, update: OffChainNewContract): void {
    const { callData, code, deposit } = update
    this.call(
      role,
      { _tag: "Contract", name: "new_contract", update },
      this.called(role, this.channel(role).contracts.create({ callData, code, deposit }))
    )
  }

  /** Calls a contract in a round of its own, or has the chain do it. */
  invoke(role: Role, name: "call_contract" | "force_progress", options: CallOptions): void {
    const gasPrice = name === "call_contract" ? 1n : Fee.defaultMinerGasPrice
    const update = this.callUpdate(role, options, gasPrice)
    const { amount, blockHash, callData, contractId } = options
    const plain = { amount, callData, contractId, ...(blockHash === undefined ? {} : { blockHash }) }
    const channel = this.channel(role)
    this.call(
      role,
      { _tag: "Contract", name, update },
      this.called(
        role,
        name === "call_contract" ? channel.contracts.call(plain) : channel.forceProgress(plain)
      )
    )
  }

  /** Looks at what a call would come to. */
  dryRun(role: Role, options: CallOptions): void {
    const update = this.callUpdate(role, options, 1n)
    const tried = Effect.tap(this.channel(role).contracts.dryRun(options), (call) =>
      Effect.sync(() => this.auditor.tried(role, update, call))
    )
    this.ask(role, "dry_run", tried)
  }

  callUpdate(role: Role, options: CallOptions, gasPrice: bigint): OffChainCallContract {
    const { amount, callData, contractId } = options
    return {
      _tag: "OffChainCallContract",
      callerId: Doubles.keyPairs[role].address,
      contractId,
      abiVersion: versions.abiVersion,
      amount,
      gas: 1_000_000n,
      gasPrice,
      callData,
      callStack: []
    }
  }

  private called(
    role: Role,
    calling: Effect.Effect<{ readonly state: CoSignedState; readonly call: ContractCall }, FlowError>
  ): Effect.Effect<CoSignedState, FlowError> {
    return Effect.map(calling, ({ call, state }) => {
      this.auditor.called(role, call, state.signedTx)
      return state
    })
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
    if (party.gone || (party.coming && how === "cut")) return
    party.gone = true
    if (how === "close") this.fork(Scope.close(party.scope ?? absent("scope"), Exit.void))
    else this.fork((this.node ?? absent("node")).cut(role))
  }

  /** The party comes back to its channel, with a new client, if it is not there. */
  comeBack(role: Role): void {
    const party = this.parties[role]
    const { channelId } = this.auditor
    if (this.isHere(role) || party.coming || party.channel === undefined || channelId === undefined) return
    const before =
      party.scope === undefined ? Effect.void : Effect.uninterruptible(Scope.close(party.scope, Exit.void))
    // Two clients of one party at a time are none of its plans.
    const resumed = Effect.zipRight(
      before,
      Channel.resume({ ...this.settings(role), channelId, role, networkId })
    ).pipe(Effect.map((channel) => ({ events: channel.events, opened: Effect.succeed(channel) })))
    this.connect(role, { _tag: "Other", name: "comeBack" }, resumed)
  }

  /** The party's connection breaks at one of its next frames. */
  trip(role: Role, trip: Doubles.Trip): void {
    this.node?.trip(role, trip)
  }

  // ---------------------------------------------------------------- the chain

  private act(what: string, effect: Effect.Effect<unknown, unknown>): void {
    const acting = this.fork(
      Effect.zipRight(
        Effect.sync(() => this.journal.add({ _tag: "World", what })),
        effect
      )
    )
    acting.addObserver((exit) =>
      this.auditor.check(
        "I13",
        Exit.isSuccess(exit) || Cause.isInterruptedOnly(exit.cause),
        () => `${what}: the node breaks: ${String(exit)}`
      )
    )
  }

  /** One key block after the other; `apart`: everybody rests in between. */
  mine(keyBlocks: number, apart: boolean): void {
    for (let left = keyBlocks; left > 0; left--) {
      this.act("a key block", this.world.mine(1))
      if (!apart) continue
      this.simulation.rest()
      this.looks()
    }
  }

  mineMicro(): void {
    this.act("a micro block", this.world.mineMicro)
  }

  auto(on: boolean): void {
    this.act(`blocks ${on ? "" : "do not "}come by themselves`, this.world.auto(on))
  }

  /** A fork that drops so many key blocks, if nothing that counts as settled is on them. */
  reorganize(keyBlocks: number, returnTransactions: boolean): void {
    const fork = Effect.suspend(() => {
      const { height } = this.ledger.top
      this.peak = Math.max(this.peak, height)
      // What a party has taken for deep enough must not get lost.
      if (this.auditor.hasAssumed || height - keyBlocks < this.peak - minimumDepth + 1) return Effect.void
      this.auditor.count("forks")
      this.auditor.forked()
      return this.world.fork(keyBlocks, { returnTransactions })
    })
    this.act(`a fork that drops ${keyBlocks} key blocks`, fork)
  }

  breakLinks(): void {
    this.act("the links break", this.world.breakLinks)
  }

  submit(what: string, signedTx: Parameters<ChannelNode.ChannelNodeService["submit"]>[0]): void {
    this.act(what, Effect.ignore(this.world.submit(signedTx)))
  }

  // ---------------------------------------------------------------- rest

  /** Time passes until nobody has anything to do for long; who tries again and again is left to it. */
  settle(): void {
    const end = this.simulation.now + horizon
    this.simulation.settle(horizon, () => this.simulation.now > end)
    this.looks()
  }

  /** Nobody is in a mood any more, and blocks come by themselves. */
  calm(): void {
    for (const role of Doubles.roles)
      for (const moods of Object.values(this.parties[role].moods)) moods.length = 0
    this.node?.trip("initiator", undefined)
    this.node?.trip("responder", undefined)
    this.auto(true)
    this.simulation.rest()
    // What is in a block already gets as deep as it has to be.
    this.mine(minimumDepth + 2, true)
    this.settle()
  }

  // ---------------------------------------------------------------- the end

  /** Closes everything, the clients' scopes and then the node's. */
  close(): void {
    for (const role of Doubles.roles) {
      const { scope } = this.parties[role]
      if (scope !== undefined) this.fork(Scope.close(scope, Exit.void))
    }
    this.simulation.settle(horizon)
  }

  closeNode(): void {
    this.simulation.exit(Scope.close(this.nodeScope, Exit.void))
    this.simulation.rest()
  }
}
