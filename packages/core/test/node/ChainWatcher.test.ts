import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Fee from "../../src/chain/Fee.js"
import * as Ids from "../../src/chain/Ids.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type * as Transaction from "../../src/chain/Transaction.js"
import type { KeyPair } from "../../src/crypto/KeyPair.js"
import type { ChannelId, TxHash } from "../../src/encoding/ApiEncoding.js"
import * as ChainWatcher from "../../src/node/ChainWatcher.js"
import * as ChainState from "../../src/node/internal/ledger/ChainState.js"
import * as Ledger from "../../src/node/Ledger.js"
import { keyPairOf, native } from "../support/TestCrypto.js"

const networkId = "ae_dev"
const AE = 10n ** 18n
const alice = keyPairOf("alice")
const bob = keyPairOf("bob")

const both = <T extends Transaction.Transaction>(tx: T): SignedTx.SignedTx =>
  [alice, bob].reduce(
    (each, key: KeyPair) => SignedTx.sign(each, key, { networkId, crypto: native }),
    SignedTx.unsigned(Fee.withMinimumFee(tx, Fee.defaultMinerGasPrice))
  )

const create = (nonce: bigint): SignedTx.SignedTx =>
  both<Extract<Transaction.ChannelCreateTx, { version: 2 }>>({
    _tag: "ChannelCreateTx",
    version: 2,
    initiatorId: alice.address,
    responderId: bob.address,
    initiatorAmount: 3n * AE,
    responderAmount: 2n * AE,
    channelReserve: 0n,
    lockPeriod: 10,
    ttl: 0,
    fee: 0n,
    initiatorDelegateIds: [],
    responderDelegateIds: [],
    stateHash: new Uint8Array(32).fill(7),
    nonce
  })

const close = (channelId: ChannelId, nonce: bigint): SignedTx.SignedTx =>
  both<Transaction.ChannelCloseMutualTx>({
    _tag: "ChannelCloseMutualTx",
    version: 1,
    channelId,
    fromId: alice.address,
    initiatorAmountFinal: AE,
    responderAmountFinal: AE,
    ttl: 0,
    fee: 0n,
    nonce
  })

const opening = create(1n)
const channelId = Ids.channelIdOf(opening) ?? Ids.channelId(alice.address, 1n, bob.address)
const closing = close(channelId, 2n)

const chain = (): Ledger.Ledger =>
  Ledger.make({ networkId, accounts: [alice, bob].map(({ address }) => ({ address, balance: 100n * AE })) })

const submit = (ledger: Ledger.Ledger, tx: SignedTx.SignedTx): Ledger.Ledger => {
  const taken = Ledger.submit(ledger, tx, native)
  if (taken instanceof Ledger.MempoolError) throw taken
  return taken.ledger
}

/** The chain and its watcher together, with what was told, as short texts. */
class Scene {
  ledger = chain()
  watcher = ChainWatcher.empty
  watch(machineId: string, id: ChannelId = channelId, known?: TxHash): void {
    const options = known === undefined ? undefined : { known }
    this.watcher = ChainWatcher.watchChannel(this.watcher, machineId, id, options)
  }
  depth(machineId: string, tx: SignedTx.SignedTx, depth: number): void {
    this.watcher = ChainWatcher.watchDepth(this.watcher, machineId, SignedTx.hash(tx), depth)
  }
  unwatch(machineId: string): void {
    this.watcher = ChainWatcher.unwatch(this.watcher, machineId)
  }
  submit(tx: SignedTx.SignedTx): void {
    this.ledger = submit(this.ledger, tx)
  }
  look(included: ReadonlyArray<Ledger.MinedTransaction> = []): ReadonlyArray<string> {
    const { watcher, events } = ChainWatcher.advance(this.watcher, this.ledger, included)
    this.watcher = watcher
    return events.map(({ machineId, event }) => {
      const about =
        event._tag === "MinimumDepthReached" ? event.txHash : "tx" in event ? SignedTx.hash(event.tx) : ""
      const name =
        about === SignedTx.hash(opening) ? " open" : about === SignedTx.hash(closing) ? " close" : ` ${about}`
      return `${machineId} ${event._tag}${name}`
    })
  }
  micro(): ReadonlyArray<string> {
    const mined = Ledger.mineMicroBlock(this.ledger, native)
    this.ledger = mined.ledger
    return this.look(mined.included)
  }
  key(): ReadonlyArray<string> {
    const mined = Ledger.mineKeyBlock(this.ledger, native)
    this.ledger = mined.ledger
    return this.look(mined.included)
  }
  /** Pretends that a transaction changed the channel: the kinds that do are not supported by the chain. */
  change(
    tx: SignedTx.SignedTx,
    changes: { readonly lockedUntil?: number; readonly round?: number }
  ): ReadonlyArray<string> {
    const channel = Ledger.channel(this.ledger, channelId)
    if (channel === undefined) throw new Error("no channel")
    const mined = { signedTx: tx, txHash: SignedTx.hash(tx), blockHash: this.ledger.top.hash, height: 1 }
    const { ledger } = this
    this.ledger = Ledger.recorded(
      { ...ledger, state: ChainState.setChannel(ledger.state, channelId, { ...channel, ...changes }) },
      mined
    )
    return this.look([mined])
  }
}

