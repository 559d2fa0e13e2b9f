/**
 * What we can start, as one table: which signature it takes, how it ends, and what becomes of it when it meets
 * something of the peer.
 *
 * @internal
 */
import type { Request } from "../../protocol/Request.js"
import { type SignTag, signTagRow } from "../../protocol/SignTag.js"
import type { CallId, Command, OperationRequest, OwnKind, OwnOperation } from "./model.js"

/** One kind of operation. */
export interface Row {
  /** The signature that the node asks for; which one the opening takes depends on the role. */
  readonly tag: SignTag | undefined
  /**
   * What ends it well: a co-signed state, our transaction `seen` on chain, the state that it has `forced` there, the
   * channel's confirmed end (`closed`), or the session's (`left`).
   */
  readonly ends: "co-signed" | "seen" | "forced" | "closed" | "left"
  /**
   * Whether only one of both goes on when our request meets a proposal of the peer at the node. The others wait there
   * until the peer's is done.
   */
  readonly collides: boolean
}

/** The table. */
export const kinds: { readonly [K in OwnKind]: Row } = {
  open: { tag: undefined, ends: "co-signed", collides: false },
  transfer: { tag: "update", ends: "co-signed", collides: true },
  new_contract: { tag: "update", ends: "co-signed", collides: true },
  call_contract: { tag: "update", ends: "co-signed", collides: true },
  force_progress: { tag: "force_progress_tx", ends: "forced", collides: true },
  deposit: { tag: "deposit_tx", ends: "co-signed", collides: true },
  withdraw: { tag: "withdraw_tx", ends: "co-signed", collides: true },
  shutdown: { tag: "shutdown_sign", ends: "closed", collides: false },
  leave: { tag: undefined, ends: "left", collides: false },
  snapshot_solo: { tag: "snapshot_solo_tx", ends: "seen", collides: true },
  close_solo: { tag: "close_solo_sign", ends: "seen", collides: true },
  slash: { tag: "slash_tx", ends: "seen", collides: true },
  settle: { tag: "settle_sign", ends: "closed", collides: true }
}

/** Whether this is the name of a kind. */
export const isKind = (name: string): name is OwnKind => Object.hasOwn(kinds, name)

/** Whether our signature alone makes the transaction, so that the peer has no say in it. */
export const isSolo = (kind: OwnKind): boolean => {
  const { tag } = kinds[kind]
  return tag !== undefined && signTagRow(tag).side === "solo"
}

/** Whether this ends the channel, or the session, so that it must not wait for somebody who thinks. */
export const ends = (kind: OwnKind): boolean =>
  kind === "close_solo" || kind === "slash" || kinds[kind].ends === "closed" || kinds[kind].ends === "left"

/** Whether the state that this leads to counts only once the transaction is deep enough in the chain. */
export const needsDepth = (tag: SignTag): boolean => {
  const { transaction } = signTagRow(tag)
  return transaction === "channel_deposit_tx" || transaction === "channel_withdraw_tx"
}

/** Whether the chain never sees the transaction by itself. */
export const isOffChain = (tag: SignTag): boolean => signTagRow(tag).transaction === "channel_offchain_tx"

/** Whether this leads to a next state. */
export const leadsToState = (tag: SignTag): boolean => needsDepth(tag) || isOffChain(tag)

const kindOfRequest = {
  Transfer: "transfer",
  NewContract: "new_contract",
  CallContract: "call_contract",
  ForceProgress: "force_progress",
  Deposit: "deposit",
  Withdraw: "withdraw",
  Shutdown: "shutdown",
  Leave: "leave",
  SnapshotSolo: "snapshot_solo",
  CloseSolo: "close_solo",
  Slash: "slash",
  Settle: "settle"
} as const satisfies { readonly [T in OperationRequest["_tag"]]: OwnKind }

const names: { readonly [T in Request["_tag"]]: string } = {
  ...kindOfRequest,
  NewContractFromOnChain: "new_contract_from_onchain",
  DryRunContract: "dry_run",
  GetContractCall: "get.contract_call",
  GetContract: "get.contract",
  CleanContractCalls: "clean_contract_calls",
  SendMessage: "message",
  Ping: "ping",
  Stop: "stop",
  AssumeMinimumDepth: "assume_minimum_depth",
  GetBalances: "get.balances",
  GetPoi: "get.poi",
  GetOffChainState: "get.offchain_state",
  FetchHistory: "history.fetch",
  SigningReply: "signature",
  SigningError: "abort"
}

/** Whether a request takes the channel's turn. */
export const isOperation = (request: Request): request is OperationRequest =>
  Object.hasOwn(kindOfRequest, request._tag)

/** How a request is called in errors. */
export const operationOf = (request: Request): string => names[request._tag]

/** How a command is called in errors before it is a request. */
export const nameOf = (command: Command): string =>
  command._tag === "Operate" ? kindOfRequest[command.request._tag] : command._tag.toLowerCase()

const waiting = (callId: CallId, kind: OwnKind): OwnOperation => ({
  callId,
  kind,
  request: undefined,
  requestId: undefined,
  taken: false,
  tag: kinds[kind].tag,
  step: "waiting",
  waiting: true,
  byItself: false,
  signing: undefined,
  answer: undefined,
  aborts: [],
  abortCode: undefined
})

/** The opening, which was asked for by connecting. */
export const opening = (callId: CallId, tag: SignTag): OwnOperation => ({
  ...waiting(callId, "open"),
  step: "requested",
  tag
})

/** An operation that waits for its turn. */
export const operation = (callId: CallId, request: OperationRequest): OwnOperation => ({
  ...waiting(callId, kindOfRequest[request._tag]),
  request
})

/** The key of an operation that we start by ourselves; callers' keys are positive. */
export const ownCall: CallId = -2

/** The answer to an older state on chain, for which nobody asked. */
export const slashByItself: OwnOperation = {
  ...operation(ownCall, { _tag: "Slash" }),
  waiting: false,
  byItself: true
}
