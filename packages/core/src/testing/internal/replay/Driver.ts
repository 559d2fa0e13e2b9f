/** Plays a recording against a node, line by line, and compares what comes. */
import * as Effect from "effect/Effect"
import * as SignedTx from "../../../chain/SignedTx.js"
import { type CryptoService, noble } from "../../../crypto/Crypto.js"
import type * as KeyPair from "../../../crypto/KeyPair.js"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import * as Json from "../../../encoding/Json.js"
import { openBefore } from "./Before.js"
import { Bodies, decoded } from "./Bodies.js"
import { compare, type Compared, labelOf } from "./Comparison.js"
import { fresh } from "./Keys.js"
import { idOf, Names } from "./Names.js"
import { channelOf, closingBefore } from "./Outside.js"
import * as Query from "./query.js"
import type { Came, Closed, Line, Open, Recording, Refused, Sent } from "./Recording.js"
import { notReplayable, type NotReplayable } from "./Replayable.js"
import { sceneOf } from "./Scene.js"
import { attachTx, type Generalized, generalizedIn } from "./StandIn.js"
import type { ChainStart, Connection, Ended, Target, TargetError, Targets } from "./Target.js"
import * as Variants from "./Variants.js"

/**
 * The first difference between a recording and what a node did: in which line, at whose socket, what was expected and
 * what came, in short; and where in the frame (`path`, empty where it is another frame altogether) which value was
 * recorded and which one came.
 *
 * @since 0.1.0
 * @category models
 */
export interface Found {
  readonly file: string
  readonly seq: number
  readonly who: string
  readonly expected: string
  readonly came: string
  readonly path: string
  readonly recorded: string
  readonly actual: string
}

/**
 * The name of an accepted variant.
 *
 * @since 0.1.0
 * @category models
 */
export type Name = Variants.Name

/**
 * What became of a recording; `frames` of the node were compared.
 *
 * - `Exact`: every frame was as recorded
 * - `Accepted`: with differences that are known and right, each variant so many times. From the line `partedAt` on the
 *   session went another way for such a reason, and nothing more was compared.
 * - `Different`: one was not
 * - `NotReplayable`: no node can be driven with it, or not yet
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome =
  | { readonly _tag: "Exact"; readonly frames: number }
  | {
      readonly _tag: "Accepted"
      readonly frames: number
      readonly variants: ReadonlyMap<Name, number>
      readonly partedAt: number | undefined
    }
  | { readonly _tag: "Different"; readonly frames: number; readonly difference: Found }
  | ({ readonly _tag: "NotReplayable" } & NotReplayable)

/**
 * - `targets`: the node
 * - `crypto`: what signs and verifies; default the portable implementation
 * - `seed`: from which the keys of all accounts are made; default always the same. Everybody can compute such keys.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly targets: Targets
  readonly crypto?: CryptoService
  readonly seed?: string
}

/** More than any recorded session locks a channel for. */
const mostBlocks = 40

/** In which a recorded chain made a block of what waited. */
const pauseMillis = 400

const balance = 10n ** 24n

/** Reports that wait for a block. */
const fromChain =
  /^(on_chain_tx (channel_changed|solo_closing|can_slash|can_snapshot|channel_closed|consumed_forced_progress)|info (own_.*|funding_locked|deposit_locked|withdraw_locked|closed_confirmed|min_depth_achieved|minimum_depth_achieved|zombie_channel))$/

type AccountAddress = ApiEncoding.AccountAddress

class Differs {
  readonly _tag = "Differs"
  constructor(readonly found: Found) {}
}

class Parted {
  readonly _tag = "Parted"
  constructor(
    readonly name: Name,
    readonly seq: number
  ) {}
}

interface Live {
  readonly connection: Connection
  /** What has come and was not expected yet. */
  readonly early: Array<string>
  ended: Ended | undefined
  /** What was compared, in short. */
  readonly labels: Array<string>
}

