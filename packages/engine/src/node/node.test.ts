/** Who is told what inside one node: real wiring, over feeds and venues that are scripted, and a journal that is silent. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emptyState, id, monoMs, wallMs } from "@baton/core";
import type { BootId, ClusterId, Config, EtcdView, JournalId, LeaseId, NodeId, VenueId } from "@baton/core";
import type { Etcd, Keeper, Wake } from "@baton/cluster";
import type { Feed, FeedOptions } from "@baton/feeds";
import type { Journal, Replication } from "@baton/journal";
import type { VenueOptions } from "@baton/venues";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openLog } from "../log.ts";
import { openMetrics } from "../metrics.ts";
import { rigConfig } from "../testing/desk-rig.ts";
import { ScriptedVenue } from "../testing/scripted-venue.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";
import { LocalKills } from "./local-kills.ts";
import { EngineNode } from "./node.ts";
import { readSoonMs } from "./wakes.ts";
import type { NodeWord } from "./yielding.ts";

const outside = vi.hoisted(() => ({
  venues: new Map<string, { asVenue(): unknown }>(),
  /** Feeds that were told to dial at once, in order. */
  hurried: [] as string[],
}));

vi.mock("@baton/venues", async (original) => ({
  ...(await original<object>()),
  openVenue: ({ id: venue }: VenueOptions) => Promise.resolve(outside.venues.get(venue)?.asVenue()),
}));

vi.mock("@baton/feeds", () => ({
  openFallbackFeed: () => undefined,
  openFeed: ({ id: feed, venue }: FeedOptions): Partial<Feed> => ({
    id: feed,
    venue,
    onState: () => () => undefined,
    onTop: () => () => undefined,
    onTrade: () => () => undefined,
    top: () => undefined,
    hurry: () => void outside.hurried.push(feed),
    close: () => Promise.resolve(),
  }),
}));

onVirtualTime();

/** Whose signals are never given, and who answers nothing else that is asked of it here. */
function silent<T extends object>(facts: Partial<T>): T {
  const signal = { on: () => () => undefined };
  return new Proxy(facts as T, {
    get: (target, name) => (typeof name === "string" && /^on[A-Z]/.test(name) ? signal : Reflect.get(target, name)),
  });
}

const never = (): Promise<never> => Promise.withResolvers<never>().promise;
const nothing = (): undefined => undefined;

let home: string;
let node: EngineNode;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "baton-node-"));
  outside.hurried.length = 0;
});

afterEach(async () => {
  await node.close();
  rmSync(home, { recursive: true, force: true });
});

/** A node that waits for etcd, as every node does at its start: its venues and feeds are at work already. */
function started(config: Config, etcd: Partial<Etcd> = {}, sendStatus: (word: unknown) => void = nothing): EngineNode {
  const boot = id<BootId>("boot-a");
  const cluster = id<ClusterId>("6f6c0f7e-0000-4000-8000-000000000001");
  return new EngineNode({
    config,
    boot,
    log: openLog({ level: "silent", node: "a", boot }),
    metrics: openMetrics(() => expect.fail("nobody asks for metrics")),
    etcd: silent<Etcd>({ status: never, read: never, ...etcd }),
    keeper: silent<Keeper>({ lease: id<LeaseId>("1"), ttlMs: 3_000, deadline: () => monoMs(0) }),
    journal: silent<Journal>({
      ...{ opened: { state: emptyState(), tail: [] }, durable: 0, commitMark: { sequence: 0, hash: "" } },
      identity: { cluster, journal: id<JournalId>("j"), bootCount: 1 },
      promises: { epochMax: 0 },
      care: { format: 1 },
      close: () => Promise.resolve(),
    } as never),
    openReplication: () =>
      silent<Replication>({
        ...{ sendStatus, acknowledgeAgain: nothing, setPeers: nothing, close: nothing },
        peers: [],
      }),
    localKills: new LocalKills(home),
    end: (why) => expect.fail(why),
    beginAnew: (why) => expect.fail(why),
  });
}

