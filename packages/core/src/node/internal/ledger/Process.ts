/**
 * Applying one signed transaction to the chain's state.
 *
 * Specification: æternity consensus, processing of transactions.
 *
 * @internal
 */
import * as Fee from "../../../chain/Fee.js"
import * as Protocol from "../../../chain/Protocol.js"
import * as SignedTx from "../../../chain/SignedTx.js"
import * as Transaction from "../../../chain/Transaction.js"
import type { CryptoService } from "../../../crypto/Crypto.js"
import type { AccountAddress } from "../../../encoding/ApiEncoding.js"
import * as Authentication from "./Authentication.js"
import * as ChainState from "./ChainState.js"
import * as Forced from "./Forced.js"
import { type Environment, Refused, type Surroundings, refuse } from "./Rule.js"
import * as Rules from "./Rules.js"

const participantsOf = (
  state: ChainState.ChainState,
  tx: Transaction.Transaction
): readonly [AccountAddress, AccountAddress] | undefined => {
  const channel = "channelId" in tx ? ChainState.channel(state, tx.channelId) : undefined
  return channel === undefined ? undefined : [channel.initiatorId, channel.responderId]
}

const signersIn =
  (environment: Environment, crypto: CryptoService) =>
  (state: ChainState.ChainState, signedTx: SignedTx.SignedTx): ReadonlyArray<AccountAddress> | undefined => {
    const { tx } = signedTx
    const signers = Transaction.signers(tx, participantsOf(state, tx))
    const inner = tx._tag === "PayingForTx" ? SignedTx.inner(signedTx) : undefined
    if (inner === undefined || signers === undefined) return signers
    // Paying for a transaction counts only where that is signed itself.
    const innerSigners = signersIn(environment, crypto)(state, inner)
    if (innerSigners === undefined) return undefined
    const { networkId } = environment
    const options = { networkId, crypto, protocol: Protocol.iris, innerTx: true }
    return SignedTx.verify(inner, innerSigners, options) === "ok" ? signers : undefined
  }

/**
 * Who must have signed, as far as the chain knows: `undefined` where the transaction names a channel that is not there,
 * or pays for a transaction that is not signed.
 *
 * @internal
 */
export const signersOf = (
  state: ChainState.ChainState,
  signedTx: SignedTx.SignedTx,
  environment: Environment,
  crypto: CryptoService
): ReadonlyArray<AccountAddress> | undefined => signersIn(environment, crypto)(state, signedTx)

/** @internal */
export const isSigned = (
  state: ChainState.ChainState,
  signedTx: SignedTx.SignedTx,
  environment: Environment,
  crypto: CryptoService
): boolean => {
  const signers = signersOf(state, signedTx, environment, crypto)
  const { networkId, protocol } = environment
  return signers !== undefined && SignedTx.verify(signedTx, signers, { networkId, protocol, crypto }) === "ok"
}

/**
 * Why this chain knows nothing about a transaction or what it wraps: a kind that is not supported. `undefined` where all
 * is supported.
 *
 * @internal
 */
export const notSupported = (signedTx: SignedTx.SignedTx): string | undefined => {
  const { tx } = signedTx
  if (Rules.of(tx) === undefined) return `not_supported: ${Transaction.typeName(tx)}`
  const inner = SignedTx.inner(signedTx)
  return inner === undefined ? undefined : notSupported(inner)
}

/** Parts of a transaction that the reference node reads with the transaction, and which are more than bytes. @internal */
export const isBroken = (signedTx: SignedTx.SignedTx): boolean => {
  const { tx } = Rules.coreOf(signedTx)
  if (tx._tag === "ChannelForceProgressTx")
    return Forced.updateOf(tx.update) === undefined || Forced.treesOf(tx.offchainTrees) === undefined
  return "poi" in tx && Authentication.poiOf(tx.poi) === undefined
}

/** Up to Iris the meta transaction around a transaction pays for its size. */
const sizeIsPaid = (protocol: number, inMeta: boolean): boolean => inMeta && protocol < Protocol.iris

const gasOf = (tx: Transaction.Transaction, protocol: number, inMeta: boolean): bigint => {
  const gas = Fee.gas(tx, protocol)
  return sizeIsPaid(protocol, inMeta) ? gas - BigInt(Fee.gasPerByte * Transaction.encode(tx).length) : gas
}

/** The lowest fee (aettos) any block takes a transaction for. @internal */
export const consensusFee = (tx: Transaction.Transaction, protocol: number, inMeta = false): bigint =>
  gasOf(tx, protocol, inMeta) * Fee.consensusGasPrice(protocol)

/** The gas a transaction buys for running a contract, and its price (aettos); `undefined` where it buys none. */
const contractGas = (
  tx: Transaction.Transaction
): { readonly gas: bigint; readonly gasPrice: bigint } | undefined => {
  if ("gasPrice" in tx && "gas" in tx) return tx
  return tx._tag === "ChannelForceProgressTx" ? Forced.callOf(tx) : undefined
}

