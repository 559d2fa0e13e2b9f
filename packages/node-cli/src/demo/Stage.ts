/**
 * What the demos play on: an embedded node on a real port, two parties, and their conversation in words.
 *
 * @since 0.1.0
 */
import type * as Channel from "@aechannel/core/client/Channel"
import type { AccountAddress } from "@aechannel/core/encoding/ApiEncoding"
import * as ChannelNode from "@aechannel/core/node/ChannelNode"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as JsonRpcSignedTx from "@aechannel/core/protocol/JsonRpcSignedTx"
import type { ChannelTerms, Role } from "@aechannel/core/protocol/OpenParameters"
import * as Signer from "@aechannel/core/services/Signer"
import * as Transport from "@aechannel/core/services/Transport"
import type * as Devnet from "@aechannel/transport/Devnet"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import * as NodeServer from "@aechannel/transport/NodeServer"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Accounts from "../Accounts.js"
import { ae, formatAe } from "../Amounts.js"
import type * as Conversation from "../Conversation.js"
import { observe } from "../Observe.js"

/** @since 0.1.0 @category constants */
export const networkId = "ae_dev"

const funds = ae(100)

/** The money does not add up, which cannot be. @since 0.1.0 @category errors */
export class BooksDoNotBalance extends Data.TaggedError("BooksDoNotBalance")<{
  readonly what: string
  readonly expected: bigint
  readonly came: bigint
}> {
  override get message(): string {
    return `${this.what}: ${formatAe(this.expected)} were expected; came ${formatAe(this.came)}`
  }
}

/** @since 0.1.0 @category models */
export interface Party {
  readonly name: string
  readonly role: Role
  readonly account: Devnet.FundedAccount
  readonly address: AccountAddress
}

/** Amounts of the parties in aettos. @since 0.1.0 @category models */
export type Balances = ReadonlyArray<readonly [Party, bigint]>

/** @since 0.1.0 @category models */
export interface Stage {
  readonly alice: Party
  readonly bob: Party
  readonly node: ChannelNode.ChannelNodeService
  readonly names: Conversation.Names
  /** What both have on chain. */
  readonly onChain: Effect.Effect<Balances>
  /** What brings a party to its node: its connection, each frame of it told, and its signatures. */
  readonly equipment: (party: Party) => Layer.Layer<Transport.Transport | Signer.Signer>
  /** 10 AE each. */
  readonly terms: ChannelTerms
}

/** A line of its own, before what belongs to it. @since 0.1.0 @category formatting */
export const heading = (text: string): Effect.Effect<void> => Console.log(`\n${text}`)

/** Who tells whom what. @since 0.1.0 @category formatting */
export const say = (from: string, to: string, what: string): Effect.Effect<void> =>
  Console.log(`  ${from.padEnd(5)} → ${to.padEnd(5)}  ${what}`)

/** @since 0.1.0 @category formatting */
export const balancesText = (balances: Balances): string =>
  balances.map(([{ name }, balance]) => `${name} ${formatAe(balance)}`).join(", ")

/** @since 0.1.0 @category getters */
export const total = (balances: Balances): bigint => balances.reduce((sum, [, balance]) => sum + balance, 0n)

/** Prints the latest co-signed state. @since 0.1.0 @category formatting */
export const showState = ({ alice, bob }: Stage, { latest }: Channel.Channel): Effect.Effect<void> =>
  Effect.flatMap(latest.get, ({ balances, round }) =>
    Console.log(
      `  = round ${round}: ${balancesText([
        [alice, balances.initiator],
        [bob, balances.responder]
      ])}`
    )
  )

/** Prints that no money came or went but for the fees, and fails where it did. @since 0.1.0 @category formatting */
export const balanceBooks = (
  { node }: Stage,
  before: Balances,
  after: Balances
): Effect.Effect<void, BooksDoNotBalance> =>
  Effect.gen(function* () {
    const fees = Ledger.collectedFees(yield* node.ledger)
    yield* Console.log(
      `  ${formatAe(total(before))} at the start = ${formatAe(total(after))} now + ${formatAe(fees)} of fees`
    )
    if (total(before) !== total(after) + fees)
      return yield* new BooksDoNotBalance({
        what: "the final balances",
        expected: total(before) - fees,
        came: total(after)
      })
  })

const set = (alice: Party, bob: Party) =>
  Effect.gen(function* () {
    const node = yield* ChannelNode.ChannelNode
    const { url } = yield* NodeServer.NodeServer
    const names: Conversation.Names = (address) =>
      [alice, bob].find((party) => party.address === address)?.name ?? address
    const stage: Stage = {
      alice,
      bob,
      node,
      names,
      onChain: Effect.map(node.ledger, (ledger) =>
        [alice, bob].map((party) => [party, Ledger.balance(ledger, party.address)] as const)
      ),
      equipment: ({ account, name }) =>
        Layer.merge(
          Transport.layerTapped(observe({ codec: JsonRpcSignedTx.codec, party: name, names, say })).pipe(
            Layer.provide(WebSocketTransport.layerNode({ url }))
          ),
          Layer.provide(Signer.layerKeyPair(account.keyPair, networkId), NativeCrypto.layer)
        ),
      terms: {
        initiatorId: alice.address,
        responderId: bob.address,
        initiatorAmount: ae(10),
        responderAmount: ae(10),
        pushAmount: 0n,
        channelReserve: ae(1),
        lockPeriod: 10
      }
    }
    yield* Console.log(`An embedded æternity node (${networkId}) serves channels at ${url}`)
    for (const { address, name, role } of [alice, bob])
      yield* Console.log(`  ${name}, the ${role}, is ${address}`)
    yield* Console.log(`  on chain: ${balancesText(yield* stage.onChain)}`)
    return stage
  })

const partyOf = (name: string, role: Role, account: Devnet.FundedAccount): Party => ({
  name,
  role,
  account,
  address: account.keyPair.address
})

/**
 * Plays on a new stage: Alice is the initiator, Bob the responder, with 100 AE each.
 *
 * @since 0.1.0
 * @category running
 */
export const play = <E, R>(scene: (stage: Stage) => Effect.Effect<void, E, R>) =>
  Effect.gen(function* () {
    const [first, second] = yield* Accounts.make(2, funds)
    if (first === undefined || second === undefined) return
    const ledger = Ledger.make({
      networkId,
      accounts: [first, second].map(({ balance, keyPair }) => ({ address: keyPair.address, balance }))
    })
    const node = NodeServer.layer({ port: 0 }).pipe(Layer.provideMerge(ChannelNode.layer({ ledger })))
    yield* Effect.flatMap(
      set(partyOf("Alice", "initiator", first), partyOf("Bob", "responder", second)),
      scene
    ).pipe(Effect.scoped, Effect.provide(node))
  }).pipe(Effect.provide([NativeCrypto.layer, JsonRpcSignedTx.layer]))
