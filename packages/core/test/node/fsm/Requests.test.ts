import { describe, expect, it } from "@effect/vitest"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../../src/encoding/Bytes.js"
import * as ChannelFsm from "../../../src/node/ChannelFsm.js"
import { blockAt, initiator, openWorld, outsider, reserve, responder, roles, total, World } from "./World.js"
import type { Answer } from "../../../src/protocol/Codec.js"
import type { ReplyValue } from "../../../src/protocol/NodeMessage.js"
import type { ReportClass, Role } from "../../../src/protocol/OpenParameters.js"
import type { Request } from "../../../src/protocol/Request.js"
import * as Poi from "../../../src/state/Poi.js"
import * as Trees from "../../../src/state/Trees.js"

const contractId = ApiEncoding.encode("ct", new Uint8Array(32).fill(4))
const txHash = ApiEncoding.encode("th", new Uint8Array(32).fill(5))
const none = new Uint8Array(0)
const call = { contractId, abiVersion: 3, amount: 0n, callData: none }

/** One request of every kind. */
const requests: { readonly [T in Request["_tag"]]: Extract<Request, { readonly _tag: T }> } = {
  Transfer: { _tag: "Transfer", from: initiator.address, to: responder.address, amount: 1n, meta: [] },
  NewContract: {
    _tag: "NewContract",
    vmVersion: 7,
    abiVersion: 3,
    deposit: 0n,
    code: none,
    callData: none,
    meta: []
  },
  NewContractFromOnChain: { _tag: "NewContractFromOnChain", contractId, deposit: 0n, callData: none },
  CallContract: { _tag: "CallContract", ...call, meta: [] },
  DryRunContract: { _tag: "DryRunContract", ...call, meta: [] },
  GetContractCall: { _tag: "GetContractCall", contractId, callerId: initiator.address, round: 1 },
  GetContract: { _tag: "GetContract", contractId },
  CleanContractCalls: { _tag: "CleanContractCalls" },
  ForceProgress: { _tag: "ForceProgress", ...call, gas: 1n, gasPrice: 1n },
  Deposit: { _tag: "Deposit", amount: 1n, meta: [] },
  Withdraw: { _tag: "Withdraw", amount: 1n, meta: [] },
  Shutdown: { _tag: "Shutdown" },
  Leave: { _tag: "Leave" },
  SendMessage: { _tag: "SendMessage", to: responder.address, info: "x" },
  Ping: { _tag: "Ping" },
  Stop: { _tag: "Stop" },
  AssumeMinimumDepth: { _tag: "AssumeMinimumDepth", txHash },
  GetBalances: { _tag: "GetBalances", accounts: [] },
  GetPoi: { _tag: "GetPoi", accounts: [initiator.address], contracts: [] },
  GetOffChainState: { _tag: "GetOffChainState" },
  FetchHistory: { _tag: "FetchHistory", n: 1 },
  SnapshotSolo: { _tag: "SnapshotSolo" },
  CloseSolo: { _tag: "CloseSolo" },
  Slash: { _tag: "Slash" },
  Settle: { _tag: "Settle" },
  SigningReply: {
    _tag: "SigningReply",
    tag: "deposit_tx",
    signedTx: SignedTx.unsigned({
      _tag: "ChannelOffchainTx",
      version: 2,
      channelId: ApiEncoding.encode("ch", new Uint8Array(32)),
      round: 2,
      stateHash: new Uint8Array(32)
    })
  },
  SigningError: { _tag: "SigningError", tag: "deposit_tx", code: 4 }
}

const waits = "waits"
const bad = "refused -32603"
const notReady = "refused 3/108"
const not = "refused 3/1018"

interface Column {
  readonly world: () => World
  readonly role: Role
  /** Answers that differ from "open". */
  readonly answers: Partial<Record<Request["_tag"], string>>
}

