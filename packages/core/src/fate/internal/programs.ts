/**
 * Programs made ready to run: what an instruction does and costs is looked up once, for a protocol, a version of the
 * machine and whether an account authenticates.
 */
import type * as Bytecode from "../Bytecode.js"
import * as Opcodes from "../Opcodes.js"
import type { Type } from "../Type.js"
import { control } from "./control.js"
import type { Engine } from "./engine.js"
import * as Errors from "./errorTexts.js"
import { crash, fail, type Instruction, type Operand } from "./machine.js"
import { operations } from "./operations.js"
import { hasVariables } from "./typing.js"

/** An instruction made ready. */
export interface Step {
  readonly run: (engine: Engine, operands: ReadonlyArray<Operand>) => void
  readonly operands: ReadonlyArray<Operand>
  /** Its base gas. */
  readonly gas: number
}

/** A function made ready; its blocks when they are first needed. */
export interface Code {
  readonly id: Uint8Array
  readonly private: boolean
  readonly payable: boolean
  readonly arguments: ReadonlyArray<Type>
  readonly result: Type
  /** Whether there are type variables in its signature. */
  readonly generic: boolean
  readonly blocks: ReadonlyArray<ReadonlyArray<Step>>
}

/** What a program's meaning depends on. */
export interface Setting {
  readonly vm: number
  readonly protocol: number
  readonly authenticating: boolean
}

export interface Program {
  readonly source: Bytecode.Program
  readonly setting: Setting
  /** By id in hexadecimal. */
  readonly functions: ReadonlyMap<string, Code>
}

const iris = 5

/** How operations are named in the error of a version that does not have them, where it is not their mnemonic. */
const internalNames: { readonly [mnemonic: string]: string } = {
  ADDRESS_TO_BYTES: "addr_to_bytes",
  BAND: "bin_and",
  BOR: "bin_or",
  BXOR: "bin_xor",
  BNOT: "bin_not",
  BSL: "bin_sl",
  BSR: "bin_sr"
}

const none: ReadonlyArray<Operand> = []

/** The end of a block whose last instruction did not jump. */
const goOn: Step = { run: (engine) => engine.jump(engine.blockIndex + 1), operands: none, gas: 0 }

const refusal = (text: string, gas = 0): Step => ({ run: () => fail(text), operands: none, gas })

const stepOf = (
  { opcode, operands }: Instruction,
  functions: ReadonlyMap<string, Code>,
  { authenticating, protocol, vm }: Setting
): Step => {
  const row = Opcodes.byNumber(opcode)
  if (row === undefined) return { run: () => crash(`unknown instruction ${opcode}`), operands: none, gas: 0 }
  const { mnemonic } = row
  // The reference engine has no clause for such an instruction, nor for those of the debugger.
  if (
    row.operands.some((kind, i) => kind !== "any" && operands[i]?.mode !== 3) ||
    mnemonic.startsWith("DBG_")
  )
    return { run: () => crash(`${mnemonic} cannot be run`), operands: none, gas: 0 }
  // Authentication happens on the chain.
  if (authenticating && !row.allowedInAuthentication) return refusal(Errors.notInGaAuth(mnemonic))
  if (!authenticating && !row.allowedOffChain) return refusal(Errors.notOffChain(mnemonic))
  const gas = protocol >= iris ? row.gas : row.gasLima
  if (vm < row.minimumVm || vm > row.maximumVm)
    return refusal(Errors.notSupported(internalNames[mnemonic] ?? mnemonic.toLowerCase()), gas)
  const made = control[mnemonic]
  const run = made === undefined ? operations[opcode] : made(operands, { functions, vm, protocol })
  return run === undefined
    ? { run: () => crash(`${mnemonic} cannot be run`), operands, gas }
    : { run, operands, gas }
}

const codeOf = (
  source: Bytecode.FateFunction,
  functions: ReadonlyMap<string, Code>,
  setting: Setting
): Code => {
  let blocks: ReadonlyArray<ReadonlyArray<Step>> | undefined
  return {
    id: source.id,
    private: source.private,
    payable: source.payable,
    arguments: source.arguments,
    result: source.result,
    generic: hasVariables([...source.arguments, source.result]),
    get blocks() {
      blocks ??= source.blocks.map((block) => [
        ...block.map((instruction) => stepOf(instruction, functions, setting)),
        goOn
      ])
      return blocks
    }
  }
}

const prepared = new WeakMap<Bytecode.Program, Array<Program>>()

/** A program made ready for a setting. */
export const prepare = (source: Bytecode.Program, setting: Setting): Program => {
  const { authenticating, protocol, vm } = setting
  let known = prepared.get(source)
  if (known === undefined) prepared.set(source, (known = []))
  for (const program of known) {
    const its = program.setting
    if (its.vm === vm && its.protocol === protocol && its.authenticating === authenticating) return program
  }
  const functions = new Map<string, Code>()
  for (const [id, each] of source.functions) functions.set(id, codeOf(each, functions, setting))
  const program = { source, setting, functions }
  known.push(program)
  return program
}