const isEnded = (come: string | Ended | undefined): come is Ended => typeof come === "object"

class Driver {
  private readonly names = new Names()
  private readonly bodies: Bodies
  private readonly live = new Map<number, Live>()
  private readonly done = new Set<Line>()
  private readonly variants = new Map<Name, number>()
  private readonly offsets = new Map<string, bigint>()
  private readonly together = new Set<number>()
  /** What contracts were told by the recorded chain and by this one, where it differs. */
  readonly facts: Array<Variants.Fact> = []
  private frames = 0
  /** When the last line was recorded. */
  private clock = 0

  constructor(
    private readonly recording: Recording,
    private readonly target: Target,
    private readonly keys: ReadonlyMap<AccountAddress, KeyPair.KeyPair>,
    private readonly nonces: ReadonlyMap<AccountAddress, bigint>,
    private readonly crypto: CryptoService,
    private readonly protocol: number,
    private readonly generalized: Generalized
  ) {
    for (const [recorded, { address }] of keys) {
      this.names.learnTexts(recorded, address)
      this.offsets.set(recorded, (target.nonces.get(address) ?? 0n) - (nonces.get(recorded) ?? 0n))
    }
    this.bodies = new Bodies(this.names, keys, crypto, target.networkId)
  }

  readonly run: Effect.Effect<Outcome, TargetError> = Effect.suspend(() => this.play()).pipe(
    Effect.catchTag("Differs", ({ found }) =>
      Effect.succeed<Outcome>({ _tag: "Different", frames: this.frames, difference: found })
    ),
    Effect.catchTag("Parted", ({ name, seq }) => {
      this.accept(name)
      return Effect.succeed<Outcome>({
        _tag: "Accepted",
        frames: this.frames,
        variants: this.variants,
        partedAt: seq
      })
    })
  )

  adopt(socket: number, connection: Connection): void {
    this.live.set(socket, { connection, early: [], ended: undefined, labels: [] })
  }

  private play(): Effect.Effect<Outcome, TargetError | Differs | Parted> {
    return Effect.gen(this, function* () {
      for (const line of this.recording.lines) {
        if (this.done.has(line)) continue
        yield* this.step(line)
      }
      yield* this.target.settle
      for (const [socket, live] of this.live) yield* this.nothingLeft(socket, live)
      return this.variants.size === 0
        ? { _tag: "Exact", frames: this.frames }
        : { _tag: "Accepted", frames: this.frames, variants: this.variants, partedAt: undefined }
    })
  }

  private step(line: Line): Effect.Effect<void, TargetError | Differs | Parted> {
    const before = line._tag === "Came" ? Effect.void : this.pause(line)
    if (line.at !== undefined) this.clock = line.at
    switch (line._tag) {
      case "Open":
        return Effect.zipRight(before, this.open(line))
      case "Sent":
        return Effect.zipRight(before, this.send(line))
      case "Came":
        return this.expect(line)
      case "Closed":
        return this.close(line, before)
      case "Refused":
      case "Asked":
        return Effect.void
      case "Note":
        return before
    }
  }

  /** As much time as passed in the recording; blocks are made in long pauses, as a chain does. */
  private pause({ at }: Line): Effect.Effect<void, TargetError> {
    if (at === undefined) return Effect.void
    const block = at - this.clock >= pauseMillis ? this.target.mineMicro : Effect.void
    return Effect.zipRight(block, this.target.until(at))
  }

  private differ(
    line: { readonly seq: number; readonly who: string },
    expected: string,
    came: string,
    more: { readonly path: string; readonly recorded: string; readonly actual: string } = {
      path: "",
      recorded: expected,
      actual: came
    }
  ): Differs {
    return new Differs({ file: this.recording.file, seq: line.seq, who: line.who, expected, came, ...more })
  }

  private accept(name: Name): void {
    this.variants.set(name, (this.variants.get(name) ?? 0) + 1)
  }

  // ---------------------------------------------------------------- what clients do

