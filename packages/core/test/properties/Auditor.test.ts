/** The judge is judged: what happened in an honest run passes, and with one thing changed the right invariant speaks. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Ledger from "../../src/node/Ledger.js"
import * as Trees from "../../src/state/Trees.js"
import { options } from "../client/support/Parties.js"
import { networkId } from "../support/NodeUnderTest.js"
import * as TestCrypto from "../support/TestCrypto.js"
import { Auditor, type Invariant } from "./support/Auditor.js"
import { keyPairs, roles } from "./support/Doubles.js"
import type { Entry } from "./support/Journal.js"
import { cheat } from "./support/Cheat.js"
import { checkAgreement, checkReturned } from "./support/Checks.js"
import { System } from "./support/System.js"

/** An open channel, in which the initiator has paid 5 and the responder has given back 2. */
const honest = (): System => {
  const system = new System(0).open()
  system.transfer("initiator", "initiator", 5n)
  system.simulation.pass(100)
  system.transfer("responder", "responder", 2n)
  system.simulation.pass(100)
  return system
}

const entries: ReadonlyArray<Entry> = honest().journal.entries

const broken = (changed: ReadonlyArray<Entry>): ReadonlyArray<Invariant> => {
  const auditor = new Auditor(options("initiator"))
  for (const entry of changed) auditor.see(entry)
  return invariantsOf(auditor)
}

const invariantsOf = ({ violations }: Auditor): ReadonlyArray<Invariant> => [
  ...new Set(violations.map(({ invariant }) => invariant))
]

/** The same when the chain was as it is now from the beginning on. */
const brokenOn = (ledger: Ledger.Ledger, changed: ReadonlyArray<Entry>): ReadonlyArray<Invariant> => {
  const auditor = new Auditor(options("initiator"), ledger)
  for (const entry of changed) auditor.see(entry)
  return invariantsOf(auditor)
}

/** The initiator has brought in 3, and the responder has taken out 2. */
const moved = (): System => {
  const system = new System(0).open()
  system.move("initiator", "deposit", 3n)
  system.simulation.pass(100)
  system.move("responder", "withdraw", 2n)
  system.simulation.pass(100)
  return system
}

const without = (wrong: (entry: Entry) => boolean): ReadonlyArray<Entry> =>
  entries.filter((each) => !wrong(each))

const change = (how: (entry: Entry) => Entry): ReadonlyArray<Entry> => entries.map(how)

const isSignature = (entry: Entry, tag: string): boolean =>
  entry._tag === "Frame" && entry.direction === "out" && entry.text.includes(`"channels.${tag}"`)

/** The acknowledgement of the first transfer, and where it is. */
const acknowledgement = entries.findIndex((entry) => isSignature(entry, "update_ack"))

/** The same signature request, answered with something else. */
const answering = (text: string, how: (signedTx: SignedTx.SignedTx) => SignedTx.SignedTx): string =>
  text.replaceAll(
    /"(tx_[^"]*)"/g,
    (_, tx: string) => `"${SignedTx.toText(how(SignedTx.fromTextOrThrow(tx)))}"`
  )

const amended = (
  signedTx: SignedTx.SignedTx,
  changes: { readonly round?: number; readonly stateHash?: Uint8Array }
) => {
  const { tx } = signedTx
  if (tx._tag !== "ChannelOffchainTx") return signedTx
  return roles.reduce(
    (signed, role) => SignedTx.sign(signed, keyPairs[role], { networkId, crypto: TestCrypto.native }),
    SignedTx.unsigned({ ...tx, ...changes })
  )
}

const wrongTrees = Trees.encode(
  Trees.initial({ ...options("initiator"), initiatorAmount: 1n, pushAmount: 0n })
)

