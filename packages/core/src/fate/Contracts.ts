/**
 * Contracts in a channel: creating and calling them as updates of its state, and looking at what they left there.
 *
 * A contract runs when a round is made and again at everybody who checks that round, in the environment that the round
 * is pinned to. Nobody pays for its gas off chain, but how much it used is part of the state. A run that ends in an
 * error or a revert makes a round too: its call object says so, and nothing else of it stays.
 *
 * Contracts of the AEVM cannot be run.
 *
 * Specification: æternity channels, contract updates; æternity serializations, contracts and calls.
 *
 * @since 0.1.0
 */
import type { CallObject } from "../chain/CallObject.js"
import * as CallObjects from "../chain/CallObject.js"
import * as Ids from "../chain/Ids.js"
import type { CryptoService } from "../crypto/Crypto.js"
import * as ApiEncoding from "../encoding/ApiEncoding.js"
import type { AccountAddress, ContractId } from "../encoding/ApiEncoding.js"
import * as Apply from "../state/Apply.js"
import * as Trees from "../state/Trees.js"
import type * as Trie from "../state/Trie.js"
import type { OffChainCallContract, OffChainNewContract } from "../state/Update.js"
import type { Environment } from "./Environment.js"
import * as calling from "./internal/calling.js"
import * as creating from "./internal/creating.js"

/**
 * Gas (units) that creating a contract off chain may use, and that a node gives to every call off chain.
 *
 * @since 0.1.0
 * @category constants
 */
export const gasOffChain = creating.gas

interface Known {
  readonly crypto: CryptoService
  readonly executor: Apply.ContractExecutor
}

const executors = new WeakMap<Environment, Known>()

/**
 * Runs contract updates in one environment, for `Apply.applyUpdates`. The same executor for the same environment and
 * crypto, so that what was applied once need not be run again.
 *
 * Its reasons, next to those of payments: `contract_not_found`, `wrong_abi_version`, `bad_contract_code`,
 * `contract_init_failed`, `call_already_exists`, `contract_crashed`, `chain_data_unavailable` with the read, and
 * `contracts_not_supported` for the AEVM.
 *
 * @since 0.1.0
 * @category constructors
 */
export const executor = (environment: Environment, crypto: CryptoService): Apply.ContractExecutor => {
  const known = executors.get(environment)
  if (known?.crypto === crypto) return known.executor
  const made: Apply.ContractExecutor = {
    create: (trees, update, round) => creating.create(trees, update, round, environment, crypto),
    call: (trees, update, round) => calling.call(trees, update, round, environment, crypto)
  }
  executors.set(environment, { crypto, executor: made })
  return made
}

/**
 * What a contract update would do to the trees of a state: the trees of `round.round` and the call object. A call that
 * ends in an error is a result, not a failure. Nothing remembers it.
 *
 * @since 0.1.0
 * @category running
 */
export const dryRun = (
  trees: Trees.Trees,
  update: OffChainNewContract | OffChainCallContract,
  round: Apply.Round,
  environment: Environment,
  crypto: CryptoService
): { readonly trees: Trees.Trees; readonly call: CallObject } | Apply.UpdateFailure => {
  const { call, create } = executor(environment, crypto)
  const before = Trees.withoutCalls(trees)
  const isCall = update._tag === "OffChainCallContract"
  const after = isCall ? call(before, update, round) : create(before, update, round)
  if (typeof after === "string") return { reason: after }
  if ("reason" in after) return after
  const caller = isCall ? update.callerId : update.owner
  const contract = isCall ? update.contractId : contractIdOf(update, round.round)
  const object = callObject(after, contract, caller, round.round)
  return object === undefined
    ? { reason: "contract_crashed", detail: "it left no call object" }
    : { trees: after, call: object }
}

/**
 * What a call would come to: the call object of `dryRun` without the trees, for less than a round of it takes.
 *
 * @since 0.1.0
 * @category running
 */
export const tryOut = calling.tryOut

/**
 * The id of the contract that an update creates in a round.
 *
 * @since 0.1.0
 * @category accessors
 */
export const contractIdOf = (update: OffChainNewContract, round: number): ContractId =>
  Ids.contractId(update.owner, round)

/**
 * The call object of a caller's call in a round, in the calls of a state or in a history of calls; `undefined` if it is
 * not there. The call of `init` is that of the contract's owner in the round of its creation.
 *
 * @since 0.1.0
 * @category accessors
 */
export const callObject = (
  from: { readonly calls: Trie.Trie },
  contractId: ContractId,
  caller: AccountAddress | ContractId,
  round: number
): CallObject | undefined => Trees.call(from.calls, contractId, Ids.callId(caller, round, contractId))

/**
 * The entries of a contract's store, ascending by key, as they are in the state; none for an unknown contract.
 *
 * @since 0.1.0
 * @category accessors
 */
export const contractStore = Trees.contractStore

/**
 * A contract's store in the node's JSON: keys with the prefix `ck_`, values with `cv_`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const storeForm = (
  trees: Trees.Trees,
  contractId: ContractId
): { readonly [key: ApiEncoding.Encoded<"ck">]: ApiEncoding.Encoded<"cv"> } =>
  Object.fromEntries(
    Trees.contractStore(trees, contractId).map(([key, value]) => [
      ApiEncoding.encode("ck", key),
      ApiEncoding.encode("cv", value)
    ])
  )

/**
 * The node's JSON for a call, see `CallObject.toClientForm`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const callForm = CallObjects.toClientForm
