/** Contracts as they stand in a state, each read once. */
import * as CodeObject from "../../chain/CodeObject.js"
import * as ContractObject from "../../chain/ContractObject.js"
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import { DecodeError } from "../../encoding/DecodeError.js"
import type { Trees } from "../../state/Trees.js"
import * as Trie from "../../state/Trie.js"
import * as Bytecode from "../Bytecode.js"
import { crash } from "./machine.js"

/** A contract as it stands in the contracts tree. */
export interface Stored {
  readonly vm: number
  readonly abi: number
  readonly owner: Uint8Array
  /** The serialized code, or the contract that has it. */
  readonly code: Uint8Array | { readonly contract: Uint8Array }
}

const stored = new WeakMap<Uint8Array, Stored>()

/** The contract with a key; `undefined` if there is none. */
export const storedContract = (trees: Trees, key: Uint8Array): Stored | undefined => {
  const bytes = Trie.get(trees.contracts, key)
  if (bytes === undefined) return undefined
  const known = stored.get(bytes)
  if (known !== undefined) return known
  const object = ContractObject.decodeOrThrow(bytes)
  const { abiVersion, vmVersion } = ContractObject.unpackVersions(object.ctVersion)
  const made = {
    vm: vmVersion,
    abi: abiVersion,
    owner: ApiEncoding.bytesOf(object.ownerId),
    code: object.codeRef === undefined ? object.code : { contract: ApiEncoding.bytesOf(object.codeRef) }
  }
  stored.set(bytes, made)
  return made
}

const codeObjects = new WeakMap<Uint8Array, CodeObject.CodeObject>()

/** The serialized code as an object. Crashes on bytes that are none. */
export const codeObject = (code: Uint8Array): CodeObject.CodeObject => {
  const known = codeObjects.get(code)
  if (known !== undefined) return known
  try {
    const object = CodeObject.decodeOrThrow(code)
    codeObjects.set(code, object)
    return object
  } catch (error) {
    if (error instanceof DecodeError) return crash("the contract's code cannot be read")
    throw error
  }
}

/** Whether a version is one of FATE. */
export const isFate = (vm: number): boolean => vm === 5 || vm === 7 || vm === 8

/** The byte code of a contract; `undefined` if there is no such contract of FATE or its byte code is wrong. */
export const sourceOf = (
  trees: Trees,
  key: Uint8Array
): { readonly source: Bytecode.Program; readonly vm: number } | undefined => {
  const contract = storedContract(trees, key)
  if (contract === undefined || !isFate(contract.vm)) return undefined
  const own =
    contract.code instanceof Uint8Array ? contract.code : storedContract(trees, contract.code.contract)?.code
  if (!(own instanceof Uint8Array)) return crash("a contract refers to code that is not there")
  const { byteCode } = codeObject(own)
  try {
    return { source: Bytecode.parseOrThrow(byteCode), vm: contract.vm }
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
