/** Control flow, calls, the stack and memory: known answers. */
import { runGroup } from "./support/vectors.js"

runGroup("ops-basic", ["control", "calls", "memory"])
