/**
 * What transactions change: accounts, channels and the fees collected so far. A value; an update shares what it does
 * not change.
 *
 * @internal
 */
import * as Account from "../../../chain/Account.js"
import * as CallObject from "../../../chain/CallObject.js"
import * as ChannelObject from "../../../chain/ChannelObject.js"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import type { AccountAddress, ChannelId, TxHash } from "../../../encoding/ApiEncoding.js"
import * as Trees from "../../../state/Trees.js"
import * as Trie from "../../../state/Trie.js"

/** @internal */
export interface ChainState {
  readonly trees: Trees.Trees
  /** All fees (aettos) of all blocks. A real chain pays them to its miners later; this one has none. */
  readonly fees: bigint
}

/** @internal */
export const empty: ChainState = { trees: Trees.empty, fees: 0n }

/** @internal */
export const withTrees = (state: ChainState, trees: Trees.Trees): ChainState => ({ ...state, trees })

/** Whether there is a call object under a key of the calls tree. @internal */
export const hasCall = (state: ChainState, key: Uint8Array): boolean => Trie.has(state.trees.calls, key)

/** @internal */
export const setCall = (state: ChainState, key: Uint8Array, call: CallObject.CallObject): ChainState =>
  withTrees(state, { ...state.trees, calls: Trie.put(state.trees.calls, key, CallObject.encode(call)) })

/** The call that a transaction has left under its hash, as a forced progress does. @internal */
export const receipt = (state: ChainState, txHash: TxHash): CallObject.CallObject | undefined => {
  const [found] = Trie.entries(state.trees.calls, ApiEncoding.bytesOf(txHash))
  return found === undefined ? undefined : CallObject.decodeOrThrow(found[1])
}

/** Calls are kept for one generation. @internal */
export const withoutCalls = (state: ChainState): ChainState =>
  Trie.isEmpty(state.trees.calls) ? state : withTrees(state, { ...state.trees, calls: Trie.empty })

/** The account that keeps coins nobody can reach any more: 32 zero bytes. @internal */
export const lockedCoinsHolder: AccountAddress = ApiEncoding.encode("ak", new Uint8Array(32))

/** @internal */
export const account = (state: ChainState, id: AccountAddress): Account.Account | undefined =>
  Trees.account(state.trees, id)

/** @internal */
export const setAccount = (state: ChainState, id: AccountAddress, value: Account.Account): ChainState => ({
  ...state,
  trees: Trees.setAccount(state.trees, id, value)
})

/** Adds to a balance; an account that is not there is created, even with nothing in it. @internal */
export const earn = (state: ChainState, id: AccountAddress, amount: bigint): ChainState => {
  const before = account(state, id) ?? Account.make({ balance: 0n })
  return setAccount(state, id, { ...before, balance: before.balance + amount })
}

/**
 * Takes from a balance and, where `nonce` is given, sets the account's nonce. That the account is there and rich
 * enough is for the checks to say; here it is a defect.
 *
 * @internal
 */
export const spend = (state: ChainState, id: AccountAddress, amount: bigint, nonce?: bigint): ChainState => {
  const before = account(state, id)
  if (before === undefined || before.balance < amount)
    throw new RangeError(`${id} cannot pay ${amount} aettos`)
  return setAccount(state, id, { ...before, balance: before.balance - amount, nonce: nonce ?? before.nonce })
}

/** Takes note of a fee that was paid. @internal */
export const collectFee = (state: ChainState, fee: bigint): ChainState => ({
  ...state,
  fees: state.fees + fee
})

/** Puts coins where nobody reaches them; nothing is no reason to create the account. @internal */
export const lock = (state: ChainState, amount: bigint): ChainState =>
  amount === 0n ? state : earn(state, lockedCoinsHolder, amount)

/** Machines look at their channel with every signature. */
const readBefore = new WeakMap<Uint8Array, ChannelObject.ChannelObject>()

/** @internal */
export const channel = (state: ChainState, id: ChannelId): ChannelObject.ChannelObject | undefined => {
  const bytes = Trie.get(state.trees.channels, ApiEncoding.bytesOf(id))
  if (bytes === undefined) return undefined
  const known = readBefore.get(bytes)
  if (known !== undefined) return known
  const read = ChannelObject.decodeOrThrow(bytes)
  readBefore.set(bytes, read)
  return read
}

const withChannels = (state: ChainState, channels: Trie.Trie): ChainState => ({
  ...state,
  trees: { ...state.trees, channels }
})

/** @internal */
export const setChannel = (
  state: ChainState,
  id: ChannelId,
  value: ChannelObject.ChannelObject
): ChainState =>
  withChannels(state, Trie.put(state.trees.channels, ApiEncoding.bytesOf(id), ChannelObject.encode(value)))

/** @internal */
export const removeChannel = (state: ChainState, id: ChannelId): ChainState =>
  withChannels(state, Trie.remove(state.trees.channels, ApiEncoding.bytesOf(id)))

/** All accounts, in the order of their public keys. @internal */
export function* accounts(state: ChainState): Generator<readonly [AccountAddress, Account.Account], void> {
  for (const [key, value] of Trie.entries(state.trees.accounts)) {
    yield [ApiEncoding.encode("ak", key), Account.decodeOrThrow(value)]
  }
}

/** All channels, in the order of their ids. @internal */
export function* channels(
  state: ChainState
): Generator<readonly [ChannelId, ChannelObject.ChannelObject], void> {
  for (const [key, value] of Trie.entries(state.trees.channels)) {
    yield [ApiEncoding.encode("ch", key), ChannelObject.decodeOrThrow(value)]
  }
}
