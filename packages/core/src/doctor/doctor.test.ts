/** What the doctor's judges say of injected facts: of each check the failing side, with the number and the limit, and what to do. */
import { describe, expect, test } from "vitest";
import { decimal } from "../decimal.ts";
import { id } from "../ids.ts";
import type { ClusterId, NodeId, SymbolId } from "../ids.ts";
import type { InstrumentRules } from "../orders/terms.ts";
import type { EtcdView } from "../succession/records.ts";
import { judgeEtcd } from "./etcd.ts";
import type { EtcdFacts } from "./etcd.ts";
import { judgeJournal } from "./journal.ts";
import type { JournalFacts } from "./journal.ts";
import { isOlder, judgeMachine, systemdMs } from "./machine.ts";
import type { MachineFacts } from "./machine.ts";
import { judgeAlerting, judgePeers } from "./peers.ts";
import { doctorChecks, doctorReport } from "./report.ts";
import type { CheckCode, Finding } from "./report.ts";
import { judgeVenue } from "./venues.ts";
import type { VenueCheckFacts } from "./venues.ts";

/** The findings of one check as `result: sentence`; those that are not well say what to do. */
function told(findings: readonly Finding[], code: CheckCode): readonly string[] {
  for (const each of findings) {
    const isWell = each.result === "ok" || each.result === "skipped";
    expect(each.advice === undefined, `${each.code}: ${each.sentence}`).toBe(isWell);
  }
  return findings.filter((each) => each.code === code).map(({ result, sentence }) => `${result}: ${sentence}`);
}

describe("of a machine", () => {
  const unit = {
    kind: "loaded",
    unit: "baton@metro.service",
    restart: "on-failure",
    restartSec: "200ms",
    watchdog: "1.500s",
    filesMax: "65536",
    realtimeMax: "0",
    restrictRealtime: "yes",
  } as const;
  const wanted = { leaseTtlMs: 2_000, realtime: false };
  const good: MachineFacts = {
    node: "24.21.0",
    sqlite: { kind: "loaded", sqlite: "3.54.1", library: "13.2.0" },
    wallMs: Date.UTC(2026, 10, 29),
    steppedMs: 1,
    timeKeeper: { kind: "synchronized", by: "chrony", offsetMs: 0.2 },
    unit,
  };
  const of = (changes: Partial<MachineFacts>, code: CheckCode): readonly string[] =>
    told(judgeMachine({ ...good, ...changes }, wanted), code);

  test("that is fit, everything is ok", () => {
    expect(judgeMachine(good, wanted).map((each) => each.result)).toEqual(Array(5).fill("ok"));
  });

  test("an old Node, a library that does not load or an old SQLite fail", () => {
    expect(of({ node: "22.11.0" }, "machine.node")).toEqual([
      "failure: Node 22.11.0 runs this; needed is 24 or newer.",
    ]);
    const broken = { kind: "broken", cause: "Error: was compiled against NODE_MODULE_VERSION 127" } as const;
    expect(of({ sqlite: broken }, "machine.sqlite")[0]).toMatch(/^failure: .*does not load.*VERSION 127/);
    const old = { kind: "loaded", sqlite: "3.50.4", library: "12.0.0" } as const;
    expect(of({ sqlite: old }, "machine.sqlite")[0]).toMatch(/^failure: .*SQLite 3\.50\.4.*3\.51\.3/);
  });

  test("a clock before this program, or one that is set meanwhile, fails; one that nobody keeps is a warning", () => {
    expect(of({ wallMs: 0 }, "machine.clock")[0]).toMatch(/^failure: .*1970/);
    expect(of({ steppedMs: -900 }, "machine.clock")[0]).toMatch(/^failure: .*set by 900 ms.*200 ms/);
    expect(of({ timeKeeper: { kind: "unsynchronized", by: "chrony" } }, "machine.ntp")[0]).toMatch(/^warning/);
    const far = { kind: "synchronized", by: "chrony", offsetMs: -81 } as const;
    expect(of({ timeKeeper: far }, "machine.ntp")).toEqual([
      "warning: chrony says that the clock is 81.0 ms off; the limit is 50 ms.",
    ]);
    expect(of({ timeKeeper: { kind: "unknown", why: "no chronyc" } }, "machine.ntp")[0]).toMatch(/^skipped/);
  });

  test("a unit that starts nothing again fails; a slow watchdog, a late restart and few files are warnings", () => {
    expect(of({ unit: { ...unit, restart: "no" } }, "machine.systemd")[0]).toMatch(/^failure: Restart=no/);
    const slow = { ...unit, watchdog: "30s", restartSec: "1min 30s", filesMax: "1024" };
    expect(of({ unit: slow }, "machine.systemd")[0]).toMatch(
      /^warning: WatchdogSec is 30000 ms, the lease 2000 ms; RestartSec is 1min 30s.*LimitNOFILE is 1024/,
    );
    expect(of({ unit: { ...unit, watchdog: "0" } }, "machine.systemd")[0]).toMatch(/^warning: WatchdogSec is not set/);
    expect(of({ unit: { ...unit, watchdog: "infinity" } }, "machine.systemd")[0]).toMatch(/WatchdogSec is not set/);
    expect(of({ unit: { kind: "not-loaded", unit: "baton@x.service" } }, "machine.systemd")[0]).toMatch(/^skipped/);
  });

  test("a unit that permits no real-time priority is a warning where the configuration asks for one", () => {
    const asked = { ...wanted, realtime: true };
    const under = (changes: object): readonly string[] =>
      told(judgeMachine({ ...good, unit: { ...unit, ...changes } }, asked), "machine.systemd");
    expect(under({})[0]).toMatch(/^warning: node.realtime is on, .*realtime\.conf is missing/);
    expect(under({ realtimeMax: "1" })[0]).toMatch(/^warning/);
    expect(under({ restrictRealtime: "no" })[0]).toMatch(/^warning/);
    expect(under({ realtimeMax: "1", restrictRealtime: "no" })[0]).toMatch(/^ok/);
  });

  test("systemd's spans and versions are read as they are printed", () => {
    expect(["1.500s", "200ms", "1min 30s", "0", "infinity", "soon"].map(systemdMs)).toEqual([
      ...[1_500, 200, 90_000, 0, Number.POSITIVE_INFINITY, undefined],
    ]);
    expect(isOlder("3.5.16", "3.5.33") && isOlder("3.4.45", "3.5.0") && isOlder("unknown", "3.5.0")).toBe(true);
    expect(isOlder("3.5.33", "3.5.33") || isOlder("3.6.1", "3.5.33") || isOlder("3.10.0", "3.6.0")).toBe(false);
  });
});

