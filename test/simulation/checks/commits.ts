/** What is committed, and what may be sent: durable on everyone it depends on, and on every later leader. I4, I6, I19. */
import type { Epoch, Frame, Member, Sequence } from "@baton/core";
import type { Boot } from "../engine/boot.ts";
import { checkedFrames } from "../engine/journal.ts";
import type { VenueWrite } from "../engine/venue-door.ts";
import type { Disk } from "../world/disk.ts";
import { holds, indexAt } from "./records.ts";
import type { Watch } from "./watch.ts";

interface Leadership {
  readonly epoch: Epoch;
  readonly boot: string;
  readonly hashes: ReadonlySet<string>;
}

export class CommitChecks {
  /** End of frame → the one frame that was ever called committed there, and by the leader of which epoch first. */
  readonly committedAt: Map<Sequence, { readonly frame: Frame; readonly epoch: Epoch }> = new Map();
  readonly #watch: Watch;
  readonly #leaders: Leadership[] = [];

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  leads(boot: Boot, epoch: Epoch): void {
    const frames = boot.journal?.frames ?? [];
    const other = frames.slice(-checkedFrames).find((frame) => !this.#watch.records.isAsSealed(frame));
    if (other !== undefined) {
      const what = `${boot.boot} leads epoch ${epoch} from a journal whose record ${other.last} is not as it was sealed`;
      return this.#watch.broken("I20", what);
    }
    this.#watch.losing.leads(boot, this.committedAt);
    for (const [last, { frame, epoch: by }] of this.committedAt) {
      if (by < epoch && !holds(frames, frame)) {
        return this.#watch.broken("I6", `${boot.boot} leads epoch ${epoch} without record ${last}, committed in ${by}`);
      }
    }
    this.#leaders.push({ epoch, boot: boot.boot, hashes: new Set(frames.map((frame) => frame.hash)) });
  }

  /** A leader sends a record on: as it was sealed, however long ago. */
  sent(boot: Boot, frame: Frame): void {
    if (this.#watch.records.isAsSealed(frame)) return;
    this.#watch.broken("I20", `${boot.boot} sends record ${frame.last} to a follower, which is not as it was sealed`);
  }

  committed(boot: Boot, from: Sequence, upTo: Sequence): void {
    const role = boot.leadership?.leading;
    const journal = boot.journal;
    if (role === undefined || journal === undefined) return;
    for (let index = indexAt(journal.frames, from + 1); index < journal.frames.length; index += 1) {
      const frame = journal.frames[index];
      if (frame === undefined || frame.last > upTo) break;
      if (this.#watch.losing.isPassedBy(frame, role.epoch)) continue;
      const known = this.committedAt.get(frame.last);
      if (known !== undefined && known.frame.hash !== frame.hash) {
        this.#watch.broken(
          "I19",
          `two records are committed at ${frame.last}: in epoch ${known.epoch} and ${role.epoch}`,
        );
      }
      if (known === undefined) {
        this.committedAt.set(frame.last, { frame, epoch: role.epoch });
        this.#watch.losing.committed(frame);
        const events = this.#watch.records.eventsOf(frame.hash);
        this.#watch.orders.committed(events);
        this.#watch.replacing.committed(events);
      }
      this.#isKnownToLaterLeaders(frame, role.epoch, `record ${frame.last} is committed in ${role.epoch}`);
      this.#isDurable(boot, frame, role.epoch, `record ${frame.last} is committed in ${role.epoch}`);
    }
  }

  /** A request to place leaves. */
  wrote(boot: Boot, write: VenueWrite): void {
    const frame = this.#watch.records.frameOf(write.clientOrderId, boot.journal?.frames ?? []);
    const what = `${boot.boot} sends ${write.clientOrderId.slice(0, 16)}… of epoch ${write.epoch}`;
    if (frame === undefined) return this.#watch.broken("I4", `${what}, which its journal does not hold`);
    if (frame.epoch !== write.epoch) this.#watch.broken("I6", `${what}, which is a record of epoch ${frame.epoch}`);
    this.#isKnownToLaterLeaders(frame, write.epoch, what);
    this.#isDurable(boot, frame, write.epoch, what);
  }

  /** A disk lost its tail: nothing of that may have been committed, unless a later epoch did so elsewhere meanwhile. */
  cut(disk: Disk, after: Sequence): void {
    if (disk.content.commit > after) {
      this.#watch.broken("I19", `${disk.place} cuts to ${after}, below its own commit point ${disk.content.commit}`);
    }
  }

  #isKnownToLaterLeaders(frame: Frame, epoch: Epoch, what: string): void {
    for (const leader of this.#leaders) {
      if (leader.epoch > epoch && !leader.hashes.has(frame.hash)) {
        this.#watch.broken("I6", `${what}, and ${leader.boot}, the leader of ${leader.epoch}, lacks it`);
      }
    }
  }

  /** On every member of etcd's set while the epoch is current, and of every set that was asked for on it. */
  #isDurable(boot: Boot, frame: Frame, epoch: Epoch, what: string): void {
    const { world, succession } = this.#watch;
    const { store } = world.etcd;
    if (store.epoch.value !== epoch || succession.isEtcdRestored) return;
    const asked = (succession.outstanding.get(boot.boot) ?? [])
      .filter((one) => one.guard.insyncModRevision === store.insync.modRevision && one.guard.epoch === epoch)
      .flatMap((one) => one.insync.members);
    const members: Member[] = [...store.insync.value.members, ...asked];
    for (const member of members) {
      const { disk } = world.host(member.node);
      // What a replaced disk held is gone with it, and was there when it was acknowledged.
      if (disk.isRolledBack || disk.content.journal !== member.journal || holds(disk.content.frames, frame)) continue;
      this.#watch.broken("I4", `${what}, and ${member.node}, a member of the wait set, does not have it on its disk`);
    }
  }
}
