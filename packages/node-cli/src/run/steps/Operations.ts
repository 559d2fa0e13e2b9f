/**
 * Steps that do something with a channel.
 *
 * @since 0.1.0
 */
import type { Channel } from "@aechannel/core/client/Channel"
import type { CoSignedState } from "@aechannel/core/client/ChannelEvent"
import { innermost } from "@aechannel/core/chain/SignedTx"
import type { JsonObject } from "@aechannel/core/encoding/Json"
import * as Poi from "@aechannel/core/state/Poi"
import * as Trees from "@aechannel/core/state/Trees"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { formatAe } from "../../Amounts.js"
import { eventually } from "../Eventually.js"
import * as Header from "../Header.js"
import type { Party } from "../Party.js"
import { ExpectationError, ImpossibleError, type StepError } from "../Problems.js"
import * as Session from "../Session.js"
import { kind, type Outcome, type StepKind } from "../Step.js"
import * as Values from "../Values.js"
import type { Who } from "./Who.js"

const { maybe } = Values

/** How long the other party is waited for after an operation, before the next step. */
const settleMillis = 2000

const nothing: Outcome = { result: {}, said: "" }

const stateOutcome = (session: Session.Session, { round, balances, channelId }: CoSignedState): Outcome => ({
  result: { channelId, round, balances: Session.balancesJson(session, balances) },
  said: `round ${round}: ${Session.balancesText(Session.balancesOf(session, balances))}`
})

/**
 * A state is known at both ends before the next step begins, so that scripts need not wait for it. Whoever does not
 * get there is left to later expectations.
 */
const settle = (session: Session.Session, round: number) =>
  Effect.gen(function* () {
    for (const [, channel] of yield* Session.openChannels(session))
      yield* eventually(
        settleMillis,
        Effect.gen(function* () {
          const { phase } = yield* channel.status.get
          const known = yield* channel.latest.get
          return phase !== "open" || known.round >= round
            ? undefined
            : new ExpectationError({ expected: `round ${round}`, came: `round ${known.round}` })
        })
      )
  }).pipe(Effect.ignore)

/** The connection is over, so that another one can be opened; or, at the other end, nothing is being closed any more. */
const settleEnd = (channel: Channel, options: { readonly orOpen: boolean }) =>
  eventually(
    settleMillis,
    Effect.map(channel.status.get, ({ phase, end }) =>
      end !== undefined || (options.orOpen && phase === "open")
        ? undefined
        : new ExpectationError({ expected: "the end", came: phase })
    )
  ).pipe(Effect.ignore)

const settleEnds = (session: Session.Session) =>
  Effect.flatMap(
    Session.openChannels(session),
    Effect.forEach(([, channel]) => settleEnd(channel, { orOpen: true }), { discard: true })
  )

const openParty = (session: Session.Session, party: Party, terms: Header.Terms) =>
  Effect.gen(function* () {
    const before = yield* Ref.get(party.link)
    if (before !== undefined && (yield* before.session.status.get).end === undefined)
      return yield* new ImpossibleError({
        detail: `${party.name} has a connection already; leave, shut down or disconnect first`
      })
    const link = yield* session.connect(party, terms)
    link.channel = yield* Effect.onError(link.session.opened, () => Scope.close(link.scope, Exit.void))
    return link
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
        const links = yield* Effect.forEach(parties, (each) => openParty(session, each, terms), {
          concurrency: "unbounded"
        })
        const [first] = links
        if (first?.channel === undefined) return nothing
        const { result, said } = stateOutcome(session, yield* first.channel.latest.get)
        return { result, said: `${first.channel.id} is open, ${said}` }
      })
  })

const transfer = ({ anyone, driven }: Who): StepKind =>
  kind({
    kind: "transfer",
    summary:
      "pay: `from`, `to` (default: the other one), `amount`, `meta` (notes), `by` (who proposes; default: from)",
    schema: Schema.Struct({
      from: anyone,
      to: maybe(anyone),
      amount: Values.Amount,
      meta: maybe(Values.Notes),
      by: maybe(driven)
    }),
    describe: ({ from, to, amount, meta = [], by }) =>
      `transfer ${formatAe(amount)} from ${from}${to === undefined ? "" : ` to ${to}`}${meta.map((note) => `, note “${note}”`).join("")}${by === undefined || by === from ? "" : `, proposed by ${by}`}`,
    run: (session, { from, to, amount, meta = [], by = from }) =>
      Effect.gen(function* () {
        const channel = yield* Session.channel(session, by)
        const state = yield* channel.transfer({
          amount,
          meta,
          from: yield* Session.addressOf(session, from),
          ...(to === undefined ? {} : { to: yield* Session.addressOf(session, to) })
        })
        yield* settle(session, state.round)
        return stateOutcome(session, state)
      })
  })

const message = ({ driven }: Who): StepKind =>
  kind({
    kind: "message",
    summary: "send a `text` to the other party: `from`",
    schema: Schema.Struct({ from: driven, text: Values.Text }),
    describe: ({ from, text }) => `message from ${from}: “${text}”`,
    run: (session, { from, text }) =>
      Effect.as(
        Effect.flatMap(Session.channel(session, from), (channel) => channel.sendMessage(text)),
        nothing
      )
  })

