import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import { DecodeError } from "../../src/encoding/DecodeError.js"
import * as Json from "../../src/encoding/Json.js"
import type { Answer, ClientFrame } from "../../src/protocol/Codec.js"
import { Codec } from "../../src/protocol/Codec.js"
import { dataTexts, errorTexts, make, reasons } from "../../src/protocol/ErrorCodes.js"
import { codec, layer } from "../../src/protocol/JsonRpcSignedTx.js"
import type { NodeMessage, ReplyValue } from "../../src/protocol/NodeMessage.js"
import type { Request } from "../../src/protocol/Request.js"
import { signTags } from "../../src/protocol/SignTag.js"
import type { SignTag } from "../../src/protocol/SignTag.js"
import * as Any from "../../src/testing/Arbitraries.js"

type Calls = Extract<ClientFrame, { readonly _tag: "Calls" }>

const callsOf = (text: string): Calls => {
  const frame = codec.decodeClientFrame(text)
  if (frame._tag !== "Calls") throw frame.reason
  return frame
}

const messagesOf = (text: string): ReadonlyArray<NodeMessage> => Effect.runSync(codec.decodeNodeFrame(text))

const channel = ApiEncoding.encode("ch", new Uint8Array(32).fill(9))
const alice = ApiEncoding.encode("ak", new Uint8Array(32).fill(1))
const bob = ApiEncoding.encode("ak", new Uint8Array(32).fill(2))
const contract = ApiEncoding.encode("ct", new Uint8Array(32).fill(3))
const block = ApiEncoding.encode("kh", new Uint8Array(32))
const code = ApiEncoding.encode("cb", new Uint8Array(3))
const signed = SignedTx.addSignature(
  SignedTx.unsigned({
    _tag: "ChannelOffchainTx",
    version: 2,
    channelId: channel,
    round: 2,
    stateHash: new Uint8Array(32)
  }),
  new Uint8Array(64).fill(7)
)
const tx = SignedTx.toText(signed)
const bare = ApiEncoding.encode("tx", signed.txBytes)

/** The single call of a request frame. */
const take = (method: unknown, params?: unknown) => {
  const frame = callsOf(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }))
  const [call] = frame.calls
  if (call === undefined) throw new Error("expected a call")
  return call.request
}

/** What a node does with a request: the codes of its refusal, `swallowed`, `silent`, or the kind of request. */
const fate = (method: unknown, params?: unknown): string => {
  const request = take(method, params)
  switch (request._tag) {
    case "Refusal":
      return [request.code, ...request.data].join(" ")
    case "Swallowed":
      return request.silent === true ? "silent" : "swallowed"
    default:
      return request._tag
  }
}

