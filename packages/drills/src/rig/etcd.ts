/**
 * A real etcd of some members on loopback, for tests and the demo: free ports, data in a temporary folder, each member a
 * process that can be killed, frozen, thawed and restarted. Nothing outlives the caller: members run in process groups of
 * their own (Ctrl-C is for the caller, who stops them in order), and a guard process that holds one end of a pipe kills
 * them by pid and removes the data when the caller dies in whatever way.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { profileTimings } from "@baton/core";
import { startGuard } from "./guard.ts";
import type { Guard } from "./guard.ts";
import type { PeerLinks } from "./etcd-peers.ts";
import { peerLinks } from "./etcd-peers.ts";
import { freePorts } from "./ports.ts";

/** One member process. All methods settle when the operating system has done it, not when etcd has noticed. */
export interface EtcdMember {
  readonly name: string;
  /** Client URL, the same for life. */
  readonly endpoint: string;
  /** Pid of the running process, undefined while it is killed. */
  readonly pid: number | undefined;
  /** SIGKILL, and wait until it is reaped. */
  kill(): Promise<void>;
  /** SIGSTOP: the sockets stay open and nothing answers. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
  /** Starts it again (killed or not) on its old data and ports, and waits until it answers. */
  restart(): Promise<void>;
  /** Whether this member is etcd's own leader; false when it does not answer within half a second. */
  isEtcdLeader(): Promise<boolean>;
}

export interface EtcdRig extends AsyncDisposable {
  readonly endpoints: readonly string[];
  readonly members: readonly EtcdMember[];
  /** The member that leads etcd and those that follow. Throws when none leads within half a minute. */
  roles(): Promise<{ leader: EtcdMember; followers: readonly EtcdMember[] }>;
  /** Cuts one member from the others, while its clients still reach it. Throws where it was not started with `peerLinks`. */
  partition(member: EtcdMember): Promise<void>;
  /** Takes that back. */
  heal(): void;
  /** Ends every member and removes the data. Idempotent. */
  stop(): Promise<void>;
}

export interface EtcdRigOptions {
  /** Default 3. */
  readonly members?: number;
  /** Default as the profile `lan` has it. */
  readonly heartbeatMs?: number;
  /** Default as the profile `lan` has it; at 67/670 and above etcd grants no lease of one second. */
  readonly electionMs?: number;
  /** Members speak to each other over links that can be cut; default false. */
  readonly peerLinks?: boolean;
  /** Folder for the members' data, kept after the end; default: a temporary one that is removed. */
  readonly dir?: string;
  /** Clients come over TLS with a certificate of this authority; `roles()` cannot be asked then. Default: plain. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly caFile: string };
}

const lanTiming = profileTimings.lan.etcd;
/** How long etcd may take to elect a leader, and a member to say who it is, on a machine that does other things too. */
const patienceMs = 30_000;
/** The same for a member that starts. */
const healthyWithinMs = 60_000;

/** What a machine without etcd is told. */
export const etcdMissing =
  "etcd is not on PATH: install Debian's etcd-server (apt-get install etcd-server) or put etcd ≥ 3.4 on PATH";

/** Starts etcd and waits until every member answers with a quorum. Throws `etcdMissing` when there is no etcd. */
export async function startEtcd(options: EtcdRigOptions = {}): Promise<EtcdRig> {
  const binary = findEtcd();
  const count = options.members ?? 3;
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), "baton-etcd-")));
  const guard = startGuard(options.dir === undefined ? dir : undefined);
  for (let attempt = 1; ; attempt++) {
    const links = options.peerLinks === true ? peerLinks() : undefined;
    const members = await layOut({ binary, dir, count, attempt, options, guard, links });
    try {
      await Promise.all(members.map((member) => member.restart()));
      return rigOf(members, { guard, links, removable: options.dir === undefined ? dir : undefined });
    } catch (cause) {
      await Promise.all(members.map((member) => member.kill()));
      await links?.close();
      // A port that was free when we asked can be taken before etcd binds it; other ports, other luck.
      if (attempt === 3) {
        guard.end();
        throw cause;
      }
    }
  }
}

