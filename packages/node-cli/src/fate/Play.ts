/**
 * A chain with one contract on it, and a call of that.
 *
 * @since 0.1.0
 */
import * as Account from "@aechannel/core/chain/Account"
import * as ContractObject from "@aechannel/core/chain/ContractObject"
import * as Ids from "@aechannel/core/chain/Ids"
import * as Protocol from "@aechannel/core/chain/Protocol"
import type { CryptoService } from "@aechannel/core/crypto/Crypto"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Bytes from "@aechannel/core/encoding/Bytes"
import * as Bytecode from "@aechannel/core/fate/Bytecode"
import * as CallData from "@aechannel/core/fate/CallData"
import * as Engine from "@aechannel/core/fate/Engine"
import type { Environment } from "@aechannel/core/fate/Environment"
import * as Trees from "@aechannel/core/state/Trees"
import * as Trie from "@aechannel/core/state/Trie"
import type { Store } from "./Store.js"
import { orUndefined } from "./Words.js"

/**
 * What a call is made with. Amounts in aettos.
 *
 * @since 0.1.0
 * @category models
 */
export interface Play {
  readonly code: Uint8Array
  readonly callData: Uint8Array
  readonly store: Store
  readonly caller: ApiEncoding.AccountAddress
  readonly gas: number
  readonly amount: bigint
  readonly balance: bigint
  readonly protocol: number
  readonly height: number
}

/** The version of the machine that came with a protocol. @since 0.1.0 @category constants */
export const machines: ReadonlyMap<number, number> = new Map([
  [4, 5],
  [5, 7],
  [6, 8]
])

const environmentOf = ({ height, protocol }: Play): Environment => ({
  networkId: "ae_dev",
  protocol,
  block: {
    _tag: "PinnedBlock",
    height,
    timestamp: 0,
    beneficiary: new Uint8Array(32),
    difficulty: BigInt(Protocol.onDemandTarget)
  },
  gasLimit: 6_000_000,
  chain: {
    balance: () => undefined,
    blockHash: () => undefined,
    isContract: () => false,
    isPayable: () => true,
    oracle: () => undefined,
    oracleQuery: () => undefined,
    name: () => undefined
  }
})

/** The id of the contract: that of the first one of its owner. @since 0.1.0 @category getters */
export const contractIdOf = ({ caller }: Play): ApiEncoding.ContractId => Ids.contractId(caller, 1)

/** Between a contract's key and those of its store. */
const storeMark = Uint8Array.of(0x10)

const treesOf = (play: Play): Trees.Trees => {
  const contractId = contractIdOf(play)
  const key = ApiEncoding.bytesOf(contractId)
  const contract = ContractObject.make({
    ownerId: play.caller,
    ctVersion: ContractObject.packVersions({ vmVersion: machines.get(play.protocol) ?? 8, abiVersion: 3 }),
    code: play.code,
    deposit: 0n
  })
  const below = Bytes.concat(key, storeMark)
  let contracts = Trie.put(Trie.empty, key, ContractObject.encode(contract))
  contracts = Trie.put(contracts, below, Uint8Array.of(0))
  for (const [name, value] of play.store)
    contracts = Trie.put(contracts, Bytes.concat(below, Bytes.fromHex(name)), value)
  const accounts = [
    [play.caller, 0n],
    [ApiEncoding.encode("ak", key), play.balance + play.amount]
  ] as const
  return accounts.reduce(
    (trees, [account, balance]) => Trees.setAccount(trees, account, Account.make({ balance })),
    { ...Trees.empty, contracts }
  )
}

/** How a call ended, with the store after it. @since 0.1.0 @category models */
export interface Played {
  readonly outcome: Engine.Outcome
  readonly store: Store
}

const init = Bytecode.functionId("init")

/**
 * Makes the call. Everybody may call init.
 *
 * @since 0.1.0
 * @category running
 */
export const play = (play: Play, crypto: CryptoService): Played => {
  const caller = ApiEncoding.bytesOf(play.caller)
  const contractId = contractIdOf(play)
  const called = orUndefined(CallData.decode(play.callData))
  const outcome = Engine.execute(
    {
      trees: treesOf(play),
      contract: ApiEncoding.bytesOf(contractId),
      caller,
      origin: caller,
      value: play.amount,
      gas: play.gas,
      gasPrice: 1n,
      fee: 0n,
      callData: play.callData,
      allowInit: called !== undefined && Bytes.equals(called.functionId, init)
    },
    environmentOf(play),
    crypto
  )
  const store =
    outcome._tag === "Finished" && outcome.returnType === "ok"
      ? new Map(
          Trees.contractStore(outcome.trees, contractId).map(
            ([key, value]) => [Bytes.toHex(key), value] as const
          )
        )
      : play.store
  return { outcome, store }
}
