/**
 * `aechannel run`: from the script's text to the exit code.
 *
 * @since 0.1.0
 */
import { dirname, resolve } from "node:path"
import * as ChannelNode from "@aechannel/core/node/ChannelNode"
import * as InMemoryTransport from "@aechannel/core/node/InMemoryTransport"
import * as Ledger from "@aechannel/core/node/Ledger"
import { type ChainReader, layerNone } from "@aechannel/core/services/ChainReader"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import type { Transport } from "@aechannel/core/services/Transport"
import * as ChainReaders from "@aechannel/core/testing/ChainReaders"
import * as HttpChainReader from "@aechannel/transport/HttpChainReader"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as Stores from "../Stores.js"
import * as Chain from "./Chain.js"
import * as Dialect from "../Dialect.js"
import type { Header, PartyHeader, StoreHeader } from "./Header.js"
import * as Keys from "./Keys.js"
import * as Output from "./Output.js"
import * as Party from "./Party.js"
import { ImpossibleError, RunFailed, type ScriptError, SetupError, StepFailed } from "./Problems.js"
import { perform } from "./Runner.js"
import * as Script from "./Script.js"
import * as Session from "./Session.js"
import * as Source from "./Source.js"
import type { Step } from "./Step.js"
import * as Table from "./Table.js"
import { showIssue } from "./Values.js"

/** @since 0.1.0 @category models */
export interface RunOptions {
  /** A file, or `-` for stdin. */
  readonly script: string
  readonly url: string | undefined
  readonly httpUrl: string | undefined
  readonly networkId: string | undefined
  readonly keyFiles: ReadonlyArray<string>
  readonly json: boolean
  readonly quiet: boolean
  readonly keepGoing: boolean
}

/** Parties of a list of steps that belongs to no script. */
const anybody: ReadonlyArray<PartyHeader> = (["initiator", "responder"] as const).map((role) => ({
  name: role,
  role,
  deposit: 0n,
  funds: 0n,
  key: undefined,
  address: undefined,
  remote: false,
  terms: undefined
}))

/**
 * Prints the kinds of steps and what each takes.
 *
 * @since 0.1.0
 * @category running
 */
export const listSteps: Effect.Effect<void> = Effect.forEach(
  Table.make(anybody).values(),
  ({ kind, summary }) => Console.log(`${kind.padEnd(13)} ${summary}`),
  { discard: true }
)

/** Documents in order, and what is none. */
type Documents = Stream.Stream<Either.Either<Source.SourceDocument, ScriptError>, SetupError>

const cannotRead = (script: string) =>
  new SetupError({
    detail:
      script === "-"
        ? "stdin could not be read"
        : `cannot read the script ${script}: check its name and your rights`
  })

const linesOf = (
  script: string
): Effect.Effect<Stream.Stream<string, SetupError>, SetupError, FileSystem.FileSystem> =>
  script === "-"
    ? Effect.succeed(
        NodeStream.fromReadable(
          () => process.stdin,
          () => cannotRead(script)
        ).pipe(
          Stream.map((chunk: Uint8Array | string) =>
            typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk
          ),
          Stream.decodeText(),
          Stream.splitLines
        )
      )
    : Effect.map(
        Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(script)).pipe(
          Effect.mapError(() => cannotRead(script))
        ),
        (text) => Stream.splitLines(Stream.make(text))
      )

const documentsOf = (script: string, name: string) =>
  Effect.map(
    linesOf(script),
    (lines): Documents =>
      Source.pieces(lines).pipe(
        Stream.mapEffect((piece) => Effect.either(Source.documents(name, piece))),
        Stream.mapConcat(
          Either.match({
            onLeft: (error): ReadonlyArray<Either.Either<Source.SourceDocument, ScriptError>> => [
              Either.left(error)
            ],
            onRight: (found) => found.map((document) => Either.right(document))
          })
        )
      )
  )

interface Running {
  readonly networkId: string
  readonly chain: Chain.Chain
  readonly transport: Layer.Layer<Transport>
  /** What contracts see of the chain. */
  readonly reader: Layer.Layer<ChainReader>
}

const defaultNetwork = "ae_dev"

