/**
 * What a node costs and how fast it is there: the cold start of a standby on a journal of 100,000 records, the resident
 * memory of leader, standby and supervisor, and the time of a takeover as journal and open orders grow. Real processes on
 * loopback; three nodes, three etcd members and the exchange share one machine's cores, so every start and every takeover
 * here competes with five neighbours. Beside the cold start stands what Node needs for the same modules alone.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import type { NodeId } from "@baton/core";
import { clientOf, readAudit, startCluster } from "@baton/drills";
import type { Cluster } from "@baton/drills";
import { besidePeer, median } from "./figure.ts";
import type { BenchOptions, Figure } from "./figure.ts";
import { growJournals } from "./grown-journal.ts";
import { accessOf, engineClient, monoNow, restingOrders } from "./order-clients.ts";
import type { OrderPlan } from "./order-clients.ts";

type ClusterNode = Cluster["nodes"][number];

/** Journal and open orders grow together; a takeover has to take as long. */
const stages = [
  { open: 10, records: 100 },
  { open: 1_000, records: 10_000 },
  { open: 10_000, records: 100_000 },
] as const;
const takeoversPerStage = 7;
const coldStarts = 5;
/** The lease of the rig's nodes, and what etcd may take to notice its end. */
const leaseOutMs = 3_500;
/** Eligible intents a second while the leader dies. */
const intentsPerSecond = 100;

/** How long a leader leads before its memory is read: by then it has read an account of ten thousand open orders. */
const leadsForMs = 5_000;

/** Measures all of it, about four minutes; `--samples N`: N takeovers a stage and N cold starts. */
export async function run({ samples }: BenchOptions): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  let firstMs: number | undefined;
  for (const stage of stages) {
    // A cluster of its own for each: what one stage traded would be younger than the history that the next one is given.
    await using cluster = await startCluster();
    await regrow(cluster, stage);
    const takeovers: number[] = [];
    for (let count = 0; count < (samples ?? takeoversPerStage); count += 1) takeovers.push(await takeover(cluster));
    const value = median(takeovers);
    const figure = {
      name: `takeover, ${told(stage.open)} open, ${told(stage.records)} records`,
      unit: "ms",
      value,
      samples: takeovers.length,
    };
    if (firstMs === undefined) figures.push(figure);
    else {
      const peer = { name: `${stages[0].open} open`, value: firstMs };
      figures.push({ ...besidePeer({ ...figure, peer }), goal: { atMost: 1.5 } });
    }
    firstMs ??= value;
    if (stage === stages[0] || stage === stages.at(-1)) figures.push(...(await memory(cluster, stage)));
    if (stage === stages.at(-1)) figures.push(...(await coldStart(cluster, samples ?? coldStarts)));
  }
  return figures;
}

function told(value: number): string {
  return value.toLocaleString("en");
}

/** Takes all nodes down as if their hosts were lost, grows their journals, and brings them up again. */
async function regrow(cluster: Cluster, stage: (typeof stages)[number]): Promise<void> {
  await quiet(cluster);
  await Promise.all(cluster.nodes.map((node) => takeDown(node)));
  const exchange = restingOrders(await accessOf(cluster.configFiles[0] ?? ""));
  try {
    await growJournals(cluster.nodes, stage, exchange);
  } finally {
    await exchange.close();
  }
  await Promise.all(cluster.nodes.map((node) => node.start()));
  await cluster.leader();
  await cluster.untilInSync();
}

/** Kills a node whole, and waits until the kernel has taken its files from it. */
async function takeDown(node: ClusterNode): Promise<void> {
  const engine = await node.enginePid();
  await node.killAll();
  await until("the engine is gone", 10_000, () => !existsSync(`/proc/${engine}/exe`));
}

/** Waits until every journal has the same end. */
async function quiet(cluster: Cluster): Promise<void> {
  await until("the journals are equal", 20_000, async () => {
    const views = await Promise.all(cluster.nodes.map((node) => clientOf(node).cluster()));
    const ends = views.map((view) => view.members.find((member) => member.node === view.node.id)?.position);
    return ends.every((end) => end !== undefined && end.durable === end.committed && end.durable === ends[0]?.durable);
  });
}

/**
 * SIGKILL of the leader's engine under a flow of orders; ends with the first order of another node at the exchange. Waits
 * until all are in sync again.
 */
async function takeover(cluster: Cluster): Promise<number> {
  await cluster.untilInSync();
  const leader = await cluster.leader();
  const { apiKey } = await accessOf(leader.configFile);
  const others = cluster.nodes.filter((node) => node !== leader);
  const flow = startFlow(others, await planOf(cluster));
  try {
    await until("orders flow", 20_000, () => flow.acknowledged > 20);
    const struckMonoMs = monoNow();
    await leader.killEngine();
    const isFirst = (record: ReturnType<typeof readAudit>[number]): boolean =>
      record.type === "recv" &&
      record.call === "order.place" &&
      record.monoMs > struckMonoMs &&
      record.apiKey !== apiKey;
    // Reading the log takes its while and a core: not before somebody trades again.
    const before = flow.acknowledged;
    await until("orders are acknowledged again", 20_000, () => flow.acknowledged > before + intentsPerSecond / 4);
    const first = await until("an order of the next leader", 20_000, () =>
      readAudit(cluster.exchange.auditFile).find((record) => isFirst(record)),
    );
    return first.monoMs - struckMonoMs;
  } finally {
    await flow.stop();
    await cluster.untilInSync();
  }
}

