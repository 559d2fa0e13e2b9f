/** The controls of an embedded node: those of the reference node's dev mode, and its own under `/devnet`. */
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Json from "@aechannel/core/encoding/Json"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as Effect from "effect/Effect"
import { type Call, type HttpProblem, type Route, problem } from "./answer.js"
import { topKeyBlock } from "./blockRoutes.js"
import * as Bodies from "./bodies.js"
import { type Answer, orElse } from "./reading.js"

/** More blocks than this in one request would hold up every channel of the node. */
const mostBlocks = 10_000

/** In milliseconds: an hour, and ten years. */
const longestDelay = 3_600_000
const longestJourney = 315_576_000_000
const mostMessages = 1_000_000

/** A dump grows with the chain. */
const longestDump = 1 << 28

const wrong = (words: string): HttpProblem => problem(400, words)

/** An integer of the query; `undefined` for what is none. */
const integer = (text: string): bigint | undefined => (/^\d{1,40}$/.test(text) ? BigInt(text) : undefined)

const blocks = (call: Call): Effect.Effect<number, HttpProblem> => {
  const n = Number(integer(call.query("n") ?? "1") ?? 0n)
  return n >= 1 && n <= mostBlocks
    ? Effect.succeed(n)
    : Effect.fail(wrong(`n must be a number of blocks from 1 to ${mostBlocks}`))
}

/** One of a few words. */
const either = <A extends string>(
  call: Call,
  name: string,
  words: ReadonlyArray<A>,
  usual?: A
): Effect.Effect<A, HttpProblem> => {
  const given = call.query(name) ?? usual
  const found = words.find((word) => word === given)
  return found === undefined
    ? Effect.fail(wrong(`${name} must be ${[words.slice(0, -1).join(", "), words.at(-1)].join(" or ")}`))
    : Effect.succeed(found)
}

const mine = (call: Call): Answer =>
  Effect.flatMap(blocks(call), (n) => Effect.zipRight(call.node.mine(n), topKeyBlock(call)))

const mineMicro = (call: Call): Answer => Effect.zipRight(call.node.mineMicro, topKeyBlock(call))

const automatic = (call: Call): Answer =>
  Effect.gen(function* () {
    const on = (yield* either(call, "on", ["true", "false"])) === "true"
    yield* call.node.auto(on)
    return { auto: on }
  })

const fund = (call: Call): Answer =>
  Effect.gen(function* () {
    const address = call.query("address") ?? ""
    if (!ApiEncoding.is("ak", address)) return yield* wrong("address must be an account, ak_…")
    const amount = integer(call.query("amount") ?? "")
    if (amount === undefined) return yield* wrong("amount must be a number of aettos")
    yield* call.node.fund(address, amount)
    const funded = Ledger.account(yield* call.node.ledger, address)
    return Bodies.account(address, yield* orElse(funded, problem(404, "Account not found")))
  })

const fork = (call: Call): Answer =>
  Effect.gen(function* () {
    const n = yield* blocks(call)
    const returnTransactions = (yield* either(call, "return", ["true", "false"], "true")) === "true"
    yield* Effect.mapError(call.node.fork(n, { returnTransactions }), ({ message, reason }) =>
      problem(400, message, reason)
    )
    return yield* topKeyBlock(call)
  })

const channels = ({ node }: Call): Answer =>
  Effect.map(node.channels, (ends) => ({ channels: ends.map(Bodies.channelEnd) }))

/** The ends of a channel that a request is about. */
const endsOf = (call: Call) =>
  Effect.gen(function* () {
    const channel = call.query("channel") ?? ""
    if (!ApiEncoding.is("ch", channel)) return yield* wrong("channel must be a channel, ch_…")
    const role =
      call.query("role") === undefined
        ? {}
        : { role: yield* either(call, "role", ["initiator", "responder"]) }
    const known = yield* call.node.channels
    if (!known.some(({ channelId }) => channelId === channel))
      return yield* problem(404, "Channel not found", "not_found")
    return { channel, role }
  })

const disconnect = (call: Call): Answer =>
  Effect.gen(function* () {
    const what = yield* either(call, "what", ["client", "link"], "client")
    const { channel, role } = yield* endsOf(call)
    return { disconnected: yield* call.node.disconnect(channel, { what, ...role }) }
  })

/** A count or a time in the query, 0 unless it is given. */
const upTo = (call: Call, name: string, most: number): Effect.Effect<number, HttpProblem> => {
  const given = integer(call.query(name) ?? "0")
  return given !== undefined && given <= BigInt(most)
    ? Effect.succeed(Number(given))
    : Effect.fail(wrong(`${name} must be a number from 0 to ${most}`))
}

const disturb = (call: Call): Answer =>
  Effect.gen(function* () {
    const way = yield* either(call, "way", ["to_client", "from_client", "link"])
    const { channel, role } = yield* endsOf(call)
    const disturbance = {
      delay: yield* upTo(call, "delay", longestDelay),
      drop: yield* upTo(call, "drop", mostMessages),
      duplicate: yield* upTo(call, "duplicate", mostMessages)
    }
    return { disturbed: yield* call.node.disturb(channel, { way, ...role, ...disturbance }) }
  })

const travel = (call: Call): Answer =>
  Effect.gen(function* () {
    const milliseconds = yield* upTo(call, "ms", longestJourney)
    yield* call.node.travel(milliseconds)
    return yield* topKeyBlock(call)
  })