  private open(line: Open): Effect.Effect<void, TargetError | Differs | Parted> {
    return Effect.gen(this, function* () {
      yield* this.confirmClosings()
      const opened = yield* this.target.connect(line.path, this.names.query(line.query))
      const refused = this.recording.lines.find(
        (each): each is Refused => each._tag === "Refused" && each.socket === line.socket
      )
      if ("status" in opened) {
        if (refused?.status !== opened.status)
          return yield* Effect.fail(
            this.differ(
              line,
              refused === undefined ? "a connection" : `HTTP ${refused.status}`,
              `HTTP ${opened.status}`
            )
          )
        // Nothing more happens on it.
        for (const each of this.recording.lines)
          if ("socket" in each && each.socket === line.socket) this.done.add(each)
        return
      }
      if (refused !== undefined)
        return yield* Effect.fail(this.differ(line, `HTTP ${refused.status}`, "a connection"))
      this.adopt(line.socket, opened)
    })
  }

  /** Blocks that confirm the end of one channel must not come so late that they lock the next one early. */
  private confirmClosings(): Effect.Effect<void, TargetError> {
    return Effect.gen(this, function* () {
      for (const [socket, live] of this.live) {
        const next = this.recording.lines.find(
          (line): line is Came => line._tag === "Came" && line.socket === socket && !this.done.has(line)
        )
        if (next === undefined || labelOf(next.json) !== "info closed_confirmed") continue
        const come = yield* this.next(live, "info closed_confirmed")
        if (typeof come === "string") live.early.unshift(come)
      }
    })
  }

  private send(line: Sent): Effect.Effect<void, TargetError | Differs | Parted> {
    return Effect.gen(this, function* () {
      // What the node says without being asked comes first, as it did when it was recorded.
      yield* this.target.settle
      const live = yield* this.lives(line)
      if (line.unsendable !== undefined)
        return this.accept(line.unsendable === "cut" ? "frame cut by the recorder" : "binary frame")
      yield* this.pin(line)
      yield* live.connection.send(this.textOf(line))
    })
  }

  /** A block of the recorded chain that the node took: here the one on top. */
  private pin(line: Sent): Effect.Effect<void, TargetError> {
    return Effect.gen(this, function* () {
      const hash = Json.field(Json.field(line.json, "params"), "block_hash")
      const id = typeof hash === "string" ? idOf(hash) : undefined
      if (typeof hash !== "string" || id === undefined || /^0+$/.test(id.hex)) return
      // One that stands for itself was only named in a request that was refused.
      if ((this.names.actual(id.hex) ?? id.hex) !== id.hex) return
      const answer = this.recording.lines.find(
        (each): each is Came => each._tag === "Came" && each.socket === line.socket && each.seq > line.seq
      )
      if (answer === undefined || Json.field(answer.json, "error") !== undefined) return
      this.names.learnTexts(hash, yield* this.target.top)
    })
  }

  private lives(line: { readonly seq: number; readonly who: string; readonly socket: number }) {
    return Effect.suspend(() => {
      const live = this.live.get(line.socket)
      return live === undefined
        ? Effect.fail(this.differ(line, "an open connection", "none"))
        : Effect.succeed(live)
    })
  }

  private textOf(line: Sent): string {
    if (line.json === undefined) return this.names.inText(line.text)
    return Json.stringify(
      this.names.json(this.withNonce(line), (text) =>
        text.startsWith("tx_") ? this.bodies.text(String(line.socket), text) : text
      )
    )
  }

  /** An account may be at another nonce here. */
  private withNonce({ json = null, who }: Sent): Json.Json {
    const params = Json.field(json, "params")
    const nonce = Json.toBigInt(Json.field(params, "nonce"))
    const offset = [...this.offsets.values()].some((each) => each !== 0n) ? this.offsetOf(who) : 0n
    return nonce === undefined || offset === 0n || !Json.isObject(json) || !Json.isObject(params)
      ? json
      : { ...json, params: { ...params, nonce: nonce + offset } }
  }

