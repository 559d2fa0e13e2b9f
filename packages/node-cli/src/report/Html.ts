/**
 * A diagram as a page: one file, without scripts, that loads nothing.
 *
 * @since 0.1.0
 */
import { count, cut, escape, time } from "./Markup.js"
import {
  type Balances,
  type Diagram,
  type Frame,
  isProblem,
  type Milestone,
  type Note,
  type Role
} from "./Model.js"
import type { Row, SocketEvent } from "./Model.js"
import { style } from "./Style.js"
import { amount, shorten } from "./Words.js"

type Attributes = { readonly [name: string]: string | undefined }

const element = (name: string, attributes: Attributes, ...children: ReadonlyArray<string>): string => {
  const written = Object.entries(attributes)
    .flatMap(([key, value]) => (value === undefined ? [] : [` ${key}="${escape(value)}"`]))
    .join("")
  return `<${name}${written}>${children.join("")}</${name}>`
}

const div = (className: string, ...children: ReadonlyArray<string>) =>
  element("div", { class: className }, ...children)
const span = (className: string, ...children: ReadonlyArray<string>) =>
  element("span", { class: className }, ...children)

const lane = (role: Role | "node", active: boolean) => span(`lane ${role}${active ? " active" : ""}`)

const gutter = ({ at, seq }: { readonly seq: number; readonly at: number | undefined }) =>
  span("gutter", span("seq", String(seq)), at === undefined ? "" : span("at", time(at)))

/** A row of the grid, which opens when there is more to see. */
const line = (
  row: Row,
  className: string,
  cells: ReadonlyArray<string>,
  details: ReadonlyArray<string>
): string => {
  const id = row._tag === "Milestone" ? undefined : `s${row.seq}`
  const classes = `row ${className}${isProblem(row) ? " problem" : ""}`
  if (details.length === 0) return element("div", { class: classes, id }, div("cells", ...cells))
  return element(
    "details",
    { class: classes, id },
    element("summary", { class: "cells" }, ...cells),
    div("details", ...details)
  )
}

const table = (facts: ReadonlyArray<readonly [name: string, value: string]>): string =>
  facts.length === 0
    ? ""
    : element(
        "table",
        {},
        ...facts.map(([name, value]) =>
          element("tr", {}, element("th", {}, escape(name)), element("td", {}, escape(value)))
        )
      )

const halves = (row: Row, who: Role, content: string): ReadonlyArray<string> => {
  const half = who === "initiator" ? span("half left", content) : span("half left")
  return [
    lane("initiator", row.open.initiator),
    half,
    lane("node", true),
    who === "responder" ? span("half right", content) : span("half right"),
    lane("responder", row.open.responder)
  ]
}

const frame = (row: Row & Frame): string => {
  const rightwards = (row.who === "initiator") === (row.direction === "toNode")
  const arrow = span(
    `arrow ${rightwards ? "rightwards" : "leftwards"} ${row.direction}`,
    element(
      "span",
      { class: "label", title: row.text === "" ? row.kind : `${row.kind}: ${row.text}` },
      element("code", {}, escape(row.kind)),
      row.text === "" ? "" : ` ${span("text", escape(cut(row.text, 240)))}`
    )
  )
  return line(
    row,
    `frame ${row.tone}`,
    [
      gutter(row),
      ...halves(row, row.who, arrow),
      span("round", row.round === undefined ? "" : String(row.round))
    ],
    [table(row.facts), element("pre", {}, escape(row.content))]
  )
}

const socketEvent = (row: Row & SocketEvent): string =>
  line(
    row,
    `socket ${row.event}`,
    [
      gutter(row),
      ...halves(
        row,
        row.who,
        span("plug", `${row.event === "opened" ? "●" : "○"} ${escape(row.who)} ${escape(row.text)}`)
      ),
      span("round")
    ],
    row.facts.length === 0 ? [] : [table(row.facts)]
  )

