/**
 * The player: a world made of a tape. It has a clock of its own, sockets that deliver what was recorded, and a history
 * that answers as the venue did; a feed that is opened in it runs the same code as on a live venue, at the tape's own pace,
 * up to fifty times as fast, or as fast as it can.
 *
 * Whatever venue it was, the feed says what it wants in the player's own words and is answered in them, since the answers on
 * the tape were to another feed's requests; what the venue said of the market is read by the venue's own parser. A line of the feed
 * hears what the tape's line of the same letter heard, all of it, across its replacements; it is closed where that one was
 * lost, and nowhere else: what the tape does not tell (how long a dial took, whether a silence was the venue's or that of
 * a process which did not read) is not judged anew, since a connection that only the played feed gives up would miss what
 * nobody can bring it.
 */
import type { BookSnapshot, Levels, MarketTrade, MonoMs, SubscriptionRequest, SymbolId, WallMs } from "@baton/core";
import { assertNever, monoMs, wallMs } from "@baton/core";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { openAttempts } from "../attempts.ts";
import type { FeedRules } from "../feed-rules.ts";
import type { BookMessage, VenueFrame, VenueHistory, VenueProtocol } from "../protocol.ts";
import { RestRefused } from "../rest.ts";
import type { SocketEvents } from "../socket.ts";
import type { World } from "../world.ts";
import type { HistoryAnswer } from "./tap.ts";
import type { TapeRecord } from "./tape-format.ts";
import { readTapes } from "./tape-reader.ts";

export interface PlayerReport {
  readonly records: number;
  readonly frames: number;
  /** Milliseconds of the tape that were played. */
  readonly tapeMs: number;
  /** Records that the tape itself says it lacks. */
  readonly dropped: number;
  /** The last file ended in the middle of a record, as after a crash. */
  readonly isTorn: boolean;
}

export interface Player {
  /** Open the feed in it, of the exchange that was recorded, then `play`. */
  readonly world: World;
  /** Plays to the end. `speed` 1 is the tape's own pace; default as fast as possible. */
  play(options?: { readonly speed?: number; readonly signal?: AbortSignal }): Promise<PlayerReport>;
}

type BestLevels = { readonly bids: Levels; readonly asks: Levels };

interface PlayedSocket {
  readonly events: SocketEvents;
  readonly letter: string;
  readonly streams: Set<string>;
  isOpen: boolean;
}

interface Timer {
  readonly atMs: number;
  readonly act: () => void;
  readonly order: number;
}

interface Question {
  readonly question: HistoryAnswer["question"];
  readonly symbol: SymbolId;
  answer(answer: HistoryAnswer["answer"]): void;
  refuse(): void;
}

/** An answer that came so shortly before the question, in time or in frames, would have been the answer to it. */
const recentMs = 300;
const recentFrames = 50;
/** So many records before promises of the feed get a turn, where nothing waits for them. */
const turnEvery = 64;
/** Trades per symbol that are kept for questions. */
const broughtMax = 50_000;
/** Frames per line that wait for the feed's next connection; more than any dial takes. */
const unheardMax = 10_000;

