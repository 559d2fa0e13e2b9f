/** How an account becomes generalized. */
import * as ContractObject from "../../chain/ContractObject.js"
import * as Fee from "../../chain/Fee.js"
import type * as Transaction from "../../chain/Transaction.js"
import * as Bytes from "../../encoding/Bytes.js"
import { vmVersionAt } from "../../fate/internal/creating.js"

const fateAbi = 3

/** The transaction that attaches a contract to an account; the function is named by its id. */
export const attachment = ({
  functionId,
  protocol,
  ...fields
}: Pick<Transaction.GaAttachTx, "callData" | "code" | "nonce" | "ownerId"> & {
  readonly functionId: Uint8Array
  readonly protocol: number
}): Transaction.GaAttachTx => {
  const vmVersion = vmVersionAt[protocol] ?? 0
  const gasPrice = Fee.defaultMinerGasPrice
  const tx: Transaction.GaAttachTx = {
    _tag: "GaAttachTx",
    version: 1,
    ...fields,
    authFun: Bytes.concat(functionId, new Uint8Array(32 - functionId.length)),
    ctVersion: ContractObject.packVersions({ vmVersion, abiVersion: fateAbi }),
    fee: 0n,
    ttl: 0,
    gas: 100_000n,
    gasPrice
  }
  return Fee.withMinimumFee(tx, gasPrice, protocol)
}
