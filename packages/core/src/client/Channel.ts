/**
 * A state channel as its user sees it: opening, transfers, messages, queries, closing, and what happens meanwhile.
 *
 * ```ts
 * const program = Effect.gen(function* () {
 *   const channel = yield* Channel.open({ role: "initiator", networkId: "ae_dev", ...terms })
 *   const state = yield* channel.transfer({ amount: 5n })
 *   yield* channel.shutdown()
 * })
 * ```
 *
 * Specification: channel WebSocket API.
 *
 * @since 0.1.0
 */
import {
  Cause,
  Deferred,
  Duration,
  Effect,
  Exit,
  FiberId,
  FiberMap,
  Option,
  PubSub,
  Queue,
  Scope,
  Stream,
  Subscribable,
  SubscriptionRef
} from "effect"
import { Crypto } from "../crypto/Crypto.js"
import type { AccountAddress, BlockHash, ChannelId, ContractId } from "../encoding/ApiEncoding.js"
import * as Protocol from "../chain/Protocol.js"
import { Codec } from "../protocol/Codec.js"
import { SignerError, StoreError, TransportError } from "../protocol/Errors.js"
import type { Balance, FsmId } from "../protocol/NodeMessage.js"
import type { ChannelTerms, OpenParameters, Role } from "../protocol/OpenParameters.js"
import { toQuery } from "../protocol/OpenParameters.js"
import type { OnChainOptions } from "../protocol/Request.js"
import { ChannelStore } from "../services/ChannelStore.js"
import { decline, Decline, ProposalPolicy } from "../services/ProposalPolicy.js"
import { Signer } from "../services/Signer.js"
import { Transport } from "../services/Transport.js"
import type { Poi } from "../state/Poi.js"
import type {
  ChannelError,
  ChannelEvent,
  ChannelStatus,
  ClosedChannel,
  CoSignedState,
  FlowError,
  OffChainState
} from "./ChannelEvent.js"
import * as ClientMachine from "./ClientMachine.js"
import { glimpse } from "./internal/glimpse.js"
import * as RequestIds from "./RequestIds.js"

/**
 * What it takes to open a channel: the opening parameters and the client's own settings.
 *
 * - `networkId`: part of every signature, e.g. `ae_mainnet`, `ae_uat`, `ae_dev`
 * - `protocol`: the chain's protocol version; default 6 (Ceres). Decides which transactions and signatures are legal.
 * - `maximumFee`: aettos that the create and the closing transaction may cost; default a hundred times the usual
 *   minimum. Does not bind fees that we name ourselves.
 * - `requestTimeout`: how long the node may take for answers that need nobody else (default 60 seconds). What needs the
 *   peer or the chain is bounded by the node's own timers.
 * - `requestIds`: which requests carry an id; default all, with the oldest dialect none
 * - `firstRequestId`: the first id; the next are one more each. Default 1.
 * - `eventBuffer`: events kept for listeners that come late or are slow; default 1024
 *
 * The reports `info`, `update`, `conflict`, `leave` and `on_chain_tx` should stay on: the channel lives by them.
 *
 * @since 0.1.0
 * @category models
 */
export interface OpenOptions extends OpenParameters {
  readonly networkId: string
  readonly protocol?: number
  readonly maximumFee?: bigint
  readonly requestTimeout?: Duration.DurationInput
  readonly requestIds?: RequestIds.RequestIdTable
  readonly firstRequestId?: bigint
  readonly eventBuffer?: number
}

/**
 * A transfer: `amount` aettos, from us to the peer unless `from` or `to` say otherwise. `meta` are texts that the peer
 * sees with it; `blockHash` pins the block in whose state it is computed.
 *
 * @since 0.1.0
 * @category models
 */
export interface TransferOptions {
  readonly amount: bigint
  readonly from?: AccountAddress
  readonly to?: AccountAddress
  readonly meta?: ReadonlyArray<string>
  readonly blockHash?: BlockHash
}

/**
 * What works from the moment the connection stands.
 *
 * @since 0.1.0
 * @category models
 */
