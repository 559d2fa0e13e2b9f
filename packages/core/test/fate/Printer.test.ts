import * as NodeFs from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import * as ErrorTexts from "../../src/fate/internal/errorTexts.js"
import { Crash } from "../../src/fate/internal/machine.js"
import { format, pretty } from "../../src/fate/internal/printer.js"
import * as SortedMap from "../../src/fate/internal/sortedMap.js"
import { atom, type Term, termOf, termOfType, tuple } from "../../src/fate/internal/terms.js"
import * as Type from "../../src/fate/Type.js"
import * as Value from "../../src/fate/Value.js"
import * as ValueCodec from "../../src/fate/ValueCodec.js"

/** A function of the texts, its text, and its arguments (base64, but for the names of operations). */
type Case = readonly [kind: string, text: string, ...args: ReadonlyArray<string>]

const cases = JSON.parse(
  NodeFs.readFileSync(new URL("../fixtures/fate/printer.json", import.meta.url), "utf8")
) as ReadonlyArray<Case>

const bytes = (base64: string | undefined): Uint8Array =>
  Uint8Array.from(atob(base64 ?? ""), (character) => character.charCodeAt(0))
const value = (base64: string | undefined): Value.Value => ValueCodec.decodeOrThrow(bytes(base64))
const type = (base64: string | undefined): Type.Type => ValueCodec.decodeTypeOrThrow(bytes(base64))

const printers: { readonly [kind: string]: (args: ReadonlyArray<string>) => string } = {
  badArguments: ([op, ...args]) => ErrorTexts.badArguments(op as string, args.map(value)),
  expectedMap: ([op, map]) => ErrorTexts.expectedMap(op as string, value(map)),
  badElementIndex: ([index]) => ErrorTexts.badElementIndex(value(index)),
  typeErrorOnCall: ([actual, expected]) => ErrorTexts.typeErrorOnCall(value(actual), type(expected)),
  typeErrorOnReturn: ([actual, expected]) =>
    ErrorTexts.typeError("return", termOf(value(actual)), termOfType(type(expected))),
  undefinedFunction: ([id]) => ErrorTexts.undefinedFunction(bytes(id)),
  privateFunction: ([id]) => ErrorTexts.privateFunction(bytes(id)),
  invalidContract: ([key]) => ErrorTexts.invalidContract(bytes(key))
}

const numbers = (...elements: ReadonlyArray<number>): Term => ({ list: elements.map(BigInt) })
const binary = (...elements: ReadonlyArray<number>): Term => ({ binary: Uint8Array.from(elements) })

