/**
 * Runs a call of a contract on the FATE virtual machine.
 *
 * Specification: æternity FATE virtual machine.
 *
 * @since 0.1.0
 */
import type { LogEntry, ReturnType } from "../chain/CallObject.js"
import type { CryptoService } from "../crypto/Crypto.js"
import type { ChainRead } from "../state/ChainRead.js"
import type { Trees } from "../state/Trees.js"
import type { Environment } from "./Environment.js"
import { run } from "./internal/running.js"

/**
 * A call of a contract that stands in `trees`.
 *
 * - `contract`, `caller`, `origin`: keys of 32 bytes; the caller's value is already on the contract's account
 * - `value`, `gasPrice` (per unit of gas) and `fee` in aettos, `gas` in units: the limit of the run
 * - `callData`: the serialized function id and arguments
 * - `allowInit`: whether `init` may be called, as it is where the contract is created
 * - `storeKey`: the key of the contracts tree below which the contract's store lies, if that is not its own
 *
 * @since 0.1.0
 * @category models
 */
export interface Call {
  readonly trees: Trees
  readonly contract: Uint8Array
  readonly caller: Uint8Array
  readonly origin: Uint8Array
  readonly value: bigint
  readonly gas: number
  readonly gasPrice: bigint
  readonly fee: bigint
  readonly callData: Uint8Array
  readonly allowInit: boolean
  readonly storeKey?: Uint8Array
}

/**
 * How a run ended.
 *
 * - `Finished`: with a result. `returnValue` is a serialized value for `ok` and `revert` and a text in Latin-1 for
 *   `error`; `gasUsed` is in units; `log` is as it stands in the call object, newest first; `trees` are the call's own
 *   unless the result is `ok`.
 * - `Crashed`: the reference virtual machine breaks down here, or the outcome cannot be reproduced. There is no result,
 *   and whoever asked for the call is refused.
 * - `MissingRead`: the contract looked at something of the chain that `environment` could not tell; `gasUsed` until then.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome =
  | {
      readonly _tag: "Finished"
      readonly returnType: ReturnType
      readonly returnValue: Uint8Array
      readonly gasUsed: number
      readonly log: ReadonlyArray<LogEntry>
      readonly trees: Trees
    }
  | { readonly _tag: "Crashed"; readonly reason: string }
  | { readonly _tag: "MissingRead"; readonly read: ChainRead; readonly gasUsed: number }

/**
 * Runs a call. Pure, and never throws: the same call in the same environment has the same outcome everywhere.
 *
 * @since 0.1.0
 * @category running
 */
export const execute = (call: Call, environment: Environment, crypto: CryptoService): Outcome =>
  run(call, environment, crypto)
