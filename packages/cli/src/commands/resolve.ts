/**
 * `baton orders resolve`: an operator's word on an order whose fate the venue cannot tell (any more). The node refuses it
 * while the venue can still prove what became of the order; what is said counts as the truth from then on and stands on
 * record with a name and a reason, so the cluster's name has to be typed.
 */
import { assertNever, resolveRequestSchema } from "@baton/core";
import type { ResolveRequest } from "@baton/core";
import type { Command } from "commander";
import { CliEnd } from "../exit.ts";
import { clientOf, print, withTarget } from "../session.ts";
import type { TargetOptions } from "../session.ts";
import { confirm } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";
import { underKey, withKey } from "./keyed.ts";
import { viewText } from "./order-text.ts";

interface ResolveOptions extends TargetOptions {
  readonly as?: string;
  readonly ended?: boolean;
  readonly venueOrder?: string;
  readonly status?: string;
  readonly executed?: string;
  readonly reason: string;
  readonly id?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly cluster?: string;
  readonly input?: boolean;
}

/** Adds it below `baton orders`. */
export function addResolveCommand(orders: Command, terminal: Terminal): void {
  withKey(withTarget(orders.command("resolve")))
    .description(
      "say what became of an order in doubt that the venue cannot tell about, or end one that it denies; on record, and never undone",
    )
    .argument("<id>", "i-42")
    .option("--as <finding>", "not-accepted, or accepted (then with --venue-order, --status and --executed), or ended")
    .option("--ended", "the venue took the order and denies it now: it has ended; same as --as ended")
    .requiredOption("--reason <text>", "how you know; it stands on record")
    .option("--venue-order <id>", "accepted: the venue's id of the order")
    .option("--status <status>", "accepted: open, filled, cancelled or expired")
    .option("--executed <decimal>", "accepted: how much of it was executed")
    .option("--dry-run", "show the order and what would be recorded")
    .option("--yes", "do not ask (needs --cluster)")
    .option("--cluster <name>", "name of the cluster, for --yes")
    .option("--no-input", "never ask")
    .action((id: string, options: ResolveOptions) => resolve(id, options, terminal));
}

/** What follows from the word. */
function meaning(said: ResolveRequest): string {
  switch (said.as) {
    case "accepted":
      return ` (${said.venueOrderId}, ${said.status}, ${said.executed} executed)`;
    case "not-accepted":
      return "; it may then be placed anew within its time";
    case "ended":
      return "; it takes no room in the limits any more, and is taken back if the venue shows it open again";
    default:
      return assertNever(said, "finding");
  }
}

async function resolve(id: string, options: ResolveOptions, terminal: Terminal): Promise<void> {
  const client = await clientOf(options, terminal);
  const { name } = (await client.cluster()).cluster;
  const { venueOrder: venueOrderId, status, executed, reason } = options;
  if (options.as !== undefined && options.ended === true) {
    throw new CliEnd("usage", "--ended says it already: leave --as out.", { field: "as" });
  }
  const as = options.ended === true ? "ended" : options.as;
  const given = { as, venueOrderId, status, executed, reason, cluster: name };
  const checked = resolveRequestSchema.safeParse(
    Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  );
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new CliEnd("usage", `${issue?.path.join(".") ?? "as"}: ${issue?.message ?? "is wrong"}.`, {
      field: String(issue?.path[0] ?? "as"),
    });
  }
  const before = await client.order(id);
  terminal.err(
    [
      "plan:",
      `  1. ${id} counts as ${as}${meaning(checked.data)}`,
      as === "ended"
        ? "  2. the venue is asked once more, and this is refused unless it denies the order"
        : "  2. this is refused while the venue can still prove what became of it",
    ].join("\n"),
  );
  if (options.dryRun === true) {
    return print(terminal, options, { version: 1, dryRun: true, order: before }, () => viewText(before));
  }
  terminal.err(viewText(before));
  await confirm(terminal, name, options);
  const view = await underKey(options, terminal, (key) => client.resolveOrder(id, checked.data, key));
  print(terminal, options, { version: 1, dryRun: false, order: view }, () => viewText(view));
}
