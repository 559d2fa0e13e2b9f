/**
 * Transactions of every kind, signed transactions and the objects of the chain.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as FastCheck from "effect/FastCheck"
import * as Account from "../../src/chain/Account.js"
import * as CallObject from "../../src/chain/CallObject.js"
import * as ChannelObject from "../../src/chain/ChannelObject.js"
import * as CodeObject from "../../src/chain/CodeObject.js"
import * as ContractObject from "../../src/chain/ContractObject.js"
import * as Fee from "../../src/chain/Fee.js"
import * as Ids from "../../src/chain/Ids.js"
import * as Protocol from "../../src/chain/Protocol.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Transaction from "../../src/chain/Transaction.js"
import * as Crypto from "../../src/crypto/Crypto.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as Json from "../../src/encoding/Json.js"
import type { Corpus } from "../Corpus.js"
import * as MutateBytes from "../MutateBytes.js"
import * as MutateText from "../MutateText.js"
import { ofBytes, ofText, promise, read, type Target } from "../Target.js"

type Row = (typeof Transaction.rows)[number]

/** A few random transactions of a kind, for the kinds that no known answer shows. */
const samples = (row: Row, wrapped: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> =>
  FastCheck.sample(Arbitrary.make(Transaction.schemaOf(row)), { seed: row.tag, numRuns: 4 }).map(
    (tx, index) => {
      const inner = wrapped[index % wrapped.length]
      // Random bytes are never a signed transaction.
      if (inner === undefined || (tx._tag !== "GaMetaTx" && tx._tag !== "PayingForTx"))
        return Transaction.encode(tx)
      return Transaction.encode({ ...tx, tx: inner })
    }
  )

/** What everybody does with a transaction must go well with each that can be read. */
const use = (tx: Transaction.Transaction): void => {
  Json.stringify(Transaction.toClientForm(tx))
  Transaction.typeName(tx)
  Transaction.origin(tx)
  Transaction.nonce(tx)
  Transaction.fee(tx)
  Transaction.ttl(tx)
  Transaction.signers(tx)
  for (const protocol of Protocol.all) Transaction.validAtProtocol(tx, protocol)
  promise(Fee.minimumFee(tx, 1n) >= 0n, "the minimum fee is negative")
}

const transaction = (row: Row, corpus: Corpus): Target =>
  ofBytes(`tx/${row.name}.${row.version}`, {
    seeds: [...corpus.objects(row.tag, row.version), ...samples(row, corpus.objects(11))],
    mutate: MutateBytes.object,
    check: (input) => {
      const tx = read(() => Transaction.decodeOrThrow(input))
      if (tx === undefined) return false
      promise(Bytes.equals(Transaction.encode(tx), input), "the bytes are not canonical")
      // Encoding remembers the bytes it was read from: a copy has to be written anew.
      promise(Bytes.equals(Transaction.encode({ ...tx }), input), "written anew the bytes are others")
      use(tx)
      return true
    }
  })

const participants = [
  ApiEncoding.encode("ak", new Uint8Array(32)),
  ApiEncoding.encode("ak", new Uint8Array(32).fill(1))
]
const options = {
  networkId: "ae_dev",
  // Whether signatures are good is not the question here.
  crypto: { ...Crypto.noble, verify: (signature: Uint8Array) => (signature[0] ?? 0) % 2 === 0 },
  protocol: Protocol.latest
}

const useSigned = (signed: SignedTx.SignedTx): void => {
  use(signed.tx)
  SignedTx.hash(signed)
  SignedTx.innermost(signed)
  SignedTx.metaLayers(signed)
  SignedTx.authentications(signed)
  Ids.channelIdOf(signed)
  SignedTx.verify(signed, participants, options)
  for (const account of participants) SignedTx.isSignedBy(signed, account, options)
  promise(SignedTx.sameTransaction(signed, signed), "it is another transaction than itself")
}

const signed = (corpus: Corpus): Target =>
  ofText("signed_tx", {
    seeds: [...corpus.texts("tx"), ...corpus.objects(11).map((bytes) => ApiEncoding.encode("tx", bytes))],
    mutate: MutateText.encoded,
    check: (input) => {
      const value = read(() => SignedTx.fromTextOrThrow(input))
      if (value === undefined) return false
      const text = SignedTx.toText(value)
      const again = SignedTx.fromTextOrThrow(text)
      promise(SignedTx.toText(again) === text, "the text changes when it is read and written again")
      // Signatures may come in any order, and nothing else may differ.
      promise(text.length === input.length, "the text is not canonical")
      const { signatures, tx, txBytes } = value
      promise(SignedTx.toText({ signatures, tx, txBytes }) === text, "written anew the text is another")
      useSigned(value)
      return true
    }
  })

interface ObjectReader<A> {
  readonly encode: (value: A) => Uint8Array
  readonly decodeOrThrow: (bytes: Uint8Array) => A
}

const object = <A>(
  name: string,
  tag: number,
  { decodeOrThrow, encode }: ObjectReader<A>,
  corpus: Corpus,
  useObject: (value: A) => void = () => undefined
): Target =>
  ofBytes(`object/${name}`, {
    seeds: corpus.objects(tag),
    mutate: MutateBytes.object,
    check: (input) => {
      const value = read(() => decodeOrThrow(input))
      if (value === undefined) return false
      promise(Bytes.equals(encode(value), input), "the bytes are not canonical")
      useObject(value)
      return true
    }
  })

const channelId = ApiEncoding.encode("ch", new Uint8Array(32))
const contractId = ApiEncoding.encode("ct", new Uint8Array(32))

export const make = (corpus: Corpus): ReadonlyArray<Target> => [
  ...Transaction.rows.map((row) => transaction(row, corpus)),
  signed(corpus),
  object("account", 10, Account, corpus),
  object("contract", 40, ContractObject, corpus, (contract) => {
    Json.stringify(ContractObject.toClientForm(contractId, contract))
  }),
  object("call", 41, CallObject, corpus, (call) => {
    Json.stringify(CallObject.toClientForm(call))
  }),
  object("channel", 58, ChannelObject, corpus, (channel) => {
    Json.stringify(ChannelObject.toClientForm(channelId, channel))
  }),
  object("code", 70, CodeObject, corpus, CodeObject.compilerVersionText)
]
