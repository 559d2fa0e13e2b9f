/**
 * Explains any encoded string: one row for each prefix.
 *
 * @since 0.1.0
 */
import type { CryptoService } from "@aechannel/core/crypto/Crypto"
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import type { AccountAddress, Prefix } from "@aechannel/core/encoding/ApiEncoding"
import * as Bytes from "@aechannel/core/encoding/Bytes"
import type { DecodeError } from "@aechannel/core/encoding/DecodeError"
import * as Trees from "@aechannel/core/state/Trees"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { byteArrayFacts, bytesFacts, contractBytesFacts } from "./Binary.js"
import { type Explanation, type Fact, accountsIn, count, fact, text } from "./Explanation.js"
import * as Signatures from "./Signatures.js"
import { explainCalls, explainPoi, explainTrees } from "./State.js"
import { type Context, explainBytes } from "./Transactions.js"

type Explainer = (
  input: string,
  bytes: Uint8Array,
  context: Context
) => Effect.Effect<Explanation, DecodeError>

const row =
  (
    prefix: Prefix,
    explain: (
      bytes: Uint8Array,
      context: Context
    ) => Effect.Effect<Partial<Explanation> & Pick<Explanation, "facts">, DecodeError>
  ): Explainer =>
  (input, bytes, context) =>
    Effect.map(explain(bytes, context), (content) => ({
      input,
      prefix,
      kind: ApiEncoding.prefixes[prefix].meaning,
      ...content
    }))

/** Bytes of a fixed size, and what some of them mean. */
const fixed = (
  prefix: Prefix,
  meanings: ReadonlyArray<readonly [hex: string, meaning: string]> = []
): Explainer =>
  row(prefix, (bytes) => {
    const hex = Bytes.toHex(bytes)
    const meaning = meanings.find(([known]) => known === hex)?.[1]
    return Effect.succeed({
      facts: [fact("size", count(bytes.length, "bytes")), fact("hex", text(hex), meaning)]
    })
  })

const any = (prefix: Prefix): Explainer =>
  row(prefix, (bytes) => Effect.succeed({ facts: bytesFacts(bytes) }))

const zeros = "00".repeat(32)
const noBlock = [[zeros, "no block in particular"]] as const
const half = 32

const explainSecretKey = (bytes: Uint8Array, { crypto }: Context): ReadonlyArray<Fact> => [
  fact("address", text(KeyPair.fromSeed(crypto, bytes).address), "the secret key itself is not shown")
]

const explainSignature = (bytes: Uint8Array): ReadonlyArray<Fact> => [
  fact("size", count(bytes.length, "bytes")),
  fact("hex", text(Bytes.toHex(bytes))),
  fact("r", text(Bytes.toHex(bytes.subarray(0, half)))),
  fact("s", text(Bytes.toHex(bytes.subarray(half))), "inspect the signed transaction to see whose it is")
]

const explainers: { readonly [P in Prefix]: Explainer } = {
  ak: fixed("ak", [[zeros, "nobody's: coins that closing transactions leave over are locked here"]]),
  sk: row("sk", (bytes, context) =>
    Effect.succeed({ input: "sk_…", facts: explainSecretKey(bytes, context) })
  ),
  ct: fixed("ct"),
  ch: fixed("ch"),
  ok: fixed("ok"),
  oq: fixed("oq"),
  nm: any("nm"),
  cm: fixed("cm"),
  pp: fixed("pp"),
  kh: fixed("kh", noBlock),
  mh: fixed("mh", noBlock),
  bf: fixed("bf"),
  bx: fixed("bx"),
  bs: fixed("bs"),
  th: fixed("th"),
  sg: row("sg", (bytes) => Effect.succeed({ facts: explainSignature(bytes) })),
  st: fixed("st", [[Bytes.toHex(Trees.stateHash(Trees.empty)), "the state without any account"]]),
  tx: explainBytes,
  ss: row("ss", explainTrees),
  cs: row("cs", explainCalls),
  pi: row("pi", explainPoi),
  cb: row("cb", (bytes) => Effect.map(contractBytesFacts(bytes), (facts) => ({ facts }))),
  ck: any("ck"),
  cv: any("cv"),
  ov: any("ov"),
  or: any("or"),
  ba: row("ba", (bytes) =>
    Effect.map(byteArrayFacts(bytes), ({ facts, secret }) => (secret ? { input: "ba_…", facts } : { facts }))
  )
}

const allPrefixes = Object.keys(explainers) as ReadonlyArray<Prefix>

const explainOne = (input: string, context: Context): Effect.Effect<Explanation, DecodeError> =>
  Effect.gen(function* () {
    const bytes = yield* ApiEncoding.decode(allPrefixes, input)
    const prefix = ApiEncoding.prefixOf(input)
    if (prefix === undefined) return yield* Effect.dieMessage("a decoded string has a known prefix")
    return yield* explainers[prefix](input, bytes, context)
  })

/** More accounts than these are not tried as signers: trying costs time for each. */
const maximumCandidates = 64

/**
 * Explains strings, in their order; each one succeeds or fails by itself. All accounts that one of them names, and the
 * `signers`, are tried for the signatures of the others.
 *
 * @since 0.1.0
 * @category explanations
 */
export const explainAll = (
  inputs: ReadonlyArray<string>,
  options: {
    readonly crypto: CryptoService
    readonly networkIds: ReadonlyArray<string>
    readonly signers: ReadonlyArray<AccountAddress>
  }
): Effect.Effect<ReadonlyArray<Either.Either<Explanation, DecodeError>>> => {
  const explainWith = (candidates: ReadonlyArray<AccountAddress>, networkIds: ReadonlyArray<string>) =>
    Effect.forEach(inputs, (input) =>
      Effect.either(
        explainOne(input, {
          crypto: options.crypto,
          networkIds,
          candidates,
          outer: { gaIds: [], paidFor: false, depth: 0 }
        })
      )
    )
  return Effect.gen(function* () {
    // Who is named is known only after all were read; nothing is verified meanwhile.
    const first = yield* explainWith([], [])
    const named = first.flatMap((result) =>
      Either.match(result, { onLeft: () => [], onRight: (explanation) => [...accountsIn(explanation)] })
    )
    const candidates = [...new Set([...options.signers, ...named])].slice(0, maximumCandidates)
    return yield* explainWith(
      candidates,
      options.networkIds.length > 0 ? options.networkIds : Signatures.usualNetworkIds
    )
  })
}
