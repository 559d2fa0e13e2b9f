/** A party that runs on this library's channel client. */
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Channels from "@aechannel/core/client/Channel"
import type { ChannelEvent, CoSignedState, FlowError } from "@aechannel/core/client/ChannelEvent"
import { Crypto } from "@aechannel/core/crypto/Crypto"
import type { KeyPair } from "@aechannel/core/crypto/KeyPair"
import type { ChannelId } from "@aechannel/core/encoding/ApiEncoding"
import * as JsonRpcSignedTx from "@aechannel/core/protocol/JsonRpcSignedTx"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import * as ChainReader from "@aechannel/core/services/ChainReader"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import * as ProposalPolicy from "@aechannel/core/services/ProposalPolicy"
import * as Signer from "@aechannel/core/services/Signer"
import * as Poi from "@aechannel/core/state/Poi"
import * as Trees from "@aechannel/core/state/Trees"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  type Balances,
  type Meeting,
  type Open,
  type Outcome,
  type Party,
  type Signing,
  eventually,
  within
} from "./Party.js"

/** Signs, unless the own proposal under way is to be aborted: then it is asked and does not answer. */
const layerSigner = (key: KeyPair, networkId: string, hesitates: () => boolean) =>
  Layer.effect(
    Signer.Signer,
    Effect.map(Crypto, (crypto) => ({
      address: key.address,
      sign: ({ operation, signedTx }: Signer.SigningDetails) =>
        operation === "transfer" && hesitates()
          ? Effect.never
          : Effect.sync(() => SignedTx.sign(signedTx, key, { networkId, crypto }))
    }))
  )

/** Nothing that a channel reports should look like this in a session in which all goes well. */
const isTrouble = ({ _tag }: ChannelEvent): boolean =>
  ["VerificationFailed", "SignerFailed", "StoreFailed", "Undecodable", "Refused"].includes(_tag)

export interface OwnParty extends Party {
  readonly channel: Channels.Channel
}

export const open: Open = (role, key, meeting) => openReading(role, key, meeting, ChainReader.layerNone)

/** With something to read the chain with, for contracts that look at it. */
export const openReading = (
  role: Role,
  key: KeyPair,
  meeting: Meeting,
  reader: Layer.Layer<ChainReader.ChainReader>
): Effect.Effect<OwnParty, never, Scope.Scope> =>
  Effect.flatMap(ChannelStore.makeMemory, (store) => start(role, key, meeting, store, reader, undefined))

