/**
 * Operations over HTTP: what an operator asks (`POST /operations`) and how far it is. An operation has an id, chosen by
 * the asker where a repeat must not happen twice, and ends done, aborted or failed with a reason that survives a crash.
 */
import { z } from "zod";
import type { Epoch, JournalId, NodeId, OperationId } from "../ids.ts";
import { killLevels } from "../risk/kill.ts";
import type { KillLevel, KillScope } from "../risk/kill.ts";
import { memberVerbs } from "../succession/member-care.ts";
import type { OperationPhase, OperationWhat } from "../succession/records.ts";
import { whole } from "./fields.ts";
import { checkBody } from "./problem.ts";
import type { Checked } from "./problem.ts";

interface Asked {
  /** Repeat it and nothing happens twice; the node makes one where it is absent. */
  readonly id?: OperationId;
  readonly reason: string;
}

export type OperationRequest =
  | (Asked & { readonly what: "switchover"; readonly to?: NodeId })
  /**
   * `allowDataLoss` needs the cluster's name, typed: a node that is not in sync may lack committed records. `journal`: the
   * one whose loss was looked at (`GET /cluster`, `leaderless.losses`); without it, the one that the node has now.
   */
  | (Asked & {
      readonly what: "failover";
      readonly to: NodeId;
      readonly allowDataLoss?: boolean;
      readonly journal?: JournalId;
      readonly cluster?: string;
    })
  /** Gives up a switchover, or what nobody has taken up yet. */
  | (Asked & { readonly what: "abort"; readonly target: OperationId })
  | (Asked & { readonly what: "drain" | "undrain" | "reinit" | "remove"; readonly node: NodeId })
  /** Without a priority that of the node's own file holds again. */
  | (Asked & { readonly what: "priority"; readonly node: NodeId; readonly priority?: number })
  | (Asked & { readonly what: "acknowledge" })
  /** `target`: the strategy or principal, the symbol, the venue, the account; none for the cluster. */
  | (Asked & { readonly what: "kill"; readonly level: KillLevel; readonly target?: string })
  /** Without a level every kill is lifted. */
  | (Asked & { readonly what: "unkill"; readonly level?: KillLevel; readonly target?: string })
  | (Asked & { readonly what: "pause"; readonly forMs: number })
  | (Asked & { readonly what: "resume" })
  | (Asked & { readonly what: "autofailover"; readonly mode: "on" | "observe" | "off" });

export type OperationKind = OperationWhat;

const operationKinds = [
  ...(["switchover", "failover", "abort"] as const),
  ...memberVerbs,
  ...(["kill", "unkill", "pause", "resume", "autofailover", "acknowledge"] as const),
] as const satisfies readonly OperationKind[];

/** Answer 202 of `POST /operations`, and `GET /operations/:id`. */
export interface OperationView {
  readonly id: OperationId;
  readonly what: OperationKind;
  readonly to?: NodeId;
  /** The node that a member operation is about. */
  readonly node?: NodeId;
  /** Abort: what is to be given up. */
  readonly target?: OperationId;
  readonly by: string;
  readonly reason: string;
  readonly phase: OperationPhase;
  /** One sentence: what is being done, or why it ended so. */
  readonly detail: string;
  /** The epoch that came of it. */
  readonly epoch?: Epoch;
  readonly updatedWallMs: number;
}

const operationId = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "must be 1 to 64 of letters, digits, . _ -");

const asked = {
  id: z.exactOptional(operationId),
  reason: z.string("must say why").trim().min(1, "must say why").max(500, "must have at most 500 characters"),
};

const level = z.enum(killLevels, `must be one of ${killLevels.join(", ")}`);
const killTarget = z.exactOptional(
  z.string().regex(/^[A-Za-z0-9._:/-]{1,64}$/, "must be the name of a strategy, symbol, venue or account"),
);

const node = z.string("must name the node");
/** The range of `node.priority`. */
const priority = whole(0, 1_000);

function isWholeTarget(request: { readonly level: string; readonly target?: string }): boolean {
  return (request.level === "cluster") === (request.target === undefined);
}

