/**
 * A whole Baton on loopback: three etcd members, the simulated exchange, three engine nodes, each a process of its own,
 * in one folder with free ports. The demo, the drills and the tests of runbooks run on it. Links of which faults can take
 * hold are put in only where they are asked for, so that nothing stands in the way of what is measured.
 */
import { mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BatonClient } from "@baton/cli";
import type { ApiTls, ClusterView, NodeId } from "@baton/core";
import { readAudit, readHistory, readJournal } from "../checker/read-files.ts";
import type { Evidence } from "../checker/evidence.ts";
import { EngineNode } from "./engine-node.ts";
import type { NodeLinks } from "./engine-node.ts";
import { startEtcd } from "./etcd.ts";
import type { EtcdRig } from "./etcd.ts";
import { startGuard } from "./guard.ts";
import type { Guard } from "./guard.ts";
import { openLink } from "./link.ts";
import type { Link } from "./link.ts";
import { apiKeyOf, rigAccount, rigPositionMax, rigTimes, secretOf, writeNodeConfig } from "./node-config.ts";
import { freePorts } from "./ports.ts";
import { checkout, failureOf, startProgram, until } from "./processes.ts";
import type { Program } from "./processes.ts";

export type Uniqueness = "open-only" | "forever" | "none";

/** Which links faults can cut: all to and from each node and between etcd's members, its way to the exchange, or none. */
export type LinkPlan = "none" | "uplinks" | "all";

export interface ClusterOptions {
  /** Folder for everything, kept after the end; default: a temporary one that is removed. */
  readonly dir?: string;
  readonly seed?: number;
  readonly uniqueness?: Uniqueness;
  readonly links?: LinkPlan;
  /** The exchange's limit of request weight, to which the nodes keep; default: one that is never reached. */
  readonly weightPerMinute?: number;
  /** False: a standby waits for the end of the leader's lease; default true. */
  readonly preempt?: boolean;
  /** Certificates of a node: it then speaks TLS only, and this process must trust their authority. Default: plain HTTP. */
  readonly tls?: (node: NodeId) => ApiTls;
  /** An Alertmanager that every node tells at once of what happens; default: none. */
  readonly alertmanagerUrl?: string;
  /** Called with a sentence for each step of the start. */
  readonly onStep?: (sentence: string) => void;
}

/** A running cluster. */
export interface Cluster extends AsyncDisposable {
  /** The cluster's configured name. */
  readonly name: string;
  readonly dir: string;
  /** Base URLs of the nodes' APIs, in order of nodes. */
  readonly endpoints: readonly string[];
  readonly configFiles: readonly string[];
  readonly nodes: readonly EngineNode[];
  readonly etcd: EtcdRig;
  readonly exchange: { readonly endpoint: string; readonly auditFile: string; readonly pid: number };
  /** The node that leads and trades, once one does; throws after a minute. */
  leader(): Promise<EngineNode>;
  /** Waits until every node is a member of the in-sync set; throws after two and a half minutes, with what each node said. */
  untilInSync(): Promise<void>;
  /** SIGKILL of the leader's engine; its supervisor lives. */
  killLeader(): Promise<void>;
  /** All that is on record for the checker, read beside the running programs: meant for when nothing moves any more. */
  evidence(): Promise<
    Pick<Evidence, "audit" | "journals" | "history" | "account" | "nodeOfKey" | "times" | "positionMax">
  >;
  /** Ends everything and removes the folder unless it was given. Idempotent. */
  stop(): Promise<void>;
}

/** How long the rig waits for a fact about the whole cluster; a loaded machine takes its time. */
const waitMs = 60_000;
/**
 * The same for all nodes in sync. A standby that falls behind again and again, as one does where others take the processor, is
 * taken in later each time, up to 30 s after it was taken out or its link came up: falling out once more in that time is
 * twice that, with nothing wrong.
 */
const inSyncWaitMs = 150_000;

interface Leading {
  readonly node: EngineNode;
  readonly view: ClusterView;
}

