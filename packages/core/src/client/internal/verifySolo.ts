/**
 * What must hold before we sign what takes nobody else's signature: it says what the latest co-signed state says, in our
 * name, at a price that we agreed to.
 *
 * @internal
 */
import * as SignedTx from "../../chain/SignedTx.js"
import type * as Transaction from "../../chain/Transaction.js"
import * as DecodeError from "../../encoding/DecodeError.js"
import { VerificationError } from "../../protocol/Errors.js"
import type { SignRequest } from "../../protocol/NodeMessage.js"
import * as Poi from "../../state/Poi.js"
import * as Trees from "../../state/Trees.js"
import type { CoSignedState } from "../ChannelEvent.js"
import {
  bodyOf,
  type Check,
  type Context,
  feeChecks,
  hex,
  onChainChecks,
  optionsOf,
  outcome,
  same,
  sameBytes,
  type Verified,
  wrongType
} from "./checks.js"
import { agreedOf, contentOf } from "./agreement.js"
import { isCoSigned, signatureChecks } from "./coSigned.js"
import type { ClientState, OperationRequest } from "./model.js"

export const reading = <A>(read: () => A): A | undefined => {
  try {
    return read()
  } catch (error) {
    if (error instanceof DecodeError.DecodeError) return undefined
    throw error
  }
}

/** A co-signed transaction inside another; `undefined` when there is none. */
export const readPayload = (payload: Uint8Array): SignedTx.SignedTx | undefined =>
  reading(() => SignedTx.decodeOrThrow(payload))

/**
 * What both must have signed for this to be on chain: itself, where it moves coins, or the state that it shows. Whether
 * they have is for the caller to check.
 */
export const shownBy = (signedTx: SignedTx.SignedTx): SignedTx.SignedTx | undefined => {
  const { tx } = contentOf(signedTx)
  switch (tx._tag) {
    case "ChannelDepositTx":
    case "ChannelWithdrawTx":
      return agreedOf(signedTx)
    case "ChannelSnapshotSoloTx":
    case "ChannelCloseSoloTx":
    case "ChannelSlashTx":
    case "ChannelForceProgressTx":
      return tx.payload.length === 0 ? undefined : readPayload(tx.payload)
    default:
      return undefined
  }
}

/**
 * The latest co-signed state. One that came on chain by itself is none that the chain takes: it is there already, and a
 * payload must be an off-chain transaction.
 */
export function* payloadChecks(context: Context, latest: CoSignedState, bytes: Uint8Array): Generator<Check> {
  const expected = SignedTx.bodyHash(latest.signedTx)
  const payload = readPayload(bytes)
  const actual = payload === undefined ? `${bytes.length} other bytes` : SignedTx.bodyHash(payload)
  yield [
    "payload",
    contentOf(latest.signedTx).tx._tag === "ChannelOffchainTx",
    "no state that is on chain",
    actual
  ]
  yield same("payload", expected, actual)
  yield [
    "payload",
    payload !== undefined && isCoSigned(context, payload, latest.signedTx),
    "the signatures of both parties",
    "others"
  ]
}

/** The proof is about the latest state, and shows both parties' balances in it. */
function* poiChecks({ config }: Context, latest: CoSignedState, bytes: Uint8Array): Generator<Check> {
  const poi = reading(() => Poi.decodeOrThrow(bytes))
  if (poi === undefined) {
    yield ["poi", false, "a proof of inclusion", hex(bytes.subarray(0, 32))]
    return
  }
  yield sameBytes("stateHash", Trees.stateHash(latest.trees), Poi.stateHash(poi))
  const { initiatorId, responderId } = config.terms
  for (const [party, balance] of [
    [initiatorId, latest.balances.initiator],
    [responderId, latest.balances.responder]
  ] as const)
    yield same("poi", `${party} ${balance}`, `${party} ${Poi.account(poi, party)?.balance ?? "not shown"}`)
}

/** Whether there is something to slash with: what both signed, be it before a call that a fork has dropped. */
export const canShow = ({ ground, latest }: Pick<ClientState, "ground" | "latest">): boolean => {
  const shown = ground ?? latest
  return shown !== undefined && contentOf(shown.signedTx).tx._tag === "ChannelOffchainTx"
}

const verified = ({ channelId, round, balances }: CoSignedState): Verified => ({
  channelId,
  round,
  after: balances
})

type SoloTx =
  | Transaction.ChannelSnapshotSoloTx
  | Transaction.ChannelCloseSoloTx
  | Transaction.ChannelSlashTx
  | Transaction.ChannelSettleTx

/** The verification of one kind of transaction; `contents` checks what is neither its name nor its price. */
const solo =
  <T extends SoloTx>(
    isKind: (tx: Transaction.Transaction) => tx is T,
    contents: (context: Context, latest: CoSignedState, tx: T) => Iterable<Check>
  ) =>
  (
    context: Context,
    { ground, latest }: { readonly latest: CoSignedState; readonly ground: CoSignedState | undefined },
    request: SignRequest,
    asked: OperationRequest | undefined
  ): Verified | VerificationError => {
    const tx = bodyOf(request)
    if (!isKind(tx)) return wrongType(context, request)
    const checks = function* (state: CoSignedState): Generator<Check> {
      const options = optionsOf(asked)
      yield same("channelId", state.channelId, tx.channelId)
      yield same("fromId", context.config.own, tx.fromId)
      yield* contents(context, state, tx)
      yield* onChainChecks(context, tx, options, request)
      yield* feeChecks(context, tx, options)
      yield same("updates", 0, request.updates.length)
      yield* signatureChecks(context, request)
    }
    const judge = (state: CoSignedState) => outcome(context, checks(state), verified(state))
    const ofLatest = judge(latest)
    if (ground === undefined || !(ofLatest instanceof VerificationError)) return ofLatest
    // Forks may drop what was forced, and then it is all there is to show. While the chain has what was forced it takes
    // nothing older, so that nothing is lost by it.
    const ofGround = judge(ground)
    return ofGround instanceof VerificationError ? ofLatest : ofGround
  }

/** Puts the latest state on chain. */
export const verifySnapshot = solo(
  (tx) => tx._tag === "ChannelSnapshotSoloTx",
  (context, latest, { payload }) => payloadChecks(context, latest, payload)
)

/**
 * Closes with the latest state. The payload is empty if the chain holds that state already; if it does not, the chain
 * does not take the proof, so that nothing but time is lost by it.
 */
export const verifyCloseSolo = solo(
  (tx) => tx._tag === "ChannelCloseSoloTx",
  function* (context, latest, { payload, poi }) {
    if (payload.length > 0) yield* payloadChecks(context, latest, payload)
    yield* poiChecks(context, latest, poi)
  }
)

/** Answers an older state with the latest. */
export const verifySlash = solo(
  (tx) => tx._tag === "ChannelSlashTx",
  function* (context, latest, { payload, poi }) {
    yield* payloadChecks(context, latest, payload)
    yield* poiChecks(context, latest, poi)
  }
)

/** Pays out the latest balances. */
export const verifySettle = solo(
  (tx) => tx._tag === "ChannelSettleTx",
  function* (_context, latest, tx) {
    yield same("initiatorAmountFinal", latest.balances.initiator, tx.initiatorAmountFinal)
    yield same("responderAmountFinal", latest.balances.responder, tx.responderAmountFinal)
  }
)
