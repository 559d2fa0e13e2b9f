/**
 * What `aechannel record` does.
 *
 * @since 0.1.0
 */
import * as NodeServer from "@aechannel/transport/NodeServer"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Proxy from "./Proxy.js"
import { Recorder } from "./Recorder.js"

/**
 * The recording cannot be written.
 *
 * @since 0.1.0
 * @category errors
 */
export class RecordError extends Data.TaggedError("RecordError")<{
  readonly file: string
  readonly detail: string
}> {
  override get message(): string {
    return `cannot write the recording to ${this.file}: ${this.detail}. Choose another file with --out.`
  }
}

const encoder = new TextEncoder()

/** Where lines go, in order; what is waiting is written when the scope closes. */
const writer = (
  file: string
): Effect.Effect<
  { readonly write: (line: string) => void; readonly failure: Effect.Effect<never, RecordError> },
  RecordError,
  FileSystem.FileSystem | Scope.Scope
> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const told = Effect.mapError(
      (error: { readonly message: string }) => new RecordError({ file, detail: error.message })
    )
    // Fsm ids are left out, but not what is said and paid.
    const opened = yield* told(fs.open(file, { flag: "wx", mode: 0o600 }))
    const lines = yield* Queue.unbounded<string>()
    const writeAll = (some: Iterable<string>) => {
      const text = Array.from(some, (line) => `${line}\n`).join("")
      return text === "" ? Effect.void : told(opened.writeAll(encoder.encode(text)))
    }
    yield* Effect.addFinalizer(() => Effect.ignore(Effect.flatMap(Queue.takeAll(lines), writeAll)))
    const fiber = yield* Effect.forkScoped(
      Effect.forever(
        Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(restore(Queue.takeBetween(lines, 1, Number.MAX_SAFE_INTEGER)), writeAll)
        )
      )
    )
    return { write: (line) => void Queue.unsafeOffer(lines, line), failure: fiber.await.pipe(Effect.flatten) }
  })

/**
 * A proxy that records, until its scope closes; gives the URL that clients connect to.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: { readonly listen: number; readonly to: string; readonly out: string }) =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const { failure, write } = yield* writer(options.out)
    const recorder = new Recorder(write, () => clock.unsafeCurrentTimeMillis())
    const transport = yield* Effect.provide(
      WebSocketTransport.make({ url: options.to }),
      WebSocketTransport.layerWs
    )
    const proxy = Proxy.layer(transport, recorder, options.to)
    const server = yield* Layer.build(Layer.provide(NodeServer.layer({ port: options.listen }), proxy))
    const { url } = yield* Effect.provide(NodeServer.NodeServer, server)
    return { url, failure }
  })

/**
 * Records until it is interrupted.
 *
 * @since 0.1.0
 * @category execution
 */
export const run = (options: { readonly listen: number; readonly to: string; readonly out: string }) =>
  Effect.gen(function* () {
    const { failure, url } = yield* make(options)
    yield* Console.log(`Recording ${options.to} into ${options.out}.`)
    yield* Console.log(`Channels:           ${url}`)
    yield* Console.log("Ready. Stop with Ctrl-C.")
    return yield* failure
  }).pipe(Effect.scoped)
