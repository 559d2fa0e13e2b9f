/** Our client and the JavaScript SDK's with contracts between them: each makes and calls what the other has to check. */
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import { ChannelNode } from "@aechannel/core/node/ChannelNode"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import * as ChainReader from "@aechannel/core/services/ChainReader"
import * as ChainReaders from "@aechannel/core/testing/ChainReaders"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestCrypto from "../../../core/test/support/TestCrypto.js"
import { type At, compiled, type Compiled, user } from "./support/Contracts.js"
import * as Own from "./support/OwnParty.js"
import { agreed, eventually, within } from "./support/Party.js"
import * as Sdk from "./support/SdkParty.js"
import * as World from "./support/World.js"

const repeats = Number(process.env["AECHANNEL_REPEATS"] ?? 1)
const keys = { initiator: TestCrypto.keyPairOf("initiator"), responder: TestCrypto.keyPairOf("responder") }
const roles = ["initiator", "responder"] as const
const other = (role: Role): Role => (role === "initiator" ? "responder" : "initiator")

/** The chain of the node in this process. */
const reader = Effect.map(ChannelNode, (node) =>
  Layer.provide(ChainReaders.ofNode, [Layer.succeed(ChannelNode, node), NativeCrypto.layer])
)

const start = (ownRole: Role, options: { readonly reads: boolean } = { reads: true }) =>
  Effect.gen(function* () {
    const { meeting } = yield* World.World
    const sdkRole = other(ownRole)
    const chain = options.reads ? yield* reader : ChainReader.layerNone
    const [own, sdk] = yield* Effect.all(
      [
        Own.openReading(ownRole, keys[ownRole], meeting, chain),
        Effect.tap(Sdk.connecting(sdkRole, keys[sdkRole], meeting), ({ opened }) => opened)
      ],
      { concurrency: 2 }
    )
    const peer = user(sdk, keys[sdkRole], meeting)
    const both = [own, peer]
    yield* agreed(both, 1)
    const address = { own: keys[ownRole].address, sdk: keys[sdkRole].address }
    return { address, both, node: yield* ChannelNode, own, sdk: peer }
  })

const bytes = (text: string) => ApiEncoding.decodeOrThrow("cb", text)

const idOf = ({ at }: At) => ApiEncoding.parseOrThrow("ct", at)

const call = (party: Own.OwnParty, contract: At, name: string, args: ReadonlyArray<unknown>, amount = 0n) =>
  within(
    "a call",
    party.channel.contracts.call({
      contractId: idOf(contract),
      callData: bytes(contract.callData(name, args)),
      amount
    })
  )

const dryRun = (party: Own.OwnParty, contract: At, name: string, args: ReadonlyArray<unknown>) =>
  party.channel.contracts.dryRun({
    contractId: idOf(contract),
    callData: bytes(contract.callData(name, args))
  })

const create = (party: Own.OwnParty, code: Compiled, args: ReadonlyArray<unknown>, vmVersion: number) =>
  Effect.map(
    within(
      "a contract",
      party.channel.contracts.create({
        code: bytes(code.code),
        callData: bytes(code.callData("init", args)),
        vmVersion,
        deposit: 10n
      })
    ),
    ({ contractId }): At => ({ ...code, at: contractId })
  )

const endsWell = (both: Awaited<Effect.Effect.Success<ReturnType<typeof start>>>["both"]) =>
  Effect.forEach(both, (party) => Effect.map(party.ended, (trouble) => expect(trouble).toEqual([])))

