import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Transaction from "@aechannel/core/chain/Transaction"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Bytes from "@aechannel/core/encoding/Bytes"
import * as Json from "@aechannel/core/encoding/Json"
import * as Poi from "@aechannel/core/state/Poi"
import * as Trees from "@aechannel/core/state/Trees"
import * as Update from "@aechannel/core/state/Update"
import { describe, expect, it } from "@effect/vitest"
import { Arbitrary, Either, FastCheck, Redacted } from "effect"
import { NotExplained, problemToJson } from "../src/inspect/Problem.js"
import { provenEntries } from "../src/inspect/Proof.js"
import { quote, render } from "../src/inspect/Render.js"
import * as Inspected from "./inspected.js"
import { piped } from "./piped.js"

const { alice, at, bob, jsonOf, known, textOf } = Inspected
const networkIds = ["ae_mainnet", "ae_uat", "ae_dev"]

describe("inspect: one string of every prefix", () => {
  it("there is one for each", () => {
    expect([...Inspected.onePerPrefix.keys()].sort()).toEqual(Object.keys(ApiEncoding.prefixes).sort())
  })

  for (const [prefix, input] of Inspected.onePerPrefix)
    it(`${prefix}_`, () => {
      expect(textOf(input)).toMatchSnapshot("text")
      expect(jsonOf(input)).toMatchSnapshot("json")
    })

  it("special values are said to be special", () => {
    const zeros = new Uint8Array(32)
    expect(textOf(ApiEncoding.encode("kh", zeros))).toContain("no block in particular")
    expect(textOf(ApiEncoding.encode("ak", zeros))).toContain("nobody's")
    expect(textOf(ApiEncoding.encode("st", Trees.stateHash(Trees.empty)))).toContain("without any account")
    expect(textOf(ApiEncoding.encode("cb", Bytes.utf8("Out of gas")))).toContain('"Out of gas"')
  })
})

describe("inspect: every kind and version of transaction", () => {
  it("covers the table", () => {
    const covered = new Set(Inspected.samples.map(({ row }) => row))
    expect(covered.size).toBe(Transaction.rows.length)
    console.log(`${Inspected.samples.length} transactions of ${covered.size} rows`)
  })

  for (const { bare, name, row, signed } of Inspected.samples)
    it(name, () => {
      expect(textOf(signed)).toMatchSnapshot("text")
      const json = jsonOf(signed)
      expect(json).toMatchSnapshot("json")
      expect(Object.keys(at(json, "fields") ?? {})).toHaveLength(Object.keys(row.fields).length)

      const unsigned = jsonOf(bare)
      expect(unsigned).toMatchObject({ signed: false, hash: null, signatures: [] })
      const { authentications, hash, input, signatures, signed: _signed, signers, size, ...rest } = json
      expect(unsigned).toMatchObject(rest)
      expect(unsigned).not.toHaveProperty("authentications")
      expect(input).toBe(signed)
      expect(size).toBe(ApiEncoding.decodeOrThrow("tx", signed).length)
      expect(hash).toBe(SignedTx.hash(SignedTx.fromTextOrThrow(signed)))
      expect(at(authentications, "signatures")).toBe(
        SignedTx.authentications(SignedTx.fromTextOrThrow(signed)).signatures
      )
      expect(Json.isArray(signatures) && signatures.length).toBe(
        SignedTx.fromTextOrThrow(signed).signatures.length
      )
      expect(at(signers, "rule")).toBe(row.signers)
    })

  it("agrees with the known answers about hashes, fees, protocols and channel ids", () => {
    let checked = 0
    for (const answer of known("tx").transactions) {
      const json = jsonOf(answer.signatures.ae_mainnet.signedTx)
      expect(json["hash"]).toBe(answer.signatures.ae_mainnet.hash)
      expect(json["inner_hash"]).toBe(answer.innerHash)
      expect(json["unsigned_size"]).toBe(answer.sizeBytes)
      expect(json["protocols"]).toEqual(answer.validAtProtocols)
      expect(json["channel_id"]).toBe(answer.channelId)
      if (answer.minFee === undefined) expect(json).not.toHaveProperty("minimum_fee")
      else {
        expect(at(json, "minimum_fee", "minimum")).toBe(answer.minFee.at1e9)
        expect(at(json, "minimum_fee", "consensus_minimum")).toBe(answer.minFee.at1e6)
      }
      checked++
    }
    console.log(`tx.json: ${checked} transactions`)
  })

  it("says whether the fee is enough, for nodes and for the chain", () => {
    const [create] = Inspected.knownTransactions
    const { tx } = SignedTx.unsigned(
      Transaction.decodeOrThrow(ApiEncoding.decodeOrThrow("tx", create?.unsignedTx ?? ""))
    )
    if (tx._tag !== "ChannelCreateTx") throw new Error("the first known transaction opens a channel")
    const withFee = (fee: bigint) => ApiEncoding.encode("tx", Transaction.encode({ ...tx, fee }))
    const verdict = (fee: bigint) => [
      at(jsonOf(withFee(fee)), "minimum_fee", "covered"),
      at(jsonOf(withFee(fee)), "minimum_fee", "consensus_covered")
    ]
    expect(verdict(17_900_000_000_000n)).toEqual([true, true])
    expect(verdict(17_899_999_999_999n)).toEqual([false, true])
    expect(verdict(17_880_000_000n)).toEqual([false, true])
    expect(verdict(17_800_000_000n)).toEqual([false, false])
    expect(textOf(withFee(17_880_000_000n))).toContain("too low for nodes with default settings")
    expect(textOf(withFee(1n))).toContain("no chain takes it")
  })
})

