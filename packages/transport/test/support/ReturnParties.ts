/** What the processes of one test know of each other. */
import type { OpenOptions } from "@aechannel/core/client/Channel"
import type { KeyPair } from "@aechannel/core/crypto/KeyPair"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import { TestCrypto, TestNode } from "@aechannel/core/testing"

export const networkId = "ae_test"

export const partyOf = (role: Role): KeyPair => TestCrypto.keyPair(role)

export const openOptions = (role: Role): OpenOptions => ({
  role,
  networkId,
  ...(role === "initiator" ? { host: "localhost" } : {}),
  port: 3333,
  initiatorId: partyOf("initiator").address,
  responderId: partyOf("responder").address,
  initiatorAmount: 10n * TestNode.AE,
  responderAmount: 10n * TestNode.AE,
  pushAmount: 0n,
  channelReserve: 0n,
  lockPeriod: 10
})
