/**
 * What Node is told for an engine's process. Small young generations: what an engine leaves behind is gone young, a pause to
 * collect it delays market data, so many short pauses are better than few long ones; and each thread has one of its own.
 */
export const engineFlags: readonly string[] = ["--max-semi-space-size=2"];

/**
 * How the C library gives memory back, in an engine's environment. Each thread would have an arena of its own that keeps
 * what loading and opening took once, and blocks up to 32 MiB would be kept too: tens of megabytes that nothing uses; see
 * decision 29.
 */
export const engineEnvironment: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: "131072",
  MALLOC_TRIM_THRESHOLD_: "131072",
};
