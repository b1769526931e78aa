/**
 * Every call of the HTTP API: who may make it, who answers it, what goes in and what comes out. The engine serves exactly
 * this table and the OpenAPI document is made of it, so that neither can say what the other does not do. Bodies are checked
 * by the same schemas.
 */
import type { z } from "zod";
import {
  bookViewSchema,
  clusterViewSchema,
  feedsSchema,
  historyPageSchema,
  probeViewSchema,
  promotabilitySchema,
} from "./cluster.ts";
import {
  killHereRequestSchema,
  killHereViewSchema,
  operationRequestSchema,
  operationViewSchema,
} from "./operations.ts";
import {
  balancesSchema,
  orderOrParentSchema,
  ordersPageSchema,
  placeOrderAnswerSchema,
  placeOrderRequestSchema,
  positionsSchema,
  replaceRequestSchema,
  resolveRequestSchema,
} from "./orders.ts";
import { problemSchema } from "./problem.ts";
import { enableRequestSchema, riskViewSchema } from "./risk.ts";
import type { AccessRole } from "../security/certificates.ts";
import { slaViewSchema } from "./sla.ts";
import { directionSchema } from "./algorithms.ts";

/** The bodies by the names that the OpenAPI document gives them. */
export type ApiSchemaName =
  | "Balances"
  | "Book"
  | "Cluster"
  | "Direction"
  | "EnableRequest"
  | "Feeds"
  | "History"
  | "KillHere"
  | "KillHereRequest"
  | "Operation"
  | "OperationRequest"
  | "Order"
  | "Orders"
  | "PlaceOrder"
  | "PlaceOrderAnswer"
  | "Positions"
  | "Probe"
  | "Problem"
  | "Promotability"
  | "ReplaceRequest"
  | "ResolveRequest"
  | "Risk"
  | "Sla";

/** Their schemas. */
export const apiSchemas: Readonly<Record<ApiSchemaName, z.ZodType>> = {
  Balances: balancesSchema,
  Book: bookViewSchema,
  Cluster: clusterViewSchema,
  Direction: directionSchema,
  EnableRequest: enableRequestSchema,
  Feeds: feedsSchema,
  History: historyPageSchema,
  KillHere: killHereViewSchema,
  KillHereRequest: killHereRequestSchema,
  Operation: operationViewSchema,
  OperationRequest: operationRequestSchema,
  Order: orderOrParentSchema,
  Orders: ordersPageSchema,
  PlaceOrder: placeOrderRequestSchema,
  PlaceOrderAnswer: placeOrderAnswerSchema,
  Positions: positionsSchema,
  Probe: probeViewSchema,
  Problem: problemSchema,
  Promotability: promotabilitySchema,
  ReplaceRequest: replaceRequestSchema,
  ResolveRequest: resolveRequestSchema,
  Risk: riskViewSchema,
  Sla: slaViewSchema,
};

/** A body that is not a JSON object of `apiSchemas`. */
export type ApiMediaType = "text/plain" | "text/event-stream" | "application/json";

/** One call. */
export interface ApiRoute {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** `:name` stands for one segment, `*` for the rest (a symbol with its slash). */
  readonly path: string;
  /** The least role that may call it. */
  readonly right: AccessRole;
  /**
   * Anybody may ask, and OPTIONS asks as GET does: load balancers have no token, and HAProxy's own check is an OPTIONS. What
   * is answered says what a node is and who leads, and nothing of the trading.
   */
  readonly isProbe?: true;
  /** `leader`: a standby forwards it. */
  readonly on: "any" | "leader";
  readonly summary: string;
  readonly parameters?: readonly ApiParameter[];
  readonly body?: ApiSchemaName;
  readonly answers: Readonly<Record<number, ApiAnswer>>;
}

export interface ApiParameter {
  readonly name: string;
  readonly in: "query" | "header" | "path";
  readonly says: string;
}

export interface ApiAnswer {
  readonly says: string;
  readonly body: ApiSchemaName | ApiMediaType;
}

