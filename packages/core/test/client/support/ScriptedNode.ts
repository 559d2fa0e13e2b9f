/**
 * A node that does what a test says: the far end of a transport double, and honest (or lying) frames made with the real
 * codec.
 */
import { Deferred, Effect, Layer, Queue, type Scope } from "effect"
import * as Fee from "../../../src/chain/Fee.js"
import * as Ids from "../../../src/chain/Ids.js"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import type { ChannelCreateTx, Transaction } from "../../../src/chain/Transaction.js"
import * as Channel from "../../../src/client/Channel.js"
import type { ChannelError } from "../../../src/client/ChannelEvent.js"
import type { KeyPair } from "../../../src/crypto/KeyPair.js"
import type { ChannelId } from "../../../src/encoding/ApiEncoding.js"
import * as Json from "../../../src/encoding/Json.js"
import { TransportError } from "../../../src/protocol/Errors.js"
import * as JsonRpcSignedTx from "../../../src/protocol/JsonRpcSignedTx.js"
import type { InfoEvent, Report } from "../../../src/protocol/NodeMessage.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import type { SignTag } from "../../../src/protocol/SignTag.js"
import { Transport } from "../../../src/services/Transport.js"
import * as Trees from "../../../src/state/Trees.js"
import type { Update } from "../../../src/state/Update.js"
import { coin, initiator, networkId, responder } from "../../support/NodeUnderTest.js"
import * as TestCrypto from "../../support/TestCrypto.js"
import { layerParty, options, type Party } from "./Parties.js"

export const closedByNode = new TransportError({
  reason: "closed_by_node",
  operation: "receive",
  detail: "the node closed the connection",
  closeCode: 1000
})

/** A frame of the client, as an object. */
export type Sent = Json.JsonObject

export const terms = options("initiator")
export const initialTrees = Trees.initial(terms)

type CreateTx = Extract<ChannelCreateTx, { readonly version: 2 }>

export const createTx = (changes: Partial<CreateTx> = {}): CreateTx => {
  const tx: CreateTx = {
    _tag: "ChannelCreateTx",
    version: 2,
    initiatorId: terms.initiatorId,
    initiatorAmount: terms.initiatorAmount,
    responderId: terms.responderId,
    responderAmount: terms.responderAmount,
    channelReserve: terms.channelReserve,
    lockPeriod: terms.lockPeriod,
    ttl: 0,
    fee: 0n,
    initiatorDelegateIds: [],
    responderDelegateIds: [],
    stateHash: Trees.stateHash(initialTrees),
    nonce: 1n
  }
  return { ...Fee.withMinimumFee(tx, Fee.defaultMinerGasPrice), ...changes }
}

export const channelId = Ids.channelId(terms.initiatorId, 1n, terms.responderId)

/** A signed transaction with the signatures of these keys. */
export const signedBy = (
  tx: Transaction,
  keys: ReadonlyArray<KeyPair>,
  network: string = networkId
): SignedTx.SignedTx =>
  keys.reduce(
    (signed, keyPair) => SignedTx.sign(signed, keyPair, { networkId: network, crypto: TestCrypto.native }),
    SignedTx.unsigned(tx)
  )

export class ScriptedNode {
  readonly queries: Array<string> = []
  /** Every frame of the client. */
  readonly log: Array<Sent> = []
  private readonly sent = Effect.runSync(Queue.unbounded<Sent>())
  private readonly frames = Effect.runSync(Queue.unbounded<string>())
  private readonly closed = Effect.runSync(Deferred.make<never, TransportError>())
  channelId: ChannelId | null = null

  readonly layer: Layer.Layer<Transport> = Layer.succeed(Transport, {
    connect: (query) =>
      Effect.sync(() => {
        this.queries.push(query)
        return {
          send: (text) =>
            Effect.sync(() => {
              const json = Json.parseOrThrow(text)
              if (!Json.isObject(json)) throw new Error(`not an object: ${text}`)
              this.log.push(json)
              this.sent.unsafeOffer(json)
            }),
          receive: Effect.suspend(() =>
            Queue.take(this.frames).pipe(Effect.raceFirst(Deferred.await(this.closed)))
          )
        }
      })
  })

  /** A frame as text. */
  raw(text: string): void {
    this.frames.unsafeOffer(text)
  }

  say(report: Report, id: ChannelId | null = this.channelId): void {
    const text = JsonRpcSignedTx.codec.encodeReport(report, id)
    if (text === undefined) throw new Error(`no frame for ${report._tag}`)
    this.raw(text)
  }

  info(event: InfoEvent): void {
    this.say({ _tag: "Info", event })
  }

  ask(tag: SignTag, signedTx: SignedTx.SignedTx, updates: ReadonlyArray<Update> = []): void {
    this.say({ _tag: "SignRequest", tag, signedTx, updates })
  }

