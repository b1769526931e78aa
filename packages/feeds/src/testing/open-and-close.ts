/**
 * A program that opens a feed, closes it in the state that its argument names, and then has nothing more to do: it ends by
 * itself, or the feed has left something behind. Prints what is left after the close.
 */
import { id } from "@baton/core";
import type { SymbolId } from "@baton/core";
import { openFeed, openRecorder } from "../index.ts";
import { openScriptedVenue } from "./scripted-venue.ts";

const [state = "backing-off", directory = ""] = process.argv.slice(2);
const venue = await openScriptedVenue(["BTCUSDT"]);
const recorder = openRecorder({ directory });
const feed = openFeed({
  id: "spot",
  venue: "binance",
  symbols: [id<SymbolId>("BTC/USDT")],
  wsUrl: state === "backing-off" ? "ws://127.0.0.1:1" : venue.wsUrl,
  restUrl: venue.restUrl,
  lines: [{}, {}],
  tap: recorder,
  rules: { line: { backoff: { baseMs: 600_000, capMs: 600_000 } } },
  random: () => 0.9,
});
feed.onTrade(() => undefined);
venue.run(20);
while (!feed.status().lines.every((line) => line.state === state)) {
  await new Promise((resolve) => setTimeout(resolve, 5));
}
venue.rest();
await feed.close();
await recorder.close();
await venue.close();
// What is closed is let go of in the next turns; what the feed waits for would come in minutes.
const left = (): readonly string[] =>
  process.getActiveResourcesInfo().filter((one) => !/^(?:PipeWrap|TTYWrap|CloseReq)$/u.test(one));
const closedMono = performance.now();
while (left().length > 0 && performance.now() - closedMono < 10_000) {
  await new Promise((resolve) => setImmediate(resolve));
}
process.stdout.write(JSON.stringify({ state: feed.status().state, left: left() }));
