/**
 * The query string of the channel URL. One row per parameter: its name on the wire, its place in the parameters and
 * how its text is read.
 *
 * Specification: channel WebSocket API, opening parameters and refused openings.
 */
import * as Redacted from "effect/Redacted"
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import type { AccountAddress, ChannelId } from "../../encoding/ApiEncoding.js"
import * as ErrorCodes from "../ErrorCodes.js"
import type { FsmId } from "../NodeMessage.js"
import type {
  MinimumDepthStrategy,
  OpenParameters,
  OpenQuery,
  Protocol,
  ReconnectParameters,
  ReportClass,
  RequestedParameters,
  Role,
  TimerName
} from "../OpenParameters.js"

// A name without "=" has the value true, which no reader takes.
type Values = ReadonlyMap<string, string | true>

const bad = Symbol("bad")
type Bad = typeof bad

type Reader<A> = (text: string) => A | Bad

const integer: Reader<bigint> = (text) => {
  if (!/^[+-]?[0-9]+$/.test(text)) return bad
  return text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text.replace("+", ""))
}

const largest = BigInt(Number.MAX_SAFE_INTEGER)

const cut: Reader<number> = (text) => {
  const n = integer(text)
  if (n === bad) return bad
  return Number(n > largest ? largest : n < -largest ? -largest : n)
}

const safe: Reader<number> = (text) => {
  const n = integer(text)
  return n === bad || n > largest || n < -largest ? bad : Number(n)
}

const flag: Reader<boolean> = (text) => (text === "true" ? true : text === "false" ? false : bad)

const text: Reader<string> = (value) => value

const oneOf =
  <A extends string>(...values: ReadonlyArray<A>): Reader<A> =>
  (value) =>
    values.find((one) => one === value) ?? bad

const account: Reader<AccountAddress> = (value) => (ApiEncoding.is("ak", value) ? value : bad)

const channel: Reader<ChannelId> = (value) => (ApiEncoding.is("ch", value) ? value : bad)

const fsmId: Reader<FsmId> = (value) =>
  ApiEncoding.is("ba", value) && ApiEncoding.bytesOf(value).length === 32 ? Redacted.make(value) : bad

const accountOrAny: Reader<AccountAddress | "any"> = (value) => (value === "any" ? value : account(value))

const role = oneOf<Role>("initiator", "responder")

const take = <A>(values: Values, name: string, reader: Reader<A>): A | Bad | undefined => {
  const value = values.get(name)
  return value === undefined ? undefined : value === true ? bad : reader(value)
}

/** One parameter: its name on the wire and its reader. Writing is `String` for all of them. */
interface Row<A> {
  readonly name: string
  readonly read: Reader<A>
}

const row = <A>(name: string, read: Reader<A>): Row<A> => ({ name, read })

// The terms, which every opening must give.
const terms = {
  role: row("role", role),
  port: row("port", cut),
  pushAmount: row("push_amount", integer),
  initiatorId: row("initiator_id", accountOrAny),
  responderId: row("responder_id", account),
  lockPeriod: row("lock_period", safe),
  channelReserve: row("channel_reserve", integer),
  initiatorAmount: row("initiator_amount", integer),
  responderAmount: row("responder_amount", integer)
}

// What a node reads in openings and in reconnects: first these.
const early = {
  minimumDepth: row("minimum_depth", cut),
  minimumDepthStrategy: row("minimum_depth_strategy", oneOf<MinimumDepthStrategy>("txfee", "plain")),
  ttl: row("ttl", cut),
  fee: row("fee", integer),
  gasPrice: row("gas_price", integer),
  nonce: row("nonce", integer),
  msgForwarding: row("msg_forwarding", flag)
}

// And these after the terms, or after the fsm_id.
const late = {
  keepRunning: row("keep_running", flag),
  logKeep: row("log_keep", cut),
  slogan: row("slogan", text)
}

const timers: ReadonlyArray<TimerName> = [
  "idle",
  "funding_create",
  "funding_sign",
  "funding_lock",
  "sign",
  "accept",
  "initialized",
  "awaiting_open"
]

const reportClasses: ReadonlyArray<ReportClass> = [
  "info",
  "update",
  "leave",
  "conflict",
  "message",
  "error",
  "debug",
  "on_chain_tx",
  "min_depth"
]

const deltas = {
  notOlderThan: row("bh_delta_not_older_than", cut),
  notNewerThan: row("bh_delta_not_newer_than", cut),
  pick: row("bh_delta_pick", cut)
}

type Read<Rows> = { readonly [K in keyof Rows]: Rows[K] extends Row<infer A> ? A : never }

/** Reads every row that is given; `bad` if one cannot be read. */
const readGiven = <Rows extends Record<string, Row<unknown>>>(
  values: Values,
  rows: Rows
): Partial<Read<Rows>> | Bad => {
  const result: Record<string, unknown> = {}
  for (const [key, { name, read }] of Object.entries(rows)) {
    const value = take(values, name, read)
    if (value === bad) return bad
    if (value !== undefined) result[key] = value
  }
  return result as Partial<Read<Rows>>
}

