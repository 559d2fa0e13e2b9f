/** What goes wrong in a run is told in one paragraph: where, what was expected, what came. One test for each kind. */
import { readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { start } from "./cli.js"
import {
  expectFailure,
  expectSuccess,
  folder,
  head,
  run,
  runHere,
  runTextHere,
  script,
  session
} from "./run.js"

const cwd = folder()
const file = (name: string, text: string): string => {
  writeFileSync(join(cwd, name), text)
  return join(cwd, name)
}

/** Texts of scripts that cannot be understood, and what is said; nothing of them is done. */
const misunderstood: ReadonlyArray<readonly [name: string, text: string, said: string | RegExp]> = [
  ["an empty script", "# nothing\n", "it is empty: a script begins with its parties"],
  ["no YAML", `${head}steps: [open\n`, /line 4: this is neither YAML nor JSON: .*flow/i],
  ["a key twice", `${head}${head}`, /line 4: this is neither YAML nor JSON: .*unique/i],
  ["steps without a head", "- open\n", "the head: a script begins with an object that has parties"],
  [
    "an unknown field of the head",
    `${head}step: []\n`,
    "the head: step: is not known here; known are title, node, store, parties, terms, steps"
  ],
  [
    "a wrong amount",
    head.replace("10 AE }", "ten }"),
    "line 2: the head: parties.Alice.deposit: expected an amount such as “10 AE” or a whole number of aettos; came “ten”"
  ],
  [
    "a missing field",
    head.replace(", deposit: 10 AE", ""),
    "line 2: the head: parties.Alice.deposit: is missing"
  ],
  ["two initiators", head.replace("responder", "initiator"), "parties: expected one initiator; came 2"],
  ["steps that are none", `${head}steps: open\n`, "the steps: steps: expected a list of steps; came “open”."],
  [
    "an unknown step",
    script("- transfr: { from: Alice }\n"),
    "line 6: step 2: there is no step “transfr”; did you mean transfer?"
  ],
  ["no step at all", script("- 5\n"), "step 2: expected a step such as { transfer: { … } }; came 5"],
  [
    "two steps in one",
    script("- { ping: Alice, leave: Alice }\n"),
    "expected one kind of step; came ping and leave"
  ],
  [
    "an unknown party",
    script("- transfer: { from: Carol, amount: 1 AE }\n"),
    "line 6: step 2 (transfer): from: expected Alice or Bob; came “Carol”. What it takes: pay:"
  ],
  [
    "a missing and an unknown field",
    script("- transfer: { from: Alice, amout: 1 AE }\n"),
    /amout: is not known here; known are from, to, amount, meta, blockHash, by; amount: is missing\./
  ],
  [
    "more than one answer",
    script("- policy: { party: Bob, accept: true, decline: 4 }\n"),
    "one of accept, ask, decline"
  ],
  [
    "an event that is none",
    script("- expect: { at: Bob, event: opened }\n"),
    "event: expected an event's name"
  ],
  ["whose event", script("- expect: { event: open }\n"), "at, which says whose events are meant"],
  [
    "a failure that is none",
    script("- ping: Alice\n  fails: { tag: Conflict }\n"),
    "step 2 (ping): fails.tag: expected an error's tag such as ConflictError; came “Conflict”"
  ],
  [
    "a wrong step in a branch",
    script("- parallel:\n    - ping: Alice\n    - - ping: Bob\n      - wait: soon\n"),
    "line 9: step 2.2.2 (wait): for: expected a duration such as “200 ms” or “2 s”; came “soon”"
  ],
  [
    "a key in the script",
    head.replace("deposit: 10 AE", `deposit: 10 AE, key: sk_${"1".repeat(40)}`),
    "key: expected generated, file or { env: NAME }; came what looks like a secret key"
  ]
]

describe("scripts that cannot be understood", () => {
  it.each(misunderstood)("%s", async (_, text, said) => {
    const ended = await runTextHere(text)
    const error = expectFailure(ended)
    if (typeof said === "string") expect(error).toContain(said)
    else expect(error).toMatch(said)
    expect(ended.out).toBe("")
    expect(error).not.toContain("sk_1")
  })

  it("is said in JSON too", async () => {
    const { lines } = await runTextHere(script("- nap\n"), { json: true })
    expect(lines).toEqual([
      {
        type: "end",
        ok: false,
        steps: 0,
        failed: [],
        problem: expect.stringContaining("step 2: there is no step “nap”")
      }
    ])
  })
})

/** Steps after `open` that do not do what they say: expected and came. */
const failing: ReadonlyArray<readonly [name: string, steps: string, said: string]> = [
  [
    "fails unexpectedly",
    "- transfer: { from: Alice, amount: 11 AE }\n",
    "step 2 (transfer 11 AE from Alice, line 6) failed: expected success; came RejectedError: The node refused transfer: 3 Rejected (1001 Insufficient balance)."
  ],
  [
    "does not fail",
    "- transfer: { from: Alice, amount: 1 AE }\n  fails: { code: 2 }\n",
    "expected a failure with code 2; came success: round 2: Alice 9 AE, Bob 11 AE."
  ],
  [
    "fails otherwise",
    "- transfer: { from: Alice, amount: 11 AE }\n  fails: { tag: ConflictError, code: 2 }\n",
    "expected ConflictError with code 2; came RejectedError with code 3, operation transfer, reason Rejected, data 1001: The node refused"
  ],
  [
    "a balance",
    "- expect: { balance: { Alice: 9 AE } }\n  within: 20 ms\n",
    "expected Alice's balance to be 9 AE (at Alice); came 10 AE."
  ],
  [
    "a balance within bounds",
    "- expect: { balance: { Bob: { atLeast: 11 AE } } }\n  within: 20 ms\n",
    "expected Bob's balance to be at least 11 AE (at Alice); came 10 AE."
  ],
  [
    "a balance on chain",
    "- expect: { onChain: { Bob: 100 AE } }\n  within: 20 ms\n",
    "expected Bob to have 100 AE on chain; came 90 AE."
  ],
  [
    "a round",
    "- expect: { at: Bob, round: 7 }\n  within: 20 ms\n",
    "expected round 7 (at Bob); came round 1."
  ],
  [
    "a status",
    "- expect: { status: closed }\n  within: 20 ms\n",
    "expected Alice's channel to be closed; came open."
  ],
  [
    "an event",
    "- expect: { at: Bob, event: closing }\n  within: 20 ms\n",
    "expected Bob to get the event closing; came nothing like it; Bob's events that no step expected: "
  ],
  [
    "an event's facts",
    "- expect: { at: Bob, event: co_signed, with: { round: 2 } }\n  within: 20 ms\n",
    'expected Bob to get the event co_signed with {"round":2}; came co_signed {"channelId":'
  ],
  [
    "a message",
    "- message: { from: Alice, text: hi }\n- expect: { at: Bob, message: ho }\n  within: 20 ms\n",
    'expected Bob to get the message “ho”; came message {"from":"Alice","to":"Bob","text":"hi"}.'
  ],
  [
    "an error",
    "- expect: { at: Bob, error: { code: 2 } }\n  within: 20 ms\n",
    "expected Bob to get a failure with code 2; came nothing like it"
  ],
  [
    "a step that takes too long",
    "- signer: { party: Bob, hold: true }\n- transfer: { from: Alice, amount: 1 }\n  within: 50 ms\n",
    "expected success; came TooSlowError: it was not done within 50 ms."
  ],
  [
    "an answer to nothing",
    "- answer: { party: Bob, accept: true }\n  within: 50 ms\n",
    "TooSlowError: it was not done within 50 ms"
  ],
  [
    "blocks that do not come",
    "- wait: { blocks: 1 }\n  within: 50 ms\n",
    "expected 1 blocks within 50 ms; came 0."
  ],
  [
    "opening twice",
    "- open\n",
    "ImpossibleError: Alice has a connection already; leave, shut down or disconnect first."
  ],
  [
    "an unknown variable",
    '- message: { from: Alice, text: "${paid.round}" }\n',
    "expected a variable for ${paid.round}: channelId, round, networkId, height, keyBlock, Alice.address"
  ],
  [
    "a variable of the wrong kind",
    '- set: { much: a lot }\n- transfer: { from: Alice, amount: "${much}" }\n',
    "came amount: expected an amount such as “10 AE” or a whole number of aettos; came “a lot”."
  ],
  [
    "a step of a branch",
    "- parallel:\n    - ping: Alice\n    - - expect: { round: 3 }\n        within: 20 ms\n",
    "step 2.2.1 (expect round 3, line 8) failed: expected round 3 (at Alice); came round 1."
  ],
  [
    "a signer that refuses",
    "- signer: { party: Alice, refuse: true }\n- transfer: { from: Alice, amount: 1 }\n",
    "came SignerError: transfer: the signer refused"
  ],
  [
    "a channel that is over",
    "- disconnect: Alice\n- transfer: { from: Alice, amount: 1 }\n",
    "came TransportError: transfer: "
  ]
]

describe("steps that do not do what the script says", () => {
  it.each(failing)("%s", async (_, steps, said) => {
    const ended = await runTextHere(script(steps))
    expect(expectFailure(ended)).toContain(said)
    expect(ended.out).toMatch(/! step [\d.]+ failed\n +expected .+\n +came .+/)
  })

  it("steps before the opening", async () => {
    const error = expectFailure(
      await runTextHere(`${head}steps:\n  - transfer: { from: Alice, amount: 1 }\n`)
    )
    expect(error).toContain("ImpossibleError: Alice has no connection yet; an open step comes first.")
  })

  it("an opening that the node refuses", async () => {
    const error = expectFailure(await runTextHere(`${head}terms: { reserve: 11 AE }\nsteps: [open]\n`))
    expect(error).toContain(
      "expected success; came RejectedError: The node refused open: 3 Rejected (105 Value too low)"
    )
  })
})

describe("runs that cannot begin", () => {
  const plain = file("plain.yaml", script("- ping: Alice\n"))
  const address = "ak_2pQnkRmMsUs6zNfwWMYuHxVvq4BV58rtQuaiu9ua8z7qoKRBua"
  const withKeys = (...keyFiles: ReadonlyArray<string>) => ({ script: plain, keyFiles })
  const cases: ReadonlyArray<readonly [name: string, args: Parameters<typeof runHere>[0], said: string]> = [
    ["no such script", { script: join(cwd, "nowhere.yaml") }, "cannot read the script"],
    ["no network id", { script: plain, url: "ws://127.0.0.1:1/channel" }, "--url needs the network's id"],
    ["no such key file", withKeys(join(cwd, "nowhere")), "cannot read the key file"],
    ["a key file without keys", withKeys(file("empty.json", "{}")), "holds no key: expected one sk_… text"],
    ["a key file that is no JSON", withKeys(file("broken.json", "{sk_secret")), "is no JSON: "],
    ["a key that is none", withKeys(file("wrong.json", '{"Alice":"sk_secret"}')), "the key of Alice in "],
    [
      "a party without a key",
      withKeys(`Alice=${file("a.key", "0".repeat(64))}`),
      "there is no key of Bob in"
    ],
    [
      "two keys for one party",
      withKeys(`Alice=${file("two.json", JSON.stringify({ accounts: ["sk_secret", "sk_secret"] }))}`),
      "is to hold one key, that of Alice"
    ],
    [
      "a key that the environment does not have",
      { script: file("env.yaml", head.replace("10 AE }", "10 AE, key: { env: NO_SUCH_KEY } }")) },
      "the environment has no NO_SUCH_KEY, which is to hold the key of Alice"
    ],
    [
      "a key that the script wants from a file",
      { script: file("key.yaml", head.replace("10 AE }", "10 AE, key: file }")) },
      "the script wants the key of Alice from a file: name it with --key-file"
    ],
    [
      "an address without a key",
      { script: file("address.yaml", head.replace("10 AE }", `10 AE, address: ${address} }`)) },
      "Alice has an address but no key"
    ],
    [
      "a key of somebody else",
      {
        script: file("other.yaml", head.replace("10 AE }", `10 AE, address: ${address} }`)),
        keyFiles: [file("both.json", JSON.stringify({ Alice: "1".repeat(64), Bob: "2".repeat(64) }))]
      },
      `but the script says ${address}`
    ],
    [
      "a remote party without a node",
      {
        script: file(
          "remote.yaml",
          head.replace("responder,", `responder, remote: true, address: ${address},`)
        )
      },
      "say which node with --url"
    ]
  ]

  it.each(cases)("%s", async (_, args, said) => {
    const ended = await runHere(args)
    const error = expectFailure(ended)
    expect(error).toContain(said)
    expect(error).not.toContain("sk_secret")
    expect(ended.out).toBe("")
  })

  const nowhere = { url: "ws://127.0.0.1:1/channel", networkId: "ae_dev" }

  it("nobody at the URL", async () => {
    const error = expectFailure(await runHere({ script: plain, ...nowhere }))
    expect(error).toContain(
      "came TransportError: connect: nothing listens at ws://127.0.0.1:1/channel (ECONNREFUSED)."
    )
  })

  it("nothing at the HTTP URL, and none given", async () => {
    const chain = { script: file("chain.yaml", `${head}steps: [mine]\n`), ...nowhere }
    expect(expectFailure(await runHere(chain))).toContain(
      "needs the node's HTTP API: say where it is with --http-url"
    )
    expect(expectFailure(await runHere({ ...chain, httpUrl: "http://127.0.0.1:1" }))).toContain(
      "ChainError: no answer from http://127.0.0.1:1: check --http-url"
    )
    const server = createServer((_, response) => response.writeHead(404).end("{}"))
    const port = await new Promise<number>((resolve) =>
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resolve(typeof address === "object" && address !== null ? address.port : 0)
      })
    )
    expect(expectFailure(await runHere({ ...chain, httpUrl: `http://127.0.0.1:${port}` }))).toContain(
      "answered HTTP 404: only `aechannel node` makes blocks on demand"
    )
    server.close()
  })

  it("the command line says it on stderr and ends with 1", async () => {
    const ended = await run([join(cwd, "nowhere.yaml")])
    expect(expectFailure(ended)).toMatch(/^aechannel: cannot read the script .*nowhere\.yaml: /)
    expect(ended.out).toBe("")
  })
})

