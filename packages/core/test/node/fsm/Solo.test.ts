import { describe, expect, it } from "@effect/vitest"
import * as Fee from "../../../src/chain/Fee.js"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import type { StateName } from "../../../src/node/ChannelFsm.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import type { OnChainOptions, Request } from "../../../src/protocol/Request.js"
import type { SignTag } from "../../../src/protocol/SignTag.js"
import * as Poi from "../../../src/state/Poi.js"
import * as Trees from "../../../src/state/Trees.js"
import { initiator, keyPairs, openWorld, other, outsider, responder, roles, World } from "./World.js"
import { native } from "../../support/TestCrypto.js"

const bad = "refused -32603"
type Operation = "SnapshotSolo" | "CloseSolo" | "Slash" | "Settle"
const tags: Record<Operation, SignTag> = {
  SnapshotSolo: "snapshot_solo_tx",
  CloseSolo: "close_solo_sign",
  Slash: "slash_tx",
  Settle: "settle_sign"
}
const operations: ReadonlyArray<Operation> = ["SnapshotSolo", "CloseSolo", "Slash", "Settle"]
/** Where each operation begins and ends. */
const homes: Record<Operation, "open" | "channel_closing"> = {
  SnapshotSolo: "open",
  CloseSolo: "open",
  Slash: "channel_closing",
  Settle: "channel_closing"
}

/** An open channel in round 2. */
const advanced = (): World => {
  const world = openWorld()
  world.transfer("initiator")
  return world.clear()
}

const run = (world: World, role: Role, operation: Operation, options: OnChainOptions = {}): void => {
  expect(world.ask(role, { _tag: operation, ...options })).toBe("ok")
  world.sign(role, tags[operation])
}

/** A channel that the role closed with its latest state, which is round 2. */
const closing = (role: Role = "initiator"): World => {
  const world = advanced()
  run(world, role, "CloseSolo")
  world.mine()
  expect(world.names()).toBe("channel_closing channel_closing")
  return world.clear()
}

/** A channel in round 3 that somebody closed with round 2. */
const cheated = (): World => {
  const world = advanced()
  run(world, "initiator", "CloseSolo")
  const [old] = world.chain.pool.splice(0)
  world.transfer("responder")
  if (old === undefined) throw new Error("no close")
  world.chain.pool.push(old)
  world.clear()
  world.mine()
  return world
}

const ready = (operation: Operation): World => (homes[operation] === "open" ? advanced() : closing())
/** Long after the lock period. */
const wait = (world: World): void => {
  world.chain.height = (world.chain.channel?.lockedUntil ?? 0) + 1
}

const pooled = (world: World) => {
  const signedTx = world.chain.pool[0]
  if (signedTx === undefined) throw new Error("nothing was given to the chain")
  return signedTx
}

