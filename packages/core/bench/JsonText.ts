import * as SignedTx from "../src/chain/SignedTx.js"
import * as Json from "../src/encoding/Json.js"
import * as Update from "../src/state/Update.js"
import { channelId, coSigned, initiator, responder } from "./Fixtures.js"
import * as Harness from "./Harness.js"

const notification = (method: string, data: Json.Json): string =>
  Json.stringify({ jsonrpc: "2.0", method, params: { channel_id: channelId, data }, version: 1 })

const frames = (): ReadonlyArray<readonly [name: string, text: string]> => {
  const signed = SignedTx.toText(coSigned(7))
  const transfer = Update.toJson({
    _tag: "OffChainTransfer",
    from: initiator.address,
    to: responder.address,
    amount: 1_000_000_000_000n
  })
  const entries = Array.from({ length: 100 }, (_, index) => ({
    info: { event: "update", round: index, done: true, amount: 10n ** 18n },
    tag: "info",
    time: "2026-01-01T00:00:00.000000Z",
    type: "report"
  }))
  return [
    ["info frame", notification("channels.info", { event: "own_funding_locked" })],
    ["sign.update frame", notification("channels.sign.update", { signed_tx: signed, updates: [transfer] })],
    ["history of 100 entries", Json.stringify({ id: 1, jsonrpc: "2.0", result: entries })]
  ]
}

export const jsonText = Harness.theme("json", () =>
  frames().flatMap(([name, text]) => {
    const plain: unknown = JSON.parse(text)
    const lossless = Json.parseOrThrow(text)
    return [
      {
        title: `Read: ${name}, ${text.length} characters`,
        compare: true,
        cases: [
          { name: "JSON.parse (rounds large integers)", run: (): unknown => JSON.parse(text) },
          { name: "Json.parse", run: () => Json.parseOrThrow(text) }
        ]
      },
      {
        title: `Write: ${name}, ${text.length} characters`,
        compare: true,
        cases: [
          { name: "JSON.stringify", run: () => JSON.stringify(plain) },
          { name: "Json.stringify", run: () => Json.stringify(lossless) }
        ]
      }
    ]
  })
)