export interface Session {
  readonly role: Role
  readonly terms: ChannelTerms
  /** The channel's condition: now, and every change until the end. */
  readonly status: Subscribable.Subscribable<ChannelStatus>
  /**
   * Everything that happens, in order; ends with `Ended`. Each listener gets the last events that went before it came
   * (up to `eventBuffer`, so usually all), then the new ones. Nobody has to listen; who is more than `eventBuffer`
   * events behind loses the oldest.
   */
  readonly events: Stream.Stream<ChannelEvent>
  /** Sends a text to the peer, at most 65000 bytes in UTF-8; ends when the node has taken it. */
  readonly sendMessage: (text: string) => Effect.Effect<void, FlowError>
  /**
   * Off-chain balances as the node has them, compared with ours; default: of both parties. Once the channel is frozen
   * ours may be behind: where they differ this fails with `StoreError`, and so do `offChainState` and `poi`.
   */
  readonly balances: (
    accounts?: ReadonlyArray<AccountAddress>
  ) => Effect.Effect<ReadonlyArray<Balance>, FlowError>
  /** Keeps the socket alive; ends with the answer. */
  readonly ping: Effect.Effect<void, FlowError>
  /** Ends the node's state machine at once, without regard to the peer. A test helper. */
  readonly stop: Effect.Effect<void, FlowError>
  /**
   * Calls off the operation under way, ours or the peer's, while its signature is not out: our caller fails with this
   * code (default 4), and the node is told it, as soon as it asks for the signature if it has not yet. Too late: the node refuses (`RejectedError`, 1018) and the operation
   * goes on. Nothing under way: nothing happens.
   */
  readonly abort: (code?: number) => Effect.Effect<void, FlowError>
  /** The secret for coming back to the node's state machine, as last received. */
  readonly fsmId: Effect.Effect<FsmId | undefined>
}

/**
 * A channel that is being opened.
 *
 * @since 0.1.0
 * @category models
 */
export interface OpeningChannel extends Session {
  /** The open channel; may be awaited any number of times. */
  readonly opened: Effect.Effect<Channel, ChannelError>
}

/**
 * An open channel. Own operations (`transfer`, `shutdown`, `leave`) run one at a time, in the order in which they were
 * called, and never while a proposal of the peer is being answered; all the rest works at any time. An interrupted
 * operation is aborted (code 4) if our signature is not out yet; otherwise it goes on without its caller.
 *
 * @since 0.1.0
 * @category models
 */
export interface Channel extends Session {
  readonly id: ChannelId
  /** The latest co-signed state: now, and every new one until the end. */
  readonly latest: Subscribable.Subscribable<CoSignedState>
  /** Proposes a transfer; ends when both have signed and the state is stored. */
  readonly transfer: (options: TransferOptions) => Effect.Effect<CoSignedState, FlowError>
  /** The node's whole state, compared with ours. */
  readonly offChainState: Effect.Effect<OffChainState, FlowError>
  /** A proof that accounts (default: both parties) and contracts are part of our latest state; verified. */
  readonly poi: (options?: {
    readonly accounts?: ReadonlyArray<AccountAddress>
    readonly contracts?: ReadonlyArray<ContractId>
  }) => Effect.Effect<Poi, FlowError>
  /** Proposes to close the channel; ends when the closing transaction is confirmed on chain. */
  readonly shutdown: (options?: OnChainOptions) => Effect.Effect<ClosedChannel, FlowError>
  /** Leaves: the session ends, the channel stays open on chain. */
  readonly leave: Effect.Effect<void, FlowError>
}

/**
 * What a client needs.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements = Scope.Scope | Transport | Codec | Signer | ProposalPolicy | ChannelStore | Crypto

/** Messages that are read before those that came earlier are worked on. */
const framesAhead = 64

/** How long a connection on which nothing can be sent may keep silent before it counts as ended. */
const lastWords = Duration.seconds(5)

const termsOf = (parameters: OpenParameters): ChannelTerms => ({
  initiatorId: parameters.initiatorId,
  responderId: parameters.responderId,
  initiatorAmount: parameters.initiatorAmount,
  responderAmount: parameters.responderAmount,
  pushAmount: parameters.pushAmount,
  channelReserve: parameters.channelReserve,
  lockPeriod: parameters.lockPeriod
})

const statusOf = (state: ClientMachine.ClientState): ChannelStatus => ({
  phase: state.phase,
  channelId: state.channelId,
  peerConnected: state.peerConnected,
  frozen: state.frozen,
  end: state.end
})

