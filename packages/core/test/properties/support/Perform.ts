/** One step of a scenario, done. */
import type { Role } from "../../../src/protocol/OpenParameters.js"
import type * as Channel from "../../../src/client/Channel.js"
import * as Ledger from "../../../src/node/Ledger.js"
import { amountOf } from "./Amounts.js"
import { cheat } from "./Cheat.js"
import { keyPairs, otherRole } from "./Doubles.js"
import { collideCalls, create, invoke, outdo, recall } from "./PerformContracts.js"
import { type Step, timeouts } from "./Steps.js"
import type { System } from "./System.js"

/** The names of the solo operations as errors have them. */
const soloNames = {
  snapshotSolo: "snapshot_solo",
  closeSolo: "close_solo",
  slash: "slash",
  settle: "settle"
} as const

const move = (system: System, step: Extract<Step, { readonly kind: "deposit" | "withdraw" }>): void => {
  const { amount, kind, odd, role } = step
  const more: Omit<Channel.DepositOptions, "amount"> =
    odd === "nonce"
      ? { nonce: Ledger.nextNonce(system.ledger, keyPairs[role].address) + 1n }
      : odd === "cheap"
        ? { fee: 1n }
        : odd === "dear"
          ? { gasPrice: 3_000_000_000n }
          : {}
  system.move(role, kind, amountOf(system, role, role, amount), more)
}

const assume = (system: System, role: Role): void => {
  const { auditor, simulation } = system
  const { channelId } = auditor
  if (channelId === undefined) return
  const newest = () => Ledger.lastChannelTransaction(system.ledger, channelId)
  if ((newest()?.height ?? 0) + 3 <= system.ledger.top.height) {
    system.auto(false)
    system.move(otherRole(role), "deposit", 1n)
    simulation.pass(50)
    system.mineMicro()
    simulation.rest()
  }
  // Who takes for deep what is in no block yet has only itself to blame.
  const txHash = newest()?.txHash
  if (txHash !== undefined)
    system.ask(role, "assume", system.channel(role).assumeMinimumDepth(txHash), txHash)
}

/** What a step starts; some give everybody their turn themselves. */
const begin = (system: System, step: Step): "rested" | undefined => {
  const { simulation } = system
  switch (step.kind) {
    case "rest":
      return undefined
    case "wait":
      simulation.pass(step.milliseconds)
      return "rested"
    case "signer":
    case "policy":
      system.parties[step.role].moods[step.kind].push(step.mood)
      return "rested"
    case "transfer":
      system.transfer(step.role, step.payer, amountOf(system, step.role, step.payer, step.amount), step.meta)
      return undefined
    case "collide":
      for (const role of [step.first, otherRole(step.first)]) system.transfer(role, role, 1n)
      return undefined
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
      return undefined
    }
    case "abort":
      system.ask(step.role, "abort", system.channel(step.role).abort(step.code))
      return undefined
    case "interrupt":
      system.interrupt(step.role)
      return undefined
    case "message":
      system.ask(step.role, "message", system.channel(step.role).sendMessage(step.text))
      return undefined
    case "ask": {
      const { balances, history, offChainState, ping, poi } = system.channel(step.role)
      const effect = { balances: balances(), history: history(), offChainState, ping, poi: poi() }[step.what]
      system.ask(step.role, step.what, effect)
      return undefined
    }
    case "disconnect":
      system.disconnect(step.role, step.how)
      return undefined
    case "trip":
      system.trip(step.role, step.trip)
      return "rested"
    case "comeBack":
      system.comeBack(step.role)
      return undefined
    case "shutdown":
      system.ask(step.role, "shutdown", system.channel(step.role).shutdown())
      return undefined
    case "leave":
    case "stop":
      system.ask(step.role, step.kind, system.channel(step.role)[step.kind])
      return undefined
    case "deposit":
    case "withdraw":
      move(system, step)
      return undefined
    case "solo":
      system.ask(step.role, soloNames[step.what], system.channel(step.role)[step.what]())
      return undefined
    case "assume":
      assume(system, step.role)
      return undefined
    case "mine":
      system.mine(step.blocks, step.apart)
      return undefined
    case "micro":
      system.mineMicro()
      return undefined
    case "auto":
      system.auto(step.on)
      return undefined
    case "fork":
      system.reorganize(step.blocks, step.returned)
      return undefined
    case "cheat":
      cheat(system, step.role, step.age)
      return undefined
    case "breakLinks":
      system.breakLinks()
      return undefined
    case "create":
      create(system, step)
      return undefined
    case "invoke":
      invoke(system, step)
      return undefined
    case "collideCalls":
      collideCalls(system, step)
      return undefined
    case "recall":
      recall(system, step)
      return undefined
    case "outdo":
      outdo(system, step)
  }
  return undefined
}

export const perform = (system: System, step: Step): void => {
  const rested = begin(system, step) === "rested"
  const { simulation } = system
  if (rested) return
  if (!("turns" in step) || step.turns === undefined) {
    simulation.rest()
    system.looks()
  } else {
    simulation.turns(step.turns)
    system.looks(false)
  }
}
