/** What `record` writes is what `replay` replays: against the node in memory and over the wire, and through the command. */
import { Crypto } from "@aechannel/core/crypto/Crypto"
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import * as Replay from "@aechannel/core/testing/Replay"
import * as NodeHttp from "@aechannel/transport/NodeHttp"
import * as NodeServer from "@aechannel/transport/NodeServer"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Live from "../src/replay/Live.js"
import { faucet, networkId, nodeLayer, session } from "./recorded.js"

const fixture = fileURLToPath(new URL("../../core/test/fixtures/recorded-session.jsonl", import.meta.url))

const folder = mkdtempSync(join(tmpdir(), "aechannel-replay-"))

describe("record and replay", () => {
  it.scopedLive("a recorded session is replayed exactly and holds no fsm id", () =>
    Effect.gen(function* () {
      const out = join(folder, "session.jsonl")
      const secrets = yield* session(out)
      const content = readFileSync(out, "utf8")
      expect(secrets.length).toBe(3)
      for (const secret of secrets) {
        expect(content).not.toContain(secret)
        expect(content).not.toContain(encodeURIComponent(secret))
      }
      const recording = yield* Replay.read("session.jsonl", content)
      const crypto = yield* Crypto
      const outcome = yield* Replay.replay(recording, { targets: Replay.embedded({ crypto }), crypto })
      expect(outcome).toMatchObject({ _tag: "Exact" })
      if (process.env["AECHANNEL_WRITE_FIXTURES"] !== undefined) copyFileSync(out, fixture)
    }).pipe(Effect.provide(nodeLayer), Effect.provide(NodeContext.layer))
  )

  it.scopedLive("over the wire a recording gives the same frames", () =>
    Effect.gen(function* () {
      const { url } = yield* NodeServer.NodeServer
      const { url: httpUrl } = yield* NodeHttp.NodeHttp
      const keyFile = join(folder, "key")
      writeFileSync(keyFile, Redacted.value(KeyPair.toText(faucet)))
      const crypto = yield* Crypto
      const targets = yield* Live.targets({ url, httpUrl, networkId, keyFile, timeoutMillis: 5000 })
      const recording = yield* Replay.read("recorded-session.jsonl", readFileSync(fixture, "utf8"))
      const outcome = yield* Replay.replay(recording, { targets, crypto, seed: "live" })
      expect(outcome).toMatchObject({ _tag: "Exact" })
    }).pipe(Effect.provide(nodeLayer), Effect.provide(NodeContext.layer))
  )
})
