/** Steps with contracts, done. */
import * as Fee from "../../../src/chain/Fee.js"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import type { Transaction } from "../../../src/chain/Transaction.js"
import type { BlockHash, ContractId } from "../../../src/encoding/ApiEncoding.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import * as CallData from "../../../src/fate/CallData.js"
import * as Contracts from "../../../src/fate/Contracts.js"
import * as Value from "../../../src/fate/Value.js"
import * as Ledger from "../../../src/node/Ledger.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import * as Trees from "../../../src/state/Trees.js"
import * as Update from "../../../src/state/Update.js"
import { options } from "../../client/support/Parties.js"
import { networkId, other } from "../../support/NodeUnderTest.js"
import * as TestCrypto from "../../support/TestCrypto.js"
import { forcedUpon } from "./audit/Chain.js"
import { codes } from "./audit/Contracts.js"
import type { ContractStep } from "./ContractSteps.js"
import { keyPairs, otherRole } from "./Doubles.js"
import { amountOf } from "./Amounts.js"
import type { System } from "./System.js"

type StepOf<K extends ContractStep["kind"]> = Extract<ContractStep, { readonly kind: K }>

/** A contract of which nobody knows. */
const unknown = ApiEncoding.encode("ct", new Uint8Array(32).fill(7))

const contractOf = ({ auditor }: System, role: Role, which: number): ContractId => {
  const known = [...auditor.latest(role).books.contracts.keys()]
  return (which < 0 ? undefined : known[which % Math.max(known.length, 1)]) ?? unknown
}

export const create = (system: System, { amount, first, role, what }: StepOf<"create">): void =>
  system.create(role, codes[what], first, amountOf(system, role, role, amount))

const callData = (step: StepOf<"invoke">, contractId: ContractId): Uint8Array => {
  const { argument, what, whose } = step
  const who = whose === "other" ? other.address : whose === "contract" ? contractId : keyPairs[whose].address
  const account = Value.reference("address", ApiEncoding.bytesOf(who))
  switch (what) {
    case "add":
    case "init":
      return CallData.encode(what, [argument])
    case "spin":
      return CallData.encode(what, [argument < 0n ? argument : argument % 10n])
    case "pay":
      return CallData.encode(what, [account, argument])
    case "holds":
    case "balance_of":
    case "reads_of":
      return CallData.encode(what, [account])
    case "junk":
      return Uint8Array.of(1, 2, 3)
    default:
      return CallData.encode(what, [])
  }
}

const pinned = ({ ledger }: System, { pin }: StepOf<"invoke">): { readonly blockHash?: BlockHash } => {
  const ago = (blocks: number) => Ledger.keyBlock(ledger, Math.max(0, ledger.top.height - blocks))?.hash
  const hash =
    pin === "none"
      ? undefined
      : pin === "top"
        ? ago(0)
        : pin === "tip"
          ? ledger.tip.hash
          : pin === "old"
            ? ago(2)
            : pin === "ancient"
              ? ago(30)
              : ApiEncoding.encode("kh", new Uint8Array(32).fill(9))
  return hash === undefined ? {} : { blockHash: hash }
}

export const invoke = (system: System, step: StepOf<"invoke">): void => {
  const { role, way } = step
  // Where there is none yet, one that is called is made first.
  if (step.which >= 0 && contractOf(system, role, 0) === unknown)
    return system.create(role, codes.Till, step.argument, 0n)
  const contractId = contractOf(system, role, step.which)
  const amount = amountOf(system, role, role, step.amount)
  const call = { contractId, callData: callData(step, contractId), amount }
  if (way === "force") system.invoke(role, "force_progress", call)
  else if (way === "call") system.invoke(role, "call_contract", { ...call, ...pinned(system, step) })
  else system.dryRun(role, { ...call, ...pinned(system, step) })
}

