// Puts the example files into the README, behind their marks. A test fails when they differ.
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "./bootstrap.mjs"

const readme = join(root, "README.md")
writeFileSync(
  readme,
  readFileSync(readme, "utf8").replaceAll(
    /<!-- example: (.+?) -->\n```ts\n[\s\S]*?```\n/g,
    (_, file) => `<!-- example: ${file} -->\n\`\`\`ts\n${readFileSync(join(root, file), "utf8")}\`\`\`\n`
  )
)
