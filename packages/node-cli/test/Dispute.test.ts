/**
 * A cheating close while the honest party is away, with real processes: the node, the cheater, the honest client that is
 * killed, and the one that comes back with what is on disk.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { start } from "./cli.js"
import { expectSuccess, folder, type Line, session } from "./run.js"

const aettosPerAe = 10n ** 18n

const stepOf = (kind: string) => (line: Line) => line.type === "step" && line["kind"] === kind

it("who was away and killed slashes, and is paid what the newest co-signed state says", async () => {
  const cwd = folder()
  const config = join(cwd, "node.json")
  const node = start(
    "node",
    "--port=0",
    "--channel-port=0",
    `--config-out=${config}`,
    `--state=${join(cwd, "state")}`
  )
  await node.line(/^Ready/m)
  const { accounts, channelUrl, httpUrl } = JSON.parse(readFileSync(config, "utf8"))
  const [alice, bob] = accounts
  const balanceOf = async (address: string) => {
    const text = await (await fetch(`${httpUrl}/v3/accounts/${address}`)).text()
    return BigInt(/"balance":(\d+)/.exec(text)?.[1] ?? -1)
  }

  const party = (name: string, role: string, address?: string) =>
    `  ${name}: { role: ${role}, deposit: 10 AE${address === undefined ? "" : `, remote: true, address: ${address}`} }\n`
  const aliceHead = `store: { directory: ${join(cwd, "memory")} }\nparties:\n${party("Alice", "initiator")}${party("Bob", "responder", bob.address)}`
  const bobHead = `terms: { autoSlash: false }\nparties:\n${party("Alice", "initiator", alice.address)}${party("Bob", "responder")}`
  const keys = (name: string, { secretKey }: { secretKey: string }) => {
    const file = join(cwd, `${name}.key`)
    writeFileSync(file, secretKey, { mode: 0o600 })
    return `${name}=${file}`
  }
  mkdirSync(join(cwd, "memory"), { mode: 0o700 })
  const as = (name: string, account: { secretKey: string }) =>
    session([
      "--json",
      `--url=${channelUrl}`,
      `--http-url=${httpUrl}`,
      "--network-id=ae_dev",
      `--key-file=${keys(name, account)}`
    ])
  const tell = ({ write }: ReturnType<typeof session>, ...documents: ReadonlyArray<string>) => {
    for (const document of documents) write(`${document}\n---\n`)
  }

  const cheater = as("Bob", bob)
  tell(cheater, bobHead, "open")
  const first = as("Alice", alice)
  tell(first, aliceHead, "open", "transfer: { from: Alice, amount: 6 AE }")
  await first.next(stepOf("transfer"))
  tell(cheater, "expect: { round: 2 }", "transfer: { from: Bob, amount: 9 AE }")
  await cheater.next(stepOf("transfer"))
  await first.next(({ event, data }) => event === "co_signed" && JSON.stringify(data).includes('"round":3'))

  first.process.kill("SIGKILL")
  expect((await first.ended).code).toBeNull()
  tell(cheater, "closeSolo: { party: Bob, round: 2, fee: 0.001 AE }")
  expect(await cheater.next(stepOf("closeSolo"))).toMatchObject({
    ok: true,
    result: { type: "channel_close_solo_tx", fee: "1000000000000000" }
  })
  tell(cheater, "expect: { at: Bob, event: can_slash }")
  expect(await cheater.next(stepOf("expect"))).toMatchObject({ ok: true })

  const second = as("Alice", alice)
  tell(second, aliceHead, "resume")
  expect(await second.next(stepOf("resume"))).toMatchObject({
    ok: true,
    result: { round: 3, balances: { Alice: "13000000000000000000", Bob: "7000000000000000000" } }
  })
  tell(
    second,
    "expect: { at: Alice, event: can_slash }",
    "expect: { at: Alice, event: solo_closing, with: { type: channel_slash_tx } }",
    "expect: { channel: { state: closing, round: 3 } }",
    "mine: 10",
    "settle: { fee: 0.002 AE }"
  )
  expect(await second.next(stepOf("settle"))).toMatchObject({
    ok: true,
    result: {
      confirmed: true,
      fee: "2000000000000000",
      balances: { Alice: "13000000000000000000", Bob: "7000000000000000000" }
    }
  })
  tell(second, "expect: { channel: gone, status: closed }")
  second.end()
  expectSuccess(await second.ended)
  tell(cheater, "expect: { at: Bob, event: channel_closed, with: { type: channel_settle_tx } }")
  cheater.end()
  expectSuccess(await cheater.ended)

  // Each began with 1000 AE. Bob paid for his closing; Alice for the opening, the slash and the settlement.
  expect(await balanceOf(bob.address)).toBe(997n * aettosPerAe - aettosPerAe / 1000n)
  const has = await balanceOf(alice.address)
  expect(has).toBeLessThan(1003n * aettosPerAe - aettosPerAe / 500n)
  expect(has).toBeGreaterThan(1003n * aettosPerAe - aettosPerAe / 500n - aettosPerAe / 10_000n)

  node.process.kill("SIGINT")
  await node.ended
})
