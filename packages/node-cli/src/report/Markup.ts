/**
 * Text for HTML and SVG.
 *
 * @since 0.1.0
 */

const entities: { readonly [character: string]: string } = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}

// oxlint-disable-next-line no-control-regex
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/g

/** Characters that turn the order of those around them, and could so disguise a text. */
const turning = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/**
 * A text as it may stand between tags and in attributes, whatever is in it.
 *
 * @since 0.1.0
 * @category formatting
 */
export const escape = (text: string): string =>
  text
    .replaceAll(/\p{Surrogate}/gu, "\ufffd")
    .replaceAll(forbidden, "\ufffd")
    .replaceAll(turning, "\ufffd")
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? "")

/**
 * The first characters of a text.
 *
 * @since 0.1.0
 * @category formatting
 */
export const cut = (text: string, length: number): string => {
  const characters = Array.from(text)
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join("")}…`
}

/**
 * Milliseconds since the recording began, as people read them.
 *
 * @since 0.1.0
 * @category formatting
 */
export const time = (millis: number): string => {
  if (millis < 1000) return `${Math.round(millis)} ms`
  if (millis < 60_000) return `${(millis / 1000).toFixed(millis < 10_000 ? 2 : 1)} s`
  const seconds = Math.floor(millis / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} min`
}

/**
 * `1 frame`, `2 frames`.
 *
 * @since 0.1.0
 * @category formatting
 */
export const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`
