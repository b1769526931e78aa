/**
 * The WebSocket API: the same calls as REST, asked by name in JSON, and on spot the account stream subscribed by
 * signature, one subscription per account and connection. Signed parameters are covered sorted by name.
 */
import type { AuditLog } from "../audit/audit-log.ts";
import { modeOf, type FaultBoard } from "../faults/fault-board.ts";
import type { FaultName } from "../faults/fault.ts";
import { ApiError, badRequest } from "../gateway/api-error.ts";
import type { Desk } from "../gateway/call.ts";
import { unknownKey, type Keyring } from "../gateway/credentials.ts";
import type { Delivery, Gateway } from "../gateway/gateway.ts";
import { Parameters, sortedText } from "../gateway/parameters.ts";
import type { Personality } from "../personality.ts";
import type { AccountStreams, AccountSubscription } from "./account-streams.ts";
import type { StreamConnection } from "./connection.ts";

interface Request {
  readonly id: unknown;
  readonly method: string;
  readonly values: ReadonlyMap<string, string>;
}

/** One connection to the WebSocket API. */
export class WebSocketApi {
  readonly #connection: StreamConnection;
  readonly #address: string;
  readonly #parts: WebSocketApiParts;
  readonly #subscriptions = new Map<number, AccountSubscription>();
  #nextSubscriptionId = 0;

  constructor(connection: StreamConnection, address: string, parts: WebSocketApiParts) {
    this.#connection = connection;
    this.#address = address;
    this.#parts = parts;
  }

  /** Takes one message. */
  handle(text: string): void {
    const request = readRequest(text);
    if (request === undefined) {
      this.#answer({ id: null, status: 400, error: { code: -1135, msg: "Invalid JSON Request" } });
      return;
    }
    const apiKey = request.values.get("apiKey");
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
          this.#open(request);
          return;
        case "userDataStream.unsubscribe":
          this.#unsubscribe(request.values.get("subscriptionId"));
          this.#answer({ id: request.id, status: 200, result: {} });
          return;
        case "session.subscriptions":
          this.#answer({
            id: request.id,
            status: 200,
            result: [...this.#subscriptions.keys()].map((subscriptionId) => ({ subscriptionId })),
          });
          return;
        default:
          throw unknownMethod(request);
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#answer({ id: request.id, status: error.status, error: error.body() });
    }
  }

  /** Subscribes the account, unless a fault loses the request, its effect or its answer. */
  #open(request: Request): void {
    const [self] = this.#connection.subjects();
    const apiKey = request.values.get("apiKey");
    const subject = { ...self, apiKey, account: this.#parts.keyring.accountOf(apiKey), stream: "user" };
    const struck = (...names: readonly FaultName[]): FaultName | undefined =>
      this.#parts.faults.strike("subscribe", subject, { names })?.fault;
    if (this.#parts.faults.strike("key", { ...subject, call: "userDataStream.subscribe.signature" }) !== undefined) {
      throw unknownKey();
    }
    const spoilt = struck("sub-lost", "sub-refused", "sub-hollow");
    if (spoilt === "sub-lost") return;
    if (spoilt === "sub-refused")
      throw new ApiError(500, -1000, "An unknown error occurred while processing the request.");
    const subscriptionId = spoilt === "sub-hollow" ? this.#nextSubscriptionId : this.#subscribe(request);
    if (struck("sub-ack-lost") !== undefined) return;
    this.#answer({ id: request.id, status: 200, result: { subscriptionId } });
  }

  #subscribe(request: Request): number {
    const { desk, keyring, accounts, audit } = this.#parts;
    const apiKey = request.values.get("apiKey");
    const parameters = new Parameters(request.values);
    const { key } = keyring.verify({ apiKey, parameters, signed: sortedText(request.values) }, desk.now());
    for (const one of this.#subscriptions.values()) {
      if (one.account === key.account) throw badRequest(-2035, "User Data Stream subscription already active.");
    }
    const subscriptionId = this.#nextSubscriptionId;
    this.#nextSubscriptionId += 1;
    const subscription: AccountSubscription = {
      connection: this.#connection,
      account: key.account,
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
    for (const [subscriptionId, subscription] of ending) {
      this.#subscriptions.delete(subscriptionId);
      this.#end(subscription, "unsubscribe");
    }
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
    const part = delivery.status === 200 ? "result" : "error";
    const body = delivery.contentType.startsWith("application/json") ? delivery.body : JSON.stringify(delivery.body);
    const counts =
      request.values.get("returnRateLimits") === "false"
        ? ""
        : `,"rateLimits":${JSON.stringify(this.#counts(delivery))}`;
    const text = `{"id":${JSON.stringify(request.id)},"status":${delivery.status},"${part}":${body}${counts}}`;
    this.#connection.answer(delivery.how === "truncate" ? text.slice(0, Math.floor(text.length / 2)) : text);
  }

  /** The limits with what is used of them; order counts only where an order was asked for. */
  #counts(delivery: Delivery): readonly object[] {
    const orders = delivery.orderCounts ?? { tenSeconds: 0, long: 0 };
    const counts = this.#parts.desk.limits.published({ weight: delivery.usedWeight, orders });
    return delivery.orderCounts === undefined ? counts.slice(0, 1) : counts;
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

function readRequest(text: string): Request | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { id, method, params } = value as { id?: unknown; method?: unknown; params?: unknown };
  if (typeof method !== "string") return undefined;
  const values = new Map<string, string>();
  if (typeof params === "object" && params !== null) {
    for (const [name, one] of Object.entries(params)) {
      values.set(name, typeof one === "string" ? one : JSON.stringify(one));
    }
  }
  return { id: id ?? null, method, values };
}
