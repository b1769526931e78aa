/**
 * A line's life, told as transcripts: an input, what the machine did, the state after it. `line.transcript.txt` is
 * regenerated with `vitest -u` and reviewed as a diff; the facts that must hold in every life are tested one by one below.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assert } from "../assert.ts";
import { monoMs } from "../time.ts";
import type { LineEffect, LineInput, LineRules } from "./line-contract.ts";
import type { Line } from "./line.ts";
import { lineState, newLine, stepLine } from "./line.ts";

const rules: LineRules = {
  connectWithinMs: 5_000,
  closeWithinMs: 1_000,
  paceMs: 250,
  batchMax: 100,
  ackWithinMs: 1_000,
  ackAttempts: 3,
  pingEveryMs: 10_000,
  pongWithinMs: 5_000,
  backoff: { baseMs: 250, capMs: 30_000 },
  stableAfterMs: 30_000,
  giveUpAfter: 4,
  switchAfter: 3,
  probeEveryMs: 60_000,
  rotateBetweenMs: [72_000_000, 82_800_000],
};
const verifying: LineRules = { ...rules, verifyEveryMs: 60_000 };
const wants = { streams: new Set(["btcusdt@depth", "btcusdt@trade"]), books: new Set(["BTC/USDT"]) };

/** A line with a clock, that tells what it did. */
class Story {
  line: Line;
  nowMs = 0;
  random = 0.5;
  wakeMs: number | undefined;
  readonly effects: LineEffect[] = [];
  readonly lines: string[] = [];

  constructor(with_: LineRules = rules) {
    this.line = newLine(with_, wants);
  }
  /** One input at the present time. */
  do(input: LineInput): this {
    const { type, ...facts } = input;
    this.lines.push(
      `${String(this.nowMs).padStart(6)} ${type}${Object.keys(facts).length > 0 ? ` ${words(facts)}` : ""}`,
    );
    const stepped = stepLine(this.line, input, { nowMono: monoMs(this.nowMs), random: this.random });
    this.line = stepped.line;
    for (const effect of stepped.effects) this.note(effect);
    this.lines.push(`       = ${lineState(this.line)}, wakes ${this.wakeMs ?? "never"}: ${this.line.sentence}`);
    return this;
  }
  /** Lets time pass; wakes the machine whenever its timer says so. */
  pass(ms: number): this {
    const untilMs = this.nowMs + ms;
    while (this.wakeMs !== undefined && this.wakeMs <= untilMs) {
      this.nowMs = Math.max(this.nowMs, this.wakeMs);
      this.do({ type: "wake" });
    }
    this.nowMs = untilMs;
    return this;
  }
  /** From a started line to a live one, told in one line. */
  live(): this {
    const told = this.lines.length;
    this.becomeLive();
    this.lines.splice(
      told,
      Infinity,
      `${String(this.nowMs).padStart(6)} (connection ${this.line.connections} becomes live)`,
    );
    return this;
  }
  becomeLive(): this {
    const connection = this.line.connections;
    this.do({ type: "opened", connection });
    this.do({ type: "data", connection });
    this.do({ type: "acknowledged", connection, id: this.line.nextRequestId - 1 });
    return this.do({ type: "aligned", connection, book: "BTC/USDT" });
  }
  /** Lets time pass, and then the peer answers a ping. */
  pong(ms: number): this {
    return this.pass(ms).do({ type: "pong", connection: this.line.connections });
  }
  closed(code: "reset" | "closed" | "rate-limit", retryAfterMs?: number): this {
    const connection = this.line.connections;
    return this.do({ type: "closed", connection, cause: code, sentence: `it was ${code}`, retryAfterMs });
  }
  count(type: LineEffect["type"]): number {
    return this.effects.filter((effect) => effect.type === type).length;
  }
  private note(effect: LineEffect): void {
    if (effect.type === "wake-at") {
      this.wakeMs = effect.atMono;
      return;
    }
    this.effects.push(effect);
    // A move shows in the state after the step.
    if (effect.type === "moved") return;
    const { type, ...facts } = effect;
    this.lines.push(`       → ${type} ${words(facts)}`);
  }
}

function words(facts: object): string {
  return Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      if (Array.isArray(value)) return `${name}=[${value.join(" ")}]`;
      if (typeof value !== "object" || value === null) return `${name}=${String(value)}`;
      return `${name}={${words(value as object)}}`;
    })
    .join(" ");
}

const started = (): Story => new Story().do({ type: "start" });

