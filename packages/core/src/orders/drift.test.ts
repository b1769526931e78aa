/** When a difference between the account and the journal is drift, and when it is a fill on its way. */
import { expect, test } from "vitest";
import { decimal } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import { id } from "../ids.ts";
import type { SymbolId } from "../ids.ts";
import { wallMs } from "../time.ts";
import { driftConfirmMs, knownDrift, watchDrift } from "./drift.ts";
import type { AccountReading, DriftWatch } from "./drift.ts";
import { fill, story, venue } from "./sample-events.ts";
import type { Story } from "./sample-events.ts";

/** An account with 1,000 USDT at its baseline, and who reads it. */
function account(): {
  readonly s: Story;
  readonly read: (atMs: number, balances: Record<string, string>, more?: Partial<AccountReading>) => readonly string[];
} {
  const s = story();
  s.tell({
    kind: "baseline.taken",
    venue,
    atWallMs: wallMs(0),
    balances: { USDT: decimal("1000") },
    lastTradeIds: {},
    externalOrders: [],
  });
  let watch: DriftWatch = new Map();
  const read = (
    atMs: number,
    balances: Record<string, string>,
    more: Partial<AccountReading> = {},
  ): readonly string[] => {
    const told = Object.fromEntries(
      Object.entries(balances).map(([currency, total]): [string, Decimal] => [currency, decimal(total)]),
    );
    const reading = { venue, balances: told, isAll: true, atWallMs: wallMs(atMs), ...more };
    const step = watchDrift(s.state, reading, watch);
    watch = step.watch;
    for (const event of step.found) s.tell(event);
    return step.found.map(
      ({ subject, journal, told: by }) => `${Object.values(subject).join(" ")}: ${journal} / ${by}`,
    );
  };
  return { s, read };
}

test("a difference that lasts is recorded once, with both numbers, and changes neither; a change of it is another", () => {
  const { s, read } = account();
  expect(read(10_000, { USDT: "1500" })).toEqual([]);
  expect(read(10_000 + driftConfirmMs - 1, { USDT: "1500" })).toEqual([]);
  expect(read(10_000 + driftConfirmMs, { USDT: "1500" })).toEqual(["balance USDT: 1000 / 1500"]);
  expect(knownDrift(s.state, venue, "balance USDT")).toBe("500");
  expect(read(60_000, { USDT: "1500" })).toEqual([]);
  expect(read(120_000, { USDT: "1500" })).toEqual([]);
  // Paid out again.
  read(180_000, { USDT: "1000" });
  expect(read(190_000, { USDT: "1000" })).toEqual(["balance USDT: 1000 / 1000"]);
  expect(knownDrift(s.state, venue, "balance USDT")).toBe("0");
});

test("a difference that comes and goes is a fill on its way", () => {
  const { read } = account();
  expect(read(10_000, { USDT: "900" })).toEqual([]);
  expect(read(12_000, { USDT: "1000" })).toEqual([]);
  expect(read(20_000, { USDT: "900" })).toEqual([]);
  expect(read(21_000, { USDT: "850" })).toEqual([]);
  expect(read(22_000, { USDT: "1000" })).toEqual([]);
});

test("a difference is found below the fills that go on: it returns whenever they rest, whatever the amounts between", () => {
  const { read } = account();
  expect(read(10_000, { USDT: "1500" })).toEqual([]);
  expect(read(12_000, { USDT: "1420" })).toEqual([]);
  expect(read(13_000, { USDT: "1580" })).toEqual([]);
  expect(read(16_000, { USDT: "1500" })).toEqual(["balance USDT: 1000 / 1500"]);
});

test("what the journal explains is no drift: the fills since, fees included", () => {
  const { s, read } = account();
  const { id: intent } = s.want();
  s.tell({ ...fill(s.order(intent), 1, "0.5"), price: decimal("100"), fee: decimal("0.1"), feeCurrency: "USDT" });
  const side = s.order(intent).terms.side === "buy" ? { BTC: "0.5", USDT: "949.9" } : { BTC: "-0.5", USDT: "1049.9" };
  expect(read(10_000, side)).toEqual([]);
  expect(read(20_000, side)).toEqual([]);
});

test("a currency that is not named any more is zero where everything was told, and unknown where only changes were", () => {
  const { read } = account();
  read(10_000, {}, { isAll: false });
  expect(read(20_000, {}, { isAll: false })).toEqual([]);
  read(30_000, {});
  expect(read(40_000, {})).toEqual(["balance USDT: 1000 / 0"]);
});

test("where the venue keeps positions, they are compared, and wallets are not", () => {
  const { read } = account();
  const symbol = id<SymbolId>("BTC/USDT:USDT");
  const positions = new Map([[symbol, decimal("-2")]]);
  read(10_000, { USDT: "1" }, { positions });
  expect(read(20_000, { USDT: "1" }, { positions })).toEqual([`position ${symbol}: 0 / -2`]);
});

test("a position that the journal held while it was read is no difference, beside what is known to be there", () => {
  const { s, read } = account();
  const symbol = id<SymbolId>("BTC/USDT:USDT");
  const at = (told: string, ...held: string[]): Partial<AccountReading> => ({
    positions: new Map([[symbol, decimal(told)]]),
    journaled: new Map([[symbol, new Set(held.map((one) => decimal(one)))]]),
  });
  // The same fill-sized gap at both readings, which the fills told meanwhile explain.
  expect(read(10_000, {}, at("0.1", "0", "0.1"))).toEqual([]);
  expect(read(20_000, {}, at("0.1", "0.1", "0.2"))).toEqual([]);
  expect(read(30_000, {}, at("0.1", "0", "0.2"))).toEqual([]);
  expect(read(40_000, {}, at("0.1", "0", "0.2"))).toEqual([`position ${symbol}: 0 / 0.1`]);
  expect(knownDrift(s.state, venue, `position ${symbol}`)).toBe("0.1");
  expect(read(50_000, {}, at("0.4", "0.2", "0.3"))).toEqual([]);
  expect(read(60_000, {}, at("0.4", "0.2", "0.3"))).toEqual([]);
});

test("an account without a baseline is compared with nothing", () => {
  const s = story();
  const reading = { venue, balances: { USDT: decimal("5") }, isAll: true, atWallMs: wallMs(1) };
  expect(watchDrift({ ...s.state, baselines: new Map() }, reading, new Map()).found).toEqual([]);
});
