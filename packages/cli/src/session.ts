/**
 * What every command starts from: which cluster (`--config FILE` or `--endpoint URL`, several allowed), with which token,
 * and whether a person or a program reads along (`--json`). Options may come from the environment instead
 * (BATON_CONFIG, BATON_ENDPOINT with commas, BATON_TOKEN_FILE, BATON_CA, BATON_CERT, BATON_KEY).
 */
import { accessSync, constants, readFileSync } from "node:fs";
import type { ApiTls } from "@baton/core";
import type { Command } from "commander";
import { BatonClient } from "./client.ts";
import { configProblems, engineDoor } from "./engine-door.ts";
import { CliEnd } from "./exit.ts";
import { readTls } from "./secure-fetch.ts";
import type { ClientTls } from "./secure-fetch.ts";
import type { Terminal } from "./terminal.ts";

/** Options that every command against a cluster takes. */
export interface TargetOptions {
  readonly config?: string;
  readonly endpoint?: readonly string[];
  readonly tokenFile?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly json?: boolean;
}

/** Adds the options of `TargetOptions` to a command. */
export function withTarget(command: Command): Command {
  return withJson(command)
    .option("-c, --config <file>", "the configuration file of a node of the cluster")
    .option("-e, --endpoint <url...>", "URL of a node; several: the next is tried where one does not answer")
    .option("--token-file <file>", "file that holds the bearer token")
    .option("--ca <file>", "authority of the nodes' certificates; default: api.tls of --config, else the machine's own")
    .option("--cert <file>", "client certificate to ask with, instead of a token")
    .option("--key <file>", "key of that certificate");
}

/** Adds `--json`. */
export function withJson(command: Command): Command {
  return command.option("--json", "print one versioned JSON object on stdout");
}

/** The nodes of a cluster and what to ask them with. */
export interface Target {
  readonly endpoints: readonly string[];
  readonly token: string | undefined;
  readonly tls: ClientTls | undefined;
}

/** The client of the cluster that the options or the environment name. */
export async function clientOf(options: TargetOptions, terminal: Terminal): Promise<BatonClient> {
  const { endpoints, token, tls } = await targetOf(options, terminal);
  return new BatonClient({ endpoints, ...(token !== undefined && { token }), ...(tls !== undefined && { tls }) });
}

/** The nodes that the options or the environment name, and the token and certificates for them. */
export async function targetOf(options: TargetOptions, terminal: Terminal): Promise<Target> {
  const environment = terminal.environment;
  const named = environment["BATON_ENDPOINT"]?.split(",").filter((url) => url.trim() !== "");
  const given = options.endpoint ?? (named?.length === 0 ? undefined : named);
  const config = options.config ?? environment["BATON_CONFIG"];
  const tokenFile = options.tokenFile ?? environment["BATON_TOKEN_FILE"];
  const token = tokenFile === undefined ? undefined : readToken(tokenFile);
  const tls = readTls({
    ca: options.ca ?? environment["BATON_CA"],
    cert: options.cert ?? environment["BATON_CERT"],
    key: options.key ?? environment["BATON_KEY"],
  });
  // A URL that was typed goes before a file that happens to be in the environment.
  if (given !== undefined && (options.endpoint !== undefined || options.config === undefined)) {
    const endpoints = given.map(checkedUrl);
    const isSecure = endpoints.some((url) => url.startsWith("https:"));
    const files =
      isSecure && options.config !== undefined ? (await loadConfigOrEnd(options.config)).api.tls : undefined;
    return { endpoints, token, tls: withNodeTls(files, { token, tls }, terminal) };
  }
  if (config === undefined) {
    throw new CliEnd("usage", "which cluster? Give --endpoint URL or --config FILE.", { field: "endpoint" });
  }
  const { api, replication } = await loadConfigOrEnd(config);
  const addresses = [...new Set([api.advertise, ...Object.values(replication.peers)])];
  const scheme = api.tls === undefined ? "http" : "https";
  const endpoints = addresses.map((address) => `${scheme}://${address}`);
  return { endpoints, token, tls: withNodeTls(api.tls, { token, tls }, terminal) };
}

/** What was given, and from a node's file what was not: the authority; for who is nobody else, the node's certificate. */
function withNodeTls(
  files: ApiTls | undefined,
  given: { readonly token: string | undefined; readonly tls: ClientTls | undefined },
  terminal: Terminal,
): ClientTls | undefined {
  if (files === undefined) return given.tls;
  const { caFile: ca, certFile: cert, keyFile: key } = files;
  const own = { ...(given.tls?.ca === undefined && { ca }) };
  if (given.token !== undefined || given.tls?.cert !== undefined) return { ...readTls(own), ...given.tls };
  try {
    accessSync(key, constants.R_OK);
  } catch {
    terminal.err(`${key} cannot be read: asking without a certificate. Give --token-file, or --cert and --key.`);
    return { ...readTls(own), ...given.tls };
  }
  return { ...readTls({ ...own, cert, key }), ...given.tls };
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
export function print<T extends object>(
  terminal: Terminal,
  options: { readonly json?: boolean },
  document: T,
  shown: (document: T) => string,
): void {
  if (options.json !== true) return terminal.out(shown(document));
  if (terminal.document === undefined) terminal.out(JSON.stringify(document));
  else terminal.document(document);
}
