/** Signed transactions of a channel's whole life, as small calls, and a chain to put them on. */
import * as Fee from "../../../src/chain/Fee.js"
import * as Ids from "../../../src/chain/Ids.js"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import type * as Transaction from "../../../src/chain/Transaction.js"
import type { KeyPair } from "../../../src/crypto/KeyPair.js"
import type { ChannelId } from "../../../src/encoding/ApiEncoding.js"
import * as Ledger from "../../../src/node/Ledger.js"
import * as Poi from "../../../src/state/Poi.js"
import * as Trees from "../../../src/state/Trees.js"
import { keyPairOf, native } from "../../support/TestCrypto.js"

export const networkId = "ae_dev"
export const AE = 10n ** 18n
export const alice = keyPairOf("alice")
export const bob = keyPairOf("bob")
export const carol = keyPairOf("carol")
export const dora = keyPairOf("dora")

type Fields<T> = T extends unknown ? Partial<Omit<T, "_tag" | "version">> : never

export const signed = (
  tx: Transaction.Transaction,
  by: ReadonlyArray<KeyPair>,
  innerTx = false
): SignedTx.SignedTx =>
  by.reduce(
    (each, key) => SignedTx.sign(each, key, { networkId, crypto: native, innerTx }),
    SignedTx.unsigned(tx)
  )

/** With the fee that is given, else the lowest one the mempool takes. */
export const priced = <T extends Transaction.Transaction>(tx: T): T =>
  "fee" in tx && tx.fee !== 0n ? tx : Fee.withMinimumFee(tx, Fee.defaultMinerGasPrice)

/** An off-chain state in which both have what is said. */
export const treesOf = (initiator: KeyPair, responder: KeyPair, a: bigint, b: bigint): Trees.Trees =>
  Trees.initial({
    initiatorId: initiator.address,
    responderId: responder.address,
    initiatorAmount: a,
    responderAmount: b,
    pushAmount: 0n
  })