describe.each(roles)("orders of messages: %s", (role) => {
  const peer = other(role)

  it("snapshot", () => {
    const world = advanced()
    run(world, role, "SnapshotSolo")
    expect(world.names()).toBe("open open")
    expect(world.seen(role)).toEqual(["ok", "sign.snapshot_solo_tx", "ok"])
    world.mine()
    expect(world.seen(role)).toEqual(["on_chain_tx channel_changed", "info min_depth_achieved"])
    expect(world.seen(peer)).toEqual(["on_chain_tx channel_changed"])
    expect(world.sides[role].reports.at(-1)).toMatchObject({
      event: "min_depth_achieved",
      txType: "channel_snapshot_solo_tx",
      txHash: SignedTx.hash(world.chain.mined.at(-1) ?? pooled(world))
    })
    expect(world.state(role).snapshots.size).toBe(0)
    expect(world.ask(role, { _tag: "SnapshotSolo" })).toBe("refused 3/1013")
    world.transfer(peer)
    run(world, role, "SnapshotSolo")
  })

  it("close, and settle when the lock period is over", () => {
    const world = advanced()
    run(world, role, "CloseSolo")
    expect(world.names()).toBe("open open")
    expect(world.seen(role)).toEqual(["ok", "sign.close_solo_sign", "ok"])
    world.mine()
    for (const each of roles) {
      expect(world.seen(each)).toEqual(["on_chain_tx solo_closing", "info closing"])
    }
    wait(world)
    run(world, peer, "Settle")
    expect(world.names()).toBe("channel_closing channel_closing")
    expect(world.seen(peer)).toEqual(["ok", "sign.settle_sign", "ok"])
    world.mine()
    for (const each of roles) {
      expect(world.seen(each)).toEqual([
        "on_chain_tx channel_closed",
        "info closed_confirmed",
        "info died",
        "close"
      ])
    }
  })

  it("settle before the end of the lock period is kept, whatever else is asked", () => {
    const world = closing()
    run(world, role, "Settle")
    expect(world.chain.pool).toEqual([])
    expect(world.sides[role].unlocks).toBe(1)
    expect(world.name(role)).toBe("channel_closing")
    // Other operations do not replace it, and neither does idleness.
    for (const request of ["Slash", "Settle", "Shutdown"] as const) {
      world.ask(role, { _tag: request })
      world.decline(role, world.sides[role].lastSign?.tag ?? "slash_tx", 4)
    }
    world.fire(role)
    expect(world.name(role)).toBe("channel_closing")
    world.clear()
    wait(world)
    world.event(role, { _tag: "ChainSaid", event: { _tag: "ChannelUnlocked" } })
    expect(world.seen(role)).toEqual([])
    expect(pooled(world).tx._tag).toBe("ChannelSettleTx")
    world.mine()
    expect(world.names()).toBe("stopped stopped")
  })

  it("slash", () => {
    const world = cheated()
    for (const each of roles) {
      expect(world.seen(each)).toEqual(["on_chain_tx can_slash", "info closing"])
      expect(world.sides[each].reports.at(-2)).toMatchObject({
        info: "can_slash",
        type: "channel_offchain_tx",
        tx: world.state(each).offChain.signedTx
      })
    }
    run(world, role, "Slash")
    expect(world.seen(role)).toEqual(["ok", "sign.slash_tx", "ok"])
    world.mine()
    for (const each of roles) expect(world.seen(each)).toEqual(["on_chain_tx solo_closing"])
    expect(world.sides[role].reports.at(-1)).toMatchObject({ type: "channel_slash_tx" })
    expect(world.chain.channel?.round).toBe(3)
    expect(world.names()).toBe("channel_closing channel_closing")
  })
})

