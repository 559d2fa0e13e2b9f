/**
 * Runs the machine of a client: brings it what happens, carries out what it asks for, and gives callers and listeners
 * what they wait for.
 *
 * @internal
 */
import {
  Cause,
  type Clock,
  Deferred,
  Effect,
  Exit,
  FiberId,
  Option,
  Runtime,
  type Schedule,
  Scope,
  Stream,
  Subscribable
} from "effect"
import { Crypto } from "../../crypto/Crypto.js"
import { Codec } from "../../protocol/Codec.js"
import { SignerError, StoreError, TransportError } from "../../protocol/Errors.js"
import type { OpenParameters, ReconnectParameters } from "../../protocol/OpenParameters.js"
import * as ChainReaders from "../../services/ChainReader.js"
import {
  type ChannelRecord,
  ChannelStore,
  type ChannelStoreService,
  type Fence,
  type StoredRecord
} from "../../services/ChannelStore.js"
import {
  decline,
  Decline,
  ProposalPolicy,
  type ProposalPolicyService
} from "../../services/ProposalPolicy.js"
import { Signer, type SignerService } from "../../services/Signer.js"
import { Transport } from "../../services/Transport.js"
import type { ChannelError, ChannelEvent, ChannelStatus, CoSignedState, FlowError } from "../ChannelEvent.js"
import * as ClientMachine from "../ClientMachine.js"
import type { ChainQuestion, ChainTold } from "./execution.js"
import { nameOf } from "./operations.js"
import { Changing, Recent } from "./shell/Broadcast.js"
import { Deadlines } from "./shell/Deadlines.js"
import { type AnyFiber, Fibers } from "./shell/Fibers.js"
import { Connections } from "./shell/Connections.js"
import { closedByUs } from "./shell/Wire.js"

/** What a shell needs. */
export type Requirements = Scope.Scope | Transport | Codec | Signer | ProposalPolicy | ChannelStore | Crypto

export interface ShellOptions {
  readonly config: ClientMachine.ClientConfig
  /** What there is to come back to, instead of an opening. */
  readonly resumes?: { readonly stored: StoredRecord; readonly fence: Fence } | undefined
  /** When a connection that is lost is made again. */
  readonly reconnect?: Schedule.Schedule<unknown, TransportError> | undefined
  /** Events kept for listeners that come late or are slow. */
  readonly eventBuffer: number
}

/** A running machine. */
export interface Shell {
  /** Ends as the call does. A caller that is interrupted is gone for the machine. */
  readonly ask: <T extends ClientMachine.CallResult["_tag"]>(
    tag: T,
    command: ClientMachine.Command
  ) => Effect.Effect<Result<T>, FlowError>
  /** The first co-signed state; may be awaited any number of times. */
  readonly opened: Effect.Effect<CoSignedState, ChannelError>
  readonly status: Subscribable.Subscribable<ChannelStatus>
  /** Of an open channel. */
  readonly latest: Subscribable.Subscribable<CoSignedState>
  /** Everything that happens, the last events from before included; ends with `Ended`. */
  readonly events: Stream.Stream<ChannelEvent>
  /** The machine as it is now. */
  readonly state: () => ClientMachine.ClientState
  /** Ends everything. */
  readonly close: Effect.Effect<void>
}

const isConnected = ({ coming, end }: ClientMachine.ClientState): boolean =>
  coming === undefined && end === undefined

const statusOf = (state: ClientMachine.ClientState): ChannelStatus => ({
  phase: state.phase,
  connected: isConnected(state),
  channelId: state.channelId,
  peerConnected: state.peerConnected,
  frozen: state.frozen,
  end: state.end
})

const sameStatus = (a: ChannelStatus, b: ChannelStatus): boolean =>
  a.phase === b.phase &&
  a.connected === b.connected &&
  a.channelId === b.channelId &&
  a.peerConnected === b.peerConnected &&
  a.frozen === b.frozen &&
  a.end === b.end

const isShown = (shown: ChannelStatus, state: ClientMachine.ClientState): boolean =>
  shown.phase === state.phase &&
  shown.connected === isConnected(state) &&
  shown.channelId === state.channelId &&
  shown.peerConnected === state.peerConnected &&
  shown.frozen === state.frozen &&
  shown.end === state.end

