/** Openings that come to nothing. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ApiEncoding from "../../../../src/encoding/ApiEncoding.js"
import { type EndedBy, TransportError } from "../../../../src/protocol/Errors.js"
import type { Role } from "../../../../src/protocol/OpenParameters.js"
import { Transport } from "../../../../src/services/Transport.js"
import { coin, other } from "../../../support/NodeUnderTest.js"
import { Puppet } from "../Puppets.js"
import {
  type Attempt,
  both,
  type Changes,
  damageOnce,
  declines,
  fork,
  later,
  put,
  refused,
  type RowOf,
  says as usually,
  signerError,
  storeError,
  type Tag,
  tagOfCode,
  type World,
  wrong
} from "./Row.js"

/** What helps an opening is not what helps an open channel. */
const says: typeof usually = {
  ...usually,
  ValidationError: /Compare both parties' terms, keys and networks/,
  TimeoutError:
    /Check that the peer is there, with the same terms, that the network id is .* each party can pay/,
  AbortError: /Nothing is on chain; open another one/
}

/** Both open, with these parameters; ours is the attempt. */
const opening =
  (
    prepare: (world: World) => unknown = () => undefined,
    meanwhile: (world: World) => Effect.Effect<unknown> = () => Effect.void
  ) =>
  (world: World, { own, peer }: { readonly own?: Changes; readonly peer?: Changes } = {}): Attempt =>
    Effect.gen(function* () {
      prepare(world)
      const theirs = yield* Effect.forkScoped(Effect.exit(world.peer.open(peer)))
      const fiber = yield* fork(world.own.open(own))
      yield* meanwhile(world)
      const result = yield* Effect.exit(Fiber.join(fiber))
      yield* Fiber.interrupt(theirs)
      return yield* result
    })

export interface OpeningRow extends Omit<RowOf<World>, "fails"> {
  readonly fails: (world: World, parameters: { readonly own?: Changes; readonly peer?: Changes }) => Attempt
}

const openingRow = (
  tag: Tag,
  label: string,
  rest: Omit<OpeningRow, "name" | "tag" | "says" | "after"> & { readonly says?: RegExp }
): OpeningRow => ({ says: says[tag], after: "unopened", ...rest, tag, name: `${tag}: ${label}` })

const notOpened = (step: string, code: number, endedBy: EndedBy) => ({
  operation: "open",
  step,
  code,
  endedBy,
  round: 0
})

const alone = ({ own }: World, { own: changes }: { readonly own?: Changes }): Attempt => own.open(changes)

const lonely =
  (milliseconds: number) =>
  (world: World, parameters: { readonly own?: Changes }): Attempt =>
    Effect.gen(function* () {
      const fiber = yield* fork(alone(world, parameters))
      yield* later(milliseconds)
      return yield* Fiber.join(fiber)
    })

const signTag = (role: Role) => `${role}_sign`

