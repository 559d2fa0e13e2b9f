/**
 * What recorded clients of real nodes saw of each operation on their sockets, against what two of our clients see at our
 * node: the same frames in the same order.
 */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { basename } from "node:path"
import { hasShared, transcriptFiles } from "../../../core/test/support/Shared.js"
import { endingsOf, play } from "./support/Case.js"
import { flowNames } from "./support/Flows.js"
import { segmentsOf, socketsOf } from "./support/Segments.js"
import * as Sessions from "./support/Sessions.js"
import { roles } from "./support/World.js"

/** One way of each kind is enough: codes and reasons do not change the order. */
const isExemplary = (ending: ReturnType<typeof endingsOf>[number]): boolean =>
  ending._tag === "completes" ||
  (ending._tag === "aborted" ? ending.code === 147 : ending.why === "a used nonce")

/** Everything that happens to two of our clients. */
const live = Effect.gen(function* () {
  const segments = new Set<string>()
  for (const starter of roles) {
    const plays = [
      ...flowNames.flatMap((flow) =>
        endingsOf(flow)
          .filter(isExemplary)
          .map((ending) => play({ flow, starter, ending }))
      ),
      ...Object.keys(Sessions.sessions).map((name) => Sessions.play(name, starter))
    ]
    for (const shown of yield* Effect.all(plays))
      for (const role of roles)
        for (const { lines } of segmentsOf(shown[role])) segments.add(lines.join("; "))
  }
  return segments
})

/** Recordings of what our clients do not do, or of what other tests compare. */
const elsewhere: ReadonlyArray<readonly [file: RegExp, segment: RegExp, why: string]> = [
  [/raw-11-bad-requests/, /./, "malformed requests, and several operations at a time"],
  [/raw-18-report-flags/, /./, "classes of reports switched off"],
  [/raw-13-open-mismatch|fail_create/, /^info fsm_up.*info died$/, "openings that fail"],
  [/raw-16-timeouts|timeout_open/, /conflict 3|info timeout/, "timers, in virtual time elsewhere"],
  [/reconnect_early/, /^info fsm_up; on_chain_tx/, "a client that is gone while the channel opens"],
  [
    /assume_min_depth/,
    /^> assume_minimum_depth; info own_funding_locked|^info fsm_up.*create_tx$/,
    "an opening without blocks"
  ],
  [
    /conflict|raw-09/,
    /^> update\.new; conflict 2|^info withdraw_created; sign\.withdraw_ack$/,
    "a second request while the first is being signed"
  ],
  [
    /leave_rec|responder_stays/,
    /^info channel_reestablished; info open$/,
    "nodes that did not tell the state again"
  ],
  [
    /conflict/,
    /^> snapshot_solo; sign\.snapshot_solo_tx; conflict 2$/,
    "a request that takes another's place"
  ],
  [/fail_slash/, /^> slash;.*info aborted_update/, "asked again before the end of the first was read"],
  [/./, /force(d)?_progress/, "contracts"]
]

it.live.skipIf(!hasShared)("every recorded operation passes as it does here", () =>
  Effect.gen(function* () {
    const ours = [...(yield* live)]
    const counts = new Map<string, number>()
    const excused = new Map<string, number>()
    const strange: Array<string> = []
    let cut = 0
    for (const path of transcriptFiles("signed_tx", "v7")) {
      for (const { last, lines } of socketsOf(path).flatMap(segmentsOf)) {
        const segment = lines.join("; ")
        const why = elsewhere.find(([file, what]) => file.test(basename(path)) && what.test(segment))?.[2]
        // A recording may end in the midst of something.
        const isCut = last && ours.some((own) => own.startsWith(`${segment}; `))
        if (ours.includes(segment) || isCut) {
          const [begins = ""] = lines
          counts.set(begins, (counts.get(begins) ?? 0) + 1)
          if (isCut && !ours.includes(segment)) cut += 1
        } else if (why === undefined) strange.push(`${basename(path)}: ${segment}`)
        else excused.set(why, (excused.get(why) ?? 0) + 1)
      }
    }
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
    console.log(
      `${total} recorded operations as seen on one socket, ${cut} of them cut off, equal to ${ours.length} of ours:`,
      Object.fromEntries(counts)
    )
    console.log("not compared here:", Object.fromEntries(excused))
    expect(strange).toEqual([])
    expect(total).toBeGreaterThan(1500)
    // Every excuse is needed.
    expect([...excused.keys()].sort()).toEqual(elsewhere.map(([, , why]) => why).sort())
  })
)
