/**
 * A step of a script, and what every kind of step has.
 *
 * @since 0.1.0
 */
import type { JsonObject } from "@aechannel/core/encoding/Json"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { nearest } from "../Arguments.js"
import { errorTags, type StepError } from "./Problems.js"
import type { Session } from "./Session.js"
import * as Values from "./Values.js"
import type { Issue } from "./Values.js"

const { isObject, maybe } = Values

/**
 * What a step ends with: JSON for programs and for variables, and the same in words.
 *
 * @since 0.1.0
 * @category models
 */
export interface Outcome {
  readonly result: JsonObject
  readonly said: string
}

/** A step whose values are known. @since 0.1.0 @category models */
export interface Prepared {
  readonly describe: string
  readonly run: (session: Session, step: Step) => Effect.Effect<Outcome, StepError>
}

/**
 * A row of the table of steps.
 *
 * - `within`: how long it may take (ms) unless the step says otherwise
 * - `patient`: it waits by itself, so that its own words tell what did not come in time
 * - `shorthand`: the field that a plain value stands for, as in `wait: 200 ms`
 * - `summary`: what it does, for `--help`
 *
 * @since 0.1.0
 * @category models
 */
export interface StepKind {
  readonly kind: string
  readonly summary: string
  readonly within: number
  readonly patient: boolean
  readonly shorthand: string | undefined
  readonly prepare: (body: unknown) => Either.Either<Prepared, ReadonlyArray<Issue>>
}

const defaultWithin = 60_000

/**
 * Makes a row from a schema of its fields, a function that runs it and one that tells it in words.
 *
 * @since 0.1.0
 * @category constructors
 */
export const kind = <A, I>(options: {
  readonly kind: string
  readonly summary: string
  readonly schema: Schema.Schema<A, I>
  readonly describe: (body: A) => string
  readonly run: (session: Session, body: A, step: Step) => Effect.Effect<Outcome, StepError>
  readonly within?: number
  readonly patient?: boolean
  readonly shorthand?: string
}): StepKind => ({
  kind: options.kind,
  summary: options.summary,
  within: options.within ?? defaultWithin,
  patient: options.patient ?? false,
  shorthand: options.shorthand,
  prepare: (body) =>
    Either.map(Values.read(options.schema, body), (read) => ({
      describe: options.describe(read),
      run: (session, step) => options.run(session, read, step)
    }))
})

const Failure = Schema.Struct({
  tag: maybe(Values.choice(errorTags, "an error's tag such as ConflictError")),
  code: maybe(Values.whole(-99_999, 65_535)),
  endedBy: maybe(Values.choice(["we", "peer", "node"])),
  operation: maybe(Values.Text),
  step: maybe(Values.Text),
  round: maybe(Values.whole(0)),
  reason: maybe(Values.Text),
  field: maybe(Values.Text),
  data: maybe(Schema.Array(Values.whole(0))),
  closeCode: maybe(Values.whole(0, 65_535)),
  message: maybe(Values.Text)
})

/**
 * How a step is to fail: every fact that is given must hold; of the message, a part.
 *
 * @since 0.1.0
 * @category models
 */
export type Failure = typeof Failure.Type

const Common = Schema.Struct({
  name: maybe(Values.Text),
  as: maybe(
    Values.leaf("a variable's name (letters, digits, _)", (value) =>
      typeof value === "string" && /^[A-Za-z_]\w{0,63}$/.test(value) ? value : undefined
    )
  ),
  within: maybe(Values.Millis),
  fails: maybe(Failure)
})

/** @since 0.1.0 @category models */
export interface Step {
  /** Its number; in branches `4.2.1`. */
  readonly at: string
  readonly line: number | undefined
  readonly kind: StepKind
  /** The fields, variables not filled in. */
  readonly body: unknown
  readonly name: string | undefined
  readonly as: string | undefined
  readonly within: number
  readonly fails: Failure | undefined
  readonly branches: ReadonlyArray<ReadonlyArray<Step>>
}

/** A step that cannot be understood. @since 0.1.0 @category models */
export interface BadStep {
  readonly at: string
  readonly kind: string | undefined
  readonly line: number | undefined
  readonly issues: ReadonlyArray<Issue>
}

const commonKeys = new Set(Object.keys(Common.fields))

/** `fails: true` is any failure, `fails: ConflictError` one of that tag. */
const longFailure = (common: { readonly [key: string]: unknown }) => {
  const { fails } = common
  if (fails === true) return { ...common, fails: {} }
  return typeof fails === "string" ? { ...common, fails: { tag: fails } } : common
}

const longBody = ({ shorthand }: StepKind, body: unknown): unknown => {
  if (body === null || body === undefined) return {}
  return shorthand === undefined || isObject(body) ? body : { [shorthand]: body }
}

/** Whether a value, or a text in it, waits for a variable: then its kind is known only when the step runs. */
const isOpen = (body: unknown, path: ReadonlyArray<PropertyKey>): boolean => {
  for (let length = path.length; length >= 0; length--)
    if (typeof Values.valueAt(body, path.slice(0, length)) === "string")
      return String(Values.valueAt(body, path.slice(0, length))).includes("${")
  return mentionsVariables(Values.valueAt(body, path))
}

