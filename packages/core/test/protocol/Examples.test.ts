/**
 * Every example of the three API documents: it is read in its dialect and printed again as it was. What the documents
 * leave out is replaced by something that can be read, and what is wrong in them is listed with its reason.
 */
import * as Fs from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Json from "../../src/encoding/Json.js"
import type { CodecService } from "../../src/protocol/Codec.js"
import * as JsonRpcSignedTx from "../../src/protocol/JsonRpcSignedTx.js"
import * as JsonRpcTx from "../../src/protocol/JsonRpcTx.js"
import * as Legacy from "../../src/protocol/Legacy.js"
import { checker, type Frame, Tally } from "./support/Recorded.js"

type Document = "json-rpc-tx" | "json-rpc-signed-tx" | "legacy"

/** Reads a document's examples, and prints them as the document does. */
const codecs: { readonly [D in Document]: CodecService } = {
  "json-rpc-tx": JsonRpcTx.codec,
  "json-rpc-signed-tx": JsonRpcSignedTx.codec,
  legacy: Legacy.oldest
}

interface Example {
  readonly document: Document
  readonly line: number
  readonly isElided: boolean
  /** What had to be repaired before it was JSON. */
  readonly fixes: ReadonlyArray<string>
  readonly msg: Json.JsonObject
}

const exampleOf = (text: string): Example => {
  const entry = Json.parseOrThrow(text)
  if (!Json.isObject(entry) || !Json.isObject(entry["msg"])) throw new Error("no example")
  const { dialect, elided, fixes, line, msg } = entry
  return {
    document: dialect as Document,
    line: Number(line),
    isElided: elided === true,
    fixes: Json.isArray(fixes) ? fixes.map(String) : [],
    msg
  }
}

const examples = Fs.readFileSync(new URL("../fixtures/api-document-examples.jsonl", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map(exampleOf)

const nameOf = ({ document, line }: Example): string => `${document}:${line}`

/** What is wrong in the documents; `mend` makes of an example what was meant. */
interface Misprint {
  readonly reason: string
  readonly mend: (msg: Json.JsonObject) => Json.JsonObject
}

const inData = (
  msg: Json.JsonObject,
  change: (data: Json.JsonObject) => Json.JsonObject
): Json.JsonObject => {
  const params = msg["params"] as Json.JsonObject
  return { ...msg, params: { ...params, data: change(params["data"] as Json.JsonObject) } }
}

const misprints: Readonly<Record<string, Misprint>> = {
  "json-rpc-signed-tx:926": {
    reason: "an on-chain transaction is shown as `signed_tx`; every node sends `tx`",
    mend: (msg) => inData(msg, ({ signed_tx: tx, ...data }) => ({ ...data, tx: tx ?? null }))
  },
  "json-rpc-signed-tx:1149": {
    reason:
      "the request to sign a slash is called `channels.sign.slash`; every node says `channels.sign.slash_tx`",
    mend: (msg) => ({ ...msg, method: "channels.sign.slash_tx" })
  },
  "legacy:202": {
    reason: "the checksum of the transaction is wrong: characters were lost",
    mend: (msg) => ({ ...msg, payload: { tx: standIn("legacy", "tx", false) } })
  },
  "legacy:220": {
    reason: "the request to sign shows the signed transaction of its answer",
    mend: (msg) => ({ ...msg, payload: { tx: standIn("legacy", "tx", true) } })
  },
  "legacy:483": {
    reason:
      "an on-chain transaction is shown under the action of a signing reply; the heading says `on_chain_tx`",
    mend: (msg) => ({ ...msg, action: "on_chain_tx" })
  }
}

/** Payloads older than any network of today, which no node can have sent since 2018. */
const obsolete: Readonly<Record<string, string>> = {
  "legacy:30": "accounts of 65 bytes: keys of another curve",
  "legacy:51": "an off-chain transaction of 9 fields",
  "legacy:68": "signatures of 70 bytes: of another curve",
  "legacy:86": "an off-chain transaction of 9 fields",
  "legacy:103": "signatures of 70 bytes: of another curve",
  "legacy:352": "accounts of 33 bytes: with a type in front",
  "legacy:378": "accounts of 33 bytes: with a type in front",
  "legacy:412": "a mutual close of 6 fields",
  "legacy:430": "a mutual close of 6 fields",
  "legacy:448": "a mutual close of 6 fields",
  "legacy:466": "a mutual close of 6 fields",
  "legacy:483": "a create transaction of 10 fields"
}

const unsigned = SignedTx.unsigned({
  _tag: "ChannelOffchainTx",
  version: 2,
  channelId: ApiEncoding.encode("ch", new Uint8Array(32).fill(9)),
  round: 2,
  stateHash: new Uint8Array(32)
})
const signed = SignedTx.addSignature(unsigned, new Uint8Array(64).fill(7))

/** Something of the kind that can be read. */
const standIn = (document: Document, prefix: ApiEncoding.Prefix, toBeSigned: boolean): string => {
  const { size } = ApiEncoding.prefixes[prefix] as ApiEncoding.PrefixRow
  const payload =
    prefix !== "tx"
      ? new Uint8Array(size ?? 3).fill(5)
      : toBeSigned && document !== "json-rpc-signed-tx"
        ? unsigned.txBytes
        : SignedTx.encode(signed)
  const text = ApiEncoding.encode(prefix, payload)
  return document === "legacy" ? (ApiEncoding.toOldest(text) ?? text) : text
}

const isEncoded = /^([a-z]{2})[_$]/

const standIns = (
  json: Json.Json,
  isLost: (text: string) => boolean,
  of: (prefix: ApiEncoding.Prefix) => string
): Json.Json => {
  if (typeof json === "string") {
    const prefix = isEncoded.exec(json)?.[1]
    return prefix !== undefined && isLost(json) ? of(prefix as ApiEncoding.Prefix) : json
  }
  if (Json.isArray(json)) return json.map((item) => standIns(item, isLost, of))
  if (!Json.isObject(json)) return json
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, standIns(value, isLost, of)]))
}

