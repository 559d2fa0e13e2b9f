/**
 * Why a node refuses a contract request without saying so: the round can be computed here.
 *
 * @internal
 */
import * as ContractObject from "../../chain/ContractObject.js"
import type { AccountAddress } from "../../encoding/ApiEncoding.js"
import * as FateContracts from "../../fate/Contracts.js"
import type { NodeMessage } from "../../protocol/NodeMessage.js"
import type { Request } from "../../protocol/Request.js"
import * as Apply from "../../state/Apply.js"
import * as Update from "../../state/Update.js"
import type { Draft } from "./draft.js"
import { withoutChain } from "./execution.js"

type Refused = Extract<NodeMessage, { readonly _tag: "Refused" }>

const internalError = -32603
const initFailed = 1007

/** Refusals that do not tell the reason, or not all of it. */
const isVague = ({ code, data }: Refused): boolean =>
  code === internalError || data.some((each) => each.code === initFailed)

const updateOf = (
  request: Request,
  own: AccountAddress
): Update.OffChainCallContract | Update.OffChainNewContract | undefined => {
  switch (request._tag) {
    case "NewContract": {
      const { abiVersion, callData, code, deposit, vmVersion } = request
      const ctVersion = ContractObject.packVersions({ vmVersion, abiVersion })
      return { _tag: "OffChainNewContract", owner: own, ctVersion, code, deposit, callData }
    }
    case "CallContract":
    case "DryRunContract":
      return Update.call(own, request)
    case "ForceProgress":
      return Update.call(own, request, request)
    default:
      return undefined
  }
}

/** What makes the request impossible on our own state; `undefined` where nothing does, or that cannot be known. */
export const whyRefused = (draft: Draft, refused: Refused, request: Request): string | undefined => {
  const { config, latest } = draft.state
  const update = isVague(refused) ? updateOf(request, config.own) : undefined
  if (latest === undefined || update === undefined) return undefined
  const round = { round: latest.round + 1, channelReserve: config.terms.channelReserve }
  const done = FateContracts.dryRun(latest.trees, update, round, withoutChain(config), draft.env.crypto)
  if (!("reason" in done)) return undefined
  // The node may know what only the chain can say.
  if (done.reason === "chain_data_unavailable") return undefined
  return new Apply.UpdateError({ ...done, update, index: 0 }).why
}