describe("requests", () => {
  for (const [tag, arbitrary] of Object.entries<FastCheck.Arbitrary<Request>>(Any.requests)) {
    // Older nodes knew it.
    if (tag === "NewContractFromOnChain") continue
    it.prop(`a node reads what a client writes: ${tag}`, [arbitrary, Any.requestId], ([request, id]) => {
      const text = codec.encodeRequest(request, id)
      const frame = callsOf(text)
      expect(frame.batch).toBe(false)
      expect(frame.calls).toHaveLength(1)
      expect(frame.calls[0]?.request).toStrictEqual(request)
      expect("id" in (frame.calls[0] ?? {})).toBe(id !== undefined)
      expect(frame.calls[0]?.id).toStrictEqual(id)
      expect(frame.calls[0]?.raw).toStrictEqual(Json.parseOrThrow(text))
    })
  }

  it("has the documented names and members", () => {
    const transfer = {
      _tag: "Transfer",
      from: alice,
      to: bob,
      amount: 1n,
      meta: ["a"],
      blockHash: block
    } as const
    expect(JSON.parse(codec.encodeRequest(transfer))).toStrictEqual({
      jsonrpc: "2.0",
      method: "channels.update.new",
      params: { from: alice, to: bob, amount: 1, meta: ["a"], block_hash: block }
    })
    expect(
      JSON.parse(codec.encodeRequest({ _tag: "GetContract", contractId: contract }, null))
    ).toStrictEqual({
      jsonrpc: "2.0",
      method: "channels.get.contract",
      params: { pubkey: contract },
      id: null
    })
    const forced = {
      _tag: "ForceProgress",
      contractId: contract,
      abiVersion: 3,
      amount: 0n,
      callData: new Uint8Array(3),
      gas: 5n,
      gasPrice: 1n
    } as const
    expect(JSON.parse(codec.encodeRequest(forced, "x"))).toStrictEqual({
      jsonrpc: "2.0",
      method: "channels.force_progress",
      params: { contract_id: contract, abi_version: 3, amount: 0, call_data: code, gas: 5, gas_price: 1 },
      id: "x"
    })
  })

  it("takes every name of every signing reply", () => {
    const names = (Object.keys(signTags) as ReadonlyArray<SignTag>).flatMap((tag) =>
      [signTags[tag].reply, ...signTags[tag].alsoAccepted].map((name) => [tag, name] as const)
    )
    for (const [tag, name] of names) {
      expect(take(`channels.${name}`, { signed_tx: tx })).toStrictEqual({
        _tag: "SigningReply",
        tag,
        signedTx: signed
      })
      expect(take(`channels.${name}`, { error: 147 })).toStrictEqual({ _tag: "SigningError", tag, code: 147 })
    }
    // All names but the one that no node takes.
    expect(names).toHaveLength(19)
  })

  it("fills in what may be left out", () => {
    expect(take("channels.update.new", { from: alice, to: bob, amount: 1, unknown: 5 })).toStrictEqual({
      _tag: "Transfer",
      from: alice,
      to: bob,
      amount: 1n,
      meta: []
    })
    expect(take("channels.get.poi", {})).toStrictEqual({ _tag: "GetPoi", accounts: [], contracts: [] })
    expect(take("channels.history.fetch", {})).toStrictEqual({ _tag: "FetchHistory", n: 10 })
    expect(take("channels.history.fetch", { n: "3" })).toStrictEqual({ _tag: "FetchHistory", n: 3 })
    expect(take("channels.settle", { fee: "+7", nonce: 0 })).toStrictEqual({
      _tag: "Settle",
      fee: 7n,
      nonce: 0n
    })
    for (const method of [
      "leave",
      "shutdown",
      "close_solo",
      "snapshot_solo",
      "slash",
      "settle",
      "clean_contract_calls"
    ])
      expect(fate(`channels.${method}`)).not.toMatch(/-32601|swallowed/)
    const call = { contract_id: contract, abi_version: 3, amount: 0, call_data: code, gas_price: 1 }
    expect(take("channels.force_progress", call)).toMatchObject({ gas: 1_000_000n })
  })
})

const update = { from: alice, to: bob, amount: 1 }
const newContract = { vm_version: 7, abi_version: 3, deposit: 0, code, call_data: code }
const call = { contract_id: contract, abi_version: 3, amount: 0, call_data: code }
const forced = { ...call, gas_price: 1 }
const long = "x".repeat(65_001)

