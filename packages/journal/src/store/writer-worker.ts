/**
 * The writer's thread: the only one that writes the journal. It drains its port, puts all frames that wait into one
 * transaction, and reports them durable when the commit has returned; so one fsync serves everything that queued up
 * during the last. While the disk is used, a shared cell says since when, for the keeper of the lease to see a wedged one.
 * After the first failure it does nothing more (I20).
 */
import { once } from "node:events";
import { flushCompileCache } from "node:module";
import { parentPort, receiveMessageOnPort } from "node:worker_threads";
import { InvariantError, assert, assertNever } from "@baton/core/records";
import type { Frame } from "@baton/core";
import { JournalError, asFailure } from "../errors.ts";
import { lockJournal } from "./lock.ts";
import type { SilentOrder, WriterOrder, WriterReport, WriterStart } from "./messages.ts";
import { DiskReserve } from "./reserve.ts";
import { adoptIdentity, assertOpenable, swapIn } from "./snapshot.ts";
import { JournalStore, walBytesOf } from "./store.ts";
import type { RowsPiece } from "./tables.ts";
import { TellingKeys } from "./telling-keys.ts";

const port = parentPort;
assert(port !== null, "the writer runs in a worker thread");
// As in `engine-main.ts`: what this thread compiled is kept now.
flushCompileCache();
// The thread is started before it is known what to open: loading its modules takes longer than opening.
const [start] = (await once(port, "message")) as [WriterStart];
const progress = new BigInt64Array(start.progress);
const { file } = start.options;

let store: JournalStore | undefined;
let unlock: (() => void) | undefined;
let committed = 0;
let settling: NodeJS.Timeout | undefined;
let reserve: DiskReserve | undefined;
/** The digest that waits for the rows to stop. */
let digestCall: number | undefined;
const keys = new TellingKeys((told) => report({ kind: "keys", ...told }));

/** Not in the first moments either, in which a node may be about to take over. */
const reserveEveryMs = 2_000;

try {
  unlock = lockJournal(file);
  store = new JournalStore({ ...start.options, tellsKeys: true }, (piece) => report({ kind: "rows", piece }));
  reserve = new DiskReserve(file, start.reserveBytes);
  committed = store.opened.commit.sequence;
  if (start.reserveBytes > 0) setInterval(tendReserve, reserveEveryMs).unref();
  report({ kind: "opened", opened: store.opened });
  port.on("message", onOrder);
} catch (error) {
  const fault = error instanceof JournalError ? error : asFailure(error, file);
  report({ kind: "refused", fault: { code: fault.code, message: fault.message } });
}

function onOrder(first: WriterOrder): void {
  if (store === undefined) return;
  assert(port !== null, "the port is open");
  const orders: WriterOrder[] = [first];
  for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
    orders.push(next.message as WriterOrder);
  }
  try {
    execute(store, orders);
  } catch (error) {
    fail(error);
  }
}

/** In order; neighbouring frames share a transaction, and a commit point rides on the next one. */
function execute(open: JournalStore, orders: readonly WriterOrder[]): void {
  let frames: Frame[] = [];
  let generation = 0;
  const flush = (): void => {
    const last = frames.at(-1);
    if (last === undefined) return;
    const began = process.hrtime.bigint();
    watched(() => {
      makeRoom(frames);
      open.write(frames, committed);
    });
    const commitMs = Number(process.hrtime.bigint() - began) / 1e6;
    report({ kind: "durable", sequence: last.last, generation, frames: frames.length, commitMs });
    frames = [];
  };
  for (const order of orders) {
    if (order.kind === "frame") {
      frames.push(order.frame);
      generation = order.generation;
      committed = Math.max(committed, order.committed);
      continue;
    }
    if (order.kind === "commit") {
      committed = Math.max(committed, order.committed);
      continue;
    }
    flush();
    if (isSilent(order)) silent(open, order);
    else single(order);
    if (order.kind === "close") return;
  }
  flush();
  answerDigest();
  if (store !== undefined) keys.tellNew(store);
  if (store?.isCheckpointDue === true) watched(() => store?.checkpoint());
  clearTimeout(settling);
  settling = setTimeout(settle, start.settleMs);
}

function isSilent(order: WriterOrder): order is SilentOrder {
  switch (order.kind) {
    case "go-on":
    case "warm":
    case "heads":
    case "divergence":
    case "raise":
      return true;
    default:
      return false;
  }
}

function silent(open: JournalStore, order: SilentOrder): void {
  switch (order.kind) {
    case "go-on":
      open.goOn();
      return;
    case "warm":
      // It reads every row, and a disk hangs for who reads as well.
      watched(() => warm(open));
      return;
    case "heads":
      watched(() => open.storeHeads(order.heads));
      return;
    case "divergence":
      watched(() => open.storeDivergence(order.sentence));
      return;
    case "raise":
      watched(() => open.raise(order.format));
      return;
    default:
      assertNever(order, "order");
  }
}

