/**
 * The routes that every node answers by itself, whatever the state of etcd or of the leader: probes for load balancers,
 * the cluster as this node sees it, history, operations, market data, metrics. What a node does not know is null.
 */
import type {
  BookView,
  ClusterView,
  FeedView,
  HistoryPage,
  OperationRequest,
  OperationView,
  Promotability,
  SymbolId,
} from "@baton/core";
import { checkOperationRequest, id, problem } from "@baton/core";
import type { Answer, Route } from "./server.ts";
import type { Principal } from "../config/secrets.ts";
import type { OrderTrace } from "../order-trace.ts";
import { tracesMax } from "../order-trace.ts";

export interface ClusterRoutesContext {
  readonly cluster: () => ClusterView;
  readonly history: (sinceWallMs: number) => Promise<HistoryPage>;
  readonly operation: (operation: string) => Promise<OperationView | undefined>;
  readonly ask: (request: OperationRequest, by: Principal) => Promise<Answer>;
  readonly promotability: () => Promotability;
  readonly feeds: () => readonly FeedView[];
  readonly book: (symbol: SymbolId, depth: number) => BookView | undefined;
  readonly metrics: () => Promise<string>;
  readonly lagRecords: () => number | undefined;
  readonly whyNotLive: () => string | undefined;
  readonly traces: (limit: number) => readonly OrderTrace[];
}

const depthDefault = 20;
const tracesDefault = 100;

export function clusterRoutes(context: ClusterRoutesContext): readonly Route[] {
  const look = (path: string, handle: Route["handle"]): Route => ({
    method: "GET",
    path,
    right: "viewer",
    on: "any",
    handle,
  });
  const probe = (path: string, isOk: () => boolean): Route =>
    look(path, () => {
      const { node } = context.cluster();
      return {
        status: isOk() ? 200 : 503,
        body: { isOk: isOk(), role: node.role, sentence: node.sentence },
      };
    });
  const role = (): string => context.cluster().node.role;
  const isInSync = (): boolean => {
    const { insync, node } = context.cluster();
    return insync?.members.includes(node.id) ?? false;
  };
  return [
    probe("/leader", () => role() === "leader"),
    probe("/standby", () => role() === "standby"),
    probe("/in-sync", isInSync),
    probe("/health", () => role() === "leader" || role() === "standby" || role() === "held"),
    probe("/live", () => context.whyNotLive() === undefined),
    look("/ready", ({ query }) => {
      const lagMax = query["lag"] === undefined ? 0 : Number(query["lag"]);
      const lag = context.lagRecords();
      const isReady = role() === "leader" || (role() === "standby" && lag !== undefined && lag <= lagMax);
      const { node } = context.cluster();
      return { status: isReady ? 200 : 503, body: { isOk: isReady, role: node.role, sentence: node.sentence } };
    }),
    look("/cluster", () => ok(context.cluster())),
    look("/promotability", () => ok(context.promotability())),
    look("/history", async ({ query }) => ok(await context.history(Number(query["since"] ?? 0) || 0))),
    look("/operations/:id", async ({ params }) => {
      const found = await context.operation(params["id"] ?? "");
      return found === undefined ? no(404, "not-found", `there is no operation ${params["id"] ?? ""}`) : ok(found);
    }),
    {
      method: "POST",
      path: "/operations",
      right: "operator",
      on: "any",
      handle: ({ body, principal }) => {
        const checked = checkOperationRequest(body);
        if (checked.kind === "invalid") return { status: checked.problem.status, body: checked.problem };
        return context.ask(checked.value, principal);
      },
    },
    look("/v1/feeds", () => ok({ version: 1, feeds: context.feeds() })),
    look("/v1/books/*", ({ params, query }) => {
      const symbol = id<SymbolId>(params["*"] ?? "");
      const depth = Math.min(1_000, Math.max(1, Number(query["depth"] ?? depthDefault) || depthDefault));
      const book = context.book(symbol, depth);
      return book === undefined ? no(404, "not-found", `there is no book of ${symbol}`) : ok(book);
    }),
    look("/v1/traces", ({ query }) => {
      const limit = Math.min(tracesMax, Math.max(1, Number(query["limit"] ?? tracesDefault) || tracesDefault));
      return ok({ version: 1, traces: context.traces(limit) });
    }),
    look("/metrics", async () => ({
      status: 200,
      body: await context.metrics(),
      contentType: "text/plain; version=0.0.4; charset=utf-8",
    })),
  ];
}

function ok(body: unknown): Answer {
  return { status: 200, body };
}

function no(status: number, code: string, detail: string): Answer {
  return { status, body: problem(status, code, detail) };
}
