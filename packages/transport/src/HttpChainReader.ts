/**
 * Asking the chain over a node's HTTP API, so that a client can check rounds whose contracts look at the chain: facts of
 * blocks, hashes of key blocks, and what is on accounts. Oracles and names are not asked for: nodes tell of them as they
 * are now and not as they were in a block.
 *
 * The node is believed. One that works for the peer could say what it likes; ask one of your own, or one that has no part
 * in the channel. A block that a fork has dropped is told of like any other.
 *
 * Specification: æternity node HTTP API, chain and accounts.
 *
 * @since 0.1.0
 */
import * as Protocol from "@aechannel/core/chain/Protocol"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import type { BlockHash } from "@aechannel/core/encoding/ApiEncoding"
import * as Json from "@aechannel/core/encoding/Json"
import {
  type Authentication,
  type ChainAnswer,
  ChainReader,
  type ChainReaderService,
  ChainReadError,
  type KnownBlock,
  type Top
} from "@aechannel/core/services/ChainReader"
import type { ChainRead } from "@aechannel/core/state/ChainRead"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * - `url`: of the node, such as `http://localhost:3013`
 * - `timeout`: how long one answer may take; default 10 seconds
 *
 * @since 0.1.0
 * @category models
 */
export interface HttpChainReaderOptions {
  readonly url: string
  readonly timeout?: Duration.DurationInput
}

type Reading<A> = Effect.Effect<A, ChainReadError>

const failed = (detail: string): ChainReadError => new ChainReadError({ detail })

/** An answer; of a refusal, what it says. */
interface Answered {
  readonly status: number
  readonly json: Json.Json
}

const notFound = 404

// ---------------------------------------------------------------- what answers hold

const text = (json: Json.Json, field: string): Reading<string> => {
  const found = Json.field(json, field)
  return typeof found === "string" ? Effect.succeed(found) : failed(`the node's answer has no ${field}`)
}

const integer = (json: Json.Json, field: string): Reading<bigint> => {
  const found = Json.toBigInt(Json.field(json, field) ?? null)
  return found === undefined ? failed(`the node's answer has no ${field}`) : Effect.succeed(found)
}

const id = <P extends ApiEncoding.Prefix>(
  json: Json.Json,
  field: string,
  prefix: P | ReadonlyArray<P>
): Reading<ApiEncoding.Encoded<P>> =>
  Effect.flatMap(text(json, field), (found) =>
    Effect.mapError(ApiEncoding.parse(prefix, found), () => failed(`the node's answer has a bad ${field}`))
  )

const significandBits = 24n
const signBit = 0x80_00_00n

/** Targets are written as an exponent to the base 256 and three bytes, the first bit of which is its sign. */
const fromScientific = (target: bigint): bigint => {
  const exponent = target >> significandBits
  const significand = target & 0xff_ff_ffn
  const isSmall = (significand & signBit) !== 0n
  const shift = 8n * ((isSmall ? -exponent : exponent) - 3n)
  const value = isSmall ? significand - signBit : significand
  return shift >= 0n ? value << shift : value >> -shift
}

const highestWritten = 0xff_ff_ff_ffn
const highestTarget = fromScientific(0x21_00_ff_ffn)

/** Difficulty as contracts see it; on a chain whose blocks are made on demand it is the target itself. */
const difficultyOf = (target: bigint): bigint => {
  if (target === BigInt(Protocol.onDemandTarget)) return target
  const value = fromScientific(target)
  return value === 0n ? 0n : (highestTarget << significandBits) / value
}

// ---------------------------------------------------------------- the reader

/**
 * A reader that asks a node over HTTP.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({
  timeout = Duration.seconds(10),
  url
}: HttpChainReaderOptions): Effect.Effect<ChainReaderService, never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (client) => readerOf(client, url.replace(/\/+$/, ""), timeout))

/** The node as people are told of it: an address may have a password or a key in it, which is nobody's business. */
const nameOf = (base: string): string => (URL.canParse(base) ? new URL(base).host : "the node")

