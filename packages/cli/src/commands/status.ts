/**
 * `baton status`: may anyone trade, who leads, who could, what is in doubt; from any node that answers, with the age of
 * what it knows. Ends with 0 only where a leader may trade, so that a script can ask.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { killText, scopesOf } from "@baton/core";
import type { ClusterView, MemberView } from "@baton/core";
import type { Command } from "commander";
import { UnreachableError } from "../failures.ts";
import { CliEnd } from "../exit.ts";
import { clientOf, print, withTarget } from "../session.ts";
import type { TargetOptions } from "../session.ts";
import { facts, instant, paint, span, table } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

interface StatusOptions extends TargetOptions {
  readonly watch?: boolean;
}

/** Adds `baton status`. */
export function addStatusCommand(program: Command, terminal: Terminal): void {
  withTarget(program.command("status"))
    .description("the cluster as one of its nodes sees it; exit status 4 where nobody may trade")
    .option("-w, --watch", "again each second, until Ctrl-C")
    .action((options: StatusOptions) => (options.watch === true ? watch(options, terminal) : once(options, terminal)));
}

async function once(options: StatusOptions, terminal: Terminal): Promise<void> {
  const view = await (await clientOf(options, terminal)).cluster();
  print(terminal, options, view, () => statusText(terminal, view));
  const why = unhealthy(view);
  if (why !== undefined) throw new CliEnd("not-healthy", why);
}

async function watch(options: StatusOptions, terminal: Terminal): Promise<void> {
  const client = await clientOf(options, terminal);
  while (!terminal.detached.aborted) {
    try {
      const view = await client.cluster();
      if (terminal.hasColor) terminal.out("\u001B[2J\u001B[H");
      // One object a second, each at once.
      terminal.out(options.json === true ? JSON.stringify(view) : statusText(terminal, view));
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      terminal.err(error.message);
    }
    await sleep(1_000, undefined, { signal: terminal.detached }).catch(() => undefined);
  }
}

/** Why a cluster is not well; undefined where a leader may trade. */
function unhealthy(view: ClusterView): string | undefined {
  if (view.cluster.id === null) return "the cluster is not founded: run baton cluster init.";
  if (view.leader === null) {
    return view.etcd.ageMs === null
      ? "this node does not know who leads: it has not read etcd since its start."
      : "nobody leads.";
  }
  const { isAllowed, isKnown, reasons } = view.trading;
  if (isKnown === false) return `this node does not know whether one may trade: ${reasons.join("; ")}.`;
  if (!isAllowed) return `nobody may trade: ${reasons.join("; ")}.`;
  return undefined;
}

/** The whole view for people. */
function statusText(terminal: Terminal, view: ClusterView): string {
  const why = unhealthy(view);
  const { leader, orders, control, kill, etcd } = view;
  // Null is "not known", and never "none" or "off".
  const isBlind = etcd.ageMs === null;
  const healthyEtcd = etcd.endpoints.filter((each) => each.isHealthy).length;
  const doubt =
    orders.inDoubt === 0 ? "none in doubt" : `${orders.inDoubt} in doubt (oldest ${maybeSpan(orders.oldestInDoubtMs)})`;
  const head = facts([
    ["cluster", `${view.cluster.name} (${view.cluster.id ?? "not founded"})`],
    [
      "trading",
      why === undefined
        ? paint(terminal, "green", "yes")
        : view.trading.isKnown === false && leader !== null
          ? paint(terminal, "yellow", `not known: ${why}`)
          : paint(terminal, "red", `no: ${why}`),
    ],
    [
      "leader",
      leader === null
        ? paint(terminal, "red", isBlind ? "not known" : "none")
        : `${leader.node} in epoch ${leader.epoch}, for ${span(Math.max(0, view.atWallMs - leader.sinceWallMs))}, ${leader.reason === "first" ? "the first" : `by ${leader.reason}`}`,
    ],
    ["deadline", view.deadlineSlackMs === null ? "not known to this node" : `in ${span(view.deadlineSlackMs)}`],
    [
      "in sync",
      view.insync === null ? "not known" : `${view.insync.members.join(", ")} (version ${view.insync.version})`,
    ],
    [
      "orders",
      `${orders.open} open, ${orders.inDoubt === 0 ? doubt : paint(terminal, "yellow", doubt)}${waiting(orders)}`,
    ],
    ...(orders.fillsMissing === 0
      ? []
      : [["fills", paint(terminal, "yellow", `those of ${orders.fillsMissing} orders are still being read`)] as const]),
    ...parentFacts(terminal, orders.parents),
    ...killFacts(terminal, kill, isBlind),
    [
      "failover",
      isBlind
        ? "not known"
        : control.pause === null
          ? control.autofailover
          : paint(terminal, "yellow", pauseText(control.pause)),
    ],
    ...(view.venues ?? []).map(({ id, title, cannot: [first, ...more] }) => {
      const others = more.length === 0 ? "" : ` (${more.length} more: baton config check)`;
      return ["venue", `${id}: ${title}${first === undefined ? "" : `; ${first}${others}`}`] as const;
    }),
    ["feeds", view.feeds.map((feed) => `${feed.id} ${feed.quality} (${maybeSpan(feed.ageMs)})`).join(", ") || "none"],
    [
      "etcd",
      `${healthyEtcd} of ${etcd.endpoints.length} answer, ${isBlind ? "not read yet" : `last read ${maybeSpan(etcd.ageMs)} ago`}` +
        (etcd.sitsWithLeader === true ? paint(terminal, "yellow", "; its leader stands on the leader's host") : ""),
    ],
    ...(view.leaderless?.losses ?? []).map((loss) => ["unclean", loss.sentence] as const),
    ...(view.operation === null
      ? []
      : [["operation", `${view.operation.id}: ${view.operation.what}, ${view.operation.phase}`] as const]),
    ...(view.warnings ?? []).map((warning) => ["warning", paint(terminal, "yellow", warning)] as const),
    ...view.members.flatMap((member) => rejoinFact(terminal, member)),
    ["seen by", `${view.node.id}: ${view.node.sentence}`],
  ]);
  const rows = view.members.map((member) => memberRow(terminal, member, view.insync !== null));
  const nodes = table(["NODE", "ROLE", "IN SYNC", "DURABLE", "LAG", "VENUE", "SITE", "ADDRESS", "PROMOTABLE"], rows);
  return `${head}\n\n${nodes}`;
}