/** The kind of a step that needs to know no more than whose it is, from what it works on. */
const ofParty =
  <T>(find: (session: Session.Session, party: string) => Effect.Effect<T, StepError>) =>
  (
    { driven, drivenNames: [first = ""] }: Who,
    options: {
      readonly kind: string
      readonly summary: string
      readonly describe: (party: string) => string
      readonly run: (found: T, session: Session.Session) => Effect.Effect<Outcome, StepError>
    }
  ): StepKind =>
    kind({
      kind: options.kind,
      summary: `${options.summary}: \`party\` (default: ${first})`,
      shorthand: "party",
      schema: Schema.Struct({ party: maybe(driven) }),
      describe: ({ party = first }) => options.describe(party),
      run: (session, { party = first }) =>
        Effect.flatMap(find(session, party), (found) => options.run(found, session))
    })

const onChannel = ofParty(Session.channel)
const onLink = ofParty(Session.link)

const shutdown = ({ driven, drivenNames: [first = ""] }: Who): StepKind =>
  kind({
    kind: "shutdown",
    summary:
      "close the channel together and wait until that is confirmed on chain: `party` (who proposes), `fee`, `gasPrice`, `nonce`",
    shorthand: "party",
    schema: Schema.Struct({
      party: maybe(driven),
      fee: maybe(Values.Amount),
      gasPrice: maybe(Values.Amount),
      nonce: maybe(Values.Amount)
    }),
    describe: ({ party = first }) => `shutdown, proposed by ${party}`,
    run: (session, { party = first, ...onChain }) =>
      Effect.gen(function* () {
        const channel = yield* Session.channel(session, party)
        const { signedTx, confirmed } = yield* channel.shutdown(onChain)
        yield* settleEnds(session)
        const { tx } = innermost(signedTx)
        const paid =
          tx._tag === "ChannelCloseMutualTx"
            ? { initiator: tx.initiatorAmountFinal, responder: tx.responderAmountFinal }
            : { initiator: 0n, responder: 0n }
        const fee = tx._tag === "ChannelCloseMutualTx" ? tx.fee : 0n
        return {
          result: { confirmed, fee: fee.toString(), balances: Session.balancesJson(session, paid) },
          said: `closed${confirmed ? "" : ", not confirmed yet"}; paid out: ${Session.balancesText(Session.balancesOf(session, paid))}; fee ${formatAe(fee)}`
        }
      })
  })

const leave = (who: Who): StepKind =>
  onChannel(who, {
    kind: "leave",
    summary: "leave; the channel stays open on chain",
    describe: (party) => `${party} leaves`,
    run: (channel) =>
      Effect.as(Effect.zipRight(channel.leave, settleEnd(channel, { orOpen: false })), nothing)
  })

const ping = (who: Who): StepKind =>
  onChannel(who, {
    kind: "ping",
    summary: "ask the node whether it is there",
    describe: (party) => `${party} pings the node`,
    run: (channel) => Effect.as(channel.ping, { result: {}, said: "pong" })
  })

const balances = (who: Who): StepKind =>
  onChannel(who, {
    kind: "balances",
    summary: "ask the node for the balances and compare them with our own",
    describe: (party) => `${party} asks the node for the balances`,
    run: (channel, session) =>
      Effect.map(channel.balances(), (all) => {
        const byName = all.map(({ account, balance }) => [session.names(account), balance] as const)
        return {
          result: Object.fromEntries(byName.map(([name, balance]) => [name, balance.toString()])),
          said: Session.balancesText(byName)
        }
      })
  })

const poi = (who: Who): StepKind =>
  onChannel(who, {
    kind: "poi",
    summary: "ask the node for a proof of inclusion of both accounts and verify it",
    describe: (party) => `${party} asks for a proof of inclusion`,
    run: (channel) =>
      Effect.map(channel.poi(), (proof) => {
        const text = Poi.toText(proof)
        return { result: { poi: text }, said: `verified (${text.slice(0, 12)}…, ${text.length} characters)` }
      })
  })

const state = (who: Who): StepKind =>
  onChannel(who, {
    kind: "state",
    summary: "ask the node for its whole state and compare it with our own",
    describe: (party) => `${party} asks for the whole state`,
    run: (channel) =>
      Effect.map(channel.offChainState, ({ trees, halfSignedTx }) => {
        const stateHash = Trees.stateHashText(trees)
        const result: JsonObject = { stateHash, halfSigned: halfSignedTx !== undefined }
        return { result, said: `state hash ${stateHash}` }
      })
  })

const stop = (who: Who): StepKind =>
  onLink(who, {
    kind: "stop",
    summary: "end the node's state machine at once, a help for tests",
    describe: (party) => `${party} stops its state machine`,
    run: (link) => Effect.as(link.session.stop, nothing)
  })

const disconnect = (who: Who): StepKind =>
  onLink(who, {
    kind: "disconnect",
    summary: "cut the connection without a word",
    describe: (party) => `${party} disconnects`,
    run: (link) => Effect.as(Scope.close(link.scope, Exit.void), nothing)
  })

const abort = ({ driven }: Who): StepKind =>
  kind({
    kind: "abort",
    summary: "call off the operation under way: `party`, `code` (default 4)",
    shorthand: "party",
    schema: Schema.Struct({ party: driven, code: maybe(Values.whole(1, 65_535)) }),
    describe: ({ party, code = 4 }) => `${party} aborts with code ${code}`,
    run: (session, { party, code = 4 }) =>
      Effect.as(
        Effect.flatMap(Session.link(session, party), (link) => link.session.abort(code)),
        nothing
      )
  })

/** @since 0.1.0 @category tables */
export const kinds = (who: Who): ReadonlyArray<StepKind> => [
  open(who),
  transfer(who),
  message(who),
  abort(who),
  shutdown(who),
  leave(who),
  disconnect(who),
  stop(who),
  ping(who),
  balances(who),
  poi(who),
  state(who)
]
