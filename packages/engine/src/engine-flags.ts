/**
 * What Node is told for an engine's process. The young generation of the main thread is a quarter of what Node would take: a
 * smaller one is collected so often that market data notices, a larger one is memory that nobody uses. Threads that have
 * little to remember are given less when they are started.
 */
export const engineFlags: readonly string[] = ["--max-semi-space-size=4"];
