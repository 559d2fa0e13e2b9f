/** What a recording tells of the world it was made in: accounts and their nonces, the protocol, what went before. */
import * as SignedTx from "../../../chain/SignedTx.js"
import * as Transaction from "../../../chain/Transaction.js"
import * as Protocol from "../../../chain/Protocol.js"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import * as Json from "../../../encoding/Json.js"
import type { Role } from "../../../protocol/OpenParameters.js"
import { decoded } from "./Bodies.js"
import * as Query from "./query.js"
import type { Came, Open, Recording, Sent } from "./Recording.js"

type Address = ApiEncoding.AccountAddress

/** A channel that was there before the recording began, as far as the recording tells. */
export interface Before {
  readonly initiatorId: Address
  readonly responderId: Address
  readonly initiatorAmount: bigint
  readonly responderAmount: bigint
  /** The round it is in. */
  readonly round: number
}

export interface Scene {
  /** Accounts that are on chain: what each puts into channels, and the nonce that it had last used. */
  readonly accounts: ReadonlyArray<{
    readonly address: Address
    readonly need: bigint
    readonly nonce: bigint
  }>
  /** Accounts that parties have and that are not on chain. */
  readonly strangers: ReadonlyArray<Address>
  readonly before: Before | undefined
  readonly protocol: number
}

const isAddress = (json: Json.Json | undefined): json is Address => ApiEncoding.is("ak", json)

const at = (json: Json.Json | undefined, ...keys: ReadonlyArray<string>): Json.Json | undefined =>
  keys.reduce(Json.field, json)

export const opens = ({ lines }: Recording): ReadonlyArray<Open> =>
  lines.filter((line) => line._tag === "Open")

const parametersOf = ({ query }: Open): ReadonlyMap<string, string> => Query.parametersOf(query)

const frames = (recording: Recording): ReadonlyArray<Came | Sent> =>
  recording.lines.filter((line): line is Came | Sent => line._tag === "Came" || line._tag === "Sent")

/** The transactions in the frames of the node, in order, with the party they were sent to. */
export const transactions = (
  recording: Recording
): ReadonlyArray<{
  readonly seq: number
  readonly who: Role
  readonly signed: SignedTx.SignedTx
  readonly asked: boolean
}> =>
  recording.lines.flatMap((line) => {
    if (line._tag !== "Came") return []
    const data = at(line.json, "params", "data")
    return ["signed_tx", "tx", "state"].flatMap((key) => {
      const text = at(data, key)
      const signed = typeof text === "string" ? decoded(text) : undefined
      return signed === undefined
        ? []
        : [{ seq: line.seq, who: line.who, signed, asked: key === "signed_tx" }]
    })
  })

/** Whether an account was on chain: openings that name it were refused for it, or not. */
const isStranger = (recording: Recording, address: Address): boolean => {
  let refused = false
  for (const open of opens(recording)) {
    const parameters = parametersOf(open)
    if (parameters.get("initiator_id") !== address && parameters.get("responder_id") !== address) continue
    const first = recording.lines.find(
      (line): line is Came => line._tag === "Came" && line.socket === open.socket
    )
    const data = at(first?.json, "error", "data")
    const code = Json.isArray(data) ? at(data[0], "code") : undefined
    if (code === 1011) refused = true
    else if (first !== undefined && code === undefined) return false
  }
  return refused
}

const explicitNonces = (recording: Recording): ReadonlySet<bigint> => {
  const found = new Set<bigint>()
  const add = (value: bigint | undefined) => value !== undefined && found.add(value)
  for (const open of opens(recording)) {
    const text = parametersOf(open).get("nonce")
    if (text !== undefined && /^\d+$/.test(text)) add(BigInt(text))
  }
  for (const line of frames(recording))
    if (line._tag === "Sent") add(Json.toBigInt(at(line.json, "params", "nonce")))
  return found
}

