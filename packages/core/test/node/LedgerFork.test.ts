import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Ledger from "../../src/node/Ledger.js"
import { native } from "../support/TestCrypto.js"
import { runs } from "../chain/known.js"
import { type Operation, fold, operation, printOf, start } from "./support/Operations.js"
import {
  AE,
  Scene,
  alice,
  bob,
  carol,
  chain,
  keyBlocks,
  mined,
  spend,
  submit,
  supply
} from "./support/Transactions.js"

const forked = (ledger: Ledger.Ledger, n: number, returnTransactions = true): Ledger.Ledger => {
  const after = Ledger.fork(ledger, n, { returnTransactions })
  if (after instanceof Ledger.LedgerError) throw after
  return after
}

describe("Ledger: forks", () => {
  const scene = new Scene()

  it("drops key blocks and what is on them; what was in them waits again; the chain knows them no more", () => {
    const below = keyBlocks(chain(), 2)
    const before = mined(below, spend(carol, bob))
    const opened = mined(keyBlocks(before, 1), scene.opening)
    const top = keyBlocks(opened, 1)
    const back = forked(top, 2)
    expect(back.top).toEqual(before.top)
    expect(back.tip).toEqual(before.tip)
    expect(Ledger.channel(back, scene.id)).toBeUndefined()
    expect(Ledger.transaction(back, SignedTx.hash(scene.opening))).toMatchObject({ height: -1 })
    expect(Ledger.channelTransactions(back, scene.id)).toEqual([])
    expect([Ledger.block(back, top.top.hash), Ledger.keyBlock(back, top.top.height)]).toEqual([
      undefined,
      undefined
    ])
    const view = Ledger.view(back, native)
    expect([view.heightOf(top.top.hash), view.heightOf(before.tip.hash)]).toEqual([
      undefined,
      before.top.height
    ])
    const again = Ledger.mineMicroBlock(back, native)
    expect(again.included.map(({ txHash }) => txHash)).toEqual([SignedTx.hash(scene.opening)])
    expect(Ledger.channel(again.ledger, scene.id)).toEqual(Ledger.channel(top, scene.id))
  })

  it("0 is nothing; the first height stays; halves and negative numbers are no numbers of blocks", () => {
    const ledger = keyBlocks(chain(), 3)
    expect(Ledger.fork(ledger, 0)).toBe(ledger)
    expect(forked(ledger, 3).top.height).toBe(200_000)
    const reason = (n: number): string | undefined => {
      const after = Ledger.fork(ledger, n)
      return after instanceof Ledger.LedgerError ? after.reason : undefined
    }
    expect([4, -1, 0.5, Number.NaN].map(reason)).toEqual([
      "not_enough_blocks",
      "invalid_number",
      "invalid_number",
      "invalid_number"
    ])
  })

  it("a transaction whose time is over, or whose nonce another has, does not come back; none does if not wanted", () => {
    const mortal = spend(carol, bob, { ttl: 200_001 })
    const ledger = keyBlocks(mined(keyBlocks(chain(), 1), mortal), 3)
    expect(Ledger.pending(forked(ledger, 3))).toEqual([])
    expect(Ledger.pending(forked(ledger, 4))).toHaveLength(1)
    expect(Ledger.pending(forked(ledger, 4, false))).toEqual([])
    const later = keyBlocks(mined(keyBlocks(chain(), 1), spend(carol, bob)), 1)
    const base = forked(later, 2, false)
    const other = mined(base, spend(carol, alice, { amount: 7n }))
    expect(Ledger.pending(keyBlocks(submit(other, spend(carol, bob, { nonce: 2n })), 1))).toEqual([])
  })

  it("money out of nothing survives a fork, once", () => {
    const ledger = Ledger.fund(keyBlocks(Ledger.fund(chain(), alice.address, 5n), 2), alice.address, 7n)
    for (const after of [forked(ledger, 1), forked(ledger, 2), forked(forked(ledger, 1), 1)]) {
      expect(Ledger.balance(after, alice.address)).toBe(100n * AE + 12n)
    }
    const on = keyBlocks(forked(ledger, 2), 2)
    expect(Ledger.balance(forked(on, 2), alice.address)).toBe(100n * AE + 12n)
  })

  it("I18: a slash that a fork took away waits, and is mined again before the lock is over", () => {
    const newer = scene.state(AE, 4n * AE)
    const closing = mined(keyBlocks(mined(chain(), scene.opening), 1), scene.closeSolo(alice))
    const slash = scene.slash(bob, { payload: scene.payload(9, newer), poi: scene.poi(newer), nonce: 1n })
    const slashed = keyBlocks(mined(keyBlocks(closing, 1), slash), 2)
    const back = forked(slashed, 3)
    expect(Ledger.channel(back, scene.id)).toMatchObject({ round: 1, lockedUntil: 200_011 })
    expect(Ledger.channel(keyBlocks(back, 1), scene.id)).toMatchObject({ round: 9, lockedUntil: 200_011 })
  })
})

describe("Ledger: a fold over its operations", () => {
  const operations = FastCheck.array(operation, { minLength: 1, maxLength: 30, size: "max" })

  it.prop(
    "the same operations lead to the same chain, hashes included",
    [operations],
    ([list]) => {
      const [one, two] = [fold(start(), list), fold(start(), list)]
      expect(printOf(one.ledger)).toBe(printOf(two.ledger))
    },
    { fastCheck: runs(40) }
  )

  it.prop(
    "drop n blocks, then mine the same again: the same chain",
    [operations, operations, FastCheck.integer({ min: 1, max: 4 })],
    ([before, between, n]) => {
      const noForks = between.filter(({ kind }) => kind !== "fork" && kind !== "fund" && kind !== "key")
      const rest: ReadonlyArray<Operation> = Array.from({ length: n }).flatMap(() => [
        { kind: "key" as const, seconds: 1 },
        ...noForks
      ])
      const base = fold(start(), before)
      const end = fold(base, rest)
      const dropped = forked(end.ledger, n, false)
      // A key block takes those that wait along: the chain right before the first of them is what comes back.
      const settled = Ledger.mineKeyBlock(base.ledger, native, base.timeMs + 1_000).ledger.below
      expect([dropped.tip.hash, dropped.top.hash]).toEqual([settled?.tip.hash, settled?.top.hash])
      const again = fold({ ...base, ledger: { ...dropped, mempool: base.ledger.mempool } }, rest)
      expect(again.ledger.tip.hash).toBe(end.ledger.tip.hash)
      expect(Ledger.accounts(again.ledger)).toEqual(Ledger.accounts(end.ledger))
      expect(Ledger.channels(again.ledger)).toEqual(Ledger.channels(end.ledger))
    },
    { fastCheck: runs(40) }
  )

  it.prop(
    "what a fork takes away is on the chain again, waits, or cannot be any more; no money is lost",
    [operations, FastCheck.integer({ min: 1, max: 4 })],
    ([list, n]) => {
      const world = fold(start(), [...list, { kind: "key", seconds: 1 }])
      const after = Ledger.fork(world.ledger, n)
      if (after instanceof Ledger.LedgerError) {
        expect(after.reason).toBe("not_enough_blocks")
        return
      }
      expect(supply(after)).toBe(supply(world.ledger))
      for (const { signedTx, txHash } of Ledger.pending(after)) {
        expect(Ledger.transaction(after, txHash)?.height).toBe(-1)
        expect(SignedTx.hash(signedTx)).toBe(txHash)
      }
      expect(supply(keyBlocks(after, 2))).toBe(supply(world.ledger))
    },
    { fastCheck: runs(60) }
  )
})
