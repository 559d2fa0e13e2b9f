import { describe, expect, it } from "@effect/vitest"
import type { AccountAddress, ContractId } from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as Ids from "../../src/chain/Ids.js"
import { fixture } from "../support/Shared.js"

interface KnownIds {
  readonly initiatorOrOwner: AccountAddress
  readonly nonceOrRound: string
  readonly responder: AccountAddress
  readonly contractForCall: ContractId
  readonly channelId: string
  readonly contractId: string
  readonly callId: string
}

const rows: ReadonlyArray<KnownIds> = fixture("ids").rows

describe("Ids", () => {
  it("channel, contract and call ids", () => {
    for (const row of rows) {
      const nonce = BigInt(row.nonceOrRound)
      expect(Ids.channelId(row.initiatorOrOwner, nonce, row.responder)).toBe(row.channelId)
      expect(Ids.contractId(row.initiatorOrOwner, nonce)).toBe(row.contractId)
      expect(Bytes.toHex(Ids.callId(row.initiatorOrOwner, nonce, row.contractForCall))).toBe(row.callId)
      if (nonce <= BigInt(Number.MAX_SAFE_INTEGER)) {
        expect(Ids.contractId(row.initiatorOrOwner, Number(nonce))).toBe(row.contractId)
      }
    }
    console.log(`ids.json: ${rows.length} rows of three ids`)
    expect(rows.length).toBe(10)
  })

  it("an authentication id takes the place of the nonce", () => {
    const row = rows[0] as KnownIds
    const authId = Ids.authId(row.initiatorOrOwner, Uint8Array.of(1))
    expect(authId.length).toBe(32)
    expect(Ids.channelId(row.initiatorOrOwner, authId, row.responder)).not.toBe(row.channelId)
    // The same 32 bytes as a nonce: the id sees no difference.
    const asNumber = BigInt(`0x${Bytes.toHex(authId)}`)
    expect(Ids.channelId(row.initiatorOrOwner, authId, row.responder)).toBe(
      Ids.channelId(row.initiatorOrOwner, asNumber, row.responder)
    )
    const call = Ids.callId(row.initiatorOrOwner, authId, row.contractForCall)
    expect(call).toEqual(Ids.callId(row.responder, authId, row.contractForCall))
    expect(() => Ids.channelId(row.initiatorOrOwner, Uint8Array.of(1), row.responder)).toThrow(RangeError)
  })
})
