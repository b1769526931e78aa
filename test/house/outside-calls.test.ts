/**
 * Where Baton calls out of its process over a network, as a closed list. Each place says which classes of failure it gives
 * (a refusal, a silence, an answer that is none…) and names the tests that inject such a fault there. A call in any other
 * file fails this test, so does a place whose fault test is gone, and so does a place in the list that calls nobody. The
 * scan reads imports and bare globals: whatever opens a connection under another name has to come through one of these.
 *
 * Left out: `drills`, which talks only to processes that it has started on this machine, and tests.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");

interface Site {
  /** What it calls. */
  readonly calls: string;
  /** How one call can end beside its answer, in the words of the code there. */
  readonly failures: readonly string[];
  /** Tests that inject a fault into this call: file, and a name in it. */
  readonly faults: readonly (readonly [file: string, name: string])[];
}

const sites: Readonly<Record<string, Site>> = {
  "packages/cluster/src/etcd/endpoint.ts": {
    calls: "etcd's leases, keys and watches",
    failures: ["unanswered within its deadline", "unreachable endpoint", "transaction whose fate is unknown"],
    faults: [
      [
        "packages/cluster/src/etcd/transaction.test.ts",
        "all frozen: reads reject within their deadline, transactions answer unknown, and a later read settles them",
      ],
      [
        "packages/cluster/src/etcd/connect.test.ts",
        "goes on while a member is down, and uses it again once it is back",
      ],
    ],
  },
  "packages/journal/src/link/dial.ts": {
    calls: "another node's journal",
    failures: [
      "turned away",
      "down (nothing was sent)",
      "ended under a request (its outcome is unknown)",
      "not believed",
    ],
    faults: [
      [
        "packages/journal/src/link/security.test.ts",
        "a node with TLS and one without say so on dialling, whichever it is",
      ],
      ["packages/journal/src/replication/replication.test.ts", "a link without the shared secret is not served"],
      [
        "packages/journal/src/replication/replication.test.ts",
        "requests reach the peer's handler; a link that is down sends nothing, one that ends leaves the outcome unknown",
      ],
    ],
  },
  "packages/journal/src/archive/bucket-store.ts": {
    calls: "the bucket of the archive",
    failures: ["away", "an object that is missing or was changed"],
    faults: [
      [
        "packages/journal/src/archive/archive.test.ts",
        "the thread archives while its node leads, tells when the archive is away, and goes on when it is back",
      ],
      [
        "packages/journal/src/archive/archive.test.ts",
        "a segment that was changed or is lost ends the restore there, and the missing records are counted",
      ],
    ],
  },
  "packages/engine/src/alerts/alert-posts.ts": {
    calls: "an Alertmanager",
    failures: ["refused", "hung up on", "no answer within its deadline", "away"],
    faults: [
      [
        "packages/engine/src/alerts/alert-posts.test.ts",
        "an Alertmanager that is away holds nothing up, not even the end",
      ],
      [
        "packages/engine/src/alerts/alert-posts.test.ts",
        "an Alertmanager that refuses is told again until it takes it, and the log says so once",
      ],
      [
        "packages/engine/src/alerts/alert-posts.test.ts",
        "an Alertmanager that hangs up is told again until it takes it, and the log says so once",
      ],
      [
        "packages/engine/src/alerts/alert-posts.test.ts",
        "an Alertmanager that never answers is told again until it does, and the log says so once",
      ],
    ],
  },
  "packages/engine/src/doctor/outside.ts": {
    calls: "other nodes (a handshake) and an Alertmanager's status, for the doctor",
    failures: ["silent", "not believed (with the reason)", "an answer of somebody else"],
    faults: [
      [
        "packages/engine/src/doctor/outside.test.ts",
        "a peer that nobody is at, or that never shakes hands, is told as such within the deadline",
      ],
      [
        "packages/engine/src/doctor/outside.test.ts",
        "a certificate of another authority, of another host or past its end is doubted, with the reason",
      ],
      [
        "packages/engine/src/doctor/outside.test.ts",
        "an Alertmanager is known by its status; refusal, silence and somebody else are told apart",
      ],
    ],
  },
  "packages/feeds/src/rest.ts": {
    calls: "a venue's public REST interface",
    failures: ["no whole answer in time", "told to wait (Retry-After)", "an answer that is no data"],
    faults: [
      ["packages/feeds/src/rest.test.ts", "ends by its deadline though the head of an answer has come"],
      ["packages/feeds/src/rest.test.ts", "is not put again before the venue's Retry-After"],
      ["packages/feeds/src/rest.test.ts", "that is answered with a page instead of data is an error with a code"],
    ],
  },
  "packages/feeds/src/socket.ts": {
    calls: "a venue's market data stream",
    failures: ["dial that hangs", "refused upgrade", "silence", "frames that are none"],
    faults: [
      ["packages/feeds/src/failures.test.ts", "a dial that hangs ends by its deadline"],
      ["packages/feeds/src/failures.test.ts", "survives refused upgrades and obeys Retry-After"],
      ["packages/feeds/src/failures.test.ts", "of everything, with pongs, makes prices stale and is then reconnected"],
      ["packages/feeds/src/failures.test.ts", "survives frames that are none, counts them and keeps a sample"],
    ],
  },
  "packages/venues/src/last-check.ts": {
    calls: "the sockets under every order, cancel and read at a venue",
    failures: ["refused by the last check (not one byte left)", "no socket (not sent)", "broken off (in doubt)"],
    faults: [
      [
        "packages/venues/src/last-check.test.ts",
        "sends no byte when the permit ends between the decision and the socket",
      ],
      ["packages/venues/src/place.test.ts", "a refused connection is proof of not sent"],
      [
        "packages/venues/src/place.test.ts",
        "a peer that accepts TCP and resets before HTTP leaves doubt, because bytes may have left",
      ],
    ],
  },
  "packages/venues/src/driver.ts": {
    calls: "a venue's signed REST interface, through ccxt",
    failures: ["response (of which the venue's code table decides)", "refused", "not connected", "broken"],
    faults: [
      ["packages/venues/src/dialects/wire.test.ts", "an order whose answer is lost was sent once: ccxt does not retry"],
      [
        "packages/venues/src/dialects/wire.test.ts",
        "each code on the venue's lists falls into its class, and what is on none is in doubt",
      ],
    ],
  },
  "packages/venues/src/account-stream.ts": {
    calls: "a venue's account stream",
    failures: ["dropped", "refused subscription", "alive but owing a fill", "frames that are none"],
    faults: [
      ["packages/venues/src/account-stream.test.ts", "after a drop recovers what was missed and doubles nothing"],
      [
        "packages/venues/src/account-stream.test.ts",
        "leaves a connection that answers pings but owes a fill, and has the fill by then",
      ],
      [
        "packages/venues/src/account-stream.test.ts",
        "tries again after a refused subscription, a frame that is not JSON, and the venue's own farewell",
      ],
    ],
  },
  "packages/cli/src/secure-fetch.ts": {
    calls: "a node's HTTP interface, for the client",
    failures: [
      "no node answers",
      "an answer that is not understood",
      "a change whose answer never came",
      "a node that is not believed (it was told nothing)",
    ],
    faults: [
      ["test/cli/reading.test.ts", "ends with 4 and names each node where none answers"],
      ["test/cli/reading.test.ts", "says of another program's answer that it is not understood"],
      ["test/cli/changing.test.ts", "whose answer never came ends with 5 under its id, not with a guess"],
      ["test/cli/secured.test.ts", "without --ca is not believed, and a change that was not told there is not unknown"],
      ["test/cli/secured.test.ts", "is passed over for the next where it cannot be believed"],
    ],
  },
  "packages/exchange/src/mirror/live-venue.ts": {
    calls: "the live venue's public REST interface, for paper trading",
    failures: ["cannot be asked (no start)", "symbol that it does not trade"],
    faults: [
      [
        "packages/exchange/src/mirror/mirror.test.ts",
        "does not start when the live venue does not trade the symbol, or cannot be asked",
      ],
    ],
  },
  "packages/exchange/src/mirror/live-line.ts": {
    calls: "the live venue's streams, for paper trading",
    failures: ["cut line", "hole in the stream", "silence"],
    faults: [
      [
        "packages/exchange/src/mirror/mirror.test.ts",
        "fills nothing and takes nothing while its line is cut, cancels all the same, says so, and comes back",
      ],
      ["packages/exchange/src/mirror/mirror.test.ts", "stops at a hole in the stream and joins it anew"],
      [
        "packages/exchange/src/mirror/mirror.test.ts",
        "does not believe a book that has fallen silent on a connection that looks well",
      ],
    ],
  },
};