/** A channel and who is in it; makes its transactions. Both sign what needs both; others may be asked to sign. */
export class Scene {
  readonly opening: SignedTx.SignedTx
  readonly id: ChannelId
  readonly first: Trees.Trees
  constructor(
    readonly initiator: KeyPair = alice,
    readonly responder: KeyPair = bob,
    fields: Fields<Extract<Transaction.ChannelCreateTx, { version: 2 }>> = {}
  ) {
    const initiatorAmount = fields.initiatorAmount ?? 3n * AE
    const responderAmount = fields.responderAmount ?? 2n * AE
    this.first = treesOf(initiator, responder, initiatorAmount, responderAmount)
    const tx: Extract<Transaction.ChannelCreateTx, { version: 2 }> = {
      _tag: "ChannelCreateTx",
      version: 2,
      initiatorId: initiator.address,
      responderId: responder.address,
      initiatorAmount,
      responderAmount,
      channelReserve: 0n,
      lockPeriod: 10,
      ttl: 0,
      fee: 0n,
      initiatorDelegateIds: [],
      responderDelegateIds: [],
      stateHash: Trees.stateHash(this.first),
      nonce: 1n,
      ...fields
    }
    this.opening = signed(priced(tx), [initiator, responder])
    this.id = Ids.channelIdOf(this.opening) ?? Ids.channelId(initiator.address, 1n, responder.address)
  }
  private get both(): ReadonlyArray<KeyPair> {
    return [this.initiator, this.responder]
  }
  state(a: bigint, b: bigint): Trees.Trees {
    return treesOf(this.initiator, this.responder, a, b)
  }
  /** A co-signed state. */
  payload(round: number, trees: Trees.Trees, by: ReadonlyArray<KeyPair> = this.both): Uint8Array {
    const tx: Extract<Transaction.ChannelOffchainTx, { version: 2 }> = {
      _tag: "ChannelOffchainTx",
      version: 2,
      channelId: this.id,
      round,
      stateHash: Trees.stateHash(trees)
    }
    return SignedTx.encode(signed(tx, by))
  }
  poi(trees: Trees.Trees): Uint8Array {
    const poi = Poi.build(trees, { accounts: this.both.map(({ address }) => address) })
    if (poi instanceof Poi.NotFound) throw poi
    return Poi.encode(poi)
  }
  deposit(from: KeyPair, fields: Fields<Transaction.ChannelDepositTx>, by = this.both): SignedTx.SignedTx {
    const tx: Transaction.ChannelDepositTx = {
      _tag: "ChannelDepositTx",
      version: 1,
      channelId: this.id,
      fromId: from.address,
      amount: AE,
      ttl: 0,
      fee: 0n,
      stateHash: Trees.stateHash(this.first),
      round: 2,
      nonce: 2n,
      ...fields
    }
    return signed(priced(tx), by)
  }
  withdraw(to: KeyPair, fields: Fields<Transaction.ChannelWithdrawTx>, by = this.both): SignedTx.SignedTx {
    const tx: Transaction.ChannelWithdrawTx = {
      _tag: "ChannelWithdrawTx",
      version: 1,
      channelId: this.id,
      toId: to.address,
      amount: AE,
      ttl: 0,
      fee: 0n,
      stateHash: Trees.stateHash(this.first),
      round: 2,
      nonce: 2n,
      ...fields
    }
    return signed(priced(tx), by)
  }
  closeMutual(
    from: KeyPair,
    fields: Fields<Transaction.ChannelCloseMutualTx>,
    by = this.both
  ): SignedTx.SignedTx {
    const tx: Transaction.ChannelCloseMutualTx = {
      _tag: "ChannelCloseMutualTx",
      version: 1,
      channelId: this.id,
      fromId: from.address,
      initiatorAmountFinal: AE,
      responderAmountFinal: AE,
      ttl: 0,
      fee: 0n,
      nonce: 2n,
      ...fields
    }
    return signed(priced(tx), by)
  }
  settle(from: KeyPair, fields: Fields<Transaction.ChannelSettleTx>): SignedTx.SignedTx {
    const tx: Transaction.ChannelSettleTx = {
      _tag: "ChannelSettleTx",
      version: 1,
      channelId: this.id,
      fromId: from.address,
      initiatorAmountFinal: 3n * AE,
      responderAmountFinal: 2n * AE,
      ttl: 0,
      fee: 0n,
      nonce: 2n,
      ...fields
    }
    return signed(priced(tx), [from])
  }
  /** With the first state and no payload unless told otherwise. */
  closeSolo(from: KeyPair, fields: Fields<Transaction.ChannelCloseSoloTx> = {}): SignedTx.SignedTx {
    const tx: Transaction.ChannelCloseSoloTx = {
      _tag: "ChannelCloseSoloTx",
      version: 1,
      channelId: this.id,
      fromId: from.address,
      payload: new Uint8Array(),
      poi: this.poi(this.first),
      ttl: 0,
      fee: 0n,
      nonce: 2n,
      ...fields
    }
    return signed(priced(tx), [from])
  }
  slash(from: KeyPair, fields: Fields<Transaction.ChannelSlashTx>): SignedTx.SignedTx {
    const tx: Transaction.ChannelSlashTx = {
      _tag: "ChannelSlashTx",
      version: 1,
      channelId: this.id,
      fromId: from.address,
      payload: new Uint8Array(),
      poi: this.poi(this.first),
      ttl: 0,
      fee: 0n,
      nonce: 2n,
      ...fields
    }
    return signed(priced(tx), [from])
  }
  snapshot(from: KeyPair, fields: Fields<Transaction.ChannelSnapshotSoloTx>): SignedTx.SignedTx {
    const tx: Transaction.ChannelSnapshotSoloTx = {
      _tag: "ChannelSnapshotSoloTx",
      version: 1,
      channelId: this.id,
      fromId: from.address,
      payload: new Uint8Array(),
      ttl: 0,
      fee: 0n,
      nonce: 2n,
      ...fields
    }
    return signed(priced(tx), [from])
  }
  setDelegates(from: KeyPair, fields: Fields<Transaction.ChannelSetDelegatesTx>): SignedTx.SignedTx {
    const tx: Transaction.ChannelSetDelegatesTx = {
      _tag: "ChannelSetDelegatesTx",
      version: 1,
      channelId: this.id,
      fromId: from.address,
      initiatorDelegateIds: [],
      responderDelegateIds: [],
      payload: new Uint8Array(),
      stateHash: Trees.stateHash(this.first),
      round: 1,
      ttl: 0,
      fee: 0n,
      nonce: 2n,
      ...fields
    }
    return signed(priced(tx), this.both)
  }
}