  private offsetOf(who: string): bigint {
    const open = this.recording.lines.find((line): line is Open => line._tag === "Open" && line.who === who)
    const account = Query.parametersOf(open?.query ?? "").get(`${who}_id`) ?? ""
    return this.offsets.get(account) ?? 0n
  }

  private close(
    line: Closed,
    before: Effect.Effect<void, TargetError>
  ): Effect.Effect<void, TargetError | Differs | Parted> {
    return Effect.gen(this, function* () {
      const live = yield* this.lives(line)
      this.live.delete(line.socket)
      const byNode =
        line.code === 1000 || line.code === 1011 || line.code === 1007
          ? true
          : line.code === undefined && /^(info died|error)/.test(live.labels.at(-1) ?? "")
      if (byNode) {
        const come = yield* this.next(live, "close")
        if (typeof come === "string")
          return yield* this.fail(line, live, "the connection closed", labelOf(parsed(come) ?? null))
        const code = line.code ?? 1000
        if (come?.closeCode !== code)
          return yield* Effect.fail(
            this.differ(
              line,
              `the connection closed with ${code}`,
              come === undefined ? "it is open" : `closed with ${come.closeCode}`
            )
          )
        return
      }
      if (this.together.delete(line.socket)) return
      yield* before
      yield* this.target.settle
      const others = this.closedNext(line)
      const extra = yield* this.leftover(line, live)
      const come = this.poll(live)
      if (extra && come !== undefined) return
      if (come === undefined) yield* live.connection.close(line.code)
      else if (typeof come === "object" && line.code !== undefined && come.closeCode !== line.code)
        return yield* Effect.fail(
          this.differ(line, `the connection closed with ${line.code}`, `closed with ${come.closeCode}`)
        )
      // What one of them causes at the other was never read.
      for (const other of others) {
        const next = this.live.get(other.socket)
        if (next === undefined || this.poll(next) !== undefined) continue
        yield* next.connection.close(other.code)
        this.together.add(other.socket)
      }
    })
  }

  /** Sockets that clients closed in the same breath. */
  private closedNext(line: Closed): ReadonlyArray<Closed> {
    const found: Array<Closed> = []
    for (const next of this.recording.lines.slice(this.recording.lines.indexOf(line) + 1)) {
      if (next._tag === "Closed" && next.code === line.code) found.push(next)
      else if (next._tag !== "Note" && next._tag !== "Open") break
    }
    return found
  }

  // ---------------------------------------------------------------- what comes

  private poll(live: Live): string | Ended | undefined {
    const early = live.early.shift()
    if (early !== undefined) return early
    if (live.ended !== undefined) return live.ended
    const come = live.connection.poll()
    if (isEnded(come)) live.ended = come
    return come
  }

  /** Posts the closing that a party posted by itself, if none is on its way. */
  private closeOutside(line: Came, live: Live): Effect.Effect<void, TargetError> {
    return Effect.gen(this, function* () {
      for (let posted = false; ; posted = true) {
        yield* this.target.settle
        yield* this.target.mineMicro
        yield* this.target.settle
        const come = this.poll(live)
        if (typeof come === "string") live.early.unshift(come)
        if (come !== undefined || posted) return
        const id = this.names.text(channelOf(line.json))
        if (!ApiEncoding.is("ch", id)) return
        const closing = closingBefore(this.recording, line, {
          channelId: id,
          keys: this.keys,
          nonces: this.nonces,
          nonceOffset: (account) => this.offsets.get(account) ?? 0n,
          networkId: this.target.networkId,
          crypto: this.crypto,
          generalized: this.generalized
        })
        if (closing === undefined) return
        yield* this.target.submit(closing)
        this.accept("closing from outside")
      }
    })
  }

