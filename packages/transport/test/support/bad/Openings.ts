/** Bad queries, one parameter at a time, and what becomes of them. */
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import type { RequestedParameters, Role } from "@aechannel/core/protocol/OpenParameters"
import { responder } from "../../../../core/test/support/NodeUnderTest.js"
import * as TestCrypto from "../../../../core/test/support/TestCrypto.js"
import { at } from "../../../../core/test/support/RawClient.js"
import type { Party } from "./Party.js"
import { amount, type Pair } from "./World.js"

/** Closed without a word, closed like a crash, or refused with a data code. */
export type Outcome = "closed" | "crashed" | number

export interface OpeningRow {
  readonly name: string
  readonly role: Role
  /** The parameters that differ from good ones; undefined: left out. */
  readonly changes: Readonly<Record<string, string | undefined>>
  readonly outcome: Outcome
}

const roles: ReadonlyArray<Role> = ["initiator", "responder"]

const of = (role: Role, changes: OpeningRow["changes"], outcome: Outcome): OpeningRow => ({
  name: `${role}: ${Object.entries(changes)
    .map(([name, value]) => (value === undefined ? `no ${name}` : `${name}=${value}`))
    .join("&")}`,
  role,
  changes,
  outcome
})

const both = (
  name: string,
  values: ReadonlyArray<string | undefined>,
  outcome: Outcome
): ReadonlyArray<OpeningRow> =>
  values.flatMap((value) => roles.map((role) => of(role, { [name]: value }, outcome)))

const account = ApiEncoding.encode("ak", new Uint8Array(32).fill(5))
const absent = TestCrypto.keyPairOf("nobody has funded this").address
const contract = ApiEncoding.encode("ct", new Uint8Array(32).fill(5))
const badChecksum = `${account.slice(0, -1)}${account.endsWith("1") ? "2" : "1"}`
const channel = ApiEncoding.encode("ch", new Uint8Array(32).fill(5))

const noInteger = ["ten", "1.5", "1e3", " 1", "0x10", "", "+"]

const integers = [
  "port",
  "lock_period",
  "push_amount",
  "initiator_amount",
  "responder_amount",
  "channel_reserve",
  "minimum_depth",
  "ttl",
  "fee",
  "gas_price",
  "nonce",
  "log_keep",
  "timeout_idle",
  "timeout_funding_create",
  "timeout_funding_sign",
  "timeout_funding_lock",
  "timeout_sign",
  "timeout_accept",
  "timeout_initialized",
  "timeout_awaiting_open",
  "bh_delta_not_older_than",
  "bh_delta_not_newer_than",
  "bh_delta_pick"
]

const flags = [
  "msg_forwarding",
  "keep_running",
  "report_info",
  "report_update",
  "report_leave",
  "report_conflict",
  "report_message",
  "report_error",
  "report_debug",
  "report_on_chain_tx",
  "report_min_depth"
]

const mandatory = [
  "protocol",
  "role",
  "port",
  "initiator_id",
  "responder_id",
  "lock_period",
  "push_amount",
  "initiator_amount",
  "responder_amount",
  "channel_reserve"
]

export const openingRows: ReadonlyArray<OpeningRow> = [
  ...mandatory.flatMap((name) => both(name, [undefined], "closed")),
  of("initiator", { host: undefined }, "closed"),
  ...both("protocol", ["", "legacy", "JSON-RPC", "xml"], "crashed"),
  ...both("role", ["", "observer", "Initiator"], "closed"),
  ...integers.flatMap((name, index) => both(name, [noInteger[index % noInteger.length], "ten"], "closed")),
  ...flags.flatMap((name, index) => both(name, [index % 2 === 0 ? "True" : "1"], "closed")),
  ...both("minimum_depth_strategy", ["", "TxFee", "deep"], "closed"),
  ...["initiator_id", "responder_id"].flatMap((name) =>
    both(name, ["", "ak_", "nonsense", contract, badChecksum], "closed")
  ),
  of("initiator", { initiator_id: "any" }, "closed"),
  ...both("responder_id", ["any"], "closed"),
  // Values: amounts before accounts, accounts before the lock period.
  ...["push_amount", "channel_reserve", "lock_period"].flatMap((name) => both(name, ["-1"], 105)),
  ...both("initiator_amount", ["-1"], 105),
  ...both("responder_amount", ["-1"], 105),
  ...both("push_amount", [String(3n * amount)], 105),
  ...both("channel_reserve", [String(amount + 1n)], 105),
  ...["initiator_id", "responder_id"].flatMap((name) => both(name, [absent], 1011)),
  ...roles.flatMap((role) => [
    of(role, { initiator_id: absent, push_amount: "-1" }, 105),
    of(role, { initiator_id: absent, lock_period: "-1" }, 1011),
    of(role, { lock_period: "-1", minimum_depth: "-1" }, 105),
    of(role, { protocol: "xml", role: undefined }, "crashed")
  ]),
  ...both("minimum_depth", ["-1"], "closed"),
  of("responder", { port: "-1" }, "closed"),
  of("responder", { port: "65536" }, "closed"),
  // Coming back.
  ...both("existing_channel_id", ["", "nonsense", account, channel], "closed")
]

