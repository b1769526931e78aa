/**
 * What a node says of itself: its record in etcd, which each candidate, status page and switchover reads, and the digests
 * by which two nodes find out that they do not run the same thing.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { BootId, Config, Epoch, JournalId, LeaseId, MemberRecord, SelfFacts, Sequence } from "@baton/core";
import { sharedConfigText } from "@baton/core";
import { journalFormat } from "@baton/journal";

/** Version of the package. */
export const version: string = packageVersion();

/** Version of this build: that of the package, and of Node. */
export const build: string = `${version} node ${process.versions.node}`;

/** A configuration never changes: its digest is made once. */
const digests = new WeakMap<Config, string>();

/** Digest of what must be the same on every node. */
export function configDigestOf(config: Config): string {
  const known = digests.get(config);
  if (known !== undefined) return known;
  const digest = createHash("sha256").update(sharedConfigText(config)).digest("hex").slice(0, 16);
  digests.set(config, digest);
  return digest;
}

export interface PresenceInput {
  readonly config: Config;
  readonly boot: BootId;
  readonly journal: JournalId;
  readonly lease: LeaseId;
  readonly position: { readonly epoch: Epoch; readonly durable: Sequence; readonly committed: Sequence };
  readonly unfit: readonly string[];
  readonly reachesVenue: boolean;
  readonly facts: SelfFacts;
  /** Format of the journal's file; that of a new one where there is none yet. */
  readonly schema?: number;
}

/** What a node says that has not opened its rooms yet. */
export function startingFacts(config: Config): SelfFacts {
  return {
    priority: config.node.priority,
    metro: config.node.metro,
    isStarting: true,
    isStopping: false,
    venues: [],
    diskUsed: null,
    stateDigest: null,
    etcdRestored: null,
    bootCount: 0,
  };
}

export function presenceOf(input: PresenceInput): MemberRecord {
  const { config, boot, journal, lease, position, unfit, reachesVenue, facts } = input;
  return {
    node: config.node.id,
    boot,
    journal,
    lease,
    address: config.api.advertise,
    site: config.node.site,
    build,
    configDigest: configDigestOf(config),
    schema: input.schema ?? journalFormat,
    position,
    unfit,
    reachesVenue,
    tags: config.node.tags,
    facts,
  };
}

function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