describe("inspect: signatures", () => {
  it("finds the signer, the mode and the network of every known signature", () => {
    let found = 0
    for (const { signatures } of Inspected.knownTransactions)
      for (const networkId of networkIds)
        for (const mode of ["hash", "raw"] as const) {
          const text = signatures[networkId]?.[mode === "hash" ? "signedTx" : "signedTxRawMode"] ?? ""
          const json = jsonOf(text, { signers: [alice.address, bob.address] })
          const list = json["signatures"]
          if (!Json.isArray(list)) throw new Error("signatures are a list")
          for (const signature of list) {
            expect(signature).toMatchObject({ mode, network_id: networkId, inner_tx: false })
            expect([alice.address, bob.address]).toContain(at(signature, "signer"))
            found++
          }
          expect(new Set(list.map((signature) => at(signature, "signer"))).size).toBe(list.length)
        }
    console.log(`${found} signatures`)
    expect(found).toBeGreaterThan(100)
  })

  it("knows only the networks it is told to try", () => {
    const input = Inspected.knownTransactions[0]?.signatures["ae_uat"]?.signedTx ?? ""
    const other = { networkIds: ["my_network"] }
    expect(at(jsonOf(input), "signatures", 0, "network_id")).toBe("ae_uat")
    expect(at(jsonOf(input, other), "signatures", 0, "signer")).toBeNull()
    expect(textOf(input, other)).toContain(
      `by none of ${alice.address}, ${bob.address} (hash and raw mode, my_network)`
    )
    expect(at(jsonOf(input, other), "signers", "missing")).toEqual([alice.address, bob.address])
  })

  it("says who is missing", () => {
    const input = Inspected.knownTransactions[0]?.unsignedTx ?? ""
    const tx = Transaction.decodeOrThrow(ApiEncoding.decodeOrThrow("tx", input))
    const half = SignedTx.sign(SignedTx.unsigned(tx), alice, {
      networkId: "ae_dev",
      crypto: Inspected.crypto
    })
    const json = jsonOf(SignedTx.toText(half))
    expect(at(json, "signers", "missing")).toEqual([bob.address])
    expect(at(json, "authentications")).toMatchObject({ total: 1, needed: 2 })
    expect(textOf(SignedTx.toText(half))).toContain(`missing: ${bob.address}`)
  })

  it("strings explain each other: accounts one names are tried for the others", () => {
    const offchain = Inspected.onePerPrefix.get("tx") ?? ""
    expect(at(jsonOf(offchain), "signatures", 0, "signer")).toBeNull()
    expect(textOf(offchain)).toContain("names nobody who could have made it")
    const create = Inspected.knownTransactions[0]?.unsignedTx ?? ""
    for (const inputs of [
      [create, offchain],
      [bob.address, offchain, alice.address]
    ]) {
      const [, second] = Inspected.explain(inputs)
      if (second === undefined) throw new Error("nothing came back")
      const text = render(Either.getOrThrow(second))
      expect(text).toContain(`valid signature of ${alice.address} (hash mode, ae_dev)`)
      expect(text).toContain(`valid signature of ${bob.address} (hash mode, ae_dev)`)
    }
  })

  it("a signature made to be paid for only counts there", () => {
    const sample = Inspected.samples.find(({ row }) => row.name === "PayingForTx")
    const paying = SignedTx.fromTextOrThrow(sample?.signed ?? "")
    const inside = jsonOf(sample?.signed ?? "")
    expect(at(inside, "fields", "tx", "signatures", 0)).toMatchObject({
      signer: alice.address,
      inner_tx: true
    })
    const outside = SignedTx.inner(paying)
    if (outside === undefined) throw new Error("it wraps one")
    expect(textOf(SignedTx.toText(outside))).toContain("it only counts inside a paying_for transaction")
  })

  it("counts generalized accounts as authentications", () => {
    let checked = 0
    for (const row of known("ga").rows) {
      const json = jsonOf(row.outerSignedTx, { signers: [alice.address, bob.address] })
      expect(json["hash"]).toBe(row.outerHash)
      expect(at(json, "authentications")).toMatchObject({ total: row.authentications })
      expect(json["protocols"]).toEqual(row.validAtProtocolsV2)
      // Which of them is missing is known where the transaction names them; a generalized one does not sign.
      const missing = at(json, "fields", "tx", "signers", "missing")
      expect(missing === null || (Json.isArray(missing) && missing.length === 0)).toBe(true)
      if (row.channelIdWithGaInitiator !== undefined)
        expect([json["channel_id"], at(json, "fields", "tx", "channel_id")]).toEqual([
          row.channelIdWithGaInitiator,
          undefined
        ])
      // By itself the inner transaction does not know which channel it opens.
      const inside = jsonOf(ApiEncoding.encode("tx", Bytes.fromHex(row.innerSigned)))
      if (row.channelIdWithGaInitiator !== undefined) expect(inside["channel_id"]).toBeNull()
      checked++
    }
    console.log(`ga.json: ${checked} meta transactions`)
  })
})

