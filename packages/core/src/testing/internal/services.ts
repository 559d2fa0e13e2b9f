/** Generators of what the client keeps. */
import * as fc from "effect/FastCheck"
import type { ChannelTerms, Role } from "../../protocol/OpenParameters.js"
import type {
  ChannelRecord,
  Exposure,
  Intent,
  PendingOperation,
  RecordKey,
  StoredRecord,
  StoredState
} from "../../services/ChannelStore.js"
import * as Trees from "../../state/Trees.js"
import { signedTx } from "./chain.js"
import { type Arbitrary, record } from "./combinators.js"
import { account, amount, bytes, channelId, fsmId, safeNat, text, txHash } from "./encodings.js"
import { request, signTag } from "./protocol.js"
import { trees, update } from "./state.js"

const maybe = <A>(arbitrary: Arbitrary<A>): Arbitrary<A | undefined> =>
  fc.option(arbitrary, { nil: undefined })
const role = fc.constantFrom<Role>("initiator", "responder")

const terms = record<ChannelTerms>({
  initiatorId: account,
  responderId: account,
  initiatorAmount: amount,
  responderAmount: amount,
  pushAmount: amount,
  channelReserve: amount,
  lockPeriod: safeNat
})

const intent = record<Intent>({
  txHash,
  tag: signTag,
  round: safeNat,
  decision: fc.constantFrom<Intent["decision"]>("requested", "policy accepted")
})

const exposure = record<Exposure>({
  txHash,
  tag: signTag,
  side: fc.constantFrom<Exposure["side"]>("starter", "acknowledger"),
  round: safeNat,
  signedTx,
  updates: fc.array(update, { maxLength: 2 }),
  ownBalance: amount
})

const pending = record<PendingOperation>({ kind: text, request: maybe(request), txHash: maybe(txHash) })

/** What a record is found by. @since 0.1.0 @category stores */
export const recordKey: Arbitrary<RecordKey> = record<RecordKey>({ channelId, role })

/** What a client keeps of a channel; its parts need not fit together. @since 0.1.0 @category stores */
export const channelRecord: Arbitrary<ChannelRecord> = record<ChannelRecord>({
  channelId,
  role,
  ownAddress: account,
  networkId: text,
  terms,
  fsmId: maybe(fsmId),
  round: safeNat,
  coSigned: maybe(signedTx),
  trees: fc.oneof(bytes, trees.map(Trees.encode)),
  ground: maybe(record<StoredState>({ signedTx, trees: bytes })),
  intents: fc.array(intent, { maxLength: 3 }),
  exposure: fc.array(exposure, { maxLength: 2 }),
  frozen: maybe(text),
  pending: maybe(pending),
  forced: fc.array(signedTx, { maxLength: 2 }),
  generalized: maybe(fc.array(account, { maxLength: 2 }))
})

/** A record with its version. @since 0.1.0 @category stores */
export const storedRecord: Arbitrary<StoredRecord> = record<StoredRecord>({
  version: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  record: channelRecord
})
