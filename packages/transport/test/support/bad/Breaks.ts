/** How a node's connection may end, at any moment. */
import type { TransportReason } from "@aechannel/core/protocol/Errors"
import type { FakeNode } from "./FakeNode.js"

export interface BreakRow {
  readonly name: string
  readonly breaks: (node: FakeNode) => void
  readonly reason: TransportReason
  readonly closeCode: number
}

const closes = (code: number): BreakRow => ({
  name: `closes with ${code}`,
  breaks: (node) => node.close(code),
  reason: "closed_by_node",
  closeCode: code
})

/** A frame of a server: text, final, no mask. */
const frame = (...bytes: ReadonlyArray<number>): Uint8Array => new Uint8Array(bytes)

const writes = (name: string, bytes: Uint8Array): BreakRow => ({
  name,
  breaks: (node) => node.write(bytes),
  reason: "connection_lost",
  closeCode: 1006
})

export const breakRows: ReadonlyArray<BreakRow> = [
  ...[1000, 1001, 1002, 1008, 1011, 3000, 4999].map(closes),
  {
    name: "closes without a code",
    breaks: (node) => node.close(),
    reason: "closed_by_node",
    closeCode: 1005
  },
  { name: "is cut off", breaks: (node) => node.cut(), reason: "connection_lost", closeCode: 1006 },
  {
    name: "is cut off in the middle of a frame",
    breaks: (node) => {
      node.write(frame(0x81, 100, 0x7b))
      setImmediate(() => node.cut())
    },
    reason: "connection_lost",
    closeCode: 1006
  },
  writes("sends text that is not UTF-8", frame(0x81, 2, 0xc3, 0x28)),
  writes("sends a frame with a mask", frame(0x81, 0x82, 0, 0, 0, 0, 0x7b, 0x7d)),
  writes("sends a reserved kind of frame", frame(0x83, 0)),
  writes("sends a compressed frame that was never agreed", frame(0xc1, 1, 0x7b)),
  writes("sends a frame longer than the client takes", frame(0x81, 127, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff)),
  writes("sends a continuation of nothing", frame(0x80, 1, 0x7b)),
  writes("sends a ping that is too long", frame(0x89, 126, 0, 200))
]