const sameStatus = (a: ChannelStatus, b: ChannelStatus): boolean =>
  a.phase === b.phase &&
  a.channelId === b.channelId &&
  a.peerConnected === b.peerConnected &&
  a.frozen === b.frozen &&
  a.end === b.end

/** What those who look at a channel see of it. */
interface Shown {
  readonly status: ChannelStatus
  readonly latest: CoSignedState | undefined
}

const shownOf = (state: ClientMachine.ClientState): Shown => ({
  status: statusOf(state),
  latest: state.latest
})

const closedByUs = new TransportError({
  reason: "closed_by_us",
  operation: "channel",
  detail: "the channel's scope was closed"
})

type Result<T extends ClientMachine.CallResult["_tag"]> = Extract<
  ClientMachine.CallResult,
  { readonly _tag: T }
>

/**
 * Runs the machine: the loop that applies events, and the fibers that bring them.
 */
const makeShell = (options: OpenOptions) =>
  Effect.gen(function* () {
    const {
      networkId,
      protocol = Protocol.latest,
      maximumFee,
      requestTimeout = Duration.seconds(60),
      requestIds,
      firstRequestId = 1n,
      eventBuffer = 1024,
      ...parameters
    } = options
    const transport = yield* Transport
    const codec = yield* Codec
    const signer = yield* Signer
    const policy = yield* ProposalPolicy
    const store = yield* ChannelStore
    const crypto = yield* Crypto

    const terms = termsOf(parameters)
    const { role } = parameters
    const [own, peer] =
      role === "initiator" ? [terms.initiatorId, terms.responderId] : [terms.responderId, terms.initiatorId]
    if (signer.address !== own)
      return yield* new SignerError({
        operation: "open",
        reason: "invalid",
        detail: `the signer signs for ${signer.address}, but the ${role} is ${own}`
      })

    let state = ClientMachine.initial({
      role,
      own,
      peer,
      terms,
      parameters,
      networkId,
      protocol,
      maximumFee,
      requestIds: requestIds ?? (codec.dialect === "legacy" ? RequestIds.never : RequestIds.always),
      firstRequestId,
      requestTimeout: Duration.toMillis(requestTimeout)
    })
    const env: ClientMachine.ClientEnvironment = { crypto, encodeRequest: codec.encodeRequest }
    const events = yield* PubSub.sliding<ChannelEvent>({ capacity: eventBuffer, replay: eventBuffer })
    const shown = yield* SubscriptionRef.make(shownOf(state))
    // Nothing changes any more after the end.
    const changes = Stream.takeUntil(shown.changes, ({ status }) => status.end !== undefined)

    const calls = new Map<ClientMachine.CallId, Deferred.Deferred<ClientMachine.CallResult, FlowError>>()
    let nextCallId: ClientMachine.CallId = 1
    let stopped: TransportError | undefined

    const inbox = yield* Queue.unbounded<ClientMachine.ClientEvent>()
    const offer = (event: ClientMachine.ClientEvent): void => {
      inbox.unsafeOffer(event)
    }
    const outbox = yield* Queue.unbounded<string>()

    const endCall = (
      callId: ClientMachine.CallId,
      exit: Exit.Exit<ClientMachine.CallResult, FlowError>
    ): void => {
      const waiting = calls.get(callId)
      calls.delete(callId)
      if (waiting !== undefined) Deferred.unsafeDone(waiting, exit)
    }

    // Everything below lives in a scope of its own, so that a connection can end before its channel's scope does.
    const outer = yield* Effect.scope
    const scope = yield* Scope.fork(outer, { _tag: "Sequential" })
    const connectionScope = yield* Scope.fork(scope, { _tag: "Sequential" })

    const publish = Effect.suspend(() => {
      const next = shownOf(state)
      return Effect.flatMap(SubscriptionRef.get(shown), (before) =>
        before.latest === next.latest && sameStatus(before.status, next.status)
          ? Effect.void
          : SubscriptionRef.set(shown, next)
      )
    })

    const stop = (cause: Exit.Exit<never, FlowError>): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (stopped !== undefined) return Effect.void
        stopped = state.end ?? closedByUs
        const { state: next, effects } = ClientMachine.transition(
          state,
          { _tag: "Disconnected", error: closedByUs },
          env
        )
        state = next
        const emitted = effects.flatMap((effect) => (effect._tag === "Emit" ? [effect.event] : []))
        for (const effect of effects) {
          if (effect._tag === "Succeed") endCall(effect.callId, Exit.succeed(effect.result))
          if (effect._tag === "Fail") endCall(effect.callId, Exit.fail(effect.error))
        }
        for (const callId of calls.keys()) endCall(callId, cause)
        return Effect.zipRight(
          publish,
          Effect.forEach(emitted, (event) => events.publish(event), { discard: true })
        )
      })
    // Added before the fibers are, so that it runs after they ended.
    yield* Scope.addFinalizer(scope, stop(Exit.fail(closedByUs)))

    const works = yield* Scope.extend(FiberMap.make<ClientMachine.WorkId>(), scope)
    const timers = yield* Scope.extend(FiberMap.make<ClientMachine.CallId>(), scope)

    const perform = (effect: ClientMachine.ClientEffect): Effect.Effect<void> => {
      switch (effect._tag) {
        case "Persist":
          return Effect.void
        case "Load":
          return work(
            effect.work,
            Effect.map(Effect.exit(store.read({ channelId: effect.channelId, role })), (exit) =>
              offer(
                Exit.isSuccess(exit)
                  ? { _tag: "Loaded", work: effect.work, stored: exit.value }
                  : { _tag: "StoreFailed", error: notRead(exit.cause), during: undefined }
              )
            )
          )
        case "Send":
          return Effect.sync(() => {
            outbox.unsafeOffer(codec.encodeRequest(effect.request, effect.id))
          })
        case "AskPolicy":
          return work(
            effect.work,
            Effect.map(Effect.exit(policy.decide(effect.proposal)), (exit) =>
              // A policy that breaks has not agreed.
              offer({
                _tag: "Decided",
                work: effect.work,
                decision: Exit.isSuccess(exit) ? exit.value : decline(4)
              })
            )
          )
        case "AskSigner":
          return work(
            effect.work,
            Effect.map(Effect.exit(signer.sign(effect.details)), (exit) =>
              offer(
                Exit.isSuccess(exit)
                  ? { _tag: "Signed", work: effect.work, signedTx: exit.value }
                  : {
                      _tag: "NotSigned",
                      work: effect.work,
                      reason: notSigned(effect.details.operation, exit.cause)
                    }
              )
            )
          )
        case "CallOff":
          return Effect.flatMap(FiberMap.get(works, effect.work), (fiber) =>
            // Not waited for: a signer may be slow to let go.
            Effect.sync(() => fiber.unsafeInterruptAsFork(FiberId.none))
          ).pipe(Effect.ignore)
        case "Succeed":
          return Effect.sync(() => endCall(effect.callId, Exit.succeed(effect.result)))
        case "Fail":
          return Effect.sync(() => endCall(effect.callId, Exit.fail(effect.error)))
        case "Emit":
          return Effect.asVoid(events.publish(effect.event))
        case "SetTimer":
          return effect.milliseconds === undefined
            ? FiberMap.remove(timers, effect.callId)
            : Effect.asVoid(
                FiberMap.run(
                  timers,
                  effect.callId,
                  Effect.map(Effect.sleep(effect.milliseconds), () =>
                    offer({ _tag: "TimerFired", callId: effect.callId })
                  )
                )
              )
        case "Disconnect":
          return Effect.zipRight(
            Effect.sync(() => offer({ _tag: "Disconnected", error: closedByUs })),
            Effect.asVoid(Effect.forkIn(Scope.close(connectionScope, Exit.void), outer))
          )
      }
    }

    const work = (id: ClientMachine.WorkId, effect: Effect.Effect<void>): Effect.Effect<void> =>
      Effect.asVoid(FiberMap.run(works, id, effect))

    const step = (event: ClientMachine.ClientEvent): Effect.Effect<void> =>
      Effect.suspend(() => {
        const { state: next, effects } = ClientMachine.transition(state, event, env)
        const commit = Effect.suspend(() => {
          state = next
          return Effect.zipRight(publish, Effect.forEach(effects, perform, { discard: true }))
        })
        const [first] = effects
        return first?._tag === "Persist"
          ? Effect.matchEffect(store.write(first.record, first.expected), {
              onSuccess: () => commit,
              onFailure: (error) => step({ _tag: "StoreFailed", error, during: event })
            })
          : commit
      })

    const connection = yield* Scope.extend(transport.connect(toQuery(parameters)), connectionScope).pipe(
      Effect.onError(() => Scope.close(scope, Exit.void))
    )
    const openCall = nextCallId++
    const openDeferred = Deferred.unsafeMake<ClientMachine.CallResult, FlowError>(FiberId.none)
    calls.set(openCall, openDeferred)
    // The scope may have been closed while the connection was made.
    if (stopped !== undefined) endCall(openCall, Exit.fail(stopped))
    offer({ _tag: "Asked", callId: openCall, command: { _tag: "Open" } })

    const credit = yield* Effect.makeSemaphore(framesAhead)
    const loop = Effect.flatMap(Queue.take(inbox), (event) =>
      Effect.zipRight(
        step(event),
        event._tag === "Received" || event._tag === "Undecodable" ? credit.release(1) : Effect.void
      )
    )
    let framesRead = 0
    let isReading = false
    const reader = Effect.gen(function* () {
      isReading = true
      const text = yield* connection.receive
      isReading = false
      framesRead += 1
      const messages = yield* Effect.either(codec.decodeNodeFrame(text))
      if (messages._tag === "Left") {
        yield* credit.take(1)
        offer({ _tag: "Undecodable", error: messages.left, ...glimpse(text) })
        return
      }
      for (const message of messages.right) {
        yield* credit.take(1)
        offer({ _tag: "Received", message })
      }
    })
    const readerEnded = yield* Deferred.make<void>()
    yield* Effect.forever(reader).pipe(
      Effect.onError((cause) => {
        offer({ _tag: "Disconnected", error: endOf(cause, "receive") })
        return Deferred.succeed(readerEnded, undefined)
      }),
      Effect.forkIn(connectionScope)
    )
    // A frame cannot be sent: the connection is over. What the node said before is still to be heard, and its end tells
    // more than this. Only if neither comes this is how it ended.
    const silence: Effect.Effect<void> = Effect.suspend(() => {
      const before = framesRead
      return Effect.flatMap(Effect.sleep(lastWords), () =>
        isReading && framesRead === before ? Effect.void : silence
      )
    })
    yield* Effect.forever(Effect.flatMap(Queue.take(outbox), connection.send)).pipe(
      Effect.catchAllCause((cause) =>
        Effect.map(Effect.raceFirst(Deferred.await(readerEnded), silence), () =>
          offer({ _tag: "Disconnected", error: endOf(cause, "send") })
        )
      ),
      Effect.forkIn(connectionScope)
    )
    yield* Effect.forever(loop).pipe(
      Effect.onError((cause) =>
        Cause.isInterruptedOnly(cause)
          ? Effect.void
          : Effect.zipRight(
              stop(Exit.die(Cause.squash(cause))),
              Effect.forkIn(Scope.close(connectionScope, Exit.void), outer)
            )
      ),
      Effect.forkIn(scope)
    )

    const ask = <T extends ClientMachine.CallResult["_tag"]>(
      tag: T,
      command: ClientMachine.Command
    ): Effect.Effect<Result<T>, FlowError> =>
      Effect.uninterruptibleMask((restore) =>
        Effect.suspend(() => {
          if (stopped !== undefined) {
            const { reason, detail, closeCode } = stopped
            return new TransportError({
              reason,
              detail,
              operation: command._tag.toLowerCase(),
              ...(closeCode === undefined ? {} : { closeCode })
            })
          }
          const callId = nextCallId++
          const waiting = Deferred.unsafeMake<ClientMachine.CallResult, FlowError>(FiberId.none)
          calls.set(callId, waiting)
          offer({ _tag: "Asked", callId, command })
          return restore(Deferred.await(waiting)).pipe(
            Effect.onInterrupt(() =>
              Effect.sync(() => {
                if (calls.delete(callId)) offer({ _tag: "CallerGone", callId })
              })
            )
          )
        })
      ).pipe(Effect.flatMap((result) => expect(tag, result)))

    const session: Session = {
      role,
      terms,
      status: Subscribable.make({
        get: Effect.map(SubscriptionRef.get(shown), ({ status }) => status),
        changes: Stream.changesWith(
          Stream.map(changes, ({ status }) => status),
          sameStatus
        )
      }),
      events: Stream.fromPubSub(events).pipe(Stream.takeUntil((event) => event._tag === "Ended")),
      sendMessage: (text) => Effect.asVoid(ask("Done", { _tag: "SendMessage", text })),
      balances: (accounts = [terms.initiatorId, terms.responderId]) =>
        Effect.map(ask("Balances", { _tag: "Balances", accounts }), ({ balances }) => balances),
      ping: Effect.asVoid(ask("Done", { _tag: "Ping" })),
      stop: Effect.asVoid(ask("Done", { _tag: "Stop" })),
      abort: (code = 4) => Effect.suspend(() => ask("Done", { _tag: "Abort", code: decline(code).code })),
      fsmId: Effect.sync(() => state.fsmId)
    }

    const channel = (id: ChannelId): Channel => ({
      ...session,
      id,
      latest: Subscribable.make({
        get: Effect.flatMap(SubscriptionRef.get(shown), ({ latest }) => present(latest)),
        changes: Stream.changesWith(
          Stream.filterMap(changes, ({ latest }) => Option.fromNullable(latest)),
          (a, b) => a === b
        )
      }),
      transfer: ({ amount, from, to, meta = [], blockHash }) => {
        const payer = from ?? (to === own ? peer : own)
        return Effect.map(
          ask("CoSigned", {
            _tag: "Transfer",
            request: {
              _tag: "Transfer",
              from: payer,
              to: to ?? (payer === own ? peer : own),
              amount,
              meta,
              ...(blockHash === undefined ? {} : { blockHash })
            }
          }),
          ({ state: coSigned }) => coSigned
        )
      },
      offChainState: Effect.map(ask("OffChainState", { _tag: "OffChainState" }), ({ state: whole }) => whole),
      poi: ({ accounts = [terms.initiatorId, terms.responderId], contracts = [] } = {}) =>
        Effect.map(ask("Poi", { _tag: "Poi", accounts, contracts }), ({ poi }) => poi),
      shutdown: (onChain = {}) =>
        Effect.map(ask("Closed", { _tag: "Shutdown", options: onChain }), ({ closed }) => closed),
      leave: Effect.asVoid(ask("Done", { _tag: "Leave" }))
    })

    const opened: Effect.Effect<Channel, ChannelError> = Deferred.await(openDeferred).pipe(
      Effect.flatMap((result) => expect("CoSigned", result)),
      Effect.map(({ state: first }) => channel(first.channelId))
    )
    const opening: OpeningChannel = { ...session, opened }
    return { opening, close: Scope.close(scope, Exit.void) }
  })

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

