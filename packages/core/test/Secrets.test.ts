/** I19: keys and fsm ids show nowhere in a channel's whole life, nor where they were mistyped. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck, Layer, Redacted, Stream } from "effect"
import type * as Channel from "../src/client/Channel.js"
import type { ChannelEvent } from "../src/client/ChannelEvent.js"
import * as KeyPair from "../src/crypto/KeyPair.js"
import * as ApiEncoding from "../src/encoding/ApiEncoding.js"
import * as Bytes from "../src/encoding/Bytes.js"
import { DecodeError } from "../src/encoding/DecodeError.js"
import * as ChannelNode from "../src/node/ChannelNode.js"
import { Codec } from "../src/protocol/Codec.js"
import { SignerError, StoreError, TransportError } from "../src/protocol/Errors.js"
import * as JsonRpcSignedTx from "../src/protocol/JsonRpcSignedTx.js"
import * as JsonRpcTx from "../src/protocol/JsonRpcTx.js"
import * as Legacy from "../src/protocol/Legacy.js"
import * as OpenParameters from "../src/protocol/OpenParameters.js"
import * as ProposalPolicy from "../src/services/ProposalPolicy.js"
import * as RecordCodec from "../src/services/RecordCodec.js"
import * as Signer from "../src/services/Signer.js"
import { Transport } from "../src/services/Transport.js"
import * as Arbitraries from "../src/testing/Arbitraries.js"
import { eventOf } from "./client/support/Flow.js"
import { returners } from "./client/support/Returns.js"
import { coin, initiator, layer, networkId, parameters, responder } from "./support/NodeUnderTest.js"
import { layerShowing, renderings, withEverythingLogged } from "./support/secrets/Renderings.js"
import { report, Watch } from "./support/secrets/Watch.js"
import * as TestCrypto from "./support/TestCrypto.js"

const expectNothing = (watch: Watch): void => {
  const findings = watch.take()
  if (findings.length > 0) throw new Error(report(findings))
}

/** Shows whatever it is given in all forms. */
const shower = (watch: Watch) => (name: string, value: unknown) => {
  for (const text of renderings(value)) watch.text("error", name, text)
}

const reaches = (channel: Channel.Channel, round: number) =>
  Stream.runHead(Stream.filter(channel.latest.changes, (state) => state.round >= round)).pipe(
    Effect.timeout("5 seconds"),
    Effect.orDie
  )

