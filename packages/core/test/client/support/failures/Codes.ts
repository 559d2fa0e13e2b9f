/** Operations that a party ends with a code: every code, every way. */
import * as ProposalPolicy from "../../../../src/services/ProposalPolicy.js"
import type { EndedBy } from "../../../../src/protocol/Errors.js"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import {
  amount,
  awaiting,
  behaves,
  declines,
  declinesUpdates,
  fork,
  given,
  type OpenWorld,
  row,
  type RowOf,
  shutdown,
  tagOfCode,
  transfer,
  transferred,
  whileHeld
} from "./Row.js"

const codes = [1, 2, 3, 4, 5, 42, 128, 147, 65_535]

/**
 * On the wire a peer's 3 looks like our node's own, which is what it nearly always is; and so does its 5 where there is
 * something for the chain, in a shutdown.
 */
const told = (code: number, operation: "transfer" | "shutdown" = "transfer"): EndedBy =>
  code === 3 || (code === 5 && operation === "shutdown") ? "node" : "peer"

export const codeRows: ReadonlyArray<RowOf<OpenWorld>> = codes.flatMap(
  (code): ReadonlyArray<RowOf<OpenWorld>> => {
    const tag = tagOfCode(code)
    return [
      row(tag, `${code}, we call a transfer off`, {
        fails: whileHeld(transfer, ({ ours }) => ours.abort(code)),
        fields: transferred("sign.update", code, "we"),
        mends: ({ own }) => behaves(own),
        after: "usable"
      }),
      row(tag, `${code}, our signer declines a transfer`, {
        fails: given(({ own }) => {
          own.sign = () => Effect.fail(ProposalPolicy.decline(code))
        }),
        fields: transferred("sign.update", code, "we"),
        mends: ({ own }) => behaves(own),
        after: "usable"
      }),
      row(tag, `${code}, we call a shutdown off`, {
        fails: whileHeld(shutdown, ({ ours }) => ours.abort(code)),
        fields: { ...transferred("sign.shutdown_sign", code, "we"), operation: "shutdown" },
        mends: ({ own }) => behaves(own),
        after: "usable"
      }),
      row(tag, `${code}, the peer declines a transfer`, {
        fails: given(({ peer }) => {
          peer.decide = declines(code)
        }),
        fields: transferred(awaiting, code, told(code)),
        mends: ({ peer }) => behaves(peer),
        after: "usable"
      }),
      row(tag, `${code}, the peer declines a transfer from itself to us`, {
        fails: given(
          ({ peer }) => {
            peer.decide = declinesUpdates(code)
          },
          ({ ours, own, peer }) =>
            ours.transfer({ amount, from: peer.keyPair.address, to: own.keyPair.address })
        ),
        fields: transferred(awaiting, code, told(code)),
        mends: ({ peer }) => behaves(peer),
        after: "usable"
      }),
      row(tag, `${code}, the peer declines a shutdown`, {
        fails: given(({ peer }) => {
          peer.decide = declines(code)
        }, shutdown),
        fields: { ...transferred(awaiting, code, told(code, "shutdown")), operation: "shutdown" },
        mends: ({ peer }) => behaves(peer),
        after: "usable"
      }),
      row(tag, `${code}, the peer calls its answer off`, {
        fails: ({ ours, peer, theirs }) =>
          Effect.gen(function* () {
            yield* peer.holds
            const fiber = yield* fork(ours.transfer({ amount }))
            yield* peer.nextAsked
            yield* theirs.abort(code)
            return yield* Fiber.join(fiber)
          }),
        fields: transferred(awaiting, code, told(code)),
        mends: ({ peer }) => behaves(peer),
        after: "usable"
      })
    ]
  }
)
