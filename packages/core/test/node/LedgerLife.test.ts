import { describe, expect, it } from "@effect/vitest"
import * as CodeObject from "../../src/chain/CodeObject.js"
import * as Fee from "../../src/chain/Fee.js"
import * as Ids from "../../src/chain/Ids.js"
import * as Protocol from "../../src/chain/Protocol.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type * as Transaction from "../../src/chain/Transaction.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as Bytecode from "../../src/fate/Bytecode.js"
import * as ChainWatcher from "../../src/node/ChainWatcher.js"
import type { GaAuthenticator } from "../../src/node/GaAuthenticator.js"
import * as ChainState from "../../src/node/internal/ledger/ChainState.js"
import * as Process from "../../src/node/internal/ledger/Process.js"
import * as Rules from "../../src/node/internal/ledger/Rules.js"
import * as Ledger from "../../src/node/Ledger.js"
import * as Trees from "../../src/state/Trees.js"
import * as Update from "../../src/state/Update.js"
import { fixture } from "../support/Shared.js"
import { native } from "../support/TestCrypto.js"
import { authorize, evenAuth } from "./support/EvenAuth.js"
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
  networkId,
  payingFor,
  priced,
  refusal,
  signed,
  spend,
  submit,
  supply
} from "./support/Transactions.js"

const scene = new Scene()
const open = mined(chain(), scene.opening)
const balance = (ledger: Ledger.Ledger, key: typeof alice): bigint => Ledger.balance(ledger, key.address)
const fees = (...txs: ReadonlyArray<SignedTx.SignedTx>): bigint =>
  txs.reduce((sum, { tx }) => sum + ("fee" in tx ? tx.fee : 0n), 0n)

