/** What the parties and the world do in a run. */
import * as FastCheck from "effect/FastCheck"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import { coin } from "../../support/NodeUnderTest.js"
import type { ContractStep } from "./ContractSteps.js"
import type { Mood, Trip } from "./Doubles.js"

/** Aettos, or what the payer has above the reserve (`all`), or one more (`too much`). */
export type Amount = bigint | "all" | "too much"

/** The node's timers, in milliseconds. Nobody is to die of idleness here. */
export const timeouts = {
  sign: 5_000,
  accept: 3_000,
  idle: 1_000_000_000,
  funding_sign: 4_000,
  funding_lock: 20_000
} as const

/** How long the clients wait for a transaction of theirs alone to be seen on chain, in milliseconds. */
export const chainTimeout = 30_000

export const questions = ["balances", "offChainState", "poi", "ping", "history"] as const

export const solos = ["snapshotSolo", "closeSolo", "slash", "settle"] as const

/** `turns`: how many tasks get their turn afterwards, before the next step; absent: all that can go on at once. */
export type Step =
  | { readonly kind: "rest" }
  | {
      readonly kind: "transfer"
      readonly role: Role
      readonly payer: Role
      readonly amount: Amount
      readonly meta: ReadonlyArray<string>
      readonly turns?: number
    }
  /** Both at once. */
  | { readonly kind: "collide"; readonly first: Role; readonly turns?: number }
  /**
   * The role is to complete a transfer and signs so late that its signature may cross the end of the proposal; then
   * the other proposes something else.
   */
  | { readonly kind: "cross"; readonly role: Role; readonly milliseconds: number }
  | { readonly kind: "signer" | "policy"; readonly role: Role; readonly mood: Mood }
  | { readonly kind: "abort"; readonly role: Role; readonly code: number; readonly turns?: number }
  /** The oldest call that has not returned is interrupted. */
  | { readonly kind: "interrupt"; readonly role: Role; readonly turns?: number }
  | { readonly kind: "message"; readonly role: Role; readonly text: string; readonly turns?: number }
  | {
      readonly kind: "ask"
      readonly role: Role
      readonly what: (typeof questions)[number]
      readonly turns?: number
    }
  | { readonly kind: "wait"; readonly milliseconds: number }
  /** `close`: the client closes its scope; `cut`: the connection breaks. */
  | {
      readonly kind: "disconnect"
      readonly role: Role
      readonly how: "close" | "cut"
      readonly turns?: number
    }
  /** The connection breaks at one of the next frames. */
  | { readonly kind: "trip"; readonly role: Role; readonly trip: Trip }
  | {
      readonly kind: "shutdown" | "leave" | "stop" | "comeBack"
      readonly role: Role
      readonly turns?: number
    }
  /** `odd`: with a fee or a nonce that the chain may not like. */
  | {
      readonly kind: "deposit" | "withdraw"
      readonly role: Role
      readonly amount: Amount
      readonly odd: "nothing" | "nonce" | "cheap" | "dear"
      readonly turns?: number
    }
  | {
      readonly kind: "solo"
      readonly role: Role
      readonly what: (typeof solos)[number]
      readonly turns?: number
    }
  /**
   * The newest transaction of the channel counts as deep enough for the party. Where there is none that anybody waits
   * for, the other makes a deposit, and only a micro block comes.
   */
  | { readonly kind: "assume"; readonly role: Role; readonly turns?: number }
  /** `apart`: there is time between the blocks. */
  | {
      readonly kind: "mine"
      readonly blocks: number
      readonly apart: boolean
      readonly turns?: number
    }
  | { readonly kind: "micro"; readonly turns?: number }
  /** Whether blocks come by themselves as soon as a transaction waits. */
  | { readonly kind: "auto"; readonly on: boolean }
  | {
      readonly kind: "fork"
      readonly blocks: number
      readonly returned: boolean
      readonly turns?: number
    }
  /** The party gives the chain a state of so many rounds ago. */
  | {
      readonly kind: "cheat"
      readonly role: Role
      readonly age: number
      readonly turns?: number
    }
  | { readonly kind: "breakLinks"; readonly turns?: number }
  | ContractStep

