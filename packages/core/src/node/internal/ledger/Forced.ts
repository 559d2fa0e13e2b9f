/**
 * What is inside a force progress transaction: an off-chain update and the off-chain state it starts from.
 *
 * @internal
 */
import type * as Transaction from "../../../chain/Transaction.js"
import * as Trees from "../../../state/Trees.js"
import * as Update from "../../../state/Update.js"
import { readOnce } from "./Authentication.js"

/** The update; `undefined` for bytes that are none. @internal */
export const updateOf: (update: Uint8Array) => Update.Update | undefined = readOnce(Update.decodeOrThrow)

/** The off-chain trees; `undefined` for bytes that are none. @internal */
export const treesOf: (trees: Uint8Array) => Trees.Trees | undefined = readOnce(Trees.decodeOrThrow)

/** The call that is forced; `undefined` where the update is no call. @internal */
export const callOf = (tx: Transaction.ChannelForceProgressTx): Update.OffChainCallContract | undefined => {
  const update = updateOf(tx.update)
  return update?._tag === "OffChainCallContract" ? update : undefined
}
