/**
 * Amounts as people read them.
 *
 * @since 0.1.0
 */

const aettosPerAe = 10n ** 18n

/**
 * Aettos as AE with all digits that are not zero, such as `3 AE` or `0.0000179 AE`.
 *
 * @since 0.1.0
 * @category formatting
 */
export const formatAe = (aettos: bigint): string => {
  const sign = aettos < 0n ? "-" : ""
  const absolute = aettos < 0n ? -aettos : aettos
  const fraction = (absolute % aettosPerAe).toString().padStart(18, "0").replace(/0+$/, "")
  return `${sign}${absolute / aettosPerAe}${fraction === "" ? "" : `.${fraction}`} AE`
}

/**
 * AE as aettos.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ae = (amount: number): bigint => (BigInt(Math.round(amount * 1e9)) * aettosPerAe) / 10n ** 9n
