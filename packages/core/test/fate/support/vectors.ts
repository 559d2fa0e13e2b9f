/**
 * Runs single calls with known answers: each case has contracts, accounts, an environment and a call, and says what
 * came of it. A case is run as it stands, with exactly the gas it used, and with one unit less.
 */
import * as NodeFs from "node:fs"
import { describe, it } from "@effect/vitest"
import * as Account from "../../../src/chain/Account.js"
import * as CallObject from "../../../src/chain/CallObject.js"
import * as ContractObject from "../../../src/chain/ContractObject.js"
import * as Ids from "../../../src/chain/Ids.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import type { AccountAddress, ContractId } from "../../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../../src/encoding/Bytes.js"
import { blake2b256 } from "../../../src/crypto/Hash.js"
import * as Trees from "../../../src/state/Trees.js"
import * as Trie from "../../../src/state/Trie.js"
import * as Engine from "../../../src/fate/Engine.js"
import type { ChainReads, Environment } from "../../../src/fate/Environment.js"
import * as Type from "../../../src/fate/Type.js"
import * as Value from "../../../src/fate/Value.js"
import * as ValueCodec from "../../../src/fate/ValueCodec.js"
import { native } from "../../support/TestCrypto.js"

/** Balance, and where they are not 0 and true: nonce and whether the account is payable. */
type AccountFixture = readonly [balance: string, nonce?: number, payable?: boolean]

interface StoreFixture {
  readonly [key: string]: string
}

interface ContractFixture {
  readonly id: ContractId
  readonly owner: AccountAddress
  readonly vm: number
  readonly code: ApiEncoding.Encoded<"cb">
  readonly deposit?: number
  readonly store?: StoreFixture
}

type Result = readonly [returnType: "ok" | "error" | "revert", returnValue: string, gasUsed: number]

export interface Case {
  readonly name: string
  readonly group: string
  readonly env?: number
  readonly protocol?: number
  readonly accounts?: number
  readonly contracts: number | ReadonlyArray<number>
  readonly update?: {
    readonly caller?: AccountAddress
    readonly contract?: ContractId
    readonly amount?: number | string
    readonly gas?: number | string
    readonly gas_price?: number
  }
  readonly data: string
  readonly before: string
  readonly crash?: string
  readonly result?: Result
  readonly log?: ReadonlyArray<{
    readonly address: ContractId
    readonly topics: ReadonlyArray<string>
    readonly data: string
  }>
  readonly stores?: { readonly [contract: ContractId]: StoreFixture }
  readonly after_accounts?: { readonly [account: AccountAddress]: AccountFixture }
  readonly after?: string
  /** 1: out of gas. */
  readonly less?: 1 | Result
  readonly exact?: boolean
}

interface Fixture {
  readonly environments: ReadonlyArray<{
    readonly height: number
    readonly time_in_msecs: number
    readonly beneficiary: AccountAddress
    readonly difficulty: number
  }>
  readonly accounts: ReadonlyArray<{ readonly [account: AccountAddress]: AccountFixture }>
  readonly contracts: ReadonlyArray<ContractFixture>
  readonly cases: ReadonlyArray<Case>
}

const round = 10
const defaults = {
  caller: "ak_2EBf5Q2rQKAtLaZekHpHH4m44GW2Wt6uhTvyvhtFZsHUdMnF6P" as AccountAddress,
  contract: "ct_q14gEEpiBrbJuSximQxuzyC4WdieSrfaitB8pqWL5yf2vNLcX" as ContractId,
  amount: 0,
  gas: 1_000_000,
  gas_price: 1
}

const loaded = new Map<string, Fixture>()

/** The fixture `ops-basic`, `ops-chain` or `ops-store-errors`. */
export const load = (name: string): Fixture => {
  const known = loaded.get(name)
  if (known !== undefined) return known
  const url = new URL(`../../fixtures/fate/${name}.json`, import.meta.url)
  const fixture = JSON.parse(NodeFs.readFileSync(url, "utf8")) as Fixture
  loaded.set(name, fixture)
  return fixture
}

