/** A test for each row of the table, and one that none is missing. */
import { describe, expect, it } from "@effect/vitest"
import { play, type Row, rowsOf, title } from "./Case.js"
import type { FlowName } from "./Flows.js"
import { roles } from "./World.js"

/** How many rows with each ending there must be. */
export interface Counts {
  readonly completes: number
  readonly aborted: number
  readonly refused: number
}

export const suite = (names: ReadonlyArray<FlowName>, expected: Counts): void => {
  const played: Array<Row> = []
  describe.each(names)("%s", (name) => {
    describe.each(roles)("started by the %s", (starter) => {
      for (const row of rowsOf(name).filter((each) => each.starter === starter)) {
        it.live(title(row), () => {
          played.push(row)
          return play(row)
        })
      }
    })
  })

  it("every case was played", () => {
    const count = (tag: Row["ending"]["_tag"]) => played.filter(({ ending }) => ending._tag === tag).length
    const counts: Counts = {
      completes: count("completes"),
      aborted: count("aborted"),
      refused: count("refused")
    }
    console.log(`${played.length} cases of ${names.length} flows, by either party:`, counts)
    expect(counts).toEqual(expected)
  })
}
