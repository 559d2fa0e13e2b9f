/** New contracts off chain: the contract with its account and first store, and the run of its init function. */
import * as Account from "../../chain/Account.js"
import * as CodeObject from "../../chain/CodeObject.js"
import * as ContractObject from "../../chain/ContractObject.js"
import * as Ids from "../../chain/Ids.js"
import * as Protocol from "../../chain/Protocol.js"
import type { CryptoService } from "../../crypto/Crypto.js"
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import type { ContractId } from "../../encoding/ApiEncoding.js"
import * as Bytes from "../../encoding/Bytes.js"
import { DecodeError } from "../../encoding/DecodeError.js"
import * as Apply from "../../state/Apply.js"
import * as Trees from "../../state/Trees.js"
import * as Trie from "../../state/Trie.js"
import type { OffChainNewContract } from "../../state/Update.js"
import * as Bytecode from "../Bytecode.js"
import * as CallData from "../CallData.js"
import type * as Engine from "../Engine.js"
import { execute } from "../Engine.js"
import type { Environment } from "../Environment.js"
import { aevmNotSupported, kindOf, outcomeOf, withCall } from "./calling.js"
import { tooLong } from "./limits.js"

export const gas = 1_000_000

/** The version of FATE that new contracts on chain are for, by protocol. */
export const vmVersionAt: { readonly [protocol: number]: number } = {
  [Protocol.lima]: 5,
  [Protocol.iris]: 7,
  [Protocol.ceres]: 8
}

/** Serialized code as it is stored; `undefined` for bytes that are no code. */
export interface StoredCode {
  /** What runs now. */
  readonly initial: Uint8Array
  /** What stays: FATE 1 keeps no init function, and up to Lima nothing remembers its compiler. */
  readonly kept: Uint8Array
}

const unknownCompiler = Bytes.utf8("unknown")

export const storedCode = (code: Uint8Array, vmVersion: number, protocol: number): StoredCode | undefined => {
  try {
    const object = CodeObject.decodeOrThrow(code)
    const kept = {
      ...object,
      byteCode: vmVersion === 5 ? Bytecode.withoutInit(object.byteCode) : object.byteCode,
      compilerVersion: protocol <= Protocol.lima ? unknownCompiler : object.compilerVersion
    }
    return { initial: CodeObject.encode(object), kept: CodeObject.encode(kept) }
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** A contract's store before init: the metadata of no maps. */
const firstStoreKey = Uint8Array.of(0x00, 0x00)
const firstStoreValue = Uint8Array.of(0x2f, 0x00)

/** The contracts tree with a contract (an older one under this id replaced) and its first store. */
export const withContract = (
  contracts: Trie.Trie,
  contractId: ContractId,
  contract: ContractObject.ContractObject
): Trie.Trie => {
  const key = ApiEncoding.bytesOf(contractId)
  const store = Bytes.concat(key, Trees.storeMark)
  return Trie.put(
    Trie.put(Trie.put(contracts, key, ContractObject.encode(contract)), store, Uint8Array.of(0)),
    Bytes.concat(store, firstStoreKey),
    firstStoreValue
  )
}

const init = Bytecode.functionId("init")

export const isInitCallData = (callData: Uint8Array): boolean => {
  const called = CallData.read(callData)
  return called !== undefined && Bytes.equals(called.functionId, init)
}

/** The contract with the code that stays, once init has run. */
export const withKept = (
  trees: Trees.Trees,
  contractId: ContractId,
  { initial, kept }: StoredCode
): Trees.Trees => {
  const contract = Trees.contract(trees, contractId)
  if (contract === undefined || Bytes.equals(initial, kept)) return trees
  const encoded = ContractObject.encode({ ...contract, code: kept })
  return { ...trees, contracts: Trie.put(trees.contracts, ApiEncoding.bytesOf(contractId), encoded) }
}

const tooLongForTransactions: Apply.UpdateFailure = {
  reason: "contract_crashed",
  detail: "the code and the call data are longer than any transaction can be"
}

export const create = (
  trees: Trees.Trees,
  update: OffChainNewContract,
  { channelReserve, round }: Apply.Round,
  environment: Environment,
  crypto: CryptoService
): Trees.Trees | Apply.UpdateErrorReason | Apply.UpdateFailure => {
  const { callData, ctVersion, deposit, owner: ownerId } = update
  const kind = kindOf(ctVersion)
  if (kind !== "fate") return kind === "aevm" ? aevmNotSupported : "bad_contract_code"
  const contractId = Ids.contractId(ownerId, round)
  const contract = ApiEncoding.bytesOf(contractId)
  if (Trie.has(trees.contracts, contract))
    return { reason: "contract_crashed", detail: "its owner has created a contract in this round already" }
  const paid = Apply.debit(trees, ownerId, deposit, channelReserve)
  if (typeof paid === "string") return paid
  if (tooLong(environment, update.code, callData)) return tooLongForTransactions
  if (!isInitCallData(callData)) return "contract_init_failed"
  const { vmVersion } = ContractObject.unpackVersions(ctVersion)
  const code = storedCode(update.code, vmVersion, environment.protocol)
  if (code === undefined) return "bad_contract_code"
  const object = ContractObject.make({ ownerId, ctVersion, code: code.initial, deposit })
  const owner = ApiEncoding.bytesOf(ownerId)
  const run: Engine.Call = {
    trees: Trees.setAccount(
      { ...paid, contracts: withContract(paid.contracts, contractId, object) },
      contractId,
      // Off chain a contract takes money whatever its code says.
      Account.make({ balance: deposit })
    ),
    contract,
    caller: owner,
    origin: owner,
    value: 0n,
    gas,
    gasPrice: 1n,
    fee: 0n,
    callData,
    allowInit: true
  }
  const finished = outcomeOf(execute(run, environment, crypto))
  if ("reason" in finished) return finished
  if (finished.returnType !== "ok") return { reason: "contract_init_failed", detail: ended(finished) }
  const called = { caller: ownerId, contractId, round, gasPrice: 0n }
  return withCall(withKept(finished.trees, contractId, code), called, finished)
}

const mostShown = 200

const ended = ({ returnType, returnValue }: { returnType: string; returnValue: Uint8Array }): string =>
  returnType === "error"
    ? `init ended with: ${Bytes.toLatin1(returnValue.subarray(0, mostShown))}`
    : "init was aborted"
