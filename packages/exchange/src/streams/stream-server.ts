/**
 * The WebSocket front: `/ws`, `/stream` and `/ws-api/v3`. It decides which of them a handshake wants, whether the address
 * may connect at all, and what becomes of a subscription.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import type { AuditLog } from "../audit/audit-log.ts";
import { modeOf, type ArmedFault, type FaultBoard, type Subject } from "../faults/fault-board.ts";
import type { FaultName } from "../faults/fault.ts";
import type { Desk } from "../gateway/call.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { Keyring } from "../gateway/credentials.ts";
import { header } from "../rest/rest-server.ts";
import { AccountStreams } from "./account-streams.ts";
import { StreamConnection, streamSubject, type Manner } from "./connection.ts";
import { Ending } from "./ending.ts";
import { MarketStreams, type Listener } from "./market-streams.ts";
import { listing, readStreamRequest, streamsOfPath, type StreamRequest } from "./stream-protocol.ts";
import { WebSocketApi } from "./websocket-api.ts";

/** All WebSockets of one exchange. */
export class StreamServer {
  readonly market: MarketStreams;
  readonly accounts: AccountStreams;
  readonly #options: StreamServerOptions;
  readonly #server = new WebSocketServer({ noServer: true, autoPong: false, maxPayload: 1_024 * 1_024 });
  readonly #connections = new Set<StreamConnection>();
  readonly #ending: Ending;
  #lastNumber = 0;

