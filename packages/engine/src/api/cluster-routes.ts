/**
 * The routes that every node answers by itself, whatever the state of etcd or of the leader: probes for load balancers,
 * the cluster as this node sees it, history, operations, market data, metrics. What a node does not know is null.
 */
import type {
  ApiRoute,
  BookView,
  ClusterView,
  FeedView,
  HistoryPage,
  OperationRequest,
  OperationView,
  Promotability,
  SlaView,
  SymbolId,
} from "@baton/core";
import { apiRoutes, checkOperationRequest, id, openApiDocument, problem } from "@baton/core";
import type { EventStreams } from "./event-stream.ts";
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
  readonly sla: () => SlaView;
  readonly book: (symbol: SymbolId, depth: number) => BookView | undefined;
  readonly metrics: () => Promise<string>;
  readonly lagRecords: () => number | undefined;
  readonly whyNotLive: () => string | undefined;
  readonly traces: (limit: number) => readonly OrderTrace[];
  readonly events: () => EventStreams;
  /** Version of this build. */
  readonly version: string;
}

const depthDefault = 20;
const tracesDefault = 100;

export function clusterRoutes(context: ClusterRoutesContext): readonly Route[] {
  const probe = (route: ApiRoute, isOk: () => boolean): Route => ({
    ...route,
    handle: () => probed(isOk(), context),
  });
  const role = (): string => context.cluster().node.role;
  const isInSync = (): boolean => {
    const { insync, node } = context.cluster();
    return insync?.members.includes(node.id) ?? false;
  };
  return [
    probe(apiRoutes.leader, () => role() === "leader"),
    probe(apiRoutes.standby, () => role() === "standby"),
    probe(apiRoutes.inSync, isInSync),
    probe(apiRoutes.health, () => role() === "leader" || role() === "standby" || role() === "held"),
    probe(apiRoutes.live, () => context.whyNotLive() === undefined),
    {
      ...apiRoutes.ready,
      handle: ({ query }) => {
        const lagMax = query["lag"] === undefined ? 0 : Number(query["lag"]);
        const lag = context.lagRecords();
        const isReady = role() === "leader" || (role() === "standby" && lag !== undefined && lag <= lagMax);
        return probed(isReady, context);
      },
    },
    { ...apiRoutes.cluster, handle: () => ok(context.cluster()) },
    { ...apiRoutes.promotability, handle: () => ok(context.promotability()) },
    { ...apiRoutes.history, handle: async ({ query }) => ok(await context.history(Number(query["since"] ?? 0) || 0)) },
    {
      ...apiRoutes.operation,
      handle: async ({ params }) => {
        const found = await context.operation(params["id"] ?? "");
        return found === undefined ? no(404, "not-found", `there is no operation ${params["id"] ?? ""}`) : ok(found);
      },
    },
    {
      ...apiRoutes.operate,
      handle: ({ body, principal }) => {
        const checked = checkOperationRequest(body);
        if (checked.kind === "invalid") return { status: checked.problem.status, body: checked.problem };
        return context.ask(checked.value, principal);
      },
    },
    { ...apiRoutes.sla, handle: () => ok(context.sla()) },
    { ...apiRoutes.feeds, handle: () => ok({ version: 1, feeds: context.feeds() }) },
    {
      ...apiRoutes.book,
      handle: ({ params, query }) => {
        const symbol = id<SymbolId>(params["*"] ?? "");
        const depth = Math.min(1_000, Math.max(1, Number(query["depth"] ?? depthDefault) || depthDefault));
        const book = context.book(symbol, depth);
        return book === undefined ? no(404, "not-found", `there is no book of ${symbol}`) : ok(book);
      },
    },
    { ...apiRoutes.events, handle: (request) => context.events().open(request) },
    {
      ...apiRoutes.traces,
      handle: ({ query }) => {
        const limit = Math.min(tracesMax, Math.max(1, Number(query["limit"] ?? tracesDefault) || tracesDefault));
        return ok({ version: 1, traces: context.traces(limit) });
      },
    },
    {
      ...apiRoutes.metrics,
      handle: async () => ({
        status: 200,
        body: await context.metrics(),
        contentType: "text/plain; version=0.0.4; charset=utf-8",
      }),
    },
    { ...apiRoutes.openapi, handle: () => ok(openApiDocument(context.version)) },
  ];
}

function probed(isOk: boolean, context: ClusterRoutesContext): Answer {
  const { node } = context.cluster();
  return { status: isOk ? 200 : 503, body: { isOk, role: node.role, sentence: node.sentence } };
}

function ok(body: unknown): Answer {
  return { status: 200, body };
}

function no(status: number, code: string, detail: string): Answer {
  return { status, body: problem(status, code, detail) };
}
