/**
 * Off-chain updates: what two parties agree to do to the off-chain trees in one round.
 *
 * Updates are not part of an off-chain transaction (version 2): they travel beside it, as bytes between nodes and as
 * JSON objects ("client form") to clients, and each side derives the state hash from them.
 *
 * Implements "æternity serializations: channel off-chain updates" (tags 570 to 574 and 576) and the client form of the
 * channel WebSocket API (`signed_tx` dialect, `updates` of sign requests).
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { packVersions, unpackVersions } from "../chain/ContractObject.js"
import * as ApiEncoding from "../encoding/ApiEncoding.js"
import * as Bytes from "../encoding/Bytes.js"
import * as DecodeError from "../encoding/DecodeError.js"
import * as Json from "../encoding/Json.js"
import type * as Rlp from "../encoding/Rlp.js"
import * as Text from "./internal/losslessText.js"
import { anyObject, bytesField, checkArity, encodeObject, listField } from "./internal/objects.js"
import type { ObjectKind } from "./internal/objects.js"

/**
 * Moves `amount` aettos from one account to another; both must exist.
 *
 * @since 0.1.0
 * @category models
 */
export interface OffChainTransfer {
  readonly _tag: "OffChainTransfer"
  readonly from: ApiEncoding.AccountAddress
  readonly to: ApiEncoding.AccountAddress
  readonly amount: bigint
}

/**
 * Adds `amount` aettos, deposited on chain by `from`, to the account `from`.
 *
 * @since 0.1.0
 * @category models
 */
export interface OffChainDeposit {
  readonly _tag: "OffChainDeposit"
  readonly from: ApiEncoding.AccountAddress
  readonly amount: bigint
}

/**
 * Takes `amount` aettos, withdrawn on chain to `to`, from the account `to`.
 *
 * @since 0.1.0
 * @category models
 */
export interface OffChainWithdrawal {
  readonly _tag: "OffChainWithdrawal"
  readonly to: ApiEncoding.AccountAddress
  readonly amount: bigint
}

/**
 * Creates a contract. `owner` pays `deposit` aettos to the contract's account; `callData` calls the `init` function.
 * `ctVersion` packs the versions of virtual machine and ABI, see `packVersions` of `ContractObject`.
 *
 * @since 0.1.0
 * @category models
 */
export interface OffChainNewContract {
  readonly _tag: "OffChainNewContract"
  readonly owner: ApiEncoding.AccountAddress
  readonly ctVersion: number
  readonly code: Uint8Array
  readonly deposit: bigint
  readonly callData: Uint8Array
}

/**
 * Calls a contract. `callerId` pays `amount` aettos to the contract's account; nobody pays for gas off chain.
 * `callStack` is empty for FATE contracts.
 *
 * @since 0.1.0
 * @category models
 */
export interface OffChainCallContract {
  readonly _tag: "OffChainCallContract"
  readonly callerId: ApiEncoding.AccountAddress
  readonly contractId: ApiEncoding.ContractId
  readonly abiVersion: number
  readonly amount: bigint
  readonly gas: bigint
  readonly gasPrice: bigint
  readonly callData: Uint8Array
  readonly callStack: ReadonlyArray<bigint>
}

/**
 * A contract call by a party. Off chain it has 1,000,000 units of gas, which nobody pays for and nobody can have more of;
 * what is forced on chain says its `gas` and `gasPrice` (aettos).
 *
 * @since 0.1.0
 * @category constructors
 */
export const call = (
  callerId: ApiEncoding.AccountAddress,
  input: Pick<OffChainCallContract, "contractId" | "abiVersion" | "amount" | "callData">,
  { gas, gasPrice }: Pick<OffChainCallContract, "gas" | "gasPrice"> = { gas: 1_000_000n, gasPrice: 1n }
): OffChainCallContract => {
  const { abiVersion, amount, callData, contractId } = input
  return {
    _tag: "OffChainCallContract",
    callerId,
    contractId,
    abiVersion,
    amount,
    gas,
    gasPrice,
    callData,
    callStack: []
  }
}

/**
 * A note that changes nothing. `data` is bytes between nodes and text here: UTF-8, with every byte that is no part of
 * well-formed UTF-8 kept as the lone surrogate U+DC00 + byte, so that no byte is lost in either direction.
 *
 * @since 0.1.0
 * @category models
 */
