/**
 * Of the writer: tells whoever holds the journal the fingerprints of all idempotency keys in its file, first those that are
 * there when it was opened, then each that comes. A million take a third of a second to read: a page at a time, so that frames
 * are written in between.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { requestKeyOf } from "@baton/core/records";
import type { KeyRow, Sequence } from "@baton/core";
import { fingerprintOf } from "./fingerprint.ts";
import type { KeysTold } from "./messages.ts";
import type { PastPrint } from "./past-keys.ts";
import type { JournalStore } from "./store.ts";

/** Some four milliseconds of another thread's waiting. */
const perPage = 4_096;

export class TellingKeys {
  readonly #report: (told: KeysTold) => void;
  #file = 0;

  constructor(report: (told: KeysTold) => void) {
    this.#report = report;
  }

  /** A copy has taken the file's place. */
  replaced(): void {
    this.#file += 1;
  }

  /** Tells what is in a file that was opened; ends early where another takes its place, or `isOpen` says so. */
  async tellAll(store: JournalStore, isOpen: () => boolean): Promise<void> {
    const file = this.#file;
    const isNow = (): boolean => file === this.#file && isOpen();
    // In this order: a key that leaves the state meanwhile is in both, and none is in neither.
    const { keys, upTo } = store.keys();
    for (let at = 0; at < keys.length; at += perPage) {
      this.#tell(prints(keys.slice(at, at + perPage)), 0);
      await nextTurn();
      if (!isNow()) return;
    }
    for (let after = 0; ;) {
      const page = store.pastPrints(after, perPage);
      const last = page.at(-1);
      if (last === undefined) break;
      this.#tell(page, 0);
      after = last.sequence;
      await nextTurn();
      if (!isNow()) return;
    }
    this.#tell([], upTo, true);
  }

  /** Tells what came. */
  tellNew(store: JournalStore): void {
    const { keys, upTo } = store.takeNewKeys();
    if (keys.length > 0) this.#tell(prints(keys), upTo);
  }

  #tell(page: readonly Pick<PastPrint, "fingerprint" | "atWallMs">[], upTo: Sequence, isWhole = false): void {
    const fingerprints = Float64Array.from(page, ({ fingerprint }) => fingerprint);
    const newestWallMs = page.reduce((newest, { atWallMs }) => Math.max(newest, atWallMs), 0);
    this.#report({ file: this.#file, upTo, fingerprints, newestWallMs, isWhole });
  }
}

function prints(keys: readonly KeyRow[]): readonly Pick<PastPrint, "fingerprint" | "atWallMs">[] {
  return keys.map((row) => ({ fingerprint: fingerprintOf(requestKeyOf(row)), atWallMs: row.atWallMs }));
}
