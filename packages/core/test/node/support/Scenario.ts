/** Plays the recorded scenarios of the reference node's chain, step by step. */
import { expect } from "@effect/vitest"
import * as Account from "../../../src/chain/Account.js"
import * as ChannelObject from "../../../src/chain/ChannelObject.js"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../../src/encoding/Bytes.js"
import { DecodeError } from "../../../src/encoding/DecodeError.js"
import type { GaAuthenticator } from "../../../src/node/GaAuthenticator.js"
import * as ChainState from "../../../src/node/internal/ledger/ChainState.js"
import * as Process from "../../../src/node/internal/ledger/Process.js"
import { Refused } from "../../../src/node/internal/ledger/Rule.js"
import * as Trie from "../../../src/state/Trie.js"
import { native } from "../../support/TestCrypto.js"

export const networkId = "ae_dev"

export interface Step {
  readonly height: number
  readonly protocol: number
  readonly type: string
  readonly tx: string
  readonly result: string
  readonly accountsChanged: { readonly [id: string]: { readonly balance: string; readonly nonce: number } }
  readonly channels: ReadonlyArray<{ readonly id: string; readonly object: string }>
  readonly calls?: ReadonlyArray<string>
}

export interface Scenario {
  readonly name: string
  readonly accounts: { readonly [id: string]: { readonly balance: string; readonly nonce: number } }
  readonly steps: ReadonlyArray<Step>
}

export const accountsOf = (scenario: Scenario) =>
  Object.entries(scenario.accounts).map(([id, { balance, nonce }]) => ({
    address: ApiEncoding.parseOrThrow("ak", id),
    balance: BigInt(balance),
    nonce: BigInt(nonce)
  }))

type Balances = { [id: string]: { readonly balance: string; readonly nonce: number } }

/** Accounts of contracts that hold nothing are no part of the answers. */
export const balances = (state: ChainState.ChainState): Balances =>
  Object.fromEntries(
    [...ChainState.accounts(state)].flatMap(([id, { balance, nonce, flags }]) =>
      flags !== 0 && balance === 0n ? [] : [[id, { balance: String(balance), nonce: Number(nonce) }]]
    )
  )

export const channelBytes = (state: ChainState.ChainState) =>
  [...ChainState.channels(state)].map(([id, channel]) => ({
    id,
    object: Bytes.toHex(ChannelObject.encode(channel))
  }))

/** The accounts a step changed, as they are afterwards. */
export const changedIn = (step: Step): Balances =>
  Object.fromEntries(
    Object.entries(step.accountsChanged).map(([id, { balance, nonce }]) => [id, { balance, nonce }])
  )

const callBytes = (state: ChainState.ChainState) =>
  [...Trie.entries(state.trees.calls)].map(([, value]) => Bytes.toHex(value)).sort()

/** The chain's own crashes have no name; `read` is what a transaction that cannot be read is. */
const resultOf = (
  state: ChainState.ChainState,
  step: Step,
  authenticator: GaAuthenticator | undefined
): ChainState.ChainState | string => {
  try {
    const { height, protocol } = step
    const tx = SignedTx.fromTextOrThrow(step.tx)
    const after = Process.apply(state, tx, { networkId, height, protocol, authenticator }, native)
    return after instanceof Refused ? after.reason : after
  } catch (error) {
    if (error instanceof DecodeError) return `{deserialize,${error.reason}}`
    throw error
  }
}

/** Errors in braces are crashes inside the node. */
const sameError = (ours: string, theirs: string): void => {
  if (theirs.startsWith("{deserialize")) expect(ours).toMatch(/^\{deserialize,/)
  else if (theirs.startsWith("{")) expect(ours).toBe("crash")
  // A set with a duplicate is refused by the reader here, by the signature check there.
  else if (theirs === "signature_check_failed" && ours.startsWith("{"))
    expect(ours).toBe("{deserialize,duplicate_signature}")
  else expect(ours).toBe(theirs)
}

/** Plays steps on a chain that holds only the scenario's accounts; says how many there were. */
export const play = (
  scenario: Scenario,
  steps: ReadonlyArray<Step> = scenario.steps,
  authenticator?: GaAuthenticator
): number => {
  let state = accountsOf(scenario).reduce(
    (each, { address, balance, nonce }) =>
      ChainState.setAccount(each, address, Account.make({ balance, nonce })),
    ChainState.empty
  )
  for (const step of steps) {
    // The recordings look at each step as a block of its own, in which calls of others are forgotten.
    const after = resultOf(ChainState.withoutCalls(state), step, authenticator)
    const before = balances(state)
    if (typeof after === "string") {
      sameError(after, step.result)
      expect(step.accountsChanged).toEqual({})
    } else {
      expect(step.result).toBe("ok")
      expect(balances(after)).toEqual({ ...before, ...changedIn(step) })
      state = after
    }
    expect(channelBytes(state)).toEqual(step.channels.map(({ id, object }) => ({ id, object })))
    if (step.calls !== undefined) expect(callBytes(state)).toEqual([...step.calls].sort())
  }
  return steps.length
}
