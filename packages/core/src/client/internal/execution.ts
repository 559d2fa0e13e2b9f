/**
 * Computing a round that runs contracts before it is signed: first without the chain, and only if a contract looks at
 * it, in the environment of a block.
 *
 * A signing request does not say which block the round is pinned to. If we have not named one ourselves, the blocks are
 * tried that our node would take, and the round is right if it follows in one of them.
 *
 * Specification: æternity channels, pinned environment.
 *
 * @internal
 */
import type { CallObject } from "../../chain/CallObject.js"
import type { CryptoService } from "../../crypto/Crypto.js"
import type { BlockHash } from "../../encoding/ApiEncoding.js"
import * as Bytes from "../../encoding/Bytes.js"
import * as FateContracts from "../../fate/Contracts.js"
import { type ChainReads, type Environment, type Unavailable, unavailable } from "../../fate/Environment.js"
import { VerificationError } from "../../protocol/Errors.js"
import type { ChainAnswer, ChainValues, KnownBlock, Top } from "../../services/ChainReader.js"
import type { UnverifiedProposal } from "../../services/ProposalPolicy.js"
import * as Apply from "../../state/Apply.js"
import type { ChainRead } from "../../state/ChainRead.js"
import type * as Trees from "../../state/Trees.js"
import type { Update } from "../../state/Update.js"
import type { Verified } from "./checks.js"
import type { ClientConfig } from "./model.js"

/** Why a round could not be computed; `read` is what an answer of the chain may help with. */
export interface Unexecuted {
  readonly _tag: "Unexecuted"
  readonly reason: UnverifiedProposal["reason"]
  readonly detail: string
  readonly read?: ChainRead
  /** Gas that was used until then: it is used again in the next run. */
  readonly gasUsed?: number
}

export const isUnexecuted = (value: object | undefined): value is Unexecuted =>
  value !== undefined && "_tag" in value && value._tag === "Unexecuted"

/** What looking at a round has come to. */
export type Verdict = Verified | VerificationError | Unexecuted

// ---------------------------------------------------------------- environments

const gasLimit = 6_000_000

/** What was asked of the chain; `undefined`: it gave no answer. */
interface Answered {
  readonly read: ChainRead
  readonly answer: ChainAnswer | undefined
}

const keyOf = (read: ChainRead): string => {
  const { _tag } = read
  switch (read._tag) {
    case "Block":
      return _tag
    case "BlockHash":
      return `${_tag} ${read.height}`
    case "Balance":
    case "IsPayable":
      return `${_tag} ${Bytes.toHex(read.account)}`
    case "IsContract":
      return `${_tag} ${Bytes.toHex(read.contract)}`
    case "Oracle":
      return `${_tag} ${Bytes.toHex(read.oracle)}`
    case "OracleQuery":
      return `${_tag} ${Bytes.toHex(read.oracle)} ${Bytes.toHex(read.query)}`
    case "Name":
      return `${_tag} ${Bytes.toHex(read.name)}`
  }
}

const readsOf = (answers: ReadonlyArray<Answered>): ChainReads => {
  const all = new Map(answers.map(({ answer, read }) => [keyOf(read), answer]))
  const find = <T extends keyof ChainValues>(tag: T, read: ChainRead): ChainValues[T] | Unavailable => {
    const answer = all.get(keyOf(read))
    return isOf(answer, tag) ? answer.value : unavailable(read)
  }
  return {
    balance: (account) => find("Balance", { _tag: "Balance", account }),
    blockHash: (height) => find("BlockHash", { _tag: "BlockHash", height }),
    isContract: (contract) => find("IsContract", { _tag: "IsContract", contract }),
    isPayable: (account) => find("IsPayable", { _tag: "IsPayable", account }),
    oracle: (oracle) => find("Oracle", { _tag: "Oracle", oracle }),
    oracleQuery: (oracle, query) => find("OracleQuery", { _tag: "OracleQuery", oracle, query }),
    name: (name) => find("Name", { _tag: "Name", name })
  }
}

const isOf = <T extends keyof ChainValues>(
  answer: ChainAnswer | undefined,
  tag: T
): answer is ChainAnswer & { readonly _tag: T; readonly value: ChainValues[T] } => answer?._tag === tag

const offline = new WeakMap<ClientConfig, Environment>()

/** What is known without asking the chain. One value for each client, so that nothing is run twice in it. */
export const withoutChain = (config: ClientConfig): Environment => {
  const known = offline.get(config)
  if (known !== undefined) return known
  const { networkId, protocol } = config
  const block = unavailable({ _tag: "Block" })
  const made: Environment = { networkId, protocol, block, gasLimit, chain: readsOf([]) }
  offline.set(config, made)
  return made
}

