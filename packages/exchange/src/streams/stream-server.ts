/**
 * The WebSocket front: market and account streams, and the WebSocket API. It decides which of them a handshake's address
 * wants (the venue says which addresses there are), and whether it may connect at all.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import type { AuditLog } from "../audit/audit-log.ts";
import { modeOf, type ArmedFault, type FaultBoard, type Subject } from "../faults/fault-board.ts";
import type { Desk } from "../gateway/call.ts";
import { ApiError } from "../gateway/api-error.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { Keyring } from "../gateway/credentials.ts";
import { asksMicroseconds } from "../gateway/time-unit.ts";
import { header } from "../rest/rest-server.ts";
import { AccountStreams } from "./account-streams.ts";
import type { Door, Personality } from "../personality.ts";
import { StreamConnection } from "./connection.ts";
import { Ending } from "./ending.ts";
import { Listening } from "./listening.ts";
import { MarketStreams, type Listener } from "./market-streams.ts";
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
    this.market = new MarketStreams(options.desk, options.personality.market);
    this.accounts = new AccountStreams(options.desk, options.personality.account);
    options.desk.listenKeys.onEnded((ended, why) => {
      // A key that its owner closes says nothing more; one that ran out says so.
      if (why === "expired") this.accounts.end((one) => one.listenKey === ended.listenKey);
      else this.accounts.fallSilent((one) => one.listenKey === ended.listenKey);
    });
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
    const door = this.#options.personality.door(url.pathname, url.search);
    if (door === undefined) {
      socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const unit = asksMicroseconds(url.searchParams.get("timeUnit"));
    if (unit instanceof ApiError) {
      const body = JSON.stringify(unit.body());
      socket.end(`HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      return;
    }
    const tellsLimits = url.searchParams.get("returnRateLimits") !== "false";
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const peer: Peer = { address, source, apiKey, wire: request.socket, isInMicroseconds: unit, tellsLimits };
      const connection =
        door.kind === "api" ? this.#openApi(webSocket, peer) : this.#openStreams(webSocket, peer, door);
      const early = faults.strike("connect", subject, { names: ["accept-close"] });
      if (early === undefined) return;
      setTimeout(() => connection.close(early.closeCode ?? 1000), early.delayMs ?? 0).unref();
    });
  }

  /** Does at once what a fault that was just armed does at once. */
  apply(fault: ArmedFault): void {
    const { faults, desk } = this.#options;
    if (fault.fault === "key-revoked" || fault.fault === "listen-key-expired") {
      for (const { listenKey, account, apiKey } of desk.listenKeys.list()) {
        if (faults.matches(fault, [{ account, apiKey }])) desk.listenKeys.end(listenKey, "expired");
      }
    }
    if (fault.fault === "key-revoked") {
      this.accounts.end(({ account, connection }) => faults.matches(fault, [{ account, apiKey: connection.apiKey }]));
    }
    if (fault.fault === "listen-key-expired") {
      faults.record(fault, {});
      faults.clear(fault.id);
    }
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
    const api = new WebSocketApi(connection, peer, { ...this.#options, accounts: this.accounts });
    this.#connections.add(connection);
    return connection;
  }

  #openStreams(socket: WebSocket, peer: Peer, door: Extract<Door, { readonly kind: "streams" }>): StreamConnection {
    const connection = new StreamConnection({
      ...this.#common(socket, peer),
      manner: {
        shutdownText: () => {
          const data = this.#shutdownEvent();
          return JSON.stringify(listener.isCombined ? { stream: "!serverShutdown", data } : data);
        },
        streams: () => listening.names(),
      },
      messagesPerSecond: this.#options.desk.limits.limits.streamMessagesPerSecond,
      onText: (text) => listening.hear(text),
      onClose: () => {
        this.#connections.delete(connection);
        listening.close();
      },
    });
    const listener: Listener = { connection, isCombined: door.isCombined, streams: new Set() };
    const listening = new Listening(listener, {
      ...{ ...this.#options, market: this.market, accounts: this.accounts },
      carries: door.carries ?? (() => true),
    });
    this.#connections.add(connection);
    listening.subscribe(door.streams);
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
    "number" | "socket" | "wire" | "audit" | "faults" | "source" | "apiKey" | "isInMicroseconds" | "heartbeat"
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
      isInMicroseconds: peer.isInMicroseconds,
      heartbeat: this.#options.personality.heartbeat,
    };
  }
}

/** The other end of a connection. */
interface Peer {
  readonly address: string;
  readonly source: string;
  readonly apiKey: string | undefined;
  readonly wire: Socket;
  readonly isInMicroseconds: boolean;
  readonly tellsLimits: boolean;
}

export interface StreamServerOptions {
  readonly personality: Personality;
  readonly desk: Desk;
  readonly gateway: Gateway;
  readonly keyring: Keyring;
  readonly audit: AuditLog;
  readonly faults: FaultBoard;
}