describe("what a node does with bad requests", () => {
  const rows: ReadonlyArray<readonly [what: string, method: unknown, params: unknown, fate: string]> = [
    ["method of another type", 5, {}, "-32601"],
    ["no such method", "channels.nope", {}, "-32601"],
    ["no prefix", "update.new", update, "-32601"],
    ["empty method", "", {}, "-32601"],
    ["method of the object prototype", "constructor", {}, "-32601"],
    ["method removed in 2019", "channels.update.new_contract_from_onchain", {}, "-32601"],
    ["unknown action", "channels.system", { action: "nope" }, "-32601"],
    ["no action", "channels.system", {}, "-32601"],
    ["no params at all", "channels.system", undefined, "-32601"],
    ["params missing", "channels.update.new", undefined, "-32601"],
    ["params null", "channels.update.new", null, "-32601"],
    ["params a list", "channels.update.new", [1], "-32601"],
    ["a parameter missing", "channels.update.new", { from: alice, to: bob }, "-32601"],
    ["a parameter missing, another bad", "channels.update.new", { from: 1, amount: "1" }, "-32601"],
    ["amount missing", "channels.deposit", {}, "-32601"],
    ["gas price missing", "channels.force_progress", call, "-32601"],
    ["accounts missing", "channels.get.balances", {}, "-32601"],
    ["params missing (state)", "channels.get.offchain_state", undefined, "-32601"],
    ["params missing (proof)", "channels.get.poi", undefined, "-32601"],
    ["params missing (history)", "channels.history.fetch", undefined, "-32601"],
    ["signing reply without params", "channels.update", undefined, "-32601"],
    ["empty signing reply", "channels.update", {}, "-32601"],
    ["signing reply of the older dialect", "channels.update", { tx }, "-32601"],

    ["amount text", "channels.update.new", { ...update, amount: "1" }, "3 1008"],
    ["amount 1.5", "channels.update.new", { ...update, amount: 1.5 }, "3 1008"],
    ["amount null", "channels.update.new", { ...update, amount: null }, "3 1008"],
    ["integers come first", "channels.update.new", { from: 1, to: 2, amount: "1", meta: 1 }, "3 1008"],
    ["versions", "channels.update.new_contract", { ...newContract, vm_version: "7" }, "3 1008"],
    [
      "round text",
      "channels.get.contract_call",
      { contract_id: contract, caller_id: alice, round: "1" },
      "3 1008"
    ],
    ["gas price text", "channels.force_progress", { ...forced, gas_price: "1" }, "3 1008"],

    ["one account for two", "channels.update.new", { ...update, from: "ak_x", to: 5 }, "3 1005"],
    ["account of another type", "channels.update.new", { ...update, from: contract }, "3 1005"],
    ["receiver", "channels.message", { to: "ak_x", info: 5, from: "ak_y" }, "3 1005"],
    ["an account of several", "channels.get.balances", { accounts: [alice, "ak_x"] }, "3 1005"],
    ["accounts no list", "channels.get.balances", { accounts: alice }, "3 1005"],
    ["account and contract", "channels.get.poi", { accounts: ["ak_x"], contracts: ["ct_x"] }, "3 1005 1006"],
    ["contract", "channels.get.poi", { contracts: [alice] }, "3 1006"],
    [
      "contract and account",
      "channels.get.contract_call",
      { contract_id: 1, caller_id: 1, round: 0 },
      "3 1006 1005"
    ],
    ["pubkey", "channels.get.contract", { pubkey: alice }, "3 1006"],
    ["call", "channels.update.call_contract", { ...call, contract_id: "ct_x", call_data: "" }, "3 1006 1009"],
    ["dry run", "channels.dry_run.call_contract", { ...call, call_data: "cb_x" }, "3 1009"],
    [
      "code and call data once",
      "channels.update.new_contract",
      { ...newContract, code: 1, call_data: 1 },
      "3 1009"
    ],
    ["forced call says account", "channels.force_progress", { ...forced, call_data: "cb_x" }, "3 1005"],
    [
      "forced call says it once",
      "channels.force_progress",
      { ...forced, contract_id: 1, call_data: 1 },
      "3 1005"
    ],
    ["transaction", "channels.update", { signed_tx: "tx_x" }, "3 1010"],
    ["transaction of another type", "channels.update", { signed_tx: alice }, "3 1010"],
    ["transaction no text", "channels.update", { signed_tx: 5 }, "3 1010"],

    ["negative transfer", "channels.update.new", { ...update, amount: -1 }, "3 1002"],
    ["negative deposit", "channels.deposit", { amount: -1 }, "3 1002"],
    ["negative withdrawal", "channels.withdraw", { amount: -1 }, "3 1002"],
    ["meta before the sign of the amount", "channels.withdraw", { amount: -1, meta: 1 }, "3 1014"],
    ["meta no list", "channels.update.new", { ...update, meta: "m" }, "3 1014"],
    ["meta null", "channels.update.new", { ...update, meta: null }, "3 1014"],
    ["meta holds a number", "channels.deposit", { amount: 1, meta: ["a", 1] }, "3 1014"],
    ["deposit: meta before block hash", "channels.deposit", { amount: 1, meta: 1, block_hash: 1 }, "3 1014"],
    [
      "transfer: block hash before meta",
      "channels.update.new",
      { ...update, meta: 1, block_hash: 1 },
      "-32603"
    ],
    ["block hash of another type", "channels.update.new", { ...update, block_hash: alice }, "-32603"],
    ["fee text", "channels.shutdown", { fee: "abc" }, "-32603"],
    ["fee null", "channels.shutdown", { fee: null }, "-32603"],
    ["fee negative", "channels.shutdown", { fee: -1 }, "-32603"],
    ["fee 1.0e3", "channels.shutdown", { fee: 1.5 }, "-32603"],
    ["nonce text", "channels.withdraw", { amount: 1, nonce: "x" }, "-32603"],
    ["sender", "channels.message", { to: bob, info: "", from: contract }, "-32603"],
    ["filter word", "channels.history.fetch", { type: ["report"] }, "-32603"],
    ["filter no list", "channels.history.fetch", { tag: "info" }, "-32603"],
    ["n no number", "channels.history.fetch", { n: [] }, "-32603"],
    ["message no text", "channels.message", { to: bob, info: { a: 1 } }, "-32000"],
    ["message too long", "channels.message", { to: bob, info: long }, "-32000"],
    ["message too long in UTF-8", "channels.message", { to: bob, info: "ä".repeat(32_501) }, "-32000"],
    ["message as long as may be", "channels.message", { to: bob, info: "ä".repeat(32_500) }, "SendMessage"],

    ["error code 0", "channels.update", { error: 0 }, "-32603"],
    ["error code 65536", "channels.update", { error: 65536 }, "-32603"],
    ["error code 65535", "channels.update", { error: 65535 }, "SigningError"],
    ["error code 1.5", "channels.update", { error: 1.5 }, "-32603"],
    ["error code null", "channels.update", { error: null }, "-32603"],
    ["error code object", "channels.update", { error: {} }, "-32603"],
    ["error code text", "channels.update", { error: "147" }, "SigningError"],
    ["error code other text", "channels.update", { error: "abc" }, "-32603"],
    ["the error wins", "channels.update", { error: 4, signed_tx: tx }, "SigningError"],
    ["a bad error wins too", "channels.update", { error: 0, signed_tx: tx }, "-32603"],
    ["a signing error under the misleading name", "channels.snapshot_solo_tx", { error: 4 }, "3 1018"],
    ["a signature under the misleading name", "channels.snapshot_solo_tx", { signed_tx: tx }, "swallowed"],
    ["a broken one under the misleading name", "channels.snapshot_solo_tx", { signed_tx: "tx_x" }, "3 1010"],

    ["a bare transaction", "channels.update", { signed_tx: bare }, "swallowed"],
    [
      "negative contract deposit",
      "channels.update.new_contract",
      { ...newContract, deposit: -1 },
      "swallowed"
    ],
    ["negative call", "channels.update.call_contract", { ...call, amount: -1 }, "swallowed"],
    ["negative dry run", "channels.dry_run.call_contract", { ...call, amount: -1 }, "swallowed"],
    ["negative forced call", "channels.force_progress", { ...forced, amount: -1 }, "swallowed"],
    ["negative gas", "channels.force_progress", { ...forced, gas: -1 }, "swallowed"],
    ["gas text", "channels.force_progress", { ...forced, gas: "1" }, "swallowed"],
    [
      "round 0",
      "channels.get.contract_call",
      { contract_id: contract, caller_id: alice, round: 0 },
      "swallowed"
    ],
    ["params a list (shutdown)", "channels.shutdown", [], "swallowed"],
    ["params null (settle)", "channels.settle", null, "swallowed"],
    ["params a number (proof)", "channels.get.poi", 5, "swallowed"],
    ["params ignored", "channels.leave", 5, "Leave"],
    [
      "params that look like our own",
      "channels.shutdown",
      { _tag: "Refusal", code: 1, data: [] },
      "Shutdown"
    ],
    ["transaction hash", "channels.assume_minimum_depth", { tx_hash: "th_x" }, "silent"],
    ["no transaction hash", "channels.assume_minimum_depth", {}, "-32601"]
  ]

  it("gives each its codes, in the node's order", () => {
    for (const [what, method, params, expected] of rows)
      expect([what, fate(method, params)]).toEqual([what, expected])
    console.log(`bad requests: ${rows.length} rows`)
  })

  it("drops frames that are no requests", () => {
    const request = `{"jsonrpc":"2.0","method":"channels.leave"}`
    const frames = [
      "this is not json",
      "",
      "42",
      `"abc"`,
      "null",
      "{}",
      `{"jsonrpc":"2.0","method":"channels.update.new"`,
      `{"method":"channels.leave","id":1}`,
      `{"jsonrpc":"1.0","method":"channels.leave"}`,
      `{"jsonrpc":2.0,"method":"channels.leave"}`,
      `{"jsonrpc":"2.0","id":1}`,
      `[${request},5]`,
      `[${request},[]]`,
      `[${request},{"jsonrpc":"2.0"}]`,
      "[".repeat(100_000)
    ]
    for (const text of frames) {
      const frame = codec.decodeClientFrame(text)
      expect([text.slice(0, 60), frame._tag]).toEqual([text.slice(0, 60), "Dropped"])
      if (frame._tag === "Dropped") expect(frame.reason).toBeInstanceOf(DecodeError)
    }
    // A method of any type is enough not to be dropped.
    expect(callsOf(`{"jsonrpc":"2.0","method":null}`).calls[0]?.request).toStrictEqual(reasons.unhandled)
  })

  it("keeps integers and ids of any size", () => {
    const huge = 2n ** 200n
    const frame = callsOf(
      `{"jsonrpc":"2.0","id":-576460752303422895,"method":"channels.deposit","params":{"amount":${huge}}}`
    )
    expect(frame.calls[0]?.id).toBe(-576460752303422895n)
    expect(frame.calls[0]?.request).toStrictEqual({ _tag: "Deposit", amount: huge, meta: [] })
  })
})

