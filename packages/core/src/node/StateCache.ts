/**
 * What the node keeps of a channel whose machine is over, so that the client comes back to it: its state, encrypted
 * under the machine's `fsm_id`. Only the client has that id; the node forgets it with the machine.
 *
 * Specification: channel state machine, state cache.
 *
 * @since 0.1.0
 */
import { xsalsa20poly1305 } from "@noble/ciphers/salsa.js"
import * as Data from "effect/Data"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SignedTx from "../chain/SignedTx.js"
import * as ApiEncoding from "../encoding/ApiEncoding.js"
import type { AccountAddress, ChannelId, TxHash } from "../encoding/ApiEncoding.js"
import * as Bytes from "../encoding/Bytes.js"
import * as DecodeError from "../encoding/DecodeError.js"
import * as Rlp from "../encoding/Rlp.js"
import type { FsmId } from "../protocol/NodeMessage.js"
import type { OpenParameters, Role } from "../protocol/OpenParameters.js"
import * as Trees from "../state/Trees.js"
import * as Trie from "../state/Trie.js"

/**
 * A machine's memory beyond its end.
 *
 * - `parameters`: the options that survive. Minimum depth strategy, block hash window, message forwarding and `ttl` do
 *   not: they are the defaults after coming back.
 * - `calls`: results of contract calls
 * - `halfSignedTx`: an own proposal that the peer had and had not answered, or a deposit or withdrawal that both signed
 *   and that is not known to be on chain
 * - `lastChannelChange`: the latest transaction of this channel that the machine saw on chain
 *
 * @since 0.1.0
 * @category models
 */
export interface CachedChannel {
  readonly channelId: ChannelId
  readonly role: Role
  readonly ownAddress: AccountAddress
  readonly parameters: OpenParameters
  readonly trees: Trees.Trees
  readonly calls: Trie.Trie
  readonly round: number
  readonly signedTx: SignedTx.SignedTx
  readonly halfSignedTx: SignedTx.SignedTx | undefined
  readonly lastChannelChange: TxHash | undefined
}

/**
 * The `fsm_id` is not the one under which a state was sealed, or the sealed bytes were changed.
 *
 * @since 0.1.0
 * @category errors
 */
export class WrongFsmIdError extends Data.TaggedError("WrongFsmIdError") {
  override get message(): string {
    return "The fsm_id does not open the state that the node kept: use the latest one received."
  }
}

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

const parametersText = Schema.parseJson(
  Schema.Struct({
    role: Schema.Literal("initiator", "responder"),
    host: optional(Schema.String),
    port: Schema.Number,
    initiatorId: ApiEncoding.schema("ak"),
    responderId: ApiEncoding.schema("ak"),
    initiatorAmount: Schema.BigInt,
    responderAmount: Schema.BigInt,
    pushAmount: Schema.BigInt,
    channelReserve: Schema.BigInt,
    lockPeriod: Schema.Number,
    minimumDepth: optional(Schema.Number),
    minimumDepthStrategy: optional(Schema.Literal("txfee", "plain")),
    ttl: optional(Schema.Number),
    fee: optional(Schema.BigInt),
    gasPrice: optional(Schema.BigInt),
    nonce: optional(Schema.BigInt),
    msgForwarding: optional(Schema.Boolean),
    keepRunning: optional(Schema.Boolean),
    logKeep: optional(Schema.Number),
    slogan: optional(Schema.String),
    timeouts: optional(Schema.Record({ key: Schema.String, value: Schema.Number })),
    reports: optional(Schema.Record({ key: Schema.String, value: Schema.Boolean })),
    blockHashDelta: optional(
      Schema.Struct({ notOlderThan: Schema.Number, notNewerThan: Schema.Number, pick: Schema.Number })
    )
  })
)

const writeParameters: (parameters: OpenParameters) => string = Schema.encodeSync(parametersText)
const readParameters: (text: string) => OpenParameters = Schema.decodeSync(parametersText)

const version = 1
const what = "cached channel"
const nothing = new Uint8Array(0)

const malformed = (detail: string): DecodeError.DecodeError =>
  DecodeError.make(what, "invalid_format", detail)

