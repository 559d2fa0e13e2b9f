import { ApiEncoding, CallData, Crypto, FateValue, Signer } from "@aechannel/core"
import { TestNode } from "@aechannel/core/testing"
import { Effect } from "effect"

// contract SignedAndCounted =
//   record state = { count : int, owner : address }
//   entrypoint init(owner : address) = { count = 0, owner = owner }
//   stateful entrypoint authorize(s : bytes(64), n : int) : bool =
//     put(state{ count = state.count + 1 })
//     switch(Auth.tx_hash)
//       None => false
//       Some(h) => n == state.count && Crypto.verify_sig(h, state.owner, s)
const code =
  "cb_+HRGA6AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAMC4R7g//kTWRB8ANwFHADcAGg6CABoGhAABAz/+bPJXCwA3ApdvAAcXEQKCIBoCggJ3AgBGOgAAAHRqBACEACQoAgQAgi8Agi8AhTguMC4wAPhte8g="

const program = Effect.gen(function* () {
  const crypto = yield* Crypto.Crypto
  const { networkId, parties } = yield* TestNode.TestNode
  const { address, secretKey } = parties.initiator
  const owner = FateValue.reference("address", ApiEncoding.bytesOf(address))
  yield* TestNode.generalize("initiator", { code, callData: CallData.encode("init", [owner]) })

  let onChain = 1n // the counter after the next transaction on chain
  const signer = Signer.layerGeneralized({
    address,
    networkId,
    authData: ({ authTxHash, isOffChain }) => {
      const signature = FateValue.bytes(crypto.sign(authTxHash, secretKey))
      // Off chain the counter stands where it stood when the channel was created.
      return CallData.encode("authorize", [signature, isOffChain ? 2n : onChain])
    }
  })
  const { initiator, responder } = yield* TestNode.openPair({ initiator: { signer } })
  onChain += 1n
  yield* initiator.transfer({ amount: TestNode.AE })
  const { balances, round } = yield* responder.transfer({ amount: 3n * TestNode.AE })
  console.log(
    `round ${round}: ${balances.initiator / TestNode.AE} and ${balances.responder / TestNode.AE} AE`
  )
  yield* initiator.shutdown()
})
await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(TestNode.layer())))
