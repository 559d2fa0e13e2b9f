import * as assert from "node:assert"
import { TestCrypto } from "@aechannel/core/testing"

assert.strictEqual(TestCrypto.keyPair("alice").address, TestCrypto.keyPair("alice").address)
assert.notStrictEqual(TestCrypto.keyPair("alice").address, TestCrypto.keyPair("bob").address)