export interface OffChainMeta {
  readonly _tag: "OffChainMeta"
  readonly data: string
}

/**
 * An off-chain update. The tag is the update's `op` in the client form.
 *
 * @since 0.1.0
 * @category models
 */
export type Update =
  | OffChainTransfer
  | OffChainDeposit
  | OffChainWithdrawal
  | OffChainNewContract
  | OffChainCallContract
  | OffChainMeta

type Op = Update["_tag"]
type UpdateOf<K extends Op> = {
  readonly [P in K]: Extract<Update, { readonly _tag: P }> & { readonly _tag: P }
}[K]

const what = "off-chain update"

// Fields of the serialized form.

const idTags = { ak: 1, ct: 5 } as const

const idToBytes = (prefix: keyof typeof idTags, id: ApiEncoding.AccountAddress | ApiEncoding.ContractId) =>
  Bytes.concat(Uint8Array.of(idTags[prefix]), ApiEncoding.viewOf(id))

const idFrom = <P extends keyof typeof idTags>(prefix: P, item: Rlp.Rlp | undefined, name: string) => {
  const bytes = bytesField(item, what, name)
  if (bytes.length !== 33 || bytes[0] !== idTags[prefix]) {
    throw DecodeError.make(what, "invalid_id", `expected an id that prints as ${prefix}_`, [name])
  }
  return ApiEncoding.encode(prefix, bytes.subarray(1))
}

const uintFrom = (item: Rlp.Rlp | undefined, name: string): bigint =>
  Bytes.uintFromBytesOrThrow(bytesField(item, what, name), [name])

const toSmall = (n: bigint, name: string, limit: number): number => {
  if (n >= 0n && n <= BigInt(limit)) return Number(n)
  throw DecodeError.make(what, "out_of_range", `expected an integer from 0 to ${limit}`, [name])
}

// Members of the client form.

const uintToJson = (n: bigint): number | bigint => (n <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(n) : n)

const jsonText = (json: Json.JsonObject, name: string): string => {
  const value = json[name]
  if (typeof value === "string") return value
  throw DecodeError.make(what, "invalid_field", "expected a string here", [name])
}

const jsonUint = (json: Json.JsonObject, name: string): bigint => {
  const value = Json.toBigInt(json[name])
  if (value !== undefined && value >= 0n) return value
  throw DecodeError.make(what, "invalid_field", "expected a non-negative integer here", [name])
}

const jsonUints = (json: Json.JsonObject, name: string): ReadonlyArray<bigint> => {
  const value = json[name]
  if (!Json.isArray(value)) throw DecodeError.make(what, "invalid_field", "expected a list here", [name])
  return value.map((item) => DecodeError.within([name], () => jsonUint({ item }, "item")))
}

const jsonId = <P extends "ak" | "ct">(prefix: P, json: Json.JsonObject, name: string) =>
  DecodeError.within([name], () => ApiEncoding.parseOrThrow(prefix, jsonText(json, name)))

const jsonBytes = (json: Json.JsonObject, name: string): Uint8Array =>
  DecodeError.within([name], () => ApiEncoding.decodeOrThrow("cb", jsonText(json, name)))

// One row per kind of update. Members of the client form are in the node's order, which is alphabetical.

interface Kind<U> {
  readonly object: ObjectKind
  readonly toFields: (update: U) => ReadonlyArray<Rlp.Rlp>
  readonly fromFields: (fields: ReadonlyArray<Rlp.Rlp>) => U
  readonly toJson: (update: U) => Json.JsonObject
  readonly fromJson: (json: Json.JsonObject) => U
}

const object = (tag: number, version: number, arity: number): ObjectKind => ({ what, tag, version, arity })

type Kinds = { readonly [K in Op]: Kind<UpdateOf<K>> }

