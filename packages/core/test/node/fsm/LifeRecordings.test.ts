/**
 * What recorded clients saw of solo operations, leaving and coming back, against what the machines show: every recorded
 * episode is (the beginning of) one of theirs.
 */
import { describe, expect, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { basename } from "node:path"
import * as Redacted from "effect/Redacted"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import * as Json from "../../../src/encoding/Json.js"
import * as ChannelFsm from "../../../src/node/ChannelFsm.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import { at } from "../../support/RecordedSession.js"
import { hasShared, transcriptFiles } from "../../support/Shared.js"
import { openWorld, other, roles, type World, type WorldOptions } from "./World.js"

const asked = ["leave", "close_solo", "slash", "settle", "snapshot_solo"]

/** Where an episode ends after its first label; all labels in between belong to it. */
const ends: Readonly<Record<string, ReadonlyArray<string>>> = {
  "> leave": ["info died"],
  leave: ["info died", "info peer_disconnected"],
  "> close_solo": ["sign.close_solo_sign", "refused"],
  "> slash": ["sign.slash_tx", "refused"],
  "> settle": ["sign.settle_sign", "refused"],
  "> snapshot_solo": ["sign.snapshot_solo_tx", "refused"],
  "info channel_reestablished": ["update"],
  "on_chain_tx can_slash": ["info closing"],
  "on_chain_tx solo_closing": ["info closing"],
  "on_chain_tx channel_closed": ["info died"],
  "info aborted_update": []
}
/** Labels that may follow in an episode. */
const belongs = /^(leave|update|refused|info (died|closing|open|closed_confirmed|peer_disconnected)|sign\.)/

const episodesOf = (labels: ReadonlyArray<string>): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (let index = 0; index < labels.length; index++) {
    const first = labels[index] ?? ""
    const last = ends[first]
    if (last === undefined) continue
    // The leaver's own report is part of what it asked for.
    if (first === "leave" && labels[index - 1] === "> leave") continue
    const episode = [first]
    for (let next = index + 1; last.length > 0 && next < labels.length; next++) {
      const label = labels[next] ?? ""
      if (!belongs.test(label)) break
      if (first.startsWith("on_chain_tx") && label.startsWith("sign.")) break
      episode.push(label)
      if (last.includes(label)) break
    }
    found.push(episode.join(", "))
  }
  return found
}

const text = (json: Json.Json | undefined): string => (typeof json === "string" ? json : "")

const labelOf = (msg: Json.Json, dir: string): string | undefined => {
  const method = text(at(msg, "method")).replace("channels.", "")
  const data = (key: string): string => text(at(msg, "params", "data", key))
  if (dir === "out") return asked.includes(method) ? `> ${method}` : undefined
  if (at(msg, "error") !== undefined) return "refused"
  if (method === "info") return `info ${data("event")}`
  if (method === "on_chain_tx") return `on_chain_tx ${data("info")}`
  return method === "update" || method === "leave" || method.startsWith("sign.") ? method : undefined
}

/** The labels of every socket of a file. */
const recordedIn = (path: string): ReadonlyArray<ReadonlyArray<string>> => {
  const sockets = new Map<string, Array<string>>()
  for (const line of readFileSync(path, "utf8").trim().split("\n")) {
    const entry = Json.parseOrThrow(line)
    const msg = at(entry, "msg")
    if (at(entry, "kind") !== "frame" || msg === undefined) continue
    const key = `${text(at(entry, "who"))} ${String(at(entry, "conn"))}`
    const labels = sockets.get(key) ?? []
    sockets.set(key, labels)
    const label = labelOf(msg, text(at(entry, "dir")))
    if (label !== undefined) labels.push(label)
  }
  return [...sockets.values()]
}

const request = (
  world: World,
  role: Role,
  _tag: "Leave" | "CloseSolo" | "Slash" | "Settle" | "SnapshotSolo"
) => {
  const name = _tag.replace(/(?!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase()
  world.sides[role].log.push(`> ${name}`)
  world.call(role, { _tag })
}

/** What the machines show when all these things happen to them. */
const shown = (): ReadonlySet<string> => {
  const found = new Set<string>()
  const run = (options: WorldOptions, how: (world: World) => void): void => {
    const world = openWorld(options)
    world.transfer("initiator")
    world.clear()
    how(world)
    for (const role of roles) {
      const labels = world
        .seen(role)
        .filter((label) => label !== "ok" && label !== "close")
        .map((label) => label.replace(/^(update|leave|refused|info fsm_up).*$/, "$1"))
      for (const episode of episodesOf(labels)) found.add(episode)
    }
  }
  const comeBack = (world: World, role: Role): void => {
    const cached = ChannelFsm.cachedOf(world.state(role))
    if (cached === undefined) throw new Error("nothing was kept")
    const fsmId = Redacted.make(ApiEncoding.encode("ba", new Uint8Array(32).fill(3)))
    world.sides[role].state = ChannelFsm.restored(cached, { fsmId, temporaryChannelId: "33".repeat(32) })
    world.sides[role].inbox.length = 0
    world.event(role, { _tag: "Started" })
  }
  const meet = (world: World): void => {
    world.event("initiator", { _tag: "LinkUp" })
    world.event("responder", { _tag: "LinkUp" })
    world.settle()
  }
  for (const keepRunning of [true, false]) {
    for (const role of roles) {
      run({ responder: { keepRunning } }, (world) => {
        request(world, role, "Leave")
        world.settle()
        for (const each of roles) if (world.name(each) === "stopped") comeBack(world, each)
        meet(world)
      })
    }
  }
  for (const role of roles) {
    run({}, (world) => {
      for (const _tag of ["SnapshotSolo", "CloseSolo"] as const) {
        request(world, role, _tag)
        world.decline(role, world.sides[role].lastSign?.tag ?? "update", 42)
      }
      request(world, role, "Slash")
      request(world, role, "Settle")
      request(world, role, "CloseSolo")
      world.sign(role)
      const old = world.chain.pool.splice(0)
      request(world, role, "SnapshotSolo")
      world.sign(role)
      world.mine()
      request(world, role, "SnapshotSolo")
      world.transfer(role)
      world.chain.pool.push(...old)
      world.mine()
      request(world, role, "Slash")
      world.sign(role)
      world.mine()
      world.chain.height = 1_000
      request(world, other(role), "Settle")
      world.sign(other(role))
      world.mine()
    })
    run({}, (world) => {
      request(world, role, "CloseSolo")
      world.sign(role)
      world.mine()
    })
  }
  return found
}

describe("recorded solo operations, departures and returns", () => {
  it.skipIf(!hasShared)("are in an order that the machines know", () => {
    const ours = [...shown()]
    const counts = new Map<string, number>()
    const strange: Array<string> = []
    let files = 0
    for (const path of transcriptFiles("signed_tx", "v7")) {
      const episodes = recordedIn(path).flatMap(episodesOf)
      if (episodes.length > 0) files += 1
      for (const episode of episodes) {
        counts.set(episode, (counts.get(episode) ?? 0) + 1)
        if (!ours.some((own) => own === episode || own.startsWith(`${episode}, `))) {
          strange.push(`${basename(path)}: ${episode}`)
        }
      }
    }
    console.log(
      `${[...counts.values()].reduce((a, b) => a + b, 0)} recorded episodes in ${files} files:`,
      counts
    )
    expect(strange).toEqual([])
    expect(counts.get("info channel_reestablished, info open, update") ?? 0).toBeGreaterThan(3)
  })
})
