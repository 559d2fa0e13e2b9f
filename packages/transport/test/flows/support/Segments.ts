/** What one operation shows on one socket, cut out of all that the socket shows. */
import { readFileSync } from "node:fs"
import * as Json from "@aechannel/core/encoding/Json"
import { labelOf } from "../../../../core/test/support/FrameLog.js"
import { at } from "../../../../core/test/support/RawClient.js"

/** What begins an operation on the socket of who asks for it. */
const asks = [
  "update.new",
  "deposit",
  "withdraw",
  "shutdown",
  "snapshot_solo",
  "close_solo",
  "slash",
  "settle",
  "leave",
  "assume_minimum_depth",
  "system stop"
].map((method) => `> ${method}`)

/** What ends a channel begins nothing where one of these was under way. */
const closes =
  /^(> shutdown|info shutdown|> leave|leave|> system stop|on_chain_tx channel_closed|info fsm_up)/

const never = /(?!)/

/**
 * What begins something without being asked for, unless it belongs to what is under way. What one party gave to the chain
 * is seen there at any time.
 */
const hears: ReadonlyArray<readonly [string, RegExp]> = [
  ["info update", never],
  ["info deposit_created", never],
  ["info withdraw_created", never],
  ["info shutdown", never],
  ["leave", /^> leave/],
  ["on_chain_tx solo_closing", never],
  ["on_chain_tx can_slash", never],
  ["on_chain_tx channel_closed", /shutdown/],
  ["on_chain_tx consumed_forced_progress", never],
  ["on_chain_tx channel_changed channel_force_progress_tx", never],
  ["on_chain_tx channel_changed channel_snapshot_solo_tx", never],
  ["info min_depth_achieved", never],
  ["info minimum_depth_achieved", never],
  ["info fsm_up", never],
  ["info channel_reestablished", /^info fsm_up/],
  ["info peer_disconnected", /^leave/],
  ["info died", closes]
]

/** Contracts are no part of this. */
const foreign = /^> (update\.new_contract|update\.call_contract|force_progress)/

/** Beside any operation; refusals among it, and with them what was refused. */
const besides = /^(ok|result|message|error .*|get\..*|history.*|system.*|dry_run.*|calls_pruned.*)$/

/** The codes with which parties refuse are all alike. */
const codeless = (line: string): string => line.replace(/^conflict (1|4|\d\d+)$/, "conflict by choice")

/** What one operation shows on a socket: what begins it, and the frames from the node behind that. */
export interface Segment {
  readonly lines: ReadonlyArray<string>
  /** The socket shows nothing after it. */
  readonly last: boolean
}

/** The operations of a socket. */
export const segmentsOf = (all: ReadonlyArray<string>): ReadonlyArray<Segment> => {
  const segments: Array<Array<string>> = []
  let current: Array<string> | undefined
  for (const line of all) {
    const begun = current?.[0] ?? ""
    const heard = hears.find(([start]) => line === start || line.startsWith(`${start} `))
    if (foreign.test(line)) {
      current = undefined
    } else if (
      asks.includes(line) ||
      (heard !== undefined && (current === undefined || !heard[1].test(begun)))
    ) {
      current = [line]
      segments.push(current)
    } else if (line.startsWith("error") && begun.startsWith(">") && current?.length === 1) {
      segments.pop()
      current = undefined
    } else if (!line.startsWith(">") && !line.startsWith("close") && !besides.test(line)) {
      current?.push(codeless(line))
    }
  }
  return segments.map((lines, index) => ({ lines, last: index === segments.length - 1 }))
}

/** The frames of every socket of a recording, in short. */
export const socketsOf = (path: string): ReadonlyArray<ReadonlyArray<string>> => {
  const sockets = new Map<string, Array<string>>()
  for (const line of readFileSync(path, "utf8").trim().split("\n")) {
    const entry = Json.parseOrThrow(line)
    const [kind, direction, frame] = [at(entry, "kind"), at(entry, "dir"), at(entry, "msg")]
    const key = `${String(at(entry, "who"))} ${String(at(entry, "conn"))}`
    const socket = sockets.get(key) ?? []
    sockets.set(key, socket)
    if (kind === "frame" && frame !== undefined && (direction === "in" || direction === "out"))
      socket.push(labelOf(direction, frame))
  }
  return [...sockets.values()]
}