describe("transactions", () => {
  const asked = (world: World, role: Role, operation: Operation) => {
    world.ask(role, { _tag: operation })
    const request = world.sides[role].lastSign
    if (request?.tag !== tags[operation]) throw new Error(`not asked to sign: ${request?.tag}`)
    return request.signedTx.tx
  }

  it("a snapshot carries the latest state", () => {
    const world = advanced()
    const { signedTx } = world.state("responder").offChain
    if (signedTx === undefined) throw new Error("no state")
    expect(asked(world, "responder", "SnapshotSolo")).toMatchObject({
      _tag: "ChannelSnapshotSoloTx",
      channelId: world.channelId(),
      fromId: responder.address,
      payload: SignedTx.encode(signedTx),
      ttl: 0,
      nonce: 7n
    })
  })

  it("a snapshot needs an off-chain state newer than the chain's", () => {
    const world = openWorld()
    expect(world.ask("initiator", { _tag: "SnapshotSolo" })).toBe("refused 2/1012")
    world.transfer("initiator")
    if (world.chain.channel !== undefined) world.chain.channel = { ...world.chain.channel, round: 2 }
    expect(world.ask("initiator", { _tag: "SnapshotSolo" })).toBe("refused 3/1013")
  })

  for (const [what, round, empty] of [
    ["the state the chain has", 2, true],
    ["another state of the same round", 2, false],
    ["a newer state", 1, false]
  ] as const) {
    it(`a close with ${what} ${empty ? "has no payload" : "carries it"}, and proves both accounts`, () => {
      const world = advanced()
      const { signedTx, trees } = world.state("initiator").offChain
      if (signedTx === undefined || world.chain.channel === undefined) throw new Error("no state")
      const stateHash = empty ? Trees.stateHash(trees) : world.chain.channel.stateHash
      world.chain.channel = { ...world.chain.channel, round, stateHash }
      const tx = asked(world, "initiator", "CloseSolo")
      if (tx._tag !== "ChannelCloseSoloTx") throw new Error(tx._tag)
      expect(tx.payload).toEqual(empty ? new Uint8Array(0) : SignedTx.encode(signedTx))
      const poi = Poi.decodeOrThrow(tx.poi)
      expect(Poi.stateHash(poi)).toEqual(Trees.stateHash(trees))
      expect(Poi.account(poi, initiator.address)?.balance).toBe(world.balance("initiator", "initiator"))
      expect(Poi.account(poi, responder.address)?.balance).toBe(world.balance("initiator", "responder"))
    })
  }

  it("a close in the first round needs no payload", () => {
    expect(asked(openWorld(), "responder", "CloseSolo")).toMatchObject({ payload: new Uint8Array(0) })
  })

  it("a slash carries the latest state, a settle its balances", () => {
    const world = closing()
    const { signedTx } = world.state("responder").offChain
    if (signedTx === undefined) throw new Error("no state")
    expect(asked(world, "responder", "Slash")).toMatchObject({
      fromId: responder.address,
      payload: SignedTx.encode(signedTx)
    })
    world.decline("responder", "slash_tx", 4)
    expect(asked(world, "responder", "Settle")).toMatchObject({
      _tag: "ChannelSettleTx",
      fromId: responder.address,
      initiatorAmountFinal: world.balance("responder", "initiator"),
      responderAmountFinal: world.balance("responder", "responder")
    })
  })

  for (const operation of operations) {
    it(`${operation} takes fee, price and nonce; too low a fee is refused`, () => {
      const world = ready(operation)
      const least = (price: bigint): bigint => {
        const tx = world.sides.initiator.lastSign?.signedTx.tx
        return tx === undefined ? 0n : Fee.minimumFee(tx, price)
      }
      const given = (options: OnChainOptions) => {
        expect(world.ask("initiator", { _tag: operation, ...options })).toBe("ok")
        const tx = world.sides.initiator.lastSign?.signedTx.tx
        world.decline("initiator", tags[operation], 4)
        if (tx === undefined || !("fee" in tx) || !("nonce" in tx)) throw new Error("no transaction")
        return tx
      }
      expect(given({}).fee).toBe(least(1_000_000_000n))
      expect(given({ gasPrice: 2_000_000_000n }).fee).toBe(least(2_000_000_000n))
      expect(given({ fee: 10n ** 15n }).fee).toBe(10n ** 15n)
      expect(given({ fee: 10n ** 15n, gasPrice: 1_000_000_000n }).fee).toBe(10n ** 15n)
      expect(given({ fee: 1n, gasPrice: 1_000_000_000n }).fee).toBe(least(1_000_000_000n))
      expect(given({ nonce: 99n }).nonce).toBe(99n)
      world.clear()
      for (const options of [{ fee: 0n }, { fee: 1n }, { gasPrice: 0n }, { gasPrice: 1n }]) {
        expect(world.ask("initiator", { _tag: operation, ...options })).toBe(bad)
      }
      expect(world.name("initiator")).toBe(homes[operation])
    })

    it(`${operation} takes the opening's ttl`, () => {
      const world = openWorld({ initiator: { ttl: 1_000 }, responder: { ttl: 1_000 } })
      world.transfer("initiator")
      if (homes[operation] === "channel_closing") {
        run(world, "responder", "CloseSolo")
        world.mine()
      }
      expect(asked(world, "initiator", operation)).toMatchObject({ ttl: 1_000 })
    })
  }
})

