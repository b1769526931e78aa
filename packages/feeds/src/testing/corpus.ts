/** Messages in the documented forms, one a line; made from the documents, not captured, since no venue can be reached. */
import { readFileSync } from "node:fs";

/** The messages of a venue. */
export function documentedFrames(venue: "binanceusdm" | "bybit" | "okx" | "coinbase" | "kraken"): readonly string[] {
  const text = readFileSync(new URL(`../${venue}/corpus/documented.jsonl`, import.meta.url), "utf8");
  return text.split("\n").filter((line) => line !== "");
}
