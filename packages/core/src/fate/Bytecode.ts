/**
 * The byte code of FATE contracts: functions of basic blocks of instructions.
 *
 * Specification: æternity FATE virtual machine, byte code.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as CodeObject from "../chain/CodeObject.js"
import * as Hash from "../crypto/Hash.js"
import * as Bytes from "../encoding/Bytes.js"
import * as DecodeError from "../encoding/DecodeError.js"
import { Mode, type Instruction, type Operand } from "./internal/machine.js"
import { Reader } from "./internal/reader.js"
import * as SortedMap from "./internal/sortedMap.js"
import { readType, writeType } from "./internal/typeCodec.js"
import { readValue } from "./internal/valueReader.js"
import { Writer } from "./internal/writer.js"
import * as Opcodes from "./Opcodes.js"
import type { Type } from "./Type.js"
import { map, string, type Value } from "./Value.js"
import * as ValueCodec from "./ValueCodec.js"

/**
 * A function. Its `id` are 4 bytes; `attributes` is 1 for private plus 2 for payable. Every block ends with an
 * instruction that ends blocks.
 *
 * @since 0.1.0
 * @category models
 */
export interface FateFunction {
  readonly id: Uint8Array
  readonly attributes: number
  readonly private: boolean
  readonly payable: boolean
  readonly arguments: ReadonlyArray<Type>
  readonly result: Type
  readonly blocks: ReadonlyArray<ReadonlyArray<Instruction>>
}

/**
 * Parsed byte code: functions and the names of functions by id (hexadecimal); the annotations are the bytes of a value
 * that the machine ignores.
 *
 * @since 0.1.0
 * @category models
 */
export interface Program {
  readonly functions: ReadonlyMap<string, FateFunction>
  readonly symbols: ReadonlyMap<string, Uint8Array>
  readonly annotations: Uint8Array
}

const functionStart = 0xfe

/**
 * The id of a function: the first 4 bytes of the BLAKE2b hash of its name.
 *
 * @since 0.1.0
 * @category getters
 */
export const functionId = (name: string): Uint8Array => Hash.blake2b256(Bytes.utf8(name)).slice(0, 4)

const popped: Operand = { mode: Mode.stack }

const readIndex = (reader: Reader): number => {
  const index = Number(reader.integer())
  if (!Number.isSafeInteger(index))
    reader.fail("bad_index", "there are not that many arguments and variables")
  return index
}

const readOperand = (reader: Reader, mode: number): Operand => {
  switch (mode) {
    case Mode.stack:
      return popped
    case Mode.argument:
      return { mode: Mode.argument, index: readIndex(reader) }
    case Mode.variable:
      return { mode: Mode.variable, index: readIndex(reader) }
    default:
      return { mode: Mode.immediate, value: readValue(reader) }
  }
}

const noOperands: ReadonlyArray<Operand> = []

const readOperands = (reader: Reader, count: number): ReadonlyArray<Operand> => {
  if (count === 0) return noOperands
  // Two bits each, the first operand in the lowest; with two bytes the later operands come first.
  const high = count > 4 ? reader.byte() : 0
  const modes = 256 * high + reader.byte()
  if (modes >>> (2 * count) !== 0)
    reader.fail("unused_mode", "an operand is given that the instruction lacks")
  const operands: Array<Operand> = []
  for (let i = 0; i < count; i++) operands.push(readOperand(reader, (modes >>> (2 * i)) & 3))
  return operands
}

const readBlocks = (reader: Reader): ReadonlyArray<ReadonlyArray<Instruction>> => {
  const blocks: Array<ReadonlyArray<Instruction>> = []
  let block: Array<Instruction> = []
  while (reader.left > 0 && reader.peek() !== functionStart) {
    const number = reader.byte()
    const opcode =
      Opcodes.byNumber(number) ?? reader.fail("unknown_opcode", "there is no instruction with this number")
    block.push({ opcode: number, operands: readOperands(reader, opcode.operands.length) })
    if (!opcode.endsBlock) continue
    blocks.push(block)
    block = []
  }
  if (block.length > 0)
    reader.fail("unfinished_block", "the last instruction of a function does not leave it")
  return blocks
}