describe("the judge of the invariants", () => {
  it("finds nothing in an honest run", () => {
    expect(acknowledgement).toBeGreaterThan(0)
    expect(broken(entries)).toEqual([])
  })

  const cases: ReadonlyArray<readonly [Invariant, string, ReadonlyArray<Entry>]> = [
    [
      "I1",
      "trees in which money is missing",
      change((entry) =>
        entry._tag === "Written" && entry.record.round === 2
          ? { ...entry, record: { ...entry.record, trees: wrongTrees } }
          : entry
      )
    ],
    [
      "I1",
      "a debit below the reserve",
      change((entry) =>
        entry._tag === "SignerAsked"
          ? {
              ...entry,
              details: {
                ...entry.details,
                updates: entry.details.updates.map((update) =>
                  update._tag === "OffChainTransfer" ? { ...update, amount: 10n ** 19n } : update
                )
              }
            }
          : entry
      )
    ],
    [
      "I1",
      "balances that are told and are not those of the state",
      change((entry) =>
        entry._tag === "Happened" && entry.event._tag === "CoSigned"
          ? {
              ...entry,
              event: {
                ...entry.event,
                state: { ...entry.event.state, balances: { initiator: 1n, responder: 2n } }
              }
            }
          : entry
      )
    ],
    ["I2", "a policy that was not asked", without((entry) => entry._tag === "PolicyDecided")],
    ["I2", "a transfer that nobody called", without((entry) => entry._tag === "Called")],
    [
      "I2",
      "a decision that is not recorded",
      change((entry) =>
        entry._tag === "Written" ? { ...entry, record: { ...entry.record, intents: [] } } : entry
      )
    ],
    [
      "I4a",
      "a second body for a round",
      entries.flatMap((entry, index) =>
        index === acknowledgement && entry._tag === "Frame"
          ? [
              entry,
              {
                ...entry,
                text: answering(entry.text, (tx) => amended(tx, { stateHash: new Uint8Array(32).fill(7) }))
              }
            ]
          : [entry]
      )
    ],
    [
      "I5",
      "a signed round that leaves one out",
      change((entry) =>
        entry._tag === "Written"
          ? {
              ...entry,
              record: {
                ...entry.record,
                exposure: entry.record.exposure.map((each) => ({ ...each, round: each.round + 1 }))
              }
            }
          : entry
      )
    ],
    [
      "I5",
      "a node that leaves a round out",
      without(
        (entry) =>
          entry._tag === "Frame" && entry.direction === "in" && entry.text.includes('"channels.update"')
      ).concat(
        entries
          .filter((entry) => entry._tag === "Frame" && entry.text.includes('"channels.update"'))
          .slice(-1)
      )
    ],
    [
      "I6",
      "a signature for another network",
      change((entry) =>
        isSignature(entry, "update_ack") && entry._tag === "Frame"
          ? {
              ...entry,
              text: answering(entry.text, ({ tx }) =>
                SignedTx.sign(SignedTx.unsigned(tx), keyPairs[entry.role], {
                  networkId: "ae_mainnet",
                  crypto: TestCrypto.native
                })
              )
            }
          : entry
      )
    ],
    [
      "I6",
      "other bytes than were shown",
      change((entry) =>
        isSignature(entry, "update_ack") && entry._tag === "Frame"
          ? { ...entry, text: answering(entry.text, (tx) => amended(tx, { round: 3 })) }
          : entry
      )
    ],
    [
      "I6",
      "updates that do not lead to the state hash",
      change((entry) =>
        entry._tag === "SignerAsked" ? { ...entry, details: { ...entry.details, updates: [] } } : entry
      )
    ],
    [
      "I8",
      "an intent that is written too late",
      change((entry) =>
        entry._tag === "Written"
          ? { ...entry, record: { ...entry.record, intents: [], exposure: [] } }
          : entry
      )
    ],
    [
      "I8",
      "a signature that leaves before it is written",
      change((entry) =>
        entry._tag === "Written" ? { ...entry, record: { ...entry.record, exposure: [] } } : entry
      )
    ],
    [
      "I9",
      "a caller who is told before it is written",
      without((entry) => entry._tag === "Written" && entry.record.round === 2)
    ],
    [
      "I9",
      "a state with one signature",
      change((entry) => {
        if (entry._tag !== "Written" || entry.record.coSigned === undefined) return entry
        const { signatures, ...rest } = entry.record.coSigned
        return {
          ...entry,
          record: { ...entry.record, coSigned: { ...rest, signatures: signatures.slice(0, 1) } }
        }
      })
    ],
    [
      "I13",
      "a call that ends with a defect",
      change((entry) => (entry._tag === "Returned" ? { ...entry, exit: Exit.die("untyped") } : entry))
    ]
  ]
  for (const [invariant, name, changed] of cases)
    it(`${invariant}: finds ${name}`, () => expect(broken(changed)).toContain(invariant))

  it("I3: finds nothing where coins were moved, and a movement of other coins or before its time", () => {
    const { journal, ledger } = moved()
    const movements = journal.entries
    expect(movements.filter((each) => each._tag === "Returned" && each.request._tag === "Move")).toHaveLength(
      2
    )
    expect(brokenOn(ledger, movements)).toEqual([])
    expect(broken(movements)).toEqual(["I3"])
    const dearer = movements.map((entry): Entry => {
      if (entry._tag !== "SignerAsked") return entry
      const updates = entry.details.updates.map((update) =>
        update._tag === "OffChainDeposit" ? { ...update, amount: update.amount - 1n } : update
      )
      return { ...entry, details: { ...entry.details, updates } }
    })
    expect(brokenOn(ledger, dearer)).toContain("I3")
    const uncalled = movements.filter((entry) => entry._tag !== "Called" || entry.request._tag !== "Move")
    expect(brokenOn(ledger, uncalled)).toContain("I2")
  })

  it("I14: finds frames on the wrong session, and on one that is over", () => {
    const elsewhere = change((entry) =>
      entry._tag === "Frame" && entry.direction === "in" && entry.text.includes('"result"')
        ? { ...entry, session: entry.session === 1 ? 2 : 1 }
        : entry
    )
    expect(broken(elsewhere)).toContain("I14")
    const twice = entries.flatMap((entry) =>
      entry._tag === "Frame" && entry.direction === "in" && entry.text.includes('"result"')
        ? [entry, entry]
        : [entry]
    )
    expect(broken(twice)).toContain("I14")
    const last = entries.findLast((entry) => entry._tag === "Frame")
    if (last?._tag !== "Frame") throw new Error("nothing was said")
    const { role, session } = last
    expect(broken([...entries, { _tag: "Disconnected", role, session }, last])).toContain("I14")
  })

  /** The responder has closed with the first state, in a channel in which the initiator's client does nothing about it. */
  const cheated = (): System => {
    const system = new System(0, { lazy: "initiator" }).open()
    system.transfer("initiator", "initiator", 5n)
    system.simulation.pass(100)
    system.disconnect("responder", "cut")
    system.simulation.pass(100)
    cheat(system, "responder", 1)
    system.simulation.pass(100)
    system.looks()
    expect(system.auditor.violations).toEqual([])
    return system
  }

  it("I15: finds a signature that is asked of one who comes back to a channel that is being closed", () => {
    const { auditor, journal } = cheated()
    const request = journal.entries.find(
      (entry) => entry._tag === "Frame" && entry.direction === "in" && entry.text.includes("sign.update")
    )
    if (request?._tag !== "Frame") throw new Error("nothing was asked")
    auditor.see({ _tag: "Connected", role: request.role, session: 99, again: true })
    auditor.see({ ...request, session: 99 })
    expect(invariantsOf(auditor)).toEqual(["I15"])
  })

  it("I16: finds one who is there and lets a block come without an answer to an older state", () => {
    const system = cheated()
    const { auditor, simulation } = system
    const everybody = (): boolean => true
    auditor.rests(simulation.now, everybody)
    auditor.rests(simulation.now + 100, everybody)
    expect(auditor.violations).toEqual([])
    system.mine(1, false)
    simulation.rest()
    system.looks(false)
    auditor.rests(simulation.now + 200, everybody)
    expect(invariantsOf(auditor)).toEqual(["I16"])
    // Who came later has more time.
    const other = cheated()
    other.mine(1, false)
    other.simulation.rest()
    other.looks(false)
    other.auditor.rests(other.simulation.now, everybody)
    expect(other.auditor.violations).toEqual([])
  })

  it("I17: finds coins that come from nowhere, and accounts that have more than the transactions say", () => {
    const system = honest()
    system.auditor.look(Ledger.fund(system.ledger, keyPairs.initiator.address, 1n))
    expect(invariantsOf(system.auditor)).toEqual(["I17"])
    const { auditor, ledger } = cheated()
    const after = Ledger.fund(ledger, keyPairs.responder.address, 1n)
    auditor.look(after)
    expect(invariantsOf(auditor)).toEqual(["I17"])
  })

  it("I12: finds parties with different states, and one who is behind without having signed", () => {
    const system = honest()
    const { auditor } = system
    checkAgreement(system)
    expect(auditor.violations).toEqual([])
    const old = system.journal.entries.findLast(
      (entry) => entry._tag === "Written" && entry.role === "responder" && entry.record.round === 2
    )
    if (old?._tag !== "Written") throw new Error("there is no second round")
    system.disconnect("responder", "cut")
    system.simulation.rest()
    auditor.see({ ...old, record: { ...old.record, exposure: [] } })
    auditor.violations.length = 0
    checkAgreement(system)
    expect(auditor.violations).toMatchObject([{ invariant: "I12" }])
  })

  it("I12: lets one who has left be behind by what it has signed", () => {
    const system = honest()
    const { auditor } = system
    const signed = system.journal.entries.findLast(
      (entry) => entry._tag === "Written" && entry.role === "responder" && entry.record.round === 2
    )
    if (signed?._tag !== "Written") throw new Error("there is no second round")
    expect(signed.record.exposure.length).toBeGreaterThan(0)
    system.disconnect("responder", "cut")
    system.simulation.rest()
    auditor.see(signed)
    auditor.violations.length = 0
    checkAgreement(system)
    expect(auditor.violations).toEqual([])
  })

  it("I13: finds a call that does not return", () => {
    const system = honest()
    checkReturned(system, "at rest")
    expect(system.auditor.violations).toEqual([])
    system.ask("initiator", "nothing", Effect.never)
    system.simulation.rest()
    checkReturned(system, "at rest")
    expect(system.auditor.violations).toMatchObject([{ invariant: "I13" }])
  })
})
