/**
 * The outer layer that all serialized objects of this room share: `rlp([tag, version, field...])`. Everything here
 * throws a `DecodeError` for bytes that are something else.
 *
 * @since 0.1.0
 */
import * as Bytes from "../../encoding/Bytes.js"
import * as DecodeError from "../../encoding/DecodeError.js"
import * as Rlp from "../../encoding/Rlp.js"

/**
 * What kind of object is expected; `arity` is the number of fields after tag and version.
 *
 * @since 0.1.0
 * @category internal
 */
export interface ObjectKind {
  readonly what: string
  readonly tag: number
  readonly version: number
  readonly arity: number
}

/**
 * The serialized object of a tag, a version and fields.
 *
 * @since 0.1.0
 * @category internal
 */
export const encodeObject = (tag: number, version: number, fields: ReadonlyArray<Rlp.Rlp>): Uint8Array =>
  Rlp.encode([written(tag), written(version), ...fields])

const numbers = new Map<number, Uint8Array>()

/** Tags and versions are few. */
const written = (n: number): Uint8Array => {
  let bytes = numbers.get(n)
  if (bytes === undefined) numbers.set(n, (bytes = Bytes.uintToBytes(n)))
  return bytes
}

/**
 * Tag, version and fields of any serialized object.
 *
 * @since 0.1.0
 * @category internal
 */
export const anyObject = (
  bytes: Uint8Array,
  what: string
): { readonly tag: bigint; readonly version: bigint; readonly fields: ReadonlyArray<Rlp.Rlp> } => {
  const [tag, version, ...fields] = listField(Rlp.decodeOrThrow(bytes), what)
  return {
    tag: Bytes.uintFromBytesOrThrow(bytesField(tag, what, "tag"), ["tag"]),
    version: Bytes.uintFromBytesOrThrow(bytesField(version, what, "version"), ["version"]),
    fields
  }
}

/**
 * The fields of a serialized object of a known kind.
 *
 * @since 0.1.0
 * @category internal
 */
export const objectFields = (bytes: Uint8Array, kind: ObjectKind): ReadonlyArray<Rlp.Rlp> => {
  const { tag, version, fields } = anyObject(bytes, kind.what)
  if (tag !== BigInt(kind.tag) || version !== BigInt(kind.version)) {
    throw DecodeError.make(
      kind.what,
      "unexpected_tag",
      `expected tag ${kind.tag} version ${kind.version}, found tag ${tag} version ${version}`
    )
  }
  checkArity(fields, kind)
  return fields
}

/**
 * Refuses a field list of another length than the kind has.
 *
 * @since 0.1.0
 * @category internal
 */
export const checkArity = (fields: ReadonlyArray<Rlp.Rlp>, kind: ObjectKind): void => {
  if (fields.length !== kind.arity) {
    const detail = `expected ${kind.arity} fields after tag and version, found ${fields.length}`
    throw DecodeError.make(kind.what, "wrong_field_count", detail)
  }
}

const place = (name: string | number | undefined): ReadonlyArray<string | number> =>
  name === undefined ? [] : [name]

/**
 * A field that must be a byte array.
 *
 * @since 0.1.0
 * @category internal
 */
export const bytesField = (item: Rlp.Rlp | undefined, what: string, name?: string | number): Uint8Array => {
  if (item instanceof Uint8Array) return item
  throw DecodeError.make(what, "invalid_field", "expected a byte array here", place(name))
}

/**
 * A field that must be a list.
 *
 * @since 0.1.0
 * @category internal
 */
export const listField = (
  item: Rlp.Rlp | undefined,
  what: string,
  name?: string | number
): ReadonlyArray<Rlp.Rlp> => {
  if (item !== undefined && !(item instanceof Uint8Array)) return item
  throw DecodeError.make(what, "invalid_field", "expected a list here", place(name))
}
