import { describe, expect, it } from "@effect/vitest"
import * as Fee from "../../../src/chain/Fee.js"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import type * as Transaction from "../../../src/chain/Transaction.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import type { PeerMessage } from "../../../src/node/PeerMessage.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import { native } from "../../support/TestCrypto.js"
import {
  amounts,
  blockAt,
  initiator,
  keyPairs,
  networkId,
  openWorld,
  other,
  outsider,
  reserve,
  responder,
  roles,
  total,
  type World,
  type WorldOptions
} from "./World.js"

type Operation = "deposit" | "withdraw"
type Proposal = Extract<PeerMessage, { readonly _tag: "Proposal" }>
const operations: ReadonlyArray<Operation> = ["deposit", "withdraw"]
const short = { deposit: "dep", withdraw: "wdraw" } as const

/** Every operation by every party. */
const cases = operations.flatMap((operation) => roles.map((role) => [operation, role] as const))

const half = (role: Role, operation: Operation, options: WorldOptions = {}): World => {
  const world = openWorld(options)
  world.move(role, operation)
  world.sign(role)
  return world
}
const locked = (role: Role, operation: Operation, options: WorldOptions = {}): World => {
  const world = openWorld(options)
  world.moveUntilLocked(role, operation)
  return world
}
/** `deep` has its own depth, the other party has not. */
const signed = (role: Role, operation: Operation, deep: Role, options: WorldOptions = {}): World => {
  const world = locked(role, operation, options)
  world.mine([deep])
  return world
}

/** The channel goes on from a round. */
const goesOn = (world: World, round: number): void => {
  expect(world.names()).toBe("open open")
  expect(world.rounds()).toEqual([round, round])
  for (const role of roles) {
    expect(world.state(role).exposed).toEqual([])
    expect(world.state(role).depthWatch).toBeUndefined()
    world.transfer(role)
  }
  expect(world.rounds()).toEqual([round + 2, round + 2])
}