function rigOf(
  members: readonly Member[],
  o: { readonly guard: Guard; readonly links: PeerLinks | undefined; readonly removable: string | undefined },
): EtcdRig {
  const { guard, links, removable } = o;
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await Promise.all(members.map((member) => member.kill()));
    await links?.close();
    if (removable !== undefined) await rm(removable, { recursive: true, force: true, maxRetries: 3 });
    guard.end();
  };
  const rig: EtcdRig = {
    endpoints: members.map((member) => member.endpoint),
    members,
    stop: () => (stopping ??= stop()),
    async roles() {
      const until = performance.now() + patienceMs;
      while (performance.now() < until) {
        const terms = await Promise.all(members.map((member) => member.leadsInTerm()));
        // One that was frozen or cut off takes itself for the leader until it hears of a newer term.
        const newest = Math.max(...terms.map((term) => term ?? 0));
        const leader = members[newest === 0 ? -1 : terms.indexOf(newest)];
        if (leader !== undefined) return { leader, followers: members.filter((member) => member !== leader) };
        await delay(20);
      }
      throw new Error("no etcd member leads");
    },
    async partition(member) {
      if (links === undefined) throw new Error("this etcd was started without peerLinks");
      // Without it only what is dialled to the member would be cut, and not what the member dials.
      const id = await members.find((each) => each === member)?.idOnceItAnswers();
      if (id === undefined) throw new Error(`${member.name} does not say who it is`);
      links.know(member.name, id);
      links.cut(member.name);
    },
    heal: () => links?.heal(),
    [Symbol.asyncDispose]: () => rig.stop(),
  };
  return rig;
}

function findEtcd(): string {
  const names = (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "etcd"));
  const found = names.find((name) => existsSync(name));
  if (found === undefined) throw new Error(etcdMissing);
  return found;
}

interface Plan {
  readonly binary: string;
  readonly dir: string;
  readonly count: number;
  readonly attempt: number;
  readonly options: EtcdRigOptions;
  readonly guard: Guard;
  readonly links: PeerLinks | undefined;
}

async function layOut(plan: Plan): Promise<Member[]> {
  const ports = await freePorts(plan.count * 3);
  const { tls } = plan.options;
  const scheme = tls === undefined ? "http" : "https";
  const seats = await Promise.all(
    Array.from({ length: plan.count }, async (_, index) => {
      const name = `etcd-${index + 1}`;
      const at = `127.0.0.1:${ports[index * 3 + 1]}`;
      const listen = `http://${at}`;
      const peer = plan.links === undefined ? listen : await plan.links.open(name, at);
      const client = `${scheme}://127.0.0.1:${ports[index * 3]}`;
      return { name, client, listen, peer, health: `http://127.0.0.1:${ports[index * 3 + 2]}` };
    }),
  );
  const cluster = seats.map((seat) => `${seat.name}=${seat.peer}`).join(",");
  return seats.map((seat) => {
    const home = join(plan.dir, `${seat.name}-${plan.attempt}`);
    const parameters = [
      ...["--name", seat.name, "--data-dir", home],
      ...["--listen-client-urls", seat.client, "--advertise-client-urls", seat.client],
      ...["--listen-peer-urls", seat.listen, "--initial-advertise-peer-urls", seat.peer],
      ...["--initial-cluster", cluster, "--initial-cluster-state", "new"],
      ...["--initial-cluster-token", `baton-${process.pid}-${ports[0]}`],
      ...["--heartbeat-interval", String(plan.options.heartbeatMs ?? lanTiming.heartbeatMs)],
      ...["--election-timeout", String(plan.options.electionMs ?? lanTiming.electionMs)],
      ...["--listen-metrics-urls", seat.health],
      // The default from 3.5 on: without it a member that comes back from a partition costs one more election.
      "--pre-vote=true",
      ...["--logger", "zap", "--log-level", "warn"],
      ...(tls === undefined ? [] : ["--cert-file", tls.certFile, "--key-file", tls.keyFile]),
      ...(tls === undefined ? [] : ["--trusted-ca-file", tls.caFile, "--client-cert-auth"]),
    ];
    return new Member(seat, plan.binary, parameters, `${home}.log`, plan.guard);
  });
}

