/** Reads tapes back, line by line, whole or torn. */
import { createReadStream } from "node:fs";
import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import type { TapeHead, TapeRecord } from "./tape-format.ts";
import { partOf, readHead, readRecord } from "./tape-format.ts";

export type TapePart =
  | { readonly type: "head"; readonly head: TapeHead }
  | { readonly type: "record"; readonly record: TapeRecord }
  /** The rest of this file cannot be read. */
  | { readonly type: "torn" };

/** The tapes of a feed in a directory, in their order. */
export async function tapesIn(directory: string, feed: string): Promise<readonly string[]> {
  const names = (await readdir(directory)).filter((name) => partOf(feed, name) !== undefined);
  return names.toSorted().map((name) => join(directory, name));
}

/** What stands on them. Throws for a file that cannot be opened or is no tape. */
export async function* readTapes(files: readonly string[]): AsyncGenerator<TapePart> {
  for (const file of files) {
    await access(file);
    let isFirst = true;
    let rest = "";
    let isTorn = false;
    // The callback is told what the loop below is told; a file that was not closed ends without its checksum.
    const unzipped = pipeline(createReadStream(file), createGunzip(), () => undefined);
    unzipped.setEncoding("utf8");
    try {
      for await (const chunk of unzipped as AsyncIterable<string>) {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          if (isFirst) {
            const head = readHead(line);
            if (head === undefined) throw new NotATape(file);
            isFirst = false;
            yield { type: "head", head };
            continue;
          }
          const record = readRecord(line);
          if (record === undefined) isTorn = true;
          else yield { type: "record", record };
        }
      }
    } catch (error) {
      if (error instanceof NotATape || isFirst) throw error;
      isTorn = true;
    }
    if (isFirst) throw new NotATape(file);
    if (isTorn || rest !== "") yield { type: "torn" };
  }
}

class NotATape extends Error {
  override readonly name = "NotATape";
  readonly code = "not-a-tape";
  constructor(file: string) {
    super(`${file} is no tape of this version`);
  }
}
