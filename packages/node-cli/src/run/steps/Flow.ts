/**
 * Steps about time, blocks, order and variables.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import { eventually } from "../Eventually.js"
import type { Gate } from "../Party.js"
import { ExpectationError } from "../Problems.js"
import { perform } from "../Runner.js"
import type { Session } from "../Session.js"
import { kind, type Outcome, type Step, type StepKind } from "../Step.js"
import * as Values from "../Values.js"
import { toJson } from "../Variables.js"

const { maybe } = Values

const done: Outcome = { result: {}, said: "" }

const heightOutcome = (session: Session) =>
  Effect.map(session.chain.height, (height): Outcome => ({ result: { height }, said: `height ${height}` }))

const wait: StepKind = kind({
  kind: "wait",
  summary: "let time pass: `for: TIME` (or just the time), or wait until the chain has grown by `blocks`",
  shorthand: "for",
  patient: true,
  schema: Schema.Struct({ for: maybe(Values.Millis), blocks: maybe(Values.whole(1)) }).pipe(
    Schema.filter((body) => Values.exactlyOne(body, ["for", "blocks"]))
  ),
  describe: ({ for: millis, blocks }) =>
    blocks === undefined ? `wait ${Values.describeMillis(millis ?? 0)}` : `wait for ${blocks} blocks`,
  run: (session, { for: millis = 0, blocks }, { within }) =>
    blocks === undefined
      ? Effect.as(Effect.sleep(millis), done)
      : Effect.gen(function* () {
          const start = yield* session.chain.height
          yield* eventually(
            within,
            Effect.map(session.chain.height, (height) =>
              height >= start + blocks
                ? undefined
                : new ExpectationError({
                    expected: `${blocks} blocks within ${Values.describeMillis(within)}`,
                    came: `${height - start}`
                  })
            )
          )
          return yield* heightOutcome(session)
        })
})

const mine: StepKind = kind({
  kind: "mine",
  summary: "make key blocks: `keyBlocks` (or just the number; default 1)",
  shorthand: "keyBlocks",
  schema: Schema.Struct({ keyBlocks: maybe(Values.whole(1, 10_000)) }),
  describe: ({ keyBlocks = 1 }) => `mine ${keyBlocks} key block${keyBlocks === 1 ? "" : "s"}`,
  run: (session, { keyBlocks = 1 }) => Effect.zipRight(session.chain.mine(keyBlocks), heightOutcome(session))
})

const fork: StepKind = kind({
  kind: "fork",
  summary:
    "let another chain take over, in the embedded node: the newest `keyBlocks` (or just the number; default 1) are dropped, and their transactions wait again unless `returnTransactions` is false",
  shorthand: "keyBlocks",
  schema: Schema.Struct({
    keyBlocks: maybe(Values.whole(1, 10_000)),
    returnTransactions: maybe(Values.Flag)
  }),
  describe: ({ keyBlocks = 1, returnTransactions = true }) =>
    `drop ${keyBlocks} key block${keyBlocks === 1 ? "" : "s"}${returnTransactions ? "" : " with their transactions"}`,
  run: (session, { keyBlocks = 1, returnTransactions = true }) =>
    Effect.zipRight(session.chain.fork(keyBlocks, returnTransactions), heightOutcome(session))
})

const runBranch = (session: Session, steps: ReadonlyArray<Step>) =>
  Effect.forEach(steps, (step) => perform(session, step), { discard: true })

const parallel: StepKind = kind({
  kind: "parallel",
  summary:
    "run `branches` (lists of steps) at the same time; with `signatures: together` every branch's own proposal waits for its signature until all have been asked, so that they surely meet",
  shorthand: "branches",
  within: 120_000,
  schema: Schema.Struct({
    branches: Values.Branches,
    signatures: maybe(Values.choice(["together"]))
  }),
  describe: ({ branches, signatures }) =>
    `${branches} branches at the same time${signatures === undefined ? "" : ", signatures together"}`,
  run: (session, { signatures }, { branches }) =>
    Effect.gen(function* () {
      const gate: Gate | undefined =
        signatures === undefined
          ? undefined
          : { wanted: branches.length, askedOf: new Set(), open: yield* Deferred.make<void>() }
      yield* Ref.set(session.gate, gate)
      // A branch that ends, however, has nothing more to wait for.
      const release = gate === undefined ? Effect.void : Deferred.succeed(gate.open, undefined)
      yield* Effect.forEach(branches, (steps) => Effect.ensuring(runBranch(session, steps), release), {
        concurrency: "unbounded",
        discard: true
      }).pipe(Effect.ensuring(Ref.set(session.gate, undefined)))
      return done
    })
})

const set: StepKind = kind({
  kind: "set",
  summary: "set variables: names and values; `${name}` stands for the value in later steps",
  schema: Values.Facts,
  describe: (values) =>
    `set ${Object.entries(values)
      .map(([name, value]) => `${name} = ${Values.show(value)}`)
      .join(", ")}`,
  run: (session, values) =>
    Effect.sync(() => {
      const result = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, toJson(value)]))
      for (const [name, value] of Object.entries(result)) session.variables.set(name, value)
      return { result, said: "" }
    })
})

const note: StepKind = kind({
  kind: "note",
  summary: "print a `text` (or just the text)",
  shorthand: "text",
  schema: Schema.Struct({ text: Values.Text }),
  describe: ({ text }) => text,
  run: (_, { text }) => Effect.succeed({ result: { text }, said: "" })
})

/** @since 0.1.0 @category tables */
export const kinds: ReadonlyArray<StepKind> = [wait, mine, fork, parallel, set, note]
