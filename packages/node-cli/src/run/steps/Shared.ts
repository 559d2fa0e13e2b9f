/**
 * What steps that do something with a channel share.
 *
 * @since 0.1.0
 */
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import type * as Channel from "@aechannel/core/client/Channel"
import type { ClosedChannel, CoSignedState } from "@aechannel/core/client/ChannelEvent"
import type { OnChainOptions } from "@aechannel/core/protocol/Request"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { formatAe } from "../../Amounts.js"
import { eventually } from "../Eventually.js"
import { ExpectationError, type StepError } from "../Problems.js"
import * as Session from "../Session.js"
import { kind, type Outcome, type StepKind } from "../Step.js"
import * as Values from "../Values.js"
import type { Who } from "./Who.js"

const { maybe } = Values

/** How long the other party is waited for after an operation, before the next step; milliseconds. @since 0.1.0 @category constants */
export const settleMillis = 2000

/** Of a step with nothing to tell. @since 0.1.0 @category constants */
export const nothing: Outcome = { result: {}, said: "" }

/** What its maker may say about an on-chain transaction. @since 0.1.0 @category schemas */
export const onChainFields = {
  fee: maybe(Values.Amount),
  gasPrice: maybe(Values.Amount),
  nonce: maybe(Values.Amount)
}

/** These in words, as the end of a description. @since 0.1.0 @category formatting */
export const describeOnChain = ({ fee, gasPrice, nonce }: OnChainOptions): string =>
  [
    ...(fee === undefined ? [] : [`, fee ${formatAe(fee)}`]),
    ...(gasPrice === undefined ? [] : [`, gas price ${gasPrice}`]),
    ...(nonce === undefined ? [] : [`, nonce ${nonce}`])
  ].join("")

/** A co-signed state. @since 0.1.0 @category constructors */
export const stateOutcome = (
  session: Session.Session,
  { round, balances, channelId }: CoSignedState
): Outcome => ({
  result: { channelId, round, balances: Session.balancesJson(session, balances) },
  said: `round ${round}: ${Session.balancesText(Session.balancesOf(session, balances))}`
})

/** A channel that was paid out. @since 0.1.0 @category constructors */
export const closedOutcome = (session: Session.Session, { confirmed, signedTx }: ClosedChannel): Outcome => {
  const { tx } = SignedTx.innermost(signedTx)
  const isClose = tx._tag === "ChannelCloseMutualTx" || tx._tag === "ChannelSettleTx"
  const paid = isClose
    ? { initiator: tx.initiatorAmountFinal, responder: tx.responderAmountFinal }
    : { initiator: 0n, responder: 0n }
  const fee = isClose ? tx.fee : 0n
  return {
    result: { confirmed, fee: fee.toString(), balances: Session.balancesJson(session, paid) },
    said: `closed${confirmed ? "" : ", not confirmed yet"}; paid out: ${Session.balancesText(Session.balancesOf(session, paid))}; fee ${formatAe(fee)}`
  }
}

/**
 * A state is known at both ends before the next step begins, so that scripts need not wait for it. Whoever does not
 * get there is left to later expectations.
 *
 * @since 0.1.0
 * @category combinators
 */
export const settle = (session: Session.Session, round: number) =>
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

/**
 * The connection is over, so that another one can be opened; or, at the other end, nothing is being closed any more.
 *
 * @since 0.1.0
 * @category combinators
 */
export const settleEnd = (channel: Pick<Channel.Session, "status">, options: { readonly orOpen: boolean }) =>
  eventually(
    settleMillis,
    Effect.map(channel.status.get, ({ phase, end }) =>
      end !== undefined || (options.orOpen && phase === "open")
        ? undefined
        : new ExpectationError({ expected: "the end", came: phase })
    )
  ).pipe(Effect.ignore)

/** The same for all parties. @since 0.1.0 @category combinators */
export const settleEnds = (session: Session.Session) =>
  Effect.flatMap(
    Session.openChannels(session),
    Effect.forEach(([, channel]) => settleEnd(channel, { orOpen: true }), { discard: true })
  )

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

/** Of a party's channel. @since 0.1.0 @category constructors */
export const onChannel = ofParty(Session.channel)

/** Of a party's connection. @since 0.1.0 @category constructors */
export const onLink = ofParty(Session.link)
