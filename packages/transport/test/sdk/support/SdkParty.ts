/** A party that runs on the JavaScript SDK's own channel client. */
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import * as Poi from "@aechannel/core/state/Poi"
import * as Trees from "@aechannel/core/state/Trees"
import { buildTx, Channel, MemoryAccount, packEntry } from "@aeternity/aepp-sdk"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
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

type ChannelOptions = Parameters<typeof Channel.initialize>[0]
type Status = ReturnType<Channel["status"]>

export interface SdkParty extends Party {
  readonly channel: Channel
  /** In the order in which they came. */
  readonly statuses: ReadonlyArray<Status>
  /** The transactions that the node reported from the chain. */
  readonly onChain: ReadonlyArray<{ readonly tx: string; readonly info: string; readonly type: string }>
  readonly events: ReadonlyArray<string>
}

/** The SDK's account of a key. */
export const accountOf = (key: KeyPair.KeyPair): MemoryAccount => {
  const text = Redacted.value(KeyPair.toText(key))
  if (!ApiEncoding.is("sk", text)) throw new Error("a key's text is an sk_ text")
  return new MemoryAccount(text)
}

const Message = Schema.Struct({ from: ApiEncoding.schema("ak"), info: Schema.String })
const isMessage = Schema.is(Message)

/** What the SDK's signer gives: a signed transaction, or nothing, or a code. */
export const signer =
  (account: MemoryAccount, networkId: string) =>
  (tx: Parameters<MemoryAccount["signTransaction"]>[0], signing: Signing) =>
    signing === "sign"
      ? account.signTransaction(tx, { networkId })
      : Promise.resolve(signing === "refuse" ? null : signing)

/** What the SDK comes back with. */
type Existing = Pick<ChannelOptions, "existingChannelId" | "existingFsmId" | "reestablish">

const connect = (
  role: Role,
  key: KeyPair.KeyPair,
  meeting: Meeting,
  answer: () => Signing,
  asked: Array<Party["asked"][number]>,
  listen: (channel: Channel) => void,
  existing: Existing
): Effect.Effect<Channel, never, Scope.Scope> => {
  const sign = signer(accountOf(key), meeting.networkId)
  const common = {
    url: meeting.url,
    initiatorId: meeting.initiatorId,
    responderId: meeting.responderId,
    initiatorAmount: Number(meeting.initiatorAmount),
    responderAmount: Number(meeting.responderAmount),
    pushAmount: Number(meeting.pushAmount),
    channelReserve: Number(meeting.channelReserve),
    lockPeriod: meeting.lockPeriod,
    port: meeting.port,
    minimumDepth: 0,
    minimumDepthStrategy: "plain",
    ...existing,
    sign: () => Promise.reject(new Error("replaced below"))
  } as const
  const options: ChannelOptions =
    role === "initiator" ? { ...common, role, host: "localhost" } : { ...common, role }
  // The option's type has no room for a refusal, which the SDK understands nevertheless.
  const withSigner = Object.assign(options, {
    sign: (...[tag, tx, details]: Parameters<ChannelOptions["sign"]>) => {
      asked.push({ tag, updates: details?.updates ?? [] })
      return sign(tx, tag === "initiator_sign" || tag === "responder_sign" ? "sign" : answer())
    }
  })
  return Effect.acquireRelease(
    Effect.promise(async () => {
      const channel = await Channel.initialize(withSigner)
      // At once, as users do: an error that nobody listens for ends a program.
      listen(channel)
      return channel
    }),
    (channel) => Effect.sync(() => channel.disconnect())
  )
}

