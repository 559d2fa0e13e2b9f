/** Compiled contracts, and what the JavaScript SDK's channel client does with them. */
import { readFileSync } from "node:fs"
import type { KeyPair } from "@aechannel/core/crypto/KeyPair"
import type { AccountAddress } from "@aechannel/core/encoding/ApiEncoding"
import { Contract, type Encoded } from "@aeternity/aepp-sdk"
import * as Effect from "effect/Effect"
import { type Meeting, type Outcome, type Signing, within } from "./Party.js"
import * as Sdk from "./SdkParty.js"

type Bytearray = Encoded.ContractBytearray
type Initialize = Parameters<typeof Contract.initialize>[0]
type Event = Parameters<Contract<Record<string, never>>["$decodeEvents"]>[0][number]

const fixtures = JSON.parse(
  readFileSync(new URL("../../../../core/test/fixtures/fate/sophia.json", import.meta.url), "utf8")
) as Record<
  "Meter" | "StonePaperScissors",
  { readonly code: Bytearray; readonly aci: Initialize["aci"] & object }
>

const isBytearray = (value: unknown): value is Bytearray =>
  typeof value === "string" && value.startsWith("cb_")

const bytearray = (value: unknown): Bytearray => {
  if (isBytearray(value)) return value
  throw new Error(`no bytes: ${String(value)}`)
}

/** A call's result as the SDK gives it. */
export type Result = Readonly<Record<string, unknown>>

/** A contract as the SDK has it: code, call data, results in words. */
export interface Compiled {
  readonly code: Bytearray
  readonly callData: (called: string, args: ReadonlyArray<unknown>) => Bytearray
  /** What a call gave back: its value, or the text of the error or revert. */
  readonly read: (called: string, result: Result) => unknown
  readonly events: (result: Result) => ReadonlyArray<{ readonly name: string; readonly args: unknown }>
}

export const compiled = (name: keyof typeof fixtures): Effect.Effect<Compiled> =>
  Effect.promise(async () => {
    const { aci, code } = fixtures[name]
    // It asks neither node nor compiler for what it is given.
    const contract = await Contract.initialize({ aci, bytecode: code } as Initialize)
    const { _calldata: calldata } = contract
    return {
      code,
      callData: (called, args) => bytearray(calldata.encode(name, called, [...args])),
      read: (called, { returnType, returnValue }) => {
        const value = bytearray(returnValue)
        if (returnType === "ok") return calldata.decode(name, called, value)
        return returnType === "revert"
          ? calldata.decodeFateString(value)
          : calldata.decodeString(value).toString()
      },
      // The SDK's channel client leaves large numbers as texts, which its contracts do not take.
      events: ({ log }) =>
        contract.$decodeEvents(
          (log as ReadonlyArray<Event>).map((event) => ({ ...event, topics: event.topics.map(BigInt) }))
        )
    }
  })

/** A contract in a channel. */
export interface At extends Compiled {
  readonly at: Encoded.ContractAddress
}

export interface CallOptions {
  readonly amount?: number
  readonly abiVersion?: number
  /** The own answer to the request for a signature. */
  readonly signing?: Signing
}

export interface CreateOptions extends CallOptions {
  readonly deposit?: number
  readonly vmVersion?: number
  readonly code?: Bytearray
}

/** Why the node refused. */
export interface Refusal {
  readonly code: number
  readonly data: ReadonlyArray<number>
}

interface Message {
  readonly wsMessage?: {
    readonly error?: { readonly code: number; readonly data?: ReadonlyArray<{ readonly code: number }> }
  }
}

const refusalOf = (thrown: unknown): Refusal => {
  const error = (thrown as Message).wsMessage?.error
  if (error === undefined) throw thrown
  return { code: error.code, data: (error.data ?? []).map(({ code }) => code) }
}

const ended = ({
  accepted,
  errorCode,
  round
}: {
  readonly accepted: boolean
  readonly errorCode?: number
  readonly round: number
}): Outcome => {
  if (accepted) return { _tag: "Accepted", round }
  return errorCode === undefined ? { _tag: "Aborted" } : { _tag: "Declined", code: errorCode }
}

const run = <A>(what: string, call: () => Promise<A>): Effect.Effect<A> =>
  within(`the SDK's ${what}`, Effect.promise(call))