/** The embedded node with the parties' accounts, in this process. */
const embeddedNode = (header: Header, networkId: string, accounts: ReadonlyArray<Party.Party>) =>
  Effect.gen(function* () {
    const { protocol, minimumGasPrice, ...options } = header.node
    const node = yield* ChannelNode.make({
      ...options,
      ledger: Ledger.make({
        networkId,
        accounts: accounts.map(({ address, funds }) => ({ address, balance: funds })),
        ...(protocol === undefined ? {} : { protocol }),
        ...(minimumGasPrice === undefined ? {} : { minimumGasPrice })
      })
    })
    const running: Running = {
      networkId,
      chain: Chain.embedded(node),
      transport: InMemoryTransport.layer.pipe(Layer.provide(Layer.succeed(ChannelNode.ChannelNode, node))),
      reader: ChainReaders.ofNode.pipe(
        Layer.provide([Layer.succeed(ChannelNode.ChannelNode, node), NativeCrypto.layer])
      )
    }
    return running
  })

const nodeElsewhere = (url: string, networkId: string, httpUrl: string | undefined): Running => ({
  networkId,
  chain: httpUrl === undefined ? Chain.none : Chain.http(httpUrl),
  transport: WebSocketTransport.layerNode({ url }),
  reader: httpUrl === undefined ? layerNone : HttpChainReader.layer({ url: httpUrl })
})

/** A party's store: in memory, or in a file of its name in a directory, which is made if there is none. */
const storeOf = (store: StoreHeader, party: string) =>
  Effect.gen(function* () {
    if (store === "memory") return yield* ChannelStore.makeMemory
    const { directory } = store
    const fs = yield* FileSystem.FileSystem
    yield* Effect.mapError(
      fs.makeDirectory(directory, { recursive: true, mode: 0o700 }),
      () =>
        new SetupError({
          detail: `cannot make the store's directory ${directory}: check its name and your rights`
        })
    )
    return yield* Effect.mapError(
      Stores.onDisk(`${directory}/${party}.store`),
      ({ message }) => new SetupError({ detail: message })
    )
  })

const makeParties = (header: Header, keyFiles: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const driven = header.parties.filter(({ remote }) => !remote)
    const keys = yield* Keys.fromFiles(keyFiles, driven)
    return yield* Effect.forEach(header.parties, (party) =>
      Effect.gen(function* () {
        if (party.remote && party.address !== undefined)
          return yield* Party.make(party, party.address, undefined, yield* ChannelStore.makeMemory)
        const keyPair = yield* Keys.keyOf(party, driven.indexOf(party), keys)
        return yield* Party.make(party, keyPair.address, keyPair, yield* storeOf(header.store, party.name))
      })
    )
  })

const networkOf = (header: Header, options: RunOptions): Effect.Effect<string, SetupError> => {
  const networkId = options.networkId ?? header.node.networkId
  if (networkId !== undefined) return Effect.succeed(networkId)
  return options.url === undefined
    ? Effect.succeed(defaultNetwork)
    : new SetupError({
        detail:
          "--url needs the network's id, which is part of every signature: --network-id, such as ae_mainnet, ae_uat or ae_dev"
      })
}

const codecOf = ({ node: { dialect } }: Header, { url }: RunOptions) =>
  dialect === undefined && url !== undefined ? Dialect.detected : Dialect.layer(dialect ?? "signed_tx")

/** Reads what a script names: next to the script, or else from where the run was begun. */
const readerFrom = (script: string) =>
  Effect.map(FileSystem.FileSystem, (fs) => (file: string) => {
    const places = script === "-" ? [""] : [dirname(script), ""]
    return Effect.mapError(
      Effect.firstSuccessOf(places.map((folder) => fs.readFileString(resolve(folder, file)))),
      () =>
        new ImpossibleError({
          detail: `cannot read ${file}, neither next to the script nor from here: check its name and your rights`
        })
    )
  })

const sessionOf = (header: Header, options: RunOptions, out: Output.Output) =>
  Effect.gen(function* () {
    const networkId = yield* networkOf(header, options)
    const parties = yield* makeParties(header, options.keyFiles)
    const remote = parties.find(({ keyPair }) => keyPair === undefined)
    if (remote !== undefined && options.url === undefined)
      return yield* new SetupError({
        detail: `${remote.name} is driven by somebody else, who cannot reach a node inside this run: say which node with --url`
      })
    const { chain, reader, transport } =
      options.url === undefined
        ? yield* embeddedNode(header, networkId, parties)
        : nodeElsewhere(options.url, networkId, options.httpUrl)
    yield* out.begin({
      title: header.title,
      node: options.url ?? "embedded",
      networkId,
      parties: parties.map(({ name, role, address, keyPair }) => ({
        name,
        role,
        address,
        remote: keyPair === undefined
      }))
    })
    return yield* Effect.provide(
      Session.make({
        header,
        networkId,
        parties,
        chain,
        out,
        keepAlive: options.url !== undefined,
        readText: yield* readerFrom(options.script)
      }),
      Layer.merge(transport, reader)
    )
  }).pipe(Effect.provide(codecOf(header, options)))

