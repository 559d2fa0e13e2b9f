import { DecodeError } from "../../src/encoding/DecodeError.js"

/** The `DecodeError` that a reader throws; anything else (also no error) fails the test. */
export const errorOf = (read: () => unknown): DecodeError => {
  try {
    read()
  } catch (error) {
    if (error instanceof DecodeError) return error
    throw error
  }
  throw new Error("expected a DecodeError, but the input was accepted")
}

/** The reason of the `DecodeError` that a reader throws. */
export const reasonOf = (read: () => unknown): string => errorOf(read).reason