/** Orders at a steady rate through the standbys, who forward them to whoever leads; refusals meanwhile are expected. */
function startFlow(
  nodes: readonly ClusterNode[],
  plan: OrderPlan,
): { readonly acknowledged: number; stop(): Promise<void> } {
  const flow = `flow-${process.hrtime.bigint()}`;
  const clients = nodes.map((node) => engineClient(node.endpoint, `${flow}-${node.id}`));
  const underWay = new Set<Promise<void>>();
  let sent = 0;
  let acknowledged = 0;
  const timer = setInterval(() => {
    const client = clients[sent % clients.length];
    // Nobody answers for a moment: the rate is held, the heap is not filled.
    if (client === undefined || underWay.size > intentsPerSecond) return;
    sent += 1;
    const placing = client
      .place(plan)
      .then(() => void (acknowledged += 1))
      .catch(() => undefined)
      .finally(() => underWay.delete(placing));
    underWay.add(placing);
  }, 1_000 / intentsPerSecond);
  return {
    get acknowledged() {
      return acknowledged;
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
      await Promise.all(clients.map((client) => client.close()));
    },
  };
}

/** Below the market: it expires at once and nothing stays behind. */
async function planOf(cluster: Cluster): Promise<OrderPlan> {
  const { endpoint } = await cluster.leader();
  const bid = await until("the leader has a book", 20_000, async () => {
    const answer = await fetch(`${endpoint}/v1/books/BTC%2FUSDT?depth=1`);
    const book = (await answer.json()) as { bids?: readonly (readonly [string, string])[] };
    return book.bids?.[0]?.[0];
  });
  return { symbol: "BTC/USDT", quantity: "0.001", price: (Math.floor(Number(bid) * 99.5) / 100).toFixed(2) };
}

/**
 * Resident memory of one leader, one standby and their supervisors, after the takeovers, as the kernel counts it and as it
 * happens to be: with the garbage that nobody has collected yet, and with some 60 MB of Node's own program that processes on
 * one host share.
 */
async function memory(cluster: Cluster, stage: (typeof stages)[number]): Promise<readonly Figure[]> {
  await delay(leadsForMs);
  const leader = await cluster.leader();
  const standby = cluster.nodes.find((node) => node !== leader) ?? leader;
  const figure = (of: string, value: number): Figure => {
    return { name: `memory of ${of}, ${told(stage.records)} records`, unit: "MB", value, samples: 1 };
  };
  const goal = { atMost: 300 };
  return [
    { ...figure("the leader's engine", await residentMb(await leader.enginePid())), goal },
    { ...figure("a standby's engine", await residentMb(await standby.enginePid())), goal },
    figure("a supervisor", await residentMb(leader.program?.pid ?? 0)),
  ];
}

async function residentMb(pid: number): Promise<number> {
  const { stdout } = await promisify(execFile)("ps", ["-o", "rss=", "-p", `${pid}`]);
  return Number(stdout) / 1024;
}

/** A standby's host comes back: from the spawn of its supervisor until it is in sync and nothing speaks against its promotion. */
async function coldStart(cluster: Cluster, rounds: number): Promise<readonly Figure[]> {
  const warm: number[] = [];
  const ready: number[] = [];
  const modules: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    modules.push(await loadModules());
    // Under a new leader each time: the same one would let a standby that keeps going away wait longer each time.
    const former = await cluster.leader();
    await former.killEngine();
    await cluster.untilInSync();
    const leader = await cluster.leader();
    const standby = cluster.nodes.find((node) => node !== leader && node !== former) ?? former;
    await takeDown(standby);
    // A host takes longer to come back than its lease lives; until then its node's id would count as taken.
    await delay(leaseOutMs);
    const began = performance.now();
    await standby.start();
    await until("the standby is ready", 30_000, () => isOk(`${standby.endpoint}/ready`));
    ready.push(performance.now() - began);
    await until("the standby may be promoted", 30_000, () => mayBePromoted(standby));
    warm.push(performance.now() - began);
    await cluster.untilInSync();
  }
  const records = told(stages.at(-1)?.records ?? 0);
  const figure = (name: string, values: readonly number[]): Figure => {
    return {
      name: `cold start ${name}, ${records} records`,
      unit: "ms",
      value: median(values),
      samples: values.length,
    };
  };
  return [
    besidePeer({ ...figure("to ready", ready), peer: { name: "Node loading the modules", value: median(modules) } }),
    { ...figure("to warm standby", warm), goal: { atMost: 2_000 } },
  ];
}

/** What the same process needs before its first own line runs. */
async function loadModules(): Promise<number> {
  const began = performance.now();
  const engine = new URL("../../packages/engine/src/engine-process.ts", import.meta.url).href;
  await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", `await import("${engine}")`]);
  return performance.now() - began;
}

async function isOk(url: string): Promise<true | undefined> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.ok === true ? true : undefined;
}

async function mayBePromoted(node: { readonly id: NodeId; readonly endpoint: string }): Promise<true | undefined> {
  const answer = await fetch(`${node.endpoint}/promotability`).catch(() => undefined);
  if (answer === undefined) return undefined;
  const { candidates } = (await answer.json()) as { candidates?: readonly { node: NodeId; isPromotable: boolean }[] };
  return candidates?.some((each) => each.node === node.id && each.isPromotable) === true ? true : undefined;
}

async function until<T>(
  what: string,
  withinMs: number,
  ask: () => T | Promise<T>,
): Promise<NonNullable<Exclude<T, false>>> {
  const end = performance.now() + withinMs;
  for (;;) {
    const value = await ask();
    if (value !== undefined && value !== null && value !== false) return value as NonNullable<Exclude<T, false>>;
    if (performance.now() > end) throw new Error(`${what}: not within ${withinMs} ms`);
    await delay(20);
  }
}
