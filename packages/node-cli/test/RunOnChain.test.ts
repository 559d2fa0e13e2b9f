/** Scripts whose transactions go on chain: coins in and out, disputes, forks, fees; on the embedded node and over HTTP. */
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { start } from "./cli.js"
import { example, expectFailure, expectSuccess, head, run, runHere, runTextHere, script } from "./run.js"

/** What is different in every run: keys, ids and hashes, and the length of proofs, which fees are for. */
const normalised = (out: string): string => {
  const seen = new Map<string, string>()
  return out
    .replaceAll(/(solo_tx.*; fee) 0\.0000\d+/g, "$1 0.0000…")
    .replaceAll(/\b(ak|ch|th|kh|mh)_\w+/g, (id, prefix: string) => {
      const known =
        seen.get(id) ?? `${prefix}_${[...seen.keys()].filter((key) => key.startsWith(prefix)).length + 1}`
      seen.set(id, known)
      return known
    })
}

describe("the shipped examples on the chain", () => {
  it.each(["deposit-withdraw", "dispute", "fees-options", "leave-return"])("%s", async (name) => {
    const ended = await run(["--quiet", example(`${name}.yaml`)])
    expectSuccess(ended)
    expect(normalised(ended.out)).toMatchSnapshot()
  })

  it("a dispute in words and as JSON", async () => {
    const told = await run([example("dispute.yaml")])
    expectSuccess(told)
    for (const passage of [
      "5. Bob begins to close alone with round 2\n",
      "    node  → Alice  on chain: can_slash, state (round 3, 2 signatures)\n",
      "    Alice → node   answer the older state on chain with our latest\n",
      "    Alice → node   signed slash_sign: slash (by Alice, fee 0.0000",
      "    node  → Alice  please sign settle_sign: settlement (13 AE and 7 AE paid out, by Alice, fee 0.00001698 AE; 0 signatures)\n",
      "  = closed; paid out: Alice 13 AE, Bob 7 AE; fee 0.00001698 AE\n"
    ])
      expect(told.out).toContain(passage)
    const { code, lines } = await runHere({ script: example("dispute.yaml"), json: true })
    expect(code).toBe(0)
    const events = lines.filter(({ type }) => type === "event")
    const ofAlice = events.filter(({ party }) => party === "Alice").map(({ event }) => event)
    for (const name of ["can_slash", "solo_closing", "channel_closed"]) expect(ofAlice).toContain(name)
    expect(events.find(({ event }) => event === "channel_closed")).toMatchObject({
      data: { type: "channel_settle_tx", txHash: expect.stringMatching(/^th_/) }
    })
    expect(lines.find(({ kind }) => kind === "closeSolo")).toMatchObject({
      result: {
        type: "channel_close_solo_tx",
        txHash: expect.stringMatching(/^th_/),
        fee: expect.stringMatching(/^\d+$/)
      }
    })
    expect(lines.find(({ kind }) => kind === "settle")).toMatchObject({
      result: {
        confirmed: true,
        fee: "16980000000000",
        balances: { Alice: "13000000000000000000", Bob: "7000000000000000000" }
      }
    })
  })
})

