/**
 * Random programs of the machine. Well-formed ones are made of statements whose operands have the types that are needed,
 * so that they get far; wild ones are instructions with any operands.
 */
import type { Rng } from "../../../fuzz/Rng.js"
import * as Bytes from "../../../src/encoding/Bytes.js"
import * as Bytecode from "../../../src/fate/Bytecode.js"
import type { Instruction, Operand } from "../../../src/fate/internal/machine.js"
import * as SortedMap from "../../../src/fate/internal/sortedMap.js"
import * as Opcodes from "../../../src/fate/Opcodes.js"
import * as Type from "../../../src/fate/Type.js"
import * as Value from "../../../src/fate/Value.js"
import * as ValueCodec from "../../../src/fate/ValueCodec.js"
import { helper, other, type Registers } from "./Laboratory.js"

/** What a program may do. */
export interface Features {
  /** What may have another outcome with another gas limit: `GAS`, caps, protected calls. */
  readonly gasAware: boolean
  /** Calls of another contract, clones. */
  readonly remote: boolean
  /** Chance of an instruction that does not fit its operands, and of one that fits but often fails. */
  readonly faulty: number
  readonly risky: number
  /** Chance of a loop that does not end. */
  readonly endless: number
  /** Statements per function, at most. */
  readonly length: number
}

export const calm: Features = {
  gasAware: false,
  remote: true,
  faulty: 0,
  risky: 0.01,
  endless: 0,
  length: 30
}
export const wicked: Features = {
  gasAware: true,
  remote: true,
  faulty: 0.01,
  risky: 0.08,
  endless: 0.05,
  length: 60
}

/*
 * Kinds of values, by letter: variables and registers have one kind each.
 */

const kinds = "ibsytlmpoakqrnwc"
type Kind = string

const optionOfInteger = Type.variant([Type.tuple([]), Type.tuple([Type.integer])])
const pair = Type.tuple([Type.integer, Type.string])
const integers = Type.map(Type.integer, Type.integer)

const types: { readonly [kind: Kind]: Type.Type } = {
  i: Type.integer,
  b: Type.boolean,
  s: Type.string,
  y: Type.bytes("any"),
  t: Type.simple("bits"),
  l: Type.list(Type.integer),
  m: integers,
  p: pair,
  o: optionOfInteger,
  a: Type.simple("address"),
  k: Type.list(Type.string),
  q: Type.list(pair),
  r: Type.map(Type.integer, Type.string),
  n: Type.map(Type.string, integers),
  w: Type.list(Type.tuple([Type.integer, Type.integer])),
  c: Type.simple("contract")
}

const perKind = 2
const scratch: Operand = { mode: 2, index: 100 }

const variable = (kind: Kind, which: number): Operand => ({
  mode: 2,
  index: kinds.indexOf(kind) * perKind + which
})

/** Kinds that stand in registers, 1 and up. */
const stored = "imslnr"

const integerOf = (rng: Rng): bigint => {
  const size = rng.pick([3, 3, 8, 8, 20, 63, 64, 65, 200])
  const value = BigInt.asUintN(size, BigInt(`0x${Bytes.toHex(rng.bytes(32))}`))
  return rng.chance(0.2) ? -value : value
}

const small = (rng: Rng): bigint => BigInt(rng.below(12))

const words = ["", "a", "stone", "Ünïcödé", "日本語", "x".repeat(70), "e\u0301", "\u{1f600}"]

const bytesOf = (rng: Rng): Uint8Array => rng.bytes(rng.pick([0, 1, 4, 8, 31, 32, 33, 64, 100]))

const stringOf = (rng: Rng): Value.Value =>
  rng.chance(0.8) ? Value.text(rng.pick(words)) : Value.string(bytesOf(rng))

const many = <A>(rng: Rng, most: number, make: (rng: Rng) => A): Array<A> =>
  Array.from({ length: rng.below(most + 1) }, () => make(rng))

