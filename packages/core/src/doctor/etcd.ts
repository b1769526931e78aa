/**
 * Is etcd one that a lease can hang on: who answers, which version, how many vote, what it complains of, how long a round
 * trip takes beside the numbers of the lease, and whether our cluster is founded in it. An etcd that the journal does not
 * know is a failure for the same reason for which the node would not believe it (`succession/anchor.ts`).
 */
import { profileTimings } from "../config/rules.ts";
import type { LeadershipConfig } from "../config/config.ts";
import type { ClusterId } from "../ids.ts";
import type { EtcdPin } from "../succession/anchor.ts";
import { whyRestored } from "../succession/anchor.ts";
import type { EtcdView } from "../succession/records.ts";
import type { CheckCode, Finding } from "./report.ts";
import { Judge } from "./report.ts";
import { sizeText } from "./journal.ts";
import { isOlder } from "./machine.ts";

/** What etcd said. */
export interface EtcdFacts {
  readonly endpoints: readonly EtcdEndpointFacts[];
  /** Voting members by the list that one of them gave; undefined: nobody did, and `membersCause` says why. */
  readonly members?: readonly { readonly name: string; readonly clientUrls: readonly string[] }[];
  readonly membersCause?: string;
  readonly alarms?: readonly { readonly member: string; readonly alarm: string }[];
  readonly alarmsCause?: string;
  /** Round trips of linearizable reads, ms. */
  readonly roundTripsMs: readonly number[];
  readonly view:
    { readonly kind: "read"; readonly view: EtcdView } | { readonly kind: "unread"; readonly cause: string };
}

export type EtcdEndpointFacts =
  | { readonly url: string; readonly kind: "well"; readonly version: string; readonly databaseBytes: number }
  | { readonly url: string; readonly kind: "ill"; readonly cause: string };

/** The ends of the two lines of etcd that are kept up with fixes that a lease needs. */
const versionMin = "3.5.33";
const versionLeast = "3.4.0";
const sizeWarnBytes = 1024 ** 3;
const quotaBytes = 2 * 1024 ** 3;

/** What the journal on this disk knows of the cluster, where there is one. */
export interface KnownCluster {
  readonly cluster?: ClusterId;
  readonly pin?: EtcdPin;
}

/** All findings on etcd. */
export function judgeEtcd(
  facts: EtcdFacts,
  o: {
    readonly name: string;
    readonly leadership: Pick<
      LeadershipConfig,
      "profile" | "leaseTtlSeconds" | "keepaliveMs" | "marginMs" | "siteRule"
    >;
    readonly known: KnownCluster;
    /** Metro by node, of the nodes whose metro is known. */
    readonly metros: ReadonlyMap<string, string>;
  },
): readonly Finding[] {
  const answering = facts.endpoints.filter((each) => each.kind === "well").length;
  return [
    ...facts.endpoints.flatMap((each) => endpointOf(each, { answering, all: facts.endpoints.length })),
    ...(answering === 0
      ? [unasked("etcd.members"), unasked("etcd.alarms"), unasked("etcd.latency"), unasked("etcd.genesis", o.name)]
      : [membersOf(facts), alarmsOf(facts), latencyOf(facts, o.leadership), genesisOf(facts, o)]),
    ...sitesOf(o.metros, o.leadership.siteRule),
  ];
}

/** One failure is told once: the endpoints say why. */
function unasked(code: CheckCode, about?: string): Finding {
  return new Judge(code, about).skipped("No endpoint of etcd answered.");
}

function endpointOf(
  endpoint: EtcdEndpointFacts,
  { answering, all }: { readonly answering: number; readonly all: number },
): readonly Finding[] {
  const judge = new Judge("etcd.endpoints", endpoint.url);
  if (endpoint.kind === "ill") {
    const sentence = `It does not answer: ${endpoint.cause}. ${answering} of ${all} endpoints do.`;
    const advice = "look at that member: its process, the network, and etcd.tls.";
    return [answering * 2 > all ? judge.warning(sentence, advice) : judge.failure(sentence, advice)];
  }
  return [
    judge.ok("It answers."),
    versionOf(endpoint.url, endpoint.version),
    sizeOf(endpoint.url, endpoint.databaseBytes),
  ];
}

function versionOf(url: string, version: string): Finding {
  const judge = new Judge("etcd.version", url);
  const wanted = `${versionMin} or newer of 3.5, or 3.6, is wanted`;
  const advice = "upgrade etcd member by member, 3.4 by way of 3.5.";
  if (isOlder(version, versionLeast)) return judge.failure(`It is etcd ${version}; ${wanted}.`, advice);
  if (isOlder(version, "3.5.0"))
    return judge.warning(`It is etcd ${version}: 3.4 gets no fixes any more; ${wanted}.`, advice);
  if (isOlder(version, versionMin))
    return judge.warning(`It is etcd ${version}, which lacks fixes of leases and watches; ${wanted}.`, advice);
  return judge.ok(`It is etcd ${version}; ${wanted}.`);
}

function sizeOf(url: string, bytes: number): Finding {
  const judge = new Judge("etcd.size", url);
  const read = `Its database has ${sizeText(bytes)}; it takes no writes at its quota, by default ${sizeText(quotaBytes)}`;
  if (bytes < sizeWarnBytes) return judge.ok(`${read}.`);
  const advice = "defragment it, member by member; where it grows on, see who else writes there and who compacts.";
  return judge.warning(`${read}.`, advice);
}

