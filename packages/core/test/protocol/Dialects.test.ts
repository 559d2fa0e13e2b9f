/** What sets the older dialects apart: names, envelopes, signatures, and what they do not tell. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Json from "../../src/encoding/Json.js"
import type { CodecService, Dialect } from "../../src/protocol/Codec.js"
import { dialects } from "../../src/protocol/Codec.js"
import * as ErrorCodes from "../../src/protocol/ErrorCodes.js"
import * as JsonRpc from "../../src/protocol/JsonRpc.js"
import * as JsonRpcSignedTx from "../../src/protocol/JsonRpcSignedTx.js"
import * as JsonRpcTx from "../../src/protocol/JsonRpcTx.js"
import * as Legacy from "../../src/protocol/Legacy.js"
import type { NodeMessage, Report } from "../../src/protocol/NodeMessage.js"
import type { Request } from "../../src/protocol/Request.js"
import * as Any from "../../src/testing/Arbitraries.js"

const codecs: Readonly<Record<string, CodecService>> = {
  "json-rpc-tx": JsonRpcTx.codec,
  legacy: Legacy.codec,
  "legacy of July 2018": Legacy.oldest,
  "json-rpc": JsonRpc.codec
}

const callOf = (codec: CodecService, text: string) => {
  const frame = codec.decodeClientFrame(text)
  if (frame._tag !== "Calls") throw frame.reason
  const [call] = frame.calls
  if (call === undefined) throw new Error("expected a call")
  return call
}

const messageOf = (codec: CodecService, text: string | undefined): NodeMessage => {
  if (text === undefined) throw new Error("expected a frame")
  const [message] = Effect.runSync(codec.decodeNodeFrame(text))
  if (message === undefined) throw new Error("expected a message")
  return message
}

const reportOf = (codec: CodecService, report: Report): Report => {
  const message = messageOf(codec, codec.encodeReport(report, channel))
  if (message._tag !== "Reported") throw new Error("expected a report")
  return message.report
}

const channel = ApiEncoding.encode("ch", new Uint8Array(32).fill(9))
const alice = ApiEncoding.encode("ak", new Uint8Array(32).fill(1))
const bob = ApiEncoding.encode("ak", new Uint8Array(32).fill(2))
const contract = ApiEncoding.encode("ct", new Uint8Array(32).fill(3))
const code = ApiEncoding.encode("cb", new Uint8Array(3))

const unsigned = SignedTx.unsigned({
  _tag: "ChannelOffchainTx",
  version: 2,
  channelId: channel,
  round: 2,
  stateHash: new Uint8Array(32)
})
const first = SignedTx.addSignature(unsigned, new Uint8Array(64).fill(7))
const both = SignedTx.addSignature(first, new Uint8Array(64).fill(8))
const bare = ApiEncoding.encode("tx", unsigned.txBytes)

/** What of a message reaches a client of the older dialects. */
const told = (report: Report): Report => {
  switch (report._tag) {
    case "SignRequest":
      return {
        _tag: "SignRequest",
        tag: report.tag,
        signedTx: SignedTx.unsigned(report.signedTx.tx),
        updates: report.updates,
        bare: true
      }
    case "OnChainTx":
      return { _tag: "OnChainTx", tx: report.tx }
    case "Conflict":
      return { _tag: "Conflict", round: report.round }
    default:
      return report
  }
}

const isOlder = (codec: CodecService) => codec.dialect !== "json-rpc"

const readRequest = (codec: CodecService, request: Request): Request =>
  request._tag === "SigningReply" && isOlder(codec) ? { ...request, bare: true } : request

for (const [name, codec] of Object.entries(codecs)) {
  describe(name, () => {
    for (const [tag, arbitrary] of Object.entries<FastCheck.Arbitrary<Request>>(Any.requests))
      it.prop(`a node reads what a client writes: ${tag}`, [arbitrary], ([request]) => {
        const text = codec.encodeRequest(request)
        const call = callOf(codec, text)
        expect(call.request).toStrictEqual(readRequest(codec, request))
        expect(call.raw).toStrictEqual(Json.parseOrThrow(text))
        expect("id" in call).toBe(false)
      })

    if (name !== "legacy of July 2018")
      for (const [tag, arbitrary] of Object.entries<FastCheck.Arbitrary<Report>>(Any.reports))
        it.prop(`a client reads what a node writes: ${tag}`, [arbitrary, Any.channelId], ([report, id]) => {
          const text = codec.encodeReport(report, id)
          if (text === undefined) {
            expect(report).toHaveProperty("info")
            return
          }
          const expected = isOlder(codec) ? told(report) : report
          if (report._tag === "UnknownReport" || report._tag === "DebugReport") return
          expect(messageOf(codec, text)).toStrictEqual({ _tag: "Reported", channelId: id, report: expected })
        })
  })
}

