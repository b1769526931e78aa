/**
 * The reader's thread: long reads beside the writer, on a connection that cannot write. Backfill pages, comparing marks,
 * snapshots and verification happen here, so that they delay neither a commit nor a market-data message. What is read to be
 * sent on is verified first. It sees what is
 * durable, and nothing of what is still on its way.
 */
import { flushCompileCache } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import { setTimeout as delay } from "node:timers/promises";
import { assert, assertNever } from "@baton/core/records";
import type { Mark } from "@baton/core";
import { JournalError, asFailure } from "../errors.ts";
import { journalAge } from "./age.ts";
import { soundFrames, verifyJournal } from "./chain.ts";
import { RowsAt } from "./digest.ts";
import type { ReaderOrder, ReaderReport } from "./messages.ts";
import type { FrameReader } from "./read.ts";
import { frameReader } from "./read.ts";
import type { Db } from "./schema.ts";
import { openForReading } from "./schema.ts";
import { proveSnapshot, takeSnapshot } from "./snapshot.ts";

const port = parentPort;
assert(port !== null, "the reader runs in a worker thread");
const { file } = workerData as { file: string };
// As in `engine-main.ts` of the engine: what this thread compiled is kept now.
flushCompileCache();

const rowsWithinMs = 2_000;
/** Between the slices of a digest. */
const restMs = 1;

let connection: { db: Db; reader: FrameReader } | undefined;
/** Rows that are held still for a digest. */
let rows: RowsAt | undefined;

port.on("message", (order: ReaderOrder) => {
  answerTo(order).then(
    (answer) => report({ kind: "done", call: order.call, answer }),
    (error: unknown) => {
      const fault = error instanceof JournalError ? error : asFailure(error, file);
      report({ kind: "declined", call: order.call, fault: { code: fault.code, message: fault.message } });
    },
  );
});

async function answerTo(order: ReaderOrder): Promise<Extract<ReaderReport, { kind: "done" }>["answer"]> {
  switch (order.kind) {
    case "frames":
      return soundFrames({ ...opened(), after: order.after, maxBytes: order.maxBytes });
    case "held":
      return order.marks.filter(isHeld);
    case "snapshot":
      return takeSnapshot(file, order.toFile);
    case "prove":
      await proveSnapshot(order.file, order.label);
      return undefined;
    case "verify":
      return verifyJournal(file);
    case "events-of":
      return order.intents.flatMap((intent) => reader().eventsOf(intent));
    case "past-orders":
      return onceWritten(order.asked, (asked) => reader().pastOrders(asked));
    case "past-key":
      return onceWritten(order.asked, (asked) => reader().pastKey(asked));
    case "digest-begin":
      return beginDigest(order.at);
    case "digest":
      return digest();
    case "age":
      return journalAge(opened().db, order.before);
    default:
      return assertNever(order, "order");
  }
}

/** A frame that is not the asker's has to be one at all: rot would pass for another history. */
function isHeld(mark: Mark): boolean {
  if (reader().markAt(mark.sequence)?.hash === mark.hash) return true;
  soundFrames({ ...opened(), after: mark.sequence - 1, maxBytes: 1 });
  return false;
}

/** The writer's rows follow the commit point within a few ms. */
async function onceWritten<Asked extends { readonly applied: number }, Answer>(
  asked: Asked,
  read: (asked: Asked) => Answer | undefined,
): Promise<Answer> {
  for (const end = performance.now() + rowsWithinMs; ; await delay(2)) {
    // A thread that stood still looks once more before it gives up.
    const isLate = performance.now() >= end;
    const found = read(asked);
    if (found !== undefined) return found;
    if (isLate) break;
  }
  throw new JournalError("journal-io", `${file}: the rows of event ${asked.applied} were not written in time`);
}

function beginDigest(at: number): boolean {
  rows?.close();
  rows = new RowsAt(file);
  if (rows.applied === at) return true;
  rows.close();
  rows = undefined;
  return false;
}

/**
 * In slices, so that a backfill page does not wait for it, and asleep between them: the main thread, where market data
 * arrives, may have been woken on this core, and gets it only when this thread lets go of it.
 */
async function digest(): Promise<string> {
  const held = rows;
  if (held === undefined) throw new JournalError("journal-closed", `${file}: no rows are held for a digest`);
  rows = undefined;
  try {
    return await held.digest(() => delay(restMs));
  } finally {
    held.close();
  }
}

function reader(): FrameReader {
  return opened().reader;
}

function opened(): { readonly db: Db; readonly reader: FrameReader } {
  if (connection === undefined) {
    const db = openForReading(file);
    connection = { db, reader: frameReader(db) };
  }
  return connection;
}

function report(message: ReaderReport): void {
  port?.postMessage(message);
}
