import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Account from "../../src/chain/Account.js"
import * as Fee from "../../src/chain/Fee.js"
import * as Ids from "../../src/chain/Ids.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type * as Transaction from "../../src/chain/Transaction.js"
import type { KeyPair } from "../../src/crypto/KeyPair.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import type { AccountAddress, ChannelId } from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as ChainState from "../../src/node/internal/ledger/ChainState.js"
import * as Process from "../../src/node/internal/ledger/Process.js"
import { Refused } from "../../src/node/internal/ledger/Rule.js"
import * as Ledger from "../../src/node/Ledger.js"
import * as Trees from "../../src/state/Trees.js"
import { keyPairOf, native } from "../support/TestCrypto.js"

const networkId = "ae_dev"
const AE = 10n ** 18n
const alice = keyPairOf("alice")
const bob = keyPairOf("bob")
const carol = keyPairOf("carol")
const nobody = keyPairOf("nobody")

type Fields<T> = T extends unknown ? Partial<Omit<T, "_tag" | "version">> : never

const signed = (tx: Transaction.Transaction, ...by: ReadonlyArray<KeyPair>): SignedTx.SignedTx =>
  by.reduce((each, key) => SignedTx.sign(each, key, { networkId, crypto: native }), SignedTx.unsigned(tx))

const priced = <T extends Transaction.Transaction>(tx: T, fee?: bigint): T =>
  fee === undefined ? Fee.withMinimumFee(tx, Fee.defaultMinerGasPrice) : { ...tx, fee }

const spendTx = (from: KeyPair, to: KeyPair, fields: Fields<Transaction.SpendTx> = {}): Transaction.SpendTx =>
  priced(
    {
      _tag: "SpendTx",
      version: 1,
      senderId: from.address,
      recipientId: to.address,
      amount: 1n,
      fee: 0n,
      ttl: 0,
      nonce: 1n,
      payload: new Uint8Array(),
      ...fields
    },
    fields.fee
  )

const spend = (from: KeyPair, to: KeyPair, fields: Fields<Transaction.SpendTx> = {}): SignedTx.SignedTx =>
  signed(spendTx(from, to, fields), from)

type Create = Extract<Transaction.ChannelCreateTx, { version: 2 }>

const create = (initiator: KeyPair, responder: KeyPair, fields: Fields<Create> = {}): SignedTx.SignedTx =>
  signed(
    priced<Create>(
      {
        _tag: "ChannelCreateTx",
        version: 2,
        initiatorId: initiator.address,
        responderId: responder.address,
        initiatorAmount: 3n * AE,
        responderAmount: 2n * AE,
        channelReserve: AE,
        lockPeriod: 10,
        ttl: 0,
        fee: 0n,
        initiatorDelegateIds: [],
        responderDelegateIds: [],
        stateHash: new Uint8Array(32).fill(7),
        nonce: 1n,
        ...fields
      },
      fields.fee
    ),
    initiator,
    responder
  )

const close = (
  channelId: ChannelId,
  from: KeyPair,
  other: KeyPair,
  fields: Fields<Transaction.ChannelCloseMutualTx>
): SignedTx.SignedTx =>
  signed(
    priced<Transaction.ChannelCloseMutualTx>(
      {
        _tag: "ChannelCloseMutualTx",
        version: 1,
        channelId,
        fromId: from.address,
        initiatorAmountFinal: 0n,
        responderAmountFinal: 0n,
        ttl: 0,
        fee: 0n,
        nonce: 2n,
        ...fields
      },
      fields.fee
    ),
    from,
    other
  )

const channelIdOf = (tx: SignedTx.SignedTx): ChannelId => {
  const id = Ids.channelIdOf(tx)
  if (id === undefined) throw new Error("not a channel_create")
  return id
}

const chain = (options: Partial<Parameters<typeof Ledger.make>[0]> = {}): Ledger.Ledger =>
  Ledger.make({
    networkId,
    accounts: [alice, bob, carol].map(({ address }) => ({ address, balance: 100n * AE })),
    ...options
  })

const submit = (ledger: Ledger.Ledger, tx: SignedTx.SignedTx): Ledger.Ledger => {
  const taken = Ledger.submit(ledger, tx, native)
  if (taken instanceof Ledger.MempoolError) throw taken
  return taken.ledger
}

const refusal = (ledger: Ledger.Ledger, tx: SignedTx.SignedTx): string => {
  const taken = Ledger.submit(ledger, tx, native)
  return taken instanceof Ledger.MempoolError ? taken.reason : "ok"
}

