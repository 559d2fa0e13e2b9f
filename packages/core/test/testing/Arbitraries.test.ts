import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Account from "../../src/chain/Account.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Transaction from "../../src/chain/Transaction.js"
import * as KeyPair from "../../src/crypto/KeyPair.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Json from "../../src/encoding/Json.js"
import { endedError } from "../../src/protocol/Errors.js"
import { codec } from "../../src/protocol/JsonRpcSignedTx.js"
import { parseQuery, toQuery } from "../../src/protocol/OpenParameters.js"
import { decline } from "../../src/services/ProposalPolicy.js"
import * as Poi from "../../src/state/Poi.js"
import * as Trees from "../../src/state/Trees.js"
import * as Trie from "../../src/state/Trie.js"
import * as Update from "../../src/state/Update.js"
import * as Arbitraries from "../../src/testing/Arbitraries.js"
import * as TestCrypto from "../../src/testing/TestCrypto.js"
import { native } from "../support/TestCrypto.js"

const sample = <A>(arbitrary: FastCheck.Arbitrary<A>, numRuns = 300): ReadonlyArray<A> =>
  FastCheck.sample(arbitrary, { numRuns, seed: 1 })

describe("ids", () => {
  for (const prefix of Object.keys(ApiEncoding.prefixes) as ReadonlyArray<ApiEncoding.Prefix>)
    it.prop(`${prefix}_ decodes and encodes again`, [Arbitraries.encoded(prefix)], ([text]) => {
      const payload = ApiEncoding.decodeOrThrow(prefix, text)
      expect(ApiEncoding.encode(prefix, payload)).toBe(text)
      expect(ApiEncoding.prefixOf(text)).toBe(prefix)
    })

  it.effect("a key pair is written and read again", () =>
    Effect.gen(function* () {
      for (const keyPair of sample(Arbitraries.keyPair, 20)) {
        const read = yield* KeyPair.fromText(KeyPair.toText(keyPair))
        expect([read.address, read.publicKey]).toEqual([keyPair.address, keyPair.publicKey])
        expect(Redacted.value(read.secretKey)).toEqual(Redacted.value(keyPair.secretKey))
      }
    }).pipe(Effect.provide(TestCrypto.layerSeeded(1, native)))
  )
})

describe("transactions", () => {
  for (const [tag, arbitrary] of Object.entries<FastCheck.Arbitrary<Transaction.Transaction>>(
    Arbitraries.transactions
  ))
    it.prop(`${tag} is read as it was written`, [arbitrary], ([tx]) => {
      expect(tx._tag).toBe(tag)
      expect(Transaction.decodeOrThrow(Transaction.encode(tx))).toEqual(tx)
    })

  it("all rows of the table come up, and amounts that no double holds", () => {
    const all = sample(Arbitraries.transaction, 2_000)
    const rows = new Set(all.map(({ _tag, version }) => `${_tag} ${version}`))
    expect([...rows].sort()).toEqual(Transaction.rows.map(({ name, version }) => `${name} ${version}`).sort())
    expect(all.some((tx) => Transaction.fee(tx) > 2n ** 64n)).toBe(true)
    expect(all.some((tx) => Transaction.fee(tx) < 300n)).toBe(true)
  })

  it("what wraps or carries a transaction can be valid", () => {
    for (const kind of ["PayingForTx", "GaMetaTx", "ChannelCloseSoloTx", "ChannelSnapshotSoloTx"] as const) {
      const valid = sample<Transaction.Transaction>(Arbitraries.transactions[kind]).filter((tx) =>
        Transaction.validAtProtocol(tx, 6)
      )
      expect(valid.length, kind).toBeGreaterThan(50)
    }
  })

  it.prop("signed ones are read as they were written", [Arbitraries.signedTx], ([signedTx]) => {
    expect(SignedTx.fromTextOrThrow(SignedTx.toText(signedTx))).toEqual(signedTx)
  })

  it("signatures of key pairs are good, all of them and no others", () => {
    const [alice, bob] = [TestCrypto.keyPair("alice"), TestCrypto.keyPair("bob")]
    const options = { networkId: "ae_test", crypto: native }
    const { ChannelCreateTx: transaction } = Arbitraries.transactions
    for (const signed of sample(Arbitraries.signedBy([alice, bob], { ...options, transaction }), 50)) {
      expect(signed.tx._tag).toBe("ChannelCreateTx")
      expect(SignedTx.verify(signed, [alice.address, bob.address], options)).toBe("ok")
      expect(SignedTx.verify(signed, [alice.address], options)).toBe("signature_check_failed")
    }
  })
})

