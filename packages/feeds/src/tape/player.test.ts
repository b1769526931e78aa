/** The player on tapes written by hand: the feed that is played lives through what the recorded one lived through. */
import type { TradeEvent } from "@baton/core";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openFeed } from "../feed.ts";
import type { FeedStatus } from "../market-view.ts";
import { btc } from "../testing/open-for-test.ts";
import { openPlayer } from "./player.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "baton-player-"));
});
afterEach(() => rm(directory, { recursive: true }));

/** Records of a tape, each at its milliseconds. */
type Script = readonly (readonly [number, Readonly<Record<string, unknown>>])[];

const heard = (stream: string, data: unknown, line = "a1"): Readonly<Record<string, unknown>> => ({
  k: "frame",
  l: line,
  c: 1,
  x: JSON.stringify({ stream: `btcusdt@${stream}`, data }),
});
const trade = (id: number): Readonly<Record<string, unknown>> =>
  heard("trade", { e: "trade", E: 1, s: "BTCUSDT", t: id, p: "69000.00", q: "0.10", T: 1_000 + id, m: true });
const difference = (U: number, u: number): Readonly<Record<string, unknown>> =>
  heard("depth@100ms", { e: "depthUpdate", E: 1, s: "BTCUSDT", U, u, b: [["68999.00", "1"]], a: [["69001.00", "1"]] });
const snapshot = (lastId: number): Readonly<Record<string, unknown>> => ({
  k: "answer",
  question: "snapshot",
  symbol: btc,
  answer: { lastId, bids: [["68998.00", "1"]], asks: [["69002.00", "1"]], limit: 1_000 },
});
const lost = { k: "lost", l: "a1", cause: "reset", why: "the socket was reset" };

/** Plays it, and returns what was told and how it ended. */
async function play(script: Script): Promise<{ readonly told: readonly string[]; readonly status: FeedStatus }> {
  const file = join(directory, "spot-00000001.tape.gz");
  const head = { tape: 1, feed: "spot", venue: "binance", part: 1, beganWallMs: 1_700_000_000_000 };
  const records = script.map(([t, record]) => ({ ...record, t }));
  await writeFile(file, gzipSync(`${[head, ...records].map((line) => JSON.stringify(line)).join("\n")}\n`));
  const player = openPlayer({ files: [file] });
  const { world } = player;
  const feed = openFeed({ id: "played", venue: "binance", symbols: [btc], staleAfterMs: 400, world });
  const told: string[] = [];
  const tell = (event: TradeEvent): string => (event.type === "trade" ? String(event.trade.id) : event.type);
  feed.onTrade((event) => told.push(tell(event)));
  await player.play();
  const status = feed.status();
  await feed.close();
  return { told, status };
}

test("a recording process that did not read for seconds lost nothing, and neither does the feed that is played", async () => {
  const { told, status } = await play([
    [0, trade(1)],
    [2, difference(11, 12)],
    [4, snapshot(10)],
    [6, difference(13, 14)],
    [9_000, difference(15, 16)],
    [9_000, trade(2)],
    [9_001, trade(3)],
    [9_002, trade(4)],
    [9_003, difference(17, 18)],
  ]);
  expect(told).toEqual(["1", "2", "3", "4"]);
  expect(status.reconnects.stall).toBe(0);
  expect(status.symbols[0]).toMatchObject({ book: "aligned", updateId: 18, tradeHoles: 0 });
});

test("a connection that stood again sooner than the played feed dialled is heard from its first frame", async () => {
  const { told, status } = await play([
    [0, trade(1)],
    [2, difference(11, 12)],
    [4, snapshot(10)],
    [100, lost],
    [100.2, trade(2)],
    [100.3, difference(13, 14)],
    [100.4, trade(3)],
    [100.5, snapshot(13)],
    [100.6, difference(15, 16)],
    [101, trade(4)],
    [200, difference(17, 18)],
  ]);
  expect(told).toEqual(["1", "2", "3", "4"]);
  expect(status.reconnects.reset).toBe(1);
  expect(status.symbols[0]).toMatchObject({ book: "aligned", updateId: 18, tradeHoles: 0 });
});
