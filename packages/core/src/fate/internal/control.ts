/**
 * Operations that move values about and decide what is done next. Unlike the others they are made for an instruction
 * once, so that the targets of jumps and calls are known before they run.
 */
import * as Bytes from "../../encoding/Bytes.js"
import type { LogEntry } from "../../chain/CallObject.js"
import * as Hash from "../../crypto/Hash.js"
import * as Bytecode from "../Bytecode.js"
import { bytes, elements, none, some, type StringValue, type Value, type VariantValue } from "../Value.js"
import type { Engine } from "./engine.js"
import * as Errors from "./errorTexts.js"
import { crash, fail, type Operand, Reversion } from "./machine.js"
import { format } from "./printer.js"
import type { Code } from "./programs.js"
import * as creation from "./creation.js"
import { functionWith, isInit } from "./functions.js"
import * as remote from "./remote.js"
import { leave } from "./returning.js"
import { termOf } from "./terms.js"

/** What an operation can know of the program that it is part of. */
export interface Context {
  readonly functions: ReadonlyMap<string, Code>
  readonly vm: number
  readonly protocol: number
}

export type Run = (engine: Engine) => void

type Make = (operands: ReadonlyArray<Operand>, context: Context) => Run

/** An event and those before it. */
export interface Log {
  readonly entry: LogEntry
  readonly before: Log | undefined
}

const immediate = (operand: Operand | undefined): Value =>
  operand?.mode === 3 ? operand.value : crash("an operand is not given with the instruction")

/** Where a jump goes: the number of a block, or what makes it fail. */
const jumpTo = (target: Value | undefined): Run => {
  if (target === undefined) return () => crash("a jump to nowhere")
  if (typeof target === "bigint" && target >= 0n && target < 0x1_0000_0000n) {
    const index = Number(target)
    return (engine) => engine.jump(index)
  }
  return (engine) => engine.lost(format("Trying to jump to non existing bb: ~P", termOf(target)))
}

const isString = (value: Value): value is StringValue => typeof value === "object" && value._tag === "string"

const undefinedFunction = (id: Value): never =>
  fail(() =>
    isString(id)
      ? Errors.undefinedFunction(id.bytes)
      : format("Trying to call undefined function: ~W", termOf(id))
  )

const callee = (operand: Operand | undefined, { functions }: Context): ((engine: Engine) => Code) => {
  const find = (id: Value): Code =>
    (isString(id) ? functionWith(functions, id.bytes) : undefined) ?? undefinedFunction(id)
  if (operand?.mode !== 3) return (engine) => find(engine.read(operand))
  let known: Code | undefined
  return () => (known ??= find(operand.value))
}

const checkInit = (code: Code, { vm }: Context): void => {
  if (vm > 5 && isInit(code.id)) fail(Errors.initNotAllowed)
}

const call: Make = ([target], context) => {
  const find = callee(target, context)
  return (engine) => {
    const code = find(engine)
    const args = engine.popArguments(code.arguments.length)
    engine.pushLocal()
    checkInit(code, context)
    engine.enter(code, args)
    engine.jump(0)
  }
}

const tailCall: Make = ([target], context) => {
  const find = callee(target, context)
  return (engine) => {
    const code = find(engine)
    const args = engine.popArguments(code.arguments.length)
    checkInit(code, context)
    engine.enter(code, args)
    engine.jump(0)
  }
}

const variantOf = (value: Value): VariantValue =>
  typeof value === "object" && value._tag === "variant"
    ? value
    : fail(() => Errors.typeErrorOnCall(value, "variant"))

const switchOf =
  (count: number): Make =>
  ([operand, ...targets]) => {
    const jumps = targets.map((target) => jumpTo(immediate(target)))
    return (engine) => {
      const { arities, tag } = variantOf(engine.read(operand))
      if (arities.length !== count) fail(Errors.switchWrongSize(arities.length))
      const jump = jumps[tag] ?? fail(Errors.switchTag(tag))
      jump(engine)
    }
  }

