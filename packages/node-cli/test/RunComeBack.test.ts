/** Scripts in which parties lose their connections, leave, and come back. */
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { expectFailure, expectSuccess, head, runTextHere, script } from "./run.js"

describe("coming back", () => {
  it("an automatic return, and operations after it", async () => {
    const { lines, ...ended } = await runTextHere(
      `terms: { reconnect: 20 ms }
${script(`- cut: Alice
- cut: Bob
- expect: { at: Alice, event: reconnected, with: { isNewMachine: false, round: 1 } }
- expect: { at: Bob, event: reconnected }
- transfer: { from: Bob, amount: 1 AE }
- reconnect: Bob
- deposit: { party: Alice, amount: 1 AE }
- expect: { round: 3, status: open }
`)}`,
      { json: true }
    )
    expectSuccess({ lines, ...ended })
    const told = lines
      .filter(({ type, party }) => type === "event" && party === "Alice")
      .map(({ event }) => event)
    expect(told.indexOf("disconnected")).toBeGreaterThan(0)
    expect(told.indexOf("reconnected")).toBeGreaterThan(told.indexOf("disconnected"))
  })

  it("without it the client is over, and another comes back in its place", async () =>
    expectSuccess(
      await runTextHere(
        script(`- cut: Alice
- expect: { at: Alice, status: ended }
- transfer: { from: Alice, amount: 1 AE }
  fails: { tag: TransportError, reason: connection_lost }
- resume: Alice
- transfer: { from: Alice, amount: 1 AE }
- expect: { round: 2 }
`)
      )
    ))

  it("both are away while one side's proposal is half signed: it is called off", async () =>
    expectSuccess(
      await runTextHere(
        script(`- signer: { party: Bob, hold: true }
- parallel:
    - transfer: { from: Alice, amount: 1 AE }
      fails: true
    - - expect: { at: Bob, event: signature_asked, with: { round: 2 } }
      - disconnect: Alice
- disconnect: Bob
- signer: { party: Bob, sign: true }
- resume
- transfer: { from: Alice, amount: 2 AE }
- expect: { status: open, balance: { Alice: { atMost: 8 AE } } }
`)
      )
    ))

  it("memory on disk outlives the client, not the embedded node", async () => {
    const directory = mkdtempSync(join(tmpdir(), "aechannel-store-"))
    const store = `store: { directory: ${directory} }\n`
    expectSuccess(
      await runTextHere(
        `${store}${script("- transfer: { from: Alice, amount: 1 AE }\n- leave: Alice\n- disconnect: Bob\n- resume\n- expect: { round: 2 }\n")}`
      )
    )
    const file = (steps: string) => runTextHere(`${store}${head}steps:\n${steps}`)
    // Keys are made up for each run: nobody of the next one is who left the record.
    expect(expectFailure(await file("  - resume: Alice\n"))).toContain("SignerError: resume: ")
  })
})

/** Steps after `open` that do not do what they say. */
const failing: ReadonlyArray<readonly [name: string, steps: string, said: string]> = [
  [
    "coming back while one is there",
    "- resume\n",
    "ImpossibleError: nobody is away: leave or disconnect first."
  ],
  [
    "one who is there",
    "- resume: Bob\n",
    "ImpossibleError: Bob has a connection already; leave, shut down or disconnect first."
  ],
  [
    "a channel that the store does not have",
    "- disconnect: Bob\n- resume: { party: Bob, channel: ch_2aQa9uAdedV4cyoLitVsNVaT65pQo9UCLMsQ1gH4EafhpHdZq9 }\n",
    "came StoreError: "
  ],
  [
    "no channel's id",
    "- resume: { party: Bob, channel: 7 }\n",
    "channel: expected a channel's id (ch_…); came 7."
  ],
  [
    "terms that are known",
    "- resume: { party: Bob, reserve: 1 AE }\n",
    "reserve: is not known here; known are party, channel, host, port, ttl, maximumFee, requestTimeout, chainTimeout, autoSlash, reconnect."
  ],
  ["a channel that is closed", "- shutdown\n- resume: Alice\n", "came TransportError: "]
]

describe("returns that do not do what the script says", () => {
  it.each(failing)("%s", async (_, steps, said) =>
    expect(expectFailure(await runTextHere(script(steps)))).toContain(said)
  )

  it("before there was a channel", async () =>
    expect(expectFailure(await runTextHere(`${head}steps:\n  - resume: Alice\n`))).toContain(
      "ImpossibleError: Alice has no channel to come back to: its store is empty."
    ))
})
