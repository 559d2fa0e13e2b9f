/** How large what strangers send may be. */
import type { Environment } from "../Environment.js"

/** What a byte of a transaction costs on chain: what no block has room for could never be enforced there. */
const gasPerByte = 20

/** Whether parts of one transaction are longer together than any transaction can be. */
export const tooLong = ({ gasLimit }: Environment, ...parts: ReadonlyArray<Uint8Array>): boolean =>
  parts.reduce((length, part) => length + part.length, 0) > gasLimit / gasPerByte
