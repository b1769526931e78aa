/**
 * The operator's side of the HTTP contract: typed calls to a cluster through any of its nodes. A node that does not
 * answer, or that has no way to the leader, is passed over for the next; the calls that change something carry a key or
 * an operation id, so that asking the next node never does a thing twice. Answers are checked against core's schemas.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  balancesSchema,
  bookViewSchema,
  clusterViewSchema,
  feedsSchema,
  historyPageSchema,
  isSettled,
  killHereViewSchema,
  operationViewSchema,
  orderViewSchema,
  ordersPageSchema,
  parentViewSchema,
  placeOrderAnswerSchema,
  positionsSchema,
  problemSchema,
  promotabilitySchema,
  riskViewSchema,
  slaViewSchema,
  clientWaitsMs,
} from "@baton/core";
import type {
  ApiRoute,
  BalanceView,
  BookView,
  ClusterView,
  Direction,
  EnableRequest,
  FeedView,
  HistoryPage,
  KillHereRequest,
  KillHereView,
  OperationRequest,
  OperationView,
  OrderView,
  OrdersPage,
  ParentView,
  PlaceOrderAnswer,
  PlaceOrderRequest,
  PositionView,
  ReplaceRequest,
  ResolveRequest,
  Promotability,
  RiskView,
  SlaView,
} from "@baton/core";
import { waitsUntil } from "./durations.ts";
import {
  RefusedError,
  StrangeAnswerError,
  UnreachableError,
  UntrustedError,
  causeOf,
  isBeforeTheLeader,
  isNotBelieved,
  isRefusedConnection,
} from "./failures.ts";
import { fetchWith } from "./secure-fetch.ts";
import type { ClientTls } from "./secure-fetch.ts";

export interface ClientOptions {
  /** Base URLs of nodes, tried in this order; the one that answered last goes first. */
  readonly endpoints: readonly string[];
  readonly token?: string;
  /** For nodes that speak TLS; default: the machine's authorities, and no certificate. */
  readonly tls?: ClientTls;
  /** For one request to one node; default: longer than that node may take (core's `clientWaitsMs`), 3,000 to 6,000. */
  readonly requestTimeoutMs?: number;
}

export interface OrdersQuery {
  /** Terminal orders too. */
  readonly all?: boolean;
  readonly after?: number;
  readonly limit?: number;
  readonly parent?: string;
}

/** Anything that checks and types a value: core's schemas. */
interface Schema<T> {
  safeParse(
    value: unknown,
  ): { readonly success: true; readonly data: T } | { readonly success: false; readonly error: Error };
}

interface Call {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  /** Who answers, as in core's table of routes. */
  readonly on: ApiRoute["on"];
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Talks to one cluster. Holds no connection of its own and needs no closing. */
export class BatonClient {
  readonly #endpoints: string[];
  readonly #token: string | undefined;
  readonly #requestTimeoutMs: number | undefined;
  readonly #tls: ClientTls | undefined;
  #fetch: Promise<typeof fetch> | undefined;

  constructor(options: ClientOptions) {
    this.#endpoints = options.endpoints.map((endpoint) => endpoint.replace(/\/+$/, ""));
    this.#token = options.token;
    this.#requestTimeoutMs = options.requestTimeoutMs;
    this.#tls = options.tls;
  }

  cluster(): Promise<ClusterView> {
    return this.#look("/cluster", clusterViewSchema);
  }

  promotability(): Promise<Promotability> {
    return this.#look("/promotability", promotabilitySchema);
  }

  history(sinceWallMs?: number): Promise<HistoryPage> {
    return this.#look(`/history${query({ since: sinceWallMs })}`, historyPageSchema);
  }

  /** `signal`: whoever asks waits no longer. */
  operation(id: string, signal?: AbortSignal): Promise<OperationView> {
    return this.#look(`/operations/${encodeURIComponent(id)}`, operationViewSchema, signal);
  }

  /** Asks for an operation. With the same id it may be repeated: nothing happens twice. */
  operate(request: OperationRequest & { readonly id: string }): Promise<OperationView> {
    return this.#call({ method: "POST", path: "/operations", on: "any", body: request }, operationViewSchema);
  }

