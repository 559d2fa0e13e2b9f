/**
 * What a run comes back to: calls within a contract, calls of other contracts and what is to be seen to between. Lists
 * that share their tails, so that going back to an earlier point is going back to an earlier list.
 */
import type { Trees } from "../../state/Trees.js"
import type { Reference, Value } from "../Value.js"
import type { Engine } from "./engine.js"
import type { Code, Program } from "./programs.js"
import type { Snapshot } from "./store.js"
import type { Bindings, Shape } from "./typing.js"

/** Arguments and variables of a function; those with unusual numbers are in `far`. */
export interface Memory {
  readonly args: Array<Value | undefined>
  readonly vars: Array<Value | undefined>
  far: Map<string, Value> | undefined
}

/** Contracts that are being called, the latest first. */
export interface Seen {
  readonly contract: Uint8Array
  readonly before: Seen | undefined
}

/** Contracts whose code was loaded, the latest first. */
export interface Loaded {
  readonly contract: Uint8Array
  readonly program: Program
  readonly before: Loaded | undefined
}

/** Where a call came from. */
export interface LocalFrame {
  readonly kind: "local"
  readonly below: Frame | undefined
  readonly code: Code
  /** The block to go on with. */
  readonly block: number
  /** The stack of the caller ends at `height` and begins at `base`. */
  readonly height: number
  readonly base: number
  readonly memory: Memory
  readonly value: bigint
}

export interface RemoteFrame extends Omit<LocalFrame, "kind"> {
  readonly kind: "remote"
  readonly contract: Uint8Array
  readonly caller: Reference
  readonly program: Program
  readonly seen: Seen | undefined
}

/** The result must be of a type. A protected call goes back to `stores` and `trees` if it fails. */
export interface CheckFrame {
  readonly kind: "check"
  readonly below: Frame | undefined
  readonly type: Shape
  readonly bindings: Bindings
  readonly protected: { readonly stores: Snapshot; readonly trees: Trees } | undefined
}

/** Something is done with the result. */
export interface ContinuationFrame {
  readonly kind: "continuation"
  readonly below: Frame | undefined
  readonly contract: Uint8Array
  readonly run: (engine: Engine) => void
}

/** Gas that is held back from a call. */
export interface ReserveFrame {
  readonly kind: "reserve"
  readonly below: Frame | undefined
  readonly gas: number
}

export type Frame = LocalFrame | RemoteFrame | CheckFrame | ContinuationFrame | ReserveFrame

/** The gas that is held back in all frames. */
export const reserves = (frames: Frame | undefined): number => {
  let gas = 0
  for (let frame = frames; frame !== undefined; frame = frame.below)
    if (frame.kind === "reserve") gas += frame.gas
  return gas
}

/** Whether some call on the way is protected. */
export const isProtected = (frames: Frame | undefined): boolean => {
  for (let frame = frames; frame !== undefined; frame = frame.below)
    if (frame.kind === "check" && frame.protected !== undefined) return true
  return false
}