describe.each(cases)("%s by the %s", (operation, role) => {
  const peer = other(role)
  const moved = operation === "deposit" ? 5n : -5n

  it("moves the coins when both have seen the depth", () => {
    const world = openWorld()
    expect(world.move(role, operation)).toBe("ok")
    expect(world.name(role)).toBe("awaiting_signature")
    world.sign(role, `${operation}_tx`)
    expect(world.name(role)).toBe(`${short[operation]}_half_signed`)
    world.settle()
    world.sign(peer, `${operation}_ack`)
    expect(world.name(peer)).toBe("awaiting_locked")
    world.settle()
    expect(world.names()).toBe("awaiting_locked awaiting_locked")
    expect(world.chain.pool.length).toBe(1)
    world.mine([role])
    expect(world.name(role)).toBe(`${short[operation]}_signed`)
    world.settle()
    expect(world.rounds()).toEqual([1, 1])
    world.deepen(peer)
    expect(world.name(peer)).toBe("open")
    world.settle()
    expect(world.names()).toBe("open open")
    const end = [
      "on_chain_tx channel_changed",
      `info own_${operation}_locked`,
      `info ${operation}_locked`,
      "update 2"
    ]
    expect(world.seen(role)).toEqual([
      "ok",
      `sign.${operation}_tx`,
      "ok",
      `on_chain_tx ${operation}_signed`,
      ...end
    ])
    expect(world.seen(peer)).toEqual([
      `info ${operation}_created`,
      `sign.${operation}_ack`,
      "ok",
      `on_chain_tx ${operation}_created`,
      ...end
    ])
    expect(world.rounds()).toEqual([2, 2])
    for (const each of roles) {
      expect(world.balance(each, role)).toBe(amounts[`${role}Amount`] + moved)
      expect(world.balance(each, peer)).toBe(amounts[`${peer}Amount`])
    }
    goesOn(world, 2)
  })

  it("makes a transaction of the own account with the smallest fee, and the update beside it", () => {
    const world = openWorld({ [role]: { ttl: 500 } })
    world.move(role, operation, 7n, { meta: ["a", "b"] })
    const asked = world.sides[role].lastSign
    const tx = asked?.signedTx.tx
    if (tx?._tag !== "ChannelDepositTx" && tx?._tag !== "ChannelWithdrawTx") throw new Error("no movement")
    expect(tx._tag).toBe(operation === "deposit" ? "ChannelDepositTx" : "ChannelWithdrawTx")
    expect(tx).toMatchObject({ channelId: world.channelId(), amount: 7n, round: 2, nonce: 7n, ttl: 500 })
    expect("fromId" in tx ? tx.fromId : tx.toId).toBe(keyPairs[role].address)
    expect(tx.fee).toBe(Fee.gas(tx) * 1_000_000_000n)
    expect(asked?.updates.map((update) => update._tag)).toEqual([
      operation === "deposit" ? "OffChainDeposit" : "OffChainWithdrawal",
      "OffChainMeta",
      "OffChainMeta"
    ])
    world.sign(role)
    world.settle()
    expect(world.sides[peer].lastSign?.updates).toEqual(asked?.updates)
  })

  it("takes fee, gas price, nonce and block as they are given", () => {
    const fee = (options: object): bigint => {
      const world = openWorld()
      expect(world.move(role, operation, 5n, options)).toBe("ok")
      const tx = world.sides[role].lastSign?.signedTx.tx
      return tx !== undefined && "fee" in tx ? tx.fee : -1n
    }
    const usual = fee({})
    expect(fee({ fee: usual + 7n })).toBe(usual + 7n)
    expect(fee({ gasPrice: 2_000_000_000n })).toBe(2n * usual)
    expect(fee({ fee: usual + 7n, gasPrice: 1_000_000_000n })).toBe(usual + 7n)
    expect(fee({ fee: usual - 7n, gasPrice: 1_000_000_000n })).toBe(usual)
    const world = openWorld()
    world.move(role, operation, 5n, { nonce: 99n, blockHash: blockAt(99) })
    expect(world.sides[role].lastSign?.signedTx.tx).toMatchObject({ nonce: 99n })
    expect(world.state(role).pending?.blockHash).toBe(blockAt(99))
    const unpinned = ApiEncoding.encode("kh", new Uint8Array(32))
    expect(openWorld().move(role, operation, 5n, { blockHash: unpinned })).toBe("ok")
  })

  it("refuses what cannot be", () => {
    const tooMuch = amounts[`${role}Amount`] - reserve + 1n
    const onChain = 10n ** 18n
    const refusals: ReadonlyArray<readonly [bigint, object, string]> = [
      [-1n, {}, "refused 3/1002"],
      [0n, {}, "refused -32603"],
      [5n, { fee: 1n }, "refused -32603"],
      [5n, { gasPrice: 1n }, "refused -32603"],
      [5n, { blockHash: ApiEncoding.encode("kh", new Uint8Array(32).fill(8)) }, "refused -32603"],
      [5n, { meta: ["x".repeat(65_300)] }, "refused -32603"],
      [5n, { fee: onChain + 1n }, "refused 3/1001"],
      operation === "deposit" ? [onChain, {}, "refused 3/1001"] : [tooMuch, {}, "refused -32603"]
    ]
    for (const [amount, options, expected] of refusals) {
      const world = openWorld()
      expect(world.move(role, operation, amount, options)).toBe(expected)
      expect(world.names()).toBe("open open")
    }
    const helpful = openWorld({ helpfulErrors: true })
    if (operation === "withdraw") {
      expect(helpful.move(role, operation, tooMuch)).toBe("refused 3/1001")
      expect(helpful.move(role, operation, tooMuch - 1n)).toBe("ok")
    }
  })

  for (const code of [1, 4, 147, 42]) {
    it(`the starter thinks again (${code}): nobody else hears of it`, () => {
      const world = openWorld()
      world.move(role, operation)
      expect(world.decline(role, `${operation}_tx`, code)).toBe("ok")
      world.settle()
      expect(world.seen(role)).toEqual(["ok", `sign.${operation}_tx`, "ok", "info aborted_update"])
      expect(world.seen(peer)).toEqual([])
      goesOn(world, 1)
    })

    it(`the acknowledger does not want it (${code})`, () => {
      const world = half(role, operation)
      world.settle()
      world.clear()
      expect(world.decline(peer, `${operation}_ack`, code)).toBe("ok")
      world.settle()
      expect(world.seen(peer)).toEqual(["ok", "info aborted_update"])
      const [line] = world.seen(role)
      expect(line).toMatch(new RegExp(`^conflict ${code} .* @1$`))
      goesOn(world, 1)
    })
  }

  it("cannot be aborted where nothing is to be signed", () => {
    for (const world of [openWorld(), half(role, operation), locked(role, operation)]) {
      expect(world.decline(role, `${operation}_tx`, 4)).toBe("refused 3/1018")
    }
  })

  const wrong: Record<string, (asked: SignedTx.SignedTx) => SignedTx.SignedTx> = {
    "no signature": (asked) => asked,
    "a stranger's signature": (asked) => SignedTx.sign(asked, outsider, { networkId, crypto: native }),
    "another amount": (asked) =>
      SignedTx.sign(
        SignedTx.unsigned({ ...asked.tx, amount: 777n } as Transaction.Transaction),
        keyPairs[role],
        { networkId, crypto: native }
      ),
    "another fee": (asked) =>
      SignedTx.sign(
        SignedTx.unsigned({ ...asked.tx, fee: 777n } as Transaction.Transaction),
        keyPairs[role],
        {
          networkId,
          crypto: native
        }
      )
  }
  for (const [name, change] of Object.entries(wrong)) {
    it(`the starter signs wrongly: ${name}`, () => {
      const world = openWorld()
      world.move(role, operation)
      const asked = world.sides[role].lastSign?.signedTx
      if (asked === undefined) throw new Error("not asked")
      world.reply(role, `${operation}_tx`, change(asked))
      world.settle()
      expect(world.seen(role).at(-1)).toBe("conflict 1 validation error @1")
      expect(world.seen(peer)).toEqual([])
      goesOn(world, 1)
    })

    it(`the acknowledger signs wrongly: ${name}`, () => {
      const world = half(role, operation)
      world.settle()
      world.clear()
      const asked = world.sides[peer].lastSign?.signedTx
      if (asked === undefined) throw new Error("not asked")
      world.reply(peer, `${operation}_ack`, change(asked))
      world.settle()
      for (const each of roles) expect(world.seen(each).at(-1)).toBe("conflict 1 validation error @1")
      goesOn(world, 1)
    })
  }

  it("the mempool refuses it: code 5 for both", () => {
    const world = half(role, operation)
    world.settle()
    world.clear()
    world.chain.refuses = () => true
    world.sign(peer)
    expect(world.seen(peer)).toEqual(["ok", `on_chain_tx ${operation}_created`])
    world.settle()
    for (const each of roles) expect(world.seen(each)).toEqual(["conflict 5 rejected on-chain @1"])
    world.chain.refuses = () => false
    // The watch of the transaction that came to nothing is still there.
    world.deepen(peer)
    goesOn(world, 1)
  })

  it("the starter's mempool refuses it, the acknowledger's does not", () => {
    const world = half(role, operation)
    world.settle()
    world.chain.refuses = () => true
    world.sign(peer)
    world.deliver(role)
    world.chain.refuses = () => false
    world.settle()
    expect(world.name(peer)).toBe("awaiting_locked")
    expect(world.chain.pool.length).toBe(1)
    world.clear()
    world.mine()
    world.settle()
    // The starter had given it up and finds it on chain: it waits for it as its peer does.
    expect(world.seen(role)).toEqual([
      "on_chain_tx channel_changed",
      `info own_${operation}_locked`,
      `info ${operation}_locked`,
      "update 2"
    ])
    goesOn(world, 2)
  })

  it("what both have signed is published before the starter's node sees it", () => {
    const world = half(role, operation)
    world.settle()
    const asked = world.sides[peer].lastSign?.signedTx
    if (asked === undefined) throw new Error("not asked")
    world.chain.pool.push(world.signed(peer, asked))
    world.clear()
    world.mine()
    world.settle()
    expect(world.seen(role)).toEqual([
      `on_chain_tx ${operation}_signed`,
      "on_chain_tx channel_changed",
      `info own_${operation}_locked`,
      `info ${operation}_locked`,
      "update 2"
    ])
    expect(world.seen(peer)).toEqual([
      `on_chain_tx ${operation}_created`,
      "on_chain_tx channel_changed",
      `info own_${operation}_locked`,
      `info ${operation}_locked`,
      "update 2"
    ])
    goesOn(world, 2)
  })

  it("nobody takes part: without a client code 2, with a client that has signed already nothing is asked", () => {
    const world = openWorld()
    world.event(peer, { _tag: "ClientGone" })
    world.move(role, operation)
    world.sign(role)
    world.settle()
    expect(world.seen(role).at(-1)).toBe("conflict 2 conflict @1")
    world.move(role, operation)
    const asked = world.sides[role].lastSign?.signedTx
    if (asked === undefined) throw new Error("not asked")
    world.reply(role, `${operation}_tx`, world.signed(peer, world.signed(role, asked)))
    world.settle()
    expect(world.names()).toBe("awaiting_locked awaiting_locked")
    world.mine()
    world.settle()
    world.event(peer, { _tag: "ClientAttached" })
    goesOn(world, 2)
  })

  it("the clients may be gone while the chain is waited for", () => {
    const world = locked(role, operation)
    for (const each of roles) world.event(each, { _tag: "ClientGone" })
    world.clear()
    world.mine()
    world.settle()
    for (const each of roles) expect(world.seen(each)).toEqual([])
    for (const each of roles) world.event(each, { _tag: "ClientAttached" })
    goesOn(world, 2)
  })

  it("depths of one side only, in either order", () => {
    for (const deep of roles) {
      const world = signed(role, operation, deep)
      world.settle()
      expect(world.name(deep)).toBe(`${short[operation]}_signed`)
      expect(world.name(other(deep))).toBe("awaiting_locked")
      expect(world.rounds()).toEqual([1, 1])
      world.deepen(other(deep))
      world.settle()
      goesOn(world, 2)
    }
  })

  it("a depth that is assumed counts for the own side only; the real one is told later", () => {
    const world = locked(role, operation)
    const { depthWatch } = world.state(role)
    if (depthWatch === undefined) throw new Error("nothing is awaited")
    expect(depthWatch.kind).toBe(operation)
    world.clear()
    const assume = { _tag: "AssumeMinimumDepth", txHash: depthWatch.txHash } as const
    expect(world.ask(role, assume)).toBe("ok")
    expect(world.seen(role)).toEqual(["ok", `info own_${operation}_locked`])
    expect(world.ask(role, assume)).toBe("refused -32603")
    world.settle()
    world.mine([peer])
    world.settle()
    expect(world.names()).toBe("open open")
    world.clear()
    world.deepen(role)
    expect(world.seen(role)).toEqual(["info minimum_depth_achieved"])
    const report = world.sides[role].reports.at(-1)
    expect(report).toMatchObject({
      notice: "already_assumed",
      txHash: depthWatch.txHash,
      txType: `channel_${operation}_tx`
    })
    goesOn(world, 2)
  })

  it("another movement of the next round while one is awaited ends the machine", () => {
    const world = locked(role, operation)
    const pushed = world.chain.pool[0]
    if (pushed === undefined) throw new Error("not pushed")
    const tx = SignedTx.unsigned({ ...pushed.tx, amount: 777n } as Transaction.Transaction)
    const channel = world.channelObject(new Uint8Array(32))
    world.event(role, { _tag: "ChainSaid", event: { _tag: "ChannelChanged", tx, channel } })
    expect(world.name(role)).toBe("stopped")
  })

  it("the same transaction under other signatures is waited for instead", () => {
    const world = locked(role, operation)
    const [pushed] = world.chain.pool.splice(0)
    if (pushed === undefined) throw new Error("not pushed")
    const raw = roles.reduce(
      (tx, each) =>
        SignedTx.addSignature(
          tx,
          native.sign(SignedTx.signingMessage(tx.txBytes, networkId, "raw"), keyPairs[each].secretKey)
        ),
      SignedTx.unsigned(pushed.tx)
    )
    expect(SignedTx.hash(raw)).not.toBe(SignedTx.hash(pushed))
    for (const each of roles) world.sides[each].watches.length = 0
    world.chain.pool.push(raw)
    world.mine()
    world.settle()
    expect(SignedTx.hash(world.state(role).offChain.signedTx ?? pushed)).toBe(SignedTx.hash(raw))
    goesOn(world, 2)
  })

  it("a wrong `locked` of the peer ends the machine", () => {
    const channelId = openWorld().channelId()
    const txHash = ApiEncoding.encode("th", new Uint8Array(32))
    const stranger = ApiEncoding.encode("ch", new Uint8Array(32))
    for (const wrongly of [
      { channelId },
      { channelId: stranger },
      { channelId, operation: operation === "deposit" ? "withdraw" : "deposit" } as const
    ]) {
      const world = signed(role, operation, role)
      const right = world.state(role).pending?.signedTx
      if (right === undefined) throw new Error("nothing pending")
      const hash = "operation" in wrongly ? SignedTx.hash(right) : txHash
      world.event(role, {
        _tag: "PeerSaid",
        message: { _tag: "Locked", operation, txHash: hash, ...wrongly }
      })
      expect(world.name(role)).toBe("stopped")
    }
  })
})

