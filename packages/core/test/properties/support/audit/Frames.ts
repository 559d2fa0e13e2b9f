/** What node and client say to each other. */
import * as SignedTx from "../../../../src/chain/SignedTx.js"
import * as Transaction from "../../../../src/chain/Transaction.js"
import * as Bytes from "../../../../src/encoding/Bytes.js"
import * as Json from "../../../../src/encoding/Json.js"
import type { Role } from "../../../../src/protocol/OpenParameters.js"
import { type SignTag, signTags } from "../../../../src/protocol/SignTag.js"
import type { SigningDetails } from "../../../../src/services/Signer.js"
import * as Trees from "../../../../src/state/Trees.js"
import * as Update from "../../../../src/state/Update.js"
import { networkId } from "../../../support/NodeUnderTest.js"
import { keyPairs, otherRole } from "../Doubles.js"
import type { Entry, Request } from "../Journal.js"
import * as Bodies from "./Bodies.js"
import { bodyOf, count, type Facts, type Session } from "./Facts.js"

const isTag = (name: string): name is SignTag => name in signTags

const at = (json: Json.Json | undefined, ...path: ReadonlyArray<string>): Json.Json | undefined =>
  path.reduce<Json.Json | undefined>((here, key) => Json.field(here ?? null, key), json)

const text = (json: Json.Json | undefined, ...path: ReadonlyArray<string>): string | undefined => {
  const value = at(json, ...path)
  return typeof value === "string" && value !== "" ? value : undefined
}

const idOf = (json: Json.Json): string | undefined => {
  const id = Json.field(json, "id")
  return id === undefined || id === null ? undefined : Json.stringify(id)
}

const changesState = (tag: SignTag): boolean =>
  ["channel_offchain_tx", "channel_deposit_tx", "channel_withdraw_tx"].includes(signTags[tag].transaction)

/** How deep the transaction must be: the tenth root of its fee in units of 10⁹, which is both nodes' default. */
const wantedDepth = (fee: bigint): number => Math.ceil((Number(fee) / 1e9) ** 0.1 - 1e-9)

/** I14: what is said belongs to the session that it is said on. */
const checkSession = (
  facts: Facts,
  entry: Extract<Entry, { readonly _tag: "Frame" }>,
  session: Session,
  json: Json.Json
): void => {
  const { direction, role } = entry
  const id = idOf(json)
  facts.check(
    "I14",
    session.role === role && !session.isOver,
    () => `${role}: a frame on a session that is over`
  )
  if (direction === "out") {
    if (id === undefined) return
    facts.check("I14", !session.requests.has(id), () => `${role}: a second request ${id} on one session`)
    session.requests.add(id)
    return
  }
  if (id === undefined || Json.field(json, "method") !== undefined) return
  facts.check(
    "I14",
    session.requests.has(id) && !session.answered.has(id),
    () => `${role}: the answer to request ${id}, which was not asked on this session or has its answer`
  )
  session.answered.add(id)
}

export const see = (facts: Facts, entry: Extract<Entry, { readonly _tag: "Frame" }>): void => {
  const json = Json.parseOrThrow(entry.text)
  const session = facts.sessions.get(entry.session)
  if (session !== undefined) checkSession(facts, entry, session, json)
  if (entry.direction === "in") nodeSaid(facts, entry.role, json, session)
  else clientSaid(facts, entry.role, json, entry.session)
}

/** I15: who comes back to a channel that is being closed does not sign another state for it. */
const checkComeBack = (facts: Facts, role: Role, tag: SignTag, session: Session | undefined): void => {
  const { channelId } = facts
  if (session?.beganClosing !== true || channelId === undefined || !changesState(tag)) return
  facts.check(
    "I15",
    (facts.chain.lockedUntil(channelId) ?? 0) === 0,
    () => `${role}: came back to a channel that is being closed, and is to sign ${tag}`
  )
}

const goesOn: ReadonlySet<string> = new Set(["channel_reestablished", "open", "closing"])

/** I15: the chain is looked at before anything goes on. */
const checkWarned = (facts: Facts, role: Role, event: string, session: Session): void =>
  facts.check(
    "I15",
    !goesOn.has(event) || !session.isOwedWarning || !facts.isBehind(role),
    () =>
      `${role}: came back to a channel that is being closed with an older state, and hears "${event}" first`
  )

