import { ChannelStore } from "@aechannel/core"
import { ChannelStoreSuite } from "@aechannel/core/testing"
import { Effect } from "effect"

// Your store instead of the one in memory: opened a second time, it must show what was written the first time.
const fresh = Effect.map(ChannelStore.makeMemory, (store) => ({ open: Effect.succeed(store) }))

// With a test runner: for (const { name, run } of cases) test(name, () => Effect.runPromise(run(fresh)))
await Effect.runPromise(Effect.forEach(ChannelStoreSuite.cases, ({ run }) => run(fresh)))
