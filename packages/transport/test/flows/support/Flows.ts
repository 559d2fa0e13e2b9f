/** Everything that can happen to an open channel, and what each party's socket shows of it, in order. */
import type { ChannelError, FlowError } from "@aechannel/core/client/ChannelEvent"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import type { OnChainOptions } from "@aechannel/core/protocol/Request"
import type { SignTag } from "@aechannel/core/protocol/SignTag"
import * as Effect from "effect/Effect"
import { cheat, coin, other, pay, quiet, roles, type World, type WorldOptions } from "./World.js"

/** Frames in short, as the log has them, and in their order. */
export type Frames = ReadonlyArray<string>
export const frames = (text: string): Frames => (text === "" ? [] : text.split("; "))

export interface Sockets {
  readonly starter: Frames
  readonly peer: Frames
}

export interface Flow {
  readonly world?: WorldOptions
  /** Brings the channel to where the flow begins. */
  readonly prepare?: (world: World, starter: Role) => Effect.Effect<unknown, ChannelError>
  readonly run: (world: World, starter: Role, options?: OnChainOptions) => Effect.Effect<unknown, FlowError>
  /** What passes when it goes well. */
  readonly passes: (starter: Role) => Sockets
  /** What the parties are asked to sign: the starter, and the peer, if it is. */
  readonly asks: readonly [SignTag, SignTag?] | readonly []
  /** What passes after the starter's signature, and after its peer's, when the mempool does not want the transaction. */
  readonly refused?: Sockets
  /** What has to be done before the same can be tried again, once the mempool has refused it. */
  readonly mend?: (world: World, starter: Role) => Effect.Effect<unknown, ChannelError>
}

const both = (starter: string, peer: string) => {
  const sockets: Sockets = { starter: frames(starter), peer: frames(peer) }
  return () => sockets
}

/** A round that only one party has signed completely. */
const round = (world: World): Effect.Effect<unknown, ChannelError> => pay(world, "initiator")

const closing = (world: World, role: Role): Effect.Effect<unknown, ChannelError> =>
  Effect.gen(function* () {
    yield* round(world)
    yield* world.sides[role].channel.closeSolo()
    for (const each of roles) yield* world.sides[each].log.reaches("info closing")
    yield* quiet(world)
  })

const cheated = (world: World, cheater: Role): Effect.Effect<unknown, ChannelError> =>
  Effect.gen(function* () {
    yield* round(world)
    yield* cheat(world, cheater)
    for (const each of roles) yield* world.sides[each].log.reaches("info closing")
    yield* quiet(world)
  })

/** The peer has signed what came to nothing, so the next with this round has to be its own. */
const peersTurn = (world: World, starter: Role): Effect.Effect<unknown, ChannelError> =>
  pay(world, other(starter))

const movement = (kind: "deposit" | "withdraw"): Omit<Flow, "run"> => ({
  passes: both(
    `> ${kind}; ok; sign.${kind}_tx; > ${kind}_tx; ok; on_chain_tx ${kind}_signed channel_${kind}_tx; on_chain_tx channel_changed channel_${kind}_tx; info own_${kind}_locked; info ${kind}_locked; update`,
    `info ${kind}_created; sign.${kind}_ack; > ${kind}_ack; ok; on_chain_tx ${kind}_created channel_${kind}_tx; on_chain_tx channel_changed channel_${kind}_tx; info own_${kind}_locked; info ${kind}_locked; update`
  ),
  asks: [`${kind}_tx`, `${kind}_ack`],
  refused: {
    starter: ["conflict 5"],
    peer: [`on_chain_tx ${kind}_created channel_${kind}_tx`, "conflict 5"]
  },
  mend: peersTurn
})

const paidOut =
  "on_chain_tx channel_closed channel_close_mutual_tx; info closed_confirmed; info died; close 1000"