const switchMany: Make = ([operand, list]) => {
  const targets = immediate(list)
  if (typeof targets !== "object" || targets._tag !== "list")
    return () => crash("the blocks of a switch are no list")
  const jumps = elements(targets).map(jumpTo)
  return (engine) => {
    const { arities, tag } = variantOf(engine.read(operand))
    if (arities.length !== jumps.length) fail(Errors.switchTag(tag))
    const jump = jumps[tag] ?? crash("a variant has no such constructor")
    jump(engine)
  }
}

const jumpIf: Make = ([condition, target], { protocol }) => {
  const jump = jumpTo(immediate(target))
  return (engine) => {
    const value = engine.read(condition)
    if (value === true) jump(engine)
    else if (value !== false) {
      if (protocol < 5) crash("a condition is neither true nor false")
      fail(() => Errors.typeErrorOnCall(value, "boolean"))
    }
  }
}

const move =
  (to: Operand | undefined, from: Operand | undefined): Run =>
  (engine) =>
    engine.write(to, engine.read(from))

const stack: Operand = { mode: 0 }

const notImplemented: Make = (_, { protocol }) =>
  protocol < 5
    ? () => crash("an operation is not implemented")
    : () => fail(Errors.notImplemented("microblock"))

const stringOf = (value: Value): StringValue =>
  isString(value) ? value : fail(() => Errors.typeErrorOnCall(value, "string"))

const bytecodeHash: Make =
  ([to, operand]) =>
  (engine) => {
    const contract = engine.read(operand)
    if (typeof contract !== "object" || contract._tag !== "contract")
      return crash("the hash of the code of no contract")
    const before = engine.gas
    const found = engine.load(contract.bytes)
    if (found === undefined) {
      // Looking for it costs nothing if it is not there.
      engine.gas = before
      engine.write(to, none)
      return
    }
    if (found.setting.vm < 7) return crash("the hash of code of the first version")
    const { hash, size } = hashOf(found.source)
    engine.spend(size)
    engine.write(to, some(bytes(hash)))
  }

const hashes = new WeakMap<Bytecode.Program, { readonly hash: Uint8Array; readonly size: number }>()

const hashOf = (source: Bytecode.Program): { readonly hash: Uint8Array; readonly size: number } => {
  const known = hashes.get(source)
  if (known !== undefined) return known
  const serialized = Bytecode.encode(source)
  const made = { hash: Hash.blake2b256(serialized), size: serialized.length }
  hashes.set(source, made)
  return made
}

/** By mnemonic. */
export const control: { readonly [mnemonic: string]: Make | undefined } = {
  RETURN: () => leave,
  RETURNR:
    ([value]) =>
    (engine) => {
      engine.push(engine.read(value))
      leave(engine)
    },
  CALL: call,
  CALL_T: tailCall,
  CALL_R: remote.call,
  CALL_GR: remote.callWithGas,
  CALL_PGR: remote.callProtected,
  CREATE: creation.create,
  CLONE: creation.clone,
  CLONE_G: creation.cloneWithGas,
  JUMP: ([target]) => jumpTo(immediate(target)),
  JUMPIF: jumpIf,
  SWITCH_V2: switchOf(2),
  SWITCH_V3: switchOf(3),
  SWITCH_VN: switchMany,
  CALL_VALUE:
    ([to]) =>
    (engine) =>
      engine.write(to, engine.value),
  GAS:
    ([to]) =>
    (engine) =>
      engine.write(to, BigInt(engine.gas + engine.beyond)),
  PUSH: ([from]) => move(stack, from),
  POP: ([to]) => move(to, stack),
  STORE: ([to, from]) => move(to, from),
  DUPA: () => (engine) => engine.duplicate(0n),
  DUP:
    ([position]) =>
    (engine) =>
      engine.duplicate(engine.read(position)),
  BYTECODE_HASH: bytecodeHash,
  MICROBLOCK: notImplemented,
  DEACTIVATE: notImplemented,
  ABORT:
    ([message]) =>
    (engine) => {
      throw new Reversion(stringOf(engine.read(message)))
    },
  EXIT:
    ([message]) =>
    (engine) => {
      const { bytes: text } = stringOf(engine.read(message))
      fail(() => Bytes.toLatin1(text))
    },
  NOP: () => () => {}
}