/** Steps after `open` that do what they say. */
const working: ReadonlyArray<readonly [name: string, steps: string]> = [
  [
    "an older state on chain, and a newer one over it",
    `- transfer: { from: Alice, amount: 1 AE }
- transfer: { from: Alice, amount: 1 AE }
- snapshot: { party: Alice, round: 2 }
- expect: { at: Bob, event: channel_changed, with: { type: channel_snapshot_solo_tx } }
- expect: { channel: { state: active, round: 2, amount: 20 AE } }
- snapshot: Bob
- expect: { channel: { round: 3 } }
`
  ],
  [
    "a closing alone with the latest state, and a settlement that waits for its time",
    `- transfer: { from: Bob, amount: 4 AE }
- closeSolo: { party: Bob, gasPrice: 2000000000 }
  as: closing
- expect: { at: Alice, event: solo_closing, with: { txHash: "\${closing.txHash}" } }
- parallel:
    - settle: { party: Bob, nonce: 2, fee: 0.0001 AE }
    - mine: 11
- expect: { channel: gone, status: closed, onChain: { Alice: { atLeast: 103.99 AE } } }
`
  ],
  [
    "closing together while one closes alone",
    `- transfer: { from: Bob, amount: 4 AE }
- closeSolo: Bob
- expect: { status: closing }
- shutdown: Alice
- expect: { channel: gone }
`
  ],
  [
    "deposits on both sides, declined and accepted",
    `- policy: { party: Alice, ask: true }
- parallel:
    - deposit: { party: Bob, amount: 2 AE, meta: [rent] }
      fails: { tag: UserDefinedError, code: 200, endedBy: peer }
    - - expect: { at: Alice, event: proposal, with: { operation: deposit, from: Bob, before: "10000000000000000000", after: "10000000000000000000" } }
      - answer: { party: Alice, decline: 200 }
- policy: { party: Alice, accept: true }
- deposit: { party: Bob, amount: 2 AE }
- expect: { round: 2, balance: { Bob: 12 AE }, channel: { amount: 22 AE } }
`
  ],
  [
    "the log",
    `- history: { party: Bob, n: 50, types: rpt, tags: [info, update] }
  as: log
- set: { newest: "\${log.entries.0.type} \${log.entries.0.tag}" }
- history: { n: 0 }
- history: Alice
`
  ],
  [
    "a fork that brings the transactions back, and one that does not",
    `- transfer: { from: Alice, amount: 1 AE }
- snapshot: Alice
- fork: 1
- expect: { channel: { round: 2 } }
- fork: { keyBlocks: 6 }
- expect: { channel: { round: 2 } }
- fork: { keyBlocks: 6, returnTransactions: false }
- expect: { channel: { round: 1 } }
- fork: 1000
  fails: { tag: ChainError, reason: not_enough_blocks }
`
  ]
]

describe("steps on the chain", () => {
  it.each(working)("%s", async (_, steps) => expectSuccess(await runTextHere(script(steps))))

  it("a transaction that is taken as deep enough", async () => {
    const ended = await runTextHere(`node: { mining: { keyBlocksAfter: 0 } }
${head}steps:
  - parallel:
      - open
      - - expect: { at: Alice, event: on_chain.channel_changed }
          as: seen
        - assumeDepth: { party: Alice, txHash: "\${seen.data.txHash}" }
        - expect: { at: Bob, event: on_chain.channel_changed }
        - assumeDepth: { party: Bob, txHash: "\${seen.data.txHash}" }
  - expect: { status: open }
`)
    expectSuccess(ended)
  })

  it("a client without an answer of its own leaves the slash to its user", async () => {
    const ended = await runTextHere(`${head}terms: { autoSlash: false }
steps:
  - open
  - transfer: { from: Alice, amount: 2 AE }
  - transfer: { from: Bob, amount: 5 AE }
  - closeSolo: { party: Bob, round: 2, fee: 0.01 AE }
  - expect: { at: Alice, event: can_slash }
  - expect: { at: Alice, event: solo_closing }
    within: 100 ms
    fails: ExpectationError
  - expect: { channel: { state: closing, round: 2 } }
  - slash: Alice
    as: answer
  - expect: { channel: { round: 3 } }
  - note: "\${answer.type}"
`)
    expectSuccess(ended)
    expect(ended.out).toContain(
      "8. Alice answers with its latest state\n  = channel_slash_tx is on chain; fee "
    )
  })

  it("memory on disk: a file for each party, for its owner only", async () => {
    const directory = join(mkdtempSync(join(tmpdir(), "aechannel-store-")), "deep", "er")
    const ended = await runTextHere(`store: { directory: ${directory} }
${script("- transfer: { from: Alice, amount: 1 AE }\n")}`)
    expectSuccess(ended)
    expect(readdirSync(directory).filter((name) => name.endsWith(".store"))).toEqual([
      "Alice.store",
      "Bob.store"
    ])
    for (const name of ["Alice.store", "Bob.store"])
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600)
    expect(statSync(directory).mode & 0o777).toBe(0o700)
  })
})

