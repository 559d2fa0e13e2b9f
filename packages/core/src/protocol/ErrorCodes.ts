/**
 * The error codes of the API: what a refusal says, and which refusal a node gives for which reason.
 *
 * Specification: channel WebSocket API, errors and signing error replies.
 *
 * @since 0.1.0
 */
import type { Refusal } from "./NodeMessage.js"

/**
 * One code of the API: its text, whether nodes send it, and when.
 *
 * @since 0.1.0
 * @category models
 */
export interface CodeRow {
  readonly code: number
  readonly text: string
  /** Whether any node ever sends it. */
  readonly sent: boolean
  /** When it is sent, or what happens instead. */
  readonly when: string
}

/**
 * A code of `error.data`.
 *
 * @since 0.1.0
 * @category models
 */
export interface DataCodeRow extends CodeRow {
  /** What the legacy dialect says in its place; nothing for what no node sends. */
  readonly reason: string | undefined
  /** Whether nodes before July 2019 (json-rpc with `tx`, legacy) know it. */
  readonly old: boolean
}

/**
 * The top-level codes, one row each.
 *
 * @since 0.1.0
 * @category tables
 */
export const topLevelCodes: ReadonlyArray<CodeRow> = [
  {
    code: -32700,
    text: "Parse error",
    sent: false,
    when: "A frame that is no JSON. It is dropped without an answer."
  },
  {
    code: -32000,
    text: "Invalid request",
    sent: true,
    when: "`channels.message` whose `info` is no string or has more than 65000 UTF-8 bytes."
  },
  {
    code: -32601,
    text: "Method not found",
    sent: true,
    when: "A method that is not known; a known one without a required parameter, or with `params` that are missing or no object; an unknown action of `channels.system`."
  },
  {
    code: -32602,
    text: "Invalid params",
    sent: false,
    when: "Parameters that do not fit are -32601 or 3."
  },
  {
    code: -32603,
    text: "Internal error",
    sent: true,
    when: "Every reason without a code of its own: the state does not allow the request, a deposit or withdrawal of 0, a malformed `fee`, `gas_price`, `nonce` or `block_hash`, a signing error code outside 1 to 65535, an unknown recipient, and so on. Never with `data`."
  },
  {
    code: 1,
    text: "Unauthorized",
    sent: false,
    when: "Reserved."
  },
  {
    code: 2,
    text: "Action not allowed",
    sent: true,
    when: "With data code 1012."
  },
  {
    code: 3,
    text: "Rejected",
    sent: true,
    when: "With all other data codes."
  }
]

/**
 * The codes in `error.data`, one row each.
 *
 * @since 0.1.0
 * @category tables
 */
