/** The recorded scenarios in which a party forces progress on chain. */
import { fixture } from "../../support/Shared.js"
import type { Scenario, Step } from "./Scenario.js"

/** What scenarios share stands in lists, and they say which. */
interface Packed {
  readonly accounts: ReadonlyArray<Scenario["accounts"]>
  readonly objects: ReadonlyArray<string>
  readonly txs: ReadonlyArray<string>
  readonly scenarios: ReadonlyArray<{
    readonly name: string
    readonly accounts: number
    readonly steps: ReadonlyArray<
      Omit<Step, "tx" | "channels"> & {
        readonly tx: number
        readonly channels: ReadonlyArray<{ readonly id: string; readonly object: number }>
      }
    >
  }>
}

const at = <A>(list: ReadonlyArray<A>, index: number): A => {
  const found = list[index]
  if (found === undefined) throw new Error(`a fixture without its entry ${index}`)
  return found
}

export const forcedScenarios = (): ReadonlyArray<Scenario> => {
  const packed: Packed = fixture("fate/contract").forceProgress
  return packed.scenarios.map(({ accounts, name, steps }) => ({
    name,
    accounts: at(packed.accounts, accounts),
    steps: steps.map((step) => ({
      ...step,
      tx: at(packed.txs, step.tx),
      channels: step.channels.map(({ id, object }) => ({ id, object: at(packed.objects, object) }))
    }))
  }))
}