  /** Reads an operation until it has ended, or gives its last view at the deadline. Nodes may come and go meanwhile. */
  async settled(
    id: string,
    options: {
      readonly timeoutMs: number;
      readonly signal?: AbortSignal;
      readonly onChange?: (view: OperationView) => void;
    },
  ): Promise<OperationView | undefined> {
    const end = waitsUntil(options.timeoutMs, options.signal);
    let last: OperationView | undefined;
    while (!end.aborted) {
      try {
        const view = await this.operation(id, end);
        if (view.phase !== last?.phase || view.detail !== last.detail) options.onChange?.(view);
        last = view;
        if (isSettled(view.phase)) return view;
      } catch (error) {
        // A node in the middle of a takeover may not answer, or not know of the operation yet.
        if (!(error instanceof UnreachableError || error instanceof RefusedError)) throw error;
      }
      await sleep(100, undefined, { signal: end }).catch(() => undefined);
    }
    return last;
  }

  /** Places an order or a parent order; `key` is its Idempotency-Key: the same key again gives the same answer. */
  placeOrder(request: PlaceOrderRequest, key: string): Promise<PlaceOrderAnswer> {
    return this.#call(
      { method: "POST", path: "/v1/orders", on: "leader", body: request, ...keyed(key) },
      placeOrderAnswerSchema,
    );
  }

  /** Each provider's months beside what it promised, as the node that answers met them. */
  sla(): Promise<SlaView> {
    return this.#look("/v1/sla", slaViewSchema);
  }

  /** The headroom of every control. */
  risk(): Promise<RiskView> {
    return this.#read("/v1/risk", riskViewSchema);
  }

  /** Switches on again what a control switched off; gives the controls as they are then. */
  enableRisk(request: EnableRequest): Promise<RiskView> {
    return this.#call({ method: "POST", path: "/v1/risk/enable", on: "leader", body: request }, riskViewSchema);
  }

  /** Tells the node that answers first, itself, of a kill; it is on its disk then. */
  killHere(request: KillHereRequest): Promise<KillHereView> {
    return this.#call({ method: "POST", path: "/v1/kill", on: "any", body: request }, killHereViewSchema);
  }

