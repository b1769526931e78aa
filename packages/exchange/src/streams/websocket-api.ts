/**
 * The WebSocket API: the same calls as REST, asked by name in JSON; on spot a session that an Ed25519 key has logged on,
 * whose requests need no signature; and the account stream, by signature or by session, one subscription per account and
 * connection. Signed parameters are covered sorted by name.
 */
import type { AuditLog } from "../audit/audit-log.ts";
import { modeOf, type FaultBoard } from "../faults/fault-board.ts";
import type { FaultName } from "../faults/fault.ts";
import { ApiError, badRequest } from "../gateway/api-error.ts";
import type { Desk } from "../gateway/call.ts";
import { unknownKey, type ApiKey, type Keyring } from "../gateway/credentials.ts";
import type { Delivery, Gateway } from "../gateway/gateway.ts";
import type { OrderCounts } from "../gateway/limits.ts";
import { Parameters, sortedText } from "../gateway/parameters.ts";
import type { Personality } from "../personality.ts";
import type { AccountStreams, AccountSubscription } from "./account-streams.ts";
import type { StreamConnection } from "./connection.ts";

interface Request {
  readonly id: string | number | null;
  readonly method: string;
  readonly values: ReadonlyMap<string, string>;
}

/** The key that a connection has logged on with. */
interface Session {
  readonly key: ApiKey;
  readonly sinceMs: number;
}

const none: OrderCounts = { tenSeconds: 0, long: 0 };

/** One connection to the WebSocket API. */
export class WebSocketApi {
  readonly #connection: StreamConnection;
  readonly #address: string;
  readonly #parts: WebSocketApiParts;
  readonly #subscriptions = new Map<number, AccountSubscription>();
  readonly #connectedAtMs: number;
  /** What holds for requests that do not say. */
  readonly #tellsLimits: boolean;
  #session: Session | undefined;
  #nextSubscriptionId = 0;

  constructor(
    connection: StreamConnection,
    peer: { readonly address: string; readonly tellsLimits: boolean },
    parts: WebSocketApiParts,
  ) {
    this.#connection = connection;
    this.#address = peer.address;
    this.#tellsLimits = peer.tellsLimits;
    this.#parts = parts;
    this.#connectedAtMs = parts.desk.now();
  }

