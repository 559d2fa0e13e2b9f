/**
 * The arguments of the command line, looked at before they are parsed: mistyped commands get a suggestion, and options
 * may stand after a lone dash.
 *
 * @since 0.1.0
 */
import * as Descriptor from "@effect/cli/CommandDescriptor"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as LogLevel from "effect/LogLevel"

/**
 * The arguments name something that there is not.
 *
 * @since 0.1.0
 * @category errors
 */
export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

const distance = (a: string, b: string): number => {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      current.push(Math.min((previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, replaced))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}

/**
 * The name nearest to a mistyped one: it begins with it, or at most two letters are wrong.
 *
 * @since 0.1.0
 * @category combinators
 */
export const nearest = (typed: string, names: ReadonlyArray<string>): string | undefined => {
  const text = typed.slice(0, 32).toLowerCase()
  if (text.length < 2) return undefined
  const [best] = names
    .map((name) => ({ name, far: name.startsWith(text) ? 0 : distance(text, name) }))
    .filter(({ far, name }) => far <= 2 && far < name.length)
    .sort((a, b) => a.far - b.far)
  return best?.name
}

/** Options that every command has, with the values of those that take one. */
const builtIns: ReadonlyMap<string, ReadonlyArray<string> | undefined> = new Map([
  ["--help", undefined],
  ["-h", undefined],
  ["--version", undefined],
  ["--wizard", undefined],
  ["--completions", ["sh", "bash", "fish", "zsh"]],
  ["--log-level", LogLevel.allLevels.map(({ _tag }) => _tag.toLowerCase())]
])

const didYouMean = (typed: string, names: ReadonlyArray<string>): string => {
  const name = nearest(typed, names)
  return name === undefined ? "" : ` Did you mean “${name}”?`
}

const shown = (typed: string): string => JSON.stringify(typed.slice(0, 32))

const checkValues = (args: ReadonlyArray<string>): UsageError | undefined => {
  for (const [index, arg] of args.entries()) {
    const [option = "", given] = arg.split("=", 2)
    const values = builtIns.get(option)
    if (values === undefined) continue
    const value = given ?? args[index + 1]
    if (value === undefined || !values.includes(value.toLowerCase()))
      return new UsageError({
        message: `${option} takes one of ${values.join(", ")}${value === undefined ? "" : `, not ${shown(value)}`}.`
      })
  }
  return undefined
}

/**
 * The names of a command and of those it has below it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Outline {
  readonly name: string
  readonly commands: ReadonlyArray<Outline>
}

/**
 * The outline of a command with at most one level below it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const outlineOf = (command: { readonly descriptor: Descriptor.Command<unknown> }): Outline => {
  const [name = ""] = Descriptor.getNames(command.descriptor)
  const below = Array.from(HashMap.keys(Descriptor.getSubcommands(command.descriptor))).sort()
  // A command without others below it is its own only one.
  return {
    name,
    commands: below.filter((each) => each !== name).map((each) => ({ name: each, commands: [] }))
  }
}

const checkCommand = (args: ReadonlyArray<string>, { commands, name }: Outline): UsageError | undefined => {
  if (commands.length === 0) return undefined
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? ""
    if (arg.startsWith("-") && arg !== "-") {
      const [option = ""] = arg.split("=", 1)
      if (!builtIns.has(option))
        return new UsageError({
          message: `\`${name}\` has no option ${shown(option)}.${didYouMean(option, [...builtIns.keys()])} Options of a command stand behind its name; see \`${name} --help\`.`
        })
      if (builtIns.get(option) !== undefined && !arg.includes("=")) index++
      continue
    }
    const found = commands.find((command) => command.name === arg)
    if (found !== undefined)
      return checkCommand(args.slice(index + 1), { ...found, name: `${name} ${found.name}` })
    const names = commands.map((command) => command.name)
    return new UsageError({
      message: `there is no command ${shown(`${name} ${arg}`)}.${didYouMean(arg, names)} There are ${names.map((each) => `\`${name} ${each}\``).join(", ")}; see \`${name} --help\`.`
    })
  }
  return undefined
}

/**
 * A lone dash behind all the others: the parser takes everything after it for arguments, also options. A dash that is
 * the value of an option stays where it is.
 */
const dashLast = (args: ReadonlyArray<string>): ReadonlyArray<string> => {
  const moves = (arg: string, index: number) => arg === "-" && !(args[index - 1] ?? "").startsWith("--")
  const dashes = args.filter(moves)
  return [...args.filter((arg, index) => !moves(arg, index)), ...dashes]
}

/** The parser knows `--option=value` only where the value has no `=` itself. */
const valuesApart = (args: ReadonlyArray<string>): ReadonlyArray<string> =>
  args.flatMap((arg) => {
    const [, option = "", value = ""] = /^(--[a-z-]+)=(.*=.*)$/s.exec(arg) ?? []
    return option === "" ? [arg] : [option, value]
  })

/**
 * The arguments (`process.argv`, program and script included) as the parser shall see them. Fails with `UsageError` for
 * an unknown command and for unknown options or values where no command explains them.
 *
 * @since 0.1.0
 * @category combinators
 */
export const prepare = (
  argv: ReadonlyArray<string>,
  root: Outline
): Effect.Effect<ReadonlyArray<string>, UsageError> => {
  const args = argv.slice(2)
  const error = checkCommand(args, root) ?? checkValues(args)
  return error === undefined
    ? Effect.succeed([...argv.slice(0, 2), ...valuesApart(dashLast(args))])
    : Effect.fail(error)
}
