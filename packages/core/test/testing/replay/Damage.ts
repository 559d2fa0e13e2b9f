/** What a proxy between node and client can do to a frame. */
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as Json from "../../../src/encoding/Json.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"

/** What goes on to the client in place of a frame, or undefined where the damage cannot be done to it. */
type Damage = (frame: Json.JsonObject, text: string) => ReadonlyArray<string> | undefined

const one = (json: Json.Json): ReadonlyArray<string> => [Json.stringify(json)]

/** The frame with a value changed, where there is such a value. */
const changed =
  (path: ReadonlyArray<string>, change: (value: Json.Json) => Json.Json | undefined): Damage =>
  (frame) => {
    const result = at(frame, path, change)
    return result === undefined ? undefined : one(result)
  }

const at = (
  json: Json.Json | undefined,
  [key, ...rest]: ReadonlyArray<string>,
  change: (value: Json.Json) => Json.Json | undefined
): Json.Json | undefined => {
  if (json === undefined) return undefined
  if (key === undefined) return change(json)
  if (Json.isArray(json)) {
    const [first, ...others] = json
    const here = at(first, [key, ...rest], change)
    return here === undefined ? undefined : [here, ...others]
  }
  if (!Json.isObject(json)) return undefined
  const below = at(json[key], rest, change)
  return below === undefined ? undefined : { ...json, [key]: below }
}

const textual = (change: (text: string) => string) => (value: Json.Json) =>
  typeof value === "string" ? change(value) : undefined

/** Another value of the same kind. */
const other = (prefix: "ch" | "ba" | "th" | "ak") => (value: Json.Json) =>
  typeof value === "string" && value.startsWith(`${prefix}_`)
    ? ApiEncoding.encode(prefix, new Uint8Array(32).fill(9))
    : undefined

const without = (json: Json.JsonObject, key: string): Json.JsonObject =>
  Object.fromEntries(Object.entries(json).filter(([name]) => name !== key))

const data = ["params", "data"]

/** A transaction in a frame, with other fields. */
const transaction = (change: (signed: SignedTx.SignedTx) => SignedTx.SignedTx | undefined): Damage => {
  const edit = (value: Json.Json) => {
    if (typeof value !== "string" || !value.startsWith("tx_")) return undefined
    const made = change(SignedTx.fromTextOrThrow(value))
    return made === undefined ? undefined : SignedTx.toText(made)
  }
  return (frame, text) =>
    ["signed_tx", "tx", "state"]
      .map((key) => changed([...data, key], edit)(frame, text))
      .find((result) => result !== undefined)
}

/** The transaction with a field that is a number one higher, if it has it; its signatures stay. */
const raised = (...keys: ReadonlyArray<string>): Damage =>
  transaction((signed) => {
    const key = keys.find((each) => each in signed.tx)
    const value: unknown = key === undefined ? undefined : Reflect.get(signed.tx, key)
    if (key === undefined || (typeof value !== "number" && typeof value !== "bigint")) return undefined
    const tx = { ...signed.tx, [key]: typeof value === "number" ? value + 1 : value + 1n }
    return signed.signatures.reduce(SignedTx.addSignature, SignedTx.unsigned(tx))
  })

const bits = (bytes: Uint8Array): Uint8Array => bytes.map((byte, index) => (index === 5 ? byte ^ 1 : byte))

