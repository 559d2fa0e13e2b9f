import { runGroup } from "./support/vectors.js"

runGroup("ops-store-errors", ["versions", "error_text", "limits"])
