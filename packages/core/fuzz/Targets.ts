/**
 * All targets, in the order of the rooms.
 */
import type { Corpus } from "./Corpus.js"
import type { Target } from "./Target.js"
import * as Chain from "./targets/Chain.js"
import * as Encoding from "./targets/Encoding.js"
import * as Fate from "./targets/Fate.js"
import * as Protocol from "./targets/Protocol.js"
import * as State from "./targets/State.js"

/** The targets that start from a corpus. */
export const make = (corpus: Corpus): ReadonlyArray<Target> => [
  ...Encoding.make(corpus),
  ...Chain.make(corpus),
  ...State.make(corpus),
  ...Fate.make(),
  ...Protocol.make(corpus)
]

/** Those named, or whose name goes on with `/` after a given one; all when none is given. */
export const select = (
  targets: ReadonlyArray<Target>,
  names: ReadonlyArray<string>
): ReadonlyArray<Target> =>
  names.length === 0
    ? targets
    : targets.filter(({ name }) => names.some((one) => name === one || name.startsWith(`${one}/`)))
