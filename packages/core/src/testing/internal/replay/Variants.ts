/**
 * In what a node may differ from the recorded one without being wrong: differences between versions, what this project's
 * node does otherwise on purpose, and orders that nothing determines. Each has a name and a reason.
 */
import type { Transaction } from "../../../chain/Transaction.js"
import * as Protocol from "../../../chain/Protocol.js"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import * as Json from "../../../encoding/Json.js"
import { equals } from "../../../fate/Order.js"
import type * as Value from "../../../fate/Value.js"
import * as ValueCodec from "../../../fate/ValueCodec.js"
import { attempt } from "./Bodies.js"

/** Where a value stands: the keys that lead to it, `[]` for the entries of an array. */
export type Path = string

/** What a value differs in: `undefined` on the side where it is missing. */
export interface Deviation {
  readonly path: Path
  readonly recorded: Json.Json | undefined
  readonly actual: Json.Json | undefined
  /** The whole recorded frame. */
  readonly frame: Json.Json
  /** The recorded object that the value is in. */
  readonly around: Json.Json
  /** That of the recorded node. */
  readonly protocol: number
}

export interface Variant {
  readonly reason: string
  readonly accepts: (deviation: Deviation) => boolean
}

const oldCloseFee = 20_000_000_000_000n

/** Halves of odd fees may be rounded either way. */
const near = (a: bigint, b: bigint, distance = 1n): boolean => a - b <= distance && b - a <= distance

const at = (json: Json.Json | undefined, ...keys: ReadonlyArray<string>): Json.Json | undefined =>
  keys.reduce(Json.field, json)

const eventOf = (frame: Json.Json): Json.Json | undefined => at(frame, "params", "data", "event")

/** The value that a text of the wire holds. */
const fateOf = (json: Json.Json | undefined): Value.Value | undefined => {
  if (typeof json !== "string" || !json.startsWith("cb_")) return undefined
  return attempt(() => ValueCodec.decodeOrThrow(ApiEncoding.decodeOrThrow("cb", json)))
}

/** Heights of a chain that has been there for a while, times, difficulties and balances are no smaller. */
const smallestFact = 256n

/** Whether two values are equal but for what a chain tells: large numbers, names, accounts and hashes. */
const sameButForChain = (a: Value.Value, b: Value.Value): boolean => {
  if (typeof a === "bigint" && typeof b === "bigint") return a >= smallestFact
  if (typeof a !== "object" || typeof b !== "object") return false
  if (a._tag === "tuple" && b._tag === "tuple")
    return (
      a.elements.length === b.elements.length &&
      a.elements.every((each, index) => {
        const other = b.elements[index]
        return other !== undefined && (equals(each, other) || sameButForChain(each, other))
      })
    )
  return a._tag === b._tag && ["address", "bytes", "string"].includes(a._tag)
}

/** A number that a chain told a contract: that of the recorded one, and ours. */
export interface Fact {
  readonly recorded: bigint
  readonly actual: bigint
}

const factsBetween = (a: Value.Value | undefined, b: Value.Value | undefined): ReadonlyArray<Fact> => {
  if (typeof a === "bigint" && typeof b === "bigint") return a === b ? [] : [{ recorded: a, actual: b }]
  if (typeof a !== "object" || typeof b !== "object" || a._tag !== "tuple" || b._tag !== "tuple") return []
  return a.elements.flatMap((each, index) => factsBetween(each, b.elements[index]))
}

/** The numbers in which two answers of a contract differ. */
export const factsIn = ({ actual, path, recorded }: Deviation): ReadonlyArray<Fact> =>
  path.endsWith("return_value") ? factsBetween(fateOf(recorded), fateOf(actual)) : []

const isFact = (a: Value.Value | undefined, b: Value.Value | undefined): boolean =>
  a !== undefined && b !== undefined && sameButForChain(a, b)

/** Whether gas differs by no more than a byte for each number of a contract's answer, which names accounts too. */
const isGasOfFacts = (
  returned: Json.Json | undefined,
  recorded: Json.Json | undefined,
  actual: Json.Json | undefined
): boolean => {
  const answer = fateOf(returned)
  const [a, b] = [Json.toBigInt(recorded), Json.toBigInt(actual)]
  if (a === undefined || b === undefined || typeof answer !== "object" || answer._tag !== "tuple")
    return false
  const numbers = answer.elements.filter((each) => typeof each === "bigint").length
  const names = answer.elements.some((each) => typeof each === "object" && each._tag === "address")
  return names && near(a, b, BigInt(numbers))
}

