/** What a node's HTTP API tells of the chain is what contracts see on the node itself. */
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Ledger from "@aechannel/core/node/Ledger"
import { ChainReader, type ChainReaderService } from "@aechannel/core/services/ChainReader"
import * as HttpChainReader from "@aechannel/transport/HttpChainReader"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import * as TestCrypto from "../../core/test/support/TestCrypto.js"
import { alice, balance, nobody, spend, start } from "./support/HttpNode.js"

const readerAt = (url: string, timeout = 2000) =>
  Effect.provide(ChainReader, HttpChainReader.layer({ url, timeout }))

const keyOf = (address: ApiEncoding.AccountAddress): Uint8Array => ApiEncoding.bytesOf(address)

const balanceOf = (
  reader: ChainReaderService,
  address: ApiEncoding.AccountAddress,
  at: ApiEncoding.BlockHash
) => reader.read({ _tag: "Balance", account: keyOf(address) }, at)

describe("HttpChainReader", () => {
  it.scopedLive("blocks, their facts, hashes and accounts", () =>
    Effect.gen(function* () {
      const { node, submit, url } = yield* start
      const reader = yield* readerAt(`${url}/`)
      yield* node.auto(false)
      yield* node.mine(3)
      const { top } = yield* node.ledger
      expect(yield* reader.top).toEqual({ height: top.height, newest: top.hash })
      yield* submit(spend(1n))
      yield* node.mineMicro
      const chain = yield* node.ledger
      const { environmentAt } = Ledger.view(chain, TestCrypto.native)
      expect(chain.tip.hash).toMatch(/^mh_/)
      expect(yield* reader.top).toEqual({ height: top.height, newest: chain.tip.hash })
      for (const which of [chain.tip.hash, top.hash, top.height, top.height - 1]) {
        const hash = typeof which === "number" ? Ledger.keyBlock(chain, which)?.hash : which
        const environment = hash === undefined ? undefined : environmentAt(hash)
        expect(yield* reader.block(which)).toEqual({
          hash,
          protocol: environment?.protocol,
          facts: environment?.block
        })
      }
      expect(yield* reader.block(top.height + 1)).toBeUndefined()
      expect(yield* reader.block(ApiEncoding.encode("kh", new Uint8Array(32)))).toBeUndefined()
      expect(yield* reader.block(ApiEncoding.encode("mh", new Uint8Array(32)))).toBeUndefined()

      const newest = chain.tip.hash
      const tx = { fee: 20_000_000_000_000n, amount: 5n }
      expect(yield* balanceOf(reader, alice.address, newest)).toEqual({
        _tag: "Balance",
        value: balance - tx.fee - tx.amount
      })
      expect(yield* balanceOf(reader, nobody.address, newest)).toEqual({ _tag: "Balance", value: 5n })
      const unknown = TestCrypto.keyPairOf("unknown").address
      expect(yield* balanceOf(reader, unknown, newest)).toEqual({ _tag: "Balance", value: undefined })
      expect(yield* reader.read({ _tag: "BlockHash", height: top.height }, newest)).toEqual({
        _tag: "BlockHash",
        value: ApiEncoding.bytesOf(top.hash)
      })
      expect(yield* reader.read({ _tag: "BlockHash", height: top.height + 1 }, newest)).toEqual({
        _tag: "BlockHash",
        value: undefined
      })
      const account = keyOf(alice.address)
      expect(yield* reader.read({ _tag: "IsPayable", account }, newest)).toMatchObject({ value: true })
      expect(yield* reader.read({ _tag: "IsContract", contract: account }, top.hash)).toMatchObject({
        value: false
      })
    })
  )

  it.scopedLive("what a node does not tell as it was in a block is no answer", () =>
    Effect.gen(function* () {
      const { node, url } = yield* start
      const reader = yield* readerAt(url)
      yield* node.auto(false)
      yield* node.mine(1)
      const oracle = keyOf(alice.address)
      const { top } = yield* node.ledger
      for (const read of [
        { _tag: "Oracle", oracle },
        { _tag: "OracleQuery", oracle, query: oracle },
        { _tag: "Name", name: oracle },
        { _tag: "Block" }
      ] as const)
        expect((yield* Effect.flip(reader.read(read, top.hash))).detail).toContain(read._tag)
    })
  )

  it.scopedLive("who has authenticated what is in a block agreed to it; of other things no node tells", () =>
    Effect.gen(function* () {
      const { node, submit, url } = yield* start
      const reader = yield* readerAt(url)
      yield* node.auto(false)
      const signedTx = spend(1n)
      const question = { signedTx, txHash: SignedTx.hash(signedTx), channelId: undefined }
      const unknown = yield* Effect.flip(reader.authenticate(question))
      expect(unknown.detail).toMatch(/contract of a generalized account/)
      yield* submit(signedTx)
      expect(yield* Effect.flip(reader.authenticate(question))).toEqual(unknown)
      yield* node.mineMicro
      expect(yield* reader.authenticate(question)).toBe(true)
    })
  )

  it.scopedLive("a node that is not there, says nothing, or says nonsense", () =>
    Effect.gen(function* () {
      const answers: Array<string | undefined> = ["<html>", '{"key_block":{}}', "{}", undefined]
      const server = Http.createServer((_, response) => {
        const answer = answers.shift()
        if (answer !== undefined) response.end(answer)
      })
      yield* Effect.async<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      })
      const address = server.address()
      const port = typeof address === "object" ? address?.port : undefined
      const reader = yield* readerAt(`http://127.0.0.1:${port}`, 300)
      expect((yield* Effect.flip(reader.top)).message).toContain("does not answer")
      expect((yield* Effect.flip(reader.top)).message).toContain("height")
      expect((yield* Effect.flip(reader.block(3))).message).toContain("hash")
      expect((yield* Effect.flip(reader.top)).message).toContain("no answer within")
      server.closeAllConnections()
      yield* Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
      })
      expect((yield* Effect.flip(reader.top)).message).toContain("cannot be reached")
    })
  )

  it.effect.each<[string, string]>([
    ["http://somebody:secret@127.0.0.1:1/secret?key=secret", "127.0.0.1:1"],
    ["secret", "the node"]
  ])("what is secret in an address is in no message: %s", ([url, name]) =>
    Effect.gen(function* () {
      const reader = yield* readerAt(url)
      const { message } = yield* Effect.flip(reader.top)
      expect(message).toContain(name)
      expect(message).not.toContain("secret")
    })
  )

  const kh = ApiEncoding.encode("kh", new Uint8Array(32).fill(3))

  /** A node that knows one block, with this target. */
  const withTarget = (target: number) =>
    Effect.gen(function* () {
      const body = { beneficiary: alice.address, hash: kh, height: 5, target, time: 1000, version: 6 }
      const server = Http.createServer((_, response) => response.end(JSON.stringify(body)))
      yield* Effect.acquireRelease(
        Effect.async<void>((resume) => {
          server.listen(0, "127.0.0.1", () => resume(Effect.void))
        }),
        () => Effect.sync(() => server.close())
      )
      const address = server.address()
      const port = typeof address === "object" ? address?.port : undefined
      return yield* readerAt(`http://127.0.0.1:${port}`)
    })

  it.scopedLive("a target that no block can have is refused, and not computed with", () =>
    Effect.gen(function* () {
      const reader = yield* withTarget(2 ** 50)
      expect((yield* Effect.flip(reader.block(5))).message).toContain("bad target")
    })
  )

  it.scopedLive("difficulty is that of the target, as on a chain with work", () =>
    Effect.gen(function* () {
      const reader = yield* withTarget(0x1f_00_ff_ff)
      expect(yield* reader.block(5)).toEqual({
        hash: kh,
        protocol: 6,
        facts: {
          _tag: "PinnedBlock",
          height: 5,
          timestamp: 1001,
          beneficiary: keyOf(alice.address),
          difficulty: 1n << 40n
        }
      })
    })
  )
})
