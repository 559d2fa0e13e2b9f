/** What a chain has of its blocks and transactions, and what is left of that when its newest blocks are dropped. */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { Ledger, MinedTransaction } from "../../Ledger.js"
import type * as Block from "./Block.js"
import * as Rules from "./Rules.js"

/** The blocks of a chain above one of its blocks, the newest first. */
export const blocksAbove = (ledger: Ledger, base: Block.Block): ReadonlyArray<Block.Block> => {
  const above: Array<Block.Block> = []
  for (let at: Block.Block | undefined = ledger.tip; at !== undefined && at.hash !== base.hash; ) {
    above.push(at)
    at = Option.getOrUndefined(HashMap.get(ledger.blocks, at.prevHash))
  }
  return above
}

/** All transactions in these blocks, which are the newest first; in the order in which they took effect. */
export const transactionsIn = (
  ledger: Ledger,
  blocks: ReadonlyArray<Block.Block>
): ReadonlyArray<MinedTransaction> =>
  blocks
    .toReversed()
    .flatMap((each) => (each._tag === "MicroBlock" ? each.txHashes : []))
    .flatMap((txHash) => Option.toArray(HashMap.get(ledger.transactions, txHash)))

export type Books = Pick<Ledger, "blocks" | "states" | "keyBlocks" | "transactions" | "history">

/** The books of a chain without its newest blocks and their transactions. */
export const without = (
  { blocks, history, keyBlocks, states, transactions }: Ledger,
  above: ReadonlyArray<Block.Block>,
  dropped: ReadonlyArray<MinedTransaction>
): Books => {
  const hashes = above.map(({ hash }) => hash)
  const heights = above.flatMap((each) => (each._tag === "KeyBlock" ? [each.height] : []))
  const txHashes = new Set(dropped.map(({ txHash }) => txHash))
  const channels = new Set(dropped.flatMap(({ signedTx }) => Rules.channelOf(signedTx) ?? []))
  let left = history
  for (const channelId of channels) {
    const known = Option.getOrElse(HashMap.get(left, channelId), () => [])
    const kept = known.filter((txHash) => !txHashes.has(txHash))
    left = kept.length === 0 ? HashMap.remove(left, channelId) : HashMap.set(left, channelId, kept)
  }
  return {
    blocks: HashMap.removeMany(blocks, hashes),
    states: HashMap.removeMany(states, hashes),
    keyBlocks: HashMap.removeMany(keyBlocks, heights),
    transactions: HashMap.removeMany(transactions, txHashes),
    history: left
  }
}

/** The micro blocks that end with this block, oldest first. */
export const microBlocksFrom = (
  { blocks }: Pick<Books, "blocks">,
  newest: Block.Block | undefined
): ReadonlyArray<Block.MicroBlock> => {
  const found: Array<Block.MicroBlock> = []
  let at = newest
  while (at?._tag === "MicroBlock") {
    found.push(at)
    at = Option.getOrUndefined(HashMap.get(blocks, at.prevHash))
  }
  return found.reverse()
}

/** The height of the first key block, which follows the genesis block. */
export const firstHeight = (ledger: Ledger): number => {
  let first: Pick<Ledger, "top" | "below"> = ledger
  while (first.below !== undefined) first = first.below
  return first.top.height
}
