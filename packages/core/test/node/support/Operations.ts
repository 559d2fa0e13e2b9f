/**
 * Random lives of a chain: submissions of all kinds of transactions, good and bad ones, blocks, gifts and forks. Each
 * operation is plain data; what it does depends only on the chain it meets.
 */
import * as FastCheck from "effect/FastCheck"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import type { KeyPair } from "../../../src/crypto/KeyPair.js"
import type { ChannelId } from "../../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../../src/encoding/Bytes.js"
import * as Ledger from "../../../src/node/Ledger.js"
import * as Trees from "../../../src/state/Trees.js"
import { native } from "../../support/TestCrypto.js"
import { AE, Scene, alice, bob, carol, chain, dora, payingFor, signed, spend } from "./Transactions.js"

const people = [alice, bob, carol, dora]
const person = (i: number): KeyPair => people[i % people.length] ?? alice

const small = FastCheck.nat({ max: 3 })
const amount = FastCheck.oneof(
  FastCheck.bigInt({ min: 0n, max: 5n * AE }),
  FastCheck.bigInt({ min: 0n, max: 120n * AE })
)
/** Mostly 0: what makes a transaction wrong. */
const fault = FastCheck.nat({ max: 11 }).map((n) => (n < 10 ? 0 : n - 9))

const about = <const K extends string>(kind: K) =>
  FastCheck.record({
    kind: FastCheck.constant(kind),
    who: small,
    other: small,
    channel: small,
    amount,
    /** Which part of the channel's coins the initiator has in a state, in quarters. */
    share: FastCheck.nat({ max: 4 }),
    withPayload: FastCheck.boolean(),
    round: FastCheck.nat({ max: 3 }),
    fault,
    paid: FastCheck.nat({ max: 7 }).map((n) => n === 0)
  })

const kinds = [
  "spend",
  "create",
  "deposit",
  "withdraw",
  "snapshot",
  "close_solo",
  "slash",
  "settle",
  "set_delegates",
  "close_mutual"
] as const

const seconds = FastCheck.nat({ max: 3 })

export const operation = FastCheck.oneof(
  ...kinds.map((kind) => ({ arbitrary: about(kind), weight: 2 })),
  { arbitrary: FastCheck.record({ kind: FastCheck.constant("micro" as const), seconds }), weight: 6 },
  { arbitrary: FastCheck.record({ kind: FastCheck.constant("key" as const), seconds }), weight: 6 },
  {
    arbitrary: FastCheck.record({ kind: FastCheck.constant("fund" as const), who: small, amount }),
    weight: 1
  },
  {
    arbitrary: FastCheck.record({
      kind: FastCheck.constant("fork" as const),
      blocks: FastCheck.integer({ min: 1, max: 3 }),
      back: FastCheck.boolean()
    }),
    weight: 1
  }
)

type Submission =
  ReturnType<typeof about> extends FastCheck.Arbitrary<infer A>
    ? Omit<A, "kind"> & { readonly kind: (typeof kinds)[number] }
    : never

export type Operation =
  | Submission
  | { readonly kind: "micro" | "key"; readonly seconds: number }
  | { readonly kind: "fund"; readonly who: number; readonly amount: bigint }
  | { readonly kind: "fork"; readonly blocks: number; readonly back: boolean }

export interface World {
  readonly ledger: Ledger.Ledger
  readonly timeMs: number
  /** Aettos that must be there. */
  readonly given: bigint
  readonly scenes: ReadonlyMap<ChannelId, Scene>
  /** States by their hashes, for proofs. */
  readonly states: ReadonlyMap<string, Trees.Trees>
  readonly included: ReadonlyArray<Ledger.MinedTransaction>
  readonly refused: ReadonlyArray<string>
}

export const start = (ledger: Ledger.Ledger = chain()): World => ({
  ledger,
  timeMs: 0,
  given: 400n * AE,
  scenes: new Map(),
  states: new Map(),
  included: [],
  refused: []
})

const quarter = (total: bigint, share: number): readonly [bigint, bigint] => {
  const part = (total * BigInt(share)) / 4n
  return [part, total - part]
}

interface Made {
  readonly tx: SignedTx.SignedTx
  readonly scene?: Scene
  readonly state?: Trees.Trees
}