/** The nonce that each account had last used when its first transaction was made. */
const noncesBefore = (recording: Recording): ReadonlyMap<Address, bigint> => {
  const explicit = explicitNonces(recording)
  const found = new Map<Address, bigint>()
  for (const { signed } of transactions(recording)) {
    const { tx } = SignedTx.innermost(signed)
    const [origin, nonce] = [Transaction.origin(tx), Transaction.nonce(tx)]
    if (origin === undefined || nonce === undefined || nonce === 0n || explicit.has(nonce)) continue
    const known = found.get(origin)
    if (known === undefined || nonce - 1n < known) found.set(origin, nonce - 1n)
  }
  return found
}

/** Who made a contract or calls one. */
const callerIn = (line: Came): Json.Json | undefined => {
  const updates = at(line.json, "params", "data", "updates")
  return Json.isArray(updates) ? (at(updates[0], "owner") ?? at(updates[0], "caller_id")) : undefined
}

/**
 * Who is who, where no opening says it: clients send from themselves, and to the other, and make and call contracts
 * themselves.
 */
const addressesIn = (recording: Recording): Partial<Record<Role, Address>> => {
  const found: { initiator?: Address; responder?: Address } = {}
  const know = (role: Role, json: Json.Json | undefined) => {
    if (isAddress(json)) found[role] ??= json
  }
  for (const line of frames(recording)) {
    const other: Role = line.who === "initiator" ? "responder" : "initiator"
    if (line._tag === "Sent") {
      if (at(line.json, "method") === "channels.message") know(other, at(line.json, "params", "to"))
      continue
    }
    const signed = decoded(String(at(line.json, "params", "data", "signed_tx")))
    const method = at(line.json, "method")
    if (signed === undefined || typeof method !== "string") continue
    if (method === "channels.sign.update") know(line.who, callerIn(line))
    if (method === "channels.sign.update_ack") know(other, callerIn(line))
    if (!method.endsWith("_ack")) know(line.who, Transaction.origin(signed.tx))
  }
  return found
}

/** The two addresses that transfers name, where one of them is known or may be either. */
const completed = (
  recording: Recording,
  found: Partial<Record<Role, Address>>
): { readonly initiator: Address; readonly responder: Address } | undefined => {
  const named: Array<Address> = []
  for (const line of frames(recording)) {
    const params = at(line.json, "params")
    for (const json of [at(params, "from"), at(params, "to")]) if (isAddress(json)) named.push(json)
  }
  // Parties begin with transfers from themselves.
  const first = frames(recording).find(
    (line) => line._tag === "Sent" && at(line.json, "method") === "channels.update.new"
  )
  let { initiator, responder } = found
  if (initiator === undefined && responder === undefined && first !== undefined) {
    const [from, to] = [at(first.json, "params", "from"), at(first.json, "params", "to")]
    if (isAddress(from) && isAddress(to))
      [initiator, responder] = first.who === "initiator" ? [from, to] : [to, from]
  }
  initiator ??= named.find((each) => each !== responder)
  responder ??= named.find((each) => each !== initiator)
  return initiator === undefined || responder === undefined ? undefined : { initiator, responder }
}

const roundOf = (recording: Recording): number => {
  for (const line of recording.lines) {
    if (line._tag !== "Came") continue
    const data = at(line.json, "params", "data")
    const round = at(data, "round")
    if (typeof round === "number") return round
    const text = at(data, "signed_tx") ?? at(data, "state")
    const tx = typeof text === "string" ? decoded(text)?.tx : undefined
    if (tx !== undefined && "round" in tx)
      return at(data, "signed_tx") === undefined ? tx.round : tx.round - 1
  }
  return 1
}

const balancesIn = (recording: Recording): ReadonlyMap<string, bigint> => {
  const found = new Map<string, bigint>()
  for (const line of recording.lines) {
    const method = line._tag === "Came" ? at(line.json, "method") : undefined
    if (method === "channels.update" || method === "channels.on_chain_tx") break
    const result = line._tag === "Came" ? at(line.json, "result") : undefined
    if (!Json.isArray(result)) continue
    for (const item of result) {
      const [account, balance] = [at(item, "account"), Json.toBigInt(at(item, "balance"))]
      if (typeof account === "string" && balance !== undefined) found.set(account, balance)
    }
    break
  }
  return found
}