export const collideCalls = (system: System, { first, other: what }: StepOf<"collideCalls">): void => {
  const second = otherRole(first)
  const adding = (role: Role) => ({
    contractId: contractOf(system, role, 0),
    callData: CallData.encode("add", [1n]),
    amount: 1n
  })
  const act = (role: Role): void => {
    if (role === first) return system.invoke(first, "call_contract", adding(first))
    switch (what) {
      case "call":
        return system.invoke(role, "call_contract", adding(role))
      case "force":
        return system.invoke(role, "force_progress", adding(role))
      case "transfer":
        return system.transfer(role, role, 1n)
      case "deposit":
      case "withdraw":
        return system.move(role, what, 1n)
      case "shutdown":
        return void system.ask(role, "shutdown", system.channel(role).shutdown())
    }
  }
  const order: ReadonlyArray<Role> =
    system.simulation.random.integer(2) === 0 ? [first, second] : [second, first]
  for (const role of order) act(role)
}

export const recall = (system: System, { role, what, which }: StepOf<"recall">): void => {
  const { contracts } = system.channel(role)
  const contractId = contractOf(system, role, which)
  const { round } = system.auditor.latest(role)
  if (what === "get") system.ask(role, "get_contract", contracts.get(contractId))
  else if (what === "cleanCalls") system.ask(role, "clean_calls", contracts.cleanCalls)
  else system.ask(role, "get_call", contracts.getCall({ contractId, round }))
}

type Unpaid = Transaction & { readonly fee: bigint }

/** Past its node, with a state that it had. */
export const outdo = (system: System, { age, role, what, which }: StepOf<"outdo">): void => {
  const { auditor, ledger } = system
  const { channelId } = auditor
  const channel = channelId === undefined ? undefined : Ledger.channel(ledger, channelId)
  const round = auditor.latest(role).round - age
  const record = auditor.states(role).get(round)
  if (channelId === undefined || channel === undefined || record?.coSigned === undefined) return
  const before = auditor.meaning(record.coSigned)
  const isThere = round === channel.round
  if (before === undefined || (record.coSigned.tx._tag !== "ChannelOffchainTx" && !isThere)) return
  const { address } = keyPairs[role]
  const common = { version: 1, channelId, fromId: address, ttl: 0, fee: 0n } as const
  const nonce = Ledger.nextNonce(ledger, address)
  const sign = (tx: Unpaid): SignedTx.SignedTx =>
    SignedTx.sign(SignedTx.unsigned(Fee.withMinimumFee(tx, Fee.defaultMinerGasPrice)), keyPairs[role], {
      networkId,
      crypto: TestCrypto.native
    })
  const payload = isThere ? new Uint8Array() : SignedTx.encode(record.coSigned)
  if (what === "snapshot") {
    // What was forced upon it would be undone by that, as only a young chain allows.
    if (isThere || channel.lockedUntil > 0 || round <= forcedUpon(ledger, channelId)) return
    auditor.count("older states snapshot")
    const tx = { _tag: "ChannelSnapshotSoloTx", ...common, payload, nonce } as const
    return system.submit(`the ${role} snapshots round ${round}`, sign(tx))
  }
  const trees = Trees.decodeOrThrow(record.trees)
  const known = [...before.books.contracts.keys()]
  const contractId = known[which % Math.max(known.length, 1)]
  const environment = Ledger.view(ledger, TestCrypto.native).environmentAt(undefined)
  if (contractId === undefined || environment === undefined) return
  const update = system.callUpdate(
    role,
    { contractId, callData: CallData.encode("add", [3n]), amount: 2n },
    Fee.defaultMinerGasPrice
  )
  const after = Contracts.dryRun(
    trees,
    update,
    { round: round + 1, channelReserve: options("initiator").channelReserve },
    environment,
    TestCrypto.native
  )
  if ("reason" in after) return
  const signedTx = sign({
    _tag: "ChannelForceProgressTx",
    ...common,
    payload,
    round: round + 1,
    update: Update.encode(update),
    stateHash: Trees.stateHash(after.trees),
    offchainTrees: Trees.encode(trees),
    nonce
  })
  auditor.count("older states forced on")
  auditor.forces(role, signedTx, before)
  system.submit(`the ${role} forces a call on round ${round}`, signedTx)
}
