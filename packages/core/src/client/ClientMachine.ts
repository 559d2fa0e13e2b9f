/**
 * The client's state machine: a pure function from what happens to what is to be done. It knows no time, no socket and
 * no dialect; {@link ./Channel} runs it.
 *
 * Rules it keeps:
 *
 * - One own operation at a time, and none while the peer's proposal is being answered; others wait for their turn.
 * - Nothing is signed that was not verified field by field, decided, and written to the store before.
 * - Nothing is believed to be co-signed before both signatures and the state hash were checked.
 * - Every question ends: when the connection is over, all that are left fail.
 *
 * Specification: channel WebSocket API.
 *
 * @since 0.1.0
 */
import type { CryptoService } from "../crypto/Crypto.js"
import type { StoreError } from "../protocol/Errors.js"
import type { NodeMessage } from "../protocol/NodeMessage.js"
import type { StoredRecord } from "../services/ChannelStore.js"
import { onAuthenticated } from "./internal/doubts.js"
import { Draft } from "./internal/draft.js"
import * as Calls from "./internal/calls.js"
import * as ComingBack from "./internal/comingBack.js"
import type {
  CallId,
  ClientConfig,
  ClientEnvironment,
  ClientEvent,
  ClientState,
  Command,
  Transition
} from "./internal/model.js"
import { onReported } from "./internal/reports.js"
import * as Resume from "./internal/resume.js"
import * as Settled from "./internal/settled.js"
import { settleTimer } from "./internal/settling.js"
import * as Signing from "./internal/signing.js"
import * as Verify from "./internal/verify.js"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  CallId,
  /**
   * @since 0.1.0
   * @category models
   */
  CallResult,
  /**
   * @since 0.1.0
   * @category models
   */
  ClientConfig,
  /**
   * @since 0.1.0
   * @category models
   */
  ClientEffect,
  /**
   * @since 0.1.0
   * @category models
   */
  ClientEnvironment,
  /**
   * @since 0.1.0
   * @category models
   */
  ClientEvent,
  /**
   * @since 0.1.0
   * @category models
   */
  ClientState,
  /**
   * @since 0.1.0
   * @category models
   */
  Command,
  /**
   * @since 0.1.0
   * @category models
   */
  OperationRequest,
  /**
   * @since 0.1.0
   * @category models
   */
  Transition,
  /**
   * @since 0.1.0
   * @category models
   */
  WorkId
} from "./internal/model.js"

export {
  /**
   * @since 0.1.0
   * @category getters
   */
  doubtsIn,
  /**
   * @since 0.1.0
   * @category getters
   */
  unverifiedOf
} from "./internal/doubts.js"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Answered
} from "./internal/agreement.js"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Doubt
} from "./internal/doubts.js"

/**
 * The state of a client that has just connected.
 *
 * @since 0.1.0
 * @category constructors
 */
export const initial = (config: ClientConfig): ClientState => ({
  config,
  phase: "opening",
  channelId: null,
  fsmId: undefined,
  peerConnected: false,
  coming: undefined,
  frozen: undefined,
  freeze: undefined,
  trees: Verify.initialTrees(config),
  latest: undefined,
  ground: undefined,
  generalized: undefined,
  exposure: [],
  prepared: [],
  intents: [],
  version: 0,
  hasStoredPending: false,
  own: undefined,
  watched: [],
  queue: [],
  dryRuns: [],
  settling: undefined,
  peer: undefined,
  calls: [],
  nodeOpen: false,
  locks: Verify.unlocked,
  soloClosing: "no",
  slashesRefused: 0,
  closeTx: undefined,
  closeConfirmed: false,
  end: undefined,
  nextRequestId: config.firstRequestId,
  nextWork: 1,
  verdicts: new Map()
})

/**
 * The state of a client that has just connected in order to come back to the channel of a record; `StoreError`
 * (`corrupt`) when what the record says does not fit together.
 *
 * @since 0.1.0
 * @category constructors
 */
export const restored = (
  config: ClientConfig,
  stored: StoredRecord,
  crypto: CryptoService
): ClientState | StoreError => Resume.restored(initial(config), stored, crypto)

