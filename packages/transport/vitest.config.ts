import { defineConfig } from "vitest/config"

export default defineConfig({
  ssr: { resolve: { conditions: ["@aechannel/source"] } },
  test: {
    name: "transport",
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    globalSetup: ["../core/test/support/temporaryFolder.ts"],
    setupFiles: ["../core/test/support/secrets/setup.ts"]
  }
})
