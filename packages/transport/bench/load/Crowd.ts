/**
 * Pairs of clients that open channels, pay, talk, lose their connections, go and come back, all at random from one
 * seed, until they are told to end.
 */
import * as Channels from "@aechannel/core/client/Channel"
import type { Channel } from "@aechannel/core/client/Channel"
import * as JsonRpcSignedTx from "@aechannel/core/protocol/JsonRpcSignedTx"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import * as ProposalPolicy from "@aechannel/core/services/ProposalPolicy"
import * as Signer from "@aechannel/core/services/Signer"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { PCGRandom } from "effect/Utils"
import { performance } from "node:perf_hooks"
import * as NativeCrypto from "../../src/NativeCrypto.js"
import { type Couple, coupleOf, networkId, port, termsOf } from "../World.js"
import { textOf, type Watch, type Watched } from "./Watch.js"

export interface CrowdOptions {
  /** Of the channel WebSocket. */
  readonly url: string
  readonly watch: Watch
  readonly seed: number
  /** Whether it is time to close and go, for a pair that has had so many sessions. */
  readonly isOver: (sessions: number) => boolean
}

export interface Update {
  /** When it was done, by the process's clock; milliseconds. */
  readonly at: number
  readonly took: number
}

/** What happened so far. */
export interface Tally {
  readonly opened: number
  readonly closed: number
  readonly updates: ReadonlyArray<Update>
  readonly messages: number
  /** Connections cut in an open channel, and in an opening. */
  readonly drops: number
  readonly droppedOpenings: number
  /** Sessions that both left, and that both came back to. */
  readonly resumed: number
  /** Operations that a lost connection or a crossing proposal ended, by kind. */
  readonly ended: Readonly<Record<string, number>>
  /** What must not happen. */
  readonly failures: ReadonlyArray<string>
}

type Mutable = { -readonly [K in keyof Omit<Tally, "updates" | "failures" | "ended">]: Tally[K] } & {
  readonly updates: Array<Update>
  readonly failures: Array<string>
  readonly ended: Record<string, number>
}

export type Parties = readonly [initiator: Channel, responder: Channel]

const roles = ["initiator", "responder"] as const

const settings = {
  networkId,
  port,
  eventBuffer: 16,
  reconnect: Schedule.intersect(Schedule.spaced("20 millis"), Schedule.recurs(200))
} as const

/** Two clients, what they remember, and their sockets. */
export interface Pair {
  readonly sockets: ReadonlyArray<Watched["socket"]>
  readonly open: Effect.Effect<Parties, unknown, Scope.Scope>
  /**
   * The same for clients that may go before they know of their channel: nobody can close what they leave behind, and a
   * responder's machine keeps running unless it is told not to.
   */
  readonly openBriefly: Effect.Effect<Parties, unknown, Scope.Scope>
  readonly resume: (id: Channel["id"]) => Effect.Effect<Parties, unknown, Scope.Scope>
}

const common = Layer.merge(NativeCrypto.layer, JsonRpcSignedTx.layer)

export const pairOf = (
  url: string,
  watch: Watch,
  index: number,
  couple: Couple
): Effect.Effect<Pair, never, Scope.Scope> =>
  Effect.gen(function* () {
    const parties = yield* Effect.forEach(roles, (role, at) =>
      Effect.gen(function* () {
        const client = watch.client(url, index, couple)
        const key = couple[at] ?? couple[0]
        const context = yield* Layer.build(
          Layer.mergeAll(
            client.layer,
            Signer.layerKeyPair(key, networkId),
            ProposalPolicy.acceptAll,
            ChannelStore.layerMemory
          ).pipe(Layer.provideMerge(common))
        )
        return { role, client, context }
      })
    )
    const both = (
      what: (role: Role) => Effect.Effect<Channel, unknown, Channels.Requirements>
    ): Effect.Effect<Parties, unknown, Scope.Scope> =>
      Effect.flatMap(
        Effect.forEach(parties, ({ context, role }) => Effect.provide(what(role), context), {
          concurrency: "unbounded"
        }),
        ([initiator, responder]) =>
          initiator === undefined || responder === undefined
            ? Effect.dieMessage("a party is missing")
            : Effect.succeed([initiator, responder] as const)
      )
    const opening = { ...settings, ...termsOf(couple), host: "localhost" }
    return {
      sockets: parties.map(({ client }) => client.socket),
      open: both((role) => Channels.open({ ...opening, role })),
      openBriefly: both((role) =>
        Channels.open({ ...opening, role, keepRunning: false, timeouts: { idle: 10_000 } })
      ),
      resume: (channelId) => both((role) => Channels.resume({ ...settings, channelId, role }))
    }
  })

/** What one pair does next, with its weight. */
const deeds = [
  ["pay", 60],
  ["talk", 20],
  ["drop", 12],
  ["rest", 8]
] as const

/** How a session of a channel ends. */
const endings = [
  ["close", 60],
  ["go", 40]
] as const

const pick = <A extends string>(random: PCGRandom, table: ReadonlyArray<readonly [A, number]>): A => {
  let left = random.integer(table.reduce((sum, [, weight]) => sum + weight, 0))
  for (const [word, weight] of table) {
    if (left < weight) return word
    left -= weight
  }
  return (table[0] as readonly [A, number])[0]
}

const nameOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  if (typeof error !== "object" || error === null || !("_tag" in error)) return String(error)
  return "reason" in error ? `${String(error._tag)} ${String(error.reason)}` : String(error._tag)
}

export class Crowd {
  readonly tally: Mutable = {
    opened: 0,
    closed: 0,
    updates: [],
    messages: 0,
    drops: 0,
    droppedOpenings: 0,
    resumed: 0,
    ended: {},
    failures: []
  }

  constructor(private readonly options: CrowdOptions) {}

  /** The life of so many pairs; ends when all have closed their channels. */
  readonly run = (pairs: number): Effect.Effect<void> =>
    Effect.forEach(
      Array.from({ length: pairs }, (_, index) => index),
      (index) => this.life(index),
      { concurrency: "unbounded", discard: true }
    )

  /** Those who are cut off in the midst of something hear of it; that is no failure. */
  private readonly tolerate = <A>(
    what: string,
    effect: Effect.Effect<A, unknown>
  ): Effect.Effect<A | undefined> =>
    Effect.map(
      Effect.exit(Effect.timeoutFail(effect, { duration: "30 seconds", onTimeout: () => "timeout" })),
      (exit) => {
        if (Exit.isSuccess(exit)) return exit.value
        const name = `${what}: ${nameOf(exit.cause)}`
        this.tally.ended[name] = (this.tally.ended[name] ?? 0) + 1
        if (name.endsWith("timeout")) this.tally.failures.push(name)
        return undefined
      }
    )

  private life(index: number): Effect.Effect<void> {
    const { seed, url, watch } = this.options
    const random = new PCGRandom(seed, index)
    const couple = coupleOf(index)
    return Effect.gen(this, function* () {
      const pair = yield* pairOf(url, watch, index, couple)
      yield* Effect.sleep(Duration.millis(random.integer(500)))
      let id: Channel["id"] | undefined
      let attempts = 0
      for (let sessions = 0; !this.options.isOver(sessions) || id !== undefined; sessions++) {
        const before = id
        const isOver = () => this.options.isOver(sessions)
        id = yield* Effect.scoped(this.session(pair, index, random, id, isOver))
        // A channel that cannot be closed at the end, or come back to, is a failure.
        attempts = before !== undefined && before === id ? attempts + 1 : 0
        if (attempts > 20) {
          this.tally.failures.push(`pair ${index} cannot end its channel`)
          break
        }
      }
    }).pipe(
      Effect.scoped,
      Effect.catchAllCause((cause) => Effect.sync(() => void this.tally.failures.push(Cause.pretty(cause))))
    )
  }

  /** One connection to one channel. Gives the channel if there still is one afterwards. */
  private session(
    pair: Pair,
    index: number,
    random: PCGRandom,
    id: Channel["id"] | undefined,
    isOver: () => boolean
  ): Effect.Effect<Channel["id"] | undefined, never, Scope.Scope> {
    return Effect.gen(this, function* () {
      const scope = yield* Effect.scope
      if (id === undefined && random.integer(100) < 10) {
        const patience = Duration.millis(random.integer(60))
        this.tally.droppedOpenings += 1
        const opened = yield* Effect.either(Effect.timeout(pair.openBriefly, patience))
        if (opened._tag === "Left") return undefined
        this.tally.opened += 1
        return opened.right[0].id
      }
      const parties = yield* this.tolerate(
        id === undefined ? "open" : "resume",
        Scope.extend(id === undefined ? pair.open : pair.resume(id), scope)
      )
      if (parties === undefined) {
        yield* Effect.sleep("50 millis")
        return id
      }
      if (id === undefined) this.tally.opened += 1
      else this.tally.resumed += 1
      const [initiator] = parties
      for (let left = 1 + random.integer(20); left > 0 && !isOver(); left--)
        yield* this.deed(pair, parties, index, random)
      if (!isOver() && pick(random, endings) === "go") return initiator.id
      const closed = yield* this.tolerate("close", (parties[random.integer(2)] ?? initiator).shutdown())
      if (closed === undefined) return initiator.id
      this.tally.closed += 1
      return undefined
    })
  }

  private deed(pair: Pair, parties: Parties, index: number, random: PCGRandom): Effect.Effect<void> {
    const who = random.integer(2)
    const channel = parties[who] ?? parties[0]
    switch (pick(random, deeds)) {
      case "pay":
        return Effect.suspend(() => {
          const begin = performance.now()
          return Effect.map(this.tolerate("pay", channel.transfer({ amount: 1n })), (state) => {
            if (state === undefined) return
            const at = performance.now()
            this.tally.updates.push({ at, took: at - begin })
          })
        })
      case "talk":
        return Effect.map(
          this.tolerate("talk", channel.sendMessage(textOf(index, "x".repeat(random.integer(1000))))),
          () => void this.tally.messages++
        )
      case "drop":
        return Effect.suspend(() => {
          this.tally.drops += 1
          pair.sockets[who]?.()?.terminate()
          return Effect.asVoid(this.tolerate("reconnect", channel.reconnect))
        })
      case "rest":
        return Effect.sleep(Duration.millis(random.integer(100)))
    }
  }
}
