/**
 * Operations on names: reads of the chain; what would change it is not allowed in a channel.
 */
import * as Bytes from "../../../encoding/Bytes.js"
import type { NameState } from "../../Environment.js"
import type { Type } from "../../Type.js"
import * as Value from "../../Value.js"
import * as Errors from "../errorTexts.js"
import { crash, fail, type Machine, type Operation, type Operations } from "../machine.js"
import * as SortedMap from "../sortedMap.js"
import { isTypeRepresentation, known, stringOf } from "./operands.js"
import { work } from "./work.js"

const registrars = ["chain", "test"].map(Bytes.utf8)
const dot = 0x2e

/** What stands between the dots, without empty parts at the end. */
const partsOf = (name: Uint8Array): ReadonlyArray<Uint8Array> => {
  const parts: Array<Uint8Array> = []
  let start = 0
  for (let end = name.indexOf(dot); end >= 0; end = name.indexOf(dot, start)) {
    parts.push(name.subarray(start, end))
    start = end + 1
  }
  parts.push(name.subarray(start))
  while (parts.at(-1)?.length === 0) parts.pop()
  return parts
}

/** Whether the text has the shape of a name: a label and a registrar. */
const isName = (name: Uint8Array): boolean => {
  const [label, registrar, more] = partsOf(name)
  if (label === undefined) return crash("a name of nothing but dots")
  return (
    label.length > 0 &&
    more === undefined &&
    registrar !== undefined &&
    registrars.some((one) => Bytes.equals(one, registrar))
  )
}

const isText = (bytes: Uint8Array): boolean => {
  try {
    Bytes.fromUtf8OrThrow(bytes)
    return true
  } catch {
    return false
  }
}

/** Nanoseconds to look at a byte of a name. */
const nameTime = 200

/** A name that is claimed. */
const nameAt = (machine: Machine, name: Uint8Array): NameState | undefined => {
  work(machine, nameTime * name.length)
  if (!isName(name)) {
    // The first version of the machine has no answer for what is no name.
    return machine.vm >= 7 ? undefined : crash("not a name")
  }
  if (!isText(name)) return crash("a name is not UTF-8")
  const state = known(machine.environment.chain.name(name))
  return state?.revoked === false ? state : undefined
}

type Pointer = NameState["pointers"][number]

const targetBytes = (target: Pointer["target"]): Uint8Array =>
  target._tag === "data" ? target.data : target.id

/** What references of each kind a pointer becomes. */
const referenceKinds = { account: "address", oracle: "oracle", contract: "contract" } as const

const fits = (type: Type, kind: string): boolean =>
  type._tag === kind || type._tag === "any" || type._tag === "tvar"

/** The type of what an option may hold, or the run ends. */
const optional = (type: Type): Type => {
  const [none, some] = type._tag === "variant" && type.constructors.length === 2 ? type.constructors : []
  const [content] = some?.elements ?? []
  return none?.elements.length === 0 && some?.elements.length === 1 && content !== undefined
    ? content
    : fail(Errors.errorIn("aens_resolve", "bad_type"))
}

const resolved = (type: Type, target: Pointer["target"]): Value.Value => {
  const content = optional(type)
  if (content._tag === "string") return Value.some(Value.string(targetBytes(target)))
  if (target._tag === "data" || target._tag === "channel") return Value.none
  const kind = referenceKinds[target._tag]
  return fits(content, kind) ? Value.some(Value.reference(kind, target.id)) : Value.none
}

const resolve: Operation = (machine, [to, nameOperand, keyOperand, typeOperand]) => {
  const values = [nameOperand, keyOperand, typeOperand].map((operand) => machine.read(operand)) as [
    Value.Value,
    Value.Value,
    Value.Value
  ]
  const name = stringOf(values[0])
  const key = stringOf(values[1])
  const type = values[2]
  if (!isTypeRepresentation(type)) return fail(() => Errors.typeErrorOnCall(type, "typerep"))
  const pointer = nameAt(machine, name)?.pointers.find((one) => Bytes.equals(one.key, key))
  machine.write(to, pointer === undefined ? Value.none : resolved(type.type, pointer.target))
}

const maximumPointers = 32
const maximumPointerKey = 256

/** Names of before Iris may have pointers that are not allowed any more. */
const sanitized = (pointers: ReadonlyArray<Pointer>): ReadonlyArray<Pointer> => {
  const result: Array<Pointer> = []
  for (const pointer of pointers) {
    const seen = result.some(({ key }) => Bytes.equals(key, pointer.key))
    if (!seen && pointer.key.length <= maximumPointerKey) result.push(pointer)
  }
  return result.slice(0, maximumPointers)
}

/** Pointees are a variant, to which FATE 3 added data. */
const pointeeTags = { account: 0, oracle: 1, contract: 2, channel: 3, data: 4 } as const
const pointeeArities = { before: [1, 1, 1, 1], now: [1, 1, 1, 1, 1] }

const pointee = (vm: number, target: Pointer["target"]): Value.Value => {
  if (target._tag !== "data") {
    const arities = vm >= 8 ? pointeeArities.now : pointeeArities.before
    return Value.variant(arities, pointeeTags[target._tag], [Value.reference("address", target.id)])
  }
  return vm >= 8
    ? Value.variant(pointeeArities.now, pointeeTags.data, [Value.bytes(target.data)])
    : fail(Errors.errorIn("aens_lookup", "data_pointer_not_in_fate_vm_2"))
}

const nameArities = [3]
const ttlArities = [1, 1]
/** The constructor of a TTL that is a height. */
const absolute = 1

const lookup: Operation = (machine, [to, operand]) => {
  const name = nameAt(machine, stringOf(machine.read(operand)))
  if (name === undefined) return machine.write(to, Value.none)
  const pointers = sanitized(name.pointers).map(
    ({ key, target }) => [Value.string(key), pointee(machine.vm, target)] as const
  )
  const object = Value.variant(nameArities, 0, [
    Value.reference("address", name.owner),
    Value.variant(ttlArities, absolute, [BigInt(name.ttl)]),
    Value.map(SortedMap.fromEntries(pointers))
  ])
  machine.write(to, Value.some(object))
}

const notOffChain =
  (mnemonic: string): Operation =>
  () =>
    fail(Errors.notOffChain(mnemonic))

export const names: Operations = {
  AENS_CLAIM: notOffChain("AENS_CLAIM"),
  AENS_LOOKUP: lookup,
  AENS_PRECLAIM: notOffChain("AENS_PRECLAIM"),
  AENS_RESOLVE: resolve,
  AENS_REVOKE: notOffChain("AENS_REVOKE"),
  AENS_TRANSFER: notOffChain("AENS_TRANSFER"),
  AENS_UPDATE: notOffChain("AENS_UPDATE")
}
