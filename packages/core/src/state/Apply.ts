/**
 * Applying off-chain updates to the off-chain trees.
 *
 * Every round starts by emptying the calls tree, then the updates take effect in order. A participant who pays must
 * keep the channel reserve; who receives need not have it. Nothing happens at all if one update cannot be applied.
 *
 * Contracts run elsewhere: this room lies below the virtual machine, so whoever wants contracts passes a
 * {@link ContractExecutor}. Without one, updates that create or call contracts are refused.
 *
 * Implements the off-chain rules of "æternity serializations: applying updates for round N".
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { AccountAddress, ContractId } from "../encoding/ApiEncoding.js"
import type { ChainRead } from "./ChainRead.js"
import * as Trees from "./Trees.js"
import type { OffChainCallContract, OffChainNewContract, Update } from "./Update.js"

/**
 * Why an update cannot be applied, in the node's words where it has any:
 *
 * - `insufficient_balance`: who pays would keep less than the channel reserve;
 * - `account_not_found`: an account of the update is not in the trees (none is created by a transfer);
 * - `invalid_pubkeys`: an account of the update is no participant of the channel, or a transfer goes from an account
 *   to itself (checked only where `participants` are given);
 * - `negative_amount`: an amount is below zero;
 * - `contracts_not_supported`: the update needs contracts and there is no {@link ContractExecutor};
 * - `contract_not_found`, `wrong_abi_version`, `wrong_vm_version`: there is no such contract, it has another ABI version
 *   than the call says, or the virtual machine for it is not part of this library (the AEVM);
 * - `bad_contract_code`: the versions do not go together, or the code cannot be read;
 * - `contract_init_failed`: the call data is not for `init`, or `init` did not succeed;
 * - `call_already_exists`: the caller has called this contract in this round already;
 * - `contract_crashed`: the contract makes the reference node's engine break; no round comes of that;
 * - `chain_data_unavailable`: the contract asked the chain for something that could not be answered, see `read`.
 *
 * @since 0.1.0
 * @category errors
 */
export type UpdateErrorReason =
  | "insufficient_balance"
  | "account_not_found"
  | "invalid_pubkeys"
  | "negative_amount"
  | "contracts_not_supported"
  | "contract_not_found"
  | "contract_init_failed"
  | "call_already_exists"
  | "wrong_abi_version"
  | "wrong_vm_version"
  | "bad_contract_code"
  | "contract_crashed"
  | "chain_data_unavailable"

/**
 * An update that cannot be applied. `index` is its place in the list of updates, counted from 0; `read` what a contract
 * asked the chain for without an answer, and `gasUsed` how much gas (units) it had used by then; `detail` more about the
 * reason, for people.
 *
 * @since 0.1.0
 * @category errors
 */
export class UpdateError extends Data.TaggedError("UpdateError")<{
  readonly reason: UpdateErrorReason
  readonly update: Update
  readonly index: number
  readonly read?: ChainRead
  readonly gasUsed?: number
  readonly detail?: string
}> {
  /** The reason in words. */
  get why(): string {
    const detail = this.detail === undefined ? "" : `; ${this.detail}`
    return `${explanations[this.reason]} (${this.reason}${detail})`
  }
  override get message(): string {
    return `Update ${this.index} (${this.update._tag}) cannot be applied: ${this.why}`
  }
}

/**
 * Why an update cannot be applied, with what there is to say about it.
 *
 * @since 0.1.0
 * @category errors
 */
export interface UpdateFailure {
  readonly reason: UpdateErrorReason
  readonly read?: ChainRead
  readonly gasUsed?: number
  readonly detail?: string
}