/** What calls out, by the module that it comes from: the names that open a connection, or all of them. */
const callers: readonly { readonly module: RegExp; readonly names: "all" | readonly string[] }[] = [
  { module: /^ws$/, names: ["default", "WebSocket", "*"] },
  { module: /^undici$/, names: "all" },
  { module: /^ccxt(\/|$)/, names: "all" },
  { module: /^etcd3$/, names: ["Etcd3", "default", "*"] },
  { module: /^@aws-sdk\//, names: "all" },
  { module: /^(node:)?https?$/, names: ["request", "get", "Agent", "default", "*"] },
  { module: /^(node:)?http2$/, names: ["connect", "default", "*"] },
  { module: /^(node:)?(net|tls)$/, names: ["connect", "createConnection", "Socket", "TLSSocket", "default", "*"] },
  { module: /^(node:)?(dgram|dns(\/promises)?)$/, names: "all" },
  { module: /^(axios|got|node-fetch|superagent|nodemailer|@grpc\/grpc-js)$/, names: "all" },
];

/** The ways out that a source text takes. */
function waysOut(source: string): readonly string[] {
  const code = source.replace(/(?<=^|\s)\/\*[\s\S]*?\*\//gm, "").replace(/(^|[^:"'`])\/\/.*$/gm, "$1");
  const found: string[] = [];
  for (const [, clause = "", module = ""] of code.matchAll(/^import\s+(?!type\b)([^;]*?)\s*from\s+"([^"]+)"/gm)) {
    const taken = callers.find((caller) => caller.module.test(module))?.names;
    if (taken === undefined) continue;
    const names = namesOf(clause);
    found.push(...names.filter((name) => taken === "all" || taken.includes(name)).map((name) => `${module}: ${name}`));
  }
  for (const [, module = ""] of code.matchAll(/(?:\bimport|\brequire(?:\.resolve)?)\s*\(\s*"([^"]+)"/g)) {
    if (callers.some((caller) => caller.module.test(module))) found.push(`${module}, loaded while running`);
  }
  for (const [, global = ""] of code.matchAll(/(?<![\w.#]|\bfunction )(?:globalThis\.)?(fetch)\s*\(/g))
    found.push(global);
  for (const [, global = ""] of code.matchAll(/\bnew\s+(?:globalThis\.)?(WebSocket|EventSource|XMLHttpRequest)\b/g)) {
    found.push(`new ${global}`);
  }
  return found;
}

/** Names that an import clause brings in, as the module calls them, without types. */
function namesOf(clause: string): readonly string[] {
  const inside = /\{([\s\S]*)\}/.exec(clause)?.[1] ?? "";
  const before = clause
    .replace(/\{[\s\S]*\}/, "")
    .replaceAll(",", " ")
    .trim();
  const listed = inside
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && !name.startsWith("type "))
    .map((name) => name.split(/\s+as\s+/)[0] ?? name);
  return [...(before.startsWith("*") ? ["*"] : before === "" ? [] : ["default"]), ...listed];
}

/** True when the file has a test under exactly this name. */
function hasTest(file: string, name: string): boolean {
  const source = readFileSync(join(root, file), "utf8");
  const quoted = name.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(String.raw`\b(?:it|test)\(\s*"${quoted}"`).test(source);
}

const sources = globSync("packages/*/src/**/*.ts", { cwd: root })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => !/\.test\.ts$|\/testing\/|^packages\/drills\//.test(file));

describe("calls out of the process", () => {
  test("are made in the listed files and in no other", () => {
    const calling = sources.filter((file) => waysOut(readFileSync(join(root, file), "utf8")).length > 0);
    expect(sources.length).toBeGreaterThan(300);
    expect(calling.toSorted()).toEqual(Object.keys(sites).toSorted());
  });

  it.each(Object.entries(sites))("%s: each fault that it names is injected by a test that exists", (_file, site) => {
    expect(site.failures.length).toBeGreaterThan(0);
    expect(site.faults.length).toBeGreaterThan(0);
    expect(site.faults.filter(([file, name]) => !hasTest(file, name))).toEqual([]);
  });

  test("are seen in every form, and what only looks like one is not", () => {
    const out = [
      'await fetch("http://x");',
      'globalThis.fetch("http://x");',
      'import { WebSocket } from "ws";',
      'import Socket from "ws";',
      'import { request as ask } from "node:http";',
      'import * as net from "node:net";',
      'import {\n  type Dispatcher,\n  Agent,\n} from "undici";',
      'import { Etcd3 } from "etcd3";',
      'const ccxt = await import("ccxt");',
      'require.resolve("ccxt");',
      'new EventSource("http://x");',
    ];
    expect(out.filter((source) => waysOut(source).length === 0)).toEqual([]);
    const home = [
      "// fetch() is not called here",
      "/* new WebSocket() */",
      'import type { Dispatcher } from "undici";',
      'import { WebSocketServer, type WebSocket } from "ws";',
      'import { EtcdLeaseInvalidError } from "etcd3";',
      'import { createServer } from "node:http";',
      "this.fetch(); journal.fetch(1); prefetch(2);",
    ];
    expect(home.filter((source) => waysOut(source).length > 0)).toEqual([]);
    expect(hasTest("test/house/outside-calls.test.ts", "are made in the listed files and in no other")).toBe(true);
    expect(hasTest("test/house/outside-calls.test.ts", "are made in the listed files")).toBe(false);
  });
});
