/** Who ends an operation, with which code; and signers of every temper. */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, Stream } from "effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as RequestIds from "../../src/client/RequestIds.js"
import { SignerError } from "../../src/protocol/Errors.js"
import * as ProposalPolicy from "../../src/services/ProposalPolicy.js"
import * as Signer from "../../src/services/Signer.js"
import * as TestCrypto from "../support/TestCrypto.js"
import {
  channelId,
  connect,
  createTx,
  errorOf,
  initiator,
  networkId,
  openScripted,
  responder,
  signedBy,
  signedTxOf,
  settle
} from "./support/ScriptedNode.js"
import {
  paying,
  coSigned,
  askUpdate,
  propose,
  failure,
  eventOf,
  stillWorks,
  transferAt,
  slowSigner
} from "./support/Flow.js"

describe("who ended it, and with which code", () => {
  const codes = [
    [1, "ValidationError", "peer"],
    [2, "ConflictError", "peer"],
    [3, "TimeoutError", "node"],
    [4, "AbortError", "peer"],
    // There is nothing for the chain in a transfer: the peer says so.
    [5, "RejectedOnChainError", "peer"],
    [42, "ReservedCodeError", "peer"],
    [128, "UserDefinedError", "peer"],
    [65_535, "UserDefinedError", "peer"]
  ] as const
  it.live.each(codes)("conflict %i", ([code, tag, endedBy]) =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const [fiber] = yield* transferAt(open, "signed")
      open.node.conflict(code, 1)
      expect(yield* failure(fiber)).toMatchObject({
        _tag: tag,
        operation: "transfer",
        code,
        endedBy,
        round: 1,
        channelId
      })
      yield* stillWorks(open)
    }).pipe(Effect.scoped)
  )

  it.live.each([
    [1, "node"],
    [2, "peer"],
    [3, "node"],
    [5, "peer"]
  ] as const)("conflict %i about the peer's update that we have signed", ([code, endedBy]) =>
    Effect.gen(function* () {
      const open = yield* openScripted("responder")
      propose(open.node)
      yield* open.node.expect("update_ack")
      open.node.conflict(code, 1)
      expect(yield* eventOf(open.channel, "ProposalEnded")).toMatchObject({ code, endedBy, round: 1 })
    }).pipe(Effect.scoped)
  )

  it.live.each([1, 4, 42, 128, 65_535])("we decline the peer's proposal with %i", (code) =>
    Effect.gen(function* () {
      const open = yield* openScripted("responder", { policy: ProposalPolicy.declineAll(code) })
      propose(open.node)
      expect(errorOf(yield* open.node.expect("update_ack"))).toBe(code)
      open.node.info("aborted_update")
      expect(yield* eventOf(open.channel, "ProposalEnded")).toMatchObject({ code, endedBy: "we", round: 1 })
    }).pipe(Effect.scoped)
  )

  it.live("a policy that breaks has not agreed", () =>
    Effect.gen(function* () {
      const policy = ProposalPolicy.make(({ operation }) =>
        operation === "open" ? ProposalPolicy.accept : Effect.die("broken")
      )
      const { node } = yield* openScripted("responder", { policy })
      propose(node)
      expect(errorOf(yield* node.expect("update_ack"))).toBe(4)
    }).pipe(Effect.scoped)
  )

  it.live("a refusal with an id, and one that only echoes the request", () =>
    Effect.gen(function* () {
      for (const requestIds of [RequestIds.always, RequestIds.asDocumented]) {
        const open = yield* openScripted("initiator", { changes: { requestIds } })
        const [fiber, sent] = yield* transferAt(open, "requested")
        expect("id" in sent).toBe(requestIds.Transfer)
        open.node.refuse(sent, 3, [1001])
        expect(yield* failure(fiber)).toMatchObject({
          _tag: "RejectedError",
          operation: "transfer",
          code: 3,
          data: [{ code: 1001 }]
        })
        yield* stillWorks(open)
      }
    }).pipe(Effect.scoped)
  )

  it.live("messages: refused typed with an id, told as an event without", () =>
    Effect.gen(function* () {
      const withId = yield* openScripted("initiator")
      const fiber = yield* Effect.fork(withId.channel.sendMessage("hi"))
      withId.node.refuse(yield* withId.node.expect("message"), -32_000, [])
      expect(yield* failure(fiber)).toMatchObject({ _tag: "RejectedError", code: -32_000 })
      const { node, channel } = yield* openScripted("initiator", {
        changes: { requestIds: RequestIds.asDocumented }
      })
      yield* channel.sendMessage("hi")
      node.refuse(yield* node.expect("message"), -32_000, [])
      expect(yield* eventOf(channel, "Refused")).toMatchObject({ error: { operation: "message" } })
    }).pipe(Effect.scoped)
  )

  it.live('an "ok" is no success', () =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      const fiber = yield* Effect.fork(channel.transfer({ amount: 5n }))
      node.reply(yield* node.expect("update.new"), "ok")
      askUpdate(node)
      node.reply(yield* node.expect("update"), "ok")
      yield* settle
      expect(Option.isNone(yield* Fiber.poll(fiber))).toBe(true)
      node.say({ _tag: "StateUpdate", state: coSigned(paying(5n)) })
      expect(yield* Fiber.join(fiber)).toMatchObject({ round: 2 })
    }).pipe(Effect.scoped)
  )
})

