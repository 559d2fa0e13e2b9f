/**
 * The client in the place of recorded ones: fed with what the node said then, asked to do what the user did then, and
 * with a signer that plays back the signatures, it sends the same frames.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Queue } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Channel from "../../src/client/Channel.js"
import type { FlowError } from "../../src/client/ChannelEvent.js"
import * as RequestIds from "../../src/client/RequestIds.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Json from "../../src/encoding/Json.js"
import type { CodecService } from "../../src/protocol/Codec.js"
import { Codec } from "../../src/protocol/Codec.js"
import * as JsonRpcSignedTx from "../../src/protocol/JsonRpcSignedTx.js"
import * as JsonRpcTx from "../../src/protocol/JsonRpcTx.js"
import * as Legacy from "../../src/protocol/Legacy.js"
import * as OpenParameters from "../../src/protocol/OpenParameters.js"
import type { OnChainOptions } from "../../src/protocol/Request.js"
import { type SignTag, signTagRow, signTags } from "../../src/protocol/SignTag.js"
import { ChainReader, none } from "../../src/services/ChainReader.js"
import * as ProposalPolicy from "../../src/services/ProposalPolicy.js"
import * as Signer from "../../src/services/Signer.js"
import { hasShared, transcriptFiles } from "../support/Shared.js"
import * as TestCrypto from "../support/TestCrypto.js"
import { layerParty } from "./support/Parties.js"
import { ScriptedNode } from "./support/ScriptedNode.js"

interface Frame {
  readonly dir: "in" | "out"
  readonly msg: Json.JsonObject
}

interface Session {
  readonly name: string
  readonly query: string
  readonly frames: ReadonlyArray<Frame>
}

const text = (json: Json.Json | undefined): string => (typeof json === "string" ? json : "")

const sessionsOf = (file: string): ReadonlyArray<Session> => {
  const sessions = new Map<string, { query: string; opens: number; frames: Array<Frame> }>()
  for (const line of Fs.readFileSync(file, "utf8").split("\n")) {
    if (line.trim() === "") continue
    const row = Json.parseOrThrow(line)
    const key = `${text(Json.field(row, "who"))} ${Json.stringify(Json.field(row, "conn") ?? 1)}`
    const known = sessions.get(key) ?? { query: "", opens: 0, frames: [] }
    sessions.set(key, known)
    if (Json.field(row, "kind") === "open") {
      known.opens++
      const url = text(Json.field(row, "url"))
      known.query = text(Json.field(row, "query")) || url.slice(url.indexOf("?") + 1)
    }
    const [dir, msg] = [Json.field(row, "dir"), Json.field(row, "msg")]
    if (Json.field(row, "kind") === "frame" && Json.isObject(msg) && (dir === "in" || dir === "out"))
      known.frames.push({ dir, msg })
  }
  return Array.from(sessions, ([key, { query, opens, frames }]) => ({
    name: `${Path.basename(file, ".jsonl")} ${key}${opens === 1 ? "" : " (several sockets)"}`,
    query,
    frames
  }))
}

/** Also of a frame of the oldest dialect, whose action and tag make the method. */
const methodOf = ({ msg }: Frame): string => {
  const [action, tag] = [Json.field(msg, "action"), Json.field(msg, "tag")]
  if (action === undefined) return text(Json.field(msg, "method")).replace("channels.", "")
  return tag === undefined ? text(action) : `${text(action)}.${text(tag)}`
}
const paramsOf = ({ msg }: Frame): Json.Json | undefined =>
  Json.field(msg, msg["action"] === undefined ? "params" : "payload")
const signedIn = (frame: Frame): string =>
  text(Json.field(paramsOf(frame), "signed_tx") ?? Json.field(paramsOf(frame), "tx"))
const answers: ReadonlySet<string> = new Set(
  (Object.keys(signTags) as ReadonlyArray<SignTag>)
    .filter((tag) => tag !== "force_progress_tx")
    .map((tag) => signTagRow(tag).reply)
)
const isSigning = (method: string): boolean => answers.has(method)

