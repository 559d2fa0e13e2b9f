/**
 * A node's storage in a directory: a file for each value and each log. What a function has done when it returns
 * survives a crash of the process and of the machine.
 *
 * @since 0.1.0
 */
import { NodeStorage, NodeStorageError, type NodeStorageService } from "@aechannel/core/node/NodeStorage"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { acquire } from "./internal/directoryLock.js"
import { codeOf, type Files, files, replaceFile, sentenceOf, syncDirectory } from "./internal/files.js"
import { LogFile } from "./internal/logFile.js"

/**
 * Options of the storage.
 *
 * @since 0.1.0
 * @category models
 */
export interface FileNodeStorageOptions {
  /** Made if it is not there, for its owner only. One process at a time may use it. */
  readonly directory: string
}

const valueEnding = ".value"
const logEnding = ".log"

const isName = (name: string): boolean => /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}$/.test(name)

/**
 * The storage in a directory that is there and belongs to this process; `close` lets its files go.
 *
 * @internal
 */
export const overFiles = (
  directory: string,
  io: Files
): { readonly storage: NodeStorageService; readonly close: () => void } => {
  const logs = new Map<string, LogFile>()

  const attempt = <A>(
    operation: NodeStorageError["operation"],
    name: string,
    f: () => A
  ): A | NodeStorageError => {
    if (!isName(name)) return new NodeStorageError({ operation, name, detail: "this is no name of a value" })
    try {
      return f()
    } catch (cause) {
      return new NodeStorageError({ operation, name, detail: sentenceOf(cause) })
    }
  }
  const valuePath = (name: string): string => Path.join(directory, `${name}${valueEnding}`)
  const logPath = (name: string): string => Path.join(directory, `${name}${logEnding}`)

  const letGo = (name: string): void => {
    const log = logs.get(name)
    logs.delete(name)
    log?.close()
  }

  const storage: NodeStorageService = {
    read: (name) =>
      attempt("read", name, () => {
        try {
          return new Uint8Array(io.readFileSync(valuePath(name)))
        } catch (cause) {
          if (codeOf(cause) === "ENOENT") return undefined
          throw cause
        }
      }),
    write: (name, value) => attempt("write", name, () => replaceFile(io, valuePath(name), value)),
    append: (name, record) =>
      attempt("append", name, () => {
        const log = logs.get(name) ?? LogFile.open(io, logPath(name))
        logs.set(name, log)
        try {
          log.append(record)
        } catch (cause) {
          letGo(name)
          throw cause
        }
      }),
    readLog: (name) => attempt("read", name, () => LogFile.content(io, logPath(name)).records),
    remove: (name) =>
      attempt("remove", name, () => {
        letGo(name)
        io.rmSync(valuePath(name), { force: true })
        io.rmSync(logPath(name), { force: true })
        syncDirectory(io, directory)
      }),
    names: () =>
      attempt("list", "all", () =>
        io
          .readdirSync(directory)
          .flatMap((file) =>
            [valueEnding, logEnding]
              .filter((ending) => file.endsWith(ending))
              .map((e) => file.slice(0, -e.length))
          )
          .sort()
      )
  }
  return {
    storage,
    close: () => {
      for (const name of logs.keys()) letGo(name)
    }
  }
}

/** With all above it. Not by the system's own recursion, which does not end below directories such as `/proc`. */
const makeDirectory = (directory: string): void => {
  try {
    Fs.mkdirSync(directory, { mode: 0o700 })
  } catch (cause) {
    const above = Path.dirname(directory)
    if (codeOf(cause) === "EEXIST" && Fs.statSync(directory).isDirectory()) return
    if (codeOf(cause) !== "ENOENT" || Fs.existsSync(above)) throw cause
    makeDirectory(above)
    Fs.mkdirSync(directory, { mode: 0o700 })
  }
}

const open = (
  directory: string
): { readonly storage: NodeStorageService; readonly close: () => void } | NodeStorageError => {
  try {
    makeDirectory(directory)
    const release = acquire(directory)
    const { close, storage } = overFiles(directory, files)
    return {
      storage,
      close: () => {
        close()
        release()
      }
    }
  } catch (cause) {
    return new NodeStorageError({ operation: "open", name: directory, detail: sentenceOf(cause) })
  }
}

/**
 * Opens the storage in a directory until the scope closes. Fails with `NodeStorageError` when the directory cannot be
 * made or used, or another process uses it. The lock of a process that was killed is taken over; it is not seen from
 * other machines and containers that share the directory.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: FileNodeStorageOptions
): Effect.Effect<NodeStorageService, NodeStorageError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.suspend(() => {
        const opened = open(Path.resolve(options.directory))
        return opened instanceof NodeStorageError ? Effect.fail(opened) : Effect.succeed(opened)
      }),
      ({ close }) => Effect.sync(close)
    ),
    ({ storage }) => storage
  )

/**
 * The storage in a directory as a layer. See {@link make}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: FileNodeStorageOptions): Layer.Layer<NodeStorage, NodeStorageError> =>
  Layer.scoped(NodeStorage, make(options))
