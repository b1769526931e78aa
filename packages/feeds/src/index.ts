/** The one door of feeds: market data over sockets, complete and fresh, or saying that it is not. */
export type { DeliveryStatus } from "./delivery.ts";
export type { FallbackFeed, Provider } from "./fallback-feed.ts";
export { openFallbackFeed } from "./fallback-feed.ts";
export type { FeedRules } from "./feed-rules.ts";
export { feedRules } from "./feed-rules.ts";
export type { FeedOptions } from "./feed-options.ts";
export { openFeed } from "./feed.ts";
export type { LineOptions } from "./lines.ts";
export type { BookView, Feed, FeedChange, FeedStatus, LineStatus, SymbolStatus, Top } from "./market-view.ts";
export { venueProfiles } from "./profiles/profiles.ts";
export type { Player, PlayerReport } from "./tape/player.ts";
export { openPlayer } from "./tape/player.ts";
export type { Recorder, RecorderOptions, RecorderStatus } from "./tape/recorder.ts";
export { openRecorder } from "./tape/recorder.ts";
export type { FeedTap } from "./tape/tap.ts";
export { tapesIn } from "./tape/tape-reader.ts";
export type { World } from "./world.ts";