/** What those who look at a channel see of it. */
interface Shown {
  readonly status: ChannelStatus
  readonly latest: CoSignedState | undefined
}

const shownOf = (state: ClientMachine.ClientState): Shown => ({
  status: statusOf(state),
  latest: state.latest
})

export type Result<T extends ClientMachine.CallResult["_tag"]> = Extract<
  ClientMachine.CallResult,
  { readonly _tag: T }
>

type CallExit = Exit.Exit<ClientMachine.CallResult, FlowError>

interface Services {
  readonly env: ClientMachine.ClientEnvironment
  readonly signer: SignerService
  readonly policy: ProposalPolicyService
  readonly store: ChannelStoreService
  readonly chain: ChainReaders.ChainReaderService
  /** Lets the connection end, later, and makes no other. */
  readonly disconnect: () => void
}

/**
 * Applies events to the machine, one at a time, in the order in which they came and in whatever fiber has brought them:
 * who comes while one is being applied leaves it to whoever is at work. Only a write that the store takes its time for
 * makes everybody wait, and its end goes on with what has come meanwhile.
 */
class Runner {
  state: ClientMachine.ClientState
  readonly events: Recent<ChannelEvent>
  readonly shown: Changing<Shown>
  /** Set by who makes connections. */
  connections: Connections | undefined
  /** Why nothing can be asked any more. */
  stopped: TransportError | undefined
  private readonly calls = new Map<ClientMachine.CallId, (exit: CallExit) => void>()
  private nextCallId: ClientMachine.CallId = 1
  private readonly works = new Map<ClientMachine.WorkId, AnyFiber>()
  private readonly deadlines: Deadlines<ClientMachine.CallId>
  private readonly waiting: Array<ClientMachine.ClientEvent> = []
  /** Somebody applies events, or waits for the store. */
  private busy = false
  private halted = false

  constructor(
    { eventBuffer }: ShellOptions,
    initial: ClientMachine.ClientState,
    /** Claimed once: who has lost the record to a later client must not take it back. */
    private fence: Fence | undefined,
    private readonly services: Services,
    private readonly fibers: Fibers,
    clock: Clock.Clock
  ) {
    this.state = initial
    this.events = new Recent(eventBuffer)
    this.shown = new Changing(shownOf(this.state))
    this.deadlines = new Deadlines(clock, fibers, (callId) => this.offer({ _tag: "TimerFired", callId }))
  }

  // ---------------------------------------------------------------- events

  readonly offer = (event: ClientMachine.ClientEvent): void => {
    if (this.halted) return
    this.waiting.push(event)
    if (!this.busy) this.work()
  }

  private work(): void {
    this.busy = true
    try {
      for (let event = this.waiting.shift(); event !== undefined; event = this.waiting.shift())
        if (this.halted || !this.hear(event)) return
      this.busy = false
    } catch (error) {
      this.crash(error)
    }
  }

  /** Applies an event, once it is known what generalized accounts say to what is in it; tells as `apply` does. */
  private hear(event: ClientMachine.ClientEvent): boolean {
    const doubts = event._tag === "Received" ? ClientMachine.doubtsIn(this.state, event.message) : []
    if (doubts.length === 0) return this.apply(event)
    const told = (exit: Exit.Exit<ReadonlyArray<ClientMachine.Answered>>): boolean => {
      if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
      return this.apply({ _tag: "Authenticated", answers: exit.value }) && this.apply(event)
    }
    const fiber = this.fibers.start(this.verdictsOn(doubts))
    const exit = fiber.unsafePoll()
    if (exit !== null) return told(exit)
    this.fibers.watch(fiber, (exit) => this.goOn(() => told(exit)))
    return false
  }

  /** Goes on with what has come meanwhile, if nothing else is waited for. */
  private goOn(first: () => boolean): void {
    if (this.halted) return
    try {
      if (first()) this.work()
    } catch (error) {
      this.crash(error)
    }
  }

