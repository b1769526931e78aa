import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  baton,
  clusterView,
  json,
  ok,
  operationView,
  orderView,
  refuse,
  scriptedNode,
  temporaryFolder,
} from "./scripted-node.ts";

describe("baton explain node", () => {
  test("says whom each reason bars and what it means, as the node has it from the one function", async () => {
    await using node = await scriptedNode({ "GET /cluster": ok(clusterView()) });
    const run = await baton(["explain", "node", "c", "-e", node.url]);
    expect(run.status).toBe(0);
    expect(run.out).toContain("it leads only if an operator names it");
    expect(run.out).toContain("no-failover: tagged no-failover");
    expect(run.out).toContain("It is tagged no-failover: never promoted by itself.");
    expect((await baton(["explain", "node", "b", "-e", node.url])).out).toContain("it could lead");
    expect((await baton(["explain", "node", "a", "-e", node.url])).out).toContain("it leads");
  });

  test("ends with 2 for a node that etcd shows nothing of", async () => {
    await using node = await scriptedNode({ "GET /cluster": ok(clusterView()) });
    const run = await baton(["explain", "node", "z", "-e", node.url]);
    expect([run.status, run.err]).toEqual([2, "baton: no node z publishes itself in etcd; those that do: a, b, c."]);
  });
});

describe("baton explain alert", () => {
  test("says what it means, what to do first and where its runbook is, and asks no node", async () => {
    const run = await baton(["explain", "alert", "batondoubttooold"]);
    expect(run.status).toBe(0);
    expect(run.out).toContain("BatonDoubtTooOld (critical)");
    expect(run.out).toContain("Do not send it again.");
    expect(run.out).toContain("runbooks/doubt-too-old.md#checks");
    expect(json(await baton(["explain", "alert", "BatonNoLeader", "--json"]))).toMatchObject({
      version: 1,
      name: "BatonNoLeader",
      severity: "critical",
      rule: { forSeconds: 5 },
    });
  });

  test("ends with 2 for a name that there is not, and lists those that there are", async () => {
    const run = await baton(["explain", "alert", "Nothing"]);
    expect(run.status).toBe(2);
    expect(run.err).toContain("there is no alert Nothing; there is BatonNoLeader, ");
  });
});

