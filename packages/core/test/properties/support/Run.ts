/** One run of a scenario from the opening to the end, and what is wrong with it. */
import * as Effect from "effect/Effect"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import { options } from "../../client/support/Parties.js"
import { type Auditor, bodyOf, type Violation } from "./Auditor.js"
import { keyPairs, otherRole, roles } from "./Doubles.js"
import type { Journal } from "./Journal.js"
import { type Scenario, type Step, timeouts } from "./Steps.js"
import { horizon, System } from "./System.js"

export interface Outcome {
  readonly violations: ReadonlyArray<Violation>
  readonly tally: ReadonlyMap<string, number>
  readonly journal: Journal
}

const { channelReserve } = options("initiator")

/** What a party may pay at most, as far as its own memory goes. */
const payable = (system: System, role: Role, payer: Role): bigint =>
  system.auditor.balances(role)[payer] - channelReserve

const amountOf = (
  system: System,
  { amount, payer, role }: Extract<Step, { readonly kind: "transfer" }>
): bigint =>
  typeof amount === "bigint" ? amount : payable(system, role, payer) + (amount === "all" ? 0n : 1n)

export const perform = (system: System, step: Step): void => {
  const { simulation } = system
  switch (step.kind) {
    case "rest":
      return simulation.rest()
    case "wait":
      return simulation.pass(step.milliseconds)
    case "signer":
    case "policy":
      system.parties[step.role].moods[step.kind].push(step.mood)
      return
    case "transfer":
      system.transfer(step.role, step.payer, amountOf(system, step), step.meta)
      break
    case "collide":
      for (const role of [step.first, otherRole(step.first)]) system.transfer(role, role, 1n)
      break
    case "cross": {
      const other = otherRole(step.role)
      system.parties[step.role].moods.signer.push({
        kind: "agree",
        milliseconds: step.milliseconds,
        stubborn: true
      })
      system.transfer(other, other, 1n)
      simulation.pass(timeouts.accept + 3)
      system.transfer(other, other, 2n)
      return simulation.rest()
    }
    case "abort":
      system.ask(step.role, "abort", system.channel(step.role).abort(step.code))
      break
    case "interrupt":
      system.interrupt(step.role)
      break
    case "message":
      system.ask(step.role, "message", system.channel(step.role).sendMessage(step.text))
      break
    case "ask": {
      const { balances, offChainState, ping, poi } = system.channel(step.role)
      const effect = { balances: balances(), offChainState, ping, poi: poi() }[step.what]
      system.ask(step.role, step.what, effect)
      break
    }
    case "disconnect":
      system.disconnect(step.role, step.how)
      break
    case "shutdown":
      system.ask(step.role, "shutdown", system.channel(step.role).shutdown())
      break
    case "leave":
    case "stop":
      system.ask(step.role, step.kind, system.channel(step.role)[step.kind])
  }
  if (step.turns === undefined) simulation.rest()
  else simulation.turns(step.turns)
}

/** I13: nobody waits any more. */
export const checkReturned = (system: System, when: string): void => {
  for (const { number, request, role } of system.pending)
    system.auditor.check(
      "I13",
      false,
      () =>
        `${role}: call ${number} (${JSON.stringify(request, (_, value) => (typeof value === "bigint" ? `${value}n` : value))}) has not returned ${when}`
    )
}

/** Whether the party's session is not over. */
const isHere = ({ auditor, parties }: System, role: Role): boolean =>
  !parties[role].gone && !auditor.ended.has(role)

/** I13: when all is closed nothing lives on. */
const checkNothingLeft = ({ auditor, simulation }: System): void => {
  const { living, sleeping } = simulation
  auditor.check("I13", living === 0, () => `${living} fibers are left after the end`)
  auditor.check("I13", sleeping === 0, () => `${sleeping} timers are left after the end`)
}

const latestOf = (auditor: Auditor, role: Role) => {
  const record = auditor.record(role)
  return record?.coSigned === undefined ? undefined : { round: record.round, body: bodyOf(record.coSigned) }
}

/**
 * I12, for parties at rest. Who is connected has what its node has, and has been told so. Two who are connected have
 * the same. Whose session has ended may have missed the last word: its signature was out, kept in its store as an exposure,
 * and the other, whose latest state it is, is one round ahead.
 */