const symbolParameter: ApiParameter = { name: "symbol", in: "path", says: "a symbol with its slash, such as BTC/USDT" };
const idParameter = (what: string): ApiParameter => ({ name: "id", in: "path", says: what });
const keyParameter: ApiParameter = {
  name: "Idempotency-Key",
  in: "header",
  says: "1 to 128 visible ASCII characters, kept for at least 24 hours for this principal; the same request again under it gets the same answer",
};
const problemAnswer = (says: string): ApiAnswer => ({ says, body: "Problem" });
const unreachable = problemAnswer(
  "`refused`: what is asked for cannot be read now (etcd or a venue does not answer); ask again",
);
const wrongParameter = problemAnswer("`invalid`: names the parameter");
const probeAnswers: ApiRoute["answers"] = {
  200: { says: "yes", body: "Probe" },
  503: { says: "no; the body says why", body: "Probe" },
};
const noLeader = problemAnswer(
  "`refused`: no node leads now, or the leader could not make sure within 2 s that it still does and knows all that was acknowledged; try again",
);

/** A call's name: the `operationId` of the OpenAPI document. */
export type ApiRouteName =
  | "leader"
  | "standby"
  | "inSync"
  | "health"
  | "ready"
  | "live"
  | "cluster"
  | "history"
  | "operation"
  | "promotability"
  | "operate"
  | "placeOrder"
  | "orders"
  | "order"
  | "cancelOrder"
  | "replaceOrder"
  | "directOrder"
  | "resolveOrder"
  | "killHere"
  | "risk"
  | "enableRisk"
  | "positions"
  | "balances"
  | "sla"
  | "feeds"
  | "book"
  | "events"
  | "traces"
  | "metrics"
  | "openapi";

