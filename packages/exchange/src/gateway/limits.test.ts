/** How long an address is banned, in time that is given. */
import { expect, test } from "vitest";
import type { ApiError } from "./api-error.ts";
import { LimitCounters, usualLimits, type OrderWindow } from "./limits.ts";

const window: OrderWindow = {
  interval: "DAY",
  lengthMs: 86_400_000,
  limit: "ordersPerDay",
  header: "x",
  countsUnfilledOnly: true,
};

test("a ban grows with each offence, is served to its end, and is another address's no concern", () => {
  const limits = new LimitCounters(
    { ...usualLimits, weightPerMinute: 10, violationsBeforeBan: 1, banSeconds: 120 },
    window,
  );
  const ask = (nowMs: number, address = "a"): ApiError | undefined => {
    try {
      limits.countWeight(address, 10, nowMs);
      return undefined;
    } catch (error) {
      return error as ApiError;
    }
  };
  let nowMs = 60_000_000;
  for (const banSeconds of [120, 240, 480]) {
    expect(ask(nowMs)).toBeUndefined();
    expect(ask(nowMs)).toMatchObject({ status: 429, code: -1003, retryAfter: 60 });
    expect(ask(nowMs)).toMatchObject({ status: 418, code: -1003, retryAfter: banSeconds });
    expect(ask(nowMs, `other-${banSeconds}`)).toBeUndefined();
    expect(ask(nowMs + banSeconds * 1_000 - 1)).toMatchObject({ status: 418, retryAfter: 1 });
    nowMs += banSeconds * 1_000;
  }
});
