/**
 * The chain as a log: what was done to the ledger, in order. A ledger is the fold over its log, and the fold is checked
 * against the blocks that were made the first time.
 */
import * as SignedTx from "../../../chain/SignedTx.js"
import type { CryptoService } from "../../../crypto/Crypto.js"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import type { AccountAddress } from "../../../encoding/ApiEncoding.js"
import * as Bytes from "../../../encoding/Bytes.js"
import { DecodeError } from "../../../encoding/DecodeError.js"
import * as Rlp from "../../../encoding/Rlp.js"
import * as Ledger from "../../Ledger.js"
import { NodeStateError, NodeStorageError, type NodeStorageService } from "../../NodeStorage.js"

export type ChainOperation =
  | { readonly _tag: "Fund"; readonly address: AccountAddress; readonly amount: bigint }
  | { readonly _tag: "Submit"; readonly signedTx: SignedTx.SignedTx }
  | { readonly _tag: "MicroBlock"; readonly timeMs: number }
  | { readonly _tag: "KeyBlock"; readonly timeMs: number }
  | { readonly _tag: "Fork"; readonly keyBlocks: number; readonly returnTransactions: boolean }

/** What an operation did. */
export interface Performed {
  readonly ledger: Ledger.Ledger
  readonly included: Ledger.Mined["included"]
}

/** The one way in which a ledger changes, now and when the log is read again. */
export const perform = (
  ledger: Ledger.Ledger,
  operation: ChainOperation,
  crypto: CryptoService
): Performed | Ledger.MempoolError | Ledger.LedgerError => {
  switch (operation._tag) {
    case "Fund":
      return { ledger: Ledger.fund(ledger, operation.address, operation.amount), included: [] }
    case "Submit": {
      const taken = Ledger.submit(ledger, operation.signedTx, crypto)
      return taken instanceof Ledger.MempoolError ? taken : { ...taken, included: [] }
    }
    case "MicroBlock":
      return Ledger.mineMicroBlock(ledger, crypto, operation.timeMs)
    case "KeyBlock":
      return Ledger.mineKeyBlock(ledger, crypto, operation.timeMs)
    case "Fork": {
      const forked = Ledger.fork(ledger, operation.keyBlocks, operation)
      return forked instanceof Ledger.LedgerError ? forked : { ledger: forked, included: [] }
    }
  }
}

/** Whether the chain took nothing. */
export const isRefused = (
  performed: Performed | Ledger.MempoolError | Ledger.LedgerError
): performed is Ledger.MempoolError | Ledger.LedgerError => !("ledger" in performed)

/** The chain is again as it was when so many operations had been performed. */
interface Revert {
  readonly _tag: "Revert"
  readonly position: number
}

/** The chain of a dump took its place. */
interface Load {
  readonly _tag: "Load"
  readonly dump: Uint8Array
}

type Entry = ChainOperation | Revert | Load

const version = 1
const logName = "chain"

const tags = {
  Fund: 1,
  Submit: 2,
  MicroBlock: 3,
  KeyBlock: 4,
  Fork: 5,
  Revert: 6,
  Load: 7
} as const satisfies Record<Entry["_tag"], number>

const argumentsOf = (operation: Entry): ReadonlyArray<Uint8Array> => {
  switch (operation._tag) {
    case "Fund":
      return [ApiEncoding.bytesOf(operation.address), Bytes.uintToBytes(operation.amount)]
    case "Submit":
      return [SignedTx.encode(operation.signedTx)]
    case "MicroBlock":
    case "KeyBlock":
      return [Bytes.uintToBytes(operation.timeMs)]
    case "Fork":
      return [Bytes.uintToBytes(operation.keyBlocks), Bytes.uintToBytes(operation.returnTransactions ? 1 : 0)]
    case "Revert":
      return [Bytes.uintToBytes(operation.position)]
    case "Load":
      return [operation.dump]
  }
}

const tipOf = (ledger: Ledger.Ledger): Uint8Array => ApiEncoding.bytesOf(ledger.tip.hash)

const damaged = (detail: string): NodeStateError => new NodeStateError({ reason: "damaged", detail })