const kinds: Kinds = {
  OffChainTransfer: {
    object: object(570, 1, 3),
    toFields: ({ from, to, amount }) => [
      idToBytes("ak", from),
      idToBytes("ak", to),
      Bytes.uintToBytes(amount)
    ],
    fromFields: ([from, to, amount]) => ({
      _tag: "OffChainTransfer",
      from: idFrom("ak", from, "from"),
      to: idFrom("ak", to, "to"),
      amount: uintFrom(amount, "amount")
    }),
    toJson: ({ from, to, amount }) => ({ amount: uintToJson(amount), from, op: "OffChainTransfer", to }),
    fromJson: (json) => ({
      _tag: "OffChainTransfer",
      from: jsonId("ak", json, "from"),
      to: jsonId("ak", json, "to"),
      amount: jsonUint(json, "amount")
    })
  },
  OffChainDeposit: {
    object: object(571, 1, 2),
    toFields: ({ from, amount }) => [idToBytes("ak", from), Bytes.uintToBytes(amount)],
    fromFields: ([from, amount]) => ({
      _tag: "OffChainDeposit",
      from: idFrom("ak", from, "from"),
      amount: uintFrom(amount, "amount")
    }),
    toJson: ({ from, amount }) => ({ amount: uintToJson(amount), from, op: "OffChainDeposit" }),
    fromJson: (json) => ({
      _tag: "OffChainDeposit",
      from: jsonId("ak", json, "from"),
      amount: jsonUint(json, "amount")
    })
  },
  OffChainWithdrawal: {
    object: object(572, 1, 2),
    toFields: ({ to, amount }) => [idToBytes("ak", to), Bytes.uintToBytes(amount)],
    fromFields: ([to, amount]) => ({
      _tag: "OffChainWithdrawal",
      to: idFrom("ak", to, "to"),
      amount: uintFrom(amount, "amount")
    }),
    toJson: ({ to, amount }) => ({ amount: uintToJson(amount), op: "OffChainWithdrawal", to }),
    fromJson: (json) => ({
      _tag: "OffChainWithdrawal",
      to: jsonId("ak", json, "to"),
      amount: jsonUint(json, "amount")
    })
  },
  OffChainNewContract: {
    object: object(573, 1, 5),
    toFields: (update) => [
      idToBytes("ak", update.owner),
      Bytes.uintToBytes(update.ctVersion),
      update.code,
      Bytes.uintToBytes(update.deposit),
      update.callData
    ],
    fromFields: ([owner, ctVersion, code, deposit, callData]) => ({
      _tag: "OffChainNewContract",
      owner: idFrom("ak", owner, "owner"),
      ctVersion: toSmall(uintFrom(ctVersion, "ct_version"), "ct_version", 0xffffffff),
      code: bytesField(code, what, "code"),
      deposit: uintFrom(deposit, "deposit"),
      callData: bytesField(callData, what, "call_data")
    }),
    toJson: (update) => {
      const { vmVersion, abiVersion } = unpackVersions(update.ctVersion)
      return {
        abi_version: abiVersion,
        call_data: ApiEncoding.encode("cb", update.callData),
        code: ApiEncoding.encode("cb", update.code),
        deposit: uintToJson(update.deposit),
        op: "OffChainNewContract",
        owner: update.owner,
        vm_version: vmVersion
      }
    },
    fromJson: (json) => ({
      _tag: "OffChainNewContract",
      owner: jsonId("ak", json, "owner"),
      ctVersion: packVersions({
        vmVersion: toSmall(jsonUint(json, "vm_version"), "vm_version", 0xffff),
        abiVersion: toSmall(jsonUint(json, "abi_version"), "abi_version", 0xffff)
      }),
      code: jsonBytes(json, "code"),
      deposit: jsonUint(json, "deposit"),
      callData: jsonBytes(json, "call_data")
    })
  },
  OffChainCallContract: {
    object: object(574, 1, 8),
    toFields: (update) => [
      idToBytes("ak", update.callerId),
      idToBytes("ct", update.contractId),
      Bytes.uintToBytes(update.abiVersion),
      Bytes.uintToBytes(update.amount),
      Bytes.uintToBytes(update.gas),
      Bytes.uintToBytes(update.gasPrice),
      update.callData,
      update.callStack.map(Bytes.uintToBytes)
    ],
    fromFields: ([callerId, contractId, abiVersion, amount, gas, gasPrice, callData, callStack]) => ({
      _tag: "OffChainCallContract",
      callerId: idFrom("ak", callerId, "caller"),
      contractId: idFrom("ct", contractId, "contract"),
      abiVersion: toSmall(uintFrom(abiVersion, "abi_version"), "abi_version", Number.MAX_SAFE_INTEGER),
      amount: uintFrom(amount, "amount"),
      gas: uintFrom(gas, "gas"),
      gasPrice: uintFrom(gasPrice, "gas_price"),
      callData: bytesField(callData, what, "call_data"),
      callStack: listField(callStack, what, "call_stack").map((item) => uintFrom(item, "call_stack"))
    }),
    toJson: (update) => ({
      abi_version: update.abiVersion,
      amount: uintToJson(update.amount),
      call_data: ApiEncoding.encode("cb", update.callData),
      call_stack: update.callStack.map(uintToJson),
      caller_id: update.callerId,
      contract_id: update.contractId,
      gas: uintToJson(update.gas),
      gas_price: uintToJson(update.gasPrice),
      op: "OffChainCallContract"
    }),
    fromJson: (json) => ({
      _tag: "OffChainCallContract",
      callerId: jsonId("ak", json, "caller_id"),
      contractId: jsonId("ct", json, "contract_id"),
      abiVersion: toSmall(jsonUint(json, "abi_version"), "abi_version", Number.MAX_SAFE_INTEGER),
      amount: jsonUint(json, "amount"),
      gas: jsonUint(json, "gas"),
      gasPrice: jsonUint(json, "gas_price"),
      callData: jsonBytes(json, "call_data"),
      callStack: jsonUints(json, "call_stack")
    })
  },
  OffChainMeta: {
    object: object(576, 2, 1),
    toFields: ({ data }) => [Text.fromText(data)],
    fromFields: ([data]) => ({ _tag: "OffChainMeta", data: Text.toText(bytesField(data, what, "data")) }),
    toJson: ({ data }) => ({ data, op: "OffChainMeta" }),
    fromJson: (json) => ({ _tag: "OffChainMeta", data: jsonText(json, "data") })
  }
}

