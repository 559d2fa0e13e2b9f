/** Bad answers to signing requests: what is sent instead of the signed transaction, and what becomes of it. */
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Transaction from "@aechannel/core/chain/Transaction"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import type * as Json from "@aechannel/core/encoding/Json"
import { other } from "../../../../core/test/support/NodeUnderTest.js"
import type { Party } from "./Party.js"

/** What the one that is asked may answer with: the request's transaction, and the parties. */
export interface Asked {
  readonly party: Party
  readonly peer: Party
  readonly signedTx: SignedTx.SignedTx
}

/**
 * What becomes of the operation. `waits`: the node still waits, and a good signature is taken; `ended`: both are back
 * at the last co-signed state.
 */
export type Fate = "waits" | "ended"

export interface SignatureRow {
  readonly name: string
  readonly params: (asked: Asked) => Json.Json
  /** The method of the answer, if it is not that of the request. */
  readonly method?: string
  /** Frames to the one that answers (with the answer's id) and to the peer, in short. */
  readonly own: ReadonlyArray<string>
  readonly peer: ReadonlyArray<string>
  readonly fate: Fate
}

const text = (signedTx: SignedTx.SignedTx): Json.Json => ({ signed_tx: SignedTx.toText(signedTx) })

const raw = (bytes: Uint8Array): Json.Json => ({ signed_tx: ApiEncoding.encode("tx", bytes) })

const good = ({ party, signedTx }: Asked): SignedTx.SignedTx => party.signed(signedTx)

const ok = 'result "ok"'

/** The same transaction with some fields changed, signed by those who have signed, and by the one that is asked. */
const altered = (
  { party, peer, signedTx }: Asked,
  change: (tx: Transaction.Transaction) => Transaction.Transaction
) => {
  const body = SignedTx.unsigned(change(signedTx.tx))
  return party.signed(signedTx.signatures.length === 0 ? body : peer.signed(body))
}

const flipped = (signature: Uint8Array): Uint8Array =>
  signature.map((byte, index) => (index === 40 ? byte ^ 1 : byte))

const withSignatures = (
  signedTx: SignedTx.SignedTx,
  signatures: ReadonlyArray<Uint8Array>
): SignedTx.SignedTx => signatures.reduce(SignedTx.addSignature, SignedTx.unsigned(signedTx.tx))

/** Serialized by hand, since a signature of another length cannot be added. */
const shortened = (signedTx: SignedTx.SignedTx): Uint8Array => {
  const bytes = SignedTx.encode(signedTx)
  const [signature] = signedTx.signatures
  if (signature === undefined) throw new Error("no signature")
  const at = bytes.findIndex((_, index) => signature.every((byte, offset) => bytes[index + offset] === byte))
  const cut = bytes.slice()
  // A shorter announced length: the list no longer adds up.
  cut[at - 1] = (cut[at - 1] ?? 0) - 1
  return cut
}

/** Nothing that the node could read: it says so, or acts as if nothing had come, and waits on. */
const unreadable: ReadonlyArray<SignatureRow> = [
  ...[5, null, "", "tx_nonsense", "tx_AAAA"].map(
    (value): SignatureRow => ({
      name: `signed_tx ${JSON.stringify(value)}`,
      params: () => ({ signed_tx: value }),
      own: ["error 3 1010"],
      peer: [],
      fate: "waits"
    })
  ),
  {
    name: "a good transaction cut short, and with it its checksum",
    params: (asked) => ({ signed_tx: SignedTx.toText(good(asked)).slice(0, -8) }),
    own: ["error 3 1010"],
    peer: [],
    fate: "waits"
  },
  {
    name: "another kind of text",
    params: ({ party }) => ({ signed_tx: party.keyPair.address }),
    own: ["error 3 1010"],
    peer: [],
    fate: "waits"
  },
  ...(
    [
      ["a truncated transaction", (asked) => raw(SignedTx.encode(good(asked)).slice(0, -1))],
      ["half of a transaction", (asked) => raw(SignedTx.encode(good(asked)).slice(0, 30))],
      ["a transaction and a byte more", (asked) => raw(new Uint8Array([...SignedTx.encode(good(asked)), 0]))],
      ["the transaction without its envelope", ({ signedTx }) => raw(signedTx.txBytes)],
      ["a signature that is too short", (asked) => raw(shortened(good(asked)))],
      ["no bytes", () => raw(new Uint8Array())],
      ["a megabyte of zeros", () => raw(new Uint8Array(1024 * 1024))]
    ] satisfies ReadonlyArray<readonly [string, SignatureRow["params"]]>
  ).map(([name, params]): SignatureRow => ({ name, params, own: [ok], peer: [], fate: "waits" })),
  ...(
    [
      ["nothing", () => ({})],
      ["a list", () => []],
      ["the older dialect's member", ({ signedTx }) => ({ tx: ApiEncoding.encode("tx", signedTx.txBytes) })]
    ] satisfies ReadonlyArray<readonly [string, SignatureRow["params"]]>
  ).map(([name, params]): SignatureRow => ({ name, params, own: ["error -32601"], peer: [], fate: "waits" }))
]

/** Codes that are none. */
const badCodes: ReadonlyArray<SignatureRow> = [0, 65_536, -1, 1.5, null, {}, "abc"].map((error) => ({
  name: `error ${JSON.stringify(error)}`,
  params: () => ({ error }),
  own: ["error -32603"],
  peer: [],
  fate: "waits"
}))

