/** The one door of core: every decision, and the words that all rooms share. */
export * from "./assert.ts";
export * from "./decimal.ts";
export * from "./formats/audit.ts";
export * from "./formats/events.ts";
export * from "./formats/frame.ts";
export * from "./ids.ts";
export * from "./orders/outcome.ts";
export * from "./orders/terms.ts";
export * from "./succession/leading.ts";
export * from "./succession/machine.ts";
export * from "./succession/permit.ts";
export * from "./succession/records.ts";
export * from "./succession/standby.ts";
export * from "./succession/wait-set.ts";
export * from "./succession/yield.ts";
export * from "./time.ts";
