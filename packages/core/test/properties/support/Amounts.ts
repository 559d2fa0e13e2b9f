/** Amounts that depend on what a party has. */
import type { Role } from "../../../src/protocol/OpenParameters.js"
import { options } from "../../client/support/Parties.js"
import type { Amount } from "./Steps.js"
import type { System } from "./System.js"

const { channelReserve } = options("initiator")

/** What a party may pay at most, as far as its own memory goes. */
export const payable = (system: System, role: Role, payer: Role): bigint =>
  system.auditor.balances(role)[payer] - channelReserve

export const amountOf = (system: System, role: Role, payer: Role, amount: Amount): bigint =>
  typeof amount === "bigint" ? amount : payable(system, role, payer) + (amount === "all" ? 0n : 1n)
