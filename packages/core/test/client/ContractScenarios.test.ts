/**
 * Contracts with known answers, played by two clients on the embedded node: what was recorded of a node's own machine
 * comes out of both clients and of both machines of the embedded node. Addresses are other ones than in the recordings,
 * and are exchanged for those.
 */
import { afterAll, describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ContractObject from "../../src/chain/ContractObject.js"
import type * as Channel from "../../src/client/Channel.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import type { AccountAddress, ContractId } from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as Trees from "../../src/state/Trees.js"
import * as Update from "../../src/state/Update.js"
import { scenarios, type Step } from "../fate/support/scenarios.js"
import { initiator, layer, responder } from "../support/NodeUnderTest.js"
import { inRound } from "./support/Contracting.js"
import { openBoth } from "./support/Parties.js"

let played = 0
afterAll(() => console.log(`rounds with known answers, through two clients: ${played}`))

const hexOf = (id: AccountAddress | ContractId): string => Bytes.toHex(ApiEncoding.bytesOf(id))

/** The recorded keys, and ours in their place. */
class Exchange {
  private readonly keys = new Map([
    ["a1".repeat(32), hexOf(initiator.address)],
    ["b2".repeat(32), hexOf(responder.address)]
  ])

  add(recorded: string, ours: ContractId): void {
    this.keys.set(recorded, hexOf(ours))
  }

  hex(text: string): string {
    let all = text
    for (const [recorded, ours] of this.keys) all = all.replaceAll(recorded, ours)
    return all
  }

  bytes(bytes: Uint8Array): Uint8Array {
    return Bytes.fromHex(this.hex(Bytes.toHex(bytes)))
  }

  contract(id: ContractId): ContractId {
    return ApiEncoding.encode("ct", this.bytes(ApiEncoding.bytesOf(id)))
  }
}

/** The order of keys in a map is that of other addresses. */
const isMap = (value: string): boolean => value.startsWith("2f")

const expectCall = (call: Channel.CalledContract["call"], { call: known }: Step, keys: Exchange): void => {
  if (known === undefined) throw new Error("a step with a call")
  expect([call.returnType, call.gasUsed, call.verified]).toEqual([
    known.type ?? "ok",
    BigInt(known.gas),
    true
  ])
  const value = known.value ?? "3f"
  if (!isMap(value)) expect(Bytes.toHex(call.returnValue)).toBe(keys.hex(value))
  expect(
    call.events.map(({ contractId, data, topics }) => ({
      address: hexOf(contractId),
      topics: topics.map((topic) => topic.toString(16).padStart(64, "0")),
      data: Bytes.toHex(data)
    }))
  ).toEqual(
    (known.log ?? []).map(({ address, data, topics }) => ({
      address: keys.hex(hexOf(address)),
      topics: topics.map((topic) => keys.hex(topic)),
      data
    }))
  )
}

describe.each(["counter", "rps", "token", "events", "remote"])("%s", (name) => {
  it.scopedLive("has the recorded outcomes", () =>
    Effect.gen(function* () {
      const [scenario] = scenarios(name)
      if (scenario === undefined) throw new Error("no scenario")
      const [alice, bob] = yield* openBoth()
      const keys = new Exchange()
      const ours = (id: AccountAddress) => (hexOf(id).startsWith("a1") ? alice : bob)
      for (const step of scenario.steps) {
        const update = Update.decodeOrThrow(Bytes.fromHex(step.update))
        if (update._tag === "OffChainNewContract") {
          const { vmVersion, abiVersion } = ContractObject.unpackVersions(update.ctVersion)
          const { call, contractId } = yield* ours(update.owner).contracts.create({
            code: update.code,
            callData: keys.bytes(update.callData),
            deposit: update.deposit,
            vmVersion,
            abiVersion
          })
          for (const id of Object.keys(step.contracts ?? {}))
            if (ApiEncoding.is("ct", id)) keys.add(hexOf(id), contractId)
          expectCall(call, step, keys)
        } else if (update._tag === "OffChainCallContract") {
          const options = {
            contractId: keys.contract(update.contractId),
            callData: keys.bytes(update.callData),
            amount: update.amount
          }
          const caller = ours(update.callerId)
          const dry = yield* caller.contracts.dryRun(options)
          const { call } = yield* caller.contracts.call(options)
          expectCall(call, step, keys)
          expect(dry).toEqual(call)
        } else if (update._tag === "OffChainTransfer")
          yield* ours(update.from).transfer({ amount: update.amount })
        yield* inRound(alice, step.round)
        yield* inRound(bob, step.round)
        played += 1
      }
      const states = yield* Effect.all([alice, bob].map((each) => each.offChainState))
      expect(new Set(states.map(({ trees }) => Trees.stateHashText(trees))).size).toBe(1)
    }).pipe(Effect.provide(layer()))
  )
})
