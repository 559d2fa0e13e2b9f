// Loaded first into the Node processes that tests start: tells the test what they keep secret, in a file that only its
// owner can read. Written at once, since such processes are killed.
import { appendFileSync } from "node:fs"
import { join } from "node:path"

const folder = process.env.AECHANNEL_SECRETS
if (folder !== undefined && folder !== "") {
  const file = join(folder, String(process.pid))
  const known = new Set()
  const tell = (value) => {
    if (typeof value !== "string" && !(value instanceof Uint8Array)) return
    const text = Buffer.from(value).toString("base64")
    if (known.has(text)) return
    known.add(text)
    try {
      appendFileSync(file, `${typeof value === "string" ? "t" : "b"}${text}\n`, { mode: 0o600 })
    } catch {
      // The test is over, and so is its folder.
    }
  }
  // Effect looks here before it makes a registry of its own.
  class Registry extends WeakMap {
    set(redacted, value) {
      tell(value)
      return super.set(redacted, value)
    }
  }
  globalThis["effect/GlobalValue"] ??= new Map()
  globalThis["effect/GlobalValue"].set("effect/Redacted/redactedRegistry", new Registry())
}
