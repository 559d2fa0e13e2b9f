/**
 * Funded accounts of an embedded node.
 *
 * @since 0.1.0
 */
import { Crypto } from "@aechannel/core/crypto/Crypto"
import * as Hash from "@aechannel/core/crypto/Hash"
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import * as Bytes from "@aechannel/core/encoding/Bytes"
import { NodeStateError, NodeStorage, NodeStorageError } from "@aechannel/core/node/NodeStorage"
import { Effect, Redacted } from "effect"

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

/**
 * The accounts of a seed: the same ones for the same text, however many.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromSeed = (
  seed: string,
  count: number,
  balance: bigint
): Effect.Effect<ReadonlyArray<FundedAccount>, never, Crypto> =>
  Effect.map(Crypto, (crypto) =>
    Array.from({ length: count }, (_, index) => ({
      keyPair: KeyPair.fromSeed(crypto, Hash.sha256(Bytes.utf8(`aechannel account ${index} of ${seed}`))),
      balance
    }))
  )

const name = "accounts"

const write = (accounts: ReadonlyArray<FundedAccount>): Uint8Array =>
  new TextEncoder().encode(
    accounts.map(({ balance, keyPair }) => `${Redacted.value(KeyPair.toText(keyPair))} ${balance}\n`).join("")
  )

const damaged = () =>
  new NodeStateError({
    reason: "damaged",
    detail: "its accounts cannot be read; restore it from a copy, or take another directory"
  })

const read = (bytes: Uint8Array): Effect.Effect<ReadonlyArray<FundedAccount>, NodeStateError, Crypto> =>
  Effect.forEach(new TextDecoder().decode(bytes).trimEnd().split("\n"), (line) => {
    const [secretKey = "", balance = ""] = line.split(" ")
    if (!/^[0-9]+$/.test(balance)) return Effect.fail(damaged())
    return Effect.mapBoth(KeyPair.fromText(Redacted.make(secretKey)), {
      onSuccess: (keyPair) => ({ keyPair, balance: BigInt(balance) }),
      onFailure: damaged
    })
  })

/**
 * The accounts in the storage; new ones, as they are made, where it has none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const kept = (
  fresh: Effect.Effect<ReadonlyArray<FundedAccount>, never, Crypto>
): Effect.Effect<ReadonlyArray<FundedAccount>, NodeStorageError | NodeStateError, Crypto | NodeStorage> =>
  Effect.gen(function* () {
    const storage = yield* NodeStorage
    const known = storage.read(name)
    if (known instanceof NodeStorageError) return yield* known
    if (known !== undefined) return yield* read(known)
    const accounts = yield* fresh
    const failed = storage.write(name, write(accounts))
    return failed instanceof NodeStorageError ? yield* failed : accounts
  })
