/** Calls of other contracts. The order of what is paid, checked and changed is part of the result. */
import * as Account from "../../chain/Account.js"
import * as Bytes from "../../encoding/Bytes.js"
import type { Trees } from "../../state/Trees.js"
import type { Type } from "../Type.js"
import { elements, list, none, reference, type Value } from "../Value.js"
import type { Run } from "./control.js"
import type { Engine } from "./engine.js"
import * as Errors from "./errorTexts.js"
import { checkArguments, functionOf } from "./functions.js"
import { crash, fail, type Operand } from "./machine.js"
import { accountOf, withAccount } from "./ops/operands.js"
import type { Code, Program } from "./programs.js"
import { isFailure } from "./returning.js"
import * as Typing from "./typing.js"

/** A call of another contract, its operands read. */
export interface Request {
  readonly contract: Value
  readonly function: Uint8Array
  readonly arguments: Value
  readonly result: Value
  readonly value: Value
  readonly cap: Value | undefined
  readonly protected: boolean
  /** The call of `init` of a new contract. */
  readonly creation?: { readonly contract: Uint8Array; readonly run: Run }
}

/** Makes the call; `false` if it is protected and cannot be made. */
export const request = (engine: Engine, wanted: Request): boolean => {
  const types = wanted.arguments
  const result = wanted.result
  if (typeof types !== "object" || types._tag !== "typerep" || types.type._tag !== "tuple")
    return crash("the types of arguments are no tuple")
  if (typeof result !== "object" || result._tag !== "typerep") return crash("the type of a result is no type")
  const popped = engine.popArguments(types.type.elements.length)
  const unfolded = engine.unfold(list(popped), "unfold")
  const args = typeof unfolded === "object" && unfolded._tag === "list" ? [...elements(unfolded)] : popped
  if (!wanted.protected) {
    connect(engine, wanted, types.type.elements, result.type, args)
    return true
  }
  const saved = {
    base: engine.base,
    caller: engine.caller,
    code: engine.code,
    contract: engine.contract,
    created: engine.created,
    frames: engine.frames,
    gas: engine.gas,
    height: engine.height,
    loaded: engine.loaded,
    memory: engine.memory,
    program: engine.program,
    seen: engine.seen,
    trees: engine.trees,
    value: engine.value,
    vm: engine.vm
  }
  const stores = engine.stores.snapshot()
  try {
    connect(engine, wanted, types.type.elements, result.type, args)
  } catch (error) {
    if (!isFailure(error)) throw error
    engine.giveBack(saved.gas)
    engine.stores.restore(stores)
    Object.assign(engine, saved)
    return false
  }
  return true
}

const connect = (
  engine: Engine,
  wanted: Request,
  types: ReadonlyArray<Type>,
  result: Type,
  args: Array<Value>
): void => {
  const from = engine.contract
  pushRemote(engine)
  if (wanted.cap !== undefined) limit(engine, wanted.cap)
  const target = enterContract(engine, wanted.contract)
  engine.contract = target.key
  engine.caller = reference("address", from)
  engine.program = target.program
  engine.vm = target.program.setting.vm
  const code = functionOf(
    target.program,
    wanted.function,
    isPaying(wanted.value),
    wanted.creation !== undefined
  )
  const bindings = checkArguments(code, args, engine)
  if (wanted.creation !== undefined)
    engine.frames = { kind: "continuation", below: engine.frames, ...wanted.creation }
  pushCheck(engine, wanted.protected, code, bindings, types, result)
  engine.enter(code, args)
  pay(engine, from, target.key, wanted.value)
}

const pushRemote = (engine: Engine): void => {
  engine.frames = {
    kind: "remote",
    below: engine.frames,
    code: engine.code,
    block: engine.blockIndex + 1,
    height: engine.height,
    base: engine.base,
    memory: engine.memory,
    value: engine.value,
    contract: engine.contract,
    caller: engine.caller,
    program: engine.program,
    seen: engine.seen
  }
  engine.base = engine.height
}

/** What is above the cap is held back. */
const limit = (engine: Engine, cap: Value): void => {
  if (typeof cap !== "bigint") return fail(() => Errors.typeErrorOnCall(cap, "integer"))
  if (cap <= 0n) return fail(() => Errors.badGasCap(cap))
  if (cap >= BigInt(engine.gas)) return
  const gas = Number(cap)
  engine.frames = { kind: "reserve", below: engine.frames, gas: engine.gas - gas }
  engine.gas = gas
}

