/**
 * The last resort of everything that starts processes: a shell that holds one end of a pipe. When the caller ends in
 * whatever way, SIGKILL included, the pipe closes, and the shell kills by pid what is left and removes one folder.
 */
import { spawn } from "node:child_process";

/** Names the processes that must not outlive the caller. */
export interface Guard {
  add(pid: number): void;
  /** The process has ended and its pid may become another's. */
  drop(pid: number): void;
  /** Kills what is left, removes the folder, and ends the guard itself. */
  end(): void;
}

/** A shell that reads "add PID" and "drop PID"; at the end of its input it kills what is left and removes the folder. */
export function startGuard(dir: string | undefined): Guard {
  const script = `
    trap '' INT TERM HUP
    pids=" "
    while read -r verb pid; do
      case "$verb" in
        add) pids="$pids$pid " ;;
        drop) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
      esac
    done
    for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
    [ -z "$1" ] || { sleep 0.2; rm -rf "$1"; }`;
  const guard = spawn("/bin/sh", ["-c", script, "baton-guard", dir ?? ""], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  guard.unref();
  const input = guard.stdin;
  (input as unknown as { unref(): void }).unref();
  input.on("error", () => undefined);
  return {
    add: (pid) => void input.write(`add ${pid}\n`),
    drop: (pid) => void input.write(`drop ${pid}\n`),
    end: () => void input.end(),
  };
}
