/**
 * The engine, loaded only by the commands that need it: `status` against a URL must answer in a moment and works where
 * no engine can start. What the command line asks of the engine stands here in full.
 */
import type { Config, DoctorReport, ExitName, KillLevel } from "@baton/core";
import type { PreparedEngine } from "@baton/engine/prepared-engine";

/** What `baton` calls in `@baton/engine`. */
export interface EngineDoor {
  /** Checked configuration; throws an error with code `config-invalid` and `problems`. */
  loadConfig(file: string): Config;
  readSecret(file: string): { readonly value: string; readonly warning?: string };
  /** Runs the node until it ends; gives the exit status of the process. `supervised`: under its supervisor. */
  startNode(options: {
    readonly configFile: string;
    readonly supervised: boolean;
    /** A process that waits to be the engine. */
    readonly prepared?: PreparedEngine | undefined;
  }): Promise<number>;
  /** Genesis: writes the cluster's UUID, epoch 0 and the first in-sync set; once. */
  initCluster(options: {
    readonly configFile: string;
    readonly name: string;
    /** Given members instead of those that the nodes have published. */
    readonly members?: readonly { readonly node: string; readonly journal: string }[];
    readonly dryRun?: boolean;
    readonly timeoutMs?: number;
  }): Promise<InitVerdict>;
  /** After etcd was restored: compares all journals and goes on beyond everything that any node has seen. */
  reAnchorCluster(options: {
    readonly configFile: string;
    readonly name: string;
    readonly by: string;
    readonly reason: string;
    readonly without?: readonly string[];
    readonly dryRun?: boolean;
    readonly timeoutMs?: number;
  }): Promise<ReAnchorVerdict>;
  /** Looks at a node's configuration and at what it hangs on; see `baton doctor`. */
  examine(options: { readonly configFile: string; readonly config: Config }): Promise<DoctorReport>;
  /** Takes the open orders of a scope back at the venues themselves; see `baton kill --direct`. */
  killDirect(options: {
    readonly config: Config;
    readonly level: KillLevel;
    readonly target?: string;
    readonly keys?: Readonly<Record<string, { readonly apiKeyFile: string; readonly secretFile: string }>>;
    readonly tag?: string;
    readonly everyOrder?: boolean;
    readonly withinMs: number;
    readonly say: (sentence: string) => void;
  }): Promise<readonly DirectKillVerdict[]>;
  /** Checks the hash chain of a journal file, read-only, against the files of other nodes. */
  verifyJournal(file: string, witnesses?: readonly string[]): Promise<JournalVerdict>;
  /** The tails that were cut from a journal file, read-only. */
  readQuarantine(file: string): Promise<readonly CutTail[]>;
  /** Every record of a journal file after a sequence. */
  exportJournal(file: string, after: number): Promise<Iterable<object>>;
  /** A proved copy of a journal file. */
  copyJournal(file: string, toFile: string): Promise<CopyLabel>;
  /** A journal from its archive, in a new file. */
  restoreJournal(options: {
    readonly from?: string;
    readonly configFile?: string;
    readonly endpoint?: string;
    readonly toFile: string;
    readonly cluster?: string;
    readonly node?: string;
  }): Promise<RestoreVerdict>;
}

export type InitVerdict =
  | {
      readonly kind: "done" | "planned";
      readonly clusterId: string;
      readonly members: readonly { readonly node: string; readonly journal: string }[];
    }
  | { readonly kind: "refused"; readonly exit: ExitName; readonly sentence: string };

export type ReAnchorVerdict =
  | {
      readonly kind: "done" | "planned";
      readonly epoch: number;
      readonly setVersion: number;
      readonly members: readonly { readonly node: string; readonly journal: string }[];
      readonly sentence: string;
    }
  | { readonly kind: "refused"; readonly exit: ExitName; readonly sentence: string };

/** What became of one venue's orders in a direct kill. */
export interface DirectKillVerdict {
  readonly venue: string;
  readonly cancelled: readonly string[];
  /** Null: the venue could not be asked. */
  readonly left: readonly string[] | null;
  readonly lastCancelMs: number | null;
  readonly why?: string;
}

/** What a journal file's verification found. */
export interface JournalVerdict {
  readonly file: string;
  readonly sound: boolean;
  readonly frames: number;
  readonly events: number;
  readonly first: number;
  readonly last: number;
  readonly lastHash: string;
  readonly epoch: number;
  readonly committed: number;
  /** Heads that other nodes countersigned. */
  readonly heads: { readonly count: number; readonly by: readonly string[]; readonly highest: number };
  /** What was cut from it: see `readQuarantine`. */
  readonly quarantined: { readonly frames: number; readonly events: number };
  /** The first fault: where it is and what it is. */
  readonly fault: { readonly sequence: number; readonly sentence: string } | undefined;
}

/** What a copy of a journal holds. */
export interface CopyLabel {
  readonly epoch: number;
  readonly sequence: number;
  readonly hash: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** What a restore reached, and what is missing. */
export interface RestoreVerdict {
  readonly file: string;
  readonly cluster: string;
  readonly node: string;
  readonly line: number;
  readonly snapshot: number;
  readonly segments: number;
  readonly reached: {
    readonly epoch: number;
    readonly sequence: number;
    readonly hash: string;
    readonly madeAtWallMs: number | undefined;
  };
  readonly known: { readonly sequence: number; readonly atWallMs: number } | undefined;
  readonly missing: number | undefined;
  readonly faults: readonly string[];
}

/** One tail of a journal that was cut, as evidence. */
export interface CutTail {
  readonly first: number;
  readonly last: number;
  readonly epochs: readonly number[];
  readonly reason: string;
  readonly cutWallMs: number;
  readonly after: { readonly sequence: number; readonly hash: string };
  readonly lastHash: string;
  readonly fault: string | undefined;
  readonly intents: readonly string[];
  readonly events: readonly { readonly sequence: number; readonly kind: string }[];
}

/** Loads the engine. */
export async function engineDoor(): Promise<EngineDoor> {
  return await import("@baton/engine");
}

/** One fault of a configuration file, as the engine tells it. */
export interface ConfigProblem {
  readonly file: string;
  readonly line: number;
  readonly key: string;
  readonly allowed: string;
  readonly sentence: string;
}

/** The faults in an error of `loadConfig`; undefined for any other error. */
export function configProblems(error: unknown): readonly ConfigProblem[] | undefined {
  if (!(error instanceof Error) || !("code" in error) || error.code !== "config-invalid") return undefined;
  return "problems" in error ? (error.problems as readonly ConfigProblem[]) : undefined;
}
