/**
 * What of the API is there: every method, report, event and code, with where it is written, read, handled by the node
 * and offered by the client. Whatever is not has its reason here.
 */
import * as Fs from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Json from "../../src/encoding/Json.js"
import * as ChannelFsm from "../../src/node/ChannelFsm.js"
import * as ErrorCodes from "../../src/protocol/ErrorCodes.js"
import { codec } from "../../src/protocol/JsonRpcSignedTx.js"
import * as JsonRpcTx from "../../src/protocol/JsonRpcTx.js"
import { infoEvents, onChainInfos, type Report } from "../../src/protocol/NodeMessage.js"
import type { Request } from "../../src/protocol/Request.js"
import { signTagRow, signTags, type SignTag } from "../../src/protocol/SignTag.js"
import * as Any from "../../src/testing/Arbitraries.js"
import { hasShared, sharedPath } from "../support/Shared.js"

// ------------------------------------------------------------------ the rooms

const source = new URL("../../src/", import.meta.url)

const filesBelow = (folder: string): ReadonlyArray<string> =>
  Fs.readdirSync(new URL(folder, source), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(`${folder}${entry.name}/`) : [`${folder}${entry.name}`]
  )

const textsOf = (room: string): ReadonlyMap<string, string> =>
  new Map(filesBelow(room).map((name) => [name, Fs.readFileSync(new URL(name, source), "utf8")]))

const rooms = {
  node: textsOf("node/"),
  client: textsOf("client/"),
  /** Reasons that the node passes on. */
  state: textsOf("state/")
}

/** The files of a room that hold a word: a tag, an event, a reason. */
const filesWith = (room: keyof typeof rooms, word: string): ReadonlyArray<string> =>
  [...rooms[room]]
    .filter(([, text]) => new RegExp(`["\`.]${word}["\`]|_tag: "${word}"`).test(text))
    .map(([name]) => name)

interface Row {
  readonly group: string
  readonly name: string
  readonly encoded: boolean
  readonly decoded: boolean
  /** A place, or nothing. */
  readonly node: string | undefined
  readonly client: string | undefined
}

const firstOf = (files: ReadonlyArray<string>): string | undefined => files[0]

// ------------------------------------------------------------------ why not

const contracts = "comes with the contracts of channels"
const onlyOlder = "older nodes only: see the dialects"

/** What is missing, by name and place. */
const reasons: Readonly<Record<string, { readonly node?: string; readonly client?: string }>> = {
  "channels.update.new_contract": { client: contracts },
  "channels.update.call_contract": { client: contracts },
  "channels.dry_run.call_contract": { client: contracts },
  "channels.force_progress": { client: contracts },
  "channels.force_progress_sign": { client: contracts },
  "channels.force_progress_tx": { client: contracts },
  "channels.sign.force_progress_tx": { client: contracts },
  "channels.get.contract_call": { client: contracts },
  "channels.get.contract": { client: contracts },
  "channels.clean_contract_calls": { client: contracts },
  "channels.calls_pruned.reply": { client: contracts },
  "channels.get.contract_call.reply": { client: contracts },
  "channels.dry_run.call_contract.reply": { client: contracts },
  "channels.get.contract.reply": { client: contracts },
  "channels.snapshot_solo_tx": { client: "a name that no node takes: the client says `snapshot_solo_sign`" },
  "channels.close_solo_tx": { client: "another name of `close_solo_sign`, which the client says" },
  "channels.slash_tx": { client: "another name of `slash_sign`, which the client says" },
  "channels.settle_tx": { client: "another name of `settle_sign`, which the client says" },
  "channels.debug": { node: "no node sends it, whatever the flags" },
  "info close_mutual": { node: "nodes until 2019: newer ones report `closing` and the transaction" },
  "info zombie_channel": {
    node: "a machine of a real node ends where a fork undoes the close; ours goes on with its channel"
  },
  "info deposit_update": { node: "nodes of July 2018 only" },
  "info withdraw_update": { node: "nodes of July 2018 only" },
  "code -32700": { node: "no node sends it: what is no JSON is dropped" },
  "code -32602": { node: "no node sends it" },
  "code 1": { node: "no node sends it" },
  "data 101": { node: "no node sends it" },
  "data 102": { node: "no node sends it" },
  "data 103": { node: "no node sends it" },
  "data 104": { node: onlyOlder },
  "data 106": { node: "no node sends it" },
  "data 107": { node: onlyOlder },
  "data 1015": { node: "no node sends it: a bad code is an internal error" },
  "data 1017": { node: "no node sends it" }
}

// ------------------------------------------------------------------ methods