export const openingRows: ReadonlyArray<OpeningRow> = [
  ...[1, 4, 42, 147].map((code) =>
    openingRow(tagOfCode(code), `${code}, our policy declines the opening`, {
      fails: opening(({ own }) => {
        own.decide = declines(code)
      }),
      fields: notOpened("policy", code, "we")
    })
  ),
  ...both.map((role) =>
    openingRow(tagOfCode(4), `4, we call the opening off (${role})`, {
      roles: [role],
      fails: (world) =>
        Effect.gen(function* () {
          yield* world.own.holds
          yield* Effect.forkScoped(Effect.exit(world.peer.open()))
          const session = yield* world.own.connect()
          const fiber = yield* fork(session.opened)
          yield* world.own.nextAsked
          // The abort of an opening is the end of its connection, which may be told first.
          yield* Effect.exit(session.abort(4))
          return yield* Fiber.join(fiber)
        }),
      fields: notOpened(`sign.${signTag(role)}`, 4, "we")
    })
  ),
  openingRow("ValidationError", "1, the amounts differ: our node finds another state hash", {
    roles: ["responder"],
    fails: opening(),
    parameters: { peer: { initiatorAmount: 11n * coin } },
    fields: notOpened("bad_state_hash", 1, "node")
  }),
  openingRow(
    "TransportError",
    "channel_ended, the amounts differ: the peer's node finds another state hash",
    {
      roles: ["initiator"],
      fails: opening(),
      parameters: { peer: { initiatorAmount: 11n * coin } },
      fields: { operation: "open", reason: "channel_ended" },
      says: /Check that both parties gave the same terms.*then open another one/
    }
  ),
  openingRow("TimeoutError", "3, nobody comes (timer accept)", {
    roles: ["initiator"],
    fails: lonely(5000),
    parameters: { own: { timeouts: { accept: 5000 } } },
    fields: notOpened("timeout", 3, "node")
  }),
  openingRow("TimeoutError", "3, nobody comes (timer idle, also awaiting_open)", {
    roles: ["responder"],
    fails: lonely(5000),
    parameters: { own: { keepRunning: false, timeouts: { idle: 5000 } } },
    fields: notOpened("timeout", 3, "node")
  }),
  openingRow("TimeoutError", "3, nobody comes (timer awaiting_open)", {
    roles: ["responder"],
    fails: lonely(5000),
    parameters: { own: { keepRunning: false, timeouts: { awaiting_open: 5000 } } },
    fields: notOpened("timeout", 3, "node")
  }),
  openingRow("TimeoutError", "3, our own signer is too slow (timer sign)", {
    fails: opening(
      ({ own }) => {
        own.sign = () => Effect.never
      },
      ({ own }) => Effect.zipRight(own.nextAsked, later(5000))
    ),
    parameters: { own: { keepRunning: false, timeouts: { sign: 5000 } } },
    fields: notOpened("timeout", 3, "node")
  }),
  openingRow("TimeoutError", "3, the initiator does not sign (timer funding_create)", {
    roles: ["responder"],
    fails: opening(
      ({ peer }) => {
        peer.sign = () => Effect.never
      },
      ({ peer }) => Effect.zipRight(peer.nextAsked, later(5000))
    ),
    parameters: { own: { keepRunning: false, timeouts: { funding_create: 5000 } } },
    fields: notOpened("timeout", 3, "node")
  }),
  openingRow("TimeoutError", "3, the responder does not sign (timer funding_sign)", {
    roles: ["initiator"],
    fails: opening(
      ({ peer }) => {
        peer.sign = () => Effect.never
      },
      ({ peer }) => Effect.zipRight(peer.nextAsked, later(5000))
    ),
    parameters: { own: { timeouts: { funding_sign: 5000 } } },
    fields: notOpened("timeout", 3, "node")
  }),
  openingRow("RejectedError", "3 105, a reserve above the amounts", {
    fails: alone,
    parameters: { own: { channelReserve: 100n * coin } },
    fields: refused("open", 3, 105),
    says: /Raise the amounts/
  }),
  openingRow("RejectedError", "3 1011, an account that is not on chain", {
    fails: ({ own }) =>
      own.open(
        own.role === "initiator"
          ? { responderId: ApiEncoding.encode("ak", new Uint8Array(32).fill(7)) }
          : { initiatorId: ApiEncoding.encode("ak", new Uint8Array(32).fill(7)) }
      ),
    fields: refused("open", 3, 1011),
    says: /fund it first/
  }),
  openingRow("RejectedError", "3 108, a question before the peer is there", {
    roles: ["responder"],
    fails: ({ own }) => Effect.flatMap(own.connect(), (session) => session.balances()),
    fields: refused("get.balances", 3, 108),
    says: /Wait until the peer/
  }),
  openingRow("TransportError", "closed_by_node, a parameter to which a node says nothing", {
    fails: alone,
    parameters: { own: { minimumDepth: -1 } },
    fields: { operation: "open", reason: "closed_by_node", closeCode: 1000 },
    says: /parameters of the opening/
  }),
  openingRow("TransportError", "connect, there is no node", {
    fails: (world) =>
      Effect.updateService(world.own.open(), Transport, () => ({
        connect: () =>
          Effect.fail(new TransportError({ reason: "connect", operation: "connect", detail: "no node" }))
      })),
    fields: { operation: "connect", reason: "connect" },
    says: /Check the node's address/
  }),
  openingRow("TransportError", "channel_ended, the peer goes away before it signs", {
    fails: opening(
      ({ peer }) => {
        peer.sign = () => Effect.never
      },
      ({ peer }) => Effect.zipRight(peer.nextAsked, peer.close)
    ),
    fields: { operation: "open", reason: "channel_ended" }
  }),
  openingRow("TransportError", "channel_ended, the nonce of the create transaction is used", {
    fails: (world, parameters) =>
      Effect.gen(function* () {
        // Another channel of the same parties has it.
        const earlier = [new Puppet("initiator"), new Puppet("responder")].map((each) =>
          each.open({ port: 1234 })
        )
        yield* Effect.all(earlier, { concurrency: "unbounded" })
        const result = yield* Effect.exit(opening()(world, parameters))
        // The responder is spared a signature that is good for nothing.
        const { asked } = world.own.role === "responder" ? world.own : world.peer
        expect(yield* asked.size).toBe(0)
        return yield* result
      }),
    parameters: { own: { nonce: 1n }, peer: { nonce: 1n } },
    fields: { operation: "open", reason: "channel_ended" }
  }),
  openingRow("TransportError", "closed_by_us, the scope is closed while we sign", {
    fails: (world) =>
      Effect.gen(function* () {
        yield* world.own.holds
        yield* Effect.forkScoped(Effect.exit(world.peer.open()))
        const session = yield* world.own.connect()
        const fiber = yield* fork(session.opened)
        yield* world.own.nextAsked
        yield* world.own.close
        return yield* Fiber.join(fiber)
      }),
    fields: { operation: "open", reason: "closed_by_us" },
    says: /Keep the channel's scope open/
  }),
  openingRow("VerificationError", "updates beside the create transaction", {
    fails: opening(({ own }) =>
      damageOnce(
        own,
        `sign.${signTag(own.role)}`,
        put(["params", "data", "updates"], [{ op: "OffChainMeta", data: "x" }])
      )
    ),
    fields: wrong("open", "updates")
  }),
  openingRow("DecodeError", "a create transaction that is none", {
    fails: opening(({ own }) =>
      damageOnce(own, `sign.${signTag(own.role)}`, put(["params", "data", "signed_tx"], "tx_AAAA"))
    ),
    fields: { where: ["signed_tx"] }
  }),
  openingRow("SignerError", "refused, the create transaction", {
    fails: opening(({ own }) => {
      own.sign = () => Effect.fail(signerError("refused"))
    }),
    fields: { reason: "refused" }
  }),
  openingRow("SignerError", "invalid, the signer signs for another account", {
    fails: ({ own }) =>
      own.open(own.role === "initiator" ? { initiatorId: other.address } : { responderId: other.address }),
    fields: { operation: "open", reason: "invalid" }
  }),
  ...(["read", "corrupt"] as const).map((reason) =>
    openingRow("StoreError", `${reason}, before our signature`, {
      fails: opening(({ own }) => {
        own.store = { read: storeError("read", reason) }
      }),
      fields: { operation: "read", reason },
      says: reason === "read" ? /repair the store/ : /restore the record/
    })
  ),
  openingRow("StoreError", "write, before our signature", {
    fails: opening(({ own }) => {
      own.store = { write: storeError("write", "write") }
    }),
    fields: { operation: "write", reason: "write" }
  })
]
