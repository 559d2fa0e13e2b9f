import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Layer, Scope } from "effect"
import { ChannelNode, type ChannelNodeService, type ClientLink } from "../../src/node/ChannelNode.js"
import * as InMemoryTransport from "../../src/node/InMemoryTransport.js"
import { Transport } from "../../src/services/Transport.js"

/** A node that does what a frame says, and keeps what it was told. */
const scripted = () => {
  const heard: Array<string> = []
  const links: Array<ClientLink> = []
  const node: Pick<ChannelNodeService, "accept"> = {
    accept: (query, link) =>
      Effect.sync(() => {
        heard.push(`accept ${query}`)
        links.push(link)
        return {
          receive: (text) =>
            Effect.sync(() => {
              heard.push(text)
              const [verb, rest = ""] = text.split(" ")
              if (verb === "echo") link.send(rest)
              if (verb === "close") link.close(Number(rest))
              if (verb === "cut") link.terminate()
            }),
          closed: Effect.sync(() => void heard.push("closed"))
        }
      })
  }
  const stub = node as ChannelNodeService
  return { heard, links, layer: Layer.provide(InMemoryTransport.layer, Layer.succeed(ChannelNode, stub)) }
}

const connect = (query: string) => Effect.flatMap(Transport, (transport) => transport.connect(query))

describe("InMemoryTransport", () => {
  it.scoped("carries text in order, both ways", () => {
    const { heard, layer } = scripted()
    return Effect.gen(function* () {
      const { receive, send } = yield* connect("role=initiator")
      for (const word of ["a", "b", "c"]) yield* send(`echo ${word}`)
      expect([yield* receive, yield* receive, yield* receive]).toEqual(["a", "b", "c"])
      expect(heard).toEqual(["accept role=initiator", "echo a", "echo b", "echo c"])
    }).pipe(Effect.provide(layer))
  })

  it.scoped("gives what was sent before the end, then how it ended, again and again", () => {
    const { layer } = scripted()
    return Effect.gen(function* () {
      const { receive, send } = yield* connect("q")
      yield* send("echo last")
      yield* send("close 1011")
      expect(yield* receive).toBe("last")
      for (const _ of [1, 2])
        expect(yield* Effect.flip(receive)).toMatchObject({ reason: "closed_by_node", closeCode: 1011 })
      expect(yield* Effect.flip(send("echo more"))).toMatchObject({
        reason: "closed_by_node",
        operation: "send"
      })
    }).pipe(Effect.provide(layer))
  })

  it.scoped("tells a cut from a close", () => {
    const { layer } = scripted()
    return Effect.gen(function* () {
      const { receive, send } = yield* connect("q")
      yield* send("cut")
      expect(yield* Effect.flip(receive)).toMatchObject({ reason: "connection_lost", closeCode: 1006 })
    }).pipe(Effect.provide(layer))
  })

  it.effect("closes with its scope, tells the node once, and hears nothing more", () => {
    const { heard, layer, links } = scripted()
    return Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { receive, send } = yield* Scope.extend(connect("q"), scope)
      yield* Scope.close(scope, Exit.void)
      links[0]?.send("late")
      links[0]?.close(1000)
      expect(yield* Effect.flip(receive)).toMatchObject({ reason: "closed_by_us" })
      expect(yield* Effect.flip(send("echo"))).toMatchObject({ reason: "closed_by_us" })
      expect(heard).toEqual(["accept q", "closed"])
    }).pipe(Effect.provide(layer))
  })

  it.scoped("ends a receive that waits", () => {
    const { layer, links } = scripted()
    return Effect.gen(function* () {
      const { receive } = yield* connect("q")
      const waiting = yield* Effect.fork(Effect.flip(receive))
      yield* Effect.yieldNow()
      links[0]?.close(1000)
      expect(yield* waiting).toMatchObject({ reason: "closed_by_node", closeCode: 1000 })
    }).pipe(Effect.provide(layer))
  })

  it.scoped("does not connect without a query", () => {
    const { heard, layer } = scripted()
    return Effect.gen(function* () {
      expect(yield* Effect.flip(connect(""))).toMatchObject({ _tag: "TransportError", reason: "connect" })
      expect(heard).toEqual([])
    }).pipe(Effect.provide(layer))
  })

  it.scoped("keeps connections apart", () => {
    const { layer } = scripted()
    return Effect.gen(function* () {
      const a = yield* connect("a")
      const b = yield* connect("b")
      yield* a.send("echo for-a")
      yield* b.send("echo for-b")
      yield* a.send("close 1000")
      expect([yield* a.receive, yield* b.receive]).toEqual(["for-a", "for-b"])
      yield* b.send("echo still")
      expect(yield* b.receive).toBe("still")
    }).pipe(Effect.provide(layer))
  })
})
