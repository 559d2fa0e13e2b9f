/** The same script in each dialect. */
import { expect, it } from "vitest"
import { names } from "../src/Dialect.js"
import { expectSuccess, runTextHere } from "./run.js"

const script = (dialect: string) => `
node: { dialect: ${dialect} }
parties:
  Alice: { role: initiator, deposit: 10 AE }
  Bob: { role: responder, deposit: 10 AE }
steps:
  - open
  - transfer: { from: Alice, to: Bob, amount: 3 AE, meta: [rent] }
  - parallel:
      signatures: together
      branches:
        - { transfer: { from: Alice, to: Bob, amount: 1 AE }, fails: { code: 2, round: 2 } }
        - { transfer: { from: Bob, to: Alice, amount: 1 AE }, fails: { code: 2, round: 2 } }
  - { transfer: { from: Bob, to: Alice, amount: 1 AE } }
  - deposit: { party: Alice, amount: 2 AE }
  - expect: { round: 4, balance: { Alice: 10 AE, Bob: 12 AE } }
  - shutdown: Bob
  - expect: { status: closed }
`

it.each(names)("open, update, conflict, deposit, shutdown in %s", async (dialect) => {
  const ended = await runTextHere(script(dialect))
  expectSuccess(ended)
  expect(ended.out).toContain("All 8 steps did what the script says.")
})
