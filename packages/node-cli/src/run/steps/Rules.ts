/**
 * Steps that say how a party answers and signs from now on.
 *
 * @since 0.1.0
 */
import * as ProposalPolicy from "@aechannel/core/services/ProposalPolicy"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import { formatAe } from "../../Amounts.js"
import type { Asked, Conditions, Party, Rule, Signing } from "../Party.js"
import * as Session from "../Session.js"
import { kind, type Outcome, type StepKind } from "../Step.js"
import * as Values from "../Values.js"
import type { Who } from "./Who.js"

const { maybe } = Values

const done: Outcome = { result: {}, said: "" }

const Code = Values.whole(1, 65_535)

const operations = {
  update: "an update",
  deposit: "a deposit",
  withdraw: "a withdrawal",
  shutdown: "a shutdown"
} as const

const describeConditions = ({ costsMoreThan, leavesLessThan, operation, note }: Conditions): string =>
  [
    ...(costsMoreThan === undefined ? [] : [`costs more than ${formatAe(costsMoreThan)}`]),
    ...(leavesLessThan === undefined ? [] : [`leaves less than ${formatAe(leavesLessThan)}`]),
    ...(operation === undefined ? [] : [`is ${operations[operation]}`]),
    ...(note === undefined ? [] : [`has a note with “${note}”`])
  ].join(" and ")

const policy = ({ driven }: Who): StepKind =>
  kind({
    kind: "policy",
    summary:
      "what a `party` answers to proposals from now on: `accept: true`, `decline: CODE` with conditions under `when` (costsMoreThan, leavesLessThan, operation, note), or `ask: true` (each waits for an answer step)",
    schema: Schema.Struct({
      party: driven,
      accept: maybe(Values.Yes),
      ask: maybe(Values.Yes),
      decline: maybe(Code),
      when: maybe(
        Schema.Struct({
          costsMoreThan: maybe(Values.Amount),
          leavesLessThan: maybe(Values.Amount),
          operation: maybe(Values.choice(["update", "deposit", "withdraw", "shutdown"])),
          note: maybe(Values.Text)
        })
      )
    }).pipe(Schema.filter((body) => Values.exactlyOne(body, ["accept", "ask", "decline"]))),
    describe: ({ party, ask, decline, when = {} }) => {
      if (ask === true) return `${party} is asked about every proposal`
      if (decline === undefined) return `${party} accepts every proposal`
      const conditions = describeConditions(when)
      return `${party} declines ${conditions === "" ? "every proposal" : `what ${conditions}`} with code ${decline}`
    },
    run: (session, { party, ask, decline, when = {} }) => {
      const rule: Rule =
        ask === true
          ? { _tag: "Ask" }
          : decline === undefined
            ? { _tag: "Accept" }
            : { _tag: "Decline", code: decline, when }
      return Effect.as(
        Effect.flatMap(Session.party(session, party), (found) => Ref.set(found.rule, rule)),
        done
      )
    }
  })

/** The oldest proposal that is still there. */
const nextAsked = ({ asked }: Party): Effect.Effect<Asked> =>
  Effect.repeat(Queue.take(asked), { until: ({ gone }) => !gone })

const answer = ({ driven }: Who): StepKind =>
  kind({
    kind: "answer",
    summary:
      "answer the proposal that a `party` was asked about (policy ask): `accept: true` or `decline: CODE`",
    within: 5000,
    schema: Schema.Struct({ party: driven, accept: maybe(Values.Yes), decline: maybe(Code) }).pipe(
      Schema.filter((body) => Values.exactlyOne(body, ["accept", "decline"]))
    ),
    describe: ({ party, decline }) =>
      decline === undefined ? `${party} accepts` : `${party} declines with code ${decline}`,
    run: (session, { party, decline }) =>
      Effect.gen(function* () {
        const { decision, proposal } = yield* nextAsked(yield* Session.party(session, party))
        yield* Deferred.succeed(
          decision,
          decline === undefined ? ProposalPolicy.accept : ProposalPolicy.decline(decline)
        )
        const { operation, round } = proposal
        return { result: { operation, round }, said: "" }
      })
  })

const signer = ({ driven }: Who): StepKind =>
  kind({
    kind: "signer",
    summary:
      "how a `party` signs from now on: `sign: true` (at once), `delay: TIME`, `refuse: true`, or `hold: true` (not before the next signer step)",
    schema: Schema.Struct({
      party: driven,
      sign: maybe(Values.Yes),
      delay: maybe(Values.Millis),
      refuse: maybe(Values.Yes),
      hold: maybe(Values.Yes)
    }).pipe(Schema.filter((body) => Values.exactlyOne(body, ["sign", "delay", "refuse", "hold"]))),
    describe: ({ party, delay, refuse, hold }) => {
      if (delay !== undefined) return `${party} takes ${Values.describeMillis(delay)} to sign`
      if (refuse === true) return `${party} refuses to sign`
      return hold === true ? `${party} does not sign for now` : `${party} signs at once`
    },
    run: (session, { party, delay, refuse, hold }) =>
      Effect.gen(function* () {
        const next: Signing =
          delay !== undefined
            ? { _tag: "Slow", millis: delay }
            : refuse === true
              ? { _tag: "Refuse" }
              : hold === true
                ? { _tag: "Hold", over: yield* Deferred.make<void>() }
                : { _tag: "Sign" }
        const found = yield* Session.party(session, party)
        const before = yield* Ref.getAndSet(found.signing, next)
        if (before._tag === "Hold") yield* Deferred.succeed(before.over, undefined)
        return done
      })
  })

/** @since 0.1.0 @category tables */
export const kinds = (who: Who): ReadonlyArray<StepKind> => [policy(who), answer(who), signer(who)]
