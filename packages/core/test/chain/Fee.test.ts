import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Fee from "../../src/chain/Fee.js"
import * as Protocol from "../../src/chain/Protocol.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Transaction from "../../src/chain/Transaction.js"
import { fixture } from "../support/Shared.js"
import { keyPairOf } from "../support/TestCrypto.js"
import { runs } from "./known.js"

interface KnownFee {
  readonly type: string
  readonly version: number
  readonly baseGas: number
  readonly sizeBytesWithFee: number
  readonly feeGas: number
  readonly minFeeAt1e9: string
  readonly minFeeAt1e6: string
  readonly unsignedTx: string
}

interface FixedPoint {
  readonly gasPrice: string
  readonly fee: string
  readonly size: number
}

const known: ReadonlyArray<KnownFee> = fixture("fees").vectors
const fixedPoints: ReadonlyArray<FixedPoint> = fixture("fees").fixedPoint
const read = (text: string) => Transaction.decodeOrThrow(ApiEncoding.decodeOrThrow("tx", text))

const account = keyPairOf("account").address
const spend: Transaction.SpendTx = {
  _tag: "SpendTx",
  version: 1,
  senderId: account,
  recipientId: account,
  amount: 1n,
  fee: 0n,
  ttl: 0,
  nonce: 1n,
  payload: new Uint8Array()
}

describe("fees", () => {
  it("of known transactions", () => {
    for (const row of known) {
      const tx = read(row.unsignedTx)
      expect(Transaction.encode(tx).length).toBe(row.sizeBytesWithFee)
      expect(Fee.gas(tx)).toBe(BigInt(row.feeGas))
      expect(Fee.gas(tx)).toBe(BigInt(row.baseGas + 20 * row.sizeBytesWithFee))
      expect(String(Fee.minimumFee(tx, 10n ** 9n))).toBe(row.minFeeAt1e9)
      expect(String(Fee.minimumFee(tx, 10n ** 6n))).toBe(row.minFeeAt1e6)
      const cheapest = Fee.withMinimumFee(tx, 10n ** 6n)
      expect(String(Transaction.fee(cheapest))).toBe(row.minFeeAt1e6)
      expect(Fee.gas(cheapest) * 10n ** 6n).toBe(Transaction.fee(cheapest))
    }
    console.log(
      `fees.json: ${known.length} transactions at two gas prices, ${fixedPoints.length} fixed points`
    )
    expect(known.length).toBe(14)
  })

  it("fixed points of one transaction over nine orders of magnitude", () => {
    // The only transaction of the known ones that gives these sizes at every price.
    const tx = read((known[0] as KnownFee).unsignedTx)
    for (const row of fixedPoints) {
      const cheapest = Fee.withMinimumFee(tx, BigInt(row.gasPrice))
      expect(Transaction.encode(cheapest).length).toBe(row.size)
      expect(String(Transaction.fee(cheapest))).toBe(row.fee)
    }
    expect(fixedPoints.length).toBe(5)
  })

  it("is the lowest fee that pays for itself", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.bigInt({ min: 1n, max: 10n ** 15n }),
        FastCheck.uint8Array({ maxLength: 300 }),
        (gasPrice, payload) => {
          const tx: Transaction.SpendTx = { ...spend, payload }
          const fee = Fee.minimumFee(tx, gasPrice)
          const pays = (candidate: bigint) => Fee.gas({ ...tx, fee: candidate }) * gasPrice <= candidate
          expect(pays(fee)).toBe(true)
          expect(pays(fee - 1n)).toBe(false)
        }
      ),
      runs(200)
    )
  })

  it("base gas by kind, protocol and ABI", () => {
    const size = (tx: Transaction.Transaction) => BigInt(20 * Transaction.encode(tx).length)
    const base = (tx: Transaction.Transaction, protocol?: number) => Fee.gas(tx, protocol) - size(tx)
    const force = read((known.find((row) => row.type === "channel_force_progress_tx") as KnownFee).unsignedTx)
    expect(Protocol.all.map((protocol) => base(force, protocol))).toEqual([
      15000n,
      15000n,
      450000n,
      450000n,
      450000n,
      450000n
    ])
    const call = (abiVersion: number): Transaction.ContractCallTx => ({
      _tag: "ContractCallTx",
      version: 1,
      callerId: account,
      nonce: 1n,
      contractId: ApiEncoding.encode("ct", new Uint8Array(32)),
      abiVersion,
      fee: 1n,
      ttl: 0,
      amount: 0n,
      gas: 1n,
      gasPrice: 1n,
      callData: new Uint8Array()
    })
    expect([base(call(3)), base(call(1))]).toEqual([180000n, 450000n])
    expect(base(spend)).toBe(15000n)
  })

  it("of a wrapper counts what it adds, from Iris on", () => {
    const inner = SignedTx.unsigned(spend)
    const outer: Transaction.PayingForTx = {
      _tag: "PayingForTx",
      version: 1,
      payerId: account,
      nonce: 1n,
      fee: 1n,
      tx: SignedTx.encode(inner)
    }
    const added = Transaction.encode(outer).length - inner.txBytes.length
    expect(Fee.gas(outer)).toBe(BigInt(3000 + 20 * added))
    const meta = SignedTx.wrapMeta(
      inner,
      { gaId: account, authData: new Uint8Array(), abiVersion: 3, fee: 1n, gas: 1n, gasPrice: 1n },
      Protocol.lima
    )
    expect(Fee.gas(meta.tx, Protocol.lima)).toBe(BigInt(75000 + 20 * meta.txBytes.length))
    expect(Fee.gas(meta.tx, Protocol.iris)).toBe(
      BigInt(75000 + 20 * (meta.txBytes.length - inner.txBytes.length))
    )
  })

  it("off-chain transactions cost nothing and keep their value", () => {
    const tx: Transaction.ChannelOffchainTx = {
      _tag: "ChannelOffchainTx",
      version: 2,
      channelId: ApiEncoding.encode("ch", new Uint8Array(32)),
      round: 1,
      stateHash: new Uint8Array(32)
    }
    expect(Fee.gas(tx)).toBe(0n)
    expect(Fee.withMinimumFee(tx, 5n)).toBe(tx)
    expect(Protocol.all.map(Fee.consensusGasPrice)).toEqual([
      1n,
      10n ** 6n,
      10n ** 6n,
      10n ** 6n,
      10n ** 6n,
      10n ** 6n
    ])
  })
})

