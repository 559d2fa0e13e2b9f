/**
 * The pure machine under random events: whatever the node says, a signature leaves only for what is right in every
 * field, decided and stored.
 */
import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import * as Fee from "../../src/chain/Fee.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as ClientMachine from "../../src/client/ClientMachine.js"
import * as RequestIds from "../../src/client/RequestIds.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import type { KeyPair } from "../../src/crypto/KeyPair.js"
import { DecodeError } from "../../src/encoding/DecodeError.js"
import { StoreError, TransportError } from "../../src/protocol/Errors.js"
import * as JsonRpcSignedTx from "../../src/protocol/JsonRpcSignedTx.js"
import {
  infoEvents,
  type NodeMessage,
  onChainInfos,
  type Report,
  type SignRequest
} from "../../src/protocol/NodeMessage.js"
import type { Role } from "../../src/protocol/OpenParameters.js"
import { signTagRow, type SignTag } from "../../src/protocol/SignTag.js"
import * as ProposalPolicy from "../../src/services/ProposalPolicy.js"
import * as Trees from "../../src/state/Trees.js"
import * as Update from "../../src/state/Update.js"
import * as TestCrypto from "../support/TestCrypto.js"
import {
  closeSoloTx,
  depositing,
  depositTx,
  oldClose,
  paid,
  paidState,
  proofOf,
  settleTx,
  slashTx,
  snapshotTx,
  withdrawing,
  withdrawTx
} from "./support/OnChain.js"
import { closeTx, meta, offChainTx, transfer, treesAfter } from "./support/Rounds.js"
import {
  channelId,
  createTx,
  initialTrees,
  initiator,
  keysOf,
  networkId,
  responder,
  signedBy,
  terms
} from "./support/ScriptedNode.js"

type State = ClientMachine.ClientState
type Event = ClientMachine.ClientEvent
type Effect = ClientMachine.ClientEffect

const env: ClientMachine.ClientEnvironment = {
  crypto: TestCrypto.native,
  encodeRequest: JsonRpcSignedTx.codec.encodeRequest
}

const { role: _, networkId: _network, ...parameters } = terms
const start = (role: Role): State =>
  ClientMachine.initial({
    role,
    own: keysOf(role).own.address,
    peer: keysOf(role).peer.address,
    terms,
    parameters: { ...parameters, role },
    networkId,
    protocol: 6,
    maximumFee: undefined,
    requestIds: RequestIds.always,
    firstRequestId: 1n,
    requestTimeout: 1000,
    chainTimeout: 5000,
    autoSlash: true,
    reconnects: false
  })

const reported = (report: Report): Event => ({
  _tag: "Received",
  message: { _tag: "Reported", channelId: null, report }
})

/** The machine with an honest shell around it: policy, signer and store answer at once. */
class Runner {
  state: State
  readonly effects: Array<Effect> = []
  constructor(role: Role) {
    this.state = start(role)
    this.run({ _tag: "Asked", callId: 1, command: { _tag: "Open" } })
  }
  run(event: Event, storeFails = false): void {
    const { state, effects } = ClientMachine.transition(this.state, event, env)
    if (storeFails && effects[0]?._tag === "Persist") {
      const error = new StoreError({ operation: "write", reason: "write", detail: "full" })
      this.run({ _tag: "StoreFailed", error, during: event })
      return
    }
    // What a transition gave is never written into by a later one.
    this.state = Object.freeze(state)
    this.effects.push(...effects)
    for (const effect of effects) this.answer(effect, storeFails)
  }
  private answer(effect: Effect, storeFails: boolean): void {
    if (effect._tag === "Load") this.run({ _tag: "Loaded", work: effect.work, stored: undefined }, storeFails)
    if (effect._tag === "AskPolicy")
      this.run({ _tag: "Decided", work: effect.work, decision: ProposalPolicy.accept }, storeFails)
    if (effect._tag === "AskSigner") {
      const { own } = keysOf(this.state.config.role)
      const signedTx = SignedTx.sign(effect.details.signedTx, own, { networkId, crypto: TestCrypto.native })
      this.run({ _tag: "Signed", work: effect.work, signedTx }, storeFails)
    }
  }
  get signatures(): ReadonlyArray<SignedTx.SignedTx> {
    return this.effects.flatMap((effect) =>
      effect._tag === "Send" && effect.request._tag === "SigningReply" ? [effect.request.signedTx] : []
    )
  }
}

