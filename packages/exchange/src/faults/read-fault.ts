/** From what a test or drill sends to a `Fault`, or to a sentence that names what is wrong with it. */
import { MODES, POINTS, type Fault, type FaultName, type FaultPoint } from "./fault.ts";

const NUMBERS = [
  "count",
  "probability",
  "share",
  "delayMs",
  "durationMs",
  "startsInMs",
  "status",
  "span",
  "percent",
  "retryAfterSeconds",
  "closeCode",
  "lifeMs",
  "agedMs",
  "skewMs",
  "driftPpm",
];
const MATCHES = ["apiKey", "account", "call", "symbol", "side", "source", "stream"];

/** What a fault cannot do without. */
const NEEDS: Partial<Record<FaultName, string>> = {
  "accept-late": "delayMs",
  "query-lag": "delayMs",
  "stale-snapshot": "delayMs",
  "stream-slow": "delayMs",
  "life-cut": "lifeMs",
  "time-jump": "agedMs",
};

/** A `Fault` from parsed JSON, or a sentence that names what is wrong. */
export function readFault(value: unknown): Fault | string {
  if (!isRecord(value)) return "a fault is a JSON object";
  const name = value["fault"];
  if (typeof name !== "string" || !Object.hasOwn(POINTS, name)) {
    return `"fault" must be one of ${Object.keys(POINTS).join(", ")}`;
  }
  const points: readonly FaultPoint[] = POINTS[name as FaultName];
  const point = value["point"] ?? points[0];
  if (!points.some((one) => one === point)) return `"${name}" can strike at ${points.join(" or ")}`;
  const match = value["match"] ?? {};
  if (!isRecord(match)) return `"match" is an object`;
  for (const [key, one] of Object.entries(match)) {
    if (!MATCHES.includes(key) || typeof one !== "string")
      return `"match.${key}" must be one of ${MATCHES.join(", ")}, a text`;
  }
  for (const [key, one] of Object.entries(value)) {
    if (key === "fault" || key === "point" || key === "match") continue;
    if (key === "body" || key === "mode") {
      if (typeof one !== "string") return `"${key}" is a text`;
    } else if (!NUMBERS.includes(key)) return `"${key}" is not known`;
    else if (typeof one !== "number" || !Number.isFinite(one)) return `"${key}" is a number`;
    else if (key === "percent" && (one <= 0 || one > 100)) return `"percent" is above 0 and at most 100`;
    else if ((key === "probability" || key === "share") && (one < 0 || one > 1)) return `"${key}" is between 0 and 1`;
  }
  return wrongPart(name as FaultName, value) ?? ({ ...value, point, match } as unknown as Fault);
}

function wrongPart(name: FaultName, value: Readonly<Record<string, unknown>>): string | undefined {
  const needed = NEEDS[name];
  if (needed !== undefined && value[needed] === undefined) return `"${name}" needs "${needed}"`;
  if (name === "clock-skew" && value["skewMs"] === undefined && value["driftPpm"] === undefined) {
    return `"clock-skew" needs "skewMs" or "driftPpm"`;
  }
  if (name === "black-hole" && (value["match"] as { source?: unknown } | undefined)?.source === undefined) {
    return `"black-hole" needs "match.source": else nobody could clear it`;
  }
  const { mode, closeCode } = value;
  const modes: readonly string[] = MODES[name] ?? [];
  if (mode !== undefined && !modes.includes(mode as string)) {
    return modes.length === 0 ? `"${name}" has no "mode"` : `"mode" is one of ${modes.join(", ")}`;
  }
  if (typeof closeCode === "number" && !isSendable(closeCode)) return `"closeCode" ${closeCode} cannot be sent`;
  if (name !== "venue-down" || mode !== "refuse") return undefined;
  if (value["durationMs"] === undefined) return `"refuse" needs "durationMs": nobody could clear it`;
  return value["match"] === undefined ? undefined : `"refuse" cannot match: it is the whole venue`;
}

/** RFC 6455 §7.4: the codes that a close frame may carry; 1006 stands for none at all. */
function isSendable(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  return (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005) || (code >= 3000 && code <= 4999);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
