/**
 * A party that closes with a state of long ago, past its node: it has kept everything that was ever signed. And one that
 * does not wait until it is paid out.
 */
import type { ChannelObject } from "../../../src/chain/ChannelObject.js"
import * as Fee from "../../../src/chain/Fee.js"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import type { ChannelId } from "../../../src/encoding/ApiEncoding.js"
import * as Ledger from "../../../src/node/Ledger.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import * as Poi from "../../../src/state/Poi.js"
import * as Trees from "../../../src/state/Trees.js"
import { networkId } from "../../support/NodeUnderTest.js"
import * as TestCrypto from "../../support/TestCrypto.js"
import { keyPairs, roles } from "./Doubles.js"
import type { System } from "./System.js"

const settlement = (
  ledger: Ledger.Ledger,
  channelId: ChannelId,
  { initiatorAmount, responderAmount }: ChannelObject,
  role: Role
): SignedTx.SignedTx => {
  const { address } = keyPairs[role]
  const tx = Fee.withMinimumFee(
    {
      _tag: "ChannelSettleTx",
      version: 1,
      channelId,
      fromId: address,
      initiatorAmountFinal: initiatorAmount,
      responderAmountFinal: responderAmount,
      ttl: 0,
      fee: 0n,
      nonce: Ledger.nextNonce(ledger, address)
    } as const,
    Fee.defaultMinerGasPrice
  )
  return SignedTx.sign(SignedTx.unsigned(tx), keyPairs[role], { networkId, crypto: TestCrypto.native })
}

/**
 * Closes with the state of so many rounds ago, or one after it that the chain still takes; slashes with it, where the
 * channel is being closed already.
 */
export const cheat = (system: System, role: Role, age: number): void => {
  const { auditor, ledger } = system
  const { channelId } = auditor
  const channel = channelId === undefined ? undefined : Ledger.channel(ledger, channelId)
  if (channelId === undefined || channel === undefined) return
  const latest = auditor.record(role)?.round ?? 0
  const isClosing = channel.lockedUntil > 0
  // What the chain has from others is no older than this.
  const round = isClosing ? latest - age : Math.max(latest - age, channel.round)
  const record = auditor.states(role).get(round)
  if (record?.coSigned === undefined) return
  // A state that came on chain by itself needs no payload, and must not have one.
  const isThere = round === channel.round
  if ((isClosing || !isThere) && record.coSigned.tx._tag !== "ChannelOffchainTx") return
  const poi = Poi.build(Trees.decodeOrThrow(record.trees), {
    accounts: roles.map((each) => keyPairs[each].address)
  })
  if (poi instanceof Poi.NotFound) throw new Error("a state without its parties")
  const { address } = keyPairs[role]
  if (isClosing && age > 2)
    return system.submit(`the ${role} settles`, settlement(ledger, channelId, channel, role))
  const tx = Fee.withMinimumFee(
    {
      _tag: isClosing ? "ChannelSlashTx" : "ChannelCloseSoloTx",
      version: 1,
      channelId,
      fromId: address,
      payload: isThere && !isClosing ? new Uint8Array() : SignedTx.encode(record.coSigned),
      poi: Poi.encode(poi),
      ttl: 0,
      fee: 0n,
      nonce: Ledger.nextNonce(ledger, address)
    } as const,
    Fee.defaultMinerGasPrice
  )
  auditor.count("cheats")
  const signedTx = SignedTx.sign(SignedTx.unsigned(tx), keyPairs[role], {
    networkId,
    crypto: TestCrypto.native
  })
  system.submit(`the ${role} ${isClosing ? "slashes" : "closes"} with round ${round} of ${latest}`, signedTx)
}