  /** What the chain says or, where it says nothing, the policy. */
  private verdictsOn(
    doubts: ReadonlyArray<ClientMachine.Doubt>
  ): Effect.Effect<ReadonlyArray<ClientMachine.Answered>> {
    const { chain, policy } = this.services
    const { state } = this
    return Effect.forEach(doubts, (doubt) => {
      const { question } = doubt
      return Effect.matchCauseEffect(
        inTime(() => chain.authenticate(question), state.config.requestTimeout),
        {
          onSuccess: (verdict) => Effect.succeed({ question, verdict }),
          onFailure: (cause) => {
            const { detail } = notTold(cause)
            const unasked = ClientMachine.unverifiedOf(state, doubt, detail)
            const unknown = { question, verdict: { unknown: detail }, unasked }
            if (unasked === undefined) return Effect.succeed(unknown)
            // Everything that comes after it waits.
            const decided = inTime(
              () => policy.decideUnverified?.(unasked) ?? Effect.succeed(decline(4)),
              state.config.requestTimeout
            )
            return Effect.matchCause(decided, {
              onFailure: () => unknown,
              onSuccess: (decision) => (decision._tag === "Accept" ? { ...unknown, verdict: true } : unknown)
            })
          }
        }
      )
    })
  }

  /** Whether it is done with the event; if not, the store's answer goes on. */
  private apply(event: ClientMachine.ClientEvent, cause: ClientMachine.ClientEvent = event): boolean {
    const { state, effects } = ClientMachine.transition(this.state, event, this.services.env)
    const [first] = effects
    if (first?._tag !== "Persist") {
      this.commit(state, effects, cause)
      return true
    }
    const written = (exit: Exit.Exit<void, StoreError>): boolean => {
      if (Exit.isSuccess(exit)) {
        this.commit(state, effects, cause)
        return true
      }
      const error = Cause.failureOption(exit.cause)
      if (Option.isNone(error)) throw Cause.squash(exit.cause)
      return this.apply({ _tag: "StoreFailed", error: error.value, during: event }, cause)
    }
    const fiber = this.fibers.start(this.write(first.record, first.expected))
    const exit = fiber.unsafePoll()
    if (exit !== null) return written(exit)
    this.fibers.watch(fiber, (exit) => this.goOn(() => written(exit)))
    return false
  }

  private write(record: ChannelRecord, version: number): Effect.Effect<void, StoreError> {
    const { store } = this.services
    if (this.fence !== undefined) return store.write(record, { version, fence: this.fence })
    return Effect.flatMap(store.claim(record), (fence) => {
      this.fence = fence
      return store.write(record, { version, fence })
    })
  }

  private commit(
    state: ClientMachine.ClientState,
    effects: ReadonlyArray<ClientMachine.ClientEffect>,
    cause: ClientMachine.ClientEvent
  ): void {
    const isBack = this.state.coming !== undefined && state.coming === undefined
    this.state = state
    this.show()
    if (isBack) this.connections?.settled()
    for (const effect of effects) if (!this.halted) this.perform(effect)
    if (state.end !== undefined) {
      this.deadlines.clear()
      this.connections?.stop()
    }
    if (cause._tag === "Received" || cause._tag === "Undecodable") this.connections?.wire?.release()
  }

  private show(): void {
    const { shown, state } = this
    const before = shown.current
    if (before.latest !== state.latest || !isShown(before.status, state)) shown.set(shownOf(state))
  }

  // ---------------------------------------------------------------- effects

