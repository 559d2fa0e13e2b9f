import * as Type from "../../Type.js"
import { typeErrorOnCall } from "../errorTexts.js"
import { crash, fail, type Operations } from "../machine.js"
import { bad, binary, iris, unary } from "./common.js"

/** Operations on booleans. */
export const booleans: Operations = {
  AND: binary((a, b) => (typeof a === "boolean" && typeof b === "boolean" ? a && b : bad("and", a, b))),
  OR: binary((a, b) => (typeof a === "boolean" && typeof b === "boolean" ? a || b : bad("or", a, b))),
  NOT: unary((a, m) => {
    if (typeof a === "boolean") return !a
    return m.environment.protocol < iris
      ? crash("the negation of what is no boolean")
      : fail(() => typeErrorOnCall(a, Type.boolean))
  })
}