const start = (
  role: Role,
  key: KeyPair,
  meeting: Meeting,
  store: ChannelStore.ChannelStoreService,
  reader: Layer.Layer<ChainReader.ChainReader>,
  existing: ChannelId | undefined
): Effect.Effect<OwnParty, never, Scope.Scope> =>
  Effect.gen(function* () {
    let answer: Signing = "sign"
    let hesitating = false
    const asked: Array<Party["asked"][number]> = []
    const messages: Array<Extract<ChannelEvent, { readonly _tag: "MessageReceived" }>> = []
    const trouble: Array<ChannelEvent> = []
    const { initiatorId, networkId, port, responderId, url, ...terms } = meeting
    const connection = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)

    const opening =
      existing === undefined
        ? Channels.open({
            ...terms,
            initiatorId,
            responderId,
            networkId,
            port,
            role,
            minimumDepth: 0,
            minimumDepthStrategy: "plain"
          })
        : Channels.resume({ channelId: existing, role, networkId, port })
    const channel = yield* opening.pipe(
      Effect.provide([
        WebSocketTransport.layerNode({ url }),
        layerSigner(key, networkId, () => hesitating),
        ProposalPolicy.make(({ operation }) =>
          operation === "open" || answer === "sign"
            ? ProposalPolicy.accept
            : ProposalPolicy.decline(answer === "refuse" ? 1 : answer)
        ),
        Layer.succeed(ChannelStore.ChannelStore, store),
        reader,
        JsonRpcSignedTx.layer
      ]),
      Effect.provide(NativeCrypto.layer),
      Scope.extend(connection),
      Effect.orDie
    )
    const listener = yield* Effect.forkScoped(
      Stream.runForEach(channel.events, (event) =>
        Effect.sync(() => {
          if (event._tag === "MessageReceived") messages.push(event)
          if (event._tag === "SignatureAsked") asked.push({ tag: event.tag, updates: event.updates })
          if (isTrouble(event)) trouble.push(event)
        })
      )
    )

    const balancesIn = (find: (id: typeof initiatorId) => bigint | undefined): Balances => ({
      initiator: find(initiatorId) ?? -1n,
      responder: find(responderId) ?? -1n
    })
    const outcome = (proposal: Effect.Effect<CoSignedState, FlowError>): Effect.Effect<Outcome> =>
      Effect.match(proposal, {
        onSuccess: ({ round }): Outcome => ({ _tag: "Accepted", round }),
        onFailure: (error): Outcome => {
          if (!("endedBy" in error)) throw error
          return error.endedBy === "we" ? { _tag: "Aborted" } : { _tag: "Declined", code: error.code }
        }
      })
    const transfer = (amount: bigint) => outcome(channel.transfer({ amount }))
    /** Calls it off while the signer hesitates. */
    const abort = (amount: bigint, code: number) =>
      Effect.gen(function* () {
        hesitating = true
        const before = asked.length
        const outcome = yield* Effect.fork(transfer(amount))
        yield* eventually("the signer is asked", () => (asked.length > before ? true : undefined))
        yield* Effect.orDie(channel.abort(code))
        hesitating = false
        return yield* Fiber.join(outcome)
      })

    return {
      library: "own",
      role,
      channel,
      channelId: channel.id,
      asked,
      pay: (amount, signing = "sign") =>
        within(
          "a transfer",
          signing === "sign" ? transfer(amount) : abort(amount, signing === "refuse" ? 1 : signing)
        ),
      deposit: (amount) => within("a deposit", outcome(channel.deposit({ amount }))),
      withdraw: (amount) => within("a withdrawal", outcome(channel.withdraw({ amount }))),
      leave: within("leaving", Effect.orDie(channel.leave)),
      drop: Scope.close(connection, Exit.void),
      comeBack: () =>
        Effect.zipRight(
          Scope.close(connection, Exit.void),
          within("coming back", start(role, key, meeting, store, reader, channel.id))
        ),
      answerWith: (next) => {
        answer = next
      },
      say: (message) =>
        Effect.orDie(channel.sendMessage(typeof message === "string" ? message : JSON.stringify(message))),
      hear: Effect.map(
        eventually("a message", () => messages.shift()),
        ({ from, text }) => ({ from, text })
      ),
      latest: Effect.map(channel.latest.get, ({ round, signedTx }) => ({
        round,
        signedTx: SignedTx.toText(signedTx)
      })),
      balances: Effect.orDie(
        Effect.map(channel.balances(), (found) =>
          balancesIn((id) => found.find(({ account }) => account === id)?.balance)
        )
      ),
      proof: Effect.orDie(
        Effect.map(channel.poi(), (poi) => ({
          text: Poi.toText(poi),
          ...balancesIn((id) => Poi.account(poi, id)?.balance)
        }))
      ),
      state: Effect.orDie(
        Effect.map(channel.offChainState, ({ signedTx, trees }) => ({
          signedTx: signedTx === undefined ? "" : SignedTx.toText(signedTx),
          ...balancesIn((id) => Trees.balance(trees, id))
        }))
      ),
      shutdown: within(
        "a shutdown",
        Effect.orDie(Effect.map(channel.shutdown(), ({ signedTx }) => SignedTx.toText(signedTx)))
      ),
      ended: within(`the end of the ${role}'s connection`, Effect.as(Fiber.join(listener), trouble))
    }
  })