  private perform(effect: ClientMachine.ClientEffect): void {
    const { chain, disconnect, env, policy, signer, store } = this.services
    switch (effect._tag) {
      case "Persist":
        return
      case "Load": {
        const { channelId, work } = effect
        const key = { channelId, role: this.state.config.role }
        return this.run(
          work,
          Effect.suspend(() => store.read(key)),
          (exit) =>
            Exit.isSuccess(exit)
              ? { _tag: "Loaded", work, stored: exit.value }
              : { _tag: "StoreFailed", error: notRead(exit.cause), during: undefined }
        )
      }
      case "Send":
        return this.connections?.wire?.send(env.encodeRequest(effect.request, effect.id))
      case "AskPolicy": {
        const { proposal, work } = effect
        // A policy that breaks has not agreed.
        return this.run(
          work,
          Effect.suspend(() => policy.decide(proposal)),
          (exit) => ({
            _tag: "Decided",
            work,
            decision: Exit.isSuccess(exit) ? exit.value : decline(4)
          })
        )
      }
      case "AskUnverified": {
        const { proposal, work } = effect
        return this.run(
          work,
          Effect.suspend(() => policy.decideUnverified?.(proposal) ?? Effect.succeed(decline(4))),
          (exit) => ({ _tag: "Decided", work, decision: Exit.isSuccess(exit) ? exit.value : decline(4) })
        )
      }
      case "AskChain": {
        const { question, work } = effect
        const { requestTimeout } = this.state.config
        return this.run(work, answered(chain, question, requestTimeout), (exit) => ({
          _tag: "Told",
          work,
          told: Exit.isSuccess(exit) ? exit.value : notTold(exit.cause)
        }))
      }
      case "AskSigner": {
        const { details, work } = effect
        return this.run(
          work,
          Effect.suspend(() => signer.sign(details)),
          (exit) =>
            Exit.isSuccess(exit)
              ? { _tag: "Signed", work, signedTx: exit.value }
              : { _tag: "NotSigned", work, reason: notSigned(details.operation, exit.cause) }
        )
      }
      case "CallOff":
        return this.callOff(effect.work)
      case "Succeed":
        return this.endCall(effect.callId, Exit.succeed(effect.result))
      case "Fail":
        return this.endCall(effect.callId, Exit.fail(effect.error))
      case "Emit":
        return this.events.add(effect.event)
      case "SetTimer":
        return effect.milliseconds === undefined
          ? this.deadlines.remove(effect.callId)
          : this.deadlines.set(effect.callId, effect.milliseconds)
      case "Disconnect":
        this.offer({ _tag: "Disconnected", error: closedByUs })
        return disconnect()
      case "Connect":
        return this.connections?.replace(effect.parameters, effect.after)
      default:
        effect satisfies never
    }
  }

  /** Work for the policy, the signer or the store, and what its end means to the machine. */
  private run<A, E>(
    work: ClientMachine.WorkId,
    effect: Effect.Effect<A, E>,
    eventOf: (exit: Exit.Exit<A, E>) => ClientMachine.ClientEvent
  ): void {
    this.callOff(work)
    const fiber = this.fibers.start(effect)
    const exit = fiber.unsafePoll()
    if (exit !== null) return this.offer(eventOf(exit))
    this.works.set(work, fiber)
    this.fibers.watch(fiber, (exit) => {
      this.works.delete(work)
      this.offer(eventOf(exit))
    })
  }

  private callOff(work: ClientMachine.WorkId): void {
    const fiber = this.works.get(work)
    if (fiber === undefined) return
    this.works.delete(work)
    this.fibers.interrupt(fiber)
  }

  // ---------------------------------------------------------------- calls

  /** Ends as the call does. A caller that is interrupted is gone for the machine. */
  call(command: ClientMachine.Command): Effect.Effect<ClientMachine.CallResult, FlowError> {
    return Effect.async((resume) => {
      if (this.stopped !== undefined) {
        const { reason, detail, closeCode } = this.stopped
        const operation = nameOf(command)
        const code = closeCode === undefined ? {} : { closeCode }
        return resume(Effect.fail(new TransportError({ reason, detail, operation, ...code })))
      }
      const callId = this.begin(command, resume)
      return Effect.sync(() => {
        if (this.calls.delete(callId)) this.offer({ _tag: "CallerGone", callId })
      })
    })
  }

  begin(command: ClientMachine.Command, ended: (exit: CallExit) => void): ClientMachine.CallId {
    const callId = this.nextCallId++
    this.calls.set(callId, ended)
    this.offer({ _tag: "Asked", callId, command })
    return callId
  }

  private endCall(callId: ClientMachine.CallId, exit: CallExit): void {
    const ended = this.calls.get(callId)
    this.calls.delete(callId)
    ended?.(exit)
  }

  // ---------------------------------------------------------------- the end

  /** No event is applied any more. */
  halt(): void {
    this.halted = true
    this.deadlines.clear()
  }