const kinds: Readonly<Record<string, keyof RequestIds.RequestIdTable>> = {
  "update.new": "Transfer",
  deposit: "Deposit",
  withdraw: "Withdraw",
  snapshot_solo: "SnapshotSolo",
  close_solo: "CloseSolo",
  slash: "Slash",
  settle: "Settle",
  assume_minimum_depth: "AssumeMinimumDepth",
  "history.fetch": "FetchHistory",
  shutdown: "Shutdown",
  leave: "Leave",
  message: "SendMessage",
  "get.balances": "GetBalances",
  "get.poi": "GetPoi",
  "get.offchain_state": "GetOffChainState"
}
const kindOf = (frame: Frame): keyof RequestIds.RequestIdTable | undefined => {
  const method = methodOf(frame)
  if (isSigning(method))
    return Json.field(paramsOf(frame), "error") === undefined ? "SigningReply" : "SigningError"
  if (method === "system") return Json.field(paramsOf(frame), "action") === "stop" ? "Stop" : "Ping"
  return kinds[method]
}

/** Of the dialects before July 2019, and of a chain of that time. */
const isOlder = (frame: Frame): boolean => Json.field(paramsOf(frame), "tx") !== undefined

const networks = [
  "local_testnet",
  "local_roma_testnet",
  "local_minerva_testnet",
  "local_fortuna_testnet",
  "local_lima_testnet",
  "local_iris_testnet",
  "ae_dev",
  "ae_smoke_test",
  "ae_uat",
  "ae_mainnet"
]

/** Where generalized accounts were recorded, which sign nothing that would tell. */
const generalizedNetwork = "local_iris_testnet"

const isByContract = (signed: SignedTx.SignedTx, account: ApiEncoding.AccountAddress): boolean =>
  SignedTx.authentications(signed).gaIds.includes(account)

/** A chain that has the recorded contracts, which agreed to all that was recorded. */
const agreeing = Layer.succeed(ChainReader, { ...none, authenticate: () => Effect.succeed(true) })

/** What the recorded client did that this one is not asked to imitate. */
class Skip extends Error {}

const settingsOf = ({ query, frames }: Session): Channel.OpenOptions => {
  const open = OpenParameters.parseQuery(query, undefined, undefined, ["json-rpc", "legacy"])
  if (open._tag !== "Open") throw new Skip(`query: ${open._tag} ${open._tag === "Closed" ? open.reason : ""}`)
  const { initiatorId, ...parameters } = open.parameters
  if (initiatorId === "any") throw new Skip("initiator any")
  const own = parameters.role === "initiator" ? initiatorId : parameters.responderId
  const out = frames.filter(({ dir }) => dir === "out")
  const create = out.find((each) => isSigning(methodOf(each)) && kindOf(each) === "SigningReply")
  if (create === undefined) throw new Skip("signs nothing")
  const signed = SignedTx.fromTextOrThrow(signedIn(create))
  const content = SignedTx.innermost(signed)
  const networkId = isByContract(signed, own)
    ? generalizedNetwork
    : networks.find((each) =>
        SignedTx.isSignedBy(content, own, { networkId: each, crypto: TestCrypto.native })
      )
  if (networkId === undefined) throw new Skip("unknown network")
  const ids: Partial<Record<keyof RequestIds.RequestIdTable, boolean>> = {}
  for (const frame of out) {
    const kind = kindOf(frame)
    if (kind === undefined) throw new Skip(`does ${methodOf(frame)}`)
    const has = "id" in frame.msg
    ids[kind] = (ids[kind] ?? false) || has
  }
  return {
    ...parameters,
    initiatorId,
    networkId,
    // The recorded clients slash when their user says so.
    autoSlash: false,
    protocol: isOlder(create) ? 3 : content.tx.version === 1 ? 4 : networkId === "local_iris_testnet" ? 5 : 6,
    requestIds: { ...RequestIds.asDocumented, ...ids }
  }
}

const accountsOf = (json: Json.Json | undefined): ReadonlyArray<ApiEncoding.AccountAddress> => {
  if (!Json.isArray(json)) return []
  return json.map((each) => {
    if (!ApiEncoding.is("ak", each)) throw new Skip("asks for no account")
    return each
  })
}

const onChainOptionsOf = (params: Json.Json | undefined): OnChainOptions => {
  const numberOf = (name: string) => {
    const value = Json.field(params, name)
    if (value === undefined) return undefined
    const number = Json.toBigInt(value)
    if (number === undefined) throw new Skip("pays in nonsense")
    return number
  }
  const [fee, gasPrice, nonce] = ["fee", "gas_price", "nonce"].map(numberOf)
  return {
    ...(fee === undefined ? {} : { fee }),
    ...(gasPrice === undefined ? {} : { gasPrice }),
    ...(nonce === undefined ? {} : { nonce })
  }
}

