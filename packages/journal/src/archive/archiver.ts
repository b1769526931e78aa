/**
 * Writing the archive, one step at a time: what is committed and not archived yet leaves as a closed segment, and once in a
 * while a whole copy. Nothing counts before it was read back and found whole. Only committed records leave, so whoever
 * leads next goes on where the last one ended; a journal that does not hold the archive's end begins a new line. Runs in a
 * thread of its own, on a connection that cannot write. Operators: `runbooks/site-lost.md`.
 */
import { rmSync, statSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { id, wallMs } from "@baton/core/records";
import type { ClusterId, NodeId, Sequence, WallMs } from "@baton/core";
import { soundFrames } from "../store/chain.ts";
import { frameReader } from "../store/read.ts";
import type { EpochMark, FrameReader } from "../store/read.ts";
import type { Db } from "../store/schema.ts";
import { openForReading } from "../store/schema.ts";
import { committedCopy } from "../store/snapshot.ts";
import {
  decodeSegment,
  encodeSegment,
  entriesOf,
  labelName,
  lastSign,
  latestName,
  lineFolder,
  segmentName,
  snapshotName,
} from "./layout.ts";
import type { ArchivedLabel, ArchiveEntry, LatestSign, SegmentHead } from "./layout.ts";
import { ArchiveError, readThrough, readWhole } from "./object-store.ts";
import type { ObjectStore } from "./object-store.ts";

/** Largest segment, before compression. */
const segmentBytes = 4 * 1024 * 1024;
/** A quiet cluster shows that it lives so often. */
const signEveryMs = 10_000;

export interface ArchiverOptions {
  readonly file: string;
  readonly store: ObjectStore;
  readonly snapshotEveryMs: number;
}

/** How far the archive is. */
export interface ArchivePosition {
  readonly line: number;
  /** Read back and found whole up to here. */
  readonly verified: Sequence;
  readonly snapshotAtWallMs: WallMs;
}

export class Archiver {
  readonly #o: ArchiverOptions;
  readonly #db: Db;
  readonly #reader: FrameReader;
  readonly #cluster: ClusterId;
  readonly #node: NodeId;
  readonly #format: number;
  #line = 0;
  #at: EpochMark | undefined;
  /** Of the line, the newest. */
  #segmentName: string | undefined;
  #snapshotAt: WallMs = wallMs(0);
  #signedAt = Number.NEGATIVE_INFINITY;

  constructor(o: ArchiverOptions) {
    this.#o = o;
    this.#db = openForReading(o.file);
    this.#reader = frameReader(this.#db);
    const meta = this.#db
      .prepare<[], { cluster: string; node: string; format: number }>("SELECT cluster, node, format FROM meta")
      .get();
    if (meta === undefined) throw new ArchiveError(`${o.file} has no identity`);
    this.#cluster = id<ClusterId>(meta.cluster);
    this.#node = id<NodeId>(meta.node);
    this.#format = meta.format;
  }

  close(): void {
    this.#db.close();
  }

  /** Another node may have written meanwhile: the next step looks where the archive ends. */
  forget(): void {
    this.#at = undefined;
  }

  /** Archives what is committed. Undefined while this journal cannot tell yet whether it continues the archive. */
  async step(): Promise<ArchivePosition | undefined> {
    if (this.#at === undefined && !(await this.#findEnd())) return undefined;
    while (await this.#segment()) {
      // Until nothing is left.
    }
    if (Date.now() - this.#snapshotAt >= this.#o.snapshotEveryMs) await this.#snapshot();
    const now = performance.now();
    if (now - this.#signedAt >= signEveryMs) await this.#sign();
    return { line: this.#line, verified: this.#end.sequence, snapshotAtWallMs: this.#snapshotAt };
  }

  get #end(): EpochMark {
    if (this.#at === undefined) throw new ArchiveError("the end of the archive is not known");
    return this.#at;
  }

  /** Looks where the archive ends, and whether this journal goes on from there. */
  async #findEnd(): Promise<boolean> {
    const entries = await this.#newest();
    this.#line = entries.at(-1)?.line ?? 0;
    const line = entries.filter((entry) => entry.line === this.#line);
    const last = line.reduce<(typeof line)[number] | undefined>(
      (most, entry) => (most === undefined || entry.last >= most.last ? entry : most),
      undefined,
    );
    const snapshot = line.findLast((entry) => entry.kind === "snapshot");
    if (last === undefined || snapshot === undefined) return this.#beginLine();
    this.#segmentName = line.findLast((entry) => entry.kind === "segment")?.name;
    const label = await this.#label(snapshot.name);
    this.#snapshotAt = label.atWallMs;
    const end = last.kind === "snapshot" ? label : (await this.#segmentBack(last.name)).head;
    const mark = { sequence: last.last, hash: end.hash, epoch: end.epoch };
    const here = this.#reader.markAt(mark.sequence);
    if (here?.hash === mark.hash) {
      this.#at = mark;
      return true;
    }
    // What this journal has pruned, or does not hold although it goes further, or holds otherwise: another history.
    return this.#beginLine();
  }

  /**
   * What decides where the archive ends: from the newest segment that the last sign names on, since a long-lived archive has
   * as many segments as it has seconds, and each leader looks. All of it where there is no such sign, or it is not true.
   */
  async #newest(): Promise<readonly ArchiveEntry[]> {
    const { store } = this.#o;
    const sign = await lastSign(store, this.#cluster);
    if (sign !== undefined) {
      const { line, segment } = sign;
      // Just before its own name, so that it shows whether it is there still.
      const after = segment?.slice(0, -1) ?? `${lineFolder(this.#cluster, line)}/`;
      const entries = entriesOf(await store.list(`${this.#cluster}/line-`, after));
      const hasSegment = segment === undefined || entries.some(({ name }) => name === segment);
      if (hasSegment && entries.some((entry) => entry.kind === "snapshot")) return entries;
    }
    return entriesOf(await store.list(`${this.#cluster}/`));
  }

  async #beginLine(): Promise<boolean> {
    if (this.#committed() === undefined) return false;
    this.#line += 1;
    this.#segmentName = undefined;
    await this.#snapshot();
    return this.#at !== undefined;
  }

  /** Archives the next frames; false when there are none. */
  async #segment(): Promise<boolean> {
    const committed = this.#committed();
    if (committed === undefined || committed.sequence <= this.#end.sequence) return false;
    const after = this.#end.sequence;
    const page = soundFrames({ db: this.#db, reader: this.#reader, after, maxBytes: segmentBytes });
    const frames = page.filter((frame) => frame.last <= committed.sequence);
    const first = frames[0];
    const last = frames.at(-1);
    if (first === undefined || last === undefined) return false;
    if (first.previousHash !== this.#end.hash) {
      this.#at = undefined;
      throw new ArchiveError(`the journal does not go on at ${this.#end.sequence}, where the archive ends`);
    }
    const head: SegmentHead = {
      version: 1,
      cluster: this.#cluster,
      node: this.#node,
      atWallMs: wallMs(Date.now()),
      format: this.#format,
      first: first.first,
      last: last.last,
      previousHash: first.previousHash,
      hash: last.hash,
      epoch: last.epoch,
    };
    const name = segmentName(lineFolder(this.#cluster, this.#line), head);
    await this.#o.store.put(name, encodeSegment(head, frames));
    const back = await this.#segmentBack(name);
    if (back.head.hash !== last.hash) throw new ArchiveError(`${name} came back with other records`);
    this.#at = { sequence: last.last, hash: last.hash, epoch: last.epoch };
    this.#segmentName = name;
    await this.#sign();
    return true;
  }

  async #snapshot(): Promise<void> {
    const { file, store } = this.#o;
    const room = statfsSync(dirname(file));
    const { size } = statSync(file);
    if (room.bavail * room.bsize < 2 * size) {
      throw new ArchiveError(`no room for a copy of ${file} (${size} bytes) beside it, so no snapshot can be archived`);
    }
    const copy = `${file}.archiving`;
    try {
      const label = await committedCopy(file, copy);
      const name = snapshotName(lineFolder(this.#cluster, this.#line), label);
      await store.putFile(name, copy);
      const back = await readThrough(store, name);
      if (back?.sha256 !== label.sha256) throw new ArchiveError(`${name} came back with other bytes`);
      const atWallMs = wallMs(Date.now());
      const { cluster, node, format } = { cluster: this.#cluster, node: this.#node, format: this.#format };
      const archived: ArchivedLabel = { version: 1, cluster, node, atWallMs, format, ...label };
      await store.put(labelName(name), Buffer.from(JSON.stringify(archived)));
      this.#snapshotAt = atWallMs;
      const mark = { sequence: label.sequence, hash: label.hash, epoch: label.epoch };
      if (this.#at === undefined || this.#at.sequence < mark.sequence) this.#at = mark;
    } finally {
      rmSync(copy, { force: true });
    }
  }

  async #sign(): Promise<void> {
    const committed = this.#committed();
    if (committed === undefined) return;
    const { sequence: verified } = this.#end;
    const atWallMs = wallMs(Date.now());
    const segment = this.#segmentName === undefined ? {} : { segment: this.#segmentName };
    const line = this.#line;
    const sign: LatestSign = { version: 1, line, node: this.#node, atWallMs, committed, verified, ...segment };
    await this.#o.store.put(latestName(this.#cluster), Buffer.from(JSON.stringify(sign)));
    this.#signedAt = performance.now();
  }

  /** The commit point as it is on the disk; undefined while it is not the end of a frame here. */
  #committed(): EpochMark | undefined {
    const committed = this.#db.prepare<[], number>("SELECT committed FROM meta").pluck().get() ?? 0;
    return this.#reader.markAt(committed);
  }

  async #segmentBack(name: string): Promise<ReturnType<typeof decodeSegment>> {
    const bytes = await readWhole(this.#o.store, name);
    if (bytes === undefined) throw new ArchiveError(`${name} is not there`);
    return decodeSegment(name, bytes);
  }

  async #label(snapshot: string): Promise<ArchivedLabel> {
    const bytes = await readWhole(this.#o.store, labelName(snapshot));
    if (bytes === undefined) throw new ArchiveError(`${snapshot} has no label`);
    return JSON.parse(bytes.toString("utf8")) as ArchivedLabel;
  }
}
