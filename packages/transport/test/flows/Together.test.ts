/**
 * What both parties sign, over real WebSockets: started by either, with every ending it can have. It completes, one of
 * those who are asked does not sign, the mempool does not want it. Compared is what passes on both sockets, frame by
 * frame.
 */
import { suite } from "./support/Suite.js"
import { together } from "./support/Flows.js"

suite(together, { completes: 12, aborted: 72, refused: 30 })
