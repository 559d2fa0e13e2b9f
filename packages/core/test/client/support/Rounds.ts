/** Off-chain rounds for scripted nodes: transactions that follow from updates. */
import * as Fee from "../../../src/chain/Fee.js"
import type { ChannelCloseMutualTx, ChannelOffchainTx } from "../../../src/chain/Transaction.js"
import type { AccountAddress } from "../../../src/encoding/ApiEncoding.js"
import * as Apply from "../../../src/state/Apply.js"
import * as Trees from "../../../src/state/Trees.js"
import type { Update } from "../../../src/state/Update.js"
import { channelId, initialTrees, terms } from "./ScriptedNode.js"

export const transfer = (from: AccountAddress, to: AccountAddress, amount: bigint): Update => ({
  _tag: "OffChainTransfer",
  from,
  to,
  amount
})

export const meta = (data: string): Update => ({ _tag: "OffChainMeta", data })

export const treesAfter = (
  updates: ReadonlyArray<Update>,
  round: number,
  trees: Trees.Trees = initialTrees
): Trees.Trees => {
  const next = Apply.applyUpdates(trees, updates, { round, channelReserve: terms.channelReserve })
  if (next instanceof Apply.UpdateError) throw next
  return next
}

export const offChainTx = (
  trees: Trees.Trees,
  round: number,
  changes: Partial<Extract<ChannelOffchainTx, { readonly version: 2 }>> = {}
): ChannelOffchainTx => ({
  _tag: "ChannelOffchainTx",
  version: 2,
  channelId,
  round,
  stateHash: Trees.stateHash(trees),
  ...changes
})

export const closeTx = (
  fromId: AccountAddress,
  trees: Trees.Trees = initialTrees,
  changes: Partial<ChannelCloseMutualTx> = {}
): ChannelCloseMutualTx => {
  const [initiatorBalance, responderBalance] = [
    Trees.balance(trees, terms.initiatorId) ?? 0n,
    Trees.balance(trees, terms.responderId) ?? 0n
  ]
  const at = (fee: bigint): ChannelCloseMutualTx => {
    const split = Fee.closeMutualSplit({ initiatorBalance, responderBalance, fee })
    if (split instanceof Fee.InsufficientBalance) throw split
    return { _tag: "ChannelCloseMutualTx", version: 1, channelId, fromId, ...split, ttl: 0, fee, nonce: 2n }
  }
  const fee = changes.fee ?? Fee.minimumFee(at(20_000_000_000_000n), Fee.defaultMinerGasPrice)
  return { ...at(fee), ...changes }
}
