import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as CodeObject from "../../src/chain/CodeObject.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import { DecodeError } from "../../src/encoding/DecodeError.js"
import * as Bytecode from "../../src/fate/Bytecode.js"
import * as Disassembly from "../../src/fate/Disassembly.js"
import { Mode, type Instruction, type Operand } from "../../src/fate/internal/machine.js"
import * as SortedMap from "../../src/fate/internal/sortedMap.js"
import * as Opcodes from "../../src/fate/Opcodes.js"
import * as Type from "../../src/fate/Type.js"
import * as Value from "../../src/fate/Value.js"
import * as ValueCodec from "../../src/fate/ValueCodec.js"
import * as Arbitraries from "../support/fate/Arbitraries.js"
import { fromJson, typeFromText } from "../support/fate/Values.js"
import { errorOf, reasonOf } from "../support/Reason.js"
import { fixture } from "../support/Shared.js"

interface Known {
  readonly name: string
  readonly code: string
  readonly compiler_version: string
  readonly payable: boolean
  readonly functions: ReadonlyArray<{
    readonly id: string
    readonly attrs: ReadonlyArray<string>
    readonly args: ReadonlyArray<string>
    readonly ret: string
    readonly bbs: ReadonlyArray<ReadonlyArray<ReadonlyArray<unknown>>>
  }>
  readonly symbols: { readonly [id: string]: string }
  readonly annotations: unknown
}

const known: ReadonlyArray<Known> = fixture("fate/bytecode")
const { fromHex, toHex } = Bytes

const codeOf = ({ code }: Known): CodeObject.CodeObject =>
  CodeObject.decodeOrThrow(ApiEncoding.decodeOrThrow("cb", code))

const places: { readonly [prefix: string]: (n: number) => Operand } = {
  arg: (index) => ({ mode: Mode.argument, index }),
  var: (index) => ({ mode: Mode.variable, index }),
  store: (index) => ({ mode: Mode.variable, index: -index })
}

const operandOf = (json: unknown): Operand => {
  if (typeof json !== "string") return { mode: Mode.immediate, value: fromJson(json) }
  const [, prefix = "", index] = /^([a-z]+)(\d*)$/.exec(json) ?? []
  return places[prefix]?.(Number(index)) ?? { mode: Mode.stack }
}

const bytes = (...parts: ReadonlyArray<string | Uint8Array>): Uint8Array =>
  Bytes.concat(...parts.map((part) => (typeof part === "string" ? fromHex(part) : part)))

const rlp = (content: Uint8Array): Uint8Array =>
  content.length < 56
    ? bytes(Uint8Array.of(0x80 + content.length), content)
    : Bytes.concat(Uint8Array.of(0xb8, content.length), content)

/** Code of these functions, without symbols and annotations. */
const programOf = (functions: string): Uint8Array => bytes(rlp(fromHex(functions)), "822f00", "822f00")

const start = "fe01020304"

describe("the table of instructions", () => {
  it("is the known one", () => {
    const rows: ReadonlyArray<ReadonlyArray<unknown>> = fixture("fate/opcodes").rows
    const short = { any: "a", integer: "ii", string: "is", list: "li" }
    const ours = Opcodes.opcodes.map((each) => [
      each.number,
      each.mnemonic,
      each.operands.map((kind) => short[kind]).join(" "),
      [each.endsBlock, each.allowedOffChain, each.allowedInAuthentication].map(Number),
      [each.gasLima, each.gas],
      [each.minimumVm, each.maximumVm]
    ])
    expect(ours).toStrictEqual(rows)
    expect(ours).toHaveLength(191)
    console.log(`${ours.length} instructions compared`)
  })

  it("finds instructions by number", () => {
    for (const each of Opcodes.opcodes) expect(Opcodes.byNumber(each.number)).toBe(each)
    for (const number of [0xb7, 0xef, 0xfe, 0xff, 256, -1]) expect(Opcodes.byNumber(number)).toBeUndefined()
  })
})