const note = (row: Row & Note): string =>
  line(
    row,
    "note",
    [
      gutter(row),
      lane("initiator", row.open.initiator),
      lane("node", true),
      lane("responder", row.open.responder),
      span("remark", escape(cut(row.text, 240)))
    ],
    row.content === undefined ? [] : [element("pre", {}, escape(row.content))]
  )

const sharePercent = ({ initiator, responder }: Balances): number => {
  const total = initiator + responder
  return total <= 0n ? 50 : Number((initiator * 1000n) / total) / 10
}

const split = (balances: Balances): string => {
  const percent = sharePercent(balances)
  return (
    span("amount initiator", escape(amount(balances.initiator))) +
    span(
      "share",
      element("span", { class: "part", style: `width:${Math.min(100, Math.max(0, percent)).toFixed(1)}%` })
    ) +
    span("amount responder", escape(amount(balances.responder)))
  )
}

const milestone = (row: Row & Milestone, channels: number): string => {
  const name = row.round === undefined ? row.text : `${row.text} · round ${row.round}`
  const channel = channels > 1 && row.channelId !== null ? ` · ${shorten(row.channelId)}` : ""
  return element(
    "div",
    { class: `row milestone${row.round === undefined ? " closing" : ""}` },
    div(
      "band",
      span("name", escape(`${name}${channel}`)),
      row.balances === undefined ? span("unknown", "balances not told") : split(row.balances)
    )
  )
}

/**
 * One row of a page, with the {@link style} of the whole. `channels` is how many channels the diagram tells of: where
 * there are several, rows say which is theirs.
 *
 * @since 0.1.0
 * @category formatting
 */
export const rowOf = (row: Row, channels: number): string => {
  switch (row._tag) {
    case "Frame":
      return frame(row)
    case "SocketEvent":
      return socketEvent(row)
    case "Note":
      return note(row)
    case "Milestone":
      return milestone(row, channels)
  }
}

/**
 * The heads of the three lanes.
 *
 * @since 0.1.0
 * @category formatting
 */
export const heads = (parties: Diagram["parties"]): string =>
  div(
    "heads",
    head("initiator", parties.initiator),
    span("head node", element("b", {}, "Node"), element("span", {}, "and chain")),
    head("responder", parties.responder),
    span("round", "round")
  )

const head = (role: Role, address: string | undefined): string =>
  span(
    `head ${role}`,
    element("b", {}, role === "initiator" ? "Initiator" : "Responder"),
    element("span", { title: address }, escape(address === undefined ? "not known" : shorten(address)))
  )

const shownProblems = 10
const shownLines = 12

/** Each kind of problem once, with links to the rows. */
const problems = (rows: ReadonlyArray<Row>): string => {
  const found = rows.filter(isProblem)
  if (found.length === 0) return element("p", { class: "fine" }, "No errors, no conflicts.")
  const kinds = new Map<string, { readonly tone: string; readonly seqs: Array<number> }>()
  for (const row of found) {
    if (row._tag !== "Frame" && row._tag !== "SocketEvent") continue
    const text = row._tag === "SocketEvent" || row.kind === "error" ? row.text : `${row.kind}: ${row.text}`
    const kind = kinds.get(text) ?? { tone: row._tag === "Frame" ? row.tone : "error", seqs: [] }
    kind.seqs.push(row.seq)
    kinds.set(text, kind)
  }
  const shown = [...kinds].slice(0, shownProblems).map(([text, { seqs, tone }]) => {
    const links = seqs.slice(0, shownLines).map((seq) => element("a", { href: `#s${seq}` }, String(seq)))
    const more = seqs.length - links.length
    return element(
      "li",
      { class: tone },
      escape(cut(text, 110)),
      span(
        "where",
        ` ${seqs.length === 1 ? "line" : `${seqs.length} times, lines`} ${links.join(" ")}${more === 0 ? "" : ` and ${more} more`}`
      )
    )
  })
  const more = kinds.size - shown.length
  const errors = found.filter((row) => row._tag !== "Frame" || row.tone === "error").length
  const conflicts = found.length - errors
  const title = [
    errors === 0 ? "" : `Errors in ${count(errors, "line")}`,
    conflicts === 0 ? "" : `${errors === 0 ? "Conflicts" : "conflicts"} in ${count(conflicts, "line")}`
  ]
  return (
    element(
      "h2",
      { class: errors === 0 ? "conflict" : "error" },
      title.filter((part) => part !== "").join(", ")
    ) +
    element(
      "ul",
      { class: "problems" },
      ...shown,
      more === 0 ? "" : element("li", {}, `… and ${count(more, "other kind")}`)
    )
  )
}