/** Values that differ. */
export const values = {
  "facts of the chain": {
    reason:
      "a contract may ask for the height, the time, the miner, the difficulty and the like: every chain has its own, and the gas goes with the bytes of such numbers",
    accepts: ({ actual, around, path, recorded }) =>
      path.endsWith("gas_used")
        ? isGasOfFacts(at(around, "return_value"), recorded, actual)
        : path.endsWith("return_value") && isFact(fateOf(recorded), fateOf(actual))
  },
  "an unfinished machine": {
    reason:
      "contracts of FATE 2 were recorded on a node from before its release, which counted gas and wrote contracts down in another way; what they do is the same",
    accepts: ({ actual, path, protocol, recorded }) =>
      protocol === Protocol.iris &&
      recorded !== undefined &&
      actual !== undefined &&
      /(\bgas_used|, contract ct_\w+)$/.test(path)
  },
  "names that were not recorded": {
    reason:
      "a contract looked at a name which somebody had registered on the recorded chain, by transactions that are not in the recording",
    accepts: ({ actual, path, protocol, recorded }) =>
      protocol === Protocol.iris &&
      path.endsWith("return_value") &&
      fateOf(recorded) === true &&
      fateOf(actual) === false
  },
  "channel id set earlier": {
    reason:
      "since April 2020 frames carry the channel id from funding_created and funding_signed on, and at once when a client comes back; nodes before sent null until later",
    accepts: ({ actual, path, recorded }) =>
      recorded === null &&
      typeof actual === "string" &&
      actual.startsWith("ch_") &&
      /(^|\.)channel_id$/.test(path)
  },
  "fsm id in funding_*": {
    reason:
      "since April 2020 funding_created and funding_signed carry the fsm id, so that a client can come back early",
    accepts: ({ actual, frame, path, recorded }) =>
      recorded === undefined &&
      typeof actual === "string" &&
      path === "params.data.fsm_id" &&
      ["funding_created", "funding_signed"].includes(String(eventOf(frame)))
  },
  "snapshot hash as text": {
    reason:
      "min_depth_achieved should name the transaction as th_…; real nodes print its raw bytes, which JSON loses",
    accepts: ({ actual, frame, path }) =>
      path === "params.data.tx_hash" &&
      eventOf(frame) === "min_depth_achieved" &&
      typeof actual === "string" &&
      actual.startsWith("th_")
  },
  "history in plain words": {
    reason: "real nodes encode the strings of a history once more; ours are as they were reported",
    accepts: ({ actual, path, recorded }) =>
      /^result\[\d+\]\.(info|time)\b/.test(path) && typeof recorded === typeof actual
  },
  "number as it was written": {
    reason:
      "a request comes back with its numbers as they were written; real nodes print floats in their own way",
    accepts: ({ actual, path, recorded }) =>
      path.startsWith("error.request") &&
      recorded instanceof Json.JsonNumber &&
      actual instanceof Json.JsonNumber &&
      Number(recorded.lexeme) === Number(actual.lexeme)
  }
} as const satisfies Readonly<Record<string, Variant>>

/** Transactions whose fields differ. */
export const bodies = {
  "fixed fee of a mutual close": {
    reason:
      "nodes until January 2020 took 20000 gas' worth for every mutual close; later ones the least that is taken",
    accepts: (recorded, actual) =>
      recorded._tag === "ChannelCloseMutualTx" &&
      actual._tag === "ChannelCloseMutualTx" &&
      recorded.fee === oldCloseFee &&
      recorded.fee + recorded.initiatorAmountFinal + recorded.responderAmountFinal ===
        actual.fee + actual.initiatorAmountFinal + actual.responderAmountFinal &&
      near(recorded.initiatorAmountFinal + recorded.fee / 2n, actual.initiatorAmountFinal + actual.fee / 2n)
        ? ["fee", "initiatorAmountFinal", "responderAmountFinal"]
        : []
  },
  "create transaction of a later protocol": {
    reason:
      "since Iris a create transaction lists the delegates of each party, which makes it longer and its fee higher",
    accepts: (recorded, actual) =>
      recorded._tag === "ChannelCreateTx" && recorded.version === 1 && actual.version === 2
        ? ["version", "delegateIds", "initiatorDelegateIds", "responderDelegateIds", "fee"]
        : []
  }
} as const satisfies Readonly<
  Record<
    string,
    {
      readonly reason: string
      /** The fields that may differ. */
      readonly accepts: (recorded: Transaction, actual: Transaction) => ReadonlyArray<string>
    }
  >
>

/** What of a recording cannot be done again, and need not be. */
export const notes = {
  "frame cut by the recorder": {
    reason: "frames of many kilobytes stand in the recording with their beginning only; no node acts on these"
  },
  "binary frame": { reason: "nodes ignore binary frames, and so does whoever replays" },
  "closing from outside": {
    reason:
      "a party posted an old state to the chain, not over its socket, so that the transaction was not recorded; the replay posts the first state"
  }
} as const

/** A frame that may come, or need not, after those that came before on its socket. */
export interface Presence {
  readonly reason: string
  readonly may: (label: string, before: ReadonlyArray<string>) => boolean
}