  /** The next frame, or the end; blocks are made and time passes until there is one. */
  private next(live: Live, label: string): Effect.Effect<string | Ended | undefined, TargetError> {
    return Effect.gen(this, function* () {
      let come = this.poll(live)
      if (come !== undefined) return come
      yield* this.target.settle
      come = this.poll(live)
      if (come === undefined && fromChain.test(label)) {
        yield* this.target.mineMicro
        yield* this.target.settle
        come = this.poll(live)
        for (let blocks = 0; come === undefined && blocks < mostBlocks; blocks++) {
          yield* this.target.mine(1)
          yield* this.target.settle
          come = this.poll(live)
        }
      }
      if (this.isOptional(label, live)) return come
      for (let times = 1; come === undefined && (yield* this.target.later(times)); times++) {
        yield* this.target.settle
        come = this.poll(live)
      }
      return come
    })
  }

  /** Whether the line is one that need not come, and something else has come, or nothing. */
  private absent(line: Came, live: Live, come: string | Ended | undefined): boolean {
    const label = labelOf(line.json)
    const name = Variants.absentNames.find((each) => Variants.absences[each].may(label, live.labels))
    if (name === undefined) return false
    const frame = typeof come === "string" ? parsed(come) : undefined
    if (frame !== undefined && labelOf(frame) === label) return false
    // An answer that is still to come is waited for.
    if (label === "result" && !isEnded(come)) return false
    if (typeof come === "string") live.early.unshift(come)
    this.accept(name)
    return true
  }

  private isOptional(label: string, live: Live): boolean {
    return (
      label !== "result" &&
      Variants.absentNames.some((each) => Variants.absences[each].may(label, live.labels))
    )
  }

  private expect(line: Came): Effect.Effect<void, TargetError | Differs | Parted> {
    return Effect.gen(this, function* () {
      const live = yield* this.lives(line)
      const label = labelOf(line.json)
      if (label === "on_chain_tx can_slash") yield* this.closeOutside(line, live)
      const come = yield* this.next(live, label)
      if (this.absent(line, live, come)) return
      if (typeof come !== "string")
        return yield* this.fail(
          line,
          live,
          label,
          come === undefined ? "nothing" : `closed with ${come.closeCode}`
        )
      const frame = parsed(come)
      if (frame === undefined)
        return yield* Effect.fail(this.differ(line, label, `a text that is no JSON: ${come.slice(0, 60)}`))
      const compared = this.compare(line, frame)
      if (compared.differences.length === 0) return this.take(line, frame, compared)
      // The frame may be one that was recorded a little later, where no order is determined.
      const swapped = this.swap(line, frame)
      if (swapped !== undefined) {
        this.done.add(swapped.line)
        this.accept(swapped.name)
        this.take(swapped.line, frame, swapped.compared)
        return yield* this.expect(line)
      }
      const came = labelOf(frame)
      const apart = this.parting(line, live, label, came)
      if (apart === undefined && this.extra(live, came)) return yield* this.expect(line)
      const [difference] = compared.differences
      return yield* this.fail(line, live, label, came, came === label ? difference : undefined)
    })
  }

  private compare(line: Came, frame: Json.Json): Compared {
    return compare(line.json, frame, {
      names: this.names,
      bodies: this.bodies,
      nonceOffset: (account) => this.offsets.get(account) ?? 0n,
      protocol: this.protocol
    })
  }

  private take(line: Came, frame: Json.Json, compared: Compared): void {
    compared.learn()
    this.done.add(line)
    for (const name of compared.accepted) this.accept(name)
    this.facts.push(...compared.facts)
    this.frames += 1
    this.live.get(line.socket)?.labels.push(labelOf(line.json))
    const [recorded, actual] = [line.json, frame].map((json) => {
      const data = Json.field(Json.field(json, "params"), "data")
      return decoded(String(Json.field(data, "signed_tx") ?? Json.field(data, "tx")))
    })
    const method = Json.field(frame, "method")
    if (recorded !== undefined && actual !== undefined && String(method).includes(".sign."))
      this.bodies.ask(String(line.socket), recorded, actual)
  }

