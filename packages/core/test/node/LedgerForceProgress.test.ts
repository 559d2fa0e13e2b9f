/** Forced rounds on the simulated chain, and what contracts see of it. */
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Fee from "../../src/chain/Fee.js"
import * as Ids from "../../src/chain/Ids.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type * as Transaction from "../../src/chain/Transaction.js"
import type { KeyPair } from "../../src/crypto/KeyPair.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as CallData from "../../src/fate/CallData.js"
import * as Contracts from "../../src/fate/Contracts.js"
import type { Environment } from "../../src/fate/Environment.js"
import * as ChainWatcher from "../../src/node/ChainWatcher.js"
import * as Ledger from "../../src/node/Ledger.js"
import * as Apply from "../../src/state/Apply.js"
import * as Trees from "../../src/state/Trees.js"
import * as Update from "../../src/state/Update.js"
import { runs } from "../chain/known.js"
import { fixture } from "../support/Shared.js"
import { native } from "../support/TestCrypto.js"
import {
  AE,
  Scene,
  alice,
  bob,
  carol,
  chain,
  dora,
  failure,
  keyBlocks,
  mined,
  payingFor,
  refusal,
  signed,
  spend,
  supply
} from "./support/Transactions.js"

const price = 10n ** 9n
const code = ApiEncoding.decodeOrThrow("cb", fixture("fate/contract").compiledCode)
const view = (ledger: Ledger.Ledger) => Ledger.view(ledger, native)

const seenAt = (ledger: Ledger.Ledger, hash?: ApiEncoding.BlockHash): Environment => {
  const environment = view(ledger).environmentAt(hash)
  if (environment === undefined) throw new Error("no such block")
  return environment
}

const factsOf = ({ block }: Environment) => {
  if (block._tag !== "PinnedBlock") throw new Error("no block")
  const { height, timestamp } = block
  return { height, timestamp }
}

describe("Ledger: what contracts see", () => {
  const key = (who: KeyPair): Uint8Array => ApiEncoding.bytesOf(who.address)
  const start = Ledger.mineKeyBlock(chain(), native, 5000).ledger
  const paid = Ledger.mineMicroBlock(mined(start, spend(alice, bob, { amount: AE })), native, 6000).ledger
  const micro = paid.tip
  const later = Ledger.mineKeyBlock(paid, native, 9000).ledger

  it("a key block is a millisecond younger than it says, a micro block has a time of its own", () => {
    expect(factsOf(seenAt(later, start.top.hash))).toEqual({ height: 200_001, timestamp: 5001 })
    expect(factsOf(seenAt(later, micro.hash))).toEqual({ height: 200_001, timestamp: micro.timeMs })
    expect(factsOf(seenAt(later, later.top.hash))).toEqual({ height: 200_002, timestamp: 9001 })
    expect(factsOf(seenAt(later, later.genesis.hash))).toEqual({ height: 0, timestamp: 1 })
    expect(view(later).environmentAt(ApiEncoding.encode("kh", new Uint8Array(32)))).toBeUndefined()
  })

  it("balances are those after the block, also when it is an old one", () => {
    const balances = (environment: Environment) => [
      environment.chain.balance(key(bob)),
      environment.chain.balance(new Uint8Array(32).fill(1))
    ]
    expect(balances(seenAt(later, start.top.hash))).toEqual([100n * AE, undefined])
    expect(balances(seenAt(later, micro.hash))).toEqual([101n * AE, undefined])
    expect(balances(seenAt(later))).toEqual([101n * AE, undefined])
  })

  it("the newest block is meant where none is named; the faucet's gifts count from then on", () => {
    expect(seenAt(later)).toBe(seenAt(later, later.top.hash))
    const rich = Ledger.fund(later, bob.address, 5n)
    expect(seenAt(rich).chain.balance(key(bob))).toBe(101n * AE + 5n)
    expect(seenAt(rich)).toBe(seenAt(rich))
    expect(seenAt(rich, rich.top.hash)).toBe(seenAt(later))
  })

  it("is the same value in every later chain", () => {
    expect(seenAt(keyBlocks(later, 3), micro.hash)).toBe(seenAt(paid, micro.hash))
  })

  it("hashes are those of key blocks on the main chain; nothing else is there", () => {
    const { chain: reads, networkId, protocol } = seenAt(later)
    expect(reads.blockHash(200_001)).toEqual(ApiEncoding.bytesOf(start.top.hash))
    // The chain begins at a height of its own.
    expect(reads.blockHash(77)).toEqual(new Uint8Array(32))
    expect([networkId, protocol]).toEqual(["ae_dev", 6])
    expect(reads.isContract(key(bob))).toBe(false)
    expect(reads.isPayable(key(bob))).toBe(true)
    expect(reads.oracle(key(bob))).toBeUndefined()
    expect(reads.oracleQuery(key(bob), key(bob))).toBeUndefined()
    expect(reads.name(new Uint8Array(3))).toBeUndefined()
  })

  it("a block that was dropped is unknown", () => {
    const forked = Ledger.fork(later, 1)
    if (forked instanceof Ledger.LedgerError) throw forked
    expect(view(forked).environmentAt(later.top.hash)).toBeUndefined()
    expect(seenAt(forked)).toBe(seenAt(paid))
  })

  it("a transaction in a block says in which", () => {
    const [txHash] = micro._tag === "MicroBlock" ? micro.txHashes : []
    if (txHash === undefined) throw new Error("no transaction")
    expect(view(later).locate(txHash)).toEqual({ height: 200_001, blockHash: micro.hash })
  })
})