const hasAll = <Rows extends Record<string, Row<unknown>>>(
  result: Partial<Read<Rows>>,
  rows: Rows
): result is Read<Rows> => Object.keys(rows).every((key) => Object.hasOwn(result, key))

const readNamed = <K extends string, A>(
  values: Values,
  prefix: string,
  names: ReadonlyArray<K>,
  read: Reader<A>
): Partial<Record<K, A>> | Bad => {
  const result: Partial<Record<K, A>> = {}
  for (const name of names) {
    const value = take(values, `${prefix}_${name}`, read)
    if (value === bad) return bad
    if (value !== undefined) result[name] = value
  }
  return result
}

const some = <A extends object>(record: A): A | undefined =>
  Object.keys(record).length === 0 ? undefined : record

type Options = Omit<OpenParameters, keyof Read<typeof terms> | "host">

const readLate = (values: Values): Options | Bad => {
  const plain = readGiven(values, late)
  const timeouts = readNamed(values, "timeout", timers, cut)
  const reports = readNamed(values, "report", reportClasses, flag)
  const delta = readGiven(values, deltas)
  if (plain === bad || timeouts === bad || reports === bad || delta === bad) return bad
  return {
    ...plain,
    ...(some(timeouts) && { timeouts }),
    ...(some(reports) && { reports }),
    // One that is missing makes the node forget the other two.
    ...(hasAll(delta, deltas) && { blockHashDelta: delta })
  }
}

// application/x-www-form-urlencoded, as the node's web server reads it. Undefined: it would not even upgrade.
const unescape = (value: string): string | undefined => {
  const spaced = value.replaceAll("+", " ")
  try {
    return decodeURIComponent(spaced)
  } catch {
    // Not UTF-8, or a stray "%".
    if (/%(?![0-9a-fA-F]{2})/.test(spaced)) return undefined
    return spaced.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16))
    )
  }
}

const split = (query: string): Values | undefined => {
  const values = new Map<string, string | true>()
  for (const part of query.split("&")) {
    if (part === "") continue
    const at = part.indexOf("=")
    const name = unescape(at < 0 ? part : part.slice(0, at))
    const value = at < 0 ? true : unescape(part.slice(at + 1))
    if (name === undefined || value === undefined) return undefined
    values.set(name, value)
  }
  return values
}

const closed = (reason: string): OpenQuery => ({ _tag: "Closed", reason })

const refused = (reason: ErrorCodes.Reason): OpenQuery => ({
  _tag: "Refused",
  refusal: ErrorCodes.reasons[reason]
})

/** The node's checks of amounts: 105 in each case, but it knows which. */
const badAmounts = (parameters: RequestedParameters): ErrorCodes.Reason | undefined => {
  const { channelReserve, initiatorAmount, pushAmount, responderAmount } = parameters
  if (channelReserve < 0n) return "channel_reserve_too_low"
  if (pushAmount < 0n) return "push_amount_too_low"
  const initiator = initiatorAmount - pushAmount >= channelReserve
  const responder = responderAmount + pushAmount >= channelReserve
  if (initiator && responder) return undefined
  return initiator
    ? "insufficient_responder_amount"
    : responder
      ? "insufficient_initiator_amount"
      : "insufficient_amounts"
}

const badAccounts = (
  { initiatorId, responderId }: RequestedParameters,
  accountExists: (id: AccountAddress) => boolean
): ErrorCodes.Reason | undefined => {
  if (initiatorId !== "any" && !accountExists(initiatorId)) return "initiator_not_found"
  return accountExists(responderId) ? undefined : "responder_not_found"
}

const checkOpen = (
  parameters: RequestedParameters,
  accountExists: (id: AccountAddress) => boolean
): OpenQuery => {
  const reason = badAmounts(parameters) ?? badAccounts(parameters, accountExists)
  if (reason !== undefined) return refused(reason)
  if (parameters.lockPeriod < 0) return refused("lock_period_too_low")
  // From here on the state machine itself refuses to start.
  if ((parameters.minimumDepth ?? 0) < 0) return closed("minimum_depth is negative")
  if (parameters.role === "responder" && (parameters.port < 0 || parameters.port > 65535))
    return closed("nobody can listen at this port")
  return { _tag: "Open", parameters }
}

const unreadable = "an optional parameter cannot be read"

const readOpen = (
  values: Values,
  who: Role,
  host: { readonly host?: string },
  first: Options,
  accountExists: (id: AccountAddress) => boolean
): OpenQuery => {
  const agreed = readGiven(values, terms)
  if (agreed === bad || !hasAll(agreed, terms))
    return closed("a parameter of the opening is missing or cannot be read")
  if (who === "initiator" && agreed.initiatorId === "any")
    return closed("only a responder may leave initiator_id open")
  const rest = readLate(values)
  if (rest === bad) return closed(unreadable)
  return checkOpen({ ...agreed, ...host, ...first, ...rest }, accountExists)
}