describe("contracts and callers", () => {
  const request = {
    _tag: "GetContractCall",
    contractId: contract,
    callerId: alice,
    round: 3
  } as const

  it("have other names in the older dialects", () => {
    expect(JSON.parse(JsonRpcTx.codec.encodeRequest(request))).toStrictEqual({
      jsonrpc: "2.0",
      method: "channels.get.contract_call",
      params: { contract, caller: alice, round: 3 }
    })
    expect(JSON.parse(Legacy.codec.encodeRequest(request))).toStrictEqual({
      action: "get",
      tag: "contract_call",
      payload: { contract, caller: alice, round: 3 }
    })
  })

  it("have both where the dialect is not known, and each node reads its own", () => {
    const text = JsonRpc.codec.encodeRequest(request, 5)
    expect(JSON.parse(text).params).toStrictEqual({
      contract,
      contract_id: contract,
      caller: alice,
      caller_id: alice,
      round: 3
    })
    for (const codec of [JsonRpcTx.codec, JsonRpcSignedTx.codec, JsonRpc.codec])
      expect(callOf(codec, text).request).toStrictEqual(request)
  })

  it("of updates are understood under either name, and written under the dialect's", () => {
    const update = {
      _tag: "OffChainCallContract",
      callerId: alice,
      contractId: contract,
      abiVersion: 1,
      amount: 0n,
      gas: 1n,
      gasPrice: 1n,
      callData: new Uint8Array(3),
      callStack: []
    } as const
    const report = { _tag: "SignRequest", tag: "update", signedTx: unsigned, updates: [update] } as const
    const written = (codec: CodecService) => {
      const json = JSON.parse(codec.encodeReport(report, channel) ?? "")
      return Object.keys((json.params?.data ?? json.payload).updates[0])
    }
    expect(written(JsonRpcTx.codec)).toEqual(expect.arrayContaining(["caller", "contract"]))
    expect(written(Legacy.codec)).toEqual(expect.arrayContaining(["caller", "contract"]))
    expect(written(JsonRpcSignedTx.codec)).toEqual(expect.arrayContaining(["caller_id", "contract_id"]))
    for (const codec of Object.values(codecs).slice(0, 2))
      expect(reportOf(codec, report)).toMatchObject({ updates: [update] })
  })

  it("of the chain can be taken by older nodes only", () => {
    const request = {
      _tag: "NewContractFromOnChain",
      contractId: contract,
      deposit: 10n,
      callData: new Uint8Array(3)
    } as const
    const text = JsonRpcTx.codec.encodeRequest(request)
    expect(JSON.parse(text).params).toStrictEqual({ contract, deposit: 10, call_data: code })
    expect(callOf(JsonRpcTx.codec, text).request).toStrictEqual(request)
    expect(callOf(JsonRpcSignedTx.codec, text).request).toMatchObject({ code: -32601 })
  })
})

describe("signatures", () => {
  const asked = { _tag: "SignRequest", tag: "update_ack", signedTx: first, updates: [] } as const

  it("are not shown in the older dialects, and the own one goes back alone", () => {
    for (const codec of [JsonRpcTx.codec, Legacy.codec]) {
      const json = JSON.parse(codec.encodeReport(asked, channel) ?? "")
      expect((json.params?.data ?? json.payload).tx).toBe(bare)
      expect(reportOf(codec, asked)).toStrictEqual({ ...asked, signedTx: unsigned, bare: true })
      const answer = { _tag: "SigningReply", tag: "update_ack", signedTx: first, bare: true } as const
      const sent = JSON.parse(codec.encodeRequest(answer))
      expect((sent.params ?? sent.payload).tx).toBe(SignedTx.toText(first))
      expect(callOf(codec, JSON.stringify(sent)).request).toStrictEqual(answer)
      expect(callOf(codec, JSON.stringify(sent).replace('"tx":', '"signed_tx":')).request).toMatchObject({
        _tag: "Refusal"
      })
    }
  })

  it("a signed transaction is no transaction to be signed", () => {
    const text = JsonRpcTx.codec.encodeReport(asked, channel)?.replace(bare, SignedTx.toText(both))
    const result = Effect.runSync(Effect.either(JsonRpcTx.codec.decodeNodeFrame(text ?? "")))
    expect(result._tag).toBe("Left")
  })

  it("each request tells its dialect, and is answered in it", () => {
    const { codec } = JsonRpc
    for (const node of [JsonRpcTx.codec, JsonRpcSignedTx.codec]) {
      const report = messageOf(codec, node.encodeReport(asked, channel))
      if (report._tag !== "Reported" || report.report._tag !== "SignRequest") throw new Error("no request")
      const { bare: isBare, signedTx, tag } = report.report
      const answer: Request = {
        _tag: "SigningReply",
        tag,
        signedTx: SignedTx.addSignature(signedTx, new Uint8Array(64).fill(8)),
        ...(isBare && { bare: isBare })
      }
      const call = callOf(node, codec.encodeRequest(answer))
      expect(call.request).toStrictEqual(answer)
      expect(answer.signedTx.signatures).toHaveLength(node === JsonRpcTx.codec ? 1 : 2)
    }
  })
})