const createState = signedBy(createTx(), [initiator, responder])

const openRunner = (role: Role): Runner => {
  const runner = new Runner(role)
  const tag = role === "initiator" ? "initiator_sign" : "responder_sign"
  const signedTx = role === "initiator" ? SignedTx.unsigned(createTx()) : signedBy(createTx(), [initiator])
  runner.run(reported({ _tag: "SignRequest", tag, signedTx, updates: [] }))
  runner.run(reported({ _tag: "Info", event: "open" }))
  runner.run(reported({ _tag: "StateUpdate", state: createState }))
  expect(runner.state.phase).toBe("open")
  return runner
}

const pay = transfer(initiator.address, responder.address, 5n)
const get = transfer(responder.address, initiator.address, 7n)

/** With this only one transaction is right, to the byte: the fee is the lowest at this price. */
const named = { gasPrice: Fee.defaultMinerGasPrice, nonce: 2n }

/** Every kind of honest signing request, with the machine in the state in which it is right. */
const honest: ReadonlyArray<readonly [SignTag, () => Runner, SignRequest]> = [
  ["initiator_sign", () => new Runner("initiator"), ask("initiator_sign", SignedTx.unsigned(createTx()))],
  ["responder_sign", () => new Runner("responder"), ask("responder_sign", signedBy(createTx(), [initiator]))],
  [
    "update",
    () => {
      const runner = openRunner("initiator")
      runner.run({
        _tag: "Asked",
        callId: 2,
        command: {
          _tag: "Operate",
          request: {
            _tag: "Transfer",
            from: initiator.address,
            to: responder.address,
            amount: 5n,
            meta: ["m"]
          }
        }
      })
      return runner
    },
    ask("update", SignedTx.unsigned(offChainTx(treesAfter([pay, meta("m")], 2), 2)), [pay, meta("m")])
  ],
  [
    "update_ack",
    () => openRunner("initiator"),
    ask("update_ack", signedBy(offChainTx(treesAfter([get], 2), 2), [responder]), [get])
  ],
  [
    "shutdown_sign",
    () => {
      const runner = openRunner("initiator")
      runner.run({
        _tag: "Asked",
        callId: 2,
        command: { _tag: "Operate", request: { _tag: "Shutdown", nonce: 2n } }
      })
      return runner
    },
    ask("shutdown_sign", SignedTx.unsigned(closeTx(initiator.address)))
  ],
  [
    "shutdown_sign_ack",
    () => openRunner("initiator"),
    ask("shutdown_sign_ack", signedBy(closeTx(responder.address), [responder]))
  ],
  [
    "deposit_tx",
    () => operating(openRunner("initiator"), { _tag: "Deposit", amount: 5n, meta: [], ...named }),
    ask("deposit_tx", SignedTx.unsigned(depositTx(initiator, 5n)), [depositing(initiator, 5n)])
  ],
  [
    "deposit_ack",
    () => openRunner("initiator"),
    ask("deposit_ack", signedBy(depositTx(responder, 5n), [responder]), [depositing(responder, 5n)])
  ],
  [
    "withdraw_tx",
    () => operating(openRunner("initiator"), { _tag: "Withdraw", amount: 5n, meta: [], ...named }),
    ask("withdraw_tx", SignedTx.unsigned(withdrawTx(initiator, 5n)), [withdrawing(initiator, 5n)])
  ],
  [
    "withdraw_ack",
    () => openRunner("initiator"),
    ask("withdraw_ack", signedBy(withdrawTx(responder, 5n), [responder]), [withdrawing(responder, 5n)])
  ],
  [
    "snapshot_solo_tx",
    () => operating(paidRunner(), { _tag: "SnapshotSolo", ...named }),
    ask("snapshot_solo_tx", SignedTx.unsigned(snapshotTx(initiator)))
  ],
  [
    "close_solo_sign",
    () => operating(paidRunner(), { _tag: "CloseSolo", ...named }),
    ask("close_solo_sign", SignedTx.unsigned(closeSoloTx(initiator)))
  ],
  [
    "slash_tx",
    () => operating(paidRunner(), { _tag: "Slash", ...named }),
    ask("slash_tx", SignedTx.unsigned(slashTx(initiator)))
  ],
  [
    "settle_sign",
    () => operating(paidRunner(), { _tag: "Settle", ...named }),
    ask("settle_sign", SignedTx.unsigned(settleTx(initiator)))
  ]
]

