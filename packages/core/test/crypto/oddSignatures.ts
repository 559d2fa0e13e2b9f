/**
 * Signatures on which implementations of Ed25519 disagree, made from the curve itself. The list is the same on every
 * run.
 */
import { ed25519 } from "@noble/curves/ed25519.js"
import { sha512 } from "@noble/hashes/sha2.js"
import * as Bytes from "../../src/encoding/Bytes.js"

export interface SignatureCase {
  readonly why: string
  readonly signature: Uint8Array
  readonly message: Uint8Array
  readonly publicKey: Uint8Array
  /** What must come out, where it is known without an oracle. */
  readonly expected: boolean | undefined
}

const Point = ed25519.Point
type Point = typeof Point.BASE
const order = Point.Fn.ORDER
const field = 2n ** 255n - 19n

const toLittleEndian = (n: bigint): Uint8Array => Bytes.uintToFixed(n, 32).reverse()
const fromLittleEndian = (bytes: Uint8Array): bigint =>
  BigInt(`0x${Bytes.toHex(new Uint8Array(bytes).reverse())}`)
const scalar = (name: string): bigint => fromLittleEndian(sha512(Bytes.utf8(name))) % order
const multiple = (point: Point, n: bigint): Point => point.multiplyUnsafe(n % order)

const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = Uint8Array.from(bytes)
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return copy
}

const challenge = (r: Uint8Array, publicKey: Uint8Array, message: Uint8Array): bigint =>
  fromLittleEndian(sha512(Bytes.concat(r, publicKey, message))) % order

// A signature of R and A as they are encoded: S = r + h·a. It is good exactly when the small order parts cancel.
const signAs = (
  why: string,
  secrets: { readonly a: bigint; readonly r: bigint },
  points: { readonly publicKey: Uint8Array; readonly r: Uint8Array },
  message: Uint8Array,
  expected?: boolean
): SignatureCase => {
  const h = challenge(points.r, points.publicKey, message)
  const s = (secrets.r + h * secrets.a) % order
  const signature = Bytes.concat(points.r, toLittleEndian(s))
  return { why, signature, message, publicKey: points.publicKey, expected }
}

const generator = Point.fromBytes(
  Bytes.fromHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
)
/** The eight points of small order. */
const torsion: ReadonlyArray<Point> = Array.from({ length: 8 }, (_, i) => multiple(generator, BigInt(i)))

/** Every encoding of a point of small order, with y below 2^255, and with the sign bit both ways. */
export const smallOrderEncodings: ReadonlyArray<Uint8Array> = (() => {
  const ys = new Set<bigint>()
  for (const point of torsion) {
    ys.add(point.y)
    if (point.y + field < 2n ** 255n) ys.add(point.y + field)
  }
  return Array.from(ys, toLittleEndian).flatMap((y) => [y, flipped(y, 255)])
})()

const message = Bytes.utf8("odd signatures")
const a = scalar("a")
const publicKey = Point.BASE.multiply(a).toBytes()
const r = scalar("r")
const pointR = Point.BASE.multiply(r).toBytes()
const good = signAs("good", { a, r }, { publicKey, r: pointR }, message, true)

const smallOrder = (): ReadonlyArray<SignatureCase> => {
  const asKey = smallOrderEncodings.flatMap((key) =>
    ["m1", "m2", "m3"].map((text) =>
      signAs(
        "A of small order, honest R",
        { a: 0n, r },
        { publicKey: key, r: pointR },
        Bytes.utf8(text),
        false
      )
    )
  )
  const asR = smallOrderEncodings.map((one) =>
    signAs("R of small order, honest A", { a, r: 0n }, { publicKey, r: one }, message, false)
  )
  const both = smallOrderEncodings.flatMap((key) =>
    smallOrderEncodings.map((one) =>
      signAs("A and R of small order, S = 0", { a: 0n, r: 0n }, { publicKey: key, r: one }, message, false)
    )
  )
  return [...asKey, ...asR, ...both]
}

