/**
 * The supervisor: the main process of a node, with the engine as its child. It decides when to start the engine again,
 * when to give up, and what a death means to the cluster; it loads neither the exchange library nor SQLite, so that it
 * outlives what kills an engine. What it says to etcd it says when an engine has died, so the engine starts first and
 * etcd's client is loaded beside it. Operators: runbook "leader lost"; design: crash release.
 */
import type { ChildProcess } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { wallMs } from "@baton/core/records";
import { causeOf } from "../errors.ts";
import type { Etcd } from "../etcd/connect.ts";
import type { EtcdAccess } from "../etcd/endpoint.ts";
import type { EngineIdentity, EngineMessage, SupervisorMessage } from "./messages.ts";
import { forkEngine } from "./prepared-engine.ts";
import type { EngineStart, PreparedEngine } from "./prepared-engine.ts";
import { releaseBoot } from "./release.ts";
import { serviceManager } from "./systemd.ts";
import type { ServiceManager } from "./systemd.ts";

/** One fact of the supervisor's life, for the log. */
export type SupervisorEvent =
  | { readonly event: "engine.started"; readonly pid: number }
  | { readonly event: "engine.announced"; readonly engine: EngineIdentity }
  | { readonly event: "engine.ended"; readonly cause: string; readonly exitCode: number | undefined }
  | { readonly event: "engine.released"; readonly engine: EngineIdentity; readonly tookMs: number }
  | { readonly event: "engine.release-failed"; readonly engine: EngineIdentity; readonly cause: string }
  | { readonly event: "engine.restarting"; readonly afterMs: number; readonly restarts: number }
  | { readonly event: "engine.given-up"; readonly restarts: number; readonly withinMs: number }
  | { readonly event: "engine.killed"; readonly why: string };

export interface SuperviseOptions extends EngineStart {
  /** A process that waits to be the first engine; the later ones are started anew. */
  readonly prepared?: PreparedEngine | undefined;
  readonly etcd: EtcdAccess;
  /** How long an orderly stop may take before SIGKILL. Default 15,000. */
  readonly stopTimeoutMs?: number;
  /** An announced engine without a sign of progress for so long is killed. Default 30,000. */
  readonly wedgedAfterMs?: number;
  readonly restart?: RestartPolicy;
  /** Default: 1,500 ms after the announcement, then every 5,000. */
  readonly warming?: Warming;
  /** Asks for an orderly stop, as SIGTERM and SIGINT do. */
  readonly stop?: AbortSignal;
  readonly log: (fact: SupervisorEvent) => void;
}

/** When the supervisor sees to it that its own way to etcd is open. */
export interface Warming {
  /** After an engine has announced itself. The first time loads etcd's client: a starting engine needs the processor more. */
  readonly firstAfterMs: number;
  readonly everyMs: number;
}

/** When a dead engine is started again. */
export interface RestartPolicy {
  /** First pause; it doubles with each death up to `mostMs` and starts anew after a life of `stableMs`. */
  readonly firstMs: number;
  readonly mostMs: number;
  readonly stableMs: number;
  /** More restarts than this within `withinMs` end the supervisor. */
  readonly restartsMax: number;
  readonly withinMs: number;
}

/**
 * The dead engine's successor goes first: a start takes a core for seconds, which it would have to share where nodes share a machine.
 */
const usualRestart: RestartPolicy = {
  firstMs: 500,
  mostMs: 5_000,
  stableMs: 60_000,
  restartsMax: 10,
  withinMs: 600_000,
};

/** Exit statuses that a restart would not change: an orderly end, and a configuration error. */
const finalExitCodes: ReadonlySet<number | undefined> = new Set([0, 78]);
const usualWarming: Warming = { firstAfterMs: 1_500, everyMs: 5_000 };
// A new boot finds its node id taken until the old one is released; longer than this it is not worth waiting for etcd.
const releaseWaitMs = 1_000;

