/**
 * What the checks of transactions are made of. A check says which field is wrong, and both values in words.
 *
 * @internal
 */
import type { CallObject } from "../../chain/CallObject.js"
import * as Fee from "../../chain/Fee.js"
import * as SignedTx from "../../chain/SignedTx.js"
import * as Transaction from "../../chain/Transaction.js"
import type { CryptoService } from "../../crypto/Crypto.js"
import type { AccountAddress, ChannelId } from "../../encoding/ApiEncoding.js"
import * as Bytes from "../../encoding/Bytes.js"
import { VerificationError } from "../../protocol/Errors.js"
import type { SignRequest } from "../../protocol/NodeMessage.js"
import type { ContractCallInput, OnChainOptions } from "../../protocol/Request.js"
import { signTagRow } from "../../protocol/SignTag.js"
import * as Trees from "../../state/Trees.js"
import type { OffChainCallContract } from "../../state/Update.js"
import type { Balances } from "../ChannelEvent.js"
import { isByContract, type Verdicts } from "./agreement.js"
import type { ClientConfig, OperationRequest } from "./model.js"

/** What the checks look at. */
export interface Context {
  readonly config: ClientConfig
  readonly crypto: CryptoService
  readonly operation: string
  readonly channelId: ChannelId | null
  /** Who was generalized when the channel was created, where that is known. */
  readonly generalized?: ReadonlyArray<AccountAddress> | undefined
  /** The latest state that both have signed, which tells how they authenticate where nothing else does. */
  readonly latest: SignedTx.SignedTx | undefined
  readonly verdicts: Verdicts
}

/** One check: the field's name, whether it holds, and both values in words. */
export type Check = readonly [field: string, holds: boolean, expected: string, actual: string]

export const same = (
  field: string,
  expected: bigint | number | string,
  actual: bigint | number | string
): Check => [field, expected === actual, String(expected), String(actual)]

export const hex = (bytes: Uint8Array): string => Bytes.toHex(bytes)

export const sameBytes = (field: string, expected: Uint8Array, actual: Uint8Array): Check =>
  Bytes.equals(expected, actual) ? [field, true, "", ""] : [field, false, hex(expected), hex(actual)]

/** The error of a field. */
export const wrong = (context: Context, field: string, expected: string, actual: string): VerificationError =>
  new VerificationError({
    operation: context.operation,
    field,
    expected,
    actual,
    channelId: context.channelId
  })

export const firstWrong = (context: Context, checks: Iterable<Check>): VerificationError | undefined => {
  for (const [field, holds, expected, actual] of checks) {
    if (!holds) return wrong(context, field, expected, actual)
  }
  return undefined
}

/** The parties' balances in trees; who is not there has nothing. */
export const balancesOf = (config: ClientConfig, trees: Trees.Trees): Balances => ({
  initiator: Trees.balance(trees, config.terms.initiatorId) ?? 0n,
  responder: Trees.balance(trees, config.terms.responderId) ?? 0n
})

/** What is to be signed, without the meta transactions around it. */
export const bodyOf = ({ signedTx }: SignRequest): Transaction.Transaction => SignedTx.innermost(signedTx).tx

/** The transaction is of the kind that belongs to the tag. */
export const typeCheck = (request: SignRequest): Check =>
  same("type", signTagRow(request.tag).transaction, Transaction.typeName(bodyOf(request)))

/** The chain takes this version. */
export const versionCheck = ({ config }: Context, tx: Transaction.Transaction): Check => [
  "version",
  Transaction.validAtProtocol(tx, config.protocol),
  `one that is legal at protocol ${config.protocol}`,
  `${tx.version}`
]

/** How signatures are verified. */
export const verifyOptions = ({ config, crypto }: Context): SignedTx.VerifyOptions => ({
  networkId: config.networkId,
  crypto,
  protocol: config.protocol
})

/** A call of ours. */
export function* callChecks(
  { config }: Context,
  update: OffChainCallContract,
  asked: ContractCallInput,
  { gas, gasPrice }: { readonly gas: bigint; readonly gasPrice: bigint }
): Generator<Check> {
  yield same("callerId", config.own, update.callerId)
  yield same("contractId", asked.contractId, update.contractId)
  yield same("abiVersion", asked.abiVersion, update.abiVersion)
  yield same("amount", asked.amount, update.amount)
  yield sameBytes("callData", asked.callData, update.callData)
  yield same("gas", gas, update.gas)
  yield same("gasPrice", gasPrice, update.gasPrice)
  yield same("callStack", 0, update.callStack.length)
}

