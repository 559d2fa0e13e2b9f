/** A session with a contract, made here and replayed with other keys, other ids and frames that are not as recorded. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Ids from "../../../src/chain/Ids.js"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import * as Json from "../../../src/encoding/Json.js"
import * as CallData from "../../../src/fate/CallData.js"
import * as Value from "../../../src/fate/Value.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import * as Replay from "../../../src/testing/Replay.js"
import { code } from "../../node/fsm/Meter.js"
import { keyPairOf, native } from "../../support/TestCrypto.js"

const roles = ["initiator", "responder"] as const
const keys = { initiator: keyPairOf("recorded initiator"), responder: keyPairOf("recorded responder") }
const contractId = Ids.contractId(keys.initiator.address, 2)

const cb = (bytes: Uint8Array): string => ApiEncoding.encode("cb", bytes)
const address = (role: Role): Value.Value =>
  Value.reference("address", ApiEncoding.bytesOf(keys[role].address))
const callOf = (name: string, ...args: ReadonlyArray<Value.Value>) => ({
  contract_id: contractId,
  abi_version: 3,
  amount: 0,
  call_data: cb(CallData.encode(name, args))
})

/** What is said in the session after the channel is open. */
const script: ReadonlyArray<readonly [Role, string, Json.JsonObject]> = [
  [
    "initiator",
    "update.new_contract",
    {
      vm_version: 8,
      abi_version: 3,
      deposit: 10,
      code: cb(code),
      call_data: cb(CallData.encode("init", [1n]))
    }
  ],
  ["responder", "update.call_contract", callOf("add", 5n)],
  [
    "responder",
    "get.contract_call",
    { contract_id: contractId, caller_id: keys.responder.address, round: 3 }
  ],
  ["initiator", "dry_run.call_contract", callOf("reads_of", address("responder"))],
  ["initiator", "dry_run.call_contract", callOf("height")],
  ["initiator", "update.call_contract", callOf("pay", address("responder"), 3n)],
  ["initiator", "force_progress", { ...callOf("add", 2n), gas_price: 1_000_000_000 }],
  ["initiator", "get.contract", { pubkey: contractId }],
  ["responder", "get.offchain_state", {}],
  ["responder", "get.poi", { accounts: [keys.initiator.address], contracts: [contractId] }],
  ["responder", "get.balances", { accounts: [ApiEncoding.encode("ak", ApiEncoding.bytesOf(contractId))] }]
]

const queryOf = (role: Role): string =>
  [
    "protocol=json-rpc",
    ...(role === "initiator" ? ["host=localhost"] : []),
    "port=3333",
    `initiator_id=${keys.initiator.address}`,
    `responder_id=${keys.responder.address}`,
    "lock_period=10&push_amount=0&initiator_amount=1000000&responder_amount=1000000&channel_reserve=2",
    `role=${role}`
  ].join("&")

/** Runs the session at a node of its own, and writes down what is said. */
const session = (start?: Replay.ChainStart): Effect.Effect<string, Replay.TargetError> =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const write = (who: Role, rest: Json.JsonObject): void => {
      lines.push(Json.stringify({ seq: lines.length + 1, who, conn: 1, ...rest }))
    }
    const accounts = roles.map((role) => ({
      address: keys[role].address,
      keyPair: keys[role],
      balance: 10n ** 24n,
      need: 10n ** 18n,
      nonce: 0n
    }))
    const wanted = { accounts, protocol: 6 }
    const target = yield* Replay.embedded({ crypto: native })(
      start === undefined ? wanted : { ...wanted, start }
    )
    const open = (role: Role) =>
      Effect.gen(function* () {
        write(role, { kind: "open", url: `ws://localhost:3014/channel?${queryOf(role)}` })
        const opened = yield* target.connect("/channel", queryOf(role))
        if ("status" in opened) throw new Error(`HTTP ${opened.status}`)
        return opened
      })
    const responder = yield* open("responder")
    const connections = { responder, initiator: yield* open("initiator") }
    const say = (who: Role, msg: Json.JsonObject) => {
      write(who, { kind: "frame", dir: "out", msg })
      return connections[who].send(Json.stringify(msg))
    }
    /** Reads and signs until nothing more comes, blocks or not. */
    const rest = Effect.gen(function* () {
      for (let idle = 0; idle < 8; ) {
        yield* target.settle
        let who: Role = "initiator"
        let text = connections.initiator.poll()
        if (text === undefined) [who, text] = ["responder", connections.responder.poll()]
        if (typeof text !== "string") {
          idle += 1
          yield* idle === 1 ? target.mineMicro : idle < 8 ? target.mine(1) : Effect.void
          continue
        }
        idle = 0
        const msg = Json.parseOrThrow(text)
        write(who, { kind: "frame", dir: "in", msg })
        const method = String(Json.field(msg, "method") ?? "")
        if (!method.startsWith("channels.sign.")) continue
        const asked = Json.field(Json.field(Json.field(msg, "params"), "data"), "signed_tx")
        const { networkId } = target
        const signed = SignedTx.sign(SignedTx.fromTextOrThrow(String(asked)), keys[who], {
          networkId,
          crypto: native
        })
        yield* say(who, {
          jsonrpc: "2.0",
          method: method.replace(".sign.", "."),
          params: { signed_tx: SignedTx.toText(signed) }
        })
      }
    })
    yield* rest
    for (const [who, method, params] of script) {
      const id = /^(get|dry_run)/.test(method) ? { id: lines.length } : {}
      yield* say(who, { jsonrpc: "2.0", method: `channels.${method}`, params, ...id })
      yield* rest
    }
    return lines.join("\n")
  }).pipe(Effect.scoped)

