import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    projects: ["packages/*"],
    // A worker for each core: what starts and feeds them has little to do.
    maxWorkers: "100%",
    minWorkers: "100%",
    // Most of what a test allocates is soon let go: a young generation with room for it is collected less often.
    poolOptions: { forks: { execArgv: ["--max-semi-space-size=64"] } },
    reporters: ["default", "./scripts/secrets-reporter.mjs", "./scripts/count-reporter.mjs"]
  }
})
