/**
 * The engine, loaded only by the commands that need it: `status` against a URL must answer in a moment and works where
 * no engine can start. What the command line asks of the engine stands here in full.
 */
import type { Config, ExitName } from "@baton/core";

/** What `baton` calls in `@baton/engine`. */
export interface EngineDoor {
  /** Checked configuration; throws an error with code `config-invalid` and `problems`. */
  loadConfig(file: string): Config;
  readSecret(file: string): { readonly value: string; readonly warning?: string };
  /** Runs the node until it ends; gives the exit status of the process. `supervised`: under its supervisor. */
  startNode(options: { readonly configFile: string; readonly supervised: boolean }): Promise<number>;
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
  /** Checks the hash chain of a journal file, read-only. */
  verifyJournal(file: string): Promise<JournalVerdict>;
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
  /** The first fault: where it is and what it is. */
  readonly fault: { readonly sequence: number; readonly sentence: string } | undefined;
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