describe.each(operations)("%s that does not come to its end", (operation) => {
  const tag = tags[operation]
  const home = homes[operation]
  const clean = (world: World, role: Role): void => {
    world.settle()
    expect(world.names()).toBe(`${home} ${home}`)
    expect(world.chain.pool).toEqual([])
    expect(world.seen(other(role))).toEqual([])
    // It can be asked for again.
    run(world, role, operation)
    expect(world.name(role)).toBe(home)
  }

  for (const role of roles) {
    for (const code of [1, 4, 147]) {
      it(`the ${role} aborts with ${code}`, () => {
        const world = ready(operation)
        world.ask(role, { _tag: operation })
        expect(world.decline(role, tag, code)).toBe("ok")
        expect(world.seen(role)).toEqual(["ok", `sign.${tag}`, "ok", "info aborted_update"])
        expect(world.decline(role, tag, code)).toBe("refused 3/1018")
        clean(world, role)
      })
    }

    it(`the mempool refuses what the ${role} signed: code 5, own client only`, () => {
      const world = ready(operation)
      if (operation === "Settle") wait(world)
      world.chain.refuses = () => true
      run(world, role, operation)
      const round = world.state(role).offChain.round
      expect(world.seen(role)).toEqual(["ok", `sign.${tag}`, "ok", `conflict 5 rejected on-chain @${round}`])
      world.chain.refuses = () => false
      clean(world, role)
    })

    it(`the ${role} does not sign in time: code 3, own client only`, () => {
      const world = ready(operation)
      world.ask(role, { _tag: operation })
      world.fire(role)
      expect(world.seen(role)).toEqual(["ok", `sign.${tag}`, "conflict 3 timeout @2"])
      clean(world, role)
      // Too late.
      world.clear()
    })
  }

  const wrong: Record<Operation, ReadonlyArray<string>> = {
    SnapshotSolo: [],
    CloseSolo: ["conflict 5 rejected on-chain @2"],
    Slash: ["conflict 5 rejected on-chain @2"],
    Settle: ["conflict 1 validation error @2"]
  }
  const signedWrongly: Record<string, (world: World, asked: SignedTx.SignedTx) => SignedTx.SignedTx> = {
    "no signature": (_, asked) => asked,
    "a stranger's signature": (_, asked) =>
      SignedTx.sign(asked, outsider, { networkId: "ae_test", crypto: native }),
    "the peer's signature": (world, asked) => world.signed("responder", asked),
    "another fee": (world, asked) =>
      "fee" in asked.tx
        ? world.signed("initiator", SignedTx.unsigned({ ...asked.tx, fee: asked.tx.fee + 1n }))
        : asked,
    "another transaction": (world) => {
      const { signedTx } = world.state("initiator").offChain
      if (signedTx === undefined) throw new Error("no state")
      return signedTx
    },
    "a transaction without a channel": (world) =>
      world.signed(
        "initiator",
        SignedTx.unsigned({
          _tag: "SpendTx",
          version: 1,
          senderId: initiator.address,
          recipientId: responder.address,
          amount: 1n,
          fee: 10n ** 15n,
          ttl: 0,
          nonce: 7n,
          payload: new Uint8Array(0)
        })
      )
  }
  for (const [name, make] of Object.entries(signedWrongly)) {
    it(`${name}`, () => {
      const world = ready(operation)
      world.ask("initiator", { _tag: operation })
      const asked = world.sides.initiator.lastSign?.signedTx
      if (asked === undefined) throw new Error("not asked")
      world.reply("initiator", tag, make(world, asked))
      expect(world.seen("initiator")).toEqual(["ok", `sign.${tag}`, "ok", ...wrong[operation]])
      clean(world, "initiator")
    })
  }

  it("without a client it is refused", () => {
    const world = ready(operation)
    world.event("initiator", { _tag: "ClientGone" })
    expect(world.ask("initiator", { _tag: operation })).toBe(bad)
  })

  it("the client may come back in between", () => {
    const world = ready(operation)
    world.ask("initiator", { _tag: operation })
    world.event("initiator", { _tag: "ClientGone" })
    world.event("initiator", { _tag: "ClientAttached" })
    expect(world.seen("initiator")).toEqual([
      "ok",
      `sign.${tag}`,
      "info fsm_up +fsm_id",
      // Whoever was away learns that the channel is being closed.
      ...(home === "channel_closing" ? ["on_chain_tx solo_closing"] : [])
    ])
    world.sign("initiator", tag)
    expect(world.name("initiator")).toBe(home)
  })

  it("a peer that is lost in between is no matter", () => {
    const world = ready(operation)
    world.ask("responder", { _tag: operation })
    world.call("initiator", { _tag: "Stop" })
    world.settle()
    expect(world.name("responder")).toBe("awaiting_signature")
    world.sign("responder", tag)
    expect(world.name("responder")).toBe(home)
  })
})

