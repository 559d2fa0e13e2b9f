/**
 * What a node with a storage says to its clients waits here until what it has done is durable: nobody hears of a state
 * that a crash could take back.
 */
import type { ClientLink } from "./Machine.js"

export class Outbox {
  private waiting: Array<() => void> = []
  /** What a node says on, and where it goes. */
  private readonly links = new Map<ClientLink, ClientLink>()

  /** The link for the node; what is said on it waits for {@link release}. */
  wrap(link: ClientLink): ClientLink {
    const say = (what: () => void): void => void this.waiting.push(what)
    const wrapped: ClientLink = {
      send: (text) => say(() => link.send(text)),
      close: (code) => say(() => link.close(code)),
      terminate: () => say(() => link.terminate())
    }
    this.links.set(wrapped, link)
    return wrapped
  }

  /** The client is gone. */
  forget(wrapped: ClientLink): void {
    this.links.delete(wrapped)
  }

  release(): void {
    const { waiting } = this
    if (waiting.length === 0) return
    this.waiting = []
    for (const say of waiting) say()
  }

  /** Cuts everybody off, and drops what they have not heard. */
  cut(): void {
    this.waiting = []
    for (const link of this.links.values()) link.terminate()
    this.links.clear()
  }
}
