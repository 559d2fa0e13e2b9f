/**
 * A frame of the node against the recorded one: kind, method, event, codes, keys, types and every determined value must
 * be equal. Ids may be others, as long as the same one always stands for the same; transactions are compared field by
 * field, proofs and trees by what they hold.
 */
import * as Account from "../../../chain/Account.js"
import * as CallObject from "../../../chain/CallObject.js"
import * as Ids from "../../../chain/Ids.js"
import * as SignedTx from "../../../chain/SignedTx.js"
import * as Transaction from "../../../chain/Transaction.js"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import * as Bytes from "../../../encoding/Bytes.js"
import * as Json from "../../../encoding/Json.js"
import * as Poi from "../../../state/Poi.js"
import * as Trees from "../../../state/Trees.js"
import * as Trie from "../../../state/Trie.js"
import * as Update from "../../../state/Update.js"
import { attempt, type Bodies, decoded, same } from "./Bodies.js"
import { idOf, type Names, type Pair } from "./Names.js"
import * as Variants from "./Variants.js"

/** One difference between the frame that was recorded and the one that came. */
export interface Difference {
  /** Where in the frame; empty for the whole. */
  readonly path: string
  readonly recorded: string
  readonly actual: string
}

export interface Compared {
  readonly differences: ReadonlyArray<Difference>
  /** Accepted variants that were met. */
  readonly accepted: ReadonlyArray<Variants.Name>
  /** What the two chains told contracts, where it differs. */
  readonly facts: ReadonlyArray<Variants.Fact>
  /** Takes over what the comparison taught about ids and transactions. */
  readonly learn: () => void
}

const shown = (value: unknown): string => {
  if (value === undefined) return "nothing"
  if (value instanceof Uint8Array) return value.length === 0 ? "nothing" : `0x${Bytes.toHex(value)}`
  if (typeof value === "bigint") return String(value)
  if (typeof value === "string") return value.length > 120 ? `“${value.slice(0, 117)}…”` : `“${value}”`
  const text = Json.stringify(value as Json.Json)
  return text.length > 200 ? `${text.slice(0, 197)}…` : text
}

/** What can be known of a state's accounts. */
const accountsOf = (trees: Trees.Trees): ReadonlyArray<readonly [string, Account.Account]> =>
  [...Trie.entries(trees.accounts)].map(
    ([key, value]) => [Bytes.toHex(key), Account.decodeOrThrow(value)] as const
  )

class Walk {
  readonly differences: Array<Difference> = []
  readonly accepted: Array<Variants.Name> = []
  readonly facts: Array<Variants.Fact> = []
  readonly pairs: Array<Pair> = []
  readonly bodies: Array<readonly [SignedTx.SignedTx, SignedTx.SignedTx]> = []
  /** The recorded object that is being compared. */
  private around: Json.Json = null

  constructor(
    private readonly frame: Json.Json,
    private readonly names: Names,
    private readonly known: Bodies,
    private readonly nonceOffset: (account: string) => bigint,
    private readonly protocol: number
  ) {}

  private differ(path: string, recorded: unknown, actual: unknown): void {
    this.differences.push({ path, recorded: shown(recorded), actual: shown(actual) })
  }

  /** A difference, unless it is one that is accepted. */
  private deviate(path: string, recorded: Json.Json | undefined, actual: Json.Json | undefined): void {
    const { around, frame, protocol } = this
    const deviation = { path, recorded, actual, frame, around, protocol }
    const name = Variants.valueNames.find((each) => Variants.values[each].accepts(deviation))
    if (name === undefined) return this.differ(path, recorded, actual)
    this.accepted.push(name)
    if (name === "facts of the chain") this.facts.push(...Variants.factsIn(deviation))
  }

  walk(path: string, recorded: Json.Json, actual: Json.Json): void {
    if (typeof recorded === "string" && typeof actual === "string") return this.text(path, recorded, actual)
    if (Json.isArray(recorded) && Json.isArray(actual)) {
      if (recorded.length !== actual.length)
        return this.differ(path, `${recorded.length} entries`, `${actual.length} entries`)
      recorded.forEach((item, index) => this.walk(`${path}[${index}]`, item, actual[index] ?? null))
      return
    }
    if (Json.isObject(recorded) && Json.isObject(actual)) {
      const here = this.here(recorded)
      const outside = this.around
      this.around = here
      for (const key of [...new Set([...Object.keys(here), ...Object.keys(actual)])].sort()) {
        const [a, b] = [here[key], actual[key]]
        const below = path === "" ? key : `${path}.${key}`
        if (a === undefined || b === undefined) this.deviate(below, a, b)
        else this.walk(below, a, b)
      }
      this.around = outside
      return
    }
    if (/\.topics\[\d+\]$/.test(path)) return this.topic(path, recorded, actual)
    if (Json.stringify(recorded) !== Json.stringify(actual)) this.deviate(path, recorded, actual)
  }