const readReconnect = (
  values: Values,
  who: Role,
  endpoint: { readonly host?: string; readonly port: number },
  channelKnown: (id: ChannelId, role: Role) => boolean
): OpenQuery => {
  const channelId = take(values, "existing_channel_id", channel)
  if (channelId === bad || channelId === undefined) return closed("existing_channel_id cannot be read")
  if (!channelKnown(channelId, who)) return closed("no such channel")
  const id = take(values, "existing_fsm_id", fsmId)
  if (id === undefined) return refused("missing_existing_fsm_id")
  if (id === bad) return refused("invalid_fsm_id")
  // Read, then replaced by those of the opening.
  if (readLate(values) === bad) return closed(unreadable)
  return { _tag: "Reconnect", role: who, channelId, fsmId: id, ...endpoint }
}

const protocols: ReadonlyArray<Protocol> = ["json-rpc", "legacy"]

export const protocolOf = (query: string): Protocol | undefined => {
  const named = split(query)?.get("protocol")
  return protocols.find((one) => one === named)
}

/** Before July 2018 the parties had other names. */
const withOldNames = (values: Values): Values => {
  const [initiator, responder] = [values.get("initiator"), values.get("responder")]
  return new Map([
    ...(initiator === undefined ? [] : [["initiator_id", initiator] as const]),
    ...(responder === undefined ? [] : [["responder_id", responder] as const]),
    ...values
  ])
}

export const read = (
  query: string,
  accountExists: (id: AccountAddress) => boolean = () => true,
  channelKnown: (id: ChannelId, role: Role) => boolean = () => true,
  spoken: ReadonlyArray<Protocol> = ["json-rpc"]
): OpenQuery => {
  const given = split(query)
  if (given === undefined) return closed("the query string is malformed")
  const protocol = given.get("protocol")
  if (protocol === undefined) return closed("protocol is missing")
  if (!spoken.some((one) => one === protocol)) return { _tag: "Crashed" }
  const values = protocol === "legacy" ? withOldNames(given) : given
  const who = take(values, "role", role)
  if (who === undefined || who === bad) return closed("role is missing or unknown")
  // A responder's host is not read.
  const host = who === "initiator" ? take(values, "host", text) : undefined
  if (host === bad || (who === "initiator" && host === undefined)) return closed("host is missing")
  const port = take(values, "port", cut)
  if (port === undefined || port === bad) return closed("port is missing or no integer")
  const first = readGiven(values, early)
  if (first === bad) return closed(unreadable)
  const place = host === undefined ? {} : { host }
  return values.has("existing_channel_id")
    ? readReconnect(values, who, { ...place, port }, channelKnown)
    : readOpen(values, who, place, first, accountExists)
}

type Pairs = Array<readonly [name: string, value: string | number | bigint | boolean]>

const pushRows = (
  pairs: Pairs,
  rows: Record<string, Row<unknown>>,
  record: { readonly [key: string]: unknown }
): void => {
  for (const [key, { name }] of Object.entries(rows)) {
    const value = record[key]
    if (value !== undefined) pairs.push([name, String(value)])
  }
}

const pushNamed = (
  pairs: Pairs,
  prefix: string,
  record: { readonly [name: string]: number | boolean | undefined }
): void => {
  for (const [name, value] of Object.entries(record)) {
    if (value !== undefined) pairs.push([`${prefix}_${name}`, value])
  }
}

const openPairs = (parameters: RequestedParameters): Pairs => {
  const pairs: Pairs = []
  pushRows(pairs, terms, { ...parameters })
  pushRows(pairs, early, { ...parameters })
  pushRows(pairs, late, { ...parameters })
  pushNamed(pairs, "timeout", parameters.timeouts ?? {})
  pushNamed(pairs, "report", parameters.reports ?? {})
  pushRows(pairs, deltas, { ...parameters.blockHashDelta })
  return pairs
}

const reconnectPairs = (parameters: ReconnectParameters): Pairs => [
  ["role", parameters.role],
  ["port", parameters.port],
  ["existing_channel_id", parameters.channelId],
  ["existing_fsm_id", Redacted.value(parameters.fsmId)]
]

// Half of a surrogate pair has no UTF-8.
const loneSurrogate = /[\ud800-\udfff]/gu

const escape = (value: string): string => encodeURIComponent(value.replace(loneSurrogate, "\ufffd"))

export const write = (
  parameters: OpenParameters | RequestedParameters | ReconnectParameters,
  protocol: Protocol = "json-rpc"
): string => {
  const pairs: Pairs = [["protocol", protocol]]
  if (parameters.role === "initiator") pairs.push(["host", parameters.host ?? "localhost"])
  pairs.push(...("channelId" in parameters ? reconnectPairs(parameters) : openPairs(parameters)))
  return pairs.map(([name, value]) => `${name}=${escape(String(value))}`).join("&")
}
