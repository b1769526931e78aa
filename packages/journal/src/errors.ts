/**
 * What can be wrong with a journal or a link, as error classes with a stable `code` and a sentence for the operator.
 * Three of them (`journal-full`, `journal-io`, `journal-corrupt`) end a node's part in the cluster: after one of them
 * nothing is reported durable any more, because a failed fsync leaves no way to know what the disk holds (I20).
 */

export type JournalErrorCode =
  | "node-version"
  | "sqlite-version"
  | "journal-not-durable"
  | "journal-missing"
  | "journal-foreign"
  | "journal-format"
  | "journal-locked"
  | "journal-closed"
  | "journal-full"
  | "journal-io"
  | "journal-corrupt"
  | "journal-forked"
  | "frame-refused"
  | "snapshot-refused";

/** Said no by the machine or by the data. `code` is stable, `message` is the operator's sentence. */
export class JournalError extends Error {
  override readonly name: string = "JournalError";
  readonly code: JournalErrorCode;

  constructor(code: JournalErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Storage failed under a running journal: the node must leave. Reported once; nothing is durable after it. */
export class JournalFailure extends JournalError {
  override readonly name: string = "JournalFailure";
  declare readonly code: "journal-full" | "journal-io" | "journal-corrupt";
}

/** A cut at or below the own commit point was asked for: the journals forked. Never repaired without an operator. */
export class ForkedError extends JournalError {
  override readonly name: string = "ForkedError";
  declare readonly code: "journal-forked";

  constructor(message: string) {
    super("journal-forked", message);
  }
}

/** Why a request to a peer has no answer. `unreachable`: it never left; the others leave its outcome unknown. */
export class RequestError extends Error {
  override readonly name: string = "RequestError";
  readonly code: "unreachable" | "link-lost" | "timed-out" | "failed";

  constructor(code: RequestError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** A file whose records are not what was written is not opened. What an operator does is in the sentence. */
export function corruptAtOpening(file: string, why: string): JournalError {
  const advice =
    `Another node that is in sync holds the same records: move ${file} and its -wal and -shm out of the folder, keep ` +
    "them as evidence, and start this node again; it begins with an empty journal and gets a copy from the leader";
  return new JournalError("journal-corrupt", `${file} is corrupt: ${why}. ${advice}`);
}

/** Names the class of failure that an error of the storage under a running journal means. */
export function asFailure(error: unknown, file: string): JournalFailure {
  if (error instanceof JournalFailure) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const detail = error instanceof Error ? error.message : String(error);
  const failure = failureCode(code);
  const sentence = {
    "journal-full": `the disk under ${file} is full`,
    "journal-io": `reading or writing ${file} failed`,
    "journal-corrupt": `${file} is corrupt`,
  }[failure];
  return new JournalFailure(failure, `${sentence} (${code === "" ? detail : `${code}: ${detail}`})`, { cause: error });
}

function failureCode(code: string): JournalFailure["code"] {
  if (code === "SQLITE_FULL" || code === "ENOSPC" || code === "EDQUOT") return "journal-full";
  if (code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB") return "journal-corrupt";
  return "journal-io";
}
