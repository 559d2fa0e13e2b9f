/**
 * All kinds of steps.
 *
 * @since 0.1.0
 */
import type { PartyHeader } from "./Header.js"
import type { StepKind } from "./Step.js"
import * as Connections from "./steps/Connections.js"
import * as Contracts from "./steps/Contracts.js"
import * as Expectations from "./steps/Expectations.js"
import * as Flow from "./steps/Flow.js"
import * as OnChain from "./steps/OnChain.js"
import * as Operations from "./steps/Operations.js"
import * as Rules from "./steps/Rules.js"
import * as Who from "./steps/Who.js"

/**
 * The table of steps for a script with these parties, by kind; the order is that of the documentation.
 *
 * @since 0.1.0
 * @category tables
 */
export const make = (parties: ReadonlyArray<PartyHeader>): ReadonlyMap<string, StepKind> => {
  const who = Who.make(parties)
  return new Map(
    [
      ...Connections.kinds(who),
      ...Operations.kinds(who),
      ...Contracts.kinds(who),
      ...OnChain.kinds(who),
      ...Expectations.kinds(who),
      ...Rules.kinds(who),
      ...Flow.kinds
    ].map((row) => [row.kind, row])
  )
}