/** Frames that were not recorded. */
export const extras = {
  "state told after a return": {
    reason:
      "since 2021 a responder that stayed is told the state again when the initiator has come back; nodes before did not tell a state that it knew",
    may: (label, before) =>
      label === "update" && before.at(-1) === "info open" && before.at(-2) === "info channel_reestablished"
  },
  "closing confirmed with the next block": {
    reason:
      "with a minimum depth of 0 a closing is confirmed in its own block; real nodes may notice it with the next one, which came after the end of the recording",
    may: (label, before) =>
      (label === "info closed_confirmed" && before.at(-1) === "on_chain_tx channel_closed") ||
      (label === "info died" && before.at(-1) === "info closed_confirmed")
  },
  "timeout told to the peer": {
    reason:
      "when the time for an operation is over, this node tells the peer, so that both go on from the same state; real nodes tell nobody",
    may: (label, before) => label === "conflict 3" && (before.at(-1) ?? "").startsWith("sign.")
  }
} as const satisfies Readonly<Record<string, Presence>>

/** Frames that were recorded. */
export const absences = {
  "conflict told twice": {
    reason:
      "nodes until January 2020 reported a conflict again when the peer's report of the same race arrived; later ones report it once",
    may: (label, before) => label === "conflict 2" && before.at(-1) === "conflict 2"
  },
  "stop of a machine that has died": {
    reason:
      "when the peer's end has ended a machine, its socket may be closed before a request to stop it is answered",
    may: (label, before) => label === "result" && before.at(-1) === "info died"
  }
} as const satisfies Readonly<Record<string, Presence>>

/** What leads to another course of the session, so that the rest of the recording is not comparable. */
export interface Parting {
  readonly reason: string
  readonly may: (expected: string, came: string, before: ReadonlyArray<string>) => boolean
}

export const partings = {
  "leave without a peer": {
    reason:
      "a party that leaves while its peer is away has left at once; a real node waits for the peer's answer for ever and lets nobody in",
    may: (_, came, before) => came === "leave" && before.at(-1) === "info peer_disconnected"
  },
  "forced progress after co-signed rounds": {
    reason:
      "a call that is forced on the latest state counts, whatever was forced before; nodes on young chains, which remember the first forced round for ever, take it for an attempt to cheat",
    may: (expected, came) =>
      expected === "on_chain_tx can_snapshot" && came === "on_chain_tx consumed_forced_progress"
  },
  "proposal during a solo operation": {
    reason:
      "nodes until 2020 answered a proposal with a conflict while their own client was asked for a solo transaction; later ones let it wait",
    may: (expected, came, before) =>
      expected === "conflict 2" &&
      (came === "conflict 3" || came === "nothing") &&
      before.at(-1) === "sign.snapshot_solo_tx"
  }
} as const satisfies Readonly<Record<string, Parting>>

/** Two frames that may come in either order. */
export interface Order {
  readonly reason: string
  readonly swaps: (a: string, b: string) => boolean
}

const either = (one: RegExp, other: RegExp) => (a: string, b: string) =>
  (one.test(a) && other.test(b)) || (one.test(b) && other.test(a))

/** Frames by their names, as {@link labelOf} has them. */
export const orders = {
  "stop answered before or after died": {
    reason: "a machine that is stopped says died while the answer to the request is still on its way",
    swaps: either(/^result$/, /^info died$/)
  },
  "answer to a ping among reports": {
    reason: "what the peer or the chain causes and the answer to a ping have nothing to do with each other",
    swaps: either(/^system\.pong$/, /^(info|on_chain_tx|sign\.)/)
  },
  "depth of 0 seen with the next block": {
    reason:
      "with a minimum depth of 0 a transaction is deep enough in the block that it comes with; real nodes may notice it with the next one",
    swaps: either(/^info min_depth_achieved$/, /./)
  }
} as const satisfies Readonly<Record<string, Order>>

export type ValueName = keyof typeof values
export type OrderName = keyof typeof orders
export type ExtraName = keyof typeof extras
export type AbsentName = keyof typeof absences
export type PartingName = keyof typeof partings
export type BodyName = keyof typeof bodies
export type Name =
  | PartingName
  | BodyName
  | ValueName
  | OrderName
  | ExtraName
  | AbsentName
  | keyof typeof notes

/** The names of a table. */
export const namesOf = <K extends string>(table: Readonly<Record<K, unknown>>): ReadonlyArray<K> =>
  Object.keys(table).filter((key): key is K => key in table)

export const valueNames: ReadonlyArray<ValueName> = namesOf(values)
export const extraNames: ReadonlyArray<ExtraName> = namesOf(extras)
export const absentNames: ReadonlyArray<AbsentName> = namesOf(absences)
export const partingNames: ReadonlyArray<PartingName> = namesOf(partings)
export const bodyNames: ReadonlyArray<BodyName> = namesOf(bodies)
export const orderNames: ReadonlyArray<OrderName> = namesOf(orders)