const updateOptionsOf = (params: Json.Json | undefined) => {
  const [meta, blockHash] = [Json.field(params, "meta"), Json.field(params, "block_hash")]
  if (meta !== undefined && !(Json.isArray(meta) && meta.every((each) => typeof each === "string")))
    throw new Skip("meta is nonsense")
  return {
    ...(Json.isArray(meta) ? { meta: meta.map(text) } : {}),
    ...(ApiEncoding.is(["kh", "mh"], blockHash) ? { blockHash } : {})
  }
}

/** What the user did, as a call. */
const actionOf = (
  frame: Frame,
  session: Channel.Session,
  channel: Effect.Effect<Channel.Channel, FlowError>
): Effect.Effect<unknown, FlowError> => {
  const params = paramsOf(frame)
  const method = methodOf(frame)
  switch (method) {
    case "message":
      if (Json.field(params, "from") !== undefined) throw new Skip("names the sender of a message")
      return session.sendMessage(text(Json.field(params, "info")))
    case "system":
      return Json.field(params, "action") === "stop" ? session.stop : session.ping
    case "get.balances":
      return session.balances(accountsOf(Json.field(params, "accounts")))
    case "get.poi":
      return Effect.flatMap(channel, (open) =>
        open.poi({ accounts: accountsOf(Json.field(params, "accounts")) })
      )
    case "get.offchain_state":
      return Effect.flatMap(channel, (open) => open.offChainState)
    case "shutdown":
      return Effect.flatMap(channel, (open) => open.shutdown(onChainOptionsOf(params)))
    case "snapshot_solo":
      return Effect.flatMap(channel, (open) => open.snapshotSolo(onChainOptionsOf(params)))
    case "close_solo":
      return Effect.flatMap(channel, (open) => open.closeSolo(onChainOptionsOf(params)))
    case "slash":
      return Effect.flatMap(channel, (open) => open.slash(onChainOptionsOf(params)))
    case "settle":
      return Effect.flatMap(channel, (open) => open.settle(onChainOptionsOf(params)))
    case "deposit":
    case "withdraw": {
      const amount = Json.toBigInt(Json.field(params, "amount") ?? null)
      if (amount === undefined) throw new Skip("moves nonsense")
      const options = { amount, ...updateOptionsOf(params), ...onChainOptionsOf(params) }
      return Effect.flatMap(channel, (open) => open[method](options))
    }
    case "assume_minimum_depth": {
      const txHash = Json.field(params, "tx_hash")
      if (!ApiEncoding.is("th", txHash)) throw new Skip("assumes nonsense")
      return session.assumeMinimumDepth(txHash)
    }
    case "leave":
      return Effect.flatMap(channel, (open) => open.leave)
    case "update.new": {
      const [from, to] = [Json.field(params, "from"), Json.field(params, "to")]
      const amount = Json.toBigInt(Json.field(params, "amount") ?? null)
      if (!ApiEncoding.is("ak", from) || !ApiEncoding.is("ak", to) || amount === undefined)
        throw new Skip("transfers nonsense")
      const options = { from, to, amount, ...updateOptionsOf(params) }
      return Effect.flatMap(channel, (open) => open.transfer(options))
    }
    default:
      throw new Skip(`does ${method}`)
  }
}

/** A transaction whose signatures are in the order of the chain; some clients add theirs at the end. */
const sorted = (value: Json.Json): Json.Json => {
  if (typeof value !== "string") return value
  const { tx, signatures } = SignedTx.fromTextOrThrow(value)
  return SignedTx.toText(
    signatures.reduce((all, signature) => SignedTx.addSignature(all, signature), SignedTx.unsigned(tx))
  )
}

/**
 * A frame without its id; an empty list of contracts or texts says the same as none, and so does the member that the
 * clients of the oldest dialect put into a payload that would be empty.
 */
const comparable = (json: Json.JsonObject): string => {
  const { id: _, ...rest } = json
  const name = json["action"] === undefined ? "params" : "payload"
  const params = json[name]
  if (!Json.isObject(params)) return Json.stringifySorted(rest)
  const kept = Object.entries(params).filter(
    ([key, value]) =>
      !(["contracts", "meta"].includes(key) && Json.isArray(value) && value.length === 0) &&
      !(name === "payload" && key === "a")
  )
  const equal = kept.map(([key, value]) => [key, key === "signed_tx" || key === "tx" ? sorted(value) : value])
  return Json.stringifySorted({ ...rest, [name]: Object.fromEntries(equal) })
}