const fieldsOf = (item: Rlp.Rlp): ReadonlyArray<Uint8Array> =>
  item instanceof Uint8Array ? [] : item.filter((field) => field instanceof Uint8Array)

const operationOf = (tag: number, [first, second]: ReadonlyArray<Uint8Array>): Entry | undefined => {
  if (first === undefined) return undefined
  const number = () => Number(Bytes.uintFromBytesOrThrow(first))
  switch (tag) {
    case tags.Fund:
      return second === undefined
        ? undefined
        : {
            _tag: "Fund",
            address: ApiEncoding.encode("ak", first),
            amount: Bytes.uintFromBytesOrThrow(second)
          }
    case tags.Submit:
      return { _tag: "Submit", signedTx: SignedTx.decodeOrThrow(first) }
    case tags.MicroBlock:
      return { _tag: "MicroBlock", timeMs: number() }
    case tags.KeyBlock:
      return { _tag: "KeyBlock", timeMs: number() }
    case tags.Fork:
      return second === undefined
        ? undefined
        : { _tag: "Fork", keyBlocks: number(), returnTransactions: second[0] === 1 }
    case tags.Revert:
      return { _tag: "Revert", position: number() }
    case tags.Load:
      return { _tag: "Load", dump: first }
    default:
      return undefined
  }
}

/** What the log begins with: the chain it is about. */
const headOf = (ledger: Ledger.Ledger): Uint8Array =>
  Rlp.encode([
    Bytes.uintToBytes(version),
    Bytes.utf8(ledger.networkId),
    ApiEncoding.bytesOf(ledger.genesis.hash),
    tipOf(ledger),
    Bytes.uintToBytes(ledger.minimumGasPrice),
    Bytes.utf8(ledger.schedule.map(([height, protocol]) => `${height}:${protocol}`).join(" "))
  ])

const checkHead = (head: Uint8Array, ledger: Ledger.Ledger): NodeStateError | undefined => {
  const [written, networkId, genesis, tip] = fieldsOf(Rlp.decodeOrThrow(head))
  if (written === undefined || Bytes.uintFromBytesOrThrow(written) !== BigInt(version))
    return new NodeStateError({
      reason: "other_version",
      detail: `its chain was written in another format than ${version}; use the version that wrote it, or another storage`
    })
  const other = (what: string): NodeStateError =>
    new NodeStateError({
      reason: "other_chain",
      detail: `it belongs to ${what}; start the node with the same ledger as then, or with another storage`
    })
  if (networkId === undefined || genesis === undefined || tip === undefined)
    return damaged("the chain has no beginning")
  const name = Bytes.fromUtf8OrThrow(networkId)
  if (name !== ledger.networkId) return other(`the network ${name}, not to ${ledger.networkId}`)
  if (!Bytes.equals(genesis, ApiEncoding.bytesOf(ledger.genesis.hash)))
    return other("a chain with another genesis block")
  if (!Bytes.equals(tip, tipOf(ledger)) || !Bytes.equals(head, headOf(ledger)))
    return other("a chain that began with other blocks, another minimum gas price or other protocols")
  return undefined
}

/** One operation of the log on top of what came before it, which is the last of the chains so far. */
const again = (
  chains: ReadonlyArray<Ledger.Ledger>,
  ledger: Ledger.Ledger,
  item: Rlp.Rlp,
  crypto: CryptoService
): Ledger.Ledger | NodeStateError => {
  const [tag, tip, ...fields] = fieldsOf(item)
  const operation =
    tag === undefined ? undefined : operationOf(Number(Bytes.uintFromBytesOrThrow(tag)), fields)
  if (operation === undefined || tip === undefined)
    return damaged("its chain holds an operation that is none")
  const next = nextOf(chains, ledger, operation, crypto)
  if (next instanceof NodeStateError) return next
  if (next === undefined || !Bytes.equals(tipOf(next), tip))
    return new NodeStateError({
      reason: "other_version",
      detail: `${operation._tag} at height ${ledger.top.height} of its chain has another outcome today; use the version that wrote it, or another storage`
    })
  return next
}

