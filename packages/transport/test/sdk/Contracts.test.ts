/** Contracts in channels of the JavaScript SDK at our node: created, called, tried out, read, forgotten, and forced. */
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import { buildTxHash, decode, encode, type Encoded, Encoding, Node } from "@aeternity/aepp-sdk"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestCrypto from "../../../core/test/support/TestCrypto.js"
import { type At, type ContractUser, compiled, user } from "./support/Contracts.js"
import { agreed, eventually } from "./support/Party.js"
import * as Sdk from "./support/SdkParty.js"
import * as World from "./support/World.js"

const repeats = Number(process.env["AECHANNEL_REPEATS"] ?? 1)
const keys = { initiator: TestCrypto.keyPairOf("initiator"), responder: TestCrypto.keyPairOf("responder") }
const roles = ["initiator", "responder"] as const
const other = (role: Role): Role => (role === "initiator" ? "responder" : "initiator")

const start = Effect.gen(function* () {
  const { httpUrl, meeting } = yield* World.World
  const connecting = (role: Role) => Sdk.connecting(role, keys[role], meeting)
  const connected = { initiator: yield* connecting("initiator"), responder: yield* connecting("responder") }
  yield* Effect.forEach(roles, (role) => connected[role].opened)
  const users: Record<Role, ContractUser> = {
    initiator: user(connected.initiator, keys.initiator, meeting),
    responder: user(connected.responder, keys.responder, meeting)
  }
  const instance = new Node(httpUrl)
  const both = roles.map((role) => users[role])
  yield* agreed(both, 1)
  return { ...users, both, instance, users }
})

const accepted = (round: number) => ({ _tag: "Accepted", round })

const endsWell = (both: ReadonlyArray<ContractUser>) =>
  Effect.forEach(both, (party) => Effect.map(party.ended, (trouble) => expect(trouble).toEqual([])))

/** A call, and what it gave back; both are at its round afterwards, and have the same result. */
const called = (
  both: ReadonlyArray<ContractUser>,
  caller: ContractUser,
  contract: At,
  round: number,
  name: string,
  args: ReadonlyArray<unknown>,
  amount = 0
) =>
  Effect.gen(function* () {
    expect(yield* caller.call(contract, name, args, { amount })).toEqual(accepted(round))
    yield* agreed(both, round)
    const results = yield* Effect.forEach(both, (party) => party.result(contract, caller.address, round))
    expect(results[0]).toEqual(results[1])
    const [result = {}] = results
    expect(result).toMatchObject({
      callerId: caller.address,
      callerNonce: round,
      contractId: contract.at,
      gasPrice: 1,
      height: round
    })
    return { result, returnType: result["returnType"], value: contract.read(name, result) }
  })

