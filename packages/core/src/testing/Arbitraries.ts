/**
 * Generators of every value of the domain, for property tests with fast-check (`effect/FastCheck`). What can be
 * encoded is encodable, what wraps something wraps something sensible; apart from that everything is possible, in
 * particular amounts that no double can hold. A plural (`requests`, `transactions`, …) is a table with one generator
 * for each kind, a singular generates any of them.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import { JsonRpcSignedTx, SignedTx } from "@aechannel/core"
 * import { Arbitraries, TestCrypto } from "@aechannel/core/testing"
 * import { Effect, FastCheck } from "effect"
 *
 * const { codec } = JsonRpcSignedTx
 *
 * // Every report is read as it was written.
 * FastCheck.assert(
 *   FastCheck.property(Arbitraries.report, Arbitraries.channelId, (report, channelId) => {
 *     const frame = codec.encodeReport(report, channelId) ?? ""
 *     const [message] = Effect.runSync(codec.decodeNodeFrame(frame))
 *     assert.deepStrictEqual(message, { _tag: "Reported", channelId, report })
 *   })
 * )
 *
 * // A good signature does not cover another network.
 * const alice = TestCrypto.keyPair("alice")
 * const crypto = TestCrypto.seeded(0)
 * const signed = Arbitraries.signedBy([alice], {
 *   networkId: "ae_mainnet",
 *   transaction: Arbitraries.transactions.SpendTx
 * })
 * FastCheck.assert(
 *   FastCheck.property(signed, (signedTx) => {
 *     const by = (networkId: string) => SignedTx.isSignedBy(signedTx, alice.address, { networkId, crypto })
 *     return by("ae_mainnet") && !by("ae_uat")
 *   }),
 *   { numRuns: 10 }
 * )
 * ```
 *
 * @since 0.1.0
 */
export * from "./internal/chain.js"
export * from "./internal/encodings.js"
export * from "./internal/protocol.js"
export * from "./internal/services.js"
export * from "./internal/state.js"
