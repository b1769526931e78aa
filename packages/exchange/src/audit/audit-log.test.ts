import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AuditRecord } from "@baton/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startExchange, type RunningExchange } from "../exchange.ts";
import { SignedClient } from "../testing/signed-client.ts";

let folder: string;
let file: string;
let exchange: RunningExchange;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "baton-exchange-"));
  file = join(folder, "audit.jsonl");
  exchange = await startExchange({ auditFile: file, keys: [{ key: "k", secret: "s", account: "desk" }] });
});
afterEach(async () => {
  await exchange.close();
  rmSync(folder, { recursive: true, force: true });
});

function written(): AuditRecord[] {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as AuditRecord);
}

describe("the audit log", () => {
  test("has an order's acceptance, fills and written answer on disk before the client has the answer", async () => {
    const client = new SignedClient(exchange.url, { key: "k", secret: "s" });
    for (let at = 0; at < 20; at += 1) {
      await client.send("POST", "/api/v3/order", {
        symbol: "BTCUSDT",
        side: at % 2 === 0 ? "BUY" : "SELL",
        type: "MARKET",
        quantity: "0.01",
        newClientOrderId: `o-${at}`,
      });
      const types = new Set(
        written()
          .filter((one) => one.clientOrderId === `o-${at}`)
          .map((one) => one.type),
      );
      expect([...types]).toEqual(["recv", "accept", "fill", "ack-written"]);
    }
  });

  test("counts from 1 without a hole, on one monotonic clock, and joins requests by their recv", async () => {
    const client = new SignedClient(exchange.url, { key: "k", secret: "s" });
    await Promise.all(Array.from({ length: 50 }, (_, at) => client.place(`o-${at}`)));
    const records = written();
    expect(records.map((one) => one.n)).toEqual(records.map((_, index) => index + 1));
    expect(records.every((one, index) => index === 0 || one.monoMs >= (records[index - 1]?.monoMs ?? 0))).toBe(true);
    for (const one of records) {
      if (one.type !== "accept") continue;
      expect(records[one.recvN - 1]).toMatchObject({
        type: "recv",
        clientOrderId: one.clientOrderId,
        recvWindow: 5_000,
      });
    }
  });

  test("is served from any record on, and followed as it grows", async () => {
    const client = new SignedClient(exchange.url, { key: "k", secret: "s" });
    await client.place("first");
    const tail = await (await fetch(`${exchange.url}/__audit?from=2`)).text();
    expect(JSON.parse(tail.split("\n")[0] ?? "")).toMatchObject({ n: 2 });
    const following = await fetch(`${exchange.url}/__audit?follow=1`);
    const reader = (following.body as ReadableStream<Uint8Array>).getReader();
    await client.place("second");
    let text = "";
    while (!text.includes('"ack-written","apiKey":"k","account":"desk"') || !text.includes("second")) {
      const { value, done } = await reader.read();
      if (done) break;
      text += Buffer.from(value).toString("utf8");
    }
    const seen = text.split("\n").filter((line) => line.endsWith("}"));
    expect(seen.map((line) => (JSON.parse(line) as AuditRecord).n)).toEqual(seen.map((_, index) => index + 1));
    await reader.cancel();
  });
});
