/**
 * What Node is told for an engine's process. Small young generations: what an engine leaves behind is gone young, a pause to
 * collect it delays market data, so many short pauses are better than few long ones; and each thread has one of its own.
 */
export const engineFlags: readonly string[] = ["--max-semi-space-size=2"];