const sample = <A>(arbitrary: FastCheck.Arbitrary<A>): A => {
  const [one] = FastCheck.sample(arbitrary, { numRuns: 1, seed: 5 })
  if (one === undefined) throw new Error("no sample")
  return one
}

const tx = (() => {
  const report = sample(Any.reports.StateUpdate)
  return JSON.parse(codec.encodeReport(report, null) ?? "").params.data.state as string
})()

const decodes = (method: string, params: Json.Json): Request["_tag"] | undefined => {
  const frame = codec.decodeClientFrame(Json.stringify({ jsonrpc: "2.0", method, params }))
  const request = frame._tag === "Calls" ? frame.calls[0]?.request : undefined
  return request === undefined || request._tag === "Refusal" || request._tag === "Swallowed"
    ? undefined
    : request._tag
}

const named: Partial<Record<Request["_tag"], string>> = { Ping: "AskPing", Leave: "Leave", Stop: "Stop" }

/** Where the node's machine takes a request. */
const handledBy = (tag: string): string | undefined =>
  firstOf(
    [...rooms.node]
      .filter(([, text]) =>
        new RegExp(`onCall\\("${tag}"|onProposal\\("${tag}"|request\\._tag === "${tag}"`).test(text)
      )
      .map(([file]) => file)
  )

const plainRows = (): ReadonlyArray<Row> => {
  const byMethod = new Map<string, Row>()
  for (const [tag, arbitrary] of Object.entries<FastCheck.Arbitrary<Request>>(Any.requests)) {
    if (tag === "SigningReply" || tag === "SigningError" || tag === "NewContractFromOnChain") continue
    const request = sample(arbitrary)
    const written = Json.parseOrThrow(codec.encodeRequest(request))
    const method = String(Json.field(written, "method"))
    const params = Json.field(written, "params") ?? null
    const isServed = !ChannelFsm.notServed.has(request._tag)
    const clientFiles = [
      ...filesWith("client", tag),
      ...filesWith("client", named[request._tag] ?? tag)
    ].filter(
      (name) =>
        !/RequestIds|internal\/operations/.test(name) || /Transfer|Deposit|Withdraw|Shutdown/.test(tag)
    )
    const before = byMethod.get(method)
    byMethod.set(method, {
      group: "method",
      name: method,
      encoded: true,
      decoded: decodes(method, params) === request._tag && (before?.decoded ?? true),
      node: isServed ? (handledBy(tag) ?? before?.node) : undefined,
      client: firstOf(clientFiles) ?? before?.client
    })
  }
  return [...byMethod.values()]
}

const signingRows = (): ReadonlyArray<Row> =>
  (Object.keys(signTags) as ReadonlyArray<SignTag>).flatMap((tag) => {
    const { alsoAccepted, reply } = signTagRow(tag)
    const isOffered = tag !== "force_progress_tx"
    const misnamed = tag === "snapshot_solo_tx" ? ["snapshot_solo_tx"] : []
    return [reply, ...alsoAccepted, ...misnamed].map(
      (name): Row => ({
        group: "method",
        name: `channels.${name}`,
        encoded: true,
        // The misleading name is taken, and leads nowhere.
        decoded: decodes(`channels.${name}`, { signed_tx: tx }) === "SigningReply" || misnamed.includes(name),
        node: "node/fsm/Checks.ts",
        client: isOffered && name === reply ? "client/internal/signing.ts" : undefined
      })
    )
  })

// ------------------------------------------------------------------ reports

const isRead = (report: Report): boolean => {
  const [message] = Effect.runSync(codec.decodeNodeFrame(codec.encodeReport(report, null) ?? ""))
  return message?._tag === "Reported" && message.report._tag === report._tag
}

const reportNames: { readonly [T in Exclude<Report["_tag"], "SignRequest" | "UnknownReport">]: string } = {
  Info: "channels.info",
  OnChainTx: "channels.on_chain_tx",
  StateUpdate: "channels.update (report)",
  LeaveReport: "channels.leave (report)",
  Conflict: "channels.conflict",
  MessageReport: "channels.message (report)",
  ErrorReport: "channels.error",
  DebugReport: "channels.debug"
}

