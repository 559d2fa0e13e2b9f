/**
 * Fresh keys for recorded accounts. Proofs and trees have the recorded shape only where the keys part at the same place:
 * accounts stand in a trie by their public keys, and fees depend on the size of proofs.
 */
import type { CryptoService } from "../../../crypto/Crypto.js"
import * as Hash from "../../../crypto/Hash.js"
import * as KeyPair from "../../../crypto/KeyPair.js"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import * as Bytes from "../../../encoding/Bytes.js"

type Address = ApiEncoding.AccountAddress

/** How many hexadecimal digits two accounts have in common at the beginning. */
const common = (a: Address, b: Address): number => {
  const [one, other] = [a, b].map((address) => Bytes.toHex(ApiEncoding.bytesOf(address)))
  let length = 0
  while (length < 64 && one?.[length] === other?.[length]) length++
  return length
}

/** The accounts with keys of their own, made from the seed. */
export const fresh = (
  accounts: ReadonlyArray<Address>,
  seed: string,
  crypto: CryptoService
): ReadonlyMap<Address, KeyPair.KeyPair> => {
  const made = new Map<Address, KeyPair.KeyPair>()
  for (const account of accounts)
    for (let attempt = 0; !made.has(account); attempt++) {
      const keyPair = KeyPair.fromSeed(crypto, Hash.sha256(Bytes.utf8(`${seed}/${account}/${attempt}`)))
      // Accounts of one channel part early: an agreement of many digits is not worth looking for.
      const fits = [...made].every(
        ([other, { address }]) =>
          Math.min(2, common(account, other)) === Math.min(2, common(keyPair.address, address))
      )
      if (fits) made.set(account, keyPair)
    }
  return made
}
