/**
 * A cheating close and its answer: an old state is posted while the honest party is away.
 *
 * @since 0.1.0
 */
import * as Fee from "@aechannel/core/chain/Fee"
import * as Transaction from "@aechannel/core/chain/Transaction"
import * as Channel from "@aechannel/core/client/Channel"
import type { CoSignedState } from "@aechannel/core/client/ChannelEvent"
import { Crypto } from "@aechannel/core/crypto/Crypto"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import * as ProposalPolicy from "@aechannel/core/services/ProposalPolicy"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ae, formatAe } from "../Amounts.js"
import * as Solo from "../Solo.js"
import * as Stores from "../Stores.js"
import * as Stage from "./Stage.js"

/** What a client needs next to its store. */
const equipment = (stage: Stage.Stage, party: Stage.Party) =>
  Layer.merge(stage.equipment(party), ProposalPolicy.acceptAll)

const place = { networkId: Stage.networkId, host: "localhost", port: 13_179 } as const

const openAs = (
  stage: Stage.Stage,
  party: Stage.Party,
  store: ChannelStore.ChannelStoreService,
  autoSlash: boolean
) =>
  Channel.open({ ...stage.terms, ...place, role: party.role, autoSlash }).pipe(
    Effect.provide(equipment(stage, party)),
    Effect.provideService(ChannelStore.ChannelStore, store)
  )

/** A file that is gone with the demo. */
const temporaryFile = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  return `${yield* fs.makeTempDirectoryScoped({ prefix: "aechannel-demo-" })}/alice.store`
})

/** Bob posts an old state himself; no honest node would make the transaction for him. */
const cheat = (stage: Stage.Stage, old: CoSignedState) =>
  Effect.gen(function* () {
    const { alice, bob, node } = stage
    const ledger = yield* node.ledger
    const signedTx = Solo.make({
      kind: "closeSolo",
      state: old,
      parties: [alice.address, bob.address],
      keyPair: bob.account.keyPair,
      networkId: Stage.networkId,
      protocol: ledger.protocol,
      crypto: yield* Crypto,
      nonce: Ledger.nextNonce(ledger, bob.address),
      gasPrice: Fee.defaultMinerGasPrice
    })
    yield* node.submit(signedTx)
    yield* Stage.say(
      "Bob",
      "chain",
      `${Transaction.typeName(signedTx.tx)} with round ${old.round}: ${Stage.balancesText([
        [alice, old.balances.initiator],
        [bob, old.balances.responder]
      ])}`
    )
  })

const scene = (stage: Stage.Stage) =>
  Effect.gen(function* () {
    const { alice, bob, node, onChain, terms } = stage
    const before = yield* onChain
    yield* Stage.heading(
      `Alice and Bob open a channel with 10 AE each; who closes it alone can be answered for ${terms.lockPeriod} blocks`
    )
    const file = yield* temporaryFile
    const home = yield* Effect.flatMap(Effect.scope, (scope) =>
      Scope.fork(scope, ExecutionStrategy.sequential)
    )
    const [first, right] = yield* Effect.all(
      [
        Effect.flatMap(Stores.onDisk(file), (store) => openAs(stage, alice, store, true)).pipe(
          Scope.extend(home)
        ),
        // Bob's own client would correct him, if it were not told to leave it.
        Effect.flatMap(ChannelStore.makeMemory, (store) => openAs(stage, bob, store, false))
      ],
      { concurrency: 2 }
    )
    yield* Console.log(`  the channel is ${first.id}`)
    yield* Stage.showState(stage, first)

    yield* Stage.heading("Alice pays Bob 6 AE, and Bob keeps this state")
    yield* first.transfer({ amount: ae(6) })
    yield* Stage.showState(stage, first)
    const old = yield* first.latest.get
    yield* Stage.heading("Bob pays Alice 9 AE")
    yield* right.transfer({ amount: ae(9) })
    yield* Stage.showState(stage, right)

    yield* Stage.heading("Alice's client stops; what it knows is on disk")
    yield* Scope.close(home, Exit.void)
    yield* Console.log(`  ${file}`)

    yield* Stage.heading("Bob cheats: he posts the state that he has kept, and closes the channel with it")
    yield* node.auto(false)
    yield* cheat(stage, old)
    yield* Stage.mine(stage)
    const until = yield* Stage.lockedUntil(stage, right)
    yield* Stage.told(right, "CanSlash")
    yield* Console.log(
      `  = if nobody answers up to block ${until}, Bob gets ${formatAe(old.balances.responder)}`
    )
    for (let blocks = 0; blocks < 3; blocks++) yield* Stage.mine(stage)

    yield* Stage.heading("Alice's client is started again, finds what has happened, and answers")
    const left = yield* Effect.flatMap(Stores.onDisk(file), (store) =>
      Channel.resume({ ...place, role: alice.role, channelId: right.id }).pipe(
        Effect.provide(equipment(stage, alice)),
        Effect.provideService(ChannelStore.ChannelStore, store)
      )
    )
    yield* Stage.handedIn(stage)
    yield* Stage.mine(stage)
    yield* Stage.told(left, "SoloClosing")
    yield* Stage.showState(stage, left)

    const end = yield* Stage.lockedUntil(stage, left)
    yield* Stage.heading(`The lock period begins anew, and passes: nothing is paid out up to block ${end}`)
    yield* Stage.mineBeyond(stage, end, "the lock period is over")

    yield* Stage.heading("Alice settles")
    yield* Stage.withBlocks(stage, left.settle())
    yield* Stream.runDrain(right.events)
    yield* Stage.account(stage, left, before)
  })

/**
 * Plays it.
 *
 * @since 0.1.0
 * @category running
 */
export const play = Stage.play(scene)
