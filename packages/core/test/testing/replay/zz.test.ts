import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import * as Replay from "../../../src/testing/Replay.js"
import { native } from "../../support/TestCrypto.js"
import { proxyFor } from "./Damage.js"
const content = readFileSync(new URL("../../fixtures/recorded-session.jsonl", import.meta.url), "utf8")
it("t", () => {
  for (const [n, i] of [["x", 0], ["x", 0], ["dropped", 0], ["dropped", 20], ["dropped", 40], ["another event", 50], ["another method", 60],["duplicated", 30]] as const) {
    const t = performance.now()
    const o = Effect.runSync(Effect.flatMap(Replay.read("s", content), (r) => Replay.replay(r, { crypto: native, targets: Replay.embedded({ crypto: native, proxy: proxyFor(n, i).proxy }) })))
    console.log(n, i, o._tag, Math.round(performance.now() - t), o._tag === "Different" ? JSON.stringify(o.difference).slice(0,200) : "")
  }
})
