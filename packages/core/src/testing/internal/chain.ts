/** Generators of transactions and of objects on the chain. */
import * as SchemaArbitrary from "effect/Arbitrary"
import * as FastCheck from "effect/FastCheck"
import type * as Account from "../../chain/Account.js"
import type * as CallObject from "../../chain/CallObject.js"
import type * as ChannelObject from "../../chain/ChannelObject.js"
import type * as CodeObject from "../../chain/CodeObject.js"
import * as ContractObject from "../../chain/ContractObject.js"
import * as SignedTx from "../../chain/SignedTx.js"
import * as Transaction from "../../chain/Transaction.js"
import { type CryptoService, noble } from "../../crypto/Crypto.js"
import type { KeyPair } from "../../crypto/KeyPair.js"
import type { Arbitrary, Table } from "./combinators.js"
import { account, amount, bytes, bytesOf, contractId, encoded } from "./encodings.js"

const plain = (row: Transaction.Row): Arbitrary<Transaction.Transaction> =>
  SchemaArbitrary.make(Transaction.schemaOf(row))

const signature = bytesOf(64)

const withSignatures = (
  tx: Transaction.Transaction,
  signatures: ReadonlyArray<Uint8Array>
): SignedTx.SignedTx => signatures.reduce(SignedTx.addSignature, SignedTx.unsigned(tx))

const signedOf = (tx: Arbitrary<Transaction.Transaction>): Arbitrary<SignedTx.SignedTx> =>
  FastCheck.tuple(tx, FastCheck.array(signature, { maxLength: 2 })).map(([tx, signatures]) =>
    withSignatures(tx, signatures)
  )

const rowsOf = (name: Transaction.Tag): ReadonlyArray<Transaction.Row> =>
  Transaction.rows.filter((row) => row.name === name)

/** What fields of these kinds hold, beyond that they are bytes. */
const contents = (kind: string): Arbitrary<Uint8Array> | undefined => {
  switch (kind) {
    case "signed_tx":
      return signedOf(FastCheck.oneof(...rowsOf("SpendTx").map(plain))).map(SignedTx.encode)
    case "payload":
      return FastCheck.oneof(
        FastCheck.constant(new Uint8Array()),
        signedOf(FastCheck.oneof(...rowsOf("ChannelOffchainTx").map(plain))).map(SignedTx.encode)
      )
    default:
      return undefined
  }
}

/**
 * Transactions of one row of `Transaction.rows`. What wraps a transaction wraps one that may be wrapped, and a payload
 * is empty or an off-chain transaction.
 *
 * @since 0.1.0
 * @category transactions
 */
export const transactionOf = (row: Transaction.Row): Arbitrary<Transaction.Transaction> => {
  const filled = Object.entries(row.fields).flatMap(([name, { kind }]) => {
    const content = contents(kind)
    return content === undefined ? [] : [[name, content] as const]
  })
  if (filled.length === 0) return plain(row)
  return FastCheck.tuple(plain(row), FastCheck.record(Object.fromEntries(filled))).map(([tx, fields]) =>
    Object.assign({}, tx, fields)
  )
}

/**
 * One generator for each kind of transaction, in all its versions.
 *
 * @since 0.1.0
 * @category transactions
 */
export const transactions = Object.fromEntries(
  Transaction.rows.map(({ name }) => [name, FastCheck.oneof(...rowsOf(name).map(transactionOf))])
) as Table<Transaction.Transaction>

/** Any transaction. @since 0.1.0 @category transactions */
export const transaction: Arbitrary<Transaction.Transaction> = FastCheck.oneof(
  ...Object.values<Arbitrary<Transaction.Transaction>>(transactions)
)

/**
 * Any transaction, unsigned, half-signed or co-signed; the signatures are good for nothing.
 *
 * @since 0.1.0
 * @category transactions
 */
export const signedTx: Arbitrary<SignedTx.SignedTx> = signedOf(transaction)

/** As {@link signedTx}, for off-chain transactions of the current version. @since 0.1.0 @category transactions */
export const offChainTx: Arbitrary<SignedTx.SignedTx> = signedOf(
  FastCheck.record({
    _tag: FastCheck.constant("ChannelOffchainTx" as const),
    version: FastCheck.constant(2 as const),
    channelId: encoded("ch"),
    round: FastCheck.integer({ min: 1, max: 2 ** 40 }),
    stateHash: bytesOf(32)
  })
)

/**
 * Transactions (default: any) with good signatures of all these key pairs, for a network.
 *
 * @since 0.1.0
 * @category transactions
 */
