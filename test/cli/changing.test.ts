import { problem } from "@baton/core";
import { describe, expect, test } from "vitest";
import {
  baton,
  clusterView,
  json,
  ok,
  operationView,
  orderView,
  promotability,
  refuse,
  scriptedNode,
} from "./scripted-node.ts";
import type { Script } from "./scripted-node.ts";

const cluster: Script = { "GET /cluster": ok(clusterView()), "GET /promotability": ok(promotability()) };
const switchover = ["switchover", "--reason", "patch", "--id", "op-1"];

/**
 * A cluster in which an operation runs through these phases, one per read. Whoever is about to ask for it looks first
 * whether it is on record already: it is not, unless `known`.
 */
function operating(phases: readonly Record<string, unknown>[], known = false): Script {
  let read = known ? -1 : -2;
  return {
    ...cluster,
    "POST /operations": ok(operationView({ phase: "asked" })),
    "GET /operations/op-1": () => {
      read = Math.min(read + 1, phases.length - 1);
      return read < 0
        ? refuse(404, "not-found", "there is no operation op-1.")()
        : { status: 200, body: operationView(phases[read]) };
    },
  };
}

describe("baton switchover", () => {
  test("prints its plan and its id, asks with reason and id, waits, and ends with 0 when it is done", async () => {
    await using node = await scriptedNode(operating([{}, { phase: "done", detail: "b leads epoch 8", epoch: 8 }]));
    const run = await baton([...switchover, "--to", "b", "-e", node.url]);
    expect(run.status).toBe(0);
    expect(run.err).toContain("1. a holds: no new order leaves");
    expect(run.err).toContain("operation op-1");
    expect(run.out).toContain("b leads epoch 8");
    const posted = node.asked.find((asked) => asked.method === "POST");
    expect(posted?.body).toEqual({ what: "switchover", reason: "patch", to: "b", id: "op-1" });
  });

  test.each([
    [{ phase: "failed", detail: "etcd did not answer" }, 1, "failed"],
    [{ phase: "aborted", detail: "b fell behind" }, 3, "refused"],
  ])("ends with the verdict of %o", async (last, status, exit) => {
    await using node = await scriptedNode(operating([last]));
    const run = await baton([...switchover, "--json", "-e", node.url]);
    expect(run.status).toBe(status);
    expect(json(run)).toMatchObject({ version: 1, error: { exit, operation: "op-1" } });
    expect(run.out).toContain(last.detail);
  });

  test("that has no verdict in time ends with 5, and says how to read it later", async () => {
    await using node = await scriptedNode(operating([{}]));
    const run = await baton([...switchover, "--timeout", "250ms", "-e", node.url]);
    expect(run.status).toBe(5);
    expect(run.err).toContain("baton op show op-1");
  });

  test("is left to go on by Ctrl-C", async () => {
    const detach = new AbortController();
    await using node = await scriptedNode({
      ...operating([{}]),
      "POST /operations": () => {
        detach.abort();
        return { status: 200, body: operationView() };
      },
    });
    const run = await baton([...switchover, "-e", node.url], { detach: detach.signal });
    expect(run.status).toBe(5);
    expect(run.err).toContain("it goes on");
  });

  test("is waited for through nodes that do not answer for a while", async () => {
    let read = 0;
    await using node = await scriptedNode({
      ...operating([]),
      "GET /operations/op-1": () => {
        read += 1;
        return read < 3 ? "hang-up" : { status: 200, body: operationView({ phase: "done" }) };
      },
    });
    expect((await baton([...switchover, "-e", node.url])).status).toBe(0);
  });

  test("--no-wait ends with 0 as soon as it is accepted", async () => {
    await using node = await scriptedNode(operating([]));
    const run = await baton([...switchover, "--no-wait", "--json", "-e", node.url]);
    expect(run.status).toBe(0);
    expect(json(run)).toMatchObject({ version: 1, operation: { id: "op-1", phase: "asked" } });
  });

  test("--dry-run prints the plan and asks nothing", async () => {
    await using node = await scriptedNode(cluster);
    const run = await baton(["switchover", "--reason", "patch", "--dry-run", "--json", "-e", node.url]);
    expect(run.status).toBe(0);
    expect(json(run)).toMatchObject({ version: 1, dryRun: true, what: "switchover", refusals: [] });
    expect(node.asked.every((asked) => asked.method === "GET")).toBe(true);
  });

  test("--dry-run says why each node cannot lead, and ends with 3", async () => {
    await using node = await scriptedNode({ ...cluster, "GET /promotability": ok(promotability(["lag 900 records"])) });
    const run = await baton(["switchover", "--reason", "patch", "--dry-run", "-e", node.url]);
    expect(run.status).toBe(3);
    expect(run.out).toContain("b cannot lead now: lag 900 records");
    expect(run.out).toContain("c cannot lead now: tagged no-failover");
  });

  test("to the present leader, or with nobody leading, is a conflict; to nobody known, a usage error", async () => {
    await using node = await scriptedNode(cluster);
    const to = (name: string): readonly string[] => ["switchover", "--reason", "x", "--to", name, "-e", node.url];
    expect((await baton(to("a"))).status).toBe(6);
    expect((await baton(to("z"))).status).toBe(2);
    await using leaderless = await scriptedNode({ ...cluster, "GET /cluster": ok(clusterView({ leader: null })) });
    expect((await baton(["switchover", "--reason", "x", "-e", leaderless.url])).status).toBe(6);
  });

  test("whose answer never came ends with 5 under its id, not with a guess", async () => {
    await using node = await scriptedNode({ ...cluster, "POST /operations": () => "hang-up" });
    const run = await baton([...switchover, "--json", "-e", node.url]);
    expect(run.status).toBe(5);
    expect(json(run)).toMatchObject({ error: { exit: "timed-out", operation: "op-1" } });
  });

  test("is refused by the cluster with the cluster's own reason", async () => {
    await using node = await scriptedNode({
      ...cluster,
      "POST /operations": refuse(409, "conflict", "operation op-0 is under way."),
    });
    const run = await baton([...switchover, "-e", node.url]);
    expect([run.status, run.err.split("\n").at(-1)]).toEqual([6, "baton: operation op-0 is under way. (conflict)"]);
  });

  test("that is on record already is told as it is, without a plan that would speak of something else", async () => {
    const done = { phase: "done", detail: "b leads epoch 8" };
    await using node = await scriptedNode({ ...operating([done], true), "POST /operations": ok(operationView(done)) });
    const run = await baton([...switchover, "--to", "b", "-e", node.url]);
    expect([run.status, run.err]).toEqual([
      0,
      "this operation is on record already: nothing happens twice\noperation op-1",
    ]);
    expect(run.out).toContain("b leads epoch 8");
  });

  test("is asked for under its id even where nobody can say what is on record", async () => {
    await using node = await scriptedNode({
      ...operating([{ phase: "done" }], true),
      "GET /operations/op-1": () => ({ status: 200, body: "nonsense" }),
      "POST /operations": ok(operationView({ phase: "done" })),
    });
    const run = await baton([...switchover, "--to", "b", "-e", node.url]);
    expect([run.status, run.err]).toEqual([0, expect.stringContaining("1. a holds: no new order leaves")]);
  });

  test("under the id of another operation ends with 6", async () => {
    const taken = refuse(409, "conflict", "operation op-1 is another one (kill: cluster)", "id");
    await using node = await scriptedNode({ ...operating([{}], true), "POST /operations": taken });
    const run = await baton([...switchover, "--json", "-e", node.url]);
    expect(run.status).toBe(6);
    expect(json(run)).toMatchObject({ error: { exit: "conflict", field: "id" } });
  });

  test("needs a reason", async () => {
    expect((await baton(["switchover", "-e", "http://127.0.0.1:9"])).status).toBe(2);
  });
});