const ids = ["a", "b", "c"] as readonly string[] as readonly NodeId[];
const name = "demo";
const weightNeverReached = 1_000_000;

/** Starts etcd, the exchange and three nodes, founds the cluster, and waits until one node trades with two in sync. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const say = options.onStep ?? (() => undefined);
  const isTemporary = options.dir === undefined;
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), "baton-rig-"));
  mkdirSync(dir, { recursive: true });
  const guard = startGuard(isTemporary ? dir : undefined);
  const parts: Parts = { dir, guard, links: [], nodes: [] };
  try {
    const etcdDir = join(dir, "etcd");
    mkdirSync(etcdDir, { recursive: true });
    [parts.etcd, parts.exchange] = await Promise.all([
      startEtcd({ dir: etcdDir, peerLinks: options.links === "all" }),
      startExchange(parts, options),
    ]);
    say("etcd answers with three members, the exchange is open");
    await layOutNodes(parts, options);
    await Promise.all(parts.nodes.map((node) => node.start()));
    await Promise.all(parts.nodes.map((node) => node.untilAnswers("/live", waitMs)));
    say("three nodes are up, each with an empty journal");
    await found(parts);
    say("the cluster is founded: its UUID, epoch 0 and the first in-sync set stand in etcd");
    const cluster = new RigCluster(parts);
    const leader = await cluster.leader();
    await cluster.untilInSync();
    say(`${leader.id} leads, the other two follow in sync`);
    return cluster;
  } catch (error) {
    await stopParts(parts);
    throw error;
  }
}

interface Parts {
  readonly dir: string;
  readonly guard: Guard;
  readonly links: Link[];
  nodes: EngineNode[];
  etcd?: EtcdRig;
  exchange?: { readonly program: Program; readonly address: string; readonly auditFile: string };
}

async function startExchange(parts: Parts, options: ClusterOptions): Promise<NonNullable<Parts["exchange"]>> {
  const [port = 0] = await freePorts(1);
  const auditFile = join(parts.dir, "audit.jsonl");
  const keys = ids.map((node) => `${apiKeyOf(node)}:${secretOf(node)}:${rigAccount}`);
  const program = await startProgram(
    "the exchange",
    [
      join(checkout, "packages", "exchange", "src", "main.ts"),
      ...["--port", `${port}`, "--audit", auditFile, "--audit-prices", "--seed", `${options.seed ?? 1}`],
      ...["--uniqueness", options.uniqueness ?? "open-only"],
      ...["--keys", keys.join(","), "--order-limit-10s", "20000"],
      ...["--weight-limit", `${options.weightPerMinute ?? weightNeverReached}`],
    ],
    { logFile: join(parts.dir, "exchange.log"), guard: parts.guard },
  );
  const address = `127.0.0.1:${port}`;
  await until(
    async () => {
      const answer = await fetch(`http://${address}/api/v3/ping`, { signal: AbortSignal.timeout(500) }).catch(
        () => undefined,
      );
      await answer?.body?.cancel();
      return answer?.ok === true ? true : undefined;
    },
    { what: "the exchange answers", withinMs: waitMs, program },
  );
  return { program, address, auditFile };
}

async function layOutNodes(parts: Parts, options: ClusterOptions): Promise<void> {
  const { etcd, exchange } = parts;
  if (etcd === undefined || exchange === undefined) throw new Error("etcd and the exchange come first");
  const ports = await freePorts(ids.length);
  const listen = new Map(ids.map((node, at) => [node, `127.0.0.1:${ports[at]}`]));
  const plan = options.links ?? "none";
  const open = async (target: string): Promise<Link> => {
    const link = await openLink(target);
    parts.links.push(link);
    return link;
  };
  const between = new Map<string, Link>();
  if (plan === "all") {
    for (const from of ids) {
      for (const to of ids) if (from !== to) between.set(`${from}>${to}`, await open(listen.get(to) ?? ""));
    }
  }
  for (const node of ids) {
    const others = ids.filter((other) => other !== node);
    const toEtcd = plan === "all" ? await Promise.all(etcd.endpoints.map((each) => open(hostPort(each)))) : [];
    const toExchange = plan === "none" ? [] : [await open(exchange.address)];
    const peer = (to: NodeId): [NodeId, string][] => {
      const link = between.get(`${node}>${to}`);
      return link === undefined ? [] : [[to, `127.0.0.1:${link.port}`]];
    };
    const links: NodeLinks = {
      toPeers: others.flatMap((other) => between.get(`${node}>${other}`) ?? []),
      fromPeers: others.flatMap((other) => between.get(`${other}>${node}`) ?? []),
      toEtcd,
      toExchange,
    };
    const home = join(parts.dir, `node-${node}`);
    const configFile = writeNodeConfig({
      cluster: name,
      nodes: ids,
      node,
      home,
      listen: listen.get(node) ?? "",
      peers: Object.fromEntries(others.flatMap(peer)),
      etcd: toEtcd.length === 0 ? etcd.endpoints : toEtcd.map((link) => `http://127.0.0.1:${link.port}`),
      exchange: toExchange[0] === undefined ? exchange.address : `127.0.0.1:${toExchange[0].port}`,
      uniqueness: options.uniqueness ?? "open-only",
      weightPerMinute: options.weightPerMinute ?? weightNeverReached,
      preempt: options.preempt ?? true,
      alertmanagerUrl: options.alertmanagerUrl,
      tls: options.tls?.(node),
    });
    const endpoint = `${options.tls === undefined ? "http" : "https"}://${listen.get(node)}`;
    parts.nodes.push(new EngineNode({ id: node, endpoint, configFile, home, links, guard: parts.guard }));
  }
}

function hostPort(url: string): string {
  return url.replace(/^https?:\/\//, "");
}

/** `baton cluster init`, as an operator runs it. */
async function found(parts: Parts): Promise<void> {
  const [first] = parts.nodes;
  const baton = join(checkout, "packages", "cli", "src", "baton.ts");
  const logFile = join(parts.dir, "init.log");
  const program = await startProgram(
    "baton cluster init",
    [baton, "cluster", "init", "--config", first?.configFile ?? "", "--yes", "--cluster", name, "--timeout", "60s"],
    { logFile, guard: parts.guard },
  );
  const status = await program.ended;
  if (status !== 0) throw await failureOf(program, `ended with status ${status}`);
}