/**
 * What an event leads to. A `Persist` effect, if there is one, comes first: when it fails, the shell keeps the old
 * state, drops the other effects and reports `StoreFailed`.
 *
 * @since 0.1.0
 * @category transitions
 */
export const transition = (state: ClientState, event: ClientEvent, env: ClientEnvironment): Transition => {
  const draft = new Draft(state, env)
  apply(draft, event)
  release(draft)
  return draft.finish()
}

/** What was said while a state was being computed is heard now, in order. */
const release = (draft: Draft): void => {
  for (const message of draft.released()) {
    if (draft.state.end === undefined) onMessage(draft, message)
    draft.startNext()
  }
}

const apply = (draft: Draft, event: ClientEvent): void => {
  switch (event._tag) {
    case "Asked":
      return onAsked(draft, event.callId, event.command)
    case "CallerGone":
      draft.patch({ dryRuns: draft.state.dryRuns.filter(({ callId }) => callId !== event.callId) })
      return draft.state.coming === undefined
        ? Calls.onCallerGone(draft, event.callId)
        : ComingBack.onCallerGone(draft, event.callId)
    case "StoreFailed":
      Calls.onStoreFailed(draft, event.error, event.during)
      if (draft.state.coming !== undefined) ComingBack.onStoreFailed(draft, event.error)
      return
    case "Disconnected":
      return ComingBack.onDisconnected(draft, event.error, event.isFinal)
    default:
      // The connection's end was the last thing that could change anything.
      if (draft.state.end === undefined) applyConnected(draft, event)
  }
}

const onAsked = (draft: Draft, callId: CallId, command: Command): void => {
  const { coming, end } = draft.state
  if (command._tag === "Reconnect") return ComingBack.onReconnect(draft, callId)
  if (command._tag === "Resume") return ComingBack.onResumed(draft, callId)
  const isQuestion = command._tag !== "Operate" && command._tag !== "Open"
  if (coming !== undefined && end === undefined && isQuestion) return ComingBack.hold(draft, callId, command)
  Calls.onAsked(draft, callId, command)
}

const applyConnected = (
  draft: Draft,
  event: Exclude<ClientEvent, { readonly _tag: "Asked" | "CallerGone" | "StoreFailed" | "Disconnected" }>
): void => {
  switch (event._tag) {
    case "Connected":
      return ComingBack.onConnected(draft)
    case "Received":
      return onMessage(draft, event.message)
    case "Undecodable":
      // The last connection's frames are no longer anybody's.
      if (draft.state.coming?.step === "away") return
      return Calls.onUndecodable(draft, event.error, event.id, event.tag)
    case "Loaded":
      return Signing.onLoaded(draft, event.work, event.stored)
    case "Decided":
      if (event.work === draft.state.settling?.work) return Settled.onDecided(draft, event.decision)
      return Signing.onDecided(draft, event.work, event.decision)
    case "Authenticated":
      return onAuthenticated(draft, event.answers)
    case "Told":
      if (event.work === draft.state.settling?.work) return Settled.onTold(draft, event.told)
      return Signing.onTold(draft, event.work, event.told)
    case "Signed":
      return Signing.onSigned(draft, event.work, event.signedTx)
    case "NotSigned":
      return Signing.onNotSigned(draft, event.work, event.reason)
    case "TimerFired":
      if (event.callId === settleTimer) return Settled.onTimer(draft)
      return event.callId === ComingBack.comingTimer
        ? ComingBack.onTimer(draft)
        : Calls.onTimer(draft, event.callId)
  }
}

const onMessage = (draft: Draft, message: NodeMessage): void => {
  const { coming, settling } = draft.state
  if (coming?.step === "away") return
  if (settling !== undefined) return Settled.onMessage(draft, message)
  switch (message._tag) {
    case "Reported":
      return coming === undefined ? onReported(draft, message) : ComingBack.onReported(draft, message)
    case "Replied":
      return ComingBack.onReplied(draft, message) ? undefined : Calls.onReplied(draft, message)
    case "Refused":
      return ComingBack.onRefused(draft, message) ? undefined : Calls.onRefused(draft, message)
  }
}
