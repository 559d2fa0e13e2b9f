/** Generalized accounts as parties of a channel: on the embedded node, with contracts that verify signatures. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type * as Channel from "../../src/client/Channel.js"
import type { ChannelEvent } from "../../src/client/ChannelEvent.js"
import type { KeyPair } from "../../src/crypto/KeyPair.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as CallData from "../../src/fate/CallData.js"
import * as ChannelNode from "../../src/node/ChannelNode.js"
import * as Ledger from "../../src/node/Ledger.js"
import type { Role } from "../../src/protocol/OpenParameters.js"
import * as ChainReader from "../../src/services/ChainReader.js"
import * as ProposalPolicy from "../../src/services/ProposalPolicy.js"
import * as Signer from "../../src/services/Signer.js"
import * as TestNode from "../../src/testing/TestNode.js"
import { fixture } from "../support/Shared.js"
import * as SigningAccount from "../support/SigningAccount.js"
import { layer } from "../support/NodeUnderTest.js"
import { keyPairOf, native } from "../support/TestCrypto.js"
import { create, init, input, reader } from "./support/Contracting.js"
import { openBoth, type Party } from "./support/Parties.js"
import { type ClientOptions, type Returner, returners } from "./support/Returns.js"

const { AE } = TestNode
const networkId = "ae_test"
const parties = { initiator: keyPairOf("initiator"), responder: keyPairOf("responder") }
const node = TestNode.layer({ parties, crypto: native, networkId })

type Ask = (request: Signer.AuthenticationRequest, right: Uint8Array) => Uint8Array

/**
 * Signs for a generalized account, which counts what it has authenticated on chain; off chain its counter is where it was
 * when the channel was created.
 */
const general = (key: KeyPair, ask: Ask = (_, right) => right) => {
  const counts = { onChain: 1 }
  const signer = Signer.layerGeneralized({
    address: key.address,
    networkId,
    authData: (request) =>
      ask(request, SigningAccount.authData(key, request.authTxHash, request.isOffChain ? 2 : counts.onChain))
  })
  return { signer, counts }
}

type General = ReturnType<typeof general>

const attachAll = (roles: ReadonlyArray<Role>) =>
  Effect.gen(function* () {
    const { mine, submit } = yield* ChannelNode.ChannelNode
    for (const role of roles) yield* submit(SigningAccount.attach(parties[role], networkId))
    yield* mine(1)
  })

const eventOf = <T extends ChannelEvent["_tag"]>(channel: Channel.Channel, tag: T) =>
  channel.events.pipe(
    Stream.filter((event) => event._tag === tag),
    Stream.runHead,
    Effect.flatten,
    Effect.timeout("3 seconds")
  )

const inRound = (channel: Channel.Channel, round: number) =>
  Stream.runHead(Stream.filter(channel.latest.changes, (state) => state.round >= round)).pipe(
    Effect.flatten,
    Effect.timeout("3 seconds")
  )

const balance = (role: Role) =>
  Effect.flatMap(ChannelNode.ChannelNode, ({ ledger }) =>
    Effect.map(ledger, (chain) => Ledger.balance(chain, parties[role].address))
  )

const all: ReadonlyArray<readonly [string, ReadonlyArray<Role>]> = [
  ["initiator", ["initiator"]],
  ["responder", ["responder"]],
  ["both", ["initiator", "responder"]]
]

