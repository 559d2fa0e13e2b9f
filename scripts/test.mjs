// `npm test`: install, build (some tests run the built command line), and run every test.
import { bin, install, run } from "./bootstrap.mjs"
import { build } from "./build.mjs"

install()
build()
process.exitCode = run(bin("vitest"), ["run", ...process.argv.slice(2)], { check: false })
