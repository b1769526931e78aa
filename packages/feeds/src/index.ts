/** The one door of feeds: market data over sockets, complete and fresh, or saying that it is not. */
export type { DeliveryStatus } from "./delivery.ts";
export type { FeedRules } from "./feed-rules.ts";
export { feedRules } from "./feed-rules.ts";
export type { FeedOptions } from "./feed.ts";
export { openFeed } from "./feed.ts";
export type { LineOptions } from "./lines.ts";
export type { BookView, Feed, FeedChange, FeedStatus, LineStatus, SymbolStatus, Top } from "./market-view.ts";
export type { World } from "./world.ts";