/** Steps after `open` that do not do what they say. */
const failing: ReadonlyArray<readonly [name: string, steps: string, said: string]> = [
  [
    "a state on chain",
    "- expect: { channel: closing }\n  within: 20 ms\n",
    "step 2 (expect the channel closing on chain, line 6) failed: expected the channel to be closing on chain; came active."
  ],
  [
    "an amount on chain",
    "- expect: { channel: { amount: { atLeast: 21 AE } } }\n  within: 20 ms\n",
    "expected the channel to hold at least 21 AE on chain; came 20 AE."
  ],
  [
    "a round on chain",
    "- shutdown\n- expect: { channel: { round: 2 } }\n  within: 20 ms\n",
    "expected round 2 on chain; came no channel."
  ],
  [
    "a word that says nothing about a channel",
    "- expect: { channel: closed }\n",
    "channel: expected active, closing or gone, or an object of facts; came “closed”."
  ],
  [
    "facts of a channel that there are not",
    "- expect: { channel: { height: 2 } }\n",
    "channel.height: is not known here; known are state, amount, round."
  ],
  [
    "a state that the party does not have",
    "- closeSolo: { party: Bob, round: 7 }\n",
    "ImpossibleError: Bob has no state of round 7; there are 1."
  ],
  [
    "a transaction that the mempool refuses",
    "- closeSolo: { party: Bob, round: 1, fee: 1 }\n",
    "ChainError: the mempool refuses channel_close_solo_tx: too_low_fee."
  ],
  [
    "a deposit of what one does not have",
    "- deposit: { party: Bob, amount: 91 AE }\n",
    "came RejectedError: The node refused deposit"
  ],
  [
    "a withdrawal of what one does not have",
    "- withdraw: { party: Bob, amount: 11 AE }\n",
    "came RejectedError: The node refused withdraw"
  ],
  [
    "a hash of another kind",
    "- transfer: { from: Alice, amount: 1, blockHash: th_1 }\n",
    "blockHash: expected a block's hash (kh_… or mh_…); came “th_1”."
  ],
  [
    "kinds of entries that there are not",
    "- history: { types: [rpt, all] }\n",
    'types: expected rpt, rcv, snd or req, or a list of these; came ["rpt","all"].'
  ],
  ["a settlement of an open channel", "- settle: Alice\n", "came RejectedError: The node refused settle"]
]

describe("steps on the chain that do not do what the script says", () => {
  it.each(failing)("%s", async (_, steps, said) =>
    expect(expectFailure(await runTextHere(script(steps)))).toContain(said)
  )

  it("a store that cannot be one", async () => {
    const directory = mkdtempSync(join(tmpdir(), "aechannel-store-"))
    writeFileSync(join(directory, "Alice.store"), "no store")
    const said = (place: string) =>
      runTextHere(`store: { directory: ${place} }\n${script("- ping: Alice\n")}`)
    expect(expectFailure(await said(directory))).toContain(
      `${join(directory, "Alice.store")} cannot be used as a store: `
    )
    expect(expectFailure(await said(join(directory, "Alice.store", "x")))).toContain(
      "cannot make the store's directory "
    )
    expect(expectFailure(await runTextHere(`store: disk\n${head}`))).toContain(
      "the head: store: expected memory or { directory: PATH }; came “disk”"
    )
  })
})

describe("on a node elsewhere", () => {
  it("the chain's facts and transactions go over HTTP; forks do not", async () => {
    const folder = mkdtempSync(join(tmpdir(), "aechannel-http-"))
    const config = join(folder, "node.json")
    const node = start("node", "--port", "0", "--channel-port", "0", "--config-out", config)
    await node.line(/^Ready/m)
    const { channelUrl, httpUrl } = JSON.parse(readFileSync(config, "utf8"))
    const file = join(folder, "script.yaml")
    writeFileSync(
      file,
      readFileSync(example("dispute.yaml"), "utf8")
        .replace(
          "Alice: { atLeast: 102.99 AE, atMost: 103 AE }",
          "Alice: { atLeast: 1002.99 AE, atMost: 1003 AE }"
        )
        .replace("Bob: { atLeast: 96.99 AE, atMost: 97 AE }", "Bob: { atLeast: 996.99 AE, atMost: 997 AE }")
    )
    const where = { url: channelUrl, httpUrl, networkId: "ae_dev", keyFiles: [config] }
    expectSuccess(await runHere({ script: file, ...where }))
    writeFileSync(
      file,
      script(`- transfer: { from: Alice, amount: 1 AE, blockHash: "\${keyBlock}" }
- snapshot: { party: Bob, round: 2, fee: 1 }
  fails: { tag: ChainError, reason: too_low_fee }
- fork: 1
`)
    )
    expect(expectFailure(await runHere({ script: file, ...where }))).toContain(
      "ImpossibleError: only the node inside the run can drop blocks"
    )
    node.process.kill("SIGINT")
    await node.ended
  })
})