describe("a channel's whole life", () => {
  it.scopedLive("shows no key and no fsm id", () => {
    const watch = new Watch()
    const show = shower(watch)
    const fsmIds = new Set<string>()
    const errors = new Set<string>()
    const frames: Array<string> = []
    for (const { secretKey } of [initiator, responder]) watch.learn(Redacted.value(secretKey))

    const failing = <A>(name: string, effect: Effect.Effect<A, { readonly _tag: string }, never>) =>
      Effect.map(Effect.flip(effect), (error) => {
        errors.add(error._tag)
        show(name, error)
      })

    /** What one can ask a client for, and all that it tells by itself. */
    const follow = (channel: Channel.Channel) =>
      Effect.gen(function* () {
        show("channel", channel)
        yield* Effect.forkScoped(
          Stream.runForEach(channel.events, (event: ChannelEvent) =>
            Effect.sync(() => show(`event ${event._tag}`, event))
          )
        )
        yield* Effect.forkScoped(
          Stream.runForEach(channel.status.changes, (status) => Effect.sync(() => show("status", status)))
        )
      })
    const look = (channel: Channel.Channel) =>
      Effect.gen(function* () {
        const fsmId = yield* channel.fsmId
        if (fsmId !== undefined) {
          fsmIds.add(Redacted.value(fsmId))
          watch.learn(Redacted.value(fsmId))
        }
        show("fsm id", fsmId)
        show("history", yield* channel.history())
        show("latest", yield* channel.latest.get)
        show("state", yield* channel.offChainState)
        show("proof", yield* channel.poi())
        show("balances", yield* channel.balances())
      })
    const tapped = Transport.pipe(
      Effect.map((transport) => ({
        connect: (query: string) => {
          frames.push(query)
          return Effect.map(transport.connect(query), ({ receive, send }) => ({
            send,
            receive: Effect.tap(receive, (text) => void frames.push(text))
          }))
        }
      })),
      Layer.effect(Transport)
    )

    return Effect.gen(function* () {
      const parties = yield* returners
      const policy = ProposalPolicy.make((proposal) =>
        proposal.operation === "update" && proposal.after.own < proposal.before.own
          ? ProposalPolicy.decline(147)
          : ProposalPolicy.accept
      )
      const [left, right] = yield* Effect.all(
        [
          parties.initiator.open({ faults: tapped, policy }),
          parties.responder.open({ faults: tapped, policy })
        ],
        { concurrency: 2 }
      )
      yield* Effect.forEach([left, right], follow)
      yield* reaches(right, (yield* left.transfer({ amount: 3n, meta: ["rent"] })).round)
      yield* reaches(left, (yield* right.deposit({ amount: coin })).round)
      yield* reaches(right, (yield* left.withdraw({ amount: coin })).round)
      yield* left.sendMessage("hello")
      yield* eventOf(right, "MessageReceived")
      yield* left.ping
      yield* Effect.forEach([left, right], look)
      yield* failing("declined", left.transfer({ amount: 2n, from: responder.address }))
      yield* failing("too much", left.transfer({ amount: 1000n * coin }))
      yield* failing("too dear", left.deposit({ amount: 100_000n * coin }))
      const node = yield* ChannelNode.ChannelNode
      show("node", node)
      show("ledger", yield* node.ledger)

      // Coming back, in each way in which that can fail.
      yield* parties.initiator.kill
      const { id } = left
      const stored = yield* parties.initiator.store.read({ channelId: id, role: "initiator" })
      show("record", stored)
      const record = stored?.record
      if (record?.fsmId === undefined) throw new Error("no fsm id in the record")
      const real = record.fsmId
      const other = Redacted.make(
        ApiEncoding.encode(
          "ba",
          ApiEncoding.bytesOf(Redacted.value(real)).map((byte, i) => (i === 31 ? ~byte : byte))
        )
      )
      const back = (client: Parameters<typeof parties.initiator.resume>[1] = {}) =>
        Effect.scoped(parties.initiator.resume(id, client))
      const transport = yield* Transport
      const resuming = (client: Parameters<typeof parties.initiator.resume>[1] = {}) =>
        Effect.provideService(back(client), Transport, transport)
      const rewrite = (fsmId: typeof real) =>
        Effect.gen(function* () {
          const key = { channelId: id, role: "initiator" as const }
          const fence = yield* parties.initiator.store.claim(key)
          const version = (yield* parties.initiator.store.read(key))?.version ?? 0
          yield* parties.initiator.store.write({ ...record, fsmId }, { version, fence })
        })
      yield* rewrite(other)
      yield* failing("another fsm id", Effect.provideService(resuming(), ChannelNode.ChannelNode, node))
      yield* rewrite(real)
      yield* failing(
        "no way",
        resuming({
          transport: () => ({
            connect: () =>
              Effect.fail(
                new TransportError({ reason: "connect", operation: "connect", detail: "nothing there" })
              )
          })
        })
      )
      yield* failing(
        "a store that breaks",
        resuming({
          store: (store) => ({
            ...store,
            claim: () =>
              Effect.fail(new StoreError({ operation: "claim", reason: "write", detail: "disk full" }))
          })
        })
      )
      yield* failing(
        "another signer",
        resuming({ signer: Layer.provide(Signer.layerKeyPair(responder, networkId), TestCrypto.layerNative) })
      )
      const again = yield* parties.initiator.resume(id, {
        faults: tapped,
        signer: Signer.layer({
          address: initiator.address,
          sign: (details) => {
            show("signing request", details)
            return Effect.fail(new SignerError({ operation: "sign", reason: "refused", detail: "not today" }))
          }
        })
      })
      yield* follow(again)
      yield* look(again)
      yield* failing("a signer that refuses", again.transfer({ amount: 1n }))
      yield* parties.initiator.kill
      const last = yield* parties.initiator.resume(id, { faults: tapped })
      yield* follow(last)
      yield* last.leave
      yield* Effect.all([parties.initiator.kill, parties.responder.kill])
      const [l, r] = yield* Effect.all(
        [parties.initiator.resume(id, { faults: tapped }), parties.responder.resume(id, { faults: tapped })],
        { concurrency: 2 }
      )
      yield* Effect.forEach([l, r], follow)
      yield* Effect.forEach([l, r], look)
      show("solo", yield* l.snapshotSolo().pipe(Effect.either))
      show("closed", yield* l.shutdown())
      yield* failing("after the end", l.transfer({ amount: 1n }))

      // The wire is where they are, so the watch would have seen them elsewhere.
      expect(fsmIds.size).toBeGreaterThanOrEqual(3)
      for (const fsmId of fsmIds) {
        const parts = [fsmId, encodeURIComponent(fsmId)]
        expect(frames.some((frame) => parts.some((part) => frame.includes(part)))).toBe(true)
      }
      expect([...errors].sort()).toEqual([
        "RejectedError",
        "SignerError",
        "StoreError",
        "TransportError",
        "UserDefinedError"
      ])
      const { secrets, texts } = watch.counts
      expect(texts).toBeGreaterThan(200)
      expectNothing(watch)
      console.log(`${secrets} secrets in none of ${texts} texts`)
    }).pipe(withEverythingLogged, Effect.provide(layer()), Effect.provide(layerShowing(watch)))
  })
})

/** Texts that were meant to be this one. */
const mistyped = (text: string): ReadonlyArray<string> => {
  const middle = text.length >> 1
  return [
    `${text} `,
    ` ${text}`,
    text.slice(0, -1),
    `${text}A`,
    `${text.slice(0, middle)}${text.slice(middle + 1)}`,
    `${text.slice(0, middle)}${text[middle] === "x" ? "y" : "x"}${text.slice(middle + 1)}`,
    `${text.slice(0, middle)}?${text.slice(middle + 1)}`,
    text.slice(3),
    ...["ba_", "sk_", "ak_", "bx_", "xx_"].map((prefix) => prefix + text.slice(3))
  ]
}

