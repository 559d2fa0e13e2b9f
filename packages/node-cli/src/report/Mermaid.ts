/**
 * A diagram as Mermaid sequence diagrams, which many readers of Markdown draw.
 *
 * @since 0.1.0
 */
import { count, cut } from "./Markup.js"
import { type Diagram, isProblem, type Role, type Row } from "./Model.js"
import { amount, shorten } from "./Words.js"

/** Viewers refuse diagrams with much more text. */
const rowsPerDiagram = 150
const longestText = 110

// Signs that Mermaid reads as its own are written as numbers; a lone "end" would close a block.
const escape = (text: string): string =>
  cut(text.replaceAll(/\s+/g, " ").trim(), longestText)
    .replaceAll(/\p{Surrogate}/gu, "\ufffd")
    // oxlint-disable-next-line no-control-regex
    .replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, " ")
    .replaceAll(/[#;<>{}&"`\\%]/g, (sign) => `#${sign.charCodeAt(0)};`)
    .replaceAll(/\bend\b/gi, (word) => `#${word.charCodeAt(0)};${word.slice(1)}`)

const participant = (role: Role): string => (role === "initiator" ? "I" : "R")

const arrow = (row: Row): ReadonlyArray<string> => {
  switch (row._tag) {
    case "Frame": {
      const text = escape(`${row.seq} ${row.kind}${row.text === "" ? "" : `: ${row.text}`}`)
      const party = participant(row.who)
      const line = row.direction === "toNode" ? `${party}->>N: ${text}` : `N-->>${party}: ${text}`
      if (!isProblem(row)) return [`  ${line}`]
      const colour = row.tone === "error" ? "rgb(255, 214, 221)" : "rgb(255, 230, 205)"
      return [`  rect ${colour}`, `  ${line}`, "  end"]
    }
    case "SocketEvent":
      return [`  Note over ${participant(row.who)},N: ${escape(`${row.seq} ${row.who} ${row.text}`)}`]
    case "Note":
      return [`  Note over I,R: ${escape(row.text)}`]
    case "Milestone": {
      const { balances } = row
      const name = row.round === undefined ? row.text : `${row.text}, round ${row.round}`
      const split =
        balances === undefined
          ? ""
          : `: initiator ${amount(balances.initiator)}, responder ${amount(balances.responder)}`
      return [`  Note over I,R: ${escape(`${name}${split}`)}`]
    }
  }
}

const named = (role: Role, address: string | undefined): string => {
  const name = role === "initiator" ? "Initiator" : "Responder"
  return `  participant ${participant(role)} as ${name}${address === undefined ? "" : ` ${escape(shorten(address))}`}`
}

const sequence = ({ parties }: Diagram, rows: ReadonlyArray<Row>): string =>
  [
    "sequenceDiagram",
    named("initiator", parties.initiator),
    "  participant N as Node",
    named("responder", parties.responder),
    ...rows.flatMap(arrow)
  ].join("\n")

/**
 * One diagram, however long.
 *
 * @since 0.1.0
 * @category formatting
 */
export const render = (diagram: Diagram): string => `${sequence(diagram, diagram.rows)}\n`

const plain = (text: string): string => text.replaceAll(/[^\w .:/@-]/g, "\\$&")

/**
 * A Markdown text with as many diagrams as viewers need to draw them.
 *
 * @since 0.1.0
 * @category formatting
 */
export const renderMarkdown = (diagram: Diagram): string => {
  const { channelIds, dialect, frames, rows, title } = diagram
  const problems = rows.filter(isProblem)
  const chunks = Array.from({ length: Math.ceil(rows.length / rowsPerDiagram) }, (_, index) =>
    rows.slice(index * rowsPerDiagram, (index + 1) * rowsPerDiagram)
  )
  const parts = chunks.map((chunk) => {
    const heading = chunks.length === 1 ? "" : `## Lines ${chunk[0]?.seq} to ${chunk.at(-1)?.seq}\n\n`
    return `${heading}\`\`\`mermaid\n${sequence(diagram, chunk)}\n\`\`\`\n`
  })
  const lines = problems.map((row) => row.seq).slice(0, 40)
  return [
    `# ${plain(title)}\n`,
    `${count(frames, "frame")}, ${dialect}; ${channelIds.length === 0 ? "no channel" : channelIds.map((id) => `\`${id.replaceAll(/[^\w$]/g, "")}\``).join(", ")}.\n`,
    problems.length === 0
      ? "No errors, no conflicts.\n"
      : `Errors and conflicts in ${problems.length === 1 ? "line" : "lines"} ${lines.join(", ")}${problems.length > lines.length ? ` and ${problems.length - lines.length} more` : ""}.\n`,
    ...parts
  ].join("\n")
}
