import * as Order from "../../Order.js"
import type { Value } from "../../Value.js"
import type { Operation, Operations } from "../machine.js"
import { compareTerms } from "../termOrder.js"
import { iris } from "./common.js"
import { compareTime, isWord, sizeOf, work } from "./work.js"

const isScalar = (value: Value): boolean =>
  typeof value === "object" ? false : typeof value === "boolean" || isWord(value)

type Ordering = (a: Value, b: Value) => number

/** `lima` is the order before Iris, that of the terms of the reference. */
const comparison =
  (decide: (order: number) => boolean, lima: Ordering = compareTerms): Operation =>
  (m, o) => {
    const a = m.unfold(m.read(o[1]), "unfold_compare")
    const b = m.unfold(m.read(o[2]), "unfold_compare")
    // Gas pays for the parts of values but not for their bytes.
    if (!isScalar(a) && !isScalar(b)) work(m, compareTime * Math.min(sizeOf(a), sizeOf(b)))
    const compare = m.environment.protocol < iris ? lima : Order.compare
    m.write(o[0], decide(compare(a, b)))
  }

const same: Ordering = (a, b) => (Order.equals(a, b) ? 0 : 1)

/** Comparisons of any two values. */
export const comparisons: Operations = {
  LT: comparison((n) => n < 0),
  GT: comparison((n) => n > 0),
  EQ: comparison((n) => n === 0, same),
  ELT: comparison((n) => n <= 0),
  EGT: comparison((n) => n >= 0),
  NEQ: comparison((n) => n !== 0, same)
}
