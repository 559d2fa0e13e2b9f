/** What the servers of this package share: the error of a port that cannot be listened on. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/**
 * A server could not listen. `reason` is `port_in_use`, `not_allowed` (a port below 1024 without the rights),
 * `bad_address` (the host is no address of this machine) or `other`.
 *
 * @since 0.1.0
 * @category errors
 */
export class ListenError extends Data.TaggedError("ListenError")<{
  readonly reason: "port_in_use" | "not_allowed" | "bad_address" | "bad_port" | "other"
  readonly host: string
  readonly port: number
  /** What was to be served, such as `the channel WebSocket`. */
  readonly service: string
  /** The option by which another port can be chosen. */
  readonly option: string
  readonly detail: string
}> {
  override get message(): string {
    const where = `${this.host}:${this.port}`
    switch (this.reason) {
      case "port_in_use":
        return `Port ${this.port} on ${this.host} is in use, so ${this.service} cannot be served there. Stop the other program or choose another port (${this.option}).`
      case "not_allowed":
        return `Not allowed to listen on ${where} for ${this.service}. Choose a port above 1023 (${this.option}).`
      case "bad_address":
        return `${this.host} is no address of this machine, so ${this.service} cannot be served there.`
      case "bad_port":
        return `${this.port} is no port for ${this.service}. Give a whole number from 0 (any free one) to 65535 (${this.option}).`
      case "other":
        return `Cannot serve ${this.service} on ${where}: ${this.detail}`
    }
  }
}

const reasonOf = (code: unknown): ListenError["reason"] =>
  code === "EADDRINUSE"
    ? "port_in_use"
    : code === "EACCES" || code === "EPERM"
      ? "not_allowed"
      : code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EAI_AGAIN"
        ? "bad_address"
        : "other"

/** Where something is to be served. */
export interface Place {
  readonly host: string
  readonly port: number
  readonly service: string
  readonly option: string
}

/** Node throws at a number that is no port. */
export const checkPort = (place: Place): Effect.Effect<void, ListenError> =>
  Number.isInteger(place.port) && place.port >= 0 && place.port <= 65_535
    ? Effect.void
    : new ListenError({ ...place, reason: "bad_port", detail: "" })

/** The error of a failed `listen`. */
export const listenError = (cause: unknown, where: Place): ListenError =>
  new ListenError({
    ...where,
    reason: reasonOf(typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined),
    detail: cause instanceof Error ? cause.message : String(cause)
  })
