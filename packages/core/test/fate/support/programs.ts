/** Random programs: mostly nonsense, but nonsense that runs for a while. */
import type { Instruction, Operand } from "../../../src/fate/internal/machine.js"
import * as SortedMap from "../../../src/fate/internal/sortedMap.js"
import * as Opcodes from "../../../src/fate/Opcodes.js"
import * as Type from "../../../src/fate/Type.js"
import * as Value from "../../../src/fate/Value.js"
import { argument, type Body, byteCode, codeOf, immediate, op, stack, variable } from "./assembly.js"
import { contract, id, keyOf, number, type as typeOf, types } from "./calls.js"

/** A source of numbers from 0 to below 1, the same for the same seed. */
export const random = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

const names = ["main", "f", "g", "init"]

/** What is slow has tests of its own. */
const excluded = /^(DBG|BLS|VERIFY|EC|POSEIDON)/

const usable = Opcodes.opcodes.filter(({ mnemonic }) => !excluded.test(mnemonic))
const calling = usable.filter(({ mnemonic }) => /^(CALL|CREATE|CLONE|RETURN|BYTECODE)/.test(mnemonic))

export class Programs {
  readonly #next: () => number
  #code: Uint8Array | undefined

  constructor(seed: number) {
    this.#next = random(seed)
  }

  below(n: number): number {
    return Math.floor(this.#next() * n)
  }

  chance(probability: number): boolean {
    return this.#next() < probability
  }

  pick<A>(from: ReadonlyArray<A>): A {
    return from[this.below(from.length)] as A
  }

  many<A>(limit: number, make: () => A): ReadonlyArray<A> {
    return Array.from({ length: this.below(limit) }, make)
  }

  type(depth: number): Type.Type {
    switch (this.below(depth > 0 ? 10 : 6)) {
      case 0:
        return Type.boolean
      case 1:
        return Type.any
      case 2:
        return Type.bytes(this.pick([32n, 3n, "any"] as const))
      case 3:
        return { _tag: "tvar", index: this.below(3) }
      case 6:
        return Type.list(this.type(depth - 1))
      case 7:
        return Type.tuple(this.many(3, () => this.type(depth - 1)))
      case 8:
        return Type.map(this.type(0), this.type(depth - 1))
      case 9:
        return Type.variant([Type.tuple([]), Type.tuple([this.type(depth - 1)])])
      default:
        return Type.integer
    }
  }

  value(depth = 2): Value.Value {
    switch (this.below(depth > 0 ? 19 : 12)) {
      case 0:
        return this.pick([-1n, -(1n << 70n), 1n << 64n, 255n, 1n << 300n])
      case 1:
        return this.chance(0.5)
      case 2:
        return Value.text(this.pick(["", "abc", "é", "x".repeat(70)]))
      case 3:
        return Value.bytes(new Uint8Array(this.pick([0, 1, 4, 20, 32, 64])))
      case 4:
        return Value.reference(this.pick(["address", "contract", "oracle"] as const), keyOf(this.below(4)))
      case 5:
        return Value.bits(BigInt(this.below(300) - 100))
      case 6:
        return Value.unit
      case 7:
        return Value.nil
      case 12:
        return Value.list(this.many(4, () => this.value(depth - 1)))
      case 13:
        return Value.tuple(this.many(4, () => this.value(depth - 1)))
      case 14:
        return this.chance(0.5) ? Value.none : Value.some(this.value(depth - 1))
      case 15:
        return Value.map(
          SortedMap.fromEntries(this.many(4, () => [this.value(0), this.value(depth - 1)] as const))
        )
      case 16:
        return Value.typeRepresentation(this.type(2))
      case 17:
        return Value.typeRepresentation(Type.tuple(this.many(3, () => this.type(1))))
      case 18:
        return Value.byteArray(this.#code ?? new Uint8Array(3))
      default:
        return BigInt(this.below(10))
    }
  }

  #place(): Operand {
    const kind = this.below(9)
    if (kind < 4) return stack
    return kind < 6 ? argument(this.below(2)) : variable(kind < 8 ? this.below(3) : -1 - this.below(2))
  }

  operand(kind: Opcodes.OperandKind, blocks: number): Operand {
    if (kind === "string") return id(this.pick(names))
    if (kind === "integer") return number(BigInt(this.below(blocks + 1)))
    if (kind === "list") return immediate(Value.list(this.many(4, () => BigInt(this.below(blocks + 1)))))
    return this.chance(0.3) ? immediate(this.value()) : this.#place()
  }

  /** Operands with which a call has a chance to be made. */
  #likely(mnemonic: string, given: ReadonlyArray<Operand>): ReadonlyArray<Operand> {
    if (this.chance(0.1)) return given
    const flag = immediate(this.chance(0.8))
    const gas = number(this.pick([0n, 10n, 200n, 5000n, 20_000n, 1_000_000n]))
    const none = types()
    if (/^CALL_(R|GR|PGR)$/.test(mnemonic)) {
      const result = typeOf(this.pick([Type.any, Type.integer]))
      const value = number(this.pick([0n, 0n, 0n, 5n, -1n]))
      const parameters = types(...this.many(2, () => Type.any))
      return [contract(2), id(this.pick(names)), parameters, result, value, gas, flag].slice(0, given.length)
    }
    if (mnemonic === "CLONE") return [contract(2), none, number(this.pick([0n, 3n])), flag]
    if (mnemonic === "CLONE_G") return [contract(2), none, number(0n), gas, flag]
    if (mnemonic === "CREATE" && this.#code !== undefined)
      return [immediate(Value.byteArray(this.#code)), none, number(3n)]
    if (mnemonic === "CALL" || mnemonic === "CALL_T") return [id(this.pick(names))]
    if (mnemonic === "BYTECODE_HASH") return [this.#place(), contract(2)]
    return given
  }

  instruction(blocks: number, endsBlock: boolean): Instruction {
    const from = (this.chance(0.3) ? calling : usable).filter((each) => each.endsBlock === endsBlock)
    const opcode = this.pick(from)
    const operands = opcode.operands.map((kind, i) =>
      i === 0 && kind === "any" && !endsBlock && this.chance(0.95)
        ? this.#place()
        : this.operand(kind, blocks)
    )
    return op(opcode.mnemonic, ...this.#likely(opcode.mnemonic, operands))
  }

  body(args: ReadonlyArray<Type.Type>): Body {
    const count = 1 + this.below(4)
    const block = (): ReadonlyArray<Instruction> => [
      ...this.many(3, () => op("PUSH", immediate(this.value()))),
      ...this.many(4, () => this.instruction(count, false)),
      this.chance(0.4) ? op("RETURNR", this.operand("any", count)) : this.instruction(count, true)
    ]
    const result = this.chance(0.5) ? Type.any : this.type(1)
    return [args, result, Array.from({ length: count }, block)]
  }

  program(): { readonly [name: string]: Body } {
    const init = this.body([])
    return {
      main: this.body([]),
      f: this.body(this.many(2, () => this.type(1))),
      g: this.body(this.many(2, () => Type.any)),
      init: this.chance(0.5) ? [[], Type.tuple([]), [[op("RETURNR", immediate(Value.unit))]]] : init
    }
  }

  /** What contracts are created from. */
  prepare(): void {
    this.#code = codeOf(byteCode(this.program()))
  }
}
