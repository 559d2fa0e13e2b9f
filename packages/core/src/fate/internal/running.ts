/** A run from the checks of its call to the writing of the stores. */
import type { LogEntry } from "../../chain/CallObject.js"
import type { CryptoService } from "../../crypto/Crypto.js"
import type { Trees } from "../../state/Trees.js"
import * as CallData from "../CallData.js"
import type { Call, Outcome } from "../Engine.js"
import type { Environment } from "../Environment.js"
import type { Value } from "../Value.js"
import * as ValueCodec from "../ValueCodec.js"
import type { Log } from "./control.js"
import { Engine, Fatal } from "./engine.js"
import * as Errors from "./errorTexts.js"
import { reserves } from "./frames.js"
import { checkArguments, functionOf, noCode } from "./functions.js"
import { tooLong } from "./limits.js"
import { Crash, crash, Failure, MissingRead, refuse, Reversion } from "./machine.js"
import { prepare } from "./programs.js"
import { codeObject, sourceOf, storedContract } from "./stored.js"

const iris = 5

type Finished = Extract<Outcome, { readonly _tag: "Finished" }>

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0))

const failed = (
  call: Call,
  returnType: "error" | "revert",
  returnValue: Uint8Array,
  left: number
): Finished => ({
  _tag: "Finished",
  returnType,
  returnValue,
  gasUsed: call.gas - left,
  log: [],
  trees: call.trees
})

const logOf = (logs: Log | undefined): ReadonlyArray<LogEntry> => {
  const entries: Array<LogEntry> = []
  for (let log = logs; log !== undefined; log = log.before) entries.push(log.entry)
  return entries
}

/** Checks the called function and its arguments, and binds them. */
const begin = (engine: Engine, call: Call, called: CallData.FunctionCall): void => {
  const code = functionOf(engine.program, called.functionId, call.value > 0n, call.allowInit)
  checkArguments(code, called.args, engine)
  engine.enter(code, [...called.args])
  engine.jump(0)
}

const end = (engine: Engine): Trees => {
  const meter = {
    traverse: (value: Value) => engine.traverse(value, "serial"),
    spend: (gas: number) => engine.spend(gas)
  }
  const contracts = engine.stores.finish(engine.trees.contracts, meter, { lima: engine.protocol < iris })
  return { ...engine.trees, contracts }
}

const start = (call: Call, environment: Environment, crypto: CryptoService): Outcome => {
  const contract = storedContract(call.trees, call.contract) ?? crash("there is no such contract")
  if (contract.code instanceof Uint8Array) codeObject(contract.code)
  if (tooLong(environment, call.callData)) refuse("the call data are longer than any transaction can be")
  const called = CallData.read(call.callData)
  if (called === undefined) return failed(call, "error", latin1(Errors.badCallData), 0)
  const found = sourceOf(call.trees, call.contract) ?? crash("the contract's byte code cannot be read")
  const program = prepare(found.source, {
    vm: found.vm,
    protocol: environment.protocol,
    authenticating: environment.authentication !== undefined
  })
  const engine = new Engine(call, environment, crypto, program, noCode)
  const { beyond, gas } = engine
  try {
    begin(engine, call, called)
    engine.run()
    const result = engine.top() ?? crash("there is no result")
    const trees = end(engine)
    engine.traverse(result, "final")
    return {
      _tag: "Finished",
      returnType: "ok",
      returnValue: ValueCodec.encode(result),
      gasUsed: gas - engine.gas,
      log: logOf(engine.logs),
      trees
    }
  } catch (error) {
    if (error instanceof Reversion)
      return failed(
        call,
        "revert",
        ValueCodec.encode(error.value),
        engine.gas + reserves(engine.frames) + beyond
      )
    const failure = error instanceof Fatal ? error.failure : error
    if (failure instanceof Failure)
      return failed(call, "error", latin1(failure.text), reserves(engine.frames))
    if (failure instanceof MissingRead) {
      const gasUsed = Math.max(gas - engine.gas - reserves(engine.frames), 0)
      return { _tag: "MissingRead", read: failure.read, gasUsed }
    }
    throw error
  }
}

/** Runs a call. */
export const run = (call: Call, environment: Environment, crypto: CryptoService): Outcome => {
  try {
    return start(call, environment, crypto)
  } catch (error) {
    if (error instanceof Crash) return { _tag: "Crashed", reason: error.reason }
    if (error instanceof MissingRead) return { _tag: "MissingRead", read: error.read, gasUsed: 0 }
    // What a hostile program can drive beyond the limits of the host, such as the size of an integer.
    return {
      _tag: "Crashed",
      reason: `the machine failed: ${error instanceof Error ? error.message : String(error)}`
    }
  }
}
