/**
 * Prints Erlang terms as the reference engine does in its error texts: the pretty printer of OTP 25 with lines of 80
 * columns and a depth of six (`~P`), the flat printer with a depth of six (`~W`) and without (`~w`). Texts are latin1:
 * one character is one byte.
 */
import { refuse } from "./machine.js"
import { isPrintable, isPrintableByte, type MapTerm, printDepth, type Term } from "./terms.js"

const lineLength = 80

/** Fills the `~P`, `~W` and `~w` of a template, in this order of terms. */
export const format = (template: string, ...terms: ReadonlyArray<Term>): string => {
  let text = ""
  let next = 0
  for (const part of template.split(/(~[PWw])/)) {
    if (part.length !== 2 || part[0] !== "~") {
      text += part
      continue
    }
    const term = terms[next++] as Term
    if (part === "~P") text += pretty(term, columnAfter(text))
    else text += flat(term, part === "~W" ? printDepth : Number.POSITIVE_INFINITY)
  }
  return text
}

const columnAfter = (text: string): number => text.length - text.lastIndexOf("\n")

/** Prints at a column (the first is 1), in as many lines as are needed. */
export const pretty = (term: Term, column: number): string => {
  const node = measure(term, printDepth)
  const width = node.length
  if (width < lineLength - column) return line(node)
  const tagIndent = [-1, 4].find((indent) => admits(node, { width, tagIndent: indent }, column, 0, 0)) ?? 1
  return lay(node, { width, tagIndent }, column, " ".repeat(column - 1), 0, 0)
}

/*
 * First step: what of a term is shown, and how long it is on one line.
 */

type Node = Text | Numbers | Container | Pair

/** Never broken over lines. */
interface Text {
  readonly _tag: "text"
  readonly length: number
  readonly text: string
}

/** A binary as numbers, each with its comma but the last, which may be `...`. */
interface Numbers {
  readonly _tag: "numbers"
  readonly length: number
  readonly parts: ReadonlyArray<string>
}

/** `dots`: there are more elements than are shown. A tagged tuple begins with an atom and has more. */
interface Container {
  readonly _tag: "list" | "tuple" | "map"
  readonly length: number
  readonly items: ReadonlyArray<Node>
  readonly dots: boolean
  readonly tagged: boolean
}

interface Pair {
  readonly _tag: "pair"
  readonly length: number
  readonly key: Node
  readonly value: Node
}

const text = (value: string): Text => ({ _tag: "text", length: value.length, text: value })

const container = (
  tag: Container["_tag"],
  items: ReadonlyArray<Node>,
  dots: boolean,
  tagged = false
): Container => {
  const separators = Math.max(0, items.length - 1 + (dots ? 1 : 0))
  const inner = items.reduce((sum, item) => sum + item.length, dots ? 3 : 0)
  return { _tag: tag, items, dots, tagged, length: inner + separators + (tag === "map" ? 3 : 2) }
}

const measure = (term: Term, depth: number): Node => {
  if (typeof term === "bigint") return text(decimal(term))
  if ("atom" in term) return text(atomText(term.atom))
  if ("binary" in term) return binary(term.binary, depth)
  if ("list" in term) return list(term.list, depth)
  if ("tuple" in term) return tuple(term.tuple, depth)
  return map(term.map, depth)
}

// The longest integers would take minutes, and texts of megabytes are no use to anybody.
const mostPrinted = 1n << (8n * 131_072n)

const decimal = (integer: bigint): string =>
  integer < mostPrinted && integer > -mostPrinted
    ? integer.toString()
    : refuse("the text of the error shows an integer that is too long to be printed")

/** The elements that are shown: each is one less deep than the one before. */
const shown = (terms: ReadonlyArray<Term>, depth: number): ReadonlyArray<Node> =>
  terms.slice(0, depth - 1).map((term, index) => measure(term, depth - 1 - index))

const list = (terms: ReadonlyArray<Term>, depth: number): Node => {
  if (terms.length === 0) return text("[]")
  if (depth > 1 && terms.every(isPrintable)) return text(quoted(terms.map(Number), '"'))
  const items = shown(terms, depth)
  return container("list", items, items.length < terms.length)
}

