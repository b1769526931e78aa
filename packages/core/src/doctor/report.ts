/**
 * What `baton doctor` looks at, as a closed table, and what a look comes to. Each check has a code that keeps its meaning;
 * what was found is one sentence with the number that was read and the limit beside it, and what is not well says what to
 * do. A failure is what would stop the node, lose a record or refuse its orders; a warning is what somebody will be sorry
 * for later, and fails nothing. The judges beside this file turn facts into findings; shells gather the facts.
 */

/** `skipped`: it could not be looked at here, and the sentence says why; it stands for nothing. */
export type CheckResult = "ok" | "warning" | "failure" | "skipped";

/** Code → what is looked at. The page of checks is made of this table. */
export const doctorChecks = {
  "config.valid": "The configuration file can be used: every key, and every rule between keys.",
  "config.secrets": "Each file with a secret can be read, and by nobody else on the machine.",
  "config.live": "What one should not trade real money with: defaults for a trial, and protection that is left out.",
  "machine.node": "Node itself is 24 or newer.",
  "machine.sqlite": "better-sqlite3 loads under this Node (in a process of its own), with SQLite 3.51.3 or newer.",
  "machine.clock": "The wall clock is plausible, and was not set while it was looked at.",
  "machine.ntp": "Something keeps the wall clock right.",
  "machine.systemd":
    "Where systemd runs the machine: the unit starts a dead node again and feeds its watchdog in time.",
  "journal.filesystem": "The journal is on a local disk: not in memory, not on a network.",
  "journal.space": "The disk has room, and the journal's reserve is there or can be made.",
  "journal.durability": "A commit is on the disk when it returns: WAL and synchronous FULL, read back.",
  "journal.fsync": "How long the disk takes for an fdatasync: 200 samples.",
  "journal.chain": "The journal is this node's, and its last frames chain.",
  "etcd.endpoints": "Each endpoint of etcd answers.",
  "etcd.version": "etcd is 3.5.33 or newer, or 3.6.",
  "etcd.members": "etcd has an odd number of voting members, three at least, and each is among the endpoints.",
  "etcd.alarms": "etcd has raised no alarm.",
  "etcd.size": "etcd's database is well below the 2 GiB at which it stops taking writes.",
  "etcd.latency": "A round trip to etcd fits the lease.",
  "etcd.genesis": "The cluster is founded in this etcd, under our name, and it is the one that the journal knows.",
  "etcd.sites": "Where nodes stand in several metros, what a takeover between them needs.",
  "peers.reached": "The other nodes can be reached from here.",
  "peers.certificate": "The other nodes' certificates are believed and do not end soon.",
  "node.certificate": "This node's own certificate serves and does not end soon.",
  "venue.time": "The venue answers.",
  "venue.clock": "This machine's wall clock is the venue's, as near as orders need it.",
  "venue.window": "A signed order lives long enough for what is not known of the venue's clock.",
  "venue.instruments": "The venue trades each configured symbol, with its rules.",
  "venue.key": "The key signs: the account can be read.",
  "venue.rights": "What the key may do, where the venue tells: trade, and never withdraw.",
  "alerts.alertmanager": "The Alertmanager answers where alerts are posted.",
} as const;

export type CheckCode = keyof typeof doctorChecks;

/** What one check found. */
export interface Finding {
  readonly code: CheckCode;
  /** Of which: an endpoint, a node, a venue, a key of the file. Absent: there is one only. */
  readonly about?: string;
  readonly result: CheckResult;
  /** With the number that was read, and the limit. */
  readonly sentence: string;
  /** What to do; with every warning and failure. */
  readonly advice?: string;
}

/** How many findings there are of each result. */
export type ResultCounts = Readonly<Record<CheckResult, number>>;

/** All findings, in the order of the table. */
export interface DoctorReport {
  readonly version: 1;
  readonly cluster: string | null;
  readonly node: string | null;
  /** Whether an engine of this node id is running somewhere; null: could not be known. */
  readonly isRunning: boolean | null;
  /** The worst result; warnings fail nothing. */
  readonly verdict: "ok" | "warning" | "failure";
  readonly counts: ResultCounts;
  readonly findings: readonly Finding[];
}

/** The report of findings. */
export function doctorReport(
  whose: Pick<DoctorReport, "cluster" | "node" | "isRunning">,
  found: readonly Finding[],
): DoctorReport {
  const order = Object.keys(doctorChecks);
  const findings = found.toSorted((a, b) => order.indexOf(a.code) - order.indexOf(b.code));
  const count = (result: CheckResult): number => findings.filter((each) => each.result === result).length;
  const counts = {
    ok: count("ok"),
    warning: count("warning"),
    failure: count("failure"),
    skipped: count("skipped"),
  };
  const verdict = counts.failure > 0 ? "failure" : counts.warning > 0 ? "warning" : "ok";
  return { version: 1, ...whose, verdict, counts, findings };
}

/** Findings of one code, said shortly: `about` may be left out. */
export class Judge {
  readonly #code: CheckCode;
  readonly #about: { readonly about?: string };

  constructor(code: CheckCode, about?: string) {
    this.#code = code;
    this.#about = about === undefined ? {} : { about };
  }

  ok(sentence: string): Finding {
    return { code: this.#code, ...this.#about, result: "ok", sentence };
  }

  warning(sentence: string, advice: string): Finding {
    return { code: this.#code, ...this.#about, result: "warning", sentence, advice };
  }

  failure(sentence: string, advice: string): Finding {
    return { code: this.#code, ...this.#about, result: "failure", sentence, advice };
  }

  skipped(sentence: string): Finding {
    return { code: this.#code, ...this.#about, result: "skipped", sentence };
  }
}
