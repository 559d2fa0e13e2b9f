/** `aechannel node` as a child process, as it is built, and what it holds. */
import * as Json from "@aechannel/core/encoding/Json"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { performance } from "node:perf_hooks"
import { fileURLToPath } from "node:url"

const bin = fileURLToPath(new URL("../../../node-cli/dist/bin.js", import.meta.url))
const probe = new URL("./probe.mjs", import.meta.url)

const Figures = Schema.Struct({
  rss: Schema.Number,
  heap: Schema.Number,
  cpu: Schema.Number,
  sockets: Schema.Number,
  timers: Schema.Number,
  fibers: Schema.Number
})

/**
 * What a process holds after garbage was collected: bytes, TCP connections, timers of Node, fibers that nobody awaits; and
 * the time of the processor that it has had, in milliseconds.
 */
export type Figures = typeof Figures.Type

const Ready = Schema.parseJson(Schema.Struct({ httpUrl: Schema.String, channelUrl: Schema.String }))

export interface NodeChild {
  readonly httpUrl: string
  readonly channelUrl: string
  /** Milliseconds from the start of the process to its ready line. */
  readonly readyAfter: number
  readonly figures: Effect.Effect<Figures>
  /** The number of state machines. */
  readonly machines: Effect.Effect<number>
  /** Of the chain. */
  readonly height: Effect.Effect<number>
  /** Whether one end of a channel has its client. */
  readonly isConnected: (channelId: string, role: string) => Effect.Effect<boolean>
  readonly fund: (address: string, amount: bigint) => Effect.Effect<void>
}

const ask = (url: string, method: "GET" | "POST"): Effect.Effect<Json.Json> =>
  Effect.promise(async () => {
    const response = await fetch(url, { method })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${url} was answered with ${response.status}: ${text}`)
    return Json.parseOrThrow(text)
  })

const channels = (json: Json.Json): ReadonlyArray<Json.Json> => {
  const all = Json.field(json, "channels")
  return Array.isArray(all) ? all : []
}

const start = async (given: ReadonlyArray<string>): Promise<readonly [ChildProcess, NodeChild]> => {
  if (!existsSync(bin)) throw new Error("packages/node-cli/dist/bin.js is missing: run `npm run build` first")
  const begin = performance.now()
  const child = spawn(
    process.execPath,
    [
      "--expose-gc",
      "--import",
      probe.href,
      bin,
      "node",
      "--json",
      "--port",
      "0",
      "--channel-port",
      "0",
      ...given
    ],
    { stdio: ["ignore", "pipe", "inherit", "ipc"] }
  )
  let out = ""
  for await (const data of child.stdout ?? []) {
    out += String(data)
    if (out.includes("\n")) break
  }
  const readyAfter = performance.now() - begin
  const { channelUrl, httpUrl } = Schema.decodeSync(Ready)(out)
  return [
    child,
    {
      httpUrl,
      channelUrl,
      readyAfter,
      figures: Effect.promise(async () => {
        const answer = once(child, "message")
        child.send("figures")
        const [said] = await answer
        return Schema.decodeUnknownSync(Figures)(said)
      }),
      machines: Effect.map(ask(`${httpUrl}/devnet/channels`, "GET"), (json) => channels(json).length),
      height: Effect.map(ask(`${httpUrl}/v3/status`, "GET"), (json) =>
        Number(Json.field(json, "top_block_height"))
      ),
      isConnected: (channelId, role) =>
        Effect.map(ask(`${httpUrl}/devnet/channels`, "GET"), (json) =>
          channels(json).some(
            (end) =>
              Json.field(end, "channel_id") === channelId &&
              Json.field(end, "role") === role &&
              Json.field(end, "client_connected") === true
          )
        ),
      fund: (address, amount) =>
        Effect.asVoid(ask(`${httpUrl}/devnet/fund?address=${address}&amount=${amount}`, "POST"))
    }
  ]
}

/** Starts a node with these options; it ends with the scope. */
export const make = (given: ReadonlyArray<string> = []): Effect.Effect<NodeChild, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => start(given)),
      ([child]) =>
        Effect.promise(async () => {
          if (child.exitCode !== null) return
          const ended = once(child, "exit")
          child.kill("SIGTERM")
          await ended
        })
    ),
    ([, node]) => node
  )
