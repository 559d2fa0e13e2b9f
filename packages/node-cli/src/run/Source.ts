/**
 * The text of a script as documents: a head, then steps one by one or in lists. A file is read whole; what comes on
 * stdin is cut into documents as it arrives.
 *
 * @since 0.1.0
 */
import * as Json from "@aechannel/core/encoding/Json"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { isNode, LineCounter, parseAllDocuments } from "yaml"
import { ScriptError } from "./Problems.js"

/**
 * One JSON or YAML document: its value (whole numbers that are not safe are `bigint`), and the lines of its parts.
 *
 * @since 0.1.0
 * @category models
 */
export interface SourceDocument {
  readonly raw: unknown
  readonly lineAt: (path: ReadonlyArray<PropertyKey>) => number | undefined
}

/** Text of one or more documents, and the number of its first line. @since 0.1.0 @category models */
export interface Piece {
  readonly text: string
  readonly firstLine: number
}

interface Pending {
  readonly lines: ReadonlyArray<string>
  readonly firstLine: number
  readonly next: number
  /** Lines of a JSON value that is not complete; else of a YAML document, which a mark ends. */
  readonly json: boolean
}

const nothing = (next: number): Pending => ({ lines: [], firstLine: next, next, json: false })

const jsonState = (text: string): Effect.Effect<"complete" | "truncated" | "broken"> =>
  Effect.match(Json.parse(text), {
    onSuccess: () => "complete" as const,
    onFailure: ({ reason }) => (reason === "truncated" ? "truncated" : "broken")
  })

const isBlank = (lines: ReadonlyArray<string>): boolean => lines.every((line) => /^\s*(?:#.*)?$/.test(line))

const pieceOf = ({ lines, firstLine }: Pending): ReadonlyArray<Piece> =>
  isBlank(lines) ? [] : [{ text: lines.join("\n"), firstLine }]

type Taken = readonly [Pending, ReadonlyArray<Piece>]

/** `undefined` is the end of the input. */
const takeLine = (pending: Pending, line: string | undefined): Effect.Effect<Taken> => {
  const next = pending.next + 1
  const cut = (all: Pending): Taken => [nothing(next), pieceOf(all)]
  if (line === undefined || /^(?:---|\.\.\.)\s*$/.test(line)) return Effect.succeed(cut(pending))
  const begins = isBlank(pending.lines)
  // A step that is just a word may be a text of JSON; a quoted key is YAML.
  const json = begins ? /^\s*(?:[[{]|"(?:[^"\\]|\\.)*"\s*$)/.test(line) : pending.json
  const grown: Pending = {
    lines: begins && json ? [line] : [...pending.lines, line],
    firstLine: begins && json ? pending.next : pending.firstLine,
    next,
    json
  }
  if (!json) return Effect.succeed([grown, []])
  // Not JSON, or not yet: flow YAML such as {open: {}} is one line, and what is broken is told by the parser at once.
  return Effect.map(jsonState(grown.lines.join("\n")), (state) =>
    state === "truncated" ? [grown, []] : cut(grown)
  )
}

/**
 * Cuts lines into pieces: a JSON value ends with itself, a YAML document with `---`, `...` or the end of the input.
 *
 * @since 0.1.0
 * @category combinators
 */
export const pieces = <E, R>(lines: Stream.Stream<string, E, R>): Stream.Stream<Piece, E, R> =>
  Stream.concat(
    Stream.map(lines, (line): string | undefined => line),
    Stream.make(undefined)
  ).pipe(
    Stream.mapAccumEffect(nothing(1), takeLine),
    Stream.mapConcat((found) => found)
  )

const safe = (value: unknown): unknown => {
  if (typeof value === "bigint") {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value
  }
  if (Array.isArray(value)) return value.map(safe)
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, safe(inner)]))
  return value
}

/**
 * Reads the documents of a piece. JSON is read as the YAML it is.
 *
 * @since 0.1.0
 * @category decoding
 */
export const documents = (
  source: string,
  { text, firstLine }: Piece
): Effect.Effect<ReadonlyArray<SourceDocument>, ScriptError> =>
  Effect.gen(function* () {
    const lines = new LineCounter()
    const lineOf = (offset: number | undefined): number | undefined =>
      offset === undefined ? undefined : lines.linePos(offset).line + firstLine - 1
    const parsed = parseAllDocuments(text, { intAsBigInt: true, prettyErrors: false, lineCounter: lines })
    if (!Array.isArray(parsed)) return []
    const found: Array<SourceDocument> = []
    for (const document of parsed) {
      const [error] = document.errors
      const fail = (what: string, line: number | undefined) =>
        new ScriptError({ source, part: "this is neither YAML nor JSON", line, issues: [{ path: [], what }] })
      if (error !== undefined) return yield* fail(error.message, lineOf(error.pos[0]))
      if (document.contents === null) continue
      const raw = yield* Effect.try({
        try: () => safe(document.toJS({ maxAliasCount: 100 })),
        catch: (cause) =>
          fail(cause instanceof Error ? cause.message : String(cause), lineOf(document.range?.[0]))
      })
      if (raw === null) continue
      found.push({
        raw,
        lineAt: (path) => {
          // Of what is missing, the line of what it is missing in.
          for (let length = path.length; length > 0; length--) {
            const node = document.getIn(path.slice(0, length), true)
            if (isNode(node)) return lineOf(node.range?.[0])
          }
          return lineOf(document.contents?.range?.[0])
        }
      })
    }
    return found
  })
