/**
 * One party in a run: its key, what it thinks of proposals, how it signs, and its connection.
 *
 * @since 0.1.0
 */
import type { Channel, Session } from "@aechannel/core/client/Channel"
import type { CoSignedState } from "@aechannel/core/client/ChannelEvent"
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import type { CryptoService } from "@aechannel/core/crypto/Crypto"
import type { KeyPair } from "@aechannel/core/crypto/KeyPair"
import type { AccountAddress } from "@aechannel/core/encoding/ApiEncoding"
import { SignerError } from "@aechannel/core/protocol/Errors"
import { signTagRow } from "@aechannel/core/protocol/SignTag"
import type { ChannelStoreService } from "@aechannel/core/services/ChannelStore"
import * as ProposalPolicy from "@aechannel/core/services/ProposalPolicy"
import type { Decision, Proposal, ProposalPolicyService } from "@aechannel/core/services/ProposalPolicy"
import type { SignerService } from "@aechannel/core/services/Signer"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import type { NamedEvent } from "./Events.js"
import type { PartyHeader } from "./Header.js"

/**
 * Which proposals are declined; absent: no condition. All conditions must hold.
 *
 * @since 0.1.0
 * @category models
 */
export interface Conditions {
  /** Own balance falls by more than this (aettos). */
  readonly costsMoreThan?: bigint
  /** Own balance ends below this (aettos). */
  readonly leavesLessThan?: bigint
  readonly operation?: "update" | "deposit" | "withdraw" | "shutdown"
  /** A note of the proposal has this text in it. */
  readonly note?: string
}

/** What a party thinks of proposals. @since 0.1.0 @category models */
export type Rule =
  | { readonly _tag: "Accept" }
  /** Each waits for an `answer` step. */
  | { readonly _tag: "Ask" }
  | { readonly _tag: "Decline"; readonly code: number; readonly when: Conditions }

/** How a party signs. @since 0.1.0 @category models */
export type Signing =
  | { readonly _tag: "Sign" }
  | { readonly _tag: "Slow"; readonly millis: number }
  | { readonly _tag: "Refuse" }
  /** Until another way is set. */
  | { readonly _tag: "Hold"; readonly over: Deferred.Deferred<void> }

/** A proposal that waits for an answer. @since 0.1.0 @category models */
export interface Asked {
  readonly proposal: Proposal
  readonly decision: Deferred.Deferred<Decision>
  gone: boolean
}

/** An event that has come, and whether an expectation took it. @since 0.1.0 @category models */
export interface LoggedEvent extends NamedEvent {
  taken: boolean
}

/** A party's client and its connection; stays readable after its end. @since 0.1.0 @category models */
export interface Link {
  readonly session: Session
  /** Set when the channel is open. */
  channel: Channel | undefined
  readonly scope: Scope.CloseableScope
  /** Loses the connection; the client stays. */
  readonly cut: Effect.Effect<void>
}

/** @since 0.1.0 @category models */
export interface Party extends PartyHeader {
  readonly address: AccountAddress
  /** Absent: somebody else drives this party. */
  readonly keyPair: KeyPair | undefined
  readonly rule: Ref.Ref<Rule>
  readonly signing: Ref.Ref<Signing>
  readonly asked: Queue.Queue<Asked>
  readonly link: Ref.Ref<Link | undefined>
  /** Everything that came, oldest first, over all connections. */
  readonly log: Array<LoggedEvent>
  /** Every state it has co-signed, by round: an honest party forgets the old ones. */
  readonly states: Map<number, CoSignedState>
  /** Its client's memory, over all connections. */
  readonly store: ChannelStoreService
}

/** @since 0.1.0 @category constructors */
export const make = (
  header: PartyHeader,
  address: AccountAddress,
  keyPair: KeyPair | undefined,
  store: ChannelStoreService
): Effect.Effect<Party> =>
  Effect.gen(function* () {
    return {
      ...header,
      address,
      keyPair,
      rule: yield* Ref.make<Rule>({ _tag: "Accept" }),
      signing: yield* Ref.make<Signing>({ _tag: "Sign" }),
      asked: yield* Queue.unbounded<Asked>(),
      link: yield* Ref.make<Link | undefined>(undefined),
      log: [],
      states: new Map(),
      store
    }
  })

const applies = (
  { costsMoreThan, leavesLessThan, operation, note }: Conditions,
  proposal: Proposal
): boolean =>
  (costsMoreThan === undefined || proposal.before.own - proposal.after.own > costsMoreThan) &&
  (leavesLessThan === undefined || proposal.after.own < leavesLessThan) &&
  (operation === undefined || proposal.operation === operation) &&
  (note === undefined ||
    proposal.updates.some((update) => update._tag === "OffChainMeta" && update.data.includes(note)))

/**
 * The party's policy: its rule of the moment. The opening is always accepted: it is the script's own. `tell` hears of
 * every proposal and what becomes of it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const policy = (
  party: Party,
  tell: (proposal: Proposal, decision: string) => Effect.Effect<void>
): ProposalPolicyService => ({
  decide: (proposal) =>
    Effect.gen(function* () {
      if (proposal.operation === "open") return ProposalPolicy.accept
      const rule = yield* Ref.get(party.rule)
      if (rule._tag === "Ask") {
        const asked: Asked = { proposal, decision: yield* Deferred.make<Decision>(), gone: false }
        yield* Queue.offer(party.asked, asked)
        yield* tell(proposal, "asked")
        return yield* Effect.onInterrupt(Deferred.await(asked.decision), () =>
          Effect.sync(() => {
            asked.gone = true
          })
        )
      }
      const declined = rule._tag === "Decline" && applies(rule.when, proposal)
      yield* tell(proposal, declined ? "declined" : "accepted")
      return declined ? ProposalPolicy.decline(rule.code) : ProposalPolicy.accept
    })
})

/**
 * Signatures that wait for each other, so that proposals meet: each proposer's first own signature waits until all have
 * been asked, or until one of the branches has ended.
 *
 * @since 0.1.0
 * @category models
 */
export interface Gate {
  readonly wanted: number
  readonly askedOf: Set<string>
  readonly open: Deferred.Deferred<void>
}

const passGate = (party: Party, gate: Gate | undefined): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (gate === undefined) return Effect.void
    gate.askedOf.add(party.name)
    return Effect.zipRight(
      gate.askedOf.size >= gate.wanted ? Deferred.succeed(gate.open, undefined) : Effect.void,
      Deferred.await(gate.open)
    )
  })

/**
 * The party's signer: a key in memory that is as slow or as unwilling as the script says.
 *
 * @since 0.1.0
 * @category constructors
 */
export const signer = (
  party: Party,
  keyPair: KeyPair,
  networkId: string,
  crypto: CryptoService,
  gate: Ref.Ref<Gate | undefined>
): SignerService => ({
  address: keyPair.address,
  sign: ({ signedTx, operation, tag }) =>
    Effect.gen(function* () {
      const own = signTagRow(tag).side !== "acknowledger" && operation !== "open"
      if (own) yield* passGate(party, yield* Ref.get(gate))
      for (;;) {
        const signing = yield* Ref.get(party.signing)
        if (signing._tag === "Refuse")
          return yield* new SignerError({ operation, reason: "refused", detail: "the script says so" })
        if (signing._tag === "Slow") yield* Effect.sleep(signing.millis)
        if (signing._tag === "Hold") yield* Deferred.await(signing.over)
        else return SignedTx.sign(signedTx, keyPair, { networkId, crypto })
      }
    })
})
