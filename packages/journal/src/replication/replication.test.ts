import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import Database from "better-sqlite3";
import fc from "fast-check";
import { id } from "@baton/core";
import type { BootId, ClusterId, JournalId, NodeId } from "@baton/core";
import { expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { dialLink } from "../link/dial.ts";
import { linkPath } from "../link/serve.ts";
import { openJournal } from "../open.ts";
import { connect, durable, journalOptions, noted, notes, scratch, startNode, until } from "../testing/rig.ts";
import type { TestNode } from "../testing/rig.ts";

test("what the leader appends is durable on its follower, acknowledged, and committed on both", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a");
  await using b = await startNode(folder.dir, "b");
  connect(a, b);
  await a.lead(1, ["b"]);
  const last = a.journal.append(1, notes(100));
  await until(() => b.journal.commitMark.sequence === last, "b knows everything committed");
  expect(b.journal.durable).toBe(last);
  expect(b.journal.commitMark).toEqual(a.journal.commitMark);
  expect(b.journal.promises.epochMax).toBe(1);
  expect(await b.journal.verify()).toMatchObject({ sound: true, events: 100, lastHash: a.journal.last.hash });
  await until(() => a.replication.followers[0]?.phase === "in-sync", "a sees b in sync");
});

test("a follower catches up from any position, and a tail that another leader wrote is cut into quarantine", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 120 }),
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: 0, max: 200 }),
      async (common, divergent, more) => {
        using folder = scratch();
        await using a = await startNode(folder.dir, "a", { frameEventsMax: 7 });
        const journalB = await openJournal(journalOptions(folder.dir, "b", { frameEventsMax: 5 }));
        if (common > 0) await durable(a.journal, a.journal.append(1, notes(common)));
        for (const frame of await a.journal.frames(0, 1e9)) journalB.receive(frame);
        if (divergent > 0) journalB.append(1, notes(divergent, 5000));
        await durable(journalB, common + divergent);
        await journalB.close();
        if (more > 0) await durable(a.journal, a.journal.append(2, notes(more, common + 1)));
        await using b = await startNode(folder.dir, "b");
        connect(a, b);
        await a.lead(2, ["b"]);
        const last = a.journal.append(2, [noted(1, "the epoch is open")]);
        await until(() => b.journal.commitMark.sequence === last, "b has caught up");
        expect(b.journal.last).toEqual(a.journal.last);
        expect(await b.journal.verify()).toMatchObject({ sound: true, lastHash: a.journal.last.hash });
        await until(() => quarantined(b) === divergent, "the tail is in quarantine");
      },
    ),
    { numRuns: 8 },
  );
}, 120_000);

function quarantined(node: TestNode): number {
  const reader = new Database(node.journal.file, { readonly: true });
  const count = Number(reader.prepare("SELECT coalesce(sum(last - first + 1), 0) FROM quarantine").pluck().get());
  reader.close();
  return count;
}

test("an acknowledgement is never before the fsync: the follower's file holds the position when it is heard", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a");
  await using b = await startNode(folder.dir, "b");
  const reader = new Database(b.journal.file, { readonly: true });
  const held = reader.prepare("SELECT coalesce(max(last), 0) FROM frame").pluck();
  const heard: number[] = [];
  const stopHearing = a.replication.onAck.on((ack) => {
    heard.push(ack.position);
    expect(Number(held.get())).toBeGreaterThanOrEqual(ack.position);
    expect(ack).toMatchObject({ epoch: 1, leaderBoot: "boot-a", journal: b.journal.identity.journal });
  });
  connect(a, b);
  await a.lead(1, ["b"]);
  for (let n = 0; n < 50; n += 1) {
    const last = a.journal.append(1, notes(5, n * 5 + 1));
    await until(() => a.journal.commitMark.sequence === last, "committed");
  }
  expect(heard).toEqual(heard.toSorted((x, y) => x - y));
  // Heartbeats are acknowledged until the nodes end.
  stopHearing();
  reader.close();
});

