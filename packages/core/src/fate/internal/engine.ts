/**
 * The engine: one mutable object for one run, and the loop that runs it.
 *
 * An operation that fails has no effect but the failure. Where the failure ends the run that is for free; where a
 * protected call catches it, the engine goes back to what it was before the operation: what an operation can change
 * without having ended well are a few fields, see `Mark`.
 */
import type { LogEntry } from "../../chain/CallObject.js"
import type { CryptoService } from "../../crypto/Crypto.js"
import * as Bytes from "../../encoding/Bytes.js"
import type { Trees } from "../../state/Trees.js"
import type { Call } from "../Engine.js"
import type { Environment } from "../Environment.js"
import { none, reference, type Reference, type Value } from "../Value.js"
import type { Log } from "./control.js"
import * as Errors from "./errorTexts.js"
import { type Frame, isProtected, type Loaded, type Memory, type Seen } from "./frames.js"
import { hasStoreMap, walk } from "./gas.js"
import {
  crash,
  fail,
  Failure,
  type Machine,
  type Operand,
  refuse,
  Reversion,
  type TraversalModel
} from "./machine.js"
import { type Code, prepare, type Program, type Step } from "./programs.js"
import { sourceOf } from "./stored.js"
import { leave } from "./returning.js"
import { compareTime, sizeOf, work } from "./ops/work.js"
import { Stores, unfold } from "./store.js"

const iris = 5

/** Created cells up to which a cell costs one. */
const cheapCells = 1024

/** Arguments and variables below this number are in arrays. */
const nearMemory = 256

/** Arrays with more holes than this would make calls within calls expensive. */
const largestGap = 16

/** More gas than this is not looked at: no run gets that far. A thousand times as much is still a safe integer. */
const usableGas = 2 ** 42

/** Nanoseconds to walk over as much of a value as a unit of gas pays for, and to use a unit of gas in general. */
const walkTime = 20
const failedTime = 10

/** To look a byte of the key of a contract up. */
const keyTime = 30

const outOfGas = new Failure(Errors.outOfGas)

/** A failure that no protected call catches. */
export class Fatal {
  constructor(readonly failure: Failure) {}
}

/** What an operation may change before it fails. */
interface Mark {
  readonly gas: number
  readonly created: number
  readonly height: number
  readonly base: number
  readonly vm: number
  readonly contract: Uint8Array
  readonly frames: Frame | undefined
  readonly seen: Seen | undefined
  readonly loaded: Loaded | undefined
  readonly logs: Log | undefined
}

const noSteps: ReadonlyArray<Step> = []

export class Engine implements Machine {
  readonly environment: Environment
  readonly crypto: CryptoService
  readonly origin: Uint8Array
  readonly gasPrice: bigint
  readonly fee: bigint
  readonly stores: Stores
  readonly protocol: number
  readonly #authenticating: boolean

  trees: Trees
  gas: number
  /** Gas that no run can use. */
  readonly beyond: number
  vm: number
  contract: Uint8Array
  caller: Reference
  value: bigint
  program: Program
  code: Code

  /** The block that runs, its number, and the next instruction in it. */
  block: ReadonlyArray<Step> = noSteps
  blockIndex = 0
  next = 0
  running = true

  /** The stack of the function that runs is from `base` to below `height`. */
  readonly stack: Array<Value> = []
  height = 0
  base = 0
  memory: Memory = { args: [], vars: [], far: undefined }
  created = 0

  frames: Frame | undefined
  seen: Seen | undefined
  loaded: Loaded | undefined
  logs: Log | undefined

  constructor(call: Call, environment: Environment, crypto: CryptoService, program: Program, code: Code) {
    const { contract, storeKey } = call
    this.environment = environment
    this.crypto = crypto
    this.origin = call.origin
    this.gasPrice = call.gasPrice
    this.fee = call.fee
    this.protocol = environment.protocol
    this.#authenticating = environment.authentication !== undefined
    this.stores = new Stores(
      call.trees.contracts,
      storeKey === undefined ? undefined : (key) => (Bytes.equals(key, contract) ? storeKey : key)
    )
    this.trees = call.trees
    this.gas = Math.min(call.gas, usableGas)
    this.beyond = call.gas - this.gas
    this.vm = program.setting.vm
    this.contract = contract
    this.caller = reference("address", call.caller)
    this.value = call.value
    this.program = program
    this.code = code
    this.loaded = { contract, program, before: undefined }
  }

  // Gas

  spend(gas: number): void {
    const left = this.gas - gas
    if (!(left >= 0)) throw outOfGas
    this.gas = left
  }

