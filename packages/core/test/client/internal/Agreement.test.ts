/** Who has authenticated a transaction: keys by signatures, contracts by meta transactions. */
import { describe, expect, it } from "@effect/vitest"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import type * as Transaction from "../../../src/chain/Transaction.js"
import type { Verdict } from "../../../src/client/internal/agreement.js"
import type { Context } from "../../../src/client/internal/checks.js"
import { isAuthentic, isCoSigned, isSignedAsAsked } from "../../../src/client/internal/coSigned.js"
import type { ClientConfig } from "../../../src/client/internal/model.js"
import type { KeyPair } from "../../../src/crypto/KeyPair.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import * as RequestIds from "../../../src/client/RequestIds.js"
import { keyPairOf, native } from "../../support/TestCrypto.js"

const networkId = "ae_dev"
const [me, peer, stranger] = [keyPairOf("me"), keyPairOf("peer"), keyPairOf("stranger")]
const channelId = ApiEncoding.encode("ch", new Uint8Array(32).fill(1))

const offChain = (round: number): Transaction.Transaction => ({
  _tag: "ChannelOffchainTx",
  version: 2,
  channelId,
  round,
  stateHash: new Uint8Array(32)
})
const deposit: Transaction.Transaction = {
  _tag: "ChannelDepositTx",
  version: 1,
  channelId,
  fromId: me.address,
  amount: 1n,
  ttl: 0,
  fee: 1n,
  stateHash: new Uint8Array(32),
  round: 2,
  nonce: 0n
}

type Step = (signed: SignedTx.SignedTx) => SignedTx.SignedTx
const by =
  (key: KeyPair): Step =>
  (signed) =>
    SignedTx.sign(signed, key, { networkId, crypto: native })
const layer = ({ address }: Pick<KeyPair, "address">, data = 1, fee = 1n) => ({
  gaId: address,
  authData: Uint8Array.of(data),
  abiVersion: 3,
  fee,
  gas: 1n,
  gasPrice: 1n
})
const within =
  ({ address }: KeyPair, data = 1, fee = 1n): Step =>
  (signed) =>
    SignedTx.wrapMeta(signed, layer({ address }, data, fee))
/** In the layout of layers from before Iris. */
const withinOld =
  (key: KeyPair): Step =>
  (signed) =>
    SignedTx.wrapMeta(signed, { ...layer(key), fee: 1n }, 4)
/** Signed on the outside, which no meta transaction is. */
const signedOutside: Step = (signed) => ({ ...signed, signatures: [new Uint8Array(64)] })
const made = (tx: Transaction.Transaction, ...steps: ReadonlyArray<Step>) =>
  steps.reduce((signed, step) => step(signed), SignedTx.unsigned(tx))
const round2 = (...steps: ReadonlyArray<Step>) => made(offChain(2), ...steps)

interface Facts {
  /** Of us and the peer: who is generalized, as the latest state shows it. */
  readonly generalized: ReadonlyArray<KeyPair>
  readonly latest?: SignedTx.SignedTx
  /** Who was generalized when the channel was created, where that is known. */
  readonly atFirst?: ReadonlyArray<ApiEncoding.AccountAddress>
  readonly verdict?: Verdict
}

const contextOf = (
  { atFirst, generalized, latest, verdict }: Facts,
  signedTx: SignedTx.SignedTx
): Context => {
  const config: ClientConfig = {
    role: "initiator",
    own: me.address,
    peer: peer.address,
    terms: {
      initiatorId: me.address,
      responderId: peer.address,
      initiatorAmount: 1n,
      responderAmount: 1n,
      pushAmount: 0n,
      channelReserve: 0n,
      lockPeriod: 1
    },
    parameters: {
      role: "initiator",
      port: 1,
      initiatorId: me.address,
      responderId: peer.address,
      initiatorAmount: 1n,
      responderAmount: 1n,
      pushAmount: 0n,
      channelReserve: 0n,
      lockPeriod: 1
    },
    networkId,
    protocol: 6,
    maximumFee: undefined,
    requestIds: RequestIds.asDocumented,
    firstRequestId: 1n,
    requestTimeout: 1,
    chainTimeout: 1,
    autoSlash: true,
    reconnects: false,
    generalized: generalized.includes(me)
  }
  const before = [me, peer].map((key) => (generalized.includes(key) ? within(key, 9) : by(key)))
  return {
    config,
    crypto: native,
    operation: "test",
    channelId,
    generalized: atFirst,
    latest: latest ?? made(offChain(1), ...before),
    verdicts: new Map(verdict === undefined ? [] : [[SignedTx.hash(signedTx), verdict]])
  }
}