describe("the legacy envelope", () => {
  const { codec } = Legacy
  const fate = (frame: unknown): string => {
    const taken = codec.decodeClientFrame(JSON.stringify(frame))
    if (taken._tag === "Dropped") return "dropped"
    const request = taken.calls[0]?.request
    return request?._tag === "Refusal" ? [request.code, ...request.data].join(" ") : String(request?._tag)
  }
  const transfer = { from: alice, to: bob, amount: 1 }

  const rows: ReadonlyArray<readonly [what: string, frame: unknown, fate: string]> = [
    ["a transfer", { action: "update", tag: "new", payload: transfer }, "Transfer"],
    ["a signature", { action: "update", payload: { tx: SignedTx.toText(first) } }, "SigningReply"],
    ["no payload", { action: "shutdown" }, "Shutdown"],
    ["an empty payload", { action: "shutdown", payload: {} }, "Shutdown"],
    ["what is new since", { action: "system", payload: { action: "ping" } }, "Ping"],
    ["a tag without payload", { action: "get", tag: "offchain_state" }, "-32601"],
    ["a tag with payload", { action: "get", tag: "offchain_state", payload: {} }, "GetOffChainState"],
    ["no such action", { action: "nope", payload: {} }, "-32601"],
    ["the tag in the action", { action: "update.new", payload: transfer }, "Transfer"],
    ["an amount of text", { action: "deposit", payload: { amount: "2" } }, "3 1008"],
    ["no action", { tag: "new", payload: transfer }, "dropped"],
    ["an action of another type", { action: 5, payload: {} }, "dropped"],
    ["a tag of another type", { action: "update", tag: 5, payload: transfer }, "dropped"],
    ["a list", [{ action: "shutdown" }], "dropped"],
    ["JSON-RPC", { jsonrpc: "2.0", method: "channels.shutdown" }, "dropped"],
    ["a scalar", 5, "dropped"]
  ]
  for (const [what, frame, expected] of rows)
    it(`a node takes ${what} for: ${expected}`, () => {
      expect(fate(frame)).toBe(expected)
    })

  it("a value comes under the names of its request, without a reply there is none", () => {
    const answer = (request: Request, value: Parameters<typeof codec.encodeAnswers>[1][number]) => {
      const call = callOf(codec, codec.encodeRequest(request))
      return codec.encodeAnswers({ _tag: "Calls", batch: false, calls: [call] }, [value], channel)
    }
    const empty = { _tag: "Value", value: { _tag: "EmptyList" } } as const
    expect(JSON.parse(answer({ _tag: "GetBalances", accounts: [] }, empty) ?? "")).toStrictEqual({
      action: "get",
      tag: "balances",
      payload: [],
      channel_id: channel,
      version: 1
    })
    const pruned = answer({ _tag: "CleanContractCalls" }, { _tag: "Value", value: { _tag: "CallsPruned" } })
    expect(JSON.parse(pruned ?? "")).toStrictEqual({
      action: "calls_pruned",
      channel_id: channel,
      version: 1
    })
    expect(messageOf(codec, pruned)).toStrictEqual({
      _tag: "Replied",
      channelId: channel,
      value: { _tag: "CallsPruned" }
    })
    const pong = answer({ _tag: "Ping" }, { _tag: "Value", value: { _tag: "Pong" } })
    expect(messageOf(codec, pong)).toMatchObject({ _tag: "Replied", value: { _tag: "Pong" } })
    expect(answer({ _tag: "Leave" }, { _tag: "Value", value: { _tag: "Ok" } })).toBeUndefined()
    expect(answer({ _tag: "Leave" }, { _tag: "NoReply" })).toBeUndefined()
    expect(codec.encodeOpenRefusal(ErrorCodes.reasons.value_too_low)).toBeUndefined()
  })

  it("a refusal finds its request, however the node echoes it", () => {
    const asked = { action: "update", tag: "new", payload: { ...transfer, amount: 10 } }
    const frame = (request: unknown) =>
      messageOf(
        codec,
        JSON.stringify({ action: "error", payload: { reason: "insufficient_balance", request } })
      )
    const refused = { _tag: "Refused", code: 3, data: [{ code: 1001 }], message: "insufficient_balance" }
    expect(frame(asked)).toMatchObject({ ...refused, request: asked })
    expect(frame(asked)).not.toHaveProperty("asked")
    expect(frame({ method: "channels.update.new", params: asked.payload })).toMatchObject({
      ...refused,
      asked
    })
  })

  it("reasons stand for refusals", () => {
    const words = Object.values(ErrorCodes.reasons)
      .map(ErrorCodes.oldRefusal)
      .map((refusal) => [refusal, ErrorCodes.legacyReason(refusal)] as const)
    for (const [refusal, word] of words)
      if (word !== "internal_error")
        expect([word, ErrorCodes.fromLegacyReason(word)]).toEqual([word, refusal])
    expect(ErrorCodes.legacyReason(ErrorCodes.make(3, [1005, 1006]))).toBe(
      "broken_encoding: accounts, contracts"
    )
    expect(ErrorCodes.fromLegacyReason("broken_encoding: accounts, contracts").data).toEqual([1005, 1006])
    expect(ErrorCodes.fromLegacyReason("something else")).toMatchObject({ code: -32603, data: [] })
    expect(ErrorCodes.fromLegacyReason("broken_encoding: what")).toMatchObject({ code: 3, data: [104] })
  })
})

