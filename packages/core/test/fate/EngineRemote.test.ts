/** Calls of other contracts, new contracts, protected calls: known answers. */
import { runGroup } from "./support/vectors.js"

runGroup("ops-chain", ["remote_call", "create_clone"])
runGroup("ops-store-errors", "protected_call")
