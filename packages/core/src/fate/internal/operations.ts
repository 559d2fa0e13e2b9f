/**
 * What every instruction does: the tables of the operations, joined by mnemonic and ordered by number.
 */
import { opcodes } from "../Opcodes.js"
import type { Operation, Operations } from "./machine.js"
import { arithmetic } from "./ops/arithmetic.js"
import { bitsOperations } from "./ops/bits.js"
import { bls } from "./ops/bls.js"
import { booleans } from "./ops/booleans.js"
import { bytesOperations } from "./ops/bytes.js"
import { comparisons } from "./ops/comparison.js"
import { environment } from "./ops/environment.js"
import { events } from "./ops/events.js"
import { hashes } from "./ops/hashes.js"
import { lists } from "./ops/lists.js"
import { maps } from "./ops/maps.js"
import { names } from "./ops/names.js"
import { oracles } from "./ops/oracles.js"
import { poseidon } from "./ops/poseidon.js"
import { signatures } from "./ops/signatures.js"
import { spending } from "./ops/spending.js"
import { strings } from "./ops/strings.js"
import { tuples } from "./ops/tuples.js"
import { variants } from "./ops/variants.js"

/** The tables; no instruction is in two of them. */
export const tables: ReadonlyArray<Operations> = [
  arithmetic,
  bitsOperations,
  bls,
  booleans,
  bytesOperations,
  comparisons,
  environment,
  events,
  hashes,
  lists,
  maps,
  names,
  oracles,
  poseidon,
  signatures,
  spending,
  strings,
  tuples,
  variants
]

const byMnemonic: Operations = Object.assign({}, ...tables)

/** By the number of the instruction; a hole where there is no such instruction or nothing that it could do. */
export const operations: ReadonlyArray<Operation | undefined> = (() => {
  const table: Array<Operation | undefined> = Array.from({ length: 256 }, () => undefined)
  for (const opcode of opcodes) table[opcode.number] = byMnemonic[opcode.mnemonic]
  return table
})()
