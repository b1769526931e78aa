import { monoMs, wallMs } from "@baton/core";
import { once } from "node:events";
import type { Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { openRest, retryAfter } from "./rest.ts";

const clock = { mono: () => monoMs(performance.now()), wall: () => wallMs(Date.parse("2026-01-01T00:00:00Z")) };
let server: Server | undefined;
const serve = async (answer: (response: ServerResponse) => void): Promise<string> => {
  server = createServer((_, response) => answer(response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
const never = new AbortController().signal;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

describe("a question to the venue", () => {
  test("ends by its deadline though the head of an answer has come", async () => {
    const origin = await serve((response) => response.write('{"half":'));
    const get = openRest({ origin, clock, deadlineMs: 100 });
    await expect(get("/x", never)).rejects.toMatchObject({ name: "TimeoutError" });
  });

  test("is not put again before the venue's Retry-After", async () => {
    let asked = 0;
    const origin = await serve((response) => {
      asked += 1;
      response.writeHead(429, { "retry-after": "30" }).end("{}");
    });
    const get = openRest({ origin, clock, deadlineMs: 20_000 });
    await expect(get("/x", never)).rejects.toMatchObject({ code: "rest-refused", status: 429, retryAfterMs: 30_000 });
    await expect(get("/x", never)).rejects.toMatchObject({ code: "rest-paused" });
    expect(asked).toBe(1);
  });

  test("is not put while a venue that fails again and again is asked one at a time; its answer lets all pass", async () => {
    const world = { isIll: true, asked: 0, nowMono: 0 };
    const origin = await serve((response) => {
      world.asked += 1;
      response.writeHead(world.isIll ? 503 : 200).end("{}");
    });
    const states: string[] = [];
    const get = openRest({
      ...{ origin, deadlineMs: 20_000, onBreaker: (state) => states.push(state) },
      clock: { ...clock, mono: () => monoMs(world.nowMono) },
    });
    for (let n = 0; n < 5; n += 1) await expect(get("/x", never)).rejects.toMatchObject({ status: 503 });
    await expect(get("/x", never)).rejects.toMatchObject({ code: "rest-paused", retryAfterMs: 500 });
    expect([world.asked, states]).toEqual([5, ["open"]]);
    world.nowMono = 500;
    await expect(get("/x", never)).rejects.toMatchObject({ status: 503 });
    await expect(get("/x", never)).rejects.toMatchObject({ code: "rest-paused" });
    world.isIll = false;
    world.nowMono = 1_000;
    await expect(Promise.allSettled([get("/x", never), get("/x", never)])).resolves.toMatchObject([
      { status: "fulfilled" },
      { status: "rejected", reason: { code: "rest-paused" } },
    ]);
    await expect(get("/x", never)).resolves.toEqual({});
    expect([world.asked, states]).toEqual([8, ["open", "probing", "open", "probing", "closed"]]);
  });

  test("that is given up by its asker, or refused for its own fault, says nothing against the venue", async () => {
    const origin = await serve((response) => response.writeHead(404).end("{}"));
    const states: string[] = [];
    const get = openRest({ origin, clock, deadlineMs: 20_000, onBreaker: (state) => states.push(state) });
    for (let n = 0; n < 6; n += 1) {
      await expect(get("/x", AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
      await expect(get("/x", never)).rejects.toMatchObject({ status: 404 });
    }
    expect(states).toEqual([]);
  });

  test("that is answered with a page instead of data is an error with a code", async () => {
    const origin = await serve((response) => response.end("<html>maintenance</html>"));
    await expect(openRest({ origin, clock, deadlineMs: 20_000 })("/x", never)).rejects.toMatchObject({
      code: "rest-unreadable",
    });
  });

  test("that is given up by its asker ends at once", async () => {
    const origin = await serve(() => undefined);
    const asker = new AbortController();
    const answer = openRest({ origin, clock, deadlineMs: 60_000 })("/x", asker.signal);
    asker.abort();
    await expect(answer).rejects.toMatchObject({ name: "AbortError" });
  });

  test("Retry-After is read in seconds and as a date, and not guessed", () => {
    expect(retryAfter("7", clock)).toBe(7_000);
    expect(retryAfter("Thu, 01 Jan 2026 00:00:09 GMT", clock)).toBe(9_000);
    expect([retryAfter("soon", clock), retryAfter("", clock), retryAfter(undefined, clock)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
