/**
 * Runs scenarios with known answers: sequences of updates (contracts created and called, transfers) applied to the
 * off-chain trees as a node applies them, round after round, with all that can be seen of every round.
 */
import * as NodeFs from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import * as Account from "../../../src/chain/Account.js"
import * as CallObject from "../../../src/chain/CallObject.js"
import * as ContractObject from "../../../src/chain/ContractObject.js"
import * as Ids from "../../../src/chain/Ids.js"
import { blake2b256 } from "../../../src/crypto/Hash.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import type { AccountAddress, ContractId } from "../../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../../src/encoding/Bytes.js"
import * as Contracts from "../../../src/fate/Contracts.js"
import type { Environment } from "../../../src/fate/Environment.js"
import * as Apply from "../../../src/state/Apply.js"
import * as Trees from "../../../src/state/Trees.js"
import * as Trie from "../../../src/state/Trie.js"
import * as Update from "../../../src/state/Update.js"
import { native } from "../../support/TestCrypto.js"

/** Balance, and where they are not 0 and true: nonce and whether the account is payable. */
type AccountFixture = readonly [balance: string, nonce?: number, payable?: boolean]

interface CallFixture {
  /** Absent: `ok`. */
  readonly type?: CallObject.ReturnType
  readonly gas: number
  /** In hex; absent: the unit value. */
  readonly value?: string
  /** Newest first, bytes in hex. */
  readonly log?: ReadonlyArray<{
    readonly address: ContractId
    readonly topics: ReadonlyArray<string>
    readonly data: string
  }>
}

/** One update. Stores and accounts say what changed in the round; `null` stands for a key that went. */
export interface Step {
  readonly round: number
  /** The serialized update. */
  readonly update: string
  readonly rejected?: Apply.UpdateErrorReason
  readonly call?: CallFixture
  readonly stores?: { readonly [contract: ContractId]: { readonly [key: string]: string | null } }
  readonly accounts?: { readonly [account: AccountAddress]: AccountFixture }
  /** The node's JSON for contracts that are new in this round. */
  readonly contracts?: { readonly [contract: ContractId]: object }
  readonly roots?: readonly [accounts: string, contracts: string, calls: string]
  readonly state?: string
}

export interface Scenario {
  readonly name: string
  readonly note?: string
  readonly protocol: number
  readonly reserve: number
  /** Where calls get more gas than a block has. */
  readonly gasLimit?: number
  readonly accounts: { readonly [account: AccountAddress]: AccountFixture }
  /** State hash at the beginning. */
  readonly initial: string
  readonly steps: ReadonlyArray<Step>
  /** Hash of the serialized trees at the end. */
  readonly trees: string
}

/** The scenarios of `test/fixtures/fate/scenario-<name>.json`. */
export const scenarios = (name: string): ReadonlyArray<Scenario> => {
  const url = new URL(`../../fixtures/fate/scenario-${name}.json`, import.meta.url)
  return JSON.parse(NodeFs.readFileSync(url, "utf8")) as ReadonlyArray<Scenario>
}