describe.each(all)("generalized: %s", (_, roles) => {
  const world = Effect.gen(function* () {
    yield* attachAll(roles)
    const generals: { [R in Role]?: General } = {}
    for (const role of roles) generals[role] = general(parties[role])
    const party = (role: Role): TestNode.PartyOptions => {
      const signer = generals[role]?.signer
      return signer === undefined ? {} : { signer }
    }
    const pair = yield* TestNode.openPair({ initiator: party("initiator"), responder: party("responder") })
    /** The next transaction on chain is another one. */
    const next = (...of: ReadonlyArray<Role>) => {
      for (const role of of) {
        const counts = generals[role]?.counts
        if (counts !== undefined) counts.onChain += 1
      }
    }
    next("initiator", "responder")
    return { ...pair, next }
  })

  it.scopedLive("opens, pays, deposits, withdraws, closes together", () =>
    Effect.gen(function* () {
      const { initiator, next, responder } = yield* world
      expect(initiator.id).toBe(responder.id)
      yield* initiator.transfer({ amount: AE })
      yield* responder.transfer({ amount: 2n * AE })
      const third = yield* initiator.transfer({ amount: AE })
      expect(third).toMatchObject({ round: 4, balances: { initiator: 10n * AE } })
      expect(SignedTx.authentications(third.signedTx)).toMatchObject({
        total: 2,
        signatures: 2 - roles.length
      })
      yield* initiator.deposit({ amount: 5n * AE })
      next("initiator", "responder")
      yield* inRound(responder, 5)
      const less = yield* responder.withdraw({ amount: 3n * AE })
      next("initiator", "responder")
      expect(less).toMatchObject({ round: 6, balances: { initiator: 15n * AE, responder: 7n * AE } })
      yield* inRound(initiator, 6)
      yield* responder.transfer({ amount: AE })
      const closed = yield* initiator.shutdown()
      expect(closed.confirmed).toBe(true)
      // Besides fees.
      expect(Number((yield* balance("initiator")) / (AE / 10n))).toBeCloseTo(10_009, -1)
      expect(Number((yield* balance("responder")) / (AE / 10n))).toBeCloseTo(9_989, -1)
      for (const channel of [initiator, responder]) {
        const { phase } = yield* channel.status.get
        expect(phase).toBe("closed")
      }
    }).pipe(Effect.provide(node))
  )

  it.scopedLive("snapshots, closes alone, settles; the chain takes the payloads", () =>
    Effect.gen(function* () {
      const { initiator, next, responder } = yield* world
      const { mine } = yield* ChannelNode.ChannelNode
      yield* initiator.transfer({ amount: AE })
      yield* inRound(responder, 2)
      yield* initiator.snapshotSolo()
      next("initiator")
      yield* responder.transfer({ amount: 4n * AE })
      yield* inRound(initiator, 3)
      yield* responder.closeSolo()
      next("responder")
      yield* mine(15)
      yield* initiator.settle()
      const closed = yield* eventOf(initiator, "ChannelClosed")
      expect(closed).toMatchObject({ type: "channel_settle_tx" })
      expect(Number((yield* balance("initiator")) / (AE / 10n))).toBeCloseTo(10_029, -1)
    }).pipe(Effect.provide(node))
  )
})

it.scopedLive("a contract as the compiler made it, which asks for an even number", () =>
  Effect.gen(function* () {
    const ends: { [R in Role]?: TestNode.PartyOptions } = {}
    let last = 0n
    for (const role of ["initiator", "responder"] as const) {
      yield* TestNode.generalize(role, { code: fixture("ga-chain").compiledCode })
      const signer = Signer.layerGeneralized({
        address: parties[role].address,
        networkId,
        // Another one for each: what was authenticated with must not come again in a generation.
        authData: () => CallData.encode("authorize", [(last += 2n)])
      })
      ends[role] = { signer }
    }
    const { initiator, responder } = yield* TestNode.openPair(ends)
    yield* initiator.transfer({ amount: AE })
    expect(yield* responder.deposit({ amount: AE })).toMatchObject({ round: 3 })
    last += 1n
    expect(yield* Effect.flip(responder.transfer({ amount: AE }))).toMatchObject({ code: 1 })
    last += 1n
    yield* inRound(initiator, 3)
    expect(yield* initiator.shutdown()).toMatchObject({ confirmed: true })
  }).pipe(Effect.provide(node))
)

