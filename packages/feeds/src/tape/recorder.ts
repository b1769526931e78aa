/**
 * The recorder: writes what a feed hears to tapes, without ever making the feed wait.
 *
 * Bounded in every direction: a file is closed and the next one begun after `fileBytesMax` of text or `fileMs`, the oldest
 * files go when together they are larger than `keepBytesMax`, and while the disk is slower than the market at most
 * `pendingBytesMax` wait in memory; what comes on top is dropped, and the tape says how much. A disk that fails ends the
 * tape, not the feed: the recorder counts and says why.
 */
import type { Clock } from "@baton/core";
import { createWriteStream } from "node:fs";
import { mkdir, readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Gzip } from "node:zlib";
import { constants, createGzip } from "node:zlib";
import { machineClock } from "../world.ts";
import type { FeedTap, TapKeyframe } from "./tap.ts";
import type { TapeHead, TapeRecord } from "./tape-format.ts";
import { partOf, tapeName, tapeVersion, writable } from "./tape-format.ts";

export interface RecorderOptions {
  /** Made if it is not there. */
  readonly directory: string;
  /** Default 64 MiB of text. */
  readonly fileBytesMax?: number;
  /** Default one hour. */
  readonly fileMs?: number;
  /** Default 4 GiB on disk. */
  readonly keepBytesMax?: number;
  /** Default 16 MiB. */
  readonly pendingBytesMax?: number;
  readonly clock?: Clock;
}

export interface RecorderStatus {
  readonly records: number;
  /** Records that found no place because the disk was too slow. */
  readonly dropped: number;
  /** Files begun. */
  readonly files: number;
  /** Why nothing is written any more; undefined while all is well. */
  readonly failure: string | undefined;
}

/** Give it to a feed as its `tap`; close it after the feed. */
export interface Recorder extends FeedTap {
  status(): RecorderStatus;
  /** Settles when everything is on disk. */
  close(): Promise<void>;
}

interface OpenFile {
  readonly gzip: Gzip;
  readonly beganMono: number;
  bytes: number;
  pending: number;
}

interface Instant {
  readonly mono: number;
  readonly wall: number;
}

const chunkBytes = 64 * 1_024;
const flushEveryMs = 1_000;
const nothing: TapKeyframe = () => [];

