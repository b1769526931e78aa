/** The venues' sequence rules, the readers of their messages, and the book that is kept by them. */
export {
  binanceFuturesSequence,
  readBinanceFuturesDifference,
  readBinanceFuturesSnapshot,
  type BinanceFuturesHeld,
  type BinanceFuturesMark,
} from "./binance-futures.ts";
export {
  binanceSpotSequence,
  readBinanceSpotDifference,
  readBinanceSpotSnapshot,
  type BinanceSpotHeld,
  type BinanceSpotMark,
} from "./binance-spot.ts";
export { bybitSequence, readBybitBook, type BybitHeld, type BybitMark } from "./bybit.ts";
export { coinbaseSequence, readCoinbaseMessage, type CoinbaseHeld, type CoinbaseMark } from "./coinbase.ts";
export {
  krakenChecksum,
  krakenSequence,
  parseKraken,
  readKrakenBook,
  type KrakenDecimals,
  type KrakenHeld,
  type KrakenMark,
} from "./kraken.ts";
export { okxSequence, readOkxBook, readOkxSnapshot, type OkxHeld, type OkxMark } from "./okx.ts";
export { feedBook, loseBook, newSequencedBook, type SequencedBook } from "./sequenced-book.ts";
export type { BookFrame, JudgedFrame, ReadFrame, FrameVerdict, VenueSequence } from "./venue-sequence.ts";