const usual: Record<Request["_tag"], string> = {
  Transfer: "ok",
  NewContract: bad,
  NewContractFromOnChain: bad,
  CallContract: bad,
  DryRunContract: bad,
  GetContractCall: "refused 3/1004",
  GetContract: "refused 3/100",
  CleanContractCalls: "CallsPruned",
  ForceProgress: bad,
  Deposit: "ok",
  Withdraw: "ok",
  Shutdown: "ok",
  Leave: "ok",
  SendMessage: "ok",
  Ping: "Pong",
  Stop: "ok",
  AssumeMinimumDepth: bad,
  GetBalances: "Balances",
  GetPoi: "Poi",
  GetOffChainState: "OffChainState",
  FetchHistory: "History",
  SnapshotSolo: bad,
  CloseSolo: bad,
  Slash: bad,
  Settle: bad,
  SigningReply: "ok",
  SigningError: not
}
const transition = {
  Transfer: waits,
  NewContract: waits,
  CallContract: waits,
  DryRunContract: waits,
  ForceProgress: waits,
  Deposit: waits,
  Withdraw: waits,
  Shutdown: waits,
  Leave: waits,
  AssumeMinimumDepth: waits,
  GetContractCall: waits
}
const elsewhere = { Transfer: bad, Deposit: bad, Withdraw: bad, Shutdown: bad, GetContractCall: bad }

const opening = (): World => {
  const world = new World().start().link()
  world.settle()
  return world
}
const halfSigned = (): World => {
  const world = opening()
  world.sign("initiator")
  return world
}
const locking = (): World => {
  const world = halfSigned()
  world.settle()
  world.sign("responder")
  world.settle()
  return world
}
const signing = (): World => {
  const world = openWorld()
  world.propose("initiator")
  return world
}
const closing = (signs: ReadonlyArray<Role>): World => {
  const world = openWorld()
  world.call("initiator", { _tag: "Shutdown" })
  for (const role of signs) {
    world.sign(role)
    world.settle()
  }
  return world
}

/** A deposit or withdrawal of the initiator: signed, co-signed, deep enough for one side. */
const moving = (operation: "deposit" | "withdraw", steps: 1 | 2 | 3): World => {
  const world = openWorld()
  if (steps === 1) {
    world.move("initiator", operation)
    world.sign("initiator")
  } else world.moveUntilLocked("initiator", operation)
  if (steps === 3) world.mine(["initiator"])
  return world
}

const columns: Record<string, Column> = {
  open: {
    world: () => openWorld(),
    role: "initiator",
    answers: { NewContract: "refused 3/1007", SnapshotSolo: "refused 2/1012", CloseSolo: "ok" }
  },
  awaiting_connect: { world: () => new World().start(), role: "initiator", answers: elsewhere },
  initialized: { world: () => new World().start().link(), role: "initiator", answers: elsewhere },
  accepted: { world: opening, role: "responder", answers: { ...elsewhere, SendMessage: bad } },
  "awaiting_signature (own update)": {
    world: signing,
    role: "initiator",
    answers: {
      ...transition,
      Transfer: "ok",
      NewContract: "ok",
      CallContract: "ok",
      DryRunContract: "ok",
      Deposit: "ok",
      Withdraw: "ok",
      SnapshotSolo: "refused 2/1012",
      CloseSolo: "ok"
    }
  },
  "awaiting_signature (create)": { world: opening, role: "initiator", answers: transition },
  half_signed: { world: halfSigned, role: "initiator", answers: elsewhere },
  awaiting_locked: { world: locking, role: "initiator", answers: transition },
  awaiting_update_ack: {
    world: () => {
      const world = signing()
      world.sign("initiator")
      return world
    },
    role: "initiator",
    answers: transition
  },
  awaiting_leave_ack: {
    world: () => {
      const world = openWorld()
      world.call("initiator", { _tag: "Leave" })
      return world
    },
    role: "initiator",
    answers: transition
  },
  dep_half_signed: { world: () => moving("deposit", 1), role: "initiator", answers: elsewhere },
  wdraw_half_signed: { world: () => moving("withdraw", 1), role: "initiator", answers: elsewhere },
  "awaiting_locked (deposit)": {
    world: () => moving("deposit", 2),
    role: "initiator",
    answers: transition
  },
  dep_signed: { world: () => moving("deposit", 3), role: "initiator", answers: elsewhere },
  wdraw_signed: { world: () => moving("withdraw", 3), role: "initiator", answers: elsewhere },
  mutual_closing: { world: () => closing(["initiator"]), role: "initiator", answers: transition },
  mutual_closed: { world: () => closing(roles), role: "initiator", answers: elsewhere },
  channel_closed: {
    world: () => {
      const world = closing(roles)
      world.mine([])
      return world
    },
    role: "initiator",
    answers: elsewhere
  },
  awaiting_open: {
    world: () => new World().start(),
    role: "responder",
    answers: {
      ...(Object.fromEntries(Object.keys(usual).map((tag) => [tag, notReady])) as Partial<
        Record<Request["_tag"], string>
      >),
      Ping: "Pong",
      Stop: "ok",
      SigningReply: "ok",
      Leave: "ok",
      GetOffChainState: "ok",
      FetchHistory: "ok",
      CleanContractCalls: "ok"
    }
  }
}

