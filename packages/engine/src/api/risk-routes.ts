/**
 * The routes of risk, answered by the leader: the headroom of each control on the state that is decided on, and switching
 * on again what a control switched off, with the cluster's name typed.
 */
import type { EnableRequest, Sequence } from "@baton/core";
import { apiRoutes, checkBody, enableRequestSchema, problem } from "@baton/core";
import type { Desk } from "../desk/desk.ts";
import type { Answer, Route, RouteRequest } from "./server.ts";

export interface RiskRoutesContext {
  /** The cluster's name. */
  readonly cluster: string;
  readonly desk: () => Desk;
  /** Undefined once the record is durable; else the answer that says that it may be. */
  readonly notCommitted: (sequence: Sequence) => Promise<Answer | undefined>;
}

const noLeader: Answer = {
  status: 503,
  body: problem(503, "refused", "no node leads now; nothing was recorded, try again"),
};

export function riskRoutes(context: RiskRoutesContext): readonly Route[] {
  return [
    { ...apiRoutes.risk, handle: () => show(context, 200) },
    { ...apiRoutes.enableRisk, handle: (request) => enable(context, request) },
  ];
}

function show(context: RiskRoutesContext, status: number): Answer {
  const body = context.desk().risk();
  return body === undefined ? noLeader : { status, body };
}

async function enable(context: RiskRoutesContext, request: RouteRequest): Promise<Answer> {
  const checked = checkBody<EnableRequest>(enableRequestSchema, request.body);
  if (checked.kind === "invalid") return { status: checked.problem.status, body: checked.problem };
  if (checked.value.cluster !== context.cluster) {
    const detail = `risk said no before: repeat it with "cluster": "${context.cluster}"`;
    return { status: 422, body: problem(422, "not-confirmed", detail, "cluster") };
  }
  const enabled = context.desk().enable(checked.value, request.principal.name);
  if (enabled === undefined) return noLeader;
  if ("sequence" in enabled) return (await context.notCommitted(enabled.sequence)) ?? show(context, 202);
  if (enabled.why === "refused") {
    const { code, sentence } = enabled.refusal;
    return { status: 422, body: problem(422, code, sentence) };
  }
  const { control, subject } = checked.value;
  return { status: 404, body: problem(404, "not-found", `${control} has not switched ${subject} off`, "subject") };
}
