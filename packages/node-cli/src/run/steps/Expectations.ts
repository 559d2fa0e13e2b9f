/**
 * The `expect` step: what must have come, or be true, within a short time.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { formatAe } from "../../Amounts.js"
import { eventually } from "../Eventually.js"
import * as Events from "../Events.js"
import type { LoggedEvent, Party } from "../Party.js"
import { ExpectationError, errorTags, type StepError } from "../Problems.js"
import * as Session from "../Session.js"
import { describeFailure, kind, type StepKind } from "../Step.js"
import * as Values from "../Values.js"
import type { Who } from "./Who.js"

const { maybe } = Values

const expectMillis = 2000

const recent = (log: ReadonlyArray<LoggedEvent>): string => {
  const waiting = log.filter(({ taken }) => !taken)
  const last = waiting.slice(-8).map(({ name }) => name)
  const before = waiting.length - last.length
  return last.length === 0 ? "none" : `${before > 0 ? `${before} others, ` : ""}${last.join(", ")}`
}

/** The oldest event that fits and that no expectation has taken yet. */
const findEvent = (party: Party, fits: (event: LoggedEvent) => boolean): LoggedEvent | undefined =>
  party.log.find((event) => !event.taken && fits(event))

type Look = Effect.Effect<ExpectationError | undefined, StepError>

/** An event, and what of its kind came instead. */
const lookForEvent = (
  party: Party,
  options: {
    readonly what: string
    readonly name: (name: string) => boolean
    readonly fits: (event: LoggedEvent) => boolean
    /** Where the event that fits is put; it is taken only when all of the step's expectations hold. */
    readonly found: Array<LoggedEvent>
  }
): Look =>
  Effect.sync(() => {
    const event = findEvent(party, (each) => options.name(each.name) && options.fits(each))
    if (event !== undefined) {
      options.found.push(event)
      return undefined
    }
    const similar = party.log.filter((each) => !each.taken && options.name(each.name))
    return new ExpectationError({
      expected: `${party.name} to get ${options.what}`,
      came:
        similar.length === 0
          ? `nothing like it; ${party.name}'s events that no step expected: ${recent(party.log)}`
          : similar.map(({ data, name }) => `${name} ${JSON.stringify(data)}`).join(", ")
    })
  })

const complain = (expected: string, came: string): ExpectationError =>
  new ExpectationError({ expected, came })

const showFacts = (facts: unknown): string => (facts === undefined ? "" : ` with ${Values.show(facts)}`)

const ErrorFacts = Schema.Struct({
  tag: maybe(Values.choice(errorTags, "an error's tag such as ConflictError")),
  code: maybe(Values.whole(-99_999, 65_535)),
  endedBy: maybe(Values.choice(["we", "peer", "node"])),
  reason: maybe(Values.Text),
  operation: maybe(Values.Text)
})

/** Where a channel is in its life on chain. */
const lives = ["active", "closing", "gone"] as const

const ChannelFacts = Values.short(
  `${Values.orList(lives)}, or an object of facts`,
  "state",
  Schema.Struct({
    state: maybe(Values.choice(lives)),
    amount: maybe(Values.Range),
    round: maybe(Values.whole(0))
  })
)

const fields = ({ anyone, byParty, driven }: Who) => ({
  at: maybe(driven),
  event: maybe(
    Values.choice(Events.eventNames, "an event's name such as open, on_chain.channel_changed or conflict")
  ),
  with: maybe(Values.Facts),
  message: maybe(Values.Text),
  from: maybe(anyone),
  error: maybe(ErrorFacts),
  balance: maybe(byParty(Values.Range)),
  onChain: maybe(byParty(Values.Range)),
  channel: maybe(ChannelFacts),
  round: maybe(Values.whole(0)),
  status: maybe(Values.choice(["opening", "open", "closing", "closed", "ended"]))
})

const ExpectationOf = (who: Who) => Schema.Struct(fields(who))

type Expectation = Schema.Schema.Type<ReturnType<typeof ExpectationOf>>

const aboutEvents = ["event", "message", "error"] as const
const aboutState = ["balance", "onChain", "channel", "round", "status"] as const

