import * as ApiEncoding from "../src/encoding/ApiEncoding.js"
import * as Bytes from "../src/encoding/Bytes.js"
import * as Rlp from "../src/encoding/Rlp.js"
import * as SignedTx from "../src/chain/SignedTx.js"
import * as Trees from "../src/state/Trees.js"
import { coSigned, digest, trees } from "./Fixtures.js"
import * as Harness from "./Harness.js"

/** Another 32 bytes each time, so that nothing is remembered. */
const fresh = () => {
  const bytes = digest("fresh")
  let count = 0
  return () => {
    bytes.set(Bytes.uintToFixed(++count, 4))
    return bytes
  }
}

export const encoding = Harness.theme("encoding", () => {
  const payload = SignedTx.encode(coSigned(7))
  const text = ApiEncoding.encode("tx", payload)
  const address = ApiEncoding.encode("ak", digest("somebody"))
  const next = fresh()
  const stateBytes = Trees.encode(trees)
  const state = Rlp.decodeOrThrow(stateBytes)
  return [
    {
      title: "Texts",
      cases: [
        { name: `tx_ of ${payload.length} bytes, write`, run: () => ApiEncoding.encode("tx", payload) },
        { name: `tx_ of ${payload.length} bytes, read`, run: () => ApiEncoding.decodeOrThrow("tx", text) },
        { name: "ak_, write, a new one each time", run: () => ApiEncoding.encode("ak", next()) },
        { name: "ak_, read, known", run: () => ApiEncoding.decodeOrThrow("ak", address) },
        { name: "ak_, check, known", run: () => ApiEncoding.is("ak", address) }
      ]
    },
    {
      title: "Recursive length prefix",
      cases: [
        { name: `state of two accounts, ${stateBytes.length} bytes, write`, run: () => Rlp.encode(state) },
        {
          name: `state of two accounts, ${stateBytes.length} bytes, read`,
          run: () => Rlp.decodeOrThrow(stateBytes)
        }
      ]
    }
  ]
})