const tuple = (terms: ReadonlyArray<Term>, depth: number): Node => {
  if (terms.length === 0) return text("{}")
  if (depth === 1) return text("{...}")
  const items = shown(terms, depth)
  const first = terms[0] as Term
  const tagged = typeof first !== "bigint" && "atom" in first && terms.length > 1
  return container("tuple", items, items.length < terms.length, tagged)
}

const map = (entries: MapTerm["map"], depth: number): Node => {
  if (entries?.length === 0) return text("#{}")
  if (depth === 1) return text("#{...}")
  const items = inOrder(entries)
    .slice(0, depth - 1)
    .map(([k, v]): Pair => {
      const key = measure(k, depth - 1)
      const value = measure(v, depth - 1)
      return { _tag: "pair", key, value, length: key.length + value.length + 4 }
    })
  return container("map", items, items.length < inOrder(entries).length)
}

const inOrder = (entries: MapTerm["map"]): ReadonlyArray<readonly [Term, Term]> =>
  entries ?? refuse("the text of the error shows a map with more than 32 entries, whose order is not known")

/** As text if the start that is looked at is printable or, at the least, as much of it as would be shown of numbers. */
const binary = (bytes: Uint8Array, depth: number): Node => {
  if (bytes.length === 0) return text("<<>>")
  if (depth === 1) return text("<<...>>")
  const start = bytes.subarray(0, 4 * (depth - 1))
  const stop = start.findIndex((byte) => !isPrintableByte(byte))
  const printable = stop < 0 ? start : start.subarray(0, stop)
  if (printable.length === bytes.length) return text(`<<${quoted(printable, '"')}>>`)
  if (stop < 0 || stop >= depth - 1) return text(`<<${quoted(printable, '"')}...>>`)
  const parts = numbers(bytes, depth)
  return { _tag: "numbers", parts, length: parts.reduce((sum, part) => sum + part.length, 4) }
}

const numbers = (bytes: Uint8Array, depth: number): ReadonlyArray<string> => {
  const parts = Array.from(bytes.subarray(0, Math.min(bytes.length, depth - 1)), (byte, index) =>
    index < bytes.length - 1 ? `${byte},` : `${byte}`
  )
  return parts.length < bytes.length ? [...parts, "..."] : parts
}

/*
 * Second step: lines. `column` is where the term starts, `indent` the blanks before continued lines, `trailing` the
 * number of brackets that close after the term, `used` the characters already on the line (without blanks).
 */

/** `width`: the most characters of a line without its blanks; `tagIndent`: how tagged tuples are continued. */
interface Layout {
  readonly width: number
  readonly tagIndent: number
}

const line = (node: Node): string => {
  switch (node._tag) {
    case "text":
      return node.text
    case "numbers":
      return `<<${node.parts.join("")}>>`
    case "pair":
      return `${line(node.key)} => ${line(node.value)}`
    default: {
      const [open, close, more] = brackets[node._tag]
      const items = node.items.map(line).join(",")
      return open + items + (node.dots ? (node.items.length > 0 ? `${more}...` : "...") : "") + close
    }
  }
}

const brackets = { list: ["[", "]", "|"], tuple: ["{", "}", ","], map: ["#{", "}", ","] } as const

const isText = (node: Node): boolean =>
  node._tag === "pair" ? isText(node.key) && isText(node.value) : node._tag === "text"

const fits = (node: Node, layout: Layout, column: number, trailing: number, used: number): boolean =>
  node.length < lineLength - column - trailing && node.length + used + trailing <= layout.width

/** Whether an element may follow on the same line. */
const follows = (node: Node, layout: Layout, column: number, trailing: number, used: number): boolean => {
  const room = Math.max(trailing, 1)
  return (
    isText(node) &&
    node.length + 1 < lineLength - column - room &&
    used + node.length + 1 + room <= layout.width
  )
}

const trailingAt = (node: Container, index: number, trailing: number): number =>
  index === node.items.length - 1 ? trailing + 1 : 0

/** Continued lines of a tagged tuple start below its second element, or `tagIndent` in if the tag is longer. */
const breaksAfterTag = (tag: Node, layout: Layout): boolean =>
  layout.tagIndent > 0 && tag.length + 2 > layout.tagIndent

