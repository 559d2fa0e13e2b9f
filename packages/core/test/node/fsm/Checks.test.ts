import { describe, expect, it } from "@effect/vitest"
import * as Fee from "../../../src/chain/Fee.js"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import type * as Transaction from "../../../src/chain/Transaction.js"
import type { PeerMessage } from "../../../src/node/PeerMessage.js"
import { notPinned } from "../../../src/node/fsm/Transactions.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import type { SignTag } from "../../../src/protocol/SignTag.js"
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
  World
} from "./World.js"

type Proposal = Extract<PeerMessage, { readonly _tag: "Proposal" }>

const resign = (signed: SignedTx.SignedTx, change: object): SignedTx.SignedTx =>
  SignedTx.unsigned({ ...signed.tx, ...change } as Transaction.Transaction)

const spend: Transaction.Transaction = {
  _tag: "SpendTx",
  version: 1,
  senderId: initiator.address,
  recipientId: responder.address,
  amount: 1n,
  fee: 1n,
  ttl: 0,
  nonce: 1n,
  payload: new Uint8Array(0)
}
const stranger = ApiEncoding.encode("ch", new Uint8Array(32).fill(9))

/** What a client can send back instead of what it was asked to sign; `good` is the right answer. */
const wrongReplies: Record<string, (good: SignedTx.SignedTx, bare: SignedTx.SignedTx) => SignedTx.SignedTx> =
  {
    "no signature": (_, bare) => bare,
    "a stranger's signature": (_, bare) => SignedTx.sign(bare, outsider, { networkId, crypto: native }),
    "a signature for another network": (_, bare) =>
      SignedTx.sign(bare, initiator, { networkId: "ae_other", crypto: native }),
    "one signature too many": (good) => SignedTx.sign(good, outsider, { networkId, crypto: native }),
    "another channel": (good) => resign(good, { channelId: stranger }),
    "another round": (good) => resign(good, { round: 7 }),
    "another state": (good) => resign(good, { stateHash: new Uint8Array(32) }),
    "a spend transaction": () => SignedTx.unsigned(spend)
  }

