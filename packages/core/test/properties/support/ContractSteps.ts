/** What parties do with contracts, among all that they do otherwise. */
import * as FastCheck from "effect/FastCheck"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import { coin } from "../../support/NodeUnderTest.js"
import { type Kind, kinds } from "./audit/Contracts.js"
import { type Amount, living, role, type Scenario, type Step, wholeLife, withTurns } from "./Steps.js"

/** Entrypoints of the contracts, and call data that are none. */
export const calls = [
  "add",
  "pay",
  "total",
  "fail",
  "stop",
  "height",
  "time",
  "mark",
  "holds",
  "balance_of",
  "reads_of",
  "spin",
  "init",
  "nothing",
  "junk"
] as const

/** `call`: a round; `dryRun`: nothing is proposed; `force`: the chain is to run it. */
export const ways = ["call", "dryRun", "force"] as const

/** Which block a call is pinned to. */
export const pins = ["none", "top", "tip", "old", "ancient", "other"] as const

export type ContractStep =
  | {
      readonly kind: "create"
      readonly role: Role
      readonly what: Kind
      readonly first: bigint
      readonly amount: Amount
      readonly turns?: number
    }
  /** `which`: of the contracts there are; `whose`: for those that are about an account. */
  | {
      readonly kind: "invoke"
      readonly role: Role
      readonly way: (typeof ways)[number]
      readonly which: number
      readonly what: (typeof calls)[number]
      readonly whose: Role | "other" | "contract"
      readonly argument: bigint
      readonly amount: Amount
      readonly pin: (typeof pins)[number]
      readonly turns?: number
    }
  /** Both at once: one calls a contract, the other does something else. */
  | {
      readonly kind: "collideCalls"
      readonly first: Role
      readonly other: "call" | "transfer" | "deposit" | "withdraw" | "shutdown" | "force"
      readonly turns?: number
    }
  /** What the node remembers of contracts. */
  | {
      readonly kind: "recall"
      readonly role: Role
      readonly what: "get" | "getCall" | "cleanCalls"
      readonly which: number
      readonly turns?: number
    }
  /** The party snapshots a state of long ago, or forces a call on it. */
  | {
      readonly kind: "outdo"
      readonly role: Role
      readonly what: "snapshot" | "force"
      readonly age: number
      readonly which: number
      readonly turns?: number
    }

const paid: FastCheck.Arbitrary<Amount> = FastCheck.oneof(
  { weight: 5, arbitrary: FastCheck.constant(0n) },
  { weight: 6, arbitrary: FastCheck.bigInt(1n, coin) },
  { weight: 1, arbitrary: FastCheck.constantFrom<Amount>("all", "too much", 100n * coin) }
)

const create: FastCheck.Arbitrary<ContractStep> = FastCheck.record({
  kind: FastCheck.constant("create" as const),
  role,
  what: FastCheck.constantFrom(...kinds),
  first: FastCheck.oneof(
    { weight: 9, arbitrary: FastCheck.bigInt(0n, 1_000n) },
    { weight: 1, arbitrary: FastCheck.constantFrom(-1n, 2n ** 300n) }
  ),
  amount: paid
})

const weighted = <A>(
  ...rows: ReadonlyArray<readonly [weight: number, ...values: ReadonlyArray<A>]>
): FastCheck.Arbitrary<A> =>
  FastCheck.oneof(
    ...rows.map(([weight, ...values]) => ({ weight, arbitrary: FastCheck.constantFrom<A>(...values) }))
  )

const argument: FastCheck.Arbitrary<bigint> = FastCheck.oneof(
  { weight: 8, arbitrary: FastCheck.bigInt(0n, 9n) },
  { weight: 3, arbitrary: FastCheck.bigInt(1n, coin) },
  { weight: 1, arbitrary: FastCheck.constantFrom(-1n, 50n * coin, 2n ** 256n) }
)

const invoke = (way: (typeof ways)[number]): FastCheck.Arbitrary<ContractStep> =>
  FastCheck.record({
    kind: FastCheck.constant("invoke" as const),
    role,
    way: FastCheck.constant(way),
    which: FastCheck.integer({ min: -1, max: 12 }).map((n) => (n < 0 ? n : n % 3)),
    what: weighted<(typeof calls)[number]>(
      [16, "add"],
      [10, "pay"],
      [3, "total", "reads_of"],
      [4, "fail", "stop"],
      [5, "height", "mark"],
      [2, "time"],
      [3, "holds", "balance_of"],
      [1, "spin"],
      [2, "init", "nothing", "junk"]
    ),
    whose: FastCheck.constantFrom<Role | "other" | "contract">("initiator", "responder", "other", "contract"),
    argument,
    amount: paid,
    pin: weighted<(typeof pins)[number]>([8, "none"], [1, "top", "tip"], [1, "old"], [1, "ancient", "other"])
  })

const collideCalls: FastCheck.Arbitrary<ContractStep> = FastCheck.record({
  kind: FastCheck.constant("collideCalls" as const),
  first: role,
  other: FastCheck.constantFrom(
    "call" as const,
    "transfer" as const,
    "deposit" as const,
    "withdraw" as const,
    "shutdown" as const,
    "force" as const,
    "force" as const
  )
})

const recall: FastCheck.Arbitrary<ContractStep> = FastCheck.record({
  kind: FastCheck.constant("recall" as const),
  role,
  what: FastCheck.constantFrom("get" as const, "getCall" as const, "cleanCalls" as const),
  which: FastCheck.nat(2)
})

const outdo: FastCheck.Arbitrary<ContractStep> = FastCheck.record({
  kind: FastCheck.constant("outdo" as const),
  role,
  what: FastCheck.constantFrom("snapshot" as const, "force" as const),
  age: FastCheck.integer({ min: 0, max: 3 }),
  which: FastCheck.nat(2)
})

/** Long enough for a round. */
const pause: Step = { kind: "wait", milliseconds: 30 }

const steps: ReadonlyArray<FastCheck.WeightedArbitrary<Step>> = [
  { weight: 8, arbitrary: withTurns(create) },
  { weight: 60, arbitrary: withTurns(invoke("call")) },
  { weight: 8, arbitrary: withTurns(invoke("dryRun")) },
  { weight: 26, arbitrary: withTurns(invoke("force")) },
  { weight: 12, arbitrary: withTurns(collideCalls) },
  { weight: 4, arbitrary: withTurns(recall) },
  { weight: 5, arbitrary: withTurns(outdo) },
  { weight: 70, arbitrary: FastCheck.constant(pause) }
]

const oneOf: FastCheck.Arbitrary<Step> = FastCheck.oneof(...living(3), ...wholeLife, ...steps)

/** Lives of channels with contracts: the first step creates one, `length` follow. */
export const contractScenario = (length: number): FastCheck.Arbitrary<Scenario> =>
  FastCheck.record({
    schedule: FastCheck.nat(0x7fff_ffff),
    life: FastCheck.constant(true),
    reconnects: FastCheck.boolean(),
    lazy: FastCheck.oneof(
      { weight: 3, arbitrary: FastCheck.constant(undefined) },
      { weight: 1, arbitrary: role }
    ),
    blind: FastCheck.oneof(
      { weight: 4, arbitrary: FastCheck.constant(undefined) },
      { weight: 1, arbitrary: role }
    ),
    steps: FastCheck.tuple(create, FastCheck.array(oneOf, { minLength: length, maxLength: length })).map(
      ([first, rest]): ReadonlyArray<Step> => [first, ...rest]
    )
  })
