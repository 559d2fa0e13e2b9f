/**
 * Who runs the authentication contracts of generalized accounts for a simulated chain.
 *
 * A generalized account authenticates by a function of its own contract. The {@link Ledger} does everything around the
 * call (fees, checks, call objects, the transaction inside) and asks a `GaAuthenticator` for the outcome of the call
 * itself: the library's own virtual machine (`FateAuthenticator`) unless it was given another.
 *
 * Specification: æternity consensus, generalized accounts.
 *
 * @since 0.1.0
 */
import type { ReturnType } from "../chain/CallObject.js"
import type { CryptoService } from "../crypto/Crypto.js"
import type { AccountAddress, ContractId } from "../encoding/ApiEncoding.js"
import type { Environment } from "../fate/Environment.js"
import type { Trees } from "../state/Trees.js"

/**
 * A call of an authentication contract.
 *
 * - `environment`: what contracts see of the chain; without `authentication`, for which see `authTxHash`
 * - `trees`: the chain's state in which it runs; the contract is in it, its fee and gas are paid
 * - `storeKey`: 32 bytes; the store lies in the contracts tree under `storeKey` followed by the byte `0x10`. It is the
 *   contract's own key or, for the payload of a channel transaction, that of the copy made when the channel was created
 * - `functionHash`: 32 bytes, of the authentication function
 * - `gas`: the most the call may use; `gasPrice` and `fee` are in aettos
 * - `authTxHash`: 32 bytes, what the function sees as the hash of the transaction; `undefined` for `init`
 *
 * @since 0.1.0
 * @category models
 */
export interface GaCall {
  readonly environment: Environment
  readonly crypto: CryptoService
  readonly trees: Trees
  readonly contractId: ContractId
  readonly storeKey: Uint8Array
  readonly functionHash: Uint8Array
  readonly caller: AccountAddress
  readonly callData: Uint8Array
  readonly gas: bigint
  readonly gasPrice: bigint
  readonly fee: bigint
  readonly authTxHash: Uint8Array | undefined
}

/**
 * What a call did. `returnValue` is serialized; an authentication succeeds with `ok` and the value `true` (`0xff` in
 * FATE). `trees` holds what the call changed; it counts only where the call succeeded.
 *
 * @since 0.1.0
 * @category models
 */
export interface GaOutcome {
  readonly returnType: ReturnType
  readonly returnValue: Uint8Array
  readonly gasUsed: bigint
  readonly trees: Trees
}

/**
 * A contract that cannot be attached, by the reference node's names: `bad_function_hash`,
 * `bad_auth_function_return_type`, `bad_init_function`, …
 *
 * @since 0.1.0
 * @category models
 */
export interface GaCodeRefused {
  readonly refused: string
}

/**
 * Runs authentication contracts. A deterministic function of its arguments: the same chain of operations must lead to
 * the same chain.
 *
 * @since 0.1.0
 * @category models
 */
export interface GaAuthenticator {
  /** `init` of a contract that is being attached; writes the contract's first store. */
  readonly attach: (call: GaCall) => GaOutcome | GaCodeRefused
  /** The authentication function. */
  readonly authenticate: (call: GaCall) => GaOutcome
}
