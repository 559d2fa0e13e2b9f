/**
 * The connection of a shell, and those that follow it: one at a time. What one of them has heard or is told never
 * reaches another.
 *
 * @internal
 */
import { Duration, Effect, Exit, Option, type Runtime, Schedule, Scope } from "effect"
import { Cause } from "effect"
import { dialects } from "../../../protocol/Codec.js"
import type { CodecService } from "../../../protocol/Codec.js"
import { TransportError } from "../../../protocol/Errors.js"
import { toQuery } from "../../../protocol/OpenParameters.js"
import type { OpenParameters, ReconnectParameters } from "../../../protocol/OpenParameters.js"
import type { TransportService } from "../../../services/Transport.js"
import type { ClientEvent } from "../../ClientMachine.js"
import { type AnyFiber, Fibers } from "./Fibers.js"
import { Wire } from "./Wire.js"

/** How long the end of a connection may take before the next is made all the same. */
const farewell = Duration.seconds(3)

const noSchedule = Schedule.stop

export class Connections {
  /** The connection in use. */
  wire: Wire | undefined
  private current: Scope.CloseableScope | undefined
  private next: AnyFiber | undefined
  private driver: Schedule.ScheduleDriver<unknown, TransportError> | undefined

  constructor(
    private readonly transport: TransportService,
    private readonly codec: CodecService,
    private readonly runtime: Runtime.Runtime<never>,
    private readonly fibers: Fibers,
    /** All connections end with it. */
    private readonly scope: Scope.Scope,
    private readonly schedule: Schedule.Schedule<unknown, TransportError> = noSchedule,
    private readonly tell: (event: ClientEvent) => void
  ) {}

  /** Makes a connection; nothing is heard of it before `open`. */
  connect(parameters: OpenParameters | ReconnectParameters): Effect.Effect<Wire, TransportError> {
    const query = toQuery(parameters, dialects[this.codec.dialect].protocol)
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen(this, function* () {
        const scope = yield* Scope.fork(this.scope, { _tag: "Sequential" })
        const connection = yield* restore(Scope.extend(this.transport.connect(query), scope)).pipe(
          Effect.onError(() => Scope.close(scope, Exit.void))
        )
        const fibers = new Fibers(this.runtime)
        const wire = new Wire(connection, this.codec, fibers, (event) => {
          if (this.wire === wire) this.tell(event)
        })
        yield* Scope.addFinalizer(
          scope,
          Effect.suspend(() => {
            wire.close()
            return fibers.close
          })
        )
        this.wire = wire
        this.current = scope
        return wire
      })
    )
  }

  /**
   * Puts a new connection in the place of the one there is; `after` tells how that ended, or how the last attempt did,
   * and waits as long as the schedule says.
   */
  replace(parameters: OpenParameters | ReconnectParameters, after: TransportError | undefined): void {
    this.stop()
    const attempt = Effect.gen(this, function* () {
      yield* this.close
      if (after !== undefined) yield* this.pause(after)
      return yield* this.connect(parameters)
    })
    const fiber = this.fibers.start(attempt)
    const made = (exit: Exit.Exit<Wire, TransportError | GivenUp>): void => {
      this.next = undefined
      if (Exit.isSuccess(exit)) {
        this.tell({ _tag: "Connected" })
        exit.value.open()
        return
      }
      const failure = Option.getOrElse(Cause.failureOption(exit.cause), () => unexpected)
      if (failure instanceof GivenUp) this.tell({ _tag: "Disconnected", error: failure.after, isFinal: true })
      else this.tell({ _tag: "Disconnected", error: failure })
    }
    const exit = fiber.unsafePoll()
    if (exit !== null) return made(exit)
    this.next = fiber
    this.fibers.watch(fiber, made)
  }

  /** Makes no other connection. */
  stop(): void {
    if (this.next !== undefined) this.fibers.interrupt(this.next)
    this.next = undefined
  }

  /** The next loss of a connection is the first again. */
  settled(): void {
    this.driver = undefined
  }

  /** Ends the connection. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    const { current } = this
    this.wire = undefined
    this.current = undefined
    if (current === undefined) return Effect.void
    return Effect.asVoid(Effect.timeoutOption(Effect.disconnect(Scope.close(current, Exit.void)), farewell))
  })

  private pause(after: TransportError): Effect.Effect<void, GivenUp> {
    return Effect.gen(this, function* () {
      this.driver ??= yield* Schedule.driver(this.schedule)
      yield* Effect.mapError(this.driver.next(after), () => new GivenUp(after))
    })
  }
}

/** The schedule allows no further attempt. */
class GivenUp {
  readonly _tag = "GivenUp"
  constructor(readonly after: TransportError) {}
}

const unexpected = new TransportError({
  reason: "connection_lost",
  operation: "reconnect",
  detail: "the transport ended with an unexpected error"
})
