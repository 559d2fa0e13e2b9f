/**
 * Funded accounts of an embedded node.
 *
 * @since 0.1.0
 */
import type { Crypto } from "@aechannel/core/crypto/Crypto"
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import { Effect } from "effect"

/**
 * A key pair and what it holds on chain at the start, in aettos.
 *
 * @since 0.1.0
 * @category models
 */
export interface FundedAccount {
  readonly keyPair: KeyPair.KeyPair
  readonly balance: bigint
}

/**
 * Makes that many new accounts.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  count: number,
  balance: bigint
): Effect.Effect<ReadonlyArray<FundedAccount>, never, Crypto> =>
  Effect.replicateEffect(
    Effect.map(KeyPair.generate, (keyPair) => ({ keyPair, balance })),
    count
  )
