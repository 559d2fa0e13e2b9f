/**
 * Where the clients of a run keep their memory.
 *
 * @since 0.1.0
 */
import type { Crypto } from "@aechannel/core/crypto/Crypto"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { StoreHeader } from "./Header.js"
import { SetupError } from "./Problems.js"

const onDisk = (directory: string, party: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    yield* Effect.mapError(
      fs.makeDirectory(directory, { recursive: true, mode: 0o700 }),
      () =>
        new SetupError({
          detail: `cannot make the store's directory ${directory}: check its name and your rights`
        })
    )
    // Loaded when it is asked for: it brings a database.
    const Lmdb = yield* Effect.promise(() => import("@aechannel/transport/LmdbChannelStore"))
    const path = `${directory}/${party}.store`
    return yield* Effect.mapError(
      Lmdb.make({ path }),
      ({ detail }) => new SetupError({ detail: `${path} cannot be used as a store: ${detail}` })
    )
  })

/**
 * The store of one party: in memory, or in a file of its name in a directory, which is made if there is none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  store: StoreHeader,
  party: string
): Effect.Effect<
  ChannelStore.ChannelStoreService,
  SetupError,
  FileSystem.FileSystem | Crypto | Scope.Scope
> => (store === "memory" ? ChannelStore.makeMemory : onDisk(store.directory, party))