export const dataCodes: ReadonlyArray<DataCodeRow> = [
  {
    code: 100,
    text: "X doesn't exist",
    reason: "not_found",
    sent: true,
    old: true,
    when: "`get.contract` and `get.poi` of something that is not there."
  },
  {
    code: 101,
    text: "Requires coin",
    reason: undefined,
    sent: false,
    old: true,
    when: "Reserved."
  },
  {
    code: 102,
    text: "Gas too low",
    reason: undefined,
    sent: false,
    old: true,
    when: "Reserved."
  },
  {
    code: 103,
    text: "Gas limit exceeded",
    reason: undefined,
    sent: false,
    old: true,
    when: "Reserved."
  },
  {
    code: 104,
    text: "Rejected",
    reason: "broken_encoding",
    sent: true,
    old: true,
    when: "An encoding that is broken in a way without a code of its own. Nodes until spring 2019, and none since."
  },
  {
    code: 105,
    text: "Value too low",
    reason: "value_too_low",
    sent: true,
    old: true,
    when: "Openings: an amount below the reserve, a negative amount, reserve, push or lock period."
  },
  {
    code: 106,
    text: "Timeout",
    reason: undefined,
    sent: false,
    old: true,
    when: "Reserved; timeouts are reported."
  },
  {
    code: 107,
    text: "Conflict",
    reason: "conflict",
    sent: true,
    old: true,
    when: "A proposal at the wrong time, from nodes until 2019. Newer ones accept it and report the conflict."
  },
  {
    code: 108,
    text: "Not ready",
    reason: "not_ready",
    sent: true,
    old: false,
    when: "Requests to a responder whose peer has not come yet."
  },
  {
    code: 1001,
    text: "Insufficient balance",
    reason: "insufficient_balance",
    sent: true,
    old: true,
    when: "A transfer, contract creation, call or closing fee that a balance (less the reserve) does not cover."
  },
  {
    code: 1002,
    text: "Negative amount",
    reason: "negative_amount",
    sent: true,
    old: true,
    when: "A transfer, deposit or withdrawal of less than 0."
  },
  {
    code: 1003,
    text: "Invalid pubkeys",
    reason: "invalid_pubkeys",
    sent: true,
    old: true,
    when: "A transfer from an account to itself, or with an account that is no party."
  },
  {
    code: 1004,
    text: "Call not found",
    reason: "call_not_found",
    sent: true,
    old: true,
    when: "`get.contract_call` of a call that is not there."
  },
  {
    code: 1005,
    text: "Broken encoding: account pubkey",
    reason: "broken_encoding: accounts",
    sent: true,
    old: true,
    when: "Text that is no `ak_…`. In `force_progress` for every broken text."
  },
  {
    code: 1006,
    text: "Broken encoding: contract pubkey",
    reason: "broken_encoding: contracts",
    sent: true,
    old: true,
    when: "Text that is no `ct_…`. Together with 1005 in `get.poi` and `get.contract_call`."
  },
  {
    code: 1007,
    text: "Contract init failed",
    reason: "contract_init_failed",
    sent: true,
    old: true,
    when: "`update.new_contract` whose call data do not create a contract."
  },
  {
    code: 1008,
    text: "Not a number",
    reason: "not_a_number",
    sent: true,
    old: true,
    when: "An amount, deposit, gas price, version or round that is no JSON integer."
  },
  {
    code: 1009,
    text: "Broken encoding: contract bytearray",
    reason: "broken_code",
    sent: true,
    old: true,
    when: "Code or call data that are no `cb_…`. Together with 1006 in contract calls."
  },
  {
    code: 1010,
    text: "Broken encoding: transaction",
    reason: "broken_encoding: transaction",
    sent: true,
    old: true,
    when: "A signing reply that is no `tx_…`."
  },
  {
    code: 1011,
    text: "Participant not found",
    reason: "participant_not_found",
    sent: true,
    old: false,
    when: "Openings: a party's account is not on chain."
  },
  {
    code: 1012,
    text: "Offchain tx expected",
    reason: "not_offchain_tx",
    sent: true,
    old: false,
    when: "`snapshot_solo` while the latest state is an on-chain transaction. The only one with top-level code 2."
  },
  {
    code: 1013,
    text: "Tx already on-chain",
    reason: "already_onchain",
    sent: true,
    old: false,
    when: "`snapshot_solo` of a state that is not newer than the one on chain."
  },
  {
    code: 1014,
    text: "Invalid meta object",
    reason: "invalid_meta",
    sent: true,
    old: false,
    when: "`meta` that is no list of strings."
  },
  {
    code: 1015,
    text: "Invalid error code (expect 1...65535)",
    reason: undefined,
    sent: false,
    old: false,
    when: "A bad signing error code is answered with -32603."
  },
  {
    code: 1016,
    text: "Invalid fsm id",
    reason: "invalid_fsm_id",
    sent: true,
    old: false,
    when: "Coming back with an `existing_fsm_id` that is none, or not the right one."
  },
  {
    code: 1017,
    text: "Bad signature",
    reason: "bad_signature",
    sent: false,
    old: false,
    when: "Reserved for openings. Bad signatures end an operation by a report."
  },
  {
    code: 1018,
    text: "Not allowed at current channel state",
    reason: "not_allowed_now",
    sent: true,
    old: false,
    when: "A signing error reply at the wrong time, or to another signing request than the one that waits."
  },
  {
    code: 1019,
    text: "ABI version mismatch",
    reason: "wrong_abi_version",
    sent: true,
    old: false,
    when: "A contract call, dry run or forced call with another ABI than the contract's."
  },
  {
    code: 1020,
    text: "VM version mismatch",
    reason: "wrong_vm_version",
    sent: true,
    old: false,
    when: "A contract call with another VM than the contract's."
  },
  {
    code: 2000,
    text: "Missing field: existing_fsm_id",
    reason: "missing_existing_fsm_id",
    sent: true,
    old: false,
    when: "Coming back with `existing_channel_id` alone."
  }
]