describe("answers", () => {
  const ok: Answer = { _tag: "NoReply" }
  const pong: Answer = { _tag: "Value", value: { _tag: "Pong" } }
  const refusal = make(3, [1005, 1006])

  const call = (method: string, id?: Json.Json): string =>
    Json.stringify({
      jsonrpc: "2.0",
      method: `channels.${method}`,
      params: { action: "ping" },
      ...(id !== undefined && { id })
    })

  const answer = (frames: string | ReadonlyArray<string>, answers: ReadonlyArray<Answer>): unknown => {
    const text = typeof frames === "string" ? frames : `[${frames.join(",")}]`
    const reply = codec.encodeAnswers(callsOf(text), answers, channel)
    return reply === undefined ? undefined : JSON.parse(reply)
  }

  const result = (id: unknown, value: unknown) => ({
    jsonrpc: "2.0",
    version: 1,
    channel_id: channel,
    id,
    result: value
  })
  const pongValue = { action: "system", tag: "pong" }
  const pongNotification = {
    jsonrpc: "2.0",
    version: 1,
    method: "channels.system.pong",
    params: { channel_id: channel, data: pongValue }
  }

  it("follow the reply rule", () => {
    expect(answer(call("leave"), [ok])).toBeUndefined()
    expect(answer(call("leave", 7), [ok])).toEqual(result(7, "ok"))
    expect(answer(call("leave", null), [ok])).toEqual(result(null, "ok"))
    expect(answer(call("leave", 7), [{ _tag: "Value", value: { _tag: "Ok" } }])).toEqual(result(7, "ok"))
    expect(answer(call("system"), [pong])).toEqual(pongNotification)
    expect(answer(call("system", 7), [pong])).toEqual(result(7, pongValue))
    expect(answer(call("leave"), [make(-32603)])).toEqual({
      jsonrpc: "2.0",
      version: 1,
      id: null,
      channel_id: channel,
      error: {
        code: -32603,
        message: "Internal error",
        request: { jsonrpc: "2.0", method: "channels.leave", params: { action: "ping" } }
      }
    })
    expect(answer(call("leave", "x"), [refusal])).toMatchObject({
      id: "x",
      error: {
        code: 3,
        message: "Rejected",
        data: [
          { code: 1005, message: "Broken encoding: account pubkey" },
          { code: 1006, message: "Broken encoding: contract pubkey" }
        ],
        request: { id: "x" }
      }
    })
  })

  it("of a batch are collected", () => {
    expect(answer([], [])).toBeUndefined()
    expect(answer([call("leave"), call("leave")], [ok, ok])).toBeUndefined()
    expect(answer([call("leave", 1), call("leave")], [ok, ok])).toEqual(result(1, "ok"))
    expect(answer([call("leave", 1), call("leave", 2)], [ok, ok])).toEqual([result(1, "ok"), result(2, "ok")])
    // One value: as an object, and no "ok" for the others.
    expect(answer([call("leave", 1), call("system", 2)], [ok, pong])).toEqual(result(2, pongValue))
    expect(answer([call("system", 1), call("system", 2)], [pong, pong])).toEqual([
      result(1, pongValue),
      result(2, pongValue)
    ])
    expect(answer([call("system"), call("system")], [pong, pong])).toEqual([
      pongNotification,
      pongNotification
    ])
    expect(
      answer([call("system"), call("nope", 5), call("leave", 6)], [pong, make(-32601), ok])
    ).toMatchObject([pongNotification, { id: 5, error: { code: -32601 } }])
  })

  it("are none when the node's handler broke while printing", () => {
    const broken = `{"jsonrpc":"2.0","id":1,"method":"channels.assume_minimum_depth","params":{"tx_hash":"th_x"}}`
    expect(answer(broken, [ok])).toBeUndefined()
    expect(answer([call("system", 2), broken], [pong, ok])).toBeUndefined()
    // A helpful node refuses it instead.
    expect(answer(broken, [make(-32603)])).toMatchObject({ id: 1, error: { code: -32603 } })
  })

  it("print the request again, its keys sorted", () => {
    const text = `{"params":{"b":1,"a":-0,"b":2},"jsonrpc":"2.0","id":${2n ** 70n},"method":"channels.nope"}`
    const reply = codec.encodeAnswers(callsOf(text), [make(-32601)], null)
    expect(reply).toBe(
      `{"channel_id":null,"error":{"code":-32601,"message":"Method not found","request":{"id":${2n ** 70n},"jsonrpc":"2.0","method":"channels.nope","params":{"a":0,"b":2}}},"id":${2n ** 70n},"jsonrpc":"2.0","version":1}`
    )
  })

  const codes = [...errorTexts.keys()].flatMap((code) => [
    [code],
    ...[...dataTexts.keys()].map((data) => [code, data])
  ])

  it("refuse with every code", () => {
    for (const [code, ...data] of codes) {
      if (code === undefined) continue
      const frame = callsOf(call("leave", 1n << 70n))
      const text = codec.encodeAnswers(frame, [make(code, data)], channel) ?? ""
      expect(Json.stringifySorted(Json.parseOrThrow(text))).toBe(text)
      expect(messagesOf(text)).toStrictEqual([
        {
          _tag: "Refused",
          channelId: channel,
          id: 1n << 70n,
          code,
          message: errorTexts.get(code),
          data: data.map((code) => ({ code, message: dataTexts.get(code) })),
          request: frame.calls[0]?.raw
        }
      ])
    }
    console.log(`errors: ${codes.length} combinations of codes`)
  })

  it("to an opening are refused before there is a request", () => {
    expect(codec.encodeOpenRefusal(reasons.missing_existing_fsm_id)).toBe(
      `{"channel_id":null,"error":{"code":3,"data":[{"code":2000,"message":"Missing field: existing_fsm_id"}],"message":"Rejected","request":{}},"id":null,"jsonrpc":"2.0","version":1}`
    )
  })

  for (const [tag, arbitrary] of Object.entries<FastCheck.Arbitrary<ReplyValue>>(Any.replyValues)) {
    it.prop(`a client reads what a node writes: ${tag}`, [arbitrary, Any.requestId], ([value, id]) => {
      if (id === undefined) return
      const frame = callsOf(codec.encodeRequest({ _tag: "GetOffChainState" }, id))
      const text = codec.encodeAnswers(frame, [{ _tag: "Value", value }], channel) ?? ""
      expect(Json.stringifySorted(Json.parseOrThrow(text))).toBe(text)
      expect(messagesOf(text)).toStrictEqual([{ _tag: "Replied", channelId: channel, id, value }])
    })
  }

  const asked: ReadonlyArray<readonly [Request["_tag"], ReplyValue["_tag"], string]> = [
    ["Ping", "Pong", "channels.system.pong"],
    ["CleanContractCalls", "CallsPruned", "channels.calls_pruned.reply"],
    ["GetBalances", "Balances", "channels.get.balances.reply"],
    ["GetPoi", "Poi", "channels.get.poi.reply"],
    ["GetOffChainState", "OffChainState", "channels.get.offchain_state.reply"],
    ["GetContractCall", "ContractCallResult", "channels.get.contract_call.reply"],
    ["DryRunContract", "ContractCallResult", "channels.dry_run.call_contract.reply"],
    ["GetContract", "Contract", "channels.get.contract.reply"],
    ["FetchHistory", "History", "channels.history.fetch.reply"]
  ]
  for (const [request, kind, method] of asked) {
    const arbitraries = [Any.requests[request], Any.replyValues[kind]] as const
    it.prop(`come as notifications without an id: ${request}`, [...arbitraries], ([request, value]) => {
      const frame = callsOf(codec.encodeRequest(request))
      const text = codec.encodeAnswers(frame, [{ _tag: "Value", value }], channel) ?? ""
      expect(JSON.parse(text)).toMatchObject({ method })
      expect(messagesOf(text)).toStrictEqual([{ _tag: "Replied", channelId: channel, value }])
    })
  }
})