export const applied = (query: string, changes: OpeningRow["changes"]): string => {
  const parts = new Map(query.split("&").map((part) => [part.slice(0, part.indexOf("=")), part] as const))
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) parts.delete(name)
    else parts.set(name, `${name}=${encodeURIComponent(value)}`)
  }
  return [...parts.values()].join("&")
}

/** Coming back to a channel whose two machines run: with which id, and what becomes of it. */
export interface BackRow {
  readonly name: string
  readonly role: Role
  /** Undefined: left out. */
  readonly fsmId: (pair: Pair) => string | undefined
  readonly outcome: Outcome
}

const fsmIdOf = ({ log }: Party): string => String(at(log[0] ?? null, "params", "data", "fsm_id"))

const withByte = (text: string, index: number): string => {
  const bytes = Uint8Array.from(ApiEncoding.decodeOrThrow("ba", text))
  bytes[index] = (bytes[index] ?? 0) ^ 1
  return ApiEncoding.encode("ba", bytes)
}

export const backRows: ReadonlyArray<BackRow> = roles.flatMap((role) => {
  const back = (name: string, outcome: Outcome, fsmId: BackRow["fsmId"]): BackRow => ({
    name: `${role}: ${name}`,
    role,
    fsmId,
    outcome
  })
  return [
    back("no id", 2000, () => undefined),
    back("an id that is none", 1016, () => "nonsense"),
    back("an id of another kind", 1016, () => account),
    back("an id that is too short", 1016, () => ApiEncoding.encode("ba", new Uint8Array(31))),
    back("an id of nobody", 1016, () => ApiEncoding.encode("ba", new Uint8Array(32))),
    back("the other end's id", 1016, (pair) =>
      fsmIdOf(pair[role === "initiator" ? "responder" : "initiator"])
    ),
    back("an id whose first byte is wrong", 1016, (pair) => withByte(fsmIdOf(pair[role]), 0)),
    back("an id whose last byte is wrong", 1016, (pair) => withByte(fsmIdOf(pair[role]), 31))
  ]
})

/** What only shows when the two ends meet. Both sign whatever they are asked to sign. */
export interface LateRow {
  readonly name: string
  readonly changes: { readonly [R in Role]?: Partial<RequestedParameters> }
  /** What each client hears after `fsm_up`. */
  readonly initiator: ReadonlyArray<string>
  readonly responder: ReadonlyArray<string>
}

const died = "info died"
const signs = ["info channel_accept", "sign.initiator_sign"]

const unlike = ["info channel_open", "info bad_state_hash", died]

export const lateRows: ReadonlyArray<LateRow> = [
  ...(["initiatorAmount", "responderAmount", "pushAmount"] as const).map((name) => ({
    name: `another ${name} at the responder`,
    changes: { responder: { [name]: amount / 2n } },
    initiator: [...signs, died],
    responder: unlike
  })),
  {
    name: "one account at both ends",
    changes: { initiator: { initiatorId: responder.address }, responder: { initiatorId: responder.address } },
    initiator: [died],
    responder: ["info channel_open", died]
  },
  {
    name: "a fee that is too low for the create transaction",
    changes: { initiator: { fee: 1n } },
    initiator: ["info channel_accept", died],
    responder: ["info channel_open", died]
  },
  {
    name: "a nonce that a channel of the same parties has used",
    changes: { initiator: { nonce: 1n } },
    initiator: [...signs, died],
    responder: ["info channel_open", died]
  },
  {
    name: "a nonce that no account starts with",
    changes: { initiator: { nonce: 0n } },
    initiator: [...signs, died],
    responder: ["info channel_open", died]
  },
  {
    name: "a nonce that is too high for the mempool",
    changes: { initiator: { nonce: 10_000n } },
    initiator: [...signs, died],
    responder: [
      "info channel_open",
      "info funding_created",
      "sign.responder_sign",
      "on_chain_tx funding_created",
      "info peer_disconnected",
      died
    ]
  }
]

/** Differences that are none: the create transaction decides, or each has its own. */
export const agreedRows: ReadonlyArray<Partial<RequestedParameters>> = [
  { lockPeriod: 3 },
  { channelReserve: 1n },
  { minimumDepth: 1, minimumDepthStrategy: "plain" }
]