export const flows = {
  transfer: {
    run: (world, starter) => world.sides[starter].channel.transfer({ amount: coin }),
    passes: both(
      "> update.new; ok; sign.update; > update; ok; update",
      "info update; sign.update_ack; > update_ack; ok; update"
    ),
    asks: ["update", "update_ack"]
  },
  deposit: {
    ...movement("deposit"),
    run: (world, starter, options) => world.sides[starter].channel.deposit({ amount: coin, ...options })
  },
  withdraw: {
    ...movement("withdraw"),
    run: (world, starter, options) => world.sides[starter].channel.withdraw({ amount: coin, ...options })
  },
  shutdown: {
    run: (world, starter, options) => world.sides[starter].channel.shutdown(options),
    passes: both(
      `> shutdown; ok; sign.shutdown_sign; > shutdown_sign; ok; on_chain_tx close_mutual channel_close_mutual_tx; info closing; ${paidOut}`,
      `info shutdown; sign.shutdown_sign_ack; > shutdown_sign_ack; ok; on_chain_tx close_mutual channel_close_mutual_tx; info closing; ${paidOut}`
    ),
    asks: ["shutdown_sign", "shutdown_sign_ack"],
    refused: {
      starter: ["conflict 5"],
      peer: ["on_chain_tx close_mutual channel_close_mutual_tx", "info closing", "conflict 5", "info open"]
    }
  },
  "shutdown while closing": {
    prepare: closing,
    run: (world, starter, options) => world.sides[starter].channel.shutdown(options),
    passes: both(
      `> shutdown; ok; sign.shutdown_sign; > shutdown_sign; ok; on_chain_tx close_mutual channel_close_mutual_tx; ${paidOut}`,
      `info shutdown; sign.shutdown_sign_ack; > shutdown_sign_ack; ok; on_chain_tx close_mutual channel_close_mutual_tx; ${paidOut}`
    ),
    asks: ["shutdown_sign", "shutdown_sign_ack"],
    refused: {
      starter: ["conflict 5"],
      peer: ["on_chain_tx close_mutual channel_close_mutual_tx", "conflict 5"]
    }
  },
  "shutdown while the peer closes": {
    prepare: (world, starter) => closing(world, other(starter)),
    run: (world, starter, options) => world.sides[starter].channel.shutdown(options),
    passes: both(
      `> shutdown; ok; sign.shutdown_sign; > shutdown_sign; ok; on_chain_tx close_mutual channel_close_mutual_tx; ${paidOut}`,
      `info shutdown; sign.shutdown_sign_ack; > shutdown_sign_ack; ok; on_chain_tx close_mutual channel_close_mutual_tx; ${paidOut}`
    ),
    asks: ["shutdown_sign", "shutdown_sign_ack"],
    refused: {
      starter: ["conflict 5"],
      peer: ["on_chain_tx close_mutual channel_close_mutual_tx", "conflict 5"]
    }
  },
  snapshot: {
    prepare: round,
    run: (world, starter, options) => world.sides[starter].channel.snapshotSolo(options),
    passes: both(
      "> snapshot_solo; ok; sign.snapshot_solo_tx; > snapshot_solo_sign; ok; on_chain_tx channel_changed channel_snapshot_solo_tx; info min_depth_achieved",
      "on_chain_tx channel_changed channel_snapshot_solo_tx"
    ),
    asks: ["snapshot_solo_tx"],
    refused: { starter: ["conflict 5"], peer: [] }
  },
  "close solo": {
    prepare: round,
    run: (world, starter, options) => world.sides[starter].channel.closeSolo(options),
    passes: both(
      "> close_solo; ok; sign.close_solo_sign; > close_solo_sign; ok; on_chain_tx solo_closing channel_close_solo_tx; info closing",
      "on_chain_tx solo_closing channel_close_solo_tx; info closing"
    ),
    asks: ["close_solo_sign"],
    refused: { starter: ["conflict 5"], peer: [] }
  },
  "close solo with the state on chain": {
    run: (world, starter, options) => world.sides[starter].channel.closeSolo(options),
    passes: both(
      "> close_solo; ok; sign.close_solo_sign; > close_solo_sign; ok; on_chain_tx solo_closing channel_close_solo_tx; info closing",
      "on_chain_tx solo_closing channel_close_solo_tx; info closing"
    ),
    asks: ["close_solo_sign"],
    refused: { starter: ["conflict 5"], peer: [] }
  },
  "cheating close": {
    prepare: round,
    run: cheat,
    passes: both(
      "on_chain_tx can_slash channel_offchain_tx; info closing",
      "on_chain_tx can_slash channel_offchain_tx; info closing"
    ),
    asks: []
  },
  slash: {
    prepare: (world, starter) => cheated(world, other(starter)),
    run: (world, starter, options) => world.sides[starter].channel.slash(options),
    passes: both(
      "> slash; ok; sign.slash_tx; > slash_sign; ok; on_chain_tx solo_closing channel_slash_tx",
      "on_chain_tx solo_closing channel_slash_tx"
    ),
    asks: ["slash_tx"],
    refused: { starter: ["conflict 5"], peer: [] }
  },
  settle: {
    prepare: (world, starter) =>
      Effect.zipRight(closing(world, starter), Effect.zipRight(world.node.mine(20), quiet(world))),
    run: (world, starter, options) => world.sides[starter].channel.settle(options),
    passes: both(
      "> settle; ok; sign.settle_sign; > settle_sign; ok; on_chain_tx channel_closed channel_settle_tx; info closed_confirmed; info died; close 1000",
      "on_chain_tx channel_closed channel_settle_tx; info closed_confirmed; info died; close 1000"
    ),
    asks: ["settle_sign"],
    refused: { starter: ["conflict 5"], peer: [] }
  }
} as const satisfies Record<string, Flow>

export type FlowName = keyof typeof flows
export const flowOf = (name: FlowName): Flow => flows[name]
export const flowNames = Object.keys(flows) as ReadonlyArray<FlowName>
/** What takes both signatures, and what takes one. */
export const together = flowNames.filter((name) => flowOf(name).asks.length === 2)
export const alone = flowNames.filter((name) => flowOf(name).asks.length < 2)