  /** The last transition, and the end of all calls; those that it does not know of end with `exit`. */
  stop(exit: Exit.Exit<never, FlowError>): void {
    this.halt()
    if (this.stopped !== undefined) return
    this.stopped = this.state.end ?? closedByUs
    const event: ClientMachine.ClientEvent = { _tag: "Disconnected", error: closedByUs }
    const { state, effects } = ClientMachine.transition(this.state, event, this.services.env)
    this.state = state
    for (const effect of effects) {
      if (effect._tag === "Succeed") this.endCall(effect.callId, Exit.succeed(effect.result))
      if (effect._tag === "Fail") this.endCall(effect.callId, Exit.fail(effect.error))
    }
    for (const callId of this.calls.keys()) this.endCall(callId, exit)
    this.show()
    for (const effect of effects) if (effect._tag === "Emit") this.events.add(effect.event)
  }

  /** A defect: of this library, or of a service that has to be without. */
  private crash(error: unknown): void {
    this.stop(Exit.die(error))
    this.services.disconnect()
  }
}

/** Connects, and runs the machine until the scope is closed. */
export const make = (options: ShellOptions): Effect.Effect<Shell, ChannelError, Requirements> =>
  Effect.gen(function* () {
    const transport = yield* Transport
    const codec = yield* Codec
    const signer = yield* Signer
    const policy = yield* ProposalPolicy
    const store = yield* ChannelStore
    const crypto = yield* Crypto
    const chain = Option.getOrElse(
      yield* Effect.serviceOption(ChainReaders.ChainReader),
      () => ChainReaders.none
    )
    const runtime = yield* Effect.runtime<never>()

    const { resumes } = options
    const config: ClientMachine.ClientConfig =
      signer.generalized === true ? { ...options.config, generalized: true } : options.config
    const { own, parameters, role } = config
    const operation = resumes === undefined ? "open" : "resume"
    if (signer.address !== own)
      return yield* new SignerError({
        operation,
        reason: "invalid",
        detail: `the signer signs for ${signer.address}, but the ${role} is ${own}`
      })

    // Everything lives in a scope of its own, so that a connection can end before its channel's scope does.
    const outer = yield* Effect.scope
    const scope = yield* Scope.fork(outer, { _tag: "Sequential" })
    const connectionsScope = yield* Scope.fork(scope, { _tag: "Sequential" })
    const fibers = new Fibers(runtime)
    const closeConnection = Effect.forkIn(Scope.close(connectionsScope, Exit.void), outer)
    const services: Services = {
      env: { crypto, encodeRequest: codec.encodeRequest },
      signer,
      policy,
      store,
      chain,
      disconnect: () => void Runtime.runFork(runtime, closeConnection)
    }
    const initial =
      resumes === undefined
        ? ClientMachine.initial(config)
        : ClientMachine.restored(config, resumes.stored, crypto)
    if (initial instanceof StoreError) return yield* initial
    const runner = new Runner(options, initial, resumes?.fence, services, fibers, yield* Effect.clock)
    yield* Scope.addFinalizer(
      scope,
      Effect.suspend(() => {
        runner.halt()
        return Effect.zipRight(
          fibers.close,
          Effect.sync(() => runner.stop(Exit.fail(closedByUs)))
        )
      })
    )

    const connections = new Connections(
      transport,
      codec,
      runtime,
      fibers,
      connectionsScope,
      options.reconnect,
      runner.offer
    )
    runner.connections = connections
    const wire = yield* connections
      .connect(wayIn(parameters, resumes?.stored.record))
      .pipe(Effect.onError(() => Scope.close(scope, Exit.void)))
    const opening = Deferred.unsafeMake<ClientMachine.CallResult, FlowError>(FiberId.none)
    // The scope may have been closed while the connection was made.
    if (runner.stopped !== undefined) Deferred.unsafeDone(opening, Exit.fail(runner.stopped))
    else
      runner.begin({ _tag: resumes === undefined ? "Open" : "Resume" }, (exit) =>
        Deferred.unsafeDone(opening, exit)
      )
    wire.open()

    // Nothing changes any more after the end.
    const changes = Stream.takeUntil(runner.shown.changes, ({ status }) => status.end !== undefined)
    return {
      ask: (tag, command) => Effect.flatMap(runner.call(command), (result) => expect(tag, result)),
      opened: Effect.map(
        Effect.flatMap(Deferred.await(opening), (result) => expect("CoSigned", result)),
        ({ state: first }) => first
      ),
      status: Subscribable.make({
        get: Effect.sync(() => runner.shown.current.status),
        changes: Stream.changesWith(
          Stream.map(changes, ({ status }) => status),
          sameStatus
        )
      }),
      latest: Subscribable.make({
        get: Effect.suspend(() => present(runner.shown.current.latest)),
        changes: Stream.changesWith(
          Stream.filterMap(changes, ({ latest }) => Option.fromNullable(latest)),
          (a, b) => a === b
        )
      }),
      events: Stream.takeUntil(runner.events.stream, (event) => event._tag === "Ended"),
      state: () => runner.state,
      close: Scope.close(scope, Exit.void)
    } satisfies Shell
  })