const environmentOf = (
  { networkId }: ClientConfig,
  { facts, protocol }: KnownBlock,
  answers: ReadonlyArray<Answered>
): Environment => ({ networkId, protocol, block: facts, gasLimit, chain: readsOf(answers) })

// ---------------------------------------------------------------- running

/** Whether an update runs contract code. */
export const runsCode = ({ _tag }: Update): boolean =>
  _tag === "OffChainNewContract" || _tag === "OffChainCallContract"

/** The contracts of updates in an environment; those that run none need nothing. */
export const contractsFor = (
  updates: ReadonlyArray<Update>,
  environment: Environment,
  crypto: CryptoService
): Apply.ContractExecutor | undefined =>
  updates.some(runsCode) ? FateContracts.executor(environment, crypto) : undefined

/** The trees of a round, or why the updates do not lead there. */
export const nextTrees = (
  { terms }: ClientConfig,
  trees: Trees.Trees,
  updates: ReadonlyArray<Update>,
  round: number,
  contracts?: Apply.ContractExecutor
): Trees.Trees | Apply.UpdateError =>
  Apply.applyUpdates(trees, updates, {
    round,
    channelReserve: terms.channelReserve,
    participants: [terms.initiatorId, terms.responderId],
    ...(contracts === undefined ? {} : { contracts })
  })

const unexecutable: { readonly [R in Apply.UpdateErrorReason]?: Unexecuted["reason"] } = {
  chain_data_unavailable: "chain_data",
  contracts_not_supported: "no_engine",
  wrong_vm_version: "no_engine",
  contract_crashed: "no_engine"
}

const readInWords = (read: ChainRead): string =>
  keyOf(read).replace(/^Block$/, "Block (the pinned block itself)")

/** Whether updates cannot be applied because they cannot be computed here; `undefined` if they are wrong. */
export const unexecutedBy = (error: Apply.UpdateError): Unexecuted | undefined => {
  const reason = unexecutable[error.reason]
  if (reason === undefined) return undefined
  const { gasUsed, read } = error
  const detail =
    read === undefined
      ? (error.detail ?? error.reason)
      : `the contract looks at the chain (${readInWords(read)}), and the client knows nothing of that`
  return {
    _tag: "Unexecuted",
    reason,
    detail,
    ...(read === undefined ? {} : { read }),
    ...(gasUsed === undefined ? {} : { gasUsed })
  }
}

/** The call of the first update that runs a contract, as it stands in the trees of its round. */
export const callIn = (
  trees: Trees.Trees,
  updates: ReadonlyArray<Update>,
  round: number
): CallObject | undefined => {
  for (const update of updates) {
    if (update._tag === "OffChainCallContract")
      return FateContracts.callObject(trees, update.contractId, update.callerId, round)
    if (update._tag === "OffChainNewContract")
      return FateContracts.callObject(trees, FateContracts.contractIdOf(update, round), update.owner, round)
  }
  return undefined
}

// ---------------------------------------------------------------- asking the chain

/** What the shell asks the chain. */
export type ChainQuestion =
  | { readonly _tag: "Top" }
  | { readonly _tag: "Block"; readonly which: BlockHash | number }
  | { readonly _tag: "Read"; readonly read: ChainRead; readonly at: BlockHash }

/** What came of a question: the answer of the same kind, or why there is none. */
export type ChainTold =
  | { readonly _tag: "Top"; readonly top: Top }
  | { readonly _tag: "Block"; readonly block: KnownBlock | undefined }
  | { readonly _tag: "Read"; readonly answer: ChainAnswer }
  | { readonly _tag: "Failed"; readonly detail: string }

/** Blocks that are tried for one round, at most. */
const maximumBlocks = 32
/** Reads of the chain for one round, at most. */
const maximumReads = 100

/**
 * Gas of runs that came to nothing but a read, at most, for one round: whoever has a contract work hard before each read
 * would otherwise keep us busy for minutes.
 */
const maximumGas = 10_000_000

/** A round that is being computed with the help of the chain. */
export interface Execution {
  readonly question: ChainQuestion
  readonly isForced: boolean
  readonly left: ReadonlyArray<BlockHash | number>
  readonly tried: ReadonlyArray<BlockHash>
  readonly block: KnownBlock | undefined
  readonly answers: ReadonlyArray<Answered>
  readonly reads: number
  /** Used by runs that had to be begun again. */
  readonly gas: number
  /** Why the round could not be computed. */
  readonly doubt: Unexecuted
  /** What is wrong with it in one that was tried. */
  readonly error: VerificationError | undefined
}