const mapOf = (rng: Rng, keys: (rng: Rng) => Value.Value, values: (rng: Rng) => Value.Value): Value.Value =>
  Value.map(
    SortedMap.fromEntries(many(rng, rng.chance(0.1) ? 40 : 5, () => [keys(rng), values(rng)] as const))
  )

/** A key, rarely of a length that keys do not have. */
const keyOf = (rng: Rng): Uint8Array => rng.bytes(rng.chance(0.02) ? rng.below(70) : 32)

/** A value of a kind. */
export const valueOf = (kind: Kind, rng: Rng): Value.Value => {
  switch (kind) {
    case "i":
      return integerOf(rng)
    case "b":
      return rng.chance(0.5)
    case "s":
      return stringOf(rng)
    case "y":
      return Value.bytes(bytesOf(rng))
    case "t":
      return Value.bits(integerOf(rng))
    case "l":
      return Value.list(many(rng, 6, integerOf))
    case "m":
      return mapOf(rng, small, integerOf)
    case "p":
      return Value.tuple([integerOf(rng), stringOf(rng)])
    case "o":
      return rng.chance(0.5) ? Value.none : Value.some(integerOf(rng))
    case "a":
      return Value.reference("address", rng.chance(0.5) ? other : keyOf(rng))
    case "k":
      return Value.list(many(rng, 4, stringOf))
    case "q":
      return Value.list(many(rng, 4, (r) => Value.tuple([small(r), stringOf(r)])))
    case "r":
      return mapOf(rng, small, stringOf)
    case "n":
      return mapOf(rng, stringOf, (r) => mapOf(r, small, integerOf))
    case "w":
      return Value.list(many(rng, 4, (r) => Value.tuple([small(r), integerOf(r)])))
    default:
      return Value.reference("contract", rng.chance(0.7) ? helper : keyOf(rng))
  }
}

/** The registers that the programs count on. */
export const registers = (rng: Rng): Registers =>
  Object.fromEntries(Array.from(stored, (kind, i) => [i + 1, valueOf(kind, rng)]))

/**
 * Operations with the kinds of their operands, the result first. `x` stands for any kind (the same in one instruction),
 * `z` for a result of no kind, `.` for a small integer; a digit is an immediate integer.
 */
const rowsOf = (text: string): ReadonlyArray<ReadonlyArray<string>> =>
  text
    .trim()
    .split(/[|\n]/)
    .map((row) => row.split(" "))

const statements = rowsOf(`
ADD i i i|SUB i i i|MUL i i i|POW i i .|INC i|DEC i|STORE x x|STORE x x|STORE x x
LT b x x|GT b x x|EQ b x x|ELT b x x|EGT b x x|NEQ b x x|AND b b b|OR b b b|NOT b b
ELEMENT i 0 p|ELEMENT s 1 p|SETELEMENT p 0 p i|SETELEMENT p 1 p s
MAP_EMPTY m|MAP_LOOKUPD i m . i|MAP_UPDATE m m . i|MAP_UPDATE m m i i|MAP_UPDATE m m . i
MAP_DELETE m m .|MAP_MEMBER b m .|MAP_SIZE i m|MAP_FROM_LIST r q|MAP_TO_LIST q r|MAP_FROM_LIST m w|MAP_TO_LIST w m
MAP_LOOKUPD m n s m|MAP_UPDATE n n s m|MAP_UPDATE n n s m|MAP_DELETE n n s|MAP_SIZE i n|MAP_UPDATE r r . s
MAP_LOOKUPD s r . s|MAP_MEMBER b n s
NIL l|IS_NIL b l|CONS l i l|CONS k s k|CONS q p q|APPEND l l l|APPEND k k k
STR_JOIN s s s|INT_TO_STR s i|ADDR_TO_STR s a|BYTES_TO_INT i y|BYTES_TO_STR s y
BYTES_CONCAT y y y|BYTES_SPLIT_ANY z y .|BYTES_SIZE i y|INT_TO_BYTES y i .|STR_TO_BYTES y s
BYTES_TO_FIXED_SIZE z y .|CHAR_TO_INT i .|CHAR_FROM_INT o .|VARIANT_TEST b o .
BITS_NONE t|BITS_ALL t|BITS_ALL_N t .|BITS_SET t t .|BITS_CLEAR t t .|BITS_TEST b t .|BITS_OR t t t|BITS_AND t t t
BITS_DIFF t t t|BALANCE i|ORIGIN a|CALLER a|TIMESTAMP i|GENERATION i|DIFFICULTY i|GASLIMIT i|ADDRESS a|GASPRICE i
FEE i|CREATOR a|CALL_VALUE i|BLOCKHASH z i|BENEFICIARY a|NETWORK_ID s|AUTH_TX_HASH z|LOG0 s
LOG1 s .|LOG2 s . a|LOG3 y . a b|SPEND a .|BALANCE_OTHER i a|IS_CONTRACT b a|IS_PAYABLE b a|IS_ORACLE b a
CONTRACT_TO_ADDRESS a c|ADDRESS_TO_BYTES y a|SHA3 y x|SHA256 y x|BLAKE2B y x
BAND i i i|BOR i i i|BXOR i i i|BNOT i i|BSL i i .|BSR i i .|POSEIDON i . .|BLS12_381_INT_TO_FR z .|NOP`)

