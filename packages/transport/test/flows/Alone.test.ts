/**
 * What one party does alone, over real WebSockets: by either, with every ending it can have. It completes, the party
 * does not sign after all, the mempool does not want it. Compared is what passes on both sockets, frame by frame.
 */
import { type SignTag, signTags } from "@aechannel/core/protocol/SignTag"
import { expect, it } from "@effect/vitest"
import { alone, flowNames, flowOf } from "./support/Flows.js"
import { suite } from "./support/Suite.js"

suite(alone, { completes: 12, aborted: 30, refused: 30 })

/** The opening is asked for by connecting, and contracts are no part of this. */
const elsewhere: ReadonlyArray<SignTag> = ["initiator_sign", "responder_sign", "force_progress_tx"]

it("the tables have every signing request", () => {
  const asked = flowNames.flatMap((name): ReadonlyArray<SignTag | undefined> => flowOf(name).asks)
  expect([...new Set([...elsewhere, ...asked])].sort()).toEqual(Object.keys(signTags).sort())
})
