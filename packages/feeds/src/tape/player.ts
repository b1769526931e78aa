/**
 * The player: a world made of a tape. It has a clock of its own, sockets that deliver what was recorded, and a history
 * that answers as the venue did (`played-history.ts`); a feed that is opened in it runs the same code as on a live venue,
 * at the tape's own pace, up to fifty times as fast, or as fast as it can.
 *
 * Decided here: what happens when. A line of the feed hears what the tape's line of the same name heard, all of it, across
 * its replacements; it is closed where that one was lost, and nowhere else. How the feed speaks meanwhile:
 * `played-protocol.ts`.
 */
import type { MonoMs, SubscriptionRequest, WallMs } from "@baton/core";
import { assertNever, monoMs, wallMs } from "@baton/core";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { openAttempts } from "../attempts.ts";
import type { VenueFrame } from "../protocol.ts";
import type { SocketEvents } from "../socket.ts";
import type { World } from "../world.ts";
import { openPlayedHistory } from "./played-history.ts";
import { ownFrame, playedProtocol, playedRules } from "./played-protocol.ts";
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

interface PlayedSocket {
  readonly events: SocketEvents;
  /** Of the line, whichever of its lives it is: see `slotOf`. */
  readonly slot: string;
  readonly streams: Set<string>;
  isOpen: boolean;
}

interface Timer {
  readonly atMs: number;
  readonly act: () => void;
  readonly order: number;
}

/** So many records before promises of the feed get a turn, where nothing waits for them. */
const turnEvery = 64;
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
  /** Lines of the tape that stand, by slot. */
  const standing = new Map<string, Set<string>>();
  /** What came while a line of the feed was between two connections, by slot; lines that it does not have are not here. */
  const unheard = new Map<string, Buffer[]>();
  let frames = 0;
  const history = openPlayedHistory(() => ({ atMs: nowMs, atFrame: frames }));
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
    protocolHere: (protocol) => playedProtocol(protocol, history.of(protocol)),
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
      const socket: PlayedSocket = { events, slot: slotOf(line), streams: new Set(), isOpen: false };
      sockets.add(socket);
      if (!unheard.has(socket.slot)) unheard.set(socket.slot, []);
      const end = (): void => {
        if (sockets.delete(socket)) later(() => events.closed({ cause: "ours", sentence: "closed" }));
      };
      if (standing.get(socket.slot)?.size) later(() => openSocket(socket));
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
    const waiting = unheard.get(socket.slot) ?? [];
    unheard.set(socket.slot, []);
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

  const happen = (record: TapeRecord): void => {
    switch (record.k) {
      case "frame":
      case "bytes": {
        const slot = slotOf(record.l);
        const lines = standing.get(slot) ?? new Set<string>();
        standing.set(slot, lines);
        if (!lines.has(record.l)) {
          lines.add(record.l);
          for (const socket of sockets) if (socket.slot === slot) soon.push(() => openSocket(socket));
        }
        frames += 1;
        const data = Buffer.from(record.x, record.k === "frame" ? "utf8" : "base64");
        let isHeard = false;
        for (const socket of sockets) {
          if (socket.slot !== slot) continue;
          isHeard = true;
          // Behind what was put off, so that a socket that opens now hears it.
          if (socket.isOpen && soon.length === 0) tell(socket, data);
          else soon.push(() => tell(socket, data));
        }
        const waiting = unheard.get(slot);
        if (!isHeard && waiting !== undefined && waiting.push(data) > unheardMax) waiting.shift();
        break;
      }
      case "answer": {
        mustTurn = true;
        history.answered(record);
        break;
      }
      case "lost": {
        const slot = slotOf(record.l);
        const lines = standing.get(slot);
        lines?.delete(record.l);
        if (lines === undefined || lines.size > 0) break;
        history.forgetRecent();
        for (const socket of sockets) {
          if (socket.slot !== slot || !socket.isOpen) continue;
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
      history.refuseAll();
      mustTurn = true;
      await settle();
      isOver = true;
      return { ...report, tapeMs: nowMs };
    },
  };
}

/** What the lives of one line have in common: `a1` and `a2`, `market-b1` and `market-b7`. */
function slotOf(line: string): string {
  return line.replace(/\d+$/, "");
}