/** Those that often fail. */
const risky = rowsOf(`
DIV i i i|MOD i i i|MULMOD i i i i|MAP_LOOKUP i m .|HD i l|TL l l|HD s k|BYTES_SPLIT z y .|VARIANT_ELEMENT i o 0
STR_REVERSE s s|STR_LENGTH i s|STR_TO_LIST l s|STR_FROM_LIST s l|STR_TO_UPPER s s|STR_TO_LOWER s s|BITS_SUM i t|LOG1 s i
BLS12_381_INT_TO_FP z i|VERIFY_SIG b y a y|VERIFY_SIG_SECP256K1 b y y y|ADDRESS_TO_CONTRACT c a|POW i i i|BSL i i i
ECRECOVER_SECP256K1 z y y|SPEND a i|INT_TO_BYTES y i i|BITS_SET t t i|BITS_ALL_N t i|CHAR_FROM_INT o i`)

/** Operations whose first operand is not where the result goes. */
const isSource = (mnemonic: string): boolean => /^(LOG|SPEND)/.test(mnemonic)

const opcodeOf = new Map(Opcodes.opcodes.map(({ mnemonic, number }) => [mnemonic, number]))

const instruction = (mnemonic: string, ...operands: ReadonlyArray<Operand>): Instruction => {
  const opcode = opcodeOf.get(mnemonic)
  if (opcode === undefined) throw new Error(`there is no operation ${mnemonic}`)
  return { opcode, operands }
}

const stack: Operand = { mode: 0 }
const immediate = (value: Value.Value): Operand => ({ mode: 3, value })

/** A function that others can call. */
interface Signature {
  readonly name: string
  readonly args: string
  readonly result: Kind
}

export const signatures: ReadonlyArray<Signature> = [
  { name: "start", args: "isl", result: "i" },
  { name: "middle", args: "im", result: "m" },
  { name: "text", args: "sy", result: "s" },
  { name: "leaf", args: "ti", result: "b" }
]

/** Blocks as they are written, one after the other. */
class Body {
  readonly blocks: Array<Array<Instruction>> = [[]]

  get index(): number {
    return this.blocks.length - 1
  }

  add(mnemonic: string, ...operands: ReadonlyArray<Operand>): void {
    this.blocks[this.index]?.push(instruction(mnemonic, ...operands))
  }

  /** The instruction that ends a block. */
  end(mnemonic: string, ...operands: ReadonlyArray<Operand>): void {
    this.add(mnemonic, ...operands)
    this.blocks.push([])
  }

