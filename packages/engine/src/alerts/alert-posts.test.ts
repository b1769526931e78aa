/** An Alertmanager that is there, that refuses, that hangs and that is away. */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { id } from "@baton/core";
import type { NodeId } from "@baton/core";
import { pino } from "pino";
import { afterEach, expect, test, vi } from "vitest";
import { rigConfig } from "../testing/desk-rig.ts";
import { AlertPosts } from "./alert-posts.ts";

interface Posted {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** Answers as `answer` does; without one it is away. */
async function alertmanager(answer: (response: ServerResponse) => void): Promise<{
  readonly url: string;
  readonly posted: Posted[];
}> {
  const posted: Posted[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      expect([request.method, request.url]).toEqual(["POST", "/prefix/api/v2/alerts"]);
      posted.push(...(JSON.parse(text) as Posted[]));
      answer(response);
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix`, posted };
}

function posts(url: string): { readonly alerts: AlertPosts; readonly said: string[] } {
  const said: string[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => void said.push(line) });
  const config = { ...rigConfig(), node: { ...rigConfig().node, id: id<NodeId>("a") } };
  const alerts = new AlertPosts(config, url, log);
  closing.push(() => alerts[Symbol.asyncDispose]());
  return { alerts, said };
}

const patience = { timeout: 30_000, interval: 20 };
const ok = (response: ServerResponse): void => void response.writeHead(200).end();

test("an event of the log that is an alert is posted with its runbook and its end, whatever the log's level", async () => {
  const { url, posted } = await alertmanager(ok);
  const { alerts } = posts(url);
  const log = alerts.listening();
  log.info({ event: "feed.connected" }, "no alert");
  log.info({ event: "leadership.taken" }, "a leads epoch 7 (expired).");
  await expect.poll(() => posted.length, patience).toBe(1);
  const [alert] = posted;
  expect(alert).toMatchObject({
    labels: { alertname: "BatonLeaderChanged", severity: "warning", node: "a" },
    annotations: { description: "a leads epoch 7 (expired).", runbook_url: "runbooks/leader-lost.md#checks" },
  });
  expect(Date.parse(alert?.endsAt ?? "") - Date.parse(alert?.startsAt ?? "")).toBe(300_000);
});

/** One name however often it was posted, one complaint, and both lines of the log. */
const toldOnce = { names: ["BatonAccountStopped"], undelivered: 1, logged: 2 };

/** It is ill, then well: what was told meanwhile is told again until it is taken, and nobody waited for it. */
async function outlives(ill: (response: ServerResponse) => void): Promise<object> {
  let isIll = true;
  const { url, posted } = await alertmanager((response) => (isIll ? ill(response) : ok(response)));
  const { alerts, said } = posts(url);
  const log = alerts.listening();
  log.warn({ event: "account.stopped" }, "The account at v is stopped.");
  log.warn({ event: "account.stopped" }, "The account at v is stopped.");
  await expect.poll(() => posted.length, patience).toBeGreaterThan(1);
  isIll = false;
  const before = posted.length;
  await expect.poll(() => posted.length, patience).toBe(before + 1);
  const count = (text: string): number => said.filter((line) => line.includes(text)).length;
  return {
    names: [...new Set(posted.map((alert) => alert.labels["alertname"]))],
    undelivered: count("alerts.undelivered"),
    logged: count('"account.stopped"'),
  };
}

test("an Alertmanager that refuses is told again until it takes it, and the log says so once", async () => {
  expect(await outlives((response) => void response.writeHead(500).end("no"))).toEqual(toldOnce);
});

test("an Alertmanager that hangs up is told again until it takes it, and the log says so once", async () => {
  expect(await outlives((response) => void response.socket?.destroy())).toEqual(toldOnce);
});

test("an Alertmanager that never answers is told again until it does, and the log says so once", async () => {
  expect(await outlives(() => undefined)).toEqual(toldOnce);
});

test("an Alertmanager that is away holds nothing up, not even the end", async () => {
  const { alerts, said } = posts("http://127.0.0.1:9/");
  alerts.told("state.diverged", "The states differ.");
  await vi.waitFor(() => expect(said.join("")).toContain("alerts.undelivered"), patience);
  await alerts[Symbol.asyncDispose]();
});
