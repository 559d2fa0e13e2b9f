/**
 * Compares a node's frame with the recorded one: names, keys, types, codes and determined values must be equal;
 * ids, keys and signatures may differ, since the session is played again with other accounts.
 */
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Transaction from "@aechannel/core/chain/Transaction"
import * as Json from "@aechannel/core/encoding/Json"
import { Exit } from "effect"
import * as Effect from "effect/Effect"

/** Version differences that are accepted, each with the reason; a run tells which ones it met. */
export const acceptedDifferences = {
  "channel id set earlier":
    "since April 2020 the frames around funding_created and funding_signed carry the channel id; the recorded node still sent null",
  "fsm id in funding_*": "since April 2020 funding_created and funding_signed carry the fsm id",
  "create transaction version 2": "the recorded node ran a protocol before Iris, ours runs Ceres",
  "hashed-mode signatures":
    "ours are made over the hash of the transaction, the recorded ones over the transaction"
} as const
export type AcceptedDifference = keyof typeof acceptedDifferences

const isRecord = (json: Json.Json | undefined): json is { readonly [key: string]: Json.Json } =>
  typeof json === "object" && json !== null && !Array.isArray(json) && !(json instanceof Json.JsonNumber)

/** What of a transaction is determined: kind, number of signatures, round. */
const normalizeTx = (text: string): { readonly text: string; readonly version: number } => {
  const decoded = Effect.runSyncExit(SignedTx.fromText(text))
  if (Exit.isFailure(decoded)) return { text: "tx that does not decode", version: 0 }
  const { signatures, tx } = decoded.value
  const round = "round" in tx ? ` round ${tx.round}` : ""
  return { text: `${Transaction.typeName(tx)}${round} ${signatures.length} signatures`, version: tx.version }
}

const idPattern = /^(ak|ch|ba|th|sg)_/

/** Compares values; `names` maps each session's addresses to the roles. */
export const differences = (
  recorded: Json.Json,
  actual: Json.Json,
  names: { readonly recorded: ReadonlyMap<string, string>; readonly actual: ReadonlyMap<string, string> },
  met: Set<AcceptedDifference>
): ReadonlyArray<string> => {
  const walk = (left: Json.Json, right: Json.Json, path: string): ReadonlyArray<string> => {
    if (
      left === null &&
      typeof right === "string" &&
      right.startsWith("ch_") &&
      path.endsWith(".channel_id")
    ) {
      met.add("channel id set earlier")
      return []
    }
    if (typeof left === "string" && typeof right === "string") {
      if (left.startsWith("tx_") && right.startsWith("tx_")) {
        const [a, b] = [normalizeTx(left), normalizeTx(right)]
        if (a.version !== b.version && b.text.startsWith("channel_create_tx"))
          met.add("create transaction version 2")
        if (!a.text.endsWith(" 0 signatures")) met.add("hashed-mode signatures")
        return a.text === b.text ? [] : [`${path}: recorded ${a.text}, got ${b.text}`]
      }
      const prefix = idPattern.exec(left)?.[0]
      if (prefix !== undefined && right.startsWith(prefix)) {
        const [a, b] = [names.recorded.get(left), names.actual.get(right)]
        return a === b ? [] : [`${path}: recorded ${a ?? left}, got ${b ?? right}`]
      }
      return left === right ? [] : [`${path}: recorded “${left}”, got “${right}”`]
    }
    if (Array.isArray(left) && Array.isArray(right)) {
      return left.length === right.length
        ? left.flatMap((item: Json.Json, index) => walk(item, right[index] ?? null, `${path}[${index}]`))
        : [`${path}: recorded ${left.length} entries, got ${right.length}`]
    }
    if (isRecord(left) && isRecord(right)) {
      const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])].sort()
      return keys.flatMap((key) => {
        const [a, b] = [left[key], right[key]]
        if (b === undefined) return [`${path}.${key}: missing`]
        if (a !== undefined) return walk(a, b, `${path}.${key}`)
        if (key === "fsm_id" && ["funding_created", "funding_signed"].includes(String(right["event"]))) {
          met.add("fsm id in funding_*")
          return []
        }
        return [`${path}.${key}: not in the recorded frame`]
      })
    }
    return Json.stringify(left) === Json.stringify(right)
      ? []
      : [`${path}: recorded ${Json.stringify(left)}, got ${Json.stringify(right)}`]
  }
  return walk(recorded, actual, "$")
}
