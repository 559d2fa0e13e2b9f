import { runGroup } from "./support/vectors.js"

runGroup("ops-basic", "comparison")
