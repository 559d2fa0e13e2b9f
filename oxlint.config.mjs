// Rooms import downwards only, and time and chance come from services. One row per room; the ban lists are
// composed here because a later override of a rule replaces its options.
import { defineConfig } from "oxlint"

/** The rooms of core, bottom to top; `client` and `node` stand side by side. */
const rooms = [
  "encoding",
  "crypto",
  "chain",
  "state",
  "fate",
  "protocol",
  "services",
  "client",
  "node",
  "testing"
]
const besides = { client: ["node"] }

const noIo = {
  group: [
    "node:*",
    "ws",
    "@effect/platform",
    "@effect/platform/*",
    "@effect/platform-node",
    "@effect/platform-node/*"
  ],
  message: "core does no I/O: put adapters into packages/transport"
}
const noBarrel = { group: ["**/index.js"], message: "import the module, not the barrel" }

const pattern = (group, message) => ({ group: [...group], message })

const ambient = {
  "no-restricted-globals": [
    "error",
    ...["Date", "setTimeout", "setInterval", "performance"].map((name) => ({
      name,
      message: "time comes from Clock and Effect.sleep"
    }))
  ],
  "no-restricted-properties": [
    "error",
    {
      object: "Math",
      property: "random",
      message: "secrets come from Crypto.randomBytes, other chance from Random"
    }
  ]
}

const roomOverride = (room, index) => {
  const above = [...rooms.slice(index + 1), ...(besides[room] ?? [])].filter((name) => name !== room)
  const besideBelow = room === "node" ? ["client"] : []
  const banned = [...new Set([...above, ...besideBelow])]
  return {
    files: [`packages/core/src/${room}/**/*.ts`],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            noIo,
            noBarrel,
            pattern(["@aechannel/*"], "core imports nobody"),
            ...(banned.length === 0
              ? []
              : [
                  pattern(
                    banned.map((name) => `../**/${name}/**`),
                    `${room} may not import from ${banned.join(", ")}`
                  )
                ])
          ]
        }
      ]
    }
  }
}

export default defineConfig({
  plugins: ["typescript", "import", "oxc", "unicorn"],
  categories: { correctness: "error", suspicious: "error" },
  ignorePatterns: ["**/dist/**", "**/fixtures/**"],
  rules: {
    "import/no-cycle": "error",
    "max-lines": ["error", { max: 800 }],
    "typescript/no-explicit-any": "error",
    "typescript/ban-ts-comment": "error",
    "no-shadow": "off",
    "no-underscore-dangle": "off",
    "no-unassigned-import": "off",
    "import/no-named-as-default": "off",
    "import/no-named-as-default-member": "off",
    "unicorn/no-array-sort": "off",
    "unicorn/no-array-reverse": "off",
    "unicorn/no-new-array": "off",
    "unicorn/consistent-function-scoping": "off",
    "unicorn/require-post-message-target-origin": "off",
    "unicorn/no-thenable": "off",
    // Effect's own names (Function, String, Number, Array …) are used qualified; a generator without yield is an Effect.
    "require-yield": "off",
    "oxc/no-map-spread": "off"
  },
  overrides: [
    { files: ["packages/*/src/**/*.ts"], rules: ambient },
    ...rooms.map(roomOverride),
    {
      files: ["packages/transport/src/**/*.ts"],
      rules: {
        "no-restricted-imports": [
          "error",
          {
            patterns: [pattern(["aechannel", "**/node-cli/**"], "transport may not import the command line")]
          }
        ]
      }
    }
  ]
})