describe.each(all)("progress that is forced: %s", (_, roles) => {
  it.scopedLive("by either, one after the other", () =>
    Effect.gen(function* () {
      yield* attachAll(roles)
      const generals: { [R in Role]?: General } = {}
      for (const role of roles) generals[role] = general(parties[role])
      const party = (role: Role): Party => {
        const signer = generals[role]?.signer
        return signer === undefined ? {} : { signer }
      }
      const [initiator, responder] = yield* openBoth({
        initiator: party("initiator"),
        responder: party("responder")
      })
      const next = (...of: ReadonlyArray<Role>) => {
        for (const role of of) {
          const counts = generals[role]?.counts
          if (counts !== undefined) counts.onChain += 1
        }
      }
      next("initiator", "responder")
      const { contractId } = yield* create(initiator, responder, { callData: init(4n) })
      const first = yield* initiator.forceProgress(input(contractId, "add", 3n))
      expect(first).toMatchObject({ state: { round: 3 }, call: { value: 7n, verified: true } })
      next("initiator")
      yield* inRound(responder, 3)
      const second = yield* responder.forceProgress(input(contractId, "add", 1n))
      expect(second).toMatchObject({ state: { round: 4 }, call: { value: 8n } })
      next("responder")
      yield* inRound(initiator, 4)
      expect(yield* initiator.transfer({ amount: 1n })).toMatchObject({ round: 5 })
      yield* inRound(responder, 5)
      expect(yield* responder.shutdown()).toMatchObject({ confirmed: true })
    }).pipe(Effect.provide(Layer.provideMerge(reader, layer({}, native))))
  )
})

describe("what is wrong with an authentication", () => {
  const opened = (ask: Ask) =>
    Effect.gen(function* () {
      yield* attachAll(["responder"])
      const { counts, signer } = general(parties.responder, ask)
      const pair = yield* TestNode.openPair({ responder: { signer } })
      counts.onChain += 1
      return { ...pair, counts }
    })

  it.scopedLive("wrong data: the node refuses it, the channel goes on", () =>
    Effect.gen(function* () {
      let wrong = false
      const { initiator, responder } = yield* opened((_, right) =>
        wrong ? SigningAccount.authData(parties.initiator, new Uint8Array(32), 2) : right
      )
      wrong = true
      const refused = yield* Effect.flip(initiator.transfer({ amount: AE }))
      expect(refused).toMatchObject({ _tag: "ValidationError", code: 1 })
      wrong = false
      expect(yield* initiator.transfer({ amount: AE })).toMatchObject({ round: 2 })
      yield* inRound(responder, 2)
      wrong = true
      const refusals = yield* Effect.all([
        Effect.flip(responder.transfer({ amount: AE })),
        Effect.flip(responder.withdraw({ amount: AE })),
        Effect.flip(responder.shutdown()),
        Effect.flip(responder.closeSolo())
      ])
      expect(refusals.map((error) => "code" in error && error.code)).toEqual([1, 1, 1, 5])
      wrong = false
      expect(yield* responder.transfer({ amount: AE })).toMatchObject({ round: 3 })
    }).pipe(Effect.provide(node))
  )

  it.scopedLive("what is too large for a frame between two nodes is not sent", () =>
    Effect.gen(function* () {
      let large = false
      const { responder } = yield* opened((_, right) =>
        large ? Bytes.concat(right, new Uint8Array(70_000)) : right
      )
      large = true
      expect(yield* Effect.flip(responder.transfer({ amount: AE }))).toMatchObject({ code: 1 })
      large = false
      expect(yield* responder.transfer({ amount: AE })).toMatchObject({ round: 2 })
    }).pipe(Effect.provide(node))
  )

  it.scopedLive("a counter that was used: not on chain again, off chain in every round", () =>
    Effect.gen(function* () {
      const { counts, initiator, responder } = yield* opened((_, right) => right)
      yield* initiator.transfer({ amount: AE })
      yield* responder.transfer({ amount: AE })
      counts.onChain -= 1
      expect(yield* Effect.flip(responder.deposit({ amount: AE }))).toMatchObject({ code: 1 })
      counts.onChain += 1
      expect(yield* responder.deposit({ amount: AE })).toMatchObject({ round: 4 })
    }).pipe(Effect.provide(node))
  )

  it.scopedLive("a plain signature of a generalized account does not count", () =>
    Effect.gen(function* () {
      yield* attachAll(["responder"])
      const ends = [TestNode.connect("initiator"), TestNode.connect("responder")] as const
      const [, responder] = yield* Effect.all(ends, { concurrency: 2 })
      const said = responder.events.pipe(
        Stream.filterMap((event) =>
          event._tag === "Reported" && event.report._tag === "ErrorReport"
            ? Option.some(event.report.message)
            : Option.none()
        ),
        Stream.runHead,
        Effect.timeout("3 seconds")
      )
      expect(yield* said).toEqual(Option.some("bad_signature"))
    }).pipe(Effect.provide(TestNode.layer({ parties, crypto: native, networkId, helpfulErrors: true })))
  )
})

