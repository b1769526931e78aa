/**
 * `baton doctor`: looks at one node's configuration and at everything that it hangs on, with the node running or not. It
 * reads; the one thing it writes is a folder of its own beside the journal, gone again when it has been measured. Nothing is
 * placed, cancelled or changed anywhere. Facts are gathered here, each by the room that knows how; `core/src/doctor` says
 * what they mean.
 */
import { existsSync, readFileSync, statSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import type {
  AlertmanagerFacts,
  Config,
  DoctorReport,
  EtcdFacts,
  Finding,
  JournalFacts,
  OwnCertificate,
  PeerFacts,
  SecretFacts,
  VenueCheckFacts,
} from "@baton/core";
import {
  doctorReport,
  judgeAlerting,
  judgeConfig,
  judgeEtcd,
  judgeJournal,
  judgeMachine,
  judgePeers,
  judgeVenue,
} from "@baton/core";
import { examineJournal, tryDisk, tryLibrary } from "@baton/journal";
import { monoNow, wallNow } from "../clock.ts";
import { readCertificates } from "../config/certificates.ts";
import type { TlsIdentity } from "../config/certificates.ts";
import { readSecret } from "../config/secrets.ts";
import { hostPort } from "../host-port.ts";
import { etcdAccessOf } from "../node/etcd-access.ts";
import { askEtcd } from "./etcd.ts";
import { timeKeeper, unitOf } from "./machine.ts";
import { askAlertmanager, dial } from "./outside.ts";
import { askVenue } from "./venues.ts";

/** Everything, once. Never rejects for what the world does. */
export async function examine(o: { readonly configFile: string; readonly config: Config }): Promise<DoctorReport> {
  const { configFile, config } = o;
  const before = clocksApart();
  const leaseTtlMs = config.leadership.leaseTtlSeconds * 1_000;
  // What is timed comes one after the other, since loading a venue's driver holds everything up for a moment.
  const journal = await readJournal(config);
  const etcd = await readEtcd(config);
  const isRunning = etcd.view.kind === "read" ? etcd.view.view.members.has(config.node.id) : null;
  const own = ownCertificate(config);
  const peers = await readPeers(config, etcd, own.identity);
  const [alerting, sqlite, keeper, unit] = await Promise.all([
    readAlerting(config),
    tryLibrary(),
    timeKeeper(),
    unitOf(configFile),
  ]);
  const venues: VenueCheckFacts[] = [];
  for (const venue of config.venues) venues.push(await askVenue(venue, isRunning !== false));
  const machine = {
    node: process.versions.node,
    sqlite,
    wallMs: wallNow(),
    steppedMs: clocksApart() - before,
    timeKeeper: keeper,
    unit,
  };
  const { clockErrorMaxMs } = config.risk;
  const findings: readonly Finding[] = [
    ...judgeConfig(config, readSecrets(config)),
    ...judgeMachine(machine, { leaseTtlMs, realtime: config.node.realtime }),
    ...judgeJournal(journal.facts, { node: config.node.id }),
    ...judgeEtcd(etcd, {
      name: config.cluster.name,
      leadership: config.leadership,
      known: journal.known,
      metros: metrosOf(config, etcd),
    }),
    ...judgePeers(peers, own.facts),
    ...venues.flatMap((facts, at) => {
      const { validityMs = 0, minValidityMs = 0 } = config.venues[at] ?? {};
      return judgeVenue(facts, { clockErrorMaxMs, validityMs, minValidityMs, nowWallMs: machine.wallMs });
    }),
    ...judgeAlerting(alerting),
  ];
  return doctorReport({ cluster: config.cluster.name, node: config.node.id, isRunning }, findings);
}

/** Wall minus monotonic clock, ms; taken again when the process was put aside in between. */
function clocksApart(): number {
  for (let attempt = 1; ; attempt += 1) {
    const begun = monoNow();
    const wall = wallNow();
    const ended = monoNow();
    if (ended - begun < 5 || attempt === 5) return wall - (begun + ended) / 2;
  }
}

function readSecrets(config: Config): SecretFacts {
  const files = [
    ...config.venues.flatMap((venue) => [venue.apiKeyFile, venue.secretFile, venue.passphraseFile]),
    config.api.tokensFile,
    config.etcd.auth?.passwordFile,
    config.archive.accessKeyFile,
    config.archive.secretFile,
  ].filter((file) => file !== undefined);
  const unreadable: string[] = [];
  const warnings: string[] = [];
  const once = new Set(files);
  for (const file of once) {
    try {
      const { warning } = readSecret(file);
      if (warning !== undefined) warnings.push(warning);
    } catch (error) {
      unreadable.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { files: once.size, unreadable, warnings };
}

async function readJournal(config: Config): Promise<{
  readonly facts: JournalFacts;
  readonly known: Parameters<typeof judgeEtcd>[1]["known"];
}> {
  const { dataDir } = config.node;
  const file = join(dataDir, "journal.db");
  const examined = examineJournal(file);
  const refused = join(dataDir, "journal.refused");
  const reserve = statSync(`${file}.reserve`, { throwIfNoEntry: false });
  const facts: JournalFacts = {
    folder: dataDir,
    disk: readDisk(dataDir),
    reserve: { askedBytes: config.archive.reserveMiB * 1024 * 1024, heldBytes: reserve?.size ?? 0 },
    ...(await tryDisk(nearest(dataDir))),
    file: existsSync(refused) ? { kind: "refused", why: readFileSync(refused, "utf8").trim() } : examined.facts,
  };
  const { pin } = examined;
  const known = {
    ...(examined.facts.kind === "read" && { cluster: examined.facts.cluster }),
    ...(pin !== undefined && { pin }),
  };
  return { facts, known };
}

function readDisk(dataDir: string): JournalFacts["disk"] {
  try {
    const { type, blocks, bavail, bsize } = statfsSync(nearest(dataDir));
    return { kind: "read", type, totalBytes: blocks * bsize, freeBytes: bavail * bsize };
  } catch (error) {
    return { kind: "unreadable", cause: error instanceof Error ? error.message : String(error) };
  }
}

/** A node makes its folder at its first start; before that, this is where it will be. */
function nearest(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearest(dirname(folder));
}

async function readEtcd(config: Config): Promise<EtcdFacts> {
  try {
    return await askEtcd(etcdAccessOf(config));
  } catch (error) {
    // A certificate or password of ours that cannot be used: nobody was asked.
    const cause = error instanceof Error ? error.message : String(error);
    return {
      endpoints: config.etcd.endpoints.map((url) => ({ url, kind: "ill", cause })),
      roundTripsMs: [],
      view: { kind: "unread", cause },
    };
  }
}

function ownCertificate(config: Config): {
  readonly facts: OwnCertificate;
  readonly identity: TlsIdentity | undefined;
} {
  const { tls, advertise } = config.api;
  if (tls === undefined) return { facts: { kind: "none" }, identity: undefined };
  const [host] = hostPort(advertise);
  const nowWallMs = wallNow();
  try {
    const { identity, expiresWallMs, authorityExpiresWallMs, warnings } = readCertificates(tls, {
      ...{ node: config.node.id, host, nowWallMs },
    });
    const left = (ends: number): number => (ends - nowWallMs) / 1_000;
    return {
      facts: {
        kind: "good",
        secondsLeft: left(expiresWallMs),
        authoritySecondsLeft: left(authorityExpiresWallMs),
        warnings,
      },
      identity,
    };
  } catch (error) {
    const cause = (error instanceof Error ? error.message : String(error)).replaceAll("\n", " ");
    return { facts: { kind: "refused", cause }, identity: undefined };
  }
}

async function readPeers(
  config: Config,
  etcd: EtcdFacts,
  identity: TlsIdentity | undefined,
): Promise<readonly PeerFacts[]> {
  const members = etcd.view.kind === "read" ? etcd.view.view.members : undefined;
  const others = config.cluster.nodes.filter((node) => node !== config.node.id);
  return await Promise.all(
    others.map(async (node): Promise<PeerFacts> => {
      const address = config.replication.peers[node] ?? members?.get(node)?.address;
      return address === undefined
        ? { node, isEtcdRead: members !== undefined }
        : { node, address, dial: await dial(address, identity) };
    }),
  );
}

/** Metro by node: our own as configured, the others' as they publish them. */
function metrosOf(config: Config, { view }: EtcdFacts): ReadonlyMap<string, string> {
  const metros = new Map<string, string>([[config.node.id, config.node.metro]]);
  if (view.kind !== "read") return metros;
  for (const [node, member] of view.view.members) {
    if (node !== config.node.id) metros.set(node, member.facts?.metro ?? member.site);
  }
  return metros;
}

async function readAlerting({ alerts: { alertmanagerUrl: url } }: Config): Promise<AlertmanagerFacts | undefined> {
  return url === undefined ? undefined : { url, answer: await askAlertmanager(url) };
}
