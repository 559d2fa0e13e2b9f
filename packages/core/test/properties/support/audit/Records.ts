/** What a party has in its store, and what it is told. */
import * as SignedTx from "../../../../src/chain/SignedTx.js"
import * as Transaction from "../../../../src/chain/Transaction.js"
import type { CoSignedState } from "../../../../src/client/ChannelEvent.js"
import * as Bytes from "../../../../src/encoding/Bytes.js"
import type { Role } from "../../../../src/protocol/OpenParameters.js"
import { signTags } from "../../../../src/protocol/SignTag.js"
import type { ChannelRecord } from "../../../../src/services/ChannelStore.js"
import * as Trees from "../../../../src/state/Trees.js"
import { bodyOf, bytesText, type Facts } from "./Facts.js"

export const written = (facts: Facts, role: Role, record: ChannelRecord): void => {
  const party = facts.parties[role]
  const before = party.record
  const where = `${role}'s store, round ${record.round}`
  const { coSigned, exposure, intents, round } = record
  const meaning = coSigned === undefined ? facts.beginning : facts.meanings.get(bodyOf(coSigned))
  if (before === undefined || !Bytes.equals(before.trees, record.trees))
    facts.checkTrees(where, Trees.decodeOrThrow(record.trees), meaning ?? facts.beginning)
  if (coSigned !== undefined) {
    const body = bodyOf(coSigned)
    if (!party.coSigned.has(body)) {
      facts.checkCoSigned(where, coSigned)
      const hash = Trees.stateHash(Trees.decodeOrThrow(record.trees))
      facts.check(
        "I9",
        meaning?.round === round,
        () => `${where}: holds a transaction of round ${meaning?.round}`
      )
      facts.check(
        "I9",
        meaning !== undefined && Bytes.equals(hash, facts.hashOf(meaning)),
        () => `${where}: the trees are not those of the transaction`
      )
      party.states.set(round, record)
    }
    const last = before?.coSigned === undefined ? undefined : bodyOf(before.coSigned)
    facts.check(
      "I5",
      body === last ||
        round === (before?.round ?? 0) + 1 ||
        // Who was away finds several rounds forced.
        (meaning?.isForced === true && round > (before?.round ?? 0)) ||
        // What both have signed takes the place of what one has forced.
        (round === before?.round && last !== undefined && facts.meanings.get(last)?.isForced === true),
      () => `${where}: after round ${before?.round}`
    )
    party.coSigned.add(body)
  }
  for (const [body, { tx }] of party.out) {
    if (("round" in tx && tx.round <= round) || tx._tag === "ChannelCreateTx") party.out.delete(body)
    else
      facts.check(
        "I4b",
        exposure.some((each) => bodyOf(each.signedTx) === body),
        () => `${where}: a signed ${Transaction.typeName(tx)} is forgotten`
      )
  }
  for (const each of exposure) {
    const signed = SignedTx.toText(each.signedTx)
    if (party.kept.has(signed)) continue
    party.kept.add(signed)
    const closes = each.signedTx.tx._tag === "ChannelCloseMutualTx"
    facts.check(
      "I5",
      each.round === (closes ? round : round + 1),
      () => `${where}: signed round ${each.round}`
    )
  }
  for (const { round: next, tag } of intents) {
    const isOfState =
      (signTags[tag].side === "solo" && tag !== "force_progress_tx") ||
      signTags[tag].transaction === "channel_close_mutual_tx"
    facts.check(
      "I5",
      next >= round && next <= round + (isOfState ? 0 : 1),
      () => `${where}: an intent for round ${next}`
    )
  }
  for (const { txHash } of intents) party.intents.add(bytesText(txHash))
  party.record = record
}

/** The party was told of a co-signed state. */
export const told = (facts: Facts, role: Role, state: CoSignedState): void => {
  const body = bodyOf(state.signedTx)
  const meaning = facts.meanings.get(body)
  const where = `${role}, round ${state.round}`
  const { coSigned, record } = facts.parties[role]
  // What was forced upon it may have been taken over with it, and written in its place.
  const written = record?.coSigned === undefined ? undefined : facts.meanings.get(bodyOf(record.coSigned))
  const isOverwritten = meaning?.isForced === true || written?.isForced === true
  facts.check(
    "I9",
    coSigned.has(body) || (isOverwritten && (record?.round ?? 0) > state.round),
    () => `${where}: told before it was written`
  )
  facts.check(
    "I1",
    meaning?.balances.initiator === state.balances.initiator &&
      meaning.balances.responder === state.balances.responder,
    () => `${where}: told ${state.balances.initiator}/${state.balances.responder}`
  )
  facts.check(
    "I5",
    meaning?.round === state.round,
    () => `${where}: the transaction is of round ${meaning?.round}`
  )
  facts.checkTrees(where, state.trees, meaning ?? facts.beginning)
}