/** Plays a session; the number of client frames, all equal, or the first that differs. */
const play = (session: Session, codec: CodecService = JsonRpcSignedTx.codec): Effect.Effect<number, Error> =>
  Effect.gen(function* () {
    const settings = settingsOf(session)
    const { role, initiatorId, responderId } = settings
    const answers = yield* Queue.unbounded<SignedTx.SignedTx | ProposalPolicy.Decline>()
    const own = role === "initiator" ? initiatorId : responderId
    const generalized = session.frames.some(
      (frame) =>
        frame.dir === "out" &&
        signedIn(frame).startsWith("tx_") &&
        isSigning(methodOf(frame)) &&
        isByContract(SignedTx.fromTextOrThrow(signedIn(frame)), own)
    )
    const signer: Layer.Layer<Signer.Signer> = Signer.layer({
      address: own,
      generalized,
      sign: () =>
        Effect.flatMap(Queue.take(answers), (answer) =>
          answer instanceof ProposalPolicy.Decline ? Effect.fail(answer) : Effect.succeed(answer)
        )
    })
    const node = new ScriptedNode()
    const opening = yield* Channel.connect(settings).pipe(
      Effect.provide(Layer.merge(layerParty(role, { signer }), Layer.succeed(Codec, codec))),
      Effect.provide(Layer.merge(node.layer, agreeing)),
      Effect.mapError((error) => new Error(error.message))
    )
    const opened = yield* Effect.fork(opening.opened)
    const ids = new Map<string, Json.Json>()
    let asked = false
    let compared = 0
    for (const frame of session.frames) {
      if (frame.dir === "in") {
        const id = frame.msg["id"]
        const ours = id === undefined ? undefined : ids.get(Json.stringify(id))
        node.raw(Json.stringify(ours === undefined ? frame.msg : { ...frame.msg, id: ours }))
        if (methodOf(frame).startsWith("sign.")) asked = true
        continue
      }
      // What was said before is taken in before the user acts: the client's fibers get their turns.
      yield* Effect.repeatN(Effect.yieldNow(), 200)
      const params = paramsOf(frame)
      const code = Number(Json.field(params, "error"))
      if (!isSigning(methodOf(frame))) yield* Effect.fork(actionOf(frame, opening, Fiber.join(opened)))
      else if (Number.isNaN(code)) answers.unsafeOffer(SignedTx.fromTextOrThrow(signedIn(frame)))
      else if (code === 0) throw new Skip("aborts with a code that is none")
      else if (asked) answers.unsafeOffer(ProposalPolicy.decline(code))
      else yield* Effect.fork(opening.abort(code))
      if (isSigning(methodOf(frame))) asked = false
      const sent = yield* node.next.pipe(
        Effect.catchAllDefect((defect) => Effect.fail(new Error(String(defect))))
      )
      const [id, ours] = [frame.msg["id"], sent["id"]]
      if (id !== undefined && ours !== undefined) ids.set(Json.stringify(id), ours)
      if (comparable(sent) !== comparable(frame.msg) || (id !== undefined && ours === undefined))
        return yield* Effect.fail(new Error(`sent ${Json.stringify(sent)} for ${Json.stringify(frame.msg)}`))
      compared++
    }
    return compared
  }).pipe(
    Effect.scoped,
    Effect.catchAllDefect((defect) =>
      Effect.fail(defect instanceof Error ? defect : new Error(String(defect)))
    )
  )

/** Without the requests that no library can make, which the node refused at once, and without its refusals. */
const withoutNonsense = (session: Session, codec: CodecService): Session => {
  const isNonsense = ({ dir, msg }: Frame): boolean => {
    if (dir === "in")
      return ["1008", "not_a_number"].some((code) =>
        Json.stringify(msg["error"] ?? msg["payload"] ?? null).includes(code)
      )
    const taken = codec.decodeClientFrame(Json.stringify(msg))
    return taken._tag === "Calls" && taken.calls[0]?.request._tag === "Refusal"
  }
  return { ...session, frames: session.frames.filter((frame) => !isNonsense(frame)) }
}

