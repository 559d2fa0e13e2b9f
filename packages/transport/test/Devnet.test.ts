/** A devnet in one line, with and without Effect. */
import * as Devnet from "@aechannel/transport/Devnet"
import { AeSdk, Channel, MemoryAccount, Node } from "@aeternity/aepp-sdk"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Effect from "effect/Effect"
import { afterAll, describe, expect, it } from "vitest"

describe("without Effect", async () => {
  const devnet = await Devnet.start({ seed: "tests" })
  afterAll(devnet.stop)

  const status = async () => (await fetch(`${devnet.httpUrl}/v3/status`)).json()

  it("is where other tools find a chain with funded accounts", async () => {
    const [alice, bob] = devnet.accounts.map(({ secretKey }) => {
      if (!ApiEncoding.is("sk", secretKey)) throw new Error("a secret key")
      return new MemoryAccount(secretKey)
    })
    if (alice === undefined || bob === undefined) throw new Error("two accounts")
    const aeSdk = new AeSdk({
      nodes: [{ name: "devnet", instance: new Node(devnet.httpUrl) }],
      accounts: [alice]
    })
    await aeSdk.spend(7, bob.address)
    expect(await aeSdk.getBalance(bob.address)).toBe("1000000000000000000007")

    const common = {
      url: devnet.channelUrl,
      initiatorId: alice.address,
      responderId: bob.address,
      initiatorAmount: 1e15,
      responderAmount: 1e15,
      pushAmount: 0,
      channelReserve: 0,
      lockPeriod: 10,
      port: 3333,
      minimumDepth: 0
    }
    const sign = (account: MemoryAccount) => (_tag: string, tx: `tx_${string}`) =>
      account.signTransaction(tx, { networkId: devnet.networkId })
    const channels = await Promise.all([
      Channel.initialize({ ...common, role: "responder", sign: sign(bob) }),
      Channel.initialize({ ...common, role: "initiator", host: "localhost", sign: sign(alice) })
    ])
    await Promise.all(
      channels.map(
        (channel) =>
          new Promise<void>((open) => {
            channel.on("error", () => {})
            channel.on("statusChanged", (now) => now === "open" && open())
          })
      )
    )
    expect((await devnet.channels()).map(({ fsmState }) => fsmState)).toEqual(["open", "open"])
    for (const channel of channels) channel.disconnect()
  })

  it("has its controls at hand", async () => {
    const { height } = (await devnet.ledger()).top
    const snapshot = await devnet.snapshot()
    await devnet.auto(false)
    await devnet.mine(3)
    await devnet.mineMicro()
    await devnet.travel("1 minute")
    expect(await status()).toMatchObject({ top_block_height: height + 3, network_id: "ae_dev" })
    await devnet.fork(1)
    const dump = await devnet.dump()
    await devnet.revert(snapshot)
    expect((await devnet.ledger()).top.height).toBe(height)
    await devnet.load(dump)
    expect((await devnet.ledger()).top.height).toBe(height + 2)
    const [id] = (await devnet.channels()).flatMap(({ channelId }) => channelId ?? [])
    expect(id).toBe(undefined)
    await devnet.breakLinks()
    await expect(devnet.revert(77)).rejects.toMatchObject({ _tag: "SnapshotError", snapshot: 77 })
    const other = ApiEncoding.encode("ch", new Uint8Array(32))
    expect(await devnet.disconnect(other, { what: "link" })).toBe(0)
    expect(await devnet.disturb(other, { way: "link", drop: 1 })).toBe(0)
  })

  it("refuses arguments that are no values of their types, and goes on", async () => {
    const unchecked = (value: unknown): never => value as never
    const { address } = devnet.accounts[0] ?? unchecked(undefined)
    const before = await devnet.ledger()
    const wrong = [
      [devnet.fund(unchecked("ak_foo"), 1n), "address"],
      [devnet.fund(address, -1n), "amount"],
      [devnet.fund(address, unchecked(1.5)), "amount"],
      [devnet.mine(-1), "keyBlocks"],
      [devnet.mine(1.5), "keyBlocks"],
      [devnet.mine(unchecked("many")), "keyBlocks"],
      [devnet.travel(unchecked("soon")), "duration"],
      [devnet.travel(Infinity), "duration"]
    ] as const
    for (const [control, where] of wrong)
      await expect(control).rejects.toMatchObject({ _tag: "DecodeError", where: [where] })
    expect(await devnet.ledger()).toEqual(before)
    await devnet.fund(address, 1n)
    for (const port of [-1, 1.5, 65_536])
      for (const name of ["port", "channelPort"])
        await expect(Devnet.start({ [name]: port })).rejects.toMatchObject({
          _tag: "ListenError",
          reason: "bad_port",
          port
        })
  })

  it("stops, and frees its ports; one that is taken is told", async () => {
    const first = await Devnet.start()
    const port = Number(new URL(first.httpUrl).port)
    await expect(Devnet.start({ port })).rejects.toMatchObject({ _tag: "ListenError" })
    await first.stop()
    const second = await Devnet.start({ port })
    expect(new URL(second.httpUrl).port).toBe(String(port))
    await second[Symbol.asyncDispose]()
  })
})

describe("with Effect", () => {
  it("is a layer", async () => {
    const accounts = Effect.gen(function* () {
      const { accounts, node } = yield* Devnet.Devnet
      yield* node.mine(1)
      return accounts.map(({ keyPair }) => keyPair.address)
    })
    const provided = Effect.provide(accounts, Devnet.layer({ accounts: 3, seed: "a" }))
    const [first, again] = [await Effect.runPromise(provided), await Effect.runPromise(provided)]
    expect(first).toEqual(again)
    expect(first).toHaveLength(3)
  })
})
