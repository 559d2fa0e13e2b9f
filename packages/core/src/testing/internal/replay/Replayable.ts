/** Recordings that no node can be driven with, or not this one, each with its reason. */
import * as Json from "../../../encoding/Json.js"
import type { Line, Recording } from "./Recording.js"

/** Why recordings cannot be replayed. */
export const reasons = {
  AEVM: "the channel runs contracts of the AEVM, which is not part of this node",
  "the node was restarted": "whoever recorded it stopped the node in between",
  "bytes are missing": "the recorder did not keep all that was sent",
  "an older generation": "it was recorded from a node before July 2019, in a dialect that is not replayed"
} as const
export type Reason = keyof typeof reasons

export interface NotReplayable {
  readonly reason: Reason
  readonly detail: string
}

const at = (json: Json.Json | undefined, ...keys: ReadonlyArray<string>): Json.Json | undefined =>
  keys.reduce(Json.field, json)

/** New contracts that the node took. */
const created = (line: Line): Json.Json | undefined => {
  const updates = line._tag === "Came" ? at(line.json, "params", "data", "updates") : undefined
  return Json.isArray(updates)
    ? updates.find((update) => at(update, "op") === "OffChainNewContract")
    : undefined
}

const fateAbi = 3

const aevm = (line: Line): string | undefined => {
  const found = created(line)
  return found === undefined || Number(at(found, "abi_version")) === fateAbi
    ? undefined
    : `a contract of VM ${String(at(found, "vm_version"))}`
}

const restarted = (line: Line): string | undefined =>
  line._tag === "Note" && /\bnode\b.*\b(stopped|started|restart)/i.test(line.text) ? line.text : undefined

/** Dialects before signed_tx, and nodes before fsm_up. */
const older = (line: Line): string | undefined => {
  if (line._tag !== "Came") return undefined
  if (at(line.json, "action") !== undefined) return "a frame of the legacy dialect"
  const data = at(line.json, "params", "data")
  const method = String(at(line.json, "method"))
  return method.startsWith("channels.sign.") && at(data, "tx") !== undefined
    ? "a sign request with tx in place of signed_tx"
    : undefined
}

const firstReport = (recording: Recording): string | undefined => {
  const events = recording.lines.flatMap((line) => {
    const event = line._tag === "Came" ? at(line.json, "params", "data", "event") : undefined
    return typeof event === "string" ? [event] : []
  })
  return recording.inherited.size === 0 && events.length > 0 && !events.includes("fsm_up")
    ? "no machine tells its fsm id"
    : undefined
}

/** Answers to requests that the recording does not have. */
const unasked = (recording: Recording): { readonly line: Line; readonly detail: string } | undefined => {
  const ids = new Set<string>()
  for (const line of recording.lines) {
    if (line._tag === "Sent")
      for (const request of Json.isArray(line.json) ? line.json : [line.json ?? null]) {
        const id = at(request, "id")
        if (id !== undefined) ids.add(`${line.socket} ${Json.stringify(id)}`)
      }
    if (line._tag !== "Came" || Json.isArray(line.json)) continue
    const id = at(line.json, "id")
    if (at(line.json, "method") !== undefined || id === undefined || id === null) continue
    if (!ids.has(`${line.socket} ${Json.stringify(id)}`))
      return { line, detail: `an answer to a request (id ${Json.stringify(id)}) that was not kept` }
  }
  return undefined
}

/** Why a recording cannot be replayed; undefined when it can. */
export const notReplayable = (recording: Recording): NotReplayable | undefined => {
  const rows: ReadonlyArray<readonly [Reason, (line: Line) => string | undefined]> = [
    ["an older generation", older],
    ["the node was restarted", restarted],
    ["AEVM", aevm]
  ]
  for (const [reason, test] of rows)
    for (const line of recording.lines) {
      const detail = test(line)
      if (detail !== undefined) return { reason, detail: `line ${line.seq}: ${detail}` }
    }
  const generation = firstReport(recording)
  if (generation !== undefined) return { reason: "an older generation", detail: generation }
  const found = unasked(recording)
  return found && { reason: "bytes are missing", detail: `line ${found.line.seq}: ${found.detail}` }
}