describe("what the own client signs", () => {
  for (const role of roles) {
    const peer = other(role)
    for (const [name, wrong] of Object.entries(wrongReplies)) {
      const sent = (good: SignedTx.SignedTx, bare: SignedTx.SignedTx) => {
        const reply = wrong(good, bare)
        return SignedTx.sameTransaction(reply, good)
          ? reply
          : SignedTx.sign(reply, keyPairs[role], { networkId, crypto: native })
      }

      it(`update of the ${role}: ${name} is code 1 for the own client only`, () => {
        const world = openWorld()
        world.propose(role)
        const asked = world.sides[role].lastSign?.signedTx ?? SignedTx.unsigned(spend)
        world.reply(role, "update", sent(world.signed(role, asked), asked))
        world.settle()
        expect(world.seen(role)).toEqual(["ok", "sign.update", "ok", "conflict 1 validation error @1"])
        expect(world.seen(peer)).toEqual([])
        expect(world.names()).toBe("open open")
        world.transfer(peer)
        expect(world.rounds()).toEqual([2, 2])
      })

      it(`update_ack of the ${role}: ${name} is code 1 for both`, () => {
        const world = openWorld()
        world.propose(peer)
        world.sign(peer)
        world.settle()
        world.clear()
        const asked = world.sides[role].lastSign?.signedTx ?? SignedTx.unsigned(spend)
        world.reply(role, "update_ack", sent(world.signed(role, asked), asked))
        world.settle()
        expect(world.seen(role)).toEqual(["ok", "conflict 1 validation error @1"])
        expect(world.seen(peer)).toEqual(["conflict 1 validation error @1"])
        expect(world.names()).toBe("open open")
      })
    }

    it(`the ${role} must not change fee or amounts of a shutdown`, () => {
      const world = openWorld()
      world.call(role, { _tag: "Shutdown" })
      const asked = world.sides[role].lastSign?.signedTx ?? SignedTx.unsigned(spend)
      const changed = resign(asked, { initiatorAmountFinal: 1n })
      world.reply(role, "shutdown_sign", world.signed(role, changed))
      world.settle()
      expect(world.seen(role).at(-1)).toBe("conflict 1 validation error @1")
      expect(world.names()).toBe("open open")
    })
  }

  it("tells the reason with helpful errors", () => {
    const world = openWorld({ helpfulErrors: true })
    world.propose("initiator")
    const asked = world.sides.initiator.lastSign?.signedTx ?? SignedTx.unsigned(spend)
    world.reply("initiator", "update", world.signed("initiator", resign(asked, { round: 7 })))
    expect(world.seen("initiator").slice(-2)).toEqual(["error wrong_round", "conflict 1 validation error @1"])
  })

  it("takes a transaction with both signatures at the first request; the peer is asked all the same", () => {
    const world = openWorld()
    world.propose("initiator")
    const asked = world.sides.initiator.lastSign?.signedTx ?? SignedTx.unsigned(spend)
    world.reply("initiator", "update", world.signed("responder", world.signed("initiator", asked)))
    world.settle()
    expect(world.seen("responder")).toEqual(["info update", "sign.update_ack"])
    world.reply("responder", "update_ack", world.sides.responder.lastSign?.signedTx ?? asked)
    world.settle()
    expect(world.rounds()).toEqual([2, 2])
  })

  it("co-signs by itself for a client that is gone but has signed already", () => {
    const world = openWorld()
    world.event("responder", { _tag: "ClientGone" })
    world.propose("initiator")
    const asked = world.sides.initiator.lastSign?.signedTx ?? SignedTx.unsigned(spend)
    world.reply("initiator", "update", world.signed("responder", world.signed("initiator", asked)))
    world.settle()
    expect(world.rounds()).toEqual([2, 2])
    expect(world.seen("responder")).toEqual([])
  })

  it("refuses a proposal with code 2 when the client is gone", () => {
    const world = openWorld()
    world.event("responder", { _tag: "ClientGone" })
    world.propose("initiator")
    world.sign("initiator")
    world.settle()
    expect(world.seen("initiator").at(-1)).toBe("conflict 2 conflict @1")
    world.event("responder", { _tag: "ClientAttached" })
    expect(world.seen("responder")).toEqual(["info fsm_up +fsm_id"])
  })

  it("ignores stray signatures in every state", () => {
    const tags: ReadonlyArray<SignTag> = ["update", "update_ack", "shutdown_sign", "deposit_tx"]
    for (const tag of tags) {
      const world = openWorld()
      const stray = world.signed("initiator", SignedTx.unsigned(spend))
      world.reply("initiator", tag, stray)
      expect(world.seen("initiator")).toEqual(["ok"])
      world.call("initiator", { _tag: "Shutdown" })
      world.sign("initiator")
      world.reply("initiator", tag, stray)
      expect(world.name("initiator")).toBe("mutual_closing")
    }
  })
})

