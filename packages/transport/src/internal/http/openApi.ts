/** The description of the HTTP port for tools, made from the table that drives it. Specification: OpenAPI 3.0. */
import type { Json, JsonObject } from "@aechannel/core/encoding/Json"
import type { Route } from "./answer.js"
import { type SchemaName, schemas } from "./schemas.js"

const json = (name: SchemaName): JsonObject => ({
  "application/json": { schema: { $ref: `#/components/schemas/${name}` } }
})

const refusal = (description: string): JsonObject => ({ description, content: json("Error") })

const parameter = (place: "path" | "query", name: string, description?: string): JsonObject => ({
  in: place,
  name,
  ...(description === undefined ? {} : { description }),
  required: place === "path",
  schema: { type: "string" }
})

/** Whether a call can be refused for what it asks about. */
const isQuestion = ({ path }: Route): boolean => path.includes("{")

const operation = (route: Route, operationId: string): JsonObject => ({
  operationId,
  summary: route.summary,
  tags: [route.control ? "controls" : "node"],
  parameters: [
    ...Array.from(route.path.matchAll(/\{(\w+)\}/g), ([, name = ""]) => parameter("path", name)),
    ...Object.entries(route.query ?? {}).map(([name, what]) => parameter("query", name, what)),
    ...(route.control ? [] : [parameter("query", "int-as-string", "true: integers as strings")])
  ],
  ...(route.takes === undefined ? {} : { requestBody: { required: true, content: json(route.takes) } }),
  responses: {
    "200": { description: "The answer", content: json(route.gives) },
    ...(isQuestion(route) || route.query || route.takes ? { "400": refusal("It cannot be read") } : {}),
    ...(route.control ? { "403": refusal("Controls are not for this caller") } : {}),
    ...(isQuestion(route) ? { "404": refusal("There is none") } : {})
  }
})

const operations = (route: Route): JsonObject =>
  route.method === "*"
    ? { get: operation(route, route.operation), post: operation(route, `${route.operation}ByPost`) }
    : { [route.method.toLowerCase()]: operation(route, route.operation) }

/** The description of these routes, for a node of this version. */
export const describe = (routes: ReadonlyArray<Route>, version: string): JsonObject => ({
  openapi: "3.0.3",
  info: {
    title: "æternity node",
    version,
    description:
      "The part of a node's HTTP API that channel tools use, and the controls of an embedded node. Integers are bare, of any size."
  },
  servers: [{ url: "/" }],
  paths: Object.fromEntries(routes.map((route): [string, Json] => [route.path, operations(route)])),
  components: { schemas }
})
