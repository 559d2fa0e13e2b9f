/**
 * Signer, policy, store and node as recording doubles. Signer and policy answer as they were told to, once each, and
 * otherwise at once and with yes; the store takes its time.
 */
import * as Effect from "effect/Effect"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import type { KeyPair } from "../../../src/crypto/KeyPair.js"
import type { ChannelNodeService } from "../../../src/node/ChannelNode.js"
import { SignerError } from "../../../src/protocol/Errors.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import * as ChannelStore from "../../../src/services/ChannelStore.js"
import * as ProposalPolicy from "../../../src/services/ProposalPolicy.js"
import type { SignerService } from "../../../src/services/Signer.js"
import { initiator, networkId, other, responder } from "../../support/NodeUnderTest.js"
import * as TestCrypto from "../../support/TestCrypto.js"
import type { Journal } from "./Journal.js"
import type { Simulation } from "../../../src/testing/SeededScheduler.js"

export const roles: ReadonlyArray<Role> = ["initiator", "responder"]
export const keyPairs: Readonly<Record<Role, KeyPair>> = { initiator, responder }
export const otherRole = (role: Role): Role => (role === "initiator" ? "responder" : "initiator")

/**
 * How somebody who is asked behaves, once. `milliseconds` is how long it takes; who is `stubborn` cannot be
 * interrupted. `broken` is a defect, `wrong` a signature that is none.
 */
export type Mood =
  | { readonly kind: "agree"; readonly milliseconds: number; readonly stubborn: boolean }
  | { readonly kind: "decline"; readonly milliseconds: number; readonly code: number }
  | { readonly kind: "refuse" | "broken" | "wrong" | "never" }

const willing: Mood = { kind: "agree", milliseconds: 0, stubborn: false }

/** What the next signing requests and proposals will meet with. */
export interface Moods {
  readonly signer: Array<Mood>
  readonly policy: Array<Mood>
}

