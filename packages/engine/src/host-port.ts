/** Addresses as configurations and records have them. */

/** The parts of `host:port`, or of `[::1]:port` for IPv6. */
export function hostPort(text: string): readonly [host: string, port: number] {
  const at = text.lastIndexOf(":");
  return [text.slice(0, at).replace(/^\[|\]$/g, ""), Number(text.slice(at + 1))];
}
