/**
 * `aechannel keys`: makes and shows accounts.
 *
 * @since 0.1.0
 */
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import * as Json from "@aechannel/core/encoding/Json"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as KeyFile from "./KeyFile.js"

const json = Options.boolean("json").pipe(Options.withDescription("print one line of JSON"))

const print = (keyPair: KeyPair.KeyPair, options: { readonly json: boolean; readonly secret: boolean }) => {
  const secretKey = options.secret ? Redacted.value(KeyPair.toText(keyPair)) : undefined
  if (options.json)
    return Console.log(
      Json.stringify({ address: keyPair.address, ...(secretKey === undefined ? {} : { secretKey }) })
    )
  return Console.log(
    secretKey === undefined ? keyPair.address : `address     ${keyPair.address}\nsecret key  ${secretKey}`
  )
}

const out = Options.file("out").pipe(
  Options.optional,
  Options.withDescription(
    "write the secret key to this new file, readable by its owner only, and do not print it"
  )
)
const force = Options.boolean("force").pipe(
  Options.withDescription("replace the file if there is one; the key in it is lost")
)

const make = Command.make("new", { out, force, json }, (options) =>
  Effect.gen(function* () {
    const keyPair = yield* KeyPair.generate
    if (Option.isSome(options.out)) yield* KeyFile.write(options.out.value, keyPair, options)
    yield* print(keyPair, { json: options.json, secret: Option.isNone(options.out) })
  }).pipe(Effect.provide(NativeCrypto.layer))
).pipe(
  Command.withDescription(
    "Make an account: a new secret key, from the system's randomness, and its address. Whoever has the key has the coins."
  )
)

const file = Args.text({ name: "file" }).pipe(
  Args.withDescription("file with a secret key (sk_… or hexadecimal digits); - reads the standard input")
)
const secret = Options.boolean("secret").pipe(Options.withDescription("print the secret key too"))

const show = Command.make("show", { file, secret, json }, (options) =>
  Effect.gen(function* () {
    const keyPair = yield* KeyFile.read(options.file)
    if (yield* KeyFile.isExposed(options.file))
      yield* Console.error(
        `aechannel: others on this machine may read “${options.file}”. Make it yours alone: chmod 600 "${options.file}"`
      )
    yield* print(keyPair, options)
  }).pipe(Effect.provide(NativeCrypto.layer))
).pipe(Command.withDescription("Show the address that belongs to a secret key."))

/**
 * @since 0.1.0
 * @category commands
 */
export const keys = Command.make("keys").pipe(
  Command.withDescription("Make an account's keys, or show the address that belongs to one."),
  Command.withSubcommands([make, show])
)
