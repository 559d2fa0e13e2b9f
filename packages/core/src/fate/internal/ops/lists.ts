import { cons, elements, isCons, type ListValue, nil, type Value } from "../../Value.js"
import { headOnEmptyList, tailOnEmptyList } from "../errorTexts.js"
import { fail, type Machine, type Operations } from "../machine.js"
import { bad, unary } from "./common.js"
import { afford } from "./work.js"

/** Whether a value is a list. */
export const isList = (value: Value): value is ListValue => typeof value === "object" && value._tag === "list"

const concatenation = (m: Machine, a: Value, b: Value): ListValue => {
  if (!isList(a) || !isList(b)) return bad("append", a, b)
  if (!isCons(b)) return a
  afford(m, 2 * a.length)
  const front = elements(a)
  let result: ListValue = b
  for (let i = front.length - 1; i >= 0; i--) result = cons(front[i] as Value, result)
  return result
}

/** Operations on lists. Cells are charged after the result is put. */
export const lists: Operations = {
  NIL: (m, o) => m.write(o[0], nil),
  IS_NIL: unary((value) => (isList(value) ? !isCons(value) : bad("is_nil", value))),
  CONS: (m, o) => {
    const head = m.read(o[1])
    const tail = m.read(o[2])
    m.write(o[0], isList(tail) ? cons(head, tail) : bad("cons", head, tail))
    m.cells(2)
  },
  HD: unary((value) =>
    !isList(value) ? bad("hd", value) : isCons(value) ? value.head : fail(headOnEmptyList)
  ),
  TL: unary((value) =>
    !isList(value) ? bad("tl", value) : isCons(value) ? value.tail : fail(tailOnEmptyList)
  ),
  LENGTH: unary((value) => (isList(value) ? BigInt(value.length) : bad("length", value))),
  APPEND: (m, o) => {
    const a = m.read(o[1])
    const b = m.read(o[2])
    m.write(o[0], concatenation(m, a, b))
    // The first list is copied.
    if (isList(a)) m.cells(2 * a.length)
  }
}
