/**
 * The WebSocket front: `/ws`, `/stream` and `/ws-api/v3`. It decides which of them a handshake wants, whether the address
 * may connect at all, and closes what a fault closes.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import type { AuditLog } from "../audit/audit-log.ts";
import type { ArmedFault, FaultBoard } from "../faults/fault-board.ts";
import type { Desk } from "../gateway/call.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { Keyring } from "../gateway/credentials.ts";
import { header } from "../rest/rest-server.ts";
import { AccountStreams } from "./account-streams.ts";
import { StreamConnection } from "./connection.ts";
import { MarketStreams, type Listener } from "./market-streams.ts";
import { listing, readStreamRequest, streamsOfPath } from "./stream-protocol.ts";
import { WebSocketApi } from "./websocket-api.ts";

/** All WebSockets of one exchange. */
export class StreamServer {
  readonly market: MarketStreams;
  readonly accounts: AccountStreams;
  readonly #options: StreamServerOptions;
  readonly #server = new WebSocketServer({ noServer: true, autoPong: false, maxPayload: 1_024 * 1_024 });
  readonly #connections = new Set<StreamConnection>();

  constructor(options: StreamServerOptions) {
    this.#options = options;
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
    const down = faults.strike("connect", { apiKey, source, call: "*" }, ["venue-down"]);
    if (down !== undefined) {
      this.#options.audit.flush();
      if (down.mode !== "hang") request.socket.resetAndDestroy();
      return;
    }
    const refused = faults.strike("connect", { apiKey, source, call: "*" }, ["upgrade-refused"]);
    if (refused !== undefined || !desk.limits.countConnection(address, desk.now())) {
      this.#options.audit.flush();
      const status = refused?.status ?? 429;
      socket.end(`HTTP/1.1 ${status} Refused\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const isApi = url.pathname === "/ws-api/v3";
    if (!isApi && url.pathname !== "/stream" && url.pathname !== "/ws" && !url.pathname.startsWith("/ws/")) {
      socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      if (isApi) this.#openApi(webSocket, { address, source, apiKey });
      else this.#openStreams(webSocket, { source, apiKey }, url);
    });
  }

  /** Closes what a fault that was just armed closes. */
  apply(fault: ArmedFault): void {
    if (fault.fault === "stream-drop") {
      for (const connection of this.#connections) {
        if (!this.#options.faults.fits(fault, connection.subject())) continue;
        this.#options.faults.record(fault, connection.subject());
        connection.close(fault.closeCode ?? 1006);
      }
      // It closes those that are there; what connects later is not its business.
      this.#options.faults.clear(fault.id);
    }
    if (fault.fault === "venue-down" && fault.mode !== "hang") {
      for (const connection of this.#connections) {
        if (this.#options.faults.fits(fault, connection.subject())) connection.terminate();
      }
    }
  }

  /** Ends all connections. */
  close(): void {
    this.market.close();
    for (const connection of this.#connections) connection.terminate();
    this.#server.close();
  }

  #openApi(socket: WebSocket, peer: { address: string; source: string; apiKey: string | undefined }): void {
    const connection = new StreamConnection({
      ...this.#common(socket, peer),
      onText: (text) => api.handle(text),
      onClose: () => {
        this.#connections.delete(connection);
        api.close();
      },
    });
    const api = new WebSocketApi(connection, peer.address, { ...this.#options, accounts: this.accounts });
    this.#connections.add(connection);
  }

  #openStreams(socket: WebSocket, peer: { source: string; apiKey: string | undefined }, url: URL): void {
    const connection = new StreamConnection({
      ...this.#common(socket, peer),
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
    const listener: Listener = { connection, isCombined: url.pathname === "/stream", streams: new Set() };
    this.#connections.add(connection);
    this.#subscribe(listener, streamsOfPath(url.pathname, url.search));
  }

  #common(
    socket: WebSocket,
    peer: { source: string; apiKey: string | undefined },
  ): Pick<ConstructorParameters<typeof StreamConnection>[0], "socket" | "audit" | "faults" | "source" | "apiKey"> {
    return {
      socket,
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
    switch (request.kind) {
      case "wrong":
        connection.answer(JSON.stringify(request.answer));
        return;
      case "subscribe":
        if (this.#subscribe(listener, request.streams)) answer(null, request.id);
        return;
      case "unsubscribe":
        for (const name of request.streams.map(canonical)) {
          if (!listener.streams.has(name)) continue;
          this.market.unsubscribe(listener, name);
          this.#recordSub(listener, name, "unsubscribe");
        }
        answer(null, request.id);
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
