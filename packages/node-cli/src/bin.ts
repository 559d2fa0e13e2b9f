/**
 * The entry: answers `--version` by itself, since loading everything else takes longer than the answer. The commands
 * are in `Main.ts`.
 *
 * @since 0.1.0
 */
declare const AECHANNEL_VERSION: string

const args = process.argv.slice(2)

if (args.length === 1 && args[0] === "--version") process.stdout.write(`${AECHANNEL_VERSION}\n`)
else (await import("./Main.js")).main(process.argv, AECHANNEL_VERSION)
