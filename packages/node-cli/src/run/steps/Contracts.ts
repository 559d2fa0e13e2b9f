/**
 * Steps about contracts in the channel: making them, calling them, looking at them, and having the chain call them.
 *
 * @since 0.1.0
 */
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Transaction from "@aechannel/core/chain/Transaction"
import type { ContractCall } from "@aechannel/core/client/ContractCall"
import type { ContractId } from "@aechannel/core/encoding/ApiEncoding"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { formatAe } from "../../Amounts.js"
import * as Contracts from "../Contracts.js"
import { ExpectationError, type StepError } from "../Problems.js"
import * as Session from "../Session.js"
import { kind, type Outcome, type StepKind } from "../Step.js"
import * as Values from "../Values.js"
import { settle, stateOutcome } from "./Shared.js"
import type { Who } from "./Who.js"

const { maybe } = Values

const callFields = {
  contract: maybe(Values.ContractId),
  aci: maybe(Values.Text),
  function: maybe(Values.Text),
  arguments: maybe(Values.List),
  callData: maybe(Values.ContractBytes),
  amount: maybe(Values.Amount),
  returns: maybe(Values.Anything),
  reverts: maybe(Values.Text),
  error: maybe(Values.Text),
  events: maybe(Values.List)
}

const CallFields = Schema.Struct(callFields)

type CallBody = typeof CallFields.Type

/** One way to say what is called, and one of how it ends. */
const complete = (body: CallBody): string | undefined =>
  Values.exactlyOne(body, ["function", "callData"]) ??
  (["returns", "reverts", "error"].filter((key) => Object.hasOwn(body, key)).length > 1
    ? "no more than one of returns, reverts, error"
    : undefined)

const calledWords = "`function` with `arguments` (or `callData`), `amount`"
const contractWords = "`contract` (default: the last one), `aci` (a file, if its interface is not known)"
const endWords = "how it ends: `returns`, `reverts` or `error`, and `events`"

const describeCall = (party: string, { amount, function: called = "with call data", contract }: CallBody) =>
  `${party} calls ${called}${contract === undefined ? "" : ` of ${contract}`}${amount === undefined ? "" : ` with ${formatAe(amount)}`}`

const bytesOf = (text: ApiEncoding.Encoded<"cb"> | undefined): { readonly callData?: Uint8Array } =>
  text === undefined ? {} : { callData: ApiEncoding.bytesOf(text) }

interface Prepared {
  readonly contractId: ContractId
  readonly callData: Uint8Array
  readonly amount?: bigint
}

/** Makes the call, and compares what came of it with what the step says. */
const calling = (
  session: Session.Session,
  { amount, callData, ...body }: CallBody,
  run: (
    call: Prepared
  ) => Effect.Effect<{ readonly call: ContractCall; readonly outcome: Outcome }, StepError>
): Effect.Effect<Outcome, StepError> =>
  Effect.gen(function* () {
    const { aci, contractId } = yield* Contracts.known(session, body)
    const data = yield* Contracts.callData(aci, { ...body, ...bytesOf(callData) })
    const { call, outcome } = yield* run({
      contractId,
      callData: data,
      ...(amount === undefined ? {} : { amount })
    })
    const { result, said } = yield* Contracts.outcome(session, { aci, called: body.function }, call, body)
    return {
      result: { ...outcome.result, contractId, ...result },
      said: outcome.said === "" ? said : `${outcome.said}; ${said}`
    }
  })

const create = ({ driven, drivenNames: [first = ""] }: Who): StepKind =>
  kind({
    kind: "contract",
    summary: `make a contract in the channel: \`party\` (default: ${first}), \`file\` (its code, or JSON with \`code\` and \`aci\`) or \`code\`, \`aci\` (a file), \`arguments\` of its init (or \`callData\`), \`deposit\`, \`vmVersion\` (default 8), \`abiVersion\``,
    schema: Schema.Struct({
      party: maybe(driven),
      file: maybe(Values.Text),
      code: maybe(Values.ContractBytes),
      aci: maybe(Values.Text),
      arguments: maybe(Values.List),
      callData: maybe(Values.ContractBytes),
      deposit: maybe(Values.Amount),
      vmVersion: maybe(Values.whole(0, 65_535)),
      abiVersion: maybe(Values.whole(0, 65_535))
    }).pipe(Schema.filter((body) => Values.exactlyOne(body, ["file", "code"]))),
    describe: ({ party = first, file = "from code", deposit }) =>
      `${party} makes a contract (${file})${deposit === undefined ? "" : ` with ${formatAe(deposit)}`}`,
    run: (session, { party = first, file, code, aci: aciFile, callData, ...body }) =>
      Effect.gen(function* () {
        const { deposit, abiVersion, vmVersion } = body
        const found = yield* Contracts.compiled(session, {
          ...(file === undefined ? {} : { file }),
          ...(code === undefined ? {} : { code }),
          ...(aciFile === undefined ? {} : { aci: aciFile })
        })
        const data = yield* Contracts.callData(found.aci, {
          function: "init",
          arguments: body.arguments ?? [],
          ...bytesOf(callData)
        })
        const { contracts } = yield* Session.channel(session, party)
        const { call, contractId, state } = yield* contracts.create({
          code: found.code,
          callData: data,
          ...(deposit === undefined ? {} : { deposit }),
          ...(vmVersion === undefined ? {} : { vmVersion }),
          ...(abiVersion === undefined ? {} : { abiVersion })
        })
        session.contracts.set(contractId, found.aci)
        yield* settle(session, state.round)
        const { result, said } = stateOutcome(session, state)
        return {
          result: { ...result, contractId, gasUsed: Number(call.gasUsed) },
          said: `${contractId}, ${said} (${call.gasUsed} gas)`
        }
      })
  })