const textsOf = (rows: ReadonlyArray<CodeRow>): ReadonlyMap<number, string> =>
  new Map(rows.map(({ code, text }) => [code, text]))

/**
 * Texts of the top-level codes. The node never sends -32700, -32602 and 1.
 *
 * @since 0.1.0
 * @category tables
 */
export const errorTexts: ReadonlyMap<number, string> = textsOf(topLevelCodes)

/**
 * Texts of the codes in `error.data`.
 *
 * @since 0.1.0
 * @category tables
 */
export const dataTexts: ReadonlyMap<number, string> = textsOf(dataCodes)

/**
 * The text of a top-level code; `Unknown error` for a code outside the table.
 *
 * @since 0.1.0
 * @category getters
 */
export const errorText = (code: number): string => errorTexts.get(code) ?? "Unknown error"

/**
 * The text of a data code; `Unknown error` for a code outside the table.
 *
 * @since 0.1.0
 * @category getters
 */
export const dataText = (code: number): string => dataTexts.get(code) ?? "Unknown error"

/**
 * A refusal with a top-level code and data codes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (code: number, data: ReadonlyArray<number> = []): Refusal => ({
  _tag: "Refusal",
  code,
  data
})

const internalError = make(-32603)
const methodNotFound = make(-32601)
const valueTooLow = make(3, [105])
const participantNotFound = make(3, [1011])

/**
 * The refusal of each reason. The names are those of the node's state machine and of its request handler; a reason
 * that is not listed is an internal error (-32603) without data.
 *
 * @since 0.1.0
 * @category tables
 */
export const reasons = {
  // The frame.
  parse_error: make(-32700),
  invalid_request: make(-32000),
  unhandled: methodNotFound,
  internal_error: internalError,
  // Requests.
  not_found: make(3, [100]),
  broken_encoding: make(3, [104]),
  broken_code: make(3, [104]),
  value_too_low: valueTooLow,
  conflict: make(3, [107]),
  not_ready: make(3, [108]),
  insufficient_balance: make(3, [1001]),
  negative_amount: make(3, [1002]),
  invalid_pubkeys: make(3, [1003]),
  call_not_found: make(3, [1004]),
  broken_encoding_account: make(3, [1005]),
  broken_encoding_contract: make(3, [1006]),
  contract_init_failed: make(3, [1007]),
  not_a_number: make(3, [1008]),
  broken_encoding_bytearray: make(3, [1009]),
  broken_encoding_transaction: make(3, [1010]),
  participant_not_found: participantNotFound,
  not_offchain_tx: make(2, [1012]),
  already_onchain: make(3, [1013]),
  invalid_meta: make(3, [1014]),
  invalid_fsm_id: make(3, [1016]),
  bad_signature: make(3, [1017]),
  not_allowed_now: make(3, [1018]),
  wrong_abi_version: make(3, [1019]),
  wrong_vm_version: make(3, [1020]),
  missing_existing_fsm_id: make(3, [2000]),
  // A code outside 1 to 65535 in a signing error reply. There is a code for it (1015), but no node sends it.
  error_code: internalError,
  // Openings.
  initiator_not_found: participantNotFound,
  responder_not_found: participantNotFound,
  insufficient_initiator_amount: valueTooLow,
  insufficient_responder_amount: valueTooLow,
  insufficient_amounts: valueTooLow,
  channel_reserve_too_low: valueTooLow,
  push_amount_too_low: valueTooLow,
  lock_period_too_low: valueTooLow,
  client_still_active: internalError,
  channel_count_limit_exceeded: internalError,
  failed_noise_session_start: internalError,
  responder_port_not_allowed: internalError
} as const satisfies Record<string, Refusal>

/**
 * A reason with a refusal of its own.
 *
 * @since 0.1.0
 * @category models
 */
export type Reason = keyof typeof reasons

const isReason = (reason: string): reason is Reason => Object.hasOwn(reasons, reason)

/**
 * The refusal a node gives for a reason: its row in {@link reasons}, or -32603 without data.
 *
 * @since 0.1.0
 * @category constructors
 */
