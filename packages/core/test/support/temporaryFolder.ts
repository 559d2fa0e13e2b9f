/** What tests leave in the temporary folder goes with the run. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Short: the paths of sockets in it may have a hundred characters at most. */
const prefix = "aet-"

/** The packages of one run share a folder. */
export default (): (() => void) => {
  const before = process.env["TMPDIR"]
  if (before?.includes(prefix) === true) return () => {}
  const folder = mkdtempSync(join(tmpdir(), prefix))
  process.env["TMPDIR"] = folder
  return () => {
    if (before === undefined) delete process.env["TMPDIR"]
    else process.env["TMPDIR"] = before
    rmSync(folder, { recursive: true, force: true })
  }
}
