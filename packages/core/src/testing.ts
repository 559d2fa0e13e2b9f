/**
 * What it takes to test applications of this library, also with properties and without luck: a node in memory,
 * generators of every value, a scheduler and a clock that replay, and connections that fail as planned.
 *
 * Nothing here is for use in production; the rest of the library does not import it.
 *
 * @since 0.1.0
 */
export * as Arbitraries from "./testing/Arbitraries.js"
export * as ChainReaders from "./testing/ChainReaders.js"
export * as ChannelStoreSuite from "./testing/ChannelStoreSuite.js"
export * as Faults from "./testing/Faults.js"
export * as Replay from "./testing/Replay.js"
export * as SeededScheduler from "./testing/SeededScheduler.js"
export * as StoreFaults from "./testing/StoreFaults.js"
export * as TestCrypto from "./testing/TestCrypto.js"
export * as TestNode from "./testing/TestNode.js"