describe("baton explain order", () => {
  const events = [
    { sequence: 40, kind: "intent.recorded", by: "ann", atWallMs: 1_800_000_000_000, sendWithinMs: 2_000 },
    {
      sequence: 41,
      kind: "attempt.answered",
      atWallMs: 1_800_000_000_500,
      outcome: { kind: "in-doubt", cause: "no answer" },
    },
  ];

  test.each<[Record<string, unknown>, readonly string[]]>([
    [{ status: "in-doubt", events }, ["i-4 is in-doubt.", "(no answer)", "Do not send it again."]],
    [{ status: "pending-new", events: events.slice(0, 1) }, ["no answer of the venue", "2027-01-15T08:00:02.000Z"]],
    [
      {
        status: "not-sent",
        events: [...events, { sequence: 42, kind: "intent.ended", reason: "expired", atWallMs: 1_800_000_002_000 }],
      },
      ["was never at the venue", "given up at 2027-01-15T08:00:02.000Z: expired"],
    ],
    [
      {
        status: "not-sent",
        events: [
          ...events,
          { sequence: 42, kind: "intent.ended", reason: "history-lost", atWallMs: 1_800_000_002_000 },
        ],
      },
      ["the history that was lost may have made another", "given up at 2027-01-15T08:00:02.000Z: history-lost"],
    ],
    [
      {
        status: "rejected",
        events: [
          { sequence: 41, kind: "attempt.answered", outcome: { kind: "rejected", code: "-2010", message: "no money" } },
        ],
      },
      ["The venue refused it: no money (-2010)."],
    ],
    [{ status: "partially-filled", executed: "0.05" }, ["0.05 of 0.1 is executed"]],
    [{ status: "filled", executed: "0.1" }, ["It is executed in full."]],
    [
      {
        status: "filled",
        executed: "0.04",
        events: [...events, { sequence: 44, kind: "fill.busted", tradeId: "7", evidence: "listed no more" }],
      },
      ["executed in full; 0.04 of 0.1 is left", "took its trade 7 back: it is listed no more. It is subtracted"],
    ],
    [
      {
        status: "new",
        events: [...events, { sequence: 43, kind: "cancel.requested", by: "bob", atWallMs: 1_800_000_003_000 }],
      },
      ["nothing of it is executed yet", "bob asked at 2027-01-15T08:00:03.000Z to take it back"],
    ],
    [
      {
        status: "cancelled",
        events: [...events, { sequence: 43, kind: "cancel.requested", by: "bob", atWallMs: 1_800_000_003_000 }],
        replace: {
          quantity: "2",
          price: "99",
          by: "bob",
          status: "given-up",
          successor: null,
          detail: "it was executed",
        },
      },
      ["bob asked at", "Replaced by nothing: it was executed."],
    ],
  ])("says of %o what is known, and what to leave alone", async (changes, sentences) => {
    await using node = await scriptedNode({ "GET /v1/orders/i-4": ok(orderView(4, changes)) });
    const run = await baton(["explain", "order", "i-4", "-e", node.url]);
    expect(run.status).toBe(0);
    for (const sentence of sentences) expect(run.out).toContain(sentence);
    expect(json(await baton(["explain", "order", "i-4", "--json", "-e", node.url]))).toMatchObject({
      ...{ version: 1, id: "i-4", status: changes["status"] },
    });
  });
});

