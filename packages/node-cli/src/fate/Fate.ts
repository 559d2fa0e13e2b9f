/**
 * `aechannel fate`: byte code of contracts as text, and calls of contracts without a channel.
 *
 * @since 0.1.0
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

// Loaded when it is needed: the other commands start faster without it.
const program = Effect.promise(() => import("./Program.js"))

const code = Args.text({ name: "code" }).pipe(
  Args.withDescription("a contract's code: cb_…, or a file that holds it; - reads the standard input")
)

const disasm = Command.make("disasm", { code }, (options) =>
  Effect.flatMap(program, ({ disassemble }) => disassemble(options.code))
).pipe(
  Command.withDescription(
    "Show a contract's byte code: functions with their names and types, blocks and instructions."
  )
)

const called = Args.text({ name: "function" }).pipe(
  Args.withDescription("the name of a function, or call data (cb_…)")
)
const args = Args.text({ name: "argument" }).pipe(
  Args.withDescription(
    'arguments of the function, as JSON (42, "text", [1,2], {"x":1}); what is no JSON, such as ak_…, is text.'
  ),
  Args.repeated
)
const aci = Options.file("aci").pipe(
  Options.optional,
  Options.withDescription(
    "the contract's interface (JSON, as the compiler writes it): records and constructors have their names. Default: the types in the byte code"
  )
)
const gas = Options.integer("gas").pipe(
  Options.withDefault(1_000_000),
  Options.withDescription("the most gas the call may use; default: 1000000, as off chain")
)
const amount = Options.text("amount").pipe(
  Options.withDefault("0"),
  Options.withDescription("aettos that come with the call; default: 0")
)
const balance = Options.text("balance").pipe(
  Options.withDefault("0"),
  Options.withDescription("aettos the contract has before; default: 0")
)
const caller = Options.text("caller").pipe(
  Options.optional,
  Options.withDescription(
    "account (ak_…) that calls and owns the contract; default: one nobody has the key of"
  )
)
const store = Options.file("store").pipe(
  Options.optional,
  Options.withDescription(
    "the contract's store before (JSON, as --save writes it or as a node answers contract_state); default: that of a contract before init"
  )
)
const save = Options.file("save").pipe(
  Options.optional,
  Options.withDescription(
    "write the store after the call to this file; nothing is written unless it ends well"
  )
)
const protocol = Options.integer("protocol").pipe(
  Options.withDefault(6),
  Options.withDescription(
    "consensus protocol, 4 to 6 (Lima, Iris, Ceres), and the machine's version with it; default: 6"
  )
)
const height = Options.integer("height").pipe(
  Options.withDefault(1),
  Options.withDescription("the height the contract sees; default: 1")
)
const json = Options.boolean("json").pipe(
  Options.withDescription("print one line of JSON; integers without bound are decimal strings")
)

const run = Command.make(
  "run",
  { code, called, args, aci, gas, amount, balance, caller, store, save, protocol, height, json },
  (options) =>
    Effect.flatMap(program, ({ call }) =>
      call({
        ...options,
        aci: Option.getOrUndefined(options.aci),
        caller: Option.getOrUndefined(options.caller),
        store: Option.getOrUndefined(options.store),
        save: Option.getOrUndefined(options.save)
      })
    )
).pipe(
  Command.withDescription(
    "Call a function of a contract, on a chain with nothing else on it, and show the result, the gas, the log and what became of the store. A call that ends in an error or a revert fails."
  )
)

/**
 * @since 0.1.0
 * @category commands
 */
export const fate = Command.make("fate").pipe(
  Command.withDescription("Read the byte code of contracts, and call them without a channel."),
  Command.withSubcommands([disasm, run])
)
