/** Looks for many needles at once. */
import type { Needle } from "./Forms.js"

/** A needle with the number of its secret. */
export interface Sought extends Needle {
  readonly secret: number
}

export interface Hit {
  readonly needle: Sought
  readonly start: number
  readonly end: number
}

const slots = 1 << 20

const slotOf = (key: number): number => (Math.imul(key, 0x9e3779b1) >>> 12) & (slots - 1)

/** Needles by their first four bytes, with a bit for each of those that may occur. */
export class Index {
  readonly #marks = new Uint8Array(slots)
  readonly #needles = new Map<number, Array<Sought>>()

  add(needle: Sought): void {
    const [a = 0, b = 0, c = 0, d = 0] = needle.bytes
    const key = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
    this.#marks[slotOf(key)] = 1
    const others = this.#needles.get(key)
    if (others === undefined) this.#needles.set(key, [needle])
    else others.push(needle)
  }

  /** The first needle in the bytes. */
  find(bytes: Uint8Array): Hit | undefined {
    let key = 0
    for (let i = 0; i < bytes.length; i++) {
      key = (key << 8) | (bytes[i] ?? 0)
      if (i < 3 || this.#marks[slotOf(key)] === 0) continue
      const start = i - 3
      for (const needle of this.#needles.get(key >>> 0) ?? []) {
        const { length } = needle.bytes
        if (Buffer.compare(bytes.subarray(start, start + length), needle.bytes) === 0)
          return { needle, start, end: start + length }
      }
    }
    return undefined
  }
}
