/**
 * `baton kill … --direct`: for when nothing answers as it should. It needs neither a leader nor etcd: each node that can be
 * reached is told by itself and writes the kill to its own disk, and the open orders are taken back at the venue with a key
 * of the person's own. Both happen at once; neither waits for the other.
 */
import { killText } from "@baton/core";
import type { KillHereRequest, KillHereView, KillLevel } from "@baton/core";
import { BatonClient } from "../client.ts";
import { durationMs } from "../durations.ts";
import { engineDoor } from "../engine-door.ts";
import type { DirectKillVerdict } from "../engine-door.ts";
import { CliEnd } from "../exit.ts";
import { loadConfigOrEnd, print, targetOf } from "../session.ts";
import type { Target, TargetOptions } from "../session.ts";
import { paint, table } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

/** Beside those of `baton kill`. */
export interface DirectOptions extends TargetOptions {
  readonly reason: string;
  readonly direct?: boolean;
  readonly venueKey?: readonly string[];
  readonly tag?: string;
  readonly everyOrder?: boolean;
  readonly timeout: number;
  readonly dryRun?: boolean;
}

interface NodeVerdict {
  readonly endpoint: string;
  readonly node: string | null;
  /** The kill is on its disk. */
  readonly isTold: boolean;
  readonly isLeader: boolean;
  readonly detail: string;
}

/** How long a node is waited for: one that hangs must not hold up the venue. */
const nodeWithinMs = durationMs("2s");

/** Runs it to its end; ends the program with `not-healthy` where something was left. */
export async function killDirectly(
  level: KillLevel,
  target: string | undefined,
  options: DirectOptions,
  terminal: Terminal,
): Promise<void> {
  const file = options.config ?? terminal.environment["BATON_CONFIG"];
  if (file === undefined)
    throw new CliEnd("usage", "--direct needs --config FILE: it names the venues.", { field: "config" });
  const config = await loadConfigOrEnd(file);
  const keys = keysOf(options.venueKey ?? []);
  const asked = await targetOf(options, terminal);
  const { endpoints } = asked;
  const scope = { level, ...(target !== undefined && { target }) };
  const what = level === "cluster" ? "cluster" : killText({ level: "venue", id: target ?? "" }).replace("venue", level);
  const which =
    options.everyOrder === true ? "every open order, foreign ones too," : "every open order of this cluster";
  terminal.err(
    [
      "plan:",
      `  1. each of ${endpoints.join(", ")} is told of the kill of ${what} and writes it to its disk`,
      level === "strategy"
        ? "  2. nothing is done at the venue: whose strategy's an order is, only a leader knows"
        : `  2. ${which} is taken back at the venue itself`,
    ].join("\n"),
  );
  if (options.dryRun === true) {
    print(terminal, options, { version: 1, dryRun: true, ...scope, endpoints }, () => "nothing was done.");
    return;
  }
  const request: KillHereRequest = { ...scope, reason: options.reason, atWallMs: Date.now() };
  const told = Promise.all(endpoints.map((endpoint) => tell(endpoint, asked, request)));
  const engine = await engineDoor();
  // The tag is worth the short wait: with it no order of another cluster on the account is touched.
  const tag = options.tag ?? (await told).find((each) => each.tag !== null)?.tag ?? undefined;
  const venues = await engine.killDirect({
    config,
    ...scope,
    keys,
    ...(tag !== undefined && { tag }),
    everyOrder: options.everyOrder === true,
    withinMs: options.timeout,
    say: (sentence) => terminal.err(sentence),
  });
  const nodes = (await told).map(({ verdict }) => verdict);
  print(terminal, options, { version: 1, ...scope, nodes, venues }, () => verdictText(terminal, nodes, venues));
  const open = venues.filter(({ left }) => left === null || left.length > 0);
  if (open.length > 0)
    throw new CliEnd(
      "not-healthy",
      `orders may still be open at ${open.map(({ venue }) => venue).join(", ")}: repeat it.`,
    );
  if (!nodes.some(({ isTold }) => isTold))
    throw new CliEnd("not-healthy", "no node was told: whatever leads may place new orders. Repeat it.");
}

async function tell(
  endpoint: string,
  { token, tls }: Target,
  request: KillHereRequest,
): Promise<{ readonly verdict: NodeVerdict; readonly tag: string | null }> {
  const client = new BatonClient({
    endpoints: [endpoint],
    requestTimeoutMs: nodeWithinMs,
    ...(token !== undefined && { token }),
    ...(tls !== undefined && { tls }),
  });
  try {
    const view: KillHereView = await client.killHere(request);
    const detail = view.isLeader ? "on its disk; it leads and stops" : "on its disk";
    return { verdict: { endpoint, node: view.node, isTold: true, isLeader: view.isLeader, detail }, tag: view.tag };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { verdict: { endpoint, node: null, isTold: false, isLeader: false, detail }, tag: null };
  }
}

/** `venue=apiKeyFile,secretFile`. */
function keysOf(
  given: readonly string[],
): Readonly<Record<string, { readonly apiKeyFile: string; readonly secretFile: string }>> {
  return Object.fromEntries(
    given.map((text) => {
      const [, venue, apiKeyFile, secretFile] = /^([^=]+)=([^,]+),([^,]+)$/.exec(text) ?? [];
      if (venue === undefined || apiKeyFile === undefined || secretFile === undefined)
        throw new CliEnd("usage", `${text} is no VENUE=API-KEY-FILE,SECRET-FILE.`, { field: "venue-key" });
      return [venue, { apiKeyFile, secretFile }];
    }),
  );
}

function verdictText(terminal: Terminal, nodes: readonly NodeVerdict[], venues: readonly DirectKillVerdict[]): string {
  const nodeRows = nodes.map(({ endpoint, node, isTold, detail }) => [
    node ?? endpoint,
    isTold ? paint(terminal, "green", "told") : paint(terminal, "red", "not told"),
    detail,
  ]);
  const venueRows = venues.map(({ venue, cancelled, left, lastCancelMs, why }) => [
    venue,
    `${cancelled.length}`,
    left === null ? paint(terminal, "red", "unknown") : `${left.length}`,
    lastCancelMs === null ? "–" : `${lastCancelMs} ms`,
    why ?? "",
  ]);
  return [
    table(["NODE", "KILL", ""], nodeRows),
    table(["VENUE", "TAKEN BACK", "STILL OPEN", "LAST ANSWER AFTER", ""], venueRows),
  ].join("\n\n");
}