/** A channel whose round 2 has a contract with a deposit, owned by the initiator. */
class Forcing extends Scene {
  readonly contractId = Ids.contractId(this.initiator.address, 2)
  readonly environment = seenAt(chain())
  apply(trees: Trees.Trees, update: Update.Update, round: number): Trees.Trees {
    const contracts = Contracts.executor(this.environment, native)
    const after = Apply.applyUpdates(trees, [update], { round, channelReserve: 0n, contracts })
    if (after instanceof Apply.UpdateError) throw after
    return after
  }
  withContract(trees: Trees.Trees = this.first): Trees.Trees {
    const update: Update.OffChainNewContract = {
      _tag: "OffChainNewContract",
      owner: this.initiator.address,
      ctVersion: 0x80003,
      code,
      deposit: 10n,
      callData: CallData.encode("init", [7n])
    }
    return this.apply(trees, update, 2)
  }
  call(fields: Partial<Update.OffChainCallContract> = {}): Update.OffChainCallContract {
    return {
      _tag: "OffChainCallContract",
      callerId: this.initiator.address,
      contractId: this.contractId,
      abiVersion: 3,
      amount: 0n,
      gas: 100_000n,
      gasPrice: price,
      callData: CallData.encode("add", [5n]),
      callStack: [],
      ...fields
    }
  }
  force(
    from: KeyPair,
    trees: Trees.Trees,
    call: Update.OffChainCallContract,
    fields: Partial<Transaction.ChannelForceProgressTx> = {},
    inner = false
  ): SignedTx.SignedTx {
    const round = fields.round ?? 3
    const tx: Transaction.ChannelForceProgressTx = {
      _tag: "ChannelForceProgressTx",
      version: 1,
      channelId: this.id,
      fromId: from.address,
      payload: this.payload(2, trees),
      round,
      update: Update.encode(call),
      stateHash: Trees.stateHash(this.apply(trees, call, round)),
      offchainTrees: Trees.encode(trees),
      ttl: 0,
      fee: 0n,
      nonce: 2n,
      ...fields
    }
    return signed(Fee.withMinimumFee(tx, price), [from], inner)
  }
}

const scene = new Forcing()
const open = mined(chain(), scene.opening)
const state = scene.withContract()

const receiptOf = (ledger: Ledger.Ledger, tx: SignedTx.SignedTx, caller: KeyPair, round: number) => {
  const contract = ApiEncoding.encode("ct", ApiEncoding.bytesOf(SignedTx.hash(tx)))
  return Trees.call(ledger.state.trees.calls, contract, Ids.callId(caller.address, round, contract))
}

