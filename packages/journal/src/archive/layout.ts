/**
 * What an archive holds and under which names. Per cluster there are lines: a line is one unbroken history, which begins
 * with a snapshot; a new one is begun when a journal does not hold the archive's end (after records were lost, or an old
 * copy was restored), so that two histories never share a line. Names carry the records they hold, so that a listing is
 * the index: `<cluster>/line-000001/snapshot-<last>-<hash>.db` with its label beside it, `segment-<first>-<last>-<hash>`,
 * and `<cluster>/latest.json`, the only object that is written again.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { frameFault, id } from "@baton/core/records";
import type { ClusterId, Epoch, Frame, NodeId, Sequence, WallMs } from "@baton/core";
import { sha256 } from "../store/chain.ts";
import type { EpochMark } from "../store/read.ts";
import type { SnapshotLabel } from "../store/snapshot.ts";
import { ArchiveError, readWhole } from "./object-store.ts";
import type { ObjectStore } from "./object-store.ts";

/** First line of a segment; its frames follow, one JSON text a line. */
export interface SegmentHead {
  readonly version: 1;
  readonly cluster: ClusterId;
  /** Who wrote it, and when. */
  readonly node: NodeId;
  readonly atWallMs: WallMs;
  /** Format of the journal it comes from. */
  readonly format: number;
  readonly first: Sequence;
  readonly last: Sequence;
  readonly previousHash: string;
  readonly hash: string;
  readonly epoch: Epoch;
}

/** The label of a snapshot, beside it. */
export interface ArchivedLabel extends SnapshotLabel {
  readonly version: 1;
  readonly cluster: ClusterId;
  readonly node: NodeId;
  readonly atWallMs: WallMs;
  readonly format: number;
}

/** The last sign of life of a cluster. */
export interface LatestSign {
  readonly version: 1;
  readonly line: number;
  readonly node: NodeId;
  readonly atWallMs: WallMs;
  /** What was committed then. */
  readonly committed: EpochMark;
  /** What the archive was verified to hold then. */
  readonly verified: Sequence;
  /** The newest segment of the line then: what lies before it need not be listed. Absent before the first, and of old. */
  readonly segment?: string;
}

export type ArchiveEntry =
  | { readonly kind: "snapshot"; readonly name: string; readonly line: number; readonly last: Sequence }
  | {
      readonly kind: "segment";
      readonly name: string;
      readonly line: number;
      readonly first: Sequence;
      readonly last: Sequence;
    };

const digits = (value: number): string => String(value).padStart(12, "0");

export function lineFolder(cluster: ClusterId, line: number): string {
  return `${cluster}/line-${String(line).padStart(6, "0")}`;
}

export function latestName(cluster: ClusterId): string {
  return `${cluster}/latest.json`;
}

export function snapshotName(folder: string, label: Pick<SnapshotLabel, "sequence" | "hash">): string {
  return `${folder}/snapshot-${digits(label.sequence)}-${label.hash.slice(0, 16)}.db`;
}

/** Where a snapshot's label lies. It is put last: a snapshot without one does not count. */
export function labelName(snapshot: string): string {
  return `${snapshot}.json`;
}

export function segmentName(folder: string, head: Pick<SegmentHead, "first" | "last" | "hash">): string {
  return `${folder}/segment-${digits(head.first)}-${digits(head.last)}-${head.hash.slice(0, 16)}.jsonl.gz`;
}

/** The last sign of life of a cluster; undefined when there is none. */
export async function lastSign(store: ObjectStore, cluster: ClusterId): Promise<LatestSign | undefined> {
  const text = await readWhole(store, latestName(cluster));
  return text === undefined ? undefined : (JSON.parse(text.toString("utf8")) as LatestSign);
}

/** What the names of one cluster say, oldest line and lowest record first. Snapshots count with their label only. */
export function entriesOf(names: readonly string[]): readonly ArchiveEntry[] {
  const all = new Set(names);
  return names
    .flatMap((name): readonly ArchiveEntry[] => {
      const at =
        /\/line-(\d{6})\/(?:snapshot-(\d{12})-[0-9a-f]{16}\.db|segment-(\d{12})-(\d{12})-[0-9a-f]{16}\.jsonl\.gz)$/u.exec(
          name,
        );
      if (at === null) return [];
      const [, line, snapshot, first, last] = at;
      if (first !== undefined) {
        return [{ kind: "segment", name, line: Number(line), first: Number(first), last: Number(last) }];
      }
      return all.has(labelName(name)) ? [{ kind: "snapshot", name, line: Number(line), last: Number(snapshot) }] : [];
    })
    .toSorted((a, b) => a.line - b.line || a.last - b.last);
}

/** The clusters of which an archive holds anything. */
export function clustersOf(names: readonly string[]): readonly ClusterId[] {
  return [...new Set(names.map((name) => name.split("/")[0] ?? ""))].map((name) => id<ClusterId>(name));
}

export function encodeSegment(head: SegmentHead, frames: readonly Frame[]): Buffer {
  return gzipSync([head, ...frames].map((part) => JSON.stringify(part)).join("\n"));
}

/** The frames of a segment, after their chain was checked. Throws `ArchiveError` when anything about it is wrong. */
export function decodeSegment(
  name: string,
  bytes: Buffer,
): { readonly head: SegmentHead; readonly frames: readonly Frame[] } {
  let parts: readonly unknown[];
  try {
    parts = gunzipSync(bytes)
      .toString("utf8")
      .split("\n")
      .map((line): unknown => JSON.parse(line));
  } catch (error) {
    throw new ArchiveError(`${name} cannot be read: ${String(error)}`, { cause: error });
  }
  const head = parts[0] as SegmentHead;
  const frames = parts.slice(1) as readonly Frame[];
  let after = { sequence: head.first - 1, hash: head.previousHash };
  for (const frame of frames) {
    const fault = frameFault(after, frame, sha256);
    if (fault !== undefined) throw new ArchiveError(`${name}: the frame ${frame.first}–${frame.last} ${fault}`);
    after = { sequence: frame.last, hash: frame.hash };
  }
  if (after.sequence !== head.last || after.hash !== head.hash) {
    throw new ArchiveError(`${name} ends at ${after.sequence}, its head says ${head.last}`);
  }
  return { head, frames };
}