describe("inspect: states", () => {
  it("balances and state hashes of the known states", () => {
    for (const state of known("trees").states) {
      for (const input of [state.stateTrees, state.poiBoth]) {
        const json = jsonOf(input)
        expect(json["state_hash"]).toBe(state.stateHashEncoded)
        const accounts = json["accounts"]
        if (!Json.isArray(accounts)) throw new Error("accounts are a list")
        expect(Object.fromEntries(accounts.map((each) => [at(each, "id"), at(each, "balance")]))).toEqual(
          state.balances
        )
      }
      const [alone] = Object.keys(state.balances)
      expect(at(jsonOf(state.poiAliceOnly), "accounts")).toMatchObject([{ id: alone }])
    }
  })

  it("a proof shows nothing that its hashes do not lead to", () => {
    for (const negative of known("trees").poiNegative) {
      const [result] = Inspected.explain([negative.poi])
      if (negative.node.error !== undefined) {
        expect(result === undefined || Either.isLeft(result)).toBe(true)
        continue
      }
      const shown = at(jsonOf(negative.poi), "accounts")
      const expected = (negative.accounts as ReadonlyArray<string>).filter((_, index) =>
        /^\d+$/.test(negative.node.accounts[index])
      )
      expect(
        Json.isArray(shown) ? shown.map((account) => at(account, "id")).toSorted() : undefined,
        negative.why
      ).toEqual(expected.toSorted())
    }
  })

  it("contracts and their accounts are told from parties", () => {
    const round = Inspected.contractRound
    for (const input of [round.stateTrees, round.poi]) {
      const json = jsonOf(input)
      expect(json["state_hash"]).toBe(ApiEncoding.encode("st", Bytes.fromHex(round.stateHash)))
      const accounts = json["accounts"]
      if (!Json.isArray(accounts)) throw new Error("accounts are a list")
      expect(Object.fromEntries(accounts.map((each) => [at(each, "id"), at(each, "balance")]))).toEqual(
        round.balances
      )
      expect(at(json, "contracts", 0)).toMatchObject({ vm_version: 8, abi_version: 3, store_entries: 3 })
    }
    expect(textOf(round.calls)).toContain("error, ")
    expect(textOf(round.calls)).toContain("division by zero")
  })

  const key = FastCheck.uint8Array({ minLength: 32, maxLength: 32 })
  it.prop(
    "a proof of some accounts shows these, as the trees have them, and none that the trees have not",
    [
      FastCheck.array(FastCheck.tuple(key, FastCheck.bigInt(0n, 10n ** 24n)), {
        minLength: 1,
        maxLength: 40
      }),
      FastCheck.nat()
    ],
    ([accounts, choice]) => {
      const ids = accounts.map(([bytes]) => ApiEncoding.encode("ak", bytes))
      const trees = accounts.reduce(
        (all, [, balance], index) =>
          Trees.setAccount(all, ids[index] ?? alice.address, { balance, nonce: 0n, flags: 0 }),
        Trees.empty
      )
      const wanted = ids.filter((_, index) => (choice >> (index % 20)) % 2 === 0)
      const poi = Poi.build(trees, { accounts: wanted })
      if (poi instanceof Poi.NotFound) throw poi
      const shown = provenEntries(poi.accounts).map(([bytes]) => ApiEncoding.encode("ak", bytes))
      expect(shown).toEqual(expect.arrayContaining(wanted))
      expect(ids).toEqual(expect.arrayContaining(shown))
      for (const id of shown) expect(Poi.account(poi, id)?.balance).toBe(Trees.balance(trees, id))
    },
    { fastCheck: { seed: 1, numRuns: 100 } }
  )
})