class RigCluster implements Cluster {
  readonly name = name;
  readonly dir: string;
  readonly nodes: readonly EngineNode[];
  readonly etcd: EtcdRig;
  readonly exchange: Cluster["exchange"];
  readonly #parts: Parts;
  #stopping: Promise<void> | undefined;

  constructor(parts: Parts) {
    if (parts.etcd === undefined || parts.exchange === undefined) throw new Error("the cluster has not been started");
    this.#parts = parts;
    this.dir = parts.dir;
    this.nodes = parts.nodes;
    this.etcd = parts.etcd;
    const { address, auditFile, program } = parts.exchange;
    this.exchange = { endpoint: `http://${address}`, auditFile, pid: program.pid ?? 0 };
  }

  get endpoints(): readonly string[] {
    return this.nodes.map((node) => node.endpoint);
  }

  get configFiles(): readonly string[] {
    return this.nodes.map((node) => node.configFile);
  }

  async leader(): Promise<EngineNode> {
    const { node } = await this.#untilLeader("a node leads and may trade", () => true);
    return node;
  }

  /** Waits until a node leads, may trade, and its view is as asked; what each node said last goes into the refusal. */
  async #untilLeader(
    what: string,
    accept: (view: ClusterView) => boolean,
    withinMs: number = waitMs,
  ): Promise<Leading> {
    const answers: string[] = [];
    const ask = async (): Promise<Leading | undefined> => {
      const leading = await this.#leaderNow(answers);
      return leading !== undefined && accept(leading.view) ? leading : undefined;
    };
    try {
      return await until(ask, { what, withinMs });
    } catch (cause) {
      const logs = await Promise.all(this.nodes.map(async (node) => `${node.id}:\n${await node.lastSaid()}`));
      throw new Error(`${what}: not within ${withinMs} ms:\n${answers.join("\n")}\n${logs.join("\n")}`, { cause });
    }
  }

  /** The leader that may trade, if there is one; `answers` is filled with what each node said. */
  async #leaderNow(answers: string[]): Promise<Leading | undefined> {
    const running = this.nodes.filter((node) => node.isRunning);
    const said = await Promise.all(
      running.map(async (node) => {
        try {
          const view = await clientOf(node, 3_000).cluster();
          const isReady = view.node.role === "leader" && view.trading.isAllowed;
          const set = view.insync?.members.join(", ") ?? "unknown";
          const unfit = view.members.map((member) => `${member.node} ${member.unfit.join(", ") || "fit"}`);
          const words =
            `${node.id} is ${view.node.role} in epoch ${view.epoch} (in sync: ${set}; ${unfit.join("; ")}): ` +
            `${view.node.sentence} ${view.trading.reasons.join(", ")}`;
          return { leading: isReady ? { node, view } : undefined, words };
        } catch (error) {
          // A node that is down, or that ended and comes up anew, is a fact to wait out like any other.
          return { leading: undefined, words: `${node.id}: ${error instanceof Error ? error.message : String(error)}` };
        }
      }),
    );
    answers.splice(0, answers.length, ...said.map(({ words }) => words));
    return said.find(({ leading }) => leading !== undefined)?.leading;
  }

  async untilInSync(): Promise<void> {
    const isWhole = (view: ClusterView): boolean => view.insync?.members.length === this.nodes.length;
    await this.#untilLeader("all nodes are in sync", isWhole, inSyncWaitMs);
  }

  async killLeader(): Promise<void> {
    await (await this.leader()).killEngine();
  }

  async evidence(): ReturnType<Cluster["evidence"]> {
    const history = await readHistory(this.etcd.endpoints, name);
    // The last leader's file last: what any other knows committed must be in it.
    const leader = history.toSorted((one, other) => one.epoch - other.epoch).at(-1)?.node;
    const nodes = [
      ...this.nodes.filter((node) => node.id !== leader),
      ...this.nodes.filter((node) => node.id === leader),
    ];
    return {
      audit: readAudit(this.exchange.auditFile),
      journals: nodes.map((node) => readJournal(journalFile(node))),
      history,
      account: rigAccount,
      nodeOfKey: Object.fromEntries(this.nodes.map((node) => [apiKeyOf(node.id), node.id])),
      times: {
        leaseTtlMs: rigTimes.leaseTtlSeconds * 1_000,
        validityMs: rigTimes.validityMs,
        clockErrorMs: rigTimes.clockErrorMs,
        doubtBudgetMs: 0,
        processingBoundMs: rigTimes.processingBoundMs,
        queryLagMs: rigTimes.queryLagMs,
        staleAfterMs: rigTimes.staleAfterMs,
      },
      positionMax: Object.fromEntries(
        Object.entries(rigPositionMax).map(([symbol, most]) => [symbol.replace("/", ""), most]),
      ) as unknown as Evidence["positionMax"],
    };
  }

  stop(): Promise<void> {
    this.#stopping ??= stopParts(this.#parts);
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** A client of one node alone. */
export function clientOf(node: { readonly endpoint: string }, requestTimeoutMs = 1_000): BatonClient {
  return new BatonClient({ endpoints: [node.endpoint], requestTimeoutMs });
}

function journalFile(node: EngineNode): string {
  const [file] = readdirSync(node.dataDir).filter((each) => each.endsWith(".db") || each.endsWith(".sqlite"));
  if (file === undefined) throw new Error(`node ${node.id} has no journal in ${node.dataDir}`);
  return join(node.dataDir, file);
}

async function stopParts(parts: Parts): Promise<void> {
  for (const link of parts.links) link.heal();
  await Promise.all(parts.nodes.map((node) => node.stop()));
  await parts.exchange?.program.stop();
  await parts.etcd?.stop();
  await Promise.all(parts.links.map((link) => link.close()));
  parts.guard.end();
}