describe("Ledger: a dispute", () => {
  it("I17: an old state is slashed with the newest, the lock starts anew, settle waits for its height and pays that state", () => {
    const newest = scene.state(AE, 4n * AE)
    const close = scene.closeSolo(alice)
    const closing = keyBlocks(mined(open, close), 3)
    expect(Ledger.channel(closing, scene.id)).toMatchObject({
      lockedUntil: 200_010,
      initiatorAmount: 3n * AE
    })
    const slash = scene.slash(bob, { payload: scene.payload(7, newest), poi: scene.poi(newest), nonce: 1n })
    const slashed = mined(closing, slash)
    expect(Ledger.channel(slashed, scene.id)).toMatchObject({
      lockedUntil: 200_013,
      round: 7,
      initiatorAmount: AE,
      responderAmount: 4n * AE
    })
    const settle = scene.settle(bob, { initiatorAmountFinal: AE, responderAmountFinal: 4n * AE, nonce: 2n })
    let waiting = submit(slashed, settle)
    while (waiting.top.height < 200_012) waiting = keyBlocks(waiting, 1)
    expect(Ledger.pending(waiting)).toMatchObject([{ lastFailure: "channel_not_closed" }])
    const unlocked = keyBlocks(waiting, 1)
    const settled = Ledger.mineMicroBlock(unlocked, native)
    expect(settled.included.map(({ height }) => height)).toEqual([200_013])
    expect(Ledger.channel(settled.ledger, scene.id)).toBeUndefined()
    expect(balance(settled.ledger, alice)).toBe(98n * AE - fees(scene.opening, close))
    expect(balance(settled.ledger, bob)).toBe(102n * AE - fees(slash, settle))
    expect(
      Ledger.channelTransactions(settled.ledger, scene.id).map(({ signedTx }) => signedTx.tx._tag)
    ).toEqual(["ChannelCreateTx", "ChannelCloseSoloTx", "ChannelSlashTx", "ChannelSettleTx"])
    expect(supply(settled.ledger)).toBe(400n * AE)
  })

  it("a settle waits 20 generations for its height, as the reference node's does, not longer", () => {
    const slow = new Scene(alice, bob, { lockPeriod: 30 })
    const closing = mined(mined(chain(), slow.opening), slow.closeSolo(alice))
    const waiting = submit(closing, slow.settle(bob, { nonce: 1n }))
    expect(Ledger.pending(keyBlocks(waiting, 19))).toHaveLength(1)
    expect(Ledger.pending(keyBlocks(waiting, 20))).toHaveLength(0)
  })

  it("what is left over by a proof that leaves out contracts is locked by settle", () => {
    const part = scene.state(AE, AE)
    const payload = scene.payload(2, part)
    const closing = keyBlocks(
      mined(open, scene.closeSolo(bob, { payload, poi: scene.poi(part), nonce: 1n })),
      10
    )
    const settle = scene.settle(alice, { initiatorAmountFinal: AE, responderAmountFinal: AE })
    const settled = mined(closing, settle)
    const locked = Ledger.accounts(settled).find(([id]) => id === ChainState.lockedCoinsHolder)
    expect(locked?.[1].balance).toBe(3n * AE)
    expect(supply(settled)).toBe(400n * AE)
  })

  it("a proof that is none is a broken transaction, in the mempool and in a block", () => {
    const broken = scene.closeSolo(alice, { poi: Uint8Array.of(1, 2, 3) })
    expect(refusal(open, broken)).toBe("broken_tx")
    const environment = { networkId, protocol: 6, height: 200_000 }
    expect(Process.apply(open.state, broken, environment, native)).toMatchObject({ reason: "broken_tx" })
  })

  it("a lock period beyond all heights does not break the chain", () => {
    const endless = new Scene(alice, bob, { lockPeriod: Number.MAX_SAFE_INTEGER })
    const closing = mined(mined(chain(), endless.opening), endless.closeSolo(alice))
    expect(Ledger.channel(closing, endless.id)?.lockedUntil).toBe(Number.MAX_SAFE_INTEGER)
  })

  it("delegates: slash by anybody's, snapshot from Iris on, never more", () => {
    const initiatorDelegateIds = [carol.address]
    const watched = new Scene(alice, bob, { initiatorDelegateIds })
    const ledger = mined(chain(), watched.opening)
    const newer = watched.state(AE, 4n * AE)
    const snapshot = watched.snapshot(carol, { payload: watched.payload(5, newer), nonce: 1n })
    expect(Ledger.channel(mined(ledger, snapshot), watched.id)?.round).toBe(5)
    const close = watched.closeSolo(carol, {
      payload: watched.payload(5, newer),
      poi: watched.poi(newer),
      nonce: 1n
    })
    expect(failure(ledger, close)).toBe("dropped")
    const environment = { networkId, protocol: 6, height: 200_000 }
    expect(Process.apply(ledger.state, close, environment, native)).toMatchObject({
      reason: "account_not_peer"
    })
    const slash = watched.slash(carol, {
      payload: watched.payload(5, newer),
      poi: watched.poi(newer),
      nonce: 1n
    })
    expect(failure(mined(ledger, watched.closeSolo(alice)), slash)).toBe("ok")
  })
})

describe("Ledger: what cannot be taken now may be taken later", () => {
  const generations = (ledger: Ledger.Ledger, tx: SignedTx.SignedTx): number => {
    let now = Ledger.mineMicroBlock(submit(ledger, tx), native).ledger
    for (let n = 1; n <= 40; n++) {
      if (!Ledger.hasPending(now)) return n
      now = Ledger.mineMicroBlock(keyBlocks(now, 1), native).ledger
    }
    return 0
  }

  it("patience by kind and error, in generations", () => {
    const newer = scene.state(AE, 4n * AE)
    const payload = scene.payload(9, newer)
    const closing = mined(open, scene.closeSolo(alice))
    const rows: ReadonlyArray<readonly [number, Ledger.Ledger, SignedTx.SignedTx]> = [
      [1, open, scene.deposit(alice, { round: 1 })],
      [1, closing, scene.deposit(alice, { nonce: 3n })],
      [20, open, scene.deposit(alice, { amount: 1_000n * AE })],
      [20, open, scene.withdraw(alice, { amount: 6n * AE })],
      [20, open, scene.slash(alice, { payload, poi: scene.poi(newer) })],
      [1, open, scene.settle(carol, { nonce: 1n })],
      [1, closing, scene.snapshot(alice, { payload, nonce: 3n })],
      [5, open, scene.setDelegates(alice, { round: 3 })],
      [20, open, scene.closeMutual(alice, { initiatorAmountFinal: 9n * AE })],
      [5, chain(), scene.closeSolo(alice, { nonce: 1n })]
    ]
    expect(rows.map(([, ledger, tx]) => generations(ledger, tx))).toEqual(rows.map(([n]) => n))
  })

  it("a snapshot that is in the block before the channel's create waits for it", () => {
    const newer = scene.state(AE, 4n * AE)
    const early = scene.snapshot(bob, { payload: scene.payload(2, newer), nonce: 1n })
    const waiting = submit(chain(), early)
    expect(failure(chain(), early)).toBe("channel_does_not_exist")
    const ledger = keyBlocks(submit(keyBlocks(waiting, 2), scene.opening), 2)
    expect(Ledger.channel(ledger, scene.id)?.round).toBe(2)
  })
})

