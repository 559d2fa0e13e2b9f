/** What the servers of this package share: the error of a port that cannot be listened on. */
import * as Data from "effect/Data"

/**
 * A server could not listen. `reason` is `port_in_use`, `not_allowed` (a port below 1024 without the rights),
 * `bad_address` (the host is no address of this machine) or `other`.
 *
 * @since 0.1.0
 * @category errors
 */
export class ListenError extends Data.TaggedError("ListenError")<{
  readonly reason: "port_in_use" | "not_allowed" | "bad_address" | "other"
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

/** The error of a failed `listen`. */
export const listenError = (
  cause: unknown,
  where: { readonly host: string; readonly port: number; readonly service: string; readonly option: string }
): ListenError =>
  new ListenError({
    ...where,
    reason: reasonOf(typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined),
    detail: cause instanceof Error ? cause.message : String(cause)
  })
