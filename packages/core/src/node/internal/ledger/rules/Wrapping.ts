/**
 * The rules of transactions that wrap another one: paying_for and ga_meta.
 *
 * @internal
 */
import * as Account from "../../../../chain/Account.js"
import type { CallObject } from "../../../../chain/CallObject.js"
import * as ContractObject from "../../../../chain/ContractObject.js"
import * as Ids from "../../../../chain/Ids.js"
import * as Protocol from "../../../../chain/Protocol.js"
import * as SignedTx from "../../../../chain/SignedTx.js"
import type * as Transaction from "../../../../chain/Transaction.js"
import * as ApiEncoding from "../../../../encoding/ApiEncoding.js"
import * as Bytes from "../../../../encoding/Bytes.js"
import * as Trees from "../../../../state/Trees.js"
import * as Authentication from "../Authentication.js"
import * as ChainState from "../ChainState.js"
import {
  type Check,
  type Context,
  Refused,
  type Rule,
  amountAndFee,
  authenticatorOf,
  counted,
  crash,
  feePaid,
  funds,
  make,
  originNonce,
  payerOf,
  refuse
} from "../Rule.js"

type PayingFor = Transaction.PayingForTx
type Meta = Transaction.GaMetaTx

/** @internal */
export const payingFor: Rule = make({
  kind: "PayingForTx",
  checks: [originNonce((tx: PayingFor) => tx.payerId), amountAndFee((tx) => tx.payerId)],
  effect: (context) => {
    const { around, signedTx, tx } = context
    const inner = SignedTx.inner(signedTx)
    if (inner === undefined) return refuse(crash)
    const paid = feePaid(context, counted(context, tx.payerId, tx.nonce), tx.payerId)
    return context.processInner(paid, inner, { ...around, payer: tx.payerId })
  }
})

/** What is taken before the function runs; unused gas is given back. */
const advance = (tx: Meta): bigint => tx.fee + tx.gas * tx.gasPrice

const generalized: Check<Meta> = ({ state, tx }) => {
  const account = ChainState.account(state, tx.gaId)
  if (account === undefined) return "account_not_found"
  return Account.isGeneralized(account) ? undefined : "not_a_generalized_account"
}

/** The account must be one of those that sign what is in the meta transaction. */
const isRelevant: Check<Meta> = ({ signedTx, signersOf, state, tx }) =>
  signersOf(state, SignedTx.innermost(signedTx))?.includes(tx.gaId) === true
    ? undefined
    : "non_relevant_signature"

const fate: { readonly [vmVersion: number]: number } = {
  5: Protocol.lima,
  7: Protocol.iris,
  8: Protocol.ceres
}

const versions: Check<Meta> = ({ environment, state, tx }) => {
  const authentication = ChainState.account(state, tx.gaId)?.authentication
  const contract = authentication && Trees.contract(state.trees, authentication.contract)
  if (authentication === undefined || contract === undefined) return crash
  const { abiVersion, vmVersion } = ContractObject.unpackVersions(contract.ctVersion)
  if (environment.protocol < (fate[vmVersion] ?? Protocol.roma)) return "wrong_vm_version"
  if (abiVersion !== tx.abiVersion) return "wrong_abi_version"
  return Authentication.authDataError(tx.abiVersion, tx.authData, authentication.functionHash)
}

const failedText = Bytes.utf8("inner_transaction_failed")

interface Authenticated {
  readonly state: ChainState.ChainState
  readonly call: CallObject
  readonly callKey: Uint8Array
  readonly authId: Uint8Array
}

/** The account says that it agrees, and has paid for saying so. */
const authenticate = (context: Context<Meta>): Authenticated | Refused => {
  const { environment, signedTx, state, tx } = context
  const contractId = ChainState.account(state, tx.gaId)?.authentication?.contract
  const functionHash = ChainState.account(state, tx.gaId)?.authentication?.functionHash
  const inner = SignedTx.inner(signedTx)
  if (contractId === undefined || functionHash === undefined || inner === undefined) return refuse(crash)
  const payer = payerOf(context, tx.gaId)
  const paid = ChainState.spend(state, payer, advance(tx))
  const outcome = authenticatorOf(environment).authenticate(
    Authentication.callOf(context, tx, {
      trees: paid.trees,
      contractId,
      storeKey: ApiEncoding.bytesOf(contractId),
      functionHash,
      txBytes: inner.txBytes
    })
  )
  if (!Authentication.saysYes(outcome)) return refuse("authentication_failed")
  const authId = Ids.authId(tx.gaId, tx.authData)
  const gasUsed = outcome.gasUsed < tx.gas ? outcome.gasUsed : tx.gas
  const call: CallObject = {
    callerId: tx.gaId,
    callerNonce: 0n,
    height: environment.height,
    contractId,
    gasPrice: tx.gasPrice,
    gasUsed,
    returnValue: outcome.returnValue,
    returnType: outcome.returnType,
    log: []
  }
  const callKey = Bytes.concat(ApiEncoding.bytesOf(tx.gaId), Ids.callId(tx.gaId, authId, contractId))
  const after = ChainState.withTrees(paid, outcome.trees)
  const refunded = ChainState.earn(after, payer, (tx.gas - gasUsed) * tx.gasPrice)
  if (ChainState.hasCall(refunded, callKey)) return refuse("auth_call_object_already_exist")
  const charged = ChainState.collectFee(refunded, tx.fee + gasUsed * tx.gasPrice)
  return { state: ChainState.setCall(charged, callKey, call), call, callKey, authId }
}

/** @internal */
export const meta: Rule = make({
  kind: "GaMetaTx",
  checks: [
    (context) => {
      const { payer } = context.around
      return payer === undefined ? undefined : funds<Meta>(() => payer, advance)(context)
    },
    generalized,
    isRelevant,
    (context) =>
      context.around.payer === undefined ? funds<Meta>((tx) => tx.gaId, advance)(context) : undefined,
    versions
  ],
  effect: (context) => {
    const { around, environment, signedTx, tx } = context
    const done = authenticate(context)
    const inner = SignedTx.inner(signedTx)
    if (done instanceof Refused || inner === undefined) return done instanceof Refused ? done : refuse(crash)
    const after = context.processInner(done.state, inner, {
      ...around,
      authenticated: new Map([...around.authenticated, [tx.gaId, done.authId]]),
      inMeta: true
    })
    if (!(after instanceof Refused)) return after
    // Up to Fortuna a transaction on which the node breaks takes the one around it along.
    if (after.reason === crash && environment.protocol < Protocol.lima) return after
    return ChainState.setCall(done.state, done.callKey, {
      ...done.call,
      returnType: "error",
      returnValue: failedText
    })
  }
})