describe("Ledger: protocols", () => {
  it("a schedule: each block has the protocol of its height, and so have the rules", () => {
    const ledger = chain({ startHeight: 8, protocol: { 1: 3, 10: 4, 12: 6 } })
    const heights = Array.from({ length: 6 }, (_, n) => keyBlocks(ledger, n))
    expect(heights.map(({ protocol }) => protocol)).toEqual([3, 3, 4, 4, 6, 6])
    expect(heights.map(({ top }) => top.protocol)).toEqual([3, 3, 4, 4, 6, 6])
    expect(ledger.genesis.protocol).toBe(1)
    expect(heights.map((each) => refusal(each, scene.opening))).toEqual([
      ...Array.from({ length: 4 }, () => "invalid_at_protocol"),
      "ok",
      "ok"
    ])
    expect(Ledger.view(heights[4] ?? ledger, native).protocol).toBe(6)
  })

  it("a fork goes back to the protocol of the height", () => {
    const ledger = keyBlocks(chain({ startHeight: 8, protocol: { 0: 5, 10: 6 } }), 3)
    const back = Ledger.fork(ledger, 2)
    expect(back instanceof Ledger.LedgerError ? undefined : [back.top.height, back.protocol]).toEqual([9, 5])
  })

  it("the schedule of a real network", () => {
    const mainnet = Protocol.scheduleOf("ae_mainnet")
    const at = (startHeight: number): number => chain({ startHeight, protocol: mainnet }).protocol
    expect([1, 47_800, 90_800, 161_150, 441_444, 941_699, 941_700].map(at)).toEqual([1, 2, 3, 4, 5, 5, 6])
    expect(Protocol.scheduleOf("ae_dev")).toEqual({ 0: 1, 1: 6 })
  })

  it("at every protocol: open, deposit, close, slash and settle, with the object of its time", () => {
    for (const protocol of Protocol.all) {
      const old = protocol < Protocol.iris
      const create: Transaction.Transaction = old
        ? priced({
            _tag: "ChannelCreateTx",
            version: 1,
            initiatorId: alice.address,
            initiatorAmount: 3n * AE,
            responderId: bob.address,
            responderAmount: 2n * AE,
            channelReserve: 0n,
            lockPeriod: 2,
            ttl: 0,
            fee: 0n,
            delegateIds: [],
            stateHash: Trees.stateHash(scene.first),
            nonce: 1n
          })
        : new Scene(alice, bob, { lockPeriod: 2 }).opening.tx
      const raw = (tx: SignedTx.SignedTx, ...by: ReadonlyArray<typeof alice>): SignedTx.SignedTx =>
        by.reduce(
          (each, key) =>
            SignedTx.addSignature(
              each,
              native.sign(SignedTx.signingMessage(tx.txBytes, networkId, "raw"), key.secretKey)
            ),
          SignedTx.unsigned(tx.tx)
        )
      const newer = scene.state(AE, 5n * AE)
      const deposit = scene.deposit(alice, { stateHash: Trees.stateHash(newer) })
      const offchain: Transaction.ChannelOffchainTx =
        protocol < Protocol.fortuna
          ? {
              _tag: "ChannelOffchainTx",
              version: 1,
              channelId: scene.id,
              round: 3,
              updates: [],
              stateHash: Trees.stateHash(newer)
            }
          : {
              _tag: "ChannelOffchainTx",
              version: 2,
              channelId: scene.id,
              round: 3,
              stateHash: Trees.stateHash(newer)
            }
      const payload = SignedTx.encode(raw(SignedTx.unsigned(offchain), alice, bob))
      const start = chain({ protocol, startHeight: 1_000 })
      const opened = mined(start, raw(SignedTx.unsigned(create), alice, bob))
      const closed = mined(
        mined(opened, raw(deposit, alice, bob)),
        raw(scene.closeSolo(bob, { nonce: 1n, poi: scene.poi(newer) }), bob)
      )
      const slashed = mined(
        closed,
        raw(scene.slash(alice, { payload, poi: scene.poi(newer), nonce: 3n }), alice)
      )
      const channel = Ledger.channel(slashed, scene.id)
      expect(channel).toMatchObject({
        version: old ? (protocol < Protocol.fortuna ? 1 : 2) : 3,
        round: 3,
        lockedUntil: 1_002,
        channelAmount: 6n * AE
      })
      const settle = scene.settle(bob, { initiatorAmountFinal: AE, responderAmountFinal: 5n * AE, nonce: 2n })
      const settled = mined(keyBlocks(slashed, 2), raw(settle, bob))
      expect(Ledger.channels(settled)).toEqual([])
      expect(supply(settled)).toBe(400n * AE)
    }
  })

  it("set_delegates on a channel from before Iris breaks the reference node, and is refused here", () => {
    const ledger = chain({ startHeight: 8, protocol: { 0: 4, 10: 6 } })
    const stateHash = Trees.stateHash(scene.first)
    const create: Extract<Transaction.ChannelCreateTx, { version: 1 }> = {
      _tag: "ChannelCreateTx",
      version: 1,
      initiatorId: alice.address,
      initiatorAmount: 3n * AE,
      responderId: bob.address,
      responderAmount: 2n * AE,
      channelReserve: 0n,
      lockPeriod: 2,
      ttl: 0,
      fee: 0n,
      delegateIds: [carol.address],
      stateHash,
      nonce: 1n
    }
    const later = keyBlocks(mined(ledger, signed(priced(create), [alice, bob])), 2)
    const tx = scene.setDelegates(alice, {})
    expect(failure(later, tx)).toBe("dropped")
    const environment = { networkId, protocol: 6, height: 10 }
    expect(Process.apply(later.state, tx, environment, native)).toMatchObject({ reason: "crash" })
    const newer = scene.state(AE, 4n * AE)
    expect(failure(later, scene.snapshot(carol, { payload: scene.payload(2, newer), nonce: 1n }))).toBe("ok")
  })
})

