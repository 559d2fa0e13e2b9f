/** Functions of a program: which may be called, and with what. */
import * as Bytes from "../../encoding/Bytes.js"
import * as Bytecode from "../Bytecode.js"
import type { Value } from "../Value.js"
import * as Errors from "./errorTexts.js"
import { fail, type Machine } from "./machine.js"
import type { Code, Program } from "./programs.js"
import { termOf, type Term } from "./terms.js"
import * as Typing from "./typing.js"

const idLength = 4

/** The function with an id, which may be of any length where a contract made it up. */
export const functionWith = (functions: Program["functions"], id: Uint8Array): Code | undefined =>
  id.length === idLength ? functions.get(Bytes.toHex(id)) : undefined

export const init = /*#__PURE__*/ Bytecode.functionId("init")

export const isInit = (id: Uint8Array): boolean => Bytes.equals(id, init)

/** Stands where no function runs yet. */
export const noCode: Code = {
  id: new Uint8Array(4),
  private: true,
  payable: false,
  arguments: [],
  result: { _tag: "any" },
  generic: false,
  blocks: []
}

/** The function that is called from outside, if it may be. */
export const functionOf = (
  { functions }: Program,
  id: Uint8Array,
  paying: boolean,
  allowInit: boolean
): Code => {
  const code = functionWith(functions, id) ?? fail(() => Errors.undefinedFunction(id))
  if (paying && !code.payable) fail(Errors.notPayable(id))
  if (code.private) fail(Errors.privateFunction(id))
  if (!allowInit && isInit(id)) fail(Errors.initNotAllowed)
  return code
}

/** Ends the run: something is not of its type. */
export const typeError = (where: "call" | "return", value: () => Term, type: () => Term): never =>
  fail(() => Errors.typeError(where, value(), type()))

/** The arguments must be of the types of a function; gives what its type variables stand for. */
export const checkArguments = (code: Code, args: ReadonlyArray<Value>, machine: Machine): Typing.Bindings => {
  if (args.length !== code.arguments.length) fail(Errors.wrongArity(code.arguments.length, args.length))
  const bindings: Typing.Bindings = new Map()
  const shapes = Typing.inferAll(args, machine)
  if (shapes === undefined || !Typing.matchAll(code.arguments, shapes, machine, bindings))
    typeError(
      "call",
      () => ({ list: args.map(termOf) }),
      () => ({ list: code.arguments.map((type) => Typing.termOfShape(type)) })
    )
  return bindings
}
