/** Contracts written down as instructions. */
import * as CodeObject from "../../../src/chain/CodeObject.js"
import * as Bytes from "../../../src/encoding/Bytes.js"
import * as Bytecode from "../../../src/fate/Bytecode.js"
import type { Instruction, Operand } from "../../../src/fate/internal/machine.js"
import * as SortedMap from "../../../src/fate/internal/sortedMap.js"
import * as Opcodes from "../../../src/fate/Opcodes.js"
import type { Type } from "../../../src/fate/Type.js"
import * as Value from "../../../src/fate/Value.js"
import * as ValueCodec from "../../../src/fate/ValueCodec.js"

export const op = (mnemonic: string, ...operands: ReadonlyArray<Operand>): Instruction => {
  const found = Opcodes.opcodes.find((each) => each.mnemonic === mnemonic)
  if (found === undefined) throw new Error(`no operation ${mnemonic}`)
  return { opcode: found.number, operands }
}

export const stack: Operand = { mode: 0 }
export const argument = (index: number): Operand => ({ mode: 1, index })
/** Negative for a register of the store. */
export const variable = (index: number): Operand => ({ mode: 2, index })
export const immediate = (value: Value.Value): Operand => ({ mode: 3, value })

/** The types of its arguments, that of its result, and its blocks. */
export type Body = readonly [
  args: ReadonlyArray<Type>,
  result: Type,
  blocks: ReadonlyArray<ReadonlyArray<Instruction>>
]

/** The byte code of public functions that take no money. */
export const byteCode = (bodies: { readonly [name: string]: Body }): Uint8Array => {
  const functions = Object.entries(bodies).map(
    ([name, [args, result, blocks]]): [string, Bytecode.FateFunction] => {
      const id = Bytecode.functionId(name)
      const flags = { attributes: 0, private: false, payable: false }
      return [Bytes.toHex(id), { id, ...flags, arguments: args, result, blocks }]
    }
  )
  const annotations = ValueCodec.encode(Value.map(SortedMap.fromEntries([])))
  return Bytecode.encode({ functions: new Map(functions), symbols: new Map(), annotations })
}

/** Byte code as the code of a contract. */
export const codeOf = (bytes: Uint8Array): Uint8Array =>
  CodeObject.encode({
    sourceHash: new Uint8Array(32),
    typeInfo: [],
    byteCode: bytes,
    compilerVersion: Bytes.utf8("8.0.0"),
    payable: false
  })