const facts = (diagram: Diagram): string => {
  const { channelIds, dialect, duration, frames, rows, sockets } = diagram
  const last = rows.findLast((row) => row._tag === "Milestone" && row.round !== undefined)
  const end = rows.findLast((row) => row._tag === "Milestone")
  const items: ReadonlyArray<readonly [string, string]> = [
    [
      "Channel",
      channelIds.length === 0
        ? "none"
        : channelIds.length === 1
          ? (channelIds[0] ?? "")
          : count(channelIds.length, "channel")
    ],
    ["Frames", `${frames}, ${dialect}`],
    ["Connections", String(sockets)],
    ...(duration === undefined ? [] : [["Duration", time(duration)] as const]),
    ["Last round", last?._tag === "Milestone" ? String(last.round ?? "") : "none"],
    [
      "End",
      end?._tag === "Milestone" && end.round === undefined ? end.text.toLowerCase() : "channel left open"
    ]
  ]
  return element(
    "dl",
    {},
    ...items.map(([name, value]) =>
      div("item", element("dt", {}, escape(name)), element("dd", {}, escape(value)))
    )
  )
}

const legend = (): string =>
  element(
    "p",
    { class: "legend" },
    ...(
      [
        ["request", "request"],
        ["sign", "signature"],
        ["state", "new state"],
        ["chain", "on chain"],
        ["info", "report"],
        ["message", "message"],
        ["conflict", "conflict"],
        ["error", "error"]
      ] as const
    ).map(([tone, name]) => span(`key ${tone}`, name))
  )

const toggle = (id: string, text: string): readonly [input: string, label: string] => [
  `<input type="checkbox" class="toggle" id="${id}" />`,
  element("label", { for: id }, text)
]

/**
 * The page. Every text of the recording is escaped; a content security policy forbids all that could be loaded or run.
 *
 * @since 0.1.0
 * @category formatting
 */
export const render = (diagram: Diagram): string => {
  const { parties, rows, title } = diagram
  const [hideQuiet, quietLabel] = toggle("hide-quiet", "hide plain ok answers")
  const [hideNotes, notesLabel] = toggle("hide-notes", "hide notes")
  const [onlyProblems, problemsLabel] = toggle("only-problems", "only errors and conflicts")
  const page = [
    '<head><meta charset="utf-8" />',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />`,
    '<meta name="viewport" content="width=device-width, initial-scale=1" />',
    element("title", {}, escape(title)),
    element("style", {}, style),
    "</head><body>",
    hideQuiet,
    hideNotes,
    onlyProblems,
    element("header", {}, element("h1", {}, escape(title)), facts(diagram), problems(rows)),
    element(
      "main",
      {},
      div("bar", legend(), element("p", { class: "toggles" }, quietLabel, notesLabel, problemsLabel)),
      heads(parties),
      "\n",
      rows.map((row) => rowOf(row, diagram.channelIds.length)).join("\n"),
      "\n"
    ),
    element(
      "footer",
      {},
      "Click a row for the frame as it was. Fsm ids are hidden. Made by aechannel report."
    ),
    "</body>"
  ]
  return `<!DOCTYPE html>\n<html lang="en">${page.join("\n")}</html>\n`
}
