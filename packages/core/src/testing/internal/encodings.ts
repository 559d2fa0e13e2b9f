/** Generators of bytes, texts, ids and JSON. */
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import { noble } from "../../crypto/Crypto.js"
import * as KeyPair from "../../crypto/KeyPair.js"
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import * as Json from "../../encoding/Json.js"
import type { FsmId } from "../../protocol/NodeMessage.js"
import type { Arbitrary } from "./combinators.js"

/** Exactly so many bytes. @since 0.1.0 @category bytes */
export const bytesOf = (length: number): Arbitrary<Uint8Array> =>
  FastCheck.uint8Array({ minLength: length, maxLength: length })

/** A few bytes, or none. @since 0.1.0 @category bytes */
export const bytes: Arbitrary<Uint8Array> = FastCheck.uint8Array({ maxLength: 70 })

// The same characters as those of `string({ unit: "binary" })`, which makes a table of them all in half a second.
/** Any text, of all characters that there are. @since 0.1.0 @category bytes */
export const text: Arbitrary<string> = FastCheck.fullUnicodeString({ maxLength: 30 })

/** Aettos, gas, nonces: from 0, small or beyond what a double can hold. @since 0.1.0 @category numbers */
export const amount: Arbitrary<bigint> = FastCheck.oneof(
  FastCheck.bigInt({ min: 0n, max: 300n }),
  FastCheck.bigInt({ min: 0n, max: 2n ** 90n })
)

/** Rounds, heights and other exact integers, from 0. @since 0.1.0 @category numbers */
export const safeNat: Arbitrary<number> = FastCheck.oneof(FastCheck.nat(300), FastCheck.maxSafeNat())

/**
 * A text with this prefix around bytes of the right size (any few where the prefix does not say): what `ApiEncoding`
 * decodes. What the bytes mean is left to chance; there are generators of their own for transactions, trees and proofs.
 *
 * @since 0.1.0
 * @category ids
 */
export const encoded = <P extends ApiEncoding.Prefix>(prefix: P): Arbitrary<ApiEncoding.Encoded<P>> => {
  const size = ApiEncoding.prefixes[prefix].size
  return (size === undefined ? bytes : bytesOf(size)).map((payload) => ApiEncoding.encode(prefix, payload))
}

/** An account, `ak_…`. @since 0.1.0 @category ids */
export const account: Arbitrary<ApiEncoding.AccountAddress> = encoded("ak")
/** A contract, `ct_…`. @since 0.1.0 @category ids */
export const contractId: Arbitrary<ApiEncoding.ContractId> = encoded("ct")
/** A channel, `ch_…`. @since 0.1.0 @category ids */
export const channelId: Arbitrary<ApiEncoding.ChannelId> = encoded("ch")
/** The hash of a transaction, `th_…`. @since 0.1.0 @category ids */
export const txHash: Arbitrary<ApiEncoding.TxHash> = encoded("th")
/** The hash of a key block or a micro block. @since 0.1.0 @category ids */
export const blockHash: Arbitrary<ApiEncoding.BlockHash> = FastCheck.oneof(encoded("kh"), encoded("mh"))
/** The secret for coming back to a node. @since 0.1.0 @category ids */
export const fsmId: Arbitrary<FsmId> = bytesOf(32).map((secret) =>
  Redacted.make(ApiEncoding.encode("ba", secret))
)

/** A key pair, made by the portable implementation. @since 0.1.0 @category ids */
export const keyPair: Arbitrary<KeyPair.KeyPair> = bytesOf(32).map((seed) => KeyPair.fromSeed(noble, seed))

/** Any JSON, integers of any size and other numbers among it. @since 0.1.0 @category JSON */
export const json: Arbitrary<Json.Json> = FastCheck.letrec<{ json: Json.Json; object: Json.JsonObject }>(
  (tie) => ({
    json: FastCheck.oneof(
      { maxDepth: 3, depthSize: "small" },
      FastCheck.constant(null),
      FastCheck.boolean(),
      text,
      FastCheck.integer(),
      FastCheck.bigInt({ min: 1n << 60n, max: 1n << 300n }),
      FastCheck.constantFrom("1.0", "1e3", "-0.5").map((lexeme) => new Json.JsonNumber(lexeme)),
      FastCheck.array(tie("json"), { maxLength: 4 }),
      tie("object")
    ),
    object: FastCheck.dictionary(
      FastCheck.oneof(text, FastCheck.constantFrom("a", "b", "_tag")),
      tie("json"),
      {
        maxKeys: 4,
        noNullPrototype: true
      }
    )
  })
).json