const nodeSaid = (facts: Facts, role: Role, json: Json.Json, session: Session | undefined): void => {
  const party = facts.parties[role]
  const method = text(json, "method")?.replace("channels.", "")
  const asked = text(json, "params", "data", "signed_tx")
  if (method !== undefined && asked !== undefined && method.startsWith("sign.")) {
    const tag = method.replace("sign.", "")
    party.asked.add(`${tag}/${bodyOf(facts.parse(asked))}`)
    if (isTag(tag)) checkComeBack(facts, role, tag, session)
    return
  }
  const state = text(json, "params", "data", "state")
  if (method === "update" && state !== undefined) return stateShown(facts, role, facts.parse(state), session)
  if (method === "conflict") {
    const code = at(json, "params", "data", "error_code") ?? null
    return facts.count(`conflict ${Json.stringify(code)}`)
  }
  const event = text(json, "params", "data", "event")
  if (method === "info" && event !== undefined) {
    facts.count(`info ${event}`)
    if (session !== undefined) checkWarned(facts, role, event, session)
  }
  const info = text(json, "params", "data", "info")
  if (method === "on_chain_tx" && info !== undefined) {
    facts.count(`on_chain_tx ${info}`)
    const tx = text(json, "params", "data", "tx")
    if (tx !== undefined) party.told.add(bodyOf(facts.parse(tx)))
    if (info === "consumed_forced_progress" && tx !== undefined) forcedShown(facts, role, facts.parse(tx))
    if (info === "can_slash" && session !== undefined) session.isOwedWarning = false
  }
  const log = at(json, "result")
  for (const entry of Array.isArray(log) ? log : []) {
    const tx = text(entry, "info", "tx")
    if (tx !== undefined) party.told.add(bodyOf(facts.parse(tx)))
  }
  const trees = text(json, "result", "trees")
  if (trees === undefined) return
  const read = Trees.fromTextOrThrow(trees)
  const latest = text(json, "result", "signed_tx")
  const signedTx = latest === undefined ? undefined : facts.parse(latest)
  const meaning = signedTx === undefined ? undefined : facts.meanings.get(bodyOf(signedTx))
  facts.checkTrees(`${role}'s node`, read, meaning ?? facts.beginning)
  // Who comes back to a machine asks for what it has missed.
  if (signedTx !== undefined && meaning !== undefined && meaning.round > (party.reported?.round ?? 0)) {
    party.reported = { round: meaning.round, body: bodyOf(signedTx) }
    facts.count("co-signed rounds found at a node")
  }
  const tx = signedTx?.tx
  facts.check(
    "I1",
    tx !== undefined && "stateHash" in tx && Bytes.equals(tx.stateHash, Trees.stateHash(read)),
    () => `${role}'s node: its trees are not those of its latest transaction`
  )
}

/** The chain has made a state, on the word of one party. */
const forcedShown = (facts: Facts, role: Role, signedTx: SignedTx.SignedTx): void => {
  const party = facts.parties[role]
  const content = SignedTx.innermost(signedTx)
  const body = bodyOf(content)
  const meaning = facts.meanings.get(body)
  const where = `${role}'s node, forced round ${meaning?.round}`
  facts.check("I12", meaning?.isForced === true, () => `${where}: nobody has forced that`)
  facts.checkCoSigned(where, content)
  if (party.toldForced.has(body)) return facts.count("forced rounds told again")
  party.toldForced.add(body)
  facts.check(
    "I5",
    meaning !== undefined && meaning.round >= (party.reported?.round ?? 0),
    () => `${where}: after round ${party.reported?.round}`
  )
  party.reported = { round: meaning?.round ?? 0, body }
  facts.count("forced rounds at a node")
}

