/** Deposits and withdrawals of recorded sessions: the order of frames, and the transactions the node made. */
import { describe, expect, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { basename } from "node:path"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as Json from "../../../src/encoding/Json.js"
import { Step } from "../../../src/node/fsm/Step.js"
import { paid } from "../../../src/node/fsm/Transactions.js"
import type { OnChainOptions } from "../../../src/protocol/Request.js"
import { at } from "../../support/RecordedSession.js"
import { hasShared, transcriptFiles } from "../../support/Shared.js"
import { openWorld, type World } from "./World.js"

type Operation = "deposit" | "withdraw"
type Side = "starter" | "acknowledger"

/** What a client saw of one operation, from its beginning to its end. */
interface Segment {
  readonly file: string
  readonly operation: Operation
  readonly side: Side
  readonly options: OnChainOptions
  readonly seen: Array<string>
  asked: SignedTx.SignedTx | undefined
  ended: boolean
}

const text = (json: Json.Json | undefined): string => (typeof json === "string" ? json : "")

/** The client's own codes are all alike. */
const kindOfCode = (code: number): string => (code > 5 ? "own" : String(code))

/** The report in the words of the test world, or nothing for other frames. */
const labelOf = (msg: Json.Json): string | undefined => {
  const method = text(at(msg, "method"))
  const data = (key: string) => at(msg, "params", "data", key)
  if (method === "channels.info") return `info ${text(data("event"))}`
  if (method === "channels.on_chain_tx") return `on_chain_tx ${text(data("info"))}`
  if (method === "channels.conflict") return `conflict ${kindOfCode(Number(data("error_code")))}`
  if (method === "channels.update") return "update"
  return method.startsWith("channels.sign.") ? method.slice("channels.".length) : undefined
}

const ends = (label: string): boolean =>
  label === "update" || label === "info aborted_update" || label.startsWith("conflict")

const amountOf = (json: Json.Json | undefined): bigint | undefined =>
  json === undefined ? undefined : Json.toBigInt(json)

const segmentsOf = (path: string): ReadonlyArray<Segment> => {
  const file = basename(path)
  const all: Array<Segment> = []
  const current = new Map<string, Segment>()
  const begin = (socket: string, operation: Operation, side: Side, params?: Json.Json): void => {
    const [fee, gasPrice, nonce] = ["fee", "gas_price", "nonce"].map((key) => amountOf(at(params, key)))
    const segment: Segment = {
      file,
      operation,
      side,
      options: {
        ...(fee === undefined ? {} : { fee }),
        ...(gasPrice === undefined ? {} : { gasPrice }),
        ...(nonce === undefined ? {} : { nonce })
      },
      seen: [],
      asked: undefined,
      ended: false
    }
    all.push(segment)
    current.set(socket, segment)
  }
  for (const line of readFileSync(path, "utf8").trim().split("\n")) {
    const entry = Json.parseOrThrow(line)
    const msg = at(entry, "msg")
    if (at(entry, "kind") !== "frame" || msg === undefined) continue
    const socket = `${text(at(entry, "who"))} ${String(at(entry, "conn"))}`
    const method = text(at(msg, "method"))
    if (at(entry, "dir") === "out") {
      if (method === "channels.deposit" || method === "channels.withdraw") {
        const operation = method === "channels.deposit" ? "deposit" : "withdraw"
        begin(socket, operation, "starter", at(msg, "params"))
      }
      continue
    }
    const label = labelOf(msg)
    if (label === undefined) {
      if (at(msg, "error") !== undefined) current.delete(socket)
      continue
    }
    if (label === "info deposit_created") begin(socket, "deposit", "acknowledger")
    if (label === "info withdraw_created") begin(socket, "withdraw", "acknowledger")
    const segment = current.get(socket)
    if (segment === undefined) continue
    segment.seen.push(label)
    if (label.startsWith("sign.")) {
      segment.asked = SignedTx.fromTextOrThrow(text(at(msg, "params", "data", "signed_tx")))
    }
    if (ends(label)) {
      segment.ended = true
      current.delete(socket)
    }
  }
  return all
}

const bare = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines
    .filter((line) => line !== "ok")
    .map((line) => line.replace(/^update.*$/, "update"))
    .map((line) => line.replace(/^conflict (\d+).*$/, (_, code) => `conflict ${kindOfCode(Number(code))}`))

/** What the machines show in every way an operation can go. */
const ways = (operation: Operation): Record<Side, ReadonlySet<string>> => {
  const found: Record<Side, Set<string>> = { starter: new Set(), acknowledger: new Set() }
  const run = (how: (world: World) => void): void => {
    const world = openWorld()
    world.move("initiator", operation)
    how(world)
    found.starter.add(bare(world.seen("initiator")).join(", "))
    found.acknowledger.add(bare(world.seen("responder")).join(", "))
  }
  const code = (n: number) => (world: World) => {
    world.sign("initiator")
    world.settle()
    world.decline("responder", `${operation}_ack`, n)
    world.settle()
  }
  const complete = (world: World): void => {
    world.sign("initiator")
    world.settle()
    world.sign("responder")
    world.settle()
    world.mine()
    world.settle()
  }
  run(complete)
  run((world) => void world.decline("initiator", `${operation}_tx`, 4))
  for (const n of [1, 2, 3, 4, 42]) run(code(n))
  // A race, with the own proposal signed and not.
  for (const signs of [true, false]) {
    run((world) => {
      world.propose("responder")
      if (signs) world.sign("initiator")
      world.sign("responder")
      world.settle()
    })
  }
  // The mempool refuses.
  run((world) => {
    world.sign("initiator")
    world.settle()
    world.chain.refuses = () => true
    world.sign("responder")
    world.settle()
  })
  // A second request of the acknowledger's client.
  run((world) => {
    world.sign("initiator")
    world.settle()
    world.propose("responder")
    world.settle()
  })
  return found
}

const segments = transcriptFiles("signed_tx", "v7").flatMap(segmentsOf)

describe("recorded deposits and withdrawals", () => {
  it.skipIf(!hasShared)("come in an order that the machines know", () => {
    const known = { deposit: ways("deposit"), withdraw: ways("withdraw") }
    const counts = new Map<string, number>()
    const ended = segments.filter((segment) => segment.ended)
    for (const { file, operation, seen, side } of ended) {
      const order = seen.join(", ")
      expect([...known[operation][side]], `${file}: ${side} of a ${operation}`).toContain(order)
      const last = `${side}, ${seen.at(-1)}`
      counts.set(last, (counts.get(last) ?? 0) + 1)
    }
    console.log(`${ended.length} recorded deposits and withdrawals:`, Object.fromEntries(counts))
    expect(ended.filter(({ seen }) => seen.at(-1) === "update").length).toBeGreaterThan(30)
    expect(new Set(ended.map(({ file }) => file)).size).toBeGreaterThan(10)
  })

  it.skipIf(!hasShared)("pay the fee that the node's rule gives for the request", () => {
    let checked = 0
    const world = openWorld()
    const step = new Step(world.state("initiator"), world.env())
    for (const { asked, file, options, side } of segments) {
      const tx = asked?.tx
      if (side !== "starter" || (tx?._tag !== "ChannelDepositTx" && tx?._tag !== "ChannelWithdrawTx"))
        continue
      const from = "fromId" in tx ? tx.fromId : tx.toId
      expect(paid(step, from, tx, { ...options, nonce: tx.nonce }), file).toEqual(tx)
      if (options.nonce !== undefined) expect(tx.nonce).toBe(options.nonce)
      checked += 1
    }
    console.log(`${checked} recorded deposit and withdrawal transactions made again`)
    expect(checked).toBeGreaterThan(50)
  })
})