  /** Takes one message. */
  handle(text: string): void {
    const request = readRequest(text);
    if (request === undefined) {
      this.#answer({ id: null, status: 400, error: { code: -1135, msg: "Invalid JSON Request" } });
      return;
    }
    const named = request.values.get("apiKey");
    // A request that names a key of its own has to be signed by it.
    const session = named === undefined ? this.#session?.key : undefined;
    const apiKey = named ?? session?.key;
    const peer = { apiKey, source: this.#connection.source, call: "*" };
    const down = this.#parts.faults.strike("connect", peer, { names: ["venue-down"] });
    if (down !== undefined) {
      if (modeOf(down) !== "hang") this.#connection.close(1006);
      return;
    }
    const method = request.method.replace(/^v3\//, "");
    const call = this.#parts.personality.methods.get(method);
    if (call === undefined) {
      this.#control(request, method);
      return;
    }
    const delivery = this.#parts.gateway.handle({
      call,
      parameters: new Parameters(request.values, ["apiKey", "returnRateLimits"]),
      signed: sortedText(request.values),
      hasDuplicates: false,
      apiKey,
      ...(session === undefined || call.kind === "public" ? {} : { session }),
      source: this.#connection.source,
      address: this.#address,
    });
    if (!(delivery instanceof Promise)) this.#deliver(request, delivery);
    else void delivery.then((late) => this.#deliver(request, late));
  }

  /** The connection ended: so do its subscriptions. */
  close(): void {
    for (const subscription of this.#subscriptions.values()) this.#end(subscription, "closed");
    this.#subscriptions.clear();
  }

  /** Calls that are about the connection itself. */
  #control(request: Request, method: string): void {
    const { desk } = this.#parts;
    try {
      desk.limits.countWeight(this.#address, 2, desk.now());
      switch (method) {
        case "userDataStream.subscribe.signature":
          if (!this.#parts.personality.subscribesBySignature) throw unknownMethod(request);
          this.#open(request, undefined);
          return;
        case "userDataStream.subscribe":
          if (!this.#parts.personality.subscribesBySignature) throw unknownMethod(request);
          if (this.#session === undefined)
            throw new ApiError(401, -1002, "You are not authorized to execute this request.");
          this.#open(request, this.#session.key);
          return;
        case "session.logon":
          this.#logOn(request);
          this.#reply(request, this.#sessionState());
          return;
        case "session.status":
          this.#reply(request, this.#sessionState());
          return;
        case "session.logout":
          this.#logOut();
          this.#reply(request, this.#sessionState());
          return;
        case "userDataStream.unsubscribe":
          this.#unsubscribe(request.values.get("subscriptionId"));
          this.#reply(request, {});
          return;
        case "session.subscriptions":
          this.#reply(
            request,
            [...this.#subscriptions.keys()].map((subscriptionId) => ({ subscriptionId })),
          );
          return;
        default:
          throw unknownMethod(request);
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#deliverText(request, { status: error.status, part: "error", body: this.#errorBody(error.body(), error) });
    }
  }

  /** Authenticates the session; only an Ed25519 key can. */
  #logOn(request: Request): void {
    const { desk, keyring } = this.#parts;
    const apiKey = request.values.get("apiKey");
    const parameters = new Parameters(request.values);
    const { key } = keyring.verify({ apiKey, parameters, signed: sortedText(request.values) }, desk.now());
    const type = keyring.typeOf(key);
    if (type !== "ED25519") throw badRequest(-4056, `${type} API key is not supported.`);
    this.#session = { key, sinceMs: desk.now() };
  }

  /** Forgets the session's key; what was subscribed by it ends. */
  #logOut(): void {
    this.#session = undefined;
    for (const [id, subscription] of this.#subscriptions) if (subscription.isOfSession === true) this.#leave(id);
  }

  #sessionState(): object {
    return {
      apiKey: this.#session?.key.key ?? null,
      authorizedSince: this.#session?.sinceMs ?? null,
      connectedSince: this.#connectedAtMs,
      returnRateLimits: this.#tellsLimits,
      serverTime: this.#parts.desk.now(),
      userDataStream: this.#parts.personality.subscribesBySignature ? this.#subscriptions.size > 0 : null,
    };
  }

  /** Subscribes the account, unless a fault loses the request, its effect or its answer. */
  #open(request: Request, session: ApiKey | undefined): void {
    const [self] = this.#connection.subjects();
    const apiKey = session?.key ?? request.values.get("apiKey");
    const subject = { ...self, apiKey, account: this.#parts.keyring.accountOf(apiKey), stream: "user" };
    const struck = (...names: readonly FaultName[]): FaultName | undefined =>
      this.#parts.faults.strike("subscribe", subject, { names })?.fault;
    if (this.#parts.faults.strike("key", { ...subject, call: request.method }) !== undefined) {
      throw unknownKey();
    }
    const spoilt = struck("sub-lost", "sub-refused", "sub-hollow");
    if (spoilt === "sub-lost") return;
    if (spoilt === "sub-refused")
      throw new ApiError(500, -1000, "An unknown error occurred while processing the request.");
    const subscriptionId = spoilt === "sub-hollow" ? this.#nextSubscriptionId : this.#subscribe(request, session);
    if (struck("sub-ack-lost") !== undefined) return;
    this.#reply(request, { subscriptionId });
  }

  #subscribe(request: Request, session: ApiKey | undefined): number {
    const { accounts, audit } = this.#parts;
    const key = session ?? this.#signedBy(request);
    for (const one of this.#subscriptions.values()) {
      if (one.account === key.account) throw badRequest(-2035, "User Data Stream subscription already active.");
    }
    const subscriptionId = this.#nextSubscriptionId;
    this.#nextSubscriptionId += 1;
    const subscription: AccountSubscription = {
      connection: this.#connection,
      account: key.account,
      ...(session === undefined ? {} : { isOfSession: true }),
      wrap: (event) => `{"subscriptionId":${subscriptionId},"event":${event}}`,
    };
    this.#connection.apiKey = key.key;
    this.#connection.account = key.account;
    this.#subscriptions.set(subscriptionId, subscription);
    accounts.add(subscription);
    audit.append({
      type: "sub",
      stream: "user",
      action: "subscribe",
      apiKey: key.key,
      account: key.account,
      source: this.#connection.source,
    });
    return subscriptionId;
  }

  #unsubscribe(id: string | undefined): void {
    const ending = [...this.#subscriptions].filter(([one]) => id === undefined || `${one}` === id);
    if (ending.length === 0) throw badRequest(-2036, "User Data Stream subscription not active.");
    for (const [subscriptionId] of ending) this.#leave(subscriptionId);
  }

  /** Ends a subscription that is there, with the venue's word on it. */
  #leave(subscriptionId: number): void {
    const subscription = this.#subscriptions.get(subscriptionId) as AccountSubscription;
    this.#parts.accounts.end((one) => one === subscription);
    this.#subscriptions.delete(subscriptionId);
    this.#end(subscription, "unsubscribe");
  }

  #signedBy(request: Request): ApiKey {
    const { desk, keyring } = this.#parts;
    const apiKey = request.values.get("apiKey");
    const parameters = new Parameters(request.values);
    return keyring.verify({ apiKey, parameters, signed: sortedText(request.values) }, desk.now()).key;
  }

  #end(subscription: AccountSubscription, action: "unsubscribe" | "closed"): void {
    this.#parts.accounts.remove(subscription);
    const { apiKey, source } = this.#connection;
    this.#parts.audit.append({
      type: "sub",
      stream: "user",
      action,
      account: subscription.account,
      source,
      ...(apiKey === undefined ? {} : { apiKey }),
    });
  }

  #deliver(request: Request, delivery: Delivery): void {
    const failure = delivery.how === "answer" ? undefined : delivery.how;
    this.#parts.gateway.acknowledge(delivery, failure);
    if (delivery.how === "stall" || delivery.how === "body-stall") return;
    if (delivery.how === "close" || delivery.how === "reset") {
      this.#connection.close(1006);
      return;
    }
    const isJson = delivery.contentType.startsWith("application/json");
    const body = isJson ? delivery.body : JSON.stringify(delivery.body);
    // A key that is no good any more ends the session that it opened.
    if (delivery.status === 401 && !request.values.has("apiKey") && this.#session !== undefined) this.#logOut();
    const isDone = delivery.status === 200;
    const said = isDone || !isJson ? body : this.#errorBody(JSON.parse(body) as object, delivery);
    this.#deliverText(
      request,
      { status: delivery.status, part: isDone ? "result" : "error", body: said },
      { isTruncated: delivery.how === "truncate", limits: this.#counts(delivery) },
    );
  }

  /** An error's text; one that says when to come again, says by `data` too. */
  #errorBody(error: object, { retryAfter }: { readonly retryAfter?: number | undefined }): string {
    if (retryAfter === undefined) return JSON.stringify(error);
    const serverTime = this.#parts.desk.now();
    return JSON.stringify({ ...error, data: { serverTime, retryAfter: serverTime + retryAfter * 1_000 } });
  }

  /** The answer to a request about the connection itself. */
  #reply(request: Request, result: unknown): void {
    this.#deliverText(request, { status: 200, part: "result", body: JSON.stringify(result) });
  }

  #deliverText(
    request: Request,
    answer: { readonly status: number; readonly part: "result" | "error"; readonly body: string },
    more: { readonly isTruncated?: boolean; readonly limits?: readonly object[] } = {},
  ): void {
    const asked = request.values.get("returnRateLimits");
    const tells = asked === undefined ? this.#tellsLimits : asked === "true";
    const weight = this.#parts.desk.limits.usedWeight(this.#address, this.#parts.desk.now());
    const limits = more.limits ?? this.#parts.desk.limits.published({ weight, orders: none }).slice(0, 1);
    const counts = tells ? `,"rateLimits":${JSON.stringify(limits)}` : "";
    const { status, part, body } = answer;
    const text = `{"id":${JSON.stringify(request.id)},"status":${status},"${part}":${body}${counts}}`;
    this.#connection.answer(more.isTruncated === true ? text.slice(0, Math.floor(text.length / 2)) : text);
  }

  /** The limits with what is used of them; order counts only where an order was asked for. */
  #counts(delivery: Delivery): readonly object[] {
    const orders = delivery.orderCounts ?? none;
    const [weight, ...counts] = this.#parts.desk.limits.published({ weight: delivery.usedWeight, orders });
    const told = weight === undefined ? [] : [weight];
    return delivery.orderCounts === undefined ? told : [...counts, ...told];
  }

  #answer(message: object): void {
    this.#connection.answer(JSON.stringify(message));
  }
}

/** What every connection shares. */
export interface WebSocketApiParts {
  readonly personality: Personality;
  readonly desk: Desk;
  readonly gateway: Gateway;
  readonly keyring: Keyring;
  readonly accounts: AccountStreams;
  readonly audit: AuditLog;
  readonly faults: FaultBoard;
}

function unknownMethod(request: Request): ApiError {
  return badRequest(-1100, `Unknown method '${request.method}'.`);
}

/** A request's id may be a whole number, a text of at most 36, or null. */
function isId(id: unknown): id is Request["id"] | undefined {
  if (id === undefined || id === null) return true;
  return typeof id === "number" ? Number.isInteger(id) : typeof id === "string" && id.length <= 36;
}

function readRequest(text: string): Request | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { id, method, params } = value as { id?: unknown; method?: unknown; params?: unknown };
  if (typeof method !== "string" || !isId(id)) return undefined;
  const values = new Map<string, string>();
  if (typeof params === "object" && params !== null) {
    for (const [name, one] of Object.entries(params)) {
      values.set(name, typeof one === "string" ? one : JSON.stringify(one));
    }
  }
  return { id: id ?? null, method, values };
}
