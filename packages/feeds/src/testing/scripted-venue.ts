/**
 * A venue for tests that does exactly what the test says, in the words of a dialect: one true book and one true list of
 * trades per symbol, moved by the test or by a timer; streams that can be muted, made to lose frames, to ignore
 * subscriptions, to close, or never to open. It shares no code with the feed.
 */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { WebSocketServer } from "ws";
import type { Connection, Dialect, Outcome, Told } from "./dialect.ts";
import { binanceDialect } from "./dialects/binance.ts";
import type { Levels, Market } from "./scripted-market.ts";
import { levelsOf, makeTrade, moveMarket, newMarket } from "./scripted-market.ts";

/** What the venue does wrong. All off at first. */
export interface Misbehaviour {
  /** Answers upgrades with this status instead. */
  refuse: { readonly status: number; readonly retryAfterSeconds?: number } | undefined;
  /** Closes each connection right after accepting it, with this code. */
  closeOnAccept: number | undefined;
  /** So many acknowledgements are not sent; what was asked for takes effect. */
  acksToLose: number;
  /** So many subscription requests are refused. */
  acksToRefuse: number;
  /** So many snapshots of the stream are not sent. */
  snapshotsToLose: number;
  /** Streams of which nothing is sent. Everything else goes on, pings included. */
  readonly muted: Set<string>;
  /** So many frames of the stream are lost, on every connection. */
  readonly framesToLose: Map<string, number>;
  /** So many frames of the stream come behind the next one. */
  readonly framesToSwap: Map<string, number>;
  /** Connections (numbered from 1 as they are accepted) that are told nothing; their pings are answered. */
  readonly deafTo: Set<number>;
  /** The next frame of the stream is lost on this connection only. */
  readonly loseOn: { connection: number; stream: string }[];
  /** Streams whose subscription is acknowledged and then forgotten, once each. */
  readonly toForget: Set<string>;
  /** Pings get no pong, and nothing that is said is heard. */
  isDead: boolean;
  /** The venue's own ping gets no answer. */
  hasNoPong: boolean;
  /** Sent once, raw, before the next frame. */
  readonly garbage: (string | Buffer)[];
  /** REST answers that it is asked too often. */
  isBusy: boolean;
  /** REST paths that contain one of these are answered 503. */
  readonly deadPaths: Set<string>;
  /** REST answers to paths that contain the key are given only after so long. */
  readonly slowPaths: Map<string, number>;
  /** Answers to REST paths that contain the key are made at once, and leave when this has settled. */
  readonly gates: Map<string, Promise<void>>;
}

export interface ScriptedVenue extends AsyncDisposable {
  readonly wsUrl: string;
  readonly restUrl: string;
  readonly wrong: Misbehaviour;
  /** Accepted connections so far, and dials including refused ones, each with its instant. */
  readonly accepted: readonly number[];
  readonly dials: readonly number[];
  /** The address that each dial came from. */
  readonly dialledFrom: readonly string[];
  /** Every request text that came over a socket, with its instant and the number of its connection. */
  readonly requests: readonly { readonly atMs: number; readonly text: string; readonly connection: number }[];
  /** Every REST path that was asked. */
  readonly asked: readonly string[];
  /** Open sockets. */
  readonly sockets: ReadonlySet<WebSocket>;
  /** The open socket with this number, if it is still open. */
  socket(connection: number): WebSocket | undefined;
  /** One change of the symbol's book, told by its streams. */
  move(code: string): void;
  /** Trades, in one message where the venue puts several in one. */
  trade(code: string, count?: number): void;
  /** Says this to all who carry the stream. */
  send(told: Told): void;
  /** Moves and trades every symbol each `everyMs` until `rest`. */
  run(everyMs: number): void;
  rest(): void;
  market(code: string): Market;
  /** The true book at this instant, best first. */
  book(code: string): Levels & { readonly updateId: number };
  /** The id of the last trade. */
  lastTradeId(code: string): number;
  /** Before anybody looks: all prices of the symbol are so many ticks higher. */
  shift(code: string, ticks: number): void;
  /** The venue's ids begin anew, as after a rebuild of the venue. */
  beginAnew(code: string): void;
  close(): Promise<void>;
}

