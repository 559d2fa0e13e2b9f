/**
 * Whom a server of a node listens to. Programs of this machine are let in; pages in a browser, which can send requests
 * to this machine from wherever they come, only where their origin is known.
 *
 * A page says where it comes from in `Origin`, or the browser says in `Sec-Fetch-Site` that it is another site. A name
 * that leads here, but is none of this machine, would let a page pass as one of this server: it is refused.
 */
import * as Net from "node:net"

export interface Headers {
  readonly host?: string | undefined
  readonly origin?: string | undefined
  readonly "sec-fetch-site"?: string | undefined
  readonly "sec-fetch-mode"?: string | undefined
}

/** Such as `http://localhost:8080`, or `*` for all. */
export type AllowedOrigins = ReadonlyArray<string>

const hostname = (host: string): string | undefined => {
  const url = URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : undefined
  return url?.hostname.replace(/^\[|\]$/g, "")
}

/** A name that cannot be made to lead somewhere else. */
const isFixedName = (name: string): boolean =>
  Net.isIP(name) !== 0 || name === "localhost" || name.endsWith(".localhost")

const isOwnName = (host: string | undefined, ownHost: string): boolean => {
  // Who sends none is no browser.
  if (host === undefined) return true
  const name = hostname(host)
  return name !== undefined && (isFixedName(name) || name === ownHost)
}

/** An address of this machine that only this machine has. */
export const isLoopback = (address: string): boolean =>
  /^(::ffff:)?127(\.\d{1,3}){3}$/.test(address) || address === "::1" || address === "localhost"

/** Whether an origin is one of those that were named. */
export const isAllowed = (origin: string | undefined, allowed: AllowedOrigins): boolean =>
  origin !== undefined && (allowed.includes("*") || allowed.includes(origin))

const isOwn = ({ host, origin }: Headers): boolean =>
  host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)

/**
 * Why a request is refused; `undefined` where it is let in. `ownHost` is what the server was told to listen on,
 * `control` whether the request could change the node.
 */
export const refusal = (
  headers: Headers,
  {
    allowed,
    control,
    ownHost
  }: { readonly allowed: AllowedOrigins; readonly control: boolean; readonly ownHost: string }
): string | undefined => {
  const { host, origin } = headers
  if (isAllowed(origin, allowed)) return undefined
  const ownName = isOwnName(host, ownHost)
  if (!ownName && (control || isLoopback(ownHost)))
    return "The Host of the request is no name of this machine"
  if (origin !== undefined)
    return ownName && isOwn(headers)
      ? undefined
      : "Pages of this origin are not allowed here (--allow-origin lets them in)"
  const site = headers["sec-fetch-site"]
  const elsewhere = site === "cross-site" || site === "same-site"
  if (elsewhere && (control || headers["sec-fetch-mode"] !== "navigate"))
    return "Pages of other origins are not allowed here (--allow-origin lets them in)"
  return undefined
}
