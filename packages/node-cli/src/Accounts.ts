/**
 * Funded accounts of an embedded node.
 *
 * @since 0.1.0
 */
import { Crypto } from "@aechannel/core/crypto/Crypto"
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import { NodeStateError, NodeStorage, NodeStorageError } from "@aechannel/core/node/NodeStorage"
import type { FundedAccount } from "@aechannel/transport/Devnet"
import { Effect, Redacted } from "effect"

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
