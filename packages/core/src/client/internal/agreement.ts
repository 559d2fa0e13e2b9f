/**
 * Who has authenticated a transaction: plain accounts by signatures, generalized ones by meta transactions around it, to
 * which their contracts on chain agree.
 *
 * @internal
 */
import * as SignedTx from "../../chain/SignedTx.js"
import type * as Transaction from "../../chain/Transaction.js"
import type { AccountAddress, ChannelId, TxHash } from "../../encoding/ApiEncoding.js"
import * as Bytes from "../../encoding/Bytes.js"
import type { Authentication } from "../../services/ChainReader.js"
import type { UnverifiedProposal } from "../../services/ProposalPolicy.js"

/** What is known of the contracts of generalized accounts: whether they agree, or why that is not known. */
export type Verdict = boolean | { readonly unknown: string }

/** Verdicts by the hash of what the parties have agreed to. */
export type Verdicts = ReadonlyMap<TxHash, Verdict>

/** An answer; `unasked` is what the policy was asked because nobody could ask the chain. */
export interface Answered {
  readonly question: Authentication
  readonly verdict: Verdict
  readonly unasked?: UnverifiedProposal | undefined
}

/** Of so many transactions the verdicts are kept. */
const mostVerdicts = 256

/** Verdicts with newer ones; the oldest are forgotten. */
export const withVerdicts = (known: Verdicts, answers: ReadonlyArray<Answered>): Verdicts => {
  const newer = answers.map(({ question, verdict }) => [SignedTx.hash(question.signedTx), verdict] as const)
  return new Map([...known, ...newer].slice(-mostVerdicts))
}

/** A transaction without those who only pay for it: as the parties have agreed to it. */
export const agreedOf = (signedTx: SignedTx.SignedTx): SignedTx.SignedTx => {
  let agreed = signedTx
  for (let each: SignedTx.SignedTx | undefined = signedTx; each !== undefined; ) {
    const inner: SignedTx.SignedTx | undefined = SignedTx.inner(each)
    if (each.tx._tag === "PayingForTx" && inner !== undefined) agreed = inner
    each = inner
  }
  return agreed
}

/** A transaction without the layers of those who pay for it or authenticate it in another way. */
export const contentOf = (signedTx: SignedTx.SignedTx): SignedTx.SignedTx => {
  const inner = SignedTx.inner(signedTx)
  return inner === undefined ? signedTx : contentOf(inner)
}

/** Whether two are about the same, whoever has agreed to it in whatever way. */
export const sameBody = (a: SignedTx.SignedTx, b: SignedTx.SignedTx): boolean =>
  Bytes.equals(contentOf(a).txBytes, contentOf(b).txBytes)

type Layer = Transaction.GaMetaTx

/**
 * The meta transactions around what the parties have agreed to, outermost first; `undefined` where one is signed, which
 * none is, or an account has several.
 */
export const layersOf = (agreed: SignedTx.SignedTx): ReadonlyArray<Layer> | undefined => {
  const layers: Array<Layer> = []
  for (let each: SignedTx.SignedTx | undefined = agreed; each?.tx._tag === "GaMetaTx"; ) {
    const { gaId } = each.tx
    if (each.signatures.length > 0 || layers.some((layer) => layer.gaId === gaId)) return undefined
    layers.push(each.tx)
    each = SignedTx.inner(each)
  }
  return layers
}

const sameLayer = (a: Layer, b: Layer): boolean =>
  a.version === b.version &&
  a.gaId === b.gaId &&
  a.fee === b.fee &&
  a.gas === b.gas &&
  a.gasPrice === b.gasPrice &&
  a.abiVersion === b.abiVersion &&
  Bytes.equals(a.authData, b.authData)

/**
 * The meta transactions that are around `agreed` and not around `sent` already, which is about the same; all of them
 * where those of `sent` are not the inner ones.
 */