/**
 * The bytes of a cached channel, not encrypted.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (channel: CachedChannel): Uint8Array =>
  Rlp.encode([
    Bytes.uintToBytes(version),
    ApiEncoding.bytesOf(channel.channelId),
    Bytes.utf8(channel.role),
    ApiEncoding.bytesOf(channel.ownAddress),
    Bytes.utf8(writeParameters(channel.parameters)),
    Trees.encode(channel.trees),
    Trie.encodeMtree(channel.calls),
    Bytes.uintToBytes(channel.round),
    SignedTx.encode(channel.signedTx),
    channel.halfSignedTx === undefined ? nothing : SignedTx.encode(channel.halfSignedTx),
    channel.lastChannelChange === undefined ? nothing : ApiEncoding.bytesOf(channel.lastChannelChange)
  ])

const parametersOrThrow = (bytes: Uint8Array): OpenParameters => {
  try {
    return readParameters(Bytes.fromUtf8OrThrow(bytes))
  } catch {
    throw malformed("the parameters of the opening cannot be read")
  }
}

/**
 * Reads what {@link encode} wrote.
 *
 * @internal
 */
export const decodeOrThrow = (bytes: Uint8Array): CachedChannel => {
  const items = Rlp.decodeOrThrow(bytes)
  const fields = items instanceof Uint8Array ? [] : items.filter((item) => item instanceof Uint8Array)
  const [written, channelId, role, own, parameters, trees, calls, round, signedTx, half, change] = fields
  if (written === undefined || Bytes.uintFromBytesOrThrow(written) !== BigInt(version))
    throw DecodeError.make(what, "invalid_version", `only version ${version} can be read`)
  if (
    fields.length !== 11 ||
    channelId?.length !== 32 ||
    role === undefined ||
    own?.length !== 32 ||
    parameters === undefined ||
    trees === undefined ||
    calls === undefined ||
    round === undefined ||
    signedTx === undefined ||
    half === undefined ||
    change === undefined
  )
    throw malformed("there are not the fields of a cached channel")
  const roleText = Bytes.fromUtf8OrThrow(role)
  if (roleText !== "initiator" && roleText !== "responder") throw malformed("the role is none")
  return {
    channelId: ApiEncoding.encode("ch", channelId),
    role: roleText,
    ownAddress: ApiEncoding.encode("ak", own),
    parameters: parametersOrThrow(parameters),
    trees: Trees.decodeOrThrow(trees),
    calls: Trie.decodeMtreeOrThrow(calls),
    round: Number(Bytes.uintFromBytesOrThrow(round)),
    signedTx: SignedTx.decodeOrThrow(signedTx),
    halfSignedTx: half.length === 0 ? undefined : SignedTx.decodeOrThrow(half),
    lastChannelChange: change.length === 0 ? undefined : ApiEncoding.encode("th", change)
  }
}

/** Bytes of the nonce, which stand in front of what is sealed. */
const nonceLength = 24

const keyOf = (fsmId: FsmId): Uint8Array => ApiEncoding.bytesOf(Redacted.value(fsmId))

/**
 * A channel encrypted and authenticated under an `fsm_id` (XSalsa20-Poly1305). A nonce of 24 bytes must not be used
 * twice with one id.
 *
 * @since 0.1.0
 * @category encryption
 */
export const seal = (channel: CachedChannel, fsmId: FsmId, nonce: Uint8Array): Uint8Array =>
  Bytes.concat(nonce, xsalsa20poly1305(keyOf(fsmId), nonce).encrypt(encode(channel)))

const decrypt = (sealed: Uint8Array, fsmId: FsmId): Uint8Array | undefined => {
  try {
    return xsalsa20poly1305(keyOf(fsmId), sealed.subarray(0, nonceLength)).decrypt(
      sealed.subarray(nonceLength)
    )
  } catch {
    return undefined
  }
}

/**
 * Opens what {@link seal} closed. The answer is `DecodeError` where the id is right and the content is not: another
 * version of the program wrote it.
 *
 * @since 0.1.0
 * @category encryption
 */
export const unseal = (
  sealed: Uint8Array,
  fsmId: FsmId
): CachedChannel | WrongFsmIdError | DecodeError.DecodeError => {
  const plain = decrypt(sealed, fsmId)
  if (plain === undefined) return new WrongFsmIdError()
  try {
    return decodeOrThrow(plain)
  } catch (error) {
    if (error instanceof DecodeError.DecodeError) return error
    throw error
  }
}