/** Body of `POST /operations`; use `checkOperationRequest`. */
export const operationRequestSchema: z.ZodType<OperationRequest> = z.discriminatedUnion(
  "what",
  [
    z.strictObject({ what: z.literal("switchover"), ...asked, to: z.exactOptional(z.string()) }),
    z.strictObject({
      what: z.literal("failover"),
      ...asked,
      to: z.string("must name the node"),
      allowDataLoss: z.exactOptional(z.boolean("must be true or false")),
      journal: z.exactOptional(z.string()),
      cluster: z.exactOptional(z.string()),
    }),
    z.strictObject({ what: z.literal("abort"), ...asked, target: operationId }),
    z.strictObject({ what: z.enum(["drain", "undrain", "reinit", "remove"]), ...asked, node }),
    z.strictObject({ what: z.literal("priority"), ...asked, node, priority: z.exactOptional(priority) }),
    z.strictObject({ what: z.literal("acknowledge"), ...asked }),
    z.strictObject({ what: z.literal("kill"), ...asked, level, target: killTarget }).refine(isWholeTarget, {
      path: ["target"],
      message: "must name what is killed at any level but cluster",
    }),
    z
      .strictObject({ what: z.literal("unkill"), ...asked, level: z.exactOptional(level), target: killTarget })
      .refine(
        (request) => request.level === undefined || isWholeTarget(request as { level: string; target?: string }),
        { path: ["target"], message: "must name what is lifted at any level but cluster" },
      ),
    z.strictObject({
      what: z.literal("pause"),
      ...asked,
      forMs: z.int("must be a whole number of milliseconds").min(1_000).max(86_400_000),
    }),
    z.strictObject({ what: z.literal("resume"), ...asked }),
    z.strictObject({
      what: z.literal("autofailover"),
      ...asked,
      mode: z.enum(["on", "observe", "off"], "must be on, observe or off"),
    }),
  ],
  `must be one of ${operationKinds.join(", ")}`,
) as unknown as z.ZodType<OperationRequest>;

/** Body of `POST /v1/kill`: told to one node, which writes it to its own disk. One kill has one time on all nodes. */
export interface KillHereRequest {
  readonly level: KillLevel;
  readonly target?: string;
  readonly reason: string;
  readonly atWallMs: number;
}

export const killHereRequestSchema: z.ZodType<KillHereRequest> = z
  .strictObject({
    level,
    target: killTarget,
    reason: asked.reason,
    atWallMs: z.int("must be a time in milliseconds").min(0),
  })
  .refine(isWholeTarget, { path: ["target"], message: "must name what is killed at any level but cluster" });

/** Its answer: the kill is on the disk of this node, and in force where it leads. */
export interface KillHereView {
  readonly version: 1;
  readonly node: string;
  readonly isLeader: boolean;
  /** Marks the orders of this cluster at a venue; null where the node does not know yet. */
  readonly tag: string | null;
}

export const killHereViewSchema: z.ZodType<KillHereView> = z.looseObject({
  version: z.literal(1),
  node: z.string(),
  isLeader: z.boolean(),
  tag: z.string().nullable(),
});

const scopeWords = {
  by: z.string(),
  reason: z.string(),
  atWallMs: z.number(),
  isLocal: z.exactOptional(z.literal(true)),
};

/** Kills as they stand in a node's own file. */
export const killScopesSchema: z.ZodType<readonly KillScope[]> = z.array(
  z.discriminatedUnion("level", [
    z.strictObject({ level: z.literal("cluster"), ...scopeWords }),
    z.strictObject({ level: z.enum(["strategy", "instrument", "venue"]), id: z.string(), ...scopeWords }),
    z.strictObject({ level: z.literal("account"), id: z.string(), venues: z.array(z.string()), ...scopeWords }),
  ]),
) as unknown as z.ZodType<readonly KillScope[]>;

/** Checks the body of `POST /operations`. */
export function checkOperationRequest(body: unknown): Checked<OperationRequest> {
  return checkBody(operationRequestSchema, body);
}

export const operationViewSchema: z.ZodType<OperationView> = z.looseObject({
  id: z.string(),
  what: z.enum(operationKinds),
  to: z.exactOptional(z.string()),
  node: z.exactOptional(z.string()),
  target: z.exactOptional(z.string()),
  by: z.string(),
  reason: z.string(),
  phase: z.enum(["asked", "running", "done", "aborted", "failed"]),
  detail: z.string(),
  epoch: z.exactOptional(z.int()),
  updatedWallMs: z.number(),
}) as unknown as z.ZodType<OperationView>;

/** True once an operation moves no more. */
export function isSettled(phase: OperationPhase): boolean {
  return phase === "done" || phase === "aborted" || phase === "failed";
}