export const refusal = (reason: string): Refusal => (isReason(reason) ? reasons[reason] : internalError)

const oldDataTexts: ReadonlyMap<number, string> = new Map([
  [1005, "Broken encoding: accounts"],
  [1006, "Broken encoding: contracts"]
])

/**
 * The text of a data code as nodes before July 2019 have it.
 *
 * @since 0.1.0
 * @category getters
 */
export const oldDataText = (code: number): string => oldDataTexts.get(code) ?? dataText(code)

const oldCodes: ReadonlySet<number> = new Set(dataCodes.filter(({ old }) => old).map(({ code }) => code))

/**
 * What a node before July 2019 says in the place of a refusal: codes that it does not know are internal errors there.
 *
 * @since 0.1.0
 * @category constructors
 */
export const oldRefusal = (given: Refusal): Refusal => {
  if (given.data.length === 0) return given
  const data = given.data.filter((code) => oldCodes.has(code))
  return data.length === 0 ? internalError : { ...given, data }
}

const byReason: ReadonlyMap<string, Refusal> = new Map([
  ["parse_error", reasons.parse_error],
  ["invalid_request", reasons.invalid_request],
  ["unhandled", reasons.unhandled],
  ["internal_error", internalError],
  ...dataCodes.flatMap(({ code, reason }) =>
    reason === undefined ? [] : [[reason, make(code === 1012 ? 2 : 3, [code])] as const]
  )
])

const reasonOf: ReadonlyMap<string, string> = new Map(
  [...byReason].map(([reason, { code, data }]) => [[code, ...data].join(), reason])
)

const broken = "broken_encoding: "

/**
 * A refusal as the legacy dialect tells it: one word, or `broken_encoding: ` and what is broken.
 *
 * @since 0.1.0
 * @category legacy
 */
export const legacyReason = ({ code, data }: Refusal): string => {
  const known = reasonOf.get([code, ...data].join())
  if (known !== undefined) return known
  const each = data.map((one) => reasonOf.get([code, one].join()) ?? "unknown")
  return data.length > 1 && each.every((one) => one.startsWith(broken))
    ? `${broken}${each.map((one) => one.slice(broken.length)).join(", ")}`
    : (each[0] ?? "internal_error")
}

/**
 * The refusal that a reason of the legacy dialect stands for; a reason that is not known is an internal error.
 *
 * @since 0.1.0
 * @category legacy
 */
export const fromLegacyReason = (reason: string): Refusal => {
  const known = byReason.get(reason)
  if (known !== undefined) return known
  if (!reason.startsWith(broken)) return internalError
  const parts = reason
    .slice(broken.length)
    .split(", ", 4)
    .map((what) => byReason.get(`${broken}${what}`))
    .filter((one) => one !== undefined)
  return parts.length === 0
    ? reasons.broken_encoding
    : make(3, [...new Set(parts.flatMap(({ data }) => data))])
}

/**
 * The codes of conflict reports and of signing errors, one row each; 128 to 65535 are the users' own.
 *
 * @since 0.1.0
 * @category tables
 */
export const conflictCodes: ReadonlyArray<CodeRow> = [
  {
    code: 1,
    text: "validation error",
    sent: true,
    when: "A signature or a proposal that does not hold. Also for clients that refuse to sign."
  },
  {
    code: 2,
    text: "conflict",
    sent: true,
    when: "Two proposals at a time, or one that the peer's node does not take. Also for clients that refuse to sign."
  },
  {
    code: 3,
    text: "timeout",
    sent: true,
    when: "An operation that was not ended in time. Also for clients that refuse to sign."
  },
  {
    code: 4,
    text: "abort",
    sent: true,
    when: "For clients that refuse to sign: no further reason."
  },
  {
    code: 5,
    text: "rejected on-chain",
    sent: true,
    when: "The chain does not take the transaction."
  }
]

const conflictTexts: ReadonlyMap<number, string> = textsOf(conflictCodes)

/**
 * The `error_msg` of a conflict report with this code: 128 and above is `user-defined`, 6 to 127 is `unknown`.
 *
 * @since 0.1.0
 * @category getters
 */
export const conflictText = (code: number): string =>
  conflictTexts.get(code) ?? (code >= 128 ? "user-defined" : "unknown")
