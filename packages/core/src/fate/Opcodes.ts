/**
 * The instructions of the FATE virtual machine: what they are called, what they take, cost and where they may be used.
 *
 * Specification: æternity FATE virtual machine, instruction set.
 *
 * @since 0.1.0
 */

/**
 * What an operand must be: `any`, or an immediate integer, string or list.
 *
 * @since 0.1.0
 * @category models
 */
export type OperandKind = "any" | "integer" | "string" | "list"

/**
 * An instruction. `gas` is what it costs from Iris on, before what its operands add; `gasLima` the same under Lima.
 * Contracts of versions from `minimumVm` to `maximumVm` (5, 7 or 8) may use it. The last instruction of a block is
 * one that `endsBlock`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Opcode {
  readonly number: number
  readonly mnemonic: string
  readonly operands: ReadonlyArray<OperandKind>
  readonly endsBlock: boolean
  readonly gas: number
  readonly gasLima: number
  readonly minimumVm: 5 | 7 | 8
  readonly maximumVm: 5 | 8
  readonly allowedOffChain: boolean
  /** Whether the authentication function of a generalized account may use it. */
  readonly allowedInAuthentication: boolean
}

/**
 * Number, mnemonic, operands (`a` any, `ii`, `is`, `li` immediate integer, string, list), gas (two where Lima
 * differs) and flags: `E` ends a block, `X` not off chain, `G` not in authentication, `U` only in version 5,
 * `7`, `8` from this version on.
 */
type Row = readonly [
  number: number,
  mnemonic: string,
  operands: string,
  gas: number | readonly [lima: number, iris: number],
  flags?: string
]