test("the lives of a line are as told in the transcript", async () => {
  const lives: readonly (readonly [string, Story])[] = [
    [
      "It connects, is acknowledged, aligned, live; then the peer resets it and it comes back.",
      started().pass(5).becomeLive().pass(5_000).closed("reset").pass(400).live(),
    ],
    [
      "After half a minute of health a loss counts as the first, and the wait is short.",
      started().live().pong(10_100).pong(10_000).pong(10_000).closed("closed").pass(200),
    ],
    [
      "An acknowledgement is lost: the request is repeated under a new id; a late answer to the first one counts.",
      started().do({ type: "opened", connection: 1 }).pass(1_100).do({ type: "acknowledged", connection: 1, id: 1 }),
    ],
    [
      "Nothing is ever acknowledged: the connection is given up after three attempts.",
      started().do({ type: "opened", connection: 1 }).pass(3_100),
    ],
    [
      "A book loses its sequence and is repaired.",
      started()
        .live()
        .do({ type: "unaligned", connection: 1, book: "BTC/USDT", sentence: "BTC/USDT: updates 7 to 9 are missing" })
        .do({ type: "aligned", connection: 1, book: "BTC/USDT" }),
    ],
    [
      "A stream falls silent, and is then proved to be dead.",
      started()
        .live()
        .do({ type: "silence", connection: 1, sentence: "no fresh data for BTC/USDT" })
        .pass(500)
        .do({
          type: "stalled",
          connection: 1,
          sentence: "btcusdt@depth is silent for 2500 ms, though the venue has newer data",
        })
        .pass(300),
    ],
    ["The venue refuses upgrades and says for how long.", started().closed("rate-limit", 7_000).pass(6_900).pass(400)],
    [
      "Attempt after attempt fails: it is given up, and still probed; then it succeeds.",
      started()
        .closed("reset")
        .pass(260)
        .closed("reset")
        .pass(510)
        .closed("reset")
        .pass(1_010)
        .closed("reset")
        .pass(45_000)
        .live(),
    ],
    [
      "The budget of attempts is spent.",
      started()
        .do({ type: "denied", connection: 1, untilMono: monoMs(2_000) })
        .pass(2_200),
    ],
    [
      "The venue announces its end: another line is asked for once, and this one goes on until it is told to stop.",
      started()
        .live()
        .do({ type: "shutdown", connection: 1, sentence: "the venue announced that it will close" })
        .do({ type: "shutdown", connection: 1, sentence: "the venue announced it once more" })
        .pass(500)
        .do({
          type: "stop",
          because: { cause: "maintenance", sentence: "the venue announced that it will close" },
        })
        .pass(5)
        .closed("closed"),
    ],
    [
      "Pings are answered; then one is not.",
      started().live().pass(10_100).do({ type: "pong", connection: 1 }).pass(15_000),
    ],
    [
      "The venue's own list lacks a stream that it had acknowledged: it is asked for again.",
      new Story(verifying)
        .do({ type: "start" })
        .live()
        .pass(300)
        .do({ type: "listed", connection: 1, id: 2, streams: ["btcusdt@trade"] })
        .pass(300)
        .do({ type: "acknowledged", connection: 1, id: 3 }),
    ],
    [
      "A venue that wants a heartbeat of its own gets it; then it does not answer one.",
      new Story({ ...rules, heartbeat: { everyMs: 4_000, withinMs: 2_000 } })
        .do({ type: "start" })
        .live()
        .pass(4_100)
        .do({ type: "beat", connection: 1 })
        .pass(6_000),
    ],
    ["It is stopped; the peer does not finish the close.", started().live().do({ type: "stop" }).pass(2_000)],
    ["It is stopped while it waits.", started().closed("reset").do({ type: "stop" }).pass(60_000)],
  ];
  const text = lives.map(([title, story]) => `# ${title}\n${story.lines.join("\n")}\n`).join("\n");
  await expect(text).toMatchFileSnapshot("line.transcript.txt");
});

