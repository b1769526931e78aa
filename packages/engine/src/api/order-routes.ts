/**
 * The routes of orders: they are answered by the leader, and a write is answered once its record is durable on the wait
 * set. 503 `refused` says that nothing was recorded; 503 `unknown` that it was, and that its fate is not known here.
 */
import type {
  BalanceView,
  Config,
  Direction,
  EngineState,
  Epoch,
  IntentId,
  OrderEvent,
  OrderRow,
  OrderView,
  ParentId,
  ParentRow,
  ParentView,
  PlaceOrderAnswer,
  Refusal,
  ReplaceRequest,
  ResolveRequest,
  Sequence,
} from "@baton/core";
import {
  apiRoutes,
  cancelReasonSchema,
  checkBody,
  checkOrderRequest,
  directionSchema,
  id,
  isPassingRefusal,
  problem,
  recordWithinMs,
  replaceRequestSchema,
  resolveRequestSchema,
} from "@baton/core";
import type { Desk } from "../desk/desk.ts";
import type { ReplaceTaken } from "../desk/replacements.ts";
import type { Journal } from "@baton/journal";
import { CommitUnknown } from "../ledger.ts";
import { askedKey } from "./asked-key.ts";
import {
  childrenOf,
  mergedPage,
  orderPage,
  orderView,
  pageOf,
  parentView,
  positionViews,
  workingParents,
} from "./order-views.ts";
import type { OrderPage } from "./order-views.ts";
import { sameKey } from "./server.ts";
import type { Answer, Route, RouteRequest } from "./server.ts";

export interface OrderRoutesContext {
  readonly config: Config;
  readonly desk: () => Desk;
  /** The committed state: people are told what is durable. */
  readonly committed: () => EngineState;
  readonly whenCommitted: (sequence: Sequence) => Promise<void>;
  /** The epoch under which a committed event was written; undefined when it was pruned. */
  readonly epochAt: (sequence: Sequence) => Promise<Epoch | undefined>;
  readonly balances: () => Promise<readonly BalanceView[]>;
  /** Orders that are past at `applied` and have left that state, oldest first: one, or a page. */
  readonly pastOrders: Journal["pastOrders"];
  /** The same of one parent order. */
  readonly pastParent: Journal["pastParent"];
  readonly pastKey: Journal["pastKey"];
  /** The journaled events of these intents, in order. */
  readonly eventsOf: (intents: readonly IntentId[]) => Promise<ReadonlyMap<IntentId, readonly OrderEvent[]>>;
}

const pageMax = 1_000;
const pageDefault = 200;

export function orderRoutes(context: OrderRoutesContext): readonly Route[] {
  return [
    { ...apiRoutes.placeOrder, handle: (request) => place(context, request) },
    { ...apiRoutes.orders, handle: (request) => list(context, request) },
    { ...apiRoutes.order, handle: (request) => show(context, request) },
    { ...apiRoutes.directOrder, handle: (request) => direct(context, request) },
    { ...apiRoutes.resolveOrder, handle: (request) => resolveDoubt(context, request) },
    { ...apiRoutes.replaceOrder, handle: (request) => replace(context, request) },
    { ...apiRoutes.cancelOrder, handle: (request) => cancel(context, request) },
    {
      ...apiRoutes.positions,
      handle: () => ok({ version: 1, positions: positionViews(context.committed(), context.config) }),
    },
    { ...apiRoutes.balances, handle: async () => ok({ version: 1, balances: await context.balances() }) },
  ];
}

async function place(context: OrderRoutesContext, request: RouteRequest): Promise<Answer> {
  const key = await askedKey(context, request);
  if (key !== undefined && "fault" in key) return key.fault;
  const checked = checkOrderRequest(request.body);
  if (checked.kind === "invalid") return { status: checked.problem.status, body: checked.problem };
  const taken = context.desk().request(checked.value, request.principal.name, key);
  if (taken === undefined) return no(503, "refused", "no node leads now; nothing was recorded, try again");
  switch (taken.kind) {
    case "key-reused":
      return keyReused();
    case "refused":
      return refusal(taken.refusal);
    case "recorded":
    case "repeated": {
      const unknown = await notCommitted(context, taken.sequence, toPlaceAgain(request));
      return unknown ?? (await placed(context, taken));
    }
  }
}

