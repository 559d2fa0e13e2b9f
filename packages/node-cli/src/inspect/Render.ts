/**
 * Explanations as people read them.
 *
 * @since 0.1.0
 */
import { formatAe } from "../Amounts.js"
import type { Explanation, Fact, Unit, Value } from "./Explanation.js"

/** Longer texts are cut; the JSON form has all of them. */
const maximumLength = 120
const shownLength = 64

/**
 * A text cut to what fits on a line.
 *
 * @since 0.1.0
 * @category formatting
 */
export const shorten = (text: string): string =>
  text.length <= maximumLength ? text : `${text.slice(0, shownLength)}… (${text.length} characters)`

/**
 * A text of unknown origin in quotes, without anything a terminal would act on.
 *
 * @since 0.1.0
 * @category formatting
 */
export const quote = (text: string): string =>
  JSON.stringify(shorten(text)).replaceAll(
    /\p{C}/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
  )

const withUnit = (value: bigint | number, unit: Unit | undefined): string => {
  if (unit === undefined || unit === "key block height") return String(value)
  if (unit === "aettos") return formatAmount(BigInt(value))
  return unit === "bytes" || unit === "blocks" ? many(Number(value), unit.slice(0, -1)) : `${value} ${unit}`
}

/**
 * A number of things, such as `1 signature`.
 *
 * @since 0.1.0
 * @category formatting
 */
export const many = (count: number, thing: string, things = `${thing}s`): string =>
  `${count} ${count === 1 ? thing : things}`

/**
 * An amount in AE and in aettos.
 *
 * @since 0.1.0
 * @category formatting
 */
export const formatAmount = (aettos: bigint): string =>
  aettos === 0n ? "0 AE" : `${formatAe(aettos)} (${aettos} aettos)`

const inline = (value: Value): string | undefined => {
  switch (value._tag) {
    case "Text":
      return shorten(value.text)
    case "Quoted":
      return quote(value.text)
    case "Count":
      return withUnit(value.count, value.unit)
    case "Amount":
      return withUnit(value.amount, value.unit)
    case "Flag":
      return value.flag ? "yes" : "no"
    case "Nothing":
      return value.why
    case "List": {
      const [only] = value.items
      return value.items.length === 0
        ? "none"
        : value.items.length === 1 && only !== undefined
          ? inline(only)
          : undefined
    }
    case "Facts":
      return value.facts.length === 0 ? "none" : undefined
    case "Said":
      return value.line
    case "Nested":
      return undefined
  }
}

const block = (value: Value, indent: string): ReadonlyArray<string> => {
  switch (value._tag) {
    case "List":
      return value.items.flatMap((item, index) => entry(`${index + 1}`, item, undefined, indent, 0))
    case "Facts":
      return factLines(value.facts, indent)
    case "Nested":
      return factLines(value.explanation.facts, indent)
    default:
      return []
  }
}

const titleOf = ({ input, kind, summary }: Explanation): string => `${shorten(input)}: ${summary ?? kind}`

const headingOf = (value: Value): string => (value._tag === "Nested" ? `  ${titleOf(value.explanation)}` : "")

const entry = (
  label: string,
  value: Value,
  note: string | undefined,
  indent: string,
  width: number
): ReadonlyArray<string> => {
  const remark = note === undefined ? "" : ` (${note})`
  const line = inline(value)
  return line === undefined
    ? [`${indent}${label}${headingOf(value)}${remark}`, ...block(value, `${indent}  `)]
    : [`${indent}${label.padEnd(width)}  ${line}${remark}`]
}

const labelOf = (name: string): string => name.replaceAll("_", " ")

const factLines = (facts: ReadonlyArray<Fact>, indent: string): ReadonlyArray<string> => {
  const shown = facts.filter(({ jsonOnly }) => jsonOnly !== true)
  // What takes lines of its own does not widen the column of labels.
  const width = Math.max(
    0,
    ...shown.map(({ name, value }) => (inline(value) === undefined ? 0 : name.length))
  )
  return shown.flatMap(({ name, note, value }) => entry(labelOf(name), value, note, indent, width))
}

/**
 * An explanation as lines of text.
 *
 * @since 0.1.0
 * @category formatting
 */
export const render = (explanation: Explanation): string =>
  [titleOf(explanation), ...factLines(explanation.facts, "  ")].join("\n")
