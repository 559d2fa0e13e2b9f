/** Generators of FATE types and of values, of a given type or of any. */
import * as FastCheck from "effect/FastCheck"
import * as SortedMap from "../../../src/fate/internal/sortedMap.js"
import * as Type from "../../../src/fate/Type.js"
import * as Value from "../../../src/fate/Value.js"

type Gen<A> = FastCheck.Arbitrary<A>

const constant = FastCheck.constant

/** Integers of all sizes, most of them about the borders of the encoding. */
export const integer: Gen<bigint> = FastCheck.oneof(
  FastCheck.bigInt({ min: -70n, max: 70n }),
  FastCheck.bigInt({ min: -400n, max: 400n }),
  FastCheck.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }),
  FastCheck.tuple(FastCheck.constantFrom(6n, 8n, 14n, 53n, 56n, 64n, 256n), FastCheck.bigInt(-70n, 70n)).map(
    ([bits, by]) => 2n ** bits + by
  ),
  FastCheck.bigInt({ min: -(2n ** 600n), max: 2n ** 600n })
)

/** Byte strings, most of them short, some about the borders of the encoding. */
export const byteString: Gen<Uint8Array> = FastCheck.oneof(
  { weight: 4, arbitrary: FastCheck.uint8Array({ maxLength: 4 }) },
  { weight: 1, arbitrary: FastCheck.uint8Array({ minLength: 60, maxLength: 68 }) },
  { weight: 1, arbitrary: FastCheck.uint8Array({ minLength: 126, maxLength: 130 }) }
)

/** Keys of 32 bytes, of which few differ from each other. */
export const key: Gen<Uint8Array> = FastCheck.oneof(
  FastCheck.integer({ min: 0, max: 3 }).map((n) => new Uint8Array(32).fill(n)),
  FastCheck.uint8Array({ minLength: 32, maxLength: 32 })
)

const referenceKinds = ["address", "contract", "oracle", "oracle_query", "channel"] as const

const simpleNames: ReadonlyArray<Type.SimpleType> = [
  "integer",
  "boolean",
  "bits",
  "string",
  "contract_bytearray",
  ...referenceKinds
]

/** What types may contain: `key` leaves out maps, `open` adds `any` and type variables, to which no value is bound. */
interface Kinds {
  readonly maps: boolean
  readonly open: boolean
}

const leafTypes = ({ open }: Kinds): Gen<Type.Type> =>
  FastCheck.oneof(
    FastCheck.constantFrom(...simpleNames).map(Type.simple),
    FastCheck.bigInt(0n, 70n).map(Type.bytes),
    ...(open
      ? [
          constant(Type.any),
          constant(Type.bytes("any")),
          FastCheck.integer({ min: 0, max: 255 }).map((index): Type.Type => ({ _tag: "tvar", index }))
        ]
      : [])
  )

const typesOf = (kinds: Kinds): Gen<Type.Type> =>
  FastCheck.letrec<{ type: Type.Type; tuple: Type.TupleType; map: Type.Type }>((tie) => ({
    tuple: FastCheck.array(tie("type"), { maxLength: 4 }).map(Type.tuple),
    map: FastCheck.tuple(keyTypes(kinds), tie("type")).map(([k, v]) => Type.map(k, v)),
    type: FastCheck.oneof(
      { depthSize: "small", withCrossShrink: true },
      leafTypes(kinds),
      tie("type").map(Type.list),
      tie("tuple"),
      FastCheck.array(tie("tuple"), { minLength: 1, maxLength: 4 }).map(Type.variant),
      ...(kinds.maps ? [tie("map")] : [])
    )
  })).type

const keyTypes = (kinds: Kinds): Gen<Type.Type> =>
  kinds.maps ? typesOf({ maps: false, open: kinds.open }) : leafTypes(kinds)

/** Types that values have: without `any` and type variables. */
export const closedType: Gen<Type.Type> = typesOf({ maps: true, open: false })

/** Types of keys of maps. */
export const keyType: Gen<Type.Type> = typesOf({ maps: false, open: false })

/** Any type. */
export const type: Gen<Type.Type> = typesOf({ maps: true, open: true })

const tupleOf = (types: ReadonlyArray<Type.Type>): Gen<ReadonlyArray<Value.Value>> =>
  FastCheck.tuple(...types.map(valueOf))

