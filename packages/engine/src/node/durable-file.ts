/**
 * A small file that must outlive a power loss from the moment it is written: a promise to a leader, the mark of a refused
 * disk. The new content is flushed before it takes the name, and the folder after it: without the second a file system
 * may forget that the name ever changed.
 */
import { renameSync, writeFileSync } from "node:fs";
import { syncFolderOf } from "@baton/journal";

/** The file has this text, and no other, once this returns. Throws what the disk says. */
export function writeDurably(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { flush: true });
  renameSync(`${file}.new`, file);
  syncFolderOf(file);
}