test("a vow stops acknowledgements, not receiving; lifting it repeats the last position", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a");
  await using b = await startNode(folder.dir, "b");
  connect(a, b);
  await a.lead(1, ["b"]);
  await until(() => a.replication.followers[0]?.phase === "in-sync", "b follows");
  b.isVowed = true;
  await b.journal.persist({ epochMax: 1, vow: { epoch: 1, version: 3 } });
  const vows: unknown[] = [];
  a.replication.onVowed.on((vow) => vows.push(vow));
  expect(b.replication.sendVowed(a.name, 1, 3)).toBe(true);
  await until(() => vows.length === 1, "a was told");
  expect(vows).toEqual([{ node: "b", epoch: 1, version: 3 }]);
  const last = a.journal.append(1, notes(10));
  await durable(b.journal, last);
  // Heartbeats of a whole tenth of a second are answered by nothing.
  const acks = a.replication.followers[0]?.lastAckMonoMs;
  let beats = 0;
  b.replication.onHeard.on(() => (beats += 1));
  await until(() => beats >= 5, "five heartbeats");
  expect(a.replication.followers[0]?.lastAckMonoMs).toBe(acks);
  expect(a.journal.commitMark.sequence).toBe(0);
  b.isVowed = false;
  b.replication.acknowledgeAgain();
  await until(() => a.journal.commitMark.sequence === last, "committed after the vow");
});

test("an acknowledgement names the newest question that had come when it was said, and nothing does under a vow", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a");
  await using b = await startNode(folder.dir, "b");
  const rounds: number[] = [];
  a.replication.onAck.on(({ round }) => rounds.push(round));
  connect(a, b);
  await a.lead(1, ["b"]);
  await until(() => rounds.length >= 3, "b acknowledges");
  expect(new Set(rounds)).toEqual(new Set([0]));
  const asked = a.replication.ask();
  expect(asked).toBe(1);
  await until(() => rounds.at(-1) === asked, "b answers");
  // A frame's acknowledgement, too, is later than the question.
  const before = rounds.length;
  const last = a.journal.append(1, notes(5));
  await until(() => a.journal.commitMark.sequence === last, "committed");
  expect(new Set(rounds.slice(before))).toEqual(new Set([asked]));
  b.isVowed = true;
  let beats = 0;
  b.replication.onHeard.on(() => (beats += 1));
  const unanswered = a.replication.ask();
  await until(() => beats >= 5, "five heartbeats");
  expect(rounds).not.toContain(unanswered);
  b.isVowed = false;
  // What was asked meanwhile is asked again with each heartbeat.
  await until(() => rounds.at(-1) === unanswered, "b answers again");
});

test("a standby of an older version, which knows of no questions, answers each by its next acknowledgement", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a");
  const rounds: number[] = [];
  a.replication.onAck.on(({ round }) => rounds.push(round));
  await a.lead(1, []);
  const { cluster } = a.journal.identity;
  const me = { cluster, node: id<NodeId>("b"), journal: id<JournalId>("disk-b"), boot: id<BootId>("boot-b") };
  const schema = a.journal.care.format;
  const standing = { ...me, schema, epochMax: 1, commit: { sequence: 0, hash: "" }, tail: [] };
  let isFollowing = false;
  const acknowledge = (): void => {
    const leaderBoot = id<BootId>("boot-a");
    if (isFollowing) old.send({ kind: "ack", epoch: 1, leaderBoot, journal: me.journal, position: 0 });
  };
  const old = dialLink({
    address: a.address,
    me: () => ({ ...me, schema }),
    onUp: () => undefined,
    onMessage: ({ kind }) => {
      if (kind === "lead") old.send({ kind: "hello", epoch: 1, standing });
      if (kind === "cut") isFollowing = true;
    },
    onBinary: () => undefined,
    onDown: () => undefined,
  });
  await until(() => isFollowing, "it follows");
  acknowledge();
  await until(() => rounds.length === 1, "it is heard");
  for (const asked of [1, 2]) {
    expect(a.replication.ask()).toBe(asked);
    // What it had said before is no answer.
    expect(rounds.at(-1)).toBe(asked - 1);
    acknowledge();
    await until(() => rounds.length === asked + 1, "it says something anew");
    expect(rounds.at(-1)).toBe(asked);
  }
  old.close();
});

test("a new leader is followed, the old one steps aside, and its uncommitted tail goes to quarantine", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a");
  await using b = await startNode(folder.dir, "b");
  connect(a, b);
  await a.lead(1, ["b"]);
  const committed = a.journal.append(1, notes(20));
  await until(() => b.journal.commitMark.sequence === committed, "both hold it");
  b.replication.setPeers(new Map());
  await until(() => a.replication.followers.length === 0, "b is cut off");
  await durable(a.journal, a.journal.append(1, notes(10, 700)));
  await b.lead(2, ["a"]);
  const last = b.journal.append(2, [noted(1, "epoch two")]);
  await until(() => a.journal.commitMark.sequence === last, "a follows b");
  expect(a.leads).toBeUndefined();
  expect(a.journal.last).toEqual(b.journal.last);
  expect(a.journal.promises.epochMax).toBe(2);
  await until(() => quarantined(a) === 10, "a's tail is in quarantine");
});

