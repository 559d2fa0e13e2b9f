/**
 * `${…}` in a step: what earlier steps gave, and what is true now.
 *
 * @since 0.1.0
 */
import type { ChannelError } from "@aechannel/core/client/ChannelEvent"
import type { Json } from "@aechannel/core/encoding/Json"
import * as Effect from "effect/Effect"
import { type ChainError, ExpectationError, type ImpossibleError } from "./Problems.js"
import * as Session from "./Session.js"
import { show, valueAt } from "./Values.js"

const pattern = /\$\$\{|\$\{([^{}]*)\}/g

type Lookup = Effect.Effect<unknown, ChainError | ImpossibleError | ExpectationError | ChannelError>

/** What is known of a party. */
const partyFacts: Record<string, (session: Session.Session, name: string) => Lookup> = {
  address: Session.addressOf,
  role: (session, name) => Effect.map(Session.party(session, name), ({ role }) => role),
  balance: (session, name) =>
    Effect.gen(function* () {
      const { role } = yield* Session.party(session, name)
      return (yield* latest(session)).balances[role]
    }),
  round: (session, name) =>
    Effect.flatMap(Session.channel(session, name), ({ latest }) =>
      Effect.map(latest.get, ({ round }) => round)
    ),
  onChain: (session, name) => Effect.flatMap(Session.addressOf(session, name), session.chain.balance)
}

const latest = (session: Session.Session) =>
  Effect.flatMap(Session.openChannels(session), (all) => {
    const [first] = all
    return first === undefined
      ? new ExpectationError({ expected: "an open channel for ${…}", came: "none yet" })
      : first[1].latest.get
  })

const builtIn: Record<string, (session: Session.Session) => Lookup> = {
  channelId: (session) => Effect.map(latest(session), ({ channelId }) => channelId),
  round: (session) => Effect.map(latest(session), ({ round }) => round),
  networkId: ({ networkId }) => Effect.succeed(networkId),
  height: ({ chain }) => chain.height,
  keyBlock: ({ chain }) => chain.topHash
}

const unknown = (session: Session.Session, name: string) =>
  new ExpectationError({
    expected: `a variable for \${${name}}: ${[
      ...Object.keys(builtIn),
      ...session.parties.flatMap((party) => Object.keys(partyFacts).map((fact) => `${party.name}.${fact}`)),
      ...session.variables.keys()
    ].join(", ")}`,
    came: "none of that name"
  })

const lookUp = (session: Session.Session, path: string): Lookup => {
  const [first = "", ...rest] = path.trim().split(".")
  const fact = rest[0] === undefined || !Object.hasOwn(partyFacts, rest[0]) ? undefined : partyFacts[rest[0]]
  if (session.parties.some(({ name }) => name === first) && rest.length === 1 && fact !== undefined)
    return fact(session, first)
  if (session.variables.has(first)) {
    const value = valueAt(session.variables.get(first), rest)
    return value === undefined ? unknown(session, path) : Effect.succeed(value)
  }
  const known = rest.length === 0 && Object.hasOwn(builtIn, first) ? builtIn[first] : undefined
  return known === undefined ? unknown(session, path) : known(session)
}

const fill = (session: Session.Session, text: string): Lookup => {
  const whole = /^\$\{([^{}]*)\}$/.exec(text)?.[1]
  if (whole !== undefined) return lookUp(session, whole)
  const parts = [...text.matchAll(pattern)]
  return Effect.map(
    Effect.forEach(parts, ([, name]) => (name === undefined ? Effect.succeed("${") : lookUp(session, name))),
    (values) => {
      let index = 0
      return text.replaceAll(pattern, () => {
        const value = values[index++]
        return typeof value === "object" ? show(value) : String(value)
      })
    }
  )
}

/**
 * A value with all its variables filled in. A text that is one variable becomes that variable's value, of whatever
 * kind; `$${` stands for `${`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const interpolate = (session: Session.Session, value: unknown): Lookup => {
  if (typeof value === "string") return value.includes("${") ? fill(session, value) : Effect.succeed(value)
  if (Array.isArray(value)) return Effect.forEach(value, (item) => interpolate(session, item))
  if (typeof value === "object" && value !== null)
    return Effect.map(
      Effect.forEach(Object.entries(value), ([key, inner]) =>
        Effect.map(interpolate(session, inner), (filled) => [key, filled] as const)
      ),
      Object.fromEntries
    )
  return Effect.succeed(value)
}

/** A value as JSON, to be kept in a variable; large whole numbers become texts of digits. @since 0.1.0 @category conversions */
export const toJson = (value: unknown): Json => {
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return value
  if (typeof value === "bigint") return value.toString()
  if (Array.isArray(value)) return value.map(toJson)
  if (typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toJson(inner)]))
  return String(value)
}