describe("what the peer proposes", () => {
  const halfSigned = (world: World): Proposal => {
    world.propose("initiator")
    world.sign("initiator")
    const message = world.sides.responder.inbox.pop()
    if (message === undefined || message === "down" || message._tag !== "Proposal")
      throw new Error("no proposal")
    return message
  }
  const bySigner = (signed: SignedTx.SignedTx) =>
    SignedTx.sign(signed, initiator, { networkId, crypto: native })
  const wrong: Record<string, (good: Proposal) => Proposal> = {
    "another channel": (good) => ({ ...good, channelId: stranger }),
    "another channel in the transaction": (good) => ({
      ...good,
      signedTx: bySigner(resign(good.signedTx, { channelId: stranger }))
    }),
    "a wrong round": (good) => ({ ...good, signedTx: bySigner(resign(good.signedTx, { round: 3 })) }),
    "the same round": (good) => ({ ...good, signedTx: bySigner(resign(good.signedTx, { round: 1 })) }),
    "a wrong state hash": (good) => ({
      ...good,
      signedTx: bySigner(resign(good.signedTx, { stateHash: new Uint8Array(32) }))
    }),
    "another transaction type": (good) => ({ ...good, signedTx: bySigner(SignedTx.unsigned(spend)) }),
    "an old version": (good) => ({
      ...good,
      signedTx: bySigner(resign(good.signedTx, { version: 1, updates: [] }))
    }),
    "no signature": (good) => ({ ...good, signedTx: SignedTx.unsigned(good.signedTx.tx) }),
    "a stranger's signature": (good) => ({
      ...good,
      signedTx: SignedTx.sign(SignedTx.unsigned(good.signedTx.tx), outsider, { networkId, crypto: native })
    }),
    "other updates than those of the state": (good) => ({
      ...good,
      updates: [{ _tag: "OffChainTransfer", from: responder.address, to: initiator.address, amount: 5n }]
    }),
    "no updates": (good) => ({ ...good, updates: [] }),
    "a deposit in disguise": (good) => ({
      ...good,
      updates: [{ _tag: "OffChainDeposit", from: initiator.address, amount: 5n }]
    }),
    "an unknown block": (good) => ({
      ...good,
      blockHash: ApiEncoding.encode("kh", new Uint8Array(32).fill(3))
    }),
    "a block that is too old": (good) => ({ ...good, blockHash: blockAt(89) })
  }
  for (const [name, change] of Object.entries(wrong)) {
    it(`an update with ${name} is refused with code 2`, () => {
      const world = openWorld()
      const message = change(halfSigned(world))
      world.clear()
      world.chain.height = 100
      world.event("responder", { _tag: "PeerSaid", message })
      expect(world.seen("responder")).toEqual(["conflict 2 conflict @1"])
      expect(world.name("responder")).toBe("open")
      world.settle()
      expect(world.seen("initiator")).toEqual(["conflict 2 conflict @1"])
      expect(world.names()).toBe("open open")
      world.transfer("responder")
      expect(world.rounds()).toEqual([2, 2])
    })
  }

  it("takes a block at the edges of the window, and none at all", () => {
    for (const blockHash of [blockAt(90), blockAt(100), notPinned]) {
      const world = openWorld()
      const message = halfSigned(world)
      world.chain.height = 100
      world.event("responder", { _tag: "PeerSaid", message: { ...message, blockHash } })
      expect(world.name("responder")).toBe("awaiting_signature")
    }
  })

  it("a block newer than the window is refused", () => {
    const blockHashDelta = { notOlderThan: 10, notNewerThan: 2, pick: 0 }
    const world = openWorld({ initiator: { blockHashDelta }, responder: { blockHashDelta } })
    const good = halfSigned(world)
    world.event("responder", {
      _tag: "PeerSaid",
      message: { ...good, blockHash: blockAt(world.chain.height - 1) }
    })
    expect(world.name("responder")).toBe("open")
  })

  it("sides with windows that do not fit cannot open", () => {
    const world = new World({
      responder: { blockHashDelta: { notOlderThan: 10, notNewerThan: 1, pick: 0 } }
    })
      .start()
      .link()
    world.settle()
    world.sign("initiator")
    world.settle()
    expect(world.names()).toBe("stopped stopped")
  })

  it("a wrong co-signature ends the update with code 2", () => {
    for (const forge of [
      (good: SignedTx.SignedTx) => SignedTx.unsigned(good.tx),
      (good: SignedTx.SignedTx) => bySigner(resign(good, { round: 9 }))
    ]) {
      const world = openWorld()
      const { channelId, blockHash, signedTx } = halfSigned(world)
      world.clear()
      world.event("initiator", {
        _tag: "PeerSaid",
        message: {
          _tag: "Acknowledgement",
          operation: "update",
          channelId,
          blockHash,
          signedTx: forge(signedTx)
        }
      })
      expect(world.seen("initiator")).toEqual(["conflict 2 conflict @1"])
      expect(world.name("initiator")).toBe("open")
    }
  })

  it("a shutdown with other amounts is refused with code 1", () => {
    const world = openWorld()
    world.call("initiator", { _tag: "Shutdown" })
    world.sign("initiator")
    const message = world.sides.responder.inbox.pop()
    if (message === undefined || message === "down" || message._tag !== "Proposal") throw new Error("none")
    world.clear()
    const signedTx = bySigner(resign(message.signedTx, { initiatorAmountFinal: 1n }))
    world.event("responder", { _tag: "PeerSaid", message: { ...message, signedTx } })
    world.settle()
    for (const role of roles) expect(world.seen(role)).toEqual(["conflict 1 validation error @1"])
    expect(world.names()).toBe("open open")
  })

  it("sides with different ttl cannot close together", () => {
    const world = openWorld({ initiator: { ttl: 500 } })
    world.call("initiator", { _tag: "Shutdown" })
    world.sign("initiator")
    world.settle()
    for (const role of roles) expect(world.seen(role).at(-1)).toBe("conflict 1 validation error @1")
  })

  it("a wrong co-signature of a shutdown ends it with code 1", () => {
    const world = openWorld()
    world.call("initiator", { _tag: "Shutdown" })
    world.sign("initiator")
    const message = world.sides.responder.inbox.pop()
    if (message === undefined || message === "down" || message._tag !== "Proposal") throw new Error("none")
    const { channelId, blockHash, signedTx } = message
    world.clear()
    world.event("initiator", {
      _tag: "PeerSaid",
      message: { _tag: "Acknowledgement", operation: "shutdown", channelId, blockHash, signedTx }
    })
    expect(world.seen("initiator")).toEqual(["conflict 1 validation error @1"])
  })

  it("an error without a name is about what is awaited; for another channel it ends the machine", () => {
    const world = openWorld()
    const { channelId } = halfSigned(world)
    const error = { _tag: "OperationError", operation: "update", round: 1, errorCode: 200 } as const
    world.event("initiator", { _tag: "PeerSaid", message: { ...error, channelId } })
    expect(world.seen("initiator").at(-1)).toBe("conflict 200 user-defined @1")
    world.event("initiator", { _tag: "PeerSaid", message: { ...error, channelId } })
    expect(world.seen("initiator")).toEqual([])
    halfSigned(world)
    world.event("initiator", { _tag: "PeerSaid", message: { ...error, channelId: stranger } })
    expect(world.name("initiator")).toBe("stopped")
  })
})