describe("texts of 2018", () => {
  it.prop("are read and written", [Any.account, Any.signedTx], ([account, signedTx]) => {
    expect(ApiEncoding.fromOldest(ApiEncoding.toOldest(account) ?? "")).toBe(account)
    const text = SignedTx.toText(signedTx)
    const oldest = ApiEncoding.toOldest(text)
    if (oldest === undefined) {
      expect(SignedTx.encode(signedTx).length).toBeGreaterThan(2040)
      return
    }
    expect(oldest.startsWith("tx$")).toBe(true)
    expect(ApiEncoding.fromOldest(oldest)).toBe(text)
    // For some time the separator was the one of today.
    expect(ApiEncoding.fromOldest(oldest.replace("$", "_"))).toBe(text)
    expect(ApiEncoding.fromOldest(text)).toBeUndefined()
    expect(ApiEncoding.fromOldest(`${oldest.slice(0, -1)}0`)).toBeUndefined()
  })

  it("free text is left alone, and so is what is echoed", () => {
    const { codec } = Legacy
    const info = ApiEncoding.toOldest(alice)
    const said = { action: "message", payload: { to: ApiEncoding.toOldest(bob), info } }
    expect(callOf(codec, JSON.stringify(said))).toStrictEqual({
      raw: said,
      request: { _tag: "SendMessage", to: bob, info }
    })
    const refused = { action: "error", payload: { reason: "conflict", request: said } }
    expect(messageOf(codec, JSON.stringify(refused))).toMatchObject({ request: said })
  })

  it("the data of the first JSON-RPC frames are their parameters", () => {
    const flat = { jsonrpc: "2.0", method: "channels.info", params: { event: "open" } }
    expect(messageOf(JsonRpcTx.codec, JSON.stringify(flat))).toStrictEqual({
      _tag: "Reported",
      channelId: null,
      report: { _tag: "Info", event: "open" }
    })
  })
})

describe("the dialects' table", () => {
  it("has each codec's dialect, and what a dialect lacks is a request", () => {
    for (const codec of [...Object.values(codecs), JsonRpcSignedTx.codec])
      expect(Object.keys(dialects)).toContain(codec.dialect)
    for (const dialect of Object.keys(dialects) as ReadonlyArray<Dialect>)
      for (const tag of dialects[dialect].lacks) expect(Object.keys(Any.requests)).toContain(tag)
  })

  it("what happens to codes that a dialect does not know", () => {
    const call = { raw: {}, request: ErrorCodes.reasons.not_ready } as const
    const frame = { _tag: "Calls", batch: false, calls: [call] } as const
    const code = (codec: CodecService, reason: ErrorCodes.Reason) => {
      const text = codec.encodeAnswers(frame, [ErrorCodes.reasons[reason]], channel)
      const message = messageOf(codec, text)
      return message._tag === "Refused" ? [message.code, ...message.data.map(({ code: one }) => one)] : []
    }
    for (const codec of [JsonRpcTx.codec, Legacy.codec]) {
      expect(code(codec, "not_ready")).toEqual([-32603])
      expect(code(codec, "not_offchain_tx")).toEqual([-32603])
      expect(code(codec, "insufficient_balance")).toEqual([3, 1001])
      expect(code(codec, "unhandled")).toEqual([-32601])
    }
    expect(code(JsonRpcSignedTx.codec, "not_ready")).toEqual([3, 108])
  })
})