const rows: ReadonlyArray<Row> = [
  [0x00, "RETURN", "", 10, "E"],
  [0x01, "RETURNR", "a", 10, "E"],
  [0x02, "CALL", "a", 10, "E"],
  [0x03, "CALL_R", "a is a a a", 100, "EG"],
  [0x04, "CALL_T", "a", 10, "E"],
  [0x05, "CALL_GR", "a is a a a a", 100, "EG"],
  [0x06, "JUMP", "ii", 10, "E"],
  [0x07, "JUMPIF", "a ii", 10, "E"],
  [0x08, "SWITCH_V2", "a ii ii", 10, "E"],
  [0x09, "SWITCH_V3", "a ii ii ii", 10, "E"],
  [0x0a, "SWITCH_VN", "a li", 10, "E"],
  [0x0b, "CALL_VALUE", "a", 10],
  [0x0c, "PUSH", "a", 10],
  [0x0d, "DUPA", "", 10],
  [0x0e, "DUP", "a", 10],
  [0x0f, "POP", "a", 10],
  [0x10, "INCA", "", 10],
  [0x11, "INC", "a", 10],
  [0x12, "DECA", "", 10],
  [0x13, "DEC", "a", 10],
  [0x14, "ADD", "a a a", 10],
  [0x15, "SUB", "a a a", 10],
  [0x16, "MUL", "a a a", 10],
  [0x17, "DIV", "a a a", 10],
  [0x18, "MOD", "a a a", 10],
  [0x19, "POW", "a a a", 10],
  [0x1a, "STORE", "a a", 10],
  [0x1b, "SHA3", "a a", 100],
  [0x1c, "SHA256", "a a", 100],
  [0x1d, "BLAKE2B", "a a", 100],
  [0x1e, "LT", "a a a", 10],
  [0x1f, "GT", "a a a", 10],
  [0x20, "EQ", "a a a", 10],
  [0x21, "ELT", "a a a", 10],
  [0x22, "EGT", "a a a", 10],
  [0x23, "NEQ", "a a a", 10],
  [0x24, "AND", "a a a", 10],
  [0x25, "OR", "a a a", 10],
  [0x26, "NOT", "a a", 10],
  [0x27, "TUPLE", "a ii", 10],
  [0x28, "ELEMENT", "a a a", 10],
  [0x29, "SETELEMENT", "a a a a", 10],
  [0x2a, "MAP_EMPTY", "a", 10],
  [0x2b, "MAP_LOOKUP", "a a a", 10],
  [0x2c, "MAP_LOOKUPD", "a a a a", 10],
  [0x2d, "MAP_UPDATE", "a a a a", 10],
  [0x2e, "MAP_DELETE", "a a a", 10],
  [0x2f, "MAP_MEMBER", "a a a", 10],
  [0x30, "MAP_FROM_LIST", "a a", 10],
  [0x31, "MAP_SIZE", "a a", 10],
  [0x32, "MAP_TO_LIST", "a a", 10],
  [0x33, "IS_NIL", "a a", 10],
  [0x34, "CONS", "a a a", 10],
  [0x35, "HD", "a a", 10],
  [0x36, "TL", "a a", 10],
  [0x37, "LENGTH", "a a", 10, "U"],
  [0x38, "NIL", "a", 10],
  [0x39, "APPEND", "a a a", 10],
  [0x3a, "STR_JOIN", "a a a", 10],
  [0x3b, "INT_TO_STR", "a a", 100],
  [0x3c, "ADDR_TO_STR", "a a", 100],
  [0x3d, "STR_REVERSE", "a a", 100],
  [0x3e, "STR_LENGTH", "a a", 10],
  [0x3f, "BYTES_TO_INT", "a a", 10],
  [0x40, "BYTES_TO_STR", "a a", 100],
  [0x41, "BYTES_CONCAT", "a a a", 10],
  [0x42, "BYTES_SPLIT", "a a a", 10],
  [0x43, "INT_TO_ADDR", "a a", 10],
  [0x44, "VARIANT", "a a a a", 10],
  [0x45, "VARIANT_TEST", "a a a", 10],
  [0x46, "VARIANT_ELEMENT", "a a a", 10],
  [0x47, "BITS_NONEA", "", 10],
  [0x48, "BITS_NONE", "a", 10],
  [0x49, "BITS_ALLA", "", 10],
  [0x4a, "BITS_ALL", "a", 10],
  [0x4b, "BITS_ALL_N", "a a", 10],
  [0x4c, "BITS_SET", "a a a", 10],
  [0x4d, "BITS_CLEAR", "a a a", 10],
  [0x4e, "BITS_TEST", "a a a", 10],
  [0x4f, "BITS_SUM", "a a", 10],
  [0x50, "BITS_OR", "a a a", 10],
  [0x51, "BITS_AND", "a a a", 10],
  [0x52, "BITS_DIFF", "a a a", 10],
  [0x53, "BALANCE", "a", 10],
  [0x54, "ORIGIN", "a", 10],
  [0x55, "CALLER", "a", 10],
  [0x56, "BLOCKHASH", "a a", [10, 1000]],
  [0x57, "BENEFICIARY", "a", 10],
  [0x58, "TIMESTAMP", "a", 10],
  [0x59, "GENERATION", "a", 10],
  [0x5a, "MICROBLOCK", "a", 10],
  [0x5b, "DIFFICULTY", "a", 10],
  [0x5c, "GASLIMIT", "a", 10],
  [0x5d, "GAS", "a", 10],
  [0x5e, "ADDRESS", "a", 10],
  [0x5f, "GASPRICE", "a", 10],
  [0x60, "LOG0", "a", 1000],
  [0x61, "LOG1", "a a", 1100],
  [0x62, "LOG2", "a a a", 1200],
  [0x63, "LOG3", "a a a a", 1300],
  [0x64, "LOG4", "a a a a a", 1400],
  [0x65, "SPEND", "a a", [100, 5000], "G"],
  [0x66, "ORACLE_REGISTER", "a a a a a a a", [100, 10000], "XG"],
  [0x67, "ORACLE_QUERY", "a a a a a a a a", [100, 10000], "XG"],
  [0x68, "ORACLE_RESPOND", "a a a a a a", [100, 10000], "XG"],
  [0x69, "ORACLE_EXTEND", "a a a", [100, 10000], "XG"],
  [0x6a, "ORACLE_GET_ANSWER", "a a a a a", [100, 2000], "G"],
  [0x6b, "ORACLE_GET_QUESTION", "a a a a a", [100, 2000], "G"],
  [0x6c, "ORACLE_QUERY_FEE", "a a", [100, 2000], "G"],
  [0x6d, "AENS_RESOLVE", "a a a a", [100, 2000], "G"],
  [0x6e, "AENS_PRECLAIM", "a a a", [100, 10000], "XG"],
  [0x6f, "AENS_CLAIM", "a a a a a", [100, 10000], "XG"],
  [0x70, "AENS_UPDATE", "a a a a a a", [100, 10000], "XG7"],
  [0x71, "AENS_TRANSFER", "a a a a", [100, 10000], "XG"],
  [0x72, "AENS_REVOKE", "a a a", [100, 10000], "XG"],
  [0x73, "BALANCE_OTHER", "a a", [50, 2000]],
  [0x74, "VERIFY_SIG", "a a a a", 1300],
  [0x75, "VERIFY_SIG_SECP256K1", "a a a a", 1300],
  [0x76, "CONTRACT_TO_ADDRESS", "a a", 10],
  [0x77, "AUTH_TX_HASH", "a", 10],
  [0x78, "ORACLE_CHECK", "a a a a", 100, "G"],
  [0x79, "ORACLE_CHECK_QUERY", "a a a a a", 100, "G"],
  [0x7a, "IS_ORACLE", "a a", 100, "G"],
  [0x7b, "IS_CONTRACT", "a a", 100, "G"],
  [0x7c, "IS_PAYABLE", "a a", 100, "G"],
  [0x7d, "CREATOR", "a", 10],
  [0x7e, "ECVERIFY_SECP256K1", "a a a a", 1300],
  [0x7f, "ECRECOVER_SECP256K1", "a a a", 1300],
  [0x80, "ADDRESS_TO_CONTRACT", "a a", 10],
  [0x81, "BLS12_381_G1_NEG", "a a", 100, "7"],
  [0x82, "BLS12_381_G1_NORM", "a a", 100, "7"],
  [0x83, "BLS12_381_G1_VALID", "a a", 2000, "7"],
  [0x84, "BLS12_381_G1_IS_ZERO", "a a", 30, "7"],
  [0x85, "BLS12_381_G1_ADD", "a a a", 100, "7"],
  [0x86, "BLS12_381_G1_MUL", "a a a", 1000, "7"],
  [0x87, "BLS12_381_G2_NEG", "a a", 100, "7"],
  [0x88, "BLS12_381_G2_NORM", "a a", 100, "7"],
  [0x89, "BLS12_381_G2_VALID", "a a", 2000, "7"],
  [0x8a, "BLS12_381_G2_IS_ZERO", "a a", 30, "7"],
  [0x8b, "BLS12_381_G2_ADD", "a a a", 100, "7"],
  [0x8c, "BLS12_381_G2_MUL", "a a a", 1000, "7"],
  [0x8d, "BLS12_381_GT_INV", "a a", 100, "7"],
  [0x8e, "BLS12_381_GT_ADD", "a a a", 100, "7"],
  [0x8f, "BLS12_381_GT_MUL", "a a a", 100, "7"],
  [0x90, "BLS12_381_GT_POW", "a a a", 2000, "7"],
  [0x91, "BLS12_381_GT_IS_ONE", "a a", 30, "7"],
  [0x92, "BLS12_381_PAIRING", "a a a", 12000, "7"],
  [0x93, "BLS12_381_MILLER_LOOP", "a a a", 5000, "7"],
  [0x94, "BLS12_381_FINAL_EXP", "a a", 7000, "7"],
  [0x95, "BLS12_381_INT_TO_FR", "a a", 30, "7"],
  [0x96, "BLS12_381_INT_TO_FP", "a a", 30, "7"],
  [0x97, "BLS12_381_FR_TO_INT", "a a", 30, "7"],
  [0x98, "BLS12_381_FP_TO_INT", "a a", 30, "7"],
  [0x99, "AENS_LOOKUP", "a a", 2000, "G7"],
  [0x9a, "ORACLE_EXPIRY", "a a", 2000, "G7"],
  [0x9b, "AUTH_TX", "a", 100, "7"],
  [0x9c, "STR_TO_LIST", "a a", 100],
  [0x9d, "STR_FROM_LIST", "a a", 100],
  [0x9e, "STR_TO_UPPER", "a a", 100],
  [0x9f, "STR_TO_LOWER", "a a", 100],
  [0xa0, "CHAR_TO_INT", "a a", 10],
  [0xa1, "CHAR_FROM_INT", "a a", 10],
  [0xa2, "CALL_PGR", "a is a a a a a", 100, "EG7"],
  [0xa3, "CREATE", "a a a", 10000, "EG7"],
  [0xa4, "CLONE", "a a a a", 5000, "EG7"],
  [0xa5, "CLONE_G", "a a a a a", 5000, "EG7"],
  [0xa6, "BYTECODE_HASH", "a a", 100, "7"],
  [0xa7, "FEE", "a", 10, "7"],
  [0xa8, "ADDRESS_TO_BYTES", "a a", 10, "8"],
  [0xa9, "POSEIDON", "a a a", 6000, "8"],
  [0xaa, "MULMOD", "a a a a", 10, "8"],
  [0xab, "BAND", "a a a", 10, "8"],
  [0xac, "BOR", "a a a", 10, "8"],
  [0xad, "BXOR", "a a a", 10, "8"],
  [0xae, "BNOT", "a a", 10, "8"],
  [0xaf, "BSL", "a a a", 10, "8"],
  [0xb0, "BSR", "a a a", 10, "8"],
  [0xb1, "BYTES_SPLIT_ANY", "a a a", 10, "8"],
  [0xb2, "BYTES_SIZE", "a a", 10, "8"],
  [0xb3, "BYTES_TO_FIXED_SIZE", "a a a", 10, "8"],
  [0xb4, "INT_TO_BYTES", "a a a", 10, "8"],
  [0xb5, "STR_TO_BYTES", "a a", 10, "8"],
  [0xb6, "NETWORK_ID", "a", 10, "8"],
  [0xf0, "DBG_LOC", "a a", 0],
  [0xf1, "DBG_DEF", "a a", 0],
  [0xf2, "DBG_UNDEF", "a a", 0],
  [0xf3, "DBG_CONTRACT", "a", 0],
  [0xfa, "DEACTIVATE", "", 10],
  [0xfb, "ABORT", "a", 10, "E"],
  [0xfc, "EXIT", "a", 10, "E"],
  [0xfd, "NOP", "", 1]
]

