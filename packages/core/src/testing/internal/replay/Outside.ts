/**
 * What a recording shows only by its effect: a party posted a closing with an old state to the chain, not over its
 * socket. The replay posts one with the first state.
 */
import * as SignedTx from "../../../chain/SignedTx.js"
import * as Transaction from "../../../chain/Transaction.js"
import type { CryptoService } from "../../../crypto/Crypto.js"
import type { KeyPair } from "../../../crypto/KeyPair.js"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import * as Json from "../../../encoding/Json.js"
import type { Role } from "../../../protocol/OpenParameters.js"
import * as Poi from "../../../state/Poi.js"
import * as Trees from "../../../state/Trees.js"
import * as Query from "./query.js"
import type { Came, Open, Recording } from "./Recording.js"
import { transactions } from "./Scene.js"
import { wrapped } from "./Bodies.js"
import type { Generalized } from "./StandIn.js"

type Address = ApiEncoding.AccountAddress

/** More than any block asks for such a transaction. */
const fee = 10n ** 15n

interface Terms {
  readonly addresses: Readonly<Record<Role, Address>>
  readonly initiatorAmount: bigint
  readonly responderAmount: bigint
  readonly pushAmount: bigint
}

/** The terms of the channel that a line is about: those of the latest opening of its party. */
const termsOf = (recording: Recording, line: Came): Terms | undefined => {
  const open = recording.lines.findLast(
    (each): each is Open =>
      each._tag === "Open" &&
      each.seq < line.seq &&
      each.who === line.who &&
      each.query.includes("initiator_amount=")
  )
  const parameters = Query.parametersOf(open?.query ?? "")
  const [initiator, responder] = [parameters.get("initiator_id"), parameters.get("responder_id")]
  const [initiatorAmount, responderAmount, pushAmount] = [
    "initiator_amount",
    "responder_amount",
    "push_amount"
  ].map((name) => parameters.get(name))
  return ApiEncoding.is("ak", initiator) && ApiEncoding.is("ak", responder)
    ? {
        addresses: { initiator, responder },
        initiatorAmount: BigInt(initiatorAmount ?? 0),
        responderAmount: BigInt(responderAmount ?? 0),
        pushAmount: BigInt(pushAmount ?? 0)
      }
    : undefined
}

/** The nonces that an account used in the recording before a line, and after it. */
const noncesAround = (recording: Recording, account: Address, line: Came) => {
  const all = transactions(recording).flatMap(({ seq, signed }) => {
    const { tx } = SignedTx.innermost(signed)
    const nonce = Transaction.nonce(tx)
    return Transaction.origin(tx) === account && nonce !== undefined && nonce > 0n ? [{ seq, nonce }] : []
  })
  return {
    last: all.findLast(({ seq }) => seq < line.seq)?.nonce,
    next: all.find(({ seq }) => seq > line.seq)?.nonce
  }
}

/** The closing that leads to what a line tells, signed with the keys of this session. */
export const closingBefore = (
  recording: Recording,
  line: Came,
  here: {
    readonly channelId: ApiEncoding.ChannelId
    readonly keys: ReadonlyMap<Address, KeyPair>
    /** The nonce that an account last used in the recording before its first transaction there. */
    readonly nonces: ReadonlyMap<Address, bigint>
    readonly nonceOffset: (account: string) => bigint
    readonly networkId: string
    readonly crypto: CryptoService
    readonly generalized: Generalized
  }
): SignedTx.SignedTx | undefined => {
  const terms = termsOf(recording, line)
  if (terms === undefined) return undefined
  const { addresses, ...amounts } = terms
  // Whoever did it used a nonce that the recording does not show.
  const gap = ([addresses.initiator, addresses.responder] as const).find((account) => {
    const { last, next } = noncesAround(recording, account, line)
    return next !== undefined && next === (last ?? here.nonces.get(account) ?? 0n) + 2n
  })
  const cheater = gap ?? addresses.initiator
  const [initiator, responder, key] = [addresses.initiator, addresses.responder, cheater].map((each) =>
    here.keys.get(each)
  )
  if (initiator === undefined || responder === undefined || key === undefined) return undefined
  const trees = Trees.initial({ ...amounts, initiatorId: initiator.address, responderId: responder.address })
  const poi = Poi.build(trees, { accounts: [initiator.address, responder.address] })
  if (poi instanceof Poi.NotFound) return undefined
  const { last } = noncesAround(recording, cheater, line)
  const used = last ?? here.nonces.get(cheater) ?? 0n
  const meta = here.generalized.get(cheater)
  const tx: Transaction.ChannelCloseSoloTx = {
    _tag: "ChannelCloseSoloTx",
    version: 1,
    channelId: here.channelId,
    fromId: key.address,
    payload: new Uint8Array(),
    poi: Poi.encode(poi),
    ttl: 0,
    fee,
    nonce: meta === undefined ? used + 1n + here.nonceOffset(cheater) : 0n
  }
  const unsigned = SignedTx.unsigned(tx)
  return meta === undefined ? SignedTx.sign(unsigned, key, here) : wrapped(unsigned, meta, key.address)
}

/** The channel that a frame is about. */
export const channelOf = (json: Json.Json): string =>
  String(Json.field(Json.field(json, "params"), "channel_id"))
