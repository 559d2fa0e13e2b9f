/**
 * State trees, calls, proofs of inclusion and off-chain updates.
 */
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as Json from "../../src/encoding/Json.js"
import { applyUpdates } from "../../src/state/Apply.js"
import * as Poi from "../../src/state/Poi.js"
import * as Trees from "../../src/state/Trees.js"
import * as Trie from "../../src/state/Trie.js"
import * as Update from "../../src/state/Update.js"
import type { Corpus } from "../Corpus.js"
import * as MutateBytes from "../MutateBytes.js"
import * as MutateText from "../MutateText.js"
import { ofBytes, ofText, promise, read, type Target } from "../Target.js"

const texts = (corpus: Corpus, prefix: ApiEncoding.Prefix, tag: number): ReadonlyArray<string> => [
  ...new Set([
    ...corpus.texts(prefix),
    ...corpus.objects(tag).map((bytes) => ApiEncoding.encode(prefix, bytes))
  ])
]

const keysOf = (trie: Trie.Trie, size: number): ReadonlyArray<Uint8Array> =>
  [...Trie.entries(trie)].map(([key]) => key).filter((key) => key.length === size)

// A proof that leads to itself under many keys would be asked too often.
const most = 20

const trees = (corpus: Corpus): Target =>
  ofText("trees", {
    seeds: texts(corpus, "ss", 62),
    mutate: MutateText.encoded,
    check: (input) => {
      const value = read(() => Trees.fromTextOrThrow(input))
      if (value === undefined) return false
      const text = Trees.toText(value)
      const again = Trees.fromTextOrThrow(text)
      // Entries may come in any order; everything else has one form.
      promise(text.length === input.length, "the text is not canonical")
      promise(Trees.toText(again) === text, "the text changes when it is read and written again")
      promise(Bytes.equals(Trees.stateHash(again), Trees.stateHash(value)), "the state hash changes")
      promise(Trees.totalBalance(value) >= 0n, "the balances are negative")
      promise(keysOf(value.accounts, 32).length === Trie.size(value.accounts), "a key is no account")
      const contracts = keysOf(value.contracts, 32).map((key) => ApiEncoding.encode("ct", key))
      for (const id of contracts.slice(0, most)) {
        Trees.contract(value, id)
        Trees.contractStore(value, id)
      }
      const accounts = keysOf(value.accounts, 32).map((key) => ApiEncoding.encode("ak", key))
      const proof = Poi.build(value, {
        accounts: accounts.slice(0, most),
        contracts: contracts.slice(0, most)
      })
      promise(!(proof instanceof Poi.NotFound), "what is there cannot be proven")
      if (proof instanceof Poi.NotFound) return true
      promise(Bytes.equals(Poi.stateHash(proof), Trees.stateHash(value)), "the proof is about another state")
      for (const id of accounts.slice(0, most))
        promise(
          Poi.account(proof, id)?.balance === Trees.balance(value, id),
          "the proof shows another balance"
        )
      return true
    }
  })

const calls = (corpus: Corpus): Target =>
  ofText("calls", {
    seeds: texts(corpus, "cs", 622),
    mutate: MutateText.encoded,
    check: (input) => {
      const value = read(() => Trees.callsFromTextOrThrow(input))
      if (value === undefined) return false
      const text = Trees.callsToText(value)
      promise(text.length === input.length, "the text is not canonical")
      promise(
        Trees.callsToText(Trees.callsFromTextOrThrow(text)) === text,
        "the text changes when it is read again"
      )
      for (const key of keysOf(value, 64).slice(0, most))
        Trees.call(value, ApiEncoding.encode("ct", key.subarray(0, 32)), key.subarray(32))
      return true
    }
  })

const trie = (corpus: Corpus): Target =>
  ofBytes("trie", {
    seeds: corpus.objects(63),
    mutate: MutateBytes.object,
    check: (input) => {
      const value = read(() => Trie.decodeMtreeOrThrow(input))
      if (value === undefined) return false
      const bytes = Trie.encodeMtree(value)
      promise(bytes.length === input.length, "the bytes are not canonical")
      const again = Trie.decodeMtreeOrThrow(bytes)
      promise(Bytes.equals(Trie.encodeMtree(again), bytes), "the bytes change when they are read again")
      promise(Trie.equals(value, again), "the root hash depends on the order of entries")
      let rest = value
      for (const [key, entry] of Trie.entries(value)) {
        promise(Bytes.equals(Trie.get(value, key) ?? new Uint8Array(0), entry), "an entry cannot be found")
        rest = Trie.remove(rest, key)
      }
      promise(Trie.isEmpty(rest), "something is left when all is removed")
      return true
    }
  })