test("a leader of a lower epoch than promised is not followed", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a");
  await using b = await startNode(folder.dir, "b");
  await b.journal.persist({ epochMax: 5 });
  connect(a, b);
  await a.lead(4, []);
  await durable(a.journal, a.journal.append(4, notes(3)));
  const followed = new Set<number | undefined>();
  b.replication.onFollowing.on((following) => followed.add(following?.epoch));
  a.replication.onRequest(() => Promise.resolve("heard"));
  await until(() => b.replication.peers[0]?.isUp === true, "b reaches a");
  // What a answers comes after its word that it leads four.
  expect(await b.replication.request(a.name, {}, 45_000)).toBe("heard");
  expect([...followed]).toEqual([]);
  await a.lead(6, ["b"]);
  const last = a.journal.append(6, notes(3));
  await until(() => b.journal.commitMark.sequence === last, "b follows six");
  expect(a.replication.followers[0]?.epoch).toBe(6);
});

test("a follower that knows more committed than its leader stops as forked and does not ask again", async () => {
  using folder = scratch();
  const journalB = await openJournal(journalOptions(folder.dir, "b"));
  await durable(journalB, journalB.append(1, notes(10, 900)));
  journalB.commit(10);
  await journalB.close();
  await using a = await startNode(folder.dir, "a");
  await using b = await startNode(folder.dir, "b");
  await durable(a.journal, a.journal.append(1, notes(30)));
  const refusals: string[] = [];
  a.replication.onFollowerRefused.on((refusal) => refusals.push(refusal.state));
  const stops: string[] = [];
  b.replication.onStopped.on((stopped) => stops.push(`${stopped.state}: ${stopped.sentence}`));
  connect(a, b);
  await a.lead(2, []);
  await until(() => stops.length > 0, "b stops");
  let beats = 0;
  const last = a.journal.append(2, notes(1));
  a.journal.onDurable.on(() => (beats += 1));
  await durable(a.journal, last);
  await until(() => (b.replication.peers[0]?.rttMs ?? 0) > 0 && beats > 0, "the link lives on");
  expect(refusals).toEqual(["forked"]);
  expect(stops).toHaveLength(1);
  expect(stops[0]).toMatch(/forked: b holds 10 as committed .* the journals forked/u);
  expect(b.journal.last.sequence).toBe(10);
  expect(quarantined(b)).toBe(0);
});

test("a node of another cluster is turned away before anything else is said", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a");
  await using b = await startNode(folder.dir, "b", { cluster: id<ClusterId>("other") });
  const stops: string[] = [];
  b.replication.onStopped.on((stopped) => stops.push(stopped.state));
  const turnedAway: string[] = [];
  a.replication.onTurnedAway.on((peer) => turnedAway.push(peer.who));
  await a.lead(1, []);
  b.replication.setPeers(new Map([[a.name, a.address]]));
  await until(() => stops.length > 0, "b knows");
  // It asks again, and is told the same again.
  expect(new Set(stops)).toEqual(new Set(["foreign-cluster"]));
  expect(new Set(turnedAway)).toEqual(new Set(["b"]));
  expect(a.replication.followers).toEqual([]);
});

test("an empty follower far behind gets a snapshot, keeps its own identity, and goes on live", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a", { replication: { limits: { snapshotBehind: 500 } } });
  await using b = await startNode(folder.dir, "b");
  const journalId = b.journal.identity.journal;
  await durable(a.journal, a.journal.append(1, notes(2000)));
  a.journal.commit(1500);
  const phases: string[] = [];
  a.replication.onFollowerPhase.on((follower) => phases.push(follower.phase));
  const replaced: number[] = [];
  b.journal.onReplaced.on((opened) => replaced.push(opened.last.sequence));
  connect(a, b);
  await a.lead(1, ["b"]);
  await until(() => a.journal.commitMark.sequence === 2000, "all of it is on b");
  const last = a.journal.append(1, notes(10));
  await until(() => b.journal.commitMark.sequence === last, "b is live");
  expect(phases.slice(0, 2)).toEqual(["needs-snapshot", "in-sync"]);
  expect(replaced).toEqual([2000]);
  expect(b.journal.promises.epochMax).toBe(1);
  await b.stop();
  await using again = await openJournal(journalOptions(folder.dir, "b", { create: false }));
  expect(again.identity.journal).toBe(journalId);
  expect(again.opened.promises.epochMax).toBe(1);
  expect(again.opened.last).toEqual(a.journal.last);
  expect(await again.verify()).toMatchObject({ sound: true, events: last });
});

