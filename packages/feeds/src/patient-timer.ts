/**
 * A timer that lets the sockets speak first. When this process was held up, a deadline is over and the data that would
 * have met it lies unread in a socket; so what a timer starts runs only after one more round of reading.
 */

/** Calls `act` once, after `afterMs` and a round of input. Returns the way to call it off. */
export function patientTimer(afterMs: number, act: () => void): () => void {
  let immediate: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => (immediate = setImmediate(act)), Math.max(1, Math.ceil(afterMs)));
  return () => {
    clearTimeout(timer);
    if (immediate !== undefined) clearImmediate(immediate);
  };
}