describe("openings that fail", () => {
  const atSigning = (options: ConstructorParameters<typeof World>[0] = {}) => {
    const world = new World(options).start().link()
    world.settle()
    return world
  }

  it("amounts that differ: bad_state_hash", () => {
    const world = atSigning({ responder: { initiatorAmount: amounts.initiatorAmount + 1n } })
    world.sign("initiator")
    world.settle()
    expect(world.seen("responder").slice(-3)).toEqual([
      "info bad_state_hash (no channel id)",
      "info died (no channel id)",
      "close"
    ])
    expect(world.seen("initiator").slice(-2)).toEqual(["info died", "close"])
  })

  it("lock period and reserve may differ: the initiator's count", () => {
    const world = openWorld({ responder: { lockPeriod: 3, channelReserve: 5n } })
    expect(world.state("responder").channelReserve).toBe(reserve)
  })

  it("other accounts than expected: the initiator's machine ends, and so does the responder's", () => {
    const world = atSigning({ responder: { initiatorId: outsider.address } })
    // The pairing of machines is the shell's; a machine that is paired wrongly refuses.
    expect(world.names()).toBe("stopped stopped")
  })

  it("the initiator as its own responder", () => {
    const world = atSigning({ initiator: { responderId: initiator.address } })
    expect(world.names()).toBe("stopped stopped")
  })

  it("a fee that is too low: no signature is asked for", () => {
    const world = atSigning({ initiator: { fee: 1n } })
    expect(world.seen("initiator")).toEqual([
      "info fsm_up +fsm_id (no channel id)",
      "info channel_accept (no channel id)",
      "info died (no channel id)",
      "close"
    ])
    expect(world.seen("responder").slice(-3)).toEqual([
      "info channel_open (no channel id)",
      "info died (no channel id)",
      "close"
    ])
  })

  it("a nonce that is used: the initiator ends after its signature, and the responder is not asked", () => {
    const world = atSigning({ initiator: { nonce: 6n } })
    world.sign("initiator")
    world.settle()
    expect(world.seen("initiator").slice(-4)).toEqual([
      "sign.initiator_sign (no channel id)",
      "ok",
      "info died (no channel id)",
      "close"
    ])
    expect(world.seen("responder").slice(-3)).toEqual([
      "info channel_open (no channel id)",
      "info died (no channel id)",
      "close"
    ])
  })

  it.each([
    ["on its way to the responder: nobody is asked", "initiator", ["info died (no channel id)", "close"]],
    ["while the responder signs", "responder", ["ok", "info died", "close"]],
    [
      "on its way back",
      "back",
      ["on_chain_tx funding_created", "info peer_disconnected", "info died", "close"]
    ]
  ] as const)("a nonce that another opening uses up %s", (_, moment, heard) => {
    const world = atSigning()
    world.sign("initiator")
    if (moment !== "initiator") world.settle()
    if (moment === "back") world.sign("responder")
    world.chain.nonce = 7n
    if (moment === "responder") world.sign("responder")
    world.settle()
    expect(world.names()).toBe("stopped stopped")
    expect(world.seen("initiator").slice(-2)).toEqual(["info died", "close"])
    expect(world.seen("responder").slice(-heard.length)).toEqual(heard)
    expect(world.chain.pool).toEqual([])
    expect(world.sides.responder.watches.length).toBe(moment === "back" ? 1 : 0)
  })

  it("the mempool refuses the create transaction", () => {
    const world = atSigning()
    world.sign("initiator")
    world.settle()
    world.chain.refuses = () => true
    world.sign("responder")
    world.settle()
    expect(world.seen("initiator").slice(-2)).toEqual(["info died", "close"])
    expect(world.seen("responder").slice(-4)).toEqual([
      "on_chain_tx funding_created",
      "info peer_disconnected",
      "info died",
      "close"
    ])
  })

  it("a bad signature of the create transaction may be corrected, on both sides", () => {
    const world = atSigning()
    for (const role of roles) {
      const asked = world.sides[role].lastSign
      if (asked === undefined) throw new Error("not asked")
      world.clear()
      world.reply(role, asked.tag, SignedTx.sign(asked.signedTx, outsider, { networkId, crypto: native }))
      world.reply(role, asked.tag, world.signed(role, resign(asked.signedTx, { fee: 123n })))
      world.reply(role, asked.tag, world.signed(role, SignedTx.unsigned(spend)))
      expect(world.seen(role)).toEqual(["ok", "ok", "ok"])
      expect(world.name(role)).toBe("awaiting_signature")
      world.sign(role)
      world.settle()
    }
    world.mine()
    world.settle()
    expect(world.names()).toBe("open open")
  })

  it("a responder that co-signs something else ends the initiator's machine", () => {
    const world = atSigning()
    world.sign("initiator")
    world.settle()
    const asked = world.sides.responder.lastSign?.signedTx ?? SignedTx.unsigned(spend)
    const changed = world.signed("responder", world.signed("initiator", resign(asked, { lockPeriod: 0 })))
    for (const [signedTx, last] of [
      [changed, "info died"],
      [asked, "info bad_signature"],
      [world.signed("responder", SignedTx.unsigned(spend)), "info not_create_tx"]
    ] as const) {
      const copy = atSigning()
      copy.sign("initiator")
      copy.clear()
      copy.event("initiator", {
        _tag: "PeerSaid",
        message: {
          _tag: "FundingSigned",
          temporaryChannelId: "11".repeat(32),
          blockHash: notPinned,
          signedTx
        }
      })
      expect(copy.seen("initiator")[0]).toBe(last)
      expect(copy.name("initiator")).toBe("stopped")
    }
  })

  it("bad messages end the machine: another chain, another opening", () => {
    const genesis = blockAt(1)
    const open = atSigning()
    const terms = {
      temporaryChannelId: "11".repeat(32),
      ...amounts,
      channelReserve: reserve,
      initiatorId: initiator.address,
      responderId: responder.address
    }
    for (const message of [
      { _tag: "ChannelAccept", chainHash: genesis, minimumDepth: 1, minimumDepthStrategy: "plain", ...terms },
      {
        _tag: "ChannelAccept",
        chainHash: blockAt(0),
        minimumDepth: 1,
        minimumDepthStrategy: "plain",
        ...terms,
        temporaryChannelId: "33".repeat(32)
      }
    ] as const) {
      const world = new World().start().link()
      world.event("initiator", { _tag: "PeerSaid", message })
      expect(world.name("initiator")).toBe("stopped")
    }
    const world = new World().start()
    world.event("responder", {
      _tag: "PeerSaid",
      message: { _tag: "ChannelOpen", chainHash: genesis, lockPeriod: 1, pushAmount: 0n, ...terms }
    })
    expect(world.name("responder")).toBe("stopped")
    expect(open.names()).toBe("awaiting_signature accepted")
  })

  it("the client's socket ends a machine before its first signature, not after", () => {
    for (const role of roles) {
      const world = atSigning()
      world.event(role, { _tag: "ClientGone" })
      expect(world.name(role)).toBe("stopped")
      world.settle()
      expect(world.name(other(role))).toBe("stopped")
    }
    const world = atSigning()
    world.sign("initiator")
    world.event("initiator", { _tag: "ClientGone" })
    world.settle()
    world.sign("responder")
    world.event("responder", { _tag: "ClientGone" })
    world.settle()
    world.mine()
    world.settle()
    expect(world.names()).toBe("open open")
  })

  it("an initiator without a wish takes the responder's depth, but never plain", () => {
    const adopted = (responder: object) => atSigning({ responder }).state("initiator").minimumDepth
    expect(adopted({ minimumDepth: 4 })).toEqual({ strategy: "txfee", value: 4 })
    expect(adopted({ minimumDepth: 4, minimumDepthStrategy: "plain" })).toEqual({
      strategy: "txfee",
      value: 10
    })
    const own = atSigning({ initiator: { minimumDepthStrategy: "plain" } })
    expect(own.state("initiator").minimumDepth).toEqual({ strategy: "plain", value: 3 })
  })
})

