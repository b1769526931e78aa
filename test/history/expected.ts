/** What a recorded journal must come to, whoever replays it. */
export interface Expected {
  /** That wrote it. */
  readonly version: string;
  readonly format: number;
  readonly records: number;
  readonly lastHash: string;
  /** Digest of the rows after record `at`. */
  readonly at: number;
  readonly digest: string;
}
