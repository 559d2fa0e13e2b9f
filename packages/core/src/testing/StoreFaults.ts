/**
 * A channel store that fails as planned: a store around another one, in which single claims, reads and writes fail, take
 * forever, or fail although they were done. Which, says a plan.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import { ChannelStore } from "@aechannel/core"
 * import { StoreFaults } from "@aechannel/core/testing"
 * import { Effect, Layer } from "effect"
 *
 * // The store cannot be listed the second time.
 * const plan = StoreFaults.at("list", 2, StoreFaults.fail("the disk is gone"))
 * const store = StoreFaults.layer(plan).pipe(Layer.provide(ChannelStore.layerMemory))
 *
 * const program = Effect.gen(function* () {
 *   const { list } = yield* ChannelStore.ChannelStore
 *   assert.deepStrictEqual(yield* list, [])
 *   assert.strictEqual((yield* Effect.flip(list)).detail, "the disk is gone")
 * })
 * await Effect.runPromise(Effect.provide(program, store))
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { StoreError } from "../protocol/Errors.js"
import { ChannelStore, type ChannelStoreService } from "../services/ChannelStore.js"

/**
 * What can happen to an operation.
 *
 * - `Fail`: it is not done, and fails
 * - `FailAfter`: it is done, and fails: what a caller sees when the machine dies before it is told
 * - `Hang`: it is not done, and never ends
 *
 * @since 0.1.0
 * @category models
 */
export type StoreFault =
  | {
      readonly _tag: "Fail" | "FailAfter"
      readonly reason: StoreError["reason"] | undefined
      readonly detail: string
    }
  | { readonly _tag: "Hang" }

/** Operations that can fail. @since 0.1.0 @category models */
export type StoreOperation = "claim" | "read" | "write" | "list"

/**
 * An operation: the how manyth of its kind, counted from 1.
 *
 * @since 0.1.0
 * @category models
 */
export interface StorePlace {
  readonly operation: StoreOperation
  readonly count: number
}

/**
 * What happens at an operation; nothing where it is undefined. Asked once for each, in order.
 *
 * @since 0.1.0
 * @category models
 */
export type StorePlan = (place: StorePlace) => StoreFault | undefined

/**
 * Not done, and fails; with `read` or `write`, whichever the operation is, unless another reason is given.
 *
 * @since 0.1.0
 * @category faults
 */
export const fail = (detail = "as planned", reason?: StoreError["reason"]): StoreFault => ({
  _tag: "Fail",
  reason,
  detail
})

/** Done, and fails. @since 0.1.0 @category faults */
export const failAfter = (detail = "as planned", reason?: StoreError["reason"]): StoreFault => ({
  _tag: "FailAfter",
  reason,
  detail
})

/** Not done, and never ends. @since 0.1.0 @category faults */
export const hang: StoreFault = { _tag: "Hang" }

/**
 * A fault at one operation.
 *
 * @since 0.1.0
 * @category plans
 */
export const at =
  (operation: StoreOperation, count: number, fault: StoreFault): StorePlan =>
  (place) =>
    place.operation === operation && place.count === count ? fault : undefined

/**
 * The same fault at one operation and all of its kind that follow.
 *
 * @since 0.1.0
 * @category plans
 */
export const from =
  (operation: StoreOperation, count: number, fault: StoreFault): StorePlan =>
  (place) =>
    place.operation === operation && place.count >= count ? fault : undefined

/**
 * A store that fails as planned.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (store: ChannelStoreService, plan: StorePlan): ChannelStoreService => {
  const counts = { claim: 0, read: 0, write: 0, list: 0 }
  const guard = <A>(
    operation: StoreOperation,
    effect: Effect.Effect<A, StoreError>
  ): Effect.Effect<A, StoreError> =>
    Effect.suspend(() => {
      const fault = plan({ operation, count: ++counts[operation] })
      if (fault === undefined) return effect
      if (fault._tag === "Hang") return Effect.never
      const { detail, reason = operation === "claim" || operation === "write" ? "write" : "read" } = fault
      const error = new StoreError({ operation, reason, detail })
      return fault._tag === "Fail" ? error : Effect.zipRight(effect, error)
    })
  return {
    claim: (key) => guard("claim", store.claim(key)),
    read: (key) => guard("read", store.read(key)),
    write: (record, expected) => guard("write", store.write(record, expected)),
    list: guard("list", store.list)
  }
}

/**
 * Provides a store that fails as planned, around the one that it is given.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (plan: StorePlan): Layer.Layer<ChannelStore, never, ChannelStore> =>
  Layer.effect(
    ChannelStore,
    Effect.map(ChannelStore, (store) => make(store, plan))
  )