/** Answers to another request than the one that was made. */
const misplaced = (method: string): ReadonlyArray<SignatureRow> => [
  {
    name: `the signed transaction as ${method}`,
    method,
    params: (asked) => text(good(asked)),
    own: [ok],
    peer: [],
    fate: "waits"
  },
  {
    name: `an error as ${method}`,
    method,
    params: () => ({ error: 4 }),
    own: ["error 3 1018"],
    peer: [],
    fate: "waits"
  }
]

/** Transactions that can be read, but are not what was to be signed. */
const wrong: ReadonlyArray<readonly [name: string, make: (asked: Asked) => SignedTx.SignedTx]> = [
  ["a bad signature", (asked) => withSignatures(asked.signedTx, good(asked).signatures.map(flipped))],
  ["no signature of ours", ({ signedTx }) => signedTx],
  ["a stranger's signature", ({ party, signedTx }) => party.signed(signedTx, other)],
  [
    "a signature for another network",
    ({ party, signedTx }) => party.signed(signedTx, party.keyPair, "ae_mainnet")
  ],
  ["a stranger's signature beside ours", (asked) => asked.party.signed(good(asked), other)],
  [
    "another type",
    (asked) =>
      altered(asked, () => ({
        _tag: "SpendTx",
        version: 1,
        senderId: asked.party.keyPair.address,
        recipientId: asked.peer.keyPair.address,
        amount: 1n,
        fee: 20_000_000_000_000n,
        ttl: 0,
        nonce: 9n,
        payload: new Uint8Array()
      }))
  ]
]

const otherChannel = ApiEncoding.encode("ch", new Uint8Array(32).fill(5))
const otherHash = new Uint8Array(32).fill(5)

const wrongUpdate: typeof wrong = [
  ...wrong,
  ...[-1, 1].map(
    (step) =>
      [
        `round ${step > 0 ? "one too high" : "one too low"}`,
        (asked: Asked) => altered(asked, (tx) => ("round" in tx ? { ...tx, round: tx.round + step } : tx))
      ] as const
  ),
  [
    "another state hash",
    (asked) => altered(asked, (tx) => ("stateHash" in tx ? { ...tx, stateHash: otherHash } : tx))
  ],
  [
    "another channel",
    (asked) => altered(asked, (tx) => ("channelId" in tx ? { ...tx, channelId: otherChannel } : tx))
  ]
]

const wrongClose: typeof wrong = [
  ...wrong,
  [
    "another channel",
    (asked) => altered(asked, (tx) => ("channelId" in tx ? { ...tx, channelId: otherChannel } : tx))
  ],
  [
    "other amounts",
    (asked) =>
      altered(asked, (tx) =>
        tx._tag === "ChannelCloseMutualTx"
          ? {
              ...tx,
              initiatorAmountFinal: tx.initiatorAmountFinal + 1n,
              responderAmountFinal: tx.responderAmountFinal - 1n
            }
          : tx
      )
  ],
  [
    "another nonce",
    (asked) => altered(asked, (tx) => (tx._tag === "ChannelCloseMutualTx" ? { ...tx, nonce: 77n } : tx))
  ]
]

const ended = (rows: typeof wrong, peer: ReadonlyArray<string>): ReadonlyArray<SignatureRow> =>
  rows.map(([name, make]) => ({
    name,
    params: (asked) => text(make(asked)),
    own: [ok, "conflict 1"],
    peer,
    fate: "ended"
  }))

const bothMembers = (peer: ReadonlyArray<string>): SignatureRow => ({
  name: "an error beside a good signature: the error counts",
  params: (asked) => ({ ...(text(good(asked)) as Json.JsonObject), error: 147 }),
  own: [ok, "info aborted_update"],
  peer,
  fate: "ended"
})

/** By the request that is answered. The peer of an acknowledger waits, so that it is told. */
export const signatureRows: {
  readonly [Tag in
    | "update"
    | "update_ack"
    | "shutdown_sign"
    | "shutdown_sign_ack"]: ReadonlyArray<SignatureRow>
} = {
  update: [
    ...unreadable,
    ...badCodes,
    ...misplaced("update_ack"),
    ...misplaced("shutdown_sign"),
    ...ended(wrongUpdate, []),
    bothMembers([])
  ],
  update_ack: [
    ...unreadable,
    ...badCodes,
    ...misplaced("update"),
    ...ended(wrongUpdate, ["conflict 1"]),
    bothMembers(["conflict 147"])
  ],
  shutdown_sign: [...unreadable, ...ended(wrongClose, []), bothMembers([])],
  shutdown_sign_ack: [...unreadable, ...ended(wrongClose, ["conflict 1"]), bothMembers(["conflict 147"])]
}

/** The create transaction may be tried again, whatever is wrong with the first answer. */
export const createRows: ReadonlyArray<SignatureRow> = [
  ...unreadable,
  ...misplaced("update"),
  {
    name: "an error, which no opening knows",
    params: () => ({ error: 4 }),
    own: ["error 3 1018"],
    peer: [],
    fate: "waits"
  },
  ...[
    ...wrong,
    [
      "another state hash",
      (asked: Asked) => altered(asked, (tx) => ("stateHash" in tx ? { ...tx, stateHash: otherHash } : tx))
    ] as const,
    [
      "another amount",
      (asked: Asked) =>
        altered(asked, (tx) =>
          tx._tag === "ChannelCreateTx" ? { ...tx, initiatorAmount: tx.initiatorAmount + 1n } : tx
        )
    ] as const
  ].map(
    ([name, make]): SignatureRow => ({
      name,
      params: (asked) => text(make(asked)),
      own: [ok],
      peer: [],
      fate: "waits"
    })
  )
]