const mentionsVariables = (value: unknown): boolean =>
  typeof value === "string"
    ? value.includes("${")
    : typeof value === "object" && value !== null && Object.values(value).some(mentionsVariables)

interface Place {
  readonly at: string
  readonly path: ReadonlyArray<PropertyKey>
  readonly lineAt: (path: ReadonlyArray<PropertyKey>) => number | undefined
}

/**
 * Reads a step and checks everything that does not wait for a variable.
 *
 * @since 0.1.0
 * @category decoding
 */
export const read = (
  kinds: ReadonlyMap<string, StepKind>,
  raw: unknown,
  { at, path, lineAt }: Place
): Either.Either<Step, BadStep> => {
  const line = lineAt(path)
  const bad = (issues: ReadonlyArray<Issue>, name?: string, where?: ReadonlyArray<PropertyKey>) =>
    Either.left<BadStep>({
      at,
      kind: name,
      line: (where === undefined ? undefined : lineAt([...path, ...where])) ?? line,
      issues
    })
  const all = isObject(raw) ? raw : typeof raw === "string" ? { [raw]: {} } : undefined
  const known = orKinds(kinds)
  if (all === undefined)
    return bad([{ path: [], what: `expected a step such as { transfer: { … } }; came ${Values.show(raw)}` }])
  const names = Object.keys(all).filter((key) => !commonKeys.has(key))
  const [name, other] = names
  if (name === undefined)
    return bad([{ path: [], what: `expected one of ${known}; came ${Values.show(raw)}` }])
  const kind = kinds.get(name)
  if (kind === undefined) {
    const near = nearest(name, [...kinds.keys()])
    return bad([
      {
        path: [],
        what: `there is no step ${Values.show(name)}${near === undefined ? `; there are ${known}` : `; did you mean ${near}?`}`
      }
    ])
  }
  if (other !== undefined)
    return bad([{ path: [], what: `expected one kind of step; came ${names.join(" and ")}` }], name)
  const common = Values.read(
    Common,
    longFailure(Object.fromEntries(Object.entries(all).filter(([key]) => key !== name)))
  )
  if (Either.isLeft(common)) return bad(common.left, name, common.left[0]?.path)
  const whole = longBody(kind, all[name])
  const { branches, body } = splitBranches(kind, whole)
  const prepared = kind.prepare(body)
  const issues = Either.isLeft(prepared) ? prepared.left.filter((issue) => !isOpen(body, issue.path)) : []
  if (issues.length > 0) return bad(issues, name, [name, ...(issues[0]?.path ?? [])])
  const branchPath = isObject(all[name]) ? [...path, name, "branches"] : [...path, name]
  return Either.flatMap(readBranches(kinds, branches, { at, path: branchPath, lineAt }), (inner) =>
    Either.right({
      at,
      line,
      kind,
      body,
      name: common.right.name,
      as: common.right.as,
      within: common.right.within ?? kind.within,
      fails: common.right.fails,
      branches: inner
    })
  )
}

const orKinds = (kinds: ReadonlyMap<string, StepKind>): string => [...kinds.keys()].join(", ")

/** The steps inside a step are read like all others, so that their rows need not know of each other. */
const splitBranches = (kind: StepKind, whole: unknown) => {
  if (kind.shorthand !== "branches" || !isObject(whole)) return { branches: [], body: whole }
  const { branches } = whole
  if (!Array.isArray(branches)) return { branches: [], body: whole }
  return { branches, body: { ...whole, branches: branches.length } }
}

const readBranches = (
  kinds: ReadonlyMap<string, StepKind>,
  branches: ReadonlyArray<unknown>,
  { at, path, lineAt }: Place
): Either.Either<ReadonlyArray<ReadonlyArray<Step>>, BadStep> =>
  Either.all(
    branches.map((branch, index) => {
      const steps: ReadonlyArray<unknown> = Array.isArray(branch) ? branch : [branch]
      return Either.all(
        steps.map((step, inner) =>
          read(kinds, step, {
            at: `${at}.${index + 1}.${inner + 1}`,
            path: [...path, index, ...(Array.isArray(branch) ? [inner] : [])],
            lineAt
          })
        )
      )
    })
  )

/** A failure in words: `ConflictError with code 2`. @since 0.1.0 @category formatting */
export const describeFailure = (failure: { readonly [key: string]: unknown }): string => {
  const facts = (
    ["code", "endedBy", "operation", "step", "round", "reason", "field", "data", "closeCode"] as const
  )
    .filter((fact) => failure[fact] !== undefined && String(failure[fact]) !== "")
    .map((fact) => `${fact} ${String(failure[fact])}`)
  const tag = typeof failure["tag"] === "string" ? failure["tag"] : "a failure"
  return facts.length === 0 ? tag : `${tag} with ${facts.join(", ")}`
}
