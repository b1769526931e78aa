/**
 * The alerts: what wakes whom, on what, and what to do then. A state is told by a rule over the metrics (`rule`), a thing
 * that happened by a post of the node itself (`edge`: the log events that are it); some are told by both ways, under one
 * name, so that they merge. Everything is made of this table: the rules file, the posts, `baton explain alert`.
 *
 * A rule that only looks at series is silent when there are none, and the worst hour is the one in which every node has
 * gone. So the first two fire also when nothing is there to look at.
 */

/** A page of `runbooks/` and the heading in it to begin at. */
export interface RunbookPlace {
  readonly page:
    | "unclean-failover"
    | "leader-lost"
    | "market-drift"
    | "market-stale"
    | "doubt-too-old"
    | "account-differs"
    | "copy-missing"
    | "overloaded";
  readonly heading: string;
}

export interface Alert {
  /** `critical` wakes a person, `warning` waits for the morning. */
  readonly severity: "critical" | "warning";
  /** What is so, in a sentence. */
  readonly means: string;
  /** What to do first. */
  readonly action: string;
  readonly runbook: RunbookPlace;
  /** The state as PromQL, and for how long it must hold. */
  readonly rule?: { readonly expr: string; readonly forSeconds: number };
  /** Names of log events, each of which is it. */
  readonly edge?: readonly string[];
}

export type AlertName =
  | "BatonNoLeader"
  | "BatonMetricsAbsent"
  | "BatonTwoLeaders"
  | "BatonLeaderChanged"
  | "BatonTakeoverLoop"
  | "BatonHistoryLost"
  | "BatonDoubtTooOld"
  | "BatonAccountStopped"
  | "BatonAccountDrift"
  | "BatonTradeBusted"
  | "BatonFeedStale"
  | "BatonFeedGivenUp"
  | "BatonBookDrift"
  | "BatonOneCopy"
  | "BatonReplicationLag"
  | "BatonStateDiverged"
  | "BatonDiskFilling"
  | "BatonDiskFull"
  | "BatonFsyncSlow"
  | "BatonOverloaded"
  | "BatonArchiveFailing";

