import { type TupleValue, tuple, type Value } from "../../Value.js"
import { badElementIndex, invalidTupleSize } from "../errorTexts.js"
import { crash, fail, type Machine, Mode, type Operations } from "../machine.js"
import { bad, charge, popMany } from "./common.js"

const isTuple = (value: Value): value is TupleValue => typeof value === "object" && value._tag === "tuple"

/** The cells of a tuple with so many elements. */
export const tupleCells = (size: number): number => size + 2

const elementOf = (from: TupleValue, index: bigint): Value =>
  from.elements[Number(index)] ?? fail(() => badElementIndex(index))

/** The tuple with another element; all of its elements are copied and paid for. */
const replaced = (m: Machine, from: TupleValue, index: bigint, element: Value): TupleValue => {
  elementOf(from, index)
  m.cells(tupleCells(from.elements.length))
  const elements = from.elements.slice()
  elements[Number(index)] = element
  return tuple(elements)
}

/** Operations on tuples. */
export const tuples: Operations = {
  TUPLE: (m, o) => {
    const size =
      o[1]?.mode === Mode.immediate ? o[1].value : crash("the size of a tuple is no immediate value")
    if (typeof size !== "bigint" || size < 0n) return fail(() => invalidTupleSize(size))
    const elements = popMany(m, Number(size))
    charge(m, o[0], tupleCells(elements.length), tuple(elements))
  },
  ELEMENT: (m, o) => {
    const index = m.read(o[1])
    const from = m.read(o[2])
    if (typeof index !== "bigint" || index < 0n || !isTuple(from)) return bad("element", index, from)
    m.write(o[0], elementOf(from, index))
  },
  SETELEMENT: (m, o) => {
    const index = m.read(o[1])
    const from = m.read(o[2])
    const element = m.read(o[3])
    if (typeof index !== "bigint" || index < 0n || !isTuple(from))
      return crash("an element is set in what is no tuple")
    m.write(o[0], replaced(m, from, index, element))
  }
}
