/** The controls of a node over its HTTP port. */
import * as Ids from "@aechannel/core/chain/Ids"
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Json from "@aechannel/core/encoding/Json"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as NodeServer from "@aechannel/transport/NodeServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { query } from "../../core/test/support/NodeUnderTest.js"
import * as RawClient from "../../core/test/support/RawClient.js"
import * as TestCrypto from "../../core/test/support/TestCrypto.js"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import { alice, bob, create, networkId, nobody, post, spend, start } from "./support/HttpNode.js"

const heightOf = (answer: { readonly json: Json.Json | undefined }) =>
  Json.field(answer.json ?? null, "height")

describe("the controls", () => {
  it.scopedLive("blocks, mining mode, funds and forks", () =>
    Effect.gen(function* () {
      const { get, node, send, submit } = yield* start
      expect(heightOf(yield* send("/devnet/mine?n=3"))).toBe(4)
      expect(heightOf(yield* send("/devnet/mine"))).toBe(5)
      expect((yield* send("/devnet/mining?on=false")).text).toBe('{"auto":false}')
      yield* submit(spend(1n))
      expect(Ledger.hasPending(yield* node.ledger)).toBe(true)
      yield* send("/devnet/mine")
      expect(Ledger.hasPending(yield* node.ledger)).toBe(false)

      const amount = 10n ** 30n
      const funded = yield* send(`/devnet/fund?address=${nobody.address}&amount=${amount}`)
      expect(funded.json).toMatchObject({ id: nobody.address, balance: amount + 5n, nonce: 0 })

      expect(heightOf(yield* send("/devnet/fork?n=2"))).toBe(4)
      expect(Ledger.pending(yield* node.ledger).map(({ txHash }) => txHash)).toEqual([
        SignedTx.hash(spend(1n))
      ])
      yield* send("/devnet/mine")
      expect(heightOf(yield* send("/devnet/fork?n=2&return=false"))).toBe(3)
      expect(Ledger.hasPending(yield* node.ledger)).toBe(false)
      expect((yield* get(`/v3/accounts/${nobody.address}`)).json).toMatchObject({ balance: amount })
    })
  )

  it.scopedLive("refuse what they cannot read, and change nothing by a plain link", () =>
    Effect.gen(function* () {
      const { get, send } = yield* start
      const reasons: ReadonlyArray<readonly [string, number, string]> = [
        ["/devnet/mine?n=0", 400, "n must be a number of blocks from 1 to 10000"],
        ["/devnet/mining", 400, "on must be true or false"],
        ["/devnet/fund?amount=1", 400, "address must be an account, ak_…"],
        [`/devnet/fund?address=${alice.address}&amount=-1`, 400, "amount must be a number of aettos"],
        ["/devnet/fork?n=1&return=maybe", 400, "return must be true or false"],
        ["/devnet/disconnect", 400, "channel must be a channel, ch_…"],
        ["/devnet/disturb", 400, "way must be to_client, from_client or link"],
        ["/devnet/disturb?way=link", 400, "channel must be a channel, ch_…"],
        ["/devnet/load", 400, 'the body must be what /devnet/dump has given: {"dump":"…"}'],
        ["/devnet/travel?ms=soon", 400, "ms must be a number from 0 to 315576000000"],
        [
          "/devnet/revert?snapshot=7",
          404,
          "There is no snapshot 7: snapshots are counted from 1, and gone when the node stops"
        ]
      ]
      for (const [path, status, reason] of reasons) {
        const answer = yield* send(path)
        expect([path, answer.status, Json.field(answer.json ?? null, "reason")]).toEqual([
          path,
          status,
          reason
        ])
      }
      const short = yield* send("/devnet/fork?n=9")
      expect(short).toMatchObject({ status: 400, json: { error_code: "not_enough_blocks" } })
      const id = Ids.channelId(alice.address, 1n, bob.address)
      expect(yield* send(`/devnet/disconnect?channel=${id}`)).toMatchObject({
        status: 404,
        json: { reason: "Channel not found" }
      })
      expect((yield* send(`/devnet/disconnect?channel=${id}&what=cable`)).status).toBe(400)
      for (const path of [
        "mine",
        "mining",
        "fund",
        "fork",
        "disconnect",
        "disturb",
        "travel",
        "snapshot",
        "revert",
        "load"
      ])
        expect((yield* get(`/devnet/${path}`)).status).toBe(405)
    })
  )

  it.scopedLive("give the node as a file, and take it", () =>
    Effect.gen(function* () {
      const first = yield* start
      yield* first.submit(spend(1n))
      yield* first.send("/devnet/mine?n=3")
      const file = yield* first.get("/devnet/dump")
      const look = (at: typeof first) =>
        Effect.all([at.get("/v3/generations/current"), at.get(`/v3/accounts/${nobody.address}`)]).pipe(
          Effect.map((answers) => answers.map(({ text }) => text))
        )
      const other = yield* start
      expect((yield* post(`${other.url}/devnet/load`, file.text)).status).toBe(200)
      expect(yield* look(other)).toEqual(yield* look(first))
      const bad = yield* post(`${other.url}/devnet/load`, '{"dump":"AAAA"}')
      expect(bad).toMatchObject({ status: 400, json: { error_code: "damaged" } })
      expect((yield* post(`${other.url}/devnet/load`, "{")).status).toBe(400)
      expect(yield* look(other)).toEqual(yield* look(first))
    })
  )

  it.scopedLive("travel in time", () =>
    Effect.gen(function* () {
      const { send } = yield* start
      const time = (answer: { readonly json: Json.Json | undefined }) =>
        Number(Json.field(answer.json ?? null, "time"))
      const before = time(yield* send("/devnet/mine"))
      expect(time(yield* send("/devnet/travel?ms=86400000"))).toBe(before)
      expect(time(yield* send("/devnet/mine")) - before).toBeGreaterThanOrEqual(86_400_000)
    })
  )

  it.scopedLive("snapshot and revert the chain", () =>
    Effect.gen(function* () {
      const { get, send, submit } = yield* start
      const look = Effect.all([get("/v3/generations/current"), get(`/v3/accounts/${alice.address}`)]).pipe(
        Effect.map((answers) => answers.map(({ text }) => text))
      )
      yield* send("/devnet/mine?n=3")
      const before = yield* look
      expect((yield* send("/devnet/snapshot")).text).toBe('{"snapshot":1}')
      for (let n = 1n; n <= 5n; n++) {
        yield* submit(spend(n))
        yield* send("/devnet/mine")
      }
      const posted = yield* submit(create)
      expect(posted.status).toBe(400)
      expect(yield* look).not.toEqual(before)
      expect(heightOf(yield* send("/devnet/revert?snapshot=1"))).toBe(4)
      expect(yield* look).toEqual(before)
      expect((yield* get(`/v3/transactions/${SignedTx.hash(spend(1n))}`)).status).toBe(404)
      expect((yield* submit(create)).status).toBe(200)
    })
  )

  it.scopedLive("list channels, cut them off, and tell clients of a revert", () =>
    Effect.gen(function* () {
      const { context, get, send } = yield* start
      const server = yield* Effect.provide(NodeServer.make({ port: 0 }), context)
      const open = (role: "initiator" | "responder", key: typeof alice) =>
        Effect.map(
          RawClient.connect(query(role), key, TestCrypto.native, networkId),
          (client) => [role, client] as const
        )
      expect((yield* get("/devnet/channels")).text).toBe('{"channels":[]}')
      yield* Effect.gen(function* () {
        const [, r] = yield* open("responder", bob)
        const [, i] = yield* open("initiator", alice)
        yield* Effect.all([i.until("update"), r.until("update")], { concurrency: "unbounded" })
        const listed = yield* get("/devnet/channels")
        const coin = 10n ** 18n
        const id = /ch_\w+/.exec(listed.text)?.[0]
        const end = {
          channel_id: expect.stringMatching(/^ch_/),
          client_connected: true,
          fsm_state: "open",
          initiator_balance: 9n * coin,
          initiator_id: alice.address,
          peer_connected: true,
          port: 3333,
          responder_balance: 6n * coin,
          responder_id: bob.address,
          round: 1,
          state_hash: expect.stringMatching(/^st_/)
        }
        expect(listed.json).toEqual({
          channels: [
            { ...end, role: "responder" },
            { ...end, role: "initiator" }
          ]
        })
        for (const way of ["to_client&drop=1", "from_client&delay=5&role=initiator", "link"])
          expect((yield* send(`/devnet/disturb?channel=${String(id)}&way=${way}`)).text).toBe(
            `{"disturbed":${way.includes("role") ? 1 : 2}}`
          )
        yield* send("/devnet/snapshot")
        yield* send("/devnet/mine?n=2")
        yield* send("/devnet/revert?snapshot=1")
        expect(yield* i.end).toMatchObject({ closeCode: 1012 })
        expect(yield* r.end).toMatchObject({ closeCode: 1012 })
        const after = yield* get("/devnet/channels")
        expect(after.text).toBe(listed.text.replaceAll('"client_connected":true', '"client_connected":false'))
        expect((yield* send(`/devnet/disconnect?channel=${String(id)}&what=link`)).text).toMatch(
          /^\{"disconnected":[12]\}$/
        )
        expect((yield* send(`/devnet/disconnect?channel=${String(id)}&role=initiator`)).text).toBe(
          '{"disconnected":0}'
        )
      }).pipe(Effect.provide(WebSocketTransport.layerNode({ url: server.url })))
    })
  )
})