type Row = readonly [
  name: string,
  signedTx: SignedTx.SignedTx,
  expected: boolean,
  facts?: Partial<Facts>,
  sent?: SignedTx.SignedTx
]

const check = (generalized: ReadonlyArray<KeyPair>, rows: ReadonlyArray<Row>): void => {
  for (const [name, signedTx, expected, facts = {}, sent = undefined] of rows)
    it(name, () => {
      expect(isCoSigned(contextOf({ generalized, ...facts }, signedTx), signedTx, sent)).toBe(expected)
    })
}

describe("co-signed with a plain peer", () => {
  check(
    [],
    [
      ["by both", round2(by(me), by(peer)), true],
      ["by one", round2(by(me)), false],
      ["by the peer's contract, which it has not", round2(by(me), within(peer)), false, { verdict: true }],
      ["by our contract, which we have not", round2(by(peer), within(me)), false, { verdict: true }]
    ]
  )
})

describe("co-signed with a generalized peer", () => {
  const whole = round2(by(me), within(peer))
  check(
    [peer],
    [
      ["its contract agrees", whole, true, { verdict: true }],
      ["its contract does not agree", whole, false, { verdict: false }],
      ["nobody could ask its contract", whole, false, { verdict: { unknown: "why" } }],
      ["nobody asked its contract", whole, false],
      ["in a layout that the chain does not take", round2(by(me), withinOld(peer)), false, { verdict: true }],
      ["it was asked before we signed", whole, true, {}, whole],
      ["what was asked is inside", whole, true, {}, round2(within(peer))],
      ["something else was asked", whole, false, {}, round2(by(me), within(peer, 2))],
      ["the same at another price", whole, false, {}, round2(by(me), within(peer, 1, 2n))],
      ["it is about something else", whole, false, { verdict: true }, made(offChain(3), by(me))],
      ["a plain signature of the peer", round2(by(me), by(peer)), false, { verdict: true }],
      ["a stranger's contract", round2(by(me), within(stranger)), false, { verdict: true }],
      ["a stranger's contract too", round2(by(me), within(peer), within(stranger)), false, { verdict: true }],
      ["its contract twice", round2(by(me), within(peer), within(peer, 2)), false, { verdict: true }],
      ["its contract and its key", round2(by(me), by(peer), within(peer)), false, { verdict: true }],
      ["without us", round2(within(peer)), false, { verdict: true }],
      ["signed on the outside", signedOutside(whole), false, { verdict: true }],
      ["on chain it may be generalized since", made(deposit, by(me), within(peer)), true, { verdict: true }],
      [
        "who became generalized later goes on signing plainly off chain",
        round2(by(me), by(peer)),
        true,
        { latest: made(deposit, by(me), within(peer)) }
      ],
      [
        "who was it from the beginning does not, also after a deposit",
        round2(by(me), by(peer)),
        false,
        { latest: made(deposit, by(me), within(peer)), atFirst: [peer.address] }
      ],
      [
        "nor the other way round",
        whole,
        false,
        { latest: made(deposit, by(me), within(peer)), atFirst: [], verdict: true }
      ]
    ]
  )
})

describe("co-signed by us, who are generalized", () => {
  const sent = round2(within(me))
  check(
    [me],
    [
      ["what we sent, and the peer", round2(by(peer), within(me)), true, {}, sent],
      ["our layer in another layout", round2(by(peer), withinOld(me)), false, {}, sent],
      ["with other data than ours", round2(by(peer), within(me, 2)), false, {}, sent],
      [
        "with other data, to which our contract agrees",
        round2(by(peer), within(me, 2)),
        true,
        { verdict: true }
      ],
      ["by our key", round2(by(peer), by(me)), false, {}, sent]
    ]
  )
})

