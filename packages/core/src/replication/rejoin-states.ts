/**
 * What each state of `rejoin` means to a person: whether it ends by itself, and what to do where it does not. Status, the
 * log, HTTP, the command line and the page of states all take their words from this table, so that the word on the screen
 * is the word in the runbook. Operators: `runbooks/standby-lost.md`.
 */
import type { RejoinState } from "./rejoin.ts";

/** One state, in words. */
export interface RejoinMeaning {
  /** `patience`: ends by itself. `operator`: stays until a person acts. `page`: the same, and somebody is woken. */
  readonly needs: "nothing" | "patience" | "operator" | "page";
  /** One sentence. */
  readonly means: string;
  /** What to do, in the imperative; empty where there is nothing to do. */
  readonly action: string;
}

/** State → what it means and what to do. */
export const rejoinStates: Readonly<Record<RejoinState, RejoinMeaning>> = {
  "in-sync": {
    needs: "nothing",
    means: "The standby holds everything that the leader holds.",
    action: "",
  },
  "catching-up": {
    needs: "patience",
    means: "The standby receives what it lacks; it is grown into the in-sync set when it has all of it.",
    action: "",
  },
  "tail-divergent": {
    needs: "patience",
    means:
      "The end of the standby's journal was never committed and the leader does not hold it: it goes to quarantine, then the standby catches up.",
    action: "Read what was cut with `baton journal quarantine FILE`; none of it was acknowledged.",
  },
  "needs-snapshot": {
    needs: "patience",
    means:
      "What the standby lacks is pruned, or more than is worth sending: it gets a whole copy, and the leader goes on.",
    action: "",
  },
  forked: {
    needs: "page",
    means: "The standby knows records as committed that the leader does not hold: two histories were acknowledged.",
    action:
      "Start neither node again and keep both files. Run `baton journal verify FILE` on each, compare their quarantine and their countersigned heads, decide which history the venue confirms, and give the other node a new journal.",
  },
  "foreign-cluster": {
    needs: "page",
    means: "The node belongs to another cluster.",
    action: "Correct `cluster.name`, the etcd endpoints or the address in that node's configuration.",
  },
  "other-schema": {
    needs: "operator",
    means:
      "The standby's journal has a format that this leader does not lead: a newer one, or one that is more than one version older.",
    action:
      "Newer: bring this leader to the newer build, or give the standby a new journal. Older: run the version between the two on it first.",
  },
  "newer-epoch": {
    needs: "patience",
    means:
      "The standby has promised a newer epoch than this leader's: this leader is the older one and ends by itself.",
    action: "",
  },
};

/** The sentence of a state with its action, for logs and status. */
export function rejoinAdvice(state: RejoinState): string {
  const { means, action } = rejoinStates[state];
  return action === "" ? means : `${means} ${action}`;
}
