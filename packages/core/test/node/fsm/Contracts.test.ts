/** Contracts inside a channel: two machines create, call, try out and read them. */
import { describe, expect, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as CallObject from "../../../src/chain/CallObject.js"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import type { ContractId } from "../../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../../src/encoding/Bytes.js"
import * as CallData from "../../../src/fate/CallData.js"
import * as Value from "../../../src/fate/Value.js"
import * as ChannelFsm from "../../../src/node/ChannelFsm.js"
import * as StateCache from "../../../src/node/StateCache.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import type { Request } from "../../../src/protocol/Request.js"
import * as Poi from "../../../src/state/Poi.js"
import * as Trees from "../../../src/state/Trees.js"
import * as Trie from "../../../src/state/Trie.js"
import { native } from "../../support/TestCrypto.js"
import * as Meter from "./Meter.js"
import {
  amounts,
  blockAt,
  keyPairs,
  networkId,
  openWorld,
  other,
  outsider,
  reserve,
  roles,
  type World
} from "./World.js"

const bad = "refused -32603"

/** An open channel with a contract of the initiator's; it is in round 2. */
const withContract = (options: Parameters<typeof openWorld>[0] = {}) => {
  const world = openWorld(options)
  const id = Meter.create(world, "initiator")
  return { world: world.clear(), id }
}

/** Both hold the same state, down to its hash. */
const expectSame = (world: World, round: number): void => {
  expect(world.rounds()).toEqual([round, round])
  const [one, two] = roles.map((role) => Trees.stateHashText(world.state(role).offChain.trees))
  expect(two).toBe(one)
  for (const role of roles) {
    const { signedTx } = world.state(role).offChain
    const tx = signedTx === undefined ? undefined : SignedTx.innermost(signedTx).tx
    expect(tx !== undefined && "stateHash" in tx && ApiEncoding.encode("st", tx.stateHash)).toBe(one)
  }
}

const accountOf = (id: ContractId): ApiEncoding.AccountAddress =>
  ApiEncoding.encode("ak", ApiEncoding.bytesOf(id))

const total = (world: World, id: ContractId, role: Role = "initiator"): unknown =>
  Meter.returned(Meter.run(world, role, id, "total"))

describe.each(roles)("a contract of the %s", (role) => {
  const peer = other(role)

  it("is created in the usual order of messages", () => {
    const world = openWorld()
    expect(world.ask(role, Meter.newContract({ meta: ["hello"] }))).toBe("ok")
    expect(world.sides[role].lastSign?.updates.map(({ _tag }) => _tag)).toEqual([
      "OffChainNewContract",
      "OffChainMeta"
    ])
    Meter.agree(world, role)
    expect(world.seen(role)).toEqual(["ok", "sign.update", "ok", "update 2"])
    expect(world.seen(peer)).toEqual(["info update", "sign.update_ack", "ok", "update 2"])
    expectSame(world, 2)
  })

  it("is there for both, with its deposit, its store and the call of its init", () => {
    const world = openWorld()
    const id = Meter.create(world, role, { deposit: 1_234n })
    for (const side of roles) {
      const { contract, store } = Meter.value(
        world,
        side,
        { _tag: "GetContract", contractId: id },
        "Contract"
      )
      expect(contract).toEqual({
        abi_version: 3,
        active: true,
        deposit: 1_234,
        id,
        owner_id: keyPairs[role].address,
        referrer_ids: [],
        vm_version: 8
      })
      expect(Object.keys(store as object).every((key) => key.startsWith("ck_"))).toBe(true)
      expect(Object.values(store as object).every((each) => String(each).startsWith("cv_"))).toBe(true)
      expect(Object.keys(store as object)).toContain(ApiEncoding.encode("ck", Uint8Array.of(0, 0)))
      expect(Meter.result(world, side, id, role, 2)).toMatchObject({
        callerId: keyPairs[role].address,
        callerNonce: 2n,
        contractId: id,
        gasPrice: 0n,
        height: 2,
        log: [],
        returnType: "ok"
      })
      const accounts = [accountOf(id), keyPairs[role].address]
      const { balances } = Meter.value(world, side, { _tag: "GetBalances", accounts }, "Balances")
      expect(balances.map(({ balance }) => balance)).toEqual([1_234n, amounts[`${role}Amount`] - 1_234n])
    }
  })

  it("is called by either party, and every call counts", () => {
    const world = openWorld()
    const id = Meter.create(world, role)
    Meter.call(world, peer, id, "add", [5n], { amount: 100n, meta: ["a call"] })
    Meter.call(world, role, id, "add", [7n])
    expectSame(world, 4)
    expect(world.seen(peer).slice(-4)).toEqual(["info update", "sign.update_ack", "ok", "update 4"])
    for (const side of roles) {
      const call = Meter.result(world, side, id, peer, 3)
      expect(call).toMatchObject({ callerNonce: 3n, height: 3, gasPrice: 1n, returnType: "ok" })
      expect(call && Meter.returned(call)).toBe(5n)
      expect(call?.log[0]?.topics.slice(1)).toEqual([
        BigInt(`0x${Buffer.from(ApiEncoding.bytesOf(keyPairs[peer].address)).toString("hex")}`),
        5n
      ])
      expect(call?.gasUsed).toBe(Meter.result(world, other(side), id, peer, 3)?.gasUsed)
      expect(world.balance(side, peer)).toBe(amounts[`${peer}Amount`] - 100n)
    }
    expect(total(world, id)).toBe(12n)
  })
})

describe("calls that end badly", () => {
  const cases: Record<string, [string, ReadonlyArray<Value.Value>, "error" | "revert", RegExp]> = {
    "a function that is not there": ["nothing", [], "error", /undefined function/],
    "a wrong number of arguments": ["add", [], "error", /^Expected 1 arguments, got 0$/],
    "arguments of another type": ["add", [true], "error", /./],
    "a revert": ["add", [0n], "revert", /^NOT_POSITIVE$/],
    "more gas than there is": ["spin", [100_000n], "error", /^Out of gas$/]
  }
  for (const [name, [fn, args, returnType, says]] of Object.entries(cases)) {
    it(`${name}: an update like any other, and the amount comes back`, () => {
      const { id, world } = withContract()
      Meter.call(world, "responder", id, fn, args, fn === "add" ? { amount: 50n } : {})
      expectSame(world, 3)
      for (const side of roles) {
        const call = Meter.result(world, side, id, "responder", 3)
        expect(call?.returnType).toBe(returnType)
        expect(String(call && Meter.returned(call))).toMatch(says)
        expect(world.balance(side, "responder")).toBe(amounts.responderAmount)
      }
      expect(total(world, id)).toBe(0n)
    })
  }

  it("call data that are none cost all the gas", () => {
    const { id, world } = withContract()
    const callData = Uint8Array.of(1, 2, 3)
    Meter.call(world, "initiator", id, "add", [1n], { callData })
    expect(Meter.result(world, "responder", id, "initiator", 3)).toMatchObject({
      gasUsed: 1_000_000n,
      returnType: "error"
    })
  })
})

describe("requests that are refused, and leave no trace", () => {
  const cases: Record<string, [(id: ContractId) => Request, string]> = {
    "a deposit beyond the reserve": [
      () => Meter.newContract({ deposit: amounts.initiatorAmount - reserve + 1n }),
      "refused 3/1001"
    ],
    "an init that fails": [
      () => Meter.newContract({ callData: CallData.encode("init", [-1n]) }),
      "refused 3/1007"
    ],
    "call data that are not for init": [
      () => Meter.newContract({ callData: CallData.encode("total", []) }),
      "refused 3/1007"
    ],
    "call data that are none": [() => Meter.newContract({ callData: Uint8Array.of(1) }), "refused 3/1007"],
    "code that is none": [() => Meter.newContract({ code: Uint8Array.of(1, 2) }), bad],
    "code for another machine": [() => Meter.newContract({ vmVersion: 6 }), bad],
    "the AEVM": [() => Meter.newContract({ vmVersion: 6, abiVersion: 1 }), bad],
    "an ABI that would be another one": [() => Meter.newContract({ vmVersion: 7, abiVersion: 65_539 }), bad],
    "a negative ABI": [() => Meter.newContract({ abiVersion: -1 }), bad],
    "creating at an unknown block": [() => Meter.newContract({ blockHash: unknownBlock }), bad],
    "code that fits into no frame": [() => Meter.newContract({ meta: ["x".repeat(65_000)] }), bad],
    "an amount beyond the reserve": [
      (id) => Meter.callContract(id, "add", [1n], { amount: amounts.initiatorAmount }),
      "refused 3/1001"
    ],
    "another ABI": [(id) => Meter.callContract(id, "add", [1n], { abiVersion: 1 }), "refused 3/1019"],
    "a contract that is not there": [() => Meter.callContract(nowhere, "add", [1n]), bad],
    "calling at an unknown block": [
      (id) => Meter.callContract(id, "add", [1n], { blockHash: unknownBlock }),
      bad
    ],
    "a call that breaks the machine": [
      (id) => Meter.callContract(id, "pay", [Meter.address("initiator"), -1n]),
      bad
    ],
    "trying out another ABI": [(id) => Meter.dryRun(id, "add", [1n], { abiVersion: 1 }), "refused 3/1019"],
    "trying out too large an amount": [
      (id) => Meter.dryRun(id, "add", [1n], { amount: amounts.initiatorAmount }),
      "refused 3/1001"
    ],
    "trying out a contract that is not there": [() => Meter.dryRun(nowhere, "add", [1n]), bad],
    "trying out at an unknown block": [
      (id) => Meter.dryRun(id, "add", [1n], { blockHash: unknownBlock }),
      bad
    ],
    "reading a contract that is not there": [
      () => ({ _tag: "GetContract", contractId: nowhere }),
      "refused 3/100"
    ],
    "reading a call that was not made": [
      (contractId) => ({
        _tag: "GetContractCall",
        contractId,
        callerId: keyPairs.responder.address,
        round: 2
      }),
      "refused 3/1004"
    ],
    "a proof of a contract that is not there": [
      () => ({ _tag: "GetPoi", accounts: [], contracts: [nowhere] }),
      "refused 3/100"
    ]
  }
  const unknownBlock = ApiEncoding.encode("kh", new Uint8Array(32).fill(8))
  const nowhere = ApiEncoding.encode("ct", new Uint8Array(32).fill(9))
  for (const [name, [request, expected]] of Object.entries(cases)) {
    it(name, () => {
      const { id, world } = withContract()
      const before = world.state("initiator").offChain
      expect(world.ask("initiator", request(id))).toBe(expected)
      expect(world.state("initiator").offChain).toEqual(before)
      expect(world.names()).toBe("open open")
      expect(world.seen("initiator")).toEqual([expected])
      expect(world.seen("responder")).toEqual([])
      expect(world.sides.responder.inbox).toEqual([])
    })
  }
})

it("with helpful errors a refusal without a code says why", () => {
  const { id, world } = withContract({ helpfulErrors: true })
  const request = Meter.callContract(id, "pay", [Meter.address("initiator"), -1n])
  expect(world.ask("initiator", request)).toBe(bad)
  expect(world.seen("initiator")).toEqual([bad, expect.stringMatching(/^error Update 0 .*contract_crashed/)])
  expect(world.ask("initiator", Meter.callContract(id, "add", [1n], { abiVersion: 1 }))).toBe(
    "refused 3/1019"
  )
  expect(world.seen("initiator")).toEqual(["refused 3/1019"])
})

describe("trying a call out", () => {
  it("tells the result as that of the next round and changes nothing", () => {
    const { id, world } = withContract()
    const before = world.state("responder").offChain
    const call = Meter.run(world, "responder", id, "add", [4n], { amount: 3n })
    expect(call).toMatchObject({ callerNonce: 3n, height: 3, gasPrice: 1n, returnType: "ok" })
    expect(call.callerId).toBe(keyPairs.responder.address)
    expect(Meter.returned(call)).toBe(4n)
    expect(world.state("responder").offChain).toBe(before)
    expect(Meter.result(world, "responder", id, "responder", 3)).toBeUndefined()
    expect(world.seen("responder")).toEqual(["ContractCallResult", "refused 3/1004"])
    // What it told is what happens.
    Meter.call(world, "responder", id, "add", [4n], { amount: 3n })
    expect(Meter.result(world, "initiator", id, "responder", 3)).toEqual(call)
  })

  it("tells an error as a result", () => {
    const { id, world } = withContract()
    const call = Meter.run(world, "responder", id, "add", [0n])
    expect([call.returnType, Meter.returned(call)]).toEqual(["revert", "NOT_POSITIVE"])
  })
})

describe("the block that a call sees", () => {
  it("is the one that was asked for, else the one on top", () => {
    const { id, world } = withContract()
    world.chain.height += 20
    const top = BigInt(world.chain.height)
    const height = (blockHash?: ApiEncoding.BlockHash): unknown =>
      Meter.returned(
        Meter.run(world, "initiator", id, "height", [], blockHash === undefined ? {} : { blockHash })
      )
    expect(height()).toBe(top)
    expect(height(blockAt(Number(top) - 3))).toBe(top - 3n)
    expect(height(ApiEncoding.encode("kh", new Uint8Array(32)))).toBe(top)
  })

  it("is the same for both: the state agrees although the chain has grown meanwhile", () => {
    const { id, world } = withContract()
    const top = BigInt(world.chain.height)
    world.ask("initiator", Meter.callContract(id, "mark", []))
    world.chain.height += 5
    Meter.agree(world, "initiator")
    expectSame(world, 3)
    expect(total(world, id)).toBe(top)
  })

  it("is chosen by the window of the one who calls", () => {
    const { id, world } = withContract({
      initiator: { blockHashDelta: { notOlderThan: 10, notNewerThan: 2, pick: 3 } },
      responder: { blockHashDelta: { notOlderThan: 10, notNewerThan: 2, pick: 3 } }
    })
    // Twice the distance: so does the reference node.
    expect(Meter.returned(Meter.run(world, "initiator", id, "height"))).toBe(
      BigInt(world.chain.height - 2 - 5)
    )
  })

  for (const [name, blockHash] of [
    ["older than the peer takes", blockAt(80)],
    ["not on the peer's chain", blockAt(101)]
  ] as const) {
    it(`${name}: a conflict`, () => {
      const { id, world } = withContract()
      const shown = world.chain.height
      world.chain.height = Math.max(shown, 102)
      expect(world.ask("initiator", Meter.callContract(id, "mark", [], { blockHash }))).toBe("ok")
      world.sign("initiator")
      if (name !== "older than the peer takes") world.chain.height = 100
      world.settle()
      expect(world.seen("responder")).toEqual(["conflict 2 conflict @2"])
      expect(world.seen("initiator").at(-1)).toBe("conflict 2 conflict @2")
      expect(world.names()).toBe("open open")
      expect(world.rounds()).toEqual([2, 2])
    })
  }

  it("another one at the peer: its state is another one, a conflict", () => {
    const { id, world } = withContract()
    world.ask("initiator", Meter.callContract(id, "mark", []))
    world.sign("initiator")
    const [proposal] = world.sides.responder.inbox
    if (typeof proposal !== "object" || proposal._tag !== "Proposal") throw new Error("no proposal")
    world.sides.responder.inbox = [{ ...proposal, blockHash: blockAt(world.chain.height - 1) }]
    world.settle()
    expect(world.seen("responder")).toEqual(["conflict 2 conflict @2"])
    expect(world.rounds()).toEqual([2, 2])
    // The channel goes on.
    Meter.call(world, "responder", id, "add", [1n])
    expectSame(world, 3)
  })

  it("a proposal whose call says something else than its transaction: a conflict", () => {
    const { id, world } = withContract({ helpfulErrors: true })
    world.ask("initiator", Meter.callContract(id, "add", [1n]))
    world.sign("initiator")
    const [proposal] = world.sides.responder.inbox
    if (typeof proposal !== "object" || proposal._tag !== "Proposal") throw new Error("no proposal")
    const updates = proposal.updates.map((update) =>
      update._tag === "OffChainCallContract" ? { ...update, callData: CallData.encode("add", [2n]) } : update
    )
    world.sides.responder.inbox = [{ ...proposal, updates }]
    world.settle()
    expect(world.seen("responder")).toEqual(["error bad_state_hash", "conflict 2 conflict @2"])
  })

  it("a proposal that the peer has not signed: a conflict, and its call is not run", () => {
    const { id, world } = withContract({ helpfulErrors: true })
    world.ask("initiator", Meter.callContract(id, "add", [1n]))
    const request = world.sides.initiator.lastSign
    if (request === undefined) throw new Error("not asked")
    world.sign("initiator")
    const [proposal] = world.sides.responder.inbox
    if (typeof proposal !== "object" || proposal._tag !== "Proposal") throw new Error("no proposal")
    const looked: Array<unknown> = []
    const told = (signedTx: SignedTx.SignedTx): number => {
      const env = world.env()
      const environmentAt: typeof env.chain.environmentAt = (hash) => {
        looked.push(hash)
        return env.chain.environmentAt(hash)
      }
      const before = looked.length
      const { effects } = ChannelFsm.transition(
        world.state("responder"),
        { _tag: "PeerSaid", message: { ...proposal, signedTx } },
        { ...env, chain: { ...env.chain, environmentAt } }
      )
      const said = effects.flatMap((each) =>
        each._tag === "Report" && each.report._tag === "ErrorReport" ? [each.report.message] : []
      )
      expect(said).toEqual(looked.length > before ? [] : ["bad_signature"])
      return looked.length - before
    }
    const { signedTx } = request
    expect(told(signedTx)).toBe(0)
    expect(told(SignedTx.sign(signedTx, outsider, { networkId, crypto: native }))).toBe(0)
    expect(told(SignedTx.addSignature(signedTx, new Uint8Array(64)))).toBe(0)
    // The same with the peer's signature is run.
    expect(told(proposal.signedTx)).toBeGreaterThan(0)
  })

  it.each([1_000_001n, 10n ** 15n])(
    "a proposal that asks for more gas than any (%s) is not even run",
    (gas) => {
      const { id, world } = withContract({ helpfulErrors: true })
      world.ask("initiator", Meter.callContract(id, "spin", [3n]))
      world.sign("initiator")
      const [proposal] = world.sides.responder.inbox
      if (typeof proposal !== "object" || proposal._tag !== "Proposal") throw new Error("no proposal")
      const updates = proposal.updates.map((update) =>
        update._tag === "OffChainCallContract" ? { ...update, gas } : update
      )
      world.sides.responder.inbox = [{ ...proposal, updates }]
      world.settle()
      expect(world.seen("responder")).toEqual(["error too_much_gas", "conflict 2 conflict @2"])
    }
  )

  it("a proposal of a contract that no transaction has room for: a conflict", () => {
    const { world } = withContract({ helpfulErrors: true })
    world.ask("initiator", Meter.newContract())
    world.sign("initiator")
    const [proposal] = world.sides.responder.inbox
    if (typeof proposal !== "object" || proposal._tag !== "Proposal") throw new Error("no proposal")
    const updates = proposal.updates.map((update) =>
      update._tag === "OffChainNewContract"
        ? { ...update, code: Bytes.concat(update.code, new Uint8Array(300_000)) }
        : update
    )
    world.sides.responder.inbox = [{ ...proposal, updates }]
    world.settle()
    expect(world.seen("responder")).toEqual(["error contract_crashed", "conflict 2 conflict @2"])
  })
})

describe("results of calls", () => {
  it("a state has those of its own round; the node remembers all until it is told to forget", () => {
    const { id, world } = withContract()
    Meter.call(world, "responder", id, "add", [5n])
    expect(Trie.size(world.state("initiator").offChain.trees.calls)).toBe(1)
    world.transfer("initiator")
    for (const side of roles) {
      expect(Trie.isEmpty(world.state(side).offChain.trees.calls)).toBe(true)
      expect(Meter.result(world, side, id, "initiator", 2)?.returnType).toBe("ok")
      expect(Meter.result(world, side, id, "responder", 3)?.returnType).toBe("ok")
    }
    const hash = Trees.stateHashText(world.state("initiator").offChain.trees)
    Meter.value(world, "initiator", { _tag: "CleanContractCalls" }, "CallsPruned")
    expect(Meter.result(world, "initiator", id, "responder", 3)).toBeUndefined()
    expect(Meter.result(world, "responder", id, "responder", 3)?.returnType).toBe("ok")
    expect(Trees.stateHashText(world.state("initiator").offChain.trees)).toBe(hash)
    world.transfer("responder")
    expectSame(world, 5)
  })

  it("are part of the dump of a state", () => {
    const { id, world } = withContract()
    Meter.call(world, "responder", id, "add", [5n])
    const dump = Meter.value(world, "initiator", { _tag: "GetOffChainState" }, "OffChainState")
    const trees = Trees.fromTextOrThrow(dump.trees)
    expect(Trees.stateHashText(trees)).toBe(Trees.stateHashText(world.state("responder").offChain.trees))
    expect(Trees.contract(trees, id)?.deposit).toBe(10n)
    expect(Trees.contract(trees, id)?.code).toEqual(Meter.code)
    const calls = [...Trie.entries(Trees.callsFromTextOrThrow(dump.calls))]
    expect(calls.map(([, bytes]) => CallObject.decodeOrThrow(bytes).height).sort()).toEqual([2, 3])
  })

  it("are kept with a state, and come back with it", () => {
    const { id, world } = withContract()
    Meter.call(world, "responder", id, "add", [5n])
    const cached = ChannelFsm.cachedOf(world.state("responder"))
    if (cached === undefined) throw new Error("nothing is kept")
    const fsmId = Redacted.make(ApiEncoding.encode("ba", new Uint8Array(32).fill(3)))
    const sealed = StateCache.seal(cached, fsmId, new Uint8Array(24))
    const back = StateCache.unseal(sealed, fsmId)
    if (!("trees" in back)) throw new Error("it cannot be read")
    const restored = ChannelFsm.restored(back, { fsmId, temporaryChannelId: "33".repeat(32) })
    expect(Trees.stateHashText(restored.offChain.trees)).toBe(
      Trees.stateHashText(world.state("initiator").offChain.trees)
    )
    expect(Trees.contractStore(restored.offChain.trees, id)).toEqual(
      Trees.contractStore(world.state("initiator").offChain.trees, id)
    )
    expect(Trie.equals(restored.offChain.calls, world.state("initiator").offChain.calls)).toBe(true)
  })
})

describe("what a contract owns", () => {
  it("can be proven, with its account", () => {
    const { id, world } = withContract()
    const { poi } = Meter.value(world, "responder", { _tag: "GetPoi", accounts: [], contracts: [id] }, "Poi")
    const proof = Poi.fromTextOrThrow(poi)
    expect(ApiEncoding.encode("st", Poi.stateHash(proof))).toBe(
      Trees.stateHashText(world.state("initiator").offChain.trees)
    )
    expect(Poi.account(proof, id)?.balance).toBe(10n)
    expect(Poi.contract(proof, id)?.serialized.length).toBeGreaterThan(Meter.code.length)
  })

  it("is paid out by the contract alone", () => {
    const { id, world } = withContract()
    Meter.call(world, "initiator", id, "pay", [Meter.address("responder"), 10n])
    expectSame(world, 3)
    expect(world.balance("initiator", "responder")).toBe(amounts.responderAmount + 10n)
    expect(Trees.balance(world.state("responder").offChain.trees, id)).toBe(0n)
  })

  it("is nobody's when the channel closes: neither party's final amount has it", () => {
    const { world } = withContract()
    world.ask("initiator", { _tag: "Shutdown" })
    world.sign("initiator")
    world.settle()
    world.sign("responder")
    world.settle()
    const [close] = world.chain.pool
    if (close?.tx._tag !== "ChannelCloseMutualTx") throw new Error("no close")
    const { fee, initiatorAmountFinal, responderAmountFinal } = close.tx
    expect(initiatorAmountFinal + responderAmountFinal + fee).toBe(
      amounts.initiatorAmount + amounts.responderAmount - 10n
    )
    world.mine()
    expect(world.names()).toBe("stopped stopped")
  })

  it("does not count in a close alone either", () => {
    const { world } = withContract()
    world.ask("responder", { _tag: "CloseSolo" })
    world.sign("responder")
    world.mine()
    expect(world.names()).toBe("channel_closing channel_closing")
    world.chain.height = (world.chain.channel?.lockedUntil ?? 0) + 1
    world.ask("responder", { _tag: "Settle" })
    world.sign("responder")
    const [settle] = world.chain.pool
    expect(settle?.tx).toMatchObject({
      initiatorAmountFinal: amounts.initiatorAmount - 10n,
      responderAmountFinal: amounts.responderAmount
    })
  })
})

describe("races", () => {
  it("a call while a signature is awaited: both end, each client has one conflict", () => {
    const { id, world } = withContract()
    for (const request of [
      Meter.callContract(id, "add", [1n]),
      Meter.newContract(),
      Meter.dryRun(id, "add", [1n])
    ]) {
      world.propose("initiator")
      expect(world.ask("initiator", request)).toBe("ok")
      world.settle()
      expect(world.seen("initiator")).toEqual(["ok", "sign.update", "ok", "conflict 2 conflict @2"])
      expect(world.seen("responder")).toEqual([])
    }
    expect(world.names()).toBe("open open")
  })

  it("two calls that meet: neither counts", () => {
    const { id, world } = withContract()
    for (const role of roles) {
      world.ask(role, Meter.callContract(id, "add", [1n]))
      world.sign(role)
    }
    world.settle()
    expect(world.names()).toBe("open open")
    expect(world.rounds()).toEqual([2, 2])
    for (const role of roles) {
      expect(world.seen(role).filter((line) => line.startsWith("conflict"))).toHaveLength(1)
    }
    Meter.call(world, "responder", id, "add", [2n])
    expect(total(world, id)).toBe(2n)
  })

  it("reading a call waits for the state in which it can be read", () => {
    const { id, world } = withContract()
    world.propose("initiator")
    const asked = world.call("initiator", {
      _tag: "GetContractCall",
      contractId: id,
      callerId: keyPairs.initiator.address,
      round: 2
    })
    expect(world.answer("initiator", asked)).toBeUndefined()
    Meter.agree(world, "initiator")
    expect(world.answer("initiator", asked)).toBe("ContractCallResult")
  })
})