export const signedBy = (
  keyPairs: ReadonlyArray<KeyPair>,
  options: {
    readonly networkId: string
    readonly transaction?: Arbitrary<Transaction.Transaction>
    readonly crypto?: CryptoService
  }
): Arbitrary<SignedTx.SignedTx> => {
  const { crypto = noble, networkId } = options
  return (options.transaction ?? transaction).map((tx) =>
    keyPairs.reduce(
      (signed, keyPair) => SignedTx.sign(signed, keyPair, { networkId, crypto }),
      SignedTx.unsigned(tx)
    )
  )
}

const height = FastCheck.nat(1_000_000)
const accounts = FastCheck.array(account, { maxLength: 3 })
const accountOrContract = FastCheck.oneof(account, contractId)

/** An account on the chain, also a generalized one. @since 0.1.0 @category chain objects */
export const accountObject: Arbitrary<Account.Account> = FastCheck.oneof(
  FastCheck.record({ balance: amount, nonce: amount, flags: FastCheck.nat(300) }),
  FastCheck.record({
    balance: amount,
    nonce: amount,
    flags: FastCheck.nat(3),
    authentication: FastCheck.record({ contract: contractId, functionHash: bytesOf(32) })
  })
)

const channelState = {
  initiatorId: account,
  responderId: account,
  channelAmount: amount,
  initiatorAmount: amount,
  responderAmount: amount,
  channelReserve: amount,
  stateHash: bytesOf(32),
  round: height,
  soloRound: height,
  lockPeriod: height,
  lockedUntil: height
}
const authentications = { initiatorAuth: bytes, responderAuth: bytes }

/** A channel on the chain, in all versions. @since 0.1.0 @category chain objects */
export const channelObject: Arbitrary<ChannelObject.ChannelObject> = FastCheck.oneof(
  FastCheck.record({ version: FastCheck.constant(1 as const), ...channelState, delegateIds: accounts }),
  FastCheck.record({
    version: FastCheck.constant(2 as const),
    ...channelState,
    ...authentications,
    delegateIds: accounts
  }),
  FastCheck.record({
    version: FastCheck.constant(3 as const),
    ...channelState,
    ...authentications,
    initiatorDelegateIds: accounts,
    responderDelegateIds: accounts
  })
)

/** The result of a contract call. @since 0.1.0 @category chain objects */
export const callObject: Arbitrary<CallObject.CallObject> = FastCheck.tuple(
  FastCheck.record({
    callerId: accountOrContract,
    callerNonce: amount,
    height,
    contractId,
    gasPrice: amount,
    gasUsed: amount,
    returnValue: bytes,
    returnType: FastCheck.constantFrom<CallObject.ReturnType>("ok", "error", "revert"),
    log: FastCheck.array(
      FastCheck.record({
        address: bytesOf(32),
        topics: FastCheck.array(bytesOf(32), { maxLength: 4 }),
        data: bytes
      }),
      { maxLength: 3 }
    )
  }),
  FastCheck.boolean(),
  bytesOf(32)
).map(([call, named, callKey]) => (named ? { ...call, callKey } : call))

/** A contract, with its code or a reference to it. @since 0.1.0 @category chain objects */
export const contractObject: Arbitrary<ContractObject.ContractObject> = FastCheck.tuple(
  FastCheck.record({
    version: FastCheck.constantFrom(1 as const, 2 as const),
    ownerId: accountOrContract,
    ctVersion: FastCheck.constantFrom(
      ContractObject.packVersions({ vmVersion: 5, abiVersion: 3 }),
      ContractObject.packVersions({ vmVersion: 7, abiVersion: 3 }),
      ContractObject.packVersions({ vmVersion: 8, abiVersion: 3 }),
      ContractObject.packVersions({ vmVersion: 6, abiVersion: 1 })
    ),
    code: bytes,
    log: bytes,
    active: FastCheck.boolean(),
    referrerIds: FastCheck.array(contractId, { maxLength: 2 }),
    deposit: amount
  }),
  FastCheck.boolean(),
  contractId
).map(([contract, refers, codeRef]) =>
  refers && contract.version === 2 ? { ...contract, code: new Uint8Array(), codeRef } : contract
)

/** The compiled code of a contract. @since 0.1.0 @category chain objects */
export const codeObject: Arbitrary<CodeObject.CodeObject> = FastCheck.record({
  sourceHash: bytesOf(32),
  typeInfo: FastCheck.array(
    FastCheck.record({
      typeHash: bytesOf(32),
      name: bytes,
      payable: FastCheck.boolean(),
      argumentType: bytes,
      outType: bytes
    }),
    { maxLength: 2 }
  ),
  byteCode: bytes,
  compilerVersion: bytes,
  payable: FastCheck.boolean()
})
