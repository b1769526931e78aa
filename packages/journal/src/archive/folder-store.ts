/** An archive in a folder, such as a mounted share: each object is a file, put there whole by one rename. */
import { createReadStream } from "node:fs";
import { copyFile, mkdir, open, readdir, rename } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { ArchiveError } from "./object-store.ts";
import type { ObjectStore } from "./object-store.ts";

const unfinished = ".part";

export class FolderStore implements ObjectStore {
  readonly #root: string;

  constructor(url: string) {
    this.#root = fileURLToPath(url);
  }

  put(name: string, bytes: Buffer): Promise<void> {
    return this.#place(name, async (part) => {
      await using file = await open(part, "w");
      await file.writeFile(bytes);
      await file.sync();
    });
  }

  putFile(name: string, from: string): Promise<void> {
    return this.#place(name, async (part) => {
      await copyFile(from, part);
      await using file = await open(part, "r+");
      await file.sync();
    });
  }

  async read(name: string): Promise<Readable | undefined> {
    const stream = createReadStream(join(this.#root, name));
    try {
      await new Promise((resolve, reject) => {
        stream.once("open", resolve);
        stream.once("error", reject);
      });
      return stream;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw asArchiveError(error);
    }
  }

  async list(prefix: string): Promise<readonly string[]> {
    try {
      const found = await readdir(this.#root, { recursive: true, withFileTypes: true });
      return found
        .filter((entry) => entry.isFile() && !entry.name.endsWith(unfinished))
        .map((entry) => relative(this.#root, join(entry.parentPath, entry.name)).replaceAll(sep, "/"))
        .filter((name) => name.startsWith(prefix))
        .toSorted();
    } catch (error) {
      if (isMissing(error)) return [];
      throw asArchiveError(error);
    }
  }

  close(): void {
    // A folder needs no farewell.
  }

  async #place(name: string, write: (part: string) => Promise<void>): Promise<void> {
    const file = join(this.#root, name);
    try {
      await mkdir(dirname(file), { recursive: true });
      await write(file + unfinished);
      await rename(file + unfinished, file);
      await using folder = await open(dirname(file), "r");
      await folder.sync();
    } catch (error) {
      throw asArchiveError(error);
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function asArchiveError(error: unknown): ArchiveError {
  return new ArchiveError(error instanceof Error ? error.message : String(error), { cause: error });
}
