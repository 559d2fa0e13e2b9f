/**
 * `aechannel demo`: two parties open a channel on the embedded node, over real WebSockets, use it and close it.
 *
 * @since 0.1.0
 */
import * as Channel from "@aechannel/core/client/Channel"
import type { AccountAddress } from "@aechannel/core/encoding/ApiEncoding"
import * as ChannelNode from "@aechannel/core/node/ChannelNode"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as JsonRpcSignedTx from "@aechannel/core/protocol/JsonRpcSignedTx"
import type { OpenParameters, Role } from "@aechannel/core/protocol/OpenParameters"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import * as ProposalPolicy from "@aechannel/core/services/ProposalPolicy"
import * as Signer from "@aechannel/core/services/Signer"
import * as Transport from "@aechannel/core/services/Transport"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import * as NodeServer from "@aechannel/transport/NodeServer"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Accounts from "./Accounts.js"
import { ae, formatAe } from "./Amounts.js"
import type * as Conversation from "./Conversation.js"
import { observe } from "./Observe.js"

const networkId = "ae_dev"
const funds = ae(100)

/** The code with which Bob declines what he finds too much; its meaning is an agreement between the parties. */
const tooMuch = 147
const limit = ae(5)

class BooksDoNotBalance extends Data.TaggedError("BooksDoNotBalance")<{
  readonly before: bigint
  readonly after: bigint
  readonly fees: bigint
}> {
  override get message(): string {
    return `the final balances are ${formatAe(this.after)} where ${formatAe(this.before)} less fees of ${formatAe(this.fees)} were expected`
  }
}

interface Party {
  readonly name: string
  readonly role: Role
  readonly account: Accounts.FundedAccount
}

const heading = (text: string) => Console.log(`\n${text}`)

const say = (from: string, to: string, what: string) =>
  Console.log(`  ${from.padEnd(5)} → ${to.padEnd(5)}  ${what}`)

const openAs = (
  party: Party,
  parameters: Omit<OpenParameters, "role">,
  url: string,
  names: Conversation.Names
) =>
  Channel.open({ ...parameters, role: party.role, networkId }).pipe(
    Effect.provide([
      Transport.layerTapped(observe({ codec: JsonRpcSignedTx.codec, party: party.name, names, say })).pipe(
        Layer.provide(WebSocketTransport.layerNode({ url }))
      ),
      Signer.layerKeyPair(party.account.keyPair, networkId),
      ChannelStore.layerMemory,
      // Only what costs us more than the limit is declined.
      ProposalPolicy.make((proposal) =>
        proposal.operation === "update" && proposal.before.own - proposal.after.own > limit
          ? ProposalPolicy.decline(tooMuch)
          : ProposalPolicy.accept
      )
    ])
  )

const balancesLine = (
  names: Conversation.Names,
  balances: ReadonlyArray<readonly [AccountAddress, bigint]>
) => balances.map(([address, balance]) => `${names(address)} ${formatAe(balance)}`).join(", ")

const converse = (alice: Party, bob: Party) =>
  Effect.gen(function* () {
    const node = yield* ChannelNode.ChannelNode
    const { url } = yield* NodeServer.NodeServer
    const addresses = [alice, bob].map(({ account }) => account.keyPair.address)
    const names: Conversation.Names = (address) =>
      [alice, bob].find(({ account }) => account.keyPair.address === address)?.name ?? address
    const onChain = Effect.map(node.ledger, (ledger) =>
      addresses.map((address) => [address, Ledger.balance(ledger, address)] as const)
    )
    const total = (balances: ReadonlyArray<readonly [AccountAddress, bigint]>) =>
      balances.reduce((sum, [, balance]) => sum + balance, 0n)

    yield* Console.log(`An embedded æternity node (${networkId}) serves channels at ${url}`)
    for (const party of [alice, bob])
      yield* Console.log(`  ${party.name}, the ${party.role}, is ${party.account.keyPair.address}`)
    const before = yield* onChain
    yield* Console.log(`  on chain: ${balancesLine(names, before)}`)

    yield* heading("Alice and Bob open a channel with 10 AE each")
    const parameters = {
      initiatorId: alice.account.keyPair.address,
      responderId: bob.account.keyPair.address,
      initiatorAmount: ae(10),
      responderAmount: ae(10),
      pushAmount: 0n,
      channelReserve: ae(1),
      lockPeriod: 10,
      host: "localhost",
      port: 13_179
    }
    const [left, right] = yield* Effect.all(
      [openAs(alice, parameters, url, names), openAs(bob, parameters, url, names)],
      { concurrency: 2 }
    )
    yield* Console.log(`  the channel is ${left.id}`)
    const showBalances = Effect.gen(function* () {
      const { balances, round } = yield* left.latest.get
      yield* Console.log(
        `  = round ${round}: ${alice.name} ${formatAe(balances.initiator)}, ${bob.name} ${formatAe(balances.responder)}`
      )
    })
    yield* showBalances

    yield* heading("Alice pays Bob 3 AE")
    yield* left.transfer({ amount: ae(3) })
    yield* showBalances
    yield* heading("Bob pays Alice 1 AE")
    yield* right.transfer({ amount: ae(1) })
    yield* showBalances
    yield* heading("Alice pays Bob 0.5 AE, with a note")
    yield* left.transfer({ amount: ae(0.5), meta: ["invoice 17"] })
    yield* showBalances

    yield* heading(
      "Alice asks Bob for 6 AE; Bob gives at most 5 at a time and declines with a code of his own"
    )
    yield* left
      .transfer({ amount: ae(6), from: parameters.responderId })
      .pipe(
        Effect.catchTag("UserDefinedError", (error) =>
          Console.log(`  declined with code ${error.code}; both are still at round ${error.round}`)
        )
      )
    yield* showBalances

    yield* heading("They talk")
    yield* left.sendMessage("Thank you, Bob!")
    yield* right.sendMessage("Any time, Alice!")
    yield* Effect.all([left.ping, right.ping], { discard: true })

    yield* heading("They close the channel together")
    yield* left.shutdown()
    yield* Stream.runDrain(right.events)

    const after = yield* onChain
    const fees = Ledger.collectedFees(yield* node.ledger)
    yield* heading(`On chain: ${balancesLine(names, after)}`)
    yield* Console.log(
      `  ${formatAe(total(before))} at the start = ${formatAe(total(after))} now + ${formatAe(fees)} of fees`
    )
    if (total(before) !== total(after) + fees)
      return yield* new BooksDoNotBalance({ before: total(before), after: total(after), fees })
  })

const run = Effect.gen(function* () {
  const [first, second] = yield* Accounts.make(2, funds)
  if (first === undefined || second === undefined) return
  const alice: Party = { name: "Alice", role: "initiator", account: first }
  const bob: Party = { name: "Bob", role: "responder", account: second }
  const ledger = Ledger.make({
    networkId,
    accounts: [first, second].map(({ balance, keyPair }) => ({ address: keyPair.address, balance }))
  })
  yield* converse(alice, bob).pipe(
    Effect.scoped,
    Effect.provide(NodeServer.layer({ port: 0 }).pipe(Layer.provideMerge(ChannelNode.layer({ ledger }))))
  )
}).pipe(Effect.provide([NativeCrypto.layer, JsonRpcSignedTx.layer]))

/**
 * @since 0.1.0
 * @category commands
 */
export const demo = Command.make("demo", {}, () => run).pipe(
  Command.withDescription(
    "Watch two parties open a channel on an embedded node, pay, decline, talk and close it."
  )
)
