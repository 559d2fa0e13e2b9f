/**
 * The parties' keys: made up, from a file, or from the environment. They stay `Redacted` and are never printed.
 *
 * @since 0.1.0
 */
import type { Crypto } from "@aechannel/core/crypto/Crypto"
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import * as Json from "@aechannel/core/encoding/Json"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { PartyHeader } from "./Header.js"
import { SetupError } from "./Problems.js"

/**
 * Keys from files: by party, or in the order of the parties.
 *
 * @since 0.1.0
 * @category models
 */
export interface KeyFiles {
  readonly files: ReadonlyArray<string>
  readonly byName: ReadonlyMap<string, Redacted.Redacted<string>>
  readonly inOrder: ReadonlyArray<Redacted.Redacted<string>>
}

/** No files. @since 0.1.0 @category constructors */
export const none: KeyFiles = { files: [], byName: new Map(), inOrder: [] }

const shapes = 'expected one sk_… text, {"Alice": "sk_…", …}, or what `aechannel node --config-out` writes'

const secretIn = (value: Json.Json): ReadonlyArray<Redacted.Redacted<string>> => {
  const text = Json.field(value, "secretKey") ?? value
  return typeof text === "string" ? [Redacted.make(text)] : []
}

const read = (file: string, text: string): Effect.Effect<KeyFiles, SetupError> => {
  const trimmed = text.trim()
  if (!trimmed.startsWith("{"))
    return Effect.succeed({ ...none, files: [file], inOrder: [Redacted.make(trimmed)] })
  return Json.parse(trimmed).pipe(
    Effect.mapError(
      ({ detail }) => new SetupError({ detail: `the key file ${file} is no JSON: ${detail}; ${shapes}` })
    ),
    Effect.flatMap((json) => {
      const accounts = Json.field(json, "accounts")
      const entries = Json.isObject(json) ? Object.entries(json) : []
      const inOrder = Json.isArray(accounts)
        ? accounts.flatMap(secretIn)
        : Json.field(json, "secretKey") === undefined
          ? []
          : secretIn(json)
      const byName =
        inOrder.length > 0
          ? []
          : entries.flatMap(([name, value]) => secretIn(value).map((key) => [name, key] as const))
      return inOrder.length + byName.length === 0
        ? new SetupError({ detail: `the key file ${file} holds no key: ${shapes}` })
        : Effect.succeed({ files: [file], byName: new Map(byName), inOrder })
    })
  )
}

const merge = (all: ReadonlyArray<KeyFiles>): KeyFiles =>
  all.reduce<KeyFiles>(
    (merged, { files, byName, inOrder }) => ({
      files: [...merged.files, ...files],
      byName: new Map([...merged.byName, ...byName]),
      inOrder: [...merged.inOrder, ...inOrder]
    }),
    none
  )

/** A file's keys; of `NAME=FILE` the file's only key is that party's. */
const fromFile = (
  argument: string,
  parties: ReadonlyArray<PartyHeader>
): Effect.Effect<KeyFiles, SetupError, FileSystem.FileSystem> => {
  const name = argument.slice(0, Math.max(0, argument.indexOf("=")))
  const named = parties.some((party) => party.name === name)
  const file = named ? argument.slice(name.length + 1) : argument
  return FileSystem.FileSystem.pipe(
    Effect.flatMap((fs) => fs.readFileString(file)),
    Effect.mapError(
      () => new SetupError({ detail: `cannot read the key file ${file}: check its name and your rights` })
    ),
    Effect.flatMap((text) => read(file, text)),
    Effect.flatMap((found) => {
      const [key, other] = found.inOrder
      if (!named) return Effect.succeed(found)
      return key === undefined || other !== undefined
        ? new SetupError({ detail: `${file} is to hold one key, that of ${name}: ${shapes}` })
        : Effect.succeed({ files: [file], byName: new Map([[name, key]]), inOrder: [] })
    })
  )
}

/**
 * Reads key files: one key (`aechannel keys new --out`), alone or as `NAME=FILE`; a JSON object of keys by party; or
 * the accounts that `aechannel node --config-out` wrote. Keys without a name are for the parties in the order of the
 * script.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromFiles = (
  files: ReadonlyArray<string>,
  parties: ReadonlyArray<PartyHeader>
): Effect.Effect<KeyFiles, SetupError, FileSystem.FileSystem> =>
  Effect.map(
    Effect.forEach(files, (file) => fromFile(file, parties)),
    merge
  )

const parse = (
  party: PartyHeader,
  where: string,
  text: Redacted.Redacted<string>
): Effect.Effect<KeyPair.KeyPair, SetupError, Crypto> =>
  KeyPair.fromText(text).pipe(
    Effect.mapError(
      ({ detail }) =>
        new SetupError({ detail: `the key of ${party.name} in ${where} is not a secret key: ${detail}` })
    ),
    Effect.filterOrFail(
      ({ address }) => party.address === undefined || party.address === address,
      ({ address }) =>
        new SetupError({
          detail: `the key of ${party.name} in ${where} is that of ${address}, but the script says ${party.address}`
        })
    )
  )

/**
 * The key of a party that the script drives; `index` is its place among them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const keyOf = (
  party: PartyHeader,
  index: number,
  keys: KeyFiles
): Effect.Effect<KeyPair.KeyPair, SetupError, Crypto> => {
  const { key, name } = party
  if (typeof key === "object")
    return Config.redacted(key.env).pipe(
      Effect.mapError(
        () =>
          new SetupError({ detail: `the environment has no ${key.env}, which is to hold the key of ${name}` })
      ),
      Effect.flatMap((text) => parse(party, `the environment variable ${key.env}`, text))
    )
  if (key === "generated") return KeyPair.generate
  const where = keys.files.join(", ")
  const inFile = keys.byName.get(name) ?? keys.inOrder[index]
  if (inFile !== undefined) return parse(party, where, inFile)
  if (key === "file" || where !== "")
    return new SetupError({
      detail:
        where === ""
          ? `the script wants the key of ${name} from a file: name it with --key-file`
          : `there is no key of ${name} in ${where}; say whose a file is with --key-file ${name}=FILE`
    })
  return party.address === undefined
    ? KeyPair.generate
    : new SetupError({
        detail: `${name} has an address but no key: use --key-file, key: { env: NAME }, or remote: true`
      })
}