/** The environment of all scenarios: no chain but the pinned block. */
export const environment = (protocol: number, gasLimit = 6_000_000): Environment => ({
  networkId: "ae_uat",
  protocol,
  block: {
    _tag: "PinnedBlock",
    height: 1_000_000,
    timestamp: 1_700_000_000_123,
    beneficiary: ApiEncoding.bytesOf(
      "ak_2T1KznZ5z456pxpYDYNaFzkhiKerhfh7iGa5rgxoNVinAgyXuP" as AccountAddress
    ),
    difficulty: 123_456_789n
  },
  gasLimit,
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

/** The trees in which a scenario begins. */
export const initialTrees = (scenario: Scenario): Trees.Trees => {
  let trees = Trees.empty
  for (const [id, [balance, nonce = 0, payable = true]] of Object.entries(scenario.accounts)) {
    const account = Account.make({ balance: BigInt(balance), nonce: BigInt(nonce), flags: payable ? 0 : 1 })
    trees = Trees.setAccount(trees, id as AccountAddress, account)
  }
  return trees
}

/** Applies one update as a node does; the trees of the new round or why there is none. */
export type Applied = (
  trees: Trees.Trees,
  update: Update.Update,
  round: Apply.Round,
  environment: Environment
) => Trees.Trees | Apply.UpdateFailure

const applied: Applied = (trees, update, round, at) => {
  const options = { ...round, contracts: Contracts.executor(at, native) }
  return Apply.applyUpdates(trees, [update], options)
}

const accountFixture = (account: Account.Account | undefined): AccountFixture | undefined =>
  account === undefined ? undefined : [account.balance.toString(), Number(account.nonce), account.flags === 0]

const whole = ([balance, nonce = 0, payable = true]: AccountFixture): AccountFixture => [
  balance,
  nonce,
  payable
]

type Store = { readonly [key: string]: string }

const storeOf = (trees: Trees.Trees, id: ContractId): Store =>
  Object.fromEntries(
    Contracts.contractStore(trees, id).map(([key, value]) => [Bytes.toHex(key), Bytes.toHex(value)])
  )

const callReply = (step: Step, call: CallFixture, caller: string, contract: string, gasPrice: bigint) => ({
  caller_id: caller,
  caller_nonce: step.round,
  contract_id: contract,
  gas_price: Number(gasPrice),
  gas_used: call.gas,
  height: step.round,
  log: (call.log ?? []).map(({ address, data, topics }) => ({
    address,
    data: ApiEncoding.encode("cb", Bytes.fromHex(data)),
    topics: topics.map((topic) => BigInt(`0x${topic}`))
  })),
  return_type: call.type ?? "ok",
  return_value: ApiEncoding.encode("cb", Bytes.fromHex(call.value ?? "3f"))
})

const bigTopics = (form: { readonly [key: string]: unknown }): unknown => ({
  ...form,
  log: (form["log"] as ReadonlyArray<{ readonly topics: ReadonlyArray<number | bigint> }>).map((entry) => ({
    ...entry,
    topics: entry.topics.map(BigInt)
  }))
})

/** All that is known of a contract: what the API says of it, and its store. */
interface KnownContract {
  readonly facts: object
  readonly store: Store
}

const withChanges = (store: Store, changes: { readonly [key: string]: string | null }): Store => {
  const result: Record<string, string> = { ...store }
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) delete result[key]
    else result[key] = value
  }
  return result
}

const checkCall = (trees: Trees.Trees, update: Update.Update, step: Step): void => {
  if (update._tag !== "OffChainCallContract" && update._tag !== "OffChainNewContract") {
    expect(Trie.isEmpty(trees.calls)).toBe(true)
    return
  }
  const isCall = update._tag === "OffChainCallContract"
  const caller = isCall ? update.callerId : update.owner
  const contract = isCall ? update.contractId : Ids.contractId(update.owner, step.round)
  const call = Contracts.callObject(trees, contract, caller, step.round)
  expect(call, "call object").toBeDefined()
  expect(step.call, "call of the fixture").toBeDefined()
  if (call === undefined || step.call === undefined) return
  // First what says most when it fails.
  const text = (value: Uint8Array): string => String.fromCharCode(...value)
  expect([call.returnType, text(call.returnValue), Number(call.gasUsed)]).toEqual([
    step.call.type ?? "ok",
    text(Bytes.fromHex(step.call.value ?? "3f")),
    step.call.gas
  ])
  const gasPrice = isCall ? update.gasPrice : 0n
  expect(bigTopics(CallObject.toClientForm(call))).toEqual(
    callReply(step, step.call, caller, contract, gasPrice)
  )
  expect(Trie.size(trees.calls)).toBe(1)
}

