import { runGroup } from "./support/vectors.js"

runGroup("fuzz-ops", "fuzz")
