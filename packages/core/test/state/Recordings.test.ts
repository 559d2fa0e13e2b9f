/**
 * Trees, calls and proofs of inclusion in recorded sessions of real nodes: read, written again byte for byte, and
 * compared with the transactions beside them.
 */
import { readFileSync } from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Transaction from "../../src/chain/Transaction.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import { DecodeError } from "../../src/encoding/DecodeError.js"
import * as Json from "../../src/encoding/Json.js"
import * as Apply from "../../src/state/Apply.js"
import * as Poi from "../../src/state/Poi.js"
import * as Trees from "../../src/state/Trees.js"
import * as Trie from "../../src/state/Trie.js"
import * as Update from "../../src/state/Update.js"
import { hasShared, sharedPath, transcriptFiles } from "../support/Shared.js"

if (!hasShared)
  console.log("skipped: recorded state hash chains, recorded trees, calls and proofs of inclusion")

const isText = (json: Json.Json | undefined): json is string => typeof json === "string"
const object = (json: Json.Json | undefined): Json.JsonObject => (Json.isObject(json) ? json : {})
const list = (json: Json.Json | undefined): ReadonlyArray<Json.Json> => (Json.isArray(json) ? json : [])
const text = (json: Json.Json | undefined): string => {
  if (isText(json)) return json
  throw new Error("expected text in the recording")
}

interface Frame {
  readonly session: string
  readonly line: Json.JsonObject
  readonly msg: Json.JsonObject
}

// Examples of the API documents may have their long values cut short.
const frames: ReadonlyArray<Frame> = transcriptFiles("legacy", "tx", "signed_tx", "v7", "seeds")
  .filter((path) => path.endsWith(".jsonl"))
  .flatMap((path) =>
    readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => object(Json.parseOrThrow(line)))
      .filter((line) => line["elided"] !== true)
      .map((line) => ({ session: path, line, msg: object(line["msg"]) }))
  )

const texts = function* (json: Json.Json | undefined): Generator<string> {
  if (isText(json)) yield json
  else if (Json.isArray(json)) for (const item of json) yield* texts(item)
  else if (Json.isObject(json)) for (const item of Object.values(json)) yield* texts(item)
}

/** The state hash a co-signed transaction carries, the inner one of meta transactions. */
const stateHashOf = (signedTx: string): string | undefined => {
  const { tx } = SignedTx.innermost(SignedTx.fromTextOrThrow(signedTx))
  return "stateHash" in tx ? Bytes.toHex(tx.stateHash) : undefined
}

/** Every distinct dump of trees, by state hash. */
const dumps = new Map<string, Trees.Trees>()
for (const { msg } of frames) {
  for (const value of texts(msg)) {
    if (!value.startsWith("ss_")) continue
    const trees = Trees.fromTextOrThrow(value)
    dumps.set(Bytes.toHex(Trees.stateHash(trees)), trees)
  }
}

/** The accounts of a state that are no contracts. */
const participantsIn = (trees: Trees.Trees): ReadonlyArray<ApiEncoding.AccountAddress> =>
  [...Trie.entries(trees.accounts)]
    .filter(([key]) => !Trie.has(trees.contracts, key))
    .map(([key]) => ApiEncoding.encode("ak", key))

