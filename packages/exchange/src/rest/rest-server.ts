/**
 * REST over node:http: reads a request whole, asks the gateway, and does with the answer what the gateway says. The fate
 * of each answer to an order-changing request is in the audit before a byte of it leaves.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AuditLog } from "../audit/audit-log.ts";
import { modeOf, type ArmedFault, type FaultBoard } from "../faults/fault-board.ts";
import type { Delivery, Gateway } from "../gateway/gateway.ts";
import { ApiError } from "../gateway/api-error.ts";
import { Parameters, readSentText } from "../gateway/parameters.ts";
import { asksMicroseconds, inMicroseconds } from "../gateway/time-unit.ts";
import type { Personality } from "../personality.ts";

/** What is traded with here: invented money on an invented market, or on a mirrored one. No real venue says this. */
export type Money = "simulated" | "paper";

/** On every answer, so that a client that must not meet real money can make sure. */
const MONEY_HEADER = "baton-exchange-money";
const BODY_BYTES_MAX = 64 * 1_024;

/** Serves a venue's REST paths. */
export class RestServer {
  readonly #personality: Personality;
  readonly #gateway: Gateway;
  readonly #audit: AuditLog;
  readonly #faults: FaultBoard;
  readonly #money: Money;

  constructor(options: {
    readonly personality: Personality;
    readonly gateway: Gateway;
    readonly audit: AuditLog;
    readonly faults: FaultBoard;
    readonly money: Money;
  }) {
    this.#personality = options.personality;
    this.#gateway = options.gateway;
    this.#audit = options.audit;
    this.#faults = options.faults;
    this.#money = options.money;
  }

  /** Takes one request. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    const address = request.socket.remoteAddress ?? "";
    const source = `${address}:${request.socket.remotePort ?? 0}`;
    const apiKey = header(request, "x-mbx-apikey");
    const down = this.#faults.strike("connect", { apiKey, source, call: "*" }, { names: ["venue-down"] });
    if (down !== undefined) {
      this.#goDown(down, request);
      return;
    }
    const url = request.url ?? "/";
    const split = url.indexOf("?");
    const path = split < 0 ? url : url.slice(0, split);
    const query = split < 0 ? "" : url.slice(split + 1);
    const call = this.#personality.routes.get(`${request.method} ${path}`);
    if (call === undefined) {
      request.resume();
      response.writeHead(404, { "content-type": "text/html" }).end("<html><h2>404 Not found</h2></html>");
      return;
    }
    const unit = asksMicroseconds(header(request, "x-mbx-time-unit"));
    if (unit instanceof ApiError) {
      request.resume();
      response.writeHead(unit.status, { "content-type": "application/json;charset=UTF-8" });
      response.end(JSON.stringify(unit.body()));
      return;
    }
    const inUnit = (delivery: Delivery): Delivery =>
      unit ? { ...delivery, body: inMicroseconds(delivery.body) } : delivery;
    readBody(request, (body) => {
      const sent = readSentText(query, body);
      const delivery = this.#gateway.handle({
        call,
        parameters: new Parameters(sent.values),
        signed: sent.signed,
        hasDuplicates: sent.hasDuplicates,
        apiKey,
        source,
        address,
      });
      if (!(delivery instanceof Promise)) this.#deliver(inUnit(delivery), response);
      // The gateway answers refusals; what it throws is a broken invariant and ends the process.
      else void delivery.then((late) => this.#deliver(inUnit(late), response));
    });
  }

  #deliver(delivery: Delivery, response: ServerResponse): void {
    const { socket } = response;
    const isGone = socket === null || socket.destroyed;
    // Corked before anything was written: a black hole holds the answer back.
    const isHeld = !isGone && socket.writableCorked > 0;
    const whole = isHeld ? "black-hole" : undefined;
    const failure = isGone ? "connection gone" : delivery.how === "answer" ? whole : delivery.how;
    if (delivery.how !== "body-stall" || isGone) this.#gateway.acknowledge(delivery, failure);
    this.#audit.flush();
    if (isGone) return;
    switch (delivery.how) {
      case "answer":
        response.writeHead(delivery.status, this.#headers(delivery)).end(delivery.body);
        return;
      case "close":
        socket.destroy();
        return;
      case "reset":
        socket.resetAndDestroy();
        return;
      case "stall":
        return;
      case "truncate":
        {
          const cut = { ...delivery, body: delivery.body.slice(0, Math.floor(delivery.body.length / 2)) };
          response.writeHead(cut.status, this.#headers(cut)).end(cut.body);
        }
        return;
      case "body-stall":
        this.#stallBody(delivery, response);
    }
  }

  /** Headers and half of the body now; the rest after a while, or never. */
  #stallBody(delivery: Delivery, response: ServerResponse): void {
    const half = Math.floor(delivery.body.length / 2);
    const length = Buffer.byteLength(delivery.body);
    response.writeHead(delivery.status, { ...this.#headers(delivery), "content-length": length });
    response.write(delivery.body.slice(0, half));
    if (delivery.restAfterMs === undefined) {
      this.#gateway.acknowledge(delivery, "body-stall");
      this.#audit.flush();
      return;
    }
    setTimeout(() => {
      const isGone = response.socket === null || response.socket.destroyed;
      this.#gateway.acknowledge(delivery, isGone ? "connection gone" : undefined);
      this.#audit.flush();
      if (!isGone) response.end(delivery.body.slice(half));
    }, delivery.restAfterMs);
  }

  #headers(delivery: Delivery): Record<string, string | number> {
    const { orderCounts, retryAfter } = delivery;
    return {
      "content-type": delivery.contentType,
      [MONEY_HEADER]: this.#money,
      "content-length": Buffer.byteLength(delivery.body),
      "x-mbx-used-weight": delivery.usedWeight,
      "x-mbx-used-weight-1m": delivery.usedWeight,
      ...(orderCounts === undefined
        ? {}
        : {
            "x-mbx-order-count-10s": orderCounts.tenSeconds,
            [this.#personality.orderWindow.header]: orderCounts.long,
          }),
      ...(retryAfter === undefined ? {} : { "retry-after": retryAfter }),
    };
  }

  #goDown(fault: ArmedFault, request: IncomingMessage): void {
    this.#audit.flush();
    if (modeOf(fault) === "hang") request.resume();
    else request.socket.resetAndDestroy();
  }
}

/** A header as one text. */
export function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Reads a small body whole and calls back once; a larger one ends the connection. */
export function readBody(request: IncomingMessage, done: (body: string) => void): void {
  if (request.method === "GET" || request.headers["content-length"] === "0") {
    request.resume();
    done("");
    return;
  }
  const parts: Buffer[] = [];
  let size = 0;
  request.on("data", (part: Buffer) => {
    size += part.length;
    if (size > BODY_BYTES_MAX) request.socket.destroy();
    else parts.push(part);
  });
  request.on("end", () => done(Buffer.concat(parts).toString("utf8")));
}
