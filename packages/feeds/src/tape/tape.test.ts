/** What is recorded of a feed, played again through the same code, is what the feed saw. */
import type { TradeEvent } from "@baton/core";
import { monoMs, wallMs } from "@baton/core";
import { mkdtemp, readFile, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FeedOptions } from "../feed-options.ts";
import { openFeed } from "../feed.ts";
import type { BookView, FeedStatus } from "../market-view.ts";
import { breakIn, btc, eth, isSameBook, openStage, until, untilLive } from "../testing/open-for-test.ts";
import type { PlayerReport } from "./player.ts";
import { openPlayer } from "./player.ts";
import type { RecorderOptions } from "./recorder.ts";
import { openRecorder } from "./recorder.ts";
import type { HistoryAnswer } from "./tap.ts";
import { readRecord } from "./tape-format.ts";
import { tapesIn } from "./tape-reader.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "baton-tape-"));
});
afterEach(() => rm(directory, { recursive: true }));

interface Seen {
  readonly trades: readonly TradeEvent[];
  readonly book: BookView | undefined;
  readonly status: FeedStatus;
}

/** Records a feed that loses frames, connections and trades. */
async function record(options: Partial<RecorderOptions> = {}, feed: Partial<FeedOptions> = {}): Promise<Seen> {
  const recorder = openRecorder({ directory, ...options });
  let seen: Seen;
  {
    await using stage = await openStage({ tap: recorder, everyMs: 5, ...feed });
    await untilLive(stage);
    stage.venue.wrong.framesToLose.set("btcusdt@trade", 4);
    stage.venue.wrong.framesToLose.set("btcusdt@depth@100ms", 2);
    stage.venue.wrong.garbage.push("no frame", '{"stream":"btcusdt@trade","data":{}}');
    await until("the trades were repaired", () => (stage.feed.status().symbols[0]?.tradesRepaired ?? 0) >= 4);
    await untilLive(stage);
    for (const socket of stage.venue.sockets) socket.terminate();
    await until("the loss was seen", () => stage.feed.status().reconnects.reset > 0);
    await untilLive(stage);
    const { length } = stage.trades;
    await until("the market has gone on", () => stage.trades.length > length + 100);
    stage.venue.rest();
    await until("all has come and is told", () => {
      const hasAll = (["BTCUSDT", "ETHUSDT"] as const).every(
        (code, at) => stage.feed.lastTrade(at === 0 ? btc : eth)?.id === stage.venue.lastTradeId(code),
      );
      return hasAll && isSameBook(stage) && isSameBook(stage, eth) && stage.feed.status().delivery.waiting === 0;
    });
    seen = { trades: stage.trades.slice(), book: stage.feed.book(btc, 1_000), status: stage.feed.status() };
  }
  await recorder.close();
  expect(recorder.status()).toMatchObject({ dropped: 0, failure: undefined });
  return seen;
}

/** Plays tapes into a feed. */
async function play(
  files: readonly string[],
  speed?: number,
  options: Partial<FeedOptions> = {},
): Promise<Seen & { report: PlayerReport }> {
  const player = openPlayer({ files });
  const feed = openFeed({
    id: "played",
    venue: "binance",
    symbols: [btc, eth],
    staleAfterMs: 400,
    world: player.world,
    ...options,
  });
  const trades: TradeEvent[] = [];
  feed.onTrade((event) => trades.push(event));
  const report = await player.play(speed === undefined ? {} : { speed });
  const seen = { trades, book: feed.book(btc, 1_000), status: feed.status() };
  await feed.close();
  return { ...seen, report };
}

/** What a trade says, whoever brought it. */
const told = (events: readonly TradeEvent[]): readonly string[] =>
  events.map((event) =>
    event.type === "trade"
      ? `${event.trade.symbol} ${event.trade.id} ${event.trade.price} ${event.trade.quantity} ${event.trade.taker}`
      : event.type,
  );
const perSymbol = (events: readonly TradeEvent[]): readonly (readonly string[])[] =>
  ["BTC/USDT", "ETH/USDT"].map((symbol) => told(events).filter((one) => one.startsWith(symbol)));

