/** Small helpers for generators of records. */
import * as FastCheck from "effect/FastCheck"

export type Arbitrary<A> = FastCheck.Arbitrary<A>

/** The member of a tagged union. */
export type Of<U, T> = Extract<U, { readonly _tag: T }>

/** A table with one generator for each member of a tagged union. */
export type Table<U extends { readonly _tag: string }> = {
  readonly [T in U["_tag"]]: Arbitrary<Of<U, T>>
}

/** Any member of a tagged union. */
export const oneOf = <U extends { readonly _tag: string }>(table: Table<U>): Arbitrary<U> =>
  FastCheck.oneof(...Object.values<Arbitrary<U>>(table))

export const oneTag = <T extends string>(tag: T): { readonly _tag: Arbitrary<T> } => ({
  _tag: FastCheck.constant(tag)
})

export const record = <A>(model: { readonly [K in keyof A]: Arbitrary<A[K]> }): Arbitrary<A> =>
  FastCheck.record<A>({ ...model })

/** Some of the members of `optional`, absent ones really absent. */
export const withSome = <A extends object, B extends object>(
  base: Arbitrary<A>,
  optional: { readonly [K in keyof B]: Arbitrary<B[K]> }
): Arbitrary<A & Partial<B>> => {
  const members = Object.entries<Arbitrary<unknown>>(optional).map(([key, value]) =>
    FastCheck.option(FastCheck.tuple(FastCheck.constant(key), value), { nil: undefined })
  )
  return FastCheck.tuple(base, FastCheck.tuple(...members)).map(([a, given]) =>
    Object.assign({ ...a }, Object.fromEntries(given.filter((one) => one !== undefined)) as Partial<B>)
  )
}
