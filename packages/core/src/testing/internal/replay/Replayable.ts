/** Recordings that no node can be driven with, or not this one yet, each with its reason. */
import * as SignedTx from "../../../chain/SignedTx.js"
import * as Json from "../../../encoding/Json.js"
import { decoded } from "./Bodies.js"
import type { Line, Recording } from "./Recording.js"

/** Why recordings cannot be replayed. */
export const reasons = {
  "generalized accounts":
    "a party authenticates by a contract on chain, which stands nowhere in the recording",
  "needs the contract VM": "the channel runs contracts",
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

const texts = (json: Json.Json | undefined): ReadonlyArray<string> =>
  ["signed_tx", "tx", "state"].flatMap((key) => {
    const text = at(json, "params", "data", key) ?? at(json, "params", key)
    return typeof text === "string" && text.startsWith("tx_") ? [text] : []
  })

const jsonOf = (line: Line): Json.Json | undefined =>
  line._tag === "Sent" || line._tag === "Came" ? line.json : undefined

const generalized = (line: Line): string | undefined =>
  texts(jsonOf(line)).some((text) => {
    const signed = decoded(text)
    return signed !== undefined && SignedTx.metaLayers(signed).length > 0
  })
    ? "a transaction inside a meta transaction"
    : undefined

const contractOps = new Set(["OffChainNewContract", "OffChainCallContract"])

const contract = (line: Line): string | undefined => {
  const updates = line._tag === "Came" ? at(line.json, "params", "data", "updates") : undefined
  if (!Json.isArray(updates)) return undefined
  const found = updates.find((update) => contractOps.has(String(at(update, "op"))))
  if (found === undefined) return undefined
  const vm = at(found, "vm_version")
  const name =
    vm === undefined
      ? ""
      : Number(vm) === 5 || Number(vm) >= 7
        ? ` of FATE (VM ${String(vm)})`
        : ` of AEVM (VM ${String(vm)})`
  return `${String(at(found, "op"))}${name}`
}

/** Methods that work on contracts there are. */
const contractMethods =
  /^channels\.(update\.(new|call)_contract|dry_run\.call_contract|get\.contract_call|force_progress)$/

/** In recordings without openings contracts may be there from before. */
const inherited = (recording: Recording) => (line: Line) =>
  recording.inherited.size > 0 &&
  line._tag === "Sent" &&
  contractMethods.test(String(at(line.json, "method")))
    ? String(at(line.json, "method"))
    : undefined

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
    ["generalized accounts", generalized],
    ["the node was restarted", restarted],
    ["needs the contract VM", contract],
    ["needs the contract VM", inherited(recording)]
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