const valueNames: Readonly<Record<string, { readonly value: string; readonly request: Request["_tag"] }>> = {
  "channels.system.pong": { value: "Pong", request: "Ping" },
  "channels.calls_pruned.reply": { value: "CallsPruned", request: "CleanContractCalls" },
  "channels.get.balances.reply": { value: "Balances", request: "GetBalances" },
  "channels.get.poi.reply": { value: "Poi", request: "GetPoi" },
  "channels.get.offchain_state.reply": { value: "OffChainState", request: "GetOffChainState" },
  "channels.get.contract_call.reply": { value: "ContractCallResult", request: "GetContractCall" },
  "channels.dry_run.call_contract.reply": { value: "ContractCallResult", request: "DryRunContract" },
  "channels.get.contract.reply": { value: "Contract", request: "GetContract" },
  "channels.history.fetch.reply": { value: "History", request: "FetchHistory" }
}

const reportRows = (): ReadonlyArray<Row> => [
  ...Object.entries(reportNames).map(
    ([tag, name]): Row => ({
      group: "notification",
      name,
      encoded: true,
      decoded: isRead(sample(Any.reports[tag as keyof typeof reportNames] as FastCheck.Arbitrary<Report>)),
      node: tag === "DebugReport" ? undefined : firstOf(filesWith("node", tag)),
      client: firstOf(filesWith("client", tag)) ?? "client/internal/reports.ts (as an event)"
    })
  ),
  ...(Object.keys(signTags) as ReadonlyArray<SignTag>).map(
    (tag): Row => ({
      group: "notification",
      name: `channels.sign.${tag}`,
      encoded: true,
      decoded: isRead({ ...sample(Any.reports.SignRequest), tag }),
      node: firstOf(filesWith("node", tag)),
      client: tag === "force_progress_tx" ? undefined : "client/internal/verify.ts"
    })
  ),
  ...Object.entries(valueNames).map(([name, { request, value }]): Row => {
    const call = { raw: null, request: sample(Any.requests[request] as FastCheck.Arbitrary<Request>) }
    const text = codec.encodeAnswers(
      { _tag: "Calls", batch: false, calls: [call] },
      [{ _tag: "Value", value: sample(Any.replyValues[value as "Pong"]) }],
      null
    )
    const [message] = Effect.runSync(codec.decodeNodeFrame(text ?? ""))
    return {
      group: "notification",
      name,
      encoded: Json.field(Json.parseOrThrow(text ?? "null"), "method") === name,
      decoded: message?._tag === "Replied" && message.value._tag === value,
      node: ChannelFsm.notServed.has(request) ? undefined : firstOf(filesWith("node", request)),
      client: firstOf(filesWith("client", request).filter((file) => !/RequestIds|operations/.test(file)))
    }
  })
]

const eventRows = (): ReadonlyArray<Row> => [
  ...infoEvents.map(
    (event): Row => ({
      group: "info event",
      name: `info ${event}`,
      encoded: true,
      decoded: isRead({ _tag: "Info", event }),
      node: reportedBy("info", event),
      client: firstOf(filesWith("client", event)) ?? "client/internal/reports.ts (as an event)"
    })
  ),
  ...onChainInfos.map(
    (info): Row => ({
      group: "on-chain info",
      name: `on_chain_tx ${info}`,
      encoded: true,
      decoded: isRead({ ...sample(Any.reports.OnChainTx), info }),
      node: reportedBy("onChainTx", info),
      client: firstOf(filesWith("client", info)) ?? "client/internal/reports.ts (as an event)"
    })
  )
]

/** Faults of an opening are reported by the name of the check that failed. */
const faults: ReadonlyArray<string> = ["bad_signature", "bad_state_hash", "not_create_tx"]

/** Where the node's machine makes a report of this name: directly, or from a table of operations. */
const reportedBy = (method: "info" | "onChainTx", name: string): string | undefined => {
  const direct = new RegExp(`\\.${method}\\([^()]*"${name}"|enterStatus\\("[a-z]+", "${name}"`)
  const inTable = new RegExp(`\\b(created|signed|locked|ownLocked): "${name}"`)
  return firstOf(
    [...rooms.node]
      .filter(([file, text]) =>
        faults.includes(name)
          ? file === "node/fsm/Checks.ts" && text.includes(`"${name}"`)
          : direct.test(text) || inTable.test(text)
      )
      .map(([file]) => file)
  )
}

