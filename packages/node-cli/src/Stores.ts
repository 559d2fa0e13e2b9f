/**
 * Where clients keep their memory.
 *
 * @since 0.1.0
 */
import type { Crypto } from "@aechannel/core/crypto/Crypto"
import type { ChannelStoreService } from "@aechannel/core/services/ChannelStore"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/**
 * A file cannot be a store.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnusableStore extends Data.TaggedError("UnusableStore")<{
  readonly path: string
  readonly detail: string
}> {
  override get message(): string {
    return `${this.path} cannot be used as a store: ${this.detail}`
  }
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/**
 * The store in a file, which is made if there is none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const onDisk = (
  path: string
): Effect.Effect<ChannelStoreService, UnusableStore, Crypto | Scope.Scope> =>
  Effect.gen(function* () {
    // Loaded when it is asked for: it brings a database.
    const Lmdb = yield* Effect.tryPromise({
      try: () => import("@aechannel/transport/LmdbChannelStore"),
      catch: (cause) => new UnusableStore({ path, detail: `lmdb cannot be loaded here: ${messageOf(cause)}` })
    })
    return yield* Effect.mapError(Lmdb.make({ path }), ({ detail }) => new UnusableStore({ path, detail }))
  })
