/**
 * Every key of a configuration file with what the schema says of it: the configuration reference. A list's entries are
 * `key[]`, a map's values `key.<name>`.
 */
import { z } from "zod";
import { configFileSchema } from "./schema.ts";

export interface ConfigKey {
  readonly key: string;
  /** Meaning, what is allowed, the default; empty for a group that only its keys describe. */
  readonly says: string;
  readonly isRequired: boolean;
}

interface SchemaNode {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
  readonly additionalProperties?: SchemaNode | boolean;
}

/** In the order of the schema, groups before their keys. */
export function configKeys(): readonly ConfigKey[] {
  const schema = z.toJSONSchema(configFileSchema, { io: "input", unrepresentable: "any" }) as SchemaNode;
  return [...keysOf(schema, "")];
}

function* keysOf(node: SchemaNode, prefix: string): Generator<ConfigKey> {
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const key = prefix === "" ? name : `${prefix}.${name}`;
    yield { key, says: child.description ?? "", isRequired: node.required?.includes(name) ?? false };
    yield* keysOf(child, key);
    if (child.items !== undefined) yield* keysOf(child.items, `${key}[]`);
    if (typeof child.additionalProperties === "object") yield* keysOf(child.additionalProperties, `${key}.<name>`);
  }
}
