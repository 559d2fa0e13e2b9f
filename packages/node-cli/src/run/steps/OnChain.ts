/**
 * Steps whose transactions go on chain: coins in and out, what one party does alone, and how long the chain is waited
 * for.
 *
 * @since 0.1.0
 */
import * as Fee from "@aechannel/core/chain/Fee"
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Transaction from "@aechannel/core/chain/Transaction"
import type { Channel } from "@aechannel/core/client/Channel"
import type { CoSignedState, FlowError, SoloTransaction } from "@aechannel/core/client/ChannelEvent"
import type { OnChainOptions } from "@aechannel/core/protocol/Request"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { formatAe } from "../../Amounts.js"
import * as Solo from "../../Solo.js"
import { ImpossibleError, type StepError } from "../Problems.js"
import * as Session from "../Session.js"
import { kind, type Outcome, type StepKind } from "../Step.js"
import * as Values from "../Values.js"
import {
  closedOutcome,
  describeOnChain,
  nothing,
  onChainFields,
  settle,
  settleEnds,
  stateOutcome
} from "./Shared.js"
import type { Who } from "./Who.js"

const { maybe } = Values

interface Move extends OnChainOptions {
  readonly amount: bigint
}

/** Coins into the channel or out of it. */
const moving = (
  { driven, drivenNames: [first = ""] }: Who,
  options: {
    readonly kind: string
    readonly summary: string
    readonly describe: (party: string, amount: string) => string
    readonly run: (channel: Channel, move: Move) => Effect.Effect<CoSignedState, FlowError>
  }
): StepKind =>
  kind({
    kind: options.kind,
    summary: `${options.summary}: \`party\` (default: ${first}), \`amount\`, \`meta\` (notes), \`blockHash\`, \`fee\`, \`gasPrice\`, \`nonce\``,
    schema: Schema.Struct({
      party: maybe(driven),
      amount: Values.Amount,
      meta: maybe(Values.Notes),
      blockHash: maybe(Values.BlockHash),
      ...onChainFields
    }),
    describe: ({ party = first, amount, meta = [], ...onChain }) =>
      `${options.describe(party, formatAe(amount))}${describeOnChain(onChain)}${meta.map((note) => `, note “${note}”`).join("")}`,
    run: (session, { party = first, ...move }) =>
      Effect.gen(function* () {
        const state = yield* options.run(yield* Session.channel(session, party), move)
        yield* settle(session, state.round)
        return stateOutcome(session, state)
      })
  })

const deposit = (who: Who): StepKind =>
  moving(who, {
    kind: "deposit",
    summary: "bring coins of one's account on chain into the channel",
    describe: (party, amount) => `${party} deposits ${amount}`,
    run: (channel, move) => channel.deposit(move)
  })

const withdraw = (who: Who): StepKind =>
  moving(who, {
    kind: "withdraw",
    summary: "take coins of one's own out of the channel, to one's account on chain",
    describe: (party, amount) => `${party} withdraws ${amount}`,
    run: (channel, move) => channel.withdraw(move)
  })

const soloOutcome = (signedTx: SignedTx.SignedTx, where: string): Outcome => {
  const { tx } = SignedTx.innermost(signedTx)
  const type = Transaction.typeName(tx)
  const fee = Transaction.fee(tx)
  return {
    result: { type, txHash: SignedTx.hash(signedTx), fee: fee.toString() },
    said: `${type} is ${where}; fee ${formatAe(fee)}`
  }
}

/** What a party posts itself, since no honest node would: a state that it has kept and that is no longer the latest. */
const post = (
  session: Session.Session,
  name: string,
  options: OnChainOptions & { readonly kind: Solo.SoloOptions["kind"]; readonly round: number }
): Effect.Effect<Outcome, StepError> =>
  Effect.gen(function* () {
    const party = yield* Session.party(session, name)
    const { networkId, crypto, chain, parties, protocol } = session
    const { fee, gasPrice = Fee.defaultMinerGasPrice, nonce, round } = options
    const state = party.states.get(round)
    if (state === undefined || party.keyPair === undefined)
      return yield* new ImpossibleError({
        detail: `${name} has no state of round ${round}; there are ${[...party.states.keys()].join(", ") || "none"}`
      })
    const signedTx = Solo.make({
      kind: options.kind,
      state,
      parties: parties.map(({ address }) => address),
      keyPair: party.keyPair,
      networkId,
      protocol,
      crypto,
      gasPrice,
      nonce: nonce ?? (yield* chain.nextNonce(party.address)),
      ...(fee === undefined ? {} : { fee })
    })
    yield* chain.submit(signedTx)
    return soloOutcome(signedTx, "in the mempool")
  })

