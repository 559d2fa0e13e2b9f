/**
 * Gas and minimum fees of transactions, and who pays for a mutual close.
 *
 * Specification: æternity consensus, "transaction fees"; channel node, "mutual close".
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as DecodeError from "../encoding/DecodeError.js"
import * as Protocol from "./Protocol.js"
import * as Transaction from "./Transaction.js"

/**
 * The gas price (aettos) a node's mempool asks for unless it is configured otherwise.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultMinerGasPrice = 1_000_000_000n

/**
 * Gas for each byte of a transaction.
 *
 * @since 0.1.0
 * @category constants
 */
export const gasPerByte = 20

/**
 * The gas of all transactions one block may hold.
 *
 * @since 0.1.0
 * @category constants
 */
export const blockGasLimit = 6_000_000n

/**
 * The lowest gas price (aettos) the chain accepts at a protocol version.
 *
 * @since 0.1.0
 * @category constants
 */
export const consensusGasPrice = (protocol: number): bigint =>
  protocol >= Protocol.minerva ? 1_000_000n : 1n

const innerSize = (tx: Transaction.Transaction): number => {
  try {
    return Transaction.encode(Transaction.innerTransactionOrThrow(tx)).length
  } catch (error) {
    if (error instanceof DecodeError.DecodeError) return 0
    throw error
  }
}

/**
 * The gas the fee must cover: a base and a price per byte of the unsigned transaction, its fee field included.
 * Of a meta or paying-for transaction only what it adds counts, from Iris on. Gas for running contract code is
 * not in it. `protocol` is Ceres unless given.
 *
 * @since 0.1.0
 * @category accessors
 */
export const gas = (tx: Transaction.Transaction, protocol: number = Protocol.latest): bigint => {
  const row = Transaction.rowOf(tx)
  const abiVersion = "abiVersion" in tx ? tx.abiVersion : 0
  const base = typeof row.baseGas === "number" ? row.baseGas : row.baseGas(protocol, abiVersion)
  if (row.sizeGas === "none") return BigInt(base)
  const inner = row.sizeGas === "without_inner" && protocol >= Protocol.iris ? innerSize(tx) : 0
  return BigInt(base + gasPerByte * (Transaction.encode(tx).length - inner))
}

const withFee = <T extends Transaction.Transaction>(tx: T, fee: bigint): T => ({ ...tx, fee })

/**
 * The transaction with the lowest fee (aettos) that pays for its own bytes at this gas price. A transaction
 * without a fee comes back as it is.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withMinimumFee = <T extends Transaction.Transaction>(
  tx: T,
  gasPrice: bigint,
  protocol: number = Protocol.latest
): T => {
  if (!("fee" in tx)) return tx
  // A larger fee takes at least as many bytes, so from 0 upward this ends at the lowest solution.
  let current = withFee(tx, 0n)
  for (let fee = 0n; ; ) {
    const needed = gas(current, protocol) * gasPrice
    if (needed === fee) return current
    fee = needed
    current = withFee(tx, fee)
  }
}

/**
 * The lowest fee (aettos) that pays for the transaction at this gas price, whatever fee it has now: `0n` for
 * transactions without a fee.
 *
 * @since 0.1.0
 * @category accessors
 */
export const minimumFee = (
  tx: Transaction.Transaction,
  gasPrice: bigint,
  protocol: number = Protocol.latest
): bigint => Transaction.fee(withMinimumFee(tx, gasPrice, protocol))

/**
 * Both parties together hold less than the fee of a mutual close.
 *
 * @since 0.1.0
 * @category errors
 */
export class InsufficientBalance extends Data.TaggedError("InsufficientBalance")<{
  /** What both hold together, in aettos. */
  readonly balance: bigint
  /** The fee, in aettos. */
  readonly fee: bigint
}> {
  override get message(): string {
    return `The channel holds ${this.balance} aettos, too few for the fee of ${this.fee}`
  }
}

/**
 * What initiator and responder get from a mutual close (aettos): each pays half the fee, an odd aetto falls to
 * the initiator if that is possible; who cannot pay half ends with nothing and the other pays the rest.
 *
 * @since 0.1.0
 * @category combinators
 */
export const closeMutualSplit = (options: {
  readonly initiatorBalance: bigint
  readonly responderBalance: bigint
  readonly fee: bigint
}):
  | { readonly initiatorAmountFinal: bigint; readonly responderAmountFinal: bigint }
  | InsufficientBalance => {
  const { initiatorBalance, responderBalance, fee } = options
  const floor = fee / 2n
  const ceil = fee - floor
  const split = (initiatorAmountFinal: bigint, responderAmountFinal: bigint) => ({
    initiatorAmountFinal,
    responderAmountFinal
  })
  const balance = initiatorBalance + responderBalance
  if (balance < fee) return new InsufficientBalance({ balance, fee })
  if (initiatorBalance >= ceil && responderBalance >= floor) {
    return split(initiatorBalance - ceil, responderBalance - floor)
  }
  if (responderBalance >= ceil && initiatorBalance >= floor) {
    return split(initiatorBalance - floor, responderBalance - ceil)
  }
  return initiatorBalance > responderBalance ? split(balance - fee, 0n) : split(0n, balance - fee)
}