describe("byte code", () => {
  it("of compiled contracts is parsed as known", () => {
    let count = 0
    for (const each of known) {
      const code = codeOf(each)
      expect(CodeObject.compilerVersionText(code)).toBe(each.compiler_version)
      expect(code.payable).toBe(each.payable)
      const program = Bytecode.parseOrThrow(code.byteCode)
      expect([...program.functions.keys()]).toStrictEqual(each.functions.map(({ id }) => id))
      for (const expected of each.functions) {
        const found = program.functions.get(expected.id)
        expect(found).toMatchObject({
          private: expected.attrs.includes("private"),
          payable: expected.attrs.includes("payable"),
          arguments: expected.args.map(typeFromText),
          result: typeFromText(expected.ret)
        })
        const blocks = expected.bbs.map((block) =>
          block.map(([mnemonic, ...operands]) => {
            count++
            return { mnemonic, operands: operands.map(operandOf) }
          })
        )
        const ours = found?.blocks.map((block) =>
          block.map(({ opcode, operands }) => ({ mnemonic: Opcodes.byNumber(opcode)?.mnemonic, operands }))
        )
        expect(ours).toStrictEqual(blocks)
      }
      const symbols = [...program.symbols].map(([id, name]) => [id, Bytes.fromUtf8OrThrow(name)])
      expect(Object.fromEntries(symbols)).toStrictEqual(each.symbols)
      expect(ValueCodec.decodeOrThrow(program.annotations)).toStrictEqual(fromJson(each.annotations))
      expect(toHex(Bytecode.encode(program))).toBe(toHex(code.byteCode))
    }
    console.log(`${known.length} contracts, ${count} instructions compared`)
    expect(count).toBe(194)
  })

  it("is remembered by content", () => {
    const [first] = known
    if (first === undefined) throw new Error("no contracts")
    const { byteCode } = codeOf(first)
    const program = Bytecode.parseOrThrow(byteCode)
    expect(Bytecode.parseOrThrow(byteCode)).toBe(program)
    expect(Bytecode.parseOrThrow(byteCode.slice())).toBe(program)
    expect(Bytecode.fromCodeOrThrow(ApiEncoding.decodeOrThrow("cb", first.code))).toBe(program)
    expect(Effect.runSync(Bytecode.fromCode(ApiEncoding.decodeOrThrow("cb", first.code)))).toBe(program)
    for (let i = 0; i < 70; i++)
      Bytecode.parseOrThrow(
        programOf(
          `${start}0037000701${`03${i.toString(16).padStart(2, "0")}`.slice(0, 2)}${toHex(ValueCodec.encode(BigInt(1000 + i)))}`
        )
      )
    const again = Bytecode.parseOrThrow(byteCode.slice())
    expect(again).toStrictEqual(program)
    expect(again).not.toBe(program)
  })

  it("without init is the rest", () => {
    const init = toHex(Bytecode.functionId("init"))
    expect(init).toBe("44d6441f")
    for (const each of known) {
      const { byteCode } = codeOf(each)
      const { annotations, functions, symbols } = Bytecode.parseOrThrow(byteCode)
      const program = {
        functions: new Map([...functions].filter(([id]) => id !== init)),
        symbols: new Map([...symbols].filter(([id]) => id !== init)),
        annotations
      }
      expect(functions.size).toBe(program.functions.size + 1)
      const stripped = Bytecode.withoutInit(byteCode)
      expect(Bytecode.parseOrThrow(stripped)).toStrictEqual(program)
      expect(Bytecode.encode(program)).toStrictEqual(stripped)
      expect(Bytecode.withoutInit(stripped)).toStrictEqual(stripped)
    }
  })

  it("has functions by id when written, whatever their order was", () => {
    const one = "fe0102030400370007010302"
    const other = (attributes: string) => `fe00020304${attributes}370007010304`
    const written = (functions: string) => toHex(Bytecode.withoutInit(programOf(functions)))
    expect(written(one + other("84"))).toBe(toHex(programOf(other("04") + one)))
  })

  it("takes what the machine takes", () => {
    const block = "370007010302"
    const attributes = (hex: string) => {
      const [found] = Bytecode.parseOrThrow(programOf(`${start}${hex}${block}`)).functions.values()
      return found === undefined ? undefined : [found.attributes, found.private, found.payable]
    }
    expect(attributes("00")).toStrictEqual([0, false, false])
    expect(attributes("02")).toStrictEqual([1, true, false])
    expect(attributes("04")).toStrictEqual([2, false, true])
    expect(attributes("06")).toStrictEqual([3, true, true])
    expect(attributes("86")).toStrictEqual([3, true, true])
    expect(Bytecode.parseOrThrow(programOf("")).functions.size).toBe(0)
    expect(
      Bytecode.parseOrThrow(programOf(`${start}00370007`)).functions.get("01020304")?.blocks
    ).toStrictEqual([])
    // Of two functions with one id the later counts.
    const twice = Bytecode.parseOrThrow(programOf(`${start}00${block}${start}02${block}`))
    expect([...twice.functions.values()]).toMatchObject([{ private: true }])
    // Symbols may be any value.
    expect(Bytecode.parseOrThrow(fromHex("80007f")).symbols.size).toBe(0)
    expect(reasonOf(() => Bytecode.withoutInit(fromHex("80007f")))).toBe("no_map")
  })

  it("is refused where the machine refuses it", () => {
    const rows: ReadonlyArray<readonly [hex: string, reason: string]> = [
      ["00", "no_function"],
      ["fe010203", "truncated"],
      [`${start}08370007010302`, "unknown_attribute"],
      [`${start}7f370007010302`, "no_integer"],
      [`${start}0007070100`, "bad_signature"],
      [`${start}00370007b7`, "unknown_opcode"],
      [`${start}00370007fe`, "truncated"],
      [`${start}003700070c0302`, "unfinished_block"],
      [`${start}003700070107`, "unused_mode"],
      [`${start}0037000700fd`, "unfinished_block"],
      [`${start}00370007010180`, "minus_zero"],
      [`${start}003700070101ff`, "no_integer"],
      [`${start}0037000701016f87ffffffffffffff`, "bad_index"],
      [`${start}00370007010380`, "minus_zero"],
      [`${start}003700070103`, "truncated"]
    ]
    for (const [functions, reason] of rows) {
      const error = errorOf(() => Bytecode.parseOrThrow(programOf(functions)))
      expect([functions, error.reason, error.where]).toStrictEqual([functions, reason, ["functions"]])
    }
    expect(errorOf(() => Bytecode.parseOrThrow(fromHex("8081b700")))).toMatchObject({ where: ["symbols"] })
    expect(errorOf(() => Bytecode.parseOrThrow(fromHex("800080")))).toMatchObject({ where: ["annotations"] })
    expect(reasonOf(() => Bytecode.parseOrThrow(fromHex("80000000")))).toBe("trailing")
    expect(Effect.runSync(Effect.flip(Bytecode.parse(new Uint8Array()))).reason).toBe("truncated")
  })

  it("that is mutated is a program or an error", () => {
    const codes = known.map((each) => codeOf(each).byteCode)
    let accepted = 0
    FastCheck.assert(
      FastCheck.property(
        FastCheck.constantFrom(...codes),
        FastCheck.array(FastCheck.tuple(FastCheck.nat(), FastCheck.nat(255)), { minLength: 1, maxLength: 4 }),
        (code, mutations) => {
          const mutated = code.slice()
          for (const [at, by] of mutations) mutated[at % mutated.length] = by
          try {
            const program = Bytecode.parseOrThrow(mutated)
            accepted++
            expect(Disassembly.text(program).length).toBeGreaterThanOrEqual(0)
            const { functions } = Bytecode.parseOrThrow(Bytecode.encode(program))
            expect(functions.size).toBe(program.functions.size)
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError)
          }
        }
      ),
      { numRuns: 1000 }
    )
    console.log(`mutated byte code: ${accepted} of 1000 accepted`)
  })
})

