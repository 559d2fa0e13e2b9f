/**
 * The names that steps of one script may use.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { PartyHeader } from "../Header.js"
import * as Values from "../Values.js"

/** @since 0.1.0 @category models */
export interface Who {
  /** A party that the script drives. */
  readonly driven: Schema.Schema<string, unknown>
  /** Any of the two. */
  readonly anyone: Schema.Schema<string, unknown>
  /** The driven parties, the initiator first. */
  readonly drivenNames: ReadonlyArray<string>
  /** Values by party. */
  readonly byParty: <A>(
    value: Schema.Schema<A, unknown>
  ) => Schema.Schema<{ readonly [name: string]: A }, unknown>
}

/** @since 0.1.0 @category constructors */
export const make = (parties: ReadonlyArray<PartyHeader>): Who => {
  const names = parties.map(({ name }) => name)
  const drivenNames = parties
    .filter(({ remote }) => !remote)
    .sort((a, b) => a.role.localeCompare(b.role))
    .map(({ name }) => name)
  return {
    driven: Values.choice(drivenNames, Values.orList(drivenNames)),
    anyone: Values.choice(names, Values.orList(names)),
    drivenNames,
    byParty: (value) => Values.table(names, value)
  }
}