function parentFacts(
  terminal: Terminal,
  parents: ClusterView["orders"]["parents"],
): readonly (readonly [string, string])[] {
  if (parents === undefined || parents.running + parents.paused === 0) return [];
  const { running, paused } = parents;
  return [["parents", `${running} at work${paused === 0 ? "" : paint(terminal, "yellow", `, ${paused} paused`)}`]];
}

/** Each kill by itself: what is stopped, by whom and why. */
function killFacts(
  terminal: Terminal,
  kill: ClusterView["kill"],
  isBlind: boolean,
): readonly (readonly [string, string])[] {
  if (kill === null || kill.level === "off") return [["kill", isBlind ? "not known" : "off"]];
  return scopesOf(kill).map((scope) => {
    const told = scope.isLocal === true ? "; etcd does not know of it yet" : "";
    const since = instant(scope.atWallMs);
    return ["kill", paint(terminal, "red", `${killText(scope)}, by ${scope.by} at ${since}: ${scope.reason}${told}`)];
  });
}

/** A standby's journal that will not come together with the leader's by itself. */
function rejoinFact(terminal: Terminal, member: MemberView): readonly (readonly [string, string])[] {
  const { rejoin } = member;
  if (!rejoin || rejoin.needs === "nothing" || rejoin.needs === "patience") return [];
  return [[rejoin.state, paint(terminal, "red", `${member.node}: ${rejoin.means} ${rejoin.action}`)]];
}

/** Orders that are recorded and have not left; nothing where there are none, or where this node does not know. */
function waiting({ waiting: count = 0, oldestWaitingMs = null }: ClusterView["orders"]): string {
  return count === 0 ? "" : `, ${count} to be sent (oldest ${maybeSpan(oldestWaitingMs)})`;
}

function pauseText(pause: NonNullable<ClusterView["control"]["pause"]>): string {
  const until = pause.untilWallMs === undefined ? "" : ` until ${instant(pause.untilWallMs)}`;
  return `paused${until}: ${pause.reason} (${pause.by})`;
}

function memberRow(terminal: Terminal, member: MemberView, isSetKnown: boolean): readonly string[] {
  const isLeader = member.role === "leader";
  return [
    member.node,
    isLeader ? paint(terminal, "bold", member.role) : member.role,
    isSetKnown ? (member.isInSync ? "yes" : "no") : "–",
    `${member.position.durable}`,
    member.lagRecords === null ? "–" : `${member.lagRecords}`,
    member.reachesVenue ? "yes" : "no",
    member.site,
    member.address,
    isLeader ? "leads" : member.unfit.length === 0 ? "yes" : `no: ${member.unfit.join(", ")}`,
  ];
}

function maybeSpan(ms: number | null): string {
  return ms === null ? "unknown" : span(ms);
}
