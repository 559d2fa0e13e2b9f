import { defineConfig } from "vitest/config"

export default defineConfig({
  ssr: { resolve: { conditions: ["@aechannel/source"] } },
  test: {
    name: "core",
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    globalSetup: ["test/support/temporaryFolder.ts"],
    setupFiles: ["test/support/secrets/setup.ts"]
  }
})