const stateShown = (
  facts: Facts,
  role: Role,
  signedTx: SignedTx.SignedTx,
  session: Session | undefined
): void => {
  const party = facts.parties[role]
  const body = bodyOf(signedTx)
  const meaning = facts.meanings.get(body)
  const round = meaning?.round ?? 0
  const before = party.reported
  facts.check(
    "I12",
    meaning !== undefined,
    () => `${role}'s node reports a state that nobody was asked to sign`
  )
  // Who comes back is shown the latest state, whether or not it has heard of it.
  const isFirst = session?.again === true && !session.hasShownState
  facts.check(
    "I5",
    round === (before?.round ?? 0) + 1 ||
      // A machine that joins another says again what both hold.
      body === before?.body ||
      // What both have signed takes the place of what one has forced.
      (round === before?.round && facts.meanings.get(before.body)?.isForced === true) ||
      (isFirst && round > (before?.round ?? 0)),
    () => `${role}'s node goes from round ${before?.round ?? 0} to ${round}`
  )
  facts.checkCoSigned(`${role}'s node, round ${round}`, signedTx)
  if (session !== undefined) session.hasShownState = true
  party.reported = { round, body }
  if (body === before?.body) return
  facts.count("co-signed rounds at a node")
  checkDepth(facts, role, signedTx)
}

/** I3: coins that move on chain count once that is deep enough there, or when the client wants to believe it. */
const checkDepth = (facts: Facts, role: Role, signedTx: SignedTx.SignedTx): void => {
  const { tx } = signedTx
  if (tx._tag !== "ChannelDepositTx" && tx._tag !== "ChannelWithdrawTx") return
  const txHash = SignedTx.hash(signedTx)
  const depth = facts.chain.depthOf(txHash)
  const closing = facts.channelId === undefined ? undefined : facts.chain.lockedUntil(facts.channelId)
  facts.count(`${tx._tag === "ChannelDepositTx" ? "deposits" : "withdrawals"} that count at a node`)
  facts.check(
    "I3",
    (depth !== undefined && depth >= wantedDepth(tx.fee)) ||
      facts.parties[role].assumed.has(txHash) ||
      // What is in a block counts when somebody closes alone.
      (depth !== undefined && closing !== 0),
    () => `${role}'s node: ${Transaction.typeName(tx)} of round ${tx.round} counts at depth ${depth}`
  )
}

const isSame = (one: Update.Update, other: Update.Update): boolean =>
  Bytes.equals(Update.encode(one), Update.encode(other))

/** Whether a party's own caller has asked for this. */
const isAskedFor = (request: Request, { operation, signedTx, updates }: SigningDetails): boolean => {
  const { tx } = signedTx
  switch (request._tag) {
    case "Other":
      return request.name === operation
    case "Open":
      return operation === "open"
    case "Contract":
      return operation === request.name && updates[0] !== undefined && isSame(updates[0], request.update)
    case "Move":
      return (
        operation === request.operation &&
        (tx._tag === "ChannelDepositTx" || tx._tag === "ChannelWithdrawTx") &&
        tx.amount === request.amount
      )
    case "Transfer": {
      const [transfer, ...metas] = updates
      const payee = otherRole(request.payer)
      return (
        transfer?._tag === "OffChainTransfer" &&
        transfer.from === keyPairs[request.payer].address &&
        transfer.to === keyPairs[payee].address &&
        transfer.amount === request.amount &&
        metas.length === request.meta.length &&
        metas.every((meta, index) => meta._tag === "OffChainMeta" && meta.data === request.meta[index])
      )
    }
  }
}

