/** What the operations on data have in common. */
import type { Value } from "../../Value.js"
import { badArguments } from "../errorTexts.js"
import { fail, type Machine, type Operand, type Operation } from "../machine.js"

/** The protocol versions that changed operations. */
export const iris = 5
export const ceres = 6

/** Ends the run: the arguments do not have the types that the operation needs. */
export const bad = (op: string, ...args: ReadonlyArray<Value>): never => fail(() => badArguments(op, args))

/** An operation of one value that costs nothing but its base gas. */
export const unary =
  (f: (value: Value, m: Machine) => Value): Operation =>
  (m, o) =>
    m.write(o[0], f(m.read(o[1]), m))

/** An operation of two values that costs nothing but its base gas. */
export const binary =
  (f: (a: Value, b: Value, m: Machine) => Value): Operation =>
  (m, o) => {
    const a = m.read(o[1])
    m.write(o[0], f(a, m.read(o[2]), m))
  }

/** Puts a value whose cells were counted in `cells`. */
export const charge = (m: Machine, to: Operand | undefined, cells: number, value: Value): void => {
  m.cells(cells)
  m.write(to, value)
}

/** The cells of a byte string: one for every eight whole bytes. */
export const byteCells = (length: number): number => Math.floor(length / 8)

/** Takes the last `count` values of the stack, the first pushed first. */
export const popMany = (m: Machine, count: number): ReadonlyArray<Value> => {
  const values: Array<Value> = []
  // The stack ends long before a count that does not fit ends.
  for (let i = 0; i < count; i++) values.push(m.pop())
  return values.reverse()
}
