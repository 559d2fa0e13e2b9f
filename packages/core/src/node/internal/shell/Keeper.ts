/**
 * Keeps the states of machines, so that clients come back to their channels: with a storage at every co-signed round,
 * otherwise when a machine is over.
 */
import * as Hash from "../../../crypto/Hash.js"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import * as Bytes from "../../../encoding/Bytes.js"
import type { DecodeError } from "../../../encoding/DecodeError.js"
import type { FsmId } from "../../../protocol/NodeMessage.js"
import * as Redacted from "effect/Redacted"
import * as ChannelFsm from "../../ChannelFsm.js"
import * as Ledger from "../../Ledger.js"
import * as StateCache from "../../StateCache.js"
import type { Machine } from "./Machine.js"
import type { End, KeptStates, StateEntries } from "./StateEntries.js"

/** How deep, in key blocks, the end of a channel is when its states are let go. */
const forgottenDepth = 4

const nonceDomain = Bytes.utf8("aechannel state cache nonce")

/** Fresh for each seal: no other machine has this id, and this one counts. It tells nothing of the id. */
const nextNonce = (machine: Machine): Uint8Array => {
  const fsmId = ApiEncoding.bytesOf(Redacted.value(machine.state.options.fsmId))
  const count = Bytes.uintToFixed(machine.seals.count++, 8)
  return Hash.blake2b256(Bytes.concat(nonceDomain, fsmId, count)).subarray(0, 24)
}

export class Keeper {
  constructor(
    private readonly entries: StateEntries,
    /** Whether states are kept while their machines run. */
    private readonly always: boolean
  ) {}

  /** What was kept of one end of a channel; `missing` where there is nothing. */
  find(
    end: End,
    fsmId: FsmId
  ): StateCache.CachedChannel | StateCache.WrongFsmIdError | DecodeError | "missing" {
    const entry = this.entries.get(end)
    if (entry === undefined) return "missing"
    for (const sealed of entry) {
      const found = StateCache.unseal(sealed, fsmId)
      if (!(found instanceof StateCache.WrongFsmIdError)) return found
    }
    return new StateCache.WrongFsmIdError()
  }

  /** A machine that goes on from a kept state: from now on it holds it. */
  handOver(machine: Machine, cached: StateCache.CachedChannel): void {
    if (this.always) this.keep(machine, cached)
    else this.entries.remove(cached)
  }

  /** The machine's state is another one. */
  advanced(machine: Machine): void {
    if (!this.always || machine.registered === undefined) return
    const { lastChannelChange, offChain } = machine.state
    const { kept } = machine
    if (
      offChain.signedTx === kept?.signedTx &&
      offChain.calls === kept?.calls &&
      lastChannelChange === kept?.lastChannelChange
    )
      return
    const cached = ChannelFsm.cachedOf(machine.state)
    if (cached !== undefined) this.keep(machine, cached)
  }

  /** The machine is over, or the node is. What it no longer has any use for is let go. */
  ended(machine: Machine): void {
    const { registered, role } = machine
    if (registered === undefined) return
    const cached = ChannelFsm.cachedOf(machine.state)
    if (cached !== undefined) this.keep(machine, cached)
    else if (machine.kept !== undefined) this.entries.remove({ channelId: registered, role })
  }

  /** All that is kept, to come back to. */
  snapshot(): KeptStates {
    return this.entries.all()
  }

  /** What is kept is what was kept then; the machines of that time are there as well. */
  revert(states: KeptStates, machines: Iterable<Machine>): void {
    this.entries.replace(states)
    if (this.always) for (const machine of machines) this.advanced(machine)
  }

  /** Lets go of channels whose end is deep in the chain. */
  forgetClosed(ledger: Ledger.Ledger, isRunning: (end: End) => boolean): void {
    for (const end of this.entries.list()) {
      if (isRunning(end) || Ledger.channel(ledger, end.channelId) !== undefined) continue
      const last = Ledger.lastChannelTransaction(ledger, end.channelId)
      if (last !== undefined && ledger.top.height - last.height >= forgottenDepth) this.entries.remove(end)
    }
  }

  private keep(machine: Machine, cached: StateCache.CachedChannel): void {
    const { fsmId } = machine.state.options
    const ids = machine.formerFsmId === undefined ? [fsmId] : [fsmId, machine.formerFsmId]
    this.entries.put(
      { channelId: cached.channelId, role: cached.role },
      ids.map((id) => StateCache.seal(cached, id, nextNonce(machine)))
    )
    const { calls, lastChannelChange, signedTx } = cached
    machine.kept = { signedTx, calls, lastChannelChange }
  }
}
