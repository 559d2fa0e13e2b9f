import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "@effect/vitest"
import type { CodecService } from "../../src/protocol/Codec.js"
import * as JsonRpc from "../../src/protocol/JsonRpc.js"
import * as JsonRpcSignedTx from "../../src/protocol/JsonRpcSignedTx.js"
import * as JsonRpcTx from "../../src/protocol/JsonRpcTx.js"
import * as Legacy from "../../src/protocol/Legacy.js"
import { hasShared, sharedPath, transcriptFiles } from "../support/Shared.js"
import { checker, Tally } from "./support/Recorded.js"

const fixture = Path.resolve(
  Path.dirname(fileURLToPath(import.meta.url)),
  "../fixtures/api-document-session.jsonl"
)

/** The folders of recorded sessions, and the codec that speaks as they do. */
const folders: ReadonlyArray<readonly [folder: string, codec: CodecService]> = [
  ["signed_tx", JsonRpcSignedTx.codec],
  ["v7", JsonRpcSignedTx.codec],
  ["tx", JsonRpcTx.codec],
  ["legacy", Legacy.codec]
]

describe("recorded sessions", () => {
  it("of the API document print again as they were", () => {
    const tally = new Tally()
    checker(JsonRpcSignedTx.codec).checkFile(fixture, tally)
    tally.print("api-document-session")
    expect(tally.get("frames of nodes")).toBe(40)
    expect(tally.get("frames of clients")).toBe(15)
    // Whoever does not know the dialect reads the same.
    const either = new Tally()
    checker(JsonRpc.codec).checkFile(fixture, either)
    expect(either.counts).toEqual(tally.counts)
  })

  for (const [folder, codec] of folders)
    it.skipIf(!hasShared)(`of real nodes print again as they were: ${folder}`, { timeout: 120_000 }, () => {
      const tally = new Tally()
      const files = transcriptFiles(folder)
      for (const file of files) checker(codec).checkFile(file, tally)
      tally.print(`${folder}, ${files.length} sessions, ${codec.dialect}`)
      expect(tally.get("frames of nodes")).toBeGreaterThan(0)
    })

  it.skipIf(!hasShared)("of the newest API document print again as they were", () => {
    const tally = new Tally()
    const name = "003_f8382f35c005667d__transcript.jsonl"
    checker(JsonRpcSignedTx.codec).checkFile(sharedPath("transcripts", "seeds", name), tally)
    tally.print("API document")
  })
})