describe("inspect: any transaction", () => {
  const decodable = Transaction.rows.filter(
    (row: Transaction.Row) => !Object.values(row.fields).some(({ kind }) => kind === "signed_tx")
  )
  it.prop(
    "is explained without loss of digits, and without anything a terminal acts on",
    [FastCheck.oneof(...decodable.map((row) => Arbitrary.make(Transaction.schemaOf(row))))],
    ([tx]) => {
      const input = ApiEncoding.encode("tx", Transaction.encode(tx))
      const json = Json.parseOrThrow(Json.stringify(jsonOf(input)))
      for (const [name, value] of Object.entries(tx)) {
        const field = at(
          json,
          "fields",
          name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
        )
        if (typeof value === "bigint") expect(field).toBe(value.toString())
        if (typeof value === "number" && name !== "version") expect(field).toBe(value)
        if (typeof value === "string" && name !== "_tag") expect(field).toBe(value)
      }
      expect(textOf(input).replaceAll("\n", "")).not.toMatch(/\p{C}/u)
    },
    { fastCheck: { seed: 2, numRuns: 200 } }
  )

  it("shows hostile notes in quotes", () => {
    const data = "\u001b[31mred\u009b2J \u202eevil\n\udc80"
    const input = ApiEncoding.encode("ba", Update.encode({ _tag: "OffChainMeta", data }))
    expect(textOf(input).replaceAll("\n", "")).not.toMatch(/\p{C}/u)
    expect(jsonOf(input)["data"]).toBe(data)
    expect(quote("a\u009bb")).toBe('"a\\u{9b}b"')
  })

  it("a payload of payloads of payloads ends", () => {
    let payload: Uint8Array = new Uint8Array()
    for (let layer = 0; layer < 100; layer++)
      payload = SignedTx.encode(
        SignedTx.unsigned({
          _tag: "ChannelSnapshotSoloTx",
          version: 1,
          channelId: ApiEncoding.parseOrThrow("ch", known("tx").channelId),
          fromId: alice.address,
          payload,
          ttl: 0,
          fee: 1n,
          nonce: 1n
        })
      )
    expect(textOf(ApiEncoding.encode("tx", payload))).toContain("nested too deeply")
  })

  it("a thousand signatures end", () => {
    const [create] = Inspected.knownTransactions
    let signed = SignedTx.unsigned(
      Transaction.decodeOrThrow(ApiEncoding.decodeOrThrow("tx", create?.unsignedTx ?? ""))
    )
    for (let index = 0; index < 1000; index++) {
      const signature = new Uint8Array(64).fill(1)
      new DataView(signature.buffer).setUint32(0, index)
      signed = SignedTx.addSignature(signed, signature)
    }
    expect(textOf(SignedTx.toText(signed))).toContain("not tried: too many")
  })
})

