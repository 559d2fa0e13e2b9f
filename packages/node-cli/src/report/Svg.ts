/**
 * A diagram as a picture.
 *
 * @since 0.1.0
 */
import { count, cut, escape, time } from "./Markup.js"
import { type Diagram, isProblem, type Role, type Row } from "./Model.js"
import type { Tone } from "./Words.js"
import { amount, shorten } from "./Words.js"

const width = 1280
const lanes = { initiator: 110, node: 640, responder: 1170 } as const
const rowHeight = 26
const top = 96

const colours: { readonly [T in Tone]: string } = {
  request: "#2457c5",
  sign: "#7a3fc0",
  state: "#0b7a53",
  chain: "#9a6200",
  info: "#6b7484",
  message: "#1b8296",
  reply: "#52607a",
  quiet: "#a4abb7",
  conflict: "#c25700",
  error: "#c81e3c"
}

const text = (
  x: number,
  y: number,
  content: string,
  options: { readonly fill?: string; readonly anchor?: "middle" | "end"; readonly className?: string } = {}
): string => {
  const { anchor, className, fill = "#1b2230" } = options
  return `<text x="${x}" y="${y}" fill="${fill}"${anchor === undefined ? "" : ` text-anchor="${anchor}"`}${className === undefined ? "" : ` class="${className}"`}>${escape(content)}</text>`
}

const box = (x: number, y: number, w: number, h: number, fill: string, radius = 0): string =>
  `<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="${fill}"${radius === 0 ? "" : ` rx="${radius}"`}/>`

const activity = (row: Row, y: number): string =>
  (["initiator", "node", "responder"] as const)
    .filter((name) => name === "node" || row.open[name])
    .map((role) => box(lanes[role] - 4, y, 8, rowHeight, "#dfe3e9"))
    .join("")

const gutter = (row: Row, y: number): string =>
  text(8, y + 17, String(row.seq), { fill: "#6b7484", className: "small" }) +
  (row._tag === "Milestone" || row.at === undefined
    ? ""
    : text(92, y + 17, time(row.at), { fill: "#8b93a1", anchor: "end", className: "small" }))

const leftOf = (role: Role): number => (role === "initiator" ? lanes.initiator : lanes.node)

const inRow = (row: Row, y: number): string => {
  const line = y + rowHeight - 4
  switch (row._tag) {
    case "Frame": {
      const colour = colours[row.tone]
      const [from, to] =
        row.direction === "toNode" ? [lanes[row.who], lanes.node] : [lanes.node, lanes[row.who]]
      const tip = to > from ? -8 : 8
      const label = `${row.kind}${row.text === "" ? "" : ` ${row.text}`}`
      const kind = cut(row.kind, 40)
      const rest = cut(row.text, Math.max(8, 70 - kind.length))
      const background = isProblem(row)
        ? box(0, y, width, rowHeight, row.tone === "error" ? "#ffe8ec" : "#fff1e2")
        : ""
      return [
        background,
        activity(row, y),
        gutter(row, y),
        `<g><title>${escape(label)}</title><text x="${leftOf(row.who) + 18}" y="${line - 5}"><tspan class="kind" fill="${colour}">${escape(kind)}</tspan><tspan dx="6" fill="${row.tone === "quiet" ? colour : "#1b2230"}">${escape(rest)}</tspan></text>`,
        `<line x1="${from}" y1="${line}" x2="${to + tip}" y2="${line}" stroke="${colour}" stroke-width="1.5"${row.tone === "quiet" ? ' stroke-dasharray="2 3"' : ""}/>`,
        `<path d="M${to} ${line}l${tip} -4v8z" fill="${colour}"/></g>`,
        row.round === undefined
          ? ""
          : text(width - 10, line - 4, `round ${row.round}`, {
              fill: "#6b7484",
              anchor: "end",
              className: "small"
            })
      ].join("")
    }
    case "SocketEvent": {
      const x = row.who === "initiator" ? lanes.initiator + 18 : lanes.responder - 18
      const fill = row.bad ? colours.error : row.event === "opened" ? colours.state : colours.info
      const background = row.bad ? box(0, y, width, rowHeight, "#ffe8ec") : ""
      return (
        background +
        activity(row, y) +
        gutter(row, y) +
        `<circle cx="${lanes[row.who]}" cy="${y + 13}" r="5" fill="${row.event === "opened" ? fill : "#fff"}" stroke="${fill}" stroke-width="2"/>` +
        text(x, y + 17, `${row.who} ${cut(row.text, 60)}`, {
          fill,
          ...(row.who === "responder" ? { anchor: "end" as const } : {})
        })
      )
    }
    case "Note":
      return (
        activity(row, y) +
        gutter(row, y) +
        text(width / 2, y + 17, cut(row.text, 130), { fill: "#6b7484", anchor: "middle", className: "note" })
      )
    case "Milestone": {
      const { balances } = row
      const closing = row.round === undefined
      const name = closing ? row.text : `${row.text} · round ${row.round}`
      const split =
        balances === undefined
          ? "balances not told"
          : `initiator ${amount(balances.initiator)}   ·   responder ${amount(balances.responder)}`
      return (
        box(100, y + 2, width - 200, rowHeight - 4, closing ? "#f6efdf" : "#e8f5ef", 5) +
        text(116, y + 18, name, { className: "bold" }) +
        text(width - 116, y + 18, split, { anchor: "end" })
      )
    }
  }
}

const head = (x: number, name: string, below: string): string =>
  box(x - 80, 50, 160, 38, "#f5f6f8", 6) +
  text(x, 66, name, { anchor: "middle", className: "bold" }) +
  text(x, 81, below, { anchor: "middle", className: "small", fill: "#6b7484" })

/**
 * The picture, with light colours on white. It loads nothing; details are left to the page.
 *
 * @since 0.1.0
 * @category formatting
 */
export const render = (diagram: Diagram): string => {
  const { dialect, frames, parties, rows, title } = diagram
  const height = top + rows.length * rowHeight + 20
  const problems = rows.filter(isProblem).length
  const summary = `${count(frames, "frame")}, ${dialect}, ${problems === 0 ? "no errors, no conflicts" : `${problems} with errors or conflicts`}`
  const address = (role: Role) => {
    const known = parties[role]
    return known === undefined ? "not known" : shorten(known)
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>${escape(title)}</title>`,
    "<style>.small{font-size:11px}.kind{font:600 12px ui-monospace,monospace}.note{font-style:italic}.bold{font-weight:700}</style>",
    box(0, 0, width, height, "#fff"),
    text(8, 24, cut(title, 110), { className: "bold" }),
    text(width - 8, 24, summary, { anchor: "end", fill: problems === 0 ? colours.state : colours.error }),
    ...Object.values(lanes).map(
      (x) =>
        `<line x1="${x}" y1="${top - 8}" x2="${x}" y2="${height - 10}" stroke="#c9ced6" stroke-dasharray="3 3"/>`
    ),
    head(lanes.initiator, "Initiator", address("initiator")),
    head(lanes.node, "Node", "and chain"),
    head(lanes.responder, "Responder", address("responder")),
    ...rows.map((row, index) => inRow(row, top + index * rowHeight)),
    "</svg>\n"
  ].join("\n")
}
