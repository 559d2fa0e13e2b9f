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
        const mood = moods.shift() ?? willing
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
): ProposalPolicy.ProposalPolicyService => ({
  decide: (proposal) =>
    Effect.suspend(() => {
      journal.add({ _tag: "PolicyAsked", role, proposal })
      const decided = (decision: ProposalPolicy.Decision) =>
        Effect.sync(() => {
          journal.add({ _tag: "PolicyDecided", role, proposal, accepted: decision._tag === "Accept" })
          return decision
        })
      const mood = proposal.operation === "open" ? willing : (moods.shift() ?? willing)
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
    })
})

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

/** A node whose frames are written down, and whose connections can be cut. */
export interface RecordedNode {
  readonly node: ChannelNodeService
  readonly cut: (role: Role) => Effect.Effect<void>
}

export const recorded = (node: ChannelNodeService, journal: Journal): RecordedNode => {
  const connections = new Map<Role, Effect.Effect<void>>()
  return {
    node: {
      ...node,
      accept: (query, link) => {
        const role = new URLSearchParams(query).get("role") === "initiator" ? "initiator" : "responder"
        return Effect.map(
          node.accept(query, {
            ...link,
            send: (text) => {
              journal.add({ _tag: "Frame", role, direction: "in", text })
              link.send(text)
            }
          }),
          (session) => {
            const closed = Effect.suspend(() => {
              journal.add({ _tag: "Disconnected", role })
              return session.closed
            })
            connections.set(role, Effect.zipRight(Effect.sync(link.terminate), closed))
            return {
              receive: (text) => {
                journal.add({ _tag: "Frame", role, direction: "out", text })
                return session.receive(text)
              },
              closed
            }
          }
        )
      }
    },
    cut: (role) => connections.get(role) ?? Effect.void
  }
}