  /** A contract's store is an object with keys that may hold ids. */
  private here(recorded: Json.JsonObject): Json.JsonObject {
    return Object.keys(recorded).some((key) => key.startsWith("ck_"))
      ? Object.fromEntries(Object.entries(recorded).map(([key, value]) => [this.names.text(key), value]))
      : recorded
  }

  /** A topic is a number, which may be an id. */
  private topic(path: string, recorded: Json.Json, actual: Json.Json): void {
    const [a, b] = [recorded, actual].map((json) =>
      attempt(() => Bytes.uintToFixed(Json.toBigInt(json) ?? -1n, 32))
    )
    if (a === undefined || b === undefined || !Bytes.equals(this.names.inBytes(a), b))
      this.differ(path, recorded, actual)
  }

  private text(path: string, recorded: string, actual: string): void {
    if (recorded.startsWith("tx_") && actual.startsWith("tx_"))
      return this.transaction(path, recorded, actual)
    if (recorded.startsWith("pi_") && actual.startsWith("pi_")) {
      const [a, b] = [recorded, actual].map((text) => attempt(() => Poi.fromTextOrThrow(text)))
      if (a !== undefined && b !== undefined) return this.poi(path, a, b)
    }
    if (recorded.startsWith("ss_") && actual.startsWith("ss_")) {
      const [a, b] = [recorded, actual].map((text) => attempt(() => Trees.fromTextOrThrow(text)))
      if (a !== undefined && b !== undefined) return this.trees(path, a, b)
    }
    if (recorded.startsWith("cs_") && actual.startsWith("cs_")) {
      const [a, b] = [recorded, actual].map((text) => attempt(() => Trees.callsFromTextOrThrow(text)))
      if (a !== undefined && b !== undefined) return this.calls(path, a, b)
    }
    const [a, b] = [idOf(recorded), idOf(actual)]
    if (a !== undefined && b !== undefined && a.prefix === b.prefix)
      return this.same(path, { recorded: a.hex, actual: b.hex }, recorded, actual)
    const here = this.names.text(recorded)
    if (here !== actual) this.deviate(path, here, actual)
  }

  /** Two ids that must mean the same. */
  private same(path: string, pair: Pair, recorded: unknown, actual: unknown): void {
    if (this.names.agree(pair, this.pairs)) this.pairs.push(pair)
    else this.differ(path, recorded, actual)
  }

  private bytes(path: string, recorded: Uint8Array, actual: Uint8Array): void {
    this.same(path, { recorded: Bytes.toHex(recorded), actual: Bytes.toHex(actual) }, recorded, actual)
  }

  private transaction(path: string, recorded: string, actual: string): void {
    const [a, b] = [decoded(recorded), decoded(actual)]
    if (a !== undefined && b !== undefined) return this.signed(path, a, b)
    // Clients may be told what they sent, and that may be anything.
    if ((a === undefined) !== (b === undefined) || !path.includes("request"))
      this.deviate(path, recorded, actual)
  }

  private signed(path: string, recorded: SignedTx.SignedTx, actual: SignedTx.SignedTx): void {
    const [type, otherType] = [recorded, actual].map(({ tx }) => Transaction.typeName(tx))
    if (type !== otherType) return this.differ(path, type, otherType)
    const here = `${path} (${type})`
    const [signers, otherSigners] = [
      this.known.recordedSigners(recorded).join(", "),
      this.known.actualSigners(actual).join(", ")
    ]
    if (signers !== otherSigners)
      this.differ(`${here}, signed by`, signers || "nobody", otherSigners || "nobody")
    const [id, otherId] = [Ids.channelIdOf(recorded), Ids.channelIdOf(actual)]
    if (id !== undefined && otherId !== undefined) this.text(`${here}, channel id`, id, otherId)
    this.fields(here, recorded.tx, actual.tx)
    this.bodies.push([recorded, actual])
  }

