/**
 * The life of an engine process: opens its journal and every room, is admitted by etcd, runs until it is
 * asked to stop or has to end, and lets go of everything in the opposite order. Without etcd it comes as far as warm streams
 * and a state that can be read. A boot that was fenced ends here; the
 * supervisor starts the next one.
 */
import type { BootId, Config, JournalId, LeaseId, NodeId } from "@baton/core";
import { assert, forwardWithinMs, id, problem } from "@baton/core";
import type { EngineLink, KeeperEvent } from "@baton/cluster";
import { connectEtcd, nanosCell, startKeeper, validateTiming } from "@baton/cluster";
import { startReplication } from "@baton/journal";
import type { Journal } from "@baton/journal";
import { clusterRoutes } from "../api/cluster-routes.ts";
import { notCommitted, orderRoutes } from "../api/order-routes.ts";
import { killRoute } from "../api/kill-route.ts";
import { riskRoutes } from "../api/risk-routes.ts";
import type { Answer, ForwardedAnswer, ForwardedRequest, Route, RouteRequest } from "../api/server.ts";
import { openApi } from "../api/server.ts";
import { monoNow, wallNow } from "../clock.ts";
import { hostPort } from "../host-port.ts";
import { readTokens } from "../config/secrets.ts";
import type { Logger } from "../log.ts";
import { openMetrics } from "../metrics.ts";
import type { PreparedThreads } from "../threads.ts";
import { BalanceReader } from "./balances.ts";
import { LocalKills } from "./local-kills.ts";
import { CertificateWatch } from "./certificate-watch.ts";
import { etcdAccessOf, etcdCertificateLives } from "./etcd-access.ts";
import { admission } from "./admission.ts";
import { ownJournal } from "./genesis.ts";
import { EngineNode } from "./node.ts";
import { NodeViews } from "./node-views.ts";
import { presenceOf, startingFacts, version } from "./presence.ts";
import { Seldom } from "./seldom.ts";
import { StartRefused } from "./startup-checks.ts";

/** How a node's life ended. `fenced`: a new boot may go on. */
export type NodeEnd =
  | { readonly kind: "stopped" }
  /** `again`: it left in order, and the next boot begins with what was set aside. */
  | { readonly kind: "fenced" | "again"; readonly why: string };

export interface RunOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly boot: BootId;
  readonly link: EngineLink | undefined;
  readonly threads: PreparedThreads;
  readonly stop: AbortSignal;
  /** This boot may act no more; what is let go of from here on must not hang for ever. */
  readonly onFenced: () => void;
  /**
   * For rehearsals, instead of core's minute: so old must a trade be that its venue no longer lists before it is believed to
   * be taken back. Whoever trades has no way to set it: a list that lags would take trades back that there are.
   */
  readonly bustSettledMs?: number | undefined;
}

/** What answers, once there is a journal. */
interface Running {
  readonly journal: Journal;
  readonly node: EngineNode;
  readonly views: NodeViews;
  readonly balances: BalanceReader;
}

/** A handover at stop may take so long before the node goes anyway. */
const handOverWithinMs = 5_000;
const beatEveryMs = 200;