describe("Ledger: a forced round", () => {
  it("moves the channel, leaves a receipt, costs the gas that was used", () => {
    const call = scene.call({ amount: 4n })
    const tx = scene.force(alice, state, call)
    const after = mined(open, tx)
    expect(Ledger.channel(after, scene.id)).toMatchObject({
      round: 3,
      soloRound: 3,
      lockedUntil: 0,
      stateHash: Trees.stateHash(scene.apply(state, call, 3)),
      initiatorAmount: 3n * AE - 14n,
      responderAmount: 2n * AE
    })
    const receipt = receiptOf(after, tx, alice, 3)
    expect(receipt).toMatchObject({ callerNonce: 3n, height: 3, gasPrice: price, returnType: "ok" })
    const fee = "fee" in tx.tx ? tx.tx.fee : 0n
    expect(Ledger.balance(after, alice.address)).toBe(
      Ledger.balance(open, alice.address) - fee - (receipt?.gasUsed ?? 0n) * price
    )
    expect(supply(after)).toBe(400n * AE)
    expect(Ledger.account(after, alice.address)?.nonce).toBe(2n)
    expect(receiptOf(keyBlocks(after, 1), tx, alice, 3)).toBeUndefined()
  })

  it("is told to those who watch the channel, as a change or, while it closes, as closing", () => {
    const watcher = ChainWatcher.advance(
      ChainWatcher.watchChannel(ChainWatcher.empty, "a", scene.id),
      open,
      []
    )
    const tx = scene.force(alice, state, scene.call())
    const told = (ledger: Ledger.Ledger, from = watcher.watcher) =>
      ChainWatcher.advance(from, ledger, [{ signedTx: tx }]).events.map(({ event }) => event)
    expect(told(mined(open, tx))).toMatchObject([
      { _tag: "ChannelChanged", tx: { tx: { _tag: "ChannelForceProgressTx" } }, channel: { round: 3 } }
    ])
    const closing = mined(open, scene.closeSolo(bob, { nonce: 1n }))
    const seen = ChainWatcher.advance(watcher.watcher, closing, [{ signedTx: tx }]).watcher
    expect(told(mined(closing, tx), seen)).toMatchObject([
      { _tag: "ChannelClosing", channel: { round: 3, lockedUntil: 200_010 } }
    ])
    const wrong = scene.force(alice, state, scene.call(), { stateHash: new Uint8Array(32) })
    expect(ChainWatcher.advance(watcher.watcher, mined(open, wrong), [{ signedTx: wrong }]).events).toEqual(
      []
    )
  })

  it("that ends in an error moves the channel too, and costs all its gas", () => {
    const call = scene.call({ callData: CallData.encode("boom", []), amount: 3n })
    const tx = scene.force(alice, state, call)
    const after = mined(open, tx)
    expect(Ledger.channel(after, scene.id)).toMatchObject({ round: 3, initiatorAmount: 3n * AE - 10n })
    expect(receiptOf(after, tx, alice, 3)).toMatchObject({ returnType: "error", gasUsed: 100_000n })
  })

  it("with another outcome than promised is paid for and moves nothing", () => {
    const tx = scene.force(alice, state, scene.call(), { stateHash: new Uint8Array(32) })
    const after = mined(open, tx)
    expect(Ledger.channel(after, scene.id)).toEqual(Ledger.channel(open, scene.id))
    expect(receiptOf(after, tx, alice, 3)).toMatchObject({ returnType: "ok" })
    expect(supply(after)).toBe(400n * AE)
  })

  it("while closing may not claim more than the channel has", () => {
    const tooMuch = scene.withContract(scene.state(3n * AE, 9n * AE))
    const tx = scene.force(alice, tooMuch, scene.call())
    expect(Ledger.channel(mined(open, tx), scene.id)).toMatchObject({ round: 3, responderAmount: 9n * AE })
    const closing = mined(open, scene.closeSolo(bob, { nonce: 1n }))
    const after = mined(closing, tx)
    expect(Ledger.channel(after, scene.id)).toEqual(Ledger.channel(closing, scene.id))
    expect(receiptOf(after, tx, alice, 3)).toMatchObject({ returnType: "ok" })
  })

  it("can be forced after the lock period too, and starts it anew", () => {
    const closing = keyBlocks(mined(open, scene.closeSolo(bob, { nonce: 1n })), 12)
    const after = mined(closing, scene.force(bob, state, scene.call({ callerId: bob.address })))
    expect(Ledger.channel(after, scene.id)).toMatchObject({ round: 3, lockedUntil: 200_022 })
  })

  it("can be paid for by somebody else", () => {
    const inner = scene.force(alice, state, scene.call(), {}, true)
    const tx = payingFor(carol, inner, 1n)
    const after = mined(open, tx)
    expect(Ledger.channel(after, scene.id)?.round).toBe(3)
    expect(Ledger.balance(after, alice.address)).toBe(Ledger.balance(open, alice.address))
    expect(receiptOf(after, tx, alice, 3)).toBeDefined()
    expect(supply(after)).toBe(400n * AE)
  })

  it("of a caller who cannot pay its amount breaks the node, and is dropped", () => {
    const trees = scene.withContract(scene.state(11n, AE))
    const stateHash = new Uint8Array(32)
    const poor = scene.call({ amount: 2n })
    const round = { round: 3, channelReserve: 0n }
    expect(Contracts.dryRun(trees, poor, round, scene.environment, native)).toMatchObject({
      reason: "insufficient_balance"
    })
    const rich = scene.force(alice, trees, scene.call(), { stateHash, update: Update.encode(poor) })
    expect(failure(open, rich)).toBe("dropped")
  })

  it("by a delegate: only while closing, only of the caller's side", () => {
    const watched = new Forcing(alice, bob, {
      initiatorDelegateIds: [carol.address],
      responderDelegateIds: [dora.address]
    })
    const trees = watched.withContract()
    const ledger = mined(chain(), watched.opening)
    const closing = mined(ledger, watched.closeSolo(alice))
    const by = (who: KeyPair) => watched.force(who, trees, watched.call(), { nonce: 1n })
    expect(failure(ledger, by(carol))).toBe("channel_not_closing")
    expect(failure(closing, by(dora))).toBe("not_caller_or_delegate")
    expect(failure(closing, by(carol))).toBe("ok")
  })

  it("is a broken transaction where its update or its trees are none", () => {
    const good = scene.call()
    const junk = Uint8Array.of(1, 2, 3)
    expect(refusal(open, scene.force(alice, state, good, { update: junk }))).toBe("broken_tx")
    expect(refusal(open, scene.force(alice, state, good, { offchainTrees: junk }))).toBe("broken_tx")
    const transfer: Update.Update = {
      _tag: "OffChainTransfer",
      from: alice.address,
      to: bob.address,
      amount: 1n
    }
    const other = scene.force(alice, state, good, { update: Update.encode(transfer) })
    expect(failure(open, other)).toBe("update_not_call")
  })

  it("needs the money for all the gas it may use", () => {
    const call = scene.call({ gas: 1_000_000n, gasPrice: 10n ** 14n })
    expect(failure(open, scene.force(alice, state, call))).toBe("insufficient_funds")
    const huge = scene.call({ gas: 6_000_000n })
    const waiting = scene.force(alice, state, scene.call(), { update: Update.encode(huge) })
    const block = Ledger.mineMicroBlock(
      (Ledger.submit(open, waiting, native) as { ledger: Ledger.Ledger }).ledger,
      native
    )
    // No block has so much gas: it waits, and nobody tries it.
    expect([block.included.length, Ledger.hasPending(block.ledger)]).toEqual([0, true])
  })
})

