/** A session that our own recorder has recorded, in every clone: replayed, damaged, and damaged on its way. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Replay from "../../../src/testing/Replay.js"
import { native } from "../../support/TestCrypto.js"
import { applies, damages, proxyFor } from "./Damage.js"

const file = fileURLToPath(new URL("../../fixtures/recorded-session.jsonl", import.meta.url))
const content = readFileSync(file, "utf8")
const rows = content.trimEnd().split("\n")

const play = (text: string, proxy?: (frame: string) => ReadonlyArray<string>): Replay.Outcome =>
  Effect.runSync(
    Effect.flatMap(Replay.read("session", text), (recording) =>
      Replay.replay(recording, {
        crypto: native,
        targets: Replay.embedded({ crypto: native, ...(proxy === undefined ? {} : { proxy }) })
      })
    )
  )

const frames = rows.filter((row) => row.includes('"dir":"in"')).length

describe("a session that was recorded here", () => {
  it("is replayed exactly", () => {
    expect(play(content)).toEqual({ _tag: "Exact", frames })
    console.log(`${frames} frames of the node, exact`)
  })

  // All of them take minutes.
  const every = process.env["AECHANNEL_ALL_DAMAGES"] !== undefined
  it("every kind of damage that a proxy does to a frame is reported", () => {
    const sent: Array<string> = []
    play(content, (frame) => {
      sent.push(frame)
      return [frame]
    })
    const missed: Array<string> = []
    const counts: Array<string> = []
    for (const name of Object.keys(damages)) {
      const indices = sent.flatMap((frame, index) => (applies(name, frame) ? [index] : []))
      const middle = indices[Math.floor(indices.length / 2)]
      const chosen = every
        ? indices
        : new Set([...indices.slice(0, 1), ...(middle === undefined ? [] : [middle])])
      counts.push(`${name} ${[...chosen].length}`)
      if (indices.length === 0) missed.push(`${name}: no frame for it`)
      for (const index of chosen) {
        const outcome = play(content, proxyFor(name, index))
        if (outcome._tag !== "Different") missed.push(`${name}, frame ${index}: ${outcome._tag}`)
      }
    }
    console.log(`${counts.length} kinds of damage: ${counts.join(", ")}`)
    expect(missed).toEqual([])
  }, 600_000)

  it("a damaged recording is noticed", () => {
    const edited = (change: (lines: Array<string>) => void): string => {
      const lines = [...rows]
      change(lines)
      return lines.join("\n")
    }
    const all: Readonly<Record<string, string>> = {
      "nothing in it": "",
      "a line is missing": edited((lines) => lines.splice(20, 1)),
      "the first line is missing": edited((lines) => lines.shift()),
      "a line is there twice": edited((lines) => lines.splice(20, 0, lines[20] ?? "")),
      "two lines are swapped": edited((lines) => lines.splice(20, 2, lines[21] ?? "", lines[20] ?? "")),
      "the end of a line is missing": edited((lines) => {
        lines[30] = (lines[30] ?? "").slice(0, 90)
      }),
      "the file ends in a line": content.slice(0, content.length - 20),
      "an unknown kind": content.replace('"kind":"frame"', '"kind":"fame"'),
      "nobody's line": content.replace('"who":"responder"', '"who":"nobody"'),
      "a frame without direction": content.replace('"dir":"in"', '"dir":"up"'),
      "a frame that no node sends": content.replace('"method":"channels.info"', '"meth":"channels.info"'),
      "a broken checksum": content.replace(/"tx_([A-Za-z0-9+/]{40})[A-Za-z0-9+/]{2}/, '"tx_$1//'),
      "a socket that was never opened": content.replace('"conn":1,"kind":"frame"', '"conn":7,"kind":"frame"')
    }
    const noticed = Object.entries(all).map(([name, text]) => {
      const exit = Effect.runSyncExit(Replay.read("session", text))
      return exit._tag === "Failure"
        ? `${name}: ${String(exit.cause).split("\n")[0]}`
        : `${name}: not noticed`
    })
    console.log(noticed.join("\n"))
    expect(noticed.filter((line) => !line.includes("RecordingError"))).toEqual([])
  })
})
