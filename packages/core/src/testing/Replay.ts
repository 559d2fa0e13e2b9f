export * from "./internal/replay/Recording.js"
export * from "./internal/replay/Driver.js"
export * from "./internal/replay/Target.js"