const clientSaid = (facts: Facts, role: Role, json: Json.Json, session: number): void => {
  const tag = text(json, "method")?.replace("channels.", "") ?? ""
  const known = Object.entries(signTags).find(([name, { reply }]) => reply === tag || name === tag)?.[0]
  const signed = text(json, "params", "signed_tx")
  if (signed === undefined || known === undefined || !isTag(known)) return
  const party = facts.parties[role]
  const signedTx = facts.parse(signed)
  const { tx } = signedTx
  const body = bodyOf(signedTx)
  const where = `${role}, ${known}`
  const details = party.shown.get(body)
  const meaning = facts.meanings.get(body)
  const { side } = signTags[known]
  facts.count(`signatures given, ${known}`)

  facts.check(
    "I6",
    party.asked.has(`${known}/${body}`),
    () => `${where}: signed other bytes than the node asked for`
  )
  facts.check(
    "I6",
    // Who comes back says it again.
    count(party.given, `${session}/${signed}`) <= (party.signerSigned.get(signed) ?? 0),
    () => `${where}: what left is not what the signer gave`
  )
  facts.check(
    "I6",
    facts.isSignedBy(signedTx, role),
    () => `${where}: no signature of its own for ${networkId}`
  )
  if (side === "acknowledger" && tx._tag !== "ChannelCloseMutualTx") {
    const round = "round" in tx ? tx.round : 1
    const before = party.acknowledged.get(round)
    facts.check(
      "I4a",
      before === undefined || before === body,
      () => `${where}: a second body for round ${round}`
    )
    party.acknowledged.set(round, body)
  }
  if (side !== "solo") party.out.set(body, signedTx)
  if (details === undefined || meaning === undefined || party.record === undefined) {
    facts.check("I6", false, () => `${where}: signed what no signer was shown`)
    return
  }
  facts.check(
    "I6",
    details.tag === known && Bytes.equals(details.signedTx.txBytes, signedTx.txBytes),
    () => `${where}: signed other bytes than the signer was shown`
  )
  facts.check("I6", details.networkId === networkId, () => `${where}: network ${details.networkId}`)
  const channelIds = [
    "channelId" in tx ? tx.channelId : facts.channelId,
    details.channelId,
    party.record.channelId
  ]
  facts.check(
    "I6",
    channelIds.every((id) => id === facts.channelId),
    () => `${where}: channels ${channelIds.join(", ")} where ${facts.channelId} was expected`
  )
  // A closing transaction has no round: the same one may close two rounds of equal balances.
  facts.check(
    "I6",
    tx._tag === "ChannelCloseMutualTx" || side === "solo" || details.round === meaning.round,
    () => `${where}: the signer was shown round ${details.round}, it is ${meaning.round}`
  )
  if ("round" in tx)
    facts.check(
      "I6",
      // What one party does alone is shown with the round of its latest state, or of its own if it was not computed.
      tx.round === details.round || (side === "solo" && tx.round === details.round + 1),
      () => `${where}: the transaction's round is ${tx.round}, shown was ${details.round}`
    )
  if ("stateHash" in tx)
    facts.check("I6", Bytes.equals(tx.stateHash, facts.hashOf(meaning)), () => `${where}: wrong state hash`)

  // The policy is asked for the peer's proposals and for the opening.
  const lowers = side !== "solo" && meaning.balances[role] < facts.latest(role).balances[role]
  if (lowers) facts.count("signatures that lower the own balance")
  const decided = side === "acknowledger" || tx._tag === "ChannelCreateTx"
  const consent = decided
    ? party.accepted.has(body)
    : tx._tag === "ChannelSlashTx" || party.called.some((request) => isAskedFor(request, details))
  facts.check(
    "I2",
    consent,
    () => `${where}: ${lowers ? "lowers the own balance, and " : ""}nobody has decided for it`
  )
  facts.check("I2", party.intents.has(body), () => `${where}: no decision is recorded for it`)

  facts.check(
    "I8",
    party.intents.has(body),
    () => `${where}: the intent of round ${meaning.round} was not written before`
  )
  facts.check(
    "I8",
    side === "solo" || party.kept.has(signed),
    () => `${where}: the signed transaction of round ${meaning.round} was not written before`
  )
}

/** The signer is asked. */
export const signerAsked = (facts: Facts, role: Role, details: SigningDetails): void => {
  const { round, signedTx, tag, updates } = details
  const party = facts.parties[role]
  const body = bodyOf(signedTx)
  const asked = count(party.signerAsked, `${tag}/${body}`)
  Bodies.learn(facts, role, tag, signedTx, updates)
  party.shown.set(body, details)
  facts.check(
    "I6",
    party.asked.has(`${tag}/${body}`),
    () => `${role}: its signer was shown what its node has not asked for`
  )
  facts.check(
    "I8",
    party.intents.has(body),
    () => `${role}: its signer was asked before the intent of round ${round} was written`
  )
  if (signTags[tag].side === "acknowledger")
    facts.check(
      "I2",
      asked <= (party.accepted.get(body) ?? 0),
      () => `${role}: its signer was asked more often than its policy has accepted: ${tag} of round ${round}`
    )
  if (changesState(tag))
    facts.check(
      "I9",
      (party.record?.round ?? 0) >= round - 1,
      () =>
        `${role}: its signer was asked for round ${round} when round ${party.record?.round} was the last written`
    )
}
