/**
 * Generalized accounts of a recording. Their contracts stand nowhere in it: here others stand in for them that agree to
 * whatever their authentication function is asked, as the recorded ones did. What clients authenticated with is sent as
 * it was recorded.
 */
import * as CodeObject from "../../../chain/CodeObject.js"
import * as SignedTx from "../../../chain/SignedTx.js"
import type * as Transaction from "../../../chain/Transaction.js"
import type * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import * as Bytes from "../../../encoding/Bytes.js"
import * as Json from "../../../encoding/Json.js"
import * as Bytecode from "../../../fate/Bytecode.js"
import * as CallData from "../../../fate/CallData.js"
import { type Instruction, Mode } from "../../../fate/internal/machine.js"
import * as Opcodes from "../../../fate/Opcodes.js"
import * as SortedMap from "../../../fate/internal/sortedMap.js"
import * as Type from "../../../fate/Type.js"
import * as Value from "../../../fate/Value.js"
import * as ValueCodec from "../../../fate/ValueCodec.js"
import { attachment } from "../attachment.js"
import { decoded } from "./Bodies.js"
import type { Recording } from "./Recording.js"

type Address = ApiEncoding.AccountAddress

/** The generalized accounts of a recording, each with its first meta transaction. */
export type Generalized = ReadonlyMap<Address, Transaction.GaMetaTx>

const textsIn = (json: Json.Json | undefined): ReadonlyArray<string> => {
  if (typeof json === "string") return json.startsWith("tx_") ? [json] : []
  if (Json.isArray(json)) return json.flatMap(textsIn)
  return Json.isObject(json) ? Object.values(json).flatMap(textsIn) : []
}

export const generalizedIn = ({ lines }: Recording): Generalized => {
  const found = new Map<Address, Transaction.GaMetaTx>()
  for (const line of lines)
    if (line._tag === "Sent" || line._tag === "Came")
      for (const text of textsIn(line.json)) {
        const signed = decoded(text)
        for (const meta of signed === undefined ? [] : SignedTx.metaLayers(signed))
          if (!found.has(meta.gaId)) found.set(meta.gaId, meta)
      }
  return found
}

const returning = (value: Value.Value): Instruction => ({
  opcode: Opcodes.opcodes.find(({ mnemonic }) => mnemonic === "RETURNR")?.number ?? 0,
  operands: [{ mode: Mode.immediate, value }]
})

/** Code whose function of this id agrees to whatever it is asked, with so many arguments. */
const agreeing = (id: Uint8Array, count: number): Uint8Array => {
  const flags = { attributes: 0, private: false, payable: false }
  const init = Bytecode.functionId("init")
  const unit = Type.tuple([])
  const functions: ReadonlyArray<Bytecode.FateFunction> = [
    { ...flags, id: init, arguments: [], result: unit, blocks: [[returning(Value.unit)]] },
    {
      ...flags,
      id,
      arguments: Array.from({ length: count }, () => Type.any),
      result: Type.boolean,
      blocks: [[returning(true)]]
    }
  ]
  return CodeObject.encode({
    sourceHash: new Uint8Array(32),
    typeInfo: [],
    byteCode: Bytecode.encode({
      functions: new Map(functions.map((each) => [Bytes.toHex(each.id), each])),
      symbols: new Map(),
      annotations: ValueCodec.encode(Value.map(SortedMap.fromEntries([])))
    }),
    compilerVersion: Bytes.utf8("8.0.0"),
    payable: false
  })
}

/** The transaction by which an account with this nonce becomes generalized. */
export const attachTx = (
  ownerId: Address,
  nonce: bigint,
  { authData }: Transaction.GaMetaTx,
  protocol: number
): Transaction.Transaction => {
  const called = CallData.read(authData)
  const functionId = called?.functionId ?? Bytecode.functionId("authorize")
  return attachment({
    ownerId,
    nonce,
    code: agreeing(functionId, called?.args.length ?? 0),
    functionId,
    callData: CallData.encode("init", []),
    protocol
  })
}