const kinds: { readonly [short: string]: OperandKind } = { a: "any", ii: "integer", is: "string", li: "list" }

const operandKinds = (text: string): ReadonlyArray<OperandKind> =>
  text === "" ? [] : text.split(" ").map((short) => kinds[short] ?? "any")

const opcode = ([number, mnemonic, operands, gas, flags = ""]: Row): Opcode => ({
  number,
  mnemonic,
  operands: operandKinds(operands),
  endsBlock: flags.includes("E"),
  gas: typeof gas === "number" ? gas : gas[1],
  gasLima: typeof gas === "number" ? gas : gas[0],
  minimumVm: flags.includes("8") ? 8 : flags.includes("7") ? 7 : 5,
  maximumVm: flags.includes("U") ? 5 : 8,
  allowedOffChain: !flags.includes("X"),
  allowedInAuthentication: !flags.includes("G")
})

/**
 * All instructions, by ascending number.
 *
 * @since 0.1.0
 * @category constants
 */
export const opcodes: ReadonlyArray<Opcode> = rows.map(opcode)

const table: ReadonlyArray<Opcode | undefined> = Array.from({ length: 256 }, (_, number) =>
  opcodes.find((each) => each.number === number)
)

/**
 * The instruction with a number (0 to 255).
 *
 * @since 0.1.0
 * @category getters
 */
export const byNumber = (number: number): Opcode | undefined => table[number]