/** A recorder that begins its first file with the feed. */
export function openRecorder(options: RecorderOptions): Recorder {
  const { directory, clock = machineClock } = options;
  const fileBytesMax = options.fileBytesMax ?? 64 * 1_024 * 1_024;
  const fileMs = options.fileMs ?? 3_600_000;
  const keepBytesMax = options.keepBytesMax ?? 4 * 1_024 * 1_024 * 1_024;
  const pendingBytesMax = options.pendingBytesMax ?? 16 * 1_024 * 1_024;
  let feed: { id: string; venue: string; keyframe: TapKeyframe } | undefined;
  let open: OpenFile | undefined;
  let part: number | undefined;
  let lines: string[] = [];
  let linesBytes = 0;
  let records = 0;
  let dropped = 0;
  let droppedNow = 0;
  let files = 0;
  let failure: string | undefined;
  let isClosed = false;
  let started: Promise<void> | undefined;
  let forgetting: Promise<void> = Promise.resolve();
  /** Files that are being finished, and old ones that are being removed. */
  const work = new Set<Promise<void>>();

  const now = (): Instant => ({ mono: clock.mono(), wall: clock.wall() });
  const fail = (error: unknown): void => {
    failure ??= `the tape cannot be written: ${error instanceof Error ? error.message : String(error)}`;
    // Or whoever waits for the file would wait for ever.
    open?.gzip.destroy();
    open = undefined;
    lines = [];
    linesBytes = 0;
  };
  const owe = (task: Promise<void>): void => {
    const done = task.catch(fail).finally(() => work.delete(done));
    work.add(done);
  };

  /** Begins a file; what it must hold to be understood alone comes first: `known`, at the instant `at`. */
  const begin = (at: Instant, known: TapKeyframe): void => {
    if (feed === undefined || part === undefined || failure !== undefined || isClosed) return;
    files += 1;
    const gzip = createGzip({ level: 1, chunkSize: chunkBytes });
    const file = createWriteStream(join(directory, tapeName(feed.id, part)));
    part += 1;
    open = { gzip, beganMono: at.mono, bytes: 0, pending: 0 };
    owe(pipeline(gzip, file));
    const { id, venue } = feed;
    const head: TapeHead = { tape: tapeVersion, feed: id, venue, part: part - 1, beganWallMs: at.wall };
    put(JSON.stringify(head));
    for (const answer of known()) put(lineOf({ k: "answer", t: 0, ...writable(answer) }));
    // What a file must begin with does not count, or a large book would fill one file after the other.
    open.bytes = 0;
    // One after the other: two would stumble over each other's files.
    forgetting = forgetting.then(forget);
    owe(forgetting);
  };
  const end = (): void => {
    push();
    open?.gzip.end();
    open = undefined;
  };
  /** Removes the oldest files until the rest is small enough; the newest stay. */
  const forget = async (): Promise<void> => {
    const { id } = feed ?? { id: "" };
    const names = (await readdir(directory)).filter((name) => partOf(id, name) !== undefined).toSorted();
    const sized = await Promise.all(
      names.map(async (name) => ({ name, bytes: (await stat(join(directory, name))).size })),
    );
    let total = sized.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { name, bytes } of sized.slice(0, -2)) {
      if (total <= keepBytesMax) break;
      await unlink(join(directory, name));
      total -= bytes;
    }
  };

  const put = (line: string): void => {
    lines.push(line);
    linesBytes += line.length + 1;
    if (open !== undefined) open.bytes += line.length + 1;
    if (linesBytes >= chunkBytes) push();
  };
  /** Hands what has gathered to the compressor, which works on another thread. */
  const push = (): void => {
    const file = open;
    if (file === undefined || lines.length === 0) return;
    const chunk = Buffer.from(`${lines.join("\n")}\n`);
    lines = [];
    linesBytes = 0;
    file.pending += chunk.length;
    file.gzip.write(chunk, (error) => {
      file.pending -= chunk.length;
      if (error !== null && error !== undefined) fail(error);
    });
  };
  const record = (make: (t: number) => TapeRecord): void => {
    if (failure !== undefined || isClosed) return;
    // Before the directory has been read nothing is open yet: a bounded wait.
    if ((open?.pending ?? 0) + linesBytes > pendingBytesMax) {
      dropped += 1;
      droppedNow += 1;
      return;
    }
    const nowMono = clock.mono();
    if (open !== undefined && (open.bytes >= fileBytesMax || nowMono - open.beganMono >= fileMs)) {
      end();
      begin(now(), feed?.keyframe ?? nothing);
    }
    const t = Math.max(0, nowMono - (open?.beganMono ?? began.mono));
    if (droppedNow > 0) {
      put(lineOf({ k: "dropped", t, n: droppedNow }));
      droppedNow = 0;
    }
    records += 1;
    put(lineOf(make(t)));
  };
  let began = now();
  const timer = setInterval(() => {
    push();
    // So that a crash costs a second of the tape, not the whole file.
    open?.gzip.flush(constants.Z_SYNC_FLUSH);
  }, flushEveryMs);
  timer.unref();

  const start = async (): Promise<void> => {
    await mkdir(directory, { recursive: true });
    const parts = (await readdir(directory)).flatMap((name) => partOf(feed?.id ?? "", name) ?? []);
    part = Math.max(0, ...parts) + 1;
    // What was heard meanwhile comes after the head, and nothing was known before it: what the feed knows by now came of it,
    // and put before it would make it old.
    const early = lines;
    lines = [];
    linesBytes = 0;
    begin(began, nothing);
    for (const line of early) put(line);
  };

  return {
    begin(source) {
      feed = source;
      began = now();
      started = start().catch(fail);
    },
    frame({ line, connection, data }) {
      record((t) => {
        const text = data.toString("utf8");
        const isText = !text.includes("\ufffd");
        return { k: isText ? "frame" : "bytes", t, l: line, c: connection, x: isText ? text : data.toString("base64") };
      });
    },
    answer({ atMono: _mono, atWall: _wall, ...answer }) {
      record((t) => ({ k: "answer", t, ...writable(answer) }));
    },
    lost({ line, cause, reason }) {
      record((t) => ({ k: "lost", t, l: line, cause, why: reason }));
    },
    status: () => ({ records, dropped, files, failure }),
    async close() {
      if (isClosed) return;
      clearInterval(timer);
      // A recorder that is closed before its first file has begun waits for it.
      await started;
      end();
      isClosed = true;
      await Promise.all(work);
    },
  };
}

function lineOf(record: TapeRecord): string {
  return JSON.stringify({ ...record, t: Math.round(record.t * 1_000) / 1_000 });
}
