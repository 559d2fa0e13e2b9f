import * as Account from "../src/chain/Account.js"
import * as Bytes from "../src/encoding/Bytes.js"
import { applyUpdates } from "../src/state/Apply.js"
import * as Poi from "../src/state/Poi.js"
import * as Trees from "../src/state/Trees.js"
import * as Trie from "../src/state/Trie.js"
import { digest, initiator, responder, trees } from "./Fixtures.js"
import * as Harness from "./Harness.js"

const thousand = (): Trie.Trie =>
  Trie.fromEntries(
    Array.from(
      { length: 1000 },
      (_, index): Trie.Entry => [
        digest(`account ${index}`),
        Account.encode(Account.make({ balance: BigInt(index) }))
      ]
    )
  )

/** Transfers back and forth, so that balances stay. */
const transferring = () => {
  let state = trees
  let round = 1
  return () => {
    const [from, to] = round++ % 2 === 0 ? [initiator, responder] : [responder, initiator]
    const next = applyUpdates(
      state,
      [{ _tag: "OffChainTransfer", from: from.address, to: to.address, amount: 10n ** 18n }],
      { round, channelReserve: 10n ** 18n }
    )
    if ("_tag" in next) throw next
    state = next
    return state
  }
}

export const state = Harness.theme("state", () => {
  const transfer = transferring()
  const transferAndHash = transferring()
  const many = thousand()
  Trie.rootHash(many)
  let count = 0
  const value = () => Account.encode(Account.make({ balance: BigInt(++count) }))
  const keys = Array.from({ length: 1000 }, (_, index) => digest(`account ${index}`))
  const encoded = Trees.encode(trees)
  const big: Trees.Trees = { ...Trees.empty, accounts: many }
  const bigBytes = Trees.encode(big)
  return [
    {
      title: "State of two accounts",
      cases: [
        { name: "transfer and state hash", run: () => Trees.stateHash(transferAndHash()) },
        { name: "transfer alone", run: transfer },
        {
          name: "proof of inclusion of both",
          run: () => Poi.build(trees, { accounts: [initiator.address, responder.address] })
        },
        { name: `write, ${encoded.length} bytes`, run: () => Trees.encode({ ...trees }) },
        { name: `read, ${encoded.length} bytes`, run: () => Trees.decodeOrThrow(encoded) }
      ]
    },
    {
      title: "Trie of 1000 accounts",
      cases: [
        {
          name: "put and root hash",
          run: () => Trie.rootHash(Trie.put(many, keys[count % 1000] ?? Bytes.utf8(""), value()))
        },
        { name: "put alone", run: () => Trie.put(many, keys[count % 1000] ?? Bytes.utf8(""), value()) },
        { name: "get", run: () => Trie.get(many, keys[++count % 1000] ?? Bytes.utf8("")) },
        { name: "build from nothing, with root hash", run: () => Trie.rootHash(thousand()) },
        {
          name: `read a state of ${bigBytes.length} bytes`,
          run: () => Trees.stateHash(Trees.decodeOrThrow(bigBytes))
        }
      ]
    }
  ]
})
