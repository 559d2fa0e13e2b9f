/** The recorded sessions of real nodes, replayed against ours. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { basename } from "node:path"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as Replay from "../../../src/testing/Replay.js"
import { hasShared, sharedPath, transcriptFiles } from "../../support/Shared.js"
import { native } from "../../support/TestCrypto.js"

const play = (path: string, targets: Replay.Targets): Replay.Outcome =>
  Effect.runSync(
    Effect.flatMap(Replay.read(basename(path), readFileSync(path, "utf8")), (recording) =>
      Replay.replay(recording, { crypto: native, targets })
    )
  )

const embedded = Replay.embedded({ crypto: native })

describe("recorded sessions of real nodes", () => {
  it.skipIf(!hasShared)(
    "none is different",
    async () => {
      const different: Array<string> = []
      const variants = new Map<string, number>()
      const obstacles = new Map<string, Array<string>>()
      const parted: Array<string> = []
      const withContracts: Record<string, Replay.Outcome> = {}
      const counts = { exact: 0, accepted: 0, different: 0, notReplayable: 0, frames: 0 }
      for (const path of transcriptFiles("signed_tx", "v7")) {
        const name = basename(path, ".jsonl")
        const outcome = play(path, embedded)
        // The test runner wants to hear from its worker now and then.
        await new Promise(setImmediate)
        if (/^(raw|sdk).*(contract|force)/.test(name)) withContracts[name] = outcome
        switch (outcome._tag) {
          case "Exact":
            counts.exact += 1
            counts.frames += outcome.frames
            break
          case "Accepted":
            counts.accepted += 1
            counts.frames += outcome.frames
            for (const [variant, times] of outcome.variants)
              variants.set(variant, (variants.get(variant) ?? 0) + times)
            if (outcome.partedAt !== undefined) parted.push(`${name} from line ${outcome.partedAt} on`)
            break
          case "NotReplayable": {
            counts.notReplayable += 1
            const files = obstacles.get(outcome.reason) ?? []
            obstacles.set(outcome.reason, [...files, name])
            break
          }
          case "Different":
            counts.different += 1
            different.push(`${name}: ${JSON.stringify(outcome.difference)}`)
        }
      }
      console.log("recorded sessions:", counts)
      console.log("accepted variants:", Object.fromEntries(variants))
      console.log("not comparable to the end:", parted)
      console.log("not replayable:", Object.fromEntries(obstacles))
      expect(different).toEqual([])
      // Those of today's node are equal to the unit of gas.
      expect(withContracts).toEqual({
        "raw-20-contract-create-call": { _tag: "Exact", frames: 360 },
        "raw-21-contract-dry-run": { _tag: "Exact", frames: 57 },
        "raw-23-force-progress": { _tag: "Exact", frames: 86 },
        "sdk-03-contracts": { _tag: "Exact", frames: 62 }
      })
      expect(counts).toMatchObject({ exact: 57, accepted: 29, notReplayable: 5 })
      // Each accepted variant is really one: a row that is never met goes.
      const unmet = Replay.variants.filter(({ name }) => !variants.has(name)).map(({ name }) => name)
      expect(unmet.sort()).toEqual([
        "create transaction of a later protocol",
        "forced progress after co-signed rounds",
        "stop answered before or after died",
        "stop of a machine that has died"
      ])
      expect([...obstacles.keys()].sort()).toEqual(
        Object.keys(Replay.obstacles)
          .filter((name) => name !== "an older generation")
          .sort()
      )
    },
    120_000
  )

  it.skipIf(!hasShared)("a node of a later protocol makes other create transactions", () => {
    const later: Replay.Targets = (wanted) => embedded({ ...wanted, protocol: 6 })
    const outcome = play(sharedPath("transcripts", "signed_tx", "root__sc_ws_close_mutual.jsonl"), later)
    expect(outcome._tag === "Accepted" && [...outcome.variants.keys()]).toEqual([
      "create transaction of a later protocol"
    ])
  })

  it.skipIf(!hasShared)("a node takes over what was forced again, unless it does as real ones do", () => {
    const targets = Replay.embedded({ crypto: native, node: { takesForcedAgain: true } })
    const outcome = play(sharedPath("transcripts", "v7", "raw-23-force-progress.jsonl"), targets)
    expect(outcome).toMatchObject({ _tag: "Accepted", partedAt: 88 })
    expect(outcome._tag === "Accepted" && [...outcome.variants.keys()]).toEqual([
      "forced progress after co-signed rounds"
    ])
  })

  it.skipIf(!hasShared)("a machine may say that it died before its end is answered", () => {
    const path = sharedPath("transcripts", "signed_tx", "abort_updates__sc_ws_abort_deposit.jsonl")
    const lines = readFileSync(path, "utf8").trimEnd().split("\n")
    const seq = (line: string | undefined) => /"seq":(\d+)/.exec(line ?? "")?.[1] ?? ""
    const died = lines.findIndex((line) => line.includes('"died"'))
    const who = /"who":"(\w+)"/.exec(lines[died] ?? "")?.[1] ?? ""
    const answer = lines.findLastIndex(
      (line, index) => index < died && line.includes('"result"') && line.includes(who)
    )
    const [first, second] = [lines[answer], lines[died]]
    lines[answer] = (second ?? "").replace(/"seq":\d+/, `"seq":${seq(first)}`)
    lines[died] = (first ?? "").replace(/"seq":\d+/, `"seq":${seq(second)}`)
    const outcome = Effect.runSync(
      Effect.flatMap(Replay.read("swapped", lines.join("\n")), (recording) =>
        Replay.replay(recording, { crypto: native, targets: embedded })
      )
    )
    expect(outcome._tag === "Accepted" && [...outcome.variants.keys()]).toEqual([
      "stop answered before or after died"
    ])
  })

  it.skipIf(!hasShared)(
    "generalized accounts authenticate: by another function of the contract they do not",
    () => {
      const name = "generalized_accounts-responder__sc_ws_basic_open_close.jsonl"
      const content = readFileSync(sharedPath("transcripts", "signed_tx", name), "utf8")
      const texts = /tx_[A-Za-z0-9+/=]+/g
      const damaged = content.split("\n").map((line) =>
        !line.includes('"channels.update_ack"')
          ? line
          : line.replace(texts, (text) => {
              const signed = SignedTx.fromTextOrThrow(text)
              const { tx } = signed
              if (tx._tag !== "GaMetaTx") return text
              const authData = new Uint8Array(tx.authData)
              authData[2] = (authData[2] ?? 0) ^ 1
              return SignedTx.toText(SignedTx.unsigned({ ...tx, authData }))
            })
      )
      const outcome = Effect.runSync(
        Effect.flatMap(Replay.read(name, damaged.join("\n")), (recording) =>
          Replay.replay(recording, { crypto: native, targets: embedded })
        )
      )
      expect(outcome).toMatchObject({
        _tag: "Different",
        difference: { seq: 61, who: "responder", expected: "update", came: "conflict 1" }
      })
    }
  )

  it.skipIf(!hasShared)("sessions of older generations are told from others", () => {
    const counts = new Map<string, number>()
    for (const path of transcriptFiles("tx", "legacy")) {
      const outcome = play(path, embedded)
      const what = outcome._tag === "NotReplayable" ? outcome.reason : outcome._tag
      counts.set(what, (counts.get(what) ?? 0) + 1)
    }
    console.log("tx and legacy:", Object.fromEntries(counts))
    expect(counts.has("Different")).toBe(false)
  })

  it("every variant and every obstacle has a reason", () => {
    for (const { name, reason } of Replay.variants) expect(reason.length, name).toBeGreaterThan(40)
    expect(new Set(Replay.variants.map(({ name }) => name)).size).toBe(Replay.variants.length)
  })
})