describe.each(cases)("what the peer proposes: %s by the %s", (operation, role) => {
  const peer = other(role)
  const stranger = ApiEncoding.encode("ch", new Uint8Array(32).fill(9))
  const account = operation === "deposit" ? "fromId" : "toId"
  const resigned = (good: Proposal, change: object): Proposal => ({
    ...good,
    signedTx: SignedTx.sign(
      SignedTx.unsigned({ ...good.signedTx.tx, ...change } as Transaction.Transaction),
      keyPairs[role],
      { networkId, crypto: native }
    )
  })
  const faults: Record<string, (good: Proposal) => Proposal> = {
    "another channel": (good) => ({ ...good, channelId: stranger }),
    "another channel in the transaction": (good) => resigned(good, { channelId: stranger }),
    "a wrong round": (good) => resigned(good, { round: 3 }),
    "the same round": (good) => resigned(good, { round: 1 }),
    "a wrong state hash": (good) => resigned(good, { stateHash: new Uint8Array(32) }),
    "an amount that differs from the update's": (good) => resigned(good, { amount: 777n }),
    "another account": (good) => resigned(good, { [account]: keyPairs[peer].address }),
    "a fee below the protocol's": (good) => resigned(good, { fee: 1n }),
    "a fee the account cannot pay": (good) => resigned(good, { fee: 10n ** 18n + 1n }),
    "another type": (good) =>
      resigned(good, {
        _tag: operation === "deposit" ? "ChannelWithdrawTx" : "ChannelDepositTx",
        toId: initiator.address,
        fromId: initiator.address
      }),
    "no signature": (good) => ({ ...good, signedTx: SignedTx.unsigned(good.signedTx.tx) }),
    "a stranger's signature": (good) => ({
      ...good,
      signedTx: SignedTx.sign(SignedTx.unsigned(good.signedTx.tx), outsider, { networkId, crypto: native })
    }),
    "no update": (good) => ({ ...good, updates: [] }),
    "the update twice": (good) => ({ ...good, updates: [...good.updates, ...good.updates] }),
    "an update of the other account": (good) => ({
      ...good,
      updates: good.updates.map((update) =>
        update._tag === "OffChainDeposit"
          ? { ...update, from: keyPairs[peer].address }
          : update._tag === "OffChainWithdrawal"
            ? { ...update, to: keyPairs[peer].address }
            : update
      )
    }),
    "a transfer beside it": (good) => ({
      ...good,
      updates: [
        ...good.updates,
        { _tag: "OffChainTransfer", from: responder.address, to: initiator.address, amount: 1n }
      ]
    }),
    "an unknown block": (good) => ({
      ...good,
      blockHash: ApiEncoding.encode("kh", new Uint8Array(32).fill(3))
    }),
    "a block that is too old": (good) => ({ ...good, blockHash: blockAt(89) })
  }
  for (const [name, change] of Object.entries(faults)) {
    it(`${name} is refused with code 2`, () => {
      const world = half(role, operation)
      const good = world.sides[peer].inbox.pop()
      if (good === undefined || good === "down" || good._tag !== "Proposal") throw new Error("no proposal")
      world.clear()
      world.chain.height = 100
      world.event(peer, { _tag: "PeerSaid", message: change(good) })
      expect(world.seen(peer)).toEqual(["conflict 2 conflict @1"])
      world.settle()
      expect(world.seen(role)).toEqual(["conflict 2 conflict @1"])
      goesOn(world, 1)
    })
  }

  it("a withdrawal that leaves less than the reserve, a deposit the account does not hold", () => {
    const world = half(role, operation)
    if (operation === "deposit") world.chain.balance = 4n
    else world.sides[peer].state = { ...world.state(peer), channelReserve: total }
    world.settle()
    for (const each of roles) expect(world.seen(each).at(-1)).toBe("conflict 2 conflict @1")
    expect(world.names()).toBe("open open")
  })

  it("a co-signature of something else ends it with code 2", () => {
    const world = half(role, operation)
    const good = world.sides[peer].inbox.pop()
    if (good === undefined || good === "down" || good._tag !== "Proposal") throw new Error("no proposal")
    const { blockHash, channelId, signedTx } = resigned(good, { amount: 777n })
    world.clear()
    world.event(role, {
      _tag: "PeerSaid",
      message: {
        _tag: "Acknowledgement",
        operation,
        channelId,
        blockHash,
        signedTx: world.signed(peer, signedTx)
      }
    })
    expect(world.seen(role)).toEqual(["conflict 2 conflict @1"])
    expect(world.name(role)).toBe("open")
  })
})
