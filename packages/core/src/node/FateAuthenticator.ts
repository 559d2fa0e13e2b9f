/**
 * Runs the authentication contracts of generalized accounts on the library's own FATE virtual machine.
 *
 * Specification: æternity consensus, generalized accounts; æternity FATE virtual machine.
 *
 * @since 0.1.0
 */
import * as CodeObject from "../chain/CodeObject.js"
import * as ApiEncoding from "../encoding/ApiEncoding.js"
import * as Bytes from "../encoding/Bytes.js"
import { DecodeError } from "../encoding/DecodeError.js"
import * as Bytecode from "../fate/Bytecode.js"
import { type Call, execute } from "../fate/Engine.js"
import { isInitCallData, withContract } from "../fate/internal/creating.js"
import * as Trees from "../state/Trees.js"
import type { GaAuthenticator, GaCall, GaCodeRefused, GaOutcome } from "./GaAuthenticator.js"

/** Why a contract cannot authenticate anybody; `undefined` where it can. */
const codeError = ({ callData, contractId, functionHash, trees }: GaCall): string | undefined => {
  const contract = Trees.contract(trees, contractId)
  if (contract === undefined) return "crash"
  try {
    const program = Bytecode.parseOrThrow(CodeObject.decodeOrThrow(contract.code).byteCode)
    const found = program.functions.get(Bytes.toHex(functionHash.subarray(0, 4)))
    if (found === undefined) return "bad_function_hash"
    if (found.result._tag !== "boolean") return "bad_auth_function_return_type"
    return isInitCallData(callData) ? undefined : "bad_init_function"
  } catch (error) {
    // The reference node reads code a second time without expecting that it cannot.
    if (error instanceof DecodeError) return "crash"
    throw error
  }
}

const run = (call: GaCall, trees: Trees.Trees, allowInit: boolean): GaOutcome | GaCodeRefused => {
  const { authTxHash, environment } = call
  const gasLimit = BigInt(environment.gasLimit)
  // No block holds a transaction that asks for more.
  const gas = call.gas < gasLimit ? call.gas : gasLimit
  const caller = ApiEncoding.bytesOf(call.caller)
  const engineCall: Call = {
    trees,
    contract: ApiEncoding.bytesOf(call.contractId),
    caller,
    origin: caller,
    value: 0n,
    gas: Number(gas),
    gasPrice: call.gasPrice,
    fee: call.fee,
    callData: call.callData,
    allowInit,
    storeKey: call.storeKey
  }
  const world =
    authTxHash === undefined ? environment : { ...environment, authentication: { txHash: authTxHash } }
  const outcome = execute(engineCall, world, call.crypto)
  if (outcome._tag !== "Finished") return { refused: "crash" }
  const { gasUsed, returnType, returnValue } = outcome
  return { returnType, returnValue, gasUsed: BigInt(gasUsed), trees: outcome.trees }
}

/**
 * Runs contracts of FATE. A contract on which the virtual machine breaks cannot be attached (`crash`) and agrees to
 * nothing.
 *
 * @since 0.1.0
 * @category constructors
 */
export const authenticator: GaAuthenticator = {
  attach: (call) => {
    const refused = codeError(call)
    const contract = Trees.contract(call.trees, call.contractId)
    if (refused !== undefined || contract === undefined) return { refused: refused ?? "crash" }
    const contracts = withContract(call.trees.contracts, call.contractId, contract)
    return run(call, { ...call.trees, contracts }, true)
  },
  authenticate: (call) => {
    const outcome = run(call, call.trees, false)
    if (!("refused" in outcome)) return outcome
    const returnValue = Bytes.utf8(outcome.refused)
    return { returnType: "error", returnValue, gasUsed: call.gas, trees: call.trees }
  }
}