const accounts = (corpus: Corpus): ReadonlyArray<ApiEncoding.AccountAddress> =>
  corpus.texts("ak").filter((text): text is ApiEncoding.AccountAddress => ApiEncoding.is("ak", text))

const contractIds = (corpus: Corpus): ReadonlyArray<ApiEncoding.ContractId> =>
  corpus.texts("ct").filter((text): text is ApiEncoding.ContractId => ApiEncoding.is("ct", text))

const poi = (corpus: Corpus): Target => {
  const known = accounts(corpus).slice(0, most)
  const contracts = contractIds(corpus).slice(0, most)
  return ofText("poi", {
    seeds: texts(corpus, "pi", 60),
    mutate: MutateText.encoded,
    check: (input) => {
      const value = read(() => Poi.fromTextOrThrow(input))
      if (value === undefined) return false
      const text = Poi.toText(value)
      promise(text.length === input.length, "the text is not canonical")
      promise(Poi.toText(Poi.fromTextOrThrow(text)) === text, "the text changes when it is read again")
      promise(Poi.stateHash(value).length === 32, "the state hash has not 32 bytes")
      for (const part of Object.values(value))
        promise(part === undefined || part.rootHash.length === 32, "a root hash has not 32 bytes")
      for (const id of known) Poi.account(value, id)
      for (const id of contracts) Poi.contract(value, id)
      return true
    }
  })
}

const updateTags = [570, 571, 572, 573, 574, 576]

const useUpdate = (update: Update.Update, state: Trees.Trees): void => {
  const form = Update.toJson(update)
  // Versions of a contract have several packed forms, but one form here.
  const again = Update.fromJsonOrThrow(Json.parseOrThrow(Json.stringify(form)))
  promise(
    Json.stringify(Update.toJson(again)) === Json.stringify(form),
    "the client form changes when it is read"
  )
  const before = Trees.totalBalance(state)
  const after = applyUpdates(state, [update], { round: 2, channelReserve: 0n })
  if ("_tag" in after) return
  const difference = Trees.totalBalance(after) - before
  const amount =
    update._tag === "OffChainDeposit"
      ? update.amount
      : update._tag === "OffChainWithdrawal"
        ? -update.amount
        : 0n
  promise(difference === amount, "coins appear or disappear")
}

const update = (corpus: Corpus): Target => {
  const [initiatorId, responderId] = accounts(corpus)
  const amounts = { initiatorAmount: 10n ** 20n, responderAmount: 10n ** 20n, pushAmount: 0n }
  const state =
    initiatorId === undefined || responderId === undefined
      ? Trees.empty
      : Trees.initial({ initiatorId, responderId, ...amounts })
  return ofBytes("update", {
    seeds: updateTags.flatMap((tag) => corpus.objects(tag)),
    mutate: MutateBytes.object,
    check: (input) => {
      const value = read(() => Update.decodeOrThrow(input))
      if (value === undefined) return false
      promise(Bytes.equals(Update.encode(value), input), "the bytes are not canonical")
      useUpdate(value, state)
      return true
    }
  })
}

const updateForm = (corpus: Corpus): Target =>
  ofText("update_json", {
    seeds: updateTags.flatMap((tag) =>
      corpus.objects(tag).map((bytes) => Json.stringify(Update.toJson(Update.decodeOrThrow(bytes))))
    ),
    mutate: MutateText.jsonText,
    check: (input) => {
      const value = read(() => Update.fromJsonOrThrow(Json.parseOrThrow(input)))
      if (value === undefined) return false
      const bytes = Update.encode(value)
      promise(
        Bytes.equals(Update.encode(Update.decodeOrThrow(bytes)), bytes),
        "the bytes change when they are read"
      )
      useUpdate(value, Trees.empty)
      return true
    }
  })

export const make = (corpus: Corpus): ReadonlyArray<Target> => [
  trees(corpus),
  calls(corpus),
  trie(corpus),
  poi(corpus),
  update(corpus),
  updateForm(corpus)
]
