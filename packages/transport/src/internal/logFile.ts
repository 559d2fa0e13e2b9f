/**
 * A log in one file: a mark, then records, each with its length and checksums in front. The check of a length covers
 * its place in the file, so what stands there by chance is taken for no record.
 *
 * A record is durable before the next one is begun. So only the last one can be torn, and it is cut off; a bad record
 * with a good one behind it is damage that no crash explains.
 */
import * as Crypto from "node:crypto"
import * as Path from "node:path"
import { codeOf, fileMode, type Files, syncDirectory, writeAll } from "./files.js"

const mark = new TextEncoder().encode("aelog\u0000\u0000\u0001")
const headLength = 16
const longest = 0xffff_ffff

const sha256 = (bytes: Uint8Array): Buffer => Crypto.createHash("sha256").update(bytes).digest()

const headOf = (length: number, position: number): Buffer => {
  const head = Buffer.alloc(12)
  head.writeUInt32BE(length, 0)
  head.writeBigUInt64BE(BigInt(position), 4)
  return sha256(head).subarray(0, 4)
}

const frame = (record: Uint8Array, position: number): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(record.length, 0)
  return Buffer.concat([length, headOf(record.length, position), sha256(record).subarray(0, 8), record])
}

/** The record that begins at a place, if a whole and good one does. */
const recordAt = (bytes: Buffer, position: number): Buffer | undefined => {
  if (position + headLength > bytes.length) return undefined
  const length = bytes.readUInt32BE(position)
  const start = position + headLength
  if (start + length > bytes.length) return undefined
  if (!headOf(length, position).equals(bytes.subarray(position + 4, position + 8))) return undefined
  const record = bytes.subarray(start, start + length)
  return sha256(record)
    .subarray(0, 8)
    .equals(bytes.subarray(position + 8, start))
    ? record
    : undefined
}

/** What is in a log, and where its last good record ends. */
export interface LogContent {
  readonly records: ReadonlyArray<Uint8Array>
  readonly end: number
}

/** The log is not one, or is damaged where no crash could have damaged it. */
export class DamagedLog extends Error {
  constructor(detail: string) {
    super(`${detail}; restore the file from a copy, or take another directory`)
  }
}

/** Reads a log; `end` is where to cut it. */
export const read = (bytes: Buffer): LogContent => {
  if (bytes.length < mark.length) {
    if (!bytes.equals(mark.subarray(0, bytes.length))) throw new DamagedLog("the file is no log")
    return { records: [], end: 0 }
  }
  if (!bytes.subarray(0, mark.length).equals(mark)) throw new DamagedLog("the file is no log of this format")
  const records: Array<Uint8Array> = []
  let end = mark.length
  for (;;) {
    const record = recordAt(bytes, end)
    if (record === undefined) break
    records.push(new Uint8Array(record))
    end += headLength + record.length
  }
  for (let later = end + 1; later + headLength <= bytes.length; later++)
    if (recordAt(bytes, later) !== undefined) throw new DamagedLog(`the record at byte ${end} is damaged`)
  return { records, end }
}

/** A log that is open for appending. Functions throw what the system says, and `DamagedLog`. */
export class LogFile {
  private constructor(
    private readonly io: Files,
    private readonly fd: number,
    private end: number
  ) {}

  /** Reads a log without opening it; a file that is not there is empty. */
  static content(io: Files, path: string): LogContent {
    try {
      return read(Buffer.from(io.readFileSync(path)))
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") return { records: [], end: 0 }
      throw cause
    }
  }

  /** Opens a log and cuts what a crash has left behind its last record. */
  static open(io: Files, path: string): LogFile {
    const { end } = LogFile.content(io, path)
    let fd: number
    try {
      fd = io.openSync(path, "r+")
    } catch (cause) {
      if (codeOf(cause) !== "ENOENT") throw cause
      fd = io.openSync(path, "w+", fileMode)
    }
    try {
      io.ftruncateSync(fd, end)
      if (end === 0) writeAll(io, fd, mark, 0)
      io.fsyncSync(fd)
      syncDirectory(io, Path.dirname(path))
      return new LogFile(io, fd, Math.max(end, mark.length))
    } catch (cause) {
      io.closeSync(fd)
      throw cause
    }
  }

  append(record: Uint8Array): void {
    if (record.length > longest) throw new RangeError("the record is longer than 4 GiB")
    const bytes = frame(record, this.end)
    try {
      writeAll(this.io, this.fd, bytes, this.end)
      this.io.fsyncSync(this.fd)
    } catch (cause) {
      // What was written is taken back; where that fails too, the next one to open the log cuts it.
      try {
        this.io.ftruncateSync(this.fd, this.end)
      } catch {}
      throw cause
    }
    this.end += bytes.length
  }

  close(): void {
    this.io.closeSync(this.fd)
  }
}