/** The table, most urgent first. Series are summed by the label `cluster`, which a scrape may add. */
export const alerts: Readonly<Record<AlertName, Alert>> = {
  BatonNoLeader: {
    severity: "critical",
    means: "No node leads: nothing is ordered, and nothing that is open is watched.",
    action: "See whether etcd has a quorum and why no standby takes over.",
    runbook: { page: "leader-lost", heading: "Checks" },
    rule: { expr: "sum by (cluster) (baton_leader) < 1 or absent(baton_leader)", forSeconds: 5 },
  },
  BatonMetricsAbsent: {
    severity: "critical",
    means: "No node can be scraped: all are down, or what watches them is blind.",
    action: "Ask a node itself with baton status, from another host, before you believe the worst.",
    runbook: { page: "leader-lost", heading: "Checks" },
    rule: { expr: "absent(baton_epoch)", forSeconds: 30 },
  },
  BatonTwoLeaders: {
    severity: "critical",
    means:
      "Two nodes say that they lead. The lease forbids both to send; one of them does not know yet, or a clock lies.",
    action: "Stop: this is a stop condition. Escalate, and kill the cluster if it does not end within the lease.",
    runbook: { page: "leader-lost", heading: "Stop conditions" },
    rule: { expr: "sum by (cluster) (baton_leader) > 1", forSeconds: 15 },
  },
  BatonLeaderChanged: {
    severity: "warning",
    means: "Leadership was lost and another node has taken over, or has yielded it. Trading goes on.",
    action: "See why, what is in doubt, and that the lost node comes back.",
    runbook: { page: "leader-lost", heading: "Checks" },
    rule: {
      expr: 'sum by (cluster) (increase(baton_takeovers_total{reason!="switchover",reason!="first"}[5m])) > 0',
      forSeconds: 0,
    },
    edge: ["leadership.taken"],
  },
  BatonTakeoverLoop: {
    severity: "critical",
    means: "Leadership has changed three times within ten minutes: each leader dies of the same thing.",
    action: "Escalate now, and consider baton kill cluster: it stops new orders and takes the open ones back.",
    runbook: { page: "leader-lost", heading: "Checks" },
    rule: {
      expr: 'sum by (cluster) (increase(baton_takeovers_total{reason!="switchover",reason!="first"}[10m])) > 2.5',
      forSeconds: 0,
    },
  },
  BatonHistoryLost: {
    severity: "critical",
    means:
      "An epoch began on a loss: parent orders and strategies wait, since the lost history may have executed what they show as open.",
    action: "Look at the account, then resume, amend or cancel each of them; a stop that is reached still gets out.",
    runbook: { page: "unclean-failover", heading: "Verify" },
    rule: { expr: "max by (cluster) (baton_held_by_loss) > 0", forSeconds: 0 },
    edge: ["history.lost"],
  },
  BatonDoubtTooOld: {
    severity: "critical",
    means: "An order has been in doubt for longer than two minutes: it may be at the venue, and nobody can say.",
    action: "Do not send it again. See what the venue answers.",
    runbook: { page: "doubt-too-old", heading: "Checks" },
    rule: { expr: "max by (cluster) (baton_in_doubt_oldest_seconds) > 120", forSeconds: 0 },
  },
  BatonAccountStopped: {
    severity: "critical",
    means:
      "An account or the cluster is killed: by an operator, or by the leader itself, since somebody else acts on the account.",
    action: "Find out who killed it and why before you lift it.",
    runbook: { page: "account-differs", heading: "Checks" },
    rule: { expr: "max by (cluster) (baton_kill_level) >= 4", forSeconds: 0 },
    edge: ["account.stopped"],
  },
  BatonAccountDrift: {
    severity: "warning",
    means: "An account holds something else than the journal explains: a deposit, or a trade that nobody here made.",
    action: "Compare the venue's own page with baton positions; a trade that is nobody's is a stop condition.",
    runbook: { page: "account-differs", heading: "Checks" },
    rule: { expr: "max by (cluster, venue, subject) (abs(baton_balance_drift)) > 0", forSeconds: 60 },
    edge: ["account.drift"],
  },
  BatonTradeBusted: {
    severity: "warning",
    means: "A venue took a trade back: it is subtracted from position, order and parent, and is not traded again.",
    action: "See the venue's own page, and decide whether what the trade was for is to be ordered anew.",
    runbook: { page: "account-differs", heading: "Checks" },
    rule: { expr: "sum by (cluster, venue) (increase(baton_fills_busted_total[15m])) > 0", forSeconds: 0 },
    edge: ["fill.busted"],
  },
  BatonFeedStale: {
    severity: "warning",
    means: "A node has no fresh price for a symbol: if it leads, orders for it are refused.",
    action: "See which nodes it is stale on: one node, its network; all, the venue.",
    runbook: { page: "market-stale", heading: "Checks" },
    rule: { expr: "baton_feed_state == 0", forSeconds: 30 },
  },
  BatonFeedGivenUp: {
    severity: "critical",
    means: "A feed has been stale for five minutes, or its line gave up and only probes from time to time.",
    action: "See why it does not come back, and whether another node hears the venue.",
    runbook: { page: "market-stale", heading: "Checks" },
    rule: { expr: "baton_feed_state == 0", forSeconds: 300 },
    edge: ["feed.gave-up"],
  },
  BatonBookDrift: {
    severity: "warning",
    means: "A standby's book is not the leader's at the same update: one of the two is wrong.",
    action: "Find out which by the venue's own page, and do not switch over before.",
    runbook: { page: "market-drift", heading: "Checks" },
    rule: {
      expr: "max_over_time(baton_book_drift[1m]) == 1 and min_over_time(baton_book_drift[1m]) == 1",
      forSeconds: 0,
    },
  },
  BatonOneCopy: {
    severity: "critical",
    means: "Fewer than two nodes are in sync: one more loss stops trading, or loses what was acknowledged.",
    action: "Bring the lost copies back.",
    runbook: { page: "copy-missing", heading: "Checks" },
    rule: { expr: "sum by (cluster) (baton_in_sync) < 2", forSeconds: 60 },
  },
  BatonReplicationLag: {
    severity: "warning",
    means: "A standby has lacked records of the leader for half a minute: it cannot take over.",
    action: "See whether it catches up, and whether its disk or its network is slow.",
    runbook: { page: "copy-missing", heading: "Checks" },
    rule: { expr: "baton_replication_lag_seconds > 5", forSeconds: 30 },
  },
  BatonStateDiverged: {
    severity: "critical",
    means: "Two nodes made different states of the same records: one of them is broken, and is not promoted.",
    action: "Leave it as it is: its disk is evidence. Escalate.",
    runbook: { page: "copy-missing", heading: "Stop conditions" },
    rule: { expr: "max by (cluster) (baton_state_divergence) == 1", forSeconds: 0 },
    edge: ["state.diverged"],
  },
  BatonDiskFilling: {
    severity: "warning",
    means: "A journal's disk is 85 % full. At 92 % no new risk is taken.",
    action: "Make room on that disk.",
    runbook: { page: "copy-missing", heading: "Action" },
    rule: { expr: "baton_journal_disk_used_ratio > 0.85", forSeconds: 60 },
  },
  BatonDiskFull: {
    severity: "critical",
    means: "A journal's disk is 92 % full: a leader on it takes no new risk, cancels pass.",
    action: "Make room on that disk now, or switch over to a node that has room.",
    runbook: { page: "copy-missing", heading: "Action" },
    rule: { expr: "baton_journal_disk_used_ratio > 0.92", forSeconds: 5 },
  },
  BatonFsyncSlow: {
    severity: "warning",
    means: "One in a hundred frames takes longer than 50 ms to become durable: every order waits for it.",
    action: "See which node it is and what else uses its disk.",
    runbook: { page: "copy-missing", heading: "Checks" },
    rule: {
      expr: "histogram_quantile(0.99, sum by (cluster, instance, le) (rate(baton_journal_fsync_seconds_bucket[5m]))) > 0.05",
      forSeconds: 300,
    },
  },
  BatonOverloaded: {
    severity: "warning",
    means: "For minutes clients have been told to ask again later: more orders are recorded than leave for a venue.",
    action: "See which venue they wait for, and whether it is slow, its limits are used up, or this host is.",
    runbook: { page: "overloaded", heading: "Checks" },
    rule: { expr: 'sum by (cluster) (increase(baton_refusals_total{code="overloaded"}[1m])) > 0', forSeconds: 120 },
  },
  BatonArchiveFailing: {
    severity: "warning",
    means: "The copy off site does not get on: if every site is lost, so is what it lacks.",
    action: "See what the leader says of its archive; the journal keeps what was not copied.",
    runbook: { page: "copy-missing", heading: "Checks" },
    rule: { expr: "max by (cluster) (baton_archive_failing) == 1", forSeconds: 300 },
  },
};

/** The alert of this name, whatever the case of its letters. */
export function alertNamed(name: string): { readonly name: AlertName; readonly alert: Alert } | undefined {
  const found = (Object.keys(alerts) as AlertName[]).find((each) => each.toLowerCase() === name.toLowerCase());
  return found === undefined ? undefined : { name: found, alert: alerts[found] };
}

/** Where its runbook is, from the top of the checkout. */
export function runbookUrl({ page, heading }: RunbookPlace): string {
  return `runbooks/${page}.md#${heading.toLowerCase().replaceAll(" ", "-")}`;
}
