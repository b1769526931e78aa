/** Loads better-sqlite3 and says which; a process of its own, which may end in whatever way (`examine.ts`). */
import { createRequire } from "node:module";
import Database from "better-sqlite3";

const { version } = createRequire(import.meta.url)("better-sqlite3/package.json") as { readonly version: string };
const db = new Database(":memory:");
const sqlite = String(db.prepare("SELECT sqlite_version()").pluck().get());
db.close();
process.stdout.write(JSON.stringify({ sqlite, library: version }));
