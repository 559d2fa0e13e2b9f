// Prints how many secrets were looked for in how much of what the tests showed (packages/core/test/support/secrets).
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export default class SecretsReporter {
  onInit() {
    this.folder = mkdtempSync(join(tmpdir(), "aechannel-counts-"))
    process.env.AECHANNEL_SECRETS_COUNTS = join(this.folder, "counts")
    process.once("exit", () => rmSync(this.folder, { recursive: true, force: true }))
  }

  onTestRunEnd() {
    const totals = [0, 0, 0, 0, 0]
    let files = 0
    try {
      for (const line of readFileSync(process.env.AECHANNEL_SECRETS_COUNTS, "utf8").trim().split("\n")) {
        files += 1
        for (const [index, count] of line.split(" ").entries()) totals[index] += Number(count)
      }
    } catch {
      // No test file ran.
    }
    rmSync(process.env.AECHANNEL_SECRETS_COUNTS, { force: true })
    const [secrets, weak, texts, bytes, shown] = totals
    console.log(
      `\nsecrets: ${secrets} in ${files} test files (${weak} of them too plain to look for) looked for in ${texts} logs, errors, spans, files and outputs (${(bytes / 1e6).toFixed(1)} MB): ${shown} shown`
    )
  }
}
