/** What supervisor and engine say to each other over the IPC pipe. The pipe's end is a message too: the other one died. */
import type { BootId, LeaseId, NodeId } from "@baton/core";

/** Who an engine process is, for the supervisor that will have to announce its death. */
export interface EngineIdentity {
  readonly node: NodeId;
  readonly boot: BootId;
  readonly lease: LeaseId;
}

export type EngineMessage =
  | { readonly kind: "announce"; readonly engine: EngineIdentity }
  | { readonly kind: "beat" }
  | { readonly kind: "status"; readonly text: string };

export type SupervisorMessage =
  | { readonly kind: "stop"; readonly reason: string }
  /** To an engine that was started before its supervisor knew what to run; always the first. */
  | { readonly kind: "run"; readonly args: readonly string[]; readonly environment: NodeJS.ProcessEnv };

/** Set in a supervised engine's environment; an IPC pipe alone could belong to anyone. */
export const supervisorVariable = "BATON_SUPERVISOR_PID";