const revert = (call: Call): Answer =>
  Effect.gen(function* () {
    const snapshot = Number(integer(call.query("snapshot") ?? "") ?? 0n)
    yield* Effect.mapError(call.node.revert(snapshot), ({ message }) =>
      problem(404, message, "snapshot_not_found")
    )
    return yield* topKeyBlock(call)
  })

const dump = ({ node }: Call): Answer =>
  Effect.map(node.dump, (bytes) => ({ dump: Buffer.from(bytes).toString("base64") }))

const load = (call: Call): Answer =>
  Effect.gen(function* () {
    const body = yield* Effect.orElseSucceed(Json.parse(yield* call.body), () => null)
    const text = Json.field(body, "dump")
    if (typeof text !== "string")
      return yield* wrong('the body must be what /devnet/dump has given: {"dump":"…"}')
    yield* Effect.mapError(call.node.load(Buffer.from(text, "base64")), ({ detail, reason }) =>
      problem(400, detail, reason)
    )
    return yield* topKeyBlock(call)
  })

const on = { on: "true or false" }
const n = { n: "how many, 1 unless given" }

export const controlRoutes: ReadonlyArray<Route> = [
  {
    method: "*",
    path: "/emit_kb",
    operation: "EmitKeyBlocks",
    summary: "Makes key blocks; each takes the waiting transactions first",
    gives: "KeyBlock",
    query: n,
    control: true,
    answer: mine
  },
  {
    method: "*",
    path: "/emit_mb",
    operation: "EmitMicroBlock",
    summary: "Makes one micro block of what waits",
    gives: "KeyBlock",
    control: true,
    answer: mineMicro
  },
  {
    method: "*",
    path: "/auto",
    operation: "SetAutomatic",
    summary: "Whether blocks are made as soon as a transaction waits",
    gives: "AutomaticBlocks",
    query: on,
    control: true,
    answer: automatic
  },
  {
    method: "POST",
    path: "/devnet/mine",
    operation: "Mine",
    summary: "Makes key blocks; each takes the waiting transactions first",
    gives: "KeyBlock",
    query: n,
    control: true,
    answer: mine
  },
  {
    method: "POST",
    path: "/devnet/mining",
    operation: "SetMining",
    summary: "Whether blocks are made as soon as a transaction waits",
    gives: "AutomaticBlocks",
    query: on,
    control: true,
    answer: automatic
  },
  {
    method: "POST",
    path: "/devnet/fund",
    operation: "Fund",
    summary: "Gives an account aettos out of nothing",
    gives: "Account",
    query: { address: "the account, ak_…", amount: "aettos" },
    control: true,
    answer: fund
  },
  {
    method: "POST",
    path: "/devnet/fork",
    operation: "Fork",
    summary: "Another chain takes over: drops the newest key blocks and what is on them",
    gives: "KeyBlock",
    query: {
      ...n,
      return: "true (default): the dropped transactions wait for a block again; false: they are gone"
    },
    control: true,
    answer: fork
  },
  {
    method: "GET",
    path: "/devnet/channels",
    operation: "GetChannelEnds",
    summary: "The ends of channels whose state machines run",
    gives: "ChannelEnds",
    control: true,
    answer: channels
  },
  {
    method: "POST",
    path: "/devnet/disconnect",
    operation: "Disconnect",
    summary: "Cuts off a channel's clients, or breaks the link between its ends",
    gives: "Disconnected",
    query: {
      channel: "the channel, ch_…",
      what: "client (default) or link",
      role: "initiator or responder; both unless given"
    },
    control: true,
    answer: disconnect
  },
  {
    method: "POST",
    path: "/devnet/disturb",
    operation: "Disturb",
    summary:
      "Delays, loses or doubles what goes over a channel's sockets or its link; without numbers it heals",
    gives: "Disturbed",
    query: {
      channel: "the channel, ch_…",
      way: "to_client, from_client, or link: what the named role hears from its peer",
      role: "initiator or responder; both unless given",
      delay: "milliseconds that each takes longer",
      drop: "how many of the next are lost",
      duplicate: "how many of the next, after those, come twice"
    },
    control: true,
    answer: disturb
  },
  {
    method: "POST",
    path: "/devnet/travel",
    operation: "Travel",
    summary: "It is later at once: timers that are due fire, and the next blocks carry the new time",
    gives: "KeyBlock",
    query: { ms: "by so many milliseconds" },
    control: true,
    answer: travel
  },
  {
    method: "POST",
    path: "/devnet/snapshot",
    operation: "Snapshot",
    summary: "Remembers the chain and all channels, under a number",
    gives: "Snapshot",
    control: true,
    answer: ({ node }) => Effect.map(node.snapshot, (snapshot) => ({ snapshot }))
  },
  {
    method: "POST",
    path: "/devnet/revert",
    operation: "Revert",
    summary:
      "The chain and all channels as they were at a snapshot; clients are closed with 1012 and come back",
    gives: "KeyBlock",
    query: { snapshot: "the number" },
    control: true,
    answer: revert
  },
  {
    method: "GET",
    path: "/devnet/dump",
    operation: "Dump",
    summary: "The chain and all channels as a file, for /devnet/load of this or another node",
    gives: "Dump",
    control: true,
    answer: dump
  },
  {
    method: "POST",
    path: "/devnet/load",
    operation: "Load",
    summary:
      "The chain and all channels as they were at a dump; clients are closed with 1012, and come back with the fsm_id they had then",
    gives: "KeyBlock",
    takes: "Dump",
    maxBodyBytes: longestDump,
    control: true,
    answer: load
  }
]
