/** A node behind a real WebSocket, and both parties of a channel, each on this library's client with a log. */
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import type { Channel, OpenOptions } from "@aechannel/core/client/Channel"
import * as Channels from "@aechannel/core/client/Channel"
import * as RequestIds from "@aechannel/core/client/RequestIds"
import type { ChannelError, CoSignedState } from "@aechannel/core/client/ChannelEvent"
import type { KeyPair } from "@aechannel/core/crypto/KeyPair"
import * as ChannelNode from "@aechannel/core/node/ChannelNode"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import type { SignTag } from "@aechannel/core/protocol/SignTag"
import * as ProposalPolicy from "@aechannel/core/services/ProposalPolicy"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import * as Signer from "@aechannel/core/services/Signer"
import type { Transport } from "@aechannel/core/services/Transport"
import * as NodeServer from "@aechannel/transport/NodeServer"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Chain from "../../../../core/test/support/Chain.js"
import { layerParty, options as openOptions } from "../../../../core/test/client/support/Parties.js"
import {
  coin,
  initiator,
  layerNode,
  networkId,
  responder
} from "../../../../core/test/support/NodeUnderTest.js"
import * as TestCrypto from "../../../../core/test/support/TestCrypto.js"
import { FrameLog, layerLogged } from "../../../../core/test/support/FrameLog.js"

export { coin, networkId }
export const roles: ReadonlyArray<Role> = ["initiator", "responder"]
export const keyOf = (role: Role): KeyPair => (role === "initiator" ? initiator : responder)
export const other = (role: Role): Role => (role === "initiator" ? "responder" : "initiator")

export interface WorldOptions {
  readonly mining?: ChannelNode.MiningOptions
  readonly changes?: Partial<OpenOptions>
}

/** One party. */
export interface Side {
  readonly role: Role
  readonly channel: Channel
  readonly log: FrameLog
  /** What the party answers in place of its signature. */
  readonly refuses: Map<SignTag, number>
  /** A signature waits until its tag is let through. */
  readonly holds: Map<SignTag, Deferred.Deferred<void>>
  readonly store: ChannelStore.ChannelStoreService
  /** The client is gone, and its socket. */
  readonly close: Effect.Effect<void>
}

export interface World {
  readonly url: string
  readonly node: ChannelNode.ChannelNodeService
  readonly sides: Record<Role, Side>
  /** The state with which the channel was opened. */
  readonly first: CoSignedState
  /** A new client of a party, on the old one's store. */
  readonly comeBack: (role: Role) => Effect.Effect<Side, ChannelError, Scope.Scope>
  /** The way to the node. */
  readonly transport: (log: FrameLog) => Layer.Layer<Transport>
}

type Habits = Pick<Side, "log" | "refuses" | "holds">

const signerOf = (role: Role, { holds, refuses }: Habits): Layer.Layer<Signer.Signer> =>
  Signer.layer({
    address: keyOf(role).address,
    sign: ({ signedTx, tag }) =>
      Effect.gen(function* () {
        const held = holds.get(tag)
        if (held !== undefined) yield* Deferred.await(held)
        const code = refuses.get(tag)
        if (code !== undefined)
          return yield* Effect.fail(ProposalPolicy.decline(code) as ProposalPolicy.Decline)
        return SignedTx.sign(signedTx, keyOf(role), { networkId, crypto: TestCrypto.native })
      })
  })

const policyOf = ({ refuses }: Habits): Layer.Layer<ProposalPolicy.ProposalPolicy> =>
  ProposalPolicy.make(({ tag }) => {
    const code = refuses.get(tag)
    return code === undefined ? ProposalPolicy.accept : ProposalPolicy.decline(code)
  })

const settings = { autoSlash: false, requestIds: RequestIds.always }

