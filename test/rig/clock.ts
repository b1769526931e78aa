/**
 * A wall clock that one process has to itself and that can be stepped while it runs: libfaketime, told by a file. The
 * monotonic clock and timers stay the machine's own, as they do when somebody sets a machine's time.
 */
import { globSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const checkout = fileURLToPath(new URL("../..", import.meta.url));
const library = "lib/*/faketime/libfaketimeMT.so.1";

/** A clock that is right at first; `folder`: where its file lies. A sentence that says what to install where there is none. */
export function ownClock(folder: string): OwnClock | string {
  const places = [join(checkout, ".baton", "faketime", "usr", library), join("/usr", library)];
  const [found] = places.flatMap((pattern) => globSync(pattern));
  return found === undefined
    ? "libfaketime is missing: run scripts/prepare --faketime, or install it (Debian: apt-get install libfaketime)"
    : new OwnClock(found, folder);
}

export class OwnClock {
  /** The environment that a process is started with to have this clock. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #file: string;

  constructor(found: string, folder: string) {
    this.#file = join(folder, "clock");
    this.step(0);
    this.environment = {
      LD_PRELOAD: found,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      // The file is looked at again after a second: a step takes so long to be seen, by all threads at once.
      FAKETIME_CACHE_DURATION: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      FAKETIME_DONT_RESET: "1",
    };
  }

  /** So many seconds before (negative) or after the machine's time, from about now on. */
  step(seconds: number): void {
    writeFileSync(`${this.#file}.new`, `${seconds < 0 ? "" : "+"}${seconds}\n`);
    renameSync(`${this.#file}.new`, this.#file);
  }
}