/** Who is looked at: `at`, or whoever is open. */
const channelsAt = (session: Session.Session, at: string | undefined) =>
  at === undefined
    ? Effect.flatMap(Session.openChannels(session), (all) =>
        all.length === 0
          ? Effect.fail(complain("an open channel", "none; an open step comes first"))
          : Effect.succeed(all)
      )
    : Effect.zipWith(Session.party(session, at), Session.channel(session, at), (party, channel) => [
        [party, channel] as const
      ])

/** One row for each thing that can be expected. */
const looks: {
  readonly [K in (typeof aboutEvents)[number] | (typeof aboutState)[number]]: (
    session: Session.Session,
    wanted: NonNullable<Expectation[K]>,
    body: Expectation,
    found: Array<LoggedEvent>
  ) => Look
} = {
  event: (session, wanted, { at, with: facts }, found) =>
    Effect.flatMap(partyAt(session, at), (party) =>
      lookForEvent(party, {
        what: `the event ${wanted}${showFacts(facts)}`,
        name: (name) => name === wanted,
        fits: ({ data }) => Events.holds(data, facts ?? {}),
        found
      })
    ),
  message: (session, wanted, { at, from }, found) =>
    Effect.flatMap(partyAt(session, at), (party) =>
      lookForEvent(party, {
        what: `the message “${wanted}”${from === undefined ? "" : ` from ${from}`}`,
        name: (name) => name === "message",
        fits: ({ data }) => data["text"] === wanted && (from === undefined || data["from"] === from),
        found
      })
    ),
  error: (session, wanted, { at }, found) =>
    Effect.flatMap(partyAt(session, at), (party) =>
      lookForEvent(party, {
        what: describeFailure(wanted),
        name: (name) => errorEvents.has(name),
        fits: ({ data, name }) =>
          name === "proposal_ended"
            ? wanted.tag === undefined && Events.holds(data, wanted)
            : Events.holds(data["error"], wanted),
        found
      })
    ),
  balance: (session, wanted, { at }) =>
    Effect.gen(function* () {
      for (const [party, channel] of yield* channelsAt(session, at)) {
        const { balances } = yield* channel.latest.get
        for (const [name, balance] of Session.balancesOf(session, balances)) {
          const range = wanted[name]
          if (range !== undefined && !Values.isWithin(balance, range))
            return complain(
              `${name}'s balance to be ${Values.describeRange(range)} (at ${party.name})`,
              formatAe(balance)
            )
        }
      }
      return undefined
    }),
  onChain: (session, wanted) =>
    Effect.gen(function* () {
      for (const [name, range] of Object.entries(wanted)) {
        const balance = yield* Effect.flatMap(Session.addressOf(session, name), session.chain.balance)
        if (!Values.isWithin(balance, range))
          return complain(`${name} to have ${Values.describeRange(range)} on chain`, formatAe(balance))
      }
      return undefined
    }),
  channel: (session, { state, amount, round }) =>
    Effect.gen(function* () {
      const found = yield* Effect.flatMap(Session.channelId(session), session.chain.channel)
      const life = found === undefined ? "gone" : found.lockedUntil === 0 ? "active" : "closing"
      if (state !== undefined && life !== state) return complain(`the channel to be ${state} on chain`, life)
      if (amount !== undefined && !Values.isWithin(found?.amount ?? 0n, amount))
        return complain(
          `the channel to hold ${Values.describeRange(amount)} on chain`,
          formatAe(found?.amount ?? 0n)
        )
      return round === undefined || found?.round === round
        ? undefined
        : complain(`round ${round} on chain`, found === undefined ? "no channel" : `round ${found.round}`)
    }),
  round: (session, wanted, { at }) =>
    Effect.gen(function* () {
      for (const [party, channel] of yield* channelsAt(session, at)) {
        const { round } = yield* channel.latest.get
        if (round !== wanted) return complain(`round ${wanted} (at ${party.name})`, `round ${round}`)
      }
      return undefined
    }),
  status: (session, wanted, { at }) =>
    Effect.gen(function* () {
      const names = at === undefined ? Session.driven(session).map(({ name }) => name) : [at]
      for (const name of names) {
        const { phase } = yield* Effect.flatMap(
          Session.link(session, name),
          (link) => link.session.status.get
        )
        if (phase !== wanted) return complain(`${name}'s channel to be ${wanted}`, phase)
      }
      return undefined
    })
}