/** A step, or what could not be understood in its place. */
type Understood = Either.Either<Step, ScriptError>

const failureOf = (error: ScriptError, at: string): StepFailed =>
  new StepFailed({
    step: at,
    kind: "unknown",
    name: undefined,
    describe: error.part,
    line: error.line,
    expected: "a step that can be understood",
    came: error.issues.map(showIssue).join("; "),
    error: undefined
  })

/** The steps of the documents, numbered from 1. The head may have the first of them. */
const stepsOf = (script: Script.Script, documents: Documents): Stream.Stream<Understood, SetupError> =>
  Stream.mapAccumEffect(documents, 1, (next, document) =>
    Effect.map(
      Effect.either(Effect.flatMap(document, (found) => Script.steps(script, found, next))),
      (found) =>
        Either.match(found, {
          onLeft: (error): readonly [number, ReadonlyArray<Understood>] => [next + 1, [Either.left(error)]],
          onRight: (steps) => [next + steps.length, steps.map((step) => Either.right(step))]
        })
    )
  ).pipe(Stream.mapConcat((found) => found))

interface Tally {
  steps: number
  readonly failed: Array<string>
}

/** Runs a step and counts it. */
const performNext = (session: Session.Session, next: Understood, tally: Tally, keepGoing: boolean) =>
  Effect.suspend(() => {
    tally.steps += 1
    const performed = Either.match(next, {
      onRight: (step): Effect.Effect<void, StepFailed | ScriptError> => perform(session, step),
      onLeft: (error) =>
        Effect.zipRight(session.out.failed(failureOf(error, String(tally.steps))), Effect.fail(error))
    })
    return Effect.catchAll(performed, (failure) => {
      tally.failed.push(failure._tag === "StepFailed" ? failure.step : String(tally.steps))
      return keepGoing ? Effect.void : Effect.fail(failure)
    })
  })

const problemOf = (cause: Cause.Cause<Error>): string =>
  Cause.isInterruptedOnly(cause)
    ? "interrupted"
    : Option.match(Cause.failureOption(cause), {
        onSome: ({ message }) => message,
        onNone: () => "an unexpected error"
      })

/**
 * Runs a script. Fails with the first step that does not do what the script says, and with what makes it impossible to
 * begin. A file is understood as a whole before anything is done; stdin piece by piece.
 *
 * @since 0.1.0
 * @category running
 */
export const run = (
  options: RunOptions
): Effect.Effect<void, ScriptError | SetupError | StepFailed | RunFailed, FileSystem.FileSystem> => {
  const tally: Tally = { steps: 0, failed: [] }
  const out = options.json ? Output.json : Output.text({ quiet: options.quiet })
  return Effect.gen(function* () {
    const source = options.script === "-" ? "stdin" : options.script
    if (options.script === "-" && process.stdin.isTTY)
      yield* Console.error(
        "Reading the script from the terminal, step by step; --- ends a step, Ctrl-D the script."
      )
    const documents = yield* documentsOf(options.script, source)
    const [first, rest] = yield* Stream.peel(documents, Sink.head())
    const head = Option.isSome(first) ? yield* first.value : undefined
    const script = yield* Script.begin(source, head)
    const all = stepsOf(script, Stream.concat(Stream.fromIterable(Option.toArray(first)), rest))
    const steps =
      options.script === "-"
        ? all
        : Stream.fromIterable(yield* Stream.runCollect(Stream.mapEffect(all, Effect.map(Either.right))))
    const session = yield* sessionOf(script.header, options, out)
    yield* Stream.runForEach(steps, (next) => performNext(session, next, tally, options.keepGoing))
    if (tally.failed.length > 0) return yield* new RunFailed(tally)
  }).pipe(
    Effect.onExit((exit) =>
      out.end({
        ok: Exit.isSuccess(exit),
        steps: tally.steps,
        failed: tally.failed,
        problem: Exit.isFailure(exit) ? problemOf(exit.cause) : undefined
      })
    ),
    Effect.scoped,
    Effect.provide(NativeCrypto.layer)
  )
}
