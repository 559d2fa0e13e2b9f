/** A party of a channel, whichever library it runs on: what one scenario asks of all of them. */
import type { AccountAddress, ChannelId } from "@aechannel/core/encoding/ApiEncoding"
import type { KeyPair } from "@aechannel/core/crypto/KeyPair"
import type { ChannelTerms, Role } from "@aechannel/core/protocol/OpenParameters"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** What the two parties agree on, and where they meet. */
export interface Meeting extends ChannelTerms {
  readonly networkId: string
  /** Of the node's channel WebSocket. */
  readonly url: string
  /** The port at which the responder's node would listen for the initiator's. */
  readonly port: number
}

/** How a party answers when it is asked for a signature: with it, not at all, or with a code. */
export type Signing = "sign" | "refuse" | number

/** How an own proposal ended; `declined` is the code that came from the peer. */
export type Outcome =
  | { readonly _tag: "Accepted"; readonly round: number }
  | { readonly _tag: "Declined"; readonly code: number }
  | { readonly _tag: "Aborted" }

export interface Balances {
  readonly initiator: bigint
  readonly responder: bigint
}

/** The latest co-signed state: its round, and its transaction as a text. */
export interface State {
  readonly round: number
  readonly signedTx: string
}

export interface Party {
  readonly library: Library
  readonly role: Role
  readonly channelId: ChannelId
  /** Proposes to pay the peer; `signing` says what becomes of the request to sign it. */
  readonly pay: (amount: bigint, signing?: Signing) => Effect.Effect<Outcome>
  /** Brings coins into the channel, or takes them out. */
  readonly deposit: (amount: bigint) => Effect.Effect<Outcome>
  readonly withdraw: (amount: bigint) => Effect.Effect<Outcome>
  /** How the peer's proposals are answered from now on. */
  readonly answerWith: (signing: Signing) => void
  /** For which tags this party was asked for a signature, and for which updates. */
  readonly asked: ReadonlyArray<{ readonly tag: string; readonly updates: ReadonlyArray<unknown> }>
  readonly say: (message: string | object) => Effect.Effect<void>
  /** The text and the sender of the next message. */
  readonly hear: Effect.Effect<{ readonly from: AccountAddress; readonly text: string }>
  readonly latest: Effect.Effect<State>
  readonly balances: Effect.Effect<Balances>
  /** The proof that both accounts are part of the state, as a text, and the balances in it. */
  readonly proof: Effect.Effect<Balances & { readonly text: string }>
  /** The whole state as the node has it: its latest transaction, and the balances in its trees. */
  readonly state: Effect.Effect<Balances & { readonly signedTx: string }>
  /** Closes the channel with the peer: the closing transaction, once it is confirmed. */
  readonly shutdown: Effect.Effect<string>
  /** Waits until the node has let this party go; what went wrong meanwhile. */
  readonly ended: Effect.Effect<ReadonlyArray<unknown>>
  /** Leaves; the channel stays open on chain. */
  readonly leave: Effect.Effect<void>
  /** The socket is gone. */
  readonly drop: Effect.Effect<void>
  /** Comes back on a new socket: to the node's machine that is still there, or to a new one that goes on. */
  readonly comeBack: (to: "reconnect" | "reestablish") => Effect.Effect<Party, never, Scope.Scope>
}

export type Library = "sdk" | "own"

/** Opens a channel as one of its parties; the connection ends with the scope. */
export type Open = (role: Role, key: KeyPair, meeting: Meeting) => Effect.Effect<Party, never, Scope.Scope>

/** Looks again and again until something is there. */
export const eventually = <A>(what: string, look: () => A | undefined): Effect.Effect<A> => {
  const again: Effect.Effect<A> = Effect.suspend(() => {
    const found = look()
    return found === undefined ? Effect.zipRight(Effect.sleep("1 millis"), again) : Effect.succeed(found)
  })
  return within(what, again)
}

/** What takes longer than this will never come. */
export const within = <A, E, R>(what: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.timeoutFailCause(effect, {
    duration: "10 seconds",
    onTimeout: () => Cause.die(new Error(`waited in vain: ${what}`))
  })

const isEqual = (a: State) => (b: State) => a.round === b.round && a.signedTx === b.signedTx

/** Until both parties hold the same state, the one of this round. */
export const agreed = (parties: ReadonlyArray<Party>, round: number): Effect.Effect<string> =>
  Effect.gen(function* () {
    for (;;) {
      const states = yield* Effect.forEach(parties, ({ latest }) => latest)
      const [first] = states
      if (first !== undefined && states.every(isEqual({ round, signedTx: first.signedTx })))
        return first.signedTx
      yield* Effect.sleep("1 millis")
    }
  }).pipe((wait) => within(`round ${round}`, wait))