  constructor(options: StreamServerOptions) {
    this.#options = options;
    this.#ending = new Ending({
      connections: this.#connections,
      faults: options.faults,
      audit: options.audit,
      lifeMs: options.desk.limits.limits.connectionLifeMs,
    });
    this.market = new MarketStreams(options.desk);
    this.accounts = new AccountStreams(options.desk);
  }

  /** Takes one handshake. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { faults, desk } = this.#options;
    const address = request.socket.remoteAddress ?? "";
    const source = `${address}:${request.socket.remotePort ?? 0}`;
    const apiKey = header(request, "x-mbx-apikey");
    const url = new URL(request.url ?? "/", "http://exchange");
    const subject: Subject = { apiKey, source, call: "*" };
    const down = faults.strike("connect", subject, { names: ["venue-down"] });
    if (down !== undefined) {
      this.#options.audit.flush();
      if (modeOf(down) !== "hang") request.socket.resetAndDestroy();
      return;
    }
    const refused =
      faults.strike("market", subject, { names: ["maintenance"], modes: ["down"] }) ??
      faults.strike("connect", subject, { names: ["upgrade-refused"] });
    if (refused !== undefined || !desk.limits.countConnection(address, desk.now())) {
      this.#options.audit.flush();
      const status = refused?.status ?? (refused?.fault === "maintenance" ? 503 : 429);
      const retryAfter = refused?.retryAfterSeconds ?? 5;
      socket.end(
        `HTTP/1.1 ${status} Refused\r\nRetry-After: ${retryAfter}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
      );
      return;
    }
    const isApi = url.pathname === "/ws-api/v3";
    if (!isApi && url.pathname !== "/stream" && url.pathname !== "/ws" && !url.pathname.startsWith("/ws/")) {
      socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const peer: Peer = { address, source, apiKey, wire: request.socket };
      const connection = isApi ? this.#openApi(webSocket, peer) : this.#openStreams(webSocket, peer, url);
      const early = faults.strike("connect", subject, { names: ["accept-close"] });
      if (early === undefined) return;
      setTimeout(() => connection.close(early.closeCode ?? 1000), early.delayMs ?? 0).unref();
    });
  }

  /** Does at once what a fault that was just armed does at once. */
  apply(fault: ArmedFault): void {
    this.#ending.apply(fault);
  }

  /** Ends all connections. */
  close(): void {
    this.market.close();
    this.#ending.close();
    for (const connection of this.#connections) connection.terminate();
    this.#server.close();
  }

  #openApi(socket: WebSocket, peer: Peer): StreamConnection {
    const connection = new StreamConnection({
      ...this.#common(socket, peer),
      manner: {
        shutdownText: () => JSON.stringify({ event: this.#shutdownEvent() }),
        streams: () => (connection.account === undefined ? [] : ["user"]),
      },
      onText: (text) => api.handle(text),
      onClose: () => {
        this.#connections.delete(connection);
        api.close();
      },
    });
    const api = new WebSocketApi(connection, peer.address, { ...this.#options, accounts: this.accounts });
    this.#connections.add(connection);
    return connection;
  }

  #openStreams(socket: WebSocket, peer: Peer, url: URL): StreamConnection {
    const streams = new Set<string>();
    const manner: Manner = {
      shutdownText: () => {
        const data = this.#shutdownEvent();
        return JSON.stringify(listener.isCombined ? { stream: "!serverShutdown", data } : data);
      },
      streams: () => streams,
    };
    const connection = new StreamConnection({
      ...this.#common(socket, peer),
      manner,
      messagesPerSecond: this.#options.desk.limits.limits.streamMessagesPerSecond,
      onText: (text) => this.#hear(listener, text),
      onClose: () => {
        this.#connections.delete(connection);
        for (const name of listener.streams) {
          this.market.unsubscribe(listener, name);
          this.#recordSub(listener, name, "closed");
        }
      },
    });
    const listener: Listener = { connection, isCombined: url.pathname === "/stream", streams };
    this.#connections.add(connection);
    this.#subscribe(listener, streamsOfPath(url.pathname, url.search));
    return connection;
  }

  #shutdownEvent(): object {
    return { e: "serverShutdown", E: this.#options.desk.now() };
  }

  #common(
    socket: WebSocket,
    peer: Peer,
  ): Pick<
    ConstructorParameters<typeof StreamConnection>[0],
    "number" | "socket" | "wire" | "audit" | "faults" | "source" | "apiKey"
  > {
    this.#lastNumber += 1;
    return {
      number: this.#lastNumber,
      socket,
      wire: peer.wire,
      audit: this.#options.audit,
      faults: this.#options.faults,
      source: peer.source,
      apiKey: peer.apiKey,
    };
  }

  #hear(listener: Listener, text: string): void {
    const request = readStreamRequest(text);
    const { connection } = listener;
    const answer = (result: unknown, id: unknown): void => connection.answer(JSON.stringify({ result, id }));
    if ((request.kind === "subscribe" || request.kind === "unsubscribe") && this.#isSpoilt(connection, request)) return;
    switch (request.kind) {
      case "wrong":
        connection.answer(JSON.stringify(request.answer));
        return;
      case "subscribe":
        if (this.#subscribe(listener, request.streams) && !this.#isAckLost(connection, request)) {
          answer(null, request.id);
        }
        return;
      case "unsubscribe":
        for (const name of request.streams.map(canonical)) {
          if (!listener.streams.has(name)) continue;
          this.market.unsubscribe(listener, name);
          this.#recordSub(listener, name, "unsubscribe");
        }
        if (!this.#isAckLost(connection, request)) answer(null, request.id);
        return;
      case "list":
        answer(listing(listener), request.id);
        return;
      case "set-combined":
        listener.isCombined = request.isCombined;
        answer(null, request.id);
        return;
      case "get-combined":
        answer(listener.isCombined, request.id);
    }
  }

  /** True when a fault has had its way with a request and nothing more is to be done. */
  #isSpoilt(connection: StreamConnection, request: Subscribing): boolean {
    const names: readonly FaultName[] = ["sub-lost", "sub-refused", "sub-hollow"];
    const fault = this.#options.faults.strike("subscribe", subjectsOf(connection, request.streams), { names });
    if (fault === undefined) return false;
    if (fault.fault === "sub-hollow") connection.answer(JSON.stringify({ result: null, id: request.id }));
    if (fault.fault === "sub-refused") {
      const answer = { code: 2, msg: "Invalid request: request could not be processed", id: request.id };
      connection.answer(JSON.stringify(answer));
    }
    return true;
  }

  #isAckLost(connection: StreamConnection, request: Subscribing): boolean {
    const subjects = subjectsOf(connection, request.streams);
    return this.#options.faults.strike("subscribe", subjects, { names: ["sub-ack-lost"] }) !== undefined;
  }

  /** False when that would be too many: then the connection is closed. */
  #subscribe(listener: Listener, streams: readonly string[]): boolean {
    for (const name of streams.map(canonical)) {
      if (listener.streams.has(name)) continue;
      if (listener.streams.size >= this.#options.desk.limits.limits.streamsPerConnection) {
        listener.connection.close(1008);
        return false;
      }
      this.market.subscribe(listener, name);
      this.#recordSub(listener, name, "subscribe");
    }
    return true;
  }

  #recordSub(listener: Listener, stream: string, action: "subscribe" | "unsubscribe" | "closed"): void {
    const { apiKey, source } = listener.connection;
    this.#options.audit.append({ type: "sub", stream, action, source, ...(apiKey === undefined ? {} : { apiKey }) });
  }
}

/** The other end of a connection. */
interface Peer {
  readonly address: string;
  readonly source: string;
  readonly apiKey: string | undefined;
  readonly wire: Socket;
}

type Subscribing = Extract<StreamRequest, { readonly kind: "subscribe" | "unsubscribe" }>;

/** A request about streams, as faults see it: once for each stream. */
function subjectsOf(connection: StreamConnection, streams: readonly string[]): readonly Subject[] {
  const [self] = connection.subjects();
  return streams.map((stream) => ({ ...self, ...streamSubject(canonical(stream)) }));
}

export interface StreamServerOptions {
  readonly desk: Desk;
  readonly gateway: Gateway;
  readonly keyring: Keyring;
  readonly audit: AuditLog;
  readonly faults: FaultBoard;
}

/** `BTCUSDT@trade` and `btcusdt@trade` are one stream; what follows the `@` is as Binance spells it. */
function canonical(stream: string): string {
  const at = stream.indexOf("@");
  return at < 0 ? stream : stream.slice(0, at).toLowerCase() + stream.slice(at);
}
