/**
 * The alphabet of a channel's state machine: what can happen to it, and what it asks its shell to do.
 *
 * @since 0.1.0
 */
import type { CryptoService } from "../crypto/Crypto.js"
import type { SignedTx } from "../chain/SignedTx.js"
import type { ChannelId, TxHash } from "../encoding/ApiEncoding.js"
import type { Answer } from "../protocol/Codec.js"
import type { Report } from "../protocol/NodeMessage.js"
import type { Request } from "../protocol/Request.js"
import type { ChainEvent, ChainView } from "./ChainView.js"
import type { PeerMessage } from "./PeerMessage.js"

/** Names a call so that its answer finds it. Unique within a node. @since 0.1.0 @category models */
export type CallId = number

/** @since 0.1.0 @category models */
export type FsmEvent =
  /** The first event: the machine reports `fsm_up` and waits for its peer. */
  | { readonly _tag: "Started" }
  /** A request of the own client. Every call is answered exactly once, now or later (postponed calls). */
  | { readonly _tag: "Called"; readonly callId: CallId; readonly request: Request }
  /** The own client's socket is gone. */
  | { readonly _tag: "ClientGone" }
  /**
   * The own client (re)connected. `anew`: it does not know this machine, only the one before it, so that it has heard
   * nothing that this one has said.
   */
  | { readonly _tag: "ClientAttached"; readonly anew?: true }
  /** The link to the peer's machine stands. */
  | { readonly _tag: "LinkUp" }
  | { readonly _tag: "PeerSaid"; readonly message: PeerMessage }
  /** The link to the peer's machine is gone. */
  | { readonly _tag: "LinkDown" }
  /** The state's timer ran out. */
  | { readonly _tag: "TimerFired" }
  | { readonly _tag: "ChainSaid"; readonly event: ChainEvent }

/** @since 0.1.0 @category models */
export type FsmEffect =
  | { readonly _tag: "Answer"; readonly callId: CallId; readonly answer: Answer }
  /** To the own client; `channelId` is what the frame shows at this moment. */
  | { readonly _tag: "Report"; readonly report: Report; readonly channelId: ChannelId | null }
  | { readonly _tag: "Tell"; readonly message: PeerMessage }
  /** Give to the mempool; the machine has already asked whether it is admitted. */
  | { readonly _tag: "Submit"; readonly signedTx: SignedTx }
  /** From now on report transactions of this channel to this machine. */
  | { readonly _tag: "WatchChannel"; readonly channelId: ChannelId }
  /** Report when the transaction is this many key blocks deep (0: in a block). */
  | { readonly _tag: "WatchDepth"; readonly txHash: TxHash; readonly depth: number }
  /** Report when the channel's lock period is over: `ChannelUnlocked`, once. */
  | { readonly _tag: "WatchUnlock"; readonly channelId: ChannelId }
  /** Replaces the running timer; `infinity` stops it. Given whenever the state's timer (re)starts. */
  | { readonly _tag: "SetTimer"; readonly milliseconds: number | "infinity" }
  /** The machine is over: drop the link, close the client's socket with 1000 after its last report. */
  | { readonly _tag: "Stopped"; readonly reason: string }

/** What a transition may look at. @since 0.1.0 @category models */
export interface FsmEnvironment {
  readonly chain: ChainView
  readonly crypto: CryptoService
  /** Milliseconds since the epoch, from `Clock`; for the log. */
  readonly now: number
  /** Whether refusals the reference node swallows are spoken out, and `channels.error` reports are sent. */
  readonly helpfulErrors: boolean
  /** Whether a call forced on co-signed rounds counts where the chain remembers one from before them; default true. */
  readonly takesForcedAgain?: boolean
}