describe("baton status", () => {
  test("shows who leads, what is in doubt and why a node cannot lead, and ends with 0", async () => {
    await using node = await scriptedNode({ "GET /cluster": ok(clusterView()) });
    const run = await baton(["status", "--endpoint", node.url]);
    expect(run.status).toBe(0);
    expect(run.out).toContain("a in epoch 7, for 60.0 s, by switchover");
    const { leader } = clusterView();
    await using young = await scriptedNode({
      "GET /cluster": ok(clusterView({ leader: { ...leader, epoch: 1, reason: "first" } })),
    });
    expect((await baton(["status", "-e", young.url])).out).toContain("a in epoch 1, for 60.0 s, the first\n");
    expect(run.out).toContain("3 open, 1 in doubt (oldest 2.1 s)");
    expect(run.out).toMatch(/^c +standby +yes +120 +2 .*no: tagged no-failover$/m);
    expect(run.err).toBe("");
  });

  test("says what waits to be sent, where anything does", async () => {
    const orders = { open: 3, inDoubt: 0, oldestInDoubtMs: null, fillsMissing: 0, waiting: 41, oldestWaitingMs: 620 };
    await using node = await scriptedNode({ "GET /cluster": ok(clusterView({ orders })) });
    expect((await baton(["status", "-e", node.url])).out).toMatch(
      /^orders +3 open, none in doubt, 41 to be sent \(oldest 620 ms\)$/m,
    );
  });

  test("names each kill with its target, fills that are still being read and parents at work", async () => {
    const by = { by: "ann", reason: "odd fills", atWallMs: 1_800_000_000_000 };
    const scopes = [
      { level: "instrument", id: "BTC/USDT", ...by },
      { level: "strategy", id: "maker", ...by, by: "bob", reason: "too fast", isLocal: true },
    ];
    const orders = { open: 3, inDoubt: 0, oldestInDoubtMs: null, fillsMissing: 2, parents: { running: 1, paused: 2 } };
    await using node = await scriptedNode({
      "GET /cluster": ok(clusterView({ kill: { level: "instrument", ...by, scopes }, orders })),
    });
    const { out } = await baton(["status", "-e", node.url]);
    expect(out).toMatch(/^kill +instrument BTC\/USDT, by ann at 2027-01-15T08:00:00\.000Z: odd fills$/m);
    expect(out).toMatch(/^kill +strategy maker, by bob at \S+: too fast; etcd does not know of it yet$/m);
    expect(out).toMatch(/^fills +those of 2 orders are still being read$/m);
    expect(out).toMatch(/^parents +1 at work, 2 paused$/m);
    await using quiet = await scriptedNode({ "GET /cluster": ok(clusterView()) });
    const calm = (await baton(["status", "-e", quiet.url])).out;
    expect(calm).toMatch(/^kill +off$/m);
    expect(calm).not.toMatch(/^(fills|parents) /m);
  });

  test("ends with 4 where nobody leads, and where nobody may trade", async () => {
    await using leaderless = await scriptedNode({ "GET /cluster": ok(clusterView({ leader: null })) });
    const first = await baton(["status", "-e", leaderless.url]);
    expect([first.status, first.err]).toEqual([4, "baton: nobody leads."]);
    const trading = { isAllowed: false, reasons: ["every feed is stale"] };
    await using stale = await scriptedNode({ "GET /cluster": ok(clusterView({ trading })) });
    const second = await baton(["status", "-e", stale.url]);
    expect([second.status, second.err]).toEqual([4, "baton: nobody may trade: every feed is stale."]);
    const untold = { isAllowed: false, isKnown: false, reasons: ["a leads, and has not told this node"] };
    await using blind = await scriptedNode({ "GET /cluster": ok(clusterView({ trading: untold })) });
    const third = await baton(["status", "-e", blind.url]);
    const why = "this node does not know whether one may trade: a leads, and has not told this node.";
    expect([third.status, third.err]).toEqual([4, `baton: ${why}`]);
    expect(third.out).toMatch(new RegExp(`^trading +not known: ${why}$`, "m"));
  });

  test("--json prints the view as one versioned object, and nothing else", async () => {
    await using node = await scriptedNode({ "GET /cluster": ok(clusterView({ added: "by a newer node" })) });
    const run = await baton(["status", "--json", "-e", node.url]);
    expect(run.out.split("\n")).toHaveLength(1);
    expect(json(run)).toMatchObject({ version: 1, epoch: 7, added: "by a newer node" });
  });

  test("--json is one object also where the end is not well: the view, with how it ended in it", async () => {
    await using node = await scriptedNode({ "GET /cluster": ok(clusterView({ leader: null })) });
    const run = await baton(["status", "--json", "-e", node.url]);
    expect(run.status).toBe(4);
    expect(json(run)).toMatchObject({
      ...{ version: 1, epoch: 7, leader: null },
      error: { exit: "not-healthy", status: 4, detail: "nobody leads." },
    });
  });

  test("asks the next node where one is away", async () => {
    await using away = await scriptedNode({ "GET /cluster": () => "hang-up" });
    await using proxy = await scriptedNode({ "GET /cluster": () => ({ status: 502, body: "Bad Gateway" }) });
    await using node = await scriptedNode({ "GET /cluster": ok(clusterView()) });
    expect((await baton(["status", "-e", away.url, "-e", proxy.url, "-e", node.url])).status).toBe(0);
    expect((await baton(["status"], { environment: { BATON_ENDPOINT: `${away.url},${node.url}` } })).status).toBe(0);
  });

  test("ends with 4 and names each node where none answers", async () => {
    await using away = await scriptedNode({ "GET /cluster": () => "hang-up" });
    const run = await baton(["status", "--json", "-e", away.url]);
    expect(run.status).toBe(4);
    expect(json(run)).toMatchObject({ version: 1, error: { exit: "not-healthy", status: 4 } });
    expect(run.err).toContain(away.url);
  });

  test("says of another program's answer that it is not understood", async () => {
    await using other = await scriptedNode({ "GET /cluster": ok({ hello: "world" }) });
    const run = await baton(["status", "-e", other.url]);
    expect(run.status).toBe(1);
    expect(run.err).toContain("does not know");
  });

  test("--watch goes on until Ctrl-C and then ends with 0", async () => {
    const detach = new AbortController();
    let times = 0;
    await using node = await scriptedNode({
      "GET /cluster": () => {
        times += 1;
        if (times === 2) detach.abort();
        return { status: 200, body: clusterView() };
      },
    });
    const run = await baton(["status", "--watch", "--json", "-e", node.url], { detach: detach.signal });
    expect(run.status).toBe(0);
    expect(run.out.split("\n")).toHaveLength(2);
  });
});

