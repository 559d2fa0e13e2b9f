/** Files that survive a crash: the few calls of the file system that a storage is made of, so that tests can fail them. */
import * as Fs from "node:fs"
import * as Path from "node:path"

export interface Files {
  readonly openSync: (path: string, flags: string, mode?: number) => number
  readonly readFileSync: (path: string) => Uint8Array
  readonly writeSync: (
    fd: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number
  ) => number
  readonly fsyncSync: (fd: number) => void
  readonly ftruncateSync: (fd: number, length: number) => void
  readonly closeSync: (fd: number) => void
  readonly renameSync: (from: string, to: string) => void
  readonly rmSync: (path: string, options: { readonly force: boolean }) => void
  readonly readdirSync: (path: string) => ReadonlyArray<string>
}

export const files: Files = Fs

/** Owner only: states of channels and keys of test accounts are in there. */
export const fileMode = 0o600

export const codeOf = (cause: unknown): string | undefined =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string"
    ? cause.code
    : undefined

const sentences: Readonly<Record<string, string>> = {
  ENOSPC: "there is no space left on the device; make some and start again",
  EDQUOT: "the disk quota is used up; make space and start again",
  EACCES: "this user may not do that; change the permissions or take another directory",
  EPERM: "this user may not do that; change the permissions or take another directory",
  EROFS: "the file system is read-only; take another directory",
  EMFILE: "too many files are open in this process",
  ENOENT: "there is no such directory, and none can be made there; take another one",
  ENOTDIR: "a part of the path is no directory; take another one",
  EEXIST: "there is a file of this name; take another directory"
}

/** What went wrong, as a sentence without the path that the system puts into its own. */
export const sentenceOf = (cause: unknown): string => {
  const code = codeOf(cause)
  const known = code === undefined ? undefined : sentences[code]
  if (known !== undefined) return known
  return code === undefined
    ? cause instanceof Error
      ? cause.message
      : String(cause)
    : `the system says ${code}`
}

export const writeAll = (io: Files, fd: number, bytes: Uint8Array, position: number): void => {
  let written = 0
  while (written < bytes.length)
    written += io.writeSync(fd, bytes, written, bytes.length - written, position + written)
}

/** Makes new, renamed and removed names durable. Windows has no such call, and needs none. */
export const syncDirectory = (io: Files, directory: string): void => {
  if (process.platform === "win32") return
  const fd = io.openSync(directory, "r")
  try {
    io.fsyncSync(fd)
  } finally {
    io.closeSync(fd)
  }
}

/** Replaces a file: there is the old content or the new one, whenever the power goes. */
export const replaceFile = (io: Files, path: string, bytes: Uint8Array): void => {
  const part = `${path}.part`
  const fd = io.openSync(part, "w", fileMode)
  try {
    writeAll(io, fd, bytes, 0)
    io.fsyncSync(fd)
  } finally {
    io.closeSync(fd)
  }
  io.renameSync(part, path)
  syncDirectory(io, Path.dirname(path))
}
