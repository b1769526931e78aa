/** A pause of so many milliseconds on the monotonic clock. Only for pacing: what it waits for is checked afterwards. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
