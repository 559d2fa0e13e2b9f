/** A plain machine that sees a chain, with nothing on it unless the test says so, or with a view that cannot answer. */
import type { Trees } from "../../../src/state/Trees.js"
import type { ChainReads, Environment } from "../../../src/fate/Environment.js"
import * as ChainEnvironment from "../../../src/fate/Environment.js"
import { MissingRead, Mode, type Operand } from "../../../src/fate/internal/machine.js"
import { operations } from "../../../src/fate/internal/operations.js"
import { opcodes } from "../../../src/fate/Opcodes.js"
import type { Value } from "../../../src/fate/Value.js"
import type { ChainRead } from "../../../src/state/ChainRead.js"
import type { LogEntry } from "../../../src/chain/CallObject.js"
import { type PlainMachine, plainMachine } from "./plainMachine.js"

export interface ChainMachine extends PlainMachine {
  readonly entries: Array<LogEntry>
}

export const chainMachine = (
  options: {
    readonly vm?: number
    readonly trees?: Trees
    readonly chain?: Partial<ChainReads>
    readonly environment?: Partial<Environment>
  } = {}
): ChainMachine => {
  const plain = plainMachine(options.vm === undefined ? {} : { vm: options.vm })
  const entries: Array<LogEntry> = []
  return {
    ...plain,
    get gas() {
      return plain.gas
    },
    entries,
    ...(options.trees === undefined ? {} : { trees: options.trees }),
    environment: {
      ...plain.environment,
      ...options.environment,
      chain: { ...plain.environment.chain, ...options.chain }
    },
    log: (entry) => void entries.push(entry),
    peek: (operand) => {
      const top = plain.stack.at(-1)
      if (operand?.mode === Mode.immediate) return operand.value
      if (top === undefined) throw new Error("nothing on the stack")
      return top
    }
  }
}

const { unavailable } = ChainEnvironment

/** What a view without the chain answers. */
export const blind: Pick<Environment, "block" | "chain"> = {
  block: unavailable({ _tag: "Block" }),
  chain: {
    balance: (account) => unavailable({ _tag: "Balance", account }),
    blockHash: (height) => unavailable({ _tag: "BlockHash", height }),
    isContract: (contract) => unavailable({ _tag: "IsContract", contract }),
    isPayable: (account) => unavailable({ _tag: "IsPayable", account }),
    oracle: (oracle) => unavailable({ _tag: "Oracle", oracle }),
    oracleQuery: (oracle, query) => unavailable({ _tag: "OracleQuery", oracle, query }),
    name: (name) => unavailable({ _tag: "Name", name })
  }
}

/** The read that an operation could not do without. */
export const missingRead = (run: () => unknown): ChainRead | undefined => {
  try {
    run()
  } catch (thrown) {
    if (thrown instanceof MissingRead) return thrown.read
    throw thrown
  }
  return undefined
}

/** Does an operation whose operands are all read. */
export const perform = (machine: ChainMachine, mnemonic: string, ...values: ReadonlyArray<Value>): void => {
  const number = opcodes.find((opcode) => opcode.mnemonic === mnemonic)?.number ?? -1
  const operation = operations[number]
  if (operation === undefined) throw new Error(`no operation ${mnemonic}`)
  operation(
    machine,
    values.map((value): Operand => ({ mode: Mode.immediate, value }))
  )
}
