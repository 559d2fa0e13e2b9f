import { describe, expect, it } from "@effect/vitest"
import { FastCheck, Redacted } from "effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Transaction from "../../src/chain/Transaction.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import { DecodeError } from "../../src/encoding/DecodeError.js"
import * as StateCache from "../../src/node/StateCache.js"
import type { OpenParameters } from "../../src/protocol/OpenParameters.js"
import * as Trees from "../../src/state/Trees.js"
import * as Trie from "../../src/state/Trie.js"
import { coin, initiator, parameters, responder } from "../support/NodeUnderTest.js"

const id = (n: number) => Redacted.make(ApiEncoding.encode("ba", new Uint8Array(32).fill(n)))
const nonce = new Uint8Array(24).fill(5)

const everything: OpenParameters = {
  ...parameters("initiator"),
  initiatorId: initiator.address,
  initiatorAmount: 2n ** 70n,
  minimumDepth: 4,
  minimumDepthStrategy: "plain",
  ttl: 9,
  fee: 2n ** 65n,
  gasPrice: 7n,
  nonce: 8n,
  msgForwarding: true,
  keepRunning: false,
  logKeep: 11,
  slogan: "“hello”",
  timeouts: { idle: 1000, awaiting_open: 5 },
  reports: { info: true, min_depth: false },
  blockHashDelta: { notOlderThan: 10, notNewerThan: 1, pick: 2 }
}

const tx = (round: number) =>
  SignedTx.addSignature(
    SignedTx.unsigned(
      Transaction.decodeOrThrow(
        Transaction.encode({
          _tag: "ChannelOffchainTx",
          version: 2,
          channelId: ApiEncoding.encode("ch", new Uint8Array(32).fill(1)),
          round,
          stateHash: new Uint8Array(32)
        })
      )
    ),
    new Uint8Array(64).fill(round)
  )

const cached: StateCache.CachedChannel = {
  channelId: ApiEncoding.encode("ch", new Uint8Array(32).fill(1)),
  role: "initiator",
  ownAddress: initiator.address,
  parameters: everything,
  trees: Trees.initial({
    initiatorId: initiator.address,
    responderId: responder.address,
    initiatorAmount: 3n * coin,
    responderAmount: coin,
    pushAmount: 0n
  }),
  calls: Trie.put(Trie.empty, Uint8Array.of(1), Uint8Array.of(2)),
  round: 300,
  signedTx: tx(300 % 256),
  halfSignedTx: tx(45),
  lastChannelChange: ApiEncoding.encode("th", new Uint8Array(32).fill(3))
}

const same = (a: StateCache.CachedChannel, b: StateCache.CachedChannel): void => {
  expect(StateCache.encode(a)).toEqual(StateCache.encode(b))
  expect({ ...a, trees: 0, calls: 0, signedTx: 0, halfSignedTx: 0 }).toEqual({
    ...b,
    trees: 0,
    calls: 0,
    signedTx: 0,
    halfSignedTx: 0
  })
  expect(Trees.stateHash(a.trees)).toEqual(Trees.stateHash(b.trees))
}

describe("StateCache", () => {
  it("a channel comes out of its bytes as it went in", () => {
    same(StateCache.decodeOrThrow(StateCache.encode(cached)), cached)
    const bare = {
      ...cached,
      role: "responder" as const,
      parameters: { ...parameters("responder"), initiatorId: initiator.address },
      halfSignedTx: undefined,
      lastChannelChange: undefined
    }
    same(StateCache.decodeOrThrow(StateCache.encode(bare)), bare)
  })

  it("only its id opens what is sealed, and a changed byte closes it", () => {
    const sealed = StateCache.seal(cached, id(1), nonce)
    const opened = StateCache.unseal(sealed, id(1))
    if (opened instanceof StateCache.WrongFsmIdError || opened instanceof DecodeError) throw opened
    same(opened, cached)
    expect(StateCache.unseal(sealed, id(2))).toBeInstanceOf(StateCache.WrongFsmIdError)
    FastCheck.assert(
      FastCheck.property(
        FastCheck.nat(sealed.length - 1),
        FastCheck.integer({ min: 1, max: 255 }),
        (at, by) => {
          const changed = sealed.slice()
          changed[at] = (changed[at] ?? 0) ^ by
          expect(StateCache.unseal(changed, id(1))).toBeInstanceOf(StateCache.WrongFsmIdError)
        }
      ),
      { seed: 1 }
    )
    for (const length of [0, 1, 23, 24, 39, 40, sealed.length - 1])
      expect(StateCache.unseal(sealed.subarray(0, length), id(1))).toBeInstanceOf(StateCache.WrongFsmIdError)
  })

  it("bytes that are no channel are refused with a DecodeError", () => {
    const bytes = StateCache.encode(cached)
    FastCheck.assert(
      FastCheck.property(
        FastCheck.nat(bytes.length - 1),
        FastCheck.integer({ min: 1, max: 255 }),
        (at, by) => {
          const changed = bytes.slice()
          changed[at] = (changed[at] ?? 0) ^ by
          try {
            StateCache.decodeOrThrow(changed)
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError)
          }
        }
      ),
      { seed: 1, numRuns: 1000 }
    )
  })
})
