/** Our signer and our store, and those of the peer. */
import * as Effect from "effect/Effect"
import * as Json from "../../../../src/encoding/Json.js"
import { other } from "../../../support/NodeUnderTest.js"
import { name } from "../../../support/RawClient.js"
import {
  awaiting,
  behaves,
  given,
  later,
  type OpenWorld,
  row,
  type RowOf,
  shutdown,
  signerError,
  storeError,
  timed,
  transferred,
  type World
} from "./Row.js"

export const signers: ReadonlyArray<RowOf<OpenWorld>> = [
  ...(["refused", "failed", "interrupted", "invalid"] as const).map((reason) =>
    row<OpenWorld>("SignerError", `${reason}, says the signer`, {
      fails: given(({ own }) => {
        own.sign = () => Effect.fail(signerError(reason))
      }),
      fields: { operation: "transfer", reason },
      mends: ({ own }) => behaves(own),
      after: "usable"
    })
  ),
  row("SignerError", "interrupted, the signer is called off from outside", {
    fails: given(({ own }) => {
      own.sign = () => Effect.interrupt
    }),
    fields: { operation: "transfer", reason: "interrupted" },
    mends: ({ own }) => behaves(own),
    after: "usable"
  }),
  row("SignerError", "failed, the signer breaks", {
    fails: given(({ own }) => {
      own.sign = () => Effect.die(new Error("the key sk_secret is broken"))
    }),
    fields: { operation: "transfer", reason: "failed", detail: "the signer ended with an unexpected error" },
    mends: ({ own }) => behaves(own),
    after: "usable"
  }),
  row("SignerError", "invalid, another key", {
    fails: given(({ own }) => {
      own.sign = (details) => Effect.succeed(own.signed(details, other))
    }),
    fields: { operation: "transfer", reason: "invalid" },
    mends: ({ own }) => behaves(own),
    after: "usable"
  }),
  row("SignerError", "invalid, no signature", {
    fails: given(({ own }) => {
      own.sign = ({ signedTx }) => Effect.succeed(signedTx)
    }, shutdown),
    fields: { operation: "shutdown", reason: "invalid" },
    mends: ({ own }) => behaves(own),
    after: "usable"
  }),
  row("AbortError", "4, the peer's signer breaks", {
    fails: given(({ peer }) => {
      peer.sign = () => Effect.die(new Error("broken"))
    }),
    fields: transferred(awaiting, 4, "peer"),
    mends: ({ peer }) => behaves(peer),
    after: "usable"
  }),
  row("AbortError", "4, the peer's policy breaks", {
    fails: given(({ peer }) => {
      peer.decide = () => Effect.die(new Error("broken"))
    }),
    fields: transferred(awaiting, 4, "peer"),
    mends: ({ peer }) => behaves(peer),
    after: "usable"
  })
]

const heals = ({ own }: World) =>
  Effect.sync(() => {
    own.store = {}
  })

export const stores: ReadonlyArray<RowOf<OpenWorld>> = [
  ...(["write", "conflict"] as const).map((reason) =>
    row<OpenWorld>("StoreError", `${reason}, before our signature`, {
      fails: given(({ own }) => {
        own.store = { write: storeError("write", reason) }
      }),
      fields: { operation: "write", reason },
      says: reason === "write" ? /repair the store/ : /one client for each party/,
      parameters: timed({ sign: 2000 }),
      // At the latest the node's timer ends what was not signed.
      mends: (world) => Effect.zipRight(heals(world), later(2000)),
      after: "frozen"
    })
  ),
  row("StoreError", "write, of the co-signed state", {
    fails: given(({ own }) => {
      own.damage = (text) => {
        if (name(Json.parseOrThrow(text)) === "update") own.store = { write: storeError("write", "write") }
        return [text]
      }
    }),
    fields: { operation: "write", reason: "write" },
    mends: heals,
    after: "frozen"
  }),
  row("StoreError", "write, between our signer and the node", {
    fails: given(({ own }) => {
      own.sign = (details) => {
        own.store = { write: storeError("write", "write") }
        return Effect.succeed(own.signed(details))
      }
    }, shutdown),
    fields: { operation: "write", reason: "write" },
    after: "frozen"
  }),
  row("AbortError", "4, the peer's store fails", {
    fails: given(({ peer }) => {
      peer.store = { write: storeError("write", "write") }
    }),
    fields: transferred(awaiting, 4, "peer"),
    after: "alone"
  })
]
