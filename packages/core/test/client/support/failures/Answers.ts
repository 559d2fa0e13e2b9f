/** What the node refuses, lies about, or says so that nobody can read it. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { AccountAddress, ContractId } from "../../../../src/encoding/ApiEncoding.js"
import * as ApiEncoding from "../../../../src/encoding/ApiEncoding.js"
import { coin, other } from "../../../support/NodeUnderTest.js"
import {
  amount,
  type Attempt,
  awaiting,
  behaves,
  damageOnce,
  failureOf,
  fork,
  given,
  later,
  type OpenWorld,
  put,
  refused,
  replaceOnce,
  row,
  type RowOf,
  shutdown,
  transferred,
  wrong
} from "./Row.js"

const forged = {
  account: "ak_forged" as AccountAddress,
  contract: "ct_forged" as ContractId
}

const rejected = (
  label: string,
  fails: (world: OpenWorld) => Attempt,
  fields: ReturnType<typeof refused>,
  advice: RegExp
): RowOf<OpenWorld> =>
  row("RejectedError", `${[fields.code, ...fields.data.map(({ code }) => code)].join(" ")}, ${label}`, {
    fails,
    fields,
    says: advice,
    after: "usable"
  })

export const rejections: ReadonlyArray<RowOf<OpenWorld>> = [
  rejected(
    "more than there is",
    ({ ours }) => ours.transfer({ amount: 1000n * coin }),
    refused("transfer", 3, 1001),
    /Lower the amount/
  ),
  rejected(
    "what breaks the reserve",
    ({ ours }) =>
      Effect.flatMap(ours.latest.get, ({ balances }) =>
        ours.transfer({ amount: balances[ours.role] - coin / 10n + 1n })
      ),
    refused("transfer", 3, 1001),
    /channel reserve/
  ),
  rejected(
    "a negative amount",
    ({ ours }) => ours.transfer({ amount: -1n }),
    refused("transfer", 3, 1002),
    /start at zero/
  ),
  rejected(
    "to oneself",
    ({ ours, own }) => ours.transfer({ amount, from: own.keyPair.address, to: own.keyPair.address }),
    refused("transfer", 3, 1003),
    /two parties/
  ),
  rejected(
    "to a stranger",
    ({ ours }) => ours.transfer({ amount, to: other.address }),
    refused("transfer", 3, 1003),
    /two parties/
  ),
  rejected(
    "to an account that is none",
    ({ ours }) => ours.transfer({ amount, to: forged.account }),
    refused("transfer", 3, 1005),
    /ak_/
  ),
  rejected(
    "an unknown block",
    ({ ours }) => ours.transfer({ amount, blockHash: ApiEncoding.encode("kh", new Uint8Array(32).fill(9)) }),
    refused("transfer", -32603),
    /check the parameters/
  ),
  rejected(
    "balances of an account that is none",
    ({ ours }) => ours.balances([forged.account]),
    refused("get.balances", 3, 1005),
    /ak_/
  ),
  rejected(
    "a proof of a stranger's account",
    ({ ours }) => ours.poi({ accounts: [other.address] }),
    refused("get.poi", 3, 100),
    /off-chain state/
  ),
  rejected(
    "a proof of things that are none",
    ({ ours }) => ours.poi({ accounts: [forged.account], contracts: [forged.contract] }),
    refused("get.poi", 3, 1005, 1006),
    /ak_/
  ),
  rejected(
    "a message that is too long",
    ({ ours }) => ours.sendMessage("é".repeat(32_501)),
    refused("message", -32000),
    /65000 bytes/
  ),
  rejected(
    "a fee below the minimum",
    ({ ours }) => ours.shutdown({ fee: 1n }),
    refused("shutdown", -32603),
    /check the parameters/
  ),
  rejected(
    "a negative fee",
    ({ ours }) => ours.shutdown({ fee: -1n }),
    refused("shutdown", -32603),
    /check the parameters/
  ),
  rejected(
    "a fee above the balances",
    ({ ours }) => ours.shutdown({ fee: 1000n * coin }),
    refused("shutdown", 3, 1001),
    /Lower the amount/
  ),
  row("RejectedError", "3 1018, too late to call it off", {
    fails: ({ ours, peer }) =>
      Effect.gen(function* () {
        yield* peer.holds
        yield* fork(ours.transfer({ amount }))
        yield* peer.nextAsked
        return yield* ours.abort(4)
      }),
    fields: refused("abort", 3, 1018),
    says: /too late/,
    // The transfer is still with the peer's signer; its node's timer ends it.
    mends: ({ peer }) => Effect.zipRight(behaves(peer), later(120_000)),
    after: "usable"
  }),
  row("RejectedOnChainError", "5, a closing transaction that the mempool refuses", {
    fails: ({ ours }) => ours.shutdown({ nonce: 99n }),
    fields: { ...transferred(awaiting, 5, "node"), operation: "shutdown" },
    after: "usable"
  })
]

export const lies: ReadonlyArray<RowOf<OpenWorld>> = [
  row("VerificationError", "the amount of our transfer", {
    fails: given(({ own }) =>
      damageOnce(own, "sign.update", put(["params", "data", "updates", 0, "amount"], 6))
    ),
    fields: { ...wrong("transfer", "amount"), expected: "5", actual: "6" },
    after: "usable"
  }),
  row("VerificationError", "another channel", {
    fails: given(({ own }) =>
      damageOnce(
        own,
        "sign.update",
        put(["params", "channel_id"], ApiEncoding.encode("ch", new Uint8Array(32).fill(1)))
      )
    ),
    fields: wrong("report", "channelId"),
    after: "usable"
  }),
  row("VerificationError", "the closing transaction's updates", {
    fails: given(
      ({ own }) =>
        damageOnce(
          own,
          "sign.shutdown_sign",
          put(["params", "data", "updates"], [{ op: "OffChainMeta", data: "x" }])
        ),
      shutdown
    ),
    fields: wrong("shutdown", "updates"),
    after: "usable"
  }),
  row("VerificationError", "the balances", {
    fails: given(
      ({ own }) => damageOnce(own, "result", put(["result", 0, "balance"], 1)),
      ({ ours }) => ours.balances()
    ),
    fields: { ...wrong("get.balances", "balance"), actual: "1" },
    after: "usable"
  }),
  row("ValidationError", "1, the peer finds that its node lies about our transfer", {
    fails: ({ ours, peer, theirs }) =>
      Effect.gen(function* () {
        damageOnce(peer, "sign.update_ack", put(["params", "data", "updates", 0, "amount"], 6))
        const error = yield* failureOf(ours.transfer({ amount }))
        const event = yield* Stream.runHead(
          Stream.filter(theirs.events, ({ _tag }) => _tag === "VerificationFailed")
        )
        expect(event).toMatchObject({ value: { error: { operation: "update", field: "stateHash" } } })
        return yield* Effect.fail(error)
      }),
    fields: transferred(awaiting, 1, "peer"),
    after: "usable"
  })
]

export const unreadable: ReadonlyArray<RowOf<OpenWorld>> = [
  row("DecodeError", "a reply of another kind", {
    fails: given(
      ({ own }) => damageOnce(own, "result", put(["result"], { nothing: "known" })),
      ({ ours }) => ours.balances()
    ),
    fields: { what: "reply", reason: "unexpected_value" },
    says: /may speak another dialect/,
    after: "usable"
  }),
  row("DecodeError", "a reply whose frame is damaged", {
    fails: given(
      ({ own }) => damageOnce(own, "result", put(["channel_id"], 5)),
      ({ ours }) => ours.balances()
    ),
    fields: { what: "frame", reason: "channel_id", where: ["channel_id"] },
    after: "usable"
  }),
  row("DecodeError", "a proof of inclusion that is none", {
    fails: given(
      ({ own }) =>
        damageOnce(own, "result", put(["result", "poi"], ApiEncoding.encode("pi", new Uint8Array([1])))),
      ({ ours }) => ours.poi()
    ),
    fields: { _tag: "DecodeError" },
    after: "usable"
  }),
  row("DecodeError", "a state whose trees are none", {
    fails: given(
      ({ own }) =>
        damageOnce(own, "result", put(["result", "trees"], ApiEncoding.encode("ss", new Uint8Array([1])))),
      ({ ours }) => ours.offChainState
    ),
    fields: { _tag: "DecodeError" },
    after: "usable"
  }),
  row("DecodeError", "a signing request cut short", {
    fails: given(({ own }) => replaceOnce(own, "sign.update", (text) => text.slice(0, text.length / 2))),
    fields: { _tag: "DecodeError" },
    after: "usable"
  }),
  row("ValidationError", "1, the peer cannot read what it is to sign", {
    fails: given(({ peer }) =>
      damageOnce(peer, "sign.update_ack", put(["params", "data", "signed_tx"], "tx_AAAA"))
    ),
    fields: transferred(awaiting, 1, "peer"),
    after: "usable"
  }),
  row("ValidationError", "1, the peer gets half of what it is to sign (shutdown)", {
    fails: given(
      ({ peer }) => replaceOnce(peer, "sign.shutdown_sign_ack", (text) => text.slice(0, text.length / 2)),
      shutdown
    ),
    fields: { ...transferred(awaiting, 1, "peer"), operation: "shutdown" },
    after: "usable"
  }),
  row("DecodeError", "a signing request whose transaction is damaged", {
    fails: given(({ own }) =>
      damageOnce(own, "sign.update", put(["params", "data", "signed_tx"], "tx_AAAA"))
    ),
    fields: { where: ["signed_tx"] },
    after: "usable"
  })
]
