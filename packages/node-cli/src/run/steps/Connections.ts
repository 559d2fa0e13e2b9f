/**
 * Steps about a party's connection: how it comes, goes, and comes back.
 *
 * @since 0.1.0
 */
import type { CoSignedState } from "@aechannel/core/client/ChannelEvent"
import type { Channel } from "@aechannel/core/client/Channel"
import type { ChannelId } from "@aechannel/core/encoding/ApiEncoding"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { eventually } from "../Eventually.js"
import * as Header from "../Header.js"
import type { Party } from "../Party.js"
import { ExpectationError, ImpossibleError, type StepError } from "../Problems.js"
import * as Session from "../Session.js"
import { kind, type Outcome, type StepKind } from "../Step.js"
import * as Values from "../Values.js"
import { nothing, onChannel, onLink, settleEnd, settleMillis, stateOutcome } from "./Shared.js"
import type { Who } from "./Who.js"

const { maybe } = Values

const isConnected = (party: Party) =>
  Effect.gen(function* () {
    const before = yield* Ref.get(party.link)
    return before !== undefined && (yield* before.session.status.get).end === undefined
  })

/** A party has one connection at a time. */
const free = (party: Party) =>
  Effect.flatMap(isConnected(party), (connected) =>
    connected
      ? new ImpossibleError({
          detail: `${party.name} has a connection already; leave, shut down or disconnect first`
        })
      : Effect.void
  )

/** A channel that was found, and how. */
const found = (session: Session.Session, channel: Channel, how: string) =>
  Effect.map(channel.latest.get, (state: CoSignedState): Outcome => {
    const { result, said } = stateOutcome(session, state)
    return { result, said: `${channel.id} is ${how}, ${said}` }
  })

const open = ({ driven, drivenNames }: Who): StepKind =>
  kind({
    kind: "open",
    summary:
      "open the channel: all parties of the script at once, or one `party`; terms and timers may be given",
    schema: Schema.Struct({ party: maybe(driven), ...Header.termFields }),
    describe: ({ party }) =>
      party === undefined ? `open (${drivenNames.join(" and ")})` : `open (${party})`,
    run: (session, { party, ...terms }) =>
      Effect.gen(function* () {
        const parties = Session.driven(session).filter(({ name }) => party === undefined || name === party)
        const [first] = yield* Effect.forEach(
          parties,
          (each) => Effect.zipRight(free(each), session.open(each, terms)),
          { concurrency: "unbounded" }
        )
        return first === undefined ? nothing : yield* found(session, first, "open")
      })
  })

/** The channel that a party comes back to: the one that was named, the last one here, or the only one in its store. */
const channelOf = (party: Party, named: ChannelId | undefined): Effect.Effect<ChannelId, StepError> =>
  Effect.gen(function* () {
    if (named !== undefined) return named
    const last = yield* Ref.get(party.link)
    const known = last === undefined ? undefined : (yield* last.session.status.get).channelId
    if (known !== null && known !== undefined) return known
    const keys = (yield* party.store.list).filter(({ role }) => role === party.role)
    const [only, other] = keys
    if (only !== undefined && other === undefined) return only.channelId
    return yield* new ImpossibleError({
      detail:
        only === undefined
          ? `${party.name} has no channel to come back to: its store is empty`
          : `${party.name} has more than one channel: say which with channel: ${keys.map(({ channelId }) => channelId).join(" or ")}`
    })
  })

const resume = ({ driven }: Who): StepKind =>
  kind({
    kind: "resume",
    summary: `come back to the channel with what the party's store has of it: all parties without a connection, or one \`party\`; \`channel\` (its id, default: the last one, or the only one in the store), ${Object.keys(
      Header.resumeFields
    )
      .map((field) => `\`${field}\``)
      .join(", ")}`,
    shorthand: "party",
    schema: Schema.Struct({
      party: maybe(driven),
      channel: maybe(Values.ChannelId),
      ...Header.resumeFields
    }),
    describe: ({ party }) => (party === undefined ? "resume" : `${party} resumes`),
    run: (session, { party, channel, ...terms }) =>
      Effect.gen(function* () {
        const all = Session.driven(session)
        const away = yield* Effect.filter(all, (each) => Effect.negate(isConnected(each)))
        const parties = party === undefined ? away : all.filter(({ name }) => name === party)
        if (parties.length === 0)
          return yield* new ImpossibleError({ detail: "nobody is away: leave or disconnect first" })
        const [first] = yield* Effect.forEach(
          parties,
          (each) =>
            Effect.zipRight(
              free(each),
              Effect.flatMap(channelOf(each, channel), (id) => session.resume(each, id, terms))
            ),
          { concurrency: "unbounded" }
        )
        return first === undefined ? nothing : yield* found(session, first, "there again")
      })
  })

const reconnect = (who: Who): StepKind =>
  onChannel(who, {
    kind: "reconnect",
    summary: "put a new connection in the place of the one there is, or make one at once if there is none",
    describe: (party) => `${party} makes a new connection`,
    run: (channel, session) => Effect.zipRight(channel.reconnect, found(session, channel, "there again"))
  })

const leave = (who: Who): StepKind =>
  onChannel(who, {
    kind: "leave",
    summary: "leave; the channel stays open on chain, and one may come back",
    describe: (party) => `${party} leaves`,
    run: (channel) =>
      Effect.as(Effect.zipRight(channel.leave, settleEnd(channel, { orOpen: false })), nothing)
  })

const disconnect = (who: Who): StepKind =>
  onLink(who, {
    kind: "disconnect",
    summary: "end the client, without a word to the node",
    describe: (party) => `${party} disconnects`,
    run: (link) => Effect.as(Scope.close(link.scope, Exit.void), nothing)
  })

const losses = new Set(["disconnected", "ended"])

const cut = ({ driven, drivenNames: [first = ""] }: Who): StepKind =>
  kind({
    kind: "cut",
    summary: `lose the connection, as when the network fails; the client stays, and comes back by itself with the term \`reconnect\`: \`party\` (default: ${first})`,
    shorthand: "party",
    schema: Schema.Struct({ party: maybe(driven) }),
    describe: ({ party = first }) => `${party} loses the connection`,
    run: (session, { party = first }) =>
      Effect.gen(function* () {
        const link = yield* Session.link(session, party)
        const { log } = yield* Session.party(session, party)
        const before = log.length
        yield* link.cut
        yield* eventually(
          settleMillis,
          Effect.sync(() =>
            log.slice(before).some(({ name }) => losses.has(name))
              ? undefined
              : new ExpectationError({ expected: "the loss to be noticed", came: "nothing" })
          )
        ).pipe(Effect.ignore)
        return nothing
      })
  })

const stop = (who: Who): StepKind =>
  onLink(who, {
    kind: "stop",
    summary: "end the node's state machine at once, a help for tests",
    describe: (party) => `${party} stops its state machine`,
    run: (link) => Effect.as(link.session.stop, nothing)
  })

/** @since 0.1.0 @category tables */
export const kinds = (who: Who): ReadonlyArray<StepKind> => [
  open(who),
  leave(who),
  resume(who),
  disconnect(who),
  cut(who),
  reconnect(who),
  stop(who)
]