function operating(runner: Runner, request: ClientMachine.OperationRequest): Runner {
  runner.run({ _tag: "Asked", callId: 2, command: { _tag: "Operate", request } })
  return runner
}

function paidRunner(): Runner {
  const runner = openRunner("initiator")
  runner.run(reported(ask("update_ack", signedBy(paidState.tx, [responder]), paid)))
  runner.run(reported({ _tag: "StateUpdate", state: paidState }))
  expect(runner.state.latest?.round).toBe(2)
  return runner
}

function ask(
  tag: SignTag,
  signedTx: SignedTx.SignedTx,
  updates: ReadonlyArray<Update.Update> = []
): SignRequest {
  return { _tag: "SignRequest", tag, signedTx, updates }
}

/** A signed transaction with bytes changed at random; undefined when it is none any more. */
const mutated = (signed: SignedTx.SignedTx, changes: ReadonlyArray<readonly [number, number]>) => {
  const bytes = Uint8Array.from(SignedTx.encode(signed))
  for (const [at, by] of changes) bytes[at % bytes.length] = ((bytes[at % bytes.length] ?? 0) + by) % 256
  try {
    return SignedTx.decodeOrThrow(bytes)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

const changes = fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 1, max: 255 })), {
  minLength: 1,
  maxLength: 3
})

describe("I6: mutated signing requests", () => {
  it.each(honest)("%s: the honest request is signed", (_tag, make, request) => {
    const runner = make()
    const before = runner.signatures.length
    runner.run(reported(request))
    expect(runner.signatures).toHaveLength(before + 1)
  })

  // A field that only bounds the value (fee, nonce) may be changed within its bounds; then the state hash, amounts and
  // signatures still are what they must be. Nothing else may.
  const bounded = (before: SignedTx.SignedTx, after: SignedTx.SignedTx): boolean => {
    const [a, b] = [before.tx, after.tx]
    if (a._tag === "ChannelCreateTx" && b._tag === "ChannelCreateTx" && a.version === 2 && b.version === 2)
      return Bytes.equals(SignedTx.unsigned({ ...b, fee: a.fee, nonce: a.nonce }).txBytes, before.txBytes)
    return false
  }

  it.each(honest)("%s: any other bytes are not", (tag, make, request) => {
    let decodable = 0
    fc.assert(
      fc.property(changes, (edits) => {
        const signedTx = mutated(request.signedTx, edits)
        if (signedTx === undefined) return
        if (Bytes.equals(SignedTx.encode(signedTx), SignedTx.encode(request.signedTx))) return
        decodable++
        const runner = make()
        const before = runner.signatures.length
        runner.run(reported({ ...request, signedTx }))
        const signs = runner.signatures.length > before
        expect(signs && !(tag === "initiator_sign" && bounded(request.signedTx, signedTx))).toBe(false)
      }),
      { numRuns: 150 }
    )
    expect(decodable).toBeGreaterThan(20)
  })

  it("updates other than those signed for are not", () => {
    const account = fc.constantFrom(initiator.address, responder.address, TestCrypto.keyPairOf("x").address)
    const update = fc.oneof(
      fc
        .record({ from: account, to: account, amount: fc.bigInt(0n, 10n) })
        .map(({ from, to, amount }) => transfer(from, to, amount)),
      fc.string({ maxLength: 3 }).map(meta),
      fc
        .record({ to: account, amount: fc.bigInt(0n, 10n) })
        .map(({ to, amount }): Update.Update => ({ _tag: "OffChainWithdrawal", to, amount })),
      fc
        .record({ from: account, amount: fc.bigInt(0n, 10n) })
        .map(({ from, amount }): Update.Update => ({ _tag: "OffChainDeposit", from, amount }))
    )
    const same = (a: ReadonlyArray<Update.Update>, b: ReadonlyArray<Update.Update>): boolean =>
      a.length === b.length &&
      a.every((each, i) => Bytes.equals(Update.encode(each), Update.encode(b[i] ?? each)))
    fc.assert(
      fc.property(fc.array(update, { maxLength: 3 }), (updates) => {
        for (const [tag, make, request] of honest) {
          if (tag !== "update" && tag !== "update_ack") continue
          const runner = make()
          const before = runner.signatures.length
          runner.run(reported({ ...request, updates }))
          const signs = runner.signatures.length > before
          // As acknowledger texts may be added: the proposer's signature is over the state, not over them.
          const core =
            tag === "update" ? updates : updates.filter(({ _tag }, i) => i === 0 || _tag !== "OffChainMeta")
          expect(signs).toBe(same(core, request.updates))
        }
      }),
      { numRuns: 150 }
    )
  })
})