/** Sessions in which this client does something else, and why. */
const explained: Readonly<Record<string, string>> = {
  "abort_updates__sc_ws_can_not_abort_while_open initiator 1": "aborts although nothing is under way",
  "abort_updates__sc_ws_can_not_abort_while_open responder 1": "aborts although nothing is under way",
  "raw-11-bad-requests responder 1": "signs a second transaction for a round that it has acknowledged",
  "raw-13-open-mismatch responder 1": "signs a create transaction of other terms than its own",
  "raw-13-open-mismatch responder 5": "signs a create transaction of other terms than its own",
  "raw-13-open-mismatch initiator 14": "two channels were recorded as one connection",
  "raw-13-open-mismatch responder 14": "two channels were recorded as one connection",
  "raw-18-report-flags initiator 2": "has switched off the reports of co-signed states",
  "raw-18-report-flags responder 2": "has switched off the reports of co-signed states"
}

describe("recorded sessions", () => {
  it.live("the API documents' session, both parties", () =>
    Effect.gen(function* () {
      const file = new URL("../fixtures/api-document-session.jsonl", import.meta.url).pathname
      const sessions = sessionsOf(file)
      expect(sessions).toHaveLength(2)
      const counts = yield* Effect.forEach(sessions, (session) => play(session))
      expect(counts).toEqual([9, 6])
      for (const { query, name } of sessions) {
        const settings = settingsOf({
          name,
          query,
          frames: sessions.find((each) => each.query === query)?.frames ?? []
        })
        const { networkId: _, protocol: _p, requestIds: _r, autoSlash: _a, ...parameters } = settings
        const sorted = (params: string): ReadonlyArray<string> => params.split("&").sort()
        expect(sorted(OpenParameters.toQuery(parameters))).toEqual(sorted(query))
      }
    })
  )

  for (const [folder, codec] of [
    ["tx", JsonRpcTx.codec],
    ["legacy", Legacy.codec]
  ] as const)
    it.live.skipIf(!hasShared)(
      `the older dialects: ${folder}`,
      () =>
        Effect.gen(function* () {
          const skipped = new Map<string, number>()
          const different: Array<string> = []
          let [sessions, frames] = [0, 0]
          for (const session of transcriptFiles(folder).flatMap(sessionsOf)) {
            const result = yield* Effect.either(play(withoutNonsense(session, codec), codec))
            if (result._tag === "Right") {
              sessions++
              frames += result.right
            } else if (result.left instanceof Skip) {
              const why = result.left.message
              skipped.set(why, (skipped.get(why) ?? 0) + 1)
            } else different.push(`${session.name}: ${result.left.message.slice(0, 300)}`)
          }
          console.log(`recorded clients, ${folder}: ${sessions} sessions, ${frames} frames equal`)
          console.log(`not imitated: ${[...skipped].map(([why, n]) => `${n} ${why}`).join(", ")}`)
          expect(different).toEqual([])
        }),
      120_000
    )

  it.live.skipIf(!hasShared)(
    "all sessions that do what this client can do",
    () =>
      Effect.gen(function* () {
        const files = transcriptFiles("signed_tx", "v7")
        const skipped = new Map<string, number>()
        const different: Array<string> = []
        let [sessions, frames] = [0, 0]
        for (const session of files.flatMap(sessionsOf)) {
          // Others say nonsense too, and are not imitated; of these there are only two.
          const isGeneral = session.name.startsWith("generalized_accounts")
          const played = isGeneral ? withoutNonsense(session, JsonRpcSignedTx.codec) : session
          const result = yield* Effect.either(play(played))
          if (result._tag === "Right") {
            sessions++
            frames += result.right
          } else if (result.left instanceof Skip) {
            const why = result.left.message
            skipped.set(why, (skipped.get(why) ?? 0) + 1)
          } else different.push(`${session.name}: ${result.left.message.slice(0, 300)}`)
        }
        console.log(`recorded clients: ${sessions} sessions, ${frames} frames equal`)
        console.log(`not imitated: ${[...skipped].map(([why, n]) => `${n} ${why}`).join(", ")}`)
        expect(different.map((line) => line.slice(0, line.indexOf(":"))).sort()).toEqual(
          Object.keys(explained).sort()
        )
        for (const [name, why] of Object.entries(explained))
          console.log(`different, and meant to be: ${name}: ${why}`)
      }),
    120_000
  )
})