const call = ({ driven, drivenNames: [first = ""] }: Who): StepKind =>
  kind({
    kind: "call",
    summary: `call a contract: \`party\` (default: ${first}), ${contractWords}, ${calledWords}, \`meta\` (notes), \`blockHash\`; ${endWords}`,
    schema: Schema.Struct({
      party: maybe(driven),
      ...callFields,
      meta: maybe(Values.Notes),
      blockHash: maybe(Values.BlockHash)
    }).pipe(Schema.filter(complete)),
    describe: ({ party = first, ...body }) => describeCall(party, body),
    run: (session, { party = first, meta = [], blockHash, ...body }) =>
      calling(session, body, (prepared) =>
        Effect.gen(function* () {
          const { contracts } = yield* Session.channel(session, party)
          const { call, state } = yield* contracts.call({
            ...prepared,
            meta,
            ...(blockHash === undefined ? {} : { blockHash })
          })
          yield* settle(session, state.round)
          return { call, outcome: stateOutcome(session, state) }
        })
      )
  })

const dryRun = ({ driven, drivenNames: [first = ""] }: Who): StepKind =>
  kind({
    kind: "dryRun",
    summary: `try a call out, which changes nothing: \`party\` (default: ${first}), ${contractWords}, ${calledWords}; ${endWords}`,
    schema: Schema.Struct({ party: maybe(driven), ...callFields }).pipe(Schema.filter(complete)),
    describe: ({ party = first, ...body }) => `${describeCall(party, body)}, to try it out`,
    run: (session, { party = first, ...body }) =>
      calling(session, body, (prepared) =>
        Effect.gen(function* () {
          const { contracts } = yield* Session.channel(session, party)
          const tried = yield* contracts.dryRun(prepared)
          return { call: tried, outcome: { result: { round: tried.round }, said: "" } }
        })
      )
  })

const forceProgress = ({ driven, drivenNames: [first = ""] }: Who): StepKind =>
  kind({
    kind: "forceProgress",
    summary: `have the chain call a contract on the latest state, without the other party: \`party\` (default: ${first}), ${contractWords}, ${calledWords}, \`gas\` (default 1000000), \`gasPrice\`, \`nonce\`; ${endWords}`,
    schema: Schema.Struct({
      party: maybe(driven),
      ...callFields,
      gas: maybe(Values.Amount),
      gasPrice: maybe(Values.Amount),
      nonce: maybe(Values.Amount)
    }).pipe(Schema.filter(complete)),
    describe: ({ party = first, ...body }) => `${describeCall(party, body)} on chain`,
    run: (session, { party = first, gas, gasPrice, nonce, ...body }) =>
      calling(session, body, (prepared) =>
        Effect.gen(function* () {
          const channel = yield* Session.channel(session, party)
          const { call, signedTx, state, txHash } = yield* channel.forceProgress({
            ...prepared,
            ...(gas === undefined ? {} : { gas }),
            ...(gasPrice === undefined ? {} : { gasPrice }),
            ...(nonce === undefined ? {} : { nonce })
          })
          yield* settle(session, state.round)
          const { result, said } = stateOutcome(session, state)
          const { tx } = SignedTx.innermost(signedTx)
          const fee = Transaction.fee(tx)
          const gasCost = call.gasUsed * call.gasPrice
          return {
            call,
            outcome: {
              result: {
                ...result,
                type: Transaction.typeName(tx),
                txHash,
                fee: fee.toString(),
                gasCost: gasCost.toString()
              },
              said: `${said}; fee ${formatAe(fee)} and ${formatAe(gasCost)} for gas`
            }
          }
        })
      )
  })

const getContract = ({ anyone, driven, drivenNames: [first = ""] }: Who): StepKind =>
  kind({
    kind: "getContract",
    summary: `ask the node for a contract and its store, and compare them with our own: \`party\` (default: ${first}), \`contract\` (default: the last one); expected may be its \`owner\` and \`balance\``,
    shorthand: "party",
    schema: Schema.Struct({
      party: maybe(driven),
      contract: maybe(Values.ContractId),
      owner: maybe(anyone),
      balance: maybe(Values.Range)
    }),
    describe: ({ party = first, contract }) => `${party} asks for ${contract ?? "the contract"}`,
    run: (session, { party = first, owner, balance: wanted, ...body }) =>
      Effect.gen(function* () {
        const { contractId } = yield* Contracts.known(session, body)
        const { contracts } = yield* Session.channel(session, party)
        const { balance, object, store } = yield* contracts.get(contractId)
        const name = session.names(object.ownerId)
        if (owner !== undefined && name !== owner)
          return yield* new ExpectationError({ expected: `the contract to be ${owner}'s`, came: name })
        if (wanted !== undefined && !Values.isWithin(balance, wanted))
          return yield* new ExpectationError({
            expected: `the contract to have ${Values.describeRange(wanted)}`,
            came: formatAe(balance)
          })
        return {
          result: {
            contractId,
            owner: name,
            balance: balance.toString(),
            deposit: object.deposit.toString(),
            store: Object.fromEntries(
              store.map(([key, value]) => [ApiEncoding.encode("ck", key), ApiEncoding.encode("cv", value)])
            )
          },
          said: `${contractId} of ${name}: ${formatAe(balance)}, ${store.length} entries in its store`
        }
      })
  })

/** @since 0.1.0 @category tables */
export const kinds = (who: Who): ReadonlyArray<StepKind> => [
  create(who),
  call(who),
  dryRun(who),
  forceProgress(who),
  getContract(who)
]
