/** Everything readable in a value, whatever prints it: a superset of what inspect, JSON and `String` show. */
import { inspect } from "node:util"
import * as Context from "effect/Context"
import * as Fiber from "effect/Fiber"
import * as FiberRefs from "effect/FiberRefs"

/** Values of the runtime, which nobody prints and which reach everything. */
const isRuntime = (value: object): boolean =>
  Context.isContext(value) || Fiber.isFiber(value) || FiberRefs.FiberRefsSym in value

const attempt = (f: () => unknown): unknown => {
  try {
    return f()
  } catch {
    return undefined
  }
}

const isInspectedByItself = (value: unknown): boolean =>
  typeof value === "object" && value !== null && inspect.custom in value

const nodesAtMost = 20_000

/** Texts and bytes (as hexadecimal) in the value, one a line. Objects in `seen` are passed over. */
export const gather = (value: unknown, seen: WeakSet<object> = new WeakSet()): string => {
  const texts: Array<string> = []
  const rest: Array<unknown> = [value]
  for (let nodes = 0; rest.length > 0 && nodes < nodesAtMost; nodes++) {
    const next = rest.pop()
    if (typeof next === "string") texts.push(next)
    if (typeof next !== "object" || next === null || seen.has(next)) continue
    seen.add(next)
    if (ArrayBuffer.isView(next)) {
      texts.push(Buffer.from(next.buffer, next.byteOffset, next.byteLength).toString("hex"))
      continue
    }
    if (isRuntime(next)) continue
    if (next instanceof Map) rest.push(...next.keys(), ...next.values())
    else if (next instanceof Set) rest.push(...next)
    if (next instanceof Error) {
      rest.push(
        attempt(() => next.message),
        attempt(() => next.cause),
        next.toString === Error.prototype.toString ? undefined : attempt(() => next.toString())
      )
    }
    const isNumbers = Array.isArray(next) && next.length >= 8 && next.every((one) => typeof one === "number")
    if (isNumbers) texts.push(next.join(","))
    else {
      const keys = Reflect.ownKeys(next).filter((key) =>
        Object.prototype.propertyIsEnumerable.call(next, key)
      )
      if (!Array.isArray(next)) texts.push(...keys.filter((key) => typeof key === "string"))
      for (const key of keys) {
        const inner = attempt((): unknown => Reflect.get(next, key))
        // Only inspect shows what a symbol leads to.
        rest.push(
          typeof key === "symbol" && isInspectedByItself(inner) ? attempt(() => inspect(inner)) : inner
        )
      }
    }
  }
  return texts.join("\n")
}