  private fields(path: string, recorded: Transaction.Transaction, actual: Transaction.Transaction): void {
    const origin = Transaction.origin(recorded)
    const free = Variants.bodyNames.flatMap((name) =>
      Variants.bodies[name].accepts(recorded, actual).map((field) => ({ name, field }))
    )
    for (const key of new Set([...Object.keys(recorded), ...Object.keys(actual)])) {
      const [a, b]: ReadonlyArray<unknown> = [Reflect.get(recorded, key), Reflect.get(actual, key)]
      const below = `${path}.${key}`
      const variant = free.find(({ field }) => field === key)
      if (variant !== undefined && !same(a, b)) {
        if (!this.accepted.includes(variant.name)) this.accepted.push(variant.name)
      } else if (typeof a === "string" && typeof b === "string") this.text(below, a, b)
      else if (key === "nonce" && typeof a === "bigint" && typeof b === "bigint") {
        const expected = a + (origin === undefined ? 0n : this.nonceOffset(origin))
        if (expected !== b) this.differ(below, expected, b)
      } else if (a instanceof Uint8Array && b instanceof Uint8Array) this.field(below, key, a, b)
      else if (!same(a, b)) this.differ(below, a, b)
    }
  }

  private field(path: string, key: string, recorded: Uint8Array, actual: Uint8Array): void {
    if (recorded.length === 0 || actual.length === 0) {
      if (recorded.length !== actual.length) this.differ(path, recorded, actual)
      return
    }
    if (key === "authData") return this.held(path, recorded, actual)
    if (key === "payload" || key === "tx") {
      const [a, b] = [recorded, actual].map((bytes) => attempt(() => SignedTx.decodeOrThrow(bytes)))
      return a === undefined || b === undefined
        ? this.differ(path, recorded, actual)
        : this.signed(path, a, b)
    }
    if (key === "poi") {
      const [a, b] = [recorded, actual].map((bytes) => attempt(() => Poi.decodeOrThrow(bytes)))
      return a === undefined || b === undefined ? this.differ(path, recorded, actual) : this.poi(path, a, b)
    }
    if (key === "update") {
      const [a, b] = [recorded, actual].map((bytes) =>
        attempt(() => Update.toJson(Update.decodeOrThrow(bytes)))
      )
      return a === undefined || b === undefined ? this.differ(path, recorded, actual) : this.walk(path, a, b)
    }
    if (key === "offchainTrees") {
      const [a, b] = [recorded, actual].map((bytes) => attempt(() => Trees.decodeOrThrow(bytes)))
      return a === undefined || b === undefined ? this.differ(path, recorded, actual) : this.trees(path, a, b)
    }
    this.bytes(path, recorded, actual)
  }

  private poi(path: string, recorded: Poi.Poi, actual: Poi.Poi): void {
    this.bytes(`${path}, state hash`, Poi.stateHash(recorded), Poi.stateHash(actual))
    for (const account of this.known.accounts) {
      const other = ApiEncoding.parseOrThrow("ak", this.names.text(account))
      const [a, b] = [Poi.account(recorded, account)?.balance, Poi.account(actual, other)?.balance]
      if (a !== b) this.differ(`${path}, balance of ${account}`, a, b)
    }
    for (const hex of this.names.contracts) {
      const id = ApiEncoding.encode("ct", Bytes.fromHex(hex))
      const other = ApiEncoding.parseOrThrow("ct", this.names.text(id))
      const [a, b] = [Poi.contract(recorded, id), Poi.contract(actual, other)]
      const [one, two] = [a?.serialized, b?.serialized]
      this.held(`${path}, contract ${id}`, one, two)
      const store = new Map(b?.store.map(([key, value]) => [Bytes.toHex(key), value]))
      if (a?.store.length !== b?.store.length)
        this.differ(`${path}, store of ${id}`, a?.store.length ?? 0, b?.store.length ?? 0)
      for (const [key, value] of a?.store ?? [])
        this.held(`${path}, store of ${id}`, value, store.get(Bytes.toHex(this.names.inBytes(key))))
    }
  }

  /** Bytes that may hold ids. */
  private held(path: string, recorded: Uint8Array | undefined, actual: Uint8Array | undefined): void {
    const here = recorded && this.names.inBytes(recorded)
    if (here === undefined || actual === undefined) {
      if (here !== actual) this.differ(path, here, actual)
    } else if (!Bytes.equals(here, actual)) this.deviate(path, Bytes.toHex(here), Bytes.toHex(actual))
  }

