/**
 * Assertions: "we are wrong". An invariant that does not hold ends the process; a dead leader is replaced in
 * milliseconds, a confused one sends orders. They stay on in production.
 */

/** Thrown when an invariant of Baton itself is broken. Never caught except to log and exit. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Ends the process (by an uncaught `InvariantError`) unless `condition` holds. One fact per call. */
export function assert(condition: unknown, fact: string): asserts condition {
  if (!condition) throw new InvariantError(`invariant broken: ${fact}`);
}

/** Closes an exhaustive `switch`: compiles only when every case of a union was handled. */
export function assertNever(value: never, what: string): never {
  throw new InvariantError(`unhandled ${what}: ${JSON.stringify(value)}`);
}