describe("baton op", () => {
  test("show tells any phase with 0; wait ends with the verdict", async () => {
    await using node = await scriptedNode(operating([{ phase: "failed", detail: "no" }], true));
    expect((await baton(["op", "show", "op-1", "-e", node.url])).status).toBe(0);
    expect((await baton(["op", "wait", "op-1", "-e", node.url])).status).toBe(1);
    expect((await baton(["op", "wait", "op-9", "-e", node.url])).status).toBe(1);
  });

  test.each(["hang-up" as const, refuse(503, "refused", "etcd does not answer.")()])(
    "wait begins to wait also where nobody can say yet whether there is such an operation (%o)",
    async (away) => {
      const { "GET /operations/op-1": told } = operating([{ phase: "done" }], true);
      let asked = 0;
      await using node = await scriptedNode({
        "GET /operations/op-1": (call) => {
          asked += 1;
          return asked === 1 ? away : (told?.(call) ?? away);
        },
      });
      expect((await baton(["op", "wait", "op-1", "-e", node.url])).status).toBe(0);
    },
  );
});

describe("baton kill and unkill", () => {
  test("a kill asks nothing and is sent with its reason", async () => {
    await using node = await scriptedNode({
      "POST /operations": ok(operationView({ what: "kill", phase: "done", detail: "level cluster" })),
    });
    const run = await baton(["kill", "cluster", "--reason", "odd fills", "--json", "-e", node.url]);
    expect(run.status).toBe(0);
    expect(node.asked).toHaveLength(1);
    expect(node.asked[0]?.body).toMatchObject({ what: "kill", level: "cluster", reason: "odd fills" });
  });

  test("a kill of a part names it, and needs to", async () => {
    await using node = await scriptedNode({
      "POST /operations": ok(operationView({ what: "kill", phase: "done", detail: "venue sim" })),
    });
    const run = await baton(["kill", "venue", "sim", "--reason", "odd fills", "-e", node.url]);
    expect([run.status, node.asked[0]?.body]).toMatchObject([0, { what: "kill", level: "venue", target: "sim" }]);
    expect(run.err).toContain("every new order of venue sim is refused");
    expect((await baton(["kill", "venue", "--reason", "x", "-e", node.url])).status).toBe(2);
    expect((await baton(["kill", "cluster", "sim", "--reason", "x", "-e", node.url])).status).toBe(2);
    expect((await baton(["unkill", "venue", "--reason", "x", "-e", node.url])).status).toBe(2);
  });

  test("an unkill first says who killed and why", async () => {
    const kill = { level: "cluster", by: "ann", reason: "odd fills", atWallMs: 1 };
    await using node = await scriptedNode({
      "GET /cluster": ok(clusterView({ kill })),
      "POST /operations": ok(operationView({ what: "unkill", phase: "done" })),
    });
    const run = await baton(["unkill", "--reason", "explained", "-e", node.url]);
    expect(run.status).toBe(0);
    expect(run.err).toContain("killed by ann: odd fills");
  });

  test("an unknown level is a usage error, and --dry-run sends nothing", async () => {
    await using node = await scriptedNode({});
    expect((await baton(["kill", "moon", "--reason", "x", "-e", node.url])).status).toBe(2);
    expect((await baton(["kill", "cluster", "--reason", "x", "--dry-run", "-e", node.url])).status).toBe(0);
    expect(node.asked).toEqual([]);
  });
});