const mined = (ledger: Ledger.Ledger, ...txs: ReadonlyArray<SignedTx.SignedTx>): Ledger.Mined =>
  Ledger.mineMicroBlock(txs.reduce(submit, ledger), native)

const keyBlocks = (ledger: Ledger.Ledger, n: number): Ledger.Ledger =>
  n === 0 ? ledger : keyBlocks(Ledger.mineKeyBlock(ledger, native).ledger, n - 1)

const failureOf = (ledger: Ledger.Ledger, tx: SignedTx.SignedTx): string | undefined =>
  Ledger.pending(ledger).find((each) => each.txHash === SignedTx.hash(tx))?.lastFailure

/** All aettos there are. */
const supply = (ledger: Ledger.Ledger): bigint =>
  Ledger.accounts(ledger).reduce((sum, [, { balance }]) => sum + balance, 0n) +
  Ledger.channels(ledger).reduce((sum, [, { channelAmount }]) => sum + channelAmount, 0n) +
  Ledger.collectedFees(ledger)

describe("Ledger: mempool", () => {
  const ledger = chain({ startHeight: 100 })
  const at4 = chain({ startHeight: 100, protocol: 4 })
  const lowFee = (tx: Transaction.SpendTx, price: bigint) => Fee.minimumFee(tx, price)

  it("looks for errors in the reference node's order: of two faults the earlier one is named", () => {
    const cheap = lowFee(spendTx(alice, bob), 1_000_000n)
    const notPayable = {
      ...ledger,
      state: ChainState.setAccount(ledger.state, carol.address, Account.make({ balance: 0n, flags: 1 }))
    }
    const cases: ReadonlyArray<readonly [string, Ledger.Ledger, SignedTx.SignedTx]> = [
      // invalid_at_protocol before the missing signature
      ["invalid_at_protocol", at4, SignedTx.unsigned(create(alice, bob).tx)],
      ["signature_check_failed", ledger, signed(spendTx(alice, bob, { nonce: 0n, fee: 1n, ttl: 1 }), bob)],
      ["nonce_too_low", ledger, spend(alice, bob, { nonce: 0n, fee: 1n, ttl: 1 })],
      ["nonce_too_high", ledger, spend(alice, bob, { nonce: 6n, fee: 1n, ttl: 1 })],
      ["nonce_too_high", ledger, spend(nobody, bob, { nonce: 2n, fee: 1n, ttl: 1 })],
      ["too_low_fee", ledger, spend(alice, bob, { fee: cheap - 1_000_000n, ttl: 1 })],
      ["too_low_gas_price_for_miner", notPayable, spend(alice, carol, { fee: cheap, ttl: 1 })],
      ["account_is_not_payable", notPayable, spend(alice, carol, { ttl: 1 })],
      ["ttl_expired", ledger, spend(alice, bob, { ttl: 99, amount: 10n ** 30n })],
      ["ok", ledger, spend(alice, bob, { ttl: 100, amount: 10n ** 30n })],
      ["ok", ledger, spend(alice, bob, { nonce: 5n })],
      ["ok", ledger, spend(nobody, bob, { nonce: 1n })]
    ]
    expect(cases.map(([, on, tx]) => refusal(on, tx))).toEqual(cases.map(([reason]) => reason))
  })

  it("the miner's gas price is rounded up, as the node does it", () => {
    const tx = spendTx(alice, bob)
    const gas = Fee.gas(tx)
    expect(refusal(ledger, spend(alice, bob, { fee: tx.fee - gas + 1n }))).toBe("ok")
    expect(refusal(ledger, spend(alice, bob, { fee: tx.fee - gas }))).toBe("too_low_gas_price_for_miner")
    const cheapest = Fee.minimumFee(tx, 1_000_000n)
    expect(refusal(chain({ minimumGasPrice: 1n }), spend(alice, bob, { fee: cheapest }))).toBe("ok")
    expect(refusal(chain({ minimumGasPrice: 1n }), spend(alice, bob, { fee: cheapest - 1n }))).toBe(
      "too_low_fee"
    )
  })

  it("names a transaction that waits, one that is in a block, and kinds that are not supported", () => {
    const tx = spend(alice, bob)
    const waiting = submit(ledger, tx)
    expect(refusal(waiting, tx)).toBe("already_known")
    const block = Ledger.mineMicroBlock(waiting, native)
    expect(refusal(block.ledger, tx)).toBe("already_accepted")
    const unknown: Transaction.ContractCallTx = {
      _tag: "ContractCallTx",
      version: 1,
      callerId: alice.address,
      nonce: 1n,
      contractId: ApiEncoding.encode("ct", new Uint8Array(32)),
      abiVersion: 3,
      fee: AE,
      ttl: 0,
      amount: 0n,
      gas: 1n,
      gasPrice: 10n ** 9n,
      callData: new Uint8Array()
    }
    expect(refusal(ledger, signed(unknown, alice))).toBe("not_supported: contract_call_tx")
    expect([...Ledger.supportedKinds].sort()).toEqual([
      "ChannelCloseMutualTx",
      "ChannelCloseSoloTx",
      "ChannelCreateTx",
      "ChannelDepositTx",
      "ChannelForceProgressTx",
      "ChannelSetDelegatesTx",
      "ChannelSettleTx",
      "ChannelSlashTx",
      "ChannelSnapshotSoloTx",
      "ChannelWithdrawTx",
      "GaAttachTx",
      "GaMetaTx",
      "PayingForTx",
      "SpendTx"
    ])
  })

  it("a name is no recipient on a chain without names", () => {
    const tx = signed(
      { ...spendTx(alice, bob), recipientId: ApiEncoding.encode("nm", new Uint8Array(32).fill(1)) },
      alice
    )
    expect(refusal(ledger, tx)).toBe("could_not_resolve_recipient")
    const result = Process.apply(ledger.state, tx, { networkId, protocol: 6, height: 1 }, native)
    expect(result).toMatchObject({ reason: "name_does_not_exist" })
  })

  it("a generalized account signs nothing plainly", () => {
    const authentication = {
      contract: ApiEncoding.encode("ct", new Uint8Array(32)),
      functionHash: new Uint8Array(32)
    }
    const general = Account.make({ balance: 100n * AE, authentication })
    const on = { ...ledger, state: ChainState.setAccount(ledger.state, bob.address, general) }
    expect(refusal(on, spend(bob, alice))).toBe("generalized_account_cant_sign_non_meta_tx")
    expect(Ledger.nextNonce(on, bob.address)).toBe(0n)
    const waiting = mined(on, create(alice, bob)).ledger
    expect(Ledger.pending(waiting)).toMatchObject([{ lastFailure: "ga_using_signature_not_allowed" }])
    const zero = spend(bob, alice, { nonce: 0n })
    expect(failureOf(mined(on, zero).ledger, zero)).toBe("not_a_basic_account")
  })

  it("next nonce: after the account's and the highest waiting one, 1 for nobody", () => {
    expect(Ledger.nextNonce(ledger, alice.address)).toBe(1n)
    expect(Ledger.nextNonce(ledger, nobody.address)).toBe(1n)
    const waiting = submit(submit(ledger, spend(alice, bob, { nonce: 3n })), spend(alice, bob))
    expect(Ledger.nextNonce(waiting, alice.address)).toBe(4n)
    const { ledger: after } = Ledger.mineMicroBlock(waiting, native)
    expect(Ledger.account(after, alice.address)?.nonce).toBe(1n)
    expect(Ledger.nextNonce(after, alice.address)).toBe(4n)
    expect(Ledger.nextNonce(mined(after, spend(alice, bob, { nonce: 2n })).ledger, alice.address)).toBe(4n)
  })

  it("used nonces: those on chain and those that wait, not the gap between them", () => {
    const used = (on: Ledger.Ledger) =>
      [0n, 1n, 2n, 3n, 4n].map((nonce) => Ledger.hasUsed(on, alice.address, nonce))
    expect(used(ledger)).toEqual([true, false, false, false, false])
    const waiting = submit(submit(ledger, spend(alice, bob, { nonce: 3n })), spend(alice, bob))
    expect(used(waiting)).toEqual([true, true, false, true, false])
    expect(used(Ledger.mineMicroBlock(waiting, native).ledger)).toEqual([true, true, false, true, false])
    expect(Ledger.hasUsed(waiting, bob.address, 1n)).toBe(false)
    expect(Ledger.hasUsed(ledger, nobody.address, 1n)).toBe(false)
    const authentication = {
      contract: ApiEncoding.encode("ct", new Uint8Array(32)),
      functionHash: new Uint8Array(32)
    }
    const general = Account.make({ balance: 100n * AE, authentication })
    const on = { ...ledger, state: ChainState.setAccount(ledger.state, bob.address, general) }
    expect(Ledger.hasUsed(on, bob.address, 0n)).toBe(false)
  })
})

