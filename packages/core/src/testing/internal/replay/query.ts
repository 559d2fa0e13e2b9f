/** Query strings as they stand in recordings. */

/** A value as it was meant; itself where it is no proper escape. */
export const unescape = (value: string): string => {
  try {
    return decodeURIComponent(value.replaceAll("+", " "))
  } catch {
    return value
  }
}

/** The values by their names; of a name that comes twice the last. */
export const parametersOf = (query: string): ReadonlyMap<string, string> =>
  new Map(
    query.split("&").flatMap((part) => {
      const at = part.indexOf("=")
      return at < 0 ? [] : [[part.slice(0, at), unescape(part.slice(at + 1))] as const]
    })
  )

export const queryOf = (parameters: Readonly<Record<string, string>>): string =>
  Object.entries(parameters)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&")