describe("a line", () => {
  test("is live only after every stream is acknowledged and every book aligned", () => {
    const story = started().do({ type: "opened", connection: 1 });
    story.do({ type: "aligned", connection: 1, book: "BTC/USDT" });
    expect(lineState(story.line)).toBe("subscribing");
    story.do({ type: "acknowledged", connection: 1, id: 1 });
    expect(lineState(story.line)).toBe("live");
  });

  test("that a venue accepts and drops again and again waits longer and longer, and gives up", () => {
    const story = started();
    const waits: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      story.becomeLive().pass(1_000).closed("closed");
      waits.push((story.wakeMs ?? 0) - story.nowMs);
      story.pass(waits.at(-1) ?? 0);
    }
    expect(waits).toEqual([250, 500, 1_000, 45_000, 45_000, 45_000]);
    expect(story.count("gave-up")).toBe(1);
  });

  test("counts as healthy only once data has come, however long it stood", () => {
    const failuresAfter = (hasData: boolean): number => {
      const story = started().do({ type: "opened", connection: 1 });
      if (hasData) story.do({ type: "data", connection: 1 });
      story.do({ type: "acknowledged", connection: 1, id: 1 }).do({ type: "aligned", connection: 1, book: "BTC/USDT" });
      return story.pong(10_100).pong(10_000).pong(10_000).closed("closed").line.failures;
    };
    expect([failuresAfter(true), failuresAfter(false)]).toEqual([0, 1]);
  });

  test("tries its next endpoint after some failures in a row, and the one after that when it is given up", () => {
    const story = started();
    for (let round = 1; round <= 7; round += 1) story.closed("reset").pass((story.wakeMs ?? 0) - story.nowMs);
    const dialled = story.effects.flatMap((effect) => (effect.type === "connect" ? [effect.endpoint] : []));
    expect(dialled).toEqual([0, 0, 0, 1, 1, 1, 2, 2]);
  });

  test("that was given up is dialled at once when the venue is known to answer; a budget that is spent holds it all the same", () => {
    const story = started();
    for (let round = 1; round < rules.giveUpAfter; round += 1)
      story.closed("reset").pass((story.wakeMs ?? 0) - story.nowMs);
    story.closed("reset");
    expect(lineState(story.line)).toBe("given-up");
    const dials = story.count("connect");
    story.do({ type: "hurry" });
    expect(story.count("connect")).toBe(dials + 1);
    // Who is dialled already has nothing to hurry.
    story.do({ type: "hurry" });
    expect(story.count("connect")).toBe(dials + 1);
    const { connections } = story.line;
    story.do({ type: "denied", connection: connections, untilMono: monoMs(story.nowMs + 10_000) });
    expect(story.wakeMs).toBeGreaterThanOrEqual(story.nowMs + 10_000);
  });

  test("asks for its replacement between the youngest and the oldest age, at random, and delivers on", () => {
    const dueAt = (random: number): number | undefined => {
      const story = new Story({ ...rules, rotateBetweenMs: [100_000, 200_000] }).do({ type: "start" });
      story.random = random;
      story.becomeLive();
      while (story.count("replace") === 0 && story.nowMs < 300_000) story.pong(1_000);
      expect(lineState(story.line)).toBe("live");
      story.pong(4_000).pong(4_000);
      expect([story.count("replace"), story.count("close")]).toEqual([1, 0]);
      return story.nowMs - 8_000;
    };
    expect([0, 0.5, 0.99].map(dueAt)).toEqual([100_000, 150_000, 199_000]);
  });

  test("does not hear what an older connection still says", () => {
    const story = started().becomeLive().closed("reset").pass(1_000);
    expect(lineState(story.line)).toBe("connecting");
    const before = story.line;
    for (const type of ["opened", "pong"] as const) story.do({ type, connection: 1 });
    story.do({ type: "closed", connection: 1, cause: "reset", sentence: "again" });
    story.do({ type: "stalled", connection: 1, sentence: "late" });
    expect(story.line.phase).toBe(before.phase);
  });

  test("asks for streams that are added while it is live, and lets go of those that are removed", () => {
    const story = started().becomeLive().pass(1_000);
    story.do({ type: "want", wants: { streams: new Set(["btcusdt@trade", "ethusdt@trade"]), books: new Set() } });
    story.pass(300);
    const sent = story.effects.filter((effect) => effect.type === "send").map((effect) => effect.request);
    expect(sent.slice(1).map(({ method, streams }) => [method, ...streams])).toEqual([
      ["SUBSCRIBE", "ethusdt@trade"],
      ["UNSUBSCRIBE", "btcusdt@depth"],
    ]);
  });

  test("keeps every promise in every life (any inputs, in any order, at any time)", () => {
    const connection = fc.integer({ min: 1, max: 6 });
    const sentence = fc.constant("so it was");
    const input: fc.Arbitrary<LineInput | number> = fc.oneof(
      fc.constant<LineInput>({ type: "start" }),
      fc.constant<LineInput>({ type: "hurry" }),
      fc.constant<LineInput>({ type: "stop" }),
      fc.record({ type: fc.constant("opened" as const), connection }),
      fc.record({ type: fc.constant("closed" as const), connection, cause: fc.constant("reset" as const), sentence }),
      fc.record({ type: fc.constant("acknowledged" as const), connection, id: fc.integer({ min: 1, max: 8 }) }),
      fc.record({ type: fc.constant("aligned" as const), connection, book: fc.constant("BTC/USDT") }),
      fc.record({ type: fc.constant("unaligned" as const), connection, book: fc.constant("BTC/USDT"), sentence }),
      fc.record({ type: fc.constant("stalled" as const), connection, sentence }),
      fc.record({ type: fc.constant("shutdown" as const), connection, sentence }),
      fc.record({ type: fc.constantFrom("pong" as const, "beat" as const, "data" as const), connection }),
      fc.record({
        type: fc.constant("listed" as const),
        connection,
        id: fc.integer({ min: 1, max: 8 }),
        streams: fc.constantFrom<string[]>([], ["btcusdt@trade"], ["btcusdt@trade", "btcusdt@depth"], ["other"]),
      }),
      fc.record({ type: fc.constant("silence" as const), connection, sentence: fc.constantFrom(undefined, "silent") }),
      fc.record({
        type: fc.constant("refused" as const),
        connection,
        id: fc.integer({ min: 1, max: 8 }),
        why: sentence,
      }),
      fc.record({ type: fc.constant("denied" as const), connection, untilMono: fc.constant(monoMs(500_000)) }),
      fc.constantFrom<LineInput>(
        { type: "want", wants: { streams: new Set(["btcusdt@trade", "ethusdt@trade"]), books: new Set(["ETH/USDT"]) } },
        { type: "want", wants: { streams: new Set(), books: new Set() } },
        { type: "want", wants },
      ),
      fc.integer({ min: 1, max: 40_000 }),
    );
    fc.assert(
      fc.property(
        fc.array(input, { maxLength: 60 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (inputs, random) => {
          const story = new Story({ ...verifying, heartbeat: { everyMs: 4_000, withinMs: 2_000 } });
          story.random = random;
          /** Attempts that the budget denied: nothing was dialled, so nothing is lost. */
          const denied = new Set<number>();
          for (const one of inputs) {
            const isDialling = story.line.phase.kind === "connecting";
            if (typeof one === "number") story.pass(one);
            else {
              story.do(one);
              const { connections } = story.line;
              if (one.type === "denied" && isDialling && one.connection === connections) denied.add(connections);
            }
            // Or the shell would spin.
            assert((story.wakeMs ?? Infinity) >= story.nowMs, "no timer is due already");
            assert(lineState(story.line) !== "idle" || story.wakeMs === undefined, "an idle line has no timer");
          }
          let dialled = 0;
          let open = 0;
          for (const effect of story.effects) {
            if (effect.type === "connect") {
              assert(effect.connection === dialled + 1, "connections are numbered without a hole");
              // At most one connection at a time: each is lost, or cut before it was had, before the next is dialled.
              assert(open === 0 || denied.has(dialled), "the last connection is gone");
              [dialled, open] = [effect.connection, 1];
            }
            if (effect.type === "lost" || effect.type === "terminate") open = 0;
          }
          // From wherever it is, it stops, and leaves nothing behind.
          story.do({ type: "stop" }).pass(rules.closeWithinMs + 1);
          expect(lineState(story.line)).toBe("idle");
          expect(story.wakeMs).toBeUndefined();
        },
      ),
      {
        numRuns: 300,
        examples: [
          [
            [
              { type: "start" },
              { type: "denied", connection: 1, untilMono: monoMs(500_000) },
              { type: "stop" },
              { type: "start" },
            ],
            0,
          ],
        ],
      },
    );
  });

  test("sends at most five messages in any second, pings included", () => {
    const streams = new Set(Array.from({ length: 950 }, (_, at) => `s${at}@trade`));
    const story = new Story();
    story.line = newLine({ ...rules, pingEveryMs: 900 }, { streams, books: new Set() });
    story.do({ type: "start" }).do({ type: "opened", connection: 1 });
    const sentMs: number[] = [];
    for (let seen = 0; story.nowMs < 6_000; story.pass(10)) {
      for (const effect of story.effects.slice(seen))
        if (effect.type === "send" || effect.type === "ping") sentMs.push(story.nowMs);
      seen = story.effects.length;
      const last = story.effects.findLast((effect) => effect.type === "send");
      if (last !== undefined) story.do({ type: "acknowledged", connection: 1, id: last.request.id });
      story.do({ type: "pong", connection: 1 });
    }
    expect(story.effects.filter((effect) => effect.type === "send")).toHaveLength(10);
    for (const at of sentMs) {
      expect(sentMs.filter((other) => other >= at && other < at + 1_000).length).toBeLessThanOrEqual(5);
    }
  });
});
