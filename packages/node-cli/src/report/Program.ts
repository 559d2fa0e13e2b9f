/**
 * What `aechannel report` does.
 *
 * @since 0.1.0
 */
import * as Replay from "@aechannel/core/testing/Replay"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Html from "./Html.js"
import * as Mermaid from "./Mermaid.js"
import { count } from "./Markup.js"
import { type Diagram, isProblem, make } from "./Model.js"
import * as Redaction from "./Redaction.js"
import * as Svg from "./Svg.js"

/**
 * There is no report; the message says why and what to do.
 *
 * @since 0.1.0
 * @category errors
 */
export class ReportError extends Data.TaggedError("ReportError")<{ readonly message: string }> {}

/** @since 0.1.0 @category models */
export const formats = ["html", "svg", "md", "mermaid"] as const

/** @since 0.1.0 @category models */
export type Format = (typeof formats)[number]

/** @since 0.1.0 @category formatting */
export const renderers: { readonly [F in Format]: (diagram: Diagram) => string } = {
  html: Html.render,
  svg: Svg.render,
  md: Mermaid.renderMarkdown,
  mermaid: Mermaid.render
}

const byEnding: { readonly [ending: string]: Format } = {
  ".html": "html",
  ".htm": "html",
  ".svg": "svg",
  ".md": "md",
  ".markdown": "md",
  ".mmd": "mermaid",
  ".mermaid": "mermaid"
}

/**
 * A recorded session (the content of its file), drawn.
 *
 * @since 0.1.0
 * @category formatting
 */
export const draw = (
  file: string,
  content: string,
  format: Format
): Effect.Effect<{ readonly diagram: Diagram; readonly text: string }, ReportError> =>
  Replay.read(file, content).pipe(
    Effect.mapError(({ message }) => new ReportError({ message: `${Redaction.ofText(message)}.` })),
    Effect.map((recording) => {
      const diagram = make(recording)
      return { diagram, text: renderers[format](diagram) }
    })
  )

const formatFor = (out: string | undefined, format: Format | undefined, path: Path.Path) => {
  if (format !== undefined) return Effect.succeed(format)
  if (out === undefined) return Effect.succeed<Format>("html")
  const ending = path.extname(out).toLowerCase()
  const known = byEnding[ending]
  return known === undefined
    ? new ReportError({
        message: `cannot tell from the name ${out} what to draw: end it with .html, .svg, .md or .mmd, or give --format.`
      })
    : Effect.succeed(known)
}

/**
 * Draws a recorded session into a file, or to the standard output where none is named.
 *
 * @since 0.1.0
 * @category execution
 */
export const run = (options: {
  readonly transcript: string
  readonly out: string | undefined
  readonly format: Format | undefined
}) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const { out, transcript } = options
    if (out !== undefined && path.resolve(out) === path.resolve(transcript))
      return yield* new ReportError({
        message: "the report would replace the recording: choose another file with -o."
      })
    const format = yield* formatFor(out, options.format, path)
    const content = yield* Effect.mapError(
      fs.readFileString(transcript),
      () => new ReportError({ message: `cannot read ${transcript}: check its name and your rights.` })
    )
    const { diagram, text } = yield* draw(path.basename(transcript), content, format)
    if (out === undefined) {
      yield* Console.log(text.trimEnd())
      return
    }
    yield* Effect.mapError(
      fs.writeFileString(out, text),
      ({ message }) =>
        new ReportError({ message: `cannot write ${out}: ${message}. Choose another file with -o.` })
    )
    const problems = diagram.rows.filter(isProblem).length
    yield* Console.log(
      `${out}: ${count(diagram.frames, "frame")}, ${problems === 0 ? "no errors, no conflicts" : `${problems} with errors or conflicts`}.`
    )
  })