describe("of a journal", () => {
  const cluster = id<ClusterId>("c");
  const file = { kind: "read", node: "a", cluster, mode: "wal", last: 900, frames: 256 } as const;
  const gib = 1024 ** 3;
  const disk = { kind: "read", type: 0xef53, totalBytes: 100 * gib, freeBytes: 60 * gib } as const;
  const good: JournalFacts = {
    folder: "/var/lib/baton",
    disk,
    reserve: { askedBytes: 2 ** 24, heldBytes: 2 ** 24 },
    durability: { kind: "set" },
    fsyncUs: Array<number>(200).fill(300),
    file,
  };
  const of = (changes: Partial<JournalFacts>, code: CheckCode): readonly string[] =>
    told(judgeJournal({ ...good, ...changes }, { node: "a" }), code);

  test("that is sound on a local disk, everything is ok", () => {
    expect(judgeJournal(good, { node: "a" }).map((each) => each.result)).toEqual(Array(5).fill("ok"));
  });

  test("memory and networks fail, layers and unknown file systems are warnings", () => {
    const on = (type: number): string => of({ disk: { ...disk, type } }, "journal.filesystem")[0] ?? "";
    expect(on(0x01021994)).toMatch(/^failure: It is tmpfs/);
    expect(on(0x6969)).toMatch(/^failure: It is NFS/);
    // The kernel's number is 32 bits wide, and may come as a negative one.
    expect(on(0xff534d42 | 0)).toMatch(/^failure: It is CIFS/);
    expect(on(0x794c7630)).toMatch(/^warning: It is overlayfs/);
    expect(on(0x12345)).toMatch(/^warning: .*0x12345/);
    expect(of({ disk: { kind: "unreadable", cause: "EACCES" } }, "journal.filesystem")[0]).toMatch(/^failure.*EACCES/);
  });

  test("a filling disk is a warning at 85 % and fails at 92 %; so little that no reserve fits is a warning", () => {
    const with_ = (freeBytes: number, reserve = good.reserve): string =>
      of({ disk: { ...disk, freeBytes }, reserve }, "journal.space")[0] ?? "";
    expect(with_(14 * gib)).toMatch(/^warning: 86 % of 100\.0 GiB are used.*at 85 % .* at 92 %/);
    expect(with_(7 * gib)).toMatch(/^failure: 93 %/);
    const none = { askedBytes: 8 * gib, heldBytes: 0 };
    expect(with_(20 * gib, none)).toMatch(/^warning: .*too little for the reserve of 6\.3 GiB/);
    expect(with_(60 * gib, none)).toMatch(/^ok: .*is made when the node runs/);
    expect(with_(60 * gib, { askedBytes: 0, heldBytes: 0 })).toMatch(/^warning: .*no reserve/);
  });

  test("a folder that takes no WAL, and a journal in another mode, fail", () => {
    const refused = { kind: "refused", cause: "journal_mode reads back delete, not wal" } as const;
    expect(of({ durability: refused }, "journal.durability")[0]).toMatch(/^failure: .*reads back delete/);
    expect(of({ file: { ...file, mode: "delete" } }, "journal.durability")[0]).toMatch(/^failure: .*in mode delete/);
  });

  test("an fdatasync that is slow, or faster than any disk, is a warning; none at all fails", () => {
    const us = (p50: number): string => of({ fsyncUs: Array<number>(200).fill(p50) }, "journal.fsync")[0] ?? "";
    expect(us(2_400)).toMatch(/^warning: p50 2\.4 ms, p99 2\.4 ms, 200 samples: slower than 2\.0 ms/);
    expect(us(3)).toMatch(/^warning: p50 3 µs.*faster than 20 µs/);
    expect(of({ fsyncUs: { cause: "EROFS" } }, "journal.fsync")[0]).toMatch(/^failure: .*EROFS/);
  });

  test("a chain that breaks, a foreign journal and a disk that was rolled back fail; no journal yet is passed over", () => {
    const chain = (changed: JournalFacts["file"]): string => of({ file: changed }, "journal.chain")[0] ?? "";
    expect(chain({ ...file, fault: "frame 890–900 has another hash" })).toMatch(/^failure: frame 890–900/);
    expect(chain({ ...file, node: "b" })).toMatch(/^failure: It is the journal of node b, .* of a/);
    expect(chain({ kind: "refused", why: "the disk was rolled back" })).toBe("failure: the disk was rolled back.");
    expect(chain({ kind: "unreadable", cause: "file is not a database" })).toMatch(/^failure: .*not a database/);
    expect(chain({ kind: "absent" })).toMatch(/^skipped: There is no journal yet/);
  });
});