  /** A later line of the same socket that this frame is, if all in between may come after it. */
  private swap(line: Came, frame: Json.Json) {
    const label = labelOf(frame)
    let name: Variants.OrderName | undefined = this.order(labelOf(line.json), label)
    const from = this.recording.lines.indexOf(line)
    for (const later of this.recording.lines.slice(from + 1)) {
      if (name === undefined) return undefined
      if (later._tag !== "Came" || later.socket !== line.socket || this.done.has(later)) continue
      const compared = this.compare(later, frame)
      if (compared.differences.length === 0) return { line: later, name, compared }
      name = this.order(labelOf(later.json), label)
    }
    return undefined
  }

  private order(recorded: string, came: string): Variants.OrderName | undefined {
    return Variants.orderNames.find((each) => Variants.orders[each].swaps(recorded, came))
  }

  private nothingLeft(socket: number, live: Live): Effect.Effect<void, Differs | Parted> {
    return Effect.gen(this, function* () {
      const last = this.recording.lines.findLast((line) => "socket" in line && line.socket === socket)
      const line = { seq: last?.seq ?? 0, who: this.recording.sockets[socket] ?? "" }
      const extra = yield* this.leftover(line, live)
      const come = this.poll(live)
      if (typeof come === "object" && !extra && live.labels.at(-1) !== "info died")
        return yield* this.fail(line, live, "nothing more", `closed with ${come.closeCode}`)
    })
  }

  /** Takes what has come beyond the recording, if it may; tells whether something has. */
  private leftover(
    line: { readonly seq: number; readonly who: string },
    live: Live
  ): Effect.Effect<boolean, Differs | Parted> {
    return Effect.gen(this, function* () {
      let some = false
      for (;;) {
        const come = this.poll(live)
        if (typeof come !== "string") return some
        const label = labelOf(parsed(come) ?? null)
        if (!this.extra(live, label)) return yield* this.fail(line, live, "nothing more", label)
        some = true
      }
    })
  }

  /** Whether a frame that was not recorded may come. */
  private extra(live: Live, label: string): boolean {
    const name = Variants.extraNames.find((each) => Variants.extras[each].may(label, live.labels))
    if (name === undefined) return false
    this.accept(name)
    live.labels.push(label)
    return true
  }

  /** A difference, or the point from which on the two go different ways. */
  private fail(
    line: { readonly seq: number; readonly who: string },
    live: Live,
    expected: string,
    came: string,
    more?: { readonly path: string; readonly recorded: string; readonly actual: string }
  ): Effect.Effect<never, Differs | Parted> {
    return Effect.fail(this.parting(line, live, expected, came) ?? this.differ(line, expected, came, more))
  }

  private parting(
    line: { readonly seq: number },
    live: Live,
    expected: string,
    came: string
  ): Parted | undefined {
    const name = Variants.partingNames.find((each) =>
      Variants.partings[each].may(expected, came, live.labels)
    )
    return name && new Parted(name, line.seq)
  }
}

const parsed = (text: string): Json.Json | undefined => {
  try {
    return Json.parseOrThrow(text)
  } catch {
    return undefined
  }
}

/** The one number by which all facts of a kind differ, if it is one. */
const shiftOf = (facts: ReadonlyArray<Variants.Fact>): number | undefined => {
  const shifts = new Set(facts.map(({ actual, recorded }) => recorded - actual))
  const [shift = 0n] = shifts
  return shifts.size > 1 ? undefined : Number(shift)
}

/** Where a chain must have begun so that contracts see on it what they saw on the recorded one. */
const startOf = (
  facts: ReadonlyArray<Variants.Fact>,
  { height, timeMs }: ChainStart
): ChainStart | undefined => {
  const isTime = ({ actual }: Variants.Fact) => actual >= BigInt(timeMs)
  const time = shiftOf(facts.filter(isTime))
  const heights = shiftOf(facts.filter((fact) => !isTime(fact)))
  if (facts.length === 0 || time === undefined || heights === undefined) return undefined
  const start = { height: height + heights, timeMs: timeMs + time }
  return start.height >= 1 && Number.isSafeInteger(start.timeMs) && start.timeMs >= 0 ? start : undefined
}

