/**
 * What became of recordings, as text and as JSON.
 *
 * @since 0.1.0
 */
import type * as Json from "@aechannel/core/encoding/Json"
import * as Replay from "@aechannel/core/testing/Replay"

type Verdict = "exact" | "accepted" | "different" | "not replayable" | "damaged"

/**
 * @since 0.1.0
 * @category models
 */
export interface Result {
  readonly file: string
  readonly verdict: Verdict
  /** What follows the verdict, line by line. */
  readonly details: ReadonlyArray<string>
  readonly frames: number
  readonly json: Json.Json
}

const detailsOf = ({
  actual,
  came,
  expected,
  path,
  recorded,
  seq,
  who
}: Replay.Found): ReadonlyArray<string> =>
  path === ""
    ? [`line ${seq}, ${who}: expected ${expected}, came ${came}`]
    : [
        `line ${seq}, ${who}: ${expected} differs at ${path}`,
        `  expected ${recorded}`,
        `  came     ${actual}`
      ]

/**
 * @since 0.1.0
 * @category constructors
 */
export const resultOf = (file: string, outcome: Replay.Outcome | Replay.RecordingError): Result => {
  switch (outcome._tag) {
    case "Exact": {
      const { frames } = outcome
      return {
        file,
        verdict: "exact",
        details: [`${frames} frames`],
        frames,
        json: { type: "recording", file, verdict: "exact", frames }
      }
    }
    case "Accepted": {
      const { frames, partedAt, variants } = outcome
      const names = [...variants].map(([name, times]) => `${name}${times === 1 ? "" : ` ×${times}`}`)
      const end = partedAt === undefined ? "" : `; up to line ${partedAt}, where the session goes another way`
      return {
        file,
        verdict: "accepted",
        details: [`${frames} frames; ${names.join(", ")}${end}`],
        frames,
        json: {
          type: "recording",
          file,
          verdict: "accepted",
          frames,
          variants: Object.fromEntries(variants),
          ...(partedAt === undefined ? {} : { partedAt })
        }
      }
    }
    case "Different": {
      const { difference, frames } = outcome
      return {
        file,
        verdict: "different",
        details: [`after ${frames} frames`, ...detailsOf(difference)],
        frames,
        json: { type: "recording", file, verdict: "different", frames, difference: { ...difference } }
      }
    }
    case "NotReplayable": {
      const { detail, reason } = outcome
      return {
        file,
        verdict: "not replayable",
        details: [`${reason} (${detail})`],
        frames: 0,
        json: { type: "recording", file, verdict: "not replayable", reason, detail }
      }
    }
    case "RecordingError": {
      const { detail, line } = outcome
      return {
        file,
        verdict: "damaged",
        details: [`${line === 0 ? "" : `line ${line}: `}${detail}`],
        frames: 0,
        json: { type: "recording", file, verdict: "damaged", line, detail }
      }
    }
  }
}

/**
 * One paragraph.
 *
 * @since 0.1.0
 * @category formatting
 */
export const textOf = ({ details, file, verdict }: Result): string => {
  const [first, ...more] = details
  return [`${file}: ${verdict}, ${first ?? ""}`, ...more.map((line) => `    ${line}`)].join("\n")
}

const verdicts: ReadonlyArray<Verdict> = ["exact", "accepted", "different", "damaged", "not replayable"]

/**
 * How many there are of each.
 *
 * @since 0.1.0
 * @category formatting
 */
export const totalsOf = (
  results: ReadonlyArray<Result>
): { readonly text: string; readonly json: Json.Json; readonly failed: boolean } => {
  const count = (verdict: Verdict) => results.filter((result) => result.verdict === verdict).length
  const frames = results.reduce((sum, result) => sum + result.frames, 0)
  const words = verdicts
    .filter((verdict) => verdict !== "damaged" || count(verdict) > 0)
    .map((verdict) => `${count(verdict)} ${verdict === "accepted" ? "with accepted variants" : verdict}`)
  return {
    text: `${results.length} recordings: ${words.join(", ")}; ${frames} frames of the node compared.`,
    json: {
      type: "totals",
      recordings: results.length,
      ...Object.fromEntries(verdicts.map((verdict) => [verdict, count(verdict)])),
      frames
    },
    failed: count("different") + count("damaged") > 0
  }
}
