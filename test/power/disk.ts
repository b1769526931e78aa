/**
 * A disk whose power can be cut: an ext4 file system in an image, mounted in a mount namespace of its own. What has reached
 * the image is what a disk would still have after a power loss; what the kernel had not written yet is not in it. So the
 * loss is played by stopping the program, copying the image as it is, and mounting the copy, which replays ext4's journal
 * as the next boot would. Needs root and loop devices, because nothing less has a page cache to lose.
 */
import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const imageBytes = 96 * 1024 * 1024;
/** Programs of the operating system. */
const [makeFileSystem, withoutShared] = ["mkfs.ext4", "unshare"] as const;

export interface Disk extends Disposable {
  /** Where the file system is mounted for those who run on it. */
  readonly folder: string;
  /** Starts a program with this disk mounted at `folder`; nobody else sees the mount, and it ends with the program. */
  run(command: readonly string[]): ChildProcess;
  /** The disk as it is when the power goes: whoever runs on it is frozen by the caller. */
  afterPowerLoss(): Disk;
}

/** An empty disk. Throws with a sentence when this machine cannot have one. */
export function makeDisk(): Disk {
  if (process.getuid?.() !== 0) throw new Error("a power loss needs a loop mount: run this test as root");
  // The image lies in memory where it can: the disk that is played need not be as slow as the one underneath.
  const scratch = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "baton-power-"));
  const image = join(scratch, "disk.ext4");
  writeFileSync(image, "");
  truncateSync(image, imageBytes);
  execFileSync(makeFileSystem, ["-q", "-F", image]);
  return diskOf(scratch, image);
}

function diskOf(scratch: string, image: string): Disk {
  const folder = `${image}.mounted`;
  mkdirSync(folder);
  return {
    folder,
    run(command) {
      // What nobody asked to be on the disk stays off it: ext4 would write by itself every five seconds.
      const script = 'mount -o loop,commit=300 "$0" "$1" && shift && exec "$@"';
      const args = ["--mount", "--propagation", "private", "bash", "-c", script, image, folder, ...command];
      return spawn(withoutShared, args, { stdio: ["ignore", "pipe", "pipe"] });
    },
    afterPowerLoss() {
      const copy = `${image}.after`;
      copyFileSync(image, copy);
      return diskOf(scratch, copy);
    },
    [Symbol.dispose]: () => rmSync(scratch, { recursive: true, force: true }),
  };
}

/** Freezes a process, and returns when each of its threads stands still. */
export async function freeze(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  const isFrozen = (): boolean =>
    readdirSync(`/proc/${pid}/task`).every((thread) => {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
      // An uninterruptible sleep is a write under way; it ends by itself, and then the thread stands still.
      return /^[^)]*\) T/u.test(stat.slice(stat.indexOf("(")));
    });
  for (const end = performance.now() + 60_000; !isFrozen(); await delay(1)) {
    if (performance.now() > end) throw new Error(`process ${pid} does not stand still`);
  }
}
