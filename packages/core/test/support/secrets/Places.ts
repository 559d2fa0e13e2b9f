/** Where secrets belong: everywhere else they must not show. */
import type { Way } from "./Watch.js"

interface Place {
  readonly way: Way
  readonly name: RegExp
  /** What may be a secret there; all of it where this is not given. */
  readonly secret?: RegExp
  readonly reason: string
}

/** Files are named by their path from the temporary folder's name on, processes by their command line. */
const places: ReadonlyArray<Place> = [
  {
    way: "output of a process",
    name: / keys new(?! .*--out)/,
    secret: /sk_\w+/g,
    reason: "a new key is printed when no file is named for it"
  },
  {
    way: "output of a process",
    name: / keys show .*--secret/,
    secret: /sk_\w+/g,
    reason: "the secret is asked for"
  },
  {
    way: "output of a process",
    name: / node\b/,
    secret: /^ {4}sk_\w+$/gm,
    reason: "the embedded node makes up accounts for everybody to use, and says so"
  },
  {
    way: "output of a process",
    name: / node\b.* --json\b/,
    secret: /"secretKey":"sk_\w+"/g,
    reason: "`aechannel node --json` hands over the made up accounts"
  },
  {
    way: "file",
    name: /\/(?:node|config)\.json(?:\.part)?$/,
    secret: /"secretKey":"sk_\w+"/g,
    reason: "`aechannel node --config-out` hands over the made up accounts"
  },
  {
    way: "file",
    name: /\/state\/accounts\.value(?:\.\w+)?$/,
    secret: /^sk_\w+ \d+$/gm,
    reason: "the embedded node keeps its made up accounts"
  },
  {
    way: "file",
    name: /^aechannel-keys-\w+\/|\/(?:Alice|Bob|left|right)\.key$/,
    secret: /^\s*(?:sk_\w+|[0-9a-f]+)\s*$/gm,
    reason: "key files"
  },
  {
    way: "file",
    name: /^aechannel-store-\w+\/(?:channels|damaged)|\/(?:Alice|Bob)\.store$|\/(?:alice|bob)\.db$/,
    reason: "a client's store without a key holds the fsm id with which the client comes back"
  },
  {
    way: "file",
    name: /^aechannel-report-\w+\/session\.jsonl$/,
    secret: /"fsm_id":"ba_[^"]+"/g,
    reason:
      "a recorded session of another node, copied from the fixtures; the command that reads it leaves the ids out"
  }
]

/** A text without the secrets that belong there; `undefined` when all of it may be secret. */
export const withoutAllowed = (way: Way, name: string, text: string): string | undefined => {
  let rest: string | undefined = text
  for (const place of places)
    if (place.way === way && place.name.test(name))
      rest = place.secret === undefined ? undefined : rest?.replaceAll(place.secret, "")
  return rest
}
