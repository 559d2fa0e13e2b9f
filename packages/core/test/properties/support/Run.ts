/** One run of a scenario from the opening to the end, and what is wrong with it. */
import * as Effect from "effect/Effect"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import type { Violation } from "./Auditor.js"
import { checkAgreement, checkAlive, checkMachines, checkNothingLeft, checkReturned } from "./Checks.js"
import { roles } from "./Doubles.js"
import { finish } from "./Finish.js"
import type { Journal } from "./Journal.js"
import { perform } from "./Perform.js"
import type { Scenario } from "./Steps.js"
import { horizon, System } from "./System.js"

export interface Outcome {
  readonly violations: ReadonlyArray<Violation>
  readonly tally: ReadonlyMap<string, number>
  readonly journal: Journal
}

/** The steps are done: everybody comes to rest, and who can goes on. */
const calmDown = (system: System): void => {
  system.calm()
  checkReturned(system, "at rest")
}

/** A channel of which only its state was used. */
const checkTalk = (system: System): void => {
  calmDown(system)
  if (system.auditor.isOver) return
  checkAgreement(system)
  checkMachines(system)
  checkAlive(system)
  checkAgreement(system)
}

/** Opens a channel, performs the steps and ends everything. */
export const run = ({ blind, lazy, life, reconnects, schedule, steps }: Scenario): Outcome => {
  const system = new System(schedule, { blind, lazy, reconnects }).open()
  const { auditor, journal, parties, simulation } = system
  const outcome = (): Outcome => ({
    // What was wrong before it was given up has ended the run.
    violations: auditor.givenUp ? [] : auditor.violations,
    tally: auditor.tally,
    journal
  })
  auditor.check(
    "I13",
    parties.initiator.channel !== undefined && parties.responder.channel !== undefined,
    () => "the channel does not open"
  )
  if (auditor.isOver) return outcome()
  for (const step of steps) {
    perform(system, step)
    if (auditor.isOver) return outcome()
  }
  if (life) {
    calmDown(system)
    if (!auditor.isOver) finish(system)
  } else checkTalk(system)
  if (auditor.isOver) return outcome()

  // Calls that are under way when everything is closed.
  for (const role of roles) {
    parties[role].moods.signer.push({ kind: "never" })
    system.transfer(role, role, 1n)
    system.ask(role, "ping", system.channel(role).ping)
    system.ask(role, "abort", Effect.yieldNow().pipe(Effect.zipRight(system.channel(role).abort())))
  }
  simulation.turns(simulation.random.integer(200))
  system.close()
  checkReturned(system, "after the end")
  system.closeNode()
  checkNothingLeft(system)
  return outcome()
}

/**
 * An opening in which a party is cut off after so many turns, and everything is closed when all is at rest. `over`: it
 * was open before.
 */
export const cutOpening = (
  schedule: number,
  turns: number,
  role: Role,
  how: "close" | "cut"
): Outcome & { readonly over: boolean } => {
  const system = new System(schedule).start()
  const { auditor, journal, parties, simulation } = system
  simulation.advance(turns, horizon)
  const over = roles.every((each) => parties[each].channel !== undefined)
  system.disconnect(role, how)
  // Longer than the longest timer of an opening.
  simulation.settle(700_000)
  checkAgreement(system)
  system.close()
  checkReturned(system, "after the end")
  system.closeNode()
  checkNothingLeft(system)
  return { violations: auditor.violations, tally: auditor.tally, journal, over }
}