describe("Ledger: wrapped transactions", () => {
  it("paying for: the payer pays both fees, the amount stays the sender's, the sender need not exist", () => {
    const newcomer = new Scene(dora).initiator
    const inner = spend(alice, bob, { amount: AE }, true)
    const tx = payingFor(carol, inner, 1n)
    const ledger = mined(chain(), tx)
    expect(balance(ledger, alice)).toBe(99n * AE)
    expect(balance(ledger, carol)).toBe(100n * AE - fees(tx, inner))
    expect(Ledger.account(ledger, alice.address)?.nonce).toBe(1n)
    const empty = chain({ accounts: [{ address: carol.address, balance: AE }] })
    const nothing = mined(empty, payingFor(carol, spend(newcomer, bob, { amount: 0n }, true), 1n))
    expect(Ledger.account(nothing, newcomer.address)).toMatchObject({ balance: 0n, nonce: 1n })
  })

  it("paying for a solo close: its sender pays nothing; of its own nonce and the payer's both count", () => {
    const close = scene.closeSolo(bob, { nonce: 1n })
    const inner = signed(close.tx, [bob], true)
    const tx = payingFor(carol, inner, 1n)
    const closing = mined(open, tx)
    expect(balance(closing, bob)).toBe(98n * AE)
    expect(Ledger.account(closing, bob.address)?.nonce).toBe(1n)
    expect(Ledger.channel(closing, scene.id)?.lockedUntil).toBe(200_010)
    expect(Rules.channelOf(tx)).toBe(scene.id)
    expect(Ledger.lastChannelTransaction(closing, scene.id)?.txHash).toBe(SignedTx.hash(tx))
  })

  it("paying for a channel_create breaks the reference node, and is refused here", () => {
    const inner = signed(scene.opening.tx, [alice, bob], true)
    const tx = payingFor(carol, inner, 1n)
    const environment = { networkId, protocol: 6, height: 200_000 }
    expect(Process.apply(chain().state, tx, environment, native)).toMatchObject({ reason: "crash" })
    expect(refusal(chain(), tx)).toBe("ok")
    expect(failure(chain(), tx)).toBe("dropped")
  })

  it("an inner signature for the outside does not count, nor does an inner fault", () => {
    expect(refusal(chain(), payingFor(carol, spend(alice, bob), 1n))).toBe("signature_check_failed")
    const early = payingFor(carol, spend(alice, bob, { nonce: 2n }, true), 1n)
    expect(failure(chain(), early)).toBe("tx_nonce_too_high_for_account")
  })
})