describe("Ledger: blocks", () => {
  it("open and close: money, channel and fees, height by height", () => {
    const opening = create(alice, bob)
    const id = channelIdOf(opening)
    const opened = mined(chain(), opening)
    expect(opened.included).toMatchObject([
      { txHash: SignedTx.hash(opening), height: 1, blockHash: opened.block?.hash }
    ])
    const openingFee = "fee" in opening.tx ? opening.tx.fee : 0n
    expect(openingFee).toBeGreaterThan(15_000n * Fee.defaultMinerGasPrice)
    expect(Ledger.balance(opened.ledger, alice.address)).toBe(97n * AE - openingFee)
    expect(Ledger.balance(opened.ledger, bob.address)).toBe(98n * AE)
    expect(Ledger.account(opened.ledger, bob.address)?.nonce).toBe(0n)
    expect(Ledger.channel(opened.ledger, id)).toMatchObject({
      version: 3,
      channelAmount: 5n * AE,
      round: 1,
      lockedUntil: 0
    })
    expect(Ledger.collectedFees(opened.ledger)).toBe(openingFee)

    const higher = keyBlocks(opened.ledger, 3)
    const closing = close(id, bob, alice, {
      nonce: 1n,
      initiatorAmountFinal: AE,
      responderAmountFinal: 2n * AE
    })
    const closingFee = "fee" in closing.tx ? closing.tx.fee : 0n
    const closed = mined(higher, closing)
    expect(closed.included[0]?.height).toBe(4)
    expect(Ledger.channel(closed.ledger, id)).toBeUndefined()
    expect(Ledger.channels(closed.ledger)).toEqual([])
    expect(Ledger.balance(closed.ledger, alice.address)).toBe(98n * AE - openingFee)
    expect(Ledger.balance(closed.ledger, bob.address)).toBe(100n * AE)
    expect(Ledger.account(closed.ledger, bob.address)?.nonce).toBe(1n)
    expect(Ledger.balance(closed.ledger, ChainState.lockedCoinsHolder)).toBe(2n * AE - closingFee)
    expect(ChainState.lockedCoinsHolder).toBe("ak_11111111111111111111111111111111273Yts")
    expect(
      Ledger.channelTransactions(closed.ledger, id).map(({ txHash, height }) => [txHash, height])
    ).toEqual([
      [SignedTx.hash(opening), 1],
      [SignedTx.hash(closing), 4]
    ])
    expect(Ledger.lastChannelTransaction(opened.ledger, id)?.txHash).toBe(SignedTx.hash(opening))
    expect(supply(closed.ledger)).toBe(300n * AE)
  })

  it.each([
    [1, 1],
    [2, 1],
    [3, 2],
    [4, 2],
    [5, 3],
    [6, 3]
  ])("at protocol %i a channel is created in version %i", (protocol, version) => {
    const { tx } = create(alice, bob)
    if (tx._tag !== "ChannelCreateTx" || tx.version !== 2) throw new Error("not a version 2 create")
    const { initiatorDelegateIds, responderDelegateIds: _, ...rest } = tx
    const right = protocol < 5 ? { ...rest, version: 1 as const, delegateIds: initiatorDelegateIds } : tx
    const body = SignedTx.unsigned(right)
    const both = [alice, bob].reduce((each, key) => {
      const message = SignedTx.signingMessage(body.txBytes, networkId, protocol < 4 ? "raw" : "hash")
      return SignedTx.addSignature(each, native.sign(message, key.secretKey))
    }, body)
    const { ledger } = mined(chain({ protocol }), both)
    expect(Ledger.channel(ledger, channelIdOf(both))?.version).toBe(version)
  })

  it("before Lima a closing channel cannot be closed by both, from Lima on it can", () => {
    const result = (protocol: number): string => {
      const opening = create(alice, bob)
      const id = channelIdOf(opening)
      const { state } = mined(chain(), opening).ledger
      const channel = ChainState.channel(state, id)
      if (channel === undefined) throw new Error("no channel")
      const closing = ChainState.setChannel(state, id, { ...channel, lockedUntil: 20 })
      const body = SignedTx.unsigned(close(id, bob, alice, { nonce: 1n }).tx)
      const both = [alice, bob].reduce((each, key) => {
        const message = SignedTx.signingMessage(body.txBytes, networkId, "raw")
        return SignedTx.addSignature(each, native.sign(message, key.secretKey))
      }, body)
      const after = Process.apply(closing, both, { networkId, protocol, height: 15 }, native)
      return after instanceof Refused ? after.reason : "ok"
    }
    expect([3, 4, 6].map(result)).toEqual(["channel_not_active", "ok", "ok"])
  })

  it("who is both parties must have both amounts before that is found out", () => {
    const amounts = { initiatorAmount: 2n * AE, responderAmount: 2n * AE, channelReserve: 0n }
    const body = SignedTx.unsigned(create(alice, alice, amounts).tx)
    const twice = (["hash", "raw"] as const).reduce(
      (each, mode) =>
        SignedTx.addSignature(
          each,
          native.sign(SignedTx.signingMessage(body.txBytes, networkId, mode), alice.secretKey)
        ),
      body
    )
    const result = (balance: bigint): string | undefined =>
      failureOf(mined(chain({ accounts: [{ address: alice.address, balance }] }), twice).ledger, twice)
    expect([result(3n * AE), result(5n * AE)]).toEqual(["insufficient_funds", "initiator_is_responder"])
  })

  it("of two closes only the first is one: afterwards nobody knows who had to sign the other", () => {
    const opening = create(alice, bob)
    const id = channelIdOf(opening)
    const [one, two] = [close(id, alice, bob, { nonce: 2n }), close(id, bob, alice, { nonce: 1n })]
    const { ledger, included } = mined(mined(chain(), opening).ledger, one, two)
    expect(included).toHaveLength(1)
    const [left] = Ledger.pending(ledger)
    expect(left).toMatchObject({ failures: 1, lastFailure: "signature_check_failed" })
    expect([SignedTx.hash(one), SignedTx.hash(two)]).toContain(left?.txHash)
    expect(Ledger.pending(keyBlocks(ledger, 5))).toEqual([])
  })

  it("a transaction whose nonce is ahead waits for the missing one, and both go into one block", () => {
    const second = spend(alice, bob, { nonce: 2n })
    const first = spend(alice, bob, { nonce: 1n })
    const waiting = mined(chain(), second)
    expect(waiting.block).toBeUndefined()
    expect(waiting.ledger.tip).toBe(waiting.ledger.top)
    expect(failureOf(waiting.ledger, second)).toBe("tx_nonce_too_high_for_account")
    const block = mined(waiting.ledger, first)
    expect(block.included.map(({ txHash }) => txHash)).toEqual([SignedTx.hash(first), SignedTx.hash(second)])
    expect(Ledger.hasPending(block.ledger)).toBe(false)
  })

  it("a transaction without money waits until the money comes, and is dropped after 20 generations", () => {
    const poor = spend(nobody, bob, { amount: AE })
    const waiting = mined(Ledger.fund(chain(), nobody.address, AE), poor).ledger
    expect(failureOf(waiting, poor)).toBe("insufficient_funds")
    const rich = Ledger.fund(keyBlocks(waiting, 5), nobody.address, AE)
    expect(Ledger.mineMicroBlock(rich, native).included).toHaveLength(1)
    expect(Ledger.pending(keyBlocks(waiting, 19))).toMatchObject([{ failures: 19 }])
    const dropped = keyBlocks(waiting, 20)
    expect(Ledger.pending(dropped)).toEqual([])
    expect(Ledger.transaction(dropped, SignedTx.hash(poor))).toBeUndefined()
    expect(refusal(dropped, poor)).toBe("ok")
  })

  it("failures are counted once for each generation, however often blocks are tried", () => {
    const poor = spend(nobody, bob)
    let ledger = submit(Ledger.fund(chain(), nobody.address, 1n), poor)
    for (let i = 0; i < 40; i++) ledger = Ledger.mineMicroBlock(ledger, native).ledger
    expect(Ledger.pending(ledger)).toMatchObject([{ failures: 1 }])
  })

  it("of two transactions with one nonce the better paid one wins and the other is dropped", () => {
    const cheap = spend(alice, bob)
    const dear = spend(alice, carol, { fee: AE })
    const block = mined(chain(), cheap, dear)
    expect(block.included.map(({ txHash }) => txHash)).toEqual([SignedTx.hash(dear)])
    expect(Ledger.pending(block.ledger)).toEqual([])
    expect(Ledger.transaction(block.ledger, SignedTx.hash(cheap))).toBeUndefined()
  })

  it("a ttl is over when the height is above it; then the transaction is dropped", () => {
    const late = spend(alice, bob, { ttl: 3, nonce: 2n })
    const ledger = submit(chain(), late)
    expect(Ledger.pending(keyBlocks(ledger, 2))).toHaveLength(1)
    expect(keyBlocks(ledger, 2).top.height).toBe(3)
    expect(mined(keyBlocks(ledger, 2), spend(alice, bob)).included).toHaveLength(2)
    expect(Ledger.pending(keyBlocks(ledger, 3))).toEqual([])
  })

  it("a transaction without ttl is dropped after two weeks of blocks", () => {
    const stuck = spend(alice, bob, { nonce: 2n })
    const ledger = submit(chain({ startHeight: 10 }), stuck)
    const jumped = (height: number): Ledger.Ledger =>
      keyBlocks({ ...ledger, top: { ...ledger.top, height: height - 1 } }, 1)
    expect(Ledger.pending(jumped(10 + 6_719))).toHaveLength(1)
    expect(Ledger.pending(jumped(10 + 6_720))).toHaveLength(0)
  })

  it("a block holds six million gas, the best paid first; a key block takes all that wait before it", () => {
    const bulky = new Uint8Array(40_000)
    const rank = (i: number) => keyPairOf(`rank ${i}`)
    const ranks = Array.from({ length: 10 }, (_, i) => rank(i))
    const ledger = chain({ accounts: ranks.map(({ address }) => ({ address, balance: 100n * AE })) })
    const txs = ranks.map((key, i) => spend(key, bob, { payload: bulky, fee: AE + BigInt(i) }))
    const waiting = txs.reduce(submit, ledger)
    const block = Ledger.mineMicroBlock(waiting, native)
    const gas = block.included.reduce((sum, { signedTx }) => sum + Fee.gas(signedTx.tx), 0n)
    expect(gas).toBeLessThanOrEqual(6_000_000n)
    expect(block.included).toHaveLength(7)
    const best = new Set(txs.slice(3).map(SignedTx.hash))
    expect(block.included.every(({ txHash }) => best.has(txHash))).toBe(true)
    const origins = block.included.map(({ signedTx }) =>
      signedTx.tx._tag === "SpendTx" ? signedTx.tx.senderId : undefined
    )
    const inOrder = [...origins].sort((a, b) =>
      a === undefined || b === undefined ? 0 : Bytes.compare(ApiEncoding.bytesOf(a), ApiEncoding.bytesOf(b))
    )
    expect(origins).toEqual(inOrder)
    const key = Ledger.mineKeyBlock(waiting, native)
    expect(key.included).toHaveLength(10)
    expect(key.included.every(({ height }) => height === 1)).toBe(true)
    expect(key.ledger.top.height).toBe(2)
  })

  it("paying in and paying on within a block works in the order of origins, else in the next block", () => {
    const funding = spend(alice, nobody, { amount: 10n * AE })
    const passing = spend(nobody, bob, { amount: AE })
    const first = mined(chain(), funding, passing)
    const second = Ledger.mineMicroBlock(first.ledger, native)
    expect([...first.included, ...second.included].map(({ txHash }) => txHash)).toEqual([
      SignedTx.hash(funding),
      SignedTx.hash(passing)
    ])
  })

  it("blocks and transactions are found by hash and height, and their chain has no gap", () => {
    const start = chain({ startHeight: 5, timeMs: 1_000 })
    expect(start.genesis.height).toBe(0)
    expect([Ledger.keyBlock(start, 0), Ledger.keyBlock(start, 5)]).toEqual([start.genesis, start.top])
    expect(Ledger.keyBlock(start, 3)).toBeUndefined()
    const tx = spend(alice, bob)
    const waiting = submit(start, tx)
    expect(Ledger.transaction(waiting, SignedTx.hash(tx))).toMatchObject({ height: -1, blockHash: undefined })
    const micro = Ledger.mineMicroBlock(waiting, native, 4_000.7)
    const key = Ledger.mineKeyBlock(micro.ledger, native, 3_000)
    expect(Ledger.transaction(key.ledger, SignedTx.hash(tx))).toMatchObject({
      height: 5,
      blockHash: micro.block?.hash
    })
    expect(micro.block).toMatchObject({
      _tag: "MicroBlock",
      height: 5,
      timeMs: 4_000,
      prevHash: start.top.hash,
      prevKeyHash: start.top.hash,
      txHashes: [SignedTx.hash(tx)],
      stateHash: ApiEncoding.encode("bs", Trees.stateHash(key.ledger.state.trees))
    })
    expect(key.block).toMatchObject({
      height: 6,
      timeMs: 4_000,
      prevHash: micro.block?.hash,
      prevKeyHash: start.top.hash
    })
    expect(Ledger.block(key.ledger, key.ledger.top.hash)).toBe(key.block)
    expect(Ledger.keyBlock(key.ledger, key.ledger.top.hash)).toBe(key.block)
    expect(Ledger.keyBlock(key.ledger, micro.block?.hash ?? start.top.hash)).toBeUndefined()
    expect(key.ledger.top.hash).toMatch(/^kh_/)
    expect(micro.block?.hash).toMatch(/^mh_/)
    const other = Ledger.mineKeyBlock(start, native, 3_001)
    expect(other.ledger.top.hash).not.toBe(Ledger.mineKeyBlock(start, native, 3_000).ledger.top.hash)
  })

  it("the view answers from its ledger, and is made once", () => {
    const tx = spend(alice, bob)
    const opening = create(alice, carol, { nonce: 2n })
    const ledger = submit(keyBlocks(mined(chain(), tx).ledger, 2), opening)
    const view = Ledger.view(ledger, native)
    expect(Ledger.view(ledger, native)).toBe(view)
    expect(view).toMatchObject({
      networkId,
      protocol: 6,
      topHeight: 3,
      topHash: ledger.top.hash,
      minimumGasPrice: 10n ** 9n
    })
    expect(view.genesisHash).toBe(ledger.genesis.hash)
    expect([0, 1, 2, 3, 4].map((height) => view.keyBlockAt(height) !== undefined)).toEqual([
      true,
      true,
      true,
      true,
      false
    ])
    expect([view.heightOf(ledger.top.hash), view.heightOf(ledger.genesis.hash)]).toEqual([3, 0])
    const block = Ledger.transaction(ledger, SignedTx.hash(tx))?.blockHash
    expect(block === undefined ? undefined : view.heightOf(block)).toBe(1)
    expect(view.heightOf(ApiEncoding.encode("kh", new Uint8Array(32)))).toBeUndefined()
    expect(view.account(alice.address)?.nonce).toBe(1n)
    expect(view.channel(channelIdOf(opening))).toBeUndefined()
    expect(view.nextNonce(alice.address)).toBe(3n)
    expect(view.admits(spend(alice, bob, { nonce: 3n }))).toBe("ok")
    expect(view.admits(opening)).toEqual({ refused: "already_known" })
    expect([view.locate(SignedTx.hash(tx)), view.locate(SignedTx.hash(opening))]).toEqual([
      { height: 1, blockHash: block },
      "pending"
    ])
    expect(view.locate(SignedTx.hash(spend(bob, alice)))).toBeUndefined()
    expect(
      Ledger.view(Ledger.mineMicroBlock(ledger, native).ledger, native).channel(channelIdOf(opening))?.round
    ).toBe(1)
  })
})

