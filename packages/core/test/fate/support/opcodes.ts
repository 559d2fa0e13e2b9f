import { opcodes } from "../../../src/fate/Opcodes.js"

/** The number of an instruction. */
export const byMnemonic = (mnemonic: string): number => {
  const opcode = opcodes.find((one) => one.mnemonic === mnemonic)
  if (opcode === undefined) throw new Error(`no instruction ${mnemonic}`)
  return opcode.number
}
