import { CallData } from "@aechannel/core"
import { TestNode } from "@aechannel/core/testing"
import { Effect } from "effect"

// contract Tally =
//   type state = int
//   entrypoint init(start : int) : int = start
//   stateful entrypoint add(k : int) : int =
//     require(k > 0, "only more")
//     put(state + k)
//     state
const code =
  "cb_+H5GA6BjVnf7ulGPEyglIo+x+oCUn2uhjUxl3NJfK82XuxkT2cC4Ubf+RNZEHwA3AQc3ABoGggABAz/+SwUOqQA3AQcHHzQAAAcMBPsDJW9ubHkgbW9yZRQagoIAAQKClS8CEUTWRB8RaW5pdBFLBQ6pDWFkZIIvAIU4LjAuMAAlpMhG"

const program = Effect.gen(function* () {
  const { initiator: alice, responder: bob } = yield* TestNode.openPair()
  const { contractId } = yield* alice.contracts.create({ code, callData: CallData.encode("init", [40n]) })
  const { call, state } = yield* bob.contracts.call({ contractId, callData: CallData.encode("add", [2n]) })
  console.log(`round ${state.round}: ${call.value}, for ${call.gasUsed} gas`)
  const { returnType, text } = yield* alice.contracts.dryRun({
    contractId,
    callData: CallData.encode("add", [0n])
  })
  console.log(`a dry run: ${returnType}, ${text}`)
})
await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(TestNode.layer())))
