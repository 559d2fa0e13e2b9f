/**
 * Which requests carry an id. With an id a node answers every request (`"ok"` when it has nothing to say) and names the
 * request it refuses; without one it answers only with values and refusals, and a refusal is found by the request it
 * echoes.
 *
 * Specification: channel WebSocket API, JSON-RPC envelope.
 *
 * @since 0.1.0
 */
import type { Dialect } from "../protocol/Codec.js"
import type { Request } from "../protocol/Request.js"

/**
 * For every kind of request whether it carries an id.
 *
 * @since 0.1.0
 * @category models
 */
export type RequestIdTable = { readonly [T in Request["_tag"]]: boolean }

/**
 * Everything carries an id.
 *
 * @since 0.1.0
 * @category tables
 */
export const always: RequestIdTable = {
  Transfer: true,
  NewContract: true,
  NewContractFromOnChain: true,
  CallContract: true,
  DryRunContract: true,
  GetContractCall: true,
  GetContract: true,
  CleanContractCalls: true,
  ForceProgress: true,
  Deposit: true,
  Withdraw: true,
  Shutdown: true,
  Leave: true,
  SendMessage: true,
  Ping: true,
  Stop: true,
  AssumeMinimumDepth: true,
  GetBalances: true,
  GetPoi: true,
  GetOffChainState: true,
  FetchHistory: true,
  SnapshotSolo: true,
  CloseSolo: true,
  Slash: true,
  Settle: true,
  SigningReply: true,
  SigningError: true
}

/**
 * Everything but signatures. What becomes of a signature is reported, so a node's `"ok"` to it would be a frame for
 * nothing, and its refusal is found by the transaction in it, which no other request has. The default.
 *
 * @since 0.1.0
 * @category tables
 */
export const usual: RequestIdTable = { ...always, SigningReply: false }

/**
 * As the API documents' recorded session has it: queries, signatures and `stop` carry an id; proposals, messages and
 * refusals to sign do not.
 *
 * @since 0.1.0
 * @category tables
 */
export const asDocumented: RequestIdTable = {
  ...always,
  Transfer: false,
  NewContract: false,
  NewContractFromOnChain: false,
  CallContract: false,
  Deposit: false,
  Withdraw: false,
  Shutdown: false,
  Leave: false,
  SendMessage: false,
  SnapshotSolo: false,
  CloseSolo: false,
  Slash: false,
  Settle: false,
  SigningError: false
}

/**
 * Nothing carries an id: for nodes of the oldest dialect, which has none.
 *
 * @since 0.1.0
 * @category tables
 */
export const never: RequestIdTable = {
  ...asDocumented,
  DryRunContract: false,
  GetContractCall: false,
  GetContract: false,
  CleanContractCalls: false,
  ForceProgress: false,
  Ping: false,
  Stop: false,
  AssumeMinimumDepth: false,
  GetBalances: false,
  GetPoi: false,
  GetOffChainState: false,
  FetchHistory: false,
  SigningReply: false
}

/**
 * Queries only: for nodes of `json-rpc-tx`, of which those before June 2019 answer nothing else.
 *
 * @since 0.1.0
 * @category tables
 */
export const queries: RequestIdTable = {
  ...never,
  DryRunContract: true,
  GetContractCall: true,
  GetContract: true,
  CleanContractCalls: true,
  Ping: true,
  GetBalances: true,
  GetPoi: true,
  GetOffChainState: true
}

/**
 * What a client does on its own account: {@link usual}, or what the nodes of an older dialect understand.
 *
 * @since 0.1.0
 * @category tables
 */
export const byDialect: { readonly [D in Dialect]: RequestIdTable } = {
  legacy: never,
  "json-rpc-tx": queries,
  "json-rpc-signed-tx": usual,
  "json-rpc": usual
}
