import { describe, expect, it } from "@effect/vitest"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as ErrorTexts from "../../src/fate/internal/errorTexts.js"
import * as SortedMap from "../../src/fate/internal/sortedMap.js"
import { termOf, termOfType } from "../../src/fate/internal/terms.js"
import * as Type from "../../src/fate/Type.js"
import * as Value from "../../src/fate/Value.js"

const id = (hex: string): Uint8Array => Bytes.fromHex(hex)
const optional = Value.variant([0, 1], 1, [Value.unit])

/** Each text once, as the reference engine answers it. */
const texts: ReadonlyArray<readonly [actual: string, expected: string]> = [
  [ErrorTexts.outOfGas, "Out of gas"],
  [ErrorTexts.badCallData, "bad_call_data"],
  [ErrorTexts.remoteTypeMismatch, "Type of remote function does not match expected type"],
  [ErrorTexts.initNotAllowed, "Calling init is not allowed in this context"],
  [ErrorTexts.reentrantCall, "Reentrant call"],
  [ErrorTexts.divisionByZero, "Arithmetic error: division by zero"],
  [ErrorTexts.moduloByZero, "Arithmetic error: mod by zero"],
  [ErrorTexts.keyDoesNotExist, "Maps: Key does not exist"],
  [ErrorTexts.headOnEmptyList, "Head on empty list"],
  [ErrorTexts.tailOnEmptyList, "Tail on empty list"],
  [ErrorTexts.illegalBits, "Illegal bits in log"],
  [ErrorTexts.badArguments("add", [1n, Value.text("x")]), 'Bad arguments to add: [1,<<"x">>]'],
  [ErrorTexts.badArguments("and", [true, 1n]), "Bad arguments to 'and': [true,1]"],
  [
    ErrorTexts.badArguments("variant_element", [optional, 1n]),
    "Bad arguments to variant_element: [{variant,[0,1],1,{...}},1]"
  ],
  [
    ErrorTexts.badArguments("addr_to_str", [Value.reference("contract", new Uint8Array(32).fill(0xa1))]),
    'Bad arguments to addr_to_str: [{contract,<<"\xa1\xa1\xa1\xa1\xa1\xa1\xa1\xa1"...>>}]'
  ],
  [
    ErrorTexts.badArguments("map_size", [Value.storeMap(3, SortedMap.fromEntries([[1n, Value.removed]]))]),
    "Bad arguments to map_size: [{store_map,#{1 => '__DELETED__'},3}]"
  ],
  [ErrorTexts.typeErrorOnCall(1n, Type.boolean), "Type error on call: 1 is not of type boolean"],
  [ErrorTexts.typeErrorOnCall(Value.text("\xff"), "string_utf8"), "is not of type string_utf8"],
  [ErrorTexts.typeErrorOnCall(true, { listOf: "char" }), "is not of type {list,char}"],
  [ErrorTexts.typeErrorOnCall(Value.bits(-1n), Type.bytes("any")), "{bits,-1} is not of type {bytes,any}"],
  [
    ErrorTexts.typeErrorOnCall(Value.typeRepresentation(Type.tuple([Type.integer])), Type.list(Type.any)),
    "{typerep,{tuple,[integer]}} is not of type {list,any}"
  ],
  [
    ErrorTexts.typeErrorOnCall(
      Value.byteArray(Uint8Array.of()),
      Type.variant([Type.tuple([]), Type.tuple([{ _tag: "tvar", index: 0 }])])
    ),
    `of type {variant,\n${" ".repeat(62)}[{tuple,[]},\n${" ".repeat(63)}{tuple,...}]}`
  ],
  [
    ErrorTexts.typeError("return", termOf(Value.text("s")), termOfType(Type.integer)),
    'Type error on return: <<"s">> is not of type integer'
  ],
  [ErrorTexts.wrongArity(0, 1), "Expected 0 arguments, got 1"],
  [ErrorTexts.undefinedFunction(id("cef7410c")), "Trying to call undefined function: <<206,247,65,12>>"],
  [ErrorTexts.privateFunction(id("1d32619f")), "Function with hash <<29,50,97,159>> is private"],
  [ErrorTexts.notPayable(id("e0befc61")), "Function with hash <<224,190,252,97>> is not payable"],
  [
    ErrorTexts.invalidContract(new Uint8Array(32).fill(0xc3)),
    `Trying to call invalid contract: <<${"195,".repeat(31)}195>>`
  ],
  [ErrorTexts.errorInCall("insufficient_funds"), "Error in call: insufficient_funds"],
  [ErrorTexts.badGasCap(0n), "Error in call: {bad_gas_cap,0}"],
  [ErrorTexts.errorIn("spend", "insufficient_funds"), "Error in spend: insufficient_funds"],
  [ErrorTexts.notSupported("bin_and"), "Error in bin_and: not_supported"],
  [ErrorTexts.arithmetic("negative_exponent"), "Arithmetic error: negative_exponent"],
  [ErrorTexts.expectedMap("map_size", 1n), "Operation map_size expected a map as argument, got 1"],
  [ErrorTexts.invalidTupleSize(-1n), "Invalid tuple size: -1"],
  [ErrorTexts.badElementIndex(3n), "Bad index argument to element, Index: 3"],
  [ErrorTexts.switchWrongSize(3), "Type error in switch: wrong size 3"],
  [ErrorTexts.switchTag(7), "Type error in switch: tag 7 is larger than switch op"],
  [ErrorTexts.stackOverflowPop(2), "Stack overflow when pop:ing 2 elements"],
  [ErrorTexts.undefinedVariable("var", 77), "Undefined var: {var,77}"],
  [ErrorTexts.noSuchBlock(9), "Trying to jump to non existing bb: 9"],
  [ErrorTexts.illegalInteger(-1n), "Illegal integer in log: -1"],
  [ErrorTexts.notOffChain("AENS_CLAIM"), "Operation 'AENS_CLAIM' not allowed off chain"],
  [ErrorTexts.notInGaAuth("SPEND"), "Operation 'SPEND' not allowed in GA Authentication context"],
  [ErrorTexts.notImplemented("microblock"), "Operation microblock is not implemented"],
  [ErrorTexts.disabled("INT_TO_ADDR"), "Error: operation 'INT_TO_ADDR' is disabled"]
]

describe("texts of errors", () => {
  for (const [actual, expected] of texts) {
    it(expected, () => expect(actual.endsWith(expected), actual).toBe(true))
  }

  it("break their lines at column 80", () => {
    const key = Value.reference(
      "address",
      Uint8Array.from({ length: 32 }, (_, i) => 0x60 + i)
    )
    const signature = Value.bytes(new Uint8Array(64))
    expect(
      ErrorTexts.badArguments("verify_sig", [Value.bytes(Bytes.utf8("a message")), key, signature])
    ).toBe(
      `Bad arguments to verify_sig: [{bytes,<<"a messag"...>>},
                              {address,<<"\`abc"...>>},
                              {bytes,<<...>>}]`
    )
  })
})
