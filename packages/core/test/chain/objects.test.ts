import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import { DecodeError } from "../../src/encoding/DecodeError.js"
import * as Rlp from "../../src/encoding/Rlp.js"
import * as Account from "../../src/chain/Account.js"
import * as CallObject from "../../src/chain/CallObject.js"
import * as ChannelObject from "../../src/chain/ChannelObject.js"
import * as CodeObject from "../../src/chain/CodeObject.js"
import * as ContractObject from "../../src/chain/ContractObject.js"
import {
  accountObject,
  callObject,
  channelObject,
  codeObject,
  contractObject
} from "../../src/testing/Arbitraries.js"
import { fixture } from "../support/Shared.js"
import { runs, withDecimals } from "./known.js"

interface KnownObject {
  readonly object: string
  readonly version: number
  readonly fields: { readonly [key: string]: unknown }
  readonly bytes: string
  readonly clientForm?: unknown
}

const known: ReadonlyArray<KnownObject> = fixture("objects").objects

type Codec = {
  readonly encode: (value: never) => Uint8Array
  readonly decodeOrThrow: (bytes: Uint8Array) => unknown
}

const decodesWith = (codec: Codec, bytes: Uint8Array): unknown => {
  try {
    return codec.decodeOrThrow(bytes)
  } catch (error) {
    if (error instanceof DecodeError) return error
    throw error
  }
}

const channelId = ApiEncoding.encode("ch", new Uint8Array(32).fill(1))
const contractId = ApiEncoding.encode("ct", new Uint8Array(32).fill(2))

describe("known answers", () => {
  const codecs: { readonly [object: string]: Codec } = {
    account: Account,
    channel: ChannelObject,
    contract: ContractObject,
    contract_call: CallObject
  }

  it("read, hold the given fields, and write back", () => {
    for (const row of known) {
      const codec = codecs[row.object.replace(/_\d$/, "")] as Codec
      const bytes = Bytes.fromHex(row.bytes)
      const value = codec.decodeOrThrow(bytes) as { readonly [name: string]: unknown }
      expect(Bytes.toHex(codec.encode(value as never))).toBe(row.bytes)
      for (const [name, expected] of Object.entries(row.fields)) {
        const camel = name.replace(/_[a-z]/g, (c) => c.slice(1).toUpperCase())
        const found = value[camel]
        if (typeof found === "bigint" || typeof found === "number") expect(String(found)).toBe(expected)
        else if (found instanceof Uint8Array) expect(Bytes.toHex(found)).toBe(expected)
        else if (name.endsWith("_id") || name.endsWith("_ids") || name === "active")
          expect(found).toEqual(expected)
      }
    }
    console.log(`objects.json: ${known.length} objects`)
    expect(known.length).toBe(8)
  })

  it("client form of channels", () => {
    let count = 0
    for (const row of known) {
      if (row.clientForm === undefined) continue
      const { id } = row.clientForm as { readonly id: ApiEncoding.ChannelId }
      const form = ChannelObject.toClientForm(id, ChannelObject.decodeOrThrow(Bytes.fromHex(row.bytes)))
      expect(withDecimals(form)).toEqual(row.clientForm)
      expect(Object.keys(form)).toEqual(Object.keys(form).sort())
      count++
    }
    console.log(`objects.json: ${count} client forms of channels`)
    expect(count).toBe(2)
  })
})

const kinds: ReadonlyArray<readonly [string, Codec, FastCheck.Arbitrary<unknown>]> = [
  ["account", Account, accountObject],
  ["channel", ChannelObject, channelObject],
  ["contract call", CallObject, callObject],
  ["contract", ContractObject, contractObject],
  ["code", CodeObject, codeObject]
]

