import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { basename } from "node:path"
import * as Replay from "../../core/src/testing/Replay.js"
import { transcriptFiles } from "../../core/test/support/Shared.js"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import { Crypto } from "@aechannel/core/crypto/Crypto"
const only = process.env["ONLY"]
it("all", { timeout: 600000 }, async () => {
  const crypto = await Effect.runPromise(Effect.provide(Crypto, NativeCrypto.layer))
  const totals: Record<string, number> = {}
  for (const path of transcriptFiles(...(process.env["DIRS"] ?? "signed_tx,v7").split(","))) {
    if (only !== undefined && !path.includes(only)) continue
    const t = performance.now()
    const exit = await Effect.runPromiseExit(
      Effect.gen(function* () {
        const recording = yield* Replay.read(basename(path), readFileSync(path, "utf8"))
        return yield* Replay.replay(recording, { targets: Replay.embedded({ crypto }), crypto, seed: "x" })
      })
    )
    const ms = Math.round(performance.now() - t)
    const name = exit._tag === "Success" ? exit.value._tag : "FAILED"
    totals[name] = (totals[name] ?? 0) + 1
    if (exit._tag === "Failure") console.log(basename(path), String(exit.cause).slice(0, 700))
    else {
      const v = exit.value
      console.log(
        `${v._tag} ${basename(path)} ${ms}ms ` +
          (v._tag === "Different"
            ? `after ${v.frames}: ` + JSON.stringify({ ...v.difference, file: undefined })
            : v._tag === "Accepted"
              ? JSON.stringify([...v.variants])
              : v._tag === "NotReplayable"
                ? v.reason + ": " + v.detail
                : v.frames)
      )
    }
  }
  console.log(totals)
})
