/**
 * What callers give, looked at before anything is done with it: types hold only where a compiler has seen them, and
 * nothing that is wrong here may look like a lie of the node later.
 *
 * @since 0.1.0
 */
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import * as DecodeError from "../../encoding/DecodeError.js"
import type { OpenParameters } from "../../protocol/OpenParameters.js"

interface Kind {
  readonly wanted: string
  readonly is: (u: unknown) => boolean
}

interface Opening extends OpenParameters {
  readonly networkId: string
}

const whole = (minimum: number, maximum: number): Kind => ({
  wanted: `a whole number from ${minimum} to ${maximum}`,
  is: (u) => typeof u === "number" && Number.isInteger(u) && u >= minimum && u <= maximum
})

const amount: Kind = { wanted: "a bigint, in aettos, such as 100n", is: (u) => typeof u === "bigint" }
const account: Kind = {
  wanted: "an account, ak_…, such as the address of a key pair or what `ApiEncoding.parse` has read",
  is: (u) => ApiEncoding.is("ak", u)
}

const kinds = {
  role: { wanted: "initiator or responder", is: (u) => u === "initiator" || u === "responder" },
  initiatorId: account,
  responderId: account,
  initiatorAmount: amount,
  responderAmount: amount,
  pushAmount: amount,
  channelReserve: amount,
  // What is below zero the node refuses in its own words.
  lockPeriod: whole(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  port: whole(1, 65_535),
  networkId: { wanted: "the name of the network, such as ae_mainnet", is: (u) => typeof u === "string" }
} satisfies { readonly [K in keyof Opening]: Kind }

// What was given is not told: it may be a secret in the wrong place.
const wrong = (operation: string, field: string, { wanted }: Kind, given: unknown): DecodeError.DecodeError =>
  DecodeError.make(
    `the options of ${operation}`,
    given === undefined ? "missing" : "invalid",
    `expected ${wanted}${typeof given === "bigint" || given === undefined ? "" : `, got a ${typeof given}`}`,
    [field]
  )

/** What is wrong with the options of an opening, if anything is. */
export const wrongOpening = (options: Opening): DecodeError.DecodeError | undefined => {
  const given: { readonly [field: string]: unknown } = { ...options }
  const found = Object.entries(kinds).find(([field, kind]) => !kind.is(given[field]))
  return found === undefined ? undefined : wrong("open", ...found, given[found[0]])
}

/** An amount of an operation. Throws `DecodeError`. */
export const amountOrThrow = (operation: string, field: string, given: bigint): bigint => {
  if (amount.is(given)) return given
  throw wrong(operation, field, amount, given)
}

const code = whole(1, 65_535)

/** A code that ends an operation. Throws `DecodeError`. */
export const codeOrThrow = (operation: string, field: string, given: number): number => {
  if (code.is(given)) return given
  throw wrong(operation, field, code, given)
}

/** Code or call data. Throws `DecodeError`. */
export const bytesOrThrow = (operation: string, field: string, given: Uint8Array | string): Uint8Array => {
  if (typeof given === "string") return ApiEncoding.decodeOrThrow("cb", given)
  if (given instanceof Uint8Array) return given
  throw wrong(operation, field, { wanted: "bytes, or a text cb_…", is: () => false }, given)
}
