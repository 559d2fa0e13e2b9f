import * as assert from "node:assert"
import { Crypto } from "@aechannel/core"
import { TestCrypto } from "@aechannel/core/testing"
import { Effect } from "effect"

const cookie = Effect.flatMap(Crypto.Crypto, ({ randomBytes }) => randomBytes(16))
const withSeed = (seed: number) => Effect.runSync(Effect.provide(cookie, TestCrypto.layerSeeded(seed)))

assert.deepStrictEqual(withSeed(1), withSeed(1))
assert.notDeepStrictEqual(withSeed(1), withSeed(2))