/** Begins with a round that could not be computed without the chain; `named` is the block that we asked for. */
export const begin = (doubt: Unexecuted, named: BlockHash | undefined, isForced: boolean): Execution => ({
  question: named === undefined ? { _tag: "Top" } : { _tag: "Block", which: named },
  isForced,
  left: [],
  tried: [],
  block: undefined,
  answers: [],
  reads: 0,
  gas: 0,
  doubt,
  error: undefined
})

/** Blocks that may come between the node's look at a proposal and ours. */
const grace = 5

/**
 * The blocks that a node takes for a proposal, first the one that it picks, and at last those that were not too old for
 * it some blocks ago. The newest one also stands for a proposal that is not pinned; progress that is forced is computed
 * there.
 */
const candidates = (
  { parameters }: ClientConfig,
  { height, newest }: Top,
  isForced: boolean
): ReadonlyArray<BlockHash | number> => {
  const { notNewerThan = 0, notOlderThan = 10, pick = 0 } = parameters.blockHashDelta ?? {}
  const picked = Math.max(height - notNewerThan - Math.min(notOlderThan, notNewerThan + pick), 0)
  const youngest = isForced ? height : height - notNewerThan
  const oldest = Math.max(height - notOlderThan - grace, 0)
  const heights = Array.from({ length: Math.max(youngest - oldest + 1, 0) }, (_, i) => youngest - i)
  const all = isForced ? [newest, ...heights] : [picked, newest, ...heights]
  return [...new Set(all)].slice(0, maximumBlocks)
}

/** What a round is, or why that is not known. */
type Judged<V extends object> = V | VerificationError | Unexecuted

/** The next question, or what the round is. */
export type Progress<V extends object> = { readonly execution: Execution } | { readonly verdict: Judged<V> }

const nextBlock = (execution: Execution): Progress<never> => {
  const [which, ...left] = execution.left
  if (which !== undefined)
    return {
      execution: {
        ...execution,
        left,
        block: undefined,
        answers: [],
        question: { _tag: "Block", which }
      }
    }
  return { verdict: execution.error ?? given(execution, "the chain has no such block") }
}

/** The end: nobody can say what the round is. */
const given = ({ doubt: { _tag, detail, reason } }: Execution, why: string): Unexecuted => ({
  _tag,
  detail: `${detail}; ${why}`,
  reason
})

/** Computes the round in a block, with what is known of it. */
const tryBlock = <V extends object>(
  execution: Execution,
  block: KnownBlock,
  config: ClientConfig,
  judge: (environment: Environment) => Judged<V>
): Progress<V> => {
  const verdict = judge(environmentOf(config, block, execution.answers))
  if (verdict instanceof VerificationError)
    return nextBlock({ ...execution, error: execution.error ?? verdict })
  if (!isUnexecuted(verdict)) return { verdict }
  const { gasUsed = 0, read } = verdict
  if (read === undefined) return { verdict }
  const gas = execution.gas + gasUsed
  if (gas > maximumGas)
    return { verdict: given(execution, `for ${execution.reads} answers it was computed with ${gas} gas`) }
  const isAsked = execution.answers.some((each) => keyOf(each.read) === keyOf(read))
  if (isAsked || execution.reads >= maximumReads)
    return { verdict: given(execution, `the chain was asked ${execution.reads} times`) }
  return {
    execution: {
      ...execution,
      doubt: verdict,
      block,
      reads: execution.reads + 1,
      gas,
      question: { _tag: "Read", read, at: block.hash }
    }
  }
}

/** Goes on with what the chain has told. */
export const next = <V extends object>(
  execution: Execution,
  told: ChainTold,
  config: ClientConfig,
  judge: (environment: Environment) => Judged<V>
): Progress<V> => {
  const { block, isForced, question } = execution
  switch (told._tag) {
    case "Top":
      return nextBlock({ ...execution, left: candidates(config, told.top, isForced) })
    case "Block":
      if (told.block === undefined || execution.tried.includes(told.block.hash)) return nextBlock(execution)
      return tryBlock(
        { ...execution, tried: [...execution.tried, told.block.hash] },
        told.block,
        config,
        judge
      )
    case "Read":
      if (block === undefined || question._tag !== "Read") return nextBlock(execution)
      return tryBlock(
        { ...execution, answers: [...execution.answers, { read: question.read, answer: told.answer }] },
        block,
        config,
        judge
      )
    case "Failed":
      return { verdict: given(execution, told.detail) }
  }
}