describe("what meets a solo operation", () => {
  it("a proposal of the peer waits until it is signed or given up", () => {
    for (const end of ["sign", "decline"] as const) {
      const world = advanced()
      world.ask("initiator", { _tag: "SnapshotSolo" })
      world.propose("responder")
      world.sign("responder")
      world.settle()
      expect(world.seen("initiator")).toEqual(["ok", "sign.snapshot_solo_tx"])
      if (end === "sign") world.sign("initiator")
      else world.decline("initiator", "snapshot_solo_tx", 4)
      const last = end === "sign" ? [] : ["info aborted_update"]
      expect(world.seen("initiator")).toEqual(["ok", ...last, "info update", "sign.update_ack"])
      world.sign("initiator", "update_ack")
      world.settle()
      expect(world.rounds()).toEqual([3, 3])
    }
  })

  it("a request of the own client waits", () => {
    const world = advanced()
    world.ask("initiator", { _tag: "CloseSolo" })
    const callId = world.call("initiator", world.transferRequest(1n))
    expect(world.answer("initiator", callId)).toBeUndefined()
    world.sign("initiator", "close_solo_sign")
    expect(world.answer("initiator", callId)).toBe("ok")
    expect(world.sides.initiator.lastSign?.tag).toBe("update")
  })

  const unsigned: ReadonlyArray<Request> = [
    new World().transferRequest(1n),
    { _tag: "Shutdown" },
    { _tag: "Deposit", amount: 1n, meta: [] },
    { _tag: "Withdraw", amount: 1n, meta: [] },
    { _tag: "SnapshotSolo" },
    { _tag: "CloseSolo" }
  ]
  for (const request of unsigned) {
    for (const operation of ["SnapshotSolo", "CloseSolo"] as const) {
      it(`${operation} takes the place of an unsigned ${request._tag}`, () => {
        const world = advanced()
        expect(world.ask("initiator", request)).toBe("ok")
        const before = world.sides.initiator.lastSign
        expect(world.ask("initiator", { _tag: operation })).toBe("ok")
        const now = world.sides.initiator.lastSign
        // The reply to the old request is nobody's.
        if (before !== undefined && before.tag !== now?.tag) {
          world.reply("initiator", before.tag, world.signed("initiator", before.signedTx))
        }
        expect(world.name("initiator")).toBe("awaiting_signature")
        world.sign("initiator", tags[operation])
        world.settle()
        expect(world.names()).toBe("open open")
        expect(world.rounds()).toEqual([2, 2])
        world.transfer("responder")
        expect(world.rounds()).toEqual([3, 3])
      })
    }
  }

  it("it does not take the place of what the peer waits for", () => {
    const world = advanced()
    world.propose("responder")
    world.sign("responder")
    world.settle()
    for (const _tag of ["SnapshotSolo", "CloseSolo"] as const) {
      expect(world.ask("initiator", { _tag })).toBe(bad)
      expect(world.ask("responder", { _tag })).toBe(bad)
    }
    world.sign("initiator", "update_ack")
    world.settle()
    expect(world.rounds()).toEqual([3, 3])
  })

  it("a close of the peer that is in a block while the own one is signed", () => {
    const world = advanced()
    world.ask("initiator", { _tag: "CloseSolo" })
    run(world, "responder", "CloseSolo")
    world.clear()
    world.mine()
    expect(world.seen("initiator")).toEqual(["on_chain_tx solo_closing", "info closing"])
    world.sign("initiator")
    expect(world.seen("initiator")).toEqual(["ok"])
    expect(world.chain.pool).toEqual([])
    expect(world.name("initiator")).toBe("channel_closing")
  })

  it("a close of the peer that the machine has not heard of yet: nothing to be done any more", () => {
    const world = advanced()
    world.ask("initiator", { _tag: "CloseSolo" })
    if (world.chain.channel !== undefined) world.chain.channel = { ...world.chain.channel, lockedUntil: 200 }
    world.clear()
    world.sign("initiator")
    expect(world.seen("initiator")).toEqual(["ok"])
    expect(world.chain.pool).toEqual([])
    const snapshot = advanced()
    snapshot.ask("initiator", { _tag: "SnapshotSolo" })
    if (snapshot.chain.channel !== undefined)
      snapshot.chain.channel = { ...snapshot.chain.channel, lockedUntil: 200 }
    snapshot.clear()
    snapshot.sign("initiator")
    expect(snapshot.seen("initiator")).toEqual(["ok", "conflict 5 rejected on-chain @2"])
  })
})