const variantOf = (constructors: ReadonlyArray<Type.TupleType>): Gen<Value.Value> => {
  const arities = constructors.map(({ elements }) => elements.length)
  return FastCheck.oneof(
    ...constructors.map(({ elements }, tag) =>
      tupleOf(elements).map((values) => Value.variant(arities, tag, values))
    )
  )
}

const mapOf = (k: Gen<Value.Value>, v: Gen<Value.Value>): Gen<Value.Value> =>
  FastCheck.array(FastCheck.tuple(k, v), { maxLength: 6 }).map((entries) =>
    Value.map(SortedMap.fromEntries(entries))
  )

const bitSet: Gen<Value.Value> = integer.map(Value.bits)

/** Values of a type; of `any` and of type variables, values without parts. */
export const valueOf = (of: Type.Type): Gen<Value.Value> => {
  switch (of._tag) {
    case "integer":
      return integer
    case "boolean":
      return FastCheck.boolean()
    case "bits":
      return bitSet
    case "string":
      return byteString.map(Value.string)
    case "contract_bytearray":
      return byteString.map(Value.byteArray)
    case "bytes": {
      const size = of.size === "any" ? undefined : Number(of.size)
      const lengths = size === undefined ? {} : { minLength: size, maxLength: size }
      return FastCheck.uint8Array(lengths).map(Value.bytes)
    }
    case "list":
      return FastCheck.array(valueOf(of.element), { maxLength: 20 }).map(Value.list)
    case "tuple":
      return tupleOf(of.elements).map(Value.tuple)
    case "map":
      return mapOf(valueOf(of.key), valueOf(of.value))
    case "variant":
      return variantOf(of.constructors)
    case "any":
    case "tvar":
      return leafValue
    default: {
      const kind = of._tag
      return key.map((bytes) => Value.reference(kind, bytes))
    }
  }
}

const leafValue: Gen<Value.Value> = FastCheck.oneof(
  integer,
  FastCheck.boolean(),
  byteString.map(Value.string),
  byteString.map(Value.bytes),
  bitSet,
  FastCheck.tuple(FastCheck.constantFrom(...referenceKinds), key).map(([kind, bytes]) =>
    Value.reference(kind, bytes)
  ),
  byteString.map(Value.byteArray)
)

/** A type together with a value of it. */
export interface Typed {
  readonly type: Type.Type
  readonly value: Value.Value
}

/** Values with their types. */
export const typed: Gen<Typed> = closedType.chain((of) => valueOf(of).map((value) => ({ type: of, value })))

/** Keys of maps, typed each for itself: two of them may be of different kinds. */
export const keyValue: Gen<Value.Value> = FastCheck.oneof(
  leafValue,
  FastCheck.bigInt({ min: -9n, max: 9n }),
  keyType.chain(valueOf)
)

const untypedVariant = (values: Gen<Value.Value>): Gen<Value.Value> =>
  FastCheck.tuple(
    FastCheck.array(values, { maxLength: 4 }),
    FastCheck.array(FastCheck.integer({ min: 0, max: 255 }), { maxLength: 3 }),
    FastCheck.array(FastCheck.integer({ min: 0, max: 255 }), { maxLength: 3 })
  ).map(([content, before, after]) =>
    Value.variant([...before, content.length, ...after], before.length, content)
  )

/** Any value that can be ordered: also lists of different kinds of elements. */
export const orderedValue: Gen<Value.Value> = FastCheck.letrec<{ value: Value.Value }>((tie) => ({
  value: FastCheck.oneof(
    { depthSize: "small", withCrossShrink: true },
    leafValue,
    FastCheck.array(tie("value"), { maxLength: 20 }).map(Value.list),
    FastCheck.array(tie("value"), { maxLength: 20 }).map(Value.tuple),
    mapOf(keyValue, tie("value")),
    untypedVariant(tie("value"))
  )
})).value

/** Any value that has bytes. */
export const value: Gen<Value.Value> = FastCheck.oneof(
  { weight: 4, arbitrary: orderedValue },
  { weight: 4, arbitrary: typed.map((each) => each.value) },
  { weight: 1, arbitrary: type.map(Value.typeRepresentation) },
  { weight: 1, arbitrary: FastCheck.nat().map((id) => Value.storeMap(id, SortedMap.empty)) }
)