  /** A jump whose target is known only when `land` is called. */
  jump(
    mnemonic: string,
    ...operands: ReadonlyArray<Operand>
  ): { readonly land: (...at: Array<number>) => void } {
    const block = this.blocks[this.index] as Array<Instruction>
    this.end(mnemonic, ...operands)
    return {
      land: (...at) => {
        const targets = at.map((index) => immediate(BigInt(index)))
        block[block.length - 1] = instruction(mnemonic, ...operands, ...targets)
      }
    }
  }
}

class Writer {
  readonly body = new Body()
  readonly rng: Rng
  readonly features: Features
  readonly signature: Signature
  left: number
  loops = 0

  constructor(rng: Rng, features: Features, signature: Signature) {
    this.rng = rng
    this.features = features
    this.signature = signature
    this.left = 1 + rng.below(features.length)
  }

  write(): ReadonlyArray<ReadonlyArray<Instruction>> {
    for (const kind of kinds)
      for (let i = 0; i < perKind; i++)
        this.body.add("STORE", variable(kind, i), immediate(valueOf(kind, this.rng)))
    while (this.left > 0) this.statement(0)
    this.body.end("RETURNR", this.source(this.signature.result))
    return this.body.blocks.slice(0, -1)
  }

  /** Where a value of a kind can be read; what is on the stack is pushed first. */
  source(kind: Kind): Operand {
    const { rng } = this
    if (kind === ".") return immediate(small(rng))
    if (/\d/.test(kind)) return immediate(BigInt(kind))
    const register = stored.indexOf(kind)
    const argument = this.signature.args.indexOf(kind)
    const choice = rng.below(10)
    if (choice === 0) return immediate(valueOf(kind, rng))
    if (choice === 1 && register >= 0) return { mode: 2, index: -(register + 1) }
    if (choice <= 3 && argument >= 0) return { mode: 1, index: argument }
    return variable(kind, rng.below(perKind))
  }

  target(kind: Kind): Operand {
    const { rng } = this
    const register = stored.indexOf(kind)
    if (register >= 0 && rng.chance(0.15)) return { mode: 2, index: -(register + 1) }
    return kind === "z" ? scratch : variable(kind, rng.below(perKind))
  }

  /** The operands of an instruction; some come by the stack. */
  operands(letters: ReadonlyArray<Kind>): Array<Operand> {
    const any = this.rng.pick([...kinds])
    const found = letters.map((letter) => this.source(letter === "x" ? any : letter))
    if (!this.rng.chance(0.15)) return found
    for (const operand of [...found].reverse()) this.body.add("PUSH", operand)
    return found.map(() => stack)
  }

  statement(depth: number): void {
    this.left--
    const { features, rng } = this
    const choice = rng.below(30)
    if (rng.chance(features.faulty)) this.fault()
    else if (choice === 0 && depth < 3) this.branch(depth)
    else if (choice === 1 && depth < 3) this.loop(depth)
    else if (choice === 2) this.call()
    else if (choice === 3 && features.remote) this.remoteCall()
    else if (choice === 4) this.construct()
    else if (choice === 5 && features.gasAware)
      if (rng.chance(0.5))
        // Looking for a contract that is not there needs gas and gives it back.
        this.body.add("GAS", this.target("i"))
      else this.body.add("BYTECODE_HASH", scratch, this.source("c"))
    else if (choice === 6 && depth < 3) this.select(depth)
    else if (choice === 7 && rng.chance(0.1)) this.give("ABORT", "EXIT")
    else this.plain()
  }

  some(depth: number): void {
    for (let i = this.rng.below(4); i >= 0 && this.left > 0; i--) this.statement(depth + 1)
  }

