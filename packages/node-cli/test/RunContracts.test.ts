/** Contract steps of scripts. */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as CallData from "@aechannel/core/fate/CallData"
import * as ValueCodec from "@aechannel/core/fate/ValueCodec"
import { describe, expect, it } from "vitest"
import { start } from "./cli.js"
import {
  example,
  expectFailure,
  expectSuccess,
  folder,
  head,
  read,
  run,
  runHere,
  runTextHere,
  script
} from "./run.js"

interface Contract {
  readonly source: string
  readonly code: string
  readonly aci: unknown
}

const { Meter, StonePaperScissors } = JSON.parse(
  readFileSync(fileURLToPath(new URL("../../core/test/fixtures/fate/sophia.json", import.meta.url)), "utf8")
) as { readonly Meter: Contract; readonly StonePaperScissors: Contract }

const cwd = folder()
const file = (name: string, content: string) => {
  writeFileSync(join(cwd, name), content)
  return join(cwd, name)
}
const meter = file("meter.json", JSON.stringify({ code: Meter.code, aci: Meter.aci }))
const code = file("meter.cb", `${Meter.code}\n`)
const aci = file("meter-aci.json", JSON.stringify(Meter.aci))

const create = `- contract: { file: ${meter}, arguments: [5], deposit: 10 }\n`

const outcomes = (lines: ReadonlyArray<Record<string, unknown>>) =>
  lines.filter(({ type }) => type === "step").map(({ result }) => result)

const refused = async (steps: string) => {
  const ended = await runTextHere(script(steps))
  return expectFailure(ended)
}

