/** What tests of flows have in common: a channel on a scripted node, and ways to bring it to a step. */
import { expect } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, Ref, Stream } from "effect"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as Channel from "../../../src/client/Channel.js"
import type { ChannelEvent, FlowError } from "../../../src/client/ChannelEvent.js"
import { SignerError } from "../../../src/protocol/Errors.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import * as ProposalPolicy from "../../../src/services/ProposalPolicy.js"
import * as Signer from "../../../src/services/Signer.js"
import type { Update } from "../../../src/state/Update.js"
import * as TestCrypto from "../../support/TestCrypto.js"
import { offChainTx, transfer, treesAfter } from "./Rounds.js"
import { initiator, networkId, type Open, responder, type ScriptedNode, signedBy } from "./ScriptedNode.js"

export const paying = (amount: bigint): ReadonlyArray<Update> => [
  transfer(initiator.address, responder.address, amount)
]
export const body = (updates: ReadonlyArray<Update>, round = 2) =>
  offChainTx(treesAfter(updates, round), round)
export const coSigned = (updates: ReadonlyArray<Update>) => signedBy(body(updates), [initiator, responder])
export const askUpdate = (node: ScriptedNode, updates = paying(5n)): void =>
  node.ask("update", SignedTx.unsigned(body(updates)), updates)
export const propose = (node: ScriptedNode, updates = paying(5n)): void => {
  node.info("update")
  node.ask("update_ack", signedBy(body(updates), [initiator]), updates)
}

export const failure = <A>(fiber: Fiber.Fiber<A, FlowError>): Effect.Effect<FlowError> =>
  Effect.flip(Fiber.join(fiber)).pipe(Effect.timeout("2 seconds"), Effect.orDie)

export const eventOf = <T extends ChannelEvent["_tag"]>(
  channel: Channel.Session,
  tag: T
): Effect.Effect<Extract<ChannelEvent, { readonly _tag: T }>> =>
  channel.events.pipe(
    Stream.filterMap((event) => (hasTag(event, tag) ? Option.some(event) : Option.none())),
    Stream.runHead,
    Effect.flatten,
    Effect.timeout("2 seconds"),
    Effect.orDie
  )
export const hasTag = <T extends ChannelEvent["_tag"]>(
  event: ChannelEvent,
  tag: T
): event is Extract<ChannelEvent, { readonly _tag: T }> => event._tag === tag

/** Takes a transfer of 5 through, to show that the channel is usable. */
export const stillWorks = ({ node, channel }: Open) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(channel.transfer({ amount: 5n, from: initiator.address }))
    yield* node.expect("update.new")
    askUpdate(node)
    yield* node.expect("update")
    node.say({ _tag: "StateUpdate", state: coSigned(paying(5n)) })
    expect(yield* Fiber.join(fiber)).toMatchObject({ round: 2 })
  })

/** A transfer that waits at the given step. */
export const transferAt = (open: Open, step: "asked" | "requested" | "signed", amount = 5n) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(open.channel.transfer({ amount }))
    const sent = yield* open.node.expect("update.new")
    if (step !== "asked") open.node.reply(sent, "ok")
    if (step === "signed") {
      askUpdate(open.node, paying(amount))
      yield* open.node.expect("update")
    }
    return [fiber, sent] as const
  })

/** A signer that waits for a word, like a person. */
export const slowSigner = (role: Role) =>
  Effect.gen(function* () {
    const word = yield* Deferred.make<"sign" | SignerError | ProposalPolicy.Decline>()
    const state = yield* Ref.make<ReadonlyArray<string>>([])
    const keyPair = role === "initiator" ? initiator : responder
    const layer = Signer.layer({
      address: keyPair.address,
      sign: ({ signedTx, operation }) =>
        operation === "open"
          ? Effect.sync(() => SignedTx.sign(signedTx, keyPair, { networkId, crypto: TestCrypto.native }))
          : Ref.update(state, (all) => [...all, "asked"]).pipe(
              Effect.zipRight(Deferred.await(word)),
              Effect.flatMap((said) =>
                said === "sign"
                  ? Effect.sync(() =>
                      SignedTx.sign(signedTx, keyPair, { networkId, crypto: TestCrypto.native })
                    )
                  : Effect.fail(said)
              ),
              Effect.onInterrupt(() => Ref.update(state, (all) => [...all, "interrupted"]))
            )
    })
    const reached = (what: string) =>
      Effect.repeat(Effect.zipRight(Effect.yieldNow(), Ref.get(state)), {
        until: (all) => all.includes(what)
      })
    return { layer, word, reached }
  })
