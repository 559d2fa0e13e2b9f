/** What tools ask a node's HTTP port next to channels: blocks, what waits, what there is none of, and the description. */
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Json from "@aechannel/core/encoding/Json"
import * as Ids from "@aechannel/core/chain/Ids"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { routes } from "../src/internal/http/routes.js"
import { type SchemaName, schemas } from "../src/internal/http/schemas.js"
import { alice, balance, bob, create, nobody, spend, start } from "./support/HttpNode.js"

const kh = ApiEncoding.encode("kh", new Uint8Array(32).fill(9))
const mh = ApiEncoding.encode("mh", new Uint8Array(32).fill(9))

const refused = (status: number, reason: string, errorCode?: string) => ({
  status,
  text:
    errorCode === undefined ? `{"reason":"${reason}"}` : `{"error_code":"${errorCode}","reason":"${reason}"}`
})

/** A chain of three key blocks; two transactions in a micro block on the second, one that waits. */
const busy = Effect.gen(function* () {
  const started = yield* start
  const { get, node, submit } = started
  yield* node.auto(false)
  yield* node.mine(1)
  yield* submit(spend(1n))
  yield* submit(spend(2n))
  yield* node.mineMicro
  yield* node.mine(1)
  yield* submit(spend(9n - 4n))
  const second = yield* get("/v3/generations/height/2")
  const micro = Json.field(second.json, "micro_blocks")
  const [hash] = Array.isArray(micro) ? micro : []
  return { ...started, second, micro: String(hash) }
})

