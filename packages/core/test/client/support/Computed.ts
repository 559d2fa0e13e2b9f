/** Rounds with contracts for scripted nodes: what they lead to, computed or changed. */
import { Effect } from "effect"
import * as CallObject from "../../../src/chain/CallObject.js"
import * as ContractObject from "../../../src/chain/ContractObject.js"
import * as Fee from "../../../src/chain/Fee.js"
import * as Ids from "../../../src/chain/Ids.js"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import type { ChannelForceProgressTx, ChannelOffchainTx } from "../../../src/chain/Transaction.js"
import type { AccountAddress, ContractId } from "../../../src/encoding/ApiEncoding.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../../src/encoding/Bytes.js"
import * as CallData from "../../../src/fate/CallData.js"
import * as FateContracts from "../../../src/fate/Contracts.js"
import { type Environment, unavailable } from "../../../src/fate/Environment.js"
import type { Value } from "../../../src/fate/Value.js"
import * as Apply from "../../../src/state/Apply.js"
import * as Trees from "../../../src/state/Trees.js"
import * as Trie from "../../../src/state/Trie.js"
import * as Update from "../../../src/state/Update.js"
import * as TestCrypto from "../../support/TestCrypto.js"
import { code as codeText } from "./Contracting.js"
import { offChainTx } from "./Rounds.js"
import {
  channelId,
  initialTrees,
  initiator,
  networkId,
  type Open,
  responder,
  signedBy,
  terms
} from "./ScriptedNode.js"

export const code = ApiEncoding.decodeOrThrow("cb", codeText)

/** At a height, which contracts may ask for. */
export const at = (height: number): Environment => ({
  networkId,
  protocol: 6,
  block: {
    _tag: "PinnedBlock",
    height,
    timestamp: height * 1000,
    beneficiary: new Uint8Array(32),
    difficulty: 1n
  },
  gasLimit: 6_000_000,
  chain: {
    balance: (account) => unavailable({ _tag: "Balance", account }),
    blockHash: (asked) => unavailable({ _tag: "BlockHash", height: asked }),
    isContract: () => false,
    isPayable: () => true,
    oracle: (oracle) => unavailable({ _tag: "Oracle", oracle }),
    oracleQuery: (oracle, query) => unavailable({ _tag: "OracleQuery", oracle, query }),
    name: (name) => unavailable({ _tag: "Name", name })
  }
})

export const creating = (
  owner: AccountAddress,
  changes: Partial<Update.OffChainNewContract> = {}
): Update.OffChainNewContract => ({
  _tag: "OffChainNewContract",
  owner,
  ctVersion: ContractObject.packVersions({ vmVersion: 8, abiVersion: 3 }),
  code,
  deposit: 10n,
  callData: CallData.encode("init", [5n]),
  ...changes
})

export const calling = (
  callerId: AccountAddress,
  contractId: ContractId,
  name: string,
  args: ReadonlyArray<Value> = [],
  changes: Partial<Update.OffChainCallContract> = {}
): Update.OffChainCallContract => ({
  _tag: "OffChainCallContract",
  callerId,
  contractId,
  abiVersion: 3,
  amount: 0n,
  gas: 1_000_000n,
  gasPrice: 1n,
  callData: CallData.encode(name, args),
  callStack: [],
  ...changes
})

/** What updates lead to. */
export const computed = (
  updates: ReadonlyArray<Update.Update>,
  round: number,
  trees: Trees.Trees,
  environment = at(100)
): Trees.Trees => {
  const contracts = FateContracts.executor(environment, TestCrypto.native)
  const { channelReserve } = terms
  const next = Apply.applyUpdates(trees, updates, { round, channelReserve, contracts })
  if (next instanceof Apply.UpdateError) throw next
  return next
}

/** The contract of the initiator that the second round creates, and the state then. */
export const contractId = Ids.contractId(initiator.address, 2)
export const created = computed([creating(initiator.address)], 2, initialTrees)

/** A state with another call object. */
export const withCall = (
  trees: Trees.Trees,
  change: (call: CallObject.CallObject) => CallObject.CallObject
): Trees.Trees => {
  let { calls } = trees
  for (const [key, value] of Trie.entries(trees.calls))
    calls = Trie.put(calls, key, CallObject.encode(change(CallObject.decodeOrThrow(value))))
  return { ...trees, calls }
}

/** A state with another value in the contract's store. */
export const withStore = (trees: Trees.Trees, value: Uint8Array): Trees.Trees => {
  const key = Bytes.concat(ApiEncoding.bytesOf(contractId), Trees.storeMark, Uint8Array.of(0, 1))
  return { ...trees, contracts: Trie.put(trees.contracts, key, value) }
}

/** A state in which some aettos went from one account to another. */
export const withSpend = (
  trees: Trees.Trees,
  from: AccountAddress,
  to: AccountAddress,
  amount: bigint
): Trees.Trees => {
  const moved = Apply.debit(trees, from, amount, 0n)
  const next = typeof moved === "string" ? moved : Apply.credit(moved, to, amount)
  if (typeof next === "string") throw new Error(next)
  return next
}

export const body = (trees: Trees.Trees, round: number): ChannelOffchainTx => offChainTx(trees, round)

/** The second round: the initiator's contract is there, created by our client or by its peer. */
export const withContract = ({ channel, node, own }: Open) =>
  Effect.gen(function* () {
    const update = creating(initiator.address)
    const tx = body(created, 2)
    if (own === initiator) {
      const fiber = yield* Effect.fork(
        channel.contracts.create({ code, callData: update.callData, deposit: update.deposit })
      )
      yield* node.expect("update.new_contract")
      node.ask("update", SignedTx.unsigned(tx), [update])
      yield* node.expect("update")
      node.say({ _tag: "StateUpdate", state: signedBy(tx, [initiator, responder]) })
      yield* fiber
      return
    }
    node.info("update")
    node.ask("update_ack", signedBy(tx, [initiator]), [update])
    yield* node.expect("update_ack")
    node.say({ _tag: "StateUpdate", state: signedBy(tx, [initiator, responder]) })
  })

/** The transaction that forces a call on the second round. */
export const forcing = (
  update: Update.OffChainCallContract,
  changes: Partial<ChannelForceProgressTx> = {},
  trees = computed([update], 3, created)
): ChannelForceProgressTx => ({
  ...Fee.withMinimumFee(
    {
      _tag: "ChannelForceProgressTx",
      version: 1,
      channelId,
      fromId: update.callerId,
      payload: SignedTx.encode(signedBy(body(created, 2), [initiator, responder])),
      round: 3,
      update: Update.encode(update),
      stateHash: Trees.stateHash(trees),
      offchainTrees: Trees.encode(created),
      ttl: 0,
      fee: 0n,
      nonce: 2n
    } satisfies ChannelForceProgressTx,
    Fee.defaultMinerGasPrice
  ),
  ...changes
})
