/**
 * A node in memory with two funded parties, in one line, and both ends of a channel in another.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Channel from "../client/Channel.js"
import type { ChannelError } from "../client/ChannelEvent.js"
import * as SignedTx from "../chain/SignedTx.js"
import { Crypto, type CryptoService } from "../crypto/Crypto.js"
import type { KeyPair } from "../crypto/KeyPair.js"
import * as ApiEncoding from "../encoding/ApiEncoding.js"
import type { AccountAddress } from "../encoding/ApiEncoding.js"
import type { DecodeError } from "../encoding/DecodeError.js"
import * as Bytecode from "../fate/Bytecode.js"
import * as CallData from "../fate/CallData.js"
import * as ChannelNode from "../node/ChannelNode.js"
import * as InMemoryTransport from "../node/InMemoryTransport.js"
import * as Ledger from "../node/Ledger.js"
import type { Codec } from "../protocol/Codec.js"
import * as JsonRpcSignedTx from "../protocol/JsonRpcSignedTx.js"
import type { Role } from "../protocol/OpenParameters.js"
import * as ChannelStore from "../services/ChannelStore.js"
import * as ProposalPolicy from "../services/ProposalPolicy.js"
import * as Signer from "../services/Signer.js"
import type { ChainReader } from "../services/ChainReader.js"
import { Transport } from "../services/Transport.js"
import * as ChainReaders from "./ChainReaders.js"
import { attachment } from "./internal/attachment.js"
import * as TestCrypto from "./TestCrypto.js"

/**
 * Aettos of one AE.
 *
 * @since 0.1.0
 * @category constants
 */
export const AE = 10n ** 18n

/**
 * - `seed`: of {@link TestCrypto.seeded}, from which ids and secrets come. Default 0.
 * - `parties`: the key pairs of both parties; default `TestCrypto.keyPair("initiator")` and `("responder")`
 * - `balance`: what each party has on chain, in aettos; default 1000 AE
 * - `accounts`: further accounts on chain
 * - `networkId`: default `ae_test`
 * - `crypto`: what signs and verifies; default the portable implementation. The native one of `@aechannel/transport`
 *   makes tests several times faster.
 *
 * The rest are options of the node. `acceptDelay` and `closeDelay` are 0 unless given, so that nothing waits for the
 * clock but what has to.
 *
 * @since 0.1.0
 * @category models
 */
export interface TestNodeOptions extends Omit<ChannelNode.ChannelNodeOptions, "ledger"> {
  readonly seed?: number | string
  readonly parties?: Partial<Readonly<Record<Role, KeyPair>>>
  readonly balance?: bigint
  readonly accounts?: ReadonlyArray<{ readonly address: AccountAddress; readonly balance: bigint }>
  readonly networkId?: string
  readonly crypto?: CryptoService
}

/**
 * What the tests of a node in memory have to know of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface TestNodeService {
  readonly networkId: string
  /** Both have an account on chain. */
  readonly parties: Readonly<Record<Role, KeyPair>>
}

/**
 * The parties at a node in memory.
 *
 * @since 0.1.0
 * @category tags
 */
export class TestNode extends Context.Tag("@aechannel/core/testing/TestNode")<TestNode, TestNodeService>() {}

/**
 * A node in memory, the way to it, and all that a client needs besides its own parts (signer, policy, store). Contracts
 * that look at the chain are checked with the node's own.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import { ChannelNode, Ledger } from "@aechannel/core"
 * import { TestNode } from "@aechannel/core/testing"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const { parties } = yield* TestNode.TestNode
 *   const node = yield* ChannelNode.ChannelNode
 *   yield* node.fund(parties.initiator.address, TestNode.AE)
 *   return Ledger.balance(yield* node.ledger, parties.initiator.address)
 * })
 *
 * const layer = TestNode.layer({ balance: 5n * TestNode.AE })
 * assert.strictEqual(Effect.runSync(Effect.provide(program, layer)), 6n * TestNode.AE)
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: TestNodeOptions = {}
): Layer.Layer<TestNode | Transport | ChannelNode.ChannelNode | ChainReader | Crypto | Codec> => {
  const {
    accounts = [],
    balance = 1000n * AE,
    crypto,
    networkId = "ae_test",
    parties,
    seed = 0,
    ...node
  } = options
  const { initiator = TestCrypto.keyPair("initiator"), responder = TestCrypto.keyPair("responder") } =
    parties ?? {}
  const ledger = Ledger.make({
    networkId,
    accounts: [{ address: initiator.address, balance }, { address: responder.address, balance }, ...accounts]
  })
  return Layer.merge(InMemoryTransport.layer, ChainReaders.ofNode).pipe(
    Layer.provideMerge(ChannelNode.layer({ acceptDelay: 0, closeDelay: 0, ...node, ledger })),
    Layer.provideMerge(Layer.merge(TestCrypto.layerSeeded(seed, crypto), JsonRpcSignedTx.layer)),
    Layer.merge(Layer.succeed(TestNode, { networkId, parties: { initiator, responder } }))
  )
}

/**
 * Options of an opening that need not be given: both parties put in 10 AE, nothing is pushed, and there is no channel
 * reserve.
 *
 * @since 0.1.0
 * @category models
 */
export type OpenOptions = Partial<Omit<Channel.OpenOptions, "role" | "networkId">>

/**
 * What one party brings. Layers are built for this party alone and live as long as the scope.
 *
 * - `policy`: default accepts everything
 * - `signer`: default signs at once with the party's key pair
 * - `store`: default a memory of its own
 * - `transport`: a layer around the transport of the node, such as those of `Faults`
 * - `options`: of the opening, for this party; they come before those for both
 *
 * @since 0.1.0
 * @category models
 */
