import { describe, expect, test } from "vitest";
import type { NodeId } from "../ids.ts";
import { id } from "../ids.ts";
import { certificateFaults, holderOf } from "./certificates.ts";
import type { NodeCertificate } from "./certificates.ts";

describe("a client certificate", () => {
  test("stands for its common name, with the role of its unit", () => {
    expect(holderOf({ commonNames: ["Ann Smith"], units: ["operator"] })).toEqual({
      kind: "person",
      principal: { name: "Ann Smith", role: "operator" },
    });
    expect(holderOf({ commonNames: ["a"], units: ["node"] })).toEqual({ kind: "node", node: "a" });
  });

  test.each([
    [[], ["trader"], /0 common names/],
    [["ann", "bob"], ["trader"], /2 common names/],
    [["ann"], [], /ann gives no role/],
    [["ann"], ["Trader"], /the role Trader, which is none/],
    [["ann"], ["viewer", "operator"], /viewer and operator: one role each/],
  ])("with CN %j and OU %j stands for nobody, and a sentence says why", (commonNames, units, sentence) => {
    expect(holderOf({ commonNames, units })).toEqual({ kind: "nobody", sentence: expect.stringMatching(sentence) });
  });
});

describe("a node's own certificate", () => {
  const good: NodeCertificate = {
    ...{ subject: { commonNames: ["a"], units: ["node"] }, names: "IP Address:10.0.0.1", coversHost: true },
    ...{ notBeforeWallMs: 1_000, notAfterWallMs: 2_000, isOfAuthority: true, hasKey: true },
    ...{ mayServe: true, mayDial: true },
  };
  const wanted = { node: id<NodeId>("a"), host: "10.0.0.1", nowWallMs: 1_500 };

  test("that others accept has no fault", () => {
    expect(certificateFaults(good, wanted)).toEqual([]);
  });

  test.each<[string, Partial<NodeCertificate>, RegExp, "certFile" | "keyFile"]>([
    ["of another node", { subject: { commonNames: ["b"], units: ["node"] } }, /not this node's \(CN b/, "certFile"],
    ["of a person", { subject: { commonNames: ["a"], units: ["operator"] } }, /OU operator/, "certFile"],
    ["that has expired", { notAfterWallMs: 1_500 }, /expired/, "certFile"],
    ["of tomorrow", { notBeforeWallMs: 1_501 }, /not valid yet/, "certFile"],
    ["for another host", { coversHost: false }, /others dial 10\.0\.0\.1/, "certFile"],
    ["of another authority", { isOfAuthority: false }, /not signed by/, "certFile"],
    ["for servers only", { mayDial: false }, /both ends/, "certFile"],
    ["for clients only", { mayServe: false }, /both ends/, "certFile"],
    ["without its key", { hasKey: false }, /not the key/, "keyFile"],
  ])("%s is told by key and sentence", (_what, change, sentence, at) => {
    expect(certificateFaults({ ...good, ...change }, wanted)).toEqual([
      { at, sentence: expect.stringMatching(sentence), allowed: expect.stringMatching(/./) },
    ]);
  });
});
