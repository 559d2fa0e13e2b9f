/** A machine without contracts: operands are immediate values, results are kept, gas is the rule of the engine. */
import * as Trees from "../../../src/state/Trees.js"
import type { Environment } from "../../../src/fate/Environment.js"
import { type Machine, Mode, type Operand, fail } from "../../../src/fate/internal/machine.js"
import { operations } from "../../../src/fate/internal/operations.js"
import { Stores } from "../../../src/fate/internal/store.js"
import { opcodes } from "../../../src/fate/Opcodes.js"
import { reference, type Value } from "../../../src/fate/Value.js"
import { native } from "../../support/TestCrypto.js"

const key = new Uint8Array(32).fill(7)

const environment = (protocol: number): Environment => ({
  networkId: "ae_uat",
  protocol,
  block: { _tag: "PinnedBlock", height: 1, timestamp: 1, beneficiary: key, difficulty: 1n },
  gasLimit: 6_000_000,
  chain: {
    balance: () => undefined,
    blockHash: () => undefined,
    isContract: () => false,
    isPayable: () => true,
    oracle: () => undefined,
    oracleQuery: () => undefined,
    name: () => undefined
  }
})

/** The machine, what was last written, and the gas that is left. */
export interface PlainMachine extends Machine {
  readonly results: Array<Value>
  readonly stack: Array<Value>
}

export const plainMachine = (
  options: { gas?: number; vm?: number; protocol?: number } = {}
): PlainMachine => {
  let gas = options.gas ?? 1_000_000
  let created = 0
  const results: Array<Value> = []
  const stack: Array<Value> = []
  const spend = (amount: number): void => {
    if (amount > gas) fail("Out of gas")
    gas -= amount
  }
  return {
    results,
    stack,
    environment: environment(options.protocol ?? 6),
    crypto: native,
    vm: options.vm ?? 8,
    contract: key,
    caller: reference("address", key),
    origin: key,
    value: 0n,
    gasPrice: 1n,
    fee: 0n,
    trees: Trees.empty,
    stores: new Stores(Trees.empty.contracts),
    get gas() {
      return gas
    },
    log: () => undefined,
    peek: (operand) => {
      if (operand?.mode === Mode.immediate) return operand.value
      return stack.at(-1) ?? fail("Stack overflow when pop:ing 1 elements")
    },
    read: (operand) => {
      if (operand?.mode === Mode.immediate) return operand.value
      return stack.pop() ?? fail("Stack overflow when pop:ing 1 elements")
    },
    write: (_operand, value) => void results.push(value),
    push: (value) => void results.push(value),
    pop: () => stack.pop() ?? fail("Stack overflow when pop:ing 1 elements"),
    spend,
    cells: (n) => {
      const count = Number(n) < 0 ? -Number(n) + 2 : Number(n)
      created += count
      spend(created <= 1024 ? count : count * (1 + Math.floor(created / 1024)))
    },
    traverse: () => spend(1),
    unfold: (value) => value
  }
}

const numbers = new Map(opcodes.map((opcode) => [opcode.mnemonic, opcode.number]))
const target: Operand = { mode: Mode.stack }

/** Does one operation on immediate values and answers its result. */
export const perform = (machine: PlainMachine, mnemonic: string, ...values: ReadonlyArray<Value>): Value => {
  const operation = operations[numbers.get(mnemonic) ?? -1]
  if (operation === undefined) throw new Error(`no operation ${mnemonic}`)
  operation(machine, [target, ...values.map((value): Operand => ({ mode: Mode.immediate, value }))])
  const result = machine.results.pop()
  if (result === undefined) throw new Error(`${mnemonic} has no result`)
  return result
}

/** How the operation ends on a new machine: its result or the text of what it threw. */
export const outcome = (
  options: { gas?: number; vm?: number; protocol?: number },
  mnemonic: string,
  ...values: ReadonlyArray<Value>
): Value | { readonly failed: string } | { readonly crashed: string } => {
  try {
    return perform(plainMachine(options), mnemonic, ...values)
  } catch (thrown) {
    if (typeof thrown === "object" && thrown !== null && "text" in thrown)
      return { failed: String(thrown.text) }
    if (typeof thrown === "object" && thrown !== null && "reason" in thrown)
      return { crashed: String(thrown.reason) }
    throw thrown
  }
}

/** Milliseconds for the unpaid work of a run: the second that it is meant to take, on a busy machine. */
export const longest = 5000

/** What a run may repeat: a failure does not end it, as in protected calls. Answers how it went. */
export const exhaust = (
  mnemonic: string,
  ...values: ReadonlyArray<Value>
): { readonly count: number; readonly elapsed: number; readonly refused: boolean } => {
  const machine = plainMachine()
  const started = performance.now()
  let refused = false
  let count = 0
  for (; count < 10_000 && !refused; count++) {
    try {
      perform(machine, mnemonic, ...values)
    } catch (thrown) {
      refused = typeof thrown === "object" && thrown !== null && "reason" in thrown
    }
  }
  const elapsed = Math.round(performance.now() - started)
  console.log(`${mnemonic}: ${count} times in ${elapsed} ms${refused ? ", then refused" : ""}`)
  return { count, elapsed, refused }
}
