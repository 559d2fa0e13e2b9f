/**
 * A game with stakes in a channel: stone, paper, scissors by the rules of a contract. Who goes silent does not keep the
 * other from what it has won.
 *
 * @since 0.1.0
 */
import { fileURLToPath } from "node:url"
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Transaction from "@aechannel/core/chain/Transaction"
import * as Channel from "@aechannel/core/client/Channel"
import type { CoSignedState } from "@aechannel/core/client/ChannelEvent"
import { type ContractCall, ContractCallFailed } from "@aechannel/core/client/ContractCall"
import { Crypto } from "@aechannel/core/crypto/Crypto"
import * as Hash from "@aechannel/core/crypto/Hash"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import type { ContractId } from "@aechannel/core/encoding/ApiEncoding"
import * as Bytes from "@aechannel/core/encoding/Bytes"
import * as Json from "@aechannel/core/encoding/Json"
import * as CallData from "@aechannel/core/fate/CallData"
import * as Value from "@aechannel/core/fate/Value"
import * as ValueCodec from "@aechannel/core/fate/ValueCodec"
import { ChannelNode } from "@aechannel/core/node/ChannelNode"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import * as ProposalPolicy from "@aechannel/core/services/ProposalPolicy"
import * as Trees from "@aechannel/core/state/Trees"
import * as ChainReaders from "@aechannel/core/testing/ChainReaders"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Aci from "../Aci.js"
import { ae, formatAe } from "../Amounts.js"
import * as Stage from "./Stage.js"

const stake = ae(2)
/** How many blocks the other's move may take. */
const patience = 5

/** The compiled contract, which is an example of the package too. */
const file = fileURLToPath(new URL("../../examples/StonePaperScissors.json", import.meta.url))

const rules = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const json = yield* Json.parse(yield* fs.readFileString(file))
  const aci = yield* Aci.make(Json.field(json, "aci") ?? null, file)
  const code = yield* ApiEncoding.decode("cb", String(Json.field(json, "code")))
  return { aci, code }
})

const openAs = (stage: Stage.Stage, party: Stage.Party) =>
  Channel.open({
    ...stage.terms,
    role: party.role,
    networkId: Stage.networkId,
    host: "localhost",
    port: 13_179
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        stage.equipment(party, { quiet: true }),
        ChannelStore.layerMemory,
        ProposalPolicy.acceptAll,
        // The contract looks at the height, which its rounds are checked with.
        Layer.provide(ChainReaders.ofNode, Layer.succeed(ChannelNode, stage.node))
      )
    )
  )

type Move = "Stone" | "Paper" | "Scissors"

/** A move and what hides it until it is revealed. */
interface Hidden {
  readonly move: Move
  readonly salt: string
  readonly hash: string
}

/** The contract in the channel, as both play by it. */
const gameOf = (stage: Stage.Stage, aci: Aci.Aci, contractId: ContractId) => {
  const nameOf = (value: Json.Json): string =>
    typeof value === "string" ? stage.names(value) : value === null ? "nobody" : Json.stringify(value)
  const show = (value: Json.Json): string => {
    if (typeof value === "string") return value.startsWith("#") ? `${value.slice(0, 9)}…` : nameOf(value)
    const [constructor] = Json.isObject(value) ? Object.keys(value) : []
    return constructor ?? nameOf(value)
  }
  const spoken = (called: string, args: ReadonlyArray<Json.Json>, amount: bigint): string =>
    `${called}(${args.map(show).join(", ")})${amount === 0n ? "" : ` with ${formatAe(amount)}`}`
  const showState = ({ balances, round, trees }: CoSignedState) =>
    Console.log(
      `  = round ${round}: ${Stage.balancesText([
        [stage.alice, balances.initiator],
        [stage.bob, balances.responder]
      ])}, in the game ${formatAe(Trees.balance(trees, contractId) ?? 0n)}`
    )
  const showEvents = ({ events }: ContractCall) =>
    Effect.forEach(events, (event) => {
      const [name = "", args = null] = Object.entries(aci.event(event) as Json.JsonObject)[0] ?? []
      const [first = null, second = 0n] = Json.isArray(args) ? args : []
      return Console.log(
        name === "Won"
          ? `  ${nameOf(first)} wins ${formatAe(Json.toBigInt(second) ?? 0n)}`
          : "  a draw: both get their stakes back"
      )
    })
  return {
    contractId,
    spoken,
    showState,
    showEvents,
    /** One move, agreed on by both. */
    play: (
      [party, channel]: readonly [Stage.Party, Channel.Channel],
      called: string,
      args: ReadonlyArray<Json.Json>,
      amount = 0n
    ) =>
      Effect.gen(function* () {
        yield* Stage.say(party.name, "game", spoken(called, args, amount))
        const callData = yield* aci.encode(called, args)
        const { call, state } = yield* channel.contracts.call({ contractId, callData, amount })
        if (call.returnType !== "ok") return yield* new ContractCallFailed({ call })
        yield* showEvents(call)
        yield* showState(state)
      }),
    /** What is known to nobody else: computed here, not by the node. */
    hide: (move: Move) =>
      Effect.gen(function* () {
        const { randomBytes } = yield* Crypto
        const salt = Bytes.toHex(yield* randomBytes(8))
        const { args } = yield* CallData.decode(yield* aci.encode("hide", [{ [move]: [] }, salt]))
        const hash = Hash.blake2b256(ValueCodec.encode(Value.tuple(args)))
        return { move, salt, hash: `#${Bytes.toHex(hash)}` } satisfies Hidden
      }),
    /** Up to which height the one whose turn it is may make its move. */
    deadline: ({ contracts }: Channel.Channel) =>
      Effect.gen(function* () {
        const { returnValue } = yield* contracts.dryRun({
          contractId,
          callData: yield* aci.encode("get_state", [])
        })
        const until = Json.field(Json.field(aci.decode("get_state", returnValue), "game"), "until")
        return Number(Json.toBigInt(until) ?? 0n)
      })
  }
}

