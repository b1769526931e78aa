/**
 * What a configuration that may be used should not trade real money with, and when a start is the first live one. Told as
 * warnings where a venue is live; before that as one line, since a trial on a laptop is meant to be so.
 */
import type { Config } from "../config/config.ts";
import { configWarnings } from "../config/rules.ts";
import type { Finding } from "./report.ts";
import { Judge } from "./report.ts";

interface Shortcoming {
  readonly key: string;
  readonly sentence: string;
  readonly advice: string;
}

/** A secret's file, and what is wrong with it. */
export interface SecretFacts {
  readonly files: number;
  readonly unreadable: readonly string[];
  readonly warnings: readonly string[];
}

/** Findings on a file that could be loaded. */
export function judgeConfig(config: Config, secrets: SecretFacts): readonly Finding[] {
  const { cluster, node } = config;
  const valid = new Judge("config.valid").ok(`It is valid: node ${node.id} of cluster ${cluster.name}.`);
  return [valid, ...secretsOf(secrets), ...liveOf(config)];
}

/** The finding on a file that cannot be loaded. */
export function configRefused(file: string, faults: readonly string[]): Finding {
  const judge = new Judge("config.valid", file);
  return judge.failure(
    `It has ${faults.length} fault(s): ${faults.join(" ")}`,
    "correct it; baton config check says it again.",
  );
}

function secretsOf({ files, unreadable, warnings }: SecretFacts): readonly Finding[] {
  const judge = new Judge("config.secrets");
  const found = [
    ...unreadable.map((sentence) =>
      judge.failure(sentence, "run the doctor as the node's user; else give it the file."),
    ),
    ...warnings.map((sentence) => judge.warning(sentence, "let nobody but the node's user read it.")),
  ];
  return found.length > 0 ? found : [judge.ok(`${files} files can be read, by their owner alone.`)];
}

function liveOf(config: Config): readonly Finding[] {
  const found = shortcomings(config);
  const isLive = config.venues.some((venue) => venue.mode === "live");
  if (found.length === 0) return [new Judge("config.live").ok("Nothing is left at a default for trials.")];
  if (isLive) return found.map(({ key, sentence, advice }) => new Judge("config.live", key).warning(sentence, advice));
  const keys = found.map((each) => each.key).join(", ");
  return [new Judge("config.live").ok(`No venue is live. Before one is, ${found.length} keys want a look: ${keys}.`)];
}

/** Everything that is allowed and that one will be sorry for with real money. */
function shortcomings(config: Config): readonly Shortcoming[] {
  const { alerts, api, archive, cluster, durability, etcd, leadership, log, risk } = config;
  const found: Shortcoming[] = configWarnings(config).map(({ sentence }) => ({
    key: "api.tls",
    sentence,
    advice: "give every node a certificate.",
  }));
  const note = (isSo: boolean, key: string, sentence: string, advice: string): void => {
    if (isSo) found.push({ key, sentence, advice });
  };
  note(
    api.allowLoopbackWithoutToken,
    "api.allowLoopbackWithoutToken",
    "Whoever is on this machine may trade without a token.",
    "take it out, and name a tokensFile.",
  );
  note(
    cluster.nodes.length < 3,
    "cluster.nodes",
    `The cluster has ${cluster.nodes.length} nodes: while one is away, no second copy is kept.`,
    "run three.",
  );
  note(
    durability === "available",
    "durability",
    "With available the leader goes on alone: what it acknowledges then is on one disk.",
    "take strict, unless that is what you want.",
  );
  note(
    etcd.tls === undefined && etcd.endpoints.some((url) => !isLoopbackUrl(url)),
    "etcd.tls",
    "etcd is spoken to in the clear: whoever reaches it may make himself leader.",
    "give etcd certificates, and name them in etcd.tls.",
  );
  note(
    leadership.autofailover !== "on",
    "leadership.autofailover",
    `It is ${leadership.autofailover} when the cluster is founded: nobody takes over by itself.`,
    "leave it on.",
  );
  note(
    risk.dayLossMax === undefined,
    "risk.dayLossMax",
    "A day may lose any amount.",
    "set the most that may be lost in a day, by quote currency.",
  );
  note(
    risk.repeatedExecution === undefined,
    "risk.repeatedExecution",
    "An algorithm that repeats itself is not stopped.",
    "set how often the same order may execute.",
  );
  note(risk.balances === "ignore", "risk.balances", "Orders are not held against the balance.", "take it out.");
  note(
    archive.to === undefined,
    "archive.to",
    "There is no copy of the journal off site.",
    "name a folder elsewhere, or a bucket.",
  );
  note(
    alerts.alertmanagerUrl === undefined,
    "alerts.alertmanagerUrl",
    "What happens is told by rules over the metrics only, seconds later.",
    "name an Alertmanager.",
  );
  note(
    log.level !== "info",
    "log.level",
    `The log is at ${log.level}: a post-mortem needs info, and more than that fills the disk.`,
    "take info.",
  );
  return found;
}

function isLoopbackUrl(url: string): boolean {
  return /^https?:\/\/(127\.|localhost[:/]|\[::1\])/.test(url);
}

/**
 * What a first live start is the first of: this node of this cluster with real money at these accounts, through these
 * addresses, with the keys in these files. Undefined where no venue is live. Whatever else changes, a node that was
 * confirmed starts again by itself, in the middle of the night too.
 */
export function liveSubject(config: Config): string | undefined {
  const live = config.venues.filter((venue) => venue.mode === "live");
  if (live.length === 0) return undefined;
  const accounts = live
    .map(({ id, exchange, account, restUrl, wsUrl, apiKeyFile }) => [id, exchange, account, apiKeyFile, restUrl, wsUrl])
    .map((parts) => parts.map((part) => part ?? null));
  return JSON.stringify([
    config.cluster.name,
    config.node.id,
    accounts.toSorted((a, b) => (`${a[0]}` < `${b[0]}` ? -1 : 1)),
  ]);
}
