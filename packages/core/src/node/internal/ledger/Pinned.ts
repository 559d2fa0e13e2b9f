/**
 * What contracts see that are pinned to a block of the chain, and what the next block goes by.
 *
 * @internal
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import type { Environment } from "../../../fate/Environment.js"
import type { Ledger } from "../../Ledger.js"
import type { Block } from "./Block.js"
import type { ChainState } from "./ChainState.js"
import type * as Rule from "./Rule.js"
import * as World from "./World.js"

/** The hash (32 bytes) of the key block at a height, as contracts ask for it. @internal */
export const blockHashIn =
  (keyBlocks: Ledger["keyBlocks"]) =>
  (height: number): Uint8Array | undefined => {
    const found = Option.getOrUndefined(HashMap.get(keyBlocks, height))
    return found === undefined ? undefined : ApiEncoding.bytesOf(found.hash)
  }

/** What the rules of the next micro block go by. @internal */
export const nextBlock = (ledger: Ledger, timestamp = ledger.tip.timeMs): Rule.Environment => ({
  networkId: ledger.networkId,
  protocol: ledger.protocol,
  height: ledger.top.height,
  timestamp,
  blockHash: blockHashIn(ledger.keyBlocks),
  authenticator: ledger.authenticator
})

const worldOf = (ledger: Ledger, at: Block, state: ChainState): Environment => {
  const { height, protocol, timeMs } = at
  const place: World.Place = {
    networkId: ledger.networkId,
    protocol,
    height,
    // A key block counts as the millisecond after it.
    timestamp: at._tag === "KeyBlock" ? timeMs + 1 : timeMs,
    blockHash: blockHashIn(ledger.keyBlocks)
  }
  return World.environment(place, state.trees)
}

const pinned = new WeakMap<Block, Environment>()

/** After a block: made once for each. @internal */
export const environmentAfter = (ledger: Ledger, at: Block): Environment | undefined => {
  const known = pinned.get(at)
  if (known !== undefined) return known
  const state = Option.getOrUndefined(HashMap.get(ledger.states, at.hash))
  if (state === undefined) return undefined
  const made = worldOf(ledger, at, state)
  pinned.set(at, made)
  return made
}

interface Newest {
  readonly at: Block
  readonly environment: Environment
}

const newest = new WeakMap<ChainState, Newest>()

/** Now: after the newest block, and with what the faucet gave since. @internal */
export const environmentNow = (ledger: Ledger): Environment => {
  const after = Option.getOrUndefined(HashMap.get(ledger.states, ledger.tip.hash))
  const same = after === ledger.state ? environmentAfter(ledger, ledger.tip) : undefined
  if (same !== undefined) return same
  const known = newest.get(ledger.state)
  if (known?.at === ledger.tip) return known.environment
  const environment = worldOf(ledger, ledger.tip, ledger.state)
  newest.set(ledger.state, { at: ledger.tip, environment })
  return environment
}
