/** What the functions of a profile are for, by the files they come from. */

/** A function of a profile. */
export interface Frame {
  /** Its source, or a name such as `node:net`; empty for built-in functions. */
  readonly file: string
  readonly line: number
  readonly name: string
}

/** In the order in which ties are printed. */
export const groups = [
  "signatures",
  "verifications",
  "hashing",
  "codec: JSON",
  "codec: RLP, base58, base64",
  "codec: transactions",
  "codec: requests and reports",
  "state trees",
  "contracts",
  "client",
  "node and chain",
  "Effect runtime",
  "garbage collection",
  "sockets",
  "event loop and native code",
  "everything else",
  "not counted"
] as const

export type Group = (typeof groups)[number]

const pseudo: ReadonlyMap<string, Group> = new Map([
  ["(garbage collector)", "garbage collection"],
  ["(program)", "event loop and native code"],
  ["(idle)", "not counted"],
  ["(root)", "everything else"]
])

const core = (room: string): RegExp => new RegExp(`/core/src/${room}/`)

const cryptography = /\/NativeCrypto\.ts$|\/core\/src\/crypto\/(Crypto|KeyPair)\.ts$|^node:internal\/crypto\//

/** The first row that fits decides; one without a group leaves it to the caller. */
const rows: ReadonlyArray<readonly [file: RegExp, group: Group | undefined, name?: RegExp]> = [
  [
    /\/core\/src\/crypto\/Hash\.ts$|\/core\/src\/encoding\/internal\/hashes\.ts$|\/@noble\/hashes\//,
    "hashing"
  ],
  [/\/hash-wasm\/|\/internal\/wasmHash\.ts$|^wasm:|^node:internal\/crypto\/hash/, "hashing"],
  [cryptography, "hashing", /^sha256/],
  [cryptography, "signatures", /^sign/],
  [cryptography, "verifications", /^verify/],
  [cryptography, undefined],
  [/\/@noble\/curves\//, "verifications"],
  [/\/core\/src\/encoding\/(Json|internal\/[Jj]son)/, "codec: JSON"],
  [/\/core\/src\/encoding\/|\/@scure\/base\//, "codec: RLP, base58, base64"],
  [core("chain"), "codec: transactions"],
  [core("protocol"), "codec: requests and reports"],
  [core("state"), "state trees"],
  [core("fate"), "contracts"],
  [core("(client|services)"), "client"],
  [core("node"), "node and chain"],
  [/\/node_modules\/(effect|@effect\/platform[^/]*)\//, "Effect runtime"],
  [/\/transport\/src\/|\/ws\//, "sockets"],
  [
    /^node:(net|events|stream|http|_http|internal\/(stream|net|js_stream|webstreams|event_target|http))/,
    "sockets"
  ],
  [/^node:(timers|async_hooks|internal\/(process|timers|async_hooks))/, "event loop and native code"],
  // The profiler itself.
  [/^node:inspector/, "not counted"],
  [/\/bench\//, "everything else"]
]

/** The group of a function, or nothing when its caller has to say. */
export const groupOf = ({ file, name }: Pick<Frame, "file" | "name">): Group | undefined =>
  file === ""
    ? pseudo.get(name)
    : rows.find(([files, , names]) => files.test(file) && (names === undefined || names.test(name)))?.[1]