const index = FastCheck.integer({ min: -70, max: 300 })
const operand: FastCheck.Arbitrary<Operand> = FastCheck.oneof(
  FastCheck.constant<Operand>({ mode: Mode.stack }),
  index.map((n): Operand => ({ mode: Mode.argument, index: n })),
  index.map((n): Operand => ({ mode: Mode.variable, index: n })),
  Arbitraries.value.map((value): Operand => ({ mode: Mode.immediate, value }))
)

const instruction = (endsBlock: boolean): FastCheck.Arbitrary<Instruction> =>
  FastCheck.constantFrom(...Opcodes.opcodes.filter((each) => each.endsBlock === endsBlock)).chain((opcode) =>
    FastCheck.tuple(...opcode.operands.map(() => operand)).map((operands) => ({
      opcode: opcode.number,
      operands
    }))
  )

const block = FastCheck.tuple(FastCheck.array(instruction(false), { maxLength: 3 }), instruction(true)).map(
  ([first, last]) => [...first, last]
)

const fateFunction: FastCheck.Arbitrary<Bytecode.FateFunction> = FastCheck.record({
  id: FastCheck.uint8Array({ minLength: 4, maxLength: 4 }),
  attributes: FastCheck.nat(3),
  arguments: FastCheck.array(Arbitraries.type, { maxLength: 3 }),
  result: Arbitraries.type,
  blocks: FastCheck.array(block, { maxLength: 3 })
}).map((each) => ({ ...each, private: each.attributes % 2 === 1, payable: each.attributes > 1 }))

