/**
 * What Node is told for an engine's process. A young generation has its full size from the start: a node that starts keeps
 * most of what it makes, and would copy it at each step of growing. And it is small beside Node's own 64 MiB: collecting it
 * delays market data, and each thread has one; see decision 44.
 */
export const engineFlags: readonly string[] = ["--min-semi-space-size=8", "--max-semi-space-size=8"];

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
