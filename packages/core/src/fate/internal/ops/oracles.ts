/**
 * Operations on oracles: reads of the chain; what would change it is not allowed in a channel.
 */
import * as Bytes from "../../../encoding/Bytes.js"
import type { OracleQueryState, OracleState } from "../../Environment.js"
import * as Value from "../../Value.js"
import * as ValueCodec from "../../ValueCodec.js"
import * as Errors from "../errorTexts.js"
import { fail, type Machine, type Operand, type Operation, type Operations } from "../machine.js"
import { isReference, isTagged, isTypeRepresentation, keyLength, known } from "./operands.js"

/** Oracles whose questions and answers are plain text. */
const abiPlain = 0
const abiFate = 3

const oracleAt = (machine: Machine, key: Uint8Array): OracleState | undefined =>
  key.length === keyLength ? known(machine.environment.chain.oracle(key)) : undefined

const queryAt = (machine: Machine, key: Uint8Array, query: Uint8Array): OracleQueryState | undefined =>
  query.length === keyLength ? known(machine.environment.chain.oracleQuery(key, query)) : undefined

const isStringType = (value: Value.Value): boolean =>
  isTypeRepresentation(value) && value.type._tag === "string"

/** The reason why an oracle is not of the types that the contract says, or nothing. */
const mismatch = (
  oracle: OracleState | undefined,
  queryType: Value.Value,
  responseType: Value.Value
): string | undefined => {
  if (oracle === undefined) return "oracle_not_found"
  if (oracle.abiVersion === abiPlain && isStringType(queryType) && isStringType(responseType))
    return undefined
  if (oracle.abiVersion !== abiFate) return "wrong_abi_version"
  const same =
    Bytes.equals(oracle.queryFormat, ValueCodec.encode(queryType)) &&
    Bytes.equals(oracle.responseFormat, ValueCodec.encode(responseType))
  return same ? undefined : "wrong_oracle_types"
}

interface Typed {
  readonly key: Uint8Array
  readonly oracle: OracleState | undefined
  readonly mismatch: string | undefined
}

const typed = (
  machine: Machine,
  operation: string,
  oracle: Value.Value,
  types: readonly [Value.Value, Value.Value],
  query?: Value.Value
): Typed => {
  if (!isReference(oracle, "oracle")) return fail(() => Errors.typeErrorOnCall(oracle, "oracle"))
  if (query !== undefined && !isReference(query, "oracle_query"))
    return fail(() => Errors.typeErrorOnCall(query, "oracle_query"))
  // One that is a type is enough for the reference; the other one then matches no oracle.
  if (!types.some(isTypeRepresentation)) return fail(Errors.errorIn(operation, "bad_type"))
  const found = oracleAt(machine, oracle.bytes)
  return { key: oracle.bytes, oracle: found, mismatch: mismatch(found, ...types) }
}

/** Text of a plain oracle, or the value it stands for. */
const content = (
  oracle: OracleState | undefined,
  bytes: Uint8Array,
  otherwise: () => Value.Value
): Value.Value => {
  if (oracle?.abiVersion === abiPlain) return Value.string(bytes)
  try {
    return ValueCodec.decodeOrThrow(bytes)
  } catch {
    return otherwise()
  }
}

const question = (oracle: OracleState | undefined, query: OracleQueryState | undefined): Value.Value => {
  const wrong = (reason: string): never => fail(Errors.errorIn("oracle_get_question", reason))
  return query === undefined
    ? wrong("query_not_found")
    : content(oracle, query.question, () => wrong("bad_question"))
}

const answer = (oracle: OracleState | undefined, query: OracleQueryState | undefined): Value.Value => {
  const wrong = (): never => fail(Errors.errorIn("oracle_get_answer", "bad_response"))
  return query?.answer === undefined ? Value.none : Value.some(content(oracle, query.answer, wrong))
}

const read4 = (
  machine: Machine,
  operands: ReadonlyArray<Operand>
): readonly [Value.Value, Value.Value, Value.Value, Value.Value] => [
  machine.read(operands[1]),
  machine.read(operands[2]),
  machine.read(operands[3]),
  machine.read(operands[4])
]

const keyOfQuery = (query: Value.Value): Uint8Array =>
  isTagged(query) && query._tag === "oracle_query" ? query.bytes : new Uint8Array()

const get =
  (
    operation: string,
    result: (oracle: OracleState | undefined, query: OracleQueryState | undefined) => Value.Value
  ): Operation =>
  (machine, operands) => {
    const [oracle, query, queryType, responseType] = read4(machine, operands)
    const found = typed(machine, operation, oracle, [queryType, responseType], query)
    if (found.mismatch !== undefined) return fail(Errors.errorIn(operation, found.mismatch))
    machine.write(operands[0], result(found.oracle, queryAt(machine, found.key, keyOfQuery(query))))
  }

const check: Operation = (machine, [to, first, second, third]) => {
  const oracle = machine.read(first)
  const types = [machine.read(second), machine.read(third)] as const
  machine.write(to, typed(machine, "oracle_check", oracle, types).mismatch === undefined)
}

const checkQuery: Operation = (machine, operands) => {
  const [oracle, query, queryType, responseType] = read4(machine, operands)
  const found = typed(machine, "oracle_check", oracle, [queryType, responseType], query)
  const there = found.mismatch === undefined && queryAt(machine, found.key, keyOfQuery(query)) !== undefined
  machine.write(operands[0], there)
}

const number =
  (operation: string, of: (oracle: OracleState) => bigint): Operation =>
  (machine, [to, operand]) => {
    const value = machine.read(operand)
    if (!isReference(value, "oracle")) return fail(() => Errors.typeErrorOnCall(value, "oracle"))
    const oracle = oracleAt(machine, value.bytes)
    machine.write(
      to,
      oracle === undefined ? fail(Errors.errorIn(operation, "oracle_does_not_exist")) : of(oracle)
    )
  }

const notOffChain =
  (mnemonic: string): Operation =>
  () =>
    fail(Errors.notOffChain(mnemonic))

export const oracles: Operations = {
  ORACLE_CHECK: check,
  ORACLE_CHECK_QUERY: checkQuery,
  ORACLE_EXPIRY: number("oracle_expiry", (oracle) => BigInt(oracle.ttl)),
  ORACLE_EXTEND: notOffChain("ORACLE_EXTEND"),
  ORACLE_GET_ANSWER: get("oracle_get_answer", answer),
  ORACLE_GET_QUESTION: get("oracle_get_question", question),
  ORACLE_QUERY: notOffChain("ORACLE_QUERY"),
  ORACLE_QUERY_FEE: number("oracle_query_fee", (oracle) => oracle.queryFee),
  ORACLE_REGISTER: notOffChain("ORACLE_REGISTER"),
  ORACLE_RESPOND: notOffChain("ORACLE_RESPOND")
}
