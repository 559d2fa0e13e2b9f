/**
 * The states of a channel's state machine as one table: which timer runs, what happens to messages no handler takes,
 * and whether requests wait until the state changes.
 *
 * Specification: channel state machine, states and timers.
 *
 * @since 0.1.0
 */
import type { Role, TimerName } from "../../protocol/OpenParameters.js"

/**
 * What happens to a message that the state has no handler for:
 *
 * - `error_all`: the machine stops; requests are refused with 108
 * - `error`: the machine stops
 * - `postpone`: it waits and is taken again right after the next change of state
 * - `discard`: it is dropped
 *
 * @since 0.1.0
 * @category models
 */
export type DefaultMode = "error_all" | "error" | "postpone" | "discard"

/**
 * One row of the table of states.
 *
 * @since 0.1.0
 * @category models
 */
export interface StateRow {
  /** Who can be in this state. */
  readonly role: Role | "both"
  /** The timer that runs while the machine is in this state. */
  readonly timer: TimerName
  readonly mode: DefaultMode
  /** Whether a request without a handler waits for the next state (else it is refused). */
  readonly transition: boolean
  /** Whether a forced progress on chain interrupts the state at once. */
  readonly interruptible: boolean
}

const row = (
  role: StateRow["role"],
  timer: TimerName,
  mode: DefaultMode,
  options: { readonly transition?: true; readonly uninterruptible?: true } = {}
): StateRow => ({
  role,
  timer,
  mode,
  transition: options.transition === true,
  interruptible: options.uninterruptible !== true
})

/**
 * The table of states, in the order in which a channel can pass through them.
 *
 * @since 0.1.0
 * @category tables
 */
export const states = {
  awaiting_connect: row("initiator", "accept", "postpone"),
  initialized: row("initiator", "initialized", "postpone", { uninterruptible: true }),
  awaiting_open: row("responder", "awaiting_open", "error_all", { transition: true, uninterruptible: true }),
  accepted: row("responder", "funding_create", "postpone", { uninterruptible: true }),
  awaiting_signature: row("both", "sign", "postpone", { transition: true }),
  half_signed: row("initiator", "funding_sign", "postpone", { uninterruptible: true }),
  awaiting_locked: row("both", "funding_lock", "error", { transition: true, uninterruptible: true }),
  signed: row("both", "funding_lock", "postpone"),
  open: row("both", "idle", "discard"),
  awaiting_update_ack: row("both", "accept", "postpone", { transition: true }),
  dep_half_signed: row("both", "funding_sign", "error"),
  wdraw_half_signed: row("both", "funding_sign", "error"),
  dep_signed: row("both", "funding_lock", "error"),
  wdraw_signed: row("both", "funding_lock", "error"),
  awaiting_leave_ack: row("both", "accept", "postpone", { transition: true }),
  mutual_closing: row("both", "accept", "error", { transition: true }),
  mutual_closed: row("both", "idle", "postpone", { uninterruptible: true }),
  channel_closing: row("both", "idle", "discard"),
  channel_closed: row("both", "idle", "discard", { uninterruptible: true }),
  awaiting_reestablish: row("responder", "idle", "postpone", { uninterruptible: true }),
  reestablish_init: row("initiator", "accept", "postpone", { uninterruptible: true })
} as const satisfies Record<string, StateRow>

/**
 * The name of a state.
 *
 * @since 0.1.0
 * @category models
 */
export type StateName = keyof typeof states

/**
 * The row of a state.
 *
 * @since 0.1.0
 * @category getters
 */
export const stateRow = (name: StateName): StateRow => states[name]

/**
 * How long each timer runs, in milliseconds, unless the opening says otherwise. The last two are overrides for single
 * states and follow `accept` and `idle`.
 *
 * @since 0.1.0
 * @category tables
 */
export const defaultTimeouts = {
  accept: 120_000,
  funding_create: 120_000,
  funding_sign: 120_000,
  funding_lock: 360_000,
  idle: 600_000,
  sign: 500_000
} as const satisfies Partial<Record<TimerName, number>>

/**
 * The timers of an opening: what it gives, merged with the defaults (milliseconds).
 *
 * @since 0.1.0
 * @category constructors
 */
export const timeoutsOf = (given: Partial<Record<TimerName, number>>): Record<TimerName, number> => {
  const merged = { ...defaultTimeouts, ...given }
  return {
    ...merged,
    initialized: given.initialized ?? merged.accept,
    awaiting_open: given.awaiting_open ?? merged.idle
  }
}