describe("ChainWatcher", () => {
  it("a channel's life: changed, then closed, to each watcher once, in the order of registration", () => {
    const scene = new Scene()
    scene.watch("responder")
    scene.watch("initiator")
    expect(scene.look()).toEqual([])
    scene.submit(opening)
    expect(scene.micro()).toEqual(["responder ChannelChanged open", "initiator ChannelChanged open"])
    expect([scene.look(), scene.key(), scene.key()]).toEqual([[], [], []])
    scene.submit(closing)
    expect(scene.micro()).toEqual(["responder ChannelClosed close", "initiator ChannelClosed close"])
    expect([scene.look(), scene.key()]).toEqual([[], []])
  })

  it("the event carries the transaction and the channel as it is", () => {
    const { ledger, included } = Ledger.mineMicroBlock(submit(chain(), opening), native)
    const watching = ChainWatcher.watchChannel(ChainWatcher.empty, "a", channelId)
    expect(ChainWatcher.advance(watching, ledger, included).events).toEqual([
      {
        machineId: "a",
        event: {
          _tag: "ChannelChanged",
          tx: included[0]?.signedTx,
          channel: Ledger.channel(ledger, channelId)
        }
      }
    ])
  })

  it("the same look again tells nothing: one report of a transaction for each machine", () => {
    const scene = new Scene()
    scene.watch("a")
    scene.submit(opening)
    const mined = Ledger.mineMicroBlock(scene.ledger, native)
    scene.ledger = mined.ledger
    expect(scene.look(mined.included)).toHaveLength(1)
    expect(scene.look(mined.included)).toEqual([])
    scene.watch("a")
    expect(scene.look(mined.included)).toEqual([])
  })

  it("a watch on a channel that is there, or is over, is told at the next look; what is known is no news", () => {
    const scene = new Scene()
    scene.submit(opening)
    scene.micro()
    scene.watch("late")
    scene.watch("back", channelId, SignedTx.hash(opening))
    expect(scene.look()).toEqual(["late ChannelChanged open"])
    expect(scene.look()).toEqual([])
    scene.submit(closing)
    expect(scene.micro()).toEqual(["late ChannelClosed close", "back ChannelClosed close"])
    scene.watch("too late")
    expect(scene.look()).toEqual(["too late ChannelClosed close"])
  })

  it("closing while locked; changes of nothing are no news; a slash is told again", () => {
    const scene = new Scene()
    scene.watch("a")
    scene.submit(opening)
    scene.micro()
    const others = [2n, 3n, 4n, 5n].map((nonce) => close(channelId, nonce))
    const [one, two, three, four] = others
    if (one === undefined || two === undefined || three === undefined || four === undefined)
      throw new Error("four")
    const name = (tx: SignedTx.SignedTx): string => (tx === one ? "close" : SignedTx.hash(tx))
    expect(scene.change(one, { round: 2 })).toEqual([`a ChannelChanged ${name(one)}`])
    expect(scene.change(two, {})).toEqual([])
    expect(scene.change(three, { lockedUntil: 11 })).toEqual([`a ChannelClosing ${name(three)}`])
    expect(scene.change(four, { lockedUntil: 12, round: 5 })).toEqual([`a ChannelClosing ${name(four)}`])
  })

  it.each([
    [0, 0],
    [1, 1],
    [3, 3]
  ])("depth %i is reached %i key blocks after the block of the transaction", (depth, blocks) => {
    const scene = new Scene()
    scene.key()
    scene.depth("a", opening, depth)
    expect(scene.look()).toEqual([])
    scene.submit(opening)
    expect(scene.look()).toEqual([])
    const told = [scene.micro(), ...Array.from({ length: 5 }, () => scene.key())]
    expect(told.findIndex((each) => each.length > 0)).toBe(blocks)
    expect(told.flat()).toEqual(["a MinimumDepthReached open"])
  })

  it("a watch on a transaction that is deep enough is told at the next look, once", () => {
    const scene = new Scene()
    scene.submit(opening)
    scene.key()
    scene.key()
    scene.depth("a", opening, 2)
    scene.depth("b", opening, 3)
    expect(scene.look()).toEqual(["a MinimumDepthReached open"])
    expect(scene.look()).toEqual([])
    expect(scene.key()).toEqual(["b MinimumDepthReached open"])
    expect(scene.key()).toEqual([])
  })

  it("a second watch on a waiting transaction replaces the first; machines and transactions do not mix", () => {
    const scene = new Scene()
    scene.depth("a", opening, 1)
    scene.depth("b", opening, 1)
    scene.depth("a", closing, 1)
    scene.depth("a", opening, 2)
    scene.submit(opening)
    expect([scene.key(), scene.key(), scene.key()]).toEqual([
      ["b MinimumDepthReached open"],
      ["a MinimumDepthReached open"],
      []
    ])
  })

  it("in one block: first all events of channels, then all depths, each in the order of registration", () => {
    const scene = new Scene()
    scene.depth("b", opening, 0)
    scene.watch("b")
    scene.depth("a", opening, 0)
    scene.watch("a")
    scene.submit(opening)
    expect(scene.micro()).toEqual([
      "b ChannelChanged open",
      "a ChannelChanged open",
      "b MinimumDepthReached open",
      "a MinimumDepthReached open"
    ])
  })

  it("one block with opening and closing: the end is told, not the beginning", () => {
    const scene = new Scene()
    scene.watch("a")
    scene.submit(opening)
    const opened = Ledger.mineMicroBlock(scene.ledger, native)
    scene.ledger = submit(opened.ledger, closing)
    const closed = Ledger.mineMicroBlock(scene.ledger, native)
    scene.ledger = closed.ledger
    expect(scene.look([...opened.included, ...closed.included])).toEqual(["a ChannelClosed close"])
  })

  it("who stops watching is told nothing any more, the others are", () => {
    const scene = new Scene()
    for (const id of ["a", "b"]) {
      scene.watch(id)
      scene.depth(id, opening, 1)
    }
    scene.unwatch("a")
    scene.submit(opening)
    expect([scene.micro(), scene.key()]).toEqual([["b ChannelChanged open"], ["b MinimumDepthReached open"]])
    scene.unwatch("b")
    scene.submit(closing)
    expect(scene.key()).toEqual([])
    expect(ChainWatcher.unwatch(scene.watcher, "nobody").registrations).toBe(4)
  })

  it("transactions of other channels are nobody's news", () => {
    const scene = new Scene()
    scene.watch("a")
    scene.watch("other", Ids.channelId(alice.address, 2n, bob.address))
    scene.submit(opening)
    expect(scene.key()).toEqual(["a ChannelChanged open"])
    scene.submit(create(2n))
    expect(scene.key().map((each) => each.slice(0, 20))).toEqual(["other ChannelChanged"])
  })

  it("a watcher is a value: an old one, asked again, answers as before", () => {
    const before = ChainWatcher.watchDepth(
      ChainWatcher.watchChannel(ChainWatcher.empty, "a", channelId),
      "a",
      SignedTx.hash(opening),
      0
    )
    const { ledger, included } = Ledger.mineMicroBlock(submit(chain(), opening), native)
    const first = ChainWatcher.advance(before, ledger, included)
    expect(first.events).toHaveLength(2)
    expect(ChainWatcher.advance(before, ledger, included).events).toEqual(first.events)
    expect(ChainWatcher.advance(first.watcher, ledger, included).events).toEqual([])
    expect(ChainWatcher.advance(ChainWatcher.empty, ledger, included).events).toEqual([])
  })

  it.prop(
    "whenever a machine begins to watch, it learns of the opening and of the depth exactly once",
    [
      FastCheck.array(FastCheck.constantFrom("watch", "depth", "micro", "key", "submit"), { maxLength: 12 }),
      FastCheck.nat({ max: 3 })
    ],
    ([steps, depth]) => {
      const scene = new Scene()
      const told: Array<string> = []
      let submitted = false
      for (const step of [...new Set(steps), ...steps.filter((each) => each === "micro" || each === "key")]) {
        if (step === "watch") scene.watch("a")
        else if (step === "depth") scene.depth("a", opening, depth)
        else if (step === "micro") told.push(...scene.micro())
        else if (step === "key") told.push(...scene.key())
        else {
          submitted = true
          scene.submit(opening)
        }
      }
      for (let i = 0; i < 5; i++) told.push(...scene.key())
      const expected = [
        ...(submitted && steps.includes("watch") ? ["a ChannelChanged open"] : []),
        ...(submitted && steps.includes("depth") ? ["a MinimumDepthReached open"] : [])
      ]
      expect(told.sort()).toEqual(expected)
    },
    { fastCheck: { numRuns: 200 } }
  )
})
