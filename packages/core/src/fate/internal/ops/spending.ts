/**
 * Operations that move coins and ask about those who could get them.
 */
import * as Account from "../../../chain/Account.js"
import type { Value } from "../../Value.js"
import * as Errors from "../errorTexts.js"
import { crash, fail, type Machine, type Operation, type Operations } from "../machine.js"
import { accountOf, integerOf, keyLength, keyOf, known, withAccount } from "./operands.js"

/** Flag of an account that cannot be paid. */
const notPayable = 1

const spend: Operation = (machine, [to, amountOperand]) => {
  const recipient = keyOf(machine.read(to), "address")
  const amount = integerOf(machine.read(amountOperand))
  if (amount < 0n) return crash("a negative amount was spent")
  if (recipient.length !== keyLength) return crash("coins were spent to what is no account's key")
  const sender = accountOf(machine.trees, machine.contract) ?? crash("the contract has no account")
  if (sender.balance < amount) return fail(Errors.errorIn("spend", "insufficient_funds"))
  const debited = withAccount(machine.trees, machine.contract, {
    ...sender,
    balance: sender.balance - amount
  })
  const receiver = accountOf(debited, recipient) ?? Account.make({ balance: 0n })
  if ((receiver.flags & notPayable) !== 0) return fail(Errors.errorIn("spend", "account_is_not_payable"))
  machine.trees = withAccount(debited, recipient, { ...receiver, balance: receiver.balance + amount })
}

/** Asks the chain about an address; `unusual` is said of one that cannot be a key. */
const ask =
  (question: (machine: Machine, key: Uint8Array) => boolean, unusual: boolean): Operation =>
  (machine, [to, operand]) => {
    const key = keyOf(machine.read(operand), "address")
    const answer: Value = key.length === keyLength ? question(machine, key) : unusual
    machine.write(to, answer)
  }

export const spending: Operations = {
  // Only the chain is asked: contracts of the channel are no contracts to each other.
  IS_CONTRACT: ask((machine, key) => known(machine.environment.chain.isContract(key)), false),
  IS_ORACLE: ask((machine, key) => known(machine.environment.chain.oracle(key)) !== undefined, false),
  IS_PAYABLE: ask((machine, key) => known(machine.environment.chain.isPayable(key)), true),
  SPEND: spend
}
