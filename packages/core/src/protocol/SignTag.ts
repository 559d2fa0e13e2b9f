/**
 * The fifteen things a node asks its client to sign, as one table: who is asked, how the request and
 * the answer are named on the wire, which transaction is signed, and whether the answer may be an error.
 *
 * Specification: channel WebSocket API, signing requests and replies.
 *
 * @since 0.1.0
 */

/**
 * One row of the signing table.
 *
 * @since 0.1.0
 * @category models
 */
export interface SignTagRow {
  /** Method of the answer, without the `channels.` prefix. */
  readonly reply: string
  /** Other answer methods a node accepts for the same request. */
  readonly alsoAccepted: ReadonlyArray<string>
  /** `starter`: signs alone first; `acknowledger`: completes the pair; `solo`: its signature is enough. */
  readonly side: "starter" | "acknowledger" | "solo"
  /** The starter's tag that this acknowledger's tag answers, and the other way round. */
  readonly counterpart: string | undefined
  /** WebSocket type name of the transaction to be signed. */
  readonly transaction: string
  /** Whether a signing-error reply may be given instead of a signature. */
  readonly abortable: boolean
}

const row = (
  reply: string,
  side: SignTagRow["side"],
  transaction: string,
  counterpart: string | undefined,
  options?: { readonly alsoAccepted?: ReadonlyArray<string>; readonly abortable?: boolean }
): SignTagRow => ({
  reply,
  side,
  transaction,
  counterpart,
  alsoAccepted: options?.alsoAccepted ?? [],
  abortable: options?.abortable ?? true
})

/**
 * The signing table. Keys are the signing tags: the method of the request without `channels.sign.`.
 *
 * @since 0.1.0
 * @category tables
 */
export const signTags = {
  initiator_sign: row("initiator_sign", "starter", "channel_create_tx", "responder_sign", {
    abortable: false
  }),
  responder_sign: row("responder_sign", "acknowledger", "channel_create_tx", "initiator_sign", {
    abortable: false
  }),
  update: row("update", "starter", "channel_offchain_tx", "update_ack"),
  update_ack: row("update_ack", "acknowledger", "channel_offchain_tx", "update"),
  deposit_tx: row("deposit_tx", "starter", "channel_deposit_tx", "deposit_ack"),
  deposit_ack: row("deposit_ack", "acknowledger", "channel_deposit_tx", "deposit_tx"),
  withdraw_tx: row("withdraw_tx", "starter", "channel_withdraw_tx", "withdraw_ack"),
  withdraw_ack: row("withdraw_ack", "acknowledger", "channel_withdraw_tx", "withdraw_tx"),
  shutdown_sign: row("shutdown_sign", "starter", "channel_close_mutual_tx", "shutdown_sign_ack"),
  shutdown_sign_ack: row("shutdown_sign_ack", "acknowledger", "channel_close_mutual_tx", "shutdown_sign"),
  snapshot_solo_tx: row("snapshot_solo_sign", "solo", "channel_snapshot_solo_tx", undefined),
  close_solo_sign: row("close_solo_sign", "solo", "channel_close_solo_tx", undefined, {
    alsoAccepted: ["close_solo_tx"]
  }),
  slash_tx: row("slash_sign", "solo", "channel_slash_tx", undefined, { alsoAccepted: ["slash_tx"] }),
  settle_sign: row("settle_sign", "solo", "channel_settle_tx", undefined, { alsoAccepted: ["settle_tx"] }),
  force_progress_tx: row("force_progress_sign", "solo", "channel_force_progress_tx", undefined, {
    alsoAccepted: ["force_progress_tx"]
  })
} as const satisfies Record<string, SignTagRow>

/**
 * A signing tag, such as `update_ack`.
 *
 * @since 0.1.0
 * @category models
 */
export type SignTag = keyof typeof signTags

/**
 * The row of a signing tag.
 *
 * @since 0.1.0
 * @category getters
 */
export const signTagRow = (tag: SignTag): SignTagRow => signTags[tag]
