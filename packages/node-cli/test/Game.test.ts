/** `aechannel demo game`: the built program plays it, and what it says adds up. */
import { describe, expect, it } from "vitest"
import { run } from "./cli.js"

describe("aechannel demo game", () => {
  it("shows a game with stakes, a loser who goes silent, and the winner paid by the chain", async () => {
    const { code, err, out } = await run("demo", "game")
    expect(err).toBe("")
    expect(code).toBe(0)
    for (const passage of [
      "= round 2: Alice 10 AE, Bob 10 AE, in the game 0 AE",
      "Alice → game   begin(#",
      "Bob   → game   answer(Stone) with 2 AE\n  = round 4: Alice 8 AE, Bob 8 AE, in the game 4 AE",
      "Alice → game   reveal(Scissors, ",
      "Bob wins 4 AE\n  = round 5: Alice 8 AE, Bob 12 AE, in the game 0 AE",
      "Bob   → game   answer(Paper) with 2 AE\n  = round 7: Alice 6 AE, Bob 10 AE, in the game 4 AE",
      "her client stops",
      "her time is over",
      "nobody answers (ConflictError)",
      "Bob   → chain  channel_force_progress_tx: claim(), which used ",
      "Bob wins 4 AE\n  = round 8: Alice 6 AE, Bob 14 AE, in the game 0 AE",
      "the lock period is over"
    ])
      expect(out).toContain(passage)
    // What is hidden is told before the answer, what hid it after; two games do not hide the same.
    const hidden = [...out.matchAll(/begin\(#(\w+)…\) with 2 AE/g)].map(([, hash]) => hash)
    expect(new Set(hidden).size).toBe(2)
    // Short lines, blocks in order.
    for (const line of out.split("\n")) expect(line.length).toBeLessThan(150)
    const heights = [...out.matchAll(/mined by hand: block (\d+)/g)].map(([, height]) => Number(height))
    expect(heights).toEqual(heights.map((_, index) => (heights[0] ?? 0) + index))

    const sums = [
      ...out.matchAll(
        /^ {2}(Alice|Bob) +100 AE − 10 AE put in \+ (\d+) AE of round 8 − ([\d.]+) AE of fees(?: − ([\d.]+) AE for gas)? = ([\d.]+) AE$/gm
      )
    ]
    expect(sums.map(([, name, latest, , gas]) => [name, latest, gas !== undefined])).toEqual([
      ["Alice", "6", false],
      ["Bob", "14", true]
    ])
    for (const [, , latest, fees, gas = "0", has] of sums)
      expect(Number(has)).toBeCloseTo(90 + Number(latest) - Number(fees) - Number(gas), 10)
    const [, used] = /which used (\d+) gas/.exec(out) ?? []
    expect(Number(sums[1]?.[4]) * 1e9).toBeCloseTo(Number(used), 3)
    expect(out).toMatch(/200 AE at the start = 199\.\d+ AE now \+ 0\.000\d+ AE of fees\n$/)
  })

  it("is named by the demo's help", async () => {
    const { code, out } = await run("demo", "--help")
    expect([code, out.includes("game")]).toEqual([0, true])
  })
})