/** A world in which the tapes (files in their order) happen. */
export function openPlayer(options: { readonly files: readonly string[]; readonly random?: () => number }): Player {
  let nowMs = 0;
  let beganWallMs = 0;
  let order = 0;
  let timers: Timer[] = [];
  let soon: (() => void)[] = [];
  const sockets = new Set<PlayedSocket>();
  /** Lines of the tape that stand, by letter. */
  const standing = new Map<string, Set<string>>();
  /** What came while a line of the feed was between two connections, by letter; lines that it does not have are not here. */
  const unheard = new Map<string, Buffer[]>();
  const questions = new Set<Question>();
  let recent: { readonly atMs: number; readonly atFrame: number; readonly answer: HistoryAnswer }[] = [];
  let frames = 0;
  /** Trades that the venue's history brought, by symbol and id. */
  const brought = new Map<SymbolId, Map<number, MarketTrade>>();
  let isAscending = false;
  let mustTurn = false;
  let isOver = false;
  /** In the next turn of the tape; when it is over, of the process, so that the feed can be closed. */
  const later = (act: () => void): void => {
    if (isOver) setImmediate(act);
    else soon.push(act);
  };

  const world: World = {
    clock: { mono: (): MonoMs => monoMs(nowMs), wall: (): WallMs => wallMs(beganWallMs + nowMs) },
    random: options.random ?? (() => 0.5),
    attempts: openAttempts(),
    rulesHere: playedRules,
    protocolHere: (protocol) => playedProtocol(protocol, historyOf(protocol)),
    timer(afterMs, act) {
      order += 1;
      // Whole milliseconds, as real timers: what asks for the present instant again and again must let it pass.
      const timer: Timer = { atMs: nowMs + Math.max(1, Math.ceil(afterMs)), act, order };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    soon(act) {
      later(act);
      return () => {
        soon = soon.filter((one) => one !== act);
      };
    },
    dial({ line }, events) {
      const socket: PlayedSocket = { events, letter: line.slice(0, 1), streams: new Set(), isOpen: false };
      sockets.add(socket);
      if (!unheard.has(socket.letter)) unheard.set(socket.letter, []);
      const end = (): void => {
        if (sockets.delete(socket)) later(() => events.closed({ cause: "ours", sentence: "closed" }));
      };
      if (standing.get(socket.letter)?.size) later(() => openSocket(socket));
      return {
        send: (text) => later(() => hear(socket, text)),
        ping: () => later(() => sockets.has(socket) && events.pong()),
        close: end,
        terminate: end,
      };
    },
  };
  const openSocket = (socket: PlayedSocket): void => {
    if (socket.isOpen || !sockets.has(socket)) return;
    socket.isOpen = true;
    socket.events.opened();
    const waiting = unheard.get(socket.letter) ?? [];
    unheard.set(socket.letter, []);
    for (const data of waiting) soon.push(() => tell(socket, data));
  };
  const tell = (socket: PlayedSocket, data: Buffer): void => {
    if (socket.isOpen && sockets.has(socket)) socket.events.frame(data, monoMs(nowMs));
  };
  /** Answers a request of the feed. */
  const hear = (socket: PlayedSocket, text: string): void => {
    if (!sockets.has(socket)) return;
    const { id, method, streams } = JSON.parse(text) as SubscriptionRequest;
    if (method === "UNSUBSCRIBE") for (const stream of streams) socket.streams.delete(stream);
    if (method === "SUBSCRIBE") for (const stream of streams) socket.streams.add(stream);
    const answer: VenueFrame =
      method === "LIST" ? { type: "listed", id, streams: [...socket.streams] } : { type: "acknowledged", id };
    socket.events.frame(ownFrame(answer), monoMs(nowMs));
  };

  const ask = async (
    question: HistoryAnswer["question"],
    symbol: SymbolId,
    signal: AbortSignal,
  ): Promise<HistoryAnswer["answer"]> =>
    new Promise((resolve, reject) => {
      recent = recent.filter((one) => one.atMs >= nowMs - recentMs || one.atFrame >= frames - recentFrames);
      const at = recent.findLastIndex((one) => one.answer.question === question && one.answer.symbol === symbol);
      const [past] = at === -1 ? [] : recent.splice(at, 1);
      if (past !== undefined) {
        resolve(past.answer.answer);
        return;
      }
      const asked: Question = {
        question,
        symbol,
        answer(answer) {
          questions.delete(asked);
          resolve(answer);
        },
        refuse() {
          questions.delete(asked);
          reject(new RestRefused("rest-refused", `the tape has no answer about ${question} of ${symbol}`));
        },
      };
      questions.add(asked);
      signal.addEventListener("abort", () => asked.refuse(), { once: true });
    });
  /** What the venue's history answered, for whoever may ask the same of it. */
  const historyOf = ({ history, tradeIds }: VenueProtocol): VenueHistory => {
    isAscending = tradeIds === "ascending";
    return {
      ...(history.snapshot !== undefined && {
        snapshot: async (symbol, signal) => (await ask("snapshot", symbol, signal)) as BookSnapshot,
      }),
      ...(history.bookSnapshot !== undefined && {
        bookSnapshot: async (symbol, signal) => (await ask("bookSnapshot", symbol, signal)) as BookMessage,
      }),
      ...(history.lastUpdateId !== undefined && {
        lastUpdateId: async (symbol, signal) => (await ask("lastUpdateId", symbol, signal)) as number,
      }),
      ...(history.bestNow !== undefined && {
        bestNow: async (symbol, signal) => (await ask("bestNow", symbol, signal)) as BestLevels,
      }),
      lastTradeId: async (symbol, signal) => (await ask("lastTradeId", symbol, signal)) as number,
      async trades({ symbol, fromId, toId, signal }) {
        // What the newest trades were tells more than each of them: what lies between two is whole.
        if (isAscending) return (await ask("trades", symbol, signal)) as readonly MarketTrade[];
        // What was brought a little earlier than this feed asks for it is what it would have been told.
        if (brought.get(symbol)?.has(fromId) !== true) await ask("trades", symbol, signal);
        const known = brought.get(symbol);
        const found: MarketTrade[] = [];
        for (let id = fromId; id <= toId; id += 1) {
          const trade = known?.get(id);
          if (trade !== undefined) found.push(trade);
        }
        return found;
      },
    };
  };

  /** Lets everything happen that is due before `untilMs`. */
  const advance = async (untilMs: number): Promise<void> => {
    for (;;) {
      await settle();
      let next: Timer | undefined;
      for (const timer of timers) {
        if (timer.atMs > untilMs) continue;
        if (next === undefined || timer.atMs < next.atMs || (timer.atMs === next.atMs && timer.order < next.order)) {
          next = timer;
        }
      }
      if (next === undefined) break;
      const due = next;
      timers = timers.filter((one) => one !== due);
      nowMs = Math.max(nowMs, due.atMs);
      mustTurn = true;
      due.act();
    }
    nowMs = Math.max(nowMs, untilMs);
  };
  /** Runs what was put off, and gives promises their turn where one may have been kept. */
  const settle = async (): Promise<void> => {
    do {
      while (soon.length > 0) {
        const now = soon;
        soon = [];
        for (const act of now) act();
      }
      if (mustTurn) {
        mustTurn = false;
        await nextTurn();
      }
    } while (soon.length > 0 || mustTurn);
  };

  const remember = (symbol: SymbolId, trades: readonly MarketTrade[]): void => {
    const known = brought.get(symbol) ?? new Map<number, MarketTrade>();
    brought.set(symbol, known);
    for (const trade of trades) known.set(trade.id, trade);
    for (const id of known.keys()) {
      if (known.size <= broughtMax) break;
      known.delete(id);
    }
  };
  const happen = (record: TapeRecord): void => {
    switch (record.k) {
      case "frame":
      case "bytes": {
        const letter = record.l.slice(0, 1);
        const lines = standing.get(letter) ?? new Set<string>();
        standing.set(letter, lines);
        if (!lines.has(record.l)) {
          lines.add(record.l);
          for (const socket of sockets) if (socket.letter === letter) soon.push(() => openSocket(socket));
        }
        frames += 1;
        const data = Buffer.from(record.x, record.k === "frame" ? "utf8" : "base64");
        let isHeard = false;
        for (const socket of sockets) {
          if (socket.letter !== letter) continue;
          isHeard = true;
          // Behind what was put off, so that a socket that opens now hears it.
          if (socket.isOpen && soon.length === 0) tell(socket, data);
          else soon.push(() => tell(socket, data));
        }
        const waiting = unheard.get(letter);
        if (!isHeard && waiting !== undefined && waiting.push(data) > unheardMax) waiting.shift();
        break;
      }
      case "answer": {
        mustTurn = true;
        if (record.question === "trades") remember(record.symbol, record.answer);
        const asked = [...questions].filter(
          ({ question, symbol }) => question === record.question && symbol === record.symbol,
        );
        // Each that waits: a question that only this feed has asked must not take the answer from those after it.
        for (const one of asked) one.answer(record.answer);
        // Trades by consecutive ids are found in `brought`, whichever answer had them.
        if (asked.length === 0 && (record.question !== "trades" || isAscending))
          recent.push({ atMs: nowMs, atFrame: frames, answer: record });
        while (recent.length > 1_000) recent.shift();
        break;
      }
      case "lost": {
        const letter = record.l.slice(0, 1);
        const lines = standing.get(letter);
        lines?.delete(record.l);
        if (lines === undefined || lines.size > 0) break;
        // What was known before is no answer to what is asked after.
        recent = [];
        for (const socket of sockets) {
          if (socket.letter !== letter || !socket.isOpen) continue;
          sockets.delete(socket);
          soon.push(() => socket.events.closed({ cause: record.cause, sentence: record.why }));
        }
        break;
      }
      case "dropped":
        break;
      default:
        assertNever(record, "record of a tape");
    }
  };

  return {
    world,
    async play({ speed = Infinity, signal } = {}) {
      const report = { records: 0, frames: 0, tapeMs: 0, dropped: 0, isTorn: false };
      const beganMs = performance.now();
      let originWallMs: number | undefined;
      let fileMs = 0;
      for await (const part of readTapes(options.files)) {
        if (signal?.aborted === true) break;
        if (part.type === "head") {
          originWallMs ??= part.head.beganWallMs;
          beganWallMs = originWallMs;
          fileMs = Math.max(nowMs, part.head.beganWallMs - originWallMs);
          continue;
        }
        if (part.type === "torn") {
          report.isTorn = true;
          continue;
        }
        const atMs = Math.max(nowMs, fileMs + part.record.t);
        const aheadMs = atMs / speed - (performance.now() - beganMs);
        if (aheadMs > 1) await delay(aheadMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
        await advance(atMs);
        happen(part.record);
        report.records += 1;
        if (part.record.k === "frame" || part.record.k === "bytes") report.frames += 1;
        if (part.record.k === "dropped") report.dropped += part.record.n;
        if (report.records % turnEvery === 0) mustTurn = true;
      }
      await settle();
      for (const question of questions) question.refuse();
      mustTurn = true;
      await settle();
      isOver = true;
      return { ...report, tapeMs: nowMs };
    },
  };
}

/** The feed's rules without those that end a connection, or keep from dialling, by the time that has passed. */
function playedRules(rules: FeedRules): FeedRules {
  const { liveness } = rules;
  const deathless = { graceMs: Infinity, silenceMaxMs: Infinity };
  return {
    ...rules,
    line: {
      ...rules.line,
      connectWithinMs: Infinity,
      backoff: { baseMs: 0, capMs: 0 },
      giveUpAfter: Infinity,
      // The tape has the answers to another feed's heartbeats.
      heartbeat: undefined,
      rotateBetweenMs: [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    },
    liveness: {
      depth: { ...liveness.depth, ...deathless },
      trade: { ...liveness.trade, ...deathless },
      ticker: { ...liveness.ticker, ...deathless },
    },
  };
}

/** Begins a frame of the player's own; no venue's does. */
const ownMark = "\u0000";

function ownFrame(frame: VenueFrame): Buffer {
  return Buffer.from(ownMark + JSON.stringify(frame));
}

/** The venue's protocol with the player for a partner: requests in its words, its answers besides the tape's frames. */
function playedProtocol(protocol: VenueProtocol, history: VenueHistory): VenueProtocol {
  return {
    ...protocol,
    history,
    requestText: (request) => JSON.stringify(request),
    heartbeatText: () => undefined,
    openParser() {
      const parser = protocol.openParser();
      return {
        set: (names) => parser.set(names),
        parse: (data) =>
          data[0] === 0
            ? (JSON.parse(data.toString("utf8", ownMark.length)) as VenueFrame)
            : withoutAnswers(parser.parse(data)),
      };
    },
  };
}

const ignored: VenueFrame = { type: "ignored" };

/** Answers to requests of the feed that was recorded, which is not the one that listens now. */
function withoutAnswers(frame: VenueFrame): VenueFrame {
  switch (frame.type) {
    case "acknowledged":
    case "refused":
    case "listed":
    case "standing":
    case "beat":
      return ignored;
    case "several":
      return { type: "several", frames: frame.frames.map(withoutAnswers) };
    default:
      return frame;
  }
}
