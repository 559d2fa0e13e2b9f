/**
 * Where machines find their peers: responders wait on a port, initiators look there.
 *
 * An initiator that finds nobody on its port goes on trying. One that finds responders, but none of its channel,
 * is let in and cut off after half a second, as an acceptor does that asks its candidates five times.
 */
import type { AccountAddress } from "../../../encoding/ApiEncoding.js"

export interface Party {
  readonly port: number
  readonly initiatorId: AccountAddress | "any"
  readonly responderId: AccountAddress
}

export class Rendezvous<P extends Party> {
  /** In the order of arrival; a port with an empty set has no entry. */
  private readonly responders = new Map<number, Set<P>>()
  private readonly initiators = new Map<number, Set<P>>()

  listen(responder: P): void {
    add(this.responders, responder)
  }

  /** An initiator that waits for somebody to listen on its port. */
  wait(initiator: P): void {
    add(this.initiators, initiator)
  }

  leave(party: P): void {
    remove(this.responders, party)
    remove(this.initiators, party)
  }

  isListening(port: number): boolean {
    return this.responders.has(port)
  }

  waiting(port: number): ReadonlyArray<P> {
    return [...(this.initiators.get(port) ?? [])]
  }

  /** The responder for an initiator: one that named it before one that takes anybody, the oldest first. */
  match(initiator: P): P | undefined {
    let anybody: P | undefined
    for (const responder of this.responders.get(initiator.port) ?? []) {
      if (responder.responderId !== initiator.responderId) continue
      if (responder.initiatorId === initiator.initiatorId) return responder
      if (responder.initiatorId === "any") anybody ??= responder
    }
    return anybody
  }
}

const add = <P extends Party>(parties: Map<number, Set<P>>, party: P): void => {
  const there = parties.get(party.port)
  if (there === undefined) parties.set(party.port, new Set([party]))
  else there.add(party)
}

const remove = <P extends Party>(parties: Map<number, Set<P>>, party: P): void => {
  const there = parties.get(party.port)
  if (there?.delete(party) === true && there.size === 0) parties.delete(party.port)
}
