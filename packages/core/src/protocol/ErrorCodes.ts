/**
 * The error codes of the API: what a refusal says, and which refusal a node gives for which reason.
 *
 * Specification: channel WebSocket API, errors and signing error replies.
 *
 * @since 0.1.0
 */
import type { Refusal } from "./NodeMessage.js"

/**
 * Texts of the top-level codes. The node never sends -32700, -32602 and 1.
 *
 * @since 0.1.0
 * @category tables
 */
export const errorTexts: ReadonlyMap<number, string> = new Map([
  [-32700, "Parse error"],
  [-32000, "Invalid request"],
  [-32601, "Method not found"],
  [-32602, "Invalid params"],
  [-32603, "Internal error"],
  [1, "Unauthorized"],
  [2, "Action not allowed"],
  [3, "Rejected"]
])

/**
 * Texts of the codes in `error.data`.
 *
 * @since 0.1.0
 * @category tables
 */
export const dataTexts: ReadonlyMap<number, string> = new Map([
  [100, "X doesn't exist"],
  [101, "Requires coin"],
  [102, "Gas too low"],
  [103, "Gas limit exceeded"],
  [104, "Rejected"],
  [105, "Value too low"],
  [106, "Timeout"],
  [107, "Conflict"],
  [108, "Not ready"],
  [1001, "Insufficient balance"],
  [1002, "Negative amount"],
  [1003, "Invalid pubkeys"],
  [1004, "Call not found"],
  [1005, "Broken encoding: account pubkey"],
  [1006, "Broken encoding: contract pubkey"],
  [1007, "Contract init failed"],
  [1008, "Not a number"],
  [1009, "Broken encoding: contract bytearray"],
  [1010, "Broken encoding: transaction"],
  [1011, "Participant not found"],
  [1012, "Offchain tx expected"],
  [1013, "Tx already on-chain"],
  [1014, "Invalid meta object"],
  [1015, "Invalid error code (expect 1...65535)"],
  [1016, "Invalid fsm id"],
  [1017, "Bad signature"],
  [1018, "Not allowed at current channel state"],
  [1019, "ABI version mismatch"],
  [1020, "VM version mismatch"],
  [2000, "Missing field: existing_fsm_id"]
])

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

const conflictTexts: ReadonlyMap<number, string> = new Map([
  [1, "validation error"],
  [2, "conflict"],
  [3, "timeout"],
  [4, "abort"],
  [5, "rejected on-chain"]
])

/**
 * The `error_msg` of a conflict report with this code: 128 and above is `user-defined`, 6 to 127 is `unknown`.
 *
 * @since 0.1.0
 * @category getters
 */
export const conflictText = (code: number): string =>
  conflictTexts.get(code) ?? (code >= 128 ? "user-defined" : "unknown")