const parent = {
  id: "p-1",
  algorithm: { name: "twap", side: "buy", quantity: "1", symbol: "BTC/USDT", slices: 4, durationMs: 4000 },
  by: "ann",
  status: "running",
  detail: null,
  executed: "0.5",
  slices: { planned: 4, done: 2, skipped: 0, open: 2 },
  counted: null,
  isTriggered: false,
  children: ["i-1", "i-2"],
};

describe("baton orders", () => {
  test("list --all --json gives every order of every page, as the contract writes it", async () => {
    await using node = await scriptedNode({
      "GET /v1/orders": ({ query }) => {
        const after = Number(query.get("after") ?? 0);
        const body = { version: 1, orders: [orderView(after + 1)], next: after < 2 ? after + 1 : null };
        return { status: 200, body: query.get("all") === "1" ? body : { version: 1, orders: [], next: null } };
      },
    });
    const run = await baton(["orders", "list", "--all", "--json", "-e", node.url]);
    expect(run.status).toBe(0);
    const { orders } = json(run) as unknown as { orders: readonly Record<string, unknown>[] };
    expect(orders.map((order) => order["id"])).toEqual(["i-1", "i-2", "i-3"]);
    expect(Object.keys(orders[0] ?? {})).toEqual(
      expect.arrayContaining([
        ...["id", "clientOrderIds", "parent", "slice", "epoch", "sentBy", "terms", "status", "outcome", "executed"],
        "events",
      ]),
    );
  });

  test("list shows a table, and where the next page starts", async () => {
    await using node = await scriptedNode({
      "GET /v1/orders": ok({ version: 1, orders: [orderView(4, { status: "in-doubt" })], next: 4 }),
    });
    const run = await baton(["orders", "list", "--limit", "1", "-e", node.url]);
    expect(run.out).toMatch(/^i-4 .*BTC\/USDT .*in-doubt +7 +a +2027-01-15T08:00:00Z$/m);
    expect(run.err).toBe("more: --after 4");
    expect(node.asked[0]?.query.toString()).toBe("limit=1");
  });

  test("list shows the parent orders at work before the orders, also where none of their orders is open", async () => {
    const parents = [{ ...parent, status: "paused", slices: { planned: null, done: 2, skipped: 0, open: 0 } }];
    await using node = await scriptedNode({
      "GET /v1/orders": ({ query }) => {
        const isFirst = query.get("after") === null;
        const body = isFirst ? { parents, orders: [orderView(1)], next: 1 } : { orders: [orderView(2)], next: null };
        return { status: 200, body: { version: 1, ...body } };
      },
    });
    const { out } = await baton(["orders", "list", "--all", "-e", node.url]);
    expect(out).toMatch(
      /^p-1 +twap +BTC\/USDT +buy +1 +0\.5 +paused +2 done, 0 open, 0 skipped +ann$[^]*\n\nID[^]*^i-1 [^]*^i-2 /m,
    );
    const all = json(await baton(["orders", "list", "--all", "--json", "-e", node.url]));
    expect(all).toMatchObject({
      version: 1,
      parents: [{ id: "p-1" }],
      orders: [{ id: "i-1" }, { id: "i-2" }],
      next: null,
    });
  });

  test("list --parent asks for the children of that one, on every page", async () => {
    await using node = await scriptedNode({
      "GET /v1/orders": ({ query }) => ({
        status: 200,
        body: {
          version: 1,
          orders: [orderView(query.get("after") === null ? 1 : 2)],
          next: query.get("after") === null ? 1 : null,
        },
      }),
    });
    expect((await baton(["orders", "list", "--all", "--parent", "p-1", "-e", node.url])).status).toBe(0);
    expect(node.asked.map(({ query }) => query.toString())).toEqual(["all=1&parent=p-1", "all=1&after=1&parent=p-1"]);
  });

  test("list --all with a limit is one page", async () => {
    await using node = await scriptedNode({
      "GET /v1/orders": ok({ version: 1, orders: [orderView(4)], next: 4 }),
    });
    const run = await baton(["orders", "list", "--all", "--limit", "1", "-e", node.url]);
    expect([run.status, run.err]).toEqual([0, "more: --after 4"]);
    expect(node.asked.map((asked) => asked.query.toString())).toEqual(["all=1&limit=1"]);
  });

  test("a page that leads to itself is an error, not a loop", async () => {
    await using node = await scriptedNode({ "GET /v1/orders": ok({ version: 1, orders: [], next: 3 }) });
    const run = await baton(["orders", "list", "--all", "-e", node.url]);
    expect(run.status).toBe(1);
    expect(run.err).toContain("leads to itself");
  });

  test("show tells an order's life; an unknown one ends with 1", async () => {
    await using node = await scriptedNode({ "GET /v1/orders/i-4": ok(orderView(4)) });
    const run = await baton(["orders", "show", "i-4", "-e", node.url]);
    expect(run.out).toContain("buy 0.1 BTC/USDT limit 65000 GTC");
    expect(run.out).toMatch(/40 +2027-.* +intent\.recorded +by ann/);
    const none = await baton(["orders", "show", "i-5", "-e", node.url]);
    expect([none.status, none.err]).toEqual([1, "baton: there is no /v1/orders/i-5. (not-found)"]);
  });

  test("show says of an attempt that was not sent why it was not", async () => {
    const outcome = { kind: "not-sent", reason: "withdrawn", message: "a switchover ended the sending" };
    const answer = { sequence: 41, kind: "attempt.answered", attempt: 1, node: "a", epoch: 7, outcome, atWallMs: 0 };
    await using node = await scriptedNode({ "GET /v1/orders/i-4": ok(orderView(4, { events: [answer] })) });
    const run = await baton(["orders", "show", "i-4", "-e", node.url]);
    expect(run.out).toContain("attempt 1, not-sent: withdrawn (a, epoch 7)");
  });

  test("show tells a parent order with its slices", async () => {
    await using node = await scriptedNode({ "GET /v1/orders/p-1": ok(parent) });
    const run = await baton(["orders", "show", "p-1", "-e", node.url]);
    expect(run.out).toContain("2 done, 2 open, 0 skipped");
    expect(run.out).not.toContain("paused");
  });

  test("show tells of a parent order that waits since a loss what the account traded beside it, and what to do", async () => {
    const waiting = {
      ...{ id: "p-1", by: "ann", status: "paused", detail: null, executed: "0.5", counted: null, isTriggered: false },
      algorithm: { name: "twap", side: "buy", quantity: "1", symbol: "BTC/USDT", slices: 4, durationMs: 4000 },
      slices: { planned: 4, done: 2, skipped: 0, open: 2 },
      paused: { by: "baton", sinceWallMs: 1_800_000_000_000, cause: "history-lost", bought: "0.25", sold: "0" },
      children: [],
    };
    await using node = await scriptedNode({ "GET /v1/orders/p-1": ok(waiting) });
    const run = await baton(["orders", "show", "p-1", "-e", node.url]);
    expect(run.out).toMatch(/paused +by baton at 2027-.*: a history was lost/);
    expect(run.out).toMatch(/unexplained +bought 0\.25, sold 0 /);
    expect(run.out).toMatch(/next +.* resume with --reason, or cancel it/);
  });
});

