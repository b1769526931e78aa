/**
 * A disk of its own for one node that fails when it is told to: an ext4 file system in an image on a tmpfs that has hardly
 * more room than the image. When the image's blocks are taken away and the room around it is filled, no block can be written
 * any more, and the next fsync says so, as that of a disk does which has died or of a thin volume which has run out. Needs
 * root, as every mount does.
 */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const imageBytes = 80 * 1024 * 1024;
const roomBytes = imageBytes + 8 * 1024 * 1024;

export class FailingDisk {
  readonly #folder: string;
  readonly #room: string;
  readonly #image: string;
  #isMounted = false;

  /** Mounts an empty disk at `folder`, which exists; `room` is a folder that it makes beside. */
  constructor(folder: string, room: string) {
    this.#folder = folder;
    this.#room = room;
    this.#image = join(room, "image");
    mkdirSync(room);
    run("mount", "-t", "tmpfs", "-o", `size=${roomBytes}`, "tmpfs", room);
    this.#isMounted = true;
    writeFileSync(this.#image, "");
    truncateSync(this.#image, imageBytes);
    run("mkfs.ext4", "-q", "-F", "-m", "0", this.#image);
    run("mount", "-o", "loop", this.#image, folder);
  }

  /** From now on nothing that is written reaches the disk, and what was on it is lost. */
  fail(): void {
    truncateSync(this.#image, 0);
    fill(join(this.#room, "filler"));
  }

  /** Takes the disk away; the folder is what it was before. Idempotent; nobody may use it any more. */
  remove(): void {
    if (!this.#isMounted) return;
    this.#isMounted = false;
    run("umount", this.#folder);
    run("umount", this.#room);
  }
}

/** Writes zeros until nothing fits any more. */
function fill(file: string): void {
  const part = Buffer.alloc(65_536);
  try {
    for (;;) appendFileSync(file, part);
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "ENOSPC") throw error;
  }
}

function run(program: string, ...parameters: readonly string[]): void {
  execFileSync(program, parameters, { stdio: ["ignore", "ignore", "inherit"] });
}
