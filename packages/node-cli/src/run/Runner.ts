/**
 * Running one step: filling in, time limit, whether it did what the script says, telling it.
 *
 * @since 0.1.0
 */
import type { JsonObject } from "@aechannel/core/encoding/Json"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Events from "./Events.js"
import type { StepLine } from "./Output.js"
import { errorJson, ExpectationError, StepFailed, type StepError, TooSlowError } from "./Problems.js"
import type { Session } from "./Session.js"
import { describeFailure, type Failure, type Outcome, type Prepared, type Step } from "./Step.js"
import { describeMillis, showIssue } from "./Values.js"
import { interpolate } from "./Variables.js"

const prepare = (session: Session, step: Step): Effect.Effect<Prepared, StepError> =>
  Effect.flatMap(interpolate(session, step.body), (body) =>
    Either.match(step.kind.prepare(body), {
      onRight: (prepared) => Effect.succeed(prepared),
      onLeft: (issues) =>
        new ExpectationError({
          expected: "fields that can be understood once the variables are filled in",
          came: issues.map(showIssue).join("; ")
        })
    })
  )

const limited = (step: Step, run: Effect.Effect<Outcome, StepError>): Effect.Effect<Outcome, StepError> =>
  step.kind.patient
    ? run
    : Effect.timeoutFail(run, {
        duration: step.within,
        onTimeout: () => new TooSlowError({ within: describeMillis(step.within) })
      })

/** The facts of an error that a script asks for. */
const fits = (failure: Failure, error: JsonObject): boolean => {
  const { message, ...facts } = failure
  return Events.holds(error, facts) && (message === undefined || String(error["message"]).includes(message))
}

/**
 * Runs a step; fails when it does not do what the script says. What it does is told through the session's output.
 *
 * @since 0.1.0
 * @category running
 */
export const perform = (session: Session, step: Step): Effect.Effect<void, StepFailed> =>
  Effect.gen(function* () {
    const { out } = session
    const prepared = yield* Effect.either(prepare(session, step))
    const line: StepLine = {
      step: step.at,
      kind: step.kind.kind,
      name: step.name,
      describe: Either.isRight(prepared) ? prepared.right.describe : step.kind.kind
    }
    yield* out.step(line)
    const fail = (expected: string, came: string, error?: JsonObject) =>
      Effect.tap(
        Effect.succeed(
          new StepFailed({
            step: step.at,
            kind: line.kind,
            name: step.name,
            describe: line.describe,
            line: step.line,
            expected,
            came,
            error
          })
        ),
        out.failed
      ).pipe(Effect.flatMap((failure) => Effect.fail(failure)))

    const ended = yield* Effect.either(
      Either.isRight(prepared) ? limited(step, prepared.right.run(session, step)) : Effect.fail(prepared.left)
    )
    if (Either.isRight(ended)) {
      const { result, said } = ended.right
      if (step.fails !== undefined)
        return yield* fail(describeFailure(step.fails), `success${said === "" ? "" : `: ${said}`}`)
      if (step.as !== undefined) session.variables.set(step.as, result)
      return yield* out.done(line, said, result)
    }
    const error = ended.left
    // A step of a branch has told its own failure.
    if (error._tag === "StepFailed") return yield* error
    const json = errorJson(error)
    if (step.fails !== undefined && fits(step.fails, json)) {
      if (step.as !== undefined) session.variables.set(step.as, { error: json })
      return yield* out.failedAsExpected(line, `${describeFailure(json)}`, json)
    }
    if (step.fails !== undefined)
      return yield* fail(describeFailure(step.fails), `${describeFailure(json)}: ${error.message}`, json)
    if (error._tag === "ExpectationError") return yield* fail(error.expected, error.came, json)
    return yield* fail("success", `${error._tag}: ${error.message}`, json)
  })