/** Runs until `stop`, or until this boot may act no more. Throws what forbids the start. */
export async function runNode(o: RunOptions): Promise<NodeEnd> {
  const { config, log, boot, link } = o;
  const say = (event: string, sentence: string): void => log.info({ event }, sentence);
  await using stack = new AsyncDisposableStack();
  const access = etcdAccessOf(config);
  const etcd = stack.use(connectEtcd(access));
  const journalProgress = new SharedArrayBuffer(8);
  const events = new KeeperRelay();
  const beating = setInterval(() => link?.beat(), beatEveryMs);
  stack.defer(() => clearInterval(beating));
  // It listens first: a node that waits for etcd is asked too, and says what it waits for.
  /** Empty until the journal is open. */
  const seat: { up?: Running } = {};
  const running = (): Running => {
    assert(seat.up !== undefined, "routes are answered once the node is up");
    return seat.up;
  };
  const fenced = Promise.withResolvers<string>();
  const again = Promise.withResolvers<string>();
  const localKills = new LocalKills(config.node.dataDir);
  const metrics = openMetrics(() => running().views.metrics());
  const [host, port] = hostPort(config.api.listen);
  const [advertised] = hostPort(config.api.advertise);
  const warn = (event: string, sentence: string): void => log.warn({ event }, sentence);
  const certificates =
    config.api.tls === undefined
      ? undefined
      : new CertificateWatch({ files: config.api.tls, node: config.node.id, host: advertised, say, warn });
  stack.defer(() => certificates?.close());
  const misspoken = new Seldom((sentence) => warn("api.misspoken", `${sentence}.`));
  const api = await openApi({
    node: config.node.id,
    ...(certificates !== undefined && { tls: certificates.identity }),
    onMisspoken: (sentence) => misspoken.say(sentence, monoNow()),
    access: {
      tokens: config.api.tokensFile === undefined ? undefined : readTokens(config.api.tokensFile),
      allowLoopbackWithoutToken: config.api.allowLoopbackWithoutToken,
    },
    leader: {
      current: () => seat.up?.views.leader(),
      whenReadable: () => running().node.leading.reads.whenReadable(),
      forward: async (to: NodeId, request: ForwardedRequest) =>
        (await running().node.replication.request(to, request, forwardWithinMs(request))) as ForwardedAnswer,
    },
    routes: [
      ...clusterRoutes({
        cluster: () => running().views.cluster(),
        history: (since) => running().views.history(since),
        operation: (operation) => running().views.operation(operation),
        ask: (request, by) => running().node.operations.ask(request, by.name),
        promotability: () => running().views.promotability(),
        feeds: () => running().views.feeds(),
        sla: () => running().node.sla.view(),
        book: (symbol, depth) => running().views.book(symbol, depth),
        metrics: () => metrics.registry.metrics(),
        lagRecords: () => running().views.lagRecords(),
        whyNotLive: () => running().node.whyNotLive,
        traces: (limit) => running().node.traces.newest(limit),
        events: () => running().node.events,
        version,
      }),
      ...orderRoutes({
        config,
        desk: () => running().node.desk,
        committed: () => running().node.ledger.committed,
        whenCommitted: (sequence) => running().node.ledger.whenCommitted(sequence),
        balances: () => running().balances.read(),
        epochAt: (sequence) => running().views.epochAt(sequence),
        eventsOf: (intents) => running().views.eventsOf(intents),
        pastOrders: (which, applied) => running().journal.pastOrders(which, applied),
        pastParent: (parent, applied) => running().journal.pastParent(parent, applied),
        pastKey: (key, applied) => running().journal.pastKey(key, applied),
      }),
      ...riskRoutes({
        cluster: config.cluster.name,
        desk: () => running().node.desk,
        notCommitted: (sequence) =>
          notCommitted(
            { whenCommitted: (upTo) => running().node.ledger.whenCommitted(upTo) },
            sequence,
            "look at it before you repeat it (GET /v1/risk)",
          ),
      }),
    ]
      .map((route) => ({
        ...route,
        // Before the journal is open a node is alive and knows nothing; it says so.
        handle: (request: RouteRequest) => (seat.up === undefined ? starting(route) : route.handle(request)),
      }))
      .concat(
        killRoute({
          node: config.node.id,
          venues: config.venues,
          keep: (scope) => localKills.add(scope),
          up: () => seat.up?.node,
        }),
      ),
    onError: (error) => log.error({ event: "api.error", stack: error.stack }, error.message),
  });
  stack.defer(() => api.close());
  certificates?.onRenewed((identity) => api.renew(identity));
  await api.listen(host, port).catch((error: unknown) => {
    throw new StartRefused(
      "listen",
      `cannot listen on ${config.api.listen}: ${error instanceof Error ? error.message : String(error)}`,
    );
  });

  const ended = new AbortController();
  const stop = AbortSignal.any([o.stop, ended.signal]);
  stack.defer(() => ended.abort());
  const announce = (lease: LeaseId): void => link?.announce({ node: config.node.id, boot, lease });
  const keeper = startKeeper({
    etcd: access,
    node: config.node.id,
    boot,
    ttlSeconds: config.leadership.leaseTtlSeconds,
    keepaliveMs: config.leadership.keepaliveMs,
    marginMs: config.leadership.marginMs,
    journalBusySince: nanosCell(journalProgress),
    thread: o.threads.keeper,
    onEvent: (event) => {
      // The supervisor learns of every lease at once: it is what gives a dead boot's lease back.
      if (event.kind === "granted") announce(event.lease);
      if (event.kind === "lost" && event.reason === "keeper-died" && seat.up === undefined) ended.abort();
      events.tell(event);
    },
  });
  stack.defer(() => keeper.stop({ revoke: true }));

  const nobody = { epoch: 0, durable: 0, committed: 0 };
  const waiting = {
    ...{ config, boot, etcd, keeper, stop },
    takenMs: () => keeper.ttlMs + 1_500,
    presence: (journal: JournalId) =>
      presenceOf({
        config,
        boot,
        journal,
        lease: keeper.lease,
        position: nobody,
        unfit: ["starting"],
        reachesVenue: false,
        facts: startingFacts(config),
      }),
  };
  const journal = await ownJournal({ ...waiting, say, journalProgress, journalWriter: o.threads.writer });
  if (journal === undefined) {
    return o.stop.aborted ? { kind: "stopped" } : { kind: "fenced", why: "the keeper of the lease has died" };
  }
  stack.defer(() => journal.close());

  const node = new EngineNode({
    config,
    localKills,
    log,
    boot,
    etcd,
    keeper,
    journal,
    openReplication: (hooks) =>
      startReplication({
        ...{ journal, server: api.server, boot, heartbeatMs: config.replication.heartbeatMs, ...hooks },
        ...(certificates !== undefined && { security: certificates.linkSecurity }),
      }),
    metrics,
    bustSettledMs: o.bustSettledMs,
    end: (why) => {
      o.onFenced();
      fenced.resolve(why);
    },
    beginAnew: (why) => again.resolve(why),
  });
  stack.defer(() => node.close());
  seat.up = {
    journal,
    node,
    views: new NodeViews({ config, boot, etcd, keeper, journal, node }, () => [
      ...(certificates?.lives() ?? []),
      ...etcdCertificateLives(access, wallNow()),
    ]),
    balances: new BalanceReader(config, node.doors.venues, () => node.ledger.committed),
  };
  node.replication.onRequest(
    (from, payload) =>
      node.failsafe.answer(from, payload) ??
      node.drift.answer(payload) ??
      api.answerForwarded(payload as ForwardedRequest),
  );
  events.to((event) => node.onKeeper(event));
  say("node.started", `Node ${config.node.id} listens on ${config.api.listen}, journal at ${journal.last.sequence}.`);
  const showing = setInterval(() => link?.status(node.sentence), 1_000);
  stack.defer(() => clearInterval(showing));
  const admitting = admission({
    ...{ ...waiting, journal, say: (event, sentence) => node.say(event, sentence) },
    onGranted: () => validateTiming({ ...config.leadership, ttlMs: keeper.ttlMs }),
  }).then((admitted) => {
    if (admitted !== undefined) node.admit(admitted);
  });
  // What it writes needs the journal: it is over before anything is let go of.
  stack.defer(async () => {
    ended.abort();
    await admitting.catch(() => undefined);
  });

  const ending = await Promise.race([
    fenced.promise.then((why): NodeEnd => ({ kind: "fenced", why })),
    again.promise.then((why): NodeEnd => ({ kind: "again", why })),
    aborted(o.stop).then((): NodeEnd => ({ kind: "stopped" })),
    refusalOf(admitting),
  ]);
  if (ending.kind === "fenced") return ending;
  say("node.stopping", ending.kind === "again" ? `Begins anew: ${ending.why}.` : "Asked to stop.");
  await Promise.race([node.handOver(handOverWithinMs), fenced.promise]);
  return ending;
}

/** What a node answers before it has a journal: its disk is empty, or it is being opened. */
function starting(route: Route): Answer {
  const sentence = "the node is starting: it waits for etcd, or for the cluster to be founded";
  const isProbe = Object.values(route.answers).some((answer) => answer.body === "Probe");
  if (!isProbe) return { status: 503, body: problem(503, "refused", sentence) };
  const isOk = route.path === "/live";
  return { status: isOk ? 200 : 503, body: { isOk, role: "starting", sentence } };
}

/** Keeps the keeper's events until there is a node to tell. */
class KeeperRelay {
  #early: KeeperEvent[] = [];
  #listener: ((event: KeeperEvent) => void) | undefined;

  tell(event: KeeperEvent): void {
    if (this.#listener === undefined) this.#early.push(event);
    else this.#listener(event);
  }

  to(listener: (event: KeeperEvent) => void): void {
    this.#listener = listener;
    for (const event of this.#early.splice(0)) listener(event);
  }
}

/** Rejects with what a task rejects with, and settles in no other way. */
function refusalOf(task: Promise<void>): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  task.catch(reject);
  return promise;
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

/** A new identity for this run of the process. */
export function newBoot(): BootId {
  return id<BootId>(crypto.randomUUID());
}
