/**
 * Contracts, as they stand in the contracts tree. Their balance is an account, their store stands beside them.
 *
 * Specification: æternity serializations (contract), contract VM and ABI versions.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { AccountAddress, ContractId } from "../encoding/ApiEncoding.js"
import * as DecodeError from "../encoding/DecodeError.js"
import type { Json } from "../encoding/Json.js"
import {
  binary,
  bool,
  failure,
  id,
  int,
  list,
  objectCodec,
  readObjectOrThrow,
  safeInt,
  sortKeys,
  unexpectedObject
} from "./internal/fields.js"

/**
 * The versions of virtual machine (5, 7 and 8 are FATE, 1, 3, 4 and 6 the AEVM) and ABI (3 is FATE, 1 the AEVM).
 *
 * @since 0.1.0
 * @category models
 */
export interface ContractVersions {
  readonly vmVersion: number
  readonly abiVersion: number
}

/**
 * Packs the versions into the `ct_version` of contracts and their transactions. Equal versions of at most 2 are
 * written as the bare number.
 *
 * @since 0.1.0
 * @category contract versions
 */
export const packVersions = ({ abiVersion, vmVersion }: ContractVersions): number =>
  vmVersion === abiVersion && abiVersion <= 2 ? abiVersion : vmVersion * 0x10000 + abiVersion

/**
 * The versions in a `ct_version`.
 *
 * @since 0.1.0
 * @category contract versions
 */
export const unpackVersions = (ctVersion: number): ContractVersions => {
  const abiVersion = ctVersion % 0x10000
  const vmVersion = Math.floor(ctVersion / 0x10000)
  return { vmVersion: vmVersion === 0 ? abiVersion : vmVersion, abiVersion }
}

/**
 * A contract: its owner, `ctVersion` (see {@link packVersions}), the serialized code object (empty where `codeRef` names the contract that has
 * it), and the deposit in aettos.
 *
 * @since 0.1.0
 * @category models
 */
export interface ContractObject {
  /** Version of the serialized object; only version 2 can refer to code. */
  readonly version: 1 | 2
  readonly ownerId: AccountAddress | ContractId
  readonly ctVersion: number
  readonly code: Uint8Array
  readonly codeRef?: ContractId
  readonly log: Uint8Array
  readonly active: boolean
  readonly referrerIds: ReadonlyArray<ContractId>
  readonly deposit: bigint
}

/**
 * A new active contract without referrers: version 2 for FATE2 and FATE3, which may refer to the code of another
 * contract, else 1.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly ownerId: AccountAddress | ContractId
  readonly ctVersion: number
  readonly code: Uint8Array
  readonly deposit: bigint
}): ContractObject => ({
  ...options,
  version: unpackVersions(options.ctVersion).vmVersion >= 7 ? 2 : 1,
  log: new Uint8Array(),
  active: true,
  referrerIds: []
})

const tag = 40
const contract = id("ct")
const head = { ownerId: id("ak", "ct"), ctVersion: safeInt, code: binary("cb") }
const tail = { log: binary("ba"), active: bool, referrerIds: list(contract), deposit: int }

const version1 = objectCodec(tag, 1, { ...head, ...tail })
const version2 = objectCodec(tag, 2, { ...head, codeRef: list(contract), ...tail })

/**
 * The serialized contract.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (object: ContractObject): Uint8Array =>
  object.version === 2
    ? version2.encode({ ...object, codeRef: object.codeRef === undefined ? [] : [object.codeRef] })
    : version1.encode(object)

/**
 * Reads a serialized contract; see `decode`. Throws `DecodeError`.
 *
 * @internal
 * @since 0.1.0
 * @category internal
 */
export const decodeOrThrow = (bytes: Uint8Array): ContractObject =>
  readObjectOrThrow("contract", bytes, (header): ContractObject => {
    if (header.tag !== tag || header.version < 1 || header.version > 2)
      throw unexpectedObject(header, "contract")
    if (header.version === 1) return { version: 1, ...version1.fromItemsOrThrow(header.items) }
    const { codeRef, ...fields } = version2.fromItemsOrThrow(header.items)
    const rest = { version: 2 as const, ...fields }
    const [reference] = codeRef
    if (reference === undefined) return rest
    if (codeRef.length > 1 || rest.code.length > 0) {
      throw failure("bad_code_reference", "a contract has code of its own or one reference, not both")
    }
    return { ...rest, codeRef: reference }
  })

/**
 * Reads a serialized contract. Fails with `DecodeError`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (bytes: Uint8Array): Effect.Effect<ContractObject, DecodeError.DecodeError> =>
  DecodeError.attempt(() => decodeOrThrow(bytes))

/**
 * The node's JSON for a contract, keys in alphabetical order. Code and log are not part of it.
 *
 * @since 0.1.0
 * @category encoding
 */
export const toClientForm = (
  contractId: ContractId,
  object: ContractObject
): { readonly [key: string]: Json } => {
  const { code: _code, log: _log, ct_version: _version, ...rest } = version1.toClient(object)
  return sortKeys({
    ...rest,
    id: contractId,
    vm_version: unpackVersions(object.ctVersion).vmVersion,
    abi_version: unpackVersions(object.ctVersion).abiVersion
  })
}