describe("blocks", () => {
  it.scopedLive("key blocks and generations by hash and height", () =>
    Effect.gen(function* () {
      const { get, micro, node, second } = yield* busy
      const { genesis, top } = yield* node.ledger
      const key = yield* get("/v3/key-blocks/height/2")
      expect(key.json).toMatchObject({ height: 2, prev_key_hash: expect.stringMatching(/^kh_/) })
      const hash = String(Json.field(key.json, "hash"))
      expect((yield* get(`/v3/key-blocks/hash/${hash}`)).text).toBe(key.text)
      expect((yield* get("/v3/key-blocks/current/hash")).text).toBe(`{"hash":"${top.hash}"}`)
      expect((yield* get("/v3/key-blocks/height/0")).json).toMatchObject({ hash: genesis.hash, height: 0 })

      expect(second.json).toEqual({ key_block: key.json, micro_blocks: [micro] })
      expect(micro).toMatch(/^mh_/)
      expect((yield* get(`/v3/generations/hash/${hash}`)).text).toBe(second.text)
      const current = (yield* get("/v3/generations/current")).json
      expect(current).toMatchObject({ key_block: { hash: top.hash, prev_hash: micro }, micro_blocks: [] })
      expect((yield* get("/v3/generations/height/0")).json).toMatchObject({ micro_blocks: [] })
    })
  )

  it.scopedLive("micro blocks and their transactions", () =>
    Effect.gen(function* () {
      const { get, micro, second } = yield* busy
      const path = `/v3/micro-blocks/hash/${micro}`
      const keyHash = Json.field(second.json, "key_block")
      expect((yield* get(`${path}/header`)).json).toEqual({
        flags: ApiEncoding.encode("ba", new Uint8Array(4)),
        hash: micro,
        height: 2,
        pof_hash: "no_fraud",
        prev_hash: Json.field(keyHash, "hash"),
        prev_key_hash: Json.field(keyHash, "hash"),
        signature: expect.stringMatching(/^sg_/),
        state_hash: expect.stringMatching(/^bs_/),
        time: expect.any(Number),
        txs_hash: expect.stringMatching(/^bx_/),
        version: 6
      })
      expect((yield* get(`${path}/transactions/count`)).text).toBe('{"count":2}')
      const all = (yield* get(`${path}/transactions`)).json
      const listed = Json.field(all, "transactions")
      for (const [index, signedTx] of [spend(1n), spend(2n)].entries()) {
        const one = yield* get(`/v3/transactions/${SignedTx.hash(signedTx)}`)
        expect(one.json).toMatchObject({ block_hash: micro, block_height: 2 })
        expect((yield* get(`${path}/transactions/index/${index + 1}`)).text).toBe(one.text)
        expect(Array.isArray(listed) ? listed[index] : undefined).toEqual(one.json)
      }
      for (const index of ["0", "3", "x", "-1"])
        expect(yield* get(`${path}/transactions/index/${index}`)).toMatchObject(
          refused(400, "Invalid hash or index")
        )
    })
  )

  it.scopedLive("what there is not, in the node's words", () =>
    Effect.gen(function* () {
      const { get } = yield* start
      const stranger = ApiEncoding.encode("ct", ApiEncoding.bytesOf(nobody.address))
      const answers: ReadonlyArray<readonly [string, number, string, string?]> = [
        [`/v3/key-blocks/hash/${kh}`, 404, "Block not found"],
        [`/v3/key-blocks/hash/${mh}`, 400, "Invalid hash"],
        ["/v3/key-blocks/height/99", 404, "Block not found", "chain_too_short"],
        ["/v3/key-blocks/pending", 400, "Beneficiary not configured", "beneficiary_not_configured"],
        [`/v3/generations/hash/${kh}`, 400, "Hash not on main chain"],
        [`/v3/generations/hash/kh_1`, 400, "Invalid hash", "invalid_encoding"],
        ["/v3/generations/height/99", 404, "Chain too short"],
        [`/v3/micro-blocks/hash/${mh}/header`, 404, "Block not found", "block_not_found"],
        [`/v3/micro-blocks/hash/${kh}/header`, 400, "Invalid hash", "invalid_prefix"],
        [`/v3/micro-blocks/hash/${mh}/transactions`, 404, "Block not found", "block_not_found"],
        [`/v3/micro-blocks/hash/${mh}/transactions/count`, 404, "Block not found", "block_not_found"],
        [`/v3/micro-blocks/hash/${mh}/transactions/index/1`, 404, "Block not found"],
        [`/v3/accounts/${nobody.address}/transactions/pending`, 404, "Account not found"],
        [`/v3/contracts/${stranger}`, 404, "Contract not found", "not_present"],
        ["/v3/contracts/ct_1", 400, "Invalid public key"],
        [`/v3/contracts/${stranger}/code`, 404, "Contract not found", "not_present"],
        ["/v3/contracts/ct_1/code", 400, "Invalid public key", "invalid_encoding"],
        ["/v3/names/somebody.chain", 404, "Name not found", "name_not_found"],
        ["/v3/names/auctions/somebody.chain", 404, "Name not found", "name_not_found"],
        [
          "/v3/names/a.test",
          400,
          "Name validation failed with a reason: registrar_unknown",
          "registrar_unknown"
        ],
        ["/v3/names/a", 400, "Name validation failed with a reason: no_registrar", "no_registrar"],
        ["/v3/names/hash/nm_1", 400, "Invalid name hash", "invalid_encoding"],
        [`/v3/oracles/${ApiEncoding.encode("ok", new Uint8Array(32))}`, 404, "Oracle not found", "not_found"]
      ]
      for (const [path, status, reason, code] of answers)
        expect({ path, ...(yield* get(path)) }).toMatchObject({ path, ...refused(status, reason, code) })
      expect(yield* get("/v3/key-blocks/height/x")).toMatchObject({
        status: 400,
        json: { reason: "validation_error", parameter: "height", info: { data: "x", error: "wrong_type" } }
      })
    })
  )

  it.scopedLive("what waits, of all and of one account", () =>
    Effect.gen(function* () {
      const { get } = yield* busy
      const hash = SignedTx.hash(spend(5n))
      const all = yield* get("/v3/debug/transactions/pending")
      expect(all.json).toMatchObject({
        transactions: [{ hash, block_height: -1, block_hash: "none", tx: { nonce: 5, type: "SpendTx" } }]
      })
      expect((yield* get(`/v3/accounts/${alice.address}/transactions/pending`)).text).toBe(all.text)
      expect((yield* get(`/v3/accounts/${bob.address}/transactions/pending`)).text).toBe(
        '{"transactions":[]}'
      )
    })
  )
})

