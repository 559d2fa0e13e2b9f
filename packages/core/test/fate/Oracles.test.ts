import { describe, expect, it } from "@effect/vitest"
import type { OracleState } from "../../src/fate/Environment.js"
import * as Type from "../../src/fate/Type.js"
import * as Value from "../../src/fate/Value.js"
import * as ValueCodec from "../../src/fate/ValueCodec.js"
import { blind, chainMachine, missingRead } from "./support/chainMachine.js"
import { perform } from "./support/plainMachine.js"
import { runGroup } from "./support/vectors.js"

runGroup("ops-chain", "oracle_aens")

const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
const oracle = Value.reference("oracle", key(1))
const query = Value.reference("oracle_query", key(2))
const typed = (type: Type.Type) => Value.typeRepresentation(type)

const state = (abiVersion: number): OracleState => ({
  abiVersion,
  queryFormat: ValueCodec.encodeType(Type.string),
  responseFormat: ValueCodec.encodeType(Type.integer),
  queryFee: 3n,
  ttl: 10
})

const ask = (
  abiVersion: number,
  content: { question: Uint8Array; answer: Uint8Array | undefined } | undefined,
  mnemonic: string,
  ...types: ReadonlyArray<Value.Value>
) =>
  perform(
    chainMachine({ chain: { oracle: () => state(abiVersion), oracleQuery: () => content } }),
    mnemonic,
    oracle,
    query,
    ...types
  )

const failure = (text: string) => expect.objectContaining({ text })

describe("oracles", () => {
  const strings = [typed(Type.string), typed(Type.string)]
  const fate = [typed(Type.string), typed(Type.integer)]
  const bad = { question: Uint8Array.of(0x80), answer: Uint8Array.of(0x80) }

  it("without a machine of their own have plain text", () => {
    expect(ask(0, bad, "ORACLE_GET_QUESTION", ...strings)).toEqual(Value.string(bad.question))
    expect(ask(0, bad, "ORACLE_GET_ANSWER", ...strings)).toEqual(Value.some(Value.string(bad.answer)))
    expect(() => ask(0, bad, "ORACLE_GET_ANSWER", ...fate)).toThrow(
      failure("Error in oracle_get_answer: wrong_abi_version")
    )
    expect(() => ask(1, bad, "ORACLE_GET_QUESTION", ...strings)).toThrow(
      failure("Error in oracle_get_question: wrong_abi_version")
    )
  })

  it("say what is wrong with a query", () => {
    expect(() => ask(3, bad, "ORACLE_GET_QUESTION", ...fate)).toThrow(
      failure("Error in oracle_get_question: bad_question")
    )
    expect(() => ask(3, bad, "ORACLE_GET_ANSWER", ...fate)).toThrow(
      failure("Error in oracle_get_answer: bad_response")
    )
    expect(() => ask(3, undefined, "ORACLE_GET_QUESTION", ...fate)).toThrow(
      failure("Error in oracle_get_question: query_not_found")
    )
    expect(ask(3, undefined, "ORACLE_GET_ANSWER", ...fate)).toEqual(Value.none)
    expect(ask(3, undefined, "ORACLE_CHECK_QUERY", ...fate)).toBe(false)
    expect(() => ask(3, bad, "ORACLE_GET_QUESTION", 1n, 2n)).toThrow(
      failure("Error in oracle_get_question: bad_type")
    )
    expect(() => ask(3, bad, "ORACLE_CHECK_QUERY", 1n, 2n)).toThrow(
      failure("Error in oracle_check: bad_type")
    )
    expect(() => ask(3, bad, "ORACLE_GET_QUESTION", typed(Type.string), 2n)).toThrow(
      failure("Error in oracle_get_question: wrong_oracle_types")
    )
  })

  it("that cannot be read end the run", () => {
    const see = (
      chain: Partial<typeof blind.chain>,
      mnemonic: string,
      ...values: ReadonlyArray<Value.Value>
    ) => missingRead(() => perform(chainMachine({ chain }), mnemonic, oracle, ...values))
    const read = { _tag: "Oracle", oracle: key(1) }
    for (const mnemonic of ["ORACLE_QUERY_FEE", "ORACLE_EXPIRY"])
      expect(see(blind.chain, mnemonic)).toEqual(read)
    for (const mnemonic of ["ORACLE_GET_QUESTION", "ORACLE_GET_ANSWER", "ORACLE_CHECK_QUERY"]) {
      expect(see(blind.chain, mnemonic, query, ...fate)).toEqual(read)
      const half = { ...blind.chain, oracle: () => state(3) }
      expect(see(half, mnemonic, query, ...fate)).toEqual({
        _tag: "OracleQuery",
        oracle: key(1),
        query: key(2)
      })
    }
  })
})
