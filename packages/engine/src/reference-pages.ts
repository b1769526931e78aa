/**
 * The pages that are made of the code and not written: the OpenAPI document, refusal codes, metrics, exit statuses, the
 * configuration, the alert rules. A committed copy stands in `packages/engine/reference`; `scripts/reference` writes it, and a test fails
 * when it says something else than the code.
 */
import { stringify } from "yaml";
import {
  alerts,
  apiProblemCodes,
  capabilityPage,
  configKeys,
  doctorChecks,
  exitTable,
  openApiDocument,
  promotabilityCodes,
  refusalCodes,
  rejoinStates,
  runbookUrl,
  venueProfiles,
} from "@baton/core";
import { openMetrics } from "./metrics.ts";

/** File name → content, not formatted. */
export function referencePages(version: string): ReadonlyMap<string, string> {
  return new Map([
    ["openapi.json", JSON.stringify(openApiDocument(version))],
    ["refusal-codes.md", refusalPage()],
    ["promotability.md", promotabilityPage()],
    ["rejoin-states.md", rejoinPage()],
    ["metrics.md", metricsPage()],
    ["exit-codes.md", exitPage()],
    ["doctor-checks.md", doctorPage()],
    ["configuration.md", configurationPage()],
    // Beside the code that it speaks of.
    ["../../venues/CAPABILITIES.md", capabilityPage(Object.values(venueProfiles))],
    ["../../../infra/alerts/baton.rules.yaml", alertRulesPage()],
  ]);
}

const made = "This page is made of the code by `scripts/reference`.";

function refusalPage(): string {
  const risk = Object.entries(refusalCodes).map(([code, { sentence, isPassing }]) => [
    `\`${code}\``,
    sentence,
    isPassing ? "yes" : "no",
  ]);
  const api = Object.entries(apiProblemCodes).map(([code, { statuses, means }]) => [`\`${code}\``, statuses, means]);
  return page("Refusal codes", [
    "Every refusal over HTTP is a problem document (RFC 9457) with a `code` that keeps its meaning. A code of risk comes with status 422, or as 503 `refused` where there is nobody who could record anything at the moment.",
    "## Risk\n\nNothing was recorded. _Passes_: the same order may be taken a moment later without anybody changing a limit.",
    table(["Code", "Means", "Passes"], risk),
    "## The API itself",
    table(["Code", "Status", "Means"], api),
  ]);
}

function promotabilityPage(): string {
  const whom = {
    everyone: "everyone",
    automatic: "takeovers by itself; an operator may name the node with `--to`",
    "while-better": "nobody; it lets the better one go first for a moment",
  } as const;
  const rows = Object.entries(promotabilityCodes).map(([code, { bars, means }]) => [`\`${code}\``, means, whom[bars]]);
  return page("Promotability", [
    "Why a node is not promoted. The election, a switchover, `baton status`, `baton explain node` and `GET /promotability` ask the same function; `baton_promotable` has the code as its label.",
    table(["Code", "Means", "Bars"], rows),
  ]);
}

function doctorPage(): string {
  const rows = Object.entries(doctorChecks).map(([code, looks]) => [`\`${code}\``, looks]);
  return page("Checks of the doctor", [
    "What `baton doctor --config FILE` looks at, with the node running or not. Each finding has a `code`, the `result` (`ok`, `warning`, `failure`, `skipped`), a sentence with the number that was read and the limit, and `advice` where it is not well. With `--json` they are in `findings` of the one object, beside `verdict` and `counts`. Exit status 0: no failure, whatever the warnings; 4: a failure; 78: the configuration cannot be used. The first live start of a node asks for the same, without a failure.",
    table(["Code", "Well when"], rows),
  ]);
}

function rejoinPage(): string {
  const needs = {
    nothing: "nothing",
    patience: "patience: it ends by itself",
    operator: "an operator",
    page: "an operator, now",
  } as const;
  const rows = Object.entries(rejoinStates).map(([state, each]) => [
    `\`${state}\``,
    each.means,
    needs[each.needs],
    each.action,
  ]);
  return page("How two journals come together again", [
    "What a leader makes of a standby's journal when it says hello. `GET /cluster` shows the state of each standby as its leader sees it, the log and `baton status` use the same words.",
    table(["State", "Means", "Needs", "Do"], rows),
  ]);
}

function metricsPage(): string {
  const { registry } = openMetrics(() => {
    throw new Error("the page reads names, not values");
  });
  // prom-client keeps type and labels where its types do not show them.
  const metrics = registry.getMetricsAsArray() as unknown as readonly {
    readonly name: string;
    readonly help: string;
    readonly labelNames: readonly string[];
    readonly constructor: { readonly name: string };
  }[];
  const rows = metrics
    .map(({ name, help, labelNames, constructor }) => [
      `\`${name}\``,
      constructor.name.toLowerCase(),
      labelNames.filter((label) => label !== "le").join(", "),
      help,
    ])
    .toSorted(([a = ""], [b = ""]) => (a < b ? -1 : 1));
  return page("Metrics", [
    "What `GET /metrics` of every node gives, in base units.",
    table(["Name", "Type", "Labels", "Says"], rows),
  ]);
}

function exitPage(): string {
  const rows = exitTable.map(({ name, status, means }) => [`${status}`, name, means]);
  return page("Exit statuses", [
    "How `baton` ends. A number never changes its meaning.",
    table(["Status", "Name", "Means"], rows),
  ]);
}

function configurationPage(): string {
  const rows = configKeys().map(({ key, says, isRequired }) => [`\`${key}\``, says, isRequired ? "yes" : ""]);
  return page("Configuration", [
    "Every key of a node's file. `[]` stands for each entry of a list, `<name>` for each key of a map. `baton config check FILE` tells what is wrong with a file, with the line; commented examples are in `infra/config`.",
    table(["Key", "Says", "Required"], rows),
  ]);
}

/** A file for `rule_files` of Prometheus. */
function alertRulesPage(): string {
  const rules = Object.entries(alerts).flatMap(([alert, { severity, means, action, runbook, rule }]) =>
    rule === undefined
      ? []
      : [
          {
            alert,
            expr: rule.expr,
            for: `${rule.forSeconds}s`,
            labels: { severity },
            annotations: { summary: means, description: action, runbook_url: runbookUrl(runbook) },
          },
        ],
  );
  const head = [
    "# Made of the code by `scripts/reference`: what each alert means is in packages/core/src/admin/alerts.ts.",
    "# Scrape and evaluate each second where an alert has to come within five. A label `cluster` on the scrape tells several",
    "# clusters apart; `absent` then watches for the last of them: give each cluster a file of its own, or a Prometheus.",
  ].join("\n");
  return `${head}\n${stringify({ groups: [{ name: "baton", rules }] }, { lineWidth: 0 })}`;
}

function page(title: string, parts: readonly string[]): string {
  return [`# ${title}`, made, ...parts].join("\n\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
