/** The README's examples are the files of the examples folder, and they run. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Crypto } from "@aechannel/core/crypto/Crypto"
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import * as ChannelNode from "@aechannel/core/node/ChannelNode"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as JsonRpcSignedTx from "@aechannel/core/protocol/JsonRpcSignedTx"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import * as NodeServer from "@aechannel/transport/NodeServer"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { vi } from "vitest"

const root = new URL("../../../", import.meta.url)
const readme = readFileSync(new URL("README.md", root), "utf8")
const blocks = [...readme.matchAll(/(?:<!-- example: (.+?) -->\n)?```ts\n([\s\S]*?)```/g)].map(
  ([, file, text]) => ({ file, text })
)

it.each(blocks)("the README shows $file", ({ file, text }) => {
  expect(file, "an example without a file is not run by any test").toBeDefined()
  expect(text).toBe(readFileSync(new URL(String(file), root), "utf8"))
})

it("there are examples", () => expect(blocks.map(({ file }) => file)).toHaveLength(7))

it("quick-start.ts prints what the README says", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {})
  try {
    await import("../examples/quick-start.js")
    expect(log.mock.calls).toEqual([["round 2: Alice 70, Bob 80"]])
    expect(readme).toContain("It prints `round 2: Alice 70, Bob 80`.")
  } finally {
    log.mockRestore()
  }
})

it("property-test.ts holds", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {})
  try {
    await import("../examples/property-test.js")
    expect(log.mock.calls).toEqual([["no payment is lost or made twice"]])
  } finally {
    log.mockRestore()
  }
})

it("contracts.ts creates, calls and tries", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {})
  try {
    await import("../examples/contracts.js")
    expect(log.mock.calls).toEqual([["round 3: 42, for 2085 gas"], ["a dry run: revert, only more"]])
    expect(readme).toContain("`round 3: 42, for 2085 gas` and `a dry run: revert, only more`")
  } finally {
    log.mockRestore()
  }
})

it("generalized.ts opens, pays and closes", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {})
  try {
    await import("../examples/generalized.js")
    expect(log.mock.calls).toEqual([["round 3: 12 and 8 AE"]])
    expect(readme).toContain("It prints `round 3: 12 and 8 AE`.")
  } finally {
    log.mockRestore()
  }
})

it("devnet.ts starts one, and stops it", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {})
  try {
    await import("../examples/devnet.js")
    expect(log.mock.calls).toEqual([["ae_dev: 2 accounts, height 1"], ["height 1"]])
  } finally {
    log.mockRestore()
  }
})

/** A node of its own for an example, and what `aechannel node --config-out` would say of it. */
const withNode = <A, E, R>(
  use: (config: {
    readonly networkId: string
    readonly channelUrl: string
    readonly accounts: ReadonlyArray<{ readonly secretKey: string }>
  }) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function* () {
    const crypto = yield* Crypto
    const keyPairs = [1, 2].map((seed) => KeyPair.fromSeed(crypto, new Uint8Array(32).fill(seed)))
    const node = ChannelNode.layer({
      ledger: Ledger.make({
        networkId: "ae_dev",
        accounts: keyPairs.map(({ address }) => ({ address, balance: 10n ** 18n }))
      })
    })
    return yield* Effect.flatMap(NodeServer.NodeServer, ({ url }) =>
      use({
        networkId: "ae_dev",
        channelUrl: url,
        accounts: keyPairs.map((keyPair) => ({ secretKey: Redacted.value(KeyPair.toText(keyPair)) }))
      })
    ).pipe(Effect.provide(NodeServer.layer({ port: 0 }).pipe(Layer.provide(node))))
  }).pipe(Effect.provide([NativeCrypto.layer, JsonRpcSignedTx.layer]))

it.scopedLive("over-a-websocket.ts opens, declines, talks and closes", () =>
  Effect.gen(function* () {
    const { program } = yield* Effect.promise(() => import("../examples/over-a-websocket.js"))
    const { said, signedTx } = yield* withNode(program)
    expect(said).toEqual(Option.some("good-bye"))
    expect(signedTx.tx._tag).toBe("ChannelCloseMutualTx")
    expect(signedTx.signatures).toHaveLength(2)
  })
)

it.scopedLive("coming-back.ts goes on where it was", () =>
  Effect.gen(function* () {
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "aechannel-"))),
      (made) => Effect.sync(() => rmSync(made, { recursive: true }))
    )
    const { program } = yield* Effect.promise(() => import("../examples/coming-back.js"))
    const { balances, round } = yield* withNode((config) => program(config, directory))
    expect(round).toBe(3)
    expect(balances).toEqual({ initiator: 8n * 10n ** 16n, responder: 12n * 10n ** 16n })
  })
)
