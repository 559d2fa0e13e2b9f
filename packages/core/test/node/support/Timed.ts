/** Both parties' clients at a node in memory, in virtual time; what they do not sign waits for ever. */
import { Context, Effect, ExecutionStrategy, Exit, Layer, Redacted, Scope, TestClock } from "effect"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as Channel from "../../../src/client/Channel.js"
import type { ChannelError } from "../../../src/client/ChannelEvent.js"
import * as RequestIds from "../../../src/client/RequestIds.js"
import * as ChannelNode from "../../../src/node/ChannelNode.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import type { SignTag } from "../../../src/protocol/SignTag.js"
import * as ChannelStore from "../../../src/services/ChannelStore.js"
import * as Signer from "../../../src/services/Signer.js"
import type { Transport } from "../../../src/services/Transport.js"
import { layerParty, options as openOptions } from "../../client/support/Parties.js"
import { FrameLog, layerLogged } from "../../support/FrameLog.js"
import { initiator, layer, networkId, responder } from "../../support/NodeUnderTest.js"
import { returnQuery } from "../../support/OpenedChannel.js"
import * as RawClient from "../../support/RawClient.js"
import * as TestCrypto from "../../support/TestCrypto.js"

export interface TimedOptions {
  readonly node?: Partial<ChannelNode.ChannelNodeOptions>
  /** Opening parameters of one party. */
  readonly initiator?: Partial<Channel.OpenOptions>
  readonly responder?: Partial<Channel.OpenOptions>
}

export interface Side {
  readonly role: Role
  readonly session: Channel.OpeningChannel
  readonly log: FrameLog
  /** What the party leaves unsigned. */
  readonly holds: Set<SignTag>
  readonly store: ChannelStore.ChannelStoreService
  readonly close: Effect.Effect<void>
}

const settings = { autoSlash: false, requestIds: RequestIds.always }

const signerOf = (role: Role, holds: ReadonlySet<SignTag>): Layer.Layer<Signer.Signer> => {
  const keyPair = role === "initiator" ? initiator : responder
  return Signer.layer({
    address: keyPair.address,
    sign: ({ signedTx, tag }) =>
      holds.has(tag)
        ? Effect.never
        : Effect.sync(() => SignedTx.sign(signedTx, keyPair, { networkId, crypto: TestCrypto.native }))
  })
}

export class Timed {
  readonly sides: Partial<Record<Role, Side>> = {}

  constructor(
    private readonly options: TimedOptions,
    private readonly context: Context.Context<Transport | ChannelNode.ChannelNode>
  ) {}

  get node(): ChannelNode.ChannelNodeService {
    return Context.get(this.context, ChannelNode.ChannelNode)
  }

  side(role: Role): Side {
    const side = this.sides[role]
    if (side === undefined) throw new Error(`the ${role} is not there`)
    return side
  }

  channel(role: Role): Effect.Effect<Channel.Channel> {
    return Effect.orDie(this.side(role).session.opened)
  }

  /** The party begins to open. */
  connect(role: Role, ...holds: ReadonlyArray<SignTag>): Effect.Effect<void, never, Scope.Scope> {
    return Effect.gen(this, function* () {
      const store = yield* ChannelStore.makeMemory
      yield* this.client(
        role,
        store,
        new Set(holds),
        Channel.connect(openOptions(role, { ...settings, ...this.options[role] }))
      )
    })
  }

  private client(
    role: Role,
    store: ChannelStore.ChannelStoreService,
    holds: Set<SignTag>,
    session: Effect.Effect<Channel.OpeningChannel, ChannelError, Channel.Requirements>
  ): Effect.Effect<void, never, Scope.Scope> {
    return Effect.gen(this, function* () {
      const log = new FrameLog()
      const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
      const party = layerParty(role, {
        signer: signerOf(role, holds),
        store: Layer.succeed(ChannelStore.ChannelStore, store)
      })
      this.sides[role] = {
        role,
        log,
        holds,
        store,
        session: yield* session.pipe(
          Effect.provide(Layer.merge(layerLogged(log), party)),
          Effect.provide(this.context),
          Scope.extend(scope),
          Effect.orDie
        ),
        close: Scope.close(scope, Exit.void)
      }
    })
  }

  /** The party comes back on a new socket, which has no library behind it. */
  comeBack(role: Role): Effect.Effect<void, never, Scope.Scope> {
    return Effect.gen(this, function* () {
      const side = this.side(role)
      const { channelId } = yield* side.session.status.get
      const fsmId = yield* side.session.fsmId
      if (channelId === null || fsmId === undefined) throw new Error("there is nothing to come back to")
      const log = new FrameLog()
      const keyPair = role === "initiator" ? initiator : responder
      const query = returnQuery(role, channelId, Redacted.value(fsmId))
      const client = yield* RawClient.connect(query, keyPair, TestCrypto.native, networkId).pipe(
        Effect.provide(layerLogged(log)),
        Effect.provide(this.context),
        Effect.orDie
      )
      yield* Effect.forkScoped(client.end)
      this.sides[role] = { ...side, log }
      yield* log.reaches("info fsm_up")
    })
  }

  /** Both have opened. */
  get open(): Effect.Effect<void, never, Scope.Scope> {
    return Effect.gen(this, function* () {
      yield* this.connect("responder")
      yield* this.connect("initiator")
      yield* pass(10)
      if (this.options.node?.mining !== undefined) {
        yield* this.side("initiator").log.reaches("info funding_signed")
        yield* this.node.mineMicro
        yield* this.node.mine(60)
      }
      yield* this.channel("initiator")
      yield* this.channel("responder")
    })
  }
}

/** Virtual time passes. */
export const pass = (milliseconds: number): Effect.Effect<void> => TestClock.adjust(milliseconds)

export const make = (options: TimedOptions): Effect.Effect<Timed, never, Scope.Scope> =>
  Effect.map(Layer.build(layer(options.node)), (context) => new Timed(options, context))
