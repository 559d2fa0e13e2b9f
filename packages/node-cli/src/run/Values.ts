/**
 * The leaves of a script: amounts, durations, names, whole numbers. Each says in words what it expects, so that an error
 * names that and what came.
 *
 * @since 0.1.0
 */
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import { formatAe } from "../Amounts.js"

/**
 * What is wrong with a value: where in it, and what was expected and came, in words.
 *
 * @since 0.1.0
 * @category models
 */
export interface Issue {
  readonly path: ReadonlyArray<PropertyKey>
  readonly what: string
}

/**
 * A schema of one value from a function that reads it; `undefined` means that it is not one. `what` completes
 * “expected …”.
 *
 * @since 0.1.0
 * @category constructors
 */
export const leaf = <A>(what: string, read: (value: unknown) => A | undefined): Schema.Schema<A, unknown> =>
  declared<A>((value, ast) => {
    const found = read(value)
    return found === undefined
      ? ParseResult.fail(new ParseResult.Type(ast, value, what))
      : ParseResult.succeed(found)
  })

/** Scripts are only read, so that nothing is ever encoded. */
const declared = <A>(
  decode: (value: unknown, ast: SchemaAST.AST) => Either.Either<A, ParseResult.ParseIssue>
): Schema.Schema<A, unknown> =>
  Schema.make<A, unknown>(
    Schema.declare([], {
      decode: () => (value, _, ast) => decode(value, ast),
      encode: () => (value) => ParseResult.succeed(value)
    }).ast
  )

/** A field that may be absent. @since 0.1.0 @category constructors */
export const maybe = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

const aettosPerAe = 10n ** 18n

/** Aettos from `10 AE`, `0.5 AE`, `500 aettos`, `500` or a whole number. */
const readAmount = (value: unknown): bigint | undefined => {
  if (typeof value === "bigint") return value
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined
  if (typeof value !== "string") return undefined
  const aettos = /^(-?\d{1,80})(?: ?aettos)?$/.exec(value)?.[1]
  if (aettos !== undefined) return BigInt(aettos)
  const [, sign, whole, fraction = ""] = /^(-?)(\d{1,60})(?:\.(\d{1,18}))? ?AE$/i.exec(value) ?? []
  if (whole === undefined) return undefined
  const absolute = BigInt(whole) * aettosPerAe + BigInt(fraction.padEnd(18, "0"))
  return sign === "-" ? -absolute : absolute
}

/**
 * An amount in aettos.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Amount = leaf("an amount such as “10 AE” or a whole number of aettos", readAmount)

/**
 * What an amount is compared with; `atLeast` and `atMost` are inclusive.
 *
 * @since 0.1.0
 * @category models
 */
export interface AmountRange {
  readonly atLeast: bigint | undefined
  readonly atMost: bigint | undefined
}

const field = (value: object, key: string): unknown => Object.getOwnPropertyDescriptor(value, key)?.value

const readRange = (value: unknown): AmountRange | undefined => {
  const exact = readAmount(value)
  if (exact !== undefined) return { atLeast: exact, atMost: exact }
  if (typeof value !== "object" || value === null) return undefined
  const keys = Object.keys(value)
  if (keys.length === 0 || keys.some((key) => key !== "atLeast" && key !== "atMost")) return undefined
  const bound = (key: string) => (Object.hasOwn(value, key) ? readAmount(field(value, key)) : undefined)
  const [atLeast, atMost] = [bound("atLeast"), bound("atMost")]
  return keys.some((key) => bound(key) === undefined) ? undefined : { atLeast, atMost }
}

/**
 * An amount to compare with: an exact one, or `{ atLeast, atMost }`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Range = leaf("an amount such as “10 AE”, or { atLeast: …, atMost: … }", readRange)

/** Whether an amount is in a range. @since 0.1.0 @category inspection */
export const isWithin = (amount: bigint, { atLeast, atMost }: AmountRange): boolean =>
  (atLeast === undefined || amount >= atLeast) && (atMost === undefined || amount <= atMost)

/** A range in words. @since 0.1.0 @category formatting */
export const describeRange = ({ atLeast, atMost }: AmountRange): string => {
  if (atLeast === undefined) return `at most ${formatAe(atMost ?? 0n)}`
  if (atMost === undefined) return `at least ${formatAe(atLeast)}`
  return atLeast === atMost ? formatAe(atLeast) : `${formatAe(atLeast)} to ${formatAe(atMost)}`
}

const units = { ms: 1, s: 1000, min: 60_000 } as const

const isUnit = (unit: string): unit is keyof typeof units => Object.hasOwn(units, unit)