/** What takes one signature. */
const alone = (
  { driven, drivenNames: [first = ""] }: Who,
  options: {
    readonly kind: Solo.SoloOptions["kind"]
    readonly summary: string
    readonly describe: (party: string) => string
    readonly run: (channel: Channel, onChain: OnChainOptions) => Effect.Effect<SoloTransaction, FlowError>
  }
): StepKind =>
  kind({
    kind: options.kind,
    summary: `${options.summary}: \`party\` (default: ${first}), \`fee\`, \`gasPrice\`, \`nonce\`; \`round\`: with an older state that the party has kept, past its node, as a cheater does`,
    shorthand: "party",
    schema: Schema.Struct({ party: maybe(driven), round: maybe(Values.whole(1)), ...onChainFields }),
    describe: ({ party = first, round, ...onChain }) =>
      `${options.describe(party)}${round === undefined ? "" : ` with round ${round}`}${describeOnChain(onChain)}`,
    run: (session, { party = first, round, ...onChain }) =>
      round === undefined
        ? Effect.map(
            Effect.flatMap(Session.channel(session, party), (channel) => options.run(channel, onChain)),
            ({ signedTx }) => soloOutcome(signedTx, "on chain")
          )
        : post(session, party, { ...onChain, kind: options.kind, round })
  })

const snapshot = (who: Who): StepKind =>
  alone(who, {
    kind: "snapshot",
    summary: "put the latest state on chain; the channel goes on",
    describe: (party) => `${party} puts its state on chain`,
    run: (channel, onChain) => channel.snapshotSolo(onChain)
  })

const closeSolo = (who: Who): StepKind =>
  alone(who, {
    kind: "closeSolo",
    summary: "begin to close the channel alone, with the latest state",
    describe: (party) => `${party} begins to close alone`,
    run: (channel, onChain) => channel.closeSolo(onChain)
  })

const slash = (who: Who): StepKind =>
  alone(who, {
    kind: "slash",
    summary:
      "answer an older state on chain with the latest, which the party's client does by itself unless `autoSlash` is false",
    describe: (party) => `${party} answers with its latest state`,
    run: (channel, onChain) => channel.slash(onChain)
  })

const settlement = ({ driven, drivenNames: [first = ""] }: Who): StepKind =>
  kind({
    kind: "settle",
    summary: `pay out after the lock period of a solo closing and wait until that is confirmed on chain: \`party\` (default: ${first}), \`fee\`, \`gasPrice\`, \`nonce\``,
    shorthand: "party",
    schema: Schema.Struct({ party: maybe(driven), ...onChainFields }),
    describe: ({ party = first, ...onChain }) => `${party} settles${describeOnChain(onChain)}`,
    run: (session, { party = first, ...onChain }) =>
      Effect.gen(function* () {
        const channel = yield* Session.channel(session, party)
        const closed = yield* channel.settle(onChain)
        yield* settleEnds(session)
        return closedOutcome(session, closed)
      })
  })

const assumeDepth = ({ driven, drivenNames: [first = ""] }: Who): StepKind =>
  kind({
    kind: "assumeDepth",
    summary: `let one's node take a transaction as deep enough in the chain: \`party\` (default: ${first}), \`txHash\``,
    schema: Schema.Struct({ party: maybe(driven), txHash: Values.TxHash }),
    describe: ({ party = first }) => `${party} takes the transaction as deep enough`,
    run: (session, { party = first, txHash }) =>
      Effect.as(
        Effect.flatMap(Session.link(session, party), ({ session: client }) =>
          client.assumeMinimumDepth(txHash)
        ),
        nothing
      )
  })

/** @since 0.1.0 @category tables */
export const kinds = (who: Who): ReadonlyArray<StepKind> => [
  deposit(who),
  withdraw(who),
  snapshot(who),
  closeSolo(who),
  slash(who),
  settlement(who),
  assumeDepth(who)
]
