/**
 * What must hold before we sign what forces progress: the call that we asked for, on the latest state, leading to the
 * state that it leads to here.
 *
 * @internal
 */
import type * as Transaction from "../../chain/Transaction.js"
import type { AccountAddress } from "../../encoding/ApiEncoding.js"
import * as Bytes from "../../encoding/Bytes.js"
import type { Environment } from "../../fate/Environment.js"
import { VerificationError } from "../../protocol/Errors.js"
import type { SignRequest } from "../../protocol/NodeMessage.js"
import * as Apply from "../../state/Apply.js"
import * as Trees from "../../state/Trees.js"
import * as Update from "../../state/Update.js"
import type { CoSignedState } from "../ChannelEvent.js"
import {
  balancesOf,
  bodyOf,
  callChecks,
  type Check,
  type Context,
  feeChecks,
  firstWrong,
  hex,
  onChainChecks,
  same,
  sameBytes,
  wrong,
  wrongType
} from "./checks.js"
import { signatureChecks } from "./coSigned.js"
import {
  callIn,
  contractsFor,
  isUnexecuted,
  nextTrees,
  type Unexecuted,
  unexecutedBy,
  type Verdict
} from "./execution.js"
import type { OperationRequest } from "./model.js"
import { payloadChecks, reading } from "./verifySolo.js"

type Forced = Transaction.ChannelForceProgressTx

/** The call in a transaction that forces progress. */
export const updateOf = ({ update }: Forced): Update.OffChainCallContract | undefined => {
  const read = reading(() => Update.decodeOrThrow(update))
  return read?._tag === "OffChainCallContract" ? read : undefined
}

/**
 * Where it begins: the latest state, by its payload (none if the chain holds that state already; if it does not, the
 * chain does not take the transaction) and by its trees.
 */
export function* groundChecks(context: Context, latest: CoSignedState, tx: Forced): Generator<Check> {
  yield same("channelId", latest.channelId, tx.channelId)
  yield same("round", latest.round + 1, tx.round)
  if (tx.payload.length > 0) yield* payloadChecks(context, latest, tx.payload)
  const trees = reading(() => Trees.decodeOrThrow(tx.offchainTrees))
  if (trees === undefined)
    yield ["offchainTrees", false, "off-chain trees", hex(tx.offchainTrees.subarray(0, 32))]
  else yield sameBytes("offchainTrees", Trees.stateHash(latest.trees), Trees.stateHash(trees))
}

function* forcedChecks(
  context: Context,
  latest: CoSignedState,
  request: SignRequest,
  tx: Forced,
  asked: OperationRequest | undefined
): Generator<Check> {
  yield* groundChecks(context, latest, tx)
  yield same("fromId", context.config.own, tx.fromId)
  const update = updateOf(tx)
  if (asked?._tag !== "ForceProgress" || update === undefined) {
    yield same("update", "OffChainCallContract", "another")
    return
  }
  yield* callChecks(context, update, asked, asked)
  const told = request.updates.map((each) => hex(Update.encode(each)))
  yield same("updates", hex(tx.update), told.join(", "))
  const { gasPrice, nonce } = asked
  const options = nonce === undefined ? { gasPrice } : { gasPrice, nonce }
  yield* onChainChecks(context, tx, options, request)
  yield* feeChecks(context, tx, options)
  yield* signatureChecks(context, request)
}

/** The state that a forced call leads to, or why that is not known. */
export const forcedTrees = (
  context: Context,
  latest: CoSignedState,
  tx: Forced,
  update: Update.Update,
  environment: Environment
): Trees.Trees | VerificationError | Unexecuted => {
  const updates = updatesFor(tx, update)
  const contracts = contractsFor(updates, environment, context.crypto)
  const trees = nextTrees(context.config, latest.trees, updates, tx.round, contracts)
  if (trees instanceof Apply.UpdateError)
    return unexecutedBy(trees) ?? wrong(context, "update", "an update that can be applied", trees.reason)
  return firstWrong(context, [sameBytes("stateHash", Trees.stateHash(trees), tx.stateHash)]) ?? trees
}

const lists = new WeakMap<Forced, ReadonlyArray<Update.Update>>()

/** The same list for the same transaction, so that what was computed is not computed again. */
const updatesFor = (tx: Forced, update: Update.Update): ReadonlyArray<Update.Update> => {
  const known = lists.get(tx)
  if (known !== undefined) return known
  const made = [update]
  lists.set(tx, made)
  return made
}

/** Forces the call that we asked for. */
export const verifyForced = (
  context: Context,
  { environment, latest }: { readonly latest: CoSignedState; readonly environment: Environment },
  request: SignRequest,
  asked: OperationRequest | undefined
): Verdict => {
  const tx = bodyOf(request)
  if (tx._tag !== "ChannelForceProgressTx") return wrongType(context, request)
  const error = firstWrong(context, forcedChecks(context, latest, request, tx, asked))
  const update = updateOf(tx)
  if (error !== undefined) return error
  if (update === undefined) return wrongType(context, request)
  const trees = forcedTrees(context, latest, tx, update, environment)
  if (trees instanceof VerificationError || isUnexecuted(trees)) return trees
  const call = callIn(trees, [update], tx.round)
  return {
    channelId: latest.channelId,
    round: latest.round,
    after: balancesOf(context.config, trees),
    trees,
    ...(call === undefined ? {} : { call })
  }
}

/** Whether an account is one of the parties. */
export const isParty = ({ config }: Context, id: AccountAddress): boolean =>
  id === config.own || id === config.peer

export const sameHash = (trees: Trees.Trees, hash: Uint8Array): boolean =>
  Bytes.equals(Trees.stateHash(trees), hash)
