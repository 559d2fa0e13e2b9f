/**
 * A small bench harness: cases that belong together are measured in turns, so that what else the machine does meets
 * all of them alike and their ratios hold.
 */
import * as Os from "node:os"
import { performance } from "node:perf_hooks"

/** Something to be timed. */
export interface Case {
  readonly name: string
  /** Called again and again; what it returns is looked at, so that no compiler leaves the work out. */
  readonly run: () => unknown
  /** How many operations one call is; 1 when left out. */
  readonly operations?: number
}

/** Cases of one kind. */
export interface Group {
  readonly title: string
  readonly cases: ReadonlyArray<Case>
  /** Whether the cases are ways to the same end, so that their speeds are compared with the first one's. */
  readonly compare?: boolean
}

/** Times of one operation in microseconds. */
export interface Measurement {
  readonly name: string
  readonly min: number
  readonly median: number
  /** How much faster than the group's first case: the median over samples that were taken one after the other. */
  readonly speed: number
}

/** What the bench prints: a title, column heads and rows of cells, the first of which is the name. */
export interface Table {
  readonly title: string
  readonly heads: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
  readonly notes?: ReadonlyArray<string>
}

/** How long and how often. */
export interface Options {
  /** For a first look: fewer samples, rougher figures. */
  readonly quick: boolean
  /** Samples per case. */
  readonly repeats: number
  /** Milliseconds of one sample. */
  readonly sample: number
}

/** One file of benches. */
export interface Theme {
  readonly name: string
  readonly run: (options: Options) => Promise<ReadonlyArray<Table>>
}

let sink = 0

const consume = (value: unknown): void => {
  if (value === undefined) sink++
}

const timeOf = ({ operations = 1, run }: Case, calls: number): number => {
  const start = performance.now()
  for (let i = 0; i < calls; i++) consume(run())
  return ((performance.now() - start) * 1000) / (calls * operations)
}

/** Warms the code up and finds how many calls fill one sample. */
const callsFor = (case_: Case, sample: number): number => {
  const { operations = 1 } = case_
  let calls = 1
  for (;;) {
    const total = (timeOf(case_, calls) * calls * operations) / 1000
    if (total >= sample) return Math.max(1, Math.round((calls * sample) / total))
    calls = Math.max(
      calls + 1,
      Math.min(calls * 4, Math.ceil((calls * sample * 1.2) / Math.max(total, 0.001)))
    )
  }
}

/** The value below which the given part of the sorted values lies. */
export const quantile = (values: ReadonlyArray<number>, part: number): number => {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

/** Measures the cases of a group in turns. */
export const measure = ({ cases }: Group, { repeats, sample }: Options): ReadonlyArray<Measurement> => {
  const prepared = cases.map((case_) => ({
    case_,
    calls: callsFor(case_, sample),
    times: new Array<number>()
  }))
  for (let i = 0; i < repeats; i++) {
    for (const { calls, case_, times } of prepared) times.push(timeOf(case_, calls))
  }
  const first = prepared[0]?.times ?? []
  return prepared.map(({ case_, times }) => ({
    name: case_.name,
    min: Math.min(...times),
    median: quantile(times, 0.5),
    speed: quantile(
      times.map((time, index) => (first[index] ?? Number.NaN) / time),
      0.5
    )
  }))
}

/** A time with three digits that count. */
export const micros = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)

/** Operations per second. */
export const rate = (value: number): string => Math.round(1_000_000 / value).toLocaleString("en-US")

/** The table of a group. */
export const tableOf = (group: Group, options: Options): Table => ({
  title: group.title,
  heads: ["min µs", "median µs", "per second", ...(group.compare === true ? ["speed"] : [])],
  rows: measure(group, options).map(({ median, min, name, speed }) => [
    name,
    micros(min),
    micros(median),
    rate(median),
    ...(group.compare === true ? [`${speed.toFixed(2)}x`] : [])
  ])
})

/** A theme that consists of groups; they are made when it runs. */
export const theme = (name: string, groups: () => ReadonlyArray<Group>): Theme => ({
  name,
  run: async (options) => groups().map((group) => tableOf(group, options))
})

/** The machine on which figures were taken. */
export const machine = (): string => {
  const cpus = Os.cpus()
  return `${cpus[0]?.model.trim() ?? "unknown cpu"}, ${cpus.length} cores, ${Os.platform()} ${Os.arch()}, node ${process.versions.node}`
}

/** How busy the machine is: figures taken under load are too high. */
export const load = (): string =>
  `load ${Os.loadavg()
    .map((each) => each.toFixed(1))
    .join(" ")}`

const nameWidth = 52
const cellWidth = 13

/** The text of a table. */
export const print = ({ heads, notes = [], rows, title }: Table): string => {
  const width = Math.max(nameWidth, title.length, ...rows.map(([name = ""]) => name.length + 2))
  const line = ([name = "", ...cells]: ReadonlyArray<string>): string =>
    (name.padEnd(width) + cells.map((cell) => cell.padStart(cellWidth)).join("")).trimEnd()
  return [
    line([title, ...heads]),
    ...rows.map(([name = "", ...cells]) => line([`  ${name}`, ...cells])),
    ...notes.map((note) => `  ${note}`)
  ].join("\n")
}

/** The table in Markdown, its columns aligned: names to the left, figures to the right. */
export const markdown = ({ heads, rows, title }: Omit<Table, "notes">): string => {
  const lines = [[title, ...heads], ...rows]
  const widths = [title, ...heads].map((_, column) =>
    Math.max(3, ...lines.map((cells) => cells[column]?.length ?? 0))
  )
  const row = (cells: ReadonlyArray<string>): string =>
    `| ${widths.map((width, column) => (column === 0 ? (cells[column] ?? "").padEnd(width) : (cells[column] ?? "").padStart(width))).join(" | ")} |`
  const rule = widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`))
  return [row([title, ...heads]), row(rule), ...rows.map(row)].join("\n")
}

/** The options of a run. */
export const optionsOf = (quick: boolean): Options =>
  quick ? { quick, repeats: 9, sample: 1 } : { quick, repeats: 101, sample: 3 }

/** Runs themes and prints their tables under the name of the machine. */
export const run = async (themes: ReadonlyArray<Theme>, options: Options): Promise<void> => {
  console.log(`${machine()}, ${load()}\nspeed: compared with the first line of the group; above 1 is faster`)
  for (const { run } of themes) for (const table of await run(options)) console.log(`\n${print(table)}`)
  // Keeps the results in use.
  if (sink < 0) console.log(sink)
}