/** Runs the engine until it ends in order, cannot run, or dies too often. Fulfils with this process's exit status. */
export async function supervise(o: SuperviseOptions): Promise<number> {
  const etcd = new LateEtcd(o.etcd);
  const manager = serviceManager();
  const policy = o.restart ?? usualRestart;
  const stopping = new AbortController();
  const askStop = (): void => stopping.abort();
  const signals = ["SIGTERM", "SIGINT"] as const;
  for (const signal of signals) process.on(signal, askStop);
  o.stop?.addEventListener("abort", askStop);
  if (o.stop?.aborted === true) askStop();
  const warming = setInterval(() => void etcd.warm(), (o.warming ?? usualWarming).everyMs);
  const restarts: number[] = [];
  let pauseMs = policy.firstMs;
  try {
    for (;;) {
      const startedAt = performance.now();
      const exitCode = await liveAndDie(o, { etcd, manager, stop: stopping.signal });
      if (finalExitCodes.has(exitCode)) return exitCode ?? 1;
      if (stopping.signal.aborted) return 1;
      const now = performance.now();
      while (restarts[0] !== undefined && now - restarts[0] > policy.withinMs) restarts.shift();
      if (restarts.length >= policy.restartsMax) {
        o.log({ event: "engine.given-up", restarts: restarts.length, withinMs: policy.withinMs });
        return 1;
      }
      restarts.push(now);
      if (now - startedAt >= policy.stableMs) pauseMs = policy.firstMs;
      o.log({ event: "engine.restarting", afterMs: pauseMs, restarts: restarts.length });
      await delay(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return 0;
      pauseMs = Math.min(pauseMs * 2, policy.mostMs);
    }
  } finally {
    clearInterval(warming);
    for (const signal of signals) process.off(signal, askStop);
    o.stop?.removeEventListener("abort", askStop);
    manager.close();
    await etcd.close();
  }
}

/** etcd's client, loaded when it is first needed. */
class LateEtcd {
  readonly #access: EtcdAccess;
  #opening: Promise<Etcd> | undefined;

  constructor(access: EtcdAccess) {
    this.#access = access;
  }

  /** Rejects when it cannot be loaded; the next call tries again. */
  open(): Promise<Etcd> {
    this.#opening ??= import("../etcd/connect.ts")
      .then(({ connectEtcd }) => connectEtcd(this.#access))
      .catch((error: unknown) => {
        this.#opening = undefined;
        throw error;
      });
    return this.#opening;
  }

  /** So that a release finds open connections. Never rejects: a release tells what is wrong. */
  async warm(): Promise<void> {
    await this.open().then(
      (etcd) => etcd.warm(),
      () => undefined,
    );
  }

  async close(): Promise<void> {
    await (await this.#opening)?.close();
  }
}

interface Surroundings {
  readonly etcd: LateEtcd;
  readonly manager: ServiceManager;
  readonly stop: AbortSignal;
}

/** One engine process from start to release. Fulfils with its exit code; undefined: a signal ended it. */
async function liveAndDie(o: SuperviseOptions, around: Surroundings): Promise<number | undefined> {
  const { etcd, manager, stop } = around;
  const child = o.prepared?.take(o) ?? forkEngine(o);
  o.log({ event: "engine.started", pid: child.pid ?? 0 });
  let engine: EngineIdentity | undefined;
  let firstWarming: NodeJS.Timeout | undefined;
  let lastSign = performance.now();
  child.on("message", (message: EngineMessage) => {
    lastSign = performance.now();
    if (message.kind === "announce") {
      engine = message.engine;
      firstWarming ??= setTimeout(() => void etcd.warm(), (o.warming ?? usualWarming).firstAfterMs);
      o.log({ event: "engine.announced", engine });
      manager.ready();
    } else if (message.kind === "beat") {
      manager.progress();
    } else {
      manager.status(message.text);
    }
  });
  const kill = (why: string): void => {
    o.log({ event: "engine.killed", why });
    child.kill("SIGKILL");
  };
  const wedgedAfterMs = o.wedgedAfterMs ?? 30_000;
  const guarding = setInterval(() => {
    if (engine !== undefined && performance.now() - lastSign > wedgedAfterMs)
      kill(`no progress for ${wedgedAfterMs} ms`);
  }, wedgedAfterMs / 4);
  let lastWord: NodeJS.Timeout | undefined;
  const askStop = (): void => {
    manager.stopping();
    const message: SupervisorMessage = { kind: "stop", reason: "the supervisor was asked to stop" };
    if (child.connected) child.send(message, () => undefined);
    const limitMs = o.stopTimeoutMs ?? 15_000;
    lastWord = setTimeout(() => kill(`it did not stop within ${limitMs} ms`), limitMs);
  };
  stop.addEventListener("abort", askStop);
  if (stop.aborted) askStop();

  const { exitCode, cause } = await reaped(child);
  const reapedWallMs = wallMs(Date.now());
  const dead = engine;
  const release =
    dead === undefined
      ? undefined
      : etcd.open().then(
          (open) => releaseBoot(open, dead, { cause, reapedWallMs }),
          (error: unknown) => ({ gaveUp: causeOf(error) }),
        );
  stop.removeEventListener("abort", askStop);
  clearInterval(guarding);
  clearTimeout(lastWord);
  clearTimeout(firstWarming);
  o.log({ event: "engine.ended", cause, exitCode });
  if (dead === undefined || release === undefined) return exitCode;
  const told = release.then((result) => {
    if ("tookMs" in result) o.log({ event: "engine.released", engine: dead, tookMs: result.tookMs });
    else o.log({ event: "engine.release-failed", engine: dead, cause: result.gaveUp });
  });
  await Promise.race([told, delay(releaseWaitMs, undefined, { ref: false })]);
  return exitCode;
}

function reaped(child: ChildProcess): Promise<{ exitCode: number | undefined; cause: string }> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => {
      resolve({ exitCode: code ?? undefined, cause: signal === null ? `exit ${code}` : `signal ${signal}` });
    });
    // A process that could not be started at all never exits.
    child.once("error", (error) => {
      if (child.pid === undefined) resolve({ exitCode: 1, cause: error.message });
    });
  });
}