const readerOf = (
  client: HttpClient.HttpClient,
  base: string,
  timeout: Duration.DurationInput
): ChainReaderService => {
  const named = nameOf(base)

  /** An answer, also if it is a refusal that says why. */
  const ask = (path: string): Reading<Answered> =>
    client.get(`${base}${path}`).pipe(
      Effect.flatMap((response) => Effect.map(response.text, (body) => ({ status: response.status, body }))),
      Effect.scoped,
      Effect.timeoutFail({
        duration: timeout,
        onTimeout: () => failed(`${named} gave no answer within ${Duration.format(timeout)}`)
      }),
      Effect.catchTags({
        RequestError: () =>
          failed(`${named} cannot be reached. Check the address, and that a node runs there`),
        ResponseError: () => failed(`the answer of ${named} could not be read`)
      }),
      Effect.flatMap(({ body, status }) =>
        Effect.matchEffect(Json.parse(body), {
          onFailure: () => failed(`${named} does not answer ${path} (status ${status})`),
          onSuccess: (json) => Effect.succeed({ status, json })
        })
      )
    )

  /** What is there; `undefined` if the node says that it is this that is not there. */
  const find = (path: string, what = ""): Reading<Json.Json | undefined> =>
    Effect.flatMap(ask(path), ({ json, status }) => {
      if (status === 200) return Effect.succeed(json)
      const reason = Json.field(json, "reason")
      if (status === notFound && String(reason).startsWith(what)) return Effect.succeed(undefined)
      return failed(`the node refused ${path} with status ${status} (${String(reason)})`)
    })

  const top: Reading<Top> = Effect.gen(function* () {
    const generation = yield* find("/v3/generations/current")
    const key = Json.field(generation ?? null, "key_block") ?? null
    const height = Number(yield* integer(key, "height"))
    const micro = Json.field(generation ?? null, "micro_blocks")
    const last = Json.isArray(micro) ? micro.at(-1) : undefined
    const newest = last === undefined ? key : { hash: last }
    return { height, newest: yield* id(newest, "hash", ["kh", "mh"]) }
  })

  const known = (key: Json.Json, hash: BlockHash, timestamp: bigint): Reading<KnownBlock> =>
    Effect.gen(function* () {
      const beneficiary = ApiEncoding.bytesOf(yield* id(key, "beneficiary", "ak"))
      const height = Number(yield* integer(key, "height"))
      const target = yield* integer(key, "target")
      // In a block it has four bytes; what is longer would be a number that no machine can hold.
      if (target < 0n || target > highestWritten) return yield* failed("the node's answer has a bad target")
      const difficulty = difficultyOf(target)
      const facts = {
        _tag: "PinnedBlock",
        height,
        timestamp: Number(timestamp),
        beneficiary,
        difficulty
      } as const
      return { hash, protocol: Number(yield* integer(key, "version")), facts }
    })

  const keyBlock = (path: string): Reading<KnownBlock | undefined> =>
    Effect.flatMap(find(`/v3/key-blocks/${path}`), (key) =>
      key === undefined
        ? Effect.succeed(undefined)
        : Effect.gen(function* () {
            // A key block counts as the millisecond after it.
            return yield* known(key, yield* id(key, "hash", "kh"), (yield* integer(key, "time")) + 1n)
          })
    )

  const microBlock = (hash: BlockHash): Reading<KnownBlock | undefined> =>
    Effect.flatMap(find(`/v3/micro-blocks/hash/${hash}/header`), (header) =>
      header === undefined
        ? Effect.succeed(undefined)
        : Effect.gen(function* () {
            const keyHash = yield* id(header, "prev_key_hash", "kh")
            const key = yield* find(`/v3/key-blocks/hash/${keyHash}`)
            if (key === undefined) return yield* failed(`the node does not know the key block of ${hash}`)
            return yield* known(key, hash, yield* integer(header, "time"))
          })
    )

  /** What is so now, for the newest block: it must be that before and after. */
  const ifNewest = <A>(at: BlockHash, now: Reading<A>, otherwise: string): Reading<A> =>
    Effect.gen(function* () {
      const isNewest = Effect.map(top, ({ newest }) => newest === at)
      if (!(yield* isNewest)) return yield* failed(otherwise)
      const answer = yield* now
      return (yield* isNewest) ? answer : yield* failed(otherwise)
    })

  const accountPath = (key: Uint8Array): string => `/v3/accounts/${ApiEncoding.encode("ak", key)}`

  const balanceIn = (account: Json.Json | undefined): Reading<bigint | undefined> =>
    account === undefined ? Effect.succeed(undefined) : integer(account, "balance")

  /** Not all nodes tell of accounts in earlier blocks. */
  const balance = (key: Uint8Array, at: BlockHash): Reading<bigint | undefined> =>
    Effect.orElse(Effect.flatMap(find(`${accountPath(key)}/hash/${at}`, "Account"), balanceIn), () =>
      ifNewest(
        at,
        Effect.flatMap(find(accountPath(key), "Account"), balanceIn),
        "the node does not tell of accounts in earlier blocks"
      )
    )

  /** What never was is not in any block; what is there now may be newer than the block. */
  const isContract = (key: Uint8Array, at: BlockHash): Reading<boolean> =>
    Effect.flatMap(find(`/v3/contracts/${ApiEncoding.encode("ct", key)}`, "Contract"), (contract) =>
      contract === undefined
        ? Effect.succeed(false)
        : ifNewest(at, Effect.succeed(true), "the node does not tell since when there is this contract")
    )

  /** Whoever takes no payments has never done so, but may be newer than the block. */
  const isPayable = (key: Uint8Array, at: BlockHash): Reading<boolean> =>
    Effect.flatMap(find(accountPath(key), "Account"), (account) =>
      account === undefined || Json.field(account, "payable") !== false
        ? Effect.succeed(true)
        : ifNewest(at, Effect.succeed(false), "the node does not tell since when there is this account")
    )

  /** No node asks the contract of a generalized account for others; but what is in a block has been asked. */
  const authenticate = ({ txHash }: Authentication): Reading<boolean> =>
    Effect.flatMap(find(`/v3/transactions/${txHash}`), (transaction) => {
      const height = Json.toBigInt(Json.field(transaction ?? null, "block_height"))
      return height !== undefined && height >= 0n
        ? Effect.succeed(true)
        : failed("the node does not tell what the contract of a generalized account agrees to")
    })

  const answered =
    <T extends ChainAnswer["_tag"]>(_tag: T) =>
    <V>(value: V) => ({ _tag, value })

  const read = (asked: ChainRead, at: BlockHash): Reading<ChainAnswer> => {
    switch (asked._tag) {
      case "Balance":
        return Effect.map(balance(asked.account, at), answered(asked._tag))
      case "BlockHash":
        return Effect.map(keyBlock(`height/${asked.height}`), (block) =>
          answered("BlockHash")(block === undefined ? undefined : ApiEncoding.bytesOf(block.hash))
        )
      case "IsContract":
        return Effect.map(isContract(asked.contract, at), answered(asked._tag))
      case "IsPayable":
        return Effect.map(isPayable(asked.account, at), answered(asked._tag))
      case "Block":
      case "Oracle":
      case "OracleQuery":
      case "Name":
        return failed(`nodes do not tell of ${asked._tag} as it was in a block`)
    }
  }

  return {
    top,
    block: (which) =>
      typeof which === "number"
        ? keyBlock(`height/${which}`)
        : which.startsWith("kh_")
          ? keyBlock(`hash/${which}`)
          : microBlock(which),
    read,
    authenticate
  }
}

/**
 * Provides a reader that asks a node over HTTP.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: HttpChainReaderOptions): Layer.Layer<ChainReader> =>
  Layer.provide(Layer.effect(ChainReader, make(options)), FetchHttpClient.layer)