const readAttributes = (reader: Reader): number => {
  const value = reader.integer()
  // The machine looks at the bits of the magnitude.
  const attributes = value < 0n ? -value : value
  if (attributes > 3n) reader.fail("unknown_attribute", "a function has an unknown attribute")
  return Number(attributes)
}

const readFunction = (reader: Reader): FateFunction => {
  if (reader.byte() !== functionStart) reader.fail("no_function", "expected the start of a function")
  const id = reader.take(4)
  const attributes = readAttributes(reader)
  const parameters = readType(reader)
  if (parameters._tag !== "tuple")
    return reader.fail("bad_signature", "the arguments of a function are no tuple")
  const result = readType(reader)
  return {
    id,
    attributes,
    private: attributes % 2 === 1,
    payable: attributes >= 2,
    arguments: parameters.elements,
    result,
    blocks: readBlocks(reader)
  }
}

const readFunctions = (bytes: Uint8Array): ReadonlyMap<string, FateFunction> => {
  const reader = new Reader(bytes)
  const functions = new Map<string, FateFunction>()
  while (reader.left > 0) {
    const read = readFunction(reader)
    functions.set(Bytes.toHex(read.id), read)
  }
  return functions
}

const symbolsOf = (table: Value): ReadonlyMap<string, Uint8Array> => {
  const symbols = new Map<string, Uint8Array>()
  if (typeof table !== "object" || table._tag !== "map") return symbols
  for (const [id, name] of SortedMap.entries(table.entries))
    if (typeof id === "object" && id._tag === "string" && typeof name === "object" && name._tag === "string")
      symbols.set(Bytes.toHex(id.bytes), name.bytes)
  return symbols
}

interface Sections {
  readonly functions: Uint8Array
  readonly symbols: Uint8Array
  readonly annotations: Uint8Array
}

const sectionsOf = (byteCode: Uint8Array): Sections => {
  const reader = new Reader(byteCode)
  const sections = { functions: reader.rlp(), symbols: reader.rlp(), annotations: reader.rlp() }
  if (reader.left > 0) reader.fail("trailing", "there are bytes after the annotations")
  return sections
}

const readProgram = (byteCode: Uint8Array): Program => {
  const sections = sectionsOf(byteCode)
  const functions = DecodeError.within(["functions"], () => readFunctions(sections.functions))
  const symbols = DecodeError.within(["symbols"], () => ValueCodec.decodeOrThrow(sections.symbols))
  DecodeError.within(["annotations"], () => ValueCodec.decodeOrThrow(sections.annotations))
  return { functions, symbols: symbolsOf(symbols), annotations: sections.annotations }
}

// The same contracts run again and again, and their code is read from the state anew each time.
const byBytes = new WeakMap<Uint8Array, Program>()
const byContent = new Map<string, Program>()
const maximumPrograms = 64
const maximumCachedBytes = 100_000

const remember = (hash: string, program: Program): void => {
  byContent.delete(hash)
  byContent.set(hash, program)
  if (byContent.size <= maximumPrograms) return
  for (const oldest of byContent.keys()) {
    byContent.delete(oldest)
    return
  }
}

const parseByContent = (byteCode: Uint8Array): Program => {
  if (byteCode.length > maximumCachedBytes) return readProgram(byteCode)
  const hash = Bytes.toHex(Hash.blake2b256(byteCode))
  // A copy, for what is parsed keeps views of its bytes, and those may be part of something larger.
  const program = byContent.get(hash) ?? readProgram(byteCode.slice())
  remember(hash, program)
  return program
}

/**
 * Parses byte code; see `parse`. Programs are remembered by content. Throws `DecodeError`.
 *
 * @internal
 * @since 0.1.0
 * @category decoding
 */
export const parseOrThrow = (byteCode: Uint8Array): Program => {
  const known = byBytes.get(byteCode)
  if (known !== undefined) return known
  const program = parseByContent(byteCode)
  byBytes.set(byteCode, program)
  return program
}

