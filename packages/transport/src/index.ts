/**
 * Adapters of `@aechannel/core` to the outside: WebSocket client and server, the node's HTTP port, native crypto.
 *
 * @since 0.1.0
 */
export * as Devnet from "./Devnet.js"
export * as FileNodeStorage from "./FileNodeStorage.js"
export * as LmdbChannelStore from "./LmdbChannelStore.js"
export * as NativeCrypto from "./NativeCrypto.js"
export * as NodeHttp from "./NodeHttp.js"
export * as NodeServer from "./NodeServer.js"
export * as WebSocketTransport from "./WebSocketTransport.js"