  plain(): void {
    const [mnemonic = "NOP", ...letters] = this.rng.pick(
      this.rng.chance(this.features.risky) ? risky : statements
    )
    const any = this.rng.pick([...kinds])
    const [first, ...rest] = letters.map((letter) => (letter === "x" ? any : letter))
    if (first === undefined) return this.body.add(mnemonic)
    if (isSource(mnemonic) || mnemonic === "INC" || mnemonic === "DEC")
      return this.body.add(
        mnemonic,
        ...(isSource(mnemonic) ? this.operands([first, ...rest]) : [this.target(first)])
      )
    const operands = this.operands(rest)
    if (!this.rng.chance(0.1)) return this.body.add(mnemonic, this.target(first), ...operands)
    this.body.add(mnemonic, stack, ...operands)
    this.body.add("POP", this.target(first))
  }

  construct(): void {
    const { body } = this
    if (this.rng.chance(0.5)) {
      body.add("PUSH", this.source("i"))
      body.add("PUSH", this.source("s"))
      body.add("TUPLE", this.target("p"), immediate(2n))
    } else {
      body.add("PUSH", this.source("i"))
      body.add("VARIANT", this.target("o"), immediate(Value.list([0n, 1n])), immediate(1n), immediate(1n))
    }
  }

  branch(depth: number): void {
    const { land } = this.body.jump("JUMPIF", this.source("b"))
    this.some(depth)
    this.body.end("JUMP", immediate(BigInt(this.body.index + 1)))
    land(this.body.index)
  }

  select(depth: number): void {
    const { land } = this.body.jump("SWITCH_V2", this.source("o"))
    const first = this.body.index
    this.some(depth)
    const end = this.body.jump("JUMP")
    const second = this.body.index
    this.some(depth)
    this.body.end("JUMP", immediate(BigInt(this.body.index + 1)))
    end.land(this.body.index)
    land(first, second)
  }

  loop(depth: number): void {
    const counter: Operand = { mode: 2, index: 120 + this.loops++ }
    const { body, features, rng } = this
    const times = rng.pick([1, 2, 3, 10, 100, 1000])
    body.add("STORE", counter, immediate(BigInt(times)))
    body.end("JUMP", immediate(BigInt(body.index + 1)))
    const start = immediate(BigInt(body.index))
    this.some(depth)
    body.add("DEC", counter)
    body.add("GT", stack, counter, immediate(0n))
    body.end("JUMPIF", rng.chance(features.endless) ? immediate(true) : stack, start)
  }

  callee(): Signature {
    const own = signatures.indexOf(this.signature)
    const later = signatures.slice(own + 1)
    // A call of an earlier function may never end, but gas does.
    return later.length === 0 || this.rng.chance(this.features.endless)
      ? this.rng.pick(signatures)
      : this.rng.pick(later)
  }

  pushArguments({ args }: Signature): void {
    for (const kind of [...args].reverse()) this.body.add("PUSH", this.source(kind))
  }

  call(): void {
    if (this.signature === signatures.at(-1) && !this.rng.chance(this.features.endless)) return
    const callee = this.callee()
    this.pushArguments(callee)
    this.body.end("CALL", immediate(Value.string(Bytecode.functionId(callee.name))))
    this.body.add("POP", this.target(callee.result))
  }

  remoteCall(): void {
    const { body, rng } = this
    const callee = rng.pick(signatures)
    this.pushArguments(callee)
    const typeOf = (kind: Kind): Type.Type => types[kind] as Type.Type
    const operands = [
      immediate(Value.reference("contract", helper)),
      immediate(Value.string(Bytecode.functionId(callee.name))),
      immediate(Value.typeRepresentation(Type.tuple(Array.from(callee.args, typeOf)))),
      immediate(Value.typeRepresentation(typeOf(callee.result))),
      immediate(rng.chance(0.8) ? 0n : small(rng))
    ]
    if (!this.features.gasAware) body.end("CALL_R", ...operands)
    else if (rng.chance(0.3)) body.end("CALL_GR", ...operands, immediate(BigInt(rng.below(200_000))))
    else {
      const cap = immediate(rng.chance(0.5) ? 10n ** 9n : BigInt(rng.below(200_000)))
      body.end("CALL_PGR", ...operands, cap, immediate(true))
      return body.add("POP", scratch)
    }
    body.add("POP", this.target(callee.result))
  }

