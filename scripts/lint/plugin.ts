/**
 * The lint rules that are Baton's own, as oxlint loads them (`jsPlugins` in .oxlintrc.json and .oxlintrc.layers.json).
 *
 * A rule is here only when oxlint has none that says the same; what its own rules can ban (globals, properties on any
 * receiver) is banned in .oxlintrc.json. test/house/checks.test.ts proves that each of these rules bites.
 */
import type { Plugin } from "@oxlint/plugins";
import { layers } from "./layers.ts";
import { pure } from "./pure.ts";
import { singleRetry } from "./single-retry.ts";

const plugin: Plugin = {
  meta: { name: "baton" },
  rules: { layers, pure, "single-retry": singleRetry },
};

export default plugin;