describe("Ledger: properties", () => {
  const people = [alice, bob, carol, nobody, keyPairOf("dora")]
  const index = FastCheck.nat({ max: people.length - 1 })
  const amount = FastCheck.oneof(
    FastCheck.bigInt({ min: 0n, max: 5n * AE }),
    FastCheck.bigInt({ min: 0n, max: 90n * AE })
  )
  const skip = FastCheck.nat({ max: 14 }).map((n) => (n === 14 ? 1n : 0n))
  const command = FastCheck.oneof(
    FastCheck.record({
      kind: FastCheck.constant("spend" as const),
      from: index,
      to: index,
      a: amount,
      b: amount,
      skip
    }),
    FastCheck.record({
      kind: FastCheck.constant("create" as const),
      from: index,
      to: index,
      a: amount,
      b: amount,
      skip
    }),
    FastCheck.record({
      kind: FastCheck.constant("close" as const),
      from: index,
      to: index,
      a: amount,
      b: amount,
      skip
    }),
    FastCheck.record({ kind: FastCheck.constant("micro" as const) }),
    FastCheck.record({ kind: FastCheck.constant("key" as const) })
  )
  type Command = typeof command extends FastCheck.Arbitrary<infer C> ? C : never

  const person = (i: number): KeyPair => people[i] ?? alice
  const keyOf = (id: AccountAddress): KeyPair => people.find(({ address }) => address === id) ?? alice

  const transactionOf = (ledger: Ledger.Ledger, command: Command): SignedTx.SignedTx | undefined => {
    if (command.kind === "micro" || command.kind === "key") return undefined
    const from = person(command.from)
    const to = person(command.to)
    const nonce = Ledger.nextNonce(ledger, from.address) + command.skip
    if (command.kind === "spend") return spend(from, to, { amount: command.a, nonce })
    if (command.kind === "create") {
      return create(from, to, {
        initiatorAmount: command.a,
        responderAmount: command.b,
        channelReserve: command.skip * AE,
        nonce
      })
    }
    const open = Ledger.channels(ledger)
    const found = open[command.from % Math.max(1, open.length)]
    if (found === undefined) return undefined
    const [id, channel] = found
    const sender = command.to % 2 === 0 ? channel.initiatorId : channel.responderId
    const other = sender === channel.initiatorId ? channel.responderId : channel.initiatorId
    return close(id, keyOf(sender), keyOf(other), {
      nonce: Ledger.nextNonce(ledger, sender) + command.skip,
      initiatorAmountFinal: command.a % (channel.channelAmount + 1n),
      responderAmountFinal: command.b % (channel.channelAmount + 1n)
    })
  }

  const step = (ledger: Ledger.Ledger, command: Command): Ledger.Mined => {
    if (command.kind === "micro") return Ledger.mineMicroBlock(ledger, native)
    if (command.kind === "key") return Ledger.mineKeyBlock(ledger, native)
    const tx = transactionOf(ledger, command)
    const taken = tx === undefined ? undefined : Ledger.submit(ledger, tx, native)
    const after = taken === undefined || taken instanceof Ledger.MempoolError ? ledger : taken.ledger
    return { ledger: after, included: [], block: undefined }
  }

  const fingerprint = (ledger: Ledger.Ledger): string =>
    JSON.stringify(
      [
        Ledger.accounts(ledger),
        Ledger.channels(ledger),
        Ledger.pending(ledger).map(({ txHash, failures }) => [txHash, failures]),
        [ledger.top.hash, ledger.tip.hash, ledger.tip.stateHash, Ledger.collectedFees(ledger)],
        people.map(({ address }) => Ledger.nextNonce(ledger, address))
      ],
      (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value)
    )

  let included = 0
  const kinds = new Set<string>()

  it.prop(
    "random spends, creates and closes: not one aetto is made or lost, nonces have no gap, old values stay as they were",
    [FastCheck.array(command, { minLength: 1, maxLength: 60, size: "max" })],
    ([commands]) => {
      const start = chain({ accounts: people.map(({ address }) => ({ address, balance: 60n * AE })) })
      const past: Array<readonly [Ledger.Ledger, string]> = [[start, fingerprint(start)]]
      const nonces = new Map<string, bigint>()
      let ledger = start
      for (const command of [...commands, { kind: "key" as const }]) {
        const after = step(ledger, command)
        ledger = after.ledger
        expect(supply(ledger)).toBe(300n * AE)
        expect(Ledger.accounts(ledger).every(([, { balance }]) => balance >= 0n)).toBe(true)
        for (const { signedTx, txHash, blockHash } of after.included) {
          included++
          kinds.add(signedTx.tx._tag)
          const { tx } = signedTx
          const origin =
            tx._tag === "SpendTx"
              ? tx.senderId
              : tx._tag === "ChannelCreateTx"
                ? tx.initiatorId
                : "fromId" in tx
                  ? tx.fromId
                  : ""
          const nonce = "nonce" in tx ? tx.nonce : -1n
          expect(nonce).toBe((nonces.get(origin) ?? 0n) + 1n)
          nonces.set(origin, nonce)
          expect(Ledger.transaction(ledger, txHash)?.blockHash).toBe(blockHash)
        }
        past.push([ledger, fingerprint(ledger)])
      }
      for (const [id, { nonce }] of Ledger.accounts(ledger)) expect(nonce).toBe(nonces.get(id) ?? 0n)
      for (const [old, print] of past) expect(fingerprint(old)).toBe(print)
    },
    { fastCheck: { numRuns: 100 } }
  )

  it("the random runs did something", () => {
    console.log(`random runs: ${included} transactions in blocks (${[...kinds].join(", ")})`)
    expect(included).toBeGreaterThan(100)
    expect([...kinds].sort()).toEqual(["ChannelCloseMutualTx", "ChannelCreateTx", "SpendTx"])
  })
})
