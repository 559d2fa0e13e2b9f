import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import { Transport } from "@aechannel/core/services/Transport"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import { Crypto } from "@aechannel/core/crypto/Crypto"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { channelIdOf, fsmIdOf, returnQuery } from "../../core/test/support/OpenedChannel.js"
import { query } from "../../core/test/support/NodeUnderTest.js"
import * as RawClient from "../../core/test/support/RawClient.js"
import { type Running, run, start } from "./cli.js"

const folder = mkdtempSync(join(tmpdir(), "aechannel-state-"))
afterAll(() => rmSync(folder, { recursive: true }))

const state = join(folder, "state")

interface Config {
  readonly httpUrl: string
  readonly channelUrl: string
  readonly accounts: ReadonlyArray<{ readonly address: string; readonly secretKey: string }>
}

const begin = async (): Promise<{ readonly node: Running; readonly config: Config }> => {
  const file = join(folder, "config.json")
  const node = start("node", "--port", "0", "--channel-port", "0", "--state", state, "--config-out", file)
  await node.line(/^Ready/m)
  return { node, config: JSON.parse(readFileSync(file, "utf8")) }
}

const heightOf = async (config: Config): Promise<number> =>
  Number(/"height":(\d+)/.exec(await (await fetch(`${config.httpUrl}/v3/key-blocks/current`)).text())?.[1])

/** Runs with the first two accounts of a node, over its WebSocket. */
const at = <A, E>(
  config: Config,
  f: (
    connect: (query: string, party: 0 | 1) => Effect.Effect<RawClient.RawClient, unknown, never>,
    keys: readonly [KeyPair.KeyPair, KeyPair.KeyPair]
  ) => Effect.Effect<A, E>
): Promise<A> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const crypto = yield* Crypto
        const transport = yield* Transport
        const scope = yield* Effect.scope
        const keyOf = (n: number) => KeyPair.fromText(Redacted.make(config.accounts[n]?.secretKey ?? ""))
        const keys = [yield* keyOf(0), yield* keyOf(1)] as const
        const connect = (query: string, party: 0 | 1) =>
          transport.connect(query).pipe(
            Effect.provideService(Scope.Scope, scope),
            Effect.map((connection) => new RawClient.RawClient(connection, keys[party], crypto, "ae_dev"))
          )
        return yield* f(connect, keys)
      })
    ).pipe(
      Effect.provide(WebSocketTransport.layerNode({ url: config.channelUrl })),
      Effect.provide(NativeCrypto.layer)
    )
  )

const both = (i: RawClient.RawClient, r: RawClient.RawClient, wanted: string) =>
  Effect.all([i.until(wanted), r.until(wanted)], { concurrency: "unbounded" })

const pay = (from: RawClient.RawClient, to: RawClient.RawClient) =>
  Effect.zipRight(
    from.send("update.new", { from: from.keyPair.address, to: to.keyPair.address, amount: 1 }),
    both(from, to, "update")
  )

const balances = (client: RawClient.RawClient, keys: readonly [KeyPair.KeyPair, KeyPair.KeyPair]) =>
  Effect.gen(function* () {
    yield* client.send("get.balances", { accounts: keys.map(({ address }) => address) }, "b")
    const rows = RawClient.at(yield* client.until("result"), "result")
    return Array.isArray(rows) ? rows.map((row) => String(RawClient.at(row, "balance"))) : []
  })

describe("aechannel node --state", () => {
  it("goes on where it was, stopped or killed", async () => {
    const secrets = new Set<string>()
    const outputs: Array<string> = []
    let { config, node } = await begin()
    const accounts = config.accounts.map(({ address }) => address)

    let last = await at(config, (connect, keys) =>
      Effect.gen(function* () {
        const parties = { initiatorId: keys[0].address, responderId: keys[1].address }
        const r = yield* connect(query("responder", parties), 1)
        const i = yield* connect(query("initiator", parties), 0)
        yield* both(i, r, "update")
        yield* pay(i, r)
        yield* pay(i, r)
        return { i, r, held: yield* balances(i, keys) }
      })
    )
    for (const signal of ["SIGKILL", "SIGINT", "SIGKILL"] as const) {
      const height = await heightOf(config)
      for (const client of [last.i, last.r]) secrets.add(fsmIdOf(client))
      node.process.kill(signal)
      const ended = await node.ended
      outputs.push(ended.out, ended.err)
      expect(ended.err).toBe("")

      ;({ config, node } = await begin())
      expect(config.accounts.map(({ address }) => address)).toEqual(accounts)
      expect(await heightOf(config)).toBe(height)
      const before = last
      last = await at(config, (connect, keys) =>
        Effect.gen(function* () {
          const id = channelIdOf(before.i)
          const r = yield* connect(returnQuery("responder", id, fsmIdOf(before.r)), 1)
          const i = yield* connect(returnQuery("initiator", id, fsmIdOf(before.i)), 0)
          yield* both(i, r, "info channel_reestablished")
          yield* both(i, r, "update")
          expect(yield* balances(r, keys)).toEqual(before.held)
          yield* pay(r, i)
          return { i, r, held: yield* balances(i, keys) }
        })
      )
    }

    const second = await run("node", "--port", "0", "--channel-port", "0", "--state", state)
    expect(second.code).toBe(1)
    expect(second.err).toMatch(/^aechannel: .*process \d+ uses it; stop that one first.*\n$/)

    node.process.kill("SIGINT")
    const ended = await node.ended
    outputs.push(ended.out, ended.err)
    for (const name of readdirSync(state)) {
      expect(statSync(join(state, name)).mode & 0o777).toBe(0o600)
      outputs.push(readFileSync(join(state, name), "latin1"))
    }
    expect(secrets.size).toBe(8 - 2)
    for (const secret of secrets) for (const output of outputs) expect(output).not.toContain(secret)
  })

  it("says what it cannot use", async () => {
    const { code, err } = await run("node", "--port", "0", "--channel-port", "0", "--state", "/proc/nowhere")
    expect(code).toBe(1)
    expect(err).toMatch(/^aechannel: The node's storage failed to open \/proc\/nowhere: .*\n$/)
  })
})