describe("baton risk", () => {
  const control = { control: "loss-limit", scope: "USDT", used: "60", limit: "50", headroom: "-10", note: "lost" };
  const off = { control: "loss-limit", subject: "USDT", by: "risk", reason: "too much", atWallMs: 1 };
  const view = { version: 1, atWallMs: 1, kills: [], disabled: [off], controls: [control] };

  test("shows the headroom of each control, what is killed and what is switched off", async () => {
    await using node = await scriptedNode({ "GET /v1/risk": ok(view) });
    const run = await baton(["risk", "-e", node.url]);
    expect(run.status).toBe(0);
    expect(run.out).toContain("nothing is killed.");
    expect(run.out).toMatch(/loss-limit +USDT +60 +50 +-10 +lost/);
    expect(json(await baton(["risk", "--json", "-e", node.url]))).toEqual(view);
  });

  test("enable sends whom, why and the typed name, and a dry run nothing", async () => {
    await using node = await scriptedNode({
      "GET /cluster": ok(clusterView()),
      "GET /v1/risk": ok(view),
      "POST /v1/risk/enable": ok(view),
    });
    const { name } = clusterView().cluster;
    const enable = ["risk", "enable", "loss-limit", "USDT", "--reason", "looked at", "-e", node.url];
    expect((await baton([...enable, "--dry-run"])).status).toBe(0);
    expect(node.asked.map((asked) => asked.path)).toEqual(["/v1/risk"]);
    expect((await baton([...enable, "--yes", "--cluster", name])).status).toBe(0);
    const body = { control: "loss-limit", subject: "USDT", reason: "looked at", cluster: name };
    expect(node.asked.at(-1)?.body).toEqual(body);
    expect((await baton(enable, { typed: name })).status).toBe(0);
    expect(node.asked.at(-1)?.body).toEqual(body);
    const unknown = ["risk", "enable", "collar", "x", "--reason", "x", "-e", node.url];
    expect((await baton(unknown)).status).toBe(2);
  });

  test("enable does nothing where nobody types the name, or another one", async () => {
    await using node = await scriptedNode({ "GET /cluster": ok(clusterView()) });
    const enable = ["risk", "enable", "loss-limit", "USDT", "--reason", "looked at", "-e", node.url];
    expect((await baton(enable)).status).toBe(2);
    expect((await baton([...enable, "--yes"])).status).toBe(2);
    expect((await baton([...enable, "--yes", "--cluster", "other"])).status).toBe(3);
    expect((await baton([...enable, "--no-input"], { typed: clusterView().cluster.name })).status).toBe(2);
    expect(node.asked.every((asked) => asked.method === "GET")).toBe(true);
  });
});

