/**
 * Operations that tell a contract where and for whom it runs.
 */
import * as ContractObject from "../../../chain/ContractObject.js"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import * as Trie from "../../../state/Trie.js"
import type { PinnedBlock } from "../../Environment.js"
import * as Value from "../../Value.js"
import * as Errors from "../errorTexts.js"
import { crash, fail, type Machine, type Operation, type Operations } from "../machine.js"
import { accountOf, integerOf, isReference, keyLength, keyOf, known } from "./operands.js"

/** Writes what the machine or its environment knows. */
const put =
  (value: (machine: Machine) => Value.Value): Operation =>
  (machine, [to]) =>
    machine.write(to, value(machine))

const address = (key: Uint8Array): Value.Value => Value.reference("address", key)

const block = (machine: Machine): PinnedBlock => known(machine.environment.block)

const ownBalance = (machine: Machine): bigint =>
  accountOf(machine.trees, machine.contract)?.balance ?? crash("the contract has no account")

const creator = (machine: Machine): Uint8Array => {
  const bytes = Trie.get(machine.trees.contracts, machine.contract)
  return bytes === undefined
    ? crash("the contract that runs is not in the state")
    : ApiEncoding.bytesOf(ContractObject.decodeOrThrow(bytes).ownerId)
}

/** How far back block hashes can be asked for. */
const remembered = 256n

const blockHash: Operation = (machine, [to, height]) => {
  const wanted = integerOf(machine.read(height))
  const top = BigInt(block(machine).height)
  // The pinned generation's own hash can be had from FATE 2 on.
  const newest = machine.vm >= 7 ? top : top - 1n
  if (wanted < 0n || wanted > newest || wanted <= top - remembered) return machine.write(to, Value.none)
  const hash = known(machine.environment.chain.blockHash(Number(wanted)))
  machine.write(to, hash === undefined ? crash("no key block at that height") : Value.some(Value.bytes(hash)))
}

/** In aettos: of the channel's state, else of the chain. */
const balanceOf = (machine: Machine, account: Uint8Array): bigint | undefined => {
  if (account.length !== keyLength) return undefined
  return accountOf(machine.trees, account)?.balance ?? known(machine.environment.chain.balance(account))
}

const balanceOther: Operation = (machine, [to, account]) => {
  // For an account that nobody knows the reference goes on with the state before the operand was read: what was on the
  // stack stays there and a register costs nothing.
  const seen = machine.peek(account)
  if (isReference(seen, "address") && balanceOf(machine, seen.bytes) === undefined)
    return machine.write(to, 0n)
  machine.write(to, balanceOf(machine, keyOf(machine.read(account), "address")) ?? 0n)
}

const contractToAddress: Operation = (machine, [to, contract]) => {
  const value = machine.read(contract)
  if (!isReference(value, "contract")) return fail(() => Errors.badArguments("contract_to_address", [value]))
  machine.write(to, address(value.bytes))
}

const addressToContract: Operation = (machine, [to, account]) => {
  const value = machine.read(account)
  if (!isReference(value, "address")) return fail(() => Errors.badArguments("address_to_contract", [value]))
  machine.write(to, Value.reference("contract", value.bytes))
}

/** New cells of `Auth.tx_hash`: an option's tuple, which is counted by its size and two more. */
const hashCells = { none: 3, some: 4 }
/** New cells of an empty `Auth.tx`. */
const transactionCells = 8

const authTxHash: Operation = (machine, [to]) => {
  const hash = machine.environment.authentication?.txHash
  machine.cells(hash === undefined ? hashCells.none : hashCells.some)
  machine.write(to, hash === undefined ? Value.none : Value.some(Value.bytes(hash)))
}

const authTx: Operation = (machine, [to]) => {
  // What is signed in a channel is no transaction of the chain that a contract could look into.
  machine.cells(transactionCells)
  machine.write(to, Value.none)
}

export const environment: Operations = {
  ADDRESS: put((machine) => address(machine.contract)),
  AUTH_TX: authTx,
  AUTH_TX_HASH: authTxHash,
  ADDRESS_TO_CONTRACT: addressToContract,
  BALANCE: put(ownBalance),
  BALANCE_OTHER: balanceOther,
  BENEFICIARY: put((machine) => address(block(machine).beneficiary)),
  BLOCKHASH: blockHash,
  CALLER: put((machine) => machine.caller),
  CONTRACT_TO_ADDRESS: contractToAddress,
  CREATOR: put((machine) => address(creator(machine))),
  DIFFICULTY: put((machine) => block(machine).difficulty),
  FEE: put((machine) => machine.fee),
  GASLIMIT: put((machine) => BigInt(machine.environment.gasLimit)),
  GASPRICE: put((machine) => machine.gasPrice),
  GENERATION: put((machine) => BigInt(block(machine).height)),
  NETWORK_ID: put((machine) => Value.text(machine.environment.networkId)),
  ORIGIN: put((machine) => address(machine.origin)),
  TIMESTAMP: put((machine) => BigInt(block(machine).timestamp))
}
