/**
 * The rule of ga_attach: a plain account becomes a generalized one, for ever.
 *
 * @internal
 */
import * as Account from "../../../../chain/Account.js"
import type { CallObject } from "../../../../chain/CallObject.js"
import * as CodeObject from "../../../../chain/CodeObject.js"
import * as ContractObject from "../../../../chain/ContractObject.js"
import * as Ids from "../../../../chain/Ids.js"
import * as Protocol from "../../../../chain/Protocol.js"
import type * as Transaction from "../../../../chain/Transaction.js"
import * as ApiEncoding from "../../../../encoding/ApiEncoding.js"
import type { ContractId } from "../../../../encoding/ApiEncoding.js"
import * as Bytes from "../../../../encoding/Bytes.js"
import { DecodeError } from "../../../../encoding/DecodeError.js"
import { type StoredCode, storedCode, vmVersionAt, withKept } from "../../../../fate/internal/creating.js"
import * as Trees from "../../../../state/Trees.js"
import * as Trie from "../../../../state/Trie.js"
import * as ChainState from "../ChainState.js"
import {
  type Check,
  type Context,
  type Rule,
  authenticatorOf,
  counted,
  fateEnvironment,
  funds,
  make,
  originNonce,
  payerOf,
  refuse
} from "../Rule.js"

type Attach = Transaction.GaAttachTx

const storedCodeOf = ({ code, ctVersion }: Attach, protocol: number): StoredCode | undefined =>
  storedCode(code, ContractObject.unpackVersions(ctVersion).vmVersion, protocol)

const codeOf = (tx: Attach): CodeObject.CodeObject | undefined => {
  try {
    return CodeObject.decodeOrThrow(tx.code)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

const advance = (tx: Attach): bigint => tx.fee + tx.gas * tx.gasPrice

const fateAbi = 3

const version: Check<Attach> = ({ environment: { protocol }, tx }) => {
  const { abiVersion, vmVersion } = ContractObject.unpackVersions(tx.ctVersion)
  if (protocol < Protocol.lima || (abiVersion === 1 && vmVersion === 6)) {
    return "not_supported: ga_attach_tx for the AEVM"
  }
  return abiVersion === fateAbi && vmVersion === vmVersionAt[protocol] ? undefined : "illegal_vm_version"
}

const contractIdOf = (tx: Attach): ContractId => Ids.contractId(tx.ownerId, tx.nonce)

const notPayable = 1

/** The contract with its empty store and its account. */
const withContract = (state: ChainState.ChainState, tx: Attach): ChainState.ChainState => {
  const contractId = contractIdOf(tx)
  const key = ApiEncoding.bytesOf(contractId)
  const contract = ContractObject.make({
    ownerId: tx.ownerId,
    ctVersion: tx.ctVersion,
    code: tx.code,
    deposit: 0n
  })
  const contracts = Trie.put(
    Trie.put(state.trees.contracts, key, ContractObject.encode(contract)),
    Bytes.concat(key, Trees.storeMark),
    Uint8Array.of(0)
  )
  const id = ApiEncoding.encode("ak", key)
  const account = ChainState.account(state, id) ?? Account.make({ balance: 0n })
  const flags = codeOf(tx)?.payable === true ? 0 : notPayable
  return ChainState.setAccount(ChainState.withTrees(state, { ...state.trees, contracts }), id, {
    ...account,
    flags
  })
}

const attached = (context: Context<Attach>) => {
  const { crypto, environment, tx } = context
  const { height } = environment
  const contractId = contractIdOf(tx)
  const payer = payerOf(context, tx.ownerId)
  const before = counted(context, tx.ownerId, tx.nonce)
  const paid = withContract(ChainState.spend(before, payer, advance(tx)), tx)
  const outcome = authenticatorOf(environment).attach({
    environment: fateEnvironment(environment, paid),
    crypto,
    trees: paid.trees,
    contractId,
    storeKey: ApiEncoding.bytesOf(contractId),
    functionHash: tx.authFun,
    caller: tx.ownerId,
    callData: tx.callData,
    gas: tx.gas,
    gasPrice: tx.gasPrice,
    fee: tx.fee,
    authTxHash: undefined
  })
  if ("refused" in outcome) return refuse(outcome.refused)
  const gasUsed = outcome.gasUsed < tx.gas ? outcome.gasUsed : tx.gas
  const isOk = outcome.returnType === "ok"
  const call: CallObject = {
    callerId: tx.ownerId,
    callerNonce: tx.nonce,
    height,
    contractId,
    gasPrice: tx.gasPrice,
    gasUsed,
    // What init returns is the contract's state, not a value.
    returnValue: isOk ? new Uint8Array() : outcome.returnValue,
    returnType: outcome.returnType,
    log: []
  }
  const charge = tx.fee + gasUsed * tx.gasPrice
  const key = Bytes.concat(ApiEncoding.bytesOf(contractId), Ids.callId(tx.ownerId, tx.nonce, contractId))
  if (!isOk) {
    return ChainState.collectFee(
      ChainState.setCall(ChainState.spend(before, payer, charge), key, call),
      charge
    )
  }
  const stored = storedCodeOf(tx, environment.protocol)
  const trees = stored === undefined ? outcome.trees : withKept(outcome.trees, contractId, stored)
  const done = ChainState.earn(ChainState.withTrees(paid, trees), payer, (tx.gas - gasUsed) * tx.gasPrice)
  const owner = ChainState.account(done, tx.ownerId) ?? Account.make({ balance: 0n })
  const general = ChainState.setAccount(done, tx.ownerId, {
    ...owner,
    authentication: { contract: contractId, functionHash: tx.authFun }
  })
  return ChainState.collectFee(ChainState.setCall(general, key, call), charge)
}

/** @internal */
export const attach: Rule = make({
  kind: "GaAttachTx",
  patience: { illegal_vm_version: 1 },
  checks: [
    originNonce((tx: Attach) => tx.ownerId),
    (context) => funds<Attach>((tx) => payerOf(context, tx.ownerId), advance)(context),
    version,
    ({ tx }) => (codeOf(tx) === undefined ? "bad_sophia_code" : undefined)
  ],
  effect: attached
})