interface MemberStatus {
  readonly leader?: string;
  readonly header?: { readonly member_id?: string; readonly raft_term?: string };
}

class Member implements EtcdMember {
  readonly name: string;
  readonly endpoint: string;
  readonly #health: string;
  readonly #binary: string;
  readonly #parameters: readonly string[];
  readonly #log: string;
  readonly #guard: Guard;
  #child: ChildProcess | undefined;

  constructor(
    seat: { readonly name: string; readonly client: string; readonly health: string },
    binary: string,
    parameters: readonly string[],
    log: string,
    guard: Guard,
  ) {
    this.name = seat.name;
    this.endpoint = seat.client;
    this.#health = seat.health;
    this.#binary = binary;
    this.#parameters = parameters;
    this.#log = log;
    this.#guard = guard;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    // Members do not hold the caller's event loop open; waiting for the end of one does.
    child.ref();
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  async restart(): Promise<void> {
    await this.kill();
    const log = await open(this.#log, "a");
    const child = spawn(this.#binary, this.#parameters, { stdio: ["ignore", log.fd, log.fd], detached: true });
    const pid = child.pid;
    if (pid === undefined) throw new Error(etcdMissing);
    this.#guard.add(pid);
    this.#child = child;
    child.once("exit", () => {
      this.#guard.drop(pid);
      if (this.#child === child) this.#child = undefined;
    });
    child.unref();
    await log.close();
    await this.#untilHealthy(child);
  }

  async isEtcdLeader(): Promise<boolean> {
    return (await this.leadsInTerm()) !== undefined;
  }

  /** The raft term in which it leads, as it says; undefined where it does not, or does not answer. */
  async leadsInTerm(): Promise<number | undefined> {
    const status = await this.#status();
    const isLeader = status?.leader !== undefined && status.leader === status.header?.member_id;
    return isLeader ? Number(status.header?.raft_term) : undefined;
  }

  /** Its id as etcd's members name each other; undefined when it has not answered within half a minute. */
  async idOnceItAnswers(): Promise<string | undefined> {
    for (const until = performance.now() + patienceMs; performance.now() < until; await delay(20)) {
      const id = (await this.#status())?.header?.member_id;
      if (id !== undefined) return BigInt(id).toString(16);
    }
    return undefined;
  }

  async #status(): Promise<MemberStatus | undefined> {
    try {
      const answer = await fetch(`${this.endpoint}/v3/maintenance/status`, {
        method: "POST",
        body: "{}",
        signal: AbortSignal.timeout(500),
      });
      return (await answer.json()) as MemberStatus;
    } catch {
      return undefined;
    }
  }

  /** Healthy means that a read with a quorum succeeded, so this waits for the other members too. */
  async #untilHealthy(child: ChildProcess): Promise<void> {
    const until = performance.now() + healthyWithinMs;
    while (performance.now() < until) {
      if (child.exitCode !== null) break;
      try {
        const answer = await fetch(`${this.#health}/health`, { signal: AbortSignal.timeout(1_000) });
        if (((await answer.json()) as { health?: string }).health === "true") return;
      } catch {
        // Not listening yet.
      }
      await delay(25);
    }
    const tail = (await readFile(this.#log, "utf8")).split("\n").slice(-6).join("\n");
    throw new Error(`${this.name} did not become healthy (exit code ${child.exitCode}):\n${tail}`);
  }
}