describe("requests by state", () => {
  for (const [name, { answers, role, world: make }] of Object.entries(columns)) {
    it(name, () => {
      for (const request of Object.values(requests)) {
        const world = make()
        expect(world.name(role)).toBe(name.split(" ")[0])
        const expected = answers[request._tag] ?? usual[request._tag]
        const got = world.ask(role, request) ?? waits
        expect(`${request._tag}: ${got}`).toBe(`${request._tag}: ${expected}`)
        // The answer comes once, whatever happens next.
        if (got === waits) {
          world.call(role, { _tag: "Stop" })
          expect(world.sides[role].answers.size).toBe(world.sides[role].calls)
        }
      }
    })
  }

  it("names every request that is not served", () => {
    for (const tag of ChannelFsm.notServed) expect(usual[tag]).toBe(bad)
  })
})

const valueOf = <T extends ReplyValue["_tag"]>(
  world: World,
  role: Role,
  request: Request,
  tag: T
): Extract<ReplyValue, { readonly _tag: T }> => {
  const answer: Answer | undefined = world.sides[role].answers.get(world.call(role, request))
  if (answer?._tag !== "Value" || answer.value._tag !== tag) throw new Error(`no ${tag}`)
  return answer.value as Extract<ReplyValue, { readonly _tag: T }>
}

describe("transfers that are refused", () => {
  const refusals: Record<string, [Partial<Extract<Request, { readonly _tag: "Transfer" }>>, string]> = {
    "more than there is": [{ amount: total }, "refused 3/1001"],
    "so much that less than the reserve is left": [
      { amount: 1_000_000_000_000_000n - reserve + 1n },
      "refused 3/1001"
    ],
    "a negative amount": [{ amount: -1n }, "refused 3/1002"],
    "to oneself": [{ to: initiator.address }, "refused 3/1003"],
    "to an outsider": [{ to: outsider.address }, "refused 3/1003"],
    "at an unknown block": [{ blockHash: ApiEncoding.encode("kh", new Uint8Array(32).fill(8)) }, bad],
    "with a meta that fits into no frame": [{ meta: ["x".repeat(65_300)] }, bad],
    "with metas that fit only one by one": [{ meta: ["x".repeat(40_000), "y".repeat(40_000)] }, bad]
  }
  for (const [name, [change, expected]] of Object.entries(refusals)) {
    it(name, () => {
      const world = openWorld()
      expect(world.ask("initiator", { ...requests.Transfer, ...change })).toBe(expected)
      expect(world.names()).toBe("open open")
      expect(world.seen("initiator")).toEqual([expected])
    })
  }

  it("takes the edges: all but the reserve, nothing, another's coins, a known block, a large meta", () => {
    const edges: ReadonlyArray<Partial<Extract<Request, { readonly _tag: "Transfer" }>>> = [
      { amount: 1_000_000_000_000_000n - reserve },
      { amount: 0n },
      { from: responder.address, to: initiator.address },
      { blockHash: blockAt(99) },
      { blockHash: ApiEncoding.encode("mh", new Uint8Array(32)) },
      { meta: ["x".repeat(65_200)] }
    ]
    for (const edge of edges) {
      const world = openWorld()
      expect(world.ask("initiator", { ...requests.Transfer, ...edge })).toBe("ok")
      world.sign("initiator")
      world.settle()
      world.sign("responder", "update_ack")
      world.settle()
      expect(world.rounds()).toEqual([2, 2])
    }
  })

  it("carries metas to the peer beside the transfer", () => {
    const world = openWorld()
    world.ask("initiator", world.transferRequest(1n, "initiator", ["a", "b"]))
    world.sign("initiator")
    world.settle()
    expect(world.sides.responder.lastSign?.updates.map((update) => update._tag)).toEqual([
      "OffChainTransfer",
      "OffChainMeta",
      "OffChainMeta"
    ])
  })
})