describe("the printer of terms", () => {
  it("known answers", () => {
    const failed = cases.filter(([kind, text, ...args]) => printers[kind]?.(args) !== text)
    const broken = cases.filter(([, text]) => text.includes("\n")).length
    console.log(
      `printer: ${cases.length - failed.length} of ${cases.length} texts, ${broken} of several lines`
    )
    expect(failed).toEqual([])
    expect(cases.length).toBeGreaterThan(150)
  })

  const rows: ReadonlyArray<readonly [Term, string]> = [
    [atom("mod"), "mod"],
    [atom("div"), "'div'"],
    [atom("ORACLE_QUERY"), "'ORACLE_QUERY'"],
    [atom("it's"), "'it\\'s'"],
    [numbers(), "[]"],
    [numbers(104, 105), '"hi"'],
    [numbers(8, 9, 10, 11, 12, 13, 27, 34, 92, 160), '"\\b\\t\\n\\v\\f\\r\\e\\"\\\\\xa0"'],
    [numbers(1, 2), "[1,2]"],
    [numbers(1, 2, 3, 4, 5), "[1,2,3,4,5]"],
    [numbers(1, 2, 3, 4, 5, 6), "[1,2,3,4,5|...]"],
    [tuple(), "{}"],
    [tuple(1n, 2n, 3n, 4n, 5n, 6n), "{1,2,3,4,5,...}"],
    [tuple(1n, tuple(2n, tuple(3n))), "{1,{2,{3}}}"],
    [tuple(tuple(tuple(tuple(tuple(tuple(1n)))))), "{{{{{{...}}}}}}"],
    [{ list: [{ list: [{ list: [{ list: [numbers(65)] }] }] }] }, '[[[["A"]]]]'],
    [{ list: [{ list: [{ list: [{ list: [{ list: [numbers(65)] }] }] }] }] }, "[[[[[[...]]]]]]"],
    [{ map: [] }, "#{}"],
    [{ map: [[1n, atom("true")]] }, "#{1 => true}"],
    [binary(), "<<>>"],
    [binary(65, 66), '<<"AB">>'],
    [binary(0, 66), "<<0,66>>"],
    [binary(0, 1, 2, 3, 4), "<<0,1,2,3,4>>"],
    [binary(0, 1, 2, 3, 4, 5), "<<0,1,2,3,4,...>>"],
    [binary(65, 66, 67, 68, 0), "<<65,66,67,68,0>>"],
    [binary(65, 66, 67, 68, 69, 0), '<<"ABCDE"...>>'],
    [binary(...new Array<number>(20).fill(97)), `<<"${"a".repeat(20)}">>`],
    [binary(...new Array<number>(21).fill(97)), `<<"${"a".repeat(20)}"...>>`]
  ]
  for (const [term, text] of rows) it(text, () => expect(pretty(term, 1)).toBe(text))

  it("flat terms have no strings and no lines", () => {
    const long: Term = { list: [numbers(104, 105), numbers(104, 105)] }
    expect(format("~W, ~w", long, long)).toBe("[[104,105],[104,105]], [[104,105],[104,105]]")
    expect(format("~W", numbers(1, 2, 3, 4, 5, 6))).toBe("[1,2,3,4,5|...]")
    expect(format("~w", numbers(1, 2, 3, 4, 5, 6))).toBe("[1,2,3,4,5,6]")
    expect(format("~W", { map: [[1n, 2n]] })).toBe("#{1 => 2}")
    expect(format("~W", tuple(tuple(tuple(tuple(tuple(tuple(1n)))))))).toBe("{{{{{{...}}}}}}")
  })

  it("shows the first entries of a map by the order of Erlang, and none of an order that is not known", () => {
    const map = (size: number): Value.Value =>
      Value.map(SortedMap.fromEntries(Array.from({ length: size }, (_, i) => [BigInt(i), true] as const)))
    expect(format("~P", termOf(map(32)))).toBe("#{0 => true,1 => true,2 => true,3 => true,4 => true,...}")
    expect(() => format("~P", termOf(map(33)))).toThrow(Crash)
    const hidden = Value.tuple([1n, 2n, map(33)])
    expect(format("~P", termOf(hidden))).toBe("{tuple,{1,2,#{...}}}")
  })

  it("a value of shared parts, whose spread would not end, is printed at once", () => {
    let shared: Value.Value = 1n
    let type: Type.Type = Type.integer
    for (let i = 0; i < 2_000; i++) {
      shared = i % 2 === 0 ? Value.tuple([shared, shared]) : Value.list([shared, shared])
      type = Type.tuple([type, type])
    }
    expect(format("~P", termOf(shared))).toBe("[{tuple,{[{...}|...],[...]}},{tuple,{[...],...}}]")
    expect(format("~P", termOfType(type))).toBe("{tuple,[{tuple,[...]},{tuple,...}]}")
  })

  it("a long list of characters is one string", () => {
    const list = Value.list(Array.from({ length: 20_000 }, () => 97n))
    expect(format("~P", termOf(list))).toBe(`"${"a".repeat(20_000)}"`)
    expect(format("~P", termOf(Value.cons(1n, list)))).toBe("[1,97,97,97,97|...]")
    const odd = Value.list([...Array.from({ length: 20_000 }, () => 97n), 1n])
    expect(format("~P", termOf(odd))).toBe("[97,97,97,97,97|...]")
  })
})