export const checkAgreement = (system: System): void => {
  const { auditor, simulation } = system
  const [initiator, responder] = [latestOf(auditor, "initiator"), latestOf(auditor, "responder")]
  for (const role of roles) {
    const { channel, gone, store } = system.parties[role]
    const latest = latestOf(auditor, role)
    if (gone || channel === undefined || store === undefined) continue
    const told = simulation.run(channel.latest.get)
    const reported = auditor.reported(role)
    auditor.check(
      "I12",
      latest !== undefined && latest.body === bodyOf(told.signedTx) && latest.round === told.round,
      () => `${role}: round ${latest?.round} is stored, round ${told.round} is shown`
    )
    auditor.check(
      "I12",
      reported !== undefined && reported.body === latest?.body && reported.round === latest.round,
      () => `${role}: round ${latest?.round} is stored, its node has reported ${reported?.round}`
    )
    const kept = simulation.run(store.read({ channelId: told.channelId, role }))
    auditor.check(
      "I12",
      kept?.record === auditor.record(role),
      () => `${role}: the store does not hold what was written`
    )
  }
  const same = initiator?.body === responder?.body
  const says = () =>
    `the initiator is at round ${initiator?.round}, the responder at round ${responder?.round}`
  if (roles.every((role) => isHere(system, role))) {
    auditor.check("I12", same, says)
    return
  }
  if (same) return
  for (const behind of roles) {
    const [ours, theirs] = [latestOf(auditor, behind), latestOf(auditor, otherRole(behind))]
    if ((ours?.round ?? 0) >= (theirs?.round ?? 0)) continue
    const exposure = auditor.record(behind)?.exposure ?? []
    auditor.check(
      "I12",
      !isHere(system, behind) &&
        theirs?.round === (ours?.round ?? 0) + 1 &&
        exposure.some((each) => bodyOf(each.signedTx) === theirs.body),
      () =>
        `${says()}, and the ${behind} ${isHere(system, behind) ? "is there" : "has ended, but has not signed that"}`
    )
    return
  }
  auditor.check("I12", false, () => `${says()}, with different states`)
}

/** I12: the node's machines have the same state as their clients, and nothing half-done. */
const checkMachines = (system: System): void => {
  const { auditor, simulation } = system
  for (const role of roles) {
    const { channel } = system.parties[role]
    if (!isHere(system, role) || channel === undefined) continue
    const exit = simulation.exit(channel.offChainState)
    const state = exit._tag === "Success" ? exit.value : undefined
    auditor.check(
      "I12",
      state?.signedTx !== undefined && bodyOf(state.signedTx) === latestOf(auditor, role)?.body,
      () =>
        `${role}: its machine's latest state is not round ${latestOf(auditor, role)?.round}: ${String(exit)}`
    )
    auditor.check(
      "I12",
      state?.halfSignedTx === undefined,
      () => `${role}: its machine is at rest with a half-signed state`
    )
  }
}

/**
 * What the party can propose with success: something of its own, or again what the other has completed for the next
 * round already, in vain. Whoever did that signs nothing else for that round.
 */
const proposable = (
  system: System,
  role: Role
): { readonly payer: Role; readonly amount: bigint; readonly meta: ReadonlyArray<string> } => {
  const record = system.auditor.record(otherRole(role))
  const acknowledged = record?.exposure.find(
    ({ round, side }) => side === "acknowledger" && round === record.round + 1
  )
  const [transfer, ...metas] = acknowledged?.updates ?? []
  if (transfer?._tag !== "OffChainTransfer")
    return { payer: payable(system, role, role) > 0n ? role : otherRole(role), amount: 1n, meta: [] }
  return {
    payer: transfer.from === keyPairs[role].address ? role : otherRole(role),
    amount: transfer.amount,
    meta: metas.flatMap((meta) => (meta._tag === "OffChainMeta" ? [meta.data] : []))
  }
}

/** I20: two parties that are there and willing get a transfer done, each. */
const checkAlive = (system: System): void => {
  const { auditor, simulation } = system
  if (!roles.every((role) => isHere(system, role))) return
  for (const role of roles) {
    const before = auditor.record(role)?.round ?? 0
    const { amount, meta, payer } = proposable(system, role)
    system.transfer(role, payer, amount, meta)
    simulation.settle(horizon)
    const after = auditor.record(role)?.round
    auditor.check(
      "I20",
      after === before + 1,
      () => `${role}: a last transfer went from round ${before} to ${after}`
    )
  }
}

/** Opens a channel, performs the steps and ends everything. */
export const run = ({ schedule, steps }: Scenario): Outcome => {
  const system = new System(schedule).open()
  const { auditor, journal, parties, simulation } = system
  const outcome = (): Outcome => ({ violations: auditor.violations, tally: auditor.tally, journal })
  auditor.check(
    "I13",
    parties.initiator.channel !== undefined && parties.responder.channel !== undefined,
    () => "the channel does not open"
  )
  if (auditor.violations.length > 0) return outcome()
  for (const step of steps) {
    perform(system, step)
    if (auditor.violations.length > 0) return outcome()
  }
  for (const role of roles) for (const moods of Object.values(parties[role].moods)) moods.length = 0
  simulation.settle(horizon)
  checkReturned(system, "at rest")
  if (auditor.violations.length > 0) return outcome()
  checkAgreement(system)
  checkMachines(system)
  checkAlive(system)
  checkAgreement(system)
  if (auditor.violations.length > 0) return outcome()

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
  auditor.check("I13", simulation.living === 0, () => `${simulation.living} fibers are left after the end`)
  auditor.check(
    "I13",
    simulation.sleeping === 0,
    () => `${simulation.sleeping} timers are left after the end`
  )
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
