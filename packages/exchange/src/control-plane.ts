/**
 * `/__audit` and `/__faults`: how tests and drills read the truth and arm faults; `/__announcements`: the maintenance that
 * is ahead or under way, as a venue's status page would tell it; `/__mirror`: how each mirrored market stands; `/__deposits`: money from outside. No fault strikes here, except a black hole.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AuditLog } from "./audit/audit-log.ts";
import type { Fault } from "./faults/fault.ts";
import { modeOf, type ArmedFault, type FaultBoard } from "./faults/fault-board.ts";
import { readFault } from "./faults/read-fault.ts";
import type { MirrorState } from "./mirror/mirror.ts";
import { readBody } from "./rest/rest-server.ts";

/** Money from outside; `amount` is a decimal text, with `-` before it what leaves. */
export interface Deposit {
  readonly account: string;
  readonly asset: string;
  readonly amount: string;
}

/** Serves the control paths. */
export class ControlPlane {
  readonly #audit: AuditLog;
  readonly #faults: FaultBoard;
  readonly #arm: (fault: Fault) => ArmedFault;
  readonly #mirrors: () => readonly MirrorState[];
  readonly #deposit: (deposit: Deposit) => void;
  readonly #following = new Set<() => void>();

  constructor(options: {
    readonly audit: AuditLog;
    readonly faults: FaultBoard;
    readonly arm: (fault: Fault) => ArmedFault;
    readonly mirrors: () => readonly MirrorState[];
    readonly deposit: (deposit: Deposit) => void;
  }) {
    this.#audit = options.audit;
    this.#faults = options.faults;
    this.#arm = options.arm;
    this.#mirrors = options.mirrors;
    this.#deposit = options.deposit;
  }

  /** Takes one request. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "/", "http://exchange");
    const id = url.searchParams.get("id");
    switch (`${request.method} ${url.pathname}`) {
      case "GET /__audit":
        void this.#sendAudit(response, Number(url.searchParams.get("from") ?? 1), url.searchParams.has("follow"));
        return;
      case "GET /__faults":
        reply(response, 200, this.#faults.list());
        return;
      case "GET /__announcements":
        reply(response, 200, this.#faults.list().filter(isMaintenance).map(announced));
        return;
      case "GET /__mirror":
        reply(response, 200, this.#mirrors());
        return;
      case "POST /__deposits":
        readBody(request, (body) => this.#takeDeposit(body, response));
        return;
      case "DELETE /__faults":
        reply(response, 200, { cleared: this.#faults.clear(id === null ? undefined : Number(id)) });
        return;
      case "POST /__faults":
        readBody(request, (body) => this.#armAll(body, response));
        return;
      default:
        reply(response, 404, {
          error: "GET /__audit, GET /__announcements, GET /__mirror, POST /__deposits, and GET, POST, DELETE /__faults",
        });
    }
  }

  /** Ends what still follows the audit. */
  close(): void {
    for (const stop of this.#following) stop();
  }

  #takeDeposit(body: string, response: ServerResponse): void {
    try {
      const { account, asset, amount } = JSON.parse(body) as Partial<Record<keyof Deposit, unknown>>;
      if (typeof account !== "string" || typeof asset !== "string" || typeof amount !== "string") {
        throw new RangeError('a deposit is {"account", "asset", "amount"}, all texts');
      }
      this.#deposit({ account, asset, amount });
      reply(response, 200, { account, asset, amount });
    } catch (error) {
      reply(response, 400, { error: error instanceof Error ? error.message : String(error) });
    }
  }

  /** Arms one fault, or each of a list; all or none. */
  #armAll(body: string, response: ServerResponse): void {
    let sent: unknown;
    try {
      sent = JSON.parse(body);
    } catch {
      reply(response, 400, { error: "the body is no JSON" });
      return;
    }
    const faults = (Array.isArray(sent) ? sent : [sent]).map(readFault);
    const wrong = faults.find((one) => typeof one === "string");
    if (wrong !== undefined) {
      reply(response, 400, { error: wrong });
      return;
    }
    const armed = faults.map((one) => this.#arm(one as Fault));
    reply(response, 200, Array.isArray(sent) ? armed : armed[0]);
  }

  async #sendAudit(response: ServerResponse, from: number, follows: boolean): Promise<void> {
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    const waiting: string[] = [];
    let isLive = false;
    // Follow first, so that nothing falls between what is there and what comes.
    const stop = follows
      ? this.#audit.follow((lines) => {
          if (isLive) response.write(lines);
          else waiting.push(lines);
        })
      : undefined;
    if (stop !== undefined) {
      const end = (): void => {
        stop();
        this.#following.delete(end);
        response.end();
      };
      this.#following.add(end);
      response.on("close", end);
    }
    for await (const line of this.#audit.lines(from)) response.write(`${line}\n`);
    if (stop === undefined) {
      response.end();
      return;
    }
    for (const lines of waiting) response.write(lines);
    isLive = true;
  }
}

function isMaintenance(fault: ArmedFault): boolean {
  return fault.fault === "maintenance";
}

/** Times in wall ms; no `until`: nobody has said when it ends. */
function announced(fault: ArmedFault): object {
  const { startsAtMs, durationMs, hasBegun, match } = fault;
  return {
    id: fault.id,
    state: hasBegun ? "ongoing" : "scheduled",
    mode: modeOf(fault),
    from: startsAtMs,
    ...(durationMs === undefined ? {} : { until: startsAtMs + durationMs }),
    ...(match.symbol === undefined ? {} : { symbol: match.symbol }),
  };
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
