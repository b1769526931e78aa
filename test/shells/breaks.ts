/**
 * Rules of the shells that can be broken on purpose, one at a time, to prove that the checks bite. A break is a few
 * characters of the production source, replaced while it is loaded (`break-loader.ts`), in every thread of the run; the
 * files on the disk stay as they are. A text that no longer occurs exactly once is a break that breaks nothing: it is refused.
 */
import type { Favour } from "./schedule.ts";

export interface Break {
  /** What is wrong then. */
  readonly what: string;
  /** Under `packages/`. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
  /** What it shows under: there is more of that. */
  readonly favours: readonly Favour[];
  /** It is found within so many seeds, from the first on. */
  readonly within: number;
}

const follower = "journal/src/replication/follower.ts";

export const breaks: Readonly<Record<string, Break>> = {
  "ack-before-fsync": {
    what: "a standby acknowledges what it has received",
    file: follower,
    find: "position: journal.durable,",
    put: "position: journal.last.sequence,",
    favours: ["slow-disk", "kill", "kill-follower", "slow-follower"],
    within: 40,
  },
  "told-before-insert": {
    what: "frames are reported durable before they are in the file",
    file: "journal/src/store/writer-worker.ts",
    find: "makeRoom(frames);\n      open.write(frames, committed);\n    });",
    put: "makeRoom(frames);\n    });\n    const late = frames;\n    setTimeout(() => store?.write(late, committed), 20);",
    favours: ["kill", "kill-follower"],
    within: 8,
  },
  "cut-skipped": {
    what: "a standby does not cut what its leader does not hold",
    file: follower,
    find: "journal.cut(after, `epoch ${epoch} of ${peer.node} continues after ${after}`).then(",
    put: "Promise.resolve().then(",
    favours: ["cut-off", "burst"],
    within: 40,
  },
  "cut-leaves-rows": {
    what: "frames that were cut stay on their way into the rows",
    file: "journal/src/store/store.ts",
    find: "this.#rows.cut(after);",
    put: "",
    favours: ["cut-off", "burst"],
    within: 40,
  },
  "copy-unwaited": {
    what: "a standby says where it stands while a copy may still take the place of that",
    file: follower,
    find: "if (this.#copy !== undefined) {",
    put: "if (this.#copy === null) {",
    favours: ["new-disk", "slow-install"],
    within: 40,
  },
  "frame-unchecked": {
    what: "a standby takes a frame without a look at its hashes",
    file: "journal/src/journal.ts",
    find: "const fault = frameFault(this.#last, frame, sha256);",
    put: "const fault = frame.first === this.#last.sequence + 1 ? undefined : frameFault(this.#last, frame, sha256);",
    favours: ["flip"],
    within: 8,
  },
  "epoch-unpersisted": {
    what: "a standby follows an epoch that is not durable on it",
    file: follower,
    find: "await this.#o.journal.persist({ epochMax: joined.epoch });",
    put: "void this.#o.journal.persist({ epochMax: joined.epoch }).catch(() => undefined);\n      Object.assign(this.#o.journal.promises, { epochMax: joined.epoch });",
    favours: ["slow-disk", "kill", "kill-follower", "slow-follower"],
    within: 16,
  },
  "pruned-uncommitted": {
    what: "pruning does not stop at the commit point",
    file: "journal/src/store/store.ts",
    find: "Math.min(upTo, this.#rows.committed, this.#rows.written)",
    put: "upTo + 40",
    favours: ["prune", "silence"],
    within: 16,
  },
  "rot-unchecked": {
    what: "a journal is opened without a look at its chain",
    file: "journal/src/store/store.ts",
    find: "if (fault !== undefined) throw corruptAtOpening(options.file, fault);",
    put: "",
    favours: ["rot"],
    within: 12,
  },
  "commit-untold-cut": {
    what: "a cut leaves what the ledger holds beyond it",
    file: "engine/src/node/hearing.ts",
    find: "journal.onCut.on((after) => hearer.ledger.cut(after));",
    put: "",
    favours: ["cut-off", "burst"],
    within: 40,
  },
};

/** The source with the rule broken. Throws where the text to replace does not occur exactly once. */
export function broken({ find, put, file }: Break, source: string): string {
  const parts = source.split(find);
  if (parts.length !== 2) throw new Error(`${file} holds the text to replace ${parts.length - 1} times: ${find}`);
  return parts.join(put);
}
