/**
 * A kill that is told to this very node, without leader and etcd: acknowledged once it is on the node's own disk, whatever
 * state the node is in, also while it waits for etcd at its start.
 */
import type { DeploymentTag, KillHereRequest, KillHereView, KillScope, VenueConfig } from "@baton/core";
import { apiRoutes, checkBody, killHereRequestSchema, problem } from "@baton/core";
import { killHereScope } from "../node/control-operations.ts";
import type { Answer, Route, RouteRequest } from "./server.ts";

export interface KillRouteContext {
  readonly node: string;
  readonly venues: readonly Pick<VenueConfig, "id" | "account" | "symbols">[];
  /** On the disk when it returns. */
  readonly keep: (scope: KillScope) => void;
  /** The node, once it is up: puts the kill in force and tells etcd. */
  readonly up: () =>
    | { readonly isLeading: boolean; readonly tag: DeploymentTag; readonly kills: { told(scope: KillScope): void } }
    | undefined;
}

/** `POST /v1/kill`. */
export function killRoute(context: KillRouteContext): Route {
  return { ...apiRoutes.killHere, handle: (request) => kill(context, request) };
}

function kill(context: KillRouteContext, request: RouteRequest): Answer {
  const checked = checkBody<KillHereRequest>(killHereRequestSchema, request.body);
  if (checked.kind === "invalid") return { status: checked.problem.status, body: checked.problem };
  const scope = killHereScope(checked.value, request.principal.name, context.venues);
  if (typeof scope === "string") return { status: 422, body: problem(422, "invalid", scope, "target") };
  context.keep(scope);
  const up = context.up();
  up?.kills.told(scope);
  const view: KillHereView = {
    version: 1,
    node: context.node,
    isLeader: up?.isLeading ?? false,
    tag: up?.tag ?? null,
  };
  return { status: 202, body: view };
}
