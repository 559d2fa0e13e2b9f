/**
 * A run under way: the parties, their connections, the chain, the variables.
 *
 * @since 0.1.0
 */
import * as Channel from "@aechannel/core/client/Channel"
import type { Balances, ChannelError } from "@aechannel/core/client/ChannelEvent"
import * as Protocol from "@aechannel/core/chain/Protocol"
import { Crypto, type CryptoService } from "@aechannel/core/crypto/Crypto"
import type { AccountAddress, ChannelId, ContractId } from "@aechannel/core/encoding/ApiEncoding"
import type { Json, JsonObject } from "@aechannel/core/encoding/Json"
import { Codec } from "@aechannel/core/protocol/Codec"
import { ChainReader } from "@aechannel/core/services/ChainReader"
import { ChannelStore } from "@aechannel/core/services/ChannelStore"
import { ProposalPolicy } from "@aechannel/core/services/ProposalPolicy"
import { Signer } from "@aechannel/core/services/Signer"
import * as Transport from "@aechannel/core/services/Transport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Struct from "effect/Struct"
import type { Aci } from "../Aci.js"
import { formatAe } from "../Amounts.js"
import type * as Conversation from "../Conversation.js"
import { observe } from "../Observe.js"
import type { Chain } from "./Chain.js"
import { cuttable } from "./Cut.js"
import * as Events from "./Events.js"
import * as Header from "./Header.js"
import type { Output } from "./Output.js"
import * as Party from "./Party.js"
import { ImpossibleError } from "./Problems.js"

/** @since 0.1.0 @category models */
export interface Session {
  readonly networkId: string
  readonly protocol: number
  readonly crypto: CryptoService
  readonly parties: ReadonlyArray<Party.Party>
  readonly chain: Chain
  readonly out: Output
  readonly names: Conversation.Names
  /** Results that steps have saved, and variables that were set. */
  readonly variables: Map<string, Json>
  readonly gate: Ref.Ref<Party.Gate | undefined>
  /** The contracts that steps know, in the order in which they came, with their interfaces. */
  readonly contracts: Map<ContractId, Aci | undefined>
  /** The text of a file that the script names. */
  readonly readText: (file: string) => Effect.Effect<string, ImpossibleError>
  /** Connects a party and opens the channel. */
  readonly open: (
    party: Party.Party,
    terms: Header.Terms
  ) => Effect.Effect<Channel.Channel, ChannelError | ImpossibleError>
  /** Brings a party back to a channel that its store knows. */
  readonly resume: (
    party: Party.Party,
    channelId: ChannelId,
    terms: Header.Terms
  ) => Effect.Effect<Channel.Channel, ChannelError | ImpossibleError>
}

/** What a session is made of. @since 0.1.0 @category models */
export interface SessionOptions {
  readonly header: Header.Header
  readonly networkId: string
  readonly parties: ReadonlyArray<Party.Party>
  readonly chain: Chain
  readonly out: Output
  /** Whether idle connections are kept alive; a node closes a socket that is silent for a minute. */
  readonly keepAlive: boolean
  readonly readText: Session["readText"]
}

const keepAliveInterval = "25 seconds"

const defaultPort = 13_179
const defaultLockPeriod = 10

/** How often a lost connection is made again; absent: never. */
const returning = (reconnect: number | undefined) =>
  reconnect === undefined ? {} : { reconnect: Schedule.spaced(reconnect) }

const protocolOf = ({ header }: SessionOptions) =>
  header.node.protocol === undefined ? {} : { protocol: header.node.protocol }

/**
 * The opening parameters of a party: the script's terms, its own, and those of the step.
 */
const parametersOf = (
  options: SessionOptions,
  party: Party.Party,
  terms: Header.Terms | undefined
): Channel.OpenOptions | undefined => {
  const { header, networkId, parties } = options
  const initiator = parties.find(({ role }) => role === "initiator")
  const responder = parties.find(({ role }) => role === "responder")
  if (initiator === undefined || responder === undefined) return undefined
  const {
    reserve = 0n,
    push = 0n,
    lockPeriod = defaultLockPeriod,
    host = "localhost",
    port = defaultPort,
    reconnect,
    ...rest
  } = Header.merge(header.terms, party.terms, terms)
  return {
    ...rest,
    ...returning(reconnect),
    ...protocolOf(options),
    role: party.role,
    networkId,
    initiatorId: initiator.address,
    responderId: responder.address,
    initiatorAmount: initiator.deposit,
    responderAmount: responder.deposit,
    channelReserve: reserve,
    pushAmount: push,
    lockPeriod,
    host,
    port
  }
}