describe("a tape", () => {
  test("played gives the feed's own trades and its last book, gaps, garbage and lost connections included", async () => {
    const live = await record();
    const played = await play(await tapesIn(directory, "spot"));
    expect(breakIn(played.trades, btc)).toBeUndefined();
    const [wanted, got] = [perSymbol(live.trades), perSymbol(played.trades)];
    for (const at of [0, 1]) expect(got[at]?.slice(0, wanted[at]?.length)).toEqual(wanted[at]);
    expect(played.book).toMatchObject({ updateId: live.book?.updateId, bids: live.book?.bids, asks: live.book?.asks });
    expect(played.status.badFrames).toBe(2);
    expect(played.status.symbols[0]).toMatchObject({ gaps: live.status.symbols[0]?.gaps, tradesFlagged: 0 });
    expect(played.status.reconnects.reset).toBe(live.status.reconnects.reset);
    expect(played.report).toMatchObject({ dropped: 0, isTorn: false });
    expect(played.report.frames).toBeGreaterThanOrEqual(live.status.frames);
  });

  test("played twice gives the same twice", async () => {
    await record();
    const files = await tapesIn(directory, "spot");
    const [first, second] = [await play(files), await play(files)];
    expect(told(second.trades)).toEqual(told(first.trades));
    expect(second.report).toEqual(first.report);
    expect(second.status.symbols).toEqual(first.status.symbols);
  });

  test("is played at the pace that is asked for", async () => {
    await record();
    const files = await tapesIn(directory, "spot");
    const beganMs = performance.now();
    const { report } = await play(files, 4);
    expect(performance.now() - beganMs).toBeGreaterThan(report.tapeMs / 4 - 50);
    expect(perSymbol((await play(files, 50)).trades)).toEqual(perSymbol((await play(files)).trades));
  });

  test("of two lines is played through two lines", async () => {
    const live = await record({}, { lines: [{}, {}] });
    const played = await play(await tapesIn(directory, "spot"), undefined, { lines: [{}, {}] });
    const [wanted, got] = [perSymbol(live.trades), perSymbol(played.trades)];
    for (const at of [0, 1]) expect(got[at]?.slice(0, wanted[at]?.length)).toEqual(wanted[at]);
    expect(played.status.lines).toHaveLength(2);
    expect(played.status.symbols[0]?.tradeDuplicates).toBeGreaterThan(40);
  });

  test("is cut into files, each of which can be played alone", async () => {
    const live = await record({ fileBytesMax: 12_000 });
    const files = await tapesIn(directory, "spot");
    expect(files.length).toBeGreaterThan(2);
    const whole = await play(files);
    expect(whole.book?.updateId).toBe(live.book?.updateId);
    const last = await play(files.slice(-2));
    expect(last.status.symbols.map(({ book }) => book)).toEqual(["aligned", "aligned"]);
    expect(last.book).toMatchObject({ updateId: live.book?.updateId, bids: live.book?.bids });
  });

  test("is kept within its bound: the oldest files go", async () => {
    await record({ fileBytesMax: 6_000, keepBytesMax: 2_000 });
    const names = await readdir(directory);
    expect(names.length).toBeLessThanOrEqual(4);
    expect(names).not.toContain("spot-00000001.tape.gz");
  });

  test("that a crash has torn is played up to there", async () => {
    await record();
    const [file = ""] = await tapesIn(directory, "spot");
    const { length } = await readFile(file);
    await truncate(file, Math.floor(length * 0.6));
    const { report, trades } = await play([file]);
    expect(report.isTorn).toBe(true);
    expect(trades.length).toBeGreaterThan(5);
    expect(breakIn(trades, btc)).toBeUndefined();
  });

  test("shows with zcat what came in, bytes that are no text included", async () => {
    const recorder = openRecorder({ directory });
    await using stage = await openStage({ tap: recorder });
    await untilLive(stage);
    stage.venue.wrong.garbage.push(Buffer.from([0x7b, 0xff, 0xfe]));
    await until("it is in quarantine", () => stage.feed.status().badFrames === 1);
    await stage.feed.close();
    await recorder.close();
    const [file = ""] = await tapesIn(directory, "spot");
    const lines = gunzipSync(await readFile(file))
      .toString("utf8")
      .split("\n");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ tape: 1, feed: "spot", venue: "binance", part: 1 });
    expect(lines.some((line) => line.includes('"k":"bytes"') && line.includes("e//+"))).toBe(true);
    expect(lines.some((line) => line.includes('"question":"snapshot"'))).toBe(true);
  });

  test("begins with the feed: what came before its folder had been read stands on it, at its time, after nothing else", async () => {
    const at = { ms: 0 };
    const clock = { mono: () => monoMs(at.ms), wall: () => wallMs(1_700_000_000_000 + at.ms) };
    const recorder = openRecorder({ directory, clock });
    const hear = (): void =>
      recorder.frame({ line: "a1", connection: 1, data: Buffer.from("{}"), atMono: monoMs(0), atWall: wallMs(0) });
    at.ms = 100;
    // A feed that is asked what it knows, once it has heard something, knows more than what stands before that.
    const keyframe = (): readonly HistoryAnswer[] => [{ question: "lastTradeId", symbol: btc, answer: 7 }];
    recorder.begin({ id: "spot", venue: "binance", keyframe });
    for (const ms of [150, 600]) {
      at.ms = ms;
      hear();
    }
    await until("its file has begun", () => recorder.status().files === 1);
    at.ms = 700;
    hear();
    await recorder.close();
    const [file = ""] = await tapesIn(directory, "spot");
    const [head = "", ...records] = gunzipSync(await readFile(file))
      .toString("utf8")
      .trim()
      .split("\n");
    expect(JSON.parse(head)).toMatchObject({ beganWallMs: 1_700_000_000_100 });
    expect(records.map((line) => readRecord(line)).map((one) => [one?.k, one?.t])).toEqual([
      ["frame", 50],
      ["frame", 500],
      ["frame", 600],
    ]);
  });

  test("that is none is refused", async () => {
    const file = join(directory, "other.gz");
    await writeFile(file, "no tape");
    await expect(play([file])).rejects.toThrow(/incorrect header check/u);
  });
});

test("a recorder whose disk fails says so, and the feed goes on", async () => {
  const file = join(directory, "a-file");
  await writeFile(file, "");
  const recorder = openRecorder({ directory: join(file, "no-directory") });
  await using stage = await openStage({ tap: recorder });
  await untilLive(stage);
  await until("it has noticed", () => recorder.status().failure !== undefined);
  expect(recorder.status().failure).toContain("the tape cannot be written");
  await untilLive(stage);
  await recorder.close();
});