/** A party that uses contracts through the SDK. */
export const user = (party: Sdk.SdkParty, key: KeyPair, { networkId }: Meeting) => {
  const { channel } = party
  const sign =
    (signing: Signing = "sign") =>
    (tx: Encoded.Transaction) =>
      Sdk.signer(Sdk.accountOf(key), networkId)(tx, signing)
  const round = () => channel.round() ?? 0
  const create = (contract: Compiled, args: ReadonlyArray<unknown>, options: CreateOptions) =>
    channel.createContract(
      {
        code: options.code ?? contract.code,
        callData: contract.callData("init", args),
        deposit: options.deposit ?? 0,
        vmVersion: options.vmVersion ?? 5,
        abiVersion: options.abiVersion ?? 3
      },
      sign(options.signing)
    )
  const input = (contract: At, called: string, args: ReadonlyArray<unknown>, options: CallOptions) => ({
    contract: contract.at,
    callData: contract.callData(called, args),
    amount: options.amount ?? 0,
    abiVersion: options.abiVersion ?? 3
  })
  return {
    ...party,
    address: key.address,
    /** As the SDK keeps it: it cannot read the state's trees with a contract of a newer version than 5. */
    latest: Effect.sync(() => ({ round: round(), signedTx: channel._state })),
    /** The contract, which the peer has agreed to. */
    create: (
      contract: Compiled,
      args: ReadonlyArray<unknown>,
      options: CreateOptions = {}
    ): Effect.Effect<At> =>
      run("createContract", async () => {
        const { accepted, address } = await create(contract, args, options)
        if (!accepted) throw new Error("it was declined")
        return { ...contract, at: address }
      }),
    /** How creating it ends. */
    tryToCreate: (contract: Compiled, args: ReadonlyArray<unknown>, options: CreateOptions = {}) =>
      run("createContract", async () => {
        const result = await create(contract, args, options)
        return ended({ ...result, round: round() })
      }),
    /** Why it cannot be created. */
    cannotCreate: (contract: Compiled, args: ReadonlyArray<unknown>, options: CreateOptions = {}) =>
      run("createContract", () =>
        create(contract, args, options).then(
          () => ({ code: 0, data: [] }),
          (error: unknown) => refusalOf(error)
        )
      ),
    call: (
      contract: At,
      called: string,
      args: ReadonlyArray<unknown>,
      options: CallOptions = {}
    ): Effect.Effect<Outcome> =>
      run("callContract", async () => {
        const result = await channel.callContract(
          input(contract, called, args, options),
          sign(options.signing)
        )
        return ended({ ...result, round: round() })
      }),
    cannotCall: (
      contract: At,
      called: string,
      args: ReadonlyArray<unknown>,
      options: CallOptions = {}
    ): Effect.Effect<Refusal> =>
      run("callContract", () =>
        channel.callContract(input(contract, called, args, options), sign(options.signing)).then(
          () => ({ code: 0, data: [] }),
          (error: unknown) => refusalOf(error)
        )
      ),
    dryRun: (
      contract: At,
      called: string,
      args: ReadonlyArray<unknown>,
      options: CallOptions = {}
    ): Effect.Effect<Result> =>
      run("callContractStatic", async () => ({
        ...(await channel.callContractStatic(input(contract, called, args, options)))
      })),
    /** The result of a call, or what the SDK says where there is none. */
    result: (contract: At, caller: AccountAddress, inRound: number): Effect.Effect<Result> =>
      run("getContractCall", async () => ({
        ...(await channel.getContractCall({ caller, contract: contract.at, round: inRound }))
      })),
    noResult: (contract: At, caller: AccountAddress, inRound: number): Effect.Effect<string> =>
      run("getContractCall", () =>
        channel
          .getContractCall({ caller, contract: contract.at, round: inRound })
          .then(JSON.stringify, (error: Error) => error.message)
      ),
    noContract: ({ at }: At): Effect.Effect<string> =>
      run("getContractState", () =>
        channel.getContractState(at).then(JSON.stringify, (error: Error) => error.message)
      ),
    contract: ({ at }: At) => run("getContractState", () => channel.getContractState(at)),
    forget: run("cleanContractCalls", () => channel.cleanContractCalls()),
    balancesOf: (...ids: ReadonlyArray<string>) =>
      run("balances", async () => {
        const found = new Map(Object.entries(await channel.balances([...ids] as Array<AccountAddress>)))
        return ids.map((id) => BigInt(String(found.get(id))))
      }),
    force: (
      contract: At,
      called: string,
      args: ReadonlyArray<unknown>,
      options: CallOptions & { readonly gasLimit?: number; readonly gasPrice?: number } = {}
    ): Effect.Effect<Encoded.Transaction> =>
      run("forceProgress", async () => {
        const { gasLimit, gasPrice } = options
        const { accepted, tx } = await channel.forceProgress(
          {
            ...input(contract, called, args, options),
            ...(gasLimit === undefined ? {} : { gasLimit }),
            ...(gasPrice === undefined ? {} : { gasPrice })
          },
          sign(options.signing)
        )
        if (!accepted || typeof tx !== "string") throw new Error("it was not forced")
        return tx
      })
  }
}

export type ContractUser = ReturnType<typeof user>