describe("Ledger: generalized accounts", () => {
  const attachTx = (): Transaction.Transaction => {
    const first = fixture("ga-chain").scenarios[0].steps[0]
    return SignedTx.fromTextOrThrow(first.tx).tx
  }
  const known = attachTx()
  if (known._tag !== "GaAttachTx") throw new Error("not an attach")
  const attach = (owner: typeof alice, fields: Partial<Transaction.GaAttachTx> = {}): SignedTx.SignedTx =>
    signed(priced({ ...known, ownerId: owner.address, fee: 0n, nonce: 1n, ...fields }), [owner])
  const meta = (
    key: typeof alice,
    inner: SignedTx.SignedTx,
    r = 2,
    fields: { readonly gas?: bigint; readonly gasPrice?: bigint } = {}
  ): SignedTx.SignedTx => {
    const wrapped = SignedTx.wrapMeta(inner, {
      gaId: key.address,
      authData: authorize(r),
      abiVersion: 3,
      fee: 0n,
      gas: 10_000n,
      gasPrice: 10n ** 9n,
      ...fields
    })
    return SignedTx.unsigned(priced(wrapped.tx))
  }
  const general = mined(chain(), attach(alice))
  const unsignedSpend = (fields: Partial<Transaction.SpendTx> = {}): SignedTx.SignedTx =>
    SignedTx.unsigned(spend(alice, bob, { nonce: 0n, ...fields }).tx)

  it("their contracts run on the machine of the library, or on another that is given", () => {
    const other = mined(chain({ gaAuthenticator: evenAuth }), attach(alice))
    expect(Ledger.account(other, alice.address)).toEqual(Ledger.account(general, alice.address))
    const paid = payingFor(carol, signed(attach(alice).tx, [alice], true), 1n)
    expect(failure(chain(), paid)).toBe("ok")
  })

  it("gas is paid for as used; nothing is lost; the account stays generalized", () => {
    expect(supply(general)).toBe(400n * AE)
    expect(Ledger.account(general, alice.address)?.authentication).toBeDefined()
    const inner = unsignedSpend({ amount: AE })
    const tx = meta(alice, inner)
    const after = mined(general, tx)
    const charge = fees(tx, inner) + 2_110n * 10n ** 9n
    expect(balance(after, alice)).toBe(balance(general, alice) - AE - charge)
    expect(supply(after)).toBe(400n * AE)
    expect(refusal(after, attach(alice, { gas: 20_000n }))).toBe("generalized_account_cant_sign_non_meta_tx")
  })

  it("the mempool: gas for authentication is limited and not for nothing, a price below the miner's is refused", () => {
    const inner = unsignedSpend()
    const cases: ReadonlyArray<readonly [string, SignedTx.SignedTx]> = [
      ["ok", meta(alice, inner, 2, { gas: 50_000n })],
      ["too_much_gas_for_auth_function", meta(alice, inner, 2, { gas: 50_001n })],
      ["too_low_gas_price", meta(alice, inner, 2, { gasPrice: 999_999n })],
      ["too_low_gas_price_for_miner", meta(alice, inner, 2, { gasPrice: 1_000_000n })],
      [
        "too_low_gas_price_for_miner",
        meta(alice, SignedTx.unsigned({ ...inner.tx, fee: 10n ** 12n } as Transaction.SpendTx))
      ],
      ["generalized_account_cant_sign_non_meta_tx", meta(alice, unsignedSpend({ nonce: 2n }))]
    ]
    expect(cases.map(([, tx]) => refusal(general, tx))).toEqual(cases.map(([reason]) => reason))
  })

  it("the same authentication twice: not in one generation, but in another", () => {
    const [one, two] = [unsignedSpend({ amount: 1n }), unsignedSpend({ amount: 2n })].map((tx) =>
      meta(alice, tx)
    )
    if (one === undefined || two === undefined) throw new Error("two")
    const after = mined(general, one)
    expect(failure(after, two)).toBe("auth_call_object_already_exist")
    expect(failure(keyBlocks(after, 1), two)).toBe("ok")
  })

  it("a meta transaction pays in vain where the inside fails: a block takes it, the channel's history does not", () => {
    const both = new Scene(alice, bob, { nonce: 0n })
    const opening = meta(alice, signed(both.opening.tx, [bob]), 4)
    const id = Ids.channelIdOf(opening)
    if (id === undefined) throw new Error("no channel")
    const ledger = mined(general, opening)
    expect(Ledger.channel(ledger, id)).toBeDefined()
    const late = both.deposit(alice, { channelId: id, round: 1, nonce: 0n }, [bob])
    const wrong = meta(alice, late, 6)
    const vain = mined(ledger, wrong)
    expect(Ledger.channelTransactions(vain, id)).toHaveLength(1)
    expect(Ledger.view(vain, native).locate(SignedTx.hash(wrong))).toBe("in_vain")
    const good = meta(alice, both.deposit(alice, { channelId: id, round: 2, nonce: 0n }, [bob]), 6)
    const deeper = mined(ledger, good)
    expect(Ledger.channelTransactions(deeper, id)).toHaveLength(2)
    expect(Ledger.view(deeper, native).locate(SignedTx.hash(good))).toMatchObject({ height: 200_000 })
    // Depth is for what takes effect.
    const told = [vain, deeper].map((chain) => {
      const watcher = [wrong, good].reduce(
        (each, tx) => ChainWatcher.watchDepth(each, "machine", SignedTx.hash(tx), 0),
        ChainWatcher.empty
      )
      return ChainWatcher.advance(watcher, chain, []).events.map(({ event }) => event)
    })
    expect(told).toEqual([[], [{ _tag: "MinimumDepthReached", txHash: SignedTx.hash(good) }]])
    expect(supply(vain)).toBe(400n * AE)
  })

  it("the store of the contract is kept for the channel as it was: payloads are judged by that", () => {
    const seen: Array<string> = []
    const spy: GaAuthenticator = {
      attach: evenAuth.attach,
      authenticate: (call) => {
        seen.push(Bytes.toHex(call.storeKey))
        return evenAuth.authenticate(call)
      }
    }
    const start = mined(chain({ gaAuthenticator: spy }), attach(alice))
    const both = new Scene(alice, bob, { nonce: 0n })
    const opening = meta(alice, signed(both.opening.tx, [bob]), 4)
    const id = Ids.channelIdOf(opening)
    if (id === undefined) throw new Error("no channel")
    const ledger = mined(start, opening)
    const newer = both.state(AE, 4n * AE)
    const offchain: Transaction.ChannelOffchainTx = {
      _tag: "ChannelOffchainTx",
      version: 2,
      channelId: id,
      round: 2,
      stateHash: Trees.stateHash(newer)
    }
    const payload = SignedTx.encode(meta(alice, signed(offchain, [bob]), 2))
    const snapshot = both.snapshot(bob, { channelId: id, payload, nonce: 1n })
    expect(Ledger.channel(mined(ledger, snapshot), id)?.round).toBe(2)
    const contract = Ledger.account(ledger, alice.address)?.authentication?.contract
    expect(new Set(seen).size).toBe(2)
    expect(contract).toBeDefined()
  })

  it("who agrees to a transaction is asked of the chain as it is; what is in a block was asked", () => {
    const { isGeneralized, metaFault } = Ledger.view(general, native)
    expect([alice, bob].map(({ address }) => isGeneralized(address))).toEqual([true, false])
    const inner = unsignedSpend()
    const faults = [meta(alice, inner), meta(alice, inner, 3), meta(bob, inner), meta(carol, inner)].map(
      (tx) => metaFault(tx)
    )
    const no = "signature_verification_failed_authenticate_false"
    expect(faults).toEqual([undefined, no, "meta_tx_for_basic_account", "meta_tx_for_basic_account"])
    expect(metaFault(meta(alice, inner, 2, { gas: 50_001n }))).toBe("too_much_gas_for_auth_function")
    expect(metaFault(meta(alice, inner, 2, { gas: 10n }))).toBe(
      "signature_verification_failed_contract_error"
    )
    const used = meta(alice, inner)
    const forgetful: GaAuthenticator = {
      ...evenAuth,
      authenticate: (call) => ({ ...evenAuth.authenticate(call), returnValue: Uint8Array.of(0x7f) })
    }
    const after = { ...mined(general, used), authenticator: forgetful }
    expect(Ledger.view(after, native).metaFault(meta(alice, inner, 4))).toBe(no)
    expect(Ledger.view(after, native).metaFault(used)).toBeUndefined()
  })

  it("what was paid for in vain: those inside may not have agreed", () => {
    const both = mined(general, attach(bob))
    const opened = new Scene(alice, bob, { nonce: 0n })
    const opening = meta(bob, meta(alice, SignedTx.unsigned(opened.opening.tx), 4), 6)
    const channelId = Ids.channelIdOf(opening)
    if (channelId === undefined) throw new Error("no channel")
    const start = keyBlocks(mined(both, opening), 1)
    const deposit = SignedTx.unsigned(opened.deposit(alice, { channelId, round: 2, nonce: 0n }, []).tx)
    const by = (r: number) => meta(bob, meta(alice, deposit, r), 8)
    const [good, forged] = [by(2), by(3)]
    const told = (tx: SignedTx.SignedTx) => {
      const { channelTransactions, locate, metaFault } = Ledger.view(mined(start, tx), native)
      return [typeof locate(SignedTx.hash(tx)), metaFault(tx), channelTransactions(channelId).length]
    }
    expect(told(good)).toEqual(["object", undefined, 2])
    expect(told(forged)).toEqual(["string", "signature_verification_failed_authenticate_false", 1])
    expect([good, forged].map((tx) => told(payingFor(carol, tx, 1n)))).toEqual([
      ["object", undefined, 2],
      ["string", "signature_verification_failed_authenticate_false", 1]
    ])
    const chains = [good, forged, payingFor(carol, forged, 1n)].map((tx) => mined(start, tx))
    expect(chains.map(supply)).toEqual([400n * AE, 400n * AE, 400n * AE])
  })

  it("layers of another version agree to nothing", () => {
    const { tx } = meta(alice, unsignedSpend())
    if (tx._tag !== "GaMetaTx") throw new Error("no layer")
    const { metaFault } = Ledger.view(general, native)
    expect(metaFault(SignedTx.unsigned({ ...tx, version: 1, ttl: 0 }))).toBe("invalid_at_protocol")
  })

  it("contracts of each protocol's machine, from Lima on", () => {
    const ok = [
      [4, 5],
      [5, 7],
      [6, 8]
    ] as const
    for (const [protocol, vmVersion] of ok) {
      const on = chain({ protocol })
      const tx = attach(alice, { ctVersion: vmVersion * 0x10000 + 3 })
      const after = mined(on, tx)
      const contract = Ledger.account(after, alice.address)?.authentication?.contract
      expect(contract, `${protocol}`).toBeDefined()
      // FATE 1 does not keep how a contract begins.
      const kept = contract && Trees.contract(after.state.trees, contract)
      const { byteCode } = CodeObject.decodeOrThrow(kept?.code ?? new Uint8Array())
      const init = Bytes.toHex(Bytecode.functionId("init"))
      expect(Bytecode.parseOrThrow(byteCode).functions.has(init), `${protocol}`).toBe(vmVersion > 5)
      for (const [, other] of ok)
        if (other !== vmVersion)
          expect(failure(on, attach(alice, { ctVersion: other * 0x10000 + 3 }))).toBe("dropped")
    }
  })

  it("refused contracts, failing init and other machines have names", () => {
    const refusing: GaAuthenticator = { ...evenAuth, attach: () => ({ refused: "bad_function_hash" }) }
    expect(failure(chain({ gaAuthenticator: refusing }), attach(alice))).toBe("bad_function_hash")
    const failing: GaAuthenticator = {
      ...evenAuth,
      attach: ({ trees }) => ({
        returnType: "error",
        returnValue: Bytes.utf8("no"),
        gasUsed: 10n ** 9n,
        trees
      })
    }
    const ledger = mined(chain({ gaAuthenticator: failing }), attach(alice))
    expect(Ledger.account(ledger, alice.address)).toMatchObject({ nonce: 1n })
    expect(Ledger.account(ledger, alice.address)?.authentication).toBeUndefined()
    expect(supply(ledger)).toBe(400n * AE)
    const on = chain()
    const aevm = attach(alice, { ctVersion: 6 * 0x10000 + 1 })
    expect(failure(on, aevm)).toBe("not_supported: ga_attach_tx for the AEVM")
    expect(failure(on, attach(alice, { ctVersion: 7 * 0x10000 + 3 }))).toBe("dropped")
    expect(failure(on, attach(alice, { code: Uint8Array.of(1) }))).toBe("bad_sophia_code")
    expect(refusal(on, attach(alice, { nonce: 2n }))).toBe("invalid_at_protocol")
  })
})