const readMillis = (value: unknown): number | undefined => {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? value : undefined
  if (typeof value !== "string") return undefined
  const [, number, unit = ""] = /^(\d{1,9}(?:\.\d{1,3})?) ?(ms|s|min)$/.exec(value) ?? []
  return number === undefined || !isUnit(unit) ? undefined : Math.round(Number(number) * units[unit])
}

/**
 * A duration in milliseconds, from `200 ms`, `2 s`, `1 min` or a whole number of milliseconds.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Millis = leaf("a duration such as “200 ms” or “2 s”", readMillis)

/** A duration in words. @since 0.1.0 @category formatting */
export const describeMillis = (millis: number): string =>
  millis >= 1000 && millis % 100 === 0 ? `${millis / 1000} s` : `${millis} ms`

/** @since 0.1.0 @category schemas */
export const Text = leaf("a text", (value) => (typeof value === "string" ? value : undefined))

/** @since 0.1.0 @category schemas */
export const Flag = leaf("true or false", (value) => (typeof value === "boolean" ? value : undefined))

/** Only `true`: the presence of a choice. @since 0.1.0 @category schemas */
export const Yes = leaf("true", (value) => (value === true ? true : undefined))

/** A list of texts, or one. @since 0.1.0 @category schemas */
export const Notes = leaf("a text or a list of texts", (value): ReadonlyArray<string> | undefined => {
  if (typeof value === "string") return [value]
  return Array.isArray(value) && value.every((item) => typeof item === "string") ? value : undefined
})

/** An object with anything in it. @since 0.1.0 @category schemas */
export const Facts = leaf("an object", (value) => (isObject(value) ? value : undefined))

/** The number of a parallel step's branches, which are read as steps. @since 0.1.0 @category schemas */
export const Branches = leaf("a list of branches, each a step or a list of steps", (value) =>
  typeof value === "number" && value > 0 ? value : undefined
)

/** A whole number within bounds. @since 0.1.0 @category schemas */
export const whole = (least: number, most: number = Number.MAX_SAFE_INTEGER) =>
  leaf(
    most === Number.MAX_SAFE_INTEGER
      ? `a whole number from ${least} up`
      : `a whole number from ${least} to ${most}`,
    (value) =>
      typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most
        ? value
        : undefined
  )

/** Words with “or” before the last. @since 0.1.0 @category formatting */
export const orList = (words: ReadonlyArray<string>): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`

/** One of some words. @since 0.1.0 @category schemas */
export const choice = <const W extends string>(words: ReadonlyArray<W>, what: string = orList(words)) =>
  leaf(what, (value) => words.find((word) => word === value))

/** An object with values of one kind under some of these keys, at least one. @since 0.1.0 @category schemas */
export const table = <A>(
  keys: ReadonlyArray<string>,
  value: Schema.Schema<A, unknown>
): Schema.Schema<{ readonly [key: string]: A }, unknown> => {
  const readItem = ParseResult.decodeUnknownEither(value)
  return declared((raw, ast) => {
    if (!isObject(raw) || Object.keys(raw).length === 0)
      return ParseResult.fail(new ParseResult.Type(ast, raw, `values for ${orList(keys)}`))
    const issues: Array<ParseResult.ParseIssue> = []
    const found: Record<string, A> = {}
    for (const [key, inner] of Object.entries(raw)) {
      const item = keys.includes(key)
        ? readItem(inner)
        : Either.left(new ParseResult.Type(ast, inner, `a name: ${orList(keys)}`))
      if (Either.isRight(item)) found[key] = item.right
      else issues.push(new ParseResult.Pointer(key, raw, item.left))
    }
    const [first, ...others] = issues
    return first === undefined
      ? ParseResult.succeed(found)
      : ParseResult.fail(new ParseResult.Composite(ast, raw, [first, ...others]))
  })
}

/**
 * A list of some of these words, or one of them.
 *
 * @since 0.1.0
 * @category schemas
 */
export const choices = <const W extends string>(words: ReadonlyArray<W>) =>
  leaf(`${orList(words)}, or a list of these`, (value): ReadonlyArray<W> | undefined => {
    const all: ReadonlyArray<unknown> = Array.isArray(value) ? value : [value]
    const found = all.flatMap((each) => words.filter((word) => word === each))
    return found.length > 0 && found.length === all.length ? found : undefined
  })

/**
 * An object of these fields, or the value of one of them alone. `what` completes “expected …”.
 *
 * @since 0.1.0
 * @category schemas
 */
export const short = <A, I>(
  what: string,
  key: string,
  schema: Schema.Schema<A, I>
): Schema.Schema<A, unknown> => {
  const read = ParseResult.decodeUnknownEither(schema, { errors: "all", onExcessProperty: "error" })
  return declared((raw, ast) =>
    isObject(raw)
      ? read(raw)
      : Either.mapLeft(read({ [key]: raw }), () => new ParseResult.Type(ast, raw, what))
  )
}

/** Complains unless exactly one of these fields is there; for `Schema.filter`. @since 0.1.0 @category schemas */
export const exactlyOne = (body: object, keys: ReadonlyArray<string>): string | undefined =>
  keys.filter((key) => Object.hasOwn(body, key)).length === 1 ? undefined : `one of ${keys.join(", ")}`

/** An object that is no list. @since 0.1.0 @category inspection */
export const isObject = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** @since 0.1.0 @category schemas */
export const Address = leaf("an account address (ak_…)", (value) =>
  ApiEncoding.is("ak", value) ? value : undefined
)

/** @since 0.1.0 @category schemas */
export const BlockHash = leaf("a block's hash (kh_… or mh_…)", (value) =>
  ApiEncoding.is(["kh", "mh"], value) ? value : undefined
)

/** @since 0.1.0 @category schemas */
export const ChannelId = leaf("a channel's id (ch_…)", (value) =>
  ApiEncoding.is("ch", value) ? value : undefined
)

/** @since 0.1.0 @category schemas */
export const TxHash = leaf("a transaction's hash (th_…)", (value) =>
  ApiEncoding.is("th", value) ? value : undefined
)

/** @since 0.1.0 @category schemas */
export const ContractId = leaf("a contract's id (ct_…)", (value) =>
  ApiEncoding.is("ct", value) ? value : undefined
)

/** Bytes as text. @since 0.1.0 @category schemas */
export const ContractBytes = leaf("code or call data (cb_…)", (value) =>
  ApiEncoding.is("cb", value) ? value : undefined
)

/** Whatever it is. @since 0.1.0 @category schemas */
export const Anything = leaf<unknown>("a value", (value) => value)

/** A list of whatever it is. @since 0.1.0 @category schemas */
export const List = leaf("a list", (value): ReadonlyArray<unknown> | undefined =>
  Array.isArray(value) ? value : undefined
)

/** What could be a secret key is never shown. */
const looksSecret = (text: string): boolean => /sk_|^[0-9a-f]{64}(?:[0-9a-f]{64})?$/i.test(text)

/**
 * A value as it came, short; never a key.
 *
 * @since 0.1.0
 * @category formatting
 */
export const show = (value: unknown): string => {
  if (value === undefined) return "nothing"
  if (typeof value === "string")
    return looksSecret(value) ? "what looks like a secret key" : `“${shorten(value)}”`
  if (typeof value === "object" && value !== null) {
    const text = JSON.stringify(value, (_, inner: unknown) =>
      typeof inner === "bigint" ? String(inner) : inner
    )
    return looksSecret(text) ? "what looks like a secret key" : shorten(text)
  }
  return String(value)
}

const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}…` : text)

