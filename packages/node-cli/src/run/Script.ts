/**
 * A script: its head, then its steps as they come.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Header from "./Header.js"
import { ScriptError } from "./Problems.js"
import type { SourceDocument } from "./Source.js"
import * as Step from "./Step.js"
import * as Table from "./Table.js"
import { show, valueAt } from "./Values.js"

/** @since 0.1.0 @category models */
export interface Script {
  readonly source: string
  readonly header: Header.Header
  readonly kinds: ReadonlyMap<string, Step.StepKind>
}

type Numbered = readonly [raw: unknown, path: ReadonlyArray<PropertyKey>]

/** The steps of a document: one, a list, or those of a head. */
const stepsIn = ({ raw }: SourceDocument): ReadonlyArray<Numbered> | undefined => {
  if (Array.isArray(raw)) return raw.map((step: unknown, index) => [step, [index]] as const)
  if (!Header.isHeader(raw)) return [[raw, []]]
  const steps = valueAt(raw, ["steps"])
  if (steps === undefined || steps === null) return []
  return Array.isArray(steps)
    ? steps.map((step: unknown, index) => [step, ["steps", index]] as const)
    : undefined
}

/**
 * Reads a script's head from its first document.
 *
 * @since 0.1.0
 * @category decoding
 */
export const begin = (
  source: string,
  document: SourceDocument | undefined
): Effect.Effect<Script, ScriptError> => {
  const fail = (part: string, what: string, line?: number) =>
    new ScriptError({ source, part, line, issues: [{ path: [], what }] })
  if (document === undefined) return fail("it is empty", "a script begins with its parties")
  if (!Header.isHeader(document.raw))
    return fail("the head", "a script begins with an object that has parties", document.lineAt([]))
  return Either.match(Header.read(document.raw), {
    onRight: (header) => Effect.succeed({ source, header, kinds: Table.make(header.parties) }),
    onLeft: (issues) =>
      new ScriptError({ source, part: "the head", line: document.lineAt(issues[0]?.path ?? []), issues })
  })
}

const adviceFor = (kinds: Script["kinds"], kind: string | undefined) => {
  const row = kind === undefined ? undefined : kinds.get(kind)
  return row === undefined ? {} : { advice: `What it takes: ${row.summary}.` }
}

/**
 * Reads the steps of a document; `first` is the number of the first one.
 *
 * @since 0.1.0
 * @category decoding
 */
export const steps = (
  { source, kinds }: Script,
  document: SourceDocument,
  first: number
): Effect.Effect<ReadonlyArray<Step.Step>, ScriptError> => {
  const found = stepsIn(document)
  if (found === undefined)
    return new ScriptError({
      source,
      part: "the steps",
      line: document.lineAt(["steps"]),
      issues: [
        {
          path: ["steps"],
          what: `expected a list of steps; came ${show(valueAt(document.raw, ["steps"]))}`
        }
      ]
    })
  return Effect.forEach(found, ([raw, path], index) =>
    Either.match(Step.read(kinds, raw, { at: String(first + index), path, lineAt: document.lineAt }), {
      onRight: (step) => Effect.succeed(step),
      onLeft: ({ at, kind, line, issues }) =>
        new ScriptError({
          source,
          part: `step ${at}${kind === undefined ? "" : ` (${kind})`}`,
          line,
          issues,
          ...adviceFor(kinds, kind)
        })
    })
  )
}
