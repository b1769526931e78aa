/** A preload, for every thread: loads one file of the production code with one rule broken (BATON_BREAK names it). */
import { registerHooks } from "node:module";
import { breaks, broken } from "./breaks.ts";

const rule = breaks[process.env["BATON_BREAK"] ?? ""];

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const { source } = loaded;
    if (rule === undefined || !url.endsWith(`/packages/${rule.file}`) || source === undefined || source === null)
      return loaded;
    const text = typeof source === "string" ? source : Buffer.from(source as Uint8Array).toString();
    return { ...loaded, source: broken(rule, text) };
  },
});