export interface Scenario {
  /** Seed of the scheduler; 0: first come, first served. */
  readonly schedule: number
  /** Whose client does not answer older states on chain by itself; it may be the cheater's. */
  readonly lazy?: Role | undefined
  /** Whether clients come back by themselves when their connection breaks. */
  readonly reconnects?: boolean
  /** Whether it is about the whole life of the channel, up to its end. */
  readonly life?: boolean
  /** Whose client cannot ask the chain, and leaves alone what depends on a block; with contracts. */
  readonly blind?: Role | undefined
  readonly steps: ReadonlyArray<Step>
}

export const role = FastCheck.constantFrom<Role>("initiator", "responder")
export const turns = FastCheck.oneof(
  { weight: 6, arbitrary: FastCheck.record({}) },
  { weight: 1, arbitrary: FastCheck.record({ turns: FastCheck.constant(0) }) },
  { weight: 3, arbitrary: FastCheck.record({ turns: FastCheck.nat(80) }) }
)

const code = FastCheck.constantFrom(1, 2, 3, 4, 5, 42, 128, 147, 777, 65_535)
/** Close to the timer of a proposal that waits for its answer; a store's writes take a few milliseconds of it. */
const justInTime = FastCheck.integer({ min: timeouts.accept - 6, max: timeouts.accept + 2 })
/** Milliseconds: nothing, something, and what is close to the node's timers. */
const delay = FastCheck.oneof(
  FastCheck.constantFrom(0, 1, 20, 900, 12_000),
  justInTime,
  FastCheck.integer({ min: timeouts.sign - 3, max: timeouts.sign + 3 })
)

const agree = FastCheck.record({
  kind: FastCheck.constant("agree" as const),
  milliseconds: delay,
  stubborn: FastCheck.boolean()
})
const declineMood = FastCheck.record({
  kind: FastCheck.constant("decline" as const),
  milliseconds: delay,
  code
})
const strange = (kind: "refuse" | "broken" | "wrong" | "never") => FastCheck.constant<Mood>({ kind })

const policyMood: FastCheck.Arbitrary<Mood> = FastCheck.oneof(
  { weight: 4, arbitrary: agree },
  { weight: 6, arbitrary: declineMood },
  { weight: 1, arbitrary: strange("broken") },
  { weight: 1, arbitrary: strange("never") }
)
const signerMood: FastCheck.Arbitrary<Mood> = FastCheck.oneof(
  { weight: 6, arbitrary: agree },
  { weight: 2, arbitrary: declineMood },
  { weight: 1, arbitrary: strange("refuse") },
  { weight: 1, arbitrary: strange("broken") },
  { weight: 1, arbitrary: strange("wrong") },
  { weight: 1, arbitrary: strange("never") }
)

export const amount: FastCheck.Arbitrary<Amount> = FastCheck.oneof(
  { weight: 6, arbitrary: FastCheck.bigInt(1n, 2n * coin) },
  // Equal bodies for one round are the hardest case.
  { weight: 3, arbitrary: FastCheck.constant(1n) },
  { weight: 1, arbitrary: FastCheck.constant(0n) },
  { weight: 1, arbitrary: FastCheck.constantFrom(-1n, -coin) },
  { weight: 1, arbitrary: FastCheck.constantFrom(100n * coin, 2n ** 256n) },
  { weight: 1, arbitrary: FastCheck.constantFrom<Amount>("all", "too much") }
)
const meta = FastCheck.oneof(
  { weight: 4, arbitrary: FastCheck.constant<ReadonlyArray<string>>([]) },
  { weight: 1, arbitrary: FastCheck.array(FastCheck.fullUnicodeString({ maxLength: 20 }), { maxLength: 3 }) }
)

export const withTurns = <T>(
  step: FastCheck.Arbitrary<T>
): FastCheck.Arbitrary<T & { readonly turns?: number }> =>
  FastCheck.tuple(step, turns).map(([it, how]) => ({ ...it, ...how }))

const ofRole = <K extends Step["kind"]>(kind: K) => FastCheck.record({ kind: FastCheck.constant(kind), role })

