/** A node without channels: it does what a frame says, and keeps what it was told. */
import { ChannelNode, type ChannelNodeService, type ClientLink } from "@aechannel/core/node/ChannelNode"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export interface StubNode {
  readonly heard: Array<string>
  readonly links: Array<ClientLink>
  readonly layer: Layer.Layer<ChannelNode>
}

/** Frames: `echo TEXT`, `repeat COUNT SIZE`, `close CODE`, `cut`, `die`; others are only kept. */
export const make = (): StubNode => {
  const heard: Array<string> = []
  const links: Array<ClientLink> = []
  const obey = (link: ClientLink, text: string): void => {
    const [verb = "", first = "", second = ""] = text.split(" ")
    if (verb === "echo") link.send(text.slice(5))
    if (verb === "repeat") for (let i = 0; i < Number(first); i++) link.send("x".repeat(Number(second)))
    if (verb === "close") link.close(Number(first))
    if (verb === "cut") link.terminate()
    if (verb === "die") throw new Error("the session broke")
  }
  const node: ChannelNodeService = {
    accept: (query, link) =>
      Effect.sync(() => {
        heard.push(`accept ${query}`)
        links.push(link)
        if (query === "greet") link.send("hello")
        if (query === "refuse") {
          link.send("no")
          link.close(1000)
        }
        if (query === "crash") link.close(1011)
        return {
          receive: (text) =>
            Effect.sync(() => {
              heard.push(text.length > 100 ? `${text.length} characters` : text)
              obey(link, text)
            }),
          closed: Effect.sync(() => void heard.push("closed"))
        }
      }),
    submit: () => Effect.die("not here"),
    mine: () => Effect.die("not here"),
    mineMicro: Effect.die("not here"),
    fund: () => Effect.die("not here"),
    fork: () => Effect.die("not here"),
    breakLinks: Effect.die("not here"),
    disturb: () => Effect.die("not here"),
    travel: () => Effect.die("not here"),
    dump: Effect.die("not here"),
    load: () => Effect.die("not here"),
    observe: () => Effect.die("not here"),
    channels: Effect.die("not here"),
    disconnect: () => Effect.die("not here"),
    snapshot: Effect.die("not here"),
    revert: () => Effect.die("not here"),
    auto: () => Effect.die("not here"),
    ledger: Effect.succeed(Ledger.make({ networkId: "ae_test", accounts: [] })),
    storageFailure: Effect.never
  }
  return { heard, links, layer: Layer.succeed(ChannelNode, node) }
}