const nextOf = (
  chains: ReadonlyArray<Ledger.Ledger>,
  ledger: Ledger.Ledger,
  operation: Entry,
  crypto: CryptoService
): Ledger.Ledger | NodeStateError | undefined => {
  switch (operation._tag) {
    case "Revert":
      return chains[operation.position]
    case "Load":
      return ofDump(operation.dump, ledger, crypto)
    default:
      return afterOf(perform(ledger, operation, crypto))
  }
}

const afterOf = (performed: ReturnType<typeof perform>): Ledger.Ledger | undefined =>
  isRefused(performed) ? undefined : performed.ledger

/** The chain after each operation; the first is the one that there was before all of them. */
const fold = (
  items: ReadonlyArray<Rlp.Rlp>,
  start: Ledger.Ledger,
  crypto: CryptoService
): ReadonlyArray<Ledger.Ledger> | NodeStateError => {
  const chains = [start]
  let ledger = start
  for (const item of items) {
    const next = again(chains, ledger, item, crypto)
    if (next instanceof NodeStateError) return next
    ledger = next
    chains.push(next)
  }
  return chains
}

/** The operations of a log's records. */
const itemsOf = (records: ReadonlyArray<Uint8Array>): ReadonlyArray<Rlp.Rlp> | NodeStateError => {
  const items: Array<Rlp.Rlp> = []
  for (const record of records) {
    const some = Rlp.decodeOrThrow(record)
    if (some instanceof Uint8Array) return damaged("its chain holds a record that is none")
    for (const item of some) items.push(item)
  }
  return items
}

/** A chain before anything was done to it, as it can be made again. */
const beginningOf = (ledger: Ledger.Ledger): Rlp.Rlp => [
  Bytes.utf8(ledger.networkId),
  ledger.schedule.map(([height, protocol]) => [Bytes.uintToBytes(height), Bytes.uintToBytes(protocol)]),
  Bytes.uintToBytes(ledger.top.height),
  Bytes.uintToBytes(ledger.minimumGasPrice),
  Bytes.uintToBytes(ledger.top.timeMs),
  Ledger.accounts(ledger).map(([address, { balance, nonce }]) => [
    ApiEncoding.bytesOf(address),
    Bytes.uintToBytes(balance),
    Bytes.uintToBytes(nonce)
  ])
]

const listOf = (item: Rlp.Rlp | undefined): ReadonlyArray<Rlp.Rlp> =>
  item === undefined || item instanceof Uint8Array ? [] : item

const integers = (item: Rlp.Rlp): ReadonlyArray<bigint> =>
  fieldsOf(item).map((field) => Bytes.uintFromBytesOrThrow(field))

const begin = (item: Rlp.Rlp, authenticator: Ledger.Ledger["authenticator"]): Ledger.Ledger | undefined => {
  const [networkId, schedule, height, minimumGasPrice, timeMs, accounts] = listOf(item)
  const numbers = [height, minimumGasPrice, timeMs].filter((field) => field instanceof Uint8Array)
  const [startHeight, gasPrice, startTime] = numbers.map((field) => Bytes.uintFromBytesOrThrow(field))
  if (!(networkId instanceof Uint8Array) || startHeight === undefined) return undefined
  if (gasPrice === undefined || startTime === undefined) return undefined
  return Ledger.make({
    networkId: Bytes.fromUtf8OrThrow(networkId),
    protocol: Object.fromEntries(listOf(schedule).map((entry) => integers(entry).map(Number))),
    startHeight: Number(startHeight),
    minimumGasPrice: gasPrice,
    timeMs: Number(startTime),
    accounts: listOf(accounts).map((account) => {
      const [key = new Uint8Array(), balance = zero, nonce = zero] = fieldsOf(account)
      return {
        address: ApiEncoding.encode("ak", key),
        balance: Bytes.uintFromBytesOrThrow(balance),
        nonce: Bytes.uintFromBytesOrThrow(nonce)
      }
    }),
    ...(authenticator === undefined ? {} : { gaAuthenticator: authenticator })
  })
}

