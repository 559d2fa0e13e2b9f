/**
 * `pnpm bench [--quick] [theme…]`: what the library costs on this machine.
 */
import { encoding } from "../../core/bench/Encoding.js"
import * as Harness from "../../core/bench/Harness.js"
import { hashing } from "../../core/bench/Hashing.js"
import { jsonText } from "../../core/bench/JsonText.js"
import { state } from "../../core/bench/State.js"
import { transactions } from "../../core/bench/Transactions.js"
import { signatures } from "./Signatures.js"
import { updates } from "./Updates.js"

process.exitCode = await Harness.main(
  [signatures, hashing, encoding, jsonText, transactions, state, updates],
  process.argv.slice(2)
)