/** Both parties have opened their channel. */
export const make = ({
  changes = {},
  mining = {}
}: WorldOptions = {}): Effect.Effect<World, ChannelError, Scope.Scope> =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      NodeServer.layer({ port: 0 }).pipe(
        Layer.orDie,
        Layer.provideMerge(layerNode({ mining, acceptDelay: "1 millis", closeDelay: "1 millis" }))
      )
    )
    const node = Context.get(context, ChannelNode.ChannelNode)
    const { url } = Context.get(context, NodeServer.NodeServer)
    const transport = (log: FrameLog) =>
      Layer.provide(layerLogged(log), WebSocketTransport.layerNode({ url }))
    /** A client that ends with the scope, or when it is told to. */
    const client = (
      role: Role,
      store: ChannelStore.ChannelStoreService,
      channel: Effect.Effect<Channel, ChannelError, Channels.Requirements>,
      log = new FrameLog()
    ): Effect.Effect<Side, ChannelError, Scope.Scope> =>
      Effect.gen(function* () {
        const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
        const habits: Habits = { log, refuses: new Map(), holds: new Map() }
        const party = layerParty(role, {
          signer: signerOf(role, habits),
          policy: policyOf(habits),
          store: Layer.succeed(ChannelStore.ChannelStore, store)
        })
        return {
          role,
          ...habits,
          store,
          channel: yield* channel.pipe(
            Effect.provide(Layer.merge(transport(log), party)),
            Scope.extend(scope)
          ),
          close: Scope.close(scope, Exit.void)
        }
      })
    const opening = (role: Role): Effect.Effect<Side, ChannelError, Scope.Scope> =>
      Effect.gen(function* () {
        const log = new FrameLog()
        // Blocks that nobody else makes.
        const mined =
          mining.keyBlocksAfter === 0
            ? Effect.zipRight(
                log.reaches("on_chain_tx channel_changed channel_create_tx"),
                role === "initiator" ? node.mine(10) : Effect.void
              )
            : Effect.void
        const opened = client(
          role,
          yield* ChannelStore.makeMemory,
          Channels.open(openOptions(role, { ...settings, ...changes })),
          log
        )
        return yield* Effect.zipLeft(opened, mined, { concurrent: true })
      })
    const [left, right] = yield* Effect.all([opening("initiator"), opening("responder")], { concurrency: 2 })
    const first = yield* left.channel.latest.get
    const world: World = {
      url,
      node,
      transport,
      first,
      sides: { initiator: left, responder: right },
      comeBack: (role) => {
        const { store } = world.sides[role]
        const { channelId } = first
        return client(role, store, Channels.resume({ channelId, role, networkId, ...settings }))
      }
    }
    yield* quiet(world)
    return world
  })

export const clear = (world: World): void => {
  for (const role of roles) world.sides[role].log.clear()
}

/** Until a party's client has seen all that the node has told it. */
const heard = ({ channel, log }: Side): Effect.Effect<void> =>
  Effect.gen(function* () {
    if ((yield* channel.status.get).end !== undefined) return
    const { length } = log.lines
    yield* Effect.ignore(channel.ping)
    // The ping itself is nobody's business.
    for (const line of ["> system", "result"]) {
      const index = log.lines.indexOf(line, length)
      if (index >= 0) log.lines.splice(index, 1)
    }
  })

export const quiet = (world: World): Effect.Effect<void> =>
  Effect.forEach(roles, (role) => heard(world.sides[role]), { discard: true })

/** Until both are at this round. */
export const reach = (world: World, round: number): Effect.Effect<void> =>
  Effect.forEach(
    roles,
    (role) =>
      Stream.runHead(Stream.filter(world.sides[role].channel.latest.changes, (each) => each.round >= round)),
    { discard: true }
  )

/** A party of the world pays the other, and both know it. */
export const pay = (world: World, role: Role, amount = coin): Effect.Effect<CoSignedState, ChannelError> =>
  Effect.tap(world.sides[role].channel.transfer({ amount }), ({ round }) => reach(world, round))

/** A party gives the chain the state with which the channel was opened, to close it with that. */
export const cheat = (world: World, role: Role): Effect.Effect<void> =>
  Chain.closeWithFirst(world.node, keyOf(role), world.first)

/** What takes longer than this will never come. */
export const within = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A | undefined, E, R> =>
  Effect.map(Effect.timeoutOption(effect, "2 seconds"), (done) =>
    done._tag === "Some" ? done.value : undefined
  )

/** Some aettos go from each to the other, on chain. */
export const spend = (world: World): Effect.Effect<void> =>
  Effect.forEach(
    roles,
    (role) =>
      Chain.submit(world.node, keyOf(role), (nonce) => ({
        _tag: "SpendTx",
        version: 1,
        senderId: keyOf(role).address,
        recipientId: keyOf(other(role)).address,
        amount: 1n,
        fee: 0n,
        ttl: 0,
        nonce,
        payload: new Uint8Array()
      })),
    { discard: true }
  )
