/**
 * A map that forgets: two generations of at most `size` entries each. An entry that is used moves to the young
 * generation; when that is full it becomes the old one and the old one is dropped. No operation costs more than two
 * look-ups, and there are never more than `2 * size` entries.
 *
 * @since 0.1.0
 */

/**
 * A bounded map from text.
 *
 * @internal
 * @since 0.1.0
 * @category models
 */
export interface BoundedCache<A> {
  readonly get: (key: string) => A | undefined
  readonly has: (key: string) => boolean
  readonly set: (key: string, value: A) => void
  readonly size: () => number
}

/**
 * Makes an empty cache of at most `2 * size` entries.
 *
 * @internal
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(size: number): BoundedCache<A> => {
  let young = new Map<string, A>()
  let old = new Map<string, A>()
  const set = (key: string, value: A): void => {
    if (young.size >= size && !young.has(key)) {
      old = young
      young = new Map()
    }
    young.set(key, value)
  }
  return {
    get: (key) => {
      const value = young.get(key)
      if (value !== undefined) return value
      const older = old.get(key)
      if (older !== undefined) set(key, older)
      return older
    },
    has: (key) => young.has(key) || old.has(key),
    set,
    size: () => young.size + old.size
  }
}