const explanations: { readonly [R in UpdateErrorReason]: string } = {
  insufficient_balance:
    "the account that pays would be left with less than the channel reserve; lower the amount",
  account_not_found: "an account it names is not part of the channel's state",
  invalid_pubkeys: "it must go between the two participants of the channel",
  negative_amount: "amounts must not be negative",
  contracts_not_supported: "contracts need a virtual machine and none was given",
  contract_not_found: "the contract is not part of the channel's state",
  contract_init_failed: "the contract's init function did not succeed",
  call_already_exists: "the caller has called this contract in this round already",
  wrong_abi_version: "the contract has another ABI version",
  wrong_vm_version: "the virtual machine of this version cannot be run off chain",
  bad_contract_code: "the contract's versions do not go together, or its code cannot be read",
  contract_crashed: "the contract does what the virtual machine has no answer to",
  chain_data_unavailable: "the contract asked for something about the chain that is not known here"
}

/**
 * What holds while the updates of one round are applied: the round (that of the new state) and the channel reserve in
 * aettos.
 *
 * @since 0.1.0
 * @category models
 */
export interface Round {
  readonly round: number
  readonly channelReserve: bigint
}

/**
 * The hook for contracts. The two functions get the trees as they are before the update, the update and the round, and
 * return the trees after it or why it cannot be applied; {@link debit} and {@link credit} are the payments' building
 * blocks.
 *
 * - `create`: contract key `H(owner || min(round))`; adds the contract object and the mark of its store, takes the
 *   deposit from the owner (reserve rule), adds the contract's account with the deposit, runs `init` and adds its call
 *   object to the calls tree.
 * - `call`: takes the amount from the caller (reserve rule) to the contract's account, runs the call and adds the call
 *   object to the calls tree. A call that ends in an error or a revert is still an applied update: other effects vanish,
 *   the amount goes back from protocol 5 on.
 *
 * Everything else a run depends on (protocol, height, time, chain state) is the executor's own: it is made for one
 * environment, and the same executor does the same to the same trees. Either function may answer a reason alone, or
 * with more about it.
 *
 * @since 0.1.0
 * @category models
 */
export interface ContractExecutor {
  readonly create: (
    trees: Trees.Trees,
    update: OffChainNewContract,
    round: Round
  ) => Trees.Trees | UpdateErrorReason | UpdateFailure
  readonly call: (
    trees: Trees.Trees,
    update: OffChainCallContract,
    round: Round
  ) => Trees.Trees | UpdateErrorReason | UpdateFailure
}

/**
 * Refuses every contract: the executor where none is given.
 *
 * @since 0.1.0
 * @category constructors
 */
export const noContracts: ContractExecutor = {
  create: () => "contracts_not_supported",
  call: () => "contracts_not_supported"
}

/**
 * How updates are to be applied. With `participants` (initiator and responder) a transfer must go between the two and
 * deposits and withdrawals must be theirs; without, any account in the trees will do, as in the reference node's trees.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Round {
  readonly participants?: readonly [initiator: AccountAddress, responder: AccountAddress]
  readonly contracts?: ContractExecutor
}

/**
 * Takes `amount` aettos from an account, which must keep at least `reserve`.
 *
 * @since 0.1.0
 * @category payments
 */
export const debit = (
  trees: Trees.Trees,
  id: AccountAddress | ContractId,
  amount: bigint,
  reserve: bigint
): Trees.Trees | UpdateErrorReason => {
  if (amount < 0n) return "negative_amount"
  const account = Trees.account(trees, id)
  if (account === undefined) return "account_not_found"
  const balance = account.balance - amount
  // A negative reserve would be a caller's mistake; a balance below zero cannot be written down at all.
  if (balance < reserve || balance < 0n) return "insufficient_balance"
  if (amount === 0n) return trees
  return Trees.setAccount(trees, id, { ...account, balance })
}

/**
 * Adds `amount` aettos to an account, which must exist.
 *
 * @since 0.1.0
 * @category payments
 */