/** Fee, gas price and nonce of a request, if it is one that names any. */
export const optionsOf = (asked: OperationRequest | undefined): OnChainOptions => {
  if (asked === undefined) return {}
  switch (asked._tag) {
    case "Transfer":
    case "NewContract":
    case "CallContract":
    case "Leave":
      return {}
    default:
      return asked
  }
}

/** Transactions with a fee and a nonce of one account. */
export type OnChainTx = Extract<
  Transaction.Transaction,
  { readonly fee: bigint; readonly ttl: number; readonly nonce: bigint }
>

/**
 * Limits of what an on-chain transaction may cost. `asked` is what we asked for ourselves; without it, another account
 * pays, and it is enough that the chain takes the fee.
 */
export function* feeChecks(
  { config }: Context,
  tx: OnChainTx,
  asked: OnChainOptions | undefined
): Generator<Check> {
  const lowest = Fee.minimumFee(tx, Fee.consensusGasPrice(config.protocol), config.protocol)
  yield ["fee", tx.fee >= lowest, `at least ${lowest}`, `${tx.fee}`]
  if (asked === undefined) return
  const { fee, gasPrice } = asked
  if (gasPrice !== undefined) {
    const byPrice = Fee.minimumFee(tx, gasPrice, config.protocol)
    yield same("fee", fee !== undefined && fee > byPrice ? fee : byPrice, tx.fee)
  } else if (fee !== undefined) yield same("fee", fee, tx.fee)
  else {
    const highest = config.maximumFee ?? 100n * Fee.minimumFee(tx, Fee.defaultMinerGasPrice, config.protocol)
    yield ["fee", tx.fee <= highest, `at most ${highest}`, `${tx.fee}`]
  }
}

/** No account counts further than 32 bytes, and channel ids are made of so many. */
const isNonce = (nonce: bigint): boolean => nonce > 0n && nonce < 1n << 256n

/** The nonce that we named, or one that an account can have; a generalized one has none, which is 0. */
export const nonceCheck = (nonce: bigint, asked: bigint | undefined, generalized: boolean): Check => {
  if (asked !== undefined) return same("nonce", asked, nonce)
  return generalized
    ? same("nonce", 0n, nonce)
    : ["nonce", isNonce(nonce), "at least 1, in 32 bytes", `${nonce}`]
}

/** Whether the account that a transaction is by is generalized: we know it of ourselves, others show it. */
export const isByGeneralized = (
  { config }: Context,
  { signedTx }: SignRequest,
  by: AccountAddress
): boolean => (by === config.own ? config.generalized === true : isByContract(signedTx, by))

/** Some nodes put the default `ttl` of the open parameters into the transaction, others none. */
export const ttlCheck = ({ config }: Context, ttl: number): Check => [
  "ttl",
  ttl === 0 || ttl === config.parameters.ttl,
  config.parameters.ttl === undefined ? "0" : `0 or ${config.parameters.ttl}`,
  `${ttl}`
]

/** What every transaction has that only the chain can give an effect to. */
export function* onChainChecks(
  context: Context,
  tx: OnChainTx,
  asked: OnChainOptions | undefined,
  request: SignRequest
): Generator<Check> {
  yield versionCheck(context, tx)
  yield ttlCheck(context, tx.ttl)
  const by = Transaction.origin(tx) ?? context.config.peer
  yield nonceCheck(tx.nonce, asked?.nonce, isByGeneralized(context, request, by))
}

/** What a verified transaction leads to. */
export interface Verified {
  readonly channelId: ChannelId
  readonly round: number
  readonly after: Balances
  /** The state itself, and what came of the contract, where contracts run. */
  readonly trees?: Trees.Trees
  readonly call?: CallObject
}

/** The outcome of checks. */
export const outcome = (
  context: Context,
  checks: Iterable<Check>,
  verified: Verified
): Verified | VerificationError => firstWrong(context, checks) ?? verified

/** The error of a transaction of another kind than the tag's. */
export const wrongType = (context: Context, request: SignRequest): VerificationError => {
  const [field, , expected, actual] = typeCheck(request)
  return wrong(context, field, expected, actual)
}