describe("getters", () => {
  it("balances in the order asked for, unknown accounts left out", () => {
    const world = openWorld()
    const accounts = [responder.address, outsider.address, initiator.address]
    const { balances } = valueOf(world, "initiator", { _tag: "GetBalances", accounts }, "Balances")
    expect(balances.map(({ account }) => account)).toEqual([responder.address, initiator.address])
    expect(balances.reduce((sum, { balance }) => sum + balance, 0n)).toBe(total)
  })

  it("a proof of inclusion with the state's hash; not of what is not there", () => {
    const world = openWorld()
    const request = {
      _tag: "GetPoi",
      accounts: [initiator.address, responder.address],
      contracts: []
    } as const
    const poi = Poi.fromTextOrThrow(valueOf(world, "responder", request, "Poi").poi)
    expect(Bytes.toHex(Poi.stateHash(poi))).toBe(
      Bytes.toHex(Trees.stateHash(world.state("responder").offChain.trees))
    )
    expect(world.ask("responder", { ...request, accounts: [outsider.address] })).toBe("refused 3/100")
    expect(world.ask("responder", { ...request, contracts: [contractId] })).toBe("refused 3/100")
  })

  it("the off-chain state: half-signed at the proposer only", () => {
    const world = openWorld()
    world.propose("initiator")
    world.sign("initiator")
    world.settle()
    const mine = valueOf(world, "initiator", requests.GetOffChainState, "OffChainState")
    const theirs = valueOf(world, "responder", requests.GetOffChainState, "OffChainState")
    expect(mine.halfSignedTx?.tx._tag).toBe("ChannelOffchainTx")
    expect(theirs.halfSignedTx).toBeUndefined()
    expect(mine.signedTx?.tx._tag).toBe("ChannelCreateTx")
    expect(mine.trees).toBe(theirs.trees)
    world.sign("responder")
    world.settle()
    const after = valueOf(world, "initiator", requests.GetOffChainState, "OffChainState")
    expect(after.halfSignedTx).toBeUndefined()
    expect(after.signedTx?.tx._tag).toBe("ChannelOffchainTx")
    expect(after.trees).not.toBe(mine.trees)
  })

  it("no co-signed state before the channel is open", () => {
    const state = valueOf(locking(), "initiator", requests.GetOffChainState, "OffChainState")
    expect(state.signedTx).toBeUndefined()
  })
})

