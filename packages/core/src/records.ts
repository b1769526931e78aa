/**
 * The side door of core, for threads: events, frames and what they add up to, without the schemas of the configuration
 * and of the admin contract. A node starts a thread for its disk and one for its lease; each loads what it imports anew,
 * and the whole of core costs a thread a quarter of a second and ten megabytes that it never looks at.
 */
export { assert, assertNever, InvariantError } from "./assert.ts";
export { isOlder, nodeMajorMin, sqliteMin } from "./doctor/machine.ts";
export { decodeEvent } from "./formats/events.ts";
export { frameFault, genesisHash } from "./formats/frame.ts";
export { id } from "./ids.ts";
export { applyEvent } from "./orders/apply.ts";
export { requestKeysKeptMs } from "./orders/forgetting.ts";
export { requestKeyOf, rowOf } from "./orders/state.ts";
export { StateOfRows } from "./orders/state-of-rows.ts";
export { mayHoldReserve, reserveSize } from "./replication/disk-ladder.ts";
export { whyFileRefused } from "./replication/format.ts";
export { deadlineOf } from "./succession/permit.ts";
export { monoMs, wallMs } from "./time.ts";
