/**
 * What every command starts from: which cluster (`--config FILE` or `--endpoint URL`, several allowed), with which token,
 * and whether a person or a program reads along (`--json`). Options may come from the environment instead
 * (BATON_CONFIG, BATON_ENDPOINT with commas, BATON_TOKEN_FILE).
 */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { BatonClient } from "./client.ts";
import { configProblems, engineDoor } from "./engine-door.ts";
import { CliEnd } from "./exit.ts";
import type { Terminal } from "./terminal.ts";

/** Options that every command against a cluster takes. */
export interface TargetOptions {
  readonly config?: string;
  readonly endpoint?: readonly string[];
  readonly tokenFile?: string;
  readonly json?: boolean;
}

/** Adds the options of `TargetOptions` to a command. */
export function withTarget(command: Command): Command {
  return withJson(command)
    .option("-c, --config <file>", "the configuration file of a node of the cluster")
    .option("-e, --endpoint <url...>", "URL of a node; several: the next is tried where one does not answer")
    .option("--token-file <file>", "file that holds the bearer token");
}

/** Adds `--json`. */
export function withJson(command: Command): Command {
  return command.option("--json", "print one versioned JSON object on stdout");
}

/** The client of the cluster that the options or the environment name. */
export async function clientOf(options: TargetOptions, terminal: Terminal): Promise<BatonClient> {
  const { endpoints, token } = await targetOf(options, terminal);
  return new BatonClient({ endpoints, ...(token !== undefined && { token }) });
}

/** The nodes that the options or the environment name, and the token for them. */
export async function targetOf(
  options: TargetOptions,
  terminal: Terminal,
): Promise<{ readonly endpoints: readonly string[]; readonly token: string | undefined }> {
  const environment = terminal.environment;
  const named = environment["BATON_ENDPOINT"]?.split(",").filter((url) => url.trim() !== "");
  const given = options.endpoint ?? (named?.length === 0 ? undefined : named);
  const config = options.config ?? environment["BATON_CONFIG"];
  const tokenFile = options.tokenFile ?? environment["BATON_TOKEN_FILE"];
  const token = tokenFile === undefined ? undefined : readToken(tokenFile);
  // A URL that was typed goes before a file that happens to be in the environment.
  if (given !== undefined && (options.endpoint !== undefined || options.config === undefined)) {
    return { endpoints: given.map(checkedUrl), token };
  }
  if (config === undefined) {
    throw new CliEnd("usage", "which cluster? Give --endpoint URL or --config FILE.", { field: "endpoint" });
  }
  const { api, replication } = await loadConfigOrEnd(config);
  const addresses = [api.advertise, ...Object.values(replication.peers)];
  return { endpoints: [...new Set(addresses)].map((address) => `http://${address}`), token };
}

/** The configuration of a file; ends the program with 78 and every fault where it cannot be used. */
export async function loadConfigOrEnd(
  file: string,
): Promise<ReturnType<Awaited<ReturnType<typeof engineDoor>>["loadConfig"]>> {
  const engine = await engineDoor();
  try {
    return engine.loadConfig(file);
  } catch (error) {
    throw configEnd(error) ?? error;
  }
}

/** The end of the program for an error that is a configuration's; undefined for any other. */
export function configEnd(error: unknown): CliEnd | undefined {
  const problems = configProblems(error);
  if (problems === undefined) return undefined;
  const [first] = problems;
  return new CliEnd("configuration", (error as Error).message, first === undefined ? {} : { field: first.key });
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url.href;
  throw new CliEnd("usage", `${text} is not an http or https URL, such as http://10.0.0.1:7070.`, {
    field: "endpoint",
  });
}

function readToken(file: string): string {
  let token: string;
  try {
    token = readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new CliEnd("usage", `the token file cannot be read: ${(error as Error).message}.`, { field: "token-file" });
  }
  if (/^[\x21-\x7E]+$/.test(token)) return token;
  throw new CliEnd("usage", `${file} does not hold one token and nothing else.`, { field: "token-file" });
}

/** Prints a document for a program, or what `shown` makes of it for a person. */
export function print<T>(
  terminal: Terminal,
  options: { readonly json?: boolean },
  document: T,
  shown: (document: T) => string,
): void {
  terminal.out(options.json === true ? JSON.stringify(document) : shown(document));
}
