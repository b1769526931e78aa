/** An archive in a folder, such as a mounted share: each object is a file, put there whole by one rename. */
import { createReadStream } from "node:fs";
import { copyFile, mkdir, open, readdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
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

  async list(prefix: string, after = ""): Promise<readonly string[]> {
    const found: string[] = [];
    const walk = async (folder: string): Promise<void> => {
      for (const entry of await readdir(join(this.#root, folder), { withFileTypes: true })) {
        const name = folder + entry.name;
        if (entry.isDirectory()) {
          const inside = `${name}/`;
          const isAsked = inside.startsWith(prefix) || prefix.startsWith(inside);
          // A folder of a year ago has as many files as there were seconds.
          if (isAsked && (inside > after || after.startsWith(inside))) await walk(inside);
        } else if (entry.isFile() && name.startsWith(prefix) && name > after && !name.endsWith(unfinished)) {
          found.push(name);
        }
      }
    };
    try {
      await walk("");
    } catch (error) {
      if (!isMissing(error)) throw asArchiveError(error);
    }
    return found.toSorted();
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
