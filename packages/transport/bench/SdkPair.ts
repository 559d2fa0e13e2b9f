/** A channel between two clients of the JavaScript SDK. */
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import type { Channel } from "@aeternity/aepp-sdk"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { readFileSync } from "node:fs"
import { type Couple, networkId, port, termsOf } from "./World.js"

/** A party that pays its peer. */
export interface SdkParty {
  /** Ends with the co-signed state; rejects when it did not come to that. */
  readonly pay: (amount: number) => Promise<void>
  /** Ends with the co-signed state that has the contract. */
  readonly createContract: (code: Bytes, callData: Bytes) => Promise<At>
  readonly callContract: (contract: At, callData: Bytes) => Promise<void>
  readonly dryRun: (contract: At, callData: Bytes) => Promise<void>
}

type Bytes = ApiEncoding.Encoded<"cb">
type At = ApiEncoding.ContractId

const versions = { vmVersion: 8, abiVersion: 3 }

// Loaded when it is needed: it is large.
const load = () => import("@aeternity/aepp-sdk")

const secretOf = (key: KeyPair.KeyPair) => {
  const text = Redacted.value(KeyPair.toText(key))
  if (!ApiEncoding.is("sk", text)) throw new Error("a key's text is an sk_ text")
  return text
}

const isOpen = (channel: Channel): Promise<void> =>
  new Promise((resolve, reject) => {
    channel.on("error", reject)
    channel.on("statusChanged", (status) => {
      if (status === "open") resolve()
      if (status === "died" || status === "disconnected") reject(new Error(`the SDK's channel is ${status}`))
    })
  })

const connect = (role: Role, couple: Couple, url: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sdk = await load()
      const [own, peer] = role === "initiator" ? couple : [couple[1], couple[0]]
      const account = new sdk.MemoryAccount(secretOf(own))
      const sign = (tx: Parameters<typeof account.signTransaction>[0]) =>
        account.signTransaction(tx, { networkId })
      const terms = termsOf(couple)
      const common = {
        url,
        port,
        initiatorId: terms.initiatorId,
        responderId: terms.responderId,
        initiatorAmount: Number(terms.initiatorAmount),
        responderAmount: Number(terms.responderAmount),
        pushAmount: Number(terms.pushAmount),
        channelReserve: Number(terms.channelReserve),
        lockPeriod: terms.lockPeriod,
        sign: (_: string, tx: Parameters<typeof sign>[0]) => sign(tx)
      } as const
      const channel = await sdk.Channel.initialize(
        role === "initiator" ? { ...common, role, host: "localhost" } : { ...common, role }
      )
      const pay = async (amount: number) => {
        const { accepted } = await channel.update(own.address, peer.address, amount, sign)
        if (!accepted) throw new Error("the SDK's update was not accepted")
      }
      const createContract = async (code: Bytes, callData: Bytes): Promise<At> => {
        const { accepted, address } = await channel.createContract(
          { code, callData, deposit: 0, ...versions },
          sign
        )
        if (!accepted) throw new Error("the SDK's contract was not accepted")
        return ApiEncoding.parseOrThrow("ct", address)
      }
      const { abiVersion } = versions
      const callContract = async (contract: At, callData: Bytes) => {
        const { accepted } = await channel.callContract({ contract, callData, amount: 0, abiVersion }, sign)
        if (!accepted) throw new Error("the SDK's call was not accepted")
      }
      const dryRun = async (contract: At, callData: Bytes) => {
        await channel.callContractStatic({ contract, callData, amount: 0, abiVersion })
      }
      return { channel, opened: isOpen(channel), pay, createContract, callContract, dryRun }
    }),
    ({ channel }) => Effect.sync(() => channel.disconnect())
  )

/** Opens a channel at the node with this URL; the connections end with the scope. */
export const open = (
  couple: Couple,
  url: string
): Effect.Effect<readonly [initiator: SdkParty, responder: SdkParty], never, Scope.Scope> =>
  Effect.gen(function* () {
    const parties = yield* Effect.all(
      [connect("initiator", couple, url), connect("responder", couple, url)],
      { concurrency: 2 }
    )
    yield* Effect.promise(() => Promise.all(parties.map(({ opened }) => opened)))
    return parties
  })

const Package = Schema.parseJson(Schema.Struct({ version: Schema.String }))

/** Which version of the SDK is measured. */
export const version = (): string =>
  Schema.decodeSync(Package)(
    readFileSync(new URL("../node_modules/@aeternity/aepp-sdk/package.json", import.meta.url), "utf8")
  ).version
