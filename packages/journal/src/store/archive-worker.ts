/**
 * The archive's thread: while its node leads, one step after another, each no sooner than the last one's interval; after a
 * failure it waits longer each time and begins by looking where the archive ends. It never touches the writer.
 */
import { setTimeout as delay } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { assert, wallMs } from "@baton/core/records";
import type { WallMs } from "@baton/core";
import type { ArchiveOptions, ArchiveOrder, ArchiveReport } from "../archive/archive.ts";
import { Archiver } from "../archive/archiver.ts";
import { JournalError, asFailure } from "../errors.ts";
import { openStore } from "../archive/object-store.ts";

const port = parentPort;
assert(port !== null, "the archive runs in a worker thread");
const options = workerData as ArchiveOptions;
const retryMaxMs = 60_000;

const duty = { isActive: false };
let wake: (() => void) | undefined;
let failingSince: WallMs | undefined;

port.on("message", (order: ArchiveOrder) => {
  duty.isActive = order.isActive;
  wake?.();
});

for (;;) {
  if (duty.isActive) await write();
  else await new Promise<void>((resolve) => (wake = resolve));
}

/** Until this node leads no more, or something fails. */
async function write(): Promise<void> {
  let archiver: Archiver | undefined;
  try {
    using store = disposable(await openStore(options.access));
    archiver = new Archiver({ file: options.file, store: store.it, snapshotEveryMs: options.snapshotEveryMs });
    while (duty.isActive) {
      const position = await archiver.step();
      if (position !== undefined) {
        failingSince = undefined;
        report({ kind: "position", position });
      }
      await delay(options.segmentMs);
    }
  } catch (error) {
    const now = wallMs(Date.now());
    failingSince ??= now;
    const fault = error instanceof JournalError ? error : asFailure(error, options.file);
    if (fault.code === "journal-corrupt") report({ kind: "corrupt", sentence: fault.message });
    report({
      kind: "failing",
      sinceWallMs: failingSince,
      sentence: error instanceof Error ? error.message : String(error),
    });
    await delay(Math.min(retryMaxMs, Math.max(options.segmentMs, (now - failingSince) / 2)));
  } finally {
    archiver?.close();
  }
}

function disposable<T extends { close(): void }>(it: T): { readonly it: T } & Disposable {
  return { it, [Symbol.dispose]: () => it.close() };
}

function report(message: ArchiveReport): void {
  port?.postMessage(message);
}
