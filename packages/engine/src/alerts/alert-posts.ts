/**
 * Posts what has happened to an Alertmanager, within milliseconds instead of the seconds that a rule takes. It listens to
 * the log's events, so that nothing else has to know of it; which event is which alert stands in core. A post never holds
 * anything up: it is one request at a time with a deadline of its own, and what fails is told once.
 */
import type { AlertDelivery, AlertEdge, Config } from "@baton/core";
import {
  alerts,
  deliveryFailed,
  edgeLastsMs,
  edgeOf,
  edgesDelivered,
  edgesDue,
  edgeTold,
  noDelivery,
  runbookUrl,
} from "@baton/core";
import { monoNow, wallNow } from "../clock.ts";
import type { Logger } from "../log.ts";

const answerWithinMs = 2_000;
const lookEveryMs = 250;
const endWithinMs = 300;

export class AlertPosts {
  readonly #url: URL;
  readonly #labels: Readonly<Record<string, string>>;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  #delivery: AlertDelivery = noDelivery;
  #posting: Promise<void> | undefined;
  readonly #ending = new AbortController();

  /** `url`: where the Alertmanager is; its API is below it. */
  constructor(config: Pick<Config, "cluster" | "node">, url: string, log: Logger) {
    this.#url = new URL("api/v2/alerts", url.endsWith("/") ? url : `${url}/`);
    this.#labels = { cluster: config.cluster.name, node: config.node.id };
    this.#log = log;
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
  }

  /** The log as it is to be used from here on: each of its events that is an alert is posted too, whatever the level. */
  listening(): Logger {
    const hear = (facts: unknown, sentence: unknown): void => {
      const event = typeof facts === "object" && facts !== null && "event" in facts ? facts.event : undefined;
      if (typeof event === "string") this.told(event, typeof sentence === "string" ? sentence : event);
    };
    return new Proxy(this.#log, {
      get: (log, key): unknown => {
        const found: unknown = Reflect.get(log, key, log);
        if (typeof found !== "function") return found;
        const isHeard = key === "info" || key === "warn" || key === "error";
        return (...given: unknown[]): unknown => {
          if (isHeard) hear(given[0], given[1]);
          return Reflect.apply(found, log, given);
        };
      },
    });
  }

  /** An event of the log; most are no alert. */
  told(event: string, sentence: string): void {
    const name = edgeOf(event);
    if (name === undefined) return;
    this.#delivery = edgeTold(this.#delivery, { name, sentence, atWallMs: wallNow(), atMonoMs: monoNow() });
    this.#look();
  }

  /** Tries once more what waits, and lets go: a node that has to end does not wait for its Alertmanager. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    const giveUp = setTimeout(() => this.#ending.abort(), endWithinMs);
    await this.#posting;
    this.#look();
    await this.#posting;
    clearTimeout(giveUp);
  }

  #look(): void {
    if (this.#posting !== undefined) return;
    const due = edgesDue(this.#delivery, monoNow());
    if (due.length === 0) return;
    this.#posting = this.#post(due).finally(() => (this.#posting = undefined));
  }

  async #post(edges: readonly AlertEdge[]): Promise<void> {
    const why = await this.#fault(edges);
    const wasFailing = this.#delivery.failuresInRow > 0;
    if (why === undefined) {
      this.#delivery = edgesDelivered(this.#delivery, edges);
      if (wasFailing) this.#log.info({ event: "alerts.delivered" }, "The Alertmanager takes alerts again.");
      return;
    }
    this.#delivery = deliveryFailed(this.#delivery, monoNow());
    if (!wasFailing) this.#log.warn({ event: "alerts.undelivered" }, `An alert could not be posted: ${why}.`);
  }

  /** Why the Alertmanager did not take them; undefined when it did. */
  async #fault(edges: readonly AlertEdge[]): Promise<string | undefined> {
    try {
      const answer = await fetch(this.#url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(edges.map((edge) => this.#alertOf(edge))),
        redirect: "error",
        signal: AbortSignal.any([AbortSignal.timeout(answerWithinMs), this.#ending.signal]),
      });
      await answer.body?.cancel();
      return answer.ok ? undefined : `it answered ${answer.status}`;
    } catch (error) {
      if (!(error instanceof Error)) return String(error);
      if (error.name === "TimeoutError") return `no answer within ${answerWithinMs} ms`;
      return error.cause instanceof Error ? error.cause.message : error.message;
    }
  }

  /** With its end: one without would be resolved after a timeout of the Alertmanager's own, which may be seconds. */
  #alertOf({ name, sentence, atWallMs }: AlertEdge): object {
    const { severity, means, runbook } = alerts[name];
    return {
      labels: { alertname: name, severity, ...this.#labels },
      annotations: { summary: means, description: sentence, runbook_url: runbookUrl(runbook) },
      startsAt: new Date(atWallMs).toISOString(),
      endsAt: new Date(atWallMs + edgeLastsMs).toISOString(),
    };
  }
}
