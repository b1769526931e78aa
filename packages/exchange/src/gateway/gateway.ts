/**
 * The way of every request, REST or WebSocket API: received (audit) → faults before acceptance → weight → key, signature,
 * validity → late engine (fault) → the call itself, with the second validity check right before matching → faults after
 * acceptance → the answer. What the transport shall do with the answer (send, cut, stall) is returned as a value.
 */
import { createHash } from "node:crypto";
import type { AuditOrderFields } from "@baton/core";
import { amountDecimal, parseAmount } from "../amounts.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { ArmedFault, Subject } from "../faults/fault-board.ts";
import type { FaultName } from "../faults/fault.ts";
import { ApiError, badRequest } from "./api-error.ts";
import type { Call, Desk, SignedScope } from "./call.ts";
import { faultAnswer } from "./fault-answers.ts";
import { isExpired, unknownKey, type ApiKey, type Keyring, type Validity } from "./credentials.ts";
import type { OrderCounts } from "./limits.ts";
import type { Parameters } from "./parameters.ts";

/** One request as a transport read it. */
export interface Incoming {
  readonly call: Call;
  readonly parameters: Parameters;
  readonly signed: string;
  readonly hasDuplicates: boolean;
  readonly apiKey: string | undefined;
  /** The key that its session has logged on with: then the request has no signature of its own. */
  readonly session?: ApiKey;
  /** Remote `ip:port`, and the address that weights are counted by. */
  readonly source: string;
  readonly address: string;
}

/** What the transport shall do. */
export interface Delivery {
  /** `answer` sends it whole; `close` ends the connection politely, `reset` does not; `stall` never answers; the other two send a part. */
  readonly how: "answer" | "close" | "reset" | "stall" | "body-stall" | "truncate";
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
  readonly usedWeight: number;
  readonly orderCounts: OrderCounts | undefined;
  readonly retryAfter: number | undefined;
  /** body-stall: when the rest follows. */
  readonly restAfterMs: number | undefined;
  /** Set for calls that change orders: the transport reports what became of the answer by `Gateway.acknowledge`. */
  readonly ack: { readonly recvN: number; readonly call: string; readonly fields: AuditOrderFields } | undefined;
  /** The answer is not what the exchange decided: the true one was lost. */
  readonly isReplaced: boolean;
}

/** Takes requests for one passage. */
export class Gateway {
  readonly #desk: Desk;
  readonly #audit: AuditLog;
  readonly #keyring: Keyring;

  constructor(desk: Desk, audit: AuditLog, keyring: Keyring) {
    this.#desk = desk;
    this.#audit = audit;
    this.#keyring = keyring;
  }

