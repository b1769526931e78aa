/**
 * When the account has to be read because of what its stream said: an order grew and its fills were not told, a change that
 * does not say enough, a message that is missing. The first ring is answered at once, the next ones not more often than the
 * venue's allowance bears; and since a venue's lists may be late, what a reading did not find is looked for a few times more.
 */
const firstMs = 20;
const everyMs = 1_000;
const triesMax = 5;

/** Calls `read` when it is time; a reading reports by `answer` and `answered`. */
export class ReadBell {
  readonly #read: () => void;
  /** Orders that were told of, with the readings that may still look for their fills. */
  readonly #orders = new Map<string, number>();
  #isHole = false;
  #timer: NodeJS.Timeout | undefined;
  #isFresh = true;

  constructor(read: () => void) {
    this.#read = read;
  }

  /** Something of this order has to be read; without one, something of the account. */
  ring(venueOrderId?: string): void {
    if (venueOrderId === undefined) this.#isHole = true;
    else this.#orders.set(venueOrderId, triesMax);
    this.#arm(this.#isFresh ? firstMs : everyMs);
  }

  /** A reading begins: what it was rung for. */
  answer(): ReadonlySet<string> | "everything" {
    this.#disarm();
    const rung = this.#isHole ? "everything" : new Set(this.#orders.keys());
    this.#isHole = false;
    for (const [order, tries] of this.#orders) this.#orders.set(order, tries - 1);
    this.#isFresh = false;
    return rung;
  }

  /** It ended, and found fills of these orders. */
  answered(found: readonly string[]): void {
    for (const order of found) this.#orders.delete(order);
    for (const [order, tries] of this.#orders) if (tries <= 0) this.#orders.delete(order);
    this.#isFresh = !this.#isWaiting();
    if (this.#isWaiting()) this.#arm(everyMs);
  }

  /** The connection is over: the next one begins with a reading of its own. */
  silence(): void {
    this.#disarm();
    this.#orders.clear();
    this.#isHole = false;
    this.#isFresh = true;
  }

  #isWaiting(): boolean {
    return this.#isHole || this.#orders.size > 0;
  }

  #arm(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#read();
    }, ms);
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