const program: FastCheck.Arbitrary<Bytecode.Program> = FastCheck.record({
  functions: FastCheck.array(fateFunction, { maxLength: 3 }).map(
    (all) => new Map(all.map((each) => [toHex(each.id), each]))
  ),
  symbols: FastCheck.array(
    FastCheck.tuple(FastCheck.uint8Array({ maxLength: 4 }), Arbitraries.byteString)
  ).map((all) => new Map(all.map(([id, name]) => [toHex(id), name]))),
  annotations: Arbitraries.value.map(ValueCodec.encode)
})

describe("a program", () => {
  it("is read as it was written", () => {
    FastCheck.assert(
      FastCheck.property(program, (each) => {
        const encoded = Bytecode.encode(each)
        const again = Bytecode.parseOrThrow(encoded)
        expect([...again.functions.keys()].sort()).toStrictEqual([...each.functions.keys()].sort())
        expect(toHex(Bytecode.encode(again))).toBe(toHex(encoded))
        expect(again.symbols.size).toBe(each.symbols.size)
        for (const [id, found] of again.functions)
          expect(found.blocks.map((all) => all.map(({ opcode }) => opcode))).toStrictEqual(
            each.functions.get(id)?.blocks.map((all) => all.map(({ opcode }) => opcode))
          )
      }),
      { numRuns: 150 }
    )
  })

  it("has a text", () => {
    const [counter] = known
    if (counter === undefined) throw new Error("no contracts")
    expect(Disassembly.text(Bytecode.parseOrThrow(codeOf(counter).byteCode))).toMatchInlineSnapshot(`
      "function get 2f865bd9 : () => integer
        0:
          RETURNR store1

      function withdraw 410fcc9d : () => ()
        0:
          CALLER a
          EQ a a store2
          JUMPIF a 2
        1:
          ABORT "not the owner"
        2:
          BALANCE a
          CALLER a
          SPEND a a
          RETURNR ()

      function init 44d6441f : (integer) => ()
        0:
          CALLER store2
          STORE store1 arg0
          RETURNR ()

      function fail 59588d40 payable : () => integer
        0:
          ABORT "always fails"

      function tick 857706ba : (integer) => integer
        0:
          ADD store1 store1 arg0
          RETURNR store1

      function pay f88ca104 payable : () => integer
        0:
          CALL_VALUE a
          ADD store1 store1 a
          BALANCE a
          RETURN"
    `)
  })

  it("has a text with values and types of all kinds", () => {
    const key = new Uint8Array(32).fill(7)
    const values: ReadonlyArray<Value.Value> = [
      -5n,
      true,
      Value.text('a "quote"'),
      Value.string(fromHex("ff00")),
      Value.bytes(fromHex("0102")),
      Value.reference("address", key),
      Value.reference("oracle_query", fromHex("01")),
      Value.bits(-1n),
      Value.tuple([1n, Value.unit]),
      Value.list([1n, Value.list([2n, 3n])]),
      Value.map(
        SortedMap.fromEntries<Value.Value>([
          [2n, false],
          [1n, Value.none]
        ])
      ),
      Value.storeMap(3, SortedMap.empty),
      Value.some(4n),
      Value.byteArray(fromHex("aa")),
      Value.string(Bytecode.functionId("get"))
    ]
    const types = [
      Type.tuple([]),
      Type.map(Type.string, Type.list(Type.any)),
      Type.variant([Type.tuple([]), Type.tuple([Type.integer, Type.bytes("any")])]),
      Type.bytes(32n)
    ]
    const operands = [...values, ...types.map(Value.typeRepresentation)]
    const each: Bytecode.FateFunction = {
      id: fromHex("00000001"),
      attributes: 3,
      private: true,
      payable: true,
      arguments: [{ _tag: "tvar", index: 3 }],
      result: Type.any,
      blocks: operands.map((value) => [{ opcode: 1, operands: [{ mode: Mode.immediate, value }] }])
    }
    const text = Disassembly.text({
      functions: new Map([["00000001", each]]),
      symbols: new Map([
        ["2f865bd9", Bytes.utf8("get")],
        ["00000001", fromHex("ff")]
      ]),
      annotations: fromHex("2f00")
    })
    expect(text).toMatchInlineSnapshot(`
      "function 00000001 00000001 private payable : ('3) => any
        0:
          RETURNR -5
        1:
          RETURNR true
        2:
          RETURNR "a \\"quote\\""
        3:
          RETURNR "#ff00"
        4:
          RETURNR #0102
        5:
          RETURNR ak_46WPtSJH9Mc1rNbRaWo6k2v6Bm8dc1FuCFxS2n6gFo7M27Ucu
        6:
          RETURNR oracle_query(#01)
        7:
          RETURNR bits(-1)
        8:
          RETURNR (1, ())
        9:
          RETURNR [1, [2, 3]]
        10:
          RETURNR {1: constructor 0 of [0, 1](), 2: false}
        11:
          RETURNR stored(3)
        12:
          RETURNR constructor 1 of [0, 1](4)
        13:
          RETURNR code(#aa)
        14:
          RETURNR "#2f865bd9" ; get
        15:
          RETURNR type(())
        16:
          RETURNR type(map(string, list(any)))
        17:
          RETURNR type(variant(() | (integer, bytes(any))))
        18:
          RETURNR type(bytes(32))"
    `)
  })

  it("has a text however deep its values are", () => {
    let value: Value.Value = 1n
    let type: Type.Type = Type.integer
    for (let i = 0; i < 100_000; i++) {
      value = i % 2 === 0 ? Value.list([value]) : Value.some(value)
      type = Type.list(type)
    }
    const each: Bytecode.FateFunction = {
      id: fromHex("00000001"),
      attributes: 0,
      private: false,
      payable: false,
      arguments: [],
      result: type,
      blocks: [[{ opcode: 1, operands: [{ mode: Mode.immediate, value }] }]]
    }
    const deep = {
      functions: new Map([["00000001", each]]),
      symbols: new Map(),
      annotations: fromHex("2f00")
    }
    expect(Disassembly.text(deep).length).toBeGreaterThan(500_000)
    expect(Disassembly.text(Bytecode.parseOrThrow(Bytecode.encode(deep)))).toBe(Disassembly.text(deep))
  })
})
