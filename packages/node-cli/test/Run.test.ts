/** The shipped example scripts, through the built command line. */
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import {
  example,
  expectFailure,
  expectSuccess,
  type Line,
  packageFolder,
  read,
  run,
  runHere,
  session
} from "./run.js"

const steps = (lines: ReadonlyArray<Line>) => lines.filter(({ type }) => type === "step")
const events = (lines: ReadonlyArray<Line>, party: string, event: string) =>
  lines.filter((line) => line["party"] === party && line["event"] === event)

describe("the shipped examples", () => {
  it("are those that the tests run", () => {
    expect(readdirSync(join(packageFolder, "examples")).sort()).toEqual([
      "StonePaperScissors.aes",
      "StonePaperScissors.json",
      "contract-game.yaml",
      "decline.yaml",
      "deposit-withdraw.yaml",
      "dispute.yaml",
      "fees-options.yaml",
      "leave-return.yaml",
      "open-transfer-close.yaml",
      "race.yaml",
      "stdin.jsonl",
      "timeout.yaml",
      "wrong-expectation.yaml"
    ])
    const { files } = JSON.parse(read("package.json"))
    expect(files).toEqual(expect.arrayContaining(["examples", "SCRIPTS.md"]))
  })

  it("open, transfer, close: live and readable", async () => {
    const ended = await run([example("open-transfer-close.yaml")])
    expectSuccess(ended)
    for (const passage of [
      "Open, transfer, close\nNode: embedded, network ae_dev\nAlice, the initiator, is ak_",
      "\n1. open (Alice and Bob)\n",
      "    node  → Alice  please sign initiator_sign: create (Alice 10 AE, Bob 10 AE, fee ",
      "is open, round 1: Alice 10 AE, Bob 10 AE\n",
      "\n3. Alice pays Bob: transfer 3 AE from Alice to Bob\n    Alice → node   propose 3 AE from Alice to Bob\n",
      "\n  = round 2: Alice 7 AE, Bob 13 AE\n",
      "\n4. transfer 0.5 AE from Bob, note “invoice 17”\n",
      "\n  = round 3: Alice 7.5 AE, Bob 12.5 AE\n",
      "message from Alice: “round 3, and Bob had 13000000000000000000 aettos in round 2”",
      "  = closed; paid out: Alice 7.4999",
      "\nAll 11 steps did what the script says.\n"
    ])
      expect(ended.out).toContain(passage)
  })

  it("open, transfer, close: lines of JSON", async () => {
    const ended = await run(["--json", example("open-transfer-close.yaml")])
    expectSuccess(ended)
    const { lines } = ended
    expect(lines[0]).toEqual({
      type: "begin",
      version: 1,
      title: "Open, transfer, close",
      node: "embedded",
      networkId: "ae_dev",
      parties: [
        { name: "Alice", role: "initiator", address: expect.stringMatching(/^ak_/), remote: false },
        { name: "Bob", role: "responder", address: expect.stringMatching(/^ak_/), remote: false }
      ]
    })
    expect(lines.at(-1)).toEqual({ type: "end", ok: true, steps: 11, failed: [] })
    expect(steps(lines).map(({ kind, ok, step }) => [step, kind, ok])).toEqual(
      [
        ..."open expect transfer transfer expect message expect".split(" "),
        ..."shutdown expect expect expect".split(" ")
      ].map((kind, index) => [String(index + 1), kind, true])
    )
    expect(steps(lines)[2]).toEqual({
      type: "step",
      step: "3",
      kind: "transfer",
      name: "Alice pays Bob",
      ok: true,
      result: {
        channelId: expect.stringMatching(/^ch_/),
        round: 2,
        balances: { Alice: "7000000000000000000", Bob: "13000000000000000000" }
      }
    })
    expect(steps(lines)[7]).toMatchObject({
      result: {
        confirmed: true,
        fee: expect.stringMatching(/^\d+$/),
        balances: { Alice: expect.any(String) }
      }
    })
    expect(events(lines, "Bob", "message")).toEqual([
      {
        type: "event",
        party: "Bob",
        event: "message",
        data: { from: "Alice", to: "Bob", text: expect.stringContaining("round 3") }
      }
    ])
    expect(ended.out).not.toMatch(/sk_|ba_|fsm_?id/i)
  })

  it("a race of two proposals ends in conflicts on both sides, every time", async () => {
    const here = () => runHere({ script: example("race.yaml"), json: true })
    const runs = [() => run(["--json", example("race.yaml")]), ...Array.from({ length: 19 }, () => here)]
    for (const race of runs) {
      const ended = await race()
      expectSuccess(ended)
      for (const party of ["Alice", "Bob"])
        expect(events(ended.lines, party, "conflict")).toMatchObject([{ data: { code: 2, round: 1 } }])
      const branches = steps(ended.lines).filter(({ step }) => /^2\.\d\.1$/.test(String(step)))
      expect(branches).toHaveLength(2)
      for (const branch of branches)
        expect(branch).toMatchObject({ ok: true, error: { tag: "ConflictError", code: 2, round: 1 } })
    }
  })

  it("a decline with a user-defined code", async () => {
    const ended = await run([example("decline.yaml")])
    expectSuccess(ended)
    expect(ended.out).toContain("2. Bob declines what costs more than 5 AE with code 147")
    expect(ended.out).toContain("Bob   → node   decline update_ack with code 147")
    expect(ended.out).toContain("= failed, as it was to: UserDefinedError with code 147, endedBy peer")
    expect(ended.out).toContain("= round 2: Alice 15 AE, Bob 5 AE")
  })

  it("a timeout", async () => {
    const ended = await run([example("timeout.yaml")])
    expectSuccess(ended)
    expect(ended.out).toContain("node  → Alice  conflict: code 3 (timeout), back to round 1")
    expect(ended.out).toContain("node  → Bob    conflict: code 3 (timeout), back to round 1")
    expect(ended.out).toContain("= failed, as it was to: TimeoutError with code 3, endedBy node")
  })

  it("a wrong expectation names the step, what was expected and what came", async () => {
    const ended = await run([example("wrong-expectation.yaml")])
    expect(expectFailure(ended)).toBe(
      "aechannel: step 3 “Bob has 14 AE” (expect balances Bob 14 AE, line 11) failed: expected Bob's balance to be 14 AE (at Alice); came 13 AE.\n"
    )
    expect(ended.out).toContain(
      "  ! step 3 failed\n    expected Bob's balance to be 14 AE (at Alice)\n    came 13 AE\n"
    )
    expect(ended.out).not.toContain("4. shutdown")

    const { code, err, lines } = await run(["--json", example("wrong-expectation.yaml")])
    expect(code).toBe(1)
    expect(err).toBe(expectFailure(ended))
    expect(lines.at(-2)).toEqual({
      type: "step",
      step: "3",
      kind: "expect",
      name: "Bob has 14 AE",
      ok: false,
      expected: "Bob's balance to be 14 AE (at Alice)",
      came: "13 AE",
      error: {
        tag: "ExpectationError",
        message: expect.any(String),
        expected: "Bob's balance to be 14 AE (at Alice)",
        came: "13 AE"
      }
    })
    expect(lines.at(-1)).toEqual({
      type: "end",
      ok: false,
      steps: 3,
      failed: ["3"],
      problem: expect.stringContaining("step 3 “Bob has 14 AE”")
    })
  })

  it("a script over stdin", async () => {
    const ended = await run(["--json"], read("examples/stdin.jsonl"))
    expectSuccess(ended)
    expect(ended.lines.at(-1)).toEqual({ type: "end", ok: true, steps: 8, failed: [] })
    expect(events(ended.lines, "Bob", "proposal")[1]).toMatchObject({
      data: { from: "Alice", operation: "update", decision: "asked", after: "6000000000000000000" }
    })
  })

  it("--quiet leaves the conversation out", async () => {
    const ended = await run(["--quiet", example("race.yaml")])
    expectSuccess(ended)
    expect(ended.out).not.toContain("→")
    expect(ended.out).toContain("= 2.1.1 failed, as it was to: ConflictError with code 2")
  })
})