const enterContract = (
  engine: Engine,
  contract: Value
): { readonly key: Uint8Array; readonly program: Program } => {
  if (typeof contract !== "object" || contract._tag !== "contract")
    return fail(() => Errors.typeErrorOnCall(contract, "contract"))
  const key = contract.bytes
  if (Bytes.equals(key, engine.contract)) fail(Errors.reentrantCall)
  for (let seen = engine.seen; seen !== undefined; seen = seen.before)
    if (Bytes.equals(key, seen.contract)) fail(Errors.reentrantCall)
  engine.seen = { contract: engine.contract, before: engine.seen }
  return { key, program: engine.load(key) ?? fail(() => Errors.invalidContract(key)) }
}

/** In the order of terms everything else is above the numbers. */
const isPaying = (value: Value): boolean => typeof value !== "bigint" || value > 0n

const pushCheck = (
  engine: Engine,
  isProtected: boolean,
  code: Code,
  bindings: Typing.Bindings,
  types: ReadonlyArray<Type>,
  result: Type
): void => {
  const its: ReadonlyArray<Typing.Shape> = [code.result, ...code.arguments]
  const instances = code.generic ? its.map((type) => Typing.instantiate(type, bindings, engine)) : its
  const callerBindings: Typing.Bindings = new Map()
  if (!Typing.matchAll([result, ...types], instances, engine, callerBindings)) fail(Errors.remoteTypeMismatch)
  engine.frames = {
    kind: "check",
    below: engine.frames,
    type: result,
    bindings: callerBindings,
    protected: isProtected ? { stores: engine.stores.snapshot(), trees: engine.trees } : undefined
  }
}

const pay = (engine: Engine, from: Uint8Array, to: Uint8Array, value: Value): void => {
  if (typeof value !== "bigint") return fail(() => Errors.typeErrorOnCall(value, "integer"))
  if (value < 0n) return fail(Errors.errorInCall("negative_value"))
  engine.value = value
  if (value === 0n) return
  engine.trees = transferred(engine.trees, from, to, value) ?? fail(Errors.errorInCall("insufficient_funds"))
}

/** Trees with coins moved; `undefined` if there are too few. */
export const transferred = (
  trees: Trees,
  from: Uint8Array,
  to: Uint8Array,
  amount: bigint
): Trees | undefined => {
  const sender = accountOf(trees, from) ?? crash("the contract has no account")
  if (sender.balance < amount) return undefined
  const debited = withAccount(trees, from, { ...sender, balance: sender.balance - amount })
  const receiver = accountOf(debited, to) ?? Account.make({ balance: 0n })
  return withAccount(debited, to, { ...receiver, balance: receiver.balance + amount })
}

type Make = (operands: ReadonlyArray<Operand>) => Run

const idOf = (operand: Operand | undefined): Uint8Array => {
  const id = operand?.mode === 3 ? operand.value : undefined
  // What is no string is the id of no function.
  return typeof id === "object" && id._tag === "string" ? id.bytes : new Uint8Array()
}

export const isTrue = (value: Value): boolean =>
  typeof value === "boolean" ? value : fail(() => Errors.typeErrorOnCall(value, "bool"))

export const call: Make = ([target, name, args, result, value]) => {
  const id = idOf(name)
  return (engine) => {
    const contract = engine.read(target)
    request(engine, {
      contract,
      function: id,
      arguments: engine.read(args),
      result: engine.read(result),
      value: engine.read(value),
      cap: undefined,
      protected: false
    })
    engine.jump(0)
  }
}

export const callWithGas: Make = ([target, name, args, result, value, cap]) => {
  const id = idOf(name)
  return (engine) => {
    const contract = engine.read(target)
    request(engine, {
      contract,
      function: id,
      arguments: engine.read(args),
      result: engine.read(result),
      value: engine.read(value),
      cap: engine.read(cap),
      protected: false
    })
    engine.jump(0)
  }
}

export const callProtected: Make = ([target, name, args, result, value, cap, flag]) => {
  const id = idOf(name)
  return (engine) => {
    const contract = engine.read(target)
    const operands = {
      arguments: engine.read(args),
      result: engine.read(result),
      value: engine.read(value),
      cap: engine.read(cap)
    }
    const isProtected = isTrue(engine.read(flag))
    if (request(engine, { contract, function: id, ...operands, protected: isProtected })) engine.jump(0)
    else engine.push(none)
  }
}