const isSigning = ({ action, method }: Json.JsonObject): boolean =>
  action === "sign" || (typeof method === "string" && method.startsWith("channels.sign."))

const withStandIns = (document: Document, msg: Json.JsonObject, isLost: (text: string) => boolean) =>
  standIns(msg, isLost, (prefix) => standIn(document, prefix, isSigning(msg))) as Json.JsonObject

const fromClient = ({ msg }: Example): boolean => {
  const { action, method, params, payload } = msg
  if (typeof action === "string")
    return (
      !["sign", "info", "error", "conflict", "on_chain_tx"].includes(action) &&
      !(action === "message" && Json.isObject(payload) && Json.isObject(payload["message"]))
    )
  return typeof method === "string" && Json.isObject(params)
    ? !Object.hasOwn(params, "data")
    : method !== undefined
}

const frameOf = (example: Example, msg: Json.JsonObject): Frame => ({
  file: example.document,
  line: example.line,
  socket: "",
  isOut: fromClient({ ...example, msg }),
  text: Json.stringify(msg),
  isJson: true
})

/** Whether the codec takes a frame for something that it knows. */
const isKnown = (example: Example, msg: Json.JsonObject): boolean => {
  const codec = codecs[example.document]
  const text = Json.stringify(msg)
  if (fromClient({ ...example, msg })) {
    const frame = codec.decodeClientFrame(text)
    return (
      frame._tag === "Calls" &&
      frame.calls.every(({ request }) => request._tag !== "Refusal" && request._tag !== "Swallowed")
    )
  }
  const result = Effect.runSync(Effect.either(codec.decodeNodeFrame(text)))
  return (
    result._tag === "Right" &&
    result.right.every((message) => message._tag !== "Reported" || message.report._tag !== "UnknownReport")
  )
}

/** The example as it is read and printed, after what was left out, misprinted or is obsolete has been replaced. */
const mended = (example: Example): Json.JsonObject => {
  const { document, isElided, msg } = example
  const meant = misprints[nameOf(example)]?.mend(msg) ?? msg
  const whole = isElided ? withStandIns(document, meant, (text) => text.includes("...")) : meant
  if (obsolete[nameOf(example)] === undefined) return whole
  return withStandIns(
    document,
    whole,
    (text) => (text.includes("$") && ApiEncoding.fromOldest(text) === undefined) || text.startsWith("tx$")
  )
}

describe("examples of the API documents", () => {
  for (const document of Object.keys(codecs) as ReadonlyArray<Document>)
    it(`print again as they were: ${document}`, () => {
      const tally = new Tally()
      const own = examples.filter((example) => example.document === document)
      for (const example of own) {
        expect([nameOf(example), isKnown(example, mended(example))]).toEqual([nameOf(example), true])
        const why = [
          example.isElided ? "with payloads left out" : undefined,
          misprints[nameOf(example)] && "misprinted",
          obsolete[nameOf(example)] && "with obsolete payloads",
          example.fixes.length > 0 ? "with misprinted syntax" : undefined
        ].filter((one) => one !== undefined)
        tally.add(why.length === 0 ? "as printed" : why.join(" and "))
      }
      checker(codecs[document]).checkFrames(
        own.map((example) => frameOf(example, mended(example))),
        tally
      )
      tally.print(`${document}, ${own.length} examples`)
    })

  it("what is listed as wrong is wrong", () => {
    expect(examples).toHaveLength(120)
    const listed = [...Object.keys(misprints), ...Object.keys(obsolete)]
    for (const example of examples) {
      const isPlain = !example.isElided && !listed.includes(nameOf(example))
      if (isPlain) expect([nameOf(example), isKnown(example, example.msg)]).toEqual([nameOf(example), true])
    }
    for (const name of listed) {
      const example = examples.find((one) => nameOf(one) === name)
      if (example === undefined) throw new Error(`no example ${name}`)
      if (!example.isElided) expect([name, isKnown(example, example.msg)]).toEqual([name, false])
    }
    for (const [name, { reason }] of Object.entries(misprints)) console.log(`misprint ${name}: ${reason}`)
    for (const [name, reason] of Object.entries(obsolete)) console.log(`obsolete ${name}: ${reason}`)
    for (const example of examples)
      for (const fix of example.fixes)
        if (!fix.startsWith("single quotes")) console.log(`misprint ${nameOf(example)}: ${fix}`)
  })
})