describe("state", () => {
  for (const [tag, arbitrary] of Object.entries<FastCheck.Arbitrary<Update.Update>>(Arbitraries.updates))
    it.prop(`${tag} is read as it was written`, [arbitrary], ([update]) => {
      expect(Update.decodeOrThrow(Update.encode(update))).toEqual(update)
    })

  it.prop("trees are read as they were written", [Arbitraries.trees], ([trees]) => {
    const text = Trees.toText(trees)
    const read = Trees.fromTextOrThrow(text)
    expect(Trees.toText(read)).toBe(text)
    expect(Trees.stateHash(read)).toEqual(Trees.stateHash(trees))
    for (const [, bytes] of Trie.entries(trees.accounts)) Account.decodeOrThrow(bytes)
  })

  it.prop("proofs prove what they say, and are read as they were written", [Arbitraries.proof], ([proof]) => {
    const poi = Poi.fromTextOrThrow(Poi.toText(proof.poi))
    expect(Poi.stateHash(poi)).toEqual(Trees.stateHash(proof.trees))
    for (const id of proof.accounts) expect(Poi.account(poi, id)).toEqual(Trees.account(proof.trees, id))
    for (const id of proof.contracts)
      expect(Poi.contract(poi, id)?.store).toEqual(Trees.contractStore(proof.trees, id))
  })

  it("some trees have contracts with stores, some proofs prove them, some prove nothing", () => {
    const proofs = sample(Arbitraries.proof)
    expect(
      proofs.some(({ contracts, trees }) => contracts.some((id) => Trees.contractStore(trees, id).length > 0))
    ).toBe(true)
    expect(proofs.some(({ accounts, contracts }) => accounts.length + contracts.length === 0)).toBe(true)
    expect(sample(Arbitraries.trees).some(({ calls }) => !Trie.isEmpty(calls))).toBe(true)
  })
})

describe("messages", () => {
  const answered = (id: Json.Json, raw: Json.Json) => ({
    _tag: "Calls" as const,
    batch: false,
    calls: [{ id, raw, request: { _tag: "Ping" as const } }]
  })

  it.effect.prop("a client reads what a node sends", [Arbitraries.nodeMessage], ([message]) =>
    Effect.gen(function* () {
      const { channelId } = message
      const text =
        message._tag === "Reported"
          ? codec.encodeReport(message.report, channelId)
          : message._tag === "Replied"
            ? codec.encodeAnswers(
                answered(message.id ?? null, {}),
                [{ _tag: "Value", value: message.value }],
                channelId
              )
            : codec.encodeAnswers(
                answered(message.id, message.request),
                [{ _tag: "Refusal", code: message.code, data: message.data.map(({ code }) => code) }],
                channelId
              )
      expect(yield* codec.decodeNodeFrame(text ?? "")).toStrictEqual([message])
    })
  )

  it.prop(
    "a node reads the requests that a client writes",
    [Arbitraries.request, Arbitraries.requestId],
    ([request, id]) => {
      const frame = codec.decodeClientFrame(codec.encodeRequest(request, id))
      expect(frame._tag === "Calls" && frame.calls[0]?.request).toStrictEqual(request)
    }
  )

  it.prop("every answer can be given", [Arbitraries.answer], ([answer]) => {
    expect(codec.encodeAnswers(answered(1, {}), [answer], null)).toContain('"jsonrpc":"2.0"')
  })

  it.prop("JSON is read as it was written", [Arbitraries.json], ([json]) => {
    expect(Json.parseOrThrow(Json.stringify(json))).toStrictEqual(json)
  })
})

describe("openings and codes", () => {
  it.prop(
    "a node takes the parameters",
    [Arbitraries.openParameters, Arbitraries.reconnectParameters],
    ([open, reconnect]) => {
      expect(parseQuery(toQuery(open))).toMatchObject({ _tag: "Open", parameters: open })
      expect(parseQuery(toQuery(reconnect))).toMatchObject({ _tag: "Reconnect" })
    }
  )

  const balances = FastCheck.bigInt({ min: 10n ** 16n + 1n, max: 10n ** 21n })
  it.prop(
    "amounts leave nobody below the reserve, and fit the balance",
    [balances.chain((balance) => Arbitraries.amounts(balance).map((amounts) => [balance, amounts] as const))],
    ([[balance, amounts]]) => {
      const { channelReserve, initiatorAmount, pushAmount, responderAmount } = amounts
      expect(initiatorAmount - pushAmount).toBeGreaterThanOrEqual(channelReserve)
      expect(responderAmount).toBeGreaterThanOrEqual(channelReserve)
      expect(initiatorAmount < balance && responderAmount < balance && channelReserve >= 0n).toBe(true)
    }
  )

  it.prop(
    "codes mean what they should",
    [Arbitraries.signingErrorCode, Arbitraries.declineCode, Arbitraries.refusal],
    ([code, mine, refusal]) => {
      const fields = { operation: "transfer", step: "", endedBy: "peer", round: 1, channelId: null } as const
      expect(endedError({ ...fields, code }).code).toBe(code)
      expect(decline(mine).code).toBe(mine)
      expect(["ValidationError", "AbortError", "UserDefinedError"]).toContain(
        endedError({ ...fields, code: mine })._tag
      )
      expect(codec.encodeOpenRefusal(refusal)).toContain(`"code":${refusal.code}`)
    }
  )
})