  /** Calls, which stand under hashes of who made them: what is in one must be in the other. */
  private calls(path: string, recorded: Trie.Trie, actual: Trie.Trie): void {
    const byRound = (calls: Trie.Trie) =>
      [...Trie.entries(calls)]
        .map(([, bytes]) => CallObject.decodeOrThrow(bytes))
        .sort((a, b) => a.height - b.height)
        .map(CallObject.toClientForm)
    this.walk(path, byRound(recorded), byRound(actual))
  }

  private trees(path: string, recorded: Trees.Trees, actual: Trees.Trees): void {
    this.bytes(`${path}, state hash`, Trees.stateHash(recorded), Trees.stateHash(actual))
    const [a, b] = [accountsOf(recorded), new Map(accountsOf(actual))]
    if (a.length !== b.size) this.differ(path, `${a.length} accounts`, `${b.size} accounts`)
    for (const [key, account] of a) {
      const other = b.get(this.names.actual(key) ?? key)
      if (account.balance !== other?.balance)
        this.differ(`${path}, balance of 0x${key}`, account.balance, other?.balance)
    }
    this.calls(`${path}, calls`, recorded.calls, actual.calls)
    if (Trie.size(recorded.contracts) !== Trie.size(actual.contracts))
      this.differ(`${path}, contracts`, Trie.size(recorded.contracts), Trie.size(actual.contracts))
    for (const [key, value] of Trie.entries(recorded.contracts))
      this.held(`${path}, 0x${Bytes.toHex(key)}`, value, Trie.get(actual.contracts, this.names.inBytes(key)))
  }

  /** The contracts that a signing request is about: their ids follow from their owners and the round. */
  contracts(recorded: Json.Json, actual: Json.Json): ReadonlyArray<Pair> {
    const made = (frame: Json.Json): string | undefined => {
      const data = Json.field(Json.field(frame, "params"), "data")
      const tx = decoded(String(Json.field(data, "signed_tx")))?.tx
      const updates = Json.field(data, "updates")
      if (tx === undefined || !("round" in tx) || !Json.isArray(updates)) return undefined
      const found = updates.find((update) => Json.field(update, "op") === "OffChainNewContract")
      const owner = Json.field(found, "owner")
      return ApiEncoding.is("ak", owner)
        ? Bytes.toHex(ApiEncoding.bytesOf(Ids.contractId(owner, tx.round)))
        : undefined
    }
    const [a, b] = [made(recorded), made(actual)]
    return a === undefined || b === undefined ? [] : [{ recorded: a, actual: b }]
  }
}

/** Compares; nothing is learned before `learn` is called. */
export const compare = (
  recorded: Json.Json,
  actual: Json.Json,
  context: {
    readonly names: Names
    readonly bodies: Bodies
    readonly nonceOffset: (account: string) => bigint
    /** That of the recorded node. */
    readonly protocol: number
  }
): Compared => {
  const { bodies, names, nonceOffset, protocol } = context
  const walk = new Walk(recorded, names, bodies, nonceOffset, protocol)
  walk.walk("", recorded, actual)
  return {
    differences: walk.differences,
    accepted: walk.accepted,
    facts: walk.facts,
    learn: () => {
      for (const pair of walk.pairs) names.learn(pair)
      for (const pair of walk.contracts(recorded, actual)) {
        names.learn(pair)
        names.contracts.add(pair.recorded)
      }
      for (const [a, b] of walk.bodies) bodies.learn(a, b)
    }
  }
}

const word = (json: Json.Json | undefined): string =>
  typeof json === "string" || typeof json === "number" ? String(json) : ""

/** A frame of a node in short: `info open`, `on_chain_tx channel_changed`, `sign.update`, `conflict 2`, `result`, … */
export const labelOf = (frame: Json.Json): string => {
  if (Json.isArray(frame)) return `batch of ${frame.length}`
  const method = word(Json.field(frame, "method")).replace("channels.", "")
  const error = Json.field(frame, "error")
  if (error !== undefined) {
    const data = Json.field(error, "data")
    const codes = Json.isArray(data) ? data.map((each) => ` ${word(Json.field(each, "code"))}`).join("") : ""
    return `error ${word(Json.field(error, "code"))}${codes}`
  }
  if (method === "") return "result"
  const data = Json.field(Json.field(frame, "params"), "data")
  const more = ["event", "info", "error_code"]
    .map((key) => word(Json.field(data, key)))
    .find((each) => each !== "")
  return ["info", "on_chain_tx", "conflict"].includes(method) && more !== undefined
    ? `${method} ${more}`
    : method
}