function membersOf({ members, membersCause, endpoints }: EtcdFacts): Finding {
  const judge = new Judge("etcd.members");
  if (members === undefined)
    return judge.skipped(`Nobody told who the members are: ${membersCause ?? "no endpoint answered"}.`);
  const { length } = members;
  const names = members.map((each) => each.name).join(", ");
  if (length < 3)
    return judge.warning(
      `etcd has ${length} of 3 members (${names}): trading stops with the first that is lost.`,
      "run three members on hosts of their own.",
    );
  if (length % 2 === 0)
    return judge.warning(
      `etcd has ${length} members (${names}): one more can be lost with ${length - 1} as well.`,
      "run an odd number of members.",
    );
  const known = new Set(endpoints.map((each) => originOf(each.url)));
  const left = members.filter((each) => !each.clientUrls.some((url) => known.has(originOf(url))));
  // Behind names or a port forward their own addresses say nothing.
  if (endpoints.length < length)
    return judge.warning(
      `etcd has ${length} members, etcd.endpoints names ${endpoints.length}; not among them by address: ${left.map((each) => each.name).join(", ") || "none"}.`,
      "name every member in etcd.endpoints: each is asked at once.",
    );
  return judge.ok(`etcd has ${length} members (${names}), ${endpoints.length} are named in etcd.endpoints.`);
}

function originOf(url: string): string {
  return url.replace(/\/+$/, "").toLowerCase();
}

function alarmsOf({ alarms, alarmsCause }: EtcdFacts): Finding {
  const judge = new Judge("etcd.alarms");
  if (alarms === undefined) return judge.skipped(`Nobody told of alarms: ${alarmsCause ?? "no endpoint answered"}.`);
  if (alarms.length === 0) return judge.ok("There is none.");
  return judge.failure(
    `There are ${alarms.length}: ${alarms.map((each) => `${each.alarm} at ${each.member}`).join(", ")}.`,
    "with NOSPACE compact, defragment, then etcdctl alarm disarm; with CORRUPT replace that member.",
  );
}

/** The lease must outlive an election of etcd; what is left of it is the most that a renewal may take. */
function latencyOf(
  { roundTripsMs }: EtcdFacts,
  timing: Pick<LeadershipConfig, "profile" | "leaseTtlSeconds" | "keepaliveMs" | "marginMs">,
): Finding {
  const judge = new Judge("etcd.latency");
  if (roundTripsMs.length === 0) return judge.skipped("Nothing was read.");
  const { electionOutageMs, roundTripMs: assumedMs } = profileTimings[timing.profile];
  const leftMs = timing.leaseTtlSeconds * 1_000 - timing.marginMs - timing.keepaliveMs - electionOutageMs;
  const sorted = roundTripsMs.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const worst = sorted.at(-1) ?? 0;
  const read = `A read took ${median.toFixed(1)} ms (median of ${sorted.length}), at worst ${worst.toFixed(1)} ms`;
  const limits = `profile ${timing.profile} counts with ${assumedMs} ms, a lease of ${timing.leaseTtlSeconds} s bears ${leftMs} ms`;
  if (median >= leftMs)
    return judge.failure(
      `${read}; ${limits}: the lease would end.`,
      "take a wider leadership.profile, or move etcd nearer.",
    );
  if (median > assumedMs)
    return judge.warning(`${read}; ${limits}.`, "take a wider leadership.profile, or move etcd nearer.");
  return judge.ok(`${read}; ${limits}.`);
}

function genesisOf(
  { view: read }: EtcdFacts,
  { name, known }: { readonly name: string; readonly known: KnownCluster },
): Finding {
  const judge = new Judge("etcd.genesis", name);
  if (read.kind === "unread")
    return judge.failure(
      `The cluster's keys cannot be read: ${read.cause}.`,
      "get etcd to answer; see its endpoints above.",
    );
  const { view } = read;
  const why = whyRestored(known.pin, view);
  if (why !== undefined)
    return judge.failure(
      `${why}.`,
      "find out what became of etcd; then baton cluster re-anchor (it has a plan first).",
    );
  if (view.cluster === undefined)
    return judge.warning(
      `No cluster of this name is founded in this etcd (id ${view.etcdClusterId}).`,
      "start the nodes, then run baton cluster init once; if it ran already, this is another etcd.",
    );
  if (known.cluster !== undefined && known.cluster !== view.cluster.id)
    return judge.failure(
      `In etcd the cluster is ${view.cluster.id}, the journal here is of ${known.cluster}.`,
      "give this node its own cluster's etcd, or a data folder of its own.",
    );
  const set = view.insync?.value.members.map((each) => each.node).join(", ") ?? "";
  return judge.ok(`It is founded (${view.cluster.id}), epoch ${view.epoch.value}; in sync: ${set}.`);
}

function sitesOf(metros: ReadonlyMap<string, string>, siteRule: LeadershipConfig["siteRule"]): readonly Finding[] {
  const all = [...new Set(metros.values())];
  if (all.length < 2) return [];
  const judge = new Judge("etcd.sites");
  const where = `The nodes stand in ${all.length} metros (${all.join(", ")})`;
  if (siteRule === "same-metro")
    return [judge.ok(`${where}; a takeover from one to another is an operator's (leadership.siteRule).`)];
  if (all.length > 2) return [judge.ok(`${where}; one of them can be lost if etcd's members stand so too.`)];
  return [
    judge.warning(
      `${where}: where two of etcd's members stand in the lost one, nobody takes over. etcd does not tell where they stand.`,
      "give etcd a member in a third place; without one, set leadership.siteRule: same-metro.",
    ),
  ];
}
