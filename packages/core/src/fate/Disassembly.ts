/**
 * Byte code as people read it.
 *
 * @since 0.1.0
 */
import * as Bytes from "../encoding/Bytes.js"
import type { FateFunction, Program } from "./Bytecode.js"
import { Mode, type Instruction, type Operand } from "./internal/machine.js"
import { typeText, valueText } from "./internal/valueText.js"
import * as Opcodes from "./Opcodes.js"
import type { Value } from "./Value.js"

type Symbols = Program["symbols"]

/**
 * The name of a function (by its 4 bytes of id) as the symbols of a program have it; its id in hexadecimal where they
 * lack it.
 *
 * @since 0.1.0
 * @category getters
 */
export const nameOf = (symbols: Symbols, id: Uint8Array): string => {
  const hex = Bytes.toHex(id)
  const name = symbols.get(hex)
  try {
    return name === undefined ? hex : Bytes.fromUtf8OrThrow(name)
  } catch {
    return hex
  }
}

const operandText = (operand: Operand): string => {
  switch (operand.mode) {
    case Mode.stack:
      return "a"
    case Mode.argument:
      return `arg${operand.index}`
    case Mode.variable:
      return operand.index < 0 ? `store${-operand.index}` : `var${operand.index}`
    case Mode.immediate:
      return valueText(operand.value)
  }
}

// The id of a known function among the operands tells more by its name.
const comment = (symbols: Symbols, operands: ReadonlyArray<Operand>): string => {
  for (const operand of operands)
    if (
      operand.mode === Mode.immediate &&
      typeof operand.value === "object" &&
      operand.value._tag === "string"
    )
      if (symbols.has(Bytes.toHex(operand.value.bytes))) return ` ; ${nameOf(symbols, operand.value.bytes)}`
  return ""
}

const instructionText = (symbols: Symbols, { opcode, operands }: Instruction): string => {
  const words = [Opcodes.byNumber(opcode)?.mnemonic ?? String(opcode), ...operands.map(operandText)]
  return `    ${words.join(" ")}${comment(symbols, operands)}`
}

const headerText = (symbols: Symbols, each: FateFunction): string => {
  const attributes = [each.private ? " private" : "", each.payable ? " payable" : ""].join("")
  const signature = `${typeText({ _tag: "tuple", elements: each.arguments })} => ${typeText(each.result)}`
  return `function ${nameOf(symbols, each.id)} ${Bytes.toHex(each.id)}${attributes} : ${signature}`
}

const functionLines = (symbols: Symbols, each: FateFunction): ReadonlyArray<string> => [
  headerText(symbols, each),
  ...each.blocks.flatMap((block, i) => [
    `  ${i}:`,
    ...block.map((instruction) => instructionText(symbols, instruction))
  ])
]

/**
 * The text of a program: a line for every function with name, id, attributes and types, then its blocks by number, an
 * instruction a line. `a` is the stack, `argN`, `varN` and `storeN` are arguments, variables and store registers;
 * integers, strings in quotes, `#` bytes, `(…)` tuples, `[…]` lists and `{…}` maps stand for themselves.
 *
 * @since 0.1.0
 * @category formatting
 */
export const text = (program: Program): string =>
  [...program.functions.values()].map((each) => functionLines(program.symbols, each).join("\n")).join("\n\n")

/**
 * A value in one line, as it stands among the instructions of a program.
 *
 * @since 0.1.0
 * @category formatting
 */
export const ofValue = (value: Value): string => valueText(value)