/** How the connection ended, by how what used it did. */
const endOf = (cause: Cause.Cause<TransportError>, operation: string): TransportError =>
  Option.getOrElse(Cause.failureOption(cause), () =>
    Cause.isInterruptedOnly(cause)
      ? closedByUs
      : new TransportError({
          reason: "connection_lost",
          operation,
          detail: "the connection ended with an unexpected error"
        })
  )

/**
 * Connects and begins to open a channel; ends as soon as the connection stands. The opening goes on while the scope is
 * open, and everything ends with it. For those who want to see or do something before the channel is open; all others
 * use {@link open}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const connect = (options: OpenOptions): Effect.Effect<OpeningChannel, ChannelError, Requirements> =>
  Effect.map(makeShell(options), ({ opening }) => opening)

/**
 * Opens a channel, for either role; ends when the channel is open and its first state is co-signed and stored. The
 * channel lives until its scope is closed, which closes the connection; the node's side lives on (see `leave` and
 * `shutdown`).
 *
 * Fails with `RejectedError` when the node refuses the parameters, with `TransportError` when it closes the connection
 * or its state machine ends, with `VerificationError` when the create transaction is not what the parameters say, and
 * with the failures of signer, policy and store. Then the connection is closed.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = (options: OpenOptions): Effect.Effect<Channel, ChannelError, Requirements> =>
  Effect.flatMap(makeShell(options), ({ opening, close }) => Effect.onError(opening.opened, () => close))
