/** The one journal of the power-loss test, and the order that its intents wish for. */
import { join } from "node:path";
import { decimal, id } from "@baton/core";
import type { BootId, ClusterId, NodeId, OrderTerms, SymbolId, VenueId } from "@baton/core";
import type { JournalOptions } from "@baton/journal";

export const terms: OrderTerms = {
  venue: id<VenueId>("sim"),
  symbol: id<SymbolId>("BTC/USDT"),
  side: "buy",
  type: "limit",
  quantity: decimal("1"),
  price: decimal("100"),
  timeInForce: "GTC",
};

export function optionsOf(folder: string): JournalOptions {
  return {
    file: join(folder, "journal.db"),
    cluster: id<ClusterId>("11111111-1111-4111-8111-111111111111"),
    node: id<NodeId>("a"),
    bootId: id<BootId>("boot-a"),
    create: true,
  };
}