describe("a reason", () => {
  test.each([
    ["kill", "cluster"],
    ["unkill"],
    ["resume"],
    ["autofailover", "off"],
    ["acknowledge"],
    ["member", "drain", "b"],
    ["op", "abort", "op-7"],
  ])("may be left out of %s %s %s: what stops something must not fail in a hurry", async (...command) => {
    await using node = await scriptedNode({
      ...operating([{ phase: "done", detail: "so it is" }]),
      "GET /operations/op-7": ok(operationView()),
    });
    const words = command.filter((word) => word !== undefined);
    expect((await baton([...words, "--id", "op-1", "-e", node.url])).status).toBe(0);
    expect(node.asked.find(({ method }) => method === "POST")?.body).toMatchObject({ reason: "none given" });
  });

  test.each([["switchover"], ["failover", "--to", "b"], ["pause", "--for", "30m"]])(
    "has to be given for %s: who leads, and whether anybody may take over, is accounted for",
    async (...command) => {
      await using node = await scriptedNode(cluster);
      expect((await baton([...command, "-e", node.url])).status).toBe(2);
      expect(node.asked).toEqual([]);
    },
  );
});

describe("baton member", () => {
  const member = (...args: string[]): string[] => ["member", ...args, "--reason", "new disk", "--id", "op-1"];

  test.each([
    [["drain", "b"], { what: "drain", node: "b" }],
    [["undrain", "b"], { what: "undrain", node: "b" }],
    [["priority", "b", "200"], { what: "priority", node: "b", priority: 200 }],
    [["priority", "b", "file"], { what: "priority", node: "b" }],
    [["reinit", "b"], { what: "reinit", node: "b" }],
    [["remove", "c"], { what: "remove", node: "c" }],
  ])("%j prints its plan and its id, asks with reason and id, and ends with the verdict", async (args, asked) => {
    await using node = await scriptedNode(operating([{}, { phase: "done", detail: "so it is" }]));
    const run = await baton([...member(...args), "-e", node.url]);
    expect(run.status).toBe(0);
    expect(run.err).toContain("plan:\n  1. ");
    expect(run.err).toContain("operation op-1");
    expect(run.out).toContain("so it is");
    const posted = node.asked.find((each) => each.method === "POST");
    expect(posted?.body).toEqual({ ...asked, reason: "new disk", id: "op-1" });
    const dry = await baton([...member(...args), "--dry-run", "--json", "-e", node.url]);
    expect(json(dry)).toMatchObject({ version: 1, dryRun: true, what: asked.what, refusals: [] });
    expect(node.asked.filter((each) => each.method === "POST")).toHaveLength(1);
  });

  test("drain of the leader says that it hands over, and --dry-run who could not take over", async () => {
    const alone = clusterView({ members: clusterView().members.filter((one) => one.node !== "b") });
    await using node = await scriptedNode({ "GET /cluster": ok(alone) });
    const run = await baton([...member("drain", "a"), "--dry-run", "-e", node.url]);
    expect(run.status).toBe(3);
    expect(run.out).toContain("a leads: it hands over to the best candidate");
    expect(run.out).toContain("c cannot lead: tagged no-failover");
  });

  test.each(["remove", "reinit"])("%s of the leader, or of the only second copy, is refused with 3", async (what) => {
    const two = clusterView({ insync: { epoch: 7, version: 12, members: ["a", "b"] } });
    await using node = await scriptedNode({
      "GET /cluster": ok(two),
      "GET /operations/op-1": refuse(404, "not-found", "there is no operation op-1."),
      "POST /operations": refuse(422, "unsafe", "without b the in-sync set is {a}"),
    });
    for (const [whom, why] of [
      ["a", "a leads: switch over first"],
      ["b", "it would be left without a second copy"],
    ] as const) {
      const dry = await baton([...member(what, whom), "--dry-run", "-e", node.url]);
      expect([dry.status, dry.out.includes(why)]).toEqual([3, true]);
      const run = await baton([...member(what, whom), "--json", "-e", node.url]);
      expect(run.status).toBe(3);
      expect(json(run)).toMatchObject({ error: { exit: "refused", detail: expect.stringContaining("unsafe") } });
    }
  });

  test("a priority is a whole number of its range, or file", async () => {
    await using node = await scriptedNode(operating([]));
    for (const text of ["1001", "-1", "high", "1.5"]) {
      expect((await baton([...member("priority", "b"), text, "-e", node.url])).status).toBe(2);
    }
    expect(node.asked.filter((each) => each.method === "POST")).toEqual([]);
  });
});