/**
 * Parses byte code (`byteCode` of a code object). Fails with `DecodeError`, `where` beginning with the section
 * (`functions`, `symbols`, `annotations`).
 *
 * @since 0.1.0
 * @category decoding
 */
export const parse = (byteCode: Uint8Array): Effect.Effect<Program, DecodeError.DecodeError> =>
  DecodeError.attempt(() => parseOrThrow(byteCode))

/**
 * Parses serialized code as it stands in contracts; see `fromCode`. Throws `DecodeError`.
 *
 * @internal
 * @since 0.1.0
 * @category decoding
 */
export const fromCodeOrThrow = (code: Uint8Array): Program =>
  parseOrThrow(CodeObject.decodeOrThrow(code).byteCode)

/**
 * Parses serialized code (a code object, as a compiler writes it and contracts keep it). Fails with `DecodeError`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromCode = (code: Uint8Array): Effect.Effect<Program, DecodeError.DecodeError> =>
  DecodeError.attempt(() => fromCodeOrThrow(code))

const writeOperand = (writer: Writer, operand: Operand): void => {
  if (operand.mode === Mode.immediate) writer.raw(ValueCodec.encode(operand.value))
  else if (operand.mode !== Mode.stack) writer.smallInteger(operand.index)
}

const writeInstruction = (writer: Writer, { opcode, operands }: Instruction): void => {
  writer.byte(opcode)
  let modes = 0
  for (let i = 0; i < operands.length; i++) modes += (operands[i]?.mode ?? 0) << (2 * i)
  if (operands.length > 4) writer.byte(modes >>> 8)
  if (operands.length > 0) writer.byte(modes & 255)
  for (const operand of operands) writeOperand(writer, operand)
}

const writeFunction = (writer: Writer, each: FateFunction): void => {
  writer.byte(functionStart)
  writer.raw(each.id)
  writer.smallInteger(each.attributes)
  writeType(writer, { _tag: "tuple", elements: each.arguments })
  writeType(writer, each.result)
  for (const block of each.blocks) for (const instruction of block) writeInstruction(writer, instruction)
}

const writeFunctions = (functions: Iterable<FateFunction>): Uint8Array => {
  const writer = new Writer()
  for (const each of [...functions].sort((a, b) => Bytes.compare(a.id, b.id))) writeFunction(writer, each)
  return writer.finish()
}

const writeSections = (sections: Sections): Uint8Array => {
  const writer = new Writer()
  writer.rlp(sections.functions)
  writer.rlp(sections.symbols)
  writer.rlp(sections.annotations)
  return writer.finish()
}

/**
 * The byte code of a program, its functions by ascending id.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (program: Program): Uint8Array => {
  const symbols = [...program.symbols].map(([id, name]) => [string(Bytes.fromHex(id)), string(name)] as const)
  return writeSections({
    functions: writeFunctions(program.functions.values()),
    symbols: ValueCodec.encode(map(SortedMap.fromEntries(symbols))),
    annotations: program.annotations
  })
}

/**
 * The byte code without the `init` function and its name, as contracts of the first FATE version (5) keep it. Throws
 * `DecodeError`.
 *
 * @internal
 * @since 0.1.0
 * @category encoding
 */
export const withoutInit = (byteCode: Uint8Array): Uint8Array => {
  const init = functionId("init")
  const { annotations, functions } = parseOrThrow(byteCode)
  const table = ValueCodec.decodeOrThrow(sectionsOf(byteCode).symbols)
  if (typeof table !== "object" || table._tag !== "map")
    throw DecodeError.make("fate", "no_map", "the symbols are no map", ["symbols"])
  return writeSections({
    functions: writeFunctions([...functions.values()].filter(({ id }) => !Bytes.equals(id, init))),
    symbols: ValueCodec.encode(map(SortedMap.remove(table.entries, string(init)))),
    annotations: ValueCodec.encode(ValueCodec.decodeOrThrow(annotations))
  })
}