describe("inspect: secrets", () => {
  const secretKeys = (known("ed25519").keys as ReadonlyArray<{ secretString: string; address: string }>).map(
    ({ address, secretString }) => [secretString, address] as const
  )

  it("a secret key is never echoed, only its address shown", () => {
    for (const [secret, address] of secretKeys) {
      const all = textOf(secret) + Json.stringify(jsonOf(secret))
      expect(all).not.toContain(secret.slice(3, 12))
      expect(all).not.toContain(Bytes.toHex(ApiEncoding.decodeOrThrow("sk", secret)).slice(0, 8))
      expect(jsonOf(secret)).toEqual({ input: "sk_…", prefix: "sk", kind: "account secret key", address })
    }
  })

  it("nor is what may be an fsm id", () => {
    const secret = ApiEncoding.encode("ba", Bytes.fromHex("00112233445566778899aabbccddeeff".repeat(2)))
    const all = textOf(secret) + Json.stringify(jsonOf(secret))
    expect(all).not.toContain(secret.slice(3, 12))
    expect(all).not.toContain("00112233")
    expect(jsonOf(secret)).toMatchObject({ input: "ba_…", size: 32, hex: null })
  })
})

const problemOf = (input: string): NotExplained => {
  const [result] = Inspected.explain([input])
  if (result === undefined || Either.isRight(result))
    throw new Error(`${JSON.stringify(input)} was explained`)
  return new NotExplained({ position: 1, of: 1, input: Redacted.make(input), error: result.left })
}

describe("inspect: garbage", () => {
  const encoded = (prefix: ApiEncoding.Prefix, hex: string) => ApiEncoding.encode(prefix, Bytes.fromHex(hex))
  const create = Inspected.knownTransactions[0]?.unsignedTx ?? ""
  const createBytes = ApiEncoding.decodeOrThrow("tx", create)
  const signed = ApiEncoding.decodeOrThrow("tx", Inspected.samples.at(-1)?.signed ?? "")
  const table: ReadonlyArray<readonly [name: string, input: string, reason: string]> = [
    ["an empty transaction", encoded("tx", ""), "empty"],
    ["a transaction cut short", ApiEncoding.encode("tx", createBytes.slice(0, -5)), "truncated"],
    ["a byte too many", ApiEncoding.encode("tx", Bytes.concat(createBytes, Uint8Array.of(0))), "trailing"],
    ["an update in place of a transaction", encoded("tx", known("updates").updates[0].bytes), "unknown_type"],
    [
      "state trees under tx_",
      ApiEncoding.encode("tx", ApiEncoding.decodeOrThrow("ss", Inspected.contractRound.stateTrees)),
      "unknown_type"
    ],
    ["a signed transaction under ss_", ApiEncoding.encode("ss", signed), "unexpected_tag"],
    ["a transaction under pi_", ApiEncoding.encode("pi", createBytes), "unexpected_tag"],
    [
      "state trees under cs_",
      ApiEncoding.encode("cs", ApiEncoding.decodeOrThrow("ss", Inspected.contractRound.stateTrees)),
      "unexpected_tag"
    ],
    ["text under ss_", ApiEncoding.encode("ss", Bytes.utf8("hello")), "trailing"],
    [
      "a secret key in hexadecimal digits",
      "1e9d45956196e45f9ee3b2e25f49c329f2a98508c17ab62d2f8a309aafa34a11",
      "invalid_encoding"
    ],
    ["a sentence", "what is this?", "invalid_encoding"]
  ]

  for (const [name, input, reason] of table)
    it(name, () => {
      const problem = problemOf(input)
      expect(problem.error.reason).toBe(reason)
      expect(problem.message).toContain(reason)
      expect(problem.message).not.toContain("\n")
      expect(problem.message).toMatchSnapshot()
    })

  it("every known bad string has a clear paragraph without its content", () => {
    const bad = known("encoding").bad as ReadonlyArray<{ why: string; string: string; strictReason: string }>
    const messages = bad.map(({ strictReason, string, why }) => {
      const { message } = problemOf(string)
      expect(message, why).toContain(`(${strictReason})`)
      expect(message, why).not.toContain("\n")
      const body = string.slice(string.indexOf("_") + 1)
      if (body.length > 8) expect(message, why).not.toContain(body.slice(0, 8))
      return `${why}: ${message}`
    })
    expect(messages).toMatchSnapshot()
    console.log(`encoding.json: ${bad.length} bad strings`)
  })

  it("a damaged secret key is not echoed either", () => {
    const secret = known("ed25519").keys[0].secretString as string
    for (const damaged of [
      `${secret.slice(0, -1)}1`,
      `${secret} `,
      secret.slice(0, -3),
      secret.toUpperCase(),
      secret.slice(3)
    ]) {
      const problem = problemOf(damaged)
      expect(problem.message + Json.stringify(problemToJson(problem))).not.toContain(damaged.slice(4, 10))
    }
  })

  it.prop(
    "no text makes it fail in another way",
    [
      FastCheck.oneof(
        FastCheck.string(),
        FastCheck.fullUnicodeString(),
        FastCheck.tuple(
          FastCheck.constantFrom(...Object.keys(ApiEncoding.prefixes)),
          FastCheck.base64String()
        ).map(([prefix, body]) => `${prefix}_${body}`)
      )
    ],
    ([input]) => {
      for (const result of Inspected.explain([input]))
        if (Either.isLeft(result))
          expect(
            new NotExplained({ position: 2, of: 3, input: Redacted.make(input), error: result.left }).message
          ).not.toMatch(/\p{C}/u)
    },
    { fastCheck: { seed: 3, numRuns: 500 } }
  )
})

