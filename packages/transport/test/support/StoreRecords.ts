/** Records that every process of a test makes alike. */
import type * as ChannelStore from "@aechannel/core/services/ChannelStore"
import { Arbitraries } from "@aechannel/core/testing"
import { FastCheck } from "effect"

/** Of several channels. */
export const records: ReadonlyArray<ChannelStore.ChannelRecord> = FastCheck.sample(
  Arbitraries.channelRecord,
  {
    seed: 7,
    numRuns: 12
  }
)

/** The record of a round; its size changes from round to round, so that pages come and go. */
export const recordOf = (round: number, index = 0): ChannelStore.ChannelRecord => {
  const record = records[index]
  if (record === undefined) throw new Error("no such record")
  const trees = new Uint8Array(200 + ((round * 997) % 9000)).fill(round % 256)
  return { ...record, round, trees }
}
