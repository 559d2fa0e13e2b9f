import { expect, it } from "@effect/vitest"
import { control } from "../../src/fate/internal/control.js"
import { operations, tables } from "../../src/fate/internal/operations.js"
import { opcodes } from "../../src/fate/Opcodes.js"

it("every instruction is done by one table, but those for debugging by none", () => {
  const names = tables.flatMap((table) => Object.keys(table))
  expect(new Set(names).size).toBe(names.length)
  const known = opcodes.map(({ mnemonic }) => mnemonic).filter((name) => !name.startsWith("DBG_"))
  expect(new Set([...names, ...Object.keys(control)])).toEqual(new Set(known))
  for (const { mnemonic, number } of opcodes)
    expect(operations[number] !== undefined, mnemonic).toBe(names.includes(mnemonic))
})