describe("fees", () => {
  const createFee = (options: object): bigint => {
    const world = new World({ initiator: options }).start().link()
    world.settle()
    const tx = world.sides.initiator.lastSign?.signedTx.tx
    return tx !== undefined && "fee" in tx ? tx.fee : -1n
  }

  it("minimum at the miner's price; a price; a fee; the larger of both", () => {
    const usual = createFee({})
    expect(usual % 1_000_000_000n).toBe(0n)
    expect(createFee({ gasPrice: 3_000_000_000n }) > 2n * usual).toBe(true)
    expect(createFee({ fee: usual + 7n })).toBe(usual + 7n)
    expect(createFee({ fee: usual + 7n, gasPrice: 1_000_000_000n })).toBe(usual + 7n)
    expect(createFee({ fee: usual - 7n, gasPrice: 1_000_000_000n })).toBe(usual)
    expect(createFee({ gasPrice: 0n })).toBe(-1n)
  })

  it("a shutdown pays the minimum fee, half each", () => {
    const world = openWorld()
    world.call("initiator", { _tag: "Shutdown" })
    const tx = world.sides.initiator.lastSign?.signedTx.tx
    if (tx?._tag !== "ChannelCloseMutualTx") throw new Error("no close")
    expect(tx.fee).toBe(Fee.gas(tx) * 1_000_000_000n)
    expect(tx.initiatorAmountFinal).toBe(amounts.initiatorAmount - (tx.fee - tx.fee / 2n))
    expect(tx.responderAmountFinal).toBe(amounts.responderAmount - tx.fee / 2n)
    expect(tx.fromId).toBe(initiator.address)
    expect(tx.nonce).toBe(7n)
  })

  it("a shutdown's fee, price and nonce can be given; a fee nobody can pay is refused", () => {
    const world = openWorld()
    expect(world.ask("initiator", { _tag: "Shutdown", fee: 10n ** 30n })).toBe("refused 3/1001")
    expect(world.ask("initiator", { _tag: "Shutdown", fee: 1n })).toBe("refused -32603")
    expect(world.ask("initiator", { _tag: "Shutdown", fee: 17_000_000_000_001n, nonce: 99n })).toBe("ok")
    expect(world.sides.initiator.lastSign?.signedTx.tx).toMatchObject({
      fee: 17_000_000_000_001n,
      nonce: 99n
    })
  })

  it("the mempool refuses a close: code 5 for both, back to open", () => {
    for (const role of roles) {
      const world = openWorld()
      world.call(role, { _tag: "Shutdown" })
      world.sign(role)
      world.settle()
      world.chain.refuses = () => true
      world.sign(other(role))
      world.settle()
      expect(world.seen(role)).toEqual(["ok", "sign.shutdown_sign", "ok", "conflict 5 rejected on-chain @1"])
      expect(world.seen(other(role)).slice(-4)).toEqual([
        "on_chain_tx close_mutual",
        "info closing",
        "conflict 5 rejected on-chain @1",
        "info open"
      ])
      expect(world.names()).toBe("open open")
      world.chain.refuses = () => false
      world.transfer(role)
      expect(world.rounds()).toEqual([2, 2])
    }
  })

  it("the acknowledger of a close that the starter could not give to the chain tries itself", () => {
    const world = openWorld()
    world.call("initiator", { _tag: "Shutdown" })
    world.sign("initiator")
    world.settle()
    world.chain.refuses = () => true
    world.sign("responder")
    world.deliver("initiator")
    world.chain.refuses = () => false
    world.clear()
    world.settle()
    expect(world.seen("responder")).toEqual([])
    expect(world.name("responder")).toBe("mutual_closed")
    expect(world.chain.pool.length).toBe(1)
    world.mine()
    expect(world.names()).toBe("stopped stopped")
  })
})
