import { elements, type ListValue, type Value, variant, type VariantValue } from "../../Value.js"
import { crash, type Machine, type Operations } from "../machine.js"
import { bad, binary, iris, popMany } from "./common.js"
import { isList } from "./lists.js"
import { afford, work } from "./work.js"

const isVariant = (value: Value): value is VariantValue =>
  typeof value === "object" && value._tag === "variant"

const maximumArity = 255n

const isArity = (value: Value): value is bigint => typeof value === "bigint" && value <= maximumArity

const none: ReadonlyArray<Value> = []

/** The arities as they stand in the list; from Iris on what cannot be an arity ends the run. */
const checkedArities = (m: Machine, arities: ListValue, tag: bigint, count: bigint): ReadonlyArray<Value> => {
  const all = elements(arities)
  if (m.environment.protocol < iris) return all
  const fits = all.every((arity) => isArity(arity) && arity >= -maximumArity)
  return fits && all[Number(tag)] === count ? all : bad("make_variant", arities, tag, count)
}

const make = (m: Machine, arities: ListValue, tag: bigint, count: bigint): VariantValue => {
  work(m, 20 * arities.length)
  const all = checkedArities(m, arities, tag, count)
  afford(m, 2 * all.length)
  const values = count === 0n ? none : popMany(m, Number(count))
  m.cells(2 * all.length + values.length + 4)
  const numbers = all.map((arity) =>
    isArity(arity) && arity >= 0n ? Number(arity) : crash("an arity that no constructor has")
  )
  return numbers[Number(tag)] === values.length
    ? variant(numbers, Number(tag), values)
    : crash("a constructor with the values of another")
}

/** Operations on variants. */
export const variants: Operations = {
  VARIANT: (m, o) => {
    const arities = m.read(o[1])
    const tag = m.read(o[2])
    const count = m.read(o[3])
    const fits =
      isList(arities) &&
      typeof tag === "bigint" &&
      typeof count === "bigint" &&
      count >= 0n &&
      tag >= 0n &&
      tag < BigInt(arities.length)
    m.write(o[0], fits ? make(m, arities, tag, count) : bad("make_variant", arities, tag, count))
  },
  VARIANT_TEST: binary((value, tag) =>
    isVariant(value) && typeof tag === "bigint" && tag >= 0n
      ? value.tag === Number(tag)
      : bad("variant_test", value, tag)
  ),
  VARIANT_ELEMENT: binary((value, index) => {
    const element =
      isVariant(value) && typeof index === "bigint" && index >= 0n ? value.values[Number(index)] : undefined
    return element ?? bad("variant_element", value, index)
  })
}
