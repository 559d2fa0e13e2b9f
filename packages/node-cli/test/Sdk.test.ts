/** The JavaScript SDK's channel client and ours as parties of channels at `aechannel node`, the program. */
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as TestCrypto from "../../core/test/support/TestCrypto.js"
import { type Pairing, life } from "../../transport/test/sdk/support/Life.js"
import { coins, returns } from "../../transport/test/sdk/support/Returns.js"
import { terms, World } from "../../transport/test/sdk/support/World.js"
import { start } from "./cli.js"

const Account = Schema.Struct({ secretKey: Schema.String })
const Config = Schema.Struct({
  networkId: Schema.String,
  httpUrl: Schema.String,
  channelUrl: Schema.String,
  accounts: Schema.Tuple([Account, Account], Account)
})

const keyOf = ({ secretKey }: typeof Account.Type) =>
  Effect.provide(KeyPair.fromText(Redacted.make(secretKey)), TestCrypto.layerNative)

/** The running program and what it wrote when it was ready. */
const layer = Layer.scoped(
  World,
  Effect.gen(function* () {
    const folder = mkdtempSync(join(tmpdir(), "aechannel-sdk-"))
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
    const file = join(folder, "node.json")
    const node = start("node", "--port", "0", "--channel-port", "0", "--config-out", file)
    yield* Effect.addFinalizer(() =>
      Effect.promise(() => {
        node.process.kill("SIGTERM")
        return node.ended
      })
    )
    yield* Effect.promise(() => node.line(/^Ready/m))
    const { accounts, channelUrl, httpUrl, networkId } = yield* Schema.decode(Schema.parseJson(Config))(
      readFileSync(file, "utf8")
    )
    const [initiator, responder] = [yield* keyOf(accounts[0]), yield* keyOf(accounts[1])]
    const ids = { initiatorId: initiator.address, responderId: responder.address }
    return { httpUrl, initiator, responder, meeting: { ...terms, ...ids, networkId, url: channelUrl } }
  }).pipe(Effect.orDie)
)

const pairings: ReadonlyArray<Pairing> = [
  ["sdk", "own"],
  ["own", "sdk"]
]

describe.each(pairings)("aechannel node with %s as initiator and %s as responder", (...pairing) => {
  it.live("serves a whole channel", () =>
    Effect.gen(function* () {
      expect(yield* life(pairing, "initiator")).toBe(43)
    }).pipe(Effect.provide(layer))
  )

  it.live("takes deposits and withdrawals, and has parties that leave and come back", () =>
    Effect.gen(function* () {
      expect(yield* coins(pairing, "responder")).toBe(9)
      expect(yield* returns(pairing, "initiator")).toBe(12)
      expect(yield* returns(pairing, "responder")).toBe(12)
    }).pipe(Effect.provide(layer))
  )
})