  conflict(errorCode: number, round: number): void {
    this.say({ _tag: "Conflict", round, errorCode, errorMessage: "text" })
  }

  reply(to: Sent, result: Json.Json): void {
    this.raw(
      Json.stringify({
        jsonrpc: "2.0",
        version: 1,
        id: to["id"] ?? null,
        channel_id: this.channelId,
        result
      })
    )
  }

  refuse(to: Sent, code: number, data: ReadonlyArray<number>): void {
    this.raw(
      Json.stringify({
        jsonrpc: "2.0",
        version: 1,
        id: to["id"] ?? null,
        channel_id: this.channelId,
        error: {
          code,
          message: "no",
          data: data.map((each) => ({ code: each, message: "no" })),
          request: to
        }
      })
    )
  }

  close(error: TransportError = closedByNode): Effect.Effect<void> {
    return Effect.asVoid(Deferred.fail(this.closed, error))
  }

  /** The next frame of the client. */
  readonly next: Effect.Effect<Sent> = Effect.suspend(() => Queue.take(this.sent)).pipe(
    Effect.timeout("2 seconds"),
    Effect.orDieWith(() => new Error(`no frame came after ${JSON.stringify(this.log.at(-1)?.["method"])}`))
  )

  /** The next frame of the client, which must be of this method. */
  expect(method: string): Effect.Effect<Sent> {
    return Effect.map(this.next, (sent) => {
      if (sent["method"] !== `channels.${method}`)
        throw new Error(`expected ${method}, got ${Json.stringify(sent)}`)
      return sent
    })
  }

  get methods(): ReadonlyArray<string> {
    return this.log.map((sent) => String(sent["method"]))
  }

  /** Whether the client has given a signature away since the log had this length. */
  signedSince(length: number): boolean {
    return this.log.slice(length).some((sent) => Json.field(sent["params"], "signed_tx") !== undefined)
  }
}

/** The signed transaction in a client's frame. */
export const signedTxOf = (sent: Sent): SignedTx.SignedTx => {
  const text = Json.field(sent["params"], "signed_tx")
  if (typeof text !== "string") throw new Error(`no signed_tx in ${Json.stringify(sent)}`)
  return SignedTx.fromTextOrThrow(text)
}

/** The refusal's code in a client's frame. */
export const errorOf = (sent: Sent): Json.Json | undefined => Json.field(sent["params"], "error")

export const keysOf = (role: Role): { readonly own: KeyPair; readonly peer: KeyPair } =>
  role === "initiator" ? { own: initiator, peer: responder } : { own: responder, peer: initiator }

export interface Scripted {
  readonly node: ScriptedNode
  readonly opening: Channel.OpeningChannel
  readonly own: KeyPair
  readonly peer: KeyPair
}

/** A client that is connected to a scripted node, which has said `fsm_up` only. */
export const connect = (
  role: Role,
  party: Party = {}
): Effect.Effect<Scripted, ChannelError, Scope.Scope> => {
  const node = new ScriptedNode()
  return Channel.connect(options(role, party.changes)).pipe(
    Effect.provide(layerParty(role, party)),
    Effect.provide(node.layer),
    Effect.map((opening) => {
      node.info("fsm_up")
      return { node, opening, ...keysOf(role) }
    })
  )
}

/** The create transaction as the node asks for it. */
export const askCreate = ({ node, peer }: Scripted, tx: Transaction = createTx()): void => {
  const role = peer === responder ? "initiator" : "responder"
  if (role === "initiator") {
    node.info("channel_accept")
    node.ask("initiator_sign", SignedTx.unsigned(tx))
  } else {
    node.info("channel_open")
    node.info("funding_created")
    node.ask("responder_sign", signedBy(tx, [peer]))
  }
}

export interface Open extends Scripted {
  readonly channel: Channel.Channel
}

/** A channel that is open at round 1. */
export const openScripted = (role: Role, party: Party = {}): Effect.Effect<Open, ChannelError, Scope.Scope> =>
  Effect.gen(function* () {
    const scripted = yield* connect(role, party)
    const { node } = scripted
    askCreate(scripted)
    const sent = yield* node.next
    node.reply(sent, "ok")
    node.channelId = channelId
    const state = signedBy(createTx(), [initiator, responder])
    node.say({ _tag: "OnChainTx", info: "channel_changed", type: "channel_create_tx", tx: state })
    node.info("own_funding_locked")
    node.info("funding_locked")
    node.info("open")
    node.say({ _tag: "StateUpdate", state })
    const channel = yield* scripted.opening.opened
    return { ...scripted, channel }
  })

export { coin, initiator, networkId, responder }

/** Until all that runs has had its turns; no time passes. */
export const settle: Effect.Effect<void> = Effect.asVoid(Effect.repeatN(Effect.yieldNow(), 200))
