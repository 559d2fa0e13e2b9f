import { describe, expect, it } from "@effect/vitest"
import * as Account from "../../src/chain/Account.js"
import { operations } from "../../src/fate/internal/operations.js"
import { Mode } from "../../src/fate/internal/machine.js"
import { byMnemonic } from "./support/opcodes.js"
import * as Value from "../../src/fate/Value.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Trees from "../../src/state/Trees.js"
import { blind, chainMachine, missingRead, perform as performAll } from "./support/chainMachine.js"
import { perform } from "./support/plainMachine.js"
import { runGroup } from "./support/vectors.js"

runGroup("ops-chain", "chain")

const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
const address = (byte: number): Value.Value => Value.reference("address", key(byte))

describe("environment", () => {
  it("says what could not be read", () => {
    const see = (mnemonic: string, ...values: ReadonlyArray<Value.Value>) =>
      missingRead(() =>
        perform(chainMachine({ environment: blind, chain: blind.chain }), mnemonic, ...values)
      )
    for (const mnemonic of ["BENEFICIARY", "TIMESTAMP", "GENERATION", "DIFFICULTY"])
      expect(see(mnemonic)).toEqual({ _tag: "Block" })
    expect(see("BLOCKHASH", 1n)).toEqual({ _tag: "Block" })
    expect(see("BALANCE_OTHER", address(1))).toEqual({ _tag: "Balance", account: key(1) })
    expect(see("IS_CONTRACT", address(1))).toEqual({ _tag: "IsContract", contract: key(1) })
    expect(see("IS_PAYABLE", address(1))).toEqual({ _tag: "IsPayable", account: key(1) })
    expect(see("IS_ORACLE", address(1))).toEqual({ _tag: "Oracle", oracle: key(1) })
    // What is known without the chain is known.
    expect(see("NETWORK_ID")).toBeUndefined()
    expect(see("GASLIMIT")).toBeUndefined()
  })

  it("asks for a block hash only within the last 256 generations", () => {
    const asked: Array<number> = []
    const block = {
      _tag: "PinnedBlock",
      height: 1000,
      timestamp: 1,
      beneficiary: key(1),
      difficulty: 1n
    } as const
    const see = (vm: number, height: bigint) =>
      perform(
        chainMachine({
          vm,
          environment: { block },
          chain: { blockHash: (h) => (asked.push(h), key(h % 256)) }
        }),
        "BLOCKHASH",
        height
      )
    for (const height of [-1n, 0n, 744n, 1001n, 1n << 70n]) expect(see(8, height)).toEqual(Value.none)
    expect(see(5, 1000n)).toEqual(Value.none)
    expect(asked).toEqual([])
    for (const height of [745n, 999n, 1000n])
      expect(see(8, height)).toEqual(Value.some(Value.bytes(key(Number(height % 256n)))))
    expect(see(5, 999n)).toEqual(Value.some(Value.bytes(key(999 % 256))))
    expect(asked).toEqual([745, 999, 1000, 999])
  })

  it("leaves the operand of a balance that nobody knows on the stack", () => {
    const machine = chainMachine()
    machine.stack.push(address(1))
    operations[byMnemonic("BALANCE_OTHER")]?.(machine, [{ mode: Mode.stack }, { mode: Mode.stack }])
    expect([machine.stack, machine.results]).toEqual([[address(1)], [0n]])
    const rich = chainMachine({ chain: { balance: () => 5n } })
    rich.stack.push(address(1))
    operations[byMnemonic("BALANCE_OTHER")]?.(rich, [{ mode: Mode.stack }, { mode: Mode.stack }])
    expect([rich.stack, rich.results]).toEqual([[], [5n]])
  })

  it("has the hash of what is authenticated, and of its content nothing", () => {
    const machine = () => chainMachine({ environment: { authentication: { txHash: key(3) } } })
    expect(perform(machine(), "AUTH_TX_HASH")).toEqual(Value.some(Value.bytes(key(3))))
    expect(perform(machine(), "AUTH_TX")).toEqual(Value.none)
  })

  it("pays nobody whose account takes nothing", () => {
    const accountId = (byte: number) => ApiEncoding.encode("ak", key(byte))
    const mine = Trees.setAccount(Trees.empty, accountId(7), Account.make({ balance: 5n }))
    const trees = Trees.setAccount(mine, accountId(8), Account.make({ balance: 0n, flags: 1 }))
    const refused = chainMachine({ trees })
    expect(() => performAll(refused, "SPEND", address(8), 1n)).toThrow(
      expect.objectContaining({ text: "Error in spend: account_is_not_payable" })
    )
    expect(refused.trees).toBe(trees)
    const paid = chainMachine({ trees })
    performAll(paid, "SPEND", address(9), 5n)
    expect([7, 8, 9].map((byte) => Trees.balance(paid.trees, accountId(byte)))).toEqual([0n, 0n, 5n])
  })
})
