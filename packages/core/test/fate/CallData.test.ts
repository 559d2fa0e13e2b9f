import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Bytes from "../../src/encoding/Bytes.js"
import { DecodeError } from "../../src/encoding/DecodeError.js"
import * as Bytecode from "../../src/fate/Bytecode.js"
import * as CallData from "../../src/fate/CallData.js"
import * as Order from "../../src/fate/Order.js"
import * as Value from "../../src/fate/Value.js"
import * as ValueCodec from "../../src/fate/ValueCodec.js"
import * as Arbitraries from "../support/fate/Arbitraries.js"
import { reasonOf } from "../support/Reason.js"

describe("call data", () => {
  it("is a pair of function and arguments", () => {
    expect(Bytes.toHex(CallData.encode("init", []))).toBe("2b1144d6441f3f")
    expect(Bytes.toHex(CallData.encode(Bytes.fromHex("44d6441f"), [1n, true]))).toBe("2b1144d6441f2b02ff")
    expect(CallData.encode("init", [7n])).toStrictEqual(CallData.encode(Bytecode.functionId("init"), [7n]))
  })

  it("is read as it was written", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.uint8Array({ maxLength: 8 }),
        FastCheck.array(Arbitraries.value, { maxLength: 4 }),
        (functionId, args) => {
          const callData = CallData.encode(functionId, args)
          const call = CallData.decodeOrThrow(callData)
          expect(call.functionId).toStrictEqual(functionId)
          expect(Order.equals(Value.tuple(call.args), Value.tuple(args))).toBe(true)
          expect(CallData.read(callData)).toStrictEqual(call)
          expect(Effect.runSync(CallData.decode(callData))).toStrictEqual(call)
        }
      )
    )
  })

  it("is nothing else", () => {
    const id = Value.string(Bytecode.functionId("init"))
    const others: ReadonlyArray<Value.Value> = [
      1n,
      id,
      Value.unit,
      Value.tuple([id]),
      Value.tuple([id, 1n]),
      Value.tuple([id, Value.list([])]),
      Value.tuple([id, Value.unit, Value.unit]),
      Value.tuple([1n, Value.unit]),
      Value.tuple([Value.bytes(Bytecode.functionId("init")), Value.unit]),
      Value.list([id, Value.unit])
    ]
    for (const other of others) {
      const bytes = ValueCodec.encode(other)
      expect(CallData.read(bytes)).toBeUndefined()
      expect(reasonOf(() => CallData.decodeOrThrow(bytes))).toBe("no_call")
    }
    for (const hex of ["", "80", "2b1144d6441f3f00", "2b1144d6441f"]) {
      expect(CallData.read(Bytes.fromHex(hex))).toBeUndefined()
      expect(() => CallData.decodeOrThrow(Bytes.fromHex(hex))).toThrow(DecodeError)
    }
  })
})
