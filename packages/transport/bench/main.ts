/**
 * `npm run bench -- [--quick] [--readme] [--load[=seconds]] [theme…]`: what the library costs on this machine.
 */
import { contracts } from "../../core/bench/Contracts.js"
import { encoding } from "../../core/bench/Encoding.js"
import * as Harness from "../../core/bench/Harness.js"
import { jsonText } from "../../core/bench/JsonText.js"
import { state } from "../../core/bench/State.js"
import { transactions } from "../../core/bench/Transactions.js"
import { coldStart } from "./ColdStart.js"
import { contractUpdates } from "./ContractUpdates.js"
import { hashing } from "./Hashes.js"
import * as Load from "./Load.js"
import { parallel } from "./Parallel.js"
import { profile } from "./Profile.js"
import * as Readme from "./Readme.js"
import { residents } from "./Residents.js"
import { signatures } from "./Signatures.js"
import { store } from "./Store.js"
import { updates } from "./Updates.js"

const themes = [
  signatures,
  hashing,
  encoding,
  jsonText,
  transactions,
  state,
  contracts,
  updates,
  contractUpdates,
  parallel,
  store,
  profile,
  coldStart,
  residents
]

const usage = `usage: npm run bench -- [--quick] [--readme] [--load[=seconds]] [theme…]
  --quick   for a first look
  --readme  measures what the README shows, and writes it there
  --load    lets 200 clients loose on a node for a minute; --load=10: for ten seconds;
            with --readme it writes its own part of the README
themes: ${themes.map(({ name }) => name).join(", ")}`

const main = async (given: ReadonlyArray<string>): Promise<number> => {
  const names = given.filter((argument) => !argument.startsWith("--"))
  const flags = given.filter((argument) => argument.startsWith("--") && argument !== "--")
  const [load, ...others] = flags.toSorted().map((flag) => /^--load(?:=(\d+))?$/.exec(flag) ?? flag)
  const isAlone = names.length === 0 && others.every((flag) => flag === "--readme")
  if (load !== undefined && typeof load !== "string" && isAlone)
    return Load.run(Number(load[1] ?? 60), others.length > 0)
  const isKnown =
    flags.every((flag) => ["--quick", "--readme"].includes(flag)) &&
    names.every((name) => themes.some((theme) => theme.name === name))
  const readme = flags.includes("--readme")
  if (!isKnown || (readme && names.length > 0)) {
    console.error(usage)
    return 2
  }
  const options = Harness.optionsOf(flags.includes("--quick"))
  if (readme) await Readme.write(options)
  else
    await Harness.run(
      themes.filter(({ name }) => names.length === 0 || names.includes(name)),
      options
    )
  return 0
}

process.exitCode = await main(process.argv.slice(2))
