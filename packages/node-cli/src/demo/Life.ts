/**
 * A channel's life as it usually is: open, pay, decline, talk, close together.
 *
 * @since 0.1.0
 */
import * as Channel from "@aechannel/core/client/Channel"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import * as ProposalPolicy from "@aechannel/core/services/ProposalPolicy"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ae } from "../Amounts.js"
import * as Stage from "./Stage.js"

/** The code with which Bob declines what he finds too much; its meaning is an agreement between the parties. */
const tooMuch = 147
const limit = ae(5)

const openAs = ({ equipment, terms }: Stage.Stage, party: Stage.Party) =>
  Channel.open({
    ...terms,
    role: party.role,
    networkId: Stage.networkId,
    host: "localhost",
    port: 13_179
  }).pipe(
    Effect.provide([
      equipment(party),
      ChannelStore.layerMemory,
      // Only what costs us more than the limit is declined.
      ProposalPolicy.make((proposal) =>
        proposal.operation === "update" && proposal.before.own - proposal.after.own > limit
          ? ProposalPolicy.decline(tooMuch)
          : ProposalPolicy.accept
      )
    ])
  )

const scene = (stage: Stage.Stage) =>
  Effect.gen(function* () {
    const { alice, bob, onChain } = stage
    const before = yield* onChain
    yield* Stage.heading("Alice and Bob open a channel with 10 AE each")
    const [left, right] = yield* Effect.all([openAs(stage, alice), openAs(stage, bob)], { concurrency: 2 })
    yield* Console.log(`  the channel is ${left.id}`)
    const showState = Stage.showState(stage, left)
    yield* showState

    yield* Stage.heading("Alice pays Bob 3 AE")
    yield* left.transfer({ amount: ae(3) })
    yield* showState
    yield* Stage.heading("Bob pays Alice 1 AE")
    yield* right.transfer({ amount: ae(1) })
    yield* showState
    yield* Stage.heading("Alice pays Bob 0.5 AE, with a note")
    yield* left.transfer({ amount: ae(0.5), meta: ["invoice 17"] })
    yield* showState

    yield* Stage.heading(
      "Alice asks Bob for 6 AE; Bob gives at most 5 at a time and declines with a code of his own"
    )
    yield* left
      .transfer({ amount: ae(6), from: bob.address })
      .pipe(
        Effect.catchTag("UserDefinedError", (error) =>
          Console.log(`  declined with code ${error.code}; both are still at round ${error.round}`)
        )
      )
    yield* showState

    yield* Stage.heading("They talk")
    yield* left.sendMessage("Thank you, Bob!")
    yield* right.sendMessage("Any time, Alice!")
    yield* Effect.all([left.ping, right.ping], { discard: true })

    yield* Stage.heading("They close the channel together")
    yield* left.shutdown()
    yield* Stream.runDrain(right.events)

    const after = yield* onChain
    yield* Stage.heading(`On chain: ${Stage.balancesText(after)}`)
    yield* Stage.balanceBooks(stage, before, after)
  })

/**
 * Plays it.
 *
 * @since 0.1.0
 * @category running
 */
export const play = Stage.play(scene)
