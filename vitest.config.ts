import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    projects: ["packages/*"],
    reporters: ["default", "./scripts/secrets-reporter.mjs", "./scripts/count-reporter.mjs"]
  }
})
