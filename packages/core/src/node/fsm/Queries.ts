/**
 * Requests that change nothing, and messages between the clients.
 *
 * Specification: channel WebSocket API, getters, history and messages.
 *
 * @since 0.1.0
 */
import type { AccountAddress } from "../../encoding/ApiEncoding.js"
import type { FetchHistory, GetBalances, GetPoi, SendMessage } from "../../protocol/Request.js"
import * as Poi from "../../state/Poi.js"
import * as Trees from "../../state/Trees.js"
import type { CallId } from "../FsmEvent.js"
import type { PeerMessage } from "../PeerMessage.js"
import * as History from "./History.js"
import type { Outcome, Step } from "./Step.js"

/** Balances in the order asked for; who has no account is left out. @since 0.1.0 @category handlers */
export const getBalances = (step: Step, request: GetBalances, callId: CallId): Outcome => {
  const { trees } = step.state.offChain
  const balances = request.accounts.flatMap((account) => {
    const balance = Trees.balance(trees, account)
    return balance === undefined ? [] : [{ account, balance }]
  })
  step.value(callId, { _tag: "Balances", balances })
}

/** A proof of inclusion; with each contract comes its account. @since 0.1.0 @category handlers */
export const getPoi = (step: Step, request: GetPoi, callId: CallId): Outcome => {
  const poi = Poi.build(step.state.offChain.trees, {
    accounts: [...request.accounts, ...request.contracts],
    contracts: request.contracts
  })
  if (poi instanceof Poi.NotFound) return step.refuse(callId, "not_found")
  step.value(callId, { _tag: "Poi", poi: Poi.toText(poi) })
}

/** The whole off-chain state. @since 0.1.0 @category handlers */
export const getOffChainState = (step: Step, callId: CallId): Outcome => {
  const { calls, halfSignedTx, signedTx, trees } = step.state.offChain
  step.value(callId, {
    _tag: "OffChainState",
    trees: Trees.toText(trees),
    calls: Trees.callsToText(calls),
    signedTx,
    halfSignedTx
  })
}

/** The log. @since 0.1.0 @category handlers */
export const fetchHistory = (step: Step, request: FetchHistory, callId: CallId): Outcome =>
  step.value(callId, { _tag: "History", entries: History.fetch(step.state.log, request) })

/**
 * A text for the peer. Other senders and receivers only with message forwarding. Before the channel has an id the
 * peer would drop it, so it is not sent.
 *
 * @since 0.1.0
 * @category handlers
 */
export const sendMessage = (step: Step, request: SendMessage, callId: CallId): Outcome => {
  const { channelId, options } = step.state
  const from: AccountAddress = request.from ?? step.ownAddress
  const direct = from === step.ownAddress && request.to === step.otherAddress
  if (!direct && !options.msgForwarding) return step.refuse(callId, "unknown_recipient")
  step.accept(callId)
  if (channelId === null) return step.dropped("inband_msg", "no_channel_id")
  step.tell({ _tag: "InbandMessage", channelId, from, to: request.to, info: request.info })
}

/**
 * A text of the peer. It needs a client to read it, and addresses that fit.
 *
 * @since 0.1.0
 * @category handlers
 */
export const inbandMessage = (
  step: Step,
  message: Extract<PeerMessage, { readonly _tag: "InbandMessage" }>
): Outcome => {
  const { channelId, clientConnected, options } = step.state
  const toMe = message.to === step.ownAddress
  const fromPeer = message.from === step.otherAddress
  const addressed = (toMe && fromPeer) || (options.msgForwarding && (toMe || fromPeer))
  if (!clientConnected || channelId === null || message.channelId !== channelId || !addressed) {
    return step.dropped("inband_msg", "not_for_this_client")
  }
  step.received(message)
  step.report("message", {
    _tag: "MessageReport",
    from: message.from,
    to: message.to,
    info: message.info
  })
}
