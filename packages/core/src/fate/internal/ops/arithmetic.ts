import {
  arithmetic as arithmeticError,
  divisionByZero,
  moduloByZero,
  typeErrorOnCall
} from "../errorTexts.js"
import { crash, fail, type Machine, Mode, type Operand, type Operation, type Operations } from "../machine.js"
import * as Type from "../../Type.js"
import type { Value } from "../../Value.js"
import { bad, iris } from "./common.js"
import { afford, copyTime, isWord, linear, productTime, quotientTime, work, words } from "./work.js"

type Compute = (m: Machine, a: bigint, b: bigint) => bigint

const put = (m: Machine, to: Operand | undefined, value: bigint): void => {
  m.cells(words(value))
  m.write(to, value)
}

const integers =
  (name: string, compute: Compute): Operation =>
  (m, o) => {
    const a = m.read(o[1])
    const b = m.read(o[2])
    put(m, o[0], typeof a === "bigint" && typeof b === "bigint" ? compute(m, a, b) : bad(name, a, b))
  }

const product: Compute = (m, a, b) => {
  if (!(isWord(a) && isWord(b)) && a !== 0n && b !== 0n) {
    const n = words(a)
    const k = words(b)
    afford(m, n + k - 1)
    work(m, productTime(n, k))
  }
  return a * b
}

const noteQuotient = (m: Machine, a: bigint, b: bigint): void => {
  if (!isWord(a)) work(m, quotientTime(words(a), words(b)))
}

// Beyond this the reference has no integers at all.
const mostBits = 1n << 32n

const shiftLeft: Compute = (m, a, by) => {
  if (a === 0n) return 0n
  if (by >= mostBits) return crash("an integer is too large")
  work(m, copyTime(shiftedWords(a, by)))
  return a << by
}

/** The words of an integer shifted to the left, at most one more. */
const shiftedWords = (a: bigint, by: bigint): number => words(a) + (by > 0n ? Number(by / 64n) : 0)

const shiftRight: Compute = (m, a, by) => {
  if (a === 0n) return 0n
  if (by < 0n) {
    // A shift to the left whose cells are charged when it is done.
    if (-by < mostBits) afford(m, shiftedWords(a, -by))
    return shiftLeft(m, a, -by)
  }
  linear(m, a, 0n)
  return a >> by
}

const pieceBits = 32

/** Square and multiply, each step paid before it is done. */
const raise = (m: Machine, base: bigint, exponent: bigint): bigint => {
  let power = base
  let result = 1n
  let rest = exponent
  let piece = 0
  for (let i = 0; piece > 0 || rest > 0n; i++) {
    // The exponent is taken in pieces: shifting a large one for every bit would be quadratic.
    if (i % pieceBits === 0) {
      linear(m, rest, 0n)
      piece = Number(BigInt.asUintN(pieceBits, rest))
      rest >>= BigInt(pieceBits)
    }
    const size = words(power)
    if (piece % 2 === 1) {
      const resultSize = words(result)
      m.cells(resultSize + 3 * size)
      work(m, productTime(size, resultSize))
      result *= power
    } else m.cells(2 * size)
    piece >>>= 1
    // The last square is paid for but not needed.
    if (piece > 0 || rest > 0n) {
      work(m, productTime(size, size))
      power *= power
    }
  }
  return result
}

const step = (m: Machine, operand: Operand, by: bigint): void => {
  const value = m.read(operand)
  if (typeof value !== "bigint") {
    if (m.environment.protocol < iris) return crash("a step of what is no integer")
    return fail(() => typeErrorOnCall(value, Type.integer))
  }
  linear(m, value, 0n)
  m.write(operand, value + by)
}

const top: Operand = { mode: Mode.stack }

/** Takes the cells of a bit position, which the reference does before it looks at the types. */
export const chargePosition = (m: Machine, position: Value): void => {
  if (typeof position !== "bigint") return crash("a position that is no integer")
  const number = Number(position)
  m.cells(Number.isSafeInteger(number) ? Math.trunc(number / 64) + 1 : position / 64n + 1n)
  // For a gas limit that pays for more than there is memory.
  work(m, number / 16)
}

export const arithmetic: Operations = {
  INCA: (m) => step(m, top, 1n),
  INC: (m, o) => step(m, o[0] ?? top, 1n),
  DECA: (m) => step(m, top, -1n),
  DEC: (m, o) => step(m, o[0] ?? top, -1n),
  ADD: integers("add", (m, a, b) => {
    linear(m, a, b)
    return a + b
  }),
  SUB: integers("sub", (m, a, b) => {
    linear(m, a, b)
    return a - b
  }),
  MUL: integers("mul", product),
  DIV: integers("div", (m, a, b) => {
    if (b === 0n) return fail(divisionByZero)
    noteQuotient(m, a, b)
    return a / b
  }),
  MOD: integers("mod", (m, a, b) => {
    if (b === 0n) return fail(moduloByZero)
    noteQuotient(m, a, b)
    return a % b
  }),
  POW: (m, o) => {
    const base = m.read(o[1])
    const exponent = m.read(o[2])
    if (typeof base !== "bigint" || typeof exponent !== "bigint")
      return crash("a power of what is no integer")
    if (exponent < 0n) return fail(arithmeticError("negative_exponent"))
    m.write(o[0], raise(m, base, exponent))
  },
  MULMOD: (m, o) => {
    const a = m.read(o[1])
    const b = m.read(o[2])
    const q = m.read(o[3])
    if (typeof a !== "bigint" || typeof b !== "bigint" || typeof q !== "bigint") return bad("mulmod", a, b, q)
    if (q === 0n) return fail(moduloByZero)
    if (!(isWord(a) && isWord(b))) {
      const n = words(a)
      const k = words(b)
      work(m, productTime(n, k) + quotientTime(n + k, words(q)))
    }
    put(m, o[0], (a * b) % q)
  },
  BAND: integers("band", (m, a, b) => {
    linear(m, a, b)
    return a & b
  }),
  BOR: integers("bor", (m, a, b) => {
    linear(m, a, b)
    return a | b
  }),
  BXOR: integers("bxor", (m, a, b) => {
    linear(m, a, b)
    return a ^ b
  }),
  BNOT: (m, o) => {
    const a = m.read(o[1])
    if (typeof a !== "bigint") return bad("bnot", a)
    linear(m, a, 0n)
    put(m, o[0], ~a)
  },
  BSL: (m, o) => {
    const a = m.read(o[1])
    const by = m.read(o[2])
    chargePosition(m, by)
    m.write(o[0], typeof a === "bigint" && typeof by === "bigint" ? shiftLeft(m, a, by) : bad("bsl", a, by))
  },
  BSR: integers("bsr", shiftRight)
}
