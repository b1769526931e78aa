/**
 * When etcd is read anew after it said that something changed: at once, or a moment later together with what changes by then.
 * A read costs etcd and this node a millisecond or two each, and there are three nodes, each of which writes of itself every second
 * and several times around a takeover. Nobody waits for what a member says of itself, nor, unless this node leads, for an
 * operation; a kill, a death and the leadership are never kept waiting.
 */
import type { Wake } from "@baton/cluster";

export interface WakePorts {
  /** Asks for a read that begins from now on. */
  readonly read: () => void;
  readonly isLeading: () => boolean;
}

/** So long a change that nobody waits for may stay unread. */
export const readSoonMs = 100;

export class Wakes {
  readonly #o: WakePorts;
  #soon: NodeJS.Timeout | undefined;

  constructor(o: WakePorts) {
    this.#o = o;
  }

  /** Something changed, or a second has passed: `keys` is empty then. */
  woken({ keys }: Pick<Wake, "keys">): void {
    if (keys.length === 0 || keys.some((key) => this.#isUrgent(key))) {
      this.close();
      this.#o.read();
    } else {
      this.#soon ??= setTimeout(() => {
        this.#soon = undefined;
        this.#o.read();
      }, readSoonMs);
    }
  }

  /** What was to be read later is not read. */
  close(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
  }

  #isUrgent(key: string): boolean {
    if (key.startsWith("members/") || key.startsWith("boots/")) return false;
    return !key.startsWith("operations/") || this.#o.isLeading();
  }
}