/** Whether a transaction buys gas for less than any block sells it, a force progress by its update. @internal */
export const gasIsTooCheap = (tx: Transaction.Transaction, protocol: number): boolean => {
  const price = contractGas(tx)?.gasPrice
  return price !== undefined && price < Fee.consensusGasPrice(protocol)
}

/**
 * The gas price (aettos) a transaction offers a miner: what its fee amounts to, rounded up, or what it pays for running
 * contracts, or what the transaction inside offers, whichever is the least.
 *
 * @internal
 */
export const offeredGasPrice = (signedTx: SignedTx.SignedTx, protocol: number, inMeta = false): bigint => {
  const { tx } = signedTx
  const gas = gasOf(tx, protocol, inMeta)
  const inner = SignedTx.inner(signedTx)
  const prices = [
    (Transaction.fee(tx) + gas - 1n) / gas,
    contractGas(tx)?.gasPrice,
    inner === undefined ? undefined : offeredGasPrice(inner, protocol, inMeta || tx._tag === "GaMetaTx")
  ].flatMap((price) => price ?? [])
  return prices.reduce((least, price) => (price < least ? price : least))
}

/** The gas a transaction may use of a block, that for running contracts and of the transaction inside included. @internal */
export const gasLimit = (signedTx: SignedTx.SignedTx, protocol: number, inMeta = false): bigint => {
  const { tx } = signedTx
  const inner = SignedTx.inner(signedTx)
  const ofInner = inner === undefined ? 0n : gasLimit(inner, protocol, inMeta || tx._tag === "GaMetaTx")
  return gasOf(tx, protocol, inMeta) + (contractGas(tx)?.gas ?? 0n) + ofInner
}

/** Whether a transaction and what it wraps are legal at a protocol. @internal */
export const isLegal = (signedTx: SignedTx.SignedTx, protocol: number): boolean => {
  const { tx } = Rules.coreOf(signedTx)
  // From Ceres on only fresh accounts may become generalized.
  if (tx._tag === "GaAttachTx" && protocol >= Protocol.ceres && tx.nonce > 1n) return false
  return Transaction.validAtProtocol(signedTx.tx, protocol)
}

interface Chain {
  readonly environment: Environment
  readonly crypto: CryptoService
}

/** The signatures of a transaction, without those of generalized accounts, which agreed before. */
const isSignedInside = (
  state: ChainState.ChainState,
  signedTx: SignedTx.SignedTx,
  around: Surroundings,
  { crypto, environment }: Chain
): boolean => {
  const signers = signersOf(state, signedTx, environment, crypto)
  if (signers === undefined) return false
  const { networkId, protocol } = environment
  const plain = signers.filter(
    (id, index) => !(around.authenticated.has(id) && signers.indexOf(id) === index)
  )
  const options = { networkId, protocol, crypto, innerTx: around.payer !== undefined }
  return SignedTx.verify(signedTx, plain, options) === "ok"
}

const process = (
  state: ChainState.ChainState,
  signedTx: SignedTx.SignedTx,
  around: Surroundings,
  chain: Chain
): ChainState.ChainState | Refused => {
  const { tx } = signedTx
  const { environment, crypto } = chain
  const { height, protocol } = environment
  const rule = Rules.of(tx)
  if (rule === undefined) return refuse(`not_supported: ${Transaction.typeName(tx)}`)
  if (Transaction.fee(tx) < consensusFee(tx, protocol, around.inMeta)) return refuse("too_low_fee")
  if (gasIsTooCheap(tx, protocol)) return refuse("too_low_gas_price")
  const ttl = Transaction.ttl(tx)
  if (ttl !== 0 && ttl < height) return refuse("ttl_expired")
  if (!isLegal(signedTx, protocol)) return refuse("invalid_at_protocol")
  return rule.run({
    state,
    tx,
    signedTx,
    environment,
    around,
    crypto,
    signersOf: signersIn(environment, crypto),
    processInner: (before, inner, surroundings) =>
      isSignedInside(before, inner, surroundings, chain)
        ? process(before, inner, surroundings, chain)
        : refuse("signature_verification_failed")
  })
}

/**
 * The state after a transaction, or why a block cannot hold it; then it changes nothing. A transaction known to be
 * signed (see `isSigned`) by `signedFor` is not verified again as long as those are the ones who must sign.
 *
 * @internal
 */
export const apply = (
  state: ChainState.ChainState,
  signedTx: SignedTx.SignedTx,
  environment: Environment,
  crypto: CryptoService,
  signedFor?: ReadonlyArray<AccountAddress>
): ChainState.ChainState | Refused => {
  const unknown = notSupported(signedTx)
  if (unknown !== undefined) return refuse(unknown)
  if (isBroken(signedTx)) return refuse("broken_tx")
  const signers = signersOf(state, signedTx, environment, crypto)
  const known = signedFor !== undefined && signers?.join() === signedFor.join()
  if (!known && !isSigned(state, signedTx, environment, crypto)) return refuse("signature_check_failed")
  const around: Surroundings = {
    outermost: signedTx,
    payer: undefined,
    authenticated: new Map(),
    inMeta: false
  }
  return process(state, signedTx, around, { environment, crypto })
}
