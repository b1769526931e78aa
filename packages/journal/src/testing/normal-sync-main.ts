/**
 * A preload that breaks the journal's first rule: SQLite is told `synchronous=NORMAL` and the proof of FULL is answered with
 * a lie. The power-loss test has to fail under it; a test that does not would prove nothing.
 */
import Database from "better-sqlite3";

// eslint-disable-next-line typescript/unbound-method -- called with its own receiver below
const pragma = Database.prototype.pragma;

Database.prototype.pragma = function (
  this: Database.Database,
  text: string,
  options?: Database.PragmaOptions,
): unknown {
  if (text === "synchronous = FULL") return pragma.call(this, "synchronous = NORMAL", options);
  return text === "synchronous" ? 2 : pragma.call(this, text, options);
};