  /** Pauses, resumes or amends a parent order; gives it as it is now. */
  directOrder(id: string, direction: Direction): Promise<OrderView | ParentView> {
    return this.#call(
      { method: "POST", path: `/v1/orders/${encodeURIComponent(id)}`, on: "leader", body: direction },
      viewSchema(id),
    );
  }

  /** Asks that a resting order has other figures; gives it as it is now. The same again under `key` does nothing. */
  replaceOrder(id: string, change: Partial<ReplaceRequest>, key?: string): Promise<OrderView | ParentView> {
    const path = `/v1/orders/${encodeURIComponent(id)}`;
    return this.#call({ method: "PATCH", path, on: "leader", body: change, ...keyed(key) }, viewSchema(id));
  }

  /** Ends a doubt by an operator's word; gives the order as it is now. */
  resolveOrder(id: string, request: ResolveRequest, key?: string): Promise<OrderView | ParentView> {
    const path = `/v1/orders/${encodeURIComponent(id)}/resolve`;
    return this.#call({ method: "POST", path, on: "leader", body: request, ...keyed(key) }, viewSchema(id));
  }

  /** Asks for the cancel of an order or a parent order; gives it as it is now. The same again under `key` does nothing. */
  cancelOrder(id: string, reason?: string, key?: string): Promise<OrderView | ParentView> {
    const path = `/v1/orders/${encodeURIComponent(id)}${query({ reason })}`;
    return this.#call({ method: "DELETE", path, on: "leader", ...keyed(key) }, viewSchema(id));
  }

  /** `signal`: whoever asks waits no longer. */
  order(id: string, signal?: AbortSignal): Promise<OrderView | ParentView> {
    return this.#read(`/v1/orders/${encodeURIComponent(id)}`, viewSchema(id), signal);
  }

  orders(asked: OrdersQuery = {}): Promise<OrdersPage> {
    const { all, after, limit, parent } = asked;
    return this.#read(
      `/v1/orders${query({ all: all === true ? 1 : undefined, after, limit, parent })}`,
      ordersPageSchema,
    );
  }

  /** Every order of a query, page by page. */
  async *everyOrder(asked: OrdersQuery = {}): AsyncGenerator<OrderView> {
    let after = asked.after;
    for (;;) {
      const page = await this.orders({ ...asked, ...(after !== undefined && { after }) });
      yield* page.orders;
      if (page.next === null) return;
      if (after !== undefined && page.next <= after) throw new StrangeAnswerError("a page of orders leads to itself.");
      after = page.next;
    }
  }

  async positions(): Promise<readonly PositionView[]> {
    return (await this.#read("/v1/positions", positionsSchema)).positions;
  }

  async balances(): Promise<readonly BalanceView[]> {
    return (await this.#read("/v1/balances", balancesSchema)).balances;
  }

  async feeds(): Promise<readonly FeedView[]> {
    return (await this.#look("/v1/feeds", feedsSchema)).feeds;
  }

  book(symbol: string): Promise<BookView> {
    return this.#look(`/v1/books/${encodeURIComponent(symbol)}`, bookViewSchema);
  }

  /** Of what each node knows by itself. */
  #look<T>(path: string, schema: Schema<T>, signal?: AbortSignal): Promise<T> {
    return this.#call({ method: "GET", path, on: "any", ...(signal !== undefined && { signal }) }, schema);
  }

  /** Of what the leader knows. */
  #read<T>(path: string, schema: Schema<T>, signal?: AbortSignal): Promise<T> {
    return this.#call({ method: "GET", path, on: "leader", ...(signal !== undefined && { signal }) }, schema);
  }

  async #call<T>(call: Call, schema: Schema<T>): Promise<T> {
    const failures: string[] = [];
    const isWrite = call.method !== "GET";
    let mayHaveArrived = false;
    let isUntrusted = false;
    let refusal: RefusedError | undefined;
    for (const endpoint of [...this.#endpoints]) {
      try {
        const value = await this.#ask(endpoint, call, schema);
        this.#prefer(endpoint);
        return value;
      } catch (error) {
        // What a node says of itself is no word about what another one may have recorded.
        const isOnlyItsOwn = isBeforeTheLeader(error) && (mayHaveArrived || refusal?.problem.code === "unknown");
        if (error instanceof RefusedError && error.problem.status === 503) {
          // "unknown" says more than any "refused" of another node that has no leader either.
          if (refusal?.problem.code !== "unknown") refusal = error;
          // The leader's own word, whoever was asked: another node would only burden it once more.
          if (error.problem.retryAfterMs !== undefined) break;
        } else if (
          (error instanceof RefusedError || error instanceof StrangeAnswerError) &&
          !(isWrite && isOnlyItsOwn)
        ) {
          throw error;
        } else {
          failures.push(`${endpoint} (${causeOf(error)})`);
          isUntrusted ||= isNotBelieved(error);
          // Who is not believed is not told anything.
          mayHaveArrived ||= !isNotBelieved(error) && !isRefusedConnection(error);
          if (call.signal?.aborted === true) break;
        }
      }
    }
    // One node's "nothing was recorded" does not speak for another one that took the request and fell silent.
    const isUnknown = mayHaveArrived && isWrite;
    if (refusal !== undefined && (!isUnknown || refusal.problem.code === "unknown")) throw refusal;
    if (isUntrusted && !isUnknown) throw new UntrustedError(failures);
    throw new UnreachableError(failures, isUnknown);
  }

  async #ask<T>(endpoint: string, call: Call, schema: Schema<T>): Promise<T> {
    this.#fetch ??= fetchWith(this.#tls);
    const ask = await this.#fetch;
    const response = await ask(`${endpoint}${call.path}`, {
      method: call.method,
      redirect: "error",
      signal: waitsUntil(this.#requestTimeoutMs ?? clientWaitsMs(call), call.signal),
      headers: {
        Accept: "application/json",
        ...(call.body !== undefined && { "Content-Type": "application/json" }),
        ...(this.#token !== undefined && { Authorization: `Bearer ${this.#token}` }),
        ...call.headers,
      },
      ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
    });
    const text = await response.text();
    const content = parsed(text);
    if (!response.ok) {
      const problem = problemSchema.safeParse(content);
      if (problem.success) throw new RefusedError(problem.data);
      // Who stands before a node says this where the node itself does not answer.
      if (response.status >= 500) throw new Error(`it answered ${response.status} without a problem document`);
      throw new StrangeAnswerError(`${endpoint}${call.path} answered ${response.status} without a problem document.`);
    }
    const checked = schema.safeParse(content);
    if (!checked.success) {
      throw new StrangeAnswerError(
        `${endpoint}${call.path} answered something that this version does not know: ${checked.error.message}`,
        // Whatever it says, it was done.
        call.method !== "GET",
      );
    }
    // The document as it came: a newer node may say more than this program knows.
    return checked.data;
  }

  #prefer(endpoint: string): void {
    this.#endpoints.splice(this.#endpoints.indexOf(endpoint), 1);
    this.#endpoints.unshift(endpoint);
  }
}

function viewSchema(id: string): Schema<OrderView | ParentView> {
  return id.startsWith("p-") ? parentViewSchema : orderViewSchema;
}

function query(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const given = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) if (value !== undefined) given.set(key, `${value}`);
  return given.size === 0 ? "" : `?${given.toString()}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function keyed(key: string | undefined): { readonly headers?: Readonly<Record<string, string>> } {
  return key === undefined ? {} : { headers: { "Idempotency-Key": key } };
}