describe("the other readers", () => {
  test("history is one timeline of epochs, operations and kills", async () => {
    const atWallMs = 1_800_000_000_000;
    const entries = [
      {
        kind: "epoch",
        epoch: 7,
        node: "b",
        boot: "x",
        reason: "pre-emption",
        atWallMs,
        position: 3,
        phases: { elect: 41 },
      },
      { kind: "operation", ...operationView({ phase: "done", epoch: 8 }), atWallMs },
      { kind: "kill", level: "cluster", by: "ann", reason: "odd fills", atWallMs },
      {
        ...{ kind: "kill", level: "venue", by: "bob", reason: "it lies", atWallMs },
        scopes: [{ level: "venue", id: "binance", by: "bob", reason: "it lies", atWallMs }],
      },
      { kind: "kill", level: "off", by: "ann", reason: "settled", atWallMs },
    ];
    await using node = await scriptedNode({ "GET /history": ok({ version: 1, entries }) });
    const run = await baton(["history", "--since", "2h", "-e", node.url]);
    expect(run.out).toMatch(/leader +7 +b +pre-emption, elect 41 ms/);
    expect(run.out).toMatch(/switchover done +8 +ann +patch: b catches up/);
    expect(run.out).toMatch(/kill cluster +ann +odd fills/);
    expect(run.out).toMatch(/kill venue binance +bob +it lies/);
    expect(run.out).toMatch(/kill lifted +ann +settled/);
    expect(Number(node.asked[0]?.query.get("since"))).toBeGreaterThan(Date.now() - 7_300_000);
    expect((await baton(["history", "--since", "tomorrow", "-e", node.url])).status).toBe(2);
  });

  test("positions come with balances", async () => {
    const position = {
      venue: "binance",
      account: "main",
      symbol: "BTC/USDT",
      quantity: "-0.5",
      openBuy: "1",
      openSell: "0",
    };
    const balance = { venue: "binance", account: "main", currency: "USDT", total: "1000.25" };
    await using node = await scriptedNode({
      "GET /v1/positions": ok({ version: 1, positions: [position] }),
      "GET /v1/balances": ok({ version: 1, balances: [balance] }),
    });
    const run = await baton(["positions", "--json", "-e", node.url]);
    expect(json(run)).toEqual({ version: 1, positions: [position], balances: [balance] });
    expect((await baton(["positions", "-e", node.url])).out).toContain("1000.25");
  });

  test("feeds show each stream with its quality and age, each line with its state, and what ended the ones before", async () => {
    const feed = {
      id: "f",
      venue: "binance",
      symbol: "BTC/USDT",
      state: "live",
      quality: "stale",
      ageMs: 2500,
      bid: "1",
      ask: null,
      gaps: 1,
      reconnects: 3,
    };
    const line = { url: "wss://a", reason: "every book aligned", failuresInRow: 0, isSuccessor: false };
    const grown = {
      ...feed,
      reason: "its price is too old",
      tradesMissing: 4,
      line: "a2",
      reconnectsByCause: { reset: 1, stall: 2 },
      lines: [
        { ...line, line: "a2", state: "live", upMs: 61_000 },
        { ...line, line: "a3", state: "syncing", upMs: 20, isSuccessor: true },
      ],
      drift: { leader: "n1", updateId: 77, isEqual: false, comparedAgoMs: 3 },
    };
    const eth = { ...grown, symbol: "ETH/USDT", quality: "live", drift: { ...grown.drift, isEqual: true } };
    await using node = await scriptedNode({ "GET /v1/feeds": ok({ version: 1, feeds: [grown, eth] }) });
    const { out } = await baton(["feeds", "-e", node.url]);
    expect(out).toMatch(/^f +BTC\/USDT +live +stale +2\.5 s +1 +– +1 +4 +3 +a2 +differs at 77$/m);
    expect(out).toMatch(/^f +ETH\/USDT +live +live .* the same$/m);
    expect(out).toMatch(/^f +a2 +live +61\.0 s +0 +wss:\/\/a +every book aligned$/m);
    expect(out).toMatch(/^f +a3 +syncing \(next\) +20 ms /m);
    expect(out.match(/^f +a2 /gm)).toHaveLength(1);
    expect(out).toContain("f was reconnected: stall 2, reset 1");
    expect(out).toContain("f BTC/USDT is stale: its price is too old");
    expect(json(await baton(["feeds", "--json", "-e", node.url]))).toEqual({ version: 1, feeds: [grown, eth] });
    // A node of an older version tells less.
    await using old = await scriptedNode({ "GET /v1/feeds": ok({ version: 1, feeds: [feed] }) });
    expect((await baton(["feeds", "-e", old.url])).out).toMatch(/^f +BTC\/USDT +live +stale .* 1 +– +3 +– +–$/m);
  });

  test("the token of a file goes with every request, and a refused one ends with 1", async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, "token");
    writeFileSync(file, "aaaabbbbccccdddd\n");
    await using node = await scriptedNode({ "GET /v1/feeds": refuse(401, "unauthorized", "this needs a token.") });
    const run = await baton(["feeds", "-e", node.url, "--token-file", file]);
    expect([run.status, run.err]).toEqual([1, "baton: this needs a token. (unauthorized)"]);
    expect(node.asked[0]?.headers.authorization).toBe("Bearer aaaabbbbccccdddd");
    expect((await baton(["feeds", "-e", node.url, "--token-file", "/nowhere"])).status).toBe(2);
    writeFileSync(file, "two words");
    expect((await baton(["feeds", "-e", node.url, "--token-file", file])).status).toBe(2);
  });

  test("without a cluster to ask, or with a URL that is none, it is a usage error", async () => {
    expect((await baton(["feeds"])).status).toBe(2);
    const run = await baton(["feeds", "--json", "-e", "localhost"]);
    expect(json(run)).toMatchObject({ error: { exit: "usage", field: "endpoint" } });
    const empty = await baton(["status"], { environment: { BATON_ENDPOINT: "," } });
    expect([empty.status, empty.err]).toEqual([2, expect.stringContaining("which cluster?")]);
  });
});