export const credit = (
  trees: Trees.Trees,
  id: AccountAddress | ContractId,
  amount: bigint
): Trees.Trees | UpdateErrorReason => {
  if (amount < 0n) return "negative_amount"
  const account = Trees.account(trees, id)
  if (account === undefined) return "account_not_found"
  if (amount === 0n) return trees
  return Trees.setAccount(trees, id, { ...account, balance: account.balance + amount })
}

const applyOne = (
  trees: Trees.Trees,
  update: Update,
  options: Options
): Trees.Trees | UpdateErrorReason | UpdateFailure => {
  const { participants, channelReserve, contracts = noContracts } = options
  const isParticipant = (id: AccountAddress): boolean =>
    participants === undefined || participants.includes(id)
  switch (update._tag) {
    case "OffChainTransfer": {
      const { from, to, amount } = update
      if (!isParticipant(from) || !isParticipant(to)) return "invalid_pubkeys"
      if (participants !== undefined && from === to) return "invalid_pubkeys"
      const debited = debit(trees, from, amount, channelReserve)
      return typeof debited === "string" ? debited : credit(debited, to, amount)
    }
    case "OffChainDeposit":
      return isParticipant(update.from) ? credit(trees, update.from, update.amount) : "invalid_pubkeys"
    case "OffChainWithdrawal":
      return isParticipant(update.to)
        ? debit(trees, update.to, update.amount, channelReserve)
        : "invalid_pubkeys"
    case "OffChainNewContract":
      return isParticipant(update.owner) ? contracts.create(trees, update, options) : "invalid_pubkeys"
    case "OffChainCallContract":
      return isParticipant(update.callerId) ? contracts.call(trees, update, options) : "invalid_pubkeys"
    case "OffChainMeta":
      return trees
  }
}

interface Application {
  readonly updates: ReadonlyArray<Update>
  readonly options: Options
  readonly result: Trees.Trees
}

/** What the latest updates made of trees: a proposal that was checked is applied when both have signed it. */
const latest = new WeakMap<Trees.Trees, Application>()

/** The trees that others were made of. */
const before = new WeakMap<Trees.Trees, Trees.Trees>()

/**
 * Remembers an application, and forgets the one that led to its trees: trees of the past must not lead to those of
 * today, or all of them live until the old generation is cleaned up.
 */
const remember = (trees: Trees.Trees, application: Application): void => {
  const past = before.get(trees)
  if (past !== undefined) {
    latest.delete(past)
    before.delete(trees)
  }
  latest.set(trees, application)
  if (application.result !== trees) before.set(application.result, trees)
}

/** The environment of a contract is its executor's own: another executor is another environment. */
const isSame = (one: Options, other: Options): boolean =>
  one.contracts === other.contracts &&
  one.round === other.round &&
  one.channelReserve === other.channelReserve &&
  one.participants?.[0] === other.participants?.[0] &&
  one.participants?.[1] === other.participants?.[1]

/**
 * The trees of the round `options.round` that the updates lead to, or the first update that cannot be applied. The
 * given trees, those of the round before, stay as they are.
 *
 * @since 0.1.0
 * @category combinators
 */
export const applyUpdates = (
  trees: Trees.Trees,
  updates: ReadonlyArray<Update>,
  options: Options
): Trees.Trees | UpdateError => {
  const known = latest.get(trees)
  if (known !== undefined && known.updates === updates && isSame(known.options, options)) return known.result
  const result = applyAll(trees, updates, options)
  if (!(result instanceof UpdateError)) remember(trees, { updates, options, result })
  return result
}

const applyAll = (
  trees: Trees.Trees,
  updates: ReadonlyArray<Update>,
  options: Options
): Trees.Trees | UpdateError => {
  let current = Trees.withoutCalls(trees)
  for (const [index, update] of updates.entries()) {
    const next = applyOne(current, update, options)
    if (typeof next === "string") return new UpdateError({ reason: next, update, index })
    if ("reason" in next) return new UpdateError({ ...next, update, index })
    current = next
  }
  return current
}