describe("reports", () => {
  for (const [tag, arbitrary] of Object.entries(Any.reports)) {
    it.prop(
      `a client reads what a node writes: ${tag}`,
      [arbitrary, FastCheck.option(Any.channelId)],
      ([report, channelId]) => {
        const text = codec.encodeReport(report, channelId) ?? ""
        expect(Json.stringifySorted(Json.parseOrThrow(text))).toBe(text)
        expect(messagesOf(text)).toStrictEqual([{ _tag: "Reported", channelId, report }])
      }
    )
  }

  const read = (method: string, data: Json.Json): NodeMessage | undefined =>
    messagesOf(
      Json.stringify({ jsonrpc: "2.0", method, params: { channel_id: channel, data }, version: 2 })
    )[0]

  it("that are not known are kept whole", () => {
    const unknown: ReadonlyArray<readonly [string, Json.Json]> = [
      ["channels.news", { a: [1] }],
      ["channels.sign.slash", { signed_tx: "tx_", updates: [] }],
      ["channels.info", { event: "news", more: 1 }],
      ["channels.info", "died"],
      ["channels.on_chain_tx", { info: "news", tx: "" }],
      ["channels.error", { message: ["a"] }]
    ]
    for (const [method, data] of unknown)
      expect(read(method, data)).toStrictEqual({
        _tag: "Reported",
        channelId: channel,
        report: { _tag: "UnknownReport", method, data }
      })
  })

  it("may have the members of documents and older nodes", () => {
    expect(read("channels.on_chain_tx", { signed_tx: tx })).toMatchObject({
      report: { _tag: "OnChainTx", tx: signed }
    })
    expect(read("channels.conflict", { channel_id: channel, round: 3 })).toStrictEqual({
      _tag: "Reported",
      channelId: channel,
      report: { _tag: "Conflict", round: 3 }
    })
  })

  it("with broken parts fail with the place", () => {
    const broken: ReadonlyArray<readonly [string, Json.Json, string]> = [
      ["channels.update", {}, "state"],
      ["channels.leave", { state: "tx_x" }, "state"],
      ["channels.sign.update", { signed_tx: bare, updates: [] }, "signed_tx"],
      ["channels.sign.update", { signed_tx: tx, updates: 5 }, "updates"],
      ["channels.sign.update", { signed_tx: tx, updates: [{ op: "x" }] }, "updates.0.op"],
      ["channels.conflict", { round: -1 }, "round"],
      ["channels.info", { event: "fsm_up", fsm_id: "ba_x" }, "fsm_id"],
      ["channels.message", { message: { from: "x", to: alice, info: "" } }, "message.from"]
    ]
    for (const [method, data, place] of broken) {
      const error = Effect.runSync(
        Effect.flip(
          codec.decodeNodeFrame(
            Json.stringify({ jsonrpc: "2.0", method, params: { channel_id: null, data } })
          )
        )
      )
      expect([method, error.where.join(".")]).toEqual([method, place])
    }
  })

  it("do not show the fsm_id when they are printed", () => {
    const fsmId = ApiEncoding.encode("ba", new Uint8Array(32).fill(5))
    const message = read("channels.info", { event: "fsm_up", fsm_id: fsmId })
    expect(JSON.stringify(message)).not.toContain(fsmId)
    expect(String(message)).not.toContain(fsmId)
  })
})