describe("co-signed by two who are generalized", () => {
  const sent = round2(within(me))
  check(
    [me, peer],
    [
      ["both contracts agree", round2(within(me), within(peer)), true, { verdict: true }, sent],
      ["nobody asked the peer's", round2(within(me), within(peer)), false, {}, sent],
      [
        "ours is around the peer's",
        round2(within(peer), within(me)),
        true,
        {},
        round2(within(peer), within(me))
      ]
    ]
  )
})

describe("what the signer gives back", () => {
  const rows: ReadonlyArray<
    readonly [string, ReadonlyArray<KeyPair>, SignedTx.SignedTx, SignedTx.SignedTx, boolean]
  > = [
    ["our signature", [], round2(), round2(by(me)), true],
    [
      "our signature inside the peer's contract",
      [peer],
      round2(within(peer)),
      round2(by(me), within(peer)),
      true
    ],
    ["the peer's contract is gone", [peer], round2(within(peer)), round2(by(me)), false],
    [
      "the peer's contract has other data",
      [peer],
      round2(within(peer)),
      round2(by(me), within(peer, 2)),
      false
    ],
    ["our contract", [me], round2(), round2(within(me)), true],
    [
      "our contract around the peer's",
      [me, peer],
      round2(within(peer)),
      round2(within(peer), within(me)),
      true
    ],
    [
      "our contract inside the peer's",
      [me, peer],
      round2(within(peer)),
      round2(within(me), within(peer)),
      false
    ],
    ["our contract around the peer's signature", [me], round2(by(peer)), round2(by(peer), within(me)), true],
    ["our key instead of our contract", [me], round2(), round2(by(me)), false],
    ["our contract instead of our key", [], round2(), round2(within(me)), false],
    ["a stranger's contract", [me], round2(), round2(within(stranger)), false],
    ["another transaction", [me], round2(), made(offChain(3), within(me)), false],
    ["nothing", [me], round2(), round2(), false]
  ]
  it.each(rows)("%s", (_, generalized, asked, signedTx, expected) => {
    expect(isSignedAsAsked(contextOf({ generalized }, signedTx), asked, signedTx)).toBe(expected)
  })
})

describe("what one party had the chain make", () => {
  const forced = (fromId: ApiEncoding.AccountAddress): Transaction.Transaction => ({
    _tag: "ChannelForceProgressTx",
    version: 1,
    channelId,
    fromId,
    payload: new Uint8Array(0),
    round: 2,
    update: new Uint8Array(0),
    stateHash: new Uint8Array(32),
    offchainTrees: new Uint8Array(0),
    ttl: 0,
    fee: 1n,
    nonce: 0n
  })
  const [mine, theirs] = [forced(me.address), forced(peer.address)]
  const ours = made(mine, within(me))
  const rows: ReadonlyArray<Row> = [
    [
      "the peer, where the chain could not be asked",
      made(theirs, within(peer)),
      true,
      { verdict: { unknown: "why" } }
    ],
    ["the peer, where nobody has asked, or nobody knows any more", made(theirs, within(peer)), false],
    ["the peer, where its contract does not agree", made(theirs, within(peer)), false, { verdict: false }],
    ["the peer, in a stranger's name", made(theirs, within(stranger)), false],
    ["we, as we sent it", ours, true, {}, ours],
    ["we, who never did", ours, false],
    ["we, and the chain says so", ours, true, { verdict: true }],
    ["we, by a contract that we have not", ours, false, { verdict: true, generalized: [] }]
  ]
  for (const [name, signedTx, expected, facts = {}, sent = undefined] of rows)
    it(name, () => {
      const context = contextOf({ generalized: [me, peer], ...facts }, signedTx)
      expect(isAuthentic(context, signedTx, sent)).toBe(expected)
    })
})