describe("keys", () => {
  it("come from the environment and from files, and are never shown", async () => {
    const keys = ["1".repeat(64), "2".repeat(64)] as const
    const text = script("- transfer: { from: Alice, amount: 1 AE }\n- shutdown\n").replace(
      "10 AE }",
      "10 AE, key: { env: ALICE_KEY } }"
    )
    const args = [file("keys.yaml", text), "--key-file", `Bob=${file("b.key", `${keys[1]}\n`)}`]
    const first = await run(args, "", { env: { ALICE_KEY: keys[0] } })
    const second = await run([...args, "--json"], "", { env: { ALICE_KEY: keys[0] } })
    for (const ended of [first, second]) {
      expectSuccess(ended)
      for (const key of keys) expect(ended.out).not.toContain(key)
      expect(ended.out).not.toContain("sk_")
    }
    const addresses = [...first.out.matchAll(/is (ak_\w+)/g)].map(([, address]) => address)
    expect(second.lines[0]).toMatchObject({ parties: addresses.map((address) => ({ address })) })
  })

  it("two runs against one node, each with one party", async () => {
    const config = join(cwd, "node.json")
    const node = start("node", "--port", "0", "--channel-port", "0", "--config-out", config)
    const [, url = ""] = await node.line(/^Channels: +(\S+)$/m)
    await node.line(/^Ready/m)
    const { accounts } = JSON.parse(readFileSync(config, "utf8"))
    const [alice, bob] = accounts
    const party = (name: string, role: string, address?: string) =>
      `  ${name}: { role: ${role}, deposit: 1 AE${address === undefined ? "" : `, remote: true, address: ${address}`} }\n`
    const left = file(
      "left.yaml",
      `parties:\n${party("Alice", "initiator")}${party("Bob", "responder", bob.address)}steps:\n  - open\n  - transfer: { from: Alice, amount: 0.25 AE }\n  - expect: { message: thanks, balance: { Bob: 1.25 AE } }\n    within: 20 s\n  - shutdown\n`
    )
    const right = file(
      "right.yaml",
      `parties:\n${party("Alice", "initiator", alice.address)}${party("Bob", "responder")}steps:\n  - policy: { party: Bob, ask: true }\n  - open\n  - answer: { party: Bob, accept: true }\n    within: 20 s\n  - expect: { round: 2 }\n  - message: { from: Bob, text: thanks }\n  - answer: { party: Bob, accept: true }\n    within: 20 s\n  - expect: { status: closed }\n    within: 20 s\n`
    )
    const options = ["--url", url, "--network-id", "ae_dev", "--key-file"]
    const ended = await Promise.all([
      run([left, ...options, file("left.key", alice.secretKey)]),
      run([right, ...options, `Bob=${file("right.key", bob.secretKey)}`])
    ])
    node.process.kill("SIGINT")
    await node.ended
    for (const each of ended) expectSuccess(each)
    expect(ended[1]?.out).toContain("Alice, the initiator, is")
    expect(ended[1]?.out).toContain("(driven by somebody else)")
  })
})

it("a run that is stopped by its user says so", async () => {
  const running = session(["--json", file("long.yaml", script("- wait: 1 min\n"))])
  await running.next(({ kind }) => kind === "open")
  running.process.kill("SIGINT")
  const { lines } = await running.ended
  expect(lines.at(-1)).toMatchObject({ type: "end", ok: false, problem: "interrupted" })
})