test("sla says what each provider was worth by month, and which promises it broke", async () => {
  const figures = { month: "2026-11", requests: 12_000, latencyP99Ms: 50, errorPercent: 0.25 };
  const view = {
    version: 1,
    node: "a",
    providers: [
      {
        venue: "binance",
        title: "Binance spot",
        promise: { availabilityPercentMin: 99.9 },
        months: [
          { ...figures, availabilityPercent: 99.5, broken: ["available in 99.500 % of minutes, promised 99.9 %"] },
        ],
      },
    ],
  };
  await using node = await scriptedNode({ "GET /v1/sla": ok(view) });
  const told = (await baton(["sla", "-e", node.url])).out;
  expect(told).toContain("promised 99.9 %");
  expect(told).toContain("≤ 50 ms");
  const kept = { ...figures, availabilityPercent: 99.95, broken: [] };
  const [provider] = view.providers;
  const others = [
    { ...provider, venue: "kept", months: [kept] },
    { ...provider, venue: "none", promise: {}, months: [kept] },
  ];
  await using other = await scriptedNode({ "GET /v1/sla": ok({ ...view, providers: others }) });
  const calm = (await baton(["sla", "-e", other.url])).out;
  expect(calm).toMatch(/^kept .* kept$/m);
  expect(calm).toMatch(/^none .* none on record \(venues\[\]\.sla\)$/m);
  expect(json(await baton(["sla", "--json", "-e", node.url]))).toMatchObject(view);
});