/** The table, in the order of the contract. */
export const apiRoutes: Readonly<Record<ApiRouteName, ApiRoute>> = {
  leader: probe("/leader", "Is this node the leader?"),
  standby: probe("/standby", "Is this node a standby?"),
  inSync: probe("/in-sync", "Is this node a member of the in-sync set?"),
  health: probe("/health", "Does this node take part in the cluster, as leader or as standby?"),
  ready: {
    ...probe("/ready", "Is this node the leader, or a standby that lags by no more than asked?"),
    parameters: [{ name: "lag", in: "query", says: "records that a standby may lack; default 0" }],
    answers: { ...probeAnswers, 400: wrongParameter },
  },
  live: probe("/live", "Does this process make progress?"),
  cluster: look("/cluster", "The cluster as this node sees it", "Cluster"),
  history: {
    ...look("/history", "Epochs, operations and kills as one timeline, oldest first", "History"),
    parameters: [{ name: "since", in: "query", says: "wall-clock ms; only what happened then or later" }],
    answers: { 200: { says: "the timeline", body: "History" }, 400: wrongParameter, 503: unreachable },
  },
  operation: {
    ...look("/operations/:id", "An operation and how far it is", "Operation"),
    parameters: [idParameter("the operation's id")],
    answers: {
      200: { says: "the operation", body: "Operation" },
      404: problemAnswer("`not-found`"),
      503: unreachable,
    },
  },
  promotability: look(
    "/promotability",
    "Which node could be promoted now, and why each other one not",
    "Promotability",
  ),
  operate: {
    method: "POST",
    path: "/operations",
    right: "operator",
    on: "any",
    summary: "Asks for a switchover, a failover, a kill, a pause…; the same id again does nothing twice",
    body: "OperationRequest",
    answers: {
      202: { says: "it is on record; asked again under its id, as far as it is", body: "Operation" },
      409: problemAnswer("`conflict`: another operation is on record under this id"),
      422: problemAnswer(
        "`invalid`: names the field; `not-confirmed`: data can be lost and the name was not typed; `unsafe`: a safety check says no",
      ),
      503: problemAnswer("`unknown`: etcd did not answer; the outcome is readable under the operation's id"),
    },
  },
  placeOrder: {
    method: "POST",
    path: "/v1/orders",
    right: "trader",
    on: "leader",
    summary: "Places an order; with `algo` a parent order whose children are listed under it",
    parameters: [keyParameter],
    body: "PlaceOrder",
    answers: {
      202: { says: "durable on the in-sync set; it will be sent", body: "PlaceOrderAnswer" },
      409: problemAnswer("`conflict`: what the key stands for has left the journal since"),
      422: problemAnswer("`invalid` with the field, `key-reused`, or the code with which risk refused it"),
      503: problemAnswer(
        "`refused`: nothing was recorded, try again (after `Retry-After`, where more waits to leave than leaves; what only reduces a position is then refused last); `unknown`: recorded, not known durable, repeat with the same key",
      ),
    },
  },
  orders: {
    ...look("/v1/orders", "A page of orders with their events, in the order of intents", "Orders"),
    on: "leader",
    parameters: [
      { name: "all", in: "query", says: "1: ended ones too" },
      { name: "parent", in: "query", says: "`p-…`: only the children of this parent order" },
      { name: "after", in: "query", says: "`next` of the page before" },
      { name: "limit", in: "query", says: "1 to 1000; default 200" },
    ],
    answers: {
      200: { says: "the page", body: "Orders" },
      400: wrongParameter,
      404: problemAnswer("`not-found`: there is no such parent order"),
      503: noLeader,
    },
  },
  order: {
    ...look("/v1/orders/:id", "An order with its events, or a parent order with its children", "Order"),
    on: "leader",
    parameters: [idParameter("`i-…` an order, `p-…` a parent order")],
    answers: { 200: { says: "it", body: "Order" }, 404: problemAnswer("`not-found`"), 503: noLeader },
  },
  cancelOrder: {
    method: "DELETE",
    path: "/v1/orders/:id",
    right: "trader",
    on: "leader",
    summary: "Takes an order or a parent order back; the wish stays armed until the order has ended",
    parameters: [
      idParameter("`i-…` an order, `p-…` a parent order"),
      { name: "reason", in: "query", says: "why; up to 500 characters, on record with the wish" },
      keyParameter,
    ],
    answers: {
      202: { says: "the wish is durable; the order as it stands", body: "Order" },
      404: problemAnswer("`not-found`"),
      409: problemAnswer("`conflict`: it has ended already"),
      422: problemAnswer("`invalid` or `key-reused`: names the header"),
      503: problemAnswer("`refused`: nothing was recorded; `unknown`: recorded, not known durable"),
    },
  },
  replaceOrder: {
    method: "PATCH",
    path: "/v1/orders/:id",
    right: "trader",
    on: "leader",
    summary:
      "Gives a resting order another price or quantity: it is taken back, and once it is known to have ended, what is left comes as a new order",
    parameters: [idParameter("`i-…` an order"), keyParameter],
    body: "ReplaceRequest",
    answers: {
      202: {
        says: "the wish is durable; the order as it stands, with `replace.successor` once that is recorded",
        body: "Order",
      },
      404: problemAnswer("`not-found`"),
      409: problemAnswer("`conflict`: it has ended already"),
      422: problemAnswer(
        "`invalid` with the field, `key-reused`, or the code with which it was refused: the order rests as it did",
      ),
      503: problemAnswer("`refused`: nothing was recorded; `unknown`: recorded, not known durable"),
    },
  },
  directOrder: {
    method: "POST",
    path: "/v1/orders/:id",
    right: "trader",
    on: "leader",
    summary: "Pauses, resumes or amends a parent order",
    parameters: [idParameter("`p-…` a parent order")],
    body: "Direction",
    answers: {
      202: { says: "durable; the parent as it stands", body: "Order" },
      404: problemAnswer("`not-found`"),
      422: problemAnswer("`invalid` with the field, or the code with which it was refused"),
      503: problemAnswer("`refused`: nothing was recorded; `unknown`: recorded, not known durable"),
    },
  },
  resolveOrder: {
    method: "POST",
    path: "/v1/orders/:id/resolve",
    right: "operator",
    on: "leader",
    summary: "Ends a doubt by an operator's word, on record; refused while the venue can still prove it",
    parameters: [idParameter("`i-…` an order in doubt"), keyParameter],
    body: "ResolveRequest",
    answers: {
      202: { says: "durable; the order as it stands", body: "Order" },
      404: problemAnswer("`not-found`"),
      409: problemAnswer(
        "`conflict`: it is not in doubt, the venue may still prove what became of it, or has said otherwise",
      ),
      422: problemAnswer("`invalid` with the field; `not-confirmed`: the cluster's name was not typed; `key-reused`"),
      503: problemAnswer("`refused`: nothing was recorded; `unknown`: recorded, not known durable"),
    },
  },
  killHere: {
    method: "POST",
    path: "/v1/kill",
    right: "operator",
    on: "any",
    summary:
      "Tells this very node of a kill, without leader and etcd: on its disk when answered, in force while it leads, told to etcd when that answers",
    body: "KillHereRequest",
    answers: {
      202: { says: "it is on this node's disk", body: "KillHere" },
      422: problemAnswer("`invalid`: names the field"),
    },
  },
  risk: {
    ...look("/v1/risk", "What is killed, what is switched off, and the headroom of every control", "Risk"),
    on: "leader",
    answers: { 200: { says: "the controls", body: "Risk" }, 503: noLeader },
  },
  enableRisk: {
    method: "POST",
    path: "/v1/risk/enable",
    right: "operator",
    on: "leader",
    summary: "Switches on again what a control, or a strategy's own fault, has switched off",
    body: "EnableRequest",
    answers: {
      202: { says: "durable; the controls as they are now", body: "Risk" },
      404: problemAnswer("`not-found`: it is not switched off"),
      422: problemAnswer("`invalid` with the field; `not-confirmed`: the cluster's name was not typed; `price-stale`"),
      503: problemAnswer("`refused`: nothing was recorded; `unknown`: recorded, not known durable"),
    },
  },
  positions: {
    ...look("/v1/positions", "Positions since the baseline, open and doubted orders at worst case", "Positions"),
    on: "leader",
    answers: { 200: { says: "the positions", body: "Positions" }, 503: noLeader },
  },
  balances: {
    ...look("/v1/balances", "Balances as the venues tell them now, free and locked together", "Balances"),
    on: "leader",
    answers: { 200: { says: "the balances", body: "Balances" }, 503: unreachable },
  },
  sla: look("/v1/sla", "Each provider's months beside what it promised, as this node met them", "Sla"),
  feeds: look("/v1/feeds", "Market data of this node: one row per feed and symbol", "Feeds"),
  book: {
    ...look("/v1/books/*", "The best levels of a book of this node", "Book"),
    parameters: [symbolParameter, { name: "depth", in: "query", says: "levels per side, 1 to 1000; default 20" }],
    answers: { 200: { says: "the book", body: "Book" }, 400: wrongParameter, 404: problemAnswer("`not-found`") },
  },
  events: {
    method: "GET",
    path: "/v1/events",
    right: "viewer",
    on: "any",
    summary: "Committed events of the journal as server-sent events, from a position on, without hole or double",
    parameters: [
      {
        name: "after",
        in: "query",
        says: "`SEQUENCE` or `EPOCH:SEQUENCE` of the last event that is known; 0: from the start; left out: what comes from now on",
      },
      { name: "Last-Event-ID", in: "header", says: "as `after`, which it outdoes: the id of the last event received" },
    ],
    answers: {
      200: {
        says: "`id` is EPOCH:SEQUENCE, `event` the kind, `data` {epoch, sequence, event}. A client that takes nothing for ten seconds is dropped with a comment and resumes by its last id",
        body: "text/event-stream",
      },
      400: problemAnswer("`invalid`: not a position"),
      409: problemAnswer("`conflict`: another epoch's event stands at this position; read the orders anew"),
      410: problemAnswer("`not-found`: the journal here begins later"),
      503: problemAnswer("`refused`: too many listeners"),
    },
  },
  traces: {
    ...look("/v1/traces", "Where the time of the newest orders went, on this node", "Cluster"),
    parameters: [{ name: "limit", in: "query", says: "how many, 1 to 2048; default 100" }],
    answers: {
      200: { says: "instants of the monotonic clock per attempt, oldest first", body: "application/json" },
      400: wrongParameter,
    },
  },
  metrics: {
    ...look("/metrics", "Prometheus text", "Cluster"),
    answers: { 200: { says: "metrics of this process", body: "text/plain" } },
  },
  openapi: {
    ...look("/openapi.json", "This document", "Cluster"),
    answers: { 200: { says: "OpenAPI 3.1", body: "application/json" } },
  },
};

function look(path: string, summary: string, body: ApiSchemaName): ApiRoute {
  return {
    method: "GET",
    path,
    right: "viewer",
    on: "any",
    summary,
    answers: { 200: { says: "what this node knows; null is what it does not know", body } },
  };
}

function probe(path: string, summary: string): ApiRoute {
  return { method: "GET", path, right: "viewer", isProbe: true, on: "any", summary, answers: probeAnswers };
}