const filled = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
const same = Bytes.equals

/** What is on the chain in every case: four accounts, an oracle with two queries, a name. */
const chainAt = (height: number): ChainReads => {
  const balances = [
    [filled(0xa1), 5_000_000n],
    [filled(0xb2), 6_000_000n],
    [filled(0x0c), 777n],
    [filled(0x0a), 10n]
  ] as const
  const oracle = filled(0x0a)
  const sender = filled(0x0c)
  const queryId = (nonce: number): Uint8Array =>
    blake2b256(Bytes.concat(sender, new Uint8Array(31), Uint8Array.of(nonce), oracle))
  const queries = [
    [queryId(1), { question: ValueCodec.encode(Value.text("What?")), answer: undefined }],
    [queryId(2), { question: ValueCodec.encode(Value.text("Why?")), answer: ValueCodec.encode(4242n) }]
  ] as const
  return {
    balance: (account) => balances.find(([key]) => same(key, account))?.[1],
    blockHash: () => new Uint8Array(32),
    isContract: () => false,
    isPayable: () => true,
    oracle: (key) =>
      same(key, oracle)
        ? {
            abiVersion: 3,
            queryFormat: ValueCodec.encodeType(Type.string),
            responseFormat: ValueCodec.encodeType(Type.integer),
            queryFee: 42n,
            ttl: height + 500
          }
        : undefined,
    oracleQuery: (key, query) =>
      same(key, oracle) ? queries.find(([id]) => same(id, query))?.[1] : undefined,
    name: (name) =>
      same(name, Bytes.utf8("channels.chain"))
        ? {
            owner: sender,
            ttl: height + 1000,
            revoked: false,
            pointers: [
              { key: Bytes.utf8("account_pubkey"), target: { _tag: "account", id: sender } },
              { key: Bytes.utf8("oracle_pubkey"), target: { _tag: "oracle", id: oracle } }
            ]
          }
        : undefined
  }
}

const environmentOf = (fixture: Fixture, one: Case): Environment => {
  const env = fixture.environments[one.env ?? 0]
  if (env === undefined) throw new Error("no such environment")
  return {
    networkId: "ae_uat",
    protocol: one.protocol ?? 6,
    block: {
      _tag: "PinnedBlock",
      height: env.height,
      timestamp: env.time_in_msecs,
      beneficiary: ApiEncoding.bytesOf(env.beneficiary),
      difficulty: BigInt(env.difficulty)
    },
    gasLimit: 6_000_000,
    chain: chainAt(env.height)
  }
}

const treesOf = (fixture: Fixture, one: Case): Trees.Trees => {
  let trees = Trees.empty
  for (const [id, [balance, nonce = 0, payable = true]] of Object.entries(
    fixture.accounts[one.accounts ?? 0] ?? {}
  )) {
    const account = Account.make({ balance: BigInt(balance), nonce: BigInt(nonce), flags: payable ? 0 : 1 })
    trees = Trees.setAccount(trees, id as AccountAddress, account)
  }
  let contracts = Trie.empty
  for (const index of typeof one.contracts === "number" ? [one.contracts] : one.contracts) {
    const {
      code,
      deposit = 0,
      id,
      owner,
      store = { "0000": "2f00" },
      vm
    } = fixture.contracts[index] as ContractFixture
    const key = ApiEncoding.bytesOf(id)
    const object = ContractObject.make({
      ownerId: owner,
      ctVersion: ContractObject.packVersions({ vmVersion: vm, abiVersion: 3 }),
      code: ApiEncoding.decodeOrThrow("cb", code),
      deposit: BigInt(deposit)
    })
    contracts = Trie.put(contracts, key, ContractObject.encode(object))
    const below = Bytes.concat(key, Trees.storeMark)
    contracts = Trie.put(contracts, below, Uint8Array.of(0))
    for (const [name, value] of Object.entries(store))
      contracts = Trie.put(contracts, Bytes.concat(below, Bytes.fromHex(name)), Bytes.fromHex(value))
  }
  return { ...trees, contracts }
}