describe("signers", () => {
  it.live("a slow signer does not hold up messages, queries, pings and reports", () =>
    Effect.gen(function* () {
      const { layer, word, reached } = yield* slowSigner("initiator")
      const open = yield* openScripted("initiator", { signer: layer })
      const { node, channel } = open
      const [fiber] = yield* transferAt(open, "requested")
      askUpdate(node)
      yield* reached("asked")
      const ping = yield* Effect.fork(channel.ping)
      node.reply(yield* node.expect("system"), { action: "system", tag: "pong" })
      yield* Fiber.join(ping)
      const message = yield* Effect.fork(channel.sendMessage("hello"))
      node.reply(yield* node.expect("message"), "ok")
      yield* Fiber.join(message)
      node.say({ _tag: "MessageReport", from: responder.address, to: initiator.address, info: "hi" })
      expect(yield* eventOf(channel, "MessageReceived")).toMatchObject({ text: "hi" })
      yield* Deferred.succeed(word, "sign")
      yield* node.expect("update")
      node.say({ _tag: "StateUpdate", state: coSigned(paying(5n)) })
      yield* Fiber.join(fiber)
    }).pipe(Effect.scoped)
  )

  it.live("refusing: SignerError here, code 4 there; declining: its own code", () =>
    Effect.gen(function* () {
      const refusal = new SignerError({ operation: "transfer", reason: "refused", detail: "no" })
      for (const [said, code, tag] of [
        [refusal, 4, "SignerError"],
        [ProposalPolicy.decline(42), 42, "ReservedCodeError"],
        [ProposalPolicy.decline(200), 200, "UserDefinedError"]
      ] as const) {
        const { layer, word } = yield* slowSigner("initiator")
        const open = yield* openScripted("initiator", { signer: layer })
        const [fiber] = yield* transferAt(open, "requested")
        askUpdate(open.node)
        yield* Deferred.succeed(word, said)
        expect(yield* failure(fiber)).toMatchObject({ _tag: tag })
        expect(errorOf(yield* open.node.expect("update"))).toBe(code)
        open.node.info("aborted_update")
      }
      const { layer, word } = yield* slowSigner("responder")
      const { node, channel } = yield* openScripted("responder", { signer: layer })
      propose(node)
      yield* Deferred.succeed(word, refusal)
      expect(errorOf(yield* node.expect("update_ack"))).toBe(4)
      expect(yield* eventOf(channel, "SignerFailed")).toMatchObject({ error: refusal })
    }).pipe(Effect.scoped)
  )

  it.live("interrupting the caller while a signature is awaited aborts on the wire", () =>
    Effect.gen(function* () {
      const { layer, word, reached } = yield* slowSigner("initiator")
      const open = yield* openScripted("initiator", { signer: layer })
      const [fiber] = yield* transferAt(open, "requested")
      askUpdate(open.node)
      yield* reached("asked")
      yield* Fiber.interrupt(fiber)
      expect(errorOf(yield* open.node.expect("update"))).toBe(4)
      yield* reached("interrupted")
      open.node.info("aborted_update")
      yield* Deferred.succeed(word, "sign")
      yield* stillWorks(open)
    }).pipe(Effect.scoped)
  )

  it.live(
    "interrupting before the node asks aborts when it does; interrupting in the queue leaves no trace",
    () =>
      Effect.gen(function* () {
        const open = yield* openScripted("initiator")
        const [fiber] = yield* transferAt(open, "requested")
        const queued = yield* Effect.fork(open.channel.transfer({ amount: 9n }))
        yield* settle
        yield* Fiber.interrupt(queued)
        yield* Fiber.interrupt(fiber)
        askUpdate(open.node)
        expect(errorOf(yield* open.node.expect("update"))).toBe(4)
        open.node.info("aborted_update")
        yield* stillWorks(open)
        expect(open.node.methods.filter((method) => method === "channels.update.new")).toHaveLength(2)
      }).pipe(Effect.scoped)
  )

  it.live("interrupting after our signature is out lets the operation go on", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const [fiber] = yield* transferAt(open, "signed")
      yield* Fiber.interrupt(fiber)
      open.node.say({ _tag: "StateUpdate", state: coSigned(paying(5n)) })
      const state = yield* Stream.runHead(
        Stream.filter(open.channel.latest.changes, ({ round }) => round === 2)
      )
      expect(Option.isSome(state)).toBe(true)
    }).pipe(Effect.scoped)
  )

  it.live("the signer is interrupted when the node drops the operation", () =>
    Effect.gen(function* () {
      const { layer, reached } = yield* slowSigner("responder")
      const { node, channel } = yield* openScripted("responder", { signer: layer })
      propose(node)
      yield* reached("asked")
      node.conflict(2, 1)
      yield* reached("interrupted")
      expect(yield* eventOf(channel, "ProposalEnded")).toMatchObject({ endedBy: "peer", code: 2 })
      expect(node.methods).not.toContain("channels.update_ack")
    }).pipe(Effect.scoped)
  )

  it.live("a signer that signs something else, or breaks, gives no signature away", () =>
    Effect.gen(function* () {
      const signs = (what: (details: Signer.SigningDetails) => SignedTx.SignedTx) =>
        Signer.layer({
          address: initiator.address,
          sign: (details) =>
            Effect.sync(() =>
              details.operation === "open" ? signedBy(details.signedTx.tx, [initiator]) : what(details)
            )
        })
      const wrong: ReadonlyArray<readonly [string, (details: Signer.SigningDetails) => SignedTx.SignedTx]> = [
        ["invalid", ({ signedTx }) => signedTx],
        ["invalid", ({ signedTx }) => signedBy(signedTx.tx, [responder])],
        ["invalid", () => signedBy(createTx(), [initiator])],
        ["invalid", ({ signedTx }) => signedBy(signedTx.tx, [initiator], "ae_mainnet")],
        [
          "failed",
          () => {
            throw new Error("broken")
          }
        ]
      ]
      for (const [reason, what] of wrong) {
        const open = yield* openScripted("initiator", { signer: signs(what) })
        const [fiber] = yield* transferAt(open, "requested")
        askUpdate(open.node)
        expect(yield* failure(fiber)).toMatchObject({ _tag: "SignerError", reason })
        expect(errorOf(yield* open.node.expect("update"))).toBe(4)
      }
    }).pipe(Effect.scoped)
  )

  it.live("both signatures at once, and raw-mode signatures, are accepted", () =>
    Effect.gen(function* () {
      const raw = (keyPair: typeof initiator, signed: SignedTx.SignedTx) =>
        SignedTx.addSignature(
          signed,
          TestCrypto.native.sign(SignedTx.signingMessage(signed.txBytes, networkId, "raw"), keyPair.secretKey)
        )
      const signer = Signer.layer({
        address: initiator.address,
        sign: ({ signedTx, tag }) =>
          Effect.sync(() => {
            const own = raw(initiator, signedTx)
            return tag === "update" ? raw(responder, own) : own
          })
      })
      const open = yield* openScripted("initiator", { signer })
      const [fiber] = yield* transferAt(open, "requested")
      askUpdate(open.node)
      const state = signedTxOf(yield* open.node.expect("update"))
      expect(state.signatures).toHaveLength(2)
      open.node.say({ _tag: "StateUpdate", state })
      yield* Fiber.join(fiber)
    }).pipe(Effect.scoped)
  )

  it.live("a signer for another account cannot open", () =>
    Effect.gen(function* () {
      const signer = Signer.layer({ address: responder.address, sign: () => Effect.never })
      expect(yield* Effect.flip(connect("initiator", { signer }))).toMatchObject({
        _tag: "SignerError",
        reason: "invalid"
      })
    }).pipe(Effect.scoped)
  )
})
