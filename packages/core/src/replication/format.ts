/**
 * Which versions of the journal's format work together. A node speaks the format of its file, not of its build: a newer
 * build opens an older file and goes on speaking the older format, until it leads or follows a leader of the newer one; only
 * then is the file raised, and never lowered. So a cluster is upgraded node by node. A node of the previous format follows
 * a leader of the next, which knows both; the reverse is refused, because the older leader cannot know what the newer
 * records mean. Decided here and nowhere else.
 */

/** Why a node with a file of one format may not follow a leader of another; undefined when it may. */
export function whyFormatRefused(
  leader: { readonly schema: number },
  follower: { readonly schema: number; readonly node: string },
): string | undefined {
  const { node, schema } = follower;
  if (schema === leader.schema || schema === leader.schema - 1) return undefined;
  return schema > leader.schema
    ? `${node} has a journal of format ${schema}, this node leads with ${leader.schema}: a newer journal never follows an older leader`
    : `${node} has a journal of format ${schema}, this node leads with ${leader.schema}: only the previous format can follow`;
}

/** Why two nodes cannot even talk: more than one version lies between them. */
export function whyFormatsApart(
  here: { readonly schema: number },
  there: { readonly schema: number; readonly node: string },
): string | undefined {
  if (Math.abs(here.schema - there.schema) <= 1) return undefined;
  return `${there.node} speaks format ${there.schema}, this node ${here.schema}: more than one version apart`;
}

/** Why a build cannot open a file; undefined when it can. */
export function whyFileRefused(o: {
  readonly file: string;
  readonly has: number;
  readonly build: number;
}): string | undefined {
  const { file, has, build } = o;
  if (has > build) {
    return `${file} has format ${has}, this build writes ${build}: a newer build raised it, so run that one, or move the file away and catch up`;
  }
  if (has < build - 1) {
    return `${file} has format ${has}, this build writes ${build}: run the version between the two on it first`;
  }
  return undefined;
}

/** The format to raise a file to on hearing of a leader (itself or another) of `leads`; undefined when it stays. */
export function raisesTo(o: {
  readonly has: number;
  readonly build: number;
  readonly leads: number;
}): number | undefined {
  const to = Math.min(o.leads, o.build);
  return to > o.has ? to : undefined;
}
