/** Where a stream connects to: the configured origin, or the venue's own, without a slash at its end. */
export function originOf(configured: string | undefined, usual: string): string {
  return (configured ?? usual).replace(/\/+$/, "");
}
