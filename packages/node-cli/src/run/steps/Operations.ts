/**
 * Steps that do something with a channel.
 *
 * @since 0.1.0
 */
import type { JsonObject } from "@aechannel/core/encoding/Json"
import type { HistoryTag, HistoryType } from "@aechannel/core/protocol/Request"
import * as Poi from "@aechannel/core/state/Poi"
import * as Trees from "@aechannel/core/state/Trees"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { formatAe } from "../../Amounts.js"
import * as Session from "../Session.js"
import { kind, type StepKind } from "../Step.js"
import * as Values from "../Values.js"
import {
  closedOutcome,
  describeOnChain,
  nothing,
  onChainFields,
  onChannel,
  settle,
  settleEnds,
  stateOutcome
} from "./Shared.js"
import type { Who } from "./Who.js"

const { maybe } = Values

const types = ["rpt", "rcv", "snd", "req"] as const satisfies ReadonlyArray<HistoryType>
const tags = [
  "info",
  "on_chain_tx",
  "conflict",
  "update",
  "leave",
  "error",
  "debug"
] as const satisfies ReadonlyArray<HistoryTag>

const transfer = ({ anyone, driven }: Who): StepKind =>
  kind({
    kind: "transfer",
    summary:
      "pay: `from`, `to` (default: the other one), `amount`, `meta` (notes), `blockHash` (of the block it is computed in), `by` (who proposes; default: from)",
    schema: Schema.Struct({
      from: anyone,
      to: maybe(anyone),
      amount: Values.Amount,
      meta: maybe(Values.Notes),
      blockHash: maybe(Values.BlockHash),
      by: maybe(driven)
    }),
    describe: ({ from, to, amount, meta = [], by }) =>
      `transfer ${formatAe(amount)} from ${from}${to === undefined ? "" : ` to ${to}`}${meta.map((note) => `, note “${note}”`).join("")}${by === undefined || by === from ? "" : `, proposed by ${by}`}`,
    run: (session, { from, to, amount, meta = [], blockHash, by = from }) =>
      Effect.gen(function* () {
        const channel = yield* Session.channel(session, by)
        const state = yield* channel.transfer({
          amount,
          meta,
          ...(blockHash === undefined ? {} : { blockHash }),
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

const shutdown = ({ driven, drivenNames: [first = ""] }: Who): StepKind =>
  kind({
    kind: "shutdown",
    summary:
      "close the channel together and wait until that is confirmed on chain: `party` (who proposes), `fee`, `gasPrice`, `nonce`",
    shorthand: "party",
    schema: Schema.Struct({ party: maybe(driven), ...onChainFields }),
    describe: ({ party = first, ...onChain }) => `shutdown, proposed by ${party}${describeOnChain(onChain)}`,
    run: (session, { party = first, ...onChain }) =>
      Effect.gen(function* () {
        const channel = yield* Session.channel(session, party)
        const closed = yield* channel.shutdown(onChain)
        yield* settleEnds(session)
        return closedOutcome(session, closed)
      })
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

const history = ({ driven, drivenNames: [first = ""] }: Who): StepKind =>
  kind({
    kind: "history",
    summary: `ask the node for its log of the channel, newest first: \`party\` (default: ${first}), \`n\` (default 10), \`types\` (${types.join(", ")}), \`tags\` (such as info or on_chain_tx)`,
    shorthand: "party",
    schema: Schema.Struct({
      party: maybe(driven),
      n: maybe(Values.whole(0)),
      types: maybe(Values.choices(types)),
      tags: maybe(Values.choices(tags))
    }),
    describe: ({ party = first }) => `${party} asks for the node's log`,
    run: (session, { party = first, ...filter }) =>
      Effect.gen(function* () {
        const { session: client } = yield* Session.link(session, party)
        const entries = yield* client.history(filter)
        return {
          // Of what was reported, only what it was: there are secrets in it.
          result: { entries: entries.map(({ type, tag, time }) => ({ type, tag, time })) },
          said: entries.map(({ type, tag }) => `${type} ${tag}`).join(", ") || "no entries"
        }
      })
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
  transfer(who),
  message(who),
  abort(who),
  shutdown(who),
  ping(who),
  balances(who),
  poi(who),
  state(who),
  history(who)
]