const zero = Bytes.uintToBytes(0)

/** The chain of a dump; `current` is the chain that it shall take the place of. */
const ofDump = (
  dump: Uint8Array,
  current: Ledger.Ledger,
  crypto: CryptoService
): Ledger.Ledger | NodeStateError => {
  const [written, beginning, tip, ...items] = listOf(Rlp.decodeOrThrow(dump))
  if (!(written instanceof Uint8Array) || Bytes.uintFromBytesOrThrow(written) !== BigInt(version))
    return new NodeStateError({
      reason: "other_version",
      detail: `the dump was written in another format than ${version}; use the version that wrote it`
    })
  const start = beginning === undefined ? undefined : begin(beginning, current.authenticator)
  if (start === undefined || !(tip instanceof Uint8Array)) return damaged("the dump's chain has no beginning")
  if (!Bytes.equals(tipOf(start), tip))
    return new NodeStateError({
      reason: "other_chain",
      detail: "the dump's chain did not begin as chains of this library do; it cannot be made again"
    })
  const chains = fold(items, start, crypto)
  return chains instanceof NodeStateError ? chains : (chains.at(-1) ?? start)
}

export class ChainLog {
  private readonly waiting: Array<Rlp.Rlp> = []

  private constructor(
    private readonly storage: NodeStorageService | undefined,
    private readonly start: Ledger.Ledger,
    /** All operations, those that wait included. */
    private readonly items: Array<Rlp.Rlp>
  ) {}

  /** Of a node without a storage: gone with it. */
  static inMemory(start: Ledger.Ledger): ChainLog {
    return new ChainLog(undefined, start, [])
  }

  /** The chain of a storage, which begins with `start`; a storage without one begins one. */
  static open(
    storage: NodeStorageService,
    start: Ledger.Ledger,
    crypto: CryptoService
  ): { readonly log: ChainLog; readonly ledger: Ledger.Ledger } | NodeStorageError | NodeStateError {
    const records = storage.readLog(logName)
    if (records instanceof NodeStorageError) return records
    const [head, ...operations] = records
    if (head === undefined) {
      const failed = storage.append(logName, headOf(start))
      return failed ?? { log: new ChainLog(storage, start, []), ledger: start }
    }
    try {
      const items = checkHead(head, start) ?? itemsOf(operations)
      if (items instanceof NodeStateError) return items
      const chains = fold(items, start, crypto)
      if (chains instanceof NodeStateError) return chains
      return { log: new ChainLog(storage, start, [...items]), ledger: chains.at(-1) ?? start }
    } catch (error) {
      if (error instanceof DecodeError) return damaged(`its chain cannot be read (${error.message})`)
      throw error
    }
  }

  /** An operation that was performed, and the ledger that it made. */
  add(operation: Entry, after: Ledger.Ledger): void {
    const item = [Bytes.uintToBytes(tags[operation._tag]), tipOf(after), ...argumentsOf(operation)]
    this.items.push(item)
    if (this.storage !== undefined) this.waiting.push(item)
  }

  /** Where it is, to come back to with a revert. */
  get position(): number {
    return this.items.length
  }

  /** All of it, to be read with {@link read}. */
  dump(): Uint8Array {
    return Rlp.encode([Bytes.uintToBytes(version), beginningOf(this.start), tipOf(this.start), ...this.items])
  }

  /** The chain of a dump, which is to take the place of `current`. */
  static read(
    dump: Uint8Array,
    current: Ledger.Ledger,
    crypto: CryptoService
  ): Ledger.Ledger | NodeStateError {
    try {
      return ofDump(dump, current, crypto)
    } catch (error) {
      if (error instanceof DecodeError) return damaged(`the dump's chain cannot be read (${error.message})`)
      throw error
    }
  }

  /** Makes what was added durable, all of it in one record. */
  commit(): NodeStorageError | undefined {
    if (this.storage === undefined || this.waiting.length === 0) return undefined
    const failed = this.storage.append(logName, Rlp.encode(this.waiting))
    if (failed !== undefined) return failed
    this.waiting.length = 0
    return undefined
  }
}