/** Events that tell of an error: an own operation's, or the end of a proposal of the peer. */
const errorEvents = new Set([
  "operation_failed",
  "proposal_ended",
  "refused",
  "verification_failed",
  "signer_failed",
  "store_failed",
  "undecodable"
])

const partyAt = (session: Session.Session, at: string | undefined) =>
  Session.party(session, at ?? Session.driven(session)[0]?.name ?? "")

const lookOf = <K extends keyof typeof looks>(
  session: Session.Session,
  key: K,
  body: Expectation,
  found: Array<LoggedEvent>
): Look => {
  const wanted = body[key]
  return wanted === undefined || wanted === null
    ? Effect.succeed(undefined)
    : looks[key](session, wanted, body, found)
}

const describeChannel = ({ state, amount, round }: NonNullable<Expectation["channel"]>): string =>
  [
    ...(state === undefined ? [] : [state]),
    ...(round === undefined ? [] : [`at round ${round}`]),
    ...(amount === undefined ? [] : [`with ${Values.describeRange(amount)}`])
  ].join(", ")

const describe = (body: Expectation): string => {
  const { at, event, with: facts, message, from, error, balance, onChain, channel, round, status } = body
  const ranges = (values: { readonly [name: string]: Values.AmountRange }) =>
    Object.entries(values)
      .map(([name, range]) => `${name} ${Values.describeRange(range)}`)
      .join(", ")
  return `expect ${[
    ...(event === undefined ? [] : [`event ${event}${showFacts(facts)}`]),
    ...(message === undefined ? [] : [`message “${message}”${from === undefined ? "" : ` from ${from}`}`]),
    ...(error === undefined ? [] : [describeFailure(error)]),
    ...(balance === undefined ? [] : [`balances ${ranges(balance)}`]),
    ...(onChain === undefined ? [] : [`on chain ${ranges(onChain)}`]),
    ...(channel === undefined ? [] : [`the channel ${describeChannel(channel)} on chain`]),
    ...(round === undefined ? [] : [`round ${round}`]),
    ...(status === undefined ? [] : [`status ${status}`])
  ].join(", ")}${at === undefined ? "" : ` at ${at}`}`
}

/** @since 0.1.0 @category tables */
export const kinds = (who: Who): ReadonlyArray<StepKind> => [
  kind({
    kind: "expect",
    summary:
      "wait until this is true: `event` (with facts under `with`), `message` (`from`), `error`, `balance`, `onChain` (by party; exact or { atLeast, atMost }), `channel` (on chain: active, closing or gone; or { state, round, amount }), `round`, `status`; `at`: whose view. `within`: 2 s unless said otherwise",
    within: expectMillis,
    patient: true,
    schema: ExpectationOf(who).pipe(
      Schema.filter((body) => {
        if (![...aboutEvents, ...aboutState].some((key) => body[key] !== undefined))
          return `one of ${[...aboutEvents, ...aboutState].join(", ")}`
        if (body.with !== undefined && body.event === undefined) return "event, next to with"
        if (body.from !== undefined && body.message === undefined) return "message, next to from"
        return body.at !== undefined ||
          who.drivenNames.length < 2 ||
          !aboutEvents.some((key) => body[key] !== undefined)
          ? undefined
          : "at, which says whose events are meant"
      })
    ),
    describe,
    run: (session, body, { within }) =>
      Effect.gen(function* () {
        let found: Array<LoggedEvent> = []
        yield* eventually(
          within,
          Effect.gen(function* () {
            found = []
            for (const key of [...aboutEvents, ...aboutState]) {
              const complaint = yield* lookOf(session, key, body, found)
              if (complaint !== undefined) return complaint
            }
            return undefined
          })
        )
        for (const event of found) event.taken = true
        const [event] = found
        return {
          result: event === undefined ? {} : { event: event.name, data: event.data },
          said: "so it is"
        }
      })
  })
]
