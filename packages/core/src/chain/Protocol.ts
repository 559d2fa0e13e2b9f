/**
 * Consensus protocol versions of the æternity chain and the heights they start at.
 *
 * @since 0.1.0
 */

/**
 * A consensus protocol version: 1 Roma, 2 Minerva, 3 Fortuna, 4 Lima, 5 Iris, 6 Ceres.
 *
 * @since 0.1.0
 * @category models
 */
export type Protocol = 1 | 2 | 3 | 4 | 5 | 6

/**
 * Protocol 1; the named versions are for comparisons such as `protocol >= Protocol.lima`.
 *
 * @since 0.1.0
 * @category constants
 */
export const roma = 1
/**
 * Protocol 2: a minimum gas price.
 *
 * @since 0.1.0
 * @category constants
 */
export const minerva = 2
/**
 * Protocol 3: off-chain transactions without updates, generalized accounts.
 *
 * @since 0.1.0
 * @category constants
 */
export const fortuna = 3
/**
 * Protocol 4: signatures over hashes, FATE.
 *
 * @since 0.1.0
 * @category constants
 */
export const lima = 4
/**
 * Protocol 5: delegates per side, paying for others, meta transactions without ttl.
 *
 * @since 0.1.0
 * @category constants
 */
export const iris = 5
/**
 * Protocol 6: contract calls by name, authentication that covers the fee.
 *
 * @since 0.1.0
 * @category constants
 */
export const ceres = 6

/**
 * The newest protocol version: Ceres.
 *
 * @since 0.1.0
 * @category constants
 */
export const latest = ceres

/**
 * All protocol versions, oldest first.
 *
 * @since 0.1.0
 * @category constants
 */
export const all: ReadonlyArray<Protocol> = [roma, minerva, fortuna, lima, iris, ceres]

const names: { readonly [P in Protocol]: string } = {
  1: "roma",
  2: "minerva",
  3: "fortuna",
  4: "lima",
  5: "iris",
  6: "ceres"
}

/**
 * The lower case name of a protocol version, such as `"ceres"`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const name = (protocol: Protocol): string => names[protocol]

/** One hard fork: the protocol and the first key block height (in blocks) at which it is in force. */
type HardFork = readonly [protocol: Protocol, height: number]

/** The newest fork first, so that the first row at or below a height is the answer. */
const hardForks: ReadonlyMap<string, ReadonlyArray<HardFork>> = new Map([
  [
    "ae_mainnet",
    [
      [ceres, 941_700],
      [iris, 441_444],
      [lima, 161_150],
      [fortuna, 90_800],
      [minerva, 47_800],
      [roma, 0]
    ]
  ],
  [
    "ae_uat",
    [
      [ceres, 939_750],
      [iris, 425_900],
      [lima, 154_300],
      [fortuna, 82_900],
      [minerva, 40_900],
      [roma, 0]
    ]
  ]
])

// Networks of one protocol, as the node's own test suites name them; anything else behaves like `ae_dev`.
const otherNetwork = (networkId: string): ReadonlyArray<HardFork> => {
  const protocol = all.find((each) => networkId === `local_${names[each]}_testnet`) ?? ceres
  return [
    [protocol, 1],
    [roma, 0]
  ]
}

/**
 * The protocol in force on a network at a key block height (in blocks). `ae_dev` and unknown networks
 * are at Roma in the genesis block only and at Ceres from height 1 on; `local_lima_testnet` and its kind at
 * the protocol they are named after.
 *
 * @since 0.1.0
 * @category accessors
 */
export const protocolAt = (networkId: string, height: number): Protocol => {
  for (const [protocol, from] of hardForks.get(networkId) ?? otherNetwork(networkId)) {
    if (height >= from) return protocol
  }
  return roma
}

/**
 * The key block height from which close_solo, slash and force_progress reset the channel's `solo_round`,
 * on every network.
 *
 * @since 0.1.0
 * @category constants
 */
export const soloRoundResetHeight = 168_300

/**
 * The target of key blocks that are made on demand, without work, and their difficulty too: what nodes in development
 * mode tell.
 *
 * @since 0.1.0
 * @category constants
 */
export const onDemandTarget = 1338

/**
 * The hard forks of a network as a schedule: the first key block height (in blocks) of each protocol.
 *
 * @since 0.1.0
 * @category accessors
 */
export const scheduleOf = (networkId: string): { readonly [height: number]: Protocol } =>
  Object.fromEntries(
    (hardForks.get(networkId) ?? otherNetwork(networkId)).map(([protocol, height]) => [height, protocol])
  )