/** What one who comes back says. */
const resumeOptionsOf = (
  options: SessionOptions,
  party: Party.Party,
  channelId: ChannelId,
  terms: Header.Terms
): Channel.ResumeOptions => {
  const all = Header.merge(options.header.terms, party.terms, terms)
  const { reconnect, ...known } = Struct.pick(all, ...Struct.keys(Header.resumeFields))
  return {
    host: "localhost",
    port: defaultPort,
    ...known,
    ...returning(reconnect),
    ...protocolOf(options),
    role: party.role,
    networkId: options.networkId,
    channelId
  }
}

/**
 * Begins a session; all its connections end with the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: SessionOptions
): Effect.Effect<Session, never, Scope.Scope | Transport.Transport | ChainReader | Codec | Crypto> =>
  Effect.gen(function* () {
    const { networkId, parties, chain, out } = options
    const scope = yield* Effect.scope
    const context = yield* Effect.context<Transport.Transport | ChainReader | Codec | Crypto>()
    const crypto = yield* Crypto
    const codec = yield* Codec
    const gate = yield* Ref.make<Party.Gate | undefined>(undefined)
    const names: Conversation.Names = (address) =>
      parties.find((party) => party.address === address)?.name ?? address
    const words: Events.EventWords = { names, balances: (balances) => balancesJson({ parties }, balances) }

    const record = (party: Party.Party, event: Events.NamedEvent) =>
      Effect.suspend(() => {
        party.log.push({ ...event, taken: false })
        return out.event(party.name, event)
      })

    /** Starts a client; it lives until its scope ends, or with the session. */
    const start = <A extends Channel.Session>(
      party: Party.Party,
      client: Effect.Effect<A, ChannelError, Channel.Requirements>
    ) =>
      Effect.gen(function* () {
        const { keyPair } = party
        if (keyPair === undefined) return yield* notDriven(party.name)
        const linkScope = yield* Scope.fork(scope, { _tag: "Sequential" })
        const say = (from: string, to: string, what: string) => out.frame(from, to, what)
        let cut = Effect.void
        const wire = Layer.succeed(
          Transport.Transport,
          cuttable(yield* Transport.Transport, (next) => {
            cut = next
          })
        )
        const tapped = out.wantsFrames
          ? Layer.provide(Transport.layerTapped(observe({ codec, party: party.name, names, say })), wire)
          : wire
        const session = yield* client.pipe(
          Effect.provide(tapped),
          Effect.provideService(ChannelStore, party.store),
          Effect.provideService(Signer, Party.signer(party, keyPair, networkId, crypto, gate)),
          Effect.provideService(
            ProposalPolicy,
            Party.policy(party, (proposal, decision) =>
              record(party, Events.proposalEvent(proposal, decision, names))
            )
          ),
          Scope.extend(linkScope),
          Effect.onError(() => Scope.close(linkScope, Exit.void))
        )
        yield* Stream.runForEach(session.events, (event) => {
          if (event._tag === "CoSigned") party.states.set(event.state.round, event.state)
          return record(party, Events.named(event, words))
        }).pipe(Effect.forkIn(scope))
        if (options.keepAlive)
          yield* Effect.sleep(keepAliveInterval).pipe(
            Effect.zipRight(session.ping),
            Effect.forever,
            Effect.ignore,
            Effect.forkIn(linkScope)
          )
        const link: Party.Link = {
          session,
          channel: undefined,
          scope: linkScope,
          cut: Effect.suspend(() => cut)
        }
        yield* Ref.set(party.link, link)
        return { link, session }
      }).pipe(Effect.provide(context))

    const open: Session["open"] = (party, terms) =>
      Effect.gen(function* () {
        const parameters = parametersOf(options, party, terms)
        if (parameters === undefined) return yield* notDriven(party.name)
        const { link, session } = yield* start(party, Channel.connect(parameters))
        link.channel = yield* Effect.onError(session.opened, () => Scope.close(link.scope, Exit.void))
        return link.channel
      })

    const resume: Session["resume"] = (party, channelId, terms) =>
      Effect.gen(function* () {
        const { link, session } = yield* start(
          party,
          Channel.resume(resumeOptionsOf(options, party, channelId, terms))
        )
        link.channel = session
        return session
      })

    const protocol = options.header.node.protocol ?? Protocol.latest
    return {
      networkId,
      protocol,
      crypto,
      parties,
      chain,
      out,
      names,
      variables: new Map(),
      contracts: new Map(),
      readText: options.readText,
      gate,
      open,
      resume
    }
  })

