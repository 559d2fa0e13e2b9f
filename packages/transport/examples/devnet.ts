import { Devnet } from "@aechannel/transport"

// A chain with two funded accounts, its HTTP API and its channel WebSocket on free ports of this machine.
const devnet = await Devnet.start()
const status = await (await fetch(`${devnet.httpUrl}/v3/status`)).json()
console.log(`${status.network_id}: ${devnet.accounts.length} accounts, height ${status.top_block_height}`)

// For any client, in any test framework: new MemoryAccount(secretKey), Channel.initialize({ url: devnet.channelUrl, … }).
const clean = await devnet.snapshot()
await devnet.mine(10)
await devnet.travel("1 hour") // timers fire, the next blocks are dated later
await devnet.revert(clean) // chain and channels as before: once for each test
console.log(`height ${(await devnet.ledger()).top.height}`)
await devnet.stop()
