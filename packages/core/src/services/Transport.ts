/**
 * The way to a node: frames of text in both directions, in order.
 *
 * @since 0.1.0
 */
import { Context, type Effect, type Scope } from "effect"
import type { TransportError } from "../protocol/Errors.js"

/**
 * One connection. What is written here is never delivered on another.
 *
 * @since 0.1.0
 * @category models
 */
export interface Connection {
  /** Hands a frame over; fails when the connection is gone. */
  readonly send: (text: string) => Effect.Effect<void, TransportError>
  /** The next frame, in order; when all are taken and the connection is gone, fails with how it ended. One reader. */
  readonly receive: Effect.Effect<string, TransportError>
}

/** @since 0.1.0 @category models */
export interface TransportService {
  /**
   * Opens a connection with this query string (without `?`); it closes with the scope. Fails with `connect` when
   * no connection could be made. What the node refuses by closing shows in {@link Connection.receive}.
   */
  readonly connect: (query: string) => Effect.Effect<Connection, TransportError, Scope.Scope>
}

/**
 * The transport in use.
 *
 * @since 0.1.0
 * @category tags
 */
export class Transport extends Context.Tag("@aechannel/core/Transport")<Transport, TransportService>() {}