export const layersBeyond = (
  layers: ReadonlyArray<Layer>,
  sent: SignedTx.SignedTx | undefined
): ReadonlyArray<Layer> => {
  const known = sent === undefined ? [] : (layersOf(agreedOf(sent)) ?? [])
  const more = layers.length - known.length
  const isInside = known.every((layer, index) => {
    const here = layers[more + index]
    return here !== undefined && sameLayer(layer, here)
  })
  return more >= 0 && isInside ? layers.slice(0, more) : layers
}

/** Who of both parties was generalized when the channel was created. */
interface Kinds {
  readonly surely: ReadonlyArray<AccountAddress>
  readonly perhaps: ReadonlyArray<AccountAddress>
}

/** Who of the parties was generalized when the channel was created, if a state that both have signed tells that. */
export const generalizedIn = (signedTx: SignedTx.SignedTx): ReadonlyArray<AccountAddress> | undefined => {
  const { tx } = contentOf(signedTx)
  const isTold = tx._tag === "ChannelCreateTx" || tx._tag === "ChannelOffchainTx"
  return isTold ? layersOf(agreedOf(signedTx))?.map(({ gaId }) => gaId) : undefined
}

/**
 * What a co-signed state tells of how the parties authenticate off-chain transactions: as when the channel was created.
 * For deposits and withdrawals counts how they do it now: accounts become generalized, never plain again.
 */
const kindsIn = (latest: SignedTx.SignedTx): Kinds | undefined => {
  const { tx } = contentOf(latest)
  const generalized = generalizedIn(latest)
  if (generalized !== undefined) return { surely: generalized, perhaps: generalized }
  const perhaps = layersOf(agreedOf(latest))?.map(({ gaId }) => gaId) ?? []
  return tx._tag === "ChannelDepositTx" || tx._tag === "ChannelWithdrawTx"
    ? { surely: [], perhaps }
    : undefined
}

/** What is known of how the parties authenticate off-chain transactions. */
export interface Ways {
  /** Who was generalized when the channel was created, where that is known. */
  readonly generalized?: ReadonlyArray<AccountAddress> | undefined
  /** The latest state that both have signed. */
  readonly latest: SignedTx.SignedTx | undefined
}

const kindsOf = ({ generalized, latest }: Ways): Kinds | undefined => {
  if (generalized !== undefined) return { surely: generalized, perhaps: generalized }
  return latest === undefined ? undefined : kindsIn(latest)
}

/** Whether the parties of an open channel have authenticated a state in the ways in which they must. */
export const isInRightWays = (agreed: SignedTx.SignedTx, ways: Ways): boolean => {
  if (contentOf(agreed).tx._tag !== "ChannelOffchainTx") return true
  const kinds = kindsOf(ways)
  const ids = layersOf(agreed)?.map(({ gaId }) => gaId)
  if (kinds === undefined || ids === undefined) return ids !== undefined
  return kinds.surely.every((id) => ids.includes(id)) && ids.every((id) => kinds.perhaps.includes(id))
}

/** The same of a state that only the other party has authenticated so far. */
export const isInHalfTheRightWays = (
  signedTx: SignedTx.SignedTx,
  ways: Ways,
  other: AccountAddress
): boolean => {
  if (contentOf(signedTx).tx._tag !== "ChannelOffchainTx") return true
  const kinds = kindsOf(ways)
  if (kinds === undefined) return true
  return isByContract(signedTx, other) ? kinds.perhaps.includes(other) : !kinds.surely.includes(other)
}

/** Whether an account authenticates a transaction by its contract, or so it says. */
export const isByContract = (agreed: SignedTx.SignedTx, account: AccountAddress): boolean =>
  SignedTx.metaLayers(agreed).some(({ gaId }) => gaId === account)

/** What is to be asked about a transaction that generalized accounts have authenticated; `undefined` if none has. */
export const questionOf = (signedTx: SignedTx.SignedTx): Authentication | undefined => {
  const agreed = agreedOf(signedTx)
  if (agreed.tx._tag !== "GaMetaTx") return undefined
  const { tx } = contentOf(agreed)
  const channelId: ChannelId | undefined = tx._tag === "ChannelOffchainTx" ? tx.channelId : undefined
  return { signedTx: agreed, txHash: SignedTx.hash(signedTx), channelId }
}
