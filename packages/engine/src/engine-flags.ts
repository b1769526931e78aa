/**
 * What Node is told for an engine's process. Small young generations: an engine's garbage dies young and a pause to collect
 * it delays market data, so many short pauses are better than few long ones; and every thread has one of its own.
 */
export const engineFlags: readonly string[] = ["--max-semi-space-size=2"];