describe("Ledger: the price of gas", () => {
  it("a force progress buys gas by its update, and too cheaply below the consensus price", () => {
    const update: Update.Update = {
      _tag: "OffChainCallContract",
      callerId: alice.address,
      contractId: Ids.contractId(alice.address, 2),
      abiVersion: 3,
      amount: 0n,
      gas: 1_000_000n,
      gasPrice: 999_999n,
      callData: new Uint8Array(),
      callStack: []
    }
    const tx: Transaction.ChannelForceProgressTx = {
      _tag: "ChannelForceProgressTx",
      version: 1,
      channelId: scene.id,
      fromId: alice.address,
      payload: new Uint8Array(),
      round: 2,
      update: Update.encode(update),
      stateHash: new Uint8Array(32),
      offchainTrees: Trees.encode(scene.first),
      ttl: 0,
      fee: AE,
      nonce: 2n
    }
    const dear = { ...tx, update: Update.encode({ ...update, gasPrice: 1_000_000n }) }
    expect([
      Process.gasIsTooCheap(tx, 6),
      Process.gasIsTooCheap(dear, 6),
      Process.gasIsTooCheap(tx, 1)
    ]).toEqual([true, false, false])
    expect(refusal(open, signed(tx, [alice]))).toBe("too_low_gas_price")
    expect(refusal(open, signed(dear, [alice]))).toBe("too_low_gas_price_for_miner")
    const wrapped = payingFor(carol, signed(dear, [alice], true), 1n)
    expect(refusal(open, wrapped)).toBe("too_low_gas_price_for_miner")
    expect(Process.gasLimit(signed(dear, [alice]), 6)).toBe(Fee.gas(dear, 6) + update.gas)
  })

  it("a block counts the gas of what is wrapped", () => {
    const inner = spend(alice, bob, {}, true)
    const tx = payingFor(carol, inner, 1n)
    expect(Process.gasLimit(tx, 6)).toBe(Fee.gas(tx.tx) + Fee.gas(inner.tx))
  })
})