describe.skipIf(!hasShared)("recorded sessions", () => {
  it("state hashes follow from the create transaction and the updates", () => {
    const file = object(Json.parseOrThrow(readFileSync(sharedPath("vectors", "recordings.json"), "utf8")))
    let channels = 0
    let steps = 0
    const kinds = new Set<string>()
    for (const channel of list(file["recordings"]).flatMap((recording) =>
      list(object(recording)["channels"]).map(object)
    )) {
      const create = Transaction.decodeOrThrow(ApiEncoding.decodeOrThrow("tx", text(channel["createTx"])))
      if (create._tag !== "ChannelCreateTx") throw new Error("expected a create transaction")
      const { channelReserve, initiatorAmount, initiatorId, responderAmount, responderId } = create
      const pushAmount = BigInt(text(channel["pushAmount"]))
      const initial = Trees.initial({
        initiatorId,
        responderId,
        initiatorAmount,
        responderAmount,
        pushAmount
      })
      expect(Bytes.toHex(Trees.stateHash(initial))).toBe(text(channel["stateHash"]))
      expect(Trees.stateHash(initial)).toStrictEqual(create.stateHash)
      // A round that was aborted is tried again: the state to go on from is that of the round before.
      const states = new Map([[1, initial]])
      channels++
      for (const step of list(channel["steps"]).map(object)) {
        const updates = list(step["updates"]).map(Update.fromJsonOrThrow)
        const round = Number(text(step["round"]))
        const previous = states.get(round - 1)
        if (previous === undefined) throw new Error(`no state of round ${round - 1}`)
        const trees = Apply.applyUpdates(previous, updates, {
          round,
          channelReserve,
          participants: [initiatorId, responderId]
        })
        if (trees instanceof Apply.UpdateError) throw trees
        states.set(round, trees)
        const tx = Transaction.decodeOrThrow(ApiEncoding.decodeOrThrow("tx", text(step["tx"])))
        expect(Bytes.toHex(Trees.stateHash(trees))).toBe(text(step["stateHash"]))
        expect("stateHash" in tx && tx.stateHash).toStrictEqual(Trees.stateHash(trees))
        for (const update of updates) {
          kinds.add(update._tag)
          expect(Update.decodeOrThrow(Update.encode(update))).toStrictEqual(update)
        }
        steps++
      }
    }
    console.log(
      `recordings.json: ${channels} initial states, ${steps} rounds (${[...kinds].join(", ")}), all hashes equal`
    )
    expect(channels).toBeGreaterThan(40)
    expect(steps).toBeGreaterThan(100)
  })

  it("trees and calls are written again as they came, and hash to the signed state", () => {
    let trees = 0
    let withContracts = 0
    let calls = 0
    let callObjects = 0
    let contractObjects = 0
    let hashes = 0
    for (const { msg } of frames) {
      for (const value of texts(msg)) {
        if (!value.startsWith("cs_")) continue
        expect(Trees.callsToText(Trees.callsFromTextOrThrow(value))).toBe(value)
        calls++
      }
      const state = object(msg["result"] ?? msg["payload"])
      if (!isText(state["trees"])) continue
      const dump = Trees.fromTextOrThrow(state["trees"])
      expect(Trees.toText(dump)).toBe(state["trees"])
      trees++
      if (!Trie.isEmpty(dump.contracts)) withContracts++
      for (const [key] of Trie.entries(dump.contracts)) {
        if (key.length !== 32) continue
        const id = ApiEncoding.encode("ct", key)
        expect(Trees.contract(dump, id)).toBeDefined()
        expect(Trees.contractStore(dump, id).length).toBeGreaterThan(0)
        expect(Trees.balance(dump, id)).toBeDefined()
        contractObjects++
      }
      for (const [key] of Trie.entries(dump.calls)) {
        const contract = ApiEncoding.encode("ct", key.subarray(0, 32))
        expect(Trees.call(dump.calls, contract, key.subarray(32))).toBeDefined()
        callObjects++
      }
      if (!isText(state["signed_tx"]) || state["signed_tx"] === "") continue
      expect(Bytes.toHex(Trees.stateHash(dump))).toBe(stateHashOf(state["signed_tx"]))
      hashes++
    }
    console.log(
      `recorded sessions: ${trees} ss_ (${dumps.size} states, ${withContracts} with contracts, ${contractObjects} contract ` +
        `and ${callObjects} call objects read) and ${calls} cs_ byte for byte, ${hashes} hash to the signed state beside them`
    )
    expect(hashes).toBeGreaterThan(150)
    expect(withContracts).toBeGreaterThan(0)
  })

  it("proofs of inclusion are written again as they came, and built from the trees they are about", () => {
    let replies = 0
    let rebuilt = 0
    let accountsShown = 0
    let contractsShown = 0
    const asked = new Map<string, Json.JsonObject>()
    for (const { line, msg, session } of frames) {
      const socket = `${session} ${String(line["who"])} ${String(line["conn"])}`
      if (line["dir"] === "out") {
        if (msg["method"] === "channels.get.poi") asked.set(socket, object(msg["params"]))
        if (msg["action"] === "get" && msg["tag"] === "poi") asked.set(socket, object(msg["payload"]))
        continue
      }
      for (const value of texts(msg)) {
        if (!value.startsWith("pi_")) continue
        const poi = Poi.fromTextOrThrow(value)
        expect(Poi.toText(poi)).toBe(value)
        replies++
        const request = asked.get(socket)
        if (request === undefined) continue
        const contracts = list(request["contracts"]).map((id) => ApiEncoding.parseOrThrow("ct", text(id)))
        const named = list(request["accounts"]).map((id) => ApiEncoding.parseOrThrow("ak", text(id)))
        const accounts = [...named, ...contracts]
        for (const id of accounts) {
          expect(Poi.account(poi, id)).toBeDefined()
          accountsShown++
        }
        const trees = dumps.get(Bytes.toHex(Poi.stateHash(poi)))
        for (const id of contracts) {
          const proven = Poi.contract(poi, id)
          expect(proven).toBeDefined()
          contractsShown++
          expect(proven?.store.length).toBeGreaterThan(0)
          if (trees !== undefined) expect(proven?.store).toStrictEqual(Trees.contractStore(trees, id))
        }
        if (trees === undefined) continue
        const built = Poi.build(trees, { accounts, contracts })
        if (built instanceof Poi.NotFound) throw built
        expect(Poi.toText(built)).toBe(value)
        rebuilt++
      }
    }
    console.log(
      `recorded sessions: ${replies} pi_ in replies byte for byte, ${rebuilt} rebuilt from a dump of the state, ` +
        `${accountsShown} accounts and ${contractsShown} contracts proven`
    )
    expect(rebuilt).toBeGreaterThan(20)
  })

  it("proofs inside transactions prove both participants, and are built from the trees they are about", () => {
    const seen = new Set<string>()
    let proofs = 0
    let rebuilt = 0
    let offchainTrees = 0
    let unsigned = 0
    for (const { msg } of frames) {
      for (const value of texts(msg)) {
        if (!value.startsWith("tx_") || seen.has(value)) continue
        seen.add(value)
        let signed: SignedTx.SignedTx
        try {
          signed = SignedTx.fromTextOrThrow(value)
        } catch (error) {
          // Clients sent inner transactions without signatures, and broken ones, to see what happens.
          if (!(error instanceof DecodeError)) throw error
          unsigned++
          continue
        }
        const { tx } = SignedTx.innermost(signed)
        if (tx._tag === "ChannelForceProgressTx") {
          const trees = Trees.decodeOrThrow(tx.offchainTrees)
          expect(Trees.encode(trees)).toStrictEqual(tx.offchainTrees)
          const update = Update.decodeOrThrow(tx.update)
          expect(update._tag).toBe("OffChainCallContract")
          expect(Update.encode(update)).toStrictEqual(tx.update)
          offchainTrees++
        }
        if (tx._tag !== "ChannelCloseSoloTx" && tx._tag !== "ChannelSlashTx") continue
        const poi = Poi.decodeOrThrow(tx.poi)
        expect(Poi.encode(poi)).toStrictEqual(tx.poi)
        expect(Poi.account(poi, tx.fromId)).toBeDefined()
        proofs++
        if (tx.payload.length > 0) {
          const { tx: payload } = SignedTx.innermost(SignedTx.decodeOrThrow(tx.payload))
          expect("stateHash" in payload && payload.stateHash).toStrictEqual(Poi.stateHash(poi))
        }
        const trees = dumps.get(Bytes.toHex(Poi.stateHash(poi)))
        if (trees === undefined) continue
        const accounts = participantsIn(trees)
        expect(accounts.length).toBe(2)
        const built = Poi.build(trees, { accounts })
        if (built instanceof Poi.NotFound) throw built
        expect(Bytes.toHex(Poi.encode(built))).toBe(Bytes.toHex(tx.poi))
        rebuilt++
      }
    }
    console.log(
      `recorded sessions: ${proofs} distinct transactions with a proof of inclusion, byte for byte, ${rebuilt} rebuilt from a ` +
        `dump of the state; ${offchainTrees} force progress transactions with trees and update byte for byte; ${seen.size - unsigned} of ${seen.size} tx_ are signed transactions`
    )
    expect(unsigned / seen.size).toBeLessThan(0.5)
    expect(proofs).toBeGreaterThan(10)
    expect(offchainTrees).toBeGreaterThan(0)
  })
})
