/** Transactions for the chain, as an honest node makes them, for scripted nodes. */
import { Effect, type Scope, Stream } from "effect"
import * as Fee from "../../../src/chain/Fee.js"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import type {
  ChannelCloseSoloTx,
  ChannelDepositTx,
  ChannelSettleTx,
  ChannelSlashTx,
  ChannelSnapshotSoloTx,
  ChannelWithdrawTx,
  Transaction
} from "../../../src/chain/Transaction.js"
import * as Transactions from "../../../src/chain/Transaction.js"
import type { ChannelError } from "../../../src/client/ChannelEvent.js"
import type { KeyPair } from "../../../src/crypto/KeyPair.js"
import type { OnChainInfo } from "../../../src/protocol/NodeMessage.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import * as Poi from "../../../src/state/Poi.js"
import * as Trees from "../../../src/state/Trees.js"
import type { Update } from "../../../src/state/Update.js"
import type { Party } from "./Parties.js"
import { offChainTx, transfer, treesAfter } from "./Rounds.js"
import {
  channelId,
  initialTrees,
  initiator,
  type Open,
  openScripted,
  responder,
  type ScriptedNode,
  signedBy,
  terms
} from "./ScriptedNode.js"

const priced = <T extends Transaction>(tx: T): T => Fee.withMinimumFee(tx, Fee.defaultMinerGasPrice)

export const depositing = (party: KeyPair, amount: bigint): Update => ({
  _tag: "OffChainDeposit",
  from: party.address,
  amount
})

export const withdrawing = (party: KeyPair, amount: bigint): Update => ({
  _tag: "OffChainWithdrawal",
  to: party.address,
  amount
})

const moves = { channelId, ttl: 0, fee: 0n, nonce: 2n }

export const depositTx = (
  party: KeyPair,
  amount: bigint,
  changes: Partial<ChannelDepositTx> = {},
  round = 2,
  trees: Trees.Trees = treesAfter([depositing(party, amount)], round)
): ChannelDepositTx => ({
  ...priced<ChannelDepositTx>({
    _tag: "ChannelDepositTx",
    version: 1,
    fromId: party.address,
    amount,
    stateHash: Trees.stateHash(trees),
    round,
    ...moves
  }),
  ...changes
})

export const withdrawTx = (
  party: KeyPair,
  amount: bigint,
  changes: Partial<ChannelWithdrawTx> = {},
  round = 2,
  trees: Trees.Trees = treesAfter([withdrawing(party, amount)], round)
): ChannelWithdrawTx => ({
  ...priced<ChannelWithdrawTx>({
    _tag: "ChannelWithdrawTx",
    version: 1,
    toId: party.address,
    amount,
    stateHash: Trees.stateHash(trees),
    round,
    ...moves
  }),
  ...changes
})

/** The second round: five aettos went to the responder. */
export const paid: ReadonlyArray<Update> = [transfer(initiator.address, responder.address, 5n)]
export const paidTrees = treesAfter(paid, 2)
export const paidState = signedBy(offChainTx(paidTrees, 2), [initiator, responder])

export const proofOf = (
  trees: Trees.Trees,
  accounts: ReadonlyArray<KeyPair["address"]> = [initiator.address, responder.address]
): Uint8Array => {
  const poi = Poi.build(trees, { accounts })
  if (poi instanceof Poi.NotFound) throw poi
  return Poi.encode(poi)
}

const solo = (from: KeyPair) => ({ version: 1, fromId: from.address, ...moves }) as const

export const snapshotTx = (
  from: KeyPair,
  changes: Partial<ChannelSnapshotSoloTx> = {}
): ChannelSnapshotSoloTx => ({
  ...priced<ChannelSnapshotSoloTx>({
    _tag: "ChannelSnapshotSoloTx",
    payload: SignedTx.encode(paidState),
    ...solo(from)
  }),
  ...changes
})

export const closeSoloTx = (
  from: KeyPair,
  changes: Partial<ChannelCloseSoloTx> = {}
): ChannelCloseSoloTx => ({
  ...priced<ChannelCloseSoloTx>({
    _tag: "ChannelCloseSoloTx",
    payload: SignedTx.encode(paidState),
    poi: proofOf(paidTrees),
    ...solo(from)
  }),
  ...changes
})

export const slashTx = (from: KeyPair, changes: Partial<ChannelSlashTx> = {}): ChannelSlashTx => ({
  ...priced<ChannelSlashTx>({
    _tag: "ChannelSlashTx",
    payload: SignedTx.encode(paidState),
    poi: proofOf(paidTrees),
    ...solo(from)
  }),
  ...changes
})

export const settleTx = (
  from: KeyPair,
  changes: Partial<ChannelSettleTx> = {},
  trees: Trees.Trees = paidTrees
): ChannelSettleTx => ({
  ...priced<ChannelSettleTx>({
    _tag: "ChannelSettleTx",
    initiatorAmountFinal: Trees.balance(trees, terms.initiatorId) ?? 0n,
    responderAmountFinal: Trees.balance(trees, terms.responderId) ?? 0n,
    ...solo(from)
  }),
  ...changes
})

/** The old state with which a cheater closes. */
export const oldClose = (from: KeyPair): SignedTx.SignedTx =>
  signedBy(closeSoloTx(from, { payload: new Uint8Array(), poi: proofOf(initialTrees) }), [from])

/** A report about a transaction. */
export const tell = (node: ScriptedNode, info: OnChainInfo, tx: SignedTx.SignedTx): void =>
  node.say({ _tag: "OnChainTx", info, type: Transactions.typeName(tx.tx), tx })

/** Both nodes have seen the coins move deep enough, and ours tells the new state. */
export const lockAndTell = (
  node: ScriptedNode,
  kind: "deposit" | "withdraw",
  tx: SignedTx.SignedTx
): void => {
  tell(node, "channel_changed", tx)
  node.info(`own_${kind}_locked`)
  node.info(`${kind}_locked`)
  node.say({ _tag: "StateUpdate", state: tx })
}

export const complete = (tx: Transaction): SignedTx.SignedTx => signedBy(tx, [initiator, responder])

/** A channel at its second round, which the peer has proposed; the chain holds the first. */
export const openPaid = (role: Role, party: Party = {}): Effect.Effect<Open, ChannelError, Scope.Scope> =>
  Effect.gen(function* () {
    const open = yield* openScripted(role, party)
    const { channel, node, peer } = open
    node.info("update")
    node.ask("update_ack", signedBy(paidState.tx, [peer]), paid)
    yield* node.expect("update_ack")
    node.say({ _tag: "StateUpdate", state: paidState })
    yield* Stream.runHead(Stream.filter(channel.latest.changes, ({ round }) => round === 2))
    return open
  })
