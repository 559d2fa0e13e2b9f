/**
 * The authentication contract of the known answers, written down by hand: it agrees to even numbers. Gas and values are
 * those the reference node's virtual machine recorded.
 *
 *     stateful entrypoint authorize(r : int) : bool = … r mod 2 == 0
 */
import * as Bytes from "../../../src/encoding/Bytes.js"
import type { GaAuthenticator, GaCall } from "../../../src/node/GaAuthenticator.js"

const initGas = 61n
const authorizeGas = 2110n

/** The only argument of the call data, a small integer: one byte, twice the number. */
const argument = ({ callData }: GaCall): number => (callData[callData.length - 1] ?? 0) / 2

/** The call data of `authorize(r)`, for numbers up to 63. */
export const authorize = (r: number): Uint8Array =>
  Bytes.concat(Bytes.fromHex("2b116cf2570b1b"), Uint8Array.of(r * 2))

export const evenAuth: GaAuthenticator = {
  attach: ({ trees }) => ({ returnType: "ok", returnValue: new Uint8Array(), gasUsed: initGas, trees }),
  authenticate: (call) => ({
    returnType: "ok",
    returnValue: Uint8Array.of(argument(call) % 2 === 0 ? 0xff : 0x7f),
    gasUsed: authorizeGas,
    trees: call.trees
  })
}
