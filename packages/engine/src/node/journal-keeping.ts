/**
 * The journal over months, in one place for the node: copies, disk, states that differ, retention, archive. Each is
 * decided elsewhere (`core/replication`); here it is started, stopped with leadership, and asked the three questions that
 * the rest of the node has: may new risk be recorded, what must a person know, what do the metrics say.
 */
import type { Config, EngineState, Refusal, StateDigest } from "@baton/core";
import { copyStanding, refused } from "@baton/core";
import type { Journal, Replication } from "@baton/journal";
import { NodeArchive } from "./archive.ts";
import { DiskWatch } from "./disk-watch.ts";
import { Retention } from "./retention.ts";
import { StateWatch } from "./state-digest.ts";

export interface JournalKeepingPorts {
  readonly config: Config;
  readonly journal: Journal;
  readonly replication: Replication;
  /** This node leads an open epoch. */
  readonly isLeading: () => boolean;
  readonly committed: () => EngineState;
  readonly say: (event: string, sentence: string) => void;
  readonly warn: (event: string, sentence: string) => void;
}

/** What `GET /metrics` shows of it. */
export interface KeepingFigures {
  /** 1 while a state is known to differ: this node's, or as leader a standby's. */
  readonly stateDivergence: number;
  readonly diskUsedShare: number;
  /** Records that are committed and not verified in the archive; 0 without one, or where this node does not write it. */
  readonly archiveLagRecords: number;
  readonly isArchiveFailing: boolean;
  readonly prunedRecords: number;
}

export class JournalKeeping {
  readonly #o: JournalKeepingPorts;
  readonly #disk: DiskWatch;
  readonly #retention: Retention;
  readonly #archive: NodeArchive;
  readonly #state: StateWatch;
  #saidOfCopies: string | undefined;

  constructor(o: JournalKeepingPorts) {
    this.#o = o;
    const { config, journal, replication, isLeading, committed, say, warn } = o;
    this.#archive = new NodeArchive({ config: config.archive, journal, say, warn });
    this.#retention = new Retention({
      ...{ journal, replication, isLeading, committed, say },
      retainDays: config.archive.retainDays,
      archived: () => this.#archive.verified,
    });
    this.#disk = new DiskWatch({
      ...{ folder: config.node.dataDir, journal, say, warn },
      reusableBytes: () => this.#retention.reusableBytes,
    });
    this.#state = new StateWatch({ journal, replication, warn });
  }

  async close(): Promise<void> {
    this.#disk.close();
    this.#retention.close();
    this.#state.close();
    await this.#archive.close();
  }

  /** This node leads an open epoch from now on. */
  opened(): void {
    this.#archive.setLeading(true);
  }

  stopLeading(): void {
    this.#archive.setLeading(false);
    this.#state.stopLeading();
    this.#saidOfCopies = undefined;
  }

  /** Why no new risk may be recorded by a leader whose in-sync set has so many members. */
  whyNoRisk(members: number): Refusal | undefined {
    const copies = this.#copies(members);
    if (copies.warning !== this.#saidOfCopies) {
      this.#saidOfCopies = copies.warning;
      if (copies.warning === undefined)
        this.#o.say("copies.enough", `Every record has ${copies.copies} durable copies.`);
      else this.#o.warn("copies.one", `Every record has one durable copy: ${copies.warning}.`);
    }
    if (!copies.mayTakeRisk) return refused("durability");
    return this.#disk.mayTakeRisk ? undefined : refused("disk-full");
  }

  /** The same in sentences. */
  risksBarred(members: number): readonly string[] {
    const copies = this.#copies(members);
    return [
      copies.mayTakeRisk ? undefined : copies.warning,
      this.#disk.mayTakeRisk ? undefined : this.#disk.sentence,
    ].filter((sentence) => sentence !== undefined);
  }

  /** What a person must know of a leader's journal, or a standby's. `members` is undefined for a standby. */
  warnings(members: number | undefined): readonly string[] {
    const copies = members === undefined ? undefined : this.#copies(members).warning;
    const failing = this.#archive.standing?.failing;
    return [
      copies,
      this.#disk.sentence,
      this.#state.differs ?? undefined,
      ...[...this.#state.standbys].map(([node, why]) => `the state of ${node} differs: ${why}`),
      failing === undefined ? undefined : `the archive does not get on: ${failing.sentence}`,
    ].filter((sentence) => sentence !== undefined);
  }

  get diskUsed(): number | null {
    return this.#disk.usedShare;
  }

  get stateDigest(): StateDigest | null {
    return this.#state.newest;
  }

  get stateDiffers(): string | null {
    return this.#state.differs;
  }

  get figures(): KeepingFigures {
    const { journal, isLeading } = this.#o;
    const { verified, standing } = this.#archive;
    const isWriting = verified !== undefined && isLeading();
    return {
      stateDivergence: this.#state.differs !== null || this.#state.standbys.size > 0 ? 1 : 0,
      diskUsedShare: this.#disk.usedShare ?? 0,
      archiveLagRecords: isWriting ? Math.max(0, journal.commitMark.sequence - verified) : 0,
      isArchiveFailing: standing?.failing !== undefined,
      prunedRecords: journal.pruned,
    };
  }

  #copies(members: number): ReturnType<typeof copyStanding> {
    const { config } = this.#o;
    return copyStanding({ durability: config.durability, members, nodes: config.cluster.nodes.length });
  }
}