const kindOf = <K extends Op>(update: UpdateOf<K>): Kind<UpdateOf<K>> => kinds[update._tag]

const byTag: ReadonlyMap<bigint, Kinds[Op]> = new Map(
  Object.values(kinds).map((kind) => [BigInt(kind.object.tag), kind])
)

const isOp = (text: string): text is Op => Object.hasOwn(kinds, text)

/**
 * The serialized update. Amounts must be non-negative; a negative one is a defect.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (update: Update): Uint8Array => {
  const { object, toFields } = kindOf(update)
  return encodeObject(object.tag, object.version, toFields(update))
}

/**
 * Reads a serialized update.
 *
 * @internal
 */
export const decodeOrThrow = (bytes: Uint8Array): Update => {
  const { tag, version, fields } = anyObject(bytes, what)
  const kind = byTag.get(tag)
  if (kind === undefined || version !== BigInt(kind.object.version)) {
    throw DecodeError.make(
      what,
      "unexpected_tag",
      `no off-chain update has tag ${tag} and version ${version}`
    )
  }
  checkArity(fields, kind.object)
  return kind.fromFields(fields)
}

/**
 * Reads a serialized update; fails with a `DecodeError` for other bytes.
 *
 * @since 0.1.0
 * @category encoding
 */
export const decode = (bytes: Uint8Array): Effect.Effect<Update, DecodeError.DecodeError> =>
  DecodeError.attempt(() => decodeOrThrow(bytes))

/**
 * The update as nodes show it to clients: a JSON object with `op` and the update's fields, amounts as integers.
 *
 * @since 0.1.0
 * @category client form
 */
export const toJson = (update: Update): Json.JsonObject => kindOf(update).toJson(update)

/**
 * Reads the client form. Members it does not know are ignored.
 *
 * @internal
 */
export const fromJsonOrThrow = (json: Json.Json): Update => {
  if (!Json.isObject(json)) throw DecodeError.make(what, "invalid_field", "expected a JSON object")
  const op = jsonText(json, "op")
  if (!isOp(op)) throw DecodeError.make(what, "unknown_op", "no off-chain update has this op", ["op"])
  return kinds[op].fromJson(json)
}

/**
 * Reads the client form; fails with a `DecodeError` for any other JSON.
 *
 * @since 0.1.0
 * @category client form
 */
export const fromJson = (json: Json.Json): Effect.Effect<Update, DecodeError.DecodeError> =>
  DecodeError.attempt(() => fromJsonOrThrow(json))
