/**
 * What of a message has to be asked of the chain before it is heard: whether generalized accounts agree to transactions
 * in it. We believe it of what we have sent ourselves, and of what we were told before.
 *
 * @internal
 */
import * as Ids from "../../chain/Ids.js"
import * as SignedTx from "../../chain/SignedTx.js"
import type * as Transaction from "../../chain/Transaction.js"
import type { NodeMessage } from "../../protocol/NodeMessage.js"
import { type SignTag, signTagRow } from "../../protocol/SignTag.js"
import type { Authentication } from "../../services/ChainReader.js"
import type { Proposal, UnverifiedProposal } from "../../services/ProposalPolicy.js"
import type { Update } from "../../state/Update.js"
import { type Answered, contentOf, layersBeyond, layersOf, questionOf, withVerdicts } from "./agreement.js"
import { balancesOf } from "./checks.js"
import { roundOf } from "./coSigned.js"
import type { Draft } from "./draft.js"
import type { ClientState } from "./model.js"
import { seenFromUs, worstOwnBalance } from "./signing.js"
import { readPayload } from "./verifySolo.js"

/** A question, and what the transaction is told to be. */
export interface Doubt {
  readonly question: Authentication
  readonly tag: SignTag
  readonly updates: ReadonlyArray<Update>
}

interface Shown {
  readonly signedTx: SignedTx.SignedTx
  readonly tag?: SignTag
  readonly updates?: ReadonlyArray<Update>
}

/** The transactions of a message. */
const shownIn = (message: NodeMessage): ReadonlyArray<Shown> => {
  if (message._tag === "Replied") {
    const { value } = message
    if (value._tag !== "OffChainState") return []
    return [value.signedTx, value.halfSignedTx].flatMap((signedTx) =>
      signedTx === undefined ? [] : [{ signedTx }]
    )
  }
  if (message._tag !== "Reported") return []
  const { report } = message
  switch (report._tag) {
    case "SignRequest":
      return [report]
    case "StateUpdate":
    case "LeaveReport":
      return [{ signedTx: report.state }]
    case "OnChainTx":
      return [{ signedTx: report.tx }]
    default:
      return []
  }
}

/** With the co-signed state in it, where it shows one to the chain. */
const withPayload = (shown: Shown): ReadonlyArray<Shown> => {
  const { tx } = contentOf(shown.signedTx)
  const payload = "payload" in tx && tx.payload.length > 0 ? readPayload(tx.payload) : undefined
  return payload === undefined ? [shown] : [shown, { signedTx: payload }]
}

/** Whether all is there that we have sent, and nothing else. */
const isSent = ({ exposure, latest }: ClientState, agreed: SignedTx.SignedTx): boolean => {
  const txHash = SignedTx.bodyHash(agreed)
  const layers = layersOf(agreed) ?? []
  const isKnown = (sent: SignedTx.SignedTx): boolean =>
    SignedTx.bodyHash(sent) === txHash && layersBeyond(layers, sent).length === 0
  return (latest !== undefined && isKnown(latest.signedTx)) || exposure.some((each) => isKnown(each.signedTx))
}

/** Takes note of what was answered, and tells what the policy had to decide about. */
export const onAuthenticated = (draft: Draft, answers: ReadonlyArray<Answered>): void => {
  draft.patch({ verdicts: withVerdicts(draft.state.verdicts, answers) })
  for (const { unasked } of answers) {
    if (unasked === undefined) continue
    const { detail, reason, round, tag } = unasked
    draft.emit({ _tag: "RoundUnverified", tag, round, reason, detail })
  }
}

/** What is to be asked before a message is heard. */
export const doubtsIn = (state: ClientState, message: NodeMessage): ReadonlyArray<Doubt> =>
  shownIn(message)
    .flatMap(withPayload)
    .flatMap(({ signedTx, tag, updates = [] }) => {
      const question = questionOf(signedTx)
      if (question === undefined || state.verdicts.get(SignedTx.hash(question.signedTx)) === true) return []
      if (isSent(state, question.signedTx)) return []
      const txHash = SignedTx.bodyHash(signedTx)
      const known = state.exposure.find((each) => each.txHash === txHash)
      return [{ question, tag: tag ?? known?.tag ?? "update", updates: known?.updates ?? updates }]
    })

const operations: { readonly [T in Transaction.Tag]?: Proposal["operation"] } = {
  ChannelCreateTx: "open",
  ChannelOffchainTx: "update",
  ChannelDepositTx: "deposit",
  ChannelWithdrawTx: "withdraw",
  ChannelCloseMutualTx: "shutdown"
}

/**
 * What the policy is asked where the chain could not be; `undefined` for what one party does alone, of which there is the
 * node's word.
 */
export const unverifiedOf = (
  state: ClientState,
  { question: { signedTx }, tag, updates }: Doubt,
  detail: string
): UnverifiedProposal | undefined => {
  const { config, trees } = state
  const { tx } = contentOf(signedTx)
  const operation = operations[tx._tag]
  const channelId = state.channelId ?? Ids.channelIdOf(signedTx)
  if (operation === undefined || channelId === undefined) return undefined
  return {
    operation,
    tag,
    proposer: signTagRow(tag).side === "acknowledger" ? config.peer : config.own,
    channelId,
    signedTx,
    updates,
    round: roundOf(tx) ?? 0,
    before: seenFromUs(state, balancesOf(config, trees)),
    worstOwnBalance: worstOwnBalance(state),
    reason: "authentication",
    detail
  }
}
