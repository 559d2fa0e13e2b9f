/**
 * Operations that write events.
 */
import * as Bytes from "../../../encoding/Bytes.js"
import type { Value } from "../../Value.js"
import * as Errors from "../errorTexts.js"
import { crash, fail, type Operation, type Operations, refuse } from "../machine.js"
import { isBytes, isString } from "./operands.js"

/** Bytes of a topic. */
const topicLength = 32
/** Topics are paid as 8 bytes each. */
const paidTopicLength = 8
const gasPerByte = 20

const limit = 1n << 256n

const word = (n: bigint): Uint8Array | undefined =>
  n >= 0n && n < limit ? Bytes.uintToFixed(n, topicLength) : undefined

const padded = (bytes: Uint8Array): Uint8Array => {
  const topic = new Uint8Array(topicLength)
  topic.set(bytes, topicLength - bytes.length)
  return topic
}

const topicOf = (value: Value): Uint8Array => {
  if (typeof value === "bigint") return word(value) ?? fail(() => Errors.illegalInteger(value))
  if (typeof value === "boolean") return Bytes.uintToFixed(value ? 1 : 0, topicLength)
  switch (value._tag) {
    case "bits":
      return word(value.bits) ?? fail(Errors.illegalBits)
    case "address":
    case "contract":
    case "oracle":
    case "oracle_query":
      // Keys may have any length where they were made up, but events have no room for them.
      return value.bytes.length === topicLength ? value.bytes : refuse("a topic of an event is no key")
    default:
      return isBytes(value) && value.bytes.length <= topicLength
        ? padded(value.bytes)
        : fail(() => Errors.typeErrorOnCall(value, "word"))
  }
}

const log: Operation = (machine, operands) => {
  const [payload, ...indices] = operands.map((operand) => machine.read(operand))
  if (payload === undefined || !(isString(payload) || isBytes(payload)))
    return crash("the payload of an event is neither a string nor bytes")
  const data = payload.bytes
  const topics = indices.map(topicOf)
  const size = topics.length * paidTopicLength + data.length
  if (size === 0) return crash("an event without topics and payload")
  machine.log({ address: machine.contract, topics, data })
  machine.spend(size * gasPerByte)
}

export const events: Operations = { LOG0: log, LOG1: log, LOG2: log, LOG3: log, LOG4: log }
