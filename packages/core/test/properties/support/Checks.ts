/** What must hold when everybody rests, and at the end. */
import * as Ledger from "../../../src/node/Ledger.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import { type Auditor, bodyOf } from "./Auditor.js"
import { looksAtChain } from "./audit/Contracts.js"
import { keyPairs, otherRole, roles } from "./Doubles.js"
import { payable } from "./Amounts.js"
import type { System } from "./System.js"

/** I13: nobody waits any more. */
export const checkReturned = (system: System, when: string): void => {
  for (const { number, request, role } of system.pending) {
    // Who comes back to a channel alone waits for its peer, as who opens one does.
    const isAlone = request._tag === "Other" && request.name === "comeBack" && !system.isHere(otherRole(role))
    if (isAlone) continue
    system.auditor.check(
      "I13",
      false,
      () =>
        `${role}: call ${number} (${JSON.stringify(request, (_, value) => (typeof value === "bigint" ? `${value}n` : value))}) has not returned ${when}`
    )
  }
}

/** I13: when all is closed nothing lives on. */
export const checkNothingLeft = ({ auditor, simulation }: System): void => {
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
  if (roles.every((role) => system.isHere(role))) {
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
      !system.isHere(behind) &&
        theirs?.round === (ours?.round ?? 0) + 1 &&
        exposure.some((each) => bodyOf(each.signedTx) === theirs.body),
      () =>
        `${says()}, and the ${behind} ${system.isHere(behind) ? "is there" : "has ended, but has not signed that"}`
    )
    return
  }
  auditor.check("I12", false, () => `${says()}, with different states`)
}

/** I12: the node's machines have the same state as their clients, and nothing half-done. */
export const checkMachines = (system: System): void => {
  const { auditor, simulation } = system
  for (const role of roles) {
    const { channel } = system.parties[role]
    if (!system.isHere(role) || channel === undefined) continue
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
 * round already, in vain. Whoever did that signs nothing else for that round; where it was a deposit or withdrawal that
 * the chain did not take, there is nothing to propose.
 */
const proposable = (system: System, role: Role): (() => void) | undefined => {
  const record = system.auditor.record(otherRole(role))
  const acknowledged = record?.exposure.find(
    ({ round, side, tag }) =>
      side === "acknowledger" && round === record.round + 1 && tag !== "shutdown_sign_ack"
  )
  if (acknowledged === undefined) {
    const payer = payable(system, role, role) > 0n ? role : otherRole(role)
    return () => system.transfer(role, payer, 1n)
  }
  const [update, ...metas] = acknowledged.updates
  switch (update?._tag) {
    case "OffChainTransfer": {
      const payer = update.from === keyPairs[role].address ? role : otherRole(role)
      const meta = metas.flatMap((each) => (each._tag === "OffChainMeta" ? [each.data] : []))
      return () => system.transfer(role, payer, update.amount, meta)
    }
    case "OffChainNewContract":
      return () => system.createAs(role, update)
    case "OffChainCallContract":
      // The block that it was pinned to may be too old by now.
      return looksAtChain(update.callData) ? undefined : () => system.invoke(role, "call_contract", update)
    default:
      return undefined
  }
}

/**
 * I20: two parties that are there and willing get a transfer done, each. While they wait for a transaction that no block
 * takes it is enough that the channel can be closed.
 */
export const checkAlive = (system: System): void => {
  const { auditor } = system
  if (!roles.every((role) => system.isHere(role))) return
  for (const role of roles) {
    const before = auditor.record(role)?.round ?? 0
    const proposal = proposable(system, role)
    if (proposal === undefined) {
      auditor.count("bound by something that came to nothing")
      continue
    }
    proposal()
    system.settle()
    const after = auditor.record(role)?.round
    const isStuck = Ledger.hasPending(system.ledger)
    if (isStuck && after === before) auditor.count("stuck behind a transaction that no block takes")
    auditor.check(
      "I20",
      isStuck || after === before + 1,
      () => `${role}: a last transfer went from round ${before} to ${after}`
    )
  }
}
