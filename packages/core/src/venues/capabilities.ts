/**
 * What a venue cannot do, in sentences: what `baton config check` and `baton status` say of the venues in use, and the
 * page of all of them (`packages/venues/CAPABILITIES.md`, written by `scripts/reference`). Made of the profiles alone.
 */
import type { VenueProfile } from "./profile.ts";

/** What Baton cannot do at this venue, or only less well, most important first. */
export function limitsOfVenue(profile: VenueProfile): readonly string[] {
  const sentences: string[] = [];
  if (profile.queryPaths.every((path) => path.by === "list-and-match")) {
    sentences.push("no query by client order id: an order in doubt is looked for in the list of orders");
  }
  if (profile.validity.kind === "fixed") {
    const seconds = profile.validity.maxMs / 1_000;
    sentences.push(`a signed order cannot be made to expire sooner than ${seconds} s: doubt lasts at least as long`);
  }
  if (profile.clientOrderId.uniqueness === "open-only") {
    sentences.push("a client order id is refused again only while its order is open");
  }
  if (profile.clientOrderId.uniqueness === "unknown") {
    sentences.push("it is not documented for how long a client order id is refused again");
  }
  if (profile.accountEvents.tells === "orders") {
    sentences.push("the account stream tells that an order grew, not by which fills: these are read then");
  }
  if (profile.answers.place === "receipt") {
    sentences.push("a placement is answered by a receipt: the order's state is read afterwards");
  }
  if (profile.deadMansSwitch === undefined) sentences.push("no dead man's switch that Baton could set");
  if (!profile.hasSandbox) sentences.push("no test network");
  return sentences;
}

/** The capability matrix of all venues as a page. */
export function capabilityPage(profiles: readonly VenueProfile[]): string {
  const columns = profiles.map((profile) => profile.title);
  const row = (name: string, of: (profile: VenueProfile) => string): string =>
    `| ${name} | ${profiles.map((profile) => of(profile).replaceAll("|", "\\|")).join(" | ")} |`;
  return [
    "# What each venue can do",
    "",
    "Written by `scripts/reference` from `packages/core/src/venues/profiles`; the sources of the numbers stand there.",
    "`venues[].exchange` of the configuration names one of these.",
    "",
    `| | ${columns.join(" | ")} |`,
    `| --- |${columns.map(() => " --- |").join("")}`,
    row("`exchange`", (profile) => `\`${profile.exchange}\``),
    row("market", (profile) => profile.market),
    row("reduce-only orders", ({ market, hasReduceOnly }) => {
      if (hasReduceOnly) return "yes";
      return market === "spot" ? "no: it keeps no positions" : "no";
    }),
    row("client order id", (profile) => `\`${profile.clientOrderId.field}\`: ${profile.clientOrderId.form}`),
    row("the id is refused again", (profile) => uniqueness[profile.clientOrderId.uniqueness]),
    row("a signed order is valid", validityOf),
    row("an order is found by", (profile) =>
      profile.queryPaths
        .map((path) => `${path.name}${path.reach === undefined ? "" : ` (${path.reach})`}`)
        .join("; then "),
    ),
    row("the answer to a placement", (profile) => (profile.answers.place === "state" ? "the order" : "a receipt")),
    row("the answer to a cancel", (profile) => (profile.answers.cancel === "state" ? "the order" : "a receipt")),
    row(
      "replacing an order",
      ({ amendCall }) => `by Baton: cancelled, and placed anew when it has ended; \`${amendCall}\` is not used`,
    ),
    row("fills", ({ accountEvents: { tells, standInEveryMs } }) => {
      const told = tells === "fills" ? "told by the account stream" : "read when the account stream tells of them";
      return `${told}; without a stream the account is read every ${standInEveryMs / 1_000} s`;
    }),
    row("dead man's switch", switchOf),
    row("limits", (profile) =>
      profile.limits
        .map((rule) => `${rule.limit} ${rule.counts} per ${rule.perMs / 1_000} s and ${rule.scope} (${rule.kind})`)
        .join("; "),
    ),
    row("maintenance", (profile) => profile.maintenance),
    row("test network", (profile) => (profile.hasSandbox ? "yes" : "no")),
    row("passphrase", (profile) => (profile.needsPassphrase ? "yes" : "no")),
    "",
    ...profiles.flatMap((profile) => [
      `## ${profile.title}`,
      "",
      "What Baton cannot do here, or only less well:",
      "",
      ...limitsOfVenue(profile).map((sentence) => `- ${sentence}`),
      "",
      "To know:",
      "",
      ...profile.notes.map((note) => `- ${note}`),
      `- Codes that leave an order in doubt by the venue's own word: ${profile.codes.inDoubt.join(", ")}.`,
      "",
    ]),
  ].join("\n");
}

const uniqueness: Readonly<Record<VenueProfile["clientOrderId"]["uniqueness"], string>> = {
  "open-only": "while its order is open",
  forever: "for ever",
  unknown: "not documented",
};

function validityOf({ validity }: VenueProfile): string {
  if (validity.kind === "fixed") return `${validity.maxMs / 1_000} s, fixed (${validity.field})`;
  return `${validity.minMs} to ${validity.maxMs} ms, by ${validity.field}`;
}

function switchOf({ deadMansSwitch }: VenueProfile): string {
  if (deadMansSwitch === undefined) return "none";
  const { call, scope, minMs, maxMs, note } = deadMansSwitch;
  return `${call}, per ${scope}, ${minMs} to ${maxMs} ms; ${note}`;
}