describe("Ledger: random disputes with forced rounds", () => {
  const move = FastCheck.record({
    kind: FastCheck.constantFrom("force", "force", "force", "snapshot", "close", "slash", "blocks"),
    who: FastCheck.boolean(),
    withPayload: FastCheck.boolean(),
    ahead: FastCheck.nat({ max: 3 }),
    asks: FastCheck.constantFrom("get", "add", "boom", "fail", "nothing"),
    amount: FastCheck.bigInt({ min: 0n, max: 3n }),
    isPromised: FastCheck.nat({ max: 4 }).map((n) => n > 0)
  })
  type Move = typeof move extends FastCheck.Arbitrary<infer A> ? A : never

  interface Dispute {
    readonly ledger: Ledger.Ledger
    /** States by their hashes. */
    readonly states: ReadonlyMap<string, Trees.Trees>
  }

  const hex = (trees: Trees.Trees): string => Bytes.toHex(Trees.stateHash(trees))
  const kinds = new Map<string, number>()

  const txOf = (dispute: Dispute, step: Move): readonly [SignedTx.SignedTx, Trees.Trees] | undefined => {
    const channel = Ledger.channel(dispute.ledger, scene.id)
    if (channel === undefined) return undefined
    const from = step.who ? alice : bob
    const nonce = Ledger.nextNonce(dispute.ledger, from.address)
    const onChain = dispute.states.get(Bytes.toHex(channel.stateHash))
    const isCoSigned = step.withPayload || onChain === undefined
    const base = isCoSigned ? scene.apply(state, scene.call({ amount: step.amount }), 3) : onChain
    const round = isCoSigned ? channel.round + step.ahead : channel.round
    const payload = isCoSigned ? scene.payload(round, base) : new Uint8Array()
    switch (step.kind) {
      case "force": {
        const args = step.asks === "add" ? [step.amount] : []
        const callData = CallData.encode(step.asks, args)
        const call = scene.call({ callerId: from.address, callData, amount: step.amount })
        if (Trees.contract(base, scene.contractId) === undefined) return undefined
        const after = scene.apply(base, call, round + 1)
        const promise = step.isPromised ? {} : { stateHash: new Uint8Array(32) }
        return [scene.force(from, base, call, { payload, nonce, round: round + 1, ...promise }), after]
      }
      case "snapshot":
        return [scene.snapshot(from, { payload, nonce }), base]
      case "close":
        return [scene.closeSolo(from, { payload, nonce, poi: scene.poi(base) }), base]
      case "slash":
        return [scene.slash(from, { payload, nonce, poi: scene.poi(base) }), base]
      default:
        return undefined
    }
  }

  const after = (dispute: Dispute, step: Move): Dispute => {
    const made = txOf(dispute, step)
    if (made === undefined) return { ...dispute, ledger: keyBlocks(dispute.ledger, 1 + step.ahead) }
    const [tx, result] = made
    const before = Ledger.channel(dispute.ledger, scene.id)
    const taken = Ledger.submit(dispute.ledger, tx, native)
    if (taken instanceof Ledger.MempoolError) throw taken
    const block = Ledger.mineMicroBlock(taken.ledger, native)
    if (block.included.length === 0) {
      expect(Ledger.channel(block.ledger, scene.id)).toEqual(before)
      kinds.set(`no ${step.kind}`, (kinds.get(`no ${step.kind}`) ?? 0) + 1)
      return dispute
    }
    const channel = Ledger.channel(block.ledger, scene.id)
    if (step.kind === "force" && !step.isPromised) expect(channel).toEqual(before)
    else expect(Bytes.toHex(channel?.stateHash ?? new Uint8Array())).toBe(hex(result))
    kinds.set(step.kind, (kinds.get(step.kind) ?? 0) + 1)
    return { ledger: block.ledger, states: new Map(dispute.states).set(hex(result), result) }
  }

  it.prop(
    "I17: what is promised is what is there, what is not promised moves nothing, not one aetto is made or lost",
    [FastCheck.array(move, { minLength: 3, maxLength: 12 })],
    ([moves]) => {
      let dispute: Dispute = { ledger: open, states: new Map() }
      for (const step of moves) {
        dispute = after(dispute, step)
        expect(supply(dispute.ledger)).toBe(400n * AE)
        const channel = Ledger.channel(dispute.ledger, scene.id)
        expect((channel?.soloRound ?? 0) <= (channel?.round ?? 0)).toBe(true)
      }
    },
    { fastCheck: runs(60) }
  )

  it("the random disputes did something", () => {
    console.log(`random disputes: ${[...kinds].map(([kind, n]) => `${kind} ${n}`).join(", ")}`)
    for (const kind of ["force", "snapshot", "close", "slash"]) expect(kinds.get(kind)).toBeGreaterThan(0)
  })
})
