/**
 * Whether an idempotency key may have been used before, known without the disk: nearly every key that comes is a new one, and
 * in the first moments of a new leader its orders would wait for a thread that reads (decision 40). The writer tells the
 * fingerprint of every key in its rows, those that have left the state too, once, and of each that comes. A fingerprint that is
 * not among them was never used; of one that is, the disk is asked.
 */
import { requestKeysKeptMs } from "@baton/core/records";
import type { Sequence } from "@baton/core";
import { fingerprintOf } from "./store/fingerprint.ts";
import type { KeysTold } from "./store/messages.ts";

/** Half full, a table answers in one or two looks; it is 512 kB, and a million keys are thirty of them. */
const slots = 65_536;
const keysPerTable = slots / 2;

/** Open addressing: a number stands in the first free slot from its own on. 0 is free. */
interface Table {
  readonly found: Float64Array;
  count: number;
  newestWallMs: number;
}

export class KnownKeys {
  /** The latest one takes what comes. */
  #tables: Table[] = [];
  /** Which file the writer speaks of; it grows with each copy that takes a file's place. */
  #file = 0;
  #isWhole = false;
  #upTo: Sequence = 0;
  readonly #now: () => number;

  /** `now`: the wall clock, ms. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Another file takes this one's place: nothing is known until its keys have been told. */
  restart(): void {
    this.#file += 1;
    this.#tables = [];
    this.#isWhole = false;
    this.#upTo = 0;
  }

  /** What the writer told. */
  heard({ file, upTo, fingerprints, newestWallMs, isWhole }: KeysTold): void {
    // It may have spoken of the file before this one.
    if (file !== this.#file) return;
    for (const fingerprint of fingerprints) this.#add(fingerprint, newestWallMs);
    if (isWhole) this.#isWhole = true;
    this.#upTo = Math.max(this.#upTo, upTo);
  }

  /** False: this key, as `requestKeyOf` names it, is none that was recorded up to `applied`. */
  mayHold(key: string, applied: Sequence): boolean {
    if (!this.#isWhole || applied > this.#upTo) return true;
    const fingerprint = fingerprintOf(key);
    return this.#tables.some(({ found }) => found[placeOf(found, fingerprint)] !== 0);
  }

  /** How many fingerprints are kept. */
  get size(): number {
    return this.#tables.reduce((sum, { count }) => sum + count, 0);
  }

  #add(fingerprint: number, atWallMs: number): void {
    let table = this.#tables.at(-1);
    if (table === undefined || table.count >= keysPerTable) {
      table = { found: new Float64Array(slots), count: 0, newestWallMs: atWallMs };
      // Whose keys are all too old says nothing any more; by the key's time and by the own clock, of which one may be wrong.
      const before = Math.min(atWallMs, this.#now()) - requestKeysKeptMs;
      this.#tables = [...this.#tables.filter((each) => each.newestWallMs >= before), table];
    }
    const place = placeOf(table.found, fingerprint);
    if (table.found[place] === 0) table.count += 1;
    // The one number that would look like a free slot is taken for its neighbour: the disk tells them apart.
    table.found[place] = fingerprint === 0 ? 1 : fingerprint;
    table.newestWallMs = Math.max(table.newestWallMs, atWallMs);
  }
}

/** Where it stands, or the free slot where it would. */
function placeOf(found: Float64Array, fingerprint: number): number {
  const wanted = fingerprint === 0 ? 1 : fingerprint;
  let place = wanted % slots;
  while (found[place] !== 0 && found[place] !== wanted) place = (place + 1) % slots;
  return place;
}