const lay = (
  node: Node,
  layout: Layout,
  column: number,
  indent: string,
  trailing: number,
  used: number
): string => {
  if (fits(node, layout, column, trailing, used)) return line(node)
  if (node._tag === "text") return node.text
  if (node._tag === "numbers") return layNumbers(node, layout, column + 2, `${indent}  `, trailing, used)
  if (node._tag === "pair") return layPair(node, layout, column, indent, trailing, used)
  const [open, close, more] = brackets[node._tag]
  let at = column + open.length
  let blanks = indent + " ".repeat(open.length)
  let result = open
  let first = 0
  let taken = used + 1
  let position = at
  if (node.tagged) {
    const tag = node.items[0] as Node
    result += line(tag)
    first = 1
    taken += tag.length
    const tagIndent = tag.length + 2
    position = column + tagIndent
    if (breaksAfterTag(tag, layout)) {
      at = column + layout.tagIndent
      blanks = indent + " ".repeat(layout.tagIndent)
    } else {
      at = position
      blanks = indent + " ".repeat(tagIndent)
      result += ","
      taken += 1
      if (node.items.length > 1) {
        const element = layElement(node, 1, layout, at, blanks, trailing, taken)
        result += element.text
        position = at + element.width
        taken += element.width
        first = 2
      } else {
        return `${result}...${close}`
      }
    }
  } else if (node.items.length > 0) {
    const element = layElement(node, 0, layout, at, blanks, trailing, taken)
    result += element.text
    position = at + element.width
    taken = node._tag === "map" ? element.width : taken + element.width
    first = 1
  } else return `${open}...${close}`
  for (let index = first; index < node.items.length; index++) {
    const item = node.items[index] as Node
    const below = trailingAt(node, index, trailing)
    if (follows(item, layout, position, below, taken)) {
      result += `,${line(item)}`
      position += item.length + 1
      taken += item.length + 1
      continue
    }
    const element = layElement(node, index, layout, at, blanks, trailing, 0)
    result += `,\n${blanks}${element.text}`
    position = at + element.width
    taken = element.width
  }
  return result + (node.dots ? `${more}...` : "") + close
}

interface Placed {
  readonly text: string
  /** A full line if what follows must start a new one. */
  readonly width: number
}

const layElement = (
  node: Container,
  index: number,
  layout: Layout,
  column: number,
  indent: string,
  trailing: number,
  used: number
): Placed => {
  const item = node.items[index] as Node
  const below = trailingAt(node, index, trailing)
  return {
    text: lay(item, layout, column, indent, below, used),
    width: isText(item) && fits(item, layout, column, below, used) ? item.length : lineLength
  }
}

const valueIndent = (layout: Layout): number => (layout.tagIndent > 0 ? layout.tagIndent : 4)

const layPair = (
  pair: Pair,
  layout: Layout,
  column: number,
  indent: string,
  trailing: number,
  used: number
): string => {
  const inner = valueIndent(layout)
  const blanks = indent + " ".repeat(inner)
  const key = lay(pair.key, layout, column, indent, trailing, used)
  return `${key} =>\n${blanks}${lay(pair.value, layout, column + inner, blanks, trailing, 0)}`
}

const layNumbers = (
  node: Numbers,
  layout: Layout,
  column: number,
  indent: string,
  trailing: number,
  used: number
): string => {
  const full = Math.max(8, Math.min(lineLength - column, layout.width - 4 - used) - trailing)
  let result = "<<"
  let room = full
  for (const part of node.parts) {
    if (part.length > room) {
      result += `\n${indent}`
      room = full
    }
    result += part
    room -= part.length
  }
  return `${result}>>`
}

/*
 * Whether a way of continuing tagged tuples leaves enough room for all of them.
 */

const admits = (node: Node, layout: Layout, column: number, trailing: number, used: number): boolean => {
  if (fits(node, layout, column, trailing, used)) return true
  if (node._tag === "text" || node._tag === "numbers") return true
  if (node._tag === "pair")
    return (
      admits(node.key, layout, column, trailing, used) &&
      admits(node.value, layout, column + valueIndent(layout), trailing, 0)
    )
  if (node._tag === "map") return admitsItems(node, layout, column + 2, trailing, used + 2, 0)
  if (!node.tagged) return admitsItems(node, layout, column + 1, trailing, used + 1, 0)
  const tag = node.items[0] as Node
  const tagIndent = tag.length + 2
  const breaks = breaksAfterTag(tag, layout)
  const at = column + (breaks ? layout.tagIndent : tagIndent)
  const enough = breaks ? layout.width + at <= lineLength : layout.width + at < lineLength
  const half = breaks ? at <= lineLength / 2 : at < lineLength / 2
  if (!enough && !half) return false
  const taken = used + 1 + tag.length
  return breaks
    ? admitsTail(node, 1, layout, at, column + tagIndent, trailing, taken)
    : admitsItems(node, layout, at, trailing, taken + 1, 1)
}