export const living = (disconnects: number): ReadonlyArray<FastCheck.WeightedArbitrary<Step>> => [
  { weight: 6, arbitrary: FastCheck.constant<Step>({ kind: "rest" }) },
  {
    weight: 28,
    arbitrary: withTurns(
      FastCheck.record({ kind: FastCheck.constant("transfer" as const), role, payer: role, amount, meta })
    )
  },
  {
    weight: 3,
    arbitrary: withTurns(FastCheck.record({ kind: FastCheck.constant("collide" as const), first: role }))
  },
  {
    weight: 3,
    arbitrary: FastCheck.record({
      kind: FastCheck.constant("cross" as const),
      role,
      milliseconds: justInTime
    })
  },
  {
    weight: 7,
    arbitrary: FastCheck.record({ kind: FastCheck.constant("policy" as const), role, mood: policyMood })
  },
  {
    weight: 6,
    arbitrary: FastCheck.record({ kind: FastCheck.constant("signer" as const), role, mood: signerMood })
  },
  {
    weight: 5,
    arbitrary: withTurns(FastCheck.record({ kind: FastCheck.constant("abort" as const), role, code }))
  },
  { weight: 4, arbitrary: withTurns(ofRole("interrupt")) },
  {
    weight: 4,
    arbitrary: withTurns(
      FastCheck.record({
        kind: FastCheck.constant("message" as const),
        role,
        text: FastCheck.fullUnicodeString({ maxLength: 30 })
      })
    )
  },
  {
    weight: 5,
    arbitrary: withTurns(
      FastCheck.record({
        kind: FastCheck.constant("ask" as const),
        role,
        what: FastCheck.constantFrom(...questions)
      })
    )
  },
  {
    weight: 10,
    arbitrary: FastCheck.record({ kind: FastCheck.constant("wait" as const), milliseconds: delay })
  },
  {
    weight: disconnects,
    arbitrary: withTurns(
      FastCheck.record({
        kind: FastCheck.constant("disconnect" as const),
        role,
        how: FastCheck.constantFrom("close" as const, "cut" as const)
      })
    )
  }
]

const endings: ReadonlyArray<FastCheck.WeightedArbitrary<Step>> = [
  { weight: 3, arbitrary: withTurns(ofRole("shutdown")) },
  { weight: 2, arbitrary: withTurns(ofRole("leave")) },
  { weight: 1, arbitrary: withTurns(ofRole("stop")) }
]

const withRoleAndTurns = <K extends Step["kind"]>(kind: K) => withTurns(ofRole(kind))

export const moved: FastCheck.Arbitrary<Amount> = FastCheck.oneof(
  { weight: 8, arbitrary: FastCheck.bigInt(1n, 2n * coin) },
  { weight: 1, arbitrary: FastCheck.constantFrom<Amount>(0n, -1n, "all", "too much") },
  // More than the account has.
  { weight: 1, arbitrary: FastCheck.constant(5_000n * coin) }
)
const odd = FastCheck.oneof(
  { weight: 9, arbitrary: FastCheck.constant("nothing" as const) },
  { weight: 1, arbitrary: FastCheck.constantFrom("nonce" as const, "cheap" as const, "dear" as const) }
)

const movement = (kind: "deposit" | "withdraw") =>
  withTurns(FastCheck.record({ kind: FastCheck.constant(kind), role, amount: moved, odd }))

const solo = (what: (typeof solos)[number]) =>
  withTurns(
    FastCheck.record({ kind: FastCheck.constant("solo" as const), role, what: FastCheck.constant(what) })
  )

/** The chain, what one party does on it, and coming and going. */
export const wholeLife: ReadonlyArray<FastCheck.WeightedArbitrary<Step>> = [
  { weight: 11, arbitrary: movement("deposit") },
  { weight: 11, arbitrary: movement("withdraw") },
  { weight: 6, arbitrary: solo("snapshotSolo") },
  { weight: 2, arbitrary: solo("closeSolo") },
  { weight: 1, arbitrary: solo("slash") },
  { weight: 2, arbitrary: solo("settle") },
  { weight: 3, arbitrary: withRoleAndTurns("assume") },
  { weight: 2, arbitrary: withRoleAndTurns("shutdown") },
  { weight: 2, arbitrary: withRoleAndTurns("leave") },
  { weight: 2, arbitrary: withRoleAndTurns("stop") },
  { weight: 16, arbitrary: withRoleAndTurns("comeBack") },
  {
    weight: 3,
    arbitrary: FastCheck.record({
      kind: FastCheck.constant("trip" as const),
      role,
      trip: FastCheck.record({
        direction: FastCheck.constantFrom("out" as const, "in" as const),
        frames: FastCheck.integer({ min: 1, max: 6 }),
        when: FastCheck.constantFrom("before" as const, "after" as const)
      })
    })
  },
  {
    weight: 8,
    arbitrary: withTurns(
      FastCheck.record({
        kind: FastCheck.constant("mine" as const),
        blocks: FastCheck.integer({ min: 1, max: 5 }),
        apart: FastCheck.boolean()
      })
    )
  },
  {
    weight: 3,
    arbitrary: withTurns(FastCheck.record({ kind: FastCheck.constant("micro" as const) }))
  },
  {
    weight: 5,
    arbitrary: FastCheck.record({ kind: FastCheck.constant("auto" as const), on: FastCheck.boolean() })
  },
  {
    weight: 3,
    arbitrary: withTurns(
      FastCheck.record({
        kind: FastCheck.constant("fork" as const),
        blocks: FastCheck.integer({ min: 1, max: 2 }),
        returned: FastCheck.boolean()
      })
    )
  },
  {
    weight: 2,
    arbitrary: withTurns(
      FastCheck.record({
        kind: FastCheck.constant("cheat" as const),
        role,
        age: FastCheck.integer({ min: 1, max: 4 })
      })
    )
  },
  { weight: 1, arbitrary: withTurns(FastCheck.record({ kind: FastCheck.constant("breakLinks" as const) })) }
]