describe("the split of a mutual close", () => {
  const split = (initiatorBalance: bigint, responderBalance: bigint, fee: bigint) => {
    const result = Fee.closeMutualSplit({ initiatorBalance, responderBalance, fee })
    return result instanceof Fee.InsufficientBalance
      ? "insufficient_balance"
      : [result.initiatorAmountFinal, result.responderAmountFinal]
  }

  it.each([
    [10n, 10n, 4n, [8n, 8n]],
    [10n, 10n, 5n, [7n, 8n]],
    [2n, 10n, 5n, [0n, 7n]],
    [3n, 2n, 5n, [0n, 0n]],
    [2n, 3n, 5n, [0n, 0n]],
    [1n, 10n, 5n, [0n, 6n]],
    [10n, 1n, 5n, [6n, 0n]],
    [0n, 5n, 5n, [0n, 0n]],
    [2n, 2n, 5n, "insufficient_balance"],
    [0n, 0n, 0n, [0n, 0n]]
  ] as const)("%s and %s with a fee of %s: %s", (initiator, responder, fee, expected) => {
    expect(split(initiator, responder, fee)).toEqual(expected)
  })

  it("takes the fee and nothing else, and leaves nobody below zero", () => {
    const amount = FastCheck.bigInt({ min: 0n, max: 50n })
    FastCheck.assert(
      FastCheck.property(amount, amount, amount, (a, b, fee) => {
        const result = split(a, b, fee)
        expect(result === "insufficient_balance").toBe(a + b < fee)
        if (result === "insufficient_balance") return
        const [left = -1n, right = -1n] = result as ReadonlyArray<bigint>
        expect(left + right).toBe(a + b - fee)
        expect(left >= 0n && right >= 0n && left <= a && right <= b).toBe(true)
      }),
      runs(2000)
    )
  })
})
