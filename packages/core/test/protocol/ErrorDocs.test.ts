/**
 * `docs/ERRORS.md` is the table of codes in the code, one row per code. `UPDATE_DOCS=1` writes it anew.
 */
import * as Fs from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import * as ErrorCodes from "../../src/protocol/ErrorCodes.js"
import type { Refusal } from "../../src/protocol/NodeMessage.js"

const file = new URL("../../../../docs/ERRORS.md", import.meta.url)

const row = (...cells: ReadonlyArray<string | number>): string => `| ${cells.join(" | ")} |`

const yes = (is: boolean): string => (is ? "yes" : "no")

const reasonsOf = (is: (refusal: Refusal) => boolean): string =>
  Object.entries<Refusal>(ErrorCodes.reasons)
    .filter(([, refusal]) => is(refusal))
    .map(([reason]) => `\`${reason}\``)
    .join(", ")

const legacyWord = (code: number): string => {
  const refusal = ErrorCodes.oldRefusal(ErrorCodes.make(3, [code]))
  return refusal.data.length === 0 ? "`internal_error`" : `\`${ErrorCodes.legacyReason(refusal)}\``
}

const render = (): string =>
  [
    "# Error codes",
    "",
    "What a refusal of the channel WebSocket API says: `error.code`, and for 2 and 3 one or more codes in `error.data`.",
    "Written from the tables in `packages/core/src/protocol/ErrorCodes.ts`; a test keeps it current.",
    "",
    "## `error.code`",
    "",
    row("Code", "Message", "Sent", "When", "Reasons"),
    row("---", "---", "---", "---", "---"),
    ...ErrorCodes.topLevelCodes.map(({ code, sent, text, when }) =>
      row(code, text, yes(sent), when, reasonsOf((one) => one.code === code && one.data.length === 0) || "–")
    ),
    "",
    "## `error.data`",
    "",
    "*Before July 2019* says whether nodes that speak `json-rpc` with `tx`, or the legacy dialect, know the code; for the",
    "others they say -32603. *Legacy* is what the legacy dialect says instead of numbers.",
    "",
    row("Code", "Message", "Sent", "Before July 2019", "Legacy", "When", "Reasons"),
    row("---", "---", "---", "---", "---", "---", "---"),
    ...ErrorCodes.dataCodes.map(({ code, old, sent, text, when }) =>
      row(
        code,
        text,
        yes(sent),
        yes(old),
        sent ? legacyWord(code) : "–",
        when,
        reasonsOf(({ data }) => data.includes(code)) || "–"
      )
    ),
    "",
    "## Conflicts and signing errors",
    "",
    "`error_code` of `channels.conflict`, and `error` of a reply that refuses to sign. 6 to 127 are `unknown`, 128 to",
    "65535 `user-defined`. The older dialects do not tell them.",
    "",
    row("Code", "Message", "When"),
    row("---", "---", "---"),
    ...ErrorCodes.conflictCodes.map(({ code, text, when }) => row(code, text, when)),
    ""
  ].join("\n")

describe("docs/ERRORS.md", () => {
  it("has the codes of the code", () => {
    const text = render()
    if (process.env["UPDATE_DOCS"] === "1") Fs.writeFileSync(file, text)
    expect(Fs.readFileSync(file, "utf8")).toBe(text)
  })

  it("one row per code", () => {
    const { conflictCodes, dataCodes, topLevelCodes } = ErrorCodes
    for (const rows of [topLevelCodes, dataCodes, conflictCodes]) {
      const codes = rows.map(({ code }) => code)
      expect(new Set(codes).size).toBe(codes.length)
    }
    // What is given for a reason is marked as sent, and what is not sent has no reason.
    const given = new Set(Object.values<Refusal>(ErrorCodes.reasons).flatMap(({ data }) => data))
    for (const { code, sent } of dataCodes) if (sent) expect([code, given.has(code)]).toEqual([code, true])
    console.log(
      `${topLevelCodes.length} codes, ${dataCodes.length} data codes, ${conflictCodes.length} conflict codes`
    )
  })
})
