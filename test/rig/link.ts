/** A TCP link of which a test can take hold: cut in one direction or both, healed, aimed elsewhere. */
export { openLink } from "@baton/drills";