const checkStep = (
  trees: Trees.Trees,
  update: Update.Update,
  step: Step,
  contracts: Map<ContractId, KnownContract>
): void => {
  checkCall(trees, update, step)
  for (const [id, facts] of Object.entries(step.contracts ?? {})) {
    contracts.set(id as ContractId, { facts, store: {} })
  }
  for (const [id, changes] of Object.entries(step.stores ?? {})) {
    const known = contracts.get(id as ContractId)
    if (known === undefined) throw new Error(`a store of the unknown contract ${id}`)
    contracts.set(id as ContractId, { ...known, store: withChanges(known.store, changes) })
  }
  for (const [id, { facts, store }] of contracts) {
    const object = Trees.contract(trees, id)
    expect(object, id).toBeDefined()
    if (object !== undefined) expect(ContractObject.toClientForm(id, object)).toEqual(facts)
    expect(storeOf(trees, id)).toEqual(store)
    expect(Contracts.storeForm(trees, id)).toEqual(
      Object.fromEntries(
        Object.entries(store).map(([key, value]) => [
          ApiEncoding.encode("ck", Bytes.fromHex(key)),
          ApiEncoding.encode("cv", Bytes.fromHex(value))
        ])
      )
    )
  }
  for (const [id, account] of Object.entries(step.accounts ?? {})) {
    expect(accountFixture(Trees.account(trees, id as AccountAddress))).toEqual(whole(account))
  }
  if (step.roots !== undefined) {
    const roots = [trees.accounts, trees.contracts, trees.calls]
    const empty = new Uint8Array(32)
    expect(roots.map((trie) => Bytes.toHex(Trie.rootHash(trie) ?? empty))).toEqual(step.roots)
  }
  expect(Bytes.toHex(Trees.stateHash(trees)), "state hash").toBe(step.state)
}

/** Runs one scenario; throws at the first difference. The number of rounds, and of updates that were refused. */
export const runScenario = (
  scenario: Scenario,
  apply: Applied = applied
): { readonly rounds: number; readonly refused: number } => {
  let trees = initialTrees(scenario)
  expect(Bytes.toHex(Trees.stateHash(trees))).toBe(scenario.initial)
  const at = environment(scenario.protocol, scenario.gasLimit)
  const contracts = new Map<ContractId, KnownContract>()
  let refused = 0
  for (const [index, step] of scenario.steps.entries()) {
    const bytes = Bytes.fromHex(step.update)
    const update = Update.decodeOrThrow(bytes)
    expect(Bytes.toHex(Update.encode(update))).toBe(step.update)
    const round: Apply.Round = { round: step.round, channelReserve: BigInt(scenario.reserve) }
    const result = apply(trees, update, round, at)
    try {
      if ("reason" in result) {
        expect([result.reason, result.detail], "refused").toEqual([step.rejected, result.detail])
        refused++
      } else {
        expect(step.rejected, "applied").toBeUndefined()
        checkStep(result, update, step, contracts)
        trees = result
      }
    } catch (error) {
      if (error instanceof Error) error.message = `step ${index}, round ${step.round}: ${error.message}`
      throw error
    }
  }
  expect(Bytes.toHex(blake2b256(Trees.encode(trees)))).toBe(scenario.trees)
  expect(Bytes.toHex(Trees.stateHash(Trees.decodeOrThrow(Trees.encode(trees))))).toBe(
    Bytes.toHex(Trees.stateHash(trees))
  )
  return { rounds: scenario.steps.length - refused, refused }
}

/** A test for every scenario of some files; says how many updates there were. */
export const runScenarios = (names: ReadonlyArray<string>): void => {
  describe("scenarios", () => {
    for (const name of names) {
      for (const scenario of scenarios(name)) {
        it(`${name}: ${scenario.name}`, () => {
          const { refused, rounds } = runScenario(scenario)
          console.log(`scenario ${scenario.name}: ${rounds} rounds, ${refused} updates refused`)
        })
      }
    }
  })
}