/**
 * Scenarios of exactly `length` steps. `talk`: what parties say to each other, in channels that stay open; `endings`:
 * they also close, leave and stop; `life`: all of it, on the chain too, and they come back.
 */
export const scenario = (length: number, kind: "talk" | "endings" | "life"): FastCheck.Arbitrary<Scenario> =>
  FastCheck.record({
    schedule: FastCheck.nat(0x7fff_ffff),
    ...(kind === "life"
      ? {
          life: FastCheck.constant(true),
          reconnects: FastCheck.boolean(),
          lazy: FastCheck.oneof(
            { weight: 3, arbitrary: FastCheck.constant(undefined) },
            { weight: 1, arbitrary: role }
          )
        }
      : {}),
    steps: FastCheck.array(
      kind === "life"
        ? FastCheck.oneof(...living(3), ...wholeLife)
        : FastCheck.oneof(...living(1), ...(kind === "endings" ? endings : [])),
      { minLength: length, maxLength: length }
    )
  })

const show = (_key: string, value: unknown): unknown => (typeof value === "bigint" ? `${value}n` : value)

/** The ways to make a scenario simpler without leaving out a step, each for itself. */
export const simpler = function* ({ steps }: Scenario): Generator<(scenario: Scenario) => Scenario> {
  yield (scenario) => ({ ...scenario, schedule: 0 })
  yield (scenario) => ({ ...scenario, lazy: undefined })
  yield (scenario) => ({ ...scenario, reconnects: false })
  yield (scenario) => ({ ...scenario, blind: undefined })
  const change = (index: number, how: (step: Step) => Step) => (scenario: Scenario) => {
    const step = scenario.steps[index]
    return step === undefined ? scenario : { ...scenario, steps: scenario.steps.with(index, how(step)) }
  }
  for (const [index, { kind }] of steps.entries()) {
    yield change(index, (step) => {
      if (!("turns" in step)) return step
      const { turns: _turns, ...rest } = step
      return rest
    })
    if (kind === "deposit" || kind === "withdraw")
      yield change(index, (step) =>
        step.kind === "deposit" || step.kind === "withdraw" ? { ...step, amount: 1n, odd: "nothing" } : step
      )
    if (kind === "mine") yield change(index, (step) => (step.kind === "mine" ? { ...step, blocks: 1 } : step))
    if (kind === "transfer")
      yield change(index, (step) => (step.kind === "transfer" ? { ...step, amount: 1n, meta: [] } : step))
    if (kind === "signer" || kind === "policy")
      yield change(index, (step) =>
        "mood" in step && "milliseconds" in step.mood
          ? { ...step, mood: { ...step.mood, milliseconds: 0 } }
          : step
      )
  }
}

/** A scenario for people, one step a line. */
export const inWords = ({ blind, lazy, reconnects, schedule, steps }: Scenario): string =>
  [
    `schedule ${schedule}${lazy === undefined ? "" : `, the ${lazy} is lazy`}${
      blind === undefined ? "" : `, the ${blind} cannot ask the chain`
    }${reconnects === true ? ", clients come back by themselves" : ""}`,
    ...steps.map(({ kind, ...rest }, index) => {
      const fields = Object.entries(rest).map(([key, value]) => `${key} ${JSON.stringify(value, show)}`)
      return `${index + 1}. ${[kind, ...fields].join(", ")}`
    })
  ].join("\n")
