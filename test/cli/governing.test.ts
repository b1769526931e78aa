import { describe, expect, test } from "vitest";
import { baton, clusterView, json, ok, operationView, refuse, scriptedNode } from "./scripted-node.ts";
import type { Script } from "./scripted-node.ts";

const done = (what: string): Script => ({
  "GET /cluster": ok(clusterView()),
  "POST /operations": ok(operationView({ what, phase: "done", detail: "so it is" })),
});

describe("baton pause, resume, autofailover, acknowledge", () => {
  test("a pause needs an end", async () => {
    await using node = await scriptedNode(done("pause"));
    expect((await baton(["pause", "--reason", "upgrade", "-e", node.url])).status).toBe(2);
    const run = await baton(["pause", "--for", "30m", "--reason", "upgrade", "-e", node.url]);
    expect(run.status).toBe(0);
    expect(run.err).toContain("for 30 min no standby takes over by itself");
    expect(node.asked.at(-1)?.body).toMatchObject({ what: "pause", forMs: 1_800_000, reason: "upgrade" });
  });

  test("a resume first says what was paused and why", async () => {
    const pause = { by: "ann", reason: "upgrade", untilWallMs: 1_800_000_000_000 };
    const control = { autofailover: "on", pause };
    await using node = await scriptedNode({ ...done("resume"), "GET /cluster": ok(clusterView({ control })) });
    const run = await baton(["resume", "--reason", "over", "-e", node.url]);
    expect([run.status, run.err]).toEqual([0, expect.stringContaining("paused by ann: upgrade")]);
    const status = await baton(["status", "-e", node.url]);
    expect(status.out).toContain("paused until 2027-01-15T08:00:00.000Z: upgrade (ann)");
  });

  test("autofailover has three modes", async () => {
    await using node = await scriptedNode(done("autofailover"));
    const run = await baton(["autofailover", "observe", "--reason", "trial", "-e", node.url]);
    expect(run.status).toBe(0);
    expect(run.err).toContain("observe, standbys only say what they would do, and why");
    expect(node.asked.at(-1)?.body).toMatchObject({ what: "autofailover", mode: "observe" });
    expect((await baton(["autofailover", "maybe", "--reason", "x", "-e", node.url])).status).toBe(2);
  });

  test("an acknowledgement names who is let go", async () => {
    const flapping = { code: "anti-flap", bars: "automatic", sentence: "it died 3 times in 10 minutes" };
    const view = clusterView();
    const members = view.members.map((each) => (each.node === "b" ? { ...each, reasons: [flapping] } : each));
    await using node = await scriptedNode({ ...done("acknowledge"), "GET /cluster": ok({ ...view, members }) });
    const run = await baton(["acknowledge", "--reason", "bad cable", "-e", node.url]);
    expect([run.status, run.err]).toEqual([0, expect.stringContaining("b may be promoted again")]);
  });
});

describe("baton failover", () => {
  const leaderless = {
    forMs: 60_000,
    uncleanAfterMs: 5_000,
    losses: [
      { node: "c", journal: "journal-c", sentence: "c holds up to record 120. May be lost: records 121 to 150." },
    ],
  };
  const gone = { leader: null, insync: { epoch: 7, version: 12, members: ["a", "b"] }, leaderless };
  const lossy = ["failover", "--to", "c", "--allow-data-loss", "--reason", "site lost"];
  const orphaned: Script = { ...done("failover"), "GET /cluster": ok(clusterView(gone)) };

  test("to a node that is in sync asks nothing and loses nothing", async () => {
    await using node = await scriptedNode(done("failover"));
    const run = await baton(["failover", "--to", "b", "--reason", "a hangs", "-e", node.url]);
    expect(run.status).toBe(0);
    expect(run.err).toContain("b is in sync and takes epoch 8; nothing is lost");
    expect(node.asked.at(-1)?.body).toEqual({ what: "failover", to: "b", reason: "a hangs", id: expect.any(String) });
  });

  test("to another states what may be lost, and asks for the cluster's name", async () => {
    await using node = await scriptedNode(orphaned);
    const run = await baton([...lossy, "-e", node.url], { typed: "demo" });
    expect(run.status).toBe(0);
    expect(run.err.indexOf("records 121 to 150")).toBeLessThan(run.err.indexOf("Type the name of the cluster"));
    expect(node.asked.at(-1)?.body).toMatchObject({
      to: "c",
      allowDataLoss: true,
      journal: "journal-c",
      cluster: "demo",
    });
    const wrong = await baton([...lossy, "-e", node.url], { typed: "prod" });
    expect(wrong.status).toBe(3);
    expect((await baton([...lossy, "-e", node.url])).status).toBe(2);
    const beforehand = [...lossy, "--yes", "--cluster", "demo", "-e", node.url];
    expect((await baton(beforehand)).status).toBe(0);
  });

  test("--dry-run says what would refuse it now", async () => {
    const early = clusterView({ ...gone, leaderless: { ...leaderless, forMs: 1_000 } });
    await using node = await scriptedNode({ ...orphaned, "GET /cluster": ok(early) });
    const run = await baton([...lossy, "--dry-run", "--json", "-e", node.url]);
    expect(run.status).toBe(3);
    expect(json({ ...run, out: run.out.split("\n")[0] ?? "" })).toMatchObject({
      refusals: ["the leader key must be absent for 5.0 s: another 4.0 s"],
    });
    expect(node.asked.every((asked) => asked.method === "GET")).toBe(true);
  });

  test("the node's own refusal ends it with 3", async () => {
    const refused = refuse(422, "not-confirmed", "committed records may be lost");
    await using node = await scriptedNode({ ...orphaned, "POST /operations": refused });
    expect((await baton([...lossy, "--yes", "--cluster", "demo", "-e", node.url])).status).toBe(3);
  });
});
