/** The way back from every call. The order of what is paid, checked and changed is part of the result. */
import { none, some, type Value } from "../Value.js"
import type { Engine } from "./engine.js"
import type { CheckFrame, RemoteFrame } from "./frames.js"
import { typeError } from "./functions.js"
import { Crash, crash, Failure, Refusal, Reversion } from "./machine.js"
import { termOf } from "./terms.js"
import * as Typing from "./typing.js"

/** The result must be of the type that the caller expects. */
const checkResult = (engine: Engine, frame: CheckFrame): void => {
  const value = engine.top() ?? crash("a call returned nothing")
  engine.traverse(value, "simple")
  const shape = Typing.infer(value, engine)
  const bindings: Typing.Bindings = new Map()
  if (shape === undefined || !Typing.match(frame.type, shape, engine, bindings))
    typeError(
      "return",
      () => termOf(value),
      () => Typing.termOfShape(frame.type)
    )
  if (!Typing.merge(bindings, frame.bindings, engine))
    typeError(
      "return",
      () => termOf(value),
      () => Typing.termOfShape(Typing.instantiate(frame.type, frame.bindings, engine))
    )
}

/** Nanoseconds to check the type of as much of a value as a unit of gas pays for. */
const checkTime = 150

const rollBack = (engine: Engine, { stores, trees }: NonNullable<CheckFrame["protected"]>): void => {
  engine.stores.restore(stores)
  engine.trees = trees
}

/** What ends a run or, if that is protected, only a call. Here even what breaks the reference engine is caught. */
export const isFailure = (error: unknown): boolean =>
  error instanceof Failure ||
  error instanceof Reversion ||
  (error instanceof Crash && !(error instanceof Refusal))

const checkProtected = (
  engine: Engine,
  frame: CheckFrame,
  before: NonNullable<CheckFrame["protected"]>
): void => {
  const { gas } = engine
  try {
    checkResult(engine, frame)
    engine.setTop(some(engine.top() as Value))
  } catch (error) {
    if (!isFailure(error)) throw error
    engine.giveBack(gas, checkTime)
    rollBack(engine, before)
    engine.setTop(none)
  }
}

/** The result of the callee becomes the top of the caller's stack. */
const handBack = (
  engine: Engine,
  {
    base,
    block,
    code,
    height,
    memory,
    value
  }: Pick<RemoteFrame, "base" | "block" | "code" | "height" | "memory" | "value">,
  result: Value | undefined
): void => {
  engine.base = base
  engine.height = height
  engine.memory = memory
  engine.value = value
  engine.code = code
  if (result === undefined) {
    if (height > base) crash("a call returned nothing")
  } else engine.stack[engine.height++] = result
  engine.jump(block)
}

/** Returns: from the call that runs to where it came from, or out of the run. */
export const leave = (engine: Engine): void => {
  for (;;) {
    const frame = engine.frames
    if (frame === undefined) {
      engine.setTop(engine.unfold(engine.top() ?? crash("there is no result"), "unfold"))
      engine.running = false
      return
    }
    engine.frames = frame.below
    switch (frame.kind) {
      case "check":
        if (frame.protected === undefined) checkResult(engine, frame)
        else checkProtected(engine, frame, frame.protected)
        break
      case "continuation":
        frame.run(engine)
        break
      case "reserve":
        engine.gas += frame.gas
        break
      case "local":
        return handBack(engine, frame, engine.top())
      case "remote": {
        // The callee's store maps are unfolded while it is still known whose they are.
        const result = engine.unfold(engine.top() ?? crash("a call returned nothing"), "unfold")
        engine.contract = frame.contract
        engine.caller = frame.caller
        engine.program = frame.program
        engine.vm = frame.program.setting.vm
        engine.seen = frame.seen
        return handBack(engine, frame, result)
      }
    }
  }
}