describe.each(kinds)("%s", (name, codec, values) => {
  it("any value is read as it was written", () => {
    FastCheck.assert(
      FastCheck.property(values, (value) => {
        expect(codec.decodeOrThrow(codec.encode(value as never))).toEqual(value)
      }),
      runs(200)
    )
  })

  it("damage is a DecodeError or another canonical object", () => {
    FastCheck.assert(
      FastCheck.property(
        values,
        FastCheck.nat(),
        FastCheck.integer({ min: 1, max: 255 }),
        (value, n, flip) => {
          const bytes = codec.encode(value as never)
          expect(decodesWith(codec, bytes.subarray(0, n % bytes.length))).toBeInstanceOf(DecodeError)
          const damaged = new Uint8Array(bytes)
          damaged[n % bytes.length] = (damaged[n % bytes.length] ?? 0) ^ flip
          const result = decodesWith(codec, damaged)
          if (result instanceof DecodeError) expect(result.what).toContain(name)
          else expect(codec.encode(result as never)).toEqual(damaged)
        }
      ),
      runs(300)
    )
  })

  it("an object of another kind is refused", () => {
    for (const [other, otherCodec, otherValues] of kinds) {
      if (other === name) continue
      const [value] = FastCheck.sample(otherValues, { numRuns: 1, seed: 3 })
      const result = decodesWith(codec, otherCodec.encode(value as never))
      expect(result).toMatchObject({ _tag: "DecodeError", reason: "unknown_type" })
    }
  })
})

describe("Account", () => {
  it("takes the version the account needs", () => {
    const versionOf = (account: Account.Account) =>
      (Rlp.decodeOrThrow(Account.encode(account)) as ReadonlyArray<Uint8Array>)[1]?.[0]
    const authentication = { contract: contractId, functionHash: new Uint8Array(32) }
    expect(versionOf(Account.make({ balance: 5n }))).toBe(1)
    expect(versionOf(Account.make({ balance: 5n, authentication }))).toBe(2)
    expect(versionOf(Account.make({ balance: 5n, flags: 1, authentication }))).toBe(2)
    expect(versionOf(Account.make({ balance: 5n, flags: 1 }))).toBe(3)
    expect(Account.isGeneralized(Account.make({ balance: 5n, authentication }))).toBe(true)
    expect(Account.make({ balance: 5n })).toEqual({ balance: 5n, nonce: 0n, flags: 0 })
  })

  it("refuses version 3 without flags", () => {
    const bytes = Rlp.encode([10, 3, 0, 1, 2].map((n) => Uint8Array.of(n)))
    expect(decodesWith(Account, bytes)).toMatchObject({ reason: "non_canonical" })
  })

  it.effect("fails with DecodeError", () =>
    Effect.gen(function* () {
      expect(yield* Account.decode(Bytes.fromHex("c40a010000"))).toEqual(Account.make({ balance: 0n }))
      const errors = yield* Effect.forEach(
        [Account.decode, ChannelObject.decode, ContractObject.decode, CallObject.decode, CodeObject.decode],
        (decode) =>
          Effect.flip(decode(Uint8Array.of(0x80) as Uint8Array) as Effect.Effect<unknown, DecodeError>)
      )
      expect(errors.map((error) => error.reason)).toEqual(Array.from({ length: 5 }, () => "not_an_object"))
    })
  )
})

