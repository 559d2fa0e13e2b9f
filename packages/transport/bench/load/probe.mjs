// Loaded before the command line in a node whose resources are measured (`node --expose-gc --import`): answers each
// message with what the process holds. It sees the process from outside of the node, which is the one that is built.
const figures = () => {
  const { heapUsed } = process.memoryUsage()
  const { system, user } = process.cpuUsage()
  const resources = process.getActiveResourcesInfo()
  const count = (name) => resources.filter((each) => each === name).length
  const fibers = globalThis["effect/GlobalValue"]?.get(Symbol.for("effect/FiberScope/Global"))?.roots.size
  return {
    rss: process.memoryUsage.rss(),
    heap: heapUsed,
    cpu: (user + system) / 1000,
    sockets: count("TCPSocketWrap"),
    timers: count("Timeout"),
    fibers: fibers ?? 0
  }
}

process.on("message", () => {
  // Twice: what has a finalizer, or was reached through a weak reference, goes the second time.
  globalThis.gc()
  setImmediate(() => {
    globalThis.gc()
    process.send?.(figures())
  })
})
process.on("disconnect", () => process.exit())
process.channel?.unref()
