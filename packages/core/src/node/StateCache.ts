/**
 * What the node keeps of a channel whose machine is over, so that the client comes back to it.
 *
 * Specification: channel state machine, state cache.
 *
 * @since 0.1.0
 */
import type { SignedTx } from "../chain/SignedTx.js"
import type { AccountAddress, ChannelId, TxHash } from "../encoding/ApiEncoding.js"
import type { OpenParameters, Role } from "../protocol/OpenParameters.js"
import type { Trees } from "../state/Trees.js"
import type { Trie } from "../state/Trie.js"

/**
 * A machine's memory beyond its end.
 *
 * - `parameters`: the options that survive. Minimum depth strategy, block hash window, message forwarding and `ttl` do
 *   not: they are the defaults after coming back.
 * - `calls`: results of contract calls
 * - `halfSignedTx`: an own proposal that the peer had and had not answered
 * - `lastChannelChange`: the latest transaction of this channel that the machine saw on chain
 *
 * @since 0.1.0
 * @category models
 */
export interface CachedChannel {
  readonly channelId: ChannelId
  readonly role: Role
  readonly ownAddress: AccountAddress
  readonly parameters: OpenParameters
  readonly trees: Trees
  readonly calls: Trie
  readonly round: number
  readonly signedTx: SignedTx
  readonly halfSignedTx: SignedTx | undefined
  readonly lastChannelChange: TxHash | undefined
}