const scene = (stage: Stage.Stage) =>
  Effect.gen(function* () {
    const { alice, bob, node, onChain } = stage
    const before = yield* onChain
    yield* Stage.heading("Alice and Bob open a channel with 10 AE each")
    const home = yield* Effect.flatMap(Effect.scope, (scope) =>
      Scope.fork(scope, ExecutionStrategy.sequential)
    )
    const [left, right] = yield* Effect.all([Scope.extend(openAs(stage, alice), home), openAs(stage, bob)], {
      concurrency: 2
    })
    yield* Console.log(`  the channel is ${left.id}`)
    yield* Stage.showState(stage, left)

    const { aci, code } = yield* rules
    yield* Stage.heading(
      `Alice proposes the rules, a contract: the stake is ${formatAe(stake)}, and a move may take ${patience} blocks`
    )
    const created = yield* left.contracts.create({
      code,
      callData: yield* aci.encode("init", [bob.address, stake, BigInt(patience)])
    })
    const game = gameOf(stage, aci, created.contractId)
    yield* Console.log(`  ${aci.name} is ${created.contractId}; both have run it before they signed`)
    yield* game.showState(created.state)
    const [host, guest] = [[alice, left] as const, [bob, right] as const]

    yield* Stage.heading("Alice hides a move and puts in her stake; Bob answers; Alice reveals")
    const first = yield* game.hide("Scissors")
    yield* game.play(host, "begin", [first.hash], stake)
    yield* game.play(guest, "answer", [{ Stone: [] }], stake)
    yield* game.play(host, "reveal", [{ [first.move]: [] }, first.salt])

    yield* Stage.heading("They play again")
    const second = yield* game.hide("Stone")
    yield* game.play(host, "begin", [second.hash], stake)
    yield* game.play(guest, "answer", [{ Paper: [] }], stake)

    yield* Stage.heading("Alice sees that she has lost again. She does not reveal, and her client stops")
    yield* Scope.close(home, Exit.void)
    const deadline = yield* game.deadline(right)
    yield* node.auto(false)
    yield* Stage.heading(`Bob waits for her: she has time up to block ${deadline}`)
    yield* Stage.mineBeyond(stage, deadline, "her time is over")

    const callData = yield* aci.encode("claim", [])
    yield* Stage.heading("Bob claims both stakes, and there is nobody to sign it with him")
    yield* Stage.say("Bob", "game", game.spoken("claim", [], 0n))
    yield* right.contracts.call({ contractId: game.contractId, callData }).pipe(
      Effect.flatMap(() => Effect.dieMessage("nobody was there to sign it")),
      Effect.catchAll(({ _tag }) => Console.log(`  nobody answers (${_tag})`))
    )

    yield* Stage.heading("So the chain decides: he forces progress with the state that both have signed")
    const forced = yield* Stage.withBlocks(
      stage,
      right.forceProgress({ contractId: game.contractId, callData, gas: 100_000n })
    )
    const { tx } = SignedTx.innermost(forced.signedTx)
    yield* Stage.say(
      "Bob",
      "chain",
      `${Transaction.typeName(tx)}: ${game.spoken("claim", [], 0n)}, which used ${forced.call.gasUsed} gas`
    )
    yield* game.showEvents(forced.call)
    yield* game.showState(forced.state)

    yield* Stage.heading("He closes the channel alone, with the state that the chain has computed")
    yield* Stage.withBlocks(stage, right.closeSolo())
    const end = yield* Stage.lockedUntil(stage, right)
    yield* Console.log(`  Alice could answer up to block ${end}, but there is nothing newer`)
    yield* Stage.mineBeyond(stage, end, "the lock period is over")
    yield* Stage.heading("Bob settles, and both are paid")
    yield* Stage.withBlocks(stage, right.settle())
    yield* Stream.runDrain(right.events)
    yield* Stage.account(stage, right, before)
  })

/**
 * Plays it.
 *
 * @since 0.1.0
 * @category running
 */
export const play = Stage.play(scene)