describe("aechannel inspect", () => {
  const [create, second] = Inspected.knownTransactions
  const signed = create?.signatures["ae_dev"]?.signedTx ?? ""

  it("explains what stands in its arguments and on its standard input", async () => {
    const { code, err, out } = await piped(
      `\n${second?.unsignedTx}\n\n  ${alice.address}  \n`,
      "inspect",
      signed,
      "-"
    )
    expect(err).toBe("")
    expect(code).toBe(0)
    expect(out.split("\n\n")).toHaveLength(3)
    expect(out).toContain("signed channel_create_tx, version 2: opens a channel")
    expect(out).toContain(`valid signature of ${bob.address} (hash mode, ae_dev), its responder_id`)
    expect(out).toContain(`${alice.address}: account public key`)
  })

  it("prints a line of JSON for each string, problems too, and fails in the end", async () => {
    const { code, err, out } = await piped(
      `${signed}\nak_garbage\n${bob.address}\n`,
      "inspect",
      "-",
      "--json"
    )
    expect(code).toBe(1)
    const lines = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line))
    expect(lines).toHaveLength(3)
    expect(lines[0]).toEqual(JSON.parse(Json.stringify(jsonOf(signed))))
    expect(lines[1]).toMatchObject({
      position: 2,
      error: { what: "api encoding", reason: "invalid_encoding" }
    })
    expect(lines[2]).toMatchObject({ input: bob.address, prefix: "ak" })
    expect(err).toMatch(
      /^aechannel: cannot read string 2 of 3 \(ak_…, 10 characters\): invalid_encoding: .*\n$/
    )
  })

  it("takes network ids and signers", async () => {
    const offchain = Inspected.onePerPrefix.get("tx") ?? ""
    const args = ["--network-id", "ae_dev", "--signer", alice.address, "--signer", bob.address] as const
    const { code, out } = await piped("", "inspect", ...args, offchain)
    expect(code).toBe(0)
    expect(out).toContain(`valid signature of ${alice.address} (hash mode, ae_dev)`)
    const wrong = await piped("", "inspect", "--signer", "ak_x", offchain)
    expect(wrong.code).toBe(1)
    expect(wrong.err).toMatch(/^aechannel: --signer takes an account address \(ak_…\): .*\n$/)
  })

  it("says what is wrong with its arguments", async () => {
    for (const [input, args, error] of [
      ["", ["inspect", "--jsn", signed], /there is no option “--jsn”/],
      ["\n \n", ["inspect", "-"], /there is nothing to inspect/],
      ["", ["inspect"], /Missing argument <string>/],
      ["", ["inspect", "--log-level", "loud", signed], /--log-level takes one of all, /]
    ] as const) {
      const { code, err } = await piped(input, ...args)
      expect(code).toBe(1)
      expect(err).toMatch(error)
      expect(err.trimEnd()).not.toContain("\n")
    }
  })

  it("shows stack traces when asked to", async () => {
    const plain = await piped("", "inspect", "ak_x")
    expect(plain.err.trimEnd()).not.toContain("\n")
    const debug = await piped("", "inspect", "--log-level", "debug", "ak_x")
    expect(debug.code).toBe(1)
    expect(debug.err).toMatch(/\n\s+at /)
    expect(debug.err.startsWith(plain.err)).toBe(true)
  })
})