/** Where a value is not of its schema. */
const faults = (value: unknown, schema: Json.Json | undefined, at: string): ReadonlyArray<string> => {
  const reference = Json.field(schema ?? null, "$ref")
  if (typeof reference === "string") {
    const name = Object.keys(schemas).find((each) => reference.endsWith(`/${each}`))
    return name === undefined ? [`${at}: ${reference}`] : faults(value, schemas[name as SchemaName], at)
  }
  const type = Json.field(schema ?? null, "type")
  const properties = Json.field(schema ?? null, "properties")
  if (type === "array")
    return Array.isArray(value)
      ? value.flatMap((each, index) => faults(each, Json.field(schema ?? null, "items"), `${at}.${index}`))
      : [`${at}: no array`]
  if (type === "integer")
    return typeof value === "bigint" || Number.isSafeInteger(value) ? [] : [`${at}: no integer`]
  if (type === "number") return value instanceof Json.JsonNumber ? [] : [`${at}: no number`]
  if (type !== "object") return typeof value === type ? [] : [`${at}: no ${String(type)}`]
  if (typeof value !== "object" || value === null) return [`${at}: no object`]
  if (properties === undefined || !Json.isObject(properties)) return []
  const required = Json.field(schema ?? null, "required")
  const entries = Object.entries(value)
  return [
    ...(Array.isArray(required) ? required : [])
      .filter((name) => !entries.some(([key]) => key === name))
      .map((name) => `${at}: no ${String(name)}`),
    ...entries.flatMap(([key, each]) =>
      key in properties ? faults(each, properties[key], `${at}.${key}`) : [`${at}: ${key} is not described`]
    )
  ]
}

describe("the description", () => {
  it.scopedLive("has every call once, and the answers are as it says", () =>
    Effect.gen(function* () {
      const { get, micro, node, second, send, submit } = yield* busy
      const api = (yield* get("/api?oas3")).json
      const paths = Json.field(api, "paths")
      expect(Json.field(api, "openapi")).toBe("3.0.3")
      if (paths === undefined || !Json.isObject(paths)) throw new Error("no paths")
      expect(Object.keys(paths)).toEqual(routes.map(({ path }) => path).sort())
      const operations = routes.map(({ operation }) => operation)
      expect(new Set(operations).size).toBe(operations.length)

      yield* node.auto(true)
      yield* submit(spend(3n))
      yield* submit(spend(4n))
      yield* submit({ ...create })
      const ch = Ids.channelId(alice.address, 1n, bob.address)
      const values: { readonly [name: string]: string } = {
        kh: String(Json.field(Json.field(second.json, "key_block") ?? null, "hash")),
        mh: micro,
        height: "1",
        index: "2",
        ak: alice.address,
        th: SignedTx.hash(spend(1n)),
        ch
      }
      const queries: { readonly [path: string]: string } = {
        "/auto": "?on=true",
        "/devnet/mining": "?on=true",
        "/devnet/fund": `?address=${bob.address}&amount=${balance}`,
        "/devnet/revert": "?snapshot=1"
      }
      let checked = 0
      for (const { gives, method, path } of routes) {
        const url =
          path.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? "none") + (queries[path] ?? "")
        const answer = yield* method === "POST" ? send(url) : get(url)
        const schema: SchemaName = answer.status === 200 ? gives : "Error"
        expect(faults(answer.json, { $ref: `#/${schema}` }, path)).toEqual([])
        if (answer.status === 200) checked += 1
      }
      console.log(`${routes.length} calls, ${checked} answered, all as described`)
      expect(checked).toBeGreaterThan(25)
    })
  )
})