const storeOf = (trees: Trees.Trees, contract: ContractId): StoreFixture =>
  Object.fromEntries(
    Trees.contractStore(trees, contract).map(([key, value]) => [Bytes.toHex(key), Bytes.toHex(value)])
  )

/** The error of a case is its first difference. */
class Difference extends Error {}

const expectEqual = (what: string, got: unknown, wanted: unknown): void => {
  const a = JSON.stringify(got)
  const b = JSON.stringify(wanted)
  if (a !== b) throw new Difference(`${what}: got ${a}, expected ${b}`)
}

const readable = ([returnType, value, gasUsed]: Result): string =>
  returnType === "error"
    ? `error ${JSON.stringify(String.fromCharCode(...Bytes.fromHex(value)))} ${gasUsed}`
    : `${returnType} ${value} ${gasUsed}`

interface Prepared {
  readonly call: Engine.Call
  readonly environment: Environment
  /** Before the caller paid the amount. */
  readonly trees: Trees.Trees
  readonly callerId: AccountAddress
  readonly contractId: ContractId
}

/** A case as a call, to be run by `Engine.execute`. `undefined`: the caller cannot pay the amount. */
export const prepare = (fixture: Fixture, one: Case, gas?: number): Prepared | undefined => {
  const update = { ...defaults, ...one.update }
  const trees = treesOf(fixture, one)
  expectEqual("state hash before", Bytes.toHex(Trees.stateHash(trees)), one.before)
  const amount = BigInt(update.amount)
  const callerAccount = Trees.account(trees, update.caller)
  const contractAccount = Trees.account(trees, update.contract)
  if (callerAccount === undefined || contractAccount === undefined || callerAccount.balance < amount)
    return undefined
  let paid = trees
  if (amount > 0n) {
    paid = Trees.setAccount(paid, update.caller, {
      ...callerAccount,
      balance: callerAccount.balance - amount
    })
    paid = Trees.setAccount(paid, update.contract, {
      ...contractAccount,
      balance: contractAccount.balance + amount
    })
  }
  const caller = ApiEncoding.bytesOf(update.caller)
  return {
    call: {
      trees: paid,
      contract: ApiEncoding.bytesOf(update.contract),
      caller,
      origin: caller,
      value: amount,
      gas: gas ?? Number(update.gas),
      gasPrice: BigInt(update.gas_price),
      fee: 0n,
      callData: Bytes.fromHex(one.data),
      allowInit: false
    },
    environment: environmentOf(fixture, one),
    trees,
    callerId: update.caller,
    contractId: update.contract
  }
}

type Finished = Extract<Engine.Outcome, { readonly _tag: "Finished" }>

/** A call and what came of it. */
interface Run extends Prepared, Omit<Finished, "trees"> {
  readonly after: Trees.Trees
}

const finished = (fixture: Fixture, one: Case, gas?: number): Run => {
  const prepared = prepare(fixture, one, gas)
  if (prepared === undefined) throw new Difference("the caller cannot pay")
  const outcome = Engine.execute(prepared.call, prepared.environment, native)
  if (outcome._tag === "Crashed") throw new Difference(`crashed: ${outcome.reason}`)
  if (outcome._tag === "MissingRead") throw new Difference(`missing read: ${outcome.read._tag}`)
  return { ...outcome, ...prepared, after: outcome.trees }
}

const resultOf = (outcome: Omit<Finished, "trees">): Result => [
  outcome.returnType,
  Bytes.toHex(outcome.returnValue),
  outcome.gasUsed
]