const notDriven = (name: string) =>
  new ImpossibleError({
    detail: `${name} is driven by somebody else; this script can only drive its own parties`
  })

/** The parties that this script drives. @since 0.1.0 @category getters */
export const driven = ({ parties }: Pick<Session, "parties">): ReadonlyArray<Party.Party> =>
  parties.filter(({ keyPair }) => keyPair !== undefined)

/** A party by its name, which has been checked. @since 0.1.0 @category getters */
export const party = ({ parties }: Session, name: string): Effect.Effect<Party.Party, ImpossibleError> => {
  const found = parties.find((each) => each.name === name)
  return found === undefined ? Effect.fail(notDriven(name)) : Effect.succeed(found)
}

/** A party's connection. @since 0.1.0 @category getters */
export const link = (session: Session, name: string): Effect.Effect<Party.Link, ImpossibleError> =>
  Effect.gen(function* () {
    const found = yield* party(session, name)
    if (found.keyPair === undefined) return yield* notDriven(name)
    const current = yield* Ref.get(found.link)
    return current === undefined
      ? yield* new ImpossibleError({ detail: `${name} has no connection yet; an open step comes first` })
      : current
  })

/** A party's open channel. @since 0.1.0 @category getters */
export const channel = (session: Session, name: string): Effect.Effect<Channel.Channel, ImpossibleError> =>
  Effect.flatMap(link(session, name), (current) =>
    current.channel === undefined
      ? new ImpossibleError({
          detail: `${name}'s channel is not open yet; an open step that succeeds comes first`
        })
      : Effect.succeed(current.channel)
  )

/** Channels that have been opened, by party. @since 0.1.0 @category getters */
export const openChannels = (
  session: Session
): Effect.Effect<ReadonlyArray<readonly [Party.Party, Channel.Channel]>> =>
  Effect.map(
    Effect.forEach(driven(session), (each) =>
      Effect.map(Ref.get(each.link), (current) => [each, current] as const)
    ),
    (all) =>
      all.flatMap(([each, current]) => (current?.channel === undefined ? [] : [[each, current.channel]]))
  )

/** The id of the channel that was opened last. @since 0.1.0 @category getters */
export const channelId = (session: Session): Effect.Effect<ChannelId, ImpossibleError> =>
  Effect.flatMap(openChannels(session), ([first]) =>
    first === undefined
      ? new ImpossibleError({ detail: "there is no channel yet; an open step that succeeds comes first" })
      : Effect.succeed(first[1].id)
  )

/** Balances by party, in aettos. @since 0.1.0 @category formatting */
export const balancesOf = (
  { parties }: Pick<Session, "parties">,
  balances: Balances
): ReadonlyArray<readonly [string, bigint]> => parties.map(({ name, role }) => [name, balances[role]])

/** Balances as JSON: texts of digits. @since 0.1.0 @category formatting */
export const balancesJson = (session: Pick<Session, "parties">, balances: Balances): JsonObject =>
  Object.fromEntries(balancesOf(session, balances).map(([name, balance]) => [name, balance.toString()]))

/** Balances in words. @since 0.1.0 @category formatting */
export const balancesText = (balances: ReadonlyArray<readonly [string, bigint]>): string =>
  balances.map(([name, balance]) => `${name} ${formatAe(balance)}`).join(", ")

/** The address of a party by its name. @since 0.1.0 @category getters */
export const addressOf = (session: Session, name: string): Effect.Effect<AccountAddress, ImpossibleError> =>
  Effect.map(party(session, name), ({ address }) => address)
