import * as assert from "node:assert"
import { Replay } from "@aechannel/core/testing"
import { Effect } from "effect"

// A client that names no protocol is let go without a word.
const content = `
{"seq":1,"who":"responder","conn":1,"kind":"open","url":"ws://localhost:3014/channel?role=responder"}
{"seq":2,"who":"responder","conn":1,"kind":"close","code":1000}
`
const program = Effect.gen(function* () {
  const recording = yield* Replay.read("refused.jsonl", content.trim())
  return yield* Replay.replay(recording, { targets: Replay.embedded() })
})

assert.deepStrictEqual(Effect.runSync(program), { _tag: "Exact", frames: 0 })
