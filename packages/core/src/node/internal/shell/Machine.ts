/** What the shell knows of one machine, of its client's socket and of the link to its peer. */
import type { SignedTx } from "../../../chain/SignedTx.js"
import type { AccountAddress, ChannelId, TxHash } from "../../../encoding/ApiEncoding.js"
import type { Answer, ClientFrame, CodecService } from "../../../protocol/Codec.js"
import type { FsmId } from "../../../protocol/NodeMessage.js"
import type { Role } from "../../../protocol/OpenParameters.js"
import type { Trie } from "../../../state/Trie.js"
import type { FsmState } from "../../ChannelFsm.js"
import type { FsmEvent } from "../../FsmEvent.js"
import type { Conduit } from "./Conduit.js"
import type { Party } from "./Rendezvous.js"
import type { TimerHandle } from "./Timers.js"

/**
 * The socket of a client, as the node sees it. All three return at once and never throw; what is sent to a socket
 * that is closing is dropped.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientLink {
  /** Hands a frame over, in order. */
  readonly send: (text: string) => void
  /** Closes with a code, after the frames that were sent. */
  readonly close: (code: number) => void
  /** Cuts the connection without a close frame (the client sees 1006). */
  readonly terminate: () => void
}

/** A client's socket while it is open. */
export interface Session {
  /** Counts the sockets of the node. */
  readonly number: number
  /** The dialect that its client speaks. */
  readonly codec: CodecService
  readonly link: ClientLink
  /** The way of its frames to the client, and of the client's to the node. */
  readonly toClient: Conduit
  readonly fromClient: Conduit
  machine: Machine | undefined
  /** Its machine is over, and the socket soon will be. */
  outlived: boolean
  /** The client has sent a frame: it is there, and another one may take its place. */
  spoken: boolean
  /** What the client's frames show: the node's handler of a socket learns the id from the reports it passes on. */
  channelId: ChannelId | null
  /** While a batch is worked on, its reports wait for its answer. */
  held: Array<string> | undefined
}

/** A frame some of whose calls are not answered yet. */
export interface OpenFrame {
  readonly frame: Extract<ClientFrame, { readonly _tag: "Calls" }>
  readonly answers: Array<Answer | undefined>
  missing: number
}

/** What is on its way to a machine from its peer's. In order: nothing overtakes what is delayed. */
export interface Delivery {
  readonly event: FsmEvent
  readonly delay: number
}

export interface Machine extends Party {
  /** Names the machine in logs and to the chain watcher. */
  readonly id: string
  readonly role: Role
  readonly port: number
  readonly initiatorId: AccountAddress | "any"
  readonly responderId: AccountAddress
  readonly timer: TimerHandle
  /** The way of what its peer's machine says. */
  readonly fromPeer: Conduit
  readonly inbound: Array<Delivery>
  readonly inboundTimer: TimerHandle
  state: FsmState
  session: Session | undefined
  peer: Machine | undefined
  /** What an initiator has said on a link that has no other end yet; undefined while it has none or one with a peer. */
  unheard: Array<FsmEvent> | undefined
  /** Set while deliveries wait for the timer. */
  inboundDelayed: boolean
  stopped: boolean
  /** The channel to which an end that lost its peer, or came back, finds its way; undefined for one that opens. */
  rejoins: ChannelId | undefined
  /** Under which it is found by clients that come back. */
  registered: ChannelId | undefined
  /**
   * The id with which its client came back. It counts until the client is known to have the new one: the report that
   * brings it may be lost with the socket.
   */
  formerFsmId: FsmId | undefined
  /** The newest transaction of its channel, found before it began to watch that. */
  alreadySeen: TxHash | undefined
  /** What of the state the state cache holds. */
  kept:
    | { readonly signedTx: SignedTx; readonly calls: Trie; readonly lastChannelChange: TxHash | undefined }
    | undefined
  /** States sealed under its ids so far; of all machines that a revert made of one, together. */
  readonly seals: { count: number }
}
