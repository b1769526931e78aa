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
  NodeRole,
  OperationRequest,
  OperationView,
  Principal,
  Promotability,
  SlaView,
  SymbolId,
} from "@baton/core";
import { apiRoutes, checkOperationRequest, id, openApiDocument, problem } from "@baton/core";
import type { EventStreams } from "./event-stream.ts";
import type { Answer, Route } from "./server.ts";
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
const depthMax = 1_000;
const tracesDefault = 100;

export function clusterRoutes(context: ClusterRoutesContext): readonly Route[] {
  /** `whyNot`: undefined where the answer is yes. */
  const probe = (route: ApiRoute, whyNot: (view: ClusterView) => string | undefined): Route => ({
    ...route,
    handle: () => {
      const view = context.cluster();
      return probed(whyNot(view), view);
    },
  });
  const only =
    (...roles: readonly NodeRole[]) =>
    (view: ClusterView): string | undefined =>
      roles.includes(view.node.role) ? undefined : standingOf(view);
  return [
    probe(apiRoutes.leader, whyNotLeader),
    probe(apiRoutes.standby, only("standby")),
    probe(apiRoutes.inSync, whyNotInSync),
    probe(apiRoutes.health, only("leader", "standby", "held")),
    probe(apiRoutes.live, context.whyNotLive),
    {
      ...apiRoutes.ready,
      handle: ({ query }) => {
        const lagMax = wholeOf(query["lag"], 0, [0, Number.MAX_SAFE_INTEGER]);
        if (lagMax === undefined) return notWhole("lag", "a whole number of records");
        const view = context.cluster();
        const isStandby = view.node.role === "standby";
        return probed(isStandby ? whyTooFarBehind(context.lagRecords(), lagMax) : whyNotLeader(view), view);
      },
    },
    { ...apiRoutes.cluster, handle: () => ok(context.cluster()) },
    { ...apiRoutes.promotability, handle: () => ok(context.promotability()) },
    {
      ...apiRoutes.history,
      handle: async ({ query }) => {
        const since = wholeOf(query["since"], 0, [0, Number.MAX_SAFE_INTEGER]);
        return since === undefined
          ? notWhole("since", "wall-clock milliseconds, a whole number")
          : ok(await context.history(since));
      },
    },
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
        const depth = wholeOf(query["depth"], depthDefault, [1, depthMax]);
        if (depth === undefined) return notWhole("depth", `a whole number from 1 to ${depthMax}`);
        const book = context.book(symbol, depth);
        return book === undefined ? no(404, "not-found", `there is no book of ${symbol}`) : ok(book);
      },
    },
    { ...apiRoutes.events, handle: (request) => context.events().open(request) },
    {
      ...apiRoutes.traces,
      handle: ({ query }) => {
        const limit = wholeOf(query["limit"], tracesDefault, [1, tracesMax]);
        if (limit === undefined) return notWhole("limit", `a whole number from 1 to ${tracesMax}`);
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

/**
 * What a probe answers: 200, or 503 with a sentence that says why. Anybody may ask, so it is never what the node said last
 * of itself: that may be a venue's error with the whole request in it, or an operator's reason.
 */
function probed(whyNot: string | undefined, view: ClusterView): Answer {
  const isOk = whyNot === undefined;
  return { status: isOk ? 200 : 503, body: { isOk, role: view.node.role, sentence: whyNot ?? standingOf(view) } };
}

/** What this node is, and who leads. */
function standingOf({ node, leader }: ClusterView): string {
  const who = leader === null ? "nobody leads" : `${leader.node} leads epoch ${leader.epoch}`;
  return `${node.id} is ${roleWords[node.role]}; ${who}.`;
}

const roleWords: Readonly<Record<NodeRole, string>> = {
  starting: "starting",
  standby: "a standby",
  campaigning: "campaigning",
  leader: "the leader",
  held: "the leader and held: it takes nothing new",
  fenced: "fenced",
  stopped: "stopped",
};

/** A node that stood still finds out late that its time is up: meanwhile another may lead, and is to be sent the orders. */
function whyNotLeader(view: ClusterView): string | undefined {
  if (view.node.role !== "leader") return standingOf(view);
  return view.deadlineSlackMs === 0 ? `${view.node.id} led until its deadline, which has passed.` : undefined;
}

function whyNotInSync({ insync, node }: ClusterView): string | undefined {
  if (insync === null) return `${node.id} does not know the in-sync set.`;
  if (insync.members.includes(node.id)) return undefined;
  return `${node.id} is not in the in-sync set {${insync.members.join(", ")}} (version ${insync.version}).`;
}

function whyTooFarBehind(lag: number | undefined, lagMax: number): string | undefined {
  if (lag === undefined) return "it follows no leader, so what it lacks is not known.";
  return lag <= lagMax ? undefined : `it lacks ${lag} records of the leader's, and ${lagMax} are allowed (lag).`;
}

/** The number of a query's parameter; undefined where it is none of this range. */
function wholeOf(
  text: string | undefined,
  fallback: number,
  [minimum, maximum]: readonly [number, number],
): number | undefined {
  if (text === undefined) return fallback;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return value >= minimum && value <= maximum ? value : undefined;
}

function notWhole(parameter: string, allowed: string): Answer {
  return { status: 400, body: problem(400, "invalid", `${parameter} is ${allowed}`, parameter) };
}

function ok(body: unknown): Answer {
  return { status: 200, body };
}

function no(status: number, code: string, detail: string): Answer {
  return { status, body: problem(status, code, detail) };
}