describe("ContractObject", () => {
  const contract = ContractObject.make({
    ownerId: ApiEncoding.encode("ak", new Uint8Array(32)),
    ctVersion: ContractObject.packVersions({ vmVersion: 8, abiVersion: 3 }),
    code: Uint8Array.of(1),
    deposit: 7n
  })

  it("packs versions as the node does", () => {
    expect(ContractObject.packVersions({ vmVersion: 7, abiVersion: 3 })).toBe(458_755)
    expect(ContractObject.packVersions({ vmVersion: 1, abiVersion: 1 })).toBe(1)
    expect(ContractObject.packVersions({ vmVersion: 3, abiVersion: 3 })).toBe(0x30003)
    expect(ContractObject.unpackVersions(1)).toStrictEqual({ vmVersion: 1, abiVersion: 1 })
    expect(ContractObject.unpackVersions(524_291)).toStrictEqual({ vmVersion: 8, abiVersion: 3 })
  })

  it("refuses code beside a reference and two references", () => {
    const items = Rlp.decodeOrThrow(ContractObject.encode(contract)) as ReadonlyArray<Rlp.Rlp>
    const reference = Bytes.concat(Uint8Array.of(5), new Uint8Array(32))
    const withAt = (changes: ReadonlyArray<readonly [number, Rlp.Rlp]>) =>
      Rlp.encode(items.map((item, at) => changes.find(([index]) => index === at)?.[1] ?? item))
    expect(decodesWith(ContractObject, withAt([[5, [reference]]]))).toMatchObject({
      reason: "bad_code_reference"
    })
    const two = withAt([
      [4, new Uint8Array()],
      [5, [reference, reference]]
    ])
    expect(decodesWith(ContractObject, two)).toMatchObject({ reason: "bad_code_reference" })
  })

  it("keeps the object version that nodes of other protocols wrote", () => {
    const old = ContractObject.encode({ ...contract, version: 1 })
    expect(decodesWith(ContractObject, old)).toMatchObject({ version: 1, ctVersion: contract.ctVersion })
  })

  it("client form", () => {
    expect(ContractObject.toClientForm(contractId, contract)).toEqual({
      abi_version: 3,
      active: true,
      deposit: 7,
      id: contractId,
      owner_id: contract.ownerId,
      referrer_ids: [],
      vm_version: 8
    })
  })
})

describe("ChannelObject", () => {
  it("the version follows the protocol", () => {
    expect([1, 2, 3, 4, 5, 6].map(ChannelObject.versionAt)).toEqual([1, 1, 2, 2, 3, 3])
  })

  it("shows no authentication in its client form", () => {
    const [channel] = FastCheck.sample(channelObject, { numRuns: 1, seed: 1 }) as [
      ChannelObject.ChannelObject
    ]
    expect(
      Object.keys(ChannelObject.toClientForm(channelId, channel)).filter((key) => key.includes("auth"))
    ).toEqual([])
  })
})

describe("CallObject", () => {
  it("client form shows topics as integers", () => {
    const call: CallObject.CallObject = {
      callerId: contractId,
      callerNonce: 3n,
      height: 3,
      contractId,
      gasPrice: 1n,
      gasUsed: 2n,
      returnValue: Uint8Array.of(0x3f),
      returnType: "revert",
      log: [{ address: new Uint8Array(32), topics: [new Uint8Array(32).fill(255)], data: new Uint8Array() }]
    }
    expect(CallObject.toClientForm(call)).toEqual({
      caller_id: contractId,
      caller_nonce: 3,
      contract_id: contractId,
      gas_price: 1,
      gas_used: 2,
      height: 3,
      log: [
        {
          address: ApiEncoding.encode("ct", new Uint8Array(32)),
          data: ApiEncoding.encode("cb", new Uint8Array()),
          topics: [2n ** 256n - 1n]
        }
      ],
      return_type: "revert",
      return_value: ApiEncoding.encode("cb", Uint8Array.of(0x3f))
    })
  })

  it("refuses an unknown return type", () => {
    const call = FastCheck.sample(callObject, { numRuns: 1, seed: 1 })[0] as CallObject.CallObject
    const items = Rlp.decodeOrThrow(
      CallObject.encode({ ...call, returnType: "ok" })
    ) as ReadonlyArray<Rlp.Rlp>
    const at = call.callKey === undefined ? 9 : 10
    const bytes = Rlp.encode(items.map((item, index) => (index === at ? Uint8Array.of(3) : item)))
    expect(decodesWith(CallObject, bytes)).toMatchObject({ reason: "bad_return_type", where: ["returnType"] })
  })
})

describe("CodeObject", () => {
  it("shows the compiler version where it is text", () => {
    const code = { sourceHash: new Uint8Array(32), typeInfo: [], byteCode: new Uint8Array(), payable: false }
    expect(CodeObject.compilerVersionText({ ...code, compilerVersion: Bytes.utf8("8.0.0") })).toBe("8.0.0")
    expect(CodeObject.compilerVersionText({ ...code, compilerVersion: Uint8Array.of(255) })).toBeUndefined()
  })
})
