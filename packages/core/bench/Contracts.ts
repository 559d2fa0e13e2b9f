/**
 * Contracts on the machine: how fast it runs, what calls cost with all that belongs to a round, and what contracts
 * take of memory.
 */
import * as Fs from "node:fs"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as ContractObject from "../src/chain/ContractObject.js"
import { noble } from "../src/crypto/Crypto.js"
import * as ApiEncoding from "../src/encoding/ApiEncoding.js"
import * as Bytecode from "../src/fate/Bytecode.js"
import * as CallData from "../src/fate/CallData.js"
import * as Contracts from "../src/fate/Contracts.js"
import * as Engine from "../src/fate/Engine.js"
import type { Environment } from "../src/fate/Environment.js"
import { applyUpdates } from "../src/state/Apply.js"
import * as Trees from "../src/state/Trees.js"
import type { OffChainCallContract, OffChainNewContract, Update } from "../src/state/Update.js"
import { digest, initiator, responder, trees as start } from "./Fixtures.js"
import * as Harness from "./Harness.js"

const code = (): Uint8Array => {
  const url = new URL("../test/fixtures/fate/bench.json", import.meta.url)
  const fixture = JSON.parse(Fs.readFileSync(url, "utf8")) as { readonly code: ApiEncoding.Encoded<"cb"> }
  return ApiEncoding.decodeOrThrow("cb", fixture.code)
}

const environment: Environment = {
  networkId: "ae_uat",
  protocol: 6,
  block: {
    _tag: "PinnedBlock",
    height: 1,
    timestamp: 1,
    beneficiary: digest("beneficiary"),
    difficulty: 1n
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
}

const executor = Contracts.executor(environment, noble)
const channelReserve = 10n ** 18n

const apply = (trees: Trees.Trees, updates: ReadonlyArray<Update>, round: number): Trees.Trees => {
  const result = applyUpdates(trees, updates, { round, channelReserve, contracts: executor })
  if ("_tag" in result) throw result
  return result
}

const call = (name: string, ...args: ReadonlyArray<bigint>): Uint8Array =>
  CallData.encode(Bytecode.functionId(name), args)

const created = (codeBytes: Uint8Array): OffChainNewContract => ({
  _tag: "OffChainNewContract",
  owner: initiator.address,
  ctVersion: ContractObject.packVersions({ vmVersion: 8, abiVersion: 3 }),
  code: codeBytes,
  deposit: 0n,
  callData: call("init")
})

/** A state with the contract of the bench. */
interface Scene {
  readonly trees: Trees.Trees
  readonly update: (callData: Uint8Array, amount?: bigint) => OffChainCallContract
  readonly execute: (trees: Trees.Trees, callData: Uint8Array, gas?: number) => Engine.Outcome
}

const scene = (): Scene => {
  const update = created(code())
  const trees = apply(start, [update], 2)
  const contractId = Contracts.contractIdOf(update, 2)
  const contract = ApiEncoding.bytesOf(contractId)
  const caller = ApiEncoding.bytesOf(initiator.address)
  return {
    trees,
    update: (callData, amount = 0n) => ({
      _tag: "OffChainCallContract",
      callerId: initiator.address,
      contractId,
      abiVersion: 3,
      amount,
      gas: 1_000_000n,
      gasPrice: 1n,
      callData,
      callStack: []
    }),
    execute: (state, callData, gas = 6_000_000) =>
      Engine.execute(
        {
          trees: state,
          contract,
          caller,
          origin: caller,
          value: 0n,
          gas,
          gasPrice: 1n,
          fee: 0n,
          callData,
          allowInit: false
        },
        environment,
        noble
      )
  }
}

const rounds = 1000

/** Instructions in a round of the loops of the contract, as its disassembly shows them. */
const instructions = { arithmetic: 7, maps: 8, strings: 17 }

const speed = ({ execute, trees }: Scene): Harness.Group => ({
  title: "Instructions of contracts",
  cases: Object.entries(instructions).map(([name, count]) => ({
    name,
    run: () => execute(trees, call(name, BigInt(rounds))),
    operations: rounds * count
  }))
})

const loops = ({ execute, trees }: Scene): Harness.Group => ({
  title: "Runs out of gas",
  cases: [10_000, 1_000_000].map((gas) => ({
    name: `endless loop of ${gas.toLocaleString("en-US")} gas`,
    run: () => execute(trees, call("forever"), gas)
  }))
})

/** Rounds one after the other, each with its state hash. */
const roundsOf = (trees: Trees.Trees, make: (round: number) => Update) => {
  let state = trees
  let round = 10
  return () => {
    state = apply(state, [make(++round)], round)
    return Trees.stateHash(state)
  }
}

const transfer = (round: number): Update => {
  const [from, to] = round % 2 === 0 ? [initiator, responder] : [responder, initiator]
  return { _tag: "OffChainTransfer", from: from.address, to: to.address, amount: 1n }
}

const calls = ({ execute, trees, update }: Scene): Harness.Group => {
  const full = apply(trees, [update(call("grow", 1000n))], 3)
  const count = call("count", 1n)
  const dry = (callData: Uint8Array, state: Trees.Trees) => () =>
    Contracts.dryRun(state, update(callData), { round: 5, channelReserve }, environment, noble)
  return {
    title: "Calls of contracts",
    compare: true,
    cases: [
      { name: "transfer and state hash", run: roundsOf(trees, transfer) },
      { name: "call that counts and state hash", run: roundsOf(trees, () => update(count)) },
      {
        name: "call that changes a stored map and state hash",
        run: roundsOf(full, (round) => update(call("score", BigInt(round % 1000), 1n)))
      },
      { name: "call that counts, the run alone", run: () => execute(trees, count) },
      { name: "dry run of a call that counts", run: dry(count, trees) },
      { name: "dry run of a look-up in 1000 entries", run: dry(call("get", 7n), full) },
      {
        name: "new contract and state hash",
        run: () => Trees.stateHash(apply(start, [created(code())], 2))
      }
    ]
  }
}

const collect = (): void => {
  setFlagsFromString("--expose-gc")
  const gc: unknown = runInNewContext("gc")
  if (typeof gc === "function") gc()
}

/** Bytes of heap and buffers that what is made takes. */
const memoryOf = (count: number, make: (index: number) => unknown): string => {
  collect()
  const used = (): number => {
    const { arrayBuffers, heapUsed } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const before = used()
  const made = Array.from({ length: count }, (_, index) => make(index))
  collect()
  const bytes = (used() - before) / made.length
  return `${(bytes / 1024).toFixed(1)} kB`
}

const memory = (): Harness.Table => {
  const source = code()
  const one = scene()
  const count = 200
  const callData = call("count", 1n)
  const state = (): Trees.Trees => {
    const trees = apply(start, [created(source)], 2)
    Trees.stateHash(trees)
    return trees
  }
  let current = one.trees
  const states = memoryOf(count, state)
  const next = memoryOf(count, (index) => {
    current = apply(current, [one.update(callData)], 10 + index)
    Trees.stateHash(current)
    return current
  })
  return {
    title: "Memory of contracts",
    heads: ["each"],
    rows: [
      [`state with a contract of ${source.length} bytes of code`, states],
      ["each further round with a call", next]
    ]
  }
}

export const contracts: Harness.Theme = {
  name: "contracts",
  run: async (options) => {
    const one = scene()
    const groups = [speed(one), loops(one), calls(one)]
    return [...groups.map((group) => Harness.tableOf(group, options)), memory()]
  }
}
