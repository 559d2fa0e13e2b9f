/**
 * How many key blocks must stand on a transaction before a party counts on it.
 *
 * Specification: channel WebSocket API, `minimum_depth` and `minimum_depth_strategy`.
 *
 * @since 0.1.0
 */
import * as Fee from "../chain/Fee.js"
import type { MinimumDepthStrategy } from "../protocol/OpenParameters.js"

/** How many binary digits a number of at least 1 has. */
const bitLength = (n: bigint): number => n.toString(2).length

/**
 * The smallest depth whose `factor`-th power, times the price, reaches the fee: `ceil((fee / price) ^ (1 / factor))`
 * without the rounding of floating point numbers, which would make a depth of 8 out of a fee of 7⁵ prices.
 */
const rootOfFee = (fee: bigint, price: bigint, factor: number): number => {
  const reaches = (depth: bigint): boolean => depth ** BigInt(factor) * price >= fee
  if (fee <= 0n) return 0
  if (fee <= price) return 1
  // 2 ^ factor exceeds the quotient; raising to a large power would take for ever.
  if (factor >= bitLength((fee + price - 1n) / price)) return 2
  let low = 1n
  let high = 2n
  while (!reaches(high)) {
    low = high
    high *= 2n
  }
  while (high - low > 1n) {
    const middle = (low + high) / 2n
    if (reaches(middle)) high = middle
    else low = middle
  }
  return Number(high)
}

/**
 * The minimum depth of a transaction, in key blocks.
 *
 * - `plain`: `value` itself; 0 is "in a block"
 * - `txfee`: `value` is a factor. 0 gives 1 for every transaction; a larger factor gives the factor-th root of the fee
 *   in units of the minimum gas price, rounded up, so a higher fee waits longer and a higher factor shorter
 *
 * `fee` is that of the outermost transaction, in aettos; `minimumGasPrice` is what the node's mempool asks for, in
 * aettos for each unit of gas.
 *
 * @since 0.1.0
 * @category combinators
 */
export const minimumDepth = (
  strategy: MinimumDepthStrategy,
  value: number,
  fee: bigint,
  minimumGasPrice: bigint = Fee.defaultMinerGasPrice
): number => {
  if (strategy === "plain") return value
  return value > 0 ? rootOfFee(fee, minimumGasPrice, value) : 1
}