  give(...mnemonics: ReadonlyArray<string>): void {
    const { land } = this.body.jump("JUMPIF", this.source("b"))
    this.body.end(this.rng.pick(mnemonics), this.source("s"))
    land(this.body.index)
  }

  fault(): void {
    const made = wildInstruction(this.rng)
    const row = Opcodes.byNumber(made.opcode)
    if (row?.endsBlock === true) this.body.end(row.mnemonic, ...made.operands)
    else if (row !== undefined) this.body.add(row.mnemonic, ...made.operands)
  }
}

/** An operand of any kind, of the stack, of a variable, argument or register, known or not. */
const wildOperand = (rng: Rng): Operand => {
  switch (rng.below(6)) {
    case 0:
      return stack
    case 1:
      return { mode: 1, index: rng.below(4) }
    case 2:
      return { mode: 2, index: rng.below(40) - 8 }
    case 3:
      return { mode: 2, index: rng.below(kinds.length * perKind) }
    default:
      return immediate(valueOf(rng.pick([...kinds]), rng))
  }
}

const wildInstruction = (rng: Rng): Instruction => {
  const row = rng.pick(Opcodes.opcodes)
  const operands = row.operands.map((kind) => {
    if (kind === "integer") return immediate(small(rng))
    if (kind === "string") return immediate(Value.string(Bytecode.functionId(rng.pick(signatures).name)))
    if (kind === "list") return immediate(Value.list([0n, 1n, 2n]))
    return wildOperand(rng)
  })
  return { opcode: row.number, operands }
}

const none = ValueCodec.encode(Value.map(SortedMap.empty))

const codeOf = (write: (signature: Signature) => ReadonlyArray<ReadonlyArray<Instruction>>): Uint8Array => {
  const functions = signatures.map((signature): [string, Bytecode.FateFunction] => {
    const id = Bytecode.functionId(signature.name)
    const typeOf = (kind: Kind): Type.Type => types[kind] as Type.Type
    const made: Bytecode.FateFunction = {
      id,
      attributes: 2,
      private: false,
      payable: true,
      arguments: Array.from(signature.args, typeOf),
      result: typeOf(signature.result),
      blocks: write(signature)
    }
    return [Bytes.toHex(id), made]
  })
  return Bytecode.encode({ functions: new Map(functions), symbols: new Map(), annotations: none })
}

/** The byte code of a well-formed program with the functions of `signatures`. */
export const program = (rng: Rng, features: Features): Uint8Array =>
  codeOf((signature) => new Writer(rng, features, signature).write())

/** The byte code of a program of instructions that were thrown together. */
export const wildProgram = (rng: Rng): Uint8Array =>
  codeOf(() => {
    const body = new Body()
    for (let i = rng.below(30); i >= 0; i--) {
      const { opcode, operands } = wildInstruction(rng)
      const row = Opcodes.byNumber(opcode)
      if (row?.endsBlock === true) body.end(row.mnemonic, ...operands)
      else if (row !== undefined) body.add(row.mnemonic, ...operands)
    }
    body.end("RETURN")
    return body.blocks.slice(0, -1)
  })

/** Arguments for a function. */
export const argumentsOf = (rng: Rng, { args }: Signature): ReadonlyArray<Value.Value> =>
  Array.from(args, (kind) => valueOf(kind, rng))

/** Call data for a function, with arguments of its types as a rule. */
export const callData = (rng: Rng): Uint8Array => {
  const signature = rng.chance(0.9) ? (signatures[0] as Signature) : rng.pick(signatures)
  const args = rng.chance(0.95)
    ? argumentsOf(rng, signature)
    : many(rng, 5, (r) => valueOf(r.pick([...kinds]), r))
  return ValueCodec.encode(
    Value.tuple([Value.string(Bytecode.functionId(signature.name)), Value.tuple(args)])
  )
}
