/**
 * The end of a channel's life: everybody who went away comes back, a transfer each gets done or the channel is being
 * closed already, and then it is closed in one way or another and paid out.
 */
import * as Exit from "effect/Exit"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as Ledger from "../../../src/node/Ledger.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import { cheat } from "./Cheat.js"
import { checkAgreement, checkAlive, checkMachines, checkReturned } from "./Checks.js"
import { otherRole, roles } from "./Doubles.js"
import { outdo } from "./PerformContracts.js"
import { timeouts } from "./Steps.js"
import type { System } from "./System.js"

const channelOf = ({ auditor: { channelId }, ledger }: System) =>
  channelId === undefined ? undefined : Ledger.channel(ledger, channelId)

const isOver = ({ auditor }: System): boolean => auditor.isOver

/** Who is not there comes back, as long as there is a channel. */
const gather = (system: System): void => {
  const first = system.simulation.random.integer(2) === 0 ? "initiator" : "responder"
  // One may be in the way of the other: a responder that is back alone waits for its peer.
  for (const role of [first, otherRole(first), first] as const) {
    if (system.isHere(role) || channelOf(system) === undefined) continue
    system.comeBack(role)
    if (system.simulation.random.integer(2) === 0) system.settle()
  }
  system.settle()
  checkReturned(system, "after all have come back")
}

/**
 * A close that both have signed, and that no block takes: something that was to come before it has come to nothing. The
 * machines wait for it, and for nothing else, until they have been idle for too long.
 */
const outwait = (system: System): void => {
  const isClose = ({ signedTx }: Ledger.PendingTransaction): boolean =>
    SignedTx.innermost(signedTx).tx._tag === "ChannelCloseMutualTx"
  if (channelOf(system) === undefined || !Ledger.pending(system.ledger).some(isClose)) return
  system.auditor.count("closes that no block takes")
  // The end of the first is something that happens to the other.
  system.simulation.pass(2 * timeouts.idle)
  gather(system)
}

/** I20: the lock period passes, block by block, and somebody settles: before, or when it is over. */
const payOut = (system: System): void => {
  const early = roles.find((role) => system.isHere(role))
  if (early !== undefined && system.simulation.random.integer(2) === 0) {
    const asked = system.ask(early, "settle", system.channel(early).settle())
    system.simulation.pass(100)
    passLock(system)
    system.simulation.pass(1_000)
    const exit = asked.unsafePoll()
    system.auditor.check(
      "I20",
      channelOf(system) === undefined || (exit !== null && Exit.isFailure(exit)) || !system.isHere(early),
      () => `${early}: the lock period is over, and the settlement that was asked for has not come`
    )
  } else passLock(system)
  if (isOver(system)) return
  const first: Role = system.simulation.random.integer(2) === 0 ? "initiator" : "responder"
  for (const role of [first, otherRole(first)] as const) {
    if (channelOf(system) === undefined) return
    if (!system.isHere(role)) continue
    system.ask(role, "settle", system.channel(role).settle())
    system.settle()
  }
}

const passLock = (system: System): void => {
  for (let blocks = 0; blocks < 60; blocks++) {
    const channel = channelOf(system)
    if (channel === undefined || channel.lockedUntil < system.ledger.top.height) break
    system.simulation.pass(100)
    system.mine(1, true)
    if (isOver(system)) return
  }
}

/** Everybody is there and the channel is as it should be. */
const close = (system: System): void => {
  const { random } = system.simulation
  const role: Role = random.integer(2) === 0 ? "initiator" : "responder"
  // Behind a transaction that no block takes there is only one way out.
  const way = Ledger.hasPending(system.ledger) ? 1 : random.integer(4)
  if (way === 0) {
    system.ask(role, "shutdown", system.channel(role).shutdown())
    system.settle()
    return
  }
  if (way === 1) {
    system.ask(role, "close_solo", system.channel(role).closeSolo())
    system.settle()
  } else {
    cheat(system, role, 1 + random.integer(3))
    // Whoever cheats may also have a call forced on what was before the latest state.
    const { contracts } = system.auditor.latest(role).books
    if (contracts.size > 0 && random.integer(2) === 0)
      outdo(system, { kind: "outdo", role, what: "force", age: 1 + random.integer(2), which: 0 })
    // The blocks wait for the answer, so that it comes before the lock period is over.
    system.simulation.pass(1_000)
    // A state that is older than what was forced does not close anything.
    if (channelOf(system)?.lockedUntil === 0) {
      system.ask(role, "close_solo", system.channel(role).closeSolo())
      system.settle()
    }
  }
  if (channelOf(system) !== undefined) payOut(system)
}

export const finish = (system: System): void => {
  const { auditor } = system
  gather(system)
  outwait(system)
  if (isOver(system)) return
  const channel = channelOf(system)
  if (channel !== undefined && channel.lockedUntil === 0) {
    const missing = roles.filter((role) => !system.isHere(role))
    auditor.check("I20", missing.length === 0, () => `${missing.join(" and ")} could not come back`)
    if (isOver(system)) return
    checkAgreement(system)
    checkMachines(system)
    checkAlive(system)
    checkAgreement(system)
    if (isOver(system)) return
    auditor.count("ends open")
    close(system)
  } else if (channel === undefined) auditor.count("ends closed")
  else {
    auditor.count("ends closing")
    payOut(system)
  }
  if (isOver(system)) return
  // Its end gets as deep as it has to be.
  system.mine(5, true)
  system.settle()
  checkReturned(system, "after the channel's end")
  auditor.check("I20", channelOf(system) === undefined, () => "the channel cannot be closed")
}