describe("of etcd", () => {
  const cluster = id<ClusterId>("c1");
  const view = {
    etcdClusterId: "e1",
    revision: "500",
    cluster: { id: cluster, schema: 1 },
    epoch: { value: 4, modRevision: "1" },
    insync: { value: { version: 7, members: [{ node: "a" }, { node: "b" }] }, modRevision: "1" },
  } as unknown as EtcdView;
  const urls = ["http://10.0.0.1:2379", "http://10.0.0.2:2379", "http://10.0.0.3:2379"] as const;
  const well = (url: string, changes = {}): EtcdFacts["endpoints"][number] => ({
    ...{ url, kind: "well", version: "3.6.4", databaseBytes: 2 ** 20 },
    ...changes,
  });
  const members = urls.map((url, at) => ({ name: `m${at}`, clientUrls: [url] }));
  const good: EtcdFacts = {
    endpoints: urls.map((url) => well(url)),
    members,
    alarms: [],
    roundTripsMs: [2, 3, 2],
    view: { kind: "read", view },
  };
  const leadership = { profile: "lan", leaseTtlSeconds: 2, keepaliveMs: 250, marginMs: 300, siteRule: "any" } as const;
  const o: Parameters<typeof judgeEtcd>[1] = { name: "metro", leadership, known: {}, metros: new Map() };
  const of = (changes: Partial<EtcdFacts>, code: CheckCode, more: Partial<typeof o> = {}): readonly string[] =>
    told(judgeEtcd({ ...good, ...changes }, { ...o, ...more }), code);

  test("that is fit, everything is ok", () => {
    expect(judgeEtcd(good, o).every((each) => each.result === "ok")).toBe(true);
  });

  test("one endpoint of three that is silent is a warning, two fail, and of none nothing else is asked", () => {
    const ill = (url: string): EtcdFacts["endpoints"][number] => ({ url, kind: "ill", cause: "ECONNREFUSED" });
    const [a, b, c] = urls;
    expect(of({ endpoints: [ill(a), well(b), well(c)] }, "etcd.endpoints")[0]).toBe(
      "warning: It does not answer: ECONNREFUSED. 2 of 3 endpoints do.",
    );
    expect(of({ endpoints: [ill(a), ill(b), well(c)] }, "etcd.endpoints")[1]).toMatch(/^failure: .*1 of 3/);
    const none = { endpoints: urls.map(ill), roundTripsMs: [], view: { kind: "unread", cause: "x" } } as const;
    expect(of(none, "etcd.genesis")).toEqual(["skipped: No endpoint of etcd answered."]);
  });

  test("3.4 and an early 3.5 are warnings, what is older fails", () => {
    const on = (version: string): string => of({ endpoints: [well(urls[0], { version })] }, "etcd.version")[0] ?? "";
    expect(on("3.4.45")).toMatch(/^warning: It is etcd 3\.4\.45: 3\.4 gets no fixes.*3\.5\.33/);
    expect(on("3.5.16")).toMatch(/^warning: It is etcd 3\.5\.16, which lacks fixes/);
    expect(on("3.3.27")).toMatch(/^failure/);
    expect(on("3.5.33")).toMatch(/^ok/);
  });

  test("one, two or four members are warnings, and so is one that no endpoint is of", () => {
    expect(of({ members: members.slice(0, 1) }, "etcd.members")[0]).toMatch(/^warning: etcd has 1 of 3 members/);
    expect(of({ members: [...members, { name: "m3", clientUrls: [] }] }, "etcd.members")[0]).toMatch(
      /^warning: etcd has 4 members/,
    );
    expect(of({ endpoints: [well(urls[0])] }, "etcd.members")[0]).toMatch(
      /^warning: etcd has 3 members, etcd\.endpoints names 1; .*m1, m2/,
    );
    const { members: _none, ...rest } = good;
    expect(told(judgeEtcd({ ...rest, membersCause: "denied" }, o), "etcd.members")[0]).toMatch(/^skipped: .*denied/);
  });

  test("an alarm fails, and a database that grows towards its quota is a warning", () => {
    expect(of({ alarms: [{ member: "m1", alarm: "NOSPACE" }] }, "etcd.alarms")).toEqual([
      "failure: There are 1: NOSPACE at m1.",
    ]);
    const large = well(urls[0], { databaseBytes: 1.5 * 1024 ** 3 });
    expect(of({ endpoints: [large] }, "etcd.size")[0]).toMatch(/^warning: Its database has 1\.5 GiB.*2\.0 GiB/);
  });

  test("a round trip beyond the profile's is a warning, one that the lease does not bear fails", () => {
    expect(of({ roundTripsMs: [70, 80, 60] }, "etcd.latency")[0]).toMatch(
      /^warning: A read took 70\.0 ms .*worst 80\.0 ms; profile lan counts with 50 ms, a lease of 2 s bears 310 ms/,
    );
    expect(of({ roundTripsMs: [600, 620, 580] }, "etcd.latency")[0]).toMatch(/^failure: .*the lease would end/);
  });

  test("no cluster yet is a warning; another cluster, and an etcd that the journal does not know, fail", () => {
    const { cluster: _none, ...unfounded } = view;
    const empty = { kind: "read", view: unfounded as EtcdView } as const;
    expect(of({ view: empty }, "etcd.genesis")[0]).toMatch(/^warning: No cluster of this name/);
    const other = { cluster: id<ClusterId>("c2") };
    expect(of({}, "etcd.genesis", { known: other })[0]).toMatch(/^failure: In etcd the cluster is c1, .* c2/);
    const pin = { clusterId: "e0", revision: "9", epoch: 1, version: 1 };
    expect(of({}, "etcd.genesis", { known: { pin } })[0]).toMatch(/^failure: etcd has cluster id e1, known here is e0/);
    expect(of({ view: { kind: "unread", cause: "malformed" } }, "etcd.genesis")[0]).toMatch(/^failure: .*malformed/);
  });

  test("two metros need a third place for etcd, or a rule that an operator crosses", () => {
    const metros = new Map([
      ["a", "fra"],
      ["b", "ams"],
    ]);
    expect(of({}, "etcd.sites", { metros })[0]).toMatch(/^warning: The nodes stand in 2 metros \(fra, ams\)/);
    const sameMetro = { ...leadership, siteRule: "same-metro" } as const;
    expect(of({}, "etcd.sites", { metros, leadership: sameMetro })[0]).toMatch(/^ok: .*an operator's/);
    expect(of({}, "etcd.sites", { metros: new Map([...metros, ["c", "lon"]]) })[0]).toMatch(/^ok/);
  });
});

describe("of the other nodes", () => {
  const at = (
    dial: Parameters<typeof judgePeers>[0][number] extends infer P ? (P extends { dial: infer D } ? D : never) : never,
  ): readonly Finding[] => judgePeers([{ node: "b", address: "10.0.0.2:7001", dial }], { kind: "none" });

  test("one that is silent or not there is a warning, since nodes start one after another", () => {
    expect(told(at({ kind: "silent", cause: "ECONNREFUSED" }), "peers.reached")[0]).toMatch(
      /^warning: .*10\.0\.0\.2:7001/,
    );
    const gone = judgePeers([{ node: "b", isEtcdRead: true }], { kind: "none" });
    expect(told(gone, "peers.reached")[0]).toMatch(/^warning: It has not published/);
    const unread = judgePeers([{ node: "b", isEtcdRead: false }], { kind: "none" });
    expect(told(unread, "peers.reached")[0]).toMatch(/^skipped/);
  });

  test("a certificate that is not believed or has ended fails, one that ends in two days is a warning", () => {
    const with_ = (secondsLeft: number): string =>
      told(at({ kind: "reached", ms: 1, certificate: { kind: "believed", secondsLeft } }), "peers.certificate")[0] ??
      "";
    expect(with_(30 * 86_400)).toMatch(/^ok: Its certificate ends in 30 days/);
    expect(with_(30 * 3_600)).toBe("warning: Its certificate ends in 30 hours; 3 days at least are wanted.");
    expect(with_(-5)).toMatch(/^failure: .*has ended/);
    const doubted = { kind: "reached", ms: 1, certificate: { kind: "doubted", cause: "self-signed" } } as const;
    expect(told(at(doubted), "peers.certificate")[0]).toMatch(/^failure: .*self-signed/);
  });

  test("a node's own files that cannot serve fail; an authority that ends, or a key that others read, is a warning", () => {
    const refused = judgePeers([], { kind: "refused", cause: "api.tls.certFile has ended." });
    expect(told(refused, "node.certificate")[0]).toMatch(/^failure: It cannot serve/);
    const soon = { kind: "good", secondsLeft: 9e6, authoritySecondsLeft: 7_200, warnings: ["k can be read."] } as const;
    expect(told(judgePeers([], soon), "node.certificate")).toEqual([
      "ok: It ends in 104 days; 3 days at least are wanted.",
      "warning: Its authority ends in 2 hours; 3 days at least are wanted.",
      "warning: k can be read.",
    ]);
  });

  test("an Alertmanager that is silent, or is none, is a warning", () => {
    const of = (answer: NonNullable<Parameters<typeof judgeAlerting>[0]>["answer"]): string =>
      told(judgeAlerting({ url: "http://am", answer }), "alerts.alertmanager")[0] ?? "";
    expect(of({ kind: "silent", cause: "ECONNREFUSED" })).toMatch(/^warning: It does not answer: ECONNREFUSED/);
    expect(of({ kind: "strange", cause: "it answered 404" })).toMatch(/^warning: .*no Alertmanager: it answered 404/);
    expect(told(judgeAlerting(undefined), "alerts.alertmanager")[0]).toMatch(/^skipped/);
  });
});

describe("of a venue", () => {
  const nowWallMs = Date.UTC(2026, 10, 29);
  const rules: InstrumentRules = {
    symbol: id<SymbolId>("BTC/USDT"),
    base: "BTC",
    quote: "USDT",
    tickSize: decimal("0.01"),
    lotSize: decimal("0.00001"),
    quantityMin: decimal("0.00001"),
    quantityMax: decimal("9000"),
    notionalMin: decimal("5"),
  };
  const good: VenueCheckFacts = {
    id: "binance",
    account: "main",
    title: "Binance spot",
    mode: "live",
    time: { kind: "answered", reading: { offsetMs: 3, errorMs: 2 } },
    instruments: { kind: "known", rules: [rules] },
    key: { kind: "signs" },
    rights: { kind: "told", rights: { canTrade: true, canWithdraw: false, isBoundToAddress: true } },
  };
  const wants = { clockErrorMaxMs: 250, validityMs: 2_000, minValidityMs: 200, nowWallMs };
  const of = (changes: Partial<VenueCheckFacts>, code: CheckCode): readonly string[] =>
    told(judgeVenue({ ...good, ...changes }, wants), code);

  test("that takes what is sent, everything is ok", () => {
    expect(judgeVenue(good, wants).every((each) => each.result === "ok" && each.about === "binance/main")).toBe(true);
  });

  test("one that is silent fails, and nothing else is said of it", () => {
    const silent = judgeVenue({ ...good, time: { kind: "silent", cause: "ENOTFOUND" } }, wants);
    expect(silent.map(({ code, result }) => [code, result])).toEqual([["venue.time", "failure"]]);
    const unasked = judgeVenue({ ...good, time: { kind: "unasked", why: "its key cannot be read here" } }, wants);
    expect(unasked.map(({ code, result }) => [code, result])).toEqual([["venue.time", "skipped"]]);
  });

  test("a wall clock that is surely further off than a node may start with fails, half of it is a warning", () => {
    const off = (offsetMs: number, errorMs: number): string =>
      of({ time: { kind: "answered", reading: { offsetMs, errorMs } } }, "venue.clock")[0] ?? "";
    expect(off(-400, 5)).toBe(
      "failure: The wall clock is 400 ms ahead of its time (± 5.0 ms); allowed are 250 ms (risk.clockErrorMaxMs).",
    );
    expect(off(260, 20)).toMatch(/^warning: The wall clock is 260 ms behind/);
    expect(off(130, 1)).toMatch(/^warning/);
  });

  test("an order whose life the clock's error takes up fails, half of it is a warning", () => {
    const err = (errorMs: number): string =>
      of({ time: { kind: "answered", reading: { offsetMs: 0, errorMs } } }, "venue.window")[0] ?? "";
    expect(err(950)).toMatch(/^failure: A signed order lives 2000 ms \(validityMs\); .* 2100 ms: none would be sent/);
    expect(err(450)).toMatch(/^warning: .*1100 ms/);
  });

  test("a symbol that it does not trade, and a key that does not sign, fail and are named", () => {
    const unknown = { kind: "unknown", cause: "venue binance does not trade DOGE/XYZ" } as const;
    expect(of({ instruments: unknown }, "venue.instruments")[0]).toMatch(/^failure: .*DOGE\/XYZ/);
    const refused = { kind: "refused", cause: "-2015: Invalid API-key, IP, or permissions" } as const;
    expect(of({ key: refused }, "venue.key")[0]).toMatch(/^failure: The account cannot be read with the key: -2015/);
    expect(of({ key: { kind: "unasked", why: "nonces" } }, "venue.key")).toEqual(["skipped: nonces."]);
  });

  test("a key that may not trade fails; one that may withdraw, counts from anywhere or ends soon is a warning", () => {
    const may = (rights: object): readonly string[] =>
      of({ rights: { kind: "told", rights: { canTrade: true, canWithdraw: false, ...rights } } }, "venue.rights");
    expect(may({ canTrade: false })).toEqual(["failure: The key may not trade."]);
    expect(may({ canWithdraw: true })).toEqual(["warning: The key may withdraw, which Baton never does."]);
    expect(may({ isBoundToAddress: false, expiresWallMs: nowWallMs + 4.5 * 86_400_000 })).toEqual([
      "warning: The key counts from every address.",
      "warning: The key ends in 4 days.",
    ]);
    expect(of({ rights: { kind: "unasked", why: "it has no call" } }, "venue.rights")[0]).toMatch(
      /^skipped: .*Look at it/,
    );
  });
});

describe("a report", () => {
  test("lists findings as the table does, counts them, and fails by failures alone", () => {
    const found: readonly Finding[] = [
      { code: "venue.key", result: "ok", sentence: "x" },
      { code: "config.valid", result: "warning", sentence: "x", advice: "y" },
      { code: "etcd.members", result: "skipped", sentence: "x" },
    ];
    const whose = { cluster: "metro", node: id<NodeId>("a"), isRunning: false };
    const report = doctorReport(whose, found);
    expect(report.findings.map((each) => each.code)).toEqual(["config.valid", "etcd.members", "venue.key"]);
    expect(report).toMatchObject({ verdict: "warning", counts: { ok: 1, warning: 1, failure: 0, skipped: 1 } });
    const failed = doctorReport(whose, [
      ...found,
      { code: "venue.time", result: "failure", sentence: "x", advice: "y" },
    ]);
    expect(failed.verdict).toBe("failure");
    expect(doctorReport(whose, found.slice(0, 1)).verdict).toBe("ok");
  });

  test("has only codes of the table, each with a sentence of what is well", () => {
    for (const [code, looks] of Object.entries(doctorChecks)) {
      expect(code).toMatch(/^[a-z]+\.[a-z-]+$/);
      expect(looks).toMatch(/\.$/);
    }
  });
});