/** What the test suite opened its channels with, from which many recordings are. */
const usual = { initiator: 69_999_999_999_999n, responder: 40_000_000_000_001n }

const beforeOf = (recording: Recording): Before | undefined => {
  if (recording.inherited.size === 0) return undefined
  const parties = completed(recording, addressesIn(recording))
  if (parties === undefined) return undefined
  const balances = balancesIn(recording)
  return {
    initiatorId: parties.initiator,
    responderId: parties.responder,
    initiatorAmount: balances.get(parties.initiator) ?? usual.initiator,
    responderAmount: balances.get(parties.responder) ?? usual.responder,
    round: roundOf(recording)
  }
}

const createVersion = (recording: Recording): number | undefined => {
  for (const { signed } of transactions(recording)) {
    const { tx } = SignedTx.innermost(signed)
    if (tx._tag === "ChannelCreateTx") return tx.version
  }
  return undefined
}

/** The machines of the contracts that were made. */
const machines = (recording: Recording): ReadonlyArray<number> =>
  frames(recording).flatMap((line) => {
    const updates = line._tag === "Came" ? at(line.json, "params", "data", "updates") : undefined
    const vm = Json.isArray(updates) ? at(updates[0], "vm_version") : undefined
    return vm === undefined ? [] : [Number(vm)]
  })

const fate2 = 7

/** What the version of the create transaction tells or, where none was recorded, the newest machine of a contract. */
const protocolOf = (recording: Recording): number => {
  const version = createVersion(recording)
  if (version === 1) return Protocol.lima
  return version === undefined && Math.max(...machines(recording)) === fate2 ? Protocol.iris : Protocol.latest
}

const parties = (recording: Recording): ReadonlyArray<Address> => {
  const found = new Set<Address>()
  for (const open of opens(recording))
    for (const key of ["initiator_id", "responder_id"]) {
      const text = parametersOf(open).get(key)
      if (isAddress(text)) found.add(text)
    }
  return [...found]
}

/** One AE. */
const enoughForFees = 10n ** 18n

/** What an account puts into channels, with fees. Openings that name more than anybody has come to nothing. */
const stakeOf = (recording: Recording, before: Before | undefined, address: Address): bigint => {
  let stake = enoughForFees
  for (const role of ["initiator", "responder"] as const) {
    if (before?.[`${role}Id`] === address) stake += before[`${role}Amount`]
    for (const open of opens(recording)) {
      const parameters = parametersOf(open)
      const amount = parameters.get(`${role}_amount`) ?? ""
      if (open.who === role && parameters.get(`${role}_id`) === address && /^\d{1,20}$/.test(amount))
        stake += BigInt(amount)
    }
  }
  for (const line of recording.lines)
    if (line._tag === "Sent" && at(line.json, "method") === "channels.deposit")
      stake += Json.toBigInt(at(line.json, "params", "amount")) ?? 0n
  return stake
}

export const sceneOf = (recording: Recording): Scene => {
  const before = beforeOf(recording)
  const nonces = noncesBefore(recording)
  const all = [
    ...new Set([
      ...parties(recording),
      ...(before === undefined ? [] : [before.initiatorId, before.responderId])
    ])
  ]
  const strangers = all.filter((address) => isStranger(recording, address))
  return {
    before,
    strangers,
    accounts: all
      .filter((address) => !strangers.includes(address))
      .map((address) => {
        // Opening the channel that was there before takes one more of the initiator's.
        const taken = before?.initiatorId === address ? 1n : 0n
        const last = nonces.get(address) ?? taken
        return { address, need: stakeOf(recording, before, address), nonce: last > taken ? last - taken : 0n }
      }),
    protocol: protocolOf(recording)
  }
}
