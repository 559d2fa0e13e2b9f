/**
 * Who signs for us: a key in memory, a hardware key, a person.
 *
 * Specification: channel WebSocket API, signing requests; æternity consensus, signatures.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer } from "effect"
import * as Fee from "../chain/Fee.js"
import * as Protocol from "../chain/Protocol.js"
import * as SignedTx from "../chain/SignedTx.js"
import { Crypto } from "../crypto/Crypto.js"
import type { KeyPair } from "../crypto/KeyPair.js"
import type { AccountAddress, ChannelId } from "../encoding/ApiEncoding.js"
import { SignerError } from "../protocol/Errors.js"
import { type SignTag, signTagRow } from "../protocol/SignTag.js"
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
 * - `sign`: the transaction with our signature added, in either mode. Where the peer is a generalized account its meta
 *   transaction may be around what is signed; `SignedTx.sign` and `SignedTx.addSignature` put ours inside. May take as long as the node's timers let it;
 *   interrupted when the operation is gone. A `SignerError` ends the operation with code 4 (abort) on the wire, a
 *   {@link Decline} with its own code.
 * - `generalized`: the account is a generalized one: in place of a signature it adds a meta transaction around all that
 *   is there (see {@link layerGeneralized})
 *
 * @since 0.1.0
 * @category models
 */
export interface SignerService {
  readonly address: AccountAddress
  readonly sign: (request: SigningDetails) => Effect.Effect<SignedTx.SignedTx, SignerError | Decline>
  readonly generalized?: boolean
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

const otherNetwork = (own: string, { networkId, operation }: SigningDetails): SignerError =>
  new SignerError({
    operation,
    reason: "invalid",
    detail: `the signer signs for the network ${own}, but the channel is for ${networkId}`
  })

/**
 * Signs everything at once with a key in memory, over the transaction's hash. What is to be signed for another network
 * than `networkId` fails with `SignerError`.
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
        request.networkId === networkId
          ? Effect.sync(() => SignedTx.sign(request.signedTx, keyPair, { networkId, crypto }))
          : otherNetwork(networkId, request)
    }))
  )

/**
 * What a generalized account authenticates: what is to be signed, and
 *
 * - `authTxHash`: 32 bytes, what its contract sees as the hash of the transaction (`Auth.tx_hash`). From Ceres on fee and
 *   gas price of the meta transaction are in it
 * - `isOffChain`: an off-chain state. For these the contract is asked with its store as it was when the channel was
 *   created: a counter in it stands still, and what it takes for one round it takes for every round
 * - `fee`, `gas`, `gasPrice`: of the meta transaction, in aettos and units of gas
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthenticationRequest extends SigningDetails {
  readonly authTxHash: Uint8Array
  readonly isOffChain: boolean
  readonly fee: bigint
  readonly gas: bigint
  readonly gasPrice: bigint
}

/**
 * How a generalized account signs.
 *
 * - `authData`: the serialized call of its authentication function, from what is to be authenticated. It is asked again
 *   where the fee has to grow with the size of its answer; the last answer counts. A `SignerError` or `Decline` ends the
 *   operation.
 * - `gas`: what the function may use; 50,000, the most that mempools take, unless given. What is left is given back
 * - `gasPrice`: in aettos, 10⁹ unless given
 * - `protocol`: of the chain; Ceres unless given
 *
 * @since 0.1.0
 * @category models
 */
export interface GeneralizedOptions {
  readonly address: AccountAddress
  readonly networkId: string
  readonly authData: (
    request: AuthenticationRequest
  ) => Uint8Array | Effect.Effect<Uint8Array, SignerError | Decline>
  readonly gas?: bigint
  readonly gasPrice?: bigint
  readonly protocol?: number
}

const fateAbi = 3
const mostGas = 50_000n

/** So often a fee is made larger before the answers count as ones that grow for ever. */
const mostRounds = 8

/** What a transaction is like when both have signed it: our fee pays for the signature that the peer may add inside. */
const completed = (signedTx: SignedTx.SignedTx, isSolo: boolean): SignedTx.SignedTx => {
  const inner = SignedTx.inner(signedTx)
  if (isSolo || inner !== undefined || signedTx.signatures.length > 0) return signedTx
  return SignedTx.addSignature(signedTx, new Uint8Array(64))
}

/**
 * Signs for a generalized account: with a meta transaction around what is to be signed, of which its contract is asked on
 * chain. It speaks only to nodes of the current dialect. What is to be signed for another network fails with
 * `SignerError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerGeneralized = (options: GeneralizedOptions): Layer.Layer<Signer> =>
  Layer.succeed(Signer, {
    address: options.address,
    generalized: true,
    sign: (request) => Effect.suspend(() => authenticated(options, request, 0n, mostRounds))
  })

const authenticated = (
  options: GeneralizedOptions,
  request: SigningDetails,
  fee: bigint,
  rounds: number
): Effect.Effect<SignedTx.SignedTx, SignerError | Decline> => {
  const { address, gas = mostGas, gasPrice = Fee.defaultMinerGasPrice, networkId } = options
  const { protocol = Protocol.latest } = options
  if (request.networkId !== networkId) return otherNetwork(networkId, request)
  const { signedTx } = request
  const isOffChain = SignedTx.innermost(signedTx).tx._tag === "ChannelOffchainTx"
  // Off chain all authenticate what is inside of everything, on chain each what it is put around.
  const { txBytes } = isOffChain ? SignedTx.innermost(signedTx) : signedTx
  const authTxHash = SignedTx.authTxHash(txBytes, { fee, gasPrice }, networkId, protocol)
  const answer = options.authData({ ...request, authTxHash, isOffChain, fee, gas, gasPrice })
  return Effect.flatMap(Effect.isEffect(answer) ? answer : Effect.succeed(answer), (authData) => {
    const meta = { gaId: address, authData, abiVersion: fateAbi, fee, gas, gasPrice }
    const isSolo = signTagRow(request.tag).side === "solo"
    const complete = SignedTx.wrapMeta(completed(signedTx, isSolo), meta, protocol)
    const needed = Fee.minimumFee(complete.tx, gasPrice, protocol)
    if (needed <= fee) return Effect.succeed(SignedTx.wrapMeta(signedTx, meta, protocol))
    if (rounds > 0) return authenticated(options, request, needed, rounds - 1)
    return new SignerError({
      operation: request.operation,
      reason: "failed",
      detail: "what authenticates the transaction grows each time that it is asked for"
    })
  })
}
