/**
 * Where tests find their data: small known answers in `test/fixtures`, which every clone has, and the large shared
 * folder, which may be absent (`AECHANNEL_SHARED`, by default beside the project).
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"

const here = Path.dirname(fileURLToPath(import.meta.url))
const projectRoot = Path.resolve(here, "../../../..")
const sharedRoot = process.env["AECHANNEL_SHARED"] ?? Path.resolve(projectRoot, "../shared")

/** A path inside the shared folder. */
export const sharedPath = (...parts: ReadonlyArray<string>): string => Path.join(sharedRoot, ...parts)

/** Whether the shared folder is there. */
export const hasShared: boolean =
  Fs.existsSync(sharedPath("vectors")) && Fs.existsSync(sharedPath("transcripts"))

if (!hasShared) console.log(`no shared folder at ${sharedRoot}: tests of recordings are skipped`)

/** The parsed content of `test/fixtures/<name>.json`. Known answers have many shapes: the caller says which. */
// oxlint-disable-next-line typescript/no-explicit-any
export const fixture = (name: string): any =>
  JSON.parse(Fs.readFileSync(Path.join(here, "../fixtures", `${name}.json`), "utf8"))

/** The parsed content of a JSON file of the shared folder. */
// oxlint-disable-next-line typescript/no-explicit-any
export const sharedJson = (...parts: ReadonlyArray<string>): any =>
  JSON.parse(Fs.readFileSync(sharedPath(...parts), "utf8"))

const filesBelow = (folder: string): ReadonlyArray<string> =>
  Fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = Path.join(folder, entry.name)
    return entry.isDirectory() ? filesBelow(path) : [path]
  })

/** Absolute paths of the recorded sessions of the given folders (all when none is given), sorted. */
export const transcriptFiles = (...folders: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (!hasShared) return []
  const roots =
    folders.length === 0 ? [sharedPath("transcripts")] : folders.map((f) => sharedPath("transcripts", f))
  return roots
    .flatMap((root) => (Fs.existsSync(root) ? filesBelow(root) : []))
    .filter((path) => !path.endsWith(".md"))
    .sort()
}