/** The same answer for the first request and each repetition, also by a later leader. */
async function placed(
  context: OrderRoutesContext,
  taken: { readonly ref: IntentId | ParentId; readonly sequence: Sequence },
): Promise<Answer> {
  const state = context.committed();
  const parent = await parentOf(context, state, taken.ref);
  if (parent !== undefined) {
    const epoch = await context.epochAt(parent.sequence);
    return epoch === undefined
      ? forgotten(parent.id)
      : accepted({ parentId: parent.id, epoch, sequence: parent.sequence });
  }
  const intentId = id<IntentId>(taken.ref);
  const order = state.orders.get(intentId);
  const first = order?.attempts[0];
  if (order !== undefined && first !== undefined) {
    const { clientOrderId, epoch } = first;
    return accepted({ intentId, clientOrderId, epoch, sequence: order.sequence });
  }
  // Keys outlive the rows of orders that ended long ago; the journal still has their events.
  const events = (await context.eventsOf([intentId])).get(intentId) ?? [];
  const recorded = events.find((event) => event.kind === "intent.recorded");
  const epoch = recorded === undefined ? undefined : await context.epochAt(recorded.sequence);
  if (recorded?.kind !== "intent.recorded" || epoch === undefined) return forgotten(intentId);
  return accepted({ intentId, clientOrderId: recorded.clientOrderId, epoch, sequence: recorded.sequence });
}

/** The parent of this id, in the state or past. */
async function parentOf(context: OrderRoutesContext, state: EngineState, ref: string): Promise<ParentRow | undefined> {
  const parent = id<ParentId>(ref);
  const present = state.parents.get(parent);
  if (present !== undefined || !ref.startsWith("p-")) return present;
  return await context.pastParent(parent, state.applied);
}

function forgotten(ref: IntentId | ParentId): Answer {
  return no(409, "conflict", `${ref} was recorded under this key and has left the journal since`);
}

function accepted(body: PlaceOrderAnswer): Answer {
  return { status: 202, body };
}

async function list(context: OrderRoutesContext, request: RouteRequest): Promise<Answer> {
  const after = wholeOf(request.query["after"], 0);
  const limit = wholeOf(request.query["limit"], pageDefault);
  if (after === undefined) return no(400, "invalid", "after is a whole number", "after");
  if (limit === undefined || limit < 1 || limit > pageMax) {
    return no(400, "invalid", `limit is a whole number from 1 to ${pageMax}`, "limit");
  }
  const all = request.query["all"] === "1";
  const ref: unknown = request.query["parent"];
  // Given twice it is a list.
  if (ref !== undefined && typeof ref !== "string") return no(400, "invalid", "parent is one id", "parent");
  if (ref !== undefined) return await listChildren(context, ref, { all, after, limit });
  const state = context.committed();
  const { applied } = state;
  const present = orderPage(state, { all, after, limit });
  const past = all ? await context.pastOrders({ after, limit: limit + 1 }, applied) : [];
  const parents = after > 0 ? [] : workingParents(state).map((parent) => parentView(parent, state));
  return await shownPage(context, mergedPage(past, present, limit), applied, parents);
}

/** Of one parent order; its row names its children, so that nobody looks through every order there was. */
async function listChildren(
  context: OrderRoutesContext,
  ref: string,
  o: { readonly all: boolean; readonly after: number; readonly limit: number },
): Promise<Answer> {
  const state = context.committed();
  const parent = await parentOf(context, state, ref);
  if (parent === undefined) return no(404, "not-found", `there is no parent order ${ref}`, "parent");
  const children = childrenOf(parent);
  // In one look at the state: an order that leaves it while the journal is read must not be missing from both.
  const present = children.flatMap((child) => state.orders.get(child) ?? []);
  const gone = o.all ? children.filter((child) => !state.orders.has(child)) : [];
  const past = await Promise.all(gone.map((intent) => context.pastOrders({ intent }, state.applied)));
  return await shownPage(context, pageOf([...past.flat(), ...present], o), state.applied);
}