/** Accounts that were generalized when they were recorded are so here. */
const attachAll = (
  generalized: Generalized,
  target: Target,
  keys: ReadonlyMap<AccountAddress, KeyPair.KeyPair>,
  crypto: CryptoService,
  protocol: number
): Effect.Effect<void, TargetError> =>
  Effect.gen(function* () {
    const { networkId } = target
    for (const [recorded, meta] of generalized) {
      const key = keys.get(recorded)
      if (key === undefined) continue
      const nonce = (target.nonces.get(key.address) ?? 0n) + 1n
      const attach = SignedTx.unsigned(attachTx(key.address, nonce, meta, protocol))
      yield* target.submit(SignedTx.sign(attach, key, { networkId, crypto }))
    }
    if (generalized.size > 0) yield* target.mine(1)
  })

/** Plays a recording once; also tells the facts in which the chains differed, and where this one began. */
const playOnce = (recording: Recording, options: Options, start: ChainStart | undefined) =>
  Effect.gen(function* () {
    const scene = sceneOf(recording)
    const { crypto = noble, seed = "replay" } = options
    const keys = fresh([...scene.accounts.map(({ address }) => address), ...scene.strangers], seed, crypto)
    const funded = scene.accounts.flatMap(({ address, need, nonce }) => {
      const keyPair = keys.get(address)
      return keyPair === undefined ? [] : [{ address: keyPair.address, keyPair, balance, need, nonce }]
    })
    const wanted = { accounts: funded, protocol: scene.protocol }
    const target = yield* options.targets(start === undefined ? wanted : { ...wanted, start })
    const generalized = generalizedIn(recording)
    yield* attachAll(generalized, target, keys, crypto, scene.protocol)
    const driver = new Driver(
      recording,
      target,
      keys,
      new Map(scene.accounts.map(({ address, nonce }) => [address, nonce])),
      crypto,
      scene.protocol,
      generalized
    )
    if (scene.before !== undefined) {
      const connections = yield* openBefore(scene.before, target, keys, crypto, generalized)
      for (const socket of recording.inherited) {
        const who = recording.sockets[socket]
        if (who !== undefined) driver.adopt(socket, connections[who])
      }
    }
    const outcome = yield* driver.run
    return { outcome, facts: driver.facts, start: target.start }
  }).pipe(Effect.scoped)

/**
 * Drives a node with a recorded session and compares every frame that comes from it with the recorded one: kind, method,
 * event, codes, keys, types, determined values, order on each connection.
 *
 * Accounts have fresh keys. What clients signed is signed again, with what they changed about it; ids, hashes and fsm ids
 * are those of this session, and the same one always stands for the same. Blocks are made when the next line needs one.
 * A session that was recorded in the midst of a channel's life gets such a channel first. Where contracts told the height
 * and the time of the recorded chain, it is replayed once more on a chain that has the same.
 *
 * Never fails for what the node does; fails with `TargetError` when there is no node to be driven.
 *
 * @since 0.1.0
 * @category execution
 */
export const replay = (recording: Recording, options: Options): Effect.Effect<Outcome, TargetError> =>
  Effect.gen(function* () {
    const not = notReplayable(recording)
    if (not !== undefined) return { _tag: "NotReplayable" as const, ...not }
    const { facts, outcome, start } = yield* playOnce(recording, options, undefined)
    const recorded = start && startOf(facts, start)
    if (outcome._tag !== "Accepted" || recorded === undefined) return outcome
    const again = yield* playOnce(recording, options, recorded)
    return again.outcome._tag === "Different" ? outcome : again.outcome
  })