describe("contracts in scripts", () => {
  it("the example plays a game to its end, and another to the bitter end", async () => {
    const { out, ...ended } = await run(["--quiet", example("contract-game.yaml")])
    expectSuccess({ out, ...ended })
    expect(out).toContain("returned Alice (")
    expect(out).toMatch(/All \d+ steps did what the script says\.\n$/)
  })

  it("the example's contract is the compiled source", () => {
    const { aci, code } = JSON.parse(read("examples/StonePaperScissors.json")) as Contract
    expect(code).toBe(StonePaperScissors.code)
    expect(aci).toEqual(StonePaperScissors.aci)
    expect(read("examples/StonePaperScissors.aes")).toBe(StonePaperScissors.source)
  })

  it("are made, called, tried out, read and forced, and what came of it is told", async () => {
    const { lines, ...ended } = await runTextHere(
      script(`${create}- call: { party: Bob, function: add, arguments: [7], amount: 3, returns: 12, meta: [a note] }
- dryRun: { party: Bob, function: add, arguments: [0], reverts: NOT_POSITIVE }
- call: { function: spin, arguments: [1000000], error: Out of gas }
- getContract: { party: Bob, owner: Alice, balance: 13 }
- forceProgress: { function: add, arguments: [30], gas: 50000, gasPrice: 2000000000, returns: 42, events: [{ Counted: ["\${Alice.address}", 42, added] }] }
- expect: { at: Bob, event: progress_forced, with: { round: 5 } }
- call: { function: reads_of, arguments: ["\${Bob.address}"], returns: 1 }
- expect: { at: Bob, event: proposal, with: { call: { returnType: error } } }
- expect: { round: 6, balance: { Bob: { atMost: 9999999999999999997 } } }
`),
      { json: true }
    )
    expectSuccess({ lines, ...ended })
    const [, created, called, tried, failed, found, forced] = outcomes(lines)
    const contractId = expect.stringMatching(/^ct_/)
    expect(created).toMatchObject({ contractId, round: 2, gasUsed: expect.any(Number) })
    expect(called).toMatchObject({
      contractId,
      round: 3,
      returnType: "ok",
      value: 12,
      returnValue: expect.stringMatching(/^cb_/)
    })
    expect(tried).toMatchObject({ round: 4, returnType: "revert", value: "NOT_POSITIVE", events: [] })
    expect(failed).toMatchObject({ round: 4, returnType: "error", value: "Out of gas", gasUsed: 1_000_000 })
    expect(found).toMatchObject({ contractId, owner: "Alice", balance: "13", deposit: "10" })
    expect(forced).toMatchObject({ type: "channel_force_progress_tx", round: 5, value: 42 })
    const { gasCost, gasUsed } = forced as { readonly gasCost: string; readonly gasUsed: number }
    expect(BigInt(gasCost)).toBe(BigInt(gasUsed) * 2_000_000_000n)
  })

  it("are made from code alone, with an interface beside it, and called with data that is given", async () => {
    const data = (name: string, ...args: ReadonlyArray<bigint>) =>
      ApiEncoding.encode("cb", CallData.encode(name, args))
    const { lines, ...ended } = await runTextHere(
      script(`- contract: { party: Bob, code: ${Meter.code}, callData: ${data("init", 5n)}, vmVersion: 5 }
  as: bare
- call: { callData: ${data("add", 7n)}, returns: ${ApiEncoding.encode("cb", ValueCodec.encode(12n))} }
- call: { callData: ${data("add", 0n)}, reverts: NOT_POSITIVE }
- contract: { file: ${code}, aci: ${aci}, arguments: [1] }
- call: { party: Bob, function: total, returns: 1 }
- call: { contract: "\${bare.contractId}", aci: ${aci}, function: total, returns: 12 }
- call: { contract: "\${bare.contractId}", function: total, returns: 12 }
- call: { function: total, returns: 12 }
  fails: ExpectationError
`),
      { json: true }
    )
    expectSuccess({ lines, ...ended })
  })

  it("are found next to the script, whatever the current folder", async () => {
    const place = folder()
    copyFileSync(meter, join(place, "meter.json"))
    writeFileSync(
      join(place, "script.yaml"),
      script("- contract: { file: meter.json, arguments: [1] }\n- call: { function: total, returns: 1 }\n")
    )
    expectSuccess(await runHere({ script: join(place, "script.yaml") }))
  })

  it.each([
    ["call: { function: total, returns: 6 }", "expected the call to return 6; came returned 5 ("],
    [
      "call: { function: add, arguments: [0] }",
      "expected the call to return a value; came reverted: NOT_POSITIVE ("
    ],
    [
      "call: { function: add, arguments: [0], reverts: OTHER }",
      "to revert with “OTHER”; came reverted: NOT_POSITIVE"
    ],
    ["call: { function: total, error: Out of gas }", "to end in the error “Out of gas”; came returned 5"],
    [
      "call: { function: add, arguments: [1], events: [{ Counted: [1] }] }",
      'expected the events [{ Counted: [1] }]; came [{ Counted: [Alice, 6, "added"] }]'
    ],
    ["getContract: { balance: 11 }", "expected the contract to have 0.000000000000000011 AE; came"],
    ["getContract: { owner: Bob }", "expected the contract to be Bob's; came Alice"]
  ])("do what the script says, or the run fails: %s", async (step, complaint) => {
    expect(await refused(`${create}- ${step}\n`)).toContain(complaint)
  })

  it.each([
    ["call: { function: total }", "", "there is no contract yet"],
    ["contract: { arguments: [1] }", "", "one of file, code"],
    ["contract: { file: nowhere.json }", "", "cannot read nowhere.json"],
    [`contract: { file: ${aci} }`, "", "there is no code in"],
    [`contract: { file: ${code}, arguments: [1] }`, "", "needs the contract's interface"],
    [`contract: { file: ${meter}, arguments: [x] }`, "", "init cannot be called with these arguments"],
    ["call: { function: totl }", create, "Meter has no function “totl”; it has add, total"],
    ["call: { function: total, callData: cb_Xfbg4g== }", create, "one of function, callData"],
    [
      "call: { function: total, returns: 1, reverts: X }",
      create,
      "no more than one of returns, reverts, error"
    ],
    ["call: { contract: ct_x, function: total }", create, "expected a contract's id (ct_…); came “ct_x”"],
    [`contract: { file: ${example("open-transfer-close.yaml")} }`, "", "is no contract: expected code"]
  ])("are refused with a sentence: %s", async (step, before, complaint) => {
    expect(await refused(`${before}- ${step}\n`)).toContain(complaint)
  })

  it("look at the chain of a node elsewhere, which is read over HTTP", async () => {
    const config = join(cwd, "node.json")
    const node = start("node", "--port=0", "--channel-port=0", `--config-out=${config}`)
    await node.line(/^Ready/m)
    const { channelUrl: url, httpUrl } = JSON.parse(readFileSync(config, "utf8"))
    const steps = (last: string) => `- contract: { party: Bob, file: ${meter}, arguments: [1] }
- mine: 3
- call: { party: Alice, function: add, arguments: [1], returns: 2 }
${last}`
    const elsewhere = (text: string, options: { readonly httpUrl?: string }) =>
      runHere({
        script: file("elsewhere.yaml", script(text)),
        url,
        networkId: "ae_dev",
        keyFiles: [config],
        ...options
      })
    expectSuccess(
      await elsewhere(
        steps(`- call: { party: Bob, function: height }
  as: seen
- call: { party: Alice, function: mark, returns: "\${seen.value}" }
- dryRun: { party: Bob, function: balance_of, arguments: ["\${Bob.address}"] }
- forceProgress: { party: Bob, function: add, arguments: [5] }
- shutdown
`),
        { httpUrl }
      )
    )
    const blind = await elsewhere(
      steps(`- call: { party: Bob, function: height }
  fails: VerificationError
- call: { party: Alice, function: add, arguments: [1], returns: 3 }
- shutdown
`).replace("- mine: 3\n", ""),
      {}
    )
    expectSuccess(blind)
    node.process.kill("SIGINT")
    await node.ended
  })

  it("of the AEVM are refused by the node, and a failing init is", async () => {
    const steps = `- contract: { file: ${meter}, arguments: [1], vmVersion: 6, abiVersion: 1 }
  fails: { tag: RejectedError, code: -32603 }
- contract: { file: ${meter}, arguments: [-1] }
  fails: { tag: RejectedError, data: [1007] }
- transfer: { from: Alice, amount: 1 }
`
    expectSuccess(await runTextHere(script(steps)))
  })

  it("are declined by a policy, and called off", async () => {
    const steps = `${create}- policy: { party: Bob, decline: 147, when: { costsMoreThan: 1, operation: update } }
- call: { function: total }
- policy: { party: Bob, decline: 147 }
- call: { function: total }
  fails: { tag: UserDefinedError, code: 147, endedBy: peer }
- expect: { round: 3 }
`
    expectSuccess(await runTextHere(script(steps)))
    expect(head).toContain("Alice")
  })
})
