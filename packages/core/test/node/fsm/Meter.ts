/** A contract that adds up what it is given, and what the tests do with it. */
import { readFileSync } from "node:fs"
import * as Ids from "../../../src/chain/Ids.js"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import type { ContractId } from "../../../src/encoding/ApiEncoding.js"
import * as CallData from "../../../src/fate/CallData.js"
import * as Value from "../../../src/fate/Value.js"
import * as ValueCodec from "../../../src/fate/ValueCodec.js"
import type { Answer } from "../../../src/protocol/Codec.js"
import type { ContractCallResult, ReplyValue } from "../../../src/protocol/NodeMessage.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import type { Request } from "../../../src/protocol/Request.js"
import { keyPairs, other, type World } from "./World.js"

const sophia = JSON.parse(
  readFileSync(new URL("../../fixtures/fate/sophia.json", import.meta.url), "utf8")
) as { readonly Meter: { readonly code: string } }

export const code = ApiEncoding.decodeOrThrow("cb", sophia.Meter.code)

type Ask<T extends Request["_tag"]> = Partial<Extract<Request, { readonly _tag: T }>>

export const address = (role: Role): Value.Value =>
  Value.reference("address", ApiEncoding.bytesOf(keyPairs[role].address))

export const newContract = (change: Ask<"NewContract"> = {}): Request => ({
  _tag: "NewContract",
  vmVersion: 8,
  abiVersion: 3,
  deposit: 10n,
  code,
  callData: CallData.encode("init", [0n]),
  meta: [],
  ...change
})

export const input = (contractId: ContractId, name: string, ...args: ReadonlyArray<Value.Value>) => ({
  contractId,
  abiVersion: 3,
  amount: 0n,
  callData: CallData.encode(name, args)
})

export const callContract = (
  contractId: ContractId,
  name: string,
  args: ReadonlyArray<Value.Value>,
  change: Ask<"CallContract"> = {}
): Request => ({ _tag: "CallContract", ...input(contractId, name, ...args), meta: [], ...change })

export const dryRun = (
  contractId: ContractId,
  name: string,
  args: ReadonlyArray<Value.Value>,
  change: Ask<"DryRunContract"> = {}
): Request => ({ _tag: "DryRunContract", ...input(contractId, name, ...args), meta: [], ...change })

/** Has the other side sign what one was asked to sign, and both go on. */
export const agree = (world: World, role: Role): void => {
  world.sign(role, "update")
  world.settle()
  world.sign(other(role), "update_ack")
  world.settle()
}

const must = (answer: string | undefined): void => {
  if (answer !== "ok") throw new Error(`refused: ${answer}`)
}

/** Creates the contract; its id. */
export const create = (world: World, role: Role, change: Ask<"NewContract"> = {}): ContractId => {
  const round = world.state(role).offChain.round + 1
  must(world.ask(role, newContract(change)))
  agree(world, role)
  return Ids.contractId(keyPairs[role].address, round)
}

/** Runs a call until both have signed. */
export const call = (
  world: World,
  role: Role,
  contractId: ContractId,
  name: string,
  args: ReadonlyArray<Value.Value>,
  change: Ask<"CallContract"> = {}
): void => {
  must(world.ask(role, callContract(contractId, name, args, change)))
  agree(world, role)
}

/** The value of an answer. */
export const value = <T extends ReplyValue["_tag"]>(
  world: World,
  role: Role,
  request: Request,
  tag: T
): Extract<ReplyValue, { readonly _tag: T }> => {
  const answer: Answer | undefined = world.sides[role].answers.get(world.call(role, request))
  if (answer?._tag !== "Value" || answer.value._tag !== tag)
    throw new Error(`no ${tag} but ${JSON.stringify(answer)}`)
  return answer.value as Extract<ReplyValue, { readonly _tag: T }>
}

/** The result of a call that was made before; `undefined` where it is forgotten. */
export const result = (
  world: World,
  role: Role,
  contractId: ContractId,
  caller: Role,
  round: number
): ContractCallResult | undefined => {
  const callerId = keyPairs[caller].address
  const request: Request = { _tag: "GetContractCall", contractId, callerId, round }
  const answer = world.sides[role].answers.get(world.call(role, request))
  return answer?._tag === "Value" && answer.value._tag === "ContractCallResult"
    ? answer.value.call
    : undefined
}

export const run = (
  world: World,
  role: Role,
  contractId: ContractId,
  name: string,
  args: ReadonlyArray<Value.Value> = [],
  change: Ask<"DryRunContract"> = {}
): ContractCallResult => value(world, role, dryRun(contractId, name, args, change), "ContractCallResult").call

/** What a call gave back. */
export const returned = ({ returnType, returnValue }: ContractCallResult): unknown => {
  if (returnType === "error") return String.fromCharCode(...returnValue)
  const decoded = ValueCodec.decodeOrThrow(returnValue)
  if (returnType === "revert" && typeof decoded === "object" && decoded._tag === "string")
    return new TextDecoder().decode(decoded.bytes)
  return decoded
}

export const forced = (
  contractId: ContractId,
  name: string,
  args: ReadonlyArray<Value.Value>,
  change: Ask<"ForceProgress"> = {}
): Request => ({
  _tag: "ForceProgress",
  ...input(contractId, name, ...args),
  gas: 100_000n,
  gasPrice: 1_000_000_000n,
  ...change
})

/** Has a call forced and put into a block. */
export const force = (
  world: World,
  role: Role,
  contractId: ContractId,
  name: string,
  args: ReadonlyArray<Value.Value>,
  change: Ask<"ForceProgress"> = {}
): SignedTx.SignedTx => {
  must(world.ask(role, forced(contractId, name, args, change)))
  world.sign(role, "force_progress_tx")
  const [signedTx] = world.chain.pool
  if (signedTx === undefined) throw new Error("nothing was given to the chain")
  world.mine([])
  world.settle()
  return signedTx
}