describe("baton op abort", () => {
  const abort = ["op", "abort", "op-9", "--reason", "wrong node", "--id", "op-1"];
  const target = (more: Readonly<Record<string, unknown>>): Script => ({
    "GET /operations/op-9": ok(operationView({ id: "op-9", ...more })),
  });

  test("gives the operation up, says what it was, and ends with 0 when it is given up", async () => {
    await using node = await scriptedNode({
      ...operating([{ what: "abort", target: "op-9", phase: "done", detail: "op-9 is given up: the leader goes on" }]),
      ...target({}),
    });
    const run = await baton([...abort, "-e", node.url]);
    expect(run.status).toBe(0);
    expect(run.err).toContain("1. op-9 is switchover, running: b catches up");
    expect(run.out).toContain("the leader goes on");
    const posted = node.asked.find((each) => each.method === "POST");
    expect(posted?.body).toEqual({ what: "abort", target: "op-9", reason: "wrong node", id: "op-1" });
  });

  test("past its point of no return ends with 6 and the sentence, whether the leader says so or the record", async () => {
    const past = "the handoff to b has been asked of etcd: past this point it is done or undone by etcd's answer alone";
    await using node = await scriptedNode({
      ...operating([{ what: "abort", phase: "failed", detail: past }]),
      ...target({}),
    });
    const run = await baton([...abort, "--json", "-e", node.url]);
    expect(run.status).toBe(6);
    expect(json(run)).toMatchObject({ error: { exit: "conflict", detail: `failed: ${past}`, operation: "op-1" } });
    await using ended = await scriptedNode({
      ...target({ phase: "done", detail: "b leads epoch 8" }),
      "GET /operations/op-1": refuse(404, "not-found", "there is no operation op-1."),
      "POST /operations": refuse(409, "conflict", "operation op-9 (switchover) has ended: done: b leads epoch 8"),
    });
    expect((await baton([...abort, "-e", ended.url])).status).toBe(6);
    expect((await baton([...abort, "--dry-run", "-e", ended.url])).status).toBe(3);
  });
});

describe("baton orders pause, resume and amend", () => {
  const parent = {
    id: "p-1",
    algorithm: { name: "iceberg", side: "buy", quantity: "4", symbol: "BTC/USDT" },
    by: "ann",
    status: "paused",
    detail: null,
    executed: "1",
    slices: { planned: null, done: 1, skipped: 0, open: 0 },
    counted: null,
    isTriggered: false,
    children: ["i-1"],
  };

  test("say what they do, and show the parent as it is then", async () => {
    await using node = await scriptedNode({ "POST /v1/orders/p-1": ok(parent) });
    const run = await baton(["orders", "pause", "p-1", "--reason", "news at noon", "-e", node.url]);
    expect(run.status).toBe(0);
    expect(run.out).toContain("paused");
    await baton(["orders", "resume", "p-1", "-e", node.url]);
    await baton(["orders", "amend", "p-1", "quantity=3", "aggressionBps=5", "-e", node.url]);
    expect(node.asked.map((asked) => asked.body)).toEqual([
      { what: "pause", reason: "news at noon" },
      { what: "resume" },
      { what: "amend", change: { quantity: "3", aggressionBps: 5 } },
    ]);
    expect((await baton(["orders", "amend", "p-1", "quantity", "-e", node.url])).status).toBe(2);
    for (const wrong of [["p-1"], ["p-1", "quantity=3", "--price", "1"], ["p-1", "quantity=3", "--id", "op-1"]])
      expect((await baton(["orders", "amend", ...wrong, "-e", node.url])).status).toBe(2);
    expect(node.asked).toHaveLength(3);
  });
});

test.each([
  [["orders", "pause", "p-1"], "POST /v1/orders/p-1", "baton orders show p-1"],
  [
    ["risk", "enable", "loss-limit", "USDT", "--reason", "r", "--yes", "--cluster", "demo"],
    "POST /v1/risk/enable",
    "baton risk",
  ],
])(
  "baton %o, which has no id, says where to look when its answer is lost, and ends with 5",
  async (args, call, look) => {
    for (const lost of ["hang-up" as const, refuse(503, "unknown", "recorded, not known durable.")()]) {
      await using node = await scriptedNode({ ...cluster, [call]: () => lost });
      const run = await baton([...args, "-e", node.url]);
      expect([run.status, run.err]).toEqual([
        5,
        expect.stringContaining(`See what came of it, and repeat it otherwise: ${look}`),
      ]);
    }
  },
);

