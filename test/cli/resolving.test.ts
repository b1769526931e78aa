import { describe, expect, test } from "vitest";
import { baton, clusterView, json, ok, orderView, refuse, scriptedNode } from "./scripted-node.ts";
import type { Script } from "./scripted-node.ts";

const doubted = orderView(42, { status: "in-doubt", outcome: "in-doubt" });
const script: Script = {
  "GET /cluster": ok(clusterView()),
  "GET /v1/orders/i-42": ok(doubted),
  "POST /v1/orders/i-42/resolve": ok(orderView(42, { status: "not-sent", outcome: "not-sent" })),
};
const absent = ["orders", "resolve", "i-42", "--as", "not-accepted", "--reason", "their desk says so"];
const beforehand = ["--yes", "--cluster", "demo"];

describe("baton orders resolve", () => {
  test("shows the order and what will count, asks for the cluster's name, and says what is on record then", async () => {
    await using node = await scriptedNode(script);
    const run = await baton([...absent, "--json", "-e", node.url], { typed: "demo" });
    expect([run.status, run.err]).toEqual([0, expect.stringContaining("i-42 counts as not-accepted")]);
    expect(json(run)).toMatchObject({ dryRun: false, order: { id: "i-42", status: "not-sent" } });
    expect(node.asked.at(-1)?.body).toEqual({ as: "not-accepted", reason: "their desk says so", cluster: "demo" });
  });

  test("records nothing without the name, with another one, or in a dry run", async () => {
    await using node = await scriptedNode(script);
    expect((await baton([...absent, "-e", node.url])).status).toBe(2);
    expect((await baton([...absent, "-e", node.url], { typed: "prod" })).status).toBe(3);
    const dry = await baton([...absent, "--dry-run", "--json", "-e", node.url]);
    expect([dry.status, json(dry)]).toEqual([0, expect.objectContaining({ dryRun: true })]);
    expect(node.asked.some(({ method }) => method === "POST")).toBe(false);
  });

  test("needs of an accepted order its id at the venue, its status and what was executed", async () => {
    await using node = await scriptedNode(script);
    const accepted = ["orders", "resolve", "i-42", "--as", "accepted", "--reason", "seen on their page"];
    const incomplete = await baton([...accepted, ...beforehand, "-e", node.url]);
    expect([incomplete.status, node.asked.some(({ method }) => method === "POST")]).toEqual([2, false]);
    const whole = ["--venue-order", "77", "--status", "filled", "--executed", "0.5"];
    expect((await baton([...accepted, ...whole, ...beforehand, "-e", node.url])).status).toBe(0);
    expect(node.asked.at(-1)?.body).toMatchObject({ venueOrderId: "77", status: "filled", executed: "0.5" });
  });

  test("--ended is for an order that its venue denies, and says what that means", async () => {
    await using node = await scriptedNode(script);
    const ended = ["orders", "resolve", "i-42", "--ended", "--reason", "their test network was emptied", ...beforehand];
    const run = await baton([...ended, "-e", node.url]);
    expect([run.status, run.err]).toEqual([0, expect.stringContaining("refused unless it denies the order")]);
    expect(node.asked.at(-1)?.body).toEqual({ as: "ended", reason: "their test network was emptied", cluster: "demo" });
    const asked = node.asked.length;
    expect((await baton([...ended, "--as", "not-accepted", "-e", node.url])).status).toBe(2);
    const silent = ["orders", "resolve", "i-42", "--reason", "x", ...beforehand, "-e", node.url];
    expect((await baton(silent)).status).toBe(2);
    expect(node.asked.slice(asked).some(({ method }) => method === "POST")).toBe(false);
  });

  test("explain says of an order that was ended so that nobody knows how it ended, and on whose word", async () => {
    const said = { evidence: "asked for: not-found", by: "operator", word: "kim: emptied", attempt: 1 };
    const event = { sequence: 44, kind: "order.ended", intent: "i-42", ...said, atWallMs: 1_800_000_000_000 };
    const view = orderView(42, { status: "expired", executed: "0", events: [event] });
    await using node = await scriptedNode({ ...script, "GET /v1/orders/i-42": ok(view) });
    const { out } = await baton(["explain", "order", "i-42", "-e", node.url]);
    expect(out).toMatch(/denied it later; how it ended is not known.*\n.*kim: emptied.*\n.*asked for: not-found/);
    expect((await baton(["orders", "show", "i-42", "-e", node.url])).out).toContain("ended by kim: emptied");
  });

  test("says why the node refuses it: the venue can still prove what became of the order", async () => {
    const refusal = refuse(409, "conflict", "the venue may still take or show i-42 for 800 ms");
    await using node = await scriptedNode({ ...script, "POST /v1/orders/i-42/resolve": refusal });
    const run = await baton([...absent, ...beforehand, "-e", node.url]);
    expect([run.status, run.err]).toEqual([6, expect.stringContaining("may still take or show")]);
  });
});