/** Starts a venue with these markets, each by the name that its dialect gives it, on a free port of loopback. */
export async function openScriptedVenue(
  codes: readonly string[],
  options: {
    readonly dialect?: Dialect;
    /** Of the instants that are noted; default the machine's. */
    readonly nowMs?: () => number;
  } = {},
): Promise<ScriptedVenue> {
  const { dialect = binanceDialect, nowMs = () => performance.now() } = options;
  const wrong: Misbehaviour = {
    refuse: undefined,
    closeOnAccept: undefined,
    acksToLose: 0,
    acksToRefuse: 0,
    snapshotsToLose: 0,
    muted: new Set(),
    framesToLose: new Map(),
    framesToSwap: new Map(),
    deafTo: new Set(),
    loseOn: [],
    toForget: new Set(),
    isDead: false,
    hasNoPong: false,
    garbage: [],
    isBusy: false,
    deadPaths: new Set(),
    slowPaths: new Map(),
    gates: new Map(),
  };
  const markets = new Map(codes.map((code) => [code, newMarket(code)]));
  const connections = new Map<WebSocket, Connection>();
  const accepted: number[] = [];
  const dials: number[] = [];
  const dialledFrom: string[] = [];
  const requests: { atMs: number; text: string; connection: number }[] = [];
  const asked: string[] = [];
  const sockets = new Set<WebSocket>();
  /** What comes behind the next one, by stream. */
  const heldBack = new Map<string, readonly [WebSocket, string][]>();
  let seed = 1;
  let timer: NodeJS.Timeout | undefined;
  const dice = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const market = (code: string): Market => {
    const found = markets.get(code);
    if (found === undefined) throw new Error(`no market ${code}`);
    return found;
  };

  const send = ({ stream, text }: Told): void => {
    const isLost = spent(wrong.framesToLose, stream);
    if (wrong.muted.has(stream)) return;
    const said: [WebSocket, string][] = [];
    for (const [socket, connection] of connections) {
      // As a text frame, whatever the bytes are.
      for (const rubbish of wrong.garbage.splice(0)) socket.send(rubbish, { binary: false });
      const { number, streams } = connection;
      const lost = wrong.loseOn.findIndex((one) => one.connection === number && one.stream === stream);
      if (lost !== -1) wrong.loseOn.splice(lost, 1);
      if (wrong.isDead || wrong.deafTo.has(number) || !streams.has(stream)) continue;
      if (dialect.carries?.(stream, connection) === false) continue;
      // What is lost has had its number.
      const made = text(connection);
      if (!isLost && lost === -1) said.push([socket, made]);
    }
    if (spent(wrong.framesToSwap, stream)) {
      heldBack.set(stream, said);
      return;
    }
    for (const [socket, made] of [...said, ...(heldBack.get(stream) ?? [])]) socket.send(made);
    heldBack.delete(stream);
  };
  const move = (code: string): void => {
    const m = market(code);
    for (const told of dialect.moved(m, moveMarket(m, dice))) send(told);
  };
  const trade = (code: string, count = 1): void => {
    const m = market(code);
    const made = Array.from({ length: count }, () => {
      const one = makeTrade(m, dice);
      m.nextTradeId += 1 + (dialect.hasSparseTradeIds === true ? dice(4) : 0);
      return one;
    });
    for (const told of dialect.traded(m, made)) send(told);
  };

  const onText = (socket: WebSocket, connection: Connection, text: string): void => {
    requests.push({ atMs: nowMs(), text, connection: connection.number });
    if (wrong.isDead) return;
    const heard = dialect.read(text, connection);
    if (heard.kind === "ping" && wrong.hasNoPong) return;
    if (heard.kind !== "streams") {
      socket.send(heard.reply);
      return;
    }
    if (wrong.acksToRefuse > 0) {
      wrong.acksToRefuse -= 1;
      socket.send(dialect.refusal(heard, connection));
      return;
    }
    const { streams } = connection;
    const outcomes = heard.streams.map((stream): Outcome => {
      const isKnown = dialect.isOwn?.(stream) === true || dialect.marketOf(stream, codes) !== undefined;
      return { stream, is: !isKnown ? "unknown" : streams.has(stream) === heard.isSubscribing ? "already" : "done" };
    });
    const isRefused = dialect.isAllOrNothing === true && outcomes.some(({ is }) => is !== "done");
    const done = isRefused ? [] : outcomes.filter(({ is }) => is === "done").map(({ stream }) => stream);
    for (const stream of done) {
      if (!heard.isSubscribing) streams.delete(stream);
      else if (!wrong.toForget.delete(stream)) streams.add(stream);
    }
    for (const answer of dialect.answers(heard, outcomes, connection)) {
      if (wrong.acksToLose > 0) wrong.acksToLose -= 1;
      else socket.send(answer);
    }
    if (!heard.isSubscribing) return;
    for (const stream of done) {
      const code = dialect.marketOf(stream, codes);
      if (code === undefined || wrong.muted.has(stream) || !streams.has(stream)) continue;
      const snapshot = dialect.snapshot?.(market(code), stream, connection);
      if (snapshot === undefined) continue;
      if (wrong.snapshotsToLose > 0) wrong.snapshotsToLose -= 1;
      else socket.send(snapshot);
    }
  };

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const path = request.url ?? "/";
    asked.push(path);
    const answer = (status: number, body: unknown): void => {
      const slowMs = [...wrong.slowPaths].find(([part]) => path.includes(part))?.[1] ?? 0;
      const text = JSON.stringify(body);
      const leave = (): unknown => response.writeHead(status, { "content-type": "application/json" }).end(text);
      const gate = [...wrong.gates].find(([part]) => path.includes(part))?.[1];
      if (gate === undefined) setTimeout(leave, slowMs);
      else void gate.then(leave);
    };
    if ([...wrong.deadPaths].some((part) => path.includes(part))) return answer(503, { code: -1, msg: "away" });
    if (wrong.isBusy) return answer(dialect.busy.status, dialect.busy.body);
    const { status = 200, body } = dialect.rest(new URL(path, "http://venue"), markets) ?? { status: 404, body: {} };
    answer(status, body);
  };
  const server = createServer(onRequest);
  const upgrades = new WebSocketServer({ noServer: true, autoPong: false });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    dials.push(nowMs());
    dialledFrom.push(request.socket.remoteAddress ?? "");
    const refused = dialect.paths.includes(request.url ?? "") ? wrong.refuse : { status: 404 };
    if (refused !== undefined) {
      const { status, retryAfterSeconds } = { retryAfterSeconds: undefined, ...refused };
      // Whoever was refused may be gone before it has read why.
      socket.on("error", () => undefined);
      const retry = retryAfterSeconds === undefined ? "" : `Retry-After: ${retryAfterSeconds}\r\n`;
      socket.end(`HTTP/1.1 ${status} No\r\n${retry}Content-Length: 0\r\nConnection: close\r\n\r\n`);
      return;
    }
    upgrades.handleUpgrade(request, socket, head, (ws) => onSocket(ws, request.url ?? ""));
  });
  const onSocket = (ws: WebSocket, path: string): void => {
    accepted.push(nowMs());
    let sequence = 0;
    const next = (): number => sequence++;
    const connection: Connection = { number: accepted.length, path, streams: new Set(), next };
    sockets.add(ws);
    connections.set(ws, connection);
    const beat = setInterval(() => {
      const text = wrong.isDead || wrong.deafTo.has(connection.number) ? undefined : dialect.beat?.(connection);
      if (text !== undefined) ws.send(text);
    }, 1_000);
    ws.on("ping", (data: Buffer) => {
      if (!wrong.isDead) ws.pong(data);
    });
    ws.on("error", () => undefined);
    ws.on("close", () => {
      clearInterval(beat);
      sockets.delete(ws);
      connections.delete(ws);
    });
    if (wrong.closeOnAccept !== undefined) ws.close(wrong.closeOnAccept);
    const greeting = dialect.greeting?.(connection);
    if (greeting !== undefined) ws.send(greeting);
    ws.on("message", (data: Buffer) => onText(ws, connection, data.toString("utf8")));
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= (async () => {
      clearInterval(timer);
      for (const socket of sockets) socket.terminate();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    })();
    return closed;
  };
  return {
    wsUrl: `ws://127.0.0.1:${port}`,
    restUrl: `http://127.0.0.1:${port}`,
    wrong,
    accepted,
    dials,
    dialledFrom,
    requests,
    asked,
    sockets,
    socket: (number) => [...connections].find(([, connection]) => connection.number === number)?.[0],
    move,
    trade,
    send,
    run(everyMs) {
      clearInterval(timer);
      timer = setInterval(() => {
        for (const code of codes) {
          move(code);
          trade(code);
        }
      }, everyMs);
    },
    rest: () => clearInterval(timer),
    market,
    book: (code) => ({ updateId: market(code).updateId, ...levelsOf(market(code)) }),
    lastTradeId: (code) => market(code).trades.at(-1)?.id ?? 0,
    shift(code, ticks) {
      const m = market(code);
      m.middle += ticks;
      for (const side of [m.bids, m.asks]) {
        const levelsBefore = [...side];
        side.clear();
        for (const [at, quantity] of levelsBefore) side.set(at + ticks, quantity);
      }
    },
    beginAnew(code) {
      const m = market(code);
      m.nextTradeId = 1;
      m.trades.length = 0;
      m.updateId = 1;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** True as often as the count says, which falls. */
function spent(counts: Map<string, number>, key: string): boolean {
  const left = counts.get(key) ?? 0;
  if (left > 0) counts.set(key, left - 1);
  return left > 0;
}
