/**
 * Objects that the known answers lack: states with contracts, stores and calls.
 */
import * as Account from "../src/chain/Account.js"
import * as CallObject from "../src/chain/CallObject.js"
import * as CodeObject from "../src/chain/CodeObject.js"
import * as ContractObject from "../src/chain/ContractObject.js"
import * as ApiEncoding from "../src/encoding/ApiEncoding.js"
import * as Bytes from "../src/encoding/Bytes.js"
import * as Poi from "../src/state/Poi.js"
import * as Trees from "../src/state/Trees.js"
import * as Trie from "../src/state/Trie.js"

const key = (n: number): Uint8Array => new Uint8Array(32).fill(n)

const initiator = ApiEncoding.encode("ak", key(0x11))
const responder = ApiEncoding.encode("ak", key(0x22))
const contractId = ApiEncoding.encode("ct", key(0x33))

const codeOf = (typeInfo: CodeObject.CodeObject["typeInfo"]): Uint8Array =>
  CodeObject.encode({
    sourceHash: key(0x44),
    typeInfo,
    byteCode: Uint8Array.of(1, 2, 3, 0x80, 0xff),
    compilerVersion: Bytes.utf8("8.0.0"),
    payable: true
  })

const text = (word: string): Uint8Array => Bytes.utf8(word)

const typed = codeOf([
  { typeHash: key(0x55), name: text("init"), payable: false, argumentType: text("a"), outType: text("b") }
])

const contractOf = (ctVersion: number, code: Uint8Array): Uint8Array =>
  ContractObject.encode(ContractObject.make({ ownerId: initiator, ctVersion, code, deposit: 10n ** 18n }))

const call: CallObject.CallObject = {
  callerId: initiator,
  callerNonce: 3n,
  height: 1,
  contractId,
  gasPrice: 1_000_000_000n,
  gasUsed: 1_234n,
  returnValue: Uint8Array.of(0x3f),
  returnType: "ok",
  log: [{ address: key(0x33), topics: [key(0x66), key(0x77)], data: text("event") }]
}

const calls = Trie.fromEntries(
  [call, { ...call, returnType: "revert" as const, callKey: key(0x88) }].map(
    (each, index): Trie.Entry => [Bytes.concat(key(0x33), key(index)), CallObject.encode(each)]
  )
)

const store = (name: string, value: string): Trie.Entry => [
  Bytes.concat(key(0x33), Trees.storeMark, text(name)),
  text(value)
]

const contracts = Trie.fromEntries([
  [key(0x33), contractOf(0x70003, codeOf([]))],
  [Bytes.concat(key(0x33), Trees.storeMark), Uint8Array.of(0)],
  store("a", "1"),
  store("ab", "a longer value than a node of the trie writes inside of its parent")
])

const accounts = Trie.fromEntries(
  Array.from(
    { length: 12 },
    (_, index): Trie.Entry => [
      index < 3 ? key(0x11 * (index + 1)) : Bytes.concat(key(0x11).subarray(1), Uint8Array.of(index)),
      Account.encode(Account.make({ balance: 10n ** BigInt(index + 9), nonce: BigInt(index) }))
    ]
  )
)

const trees: Trees.Trees = { ...Trees.empty, accounts, contracts, calls }

const proof = Poi.build(trees, { accounts: [initiator, responder, contractId], contracts: [contractId] })

/** Serialized objects; those inside of them count as well. */
export const objects: ReadonlyArray<Uint8Array> = [
  Trees.encode(trees),
  ...(proof instanceof Poi.NotFound ? [] : [Poi.encode(proof)]),
  typed,
  contractOf(0x60001, typed),
  contractOf(1, typed)
]
