/**
 * `baton completion`: what a shell needs to complete the words of a command line. It is made of the commands themselves,
 * as a table from each command to the words that may follow it, so that nothing is asked of a cluster while somebody types.
 */
import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import type { Terminal } from "../terminal.ts";

const shells = ["bash", "zsh", "fish"] as const;
type Shell = (typeof shells)[number];

/** Adds `baton completion`. */
export function addCompletionCommand(program: Command, terminal: Terminal): void {
  program
    .command("completion")
    .description('words for a shell to complete, such as: eval "$(baton completion bash)"')
    .argument("<shell>", shells.join(", "), shellOf)
    .action((shell: Shell) => terminal.out(scripts[shell](rowsOf(program, []))));
}

/** A command, by its words after `baton`, and what may follow it: commands below it, values of its arguments, options. */
interface Row {
  readonly path: string;
  readonly words: readonly string[];
}

function rowsOf(command: Command, path: readonly string[]): readonly Row[] {
  const below = command.commands.filter((each) => each.name() !== "help");
  const words = [
    ...below.map((each) => each.name()),
    ...command.registeredArguments.flatMap(({ description }) => valuesIn(description)),
    ...command.options.flatMap(({ long }) => long ?? []),
    "--help",
  ];
  return [{ path: path.join(" "), words }, ...below.flatMap((each) => rowsOf(each, [...path, each.name()]))];
}

/** An argument that takes one of a few words is described by them: `on, observe, off`. */
function valuesIn(description: string): readonly string[] {
  return /^[a-z-]+(, [a-z-]+)+$/.test(description) ? description.split(", ") : [];
}

function shellOf(text: string): Shell {
  const shell = shells.find((each) => each === text);
  if (shell === undefined) throw new InvalidArgumentError(`Write ${shells.join(", ")}.`);
  return shell;
}

/**
 * Each finds the command that is being typed by the words before the cursor that are commands, and offers what its row says;
 * where nothing of that fits, files, since most options with a value take one. bash 3.2 (macOS) has no associative arrays.
 */
const scripts: Readonly<Record<Shell, (rows: readonly Row[]) => string>> = {
  bash: (rows) => `_baton() {
  local path="" word known
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    known="\${path:+$path }$word"
    case "$known" in
      ${pathPattern(rows)}) path="$known" ;;
    esac
  done
  local words=""
  case "$path" in
${rows.map(({ path, words }) => `    ${quoted(path)}) words=${quoted(words.join(" "))} ;;`).join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _baton baton`,
  zsh: (rows) => `#compdef baton
_baton() {
  local at="" word known
  local -a offered
  for word in "\${(@)words[2,CURRENT-1]}"; do
    known="\${at:+$at }$word"
    case "$known" in
      ${pathPattern(rows)}) at="$known" ;;
    esac
  done
  case "$at" in
${rows.map(({ path, words }) => `    ${quoted(path)}) offered=(${words.map((word) => quoted(word)).join(" ")}) ;;`).join("\n")}
  esac
  compadd -a offered || _files
}
compdef _baton baton`,
  fish: (rows) => `function __baton_at
    set -l at ""
    for word in (commandline -opc)[2..-1]
        set -l known (string trim -- "$at $word")
        switch "$known"
            case ${rows.flatMap(({ path }) => (path === "" ? [] : [quoted(path)])).join(" ")}
                set at "$known"
        end
    end
    test "$at" = "$argv[1]"
end
${rows.map(({ path, words }) => `complete -c baton -n ${quoted(`__baton_at ${quoted(path)}`, '"')} -a ${quoted(words.join(" "))}`).join("\n")}`,
};

function pathPattern(rows: readonly Row[]): string {
  return rows.flatMap(({ path }) => (path === "" ? [] : [quoted(path)])).join("|");
}

/** Names of commands and options hold no quotes. */
function quoted(text: string, mark = "'"): string {
  return `${mark}${text}${mark}`;
}