export const spend = (
  from: KeyPair,
  to: KeyPair,
  fields: Fields<Transaction.SpendTx> = {},
  innerTx = false
): SignedTx.SignedTx => {
  const tx: Transaction.SpendTx = {
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
  }
  return signed(priced(tx), [from], innerTx)
}

/** The signatures of `inner` must be made for an inner transaction. */
export const payingFor = (payer: KeyPair, inner: SignedTx.SignedTx, nonce: bigint): SignedTx.SignedTx => {
  const tx: Transaction.PayingForTx = {
    _tag: "PayingForTx",
    version: 1,
    payerId: payer.address,
    nonce,
    fee: 0n,
    tx: SignedTx.encode(inner)
  }
  return signed(priced(tx), [payer])
}

export const chain = (options: Partial<Parameters<typeof Ledger.make>[0]> = {}): Ledger.Ledger =>
  Ledger.make({
    networkId,
    accounts: [alice, bob, carol, dora].map(({ address }) => ({ address, balance: 100n * AE })),
    startHeight: 200_000,
    ...options
  })

export const submit = (ledger: Ledger.Ledger, tx: SignedTx.SignedTx): Ledger.Ledger => {
  const taken = Ledger.submit(ledger, tx, native)
  if (taken instanceof Ledger.MempoolError) throw taken
  return taken.ledger
}

export const refusal = (ledger: Ledger.Ledger, tx: SignedTx.SignedTx): string => {
  const taken = Ledger.submit(ledger, tx, native)
  return taken instanceof Ledger.MempoolError ? taken.reason : "ok"
}

/** The chain with transactions in one micro block; throws where one is not taken. */
export const mined = (ledger: Ledger.Ledger, ...txs: ReadonlyArray<SignedTx.SignedTx>): Ledger.Ledger => {
  const block = Ledger.mineMicroBlock(txs.reduce(submit, ledger), native)
  for (const tx of txs) {
    if (Ledger.transaction(block.ledger, SignedTx.hash(tx))?.blockHash === undefined) {
      const why = Ledger.pending(block.ledger).find(({ txHash }) => txHash === SignedTx.hash(tx))
      throw new Error(`${tx.tx._tag} is not in the block: ${why?.lastFailure ?? "dropped"}`)
    }
  }
  return block.ledger
}

/** Why a block does not take a transaction; `"ok"` where it does, `"dropped"` where it forgets it at once. */
export const failure = (ledger: Ledger.Ledger, tx: SignedTx.SignedTx): string => {
  const block = Ledger.mineMicroBlock(submit(ledger, tx), native)
  if (block.included.length > 0) return "ok"
  return (
    Ledger.pending(block.ledger).find(({ txHash }) => txHash === SignedTx.hash(tx))?.lastFailure ?? "dropped"
  )
}

export const keyBlocks = (ledger: Ledger.Ledger, n: number): Ledger.Ledger => {
  let after = ledger
  for (let i = 0; i < n; i++) after = Ledger.mineKeyBlock(after, native).ledger
  return after
}

/** All aettos there are. */
export const supply = (ledger: Ledger.Ledger): bigint =>
  Ledger.accounts(ledger).reduce((sum, [, { balance }]) => sum + balance, 0n) +
  Ledger.channels(ledger).reduce((sum, [, { channelAmount }]) => sum + channelAmount, 0n) +
  Ledger.collectedFees(ledger)
