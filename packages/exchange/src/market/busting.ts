/** What a trade that is taken back moves. Pure. */
import type { Trade, TradeShare } from "../matching/order.ts";

/** What giving a trade back moves: the account's side of it, with its commission. */
export function undone(
  trade: Trade,
  share: TradeShare,
  assets: { readonly base: string; readonly quote: string },
): {
  readonly returns: { readonly asset: string; readonly amount: bigint };
  readonly gets: { readonly asset: string; readonly amount: bigint };
} {
  const isBuyer = trade.buyer === share;
  const [base, quote] = [
    { asset: assets.base, amount: trade.quantity },
    { asset: assets.quote, amount: trade.quote },
  ];
  const [received, paid] = isBuyer ? [base, quote] : [quote, base];
  return { returns: { ...received, amount: received.amount - share.commission }, gets: paid };
}