const mixedOrder = (): ReadonlyArray<SignatureCase> =>
  torsion.flatMap((atKey, i) =>
    torsion.flatMap((atR, j) =>
      [1, 2, 3].map((n) => {
        const nonce = scalar(`mixed ${i} ${j} ${n}`)
        const key = Point.BASE.multiply(a).add(atKey).toBytes()
        const one = Point.BASE.multiply(nonce).add(atR).toBytes()
        const made = signAs(
          `torsion ${i} in A, ${j} in R`,
          { a, r: nonce },
          { publicKey: key, r: one },
          message
        )
        // S·B - h·A' = R - h·i·T must be R' = R + j·T.
        const h = challenge(one, key, message)
        return { ...made, expected: (h * BigInt(i) + BigInt(j)) % 8n === 0n }
      })
    )
  )

const malleable = (): ReadonlyArray<SignatureCase> =>
  Array.from({ length: 15 }, (_, k) => {
    const s = fromLittleEndian(good.signature.subarray(32)) + order * BigInt(k + 1)
    return { ...good, why: `S + ${k + 1} L`, s, expected: false }
  })
    .filter(({ s }) => s < 2n ** 256n)
    .map(({ s, ...one }) => ({
      ...one,
      signature: Bytes.concat(one.signature.subarray(0, 32), toLittleEndian(s))
    }))

// Without the discrete logarithm nobody can sign for these; they must still be refused without an exception.
const nonCanonical = (): ReadonlyArray<SignatureCase> =>
  Array.from({ length: 19 }, (_, y) => toLittleEndian(field + BigInt(y)))
    .flatMap((y) => [y, flipped(y, 255)])
    .flatMap((bytes) => [
      signAs("non-canonical A", { a, r }, { publicKey: bytes, r: pointR }, message, false),
      signAs("non-canonical R", { a, r }, { publicKey, r: bytes }, message, false)
    ])

const notOnCurve = (): ReadonlyArray<SignatureCase> =>
  Array.from({ length: 40 }, (_, y) => toLittleEndian(BigInt(y + 2))).flatMap((bytes) => [
    signAs("small y as A", { a, r }, { publicKey: bytes, r: pointR }, message, false),
    signAs("small y as R", { a, r }, { publicKey, r: bytes }, message, false)
  ])

const bitFlips = (): ReadonlyArray<SignatureCase> => [
  ...Array.from({ length: 512 }, (_, bit) => ({
    ...good,
    why: `signature bit ${bit} flipped`,
    signature: flipped(good.signature, bit),
    expected: false
  })),
  ...Array.from({ length: 256 }, (_, bit) => ({
    ...good,
    why: `public key bit ${bit} flipped`,
    publicKey: flipped(publicKey, bit),
    expected: false
  }))
]

const extremes = (): ReadonlyArray<SignatureCase> => [
  signAs("r = 1", { a, r: 1n }, { publicKey, r: Point.BASE.toBytes() }, message, true),
  signAs("a = 1", { a: 1n, r }, { publicKey: Point.BASE.toBytes(), r: pointR }, message, true),
  { ...good, why: "all zero", signature: new Uint8Array(64), expected: false },
  { ...good, why: "all ones", signature: new Uint8Array(64).fill(255), expected: false },
  {
    ...good,
    why: "S = L",
    signature: Bytes.concat(pointR, toLittleEndian(order)),
    expected: false
  },
  {
    ...good,
    why: "S = L - 1",
    signature: Bytes.concat(pointR, toLittleEndian(order - 1n)),
    expected: false
  },
  {
    // -A = (L - a)·B, so that S = 0: r = -h·a must be known before h; impossible. S = 0 with another R is refused.
    ...good,
    why: "S = 0",
    signature: Bytes.concat(pointR, new Uint8Array(32)),
    expected: false
  }
]

/** All cases. */
export const signatureCases: ReadonlyArray<SignatureCase> = [
  good,
  ...extremes(),
  ...smallOrder(),
  ...mixedOrder(),
  ...malleable(),
  ...nonCanonical(),
  ...notOnCurve(),
  ...bitFlips()
]

/** Signatures and keys of wrong sizes. */
export const wrongSizes: ReadonlyArray<SignatureCase> = [0, 31, 33, 63, 65, 128].flatMap((size) => {
  const bytes = new Uint8Array(size)
  bytes.set(good.signature.subarray(0, size))
  const key = new Uint8Array(size)
  key.set(publicKey.subarray(0, size))
  return [
    { ...good, why: `signature of ${size} bytes`, signature: bytes, expected: false },
    { ...good, why: `public key of ${size} bytes`, publicKey: key, expected: false }
  ]
})
