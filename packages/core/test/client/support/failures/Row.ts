/** What every table of failures needs: its rows, the ways to make something fail, and what errors then say. */
import { Effect, Fiber, type Scope, TestClock } from "effect"
import type * as Channel from "../../../../src/client/Channel.js"
import type { FlowError } from "../../../../src/client/ChannelEvent.js"
import * as Json from "../../../../src/encoding/Json.js"
import * as ErrorCodes from "../../../../src/protocol/ErrorCodes.js"
import { type EndedBy, SignerError, StoreError } from "../../../../src/protocol/Errors.js"
import type { Role, TimerName } from "../../../../src/protocol/OpenParameters.js"
import * as ProposalPolicy from "../../../../src/services/ProposalPolicy.js"
import type { Transport } from "../../../../src/services/Transport.js"
import { name } from "../../../support/RawClient.js"
import { changed, type Damage, type Puppet } from "../Puppets.js"

export type Tag = FlowError["_tag"]
export type Changes = Partial<Channel.OpenOptions>
export type Attempt = Effect.Effect<unknown, FlowError, Scope.Scope | Transport>

/** Two parties on one node, of which one is looked at. */
export interface World {
  readonly role: Role
  readonly own: Puppet
  readonly peer: Puppet
}

export interface OpenWorld extends World {
  readonly ours: Channel.Channel
  readonly theirs: Channel.Channel
}

/**
 * What works after the failure: `usable`: transfers of both; `frozen`: all but signing; `alone`: what needs no peer;
 * `ended`: nothing on this connection; `unopened`: another opening.
 */
export type After = "usable" | "frozen" | "alone" | "ended" | "unopened"

export interface RowOf<W extends World> {
  readonly name: string
  readonly tag: Tag
  readonly fails: (world: W) => Attempt
  /** The error's fields; those that are the same for all rows of a kind may be left out. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly says: RegExp
  readonly after: After
  /** Before `after`: what brings the world back to good behaviour. */
  readonly mends?: (world: W) => Effect.Effect<unknown>
  readonly roles?: ReadonlyArray<Role>
  readonly parameters?: { readonly own?: Changes; readonly peer?: Changes }
}

export const both: ReadonlyArray<Role> = ["initiator", "responder"]
export const otherRole = (role: Role): Role => (role === "initiator" ? "responder" : "initiator")

export const says: { readonly [T in Tag]: RegExp } = {
  ValidationError: /Compare both parties' view/,
  ConflictError: /propose again/,
  TimeoutError: /Check that the peer is there/,
  AbortError: /propose again/,
  UserDefinedError: /agreement says/,
  RejectedOnChainError: /Check fee, nonce/,
  ReservedCodeError: /Ask the peer/,
  RejectedError: /\(.*\)\. [A-Z]/,
  TransportError: /open another one/,
  VerificationError: /Do not trust/,
  StoreError: /repair the store/,
  SignerError: /Nothing left us/,
  DecodeError: /Could not read/
}

export const row = <W extends World>(
  tag: Tag,
  label: string,
  rest: Omit<RowOf<W>, "name" | "tag" | "says"> & { readonly says?: RegExp }
): RowOf<W> => ({ says: says[tag], ...rest, tag, name: `${tag}: ${label}` })

export const amount = 5n

export const fork = (attempt: Attempt) => Effect.forkScoped(attempt)

/** The error; that there is none is a defect. */
export const failureOf = <R>(
  attempt: Effect.Effect<unknown, FlowError, R>
): Effect.Effect<FlowError, never, R> =>
  Effect.orDieWith(Effect.flip(attempt), () => new Error("it succeeded"))

/** Our signer is asked and keeps silent; then `next`. */
export const whileHeld =
  (start: (world: OpenWorld) => Attempt, next: (world: OpenWorld) => Effect.Effect<unknown, FlowError>) =>
  (world: OpenWorld): Attempt =>
    Effect.gen(function* () {
      yield* world.own.holds
      const fiber = yield* fork(start(world))
      yield* world.own.nextAsked
      yield* next(world)
      return yield* Fiber.join(fiber)
    })

export const transfer = ({ ours }: OpenWorld): Attempt => ours.transfer({ amount })
export const shutdown = ({ ours }: OpenWorld): Attempt => ours.shutdown()

export const behaves = (puppet: Puppet) =>
  Effect.sync(() => {
    puppet.sign = undefined
    puppet.decide = undefined
    puppet.damage = undefined
  })

/** The peer does something first, then we. */
export const given =
  (first: (world: OpenWorld) => unknown, then: (world: OpenWorld) => Attempt = transfer) =>
  (world: OpenWorld): Attempt =>
    Effect.suspend(() => {
      first(world)
      return then(world)
    })

export const declines = (code: number) => () => Effect.succeed(ProposalPolicy.decline(code))

export const declinesUpdates = (code: number) => (proposal: ProposalPolicy.Proposal) =>
  Effect.succeed(proposal.operation === "open" ? ProposalPolicy.accept : ProposalPolicy.decline(code))

/** Changes the first frame of this name, once. */
export const damageOnce = (
  puppet: Puppet,
  wanted: string,
  damage: (json: Json.Json) => Json.Json | undefined
): void => {
  const once: Damage = (text) => {
    const json = Json.parseOrThrow(text)
    if (name(json) !== wanted) return [text]
    puppet.damage = undefined
    const made = damage(json)
    return made === undefined ? [] : [Json.stringify(made)]
  }
  puppet.damage = once
}

/** Replaces the first frame of this name, once. */
export const replaceOnce = (puppet: Puppet, wanted: string, text: (original: string) => string): void => {
  puppet.damage = (original) => {
    if (name(Json.parseOrThrow(original)) !== wanted) return [original]
    puppet.damage = undefined
    return [text(original)]
  }
}

export const put = (path: ReadonlyArray<string | number>, value: Json.Json) => (json: Json.Json) =>
  changed(json, path, value)

export const later = (milliseconds: number) => Effect.asVoid(TestClock.adjust(milliseconds))

export const tagOfCode = (code: number): Tag => {
  if (code >= 128) return "UserDefinedError"
  const known: Readonly<Record<number, Tag>> = {
    1: "ValidationError",
    2: "ConflictError",
    3: "TimeoutError",
    4: "AbortError",
    5: "RejectedOnChainError"
  }
  return known[code] ?? "ReservedCodeError"
}

export const transferred = (step: string, code: number, endedBy: EndedBy) => ({
  operation: "transfer",
  step,
  code,
  endedBy,
  round: 1
})

export const awaiting = "awaiting the peer's signature"

export const timed = (timeouts: Partial<Record<TimerName, number>>): { readonly own: Changes } => ({
  own: { timeouts }
})

export const refused = (operation: string, code: number, ...data: ReadonlyArray<number>) => ({
  operation,
  code,
  reason: ErrorCodes.errorText(code),
  data: data.map((each) => ({ code: each, message: ErrorCodes.dataText(each) }))
})

export const wrong = (operation: string, field: string) => ({ operation, field })

export const signerError = (reason: SignerError["reason"]) =>
  new SignerError({ operation: "transfer", reason, detail: "a test says so" })

export const storeError = (operation: "read" | "write", reason: StoreError["reason"]) =>
  new StoreError({ operation, reason, detail: "a test says so" })
