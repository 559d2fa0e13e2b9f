/**
 * A connection in use: reads frames and makes messages of them, not too far ahead of those who work on them, and sends
 * requests in order.
 *
 * @internal
 */
import { Cause, Deferred, Duration, Effect, Exit, FiberId, Option } from "effect"
import type { DecodeError } from "../../../encoding/DecodeError.js"
import type { CodecService } from "../../../protocol/Codec.js"
import { TransportError } from "../../../protocol/Errors.js"
import type { NodeMessage } from "../../../protocol/NodeMessage.js"
import {
  type Connection,
  incomingOf,
  type Incoming,
  type Offer,
  offerOf
} from "../../../services/Transport.js"
import type { ClientEvent } from "../../ClientMachine.js"
import { glimpse } from "../glimpse.js"
import { type Fibers, isOver } from "./Fibers.js"

/** Messages that are read before those that came earlier are worked on; also read in one go. */
const messagesAhead = 64

/** How long a connection on which nothing can be sent may keep silent before it counts as ended. */
const lastWords = Duration.seconds(5)

export const closedByUs = new TransportError({
  reason: "closed_by_us",
  operation: "channel",
  detail: "the channel's scope was closed"
})

const unexpected = (operation: string): TransportError =>
  new TransportError({
    reason: "connection_lost",
    operation,
    detail: "the connection ended with an unexpected error"
  })

/** How the connection ended, by how what used it did. */
const endOf = (cause: Cause.Cause<TransportError>, operation: string): TransportError =>
  Option.getOrElse(Cause.failureOption(cause), () =>
    Cause.isInterruptedOnly(cause) ? closedByUs : unexpected(operation)
  )

/**
 * What the reading half does:
 *
 * - `idle`: nothing, as too many messages wait
 * - `reading`: takes what is there
 * - `waiting`: for the connection to say something
 * - `busy`: lets others go first, or a codec take its time
 */
type Reading = "idle" | "reading" | "waiting" | "busy"

export class Wire {
  private reading: Reading = "idle"
  /** Messages that nobody has worked on yet. */
  private ahead = 0
  private framesRead = 0
  private ended = false
  private readonly end = Deferred.unsafeMake<void>(FiberId.none)
  private sending = false
  private readonly unsent: Array<string> = []
  /** Nothing can be sent any more. */
  private mute = false
  private readonly offer: Offer | undefined
  private readonly incoming: Incoming | undefined

  constructor(
    private readonly connection: Connection,
    private readonly codec: CodecService,
    private readonly fibers: Fibers,
    private readonly tell: (event: ClientEvent) => void
  ) {
    this.offer = offerOf(connection)
    this.incoming = incomingOf(connection)
  }

  /** Begins to read. */
  open(): void {
    this.incoming?.onReadable(() => {
      if (this.reading !== "waiting") return
      this.reading = "idle"
      this.read()
    })
    this.read()
  }

  /** A message that was told has been worked on. */
  release(): void {
    this.ahead -= 1
    this.read()
  }

  /** Hears nothing more. */
  close(error: TransportError = closedByUs): void {
    if (this.ended) return
    this.ended = true
    this.tell({ _tag: "Disconnected", error })
    Deferred.unsafeDone(this.end, Exit.void)
  }

  // ---------------------------------------------------------------- in

  private read(): void {
    if (this.reading !== "idle" || this.ended) return
    this.reading = "reading"
    for (let frames = 0; this.reading === "reading"; frames++) {
      if (this.ended || this.ahead >= messagesAhead) this.reading = "idle"
      else if (frames === messagesAhead) this.rest()
      else this.next()
    }
  }

  /** Goes on later. */
  private goOn(): void {
    this.reading = "idle"
    this.read()
  }

  private rest(): void {
    this.reading = "busy"
    this.fibers.watch(this.fibers.start(Effect.yieldNow()), () => this.goOn())
  }

  private next(): void {
    const { incoming } = this
    if (incoming !== undefined) {
      const next = incoming.poll()
      if (next === undefined) this.reading = "waiting"
      else if (typeof next === "string") this.frame(next)
      else this.close(next)
      return
    }
    const fiber = this.fibers.start(this.connection.receive)
    const exit = fiber.unsafePoll()
    if (exit !== null) return this.received(exit)
    this.reading = "waiting"
    this.fibers.watch(fiber, (exit) => {
      this.reading = "reading"
      this.received(exit)
      if (this.reading === "reading") this.goOn()
    })
  }

  private received(exit: Exit.Exit<string, TransportError>): void {
    if (Exit.isSuccess(exit)) this.frame(exit.value)
    else this.close(endOf(exit.cause, "receive"))
  }

  private frame(text: string): void {
    this.framesRead += 1
    const messages = this.codec.decodeNodeFrame(text)
    if (isOver(messages)) return this.decoded(text, messages)
    const fiber = this.fibers.start(messages)
    const exit = fiber.unsafePoll()
    if (exit !== null) return this.decoded(text, exit)
    this.reading = "busy"
    this.fibers.watch(fiber, (exit) => {
      this.decoded(text, exit)
      this.goOn()
    })
  }

  private decoded(text: string, exit: Exit.Exit<ReadonlyArray<NodeMessage>, DecodeError>): void {
    if (Exit.isSuccess(exit)) {
      this.ahead += exit.value.length
      for (const message of exit.value) this.tell({ _tag: "Received", message })
      return
    }
    const error = Cause.failureOption(exit.cause)
    if (Option.isNone(error)) return this.close(unexpected("receive"))
    this.ahead += 1
    this.tell({ _tag: "Undecodable", error: error.value, ...glimpse(text) })
  }

  // ---------------------------------------------------------------- out

  /** Sends a frame after those that wait. */
  send(text: string): void {
    if (this.mute) return
    this.unsent.push(text)
    if (!this.sending) this.flush()
  }

  private flush(): void {
    this.sending = true
    for (let text = this.unsent.shift(); text !== undefined; text = this.unsent.shift()) {
      if (this.offer?.(text) === true) continue
      const fiber = this.fibers.start(this.connection.send(text))
      const exit = fiber.unsafePoll()
      if (exit === null) return this.fibers.watch(fiber, (exit) => this.sent(exit) && this.flush())
      if (!this.sent(exit)) return
    }
    this.sending = false
  }

  private sent(exit: Exit.Exit<void, TransportError>): boolean {
    if (Exit.isSuccess(exit)) return true
    this.mute = true
    this.unsent.length = 0
    const error = endOf(exit.cause, "send")
    const fiber = this.fibers.start(Effect.raceFirst(Deferred.await(this.end), this.silence))
    const end = (): void => this.close(error)
    if (fiber.unsafePoll() === null) this.fibers.watch(fiber, end)
    else end()
    return false
  }

  /**
   * A frame cannot be sent: the connection is over. What the node said before is still to be heard, and its end tells
   * more than this. Only if neither comes this is how it ended.
   */
  private readonly silence: Effect.Effect<void> = Effect.suspend(() => {
    const before = this.framesRead
    return Effect.flatMap(Effect.sleep(lastWords), () =>
      this.reading === "waiting" && this.framesRead === before ? Effect.void : this.silence
    )
  })
}