/** The transaction an operation stands for on this chain; none where it needs a channel and there is none. */
const made = (world: World, op: Submission): Made | undefined => {
  const { ledger } = world
  const from = person(op.who)
  const nonce = Ledger.nextNonce(ledger, from.address) + BigInt(op.fault === 1 ? 1 : 0)
  if (op.kind === "spend") return { tx: spend(from, person(op.other), { amount: op.amount, nonce }, op.paid) }
  if (op.kind === "create") {
    const to = person(op.other)
    const scene = new Scene(from, to, {
      initiatorAmount: op.amount,
      responderAmount: BigInt(op.share) * AE,
      channelReserve: op.fault === 2 ? AE : 0n,
      lockPeriod: op.round,
      initiatorDelegateIds: [dora.address],
      nonce
    })
    return { tx: scene.opening, scene, state: scene.first }
  }
  const open = Ledger.channels(ledger)
  const [id, channel] = open[op.channel % Math.max(1, open.length)] ?? []
  const scene = id === undefined ? undefined : world.scenes.get(id)
  if (channel === undefined || scene === undefined) return undefined
  const party = op.fault === 2 ? dora : op.who % 2 === 0 ? scene.initiator : scene.responder
  const own = Ledger.nextNonce(ledger, party.address) + BigInt(op.fault === 1 ? 1 : 0)
  const state = scene.state(...quarter(channel.channelAmount, op.share))
  const stateHash = Trees.stateHash(state)
  const round = channel.round + op.round
  const payload = op.withPayload ? scene.payload(round, state) : new Uint8Array()
  const proven = op.withPayload ? state : (world.states.get(Bytes.toHex(channel.stateHash)) ?? state)
  const poi = scene.poi(proven)
  const about = { nonce: own, payload }
  switch (op.kind) {
    case "deposit":
      return { tx: scene.deposit(party, { amount: op.amount, round, stateHash, nonce: own }), state }
    case "withdraw":
      return { tx: scene.withdraw(party, { amount: op.amount, round, stateHash, nonce: own }), state }
    case "snapshot":
      return { tx: scene.snapshot(party, about), state }
    case "close_solo":
      return { tx: scene.closeSolo(party, { ...about, poi }), state }
    case "slash":
      return { tx: scene.slash(party, { ...about, poi }), state }
    case "settle": {
      const off = op.fault === 2 ? 1n : 0n
      const { initiatorAmount: initiatorAmountFinal, responderAmount } = channel
      const responderAmountFinal = responderAmount + off
      return { tx: scene.settle(party, { initiatorAmountFinal, responderAmountFinal, nonce: own }) }
    }
    case "set_delegates":
      return {
        tx: scene.setDelegates(party, {
          ...about,
          stateHash: op.withPayload ? stateHash : channel.stateHash,
          round: op.withPayload ? round : channel.round,
          responderDelegateIds: [carol.address]
        }),
        state
      }
    case "close_mutual": {
      const [initiatorAmountFinal, rest] = quarter(channel.channelAmount, op.share)
      const fee = 10n ** 15n
      const responderAmountFinal = rest > fee ? rest - fee : rest
      return { tx: scene.closeMutual(party, { initiatorAmountFinal, responderAmountFinal, fee, nonce: own }) }
    }
  }
}

const signersFor = (scene: Scene | undefined, tx: SignedTx.SignedTx): ReadonlyArray<KeyPair> => {
  if (tx.signatures.length === 2 && scene !== undefined) return [scene.initiator, scene.responder]
  const from = "fromId" in tx.tx ? tx.tx.fromId : undefined
  return people.filter(({ address }) => address === from)
}

const submitted = (world: World, op: Submission): World => {
  const what = made(world, op)
  if (what === undefined) return world
  const sceneOf =
    what.scene ?? ("channelId" in what.tx.tx ? world.scenes.get(what.tx.tx.channelId) : undefined)
  const tx = op.paid
    ? payingFor(
        dora,
        op.kind === "spend" ? what.tx : signed(what.tx.tx, signersFor(sceneOf, what.tx), true),
        Ledger.nextNonce(world.ledger, dora.address)
      )
    : what.tx
  const taken = Ledger.submit(world.ledger, tx, native)
  const { scene, state } = what
  const known = {
    ...world,
    scenes: scene === undefined ? world.scenes : new Map(world.scenes).set(scene.id, scene),
    states:
      state === undefined
        ? world.states
        : new Map(world.states).set(Bytes.toHex(Trees.stateHash(state)), state)
  }
  return taken instanceof Ledger.MempoolError
    ? { ...known, refused: [...world.refused, taken.reason] }
    : { ...known, ledger: taken.ledger }
}

/** A channel of alice and bob, so that a life has one from its beginning. */
export const opening: ReadonlyArray<Operation> = [
  {
    kind: "create",
    who: 0,
    other: 1,
    channel: 0,
    amount: 30n * AE,
    share: 4,
    withPayload: false,
    round: 2,
    fault: 0,
    paid: false
  },
  { kind: "key", seconds: 1 }
]

/** The world after one operation. */
export const step = (world: World, op: Operation): World => {
  switch (op.kind) {
    case "micro":
    case "key": {
      const timeMs = world.timeMs + op.seconds * 1_000
      const mine = op.kind === "key" ? Ledger.mineKeyBlock : Ledger.mineMicroBlock
      const { ledger, included } = mine(world.ledger, native, timeMs)
      const failures = Ledger.pending(ledger).flatMap(({ lastFailure }) => lastFailure ?? [])
      return {
        ...world,
        ledger,
        timeMs,
        included: [...world.included, ...included],
        refused: [...world.refused, ...failures]
      }
    }
    case "fund":
      return {
        ...world,
        ledger: Ledger.fund(world.ledger, person(op.who).address, op.amount),
        given: world.given + op.amount
      }
    case "fork": {
      const after = Ledger.fork(world.ledger, op.blocks, { returnTransactions: op.back })
      return after instanceof Ledger.LedgerError ? world : { ...world, ledger: after }
    }
    default:
      return submitted(world, op)
  }
}

export const fold = (world: World, operations: ReadonlyArray<Operation>): World =>
  operations.reduce(step, world)

/** All there is to know about a chain, as text. */
export const printOf = (ledger: Ledger.Ledger): string =>
  JSON.stringify(
    [
      Ledger.accounts(ledger),
      Ledger.channels(ledger),
      Ledger.pending(ledger).map(({ txHash, since, failures, lastFailure }) => [
        txHash,
        since,
        failures,
        lastFailure
      ]),
      [ledger.top.hash, ledger.tip.hash, ledger.tip.stateHash, Ledger.collectedFees(ledger)]
    ],
    (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value)
  )
