/**
 * Compiled contracts: the bytes in `code` of a contract and of the transactions that create one.
 *
 * Specification: æternity serializations (Sophia contract code), version 3 (Lima and later).
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Bytes from "../encoding/Bytes.js"
import * as DecodeError from "../encoding/DecodeError.js"
import {
  binary,
  bool,
  fixed,
  list,
  objectCodec,
  readObjectOrThrow,
  record,
  unexpectedObject
} from "./internal/fields.js"

/**
 * Types of one function of an AEVM contract.
 *
 * @since 0.1.0
 * @category models
 */
export interface TypeInfo {
  readonly typeHash: Uint8Array
  readonly name: Uint8Array
  readonly payable: boolean
  readonly argumentType: Uint8Array
  readonly outType: Uint8Array
}

/**
 * Compiled code: the hash (32 bytes) of its source, the byte code, the compiler's version and whether the
 * contract accepts coins. `typeInfo` is empty for FATE. The compiler version is bytes, as is; see
 * `compilerVersionText`.
 *
 * @since 0.1.0
 * @category models
 */
export interface CodeObject {
  readonly sourceHash: Uint8Array
  readonly typeInfo: ReadonlyArray<TypeInfo>
  readonly byteCode: Uint8Array
  readonly compilerVersion: Uint8Array
  readonly payable: boolean
}

const version3 = objectCodec(70, 3, {
  sourceHash: fixed(32),
  typeInfo: list(
    record({
      typeHash: binary("ba"),
      name: binary("ba"),
      payable: bool,
      argumentType: binary("ba"),
      outType: binary("ba")
    })
  ),
  byteCode: binary("cb"),
  compilerVersion: binary("ba"),
  payable: bool
})

/**
 * The serialized code.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (code: CodeObject): Uint8Array => version3.encode(code)

/**
 * Reads serialized code; see `decode`. Throws `DecodeError`.
 *
 * @internal
 * @since 0.1.0
 * @category internal
 */
export const decodeOrThrow = (bytes: Uint8Array): CodeObject =>
  readObjectOrThrow("contract code", bytes, (header) => {
    if (header.tag !== version3.tag || header.version !== version3.version) {
      throw unexpectedObject(header, "contract code of version 3")
    }
    return version3.fromItemsOrThrow(header.items)
  })

/**
 * Reads serialized code. Fails with `DecodeError`; code from before Lima (versions 1 and 2) is an `unknown_type`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (bytes: Uint8Array): Effect.Effect<CodeObject, DecodeError.DecodeError> =>
  DecodeError.attempt(() => decodeOrThrow(bytes))

/**
 * The compiler version as text, such as `8.0.0`; `undefined` where it is no text.
 *
 * @since 0.1.0
 * @category accessors
 */
export const compilerVersionText = (code: CodeObject): string | undefined => {
  try {
    return Bytes.fromUtf8OrThrow(code.compilerVersion)
  } catch {
    return undefined
  }
}