const recorded = Effect.runSync(session())
const frames = recorded.split("\n").filter((line) => line.includes('"dir":"in"')).length

const play = (content: string, seed: string, proxy = (frame: string) => [frame]): Replay.Outcome =>
  Effect.runSync(
    Effect.flatMap(Replay.read("session", content), (recording) =>
      Replay.replay(recording, { crypto: native, seed, targets: Replay.embedded({ crypto: native, proxy }) })
    )
  )

const words = (outcome: Replay.Outcome): string =>
  outcome._tag === "Different" ? `${outcome._tag} ${outcome.difference.path}` : outcome._tag

describe("a session with a contract", () => {
  it("is what it should be", () => {
    for (const word of ["consumed_forced_progress", "contract_state", '"topics":[', "pi_", "cs_"])
      expect(recorded).toContain(word)
  })

  const expectExact = (content: string) => {
    for (const seed of ["one", "two", "three"]) expect(play(content, seed)).toEqual({ _tag: "Exact", frames })
  }

  it("is replayed with other keys", () => {
    expectExact(recorded)
    console.log(`${frames} frames of a session with a contract`)
  })

  it("is replayed on a chain that has the height and the time of the recorded one", () => {
    for (const start of [
      { height: 4_790, timeMs: 1_795_159_510_360 },
      { height: 299, timeMs: 1_500_000_000_001 }
    ]) {
      const elsewhere = Effect.runSync(session(start))
      expect(elsewhere).not.toBe(recorded)
      expectExact(elsewhere)
    }
  })

  it("differs in the facts of the chain where the start of the chain cannot be chosen", () => {
    const elsewhere = Effect.runSync(session({ height: 479, timeMs: 1_795_159_510_360 }))
    const targets: Replay.Targets = (wanted) =>
      Effect.map(Replay.embedded({ crypto: native })(wanted), (target): Replay.Target => {
        const { connect, later, mine, mineMicro, networkId, nonces, settle, submit, top, until } = target
        return { connect, later, mine, mineMicro, networkId, nonces, settle, submit, top, until }
      })
    const outcome = Effect.runSync(
      Effect.flatMap(Replay.read("session", elsewhere), (recording) =>
        Replay.replay(recording, { crypto: native, seed: "one", targets })
      )
    )
    expect(outcome._tag === "Accepted" && [...outcome.variants.keys()]).toEqual(["facts of the chain"])
  })

  const nobody = ApiEncoding.encode("ct", new Uint8Array(32).fill(9))
  const damages: Readonly<Record<string, (frame: string) => string>> = {
    "gas of a call": (frame) =>
      frame.replace(/"gas_used":(\d+)/, (_, gas) => `"gas_used":${Number(gas) + 1}`),
    "value of a call": (frame) =>
      frame.replace(/("height":3.*"return_value":")[^"]+/, `$1${cb(Uint8Array.of(2))}`),
    "how a call ended": (frame) => frame.replace('"return_type":"ok"', '"return_type":"revert"'),
    "topic of an event": (frame) => frame.replace(/"topics":\[\d+/, '"topics":[7'),
    "a topic too few": (frame) => frame.replace(/"topics":\[\d+,/, '"topics":['),
    "contract of an event": (frame) => frame.replace(/"address":"ct_\w+/, `"address":"${nobody}`),
    "payload of an event": (frame) =>
      frame.replace(/("address":"ct_\w+","data":")[^"]+/, `$1${cb(Uint8Array.of(1))}`),
    "value in the store": (frame) => frame.replace(/cv_[^"]+/, ApiEncoding.encode("cv", Uint8Array.of(0x2a))),
    "key in the store": (frame) => frame.replace(/ck_[^"]+/, ApiEncoding.encode("ck", Uint8Array.of(9, 9))),
    deposit: (frame) => frame.replace('"deposit":10,"id"', '"deposit":11,"id"'),
    "call data of a proposal": (frame) =>
      frame.replace(/("call_data":")[^"]+/, `$1${cb(CallData.encode("total", []))}`),
    "gas of a proposal": (frame) => frame.replace(/"gas":\d+/, '"gas":999'),
    "code of a proposal": (frame) => frame.replace(/("code":")cb_[^"]+/, `$1${cb(code.subarray(1))}`)
  }
  for (const [name, damage] of Object.entries(damages)) {
    it(`is told from one with another ${name}`, () => {
      let done = false
      const outcome = play(recorded, "one", (frame) => {
        const other = done ? frame : damage(frame)
        done ||= other !== frame
        return [other]
      })
      expect(done).toBe(true)
      expect(words(outcome)).toMatch(/^Different/)
    })
  }
})
