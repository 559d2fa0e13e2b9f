/** The recorded session of the API document, line by line. */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Json from "../../src/encoding/Json.js"

export type Role = "initiator" | "responder"

export type SessionLine =
  | { readonly kind: "open"; readonly who: Role; readonly query: string }
  | { readonly kind: "out" | "in"; readonly who: Role; readonly msg: Json.Json }
  | { readonly kind: "close"; readonly who: Role }

const file = fileURLToPath(new URL("../fixtures/api-document-session.jsonl", import.meta.url))

const record = (json: Json.Json): { readonly [key: string]: Json.Json } => {
  if (typeof json !== "object" || json === null || Array.isArray(json) || json instanceof Json.JsonNumber)
    throw new Error("a line of the recorded session is no object")
  return json as { readonly [key: string]: Json.Json }
}

export const session: ReadonlyArray<SessionLine> = readFileSync(file, "utf8")
  .trim()
  .split("\n")
  .map((line): SessionLine => {
    const { dir, kind, msg, query, who } = record(Json.parseOrThrow(line))
    const role: Role = who === "initiator" ? "initiator" : "responder"
    if (kind === "open") return { kind, who: role, query: String(query) }
    if (kind === "close") return { kind, who: role }
    return { kind: dir === "out" ? "out" : "in", who: role, msg: msg ?? null }
  })

/** The value at a path of keys, or undefined. */
export const at = (json: Json.Json | undefined, ...keys: ReadonlyArray<string>): Json.Json | undefined =>
  keys.reduce<Json.Json | undefined>(
    (value, key) =>
      typeof value === "object" &&
      value !== null &&
      !Array.isArray(value) &&
      !(value instanceof Json.JsonNumber)
        ? (value as { readonly [key: string]: Json.Json })[key]
        : undefined,
    json
  )

/** The recorded addresses of the two parties. */
export const recordedAddresses = ((): Readonly<Record<Role, string>> => {
  const open = session.find((line) => line.kind === "open")
  const query = new URLSearchParams(open?.kind === "open" ? open.query : "")
  return { initiator: query.get("initiator_id") ?? "", responder: query.get("responder_id") ?? "" }
})()

/** The recorded channel id. */
export const recordedChannelId: string = (() => {
  for (const line of session) {
    const id = line.kind === "in" ? at(line.msg, "params", "channel_id") : undefined
    if (typeof id === "string") return id
  }
  throw new Error("the recorded session has no channel id")
})()

/** The signed transactions that a party's client sent, in order. */
export const recordedSignatures = (who: Role): ReadonlyArray<SignedTx.SignedTx> =>
  session.flatMap((line) => {
    const text = line.kind === "out" && line.who === who ? at(line.msg, "params", "signed_tx") : undefined
    return typeof text === "string" ? [SignedTx.fromTextOrThrow(text)] : []
  })
