/**
 * Where an archive lies: names and bytes, nothing else. A store is a folder or an S3-compatible bucket; what is put is
 * durable when the call returns, and nothing that is there under a name is ever changed, except `latest.json`. Whether it
 * can be trusted is found out by reading it back.
 */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { Transform } from "node:stream";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** How a store is reached. Secrets are here and in no message. */
export interface ArchiveAccess {
  /** `file:///folder` or `s3://bucket/prefix`. */
  readonly url: string;
  /** Of an S3-compatible service that is not AWS. */
  readonly endpoint?: string;
  readonly region?: string;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
}

export interface ObjectStore {
  /** Durable when it returns. Throws `ArchiveError`. */
  put(name: string, bytes: Buffer): Promise<void>;
  /** The same of a file's content. */
  putFile(name: string, file: string): Promise<void>;
  /** Undefined when there is nothing of this name. Throws `ArchiveError`. */
  read(name: string): Promise<Readable | undefined>;
  /** Names that begin so, in order; those that come later than `after` where it is given. Throws `ArchiveError`. */
  list(prefix: string, after?: string): Promise<readonly string[]>;
  close(): void;
}

/** The archive could not be reached, or does not hold what it should. Passing, unless the sentence says otherwise. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
  readonly code = "archive";
}

/** Opens a store by its URL; the S3 client is loaded only for a bucket. Throws `ArchiveError` for another kind of URL. */
export async function openStore(access: ArchiveAccess): Promise<ObjectStore> {
  if (access.url.startsWith("s3://")) {
    const { BucketStore } = await import("./bucket-store.ts");
    return new BucketStore(access);
  }
  if (access.url.startsWith("file:///")) {
    const { FolderStore } = await import("./folder-store.ts");
    return new FolderStore(access.url);
  }
  throw new ArchiveError(`${access.url} is no archive: it must begin with file:/// or s3://`);
}

/** A whole object in memory; undefined when there is none. */
export async function readWhole(store: ObjectStore, name: string): Promise<Buffer | undefined> {
  const stream = await store.read(name);
  if (stream === undefined) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Reads an object into a file, or only reads it; gives its size and SHA-256. Undefined when there is none. */
export async function readThrough(
  store: ObjectStore,
  name: string,
  toFile?: string,
): Promise<{ readonly bytes: number; readonly sha256: string } | undefined> {
  const stream = await store.read(name);
  if (stream === undefined) return undefined;
  const digest = createHash("sha256");
  let bytes = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      digest.update(chunk);
      bytes += chunk.length;
      done(null, toFile === undefined ? undefined : chunk);
    },
  });
  if (toFile === undefined) await pipeline(stream, counted.resume());
  else await pipeline(stream, counted, createWriteStream(toFile, { flush: true }));
  return { bytes, sha256: digest.digest("hex") };
}
