import { describe, expect, it } from "@effect/vitest"
import * as Account from "../../src/chain/Account.js"
import * as ChannelObject from "../../src/chain/ChannelObject.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import { DecodeError } from "../../src/encoding/DecodeError.js"
import * as ChainState from "../../src/node/internal/ledger/ChainState.js"
import * as Process from "../../src/node/internal/ledger/Process.js"
import { Refused } from "../../src/node/internal/ledger/Rule.js"
import * as Ledger from "../../src/node/Ledger.js"
import { fixture, hasShared, sharedJson } from "../support/Shared.js"
import { native } from "../support/TestCrypto.js"

const networkId = "ae_dev"

interface Step {
  readonly height: number
  readonly protocol: number
  readonly type: string
  readonly tx: string
  readonly result: string
  readonly accountsChanged: { readonly [id: string]: { readonly balance: string; readonly nonce: number } }
  readonly channels: ReadonlyArray<{ readonly id: string; readonly object: string }>
}

interface Scenario {
  readonly name: string
  readonly accounts: { readonly [id: string]: { readonly balance: string; readonly nonce: number } }
  readonly steps: ReadonlyArray<Step>
}

const scenarios: ReadonlyArray<Scenario> = fixture("onchain-open-close").scenarios

const accountsOf = (scenario: Scenario) =>
  Object.entries(scenario.accounts).map(([id, { balance, nonce }]) => ({
    address: ApiEncoding.parseOrThrow("ak", id),
    balance: BigInt(balance),
    nonce: BigInt(nonce)
  }))

type Balances = { [id: string]: { readonly balance: string; readonly nonce: number } }

const balances = (state: ChainState.ChainState): Balances =>
  Object.fromEntries(
    [...ChainState.accounts(state)].map(([id, { balance, nonce }]) => [
      id,
      { balance: String(balance), nonce: Number(nonce) }
    ])
  )

const channelBytes = (state: ChainState.ChainState) =>
  [...ChainState.channels(state)].map(([id, channel]) => ({
    id,
    object: Bytes.toHex(ChannelObject.encode(channel))
  }))

const expectedChannels = (step: Step) => step.channels.map(({ id, object }) => ({ id, object }))

/** The node's own crashes have no name; `read` is what a transaction that cannot be read is. */
const resultOf = (state: ChainState.ChainState, step: Step): ChainState.ChainState | string => {
  try {
    const { height, protocol } = step
    const tx = SignedTx.fromTextOrThrow(step.tx)
    const after = Process.apply(state, tx, { networkId, height, protocol }, native)
    return after instanceof Refused ? after.reason : after
  } catch (error) {
    if (error instanceof DecodeError) return `{deserialize,${error.reason}}`
    throw error
  }
}

/** Errors in braces are crashes inside the node: a refusal is due, its name is ours. */
const sameError = (ours: string, theirs: string): void => {
  if (theirs.startsWith("{deserialize")) expect(ours).toMatch(/^\{deserialize,/)
  else if (theirs.startsWith("{")) expect(ours).not.toBe("")
  // A set with a duplicate is refused by the reader here, by the signature check there.
  else if (theirs === "signature_check_failed" && ours.startsWith("{"))
    expect(ours).toBe("{deserialize,duplicate_signature}")
  else expect(ours).toBe(theirs)
}

/** Plays steps on a chain that holds only the scenario's accounts; says how many there were. */
const play = (scenario: Scenario, steps: ReadonlyArray<Step>): number => {
  let state = accountsOf(scenario).reduce(
    (each, { address, balance, nonce }) =>
      ChainState.setAccount(each, address, Account.make({ balance, nonce })),
    ChainState.empty
  )
  for (const step of steps) {
    const after = resultOf(state, step)
    const before = balances(state)
    if (typeof after === "string") {
      sameError(after, step.result)
      expect(step.accountsChanged).toEqual({})
    } else {
      expect(step.result).toBe("ok")
      const changed = Object.entries(step.accountsChanged).map(([id, { balance, nonce }]) => [
        id,
        { balance, nonce }
      ])
      expect(balances(after)).toEqual({ ...before, ...Object.fromEntries(changed) })
      state = after
    }
    expect(channelBytes(state)).toEqual(expectedChannels(step))
  }
  return steps.length
}

const supported = new Set(["spend_tx", "channel_create_tx", "channel_close_mutual_tx"])

describe("Ledger: known answers of the reference node", () => {
  it.each(scenarios)("$name", (scenario) => {
    expect(play(scenario, scenario.steps)).toBeGreaterThan(0)
  })

  it("counts", () => {
    const { total, otherKinds } = fixture("onchain-open-close")
    const steps = scenarios.reduce((sum, each) => sum + each.steps.length, 0)
    console.log(
      `onchain.json: ${scenarios.length} of ${total} scenarios (${steps} steps) use supported kinds only`
    )
    console.log(`the other ${total - scenarios.length} need: ${Object.keys(otherKinds).join(", ")}`)
    expect([scenarios.length, steps, total]).toEqual([42, 52, 121])
  })

  it.skipIf(!hasShared)("the beginnings of the other scenarios, up to the first unsupported kind", () => {
    const all: ReadonlyArray<Scenario> = sharedJson("vectors", "onchain.json").scenarios
    const ran = all.map((scenario) => {
      const end = scenario.steps.findIndex((step) => !supported.has(step.type))
      return play(scenario, end < 0 ? scenario.steps : scenario.steps.slice(0, end))
    })
    const steps = ran.reduce((sum, each) => sum + each, 0)
    console.log(
      `onchain.json: ${steps} steps of ${all.length} scenarios equal up to the first unsupported kind`
    )
    expect([all.length, steps]).toEqual([121, 131])
  })

  /** The mempool sees some errors before a block does, under names of its own. */
  const earlier: { readonly [reason: string]: string } = {
    tx_nonce_already_used_for_account: "nonce_too_low",
    "{error,badmatch}": "nonce_too_low"
  }

  it.each(scenarios)("through mempool and block: $name", (scenario) => {
    const [first] = scenario.steps
    if (first === undefined) throw new Error("a scenario without steps")
    let ledger = Ledger.make({
      networkId,
      accounts: accountsOf(scenario),
      protocol: first.protocol,
      startHeight: first.height,
      minimumGasPrice: 1n
    })
    for (const step of scenario.steps) {
      expect(step.height).toBe(ledger.top.height)
      let tx: SignedTx.SignedTx
      try {
        tx = SignedTx.fromTextOrThrow(step.tx)
      } catch {
        expect(step.result).not.toBe("ok")
        continue
      }
      const taken = Ledger.submit(ledger, tx, native)
      if (taken instanceof Ledger.MempoolError) {
        expect(taken.reason).toBe(earlier[step.result] ?? step.result)
        continue
      }
      const block = Ledger.mineMicroBlock(taken.ledger, native)
      expect(block.included.length).toBe(step.result === "ok" ? 1 : 0)
      if (step.result !== "ok")
        expect(Ledger.pending(block.ledger)[0]?.lastFailure ?? "dropped").toMatch(
          new RegExp(`^(${step.result}|dropped)$`)
        )
      ledger = block.ledger
      expect(channelBytes(ledger.state)).toEqual(expectedChannels(step))
    }
  })
})