describe("I2, I4a, I5, I6, I7, I8, I9, I13: random sequences of events", () => {
  const gone = new TransportError({ reason: "connection_lost", operation: "receive", detail: "gone" })

  /** A step of a random node, peer, user or store; made from the state, so that many steps are honest. */
  type Move = (runner: Runner, n: number) => Event
  const nextTx = (runner: Runner, updates: ReadonlyArray<Update.Update>) => {
    const { latest } = runner.state
    const round = (latest?.round ?? 0) + 1
    return offChainTx(treesAfter(updates, round, latest?.trees ?? initialTrees), round)
  }
  const harmless = infoEvents.filter((event) => event !== "died")
  let callId = 10
  const asked = (command: ClientMachine.Command): Event => ({ _tag: "Asked", callId: callId++, command })
  const moves: ReadonlyArray<Move> = [
    (_runner, n) =>
      asked({
        _tag: "Operate",
        request: {
          _tag: "Transfer",
          from: initiator.address,
          to: responder.address,
          amount: BigInt(n),
          meta: []
        }
      }),
    () => asked({ _tag: "Ping" }),
    () => asked({ _tag: "Balances", accounts: [initiator.address] }),
    (_runner, n) => asked({ _tag: "Abort", code: n + 1 }),
    (_runner, n) => ({ _tag: "CallerGone", callId: callId - 1 - (n % 3) }),
    // The node asks for what we asked for, or for something near it.
    (runner, n) => {
      const request = runner.state.own?.request
      const amount = request?._tag === "Transfer" && n % 4 !== 0 ? request.amount : BigInt(n)
      const updates = [transfer(initiator.address, responder.address, amount)]
      return reported(ask("update", SignedTx.unsigned(nextTx(runner, updates)), updates))
    },
    (runner, n) => {
      const { peer } = keysOf(runner.state.config.role)
      const updates = [transfer(responder.address, initiator.address, BigInt(n))]
      const keys = n % 5 === 0 ? [] : [peer]
      const tx = nextTx(runner, updates)
      return reported(
        ask("update_ack", signedBy(n % 7 === 0 ? { ...tx, round: tx.round + 1 } : tx, keys), updates)
      )
    },
    (runner) =>
      reported(
        ask("shutdown_sign_ack", signedBy(closeTx(responder.address, runner.state.trees), [responder]))
      ),
    // The last thing that we signed, completed by the peer.
    (runner, n) => {
      const last = runner.signatures.at(-1) ?? createState
      return reported({
        _tag: "StateUpdate",
        state: n % 5 === 0 ? last : signedBy(last.tx, [initiator, responder])
      })
    },
    (runner, n) =>
      reported({ _tag: "Conflict", round: runner.state.latest?.round ?? 0, errorCode: 1 + (n % 5) }),
    () => reported({ _tag: "Info", event: "aborted_update" }),
    (_runner, n) =>
      reported({ _tag: "Info", event: n === 40 ? "died" : (harmless[n % harmless.length] ?? "open") }),
    (runner, n) => ({
      _tag: "Received",
      message: refusalOf(runner, n)
    }),
    (runner) => ({
      _tag: "Received",
      message: {
        _tag: "Replied",
        channelId,
        id: Number(runner.state.nextRequestId) - 1,
        value: { _tag: "Ok" }
      }
    }),
    (_runner, n) => ({
      _tag: "Undecodable",
      error: new DecodeError({ what: "frame", reason: "x", where: [], detail: "x" }),
      id: n % 2 === 0 ? n : undefined
    }),
    (_runner, n) => ({ _tag: "TimerFired", callId: callId - n }),
    // Coins that come and go, ours and the peer's, and what the nodes say about depth.
    (_runner, n) =>
      asked({
        _tag: "Operate",
        request: { _tag: n % 2 === 0 ? "Deposit" : "Withdraw", amount: BigInt(n + 1), meta: [] }
      }),
    (runner, n) => {
      const { own } = keysOf(runner.state.config.role)
      const request = runner.state.own?.request
      const kind = request?._tag === "Withdraw" ? "withdraw" : "deposit"
      const amount = request !== undefined && "amount" in request && n % 4 !== 0 ? request.amount : BigInt(n)
      return movement(runner, `${kind}_tx`, own, amount, [])
    },
    (runner, n) => {
      const { peer } = keysOf(runner.state.config.role)
      return movement(runner, n % 2 === 0 ? "deposit_ack" : "withdraw_ack", peer, BigInt(n + 1), [peer])
    },
    (runner) => {
      const { locks } = runner.state
      const isNext = locks !== "unknown" && !locks.own
      return reported({ _tag: "Info", event: isNext ? "own_deposit_locked" : "withdraw_locked" })
    },
    // What we do alone.
    (_runner, n) =>
      asked({
        _tag: "Operate",
        request: { _tag: (["SnapshotSolo", "CloseSolo", "Slash", "Settle"] as const)[n % 4] ?? "Settle" }
      }),
    (runner, n) => {
      const { own } = keysOf(runner.state.config.role)
      const { latest } = runner.state
      const payload = SignedTx.encode(n % 5 === 0 ? createState : (latest?.signedTx ?? createState))
      const poi = proofOf(runner.state.trees)
      const table: ReadonlyArray<readonly [SignTag, SignedTx.SignedTx]> = [
        ["snapshot_solo_tx", SignedTx.unsigned(snapshotTx(own, { payload }))],
        ["close_solo_sign", SignedTx.unsigned(closeSoloTx(own, { payload, poi }))],
        ["slash_tx", SignedTx.unsigned(slashTx(own, { payload, poi }))],
        ["settle_sign", SignedTx.unsigned(settleTx(own, {}, runner.state.trees))]
      ]
      const wanted = table.findIndex(([tag]) => tag === runner.state.own?.tag)
      const [tag, signedTx] = table[wanted >= 0 && n % 4 !== 0 ? wanted : n % 4] ??
        table[0] ?? ["settle_sign", createState]
      return reported(ask(tag, signedTx))
    },
    // The chain.
    (runner, n) => {
      const info = onChainInfos[n % onChainInfos.length] ?? "channel_changed"
      const last = runner.signatures.at(-1) ?? createState
      const { peer } = keysOf(runner.state.config.role)
      const tx =
        [last, createState, oldClose(peer), runner.state.latest?.signedTx ?? createState][n % 4] ?? last
      return reported({ _tag: "OnChainTx", info, tx })
    }
  ]
  const movement = (
    runner: Runner,
    tag: "deposit_tx" | "deposit_ack" | "withdraw_tx" | "withdraw_ack",
    party: KeyPair,
    amount: bigint,
    keys: ReadonlyArray<KeyPair>
  ): Event => {
    const { latest } = runner.state
    const round = (latest?.round ?? 0) + 1
    const isDeposit = tag.startsWith("deposit")
    const updates = [isDeposit ? depositing(party, amount) : withdrawing(party, amount)]
    const trees = treesAfter(updates, round, latest?.trees ?? initialTrees)
    const tx = (isDeposit ? depositTx : withdrawTx)(party, amount, {}, round, trees)
    return reported(ask(tag, signedBy(tx, keys), updates))
  }
  const refusalOf = (runner: Runner, n: number): NodeMessage => ({
    _tag: "Refused",
    channelId,
    id: Number(runner.state.nextRequestId) - 1 - (n % 2),
    code: 3,
    message: "Rejected",
    data: [],
    request: {}
  })

  const walk = fc.record({
    role: fc.constantFrom<Role>("initiator", "responder"),
    storeFailsAt: fc.option(fc.nat(40), { freq: 4 }),
    // Transfers, signing requests and co-signed states come more often than what ends them.
    steps: fc.array(
      fc.tuple(
        fc.oneof(fc.nat(moves.length - 1), fc.constantFrom(0, 5, 6, 8, 8, 8, 16, 17, 18, 19, 19)),
        fc.nat(40)
      ),
      {
        minLength: 10,
        maxLength: 60,
        size: "max"
      }
    )
  })

  it("hold", () => {
    let [signatures, states, runs] = [0, 0, 0]
    moved = 0
    fc.assert(
      fc.property(walk, ({ role, storeFailsAt, steps }) => {
        callId = 10
        const runner = openRunner(role)
        const calls = new Set<number>()
        for (const [index, [kind, n]] of steps.entries()) {
          const event = moves[kind]?.(runner, n) ?? { _tag: "TimerFired", callId: 0 }
          if (event._tag === "Asked") calls.add(event.callId)
          if (event._tag === "CallerGone") calls.delete(event.callId)
          const frozen = runner.state.frozen !== undefined
          const before = runner.signatures.length
          runner.run(event, storeFailsAt !== null && index >= storeFailsAt)
          if (frozen) expect(runner.signatures).toHaveLength(before)
        }
        runner.run({ _tag: "Disconnected", error: gone })
        check(runner)
        // I13: every caller that still waits was told exactly once.
        const told = runner.effects.flatMap((effect) =>
          effect._tag === "Succeed" || effect._tag === "Fail" ? [effect.callId] : []
        )
        expect(new Set(told).size).toBe(told.length)
        for (const call of calls) expect(told).toContain(call)
        runs++
        signatures += runner.signatures.length
        states += runner.state.latest?.round ?? 0
      }),
      { numRuns: 400 }
    )
    console.log(
      `random sequences: ${runs} runs, ${signatures} signatures, ${states} co-signed states, ${moved} deposits and withdrawals`
    )
    expect(signatures / runs).toBeGreaterThan(2)
    expect(moved).toBeGreaterThan(10)
  })

  let moved = 0
  const needsDepth = ({ _tag }: SignedTx.SignedTx["tx"]): boolean =>
    _tag === "ChannelDepositTx" || _tag === "ChannelWithdrawTx"

  /** Reads the effects in order, as a store and a peer would see them. */
  const check = (runner: Runner): void => {
    let durable: Extract<Effect, { readonly _tag: "Persist" }>["record"] | undefined
    let expected = 0
    const acknowledged = new Map<number, string>()
    let total = terms.initiatorAmount + terms.responderAmount
    for (const effect of runner.effects) {
      if (effect._tag === "Persist") {
        expect(effect.expected).toBe(expected++)
        durable = effect.record
      }
      if (effect._tag === "Send" && effect.request._tag === "SigningReply") {
        const { tag, signedTx } = effect.request
        const exposed = durable?.exposure.find((each) =>
          Bytes.equals(each.signedTx.txBytes, signedTx.txBytes)
        )
        // I2, I8: the decision is durable before the signature leaves, and the body if another's can complete it.
        expect(durable?.intents.some(({ txHash }) => txHash === SignedTx.bodyHash(signedTx))).toBe(true)
        if (signTagRow(tag).side === "solo") {
          // I6: about the latest durable state.
          const { tx } = signedTx
          if ("payload" in tx && tx.payload.length > 0 && durable?.coSigned !== undefined)
            expect(SignedTx.bodyHash(SignedTx.decodeOrThrow(tx.payload))).toBe(
              SignedTx.bodyHash(durable.coSigned)
            )
        } else expect(exposed).toBeDefined()
        expect(
          SignedTx.isSignedBy(signedTx, runner.state.config.own, { networkId, crypto: TestCrypto.native })
        ).toBe(true)
        const { tx } = signedTx
        if (!("round" in tx)) continue
        // I5: one more than what is co-signed and durable.
        expect(tx.round).toBe((durable?.round ?? 0) + 1)
        if (signTagRow(tag).side !== "acknowledger") continue
        // I4a: one body for each round.
        const body = Bytes.toHex(signedTx.txBytes)
        expect(acknowledged.get(tx.round) ?? body).toBe(body)
        acknowledged.set(tx.round, body)
      }
      if (effect._tag === "Emit" && effect.event._tag === "CoSigned") {
        const { state } = effect.event
        // I9: durable, with both signatures, and ours. I1, I3: nothing comes or goes but by the transaction's amount.
        expect(durable?.round).toBe(state.round)
        const parties = [initiator.address, responder.address]
        expect(SignedTx.verify(state.signedTx, parties, { networkId, crypto: TestCrypto.native })).toBe("ok")
        const { tx } = state.signedTx
        total +=
          tx._tag === "ChannelDepositTx" ? tx.amount : tx._tag === "ChannelWithdrawTx" ? -tx.amount : 0n
        expect(Trees.totalBalance(state.trees)).toBe(total)
        moved += needsDepth(tx) ? 1 : 0
      }
    }
  }
})
