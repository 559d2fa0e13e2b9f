/**
 * The section of the README that shows what was measured: measured anew, printed and written in one go, so that no
 * figure is copied by hand.
 */
import { readFileSync, writeFileSync } from "node:fs"
import * as Harness from "../../core/bench/Harness.js"
import * as ColdStart from "./ColdStart.js"
import * as Lanes from "./Lanes.js"
import * as Parallel from "./Parallel.js"
import * as Profile from "./Profile.js"
import * as SdkPair from "./SdkPair.js"
import * as Signatures from "./Signatures.js"
import * as Updates from "./Updates.js"

const file = new URL("../../../README.md", import.meta.url)
/** Writes a section between its marks. */
export const replace = (name: "speed" | "load", text: string): void => {
  const [begin, end] = [`<!-- ${name}: begin -->\n`, `<!-- ${name}: end -->\n`]
  const now = readFileSync(file, "utf8")
  const [from, to] = [now.indexOf(begin), now.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`README.md lacks the marks ${begin.trim()} and ${end.trim()}`)
  writeFileSync(file, `${now.slice(0, from + begin.length)}\n${text}\n\n${now.slice(to)}`)
}

/** Everything that the section shows. */
interface Measured {
  readonly updates: ReadonlyArray<Updates.Compared>
  readonly parallel: ReadonlyArray<Lanes.Figures>
  readonly profile: Profile.Profile
  readonly cold: ReadonlyArray<ColdStart.Cold>
  readonly sign: ReadonlyArray<Harness.Measurement>
  readonly verify: ReadonlyArray<Harness.Measurement>
}

const measure = async (options: Harness.Options): Promise<Measured> => {
  const shown = <A>(value: A, tables: (value: A) => ReadonlyArray<Harness.Table>): A => {
    for (const table of tables(value)) console.log(`\n${Harness.print(table)}`)
    return value
  }
  const { sign, verify } = Signatures.groups()
  return {
    sign: Harness.measure(sign, options),
    verify: Harness.measure(verify, options),
    updates: shown(await Updates.measure(options), Updates.tables),
    parallel: shown(await Parallel.measure(options), Parallel.tables),
    profile: shown(await Profile.measure(options), Profile.tables),
    cold: shown(await ColdStart.measure(options), ColdStart.tables)
  }
}

/** Breaks a paragraph into lines, but not what stands between backquotes. */
export const paragraph = (text: string): string =>
  (text.match(/(?:`[^`]*`|[^ `])+/g) ?? [])
    .reduce<ReadonlyArray<string>>((lines, word) => {
      const last = lines.at(-1)
      return last === undefined || last.length + 1 + word.length > 119
        ? [...lines, word]
        : [...lines.slice(0, -1), `${last} ${word}`]
    }, [])
    .join("\n")

const rowOf = (name: string, { p50, p99, perSecond, share }: Lanes.Figures): ReadonlyArray<string> => [
  name,
  Math.round(perSecond).toLocaleString("en-US"),
  Harness.micros(p50),
  Harness.micros(p99),
  Lanes.percent(share)
]

const nameOf = ({ crypto, direction, library, way }: Updates.About): string =>
  [
    library === "sdk" ? `JavaScript SDK ${SdkPair.version()}, one channel ${way}` : `one channel ${way}`,
    ...(direction === "alternating" ? ["direction alternating"] : []),
    ...(crypto === "portable" ? ["portable cryptography"] : [])
  ].join(", ")

const updateRows = ({ parallel, updates }: Measured): ReadonlyArray<ReadonlyArray<string>> => {
  const rows = (wanted: (about: Updates.About) => boolean) =>
    updates.filter(({ about }) => wanted(about)).map(({ about, figures }) => rowOf(nameOf(about), figures))
  return [
    ...rows(({ crypto, way }) => crypto === "native" && way === "in memory"),
    ...rows(({ library, way }) => library === "own" && way === "over WebSocket"),
    // One channel is there already.
    ...parallel.slice(1).map((figures) => rowOf(`${figures.name} over WebSocket`, figures)),
    ...rows(({ crypto }) => crypto === "portable"),
    ...rows(({ library }) => library === "sdk")
  ]
}

const speeds = ({ updates }: Measured): ReadonlyArray<string> =>
  updates
    .filter(({ about }) => about.library === "own" && about.way === "over WebSocket")
    .map(({ speed }) => `${speed?.toFixed(1)} times`)

const spent = ({ profile }: Measured): string =>
  Profile.merged(profile)
    .map(({ name, share }) => `${name} ${Lanes.percent(share)}`)
    .join(", ")

const section = (measured: Measured): string => {
  const { cold, sign, updates, verify } = measured
  const floor = updates[0]?.figures.floor ?? Number.NaN
  const micros = (times: ReadonlyArray<Harness.Measurement>) =>
    times.map(({ median }) => `${Harness.micros(median)} µs`)
  const [nativeSign, portableSign] = micros(sign)
  const [nativeVerify, portableVerify] = micros(verify)
  const [oneWay, alternating] = speeds(measured)
  const [version, node] = cold.map(({ median, min }) => `${median.toFixed(0)} ms (at best ${min.toFixed(0)})`)
  return [
    paragraph(
      "`npm run bench` measures on your machine (`npm run bench -- --quick`: in less time), " +
        "`npm run bench -- --readme` writes this section. These figures are " +
        `of ${Harness.machine()}. Both clients, the node with a state machine for each of them, and the chain share ` +
        "one thread; each client verifies the other, and the node verifies both."
    ),
    Harness.markdown({
      title: "one update after the other on each channel",
      heads: ["per second", "p50 ms", "p99 ms", "floor's share"],
      rows: updateRows(measured)
    }),
    paragraph(
      `The floor is two signatures and two verifications, ${floor.toFixed(2)} ms: no update can be had for less. Our ` +
        `clients make ${oneWay} the updates of the JavaScript SDK's, which verify no signature, over WebSocket at the ` +
        `same node in the same run; ${alternating} when the direction alternates.`
    ),
    paragraph(`Where the time goes, one channel over WebSocket: ${spent(measured)}.`),
    paragraph(
      `Ed25519 with \`NativeCrypto\`: ${nativeSign} to sign, ${nativeVerify} to verify; portable: ` +
        `${portableSign} and ${portableVerify}. From nothing, \`aechannel --version\` takes ${version}, ` +
        `\`aechannel node\` is ready after ${node}.`
    )
  ].join("\n\n")
}

/** Measures, and writes the section. */
export const write = async (options: Harness.Options): Promise<void> => {
  const text = section(await measure(options))
  replace("speed", text)
  console.log(`\n${text}\n\nwritten to README.md`)
}