  /** Handles one request; answers at once unless a fault makes the engine late. */
  handle(incoming: Incoming): Delivery | Promise<Delivery> {
    const fields = orderFields(incoming, this.#keyring.accountOf(incoming.apiKey));
    const recvN = incoming.call.kind === "change" ? this.#received(incoming, fields) : 0;
    const subject: Subject = {
      apiKey: incoming.apiKey,
      account: fields.account,
      call: incoming.call.name,
      symbol: fields.symbol,
      side: fields.side,
      source: incoming.source,
      ...(recvN === 0 ? {} : { recvN }),
    };
    const passage = new Passage(this.#desk, this.#audit, { incoming, fields, recvN, subject });
    const closed = this.#desk.faults.strike("market", subject, { names: ["maintenance"], modes: ["down"] });
    const early = closed ?? this.#desk.faults.strike("before-accept", subject);
    if (early !== undefined) return passage.struckBefore(early);
    return passage.attempt(() => {
      const { call } = incoming;
      const { address } = incoming;
      passage.usedWeight = this.#desk.limits.countWeight(address, call.weight(incoming.parameters), this.#desk.now());
      if (incoming.hasDuplicates) throw badRequest(-1101, "Duplicate values for a parameter detected.");
      if (call.kind === "public") {
        const stale = call.name === "depth" ? this.#desk.faults.strike("snapshot", subject) : undefined;
        const lagMs = stale?.delayMs ?? 0;
        return passage.done(call.run({ desk: this.#desk, parameters: incoming.parameters, lagMs }));
      }
      if (this.#desk.faults.strike("key", subject) !== undefined) throw unknownKey();
      if (call.kind === "keyed") {
        const keyed = incoming.session ?? this.#keyring.known(incoming.apiKey);
        return passage.done(call.run({ desk: this.#desk, parameters: incoming.parameters, lagMs: 0, key: keyed }));
      }
      const { key, validity } = this.#allowed(incoming);
      const run = (): Delivery => {
        const ask = (...names: readonly FaultName[]): ArmedFault | undefined =>
          call.kind === "query" ? this.#desk.faults.strike("query", subject, { names }) : undefined;
        passage.lagMs = ask("query-lag")?.delayMs ?? 0;
        const purge = ask("orders-purged");
        const scope: SignedScope = {
          desk: this.#desk,
          parameters: incoming.parameters,
          key,
          source: incoming.source,
          recvN,
          lagMs: passage.lagMs,
          purgedAfterMs: purge === undefined ? undefined : (purge.delayMs ?? 0),
          checkValidity: () => {
            if (isExpired(validity, this.#desk.now())) throw this.#desk.tooLate();
          },
          found: (isFound, orderId) => passage.found(isFound, orderId),
        };
        const body = call.run(scope);
        if (call.kind === "query") passage.queried();
        return passage.done(body);
      };
      const late = this.#desk.faults.strike("before-match", subject);
      return late === undefined ? run() : passage.later(late.delayMs ?? 0, run);
    });
  }

  /** Records what became of the answer to an order-changing request, before it leaves. */
  acknowledge(delivery: Delivery, failure: string | undefined): void {
    const { ack } = delivery;
    if (ack === undefined) return;
    const cause = failure ?? (delivery.isReplaced ? "replaced" : undefined);
    this.#audit.append({
      type: cause === undefined ? "ack-written" : "ack-failed",
      ...ack.fields,
      call: ack.call,
      recvN: ack.recvN,
      status: delivery.status,
      ...(cause === undefined ? {} : { cause }),
    });
  }

  /** Whose request it is, and until when it may be matched. */
  #allowed(incoming: Incoming): { readonly key: ApiKey; readonly validity: Validity } {
    const { session, parameters } = incoming;
    const nowMs = this.#desk.now();
    if (session === undefined) return this.#keyring.verify(incoming, nowMs);
    return { key: session, validity: this.#keyring.valid(parameters, nowMs) };
  }

  #received(incoming: Incoming, fields: AuditOrderFields): number {
    const timestamp = Number(incoming.parameters.peek("timestamp"));
    const recvWindow = Number(incoming.parameters.peek("recvWindow") ?? 5_000);
    return this.#audit.append({
      type: "recv",
      ...fields,
      call: incoming.call.name,
      ...(Number.isFinite(timestamp) ? { timestamp } : {}),
      ...(Number.isFinite(recvWindow) ? { recvWindow } : {}),
      bodyHash: createHash("sha256").update(incoming.signed).digest("hex"),
    });
  }
}

/** One request on its way through the gateway. */
class Passage {
  usedWeight: number | undefined;
  /** How old an answer a fault makes a query give. */
  lagMs = 0;
  readonly #desk: Desk;
  readonly #audit: AuditLog;
  readonly #incoming: Incoming;
  readonly #subject: Subject;
  readonly #recvN: number;
  #fields: AuditOrderFields;
  #isFound: boolean | undefined;

  constructor(
    desk: Desk,
    audit: AuditLog,
    request: {
      readonly incoming: Incoming;
      readonly fields: AuditOrderFields;
      readonly recvN: number;
      readonly subject: Subject;
    },
  ) {
    this.#desk = desk;
    this.#audit = audit;
    this.#incoming = request.incoming;
    this.#fields = request.fields;
    this.#recvN = request.recvN;
    this.#subject = request.subject;
  }

  /** Runs `act`; an `ApiError` becomes its answer. */
  attempt(act: () => Delivery | Promise<Delivery>): Delivery | Promise<Delivery> {
    try {
      return act();
    } catch (error) {
      return this.#refused(error);
    }
  }

  /** Runs `act` after the engine's lateness. */
  later(delayMs: number, act: () => Delivery): Promise<Delivery> {
    this.#audit.flush();
    return new Promise((resolve) => {
      setTimeout(() => {
        try {
          resolve(act());
        } catch (error) {
          resolve(this.#refused(error));
        }
      }, delayMs);
    });
  }

  /** A query found its order, or not. */
  found(isFound: boolean, orderId: number | undefined): void {
    this.#isFound = isFound;
    if (orderId !== undefined) this.#fields = { ...this.#fields, orderId };
  }

  /** Records a signed question. */
  queried(): void {
    this.#audit.append({
      type: "query",
      ...this.#fields,
      call: this.#incoming.call.name,
      ...(this.#isFound === undefined ? {} : { found: this.#isFound }),
      ...(this.lagMs === 0 ? {} : { lagMs: this.lagMs }),
    });
  }

  /** The answer of a call that did its work, unless a fault after acceptance spoils it. */
  done(body: unknown): Delivery {
    const plain = this.#delivery(200, JSON.stringify(body));
    if (this.#incoming.call.kind === "public") return plain;
    const fault = this.#desk.faults.strike("after-accept", this.#subject);
    if (fault === undefined) return plain;
    switch (fault.fault) {
      case "ack-lost":
        return { ...plain, how: "reset" };
      case "ack-stall":
        return { ...plain, how: "stall" };
      case "body-stall":
        return { ...plain, how: "body-stall", restAfterMs: fault.delayMs };
      case "truncated-json":
        return { ...plain, how: "truncate" };
      default:
        return { ...this.#replaced(fault), isReplaced: true };
    }
  }

  /** What a fault before acceptance answers instead. */
  struckBefore(fault: ArmedFault): Delivery {
    if (fault.fault === "drop-before-accept") return { ...this.#delivery(0, ""), how: "close" };
    return this.#replaced(fault);
  }

  #replaced(fault: ArmedFault): Delivery {
    const answer = faultAnswer(fault);
    if (answer instanceof ApiError) return this.#error(answer);
    return { ...this.#delivery(answer.status, answer.body), contentType: answer.contentType };
  }

  #refused(error: unknown): Delivery {
    if (!(error instanceof ApiError)) throw error;
    if (this.#incoming.call.kind === "change") {
      this.#audit.append({
        type: "reject",
        ...this.#fields,
        call: this.#incoming.call.name,
        recvN: this.#recvN,
        code: error.code,
        message: error.message,
      });
    } else if (this.#incoming.call.kind === "query") this.queried();
    return this.#error(error);
  }

  #error(error: ApiError): Delivery {
    const { status, retryAfter: retryAfterSeconds } = error;
    if ((status === 429 || status === 418) && retryAfterSeconds !== undefined) {
      const { name: call } = this.#incoming.call;
      this.#audit.append({ type: "throttled", ...this.#fields, call, status, retryAfterSeconds });
    }
    return { ...this.#delivery(error.status, JSON.stringify(error.body())), retryAfter: error.retryAfter };
  }

  #delivery(status: number, body: string): Delivery {
    const { call, address } = this.#incoming;
    const isChange = call.kind === "change";
    const { account } = this.#fields;
    const nowMs = this.#desk.now();
    return {
      how: "answer",
      status,
      body,
      contentType: "application/json;charset=UTF-8",
      usedWeight: this.usedWeight ?? this.#desk.limits.usedWeight(address, nowMs),
      orderCounts: isChange && account !== undefined ? this.#desk.limits.orderCounts(account, nowMs) : undefined,
      retryAfter: undefined,
      restAfterMs: undefined,
      ack: isChange ? { recvN: this.#recvN, call: call.name, fields: this.#fields } : undefined,
      isReplaced: false,
    };
  }
}

/** What the request says about its order, as far as it can be read; nothing here is checked. */
function orderFields(incoming: Incoming, account: string | undefined): AuditOrderFields {
  const { parameters } = incoming;
  const side = parameters.peek("side");
  const quantity = readable(parameters.peek("quantity"));
  const price = readable(parameters.peek("price"));
  const { name } = incoming.call;
  const isPlacing = name === "order.place" || name === "order.cancelReplace";
  const clientOrderId = parameters.peek(isPlacing || name === "order.test" ? "newClientOrderId" : "origClientOrderId");
  const orderId = Number(parameters.peek("orderId"));
  return {
    ...(incoming.apiKey === undefined ? {} : { apiKey: incoming.apiKey }),
    ...(account === undefined ? {} : { account }),
    source: incoming.source,
    ...present("symbol", parameters.peek("symbol")),
    ...(side === "BUY" || side === "SELL" ? { side } : {}),
    ...(isPlacing ? present("orderType", parameters.peek("type")) : {}),
    ...(isPlacing ? present("timeInForce", parameters.peek("timeInForce")) : {}),
    ...(quantity === undefined ? {} : { quantity: amountDecimal(quantity) }),
    ...(price === undefined ? {} : { price: amountDecimal(price) }),
    ...present("clientOrderId", clientOrderId),
    ...(Number.isSafeInteger(orderId) ? { orderId } : {}),
  };
}

function present(name: string, value: string | undefined): object {
  return value === undefined ? {} : { [name]: value };
}

function readable(text: string | undefined): bigint | undefined {
  const amount = text === undefined ? undefined : parseAmount(text);
  return typeof amount === "bigint" ? amount : undefined;
}