async function shownPage(
  context: OrderRoutesContext,
  page: OrderPage,
  applied: Sequence,
  parents: readonly ParentView[] = [],
): Promise<Answer> {
  return ok({
    version: 1,
    orders: await shownOrders(context, page.orders, applied),
    ...(parents.length > 0 && { parents }),
    next: page.next,
  });
}

/** Orders of the state at `applied`, with their events as far as that: the journal is read later and may hold more by then. */
async function shownOrders(
  context: OrderRoutesContext,
  orders: readonly OrderRow[],
  applied: Sequence,
): Promise<readonly OrderView[]> {
  const events = await context.eventsOf(orders.map((order) => order.id));
  return orders.map((order) => {
    const told = events.get(order.id) ?? [];
    return orderView(
      order,
      told.filter(({ sequence }) => sequence <= applied),
    );
  });
}

async function show(context: OrderRoutesContext, request: RouteRequest): Promise<Answer> {
  const ref = request.params["id"] ?? "";
  const state = context.committed();
  const parent = await parentOf(context, state, ref);
  if (parent !== undefined) return ok(parentView(parent, state));
  const intent = id<IntentId>(ref);
  const order = state.orders.get(intent) ?? (await context.pastOrders({ intent }, state.applied))[0];
  if (order === undefined) return no(404, "not-found", `there is no order ${ref}`);
  const [shown] = await shownOrders(context, [order], state.applied);
  return ok(shown);
}

async function cancel(context: OrderRoutesContext, request: RouteRequest): Promise<Answer> {
  const ref = request.params["id"] ?? "";
  const reason = cancelReasonSchema.safeParse(request.query["reason"]);
  if (!reason.success) return no(400, "invalid", `reason ${reason.error.issues[0]?.message ?? "is wrong"}`, "reason");
  const key = await askedKey(context, request);
  if (key !== undefined && "fault" in key) return key.fault;
  return await directed(context, request, context.desk().cancel(ref, request.principal.name, reason.data, key));
}

async function replace(context: OrderRoutesContext, request: RouteRequest): Promise<Answer> {
  const ref = request.params["id"] ?? "";
  if (ref.startsWith("p-")) return no(422, "invalid", "a parent order is amended by POST, with what: amend", "id");
  const checked = checkBody<ReplaceRequest>(replaceRequestSchema, request.body);
  if (checked.kind === "invalid") return { status: checked.problem.status, body: checked.problem };
  const key = await askedKey(context, request);
  if (key !== undefined && "fault" in key) return key.fault;
  return await directed(context, request, context.desk().replace(ref, checked.value, request.principal.name, key));
}

/** The order as it stands once the wish about it is durable, or why there is none. */
async function directed(
  context: OrderRoutesContext,
  request: RouteRequest,
  taken: ReplaceTaken | undefined,
): Promise<Answer> {
  const ref = request.params["id"] ?? "";
  if (taken === undefined) return no(503, "refused", "the leader takes nothing new now; try again");
  switch (taken.kind) {
    case "refused":
      return refusal(taken.refusal);
    case "unknown":
      return no(404, "not-found", `there is no order ${ref}`);
    case "ended":
      return no(409, "conflict", `${ref} has ended already`);
    case "key-reused":
      return keyReused();
    case "repeated":
    case "recorded": {
      const unknown = await notCommitted(context, taken.sequence, toAskAgain(request));
      return unknown ?? { ...(await show(context, request)), status: 202 };
    }
  }
}

async function direct(context: OrderRoutesContext, request: RouteRequest): Promise<Answer> {
  const ref = request.params["id"] ?? "";
  const checked = checkBody<Direction>(directionSchema, request.body);
  if (checked.kind === "invalid") return { status: checked.problem.status, body: checked.problem };
  const taken = context.desk().direct(ref, checked.value, request.principal.name);
  if (taken === undefined) return no(503, "refused", "the leader takes nothing new now; try again");
  if (taken === "unknown") return no(404, "not-found", `there is no parent order ${ref}`);
  if (taken === "ended") return no(409, "conflict", `${ref} has ended already`);
  if (taken.kind === "refused") return refusal(taken.refusal);
  // A direction has no key, and none is looked at.
  return (
    (await notCommitted(context, taken.sequence, lookedUp(ref))) ?? { ...(await show(context, request)), status: 202 }
  );
}