test("a follower that stands before what was pruned gets a snapshot", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a", { recentBytesMax: 100 });
  const journalB = await openJournal(journalOptions(folder.dir, "b"));
  await durable(a.journal, a.journal.append(1, notes(64)));
  for (const frame of await a.journal.frames(0, 1e9)) journalB.receive(frame);
  await durable(journalB, 64);
  await journalB.close();
  await durable(a.journal, a.journal.append(1, notes(640, 65)));
  a.journal.commit(704);
  expect(await a.journal.care.prune(320)).toBe(320);
  await using b = await startNode(folder.dir, "b");
  connect(a, b);
  await a.lead(1, ["b"]);
  const last = a.journal.append(1, notes(10));
  await until(() => b.journal.commitMark.sequence === last, "b has caught up");
  expect(await b.journal.verify()).toMatchObject({ sound: true, first: 321, last, lastHash: a.journal.last.hash });
});

test("a follower that says hello while its leader prunes gets a snapshot; it is not told that the journals forked", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a", { frameEventsMax: 10, recentBytesMax: 1 });
  await using b = await startNode(folder.dir, "b");
  connect(a, b);
  await a.lead(1, ["b"]);
  const first = a.journal.append(1, notes(100));
  await until(() => b.journal.commitMark.sequence === first, "b holds the first half");
  b.replication.setPeers(new Map());
  await a.lead(2, []);
  const last = a.journal.append(2, notes(200, 101));
  await until(() => a.journal.commitMark.sequence === last, "a goes on alone");
  // Records go between the moment in which the hello comes and that in which what it names is looked up.
  const held = a.journal.held.bind(a.journal);
  vi.spyOn(a.journal, "held").mockImplementationOnce(async (marks) => {
    await a.journal.care.prune(200);
    return held(marks);
  });
  const states: string[] = [];
  a.replication.onFollowerRefused.on(({ state }) => states.push(state));
  a.replication.onFollowerPhase.on(({ phase }) => states.push(phase));
  connect(a, b);
  await until(() => states.length > 0, "b was answered");
  expect(states[0]).toBe("needs-snapshot");
  await until(() => b.journal.commitMark.sequence === last, "b has the copy");
});

test("a follower that was away comes back and catches up, whatever the leader did meanwhile", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a", { recentBytesMax: 1000 });
  const b = await startNode(folder.dir, "b");
  connect(a, b);
  await a.lead(1, []);
  const downs: string[] = [];
  a.replication.onFollowerDown.on((follower) => downs.push(follower.node));
  await until(() => a.replication.followers[0]?.phase === "in-sync", "b follows");
  await b.stop();
  await until(() => a.replication.followers.length === 0, "a knows that b is gone");
  expect(new Set(downs)).toEqual(new Set(["b"]));
  for (let n = 0; n < 30; n += 1) await durable(a.journal, a.journal.append(1, notes(50, n * 50 + 1)));
  await using again = await startNode(folder.dir, "b");
  connect(a, again);
  await until(() => again.journal.durable === 1500, "b has caught up");
  await until(() => a.replication.followers[0]?.phase === "in-sync", "b is in sync");
  expect(again.journal.last).toEqual(a.journal.last);
});