describe("the SDK's contracts", { repeats: repeats - 1 }, () => {
  for (const creator of roles)
    for (const vmVersion of [5, 8])
      it.live(`are created by the ${creator} for version ${vmVersion}, and called by both`, () =>
        Effect.gen(function* () {
          const { both, users } = yield* start
          const [owner, peer] = [users[creator], users[other(creator)]]
          const before = yield* owner.balances
          const created: Array<string> = []
          for (const { channel } of both) channel.on("newContract", (address) => created.push(address))
          const meter = yield* owner.create(yield* compiled("Meter"), [3], { deposit: 10, vmVersion })
          yield* agreed(both, 2)
          expect(created).toEqual([meter.at, meter.at])
          expect(peer.asked.at(-1)).toMatchObject({
            tag: "update_ack",
            updates: [{ op: "OffChainNewContract", owner: owner.address, deposit: 10 }]
          })
          const init = yield* peer.result(meter, owner.address, 2)
          expect(init).toMatchObject({ gasPrice: 0, returnType: "ok" })

          const sum = { returnType: "ok", value: 10n }
          expect(yield* called(both, peer, meter, 3, "add", [7], 100)).toMatchObject(sum)
          expect(peer.asked.at(-1)?.updates).toHaveLength(1)
          expect(owner.asked.at(-1)).toMatchObject({
            tag: "update_ack",
            updates: [{ op: "OffChainCallContract", caller_id: peer.address, amount: 100 }]
          })
          const counted = yield* called(both, owner, meter, 4, "add", [5], 1)
          expect(counted).toMatchObject({ returnType: "ok", value: 15n })
          expect(meter.events(counted.result)).toMatchObject([
            { name: "Counted", args: [owner.address, 15n, "added"] }
          ])
          expect(yield* called(both, owner, meter, 5, "reads_of", [peer.address])).toMatchObject({
            value: 1n
          })

          const contract = { abiVersion: 3, active: true, deposit: 10, id: meter.at, referrerIds: [] }
          for (const party of both) {
            const state = yield* party.contract(meter)
            expect(state.contract).toEqual({ ...contract, ownerId: owner.address, vmVersion })
            expect(Object.entries(state.contractState).length).toBeGreaterThan(0)
            for (const [key, value] of Object.entries(state.contractState)) {
              expect(key).toMatch(/^ck_/)
              expect(value).toMatch(/^cv_/)
            }
            const account = meter.at.replace("ct_", "ak_")
            expect(yield* party.balancesOf(account)).toEqual([111n])
          }

          // What a contract has it can give away.
          expect(yield* called(both, peer, meter, 6, "pay", [owner.address, 111])).toMatchObject({
            returnType: "ok"
          })
          const after = yield* owner.balances
          expect(after[creator] - before[creator]).toBe(100n)
          expect(after[other(creator)] - before[other(creator)]).toBe(-100n)
          expect(yield* owner.pay(5n)).toEqual(accepted(7))
          yield* agreed(both, 7)
          yield* peer.shutdown
          yield* endsWell(both)
        }).pipe(Effect.scoped, Effect.provide(World.layer()))
      )

  it.live("are declined and called off, and nothing stays of that", () =>
    Effect.gen(function* () {
      const { both, initiator, responder, users } = yield* start
      const code = yield* compiled("Meter")
      for (const role of roles) {
        const [own, peer] = [users[role], users[other(role)]]
        for (const signing of [1, 147]) {
          peer.answerWith(signing)
          const declined = { _tag: "Declined", code: signing }
          expect(yield* own.tryToCreate(code, [0], { deposit: 3 })).toEqual(declined)
        }
        peer.answerWith("sign")
        expect(yield* own.tryToCreate(code, [0], { signing: "refuse" })).toEqual({ _tag: "Aborted" })
      }
      yield* agreed(both, 1)
      const meter = yield* responder.create(code, [1])
      yield* agreed(both, 2)
      const held = yield* initiator.state
      for (const role of roles) {
        const [own, peer] = [users[role], users[other(role)]]
        for (const signing of [1, 147]) {
          peer.answerWith(signing)
          expect(yield* own.call(meter, "add", [1], { amount: 1 })).toEqual({
            _tag: "Declined",
            code: signing
          })
        }
        peer.answerWith("sign")
        expect(yield* own.call(meter, "add", [1], { signing: 128 })).toEqual({ _tag: "Aborted" })
        expect(yield* own.noResult(meter, own.address, 3)).toContain("Call not found")
      }
      yield* agreed(both, 2)
      for (const party of both) expect(yield* party.state).toEqual(held)
      expect(yield* called(both, initiator, meter, 3, "total", [])).toMatchObject({ value: 1n })
      yield* initiator.shutdown
      yield* endsWell(both)
    }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )

  it.live("fail in calls that are rounds nevertheless", () =>
    Effect.gen(function* () {
      const { both, initiator, responder } = yield* start
      const meter = yield* initiator.create(yield* compiled("Meter"), [0])
      yield* agreed(both, 2)
      const before = yield* initiator.balances
      const reverted = yield* called(both, responder, meter, 3, "add", [0], 9)
      expect(reverted).toMatchObject({ returnType: "revert", value: "NOT_POSITIVE" })
      const spent = yield* called(both, initiator, meter, 4, "spin", [1_000_000])
      expect(spent).toMatchObject({
        returnType: "error",
        value: "Out of gas",
        result: { gasUsed: 1_000_000 }
      })
      const unpaid = yield* called(both, responder, meter, 5, "total", [], 9)
      expect(unpaid).toMatchObject({ returnType: "error" })
      expect(yield* initiator.balances).toEqual(before)
      expect(yield* called(both, responder, meter, 6, "total", [])).toMatchObject({ value: 0n })
      yield* responder.shutdown
      yield* endsWell(both)
    }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )

  it.live("are tried out without a trace", () =>
    Effect.gen(function* () {
      const { both, initiator, responder } = yield* start
      const meter = yield* initiator.create(yield* compiled("Meter"), [5])
      yield* agreed(both, 2)
      const held = yield* Effect.forEach(both, ({ latest, state }) => Effect.all([latest, state]))
      const asked = both.map((party) => party.asked.length)
      for (const party of both) {
        const stored = yield* party.contract(meter)
        const tried = yield* party.dryRun(meter, "add", [7], { amount: 3 })
        expect(tried).toMatchObject({ callerId: party.address, callerNonce: 3, height: 3, returnType: "ok" })
        expect(meter.read("add", tried)).toBe(12n)
        expect(meter.events(tried)).toMatchObject([{ name: "Counted" }])
        const reverted = yield* party.dryRun(meter, "add", [-7])
        expect([reverted["returnType"], meter.read("add", reverted)]).toEqual(["revert", "NOT_POSITIVE"])
        const failed = yield* party.dryRun(meter, "spin", [1_000_000])
        expect([failed["returnType"], meter.read("spin", failed)]).toEqual(["error", "Out of gas"])
        expect(yield* party.contract(meter)).toEqual(stored)
        expect(yield* party.noResult(meter, party.address, 3)).toContain("Call not found")
      }
      expect(yield* Effect.forEach(both, ({ latest, state }) => Effect.all([latest, state]))).toEqual(held)
      expect(both.map((party) => party.asked.length)).toEqual(asked)
      // What was tried out is what happens.
      const tried = yield* responder.dryRun(meter, "add", [7])
      const { result } = yield* called(both, responder, meter, 3, "add", [7])
      expect(tried).toEqual(result)
      yield* initiator.shutdown
      yield* endsWell(both)
    }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )

  it.live("remember calls of old rounds until they are to forget them", () =>
    Effect.gen(function* () {
      const { both, initiator, responder } = yield* start
      const meter = yield* responder.create(yield* compiled("Meter"), [0])
      yield* agreed(both, 2)
      for (let round = 3; round < 8; round++) {
        const caller = round % 2 === 0 ? initiator : responder
        expect(yield* called(both, caller, meter, round, "add", [1])).toMatchObject({
          value: BigInt(round - 2)
        })
      }
      expect(yield* initiator.pay(3n)).toEqual(accepted(8))
      yield* agreed(both, 8)
      for (const party of both)
        for (let round = 3; round < 8; round++) {
          const [caller, nobody] = round % 2 === 0 ? [initiator, responder] : [responder, initiator]
          const result = yield* party.result(meter, caller.address, round)
          expect(meter.read("add", result)).toBe(BigInt(round - 2))
          expect(yield* party.noResult(meter, nobody.address, round)).toContain("Call not found")
        }
      yield* initiator.forget
      for (let round = 2; round < 8; round++)
        expect(yield* initiator.noResult(meter, initiator.address, round)).toContain("Call not found")
      // Each has its own memory.
      expect(meter.read("add", yield* responder.result(meter, responder.address, 3))).toBe(1n)
      yield* responder.forget
      expect(yield* responder.noResult(meter, responder.address, 3)).toContain("Call not found")
      expect(yield* called(both, initiator, meter, 9, "total", [])).toMatchObject({ value: 5n })
      yield* responder.shutdown
      yield* endsWell(both)
    }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )

  it.live("are refused with the node's codes, and the channel goes on", () =>
    Effect.gen(function* () {
      const { both, initiator, responder } = yield* start
      const code = yield* compiled("Meter")
      const { initiator: wealth } = yield* initiator.balances
      const refused = (code: number) => ({ code: 3, data: [code] })
      const internal = { code: -32603 }
      // The AEVM: what it runs cannot be run here.
      for (const vmVersion of [1, 3, 4, 6])
        expect(yield* initiator.cannotCreate(code, [0], { vmVersion, abiVersion: 1 })).toMatchObject(internal)
      expect(yield* responder.cannotCreate(code, [0], { vmVersion: 9 })).toMatchObject(internal)
      expect(yield* initiator.cannotCreate(code, [-1])).toEqual(refused(1007))
      const broken = code.callData("init", [0])
      expect(yield* initiator.cannotCreate(code, [0], { code: broken })).toMatchObject(internal)
      expect(yield* initiator.cannotCreate(code, [0], { deposit: Number(wealth) + 1 })).toEqual(refused(1001))

      const meter = yield* initiator.create(code, [0])
      yield* agreed(both, 2)
      const nowhere: At = { ...meter, at: encode(decode(initiator.channelId), Encoding.ContractAddress) }
      for (const party of both) {
        expect(yield* party.cannotCall(nowhere, "total", [])).toMatchObject(internal)
        expect(yield* party.noContract(nowhere)).toContain("doesn't exist")
        expect(yield* party.noResult(nowhere, party.address, 2)).toContain("Call not found")
        expect(yield* party.cannotCall(meter, "total", [], { abiVersion: 1 })).toEqual(refused(1019))
        expect(yield* party.cannotCall(meter, "add", [1], { amount: Number(wealth) * 2 })).toEqual(
          refused(1001)
        )
      }
      yield* agreed(both, 2)
      expect(yield* called(both, responder, meter, 3, "add", [1])).toMatchObject({ value: 1n })
      yield* initiator.shutdown
      yield* endsWell(both)
    }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )

  /** What a forced call was, gave, and cost, as the chain tells it. */
  const receipt = (instance: Node, contract: At, name: string, tx: Encoded.Transaction) =>
    Effect.promise(async () => {
      const hash = buildTxHash(tx)
      const { callInfo } = await instance.getTransactionInfoByHash(hash)
      if (callInfo === undefined) throw new Error("a forced call leaves a call")
      const { tx: mined } = await instance.getTransactionByHash(hash)
      const result = { ...callInfo }
      return {
        result,
        value: contract.read(name, result),
        events: contract.events(result),
        cost: BigInt(String(Reflect.get(mined, "fee"))) + BigInt(callInfo.gasUsed) * BigInt(callInfo.gasPrice)
      }
    })

  for (const role of roles)
    it.live(`are forced on chain by the ${role}, and both go on from there`, () =>
      Effect.gen(function* () {
        const { both, instance, users } = yield* start
        const [own, peer] = [users[role], users[other(role)]]
        const meter = yield* peer.create(yield* compiled("Meter"), [1])
        yield* agreed(both, 2)
        const forced = (name: string, args: ReadonlyArray<unknown>, options = {}) =>
          Effect.gen(function* () {
            const before = yield* World.balanceOf(own.address)
            const seen = both.map(({ onChain }) => onChain.length)
            const found = yield* receipt(instance, meter, name, yield* own.force(meter, name, args, options))
            expect(before - (yield* World.balanceOf(own.address))).toBe(found.cost)
            yield* eventually("both hear of it", () =>
              both.every(({ onChain }, index) =>
                onChain.slice(seen[index]).some(({ info }) => info === "consumed_forced_progress")
              )
                ? true
                : undefined
            )
            return found
          })
        const counted = { name: "Counted", args: [own.address, 42n, "added"] }
        const limits = { gasLimit: 100_000, gasPrice: 1_500_000_000, amount: 7 }
        expect(yield* forced("add", [41], limits)).toMatchObject({
          result: { callerId: own.address, gasPrice: 1_500_000_000n, returnType: "ok" },
          value: 42n,
          events: [counted]
        })
        const { channelId } = own
        const channel = Effect.promise(() => instance.getChannelByPubkey(channelId))
        expect(yield* channel).toMatchObject({ round: 3, soloRound: 3 })
        for (const party of both) {
          const result = yield* party.result(meter, own.address, 3)
          expect([result["gasPrice"], meter.read("add", result)]).toEqual([1_500_000_000, 42n])
        }
        // On top of a state that is on chain, and with an error that the chain takes for a round too.
        expect(yield* forced("add", [0])).toMatchObject({
          result: { returnType: "revert" },
          value: "NOT_POSITIVE"
        })
        expect(yield* channel).toMatchObject({ round: 4, soloRound: 3 })

        expect(yield* peer.call(meter, "add", [8])).toEqual(accepted(5))
        yield* agreed(both, 5)
        expect(meter.read("add", yield* own.result(meter, peer.address, 5))).toBe(50n)
        expect((yield* own.balances)[role]).toBe((yield* peer.balances)[role])
        yield* own.shutdown
        yield* endsWell(both)
      }).pipe(Effect.scoped, Effect.provide(World.layer()))
    )

  it.live("are a game with stakes", () =>
    Effect.gen(function* () {
      const { both, initiator: host, responder: guest } = yield* start
      const game = yield* host.create(yield* compiled("StonePaperScissors"), [guest.address, 1000, 10])
      yield* agreed(both, 2)
      const before = yield* host.balances
      let round = 2
      const move = (player: ContractUser, name: string, args: ReadonlyArray<unknown>, amount = 0) =>
        Effect.suspend(() => called(both, player, game, ++round, name, args, amount))
      const play = (hosts: string, guests: string) =>
        Effect.gen(function* () {
          const [hidden, salt] = [{ [hosts]: [] }, `salt of ${hosts}`]
          const hash = game.read("hide", yield* host.dryRun(game, "hide", [hidden, salt]))
          yield* move(host, "begin", [hash], 1000)
          yield* move(guest, "answer", [{ [guests]: [] }], 1000)
          expect(yield* move(host, "reveal", [{ [guests]: [] }, "guessed"])).toMatchObject({
            returnType: "revert",
            value: "NOT_WHAT_WAS_HIDDEN"
          })
          const { result, value } = yield* move(host, "reveal", [hidden, salt])
          return { winner: value, events: game.events(result) }
        })
      expect(yield* play("Paper", "Stone")).toMatchObject({
        winner: host.address,
        events: [{ name: "Won", args: [host.address, 2000n] }]
      })
      expect(yield* play("Stone", "Paper")).toMatchObject({ winner: guest.address })
      expect(yield* play("Scissors", "Scissors")).toMatchObject({
        winner: undefined,
        events: [{ name: "Drawn" }]
      })
      expect(yield* play("Scissors", "Paper")).toMatchObject({ winner: host.address })
      expect(yield* guest.balances).toEqual({
        initiator: before.initiator + 1000n,
        responder: before.responder - 1000n
      })
      yield* guest.shutdown
      yield* endsWell(both)
    }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )
})