/** The value at a path. @since 0.1.0 @category getters */
export const valueAt = (value: unknown, path: ReadonlyArray<PropertyKey>): unknown =>
  path.reduce<unknown>(
    (at, key) => (typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined),
    value
  )

/** A path in words: `branches[0].amount`. @since 0.1.0 @category formatting */
export const showPath = (path: ReadonlyArray<PropertyKey>): string =>
  path
    .map((key, index) => (typeof key === "number" ? `[${key}]` : `${index === 0 ? "" : "."}${String(key)}`))
    .join("")

/** Path and what is wrong as one clause. @since 0.1.0 @category formatting */
export const showIssue = ({ path, what }: Issue): string =>
  path.length === 0 ? what : `${showPath(path)}: ${what}`

const issueOf =
  (raw: unknown) =>
  ({ _tag, path, message }: ParseResult.ArrayFormatterIssue): Issue => {
    if (_tag === "Missing") return { path, what: "is missing" }
    if (_tag === "Unexpected") {
      const known = [...message.matchAll(/"([^"]+)"/g)].map(([, key]) => String(key))
      return { path, what: `is not known here${known.length === 0 ? "" : `; known are ${known.join(", ")}`}` }
    }
    const expected = /^Expected ([\s\S]*), actual /.exec(message)?.[1] ?? message
    const structure = expected.startsWith("{")
      ? "an object"
      : expected.startsWith("ReadonlyArray")
        ? "a list"
        : undefined
    return { path, what: `expected ${structure ?? expected}; came ${show(valueAt(raw, path))}` }
  }

/**
 * Reads a value by its schema; unknown keys are errors. All issues are told, not only the first.
 *
 * @since 0.1.0
 * @category decoding
 */
export const read = <A, I>(
  schema: Schema.Schema<A, I>,
  raw: unknown
): Either.Either<A, ReadonlyArray<Issue>> =>
  Either.mapLeft(
    Schema.decodeUnknownEither(schema)(raw, { errors: "all", onExcessProperty: "error" }),
    (error) => ParseResult.ArrayFormatter.formatErrorSync(error).map(issueOf(raw))
  )