export const damages: Readonly<Record<string, Damage>> = {
  dropped: () => [],
  duplicated: (_, text) => [text, text],
  "swapped with the next": () => [],
  "cut off in the middle": (_, text) => [text.slice(0, text.length / 2)],
  "not JSON": (_, text) => [text.replace("{", "<")],
  "another method": changed(
    ["method"],
    textual((method) => `${method}x`)
  ),
  "another event": changed(
    [...data, "event"],
    textual((event) => (event === "open" ? "closing" : "open"))
  ),
  "another info": changed(
    [...data, "info"],
    textual((info) => (info === "can_slash" ? "solo_closing" : "can_slash"))
  ),
  "another type of transaction": changed(
    [...data, "type"],
    textual(() => "channel_slash_tx")
  ),
  "another error code": changed([...data, "error_code"], () => 3),
  "another round": changed([...data, "round"], (round) =>
    typeof round === "number" ? round + 1 : undefined
  ),
  "another error message": changed(
    [...data, "error_msg"],
    textual(() => "abort")
  ),
  "another channel": changed(["params", "channel_id"], other("ch")),
  "no channel": changed(["params", "channel_id"], (value) => (value === null ? undefined : null)),
  "another channel inside": changed([...data, "channel_id"], other("ch")),
  "another fsm id": changed([...data, "fsm_id"], other("ba")),
  "another id": changed(["id"], (id) => (typeof id === "number" ? id + 1 : undefined)),
  "another result": changed(["result"], () => "done"),
  "an id as text": changed(["id"], (id) => (typeof id === "number" ? String(id) : undefined)),
  "another version": changed(["version"], () => 2),
  "another protocol": changed(["jsonrpc"], () => "1.0"),
  "a key too many": (frame) => one({ ...frame, extra: 1 }),
  "a key too many inside": changed(data, (inside) =>
    Json.isObject(inside) ? { ...inside, extra: 1 } : undefined
  ),
  "a key too few": (frame) => one(without(frame, "jsonrpc")),
  "a key too few inside": changed(data, (inside) => {
    const [key] = Json.isObject(inside) ? Object.keys(inside) : []
    return Json.isObject(inside) && key !== undefined ? without(inside, key) : undefined
  }),
  "another amount": changed([...data, "updates", "amount"], (amount) =>
    typeof amount === "number" ? amount + 1 : undefined
  ),
  "an amount as text": changed([...data, "updates", "amount"], (amount) =>
    typeof amount === "number" ? String(amount) : undefined
  ),
  "another payer": changed([...data, "updates", "from"], other("ak")),
  "no updates": changed([...data, "updates"], (updates) =>
    Json.isArray(updates) && updates.length > 0 ? [] : undefined
  ),
  "another round in the transaction": raised("round"),
  "another amount in the transaction": raised("amount", "initiatorAmountFinal", "initiatorAmount"),
  "another fee": raised("fee"),
  "another nonce": raised("nonce"),
  "another state hash": transaction((signed) => {
    const { tx } = signed
    if (!("stateHash" in tx)) return undefined
    return signed.signatures.reduce(
      SignedTx.addSignature,
      SignedTx.unsigned({ ...tx, stateHash: bits(tx.stateHash) })
    )
  }),
  "another signature": transaction(({ signatures: [first, ...others], tx }) =>
    first === undefined
      ? undefined
      : [bits(first), ...others].reduce(SignedTx.addSignature, SignedTx.unsigned(tx))
  ),
  "a signature too few": transaction(({ signatures: [first, ...others], tx }) =>
    first === undefined ? undefined : others.reduce(SignedTx.addSignature, SignedTx.unsigned(tx))
  ),
  "a broken checksum": (_, text) => {
    const broken = text.replace(
      /(tx_[A-Za-z0-9+/]{40})([A-Za-z0-9+/])/,
      (_all, start: string, letter: string) => `${start}${letter === "A" ? "B" : "A"}`
    )
    return broken === text ? undefined : [broken]
  },
  "another sender of a message": changed([...data, "message", "from"], other("ak")),
  "another text of a message": changed(
    [...data, "message", "info"],
    textual((text) => `${text}!`)
  )
}

/** Whether the damage can be done to a frame. */
export const applies = (name: string, text: string): boolean => {
  const json = Json.parseOrThrow(text)
  const result = Json.isObject(json) ? damages[name]?.(json, text) : undefined
  return result !== undefined && !(result.length === 1 && result[0] === text)
}

/** A proxy that does the damage to the frame with this number. */
export const proxyFor = (name: string, index: number): ((frame: string) => ReadonlyArray<string>) => {
  let count = -1
  /** A frame that waits for the next one. */
  let held: string | undefined
  return (text) => {
    count += 1
    if (held !== undefined) {
      const before = held
      held = undefined
      return [text, before]
    }
    if (count !== index) return [text]
    if (name === "swapped with the next") {
      held = text
      return []
    }
    const json = Json.parseOrThrow(text)
    return (Json.isObject(json) && damages[name]?.(json, text)) || [text]
  }
}