  cells(count: number | bigint): void {
    let cells = Number(count)
    if (cells < 0 && this.protocol >= iris) cells = 2 - cells
    else if (cells < 0) refuse("before Iris negative cells made gas out of nothing")
    const created = this.created + cells
    this.created = created
    this.spend(created <= cheapCells ? cells : cells * (1 + Math.floor(created / cheapCells)))
  }

  traverse(value: Value, model: TraversalModel): void {
    if (this.protocol < iris) {
      // Nothing is paid, but a value that shares its parts many times over is more than anybody can go through.
      if (typeof value === "object") work(this, compareTime * sizeOf(value))
      return
    }
    // By far the most walks are this short: one node.
    if (model === "simple" && typeof value !== "object") this.spend(1)
    else this.#pay(walk(this.gas * 1000, value, model, undefined))
  }

  /** After a failure there is as much gas as there was before; for the time that it took there is an end. */
  giveBack(gas: number, time = failedTime): void {
    work(this, (gas - this.gas) * time)
    this.gas = gas
  }

  #pay(milli: number): void {
    if (milli < 0) {
      // What a protected call catches gives the gas back, but not the time.
      if (isProtected(this.frames)) work(this, this.gas * walkTime)
      throw outOfGas
    }
    this.gas = Math.floor(milli / 1000)
  }

  unfold(value: Value, model: "unfold" | "unfold_compare" | "unfold_serial"): Value {
    this.traverse(value, "simple")
    if (!hasStoreMap(value)) return value
    const { contract, stores } = this
    if (this.protocol >= iris) {
      const stored = {
        size: (id: number) => stores.size(contract, id),
        entries: (id: number) => stores.entries(contract, id)
      }
      this.#pay(walk(this.gas * 1000, value, model, stored))
    }
    const unfolded = unfold(stores, contract, value)
    if (this.protocol < iris) work(this, walkTime * sizeOf(unfolded))
    return unfolded
  }

  // Stack and memory

  push(value: Value): void {
    const created = ++this.created
    const left = this.gas - (created <= cheapCells ? 1 : 1 + Math.floor(created / cheapCells))
    if (left < 0) throw outOfGas
    this.gas = left
    this.stack[this.height++] = value
  }

  pop(): Value {
    if (this.height === this.base) return this.#empty(1)
    this.created--
    return this.stack[--this.height] as Value
  }

  #empty(count: number): never {
    return this.protocol < iris ? crash("the stack is empty") : fail(Errors.stackOverflowPop(count))
  }

  /** Pops the arguments of a function, the top of the stack first. */
  popArguments(count: number): Array<Value> {
    const found = this.height - this.base
    if (count > found) {
      if (count === 1) crash("the argument of a call is missing")
      this.#empty(count)
    }
    const args: Array<Value> = []
    for (let i = 0; i < count; i++) args.push(this.stack[--this.height] as Value)
    this.created -= count
    return args
  }

  duplicate(position: Value): void {
    const found = this.height - this.base
    if (typeof position !== "bigint" || position < 0n || position >= BigInt(found))
      crash("there is nothing to duplicate")
    this.push(this.stack[this.height - 1 - Number(position)] as Value)
  }

  /** The top of the stack is replaced, for free. */
  setTop(value: Value): void {
    if (this.height === this.base) this.height++
    this.stack[this.height - 1] = value
  }

  /** The result of what runs; `undefined` if there is none. */
  top(): Value | undefined {
    return this.height === this.base ? undefined : this.stack[this.height - 1]
  }

  read(operand: Operand | undefined): Value {
    if (operand === undefined) return crash("an operand is missing")
    switch (operand.mode) {
      case 0:
        return this.pop()
      case 1:
        return this.memory.args[operand.index] ?? this.#far("arg", operand.index)
      case 2:
        return operand.index < 0
          ? this.#register(-operand.index)
          : (this.memory.vars[operand.index] ?? this.#far("var", operand.index))
      case 3:
        return operand.value
    }
  }

  #far(kind: "arg" | "var", index: number): Value {
    return this.memory.far?.get(kind + index) ?? fail(Errors.undefinedVariable(kind, index))
  }

  #register(register: number): Value {
    const found =
      this.stores.read(this.contract, register) ?? crash(`store register ${register} was never written`)
    if (found.first && this.protocol >= iris) this.spend(2000)
    return found.value
  }

  peek(operand: Operand | undefined): Value {
    if (operand?.mode === 0) return this.top() ?? this.#empty(1)
    if (operand?.mode !== 2 || operand.index >= 0) return this.read(operand)
    const before = this.stores.snapshot()
    const register = -operand.index
    const found =
      this.stores.read(this.contract, register) ?? crash(`store register ${register} was never written`)
    this.stores.restore(before)
    return found.value
  }

  write(operand: Operand | undefined, value: Value): void {
    switch (operand?.mode) {
      case 0:
        return this.push(value)
      case 1:
        return this.#remember("arg", operand.index, this.memory.args, value)
      case 2:
        return operand.index < 0
          ? this.stores.write(this.contract, -operand.index, value)
          : this.#remember("var", operand.index, this.memory.vars, value)
      default:
        crash("a result is written to an immediate value")
    }
  }

  #remember(kind: "arg" | "var", index: number, near: Array<Value | undefined>, value: Value): void {
    if (index >= 0 && index < nearMemory && index <= near.length + largestGap) near[index] = value
    else (this.memory.far ??= new Map()).set(kind + index, value)
  }

  log(entry: LogEntry): void {
    this.logs = { entry, before: this.logs }
  }

  // Control

  jump(index: number): void {
    const block = this.code.blocks[index]
    if (block === undefined) return this.lost(Errors.noSuchBlock(index))
    this.block = block
    this.blockIndex = index
    this.next = 0
  }

  /** A jump that leads nowhere ends the run, whatever is protected. */
  lost(text: string): never {
    throw new Fatal(new Failure(text))
  }

  /** Keeps what a call within the contract goes back to. */
  pushLocal(): void {
    this.frames = {
      kind: "local",
      below: this.frames,
      code: this.code,
      block: this.blockIndex + 1,
      height: this.height,
      base: this.base,
      memory: this.memory,
      value: this.value
    }
    this.base = this.height
  }

  /** Begins a function. */
  enter(code: Code, args: Array<Value>): void {
    this.code = code
    this.memory = { args, vars: [], far: undefined }
  }

  /** The program of a contract, ready to run; `undefined` if there is none. */
  load(contract: Uint8Array): Program | undefined {
    for (let known = this.loaded; known !== undefined; known = known.before)
      if (Bytes.equals(known.contract, contract)) return known.program
    if (this.protocol >= iris) this.spend(4900)
    work(this, keyTime * contract.length)
    const found = sourceOf(this.trees, contract)
    if (found === undefined) return undefined
    const program = this.prepare(found)
    this.loaded = { contract, program, before: this.loaded }
    return program
  }

  prepare({ source, vm }: NonNullable<ReturnType<typeof sourceOf>>): Program {
    return prepare(source, { vm, protocol: this.protocol, authenticating: this.#authenticating })
  }

  // Failure

  /** Goes on after the innermost protected call; what fails on the way there ends the run. */
  recover(mark: Mark): void {
    this.giveBack(mark.gas)
    this.#backTo(mark)
    try {
      this.#unwind()
    } catch (error) {
      throw error instanceof Failure ? new Fatal(error) : error
    }
  }

  #backTo(mark: Mark): void {
    this.gas = mark.gas
    this.created = mark.created
    this.height = mark.height
    this.base = mark.base
    this.vm = mark.vm
    this.contract = mark.contract
    this.frames = mark.frames
    this.seen = mark.seen
    this.loaded = mark.loaded
    this.logs = mark.logs
  }

  #unwind(): void {
    let top = this.top()
    for (;;) {
      const frame = this.frames
      if (frame === undefined) return crash("nothing is protected")
      this.frames = frame.below
      if (frame.kind === "reserve") this.gas += frame.gas
      else if (frame.kind === "remote") {
        this.vm = frame.program.setting.vm
        this.contract = frame.contract
        this.seen = frame.seen
      } else if (frame.kind === "continuation" && this.vm < 8) {
        // Before FATE 3 what should follow init follows its failure too, and finds what was on the stack.
        if (typeof top !== "object" || top._tag !== "tuple" || top.elements.length > 0)
          crash("init failed and left the machine in disorder")
        this.created--
        this.cells(1)
        top = reference("contract", frame.contract)
      } else if (frame.kind === "check" && frame.protected !== undefined) {
        this.stores.restore(frame.protected.stores)
        this.trees = frame.protected.trees
        this.setTop(none)
        return leave(this)
      }
    }
  }

  /** Runs until the outermost call returns. */
  run(): void {
    while (this.running) this.#runUntilFailure()
  }

  #runUntilFailure(): void {
    let { base, contract, created, frames, gas, height, loaded, logs, seen, vm } = this
    try {
      while (this.running) {
        const step = this.block[this.next++] as Step
        base = this.base
        contract = this.contract
        created = this.created
        frames = this.frames
        gas = this.gas
        height = this.height
        loaded = this.loaded
        logs = this.logs
        seen = this.seen
        vm = this.vm
        const left = gas - step.gas
        if (left < 0) throw outOfGas
        this.gas = left
        step.run(this, step.operands)
      }
    } catch (error) {
      if (!(error instanceof Failure || error instanceof Reversion) || !isProtected(frames)) throw error
      this.recover({ base, contract, created, frames, gas, height, loaded, logs, seen, vm })
    }
  }
}
