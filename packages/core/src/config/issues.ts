/**
 * What is wrong with a configuration, for the person who wrote it: which key, what is allowed there, one sentence. The
 * shell that knows the file adds the line.
 */

/** Place in the file: keys and list positions from the top. */
export type ConfigPath = readonly (string | number)[];

/** One fault. `path` points at the key to change, `allowed` says what may stand there. */
export interface ConfigIssue {
  readonly path: ConfigPath;
  /** The path as text, such as `venues[0].mode`. */
  readonly key: string;
  readonly allowed: string;
  readonly sentence: string;
  /** True where the key itself is wrong (unknown), not its value. */
  readonly isKeyFault: boolean;
}

/** `["venues", 0, "mode"]` → `venues[0].mode`; the top of the file is `(file)`. */
export function keyText(path: ConfigPath): string {
  if (path.length === 0) return "(file)";
  return path
    .map((step, at) => {
      if (typeof step === "number") return `[${step}]`;
      const word = /^[A-Za-z0-9_-]+$/.test(step) ? step : JSON.stringify(step);
      return at === 0 ? word : `.${word}`;
    })
    .join("");
}

/** An issue with a value, made by a rule between keys. */
export function issueAt(path: ConfigPath, sentence: string, allowed: string): ConfigIssue {
  return { path, key: keyText(path), allowed, sentence, isKeyFault: false };
}