describe("our client and the SDK's with a contract", { repeats: repeats - 1 }, () => {
  for (const ownRole of roles)
    for (const creator of ["own", "sdk"] as const)
      for (const vmVersion of [5, 8])
        it.live(`of ${creator}, version ${vmVersion}, ours being the ${ownRole}`, () =>
          Effect.gen(function* () {
            const { address, both, own, sdk } = yield* start(ownRole)
            const code = yield* compiled("Meter")
            const meter =
              creator === "own"
                ? yield* create(own, code, [3], vmVersion)
                : yield* sdk.create(code, [3], { deposit: 10, vmVersion })
            yield* agreed(both, 2)
            const { contracts } = own.channel

            // Each side's outcome of a round is the other's.
            const added = yield* call(own, meter, "add", [4], 50n)
            expect(added.call).toMatchObject({
              returnType: "ok",
              value: 7n,
              round: 3,
              verified: true,
              callerId: address.own
            })
            yield* agreed(both, 3)
            const seen = yield* sdk.result(meter, address.own, 3)
            expect([meter.read("add", seen), seen["gasUsed"]]).toEqual([7n, Number(added.call.gasUsed)])
            expect(yield* sdk.call(meter, "add", [5], { amount: 3 })).toMatchObject({ round: 4 })
            yield* agreed(both, 4)
            const theirs = yield* contracts.getCall({
              contractId: idOf(meter),
              callerId: address.sdk,
              round: 4
            })
            expect(theirs).toMatchObject({ returnType: "ok", value: 12n, verified: true })

            // What is read of it, and tried out.
            const { contract, contractState } = yield* sdk.contract(meter)
            const found = yield* contracts.get(idOf(meter))
            expect([found.balance, found.object.ownerId]).toEqual([63n, contract.ownerId])
            expect(
              Object.fromEntries(
                found.store.map(([key, value]) => [
                  ApiEncoding.encode("ck", key),
                  ApiEncoding.encode("cv", value)
                ])
              )
            ).toEqual(contractState)
            const ours = yield* dryRun(own, meter, "total", [])
            const tried = yield* sdk.dryRun(meter, "total", [])
            expect(ours).toMatchObject({ value: 12n, round: 5, verified: true })
            expect([meter.read("total", tried), tried["gasUsed"]]).toEqual([12n, Number(ours.gasUsed)])

            // Calls that do not end well are rounds too.
            const reverted = yield* call(own, meter, "add", [0])
            expect(reverted.call).toMatchObject({ returnType: "revert", text: "NOT_POSITIVE", round: 5 })
            yield* agreed(both, 5)
            expect(yield* sdk.call(meter, "spin", [1_000_000])).toMatchObject({ round: 6 })
            yield* agreed(both, 6)
            expect(
              yield* contracts.getCall({ contractId: idOf(meter), callerId: address.sdk, round: 6 })
            ).toMatchObject({ returnType: "error", text: "Out of gas" })

            // Declined, by either.
            own.answerWith(147)
            expect(yield* sdk.call(meter, "add", [1])).toEqual({ _tag: "Declined", code: 147 })
            own.answerWith("sign")
            sdk.answerWith(148)
            expect(yield* Effect.flip(call(own, meter, "add", [1]))).toMatchObject({
              _tag: "UserDefinedError",
              code: 148
            })
            sdk.answerWith("sign")

            // It looks at the block that the round is pinned to.
            expect(yield* sdk.call(meter, "mark", [])).toMatchObject({ round: 7 })
            yield* agreed(both, 7)
            const height = meter.read("mark", yield* sdk.result(meter, address.sdk, 7))
            expect((yield* call(own, meter, "total", [])).call).toMatchObject({ value: height })
            expect((yield* call(own, meter, "height", [])).call).toMatchObject({ round: 9, verified: true })
            yield* agreed(both, 9)
            expect(yield* own.balances).toEqual(yield* sdk.balances)
            yield* contracts.cleanCalls
            expect(
              yield* Effect.flip(
                contracts.getCall({ contractId: idOf(meter), callerId: address.sdk, round: 7 })
              )
            ).toMatchObject({ _tag: "RejectedError" })
            yield* own.shutdown
            yield* endsWell(both)
          }).pipe(Effect.scoped, Effect.provide(World.layer()))
        )

  for (const ownRole of roles)
    it.live(`forced by either, ours being the ${ownRole}`, () =>
      Effect.gen(function* () {
        const { address, both, own, sdk } = yield* start(ownRole)
        const meter = yield* sdk.create(yield* compiled("Meter"), [0])
        yield* agreed(both, 2)
        const progress = Stream.runHead(
          Stream.filter(own.channel.events, ({ _tag }) => _tag === "ProgressForced")
        )
        yield* sdk.force(meter, "add", [5])
        expect(yield* within("the news", progress)).toMatchObject({ value: { state: { round: 3 } } })
        expect(yield* own.latest).toMatchObject({ round: 3 })
        expect((yield* dryRun(own, meter, "total", [])).value).toBe(5n)

        const forced = yield* within(
          "a forced call",
          own.channel.forceProgress({
            contractId: idOf(meter),
            callData: bytes(meter.callData("add", [6])),
            gas: 50_000n
          })
        )
        expect(forced.call).toMatchObject({ value: 11n, round: 4, verified: true })
        yield* eventually("the SDK hears of both", () =>
          sdk.onChain.filter(({ info }) => info === "consumed_forced_progress").length === 2
            ? true
            : undefined
        )
        expect(meter.read("add", yield* sdk.result(meter, address.own, 4))).toBe(11n)
        expect(yield* sdk.call(meter, "add", [1])).toMatchObject({ round: 5 })
        yield* agreed(both, 5)
        expect((yield* call(own, meter, "total", [])).call).toMatchObject({ value: 12n })
        yield* agreed(both, 6)
        yield* sdk.shutdown
        yield* endsWell(both)
      }).pipe(Effect.scoped, Effect.provide(World.layer()))
    )

  it.live("is not signed for where it looks at a chain that our client cannot see", () =>
    Effect.gen(function* () {
      const { both, own, sdk } = yield* start("responder", { reads: false })
      const meter = yield* sdk.create(yield* compiled("Meter"), [0])
      yield* agreed(both, 2)
      expect(yield* sdk.call(meter, "mark", [])).toMatchObject({ _tag: "Declined" })
      expect(yield* Effect.flip(call(own, meter, "height", []))).toMatchObject({ _tag: "VerificationError" })
      expect((yield* call(own, meter, "add", [1])).call).toMatchObject({ value: 1n, round: 3 })
      yield* agreed(both, 3)
      yield* own.shutdown
      yield* endsWell(both)
    }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )
})