describe.each(all)("that come back: %s", (_, roles) => {
  const world = Effect.gen(function* () {
    yield* attachAll(roles)
    const ends = yield* returners
    const generals: { [R in Role]?: General } = {}
    for (const role of roles) generals[role] = general(parties[role])
    const client = (role: Role): ClientOptions => {
      const signer = generals[role]?.signer
      return signer === undefined ? {} : { signer }
    }
    const both = <A, E, R>(f: (end: Returner, client: ClientOptions) => Effect.Effect<A, E, R>) =>
      Effect.all([f(ends.initiator, client("initiator")), f(ends.responder, client("responder"))], {
        concurrency: 2
      })
    const [mine, theirs] = yield* both((end, client) =>
      end.open({ ...client, changes: { keepRunning: false } })
    )
    const next = () => {
      for (const role of roles) {
        const counts = generals[role]?.counts
        if (counts !== undefined) counts.onChain += 1
      }
    }
    next()
    const killed = both((end) => end.kill)
    const back = both((end, client) => end.resume(mine.id, client))
    const left = (leaving: Channel.Channel, other: Channel.Channel) =>
      Effect.all([leaving.leave, eventOf(other, "Ended"), killed])
    return { back, killed, left, mine, next, theirs }
  })

  it.scopedLive("to a machine that runs, and to a new one, with what is on chain and what is not", () =>
    Effect.gen(function* () {
      const { back, killed, left, mine, next, theirs } = yield* world
      yield* left(mine, theirs)
      const [first, second] = yield* back
      yield* first.transfer({ amount: AE })
      yield* inRound(second, 2)
      yield* killed
      const [third, fourth] = yield* back
      expect(yield* fourth.transfer({ amount: AE })).toMatchObject({ round: 3 })
      yield* inRound(third, 3)
      yield* third.deposit({ amount: AE })
      next()
      yield* inRound(fourth, 4)
      yield* left(third, fourth)
      const [fifth] = yield* back
      expect(yield* fifth.transfer({ amount: AE })).toMatchObject({ round: 5 })
      expect(yield* fifth.shutdown()).toMatchObject({ confirmed: true })
    }).pipe(Effect.provide(Layer.provideMerge(reader, layer({}, native))))
  )
})

describe("a client that cannot ask the chain", () => {
  const blind = Layer.succeed(ChainReader.ChainReader, ChainReader.none)
  const opened = (policy?: Layer.Layer<ProposalPolicy.ProposalPolicy>) =>
    Effect.gen(function* () {
      yield* attachAll(["initiator"])
      const { signer } = general(parties.initiator)
      const responder = Effect.provide(
        TestNode.open("responder", policy === undefined ? {} : { policy }),
        blind
      )
      return yield* Effect.all([TestNode.open("initiator", { signer }), responder], { concurrency: 2 })
    })

  it.scopedLive("signs nothing that a generalized account is said to have authenticated", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(opened())
      expect(error).toMatchObject({ operation: "open" })
    }).pipe(Effect.provide(node))
  )

  it.scopedLive("signs it where the policy says so", () =>
    Effect.gen(function* () {
      const asked: Array<readonly [string, string, number]> = []
      const policy = ProposalPolicy.make(
        () => ProposalPolicy.accept,
        ({ operation, reason, round }) => {
          asked.push([operation, reason, round])
          return ProposalPolicy.accept
        }
      )
      const [initiator, responder] = yield* opened(policy)
      yield* initiator.transfer({ amount: AE })
      yield* inRound(responder, 2)
      yield* responder.transfer({ amount: AE })
      const told = yield* eventOf(responder, "RoundUnverified")
      expect(told).toMatchObject({ tag: "responder_sign", round: 1, reason: "authentication" })
      expect(asked).toEqual([
        ["open", "authentication", 1],
        ["update", "authentication", 2],
        ["update", "authentication", 3]
      ])
    }).pipe(Effect.provide(node))
  )
})