async function resolveDoubt(context: OrderRoutesContext, request: RouteRequest): Promise<Answer> {
  const ref = request.params["id"] ?? "";
  const checked = checkBody<ResolveRequest>(resolveRequestSchema, request.body);
  if (checked.kind === "invalid") return { status: checked.problem.status, body: checked.problem };
  const { reason, cluster, ...finding } = checked.value;
  const { name } = context.config.cluster;
  if (cluster !== name) {
    return no(
      422,
      "not-confirmed",
      `what is said here counts as the truth: repeat it with "cluster": "${name}"`,
      "cluster",
    );
  }
  const operation = await askedKey(context, request);
  if (operation !== undefined && "fault" in operation) return operation.fault;
  const operator = { by: request.principal.name, reason, operation };
  const desk = context.desk();
  const resolved = await (finding.as === "ended"
    ? desk.endDenied(ref, operator)
    : desk.resolve(ref, finding, operator));
  if (resolved === undefined) return no(503, "refused", "the leader takes nothing new now; try again");
  if (resolved === "unknown") return no(404, "not-found", `there is no open order ${ref}`);
  if (typeof resolved !== "number" && "code" in resolved) {
    const isMalformed = resolved.code === "finding-malformed";
    return isMalformed ? no(422, "invalid", resolved.sentence, "executed") : no(409, "conflict", resolved.sentence);
  }
  if (typeof resolved !== "number" && resolved.kind === "key-reused") return keyReused();
  const sequence = typeof resolved === "number" ? resolved : resolved.sequence;
  return (
    (await notCommitted(context, sequence, toAskAgain(request))) ?? { ...(await show(context, request)), status: 202 }
  );
}

function keyReused(): Answer {
  return no(422, "key-reused", "another request came under this Idempotency-Key", "Idempotency-Key");
}

/** What to do about an order that may have been recorded. */
function toPlaceAgain({ idempotencyKey }: RouteRequest): string {
  if (idempotencyKey !== undefined) return sameKey;
  return "it came without an Idempotency-Key, and sent again it is another order: look for it first (GET /v1/orders?all=1)";
}

/** What to do about a wish for an order that may have been recorded. */
function toAskAgain({ idempotencyKey, params }: RouteRequest): string {
  return idempotencyKey === undefined ? lookedUp(params["id"] ?? "") : sameKey;
}

function lookedUp(ref: string): string {
  return `look at it before you repeat it (GET /v1/orders/${ref})`;
}

/** Undefined once the record is durable; else the 503 that says that it may be, and what to do about that. */
export async function notCommitted(
  context: Pick<OrderRoutesContext, "whenCommitted">,
  sequence: Sequence,
  advice: string,
): Promise<Answer | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), recordWithinMs);
  });
  try {
    const first = await Promise.race([context.whenCommitted(sequence), late]);
    if (first !== "late") return undefined;
    return no(503, "unknown", `recorded, not durable on the in-sync set within ${recordWithinMs} ms; ${advice}`);
  } catch (error) {
    if (!(error instanceof CommitUnknown)) throw error;
    return no(503, "unknown", `recorded, but ${error.message}; ${advice}`);
  } finally {
    clearTimeout(timer);
  }
}

/** What passes by itself is 503 (nothing was recorded, try again), what does not is 422 with the code. */
function refusal(refused: Refusal): Answer {
  const isTransient = refused.code === "no-leader" || refused.code === "held" || refused.code === "overloaded";
  const status = isTransient && isPassingRefusal(refused) ? 503 : 422;
  const document = problem(status, status === 503 ? "refused" : refused.code, refused.sentence);
  const { retryAfterMs } = refused.facts;
  return { status, body: typeof retryAfterMs === "number" ? { ...document, retryAfterMs } : document };
}

function wholeOf(text: string | undefined, fallback: number): number | undefined {
  if (text === undefined) return fallback;
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function ok(body: unknown): Answer {
  return { status: 200, body };
}

function no(status: number, code: string, detail: string, field?: string): Answer {
  return { status, body: problem(status, code, detail, field) };
}
