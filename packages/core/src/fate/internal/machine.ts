/**
 * What an operation sees of the engine. The engine is one mutable object for one run; nothing of it is seen outside.
 */
import type { Trees } from "../../state/Trees.js"
import type { LogEntry } from "../../chain/CallObject.js"
import type { ChainRead } from "../../state/ChainRead.js"
import type { CryptoService } from "../../crypto/Crypto.js"
import type { Environment } from "../Environment.js"
import type { Reference, Value } from "../Value.js"
import type { Stores } from "./store.js"

/** How a value is walked for gas (the traversal models of the gas rules). */
export type TraversalModel = "simple" | "serial" | "unfold" | "unfold_compare" | "unfold_serial" | "final"

/** Modes of operands as they stand in code. */
export const Mode = { stack: 0, argument: 1, variable: 2, immediate: 3 } as const

/** An operand: of the stack, argument or variable `index` (negative: store register), or an immediate value. */
export type Operand =
  | { readonly mode: 0 }
  | { readonly mode: 1; readonly index: number }
  | { readonly mode: 2; readonly index: number }
  | { readonly mode: 3; readonly value: Value }

export interface Instruction {
  readonly opcode: number
  readonly operands: ReadonlyArray<Operand>
}

export interface Machine {
  readonly environment: Environment
  readonly crypto: CryptoService
  /** FATE version (5, 7, 8) of the contract that runs now. */
  readonly vm: number
  /** Key of the contract that runs now. */
  readonly contract: Uint8Array
  /** Who called it: `address` reference. */
  readonly caller: Reference
  readonly origin: Uint8Array
  /** In aettos. */
  readonly value: bigint
  readonly gasPrice: bigint
  readonly fee: bigint
  /** Gas left. */
  readonly gas: number
  /** Accounts and contracts as they are now (stores excepted, which are in `stores`). */
  trees: Trees
  readonly stores: Stores
  /** Newest first when the run ends; `log` pushes. */
  readonly log: (entry: LogEntry) => void

  /** The value of an operand; the stack is popped, a store register costs its first read. */
  readonly read: (operand: Operand | undefined) => Value
  /** What `read` would give, without its effects: nothing is popped, paid or remembered. Fails as `read` does. */
  readonly peek: (operand: Operand | undefined) => Value
  /** Puts a value where the operand says; the stack is pushed (one cell). */
  readonly write: (operand: Operand | undefined, value: Value) => void
  readonly push: (value: Value) => void
  readonly pop: () => Value

  /** Takes gas; ends the run with `Out of gas` if there is not enough. */
  readonly spend: (gas: number) => void
  /** Takes the gas of `n` new cells. */
  readonly cells: (n: number | bigint) => void
  /** Takes the gas of walking a value (nothing before Iris). */
  readonly traverse: (value: Value, model: TraversalModel) => void
  /** Takes the gas of unfolding and replaces store maps by plain maps. */
  readonly unfold: (value: Value, model: "unfold" | "unfold_compare" | "unfold_serial") => Value
}

/**
 * The run (or the protected call) ends with an error text in latin1. Nobody reads the text where a protected call
 * ends, so what is long in the making is made when it is read.
 */
export class Failure {
  readonly _tag = "Failure"
  readonly #text: string | (() => string)

  constructor(text: string | (() => string)) {
    this.#text = text
  }

  get text(): string {
    return typeof this.#text === "string" ? this.#text : this.#text()
  }
}

/** The run (or the protected call) ends with `ABORT`. */
export class Reversion {
  readonly _tag = "Reversion"
  constructor(readonly value: Value) {}
}

/** What the reference engine crashes on: the update is rejected. */
export class Crash {
  readonly _tag = "Crash"
  constructor(readonly reason: string) {}
}

/** What the reference engine may well do, but this one does not: a protected call does not catch it. */
export class Refusal extends Crash {}

/** The chain could not be read. */
export class MissingRead {
  readonly _tag = "MissingRead"
  constructor(readonly read: ChainRead) {}
}

/** Ends the run with an error text. */
export const fail = (text: string | (() => string)): never => {
  throw new Failure(text)
}

/** Rejects the update. */
export const crash = (reason: string): never => {
  throw new Crash(reason)
}

/** Rejects the update because of the limits of this engine. */
export const refuse = (reason: string): never => {
  throw new Refusal(reason)
}

/** An operation of the table: base gas is taken and the version checked before. */
export type Operation = (machine: Machine, operands: ReadonlyArray<Operand>) => void
export type Operations = { readonly [mnemonic: string]: Operation }
