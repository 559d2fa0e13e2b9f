/** Every way in which a program may print a value, and services that print all they are given. */
import { inspect } from "node:util"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import type { Watch } from "./Watch.js"

const attempt = (f: () => unknown): string => {
  try {
    return String(f())
  } catch {
    return ""
  }
}

const json = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner), 1) ?? ""

/** All texts that the value can become. */
export const renderings = (value: unknown): ReadonlyArray<string> => {
  const everything = {
    depth: 12,
    showHidden: true,
    getters: true,
    maxArrayLength: null,
    maxStringLength: null
  } as const
  const causes = [Cause.fail(value), Cause.die(value), Cause.parallel(Cause.fail(value), Cause.die(value))]
  return [
    () => String(value),
    () => json(value),
    () => inspect(value),
    () => inspect(value, everything),
    () => inspect(value, { ...everything, customInspect: false, showHidden: false }),
    () => Inspectable.toStringUnknown(value),
    () => Inspectable.format(value),
    ...causes.flatMap((cause) => [
      () => Cause.pretty(cause, { renderErrorCause: true }),
      () => String(cause),
      () => json(cause),
      () => inspect(Exit.failCause(cause), everything)
    ]),
    ...(value instanceof Error
      ? [
          () => value.message,
          () => value.stack,
          () => inspect({ ...value }, everything),
          () => json({ ...value })
        ]
      : [])
  ].map(attempt)
}

/** Loggers of every kind at every level and a tracer, all of which show what they get to the watch. */
export const layerShowing = (watch: Watch): Layer.Layer<never> => {
  const show = (logger: Logger.Logger<unknown, unknown>): Layer.Layer<never> =>
    Logger.add(
      Logger.map(logger, (output) => {
        watch.text("log", "logger", typeof output === "string" ? output : inspect(output, { depth: 12 }))
      })
    )
  const tracer = Tracer.make({
    context: (f) => f(),
    span: (name, parent, context, links, startTime, kind) => {
      const said: Array<unknown> = [name, links]
      const attributes = new Map<string, unknown>()
      return {
        _tag: "Span",
        spanId: "0",
        traceId: "0",
        sampled: true,
        status: { _tag: "Started", startTime },
        name,
        parent,
        context,
        attributes,
        links,
        kind,
        attribute: (key, value) => void attributes.set(key, value),
        event: (event, _, more) => void said.push(event, more),
        addLinks: (more) => void said.push(more),
        end: (_, exit) => {
          if (Exit.isFailure(exit)) said.push(exit.cause)
          for (const text of renderings([said, attributes])) watch.text("span", name, text)
        }
      }
    }
  })
  return Layer.mergeAll(
    show(Logger.stringLogger),
    show(Logger.logfmtLogger),
    show(Logger.jsonLogger),
    show(Logger.structuredLogger),
    Logger.remove(Logger.defaultLogger),
    Logger.minimumLogLevel(LogLevel.All),
    Layer.setTracer(tracer)
  )
}

/** With failures of fibers logged as errors. */
export const withEverythingLogged = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withUnhandledErrorLogLevel(effect, Option.some(LogLevel.Error))