describe("another program drives a channel over stdin", () => {
  const [head = "", ...rest] = read("examples/stdin.jsonl").trim().split("\n")

  it("each step is done as it arrives, and its outcome is one line", async () => {
    const running = session(["--json", "-"])
    running.write(`${head}\n`)
    await running.next(({ type }) => type === "begin")
    for (const [index, step] of rest.entries()) {
      running.write(`${step}\n`)
      expect(await running.next((line) => line["step"] === String(index + 1))).toMatchObject({ ok: true })
    }
    running.end()
    expectSuccess(await running.ended)
  })

  it("YAML documents end with ---, JSON values with themselves", async () => {
    const running = session(["--json"])
    running.write("parties:\n  Alice: { role: initiator, deposit: 1 AE }\n")
    running.write("  Bob: { role: responder, deposit: 1 AE }\n---\nopen\n---\n")
    await running.next(({ kind, ok }) => kind === "open" && ok === true)
    running.write('# a note\n{\n  "transfer": {\n    "from": "Alice", "amount": 5\n  }\n}\n')
    expect(await running.next(({ kind }) => kind === "transfer")).toMatchObject({ step: "2", ok: true })
    running.write('[{"ping": "Bob"},\n{"message": {"from": "Bob", "text": "---"}}]\n')
    expect(await running.next(({ kind }) => kind === "message")).toMatchObject({ step: "4", ok: true })
    running.write('"ping"\n')
    expect(await running.next(({ kind, step }) => kind === "ping" && step === "5")).toMatchObject({
      ok: true
    })
    running.write("- expect: { at: Alice, message: --- }\n- balances: Bob\n")
    running.end()
    const ended = await running.ended
    expectSuccess(ended)
    expect(ended.lines.at(-2)).toMatchObject({
      step: "7",
      result: { Alice: "999999999999999995", Bob: "1000000000000000005" }
    })
  })

  it("ends at once when a step fails, also while stdin is open", async () => {
    const running = session([])
    running.write(`${head}\n{"open": {}}\n{"transfer": {"from": "Alice", "amount": "11 AE"}}\n`)
    const error = expectFailure(await running.ended)
    expect(error).toContain(
      "step 2 (transfer 11 AE from Alice, line 3) failed: expected success; came RejectedError"
    )
    expect(error).toContain("(1001 Insufficient balance)")
  })

  it("--keep-going tells and goes on; the exit code still says it", async () => {
    const steps = [
      '{"open": {}}',
      '{"transfr": {}}',
      '{"expect": {"round": 5}, "within": 20}',
      '{"ping": "Alice"}'
    ]
    const ended = await run(["--json", "--keep-going"], [head, ...steps].join("\n"))
    expect(expectFailure(ended)).toContain("2 of 4 steps failed: 2, 3.")
    expect(ended.lines.filter(({ type }) => type === "step")).toMatchObject([
      { step: "1", ok: true },
      { step: "2", ok: false, came: "there is no step “transfr”; did you mean transfer?" },
      { step: "3", ok: false, expected: "round 5 (at Alice)", came: "round 1" },
      { step: "4", ok: true }
    ])
    expect(ended.lines.at(-1)).toMatchObject({ type: "end", ok: false, steps: 4, failed: ["2", "3"] })
  })
})
