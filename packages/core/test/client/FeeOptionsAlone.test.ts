/** Fee, gas price and nonce of what one party signs alone. */
import { suite } from "./support/FeeOptions.js"

suite(["snapshot", "close solo", "slash", "settle"], 136)
