/**
 * `baton orders`: list, show and cancel. Placing is in `place.ts`, what is done to a parent order in `directions.ts`, to a
 * doubt in `resolve.ts`.
 */
import type { OrderView, OrdersPage, ParentView } from "@baton/core";
import type { Command } from "commander";
import type { BatonClient, OrdersQuery } from "../client.ts";
import { wholeFrom } from "../durations.ts";
import { clientOf, print, withTarget } from "../session.ts";
import { addDirectionCommands } from "./directions.ts";
import { underKey, withKey } from "./keyed.ts";
import { viewText } from "./order-text.ts";
import { endUnlessTakenBack, hasEnded, waitForOrder, withOrderWait } from "./order-wait.ts";
import type { WaitOptions } from "./order-wait.ts";
import { addPlaceCommand } from "./place.ts";
import { addResolveCommand } from "./resolve.ts";
import type { TargetOptions } from "../session.ts";
import { instant, paint, table } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

interface ListOptions extends TargetOptions {
  readonly all?: boolean;
  readonly parent?: string;
  readonly after?: number;
  readonly limit?: number;
}

interface CancelOptions extends TargetOptions, WaitOptions {
  readonly reason?: string;
  readonly id?: string;
  readonly dryRun?: boolean;
}

/** Adds `baton orders`. */
export function addOrdersCommands(program: Command, terminal: Terminal): void {
  const orders = program.command("orders").description("list, show, place and cancel orders");
  withTarget(orders.command("list"))
    .description("orders that may still change; with --all every one there was")
    .option("--all", "ended orders too; without --limit every one there was, page by page to the end")
    .option("--parent <id>", "only the children of a parent order")
    .option("--after <position>", "only orders after this position, which the page before printed", wholeFrom(0))
    .option("--limit <count>", "one page of so many orders", wholeFrom(1))
    .action((options: ListOptions) => list(options, terminal));
  withTarget(orders.command("show"))
    .description("one order with everything that happened to it")
    .argument("<id>", "i-42, or p-1 for a parent order")
    .action(async (id: string, options: TargetOptions) => {
      const view = await (await clientOf(options, terminal)).order(id);
      print(terminal, options, { version: 1, order: view }, () => viewText(view));
    });
  addPlaceCommand(orders, terminal);
  withKey(withOrderWait(withTarget(orders.command("cancel")), "it has ended"))
    .description("ask for the cancel of an order or a parent order")
    .argument("<id>", "i-42 or p-1")
    .option("--reason <text>", "why; it stands on record")
    .option("--dry-run", "show the order, cancel nothing")
    .action((id: string, options: CancelOptions) => cancel(id, options, terminal));
  addDirectionCommands(orders, terminal);
  addResolveCommand(orders, terminal);
}

async function list(options: ListOptions, terminal: Terminal): Promise<void> {
  const client = await clientOf(options, terminal);
  const { all, parent, after, limit } = options;
  const query = {
    ...(all !== undefined && { all }),
    ...(parent !== undefined && { parent }),
    ...(after !== undefined && { after }),
    ...(limit !== undefined && { limit }),
  };
  const page = await client.orders(query);
  const isWhole = all === true && limit === undefined;
  const document = isWhole ? { ...page, orders: await everyOrder(client, query, page), next: null } : page;
  print(terminal, options, document, () => listText(terminal, document));
  if (options.json !== true && document.next !== null) terminal.err(`more: --after ${document.next}`);
}

async function cancel(id: string, options: CancelOptions, terminal: Terminal): Promise<void> {
  const client = await clientOf(options, terminal);
  const isDry = options.dryRun === true;
  terminal.err(
    id.startsWith("p-")
      ? `plan:\n  1. ${id} begins no new slice, and its open children are taken back`
      : `plan:\n  1. the venue is asked to cancel ${id}, until it is known to have ended`,
  );
  const asked = isDry
    ? await client.order(id)
    : await underKey(options, terminal, (key) => client.cancelOrder(id, options.reason, key));
  const isWaiting = options.wait === true && !isDry;
  const view = isWaiting ? await waitForOrder(client, terminal, id, options, hasEnded) : asked;
  print(terminal, options, { version: 1, dryRun: isDry, order: view }, () => viewText(view));
  if (isWaiting) endUnlessTakenBack(view);
}

/** What the first page has, and everything after it. */
async function everyOrder(client: BatonClient, query: OrdersQuery, first: OrdersPage): Promise<OrderView[]> {
  const orders = [...first.orders];
  if (first.next === null) return orders;
  for await (const order of client.everyOrder({ ...query, after: first.next })) orders.push(order);
  return orders;
}

/** Parent orders that work come first: between two of their slices no order would show them. */
function listText(terminal: Terminal, { orders, parents = [] }: OrdersPage): string {
  const parts = [
    ...(parents.length === 0 ? [] : [parentsTable(terminal, parents)]),
    ...(orders.length === 0 ? [] : [ordersTable(terminal, orders)]),
  ];
  return parts.length === 0 ? "no orders." : parts.join("\n\n");
}

function parentsTable(terminal: Terminal, parents: readonly ParentView[]): string {
  return table(
    ["PARENT", "ALGORITHM", "SYMBOL", "SIDE", "QUANTITY", "EXECUTED", "STATUS", "SLICES", "BY"],
    parents.map(({ id, algorithm, executed, status, detail, slices, by }) => [
      ...[id, algorithm.name, algorithm.symbol, algorithm.side, algorithm.quantity, executed],
      (status === "paused" ? paint(terminal, "yellow", status) : status) + (detail === null ? "" : ` (${detail})`),
      `${slices.done}${slices.planned === null ? "" : ` of ${slices.planned}`} done, ${slices.open} open, ${slices.skipped} skipped`,
      by,
    ]),
  );
}

/** To the second: one order after the other has to fit a line. */
function recordedAt(events: OrderView["events"]): string {
  const recorded = events.find((event) => event.kind === "intent.recorded");
  return recorded === undefined ? "–" : `${instant(recorded.atWallMs).slice(0, 19)}Z`;
}

function ordersTable(terminal: Terminal, orders: readonly OrderView[]): string {
  return table(
    [
      "ID",
      "PARENT",
      "SYMBOL",
      "SIDE",
      "TYPE",
      "QUANTITY",
      "PRICE",
      "EXECUTED",
      "STATUS",
      "EPOCH",
      "SENT BY",
      "RECORDED",
    ],
    orders.map(({ id, parent, terms, executed, status, epoch, sentBy, events }) => [
      id,
      parent ?? "–",
      terms.symbol,
      terms.side,
      terms.type,
      terms.quantity,
      terms.price ?? "–",
      executed,
      status === "in-doubt" ? paint(terminal, "yellow", status) : status,
      epoch === null ? "–" : `${epoch}`,
      sentBy ?? "–",
      recordedAt(events),
    ]),
  );
}