describe("hostile frames", () => {
  const isTyped = (text: string): void => {
    const frame = codec.decodeClientFrame(text)
    if (frame._tag === "Calls") {
      const refused: ReadonlyArray<Answer> = frame.calls.map(({ request }) =>
        request._tag === "Refusal" ? request : { _tag: "NoReply" }
      )
      const reply = codec.encodeAnswers(frame, refused, null)
      if (reply !== undefined) expect(messagesOf(reply).length).toBeGreaterThan(0)
    }
    const exit = Effect.runSyncExit(codec.decodeNodeFrame(text))
    // Anything that is thrown is a defect, and no failure.
    if (Exit.isFailure(exit)) expect(exit.cause._tag).toBe("Fail")
  }

  it.prop("any JSON has a typed outcome", [Any.json], ([json]) => isTyped(Json.stringify(json)))

  it.prop("any text has a typed outcome", [FastCheck.fullUnicodeString()], ([text]) => isTyped(text))

  const frame = FastCheck.oneof(
    FastCheck.tuple(Any.request, Any.requestId).map(([request, id]) => codec.encodeRequest(request, id)),
    Any.report.map((report) => codec.encodeReport(report, channel) ?? ""),
    Any.replyValue.map(
      (value) =>
        codec.encodeAnswers(
          callsOf(codec.encodeRequest({ _tag: "Ping" }, 1)),
          [{ _tag: "Value", value }],
          channel
        ) ?? ""
    )
  )

  /** Replaces the n-th member or item, counted through the whole value. */
  const replaceNth = (json: Json.Json, nth: { left: number }, by: Json.Json): Json.Json => {
    if (nth.left-- === 0) return by
    if (Json.isArray(json)) return json.map((item) => replaceNth(item, nth, by))
    if (!Json.isObject(json)) return json
    return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, replaceNth(value, nth, by)]))
  }

  it.prop(
    "a frame with one part replaced has a typed outcome",
    [frame, FastCheck.nat({ max: 12 }), Any.json],
    ([text, left, by]) => isTyped(Json.stringify(replaceNth(Json.parseOrThrow(text), { left }, by)))
  )

  it.prop(
    "a frame with characters cut out has a typed outcome",
    [frame, FastCheck.nat(), FastCheck.nat({ max: 10 })],
    ([text, at, length]) => {
      const start = at % text.length
      isTyped(text.slice(0, start) + text.slice(start + length))
    }
  )
})

it.effect("the layer provides the codec", () =>
  Effect.gen(function* () {
    expect((yield* Codec).dialect).toBe("json-rpc-signed-tx")
  }).pipe(Effect.provide(layer))
)
