/**
 * An archive in an S3-compatible bucket. Only four calls are used (put, get, list, and none that deletes), so that a key
 * with no more rights than these is enough, and so that services that are not AWS do. The client's own retries stay on:
 * putting the same bytes twice is harmless.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import {
  GetObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import type { S3ClientConfig } from "@aws-sdk/client-s3";
import { ArchiveError } from "./object-store.ts";
import type { ArchiveAccess, ObjectStore } from "./object-store.ts";

const usualRegion = "us-east-1";
const requestMs = 60_000;

export class BucketStore implements ObjectStore {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(access: ArchiveAccess) {
    const { host, pathname } = new URL(access.url);
    if (host === "") throw new ArchiveError(`${access.url} names no bucket`);
    this.#bucket = host;
    const path = pathname.replace(/^\/+|\/+$/gu, "");
    this.#prefix = path === "" ? "" : `${path}/`;
    this.#client = new S3Client(clientConfig(access));
  }

  async put(name: string, bytes: Buffer): Promise<void> {
    await this.#ask(() =>
      this.#client.send(
        new PutObjectCommand({ Bucket: this.#bucket, Key: this.#key(name), Body: bytes, ContentLength: bytes.length }),
        { abortSignal: AbortSignal.timeout(requestMs) },
      ),
    );
  }

  async putFile(name: string, file: string): Promise<void> {
    const { size } = await stat(file);
    await this.#ask(() =>
      this.#client.send(
        new PutObjectCommand({
          Bucket: this.#bucket,
          Key: this.#key(name),
          Body: createReadStream(file),
          ContentLength: size,
        }),
      ),
    );
  }

  async read(name: string): Promise<Readable | undefined> {
    try {
      const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: this.#key(name) }));
      return Body as Readable | undefined;
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined;
      throw this.#asArchiveError(error);
    }
  }

  async list(prefix: string, after?: string): Promise<readonly string[]> {
    const names: string[] = [];
    let token: string | undefined;
    do {
      const page = await this.#ask(() =>
        this.#client.send(
          new ListObjectsV2Command({
            Bucket: this.#bucket,
            Prefix: this.#key(prefix),
            ...(after !== undefined && { StartAfter: this.#key(after) }),
            ...(token !== undefined && { ContinuationToken: token }),
          }),
          { abortSignal: AbortSignal.timeout(requestMs) },
        ),
      );
      for (const { Key } of page.Contents ?? []) if (Key !== undefined) names.push(Key.slice(this.#prefix.length));
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
    return names.toSorted();
  }

  close(): void {
    this.#client.destroy();
  }

  #key(name: string): string {
    return this.#prefix + name;
  }

  async #ask<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    try {
      return await ask();
    } catch (error) {
      throw this.#asArchiveError(error);
    }
  }

  #asArchiveError(error: unknown): ArchiveError {
    const status = error instanceof S3ServiceException ? ` (HTTP ${error.$metadata.httpStatusCode ?? "?"})` : "";
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return new ArchiveError(`bucket ${this.#bucket}: ${why}${status}`, { cause: error });
  }
}

function clientConfig(access: ArchiveAccess): S3ClientConfig {
  const { endpoint, region, accessKeyId, secretAccessKey } = access;
  return {
    region: region ?? usualRegion,
    // The newer checksums are an extension that many compatible services refuse; every object is read back anyway.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    ...(accessKeyId !== undefined &&
      secretAccessKey !== undefined && { credentials: { accessKeyId, secretAccessKey } }),
  };
}
