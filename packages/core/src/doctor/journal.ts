/**
 * Is the disk under the journal one that keeps what it says it has, and is what lies there this node's sound journal. The
 * kinds of file system are told by the kernel's magic numbers (`statfs(2)`); the limits of a full disk are those that the
 * node itself obeys (`replication/disk-ladder.ts`).
 */
import type { ClusterId } from "../ids.ts";
import { diskLadder, diskUsedShare, mayHoldReserve, reserveSize } from "../replication/disk-ladder.ts";
import type { Finding } from "./report.ts";
import { Judge } from "./report.ts";

/** What was read of the folder and the file. */
export interface JournalFacts {
  readonly folder: string;
  readonly disk:
    | {
        readonly kind: "read";
        /** `f_type` of statfs. */
        readonly type: number;
        readonly totalBytes: number;
        readonly freeBytes: number;
      }
    | { readonly kind: "unreadable"; readonly cause: string };
  /** The reserve as configured, and what of it is on the disk. */
  readonly reserve: { readonly askedBytes: number; readonly heldBytes: number };
  /** What an empty database in the same folder reads back once it is set as the journal is. */
  readonly durability: { readonly kind: "set" } | { readonly kind: "refused"; readonly cause: string };
  /** One fdatasync after a page that was written, microseconds, in the order they were taken. */
  readonly fsyncUs: readonly number[] | { readonly cause: string };
  readonly file: JournalFileFacts;
}

/** The journal's file, opened for reading only. */
export type JournalFileFacts =
  | { readonly kind: "absent" }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "unreadable"; readonly cause: string }
  | {
      readonly kind: "read";
      readonly node: string;
      readonly cluster: ClusterId;
      /** As the file has it: `wal`. */
      readonly mode: string;
      readonly last: number;
      /** Frames whose hashes were recomputed. */
      readonly frames: number;
      /** The first thing that is wrong. */
      readonly fault?: string;
    };

/** All findings on the journal's folder. */
export function judgeJournal(facts: JournalFacts, o: { readonly node: string }): readonly Finding[] {
  return [fileSystemOf(facts), spaceOf(facts), durabilityOf(facts), fsyncOf(facts), chainOf(facts, o.node)];
}

const local: Readonly<Record<number, string>> = {
  0xef53: "ext4",
  0x58465342: "xfs",
  0x9123683e: "btrfs",
  0x2fc12fc1: "zfs",
  0xf2f52010: "f2fs",
  0xca451a4e: "bcachefs",
};
const inMemory: Readonly<Record<number, string>> = { 0x01021994: "tmpfs", 0x858458f6: "ramfs" };
const remote: Readonly<Record<number, string>> = {
  0x6969: "NFS",
  0xff534d42: "CIFS",
  0xfe534d42: "SMB",
  0x517b: "SMB",
  0x00c36400: "Ceph",
  0x01021997: "9p",
  0x6b414653: "AFS",
  0x0bd00bd0: "Lustre",
  0x01161970: "GFS2",
  0x7461636f: "OCFS2",
};
const layered: Readonly<Record<number, string>> = { 0x794c7630: "overlayfs", 0x65735546: "FUSE" };

function fileSystemOf({ folder, disk }: JournalFacts): Finding {
  const judge = new Judge("journal.filesystem", folder);
  if (disk.kind === "unreadable")
    return judge.failure(
      `The folder cannot be looked at: ${disk.cause}.`,
      "set node.dataDir to a folder on a local disk.",
    );
  const type = disk.type >>> 0;
  const memory = inMemory[type];
  if (memory !== undefined)
    return judge.failure(`It is ${memory}: what is in memory is gone with the machine.`, "set node.dataDir to a disk.");
  const network = remote[type];
  if (network !== undefined)
    return judge.failure(
      `It is ${network}: locks and fsync over a network do not hold what SQLite needs.`,
      "set node.dataDir to a local disk.",
    );
  const over = layered[type];
  if (over !== undefined)
    return judge.warning(`It is ${over}: what lies under it is not told.`, "give the journal a volume of its own.");
  const name = local[type];
  if (name === undefined)
    return judge.warning(
      `The file system 0x${type.toString(16)} is not one that Baton knows.`,
      "make sure that it is local and that fsync reaches the disk.",
    );
  return judge.ok(`It is ${name}, a local file system.`);
}

