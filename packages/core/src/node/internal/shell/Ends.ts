/** What the shell tells of the ends of channels, and of how they were at one moment. */
import type { AccountAddress, ChannelId } from "../../../encoding/ApiEncoding.js"
import type { StateHashText } from "../../../encoding/ApiEncoding.js"
import type { Role } from "../../../protocol/OpenParameters.js"
import * as Trees from "../../../state/Trees.js"
import type { FsmState } from "../../ChannelFsm.js"
import type { FsmId } from "../../../protocol/NodeMessage.js"
import type { ChainMoment } from "./Blocks.js"
import type { KeptStates } from "./StateEntries.js"
import type { Machine } from "./Machine.js"

/**
 * One end of a channel, whose state machine runs. Balances are those of the latest co-signed state, in aettos; before
 * there is one they are undefined, as are `stateHash` and, while a responder waits for anybody, `initiatorId`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChannelEnd {
  readonly role: Role
  readonly channelId: ChannelId | undefined
  /** The name of the machine's state, such as `open`. */
  readonly fsmState: FsmState["name"]
  readonly port: number
  readonly initiatorId: AccountAddress | undefined
  readonly responderId: AccountAddress
  readonly round: number
  readonly stateHash: StateHashText | undefined
  readonly initiatorBalance: bigint | undefined
  readonly responderBalance: bigint | undefined
  readonly clientConnected: boolean
  readonly peerConnected: boolean
}

export const endOf = ({ port, role, session, state }: Machine): ChannelEnd => {
  const { channelId, initiatorId, offChain, peerConnected, responderId } = state
  const trees = offChain.signedTx === undefined ? undefined : offChain.trees
  const known = initiatorId === "any" ? undefined : initiatorId
  return {
    role,
    channelId: channelId ?? undefined,
    fsmState: state.name,
    port,
    initiatorId: known,
    responderId,
    round: offChain.round,
    stateHash: trees && Trees.stateHashText(trees),
    initiatorBalance: trees && known && Trees.balance(trees, known),
    responderBalance: trees && Trees.balance(trees, responderId),
    clientConnected: session !== undefined,
    peerConnected
  }
}

/** A machine at one moment. The machine itself goes on, and is no part of it but for what is never taken back. */
export interface MachineMoment {
  readonly machine: Machine
  readonly state: FsmState
  readonly peer: Machine | undefined
  readonly rejoins: ChannelId | undefined
  readonly registered: ChannelId | undefined
  readonly formerFsmId: FsmId | undefined
  readonly alreadySeen: Machine["alreadySeen"]
  /** Milliseconds until its timer would have been due. */
  readonly timer: number | undefined
}

export const momentOf = (machine: Machine): MachineMoment => {
  const { alreadySeen, formerFsmId, peer, registered, rejoins, state, timer } = machine
  return { machine, state, peer, rejoins, registered, formerFsmId, alreadySeen, timer: timer.left() }
}

/** All of a node at one moment. `position` is that of its chain's log. */
export interface NodeMoment {
  readonly chain: ChainMoment
  readonly machines: ReadonlyArray<MachineMoment>
  readonly states: KeptStates
  readonly position: number
}