describe("baton orders amend of an order", () => {
  const replaced = (replace: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => ({
    ...orderView(42, { status: "cancelled" }),
    replace: { quantity: "2", price: "99", by: "ann", successor: null, detail: null, ...replace },
  });
  const amend = ["orders", "amend", "i-42"];

  test("prints its plan, asks under its id, waits, and names what came in its place", async () => {
    let read = 0;
    await using node = await scriptedNode({
      "PATCH /v1/orders/i-42": ok(replaced({ status: "pending" })),
      "GET /v1/orders/i-42": () => {
        read += 1;
        const done = { status: "replaced", successor: "i-43" };
        return { status: 200, body: replaced(read === 1 ? { status: "pending" } : done) };
      },
    });
    const figures = ["--price", "99", "--quantity", "2", "--send-within", "5s", "--reason", "it fell", "--id", "op-1"];
    const run = await baton([...amend, ...figures, "--wait", "-e", node.url]);
    expect(run.status).toBe(0);
    expect(run.err).toContain("2. what is left of it then is placed as a new order: quantity 2, price 99");
    expect(run.err).toContain("operation op-1");
    expect(run.out).toContain("i-43 (quantity 2 in all, price 99)");
    const [asked] = node.asked;
    expect(asked?.headers["idempotency-key"]).toBe("op-1");
    expect(asked?.body).toEqual({ price: "99", quantity: "2", sendWithinMs: 5_000, reason: "it fell" });
  });

  test("ends with 6 where nothing came in its place, and says why; a dry run asks for nothing", async () => {
    const detail = "it was executed before it could be taken back, so nothing comes in its place";
    await using node = await scriptedNode({
      "PATCH /v1/orders/i-42": ok(replaced({ status: "pending" })),
      "GET /v1/orders/i-42": ok(replaced({ status: "given-up", detail })),
    });
    const run = await baton([...amend, "--price", "99", "--wait", "-e", node.url]);
    expect(run.status).toBe(6);
    expect(run.err).toContain(detail);
    expect((await baton([...amend, "--price", "99", "--dry-run", "-e", node.url])).status).toBe(0);
    expect(node.asked.filter(({ method }) => method === "PATCH")).toHaveLength(1);
    for (const wrong of [[], ["price=99"], ["--price", "ninety"]])
      expect((await baton([...amend, ...wrong, "-e", node.url])).status).toBe(2);
  });
});

describe("baton orders", () => {
  const order = ["orders", "place", "--symbol", "BTC/USDT", "--side", "buy", "--quantity", "0.10"];
  const answer = { intentId: "i-42", clientOrderId: "0123456789abcdef0123456789abcdef", epoch: 7, sequence: 99 };

  test("place sends the order under its key and prints the id", async () => {
    await using node = await scriptedNode({ "POST /v1/orders": () => ({ status: 202, body: answer }) });
    const run = await baton([
      ...order,
      "--price",
      "65000",
      "--id",
      "key-1",
      "--reason",
      "rebalance",
      "--json",
      "-e",
      node.url,
    ]);
    expect(run.status).toBe(0);
    expect(json(run)).toEqual({ version: 1, key: "key-1", ...answer });
    expect(node.asked[0]?.headers["idempotency-key"]).toBe("key-1");
    expect(node.asked[0]?.body).toEqual({
      symbol: "BTC/USDT",
      side: "buy",
      type: "limit",
      quantity: "0.1",
      price: "65000",
      timeInForce: "GTC",
      sendWithinMs: 2000,
      reason: "rebalance",
    });
  });

  test("place --reduce-only says so in words and in the request", async () => {
    await using node = await scriptedNode({ "POST /v1/orders": () => ({ status: 202, body: answer }) });
    const run = await baton([...order, "--reduce-only", "-e", node.url]);
    expect([run.status, run.err]).toEqual([0, expect.stringContaining("IOC, to reduce the position only;")]);
    expect(node.asked[0]?.body).toMatchObject({ type: "market", reduceOnly: true });
    const shown = await scriptedNode({
      "GET /v1/orders/i-42": ok(orderView(42, { terms: { ...orderView(42).terms, reduceOnly: true } })),
    });
    await using _shown = shown;
    expect((await baton(["orders", "show", "i-42", "-e", shown.url])).out).toContain("65000 GTC reduce-only");
  });

  test("place --algo twap makes a parent order", async () => {
    await using node = await scriptedNode({
      "POST /v1/orders": () => ({ status: 202, body: { parentId: "p-1", epoch: 7, sequence: 9 } }),
    });
    const run = await baton([...order, "--algo", "twap", "--slices", "4", "--duration", "1m", "-e", node.url]);
    expect([run.status, run.out]).toEqual([0, "p-1"]);
    expect(node.asked[0]?.body).toMatchObject({ algo: "twap", slices: 4, durationMs: 60_000, aggressionBps: 10 });
  });

  test("place says in its plan at which prices a parent order gets in and out", async () => {
    const bracket = ["--algo", "bracket", "--entry-price", "100", "--take-price", "110", "--stop-price", "95"];
    const run = await baton([...order, ...bracket, "--dry-run"]);
    expect([run.status, run.out]).toEqual([
      0,
      "plan:\n  1. bracket: buy 0.1 BTC/USDT, entry price 100, take price 110, stop price 95, aggression 10 bps; continued by whoever leads",
    ]);
    const vwap = await baton([...order, "--algo", "vwap", "--weights", "1,2", "--duration", "1m", "--dry-run"]);
    expect(vwap.out).toContain(", weights 1 2, duration 60.0 s; ");
  });

  test.each([
    [["--price", "1e5"], "price"],
    [["--price", "1", "--slices", "4"], "slices"],
    // A stop that was asked for and is not there would be found out too late.
    [["--stop-price", "1"], "stopPrice"],
    [["--price", "1", "--take-price", "2"], "takePrice"],
    [["--participation-max", "0.1"], "participationMax"],
    [["--display", "0.01"], "display"],
    [["--type", "limit"], "price"],
    [["--algo", "twap", "--duration", "1m"], "slices"],
    [["--algo", "twap", "--duration", "1m", "--slices", "4", "--reduce-only"], "reduceOnly"],
  ])("place with %o is refused by the name of the field before anything is sent", async (extra, field) => {
    await using node = await scriptedNode({});
    const run = await baton([...order, ...extra, "--json", "-e", node.url]);
    expect(run.status).toBe(2);
    expect(json(run)).toMatchObject({ error: { exit: "usage", field } });
    expect(node.asked).toEqual([]);
  });

  test.each([
    [refuse(422, "price-collar", "the price is 300 bps through the book."), 3],
    [refuse(422, "invalid", "quantity is not a multiple of the lot.", "quantity"), 2],
    [refuse(422, "key-reused", "another body stands under this key."), 6],
    [refuse(503, "refused", "nobody leads; nothing was recorded."), 4],
    [refuse(503, "unknown", "recorded, not known durable."), 5],
    // It broke over the request: what it had recorded by then nobody says.
    [refuse(500, "internal", "the rows of event 7 were not written in time"), 5],
    // A proxy, whose node may have taken it.
    [() => ({ status: 502, body: "Bad Gateway" }), 5],
    // A newer node's answer: whatever it says, it was taken.
    [() => ({ status: 202, body: { intent: "i-42" } }), 5],
    [() => "hang-up" as const, 5],
  ])("place that is answered with %o ends with %i", async (refusal, status) => {
    await using node = await scriptedNode({ "POST /v1/orders": refusal });
    const run = await baton([...order, "--price", "1", "--id", "key-1", "-e", node.url]);
    expect(run.status).toBe(status);
    expect(run.err.includes("--id key-1: nothing is placed twice")).toBe(status === 5);
  });

  test("place asks the next node with the same key where one has no leader", async () => {
    await using first = await scriptedNode({ "POST /v1/orders": refuse(503, "refused", "nobody leads.") });
    await using second = await scriptedNode({ "POST /v1/orders": () => ({ status: 202, body: answer }) });
    expect((await baton([...order, "--price", "1", "-e", first.url, "-e", second.url])).status).toBe(0);
    expect(second.asked[0]?.headers["idempotency-key"]).toBe(first.asked[0]?.headers["idempotency-key"]);
  });

  test("place asks no other node where the leader itself said when to ask again", async () => {
    const busy = { ...problem(503, "refused", "41 orders wait."), retryAfterMs: 500 };
    await using first = await scriptedNode({ "POST /v1/orders": () => ({ status: 503, body: busy }) });
    await using second = await scriptedNode({});
    const run = await baton([...order, "--price", "1", "-e", first.url, "-e", second.url]);
    expect([run.status, run.err, second.asked]).toEqual([4, expect.stringContaining("41 orders wait."), []]);
  });

  test("place is not called unrecorded by a second node while a first one fell silent over it", async () => {
    await using first = await scriptedNode({ "POST /v1/orders": () => "hang-up" });
    await using second = await scriptedNode({ "POST /v1/orders": refuse(503, "refused", "nobody leads.") });
    const run = await baton([...order, "--price", "1", "-e", first.url, "-e", second.url]);
    expect(run.status).toBe(5);
  });

  test.each([
    ["does not let it in", refuse(401, "unauthorized", "this token is not known here.")],
    ["is another program", () => ({ status: 404, body: "Not Found" })],
  ])(
    "place is not called refused by a second node that %s while a first one fell silent over it",
    async (_what, said) => {
      await using first = await scriptedNode({ "POST /v1/orders": () => "hang-up" });
      await using second = await scriptedNode({ "POST /v1/orders": said });
      const run = await baton([...order, "--price", "1", "-e", first.url, "-e", second.url]);
      expect([run.status, second.asked.length]).toEqual([5, 1]);
      const alone = await baton([...order, "--price", "1", "-e", second.url]);
      expect(alone.status).toBe(1);
    },
  );

  test("place says in words what it asks for, and with --dry-run asks nothing", async () => {
    await using node = await scriptedNode({});
    const run = await baton([...order, "--price", "65000", "--dry-run", "-e", node.url]);
    expect([run.status, run.out]).toEqual([
      0,
      "plan:\n  1. buy 0.1 BTC/USDT at 65000 or better, GTC; given up unless it is sent within 2.0 s",
    ]);
    const parent = ["--algo", "twap", "--slices", "4", "--duration", "1m", "--dry-run", "-e", node.url];
    expect((await baton([...order, ...parent])).out).toContain(
      "twap: buy 0.1 BTC/USDT, aggression 10 bps, slices 4, duration 60.0 s; continued by whoever leads",
    );
    expect(node.asked).toEqual([]);
  });

  test.each([
    [["pending-new", "in-doubt", "new"], 0],
    [["pending-new", "rejected"], 1],
    [["in-doubt", "not-sent"], 1],
    [["pending-new"], 5],
  ])("place --wait through %o ends with %i", async (statuses, status) => {
    let read = -1;
    await using node = await scriptedNode({
      "POST /v1/orders": () => ({ status: 202, body: answer }),
      "GET /v1/orders/i-42": () => {
        read = Math.min(read + 1, statuses.length - 1);
        return { status: 200, body: orderView(42, { status: statuses[read] }) };
      },
    });
    const patience = status === 5 ? "300ms" : "1m";
    const run = await baton([...order, "--wait", "--timeout", patience, "--json", "-e", node.url]);
    expect(run.status).toBe(status);
    expect(json(run)).toMatchObject(
      status === 0 ? { intentId: "i-42", order: { status: "new" } } : { error: { operation: "i-42" } },
    );
  });

  test("place --wait is left to go on by Ctrl-C, under the id that it has", async () => {
    const detach = new AbortController();
    await using node = await scriptedNode({
      "POST /v1/orders": () => {
        detach.abort();
        return { status: 202, body: answer };
      },
    });
    const run = await baton([...order, "--wait", "-e", node.url], { detach: detach.signal });
    expect([run.status, run.err]).toEqual([5, expect.stringContaining("baton orders show i-42")]);
  });

  test.each([
    [["new", "cancelled"], 0],
    [["partially-filled", "filled"], 6],
    [["new"], 5],
  ])("cancel --wait through %o ends with %i", async (statuses, status) => {
    let read = -1;
    await using node = await scriptedNode({
      "DELETE /v1/orders/i-4": () => ({ status: 202, body: orderView(4, { status: "new" }) }),
      "GET /v1/orders/i-4": () => {
        read = Math.min(read + 1, statuses.length - 1);
        return { status: 200, body: orderView(4, { status: statuses[read] }) };
      },
    });
    const patience = status === 5 ? "300ms" : "1m";
    const run = await baton(["orders", "cancel", "i-4", "--wait", "--timeout", patience, "-e", node.url]);
    expect(run.status).toBe(status);
  });

  test("cancel asks for it and shows the order; --dry-run only shows it", async () => {
    await using node = await scriptedNode({
      "DELETE /v1/orders/i-4": () => ({ status: 202, body: orderView(4) }),
      "GET /v1/orders/i-4": ok(orderView(4)),
    });
    expect((await baton(["orders", "cancel", "i-4", "--dry-run", "--json", "-e", node.url])).status).toBe(0);
    expect(node.asked.map((asked) => asked.method)).toEqual(["GET"]);
    expect((await baton(["orders", "cancel", "i-4", "--reason", "wrong side", "-e", node.url])).status).toBe(0);
    expect(node.asked.map((asked) => asked.method)).toEqual(["GET", "DELETE"]);
    expect(node.asked[1]?.query.get("reason")).toBe("wrong side");
  });

  test("cancel runs under an id, its own or the one that was given, and a lost answer ends with 5 and that id", async () => {
    await using node = await scriptedNode({
      "DELETE /v1/orders/i-4": () => ({ status: 202, body: orderView(4) }),
      "DELETE /v1/orders/i-5": refuse(503, "unknown", "recorded, not known durable"),
    });
    expect((await baton(["orders", "cancel", "i-4", "--id", "t-1", "-e", node.url])).err).toContain("operation t-1");
    const lost = await baton(["orders", "cancel", "i-5", "--id", "t-2", "-e", node.url]);
    expect([lost.status, lost.err]).toEqual([5, expect.stringContaining("Repeat the command with --id t-2")]);
    expect(node.asked.map((asked) => asked.headers["idempotency-key"])).toEqual(["t-1", "t-2"]);
  });
});
