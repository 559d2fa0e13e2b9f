/**
 * What the node's log says that a client missed which was not there: a node repeats nothing to a client that comes back
 * to its machine.
 *
 * @internal
 */
import * as SignedTx from "../../chain/SignedTx.js"
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import * as Bytes from "../../encoding/Bytes.js"
import * as Json from "../../encoding/Json.js"
import { DecodeError } from "../../encoding/DecodeError.js"
import type { HistoryEntry, OnChainInfo, OnChainTx } from "../../protocol/NodeMessage.js"
import type { FetchHistory } from "../../protocol/Request.js"
import { shownBy } from "./verifySolo.js"

/** Entries of a log that a client may have missed; a node keeps about as many as its `log_keep` says. */
export const missed: FetchHistory = {
  _tag: "FetchHistory",
  n: 100,
  types: ["rpt"],
  tags: ["info", "on_chain_tx"]
}

/** What of it still matters. */
export interface Missed {
  /** The latest that says how the channel is ending. */
  readonly ending: OnChainTx | undefined
  /** What was forced on chain and taken over by the node, and what else on chain shows both signatures; oldest first. */
  readonly onChain: ReadonlyArray<SignedTx.SignedTx>
  /** Whether the peer was there last; undefined if nothing is said. */
  readonly peerConnected: boolean | undefined
}

/** Reference nodes encode the texts in their log once more. */
const plain = (json: Json.Json | undefined): string | undefined => {
  if (typeof json !== "string" || !json.startsWith("ba_")) return typeof json === "string" ? json : undefined
  return attempt(() => Bytes.fromUtf8OrThrow(ApiEncoding.decodeOrThrow("ba", json)))
}

const attempt = <A>(read: () => A): A | undefined => {
  try {
    return read()
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** Reports that say whether, and with what, the channel is ending. */
const endings: { readonly [I in OnChainInfo]?: boolean } = {
  channel_changed: false,
  solo_closing: true,
  can_slash: true,
  close_mutual: true,
  channel_closed: true
}

const isOnChainInfo = (text: string): text is OnChainInfo => Object.hasOwn(endings, text)

const peerIsThere: { readonly [event: string]: boolean } = {
  peer_disconnected: false,
  channel_reestablished: true,
  open: true
}

const endingOf = ({ info }: HistoryEntry): OnChainTx | "none" | undefined => {
  const said = plain(Json.field(info, "info"))
  if (said === undefined || !isOnChainInfo(said)) return undefined
  if (endings[said] !== true) return "none"
  const tx = txOf(info)
  return tx === undefined ? undefined : { _tag: "OnChainTx", info: said, tx }
}

const txOf = (info: Json.Json): SignedTx.SignedTx | undefined => {
  const text = plain(Json.field(info, "tx"))
  return text === undefined ? undefined : attempt(() => SignedTx.fromTextOrThrow(text))
}

const onChainOf = ({ info }: HistoryEntry): SignedTx.SignedTx | undefined => {
  const tx = txOf(info)
  if (tx === undefined || plain(Json.field(info, "info")) === "consumed_forced_progress") return tx
  return shownBy(tx)
}

/** Reads a log, newest entry first. */
export const readMissed = (entries: ReadonlyArray<HistoryEntry>): Missed => {
  let ending: OnChainTx | "none" | undefined
  let peerConnected: boolean | undefined
  const onChain: Array<SignedTx.SignedTx> = []
  for (const entry of entries) {
    if (entry.type !== "report") continue
    if (entry.tag === "on_chain_tx") {
      ending ??= endingOf(entry)
      const tx = onChainOf(entry)
      if (tx !== undefined) onChain.unshift(tx)
    } else peerConnected ??= peerIsThere[plain(Json.field(entry.info, "event")) ?? ""]
  }
  return { ending: ending === "none" ? undefined : ending, onChain, peerConnected }
}
