/**
 * Logs: pino JSON on stdout, one event name per fact. Each line carries node and boot, and the ids of epoch, intent and
 * operation where they apply. Secrets never reach it: configuration holds only their paths.
 */
import type { Logger } from "pino";
import { pino } from "pino";

export type { Logger };

/** Opens the process's log. `level` as in pino: fatal, error, warn, info, debug, trace or silent. */
export function openLog(o: { readonly level: string; readonly node: string; readonly boot: string }): Logger {
  return pino({
    level: o.level,
    base: { node: o.node, boot: o.boot },
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: "sentence",
    formatters: { level: (label) => ({ level: label }) },
    redact: ["secret", "apiKey", "*.secret", "*.apiKey", "authorization", "*.authorization"],
  });
}