const admitsItems = (
  node: Container,
  layout: Layout,
  column: number,
  trailing: number,
  used: number,
  index: number
): boolean => {
  if (node.items.length <= index) return true
  const width = admittedWidth(node, index, layout, column, trailing, used)
  return (
    width !== undefined && admitsTail(node, index + 1, layout, column, column + width, trailing, used + width)
  )
}

const admitsTail = (
  node: Container,
  first: number,
  layout: Layout,
  column: number,
  start: number,
  trailing: number,
  used: number
): boolean => {
  let position = start
  let taken = used
  for (let index = first; index < node.items.length; index++) {
    const item = node.items[index] as Node
    if (follows(item, layout, position, trailingAt(node, index, trailing), taken)) {
      position += item.length + 1
      taken += item.length + 1
      continue
    }
    const width = admittedWidth(node, index, layout, column, trailing, 0)
    if (width === undefined) return false
    position = column + width
    taken = width
  }
  return true
}

/** `undefined`: there is not enough room. */
const admittedWidth = (
  node: Container,
  index: number,
  layout: Layout,
  column: number,
  trailing: number,
  used: number
): number | undefined => {
  const item = node.items[index] as Node
  const below = trailingAt(node, index, trailing)
  if (isText(item) && fits(item, layout, column, below, used)) return item.length
  return admits(item, layout, column, below, used) ? lineLength : undefined
}

/*
 * On one line, no strings.
 */

const flat = (term: Term, depth: number): string => {
  if (depth === 0) return "..."
  if (typeof term === "bigint") return decimal(term)
  if ("atom" in term) return atomText(term.atom)
  if ("binary" in term) return `<<${numbers(term.binary, depth).join("")}>>`
  if ("list" in term) return flatItems(term.list, depth, "[", "|", "]")
  if ("tuple" in term) return flatItems(term.tuple, depth, "{", ",", "}")
  return flatMap(term.map, depth)
}

const flatItems = (
  terms: ReadonlyArray<Term>,
  depth: number,
  open: string,
  more: string,
  close: string
): string => {
  if (terms.length === 0) return open + close
  if (depth === 1) return `${open}...${close}`
  const items = terms.slice(0, depth - 1).map((term, index) => flat(term, depth - 1 - index))
  return open + items.join(",") + (items.length < terms.length ? `${more}...` : "") + close
}

/** The dots follow the last entry that could be shown, whether there are more or not. */
const flatMap = (entries: MapTerm["map"], depth: number): string => {
  if (depth === 1 || entries?.length === 0) return "#{}"
  const items = inOrder(entries)
    .slice(0, depth - 1)
    .map(([key, value]) => `${flat(key, depth - 1)} => ${flat(value, depth - 1)}`)
  return `#{${items.join(",")}${items.length === depth - 1 ? ",..." : ""}}`
}

/*
 * Characters.
 */

const reserved = new Set(
  (
    "after and andalso band begin bnot bor bsl bsr bxor case catch cond div end fun if let not of or orelse " +
    "receive rem try when xor"
  ).split(" ")
)

const atomText = (name: string): string =>
  /^[a-z\xdf-\xf6\xf8-\xff][a-zA-Z0-9_@\xc0-\xd6\xd8-\xf6\xf8-\xff]*$/.test(name) && !reserved.has(name)
    ? name
    : quoted(
        Array.from(name, (character) => character.charCodeAt(0)),
        "'"
      )

const escapes: { readonly [code: number]: string } = {
  8: "\\b",
  9: "\\t",
  10: "\\n",
  11: "\\v",
  12: "\\f",
  13: "\\r",
  27: "\\e",
  92: "\\\\",
  127: "\\d"
}

const quoted = (codes: Iterable<number>, quote: string): string => {
  let result = quote
  for (const code of codes) {
    const character = String.fromCharCode(code)
    result += character === quote ? `\\${quote}` : (escapes[code] ?? character)
  }
  return result + quote
}