const after = <A, E>(milliseconds: number, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  milliseconds === 0 ? effect : Effect.zipRight(Effect.sleep(milliseconds), effect)

export const signer = (role: Role, { signer: moods }: Moods, journal: Journal): SignerService => {
  const keyPair = keyPairs[role]
  return {
    address: keyPair.address,
    sign: (details) =>
      Effect.suspend((): ReturnType<SignerService["sign"]> => {
        journal.add({ _tag: "SignerAsked", role, details })
        const { signedTx: asked, operation } = details
        const with_ = (key: KeyPair) => SignedTx.sign(asked, key, { networkId, crypto: TestCrypto.native })
        // Nobody hesitates to answer a cheater.
        const mood = details.tag === "slash_tx" ? willing : (moods.shift() ?? willing)
        switch (mood.kind) {
          case "agree": {
            const signing = after(
              mood.milliseconds,
              Effect.sync(() => {
                const signedTx = with_(keyPair)
                journal.add({ _tag: "SignerSigned", role, signedTx })
                return signedTx
              })
            )
            return mood.stubborn ? Effect.uninterruptible(signing) : signing
          }
          case "decline":
            return after(mood.milliseconds, Effect.fail(ProposalPolicy.decline(mood.code)))
          case "refuse":
            return Effect.fail(new SignerError({ operation, reason: "refused", detail: "not today" }))
          case "broken":
            return Effect.die(new Error("the signer broke"))
          case "wrong":
            return Effect.sync(() => with_(other))
          case "never":
            return Effect.never
        }
      })
  }
}

export const policy = (
  role: Role,
  { policy: moods }: Moods,
  journal: Journal
): ProposalPolicy.ProposalPolicyService => {
  const decide = (proposal: ProposalPolicy.Proposal | ProposalPolicy.UnverifiedProposal, mood: Mood) => {
    const decided = (decision: ProposalPolicy.Decision) =>
      Effect.sync(() => {
        journal.add({ _tag: "PolicyDecided", role, proposal, accepted: decision._tag === "Accept" })
        return decision
      })
    switch (mood.kind) {
      case "agree": {
        const deciding = after(mood.milliseconds, decided(ProposalPolicy.accept))
        return mood.stubborn ? Effect.uninterruptible(deciding) : deciding
      }
      case "decline":
        return after(mood.milliseconds, decided(ProposalPolicy.decline(mood.code)))
      case "refuse":
      case "wrong":
        return decided(ProposalPolicy.decline(4))
      case "broken":
        return Effect.die(new Error("the policy broke"))
      case "never":
        return Effect.never
    }
  }
  return {
    decide: (proposal) =>
      Effect.suspend(() => {
        journal.add({ _tag: "PolicyAsked", role, proposal })
        return decide(proposal, proposal.operation === "open" ? willing : (moods.shift() ?? willing))
      }),
    // What is on chain is there, whether or not one understands it.
    decideUnverified: (proposal) =>
      Effect.suspend(() =>
        decide(proposal, proposal.operation === "force_progress" ? willing : (moods.shift() ?? willing))
      )
  }
}

/** A store in memory that needs up to two milliseconds for a write: what does not wait for it shows. */
export const store = (
  role: Role,
  memory: ChannelStore.ChannelStoreService,
  simulation: Simulation,
  journal: Journal
): ChannelStore.ChannelStoreService => ({
  ...memory,
  write: (record, expected) =>
    Effect.suspend(() =>
      after(
        simulation.random.integer(3),
        Effect.tap(memory.write(record, expected), () => journal.add({ _tag: "Written", role, record }))
      )
    )
})

/**
 * Where a connection breaks: at the how manyth frame from now on (1: the next), before it is handed over or after. `out`:
 * to the node.
 */
export interface Trip {
  readonly direction: "out" | "in"
  readonly frames: number
  readonly when: "before" | "after"
}

/** A node whose frames are written down, and whose connections can be cut. */
export interface RecordedNode {
  readonly node: ChannelNodeService
  readonly cut: (role: Role) => Effect.Effect<void>
  /** The party's connection breaks later; one such plan at a time, or none. */
  readonly trip: (role: Role, trip: Trip | undefined) => void
}

/** `broken`: a connection has broken as planned; the effect tells the node. */
export const recorded = (
  node: ChannelNodeService,
  journal: Journal,
  broken: (role: Role, closed: Effect.Effect<void>) => void = () => undefined
): RecordedNode => {
  const connections = new Map<Role, Effect.Effect<void>>()
  const trips = new Map<Role, Trip>()
  let sessions = 0
  /** Whether it breaks at this frame. */
  const breaks = (role: Role, direction: Trip["direction"]): Trip["when"] | undefined => {
    const trip = trips.get(role)
    if (trip?.direction !== direction) return undefined
    trips.set(role, { ...trip, frames: trip.frames - 1 })
    if (trip.frames > 1) return undefined
    trips.delete(role)
    return trip.when
  }
  return {
    node: {
      ...node,
      accept: (query, link) => {
        const parameters = new URLSearchParams(query)
        const role = parameters.get("role") === "initiator" ? "initiator" : "responder"
        const session = ++sessions
        let isBroken = false
        let closing = Effect.void
        const end = (): void => {
          isBroken = true
          link.terminate()
          broken(
            role,
            Effect.suspend(() => closing)
          )
        }
        journal.add({ _tag: "Connected", role, session, again: parameters.has("existing_channel_id") })
        return Effect.map(
          node.accept(query, {
            ...link,
            send: (text) => {
              if (isBroken) return
              const when = breaks(role, "in")
              if (when !== "before") {
                journal.add({ _tag: "Frame", role, session, direction: "in", text })
                link.send(text)
              }
              if (when !== undefined) end()
            }
          }),
          ({ closed: close, receive }) => {
            const closed = Effect.suspend(() => {
              journal.add({ _tag: "Disconnected", role, session })
              return close
            })
            closing = closed
            connections.set(role, Effect.zipRight(Effect.sync(link.terminate), closed))
            return {
              receive: (text) =>
                Effect.suspend(() => {
                  if (isBroken) return Effect.void
                  const when = breaks(role, "out")
                  if (when === "before") {
                    end()
                    return Effect.void
                  }
                  journal.add({ _tag: "Frame", role, session, direction: "out", text })
                  return when === undefined ? receive(text) : Effect.zipRight(receive(text), Effect.sync(end))
                }),
              closed
            }
          }
        )
      }
    },
    cut: (role) => connections.get(role) ?? Effect.void,
    trip: (role, trip) => void (trip === undefined ? trips.delete(role) : trips.set(role, trip))
  }
}
