/**
 * On-chain transactions of one party that no node makes for it, because its state is an old one: what a cheater posts.
 *
 * @since 0.1.0
 */
import * as Fee from "@aechannel/core/chain/Fee"
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import type * as Transaction from "@aechannel/core/chain/Transaction"
import type { CoSignedState } from "@aechannel/core/client/ChannelEvent"
import type { CryptoService } from "@aechannel/core/crypto/Crypto"
import type { KeyPair } from "@aechannel/core/crypto/KeyPair"
import type { AccountAddress } from "@aechannel/core/encoding/ApiEncoding"
import * as Poi from "@aechannel/core/state/Poi"

/**
 * What such a transaction is made of. `fee` is in aettos; absent: the least that will do at `gasPrice`, for each unit of
 * gas.
 *
 * @since 0.1.0
 * @category models
 */
export interface SoloOptions {
  readonly kind: "snapshot" | "closeSolo" | "slash"
  readonly state: CoSignedState
  /** Both parties of the channel. */
  readonly parties: ReadonlyArray<AccountAddress>
  readonly keyPair: KeyPair
  readonly networkId: string
  readonly protocol: number
  readonly crypto: CryptoService
  readonly nonce: bigint
  readonly fee?: bigint
  readonly gasPrice: bigint
}

/** A state as the chain takes it: of the first round, the create transaction is known there already. */
const payloadOf = ({ signedTx }: CoSignedState): Uint8Array =>
  SignedTx.innermost(signedTx).tx._tag === "ChannelOffchainTx" ? SignedTx.encode(signedTx) : new Uint8Array()

/** The accounts of a state are those of the parties, so that they can be proven. */
const proofOf = ({ parties, state: { trees } }: SoloOptions): Uint8Array => {
  const proof = Poi.build(trees, { accounts: parties })
  if (proof instanceof Poi.NotFound) throw proof
  return Poi.encode(proof)
}

/**
 * The transaction, with its party's signature.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: SoloOptions): SignedTx.SignedTx => {
  const { crypto, fee, gasPrice, keyPair, kind, networkId, nonce, protocol, state } = options
  const common = {
    version: 1,
    channelId: state.channelId,
    fromId: keyPair.address,
    payload: payloadOf(state),
    ttl: 0,
    fee: 0n,
    nonce
  } as const
  const free:
    | Transaction.ChannelSnapshotSoloTx
    | Transaction.ChannelCloseSoloTx
    | Transaction.ChannelSlashTx =
    kind === "snapshot"
      ? { _tag: "ChannelSnapshotSoloTx", ...common }
      : {
          _tag: kind === "closeSolo" ? "ChannelCloseSoloTx" : "ChannelSlashTx",
          ...common,
          poi: proofOf(options)
        }
  const tx = fee === undefined ? Fee.withMinimumFee(free, gasPrice, protocol) : { ...free, fee }
  return SignedTx.sign(SignedTx.unsigned(tx), keyPair, { networkId, crypto })
}