/** The parameters of the first connection. */
const wayIn = (
  parameters: OpenParameters,
  record: ChannelRecord | undefined
): OpenParameters | ReconnectParameters => {
  if (record?.fsmId === undefined) return parameters
  const { channelId, fsmId } = record
  const { host, port, role } = parameters
  return { role, channelId, fsmId, port, ...(host === undefined ? {} : { host }) }
}

const present = (state: CoSignedState | undefined): Effect.Effect<CoSignedState> =>
  state === undefined ? Effect.dieMessage("an open channel has a co-signed state") : Effect.succeed(state)

const expect = <T extends ClientMachine.CallResult["_tag"]>(
  tag: T,
  result: ClientMachine.CallResult
): Effect.Effect<Result<T>> =>
  isResult(tag, result)
    ? Effect.succeed(result)
    : Effect.dieMessage(`a call that ends with ${tag} has ended with ${result._tag}`)

const isResult = <T extends ClientMachine.CallResult["_tag"]>(
  tag: T,
  result: ClientMachine.CallResult
): result is Result<T> => result._tag === tag

/** What a signer's end without a signature means. Causes may hold anything, so that only their kind is told. */
const notSigned = (operation: string, cause: Cause.Cause<SignerError | Decline>): SignerError | Decline => {
  const failure = Cause.failureOption(cause)
  if (Option.isSome(failure)) return failure.value
  return new SignerError(
    Cause.isInterruptedOnly(cause)
      ? { operation, reason: "interrupted", detail: "the signer was interrupted" }
      : { operation, reason: "failed", detail: "the signer ended with an unexpected error" }
  )
}

/** What the chain answers; it may take as long as the node. */
const answered = (
  chain: ChainReaders.ChainReaderService,
  question: ChainQuestion,
  milliseconds: number
): Effect.Effect<ChainTold, ChainReaders.ChainReadError> =>
  inTime(() => askChain(chain, question), milliseconds)

const inTime = <A>(
  ask: () => Effect.Effect<A, ChainReaders.ChainReadError>,
  milliseconds: number
): Effect.Effect<A, ChainReaders.ChainReadError> =>
  Effect.timeoutFail(Effect.suspend(ask), {
    duration: milliseconds,
    onTimeout: () => new ChainReaders.ChainReadError({ detail: `no answer came for ${milliseconds} ms` })
  })

const askChain = (
  chain: ChainReaders.ChainReaderService,
  question: ChainQuestion
): Effect.Effect<ChainTold, ChainReaders.ChainReadError> => {
  switch (question._tag) {
    case "Top":
      return Effect.map(chain.top, (top) => ({ _tag: "Top", top }))
    case "Block":
      return Effect.map(chain.block(question.which), (block) => ({ _tag: "Block", block }))
    case "Read":
      return Effect.map(chain.read(question.read, question.at), (answer) => ({ _tag: "Read", answer }))
  }
}

const notTold = (
  cause: Cause.Cause<ChainReaders.ChainReadError>
): Extract<ChainTold, { readonly _tag: "Failed" }> => ({
  _tag: "Failed",
  detail: Option.match(Cause.failureOption(cause), {
    onNone: () => "the chain reader ended with an unexpected error",
    onSome: ({ detail }) => detail
  })
})

/** What a store's end without a record means. */
const notRead = (cause: Cause.Cause<StoreError>): StoreError =>
  Option.getOrElse(
    Cause.failureOption(cause),
    () =>
      new StoreError({
        operation: "read",
        reason: "read",
        detail: "the store ended with an unexpected error"
      })
  )