describe("history", () => {
  it("is newest first, filtered, and holds no secret", () => {
    const world = openWorld({ initiator: { logKeep: 100 } })
    const all = valueOf(world, "initiator", { _tag: "FetchHistory", n: 1_000 }, "History").entries
    expect(all[0]).toMatchObject({ type: "report", tag: "update" })
    expect(all.at(-1)).toMatchObject({ type: "report", tag: "info", info: { event: "fsm_up" } })
    expect(all[0]?.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
    const text = JSON.stringify(all, (_, value: unknown) =>
      typeof value === "bigint" ? value.toString() : value
    )
    expect(text).not.toContain(ApiEncoding.encode("ba", new Uint8Array(32).fill(1)))
    const reports = { _tag: "FetchHistory", n: 2, types: ["rpt"], tags: ["info"] } as const
    expect(valueOf(world, "initiator", reports, "History").entries.map(({ info }) => info)).toEqual([
      { event: "open" },
      { event: "funding_locked" }
    ])
    for (const [type, expected] of [
      ["rcv", "receive"],
      ["snd", "send"],
      ["req", "request"]
    ] as const) {
      const { entries } = valueOf(
        world,
        "initiator",
        { _tag: "FetchHistory", n: 100, types: [type] },
        "History"
      )
      expect(new Set(entries.map((entry) => entry.type))).toEqual(new Set([expected]))
    }
    expect(valueOf(world, "initiator", { _tag: "FetchHistory", n: -3 }, "History").entries.length).toBe(1)
  })

  it("keeps between one and two times log_keep entries", () => {
    for (const logKeep of [0, 1, 4, -7]) {
      const world = openWorld({ initiator: { logKeep } })
      const keep = logKeep < 0 ? 10 : logKeep
      for (let i = 0; i < 20; i++) {
        world.transfer("initiator")
        const { newer, older } = world.state("initiator").log
        expect(newer.length + older.length).toBeLessThanOrEqual(Math.max(2 * keep, 2))
        expect(newer.length + older.length).toBeGreaterThanOrEqual(keep)
      }
    }
  })
})

describe("report flags", () => {
  const classes: ReadonlyArray<[ReportClass, string]> = [
    ["info", "info"],
    ["update", "update"],
    ["on_chain_tx", "on_chain_tx"],
    ["conflict", "conflict"],
    ["leave", "leave"],
    ["message", "message"]
  ]
  for (const [name, prefix] of classes) {
    it(`${name} switched off: no such report, everything else as usual`, () => {
      const run = (reports: Partial<Record<ReportClass, boolean>>) => {
        const world = new World({ responder: { reports, keepRunning: false } }).start().link()
        world.settle()
        world.sign("initiator")
        world.settle()
        world.sign("responder")
        world.settle()
        world.mine()
        world.settle()
        world.transfer("initiator")
        world.propose("initiator")
        world.propose("responder")
        for (const role of roles) world.sign(role)
        world.settle()
        world.call("initiator", { ...requests.SendMessage, to: responder.address })
        world.call("initiator", requests.Leave)
        world.settle()
        return world.seen("responder")
      }
      const all = run({})
      expect(all.some((line) => line.startsWith(`${prefix} `))).toBe(true)
      expect(run({ [name]: false })).toEqual(all.filter((line) => !line.startsWith(`${prefix} `)))
    })
  }
})

describe("messages between clients", () => {
  it("forwarding lets any sender and receiver through", () => {
    const forwarding = { msgForwarding: true }
    const world = openWorld({ initiator: forwarding, responder: forwarding })
    const send = (change: Partial<Extract<Request, { readonly _tag: "SendMessage" }>>) => {
      const answer = world.ask("initiator", { ...requests.SendMessage, ...change })
      world.settle()
      return [answer, ...world.seen("responder")]
    }
    expect(send({ from: outsider.address })).toEqual(["ok", "message x"])
    expect(send({ to: outsider.address })).toEqual(["ok", "message x"])
    expect(send({ to: outsider.address, from: outsider.address })).toEqual(["ok"])
    expect(send({})).toEqual(["ok", "message x"])
  })

  it("a receiver with forwarding takes what comes from its peer for another", () => {
    const world = openWorld({ initiator: { msgForwarding: true }, responder: { msgForwarding: true } })
    const channelId = world.channelId()
    const base = { _tag: "InbandMessage", channelId, info: "x" } as const
    const take = (from: typeof initiator.address, to: typeof initiator.address) => {
      world.event("responder", { _tag: "PeerSaid", message: { ...base, from, to } })
      return world.seen("responder")
    }
    expect(take(initiator.address, outsider.address)).toEqual(["message x"])
    expect(take(outsider.address, responder.address)).toEqual(["message x"])
    expect(take(outsider.address, outsider.address)).toEqual([])
  })

  it("is lost without a client, before the id is known, and for another channel", () => {
    const world = openWorld()
    world.event("responder", { _tag: "ClientGone" })
    expect(world.ask("initiator", requests.SendMessage)).toBe("ok")
    world.settle()
    expect(world.seen("responder")).toEqual([])
    const early = opening()
    expect(early.ask("initiator", requests.SendMessage)).toBe("ok")
    early.settle()
    expect(early.seen("responder").filter((line) => line.startsWith("message"))).toEqual([])
  })
})

describe("the chain", () => {
  it("an assumed depth counts for the own side only; the real one is told later", () => {
    const world = locking()
    const watch = world.state("initiator").depthWatch
    if (watch === undefined) throw new Error("nothing is awaited")
    world.clear()
    expect(world.ask("initiator", { _tag: "AssumeMinimumDepth", txHash: watch.txHash })).toBe("ok")
    expect(world.seen("initiator")).toEqual(["ok", "info own_funding_locked"])
    world.settle()
    expect(world.names()).toBe("signed awaiting_locked")
    world.mine(["responder"])
    world.settle()
    expect(world.names()).toBe("open open")
    world.clear()
    world.deepen("initiator")
    expect(world.seen("initiator")).toEqual(["info minimum_depth_achieved"])
    world.deepen("initiator")
    expect(world.seen("initiator")).toEqual([])
  })

  it("an assumed depth of the close ends the machine", () => {
    const world = closing(roles)
    world.mine([])
    const watch = world.state("initiator").depthWatch
    if (watch === undefined) throw new Error("nothing is awaited")
    world.clear()
    expect(world.ask("initiator", { _tag: "AssumeMinimumDepth", txHash: watch.txHash })).toBe("ok")
    expect(world.seen("initiator")).toEqual(["ok", "info closed_confirmed", "info died", "close"])
  })

  it("another hash waits, then is refused", () => {
    const world = locking()
    const callId = world.call("initiator", requests.AssumeMinimumDepth)
    expect(world.answer("initiator", callId)).toBeUndefined()
    world.mine()
    world.settle()
    expect(world.answer("initiator", callId)).toBe(bad)
  })

  it("another transaction of the channel while one is awaited ends the machine", () => {
    const world = locking()
    const { createTx } = world.state("initiator")
    if (createTx === undefined) throw new Error("no create transaction")
    const tx = SignedTx.unsigned(createTx.tx)
    world.event("initiator", {
      _tag: "ChainSaid",
      event: { _tag: "ChannelChanged", tx, channel: world.channelObject(new Uint8Array(32)) }
    })
    expect(world.name("initiator")).toBe("stopped")
  })

  it("a solo close with the latest state, and with an older one", () => {
    for (const [round, info] of [
      [2, "solo_closing"],
      [1, "can_slash"]
    ] as const) {
      const world = openWorld()
      world.transfer("initiator")
      world.propose("initiator")
      world.clear()
      const { createTx } = world.state("initiator")
      if (createTx === undefined) throw new Error("no create transaction")
      const closing = world.channelObject(new Uint8Array(32), { round, lockedUntil: 200 })
      const said = {
        _tag: "ChainSaid",
        event: { _tag: "ChannelClosing", tx: createTx, channel: closing }
      } as const
      world.event("initiator", said)
      expect(world.seen("initiator")).toEqual([`on_chain_tx ${info}`, "info closing"])
      expect(world.name("initiator")).toBe("channel_closing")
      // Seen again: no second `closing`. Not closing after all: ignored.
      world.event("initiator", said)
      expect(world.seen("initiator")).toEqual([`on_chain_tx ${info}`])
      const active = world.channelObject(new Uint8Array(32), { round })
      world.event("initiator", { ...said, event: { ...said.event, channel: active } })
      expect(world.seen("initiator")).toEqual([])
    }
  })

  it("a shutdown out of a closing channel; an abort goes back to channel_closing", () => {
    const world = openWorld()
    const { createTx } = world.state("initiator")
    if (createTx === undefined) throw new Error("no create transaction")
    world.chain.channel = world.channelObject(new Uint8Array(32), { lockedUntil: 200 })
    const event = { _tag: "ChannelClosing", tx: createTx, channel: world.chain.channel } as const
    for (const role of roles) world.event(role, { _tag: "ChainSaid", event })
    world.clear()
    world.call("initiator", requests.Shutdown)
    world.decline("initiator", "shutdown_sign", 4)
    expect(world.names()).toBe("channel_closing channel_closing")
    world.call("initiator", requests.Shutdown)
    world.sign("initiator")
    world.settle()
    world.decline("responder", "shutdown_sign_ack", 4)
    world.settle()
    expect(world.names()).toBe("channel_closing channel_closing")
    world.call("initiator", requests.Shutdown)
    world.sign("initiator")
    world.settle()
    world.clear()
    world.sign("responder")
    world.settle()
    expect(world.seen("responder")).toEqual(["ok", "on_chain_tx close_mutual"])
    expect(world.names()).toBe("mutual_closed mutual_closed")
  })

  it("a channel that comes back after its close waits for the close again", () => {
    const world = closing(roles)
    world.mine([])
    const { createTx } = world.state("initiator")
    if (createTx === undefined) throw new Error("no create transaction")
    world.clear()
    world.event("initiator", {
      _tag: "ChainSaid",
      event: { _tag: "ChannelChanged", tx: createTx, channel: world.channelObject(new Uint8Array(32)) }
    })
    expect(world.seen("initiator")).toEqual(["on_chain_tx channel_changed"])
    expect(world.name("initiator")).toBe("mutual_closed")
  })
})

describe("lost peers and clients", () => {
  it("a responder without a peer takes requests; they run out of time", () => {
    const world = openWorld()
    world.call("initiator", requests.Stop)
    world.settle()
    world.clear()
    world.propose("responder")
    world.sign("responder")
    expect(world.name("responder")).toBe("awaiting_update_ack")
    world.fire("responder")
    expect(world.seen("responder")).toEqual(["ok", "sign.update", "ok", "conflict 3 timeout @1"])
    expect(world.state("responder").exposed).toEqual([])
  })

  it("a lost peer takes its unread proposals along", () => {
    const world = openWorld()
    world.propose("responder")
    world.call("initiator", requests.Shutdown)
    world.sign("initiator")
    world.settle()
    world.call("initiator", requests.Stop)
    world.settle()
    expect(world.names()).toBe("stopped open")
    expect(world.seen("responder")).toEqual(["ok", "sign.update", "info peer_disconnected"])
  })

  it("a peer lost while the channel closes is no matter", () => {
    const world = closing(roles)
    world.call("initiator", requests.Stop)
    world.settle()
    expect(world.name("responder")).toBe("mutual_closed")
    world.mine()
    expect(world.name("responder")).toBe("stopped")
  })

  it("a client that comes back may answer what was asked before", () => {
    const world = openWorld()
    world.propose("initiator")
    world.event("initiator", { _tag: "ClientGone" })
    world.event("initiator", { _tag: "ClientAttached" })
    expect(world.seen("initiator")).toEqual(["ok", "sign.update", "info fsm_up +fsm_id"])
    world.sign("initiator", "update")
    expect(world.name("initiator")).toBe("awaiting_update_ack")
  })
})
