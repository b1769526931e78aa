/**
 * One engine node of a rig: `baton node` as it runs in production, a supervisor with the engine as its child. What is
 * done to it is done by pid: the engine killed under its living supervisor (a crash), both killed (a lost host), both
 * frozen (a stalled host).
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { NodeId } from "@baton/core";
import type { Guard } from "./guard.ts";
import type { Link } from "./link.ts";
import { checkout, childrenOf, startProgram, until } from "./processes.ts";
import type { Program } from "./processes.ts";

/** The links of one node: to and from everything else, where the rig has put them in. */
export interface NodeLinks {
  readonly toPeers: readonly Link[];
  readonly fromPeers: readonly Link[];
  readonly toEtcd: readonly Link[];
  readonly toExchange: readonly Link[];
}

export class EngineNode {
  readonly id: NodeId;
  /** Base URL of its API. */
  readonly endpoint: string;
  readonly configFile: string;
  readonly dataDir: string;
  readonly links: NodeLinks;
  readonly #guard: Guard;
  readonly #main: string | undefined;
  readonly #logFile: string;
  #program: Program | undefined;
  #engine: number | undefined;
  #isFrozen = false;

  constructor(seat: {
    readonly id: NodeId;
    readonly endpoint: string;
    readonly configFile: string;
    readonly home: string;
    readonly links: NodeLinks;
    readonly guard: Guard;
    /** Another program than `baton node`; it is given the configuration file. */
    readonly main?: string | undefined;
  }) {
    this.id = seat.id;
    this.endpoint = seat.endpoint;
    this.configFile = seat.configFile;
    this.dataDir = join(seat.home, "data");
    this.links = seat.links;
    this.#guard = seat.guard;
    this.#main = seat.main;
    this.#logFile = join(seat.home, "node.log");
  }

  get program(): Program | undefined {
    return this.#program;
  }

  get isRunning(): boolean {
    return this.#program?.pid !== undefined;
  }

  /** Starts it (again) on its old disk; does not wait until it is ready. `env` goes over this process's environment. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    if (this.isRunning) return;
    this.#isFrozen = false;
    this.#engine = undefined;
    const baton = join(checkout, "packages", "cli", "src", "baton.ts");
    const parameters =
      this.#main === undefined ? [baton, "node", "--config", this.configFile] : [this.#main, this.configFile];
    this.#program = await startProgram(`node ${this.id}`, parameters, {
      ...{ logFile: this.#logFile, guard: this.#guard, env },
    });
  }

  /** Waits until its API answers; `true` from `accept` ends the wait. */
  async untilAnswers(path: string, withinMs: number): Promise<void> {
    const program = this.#program;
    await until(
      async () => {
        const answer = await fetch(`${this.endpoint}${path}`, { signal: AbortSignal.timeout(1_000) }).catch(
          () => undefined,
        );
        await answer?.body?.cancel();
        return answer?.ok === true ? true : undefined;
      },
      { what: `node ${this.id}: ${path}`, withinMs, ...(program !== undefined && { program }) },
    );
    await this.enginePid();
  }

  /** Pid of the engine under the supervisor; the supervisor's own where there is no child. */
  async enginePid(): Promise<number> {
    const supervisor = this.#program?.pid;
    if (supervisor === undefined) throw new Error(`node ${this.id} is not running`);
    const [engine = supervisor] = await childrenOf(supervisor);
    if (engine !== this.#engine && engine !== supervisor) {
      this.#guard.add(engine);
      const before = this.#engine;
      if (before !== undefined) this.#guard.drop(before);
      this.#engine = engine;
    }
    return engine;
  }

  /** The last facts of its log, a line each, but for those of single orders: why the node is where it is. */
  async lastSaid(count = 25): Promise<string> {
    const text = await readFile(this.#logFile, "utf8").catch(() => "");
    const lines = text.split("\n").filter((line) => line !== "" && !/"event":"(order|doubt)\./.test(line));
    return lines.slice(-count).map(saidIn).join("\n");
  }

  /**
   * SIGKILL of the engine alone; its supervisor reaps it and releases its lease. Here and below, `atOnce` is called right
   * before the signal goes out.
   */
  async killEngine(atOnce?: () => void): Promise<void> {
    const engine = await this.enginePid();
    atOnce?.();
    kill(engine, "SIGKILL");
  }

  /** SIGKILL of supervisor and engine, as when the host is lost; waits until they are gone. */
  async killAll(atOnce?: () => void): Promise<void> {
    const program = this.#program;
    if (program?.pid === undefined) return;
    const engine = await this.enginePid();
    atOnce?.();
    program.signal("SIGKILL");
    kill(engine, "SIGKILL");
    await program.ended;
    this.#guard.drop(engine);
    this.#engine = undefined;
  }

  /** SIGSTOP of supervisor and engine: the sockets stay open and nothing answers. */
  async freeze(atOnce?: () => void): Promise<void> {
    const engine = await this.enginePid();
    atOnce?.();
    kill(engine, "SIGSTOP");
    this.#program?.signal("SIGSTOP");
    this.#isFrozen = true;
  }

  /** SIGCONT of both. */
  async thaw(): Promise<void> {
    if (!this.#isFrozen) return;
    this.#isFrozen = false;
    kill(await this.enginePid(), "SIGCONT");
    this.#program?.signal("SIGCONT");
  }

  /** Ends it in order, however it is, in the time that its unit gives it. */
  async stop(): Promise<void> {
    await this.thaw();
    await this.#program?.stop(30_000);
    if (this.#engine !== undefined) {
      kill(this.#engine, "SIGKILL");
      this.#guard.drop(this.#engine);
      this.#engine = undefined;
    }
  }
}

/** Time, event and sentence of a line of a log; a line of something else as it is. */
function saidIn(line: string): string {
  try {
    const { time, event, sentence } = JSON.parse(line) as Record<string, unknown>;
    return `  ${String(time)} ${String(event)}: ${String(sentence)}`;
  } catch {
    return `  ${line}`;
  }
}

/** Signals a process that may have ended meanwhile. */
function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "ESRCH") throw error;
  }
}