/** Two venues, "sim" and "other", that answer by a script, with a feed of each. */
function twoVenues(): { readonly config: Config; readonly sim: ScriptedVenue } {
  const secret = join(home, "secret");
  writeFileSync(secret, "secret", { mode: 0o600 });
  const config = rigConfig("other");
  const [feed] = config.feeds;
  if (feed === undefined) throw new Error("the configuration has a feed");
  const [sim, other] = [new ScriptedVenue("sim"), new ScriptedVenue("other")];
  outside.venues = new Map([sim, other].map((venue) => [venue.id, venue]));
  return {
    sim,
    config: {
      ...config,
      node: { ...config.node, dataDir: home },
      venues: config.venues.map((venue) => ({ ...venue, apiKeyFile: secret, secretFile: secret })),
      feeds: [feed, { ...feed, id: "other-feed", venue: id<VenueId>("other") }],
    },
  };
}

test("a venue that answers again has its feeds dialled at once, and no other venue's", async () => {
  const { config, sim } = twoVenues();
  node = started(config);
  await pass(5_000);
  expect([node.doors.reachesAll, outside.hurried]).toEqual([true, []]);
  sim.isReachable = false;
  await pass(5_000);
  expect([node.doors.reaches(sim.id), outside.hurried]).toEqual([false, []]);
  sim.isReachable = true;
  await pass(1_000);
  expect([node.doors.reaches(sim.id), outside.hurried]).toEqual([true, ["f"]]);
  // It answers on: that is no news.
  await pass(5_000);
  expect(outside.hurried).toEqual(["f"]);
});

test("the others are told how long ago a node asked what every venue has answered since", async () => {
  const { config, sim } = twoVenues();
  let word: NodeWord | undefined;
  node = started(config, {}, (said) => void (word = said as NodeWord));
  await pass(5_000);
  expect(word).toMatchObject({ reachesVenue: true });
  expect(word?.reachedAgoMs).toBeLessThanOrEqual(1_000);
  sim.isReachable = false;
  await pass(5_000);
  // The other venue answers on.
  expect(word).toMatchObject({ reachesVenue: false });
  expect(word?.reachedAgoMs).toBeGreaterThan(4_000);
  sim.isReachable = true;
  await pass(1_500);
  expect(word?.reachedAgoMs).toBeLessThanOrEqual(1_000);
});

test("what a member says of itself in etcd is read a moment later, a death at once, and nothing after the end", async () => {
  const version = { modRevision: "1" };
  const view: EtcdView = {
    ...{ etcdClusterId: "1", revision: "1", cluster: undefined, insync: undefined },
    epoch: { value: 1, ...version },
    leader: {
      ...version,
      value: {
        ...{ node: id<NodeId>("b"), boot: id<BootId>("boot-b"), lease: id<LeaseId>("2"), epoch: 1, reason: "first" },
        sinceWallMs: wallMs(0),
      },
    },
    autofailover: { value: "on", ...version },
    pause: { value: undefined, ...version },
    kill: { value: undefined, ...version },
    ...{ members: new Map(), deaths: new Map(), operations: new Map() },
  };
  let wake: (woken: Pick<Wake, "keys">) => void = () => expect.fail("etcd is not watched yet");
  let stopped = 0;
  const read = vi.fn<() => Promise<EtcdView>>(() => Promise.resolve(view));
  node = started(twoVenues().config, {
    read,
    watch: (listener) => {
      wake = listener as typeof wake;
      return { stop: () => void (stopped += 1) } as ReturnType<Etcd["watch"]>;
    },
    publishMember: never,
  });
  node.admit({ view, lastMetro: undefined });
  await pass(readSoonMs);
  read.mockClear();

  wake({ keys: ["members/b"] });
  await pass(readSoonMs - 1);
  expect(read).not.toHaveBeenCalled();
  await pass(1);
  expect(read).toHaveBeenCalledOnce();
  wake({ keys: ["deaths/boot-b"] });
  expect(read).toHaveBeenCalledTimes(2);

  wake({ keys: ["members/b"] });
  await node.close();
  await pass(10 * readSoonMs);
  expect([read.mock.calls.length, stopped]).toEqual([2, 1]);
});
