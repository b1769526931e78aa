/**
 * The archive of this node: written while it leads, told when it fails and when it is back. Without `archive.to` there is
 * none, and then nothing waits for one. Operators: `runbooks/site-lost.md`.
 */
import type { ArchiveConfig, Sequence } from "@baton/core";
import { startArchive } from "@baton/journal";
import type { Archive, ArchiveAccess, ArchiveStanding, Journal } from "@baton/journal";
import { readSecret } from "../config/secrets.ts";

const hourMs = 3_600_000;

export interface NodeArchivePorts {
  readonly config: ArchiveConfig;
  readonly journal: Pick<Journal, "file" | "rotten">;
  readonly say: (event: string, sentence: string) => void;
  readonly warn: (event: string, sentence: string) => void;
}

/** How the configured archive is reached. Throws `ConfigError` where a secret's file cannot be read. */
export function archiveAccessOf(config: ArchiveConfig): ArchiveAccess | undefined {
  const { to, endpoint, region, accessKeyFile, secretFile } = config;
  if (to === undefined) return undefined;
  return {
    url: to,
    ...(endpoint !== undefined && { endpoint }),
    ...(region !== undefined && { region }),
    ...(accessKeyFile !== undefined && { accessKeyId: readSecret(accessKeyFile).value }),
    ...(secretFile !== undefined && { secretAccessKey: readSecret(secretFile).value }),
  };
}

export class NodeArchive {
  readonly #o: NodeArchivePorts;
  readonly #access: ArchiveAccess | undefined;
  /** Started with the first leadership: a standby has no thread for it. */
  #archive: Archive | undefined;
  #wasFailing = false;

  constructor(o: NodeArchivePorts) {
    this.#o = o;
    this.#access = archiveAccessOf(o.config);
  }

  /** Undefined without an archive. */
  get verified(): Sequence | undefined {
    if (this.#access === undefined) return undefined;
    return this.#archive?.verified ?? 0;
  }

  get standing(): ArchiveStanding | undefined {
    return this.#archive?.standing;
  }

  /** This node leads an open epoch, or no more. */
  setLeading(isLeading: boolean): void {
    if (this.#access === undefined || (this.#archive === undefined && !isLeading)) return;
    this.#archive ??= this.#start(this.#access);
    this.#archive.setActive(isLeading);
  }

  async close(): Promise<void> {
    await this.#archive?.close();
  }

  #start(access: ArchiveAccess): Archive {
    const { config, journal } = this.#o;
    const { file } = journal;
    const { segmentMs, snapshotHours } = config;
    const archive = startArchive({ file, access, segmentMs, snapshotEveryMs: snapshotHours * hourMs });
    archive.onChanged.on((standing) => this.#tell(standing));
    archive.onCorrupt.on((found) => void journal.rotten(found));
    return archive;
  }

  #tell({ failing, position }: ArchiveStanding): void {
    const isFailing = failing !== undefined;
    if (isFailing === this.#wasFailing) return;
    this.#wasFailing = isFailing;
    if (failing !== undefined) this.#o.warn("archive.failing", `The archive does not get on: ${failing.sentence}.`);
    else this.#o.say("archive.well", `The archive gets on again, verified up to record ${position?.verified ?? 0}.`);
  }
}
