/**
 * The alert rules: each reads metrics that there are, fires on what it is for and on nothing else, begins a runbook that
 * there is; and when every series has gone, somebody is woken.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { alerts, runbookUrl } from "@baton/core";
import { describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { cases, well } from "./testing/alert-cases.ts";
import type { Shown } from "./testing/alert-cases.ts";
import { firing, metricsIn, parse } from "./testing/prom-rules.ts";
import type { Rule, Series } from "./testing/prom-rules.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");
const file = parseYaml(read("infra/alerts/baton.rules.yaml")) as {
  readonly groups: readonly { readonly rules: readonly (Rule & { readonly annotations: Record<string, string> })[] }[];
};
const rules = file.groups.flatMap((group) => group.rules);

/** A series of the cases, read. */
function seriesOf(notation: string, values: string): Series {
  const [, name = "", inside = ""] = /^([a-z_]+)\{(.*)\}$/.exec(notation) ?? [];
  const labels = Object.fromEntries(
    [...inside.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, label, value]) => [label, value]),
  );
  const rising = /^(\d+)\+(\d+)$/.exec(values);
  const turning = /^(\S+)\.\.(\S+)@(\d+)$/.exec(values);
  const valueAt = (second: number): number => {
    if (rising !== null) return Number(rising[1]) + Number(rising[2]) * second;
    if (turning !== null) return Number(second < Number(turning[3]) ? turning[1] : turning[2]);
    return Number(values);
  };
  return { name, labels, at: (second) => (values === "" ? undefined : valueAt(second)) };
}

const worldOf = (shown: Shown): readonly Series[] =>
  Object.entries({ ...well, ...shown }).map(([notation, values]) => seriesOf(notation, values));

describe("the alert rules", () => {
  test.each(cases)("$name: $fires", ({ shown, atSecond, fires }) => {
    expect(firing(rules, worldOf(shown), atSecond)).toEqual(fires);
  });

  test("are those of the table that have a rule, and each has a case in which it fires", () => {
    const ruled = Object.entries(alerts).filter(([, alert]) => alert.rule !== undefined);
    expect(rules.map((rule) => rule.alert)).toEqual(ruled.map(([name]) => name));
    expect(new Set(cases.flatMap((each) => each.fires))).toEqual(new Set(rules.map((rule) => rule.alert)));
  });

  test("read only metrics that a node shows", () => {
    const page = read("packages/engine/reference/metrics.md");
    const known = new Map([...page.matchAll(/^\| `(baton_\w+)`\s+\| (\w+)/gm)].map(([, name, type]) => [name, type]));
    expect(known.size).toBeGreaterThan(30);
    const named = rules.flatMap((rule) => metricsIn(rule.expr));
    const unknown = named.filter((name) => {
      const histogram = /^(.*)_bucket$/.exec(name)?.[1];
      return histogram === undefined ? !known.has(name) : known.get(histogram) !== "histogram";
    });
    expect(unknown).toEqual([]);
  });

  test("wake a person when no node can be seen any more", () => {
    const gone = firing(rules, [], 40);
    expect(gone.filter((name) => alerts[name as keyof typeof alerts].severity === "critical")).not.toEqual([]);
  });
});

describe("each alert", () => {
  test.each(Object.entries(alerts))(
    "%s is told by a rule or a node, and begins a runbook that there is",
    (_name, alert) => {
      expect(alert.rule !== undefined || alert.edge !== undefined).toBe(true);
      const page = `runbooks/${alert.runbook.page}.md`;
      expect(existsSync(join(root, page))).toBe(true);
      expect(read(page).split("\n")).toContain(`## ${alert.runbook.heading}`);
      expect(runbookUrl(alert.runbook).startsWith(`${page}#`)).toBe(true);
    },
  );

  test("has its name in the runbook that it begins, and each runbook of a failure is begun by one", () => {
    const pages = readdirSync(join(root, "runbooks")).map((name) => name.replace(".md", ""));
    const begun = new Set<string>(Object.values(alerts).map((alert) => alert.runbook.page));
    expect(pages.filter((page) => !begun.has(page))).toEqual(["planned-switchover"]);
    const unnamed = Object.entries(alerts).filter(
      ([name, { runbook }]) => !read(`runbooks/${runbook.page}.md`).includes(name),
    );
    expect(unnamed.map(([name]) => name)).toEqual([]);
  });
});

describe("the reader of rules", () => {
  test("knows what it does not know", () => {
    for (const expr of [
      "foo > 1",
      "baton_leader offset 5m",
      'baton_leader{a=~"x"}',
      "baton_leader > bool 1",
      "sum(baton_leader)",
    ]) {
      expect(() => parse(expr)).toThrow(/./);
    }
  });
});
