/**
 * Parties whose signer, policy, store and connection do what a test says, from one moment to the next. Until it says
 * something, all of them behave well.
 */
import { Deferred, Effect, Exit, Layer, Queue, Scope } from "effect"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as Channel from "../../../src/client/Channel.js"
import type { ChannelError } from "../../../src/client/ChannelEvent.js"
import * as Json from "../../../src/encoding/Json.js"
import type { SignerError, StoreError, TransportError } from "../../../src/protocol/Errors.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import * as ChannelStore from "../../../src/services/ChannelStore.js"
import * as ProposalPolicy from "../../../src/services/ProposalPolicy.js"
import * as Signer from "../../../src/services/Signer.js"
import { Transport, type TransportService } from "../../../src/services/Transport.js"
import { initiator, networkId, responder } from "../../support/NodeUnderTest.js"
import * as TestCrypto from "../../support/TestCrypto.js"
import { layerParty, options } from "./Parties.js"

type Signature = Effect.Effect<SignedTx.SignedTx, SignerError | ProposalPolicy.Decline>

/** A frame of the node on its way to the client: what arrives instead. */
export type Damage = (text: string) => ReadonlyArray<string>

export class Puppet {
  /** Instead of the signature. */
  sign: ((details: Signer.SigningDetails) => Signature) | undefined
  /** Instead of the consent. */
  decide: ((proposal: ProposalPolicy.Proposal) => Effect.Effect<ProposalPolicy.Decision>) | undefined
  /** Fails instead of reading or writing. */
  store: { readonly read?: StoreError; readonly write?: StoreError } = {}
  /** Instead of the frame. */
  damage: Damage | undefined
  /** What the signer was asked, oldest first. */
  readonly asked = Effect.runSync(Queue.unbounded<Signer.SigningDetails>())
  readonly role: Role
  private readonly cut = Effect.runSync(Deferred.make<never, TransportError>())
  private readonly scope = Effect.runSync(Scope.make())

  constructor(role: Role) {
    this.role = role
  }

  get keyPair() {
    return this.role === "initiator" ? initiator : responder
  }

  /** Signs as asked, with the own key or another. */
  signed(details: Signer.SigningDetails, keyPair = this.keyPair): SignedTx.SignedTx {
    return SignedTx.sign(details.signedTx, keyPair, { networkId, crypto: TestCrypto.native })
  }

  private signer() {
    return Signer.layer({
      address: this.keyPair.address,
      sign: (details) =>
        Effect.suspend(() => {
          this.asked.unsafeOffer(details)
          return this.sign?.(details) ?? Effect.succeed(this.signed(details))
        })
    })
  }

  private readonly policy = ProposalPolicy.make(
    (proposal) => this.decide?.(proposal) ?? ProposalPolicy.accept
  )

  private readonly memory = Layer.effect(
    ChannelStore.ChannelStore,
    Effect.map(ChannelStore.makeMemory, (memory) => ({
      claim: memory.claim,
      read: (key: ChannelStore.RecordKey) => Effect.suspend(() => this.store.read ?? memory.read(key)),
      write: (record: ChannelStore.ChannelRecord, expected: ChannelStore.Expected) =>
        Effect.suspend(() => this.store.write ?? memory.write(record, expected)),
      list: memory.list
    }))
  )

  private readonly wrap = ({ connect }: TransportService): TransportService => ({
    connect: (query) =>
      Effect.map(connect(query), ({ receive, send }) => {
        const late: Array<string> = []
        const next: Effect.Effect<string, TransportError> = Effect.suspend(() => {
          const kept = late.shift()
          if (kept !== undefined) return Effect.succeed(kept)
          return Effect.flatMap(receive, (text) => {
            late.push(...(this.damage?.(text) ?? [text]))
            return next
          })
        })
        return { send, receive: Effect.raceFirst(Deferred.await(this.cut), next) }
      })
  })

  private readonly provided = <A, E>(
    effect: Effect.Effect<A, E, Channel.Requirements>
  ): Effect.Effect<A, E, Transport> => {
    const { memory: store, policy } = this
    const signer = this.signer()
    return effect.pipe(
      Effect.provide(layerParty(this.role, { policy, signer, store })),
      Effect.updateService(Transport, this.wrap),
      Scope.extend(this.scope)
    )
  }

  connect(
    changes: Partial<Channel.OpenOptions> = {}
  ): Effect.Effect<Channel.OpeningChannel, ChannelError, Transport | Scope.Scope> {
    return this.kept(Channel.connect(options(this.role, changes)))
  }

  open(
    changes: Partial<Channel.OpenOptions> = {}
  ): Effect.Effect<Channel.Channel, ChannelError, Transport | Scope.Scope> {
    return this.kept(Channel.open(options(this.role, changes)))
  }

  private kept<A>(
    effect: Effect.Effect<A, ChannelError, Channel.Requirements>
  ): Effect.Effect<A, ChannelError, Transport | Scope.Scope> {
    return Effect.zipRight(
      Effect.addFinalizer(() => this.close),
      this.provided(effect)
    )
  }

  /** Closes the channel's scope. */
  get close(): Effect.Effect<void> {
    return Scope.close(this.scope, Exit.void)
  }

  /** Ends the connection: nothing more arrives. */
  disconnect(error: TransportError): Effect.Effect<void> {
    return Effect.asVoid(Deferred.fail(this.cut, error))
  }

  /** The next thing the signer is asked. */
  get nextAsked(): Effect.Effect<Signer.SigningDetails> {
    return Queue.take(this.asked)
  }

  /** Leaves every signature unmade. */
  get holds(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.sign = () => Effect.never
    })
  }
}

/** A JSON object with one value changed. */
export const changed = (
  json: Json.Json,
  path: ReadonlyArray<string | number>,
  value: Json.Json
): Json.Json => {
  const [key, ...rest] = path
  if (key === undefined) return value
  if (Json.isArray(json))
    return json.map((item, index) => (index === key ? changed(item, rest, value) : item))
  if (!Json.isObject(json)) throw new Error(`nothing at ${path.join(".")}`)
  return { ...json, [key]: changed(json[key] ?? null, rest, value) }
}