test("what waits for a follower that does not read has a bound", async () => {
  using folder = scratch();
  const limits = { bufferedBytesMax: 64 * 1024, pageBytes: 64 * 1024 };
  // It does not answer pings either, and is to be kept all the same.
  const liveness = { pingMs: 500, deadMs: 60_000 };
  await using a = await startNode(folder.dir, "a", { recentBytesMax: 100_000, replication: { limits, liveness } });
  await a.lead(1, []);
  const socket = new WebSocket(`ws://${a.address}/link`);
  const sleeper = {
    cluster: a.journal.identity.cluster,
    node: id<NodeId>("z"),
    journal: "z",
    boot: "z",
    schema: 1,
  };
  const standing = { ...sleeper, epochMax: 1, commit: { sequence: 0, hash: "0".repeat(64) }, tail: [] };
  socket.on("open", () => {
    socket.send(JSON.stringify({ kind: "introduce", who: sleeper }));
    socket.send(JSON.stringify({ kind: "hello", epoch: 1, standing }));
  });
  await until(() => a.replication.followers[0]?.phase === "catching-up", "it follows");
  socket.pause();
  let most = 0;
  const text = "x".repeat(2000);
  for (let n = 0; n < 300; n += 1) {
    await durable(
      a.journal,
      a.journal.append(
        1,
        Array.from({ length: 20 }, (_, k) => noted(n * 20 + k, text)),
      ),
    );
    most = Math.max(most, a.replication.followers[0]?.bufferedBytes ?? 0);
  }
  // 12 MB were written; what the kernel does not take waits in the journal.
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThan(400_000);
  expect(a.replication.followers[0]?.shipped).toBeLessThan(a.journal.last.sequence);
  socket.resume();
  await until(() => a.replication.followers[0]?.shipped === a.journal.last.sequence, "it gets all of it in the end");
  socket.terminate();
});

test("a process that stood still takes nobody for dead: what came meanwhile is heard first", async () => {
  using folder = scratch();
  const replication = { liveness: { pingMs: 20, deadMs: 100 } };
  await using a = await startNode(folder.dir, "a", { replication });
  await using b = await startNode(folder.dir, "b", { replication });
  connect(a, b);
  await a.lead(1, ["b"]);
  await until(() => a.replication.followers[0]?.phase === "in-sync", "b follows");
  await until(() => [a, b].every(({ replication: { peers } }) => peers[0]?.isUp === true), "each reaches the other");
  const downs: string[] = [];
  for (const { replication: each } of [a, b]) each.onLinkDown.on(({ node, why }) => downs.push(`${node}: ${why}`));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  let beats = 0;
  b.replication.onHeard.on(() => (beats += 1));
  await until(() => beats >= 10, "ten heartbeats");
  expect(downs).toEqual([]);
});

test("requests reach the peer's handler; a link that is down sends nothing, one that ends leaves the outcome unknown", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a");
  await using b = await startNode(folder.dir, "b");
  await expect(b.replication.request(a.name, {}, 45_000)).rejects.toMatchObject({ code: "unreachable" });
  connect(a, b);
  await until(() => b.replication.peers[0]?.isUp === true, "b reaches a");
  a.replication.onRequest((from, payload) => Promise.resolve({ from, payload }));
  expect(await b.replication.request(a.name, { n: 1 }, 45_000)).toEqual({ from: "b", payload: { n: 1 } });
  a.replication.onRequest(() => Promise.reject(new Error("no leader here")));
  await expect(b.replication.request(a.name, {}, 45_000)).rejects.toMatchObject({
    code: "failed",
    message: "no leader here",
  });
  a.replication.onRequest(() => new Promise(() => undefined));
  await expect(b.replication.request(a.name, {}, 20)).rejects.toMatchObject({ code: "timed-out" });
  const asked = b.replication.request(a.name, {}, 45_000);
  a.replication.close();
  await expect(asked).rejects.toMatchObject({ code: "link-lost" });
});

test("a link without the shared secret is not served", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a", { replication: { authorization: "Bearer right" } });
  await using b = await startNode(folder.dir, "b", { replication: { authorization: "Bearer wrong" } });
  await using c = await startNode(folder.dir, "c", { replication: { authorization: "Bearer right" } });
  connect(a, b, c);
  await until(() => c.replication.peers.some((peer) => peer.node === "a" && peer.isUp), "c reaches a");
  const toA = b.replication.peers.find((peer) => peer.node === "a");
  expect(toA?.isUp).toBe(false);
  await until(
    () => b.replication.peers.some((peer) => peer.downWhy?.includes("401") === true),
    "b knows that it was not let in",
  );
});

test("a stranger who resets the connection of a refused upgrade ends nobody's process", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a", { replication: { authorization: "Bearer right" } });
  const port = Number(a.address.split(":")[1]);
  const refused = async (): Promise<string> => {
    const stranger = connectTcp(port, "127.0.0.1");
    stranger.on("error", () => undefined);
    stranger.write(`GET ${linkPath} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
    await once(stranger, "readable");
    const answer = String(stranger.read());
    stranger.resetAndDestroy();
    await once(stranger, "close");
    return answer.split("\r\n")[0] ?? "";
  };
  for (let count = 0; count < 20; count += 1) expect(await refused()).toBe("HTTP/1.1 401 Unauthorized");
});
