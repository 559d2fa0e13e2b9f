/**
 * The Poseidon hash of two integers.
 */
import * as Errors from "../errorTexts.js"
import { fail, type Operation, type Operations } from "../machine.js"
import * as Poseidon from "../poseidon.js"

// One less than the order: the reference refuses the greatest element too.
const isInput = (n: unknown): n is bigint => typeof n === "bigint" && n >= 0n && n < Poseidon.order - 1n

const hash: Operation = (machine, [to, one, two]) => {
  const a = machine.read(one)
  const b = machine.read(two)
  machine.write(
    to,
    isInput(a) && isInput(b) ? Poseidon.hash(a, b) : fail(() => Errors.badArguments("poseidon", [a, b]))
  )
}

export const poseidon: Operations = { POSEIDON: hash }
