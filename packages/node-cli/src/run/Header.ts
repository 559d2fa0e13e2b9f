/**
 * The head of a script: who takes part, on what terms, and on which node.
 *
 * @since 0.1.0
 */
import type { AccountAddress } from "@aechannel/core/encoding/ApiEncoding"
import type { Role, TimerName } from "@aechannel/core/protocol/OpenParameters"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Dialect from "../Dialect.js"
import * as Values from "./Values.js"
import type { Issue } from "./Values.js"

const { maybe } = Values

const timers = [
  "idle",
  "funding_create",
  "funding_sign",
  "funding_lock",
  "sign",
  "accept",
  "initialized",
  "awaiting_open"
] as const satisfies ReadonlyArray<TimerName>

/**
 * Terms and settings of an opening, all optional: in the script's `terms`, a party's `terms` and the `open` step; the
 * later ones win.
 *
 * @since 0.1.0
 * @category schemas
 */
export const termFields = {
  reserve: maybe(Values.Amount),
  push: maybe(Values.Amount),
  lockPeriod: maybe(Values.whole(0)),
  host: maybe(Values.Text),
  port: maybe(Values.whole(0, 65_535)),
  minimumDepth: maybe(Values.whole(0)),
  minimumDepthStrategy: maybe(Values.choice(["txfee", "plain"])),
  ttl: maybe(Values.whole(0)),
  fee: maybe(Values.Amount),
  gasPrice: maybe(Values.Amount),
  nonce: maybe(Values.Amount),
  maximumFee: maybe(Values.Amount),
  requestTimeout: maybe(Values.Millis),
  chainTimeout: maybe(Values.Millis),
  autoSlash: maybe(Values.Flag),
  reconnect: maybe(Values.Millis),
  msgForwarding: maybe(Values.Flag),
  keepRunning: maybe(Values.Flag),
  timeouts: maybe(
    Schema.Struct({
      idle: maybe(Values.Millis),
      funding_create: maybe(Values.Millis),
      funding_sign: maybe(Values.Millis),
      funding_lock: maybe(Values.Millis),
      sign: maybe(Values.Millis),
      accept: maybe(Values.Millis),
      initialized: maybe(Values.Millis),
      awaiting_open: maybe(Values.Millis)
    } satisfies Record<(typeof timers)[number], unknown>)
  )
}

/** Of these, what one who comes back can say: the rest is known. @since 0.1.0 @category schemas */
export const resumeFields = {
  host: termFields.host,
  port: termFields.port,
  ttl: termFields.ttl,
  maximumFee: termFields.maximumFee,
  requestTimeout: termFields.requestTimeout,
  chainTimeout: termFields.chainTimeout,
  autoSlash: termFields.autoSlash,
  reconnect: termFields.reconnect
}

const Terms = Schema.Struct(termFields)

/** @since 0.1.0 @category models */
export type Terms = typeof Terms.Type

/** Later terms over earlier ones; timers one by one. @since 0.1.0 @category combinators */
export const merge = (...all: ReadonlyArray<Terms | undefined>): Terms =>
  all.reduce<Terms>(
    (merged, next) => ({
      ...merged,
      ...next,
      ...(merged.timeouts === undefined && next?.timeouts === undefined
        ? {}
        : { timeouts: { ...merged.timeouts, ...next?.timeouts } })
    }),
    {}
  )

/** Where a party's key comes from; the script itself never holds one. @since 0.1.0 @category models */
export type KeySource = "generated" | "file" | { readonly env: string }

const Key = Values.leaf("generated, file or { env: NAME }", (value): KeySource | undefined => {
  if (value === "generated" || value === "file") return value
  const env = Values.valueAt(value, ["env"])
  return typeof value === "object" &&
    value !== null &&
    Object.keys(value).length === 1 &&
    typeof env === "string"
    ? { env }
    : undefined
})

const PartyFields = Schema.Struct({
  role: Values.choice(["initiator", "responder"]),
  deposit: Values.Amount,
  funds: maybe(Values.Amount),
  key: maybe(Key),
  address: maybe(Values.Address),
  remote: maybe(Values.Yes),
  terms: maybe(Terms)
})

