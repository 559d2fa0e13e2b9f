/**
 * Who signs for us: a key in memory, a hardware key, a person.
 *
 * Specification: channel WebSocket API, signing requests; æternity consensus, signatures.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer } from "effect"
import * as SignedTx from "../chain/SignedTx.js"
import { Crypto } from "../crypto/Crypto.js"
import type { KeyPair } from "../crypto/KeyPair.js"
import type { AccountAddress, ChannelId } from "../encoding/ApiEncoding.js"
import type { SignerError } from "../protocol/Errors.js"
import type { SignTag } from "../protocol/SignTag.js"
import type { Update } from "../state/Update.js"
import type { Decline } from "./ProposalPolicy.js"

/**
 * What is to be signed. It has been verified, and where it is the peer's proposal, the policy has accepted it.
 *
 * - `operation`: the flow it belongs to: `open`, `transfer`, `new_contract`, `call_contract`, `force_progress`, `deposit`,
 *   `withdraw`, `shutdown`, `snapshot_solo`, `close_solo`, `slash`, `settle`; of the peer's proposals `update`, `deposit`, `withdraw`, `shutdown`
 * - `signedTx`: the transaction with the signatures made so far (the peer's, when we are the second)
 * - `updates`: the off-chain updates that lead to the state it commits to
 * - `round`: the round it leads to; with `shutdown` and what we do alone the round that it is about
 *
 * @since 0.1.0
 * @category models
 */
export interface SigningDetails {
  readonly tag: SignTag
  readonly operation: string
  readonly signedTx: SignedTx.SignedTx
  readonly updates: ReadonlyArray<Update>
  readonly round: number
  readonly channelId: ChannelId
  readonly networkId: string
}

/**
 * - `address`: the account it signs for
 * - `sign`: the transaction with our signature added, in either mode. May take as long as the node's timers let it;
 *   interrupted when the operation is gone. A `SignerError` ends the operation with code 4 (abort) on the wire, a
 *   {@link Decline} with its own code.
 *
 * @since 0.1.0
 * @category models
 */
export interface SignerService {
  readonly address: AccountAddress
  readonly sign: (request: SigningDetails) => Effect.Effect<SignedTx.SignedTx, SignerError | Decline>
}

/**
 * The signer in use.
 *
 * @since 0.1.0
 * @category tags
 */
export class Signer extends Context.Tag("@aechannel/core/Signer")<Signer, SignerService>() {}

/**
 * A signer from its two parts.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (signer: SignerService): Layer.Layer<Signer> => Layer.succeed(Signer, signer)

/**
 * Signs everything at once with a key in memory, over the transaction's hash. What is to be signed for another network
 * than `networkId` is a defect.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerKeyPair = (keyPair: KeyPair, networkId: string): Layer.Layer<Signer, never, Crypto> =>
  Layer.effect(
    Signer,
    Effect.map(Crypto, (crypto) => ({
      address: keyPair.address,
      sign: (request: SigningDetails) =>
        Effect.sync(() => {
          if (request.networkId !== networkId)
            throw new Error(`this signer is for the network ${networkId}, not for ${request.networkId}`)
          return SignedTx.sign(request.signedTx, keyPair, { networkId, crypto })
        })
    }))
  )
