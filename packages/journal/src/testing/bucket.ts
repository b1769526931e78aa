/** A real S3-compatible server for tests, on a free port, with one bucket in a folder. */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
// @ts-expect-error -- the package has no types; what is used of it is named below
import S3rver from "s3rver";
import type { ArchiveAccess } from "../archive/object-store.ts";

interface Server {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
}
const Bucket = S3rver as unknown as new (options: object) => Server;

export interface RunningBucket extends AsyncDisposable {
  readonly access: ArchiveAccess;
  readonly folder: string;
}

/** Starts it; `port` for one that comes back where it was. */
export async function startBucket(folder: string, port = 0): Promise<RunningBucket> {
  mkdirSync(folder, { recursive: true });
  const configureBuckets = [{ name: "archive" }];
  const server = new Bucket({ port, address: "127.0.0.1", silent: true, directory: folder, configureBuckets });
  const address = await server.run();
  return {
    access: {
      url: "s3://archive/desk",
      endpoint: `http://127.0.0.1:${address.port}`,
      accessKeyId: "S3RVER",
      secretAccessKey: "S3RVER",
    },
    folder,
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/**
 * A free port for one that comes back where it was, below those from which the system takes the near ends of outgoing
 * connections: there any connection of a neighbour could take it while the bucket is away.
 */
export async function lowPort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    const server = createServer().listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    await once(server.close(), "close");
    return port;
  }
}