const Node = Schema.Struct({
  dialect: maybe(Values.choice(Dialect.names)),
  networkId: maybe(Values.Text),
  protocol: maybe(Values.whole(1, 6)),
  minimumGasPrice: maybe(Values.Amount),
  mining: maybe(
    Schema.Struct({
      automatic: maybe(Values.Flag),
      keyBlocksAfter: maybe(Values.whole(0, 10_000)),
      interval: maybe(Values.Millis)
    })
  ),
  acceptDelay: maybe(Values.Millis),
  closeDelay: maybe(Values.Millis),
  helpfulErrors: maybe(Values.Flag)
})

/** The node's part of the head. @since 0.1.0 @category models */
export type NodeHeader = typeof Node.Type

/** Where the clients of the parties keep their memory. @since 0.1.0 @category models */
export type StoreHeader = "memory" | { readonly directory: string }

const Store = Values.leaf("memory or { directory: PATH }", (value): StoreHeader | undefined => {
  if (value === "memory") return value
  const directory = Values.valueAt(value, ["directory"])
  return Values.isObject(value) &&
    Object.keys(value).length === 1 &&
    typeof directory === "string" &&
    directory !== ""
    ? { directory }
    : undefined
})

const HeaderFields = Schema.Struct({
  title: maybe(Values.Text),
  node: maybe(Node),
  store: maybe(Store),
  parties: Schema.Record({ key: Schema.String, value: PartyFields }),
  terms: maybe(Terms),
  steps: maybe(Schema.Unknown)
})

/**
 * A party as the script describes it. `remote`: somebody else drives it; we only know its address.
 *
 * @since 0.1.0
 * @category models
 */
export interface PartyHeader {
  readonly name: string
  readonly role: Role
  /** Aettos it puts into the channel. */
  readonly deposit: bigint
  /** Aettos it has on the embedded node's chain. */
  readonly funds: bigint
  /** Where its key comes from; absent: from the key file if it is there, else made up. */
  readonly key: KeySource | undefined
  readonly address: AccountAddress | undefined
  readonly remote: boolean
  readonly terms: Terms | undefined
}

/** @since 0.1.0 @category models */
export interface Header {
  readonly title: string | undefined
  readonly node: NodeHeader
  readonly store: StoreHeader
  readonly parties: ReadonlyArray<PartyHeader>
  readonly terms: Terms
}

/** Names that variables use. */
const reserved = new Set(["channelId", "round", "networkId", "height", "keyBlock"])

const defaultFunds = 100n * 10n ** 18n

const checkParties = (parties: ReadonlyArray<PartyHeader>): ReadonlyArray<Issue> => {
  const issues: Array<Issue> = []
  const at = (...path: ReadonlyArray<string>) => ["parties", ...path]
  for (const { name, address, key, remote } of parties) {
    if (!/^[A-Za-z][\w-]{0,31}$/.test(name) || reserved.has(name))
      issues.push({
        path: at(name),
        what: "a party's name is letters, digits, _ and -, and no built-in variable"
      })
    if (remote && address === undefined)
      issues.push({ path: at(name), what: "who is driven by somebody else needs an address" })
    if (remote && key !== undefined)
      issues.push({ path: at(name, "key"), what: "is not known here: somebody else drives this party" })
  }
  for (const role of ["initiator", "responder"] as const) {
    const count = parties.filter((party) => party.role === role).length
    if (count !== 1)
      issues.push({ path: at(), what: `expected one ${role}; came ${count === 0 ? "none" : count}` })
  }
  if (parties.every(({ remote }) => remote))
    issues.push({ path: at(), what: "expected a party that this script drives; all are remote" })
  return issues
}

/**
 * Whether a document is a script's head and no step.
 *
 * @since 0.1.0
 * @category inspection
 */
export const isHeader = (raw: unknown): boolean =>
  typeof raw === "object" && raw !== null && (Object.hasOwn(raw, "parties") || Object.hasOwn(raw, "steps"))

/**
 * Reads the head of a script.
 *
 * @since 0.1.0
 * @category decoding
 */
export const read = (raw: unknown): Either.Either<Header, ReadonlyArray<Issue>> =>
  Either.flatMap(
    Values.read(HeaderFields, raw),
    ({ title, node = {}, store = "memory", parties, terms = {} }) => {
      const all = Object.entries(parties).map(
        ([name, { role, deposit, funds = defaultFunds, key, address, remote, terms: own }]): PartyHeader => ({
          name,
          role,
          deposit,
          funds,
          key,
          address,
          remote: remote === true,
          terms: own
        })
      )
      const issues = checkParties(all)
      return issues.length === 0
        ? Either.right({ title, node, store, parties: all, terms })
        : Either.left(issues)
    }
  )
