import * as Fee from "../src/chain/Fee.js"
import * as SignedTx from "../src/chain/SignedTx.js"
import * as Transaction from "../src/chain/Transaction.js"
import { noble } from "../src/crypto/Crypto.js"
import * as Update from "../src/state/Update.js"
import { coSigned, digest, initiator, networkId, offchainTx, responder } from "./Fixtures.js"
import * as Harness from "./Harness.js"

const create: Transaction.ChannelCreateTx = {
  _tag: "ChannelCreateTx",
  version: 2,
  initiatorId: initiator.address,
  initiatorAmount: 10n ** 21n,
  responderId: responder.address,
  responderAmount: 10n ** 21n,
  channelReserve: 10n ** 18n,
  lockPeriod: 10,
  ttl: 0,
  fee: 17_900_000_000_000n,
  initiatorDelegateIds: [],
  responderDelegateIds: [],
  stateHash: digest("state"),
  nonce: 5n
}

export const transactions = Harness.theme("transactions", () => {
  const offchain = offchainTx(7)
  const offchainBytes = Transaction.encode(offchain)
  const createBytes = Transaction.encode(create)
  const signed = coSigned(7)
  const text = SignedTx.toText(signed)
  /** As if it came from elsewhere: what was signed here is known to be good. */
  const foreign = () => ({ ...signed, signatures: signed.signatures.map((signature) => signature.slice()) })
  const transfer: Update.Update = {
    _tag: "OffChainTransfer",
    from: initiator.address,
    to: responder.address,
    amount: 10n ** 18n
  }
  const transferBytes = Update.encode(transfer)
  // Encodings are remembered for each value; copies have none yet.
  return [
    {
      title: "Transactions",
      cases: [
        { name: "off-chain transaction, write", run: () => Transaction.encode({ ...offchain }) },
        { name: "off-chain transaction, read", run: () => Transaction.decodeOrThrow(offchainBytes) },
        { name: "channel create, write", run: () => Transaction.encode({ ...create }) },
        { name: "channel create, read", run: () => Transaction.decodeOrThrow(createBytes) },
        { name: "co-signed off-chain transaction, to tx_", run: () => SignedTx.toText({ ...signed }) },
        { name: "co-signed off-chain transaction, from tx_", run: () => SignedTx.fromTextOrThrow(text) },
        {
          name: "what a signature signs",
          run: () => SignedTx.signingMessage(offchainBytes.slice(), networkId, "hash")
        },
        { name: "minimum fee of a create transaction", run: () => Fee.minimumFee({ ...create }, 10n ** 9n) },
        { name: "off-chain transfer, write", run: () => Update.encode(transfer) },
        { name: "off-chain transfer, read", run: () => Update.decodeOrThrow(transferBytes) }
      ]
    },
    {
      title: "Signed transactions, portable cryptography",
      cases: [
        {
          name: "sign an off-chain transaction",
          run: () =>
            SignedTx.sign(SignedTx.unsigned({ ...offchain }), initiator, { networkId, crypto: noble })
        },
        {
          name: "verify both signatures",
          run: () =>
            SignedTx.verify(foreign(), [initiator.address, responder.address], {
              networkId,
              crypto: noble
            })
        }
      ]
    }
  ]
})
