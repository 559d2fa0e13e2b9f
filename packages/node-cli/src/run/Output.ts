/**
 * What a run prints: lines for people, or one JSON value per line for programs.
 *
 * @since 0.1.0
 */
import * as Json from "@aechannel/core/encoding/Json"
import type { JsonObject } from "@aechannel/core/encoding/Json"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { NamedEvent } from "./Events.js"
import type { StepFailed } from "./Problems.js"

/** @since 0.1.0 @category models */
export interface PartyLine {
  readonly name: string
  readonly role: string
  readonly address: string
  readonly remote: boolean
}

/** @since 0.1.0 @category models */
export interface Beginning {
  readonly title: string | undefined
  /** `embedded`, or the node's URL. */
  readonly node: string
  readonly networkId: string
  readonly parties: ReadonlyArray<PartyLine>
}

/** A step, as it is told. @since 0.1.0 @category models */
export interface StepLine {
  readonly step: string
  readonly kind: string
  readonly name: string | undefined
  readonly describe: string
}

/** @since 0.1.0 @category models */
export interface Ending {
  readonly ok: boolean
  readonly steps: number
  readonly failed: ReadonlyArray<string>
  /** What ended the run. */
  readonly problem: string | undefined
}

/** @since 0.1.0 @category models */
export interface Output {
  readonly begin: (beginning: Beginning) => Effect.Effect<void>
  /** A frame on a party's socket, in words. */
  readonly frame: (from: string, to: string, what: string) => Effect.Effect<void>
  readonly event: (party: string, event: NamedEvent) => Effect.Effect<void>
  readonly step: (line: StepLine) => Effect.Effect<void>
  /** A step did what it was to do: with a result, or it failed as the script says. */
  readonly done: (line: StepLine, said: string, result: JsonObject) => Effect.Effect<void>
  readonly failedAsExpected: (line: StepLine, message: string, error: JsonObject) => Effect.Effect<void>
  readonly failed: (failure: StepFailed) => Effect.Effect<void>
  readonly end: (ending: Ending) => Effect.Effect<void>
  /** Whether frames are shown at all. */
  readonly wantsFrames: boolean
}

const indent = (step: string): string => "  ".repeat(step.split(".").length)

/** Branches end in any order: their outcomes say whose they are. */
const mark = (step: string, sign: string): string =>
  `${indent(step)}${sign}${step.includes(".") ? ` ${step}` : ""}`

const nameWidth = 5

/** For people. `quiet`: steps and their outcome only, without the conversation. @since 0.1.0 @category constructors */
export const text = (options: { readonly quiet: boolean }): Output => ({
  begin: ({ title, node, networkId, parties }) =>
    Effect.forEach(
      [
        ...(title === undefined ? [] : [title]),
        `Node: ${node === "embedded" ? "embedded" : node}, network ${networkId}`,
        ...parties.map(
          ({ name, role, address, remote }) =>
            `${name}, the ${role}, is ${address}${remote ? " (driven by somebody else)" : ""}`
        )
      ],
      (line) => Console.log(line),
      { discard: true }
    ),
  frame: (from, to, what) => Console.log(`    ${from.padEnd(nameWidth)} → ${to.padEnd(nameWidth)}  ${what}`),
  event: () => Effect.void,
  step: ({ step, name, describe }) =>
    Console.log(`\n${indent(step).slice(2)}${step}. ${name === undefined ? "" : `${name}: `}${describe}`),
  done: ({ step }, said) => (said === "" ? Effect.void : Console.log(`${mark(step, "=")} ${said}`)),
  failedAsExpected: ({ step }, message) => Console.log(`${mark(step, "=")} failed, as it was to: ${message}`),
  failed: ({ step, expected, came }) =>
    Console.log(
      `${indent(step)}! step ${step} failed\n${indent(step)}  expected ${expected}\n${indent(step)}  came ${came}`
    ),
  end: ({ ok, steps }) => (ok ? Console.log(`\nAll ${steps} steps did what the script says.`) : Effect.void),
  wantsFrames: !options.quiet
})

const line = (json: JsonObject): Effect.Effect<void> => Console.log(Json.stringify(json))

const named = (name: string | undefined): JsonObject => (name === undefined ? {} : { name })

/** For programs; the lines are described in SCRIPTS.md. @since 0.1.0 @category constructors */
export const json: Output = {
  begin: ({ title, node, networkId, parties }) =>
    line({
      type: "begin",
      version: 1,
      ...(title === undefined ? {} : { title }),
      node,
      networkId,
      parties: parties.map(({ name, role, address, remote }) => ({ name, role, address, remote }))
    }),
  frame: () => Effect.void,
  event: (party, { name, data }) => line({ type: "event", party, event: name, data }),
  step: () => Effect.void,
  done: ({ step, kind, name }, _, result) =>
    line({ type: "step", step, kind, ...named(name), ok: true, result }),
  failedAsExpected: ({ step, kind, name }, _, error) =>
    line({ type: "step", step, kind, ...named(name), ok: true, error }),
  failed: ({ step, kind, name, expected, came, error }) =>
    line({
      type: "step",
      step,
      kind,
      ...named(name),
      ok: false,
      expected,
      came,
      ...(error === undefined ? {} : { error })
    }),
  end: ({ ok, steps, failed, problem }) =>
    line({ type: "end", ok, steps, failed, ...(problem === undefined ? {} : { problem }) }),
  wantsFrames: false
}