/** Makes the writer's own state, and tells which idempotency keys the file holds. */
function warm(open: JournalStore): void {
  open.warm();
  keys.tellAll(open, () => store === open).catch(fail);
}

/** Lets the rows stop; who asked is told once they do. A newer call gives up the older one. */
function askDigest(open: JournalStore, call: number, at: number): void {
  giveUpDigest();
  if (open.stopAfter(at)) digestCall = call;
  else done(call, undefined);
}

function giveUpDigest(): void {
  if (digestCall !== undefined) done(digestCall, undefined);
  digestCall = undefined;
}

function answerDigest(): void {
  const at = store?.stoppedAt;
  if (at === undefined || digestCall === undefined) return;
  done(digestCall, at);
  digestCall = undefined;
}

/** Before a transaction: gives the reserve back when the disk has hardly room for it. */
function makeRoom(frames: readonly Frame[] = []): void {
  const bytes = frames.reduce((sum, frame) => sum + walBytesOf(frame), 16_384);
  if (reserve?.makeRoom(bytes) === true) report({ kind: "reserve", isReleased: true });
}

/** Makes the reserve, piece by piece beside the writing. */
function tendReserve(): void {
  // Never rejects.
  void reserve?.tend().then((isMade) => {
    if (isMade) report({ kind: "reserve", isReleased: false });
  });
}

/** An order with an answer of its own. A refusal answers that order only; a failure of storage ends everything. */
function single(order: Exclude<WriterOrder, SilentOrder | { kind: "frame" | "commit" }>): void {
  assert(store !== undefined, "the store is open");
  if (order.kind === "digest") return askDigest(store, order.call, order.at);
  const open = store;
  watched(() => {
    makeRoom();
    try {
      done(order.call, answerTo(open, order));
      if (order.kind === "install" && store !== undefined) warm(store);
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      report({ kind: "declined", call: order.call, fault: { code: error.code, message: error.message } });
    }
  });
}

/**
 * Does what touches the disk, whatever it is: a checkpoint's fsync may hang like that of a commit. Meanwhile the shared cell
 * says since when. A failure leaves it set: for who watches it, a disk that failed and one that hangs are the same.
 */
function watched(work: () => void): void {
  Atomics.store(progress, 0, process.hrtime.bigint());
  work();
  Atomics.store(progress, 0, 0n);
}

function answerTo(
  open: JournalStore,
  order: Exclude<WriterOrder, SilentOrder | { kind: "frame" | "commit" | "digest" }>,
): Extract<WriterReport, { kind: "done" }>["answer"] {
  switch (order.kind) {
    case "persist":
      open.persist(order.promises);
      return undefined;
    case "cut":
      return open.cut(order.after, order.reason, order.now);
    case "rot":
      open.storeRot(order.sentence);
      return undefined;
    case "prune":
      open.settle(committed);
      return open.prune(order.upTo);
    case "install": {
      assertOpenable(order.snapshotFile, start.options.build);
      // Nothing of the old file may live on in a WAL when another file takes its name.
      open.checkpointWhole();
      adoptIdentity(order.snapshotFile, file);
      open.close();
      swapIn(order.snapshotFile, file);
      const rows: RowsPiece[] = [];
      store = new JournalStore({ ...start.options, create: false, tellsKeys: true }, (piece) => rows.push(piece));
      keys.replaced();
      giveUpDigest();
      committed = store.opened.commit.sequence;
      return { opened: store.opened, rows };
    }
    case "close":
      clearTimeout(settling);
      giveUpDigest();
      do open.goOn();
      while (open.settle(committed));
      open.close();
      unlock?.();
      store = undefined;
      port?.off("message", onOrder);
      return undefined;
    default:
      return assertNever(order, "order");
  }
}

function settle(): void {
  if (store === undefined) return;
  try {
    watched(() => {
      makeRoom();
      store?.settle(committed);
      answerDigest();
      if (store !== undefined) keys.tellNew(store);
      if (store?.isCheckpointDue === true) store.checkpoint();
    });
  } catch (error) {
    fail(error);
  }
}

/** The end of this writer. */
function fail(error: unknown): void {
  store = undefined;
  clearTimeout(settling);
  if (error instanceof InvariantError) throw error;
  const failure = asFailure(error, file);
  report({ kind: "failed", fault: { code: failure.code, message: failure.message } });
}

function done(call: number, answer: Extract<WriterReport, { kind: "done" }>["answer"]): void {
  report({ kind: "done", call, answer });
}

function report(message: WriterReport): void {
  port?.postMessage(message);
}
