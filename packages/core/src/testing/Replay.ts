/**
 * Recorded sessions, played again: every frame that a node sends is compared with the one that was recorded, so that
 * anybody can check a node, this one or another.
 *
 * A recording is a file of JSON lines: `seq` (from 1, without gaps), `who` (`initiator` or `responder`), `conn` (which
 * socket of that party), `kind`, `ts` (milliseconds, may be missing), and
 *
 * | kind | further keys |
 * | --- | --- |
 * | `open` | `url` of the WebSocket |
 * | `frame` | `dir` (`out` from the client, `in` from the node) and `msg`, the JSON value; `text` where it is none |
 * | `close` | `code`, where it is known |
 * | `http` | `status` of an opening that was refused, or `path` of a look at the chain |
 * | `info`, `other` | a note |
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import { Replay } from "@aechannel/core/testing"
 * import { Effect } from "effect"
 *
 * // A client that names no protocol is let go without a word.
 * const content = `
 * {"seq":1,"who":"responder","conn":1,"kind":"open","url":"ws://localhost:3014/channel?role=responder"}
 * {"seq":2,"who":"responder","conn":1,"kind":"close","code":1000}
 * `
 * const program = Effect.gen(function* () {
 *   const recording = yield* Replay.read("refused.jsonl", content.trim())
 *   return yield* Replay.replay(recording, { targets: Replay.embedded() })
 * })
 *
 * assert.deepStrictEqual(Effect.runSync(program), { _tag: "Exact", frames: 0 })
 * ```
 *
 * @since 0.1.0
 */
import * as Replayable from "./internal/replay/Replayable.js"
import * as Variants from "./internal/replay/Variants.js"

export { read, RecordingError } from "./internal/replay/Recording.js"
export type { Line, Recording } from "./internal/replay/Recording.js"
export { embedded, TargetError } from "./internal/replay/Target.js"
export type {
  ChainStart,
  Connection,
  EmbeddedOptions,
  Ended,
  Refusal,
  Target,
  Targets,
  Wanted
} from "./internal/replay/Target.js"
export { replay } from "./internal/replay/Driver.js"
export type { Found, Name, Options, Outcome } from "./internal/replay/Driver.js"

/**
 * A way to differ from a recording that is right, and why.
 *
 * @since 0.1.0
 * @category models
 */
export interface Accepted {
  readonly name: Variants.Name
  /** `order` of frames, `value` in one, `frame` more or less, `course` of the whole session, or of the `replay` itself. */
  readonly kind: "order" | "value" | "frame" | "course" | "replay"
  readonly reason: string
}

const rows = <K extends Variants.Name>(
  kind: Accepted["kind"],
  table: Readonly<Record<K, { readonly reason: string }>>
): ReadonlyArray<Accepted> =>
  Variants.namesOf(table).map((name) => ({ kind, name, reason: table[name].reason }))

/**
 * All variants that are accepted: differences between versions of nodes, what this project's node does otherwise on
 * purpose, and orders that nothing determines.
 *
 * @since 0.1.0
 * @category constants
 */
export const variants: ReadonlyArray<Accepted> = [
  ...rows("order", Variants.orders),
  ...rows("value", Variants.values),
  ...rows("value", Variants.bodies),
  ...rows("frame", Variants.extras),
  ...rows("frame", Variants.absences),
  ...rows("course", Variants.partings),
  ...rows("replay", Variants.notes)
]

/**
 * Why recordings cannot be replayed, by the names that outcomes have.
 *
 * @since 0.1.0
 * @category constants
 */
export const obstacles: Readonly<Record<Replayable.Reason, string>> = Replayable.reasons
