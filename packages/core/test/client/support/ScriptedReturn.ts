/** Clients that come back to a scripted node. */
import { Effect, Exit, Fiber, Layer, Redacted, Scope } from "effect"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as Channel from "../../../src/client/Channel.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import type { FsmId } from "../../../src/protocol/NodeMessage.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import * as ChannelStore from "../../../src/services/ChannelStore.js"
import * as Trees from "../../../src/state/Trees.js"
import type { Party } from "./Parties.js"
import { layerParty } from "./Parties.js"
import { channelId, networkId, openScripted, ScriptedNode, type Sent, settle } from "./ScriptedNode.js"

export const fsmId = (number: number): FsmId =>
  Redacted.make(ApiEncoding.encode("ba", new Uint8Array(32).fill(number)))

export const up = (node: ScriptedNode, number: number): void =>
  node.say({ _tag: "Info", event: "fsm_up", fsmId: fsmId(number) })

/** A channel at round 1 whose client is gone; `use` may do something with it before. */
export const stored = <E>(
  role: Role,
  use: (
    open: Effect.Effect.Success<ReturnType<typeof openScripted>>
  ) => Effect.Effect<unknown, E, Scope.Scope> = () => Effect.void,
  party: Party = {}
) =>
  Effect.gen(function* () {
    const store = yield* ChannelStore.makeMemory
    const layer = Layer.succeed(ChannelStore.ChannelStore, store)
    const scope = yield* Scope.make()
    yield* Effect.gen(function* () {
      const open = yield* openScripted(role, { ...party, store: layer })
      up(open.node, 1)
      yield* settle
      yield* use(open)
    }).pipe(Scope.extend(scope))
    yield* Effect.repeat(Effect.zipLeft(store.read({ channelId, role }), Effect.yieldNow()), {
      until: (found) => found?.record.fsmId !== undefined
    })
    yield* Scope.close(scope, Exit.void)
    return { role, store, layer }
  })

export type Stored = Effect.Effect.Success<ReturnType<typeof stored>>

/** The client comes back; the node has not said anything yet. */
export const comeBack = (
  { role, layer }: Pick<Stored, "role" | "layer">,
  party: Party = {},
  options: Partial<Channel.ResumeOptions> = {}
) =>
  Effect.gen(function* () {
    const node = new ScriptedNode()
    node.channelId = channelId
    const fiber = yield* Channel.resume({ channelId, role, networkId, ...options }).pipe(
      Effect.provide(layerParty(role, { ...party, store: layer })),
      Effect.provide(node.layer),
      Effect.fork
    )
    yield* Effect.repeat(Effect.yieldNow(), { until: () => node.queries.length > 0 })
    return { node, fiber }
  })

/** The next frame that asks what the node holds; what was sent before it. */
export const asked = (
  node: ScriptedNode
): Effect.Effect<{ readonly question: Sent; readonly before: ReadonlyArray<Sent> }> =>
  Effect.gen(function* () {
    const before: Array<Sent> = []
    for (;;) {
      const sent = yield* node.next
      if (sent["method"] === "channels.get.offchain_state") return { question: sent, before }
      before.push(sent)
    }
  })

/** Answers it. */
export const holds = (
  node: ScriptedNode,
  question: Sent,
  state: SignedTx.SignedTx,
  trees: Trees.Trees,
  half?: SignedTx.SignedTx
): void =>
  node.reply(question, {
    trees: Trees.toText(trees),
    calls: Trees.callsToText(trees.calls),
    signed_tx: SignedTx.toText(state),
    half_signed_tx: half === undefined ? "" : SignedTx.toText(half)
  })

/** Refuses all frames that call something off: the node waits for none of these signatures. */
export const refuseAll = (node: ScriptedNode, frames: ReadonlyArray<Sent>): void => {
  for (const sent of frames)
    if (sent["method"] !== "channels.history.fetch" && "error" in Object(sent["params"]))
      node.refuse(sent, 3, [1018])
}

/** The whole return to the same machine, which holds this. */
export const returns = (
  node: ScriptedNode,
  fiber: Fiber.Fiber<Channel.Channel, unknown>,
  state: SignedTx.SignedTx,
  trees: Trees.Trees
) =>
  Effect.gen(function* () {
    up(node, 1)
    const first = yield* asked(node)
    holds(node, first.question, state, trees)
    const second = yield* asked(node)
    refuseAll(node, second.before)
    holds(node, second.question, state, trees)
    return { channel: yield* Fiber.join(fiber), sent: [...first.before, ...second.before] }
  })