/** Runs a case and throws its first difference. */
export const runCase = (fixture: Fixture, one: Case): void => {
  if (one.crash !== undefined) {
    const prepared = prepare(fixture, one)
    if (prepared === undefined) return
    const outcome = Engine.execute(prepared.call, prepared.environment, native)
    if (outcome._tag === "Crashed") return
    const got = outcome._tag === "Finished" ? readable(resultOf(outcome)) : outcome._tag
    throw new Difference(`got ${got}, expected a crash: ${one.crash}`)
  }
  const wanted = one.result
  if (wanted === undefined) throw new Error("a case without result")
  const outcome = finished(fixture, one)
  expectEqual("result", readable(resultOf(outcome)), readable(wanted))
  const log = outcome.log.map(({ address, data, topics }) => ({
    address: ApiEncoding.encode("ct", address),
    topics: topics.map(Bytes.toHex),
    data: Bytes.toHex(data)
  }))
  const wantedLog = (one.log ?? []).map(({ address, data, topics }) => ({ address, topics, data }))
  expectEqual("log", log, wantedLog)
  const failed = outcome.returnType !== "ok"
  if (failed) expectEqual("trees unchanged", outcome.after === outcome.call.trees, true)
  // From Iris on who called in vain has the amount back.
  const trees = failed && outcome.environment.protocol >= 5 ? outcome.trees : outcome.after
  for (const [contract, store] of Object.entries(one.stores ?? {}))
    expectEqual("store", storeOf(trees, contract as ContractId), store)
  for (const [id, [balance, nonce = 0, payable = true]] of Object.entries(one.after_accounts ?? {})) {
    const account = Trees.account(trees, id as AccountAddress)
    expectEqual(
      `account ${id}`,
      [account?.balance.toString(), Number(account?.nonce), account?.flags],
      [balance, nonce, payable ? 0 : 1]
    )
  }
  expectEqual("state hash", Bytes.toHex(Trees.stateHash(withCall(trees, outcome))), one.after)
  if (one.less === undefined) return
  const less = finished(fixture, one, wanted[2] - 1)
  const wantedLess: Result = one.less === 1 ? ["error", "4f7574206f6620676173", wanted[2] - 1] : one.less
  expectEqual("one gas less", readable(resultOf(less)), readable(wantedLess))
  const exact = finished(fixture, one, wanted[2])
  const isExact = readable(resultOf(exact)) === readable(wanted)
  expectEqual("exact gas", isExact, one.exact ?? true)
}

const withCall = (trees: Trees.Trees, outcome: Run): Trees.Trees => {
  const { call, callerId, contractId } = outcome
  const object = CallObject.encode({
    callerId,
    callerNonce: BigInt(round),
    height: round,
    contractId,
    gasPrice: call.gasPrice,
    gasUsed: BigInt(outcome.gasUsed),
    returnValue: outcome.returnValue,
    returnType: outcome.returnType,
    log: outcome.log
  })
  const key = Bytes.concat(call.contract, Ids.callId(callerId, round, contractId))
  return { ...trees, calls: Trie.put(trees.calls, key, object) }
}

/**
 * Tests of all cases of some groups of a fixture (`ops-basic`, `ops-chain`, `ops-store-errors`), one for each group;
 * says how many there were.
 */
export const runGroup = (name: string, groups: string | ReadonlyArray<string>): void => {
  const fixture = load(name)
  describe(`${name} known answers`, () => {
    for (const group of typeof groups === "string" ? [groups] : groups) {
      it(group, () => {
        const cases = fixture.cases.filter((one) => one.group === group)
        const failures: Array<string> = []
        for (const one of cases) {
          try {
            runCase(fixture, one)
          } catch (error) {
            const detail =
              error instanceof Difference ? error.message : ((error as Error).stack ?? String(error))
            failures.push(`${one.name}: ${detail}`)
          }
        }
        const crashes = cases.filter((one) => one.crash !== undefined).length
        console.log(
          `${name}, ${group}: ${cases.length - failures.length} of ${cases.length} cases (${crashes} crash)`
        )
        if (cases.length === 0) throw new Error(`no cases in group ${group}`)
        if (failures.length > 0) throw new Error(failures.join("\n"))
      })
    }
  })
}