const codeRows = (): ReadonlyArray<Row> => {
  const given = (
    is: (refusal: { readonly code: number; readonly data: ReadonlyArray<number> }) => boolean
  ) => {
    const words = Object.entries(ErrorCodes.reasons)
      .filter(([, refusal]) => is(refusal))
      .map(([reason]) => reason)
    const reading = Fs.readdirSync(new URL("protocol/internal/", source)).map((name): [string, string] => [
      `protocol/internal/${name}`,
      Fs.readFileSync(new URL(`protocol/internal/${name}`, source), "utf8")
    ])
    return firstOf(
      words.flatMap((word) => [
        ...filesWith("node", word),
        ...filesWith("state", word),
        ...reading
          .filter(([, text]) => text.includes(`reasons.${word}`) || text.includes(`"${word}"`))
          .map(([name]) => name)
      ])
    )
  }
  const rowOf = (group: string, code: number, node: string | undefined): Row => {
    const [top, data] = group === "code" ? [code, []] : [code === 1012 ? 2 : 3, [code]]
    const frame = { _tag: "Calls", batch: false, calls: [{ raw: {}, request: { _tag: "Leave" } }] } as const
    const text = codec.encodeAnswers(frame, [ErrorCodes.make(top, data)], null)
    const [message] = Effect.runSync(codec.decodeNodeFrame(text ?? ""))
    const isMine =
      message?._tag === "Refused" && message.code === top && message.data.every((one) => one.code === code)
    return {
      group: "error code",
      name: `${group} ${code}`,
      encoded: text !== undefined,
      decoded: isMine,
      node: reasons[`${group} ${code}`] === undefined ? node : undefined,
      client: "client/internal/calls.ts"
    }
  }
  return [
    ...ErrorCodes.topLevelCodes.map(({ code }) =>
      rowOf(
        "code",
        code,
        given((one) => one.code === code && (one.data.length === 0 || code > 0))
      )
    ),
    ...ErrorCodes.dataCodes.map(({ code }) =>
      rowOf(
        "data",
        code,
        given(({ data }) => data.includes(code))
      )
    )
  ]
}

const rows = (): ReadonlyArray<Row> => [
  ...plainRows(),
  ...signingRows(),
  ...reportRows(),
  ...eventRows(),
  ...codeRows()
]

/** Methods of the current generation in the list of what was recorded. */
const recordedMethods = (): ReadonlyArray<string> => {
  const text = Fs.readFileSync(sharedPath("transcripts", "METHODS.md"), "utf8")
  const section = text.slice(text.indexOf("## Client → node"), text.indexOf("## Node → client"))
  const names = [...section.matchAll(/^\| `(channels\.[a-z_.]+)/gm)].map(([, name]) => String(name))
  return [...new Set(names)]
}

describe("coverage of the API", () => {
  it("everything is there, or the row says why not", () => {
    const all = rows()
    const wrong: Array<string> = []
    const groups = new Map<string, { total: number; whole: number }>()
    for (const { client, decoded, encoded, group, name, node } of all) {
      expect([name, encoded, decoded]).toEqual([name, true, true])
      const why = reasons[name] ?? {}
      // Either it is there or there is a reason; a reason for what is there is out of date.
      for (const [place, where, reason] of [
        ["node", node, why.node],
        ["client", client, why.client]
      ] as const)
        if ((where === undefined) !== (reason !== undefined))
          wrong.push(`${name}: ${place}: ${where ?? "nowhere"}, ${reason ?? "no reason"}`)
      const count = groups.get(group) ?? { total: 0, whole: 0 }
      const isWhole = why.node === undefined && why.client === undefined
      groups.set(group, { total: count.total + 1, whole: count.whole + (isWhole ? 1 : 0) })
      console.log(
        `${group.padEnd(13)} ${name.padEnd(38)} node: ${node ?? `– (${why.node ?? ""})`}; client: ${client ?? `– (${why.client ?? ""})`}`
      )
    }
    for (const [group, { total, whole }] of groups)
      console.log(`${group}: ${total}, ${total - whole} with a reason`)
    expect(wrong).toEqual([])
    const names = new Set(all.map(({ name }) => name))
    for (const name of Object.keys(reasons)) expect([name, names.has(name)]).toEqual([name, true])
    const methods = all.filter(({ group }) => group === "method")
    expect(new Set(methods.map(({ name }) => name)).size).toBe(43)
  })

  it.skipIf(!hasShared)("every recorded method is in the table", () => {
    const names = new Set(rows().map(({ name }) => name))
    const recorded = recordedMethods()
    expect(recorded.filter((name) => !names.has(name))).toEqual([])
    console.log(`${recorded.length} recorded methods`)
  })

  it("the one method that only older nodes have", () => {
    const request = sample(Any.requests.NewContractFromOnChain)
    const frame = JsonRpcTx.codec.decodeClientFrame(JsonRpcTx.codec.encodeRequest(request))
    expect(frame).toMatchObject({ calls: [{ request: { _tag: "NewContractFromOnChain" } }] })
    expect(ChannelFsm.notServed.has("NewContractFromOnChain")).toBe(true)
    expect(ApiEncoding.is("ct", request.contractId)).toBe(true)
  })
})