function spaceOf({ folder, disk, reserve }: JournalFacts): Finding {
  const judge = new Judge("journal.space", folder);
  if (disk.kind === "unreadable") return judge.skipped("The disk was not read.");
  const used = diskUsedShare({ ...disk, reusableBytes: 0 });
  const share = `${Math.round(used * 1_000) / 10} % of ${sizeText(disk.totalBytes)} are used, ${sizeText(disk.freeBytes)} are free`;
  const limits = `at ${diskLadder.filling * 100} % somebody is paged, at ${diskLadder.noNewRisk * 100} % no new order is taken`;
  const make = "make room on the disk, or shorten archive.retainDays.";
  if (used >= diskLadder.noNewRisk) return judge.failure(`${share}; ${limits}.`, make);
  if (used >= diskLadder.filling) return judge.warning(`${share}; ${limits}.`, make);
  if (reserve.askedBytes === 0)
    return judge.warning(`${share}; there is no reserve.`, "leave archive.reserveMiB at its default.");
  const wanted = reserveSize(reserve.askedBytes, disk.totalBytes);
  if (reserve.heldBytes >= wanted) return judge.ok(`${share}; ${limits}. The reserve of ${sizeText(wanted)} is there.`);
  if (mayHoldReserve(disk.freeBytes, wanted))
    return judge.ok(`${share}; ${limits}. The reserve of ${sizeText(wanted)} is made when the node runs.`);
  return judge.warning(`${share}; that is too little for the reserve of ${sizeText(wanted)}.`, make);
}

function durabilityOf({ folder, durability, file }: JournalFacts): Finding {
  const judge = new Judge("journal.durability", folder);
  if (durability.kind === "refused")
    return judge.failure(
      `A database there cannot be set as the journal is: ${durability.cause}.`,
      "give the folder to the node's user, on a disk that takes a WAL.",
    );
  const scratch = "A new database there reads back journal_mode wal and synchronous 2 (FULL)";
  if (file.kind !== "read") return judge.ok(`${scratch}.`);
  if (file.mode === "wal") return judge.ok(`${scratch}; the journal itself is in mode wal.`);
  return judge.failure(
    `${scratch}, but the journal is in mode ${file.mode}, not wal.`,
    "nothing of Baton sets that: find out who opened the file, and start the node.",
  );
}

const fsyncSlowUs = 2_000;
const fsyncFastUs = 20;

function fsyncOf({ folder, fsyncUs: samples }: JournalFacts): Finding {
  const judge = new Judge("journal.fsync", folder);
  if ("cause" in samples)
    return judge.failure(`Nothing can be written there: ${samples.cause}.`, "give the folder to the node's user.");
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  const [p50, p99] = [at(0.5), at(0.99)];
  const read = `p50 ${timeText(p50)}, p99 ${timeText(p99)}, ${samples.length} samples`;
  if (p50 > fsyncSlowUs)
    return judge.warning(
      `${read}: slower than ${timeText(fsyncSlowUs)}, and every order waits for it.`,
      "use a disk with power-loss protection, and let nothing else write to it.",
    );
  if (p50 < fsyncFastUs)
    return judge.warning(
      `${read}: faster than ${timeText(fsyncFastUs)}, which no disk is that keeps what it was given.`,
      "find out who answers before the disk does (a cache, a hypervisor, libeatmydata).",
    );
  return judge.ok(`${read}; fit is ${timeText(fsyncFastUs)} to ${timeText(fsyncSlowUs)}.`);
}

function chainOf({ folder, file }: JournalFacts, node: string): Finding {
  const judge = new Judge("journal.chain", folder);
  switch (file.kind) {
    case "absent":
      return judge.skipped("There is no journal yet; the node makes it at its first start.");
    case "refused":
      return judge.failure(sentenceOf(file.why), "move the folder away; the node then starts with a new journal.");
    case "unreadable":
      return judge.failure(
        `The journal cannot be read: ${file.cause}.`,
        "run baton journal verify; a standby's sound journal can be copied.",
      );
    case "read":
      if (file.node !== node)
        return judge.failure(
          `It is the journal of node ${file.node}, the configuration is of ${node}.`,
          "give each node a data folder of its own.",
        );
      if (file.fault !== undefined)
        return judge.failure(sentenceOf(file.fault), "run baton journal verify, and rebuild this node from another.");
      return judge.ok(`Its last ${file.frames} frames chain, up to record ${file.last}.`);
  }
}

/** Bytes for people. */
export function sizeText(bytes: number): string {
  if (bytes >= 1024 ** 3) return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
  if (bytes < 1024 ** 2) return `${Math.round(bytes / 1024)} KiB`;
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}

function timeText(us: number): string {
  return us < 1_000 ? `${Math.round(us)} µs` : `${(us / 1_000).toFixed(1)} ms`;
}

function sentenceOf(text: string): string {
  return text.endsWith(".") ? text : `${text}.`;
}
