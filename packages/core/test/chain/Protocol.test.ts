import { describe, expect, it } from "@effect/vitest"
import * as Protocol from "../../src/chain/Protocol.js"

describe("Protocol", () => {
  it("changes at the first height of each hard fork", () => {
    const forks: ReadonlyArray<readonly [string, ReadonlyArray<number>]> = [
      ["ae_mainnet", [0, 47_800, 90_800, 161_150, 441_444, 941_700]],
      ["ae_uat", [0, 40_900, 82_900, 154_300, 425_900, 939_750]]
    ]
    for (const [networkId, heights] of forks) {
      heights.forEach((height, index) => {
        expect(Protocol.protocolAt(networkId, height)).toBe(index + 1)
        if (height > 0) expect(Protocol.protocolAt(networkId, height - 1)).toBe(index)
      })
    }
  })

  it("is Ceres from height 1 on for ae_dev and unknown networks, and what test networks are named after", () => {
    for (const networkId of ["ae_dev", "my_network", ""]) {
      expect([0, 1, 1_000_000].map((height) => Protocol.protocolAt(networkId, height))).toEqual([1, 6, 6])
    }
    expect(Protocol.protocolAt("local_lima_testnet", 5)).toBe(Protocol.lima)
    expect(Protocol.protocolAt("local_iris_testnet", 5)).toBe(Protocol.iris)
    expect(Protocol.all.map(Protocol.name)).toEqual(["roma", "minerva", "fortuna", "lima", "iris", "ceres"])
  })
})