describe("a settle that waits", () => {
  const waiting = (): World => {
    const world = closing()
    run(world, "initiator", "Settle")
    return world.clear()
  }
  const unlocked = (world: World): void =>
    world.event("initiator", { _tag: "ChainSaid", event: { _tag: "ChannelUnlocked" } })

  it("waits on when the lock period became longer", () => {
    const world = waiting()
    unlocked(world)
    expect(world.chain.pool).toEqual([])
    expect(world.sides.initiator.unlocks).toBe(2)
    wait(world)
    unlocked(world)
    expect(world.chain.pool.length).toBe(1)
    // Told twice, given once.
    unlocked(world)
    expect(world.chain.pool.length).toBe(1)
  })

  it("is refused by the mempool: code 5", () => {
    const world = waiting()
    wait(world)
    world.chain.refuses = () => true
    unlocked(world)
    expect(world.seen("initiator")).toEqual(["conflict 5 rejected on-chain @2"])
    expect(world.name("initiator")).toBe("channel_closing")
  })

  it("pays other amounts than the chain by now: code 5", () => {
    const world = waiting()
    wait(world)
    if (world.chain.channel !== undefined)
      world.chain.channel = { ...world.chain.channel, initiatorAmount: 1n }
    unlocked(world)
    expect(world.seen("initiator")).toEqual(["conflict 5 rejected on-chain @2"])
    expect(world.chain.pool).toEqual([])
  })

  it("is replaced by a newer one, and forgotten when the channel is closed otherwise", () => {
    const world = waiting()
    run(world, "initiator", "Settle", { fee: 10n ** 15n })
    expect(world.state("initiator").pendingSettle?.tx).toMatchObject({ fee: 10n ** 15n })
    wait(world)
    run(world, "responder", "Settle")
    world.mine([])
    expect(world.state("initiator").pendingSettle).toBeUndefined()
    unlocked(world)
    expect(world.chain.pool).toEqual([])
  })
})

describe("requests by state", () => {
  const in_ = (state: StateName): World => {
    const world = advanced()
    const shutdown = (): void => {
      world.call("initiator", { _tag: "Shutdown" })
      world.sign("initiator")
    }
    switch (state) {
      case "awaiting_update_ack":
        world.propose("initiator")
        world.sign("initiator")
        break
      case "awaiting_leave_ack":
        world.call("initiator", { _tag: "Leave" })
        break
      case "mutual_closing":
        shutdown()
        break
      case "mutual_closed":
      case "channel_closed":
        shutdown()
        world.settle()
        world.sign("responder")
        world.settle()
        if (state === "channel_closed") world.mine([])
        break
      case "dep_half_signed":
        world.move("initiator", "deposit")
        world.sign("initiator")
        break
      case "awaiting_locked":
        world.moveUntilLocked("initiator", "deposit")
        break
      case "dep_signed":
        world.moveUntilLocked("initiator", "deposit")
        world.mine(["initiator"])
        break
      case "channel_closing":
        return closing()
    }
    expect(world.name("initiator")).toBe(state)
    return world
  }
  const states: ReadonlyArray<StateName> = [
    "open",
    "awaiting_update_ack",
    "awaiting_leave_ack",
    "dep_half_signed",
    "awaiting_locked",
    "dep_signed",
    "mutual_closing",
    "mutual_closed",
    "channel_closing",
    "channel_closed"
  ]
  for (const state of states) {
    it(state, () => {
      for (const operation of operations) {
        const world = in_(state)
        expect(`${operation} ${world.ask("initiator", { _tag: operation })}`).toBe(
          `${operation} ${homes[operation] === state ? "ok" : bad}`
        )
      }
    })
  }

  it("before the channel is open", () => {
    for (const operation of operations) {
      const world = new World().start()
      expect(world.ask("initiator", { _tag: operation })).toBe(bad)
      expect(world.ask("responder", { _tag: operation })).toBe("refused 3/108")
      world.link()
      world.settle()
      // The create transaction is being signed.
      expect(world.ask("initiator", { _tag: operation })).toBe(bad)
      world.sign("initiator")
      expect(world.ask("initiator", { _tag: operation })).toBe(bad)
    }
  })
})

it("the log names what happened", () => {
  const world = closing()
  run(world, "initiator", "Settle")
  world.event("initiator", { _tag: "ChainSaid", event: { _tag: "ChannelUnlocked" } })
  const tags_ = world.state("initiator").log
  const seen = [...tags_.newer, ...tags_.older].map(({ kind, tag }) => `${kind} ${tag}`)
  expect(seen).toContain("rcv channel_unlocked")
  expect(seen).toContain("rcv signed")
  expect(seen).toContain("req sign")
  expect(seen).toContain("rcv channel_closing")
  expect(keyPairs.initiator.address).toBe(initiator.address)
})
