/**
 * What contract calls give back, decoded: call objects as they stand in the channel's state.
 *
 * A call that ended in an error or was reverted is a round like any other. Who wants it to be a failure turns it into
 * one with {@link value}.
 *
 * Specification: æternity channels, contract calls; æternity FATE virtual machine, values.
 *
 * @since 0.1.0
 */
import { Data, Effect } from "effect"
import type { CallObject, ReturnType } from "../chain/CallObject.js"
import type { AccountAddress, ContractId } from "../encoding/ApiEncoding.js"
import * as Bytes from "../encoding/Bytes.js"
import { DecodeError } from "../encoding/DecodeError.js"
import type { Value } from "../fate/Value.js"
import * as ValueCodec from "../fate/ValueCodec.js"
import { contractCallResult, type ContractCallResult } from "../protocol/NodeMessage.js"

/**
 * An event of a contract; the first topic is usually the hash of its name.
 *
 * @since 0.1.0
 * @category models
 */
export interface ContractEvent {
  readonly contractId: ContractId
  readonly topics: ReadonlyArray<bigint>
  readonly data: Uint8Array
}

/**
 * A contract call's outcome.
 *
 * - `round`: of the state that it led to; of a dry run the next one
 * - `returnType`: `ok`, `error` (the machine stopped), `revert` (the contract aborted)
 * - `returnValue`: a serialized value for `ok` and `revert`, a text for `error`
 * - `value`: the same decoded, where it is a FATE value
 * - `text`: why it did not end well
 * - `gasUsed` in units, `gasPrice` in aettos; off chain nobody pays for gas
 * - `events`: newest first
 * - `verified`: whether it was computed here too or, of what is asked for again, stands in the latest state; if not, it
 *   is the node's word
 *
 * @since 0.1.0
 * @category models
 */
export interface ContractCall {
  readonly contractId: ContractId
  readonly callerId: AccountAddress
  readonly round: number
  readonly returnType: ReturnType
  readonly returnValue: Uint8Array
  readonly value: Value | undefined
  readonly text: string | undefined
  readonly gasUsed: bigint
  readonly gasPrice: bigint
  readonly events: ReadonlyArray<ContractEvent>
  readonly verified: boolean
}

/**
 * A contract call did not end well, or gave back no FATE value; see {@link value}.
 *
 * @since 0.1.0
 * @category errors
 */
export class ContractCallFailed extends Data.TaggedError("ContractCallFailed")<{
  readonly call: ContractCall
}> {
  override get message(): string {
    const { contractId, returnType, round, text } = this.call
    if (returnType === "ok") return `The call of ${contractId} in round ${round} gave back no FATE value.`
    const why = text === undefined ? "" : `: ${text}`
    return `The call of ${contractId} in round ${round} ended with ${returnType}${why}. Nothing that it did stays; call it again with other arguments.`
  }
}

const reading = <A>(read: () => A): A | undefined => {
  try {
    return read()
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

const textOf = (value: Value | undefined): string | undefined =>
  typeof value === "object" && value._tag === "string"
    ? reading(() => Bytes.fromUtf8OrThrow(value.bytes))
    : undefined

/**
 * A node's answer, decoded; `verified` is whether it was computed here too.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromResult = (
  { callerId, contractId, gasPrice, gasUsed, height, log, returnType, returnValue }: ContractCallResult,
  verified: boolean
): ContractCall => {
  const decoded = returnType === "error" ? undefined : reading(() => ValueCodec.decodeOrThrow(returnValue))
  return {
    contractId,
    callerId,
    round: height,
    returnType,
    returnValue,
    value: returnType === "error" ? undefined : decoded,
    text:
      returnType === "ok"
        ? undefined
        : returnType === "error"
          ? Bytes.toLatin1(returnValue)
          : textOf(decoded),
    gasUsed,
    gasPrice,
    events: log.map(({ address, data, topics }) => ({ contractId: address, topics, data })),
    verified
  }
}

/**
 * A call object of our own state, decoded.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromObject = (call: CallObject, verified: boolean): ContractCall =>
  fromResult(contractCallResult(call), verified)

/**
 * The value of a call that ended well; fails with `ContractCallFailed` for all others.
 *
 * @since 0.1.0
 * @category combinators
 */
export const value = (call: ContractCall): Effect.Effect<Value, ContractCallFailed> =>
  call.returnType === "ok" && call.value !== undefined
    ? Effect.succeed(call.value)
    : new ContractCallFailed({ call })