export interface PartyOptions {
  readonly policy?: Layer.Layer<ProposalPolicy.ProposalPolicy>
  readonly signer?: Layer.Layer<Signer.Signer, never, Crypto>
  readonly store?: Layer.Layer<ChannelStore.ChannelStore>
  readonly transport?: Layer.Layer<Transport, never, Transport>
  readonly options?: OpenOptions
}

/**
 * What both parties bring, and options of the opening for both.
 *
 * @since 0.1.0
 * @category models
 */
export interface PairOptions {
  readonly initiator?: PartyOptions
  readonly responder?: PartyOptions
  readonly options?: OpenOptions
}

/**
 * Both ends of one channel.
 *
 * @since 0.1.0
 * @category models
 */
export interface Pair {
  readonly initiator: Channel.Channel
  readonly responder: Channel.Channel
}

/**
 * What opening at a node in memory needs.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements = TestNode | Transport | Crypto | Codec | Scope.Scope

/**
 * The options with which a party opens a channel here.
 *
 * @since 0.1.0
 * @category getters
 */
export const openOptions = (
  role: Role,
  changes: OpenOptions = {}
): Effect.Effect<Channel.OpenOptions, never, TestNode> =>
  Effect.map(TestNode, ({ networkId, parties }) => ({
    role,
    networkId,
    ...(role === "initiator" ? { host: "localhost" } : {}),
    port: 3333,
    initiatorId: parties.initiator.address,
    responderId: parties.responder.address,
    initiatorAmount: 10n * AE,
    responderAmount: 10n * AE,
    pushAmount: 0n,
    channelReserve: 0n,
    lockPeriod: 10,
    ...changes
  }))

/**
 * A contract that authenticates for an account.
 *
 * - `code`: as a compiler gives it (`cb_…`)
 * - `callData`: of its `init`; default without arguments
 * - `function`: the function that is asked; default `authorize`
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthenticationContract {
  readonly code: string
  readonly callData?: Uint8Array
  readonly function?: string
}

/**
 * Makes the account of a party a generalized one, before it opens a channel (it must not have made transactions). From
 * then on it signs with a `Signer.layerGeneralized`. Fails as the mempool does.
 *
 * @since 0.1.0
 * @category combinators
 */
export const generalize = (
  role: Role,
  contract: AuthenticationContract
): Effect.Effect<void, Ledger.MempoolError | DecodeError, TestNode | ChannelNode.ChannelNode | Crypto> =>
  Effect.gen(function* () {
    const { networkId, parties } = yield* TestNode
    const crypto = yield* Crypto
    const node = yield* ChannelNode.ChannelNode
    const key = parties[role]
    const code = yield* ApiEncoding.decode("cb", contract.code)
    const { protocol } = yield* node.ledger
    const tx = attachment({
      ownerId: key.address,
      nonce: 1n,
      code,
      functionId: Bytecode.functionId(contract.function ?? "authorize"),
      callData: contract.callData ?? CallData.encode("init", []),
      protocol
    })
    yield* node.submit(SignedTx.sign(SignedTx.unsigned(tx), key, { networkId, crypto }))
    yield* node.mine(1)
  })

const asItIs = Layer.effect(Transport, Transport)

const withParty =
  <A>(f: (options: Channel.OpenOptions) => Effect.Effect<A, ChannelError, Channel.Requirements>) =>
  (role: Role, party: PartyOptions = {}): Effect.Effect<A, ChannelError, Requirements> =>
    Effect.gen(function* () {
      const { networkId, parties } = yield* TestNode
      const { policy, signer, store, transport } = party
      const own = yield* Layer.build(
        Layer.mergeAll(
          transport ?? asItIs,
          signer ?? Signer.layerKeyPair(parties[role], networkId),
          policy ?? ProposalPolicy.acceptAll,
          store ?? ChannelStore.layerMemory
        )
      )
      return yield* Effect.provide(f(yield* openOptions(role, party.options)), own)
    })

/**
 * Opens one end of a channel; see `Channel.open`. The other end has to be opened at the same time.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open: (
  role: Role,
  party?: PartyOptions
) => Effect.Effect<Channel.Channel, ChannelError, Requirements> = withParty(Channel.open)

/**
 * Begins to open one end of a channel; see `Channel.connect`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const connect: (
  role: Role,
  party?: PartyOptions
) => Effect.Effect<Channel.OpeningChannel, ChannelError, Requirements> = withParty(Channel.connect)

/**
 * Opens both ends of a channel. They live until the scope closes. Fails as `Channel.open` does, with the failure of
 * the end that fails first; then the other is given up.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import { ProposalPolicy } from "@aechannel/core"
 * import { SeededScheduler, TestNode } from "@aechannel/core/testing"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const { initiator, responder } = yield* TestNode.openPair({
 *     responder: { policy: ProposalPolicy.declineAll(777) },
 *     options: { initiatorAmount: 100n * TestNode.AE }
 *   })
 *   const error = yield* Effect.flip(initiator.transfer({ amount: 1n }))
 *   assert.ok(error._tag === "UserDefinedError" && error.code === 777)
 *   return yield* responder.transfer({ amount: 3n })
 * }).pipe(Effect.scoped, Effect.provide(TestNode.layer({ seed: 1 })))
 *
 * const { balances, round } = Effect.runSync(SeededScheduler.runSeeded(1, program))
 * assert.deepStrictEqual([round, balances.initiator], [2, 100n * TestNode.AE + 3n])
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const openPair = (options: PairOptions = {}): Effect.Effect<Pair, ChannelError, Requirements> => {
  const end = (role: Role) => {
    const party = options[role]
    return open(role, { ...party, options: { ...options.options, ...party?.options } })
  }
  return Effect.all({ initiator: end("initiator"), responder: end("responder") }, { concurrency: 2 })
}
