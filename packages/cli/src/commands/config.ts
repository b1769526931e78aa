/** `baton config`: is this file right, and what does it come to with every default filled in. */
import { configWarnings, limitsOfVenue, venueProfiles } from "@baton/core";
import type { Config } from "@baton/core";
import type { Command } from "commander";
import { configProblems, engineDoor } from "../engine-door.ts";
import { CliEnd } from "../exit.ts";
import { loadConfigOrEnd, print, withJson } from "../session.ts";
import { facts } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

interface ConfigOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** Adds `baton config`. */
export function addConfigCommands(program: Command, terminal: Terminal): void {
  const config = program.command("config").description("look at a configuration file");
  withFile(config.command("check"))
    .description("every fault of a file, by line; exit status 78 where there is one")
    .action((file: string | undefined, options: ConfigOptions) =>
      check(fileOf(file, options, terminal), options, terminal),
    );
  withFile(config.command("show"))
    .description("the configuration with every default filled in; secrets are paths")
    .action(async (file: string | undefined, options: ConfigOptions) => {
      const shown = await loadConfigOrEnd(fileOf(file, options, terminal));
      print(terminal, options, { version: 1, config: shown }, () => facts(flat("", shown)));
    });
}

function withFile(command: Command): Command {
  return withJson(command).argument("[file]", "the file").option("-c, --config <file>", "the file");
}

function fileOf(file: string | undefined, options: ConfigOptions, terminal: Terminal): string {
  const chosen = file ?? options.config ?? terminal.environment["BATON_CONFIG"];
  if (chosen === undefined) throw new CliEnd("usage", "which file? Give its path.", { field: "config" });
  return chosen;
}

async function check(file: string, options: ConfigOptions, terminal: Terminal): Promise<void> {
  const engine = await engineDoor();
  let config: Config;
  try {
    config = engine.loadConfig(file);
  } catch (error) {
    const problems = configProblems(error);
    if (problems === undefined) throw error;
    if (options.json !== true) throw new CliEnd("configuration", (error as Error).message);
    print(terminal, options, { version: 1, file, isValid: false, problems, warnings: [] }, () => "");
    throw new CliEnd("configuration", `${file} has ${problems.length} fault(s).`);
  }
  const warnings = [
    ...configWarnings(config).map((warning) => warning.sentence),
    ...secretWarnings(config, (secret) => engine.readSecret(secret)),
  ];
  for (const warning of warnings) terminal.err(`warning: ${warning}`);
  const { cluster, node, leadership, durability } = config;
  print(terminal, options, { version: 1, file, isValid: true, problems: [], warnings }, () =>
    facts([
      ["file", `${file} is good`],
      ["node", `${node.id} of cluster ${cluster.name} (${cluster.nodes.join(", ")})`],
      ["lease", `${leadership.leaseTtlSeconds} s, profile ${leadership.profile}, durability ${durability}`],
      ["venues", config.venues.map((venue) => `${venue.id} (${venue.mode})`).join(", ")],
      ...config.venues.flatMap(({ id, exchange }) =>
        limitsOfVenue(venueProfiles[exchange]).map((sentence) => [`at ${id}`, sentence] as const),
      ),
    ]),
  );
}

/** A secret that cannot be read here may be readable where the node runs: a warning, not a fault. */
function secretWarnings(config: Config, readSecret: (file: string) => { readonly warning?: string }): string[] {
  const files = config.venues.flatMap((venue) => [
    venue.apiKeyFile,
    venue.secretFile,
    ...(venue.passphraseFile === undefined ? [] : [venue.passphraseFile]),
  ]);
  return [...new Set(files)].flatMap((file) => {
    try {
      const { warning } = readSecret(file);
      return warning === undefined ? [] : [warning];
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)];
    }
  });
}

function flat(path: string, value: unknown): (readonly [string, string])[] {
  if (typeof value !== "object" || value === null) return [[path, String(value)]];
  if (Array.isArray(value) && value.every((each) => typeof each !== "object"))
    return [[path, value.join(", ") || "none"]];
  const rows = Object.entries(value).flatMap(([key, inner]) => {
    const step = Array.isArray(value) ? `[${key}]` : path === "" ? key : `.${key}`;
    return flat(`${path}${step}`, inner);
  });
  return rows.length === 0 ? [[path, "none"]] : rows;
}
