/**
 * What operations have in common: operands of one kind, answers of the chain, accounts.
 */
import * as Account from "../../../chain/Account.js"
import type { Trees } from "../../../state/Trees.js"
import * as Trie from "../../../state/Trie.js"
import type { Unavailable } from "../../Environment.js"
import type {
  BytesValue,
  Reference,
  ReferenceKind,
  StringValue,
  TypeRepresentation,
  Value
} from "../../Value.js"
import * as Errors from "../errorTexts.js"
import { fail, MissingRead } from "../machine.js"

/** Length of the keys of accounts, contracts, … */
export const keyLength = 32

type Tagged = Exclude<Value, bigint | boolean>

export const isTagged = (value: Value): value is Tagged => typeof value === "object"

export const isReference = (value: Value, kind: ReferenceKind): value is Reference =>
  isTagged(value) && value._tag === kind

export const isString = (value: Value): value is StringValue => isTagged(value) && value._tag === "string"

/** Bytes, of one size if `size` is given. */
export const isBytes = (value: Value, size?: number): value is BytesValue =>
  isTagged(value) && value._tag === "bytes" && (size === undefined || value.bytes.length === size)

export const isTypeRepresentation = (value: Value): value is TypeRepresentation =>
  isTagged(value) && value._tag === "typerep"

/** The key of a reference, or the run ends: the value is not of the type. */
export const keyOf = (value: Value, kind: ReferenceKind): Uint8Array =>
  isReference(value, kind) ? value.bytes : fail(() => Errors.typeErrorOnCall(value, kind))

export const integerOf = (value: Value): bigint =>
  typeof value === "bigint" ? value : fail(() => Errors.typeErrorOnCall(value, "integer"))

export const stringOf = (value: Value): Uint8Array =>
  isString(value) ? value.bytes : fail(() => Errors.typeErrorOnCall(value, "string"))

const isUnavailable = (answer: unknown): answer is Unavailable =>
  typeof answer === "object" && answer !== null && "_tag" in answer && answer._tag === "Unavailable"

/** What the chain answered; ends the run when it could not. */
export const known = <A>(answer: A | Unavailable): A => {
  if (isUnavailable(answer)) throw new MissingRead(answer.read)
  return answer
}

/** An account of the channel's state. */
export const accountOf = (trees: Trees, key: Uint8Array): Account.Account | undefined => {
  const bytes = Trie.get(trees.accounts, key)
  return bytes === undefined ? undefined : Account.decodeOrThrow(bytes)
}

/** The state with an account as given. */
export const withAccount = (trees: Trees, key: Uint8Array, account: Account.Account): Trees => ({
  ...trees,
  accounts: Trie.put(trees.accounts, key, Account.encode(account))
})
