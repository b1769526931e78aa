/**
 * Turns the content of a configuration file into a `Config`, or into the list of everything that is wrong with it. Input
 * is plain data (a parsed YAML file); nothing is read here. First the shape (`schema.ts`), then the defaults that depend
 * on other keys, then the rules between keys (`rules.ts`): an operator who fixes all issues of one run may meet a second
 * list, never a third.
 */
import { z } from "zod";
import type { ApiConfig, Config, LeadershipConfig, StrategyConfig } from "./config.ts";
import { issueAt, keyText } from "./issues.ts";
import type { ConfigIssue, ConfigPath } from "./issues.ts";
import { profileTimings, ruleIssues } from "./rules.ts";
import { configFileSchema } from "./schema.ts";
import type { ConfigFile } from "./schema.ts";

export type ConfigCheck =
  | { readonly kind: "valid"; readonly config: Config }
  | { readonly kind: "invalid"; readonly issues: readonly ConfigIssue[] };

/** Checks the content of a whole file. `content` is what a YAML parser made of it; null for an empty file. */
export function checkConfig(content: unknown): ConfigCheck {
  const parsed = configFileSchema.safeParse(content ?? {}, { reportInput: true });
  if (!parsed.success) return { kind: "invalid", issues: parsed.error.issues.flatMap((issue) => shapeIssues(issue)) };
  const completed = complete(parsed.data);
  if ("issue" in completed) return { kind: "invalid", issues: [completed.issue] };
  const issues = ruleIssues(completed.config);
  return issues.length === 0 ? { kind: "valid", config: completed.config } : { kind: "invalid", issues };
}

/** What the schema says about a key: its meaning, what is allowed, its default. Undefined where there is no such key. */
export function describeKey(path: ConfigPath): string | undefined {
  const node = schemaNode(path);
  if (node === undefined) return undefined;
  return typeof node["description"] === "string" ? node["description"] : undefined;
}

function complete(file: ConfigFile): { readonly config: Config } | { readonly issue: ConfigIssue } {
  const durability = file.durability ?? (file.cluster.nodes.length >= 3 ? "strict" : undefined);
  if (durability === undefined) {
    return {
      issue: issueAt(
        ["durability"],
        `durability must be chosen with ${file.cluster.nodes.length} node(s): strict stops new orders while the second copy is away, available goes on with one copy.`,
        describeKey(["durability"]) ?? "",
      ),
    };
  }
  const timings = profileTimings[file.leadership.profile];
  const leadership: LeadershipConfig = {
    ...file.leadership,
    leaseTtlSeconds: file.leadership.leaseTtlSeconds ?? timings.leaseTtlSeconds,
    keepaliveMs: file.leadership.keepaliveMs ?? timings.keepaliveMs,
    marginMs: file.leadership.marginMs ?? timings.marginMs,
  };
  const api: ApiConfig = { ...file.api, advertise: file.api.advertise ?? file.api.listen };
  const strategies: StrategyConfig[] = [];
  for (const [at, strategy] of file.strategies.entries()) {
    const venue = strategy.venue ?? (file.venues.length === 1 ? file.venues[0]?.id : undefined);
    if (venue === undefined) {
      return {
        issue: issueAt(
          ["strategies", at, "venue"],
          `strategy ${strategy.id} must name its venue: there are ${file.venues.length}.`,
          `one of ${file.venues.map((each) => each.id).join(", ")}`,
        ),
      };
    }
    strategies.push({ ...strategy, venue });
  }
  const node = { ...file.node, metro: file.node.metro ?? file.node.site };
  return { config: { ...file, node, api, leadership, durability, strategies } };
}

function shapeIssues(issue: z.core.$ZodIssue): ConfigIssue[] {
  const path = issue.path.map((step) => (typeof step === "number" ? step : String(step)));
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(path);
    return issue.keys.map((key) => unknownKey([...path, key], key, known));
  }
  if (issue.code === "invalid_key") {
    const allowed = "the name of a node (a-z, 0-9, -) or a symbol such as BTC/USDT, as the key's place asks";
    return [{ ...issueAt(path, `${keyText(path)} cannot be a key here.`, allowed), isKeyFault: true }];
  }
  const allowed = describeKey(path) ?? "see the configuration reference";
  const isMissing = issue.code === "invalid_type" && issue.input === undefined;
  const sentence = isMissing
    ? `${keyText(path)} is missing.`
    : `${keyText(path)} cannot be ${shown(issue.input)}${numberHint(issue)}.`;
  return [issueAt(path, sentence, allowed)];
}

function unknownKey(path: ConfigPath, key: string, known: readonly string[]): ConfigIssue {
  const near = nearest(key, known);
  const hint = near === undefined ? "" : ` Did you mean ${near}?`;
  const sentence = `${keyText(path)} is not a key that Baton knows.${hint}`;
  return { path, key: keyText(path), allowed: `one of ${known.join(", ")}`, sentence, isKeyFault: true };
}

function numberHint(issue: z.core.$ZodIssue): string {
  if (issue.code !== "invalid_type" || issue.expected !== "string" || typeof issue.input !== "number") return "";
  return ", a bare number: put it in quotes";
}

function shown(input: unknown): string {
  const json = JSON.stringify(input) as string | undefined;
  if (json === undefined) return "empty";
  return json.length > 60 ? `${json.slice(0, 57)}…` : json;
}

/** A known key at most two edits away from what was written. */
function nearest(key: string, known: readonly string[]): string | undefined {
  const ranked = known.map((word) => ({ word, edits: editDistance(key.toLowerCase(), word.toLowerCase()) }));
  const best = ranked.toSorted((a, b) => a.edits - b.edits)[0];
  return best !== undefined && best.edits <= 2 ? best.word : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

// The schema as data, to look descriptions and key names up by path.

type SchemaNode = Readonly<Record<string, unknown>>;
let schemaData: SchemaNode | undefined;

function schemaNode(path: ConfigPath): SchemaNode | undefined {
  schemaData ??= z.toJSONSchema(configFileSchema, { io: "input", unrepresentable: "any" }) as SchemaNode;
  let node: SchemaNode | undefined = schemaData;
  for (const step of path) {
    if (node === undefined) return undefined;
    const properties: unknown = node["properties"];
    if (typeof step === "number") node = asNode(node["items"]);
    else node = asNode(asNode(properties)?.[step]) ?? asNode(node["additionalProperties"]);
  }
  return node;
}

function knownKeys(path: ConfigPath): readonly string[] {
  return Object.keys(asNode(schemaNode(path)?.["properties"]) ?? {});
}

function asNode(value: unknown): SchemaNode | undefined {
  return typeof value === "object" && value !== null ? (value as SchemaNode) : undefined;
}