describe("a mistyped secret", () => {
  const seed = Redacted.value(initiator.secretKey)
  const fsmId = ApiEncoding.encode("ba", TestCrypto.keyPairOf("an fsm id").publicKey)

  it("is in no error of what reads keys and ids", () => {
    const watch = new Watch()
    const show = shower(watch)
    watch.learn(seed)
    watch.learn(fsmId)
    const hex = Bytes.toHex(seed)
    const texts = [ApiEncoding.encode("sk", seed), fsmId].flatMap(mistyped)
    let failed = 0
    const tried = (name: string, effect: Effect.Effect<unknown, DecodeError>) => {
      const result = Effect.runSync(Effect.either(effect))
      if (result._tag === "Right") return
      failed += 1
      show(name, result.left)
    }
    for (const text of [...texts, `${hex}0`, hex.slice(1), `g${hex.slice(1)}`, hex + hex, `0x${hex}`]) {
      for (const prefix of ["sk", "ba", "ak", "ch", "tx"] as const) {
        tried("decode", ApiEncoding.decode(prefix, text))
        tried("parse", ApiEncoding.parse(prefix, text))
      }
      tried("key", Effect.provide(KeyPair.fromText(Redacted.make(text)), TestCrypto.layerNative))
    }
    expect(failed).toBeGreaterThan(200)
    expectNothing(watch)
  })

  it("is in no error of what reads frames and queries", () => {
    const watch = new Watch()
    const show = shower(watch)
    watch.learn(fsmId)
    const channelId = ApiEncoding.encode("ch", TestCrypto.keyPairOf("a channel").publicKey)
    const read = { Dropped: 0, Failed: 0, Read: 0 }
    for (const dialect of [JsonRpcSignedTx.layer, JsonRpcTx.layer, Legacy.layer]) {
      const codec = Effect.runSync(Effect.provide(Codec, dialect))
      const frame = codec.encodeReport(
        { _tag: "Info", event: "fsm_up", fsmId: Redacted.make(fsmId) },
        channelId
      )
      if (frame === undefined) continue
      expect(frame).toContain(fsmId)
      const damaged = [
        ...mistyped(fsmId).map((text) => frame.replace(fsmId, text)),
        ...[0.2, 0.5, 0.9].map((part) => frame.slice(0, Math.floor(frame.length * part))),
        ...[1, 2, 20].map((left) => frame.slice(0, -left)),
        frame.replaceAll("fsm_up", fsmId),
        frame.replaceAll("info", fsmId),
        frame.replaceAll("fsm_id", fsmId),
        frame.replace(`"${fsmId}"`, `["${fsmId}"]`),
        frame.replace(channelId, fsmId),
        `${frame}${fsmId}`,
        fsmId
      ]
      for (const text of damaged) {
        const fromNode = Effect.runSync(Effect.either(codec.decodeNodeFrame(text)))
        if (fromNode._tag === "Left") show("a node's frame", fromNode.left)
        read[fromNode._tag === "Left" ? "Failed" : "Read"] += 1
        const fromClient = codec.decodeClientFrame(text)
        if (fromClient._tag === "Dropped") {
          read.Dropped += 1
          show("a client's frame", fromClient.reason)
        }
      }
    }
    const { role } = parameters("initiator")
    const query = OpenParameters.toQuery({ role, channelId, fsmId: Redacted.make(fsmId), port: 3333 })
    for (const text of mistyped(fsmId))
      show(
        "query",
        OpenParameters.parseQuery(query.replace(encodeURIComponent(fsmId), encodeURIComponent(text)))
      )
    show("query", OpenParameters.parseQuery(query))
    expect(Math.min(...Object.values(read))).toBeGreaterThan(5)
    expectNothing(watch)
  })

  it("is in no error of a store's records", () => {
    const watch = new Watch()
    const show = shower(watch)
    const key = Redacted.make(TestCrypto.keyPairOf("a store").publicKey)
    watch.learn(Redacted.value(key))
    for (const stored of FastCheck.sample(Arbitraries.storedRecord, { numRuns: 10, seed: 1 })) {
      if (stored.record.fsmId !== undefined) watch.learn(Redacted.value(stored.record.fsmId))
      show("record", stored)
      const bytes = RecordCodec.encode(stored)
      const sealed = RecordCodec.seal(bytes, { key, nonce: new Uint8Array(24).fill(1) })
      watch.file("sealed", sealed)
      for (const at of [0, 5, 40, sealed.length - 1]) {
        const broken = sealed.map((byte, i) => (i === at ? byte ^ 1 : byte))
        show("sealed", Effect.runSync(Effect.either(RecordCodec.open(broken, key))))
      }
      for (let at = 0; at < bytes.length; at += 61) {
        const broken = Effect.runSync(Effect.either(RecordCodec.decode(bytes.subarray(0, at))))
        if (broken._tag === "Left") show("record", broken.left)
      }
    }
    expect(watch.counts.secrets).toBeGreaterThan(5)
    expectNothing(watch)
  })
})