/** A channel that is connected but not open yet. */
export const connecting = (
  role: Role,
  key: KeyPair.KeyPair,
  meeting: Meeting,
  existing: Existing = {}
): Effect.Effect<SdkParty & { readonly opened: Effect.Effect<void> }, never, Scope.Scope> =>
  Effect.gen(function* () {
    let signing: Signing = "sign"
    const asked: Array<Party["asked"][number]> = []
    const statuses: Array<Status> = []
    const onChain: Array<SdkParty["onChain"][number]> = []
    const events: Array<string> = []
    const errors: Array<Error> = []
    const messages: Array<typeof Message.Type> = []

    const channel = yield* connect(
      role,
      key,
      meeting,
      () => signing,
      asked,
      (connected) => {
        statuses.push(connected.status())
        connected.on("statusChanged", (status) => statuses.push(status))
        connected.on("error", (error) => errors.push(error))
        connected.on("onChainTx", (tx, details) => onChain.push({ tx, ...details }))
        connected.on("peerDisconnected", () => events.push("peerDisconnected"))
        connected.on("message", (message) => {
          if (isMessage(message)) messages.push(message)
          else errors.push(new Error(`no message: ${JSON.stringify(message)}`))
        })
      },
      existing
    )

    const { initiatorId, responderId } = meeting
    const peer = role === "initiator" ? responderId : initiatorId
    const sign = signer(accountOf(key), meeting.networkId)
    const balancesIn = (find: (id: ApiEncoding.AccountAddress) => bigint | undefined): Balances => ({
      initiator: find(initiatorId) ?? -1n,
      responder: find(responderId) ?? -1n
    })
    const gone = eventually(`the ${role} is disconnected`, () =>
      channel.status() === "disconnected" ? true : undefined
    )
    // The SDK does not learn it again.
    const idOf = () => existing.existingChannelId ?? channel.id()
    /** The SDK's word, in ours. */
    const outcome = (result: { readonly accepted: boolean; readonly errorCode?: number }): Outcome =>
      result.accepted
        ? { _tag: "Accepted", round: channel.round() ?? 0 }
        : result.errorCode === undefined
          ? { _tag: "Aborted" }
          : { _tag: "Declined", code: result.errorCode }
    const attempt = <A>(what: string, call: () => Promise<A>): Effect.Effect<A> =>
      within(`the SDK's ${what}`, Effect.promise(call))

    return {
      library: "sdk",
      role,
      channel,
      statuses,
      onChain,
      events,
      asked,
      get channelId() {
        return ApiEncoding.parseOrThrow("ch", idOf())
      },
      opened: eventually(`the ${role}'s channel is open`, () =>
        channel.status() === "open" ? true : undefined
      ),
      pay: (amount, own = "sign") =>
        Effect.map(
          attempt("update", () => channel.update(key.address, peer, Number(amount), (tx) => sign(tx, own))),
          outcome
        ),
      deposit: (amount) =>
        Effect.map(
          attempt("deposit", () => channel.deposit(Number(amount), (tx) => sign(tx, "sign"))),
          outcome
        ),
      withdraw: (amount) =>
        Effect.map(
          attempt("withdraw", () => channel.withdraw(Number(amount), (tx) => sign(tx, "sign"))),
          outcome
        ),
      leave: attempt("leave", async () => {
        await channel.leave()
      }),
      drop: Effect.zipRight(
        Effect.sync(() => channel.disconnect()),
        gone
      ),
      comeBack: (to) =>
        Effect.gen(function* () {
          yield* gone
          const again = yield* connecting(role, key, meeting, {
            existingChannelId: idOf(),
            existingFsmId: channel.fsmId(),
            ...(to === "reestablish" ? { reestablish: true } : {})
          })
          yield* again.opened
          return again
        }),
      answerWith: (next) => {
        signing = next
      },
      say: (message) => attempt("sendMessage", () => channel.sendMessage(message, peer)),
      hear: Effect.map(
        eventually("a message", () => messages.shift()),
        ({ from, info }) => ({ from, text: info })
      ),
      latest: attempt("state", async () => ({
        round: channel.round() ?? 0,
        signedTx: (await channel.state()).signedTx
      })).pipe(
        Effect.map(({ round, signedTx }) => ({
          round,
          signedTx: signedTx === undefined ? "" : buildTx(signedTx)
        }))
      ),
      balances: Effect.map(
        attempt("balances", () => channel.balances([initiatorId, responderId])),
        (found) => balancesIn((id) => BigInt(String(found[id])))
      ),
      proof: Effect.map(
        attempt("poi", () => channel.poi({ accounts: [initiatorId, responderId] })),
        (unpacked) => {
          const text = packEntry(unpacked)
          const poi = Poi.fromTextOrThrow(text)
          return { text, ...balancesIn((id) => Poi.account(poi, id)?.balance) }
        }
      ),
      state: Effect.map(
        attempt("state", () => channel.state()),
        ({ signedTx, trees }) => ({
          signedTx: signedTx === undefined ? "" : buildTx(signedTx),
          ...balancesIn((id) => Trees.balance(Trees.fromTextOrThrow(packEntry(trees)), id))
        })
      ),
      shutdown: attempt("shutdown", () =>
        channel.shutdown((tx) => accountOf(key).signTransaction(tx, { networkId: meeting.networkId }))
      ),
      ended: Effect.as(gone, errors)
    }
  })

export const open: Open = (role, key, meeting) =>
  Effect.tap(connecting(role, key, meeting), ({ opened }) => opened)
